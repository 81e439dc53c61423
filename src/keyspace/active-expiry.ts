// The active expiry cycle: deletes keys whose time has come without waiting for somebody to ask.
//
// Every table segment holds a lower bound of its records' expiry times, so a sweep over a database
// skips segments in which nothing can be due after reading one number. A segment that may hold due
// records is walked, the due ones are deleted and the bound is set to what was found. A slice is
// bounded in time; a sweep that found little starts again only after a pause, so that a database of
// many keys with scattered expiries does not keep the processor busy for each of them.

import type { Clock } from "../base/clock.ts";
import { isVolatile, RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
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
      const finished = db.volatileCount === 0 || this.#sweep(db, this.#sweeps[index], deadline);
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
      if (table.volatileAt(sweep.position) > 0 && table.earliestExpiry(sweep.position) <= nowMs) {
        this.#sweepSegment(db, sweep, nowMs);
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

  #sweepSegment(db: Database, sweep: Sweep, nowMs: number): void {
    const view = this.#view;
    const pool = this.#keyspace.pool;
    const due = this.#due;
    const position = sweep.position;
    let earliest = Number.POSITIVE_INFINITY;
    db.table.scan(position, Number.POSITIVE_INFINITY, (ref, hash) => {
      if (!isVolatile(pool, ref)) return;
      view.load(ref, hash | 0);
      sweep.examined++;
      if (view.expiryMs <= nowMs) due.push({ ref, hash: hash | 0 });
      else if (view.expiryMs < earliest) earliest = view.expiryMs;
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
