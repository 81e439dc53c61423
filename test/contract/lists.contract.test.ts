// One battery for every form of a list, and for lists that change it on the way: what OBJECT
// ENCODING says must show nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { array, bulk } from "./replies.ts";

interface Form {
  readonly title: string;
  readonly encoding: "listpack" | "quicklist";
  readonly config: string;
  /** Sent before the list is made, and after it. */
  readonly before?: readonly string[];
  readonly after?: readonly (readonly string[])[];
}

const FORMS: readonly Form[] = [
  { title: "in its record", encoding: "listpack", config: "" },
  { title: "one element per node", encoding: "quicklist", config: "list-max-listpack-size 1" },
  { title: "three per node", encoding: "quicklist", config: "list-max-listpack-size 3" },
  { title: "at the limit", encoding: "listpack", config: "list-max-listpack-size 12" },
  { title: "beyond the limit", encoding: "quicklist", config: "list-max-listpack-size 11" },
  {
    title: "in plain nodes",
    encoding: "quicklist",
    config: "list-max-listpack-size 2",
    before: ["debug", "quicklist-packed-threshold", "3"],
  },
  {
    title: "come down to half a node",
    encoding: "listpack",
    config: "",
    after: [
      ["rpush", "key", "x".repeat(9000)],
      ["rpop", "key"],
    ],
  },
];

const ELEMENTS = ["a", "1", "-300", "bb", "a", "", "70000", "a", "long element", "1", "b", "a"];

