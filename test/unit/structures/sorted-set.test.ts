import { expect, test } from "bun:test";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { NULL_REF, Pool, PoolExhausted } from "../../../src/memory/pool.ts";
import { SortedSet } from "../../../src/structures/sorted-set.ts";

/** A pool that fails when it is told to. */
class FailingPool extends Pool {
  allocationsLeft = Number.POSITIVE_INFINITY;

  override allocate(byteCount: number): number {
    if (this.allocationsLeft-- <= 0) throw new PoolExhausted("as the test wants it");
    return super.allocate(byteCount);
  }
}

function newSet(): { set: SortedSet; pool: FailingPool } {
  const pool = new FailingPool();
  const context = { pool, hasher: new KeyHasher(new Xoshiro(1)), random: new Xoshiro(2) };
  return { set: new SortedSet(context), pool };
}

function add(set: SortedSet, member: string, score: number): void {
  const bytes = latin1Bytes(member);
  set.add(bytes, 0, bytes.length, score);
}

function find(set: SortedSet, member: string): number {
  const bytes = latin1Bytes(member);
  return set.find(bytes, 0, bytes.length);
}

function membersOf(set: SortedSet): string[] {
  if (set.size === 0) return [];
  const found: string[] = [];
  set.tree.seekRank(0);
  do {
    const { bytes, keyStart, keyEnd } = set.members.load(set.tree.ref);
    found.push(latin1Text(bytes, keyStart, keyEnd));
  } while (set.tree.next());
  return found;
}

function name(k: number): string {
  return `member:${String(k).padStart(9, "0")}`;
}

test("a member of 16 bytes takes less than 60, rising, falling or at random", () => {
  const count = 30_000;
  const random = new Xoshiro(3);
  for (const score of [(k: number) => k, (k: number) => -k, () => random.uint32()]) {
    const { set, pool } = newSet();
    for (let k = 0; k < count; k++) add(set, name(k), score(k));
    set.verify();
    expect(pool.usedBytes / count).toBeLessThan(60);
  }
});

test("rising scores fill the leaves", () => {
  const { set } = newSet();
  for (let k = 0; k < 10_000; k++) add(set, name(k), k);
  expect(set.tree.nodeBytes / set.size).toBeLessThan(12.7);
});

test("an addition that fails for want of memory changes nothing", () => {
  const { set, pool } = newSet();
  for (let k = 0; k < 4000; k++) {
    const before = set.size;
    // Enough for a record only, or for a segment of the table, a leaf, an inner node as well.
    pool.allocationsLeft = k % 4;
    let failed = false;
    try {
      add(set, name((k * 7919) % 100_003), (k * 31) % 977);
    } catch (error) {
      expect(error).toBeInstanceOf(PoolExhausted);
      failed = true;
    }
    pool.allocationsLeft = Number.POSITIVE_INFINITY;
    expect(set.size).toBe(failed ? before : before + 1);
    if (k % 500 === 0) set.verify();
  }
  set.verify();
  pool.verify();
});

test("a score that cannot change for want of memory stays", () => {
  const { set, pool } = newSet();
  for (let k = 0; k < 3000; k++) add(set, name(k), k % 50);
  let failures = 0;
  for (let k = 0; k < 3000; k++) {
    const ref = find(set, name(k));
    pool.allocationsLeft = 0;
    try {
      set.setScore(ref, 25.5);
    } catch {
      failures++;
      expect(set.scoreOf(ref)).toBe(k % 50);
    }
    pool.allocationsLeft = Number.POSITIVE_INFINITY;
  }
  expect(failures).toBeGreaterThan(0);
  set.verify();
});

test("a copy that fails for want of memory leaves the original as it was", () => {
  const { set, pool } = newSet();
  for (let k = 0; k < 1000; k++) add(set, name(k), k % 10);
  const used = pool.usedBytes;
  const members = membersOf(set);
  for (const allocations of [0, 1, 500, 1001, 1003, 1010]) {
    pool.allocationsLeft = allocations;
    expect(() => set.clone()).toThrow(PoolExhausted);
    pool.allocationsLeft = Number.POSITIVE_INFINITY;
    expect(pool.usedBytes).toBe(used);
    set.verify();
  }
  expect(membersOf(set)).toEqual(members);
  const copy = set.clone();
  copy.verify();
  expect(membersOf(copy)).toEqual(members);
});

test("what was removed is not found, and its memory is given back", () => {
  const { set, pool } = newSet();
  for (let k = 0; k < 5000; k++) add(set, name(k), k % 7);
  set.removeRange(100, 4000);
  set.verify();
  expect(set.size).toBe(1000);
  while (set.size > 0) set.removeEnd(set.size % 2 === 0);
  set.verify();
  expect(find(set, name(1))).toBe(NULL_REF);
  while (!set.release(10));
  expect(pool.usedBytes).toBe(0);
});
