// hot path: no allocation per command
//
// Effects: what commands changed, as RESP commands, on its way to every sink (the AOF, replicas).
// A command that changed data is propagated as its own request bytes unless its handler wrote
// something deterministic in their place (EXPIRE becomes PEXPIREAT). Deletions by expiry or
// eviction join the effects of the command during which they happened.
//
// What belongs together is one unit: one command, or all commands of a transaction or script
// between `open` and `close`. A unit of several effects is wrapped in MULTI and EXEC; one that has
// none leaves nothing. Its effects may be in several databases:
//
//   #pending   effect effect | effect | effect effect      whole RESP commands
//   #segments  (db, start)   (db, start) (db, start)       a new one where the database changes
//
// Invariant: outside of `open`, nothing is pending between two units.

import { latin1Bytes } from "../base/text.ts";
import { ReplyWriter } from "../resp/reply.ts";

/** In place of a database's index: the effect is the same in each. */
export const ANY_DB = -1;

/** Takes effects in execution order. Must copy what it keeps; must not throw. */
export interface EffectSink {
  /**
   * `bytes[start, end)` is one or more whole RESP commands, to be run on database `dbIndex`, or on
   * whichever it is for ANY_DB.
   */
  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void;
}

const MULTI = latin1Bytes("*1\r\n$5\r\nMULTI\r\n");
const EXEC = latin1Bytes("*1\r\n$4\r\nEXEC\r\n");

/** In #segmentDbs: the database that the running command will be said to have run in. */
const OWN_DB = -2;
/** Tables of segments start with so many entries. */
const SEGMENTS_MIN = 16;

/** Collects the effects of the unit being executed and hands them to the sinks. */
export class Effects {
  /** Changes to the data set since the last save: `rdb_changes_since_last_save`. */
  changes = 0;
  /** Bytes of effects so far: what has come of them elsewhere is told by this. */
  offset = 0;
  /** Effects so far, MULTI and EXEC among them: what Redis without replicas calls its offset. */
  replicationOffset = 0;

  readonly #sinks: EffectSink[] = [];
  /** Effects of the running unit but for the request itself, `#count` whole commands. */
  readonly #pending = new ReplyWriter();
  #count = 0;
  #segmentDbs = new Int32Array(SEGMENTS_MIN);
  #segmentStarts = new Int32Array(SEGMENTS_MIN);
  #segmentCount = 0;
  #replaced = false;
  /** Transactions and scripts that are being run, one in the other. */
  #depth = 0;
  /** What was pending when the running command of an open unit began. */
  #doneBytes = 0;
  #doneCount = 0;
  #doneSegments = 0;
  /** What waits for the end of the unit. */
  #whenWhole: (() => void)[] = [];

  addSink(sink: EffectSink): void {
    this.#sinks.push(sink);
  }

  removeSink(sink: EffectSink): void {
    const index = this.#sinks.indexOf(sink);
    if (index >= 0) this.#sinks.splice(index, 1);
  }

  /** Whether anyone listens; without, building effects is wasted work. */
  get active(): boolean {
    return this.#sinks.length > 0;
  }

  /** Whether a transaction or script is being run: what it has done so far is not told yet. */
  get isOpen(): boolean {
    return this.#depth > 0;
  }

  /** Whether the running command has effects other than its request, or must not have that one. */
  get hasPending(): boolean {
    return this.#count > this.#doneCount || this.#replaced;
  }

  /** Drops the effects of a command that failed. */
  abandon(): void {
    this.#pending.length = this.#doneBytes;
    this.#count = this.#doneCount;
    this.#segmentCount = this.#doneSegments;
    this.#replaced = false;
  }

  /** Notes that the running command changed `count` keys or elements. */
  changed(count = 1): void {
    this.changes += count;
  }

  /**
   * Starts an effect of `argCount` arguments; the caller writes them with `reply.bulk` and its
   * siblings on the writer returned. The request itself is still propagated, after it. `dbIndex` is
   * given where the effect is not in the running command's database.
   */
  also(argCount: number, dbIndex = OWN_DB): ReplyWriter {
    this.#enter(dbIndex);
    this.#count++;
    this.#pending.array(argCount);
    return this.#pending;
  }

