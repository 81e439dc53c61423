import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { ActiveExpiry } from "../../../src/keyspace/active-expiry.ts";
import { KeyspaceFixture } from "./keyspace-fixture.ts";

const ENOUGH_US = 1e9;

function setUp(seed = 1) {
  const fixture = new KeyspaceFixture(seed);
  const expiry = new ActiveExpiry(fixture.keyspace, fixture.clock);
  /** Runs slices while there is more to do; returns how many, and notes the databases told of. */
  const told = new Map<number, number>();
  const sweep = (budgetUs = ENOUGH_US): number => {
    let slices = 1;
    const note = (dbIndex: number) => told.set(dbIndex, (told.get(dbIndex) ?? 0) + 1);
    while (expiry.run(budgetUs, note)) slices++;
    return slices;
  };
  return { fixture, keyspace: fixture.keyspace, expiry, sweep, told };
}

describe("a sweep", () => {
  test("deletes everything that is due and nothing else", () => {
    const { fixture, keyspace, sweep, told } = setUp();
    for (let k = 0; k < 20_000; k++) {
      fixture.set(`short:${k}`, "v", 1000 + (k % 1000));
      fixture.set(`long:${k}`, "v", 100_000);
      fixture.set(`ever:${k}`, "v");
    }
    fixture.advance(999);
    sweep();
    expect(fixture.db.size).toBe(60_000);
    fixture.advance(1001);
    sweep();
    expect(fixture.db.size).toBe(40_000);
    expect(fixture.db.volatileCount).toBe(20_000);
    expect(keyspace.expired).toBe(20_000);
    expect(told).toEqual(new Map([[0, 20_000]]));
    fixture.verify();
  });

  test("sweeps what mass expiry merges, within one run", () => {
    // Segments that have just been split merge when one of two is emptied; full ones do not.
    for (const keys of [14_000, 16_000, 18_000, 20_000, 24_000, 28_000]) {
      const { fixture, sweep } = setUp();
      for (let k = 0; k < keys; k++) fixture.set(`key:${k}`, "v", 1000);
      for (let k = 0; k < 100; k++) fixture.set(`stay:${k}`, "v", 1e9);
      fixture.advance(1001);
      sweep();
      expect(fixture.db.size).toBe(100);
      fixture.verify();
    }
  });

  test("works in slices of bounded time and ends the same", () => {
    const { fixture, sweep } = setUp();
    for (let k = 0; k < 50_000; k++) fixture.set(`key:${k}`, "v", 1000);
    fixture.advance(1001);
    fixture.clock.tickUs = 500;
    const slices = sweep(1000);
    expect(slices).toBeGreaterThan(20);
    expect(fixture.db.size).toBe(0);
    fixture.verify();
  });

  test("a slice over many segments without anything due reads the clock now and then", () => {
    const { fixture, expiry } = setUp();
    for (let k = 0; k < 200_000; k++) fixture.set(`key:${k}`, "v", 1e9);
    fixture.clock.tickUs = 10_000;
    expect(expiry.run(1000, () => {})).toBe(true);
  });

  test("covers every database and says in which something expired", () => {
    const { fixture, keyspace, sweep, told } = setUp();
    for (const index of [0, 3, 15]) {
      fixture.set("due", "v", 10, keyspace.databases[index]);
      fixture.set("stays", "v", 1e6, keyspace.databases[index]);
    }
    fixture.advance(11);
    sweep();
    expect(told).toEqual(
      new Map([
        [0, 1],
        [3, 1],
        [15, 1],
      ]),
    );
    expect(keyspace.databases.map((db) => db.size).filter((size) => size > 0)).toEqual([1, 1, 1]);
    fixture.verify();
  });

  test("the next one over a database of scattered expiries waits, but misses nothing", () => {
    const { fixture, sweep } = setUp();
    for (let k = 0; k < 10_000; k++) fixture.set(`key:${k}`, "v", 1 + k);
    for (let elapsed = 0; elapsed < 12_000; elapsed += 100) {
      fixture.advance(100);
      sweep();
      const due = Math.min(10_000, elapsed + 100);
      // Whatever was due a second and a tick ago is gone.
      expect(10_000 - fixture.db.size).toBeGreaterThanOrEqual(Math.max(0, due - 1100));
    }
    expect(fixture.db.size).toBe(0);
    fixture.verify();
  });

  test("no key is forgotten however writes interleave with slices", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { fixture, expiry } = setUp(seed);
      const random = new Xoshiro(seed);
      fixture.clock.tickUs = 300;
      for (let round = 0; round < 400; round++) {
        // Waves of growth and of deletion split and merge segments between slices.
        const grows = round % 100 < 50;
        for (let k = 0; k < 60; k++) {
          const key = `key:${randomBelow(random, 6000)}`;
          if (grows) fixture.set(key, "v", 1 + randomBelow(random, 2000));
          else fixture.delete(key);
        }
        fixture.advance(5);
        expiry.run(500, () => {});
      }
      fixture.verify();
      fixture.clock.tickUs = 0;
      for (let k = 0; k < 5; k++) {
        fixture.advance(1500);
        while (expiry.run(ENOUGH_US, () => {})) {}
      }
      expect(fixture.db.size).toBe(0);
      fixture.verify();
    }
  });

  test("a key whose expiry was prolonged, taken or shortened goes by the new one", () => {
    const { fixture, sweep } = setUp();
    for (const key of ["longer", "none", "shorter", "same"]) fixture.set(key, "v", 1000);
    fixture.db.setExpiry(fixture.find("longer")!, fixture.keyspace.nowMs + 5000);
    fixture.db.clearExpiry(fixture.find("none")!);
    fixture.db.setExpiry(fixture.find("shorter")!, fixture.keyspace.nowMs + 10);
    fixture.advance(11);
    sweep();
    expect(fixture.db.size).toBe(3);
    fixture.advance(1000);
    sweep();
    expect(fixture.db.size).toBe(2);
    fixture.advance(5000);
    sweep();
    expect(fixture.db.size).toBe(1);
    expect(fixture.get("none")).toBe("v");
    fixture.verify();
  });

  test("FLUSHALL and SWAPDB in the middle of one do it no harm", () => {
    const { fixture, keyspace, expiry, sweep } = setUp();
    for (let k = 0; k < 30_000; k++) fixture.set(`key:${k}`, "v", 1000);
    for (let k = 0; k < 3000; k++) fixture.set(`key:${k}`, "v", 1000, keyspace.databases[1]);
    fixture.advance(1001);
    fixture.clock.tickUs = 400;
    expiry.run(1000, () => {});
    keyspace.swap(0, 1);
    expiry.run(1000, () => {});
    keyspace.databases[1].clear();
    expiry.run(1000, () => {});
    fixture.clock.tickUs = 0;
    for (let k = 0; k < 3; k++) {
      sweep();
      fixture.advance(1100);
    }
    expect(keyspace.databases[0].size + keyspace.databases[1].size).toBe(0);
    fixture.verify();
  });
});
