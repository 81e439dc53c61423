// hot path: no allocation per command
//
// HyperLogLog: an estimate of how many different elements were added, kept in a string in Redis's
// format, so that the same additions make the same bytes.
//
//   0         4          5      8                     16
//   "HYLL"    encoding   zeros  cached count, LE 64   registers
//             0 dense           (top bit set: stale)
//             1 sparse
//
// There are 2^14 registers of 6 bits. An element's hash chooses one of them by its low 14 bits; the
// element's rank is the number of zeros in front of the first one above those, plus one; a register
// keeps the highest rank it met. Dense registers are packed from the lowest bit of the first byte
// on; hyperloglog-sparse.ts describes the other form. The estimator is Ertl's ("New cardinality
// estimation algorithms for HyperLogLog sketches", arXiv:1702.01284).
//
// Clients can write what they like into a string. Every function copes with any bytes that
// `encodingOf` lets through.

import { murmur, murmurHash64 } from "../base/murmur-hash.ts";
import { addSparseRanks, expandSparse } from "./hyperloglog-sparse.ts";

export const REGISTER_COUNT = 1 << 14;
export const HEADER_BYTES = 16;
const REGISTER_BITS = 6;
const RANK_MAX = (1 << REGISTER_BITS) - 1;
export const DENSE_BYTES = HEADER_BYTES + (REGISTER_COUNT * REGISTER_BITS) / 8;
/** One opcode that says that all registers are zero. */
export const EMPTY_BYTES = HEADER_BYTES + 2;

export const DENSE = 0;
export const SPARSE = 1;
export const NOT_A_HYPERLOGLOG = -1;

const MAGIC = [72, 89, 76, 76];
const ENCODING_OFFSET = 4;
const COUNT_OFFSET = 8;
const STALE_OFFSET = 15;
const STALE = 0x80;

const INDEX_BITS = 14;
const INDEX_MASK = REGISTER_COUNT - 1;
/** Hash bits that ranks are taken from. */
const RANK_BITS = 64 - INDEX_BITS;
const SEED = 0xadc83b19 | 0;
/** 0.5 / ln 2 */
const ALPHA_INFINITE = 0.7213475204444817;
const TWO_32 = 0x1_0000_0000;

/** What C's conversion makes of an estimate that is no int64. */
const COUNT_OVERFLOW = -(2 ** 63);

/** Where the last located element belongs. */
export const place = { register: 0, rank: 0 };

/** How many registers have each rank. */
const histogram = new Int32Array(RANK_MAX + 1);

/** DENSE or SPARSE, or NOT_A_HYPERLOGLOG where bytes[start, end) have no valid header. */
export function encodingOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < HEADER_BYTES) return NOT_A_HYPERLOGLOG;
  for (let k = 0; k < MAGIC.length; k++)
    if (bytes[start + k] !== MAGIC[k]) return NOT_A_HYPERLOGLOG;
  const encoding = bytes[start + ENCODING_OFFSET];
  if (encoding === SPARSE) return SPARSE;
  return encoding === DENSE && end - start === DENSE_BYTES ? DENSE : NOT_A_HYPERLOGLOG;
}

/** Writes an empty HyperLogLog of EMPTY_BYTES bytes. */
export function writeEmpty(bytes: Uint8Array, start: number): void {
  bytes.fill(0, start, start + HEADER_BYTES);
  for (let k = 0; k < MAGIC.length; k++) bytes[start + k] = MAGIC[k];
  bytes[start + ENCODING_OFFSET] = SPARSE;
  bytes[start + HEADER_BYTES] = 0x7f;
  bytes[start + HEADER_BYTES + 1] = 0xff;
}

/** The count of the last estimate; NaN where registers have changed since. */
export function cachedCount(bytes: Uint8Array, start: number): number {
  if ((bytes[start + STALE_OFFSET] & STALE) !== 0) return Number.NaN;
  let count = 0;
  for (let at = start + STALE_OFFSET; at >= start + COUNT_OFFSET; at--)
    count = count * 256 + bytes[at];
  return count;
}

/** The cached count's halves, for what a double cannot hold. Cold. */
export function cachedCount64(bytes: Uint8Array, start: number): bigint {
  let count = 0n;
  for (let at = start + STALE_OFFSET; at >= start + COUNT_OFFSET; at--) {
    count = count * 256n + BigInt(bytes[at]);
  }
  return count;
}

/** Keeps a count in the header, as fresh. */
export function cacheCount(bytes: Uint8Array, start: number, count: number): void {
  const high = Math.floor(count / TWO_32) | 0;
  const low = count | 0;
  for (let k = 0; k < 4; k++) {
    bytes[start + COUNT_OFFSET + k] = low >>> (k * 8);
    bytes[start + COUNT_OFFSET + 4 + k] = high >>> (k * 8);
  }
}

/** Marks the count in the header as one that may be wrong. */
export function dropCachedCount(bytes: Uint8Array, start: number): void {
  bytes[start + STALE_OFFSET] |= STALE;
}

