// The command logs: the newest commands that took long (SLOWLOG), and, as in Valkey, those whose
// request or reply was large (COMMANDLOG). Cold: dispatch compares a number with a threshold per
// command and comes here only for what exceeds it.
//
// Invariants of an entry: at most 32 arguments of at most 128 bytes each and their notes, copied,
// so an entry is bounded whatever was sent.

import { latin1Bytes } from "../base/text.ts";
import type { CommandContext, ServerContext } from "./context.ts";
import { REDACTED, secretArguments } from "./redaction.ts";

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;

/** One logged command. */
export interface LogEntry {
  readonly id: number;
  /** Unix time in seconds. */
  readonly seconds: number;
  /** Microseconds, or bytes in the logs of large requests and replies. */
  readonly value: number;
  readonly arguments: readonly Uint8Array[];
  readonly clientAddress: string;
  readonly clientName: string;
}

/** One log of commands, newest first. */
export class EntryLog {
  /** A command is logged from this value on; Infinity turns the log off. */
  threshold = Number.POSITIVE_INFINITY;
  lengthMax = 128;
  readonly #entries: LogEntry[] = [];
  #nextId = 0;

  /** Logs the command being executed. */
  add<S extends ServerContext>(c: CommandContext<S>, value: number): void {
    if (this.lengthMax === 0) return;
    this.#entries.push({
      id: this.#nextId++,
      seconds: Math.floor(c.nowMs / 1000),
      value: Math.floor(value),
      arguments: trimmedArguments(c),
      clientAddress: c.client.channel.remoteAddress,
      clientName: c.client.name,
    });
    const excess = this.#entries.length - this.lengthMax;
    if (excess > 0) this.#entries.splice(0, excess);
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The newest `count` entries, newest first. */
  newest(count: number): LogEntry[] {
    return this.#entries.slice(Math.max(0, this.#entries.length - count)).reverse();
  }

  /** Forgets the entries; identifiers go on. */
  clear(): void {
    this.#entries.length = 0;
  }
}

/** The three logs of a server. */
export class CommandLog {
  /** Values are microseconds of execution. */
  readonly slow = new EntryLog();
  /** Values are bytes of the request's arguments. */
  readonly largeRequest = new EntryLog();
  /** Values are bytes of the reply. */
  readonly largeReply = new EntryLog();

  /** Sets a log's directives; a negative threshold turns it off. */
  configure(log: EntryLog, threshold: number, lengthMax: number): void {
    log.threshold = threshold < 0 ? Number.POSITIVE_INFINITY : threshold;
    log.lengthMax = lengthMax;
  }
}

function trimmedArguments<S extends ServerContext>(c: CommandContext<S>): Uint8Array[] {
  const secret = secretArguments(c);
  const kept = Math.min(c.count, ARGUMENTS_MAX);
  const list: Uint8Array[] = [];
  for (let index = 0; index < kept; index++) {
    if (kept < c.count && index === kept - 1) {
      list.push(latin1Bytes(`... (${c.count - kept + 1} more arguments)`));
    } else if (secret.has(index)) {
      list.push(latin1Bytes(REDACTED));
    } else {
      list.push(trimmedArgument(c, index));
    }
  }
  return list;
}

function trimmedArgument<S extends ServerContext>(c: CommandContext<S>, index: number): Uint8Array {
  const length = c.length(index);
  if (length <= ARGUMENT_BYTES_MAX) return c.copy(index);
  const start = c.start(index);
  const note = latin1Bytes(`... (${length - ARGUMENT_BYTES_MAX} more bytes)`);
  const trimmed = new Uint8Array(ARGUMENT_BYTES_MAX + note.length);
  trimmed.set(c.bytes.subarray(start, start + ARGUMENT_BYTES_MAX));
  trimmed.set(note, ARGUMENT_BYTES_MAX);
  return trimmed;
}
