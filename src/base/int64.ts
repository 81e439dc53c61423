// hot path: no allocation per command
//
// Signed 64-bit integers where doubles are too coarse, as two 32-bit halves: reading and writing
// their decimal text, comparing them, storing them as little-endian bytes.
//
//   value = high * 2^32 + low      high signed, low unsigned
//
// Integers up to 2^53 take the path through doubles; only the digits of larger ones go by halves.

import { integerLength, MINUS, parseInteger, writeInteger, ZERO } from "./ascii.ts";

const HALF = 2 ** 32;

/** Sign and 19 digits. */
export const INT64_TEXT_MAX = 20;
/** Texts shorter than this are safe integers, or none at all. */
const UNSAFE_DIGITS_MIN = 16;
/** One step of long division: its remainders times 2^32 are exact in a double. */
const STEP = 100_000;
const STEP_DIGITS = 5;

/** One integer, reused by its owner. */
export class Int64 {
  high = 0;
  low = 0;

  /** Takes a safe integer. */
  setNumber(value: number): void {
    const high = Math.floor(value / HALF);
    this.high = high;
    this.low = value - high * HALF;
  }

  /** Takes two halves, the low one signed or unsigned. */
  setHalves(high: number, low: number): void {
    this.high = high | 0;
    this.low = low >>> 0;
  }

  /**
   * Reads a canonical decimal integer: no `+`, no leading zeros, no spaces, within 64 bits; what
   * Redis's string2ll accepts. Returns whether the range is one; if not, the value is undefined.
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    const value = parseInteger(bytes, start, end);
    if (!Number.isNaN(value)) {
      this.setNumber(value);
      return true;
    }
    const length = end - start;
    if (length < UNSAFE_DIGITS_MIN || length > INT64_TEXT_MAX) return false;
    return this.#parseLong(bytes, start, end);
  }

  #parseLong(bytes: Uint8Array, start: number, end: number): boolean {
    const isNegative = bytes[start] === MINUS;
    let at = isNegative ? start + 1 : start;
    if (bytes[at] === ZERO) return false;
    let high = 0;
    let low = 0;
    for (; at < end; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) return false;
      low = low * 10 + digit;
      const carry = Math.floor(low / HALF);
      low -= carry * HALF;
      high = high * 10 + carry;
    }
    if (high >= 0x8000_0000 && !(isNegative && high === 0x8000_0000 && low === 0)) return false;
    this.high = high | 0;
    this.low = low;
    if (isNegative) this.#negate();
    return true;
  }

  #negate(): void {
    this.low = -this.low >>> 0;
    this.high = (~this.high + (this.low === 0 ? 1 : 0)) | 0;
  }

  /** The value as a double: exact where `isSafe`. */
  get number(): number {
    return this.high * HALF + this.low;
  }

  /** Whether a double holds the value exactly, with its neighbours. */
  get isSafe(): boolean {
    return Number.isSafeInteger(this.number);
  }

  equals(other: Int64): boolean {
    return this.low === other.low && this.high === other.high;
  }

  /** Negative, zero or positive, as the value is below, equal to or above the other. */
  compare(other: Int64): number {
    return this.high !== other.high ? this.high - other.high : this.low - other.low;
  }

  /** The number of bytes `writeText` writes. */
  get textLength(): number {
    const value = this.number;
    if (Number.isSafeInteger(value)) return integerLength(value);
    return this.#writeLong(measured, 0);
  }

  /** Writes the value in decimal and returns the offset behind it. Needs INT64_TEXT_MAX bytes. */
  writeText(target: Uint8Array, offset: number): number {
    const value = this.number;
    if (Number.isSafeInteger(value)) return writeInteger(target, offset, value);
    return this.#writeLong(target, offset);
  }

  #writeLong(target: Uint8Array, offset: number): number {
    let at = offset;
    let high = this.high;
    let low = this.low;
    if (high < 0) {
      target[at++] = MINUS;
      low = -low >>> 0;
      high = (~high + (low === 0 ? 1 : 0)) >>> 0;
    }
    const highQuotient = Math.floor(high / STEP);
    const rest = (high - highQuotient * STEP) * HALF + low;
    const lowQuotient = Math.floor(rest / STEP);
    let digits = rest - lowQuotient * STEP;
    const end = writeInteger(target, at, highQuotient * HALF + lowQuotient) + STEP_DIGITS;
    for (at = end - 1; at >= end - STEP_DIGITS; at--) {
      const quotient = (digits / 10) | 0;
      target[at] = ZERO + digits - quotient * 10;
      digits = quotient;
    }
    return end;
  }

  /** Reads eight little-endian bytes. */
  readBytes(bytes: Uint8Array, at: number): void {
    this.low =
      (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
    this.high =
      bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24);
  }

  /** Writes eight little-endian bytes. */
  writeBytes(target: Uint8Array, at: number): void {
    const low = this.low | 0;
    target[at] = low;
    target[at + 1] = low >>> 8;
    target[at + 2] = low >>> 16;
    target[at + 3] = low >>> 24;
    target[at + 4] = this.high;
    target[at + 5] = this.high >>> 8;
    target[at + 6] = this.high >>> 16;
    target[at + 7] = this.high >>> 24;
  }
}

/** Where lengths are measured by writing. */
const measured = new Uint8Array(INT64_TEXT_MAX);
