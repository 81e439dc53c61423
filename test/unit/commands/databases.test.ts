import { beforeEach, expect, test } from "bun:test";
import { bulk, GenericFixture, integer, OK, SYNTAX_ERROR } from "./generic-fixture.ts";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
  f.run("SET", "a", "1");
  f.run("SET", "b", "2");
  f.run("COPY", "a", "c", "DB", "1");
  f.propagated();
});

test("DBSIZE counts the selected database", () => {
  expect(f.run("DBSIZE")).toBe(integer(2));
  f.select(1);
  expect(f.run("DBSIZE")).toBe(integer(1));
});

test("FLUSHDB empties one database, FLUSHALL all, each key being one change", () => {
  const before = f.effects.changes;
  expect(f.run("FLUSHDB")).toBe(OK);
  expect(f.effects.changes - before).toBe(2);
  f.select(1);
  expect(f.run("DBSIZE")).toBe(integer(1));
  expect(f.run("FLUSHALL", "async")).toBe(OK);
  expect(f.run("DBSIZE")).toBe(integer(0));
  expect(f.effects.changes - before).toBe(3);
  expect(f.propagated()).toEqual(["FLUSHDB", "FLUSHALL async"]);
});

test("flushing what is empty is propagated all the same, but is no change", () => {
  f.run("FLUSHALL");
  f.propagated();
  const before = f.effects.changes;
  f.run("FLUSHDB", "SYNC");
  f.run("FLUSHALL");
  expect(f.effects.changes).toBe(before);
  expect(f.propagated()).toEqual(["FLUSHDB SYNC", "FLUSHALL"]);
});

test("flushing takes one option at most", () => {
  expect(f.run("FLUSHALL", "foo")).toBe(SYNTAX_ERROR);
  expect(f.run("FLUSHALL", "sync", "async")).toBe(SYNTAX_ERROR);
  expect(f.run("FLUSHDB", "sync", "sync")).toBe(SYNTAX_ERROR);
  expect(f.run("DBSIZE")).toBe(integer(2));
});

test("SWAPDB exchanges contents under the numbers that clients have selected", () => {
  expect(f.run("SWAPDB", "0", "1")).toBe(OK);
  expect(f.run("GET", "c")).toBe(bulk("1"));
  expect(f.run("DBSIZE")).toBe(integer(1));
  f.select(1);
  expect(f.run("DBSIZE")).toBe(integer(2));
  expect(f.run("SWAPDB", "1", "1")).toBe(OK);
  expect(f.propagated()).toEqual(["SWAPDB 0 1", "SWAPDB 1 1"]);
});

test("SWAPDB tells which index is no number before looking at their range", () => {
  expect(f.run("SWAPDB", "a", "b")).toBe("-ERR invalid first DB index\r\n");
  expect(f.run("SWAPDB", "99", "b")).toBe("-ERR invalid second DB index\r\n");
  expect(f.run("SWAPDB", "99999999999", "0")).toBe("-ERR invalid first DB index\r\n");
  expect(f.run("SWAPDB", "0", "16")).toBe("-ERR DB index is out of range\r\n");
  expect(f.run("SWAPDB", "-1", "0")).toBe("-ERR DB index is out of range\r\n");
});
