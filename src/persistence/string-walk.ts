// A large string on its way into a snapshot, piece by piece. Its block stays as it is meanwhile:
// where the record is replaced or deleted, the block becomes this walk's, to be given back at the
// end; only what changes a string in place has the rest of it copied first.

import { CHUNK_SHIFT, NULL_REF, type Pool } from "../memory/pool.ts";
import type { RecordView } from "../structures/record.ts";
import type { CollectionWalk } from "./collection-walk.ts";
import type { StringSink } from "./snapshot-sink.ts";

const PIECE_BYTES = 1 << 18;

/** Takes one string as it was when this was made. */
export class StringWalk implements CollectionWalk {
  readonly container = undefined;
  /** The record that the string is in. */
  readonly ref: number;
  copiedTotal = 0;
  readonly #pool: Pool;
  readonly #sink: StringSink;
  #bytes: Uint8Array;
  #at: number;
  #end: number;
  #isCopied = false;
  /** The block, where it is no record's any more. */
  #ownRef = NULL_REF;

  constructor(pool: Pool, view: RecordView, sink: StringSink) {
    this.#pool = pool;
    this.#sink = sink;
    this.ref = view.ref;
    this.#bytes = pool.bytes[view.ref >>> CHUNK_SHIFT];
    this.#at = view.valueStart;
    this.#end = view.valueEnd;
  }

  get copiedBytes(): number {
    return this.#isCopied ? this.#end : 0;
  }

  /** The string is about to be changed in place. */
  copy(): void {
    this.#bytes = this.#bytes.slice(this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    this.#isCopied = true;
    this.copiedTotal += this.#end;
  }

  /** The record's block is this walk's from now on. */
  adopt(): void {
    this.#ownRef = this.ref;
    this.copiedTotal += this.#end - this.#at;
  }

  activate(): void {
    this.#sink.activate();
  }

  abort(): void {
    this.#at = this.#end;
  }

  step(): boolean {
    const to = Math.min(this.#end, this.#at + PIECE_BYTES);
    if (this.#at < to) {
      this.#sink.piece(this.#bytes, this.#at, to);
      this.#at = to;
      return true;
    }
    this.#sink.finish();
    if (this.#ownRef !== NULL_REF) this.#pool.free(this.#ownRef);
    return false;
  }
}
