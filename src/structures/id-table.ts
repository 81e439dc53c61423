// hot path: no allocation per command
//
// A sorted table of stream IDs with some words each, for pending entries: a million of them are
// some eight thousand pool blocks and no objects. Deliveries append, acknowledgements take from
// anywhere, mostly from the front.
//
//   directory (IdIndex)   first ID | block ref | capacity << 16 | start << 8 | count   per block
//   block                 | unused | ID, payload | ID, payload | ... | unused |        one pool
//                                  start                                               block each
//
// Invariants: IDs ascend strictly within and across blocks; a directory's ID is at most its block's
// first and above all of the block before; no block is empty.

import { assert } from "../base/assert.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, type Pool } from "../memory/pool.ts";
import type { BlockGate } from "./block-gate.ts";
import { IdIndex } from "./id-index.ts";
import { compareIdAt, ID_WORDS, StreamId } from "./stream-id.ts";

/** Records of a full block; counts have eight bits. */
const BLOCK_RECORDS_MAX = 128;
const BLOCK_RECORDS_MIN = 2;

// Words of a directory entry behind its ID.
const REF = ID_WORDS;
const WINDOW = ID_WORDS + 1;
const DIRECTORY_PAYLOAD = 2;

const COUNT_MASK = 0xff;
const START_SHIFT = 8;
const CAPACITY_SHIFT = 16;

/** For the table's own use within one call. */
const scratchId = new StreamId();

/** IDs in ascending order, each with `payloadWords` words. */
export class IdTable {
  readonly #pool: Pool;
  /** Words per record. */
  readonly width: number;
  readonly #directory: IdIndex;
  count = 0;
  /** Told before each change, or null. */
  gate: BlockGate | null = null;

  // The record that the last find, insert or seek left.
  /** Its chunk's words, until the table or the pool changes. */
  words: Uint32Array = new Uint32Array(0);
  /** Where its ID starts in `words`; its payload follows. */
  at = 0;
  #block = 0;
  #slot = 0;

  constructor(pool: Pool, payloadWords: number) {
    this.#pool = pool;
    this.width = ID_WORDS + payloadWords;
    this.#directory = new IdIndex(pool, DIRECTORY_PAYLOAD);
  }

