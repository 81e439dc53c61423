// hot path: no allocation per command
//
// Lists as the values of keys: a listpack in the key's record up to list-max-listpack-size, a
// Quicklist beyond. A list leaves its record before elements are added to it that would be too
// many, by the bytes of their texts, as Redis does; and comes back once it is down to one node that
// is at most half full, so that it does not change its form with every element.
//
// Views are loaded again by whatever changes the list.

import { copyBytes, moveBytes } from "../base/ascii.ts";
import { ListCursor } from "../structures/list-cursor.ts";
import { exceedsHalfLimit, exceedsLimit } from "../structures/list-limits.ts";
import { LENGTH, START } from "../structures/list-nodes.ts";
import {
  adjustHeader,
  EMPTY_BYTES,
  elementCount,
  encodedSize,
  endOf,
  finish,
  firstEntry,
  HEADER_BYTES,
  type Needle,
  nextEntry,
  totalBytes,
  writeEntry,
} from "../structures/listpack.ts";
import { Quicklist } from "../structures/quicklist.ts";
import { CONTAINER, LIST, LISTPACK, type RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

const cursor = new ListCursor();

/** The large list in a view; undefined where it is in its record. */
export function quicklistOf(db: Database, view: RecordView): Quicklist | undefined {
  return view.encoding === CONTAINER ? (db.containerOf(view) as Quicklist) : undefined;
}

/** Number of elements. */
export function listLength(db: Database, view: RecordView): number {
  if (view.encoding === CONTAINER) return db.containerOf(view).size;
  return elementCount(view.bytes, view.valueStart);
}

/** A cursor over the list in a view, to `seek` with. There is one for all. */
export function openList(db: Database, view: RecordView): ListCursor {
  const list = quicklistOf(db, view);
  if (list !== undefined) cursor.openList(list);
  else cursor.openListpack(view.bytes, view.valueStart);
  return cursor;
}

/** An empty large list. */
export function newQuicklist(keyspace: Keyspace): Quicklist {
  const { limits } = keyspace;
  return new Quicklist(keyspace.pool, limits.listMaxListpackSize, limits);
}

/** Whether a listpack with so many bytes and elements added has to become a large list. */
export function outgrowsRecord(keyspace: Keyspace, bytes: number, count: number): boolean {
  return exceedsLimit(keyspace.limits.listMaxListpackSize, bytes, count);
}

/** Takes the list out of its record if so much would be too much for it. */
export function prepareGrowth(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  addedBytes: number,
  addedCount: number,
): void {
  if (view.encoding === CONTAINER) return;
  const { bytes, valueStart } = view;
  const count = elementCount(bytes, valueStart);
  const total = totalBytes(bytes, valueStart);
  if (!outgrowsRecord(keyspace, total + addedBytes, count + addedCount)) return;
  const list = newQuicklist(keyspace);
  // alloc: once per list; `try` costs nothing while nothing is thrown
  try {
    if (count > 0) list.appendNode(bytes, firstEntry(valueStart), endOf(bytes, valueStart), count);
    db.attach(view, list);
  } catch (error) {
    keyspace.lazyFree.discard(list);
    throw error;
  }
}

/** Brings a list back into its record if it has become small enough. */
export function prepareRecord(keyspace: Keyspace, db: Database, view: RecordView): void {
  const list = quicklistOf(db, view);
  if (list === undefined || list.nodes.count !== 1) return;
  const { nodes } = list;
  const bytes = nodes.words[nodes.row(0) + LENGTH] + EMPTY_BYTES;
  const fill = keyspace.limits.listMaxListpackSize;
  if (!exceedsHalfLimit(fill, bytes, list.size)) putInRecord(db, view, list);
}

/** Moves a list of one node into its record, unless that is a single large element. */
function putInRecord(db: Database, view: RecordView, list: Quicklist): void {
  const { nodes } = list;
  const row = nodes.row(0);
  if (nodes.isPlain(row)) return;
  db.detach(view, LISTPACK, nodes.words[row + LENGTH] + EMPTY_BYTES);
  writeRecord(list, view.bytes, view.valueStart);
  list.release(1);
}

/** Writes the one node of a list as a listpack. */
export function writeRecord(list: Quicklist, target: Uint8Array, valueStart: number): void {
  const { nodes } = list;
  const row = nodes.row(0);
  const length = nodes.words[row + LENGTH];
  const start = nodes.words[row + START];
  const at = valueStart + HEADER_BYTES;
  copyBytes(target, at, nodes.bytes(row), start, start + length);
  finish(target, valueStart, at + length, list.size);
}

/**
 * The bytes that a list just made, which belongs to no key, has as a listpack; 0 where it has to
 * stay as it is. Unlike one that shrinks, it may fill its one node.
 */
export function recordBytes(keyspace: Keyspace, list: Quicklist): number {
  const { nodes } = list;
  const row = nodes.row(0);
  if (nodes.count !== 1 || nodes.isPlain(row)) return 0;
  const bytes = nodes.words[row + LENGTH] + EMPTY_BYTES;
  const fill = keyspace.limits.listMaxListpackSize;
  // A number of elements is all that a positive fill asks for.
  const isTooMuch =
    fill >= 0 ? list.size > Math.max(fill, 1) : exceedsLimit(fill, bytes, list.size);
  return isTooMuch ? 0 : bytes;
}

/** Adds an element at an end. */
export function pushElement(
  db: Database,
  view: RecordView,
  isHead: boolean,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  const list = quicklistOf(db, view);
  if (list === undefined) {
    const at = openGap(db, view, isHead, encodedSize(bytes, from, to), 1);
    writeEntry(view.bytes, at, bytes, from, to);
    return;
  }
  if (isHead) list.pushHead(bytes, from, to);
  else list.pushTail(bytes, from, to);
  db.resized(LIST, list.size - 1, list.size);
}

/** Makes room for elements at an end of a list in its record. Returns where to write them. */
export function openGap(
  db: Database,
  view: RecordView,
  isHead: boolean,
  added: number,
  count: number,
): number {
  const size = elementCount(view.bytes, view.valueStart);
  const offset = isHead ? HEADER_BYTES : totalBytes(view.bytes, view.valueStart) - 1;
  splice(db, view, offset, 0, added, count);
  db.resized(LIST, size, size + count);
  return view.valueStart + offset;
}

/** Adds an element beside the one at the cursor. */
export function insertElement(
  db: Database,
  view: RecordView,
  isBehind: boolean,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  const { size } = cursor;
  const list = quicklistOf(db, view);
  if (list !== undefined) {
    list.insert(cursor.node, cursor.rank, cursor.at, isBehind, bytes, from, to);
  } else {
    const at = isBehind ? nextEntry(view.bytes, cursor.at) : cursor.at;
    const offset = at - view.valueStart;
    splice(db, view, offset, 0, encodedSize(bytes, from, to), 1);
    writeEntry(view.bytes, view.valueStart + offset, bytes, from, to);
  }
  db.resized(LIST, size, size + 1);
}

/** Puts an element in place of the one at the cursor. */
export function replaceElement(
  db: Database,
  view: RecordView,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  const list = quicklistOf(db, view);
  if (list !== undefined) {
    return list.replace(cursor.node, cursor.rank, cursor.at, bytes, from, to);
  }
  const offset = cursor.at - view.valueStart;
  const removed = nextEntry(view.bytes, cursor.at) - cursor.at;
  splice(db, view, offset, removed, encodedSize(bytes, from, to), 0);
  writeEntry(view.bytes, view.valueStart + offset, bytes, from, to);
}

/** Removes the first or the last elements; the key, if they are all there are. */
export function removeAtEnd(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  isHead: boolean,
  count: number,
): void {
  const list = quicklistOf(db, view);
  const size = list === undefined ? elementCount(view.bytes, view.valueStart) : list.size;
  if (count === size) return db.deleteView(view);
  if (list === undefined) {
    cutEntries(db, view, isHead, size, count);
  } else if (count !== 1) {
    const cut = list.removeRange(isHead ? 0 : size - count, count);
    if (cut !== undefined) keyspace.lazyFree.defer(cut, 1);
  } else if (isHead) {
    list.dropHead();
  } else {
    list.dropTail();
  }
  db.resized(LIST, size, size - count);
  if (list !== undefined && list.nodes.count === 1) prepareRecord(keyspace, db, view);
}

/** Removes entries at an end of a list in its record. */
function cutEntries(
  db: Database,
  view: RecordView,
  isHead: boolean,
  size: number,
  count: number,
): void {
  const { bytes, valueStart } = view;
  cursor.openListpack(bytes, valueStart);
  // The first that stays, or the first that goes.
  cursor.seek(isHead ? count : size - count);
  const from = isHead ? firstEntry(valueStart) : cursor.at;
  const to = isHead ? cursor.at : endOf(bytes, valueStart);
  splice(db, view, from - valueStart, to - from, 0, -count);
}

/**
 * Removes the elements that the needle matches from the cursor on, `limit` at most; the key, if
 * nothing stays. Returns how many they were.
 */
export function removeMatches(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  needle: Needle,
  limit: number,
): number {
  const { size } = cursor;
  const list = quicklistOf(db, view);
  const removed =
    list === undefined
      ? removeMatchingEntries(db, view, needle, limit)
      : removeFromQuicklist(list, needle, limit);
  if (removed === 0) return 0;
  db.resized(LIST, size, size - removed);
  if (removed === size) db.deleteView(view);
  else prepareRecord(keyspace, db, view);
  return removed;
}

/** Closes up what stays of a listpack, and gives back the rest at once. */
function removeMatchingEntries(
  db: Database,
  view: RecordView,
  needle: Needle,
  limit: number,
): number {
  const { bytes, valueStart } = view;
  const end = endOf(bytes, valueStart);
  let removed = 0;
  let at = cursor.at;
  let kept = at;
  while (at < end && removed < limit) {
    const next = nextEntry(bytes, at);
    if (needle.matches(bytes, at)) {
      removed++;
    } else {
      if (kept !== at) moveBytes(bytes, kept, at, next);
      kept += next - at;
    }
    at = next;
  }
  if (removed > 0) splice(db, view, kept - valueStart, at - kept, 0, -removed);
  return removed;
}

function removeFromQuicklist(list: Quicklist, needle: Needle, limit: number): number {
  let removed = 0;
  let isThere = true;
  while (isThere && removed < limit && cursor.seekMatch(needle, Number.POSITIVE_INFINITY) >= 0) {
    removed++;
    isThere = cursor.removeFrom(list);
  }
  return removed;
}

/** Splices the listpack in a record, its header brought up to date. */
function splice(
  db: Database,
  view: RecordView,
  offset: number,
  removed: number,
  added: number,
  count: number,
): void {
  db.spliceValue(view, offset, removed, added);
  adjustHeader(view.bytes, view.valueStart, added - removed, count);
}
