// hot path: no allocation per command
//
// A set in one of its three encodings, and what commands do with it:
//
//   intset     integers only, at most set-max-intset-entries of them
//   listpack   at most set-max-listpack-entries members of at most set-max-listpack-value bytes
//   table      anything, structures/member-table.ts
//
// Adding converts in this direction only, by Redis's rules, whose results OBJECT ENCODING shows. A
// SetValue stands either for the value of a key, which it changes through the database, or for a
// value in the making that has no key yet, in a buffer of its own. It does not count elements for
// the database (`resized`) nor delete keys that became empty: handlers do, once per command.

import { copyBytes, moveBytes } from "../base/ascii.ts";
import { INT64_TEXT_MAX, Int64 } from "../base/int64.ts";
import { type Random, randomBelow } from "../base/random.ts";
import { NULL_REF } from "../memory/pool.ts";
import * as intset from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
import { MemberTable } from "../structures/member-table.ts";
import {
  CONTAINER,
  INTSET,
  LISTPACK,
  NO_EXPIRY,
  type RecordView,
  SET,
} from "../structures/record.ts";
import type { SetMember } from "../structures/set-member.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

/** Redis never lets a listpack or an intset grow beyond these. */
const LISTPACK_BYTES_MAX = 1 << 30;
const INTSET_ENTRIES_MAX = 1 << 30;
/** What a buffer shrinks back to after an exceptionally large value. */
const KEPT_BYTES = 1 << 16;

const NO_BYTES = new Uint8Array(0);
const element = new Int64();
const digits = new Uint8Array(INT64_TEXT_MAX);
const entry = new listpack.Entry();

/** A set; see the head of this file. */
export class SetValue {
  /** LISTPACK, INTSET or CONTAINER. */
  encoding = LISTPACK;
  /** Where a listpack or intset lies. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  /** The table of one that is a container. */
  table: MemberTable | null = null;

  /** The key's database and record; null for a value in the making. */
  #db: Database | null = null;
  #view: RecordView | null = null;
  /** About how many members a value in the making is to have. */
  #expected = 0;
  /** The buffer of a value in the making, and the bytes of it that are in use. */
  #buffer: Uint8Array = NO_BYTES;
  #length = 0;

  /** Makes it stand for the set in a view, which must stay loaded. Returns this. */
  open(db: Database, view: RecordView): SetValue {
    this.#db = db;
    this.#view = view;
    this.#reload();
    return this;
  }

