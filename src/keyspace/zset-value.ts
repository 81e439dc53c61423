// hot path: no allocation per command
//
// A sorted set in either encoding, and what commands do with it:
//
//   listpack   member, score, member, score... in order, within the limits of the configuration
//              zset-max-listpack-entries and -value; integral scores are integer entries, others
//              their printed text
//   container  structures/sorted-set.ts
//
// A ZsetValue stands for the value of a key, which it changes through the database, or, with
// `begin`, for a container in the making that belongs to no key. It converts a listpack that
// outgrows its limits. It does not count elements for the database (`resized`) nor delete keys that
// became empty: handlers do, once per command.
//
// Two cursors: `find` leaves the member found, for `update`, `remove` and `rank`; `seek`, `next`
// and `previous` walk in order. Both are void after any change.

import { compareBytes } from "../base/ascii.ts";
import { assert } from "../base/assert.ts";
import { DOUBLE_BYTES_MAX, parseDouble, writeDouble } from "../base/double.ts";
import { NULL_REF } from "../memory/pool.ts";
import * as listpack from "../structures/listpack.ts";
import { CONTAINER, type RecordView } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

const NO_BYTES = new Uint8Array(0);
/** Redis never lets a listpack grow beyond this. */
const LISTPACK_BYTES_MAX = 1 << 30;

const needle = new listpack.Needle();
const entry = new listpack.Entry();
const scoreText = new Uint8Array(DOUBLE_BYTES_MAX);
/** Bytes of `scoreText` in use; 0 where the score is a safe integer. */
let scoreTextLength = 0;

/** A sorted set; see the head of this file. */
export class ZsetValue {
  #db: Database | null = null;
  #view: RecordView | null = null;
  /** The container; null for a listpack. */
  set: SortedSet | null = null;

  // Where `find` or a walk stands: a member's record, or the offset of its entry in the listpack.
  #ref = NULL_REF;
  /** The hash of the member that `find` looked for, in a container. */
  #hash = 0;
  #at = 0;
  #walker = new listpack.Entry();

  /** The score that `find` or a walk found. */
  score = 0;
  /** The member that a walk stands on. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;

  /** Makes it stand for the sorted set in a view, which must stay loaded. Returns this. */
  open(db: Database, view: RecordView): ZsetValue {
    this.#db = db;
    this.#view = view;
    this.set = view.encoding === CONTAINER ? (db.containerOf(view) as SortedSet) : null;
    return this;
  }

  /** Makes it stand for a container that belongs to no key. Returns this. */
  begin(set: SortedSet): ZsetValue {
    this.#db = null;
    this.#view = null;
    this.set = set;
    return this;
  }

  /** Number of members. */
  get size(): number {
    if (this.set !== null) return this.set.size;
    return listpack.elementCount(this.#pack, this.#packStart) >>> 1;
  }

  get #pack(): Uint8Array {
    return this.#view!.bytes;
  }

