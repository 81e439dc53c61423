// A snapshot of the keyspace as it was at one instant, taken in slices without a fork.
//
// The walk goes over every database's table in hash order, so what it has passed is simply what has
// a smaller hash. Whatever is about to change behind the gate (`Keyspace.gate`) before the walk has
// reached it is handed over first, as it still is, and marked by one bit of its record; a key that
// is born ahead of the walk gets the same mark. The walk skips marked records and takes the mark
// away.
//
//   table   | passed: written, changes are none of our business | ahead: written before it changes
//           0                                             position                            2^32
//
// Large collections are walked part by part in the same way (collection-walk.ts), large strings
// piece by piece (string-walk.ts). A table that was
// emptied, or a collection that was deleted, while it is still needed is kept until the walk is
// through with it. Databases are known by their tables, which SWAPDB exchanges.

import type { Clock } from "../base/clock.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace, WriteGate } from "../keyspace/keyspace.ts";
import type { CellTable } from "../memory/cell-table.ts";
import type { Container, Releasable } from "../structures/container.ts";
import { Quicklist } from "../structures/quicklist.ts";
import {
  CONTAINER,
  handleIn,
  isMarked,
  mark,
  RecordView,
  STRING,
  unmark,
} from "../structures/record.ts";
import { Stream } from "../structures/stream.ts";
import { type CollectionWalk, MemberWalk, memberTableOf } from "./collection-walk.ts";
import { ListWalk } from "./list-walk.ts";
import type { SnapshotSink } from "./snapshot-sink.ts";
import { StreamWalk } from "./stream-walk.ts";
import { StringWalk } from "./string-walk.ts";

/** Records looked at between two readings of the clock. */
const RECORDS_PER_CHECK = 4;
/** Collections of more members, or blocks, than this are taken in slices. */
const LARGE_MEMBERS = 512;
const LARGE_BLOCKS = 16;
/**
 * Strings above this are taken in pieces: 200 MB in one go kept others waiting for half a second.
 * Smaller ones may be compressed.
 */
const LARGE_STRING_BYTES = 1 << 21;
/** Elements from which the size of a collection is estimated. */
const SAMPLES = 5;

/** One database's table as it stood at the beginning. */
interface Part {
  readonly dbIndex: number;
  readonly table: CellTable;
}

/**
 * A snapshot being taken. Set as the keyspace's gate by `begin`, until `step` has returned false.
 */
export class Snapshot implements WriteGate {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #sink: SnapshotSink;
  readonly #parts: Part[] = [];
  readonly #view: RecordView;
  /** The part being walked, and how far that is. */
  #part = 0;
  #position = 0;
  /** Collections to be walked, in this order; the first one is active. */
  readonly #collections: CollectionWalk[] = [];
  /** By their records: strings among them whose bytes are still where those have them. */
  readonly #strings = new Map<number, StringWalk>();
  /** Kept until the end: emptied tables, deleted collections. */
  readonly #kept: { readonly value: Releasable; readonly size: number }[] = [];
  #isAborted = false;
  /** Of keys and of collections that are complete. */
  #copiedTotal = 0;

  /** Keys there were at the beginning, and keys taken so far. */
  readonly keyCount: number;
  keysTaken = 0;

  constructor(keyspace: Keyspace, clock: Clock, sink: SnapshotSink) {
    this.#keyspace = keyspace;
    this.#clock = clock;
    this.#sink = sink;
    this.#view = new RecordView(keyspace.pool);
    for (const db of keyspace.databases) {
      if (db.size > 0) this.#parts.push({ dbIndex: db.index, table: db.table });
    }
    this.keyCount = this.#parts.reduce((sum, { table }) => sum + table.count, 0);
    keyspace.gate = this;
  }

