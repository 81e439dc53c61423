// hot path: no allocation per command
//
// What a command handler sees: its arguments, the client, the selected database, the reply and the
// effects to propagate. One context serves all commands of a server in turn; dispatch points it at
// the next command. Nothing in it outlives the handler's call.
//
// Arguments are ranges of received bytes: argument i is bytes[start(i), end(i)). Argument 0 is the
// command's name; for a subcommand, 0 is the container's name and 1 its own.

import { equalBytes, equalsToken, parseInt64, parseInteger } from "../base/ascii.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { latin1Text, utf8Text } from "../base/text.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { notify } from "../keyspace/notify.ts";
import type { Protocol, ReplyWriter } from "../resp/reply.ts";
import type { Container } from "../structures/container.ts";
import type { RecordView } from "../structures/record.ts";
import type { Client } from "./client.ts";
import type { Effects } from "./effects.ts";
import type { Command } from "./registry.ts";

/** What every handler may ask of the server; `commands/features.ts` extends it. */
export interface ServerContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyspace: Keyspace;
}

/** What a context points at, while it is lent to the command of another client. */
export class SuspendedCommand<S extends ServerContext> {
  client!: Client;
  command!: Command<S>;
  db!: Database;
  protocol: Protocol = 2;
  bytes!: Uint8Array;
  starts!: Int32Array;
  ends!: Int32Array;
  base = 0;
  count = 0;
}

const NO_BYTES = new Uint8Array(0);
const NO_RANGES = new Int32Array(0);

/** A handler's view of the command being executed. */
export class CommandContext<S extends ServerContext = ServerContext> {
  readonly server: S;
  readonly reply: ReplyWriter;
  readonly effects: Effects;

  /** The received bytes that the arguments are ranges of. */
  bytes: Uint8Array = NO_BYTES;
  /** Number of arguments, the command's name included. */
  count = 0;
  /** The command being executed; a subcommand rather than its container. */
  command!: Command<S>;
  client!: Client;
  db!: Database;
  /** Unix time in milliseconds, the same for all that one event executes. */
  nowMs = 0;

  // The decoder's tables: argument i of this command is entry #base + i.
  #starts: Int32Array = NO_RANGES;
  #ends: Int32Array = NO_RANGES;
  #base = 0;
  #firstKeyHash = 0;
  #firstKeyHashed = false;

  constructor(server: S, reply: ReplyWriter, effects: Effects) {
    this.server = server;
    this.reply = reply;
    this.effects = effects;
  }

  /** Points the context at a command's arguments. For dispatch and replay only. */
  setArguments(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    base: number,
    count: number,
  ): void {
    this.bytes = bytes;
    this.#starts = starts;
    this.#ends = ends;
    this.#base = base;
    this.count = count;
    this.#firstKeyHashed = false;
  }

  /** What the context points at, to be put back with `resume`. */
  // alloc: where the caller has no record to be used again
  suspend(into: SuspendedCommand<S> = new SuspendedCommand<S>()): SuspendedCommand<S> {
    into.client = this.client;
    into.command = this.command;
    into.db = this.db;
    into.protocol = this.reply.protocol;
    into.bytes = this.bytes;
    into.starts = this.#starts;
    into.ends = this.#ends;
    into.base = this.#base;
    into.count = this.count;
    return into;
  }

  /** Points the context at what it pointed at before. */
  resume(suspended: SuspendedCommand<S>): void {
    this.setArguments(
      suspended.bytes,
      suspended.starts,
      suspended.ends,
      suspended.base,
      suspended.count,
    );
    this.client = suspended.client;
    this.command = suspended.command;
    this.db = suspended.db;
    this.reply.protocol = suspended.protocol;
  }

  /** Tells the hash of argument 1, where the batch has computed it already. */
  setFirstKeyHash(hash: number): void {
    this.#firstKeyHash = hash;
    this.#firstKeyHashed = true;
  }

  start(index: number): number {
    return this.#starts[this.#base + index];
  }

  end(index: number): number {
    return this.#ends[this.#base + index];
  }

  length(index: number): number {
    return this.#ends[this.#base + index] - this.#starts[this.#base + index];
  }

