// One battery for every shape of a stream: how entries are spread over blocks, and what was deleted
// between them, must show nowhere but in XINFO and in how far an approximate trim goes.

import { describe, expect, test } from "bun:test";
import { requestOf, ServerFixture } from "../unit/server/server-fixture.ts";
import { bulk } from "./replies.ts";

interface Shape {
  readonly title: string;
  readonly directives: readonly string[];
  /** Every third entry is followed by one that is deleted. */
  readonly withGaps: boolean;
}

const SHAPES: readonly Shape[] = [
  { title: "blocks of the usual size", directives: [], withGaps: false },
  { title: "one block", directives: ["entries 0", "bytes 0"], withGaps: false },
  { title: "an entry per block", directives: ["entries 1"], withGaps: false },
  { title: "three entries per block", directives: ["entries 3"], withGaps: false },
  { title: "blocks of 60 bytes", directives: ["bytes 60"], withGaps: false },
  { title: "gaps in one block", directives: ["entries 0", "bytes 0"], withGaps: true },
  { title: "gaps in blocks of four", directives: ["entries 4"], withGaps: true },
];

interface Added {
  readonly id: string;
  readonly words: readonly string[];
}

const COUNT = 60;

/** Entries with the same fields as the first one, with others, with integers and long texts. */
const ENTRIES: readonly Added[] = Array.from({ length: COUNT }, (_, k) => {
  const id = `${k + 1}-${k % 3 === 2 ? "18446744073709551615" : k % 7}`;
  const words = ["a", String(k * 1000), "b", k % 10 === 9 ? "x".repeat(200) : `v${k}`];
  return { id, words: k % 4 === 3 ? ["c", "-1", ...words] : words };
});

function arrayOf(items: readonly string[]): string {
  return `*${items.length}\r\n${items.join("")}`;
}

function shown(entries: readonly Added[]): string {
  return arrayOf(
    entries.map(({ id, words }) => arrayOf([bulk(id), arrayOf(words.map((word) => bulk(word)))])),
  );
}

