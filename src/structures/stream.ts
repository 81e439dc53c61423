// hot path: no allocation per command
//
// A stream: entries in the order of their IDs, in blocks of some 4 KiB (stream-block.ts), found
// through an index by master ID, and the stream's consumer groups.
//
//   blocks   master ID | ref | master ID | ref | ...      (IdIndex)
//                       |
//                       a pool block: one listpack
//
// Invariants: a block has a live entry at least; its first entry ever had the master ID; IDs ascend
// within and across blocks; `size` is the number of live entries; `firstId` is the first live one's
// ID, or zero; no entry's ID is above `lastId`.

import { assert } from "../base/assert.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, Pool } from "../memory/pool.ts";
import type { BlockGate } from "./block-gate.ts";
import { ConsumerGroup } from "./consumer-groups.ts";
import type { Container, StructureContext } from "./container.ts";
import { EntryCounter } from "./entry-counter.ts";
import { IdIndex } from "./id-index.ts";
import {
  endOf,
  isValidListpack,
  nextEntry,
  previousEntry,
  TERMINATOR,
  totalBytes,
} from "./listpack.ts";
import { NameTable } from "./name-table.ts";
import { STREAM } from "./record.ts";
import {
  type Arguments,
  appendEntry,
  COUNTS_GROWTH_MAX,
  countDeleted,
  deletedCount,
  ENTRY_DELETED,
  entryBytesMax,
  firstEntryAt,
  liveCount,
  masterFieldsAt,
  readEntryId,
  SAME_FIELDS,
  smallInteger,
  startBlock,
} from "./stream-block.ts";
import type { BlockChecker } from "./stream-check.ts";
import { StreamCursor } from "./stream-cursor.ts";
import { ID_WORDS, StreamId } from "./stream-id.ts";

/** Where an index entry has the block's ref. */
const REF = ID_WORDS;
/** Blocks may not become larger, whatever the configuration says. */
const BLOCK_BYTES_MAX = 1 << 30;
/** No more than this is taken for a block in advance. */
const EXPECTED_BYTES_MAX = 1 << 16;
/** Roughly what the object takes beside its arrays and blocks. */
const OBJECT_BYTES = 400;

/** For use within one call. */
const scratchId = new StreamId();
const scratchMaster = new StreamId();
const cursor = new StreamCursor();

/** How far a trim goes. */
export class TrimBounds {
  /** By length if not by ID. */
  byId = false;
  /** Entries that stay. */
  length = 0;
  /** Entries with smaller IDs go. */
  readonly minId = new StreamId();
  /** Only whole blocks go, and at most `limit` entries (0: any number). */
  approximate = false;
  limit = 0;
}

/** The value of a stream key. */
export class Stream implements Container {
  readonly type = STREAM;
  readonly pool: Pool;
  readonly #context: StructureContext;
  /** The last block's ref as of the newest entry, or null, and the capacity of that block. */
  #tailRef = NULL_REF;
  #tailCapacity = 0;
  /** Entries that are not deleted. */
  size = 0;
  /** The greatest ID ever added, the first entry's, and the greatest ever deleted. */
  readonly lastId = new StreamId();
  readonly firstId = new StreamId();
  readonly maxDeletedId = new StreamId();
  readonly entriesAdded = new EntryCounter();
  readonly blocks: IdIndex;
  /** Told before entries change, or null. Blocks only ever join at the end, which is not told. */
  gate: BlockGate | null = null;
  /**
   * While this stays the same, an entry that was `offset` bytes from the start of block `index` is
   * there still.
   */
  layout = 0;
  #groups: NameTable<ConsumerGroup> | undefined = undefined;

  constructor(context: StructureContext) {
    this.#context = context;
    this.pool = context.pool;
    this.blocks = new IdIndex(context.pool, 1);
  }

  // ---- Entries ----

