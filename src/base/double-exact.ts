// The rare ways of reading and printing doubles, exact to the last digit: `double.ts` decides the
// common cases without coming here. Everything in this file but `isWellInside` may allocate.
//
// Printing is the algorithm Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and
// Accurately with Integers", 2010) with cached powers of ten eight decades apart, as Redis uses.
// About one double in a thousand gets more digits from it than the shortest text that reads back as
// the same value (1e23 is 99999999999999990000000), so the shortest text would not always do.

import { latin1Text } from "./text.ts";

const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const LOWER_CASE = 32;
const LETTER_E = 101;
const LETTER_P = 112;
const LETTER_X = 120;

const view = new Float64Array(1);
const bits = new BigUint64Array(view.buffer);
const words = new Uint32Array(view.buffer);

/** Splits a double into two halves whose products are exact. */
const SPLITTER = 2 ** 27 + 1;

const HIDDEN_BIT = 1n << 52n;
const WORD_BITS = 64n;
const MASK_64 = (1n << WORD_BITS) - 1n;

// The product of an upper boundary and a cached power has its exponent in this window.
const EXPONENT_MIN = -60;
const EXPONENT_MAX = -32;
const FIRST_POWER = -348;
const POWER_STEP = 8;
const POWER_COUNT = 87;
const LOG10_2 = 0.30102999566398114;

/** A number significand * 2^exponent with a significand of 64 bits. */
interface Scaled {
  readonly significand: bigint;
  readonly exponent: number;
}

/** 10^power rounded to 64 bits. */
function powerOfTen(power: number): Scaled {
  const magnitude = 10n ** BigInt(Math.abs(power));
  const length = BigInt(magnitude.toString(2).length);
  // A quotient with some bits more than needed, so that rounding sees what follows.
  const extra = WORD_BITS + 8n + length;
  const value = power >= 0 ? magnitude << extra : (1n << (2n * extra)) / magnitude;
  const scale = power >= 0 ? -extra : -2n * extra;
  const drop = BigInt(value.toString(2).length) - WORD_BITS;
  const significand = (value + (1n << (drop - 1n))) >> drop;
  return { significand, exponent: Number(scale + drop) };
}

const powers: Scaled[] = [];

/** The cached power 10^(FIRST_POWER + index * POWER_STEP); computed when first used. */
function cachedPower(index: number): Scaled {
  powers[index] ??= powerOfTen(FIRST_POWER + index * POWER_STEP);
  return powers[index];
}

/** Index of the cached power that brings a 64-bit number of this exponent into the window. */
function powerIndexFor(exponent: number): number {
  const decades = Math.trunc(-(exponent + POWER_COUNT) * LOG10_2);
  let index = Math.trunc((decades - FIRST_POWER) / POWER_STEP);
  for (;;) {
    const product = exponent + cachedPower(index).exponent + 64;
    if (product < EXPONENT_MIN) index++;
    else if (product > EXPONENT_MAX) index--;
    else return index;
  }
}

/** The upper 64 bits of a product, rounded. */
function times(left: bigint, right: bigint): bigint {
  return (left * right + (1n << 63n)) >> WORD_BITS;
}

/** Digits and the power of ten of the last one. */
interface Digits {
  readonly text: string;
  readonly power: number;
}

/**
 * Whether (high + low) / scale is clearly closer to `value` than the neighbouring doubles are, and
 * no other number of as many digits is as close. Redis's algorithm is a little narrow-minded: next
 * to the middle between two doubles it takes more digits than it must. The product value * scale is
 * taken exactly, as the sum of two doubles.
 */
export function isWellInside(value: number, scale: number, high: number, low: number): boolean {
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
  const distance = high - product + (low - error);
  view[0] = value;
  const isPower = words[0] === 0 && (words[1] & 0xf_ffff) === 0;
  words[0] = 0;
  words[1] &= 0x7ff0_0000;
  // Half the gap between neighbours; below a power of two it is half as wide.
  const halfGap = view[0] * scale * (isPower ? 2 ** -54 : 2 ** -53);
  return Math.abs(distance) < 0.98 * halfGap && Math.abs(distance) < 0.49;
}

/** Between these, numbers are printed without an exponent by JavaScript, too. */
const SIMPLE_MIN = 1e-3;
const SIMPLE_MAX = 1e15;
const LOW_DIGITS = 9;

/**
 * The digits that Grisu2 finds, where the shortest text is that beyond doubt; undefined otherwise.
 * Finding that is very fast in JavaScript engines.
 */
function shortestDigits(value: number): Digits | undefined {
  if (!(value >= SIMPLE_MIN && value < SIMPLE_MAX)) return undefined;
  const shortest = String(value);
  const point = shortest.indexOf(".");
  if (point < 0) return undefined;
  const decimals = shortest.length - point - 1;
  const all = shortest.slice(0, point) + shortest.slice(point + 1);
  let zeros = 0;
  while (all.charCodeAt(zeros) === ZERO) zeros++;
  const text = zeros === 0 ? all : all.slice(zeros);
  // In two parts, each of which is exact as a double.
  const high = Number(text.slice(0, -LOW_DIGITS)) * 10 ** LOW_DIGITS;
  const low = Number(text.slice(-LOW_DIGITS));
  if (!isWellInside(value, 10 ** decimals, high, low)) return undefined;
  return { text, power: -decimals };
}

