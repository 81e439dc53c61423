import { expect, test } from "bun:test";
import type { ArgumentSpec } from "../../../src/command/spec.ts";
import {
  bulk,
  families,
  NOT_AN_INTEGER,
  NULL_REPLY,
  OK,
  START_MS,
  StringFixture,
  SYNTAX_ERROR,
  WRONG_TYPE,
} from "./strings-fixture.ts";

const invalidExpiry = (name: string) => `-ERR invalid expire time in '${name}' command\r\n`;

test("GET replies with the value, null for a missing key and an error for another type", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("GET", "missing")).toBe(NULL_REPLY);
  expect(db.run("SET", "key", "a\r\n\0b")).toBe(OK);
  expect(db.run("GET", "key")).toBe(bulk("a\r\n\0b"));
  expect(db.run("GET", "hash")).toBe(WRONG_TYPE);
});

test("SET replaces a value of any type and drops the expiry unless KEEPTTL is given", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("SET", "hash", "text")).toBe(OK);
  expect(db.run("GET", "hash")).toBe(bulk("text"));
  db.run("SET", "key", "1", "EX", "10");
  db.run("SET", "key", "longer value", "KEEPTTL");
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
  db.run("SET", "key", "2");
  expect(db.expiryMs("key")).toBe(-1);
});

test("SET with NX, XX and IFEQ stores only where the condition holds", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("SET", "key", "1", "XX")).toBe(NULL_REPLY);
  expect(db.run("SET", "key", "1", "nx")).toBe(OK);
  expect(db.run("SET", "key", "2", "NX")).toBe(NULL_REPLY);
  expect(db.run("SET", "key", "2", "xx")).toBe(OK);
  expect(db.run("SET", "key", "3", "IFEQ", "1")).toBe(NULL_REPLY);
  expect(db.run("SET", "key", "3", "ifeq", "2")).toBe(OK);
  expect(db.run("SET", "missing", "3", "IFEQ", "")).toBe(NULL_REPLY);
  expect(db.run("SET", "hash", "3", "NX")).toBe(NULL_REPLY);
  expect(db.run("SET", "hash", "3", "IFEQ", "1")).toBe(WRONG_TYPE);
  expect(db.run("GET", "key")).toBe(bulk("3"));
});

test("SET with GET replies with the old value whether or not it stores the new one", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("SET", "key", "1", "NX", "GET")).toBe(NULL_REPLY);
  expect(db.run("SET", "key", "2", "GET", "NX")).toBe(bulk("1"));
  expect(db.run("SET", "key", "3", "GET")).toBe(bulk("1"));
  expect(db.run("SET", "key", "4", "IFEQ", "1", "GET")).toBe(bulk("3"));
  expect(db.run("SET", "missing", "1", "XX", "GET")).toBe(NULL_REPLY);
  expect(db.run("SET", "hash", "1", "GET")).toBe(WRONG_TYPE);
  expect(db.run("SET", "hash", "1", "GET", "EX", "0")).toBe(invalidExpiry("set"));
  expect(db.run("GET", "key")).toBe(bulk("3"));
});

test("SET refuses options that contradict each other", () => {
  const db = new StringFixture();
  const refused = [
    ["NX", "XX"],
    ["XX", "NX"],
    ["NX", "IFEQ", "1"],
    ["IFEQ", "1", "XX"],
    ["IFEQ", "1", "IFEQ", "1"],
    ["KEEPTTL", "EX", "10"],
    ["EX", "10", "KEEPTTL"],
    ["EX", "10", "PX", "10"],
    ["PXAT", "10", "EXAT", "10"],
    ["PERSIST"],
    ["EX"],
    ["IFEQ"],
    ["EX", "abc", "bogus"],
    [""],
  ];
  for (const options of refused) {
    expect([options, db.run("SET", "key", "1", ...options)]).toEqual([options, SYNTAX_ERROR]);
  }
  for (const options of [
    ["NX", "NX"],
    ["KEEPTTL", "KEEPTTL"],
    ["GET", "GET"],
  ]) {
    expect(db.run("SET", "key", "1", ...options)).not.toBe(SYNTAX_ERROR);
  }
  db.run("SET", "key", "1", "EX", "10", "EX", "20");
  expect(db.expiryMs("key")).toBe(START_MS + 20_000);
});

