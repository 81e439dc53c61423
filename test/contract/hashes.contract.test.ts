// One battery for every encoding of a hash, and for hashes that came to theirs in different ways:
// what is in a hash shows, how it is kept shows in OBJECT ENCODING and nowhere else.

import { describe, expect, test } from "bun:test";
import { ServerFixture } from "../unit/server/server-fixture.ts";
import { bulk, listed } from "./replies.ts";

type Pairs = readonly (readonly [field: string, value: string])[];

interface Origin {
  readonly title: string;
  readonly encoding: "listpack" | "listpackex" | "hashtable";
  readonly pairs: Pairs;
  /** Commands that make `key`; HSET of the pairs unless given. */
  readonly commands?: readonly (readonly string[])[];
}

function texts(count: number): Pairs {
  return Array.from({ length: count }, (_, k) => [`field:${k}`, `value:${k * k}`]);
}

const MIXED: Pairs = [
  ["a", "1"],
  ["", "empty field"],
  ["empty value", ""],
  ["12", "-7"],
  ["-9223372036854775808", "9223372036854775807"],
  ["\r\n\0", "\0\r\n"],
  ["x".repeat(64), "y".repeat(64)],
  ["4095", "4096"],
  ["01", "1.5"],
];

const FAR_MS = "33177117420000";

function hset(pairs: Pairs): string[] {
  return ["hset", "key", ...pairs.flat()];
}

function fieldsOf(pairs: Pairs): string[] {
  return pairs.map(([field]) => field);
}

function timed(pairs: Pairs, unit = "hpexpireat"): string[] {
  return [unit, "key", FAR_MS, "fields", String(pairs.length), ...fieldsOf(pairs)];
}

const origins: readonly Origin[] = [
  { title: "texts and integers of every width", encoding: "listpack", pairs: MIXED },
  { title: "as many fields as a listpack holds", encoding: "listpack", pairs: texts(512) },
  {
    title: "every value replaced by a longer one",
    encoding: "listpack",
    pairs: texts(20),
    commands: [hset(texts(20).map(([field]) => [field, "1"])), hset(texts(20))],
  },
  {
    title: "some fields expire",
    encoding: "listpackex",
    pairs: MIXED,
    commands: [hset(MIXED), timed(MIXED.slice(2, 6)), ["hpersist", "key", "fields", "1", "12"]],
  },
  {
    title: "set with an expiry",
    encoding: "listpackex",
    pairs: texts(30),
    commands: [["hsetex", "key", "pxat", FAR_MS, "fields", "30", ...texts(30).flat()]],
  },
  {
    title: "no field expires any more",
    encoding: "listpackex",
    pairs: MIXED,
    commands: [
      hset(MIXED),
      timed(MIXED),
      ["hpersist", "key", "fields", String(MIXED.length), ...fieldsOf(MIXED)],
    ],
  },
  { title: "one field too many", encoding: "hashtable", pairs: texts(513) },
  { title: "a long value", encoding: "hashtable", pairs: [...MIXED, ["long", "z".repeat(65)]] },
  { title: "a long field", encoding: "hashtable", pairs: [["z".repeat(65), "1"], ...texts(5)] },
  { title: "a value of a megabyte", encoding: "hashtable", pairs: [["f", "z".repeat(1 << 20)]] },
  {
    title: "large, and some fields expire",
    encoding: "hashtable",
    pairs: texts(2000),
    commands: [hset(texts(2000)), timed(texts(700))],
  },
  {
    title: "grown from one with fields that expire",
    encoding: "hashtable",
    pairs: texts(600),
    commands: [hset(texts(400)), timed(texts(100)), hset(texts(600).slice(400)), hset(texts(50))],
  },
  {
    title: "few fields of what was large",
    encoding: "hashtable",
    pairs: texts(3),
    commands: [hset(texts(900)), ["hdel", "key", ...fieldsOf(texts(900).slice(3))]],
  },
];

function pairsIn(flat: readonly string[]): string[] {
  const pairs: string[] = [];
  for (let k = 0; k < flat.length; k += 2) pairs.push(JSON.stringify([flat[k], flat[k + 1]]));
  return pairs.sort();
}

const ABSENT = ["absent", "77777", "-1.5", "q".repeat(70)];

