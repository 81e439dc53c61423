// hot path: no allocation per command
//
// What large sets, hashes and the member side of large sorted sets are made of: a cell table over
// records (record.ts), one block per member.
//
//   record   header | optional double | member | value
//            double: when a hash's field expires, or a sorted set member's score
//            value:  a hash field's value; none in sets and sorted sets
//
// Members are hashed by the keyspace's hasher, the same for all collections; cells keep the hashes.
// So a (ref, hash) pair of one table is looked up in another without hashing again, and all tables
// are ordered alike: by hash, from 0 to 2^32 - 1.
//
// Invariants: each record stands in exactly one cell, under its member's hash; no two records have
// the same member. In a hash's table, records with a double are counted as volatile, and each
// segment knows a lower bound of their times; `earliestExpiryMs` is one of all of them.
//
// A ref is valid until its record is removed, replaced by a larger one or relocated.

import { copyBytes } from "../base/ascii.ts";
import { assert } from "../base/assert.ts";
import { randomBelow } from "../base/random.ts";
import { CellTable, NO_CELL } from "../memory/cell-table.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, Pool } from "../memory/pool.ts";
import type { Container, StructureContext } from "./container.ts";
import {
  expiryOf,
  HASH,
  hasKey,
  hasSameKey,
  isMarked,
  isVolatile,
  keepsForm,
  mark,
  NO_EXPIRY,
  overwriteExpiry,
  RecordView,
  recordSize,
  setValueLength,
  unmark,
  writeHeader,
} from "./record.ts";

/** Called with a member's ref and its hash, a uint32 or int32. Must not change the table. */
export type VisitMember = (ref: number, hash: number) => void;

/** Sees members before they change; set while a snapshot takes the collection in slices. */
export interface MemberGate {
  /** The member is about to be changed or removed. */
  beforeChange(ref: number, hash: number): void;
  /** The member is new. */
  afterInsert(ref: number, hash: number): void;
}

/** No limit on the members of one step; a step ends with its segment all the same. */
const WHOLE_SEGMENT = 1 << 30;
/** Distinct members are drawn one by one while they are at most this share of all. */
const DRAWN_SHARE = 1 / 4;
/** What the object, its table and their arrays take of the JavaScript heap, about. */
const OBJECT_BYTES = 512;

/** A table of members; see the head of this file. */
export class MemberTable implements Container {
  /** SET, ZSET or HASH. */
  readonly type: number;
  readonly #context: StructureContext;
  readonly pool: Pool;
  readonly #cells: CellTable;
  /** Where members are, as `load` fills it. */
  readonly view: RecordView;

  gate: MemberGate | null = null;

  /** No field expires before this time. Infinity where none expires. */
  earliestExpiryMs = Number.POSITIVE_INFINITY;
  /** Where `release` goes on. */
  #releasePosition = 0;

  /** The cell that the last `find` left, the ref in it, and when that was. */
  #cell = NO_CELL;
  #cellRef = NULL_REF;
  #cellVersion = -1;

  /** An empty table, ready for about `expected` members as far as that needs little memory. */
  constructor(
    context: StructureContext,
    type: number,
    expected = 0,
    cells = new CellTable(context.pool, expected),
  ) {
    this.type = type;
    this.#context = context;
    this.pool = context.pool;
    this.view = new RecordView(context.pool);
    this.#cells = cells;
    if (type === HASH) cells.isVolatile = (ref) => isVolatile(context.pool, ref);
  }

  /** Number of members. */
  get size(): number {
    return this.#cells.count;
  }

  /** Number of fields that expire. */
  get volatileCount(): number {
    return this.#cells.volatileCount;
  }

  /** The hash of a member. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.#context.hasher.hash(bytes, start, end);
  }

  /** The ref of a member, or NULL_REF. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const cells = this.#cells;
    const length = end - start;
    this.#cellRef = NULL_REF;
    for (let cell = cells.seek(hash); cell !== NO_CELL; cell = cells.next(cell)) {
      const ref = cells.refAt(cell);
      if (!hasKey(this.pool, ref, bytes, start, length)) continue;
      this.#cell = cell;
      this.#cellRef = ref;
      this.#cellVersion = cells.version;
      return ref;
    }
    return NULL_REF;
  }

  /** Itself, for the batch prefetch. */
  get members(): MemberTable {
    return this;
  }

