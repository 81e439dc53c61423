// The two clocks everything is timed by. Injected at the root, so that tests move time by hand.

/** A source of time. */
export interface Clock {
  /** Unix time in milliseconds, a whole number. */
  wallMs(): number;
  /** Unix time in microseconds, a whole number. */
  wallUs(): number;
  /** Microseconds since an arbitrary start, never going back; may have a fraction. */
  monotonicUs(): number;
}

/** The longest timer in milliseconds; longer ones fire at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** Further apart than this, the wall clock was set and the fine one no longer follows it. */
const DRIFT_MS_MAX = 2;

/** The machine's clocks. */
class SystemClock implements Clock {
  /** Unix milliseconds at which the monotonic clock read 0. */
  #originMs = performance.timeOrigin;

  wallMs(): number {
    return Date.now();
  }

  wallUs(): number {
    const coarseMs = Date.now();
    const elapsedMs = performance.now();
    if (Math.abs(this.#originMs + elapsedMs - coarseMs) > DRIFT_MS_MAX) {
      this.#originMs = coarseMs - elapsedMs;
    }
    return Math.floor((this.#originMs + elapsedMs) * 1000);
  }

  monotonicUs(): number {
    return performance.now() * 1000;
  }
}

export const systemClock: Clock = new SystemClock();

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;

  constructor(startWallMs: number) {
    this.#wallMs = startWallMs;
  }

  wallMs(): number {
    return this.#wallMs + Math.floor(this.#elapsedMs);
  }

  wallUs(): number {
    return Math.floor((this.#wallMs + this.#elapsedMs) * 1000);
  }

  monotonicUs(): number {
    return this.#elapsedMs * 1000;
  }

  /** Moves both clocks forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.#elapsedMs += ms;
  }
}
