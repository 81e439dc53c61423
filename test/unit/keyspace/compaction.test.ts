import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { Compaction } from "../../../src/keyspace/compaction.ts";
import { KeyspaceFixture } from "./keyspace-fixture.ts";

const MB = 1 << 20;
const ENOUGH_US = 1e9;
/** Keys that fill a few chunks. */
const COUNT = 35_000;

/** The value of a key: its number, at a length that varies. */
function contentOf(k: number): string {
  return `${k}:`.padEnd(40 + (k % 200) * 16, "v");
}

/** A keyspace of `count` keys of which every tenth is left; a third of those have an expiry. */
function sparse(count: number) {
  const fixture = new KeyspaceFixture();
  for (let k = 0; k < count; k++)
    fixture.set(`key:${k}`, contentOf(k), k % 3 === 0 ? 1e9 : undefined);
  for (let k = 0; k < count; k++) if (k % 10 !== 0) fixture.delete(`key:${k}`);
  return { fixture, compaction: new Compaction(fixture.keyspace, fixture.clock) };
}

function expectIntact(fixture: KeyspaceFixture, count: number): void {
  for (let k = 0; k < count; k += 10) {
    const view = fixture.find(`key:${k}`)!;
    expect(view.expiryMs !== -1).toBe(k % 3 === 0);
    expect(fixture.get(`key:${k}`)).toBe(contentOf(k));
  }
  fixture.verify();
}

describe("compaction", () => {
  test("after deleting 90 % of the keys chunks hold little more than is live", () => {
    const { fixture, compaction } = sparse(COUNT);
    const pool = fixture.keyspace.pool;
    const before = pool.chunkBytes;
    const liveBytes = pool.usedBytes;
    while (compaction.run(ENOUGH_US)) {}
    expect(before).toBeGreaterThan(48 * MB);
    expect(pool.chunkBytes).toBeLessThanOrEqual(liveBytes * 1.3 + 33 * MB);
    // Segments may come out a little larger or smaller.
    expect(Math.abs(pool.usedBytes - liveBytes)).toBeLessThan(liveBytes / 20);
    expectIntact(fixture, COUNT);
  });

  test("works in slices, between which keys are read, written and deleted", () => {
    const { fixture, compaction } = sparse(COUNT);
    const random = new Xoshiro(4);
    const model = new Map<string, string>();
    for (let k = 0; k < COUNT; k += 10) model.set(`key:${k}`, contentOf(k));
    fixture.clock.tickUs = 1000;
    let slices = 0;
    for (; compaction.run(1000); slices++) {
      for (let k = 0; k < 50; k++) {
        const key = `key:${randomBelow(random, COUNT / 8) * 10}`;
        if (randomBelow(random, 3) === 0) {
          expect(fixture.delete(key)).toBe(model.delete(key));
        } else {
          const value = "w".repeat(randomBelow(random, 4000));
          fixture.set(key, value, randomBelow(random, 2) === 0 ? 1e9 : undefined);
          model.set(key, value);
        }
      }
      if (slices % 20 === 0) fixture.verify();
    }
    expect(slices).toBeGreaterThan(20);
    for (const [key, value] of model) expect(fixture.get(key)).toBe(value);
    expect(fixture.db.size).toBe(model.size);
    fixture.verify();
  });

  test("goes on over FLUSHALL and SWAPDB", () => {
    const { fixture, compaction } = sparse(COUNT);
    fixture.clock.tickUs = 300;
    compaction.run(1000);
    fixture.keyspace.swap(0, 1);
    compaction.run(1000);
    fixture.keyspace.clear();
    fixture.verify();
    while (fixture.keyspace.lazyFree.run(fixture.clock, 1000)) {}
    for (let k = 0; k < 1000; k += 10)
      fixture.set(`key:${k}`, contentOf(k), k % 3 ? undefined : 1e9);
    while (compaction.run(1000)) {}
    expectIntact(fixture, 1000);
    expect(fixture.keyspace.pool.chunkBytes).toBeLessThan(40 * MB);
  });

  test("rests where there is little to gain, and once it is done", () => {
    const fixture = new KeyspaceFixture();
    const idle = new Compaction(fixture.keyspace, fixture.clock);
    expect(idle.run(ENOUGH_US)).toBe(false);
    for (let k = 0; k < 20_000; k++) fixture.set(`key:${k}`, contentOf(k));
    expect(idle.run(ENOUGH_US)).toBe(false);
    const { fixture: other, compaction } = sparse(COUNT);
    while (compaction.run(ENOUGH_US)) {}
    const bytes = other.keyspace.pool.chunkBytes;
    other.clock.tickUs = 1;
    const since = other.clock.monotonicUs();
    for (let k = 0; k < 10; k++) expect(compaction.run(ENOUGH_US)).toBe(false);
    // Not one reading of the clock but ours: it did not begin again.
    expect(other.clock.monotonicUs() - since).toBe(1);
    expect(other.keyspace.pool.chunkBytes).toBe(bytes);
  });

  test("deleting everything gives back nearly everything, and compaction the rest", () => {
    const fixture = new KeyspaceFixture();
    for (let k = 0; k < 25_000; k++) fixture.set(`key:${k}`, contentOf(k));
    for (let k = 0; k < 25_000; k++) fixture.delete(`key:${k}`);
    // Each size class keeps the slab it allocates from.
    expect(fixture.keyspace.pool.chunkBytes).toBeLessThanOrEqual(48 * MB);
    expect(fixture.keyspace.usedBytes).toBeLessThan(64 << 10);
    const compaction = new Compaction(fixture.keyspace, fixture.clock);
    while (compaction.run(ENOUGH_US)) {}
    expect(fixture.keyspace.pool.chunkBytes).toBeLessThanOrEqual(32 * MB);
    fixture.verify();
  });

  test("moves runs and large records too", () => {
    const fixture = new KeyspaceFixture();
    const compaction = new Compaction(fixture.keyspace, fixture.clock);
    const value = (k: number) => String.fromCharCode(97 + (k % 26)).repeat(300_000 + k);
    for (let k = 0; k < 300; k++) fixture.set(`key:${k}`, value(k), k % 2 ? 1e9 : undefined);
    for (let k = 0; k < 300; k++) if (k % 10 !== 0) fixture.delete(`key:${k}`);
    while (compaction.run(ENOUGH_US)) {}
    expect(fixture.keyspace.pool.chunkBytes).toBeLessThan(64 * MB);
    for (let k = 0; k < 300; k += 10) expect(fixture.get(`key:${k}`)).toBe(value(k));
    fixture.verify();
  });
});
