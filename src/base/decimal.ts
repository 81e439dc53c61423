// Decimal addition as INCRBYFLOAT and HINCRBYFLOAT define it: in the 80-bit extended format of x86
// (64-bit mantissa, 15-bit exponent), round to nearest, ties to even, printed with 17 decimals and
// the trailing zeros removed.
//
// An extended number is kept as mantissa * 2^exponent with a BigInt mantissa of at most 64
// significant bits and exponent >= LOWEST_EXPONENT, which covers denormal numbers without a special
// case. Reading, adding and printing each round once, exactly where the hardware and the C library
// do, so the text is the same to the last digit.
//
// Short decimals take a path through doubles that hold integers only. It is provably identical:
// where both operands and the sum are below 32, each of the three roundings is off by at most half
// a unit in the last place, 2^-60. Together that is 2.6e-18, less than half of the last printed
// decimal (5e-18), and the exact sum has at most 14 decimals: printing rounds back to it. Whole
// numbers below 2^53 are exact in either format.

import {
  LETTER_E,
  LETTER_P,
  LETTER_X,
  LOWER_CASE,
  MINUS,
  NINE,
  PLUS,
  POINT,
  writeInteger,
  ZERO,
} from "./ascii.ts";

/** Results of `addDecimals` that are no length. */
export const INVALID_LEFT = -1;
export const INVALID_RIGHT = -2;
/** An operand or the sum is infinite. */
export const NOT_FINITE = -3;

/** Room that `addDecimals` needs in its output: sign, 4,933 digits, point and 17 decimals. */
export const SUM_BYTES_MAX = 5120;

export const FINITE = 0;
export const INFINITE = 1;
export const INVALID = 2;

export type DecimalKind = typeof FINITE | typeof INFINITE | typeof INVALID;

/** Texts of this length or more are refused, whatever they say. */
const TEXT_BYTES_MAX = 5 * 1024;

const MANTISSA_BITS = 64;
/** 2^LOWEST_EXPONENT is the smallest denormal number. */
const LOWEST_EXPONENT = -16445;
/** Values of 2^OVERFLOW_EXPONENT and above are infinite. */
const OVERFLOW_EXPONENT = 16384;
/** No finite value has more digits before the point. */
const INTEGER_DIGITS_MAX = 4933;
/** Below 10^-FRACTION_ZEROS_MAX every value rounds to zero. */
const FRACTION_ZEROS_MAX = 4951;
/** Written exponents saturate here: far beyond what the digits of one text can make up for. */
const EXPONENT_SATURATION = 1_000_000;

const PRINTED_DECIMALS = 17;
const PRINT_SCALE = 10n ** BigInt(PRINTED_DECIMALS);

const SHORT_DECIMALS_MAX = 14;
const SHORT_DIGITS_MAX = 15;
const SHORT_MAGNITUDE = 32;
const POWERS_OF_TEN = Float64Array.from({ length: SHORT_DECIMALS_MAX + 1 }, (_, k) => 10 ** k);
const LARGE_POWERS_OF_TEN = Array.from(POWERS_OF_TEN, BigInt);

/** Decimals of the number that `scanShort` read last. */
let scannedDecimals = 0;

/**
 * Adds two decimal texts and writes the sum at `offset` of `output`, which has room for
 * SUM_BYTES_MAX bytes. Returns the number of bytes written, or INVALID_LEFT, INVALID_RIGHT or
 * NOT_FINITE.
 */
export function addDecimals(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
  output: Uint8Array,
  offset: number,
): number {
  const leftShort = scanShort(left, leftStart, leftEnd);
  const leftDecimals = scannedDecimals;
  const rightShort = scanShort(right, rightStart, rightEnd);
  const rightDecimals = scannedDecimals;
  // A NaN on either side fails every comparison of `addShort`.
  const length = addShort(leftShort, leftDecimals, rightShort, rightDecimals, output, offset);
  if (length > 0) return length;

  const leftNumber = Number.isNaN(leftShort)
    ? parseExtended(left, leftStart, leftEnd)
    : extendedOfShort(leftShort, leftDecimals);
  if (leftNumber === undefined) return INVALID_LEFT;
  const rightNumber = Number.isNaN(rightShort)
    ? parseExtended(right, rightStart, rightEnd)
    : extendedOfShort(rightShort, rightDecimals);
  if (rightNumber === undefined) return INVALID_RIGHT;
  if (leftNumber.infinite || rightNumber.infinite) return NOT_FINITE;
  const sum = addExtended(leftNumber, rightNumber);
  if (sum.infinite) return NOT_FINITE;
  const text = printExtended(sum);
  for (let k = 0; k < text.length; k++) output[offset + k] = text.charCodeAt(k);
  return text.length;
}

