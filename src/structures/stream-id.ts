// hot path: no allocation per command
//
// Entry IDs of streams: two unsigned 64-bit numbers, milliseconds and a sequence number, each kept
// as two 32-bit words so that every ID up to 18446744073709551615-18446744073709551615 is exact.
// In arrays an ID is four words: msHigh, msLow, seqHigh, seqLow.

import { ASTERISK, MINUS, PLUS, writeInteger, ZERO } from "../base/ascii.ts";

/** Words of an ID in a Uint32Array. */
export const ID_WORDS = 4;
/** An ID in decimal: twice 20 digits and a dash. */
export const ID_TEXT_BYTES_MAX = 41;

const WORD = 0x1_0000_0000;
const WORD_MAX = 0xffff_ffff;
/** Integers with a high word below this are safe. */
const SAFE_HIGH = 1 << 21;

/** Whatever is longer is no ID, however many zeros it starts with. */
const ID_TEXT_LENGTH_MAX = 127;
/** Digits that a double accumulates exactly. */
const EXACT_DIGITS = 15;

/** An entry's ID. */
export class StreamId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  copy(other: StreamId): void {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.seqHigh = other.seqHigh;
    this.seqLow = other.seqLow;
  }

  /** Reads four words. */
  load(words: Uint32Array, at: number): void {
    this.msHigh = words[at];
    this.msLow = words[at + 1];
    this.seqHigh = words[at + 2];
    this.seqLow = words[at + 3];
  }

  /** Writes four words. */
  store(words: Uint32Array, at: number): void {
    words[at] = this.msHigh;
    words[at + 1] = this.msLow;
    words[at + 2] = this.seqHigh;
    words[at + 3] = this.seqLow;
  }

  setZero(): void {
    this.msHigh = 0;
    this.msLow = 0;
    this.seqHigh = 0;
    this.seqLow = 0;
  }

  setMaximum(): void {
    this.msHigh = WORD_MAX;
    this.msLow = WORD_MAX;
    this.seqHigh = WORD_MAX;
    this.seqLow = WORD_MAX;
  }

  /** Sets the time to a safe integer and the sequence number to 0. */
  setTime(ms: number): void {
    this.msHigh = Math.floor(ms / WORD);
    this.msLow = ms % WORD;
    this.seqHigh = 0;
    this.seqLow = 0;
  }

  get isZero(): boolean {
    return this.msHigh === 0 && this.msLow === 0 && this.seqHigh === 0 && this.seqLow === 0;
  }

  /** Whether the sequence number is the greatest there is. */
  get hasLastSequence(): boolean {
    return this.seqHigh === WORD_MAX && this.seqLow === WORD_MAX;
  }

  get isMaximum(): boolean {
    return this.hasLastSequence && this.msHigh === WORD_MAX && this.msLow === WORD_MAX;
  }

  /** Negative, zero or positive as this one is less than, equal to or greater than the other. */
  compare(other: StreamId): number {
    if (this.msHigh !== other.msHigh) return this.msHigh - other.msHigh;
    if (this.msLow !== other.msLow) return this.msLow - other.msLow;
    if (this.seqHigh !== other.seqHigh) return this.seqHigh - other.seqHigh;
    return this.seqLow - other.seqLow;
  }

  /** Whether both have the same milliseconds. */
  sharesTime(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** Becomes the next ID; false, and zero, after the greatest. */
  increment(): boolean {
    if (this.seqLow !== WORD_MAX) {
      this.seqLow++;
      return true;
    }
    this.seqLow = 0;
    if (this.seqHigh !== WORD_MAX) {
      this.seqHigh++;
      return true;
    }
    this.seqHigh = 0;
    if (this.msLow !== WORD_MAX) {
      this.msLow++;
      return true;
    }
    this.msLow = 0;
    if (this.msHigh !== WORD_MAX) {
      this.msHigh++;
      return true;
    }
    this.msHigh = 0;
    return false;
  }

  /** Becomes the previous ID; false, and the greatest, before zero. */
  decrement(): boolean {
    if (this.seqLow !== 0) {
      this.seqLow--;
      return true;
    }
    this.seqLow = WORD_MAX;
    if (this.seqHigh !== 0) {
      this.seqHigh--;
      return true;
    }
    this.seqHigh = WORD_MAX;
    if (this.msLow !== 0) {
      this.msLow--;
      return true;
    }
    this.msLow = WORD_MAX;
    if (this.msHigh !== 0) {
      this.msHigh--;
      return true;
    }
    this.msHigh = WORD_MAX;
    return false;
  }
}

/** How the ID at `words[at]` compares with another: negative, zero or positive. */
export function compareIdAt(words: Uint32Array, at: number, id: StreamId): number {
  if (words[at] !== id.msHigh) return words[at] - id.msHigh;
  if (words[at + 1] !== id.msLow) return words[at + 1] - id.msLow;
  if (words[at + 2] !== id.seqHigh) return words[at + 2] - id.seqHigh;
  return words[at + 3] - id.seqLow;
}

