// hot path: no allocation per command
//
// Sorting an order, an array of indexes, by one number per index: a merge sort that looks at the
// numbers itself, and moves them along with the indexes. Asking a function about every pair costs
// several times as much.

import type { Compare } from "./partial-sort.ts";

/** Runs of this length are sorted by insertion before merging begins. */
const RUN = 8;

/** Indexes with their numbers. */
interface Column {
  readonly indexes: Uint32Array;
  readonly keys: Float64Array;
}

/**
 * Sorts `order`, which is 0 to its length - 1, by ascending weights[index], or descending ones;
 * `compareTies` decides between equal weights, and where it says 0 the order stays as it is. No
 * weight is NaN. The weights are of no use afterwards: they are moved about.
 */
export function sortByWeight(
  order: Uint32Array,
  weights: Float64Array,
  isDescending: boolean,
  compareTies: Compare,
): void {
  const count = order.length;
  // Negated, descending numbers ascend; so do ties, whose comparison is turned around as well.
  const sign = isDescending ? -1 : 1;
  // alloc: room for as many again, per sort
  const column = { indexes: order, keys: weights };
  const other = { indexes: new Uint32Array(count), keys: new Float64Array(count) };
  if (isDescending) for (let k = 0; k < count; k++) weights[k] = -weights[k];
  for (let start = 0; start < count; start += RUN) {
    sortRun(column, start, Math.min(start + RUN, count), sign, compareTies);
  }
  let from: Column = column;
  let to: Column = other;
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      merge(from, to, start, middle, Math.min(middle + width, count), sign, compareTies);
    }
    const swapped = from;
    from = to;
    to = swapped;
  }
  if (from !== column) order.set(from.indexes);
}

function sortRun(
  column: Column,
  start: number,
  end: number,
  sign: number,
  compareTies: Compare,
): void {
  const { indexes, keys } = column;
  for (let k = start + 1; k < end; k++) {
    const index = indexes[k];
    const key = keys[k];
    let at = k;
    for (; at > start; at--) {
      if (keys[at - 1] < key) break;
      if (keys[at - 1] === key && sign * compareTies(indexes[at - 1], index) <= 0) break;
      indexes[at] = indexes[at - 1];
      keys[at] = keys[at - 1];
    }
    indexes[at] = index;
    keys[at] = key;
  }
}

/** Merges two sorted neighbours, [start, middle) and [middle, end). */
function merge(
  from: Column,
  to: Column,
  start: number,
  middle: number,
  end: number,
  sign: number,
  compareTies: Compare,
): void {
  const { indexes, keys } = from;
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    let takesLeft = right === end;
    if (!takesLeft && left < middle) {
      const a = keys[left];
      const b = keys[right];
      takesLeft = a < b || (a === b && sign * compareTies(indexes[left], indexes[right]) <= 0);
    }
    const taken = takesLeft ? left++ : right++;
    to.keys[at] = keys[taken];
    to.indexes[at] = indexes[taken];
  }
}
