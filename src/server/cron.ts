// Periodic work: ten times a second statistics, limits of idle clients, due syncs of the AOF; in
// short slices in between, while there is any, active expiry, eviction that commands had no time
// for, and the compaction of memory.

import { LOG_VERBOSE } from "../base/log.ts";
import { Compaction } from "../keyspace/compaction.ts";
import type { Server } from "./server.ts";

const TICK_MS = 100;
/** A slice of background work, and the pause after it: a quarter of the processor. */
const SLICE_US = 1000;
const SLICE_PAUSE_MS = 3;

/** Runs a server's periodic work. */
export class Cron {
  readonly #server: Server;
  readonly #compaction: Compaction;
  #tickTimer: Timer | undefined;
  #sliceTimer: Timer | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#compaction = new Compaction(server.keyspace, server.clock);
  }

  start(): void {
    this.#tickTimer = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#tickTimer);
    clearTimeout(this.#sliceTimer);
    this.#sliceTimer = undefined;
  }

  /** One round of what happens ten times a second. */
  tick(): void {
    const server = this.#server;
    if (server.debugSettings.cronPaused) return;
    server.events.calibrate();
    server.events.begin();
    const nowMs = server.keyspace.nowMs;
    if (server.executions.isBusy) {
      // The data stands still between the slices of a script.
      server.durability.tick();
      return server.events.end();
    }
    const usedBytes = server.memory.usedBytes;
    server.statistics.noteMemory(nowMs, usedBytes);
    server.statistics.sample(server.clock.monotonicUs(), nowMs, usedBytes);
    if (server.pauses.untilMs <= nowMs) server.pauses.expire(nowMs);
    server.blocking.expire(nowMs);
    server.migrations.tick(nowMs);
    this.#checkClients(nowMs);
    server.durability.tick();
    server.rewriting.tick();
    server.snapshots.tick();
    server.tickScripts();
    server.updateRestrictions();
    server.ending.tick();
    server.statistics.eventLoopCronUs += server.clock.monotonicUs() - server.events.startUs;
    server.events.end();
    if (this.#sliceTimer === undefined) this.slice();
  }

  /** One slice of background work; the next one follows while there is more to do. */
  slice(): void {
    const server = this.#server;
    this.#sliceTimer = undefined;
    if (server.executions.isBusy) return;
    server.events.begin();
    let hasMore = false;
    const maySweep =
      server.debugSettings.activeExpire &&
      !server.persistence.loading &&
      !server.pauses.keyspaceFrozen;
    if (maySweep) {
      const before = server.clock.monotonicUs();
      hasMore = server.expiry.run(this.#expirySliceUs, (dbIndex) => server.finishEffects(dbIndex));
      const elapsedMs = (server.clock.monotonicUs() - before) / 1000;
      server.latency.add("expire-cycle", elapsedMs, server.keyspace.nowMs);
    }
    if (!hasMore) hasMore = server.keyspace.lazyFree.run(server.clock, SLICE_US);
    if (!hasMore) hasMore = server.relieveMemory(SLICE_US);
    if (!hasMore) hasMore = this.#compaction.run(SLICE_US);
    server.events.settle();
    if (hasMore && this.#tickTimer !== undefined) {
      this.#sliceTimer = setTimeout(() => this.slice(), SLICE_PAUSE_MS);
    }
  }

  /** active-expire-effort: from a quarter of the processor to 43 %, as in Redis. */
  get #expirySliceUs(): number {
    const share = 0.25 + 0.02 * (this.#server.config.integer("active-expire-effort") - 1);
    return (SLICE_PAUSE_MS * 1000 * share) / (1 - share);
  }

  #checkClients(nowMs: number): void {
    const server = this.#server;
    const timeoutMs = server.config.integer("timeout") * 1000;
    for (const connection of [...server.connections]) {
      connection.checkOutputLimit(nowMs);
      const client = connection.client;
      if (timeoutMs === 0 || client.closing || client.blocked || client.isMonitor) continue;
      if (client.isSubscribed) continue;
      if (nowMs - client.lastInteractionMs < timeoutMs) continue;
      server.logger.log(LOG_VERBOSE, "Closing idle client");
      connection.close("now");
    }
  }
}
