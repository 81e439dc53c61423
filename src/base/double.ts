// hot path: no allocation per command
//
// Doubles as the server reads and prints them: scores, weights, distances.
//
// Short decimals and integers are read and printed here; `double-exact.ts` reads and
// `double-digits.ts` prints the rest. Both give the same: a decimal of at most 15 digits is a
// quotient of two exact doubles, so one division rounds it correctly, and it is the only one of its
// length that reads back as the same double.

import { integerLength, LETTER_E, MINUS, PLUS, POINT, writeInteger, ZERO } from "./ascii.ts";
import { digitCount, digitPower, digits, findDigits } from "./double-digits.ts";
import { parseExactDouble } from "./double-exact.ts";
import { latin1Bytes, latin1Text } from "./text.ts";

/** Room that `writeDouble` needs. */
export const DOUBLE_BYTES_MAX = 40;

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
const SHORT_SCALED_MAX = 1e15;
const EXPONENT_DECIMALS = 7;
const EXPONENT_MAGNITUDE = 1e4;
/** Whether a number is the nearest double to one with so many decimals. */
function hasDecimals(magnitude: number, decimals: number): boolean {
  const scale = POWERS_OF_TEN[decimals];
  return Math.round(magnitude * scale) / scale === magnitude;
}

/** Writes a fraction of few digits; returns 0 where that may not be what Redis prints. */
function writeShort(bytes: Uint8Array, offset: number, value: number): number {
  const magnitude = value < 0 ? -value : value;
  if (!(magnitude >= SMALLEST_SHORT && magnitude < LARGEST_SHORT)) return 0;
  // A number that is not short with as many decimals as 15 digits allow is none with fewer.
  let most = SHORT_DECIMALS_MAX;
  while (magnitude * POWERS_OF_TEN[most] >= SHORT_SCALED_MAX) most--;
  if (!hasDecimals(magnitude, most)) return 0;
  let decimals = 1;
  while (!hasDecimals(magnitude, decimals)) decimals++;
  const scaled = Math.round(magnitude * POWERS_OF_TEN[decimals]);
  // Redis writes these with an exponent.
  if (decimals >= EXPONENT_DECIMALS && magnitude >= EXPONENT_MAGNITUDE) return 0;
  if (!isWellInside(magnitude, POWERS_OF_TEN[decimals], scaled)) return 0;
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

/** Splits a double into two halves whose products are exact. */
const SPLITTER = 2 ** 27 + 1;
/** A double's bits, for taking its exponent. */
const doubleView = new Float64Array(1);
const wordView = new Uint32Array(doubleView.buffer);

/**
 * Whether scaled / scale is clearly closer to `value` than the neighbouring doubles are. Redis's
 * algorithm is a little narrow-minded: next to the middle between two doubles it takes more digits
 * than it must. The product value * scale is taken exactly, as the sum of two doubles.
 */
function isWellInside(value: number, scale: number, scaled: number): boolean {
  const product = value * scale;
  const valueSplit = value * SPLITTER;
  const valueHigh = valueSplit - (valueSplit - value);
  const valueLow = value - valueHigh;
  const scaleSplit = scale * SPLITTER;
  const scaleHigh = scaleSplit - (scaleSplit - scale);
  const scaleLow = scale - scaleHigh;
  const error =
    valueLow * scaleLow -
    (product - valueHigh * scaleHigh - valueLow * scaleHigh - valueHigh * scaleLow);
  const distance = scaled - product - error;
  doubleView[0] = value;
  const isPower = wordView[0] === 0 && (wordView[1] & 0xf_ffff) === 0;
  wordView[0] = 0;
  wordView[1] &= 0x7ff0_0000;
  // Half the gap between neighbours; below a power of two it is half as wide.
  const halfGap = doubleView[0] * scale * (isPower ? 2 ** -54 : 2 ** -53);
  return Math.abs(distance) < 0.98 * halfGap;
}

/** Integers up to here are printed with all their digits. */
const WHOLE_MAX = 2 ** 62;

/** Zeros that may follow the digits before the exponent form is shorter. */
const PADDING_MAX = 7;
/** Beyond these a fraction is written in the exponent form. */
const FRACTION_DIGITS_MAX = 7;
const FRACTION_EXPONENT_MAX = 4;

/** Every double that is neither a safe integer nor a short decimal. */
function writeLong(bytes: Uint8Array, offset: number, value: number): number {
  const isSpecial =
    value === 0 ||
    !Number.isFinite(value) ||
    (Number.isInteger(value) && Math.abs(value) <= WHOLE_MAX);
  return isSpecial ? writeSpecial(bytes, offset, value) : writeFloat(bytes, offset, value);
}

/** Any finite number but zero, by the digits that tell it from its neighbours. */
function writeFloat(bytes: Uint8Array, offset: number, value: number): number {
  findDigits(Math.abs(value));
  let at = offset;
  if (value < 0) bytes[at++] = MINUS;
  const count = digitCount;
  const power = digitPower;
  const exponent = power + count - 1;
  const distance = Math.abs(exponent);
  if (power >= 0 && distance < count + PADDING_MAX) {
    at = writeDigits(bytes, at, 0, count);
    return writeZeros(bytes, at, power);
  }
  if (power < 0 && (-power < FRACTION_DIGITS_MAX || distance < FRACTION_EXPONENT_MAX)) {
    const point = count + power;
    if (point > 0) at = writeDigits(bytes, at, 0, point);
    else bytes[at++] = ZERO;
    bytes[at++] = POINT;
    if (point < 0) at = writeZeros(bytes, at, -point);
    return writeDigits(bytes, at, Math.max(0, point), count);
  }
  bytes[at++] = digits[0];
  if (count > 1) {
    bytes[at++] = POINT;
    at = writeDigits(bytes, at, 1, count);
  }
  bytes[at++] = LETTER_E;
  bytes[at++] = exponent < 0 ? MINUS : PLUS;
  return writeInteger(bytes, at, distance);
}

function writeDigits(bytes: Uint8Array, offset: number, from: number, to: number): number {
  for (let k = from; k < to; k++) bytes[offset + k - from] = digits[k];
  return offset + to - from;
}

function writeZeros(bytes: Uint8Array, offset: number, count: number): number {
  for (let k = 0; k < count; k++) bytes[offset + k] = ZERO;
  return offset + count;
}

/** Cold: infinities, minus zero, what is no number, and integers that are not safe. */
function writeSpecial(bytes: Uint8Array, offset: number, value: number): number {
  const text = latin1Bytes(specialText(value));
  bytes.set(text, offset);
  return offset + text.length;
}

/** Cold. */
function specialText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === 0) return "-0";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return BigInt(value).toString();
}

/** The text that `writeDouble` writes. Cold. */
export function doubleText(value: number): string {
  const bytes = new Uint8Array(DOUBLE_BYTES_MAX);
  return latin1Text(bytes, 0, writeDouble(bytes, 0, value));
}

/** The same, but with an exponent for large round integers, too. Cold. */
export function floatText(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return doubleText(value);
  const bytes = new Uint8Array(DOUBLE_BYTES_MAX);
  return latin1Text(bytes, 0, writeFloat(bytes, 0, value));
}