test("every option that COMMAND DOCS lists is understood", () => {
  const values = new Map([
    ["integer", "100"],
    ["unix-time", String(START_MS + 1000)],
    ["string", "1"],
  ]);
  const requiredOf = new Map([
    ["SET", ["SET", "key", "1"]],
    ["GETEX", ["GETEX", "key"]],
    ["MSETEX", ["MSETEX", "1", "key", "1"]],
    ["LCS", ["LCS", "key", "key"]],
  ]);
  const tokensOf = (args: readonly ArgumentSpec[]): ArgumentSpec[] =>
    args.flatMap((arg) => [...(arg.token ? [arg] : []), ...tokensOf(arg.arguments ?? [])]);
  let count = 0;
  for (const { name, args } of families.flatMap((family) => family.commands)) {
    for (const { type, token = "" } of tokensOf(args ?? [])) {
      const db = new StringFixture();
      db.run("SET", "key", "1");
      const value = type === "pure-token" ? [] : [values.get(type) ?? ""];
      const request = [...(requiredOf.get(name) ?? []), token, ...value];
      expect([request, db.run(...request)]).not.toEqual([request, SYNTAX_ERROR]);
      count++;
    }
  }
  expect(count).toBe(9 + 5 + 7 + 4);
});

test("expiry times must be positive int64 milliseconds when all is added up", () => {
  const db = new StringFixture();
  const max = "9223372036854775807";
  const invalid = [
    ["EX", "0"],
    ["EX", "-1"],
    ["PX", "-9223372036854775808"],
    ["PXAT", "0"],
    ["EX", max],
    ["PX", max],
    ["EXAT", max],
    ["EXAT", "9223372036854776"],
    ["EX", "9223372036854775"],
  ];
  for (const options of invalid) {
    expect([options, db.run("SET", "key", "1", ...options)]).toEqual([
      options,
      invalidExpiry("set"),
    ]);
  }
  for (const text of ["abc", "+5", " 5", "05", "", "9223372036854775808", "1.5"]) {
    expect(db.run("SET", "key", "1", "EX", text)).toBe(NOT_AN_INTEGER);
  }
  expect(db.run("SETEX", "key", "0", "1")).toBe(invalidExpiry("setex"));
  expect(db.run("PSETEX", "key", max, "1")).toBe(invalidExpiry("psetex"));
  expect(db.run("GET", "key")).toBe(NULL_REPLY);
  expect(db.propagated()).toEqual([]);
});

test("expiry times beyond 2^53 are propagated exactly", () => {
  const db = new StringFixture();
  expect(db.run("SET", "key", "1", "EXAT", "9223372036854775")).toBe(OK);
  expect(db.run("SET", "key", "1", "PX", "9223370000000000001")).toBe(OK);
  expect(db.run("SET", "key", "1", "PXAT", "9223372036854775807")).toBe(OK);
  expect(db.propagated()).toEqual([
    "SET key 1 PXAT 9223372036854775000",
    "SET key 1 PXAT 9223371700000000001",
    "SET key 1 PXAT 9223372036854775807",
  ]);
});

test("SET is propagated with absolute times and without GET and IFEQ", () => {
  const db = new StringFixture();
  db.run("set", "key", "1", "ex", "10");
  db.run("SET", "key", "2", "PX", "500", "XX", "GET");
  db.run("SET", "key", "3", "EXAT", "1800000000");
  db.run("SET", "key", "4", "get", "PXAT", "1800000000000");
  db.run("SET", "key", "get", "xx", "GET", "GET");
  db.run("SET", "key", "5", "IFEQ", "get", "get");
  db.run("SET", "key", "6", "ifeq", "5", "PXAT", "1800000000000");
  db.run("SET", "key", "7", "NX");
  expect(db.propagated()).toEqual([
    `SET key 1 PXAT ${START_MS + 10_000}`,
    `SET key 2 PXAT ${START_MS + 500}`,
    "SET key 3 PXAT 1800000000000",
    "SET key 4 get PXAT 1800000000000",
    "SET key get xx",
    "SET key 5",
    "SET key 6 PXAT 1800000000000",
  ]);
});

test("SET with a time in the past leaves a key that has expired", () => {
  const db = new StringFixture();
  expect(db.run("SET", "key", "1", "EXAT", "1")).toBe(OK);
  expect(db.propagated()).toEqual(["SET key 1 PXAT 1000"]);
  expect(db.run("GET", "key")).toBe(NULL_REPLY);
});