  /** Makes it a new empty value that belongs to no key, for about `expected` members. */
  begin(keyspace: Keyspace, encoding: number, expected = 0): SetValue {
    this.#db = null;
    this.#view = null;
    this.encoding = encoding;
    this.table = null;
    this.start = 0;
    this.#expected = expected;
    if (this.#buffer.length < KEPT_BYTES) this.#buffer = new Uint8Array(KEPT_BYTES);
    this.bytes = this.#buffer;
    if (encoding === CONTAINER) {
      this.table = new MemberTable(keyspace.structures, SET, expected);
    } else if (encoding === INTSET) {
      intset.writeIntsetHeader(this.bytes, 0, 2, 0);
      this.#length = intset.INTSET_HEADER_BYTES;
    } else {
      listpack.writeEmpty(this.bytes, 0);
      this.#length = listpack.EMPTY_BYTES;
    }
    return this;
  }

  /** Lets go of everything; a table in the making is given back. */
  close(keyspace: Keyspace): void {
    if (this.#db === null && this.table !== null) keyspace.lazyFree.discard(this.table);
    this.#db = null;
    this.#view = null;
    this.table = null;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = NO_BYTES;
    this.bytes = NO_BYTES;
  }

  /** Number of members. */
  get size(): number {
    if (this.encoding === CONTAINER) return this.table!.size;
    if (this.encoding === INTSET) return intset.lengthAt(this.bytes, this.start);
    return listpack.elementCount(this.bytes, this.start);
  }

  /** The bytes of a listpack or intset in the making, from `bytes[0]` on. */
  get byteLength(): number {
    return this.#length;
  }

  /** Hands over the table of a value in the making. */
  takeTable(): MemberTable {
    const table = this.table!;
    this.table = null;
    return table;
  }

  contains(member: SetMember): boolean {
    if (this.encoding === CONTAINER) return this.#findIn(this.table!, member) !== NULL_REF;
    if (this.encoding === INTSET) {
      return member.isInteger && intset.containsValue(this.bytes, this.start, member.value);
    }
    return this.#findEntry(member) !== listpack.NO_ENTRY;
  }

  /** Adds a member; false where it is there already. Throws PoolExhausted, with none added. */
  add(keyspace: Keyspace, member: SetMember): boolean {
    if (this.encoding === CONTAINER) return this.#addToTable(this.table!, member);
    if (this.encoding === INTSET) return this.#addToIntset(keyspace, member);
    return this.#addToListpack(keyspace, member);
  }

  /** As `add`, of a member that is known not to be there. */
  addNew(keyspace: Keyspace, member: SetMember): void {
    if (this.encoding === CONTAINER) this.#insert(this.table!, member);
    else if (this.encoding === INTSET) this.#addToIntset(keyspace, member);
    else this.#appendOrConvert(keyspace, member);
  }

  /** Removes a member; false where it is not there. */
  remove(member: SetMember): boolean {
    if (this.encoding === CONTAINER) {
      const table = this.table!;
      const ref = this.#findIn(table, member);
      if (ref === NULL_REF) return false;
      table.remove(ref, member.hash(table));
      return true;
    }
    if (this.encoding === INTSET) {
      if (!member.isInteger) return false;
      member.at = intset.search(this.bytes, this.start, member.value);
      if (member.at < 0) return false;
    } else {
      member.at = this.#findEntry(member);
      if (member.at === listpack.NO_ENTRY) return false;
    }
    this.removeDrawn(member);
    return true;
  }

  /** Points `member` at a random member, each equally likely. The set must not be empty. */
  draw(random: Random, member: SetMember): void {
    if (this.encoding === CONTAINER) {
      const table = this.table!;
      const ref = table.random();
      member.setRecord(table, ref, table.randomHash);
      return;
    }
    const index = randomBelow(random, this.size);
    if (this.encoding === INTSET) {
      intset.loadElement(this.bytes, this.start, index, member.value);
      member.setInteger();
      member.at = index;
    } else {
      member.at = listpack.entryAt(this.bytes, this.start, index);
      entry.load(this.bytes, member.at);
      if (entry.isInteger && entry.isSafe) {
        member.value.setNumber(entry.value);
        member.setInteger();
      } else {
        member.setText(entry.bytes, entry.start, entry.end);
      }
    }
  }

  /** Removes the member that `draw` has found, while nothing has changed since. */
  removeDrawn(member: SetMember): void {
    if (this.encoding === CONTAINER) {
      const table = this.table!;
      table.remove(member.ref, member.hash(table));
      return;
    }
    if (this.encoding === INTSET) {
      const width = intset.widthAt(this.bytes, this.start);
      const length = intset.lengthAt(this.bytes, this.start);
      this.#splice(intset.elementOffset(width, member.at), width, 0);
      intset.setLength(this.bytes, this.start, length - 1);
      return;
    }
    const removed = listpack.nextEntry(this.bytes, member.at) - member.at;
    this.#splice(member.at - this.start, removed, 0);
    listpack.adjustHeader(this.bytes, this.start, -removed, -1);
  }

  /** Keeps the first `bytesKept` bytes of an intset or listpack, which are `count` members. */
  truncate(bytesKept: number, count: number): void {
    const total =
      this.encoding === INTSET
        ? intset.intsetBytes(intset.widthAt(this.bytes, this.start), this.size)
        : listpack.totalBytes(this.bytes, this.start);
    if (this.encoding === INTSET) {
      this.#splice(bytesKept, total - bytesKept, 0);
      intset.setLength(this.bytes, this.start, count);
    } else {
      this.#splice(bytesKept, total - 1 - bytesKept, 0);
      listpack.finish(this.bytes, this.start, this.start + bytesKept, count);
    }
  }

  /**
   * What Redis does before it adds `count` members to a set that is there: a compact one that could
   * outgrow its limit becomes a table at once, even if it then would not.
   */
  expect(keyspace: Keyspace, count: number): void {
    const { limits } = keyspace;
    if (this.encoding === CONTAINER) return;
    const most =
      this.encoding === INTSET ? limits.setMaxIntsetEntries : limits.setMaxListpackEntries;
    if (count > most) this.#becomeTable(keyspace, count);
  }

  #reload(): void {
    const view = this.#view!;
    this.encoding = view.encoding;
    this.bytes = view.bytes;
    this.start = view.valueStart;
    this.table = view.encoding === CONTAINER ? (this.#db!.containerOf(view) as MemberTable) : null;
  }

  #findIn(table: MemberTable, member: SetMember): number {
    const hash = member.hash(table);
    if (member.ref !== NULL_REF) return table.findSame(member.ref, hash);
    return table.find(member.bytes, member.start, member.end, hash);
  }

  #findEntry(member: SetMember): number {
    return member.needle().find(this.bytes, listpack.firstEntry(this.start), 0);
  }

