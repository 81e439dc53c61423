// Doubles as C makes integers of them where Redis runs, on machines of 64 bits: towards zero; what
// is too large, and NaN, becomes the smallest integer of 64 bits; an `int` is the low half of that.
// Lua's module is one of 32 bits, whose own conversions end at 2^31.

const INT32_BOUND = 2 ** 31;
const INT64_BOUND = 2 ** 63;
const UINT64_BOUND = 2 ** 64;
const UINT64_MAX = 2n ** 64n - 1n;

/** As int64_t, still a double. */
export function toInt64(value: number): number {
  return Math.abs(value) < INT64_BOUND ? Math.trunc(value) : -INT64_BOUND;
}

/** As int. */
export function toInt32(value: number): number {
  return toInt64(value) | 0;
}

/** As int, and not by way of 64 bits: what is too large is the smallest. */
export function directInt32(value: number): number {
  return Math.abs(value) < INT32_BOUND ? Math.trunc(value) : -INT32_BOUND;
}

/** As uint64_t. */
export function toUint64(value: number): bigint {
  if (value >= INT64_BOUND) return value < UINT64_BOUND ? BigInt(value) : 0n;
  return BigInt.asUintN(64, BigInt(toInt64(value)));
}

/** A conversion of C's printf for integers: flags, width, precision and which one it is. */
const CONVERSION = /^%([-+ #0]{0,5})((?:[1-9]\d?)?)(?:\.(\d{0,2}))?([diouxX])$/;

/** A double as printf prints it as an integer; undefined where the conversion is none. */
export function printInteger(conversion: string, value: number): string | undefined {
  const parts = CONVERSION.exec(conversion);
  if (parts === null) return undefined;
  const [, flags, width, precision, kind] = parts;
  const isSigned = kind === "d" || kind === "i";
  const whole = isSigned ? BigInt(toInt64(value)) : toUint64(value);
  const base = isSigned || kind === "u" ? 10 : kind === "o" ? 8 : 16;
  let digits = (whole < 0n ? -whole : whole).toString(base);
  let prefix = whole < 0n ? "-" : "";
  if (isSigned && prefix === "") {
    if (flags.includes("+")) prefix = "+";
    else if (flags.includes(" ")) prefix = " ";
  }
  if (precision !== undefined) {
    if (whole === 0n && Number(precision) === 0) digits = "";
    digits = digits.padStart(Number(precision), "0");
  }
  if (flags.includes("#")) {
    if (base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
    if (base === 16 && whole !== 0n) prefix = "0x";
  }
  const room = Number(width);
  const hasZeros = flags.includes("0") && !flags.includes("-") && precision === undefined;
  if (hasZeros) digits = digits.padStart(room - prefix.length, "0");
  const text = prefix + digits;
  const printed = flags.includes("-") ? text.padEnd(room) : text.padStart(room);
  return kind === "X" ? printed.toUpperCase() : printed;
}

/** What C's isspace knows. */
const SPACES = " \t\n\v\f\r";

/**
 * The whole of a text as strtoul reads it in a base of 2 to 36, space around it aside: 64 bits,
 * the largest where it is larger, a negative number as what its bits say. Undefined where it is no
 * number.
 */
export function parseUnsigned(text: string, base: number): number | undefined {
  let at = 0;
  let end = text.length;
  while (at < end && SPACES.includes(text[at])) at++;
  while (end > at && SPACES.includes(text[end - 1])) end--;
  const isNegative = text[at] === "-";
  if (isNegative || text[at] === "+") at++;
  const hasPrefix =
    base === 16 && text[at] === "0" && (text[at + 1] === "x" || text[at + 1] === "X");
  if (hasPrefix && end - at > 2) at += 2;
  if (at === end) return undefined;
  let value = 0n;
  for (; at < end; at++) {
    const digit = Number.parseInt(text[at], 36);
    if (!(digit < base)) return undefined;
    value = value * BigInt(base) + BigInt(digit);
    // Digits of any number cost no more than this.
    if (value > UINT64_MAX) value = UINT64_MAX + 1n;
  }
  if (value > UINT64_MAX) return UINT64_BOUND;
  return Number(isNegative ? BigInt.asUintN(64, -value) : value);
}