for (const { title, directives, withGaps } of SHAPES) {
  const setUp = () => {
    const fixture = new ServerFixture(
      directives.map((directive) => `stream-node-max-${directive}`).join("\n"),
    );
    fixture.recordEffects();
    const { ask } = fixture.connect();
    ENTRIES.forEach(({ id, words }, k) => {
      expect(ask("xadd", "s", id, ...words)).toBe(bulk(id));
      if (!withGaps || k % 3 !== 0) return;
      const gap = `${k + 1}-${(k % 7) + 1}`;
      ask("xadd", "s", gap, "gap", "x");
      expect(ask("xdel", "s", gap)).toBe(":1\r\n");
    });
    return { fixture, ask };
  };

  describe(`a stream in ${title}`, () => {
    test("is read in both directions, from and to anywhere", () => {
      const { fixture, ask } = setUp();
      expect(ask("xlen", "s")).toBe(`:${ENTRIES.length}\r\n`);
      for (const [from, to] of [
        [0, ENTRIES.length - 1],
        [7, 7],
        [3, 30],
        [20, ENTRIES.length - 2],
      ]) {
        const part = ENTRIES.slice(from, to + 1);
        const [first, last] = [ENTRIES[from].id, ENTRIES[to].id];
        expect(ask("xrange", "s", first, last)).toBe(shown(part));
        expect(ask("xrevrange", "s", last, first)).toBe(shown([...part].reverse()));
        expect(ask("xrange", "s", first, last, "count", "2")).toBe(shown(part.slice(0, 2)));
        expect(ask("xrange", "s", `(${first}`, last)).toBe(shown(part.slice(1)));
        const next = ENTRIES.slice(from + 1, from + 4);
        const command = ["xread", "count", "3", "streams", "s", first];
        expect(ask(...command)).toBe(arrayOf([arrayOf([bulk("s"), shown(next)])]));
      }
      fixture.verify();
    });

    test("loses single entries, and all before a bound", () => {
      const { fixture, ask } = setUp();
      const left = ENTRIES.filter((_, k) => k % 5 !== 2);
      const gone = ENTRIES.filter((_, k) => k % 5 === 2).map(({ id }) => id);
      expect(ask("xdel", "s", ...gone, ...gone)).toBe(`:${gone.length}\r\n`);
      expect(ask("xrange", "s", "-", "+")).toBe(shown(left));
      expect(ask("xtrim", "s", "minid", left[5].id)).toBe(":5\r\n");
      expect(ask("xtrim", "s", "maxlen", "10")).toBe(`:${left.length - 15}\r\n`);
      expect(ask("xrevrange", "s", "+", "-")).toBe(shown(left.slice(-10).reverse()));
      fixture.verify();
    });

    test("is delivered once to a group, however the reads are cut", () => {
      const { fixture, ask } = setUp();
      ask("xgroup", "create", "s", "g", "0");
      let read = 0;
      for (const count of [1, 2, 5, 7, 11, 100]) {
        const part = ENTRIES.slice(read, read + count);
        const consumer = `c${count % 3}`;
        const command = ["xreadgroup", "group", "g", consumer, "count", String(count)];
        expect(ask(...command, "streams", "s", ">")).toBe(
          arrayOf([arrayOf([bulk("s"), shown(part)])]),
        );
        for (const { id } of part.slice(1)) expect(ask("xack", "s", "g", id)).toBe(":1\r\n");
        read += part.length;
      }
      expect(ask("xpending", "s", "g").startsWith("*4\r\n:6\r\n")).toBe(true);
      const added = { id: "1000-1", words: ["a", "1", "b", "2"] };
      ask("xadd", "s", added.id, ...added.words);
      expect(ask("xreadgroup", "group", "g", "c", "streams", "s", ">")).toBe(
        arrayOf([arrayOf([bulk("s"), shown([added])])]),
      );
      fixture.verify();
    });

    test("is copied and renamed with its groups, and gives its memory back", () => {
      const { fixture, ask } = setUp();
      ask("xgroup", "create", "s", "g", "0");
      ask("xreadgroup", "group", "g", "c", "count", "20", "streams", "s", ">");
      expect(ask("copy", "s", "copy")).toBe(":1\r\n");
      expect(ask("rename", "s", "renamed")).toBe("+OK\r\n");
      expect(ask("xtrim", "renamed", "maxlen", "0")).toBe(`:${ENTRIES.length}\r\n`);
      expect(ask("xrange", "copy", "-", "+")).toBe(shown(ENTRIES));
      expect(ask("xpending", "copy", "g")).toBe(ask("xpending", "renamed", "g"));
      fixture.verify();
      expect(ask("del", "copy", "renamed")).toBe(":2\r\n");
      while (fixture.keyspace.lazyFree.run(fixture.clock, 1000));
      expect(fixture.keyspace.dataBytes).toBe(0);
    });

    test("comes out the same where its effects are carried out", () => {
      const { fixture, ask } = setUp();
      ask("xgroup", "create", "s", "g", "0");
      ask("xadd", "s", "maxlen", "~", "30", "*", "a", "1");
      ask("xtrim", "s", "minid", "~", "20");
      ask("xreadgroup", "group", "g", "one", "count", "9", "streams", "s", ">");
      ask("xreadgroup", "group", "g", "two", "noack", "count", "2", "streams", "s", ">");
      ask("xclaim", "s", "g", "three", "0", ENTRIES[40].id, ENTRIES[50].id, "force");
      ask("xautoclaim", "s", "g", "three", "0", "0", "count", "3");
      const other = new ServerFixture();
      const peer = other.connect();
      // Loading takes what the log says, LIMIT included, as it is.
      other.keyspace.isLoading = true;
      for (const effect of fixture.effects) peer.send(requestOf(...effect.split(" ").slice(1)));
      other.keyspace.isLoading = false;
      peer.transport.take();
      for (const question of [
        ["xrange", "s", "-", "+"],
        ["xpending", "s", "g", "-", "+", "100"],
        ["xinfo", "groups", "s"],
      ]) {
        peer.send(requestOf(...question));
        expect(peer.transport.take()).toBe(ask(...question));
      }
      other.verify();
    });
  });
}