/** Whether a text is a number that `addDecimals` takes, an infinite one, or none. */
export function decimalKind(bytes: Uint8Array, start: number, end: number): DecimalKind {
  if (!Number.isNaN(scanShort(bytes, start, end))) return FINITE;
  const value = parseExtended(bytes, start, end);
  if (value === undefined) return INVALID;
  return value.infinite ? INFINITE : FINITE;
}

/**
 * A number of seconds as milliseconds, rounded up; 2^63 for what is larger, -1 for what is far
 * below zero, undefined for what is no number. Cold.
 */
export function secondsAsMilliseconds(
  bytes: Uint8Array,
  start: number,
  end: number,
): bigint | undefined {
  const value = parseExtended(bytes, start, end);
  if (value === undefined) return undefined;
  const scaled = roundExtended(value.mantissa * 1000n, value.exponent, false);
  const isLarge = value.infinite || bitLength(scaled.mantissa) + scaled.exponent > 63;
  if (isLarge) return value.negative ? -1n : 1n << 63n;
  // What rounds up to zero is no negative number either.
  if (scaled.exponent >= 0) {
    const whole = scaled.mantissa << BigInt(scaled.exponent);
    return value.negative ? -whole : whole;
  }
  const places = BigInt(-scaled.exponent);
  const whole = scaled.mantissa >> places;
  if (value.negative) return -whole;
  return whole << places === scaled.mantissa ? whole : whole + 1n;
}

/**
 * Reads a plain decimal of at most 15 digits, 14 of them behind the point, as an integer without
 * its point, whose place goes to `scannedDecimals`. NaN for everything else, valid or not.
 */
function scanShort(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  // The point is counted as a digit here, which only makes the path a little narrower.
  if (at >= end || end - at > SHORT_DIGITS_MAX) return Number.NaN;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (bytes[at] === POINT && point < 0) {
      point = at;
    } else {
      return Number.NaN;
    }
  }
  if (digits === 0) return Number.NaN;
  scannedDecimals = point < 0 ? 0 : end - point - 1;
  return sign === MINUS ? -value : value;
}

/** Adds two scaled integers where that is exact; returns the length written, or 0. */
function addShort(
  left: number,
  leftDecimals: number,
  right: number,
  rightDecimals: number,
  output: Uint8Array,
  offset: number,
): number {
  const decimals = Math.max(leftDecimals, rightDecimals);
  const scale = POWERS_OF_TEN[decimals];
  if (decimals === 0) {
    const sum = left + right;
    return Number.isSafeInteger(sum) ? writeInteger(output, offset, sum) - offset : 0;
  }
  const limit = SHORT_MAGNITUDE * scale;
  const scaledLeft = left * POWERS_OF_TEN[decimals - leftDecimals];
  const scaledRight = right * POWERS_OF_TEN[decimals - rightDecimals];
  const sum = scaledLeft + scaledRight;
  const fits =
    Math.abs(scaledLeft) < limit && Math.abs(scaledRight) < limit && Math.abs(sum) < limit;
  return fits ? writeScaled(output, offset, sum, decimals, scale) - offset : 0;
}

/** Writes value / scale without trailing zeros and returns the offset behind it. */
function writeScaled(
  output: Uint8Array,
  offset: number,
  value: number,
  decimals: number,
  scale: number,
): number {
  let at = offset;
  const magnitude = Math.abs(value);
  if (value < 0) output[at++] = MINUS;
  let fraction = magnitude % scale;
  at = writeInteger(output, at, (magnitude - fraction) / scale);
  if (fraction === 0) return at;
  output[at] = POINT;
  let places = decimals;
  while (fraction % 10 === 0) {
    fraction /= 10;
    places--;
  }
  for (let k = places; k > 0; k--) {
    const digit = fraction % 10;
    output[at + k] = ZERO + digit;
    fraction = (fraction - digit) / 10;
  }
  return at + places + 1;
}

/** (negative ? -1 : 1) * mantissa * 2^exponent, or an infinity. */
interface Extended {
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly infinite: boolean;
}

