import { expect, test } from "bun:test";
import { findKeys, KeyList, takesKeys } from "../../../src/command/key-extraction.ts";
import { Command } from "../../../src/command/registry.ts";
import {
  ACCESS,
  DELETE,
  INCOMPLETE,
  type KeySpec,
  keyAt,
  keyRange,
  keysCounted,
  NOT_KEY,
  OW,
  RO,
  RW,
  UPDATE,
  VARIABLE_FLAGS,
} from "../../../src/command/spec.ts";

function after(keyword: string, startFrom: number, lastKey: number, limit: number): KeySpec {
  return {
    flags: OW | UPDATE,
    begin: { type: "keyword", keyword, startFrom },
    find: { type: "range", lastKey, step: 1, limit },
  };
}

const unknown: KeySpec = {
  flags: OW | UPDATE | INCOMPLETE,
  begin: { type: "unknown" },
  find: { type: "unknown" },
};

const read = RO | ACCESS;
const radius = [keyAt(1, read), after("STORE", 6, 0, 0), after("STOREDIST", 6, 0, 0)];
const SPECS: Record<string, readonly KeySpec[]> = {
  GET: [keyAt(1, read)],
  MSET: [keyRange(1, -1, 2, OW | UPDATE)],
  ZUNION: [keysCounted(1, read)],
  ZUNIONSTORE: [keyAt(1, OW | UPDATE), keysCounted(2, read)],
  XREAD: [after("STREAMS", 1, -1, 2)],
  SET: [keyAt(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS)],
  BITFIELD: [keyAt(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS)],
  SORT: [keyAt(1, read), unknown, unknown],
  SORT_RO: [keyAt(1, read), unknown],
  GEORADIUS: radius,
  SPUBLISH: [keyAt(1, NOT_KEY)],
  MIGRATE: [
    keyAt(3, RW | ACCESS | DELETE),
    { ...after("KEYS", -2, -1, 0), flags: RW | ACCESS | DELETE | INCOMPLETE },
  ],
};

function commandNamed(name: string): Command {
  const spec = { name, arity: -1, flags: 0, since: "1.0.0", summary: "X.", run: () => {} };
  return new Command({ ...spec, keys: SPECS[name] }, "generic");
}

/** The keys of a command line, which stands behind `base` other arguments. */
function keysOf(line: string, base = 0): string[] {
  const words = [...Array<string>(base).fill("keys"), ...line.split(" ")];
  const list = {
    length: (index: number) => words[index].length,
    is: (index: number, token: string) => words[index].toLowerCase() === token,
    integer: (index: number) =>
      /^(0|-?[1-9]\d*)$/.test(words[index]) ? Number(words[index]) : Number.NaN,
    latin1: (index: number) => words[index],
  };
  const keys = new KeyList();
  const count = findKeys(commandNamed(words[base]), list, base, words.length - base, keys);
  expect(keys.count).toBe(count);
  const names = [...keys.indexes.subarray(0, count)].map((index) => words[index]);
  const flags = [...keys.flags.subarray(0, count)];
  return names.map((name, k) => ((flags[k] & (RW | OW)) !== 0 ? `${name}!` : name));
}

// An exclamation mark stands behind keys that are written. Answers of a Redis 8.0 server.
const LINES: readonly (readonly [line: string, ...keys: string[]])[] = [
  ["GET a", "a"],
  ["MSET a 1 b 2", "a!", "b!"],
  ["MSET a 1 b", "a!", "b!"],
  ["ZUNION 2 a b WEIGHTS 1 2", "a", "b"],
  ["ZUNION 0 a"],
  ["ZUNION 3 a b"],
  ["ZUNION -1 a"],
  ["ZUNION x a"],
  ["ZUNION 1x a", "a"],
  ["ZUNION +02 a b c", "a", "b"],
  ["ZUNION 4294967297 a", "a"],
  ["ZUNION 9223372036854775808 a"],
  ["ZUNIONSTORE d 1x a", "a", "d"],
  ["ZUNIONSTORE d 2 a b", "d!", "a", "b"],
  ["ZUNIONSTORE d 3 a b"],
  ["ZUNIONSTORE d 9007199254740991 a b"],
  ["XREAD COUNT 2 STREAMS a b 1 2", "a!", "b!"],
  ["XREAD streams a b c", "a!"],
  ["XREAD COUNT 2 a 1"],
  ["XREAD COUNT streams"],
  ["SET k v", "k!"],
  ["SET k v EX 10 get", "k!"],
  ["BITFIELD k GET u8 0 OVERFLOW SAT GET u8 1", "k"],
  ["BITFIELD k GET u8 0 SET u8 0 1", "k!"],
  ["BITFIELD k GET u8 0 OVERFLOW", "k!"],
  ["BITFIELD k", "k"],
  ["SORT k", "k"],
  ["SORT k STORE d GET store STORE e", "k", "e!"],
  ["SORT k BY store LIMIT store store", "k"],
  ["SORT k STORE", "k"],
  ["SORT_RO k BY store", "k"],
  ["GEORADIUS k 1 2 3 m", "k"],
  ["GEORADIUS k 1 2 3 m STORE d", "k", "d!"],
  ["GEORADIUS k 1 2 3 m STOREDIST e STORE d", "k", "d!", "e!"],
  ["GEORADIUS k 1 2 3 m ASC STORE", "k"],
  ["GEORADIUS k 1 2 3 m STORE d STOREDIST", "k", "d!"],
  ["MIGRATE h p k 0 1", "k!"],
  ["MIGRATE h p k 0 1 KEYS a"],
  ["MIGRATE h p k 0 1 AUTH keys a", "k!"],
  ["MIGRATE h p  0 1 COPY AUTH2 u p KEYS a b", "a!", "b!"],
  ["MIGRATE h p  0 1 AUTH2 keys keys x", "!"],
  ["SPUBLISH c m"],
];

test.each(LINES)("the keys of %j", (line, ...keys) => {
  expect(keysOf(line)).toEqual(keys);
  expect(keysOf(line, 3)).toEqual(keys);
});

test("SET reads its key only with GET", () => {
  const words = ["SET", "k", "v"];
  const list = {
    length: (index: number) => words[index].length,
    is: (index: number, token: string) => words[index].toLowerCase() === token,
    integer: () => Number.NaN,
    latin1: () => "",
  };
  const keys = new KeyList();
  findKeys(commandNamed("SET"), list, 0, words.length, keys);
  expect(keys.flags[0]).toBe(OW | UPDATE);
  words.push("GET");
  findKeys(commandNamed("SET"), list, 0, words.length, keys);
  expect(keys.flags[0]).toBe(RW | ACCESS | UPDATE);
});

test("a command whose only arguments are channels takes no keys", () => {
  expect(takesKeys(commandNamed("SPUBLISH"))).toBe(false);
  expect(takesKeys(commandNamed("GET"))).toBe(true);
});

test("more keys than the list has room for make it grow", () => {
  const names = Array.from({ length: 100 }, (_, index) => `k${index}`);
  expect(keysOf(`ZUNION 100 ${names.join(" ")}`)).toEqual(names);
});
