// One battery for every encoding of a set, and for sets that came to theirs in different ways: what
// is in a set shows, how it is kept shows in OBJECT ENCODING and nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { bulk, listed } from "./replies.ts";

interface Origin {
  readonly title: string;
  readonly encoding: "intset" | "listpack" | "hashtable";
  readonly members: readonly string[];
  /** Commands that make `key`; SADD of the members unless given. */
  readonly commands?: readonly (readonly string[])[];
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, k) => String(k * 3 - 20));
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, k) => `member:${k}`);
}

const origins: readonly Origin[] = [
  { title: "few small integers", encoding: "intset", members: numbers(12) },
  {
    title: "integers of every width",
    encoding: "intset",
    members: ["1", "-40000", "3000000000", "9223372036854775807", "-9223372036854775808"],
  },
  { title: "as many integers as an intset holds", encoding: "intset", members: numbers(512) },
  { title: "few texts", encoding: "listpack", members: ["a", "", "\r\n", "x".repeat(64), "01"] },
  {
    title: "integers and a text",
    encoding: "listpack",
    members: [...numbers(20), "text", "9223372036854775807"],
  },
  { title: "as many texts as a listpack holds", encoding: "listpack", members: texts(128) },
  {
    title: "a text too long for a listpack",
    encoding: "hashtable",
    members: ["y".repeat(65), "1"],
  },
  { title: "one integer too many", encoding: "hashtable", members: numbers(513) },
  { title: "one text too many", encoding: "hashtable", members: texts(129) },
  { title: "very many members", encoding: "hashtable", members: [...texts(3000), ...numbers(500)] },
  {
    title: "few members of what was many",
    encoding: "hashtable",
    members: ["member:1", "2"],
    commands: [
      ["sadd", "key", ...texts(500), "2"],
      ["srem", "key", ...texts(500).filter((text) => text !== "member:1")],
    ],
  },
  {
    title: "a stored union",
    encoding: "listpack",
    members: [...texts(10), ...numbers(5)],
    commands: [
      ["sadd", "left", ...texts(10)],
      ["sadd", "right", ...numbers(5)],
      ["sunionstore", "key", "left", "right"],
      ["del", "left", "right"],
    ],
  },
  {
    title: "what SMOVE has left and brought",
    encoding: "intset",
    members: ["1", "2", "5"],
    commands: [
      ["sadd", "key", "1", "2", "3"],
      ["sadd", "other", "5"],
      ["smove", "key", "gone", "3"],
      ["smove", "other", "key", "5"],
      ["del", "gone"],
    ],
  },
];

const ABSENT = ["absent", "77777", "-1.5", "x".repeat(70), "9223372036854775806"];

