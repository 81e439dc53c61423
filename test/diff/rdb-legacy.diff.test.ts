// Snapshot files as servers from 1.0 to 6.2 wrote them, made by hand: Redis 8.0 loads each of them,
// and here it holds the same.

import { expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, startOracle } from "../harness/oracle.ts";
import type { ServerProcess } from "../harness/process.ts";
import { bytesOf, lengthOf, rdbFile, stringOf } from "../harness/rdb-bytes.ts";
import {
  counted,
  int32,
  int64,
  intset,
  keyOf,
  packed,
  textScore,
  ziplist,
  zipmap,
} from "../harness/rdb-legacy-bytes.ts";
import { plainValue } from "../harness/reply.ts";
import { startServer } from "../harness/server.ts";

const LONG = "abc".repeat(100);
/** Small enough for a compact hash or sorted set under the limits of today. */
const SHORT = "abc".repeat(21);
const HUGE = "0123456789abcdef".repeat(2000);
const SOON_S = 2_000_000_000;
const LATER_MS = 33_177_117_420_000n;

const INTEGERS = [
  packed(0, 0),
  packed(12, 0),
  packed(-128, 1),
  packed(-32768, 2),
  packed(-8388608, 3),
  packed(8388607, 3),
  packed(-2147483648, 4),
  packed(-(2n ** 63n), 8),
  packed(2n ** 63n - 1n, 8),
];

function many(count: number): string[] {
  return Array.from({ length: count }, (_, k) => `element:${k}`);
}

/** Digits "123123..." compressed: a literal run of three and one reference back to it. */
const COMPRESSED = bytesOf(0xc3, 7, 12, 0x02, "123", 0xe0, 0, 2);

const ITEMS: readonly Buffer[] = [
  keyOf(0, "string", stringOf("value")),
  keyOf(0, "string:int8", 0xc0, 0x85),
  keyOf(0, "string:int16", 0xc1, 0x00, 0x80),
  keyOf(0, "string:int32", 0xc2, 0xff, 0xff, 0xff, 0x7f),
  keyOf(0, "string:compressed", COMPRESSED),
  bytesOf(0, 0xc0, 77, stringOf("a key that is a number")),
  bytesOf(0, COMPRESSED, stringOf("a key that is compressed")),
  bytesOf(0, 0x80, 0, 0, 0, 3, "len", 0x81, 0, 0, 0, 0, 0, 0, 0, 4, "long"),
  keyOf(1, "list", counted(stringOf("a"), bytesOf(0xc0, 5), stringOf(LONG), stringOf(""))),
  keyOf(1, "list:many", counted(...many(300).map((name) => stringOf(name)))),
  keyOf(10, "list:ziplist", stringOf(ziplist("first", LONG, "", ...INTEGERS, HUGE, "last", "1"))),
  keyOf(10, "list:ziplist:many", stringOf(ziplist(...many(500)))),
  keyOf(10, "list:ziplist:few", stringOf(ziplist("a", "b"))),
  keyOf(
    14,
    "list:quicklist",
    counted(
      stringOf(ziplist("a", packed(2, 0))),
      stringOf(ziplist()),
      stringOf(ziplist(LONG, HUGE)),
      stringOf(ziplist("z")),
    ),
  ),
  keyOf(2, "set", counted(stringOf("a"), bytesOf(0xc0, 5), stringOf(LONG))),
  keyOf(2, "set:numbers", counted(bytesOf(0xc0, 5), bytesOf(0xc0, 1), stringOf("70000"))),
  keyOf(2, "set:many", counted(...many(700).map((name) => stringOf(name)))),
  keyOf(11, "set:intset16", stringOf(intset(2, -300n, 0n, 32767n))),
  keyOf(11, "set:intset32", stringOf(intset(4, -70000n, 1n))),
  keyOf(11, "set:intset64", stringOf(intset(8, -(2n ** 63n), 5n, 2n ** 63n - 1n))),
  keyOf(
    3,
    "zset",
    lengthOf(6),
    ...["1", "-0.5", "3.1415926535897931", "1e+100", "inf", "-inf"].flatMap((score) => [
      stringOf(`member ${score}`),
      textScore(score),
    ]),
  ),
  keyOf(
    3,
    "zset:many",
    lengthOf(200),
    ...many(200).flatMap((name, k) => [stringOf(name), textScore(String((k * 7919) % 200))]),
  ),
  keyOf(
    12,
    "zset:ziplist",
    stringOf(ziplist("a", "-1.5", "b", packed(0, 0), packed(7, 0), "2.25", SHORT, packed(300, 2))),
  ),
  keyOf(12, "zset:ziplist:inf", stringOf(ziplist("low", "-inf", "x", packed(1, 0), "high", "inf"))),
  keyOf(4, "hash", counted(stringOf("field")), stringOf("value")),
  keyOf(4, "hash:many", lengthOf(600), ...many(1200).map((name) => stringOf(name))),
  keyOf(9, "hash:zipmap", stringOf(zipmap(0, ["a", "1"], ["field", "value"], ["", ""]))),
  keyOf(9, "hash:zipmap:free", stringOf(zipmap(3, ["a", "1"], ["field", LONG], [LONG, "2"]))),
  keyOf(
    9,
    "hash:zipmap:many",
    stringOf(zipmap(1, ...many(300).map((name) => [name, `${name}!`] as const))),
  ),
  keyOf(13, "hash:ziplist", stringOf(ziplist("a", packed(1, 0), packed(-5000, 2), SHORT, "", "x"))),
  keyOf(13, "hash:ziplist:many", stringOf(ziplist(...many(2400)))),
  bytesOf(0xfd, int32(SOON_S), keyOf(0, "expiry:seconds", stringOf("1"))),
  bytesOf(0xfd, int32(1), keyOf(0, "expiry:past", stringOf("1"))),
  bytesOf(0xfc, int64(LATER_MS), keyOf(1, "expiry:ms", counted(stringOf("1")))),
  bytesOf(0xfc, int64(-1n), keyOf(0, "expiry:never", stringOf("1"))),
  bytesOf(0xfc, int64(LATER_MS), 0xf8, lengthOf(100), keyOf(0, "idle", stringOf("1"))),
  bytesOf(0xf9, 200, keyOf(0, "frequency", stringOf("1"))),
];

