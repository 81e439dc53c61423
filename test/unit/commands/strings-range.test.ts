import { expect, test } from "bun:test";
import { bulk, NOT_AN_INTEGER, START_MS, StringFixture, WRONG_TYPE } from "./strings-fixture.ts";

const TOO_LONG = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

test("APPEND creates, grows and keeps the expiry", () => {
  const db = new StringFixture();
  expect(db.run("APPEND", "key", "12")).toBe(":2\r\n");
  expect(db.encoding("key")).toBe("int");
  db.run("GETEX", "key", "EX", "10");
  expect(db.run("APPEND", "key", "")).toBe(":2\r\n");
  expect(db.encoding("key")).toBe("raw");
  let expected = "12";
  for (let round = 0; round < 200; round++) {
    const piece = String.fromCharCode(97 + (round % 26)).repeat(round % 70);
    expected += piece;
    expect(db.run("APPEND", "key", piece)).toBe(`:${expected.length}\r\n`);
  }
  expect(db.run("GET", "key")).toBe(bulk(expected));
  expect(db.expiryMs("key")).toBe(START_MS + 10_000);
});

test("APPEND of nothing to a missing key creates an empty string", () => {
  const db = new StringFixture();
  expect(db.run("APPEND", "key", "")).toBe(":0\r\n");
  expect(db.run("GET", "key")).toBe(bulk(""));
  expect(db.propagated()).toEqual(["APPEND key "]);
});

test("SETRANGE pads with zero bytes and overwrites in place", () => {
  const db = new StringFixture();
  expect(db.run("SETRANGE", "key", "3", "ab")).toBe(":5\r\n");
  expect(db.run("GET", "key")).toBe(bulk("\0\0\0ab"));
  expect(db.run("SETRANGE", "key", "1", "xy")).toBe(":5\r\n");
  expect(db.run("GET", "key")).toBe(bulk("\0xyab"));
  expect(db.run("SETRANGE", "key", "6", "z")).toBe(":7\r\n");
  expect(db.run("GET", "key")).toBe(bulk("\0xyab\0z"));
  expect(db.run("SETRANGE", "number", "0", "12")).toBe(":2\r\n");
  expect(db.encoding("number")).toBe("raw");
});

test("SETRANGE with an empty value only tells the length", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "12");
  db.propagated();
  expect(db.run("SETRANGE", "missing", "0", "")).toBe(":0\r\n");
  expect(db.run("SETRANGE", "missing", "9223372036854775807", "")).toBe(":0\r\n");
  expect(db.run("GET", "missing")).toBe("$-1\r\n");
  expect(db.run("SETRANGE", "key", "5", "")).toBe(":2\r\n");
  expect(db.encoding("key")).toBe("int");
  expect(db.run("SETRANGE", "hash", "0", "")).toBe(WRONG_TYPE);
  expect(db.propagated()).toEqual([]);
});

test("SETRANGE checks the offset before the key", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  expect(db.run("SETRANGE", "hash", "abc", "x")).toBe(NOT_AN_INTEGER);
  expect(db.run("SETRANGE", "hash", "-1", "x")).toBe("-ERR offset is out of range\r\n");
  expect(db.run("SETRANGE", "hash", "-9223372036854775808", "x")).toBe(
    "-ERR offset is out of range\r\n",
  );
  expect(db.run("SETRANGE", "hash", "0", "x")).toBe(WRONG_TYPE);
});

test("no string grows beyond proto-max-bulk-len", () => {
  const db = new StringFixture();
  db.bulkLengthMax = 1 << 20;
  expect(db.run("SETRANGE", "key", "9223372036854775807", "x")).toBe(TOO_LONG);
  expect(db.run("SETRANGE", "key", "1048576", "x")).toBe(TOO_LONG);
  expect(db.run("GET", "key")).toBe("$-1\r\n");
  expect(db.run("SETRANGE", "key", "1048575", "x")).toBe(":1048576\r\n");
  expect(db.run("APPEND", "key", "y")).toBe(TOO_LONG);
  expect(db.run("APPEND", "key", "")).toBe(":1048576\r\n");
  db.keyspace.isLoading = true;
  expect(db.run("APPEND", "key", "y")).toBe(":1048577\r\n");
});

test("GETRANGE clamps its offsets to the string", () => {
  const db = new StringFixture();
  db.run("SET", "key", "Hello");
  const cases: [first: string, last: string, part: string][] = [
    ["0", "-1", "Hello"],
    ["-3", "-1", "llo"],
    ["-100", "100", "Hello"],
    ["3", "1", ""],
    ["-1", "-3", ""],
    ["-100", "-50", "H"],
    ["0", "-6", "H"],
    ["5", "6", ""],
    ["2", "9223372036854775807", "llo"],
    ["9223372036854775807", "9223372036854775807", ""],
    ["-9223372036854775808", "9223372036854775807", "Hello"],
    ["-9223372036854775808", "-9223372036854775808", "H"],
    ["-9223372036854775807", "-9223372036854775808", ""],
  ];
  for (const [first, last, part] of cases) {
    expect([first, last, db.run("GETRANGE", "key", first, last)]).toEqual([
      first,
      last,
      bulk(part),
    ]);
    expect(db.run("SUBSTR", "key", first, last)).toBe(bulk(part));
  }
});

test("GETRANGE checks its offsets before the key", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "empty", "");
  expect(db.run("GETRANGE", "missing", "a", "1")).toBe(NOT_AN_INTEGER);
  expect(db.run("GETRANGE", "missing", "0", "9223372036854775808")).toBe(NOT_AN_INTEGER);
  expect(db.run("GETRANGE", "hash", "0", "")).toBe(NOT_AN_INTEGER);
  expect(db.run("GETRANGE", "missing", "0", "1")).toBe(bulk(""));
  expect(db.run("GETRANGE", "empty", "-5", "-2")).toBe(bulk(""));
  expect(db.run("GETRANGE", "hash", "0", "1")).toBe(WRONG_TYPE);
});

test("STRLEN counts bytes", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "key", "a\0b");
  expect(db.run("STRLEN", "key")).toBe(":3\r\n");
  expect(db.run("STRLEN", "missing")).toBe(":0\r\n");
  expect(db.run("STRLEN", "hash")).toBe(WRONG_TYPE);
});
