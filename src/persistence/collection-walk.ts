// A large set, hash or sorted set on its way into a snapshot, member by member. It works as the
// walk over a database does (snapshot.ts): by hash, members that change ahead of it taken first
// and marked.

import type { Pool } from "../memory/pool.ts";
import type { Container } from "../structures/container.ts";
import { type MemberGate, MemberTable } from "../structures/member-table.ts";
import { isMarked, mark, RecordView, unmark } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import type { CollectionSink } from "./snapshot.ts";

/** Members taken per step. */
const MEMBERS_PER_STEP = 256;

/** The table of a collection's members; undefined where it is made otherwise. */
export function memberTableOf(container: Container): MemberTable | undefined {
  if (container instanceof MemberTable) return container;
  return container instanceof SortedSet ? container.members : undefined;
}

/** Takes the members of one collection as they were when it was made. */
export class CollectionWalk implements MemberGate {
  readonly container: Container;
  readonly #table: MemberTable;
  readonly #pool: Pool;
  readonly #sink: CollectionSink;
  readonly #view: RecordView;
  #position = 0;
  #isAborted = false;

  constructor(pool: Pool, container: Container, table: MemberTable, sink: CollectionSink) {
    this.container = container;
    this.#table = table;
    this.#pool = pool;
    this.#sink = sink;
    this.#view = new RecordView(pool);
    table.gate = this;
  }

  /** It is this collection's turn to be written. */
  activate(): void {
    this.#sink.activate();
  }

  /** Takes nothing more; the steps that are left only clear marks. */
  abort(): void {
    this.#isAborted = true;
  }

  /** Goes on; false once all members have been taken. */
  step(): boolean {
    this.#position = this.#table.scan(this.#position, MEMBERS_PER_STEP, (ref) => {
      if (isMarked(this.#pool, ref)) unmark(this.#pool, ref);
      else this.#take(ref);
    });
    if (this.#position !== 0) return true;
    this.#table.gate = null;
    this.#sink.finish();
    return false;
  }

  beforeChange(ref: number, hash: number): void {
    if (hash >>> 0 < this.#position || isMarked(this.#pool, ref)) return;
    this.#take(ref);
    mark(this.#pool, ref);
  }

  afterInsert(ref: number, hash: number): void {
    if (hash >>> 0 >= this.#position) mark(this.#pool, ref);
  }

  #take(ref: number): void {
    if (this.#isAborted) return;
    this.#view.load(ref, 0);
    this.#sink.member(this.#view);
  }
}