for (const origin of origins) {
  const { pairs } = origin;
  const expected = pairsIn(pairs.flat());
  const fields = fieldsOf(pairs);

  const setUp = () => {
    const fixture = new ServerFixture("enable-debug-command yes");
    const { ask } = fixture.connect();
    for (const command of origin.commands ?? [hset(pairs)]) ask(...command);
    const content = (key = "key") => pairsIn(listed(ask("hgetall", key)));
    return { fixture, ask, content };
  };

  describe(`a hash of encoding ${origin.encoding}: ${origin.title}`, () => {
    test("has that encoding, these fields and these values", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("object", "encoding", "key")).toBe(bulk(origin.encoding));
      expect(content()).toEqual(expected);
      expect(listed(ask("hkeys", "key")).sort()).toEqual([...fields].sort());
      expect(listed(ask("hvals", "key")).sort()).toEqual(pairs.map(([, value]) => value).sort());
      expect(ask("hlen", "key")).toBe(`:${pairs.length}\r\n`);
      for (const [field, value] of pairs.slice(0, 60)) {
        expect(ask("hget", "key", field)).toBe(bulk(value));
        expect(ask("hstrlen", "key", field)).toBe(`:${value.length}\r\n`);
        expect(ask("hexists", "key", field)).toBe(":1\r\n");
      }
      const nulls = "$-1\r\n".repeat(ABSENT.length);
      expect(ask("hmget", "key", ...ABSENT)).toBe(`*${ABSENT.length}\r\n${nulls}`);
      fixture.verify();
    });

    test("takes new values, shorter, longer and numbers", () => {
      const { fixture, ask, content } = setUp();
      for (const value of ["", "5", "t".repeat(40), "123456789"]) {
        const changed = pairs.slice(0, 40).map(([field]) => [field, value] as const);
        expect(ask(...hset(changed))).toBe(":0\r\n");
        expect(content()).toEqual(pairsIn([...changed, ...pairs.slice(40)].flat()));
        fixture.verify();
      }
      expect(ask("hincrby", "key", fields[0], "-1")).toBe(":123456788\r\n");
      expect(ask("hincrbyfloat", "key", fields[0], "0.5")).toBe(bulk("123456788.5"));
      expect(ask("hincrby", "key", "new", "7")).toBe(":7\r\n");
      expect(ask("hsetnx", "key", "new", "8")).toBe(":0\r\n");
      expect(ask("hlen", "key")).toBe(`:${pairs.length + 1}\r\n`);
      fixture.verify();
    });

    test("loses fields, and with the last one the key", () => {
      const { fixture, ask, content } = setUp();
      expect(ask("hdel", "key", ...ABSENT)).toBe(":0\r\n");
      const half = fields.filter((_, k) => k % 2 === 0);
      expect(ask("hdel", "key", ...half, ...half)).toBe(`:${half.length}\r\n`);
      const rest = pairs.filter((_, k) => k % 2 === 1);
      expect(content()).toEqual(pairsIn(rest.flat()));
      fixture.verify();
      ask("hdel", "key", ...fields);
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("is scanned as a whole, whatever the steps", () => {
      const { ask } = setUp();
      for (const count of ["1", "7", "10000"]) {
        const seen: string[] = [];
        let cursor = "0";
        do {
          const reply = ask("hscan", "key", cursor, "count", count);
          const header = reply.indexOf("*", 1);
          cursor = listed(reply.slice(0, header))[0];
          seen.push(...listed(reply.slice(header)));
        } while (cursor !== "0");
        expect(pairsIn(seen)).toEqual(expected);
      }
    });

    test("shows random fields, each of them sooner or later", () => {
      const { ask } = setUp();
      const few = Math.ceil(pairs.length / 3);
      const shown = listed(ask("hrandfield", "key", String(few)));
      expect(new Set(shown).size).toBe(few);
      expect(shown.every((field) => fields.includes(field))).toBe(true);
      const all = listed(ask("hrandfield", "key", String(pairs.length + 5), "withvalues"));
      expect(pairsIn(all)).toEqual(expected);
      const drawn = listed(ask("hrandfield", "key", String(-20 * pairs.length)));
      expect(drawn.length).toBe(20 * pairs.length);
      if (pairs.length < 40) expect(new Set(drawn).size).toBe(pairs.length);
      expect(fields).toContain(listed(`*1\r\n${ask("hrandfield", "key")}`)[0]);
    });

    test("lets fields expire, and with the last one the key", () => {
      const { fixture, ask, content } = setUp();
      const some = pairs.slice(0, Math.ceil(pairs.length / 2));
      const answer = `*${some.length}\r\n${":1\r\n".repeat(some.length)}`;
      const names = fieldsOf(some);
      const count = String(some.length);
      expect(ask("hpexpire", "key", "500", "fields", count, ...names)).toBe(answer);
      fixture.verify();
      fixture.advance(3000);
      expect(content()).toEqual(pairsIn(pairs.slice(some.length).flat()));
      fixture.verify();
      ask("hpexpire", "key", "500", "fields", String(fields.length), ...fields);
      fixture.advance(3000);
      expect(ask("exists", "key")).toBe(":0\r\n");
      fixture.verify();
    });

    test("is copied, renamed and moved with everything in it", () => {
      const { fixture, ask, content } = setUp();
      const times = ask("hpexpiretime", "key", "fields", String(fields.length), ...fields);
      ask("copy", "key", "copy");
      ask("del", "key");
      ask("rename", "copy", "renamed");
      ask("move", "renamed", "1");
      ask("select", "1");
      expect(content("renamed")).toEqual(expected);
      expect(ask("object", "encoding", "renamed")).toBe(bulk(origin.encoding));
      const after = ask("hpexpiretime", "renamed", "fields", String(fields.length), ...fields);
      expect(after).toBe(times);
      fixture.verify();
      ask("flushall");
      fixture.verify();
    });
  });
}
