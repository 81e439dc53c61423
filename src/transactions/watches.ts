// The keys that clients watch, and which of their watchers must know of a change.
//
// The keyspace tells of every record that a command may be about to change; those that are watched
// are noted, and once the command has run, and did change data, their watchers' transactions are
// spoiled. What goes by expiry, eviction or flushing spoils at once. While nobody watches, these
// are not among the followers of changes.
//
// A key that had expired already when it was watched does not exist, to its watcher: that it is
// deleted at last is no change.
//
// Invariants: a key stands in the table while it has watches; a client whose transaction is spoiled
// watches nothing; these follow the keyspace's changes while there are keys.

import { equalBytes } from "../base/ascii.ts";
import type { Client } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import { KEEPS_WATCHES } from "../command/spec.ts";
import type { ChangeFollower } from "../keyspace/changes.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { RecordView } from "../structures/record.ts";

/** What a watched key, and each watch on it, take beside the key's bytes: as measured. */
const KEY_BYTES = 200;
const WATCH_BYTES = 80;

/** A key that is watched. */
interface WatchedKey {
  readonly dbIndex: number;
  readonly hash: number;
  readonly bytes: Uint8Array;
  readonly watches: Set<Watch>;
  /** A command that is running may have changed it. */
  isNoted: boolean;
  /** It has made the key. */
  isMade: boolean;
}

/** One client's watch on a key. */
interface Watch {
  readonly client: Client;
  readonly key: WatchedKey;
  /** The key's time had come when it was watched, and it was still there. */
  wasExpired: boolean;
}

