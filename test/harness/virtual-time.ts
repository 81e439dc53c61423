// Timers that stand still until time is passed by hand, so that a simulation takes no time of its
// own and its course depends on nothing but its seed. While installed, setTimeout, setInterval and
// setImmediate of the whole process are these; promises go on as ever.

import type { ManualClock } from "../../src/base/clock.ts";

interface VirtualTimer {
  readonly id: number;
  readonly callback: () => void;
  /** Due by the clock, milliseconds, and in this order among those of the same time. */
  dueMs: number;
  readonly intervalMs: number;
}

const REAL = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate };

/** What takes longer in virtual time never ends. */
const PATIENCE_MS = 10_000;

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => REAL.setImmediate(resolve));
}

export class VirtualTime implements Disposable {
  /** Moved along with the timers. */
  clock: ManualClock;
  #timers: VirtualTimer[] = [];
  #immediates: (() => void)[] = [];
  #count = 0;

  constructor(clock: ManualClock) {
    this.clock = clock;
    const later = (repeats: boolean) => (callback: () => void, ms?: number) => {
      const delayMs = Math.max(1, ms ?? 1);
      const id = ++this.#count;
      const dueMs = this.#nowMs + delayMs;
      this.#timers.push({ id, callback, dueMs, intervalMs: repeats ? delayMs : 0 });
      return id;
    };
    const clear = (id: unknown) => {
      this.#timers = this.#timers.filter((timer) => timer.id !== id);
    };
    Object.assign(globalThis, {
      setTimeout: later(false),
      setInterval: later(true),
      clearTimeout: clear,
      clearInterval: clear,
      setImmediate: (callback: () => void) => this.#immediates.push(callback),
    });
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, REAL);
  }

  /** Forgets all timers: whoever set them is dead. */
  forget(): void {
    this.#timers = [];
    this.#immediates = [];
  }

  get #nowMs(): number {
    return this.clock.monotonicUs() / 1000;
  }

  /** One turn of the event loop. */
  async turn(): Promise<void> {
    await settle();
    const immediates = this.#immediates;
    this.#immediates = [];
    for (const callback of immediates) callback();
    await settle();
  }

  /** Lets time pass, with everything that is due meanwhile. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.dueMs > untilMs) break;
      this.clock.advance(Math.max(0, next.dueMs - this.#nowMs));
      if (next.intervalMs > 0) next.dueMs += next.intervalMs;
      else this.#timers = this.#timers.filter((timer) => timer !== next);
      next.callback();
      await this.turn();
    }
    this.clock.advance(Math.max(0, untilMs - this.#nowMs));
  }

  /** Lets time pass until a promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const note = () => {
      isSettled = true;
    };
    promise.then(note, note);
    const limitMs = this.#nowMs + PATIENCE_MS;
    while (!isSettled) {
      if (this.#nowMs > limitMs) throw new Error("what is waited for does not come to its end");
      await this.turn();
      if (!isSettled && this.#immediates.length === 0) await this.pass(1);
    }
    return promise;
  }

  #next(): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}
