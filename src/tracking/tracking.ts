// Client-side caching: clients are told when keys change that they may have cached.
//
// By default the table remembers which client has read which key, and the first change of a key
// tells its clients and forgets it. In broadcasting mode clients are told of every key that begins
// with a prefix, at the end of the event-loop turn. Messages go to the client itself, as a RESP3
// push, or to another one (REDIRECT), which may be a RESP2 subscriber too:
//
//   >2 invalidate *n key ...                             in RESP3
//   *3 message __redis__:invalidate *n key ...           to a RESP2 subscriber
//
// A null in place of the keys says that all of them are gone. What the running client's own command
// changes is told behind the reply (of EXEC, or of the script), and behind whatever else that
// pushes; others are told at once.
//
// Invariant: these follow the keyspace's changes while a client is tracked or the table has keys.

import { equalBytes } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Client, Clients } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import { findKeys, KeyList } from "../command/key-extraction.ts";
import type { Command } from "../command/registry.ts";
import { KEEPS_WATCHES, READONLY } from "../command/spec.ts";
import type { ChangeFollower } from "../keyspace/changes.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { RecordView } from "../structures/record.ts";
import { Broadcasts, type ChangedKey } from "./broadcasts.ts";
import { type TrackingOptions, TrackingState } from "./client-tracking.ts";
import { TrackingTable } from "./tracking-table.ts";

