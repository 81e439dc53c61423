// A client that waits in a blocking command, with a copy of that command: its bytes belong to the
// event in which it arrived, and it is run again when a key may have become what it waits for.

import type { Client, Wait } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { Command } from "../command/registry.ts";
import type { WaitNode } from "./wait-queue.ts";

/** What a waiter takes beside its arguments, and for each key it waits for: as measured. */
const WAITER_BYTES = 1024;
const KEY_BYTES = 400;

/** No deadline: it waits until a key is ready. */
export const FOREVER = 0;

/** What a client waits for. */
export const FOR_KEYS = 0;
/** Its writes have reached the disk or replicas; at the deadline it is told how far they got. */
export const FOR_ACKNOWLEDGEMENT = 1;
/** What its command began has ended: it is run again to finish that, even if the client is gone. */
export const FOR_COMPLETION = 2;

export type WaitPurpose = typeof FOR_KEYS | typeof FOR_ACKNOWLEDGEMENT | typeof FOR_COMPLETION;

/** In place of a type: it waits for no key. */
export const NO_TYPE = 7;

/** One waiting client. */
export class Waiter implements Wait {
  readonly client: Client;
  readonly command: Command<never>;
  readonly isQuick: boolean;
  /** The arguments: argument i is bytes[starts[i], ends[i]). */
  bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly count: number;
  /** The hash of argument 1 where that is the first key, which saves computing it for each run. */
  firstKeyHash: number | undefined = undefined;
  /** The type of value it waits for, as records number it. */
  readonly type: number;
  purpose: WaitPurpose = FOR_KEYS;
  /** Is run again too when a key it waits for has gone. */
  readonly awaitsVanishing: boolean;
  /** Unix ms after which it gets a null reply, or FOREVER. */
  readonly deadlineMs: number;
  /** Its place among the deadlines. */
  deadlineIndex = -1;
  readonly nodes: WaitNode[] = [];
  /** Time the command has run so far; the time it waits does not count. */
  microseconds = 0;
  readonly #onEnd: (waiter: Waiter, reason: "timeout" | "error") => void;

  constructor(
    c: CommandContext<ServerContext>,
    type: number,
    awaitsVanishing: boolean,
    deadlineMs: number,
    onEnd: (waiter: Waiter, reason: "timeout" | "error") => void,
  ) {
    const count = c.count;
    const first = c.start(0);
    // Arguments lie in the order in which they arrived.
    this.bytes = c.bytes.slice(first, c.end(count - 1));
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    for (let index = 0; index < count; index++) {
      this.starts[index] = c.start(index) - first;
      this.ends[index] = c.end(index) - first;
    }
    this.count = count;
    this.client = c.client;
    this.command = c.command as Command<never>;
    this.isQuick = this.command.isQuick;
    this.type = type;
    this.awaitsVanishing = awaitsVanishing;
    this.deadlineMs = deadlineMs;
    this.#onEnd = onEnd;
  }

  get mayEnd(): boolean {
    return this.purpose !== FOR_COMPLETION;
  }

  /** Bytes it takes while it waits. */
  get memoryBytes(): number {
    const tables = this.count * 8;
    return WAITER_BYTES + this.bytes.length + tables + this.nodes.length * KEY_BYTES;
  }

  /** Bytes of its arguments alone. */
  get argumentBytes(): number {
    let total = 0;
    for (let index = 0; index < this.count; index++) total += this.ends[index] - this.starts[index];
    return total;
  }

  end(reason: "timeout" | "error"): void {
    this.#onEnd(this, reason);
  }

  /** Puts other bytes in place of an argument. */
  replaceArgument(index: number, argument: Uint8Array): void {
    const end = this.bytes.length;
    const larger = new Uint8Array(end + argument.length);
    larger.set(this.bytes);
    larger.set(argument, end);
    this.bytes = larger;
    this.starts[index] = end;
    this.ends[index] = larger.length;
  }
}
