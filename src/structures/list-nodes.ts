// hot path: no allocation per command
//
// The nodes of a large list, in order: a deque over one array of words, four per node, with unused
// room at either end. A node's block holds listpack entries and nothing else, and unused bytes
// before and behind them, so that neither end of the list ever moves a whole node:
//
//   words  | unused | ref start length count | ref start length count | ... | unused |
//                     ^ first
//   block  | unused | entry | entry | entry | unused |
//                   ^ start, an offset in the chunk; `length` bytes of entries
//
// The top bit of a count marks a plain node: one entry too large to share a node. A row is the
// place of a node's first word; rows are void once a node is opened, closed or merged.
//
// Invariants: a node holds at least one entry, except while its owner is filling it; the array is
// counted in the pool's outsideBytes.

import { copyBytes } from "../base/ascii.ts";
import { assert } from "../base/assert.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, Pool } from "../memory/pool.ts";
import type { BlockGate } from "./block-gate.ts";
import type { Releasable } from "./container.ts";

/** What the words of a row are. */
export const REF = 0;
export const START = 1;
export const LENGTH = 2;
export const COUNT = 3;

/** Marks the count of a plain node, which is 1. */
export const PLAIN = 0x8000_0000;

/** At which end of a node room is wanted. */
export const FRONT = 0;
export const BACK = 1;

const ROW_SHIFT = 2;
export const ROW_WORDS = 1 << ROW_SHIFT;
const ROWS_MIN = 4;

/** A sequence of blocks of entries. */
export class ListNodes implements Releasable {
  readonly pool: Pool;
  words: Uint32Array = new Uint32Array(ROWS_MIN * ROW_WORDS);
  /** Number of nodes. */
  count = 0;
  /** Told before each change, or null. */
  gate: BlockGate | null = null;
  /** Unused rows in front of the first node. */
  #first = 0;

  constructor(pool: Pool) {
    this.pool = pool;
    pool.outsideBytes += this.words.byteLength;
  }

  /** The row of a node by its place in the sequence. */
  row(node: number): number {
    return (this.#first + node) << ROW_SHIFT;
  }

  /** Number of entries in a node. */
  entries(row: number): number {
    return this.words[row + COUNT] & ~PLAIN;
  }

  isPlain(row: number): boolean {
    return this.words[row + COUNT] >= PLAIN;
  }

  /** The chunk that a node's offsets refer to. */
  bytes(row: number): Uint8Array {
    return this.pool.bytes[this.words[row + REF] >>> CHUNK_SHIFT];
  }

  /** Opens an empty node with a block of at least `room` bytes, entries to grow from `end`. */
  open(node: number, room: number, end: number): number {
    // First what may fail.
    this.#reserveRow();
    const ref = this.pool.allocate(room);
    const row = this.#insertRow(node);
    const words = this.words;
    const base = baseOf(ref);
    words[row + REF] = ref;
    words[row + START] = end === BACK ? base : base + this.pool.capacity(ref);
    words[row + LENGTH] = 0;
    words[row + COUNT] = 0;
    return row;
  }

  /** Frees the blocks of `count` nodes and closes the gap. */
  close(node: number, count: number): void {
    if (this.gate !== null) this.gate.beforeRemove(node, count);
    const words = this.words;
    const to = this.row(node + count);
    for (let row = this.row(node); row < to; row += ROW_WORDS) {
      if (words[row + REF] !== NULL_REF) this.pool.free(words[row + REF]);
    }
    this.#closeGap(node, count);
  }

  /** Takes `count` nodes out and closes the gap; they are the caller's, to be released. */
  cut(node: number, count: number): ListNodes {
    if (this.gate !== null) this.gate.beforeRemove(node, count);
    const taken = new ListNodes(this.pool);
    taken.count = count;
    taken.#resize(count + 2);
    // alloc: one view for many nodes
    const rows = this.words.subarray(this.row(node), this.row(node + count));
    taken.words.set(rows, taken.row(0));
    this.#closeGap(node, count);
    return taken;
  }

  release(count: number): boolean {
    const freed = Math.min(count, this.count);
    this.close(this.count - freed, freed);
    if (this.count > 0) return false;
    this.pool.outsideBytes -= this.words.byteLength;
    this.words = new Uint32Array(0);
    return true;
  }

  /** Forgets `count` nodes, whose blocks are no longer theirs. */
  #closeGap(node: number, count: number): void {
    const words = this.words;
    const behind = this.count - node - count;
    if (node < behind) {
      words.copyWithin(this.row(count), this.row(0), this.row(node));
      this.#first += count;
    } else {
      words.copyWithin(this.row(node), this.row(node + count), this.row(this.count));
    }
    this.count -= count;
    if (this.count === 0) this.#first = 0;
    else this.#shrink();
  }

