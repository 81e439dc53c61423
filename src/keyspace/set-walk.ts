// hot path: no allocation per command
//
// Going through the members of a set, one after the other, in the order of its encoding: intsets
// ascending, listpacks as added, tables by hash.

import * as intset from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
import { CONTAINER, INTSET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";
import type { SetValue } from "./set-value.ts";

/** Pairs that a segment of a table has at most, but for very many equal hashes. */
const PAIRS_USUAL = 1100;

/** A walk over one set, which must not change meanwhile. Reused for one set after another. */
export class SetWalk {
  /** The member that `next` has come to. */
  readonly member = new SetMember();
  readonly #entry = new listpack.Entry();
  #value: SetValue | null = null;
  /** An intset's next index, a listpack's next offset, or the next pair of a table's segment. */
  #at = 0;
  /** Behind the last index or pair. */
  #end = 0;
  /** Hashes and refs of a table's segment. */
  #pairs = new Uint32Array(2 * PAIRS_USUAL);
  /** The position of a table's next segment; negative behind the last one. */
  #position = 0;

  /** Begins a walk. */
  open(value: SetValue): void {
    this.#value = value;
    this.#at = 0;
    this.#end = 0;
    this.#position = 0;
    if (value.encoding === INTSET) this.#end = value.size;
    else if (value.encoding !== CONTAINER) this.#at = listpack.firstEntry(value.start);
  }

  /** Goes to the next member; false behind the last one. */
  next(): boolean {
    const value = this.#value!;
    const { member } = this;
    if (value.encoding === CONTAINER) return this.#nextRecord(value);
    if (value.encoding === INTSET) {
      if (this.#at === this.#end) return false;
      intset.loadElement(value.bytes, value.start, this.#at, member.value);
      member.setInteger();
      member.at = this.#at++;
      return true;
    }
    if (value.bytes[this.#at] === listpack.TERMINATOR) return false;
    const entry = this.#entry;
    const at = this.#at;
    this.#at = entry.load(value.bytes, at);
    if (entry.isInteger && entry.isSafe) {
      member.value.setNumber(entry.value);
      member.setInteger();
    } else {
      member.setText(entry.bytes, entry.start, entry.end);
    }
    member.at = at;
    return true;
  }

  #nextRecord(value: SetValue): boolean {
    const table = value.table!;
    while (this.#at === this.#end) {
      if (this.#position < 0) return false;
      const count = table.segmentSize(this.#position);
      // alloc: only where very many hashes are equal
      if (count * 2 > this.#pairs.length) this.#pairs = new Uint32Array(count * 2);
      this.#at = 0;
      this.#end = table.copySegment(this.#position, this.#pairs) * 2;
      const next = table.segmentEnd(this.#position);
      this.#position = next === 0 ? -1 : next;
    }
    this.member.setRecord(table, this.#pairs[this.#at + 1], this.#pairs[this.#at] | 0);
    this.#at += 2;
    return true;
  }

  /** Lets go of the set. */
  close(): void {
    this.#value = null;
    this.member.clear();
  }
}