  /**
   * Appends an entry with `fieldCount` pairs from argument `first` on. Its ID must be above
   * `lastId`. A block is full at `bytesMax` bytes or `entriesMax` entries, 0 being no limit.
   */
  append(
    id: StreamId,
    args: Arguments,
    first: number,
    fieldCount: number,
    bytesMax: number,
    entriesMax: number,
  ): void {
    const ref = this.#tailFor(id, args, first, fieldCount, bytesMax, entriesMax);
    const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
    scratchMaster.load(this.blocks.words, this.blocks.wordAt(this.blocks.count - 1));
    const block = (ref & GRANULE_MASK) << 3;
    if (this.gate !== null) this.gate.beforeChange(this.blocks.count - 1);
    if (appendEntry(bytes, block, scratchMaster, id, args, first, fieldCount)) this.layout++;
    this.lastId.copy(id);
    if (this.size === 0) this.firstId.copy(id);
    this.size++;
    this.entriesAdded.increment();
  }

  /** The last block, with room for an entry; a new one where the last is full. */
  #tailFor(
    id: StreamId,
    args: Arguments,
    first: number,
    fieldCount: number,
    bytesMax: number,
    entriesMax: number,
  ): number {
    const blocks = this.blocks;
    const pool = this.pool;
    const payload = payloadOf(args, first, fieldCount);
    const room = entryBytesMax(payload, fieldCount * 2);
    let expected = room;
    if (blocks.count > 0) {
      const last = blocks.count - 1;
      const ref = this.refAt(last);
      const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
      const block = (ref & GRANULE_MASK) << 3;
      const used = totalBytes(bytes, block);
      const limit = bytesMax === 0 || bytesMax > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : bytesMax;
      const isFull =
        used + payload >= limit ||
        (entriesMax > 0 && liveCount(bytes, block) + deletedCount(bytes, block) >= entriesMax);
      if (!isFull) {
        const needed = used + room;
        if (ref !== this.#tailRef) {
          this.#tailRef = ref;
          this.#tailCapacity = pool.capacity(ref);
        }
        if (needed <= this.#tailCapacity) return ref;
        return this.#resizeBlock(last, Math.max(needed, Math.min(used + (used >>> 1), limit)));
      }
      this.#shrinkBlock(last);
      // The next block will likely become as large as this one.
      expected = Math.max(room, Math.min(used + room, limit, EXPECTED_BYTES_MAX));
    }
    const ref = pool.allocate(expected);
    const at = blocks.insert(blocks.count);
    id.store(blocks.words, at);
    blocks.words[at + REF] = ref;
    const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
    startBlock(bytes, (ref & GRANULE_MASK) << 3, args, first, fieldCount);
    return ref;
  }

  /** Deletes an entry; false where there is none with this ID. */
  delete(id: StreamId): boolean {
    cursor.start(this, id, id);
    if (!cursor.next()) return false;
    const index = cursor.blockIndex;
    const ref = this.refAt(index);
    const block = (ref & GRANULE_MASK) << 3;
    if (liveCount(cursor.bytes, block) === 1) {
      this.#removeBlock(index);
    } else {
      const offset = cursor.entryAt - block;
      if (this.gate !== null) this.gate.beforeChange(index);
      const roomy = this.#withCountRoom(index);
      const bytes = this.pool.bytes[roomy >>> CHUNK_SHIFT];
      const start = (roomy & GRANULE_MASK) << 3;
      bytes[start + offset] |= ENTRY_DELETED;
      if (countDeleted(bytes, start, 1)) this.layout++;
    }
    this.size--;
    if (id.compare(this.maxDeletedId) > 0) this.maxDeletedId.copy(id);
    if (id.compare(this.firstId) === 0) this.#findFirst();
    return true;
  }

  /** Deletes entries from the front as far as the bounds say; returns how many. */
  trim(bounds: TrimBounds): number {
    const blocks = this.blocks;
    let deleted = 0;
    while (blocks.count > 0) {
      if (!bounds.byId && this.size <= bounds.length) break;
      const ref = this.refAt(0);
      const live = liveCount(this.pool.bytes[ref >>> CHUNK_SHIFT], (ref & GRANULE_MASK) << 3);
      if (bounds.limit > 0 && deleted + live > bounds.limit) break;
      if (this.#goesWhole(bounds, live)) {
        this.#removeBlock(0);
        this.size -= live;
        deleted += live;
        continue;
      }
      if (!bounds.approximate) deleted += this.#trimFirstBlock(bounds);
      break;
    }
    if (deleted > 0) this.#findFirst();
    return deleted;
  }

  /** Whether all entries of the first block are outside the bounds. */
  #goesWhole(bounds: TrimBounds, live: number): boolean {
    if (!bounds.byId) return this.size - live >= bounds.length;
    // As Redis decides it: the last entry counts although it may be deleted.
    this.#findLastIn(0, true, scratchId);
    return scratchId.compare(bounds.minId) < 0;
  }

  /** Marks entries of the first block as deleted; some of them stay. Returns how many. */
  #trimFirstBlock(bounds: TrimBounds): number {
    if (this.gate !== null) this.gate.beforeChange(0);
    const ref = this.#withCountRoom(0);
    const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
    const block = (ref & GRANULE_MASK) << 3;
    const masterFieldCount = smallInteger(bytes, masterFieldsAt(bytes, block));
    scratchMaster.load(this.blocks.words, this.blocks.wordAt(0));
    let deleted = 0;
    let at = firstEntryAt(bytes, block);
    while (bytes[at] !== TERMINATOR) {
      if (bounds.byId) {
        readEntryId(bytes, at, scratchMaster, scratchId);
        if (scratchId.compare(bounds.minId) >= 0) break;
      } else if (this.size - deleted <= bounds.length) {
        break;
      }
      if ((bytes[at] & ENTRY_DELETED) === 0) {
        bytes[at] |= ENTRY_DELETED;
        deleted++;
      }
      at = skipEntry(bytes, at, masterFieldCount);
    }
    if (deleted > 0 && countDeleted(bytes, block, deleted)) this.layout++;
    this.size -= deleted;
    return deleted;
  }

  /** Puts the ID of a block's last entry, or last live entry, into `id`. */
  #findLastIn(index: number, withDeleted: boolean, id: StreamId): void {
    const ref = this.refAt(index);
    const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
    const block = (ref & GRANULE_MASK) << 3;
    let last = endOf(bytes, block);
    do {
      last = previousEntry(bytes, block, last);
      for (let k = smallInteger(bytes, last); k > 0; k--) last = previousEntry(bytes, block, last);
    } while (!withDeleted && (bytes[last] & ENTRY_DELETED) !== 0);
    scratchMaster.load(this.blocks.words, this.blocks.wordAt(index));
    readEntryId(bytes, last, scratchMaster, id);
  }

  /** Notes which entry is the first. */
  #findFirst(): void {
    if (this.size === 0) return this.firstId.setZero();
    scratchId.setMaximum();
    scratchMaster.setZero();
    cursor.start(this, scratchMaster, scratchId);
    cursor.next();
    this.firstId.copy(cursor.id);
  }

  /** Puts the first entry's ID, deleted or not, into `id`; the greatest where there is none. */
  findOldest(id: StreamId): void {
    if (this.blocks.count === 0) id.setMaximum();
    else id.load(this.blocks.words, this.blocks.wordAt(0));
  }

  /** Puts the last entry's ID into `id`; false where there is none. */
  findLast(id: StreamId): boolean {
    if (this.size === 0) return false;
    this.#findLastIn(this.blocks.count - 1, false, id);
    return true;
  }

  // ---- Blocks ----

  refAt(index: number): number {
    return this.blocks.words[this.blocks.wordAt(index) + REF];
  }

  #removeBlock(index: number): void {
    if (this.gate !== null) this.gate.beforeRemove(index, 1);
    this.#tailRef = NULL_REF;
    this.layout++;
    const ref = this.refAt(index);
    if (ref !== NULL_REF) this.pool.free(ref);
    this.blocks.remove(index);
  }

  /** Takes the pool block of a block that is about to be removed, which is the caller's then. */
  takeBlock(index: number): number {
    const ref = this.refAt(index);
    this.blocks.words[this.blocks.wordAt(index) + REF] = NULL_REF;
    return ref;
  }

  /** Gives a block a pool block of at least `size` bytes; returns its ref. */
  #resizeBlock(index: number, size: number): number {
    const pool = this.pool;
    const old = this.refAt(index);
    const ref = pool.allocate(size);
    this.#tailRef = NULL_REF;
    const source = pool.bytes[old >>> CHUNK_SHIFT];
    const start = (old & GRANULE_MASK) << 3;
    const length = totalBytes(source, start);
    const target = pool.bytes[ref >>> CHUNK_SHIFT];
    // alloc: one short-lived view moves a block at full speed
    target.set(source.subarray(start, start + length), (ref & GRANULE_MASK) << 3);
    this.blocks.words[this.blocks.wordAt(index) + REF] = ref;
    pool.free(old);
    return ref;
  }

  /** A block's ref, after making room for counts that need more bytes. */
  #withCountRoom(index: number): number {
    const ref = this.refAt(index);
    const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
    const needed = totalBytes(bytes, (ref & GRANULE_MASK) << 3) + COUNTS_GROWTH_MAX;
    return needed <= this.pool.capacity(ref) ? ref : this.#resizeBlock(index, needed);
  }

  /** Gives back what a block that is full had to grow into. */
  #shrinkBlock(index: number): void {
    const ref = this.refAt(index);
    const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
    const used = totalBytes(bytes, (ref & GRANULE_MASK) << 3);
    if (Pool.capacityFor(used) < this.pool.capacity(ref)) this.#resizeBlock(index, used);
  }

  // ---- Groups ----

  get groupCount(): number {
    return this.#groups === undefined ? 0 : this.#groups.count;
  }

  /** The group named bytes[start, end). */
  findGroup(bytes: Uint8Array, start: number, end: number): ConsumerGroup | undefined {
    return this.#groups === undefined ? undefined : this.#groups.find(bytes, start, end);
  }

  /** Cold: adds a group under a new name. */
  addGroup(bytes: Uint8Array, start: number, end: number): ConsumerGroup {
    this.#groups ??= new NameTable(this.#context.hasher);
    const hash = this.#groups.hash(bytes, start, end);
    const group = new ConsumerGroup(this.#context, bytes.slice(start, end), hash);
    this.#groups.add(group);
    return group;
  }

  /** Removes a group. It still has to be released. */
  removeGroup(group: ConsumerGroup): void {
    this.#groups!.remove(group);
  }

  /** Cold: the groups, ordered by name. */
  sortedGroups(): ConsumerGroup[] {
    return this.#groups === undefined ? [] : this.#groups.sorted();
  }

  // ---- The container ----

  /** Frees about `count` blocks; true once nothing is left. */
  release(count: number): boolean {
    const blocks = this.blocks;
    for (let k = 0; k < count && blocks.count > 0; k++) this.#removeBlock(blocks.count - 1);
    if (blocks.count > 0) return false;
    blocks.clear();
    const group = this.#groups === undefined ? undefined : this.#groups.any();
    if (group === undefined) return true;
    if (group.release(count)) this.removeGroup(group);
    return this.groupCount === 0;
  }

  /** Cold: a copy that shares nothing with it. */
  clone(): Stream {
    const copy = new Stream(this.#context);
    // alloc: what was copied is given back where memory runs out
    try {
      this.#copyTo(copy);
    } catch (error) {
      while (!copy.release(1 << 20));
      throw error;
    }
    return copy;
  }

  /** Cold. */
  #copyTo(copy: Stream): void {
    copy.size = this.size;
    copy.lastId.copy(this.lastId);
    copy.firstId.copy(this.firstId);
    copy.maxDeletedId.copy(this.maxDeletedId);
    copy.entriesAdded.copy(this.entriesAdded);
    for (let index = 0; index < this.blocks.count; index++) {
      const from = this.refAt(index);
      const source = this.pool.bytes[from >>> CHUNK_SHIFT];
      const start = (from & GRANULE_MASK) << 3;
      scratchId.load(this.blocks.words, this.blocks.wordAt(index));
      copy.#appendBytes(scratchId, source, start, start + totalBytes(source, start));
    }
    if (this.#groups === undefined) return;
    copy.#groups = new NameTable(this.#context.hasher);
    for (const group of this.#groups.all()) copy.#groups.add(group.clone());
  }

  /** Cold: adds a copy of a block's bytes behind the last one. */
  #appendBytes(master: StreamId, source: Uint8Array, start: number, end: number): void {
    const ref = this.pool.allocate(end - start);
    const at = this.blocks.insert(this.blocks.count);
    master.store(this.blocks.words, at);
    this.blocks.words[at + REF] = ref;
    const target = this.pool.bytes[ref >>> CHUNK_SHIFT];
    target.set(source.subarray(start, end), (ref & GRANULE_MASK) << 3);
  }

  /** Cold: adds a block from a file, whose soundness has been checked. Counts its entries. */
  appendBlock(
    master: StreamId,
    checked: BlockChecker,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#appendBytes(master, bytes, start, end);
    if (this.size === 0) this.firstId.copy(checked.firstLiveId);
    this.size += checked.live;
  }

  /** Cold: moves blocks out of evacuating chunks: first the entries', then the groups'. */
  relocate(position: number, count: number): number {
    let at = position;
    let left = count;
    for (; left > 0 && at < this.blocks.count; at++, left--) {
      const ref = this.refAt(at);
      if (!this.pool.isEvacuating(ref)) continue;
      const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
      this.#resizeBlock(at, totalBytes(bytes, (ref & GRANULE_MASK) << 3));
    }
    if (left === 0) return at;
    let before = this.blocks.count;
    for (const group of this.#groups?.all() ?? []) {
      for (const table of group.tables()) {
        for (; left > 0 && at < before + table.blockCount; at++, left--)
          table.relocate(at - before);
        before += table.blockCount;
        if (left === 0) return at;
      }
    }
    return 0;
  }

  /** Cold: bytes it takes, from the sizes of `samples` blocks; 0 looks at all of them. */
  memoryUsage(samples: number): number {
    const count = this.blocks.count;
    const looked = samples === 0 ? count : Math.min(samples, count);
    let blockBytes = 0;
    for (let k = 0; k < looked; k++) blockBytes += this.pool.capacity(this.refAt(k));
    if (looked > 0) blockBytes = Math.round((blockBytes / looked) * count);
    let bytes = OBJECT_BYTES + this.blocks.bytes + blockBytes;
    for (const group of this.#groups?.all() ?? []) bytes += group.bytes;
    return bytes;
  }

  /** Cold: checks the invariants. Throws on the first violation. */
  verify(): void {
    const id = new StreamId();
    const previous = new StreamId();
    const master = new StreamId();
    let total = 0;
    for (let index = 0; index < this.blocks.count; index++) {
      const ref = this.refAt(index);
      const bytes = this.pool.bytes[ref >>> CHUNK_SHIFT];
      const block = (ref & GRANULE_MASK) << 3;
      const end = endOf(bytes, block) + 1;
      assert(end - block <= this.pool.capacity(ref), "a stream's block fits its pool block");
      assert(isValidListpack(bytes, block, end, true), "a stream's block is a listpack");
      master.load(this.blocks.words, this.blocks.wordAt(index));
      const masterFieldCount = smallInteger(bytes, masterFieldsAt(bytes, block));
      let live = 0;
      let deleted = 0;
      let at = firstEntryAt(bytes, block);
      while (bytes[at] !== TERMINATOR) {
        readEntryId(bytes, at, master, id);
        assert(total === 0 || id.compare(previous) > 0, "entries ascend");
        assert(live + deleted > 0 || id.compare(master) === 0, "the first has the master ID");
        if ((bytes[at] & ENTRY_DELETED) !== 0) {
          deleted++;
        } else {
          if (total === 0) assert(id.compare(this.firstId) === 0, "firstId is the first entry's");
          previous.copy(id);
          live++;
          total++;
        }
        at = skipEntry(bytes, at, masterFieldCount);
      }
      assert(live === liveCount(bytes, block) && live > 0, "live entries are counted");
      assert(deleted === deletedCount(bytes, block), "deleted entries are counted");
    }
    assert(total === this.size, "a stream's entries are counted");
    assert(total > 0 || this.firstId.isZero, "an empty stream has no first entry");
    assert(previous.compare(this.lastId) <= 0, "no entry is above lastId");
    for (const group of this.#groups?.all() ?? []) group.verify();
  }
}

/** Bytes of all fields and values. */
function payloadOf(args: Arguments, first: number, fieldCount: number): number {
  let payload = 0;
  for (let k = first; k < first + fieldCount * 2; k++) payload += args.end(k) - args.start(k);
  return payload;
}

/** Where the entry after the one at `at` starts. */
function skipEntry(bytes: Uint8Array, at: number, masterFieldCount: number): number {
  let next = nextEntry(bytes, nextEntry(bytes, at + 2));
  let elements = masterFieldCount;
  if ((bytes[at] & SAME_FIELDS) === 0) {
    elements = smallInteger(bytes, next) * 2;
    next = nextEntry(bytes, next);
  }
  for (let k = 0; k < elements; k++) next = nextEntry(bytes, next);
  return nextEntry(bytes, next);
}