/** What strtold makes of a whole text, or undefined where the server refuses it. */
function parseExtended(bytes: Uint8Array, start: number, end: number): Extended | undefined {
  if (end - start >= TEXT_BYTES_MAX) return undefined;
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  const negative = sign === MINUS;
  if (isInfinityWord(bytes, at, end)) {
    return { negative, mantissa: 0n, exponent: 0, infinite: true };
  }
  const isHex = end - at > 2 && bytes[at] === ZERO && (bytes[at + 1] | LOWER_CASE) === LETTER_X;
  const magnitude = isHex ? parseHex(bytes, at + 2, end) : parseDecimal(bytes, at, end);
  // A number too large or too small for the format is refused, unlike "inf" itself.
  if (magnitude === undefined || magnitude.infinite) return undefined;
  return negative ? { ...magnitude, negative } : magnitude;
}

function isInfinityWord(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length !== 3 && length !== 8) return false;
  for (let k = 0; k < length; k++) {
    if ((bytes[start + k] | LOWER_CASE) !== "infinity".charCodeAt(k)) return false;
  }
  return true;
}

const EXTENDED_ZERO: Extended = { negative: false, mantissa: 0n, exponent: 0, infinite: false };

/** Digits with an optional point, as `scanDigits` found them. */
interface Digits {
  /** Without the point and leading zeros; "" is zero. */
  readonly text: string;
  /** How many of them stood behind the point. */
  readonly fractionCount: number;
  /** The written exponent, saturated. */
  readonly exponent: number;
}

function parseDecimal(bytes: Uint8Array, start: number, end: number): Extended | undefined {
  const digits = scanDigits(bytes, start, end, isDecimalDigit, LETTER_E);
  if (digits === undefined) return undefined;
  if (digits.text === "") return EXTENDED_ZERO;
  const scale = digits.exponent - digits.fractionCount;
  const leading = digits.text.length + scale;
  if (leading > INTEGER_DIGITS_MAX || leading < -FRACTION_ZEROS_MAX) return undefined;
  const value = BigInt(digits.text);
  if (scale >= 0) return refuseVanished(roundExtended(value * 10n ** BigInt(scale), 0, false));
  return refuseVanished(extendedQuotient(value, 10n ** BigInt(-scale)));
}

/** The extended number nearest to value / divisor. */
function extendedQuotient(value: bigint, divisor: bigint): Extended {
  // Two bits more than the mantissa, and the rest as one sticky bit, decide the rounding.
  const shift = Math.max(0, MANTISSA_BITS + 2 + bitLength(divisor) - bitLength(value));
  const dividend = value << BigInt(shift);
  const quotient = dividend / divisor;
  return roundExtended(quotient, -shift, quotient * divisor !== dividend);
}

/** The extended number nearest to what `scanShort` read. */
function extendedOfShort(value: number, decimals: number): Extended {
  const magnitude = BigInt(Math.abs(value));
  const number =
    decimals === 0 || value === 0
      ? { negative: false, mantissa: magnitude, exponent: 0, infinite: false }
      : extendedQuotient(magnitude, LARGE_POWERS_OF_TEN[decimals]);
  return value < 0 ? { ...number, negative: true } : number;
}

function parseHex(bytes: Uint8Array, start: number, end: number): Extended | undefined {
  const digits = scanDigits(bytes, start, end, isHexDigit, LETTER_P);
  if (digits === undefined) return undefined;
  if (digits.text === "") return EXTENDED_ZERO;
  const value = BigInt(`0x${digits.text}`);
  const exponent = digits.exponent - digits.fractionCount * 4;
  const leading = bitLength(value) + exponent;
  if (leading > OVERFLOW_EXPONENT || leading < LOWEST_EXPONENT) return undefined;
  return refuseVanished(roundExtended(value, exponent, false));
}

/** A non-zero text that became zero is out of range; the server refuses it. */
function refuseVanished(value: Extended): Extended | undefined {
  return value.mantissa === 0n && !value.infinite ? undefined : value;
}

function scanDigits(
  bytes: Uint8Array,
  start: number,
  end: number,
  isDigit: (byte: number) => boolean,
  exponentLetter: number,
): Digits | undefined {
  let text = "";
  let count = 0;
  let fractionCount = 0;
  let sawPoint = false;
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte === POINT && !sawPoint) {
      sawPoint = true;
      continue;
    }
    if (!isDigit(byte)) break;
    count++;
    if (sawPoint) fractionCount++;
    if (text !== "" || byte !== ZERO) text += String.fromCharCode(byte);
  }
  if (count === 0) return undefined;
  if (at === end) return { text, fractionCount, exponent: 0 };
  if ((bytes[at] | LOWER_CASE) !== exponentLetter) return undefined;
  const exponent = parseExponent(bytes, at + 1, end, EXPONENT_SATURATION);
  return Number.isNaN(exponent) ? undefined : { text, fractionCount, exponent };
}

