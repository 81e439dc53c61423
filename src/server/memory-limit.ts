// maxmemory: before a command that may need memory, keys are evicted until the limit holds again.

import type { Clock } from "../base/clock.ts";
import type { Effects } from "../command/effects.ts";
import type { LatencyMonitor } from "../command/latency-monitor.ts";
import type { Statistics } from "../command/statistics.ts";
import type { Eviction } from "../keyspace/eviction.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";

/** What the limit needs of the server. */
export interface MemoryHost {
  readonly clock: Clock;
  readonly effects: Effects;
  readonly latency: LatencyMonitor;
  readonly statistics: Statistics;
  readonly keyspace: Keyspace;
  usedMemory(): number;
}

/** Keys evicted between two measurements of what client buffers and the AOF hold. */
const EVICTIONS_PER_MEASUREMENT = 16;

/** Keeps a server's memory below maxmemory. */
export class MemoryLimit {
  readonly #eviction: Eviction;
  readonly #host: MemoryHost;
  /** maxmemory in bytes, 0 = none. */
  limitBytes = 0;

  constructor(eviction: Eviction, host: MemoryHost) {
    this.#eviction = eviction;
    this.#host = host;
  }

  get isSet(): boolean {
    return this.limitBytes > 0;
  }

  /** Evicts until the limit holds; false where nothing is left that the policy lets go. */
  makeRoom(): boolean {
    if (this.limitBytes === 0 || this.#host.usedMemory() <= this.limitBytes) {
      this.#noteBelow();
      return true;
    }
    const host = this.#host;
    if (host.statistics.evictionExceededSinceMs === 0) {
      host.statistics.evictionExceededSinceMs = host.clock.wallMs();
    }
    const since = host.clock.monotonicUs();
    let isPossible = true;
    while (isPossible && host.usedMemory() > this.limitBytes) {
      for (let k = 0; k < EVICTIONS_PER_MEASUREMENT && isPossible; k++) {
        isPossible = this.#eviction.evictOne();
        if (host.keyspace.usedBytes <= this.limitBytes) break;
      }
    }
    const elapsedMs = (host.clock.monotonicUs() - since) / 1000;
    host.latency.add("eviction-cycle", elapsedMs, host.keyspace.nowMs);
    if (host.usedMemory() > this.limitBytes) return false;
    this.#noteBelow();
    return true;
  }

  #noteBelow(): void {
    const statistics = this.#host.statistics;
    if (statistics.evictionExceededSinceMs === 0) return;
    statistics.evictionExceededMs += this.#host.clock.wallMs() - statistics.evictionExceededSinceMs;
    statistics.evictionExceededSinceMs = 0;
  }
}
