import { expect, test } from "bun:test";
import { bulk, OK, StringFixture, WRONG_TYPE } from "./strings-fixture.ts";

const STALE = `${"\0".repeat(7)}\x80`;
const HEADER = `HYLL\x01\0\0\0${STALE}`;
const CORRUPT = "-INVALIDOBJ Corrupted HLL object detected\r\n";
const NONE = "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n";

test("PFADD creates a HyperLogLog, with or without elements", () => {
  const db = new StringFixture();
  expect(db.run("PFADD", "key")).toBe(":1\r\n");
  expect(db.run("GET", "key")).toBe(bulk(`${HEADER}\x7f\xff`));
  expect(db.run("PFADD", "key")).toBe(":0\r\n");
  expect(db.encoding("key")).toBe("raw");
  expect(db.propagated()).toEqual(["PFADD key"]);
  // As Redis 8.0 stores it.
  expect(db.run("PFADD", "key", "a", "b", "c")).toBe(":1\r\n");
  expect(db.run("GET", "key")).toBe(bulk(`${HEADER}\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a`));
});

test("PFCOUNT caches its estimate in the string and propagates that once", () => {
  const db = new StringFixture();
  db.run("PFADD", "key", "a", "b", "c");
  db.propagated();
  expect(db.run("PFCOUNT", "key")).toBe(":3\r\n");
  expect(db.run("PFCOUNT", "key")).toBe(":3\r\n");
  expect(db.run("PFCOUNT", "key", "none")).toBe(":3\r\n");
  expect(db.propagated()).toEqual(["PFCOUNT key"]);
  expect(db.run("GETRANGE", "key", "8", "15")).toBe(bulk("\x03\0\0\0\0\0\0\0"));
  expect(db.run("PFCOUNT", "none")).toBe(":0\r\n");
});

test("registers that were raised before a corrupt opcode turned up are propagated", () => {
  const db = new StringFixture();
  // The first 4,096 registers only; "b" belongs behind them.
  db.run("SET", "key", `${HEADER}\x4f\xff`);
  db.propagated();
  expect(db.run("PFADD", "key", "b", "b")).toBe(CORRUPT);
  expect(db.propagated()).toEqual([]);
  const first = Array.from({ length: 100 }, (_, k) => `e${k}`).find((element) => {
    db.run("SET", "probe", `${HEADER}\x4f\xff`);
    return db.run("PFADD", "probe", element) === ":1\r\n";
  });
  db.propagated();
  expect(db.run("PFADD", "key", String(first), "b")).toBe(CORRUPT);
  expect(db.propagated()).toEqual([`PFADD key ${first} b`]);
  expect(db.run("PFCOUNT", "key")).toBe(CORRUPT);
  expect(db.run("PFMERGE", "target", "key")).toBe(CORRUPT);
  expect(db.run("STRLEN", "target")).toBe(":0\r\n");
});

test("what is no HyperLogLog is refused", () => {
  const db = new StringFixture();
  db.makeHash("hash");
  db.run("SET", "text", "text");
  db.run("SET", "dense", `HYLL\0\0\0\0${STALE}short`);
  for (const [key, error] of [
    ["hash", WRONG_TYPE],
    ["text", NONE],
    ["dense", NONE],
  ]) {
    expect(db.run("PFADD", key, "a")).toBe(error);
    expect(db.run("PFCOUNT", key)).toBe(error);
    expect(db.run("PFCOUNT", "none", key)).toBe(error);
    expect(db.run("PFMERGE", "target", key)).toBe(error);
    expect(db.run("PFDEBUG", "ENCODING", key)).toBe(error);
  }
});

test("PFDEBUG converts, PFSELFTEST finds no fault", () => {
  const db = new StringFixture();
  db.run("PFADD", "key", "a");
  db.propagated();
  expect(db.run("PFDEBUG", "DECODE", "key")).toBe(bulk("Z:12711 v:2,1 Z:3672"));
  expect(db.run("PFDEBUG", "TODENSE", "key")).toBe(":1\r\n");
  expect(db.run("PFDEBUG", "TODENSE", "key")).toBe(":0\r\n");
  expect(db.propagated()).toEqual(["PFDEBUG TODENSE key"]);
  expect(db.run("STRLEN", "key")).toBe(":12304\r\n");
  expect(db.run("PFSELFTEST")).toBe(OK);
});
