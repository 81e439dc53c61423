// hot path: no allocation per command
//
// Effects: what commands changed, as RESP commands, on its way to every sink (the AOF, replicas).
// A command that changed data is propagated as its own request bytes unless its handler wrote
// something deterministic in their place (EXPIRE becomes PEXPIREAT). Deletions by expiry or
// eviction join the effects of the command during which they happened. Several commands that
// belong together are wrapped in MULTI and EXEC.

import { latin1Bytes } from "../base/text.ts";
import { ReplyWriter } from "../resp/reply.ts";

/** Takes effects in execution order. Must copy what it keeps; must not throw. */
export interface EffectSink {
  /** `bytes[start, end)` is one or more whole RESP commands, to be run on database `dbIndex`. */
  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void;
}

const MULTI = latin1Bytes("*1\r\n$5\r\nMULTI\r\n");
const EXEC = latin1Bytes("*1\r\n$4\r\nEXEC\r\n");

/** Collects the effects of the unit being executed and hands them to the sinks. */
export class Effects {
  /** Changes to the data set since the last save: `rdb_changes_since_last_save`. */
  changes = 0;

  readonly #sinks: EffectSink[] = [];
  /** Effects of the running unit other than the request itself, `#count` whole commands. */
  readonly #pending = new ReplyWriter();
  #count = 0;
  #replaced = false;

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

  /** Whether the running unit has effects other than its request, or must not have that one. */
  get hasPending(): boolean {
    return this.#count > 0 || this.#replaced;
  }

  /** Drops the effects of a unit that failed. */
  abandon(): void {
    this.#pending.clear();
    this.#count = 0;
    this.#replaced = false;
  }

  /** Notes that the running command changed `count` keys or elements. */
  changed(count = 1): void {
    this.changes += count;
  }

  /**
   * Starts an effect of `argCount` arguments; the caller writes them with `reply.bulk` and its
   * siblings on the writer returned. The request itself is still propagated, after it.
   */
  also(argCount: number): ReplyWriter {
    this.#count++;
    this.#pending.array(argCount);
    return this.#pending;
  }

  /** As `also`, in place of the request. May be called again for a second command. */
  replace(argCount: number): ReplyWriter {
    this.#replaced = true;
    return this.also(argCount);
  }

  /** The running command must not be propagated in any form of its own. */
  suppress(): void {
    this.#replaced = true;
  }

  /**
   * Ends the running unit. `changedData` says whether the request is an effect itself; its bytes
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
    const total = this.#count + (withRequest ? 1 : 0);
    if (total > 0) {
      if (total > 1) this.#append(dbIndex, MULTI, 0, MULTI.length);
      if (this.#count > 0) this.#append(dbIndex, this.#pending.buffer, 0, this.#pending.length);
      if (withRequest) this.#append(dbIndex, request, start, end);
      if (total > 1) this.#append(dbIndex, EXEC, 0, EXEC.length);
    }
    if (this.#count > 0) this.#pending.clear();
    this.#count = 0;
    this.#replaced = false;
  }

  #append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    for (let k = 0; k < this.#sinks.length; k++) this.#sinks[k].append(dbIndex, bytes, start, end);
  }
}
