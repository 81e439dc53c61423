// hot path: no allocation per command
//
// Listpack, Redis's format for small collections and for the nodes of large ones, byte for byte:
//
//   +-------------+----------------+---------+-- - --+---------+------+
//   | total bytes | element count  | entry   |  ...  | entry   | 0xFF |
//   | u32 LE      | u16 LE         |         |       |         |      |
//   +-------------+----------------+---------+-- - --+---------+------+
//
//   entry = content, then the content's size in 1 to 5 bytes that are read from the right:
//           7 bits each, the lowest in the last byte; all but the first byte have their top bit set
//
//   content  0xxxxxxx                      integer 0 to 127
//            10xxxxxx bytes                string of up to 63 bytes
//            110xxxxx xxxxxxxx             integer of 13 bits, two's complement
//            1110xxxx xxxxxxxx bytes       string of up to 4,095 bytes
//            F0 u32 LE bytes               longer string
//            F1 / F2 / F3 / F4             integer of 16, 24, 32, 64 bits LE
//
// The count is 65,535 where it is unknown: once that many elements were reached it is no longer
// kept, and asking for it walks. Text that is a canonical int64 is stored as an integer, always,
// so that equal elements have equal bytes in all that this file writes; readers also accept other
// spellings, which validated payloads of foreign origin may contain.
//
// A listpack is (bytes, start), an entry (bytes, at); both offsets count from the array's begin.
// Nothing here allocates or moves a listpack: to insert, the owner makes a gap, writes entries
// into it and adjusts the header (the same with `removed` for deleting and replacing):
//
//     const added = encodedSize(value, from, to);
//     db.spliceValue(view, at - view.valueStart, 0, added);    // `at` as an offset in the listpack
//     writeEntry(view.bytes, view.valueStart + offset, value, from, to);
//     adjustHeader(view.bytes, view.valueStart, added, 1);

import { copyBytes, equalBytes, parseInteger, writeInteger } from "../base/ascii.ts";
import { INT64_TEXT_MAX, Int64 } from "../base/int64.ts";
import { uint32At, writeUint32 } from "../base/little-endian.ts";

/** Bytes in front of the first entry. */
export const HEADER_BYTES = 6;
/** Bytes of a listpack without elements. */
export const EMPTY_BYTES = 7;
/** The byte behind the last entry. Walks end where they read it. */
export const TERMINATOR = 0xff;
/** The stored count of a listpack whose elements have to be counted. */
export const COUNT_UNKNOWN = 0xffff;
/** Instead of an entry's offset. */
export const NO_ENTRY = -1;
/** The largest entry of an integer. */
export const INTEGER_ENTRY_MAX = 10;

const STRING_6 = 0x80;
const INTEGER_13 = 0xc0;
const STRING_12 = 0xe0;
const STRING_32 = 0xf0;
const INTEGER_16 = 0xf1;
const INTEGER_24 = 0xf2;
const INTEGER_32 = 0xf3;
const INTEGER_64 = 0xf4;

/** What `classify` found in a range when it is an integer of more than 53 bits. */
const long = new Int64();
/** The same while entries are decoded. */
const decoded = new Int64();

const NOT_INTEGER = Number.NaN;
/** Strings below this length have one byte in front and one behind. */
const SHORT_LENGTH_END = 64;

// ---- Header ----------------------------------------------------------------------------------

/** Bytes of the whole listpack, header and terminator included. */
export function totalBytes(bytes: Uint8Array, start: number): number {
  return uint32At(bytes, start);
}

/** The count as stored: COUNT_UNKNOWN or the number of elements. */
export function storedCount(bytes: Uint8Array, start: number): number {
  return bytes[start + 4] | (bytes[start + 5] << 8);
}

/** The number of elements; walks where it is not stored. */
export function elementCount(bytes: Uint8Array, start: number): number {
  const stored = storedCount(bytes, start);
  if (stored !== COUNT_UNKNOWN) return stored;
  let count = 0;
  for (let at = start + HEADER_BYTES; bytes[at] !== TERMINATOR; at = nextEntry(bytes, at)) count++;
  return count;
}