for (const origin of origins) {
  const { members } = origin;
  const sorted = [...members].sort();
  const size = members.length;

  const setUp = () => {
    const fixture = new ServerFixture("enable-debug-command yes");
    const { ask } = fixture.connect();
    for (const command of origin.commands ?? [["sadd", "key", ...members]]) ask(...command);
    const content = (key: string) => listed(ask("smembers", key)).sort();
    return { fixture, ask, content };
  };

  describe(`a set of encoding ${origin.encoding}: ${origin.title}`, () => {
    test("has that encoding and these members", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("object", "encoding", "key")).toBe(bulk(origin.encoding));
      expect(content("key")).toEqual(sorted);
      expect(ask("scard", "key")).toBe(`:${size}\r\n`);
      expect(ask("type", "key")).toBe("+set\r\n");
      const asked = [...members.slice(0, 50), ...ABSENT];
      const flags = asked.map((member) => (members.includes(member) ? ":1\r\n" : ":0\r\n"));
      expect(ask("smismember", "key", ...asked)).toBe(`*${asked.length}\r\n${flags.join("")}`);
      for (const [k, member] of asked.entries()) {
        expect(ask("sismember", "key", member)).toBe(flags[k]);
      }
      fixture.verify();
    });

    test("takes each member once", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("sadd", "key", ...members)).toBe(":0\r\n");
      expect(ask("sadd", "key", ...ABSENT, ...ABSENT)).toBe(`:${ABSENT.length}\r\n`);
      expect(content("key")).toEqual([...members, ...ABSENT].sort());
      fixture.verify();
    });

    test("loses members, and with the last one the key", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("srem", "key", ...ABSENT)).toBe(":0\r\n");
      const half = members.filter((_, k) => k % 2 === 0);
      expect(ask("srem", "key", ...half, ...half)).toBe(`:${half.length}\r\n`);
      expect(content("key")).toEqual(members.filter((_, k) => k % 2 === 1).sort());
      fixture.verify();
      ask("srem", "key", ...members);
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("shows and loses random members", () => {
      const { fixture, ask, content } = setUp();
      expect(members).toContain(listed(`*1\r\n${ask("srandmember", "key")}`)[0]);
      const few = Math.ceil(size / 3);
      const shown = listed(ask("srandmember", "key", String(few)));
      expect(new Set(shown).size).toBe(few);
      expect(shown.every((member) => members.includes(member))).toBe(true);
      expect(listed(ask("srandmember", "key", String(-2 * size))).length).toBe(2 * size);
      expect(listed(ask("srandmember", "key", String(size))).sort()).toEqual(sorted);
      const [taken] = listed(`*1\r\n${ask("spop", "key")}`);
      const more = listed(ask("spop", "key", String(few - 1)));
      const gone = new Set([taken, ...more]);
      expect(gone.size).toBe(few);
      expect(content("key")).toEqual(sorted.filter((member) => !gone.has(member)));
      fixture.verify();
      expect(listed(ask("spop", "key", String(size))).length).toBe(size - few);
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("is combined with sets of every encoding", () => {
      const { fixture, ask, content } = setUp();
      for (const other of origins) {
        ask("del", "other");
        ask("sadd", "other", ...other.members, "absent");
        const both = members.filter((member) => other.members.includes(member)).sort();
        const either = [...new Set([...members, ...other.members, "absent"])].sort();
        const left = members.filter((member) => !other.members.includes(member)).sort();
        expect(listed(ask("sinter", "key", "other")).sort()).toEqual(both);
        expect(listed(ask("sunion", "key", "other")).sort()).toEqual(either);
        expect(listed(ask("sdiff", "key", "other")).sort()).toEqual(left);
        expect(ask("sintercard", "2", "key", "other")).toBe(`:${both.length}\r\n`);
        for (const [name, expected] of [
          ["sinterstore", both],
          ["sunionstore", either],
          ["sdiffstore", left],
        ] as const) {
          expect(ask(name, "stored", "key", "other")).toBe(`:${expected.length}\r\n`);
          expect(content("stored")).toEqual(expected);
        }
      }
      expect(content("key")).toEqual(sorted);
      fixture.verify();
    });

    test("is scanned whole, and by pattern", () => {
      const { ask } = setUp();
      const seen = new Set<string>();
      const matched = new Set<string>();
      for (const [found, pattern] of [
        [seen, "*"],
        [matched, "*1*"],
      ] as const) {
        let cursor = "0";
        do {
          const reply = ask("sscan", "key", cursor, "count", "50", "match", pattern);
          const [, , next] = reply.split("\r\n", 3);
          cursor = next;
          for (const member of listed(reply.slice(reply.indexOf("*", 1)))) found.add(member);
        } while (cursor !== "0");
      }
      expect([...seen].sort()).toEqual(sorted);
      expect([...matched].sort()).toEqual(sorted.filter((member) => member.includes("1")));
    });

    test("is copied, renamed and moved as it is", () => {
      const { fixture, ask, content } = setUp();
      ask("pexpire", "key", "5000");
      expect(ask("copy", "key", "copy")).toBe(":1\r\n");
      ask("sadd", "copy", "only here");
      expect(content("key")).toEqual(sorted);
      ask("srem", "copy", "only here");
      const digest = ask("debug", "digest-value", "key");
      expect(ask("debug", "digest-value", "copy")).toBe(digest);
      expect(ask("rename", "key", "renamed")).toBe("+OK\r\n");
      expect(ask("move", "renamed", "3")).toBe(":1\r\n");
      ask("select", "3");
      expect(content("renamed")).toEqual(sorted);
      expect(ask("object", "encoding", "renamed")).toBe(bulk(origin.encoding));
      expect(ask("pttl", "renamed")).toBe(":5000\r\n");
      fixture.verify();
    });
  });
}
