// The rare ways of writing a double, read as strtod reads them: exponents, many digits,
// hexadecimal. `double.ts` decides the common cases without coming here. Everything in this file
// may allocate.

import { LETTER_E, LETTER_P, LETTER_X, LOWER_CASE, MINUS, PLUS, POINT, ZERO } from "./ascii.ts";
import { parseExponent } from "./decimal.ts";
import { latin1Text } from "./text.ts";

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
    if (Number.isNaN(parseExponent(bytes, at + 1, end, EXPONENT_SATURATION))) return NO_NUMBER;
  }
  return isZero ? IS_ZERO : IS_NUMBER;
}

/** Written exponents saturate here: far beyond what the digits of one text can make up for. */
const EXPONENT_SATURATION = 1e12;

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
    exponent += parseExponent(bytes, at + 1, end, EXPONENT_SATURATION);
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
