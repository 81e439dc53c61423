// hot path: no allocation per command
//
// Hashes in place: listpacks of pairs or, once a field has been given an expiry, of triples.
//
//   LISTPACK      field, value, field, value, ...         in the order in which fields came
//   LISTPACK_EX   field, value, expiry, field, ...        expiry 0 = none; by expiry, none last;
//                                                         a field goes before those of its time

import { copyBytes } from "../base/ascii.ts";
import {
  adjustHeader,
  decodeInteger,
  elementCount,
  encodedSize,
  firstEntry,
  nextEntry,
  TERMINATOR,
  totalBytes,
  writeEntry,
  writeHeader,
} from "../structures/listpack.ts";
import { LISTPACK_EX, NO_EXPIRY, type RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";

/** Entries per field of a hash in place. */
export function fieldEntries(view: RecordView): number {
  return view.encoding === LISTPACK_EX ? 3 : 2;
}

/** The time in the third entry of a triple, or NO_EXPIRY. */
export function expiryAt(pack: Uint8Array, at: number): number {
  return pack[at] === 0 ? NO_EXPIRY : decodeInteger(pack, at);
}

/** When the field whose triple is at `at` expires, or NO_EXPIRY. */
export function triplesExpiry(pack: Uint8Array, at: number): number {
  return expiryAt(pack, nextEntry(pack, nextEntry(pack, at)));
}

/** What stands in a triple for an expiry. */
export function storedTime(expiryMs: number): number {
  return Math.max(expiryMs, 0);
}

/** Where a triple with this time goes: before the first one that does not expire earlier. */
function placeFor(pack: Uint8Array, first: number, time: number): number {
  let at = first;
  while (pack[at] !== TERMINATOR) {
    const timeAt = nextEntry(pack, nextEntry(pack, at));
    if (time !== 0 && (pack[timeAt] === 0 || decodeInteger(pack, timeAt) >= time)) return at;
    at = nextEntry(pack, timeAt);
  }
  return at;
}

/**
 * Takes `removed` bytes, a triple or nothing, out of a LISTPACK_EX at an offset, and puts the first
 * `size` bytes of `triple` where its time belongs. Memory is claimed first. The view is loaded
 * again.
 */
export function placeTriple(
  db: Database,
  view: RecordView,
  offset: number,
  removed: number,
  triple: Uint8Array,
  size: number,
  time: number,
): void {
  const oldTotal = totalBytes(view.bytes, view.valueStart);
  const entries = elementCount(view.bytes, view.valueStart) + (removed === 0 ? 3 : 0);
  const growth = size - removed;
  if (growth > 0) db.spliceValue(view, oldTotal - 1, 0, growth);
  const pack = view.bytes;
  const base = view.valueStart;
  const at = base + offset;
  pack[base + oldTotal - 1] = TERMINATOR;
  if (removed > 0) pack.copyWithin(at, at + removed, base + oldTotal);
  const place = placeFor(pack, firstEntry(base), time);
  pack.copyWithin(place + size, place, base + oldTotal - removed);
  copyBytes(pack, place, triple, 0, size);
  writeHeader(pack, base, oldTotal + growth, entries);
  if (growth < 0) db.spliceValue(view, oldTotal + growth, -growth, 0);
}

/** Replaces the value whose entry is at `at`; returns where it ends. The view is loaded again. */
export function replaceValue(
  db: Database,
  view: RecordView,
  at: number,
  value: Uint8Array,
  start: number,
  end: number,
): number {
  const offset = at - view.valueStart;
  const removed = nextEntry(view.bytes, at) - at;
  const added = encodedSize(value, start, end);
  if (removed !== added) {
    db.spliceValue(view, offset, removed, added);
    adjustHeader(view.bytes, view.valueStart, added - removed, 0);
  }
  return writeEntry(view.bytes, view.valueStart + offset, value, start, end);
}

/** Adds a pair to a LISTPACK. The view is loaded again. */
export function appendPair(
  db: Database,
  view: RecordView,
  field: Uint8Array,
  fieldStart: number,
  fieldEnd: number,
  value: Uint8Array,
  start: number,
  end: number,
): void {
  const offset = view.valueLength - 1;
  const fieldBytes = encodedSize(field, fieldStart, fieldEnd);
  const added = fieldBytes + encodedSize(value, start, end);
  db.spliceValue(view, offset, 0, added);
  const at = view.valueStart + offset;
  writeEntry(view.bytes, at, field, fieldStart, fieldEnd);
  writeEntry(view.bytes, at + fieldBytes, value, start, end);
  adjustHeader(view.bytes, view.valueStart, added, 2);
}
