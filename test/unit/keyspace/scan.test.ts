import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import type { Database } from "../../../src/keyspace/database.ts";
import { chiSquare, KeyspaceFixture, keyOf } from "./keyspace-fixture.ts";

/** One step of an iteration as SCAN makes it: at least `count` keys unless the end comes first. */
function step(db: Database, fixture: KeyspaceFixture, cursor: number, count: number) {
  const keys: string[] = [];
  let position = cursor;
  do {
    position = db.scan(fixture.keyspace.view, position, count - keys.length, (view) => {
      keys.push(keyOf(view));
    });
  } while (position !== 0 && keys.length < count);
  return { position, keys };
}

/**
 * Iterates while `churn` changes the other keys between steps; returns how often each of the
 * permanent keys was seen.
 */
function iterate(
  fixture: KeyspaceFixture,
  permanent: number,
  count: number,
  churn: (stepIndex: number) => void,
): Uint32Array {
  const seen = new Uint32Array(permanent);
  let cursor = 0;
  let steps = 0;
  do {
    const { position, keys } = step(fixture.db, fixture, cursor, count);
    for (const key of keys) if (key.startsWith("keep:")) seen[Number(key.slice(5))]++;
    cursor = position;
    churn(steps++);
  } while (cursor !== 0);
  return seen;
}

describe("SCAN's guarantee", () => {
  for (const count of [1, 7, 10, 100, 1000]) {
    test(`with COUNT ${count} no key present throughout is missed while others come and go`, () => {
      const random = new Xoshiro(count);
      const fixture = new KeyspaceFixture(count);
      const permanent = Math.min(20_000, 300 + count * 100);
      for (let k = 0; k < permanent; k++) fixture.set(`keep:${k}`, "v");
      // Sawtooth waves: the table grows, then shrinks back.
      const changes = Math.min(200, 20 * count);
      const half = 4000 / changes;
      const seen = iterate(fixture, permanent, count, (index) => {
        const grows = index % (2 * half) < half;
        for (let k = 0; k < changes; k++) {
          const key = `other:${randomBelow(random, 20_000)}`;
          if (grows) fixture.set(key, "v");
          else fixture.delete(key);
        }
        if (index % (5 * half) === 0) fixture.verify();
      });
      expect(seen.every((times) => times >= 1)).toBe(true);
      fixture.verify();
    });
  }

  test("holds while the table grows from 10 to 40,000 keys and shrinks back", () => {
    for (const seed of [1, 2, 3]) {
      const fixture = new KeyspaceFixture(seed);
      for (let k = 0; k < 10; k++) fixture.set(`keep:${k}`, "v");
      let keys = 0;
      // Growing within the first quarter of an iteration that must still end.
      const growing = iterate(fixture, 10, 1, () => {
        for (let k = 0; k < 8000 && keys < 40_000; k++) fixture.set(`other:${keys++}`, "v");
      });
      expect([...growing]).toEqual(new Array(10).fill(1));
      fixture.verify();
      const shrinking = iterate(fixture, 10, 50, (index) => {
        for (let k = 0; k < 160 && keys > 0; k++) fixture.delete(`other:${--keys}`);
        if (index % 50 === 0) fixture.verify();
      });
      expect([...shrinking]).toEqual(new Array(10).fill(1));
      expect(fixture.db.size).toBe(10 + keys);
      fixture.verify();
    }
  });

  test("keys that stay are returned once: hash order knows no repetition", () => {
    const fixture = new KeyspaceFixture();
    for (let k = 0; k < 50_000; k++) fixture.set(`keep:${k}`, "v");
    const seen = iterate(fixture, 50_000, 10, () => {});
    expect(seen.every((times) => times === 1)).toBe(true);
  });

  test("overwriting, expiring and renewing keys that stay does not hide them", () => {
    const random = new Xoshiro(9);
    const fixture = new KeyspaceFixture();
    for (let k = 0; k < 3000; k++) fixture.set(`keep:${k}`, "v");
    const seen = iterate(fixture, 3000, 10, () => {
      const key = `keep:${randomBelow(random, 3000)}`;
      fixture.set(key, "x".repeat(randomBelow(random, 500)), 1e6);
      const view = fixture.find(`keep:${randomBelow(random, 3000)}`)!;
      fixture.db.setExpiry(view, fixture.keyspace.nowMs + 1e6);
      fixture.db.clearExpiry(view);
    });
    expect(seen.every((times) => times === 1)).toBe(true);
    fixture.verify();
  });

  test("expired keys are not returned", () => {
    const fixture = new KeyspaceFixture();
    for (let k = 0; k < 1000; k++) fixture.set(`keep:${k}`, "v", k % 2 === 0 ? 100 : undefined);
    fixture.advance(200);
    const seen = iterate(fixture, 1000, 10, () => {});
    expect(seen.every((times, k) => times === k % 2)).toBe(true);
    expect(fixture.db.size).toBe(1000);
  });

  test("any cursor is safe, whether the server gave it or not", () => {
    const random = new Xoshiro(3);
    const fixture = new KeyspaceFixture();
    for (let k = 0; k < 5000; k++) fixture.set(`keep:${k}`, "v");
    for (let k = 0; k < 2000; k++) {
      const cursor = random.uint32();
      const { position } = step(fixture.db, fixture, cursor, 10);
      expect(position === 0 || position > cursor).toBe(true);
    }
    expect(step(fixture.db, fixture, 0xffff_ffff, 10).position).toBe(0);
  });
});

describe("RANDOMKEY", () => {
  /** Chi-square per degree of freedom of draws from a database of so many keys. */
  function unevenness(keys: number, draws: number, prepare?: (fixture: KeyspaceFixture) => void) {
    const fixture = new KeyspaceFixture(5);
    for (let k = 0; k < keys; k++) fixture.set(`keep:${k}`, "v");
    prepare?.(fixture);
    const counts = new Array(keys).fill(0);
    const view = fixture.keyspace.view;
    for (let k = 0; k < draws; k++) {
      fixture.db.randomKey(view);
      counts[Number(keyOf(view).slice(5))]++;
    }
    expect(counts.every((count) => count > 0)).toBe(true);
    return chiSquare(counts) / (keys - 1);
  }

  test("is even over a table of one segment", () => {
    // 99.9 % of uniform draws stay below 1.47 for 99 degrees of freedom.
    expect(unevenness(100, 20_000)).toBeLessThan(1.47);
  });

  test("is nearly even over many segments, full and less full ones", () => {
    // Uniform draws give 1; a segment's density may vary by a quarter either way.
    expect(unevenness(20_000, 400_000)).toBeLessThan(2);
  });

  test("is nearly even after most keys were deleted", () => {
    const value = unevenness(1000, 50_000, (fixture) => {
      for (let k = 0; k < 50_000; k++) fixture.set(`gone:${k}`, "v");
      for (let k = 0; k < 50_000; k++) fixture.delete(`gone:${k}`);
    });
    expect(value).toBeLessThan(4);
  });

  test("finds the only key, and none where there is none", () => {
    const fixture = new KeyspaceFixture();
    const view = fixture.keyspace.view;
    expect(fixture.db.randomKey(view)).toBe(false);
    fixture.set("only", "v");
    for (let k = 0; k < 1000; k++) {
      expect(fixture.db.randomKey(view)).toBe(true);
      expect(keyOf(view)).toBe("only");
      expect(view.hash).toBe(fixture.find("only")!.hash);
    }
  });
});
