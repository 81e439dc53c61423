// hot path: no allocation per command
//
// Hashes: fields and their values, over all three encodings: LISTPACK and LISTPACK_EX, which
// hash-pack.ts draws, and CONTAINER, a MemberTable where a field's expiry is its record's double.
//
// A hash is a listpack while it has at most hash-max-listpack-entries fields and none of its texts
// is longer than hash-max-listpack-value; it becomes a LISTPACK_EX with the first request for a
// field's expiry, a table when it outgrows the listpack, and never goes back.
//
// A field whose time has come is not seen by `read`, which deletes it; `find` sees it still. A time
// has come when it is before now: at its very millisecond a field is still there.
//
// What `find` and `read` found stands in this object until the next call that changes the hash.

import { copyBytes } from "../base/ascii.ts";
import { NULL_REF } from "../memory/pool.ts";
import {
  adjustHeader,
  EMPTY_BYTES,
  Entry,
  elementCount,
  finish,
  firstEntry,
  HEADER_BYTES,
  Needle,
  NO_ENTRY,
  nextEntry,
  TERMINATOR,
  writeEmpty,
  writeEntry,
  writeIntegerEntry,
} from "../structures/listpack.ts";
import { MemberTable } from "../structures/member-table.ts";
import {
  CONTAINER,
  HASH,
  KEEP_EXPIRY,
  LISTPACK,
  LISTPACK_EX,
  NO_EXPIRY,
  type RecordView,
} from "../structures/record.ts";
import type { Database } from "./database.ts";
import { EVENT_GENERIC, EVENT_HASH } from "./event-classes.ts";
import { earliestFieldExpiry } from "./field-expiry.ts";
import {
  appendPair,
  expiryAt,
  fieldEntries,
  placeTriple,
  replaceValue,
  storedTime,
  triplesExpiry,
} from "./hash-pack.ts";
import type { Keyspace } from "./keyspace.ts";
import { notifyOf } from "./notify.ts";

/** What `read` found. */
export const FOUND = 0;
export const ABSENT = 1;
/** The field had expired, was the last one, and its key is gone with it. */
export const GONE = 2;

/** A larger listpack becomes a table, whatever the limits say. */
const LISTPACK_BYTES_MAX = 1 << 30;
/** What stays allocated for building values. */
const SCRATCH_BYTES = 4096;
const SCRATCH_KEPT_MAX = 1 << 20;
/** Bytes of the entry that says that a field does not expire. */
const NO_TIME_BYTES = 2;
/** Most bytes that an entry needs beside its text. */
const ENTRY_OVERHEAD_MAX = 10;

/** Arguments of a command; its context is one. */
export interface Arguments {
  readonly bytes: Uint8Array;
  start(index: number): number;
  end(index: number): number;
  length(index: number): number;
  hash(index: number): number;
}

/** The operations on hashes of one keyspace. */
export class HashValues {
  readonly #keyspace: Keyspace;
  readonly #needle = new Needle();
  readonly #entry = new Entry();
  #scratch = new Uint8Array(SCRATCH_BYTES);