  /** The ref of the first member with a hash, or NULL_REF. */
  peek(hash: number): number {
    return this.#cells.peek(hash);
  }

  /** Loads a member's home cell and its segment's head, for what will be done with it later. */
  touch(hash: number): number {
    return this.#cells.touch(hash) ^ this.#cells.touchSegment(hash);
  }

  /** The hash of a member in the table, at which `view` points then. */
  hashOf(ref: number): number {
    const { keyStart, keyEnd } = this.load(ref);
    const view = this.pool.views[ref >>> CHUNK_SHIFT];
    return this.#context.hasher.hashIn(view, keyStart, keyEnd);
  }

  /** Points `view` at a member: its bytes are the key. Returns the view. */
  load(ref: number, hash = 0): RecordView {
    this.view.load(ref, hash);
    return this.view;
  }

  /**
   * Adds a member that is not there, with `valueLength` unspecified bytes of value, which the
   * caller writes at `view.valueStart` after `load`, and a time of expiry or NO_EXPIRY. Returns its
   * ref. Throws PoolExhausted, with nothing changed.
   */
  insert(
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number,
    valueLength: number,
    expiryMs: number,
  ): number {
    const { pool } = this;
    const hasExpiry = expiryMs !== NO_EXPIRY;
    const ref = pool.allocate(recordSize(end - start, valueLength, hasExpiry));
    writeHeader(pool, ref, this.type, 0, 0, bytes, start, end, valueLength, expiryMs);
    this.#place(hash, ref);
    if (hasExpiry) {
      this.#cells.addVolatile(1);
      this.#noteExpiry(expiryMs);
    }
    return ref;
  }

  /** As `insert`, of a sorted set's member with its score. */
  insertScored(bytes: Uint8Array, start: number, end: number, hash: number, score: number): number {
    const { pool } = this;
    const ref = pool.allocate(recordSize(end - start, 0, true));
    // Minus one would mean that there is no double.
    writeHeader(pool, ref, this.type, 0, 0, bytes, start, end, 0, 0);
    overwriteExpiry(pool, ref, score);
    this.#place(hash, ref);
    return ref;
  }

  /** The score of a sorted set's member. */
  scoreOf(ref: number): number {
    return expiryOf(this.pool, ref);
  }

  /** Changes the score of a sorted set's member, in place. */
  setScore(ref: number, score: number): void {
    if (this.gate !== null) this.gate.beforeChange(ref, this.hashOf(ref));
    overwriteExpiry(this.pool, ref, score);
  }

  /** When a hash's field expires, or NO_EXPIRY. */
  expiryOf(ref: number): number {
    return isVolatile(this.pool, ref) ? expiryOf(this.pool, ref) : NO_EXPIRY;
  }

  /**
   * Gives a member a value of `length` unspecified bytes, which the caller writes at
   * `view.valueStart` after `load`; in place where that fits the block's size. The former value is
   * lost, the expiry stays. Returns the member's ref from now on. Throws PoolExhausted, with
   * nothing changed.
   */
  replaceValue(ref: number, hash: number, length: number): number {
    const { pool } = this;
    if (this.gate !== null) this.gate.beforeChange(ref, hash);
    const view = this.view;
    view.load(ref, hash);
    const size = recordSize(view.keyLength, length, view.expiryMs !== NO_EXPIRY);
    if (keepsForm(pool, ref, length) && Pool.capacityFor(size) === pool.capacity(ref)) {
      setValueLength(pool, ref, length);
      return ref;
    }
    return this.#rewrite(size, length, view.expiryMs);
  }