  /** The key hash of an argument. */
  hash(index: number): number {
    if (index === 1 && this.#firstKeyHashed) return this.#firstKeyHash;
    return this.server.keyspace.hash(this.bytes, this.start(index), this.end(index));
  }

  /**
   * Looks up argument `index` as a key to read it: counts a hit or miss, notes the access. The view
   * is valid until it is used again or the database changes.
   */
  readKey(index: number, view = this.server.keyspace.view): RecordView | undefined {
    const start = this.start(index);
    return this.db.lookupRead(view, this.bytes, start, this.end(index), this.hash(index));
  }

  /** Looks up argument `index` as a key that is about to be changed. */
  writeKey(index: number, view = this.server.keyspace.view): RecordView | undefined {
    const start = this.start(index);
    return this.db.lookupWrite(view, this.bytes, start, this.end(index), this.hash(index));
  }

  /** Looks up argument `index` as a key without counting or noting anything. */
  peekKey(index: number, view = this.server.keyspace.view): RecordView | undefined {
    const start = this.start(index);
    return this.db.peek(view, this.bytes, start, this.end(index), this.hash(index));
  }

  /** Sets the key in argument `index` to a string; `expiryMs` may be NO_EXPIRY or KEEP_EXPIRY. */
  setString(index: number, value: Uint8Array, start: number, end: number, expiryMs: number): void {
    const hash = this.hash(index);
    const keyStart = this.start(index);
    const keyEnd = this.end(index);
    this.db.setString(this.bytes, keyStart, keyEnd, hash, value, start, end, expiryMs);
  }

  /**
   * Creates the key in argument `index`, which must not exist, with a value of `length` bytes in
   * place that the caller writes at the view's `valueStart`; see `Database.createValue`.
   */
  createValue(
    index: number,
    type: number,
    encoding: number,
    length: number,
    view = this.server.keyspace.view,
  ): RecordView {
    const hash = this.hash(index);
    const start = this.start(index);
    this.db.createValue(view, type, encoding, this.bytes, start, this.end(index), hash, length);
    return view;
  }

  /** Creates the key in argument `index`, which must not exist, with a container. */
  createContainer(
    index: number,
    container: Container,
    view = this.server.keyspace.view,
  ): RecordView {
    const hash = this.hash(index);
    const start = this.start(index);
    this.db.createContainer(view, container, this.bytes, start, this.end(index), hash);
    return view;
  }

  /** As `createValue`, in place of whatever the key in argument `index` holds. */
  storeValue(
    index: number,
    type: number,
    encoding: number,
    length: number,
    view = this.server.keyspace.view,
  ): RecordView {
    const hash = this.hash(index);
    const start = this.start(index);
    this.db.storeValue(view, type, encoding, this.bytes, start, this.end(index), hash, length);
    return view;
  }

  /** As `createContainer`, in place of whatever the key in argument `index` holds. */
  storeContainer(index: number, container: Container, view = this.server.keyspace.view): void {
    const start = this.start(index);
    const hash = this.hash(index);
    this.db.storeContainer(view, container, this.bytes, start, this.end(index), hash);
  }

  /** Deletes the key in argument `index`; false where there is none. */
  deleteKey(index: number): boolean {
    return this.db.delete(this.bytes, this.start(index), this.end(index), this.hash(index));
  }

  /** Tells whoever follows that class of events what happened to the key in argument `index`. */
  notify(eventClass: number, name: string, index: number): void {
    const { keyspace } = this.server;
    if ((keyspace.notifiedEvents & eventClass) === 0) return;
    notify(keyspace, this.db, eventClass, name, this.bytes, this.start(index), this.end(index));
  }

  /** An argument with one character per byte. Cold. */
  latin1(index: number): string {
    return latin1Text(this.bytes, this.start(index), this.end(index));
  }

  /** An argument decoded as UTF-8. Cold. */
  text(index: number): string {
    return utf8Text(this.bytes, this.start(index), this.end(index));
  }

  /** A copy of an argument's bytes. Cold. */
  copy(index: number): Uint8Array {
    return this.bytes.slice(this.start(index), this.end(index));
  }

  /** Whether an argument equals a lower-case token, whatever its case. */
  is(index: number, lowerCaseToken: string): boolean {
    return equalsToken(this.bytes, this.start(index), this.end(index), lowerCaseToken);
  }

  /** Whether two arguments are the same bytes. */
  same(left: number, right: number): boolean {
    const length = this.length(left);
    if (length !== this.length(right)) return false;
    return equalBytes(this.bytes, this.start(left), this.bytes, this.start(right), length);
  }

  /** An argument as an integer within +-(2^53 - 1); NaN where it is none. */
  integer(index: number): number {
    return parseInteger(this.bytes, this.start(index), this.end(index));
  }

  /** An argument as an int64; undefined where it is none. Ask `integer` first: this is slow. */
  int64(index: number): bigint | undefined {
    return parseInt64(this.bytes, this.start(index), this.end(index));
  }
}