/** The decimal digits that Grisu2 finds for a finite value above zero. */
function grisu(value: number): Digits {
  view[0] = value;
  const raw = Number(bits[0] >> 52n) & 0x7ff;
  const fraction = bits[0] & (HIDDEN_BIT - 1n);
  const significand = raw === 0 ? fraction : fraction | HIDDEN_BIT;
  const exponent = (raw === 0 ? 1 : raw) - 1075;
  // The neighbours' midpoints, in 64 bits with one exponent; below a power of two the gap is half
  // as wide.
  const upper = 2n * significand + 1n;
  const shift = WORD_BITS - BigInt(upper.toString(2).length);
  const scaledUpper = upper << shift;
  const scaledExponent = exponent - 1 - Number(shift);
  const lower = significand === HIDDEN_BIT ? 4n * significand - 1n : 2n * significand - 1n;
  const scaledLower = lower << (significand === HIDDEN_BIT ? shift - 1n : shift);
  const normal = WORD_BITS - BigInt(significand.toString(2).length);

  const index = powerIndexFor(scaledExponent);
  const power = cachedPower(index);
  // One unit narrower on either side than computed: that is how far off a product may be.
  const high = times(scaledUpper, power.significand) - 1n;
  const low = times(scaledLower, power.significand) + 1n;
  const exact = times(significand << normal, power.significand);
  const one = BigInt(-(scaledExponent + power.exponent + 64));
  return generate(high, high - low, high - exact, one, -(FIRST_POWER + index * POWER_STEP));
}

/**
 * Digits of `high` / 2^one, as few as stay within `delta` below it; then the last digit moves as
 * close as it can to what lies `distance` below.
 */
function generate(
  high: bigint,
  delta: bigint,
  distance: bigint,
  one: bigint,
  power: number,
): Digits {
  const unit = 1n << one;
  let digits = 0n;
  let whole = high >> one;
  let rest = high & (unit - 1n);
  let place = 10n ** 9n;
  for (let kappa = 9; kappa >= 0; kappa--) {
    digits = digits * 10n + whole / place;
    whole %= place;
    const left = (whole << one) + rest;
    if (left <= delta) {
      return { text: `${weed(digits, delta, left, place << one, distance)}`, power: power + kappa };
    }
    place /= 10n;
  }
  let scale = 1n;
  for (let kappa = -1; ; kappa--) {
    rest *= 10n;
    delta = (delta * 10n) & MASK_64;
    scale *= 10n;
    digits = digits * 10n + (rest >> one);
    rest &= unit - 1n;
    if (rest < delta) {
      const goal = (distance * scale) & MASK_64;
      return { text: `${weed(digits, delta, rest, unit, goal)}`, power: power + kappa };
    }
  }
}

/** Lowers the last digit while that brings `left` closer to `goal` and stays within `delta`. */
function weed(digits: bigint, delta: bigint, left: bigint, place: bigint, goal: bigint): bigint {
  let last = digits;
  let rest = left;
  while (
    rest < goal &&
    delta - rest >= place &&
    (rest + place < goal || goal - rest > rest + place - goal)
  ) {
    last--;
    rest += place;
  }
  return last;
}

/** Zeros that may follow the digits before the exponent form is shorter. */
const PADDING_MAX = 7;
/** Beyond these a fraction is written in the exponent form. */
const FRACTION_DIGITS_MAX = 7;
const FRACTION_EXPONENT_MAX = 4;

/** The text of any double but the integers within +-2^62. */
export function exactDoubleText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  const sign = value < 0 ? "-" : "";
  if (!Number.isFinite(value)) return `${sign}inf`;
  const magnitude = Math.abs(value);
  const { text, power } = shortestDigits(magnitude) ?? grisu(magnitude);
  const exponent = power + text.length - 1;
  const distance = Math.abs(exponent);
  if (power >= 0 && distance < text.length + PADDING_MAX) return sign + text + "0".repeat(power);
  if (power < 0 && (-power < FRACTION_DIGITS_MAX || distance < FRACTION_EXPONENT_MAX)) {
    const point = text.length + power;
    if (point <= 0) return `${sign}0.${"0".repeat(-point)}${text}`;
    return `${sign}${text.slice(0, point)}.${text.slice(point)}`;
  }
  const fraction = text.length > 1 ? `.${text.slice(1)}` : "";
  return `${sign}${text[0]}${fraction}e${exponent < 0 ? "-" : "+"}${distance}`;
}

/** What becomes of a number too large or too small for a double, and of hexadecimal ones. */
export type Strictness = "score" | "bound";

/**
 * Reads a range as strtod does; NaN where anything is left over, and for "nan" itself. As a
 * "score", hexadecimal numbers count and ones out of a double's range do not; as a "bound", they
 * are infinite or zero.
 */