  /**
   * Gives a hash's field a time of expiry, or takes it away with NO_EXPIRY. Returns the member's
   * ref from now on. Throws PoolExhausted, with nothing changed.
   */
  setExpiry(ref: number, hash: number, expiryMs: number): number {
    const { pool } = this;
    if (this.gate !== null) this.gate.beforeChange(ref, hash);
    const view = this.view;
    view.load(ref, hash);
    const wasVolatile = view.expiryMs !== NO_EXPIRY;
    const becomesVolatile = expiryMs !== NO_EXPIRY;
    let moved = ref;
    if (wasVolatile && becomesVolatile) {
      this.#seek(ref, hash);
      overwriteExpiry(pool, ref, expiryMs);
    } else if (wasVolatile || becomesVolatile) {
      const { bytes, valueStart, valueEnd, valueLength } = view;
      const size = recordSize(view.keyLength, valueLength, becomesVolatile);
      const fresh = pool.allocate(size);
      const { keyStart, keyEnd } = view;
      const at = writeHeader(
        pool,
        fresh,
        this.type,
        0,
        0,
        bytes,
        keyStart,
        keyEnd,
        valueLength,
        expiryMs,
      );
      copyBytes(pool.bytes[fresh >>> CHUNK_SHIFT], at, bytes, valueStart, valueEnd);
      this.#exchange(ref, hash, fresh);
      this.#cells.addVolatile(becomesVolatile ? 1 : -1);
      moved = fresh;
    }
    if (becomesVolatile) this.#noteExpiry(expiryMs);
    return moved;
  }

  /** Removes a member and frees its record. */
  remove(ref: number, hash: number): void {
    if (this.gate !== null) this.gate.beforeChange(ref, hash);
    this.#seek(ref, hash);
    const hasExpiry = this.type === HASH && isVolatile(this.pool, ref);
    this.#cells.remove(this.#cell, hash, hasExpiry);
    this.pool.free(ref);
  }

  /** The hash of the member that `random` returned last. */
  get randomHash(): number {
    return this.#cells.drawnHash;
  }

  /** The ref of a random member, each equally likely; its hash is in `randomHash`. Not if empty. */
  random(): number {
    return this.#cells.draw(this.#context.random);
  }

  /**
   * Visits `count` different members, every subset of that size equally likely, in no particular
   * order; all of them where there are no more.
   */
  randomDistinct(count: number, visit: VisitMember): void {
    if (count <= this.size * DRAWN_SHARE) this.#drawDistinct(count, visit);
    else this.#selectDistinct(count, visit);
  }

  /**
   * Visits members from a position on, in hash order: `limit` of them, or up to the end of a
   * segment, whichever comes first. Returns the next position, 0 at the end. A position is a
   * uint32 that stays valid while members come and go: one that is there all the time is visited.
   */
  scan(position: number, limit: number, visit: VisitMember): number {
    return this.#cells.scan(position, limit, visit);
  }

  /** Number of members in the segment at a position. */
  segmentSize(position: number): number {
    return this.#cells.usedAt(position);
  }

  /** Copies hash and ref of each member of a segment; see `CellTable.copyCells`. */
  copySegment(position: number, pairs: Uint32Array): number {
    return this.#cells.copyCells(position, pairs);
  }

  /** The first position of the segment at a position. */
  segmentStart(position: number): number {
    return this.#cells.segmentStart(position);
  }

  /** The first position behind the segment at a position, or 0 at the end. */
  segmentEnd(position: number): number {
    return this.#cells.segmentEnd(position);
  }

  /** Whether a member and one of another table are the same. */
  isSame(ref: number, other: number): boolean {
    return hasSameKey(this.pool, ref, other);
  }

  /** The ref of the member that is the same as one of another table, or NULL_REF. */
  findSame(other: number, hash: number): number {
    const cells = this.#cells;
    this.#cellRef = NULL_REF;
    for (let cell = cells.seek(hash); cell !== NO_CELL; cell = cells.next(cell)) {
      const ref = cells.refAt(cell);
      if (!hasSameKey(this.pool, ref, other)) continue;
      this.#cell = cell;
      this.#cellRef = ref;
      this.#cellVersion = cells.version;
      return ref;
    }
    return NULL_REF;
  }

  /** Visits every member, in hash order. */
  forEach(visit: VisitMember): void {
    const cells = this.#cells;
    let position = 0;
    do {
      position = cells.scan(position, WHOLE_SEGMENT, visit);
    } while (position !== 0);
  }