/** What `parseStreamId` found. */
export const ID_INVALID = 0;
export const ID_EXACT = 1;
/** Milliseconds without a sequence number: the caller's default was taken. */
export const ID_WITHOUT_SEQUENCE = 2;
/** `ms-*`: the server chooses the sequence number, which is set to 0. */
export const ID_AUTO_SEQUENCE = 3;

/** The high and low word of the number `parseUint64` read last. */
let parsedHigh = 0;
let parsedLow = 0;

/**
 * Reads `ms` or `ms-seq` into `id`; `lastSequence` says whether a missing sequence number is the
 * greatest or 0. Numbers are what C's strtoull takes: spaces and a sign may stand in front.
 */
export function parseStreamId(
  bytes: Uint8Array,
  start: number,
  end: number,
  id: StreamId,
  lastSequence: boolean,
): number {
  if (end - start > ID_TEXT_LENGTH_MAX) return ID_INVALID;
  let dash = start;
  while (dash < end && bytes[dash] !== MINUS && bytes[dash] !== 0) dash++;
  const hasSequence = dash < end && bytes[dash] === MINUS;
  if (!parseUint64(bytes, start, dash)) return ID_INVALID;
  const msHigh = parsedHigh;
  const msLow = parsedLow;
  let result = ID_WITHOUT_SEQUENCE;
  if (!hasSequence) {
    parsedHigh = lastSequence ? WORD_MAX : 0;
    parsedLow = parsedHigh;
  } else {
    // The server reads a C string: a zero byte ends it.
    let stop = dash + 1;
    while (stop < end && bytes[stop] !== 0) stop++;
    if (stop === dash + 2 && bytes[dash + 1] === ASTERISK) {
      parsedHigh = 0;
      parsedLow = 0;
      result = ID_AUTO_SEQUENCE;
    } else {
      if (!parseUint64(bytes, dash + 1, stop)) return ID_INVALID;
      result = ID_EXACT;
    }
  }
  id.msHigh = msHigh;
  id.msLow = msLow;
  id.seqHigh = parsedHigh;
  id.seqLow = parsedLow;
  return result;
}

/** Reads an unsigned number into parsedHigh and parsedLow; false where it is none. */
function parseUint64(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > EXACT_DIGITS || start === end) return parseLoose(bytes, start, end);
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return parseLoose(bytes, start, end);
    value = value * 10 + digit;
  }
  if (value <= WORD_MAX) {
    parsedHigh = 0;
    parsedLow = value;
  } else {
    parsedHigh = Math.floor(value / WORD);
    parsedLow = value - parsedHigh * WORD;
  }
  return true;
}

/** As `parseUint64`, for what is long, spaced or signed. */
function parseLoose(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && isSpace(bytes[at])) at++;
  const hasSpace = at > start;
  let negative = false;
  if (at < end && (bytes[at] === MINUS || bytes[at] === PLUS)) {
    negative = bytes[at] === MINUS;
    at++;
  }
  const first = at;
  let high = 0;
  let low = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return false;
    low = low * 10 + digit;
    const carry = Math.floor(low / WORD);
    low -= carry * WORD;
    high = high * 10 + carry;
    if (high > WORD_MAX) return false;
  }
  if (at === first) return false;
  parsedHigh = high;
  parsedLow = low;
  if (!negative) return true;
  // A plain negative number is refused; one that only strtoull reads is taken modulo 2^64.
  const isPlain = !hasSpace && bytes[first] !== ZERO;
  if (isPlain && (high < 0x8000_0000 || (high === 0x8000_0000 && low === 0))) return false;
  parsedLow = low === 0 ? 0 : WORD - low;
  parsedHigh = (low === 0 ? WORD - high : WORD_MAX - high) % WORD;
  return true;
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** Writes an unsigned 64-bit number in decimal and returns the offset behind it. */
export function writeUint64(bytes: Uint8Array, offset: number, high: number, low: number): number {
  if (high < SAFE_HIGH) return writeInteger(bytes, offset, high * WORD + low);
  return writeHuge(bytes, offset, high, low);
}

/** Cold: beyond what a double holds. */
function writeHuge(bytes: Uint8Array, offset: number, high: number, low: number): number {
  const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
  for (let k = 0; k < text.length; k++) bytes[offset + k] = text.charCodeAt(k);
  return offset + text.length;
}

/** Cold: an ID as text. */
export function streamIdText(id: StreamId): string {
  const ms = (BigInt(id.msHigh) << 32n) | BigInt(id.msLow);
  const seq = (BigInt(id.seqHigh) << 32n) | BigInt(id.seqLow);
  return `${ms}-${seq}`;
}