  /**
   * Makes `size` bytes of room in front of a node's first entry and takes them into the node.
   * `limit` is the size that the node may be expected to grow to. Returns where to write.
   */
  prepend(row: number, size: number, limit: number): number {
    this.#beforeChange(row);
    const words = this.words;
    if (words[row + START] - baseOf(words[row + REF]) < size) {
      this.#makeRoom(row, size, FRONT, limit);
    }
    words[row + LENGTH] += size;
    words[row + START] -= size;
    return words[row + START];
  }

  /** As `prepend`, behind the last entry. */
  append(row: number, size: number, limit: number): number {
    this.#beforeChange(row);
    const words = this.words;
    const end = words[row + START] + words[row + LENGTH];
    const ref = words[row + REF];
    if (end + size > baseOf(ref) + this.pool.capacity(ref)) {
      this.#makeRoom(row, size, BACK, limit);
    }
    const at = words[row + START] + words[row + LENGTH];
    words[row + LENGTH] += size;
    return at;
  }

  /**
   * Replaces `removed` bytes at an offset `at` by a gap of `added` bytes, moving the shorter side
   * of the node. Returns where the gap is. The node's count is the caller's.
   */
  splice(row: number, at: number, removed: number, added: number, limit: number): number {
    this.#beforeChange(row);
    const words = this.words;
    const offset = at - words[row + START];
    const growth = added - removed;
    const isFront = offset < words[row + LENGTH] - offset - removed;
    if (growth > 0) {
      if (isFront) this.prepend(row, growth, limit);
      else this.append(row, growth, limit);
    } else {
      words[row + LENGTH] += growth;
      if (isFront) words[row + START] -= growth;
    }
    // The side that moves has its new place now, and its bytes are where they were before.
    const bytes = this.bytes(row);
    const start = words[row + START];
    if (isFront) {
      bytes.copyWithin(start, start + growth, start + growth + offset);
    } else {
      const tail = start + offset + removed;
      bytes.copyWithin(start + offset + added, tail, start + words[row + LENGTH] - growth);
    }
    return start + offset;
  }

  /** Cuts bytes off the front of a node, which hold `count` entries. */
  cutFront(row: number, size: number, count: number): void {
    this.#beforeChange(row);
    const words = this.words;
    words[row + START] += size;
    words[row + LENGTH] -= size;
    words[row + COUNT] -= count;
  }

  /** Cuts bytes off the back of a node, which hold `count` entries. */
  cutBack(row: number, size: number, count: number): void {
    this.#beforeChange(row);
    const words = this.words;
    words[row + LENGTH] -= size;
    words[row + COUNT] -= count;
  }

  /** Moves the node's entries to a block that fits them where theirs is an eighth too large. */
  trim(row: number): void {
    const words = this.words;
    const length = words[row + LENGTH];
    const capacity = this.pool.capacity(words[row + REF]);
    if (Pool.capacityFor(length) <= capacity - (capacity >>> 3)) this.#move(row, length, 0);
  }

  /** Moves the node's entries out of a chunk that is being evacuated. */
  relocate(row: number): void {
    if (!this.pool.isEvacuating(this.words[row + REF])) return;
    const base = baseOf(this.words[row + REF]);
    const room = this.words[row + START] - base;
    this.#move(row, this.pool.capacity(this.words[row + REF]), room);
  }

  /** Splits a node at an offset: the entries from there on become a node of their own behind it. */
  split(node: number, at: number, countBefore: number): void {
    this.#beforeChange(this.row(node));
    const length = this.words[this.row(node) + START] + this.words[this.row(node) + LENGTH] - at;
    const right = this.open(node + 1, length, BACK);
    const left = this.row(node);
    const words = this.words;
    const start = words[right + START];
    copyBytes(this.bytes(right), start, this.bytes(left), at, at + length);
    words[right + LENGTH] = length;
    words[right + COUNT] = words[left + COUNT] - countBefore;
    words[left + LENGTH] -= length;
    words[left + COUNT] = countBefore;
  }

  /** Joins a node with the one behind it. */
  merge(node: number): void {
    const words = this.words;
    const left = this.row(node);
    const right = this.row(node + 1);
    const length = words[right + LENGTH];
    const at = this.append(left, length, words[left + LENGTH] + length);
    const start = words[right + START];
    copyBytes(this.bytes(left), at, this.bytes(right), start, start + length);
    words[left + COUNT] += words[right + COUNT];
    this.close(node + 1, 1);
  }