/** Keys without elements, which are left out and named in the log. */
const EMPTY: readonly Buffer[] = [
  keyOf(1, "empty:list", 0),
  keyOf(2, "empty:set", 0),
  keyOf(3, "empty:zset", 0),
  keyOf(4, "empty:hash", 0),
  keyOf(10, "empty:ziplist", stringOf(ziplist())),
  keyOf(13, "empty:hash:ziplist", stringOf(ziplist())),
  keyOf(12, "empty:zset:ziplist", stringOf(ziplist())),
  keyOf(14, "empty:quicklist", counted(stringOf(ziplist()))),
];

/** What files of later versions begin with; readers of any version take it. */
const AUXILIARY = bytesOf(
  bytesOf(0xfa, stringOf("redis-ver"), stringOf("3.2.1")),
  bytesOf(0xfa, stringOf("redis-bits"), 0xc0, 64),
  bytesOf(0xfa, stringOf("lua"), stringOf("return 1")),
  bytesOf(0xfa, stringOf("unheard-of"), stringOf("whatever")),
);

function legacyFile(version: number): Buffer {
  return rdbFile(
    version,
    ...(version >= 7 ? [AUXILIARY] : []),
    bytesOf(0xfe, 0),
    ...(version >= 7 ? [bytesOf(0xfb, lengthOf(ITEMS.length), lengthOf(5))] : []),
    ...ITEMS,
    ...EMPTY,
    bytesOf(0xfe, 9),
    keyOf(0, "elsewhere", stringOf("1")),
  );
}

/** Every key with its digest, encoding and times, and the list of what was left out. */
async function contentOf(server: ServerProcess): Promise<unknown> {
  await using client = await server.connect();
  const keys = (plainValue(await client.ask("keys", "*")) as string[]).sort();
  const values: unknown[] = [];
  for (const key of keys) {
    const ask = async (...command: string[]) => plainValue(await client.ask(...command, key));
    values.push([key, await ask("type"), await ask("debug", "digest-value")]);
    values.push([key, await ask("object", "encoding"), await ask("pexpiretime")]);
  }
  const idleSeconds = Number(plainValue(await client.ask("object", "idletime", "idle")));
  values.push(idleSeconds >= 100 && idleSeconds < 110);
  values.push(plainValue(await client.ask("lrange", "list:ziplist", "0", "-1")));
  values.push(plainValue(await client.ask("zrange", "zset", "0", "-1", "withscores")));
  await client.ask("select", "9");
  values.push(plainValue(await client.ask("keys", "*")));
  const skipped = server.log.matchAll(/skipping empty key: (.*)/g);
  const loaded = server.log.match(/Done loading RDB, (.*)/)?.[1];
  return { values, skipped: [...skipped].map(([, name]) => name).sort(), loaded };
}

const DEBUG = ["--enable-debug-command", "yes", "--maxmemory-policy", "allkeys-lru"];

function directoryWith(file: Buffer): string {
  const directory = mkdtempSync(join(tmpdir(), "miniredis-legacy-"));
  writeFileSync(join(directory, "dump.rdb"), file);
  return directory;
}

const hasOracle = findOracle("redis8") !== undefined;

for (const version of [1, 4, 6, 9]) {
  test.skipIf(!hasOracle)(`a file of version ${version} holds what Redis finds in it`, async () => {
    const directory = directoryWith(legacyFile(version));
    await using theirs = await startOracle("redis8", DEBUG, join(directory, "dump.rdb"));
    await using ours = await startServer({ directory, args: DEBUG });
    expect(await contentOf(ours)).toEqual(await contentOf(theirs));
  });
}
