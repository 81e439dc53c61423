// hot path: no allocation per command
//
// Going through the members of a table in hash order. Since all tables hash alike, two cursors that
// go on together find what two tables have in common without a search.

import { CHUNK_SHIFT, GRANULE_MASK } from "../memory/pool.ts";
import type { MemberTable } from "./member-table.ts";

/** Pairs that a segment of a table has at most, but for very many equal hashes. */
const PAIRS_USUAL = 1100;
const AT_END = -1;

/** A place in a table, which must not change meanwhile. Reused for one table after another. */
export class MemberCursor {
  /** The member that `next` or `seek` has come to. */
  ref = 0;
  /** Its hash, unsigned. */
  hash = 0;
  #table: MemberTable | null = null;
  /** Hash and ref of each member of a segment. */
  #pairs = new Uint32Array(2 * PAIRS_USUAL);
  /** Keeps loads from being optimised away. */
  #touched = 0;
  #at = 0;
  #end = 0;
  /** The position of the next segment, or AT_END. */
  #position = AT_END;

  /** Goes in front of the first member. */
  open(table: MemberTable): void {
    this.#table = table;
    this.#at = 0;
    this.#end = 0;
    this.#position = 0;
  }

  /** Goes to the next member; false behind the last one. */
  next(): boolean {
    while (this.#at === this.#end) {
      if (this.#position === AT_END) return false;
      this.#load();
    }
    this.hash = this.#pairs[this.#at];
    this.ref = this.#pairs[this.#at + 1];
    this.#at += 2;
    return true;
  }

  /**
   * Goes on to the first member with a hash of at least `wanted`, unsigned, and stays there.
   * Returns whether it has that hash; then `ref` is it.
   */
  seek(wanted: number): boolean {
    for (;;) {
      const pairs = this.#pairs;
      const end = this.#end;
      let at = this.#at;
      while (at < end && pairs[at] < wanted) at += 2;
      this.#at = at;
      if (at < end) {
        this.ref = pairs[at + 1];
        return pairs[at] === wanted;
      }
      if (this.#position === AT_END) return false;
      // Segments without the hash need not be read.
      const segment = this.#table!.segmentStart(wanted);
      if (segment > this.#position) this.#position = segment;
      this.#load();
    }
  }

  #load(): void {
    const table = this.#table!;
    const count = table.segmentSize(this.#position);
    // alloc: only where very many hashes are equal
    if (count * 2 > this.#pairs.length) this.#pairs = new Uint32Array(count * 2);
    this.#at = 0;
    this.#end = table.copySegment(this.#position, this.#pairs) * 2;
    this.#touched ^= this.#touchRecords(table);
    const next = table.segmentEnd(this.#position);
    this.#position = next === 0 ? AT_END : next;
  }

  /** Loads the head of every record of the segment: all at once, cache misses overlap. */
  #touchRecords(table: MemberTable): number {
    const { words } = table.pool;
    const pairs = this.#pairs;
    const end = this.#end;
    let sum = 0;
    for (let at = 1; at < end; at += 2) {
      const ref = pairs[at];
      sum ^= words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    }
    return sum;
  }

  /** Lets go of the table. */
  close(): void {
    this.#table = null;
    this.#end = this.#at;
    this.#position = AT_END;
  }
}