  /** Checks that a node lies within its block. Throws where it does not. */
  verify(row: number): void {
    const { words } = this;
    const base = baseOf(words[row + REF]);
    assert(words[row + START] >= base, "entries start within their block");
    const end = words[row + START] + words[row + LENGTH];
    assert(end <= base + this.pool.capacity(words[row + REF]), "entries end within their block");
  }

  /** Makes at least `size` bytes of room at one end of a node. */
  #makeRoom(row: number, size: number, end: number, limit: number): void {
    const words = this.words;
    const ref = words[row + REF];
    const length = words[row + LENGTH];
    const capacity = this.pool.capacity(ref);
    const needed = length + size;
    const base = baseOf(ref);
    const start = words[row + START];
    const otherRoom = end === BACK ? start - base : base + capacity - start - length;
    // What a list that is used at both ends leaves at the other one: else it moved every time.
    if (needed + (capacity >>> 3) <= capacity) {
      const kept = (capacity - needed) >>> 2;
      const to = end === BACK ? base + kept : base + capacity - kept - length;
      this.pool.bytes[ref >>> CHUNK_SHIFT].copyWithin(to, start, start + length);
      words[row + START] = to;
      return;
    }
    let target = Math.min(needed * 2, Math.max(needed, limit));
    // Large enough, but not at this end.
    if (target <= capacity) target = needed + (needed >>> 2);
    const larger = Pool.capacityFor(target);
    const kept = otherRoom > 0 ? (larger - needed) >>> 2 : 0;
    this.#move(row, target, end === BACK ? kept : larger - kept - length);
  }

  /** Gives a node another block; its entries start `room` bytes from the block's begin. */
  #move(row: number, capacity: number, room: number): void {
    const { pool, words } = this;
    const old = words[row + REF];
    const ref = pool.allocate(capacity);
    const start = words[row + START];
    const to = baseOf(ref) + room;
    const source = pool.bytes[old >>> CHUNK_SHIFT];
    copyBytes(pool.bytes[ref >>> CHUNK_SHIFT], to, source, start, start + words[row + LENGTH]);
    words[row + REF] = ref;
    words[row + START] = to;
    pool.free(old);
  }

  /** Makes sure that there is an unused row at either end, and none there is in use. */
  #reserveRow(): void {
    const rows = this.words.length >>> ROW_SHIFT;
    if (this.#first > 0 && this.#first + this.count < rows) return;
    if (this.count < rows >>> 1) return this.#place(this.words, (rows - this.count) >>> 1);
    // alloc: doubling
    this.#resize(Math.max(rows * 2, ROWS_MIN));
  }

  /** Gives back most of the array once an eighth of it would do. */
  #shrink(): void {
    const rows = this.words.length >>> ROW_SHIFT;
    if (rows > ROWS_MIN * 4 && this.count < rows >>> 3) this.#resize(rows >>> 2);
  }

  #resize(rows: number): void {
    // alloc: doubling and quartering
    const words = new Uint32Array(rows << ROW_SHIFT);
    this.pool.outsideBytes += words.byteLength - this.words.byteLength;
    this.#place(words, (rows - this.count) >>> 1);
  }

  /** Moves the rows to an array, which may be their own. */
  #place(words: Uint32Array, first: number): void {
    const from = this.row(0);
    const to = this.row(this.count);
    if (words === this.words) words.copyWithin(first << ROW_SHIFT, from, to);
    // alloc: one view where the array grew or shrank
    else words.set(this.words.subarray(from, to), first << ROW_SHIFT);
    this.words = words;
    this.#first = first;
  }

  #beforeChange(row: number): void {
    if (this.gate !== null) this.gate.beforeChange((row >>> ROW_SHIFT) - this.#first);
  }

  /** Makes a row for a node; one of those at the ends is free. */
  #insertRow(node: number): number {
    if (this.gate !== null) this.gate.beforeInsert(node);
    const words = this.words;
    if (node < this.count - node) {
      words.copyWithin(this.row(-1), this.row(0), this.row(node));
      this.#first--;
    } else {
      words.copyWithin(this.row(node + 1), this.row(node), this.row(this.count));
    }
    this.count++;
    return this.row(node);
  }
}

/** The offset of a block in its chunk. */
function baseOf(ref: number): number {
  return (ref & GRANULE_MASK) << 3;
}
