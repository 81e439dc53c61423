import { describe, expect, test } from "bun:test";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { NULL_REF, Pool } from "../../../src/memory/pool.ts";
import { MemberTable } from "../../../src/structures/member-table.ts";
import { HASH, NO_EXPIRY, SET, ZSET } from "../../../src/structures/record.ts";
import { chiSquare } from "../keyspace/keyspace-fixture.ts";

class Fixture {
  readonly pool = new Pool();
  readonly table: MemberTable;

  constructor(type: number, seed = 1) {
    const random = new Xoshiro(seed);
    const hasher = new KeyHasher(new Xoshiro(seed + 1));
    this.table = new MemberTable({ pool: this.pool, hasher, random }, type);
  }

  hash(member: string): number {
    const bytes = latin1Bytes(member);
    return this.table.hash(bytes, 0, bytes.length);
  }

  find(member: string): number {
    const bytes = latin1Bytes(member);
    return this.table.find(bytes, 0, bytes.length, this.hash(member));
  }

  add(member: string, expiryMs = NO_EXPIRY): number {
    const bytes = latin1Bytes(member);
    return this.table.insert(bytes, 0, bytes.length, this.hash(member), 0, expiryMs);
  }

  addScored(member: string, score: number): number {
    const bytes = latin1Bytes(member);
    return this.table.insertScored(bytes, 0, bytes.length, this.hash(member), score);
  }

  memberAt(ref: number): string {
    const { bytes, keyStart, keyEnd } = this.table.load(ref);
    return latin1Text(bytes, keyStart, keyEnd);
  }
}

/** Far above what chance gives: mean plus six standard deviations of chi-square. */
function chiSquareLimit(cells: number): number {
  return cells - 1 + 6 * Math.sqrt(2 * (cells - 1));
}

/** A table whose segments differ in depth and fill: half of it emptied in hash order. */
function lopsided(count: number, keep: (hash: number) => boolean): Fixture {
  const fixture = new Fixture(SET);
  for (let k = 0; k < count; k++) fixture.add(`m${k}`);
  for (let k = 0; k < count; k++) {
    const hash = fixture.hash(`m${k}`);
    if (!keep(hash >>> 0)) fixture.table.remove(fixture.find(`m${k}`), hash);
  }
  fixture.table.verify();
  return fixture;
}