/** Writes a header, `total` being the bytes of the whole listpack. */
export function writeHeader(target: Uint8Array, start: number, total: number, count: number): void {
  writeUint32(target, start, total);
  const stored = Math.min(count, COUNT_UNKNOWN);
  target[start + 4] = stored;
  target[start + 5] = stored >>> 8;
}

/** Accounts for entries written into a gap or cut out; either number may be negative. */
export function adjustHeader(
  target: Uint8Array,
  start: number,
  bytesAdded: number,
  elementsAdded: number,
): void {
  const stored = storedCount(target, start);
  const count = stored === COUNT_UNKNOWN ? COUNT_UNKNOWN : stored + elementsAdded;
  writeHeader(target, start, uint32At(target, start) + bytesAdded, count);
}

/** Writes a listpack without elements: EMPTY_BYTES bytes. Returns the offset of its terminator. */
export function writeEmpty(target: Uint8Array, start: number): number {
  writeHeader(target, start, EMPTY_BYTES, 0);
  target[start + HEADER_BYTES] = TERMINATOR;
  return start + HEADER_BYTES;
}

/**
 * Completes a listpack whose entries were written from `start + HEADER_BYTES` up to `at`: adds the
 * terminator, fills in the header. Returns the offset behind it.
 */
export function finish(target: Uint8Array, start: number, at: number, count: number): number {
  target[at] = TERMINATOR;
  writeHeader(target, start, at + 1 - start, count);
  return at + 1;
}

// ---- Walking ---------------------------------------------------------------------------------

/** The first entry, or the terminator. */
export function firstEntry(start: number): number {
  return start + HEADER_BYTES;
}

/** The offset of the terminator: where appended entries go. */
export function endOf(bytes: Uint8Array, start: number): number {
  return start + uint32At(bytes, start) - 1;
}

/** Bytes of an entry's content: the entry without the size behind it. */
function contentBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < STRING_6) return 1;
  if (first < INTEGER_13) return 1 + (first & 0x3f);
  if (first < STRING_12) return 2;
  if (first < STRING_32) return 2 + (((first & 0x0f) << 8) | bytes[at + 1]);
  if (first === STRING_32) return 5 + uint32At(bytes, at + 1);
  if (first === INTEGER_64) return 9;
  // 16, 24 and 32 bits follow each other.
  return first - INTEGER_16 + 3;
}

/** Bytes that an entry's size takes behind content of so many bytes. */
function sizeBytes(content: number): number {
  if (content <= 127) return 1;
  if (content < 16_383) return 2;
  if (content < 2_097_151) return 3;
  if (content < 268_435_455) return 4;
  return 5;
}

/** Bytes of an entry, whose content takes so many. */
function wholeBytes(content: number): number {
  return content + sizeBytes(content);
}

/** The entry behind this one, or the terminator: the offset behind this entry. */
export function nextEntry(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < STRING_6) return at + 2;
  if (first < INTEGER_13) return at + 2 + (first & 0x3f);
  return at + wholeBytes(contentBytes(bytes, at));
}

/** The entry before an entry or the terminator, or NO_ENTRY at the front. */
export function previousEntry(bytes: Uint8Array, start: number, at: number): number {
  if (at <= start + HEADER_BYTES) return NO_ENTRY;
  let cursor = at - 1;
  let content = bytes[cursor] & 127;
  let factor = 128;
  while (bytes[cursor] >= 128) {
    cursor--;
    content += (bytes[cursor] & 127) * factor;
    factor *= 128;
  }
  return cursor - content;
}

/** The entry `count` entries behind this one; the terminator where there are no more. */
export function skipEntries(bytes: Uint8Array, at: number, count: number): number {
  let cursor = at;
  for (let k = 0; k < count && bytes[cursor] !== TERMINATOR; k++) cursor = nextEntry(bytes, cursor);
  return cursor;
}

/**
 * The entry of an index; negative indexes count from the end, -1 being the last. NO_ENTRY outside.
 * Walks from the nearer end where the count is known.
 */
