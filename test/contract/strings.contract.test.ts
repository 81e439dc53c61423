// One battery for every encoding of a string: what OBJECT ENCODING says must show nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { bulk } from "./replies.ts";

interface Origin {
  readonly title: string;
  readonly encoding: "int" | "embstr" | "raw";
  readonly content: string;
  /** Commands that leave `content` under `key`. */
  readonly commands: readonly (readonly string[])[];
}

const LONG = "abcdefghij".repeat(10_000);

const origins: readonly Origin[] = [
  set("int", "0"),
  set("int", "12345"),
  set("int", "-9223372036854775808"),
  set("embstr", ""),
  set("embstr", "hello world"),
  set("embstr", "12345 "),
  set("embstr", "9223372036854775808"),
  set("embstr", "\0\r\n\xff binary"),
  set("embstr", "x".repeat(44)),
  set("raw", "x".repeat(45)),
  set("raw", LONG),
  {
    title: "12345 put together by APPEND",
    encoding: "raw",
    content: "12345",
    commands: [
      ["set", "key", "123"],
      ["append", "key", "45"],
    ],
  },
  {
    title: "12345 written by SETRANGE",
    encoding: "raw",
    content: "12345",
    commands: [
      ["set", "key", "00000"],
      ["setrange", "key", "0", "12345"],
    ],
  },
  {
    title: "a long value grown by SETRANGE",
    encoding: "raw",
    content: `ab${"\0".repeat(70_000)}z`,
    commands: [
      ["set", "key", "ab"],
      ["setrange", "key", "70002", "z"],
    ],
  },
  {
    title: "12345 counted up by INCR",
    encoding: "int",
    content: "12345",
    commands: [
      ["set", "key", "12344"],
      ["incr", "key"],
    ],
  },
];

function set(encoding: Origin["encoding"], content: string): Origin {
  const shown = content.length > 50 ? `${content.length} bytes` : JSON.stringify(content);
  return { title: `${shown} by SET`, encoding, content, commands: [["set", "key", content]] };
}

/** GETRANGE as one would write it with strings. */
function range(text: string, start: number, end: number): string {
  const from = start < 0 ? Math.max(0, text.length + start) : start;
  const to = end < 0 ? text.length + end : end;
  return text.slice(from, Math.max(from, to + 1));
}

