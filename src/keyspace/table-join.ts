// hot path: no allocation per command
//
// The members that several tables have in common. All tables are in hash order: those of like size
// are walked through side by side, in much larger ones each member of the smallest is looked up.

import { NULL_REF } from "../memory/pool.ts";
import { MemberCursor } from "../structures/member-cursor.ts";
import type { MemberTable } from "../structures/member-table.ts";
import { CONTAINER } from "../structures/record.ts";
import type { SetValue } from "./set-value.ts";

/** More tables than this are not joined. */
const TABLES_MAX = 16;
/** Passing over a member takes about this share of the time to look one up. */
export const SKIPPED_PER_SEARCH = 6;

/** A walk through what tables have in common. Reused for others. */
export class TableJoin {
  /** The record, in the first table, of the member that `next` has come to, and its hash. */
  ref = NULL_REF;
  hash = 0;
  readonly #cursors: MemberCursor[] = [];
  readonly #tables: MemberTable[] = [];
  readonly #isParallel = new Uint8Array(TABLES_MAX);

  /** The table that the walk goes through. */
  get first(): MemberTable {
    return this.#tables[0];
  }

  /** Walks through the sets [0, count), the smallest first; false where not all are tables. */
  open(sets: readonly SetValue[], count: number): boolean {
    if (count > TABLES_MAX) return false;
    for (let k = 0; k < count; k++) if (sets[k].encoding !== CONTAINER) return false;
    const least = sets[0].size;
    for (let k = 0; k < count; k++) {
      const table = sets[k].table!;
      // alloc: as many as the join with the most tables so far has had
      if (this.#cursors.length === k) this.#cursors.push(new MemberCursor());
      this.#tables[k] = table;
      const isParallel = k === 0 || table.size <= least * SKIPPED_PER_SEARCH;
      this.#isParallel[k] = isParallel ? 1 : 0;
      if (isParallel) this.#cursors[k].open(table);
    }
    this.#tables.length = count;
    return true;
  }

  /** Goes to the next member that all have; false behind the last one. */
  next(): boolean {
    const cursor = this.#cursors[0];
    while (cursor.next()) {
      if (!this.#isEverywhere(cursor.ref, cursor.hash)) continue;
      this.ref = cursor.ref;
      this.hash = cursor.hash;
      return true;
    }
    return false;
  }

  #isEverywhere(ref: number, hash: number): boolean {
    const tables = this.#tables;
    for (let k = 1; k < tables.length; k++) {
      if (this.#isParallel[k] === 1) {
        const cursor = this.#cursors[k];
        if (!cursor.seek(hash)) return false;
        // Another member of the same hash may stand in front.
        if (tables[k].isSame(cursor.ref, ref)) continue;
      }
      if (tables[k].findSame(ref, hash | 0) === NULL_REF) return false;
    }
    return true;
  }

  /** Lets go of the tables. */
  close(): void {
    for (let k = 0; k < this.#tables.length; k++) this.#cursors[k].close();
    this.#tables.length = 0;
  }
}
