import { expect, test } from "bun:test";
import { ManualClock } from "../../../src/base/clock.ts";
import { LazyFree } from "../../../src/keyspace/lazy-free.ts";
import type { Container } from "../../../src/structures/container.ts";

/** Something of so many blocks. */
function blocks(count: number, freed: string[], name: string): Container {
  let left = count;
  const release = (most: number) => {
    left -= Math.min(left, most);
    if (left === 0) freed.push(name);
    return left === 0;
  };
  return { size: count, release } as unknown as Container;
}

test("small values are freed at once and not counted, large ones later", () => {
  const lazyFree = new LazyFree();
  const freed: string[] = [];
  lazyFree.discard(blocks(64, freed, "small"));
  lazyFree.discard(blocks(2000, freed, "large"));
  expect(freed).toEqual(["small"]);
  expect(lazyFree.pendingCount).toBe(1);
  expect(lazyFree.run(new ManualClock(0), 0)).toBe(true);
  expect(lazyFree.pendingCount).toBe(1);
  while (lazyFree.run(new ManualClock(0), 0)) {}
  expect(freed).toEqual(["small", "large"]);
  expect(lazyFree.pendingCount).toBe(0);
  expect(lazyFree.freedCount).toBe(1);
});

test("what a value puts into the queue while it is freed is freed once, as it is itself", () => {
  const lazyFree = new LazyFree();
  const freed: string[] = [];
  const table = {
    release: () => {
      lazyFree.discard(blocks(1000, freed, "inner"));
      freed.push("table");
      return true;
    },
  };
  lazyFree.defer(table, 7);
  expect(lazyFree.pendingCount).toBe(7);
  while (lazyFree.run(new ManualClock(0), 0)) {}
  expect(freed).toEqual(["table", "inner"]);
  expect(lazyFree.freedCount).toBe(8);
  expect(lazyFree.pendingCount).toBe(0);
});
