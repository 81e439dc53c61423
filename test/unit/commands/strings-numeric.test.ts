import { expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import {
  bulk,
  NOT_AN_INTEGER,
  OK,
  START_MS,
  StringFixture,
  WRONG_TYPE,
} from "./strings-fixture.ts";

const OVERFLOW = "-ERR increment or decrement would overflow\r\n";
const NOT_A_FLOAT = "-ERR value is not a valid float\r\n";
const MAX = "9223372036854775807";
const MIN = "-9223372036854775808";

test("INCR, DECR, INCRBY and DECRBY count from 0 and keep the expiry", () => {
  const db = new StringFixture();
  expect(db.run("INCR", "key")).toBe(":1\r\n");
  expect(db.run("DECRBY", "key", "3")).toBe(":-2\r\n");
  expect(db.run("INCRBY", "key", "102")).toBe(":100\r\n");
  expect(db.run("DECR", "key")).toBe(":99\r\n");
  expect(db.run("DECRBY", "other", "0")).toBe(":0\r\n");
  db.run("GETEX", "key", "EX", "10");
  expect(db.run("INCRBY", "key", "0")).toBe(":99\r\n");
  expect(db.run("INCR", "key")).toBe(":100\r\n");
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
  expect(db.run("GET", "key")).toBe(bulk("100"));
});

test("counters cover the whole int64 range", () => {
  const db = new StringFixture();
  db.run("SET", "key", "9007199254740991");
  expect(db.run("INCR", "key")).toBe(":9007199254740992\r\n");
  expect(db.run("INCR", "key")).toBe(":9007199254740993\r\n");
  expect(db.run("INCRBY", "key", "-9007199254740993")).toBe(":0\r\n");
  expect(db.run("INCRBY", "key", MAX)).toBe(`:${MAX}\r\n`);
  expect(db.run("INCR", "key")).toBe(OVERFLOW);
  expect(db.run("DECRBY", "key", "-1")).toBe(OVERFLOW);
  expect(db.run("GET", "key")).toBe(bulk(MAX));
  db.run("SET", "key", MIN);
  expect(db.run("DECR", "key")).toBe(OVERFLOW);
  expect(db.run("INCRBY", "key", MAX)).toBe(":-1\r\n");
  expect(db.run("INCRBY", "new", MIN)).toBe(`:${MIN}\r\n`);
});

test("DECRBY refuses the one number that has no negation before it looks at the key", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("DECRBY", "hash", MIN)).toBe("-ERR decrement would overflow\r\n");
  expect(db.run("DECRBY", "hash", "9223372036854775808")).toBe(NOT_AN_INTEGER);
  expect(db.run("DECRBY", "hash", MAX)).toBe(WRONG_TYPE);
});

test("values and increments must be canonical integers", () => {
  const db = new StringFixture();
  for (const value of ["", " 1", "1 ", "01", "-0", "+1", "1.0", "abc", "9223372036854775808"]) {
    db.run("SET", "key", value);
    expect([value, db.run("INCR", "key")]).toEqual([value, NOT_AN_INTEGER]);
    expect([value, db.run("INCRBY", "missing", value)]).toEqual([value, NOT_AN_INTEGER]);
  }
  db.makeHash("hash");
  expect(db.run("INCRBY", "hash", "abc")).toBe(NOT_AN_INTEGER);
  expect(db.run("INCR", "hash")).toBe(WRONG_TYPE);
});

test("a counter that was raw becomes an integer again", () => {
  const db = new StringFixture();
  db.run("APPEND", "key", "1");
  db.run("APPEND", "key", "0");
  expect(db.encoding("key")).toBe("raw");
  expect(db.run("INCR", "key")).toBe(":11\r\n");
  expect(db.encoding("key")).toBe("int");
});

test("counters agree with BigInt arithmetic on random steps (seed 5)", () => {
  const db = new StringFixture();
  const random = new Xoshiro(5);
  const steps = [1n, 9n, 10n, 99_999n, 2n ** 31n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n];
  let value = 0n;
  for (let round = 0; round < 2000; round++) {
    const step = steps[randomBelow(random, steps.length)] * (random.uint32() & 1 ? 1n : -1n);
    const sum = value + step;
    const fits = BigInt.asIntN(64, sum) === sum;
    if (fits) value = sum;
    expect(db.run("INCRBY", "key", step.toString())).toBe(fits ? `:${sum}\r\n` : OVERFLOW);
  }
});

test("INCRBYFLOAT adds, keeps the expiry and propagates the sum", () => {
  const db = new StringFixture();
  expect(db.run("INCRBYFLOAT", "key", "1.5")).toBe(bulk("1.5"));
  db.run("GETEX", "key", "EX", "10");
  db.propagated();
  expect(db.run("INCRBYFLOAT", "key", "1e2")).toBe(bulk("101.5"));
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
  expect(db.run("GET", "key")).toBe(bulk("101.5"));
  expect(db.propagated()).toEqual(["SET key 101.5 KEEPTTL"]);
});

test("INCRBYFLOAT checks the type first, then both numbers, then the sum", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("INCRBYFLOAT", "hash", "abc")).toBe(WRONG_TYPE);
  expect(db.run("SET", "key", "abc")).toBe(OK);
  expect(db.run("INCRBYFLOAT", "key", "1")).toBe(NOT_A_FLOAT);
  expect(db.run("INCRBYFLOAT", "missing", "abc")).toBe(NOT_A_FLOAT);
  const infinite = "-ERR increment would produce NaN or Infinity\r\n";
  expect(db.run("INCRBYFLOAT", "missing", "-inf")).toBe(infinite);
  db.run("SET", "key", "1e4932");
  expect(db.run("INCRBYFLOAT", "key", "1e4932")).toBe(infinite);
});
