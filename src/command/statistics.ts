// The counters behind INFO. Owners of an event increment plain fields; nothing here is computed on
// the way. Every 100 ms the cron takes a sample, from which the instantaneous rates come.
//
// Hits, misses, expiries and evictions of keys are counted by the keyspace.
//
// Invariants: counters only grow until `reset`; `errors` never holds more than ERROR_CODES_MAX
// codes, since scripts may invent codes without end.

import { latin1Text } from "../base/text.ts";

/** Codes counted one by one; one more, and only ERRORS_DISABLED remains until the next reset. */
const ERROR_CODES_MAX = 128;
const ERRORS_DISABLED = "ERRORSTATS_DISABLED";
/** An error's code ends at the first blank of so many bytes, its leading minus counted. */
const ERROR_CODE_BYTES_MAX = 32;
const SAMPLE_COUNT = 16;

/** What the memory in use consists of, in bytes; measured by the server. */
export interface MemoryReport {
  /** Everything counted: live pool blocks, indexes, buffers of clients and of the AOF. */
  readonly usedBytes: number;
  /** Keys and values alone. */
  readonly datasetBytes: number;
  /** `usedBytes` of the server when it had started. */
  readonly startupBytes: number;
  /** Bytes the pool has handed out, the pages they lie on, and all pages it holds. */
  readonly allocatorAllocated: number;
  readonly allocatorActive: number;
  readonly allocatorResident: number;
  /** AOF bytes that have not been written yet. */
  readonly aofBufferBytes: number;
  /** Held back by a snapshot under way. */
  readonly snapshotBytes: number;
  /** The databases that hold keys. */
  readonly databases: readonly DatabaseMemory[];
}

/** The overhead of one database, in bytes. */
export interface DatabaseMemory {
  readonly index: number;
  readonly mainIndexBytes: number;
  readonly expiresIndexBytes: number;
}

/** The rate of one growing number, averaged over the newest 16 samples. */
export class Rate {
  readonly #samples = new Float64Array(SAMPLE_COUNT);
  #next = 0;
  #lastValue = 0;
  #lastBase = 0;

