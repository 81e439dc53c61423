// What runs commands on behalf of another one: EXEC reaches dispatch through this.

import type { ServerContext } from "./context.ts";
import type { Command } from "./registry.ts";

/** Requests to be run one after the other; the tables are those of a decoder. */
export interface QueuedRequests<S extends ServerContext> {
  readonly count: number;
  readonly commands: readonly Command<S>[];
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  baseAt(index: number): number;
  argumentCountAt(index: number): number;
  /** The hash of the first argument, where the command says that it is a key. */
  hashAt(index: number): number;
  /** The whole request in RESP is bytes[requestStart, requestEnd). */
  requestStart(index: number): number;
  requestEnd(index: number): number;
}

/** Runs commands past the gates. */
export interface CommandExecutor<S extends ServerContext> {
  /**
   * Runs requests of the context's client, from `first` on. Each replies, is counted, timed, logged
   * and propagated as if it had been sent now. What the context points at is not put back. Returns
   * the index of the next one: where a script is slow, the client is blocked then.
   */
  runAll(queue: QueuedRequests<S>, first: number): number;
}