describe("a table of members", () => {
  test("draws every member with the same probability", () => {
    const shapes: Fixture[] = [
      lopsided(300, () => true),
      lopsided(5000, () => true),
      // Sparse below, dense above: depths and fills differ.
      lopsided(20_000, (hash) => hash > 0xe000_0000 || hash % 16 === 0),
      // Nearly everything at one end, which draws by counting.
      lopsided(40_000, (hash) => hash < 0x0180_0000),
    ];
    for (const { table } of shapes) {
      const counts = new Map<number, number>();
      table.forEach((ref) => void counts.set(ref, 0));
      const draws = table.size * 50;
      for (let k = 0; k < draws; k++) {
        const ref = table.random();
        counts.set(ref, counts.get(ref)! + 1);
      }
      expect(counts.size).toBe(table.size);
      expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(table.size));
    }
  });

  test("draws every subset of different members with the same probability", () => {
    const members = 6;
    for (const size of [1, 3, 5]) {
      const { table } = lopsided(members, () => true);
      const counts = new Map<string, number>();
      for (let k = 0; k < 20_000; k++) {
        const drawn: number[] = [];
        table.randomDistinct(size, (ref) => drawn.push(ref));
        const name = drawn.sort((left, right) => left - right).join();
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      const subsets = { 1: 6, 3: 20, 5: 6 }[size]!;
      expect(counts.size).toBe(subsets);
      expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(subsets));
    }
  });

  test("draws different members evenly from a large table, few and many", () => {
    const { table } = lopsided(2000, (hash) => hash > 0x4000_0000);
    for (const count of [20, Math.floor(table.size * 0.6)]) {
      const counts = new Map<number, number>();
      table.forEach((ref) => void counts.set(ref, 0));
      for (let k = 0; k < 1000; k++) {
        table.randomDistinct(count, (ref) => counts.set(ref, counts.get(ref)! + 1));
      }
      expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(table.size));
    }
  });

  test("keeps scores of any value, negative ones and infinities too", () => {
    const fixture = new Fixture(ZSET);
    const scores = [-1, 0, -2, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const score of scores) fixture.addScored(`s${score}`, score);
    for (const score of scores) {
      expect(fixture.table.scoreOf(fixture.find(`s${score}`))).toBe(score);
    }
    fixture.table.setScore(fixture.find("s0"), -1);
    expect(fixture.table.scoreOf(fixture.find("s0"))).toBe(-1);
    const copy = fixture.table.clone();
    copy.verify();
    const ref = fixture.find("s-1");
    fixture.table.remove(ref, fixture.hash("s-1"));
    expect(fixture.find("s-1")).toBe(NULL_REF);
    fixture.table.verify();
    expect(copy.size).toBe(scores.length);
  });

  test("changes nothing when memory runs out", () => {
    const fixture = new Fixture(HASH);
    const { pool, table } = fixture;
    for (let k = 0; k < 5000; k++) fixture.add(`m${k}`, k % 3 === 0 ? 1000 + k : NO_EXPIRY);
    const allocate = pool.allocate.bind(pool);
    const exhaustedAfter = (allocations: number) => {
      let left = allocations;
      pool.allocate = (byteCount) => {
        if (left-- <= 0) throw new RangeError("no memory");
        return allocate(byteCount);
      };
    };
    const used = pool.usedBytes;
    const outside = pool.outsideBytes;
    for (const allocations of [0, 1, 2, 5, 100, 4000]) {
      exhaustedAfter(allocations);
      expect(() => table.clone()).toThrow("no memory");
      pool.allocate = allocate;
      expect(pool.usedBytes).toBe(used);
      expect(pool.outsideBytes).toBe(outside);
    }
    exhaustedAfter(0);
    expect(() => fixture.add("new")).toThrow("no memory");
    expect(() => table.replaceValue(fixture.find("m1"), fixture.hash("m1"), 500)).toThrow();
    expect(() => table.setExpiry(fixture.find("m1"), fixture.hash("m1"), 5)).toThrow();
    pool.allocate = allocate;
    expect(table.size).toBe(5000);
    table.verify();
    pool.verify();
  });

  test("expires fields in steps that skip what is not due", () => {
    const fixture = new Fixture(HASH);
    const { table } = fixture;
    for (let k = 0; k < 10_000; k++) fixture.add(`m${k}`, k % 2 === 0 ? 1000 + k : NO_EXPIRY);
    expect(table.volatileCount).toBe(5000);
    expect(table.earliestExpiryMs).toBe(1000);
    const expired: string[] = [];
    let steps = 0;
    let position = 0;
    do {
      position = table.expireSome(position, 2000, (ref) => expired.push(fixture.memberAt(ref)));
      steps++;
    } while (position !== 0);
    expect(expired.length).toBe(501);
    expect(steps).toBeGreaterThan(5);
    expect(table.earliestExpiryMs).toBe(2002);
    expect(table.expireSome(0, 2001, () => expect.unreachable())).toBe(0);
    table.verify();
  });

  test("takes less than 40 bytes for a member of 16 bytes", () => {
    const { table } = lopsided(0, () => true);
    const bytes = new Uint8Array(16);
    const count = 100_000;
    for (let k = 0; k < count; k++) {
      new DataView(bytes.buffer).setFloat64(8, k);
      table.insert(bytes, 0, 16, table.hash(bytes, 0, 16), 0, NO_EXPIRY);
    }
    expect(table.memoryUsage(0) / count).toBeLessThan(36);
    expect(table.memoryUsage(5)).toBe(table.memoryUsage(0));
  });
});