export function entryAt(bytes: Uint8Array, start: number, index: number): number {
  const stored = storedCount(bytes, start);
  let rank = index;
  if (stored !== COUNT_UNKNOWN) {
    if (rank < 0) rank += stored;
    if (rank < 0 || rank >= stored) return NO_ENTRY;
    if (rank > stored >>> 1) rank -= stored;
  }
  if (rank >= 0) {
    const at = skipEntries(bytes, start + HEADER_BYTES, rank);
    return bytes[at] === TERMINATOR ? NO_ENTRY : at;
  }
  let at = endOf(bytes, start);
  for (; rank < 0 && at !== NO_ENTRY; rank++) at = previousEntry(bytes, start, at);
  return at;
}

// ---- Reading entries -------------------------------------------------------------------------

/** Whether an entry holds an integer. */
export function isIntegerEntry(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at];
  return first < STRING_6 || (first >= INTEGER_13 && first < STRING_12) || first > STRING_32;
}

/**
 * The integer of an entry that holds one; rounded beyond 2^53, where `decoded` has it exactly:
 * only 64-bit entries are that large.
 */
export function decodeInteger(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < STRING_6) return first;
  if (first < STRING_12) return (((first << 8) | bytes[at + 1]) << 19) >> 19;
  if (first === INTEGER_16) return ((bytes[at + 1] << 16) | (bytes[at + 2] << 24)) >> 16;
  if (first === INTEGER_24) {
    return ((bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >> 8;
  }
  if (first === INTEGER_32) return uint32At(bytes, at + 1) | 0;
  decoded.readBytes(bytes, at + 1);
  return decoded.number;
}

/** One entry, presented as a byte range. Reused: valid until it is loaded again. */
export class Entry {
  readonly #text = new Uint8Array(INT64_TEXT_MAX);
  /** The element's text: in place for strings, in a buffer of this object for integers. */
  bytes: Uint8Array = this.#text;
  start = 0;
  end = 0;
  /** Whether it is stored as an integer. */
  isInteger = false;
  /** The integer; NaN for a string. Rounded beyond 2^53: see `isSafe` and the text. */
  value = NOT_INTEGER;

  /** Presents the entry at an offset. Returns the offset behind it, where the next one begins. */
  load(bytes: Uint8Array, at: number): number {
    const first = bytes[at];
    if (first >= STRING_6 && first < INTEGER_13) {
      this.#present(bytes, at + 1, at + 1 + (first & 0x3f));
      return this.end + 1;
    }
    const content = contentBytes(bytes, at);
    if (first >= STRING_12 && first <= STRING_32) {
      this.#present(bytes, at + (first === STRING_32 ? 5 : 2), at + content);
    } else {
      const value = decodeInteger(bytes, at);
      this.bytes = this.#text;
      this.start = 0;
      this.end = Number.isSafeInteger(value)
        ? writeInteger(this.#text, 0, value)
        : decoded.writeText(this.#text, 0);
      this.isInteger = true;
      this.value = value;
    }
    return at + wholeBytes(content);
  }

  #present(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.isInteger = false;
    this.value = NOT_INTEGER;
  }

  /** The number of bytes of the text. */
  get length(): number {
    return this.end - this.start;
  }

  /** Whether `value` is the exact integer. */
  get isSafe(): boolean {
    return Number.isSafeInteger(this.value);
  }
}

// ---- Writing entries -------------------------------------------------------------------------

/**
 * The integer that a text is stored as: NaN for a string; beyond 2^53 rounded, with the exact value
 * in `long`.
 */
function classify(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0 || length > INT64_TEXT_MAX || bytes[start] > 57) return NOT_INTEGER;
  const value = parseInteger(bytes, start, end);
  if (!Number.isNaN(value) || length < 16) return value;
  return long.parse(bytes, start, end) ? long.number : NOT_INTEGER;
}

/** Bytes of the content that holds an integer. */
function integerContent(value: number): number {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value <= 4095) return 2;
  if (value >= -0x8000 && value <= 0x7fff) return 3;
  if (value >= -0x80_0000 && value <= 0x7f_ffff) return 4;
  if (value >= -0x8000_0000 && value <= 0x7fff_ffff) return 5;
  return 9;
}

/** Bytes of the entry that holds this text. */
export function encodedSize(bytes: Uint8Array, start: number, end: number): number {
  const value = classify(bytes, start, end);
  if (!Number.isNaN(value)) return integerContent(value) + 1;
  const length = end - start;
  if (length < 64) return length + 2;
  return wholeBytes(length + (length < 4096 ? 2 : 5));
}

