// Values of every type and encoding, as commands that make them: what files and payloads must
// carry.

import type { Command } from "./differential.ts";

/** Commands that leave one key, named after what it holds; in the order of being sent. */
export interface SampleValue {
  readonly key: string;
  readonly commands: readonly Command[];
  /** Servers before 7.4 do not have it. */
  readonly isNew?: boolean;
}

const LONG = "abcdefgh".repeat(40);
const BINARY = "\0\r\n\xff\x80 binary";

function numbers(count: number, offset = 0): string[] {
  return Array.from({ length: count }, (_, k) => String(k + offset));
}

function words(count: number): string[] {
  return numbers(count).map((number) => `word:${number}`);
}

function pairs(count: number, value: (index: number) => string): string[] {
  return words(count).flatMap((word, k) => [word, value(k)]);
}

function sample(key: string, ...commands: Command[]): SampleValue {
  return { key, commands };
}

function recent(key: string, ...commands: Command[]): SampleValue {
  return { key, commands, isNew: true };
}

const strings: readonly SampleValue[] = [
  sample("string:empty", ["set", "string:empty", ""]),
  ...["0", "-1", "127", "-129", "32767", "-2147483648", "2147483648", "9223372036854775807"].map(
    (number) => sample(`string:${number}`, ["set", `string:${number}`, number]),
  ),
  sample("string:short", ["set", "string:short", "hello"]),
  sample("string:binary", ["set", "string:binary", BINARY]),
  sample("string:repetitive", ["set", "string:repetitive", "a".repeat(10_000)]),
  sample("string:long", ["set", "string:long", LONG.repeat(300)]),
];

const lists: readonly SampleValue[] = [
  sample("list:small", ["rpush", "list:small", "1", "two", BINARY, "-70000", LONG]),
  sample("list:nodes", ["rpush", "list:nodes", ...words(3000)]),
  sample("list:plain", ["rpush", "list:plain", "first", "x".repeat(20_000), "last"]),
];

const sets: readonly SampleValue[] = [
  sample("set:intset16", ["sadd", "set:intset16", ...numbers(20, -10)]),
  sample("set:intset64", ["sadd", "set:intset64", "1", "9223372036854775807", "-5000000000"]),
  sample("set:listpack", ["sadd", "set:listpack", ...words(20), "17", BINARY]),
  sample("set:table", ["sadd", "set:table", ...words(700), BINARY, LONG]),
];

const hashes: readonly SampleValue[] = [
  sample("hash:listpack", ["hset", "hash:listpack", ...pairs(20, String), "b", BINARY]),
  sample("hash:table", ["hset", "hash:table", ...pairs(600, (k) => `value ${k}`)]),
  sample("hash:long", ["hset", "hash:long", "field", LONG, BINARY, "2"]),
  recent(
    "hash:listpackex",
    ["hset", "hash:listpackex", ...pairs(10, String)],
    ["hpexpireat", "hash:listpackex", "33177117420000", "fields", "2", "word:3", "word:7"],
    ["hpexpireat", "hash:listpackex", "33177117000000", "fields", "1", "word:5"],
  ),
  recent(
    "hash:timed",
    ["hset", "hash:timed", ...pairs(600, String)],
    ["hpexpireat", "hash:timed", "33177117420000", "fields", "2", "word:3", "word:7"],
  ),
];

const scores = ["1", "-0.5", "3.14159", "inf", "-inf", "1e300", "123456789"];

const sortedSets: readonly SampleValue[] = [
  sample(
    "zset:listpack",
    ["zadd", "zset:listpack", ...scores.flatMap((score) => [score, `member:${score}`])],
    ["zadd", "zset:listpack", "1", BINARY, "1", "77"],
  ),
  sample("zset:skiplist", [
    "zadd",
    "zset:skiplist",
    ...words(400).flatMap((word, k) => [String(k % 50 === 0 ? -0.25 * k : k), word]),
  ]),
];

const streams: readonly SampleValue[] = [
  sample(
    "stream:small",
    ["xadd", "stream:small", "1-1", "field", "value"],
    ["xadd", "stream:small", "2-0", "other", "1", "field", BINARY],
  ),
  sample(
    "stream:nodes",
    ...numbers(250, 1).map((id) => ["xadd", "stream:nodes", `${id}-0`, "n", id, "s", LONG]),
    ["xdel", "stream:nodes", "3-0", "120-0"],
  ),
  sample(
    "stream:empty",
    ["xadd", "stream:empty", "5-5", "a", "b"],
    ["xdel", "stream:empty", "5-5"],
  ),
  sample(
    "stream:groups",
    ...numbers(20, 1).map((id) => ["xadd", "stream:groups", `${id}-0`, "n", id]),
    ["xgroup", "create", "stream:groups", "one", "0"],
    ["xgroup", "create", "stream:groups", "two", "7-0"],
    ["xgroup", "createconsumer", "stream:groups", "one", "idle"],
    ["xreadgroup", "group", "one", "alice", "count", "5", "streams", "stream:groups", ">"],
    ["xreadgroup", "group", "one", "bob", "count", "3", "streams", "stream:groups", ">"],
    ["xack", "stream:groups", "one", "2-0"],
  ),
];

/** Every sample, strings first. */
export const SAMPLE_VALUES: readonly SampleValue[] = [
  ...strings,
  ...lists,
  ...sets,
  ...hashes,
  ...sortedSets,
  ...streams,
];
