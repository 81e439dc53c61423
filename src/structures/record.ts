// hot path: no allocation per command
//
// A record: one pool block that holds a key, its value or the way to it, and what is known of it.
//
//   word 0   bits 0-2 type | 3-4 encoding | 5 has an expiry | 6 long form | 7 marked by a snapshot
//            bits 8-31 access: LRU clock in seconds, or LFU minutes (16 bits) and counter (8 bits)
//   word 1   short form: key length (8 bits) << 24 | value length (24 bits)
//            long form:  unused; words 2 and 3 are the key's and the value's length
//   double   expiry, Unix time in milliseconds; only with the expiry bit
//   bytes    the key, then the value
//
// The short form holds keys up to 255 bytes with values below 16 MiB in an 8-byte header.

import { compareBytes, copyBytes, equalBytes } from "../base/ascii.ts";
import { uint32At } from "../base/little-endian.ts";
import { cachedWordView } from "../base/word-view.ts";
import { CHUNK_SHIFT, GRANULE_MASK, type Pool } from "../memory/pool.ts";

/** Value types, numbered as in Redis's files. */
export const STRING = 0;
export const LIST = 1;
export const SET = 2;
export const ZSET = 3;
export const HASH = 4;
export const STREAM = 6;

/** A string whose encoding (int, embstr, raw) follows from its bytes. */
export const ENCODING_AUTO = 0;
/** A string changed in place, which Redis calls raw whatever its bytes. */
export const ENCODING_RAW = 1;

/** A string that Redis keeps as text even where its bytes are an integer: embstr or raw. */
export const ENCODING_TEXT = 2;

/** A small list, set, sorted set or hash, in place, in the listpack format. */
export const LISTPACK = 0;
/** A small set of integers, in place, in the intset format. */
export const INTSET = 1;
/** A small hash some of whose fields expire: a listpack of triples. */
export const LISTPACK_EX = 1;
/** A collection that is an object of its own; the value is its handle, four bytes. */
export const CONTAINER = 3;

/** Bytes of a container's handle. */
export const HANDLE_BYTES = 4;

export const NO_EXPIRY = -1;
/** For writes that leave the expiry as it is. */
export const KEEP_EXPIRY = -2;

const TYPE_MASK = 7;
const ENCODING_SHIFT = 3;
const ENCODING_MASK = 3;
const HAS_EXPIRY = 1 << 5;
const LONG_FORM = 1 << 6;
const MARKED = 1 << 7;
const ACCESS_SHIFT = 8;
const FLAGS_MASK = (1 << ACCESS_SHIFT) - 1;

const SHORT_KEY_MAX = 0xff;
const SHORT_VALUE_MAX = 0xff_ffff;

/** Bytes of a record with these lengths. */
export function recordSize(keyLength: number, valueLength: number, hasExpiry: boolean): number {
  const header = keyLength > SHORT_KEY_MAX || valueLength > SHORT_VALUE_MAX ? 16 : 8;
  return header + (hasExpiry ? 8 : 0) + keyLength + valueLength;
}

/** Where things stand in one record. Reused: valid until it is loaded again or the record moves. */
export class RecordView {
  readonly #pool: Pool;
  ref = 0;
  /** The key's hash. */
  hash = 0;
  type = STRING;
  encoding = ENCODING_AUTO;
  /** The 24 access bits. */
  access = 0;
  /** Unix time in milliseconds, or NO_EXPIRY. */
  expiryMs = NO_EXPIRY;
  /** The chunk that the offsets below refer to. */
  bytes: Uint8Array = new Uint8Array(0);
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Points the view at a record. */
  load(ref: number, hash: number): void {
    const chunk = ref >>> CHUNK_SHIFT;
    const words = this.#pool.words[chunk];
    let granule = ref & GRANULE_MASK;
    const at = granule << 1;
    const flags = words[at];
    let keyLength: number;
    let valueLength: number;
    if ((flags & LONG_FORM) === 0) {
      keyLength = words[at + 1] >>> 24;
      valueLength = words[at + 1] & SHORT_VALUE_MAX;
      granule += 1;
    } else {
      keyLength = words[at + 2];
      valueLength = words[at + 3];
      granule += 2;
    }
    this.expiryMs = NO_EXPIRY;
    if ((flags & HAS_EXPIRY) !== 0) this.expiryMs = this.#pool.doubles[chunk][granule++];
    this.ref = ref;
    this.hash = hash;
    this.type = flags & TYPE_MASK;
    this.access = flags >>> ACCESS_SHIFT;
    this.encoding = (flags >>> ENCODING_SHIFT) & ENCODING_MASK;
    this.bytes = this.#pool.bytes[chunk];
    this.keyStart = granule << 3;
    this.keyEnd = this.keyStart + keyLength;
    this.valueStart = this.keyEnd;
    this.valueEnd = this.keyEnd + valueLength;
  }

  get keyLength(): number {
    return this.keyEnd - this.keyStart;
  }

  get valueLength(): number {
    return this.valueEnd - this.valueStart;
  }
}

