// When fields of hashes expire: what a database has to know of it, and the deletion of those whose
// time has come without anyone having asked for them.

import { assert } from "../base/assert.ts";
import { latin1Text } from "../base/text.ts";
import {
  decodeInteger,
  Entry,
  elementCount,
  firstEntry,
  isValidListpack,
  nextEntry,
  TERMINATOR,
  writeHeader,
} from "../structures/listpack.ts";
import type { MemberTable } from "../structures/member-table.ts";
import { CONTAINER, HASH, LISTPACK, LISTPACK_EX, type RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
import { EVENT_GENERIC, EVENT_HASH } from "./event-classes.ts";
import type { Keyspace } from "./keyspace.ts";
import { notifyOf } from "./notify.ts";

/** `expireFields` has deleted a part of what is due. */
export const MORE = 0;
/** Nothing is due any more. */
export const DONE = 1;
/** The last field went, and the key with it. */
export const EMPTIED = 2;

/**
 * A lower bound of the times when fields of the value in a view expire; Infinity where none does,
 * or where it is no hash.
 */
export function earliestFieldExpiry(db: Database, view: RecordView): number {
  if (view.type !== HASH || view.encoding === LISTPACK) return Number.POSITIVE_INFINITY;
  if (view.encoding === CONTAINER) {
    const table = db.containerOf(view) as MemberTable;
    return table.volatileCount > 0 ? table.earliestExpiryMs : Number.POSITIVE_INFINITY;
  }
  const pack = view.bytes;
  const first = firstEntry(view.valueStart);
  if (pack[first] === TERMINATOR) return Number.POSITIVE_INFINITY;
  // Triples are ordered by their times, those without one are last.
  const timeAt = nextEntry(pack, nextEntry(pack, first));
  return pack[timeAt] === 0 ? Number.POSITIVE_INFINITY : decodeInteger(pack, timeAt);
}

/** Whether fields of the hash in a view are due. */
export function hasDueFields(keyspace: Keyspace, db: Database, view: RecordView): boolean {
  return earliestFieldExpiry(db, view) < keyspace.nowMs;
}

/**
 * Deletes fields of the hash in a view whose time has come: all of a listpack, of a table those of
 * one segment. Each is told to the keyspace's events, then `afterField` is called. The view is
 * loaded again unless the key is gone.
 */
export function expireFields(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  afterField: () => void,
): typeof MORE | typeof DONE | typeof EMPTIED {
  db.beforeLoss(view);
  const expiredBefore = keyspace.expiredFields;
  const earliest = earliestFieldExpiry(db, view);
  const isTable = view.encoding === CONTAINER;
  const before = isTable ? db.containerOf(view).size : 0;
  const hasMore = isTable
    ? expireInTable(keyspace, db, view, afterField)
    : expireInListpack(keyspace, db, view, afterField);
  if (isTable) {
    const after = db.containerOf(view).size;
    if (after !== before) db.resized(HASH, before, after);
  }
  db.fieldExpiryChanged(view, earliest);
  if (keyspace.expiredFields !== expiredBefore)
    notifyOf(keyspace, db, EVENT_HASH, "hexpired", view);
  if (!isTable ? view.bytes[firstEntry(view.valueStart)] === TERMINATOR : isEmpty(db, view)) {
    notifyOf(keyspace, db, EVENT_GENERIC, "del", view);
    db.deleteView(view);
    return EMPTIED;
  }
  return hasMore ? MORE : DONE;
}

function isEmpty(db: Database, view: RecordView): boolean {
  return db.containerOf(view).size === 0;
}

function expireInTable(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  afterField: () => void,
): boolean {
  const table = db.containerOf(view) as MemberTable;
  // A time has come when it is before now.
  const next = table.expireSome(0, keyspace.nowMs - 1, (ref) => {
    const { bytes, keyStart, keyEnd } = table.load(ref);
    keyspace.expiredFields++;
    keyspace.events.fieldExpired(db.index, view, bytes, keyStart, keyEnd);
    afterField();
  });
  return next !== 0;
}

function expireInListpack(
  keyspace: Keyspace,
  db: Database,
  view: RecordView,
  afterField: () => void,
): boolean {
  const pack = view.bytes;
  const start = view.valueStart;
  const first = firstEntry(start);
  const count = elementCount(pack, start);
  const field = new Entry();
  let expired = 0;
  let at = first;
  while (pack[at] !== TERMINATOR) {
    const timeAt = nextEntry(pack, field.load(pack, at));
    if (pack[timeAt] === 0 || decodeInteger(pack, timeAt) >= keyspace.nowMs) break;
    keyspace.expiredFields++;
    keyspace.events.fieldExpired(db.index, view, field.bytes, field.start, field.end);
    afterField();
    at = nextEntry(pack, timeAt);
    expired++;
  }
  if (expired === 0) return false;
  db.spliceValue(view, first - start, at - first, 0);
  writeHeader(view.bytes, view.valueStart, view.valueLength, count - expired * 3);
  db.resized(HASH, count / 3, count / 3 - expired);
  return false;
}

/**
 * Checks what holds of a hash in place, and that a segment's bound holds for the fields of the
 * value in a view. Throws on a violation. Returns whether fields of it expire.
 */
export function verifyFields(db: Database, view: RecordView, bound: number): boolean {
  const earliest = earliestFieldExpiry(db, view);
  assert(bound <= earliest, "a segment's bound holds for the fields of its hashes");
  if (view.type === HASH && view.encoding !== CONTAINER) verifyInPlace(view);
  return earliest !== Number.POSITIVE_INFINITY;
}

function verifyInPlace(view: RecordView): void {
  const { bytes: pack, valueStart, valueEnd } = view;
  assert(isValidListpack(pack, valueStart, valueEnd, true), "a hash in place is a listpack");
  const field = new Entry();
  const seen = new Set<string>();
  let previous = 0;
  for (let at = firstEntry(valueStart); pack[at] !== TERMINATOR; ) {
    at = nextEntry(pack, field.load(pack, at));
    const name = latin1Text(field.bytes, field.start, field.end);
    assert(!seen.has(name), "a field is there once");
    seen.add(name);
    if (view.encoding !== LISTPACK_EX) continue;
    const time = pack[at] === 0 ? Number.POSITIVE_INFINITY : decodeInteger(pack, at);
    assert(time >= previous, "fields are ordered by their times");
    previous = time;
    at = nextEntry(pack, at);
  }
  assert(seen.size > 0, "a hash has fields");
}