/** Bytes of the entry that holds a safe integer. */
export function encodedIntegerSize(value: number): number {
  return integerContent(value) + 1;
}

/** Writes an entry with this text, `encodedSize` bytes. Returns the offset behind it. */
export function writeEntry(
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const value = classify(bytes, start, end);
  if (!Number.isNaN(value)) {
    if (Number.isSafeInteger(value)) return writeIntegerEntry(target, at, value);
    return writeLongEntry(target, at, long);
  }
  const length = end - start;
  let cursor = at;
  if (length < 64) {
    target[cursor++] = STRING_6 | length;
  } else if (length < 4096) {
    target[cursor++] = STRING_12 | (length >>> 8);
    target[cursor++] = length;
  } else {
    target[cursor++] = STRING_32;
    writeUint32(target, cursor, length);
    cursor += 4;
  }
  copyBytes(target, cursor, bytes, start, end);
  cursor += length;
  return writeSize(target, cursor, cursor - at);
}

/** Writes an entry with a safe integer: `encodedIntegerSize` bytes. Returns the offset behind. */
export function writeIntegerEntry(target: Uint8Array, at: number, value: number): number {
  const content = integerContent(value);
  if (content === 1) {
    target[at] = value;
  } else if (content === 2) {
    target[at] = INTEGER_13 | ((value >>> 8) & 0x1f);
    target[at + 1] = value;
  } else if (content === 9) {
    decoded.setNumber(value);
    return writeLongEntry(target, at, decoded);
  } else {
    // 16, 24 and 32 bits follow each other; what lies behind a short one is overwritten below.
    target[at] = INTEGER_16 + content - 3;
    target[at + 1] = value;
    target[at + 2] = value >>> 8;
    if (content > 3) target[at + 3] = value >>> 16;
    if (content > 4) target[at + 4] = value >>> 24;
  }
  target[at + content] = content;
  return at + content + 1;
}

/** Writes an entry with an integer of more than 32 bits: INTEGER_ENTRY_MAX bytes. */
function writeLongEntry(target: Uint8Array, at: number, value: Int64): number {
  target[at] = INTEGER_64;
  value.writeBytes(target, at + 1);
  target[at + 9] = 9;
  return at + INTEGER_ENTRY_MAX;
}

/** Writes the size of an entry's content behind it. Returns the offset behind that. */
function writeSize(target: Uint8Array, at: number, content: number): number {
  const length = sizeBytes(content);
  let rest = content;
  for (let cursor = at + length - 1; cursor > at; cursor--) {
    target[cursor] = (rest & 127) | 128;
    rest >>>= 7;
  }
  target[at] = rest;
  return at + length;
}

// ---- Searching -------------------------------------------------------------------------------

/**
 * A text that entries are compared with. What it would be stored as is worked out once. Reused; the
 * text must stay where it is while it is compared.
 */
export class Needle {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #length = 0;
  #value = NOT_INTEGER;
  readonly #long = new Int64();

  set(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#length = end - start;
    this.#value = classify(bytes, start, end);
    if (this.#value > Number.MAX_SAFE_INTEGER || this.#value < Number.MIN_SAFE_INTEGER) {
      this.#long.setHalves(long.high, long.low);
    }
  }

