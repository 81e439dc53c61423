import { describe, expect, test } from "bun:test";
import { CHUNK_SHIFT, Pool, PoolExhausted } from "../../../src/memory/pool.ts";

const MB = 1 << 20;

describe("the pool", () => {
  test("gives blocks in 8-byte steps up to 128 bytes, then at most an eighth larger", () => {
    for (let bytes = 1; bytes <= 128; bytes++) {
      expect(Pool.capacityFor(bytes)).toBe(Math.ceil(bytes / 8) * 8);
    }
    for (let bytes = 129; bytes <= 1 << 18; bytes += 37) {
      const capacity = Pool.capacityFor(bytes);
      expect(capacity).toBeGreaterThanOrEqual(bytes);
      expect(capacity).toBeLessThanOrEqual(bytes * 1.13 + 8);
    }
    expect(Pool.capacityFor((1 << 18) + 1)).toBe((1 << 18) + 65536);
  });

  test("counts used bytes exactly over every kind of block", () => {
    const pool = new Pool();
    let expected = 0;
    const refs = [1, 8, 100, 5000, 200_000, 300_000, 7 * MB, 9 * MB, 40 * MB].map((bytes) => {
      const ref = pool.allocate(bytes);
      expected += Pool.capacityFor(bytes);
      expect(pool.capacity(ref)).toBe(Pool.capacityFor(bytes));
      expect(pool.usedBytes).toBe(expected);
      pool.verify();
      return ref;
    });
    for (const ref of refs) {
      pool.free(ref);
      pool.verify();
    }
    expect(pool.usedBytes).toBe(0);
  });

  test("a block over half a chunk has one of its own, given back at once", () => {
    const pool = new Pool();
    const before = pool.chunkBytes;
    const ref = pool.allocate(9 * MB);
    expect(pool.chunkBytes).toBe(before + 9 * MB);
    const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
    pool.free(ref);
    expect(pool.chunkBytes).toBe(before);
    expect(bytes.length).toBe(0);
    pool.verify();
  });

  test("chunk numbers are used again", () => {
    const pool = new Pool();
    for (let k = 0; k < 50; k++) {
      const ref = pool.allocate(9 * MB);
      expect(ref >>> CHUNK_SHIFT).toBe(1);
      pool.free(ref);
    }
    expect(pool.bytes.length).toBe(2);
  });

  test("refs beyond 2^31 are unsigned", () => {
    const pool = new Pool();
    // 1,100 chunk numbers, their memory given back but for one that holds the number.
    const refs: number[] = [];
    for (let k = 0; k < 1100; k++) refs.push(pool.allocate(8 * MB + 1));
    expect(Math.max(...refs)).toBeGreaterThan(2 ** 31);
    expect(refs.every((ref) => ref > 0 && pool.capacity(ref) === 8 * MB + 65536)).toBe(true);
    for (const ref of refs) pool.free(ref);
    expect(pool.usedBytes).toBe(0);
    pool.verify();
  });

  test("what the system cannot give throws PoolExhausted and changes nothing", () => {
    const pool = new Pool();
    const before = { used: pool.usedBytes, chunks: pool.chunkBytes };
    for (const bytes of [2 ** 32 - 1, 2 ** 32 + 8, 2 ** 52, Infinity]) {
      expect(() => pool.allocate(bytes)).toThrow(PoolExhausted);
    }
    expect({ used: pool.usedBytes, chunks: pool.chunkBytes }).toEqual(before);
    pool.verify();
    pool.free(pool.allocate(100));
  });

  test("evacuation allocates nothing in sparse chunks and may end before they are empty", () => {
    const pool = new Pool();
    const refs: number[] = [];
    while (pool.chunkBytes < 96 * MB) refs.push(pool.allocate(1000));
    const kept = refs.filter((_, index) => index % 20 === 0);
    for (const [index, ref] of refs.entries()) if (index % 20 !== 0) pool.free(ref);
    expect(pool.evacuate()).toBeGreaterThan(2);
    expect(pool.evacuate()).toBe(0);
    const moved = kept.map((ref, index) => {
      if (!pool.isEvacuating(ref) || index % 2 === 1) return ref;
      const target = pool.allocate(1000);
      expect(pool.isEvacuating(target)).toBe(false);
      pool.free(ref);
      return target;
    });
    pool.verify();
    pool.endEvacuation();
    expect(moved.some((ref) => pool.isEvacuating(ref))).toBe(false);
    pool.verify();
    for (const ref of moved) pool.free(ref);
    expect(pool.usedBytes).toBe(0);
    expect(pool.chunkBytes).toBeLessThanOrEqual(48 * MB);
    pool.verify();
  });
});