/** Whether a record's key is bytes[start, start + length). */
export function hasKey(
  pool: Pool,
  ref: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const chunk = ref >>> CHUNK_SHIFT;
  const words = pool.words[chunk];
  const granule = ref & GRANULE_MASK;
  const flags = words[granule << 1];
  const isLong = (flags & LONG_FORM) !== 0;
  const keyLength = isLong ? words[(granule << 1) + 2] : words[(granule << 1) + 1] >>> 24;
  if (keyLength !== length) return false;
  // Keys are aligned in the pool: compare words, then what is left of the last one.
  let word = (granule + 1 + ((flags >>> 5) & 1) + ((flags >>> 6) & 1)) << 1;
  const view = cachedWordView(bytes);
  if (view === undefined) return equalBytes(pool.bytes[chunk], word << 2, bytes, start, length);
  const rest = length & 3;
  const wordsEnd = start + length - rest;
  for (let at = start; at < wordsEnd; at += 4) {
    if ((words[word] | 0) !== view.getInt32(at, true)) return false;
    word++;
  }
  return rest === 0 || equalBytes(pool.bytes[chunk], word << 2, bytes, wordsEnd, rest);
}

/** Orders a record's key and bytes[start, end) as memcmp does, the shorter first. */
export function compareKey(
  pool: Pool,
  ref: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const chunk = ref >>> CHUNK_SHIFT;
  const words = pool.words[chunk];
  const granule = ref & GRANULE_MASK;
  const flags = words[granule << 1];
  const isLong = (flags & LONG_FORM) !== 0;
  const keyLength = isLong ? words[(granule << 1) + 2] : words[(granule << 1) + 1] >>> 24;
  const keyStart = (granule + 1 + ((flags >>> 5) & 1) + ((flags >>> 6) & 1)) << 3;
  return compareBytes(pool.bytes[chunk], keyStart, keyStart + keyLength, bytes, start, end);
}

/** The length of a record's key. */
export function keyLengthOf(pool: Pool, ref: number): number {
  const words = pool.words[ref >>> CHUNK_SHIFT];
  const at = (ref & GRANULE_MASK) << 1;
  return (words[at] & LONG_FORM) !== 0 ? words[at + 2] : words[at + 1] >>> 24;
}

/** Where a record's key starts in its chunk. */
export function keyStartOf(pool: Pool, ref: number): number {
  const granule = ref & GRANULE_MASK;
  const flags = pool.words[ref >>> CHUNK_SHIFT][granule << 1];
  return (granule + 1 + ((flags >>> 5) & 1) + ((flags >>> 6) & 1)) << 3;
}

/** Whether two records have the same key. */
export function hasSameKey(pool: Pool, left: number, right: number): boolean {
  const leftWords = pool.words[left >>> CHUNK_SHIFT];
  const rightWords = pool.words[right >>> CHUNK_SHIFT];
  const leftAt = (left & GRANULE_MASK) << 1;
  const rightAt = (right & GRANULE_MASK) << 1;
  const leftFlags = leftWords[leftAt];
  const rightFlags = rightWords[rightAt];
  const isLong = (leftFlags & LONG_FORM) !== 0;
  const length = isLong ? leftWords[leftAt + 2] : leftWords[leftAt + 1] >>> 24;
  const isOtherLong = (rightFlags & LONG_FORM) !== 0;
  const otherLength = isOtherLong ? rightWords[rightAt + 2] : rightWords[rightAt + 1] >>> 24;
  if (length !== otherLength) return false;
  // Keys are aligned: compare words, then what is left of the last one.
  let leftKey = leftAt + 2 + (((leftFlags >>> 5) & 1) + ((leftFlags >>> 6) & 1)) * 2;
  let rightKey = rightAt + 2 + (((rightFlags >>> 5) & 1) + ((rightFlags >>> 6) & 1)) * 2;
  const end = leftKey + (length >>> 2);
  while (leftKey < end) {
    if (leftWords[leftKey++] !== rightWords[rightKey++]) return false;
  }
  const rest = length & 3;
  if (rest === 0) return true;
  return (leftWords[leftKey] ^ rightWords[rightKey]) << (32 - rest * 8) === 0;
}

/** Whether a record has an expiry time. */
export function isVolatile(pool: Pool, ref: number): boolean {
  return (pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] & HAS_EXPIRY) !== 0;
}

/** The expiry of a record that is volatile, Unix time in milliseconds. */
export function expiryOf(pool: Pool, ref: number): number {
  const granule = ref & GRANULE_MASK;
  const isLong = (pool.words[ref >>> CHUNK_SHIFT][granule << 1] & LONG_FORM) !== 0;
  return pool.doubles[ref >>> CHUNK_SHIFT][granule + (isLong ? 2 : 1)];
}

/** Replaces the expiry of a record that has the expiry bit already. */
export function overwriteExpiry(pool: Pool, ref: number, expiryMs: number): void {
  const granule = ref & GRANULE_MASK;
  const isLong = (pool.words[ref >>> CHUNK_SHIFT][granule << 1] & LONG_FORM) !== 0;
  pool.doubles[ref >>> CHUNK_SHIFT][granule + (isLong ? 2 : 1)] = expiryMs;
}