/** Finds an element's register and its rank, and leaves them in `place`. */
export function locate(bytes: Uint8Array, start: number, end: number): void {
  murmurHash64(bytes, start, end, SEED);
  const { high, low } = murmur;
  place.register = low & INDEX_MASK;
  const lower = (low >>> INDEX_BITS) | (high << (32 - INDEX_BITS));
  // A one behind the hash's end bounds the rank.
  const upper = (high >>> INDEX_BITS) | (1 << (RANK_BITS - 32));
  const zeros = lower !== 0 ? trailingZeros(lower) : 32 + trailingZeros(upper);
  place.rank = zeros + 1;
}

function trailingZeros(value: number): number {
  return 31 - Math.clz32(value & -value);
}

/** The rank in a dense register. */
export function denseRank(bytes: Uint8Array, start: number, register: number): number {
  const bit = register * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >>> 3);
  // The last register ends with its byte: what is read behind it is masked away.
  return (((bytes[at + 1] << 8) | bytes[at]) >>> (bit & 7)) & RANK_MAX;
}

/** Raises a dense register; false where it is as high already. */
export function raiseDense(
  bytes: Uint8Array,
  start: number,
  register: number,
  rank: number,
): boolean {
  if (denseRank(bytes, start, register) >= rank) return false;
  const bit = register * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >>> 3);
  const shift = bit & 7;
  bytes[at] = (bytes[at] & ~(RANK_MAX << shift)) | (rank << shift);
  if (shift > 2) {
    bytes[at + 1] = (bytes[at + 1] & ~(RANK_MAX >>> (8 - shift))) | (rank >>> (8 - shift));
  }
  return true;
}

/** Raises each of REGISTER_COUNT ranks to what a HyperLogLog has; false where it is corrupt. */
export function mergeRanks(
  ranks: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (bytes[start + ENCODING_OFFSET] === SPARSE) {
    return expandSparse(ranks, bytes, start + HEADER_BYTES, end);
  }
  let at = start + HEADER_BYTES;
  for (let register = 0; register < REGISTER_COUNT; register += 4) {
    const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    at += 3;
    for (let k = 0; k < 4; k++) {
      const rank = (four >>> (k * REGISTER_BITS)) & RANK_MAX;
      if (rank > ranks[register + k]) ranks[register + k] = rank;
    }
  }
  return true;
}

/** Makes DENSE_BYTES bytes a dense HyperLogLog with these ranks; the cached count stays. */
export function writeDense(bytes: Uint8Array, start: number, ranks: Uint8Array): void {
  bytes[start + ENCODING_OFFSET] = DENSE;
  let at = start + HEADER_BYTES;
  for (let register = 0; register < REGISTER_COUNT; register += 4) {
    const four =
      ranks[register] |
      (ranks[register + 1] << 6) |
      (ranks[register + 2] << 12) |
      (ranks[register + 3] << 18);
    bytes[at] = four;
    bytes[at + 1] = four >>> 8;
    bytes[at + 2] = four >>> 16;
    at += 3;
  }
}

/** Estimates the number of elements; NaN where the registers are corrupt. */
export function estimate(bytes: Uint8Array, start: number, end: number): number {
  histogram.fill(0);
  if (bytes[start + ENCODING_OFFSET] === SPARSE) {
    const isValid = addSparseRanks(histogram, bytes, start + HEADER_BYTES, end);
    return isValid ? estimateOfHistogram() : Number.NaN;
  }
  let at = start + HEADER_BYTES;
  for (let register = 0; register < REGISTER_COUNT; register += 4) {
    const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    at += 3;
    histogram[four & RANK_MAX]++;
    histogram[(four >>> 6) & RANK_MAX]++;
    histogram[(four >>> 12) & RANK_MAX]++;
    histogram[four >>> 18]++;
  }
  return estimateOfHistogram();
}

/** Estimates the number of elements behind REGISTER_COUNT ranks. */
export function estimateOfRanks(ranks: Uint8Array): number {
  histogram.fill(0);
  for (let register = 0; register < REGISTER_COUNT; register++) histogram[ranks[register]]++;
  return estimateOfHistogram();
}

// Every operation below is done in the order in which Redis does it, since each one rounds.

function estimateOfHistogram(): number {
  const count = REGISTER_COUNT;
  let sum = count * tau((count - histogram[RANK_BITS + 1]) / count);
  for (let rank = RANK_BITS; rank >= 1; rank--) {
    sum += histogram[rank];
    sum *= 0.5;
  }
  sum += count * sigma(histogram[0] / count);
  const result = (ALPHA_INFINITE * count * count) / sum;
  // Halves are rounded up, not to even; results are never negative.
  const rounded = Math.floor(result) + (result - Math.floor(result) >= 0.5 ? 1 : 0);
  return rounded < 2 ** 63 ? rounded : COUNT_OVERFLOW;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let sum = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const previous = sum;
    y *= 0.5;
    sum -= (1 - x) * (1 - x) * y;
    if (sum === previous) return sum / 3;
  }
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let x = start;
  let y = 1;
  let sum = x;
  for (;;) {
    x *= x;
    const previous = sum;
    sum += x * y;
    y += y;
    if (sum === previous) return sum;
  }
}
