// CLIENT PAUSE and its like: until when which commands must wait. Dispatch compares `level` with
// PAUSE_NONE for each command and asks `appliesTo` only while something is paused; holding the
// bytes of paused clients is the server's business.
//
// Each purpose has its own pause; the strictest one in force counts. Invariant: `level` is the
// strictest level of the purposes that have not ended, as of the last `expire`, and `untilMs` when
// the next of them ends.

import { MAY_REPLICATE, WRITE } from "./spec.ts";

export const PAUSE_NONE = 0;
/** Commands that may change data wait; keys neither expire nor get evicted. */
export const PAUSE_WRITE = 1;
/** Every command of clients other than replicas waits. */
export const PAUSE_ALL = 2;

export type PauseLevel = typeof PAUSE_NONE | typeof PAUSE_WRITE | typeof PAUSE_ALL;

/** Who pauses. */
export const BY_CLIENT = 0;
export const DURING_SHUTDOWN = 1;
export const DURING_FAILOVER = 2;

export type PausePurpose = typeof BY_CLIENT | typeof DURING_SHUTDOWN | typeof DURING_FAILOVER;

const PURPOSES = 3;

/** One server's pauses. */
export class Pauses {
  /** The strictest level in force. */
  level: PauseLevel = PAUSE_NONE;
  /** Unix ms when the next pause ends; Infinity without one. */
  untilMs = Number.POSITIVE_INFINITY;
  /** Called when a pause begins, and when clients may go on; set by the server. */
  onPause: () => void = () => {};
  onRelease: () => void = () => {};

  readonly #levels: PauseLevel[] = new Array(PURPOSES).fill(PAUSE_NONE);
  readonly #ends = new Float64Array(PURPOSES);

  /** Whether a command must wait, by its flags; for EXEC those of the commands queued. */
  appliesTo(commandFlags: number, nowMs: number): boolean {
    if (nowMs >= this.untilMs) this.expire(nowMs);
    if (this.level === PAUSE_ALL) return true;
    return this.level === PAUSE_WRITE && (commandFlags & (WRITE | MAY_REPLICATE)) !== 0;
  }

  /** Whether keys must stay as they are: no expiry, no eviction. */
  get keyspaceFrozen(): boolean {
    return this.level !== PAUSE_NONE;
  }

  /**
   * Starts or extends a purpose's pause. The end is the later of the old and the new one, and a
   * pause of everything is not weakened to one of writes while it lasts.
   */
  pause(purpose: PausePurpose, level: PauseLevel, untilMs: number): void {
    this.#levels[purpose] = Math.max(this.#levels[purpose], level) as PauseLevel;
    this.#ends[purpose] = Math.max(this.#ends[purpose], untilMs);
    this.#refresh();
    this.onPause();
  }

  /** Ends a purpose's pause before its time. */
  release(purpose: PausePurpose): void {
    const before = this.level;
    this.#end(purpose);
    this.#refresh();
    if (this.level < before) this.onRelease();
  }

  /** Ends the pauses whose time is over; for the cron and a timer at `untilMs`. */
  expire(nowMs: number): void {
    if (nowMs < this.untilMs) return;
    const before = this.level;
    for (let purpose = 0; purpose < PURPOSES; purpose++) {
      if (nowMs >= this.#ends[purpose]) this.#end(purpose);
    }
    this.#refresh();
    if (this.level < before) this.onRelease();
  }

  #end(purpose: number): void {
    this.#levels[purpose] = PAUSE_NONE;
    this.#ends[purpose] = 0;
  }

  #refresh(): void {
    let level: PauseLevel = PAUSE_NONE;
    let untilMs = Number.POSITIVE_INFINITY;
    for (let purpose = 0; purpose < PURPOSES; purpose++) {
      const own = this.#levels[purpose];
      if (own === PAUSE_NONE) continue;
      if (own > level) level = own;
      if (this.#ends[purpose] < untilMs) untilMs = this.#ends[purpose];
    }
    this.level = level;
    this.untilMs = untilMs;
  }
}