  /** Points at the record of an ID; false where there is none. */
  find(id: StreamId): boolean {
    const block = this.#directory.floor(id);
    if (block < 0) return false;
    const slot = this.#lowerBound(block, id);
    if (slot === this.#countOf(block)) return false;
    this.#pointAt(block, slot);
    return compareIdAt(this.words, this.at, id) === 0;
  }

  /** Points at the first record whose ID is at least `id`; false where there is none. */
  seek(id: StreamId): boolean {
    let block = this.#directory.floor(id);
    let slot = 0;
    if (block < 0) {
      block = 0;
    } else {
      slot = this.#lowerBound(block, id);
      if (slot === this.#countOf(block)) {
        block++;
        slot = 0;
      }
    }
    if (block >= this.#directory.count) return false;
    this.#pointAt(block, slot);
    return true;
  }

  /** Points at the first record; false where there is none. */
  seekFirst(): boolean {
    if (this.count === 0) return false;
    this.#pointAt(0, 0);
    return true;
  }

  /** Points at the last record; false where there is none. */
  seekLast(): boolean {
    if (this.count === 0) return false;
    const block = this.#directory.count - 1;
    this.#pointAt(block, this.#countOf(block) - 1);
    return true;
  }

  /** Points at the first record of a block; returns how many it has. */
  seekBlock(block: number): number {
    this.#pointAt(block, 0);
    return this.#countOf(block);
  }

  /** Cold: the records of a block. */
  copyOf(block: number): Uint32Array {
    const at = this.#recordAt(block, 0);
    // alloc: a copy is what is asked for
    return this.#wordsOf(block).slice(at, at + this.#countOf(block) * this.width);
  }

  /** To be called before the payload of the record pointed at is written to. */
  beforeChange(): void {
    if (this.gate !== null) this.gate.beforeChange(this.#block);
  }

  /** Points at the record after the current one; false at the end. */
  advance(): boolean {
    if (this.#slot + 1 < this.#countOf(this.#block)) {
      this.#slot++;
      this.at += this.width;
      return true;
    }
    if (this.#block + 1 >= this.#directory.count) return false;
    this.#pointAt(this.#block + 1, 0);
    return true;
  }

  /**
   * Adds an ID that is not in the table and points at its record, whose payload the caller writes.
   * Where memory runs out nothing has changed.
   */
  insert(id: StreamId): void {
    const directory = this.#directory;
    let block = directory.floor(id);
    if (block < 0) {
      if (directory.count === 0) this.#addBlock(0, id, BLOCK_RECORDS_MIN);
      block = 0;
    }
    let slot = this.#lowerBound(block, id);
    if (this.#countOf(block) === BLOCK_RECORDS_MAX) {
      if (block === directory.count - 1 && slot === BLOCK_RECORDS_MAX) {
        this.#addBlock(++block, id, BLOCK_RECORDS_MAX);
        slot = 0;
      } else {
        this.#split(block);
        if (slot > this.#countOf(block)) slot -= this.#countOf(block++);
      }
    }
    if (this.gate !== null) this.gate.beforeChange(block);
    this.#openGap(block, slot);
    if (slot === 0) id.store(directory.words, directory.wordAt(block));
    this.#pointAt(block, slot);
    id.store(this.words, this.at);
    this.count++;
  }

  /** Removes the record pointed at. */
  remove(): void {
    const block = this.#block;
    const slot = this.#slot;
    this.beforeChange();
    const window = this.#windowOf(block);
    const count = window & COUNT_MASK;
    this.count--;
    if (count === 1) return this.#removeBlock(block);
    const width = this.width;
    const first = this.at - slot * width;
    if (slot < count >>> 1) {
      moveWords(this.words, first + width, first, slot * width);
      this.#setWindow(block, window + (1 << START_SHIFT) - 1);
    } else {
      moveWords(this.words, this.at, this.at + width, (count - slot - 1) * width);
      this.#setWindow(block, window - 1);
    }
    if (count - 1 <= BLOCK_RECORDS_MAX >>> 2) this.#thin(block);
  }

  /** Frees about `count` blocks; true once the table is empty. */
  release(count: number): boolean {
    const directory = this.#directory;
    for (let k = 0; k < count && directory.count > 0; k++) {
      const last = directory.count - 1;
      this.count -= this.#countOf(last);
      this.#removeBlock(last);
    }
    if (directory.count > 0) return false;
    directory.clear();
    return true;
  }

  /** Blocks in use. */
  get blockCount(): number {
    return this.#directory.count;
  }

  /** Bytes of blocks and directory. */
  get bytes(): number {
    let bytes = this.#directory.bytes;
    for (let k = 0; k < this.#directory.count; k++) bytes += this.#pool.capacity(this.#refOf(k));
    return bytes;
  }

  /** Adds copies of all records of another table of the same width to this one, which is empty. */
  copy(other: IdTable): void {
    for (let k = 0; k < other.#directory.count; k++) {
      const count = other.#countOf(k);
      const from = other.#recordAt(k, 0);
      scratchId.load(other.#wordsOf(k), from);
      this.#addBlock(k, scratchId, count);
      const words = this.#wordsOf(k);
      const source = other.#wordsOf(k);
      const at = this.#recordAt(k, 0);
      for (let w = 0; w < count * this.width; w++) words[at + w] = source[from + w];
      this.#setWindow(k, this.#windowOf(k) + count);
      this.count += count;
    }
  }

  /** Moves block `k` out of a chunk being evacuated. */
  relocate(k: number): void {
    const capacity = this.#windowOf(k) >>> CAPACITY_SHIFT;
    if (this.#pool.isEvacuating(this.#refOf(k))) this.#reallocate(k, capacity);
  }

  /** Checks the invariants. Throws on the first violation. */
  verify(): void {
    let total = 0;
    const previous = new StreamId();
    let hasPrevious = false;
    const directory = this.#directory;
    for (let block = 0; block < directory.count; block++) {
      const window = this.#windowOf(block);
      const count = window & COUNT_MASK;
      const capacity = window >>> CAPACITY_SHIFT;
      assert(count > 0, "no block of pending entries is empty");
      assert(
        ((window >>> START_SHIFT) & COUNT_MASK) + count <= capacity,
        "records fit their block",
      );
      const bytes = this.#pool.capacity(this.#refOf(block));
      assert(capacity * this.width * 4 <= bytes, "a block has the capacity it is said to have");
      const words = this.#wordsOf(block);
      const bound = compareIdAt(directory.words, directory.wordAt(block), previous);
      assert(!hasPrevious || bound > 0, "a directory's ID is above the block before");
      for (let slot = 0; slot < count; slot++) {
        const at = this.#recordAt(block, slot);
        const order = compareIdAt(words, at, previous);
        assert(!hasPrevious || order > 0, "pending IDs ascend");
        previous.load(words, at);
        hasPrevious = true;
        if (slot > 0) continue;
        const start = compareIdAt(directory.words, directory.wordAt(block), previous);
        assert(start <= 0, "a directory's ID is at most its block's first");
      }
      total += count;
    }
    assert(total === this.count, "pending entries are counted");
  }

  #refOf(block: number): number {
    return this.#directory.words[this.#directory.wordAt(block) + REF];
  }

  #windowOf(block: number): number {
    return this.#directory.words[this.#directory.wordAt(block) + WINDOW];
  }

  #setWindow(block: number, window: number): void {
    this.#directory.words[this.#directory.wordAt(block) + WINDOW] = window;
  }

  #countOf(block: number): number {
    return this.#windowOf(block) & COUNT_MASK;
  }

  #wordsOf(block: number): Uint32Array {
    return this.#pool.words[this.#refOf(block) >>> CHUNK_SHIFT];
  }

  /** Where a record starts in its chunk's words. */
  #recordAt(block: number, slot: number): number {
    const start = (this.#windowOf(block) >>> START_SHIFT) & COUNT_MASK;
    return ((this.#refOf(block) & GRANULE_MASK) << 1) + (start + slot) * this.width;
  }

  #pointAt(block: number, slot: number): void {
    this.#block = block;
    this.#slot = slot;
    this.words = this.#wordsOf(block);
    this.at = this.#recordAt(block, slot);
  }

  /** The first slot of a block whose ID is at least `id`; the block's count where none is. */
  #lowerBound(block: number, id: StreamId): number {
    const words = this.#wordsOf(block);
    const base = this.#recordAt(block, 0);
    const width = this.width;
    let low = 0;
    let high = this.#countOf(block);
    if (high > 0 && compareIdAt(words, base + (high - 1) * width, id) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareIdAt(words, base + middle * width, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Frees a block whose records are no longer counted. */
  #removeBlock(block: number): void {
    if (this.gate !== null) this.gate.beforeRemove(block, 1);
    const freed = this.#refOf(block);
    assert(freed !== NULL_REF, "a block has a ref");
    this.#pool.free(freed);
    this.#directory.remove(block);
  }

  /** Adds an empty block. */
  #addBlock(block: number, id: StreamId, capacity: number): void {
    const ref = this.#pool.allocate(capacity * this.width * 4);
    if (this.gate !== null) this.gate.beforeInsert(block);
    const at = this.#directory.insert(block);
    const words = this.#directory.words;
    id.store(words, at);
    words[at + REF] = ref;
    words[at + WINDOW] = this.#capacityIn(ref) << CAPACITY_SHIFT;
  }

  /** Records that fit a block, size class rounding included. */
  #capacityIn(ref: number): number {
    const records = Math.floor(this.#pool.capacity(ref) / (this.width * 4));
    return Math.min(records, BLOCK_RECORDS_MAX);
  }

  /** Moves the upper half of a full block to a new one behind it. */
  #split(block: number): void {
    if (this.gate !== null) this.gate.beforeChange(block);
    const half = BLOCK_RECORDS_MAX >>> 1;
    const from = this.#recordAt(block, half);
    scratchId.load(this.#wordsOf(block), from);
    this.#addBlock(block + 1, scratchId, BLOCK_RECORDS_MAX);
    const source = this.#wordsOf(block);
    const words = this.#wordsOf(block + 1);
    const at = this.#recordAt(block + 1, 0);
    const length = (BLOCK_RECORDS_MAX - half) * this.width;
    for (let w = 0; w < length; w++) words[at + w] = source[from + w];
    this.#setWindow(block + 1, this.#windowOf(block + 1) + BLOCK_RECORDS_MAX - half);
    this.#setWindow(block, this.#windowOf(block) - (BLOCK_RECORDS_MAX - half));
  }

  /** Makes room for a record before `slot` and counts it; the block is not full. */
  #openGap(block: number, slot: number): void {
    const width = this.width;
    let window = this.#windowOf(block);
    let count = window & COUNT_MASK;
    const capacity = window >>> CAPACITY_SHIFT;
    const start = (window >>> START_SHIFT) & COUNT_MASK;
    if (start > 0 && (slot < count >>> 1 || start + count === capacity)) {
      const first = this.#recordAt(block, 0);
      // A full window is moved to the front of its block at once, so that the next ones append.
      const by = start + count === capacity ? (start + 1) >>> 1 : 1;
      const words = this.#wordsOf(block);
      const target = first - by * width;
      moveWords(words, target, first, slot * width);
      const rest = (count - slot) * width;
      if (by > 1) moveWords(words, target + (slot + 1) * width, first + slot * width, rest);
      this.#setWindow(block, window - (by << START_SHIFT) + 1);
      return;
    }
    if (start + count === capacity) {
      this.#reallocate(block, Math.min(capacity * 2, BLOCK_RECORDS_MAX));
      window = this.#windowOf(block);
      count = window & COUNT_MASK;
    }
    const at = this.#recordAt(block, slot);
    moveWords(this.#wordsOf(block), at + width, at, (count - slot) * width);
    this.#setWindow(block, window + 1);
  }

  /** Gives a block's records a pool block of their own for `capacity` records. */
  #reallocate(block: number, capacity: number): void {
    const old = this.#refOf(block);
    const count = this.#countOf(block);
    const from = this.#recordAt(block, 0);
    const source = this.#wordsOf(block);
    const ref = this.#pool.allocate(capacity * this.width * 4);
    const words = this.#pool.words[ref >>> CHUNK_SHIFT];
    const at = (ref & GRANULE_MASK) << 1;
    for (let w = 0; w < count * this.width; w++) words[at + w] = source[from + w];
    this.#directory.words[this.#directory.wordAt(block) + REF] = ref;
    this.#setWindow(block, (this.#capacityIn(ref) << CAPACITY_SHIFT) | count);
    this.#pool.free(old);
  }

  /** A block has become sparse: joins it with the next or the former one, where both fit half. */
  #thin(block: number): void {
    if (block + 1 < this.#directory.count) this.#join(block);
    if (block > 0) this.#join(block - 1);
  }

  /** Moves a block's records into the one before it, if both together leave half of it free. */
  #join(block: number): void {
    const moved = this.#countOf(block + 1);
    const kept = this.#countOf(block);
    if (moved + kept > BLOCK_RECORDS_MAX >>> 1) return;
    const window = this.#windowOf(block);
    const start = (window >>> START_SHIFT) & COUNT_MASK;
    if (start + kept + moved > window >>> CAPACITY_SHIFT) return;
    if (this.gate !== null) this.gate.beforeChange(block);
    const source = this.#wordsOf(block + 1);
    const from = this.#recordAt(block + 1, 0);
    const words = this.#wordsOf(block);
    const at = this.#recordAt(block, kept);
    for (let w = 0; w < moved * this.width; w++) words[at + w] = source[from + w];
    this.#setWindow(block, window + moved);
    this.#removeBlock(block + 1);
  }
}

/** Moves words within an array; the ranges may overlap. */
function moveWords(words: Uint32Array, to: number, from: number, length: number): void {
  if (to < from) {
    for (let k = 0; k < length; k++) words[to + k] = words[from + k];
  } else {
    for (let k = length - 1; k >= 0; k--) words[to + k] = words[from + k];
  }
}