  /** Whether an entry holds this text. */
  matches(bytes: Uint8Array, at: number): boolean {
    const first = bytes[at];
    let start = at + 1;
    let length = first & 0x3f;
    if (first < STRING_6 || first >= INTEGER_13) {
      if (first < STRING_12 || first > STRING_32) return this.#matchesInteger(bytes, at);
      start = at + (first === STRING_32 ? 5 : 2);
      length = contentBytes(bytes, at) - (start - at);
    }
    if (length !== this.#length) return false;
    return equalBytes(bytes, start, this.#bytes, this.#start, length);
  }

  #matchesInteger(bytes: Uint8Array, at: number): boolean {
    const value = this.#value;
    // A string's NaN equals nothing.
    if (decodeInteger(bytes, at) !== value) return false;
    return Number.isSafeInteger(value) || this.#long.equals(decoded);
  }

  /**
   * The first entry from `at` on that holds this text, or NO_ENTRY. After each entry compared,
   * `skip` entries are passed over: 1 for a hash or sorted set, to look at every other one.
   */
  find(bytes: Uint8Array, at: number, skip: number): number {
    if (Number.isNaN(this.#value) && this.#length < SHORT_LENGTH_END) {
      return this.#findShort(bytes, at, skip);
    }
    let cursor = at;
    while (bytes[cursor] !== TERMINATOR) {
      if (this.matches(bytes, cursor)) return cursor;
      cursor = nextEntry(bytes, cursor);
      for (let k = 0; k < skip && bytes[cursor] !== TERMINATOR; k++) {
        cursor = nextEntry(bytes, cursor);
      }
    }
    return NO_ENTRY;
  }

  /** `find` for short texts, without a call per entry. */
  #findShort(bytes: Uint8Array, at: number, skip: number): number {
    const text = this.#bytes;
    const start = this.#start;
    const length = this.#length;
    const wanted = STRING_6 | length;
    let cursor = at;
    let passed = skip;
    for (;;) {
      const first = bytes[cursor];
      if (first === TERMINATOR) return NO_ENTRY;
      if (passed < skip) {
        passed++;
      } else {
        passed = 0;
        if (first === wanted) {
          let k = 0;
          while (k < length && bytes[cursor + 1 + k] === text[start + k]) k++;
          if (k === length) return cursor;
        } else if (first >= STRING_12 && this.matches(bytes, cursor)) {
          // Short strings in the form of long ones, which others may have written.
          return cursor;
        }
      }
      if (first < STRING_6) cursor += 2;
      else if (first < INTEGER_13) cursor += 2 + (first & 0x3f);
      else cursor = nextEntry(bytes, cursor);
    }
  }
}

const needle = new Needle();

/** Whether an entry holds this text. To compare many entries with one text use a Needle. */
export function entryEquals(
  bytes: Uint8Array,
  at: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
): boolean {
  needle.set(text, textStart, textEnd);
  return needle.matches(bytes, at);
}

/**
 * The first entry of a listpack that holds this text, or NO_ENTRY. After each entry compared,
 * `skip` entries are passed over: 1 for a hash or sorted set, to look at every other one.
 */
export function findEntry(
  bytes: Uint8Array,
  start: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
  skip: number,
): number {
  needle.set(text, textStart, textEnd);
  return needle.find(bytes, start + HEADER_BYTES, skip);
}

// ---- Validation ------------------------------------------------------------------------------

/**
 * Whether a range of unknown origin is a listpack. Without `deep` only its frame is looked at;
 * with it every entry, so that walking in either direction stays inside and terminates. Never reads
 * outside the range.
 */
export function isValidListpack(
  bytes: Uint8Array,
  start: number,
  end: number,
  deep: boolean,
): boolean {
  const length = end - start;
  if (length < EMPTY_BYTES || uint32At(bytes, start) !== length) return false;
  if (bytes[end - 1] !== TERMINATOR) return false;
  if (!deep) return true;
  let count = 0;
  let at = start + HEADER_BYTES;
  while (bytes[at] !== TERMINATOR) {
    at = validEntryEnd(bytes, at, end - 1);
    if (at === NO_ENTRY) return false;
    count++;
  }
  const stored = storedCount(bytes, start);
  return at === end - 1 && (stored === COUNT_UNKNOWN || stored === count);
}

/** The offset behind an entry that fits in front of the terminator, or NO_ENTRY. */
function validEntryEnd(bytes: Uint8Array, at: number, terminator: number): number {
  const first = bytes[at];
  if (first > INTEGER_64) return NO_ENTRY;
  // The bytes that say how long the entry is must be there before they are read.
  const head = first < STRING_12 ? 1 : first < STRING_32 ? 2 : first === STRING_32 ? 5 : 1;
  if (at + head > terminator) return NO_ENTRY;
  const content = contentBytes(bytes, at);
  const sizeAt = at + content;
  const next = at + wholeBytes(content);
  if (next > terminator) return NO_ENTRY;
  let rest = content;
  for (let cursor = next - 1; cursor > sizeAt; cursor--) {
    if (bytes[cursor] !== ((rest & 127) | 128)) return NO_ENTRY;
    rest >>>= 7;
  }
  return bytes[sizeAt] === rest ? next : NO_ENTRY;
}