export function parseExactDouble(
  bytes: Uint8Array,
  start: number,
  end: number,
  strictness: Strictness,
): number {
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  const magnitude = parseMagnitude(bytes, at, end, strictness);
  return sign === MINUS ? -magnitude : magnitude;
}

function parseMagnitude(
  bytes: Uint8Array,
  start: number,
  end: number,
  strictness: Strictness,
): number {
  if (isInfinityWord(bytes, start, end)) return Number.POSITIVE_INFINITY;
  if (end - start > 2 && bytes[start] === ZERO && (bytes[start + 1] | LOWER_CASE) === LETTER_X) {
    return strictness === "score" ? parseHex(bytes, start + 2, end) : Number.NaN;
  }
  const kind = scanDecimal(bytes, start, end);
  if (kind === NO_NUMBER) return Number.NaN;
  if (kind === IS_ZERO) return 0;
  const value = Number(latin1Text(bytes, start, end));
  const vanished = value === 0 || value === Number.POSITIVE_INFINITY;
  return vanished && strictness === "score" ? Number.NaN : value;
}

function isInfinityWord(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length !== 3 && length !== 8) return false;
  for (let k = 0; k < length; k++) {
    if ((bytes[start + k] | LOWER_CASE) !== "infinity".charCodeAt(k)) return false;
  }
  return true;
}

const NO_NUMBER = 0;
const IS_ZERO = 1;
const IS_NUMBER = 2;

/** Checks digits with an optional point and exponent, and tells zero from other numbers. */
function scanDecimal(bytes: Uint8Array, start: number, end: number): number {
  let digits = 0;
  let points = 0;
  let isZero = true;
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (isDigit(byte)) {
      digits++;
      if (byte !== ZERO) isZero = false;
    } else if (byte === POINT && points === 0) {
      points++;
    } else {
      break;
    }
  }
  if (digits === 0) return NO_NUMBER;
  if (at < end) {
    if ((bytes[at] | LOWER_CASE) !== LETTER_E) return NO_NUMBER;
    if (Number.isNaN(parseExponent(bytes, at + 1, end))) return NO_NUMBER;
  }
  return isZero ? IS_ZERO : IS_NUMBER;
}

/** Written exponents saturate here: far beyond what the digits of one text can make up for. */
const EXPONENT_SATURATION = 1e12;

/** A signed run of decimal digits, saturated; NaN where there is none or something follows. */
function parseExponent(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  if (at >= end) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    if (!isDigit(bytes[at])) return Number.NaN;
    value = Math.min(EXPONENT_SATURATION, value * 10 + bytes[at] - ZERO);
  }
  return sign === MINUS ? -value : value;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** The value of a hexadecimal digit, or -1. */
function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  const letter = byte | LOWER_CASE;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** Hexadecimal digits that are kept; of those behind them only whether one is not zero. */
const HEX_DIGITS_MAX = 20;
const LOWEST_EXPONENT = -1074;

/** Hexadecimal digits with an optional point and binary exponent; NaN where out of range. */
function parseHex(bytes: Uint8Array, start: number, end: number): number {
  let significand = 0n;
  let kept = 0;
  let sticky = false;
  let exponent = 0;
  let digits = 0;
  let sawPoint = false;
  let at = start;
  for (; at < end; at++) {
    if (bytes[at] === POINT && !sawPoint) {
      sawPoint = true;
      continue;
    }
    const digit = hexValue(bytes[at]);
    if (digit < 0) break;
    digits++;
    if (kept < HEX_DIGITS_MAX) {
      significand = significand * 16n + BigInt(digit);
      if (significand > 0n) kept++;
      if (sawPoint) exponent -= 4;
    } else {
      if (digit > 0) sticky = true;
      if (!sawPoint) exponent += 4;
    }
  }
  if (digits === 0) return Number.NaN;
  if (at < end) {
    if ((bytes[at] | LOWER_CASE) !== LETTER_P) return Number.NaN;
    exponent += parseExponent(bytes, at + 1, end);
    if (Number.isNaN(exponent)) return Number.NaN;
  }
  return significand === 0n ? 0 : roundBinary(significand, exponent, sticky);
}

/** The double nearest to significand * 2^exponent, ties to even; NaN for 0 or infinity. */
function roundBinary(significand: bigint, exponent: number, sticky: boolean): number {
  const top = significand.toString(2).length + exponent;
  if (top > 1025 || top < LOWEST_EXPONENT - 1) return Number.NaN;
  const lowest = Math.max(top - 53, LOWEST_EXPONENT);
  let mantissa = significand;
  if (lowest > exponent) {
    const drop = BigInt(lowest - exponent);
    mantissa = significand >> drop;
    const rest = significand - (mantissa << drop);
    const half = 1n << (drop - 1n);
    const isTie = rest === half && !sticky;
    if (isTie ? (mantissa & 1n) === 1n : rest >= half) mantissa++;
  }
  const scale = Math.max(lowest, exponent);
  // Two factors, since 2^scale alone may be out of range; both products are exact.
  const shift = Math.max(scale, -1022);
  const value = Number(mantissa) * 2 ** (scale - shift) * 2 ** shift;
  return value === 0 || value === Number.POSITIVE_INFINITY ? Number.NaN : value;
}
