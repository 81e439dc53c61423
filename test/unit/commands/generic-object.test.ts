import { beforeEach, expect, test } from "bun:test";
import { bulk, GenericFixture, integer } from "./generic-fixture.ts";

const NULL_REPLY = "$-1\r\n";

let f: GenericFixture;

beforeEach(() => {
  f = new GenericFixture();
  f.run("SET", "k", "v");
});

test("OBJECT ENCODING names a string's encoding by its bytes", () => {
  expect(f.run("OBJECT", "ENCODING", "k")).toBe(bulk("embstr"));
  f.run("SET", "k", "-123");
  expect(f.run("OBJECT", "ENCODING", "k")).toBe(bulk("int"));
  f.run("SET", "k", "x".repeat(45));
  expect(f.run("OBJECT", "ENCODING", "k")).toBe(bulk("raw"));
});

test("a missing key is answered with null by every subcommand, under either policy", () => {
  for (const name of ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"]) {
    expect(f.run("OBJECT", name, "nokey")).toBe(NULL_REPLY);
  }
  expect([f.keyspace.hits, f.keyspace.misses]).toEqual([0, 4]);
});

test("OBJECT IDLETIME counts whole seconds since the last access", () => {
  f.clock.advance(3999);
  expect(f.run("OBJECT", "IDLETIME", "k")).toBe(integer(3));
  f.run("GET", "k");
  expect(f.run("OBJECT", "IDLETIME", "k")).toBe(integer(0));
});

test("IDLETIME needs an LRU policy, FREQ an LFU policy", () => {
  expect(f.run("OBJECT", "FREQ", "k")).toStartWith("-ERR An LFU maxmemory policy is not selected");
  f.keyspace.access.isLfu = true;
  f.run("SET", "new", "v");
  expect(f.run("OBJECT", "FREQ", "new")).toBe(integer(5));
  expect(f.run("OBJECT", "IDLETIME", "k")).toStartWith("-ERR An LFU maxmemory policy is selected");
});

test("OBJECT REFCOUNT tells small integers as shared, unless eviction needs them apart", () => {
  expect(f.run("OBJECT", "REFCOUNT", "k")).toBe(integer(1));
  for (const [value, count] of [
    ["0", 2147483647],
    ["9999", 2147483647],
    ["10000", 1],
    ["-1", 1],
    ["007", 1],
  ] as const) {
    f.run("SET", "k", value);
    expect(f.run("OBJECT", "REFCOUNT", "k")).toBe(integer(count));
  }
  f.run("SET", "k", "5");
  f.config.set([["maxmemory", "100mb"]]);
  expect(f.run("OBJECT", "REFCOUNT", "k")).toBe(integer(2147483647));
  f.config.set([["maxmemory-policy", "allkeys-lru"]]);
  expect(f.run("OBJECT", "REFCOUNT", "k")).toBe(integer(1));
});

test("OBJECT HELP lists every subcommand", () => {
  const help = f.run("OBJECT", "HELP");
  for (const name of ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT", "HELP"]) {
    expect(help).toContain(`+${name}`);
  }
});
