import { beforeEach, expect, test } from "bun:test";
import { GenericFixture, integer, NOT_AN_INTEGER, OK, START_MS } from "./generic-fixture.ts";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
  f.run("SET", "k", "v");
  f.propagated();
});

function invalid(name: string): string {
  return `-ERR invalid expire time in '${name}' command\r\n`;
}

test("each command of the family sets the time in its own unit", () => {
  expect(f.run("EXPIRE", "k", "10")).toBe(integer(1));
  expect(f.run("PEXPIRETIME", "k")).toBe(integer(START_MS + 10_000));
  expect(f.run("PEXPIRE", "k", "1500")).toBe(integer(1));
  expect(f.run("PEXPIRETIME", "k")).toBe(integer(START_MS + 1500));
  expect(f.run("EXPIREAT", "k", "4000000000")).toBe(integer(1));
  expect(f.run("PEXPIRETIME", "k")).toBe(integer(4_000_000_000_000));
  expect(f.run("PEXPIREAT", "k", "3000000000123")).toBe(integer(1));
  expect(f.run("PEXPIRETIME", "k")).toBe(integer(3_000_000_000_123));
});

test("every form is propagated as PEXPIREAT with its conditions", () => {
  f.run("expire", "k", "100", "nx");
  f.run("PEXPIRE", "k", "200000", "XX", "gt");
  f.run("EXPIREAT", "k", "4000000000");
  f.run("pexpireat", "k", "3000000000000", "LT");
  expect(f.propagated()).toEqual([
    `PEXPIREAT k ${START_MS + 100_000} nx`,
    `PEXPIREAT k ${START_MS + 200_000} XX gt`,
    "PEXPIREAT k 4000000000000",
    "pexpireat k 3000000000000 LT",
  ]);
});

test("a time that is not in the future deletes the key and is propagated as DEL", () => {
  for (const command of [
    ["EXPIRE", "k", "0"],
    ["PEXPIRE", "k", "-1"],
    ["EXPIREAT", "k", "1"],
    ["PEXPIREAT", "k", String(START_MS)],
    ["PEXPIREAT", "k", "-9223372036854775808"],
  ]) {
    f.run("SET", "k", "v");
    f.propagated();
    expect(f.run(...command)).toBe(integer(1));
    expect(f.run("EXISTS", "k")).toBe(integer(0));
    expect(f.propagated()).toEqual(["DEL k"]);
  }
});

test("with lazyfree-lazy-expire the deletion is propagated as UNLINK", () => {
  f.config.set([["lazyfree-lazy-expire", "yes"]]);
  f.run("EXPIRE", "k", "-1");
  expect(f.propagated()).toEqual(["UNLINK k"]);
});

test("a past time is kept while a log is being replayed", () => {
  f.keyspace.isLoading = true;
  expect(f.run("PEXPIREAT", "k", "-5")).toBe(integer(1));
  expect(f.run("EXISTS", "k")).toBe(integer(1));
  f.keyspace.isLoading = false;
  expect(f.run("EXISTS", "k")).toBe(integer(0));
});

test("a missing key is answered with 0 and not propagated", () => {
  expect(f.run("EXPIRE", "nokey", "10")).toBe(integer(0));
  expect(f.run("PERSIST", "nokey")).toBe(integer(0));
  expect(f.propagated()).toEqual([]);
});

test("NX, XX, GT and LT compare with the time there is, none being never", () => {
  expect(f.run("PEXPIRE", "k", "1000", "GT")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "1000", "XX")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "1000", "LT")).toBe(integer(1));
  expect(f.run("PEXPIRE", "k", "1000", "GT")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "1000", "LT")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "2000", "NX")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "2000", "XX", "GT")).toBe(integer(1));
  expect(f.run("PEXPIRE", "k", "500", "XX", "LT")).toBe(integer(1));
  f.run("PERSIST", "k");
  expect(f.run("PEXPIRE", "k", "500", "XX", "LT")).toBe(integer(0));
  expect(f.run("PEXPIRE", "k", "500", "NX")).toBe(integer(1));
});

