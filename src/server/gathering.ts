// Company for a sync: with `appendfsync always` one sync serves all whose replies wait, so a turn
// should not end before those are there who are about to come.
//
// Clients that were answered together come back within moments, but one by one: while the loop
// executes what the first of them sent, the others are still sending. So the end of a turn looks at
// the sockets again, as long as that brings somebody and fewer wait than one sync has lately
// served. Nobody waits for those who stay away: two looks that bring nothing end it, and so does
// the time.

import type { Clock } from "../base/clock.ts";

/** Looks in a row that bring nobody, after which nobody is expected any more. */
const VAIN_LOOKS_MAX = 2;
/** The first who came waits no longer than this for the last. */
const GATHERING_US_MAX = 1000;
/** Per sync, of those who have stayed away, so many are no longer expected: one in eight. */
const FORGET_SHIFT = 3;

/** Decides when a turn has gathered enough. */
export class Gathering {
  readonly #clock: Clock;
  /** How many a sync has lately served. */
  #expected = 0;
  /** How many waited when the sockets were last looked at; 0 before the first look. */
  #seen = 0;
  #vainLooks = 0;
  #beganUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the sockets should be looked at once more before a sync serves those who wait. */
  goesOn(waiting: number): boolean {
    if (waiting >= this.#expected) return false;
    const nowUs = this.#clock.monotonicUs();
    if (this.#seen === 0) this.#beganUs = nowUs;
    if (nowUs - this.#beganUs > GATHERING_US_MAX) return false;
    if (waiting > this.#seen) this.#vainLooks = 0;
    else if (++this.#vainLooks === VAIN_LOOKS_MAX) return false;
    this.#seen = waiting;
    return true;
  }

  /** A sync serves so many. */
  end(served: number): void {
    const missing = this.#expected - served;
    if (missing <= 0) this.#expected = served;
    else this.#expected -= (missing >>> FORGET_SHIFT) + 1;
    this.#seen = 0;
    this.#vainLooks = 0;
  }
}