test("SETNX, SETEX, PSETEX and GETSET store like SET", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("SETNX", "key", "1")).toBe(":1\r\n");
  expect(db.run("SETNX", "key", "2")).toBe(":0\r\n");
  expect(db.run("SETEX", "key", "10", "3")).toBe(OK);
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
  expect(db.run("PSETEX", "key", "10", "4")).toBe(OK);
  expect(db.expiryMs("key")).toBe(START_MS + 10);
  expect(db.run("GETSET", "key", "5")).toBe(bulk("4"));
  expect(db.expiryMs("key")).toBe(-1);
  expect(db.run("GETSET", "new", "6")).toBe(NULL_REPLY);
  expect(db.run("GETSET", "hash", "6")).toBe(WRONG_TYPE);
  expect(db.propagated()).toEqual([
    "SETNX key 1",
    `SET key 3 PXAT ${START_MS + 10_000}`,
    `SET key 4 PXAT ${START_MS + 10}`,
    "SET key 5",
    "SET new 6",
  ]);
});

test("GETDEL deletes what it reads", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "1");
  db.propagated();
  expect(db.run("GETDEL", "hash")).toBe(WRONG_TYPE);
  expect(db.run("GETDEL", "key")).toBe(bulk("1"));
  expect(db.run("GETDEL", "key")).toBe(NULL_REPLY);
  expect(db.propagated()).toEqual(["DEL key"]);
});

test("GETEX sets, clears and keeps the expiry and propagates only changes", () => {
  const db = new StringFixture();
  db.run("SET", "key", "1");
  db.propagated();
  expect(db.run("GETEX", "key")).toBe(bulk("1"));
  expect(db.run("GETEX", "key", "PERSIST")).toBe(bulk("1"));
  expect(db.propagated()).toEqual([]);
  expect(db.run("GETEX", "key", "ex", "10")).toBe(bulk("1"));
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
  expect(db.run("GETEX", "key", "PXAT", "1800000000000")).toBe(bulk("1"));
  expect(db.expiryMs("key")).toBe(1_800_000_000_000);
  expect(db.run("GETEX", "key", "persist")).toBe(bulk("1"));
  expect(db.expiryMs("key")).toBe(-1);
  expect(db.run("GETEX", "key", "EXAT", "1")).toBe(bulk("1"));
  expect(db.run("GET", "key")).toBe(NULL_REPLY);
  expect(db.propagated()).toEqual([
    `PEXPIREAT key ${START_MS + 10_000}`,
    "PEXPIREAT key 1800000000000",
    "PERSIST key",
    "DEL key",
  ]);
});

test("GETEX checks syntax, then the key, then its type, then the time", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "1");
  for (const option of ["KEEPTTL", "NX", "GET", "EX", "bogus"]) {
    expect(db.run("GETEX", "missing", option)).toBe(SYNTAX_ERROR);
  }
  expect(db.run("GETEX", "key", "PERSIST", "EX", "10")).toBe(SYNTAX_ERROR);
  expect(db.run("GETEX", "missing", "EX", "abc")).toBe(NULL_REPLY);
  expect(db.run("GETEX", "hash", "EX", "abc")).toBe(WRONG_TYPE);
  expect(db.run("GETEX", "key", "EX", "abc")).toBe(NOT_AN_INTEGER);
  expect(db.run("GETEX", "key", "EX", "0")).toBe(invalidExpiry("getex"));
});

test("DELIFEQ deletes only an equal string", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "value");
  db.propagated();
  expect(db.run("DELIFEQ", "key", "valuE")).toBe(":0\r\n");
  expect(db.run("DELIFEQ", "key", "val")).toBe(":0\r\n");
  expect(db.run("DELIFEQ", "hash", "value")).toBe(WRONG_TYPE);
  expect(db.run("DELIFEQ", "key", "value")).toBe(":1\r\n");
  expect(db.run("DELIFEQ", "key", "value")).toBe(":0\r\n");
  expect(db.propagated()).toEqual(["DEL key"]);
});

test("replies follow the protocol: null is a type of its own in RESP3", () => {
  const db = new StringFixture();
  db.reply.protocol = 3;
  expect(db.run("GET", "missing")).toBe("_\r\n");
  expect(db.run("SET", "missing", "1", "XX")).toBe("_\r\n");
  expect(db.run("MGET", "missing", "missing")).toBe("*2\r\n_\r\n_\r\n");
});
