// The elements that SORT sorts, copied out of a list, set or sorted set before anything else is
// looked up.

import type { ByteRanges } from "../base/byte-ranges.ts";
import { listLength, openList } from "../keyspace/list-value.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { Entry } from "../structures/listpack.ts";
import { CONTAINER, LIST, type RecordView, SET, ZSET } from "../structures/record.ts";
import type { Context } from "./features.ts";

const entry = new Entry();
const set = new SetValue();
const walk = new SetWalk();
const zset = new ZsetValue();

/** Whether a value's type is one that can be sorted. */
export function isSortable(view: RecordView): boolean {
  return view.type === LIST || view.type === SET || view.type === ZSET;
}

/** Number of elements. */
export function sortableCount(c: Context, view: RecordView): number {
  if (view.type === LIST) return listLength(c.db, view);
  if (view.type === SET) return set.open(c.db, view).size;
  return zset.open(c.db, view).size;
}

/** Redis gives a sorted set that it sorts its large form, for good. OBJECT ENCODING shows it. */
export function prepareForSort(c: Context, view: RecordView): void {
  if (view.type !== ZSET || view.encoding === CONTAINER) return;
  zset.open(c.db, view).convert(c.server.keyspace);
}

/**
 * Copies `count` elements from place `from` on, in the order they have; backwards from the end
 * where `isReverse`. Of a set, all elements are taken whatever the range.
 */
export function loadElements(
  c: Context,
  view: RecordView,
  into: ByteRanges,
  from: number,
  count: number,
  isReverse: boolean,
): void {
  if (count <= 0) return;
  if (view.type === LIST) loadList(c, view, into, from, count, isReverse);
  else if (view.type === ZSET) loadZset(c, view, into, from, count, isReverse);
  else loadSet(c, view, into);
}

function loadList(
  c: Context,
  view: RecordView,
  into: ByteRanges,
  from: number,
  count: number,
  isReverse: boolean,
): void {
  const cursor = openList(c.db, view);
  cursor.seek(isReverse ? cursor.size - 1 - from : from);
  for (let k = 0; k < count; k++) {
    entry.load(cursor.bytes, cursor.at);
    into.add(entry.bytes, entry.start, entry.end);
    if (k + 1 === count) break;
    if (isReverse) cursor.previous();
    else cursor.next();
  }
}

function loadZset(
  c: Context,
  view: RecordView,
  into: ByteRanges,
  from: number,
  count: number,
  isReverse: boolean,
): void {
  const value = zset.open(c.db, view);
  value.seek(isReverse ? value.size - 1 - from : from);
  for (let k = 0; k < count; k++) {
    into.add(value.bytes, value.start, value.end);
    if (k + 1 === count) break;
    if (isReverse) value.previous();
    else value.next();
  }
}

function loadSet(c: Context, view: RecordView, into: ByteRanges): void {
  walk.open(set.open(c.db, view));
  while (walk.next()) {
    const { member } = walk;
    member.text();
    into.add(member.bytes, member.start, member.end);
  }
  walk.close();
}
