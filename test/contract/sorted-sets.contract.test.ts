// One battery for either encoding of a sorted set, and for sorted sets that came to theirs in
// different ways: what is in it shows, how it is kept shows in OBJECT ENCODING and nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { listed } from "./replies.ts";

type Pair = readonly [member: string, score: number];

interface Origin {
  readonly title: string;
  readonly encoding: "listpack" | "skiplist";
  /** In order. */
  readonly pairs: readonly Pair[];
  /** Commands that make `key`; ZADD of the pairs, last first, unless given. */
  readonly commands?: readonly (readonly string[])[];
}

function rising(count: number): Pair[] {
  return Array.from({ length: count }, (_, k) => [`member:${k}`, k * 2 - 7] as const);
}

/** Equal scores, so that members are in order. */
function level(count: number): Pair[] {
  const members = Array.from({ length: count }, (_, k) => `member:${k}`).sort();
  return members.map((member) => [member, 0] as const);
}

function added(pairs: readonly Pair[]): string[] {
  return ["zadd", "key", ...pairs.toReversed().flatMap(([member, score]) => [text(score), member])];
}

/** A score as Redis prints it. */
function text(score: number): string {
  if (score === 1e-5) return "0.00001";
  if (Number.isInteger(score)) return BigInt(score).toString();
  return Number.isFinite(score) ? String(score) : score > 0 ? "inf" : "-inf";
}

const ODD: readonly Pair[] = [
  ["least", Number.NEGATIVE_INFINITY],
  ["", -2.5],
  ["17", -2.5],
  ["\r\n", 0],
  ["x".repeat(64), 1e-5],
  ["y", 2 ** 62],
  ["most", Number.POSITIVE_INFINITY],
];

const origins: readonly Origin[] = [
  { title: "odd scores and members", encoding: "listpack", pairs: ODD },
  { title: "as many as a listpack holds", encoding: "listpack", pairs: rising(128) },
  { title: "equal scores", encoding: "listpack", pairs: level(100) },
  { title: "one too many for a listpack", encoding: "skiplist", pairs: rising(129) },
  {
    title: "a member too long for a listpack",
    encoding: "skiplist",
    pairs: [
      ["a", 1],
      ["x".repeat(65), 2],
      ["b", 3],
    ],
  },
  { title: "very many with equal scores", encoding: "skiplist", pairs: level(3000) },
  { title: "very many", encoding: "skiplist", pairs: rising(5000) },
  {
    title: "few of what was many",
    encoding: "skiplist",
    pairs: rising(3),
    commands: [added(rising(1000)), ["zremrangebyrank", "key", "3", "-1"]],
  },
  {
    title: "one that grew past the limit",
    encoding: "skiplist",
    pairs: rising(200),
    commands: rising(200).map((pair) => added([pair])),
  },
  {
    title: "a stored union",
    encoding: "listpack",
    pairs: rising(50),
    commands: [added(rising(50)), ["zunionstore", "key", "1", "key"]],
  },
  {
    title: "a small range of a large one",
    encoding: "listpack",
    pairs: rising(120),
    commands: [added(rising(1000)), ["zrangestore", "key", "key", "0", "119"]],
  },
];

function flat(pairs: readonly Pair[]): string[] {
  return pairs.flatMap(([member, score]) => [member, text(score)]);
}

