// hot path: no allocation per command
//
// The bytes of a block of stream entries: a listpack laid out as in Redis's files, so that dumping
// and loading copy bytes.
//
//   master entry    live count | deleted count | field count | field... | 0
//   entry           flags | ms delta | seq delta | [field count | field...] value... | lp-count
//
// An entry's ID is the block's master ID, which stands beside the block, plus the two deltas. With
// SAME_FIELDS its fields are the master entry's and only values follow; otherwise fields and values
// alternate. The lp-count is the number of the entry's elements before it, for walking backwards.

import { equalBytes } from "../base/ascii.ts";
import { uint32At } from "../base/little-endian.ts";
import {
  adjustHeader,
  endOf,
  entryEquals,
  finish,
  HEADER_BYTES,
  INTEGER_ENTRY_MAX,
  nextEntry,
  TERMINATOR,
  writeEntry,
  writeIntegerEntry,
} from "./listpack.ts";
import type { StreamId } from "./stream-id.ts";

export const ENTRY_DELETED = 1;
export const SAME_FIELDS = 2;

/** Most bytes that an element takes beyond its content. */
const ELEMENT_OVERHEAD_MAX = 10;
/** Integers around the fields and values of a new block and its first entry, and one to spare. */
const INTEGERS_MAX = 10;

const SHORT_STRING = 0x80;
const SHORT_STRING_LENGTHS = 64;
const INTEGER_64 = 0xf4;
const INTEGER_64_CONTENT = 9;
const WORD = 0x1_0000_0000;
const WORD_MAX = 0xffff_ffff;

/** Where fields and values come from: a command's arguments. */
export interface Arguments {
  readonly bytes: Uint8Array;
  start(index: number): number;
  end(index: number): number;
}

/** The integer of an element that holds one of at most 32 bits. */
export function smallInteger(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return first;
  if (first < 0xe0) return (((first << 8) | bytes[at + 1]) << 19) >> 19;
  if (first === 0xf1) return ((bytes[at + 1] << 16) | (bytes[at + 2] << 24)) >> 16;
  if (first === 0xf2) {
    return ((bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >> 8;
  }
  return readWord(bytes, at + 1);
}

function readWord(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) | 0;
}

// ---- Counts ----------------------------------------------------------------------------------

/** Entries of a block that are not deleted. */
export function liveCount(bytes: Uint8Array, block: number): number {
  return smallInteger(bytes, block + HEADER_BYTES);
}

/** Entries of a block that are marked as deleted. */
export function deletedCount(bytes: Uint8Array, block: number): number {
  return smallInteger(bytes, nextEntry(bytes, block + HEADER_BYTES));
}

/** Where the number of the master entry's fields stands; they follow it. */
export function masterFieldsAt(bytes: Uint8Array, block: number): number {
  return nextEntry(bytes, nextEntry(bytes, block + HEADER_BYTES));
}

/** The first entry of a block. */
export function firstEntryAt(bytes: Uint8Array, block: number): number {
  let at = masterFieldsAt(bytes, block);
  for (let k = smallInteger(bytes, at) + 2; k > 0; k--) at = nextEntry(bytes, at);
  return at;
}

/**
 * Counts `count` entries as deleted rather than live. The block may grow by `COUNTS_GROWTH_MAX`
 * bytes, for which there is room. Returns whether entries have moved.
 */
export function countDeleted(bytes: Uint8Array, block: number, count: number): boolean {
  const live = block + HEADER_BYTES;
  const before = replaceInteger(bytes, block, live, smallInteger(bytes, live) - count);
  const deleted = nextEntry(bytes, live);
  return replaceInteger(bytes, block, deleted, smallInteger(bytes, deleted) + count) || before;
}

/** What changed counts may add to a block. */
export const COUNTS_GROWTH_MAX = 4;

/** Replaces an integer element by another one. Returns whether what follows had to move. */
function replaceInteger(bytes: Uint8Array, block: number, at: number, value: number): boolean {
  if (bytes[at] < 0x80 && value <= 127) {
    bytes[at] = value;
    return false;
  }
  const end = endOf(bytes, block) + 1;
  const next = nextEntry(bytes, at);
  const length = writeIntegerEntry(integerScratch, 0, value);
  const added = length - (next - at);
  if (added !== 0) {
    bytes.copyWithin(next + added, next, end);
    adjustHeader(bytes, block, added, 0);
  }
  for (let k = 0; k < length; k++) bytes[at + k] = integerScratch[k];
  return added !== 0;
}

const integerScratch = new Uint8Array(INTEGER_ENTRY_MAX);

// ---- IDs -------------------------------------------------------------------------------------

/** Puts the ID of the entry at `at` into `id`. */
export function readEntryId(bytes: Uint8Array, at: number, master: StreamId, id: StreamId): void {
  const ms = at + 2;
  const seq = nextEntry(bytes, ms);
  id.copy(master);
  if (bytes[ms] !== 0) addToTime(id, deltaHigh(bytes, ms), deltaLow(bytes, ms));
  if (bytes[seq] !== 0) addToSequence(id, deltaHigh(bytes, seq), deltaLow(bytes, seq));
}

function deltaLow(bytes: Uint8Array, at: number): number {
  if (bytes[at] === INTEGER_64) return readWord(bytes, at + 1) >>> 0;
  return smallInteger(bytes, at) >>> 0;
}

function deltaHigh(bytes: Uint8Array, at: number): number {
  if (bytes[at] === INTEGER_64) return readWord(bytes, at + 5) >>> 0;
  return smallInteger(bytes, at) < 0 ? WORD_MAX : 0;
}

function addToTime(id: StreamId, high: number, low: number): void {
  const sum = id.msLow + low;
  const carry = sum > WORD_MAX ? 1 : 0;
  id.msLow = carry === 1 ? sum - WORD : sum;
  id.msHigh = (id.msHigh + high + carry) % WORD;
}

function addToSequence(id: StreamId, high: number, low: number): void {
  const sum = id.seqLow + low;
  const carry = sum > WORD_MAX ? 1 : 0;
  id.seqLow = carry === 1 ? sum - WORD : sum;
  id.seqHigh = (id.seqHigh + high + carry) % WORD;
}

/** Writes an integer element, most often of seven bits. Returns the offset behind it. */
function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0 || value > 127) return writeIntegerEntry(bytes, at, value);
  bytes[at] = value;
  bytes[at + 1] = 1;
  return at + 2;
}

