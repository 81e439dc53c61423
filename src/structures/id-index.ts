// hot path: no allocation per command
//
// A short sorted list of stream IDs with a few words each, in one typed array: where the blocks of
// a stream, or of a table of pending entries, begin.
//
//   words   | unused | id (4 words) payload (stride - 4 words) | id payload | ... | unused |
//             #first entries before the first one in use
//
// Appending is what mostly happens, taking from the front comes next; anything else moves at most
// half of the entries. Invariants: IDs ascend strictly; `#first + count` entries fit `words`.

import type { Pool } from "../memory/pool.ts";
import { compareIdAt, ID_WORDS, type StreamId } from "./stream-id.ts";

const NO_WORDS = new Uint32Array(0);
const WORD_BYTES = 4;
/** Below this an array is not made smaller. */
const KEPT_ENTRIES = 64;

/** IDs in ascending order, each with `stride - 4` words of payload. */
export class IdIndex {
  readonly #pool: Pool;
  /** Words per entry. */
  readonly stride: number;
  /** Entry `k` starts at `wordAt(k)`. Another array after every change of the number of entries. */
  words = NO_WORDS;
  count = 0;
  #first = 0;

  constructor(pool: Pool, payloadWords: number) {
    this.#pool = pool;
    this.stride = ID_WORDS + payloadWords;
  }

  /** Where entry `k` starts in `words`. */
  wordAt(k: number): number {
    return (this.#first + k) * this.stride;
  }

  /** The last entry whose ID is at most `id`, or -1. */
  floor(id: StreamId): number {
    const words = this.words;
    const stride = this.stride;
    const first = this.#first;
    let low = 0;
    let high = this.count;
    // Most searches are for the end.
    if (high > 0 && compareIdAt(words, (first + high - 1) * stride, id) <= 0) return high - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareIdAt(words, (first + middle) * stride, id) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Opens a gap for a new entry `k`, whose words the caller writes; returns where it starts. */
  insert(k: number): number {
    const stride = this.stride;
    if (this.#first > 0 && k < this.count >>> 1) {
      const start = this.wordAt(0);
      if (k > 0) this.words.copyWithin(start - stride, start, start + k * stride);
      this.#first--;
    } else {
      if (this.#isFull()) this.#makeRoom();
      const start = this.wordAt(k);
      if (k < this.count) this.words.copyWithin(start + stride, start, this.wordAt(this.count));
    }
    this.count++;
    return this.wordAt(k);
  }

  /** Removes entry `k`. */
  remove(k: number): void {
    const stride = this.stride;
    const start = this.wordAt(k);
    if (k < this.count >>> 1) {
      const first = this.wordAt(0);
      if (k > 0) this.words.copyWithin(first + stride, first, start);
      this.#first++;
    } else if (k < this.count - 1) {
      this.words.copyWithin(start, start + stride, this.wordAt(this.count));
    }
    this.count--;
    if (this.count === 0) this.#first = 0;
    const capacity = this.words.length / stride;
    if (capacity > KEPT_ENTRIES && this.count < capacity >>> 2) this.#resize(this.count * 2);
  }

  /** Forgets everything. */
  clear(): void {
    this.#pool.outsideBytes -= this.words.byteLength;
    this.words = NO_WORDS;
    this.count = 0;
    this.#first = 0;
  }

  /** Becomes a copy of another index of the same stride. */
  copy(other: IdIndex): void {
    this.#resize(other.count);
    const start = other.wordAt(0);
    for (let k = 0; k < other.count * this.stride; k++) this.words[k] = other.words[start + k];
    this.count = other.count;
  }

  /** Bytes of the array. */
  get bytes(): number {
    return this.words.length * WORD_BYTES;
  }

  /** Makes room behind the last entry: of what is unused in front, if that is worth the move. */
  #makeRoom(): void {
    if (this.#first * 4 < this.count || this.#first === 0) {
      return this.#resize(this.count + (this.count >>> 1) + 1);
    }
    this.words.copyWithin(0, this.wordAt(0), this.wordAt(this.count));
    this.#first = 0;
  }

  #isFull(): boolean {
    return (this.#first + this.count + 1) * this.stride > this.words.length;
  }

  /** Moves the entries to the front of an array for `entries` of them. */
  #resize(entries: number): void {
    const former = this.words;
    // alloc: growing by half, so that appending stays linear
    const words = new Uint32Array(entries * this.stride);
    const start = this.wordAt(0);
    const length = this.count * this.stride;
    for (let k = 0; k < length; k++) words[k] = former[start + k];
    this.#pool.outsideBytes += words.byteLength - former.byteLength;
    this.words = words;
    this.#first = 0;
  }
}
