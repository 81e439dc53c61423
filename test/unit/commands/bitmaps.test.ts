import { expect, test } from "bun:test";
import { bulk, NULL_REPLY, StringFixture, SYNTAX_ERROR, WRONG_TYPE } from "./strings-fixture.ts";

const OUT_OF_RANGE = "-ERR bit offset is not an integer or out of range\r\n";

test("SETBIT tells the old bit, grows the string with zeros and makes it raw", () => {
  const db = new StringFixture();
  expect(db.run("SETBIT", "key", "7", "1")).toBe(":0\r\n");
  expect(db.run("SETBIT", "key", "7", "1")).toBe(":1\r\n");
  expect(db.run("SETBIT", "key", "23", "0")).toBe(":0\r\n");
  expect(db.run("GET", "key")).toBe(bulk("\x01\0\0"));
  expect(db.encoding("key")).toBe("raw");
  expect(db.propagated()).toEqual(["SETBIT key 7 1", "SETBIT key 23 0"]);
  db.run("SET", "key", "1", "PXAT", "1700000009999");
  db.run("SETBIT", "key", "0", "0");
  expect(db.encoding("key")).toBe("raw");
  expect(db.expiryMs("key")).toBe(1_700_000_009_999);
});

test("bit offsets end where strings may", () => {
  const db = new StringFixture();
  db.bulkLengthMax = 2 ** 21;
  const last = 2 ** 24 - 1;
  expect(db.run("SETBIT", "key", String(last), "1")).toBe(":0\r\n");
  expect(db.run("GETBIT", "key", String(last))).toBe(":1\r\n");
  expect(db.run("SETBIT", "key", String(last + 1), "1")).toBe(OUT_OF_RANGE);
  expect(db.run("GETBIT", "key", String(last + 1))).toBe(OUT_OF_RANGE);
  expect(db.run("BITFIELD", "key", "GET", "u8", `#${2 ** 21}`)).toBe(OUT_OF_RANGE);
  expect(db.run("BITCOUNT", "key")).toBe(":1\r\n");
  expect(db.run("BITPOS", "key", "1")).toBe(`:${last}\r\n`);
  db.keyspace.isLoading = true;
  expect(db.run("SETBIT", "key", String(last + 1), "1")).toBe(":0\r\n");
});

test("BITOP has the operations of Redis 8.2", () => {
  const db = new StringFixture();
  db.run("MSET", "x", "\xf0\xff", "y", "\xcc", "z", "\xaa\x0f\x01");
  const combined = (name: string, ...keys: string[]) => {
    const reply = db.run("BITOP", name, "d", ...keys);
    return reply.startsWith(":") ? db.run("GET", "d") : reply;
  };
  expect(combined("DIFF", "x", "y", "z")).toBe(bulk("\x10\xf0\0"));
  expect(combined("DIFF1", "x", "y", "z")).toBe(bulk("\x0e\0\x01"));
  expect(combined("ANDOR", "x", "y", "z")).toBe(bulk("\xe0\x0f\0"));
  expect(combined("ONE", "x", "y", "z")).toBe(bulk("\x16\xf0\x01"));
  expect(combined("one", "x")).toBe(bulk("\xf0\xff"));
  for (const name of ["DIFF", "DIFF1", "ANDOR"]) {
    const error = `-ERR BITOP ${name} must be called with at least two source keys.\r\n`;
    expect(combined(name.toLowerCase(), "x")).toBe(error);
  }
  expect(combined("diff2", "x", "y")).toBe(SYNTAX_ERROR);
  db.makeHash("hash");
  expect(combined("ONE", "x", "hash")).toBe(WRONG_TYPE);
});

test("BITOP takes its destination as a source, and more sources than it has room for", () => {
  const db = new StringFixture();
  const keys = Array.from({ length: 100 }, (_, k) => `key${k}`);
  for (const [k, key] of keys.entries()) db.run("SETBIT", key, String(k * 1000), "1");
  db.run("GETEX", "key7", "PX", "1000");
  expect(db.run("BITOP", "OR", "key7", ...keys)).toBe(":12376\r\n");
  expect(db.run("BITCOUNT", "key7")).toBe(":100\r\n");
  expect(db.expiryMs("key7")).toBe(-1);
  expect(db.encoding("key7")).toBe("raw");
  expect(db.run("BITOP", "AND", "key7", "key7", "none")).toBe(":12376\r\n");
  expect(db.run("BITCOUNT", "key7")).toBe(":0\r\n");
  db.propagated();
  expect(db.run("BITOP", "XOR", "key7", "none")).toBe(":0\r\n");
  expect(db.run("BITOP", "XOR", "key7", "none")).toBe(":0\r\n");
  expect(db.propagated()).toEqual(["BITOP XOR key7 none"]);
});

test("BITFIELD keeps all 64 bits", () => {
  const db = new StringFixture();
  const most = "9223372036854775807";
  expect(db.run("BITFIELD", "key", "SET", "i64", "3", most, "GET", "u63", "4")).toBe(
    `*2\r\n:0\r\n:${most}\r\n`,
  );
  expect(db.run("BITFIELD", "key", "INCRBY", "i64", "3", "1")).toBe(
    "*1\r\n:-9223372036854775808\r\n",
  );
  expect(db.run("BITFIELD", "key", "OVERFLOW", "SAT", "INCRBY", "i64", "3", "-1")).toBe(
    "*1\r\n:-9223372036854775808\r\n",
  );
  expect(db.run("BITFIELD", "key", "OVERFLOW", "FAIL", "INCRBY", "i64", "3", "-1")).toBe(
    `*1\r\n${NULL_REPLY}`,
  );
});

test("BITFIELD propagates what it wrote, and a string that only became longer", () => {
  const db = new StringFixture();
  db.run("BITFIELD", "key", "SET", "u8", "0", "0");
  expect(db.propagated()).toEqual(["BITFIELD key SET u8 0 0"]);
  db.run("BITFIELD", "key", "SET", "u8", "0", "0", "GET", "u8", "1000");
  db.run("BITFIELD", "key", "GET", "u8", "0");
  expect(db.propagated()).toEqual([]);
  expect(db.run("BITFIELD", "key", "OVERFLOW", "FAIL", "SET", "u8", "8", "256")).toBe(
    `*1\r\n${NULL_REPLY}`,
  );
  expect(db.run("STRLEN", "key")).toBe(":2\r\n");
  expect(db.propagated()).toEqual(["BITFIELD key OVERFLOW FAIL SET u8 8 256"]);
});
