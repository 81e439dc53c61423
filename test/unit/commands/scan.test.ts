import { beforeEach, expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { NO_CURSOR, parseCursor } from "../../../src/commands/scan.ts";
import { bulks, GenericFixture, NOT_AN_INTEGER, SYNTAX_ERROR } from "./generic-fixture.ts";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
});

/** The bulk strings in a reply, in order. */
function texts(reply: string): string[] {
  return reply.split("\r\n").filter((_, index, lines) => lines[index - 1]?.startsWith("$"));
}

function fill(count: number): string[] {
  const keys = Array.from({ length: count }, (_, index) => `key:${index}`);
  for (const key of keys) f.run("SET", key, "v");
  return keys.sort();
}

/** Scans from the start to the end; returns the keys and how many calls it took. */
function scanAll(...options: string[]): { keys: string[]; calls: number } {
  const keys: string[] = [];
  let cursor = "0";
  let calls = 0;
  do {
    const [next, ...found] = texts(f.run("SCAN", cursor, ...options));
    keys.push(...found);
    cursor = next;
    calls++;
  } while (cursor !== "0");
  return { keys, calls };
}

test("KEYS lists the keys that match", () => {
  const keys = fill(300);
  expect(texts(f.run("KEYS", "*")).sort()).toEqual(keys);
  expect(texts(f.run("KEYS", "key:?")).length).toBe(10);
  expect(f.run("KEYS", "key:7")).toBe(bulks("key:7"));
  expect(f.run("KEYS", "nokey*")).toBe(bulks());
});

test("KEYS and SCAN leave out what has expired", () => {
  f.run("SET", "short", "v", "PX", "10");
  f.run("SET", "long", "v");
  f.clock.advance(10);
  expect(f.run("KEYS", "*")).toBe(bulks("long"));
  expect(f.run("SCAN", "0")).toBe(`*2\r\n$1\r\n0\r\n${bulks("long")}`);
});

test("a whole scan returns every key once, whatever COUNT is", () => {
  const keys = fill(500);
  for (const count of ["1", "7", "100", "1000000"]) {
    const found = scanAll("COUNT", count);
    expect(found.keys.sort()).toEqual(keys);
    expect(found.calls).toBeGreaterThanOrEqual(500 / Number(count));
  }
});

test("a scan returns what stays while other keys come and go and the table grows", () => {
  const keys = fill(400);
  const found = new Set<string>();
  let cursor = "0";
  let round = 0;
  do {
    const [next, ...some] = texts(f.run("SCAN", cursor, "COUNT", "20"));
    for (const key of some) found.add(key);
    cursor = next;
    // Three for each key looked at: the table is twenty times as large in the end.
    for (let k = 0; k < 60; k++) f.run("SET", `new:${round}:${k}`, "v");
    f.run("DEL", `new:${round - 1}:0`);
    round++;
  } while (cursor !== "0");
  for (const key of keys) expect(found.has(key)).toBe(true);
});

test("MATCH and TYPE select among the keys looked at", () => {
  fill(50);
  expect(scanAll("MATCH", "key:4?").keys.length).toBe(10);
  expect(scanAll("TYPE", "STRING", "MATCH", "*").keys.length).toBe(50);
  expect(scanAll("TYPE", "hash").keys).toEqual([]);
  expect(scanAll("TYPE", "nosuchtype").keys).toEqual([]);
  expect(scanAll("MATCH", "a", "MATCH", "key:1", "COUNT", "1", "COUNT", "100").keys).toEqual([
    "key:1",
  ]);
});

test("the cursor is checked before the options, and those from left to right", () => {
  expect(f.run("SCAN", "abc", "foo")).toBe("-ERR invalid cursor\r\n");
  expect(f.run("SCAN", "0", "foo")).toBe(SYNTAX_ERROR);
  expect(f.run("SCAN", "0", "COUNT")).toBe(SYNTAX_ERROR);
  expect(f.run("SCAN", "0", "COUNT", "0", "foo")).toBe(SYNTAX_ERROR);
  expect(f.run("SCAN", "0", "COUNT", "x", "foo")).toBe(NOT_AN_INTEGER);
  expect(f.run("SCAN", "0", "NOVALUES")).toBe("-ERR NOVALUES option can only be used in HSCAN\r\n");
});

// Whether a Redis 8.0 server takes the text for a cursor, and which position it means here.
const CURSORS: readonly (readonly [text: string, position: number])[] = [
  ["0", 0],
  ["4294967295", 4294967295],
  ["4294967296", 0],
  ["9007199254740993", 1],
  ["18446744073709551615", 4294967295],
  ["18446744073709551616", NO_CURSOR],
  ["99999999999999999999999", NO_CURSOR],
  ["00", 0],
  ["007", 7],
  ["+5", 5],
  [" 5", 5],
  ["\t\n5", 5],
  ["5 ", NO_CURSOR],
  ["5\0x", 5],
  ["", NO_CURSOR],
  ["-", NO_CURSOR],
  [" ", NO_CURSOR],
  ["1x", NO_CURSOR],
  ["0x1", NO_CURSOR],
  ["1.5", NO_CURSOR],
  ["-5", NO_CURSOR],
  ["-9223372036854775808", NO_CURSOR],
  ["-9223372036854775809", 4294967295],
  [" -5", 4294967291],
  ["-05", 4294967291],
  ["-0", 0],
];

test.each(CURSORS)("the cursor %j means position %d", (text, position) => {
  const bytes = latin1Bytes(`7${text}7`);
  expect(parseCursor(bytes, 1, bytes.length - 1)).toBe(position);
});
