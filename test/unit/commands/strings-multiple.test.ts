import { expect, test } from "bun:test";
import {
  bulk,
  NOT_AN_INTEGER,
  OK,
  START_MS,
  StringFixture,
  SYNTAX_ERROR,
} from "./strings-fixture.ts";

test("MGET replies null for what is missing or no string", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "1");
  expect(db.run("MGET", "key", "hash", "missing", "key")).toBe(
    "*4\r\n$1\r\n1\r\n$-1\r\n$-1\r\n$1\r\n1\r\n",
  );
});

test("MSET stores all pairs, the last of a repeated key, and clears expiries", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "a", "0", "EX", "10");
  expect(db.run("MSET", "a", "1", "hash", "2", "a", "3")).toBe(OK);
  expect(db.run("MGET", "a", "hash")).toBe("*2\r\n$1\r\n3\r\n$1\r\n2\r\n");
  expect(db.expiryMs("a")).toBe(-1);
});

test("MSET and MGET of more keys than one group holds treat each key alike", () => {
  const db = new StringFixture();
  const names = Array.from({ length: 100 }, (_, k) => `key:${k % 70}`);
  expect(db.run("MSET", ...names.flatMap((name, k) => [name, `value ${k}`]))).toBe(OK);
  // The first 30 names are repeated at the end, where their last value comes from.
  const values = names.map((_, k) => bulk(`value ${k % 70 < 30 ? (k % 70) + 70 : k % 70}`));
  expect(db.run("MGET", ...names)).toBe(`*100\r\n${values.join("")}`);
  expect(db.keyspace.databases[0].size).toBe(70);
});

test("MSET and MSETNX refuse a key without a value", () => {
  const db = new StringFixture();
  const text = (name: string) => `-ERR wrong number of arguments for '${name}' command\r\n`;
  expect(db.run("MSET", "a", "1", "b")).toBe(text("mset"));
  expect(db.run("MSETNX", "a", "1", "b")).toBe(text("msetnx"));
  expect(db.run("GET", "a")).toBe("$-1\r\n");
});

test("MSETNX stores all pairs or none", () => {
  const db = new StringFixture();
  expect(db.run("MSETNX", "a", "1", "b", "2", "a", "3")).toBe(":1\r\n");
  expect(db.run("GET", "a")).toBe(bulk("3"));
  db.makeHash("hash");
  db.propagated();
  expect(db.run("MSETNX", "c", "1", "hash", "2")).toBe(":0\r\n");
  expect(db.run("GET", "c")).toBe("$-1\r\n");
  expect(db.propagated()).toEqual([]);
});

test("MSETEX stores with an expiry on a condition", () => {
  const db = new StringFixture();
  expect(db.run("MSETEX", "2", "a", "1", "b", "2", "XX")).toBe(":0\r\n");
  expect(db.run("MSETEX", "2", "a", "1", "b", "2", "NX", "EX", "10")).toBe(":1\r\n");
  expect(db.expiryMs("b")).toBe(START_MS + 10_000);
  expect(db.run("MSETEX", "2", "b", "3", "c", "4", "nx")).toBe(":0\r\n");
  expect(db.run("MSETEX", "2", "b", "3", "c", "4", "xx")).toBe(":0\r\n");
  expect(db.run("MSETEX", "2", "b", "3", "c", "4", "keepttl")).toBe(":1\r\n");
  expect([db.expiryMs("b"), db.expiryMs("c")]).toEqual([START_MS + 10_000, -1]);
  expect(db.run("MSETEX", "1", "b", "5")).toBe(":1\r\n");
  expect(db.expiryMs("b")).toBe(-1);
  expect(db.run("MGET", "a", "b", "c")).toBe("*3\r\n$1\r\n1\r\n$1\r\n5\r\n$1\r\n4\r\n");
});

test("MSETEX is propagated as SETs with the absolute time of the expiry that counted", () => {
  const db = new StringFixture();
  db.run("msetex", "2", "a", "1", "b", "2", "ex", "5", "NX", "ex", "10");
  db.run("MSETEX", "1", "a", "1", "PXAT", "1800000000000");
  db.run("MSETEX", "1", "a", "1", "KEEPTTL");
  db.run("MSETEX", "1", "a", "1", "XX");
  expect(db.propagated()).toEqual([
    "MULTI",
    `SET a 1 PXAT ${START_MS + 10_000}`,
    `SET b 2 PXAT ${START_MS + 10_000}`,
    "EXEC",
    "SET a 1 PXAT 1800000000000",
    "SET a 1 KEEPTTL",
    "SET a 1",
  ]);
});

test("MSETEX checks its count, its syntax and its time before it looks at a key", () => {
  const db = new StringFixture();
  const badCount = "-ERR invalid numkeys value or out of range\r\n";
  for (const count of ["0", "-1", "abc", "2147483648", "9223372036854775807", "1.5"]) {
    expect([count, db.run("MSETEX", count, "a", "1", "bogus")]).toEqual([count, badCount]);
  }
  for (const count of ["2", "2147483647"]) {
    expect(db.run("MSETEX", count, "a", "1")).toBe(SYNTAX_ERROR);
  }
  for (const options of [["b"], ["b", "2"], ["GET"], ["PERSIST"], ["IFEQ", "1"], ["NX", "XX"]]) {
    expect(db.run("MSETEX", "1", "a", "1", ...options)).toBe(SYNTAX_ERROR);
  }
  expect(db.run("MSETEX", "1", "a", "1", "EX", "0", "bogus")).toBe(SYNTAX_ERROR);
  expect(db.run("MSETEX", "1", "a", "1", "XX", "EX", "abc")).toBe(NOT_AN_INTEGER);
  expect(db.run("MSETEX", "1", "a", "1", "XX", "EX", "0")).toBe(
    "-ERR invalid expire time in 'msetex' command\r\n",
  );
});
