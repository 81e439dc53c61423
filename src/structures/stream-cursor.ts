// hot path: no allocation per command
//
// Walks the entries of a stream, forwards or backwards, between two IDs, deleted ones passed over.
// Reused; valid until the stream changes.

import type { Pool } from "../memory/pool.ts";
import { CHUNK_SHIFT, GRANULE_MASK } from "../memory/pool.ts";
import { endOf, nextEntry, previousEntry, TERMINATOR } from "./listpack.ts";
import type { Stream } from "./stream.ts";
import {
  ENTRY_DELETED,
  firstEntryAt,
  masterFieldsAt,
  readEntryId,
  SAME_FIELDS,
  smallInteger,
} from "./stream-block.ts";
import { ID_WORDS, StreamId } from "./stream-id.ts";

/** A place in a stream. */
export class StreamCursor {
  /** The current entry's ID. */
  readonly id = new StreamId();
  /** Pairs of field and value in the current entry. */
  fieldCount = 0;
  /** The chunk that the offsets below refer to. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Whether fields and values stand apart, the fields in the master entry. */
  isSplit = false;
  /** The first field's element. */
  fieldAt = 0;
  /** The first value's element; with fields in between unless they stand apart. */
  valueAt = 0;
  /** The current entry: its flags. */
  entryAt = 0;
  /** Which block it is in. */
  blockIndex = 0;

  /** Undefined where one block is all there is. */
  #stream: Stream | undefined;
  #pool!: Pool;
  readonly #from = new StreamId();
  readonly #to = new StreamId();
  readonly #master = new StreamId();
  /** Where the block starts in `bytes`. */
  #block = 0;
  #masterFieldCount = 0;
  #masterFieldAt = 0;
  /** Forwards: where the next entry starts. Backwards: where the former one ends. */
  #at = 0;
  #isBackwards = false;
  /** No entry within the bounds has been met yet. */
  #isSeeking = false;

  /** Starts before the first entry in [from, to]. */
  start(stream: Stream, from: StreamId, to: StreamId): void {
    this.#bound(stream, from, to);
    this.#isBackwards = false;
    const block = stream.blocks.floor(from);
    this.#load(Math.max(block, 0));
  }

  /** As `start`, where the first entry is known to be no earlier than at a place. */
  startAt(stream: Stream, from: StreamId, to: StreamId, blockIndex: number, offset: number): void {
    this.#bound(stream, from, to);
    this.#isBackwards = false;
    this.#load(blockIndex);
    this.#at = this.#block + offset;
  }

  /** Starts before the first entry of one block, wherever its bytes are. */
  startBlock(bytes: Uint8Array, block: number, master: StreamId): void {
    this.#stream = undefined;
    this.#from.setZero();
    this.#to.setMaximum();
    this.#isSeeking = true;
    this.#isBackwards = false;
    this.blockIndex = 0;
    this.#master.copy(master);
    this.#enter(bytes, block);
  }

  /** Where the walk forwards goes on, counted from the start of its block. */
  get nextOffset(): number {
    return this.#at - this.#block;
  }

  /** Starts behind the last entry in [from, to]. */
  startBackwards(stream: Stream, from: StreamId, to: StreamId): void {
    this.#bound(stream, from, to);
    this.#isBackwards = true;
    this.#load(stream.blocks.floor(to));
  }

  #bound(stream: Stream, from: StreamId, to: StreamId): void {
    this.#stream = stream;
    this.#pool = stream.pool;
    this.#from.copy(from);
    this.#to.copy(to);
    this.#isSeeking = true;
  }

  /** Loads a block, which may be beyond either end. */
  #load(index: number): void {
    this.blockIndex = index;
    const { blocks } = this.#stream!;
    if (index < 0 || index >= blocks.count) return;
    const at = blocks.wordAt(index);
    const ref = blocks.words[at + ID_WORDS];
    this.#master.load(blocks.words, at);
    this.#enter(this.#pool.bytes[ref >>> CHUNK_SHIFT], (ref & GRANULE_MASK) << 3);
  }

  #enter(bytes: Uint8Array, block: number): void {
    this.bytes = bytes;
    this.#block = block;
    const fields = masterFieldsAt(bytes, block);
    this.#masterFieldCount = smallInteger(bytes, fields);
    this.#masterFieldAt = nextEntry(bytes, fields);
    this.#at = this.#isBackwards ? endOf(bytes, block) : firstEntryAt(bytes, block);
  }

  /** Moves to the next entry in the direction of the walk; false at its end. */
  next(): boolean {
    return this.#isBackwards ? this.#previousInRange() : this.#nextInRange();
  }

  #nextInRange(): boolean {
    const blockCount = this.#stream === undefined ? 1 : this.#stream.blocks.count;
    if (blockCount === 0) return false;
    for (;;) {
      const bytes = this.bytes;
      const at = this.#at;
      if (bytes[at] === TERMINATOR) {
        // The cursor stays where the next entry will be appended.
        if (this.blockIndex + 1 >= blockCount) return false;
        this.#load(this.blockIndex + 1);
        continue;
      }
      this.#at = this.#parse(at);
      if ((bytes[at] & ENTRY_DELETED) !== 0) continue;
      if (this.#isSeeking) {
        if (this.id.compare(this.#from) < 0) continue;
        this.#isSeeking = false;
      }
      return this.id.compare(this.#to) <= 0;
    }
  }

  #previousInRange(): boolean {
    for (;;) {
      if (this.blockIndex < 0) return false;
      const bytes = this.bytes;
      const block = this.#block;
      const count = previousEntry(bytes, block, this.#at);
      const elements = smallInteger(bytes, count);
      // The master entry ends with a zero where entries have their number of elements.
      if (elements === 0) {
        this.#load(this.blockIndex - 1);
        continue;
      }
      let at = count;
      for (let k = 0; k < elements; k++) at = previousEntry(bytes, block, at);
      this.#at = at;
      this.#parse(at);
      if ((bytes[at] & ENTRY_DELETED) !== 0) continue;
      if (this.#isSeeking) {
        if (this.id.compare(this.#to) > 0) continue;
        this.#isSeeking = false;
      }
      return this.id.compare(this.#from) >= 0;
    }
  }

  /** Reads the entry at `at`; returns where the next one starts. */
  #parse(at: number): number {
    const bytes = this.bytes;
    this.entryAt = at;
    readEntryId(bytes, at, this.#master, this.id);
    let cursor = nextEntry(bytes, nextEntry(bytes, at + 2));
    let elements: number;
    this.isSplit = (bytes[at] & SAME_FIELDS) !== 0;
    if (this.isSplit) {
      this.fieldCount = this.#masterFieldCount;
      this.fieldAt = this.#masterFieldAt;
      this.valueAt = cursor;
      elements = this.fieldCount;
    } else {
      this.fieldCount = smallInteger(bytes, cursor);
      cursor = nextEntry(bytes, cursor);
      this.fieldAt = cursor;
      this.valueAt = nextEntry(bytes, cursor);
      elements = this.fieldCount * 2;
    }
    for (let k = 0; k < elements; k++) cursor = nextEntry(bytes, cursor);
    return nextEntry(bytes, cursor);
  }
}
