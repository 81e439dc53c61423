// In which order SORT puts elements: by number or by text, of the elements themselves or of what a
// BY pattern finds for them.

import { compareBytes } from "../base/ascii.ts";
import { ByteRanges } from "../base/byte-ranges.ts";
import { parseBound } from "../base/double.ts";
import { type Compare, partialSort } from "../base/partial-sort.ts";
import { sortByWeight } from "../base/weight-sort.ts";
import type { Context } from "./features.ts";
import type { SortPattern } from "./sort-patterns.ts";

/** How to sort. */
export interface SortRules {
  readonly isAlpha: boolean;
  readonly isDescending: boolean;
  /** What BY names; undefined sorts by the elements. */
  readonly by: SortPattern | undefined;
  /** Whether the result is stored: texts are compared byte for byte, not as C strings. */
  readonly isStored: boolean;
}

/** Returned by `sortedOrder` where a weight is no number. */
export const NOT_NUMBERS = undefined;

/** What BY found, as text, element by element. */
const texts = new ByteRanges();

/** The indexes of all elements, in the order they are in. */
export function originalOrder(count: number): Uint32Array<ArrayBuffer> {
  const order = new Uint32Array(count);
  for (let k = 0; k < count; k++) order[k] = k;
  return order;
}

/**
 * The indexes of elements in the order asked for, of which only those at places `from` to `to` need
 * be right; NOT_NUMBERS where they cannot be sorted by number.
 */
export function sortedOrder(
  c: Context,
  elements: ByteRanges,
  rules: SortRules,
  from: number,
  to: number,
): Uint32Array | undefined {
  if (!rules.isAlpha) return numberOrder(c, elements, rules, from, to);
  const ascending = textCompare(c, elements, rules);
  const compare: Compare = rules.isDescending ? (a, b) => -ascending(a, b) : ascending;
  const order = originalOrder(elements.count);
  if (isPartial(elements, rules, from, to)) partialSort(order, from, to, compare);
  else order.sort(compare);
  texts.clear();
  return order;
}

/**
 * Whether only a part is sorted, by another algorithm: which of equal elements come first shows.
 * Redis does so for BY alone.
 */
function isPartial(elements: ByteRanges, rules: SortRules, from: number, to: number): boolean {
  return rules.by !== undefined && (from !== 0 || to !== elements.count - 1);
}

/** Sorts by number, equal ones by their bytes. */
function numberOrder(
  c: Context,
  elements: ByteRanges,
  rules: SortRules,
  from: number,
  to: number,
): Uint32Array | undefined {
  const { bytes, ends, count } = elements;
  const { by, isDescending } = rules;
  const weights = new Float64Array(count);
  let areNumbers = true;
  for (let k = 0; k < count; k++) {
    const start = elements.startOf(k);
    if (by === undefined) {
      weights[k] = parseBound(bytes, start, ends[k]);
    } else if (by.look(c, bytes, start, ends[k])) {
      weights[k] = parseBound(by.bytes, by.start, by.end);
    }
    // All are looked up nevertheless: that counts as access.
    if (Number.isNaN(weights[k])) areNumbers = false;
  }
  if (!areNumbers) return NOT_NUMBERS;
  const order = originalOrder(count);
  const compareTies: Compare = (left, right) => compareWhole(elements, left, right);
  if (!isPartial(elements, rules, from, to)) {
    sortByWeight(order, weights, isDescending, compareTies);
    return order;
  }
  const sign = isDescending ? -1 : 1;
  partialSort(order, from, to, (left, right) => {
    const a = weights[left];
    const b = weights[right];
    if (a !== b) return a > b ? sign : -sign;
    return sign * compareTies(left, right);
  });
  return order;
}

function compareWhole(ranges: ByteRanges, left: number, right: number): number {
  const { bytes, ends } = ranges;
  const leftStart = ranges.startOf(left);
  const rightStart = ranges.startOf(right);
  return compareBytes(bytes, leftStart, ends[left], bytes, rightStart, ends[right]);
}

/** Compares up to the first zero byte, as C does in its own locale. */
function compareCText(ranges: ByteRanges, left: number, right: number): number {
  const { bytes, ends } = ranges;
  let a = ranges.startOf(left);
  let b = ranges.startOf(right);
  for (; ; a++, b++) {
    const leftByte = a < ends[left] ? bytes[a] : 0;
    const rightByte = b < ends[right] ? bytes[b] : 0;
    if (leftByte !== rightByte) return leftByte - rightByte;
    if (leftByte === 0) return 0;
  }
}

/** Compares by text; what BY finds nothing for comes first. */
function textCompare(c: Context, elements: ByteRanges, rules: SortRules): Compare {
  const { by, isStored } = rules;
  const compareTexts = isStored ? compareWhole : compareCText;
  if (by === undefined) return (left, right) => compareTexts(elements, left, right);
  const { bytes, ends, count } = elements;
  const isThere = new Uint8Array(count);
  texts.clear();
  for (let k = 0; k < count; k++) {
    if (by.look(c, bytes, elements.startOf(k), ends[k])) {
      isThere[k] = 1;
      texts.add(by.bytes, by.start, by.end);
    } else {
      texts.add(bytes, 0, 0);
    }
  }
  return (left, right) => {
    if (isThere[left] === 0 || isThere[right] === 0) return isThere[left] - isThere[right];
    return compareTexts(texts, left, right);
  };
}
