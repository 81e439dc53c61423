// hot path: no allocation per command
//
// Going through the members of a set, one after the other, in the order of its encoding: intsets
// ascending, listpacks as added, tables by hash.

import * as intset from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
import { MemberCursor } from "../structures/member-cursor.ts";
import { CONTAINER, INTSET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";
import type { SetValue } from "./set-value.ts";

/** A walk over one set, which must not change meanwhile. Reused for one set after another. */
export class SetWalk {
  /** The member that `next` has come to. */
  readonly member = new SetMember();
  readonly #entry = new listpack.Entry();
  #value: SetValue | null = null;
  /** An intset's next index, or a listpack's next offset. */
  #at = 0;
  /** Behind an intset's last index. */
  #end = 0;
  readonly #cursor = new MemberCursor();

  /** Begins a walk. */
  open(value: SetValue): void {
    this.#value = value;
    this.#at = 0;
    this.#end = 0;
    if (value.encoding === INTSET) this.#end = value.size;
    else if (value.encoding === CONTAINER) this.#cursor.open(value.table!);
    else this.#at = listpack.firstEntry(value.start);
  }

  /** Goes to the next member; false behind the last one. */
  next(): boolean {
    const value = this.#value!;
    const { member } = this;
    if (value.encoding === CONTAINER) {
      if (!this.#cursor.next()) return false;
      member.setRecord(value.table!, this.#cursor.ref, this.#cursor.hash | 0);
      return true;
    }
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

  /** Lets go of the set. */
  close(): void {
    this.#value = null;
    this.#cursor.close();
    this.member.clear();
  }
}
