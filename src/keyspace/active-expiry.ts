// The active expiry cycle: deletes keys whose time has come without waiting for somebody to ask.
//
// Every table segment holds a lower bound of its records' expiry times, and of those of the fields
// of its hashes, so a sweep over a database skips segments in which nothing can be due after
// reading one number. A segment that may hold due records is walked, the due ones are deleted, so
// are due fields, and the bound is set to what was found. A hash with more due fields than a slice
// has time for keeps the bound low: the next slice goes on at its segment. A slice is
// bounded in time; a sweep that found little starts again only after a pause, so that a database of
// many keys with scattered expiries does not keep the processor busy for each of them.

import type { Clock } from "../base/clock.ts";
import { NO_EXPIRY, RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
import { EMPTIED, earliestFieldExpiry, expireFields, MORE } from "./field-expiry.ts";
import type { Keyspace } from "./keyspace.ts";

/** A sweep that expires less than this share of the records it looked at is not worth repeating. */
const WORTHWHILE_SHARE = 0.1;
/** Pause after such a sweep. */
const IDLE_MS = 1000;
/** Segments whose bound is looked at between two readings of the clock. */
const SEGMENTS_PER_CHECK = 64;

/** Where one database's sweep stands. */
interface Sweep {
  position: number;
  examined: number;
  expired: number;
  /** Not before this time, Unix ms. */
  nextMs: number;
}

/** Sweeps the databases of one keyspace. */
export class ActiveExpiry {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #sweeps: Sweep[];
  readonly #view: RecordView;
  readonly #due: { ref: number; hash: number }[] = [];
  /** Hashes of the segment being swept that have fields which are due. */
  readonly #withDueFields: { ref: number; hash: number }[] = [];
  #database = 0;
  #afterKey: (dbIndex: number) => void = () => {};

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
    this.#view = new RecordView(keyspace.pool);
    this.#sweeps = keyspace.databases.map(newSweep);
  }

  /**
   * Works for `budgetUs` microseconds at most, as far as one segment allows. `afterKey` is called
   * for each key that expired, to propagate that. Returns whether there is more to do at once.
   */
  run(budgetUs: number, afterKey: (dbIndex: number) => void): boolean {
    this.#afterKey = afterKey;
    const deadline = this.#clock.monotonicUs() + budgetUs;
    const databases = this.#keyspace.databases;
    for (let tried = 0; tried < databases.length; tried++) {
      const index = this.#database;
      const db = databases[index];
      const isIdle = db.volatileCount === 0 && db.fieldVolatileCount === 0;
      const finished = isIdle || this.#sweep(db, this.#sweeps[index], deadline);
      if (!finished) return true;
      this.#database = (index + 1) % databases.length;
    }
    return false;
  }

  /** Goes on with a database's sweep; false when time ran out first. */
  #sweep(db: Database, sweep: Sweep, deadline: number): boolean {
    const nowMs = this.#keyspace.nowMs;
    if (sweep.position === 0 && nowMs < sweep.nextMs) return true;
    const table = db.table;
    let untilCheck = SEGMENTS_PER_CHECK;
    do {
      // Known before: deletions merge the segment with its neighbour, which is not swept yet.
      const end = table.segmentEnd(sweep.position);
      if (table.earliestExpiry(sweep.position) <= nowMs) {
        if (!this.#sweepSegment(db, sweep, nowMs, deadline)) return false;
        untilCheck = 0;
      }
      sweep.position = end;
      if (--untilCheck <= 0) {
        if (sweep.position !== 0 && this.#clock.monotonicUs() >= deadline) return false;
        untilCheck = SEGMENTS_PER_CHECK;
      }
    } while (sweep.position !== 0);
    finish(sweep, nowMs);
    return true;
  }

  /** Sweeps one segment; false when time ran out before all its due fields were deleted. */
  #sweepSegment(db: Database, sweep: Sweep, nowMs: number, deadline: number): boolean {
    const view = this.#view;
    const due = this.#due;
    const position = sweep.position;
    let earliest = Number.POSITIVE_INFINITY;
    db.table.scan(position, Number.POSITIVE_INFINITY, (ref, hash) => {
      view.load(ref, hash | 0);
      const fieldExpiryMs = earliestFieldExpiry(db, view);
      const isVolatile = view.expiryMs !== NO_EXPIRY;
      if (isVolatile || fieldExpiryMs < Number.POSITIVE_INFINITY) sweep.examined++;
      if (isVolatile && view.expiryMs <= nowMs) {
        due.push({ ref, hash: hash | 0 });
        return;
      }
      if (isVolatile && view.expiryMs < earliest) earliest = view.expiryMs;
      if (fieldExpiryMs < nowMs) this.#withDueFields.push({ ref, hash: hash | 0 });
      else if (fieldExpiryMs < earliest) earliest = fieldExpiryMs;
    });
    // The sweep may stand in the middle of a segment that has merged meanwhile; its bound is then
    // not known from this half and stays.
    const isWhole = position === 0 || db.table.segmentEnd(position - 1) === position;
    if (isWhole) db.table.setEarliestExpiry(position, earliest);
    sweep.expired += due.length;
    for (const { ref, hash } of due) {
      view.load(ref, hash);
      db.expire(view);
      this.#afterKey(db.index);
    }
    due.length = 0;
    return this.#expireFields(db, sweep, deadline);
  }

  /** Deletes the due fields that the sweep of a segment has found; false when time ran out. */
  #expireFields(db: Database, sweep: Sweep, deadline: number): boolean {
    const view = this.#view;
    const afterField = () => this.#afterKey(db.index);
    let isInTime = true;
    for (const { ref, hash } of this.#withDueFields) {
      view.load(ref, hash);
      let step = MORE as number;
      while (isInTime && step === MORE) {
        step = expireFields(this.#keyspace, db, view, afterField);
        isInTime = this.#clock.monotonicUs() < deadline;
      }
      if (step !== EMPTIED) db.noteFieldExpiry(view);
      if (step !== MORE) sweep.expired++;
      // That a hash goes with its last field has been told with that.
      this.#keyspace.changes.settle(false, 0);
    }
    this.#withDueFields.length = 0;
    return isInTime;
  }
}

function newSweep(): Sweep {
  return { position: 0, examined: 0, expired: 0, nextMs: 0 };
}

/** Ends a sweep over a database and sets when the next one may begin. */
function finish(sweep: Sweep, nowMs: number): void {
  const isWorthwhile = sweep.expired > sweep.examined * WORTHWHILE_SHARE;
  sweep.nextMs = isWorthwhile ? nowMs : nowMs + IDLE_MS;
  sweep.examined = 0;
  sweep.expired = 0;
}
