// maxmemory: before a command that may need memory, keys are evicted until the limit holds again.

import type { Clock } from "../base/clock.ts";
import type { Effects } from "../command/effects.ts";
import type { LatencyMonitor } from "../command/latency-monitor.ts";
import type { Pauses } from "../command/pauses.ts";
import type { Statistics } from "../command/statistics.ts";
import type { Eviction } from "../keyspace/eviction.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";

/** What the limit needs of the server. */
export interface MemoryHost {
  readonly clock: Clock;
  readonly effects: Effects;
  readonly latency: LatencyMonitor;
  readonly pauses: Pauses;
  readonly statistics: Statistics;
  readonly keyspace: Keyspace;
  /** Bytes that the limit is about. */
  readonly memory: { readonly limitedBytes: number };
  /** Propagates what happened to a database outside of a command. */
  finishEffects(dbIndex: number): void;
}

/** Evictions between two readings of the clock. */
const EVICTIONS_PER_CHECK = 16;

/** Up to this tenacity the time grows evenly, from here on by 15 % each, as Redis documents it. */
const EVEN_TENACITY = 10;
const TENACITY_MAX = 100;
const US_PER_TENACITY = 50;
const TENACITY_GROWTH = 1.15;

/** Keeps a server's memory below maxmemory. */
export class MemoryLimit {
  readonly #eviction: Eviction;
  readonly #host: MemoryHost;
  /** maxmemory in bytes, 0 = none. */
  limitBytes = 0;
  /** How long one command may be held up by evictions, microseconds. */
  budgetUs = EVEN_TENACITY * US_PER_TENACITY;

  constructor(eviction: Eviction, host: MemoryHost) {
    this.#eviction = eviction;
    this.#host = host;
  }

  get isSet(): boolean {
    return this.limitBytes > 0;
  }

  /** maxmemory-eviction-tenacity: 0 to 100, where 100 knows no limit of time. */
  set tenacity(value: number) {
    const even = Math.min(value, EVEN_TENACITY) * US_PER_TENACITY;
    this.budgetUs =
      value >= TENACITY_MAX
        ? Number.POSITIVE_INFINITY
        : even * TENACITY_GROWTH ** Math.max(0, value - EVEN_TENACITY);
  }

  /**
   * Evicts until the limit holds or the time for it is up; the background goes on then. False where
   * nothing is left that the policy lets go.
   */
  makeRoom(): boolean {
    if (this.#isKept) {
      this.#noteBelow();
      return true;
    }
    return this.#host.pauses.keyspaceFrozen || this.#evict(this.budgetUs);
  }

  /** In the background: evicts for about `budgetUs`. Whether there is more to do at once. */
  relieve(budgetUs: number): boolean {
    if (this.#isKept || this.#host.pauses.keyspaceFrozen) return false;
    return this.#evict(budgetUs) && !this.#isKept;
  }

  get #isKept(): boolean {
    return this.limitBytes === 0 || this.#host.memory.limitedBytes <= this.limitBytes;
  }

  /** False where memory stays above the limit because the policy lets nothing go. */
  #evict(budgetUs: number): boolean {
    const host = this.#host;
    if (host.statistics.evictionExceededSinceMs === 0) {
      host.statistics.evictionExceededSinceMs = host.clock.wallMs();
    }
    const since = host.clock.monotonicUs();
    let elapsedUs = 0;
    let isPossible = true;
    for (let evicted = 1; isPossible && !this.#isKept && elapsedUs <= budgetUs; evicted++) {
      // What is on its way out already counts until it is gone.
      if (host.keyspace.lazyFree.pendingCount > 0) {
        host.keyspace.lazyFree.run(host.clock, 0);
        elapsedUs = host.clock.monotonicUs() - since;
        continue;
      }
      isPossible = this.#eviction.evictOne();
      // On its own: neither part of the command that needs the room, nor of its database.
      if (isPossible) host.finishEffects(this.#eviction.dbIndex);
      if (evicted % EVICTIONS_PER_CHECK === 0) elapsedUs = host.clock.monotonicUs() - since;
    }
    const elapsedMs = (host.clock.monotonicUs() - since) / 1000;
    host.latency.add("eviction-cycle", elapsedMs, host.keyspace.nowMs);
    if (this.#isKept) this.#noteBelow();
    return isPossible || this.#isKept;
  }

  #noteBelow(): void {
    const statistics = this.#host.statistics;
    if (statistics.evictionExceededSinceMs === 0) return;
    statistics.evictionExceededMs += this.#host.clock.wallMs() - statistics.evictionExceededSinceMs;
    statistics.evictionExceededSinceMs = 0;
  }
}
