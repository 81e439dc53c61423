import { beforeEach, expect, test } from "bun:test";
import {
  bulk,
  GenericFixture,
  integer,
  NOT_AN_INTEGER,
  OK,
  SYNTAX_ERROR,
} from "./generic-fixture.ts";

const NO_SUCH_KEY = "-ERR no such key\r\n";
const SAME_OBJECT = "-ERR source and destination objects are the same\r\n";
const BAD_INDEX = "-ERR DB index is out of range\r\n";
const NULL_REPLY = "$-1\r\n";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
  f.run("SET", "a", "1");
  f.run("SET", "b", "2", "PX", "1000");
  f.propagated();
});

test("EXISTS and TOUCH count keys as often as they are named", () => {
  expect(f.run("EXISTS", "a", "b", "nokey", "a")).toBe(integer(3));
  expect(f.run("TOUCH", "a", "b", "nokey", "a")).toBe(integer(3));
  expect([f.keyspace.hits, f.keyspace.misses]).toEqual([6, 2]);
});

test("TOUCH notes an access, EXISTS and TYPE do not", () => {
  f.clock.advance(5000);
  f.run("EXISTS", "a");
  f.run("TYPE", "a");
  expect(f.run("OBJECT", "IDLETIME", "a")).toBe(integer(5));
  f.run("TOUCH", "a");
  expect(f.run("OBJECT", "IDLETIME", "a")).toBe(integer(0));
});

test("TYPE names the type, or none", () => {
  expect(f.run("TYPE", "a")).toBe("+string\r\n");
  expect(f.run("TYPE", "nokey")).toBe("+none\r\n");
});

test("DEL and UNLINK delete what exists, once, and are propagated as they came", () => {
  expect(f.run("DEL", "a", "nokey", "a")).toBe(integer(1));
  expect(f.run("unlink", "b", "nokey")).toBe(integer(1));
  expect(f.run("DEL", "a", "b")).toBe(integer(0));
  expect(f.propagated()).toEqual(["DEL a nokey a", "unlink b nokey"]);
});

test("RANDOMKEY returns a live key, deleting expired ones on the way", () => {
  f.run("DEL", "a");
  expect(f.run("RANDOMKEY")).toBe(bulk("b"));
  f.propagated();
  f.clock.advance(2000);
  expect(f.run("RANDOMKEY")).toBe(NULL_REPLY);
  expect(f.propagated()).toEqual(["DEL b"]);
  expect(f.run("DBSIZE")).toBe(integer(0));
});

test("RANDOMKEY returns an expired key where none may be deleted", () => {
  f.run("DEL", "a");
  f.keyspace.hidesExpired = true;
  f.clock.advance(2000);
  expect(f.run("RANDOMKEY")).toBe(bulk("b"));
});

test("RENAME moves value and expiry over whatever the new name held", () => {
  f.run("SET", "c", "3");
  f.propagated();
  expect(f.run("RENAME", "b", "c")).toBe(OK);
  expect(f.run("GET", "c")).toBe(bulk("2"));
  expect(f.run("PTTL", "c")).toBe(integer(1000));
  expect(f.run("EXISTS", "b")).toBe(integer(0));
  expect(f.propagated()).toEqual(["RENAME b c"]);
});

test("RENAME to the same name changes nothing, but the key must exist", () => {
  expect(f.run("RENAME", "a", "a")).toBe(OK);
  expect(f.run("RENAMENX", "a", "a")).toBe(integer(0));
  expect(f.run("RENAME", "nokey", "nokey")).toBe(NO_SUCH_KEY);
  expect(f.run("RENAMENX", "nokey", "a")).toBe(NO_SUCH_KEY);
  expect(f.propagated()).toEqual([]);
});

test("RENAMENX leaves a name that is taken, unless its key has expired", () => {
  expect(f.run("RENAMENX", "a", "b")).toBe(integer(0));
  f.clock.advance(2000);
  expect(f.run("RENAMENX", "a", "b")).toBe(integer(1));
  expect(f.run("GET", "b")).toBe(bulk("1"));
  expect(f.run("PTTL", "b")).toBe(integer(-1));
});

test("COPY copies value and expiry, and replaces only when told to", () => {
  expect(f.run("COPY", "b", "c")).toBe(integer(1));
  expect(f.run("PTTL", "c")).toBe(integer(1000));
  expect(f.run("COPY", "a", "c")).toBe(integer(0));
  expect(f.run("COPY", "a", "c", "replace", "REPLACE")).toBe(integer(1));
  expect(f.run("GET", "c")).toBe(bulk("1"));
  expect(f.run("PTTL", "c")).toBe(integer(-1));
  expect(f.run("GET", "a")).toBe(bulk("1"));
  expect(f.run("COPY", "nokey", "c", "REPLACE")).toBe(integer(0));
  expect(f.propagated()).toEqual(["COPY b c", "COPY a c replace REPLACE"]);
});

test("COPY into another database takes the last DB option", () => {
  expect(f.run("COPY", "a", "a", "DB", "1", "DB", "2")).toBe(integer(1));
  f.select(2);
  expect(f.run("GET", "a")).toBe(bulk("1"));
});

test("COPY's errors come in the order of its arguments, before the keys are looked at", () => {
  expect(f.run("COPY", "nokey", "nokey")).toBe(SAME_OBJECT);
  expect(f.run("COPY", "a", "a", "DB", "0")).toBe(SAME_OBJECT);
  expect(f.run("COPY", "nokey", "c", "foo")).toBe(SYNTAX_ERROR);
  expect(f.run("COPY", "nokey", "c", "DB")).toBe(SYNTAX_ERROR);
  expect(f.run("COPY", "nokey", "c", "DB", "16", "foo")).toBe(BAD_INDEX);
  expect(f.run("COPY", "nokey", "c", "DB", "-1")).toBe(BAD_INDEX);
  expect(f.run("COPY", "nokey", "c", "DB", "abc")).toBe(NOT_AN_INTEGER);
  expect(f.run("COPY", "nokey", "c", "DB", "99999999999")).toBe(
    "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n",
  );
});

test("MOVE takes a key and its expiry to another database", () => {
  expect(f.run("MOVE", "b", "1")).toBe(integer(1));
  expect(f.run("MOVE", "b", "1")).toBe(integer(0));
  expect(f.propagated()).toEqual(["MOVE b 1"]);
  f.select(1);
  expect(f.run("PTTL", "b")).toBe(integer(1000));
  expect(f.run("GET", "b")).toBe(bulk("2"));
});

test("MOVE leaves a key whose name is taken there", () => {
  f.run("COPY", "a", "a", "DB", "1");
  expect(f.run("MOVE", "a", "1")).toBe(integer(0));
  expect(f.run("EXISTS", "a")).toBe(integer(1));
  expect(f.run("MOVE", "nokey", "0")).toBe(SAME_OBJECT);
  expect(f.run("MOVE", "nokey", "16")).toBe(BAD_INDEX);
  expect(f.run("MOVE", "nokey", "x")).toBe(NOT_AN_INTEGER);
});
