// hot path: no allocation per command
//
// MurmurHash64A, by its author's public-domain description
// (https://github.com/aappleby/smhasher), as HyperLogLogs place their elements by it. All 64-bit
// values are two int32 halves.

import { wordView } from "./word-view.ts";

/** A 64-bit hash. */
export interface Hash64 {
  high: number;
  low: number;
}

/** The result of the last call. */
export const murmur: Hash64 = { high: 0, low: 0 };

/** The multiplier, 0xc6a4a793_5bd1e995. */
const HIGH = 0xc6a4a793 | 0;
const LOW = 0x5bd1e995;
const LOW_UPPER = LOW >>> 16;
const LOW_LOWER = LOW & 0xffff;
/** The right shift of 47 takes bits from the high half only. */
const SHIFT = 47 - 32;

/** The upper half of a 32-bit value's product with the multiplier's low half. */
function upperProduct(value: number): number {
  const lower = value & 0xffff;
  const upper = value >>> 16;
  const middle = (Math.imul(upper, LOW_LOWER) + (Math.imul(lower, LOW_LOWER) >>> 16)) | 0;
  const other = ((middle & 0xffff) + Math.imul(lower, LOW_UPPER)) | 0;
  return (Math.imul(upper, LOW_UPPER) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** The upper half of a 64-bit value's product with the multiplier. */
function productHigh(high: number, low: number): number {
  return (upperProduct(low) + Math.imul(high, LOW) + Math.imul(low, HIGH)) | 0;
}

/** Hashes bytes[start, end) under a 32-bit seed and leaves the result in `murmur`. */
export function murmurHash64(bytes: Uint8Array, start: number, end: number, seed: number): void {
  const length = end - start;
  let high = productHigh(0, length | 0);
  let low = seed ^ Math.imul(length, LOW);
  const view = wordView(bytes);
  const wordsEnd = end - (length & 7);
  for (let at = start; at < wordsEnd; at += 8) {
    let wordLow = view.getInt32(at, true);
    let wordHigh = productHigh(view.getInt32(at + 4, true), wordLow);
    wordLow = Math.imul(wordLow, LOW) ^ (wordHigh >>> SHIFT);
    wordHigh = productHigh(wordHigh, wordLow);
    high ^= wordHigh;
    low ^= Math.imul(wordLow, LOW);
    high = productHigh(high, low);
    low = Math.imul(low, LOW);
  }
  if (wordsEnd < end) {
    const lowEnd = Math.min(end, wordsEnd + 4);
    for (let at = wordsEnd; at < lowEnd; at++) low ^= bytes[at] << ((at - wordsEnd) << 3);
    for (let at = lowEnd; at < end; at++) high ^= bytes[at] << ((at - lowEnd) << 3);
    high = productHigh(high, low);
    low = Math.imul(low, LOW);
  }
  low ^= high >>> SHIFT;
  high = productHigh(high, low);
  low = Math.imul(low, LOW);
  murmur.high = high;
  murmur.low = low ^ (high >>> SHIFT);
}