test("options are checked first, then the time, then the key", () => {
  const nx = "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n";
  expect(f.run("EXPIRE", "nokey", "abc", "foo")).toBe("-ERR Unsupported option foo\r\n");
  expect(f.run("EXPIRE", "nokey", "abc", "nx", "gt")).toBe(nx);
  expect(f.run("EXPIRE", "nokey", "abc", "lt", "gt")).toBe(
    "-ERR GT and LT options at the same time are not compatible\r\n",
  );
  expect(f.run("EXPIRE", "nokey", "abc", "lt")).toBe(NOT_AN_INTEGER);
  expect(f.run("EXPIRE", "nokey", "1.5")).toBe(NOT_AN_INTEGER);
  expect(f.run("EXPIRE", "nokey", "9223372036854775808")).toBe(NOT_AN_INTEGER);
  expect(f.run("EXPIRE", "nokey", "9223372036854775807")).toBe(invalid("expire"));
});

test("a time that overflows int64 in milliseconds is refused", () => {
  expect(f.run("EXPIRE", "k", "9223372036854776")).toBe(invalid("expire"));
  expect(f.run("EXPIRE", "k", "-9223372036854776")).toBe(invalid("expire"));
  expect(f.run("EXPIRE", "k", "9223372036854775")).toBe(invalid("expire"));
  expect(f.run("PEXPIRE", "k", "9223372036854775807")).toBe(invalid("pexpire"));
  expect(f.run("EXPIREAT", "k", "9223372036854776")).toBe(invalid("expireat"));
  expect(f.propagated()).toEqual([]);
});

test("the largest time there is, is kept and propagated", () => {
  expect(f.run("EXPIREAT", "k", "9223372036854775")).toBe(integer(1));
  expect(f.propagated()).toEqual(["PEXPIREAT k 9223372036854775000"]);
  expect(f.run("PEXPIREAT", "k", "9223372036854775807")).toBe(integer(1));
  expect(f.run("PEXPIRETIME", "k")).toBe(integer(2n ** 63n - 1n));
});

test("TTL rounds to the nearest second, and a key without expiry gives -1", () => {
  expect(f.run("TTL", "k")).toBe(integer(-1));
  expect(f.run("EXPIRETIME", "k")).toBe(integer(-1));
  expect(f.run("PTTL", "nokey")).toBe(integer(-2));
  expect(f.run("PEXPIRETIME", "nokey")).toBe(integer(-2));
  f.run("PEXPIRE", "k", "1500");
  expect(f.run("TTL", "k")).toBe(integer(2));
  f.clock.advance(1);
  expect(f.run("TTL", "k")).toBe(integer(1));
  expect(f.run("PTTL", "k")).toBe(integer(1499));
  expect(f.run("EXPIRETIME", "k")).toBe(integer((START_MS + 2000) / 1000));
});

test("a key is gone in the millisecond its time has come", () => {
  f.run("PEXPIRE", "k", "100");
  f.propagated();
  f.clock.advance(99);
  expect(f.run("PTTL", "k")).toBe(integer(1));
  f.clock.advance(1);
  expect(f.run("PTTL", "k")).toBe(integer(-2));
  expect(f.propagated()).toEqual(["DEL k"]);
});

test("asking for a time counts as a hit or a miss but not as an access", () => {
  f.clock.advance(10_000);
  f.run("TTL", "k");
  f.run("TTL", "nokey");
  expect([f.keyspace.hits, f.keyspace.misses]).toEqual([1, 1]);
  expect(f.run("OBJECT", "IDLETIME", "k")).toBe(integer(10));
});

test("PERSIST takes the expiry away once", () => {
  f.run("EXPIRE", "k", "10");
  f.propagated();
  expect(f.run("PERSIST", "k")).toBe(integer(1));
  expect(f.run("PERSIST", "k")).toBe(integer(0));
  expect(f.propagated()).toEqual(["PERSIST k"]);
  f.clock.advance(20_000);
  expect(f.run("GET", "k")).not.toBe(OK);
  expect(f.run("EXISTS", "k")).toBe(integer(1));
});
