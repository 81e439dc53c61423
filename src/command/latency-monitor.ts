// The latency monitor: events that took longer than a threshold, by event name, newest 160 kept.
// Names are the server's own words ("command", "expire-cycle"), never a client's.
//
// Invariants of a series: at most SAMPLES_MAX samples, one per second at most (the slowest of that
// second), oldest first; `maxMs` is the all-time maximum and outlives the samples.

export const SAMPLES_MAX = 160;

/** One latency spike. */
export interface LatencySample {
  /** Unix time in seconds. */
  readonly seconds: number;
  readonly ms: number;
}

/** The spikes of one event. */
export class LatencySeries {
  maxMs = 0;
  readonly samples: LatencySample[] = [];

  get newest(): LatencySample {
    return this.samples[this.samples.length - 1];
  }

  add(seconds: number, ms: number): void {
    if (ms > this.maxMs) this.maxMs = ms;
    const last = this.samples.length - 1;
    if (last >= 0 && this.samples[last].seconds === seconds) {
      if (ms > this.samples[last].ms) this.samples[last] = { seconds, ms };
      return;
    }
    if (this.samples.length === SAMPLES_MAX) this.samples.shift();
    this.samples.push({ seconds, ms });
  }
}

/** One server's latency events. */
export class LatencyMonitor {
  /** Events shorter than this are not kept; 0 turns the monitor off. Set from the configuration. */
  thresholdMs = 0;
  readonly #series = new Map<string, LatencySeries>();

  /** Keeps an event of `ms` milliseconds that ended at `nowMs`, if it is long enough. */
  add(event: string, ms: number, nowMs: number): void {
    if (this.thresholdMs === 0 || ms < this.thresholdMs) return;
    let series = this.#series.get(event);
    if (series === undefined) {
      series = new LatencySeries();
      this.#series.set(event, series);
    }
    series.add(Math.floor(nowMs / 1000), Math.floor(ms));
  }

  get(event: string): LatencySeries | undefined {
    return this.#series.get(event);
  }

  /** Events with their series, in the order of their first spike. */
  [Symbol.iterator](): IterableIterator<[string, LatencySeries]> {
    return this.#series.entries();
  }

  /** Forgets one event; true if there was something to forget. */
  forget(event: string): boolean {
    return this.#series.delete(event);
  }

  /** Forgets everything; returns the number of events forgotten. */
  clear(): number {
    const count = this.#series.size;
    this.#series.clear();
    return count;
  }
}