for (const { title, encoding, pairs, commands } of origins) {
  const size = pairs.length;
  const members = pairs.map(([member]) => member);

  const setUp = () => {
    const fixture = new ServerFixture("enable-debug-command yes");
    const { ask } = fixture.connect();
    for (const command of commands ?? [added(pairs)]) ask(...command);
    const content = (key: string) => listed(ask("zrange", key, "0", "-1", "withscores"));
    return { fixture, ask, content };
  };

  describe(`a sorted set of encoding ${encoding}: ${title}`, () => {
    test("has that encoding, these members, scores and ranks", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("object", "encoding", "key")).toBe(`$${encoding.length}\r\n${encoding}\r\n`);
      expect(content("key")).toEqual(flat(pairs));
      expect(ask("zcard", "key")).toBe(`:${size}\r\n`);
      expect(listed(ask("zmscore", "key", ...members))).toEqual(
        flat(pairs).filter((_, k) => k % 2 === 1),
      );
      for (const [rank, member] of members.slice(0, 200).entries()) {
        expect(ask("zrank", "key", member)).toBe(`:${rank}\r\n`);
        expect(ask("zrevrank", "key", member)).toBe(`:${size - 1 - rank}\r\n`);
      }
      expect(ask("zscore", "key", "absent")).toBe("$-1\r\n");
      fixture.verify();
    });

    test("is walked either way, by rank and score", () => {
      const { ask } = setUp();
      expect(listed(ask("zrange", "key", "1", "-2"))).toEqual(members.slice(1, -1));
      expect(listed(ask("zrevrange", "key", "0", "4"))).toEqual(members.toReversed().slice(0, 5));
      const [low, high] = [-2.5, 50];
      const within = pairs.filter(([, score]) => score >= low && score < high);
      const names = within.map(([member]) => member);
      expect(ask("zcount", "key", "-2.5", "(50")).toBe(`:${names.length}\r\n`);
      expect(listed(ask("zrangebyscore", "key", "-2.5", "(50"))).toEqual(names);
      expect(listed(ask("zrevrangebyscore", "key", "(50", "-2.5"))).toEqual(names.toReversed());
      const some = listed(ask("zrangebyscore", "key", "-2.5", "(50", "limit", "2", "3"));
      expect(some).toEqual(names.slice(2, 5));
    });

    test("takes other scores, and keeps its order", () => {
      const { fixture, ask, content } = setUp();
      const changed = pairs.map(([member], k) => [member, (k * 7919) % size] as const);
      ask(...added(changed));
      changed.sort(([left, one], [right, other]) => one - other || (left < right ? -1 : 1));
      expect(content("key")).toEqual(flat(changed));
      fixture.verify();
      for (const [member] of pairs.slice(0, 100)) ask("zincrby", "key", "0.5", member);
      expect(ask("zcard", "key")).toBe(`:${size}\r\n`);
      fixture.verify();
    });

    test("loses members, and with the last one the key", () => {
      const { fixture, ask, content } = setUp();
      const half = members.filter((_, k) => k % 2 === 0);
      expect(ask("zrem", "key", "absent", ...half, ...half)).toBe(`:${half.length}\r\n`);
      expect(content("key")).toEqual(flat(pairs.filter((_, k) => k % 2 === 1)));
      fixture.verify();
      ask("zrem", "key", ...members);
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("is popped from either end", () => {
      const { fixture, ask, content } = setUp();
      expect(listed(ask("zpopmin", "key"))).toEqual(flat(pairs.slice(0, 1)));
      expect(listed(ask("zpopmax", "key"))).toEqual(flat(pairs.slice(-1)));
      expect(content("key")).toEqual(flat(pairs.slice(1, -1)));
      fixture.verify();
      expect(listed(ask("zpopmax", "key", String(size)))).toEqual(
        flat(pairs.slice(1, -1).toReversed()),
      );
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("loses ranges", () => {
      const { fixture, ask, content } = setUp();
      const [from, to] = [Math.floor(size / 4), Math.floor(size / 2)];
      const removed = ask("zremrangebyrank", "key", String(from), String(to));
      expect(removed).toBe(`:${to - from + 1}\r\n`);
      const left = pairs.filter((_, k) => k < from || k > to);
      expect(content("key")).toEqual(flat(left));
      fixture.verify();
      const kept = left.filter(([, score]) => !(score >= -3 && score <= 100));
      const byScore = ask("zremrangebyscore", "key", "-3", "100");
      expect(byScore).toBe(`:${left.length - kept.length}\r\n`);
      expect(content("key")).toEqual(flat(kept));
      fixture.verify();
    });

    test("is scanned whole", () => {
      const { ask } = setUp();
      const seen = new Set<string>();
      let cursor = "0";
      do {
        const reply = ask("zscan", "key", cursor, "count", "50");
        const [, , next] = reply.split("\r\n", 3);
        cursor = next;
        const found = listed(reply.slice(reply.indexOf("*", 1)));
        for (let k = 0; k < found.length; k += 2) seen.add(found[k]);
      } while (cursor !== "0");
      expect([...seen].sort()).toEqual(members.toSorted());
    });

    test("is copied, renamed and moved as it is", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("copy", "key", "copy")).toBe(":1\r\n");
      ask("zadd", "copy", "3", "only here");
      expect(content("key")).toEqual(flat(pairs));
      ask("zrem", "copy", "only here");
      expect(ask("debug", "digest-value", "copy")).toBe(ask("debug", "digest-value", "key"));
      expect(ask("rename", "key", "renamed")).toBe("+OK\r\n");
      expect(ask("move", "renamed", "3")).toBe(":1\r\n");
      ask("select", "3");
      expect(content("renamed")).toEqual(flat(pairs));
      fixture.verify();
    });
  });
}
