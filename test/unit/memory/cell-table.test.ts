import { describe, expect, test } from "bun:test";
import { Xoshiro } from "../../../src/base/random.ts";
import { CellTable, NO_CELL } from "../../../src/memory/cell-table.ts";
import { Pool } from "../../../src/memory/pool.ts";

/** All refs under a hash. */
function refsOf(table: CellTable, hash: number): number[] {
  const refs: number[] = [];
  for (let cell = table.seek(hash); cell !== NO_CELL; cell = table.next(cell)) {
    refs.push(table.refAt(cell));
  }
  return refs;
}

function removeOne(table: CellTable, hash: number): void {
  table.remove(table.seek(hash), hash, false);
}

/** Every hash in the table, by a full scan in steps of `limit`. */
function scanned(table: CellTable, limit: number): number[] {
  const hashes: number[] = [];
  let position = 0;
  do {
    position = table.scan(position, limit, (_, hash) => hashes.push(hash));
  } while (position !== 0);
  return hashes;
}

describe("the cell table", () => {
  test("keeps hashes at both ends of the range", () => {
    const table = new CellTable(new Pool());
    const hashes = [0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0x8000_0001 | 0];
    for (const [index, hash] of hashes.entries()) table.insert(hash, index + 1);
    for (const [index, hash] of hashes.entries()) expect(refsOf(table, hash)).toEqual([index + 1]);
    table.verify();
    expect(scanned(table, 1)).toEqual([0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff]);
    for (const hash of hashes) removeOne(table, hash);
    expect(table.count).toBe(0);
    table.verify();
  });

  test("splits and merges back to one small segment, giving its memory back", () => {
    const pool = new Pool();
    const table = new CellTable(pool);
    const empty = pool.usedBytes;
    const random = new Xoshiro(1);
    const hashes = Array.from({ length: 100_000 }, () => random.uint32() | 0);
    for (const hash of hashes) table.insert(hash, 8);
    table.verify();
    expect(table.segmentCount).toBeGreaterThan(100);
    expect(table.totalBytes).toBeLessThan(100_000 * 8 * 1.5);
    for (const [index, hash] of hashes.entries()) {
      removeOne(table, hash);
      if (index % 10_000 === 0) table.verify();
    }
    table.verify();
    expect(table.segmentCount).toBe(1);
    expect(pool.usedBytes).toBe(empty);
    table.dispose();
    expect(pool.usedBytes).toBe(0);
  });

  test("holds many cells of one hash", () => {
    const table = new CellTable(new Pool());
    const hash = 0x1234_5678;
    for (let ref = 1; ref <= 3000; ref++) table.insert(hash, ref);
    table.insert(hash - 1, 5000);
    table.insert(hash + 1, 5001);
    table.verify();
    expect(new Set(refsOf(table, hash)).size).toBe(3000);
    expect(refsOf(table, hash - 1)).toEqual([5000]);
    expect(refsOf(table, hash + 1)).toEqual([5001]);
    // A scan never stops within a hash: its position could not say where.
    const steps: number[] = [];
    table.scan(hash, 10, (_, found) => steps.push(found));
    expect(steps.filter((found) => found === hash).length).toBe(3000);
    for (let k = 0; k < 3000; k++) removeOne(table, hash);
    expect(refsOf(table, hash)).toEqual([]);
    table.verify();
  });

  test("holds clusters of neighbouring hashes", () => {
    const table = new CellTable(new Pool());
    for (const base of [0, 0x7fff_f000, -0x1000]) {
      for (let k = 0; k < 4000; k++) table.insert((base + k) | 0, k + 1);
      table.verify();
    }
    for (const base of [0, 0x7fff_f000, -0x1000]) {
      for (let k = 0; k < 4000; k++) expect(refsOf(table, (base + k) | 0)).toEqual([k + 1]);
    }
    const hashes = scanned(table, 7);
    expect(hashes).toEqual([...hashes].sort((left, right) => left - right));
    expect(hashes.length).toBe(12_000);
  });

  test("counts volatile cells and bounds their expiry through splits and merges", () => {
    const table = new CellTable(new Pool());
    table.isVolatile = (ref) => ref % 3 === 0;
    const random = new Xoshiro(2);
    const cells = Array.from({ length: 20_000 }, (_, k) => ({
      hash: random.uint32() | 0,
      ref: k + 1,
    }));
    for (const { hash, ref } of cells) {
      table.insert(hash, ref);
      if (ref % 3 !== 0) continue;
      table.addVolatile(1);
      table.noteExpiry(1_000_000 + ref);
    }
    const check = (alive: typeof cells) => {
      table.verify();
      let counted = 0;
      for (let position = 0; ; ) {
        counted += table.volatileAt(position);
        position = table.segmentEnd(position);
        if (position === 0) break;
      }
      expect(counted).toBe(alive.filter(({ ref }) => ref % 3 === 0).length);
      for (const { hash, ref } of alive) {
        if (ref % 3 !== 0) continue;
        expect(table.earliestExpiry(hash >>> 0)).toBeLessThanOrEqual(1_000_000 + ref);
      }
    };
    check(cells);
    for (const { hash, ref } of cells.slice(200)) {
      let cell = table.seek(hash);
      while (table.refAt(cell) !== ref) cell = table.next(cell);
      table.remove(cell, hash, ref % 3 === 0);
    }
    check(cells.slice(0, 200));
  });

  test("is exhausted without harm when the pool is", () => {
    const pool = new Pool();
    const table = new CellTable(pool);
    const random = new Xoshiro(3);
    let inserted = 0;
    const allocate = pool.allocate.bind(pool);
    for (let k = 0; k < 20_000; k++) {
      // Every now and then the system has no memory for a moment.
      if (k % 7 === 0) {
        pool.allocate = () => {
          throw new RangeError("no memory");
        };
      }
      try {
        table.insert(random.uint32() | 0, k + 1);
        inserted++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      pool.allocate = allocate;
    }
    expect(table.count).toBe(inserted);
    expect(inserted).toBeLessThan(20_000);
    table.verify();
    pool.verify();
  });
});
