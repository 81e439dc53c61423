// hot path: no allocation per command
//
// The commands that a client has queued between MULTI and EXEC: copies of their requests, one
// behind the other, and tables of where their arguments are.
//
//   bytes      *3 $3 SET $1 k $1 v | *2 $3 GET $1 k          whole requests, in RESP
//   #frames    ^                     ^                ^      one entry more than commands
//   #bases     first argument of each command in starts and ends, and one entry more
//
// Invariants: memory grows with bytes that have arrived, by doubling; #frames[count] is the bytes'
// length and #bases[count] the number of arguments.

import { copyBytes } from "../base/ascii.ts";
import type { QueuedCommands } from "../command/client.ts";
import type { QueuedRequests } from "../command/executor.ts";
import type { Command } from "../command/registry.ts";

const BYTES_MIN = 512;
const ARGUMENTS_MIN = 64;
const COMMANDS_MIN = 16;
/** A queue that has become larger than this is not used again. */
const KEPT_BYTES_MAX = 1 << 16;
/** Offsets are int32. */
const BYTES_MAX = 2 ** 31 - 1;

/** The commands of one transaction. */
export class CommandQueue implements QueuedCommands, QueuedRequests<never> {
  bytes: Uint8Array = new Uint8Array(BYTES_MIN);
  starts = new Int32Array(ARGUMENTS_MIN);
  ends = new Int32Array(ARGUMENTS_MIN);
  count = 0;
  flags = 0;
  readonly commands: Command<never>[] = [];
  #hashes = new Int32Array(COMMANDS_MIN);
  #frames = new Int32Array(COMMANDS_MIN + 1);
  #bases = new Int32Array(COMMANDS_MIN + 1);

  /** Forgets everything, for the next transaction. */
  clear(): void {
    this.count = 0;
    this.flags = 0;
    this.commands.length = 0;
  }

  /** Bytes that the queue holds. */
  get memoryBytes(): number {
    const tables = this.starts.length * 2 + this.#frames.length * 3;
    return this.bytes.length + tables * 4;
  }

  get isSmall(): boolean {
    return this.memoryBytes <= KEPT_BYTES_MAX;
  }

  /**
   * Adds a command whose request is bytes[from, to); its argument i is
   * bytes[starts[base + i], ends[base + i]). `hash` is that of its first argument, where it is a
   * key. Where memory runs out nothing has changed.
   */
  add(
    command: Command<never>,
    hash: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    starts: Int32Array,
    ends: Int32Array,
    base: number,
    argumentCount: number,
  ): void {
    const count = this.count;
    const frame = this.#frames[count];
    const first = this.#bases[count];
    this.#reserve(frame + to - from, first + argumentCount);
    copyBytes(this.bytes, frame, bytes, from, to);
    const shift = frame - from;
    for (let k = 0; k < argumentCount; k++) {
      this.starts[first + k] = starts[base + k] + shift;
      this.ends[first + k] = ends[base + k] + shift;
    }
    this.commands.push(command); // alloc: emptied, not dropped, after each transaction
    this.#hashes[count] = hash;
    this.#frames[count + 1] = frame + to - from;
    this.#bases[count + 1] = first + argumentCount;
    this.count = count + 1;
  }

  hashAt(index: number): number {
    return this.#hashes[index];
  }

  baseAt(index: number): number {
    return this.#bases[index];
  }

  argumentCountAt(index: number): number {
    return this.#bases[index + 1] - this.#bases[index];
  }

  /** The request of a command is bytes[requestStart, requestEnd). */
  requestStart(index: number): number {
    return this.#frames[index];
  }

  requestEnd(index: number): number {
    return this.#frames[index + 1];
  }

  #reserve(byteCount: number, argumentCount: number): void {
    if (byteCount > BYTES_MAX) throw new RangeError("Out of memory");
    if (byteCount > this.bytes.length) {
      // alloc: doubling
      const larger = new Uint8Array(Math.max(byteCount, this.bytes.length * 2));
      copyBytes(larger, 0, this.bytes, 0, this.#frames[this.count]);
      this.bytes = larger;
    }
    if (argumentCount > this.starts.length) {
      const length = Math.max(argumentCount, this.starts.length * 2);
      this.starts = enlarged(this.starts, length);
      this.ends = enlarged(this.ends, length);
    }
    if (this.count + 1 < this.#frames.length) return;
    const length = this.#frames.length * 2;
    this.#frames = enlarged(this.#frames, length);
    this.#bases = enlarged(this.#bases, length);
    this.#hashes = enlarged(this.#hashes, length);
  }
}

function enlarged(table: Int32Array, length: number): Int32Array<ArrayBuffer> {
  // alloc: doubling
  const larger = new Int32Array(length);
  larger.set(table);
  return larger;
}