  #addToTable(table: MemberTable, member: SetMember): boolean {
    if (this.#findIn(table, member) !== NULL_REF) return false;
    this.#insert(table, member);
    return true;
  }

  #insert(table: MemberTable, member: SetMember): void {
    member.text();
    const { bytes, start, end } = member;
    table.insert(bytes, start, end, member.hash(table), 0, NO_EXPIRY);
  }

  #addToIntset(keyspace: Keyspace, member: SetMember): boolean {
    const { limits } = keyspace;
    const length = intset.lengthAt(this.bytes, this.start);
    if (member.isInteger) {
      const index = intset.search(this.bytes, this.start, member.value);
      if (index >= 0) return false;
      if (length + 1 > Math.min(limits.setMaxIntsetEntries, INTSET_ENTRIES_MAX)) {
        this.#becomeTable(keyspace);
        return this.#addToTable(this.table!, member);
      }
      this.#insertInteger(~index, member.value);
      return true;
    }
    const bytesMax = limits.setMaxListpackValue;
    const fits =
      length < limits.setMaxListpackEntries &&
      member.text() <= bytesMax &&
      (length === 0 ||
        (this.#textLength(0) <= bytesMax && this.#textLength(length - 1) <= bytesMax));
    if (fits && length * listpack.INTEGER_ENTRY_MAX + member.text() <= LISTPACK_BYTES_MAX) {
      this.#becomeListpack(keyspace, length);
      this.#append(member);
      return true;
    }
    this.#becomeTable(keyspace);
    return this.#addToTable(this.table!, member);
  }

  #addToListpack(keyspace: Keyspace, member: SetMember): boolean {
    if (this.#findEntry(member) !== listpack.NO_ENTRY) return false;
    this.#appendOrConvert(keyspace, member);
    return true;
  }

  /** Adds a member that is not there to a listpack, or to the table made of it. */
  #appendOrConvert(keyspace: Keyspace, member: SetMember): void {
    const { limits } = keyspace;
    const length = member.text();
    if (
      listpack.elementCount(this.bytes, this.start) < limits.setMaxListpackEntries &&
      length <= limits.setMaxListpackValue &&
      listpack.totalBytes(this.bytes, this.start) + length <= LISTPACK_BYTES_MAX
    ) {
      this.#append(member);
      return;
    }
    this.#becomeTable(keyspace);
    this.#insert(this.table!, member);
  }

  /** Adds a member that is not there at the end of a listpack. */
  #append(member: SetMember): void {
    member.text();
    const { bytes, start, end } = member;
    const added = listpack.encodedSize(bytes, start, end);
    const offset = listpack.endOf(this.bytes, this.start) - this.start;
    this.#splice(offset, 0, added);
    listpack.writeEntry(this.bytes, this.start + offset, bytes, start, end);
    listpack.adjustHeader(this.bytes, this.start, added, 1);
  }

  #insertInteger(index: number, value: Int64): void {
    const length = intset.lengthAt(this.bytes, this.start);
    const present = intset.widthAt(this.bytes, this.start);
    const width = intset.widthOf(value);
    let at = index;
    if (width <= present) {
      this.#splice(intset.elementOffset(present, index), 0, present);
    } else {
      const before = intset.intsetBytes(present, length);
      this.#splice(before, 0, intset.intsetBytes(width, length + 1) - before);
      intset.widen(this.bytes, this.start, width);
      // Wider than all others, it is less than they or greater.
      at = value.high < 0 ? 0 : length;
      const from = this.start + intset.elementOffset(width, at);
      const to = this.start + intset.elementOffset(width, length);
      moveBytes(this.bytes, from + width, from, to);
    }
    intset.setLength(this.bytes, this.start, length + 1);
    intset.writeElement(this.bytes, this.start, at, value);
  }

  /** Bytes of an element's text. */
  #textLength(index: number): number {
    intset.loadElement(this.bytes, this.start, index, element);
    return element.textLength;
  }

  /** Rewrites an intset of `length` elements as a listpack. */
  #becomeListpack(keyspace: Keyspace, length: number): void {
    const total = intset.intsetBytes(intset.widthAt(this.bytes, this.start), length);
    // alloc: once in the life of a set
    const packed = new Uint8Array(listpack.EMPTY_BYTES + length * listpack.INTEGER_ENTRY_MAX);
    let at = listpack.firstEntry(0);
    for (let index = 0; index < length; index++) {
      intset.loadElement(this.bytes, this.start, index, element);
      at = listpack.writeEntry(packed, at, digits, 0, element.writeText(digits, 0));
    }
    const end = listpack.finish(packed, 0, at, length);
    if (this.#db === null) {
      this.begin(keyspace, LISTPACK, this.#expected);
      this.#splice(0, this.#length, end);
    } else {
      this.#splice(0, total, end);
      this.#db.setEncodingOf(this.#view!, LISTPACK);
      this.encoding = LISTPACK;
    }
    copyBytes(this.bytes, this.start, packed, 0, end);
  }

  /** Puts all members into a table, which becomes the value. */
  #becomeTable(keyspace: Keyspace, more = 1): void {
    // alloc: once in the life of a set
    const expected = this.#db === null ? this.#expected : this.size + more;
    const table = new MemberTable(keyspace.structures, SET, expected);
    try {
      if (this.encoding === INTSET) this.#copyIntset(table);
      else this.#copyListpack(table);
      if (this.#db !== null) this.#db.attach(this.#view!, table);
    } catch (error) {
      keyspace.lazyFree.discard(table);
      throw error;
    }
    this.encoding = CONTAINER;
    this.bytes = NO_BYTES;
    this.table = table;
  }

  #copyIntset(table: MemberTable): void {
    const length = intset.lengthAt(this.bytes, this.start);
    for (let index = 0; index < length; index++) {
      intset.loadElement(this.bytes, this.start, index, element);
      const end = element.writeText(digits, 0);
      table.insert(digits, 0, end, table.hash(digits, 0, end), 0, NO_EXPIRY);
    }
  }

  #copyListpack(table: MemberTable): void {
    let at = listpack.firstEntry(this.start);
    while (this.bytes[at] !== listpack.TERMINATOR) {
      at = entry.load(this.bytes, at);
      const { bytes, start, end } = entry;
      table.insert(bytes, start, end, table.hash(bytes, start, end), 0, NO_EXPIRY);
    }
  }

  /** Replaces bytes of a listpack or intset by a gap. `bytes` and `start` may be others then. */
  #splice(offset: number, removed: number, added: number): void {
    if (this.#db !== null) {
      const view = this.#view!;
      this.#db.spliceValue(view, offset, removed, added);
      this.bytes = view.bytes;
      this.start = view.valueStart;
      return;
    }
    const length = this.#length + added - removed;
    if (length > this.#buffer.length) {
      // alloc: doubling
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.bytes = larger;
    }
    moveBytes(this.#buffer, offset + added, offset + removed, this.#length);
    this.#length = length;
  }
}
