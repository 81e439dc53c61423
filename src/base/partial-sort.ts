// Sorting an order, an array of indexes, so that only a range of places is right in the end, by the
// quicksort that Bentley and McIlroy describe in "Engineering a Sort Function" (1993), leaving
// parts alone that the range does not touch.
//
// Redis sorts with it where a command wants a part of the result. It is not stable, and which of
// several equal elements come first is seen by clients; therefore pivots are chosen and elements
// exchanged exactly as in the paper.

/** Parts below this length are sorted by insertion. */
const INSERTION_MAX = 6;
/** Above this length the pivot is the median of three medians. */
const NINTHER_MIN = 40;
/** Deeper than this is no accident: such parts are sorted whole by another algorithm. */
const DEPTH_MAX = 96;

/** Compares two elements by their indexes: negative, zero or positive. */
export type Compare = (left: number, right: number) => number;

/** Sorts `order` so that places `from` to `to`, both included, hold what belongs there. */
export function partialSort(order: Uint32Array, from: number, to: number, compare: Compare): void {
  // Parts still to be sorted: start, end (exclusive), depth.
  const waiting = [0, order.length, 0];
  while (waiting.length > 0) {
    const depth = waiting.pop()!;
    const end = waiting.pop()!;
    const start = waiting.pop()!;
    if (depth > DEPTH_MAX) {
      order.subarray(start, end).sort(compare);
      continue;
    }
    if (end - start <= INSERTION_MAX) {
      insertionSort(order, start, end, compare);
      continue;
    }
    const { less, greater } = partition(order, start, end, compare);
    if (less > 1 && touches(start, start + less, from, to)) {
      waiting.push(start, start + less, depth + 1);
    }
    if (greater > 1 && touches(end - greater, end, from, to)) {
      waiting.push(end - greater, end, depth + 1);
    }
  }
}

/** Whether a part and the range of places wanted have one in common, or the range lies around. */
function touches(start: number, end: number, from: number, to: number): boolean {
  return !(to < start || from >= end);
}

function swap(order: Uint32Array, left: number, right: number): void {
  const kept = order[left];
  order[left] = order[right];
  order[right] = kept;
}

function swapRuns(order: Uint32Array, left: number, right: number, count: number): void {
  for (let k = 0; k < count; k++) swap(order, left + k, right + k);
}

function insertionSort(order: Uint32Array, start: number, end: number, compare: Compare): void {
  for (let k = start + 1; k < end; k++) {
    for (let at = k; at > start && compare(order[at - 1], order[at]) > 0; at--) {
      swap(order, at, at - 1);
    }
  }
}

/** The place, of three, that holds the middle element. */
function median(order: Uint32Array, a: number, b: number, c: number, compare: Compare): number {
  if (compare(order[a], order[b]) < 0) {
    if (compare(order[b], order[c]) < 0) return b;
    return compare(order[a], order[c]) < 0 ? c : a;
  }
  if (compare(order[b], order[c]) > 0) return b;
  return compare(order[a], order[c]) < 0 ? a : c;
}

function pivotOf(order: Uint32Array, start: number, end: number, compare: Compare): number {
  const count = end - start;
  let middle = start + (count >>> 1);
  if (count <= INSERTION_MAX + 1) return middle;
  let low = start;
  let high = end - 1;
  if (count > NINTHER_MIN) {
    const eighth = count >>> 3;
    low = median(order, low, low + eighth, low + 2 * eighth, compare);
    middle = median(order, middle - eighth, middle, middle + eighth, compare);
    high = median(order, high - 2 * eighth, high - eighth, high, compare);
  }
  return median(order, low, middle, high, compare);
}

/**
 * Splits a part into elements less than a pivot, equal ones and greater ones; returns how many are
 * less and greater. Equal ones are first gathered at both ends, then swapped into the middle.
 */
function partition(
  order: Uint32Array,
  start: number,
  end: number,
  compare: Compare,
): { less: number; greater: number } {
  swap(order, start, pivotOf(order, start, end, compare));
  const pivot = order[start];
  let equalLow = start + 1;
  let low = start + 1;
  let high = end - 1;
  let equalHigh = end - 1;
  for (;;) {
    for (; low <= high; low++) {
      const sign = compare(order[low], pivot);
      if (sign > 0) break;
      if (sign === 0) swap(order, equalLow++, low);
    }
    for (; low <= high; high--) {
      const sign = compare(order[high], pivot);
      if (sign < 0) break;
      if (sign === 0) swap(order, high, equalHigh--);
    }
    if (low > high) break;
    swap(order, low++, high--);
  }
  const less = low - equalLow;
  const greater = equalHigh - high;
  const lowRun = Math.min(equalLow - start, less);
  swapRuns(order, start, low - lowRun, lowRun);
  const highRun = Math.min(greater, end - 1 - equalHigh);
  swapRuns(order, low, end - highRun, highRun);
  return { less, greater };
}
