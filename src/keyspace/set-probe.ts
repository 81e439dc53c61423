// hot path: no allocation per command
//
// Whether a set has the members of another one that is walked through. Where both are tables of
// like size they are walked through together, in hash order; else each member is looked up.

import { MemberCursor } from "../structures/member-cursor.ts";
import { CONTAINER } from "../structures/record.ts";
import type { SetMember } from "../structures/set-member.ts";
import type { SetValue } from "./set-value.ts";
import { SKIPPED_PER_SEARCH } from "./table-join.ts";

/** A set that is asked for the members of a walk, in their order. Reused. */
export class SetProbe {
  readonly #cursor = new MemberCursor();
  #value: SetValue | null = null;
  #isParallel = false;

  /** Makes ready for a walk through `walked` from its begin. */
  open(value: SetValue, walked: SetValue): void {
    this.#value = value;
    const areTables = value.encoding === CONTAINER && walked.encoding === CONTAINER;
    this.#isParallel = areTables && value.size <= walked.size * SKIPPED_PER_SEARCH;
    if (this.#isParallel) this.#cursor.open(value.table!);
  }

  /** Whether the set has the member that the walk has come to. */
  contains(member: SetMember): boolean {
    const value = this.#value!;
    if (!this.#isParallel) return value.contains(member);
    const table = value.table!;
    if (!this.#cursor.seek(member.hash(table) >>> 0)) return false;
    // Another member of the same hash may stand in front.
    return table.isSame(this.#cursor.ref, member.ref) || value.contains(member);
  }

  /** Lets go of the set. */
  close(): void {
    this.#value = null;
    this.#cursor.close();
  }
}