/** The 24 access bits of a record. */
export function accessOf(pool: Pool, ref: number): number {
  return pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] >>> ACCESS_SHIFT;
}

/** Sets the 24 access bits; writes only where they differ, to leave the cache line clean. */
export function setAccess(pool: Pool, ref: number, access: number): void {
  const words = pool.words[ref >>> CHUNK_SHIFT];
  const at = (ref & GRANULE_MASK) << 1;
  const flags = words[at];
  if (flags >>> ACCESS_SHIFT === access) return;
  words[at] = (flags & FLAGS_MASK) | (access << ACCESS_SHIFT);
}

/** Sets the encoding bits of a record. */
export function setEncoding(pool: Pool, ref: number, encoding: number): void {
  const words = pool.words[ref >>> CHUNK_SHIFT];
  const at = (ref & GRANULE_MASK) << 1;
  words[at] = (words[at] & ~(ENCODING_MASK << ENCODING_SHIFT)) | (encoding << ENCODING_SHIFT);
}

/**
 * Writes a record's header and key into a block of at least `recordSize` bytes; the value's bytes
 * are left to the caller. Returns the value's offset within the chunk.
 */
export function writeHeader(
  pool: Pool,
  ref: number,
  type: number,
  encoding: number,
  access: number,
  bytes: Uint8Array,
  keyStart: number,
  keyEnd: number,
  valueLength: number,
  expiryMs: number,
): number {
  const chunk = ref >>> CHUNK_SHIFT;
  const words = pool.words[chunk];
  let granule = ref & GRANULE_MASK;
  const at = granule << 1;
  const keyLength = keyEnd - keyStart;
  let flags = type | (encoding << ENCODING_SHIFT) | (access << ACCESS_SHIFT);
  if (keyLength <= SHORT_KEY_MAX && valueLength <= SHORT_VALUE_MAX) {
    words[at + 1] = (keyLength << 24) | valueLength;
    granule += 1;
  } else {
    flags |= LONG_FORM;
    words[at + 2] = keyLength;
    words[at + 3] = valueLength;
    granule += 2;
  }
  if (expiryMs !== NO_EXPIRY) {
    flags |= HAS_EXPIRY;
    pool.doubles[chunk][granule++] = expiryMs;
  }
  words[at] = flags;
  // The key is aligned here: copy words, then what is left of the last one.
  const view = cachedWordView(bytes);
  if (view === undefined) {
    copyBytes(pool.bytes[chunk], granule << 3, bytes, keyStart, keyEnd);
    return (granule << 3) + keyLength;
  }
  const rest = keyLength & 3;
  const wordsEnd = keyEnd - rest;
  let word = granule << 1;
  for (let from = keyStart; from < wordsEnd; from += 4) words[word++] = view.getInt32(from, true);
  if (rest > 0) copyBytes(pool.bytes[chunk], word << 2, bytes, wordsEnd, keyEnd);
  return (granule << 3) + keyLength;
}

/** The encoding bits of a record. */
export function encodingOf(pool: Pool, ref: number): number {
  const flags = pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
  return (flags >>> ENCODING_SHIFT) & ENCODING_MASK;
}

/** The handle that the value of a view is, where its encoding is CONTAINER. */
export function handleIn(view: RecordView): number {
  return uint32At(view.bytes, view.valueStart);
}

/** Whether a record is marked: the running snapshot must not take it (any more). */
export function isMarked(pool: Pool, ref: number): boolean {
  return (pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] & MARKED) !== 0;
}

/** Marks a record for the running snapshot. */
export function mark(pool: Pool, ref: number): void {
  pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] |= MARKED;
}

/** Takes a record's mark away. */
export function unmark(pool: Pool, ref: number): void {
  pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] &= ~MARKED;
}

/** The length of a record's value. */
export function valueLengthOf(pool: Pool, ref: number): number {
  const words = pool.words[ref >>> CHUNK_SHIFT];
  const at = (ref & GRANULE_MASK) << 1;
  return (words[at] & LONG_FORM) !== 0 ? words[at + 3] : words[at + 1] & SHORT_VALUE_MAX;
}

/** The type of a record's value. */
export function typeOf(pool: Pool, ref: number): number {
  return pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] & TYPE_MASK;
}

/** Whether a value length can be written over a record's without changing its form. */
export function keepsForm(pool: Pool, ref: number, valueLength: number): boolean {
  const isLong = (pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1] & LONG_FORM) !== 0;
  return isLong || valueLength <= SHORT_VALUE_MAX;
}

/** Sets the length of a record's value in place; `keepsForm` must hold. */
export function setValueLength(pool: Pool, ref: number, valueLength: number): void {
  const words = pool.words[ref >>> CHUNK_SHIFT];
  const at = (ref & GRANULE_MASK) << 1;
  if ((words[at] & LONG_FORM) !== 0) words[at + 3] = valueLength;
  else words[at + 1] = ((words[at + 1] & 0xff00_0000) | valueLength) >>> 0;
}