for (const form of FORMS) {
  const setUp = () => {
    const fixture = new ServerFixture(`enable-debug-command yes\n${form.config}`);
    const { ask } = fixture.connect();
    if (form.before) ask(...form.before);
    ask("rpush", "key", ...ELEMENTS);
    for (const command of form.after ?? []) ask(...command);
    const all = () => ask("lrange", "key", "0", "-1");
    return { fixture, ask, all };
  };

  describe(`a list ${form.title}`, () => {
    test("has that encoding and these elements", () => {
      const { fixture, ask, all } = setUp();
      expect(ask("object", "encoding", "key")).toBe(bulk(form.encoding));
      expect(all()).toBe(array(...ELEMENTS));
      expect(ask("llen", "key")).toBe(":12\r\n");
      fixture.verify();
    });

    test("is read by index and in ranges", () => {
      const { ask } = setUp();
      for (let index = -13; index <= 13; index++) {
        const text = ELEMENTS.at(index);
        const isThere = text !== undefined;
        expect(ask("lindex", "key", String(index))).toBe(isThere ? bulk(text) : "$-1\r\n");
        for (const stop of [-20, -3, 0, 4, 11, 20]) {
          const from = Math.max(0, index < 0 ? index + 12 : index);
          const to = stop < 0 ? stop + 12 : stop;
          const range = ELEMENTS.slice(from, Math.max(0, to + 1));
          expect(ask("lrange", "key", String(index), String(stop))).toBe(array(...range));
        }
      }
    });

    test("is searched from either end", () => {
      const { ask } = setUp();
      expect(ask("lpos", "key", "a")).toBe(":0\r\n");
      expect(ask("lpos", "key", "1", "rank", "2")).toBe(":9\r\n");
      expect(ask("lpos", "key", "a", "rank", "-2", "count", "2")).toBe("*2\r\n:7\r\n:4\r\n");
      expect(ask("lpos", "key", "a", "count", "0", "maxlen", "5")).toBe("*2\r\n:0\r\n:4\r\n");
      expect(ask("lpos", "key", "01")).toBe("$-1\r\n");
    });

    test("is pushed to and popped from, to the last element", () => {
      const { fixture, ask, all } = setUp();
      expect(ask("lpush", "key", "x", "y")).toBe(":14\r\n");
      expect(ask("rpush", "key", "2", "z")).toBe(":16\r\n");
      expect(all()).toBe(array("y", "x", ...ELEMENTS, "2", "z"));
      expect(ask("lpop", "key")).toBe(bulk("y"));
      expect(ask("rpop", "key", "2")).toBe(array("z", "2"));
      expect(ask("lmpop", "1", "key", "left", "count", "4")).toBe(
        `*2\r\n${bulk("key")}${array("x", "a", "1", "-300")}`,
      );
      fixture.verify();
      expect(ask("rpop", "key", "100")).toBe(array(...ELEMENTS.slice(3).reverse()));
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
      expect(fixture.keyspace.dataBytes).toBe(0);
    });

    test("is changed at every index", () => {
      for (const text of ["n", "12345", "a much longer text than those that were there"]) {
        const { fixture, ask, all } = setUp();
        for (let index = 0; index < 12; index++) ask("lset", "key", String(index - 12), text);
        expect(all()).toBe(array(...new Array<string>(12).fill(text)));
        fixture.verify();
      }
    });

    test("takes elements beside every pivot", () => {
      for (const where of ["before", "after"]) {
        const { fixture, ask, all } = setUp();
        const expected = [...ELEMENTS];
        for (const pivot of new Set(ELEMENTS)) {
          const index = expected.indexOf(pivot) + (where === "after" ? 1 : 0);
          expected.splice(index, 0, `${where} ${pivot}`);
          ask("linsert", "key", where, pivot, `${where} ${pivot}`);
        }
        expect(all()).toBe(array(...expected));
        fixture.verify();
      }
    });

    test("loses elements from either end", () => {
      for (const [count, left] of [
        ["2", ["1", "-300", "bb", "", "70000", "a", "long element", "1", "b", "a"]],
        ["-2", ["a", "1", "-300", "bb", "a", "", "70000", "long element", "1", "b"]],
        ["0", ["1", "-300", "bb", "", "70000", "long element", "1", "b"]],
      ] as const) {
        const { fixture, ask, all } = setUp();
        expect(ask("lrem", "key", count, "a")).toBe(count === "0" ? ":4\r\n" : ":2\r\n");
        expect(all()).toBe(array(...left));
        fixture.verify();
      }
    });

    test("is trimmed to what is left between two indexes", () => {
      for (const [start, stop] of [
        [0, 11],
        [0, 5],
        [3, 11],
        [5, 6],
        [11, 11],
      ]) {
        const { fixture, ask, all } = setUp();
        expect(ask("ltrim", "key", String(start), String(stop))).toBe("+OK\r\n");
        expect(all()).toBe(array(...ELEMENTS.slice(start, stop + 1)));
        fixture.verify();
      }
    });

    test("passes elements on, to itself and to others", () => {
      const { fixture, ask, all } = setUp();
      const expected = [...ELEMENTS];
      for (let round = 0; round < 30; round++) {
        expect(ask("lmove", "key", "key", "left", "right")).toBe(bulk(expected[0]));
        expected.push(expected.shift()!);
      }
      expect(all()).toBe(array(...expected));
      const moved: string[] = [];
      while (expected.length > 0) {
        moved.unshift(expected.at(-1)!);
        expect(ask("rpoplpush", "key", "other")).toBe(bulk(expected.pop()!));
        fixture.verify();
      }
      expect(ask("lrange", "other", "0", "-1")).toBe(array(...moved));
      expect(ask("exists", "key")).toBe(":0\r\n");
      expect(ask("rpoplpush", "key", "other")).toBe("$-1\r\n");
    });

    test("is copied and renamed as it is", () => {
      const { fixture, ask } = setUp();
      const digest = ask("debug", "digest-value", "key");
      ask("copy", "key", "copy");
      ask("rename", "key", "renamed");
      ask("lpop", "copy");
      expect(ask("debug", "digest-value", "renamed")).toBe(digest);
      expect(ask("lrange", "copy", "0", "-1")).toBe(array(...ELEMENTS.slice(1)));
      ask("del", "copy", "renamed");
      fixture.verify();
      expect(fixture.keyspace.dataBytes).toBe(0);
    });
  });
}