  /** As `also`, in place of the request. May be called again for a second command. */
  replace(argCount: number, dbIndex = OWN_DB): ReplyWriter {
    this.#replaced = true;
    return this.also(argCount, dbIndex);
  }

  /** The running command must not be propagated in any form of its own. */
  suppress(): void {
    this.#replaced = true;
  }

  /** From here to `close` all commands are one unit. */
  open(): void {
    this.#depth++;
  }

  /** Ends what `open` began; the outermost one propagates. */
  close(): void {
    if (--this.#depth > 0) return;
    this.#doneBytes = 0;
    this.#doneCount = 0;
    this.#doneSegments = 0;
    if (this.#count > 0) this.#send();
    if (this.#whenWhole.length > 0) this.#runWaiting();
  }

  /** Cold: calls `act` once no unit is half done: now, or when the running one ends. */
  whenWhole(act: () => void): void {
    if (this.#depth === 0) act();
    else this.#whenWhole.push(act);
  }

  #runWaiting(): void {
    const waiting = this.#whenWhole;
    this.#whenWhole = [];
    for (let k = 0; k < waiting.length; k++) waiting[k]();
  }

  /**
   * Ends the running command. `changedData` says whether the request is an effect itself; its bytes
   * are the range of the request as a RESP array of bulk strings.
   */
  finish(
    dbIndex: number,
    changedData: boolean,
    request: Uint8Array,
    start: number,
    end: number,
  ): void {
    const withRequest = changedData && !this.#replaced;
    this.#replaced = false;
    if (this.#depth === 0 && this.#count === 0) {
      // By far the most frequent case is not copied.
      if (withRequest) {
        if (this.active) this.replicationOffset++;
        this.#append(dbIndex, request, start, end);
      }
      return;
    }
    this.#settleSegments(dbIndex);
    if (withRequest && this.active) {
      this.#enter(dbIndex);
      this.#count++;
      this.#pending.rawRange(request, start, end);
    }
    if (this.#depth === 0) return this.#send();
    this.#doneBytes = this.#pending.length;
    this.#doneCount = this.#count;
    this.#doneSegments = this.#segmentCount;
  }

  /** Hands what is pending to the sinks. */
  #send(): void {
    const isWrapped = this.#count > 1;
    if (this.active) this.replicationOffset += isWrapped ? this.#count + 2 : this.#count;
    const pending = this.#pending;
    if (isWrapped) this.#append(ANY_DB, MULTI, 0, MULTI.length);
    for (let k = 0; k < this.#segmentCount; k++) {
      const end = k + 1 < this.#segmentCount ? this.#segmentStarts[k + 1] : pending.length;
      this.#append(this.#segmentDbs[k], pending.buffer, this.#segmentStarts[k], end);
    }
    if (isWrapped) this.#append(ANY_DB, EXEC, 0, EXEC.length);
    pending.clear();
    this.#count = 0;
    this.#segmentCount = 0;
  }

  /** What comes next is in a database. */
  #enter(dbIndex: number): void {
    const count = this.#segmentCount;
    // What was done is not added to, so that it can be gone back to.
    if (count > this.#doneSegments && this.#segmentDbs[count - 1] === dbIndex) return;
    if (count === this.#segmentDbs.length) this.#growSegments();
    this.#segmentDbs[count] = dbIndex;
    this.#segmentStarts[count] = this.#pending.length;
    this.#segmentCount = count + 1;
  }

  /** The running command's database is known now. */
  #settleSegments(dbIndex: number): void {
    for (let k = this.#doneSegments; k < this.#segmentCount; k++) {
      if (this.#segmentDbs[k] === OWN_DB) this.#segmentDbs[k] = dbIndex;
    }
  }

  #growSegments(): void {
    // alloc: doubling
    const dbs = new Int32Array(this.#segmentDbs.length * 2);
    const starts = new Int32Array(dbs.length);
    dbs.set(this.#segmentDbs);
    starts.set(this.#segmentStarts);
    this.#segmentDbs = dbs;
    this.#segmentStarts = starts;
  }

  #append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    this.offset += end - start;
    for (let k = 0; k < this.#sinks.length; k++) this.#sinks[k].append(dbIndex, bytes, start, end);
  }
}