for (const origin of origins) {
  const { content } = origin;
  const length = content.length;
  const isInteger = /^-?\d{1,18}$/.test(content);

  /** A server whose `key` is the string; `ask` sends one command and returns the reply's bytes. */
  const setUp = () => {
    const fixture = new ServerFixture("enable-debug-command yes");
    const { ask } = fixture.connect();
    for (const command of origin.commands) ask(...command);
    return { fixture, ask };
  };

  describe(`a string of encoding ${origin.encoding}: ${origin.title}`, () => {
    test("has that encoding and this content", () => {
      const { fixture, ask } = setUp();
      expect(ask("object", "encoding", "key")).toBe(bulk(origin.encoding));
      expect(ask("get", "key")).toBe(bulk(content));
      expect(ask("strlen", "key")).toBe(`:${length}\r\n`);
      expect(ask("type", "key")).toBe("+string\r\n");
      expect(ask("mget", "key", "none", "key")).toBe(
        `*3\r\n${bulk(content)}$-1\r\n${bulk(content)}`,
      );
      fixture.verify();
    });

    test("is read in ranges", () => {
      const { ask } = setUp();
      for (const [start, end] of [
        [0, -1],
        [0, 0],
        [1, 2],
        [-3, -1],
        [-100, 2],
        [3, 1],
        [2, 1_000_000],
        [1_000_000, 2_000_000],
      ]) {
        const expected = bulk(range(content, start, end));
        expect(ask("getrange", "key", String(start), String(end))).toBe(expected);
        expect(ask("substr", "key", String(start), String(end))).toBe(expected);
      }
    });

    test("is appended to", () => {
      const { fixture, ask } = setUp();
      expect(ask("append", "key", "-tail")).toBe(`:${length + 5}\r\n`);
      expect(ask("append", "key", "")).toBe(`:${length + 5}\r\n`);
      expect(ask("get", "key")).toBe(bulk(`${content}-tail`));
      expect(ask("object", "encoding", "key")).toBe(bulk("raw"));
      fixture.verify();
    });

    test("is overwritten in place and beyond its end", () => {
      const { fixture, ask } = setUp();
      ask("setrange", "key", "1", "XY");
      const written = `${content.padEnd(1, "\0").slice(0, 1)}XY${content.slice(3)}`;
      expect(ask("get", "key")).toBe(bulk(written));
      const beyond = written.length + 3;
      expect(ask("setrange", "key", String(beyond), "Z")).toBe(`:${beyond + 1}\r\n`);
      expect(ask("get", "key")).toBe(bulk(`${written}\0\0\0Z`));
      fixture.verify();
    });

    test("counts if it reads as an integer", () => {
      const { fixture, ask } = setUp();
      const refused = "-ERR value is not an integer or out of range\r\n";
      const next = isInteger ? `:${Number(content) + 7}\r\n` : refused;
      if (content !== "-9223372036854775808") {
        expect(ask("incrby", "key", "7")).toBe(next);
        expect(ask("get", "key")).toBe(bulk(isInteger ? String(Number(content) + 7) : content));
      } else {
        expect(ask("decr", "key")).toBe("-ERR increment or decrement would overflow\r\n");
        expect(ask("incr", "key")).toBe(":-9223372036854775807\r\n");
      }
      fixture.verify();
    });

    test("is replaced, giving its old value", () => {
      for (const command of [
        ["getset", "key", "new"],
        ["set", "key", "new", "get"],
      ]) {
        const { fixture, ask } = setUp();
        expect(ask(...command)).toBe(bulk(content));
        expect(ask("get", "key")).toBe(bulk("new"));
        fixture.verify();
      }
    });

    test("is compared by content", () => {
      const { fixture, ask } = setUp();
      expect(ask("set", "key", "new", "ifeq", `${content}.`)).toBe("$-1\r\n");
      expect(ask("set", "key", "new", "ifeq", content)).toBe("+OK\r\n");
      expect(ask("delifeq", "key", content)).toBe(":0\r\n");
      expect(ask("delifeq", "key", "new")).toBe(":1\r\n");
      fixture.verify();
    });

    test("is copied, renamed and moved as it is", () => {
      const { fixture, ask } = setUp();
      ask("pexpire", "key", "5000");
      expect(ask("copy", "key", "copy")).toBe(":1\r\n");
      expect(ask("rename", "key", "renamed")).toBe("+OK\r\n");
      expect(ask("move", "renamed", "3")).toBe(":1\r\n");
      const digest = ask("debug", "digest-value", "copy");
      expect(ask("get", "copy")).toBe(bulk(content));
      expect(ask("pttl", "copy")).toBe(":5000\r\n");
      ask("select", "3");
      expect(ask("get", "renamed")).toBe(bulk(content));
      expect(ask("pttl", "renamed")).toBe(":5000\r\n");
      expect(ask("debug", "digest-value", "renamed")).toBe(digest);
      fixture.verify();
    });

    test("keeps its content while its time to live comes and goes", () => {
      const { fixture, ask } = setUp();
      for (const command of [
        ["expire", "key", "100"],
        ["getex", "key", "px", "5000"],
        ["persist", "key"],
        ["getex", "key", "ex", "100"],
        ["getex", "key", "persist"],
        ["touch", "key"],
      ]) {
        ask(...command);
        expect(ask("get", "key")).toBe(bulk(content));
        expect(ask("object", "encoding", "key")).toBe(bulk(origin.encoding));
        fixture.verify();
      }
      expect(ask("ttl", "key")).toBe(":-1\r\n");
    });

    test("is deleted, giving its value", () => {
      const { fixture, ask } = setUp();
      expect(ask("getdel", "key")).toBe(bulk(content));
      expect(ask("exists", "key")).toBe(":0\r\n");
      expect(fixture.keyspace.dataBytes).toBe(0);
      fixture.verify();
    });

    test("has all of itself in common with a copy of itself", () => {
      if (length > 1000) return;
      const { ask } = setUp();
      ask("copy", "key", "other");
      expect(ask("lcs", "key", "other")).toBe(bulk(content));
      expect(ask("lcs", "key", "other", "len")).toBe(`:${length}\r\n`);
    });
  });
}