  /**
   * Removes fields whose time has come: those of the first segment at or behind a position that has
   * any. `visit` is called with each before it goes. Returns the next position, 0 at the end.
   */
  expireSome(position: number, nowMs: number, visit: VisitMember): number {
    const cells = this.#cells;
    let at = position;
    while (cells.volatileAt(at) === 0 || cells.earliestExpiry(at) > nowMs) {
      at = cells.segmentEnd(at);
      if (at === 0) {
        this.refreshEarliestExpiry();
        return 0;
      }
    }
    // alloc: once per segment with fields that are due
    const due: number[] = [];
    let earliest = Number.POSITIVE_INFINITY;
    const first = cells.segmentStart(at);
    const next = cells.segmentEnd(at);
    cells.scan(first, WHOLE_SEGMENT, (ref, hash) => {
      const expiryMs = this.expiryOf(ref);
      if (expiryMs === NO_EXPIRY) return;
      if (expiryMs <= nowMs) due.push(ref, hash | 0);
      else if (expiryMs < earliest) earliest = expiryMs;
    });
    cells.setEarliestExpiry(first, earliest);
    for (let k = 0; k < due.length; k += 2) {
      visit(due[k], due[k + 1]);
      this.remove(due[k], due[k + 1]);
    }
    if (next === 0) this.refreshEarliestExpiry();
    return next;
  }

  /** Makes `earliestExpiryMs` the least of the segments' bounds. */
  refreshEarliestExpiry(): void {
    const cells = this.#cells;
    let earliest = Number.POSITIVE_INFINITY;
    let position = 0;
    do {
      if (cells.volatileAt(position) > 0) {
        earliest = Math.min(earliest, cells.earliestExpiry(position));
      }
      position = cells.segmentEnd(position);
    } while (position !== 0);
    this.earliestExpiryMs = earliest;
  }

  /**
   * A copy that shares nothing with it; `copied` is told of each record and its copy. Where memory
   * runs out nothing has changed. Cold.
   */
  clone(copied: (ref: number, copy: number) => void = () => {}): MemberTable {
    const { pool } = this;
    const cells = this.#cells.clone(
      (ref) => {
        const copy = copyBlock(pool, ref);
        unmark(pool, copy);
        copied(ref, copy);
        return copy;
      },
      (ref) => pool.free(ref),
    );
    const twin = new MemberTable(this.#context, this.type, 0, cells);
    twin.earliestExpiryMs = this.earliestExpiryMs;
    return twin;
  }