const PUSH = latin1Bytes(">2\r\n$10\r\ninvalidate\r\n");
const MESSAGE = latin1Bytes("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
const BROKEN = latin1Bytes(">2\r\n$21\r\ntracking-redir-broken\r\n");

/** Of these, it is the commands that they call whose keys have been read. */
const SCRIPTS: ReadonlySet<string> = new Set(["eval_ro", "evalsha_ro", "fcall_ro"]);

/** Keys taken out of a table that is too large, per command, the first time; then twice that... */
const EVICTED_PER_COMMAND = 100;

/**
 * The keyspace events that Redis tells of before it tells that the key has changed, and with them
 * of the key's end, if that follows. All others come after it.
 */
const EARLY_EVENTS: ReadonlySet<string> = new Set([
  ...["lpop", "rpop", "ltrim", "lrem", "zpopmin", "zpopmax", "zrem", "spop"],
  ...["xadd", "xtrim", "hpersist"],
]);

/** A key that the running command may change. */
interface NotedKey {
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** It has made the key. */
  isMade: boolean;
  /** That it has changed is told at the command's end only. */
  isLate: boolean;
}

/** What tracking asks of the server. */
export interface TrackingHost {
  readonly keyspace: Keyspace;
  readonly clients: Clients;
  /** `broadcast` is to be called at the end of the event-loop turn. */
  broadcastLater(): void;
}

/** The tracked clients and keys of one server. */
export class Tracking implements ChangeFollower {
  readonly #host: TrackingHost;
  readonly #keyspace: Keyspace;
  readonly #clients: Clients;
  readonly #tracked = new Set<Client>();
  readonly #table: TrackingTable;
  readonly #broadcasts: Broadcasts;
  readonly #view: RecordView;
  readonly #keys = new KeyList();
  #noted: NotedKey[] = [];
  readonly #payload = new ReplyWriter();
  readonly #message = new ReplyWriter();
  /** Messages' payloads for the running client, until its command has ended. */
  #pending: Uint8Array[] = [];
  /** Commands in a row that have found the table too large and left it so. */
  #overCount = 0;
  /** tracking-table-max-keys, 0 for no limit. */
  keysMax = 0;
  /** The client whose command is being run, for a script the one that has called it. */
  running: Client | undefined;
  /** A script's command is being run. */
  #isScripted = false;

  constructor(host: TrackingHost) {
    this.#host = host;
    this.#keyspace = host.keyspace;
    this.#clients = host.clients;
    this.#table = new TrackingTable(host.keyspace);
    this.#broadcasts = new Broadcasts(host.keyspace.structures.hasher);
    this.#view = new RecordView(host.keyspace.pool);
    this.#message.protocol = 3;
  }

  get clientCount(): number {
    return this.#tracked.size;
  }

  /** Keys in the table, and clients noted under them in all. */
  get keyCount(): number {
    return this.#table.keyCount;
  }

  get itemCount(): number {
    return this.#table.itemCount;
  }

  get prefixCount(): number {
    return this.#broadcasts.prefixCount;
  }

  /** What broadcasts take; the table is in the keyspace's pool. */
  get memoryBytes(): number {
    return this.#broadcasts.memoryBytes;
  }

  /** Tracks a client, or changes how it is tracked. */
  enable(client: Client, options: TrackingOptions, prefixes: readonly Uint8Array[]): void {
    const state = (client.tracking as TrackingState | undefined) ?? new TrackingState(options);
    client.tracking = state;
    state.options = options;
    state.isBroken = false;
    this.#tracked.add(client);
    this.#keyspace.follow(this);
    if (!options.isBroadcast) return;
    for (const prefix of prefixes) {
      if (this.#broadcasts.add(prefix, client)) state.prefixes.push(prefix);
    }
  }

  /** Ends a client's tracking, if it is tracked. */
  disable(client: Client): void {
    const state = client.tracking as TrackingState | undefined;
    if (state === undefined) return;
    if (client === this.running) this.sendPending();
    client.tracking = undefined;
    this.#tracked.delete(client);
    for (const prefix of state.prefixes) this.#broadcasts.remove(prefix, client);
    this.#unfollowIfIdle();
  }

  #unfollowIfIdle(): void {
    if (this.#tracked.size > 0 || this.#table.keyCount > 0) return;
    this.#table.clear();
    this.#keyspace.unfollow(this);
  }

  // What the server tells of commands.

  /** The context's command has been run on behalf of a tracked client: notes what it has read. */
  noteReads<S extends ServerContext>(c: CommandContext<S>, client: Client): void {
    const { command } = c;
    if ((command.flags & READONLY) === 0 || SCRIPTS.has(command.fullName)) return;
    if (!(client.tracking as TrackingState).wantsKeys) return;
    const keys = this.#keys;
    const count = findKeys(command, c, 0, c.count, keys);
    for (let k = 0; k < count; k++) this.#noteRead(c, keys.indexes[k], client);
  }

  #noteRead<S extends ServerContext>(c: CommandContext<S>, index: number, client: Client): void {
    const { bytes } = c;
    const start = c.start(index);
    const end = c.end(index);
    try {
      this.#table.add(bytes, start, end, c.hash(index), client.id);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // No memory to remember it with: it must not be cached.
      this.#writeKey(bytes, start, end);
      this.#send(client);
    }
  }

  /** A tracked client's command has been run. */
  afterCommand<S extends ServerContext>(c: CommandContext<S>, client: Client): void {
    this.noteReads(c, client);
    this.endCommand(client, c.command);
  }

  /** A tracked client's command has been run, and waits for keys. */
  beforeWait<S extends ServerContext>(c: CommandContext<S>, client: Client): void {
    this.noteReads(c, client);
    this.sendPending();
  }

  /** A command of a script that a client has called has been run, and has changed data or not. */
  afterScripted<S extends ServerContext>(
    c: CommandContext<S>,
    client: Client,
    changed: boolean,
  ): void {
    this.#isScripted = true;
    this.#keyspace.changes.settle(changed, c.command.flags);
    this.#isScripted = false;
    if (client.tracking !== undefined) this.noteReads(c, client);
  }

  /** A tracked client's command is over, or was refused: what CLIENT CACHING said of it is, too. */
  endCommand<S extends ServerContext>(client: Client, command: Command<S> | undefined): void {
    this.sendPending();
    if (client.queuedCommands >= 0 || command?.parent?.fullName === "client") return;
    (client.tracking as TrackingState).hasCaching = false;
  }

  /** Tells the running client of what its own command has changed. */
  sendPending(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    const client = this.running;
    if (client?.tracking === undefined) return;
    for (const payload of pending) {
      this.#payload.clear();
      this.#payload.raw(payload);
      this.#send(client);
    }
  }

  /** Whether `shrink` is to be called before the next command. */
  get isOverfull(): boolean {
    return this.keysMax > 0 && this.#table.keyCount > this.keysMax && this.#tracked.size > 0;
  }

  /** Takes keys out of a table that is too large: more of them, the longer it has been so. */
  shrink(): void {
    const table = this.#table;
    const effort = EVICTED_PER_COMMAND * (this.#overCount + 1);
    for (let k = 0; k < effort; k++) {
      const { bytes, keyStart, keyEnd } = table.draw();
      this.#writeKey(bytes, keyStart, keyEnd);
      table.takeDrawn();
      this.#sendToTaken(undefined, undefined);
      if (table.keyCount > this.keysMax) continue;
      this.#overCount = 0;
      return;
    }
    this.#overCount++;
  }

  /** Every key of some database is gone: clients are told that all of them are. */
  flushed(): void {
    for (const client of this.#tracked) {
      this.#payload.clear();
      this.#payload.protocol = client.protocol;
      this.#payload.null();
      if (client === this.running) this.#keep();
      else this.#send(client);
    }
    this.#table.clear();
    this.#unfollowIfIdle();
  }

  /** Tells clients in broadcasting mode of what has changed since the last time. */
  broadcast(): void {
    if (!this.#broadcasts.hasChanges) return;
    let encoded: readonly ChangedKey[] | undefined;
    this.#broadcasts.tell((client, keys) => {
      const { isNoLoop } = (client.tracking as TrackingState).options;
      const told = isNoLoop ? keys.filter(({ author }) => author !== client) : keys;
      if (told.length === 0) return;
      if (told !== encoded) this.#writeKeys(told);
      encoded = told;
      this.#send(client);
    });
  }

  // What the keyspace tells.

  beforeWrite(db: Database, ref: number, hash: number): void {
    this.#note(db, ref, hash, false);
  }

  afterCreate(db: Database, ref: number, hash: number): void {
    this.#note(db, ref, hash, true);
  }

  beforeLoss(db: Database, ref: number, hash: number): void {
    if (db.index < 0) return;
    const view = this.#view;
    view.load(ref, hash);
    const { bytes, keyStart, keyEnd } = view;
    if (!this.#isWanted(bytes, keyStart, keyEnd, hash)) return;
    // Whoever finds the key expired, or needs its memory, may have cached it all the same.
    this.#changed(bytes.slice(keyStart, keyEnd), hash, undefined, undefined);
  }

  /** A flush is told of by `flushed`, for it is one whatever the databases hold. */
  beforeClear(): void {}

  /** Nobody is told in Redis either. */
  beforeSwap(): void {}

  /**
   * An event of the key bytes[start, end) is about to be told: if the running command, whose flags
   * are given, has changed the key, that is told first.
   */
  settleKey(event: string, bytes: Uint8Array, start: number, end: number, flags: number): void {
    if (event === "rename_from") return this.settle(true, flags);
    const noted = this.#noted;
    const at = noted.findIndex((key) => isSame(key.bytes, bytes, start, end));
    if (at < 0) return;
    const key = noted[at];
    if (EARLY_EVENTS.has(event)) key.isLate = true;
    if (event === "new" || key.isLate) return;
    if (!key.isMade && (flags & KEEPS_WATCHES) !== 0) return;
    noted.splice(at, 1);
    this.#changedByCommand(key);
  }

  settle(changed: boolean, flags: number): void {
    const noted = this.#noted;
    if (noted.length === 0) return;
    this.#noted = [];
    if (!changed) return;
    for (const key of noted) {
      if (key.isMade || (flags & KEEPS_WATCHES) === 0) this.#changedByCommand(key);
    }
  }

  #note(db: Database, ref: number, hash: number, isMade: boolean): void {
    if (db.index < 0) return;
    const view = this.#view;
    view.load(ref, hash);
    const { bytes, keyStart, keyEnd } = view;
    // Most commands announce what they write more than once.
    const last = this.#noted.at(-1);
    if (last?.hash === hash && isSame(last.bytes, bytes, keyStart, keyEnd)) {
      if (isMade) last.isMade = true;
      return;
    }
    if (!this.#isWanted(bytes, keyStart, keyEnd, hash)) return;
    const name = bytes.slice(keyStart, keyEnd);
    this.#noted.push({ bytes: name, hash, isMade, isLate: false });
    this.#keyspace.changes.hasNoted = true;
  }

  #isWanted(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    return this.#table.has(bytes, start, end, hash) || this.#broadcasts.covers(bytes, start, end);
  }

  /** The running client has changed a key. */
  #changedByCommand({ bytes, hash }: NotedKey): void {
    // In broadcasting mode a script's change is nobody's, as in Redis.
    this.#changed(bytes, hash, this.#isScripted ? undefined : this.running, this.running);
  }

  /**
   * A key has changed. `author` and `changer` are who has done it, and need not be told, in
   * broadcasting mode and by default.
   */
  #changed(
    name: Uint8Array,
    hash: number,
    author: Client | undefined,
    changer: Client | undefined,
  ): void {
    this.#broadcasts.note(name, hash, author);
    if (this.#broadcasts.hasChanges) this.#host.broadcastLater();
    if (!this.#table.take(name, 0, name.length, hash)) return;
    this.#writeKey(name, 0, name.length);
    this.#sendToTaken(this.running, changer);
    this.#unfollowIfIdle();
  }

  // Messages.

  #writeKey(bytes: Uint8Array, start: number, end: number): void {
    const payload = this.#payload;
    payload.clear();
    payload.array(1);
    payload.bulk(bytes, start, end);
  }

  #writeKeys(keys: readonly ChangedKey[]): void {
    const payload = this.#payload;
    payload.clear();
    payload.array(keys.length);
    for (const { name } of keys) payload.bulkBytes(name);
  }

  /**
   * Sends the payload to the clients of the key that was taken out of the table: to `running` once
   * its command has ended, to `changer` unless it wants no loops.
   */
  #sendToTaken(running: Client | undefined, changer: Client | undefined): void {
    const { taken, takenCount } = this.#table;
    for (let k = 0; k < takenCount; k++) {
      const client = this.#clients.get(taken[k]);
      const options = (client?.tracking as TrackingState | undefined)?.options;
      if (client === undefined || options === undefined || options.isBroadcast) continue;
      if (options.isNoLoop && client === changer) continue;
      if (client === running) this.#keep();
      else this.#send(client);
    }
  }

  /** Keeps the payload for the running client. */
  #keep(): void {
    this.#pending.push(this.#payload.buffer.slice(0, this.#payload.length));
  }

  /** Sends the payload to a tracked client, or to the one that it has chosen. */
  #send(client: Client): void {
    const state = client.tracking as TrackingState;
    const { redirect } = state;
    const target = redirect === 0 ? client : this.#clients.get(redirect);
    if (target === undefined) return this.#tellBroken(client, state);
    const message = this.#message;
    message.clear();
    if (target.protocol === 3) message.raw(PUSH);
    else if (redirect !== 0 && target.isSubscribed) message.raw(MESSAGE);
    else return;
    message.rawRange(this.#payload.buffer, 0, this.#payload.length);
    target.channel.push(message.buffer, 0, message.length);
  }

  /** The client that was to be told has left: whoever chose it is, where it can be. */
  #tellBroken(client: Client, state: TrackingState): void {
    state.isBroken = true;
    if (client.protocol !== 3) return;
    const message = this.#message;
    message.clear();
    message.raw(BROKEN);
    message.integer(state.redirect);
    client.channel.push(message.buffer, 0, message.length);
  }
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  return name.length === end - start && equalBytes(name, 0, bytes, start, name.length);
}