/** One server's watched keys. */
export class Watches implements ChangeFollower {
  readonly #keyspace: Keyspace;
  readonly #view: RecordView;
  /** By key hash, for each database. */
  readonly #tables: Map<number, WatchedKey[]>[];
  readonly #byClient = new Map<Client, Watch[]>();
  /** Keys that the running command may have changed. */
  #noted: WatchedKey[] = [];
  /** Distinct keys watched. */
  keyCount = 0;
  memoryBytes = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#view = new RecordView(keyspace.pool);
    this.#tables = keyspace.databases.map(() => new Map());
  }

  // What handlers and the server call.

  /** Has the client watch the key in argument `index`. */
  watch(c: CommandContext<ServerContext>, index: number): void {
    const { client, db, bytes } = c;
    const start = c.start(index);
    const end = c.end(index);
    const hash = c.hash(index);
    const own = this.#byClient.get(client) ?? [];
    const key = this.#find(db.index, hash, bytes, start, end) ?? this.#add(c, index, hash);
    for (const watch of key.watches) if (watch.client === client) return;
    const found = db.peekEvenExpired(this.#view, bytes, start, end, hash);
    const watch = { client, key, wasExpired: found !== undefined && db.isExpired(found) };
    key.watches.add(watch);
    own.push(watch);
    this.#byClient.set(client, own);
    client.watchedKeys = own.length;
    this.#count(client, WATCH_BYTES);
  }

  /** Forgets everything that a client watches. */
  forget(client: Client): void {
    const own = this.#byClient.get(client);
    if (own === undefined) return;
    this.#byClient.delete(client);
    this.#count(client, -WATCH_BYTES * own.length);
    client.watchedKeys = 0;
    for (const watch of own) {
      watch.key.watches.delete(watch);
      if (watch.key.watches.size === 0) this.#remove(watch.key);
    }
  }

  /** Whether the time of a key that the client watches has come since. */
  hasExpired(client: Client): boolean {
    const own = this.#byClient.get(client);
    if (own === undefined) return false;
    return own.some(({ key, wasExpired }) => {
      return !wasExpired && this.#isExpiredIn(this.#keyspace.databases[key.dbIndex], key);
    });
  }

  // What the keyspace tells.

  settle(changed: boolean, flags: number): void {
    const keepsWatches = (flags & KEEPS_WATCHES) !== 0;
    const noted = this.#noted;
    if (noted.length === 0) return;
    this.#noted = [];
    for (const key of noted) {
      key.isNoted = false;
      if (changed && (key.isMade || !keepsWatches)) this.#touch(key);
      key.isMade = false;
    }
  }

  beforeWrite(db: Database, ref: number, hash: number): void {
    const key = this.#watchedAt(db, ref, hash);
    if (key !== undefined) this.#note(key);
  }

  afterCreate(db: Database, ref: number, hash: number): void {
    const key = this.#watchedAt(db, ref, hash);
    if (key === undefined) return;
    key.isMade = true;
    this.#note(key);
  }

  #note(key: WatchedKey): void {
    if (key.isNoted) return;
    key.isNoted = true;
    this.#noted.push(key);
    this.#keyspace.changes.hasNoted = true;
  }

  beforeLoss(db: Database, ref: number, hash: number): void {
    const key = this.#watchedAt(db, ref, hash);
    if (key !== undefined) this.#lose(key);
  }

  beforeClear(db: Database): void {
    if (db.index < 0) return;
    for (const key of this.#keysOf(db.index)) if (this.#isIn(db, key)) this.#lose(key);
  }

  beforeSwap(left: Database, right: Database): void {
    this.#replaceAll(left, right);
    this.#replaceAll(right, left);
  }

  /** The contents of a database are about to become those of another. */
  #replaceAll(db: Database, other: Database): void {
    for (const key of this.#keysOf(db.index)) {
      const willExist = this.#isIn(other, key);
      if (!willExist && !this.#isIn(db, key)) continue;
      const willBeExpired = willExist && this.#isExpiredIn(other, key);
      const existed = this.#isIn(db, key);
      for (const watch of [...key.watches]) {
        if (watch.wasExpired && !willExist) watch.wasExpired = false;
        else if (willBeExpired && (watch.wasExpired || !existed)) watch.wasExpired = true;
        else this.#spoil(watch.client);
      }
    }
  }

  /** A key goes without a command having asked for it. */
  #lose(key: WatchedKey): void {
    for (const watch of [...key.watches]) {
      if (watch.wasExpired) watch.wasExpired = false;
      else this.#spoil(watch.client);
    }
  }

  /** A command has changed a key. */
  #touch(key: WatchedKey): void {
    for (const watch of [...key.watches]) this.#spoil(watch.client);
  }

  #spoil(client: Client): void {
    client.dirtyWatch = true;
    this.forget(client);
  }

  #keysOf(dbIndex: number): WatchedKey[] {
    return [...this.#tables[dbIndex].values()].flat();
  }

  #isIn(db: Database, { bytes, hash }: WatchedKey): boolean {
    return db.peekEvenExpired(this.#view, bytes, 0, bytes.length, hash) !== undefined;
  }

  #isExpiredIn(db: Database, { bytes, hash }: WatchedKey): boolean {
    const found = db.peekEvenExpired(this.#view, bytes, 0, bytes.length, hash);
    return found !== undefined && db.isExpired(found);
  }

  /** The watched key of a record. */
  #watchedAt(db: Database, ref: number, hash: number): WatchedKey | undefined {
    const chain = this.#tables[db.index]?.get(hash);
    if (chain === undefined) return undefined;
    const view = this.#view;
    view.load(ref, hash);
    return inChain(chain, view.bytes, view.keyStart, view.keyEnd);
  }

  #find(dbIndex: number, hash: number, bytes: Uint8Array, start: number, end: number) {
    const chain = this.#tables[dbIndex].get(hash);
    return chain === undefined ? undefined : inChain(chain, bytes, start, end);
  }

  #add(c: CommandContext<ServerContext>, index: number, hash: number): WatchedKey {
    const bytes = c.copy(index);
    const watches = new Set<Watch>();
    const key = { dbIndex: c.db.index, hash, bytes, watches, isNoted: false, isMade: false };
    const table = this.#tables[key.dbIndex];
    const chain = table.get(hash);
    if (chain === undefined) table.set(hash, [key]);
    else chain.push(key);
    this.memoryBytes += KEY_BYTES + bytes.length;
    this.keyCount++;
    this.#keyspace.follow(this);
    return key;
  }

  #remove(key: WatchedKey): void {
    const table = this.#tables[key.dbIndex];
    const rest = table.get(key.hash)!.filter((other) => other !== key);
    if (rest.length === 0) table.delete(key.hash);
    else table.set(key.hash, rest);
    this.memoryBytes -= KEY_BYTES + key.bytes.length;
    if (--this.keyCount === 0) this.#keyspace.unfollow(this);
  }

  #count(client: Client, bytes: number): void {
    client.queuedBytes += bytes;
    this.memoryBytes += bytes;
  }
}

function inChain(
  chain: readonly WatchedKey[],
  bytes: Uint8Array,
  start: number,
  end: number,
): WatchedKey | undefined {
  for (const key of chain) {
    const { length } = key.bytes;
    if (length === end - start && equalBytes(key.bytes, 0, bytes, start, length)) return key;
  }
  return undefined;
}