  get #packStart(): number {
    return this.#view!.valueStart;
  }

  // ---- One member ----------------------------------------------------------------------------

  /** Looks for a member; its score is then in `score`. */
  find(bytes: Uint8Array, start: number, end: number): boolean {
    const { set } = this;
    if (set !== null) {
      this.#hash = set.members.hash(bytes, start, end);
      this.#ref = set.members.find(bytes, start, end, this.#hash);
      if (this.#ref === NULL_REF) return false;
      this.score = set.scoreOf(this.#ref);
      return true;
    }
    const pack = this.#pack;
    needle.set(bytes, start, end);
    const at = needle.find(pack, listpack.firstEntry(this.#packStart), 1);
    if (at === listpack.NO_ENTRY) return false;
    this.#at = at - this.#packStart;
    this.score = scoreAt(pack, listpack.nextEntry(pack, at));
    return true;
  }

  /** The rank of the member that `find` found, from the lowest score. */
  rank(): number {
    if (this.set !== null) return this.set.rankOf(this.#ref);
    const pack = this.#pack;
    const at = this.#packStart + this.#at;
    let rank = 0;
    for (let k = listpack.firstEntry(this.#packStart); k < at; rank++) {
      k = listpack.skipEntries(pack, k, 2);
    }
    return rank;
  }

  /** Adds the member that `find` did not find. Throws PoolExhausted with nothing changed. */
  insert(keyspace: Keyspace, bytes: Uint8Array, start: number, end: number, score: number): void {
    if (this.set === null) {
      if (this.#fitsListpack(keyspace, this.size + 1, end - start)) {
        return this.#insertEntry(bytes, start, end, score);
      }
      this.convert(keyspace);
      this.#hash = this.set!.members.hash(bytes, start, end);
    }
    this.set!.addHashed(bytes, start, end, this.#hash, score);
  }

  /** Changes the score of the member that `find` found. Throws PoolExhausted, nothing changed. */
  update(bytes: Uint8Array, start: number, end: number, score: number): void {
    if (this.set !== null) return this.set.setScore(this.#ref, score);
    if (this.#rewriteScore(score)) return;
    this.#removeEntries(this.#at, 1);
    this.#insertEntry(bytes, start, end, score);
  }

  /** Removes the member that `find` found. */
  remove(): void {
    if (this.set !== null) this.set.remove(this.#ref);
    else this.#removeEntries(this.#at, 1);
  }

  // ---- Ranges --------------------------------------------------------------------------------

  /** How many members have a score below this one, or with `orEqual` up to it. */
  countBelow(score: number, orEqual: boolean): number {
    if (this.set !== null) {
      if (score === Number.POSITIVE_INFINITY && orEqual) return this.set.size;
      return this.set.tree.countBelow(score, orEqual);
    }
    const pack = this.#pack;
    let rank = 0;
    let at = listpack.firstEntry(this.#packStart);
    while (pack[at] !== listpack.TERMINATOR) {
      const scoreEntry = listpack.nextEntry(pack, at);
      const other = scoreAt(pack, scoreEntry);
      if (other > score || (!orEqual && other === score)) break;
      at = listpack.nextEntry(pack, scoreEntry);
      rank++;
    }
    return rank;
  }

  /**
   * How many members are below this one, or with `orEqual` up to it, at the front of the set: all
   * there are where all scores are equal.
   */
  countLexBelow(bytes: Uint8Array, start: number, end: number, orEqual: boolean): number {
    if (this.set !== null) return this.set.tree.countLexBelow(bytes, start, end, orEqual);
    const pack = this.#pack;
    const limit = orEqual ? 1 : 0;
    let rank = 0;
    let at = listpack.firstEntry(this.#packStart);
    while (pack[at] !== listpack.TERMINATOR) {
      const next = entry.load(pack, at);
      if (compareBytes(entry.bytes, entry.start, entry.end, bytes, start, end) >= limit) break;
      at = listpack.nextEntry(pack, next);
      rank++;
    }
    return rank;
  }

  /** Removes `count` members from a rank on. */
  removeRange(rank: number, count: number): void {
    if (this.set !== null) return this.set.removeRange(rank, count);
    const pack = this.#pack;
    const start = this.#packStart;
    this.#removeEntries(
      listpack.skipEntries(pack, listpack.firstEntry(start), rank * 2) - start,
      count,
    );
  }

  /** Removes the first or last member, which a walk may just have stood on. */
  removeEnd(last: boolean): void {
    if (this.set !== null) this.set.removeEnd(last);
    else this.removeRange(last ? this.size - 1 : 0, 1);
  }

  // ---- Walking -------------------------------------------------------------------------------

  /** Puts the walk on the member of a rank, 0 <= rank < size. */
  seek(rank: number): void {
    if (this.set !== null) {
      this.set.tree.walkFrom(rank);
      this.#loadRecord();
      return;
    }
    this.#loadEntry(listpack.entryAt(this.#pack, this.#packStart, rank * 2));
  }

  /**
   * Brings up to `count` records that a walk will meet next into the cache, all at once: one by
   * one, the walk would wait for each.
   */
  loadAhead(count: number, backward: boolean): void {
    if (this.set !== null) this.set.loadAhead(count, backward);
  }

  /** As `seek`, to the first or last member, which is going to be popped. */
  seekEnd(last: boolean): void {
    if (this.set === null) return this.seek(last ? this.size - 1 : 0);
    const { set } = this;
    set.tree.seekRank(last ? set.size - 1 : 0);
    set.loadForPops(last);
    this.#loadRecord();
  }

  /** Goes on to the next member; false at the end. */
  next(): boolean {
    if (this.set !== null) {
      if (!this.set.tree.next()) return false;
      this.#loadRecord();
      return true;
    }
    const pack = this.#pack;
    const at = listpack.skipEntries(pack, this.#packStart + this.#at, 2);
    if (pack[at] === listpack.TERMINATOR) return false;
    this.#loadEntry(at);
    return true;
  }

  /** Goes back to the member before; false at the front. */
  previous(): boolean {
    if (this.set !== null) {
      if (!this.set.tree.previous()) return false;
      this.#loadRecord();
      return true;
    }
    const pack = this.#pack;
    const start = this.#packStart;
    const score = listpack.previousEntry(pack, start, start + this.#at);
    if (score === listpack.NO_ENTRY) return false;
    this.#loadEntry(listpack.previousEntry(pack, start, score));
    return true;
  }

  /** As `seek`, but until `present` is called only the score is known. */
  seekScore(rank: number): void {
    if (this.set !== null) {
      this.set.tree.seekRank(rank);
      this.score = this.set.tree.score;
      return;
    }
    this.#loadScore(listpack.entryAt(this.#pack, this.#packStart, rank * 2));
  }

  /** As `next`, but until `present` is called only the score is known. */
  nextScore(): boolean {
    if (this.set !== null) {
      const { tree } = this.set;
      if (!tree.next()) return false;
      this.score = tree.score;
      return true;
    }
    const pack = this.#pack;
    const at = listpack.skipEntries(pack, this.#packStart + this.#at, 2);
    if (pack[at] === listpack.TERMINATOR) return false;
    this.#loadScore(at);
    return true;
  }

  /** Presents the member that a walk over scores stands on. */
  present(): void {
    if (this.set !== null) this.#loadRecord();
    else this.#loadEntry(this.#packStart + this.#at);
  }

  #loadScore(at: number): void {
    this.#at = at - this.#packStart;
    this.score = scoreAt(this.#pack, listpack.nextEntry(this.#pack, at));
  }

  #loadRecord(): void {
    this.#showRecord(this.set!.tree.ref);
  }

  #loadEntry(at: number): void {
    const pack = this.#pack;
    const walker = this.#walker;
    const next = walker.load(pack, at);
    this.#at = at - this.#packStart;
    this.score = scoreAt(pack, next);
    this.bytes = walker.bytes;
    this.start = walker.start;
    this.end = walker.end;
  }

  /** Visits members from a cursor on, as SCAN does; a listpack's all at once. Returns the next. */
  scan(cursor: number, limit: number, visit: (value: ZsetValue) => void): number {
    const { set } = this;
    if (set === null) {
      this.seek(0);
      do visit(this);
      while (this.next());
      return 0;
    }
    // alloc: one closure per call of ZSCAN
    return set.members.scan(cursor, limit, (ref) => {
      this.#showRecord(ref);
      visit(this);
    });
  }

  /** Visits `count` different members of a container, in no particular order. */
  drawDistinct(count: number, visit: () => void): void {
    // alloc: one closure per call of ZRANDMEMBER
    this.set!.members.randomDistinct(count, (ref) => {
      this.#showRecord(ref);
      visit();
    });
  }

  #showRecord(ref: number): void {
    const view = this.set!.members.load(ref);
    this.score = view.expiryMs;
    this.bytes = view.bytes;
    this.start = view.keyStart;
    this.end = view.keyEnd;
  }

  // ---- Listpack ------------------------------------------------------------------------------

  #fitsListpack(keyspace: Keyspace, size: number, memberLength: number): boolean {
    const { limits } = keyspace;
    return (
      size <= limits.zsetMaxListpackEntries &&
      memberLength <= limits.zsetMaxListpackValue &&
      this.#view!.valueLength + memberLength < LISTPACK_BYTES_MAX
    );
  }

  /** Inserts a pair at its place. */
  #insertEntry(bytes: Uint8Array, start: number, end: number, score: number): void {
    const db = this.#db!;
    const view = this.#view!;
    const offset = this.#placeOf(bytes, start, end, score);
    const added = listpack.encodedSize(bytes, start, end) + scoreSize(score);
    db.spliceValue(view, offset, 0, added);
    const pack = view.bytes;
    const at = view.valueStart + offset;
    writeScore(pack, listpack.writeEntry(pack, at, bytes, start, end), score);
    listpack.adjustHeader(pack, view.valueStart, added, 2);
  }

  /** The offset where a pair belongs. */
  #placeOf(bytes: Uint8Array, start: number, end: number, score: number): number {
    const pack = this.#pack;
    const packStart = this.#packStart;
    let at = listpack.firstEntry(packStart);
    while (pack[at] !== listpack.TERMINATOR) {
      const scoreEntry = listpack.nextEntry(pack, at);
      const other = scoreAt(pack, scoreEntry);
      if (other > score) break;
      if (other === score) {
        entry.load(pack, at);
        if (compareBytes(entry.bytes, entry.start, entry.end, bytes, start, end) > 0) break;
      }
      at = listpack.nextEntry(pack, scoreEntry);
    }
    return at - packStart;
  }

  /** Gives the pair at `#at` another score, if that neither moves it nor changes its size. */
  #rewriteScore(score: number): boolean {
    const pack = this.#pack;
    const packStart = this.#packStart;
    const at = packStart + this.#at;
    const scoreEntry = listpack.nextEntry(pack, at);
    const next = listpack.nextEntry(pack, scoreEntry);
    if (next - scoreEntry !== scoreSize(score)) return false;
    const previous = listpack.previousEntry(pack, packStart, at);
    if (previous !== listpack.NO_ENTRY && scoreAt(pack, previous) >= score) return false;
    if (pack[next] !== listpack.TERMINATOR) {
      if (scoreAt(pack, listpack.nextEntry(pack, next)) <= score) return false;
    }
    writeScore(pack, scoreEntry, score);
    return true;
  }

  /** Cuts out `count` pairs from an offset on. */
  #removeEntries(offset: number, count: number): void {
    const view = this.#view!;
    const at = view.valueStart + offset;
    const end = listpack.skipEntries(view.bytes, at, count * 2);
    this.#db!.spliceValue(view, offset, end - at, 0);
    listpack.adjustHeader(view.bytes, view.valueStart, at - end, -2 * count);
  }

  /** The length of a container's members as a listpack; 0 where they do not fit the limits. */
  listpackLength(keyspace: Keyspace): number {
    const { limits } = keyspace;
    if (this.size > limits.zsetMaxListpackEntries) return 0;
    let length = listpack.EMPTY_BYTES;
    this.seek(0);
    do {
      if (this.end - this.start > limits.zsetMaxListpackValue) return 0;
      length += listpack.encodedSize(this.bytes, this.start, this.end) + scoreSize(this.score);
      if (length >= LISTPACK_BYTES_MAX) return 0;
    } while (this.next());
    return length;
  }

  /** Writes a container's members as a listpack, `listpackLength` bytes. */
  writeListpack(target: Uint8Array, start: number): void {
    let at = listpack.firstEntry(start);
    this.seek(0);
    do {
      at = listpack.writeEntry(target, at, this.bytes, this.start, this.end);
      scoreSize(this.score);
      at = writeScore(target, at, this.score);
    } while (this.next());
    listpack.finish(target, start, at, this.size * 2);
  }

  /** Makes a container of the listpack. All or nothing. Cold. */
  convert(keyspace: Keyspace): void {
    const db = this.#db!;
    const view = this.#view!;
    const set = new SortedSet(keyspace.structures);
    try {
      if (this.size > 0) {
        this.seek(0);
        do set.append(this.bytes, this.start, this.end, this.score);
        while (this.next());
      }
      db.attach(view, set);
    } catch (error) {
      while (!set.release(Number.MAX_SAFE_INTEGER));
      throw error;
    }
    this.set = set;
  }
}

/** The score in an entry. */
function scoreAt(pack: Uint8Array, at: number): number {
  // Loading it would write the integer's text, too.
  if (listpack.isIntegerEntry(pack, at)) return listpack.decodeInteger(pack, at);
  entry.load(pack, at);
  const score = parseDouble(entry.bytes, entry.start, entry.end);
  assert(!Number.isNaN(score), "a score is a number");
  return score;
}

/** Bytes of the entry of a score; leaves its text for `writeScore`. */
function scoreSize(score: number): number {
  // Minus zero counts as a safe integer, and loses its sign, as in Redis.
  if (Number.isSafeInteger(score)) {
    scoreTextLength = 0;
    return listpack.encodedIntegerSize(score);
  }
  scoreTextLength = writeDouble(scoreText, 0, score);
  return listpack.encodedSize(scoreText, 0, scoreTextLength);
}

/** Writes the entry of the score that `scoreSize` measured last. Returns the offset behind it. */
function writeScore(pack: Uint8Array, at: number, score: number): number {
  if (scoreTextLength === 0) return listpack.writeIntegerEntry(pack, at, score);
  return listpack.writeEntry(pack, at, scoreText, 0, scoreTextLength);
}