/** Appends the difference of two unsigned 64-bit numbers as a signed one. */
function writeDelta(
  bytes: Uint8Array,
  at: number,
  high: number,
  low: number,
  masterHigh: number,
  masterLow: number,
): number {
  const difference = low - masterLow;
  if (high === masterHigh) return writeInteger(bytes, at, difference);
  const borrow = difference < 0 ? 1 : 0;
  const wideLow = difference + borrow * WORD;
  const wideHigh = (high - masterHigh - borrow) | 0;
  if (wideHigh === 0) return writeIntegerEntry(bytes, at, wideLow);
  if (wideHigh === -1) return writeIntegerEntry(bytes, at, wideLow - WORD);
  bytes[at] = INTEGER_64;
  for (let k = 0; k < 4; k++) {
    bytes[at + 1 + k] = wideLow >>> (k * 8);
    bytes[at + 5 + k] = wideHigh >>> (k * 8);
  }
  bytes[at + INTEGER_64_CONTENT] = INTEGER_64_CONTENT;
  return at + INTEGER_ENTRY_MAX;
}

// ---- Writing ---------------------------------------------------------------------------------

/** Most bytes that an entry with these arguments, or a new block with it alone, can take. */
export function entryBytesMax(payloadBytes: number, argumentCount: number): number {
  return (
    HEADER_BYTES +
    payloadBytes +
    argumentCount * ELEMENT_OVERHEAD_MAX +
    INTEGERS_MAX * INTEGER_ENTRY_MAX
  );
}

/**
 * Starts a block without entries, whose master entry has the fields of the arguments from `first`
 * on. Returns where its entries start.
 */
export function startBlock(
  bytes: Uint8Array,
  block: number,
  args: Arguments,
  first: number,
  fieldCount: number,
): void {
  let at = writeIntegerEntry(bytes, block + HEADER_BYTES, 0);
  at = writeIntegerEntry(bytes, at, 0);
  at = writeIntegerEntry(bytes, at, fieldCount);
  for (let k = 0; k < fieldCount; k++) {
    const index = first + k * 2;
    at = writeEntry(bytes, at, args.bytes, args.start(index), args.end(index));
  }
  at = writeIntegerEntry(bytes, at, 0);
  finish(bytes, block, at, fieldCount + 4);
}

/**
 * Appends an entry and counts it. The caller has made sure of `entryBytesMax` bytes of room.
 * Returns whether the entries before it have moved.
 */
export function appendEntry(
  bytes: Uint8Array,
  block: number,
  master: StreamId,
  id: StreamId,
  args: Arguments,
  first: number,
  fieldCount: number,
): boolean {
  const sameFields = hasMasterFields(bytes, block, args, first, fieldCount);
  const end = endOf(bytes, block);
  bytes[end] = sameFields ? SAME_FIELDS : 0;
  bytes[end + 1] = 1;
  let at = writeDelta(bytes, end + 2, id.msHigh, id.msLow, master.msHigh, master.msLow);
  at = writeDelta(bytes, at, id.seqHigh, id.seqLow, master.seqHigh, master.seqLow);
  const source = args.bytes;
  let elements: number;
  if (sameFields) {
    elements = fieldCount + 3;
    for (let k = 0; k < fieldCount; k++) {
      const index = first + k * 2 + 1;
      at = writeEntry(bytes, at, source, args.start(index), args.end(index));
    }
  } else {
    elements = fieldCount * 2 + 4;
    at = writeIntegerEntry(bytes, at, fieldCount);
    for (let k = 0; k < fieldCount * 2; k++) {
      at = writeEntry(bytes, at, source, args.start(first + k), args.end(first + k));
    }
  }
  at = writeInteger(bytes, at, elements);
  bytes[at] = TERMINATOR;
  adjustHeader(bytes, block, at - end, elements + 1);
  const counts = block + HEADER_BYTES;
  return replaceInteger(bytes, block, counts, smallInteger(bytes, counts) + 1);
}

/** Whether the arguments' fields are those of the master entry, in the same order. */
function hasMasterFields(
  bytes: Uint8Array,
  block: number,
  args: Arguments,
  first: number,
  fieldCount: number,
): boolean {
  let at = masterFieldsAt(bytes, block);
  if (smallInteger(bytes, at) !== fieldCount) return false;
  const source = args.bytes;
  for (let k = 0; k < fieldCount; k++) {
    at = nextEntry(bytes, at);
    const start = args.start(first + k * 2);
    const end = args.end(first + k * 2);
    const length = bytes[at] - SHORT_STRING;
    // Short strings are what fields are.
    if (length >= 0 && length < SHORT_STRING_LENGTHS) {
      if (length !== end - start || !equalBytes(bytes, at + 1, source, start, length)) return false;
    } else if (!entryEquals(bytes, at, source, start, end)) {
      return false;
    }
  }
  return true;
}