  /**
   * Frees about `count` records; true once nothing is left. From the first call on the table can be
   * used for nothing else. Cold.
   */
  release(count: number): boolean {
    const { pool } = this;
    let freed = 0;
    do {
      this.#releasePosition = this.#cells.scan(this.#releasePosition, count - freed, (ref) => {
        pool.free(ref);
        freed++;
      });
      if (this.#releasePosition === 0) {
        this.#cells.dispose();
        return true;
      }
    } while (freed < count);
    return false;
  }

  /**
   * Moves what lies in chunks being evacuated out of them: about `count` members from a position on
   * are looked at. `moved` is told of each record and its copy while both are there. Returns the
   * next position, 0 at the end. Cold.
   */
  relocate(
    position: number,
    count: number,
    moved: (ref: number, fresh: number) => void = () => {},
  ): number {
    const { pool } = this;
    const cells = this.#cells;
    const moving: number[] = [];
    const next = cells.scan(position, count, (ref, hash) => {
      if (pool.isEvacuating(ref)) moving.push(ref, hash | 0);
    });
    for (let k = 0; k < moving.length; k += 2) {
      const fresh = copyBlock(pool, moving[k]);
      moved(moving[k], fresh);
      this.#exchange(moving[k], moving[k + 1], fresh);
    }
    if (next === cells.segmentEnd(position)) cells.relocate(position);
    return next;
  }

  /** Bytes it takes, from a sample of `samples` members; 0 looks at all of them. */
  memoryUsage(samples: number): number {
    const { pool } = this;
    const size = this.size;
    const looked = samples === 0 ? size : Math.min(samples, size);
    let total = 0;
    let seen = 0;
    let position = 0;
    // alloc: asked for by MEMORY USAGE only
    const add = (ref: number) => {
      if (seen >= looked) return;
      total += pool.capacity(ref);
      seen++;
    };
    do {
      position = this.#cells.scan(position, looked - seen, add);
    } while (position !== 0 && seen < looked);
    const records = seen === 0 ? 0 : Math.round((total / seen) * size);
    return OBJECT_BYTES + this.#cells.totalBytes + records;
  }

  /** Checks the table's invariants. Throws on the first violation. */
  verify(): void {
    const cells = this.#cells;
    cells.verify();
    let volatiles = 0;
    // alloc: for tests
    this.forEach((ref, hash) => {
      const { bytes, keyStart, keyEnd, type, expiryMs } = this.load(ref);
      assert(type === this.type, "a record is of its container's type");
      assert(this.hash(bytes, keyStart, keyEnd) === (hash | 0), "a member stands under its hash");
      assert(this.find(bytes, keyStart, keyEnd, hash | 0) === ref, "a member is there once");
      if (this.type !== HASH || expiryMs === NO_EXPIRY) return;
      volatiles++;
      assert(cells.earliestExpiry(hash) <= expiryMs, "a segment's bound holds for its fields");
      assert(this.earliestExpiryMs <= expiryMs, "the table's bound holds for all fields");
    });
    assert(volatiles === this.volatileCount, "fields that expire are counted");
  }

  /** Puts a new record in a cell; frees it where there is no memory for that. */
  #place(hash: number, ref: number): void {
    // alloc: `try` costs nothing while nothing is thrown
    try {
      this.#cells.insert(hash, ref);
    } catch (error) {
      this.pool.free(ref);
      throw error;
    }
    if (this.gate !== null) this.gate.afterInsert(ref, hash);
  }

  /** Leaves the cell of a member in #cell, and the cell table at its segment. */
  #seek(ref: number, hash: number): void {
    const cells = this.#cells;
    if (this.#cellRef === ref && this.#cellVersion === cells.version) return;
    let cell = cells.seek(hash);
    while (cell !== NO_CELL && cells.refAt(cell) !== ref) cell = cells.next(cell);
    assert(cell !== NO_CELL, "a member stands under its hash");
    this.#cell = cell;
    this.#cellRef = ref;
    this.#cellVersion = cells.version;
  }

  /** Puts a record in place of another one, and frees that. */
  #exchange(old: number, hash: number, fresh: number): void {
    this.#seek(old, hash);
    if (this.gate !== null && isMarked(this.pool, old)) mark(this.pool, fresh);
    this.#cells.setRef(this.#cell, fresh);
    this.pool.free(old);
    this.#cellRef = fresh;
    this.#cellVersion = this.#cells.version;
  }

  /** A block of `size` bytes for the member in the view, with another length of its value. */
  #rewrite(size: number, length: number, expiryMs: number): number {
    const { pool } = this;
    const { ref, hash, bytes, keyStart, keyEnd } = this.view;
    const fresh = pool.allocate(size);
    writeHeader(pool, fresh, this.type, 0, 0, bytes, keyStart, keyEnd, length, expiryMs);
    this.#exchange(ref, hash, fresh);
    return fresh;
  }

  /** Lowers the bounds of the last sought segment and of the table. */
  #noteExpiry(expiryMs: number): void {
    this.#cells.noteExpiry(expiryMs);
    if (expiryMs < this.earliestExpiryMs) this.earliestExpiryMs = expiryMs;
  }

  #drawDistinct(count: number, visit: VisitMember): void {
    // alloc: the refs drawn so far
    const drawn = new Set<number>();
    while (drawn.size < count) {
      const ref = this.random();
      if (drawn.has(ref)) continue;
      drawn.add(ref);
      visit(ref, this.randomHash);
    }
  }

  /** One pass: a member is taken with the share of those wanted in those left. */
  #selectDistinct(count: number, visit: VisitMember): void {
    const random = this.#context.random;
    let wanted = Math.min(count, this.size);
    let left = this.size;
    // alloc: one closure
    this.forEach((ref, hash) => {
      if (randomBelow(random, left--) >= wanted) return;
      wanted--;
      visit(ref, hash | 0);
    });
  }
}

/** Cold: a block of the same size and content. */
function copyBlock(pool: Pool, ref: number): number {
  const wordCount = pool.capacity(ref) / 4;
  const copy = pool.allocate(wordCount * 4);
  const start = (ref & GRANULE_MASK) << 1;
  const source = pool.words[ref >>> CHUNK_SHIFT].subarray(start, start + wordCount);
  pool.words[copy >>> CHUNK_SHIFT].set(source, (copy & GRANULE_MASK) << 1);
  return copy;
}
