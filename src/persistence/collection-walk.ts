// Large collections on their way into a snapshot, part by part. A set, hash or sorted set goes
// member by member, as the walk over a database goes (snapshot.ts): by hash, members that change
// ahead of it taken first and marked. For lists and streams see list-walk.ts and stream-walk.ts.

import type { Pool } from "../memory/pool.ts";
import type { Container } from "../structures/container.ts";
import { type MemberGate, MemberTable } from "../structures/member-table.ts";
import { isMarked, mark, RecordView, unmark } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import type { MemberSink } from "./snapshot-sink.ts";

/** Members taken per step. */
const MEMBERS_PER_STEP = 64;

/** Takes the parts of one collection, or large string, as they were when it was made. */
export interface CollectionWalk {
  readonly container: Container | undefined;
  /** Bytes that it holds of what has been copied because it changed. */
  readonly copiedBytes: number;
  /** Bytes of everything that has been copied because it changed. */
  readonly copiedTotal: number;
  /** It is this collection's turn to be written. */
  activate(): void;
  /** Takes nothing more; the steps that are left only clear up. */
  abort(): void;
  /** Goes on; false once all parts have been taken. */
  step(): boolean;
}

/** The table of a collection's members; undefined where it is made otherwise. */
export function memberTableOf(container: Container): MemberTable | undefined {
  if (container instanceof MemberTable) return container;
  return container instanceof SortedSet ? container.members : undefined;
}

/** Takes the members of one set, hash or sorted set. */
export class MemberWalk implements CollectionWalk, MemberGate {
  readonly container: Container;
  /** What changes goes to the sink at once. */
  readonly copiedBytes = 0;
  copiedTotal = 0;
  readonly #table: MemberTable;
  readonly #pool: Pool;
  readonly #sink: MemberSink;
  readonly #view: RecordView;
  #position = 0;
  #isAborted = false;

  constructor(pool: Pool, container: Container, table: MemberTable, sink: MemberSink) {
    this.container = container;
    this.#table = table;
    this.#pool = pool;
    this.#sink = sink;
    this.#view = new RecordView(pool);
    table.gate = this;
  }

  activate(): void {
    this.#sink.activate();
  }

  abort(): void {
    this.#isAborted = true;
  }

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
    this.copiedTotal += this.#pool.capacity(ref);
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