/** A signed run of digits, at most `saturation`; NaN where there is none or something follows. */
export function parseExponent(
  bytes: Uint8Array,
  start: number,
  end: number,
  saturation: number,
): number {
  let at = start;
  const sign = at < end ? bytes[at] : 0;
  if (sign === MINUS || sign === PLUS) at++;
  if (at >= end) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    if (!isDecimalDigit(bytes[at])) return Number.NaN;
    value = Math.min(saturation, value * 10 + bytes[at] - ZERO);
  }
  return sign === MINUS ? -value : value;
}

function isDecimalDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isHexDigit(byte: number): boolean {
  const letter = byte | LOWER_CASE;
  return isDecimalDigit(byte) || (letter >= 97 && letter <= 102);
}

/** A double's bits, for taking its exponent. */
const doubleView = new Float64Array(1);
const wordView = new Uint32Array(doubleView.buffer);

function bitLength(value: bigint): number {
  const nearest = Number(value);
  if (nearest === 0) return 0;
  if (nearest > Number.MAX_VALUE / 2) {
    const hex = value.toString(16);
    return hex.length * 4 + 28 - Math.clz32(Number.parseInt(hex[0], 16));
  }
  doubleView[0] = nearest;
  const bits = ((wordView[1] >>> 20) & 0x7ff) - 1022;
  // A power of two may be what a smaller value was rounded up to.
  const isPower = wordView[0] === 0 && (wordView[1] & 0xf_ffff) === 0;
  return isPower && value >> BigInt(bits - 1) === 0n ? bits - 1 : bits;
}

/**
 * The extended number nearest to value * 2^exponent, ties to even; `sticky` says that the true
 * value is a little larger.
 */
function roundExtended(value: bigint, exponent: number, sticky: boolean): Extended {
  const lowest = Math.max(exponent + bitLength(value) - MANTISSA_BITS, LOWEST_EXPONENT);
  const dropped = lowest - exponent;
  let mantissa = value;
  if (dropped > 0) {
    mantissa = value >> BigInt(dropped);
    const rest = value - (mantissa << BigInt(dropped));
    const half = 1n << BigInt(dropped - 1);
    const isTie = rest === half && !sticky;
    if (isTie ? (mantissa & 1n) === 1n : rest >= half) mantissa++;
  }
  const kept = dropped > 0 ? lowest : exponent;
  const infinite = mantissa !== 0n && bitLength(mantissa) + kept > OVERFLOW_EXPONENT;
  return { negative: false, mantissa, exponent: kept, infinite };
}

function addExtended(left: Extended, right: Extended): Extended {
  const exponent = Math.min(left.exponent, right.exponent);
  const leftValue = left.mantissa << BigInt(left.exponent - exponent);
  const rightValue = right.mantissa << BigInt(right.exponent - exponent);
  const sum =
    (left.negative ? -leftValue : leftValue) + (right.negative ? -rightValue : rightValue);
  const rounded = roundExtended(sum < 0n ? -sum : sum, exponent, false);
  return { ...rounded, negative: sum < 0n };
}

/** As "%.17Lf", then without trailing zeros and without the sign of a zero. */
function printExtended(value: Extended): string {
  const sign = value.negative ? "-" : "";
  if (value.exponent >= 0) return `${sign}${value.mantissa << BigInt(value.exponent)}`;
  const scaled = value.mantissa * PRINT_SCALE;
  const dropped = BigInt(-value.exponent);
  let printed = scaled >> dropped;
  const rest = scaled - (printed << dropped);
  const half = 1n << (dropped - 1n);
  if (rest > half || (rest === half && (printed & 1n) === 1n)) printed++;
  if (printed === 0n) return "0";
  const digits = printed.toString().padStart(PRINTED_DECIMALS + 1, "0");
  const point = digits.length - PRINTED_DECIMALS;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === ZERO) end--;
  const fraction = end > point ? `.${digits.slice(point, end)}` : "";
  return `${sign}${digits.slice(0, point)}${fraction}`;
}
