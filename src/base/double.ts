// hot path: no allocation per command
//
// Doubles as the server reads and prints them: scores, weights, distances.
//
// Short decimals and integers are read and printed here without allocating; `double-exact.ts` does
// the rest. Both give the same: a decimal of at most 15 digits is a quotient of two exact doubles,
// so one division rounds it correctly, and it is the only one of its length that reads back as the
// same double.

import { integerLength, writeInteger } from "./ascii.ts";
import { exactDoubleText, isWellInside, parseExactDouble } from "./double-exact.ts";

/** Room that `writeDouble` needs. */
export const DOUBLE_BYTES_MAX = 40;

const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;

/** Decimals whose power of ten, and whose digits, are exact as doubles. */
const SHORT_DIGITS_MAX = 15;
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, k) => 10 ** k);

/**
 * Reads a whole range as a double, by the rules that Redis has for scores: decimal or hexadecimal,
 * with an optional sign, point and exponent, or a word for infinity. NaN for everything else: blank
 * space, "nan", numbers too large or too small.
 */
export function parseDouble(bytes: Uint8Array, start: number, end: number): number {
  const value = parseShort(bytes, start, end);
  return !Number.isNaN(value) ? value : parseExactDouble(bytes, start, end, "score");
}

/**
 * Reads a range as a double, by the rules that Redis has for the ends of score intervals: decimal
 * only, up to the first zero byte; nothing is 0, and numbers out of range are infinite or 0. NaN
 * for everything else.
 */
export function parseBound(bytes: Uint8Array, start: number, end: number): number {
  const value = parseShort(bytes, start, end);
  if (!Number.isNaN(value)) return value;
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return stop === start ? 0 : parseExactDouble(bytes, start, stop, "bound");
}

/** A plain decimal of at most 15 digits; NaN for everything else, valid or not. */
function parseShort(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  // The point counts as a digit here, which only makes the path a little narrower.
  if (at >= end || end - at > SHORT_DIGITS_MAX + 1) return Number.NaN;
  let value = 0;
  let point = -1;
  for (let k = at; k < end; k++) {
    const digit = bytes[k] - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
    } else if (bytes[k] === POINT && point < 0 && end - at > 1) {
      point = k;
    } else {
      return Number.NaN;
    }
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  if (point >= 0) value /= POWERS_OF_TEN[end - point - 1];
  return sign === MINUS ? -value : value;
}

/**
 * Writes a double as Redis prints it and returns the offset behind it. The caller has made sure of
 * DOUBLE_BYTES_MAX bytes of room.
 */
export function writeDouble(bytes: Uint8Array, offset: number, value: number): number {
  if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) {
    return writeInteger(bytes, offset, value);
  }
  const end = writeShort(bytes, offset, value);
  return end > 0 ? end : writeLong(bytes, offset, value);
}

/** The number of bytes that `writeDouble` writes for a safe integer other than -0, or 0. */
export function shortIntegerLength(value: number): number {
  if (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0)) return 0;
  return integerLength(value);
}

const SMALLEST_SHORT = 1e-3;
const LARGEST_SHORT = 1e14;
const SHORT_DECIMALS_MAX = 14;
const EXPONENT_DECIMALS = 7;
const EXPONENT_MAGNITUDE = 1e4;
/** Writes a fraction of few digits; returns 0 where that may not be what Redis prints. */
function writeShort(bytes: Uint8Array, offset: number, value: number): number {
  const magnitude = value < 0 ? -value : value;
  if (!(magnitude >= SMALLEST_SHORT && magnitude < LARGEST_SHORT)) return 0;
  let decimals = 1;
  let scaled = 0;
  for (; ; decimals++) {
    if (decimals > SHORT_DECIMALS_MAX) return 0;
    scaled = Math.round(magnitude * POWERS_OF_TEN[decimals]);
    if (scaled >= 1e15) return 0;
    if (scaled / POWERS_OF_TEN[decimals] === magnitude) break;
  }
  // Redis writes these with an exponent.
  if (decimals >= EXPONENT_DECIMALS && magnitude >= EXPONENT_MAGNITUDE) return 0;
  if (!isWellInside(magnitude, POWERS_OF_TEN[decimals], scaled, 0)) return 0;
  const scale = POWERS_OF_TEN[decimals];
  let at = offset;
  if (value < 0) bytes[at++] = MINUS;
  const whole = Math.floor(scaled / scale);
  let fraction = scaled - whole * scale;
  at = writeInteger(bytes, at, whole);
  bytes[at] = POINT;
  for (let k = decimals; k > 0; k--) {
    const quotient = Math.floor(fraction / 10);
    bytes[at + k] = ZERO + (fraction - quotient * 10);
    fraction = quotient;
  }
  return at + decimals + 1;
}

/** Integers up to here are printed with all their digits. */
const WHOLE_MAX = 2 ** 62;

/** Cold: every double that is neither a safe integer nor a short decimal. */
function writeLong(bytes: Uint8Array, offset: number, value: number): number {
  const text = doubleText(value);
  for (let k = 0; k < text.length; k++) bytes[offset + k] = text.charCodeAt(k);
  return offset + text.length;
}

/** The text that `writeDouble` writes. Cold. */
export function doubleText(value: number): string {
  if (value === 0) return 1 / value < 0 ? "-0" : "0";
  if (Number.isInteger(value) && Math.abs(value) <= WHOLE_MAX) return BigInt(value).toString();
  return exactDoubleText(value);
}