  /** Adds `value`'s growth per unit of `base`'s growth, times `factor`, as a sample. */
  sample(value: number, base: number, factor: number): void {
    const growth = base - this.#lastBase;
    const rate = growth > 0 ? ((value - this.#lastValue) * factor) / growth : 0;
    this.#samples[this.#next] = Math.max(0, Math.trunc(rate));
    this.#next = (this.#next + 1) % SAMPLE_COUNT;
    this.#lastValue = value;
    this.#lastBase = base;
  }

  get average(): number {
    let sum = 0;
    for (let k = 0; k < SAMPLE_COUNT; k++) sum += this.#samples[k];
    return sum / SAMPLE_COUNT;
  }

  /** Forgets the samples; the watched number starts from 0 again at `base`. */
  reset(base: number): void {
    this.#samples.fill(0);
    this.#lastValue = 0;
    this.#lastBase = base;
  }
}

/** One server's counters; see the head of the file. */
export class Statistics {
  connectionsReceived = 0;
  rejectedConnections = 0;
  commandsProcessed = 0;
  netInputBytes = 0;
  netOutputBytes = 0;
  replicationInputBytes = 0;
  replicationOutputBytes = 0;
  readsProcessed = 0;
  writesProcessed = 0;

  /** Share of volatile keys found expired by the active cycle, in percent; not a counter. */
  expiredStalePercent = 0;
  expiredTimeCapReached = 0;
  expireCycleMicroseconds = 0;
  evictedClients = 0;
  evictedScripts = 0;
  /** Milliseconds spent above maxmemory: in all, and since when it lasts now (0 = it does not). */
  evictionExceededMs = 0;
  evictionExceededSinceMs = 0;

  errorReplies = 0;
  /** Errors in replies that a primary sent or that AOF replay met. */
  unexpectedErrorReplies = 0;
  readonly errors = new Map<string, number>();

  dumpPayloadSanitizations = 0;
  queryBufferLimitDisconnections = 0;
  outputBufferLimitDisconnections = 0;
  replyBufferShrinks = 0;
  replyBufferExpands = 0;
  accessDeniedAuth = 0;
  accessDeniedCommand = 0;
  accessDeniedKey = 0;
  accessDeniedChannel = 0;
  syncFull = 0;
  syncPartialOk = 0;
  syncPartialError = 0;

  eventLoopCycles = 0;
  /** Microseconds of event loop turns that did something, and their share spent in commands. */
  eventLoopDurationUs = 0;
  eventLoopCommandUs = 0;
  eventLoopAofUs = 0;
  eventLoopCronUs = 0;
  /** The longest turn, and the most commands in one. */
  eventLoopDurationMaxUs = 0;
  eventLoopCommandsMax = 0;

  /** Highest `usedBytes` sampled, and when that was (Unix ms; 0 = never). */
  peakMemoryBytes = 0;
  peakMemoryMs = 0;

  readonly opsPerSecond = new Rate();
  readonly inputBytesPerSecond = new Rate();
  readonly outputBytesPerSecond = new Rate();
  readonly replicationInputBytesPerSecond = new Rate();
  readonly replicationOutputBytesPerSecond = new Rate();
  readonly eventLoopCyclesPerSecond = new Rate();
  readonly eventLoopCycleUs = new Rate();

  #lastSampleUs = 0;

  /**
   * Counts an error reply by its code. `bytes[start, end)` is the reply without its final CR LF;
   * whatever has no code within the first bytes counts as ERR, as in Redis.
   */
  noteError(bytes: Uint8Array, start: number, end: number): void {
    this.errorReplies++;
    const limit = Math.min(end, start + ERROR_CODE_BYTES_MAX);
    let blank = start + 1;
    while (blank < limit && bytes[blank] !== 32) blank++;
    const code = blank < limit ? latin1Text(bytes, start + 1, blank) : "ERR";
    const count = this.errors.get(code);
    if (count !== undefined) {
      if (code !== ERRORS_DISABLED) this.errors.set(code, count + 1);
    } else if (!this.errors.has(ERRORS_DISABLED)) {
      if (this.errors.size < ERROR_CODES_MAX) {
        this.errors.set(code, 1);
      } else {
        this.errors.clear();
        this.errors.set(ERRORS_DISABLED, 1);
      }
    }
  }

  /** Samples the rates and the memory peak; for the cron, every 100 ms. */
  sample(nowUs: number, nowMs: number, usedBytes: number): void {
    this.opsPerSecond.sample(this.commandsProcessed, nowUs, 1e6);
    this.inputBytesPerSecond.sample(this.netInputBytes, nowUs, 1e6);
    this.outputBytesPerSecond.sample(this.netOutputBytes, nowUs, 1e6);
    this.replicationInputBytesPerSecond.sample(this.replicationInputBytes, nowUs, 1e6);
    this.replicationOutputBytesPerSecond.sample(this.replicationOutputBytes, nowUs, 1e6);
    this.eventLoopCyclesPerSecond.sample(this.eventLoopCycles, nowUs, 1e6);
    this.eventLoopCycleUs.sample(this.eventLoopDurationUs, this.eventLoopCycles, 1);
    this.#lastSampleUs = nowUs;
    this.noteMemory(nowMs, usedBytes);
  }

  /** Raises the memory peak; also called where INFO measures, so that used never exceeds peak. */
  noteMemory(nowMs: number, usedBytes: number): void {
    if (usedBytes <= this.peakMemoryBytes) return;
    this.peakMemoryBytes = usedBytes;
    this.peakMemoryMs = nowMs;
  }

  /** Everything that CONFIG RESETSTAT sets back. The memory peak is reset to `usedBytes`. */
  reset(nowMs: number, usedBytes: number): void {
    for (const name of COUNTERS) this[name] = 0;
    this.errors.clear();
    this.peakMemoryBytes = usedBytes;
    this.peakMemoryMs = nowMs;
    this.opsPerSecond.reset(this.#lastSampleUs);
    this.inputBytesPerSecond.reset(this.#lastSampleUs);
    this.outputBytesPerSecond.reset(this.#lastSampleUs);
    this.replicationInputBytesPerSecond.reset(this.#lastSampleUs);
    this.replicationOutputBytesPerSecond.reset(this.#lastSampleUs);
    this.eventLoopCyclesPerSecond.reset(this.#lastSampleUs);
    this.eventLoopCycleUs.reset(0);
  }
}

/** The fields that CONFIG RESETSTAT zeroes. */
const COUNTERS = [
  "connectionsReceived",
  "rejectedConnections",
  "commandsProcessed",
  "netInputBytes",
  "netOutputBytes",
  "replicationInputBytes",
  "replicationOutputBytes",
  "readsProcessed",
  "writesProcessed",
  "expiredStalePercent",
  "expiredTimeCapReached",
  "expireCycleMicroseconds",
  "evictedClients",
  "evictedScripts",
  "evictionExceededMs",
  "evictionExceededSinceMs",
  "errorReplies",
  "unexpectedErrorReplies",
  "dumpPayloadSanitizations",
  "queryBufferLimitDisconnections",
  "outputBufferLimitDisconnections",
  "replyBufferShrinks",
  "replyBufferExpands",
  "accessDeniedAuth",
  "accessDeniedCommand",
  "accessDeniedKey",
  "accessDeniedChannel",
  "syncFull",
  "syncPartialOk",
  "syncPartialError",
  "eventLoopCycles",
  "eventLoopDurationUs",
  "eventLoopCommandUs",
  "eventLoopAofUs",
  "eventLoopCronUs",
  "eventLoopDurationMaxUs",
  "eventLoopCommandsMax",
] as const satisfies readonly (keyof Statistics)[];