  /**
   * Goes on for about `budgetUs` microseconds. Returns whether there is more to do; afterwards the
   * keyspace has no gate any more.
   */
  step(budgetUs: number): boolean {
    const deadline = this.#clock.monotonicUs() + budgetUs;
    while (this.#collections.length > 0 || this.#part < this.#parts.length) {
      if (this.#collections.length > 0) this.#stepCollection();
      else this.#stepTable();
      if (this.#clock.monotonicUs() >= deadline) return true;
    }
    this.#end();
    return false;
  }

  /** Bytes of everything that was taken because it was about to change. */
  get copiedTotal(): number {
    let bytes = this.#copiedTotal;
    for (const walk of this.#collections) bytes += walk.copiedTotal;
    return bytes;
  }

  /** Bytes held of blocks that have been copied because they changed ahead of the walk. */
  get copiedBytes(): number {
    let bytes = 0;
    for (const walk of this.#collections) bytes += walk.copiedBytes;
    return bytes;
  }

  /** Whether it is not through yet. */
  get isActive(): boolean {
    return this.#keyspace.gate === this;
  }

  /** Takes nothing more. `step` must still be called until it returns false: marks are cleared. */
  abort(): void {
    this.#isAborted = true;
    for (const walk of this.#collections) walk.abort();
  }

  beforeWrite(db: Database, ref: number, hash: number): void {
    this.#takeAhead(db, ref, hash);
    if (this.#strings.size === 0) return;
    this.#strings.get(ref)?.copy();
    this.#strings.delete(ref);
  }

  beforeReplace(db: Database, ref: number, hash: number): boolean {
    this.#takeAhead(db, ref, hash);
    return this.#strings.has(ref);
  }

  keepsBlock(ref: number): boolean {
    if (this.#strings.size === 0) return false;
    this.#strings.get(ref)?.adopt();
    return this.#strings.delete(ref);
  }

  /** Takes a record before it changes, unless it has been. */
  #takeAhead(db: Database, ref: number, hash: number): void {
    const part = this.#partAhead(db.table, hash);
    if (part === undefined || isMarked(this.#keyspace.pool, ref)) return;
    this.#view.load(ref, hash);
    this.#copiedTotal += this.#keyspace.pool.capacity(ref);
    const container = this.#containerIn(this.#view);
    if (container !== undefined && !isLarge(container)) {
      this.#copiedTotal += container.memoryUsage(SAMPLES);
    }
    this.#take(part.dbIndex, this.#view);
    mark(this.#keyspace.pool, ref);
  }

  afterCreate(db: Database, ref: number, hash: number): void {
    if (this.#partAhead(db.table, hash) !== undefined) mark(this.#keyspace.pool, ref);
  }

  keepsCleared(db: Database, table: Releasable): boolean {
    const index = this.#parts.findIndex((part) => part.table === db.table);
    // One that has been walked may still have a string of which only a part was taken.
    if (index < this.#part && this.#strings.size === 0) return false;
    this.#kept.push({ value: table, size: db.size });
    return true;
  }

  keepsDiscarded(container: Container): boolean {
    if (!this.#collections.some((walk) => walk.container === container)) return false;
    this.#kept.push({ value: container, size: 1 });
    return true;
  }

  /** The part that a table was at the beginning, if the walk has not passed the hash there. */
  #partAhead(table: CellTable, hash: number): Part | undefined {
    const parts = this.#parts;
    for (let index = this.#part; index < parts.length; index++) {
      if (parts[index].table !== table) continue;
      return index > this.#part || hash >>> 0 >= this.#position ? parts[index] : undefined;
    }
    return undefined;
  }

  #stepTable(): void {
    const { dbIndex, table } = this.#parts[this.#part];
    const { pool } = this.#keyspace;
    const view = this.#view;
    this.#position = table.scan(this.#position, RECORDS_PER_CHECK, (ref, hash) => {
      if (isMarked(pool, ref)) return unmark(pool, ref);
      view.load(ref, hash | 0);
      this.#take(dbIndex, view);
    });
    if (this.#position === 0) this.#part++;
  }

  #stepCollection(): void {
    const walk = this.#collections[0];
    if (walk.step()) return;
    if (walk instanceof StringWalk) this.#strings.delete(walk.ref);
    this.#copiedTotal += walk.copiedTotal;
    this.#collections.shift();
    this.#collections[0]?.activate();
  }

  /** Hands a key over, or begins to. */
  #take(dbIndex: number, view: RecordView): void {
    if (this.#isAborted) return;
    this.keysTaken++;
    if (view.type === STRING && view.valueLength > LARGE_STRING_BYTES) {
      const walk = new StringWalk(this.#keyspace.pool, view, this.#sink.openString(dbIndex, view));
      this.#strings.set(view.ref, walk);
      return this.#begin(walk);
    }
    const container = this.#containerIn(view);
    if (container === undefined || !isLarge(container)) return this.#sink.key(dbIndex, view);
    this.#begin(this.#walkThrough(dbIndex, view, container));
  }

  #begin(walk: CollectionWalk): void {
    this.#collections.push(walk);
    if (this.#collections.length === 1) walk.activate();
  }

  #containerIn(view: RecordView): Container | undefined {
    if (view.encoding !== CONTAINER) return undefined;
    return this.#keyspace.containers.get(handleIn(view));
  }

  /** Begins to take a collection in parts. */
  #walkThrough(dbIndex: number, view: RecordView, container: Container): CollectionWalk {
    const sink = this.#sink;
    if (container instanceof Quicklist) {
      return new ListWalk(container, sink.openList(dbIndex, view, container));
    }
    if (container instanceof Stream) {
      return new StreamWalk(container, sink.openStream(dbIndex, view, container));
    }
    const members = sink.openMembers(dbIndex, view, container);
    return new MemberWalk(this.#keyspace.pool, container, memberTableOf(container)!, members);
  }

  #end(): void {
    const keyspace = this.#keyspace;
    keyspace.gate = null;
    for (const { value, size } of this.#kept) keyspace.lazyFree.defer(value, size);
  }
}

/** Whether a collection is to be taken in parts. */
function isLarge(container: Container): boolean {
  if (container instanceof Stream) {
    if (container.blocks.count > LARGE_BLOCKS) return true;
    return container.sortedGroups().some((group) => group.pending.count > LARGE_MEMBERS);
  }
  if (container.size > LARGE_MEMBERS) return true;
  return container instanceof Quicklist && container.nodes.count > LARGE_BLOCKS;
}
