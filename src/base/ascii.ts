// hot path: no allocation per command
//
// ASCII numbers and tokens, read from and written to byte ranges without going through strings.
// Every range is (bytes, start, end): start inclusive, end exclusive.

/** Codes of characters that formats and protocols name. */
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const NUMBER_SIGN = 35;
export const DOLLAR = 36;
export const PERCENT = 37;
export const PARENTHESIS = 40;
export const ASTERISK = 42;
export const PLUS = 43;
export const COMMA = 44;
export const MINUS = 45;
export const POINT = 46;
export const ZERO = 48;
export const NINE = 57;
export const COLON = 58;
export const LETTER_E = 101;
export const LETTER_P = 112;
export const LETTER_X = 120;
export const TILDE = 126;
/** The bit that tells a lower-case letter from its capital. */
export const LOWER_CASE = 32;

/** Returned by `parseInteger` where the bytes are no canonical integer within +-(2^53 - 1). */
export const NOT_AN_INTEGER = Number.NaN;

/**
 * Reads a canonical decimal integer: no sign other than a single `-`, no leading zeros, no spaces;
 * what Redis's string2ll accepts, restricted to the integers a double holds exactly.
 * Returns NaN for everything else; a caller that takes the whole int64 range then asks
 * `parseInt64`.
 */
export function parseInteger(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (at >= end) return NOT_AN_INTEGER;
  const negative = bytes[at] === MINUS;
  if (negative) {
    at++;
    if (at >= end) return NOT_AN_INTEGER;
  }
  let digit = bytes[at] - ZERO;
  if (digit === 0) return !negative && at + 1 === end ? 0 : NOT_AN_INTEGER;
  if (digit < 1 || digit > 9 || end - at > 16) return NOT_AN_INTEGER;
  let value = digit;
  for (at++; at < end; at++) {
    digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return NOT_AN_INTEGER;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return NOT_AN_INTEGER;
  return negative ? -value : value;
}

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** Whether a value fits a signed 64-bit integer. */
export function fitsInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** Reads a canonical decimal integer of the whole int64 range, or undefined. Cold: allocates. */
export function parseInt64(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  const length = end - start;
  if (length < 1 || length > 20) return undefined;
  const first = bytes[start] === MINUS ? start + 1 : start;
  if (first === end) return undefined;
  if (bytes[first] === ZERO && (length > 1 || first !== start)) return undefined;
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (at >= first && (byte < ZERO || byte > ZERO + 9)) return undefined;
    text += String.fromCharCode(byte);
  }
  const value = BigInt(text);
  return fitsInt64(value) ? value : undefined;
}

/** Number of decimal digits of a non-negative safe integer. */
function digitCount(value: number): number {
  if (value < 1e4) return value < 1e2 ? (value < 10 ? 1 : 2) : value < 1e3 ? 3 : 4;
  if (value < 1e8) return value < 1e6 ? (value < 1e5 ? 5 : 6) : value < 1e7 ? 7 : 8;
  let count = 9;
  for (let rest = value / 1e9; rest >= 1; rest /= 10) count++;
  return count;
}

/** The two digits of every number below 100. */
const DIGIT_PAIRS = new Uint8Array(200);
for (let number = 0; number < 100; number++) {
  DIGIT_PAIRS[number * 2] = ZERO + Math.floor(number / 10);
  DIGIT_PAIRS[number * 2 + 1] = ZERO + (number % 10);
}

/** The number of bytes that `writeInteger` writes for a safe integer. */
export function integerLength(value: number): number {
  return value < 0 ? 1 + digitCount(-value) : digitCount(value);
}

/**
 * Writes a safe integer in decimal at an offset and returns the offset behind it.
 * The caller has made sure of `integerLength(value)` bytes of room (17 at most).
 */
export function writeInteger(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  if (rest < 0) {
    bytes[at++] = MINUS;
    rest = -rest;
  }
  if (rest < 10) {
    bytes[at] = ZERO + rest;
    return at + 1;
  }
  if (rest < 100) {
    bytes[at] = DIGIT_PAIRS[rest << 1];
    bytes[at + 1] = DIGIT_PAIRS[(rest << 1) + 1];
    return at + 2;
  }
  const end = at + digitCount(rest);
  let cursor = end - 1;
  // Above int32 the division must stay in doubles.
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10);
    bytes[cursor--] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  let small = rest | 0;
  while (small >= 100) {
    // A product is faster than a quotient, and exact: 0.01 is a little more than 1/100, by less
    // than what would show in 31 bits.
    const quotient = (small * 0.01) | 0;
    const pair = (small - quotient * 100) << 1;
    bytes[cursor] = DIGIT_PAIRS[pair + 1];
    bytes[cursor - 1] = DIGIT_PAIRS[pair];
    cursor -= 2;
    small = quotient;
  }
  if (small >= 10) {
    bytes[cursor] = DIGIT_PAIRS[(small << 1) + 1];
    bytes[cursor - 1] = DIGIT_PAIRS[small << 1];
  } else {
    bytes[cursor] = ZERO + small;
  }
  return end;
}

/** Whether two byte ranges of equal length hold the same bytes. */
export function equalBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let k = 0; k < length; k++) {
    if (left[leftStart + k] !== right[rightStart + k]) return false;
  }
  return true;
}

/** Orders two byte ranges as memcmp does, the shorter first where one is a prefix. */
export function compareBytes(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
): number {
  const leftLength = leftEnd - leftStart;
  const rightLength = rightEnd - rightStart;
  const shared = Math.min(leftLength, rightLength);
  for (let k = 0; k < shared; k++) {
    const difference = left[leftStart + k] - right[rightStart + k];
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/**
 * Copies a byte range. Byte loops win below about 48 bytes, `set` on a view above: the view costs
 * an allocation but moves memory at full speed.
 */
export function copyBytes(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const length = end - start;
  if (length <= 48) {
    for (let k = 0; k < length; k++) target[offset + k] = source[start + k];
  } else if (target === source) {
    target.copyWithin(offset, start, end);
  } else {
    // alloc: one short-lived view, paid only by values longer than 48 bytes
    target.set(source.subarray(start, end), offset);
  }
}

/** Moves a byte range within its array; the two places may overlap. */
export function moveBytes(bytes: Uint8Array, offset: number, start: number, end: number): void {
  const length = end - start;
  if (length > 48) {
    bytes.copyWithin(offset, start, end);
  } else if (offset > start) {
    for (let k = length - 1; k >= 0; k--) bytes[offset + k] = bytes[start + k];
  } else {
    for (let k = 0; k < length; k++) bytes[offset + k] = bytes[start + k];
  }
}

/** Whether a byte range equals a lower-case ASCII token, whatever the case of the bytes. */
export function equalsToken(
  bytes: Uint8Array,
  start: number,
  end: number,
  lowerCaseToken: string,
): boolean {
  const length = end - start;
  if (length !== lowerCaseToken.length) return false;
  for (let k = 0; k < length; k++) {
    let byte = bytes[start + k];
    if (byte >= 65 && byte <= 90) byte |= 32;
    if (byte !== lowerCaseToken.charCodeAt(k)) return false;
  }
  return true;
}