  /** The value that was found: bytes[start, end). */
  bytes: Uint8Array;
  start = 0;
  end = 0;
  /** When the field that was found expires, or NO_EXPIRY. */
  expiryMs = NO_EXPIRY;
  /** In place: offset of the field's entry within the value. */
  #at = 0;
  /** In a table: the field's record. */
  #ref = NULL_REF;
  #hash = 0;
  /** While pairs are set in place: offset of the field behind the one set last, or 0. */
  #next = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.bytes = this.#scratch;
  }

  /** Number of fields, those that have expired but were not met yet included. */
  count(db: Database, view: RecordView): number {
    if (view.encoding === CONTAINER) return db.containerOf(view).size;
    return elementCount(view.bytes, view.valueStart) / fieldEntries(view);
  }

  /** Number of fields whose time has not come. */
  visibleCount(db: Database, view: RecordView): number {
    const all = this.count(db, view);
    if (earliestFieldExpiry(db, view) >= this.#keyspace.nowMs) return all;
    let past = 0;
    if (view.encoding === CONTAINER) {
      const table = this.tableOf(db, view);
      // alloc: one closure, only where fields of a large hash are due
      table.forEach((ref) => {
        if (this.isPast(table.expiryOf(ref))) past++;
      });
      return all - past;
    }
    const pack = view.bytes;
    for (let at = firstEntry(view.valueStart); pack[at] !== TERMINATOR; past++) {
      const timeAt = nextEntry(pack, nextEntry(pack, at));
      if (!this.isPast(expiryAt(pack, timeAt))) break;
      at = nextEntry(pack, timeAt);
    }
    return all - past;
  }

  /** The table of a hash whose encoding is CONTAINER. */
  tableOf(db: Database, view: RecordView): MemberTable {
    return db.containerOf(view) as MemberTable;
  }

  /** Whether a field with this expiry is not to be seen any more. */
  isPast(expiryMs: number): boolean {
    return expiryMs !== NO_EXPIRY && expiryMs < this.#keyspace.nowMs && !this.#keyspace.isLoading;
  }

  /** Looks up a field, whatever its time. */
  find(db: Database, view: RecordView, bytes: Uint8Array, start: number, end: number): boolean {
    if (view.encoding === CONTAINER) return this.#findInTable(db, view, bytes, start, end);
    const pack = view.bytes;
    const isTimed = view.encoding === LISTPACK_EX;
    this.#needle.set(bytes, start, end);
    const at = this.#needle.find(pack, firstEntry(view.valueStart), isTimed ? 2 : 1);
    if (at === NO_ENTRY) return false;
    const entry = this.#entry;
    const next = entry.load(pack, nextEntry(pack, at));
    this.#at = at - view.valueStart;
    this.bytes = entry.bytes;
    this.start = entry.start;
    this.end = entry.end;
    this.expiryMs = isTimed ? expiryAt(pack, next) : NO_EXPIRY;
    return true;
  }

  #findInTable(
    db: Database,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const table = this.tableOf(db, view);
    const hash = table.hash(bytes, start, end);
    const ref = table.find(bytes, start, end, hash);
    if (ref === NULL_REF) return false;
    const member = table.load(ref, hash);
    this.#ref = ref;
    this.#hash = hash;
    this.bytes = member.bytes;
    this.start = member.valueStart;
    this.end = member.valueEnd;
    this.expiryMs = member.expiryMs;
    return true;
  }

  /**
   * Looks up a field as clients see it: one whose time has come is deleted, and its key with it
   * where it was the last one; on a replica it is only hidden. FOUND, ABSENT or GONE.
   */
  read(db: Database, view: RecordView, bytes: Uint8Array, start: number, end: number): number {
    if (!this.find(db, view, bytes, start, end)) return ABSENT;
    if (this.expiryMs === NO_EXPIRY || !this.isPast(this.expiryMs)) return FOUND;
    if (this.#keyspace.hidesExpired) return ABSENT;
    this.#expireFound(db, view, bytes, start, end);
    if (this.count(db, view) > 1) {
      this.removeFound(db, view);
      return ABSENT;
    }
    if (this.#heldEvents < 0) notifyOf(this.#keyspace, db, EVENT_GENERIC, "del", view);
    db.deleteView(view);
    return GONE;
  }

  /** As `read`, but a hash that loses its last field stays, without any. Whether it was found. */
  readAndKeep(
    db: Database,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (!this.find(db, view, bytes, start, end)) return false;
    if (this.expiryMs === NO_EXPIRY || !this.isPast(this.expiryMs)) return true;
    if (this.#keyspace.hidesExpired) return false;
    this.#expireFound(db, view, bytes, start, end);
    this.removeFound(db, view);
    return false;
  }

  /** Tells that the field found has expired. */
  #expireFound(
    db: Database,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    db.beforeLoss(view);
    this.#keyspace.expiredFields++;
    this.#keyspace.events.fieldExpired(db.index, view, bytes, start, end);
    if (this.#heldEvents >= 0) this.#heldEvents++;
    else notifyOf(this.#keyspace, db, EVENT_HASH, "hexpired", view);
  }

  /** Fields that have expired since `holdEvents`; -1 while each one is told of at once. */
  #heldEvents = -1;

  /** From now on until `releaseEvents` nobody is told of fields that are read and have expired. */
  holdEvents(): void {
    this.#heldEvents = 0;
  }

  /** Returns how many fields have expired since `holdEvents`; the caller tells of them. */
  releaseEvents(): number {
    const held = this.#heldEvents;
    this.#heldEvents = -1;
    return held;
  }

  /** Deletes a field, whatever its time, and its key where it was the last one: GONE. */
  delete(db: Database, view: RecordView, bytes: Uint8Array, start: number, end: number): number {
    if (!this.find(db, view, bytes, start, end)) return ABSENT;
    return this.deleteFound(db, view) ? GONE : FOUND;
  }

  /** Deletes the field found, and its key where it was the last one: then true. */
  deleteFound(db: Database, view: RecordView): boolean {
    if (this.count(db, view) === 1) {
      db.deleteView(view);
      return true;
    }
    this.removeFound(db, view);
    return false;
  }

  /** Deletes the field found. The hash may then be empty, which its key must not stay. */
  removeFound(db: Database, view: RecordView): void {
    const before = this.count(db, view);
    const earliest = earliestFieldExpiry(db, view);
    if (view.encoding === CONTAINER) {
      this.tableOf(db, view).remove(this.#ref, this.#hash);
    } else {
      const at = view.valueStart + this.#at;
      const entries = fieldEntries(view);
      let next = at;
      for (let k = 0; k < entries; k++) next = nextEntry(view.bytes, next);
      const size = next - at;
      db.spliceValue(view, this.#at, size, 0);
      adjustHeader(view.bytes, view.valueStart, -size, -entries);
    }
    db.resized(HASH, before, before - 1);
    if (earliest !== Number.POSITIVE_INFINITY) db.fieldExpiryChanged(view, earliest);
  }

  /**
   * Sets a field. `expiryMs` is a time, for which `prepareExpiry` has been called; NO_EXPIRY; or
   * KEEP_EXPIRY. Returns whether the field is new. The view is loaded again.
   */
  #set(
    db: Database,
    view: RecordView,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
    expiryMs: number,
  ): boolean {
    if (view.encoding !== CONTAINER && !this.#fits(view, fieldEnd - fieldStart, end - start)) {
      this.#becomeTable(db, view);
    }
    if (view.encoding === CONTAINER) {
      const table = this.tableOf(db, view);
      const before = table.size;
      const earliest = earliestFieldExpiry(db, view);
      setInTable(table, field, fieldStart, fieldEnd, value, start, end, expiryMs);
      const isNew = table.size !== before;
      if (isNew) db.resized(HASH, before, before + 1);
      const isTimed = earliest !== Number.POSITIVE_INFINITY || expiryMs >= 0;
      if (isTimed) db.fieldExpiryChanged(view, earliest);
      return isNew;
    }
    this.#needle.set(field, fieldStart, fieldEnd);
    const skip = view.encoding === LISTPACK_EX ? 2 : 1;
    const at = this.#findFrom(view, skip);
    const mayReplace =
      at !== NO_ENTRY &&
      (skip === 1 ||
        expiryMs === KEEP_EXPIRY ||
        (expiryMs === NO_EXPIRY && triplesExpiry(view.bytes, at) === NO_EXPIRY));
    if (mayReplace) {
      const behind = replaceValue(db, view, nextEntry(view.bytes, at), value, start, end);
      this.#next = (skip === 1 ? behind : nextEntry(view.bytes, behind)) - view.valueStart;
      return false;
    }
    this.#next = 0;
    if (skip === 1) {
      appendPair(db, view, field, fieldStart, fieldEnd, value, start, end);
    } else {
      this.#setTriple(db, view, at, field, fieldStart, fieldEnd, value, start, end, expiryMs);
    }
    if (at !== NO_ENTRY) return false;
    const after = this.count(db, view);
    db.resized(HASH, after - 1, after);
    if (after > this.#keyspace.limits.hashMaxListpackEntries) this.#becomeTable(db, view);
    return true;
  }

  /**
   * Where the needle's field is, or NO_ENTRY. Fields that are set together often stand together, in
   * the same order: the one behind the field set last is looked at first.
   */
  #findFrom(view: RecordView, skip: number): number {
    const pack = view.bytes;
    const next = view.valueStart + this.#next;
    if (this.#next > 0 && pack[next] !== TERMINATOR && this.#needle.matches(pack, next))
      return next;
    return this.#needle.find(pack, firstEntry(view.valueStart), skip);
  }

  /** Sets the value of the field found, which keeps its expiry. The view is loaded again. */
  setFound(
    db: Database,
    view: RecordView,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
  ): void {
    const isInPlace = view.encoding !== CONTAINER;
    if (isInPlace && this.#fits(view, fieldEnd - fieldStart, end - start)) {
      const at = nextEntry(view.bytes, view.valueStart + this.#at);
      replaceValue(db, view, at, value, start, end);
      return;
    }
    this.#next = 0;
    this.#set(db, view, field, fieldStart, fieldEnd, value, start, end, KEEP_EXPIRY);
  }

  /** Whether texts of these lengths may stand in a hash that is in place. */
  #fits(view: RecordView, fieldLength: number, valueLength: number): boolean {
    const most = this.#keyspace.limits.hashMaxListpackValue;
    if (fieldLength > most || valueLength > most) return false;
    const length = view.valueEnd - view.valueStart + fieldLength + valueLength;
    return length <= LISTPACK_BYTES_MAX;
  }

  /** Whether so many pairs in arguments from `from` on are too many or too long for a listpack. */
  #needTable(args: Arguments, from: number, to: number): boolean {
    const limits = this.#keyspace.limits;
    if ((to - from) / 2 > limits.hashMaxListpackEntries) return true;
    const most = limits.hashMaxListpackValue;
    for (let index = from; index < to; index++) if (args.length(index) > most) return true;
    return false;
  }

  /**
   * Sets the pairs in arguments [from, to) of the hash under argument 1, which `found` is or which
   * is new. `expiryMs` as for `#set`. Returns how many fields are new. The keyspace's view is left
   * at the hash.
   */
  setPairs(
    db: Database,
    found: RecordView | undefined,
    args: Arguments,
    from: number,
    to: number,
    expiryMs: number,
  ): number {
    const view = found ?? this.#keyspace.view;
    const bytes = args.bytes;
    let created = 0;
    let index = from;
    this.#next = 0;
    if (found === undefined) {
      index = this.#create(db, view, args, from, to, expiryMs);
      created = this.count(db, view);
    } else {
      if (expiryMs >= 0) this.prepareExpiry(db, view);
      if (view.encoding !== CONTAINER && this.#needTable(args, from, to)) {
        this.#becomeTable(db, view);
      }
    }
    for (; index < to; index += 2) {
      const start = args.start(index + 1);
      const end = args.end(index + 1);
      const fieldStart = args.start(index);
      const fieldEnd = args.end(index);
      if (this.#set(db, view, bytes, fieldStart, fieldEnd, bytes, start, end, expiryMs)) created++;
    }
    return created;
  }

  /**
   * Sets the field in argument `fieldIndex`, which is not there, of the hash under argument 1,
   * which `found` is or which is new. The keyspace's view is left at the hash.
   */
  add(
    db: Database,
    found: RecordView | undefined,
    args: Arguments,
    fieldIndex: number,
    value: Uint8Array,
    start: number,
    end: number,
  ): void {
    const view = found ?? this.#createEmpty(db, this.#keyspace.view, args, LISTPACK);
    const fieldStart = args.start(fieldIndex);
    const fieldEnd = args.end(fieldIndex);
    this.#next = 0;
    // alloc: `try` costs nothing while nothing is thrown
    try {
      this.#set(db, view, args.bytes, fieldStart, fieldEnd, value, start, end, NO_EXPIRY);
    } catch (error) {
      if (found === undefined) db.deleteView(view);
      throw error;
    }
  }

  /** Creates a hash without fields under argument 1. */
  #createEmpty(
    db: Database,
    view: RecordView,
    args: Arguments,
    encoding: typeof LISTPACK | typeof LISTPACK_EX,
  ): RecordView {
    const start = args.start(1);
    db.createValue(view, HASH, encoding, args.bytes, start, args.end(1), args.hash(1), EMPTY_BYTES);
    writeEmpty(view.bytes, view.valueStart);
    db.resized(HASH, -1, 0);
    return view;
  }

  /** Creates a hash with as many of the pairs as are taken at once; where the others begin. */
  #create(
    db: Database,
    view: RecordView,
    args: Arguments,
    from: number,
    to: number,
    expiryMs: number,
  ): number {
    const { bytes } = args;
    const keyStart = args.start(1);
    const keyEnd = args.end(1);
    const hash = args.hash(1);
    if (this.#needTable(args, from, to)) {
      const table = this.#tableOfPairs(args, from, to, expiryMs);
      db.createContainer(view, table, bytes, keyStart, keyEnd, hash);
      if (expiryMs >= 0) db.fieldExpiryChanged(view, Number.POSITIVE_INFINITY);
      return to;
    }
    if (expiryMs >= 0) {
      this.#createEmpty(db, view, args, LISTPACK_EX);
      return from;
    }
    this.#reserve(bytesFor(args, from, to));
    const scratch = this.#scratch;
    let at = HEADER_BYTES;
    let index = from;
    for (; index < to; index += 2) {
      // A field named twice is left to `#set`, and what follows with it.
      if (index > from && this.#holds(at, bytes, args.start(index), args.end(index))) break;
      at = writeEntry(scratch, at, bytes, args.start(index), args.end(index));
      at = writeEntry(scratch, at, bytes, args.start(index + 1), args.end(index + 1));
    }
    at = finish(scratch, 0, at, index - from);
    db.createValue(view, HASH, LISTPACK, bytes, keyStart, keyEnd, hash, at);
    copyBytes(view.bytes, view.valueStart, scratch, 0, at);
    db.resized(HASH, -1, (index - from) / 2);
    return index;
  }

  /** Whether the listpack in the scratch buffer, which ends at `at`, has a field. */
  #holds(at: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.#scratch[at] = TERMINATOR;
    this.#needle.set(bytes, start, end);
    return this.#needle.find(this.#scratch, HEADER_BYTES, 1) !== NO_ENTRY;
  }

  /** A table of the pairs in arguments [from, to). */
  #tableOfPairs(args: Arguments, from: number, to: number, expiryMs: number): MemberTable {
    const { bytes } = args;
    const table = new MemberTable(this.#keyspace.structures, HASH);
    // alloc: `try` costs nothing while nothing is thrown
    try {
      for (let index = from; index < to; index += 2) {
        const start = args.start(index + 1);
        const end = args.end(index + 1);
        setInTable(table, bytes, args.start(index), args.end(index), bytes, start, end, expiryMs);
      }
    } catch (error) {
      this.#keyspace.lazyFree.discard(table);
      throw error;
    }
    return table;
  }

  /** Makes a listpack able to hold times. The view is loaded again. */
  prepareExpiry(db: Database, view: RecordView): void {
    if (view.encoding !== LISTPACK) return;
    const pack = view.bytes;
    const length = view.valueLength;
    const fields = elementCount(pack, view.valueStart) / 2;
    this.#reserve(length + fields * NO_TIME_BYTES);
    const scratch = this.#scratch;
    let to = HEADER_BYTES;
    for (let at = firstEntry(view.valueStart); pack[at] !== TERMINATOR; ) {
      const next = nextEntry(pack, nextEntry(pack, at));
      copyBytes(scratch, to, pack, at, next);
      to = writeIntegerEntry(scratch, to + next - at, 0);
      at = next;
    }
    to = finish(scratch, 0, to, fields * 3);
    db.spliceValue(view, 0, length, to);
    copyBytes(view.bytes, view.valueStart, scratch, 0, to);
    db.setEncodingOf(view, LISTPACK_EX);
  }

  /**
   * Gives the field found another expiry, or none with NO_EXPIRY; `prepareExpiry` has been called
   * before it was found. The view is loaded again.
   */
  setExpiryOfFound(db: Database, view: RecordView, expiryMs: number): void {
    const earliest = earliestFieldExpiry(db, view);
    if (view.encoding === CONTAINER) {
      this.tableOf(db, view).setExpiry(this.#ref, this.#hash, expiryMs);
    } else {
      const pack = view.bytes;
      const at = view.valueStart + this.#at;
      const timeAt = nextEntry(pack, nextEntry(pack, at));
      const kept = timeAt - at;
      this.#reserve(kept + ENTRY_OVERHEAD_MAX);
      copyBytes(this.#scratch, 0, pack, at, timeAt);
      const size = writeIntegerEntry(this.#scratch, kept, storedTime(expiryMs));
      const removed = nextEntry(pack, timeAt) - at;
      placeTriple(db, view, this.#at, removed, this.#scratch, size, storedTime(expiryMs));
    }
    db.fieldExpiryChanged(view, earliest);
  }

  /** Puts a field with its value and time into a LISTPACK_EX, in place of the triple at `at`. */
  #setTriple(
    db: Database,
    view: RecordView,
    at: number,
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
    expiryMs: number,
  ): void {
    const earliest = earliestFieldExpiry(db, view);
    const time = storedTime(expiryMs);
    this.#reserve(fieldEnd - fieldStart + end - start + 3 * ENTRY_OVERHEAD_MAX);
    const scratch = this.#scratch;
    let size = writeEntry(scratch, 0, field, fieldStart, fieldEnd);
    size = writeEntry(scratch, size, value, start, end);
    size = writeIntegerEntry(scratch, size, time);
    let offset = 0;
    let removed = 0;
    if (at !== NO_ENTRY) {
      offset = at - view.valueStart;
      const pack = view.bytes;
      removed = nextEntry(pack, nextEntry(pack, nextEntry(pack, at))) - at;
    }
    placeTriple(db, view, offset, removed, scratch, size, time);
    db.fieldExpiryChanged(view, earliest);
  }

  /** Turns a hash in place into a table. The view is loaded again. */
  #becomeTable(db: Database, view: RecordView): void {
    const table = new MemberTable(this.#keyspace.structures, HASH);
    const isTimed = view.encoding === LISTPACK_EX;
    const pack = view.bytes;
    // alloc: once per table
    const field = new Entry();
    // alloc: once per table
    const value = new Entry();
    // alloc: `try` costs nothing while nothing is thrown
    try {
      for (let at = firstEntry(view.valueStart); pack[at] !== TERMINATOR; ) {
        at = value.load(pack, field.load(pack, at));
        const expiryMs = isTimed ? expiryAt(pack, at) : NO_EXPIRY;
        if (isTimed) at = nextEntry(pack, at);
        setInTable(
          table,
          field.bytes,
          field.start,
          field.end,
          value.bytes,
          value.start,
          value.end,
          expiryMs,
        );
      }
      const earliest = earliestFieldExpiry(db, view);
      db.attach(view, table);
      if (isTimed) db.fieldExpiryChanged(view, earliest);
    } catch (error) {
      this.#keyspace.lazyFree.discard(table);
      throw error;
    }
  }

  /** Makes room in the scratch buffer. */
  #reserve(count: number): void {
    const length = this.#scratch.length;
    if (count <= length && length <= SCRATCH_KEPT_MAX) return;
    // alloc: for values larger than any before, and back again
    this.#scratch = new Uint8Array(Math.max(count, SCRATCH_BYTES));
  }
}

/** Bytes that a listpack of the pairs in arguments [from, to) takes at most. */
function bytesFor(args: Arguments, from: number, to: number): number {
  let total = EMPTY_BYTES;
  for (let index = from; index < to; index++) total += args.length(index) + ENTRY_OVERHEAD_MAX;
  return total;
}

/** Sets a field of a table; `expiryMs` may be NO_EXPIRY or KEEP_EXPIRY. */
function setInTable(
  table: MemberTable,
  field: Uint8Array,
  fieldStart: number,
  fieldEnd: number,
  value: Uint8Array,
  start: number,
  end: number,
  expiryMs: number,
): void {
  const hash = table.hash(field, fieldStart, fieldEnd);
  const found = table.find(field, fieldStart, fieldEnd, hash);
  if (found === NULL_REF) {
    const time = expiryMs === KEEP_EXPIRY ? NO_EXPIRY : expiryMs;
    const ref = table.insert(field, fieldStart, fieldEnd, hash, end - start, time);
    const member = table.load(ref, hash);
    copyBytes(member.bytes, member.valueStart, value, start, end);
    return;
  }
  const ref = table.replaceValue(found, hash, end - start);
  const member = table.load(ref, hash);
  copyBytes(member.bytes, member.valueStart, value, start, end);
  if (expiryMs !== KEEP_EXPIRY && member.expiryMs !== expiryMs) {
    table.setExpiry(ref, hash, expiryMs);
  }
}
