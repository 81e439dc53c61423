// hot path: no allocation per command
//
// The keyspace of one server: its databases over one pool, the time lookups go by, the counters of
// hits and expiries, and the seams through which others follow changes: `gate` (snapshots),
// `changes` (watched and tracked keys) and `events` (effects of expiry and eviction).

import { assert } from "../base/assert.ts";
import { KeyHasher } from "../base/key-hash.ts";
import type { Random } from "../base/random.ts";
import { Pool } from "../memory/pool.ts";
import {
  type Container,
  ContainerTable,
  type Releasable,
  type StructureContext,
} from "../structures/container.ts";
import { RecordView } from "../structures/record.ts";
import { AccessPolicy } from "./access.ts";
import { type ChangeFollower, Changes } from "./changes.ts";
import { Database } from "./database.ts";
import { verifyDatabase } from "./database-verify.ts";
import { EncodingLimits } from "./encoding-limits.ts";
import { HashValues } from "./hash-value.ts";
import { LazyFree } from "./lazy-free.ts";

/** Hears of every key that is looked up, in tests; see `command/key-audit.ts`. */
export interface LookupObserver {
  lookedUp(db: Database, bytes: Uint8Array, start: number, end: number): void;
}

/** Sees every record before it changes; set while a snapshot is being taken. */
export interface WriteGate {
  /** The record is about to be changed, moved out of its database or deleted. */
  beforeWrite(db: Database, ref: number, hash: number): void;
  /**
   * As `beforeWrite`, where the record is to be replaced or deleted as a whole. True where its
   * value must not be changed in place.
   */
  beforeReplace(db: Database, ref: number, hash: number): boolean;
  /** The block is no record's any more. True where the gate needs it still, and frees it itself. */
  keepsBlock(ref: number): boolean;
  /** The record is new; it does not stand in the table yet. */
  afterCreate(db: Database, ref: number, hash: number): void;
  /**
   * The database is being emptied: `table` is what it held. True where the gate needs that still,
   * and gives it back itself.
   */
  keepsCleared(db: Database, table: Releasable): boolean;
  /**
   * The container is no longer used. True where the gate needs it still, and discards it itself.
   */
  keepsDiscarded(container: Container): boolean;
}

/** Is told of keys that go without a command having asked for it, before they go, and of values
 * that clients may wait for. */
export interface KeyspaceEvents {
  expired(dbIndex: number, view: RecordView): void;
  evicted(dbIndex: number, view: RecordView): void;
  /** The field bytes[start, end) of the hash in a view goes because its time has come. */
  fieldExpired(
    dbIndex: number,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
  /** A key bytes[start, end) holds a list, sorted set or stream that it did not hold before. */
  appeared(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void;
  /** Something happened to the key bytes[start, end) of which `notifiedEvents` is to be told. */
  notified(dbIndex: number, name: string, bytes: Uint8Array, start: number, end: number): void;
  /** The stream under a key is no longer there. */
  vanished(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void;
}

const NO_EVENTS: KeyspaceEvents = {
  expired: () => {},
  evicted: () => {},
  fieldExpired: () => {},
  notified: () => {},
  appeared: () => {},
  vanished: () => {},
};

const STAGING_INDEX = -1;

/** All databases of a server. */
export class Keyspace {
  readonly pool = new Pool();
  readonly random: Random;
  readonly access: AccessPolicy;
  readonly databases: Database[] = [];
  /** Belongs to no client: values are built here before they replace those of keys. Else empty. */
  readonly staging: Database;
  /** Views for handlers: the first key looked up, and a second one beside it. */
  readonly view: RecordView;
  readonly secondView: RecordView;
  /** For the keyspace's own use during an operation. */
  readonly ownView: RecordView;

  /** For giving back a value while the others are in use. */
  readonly discardView: RecordView;

  /** Collections that outgrew their records. */
  readonly containers = new ContainerTable();
  readonly lazyFree = new LazyFree();
  readonly limits = new EncodingLimits();
  /** What structures are built with. */
  readonly structures: StructureContext;
  readonly hashes: HashValues;

  readonly #hasher: KeyHasher;

  /** Unix time in milliseconds that expiry goes by; set once per event. */
  nowMs = 0;
  #gate: WriteGate | null = null;
  readonly changes = new Changes();
  audit: LookupObserver | null = null;
  /** Whether there is a gate or a follower of changes: all that a write has to ask. */
  isFollowed = false;
  events: KeyspaceEvents = NO_EVENTS;
  /** The classes of events that `events.notified` is told of; see event-classes.ts. */
  notifiedEvents = 0;
  /** Replica: expired keys are not found, but only the primary deletes them. */
  hidesExpired = false;
  /** Loading: expired keys are still found, so that the log replays as it was written. */
  isLoading = false;
  /** Whether lookups note accesses; off for a client that asked for CLIENT NO-TOUCH. */
  notesAccess = true;

  hits = 0;
  misses = 0;
  expired = 0;
  evicted = 0;
  expiredFields = 0;

  /** `secrets` gives the hash its key, which nobody may guess. */
  constructor(databaseCount: number, random: Random, secrets: Random = random) {
    assert(databaseCount > 0, "there is at least one database");
    this.random = random;
    this.#hasher = new KeyHasher(secrets);
    this.access = new AccessPolicy(random);
    this.view = new RecordView(this.pool);
    this.secondView = new RecordView(this.pool);
    this.ownView = new RecordView(this.pool);
    this.discardView = new RecordView(this.pool);
    this.structures = { pool: this.pool, hasher: this.#hasher, random };
    this.hashes = new HashValues(this);
    this.staging = new Database(this, STAGING_INDEX);
    for (let index = 0; index < databaseCount; index++) {
      this.databases.push(new Database(this, index));
    }
  }

  get gate(): WriteGate | null {
    return this.#gate;
  }

  set gate(gate: WriteGate | null) {
    this.#gate = gate;
    this.#updateFollowed();
  }

  /** Has a follower told of changes, if it is not already. */
  follow(follower: ChangeFollower): void {
    this.changes.add(follower);
    this.#updateFollowed();
  }

  /** Tells a follower no more. */
  unfollow(follower: ChangeFollower): void {
    this.changes.remove(follower);
    this.#updateFollowed();
  }

  #updateFollowed(): void {
    this.isFollowed = this.#gate !== null || this.changes.followerCount > 0;
  }

  /** The hash of a key: an int32, keyed by this keyspace. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.#hasher.hash(bytes, start, end);
  }

  /** Sets the time of everything that follows. */
  setTime(nowMs: number): void {
    if (nowMs === this.nowMs) return;
    this.nowMs = nowMs;
    this.access.setTime(nowMs);
  }

  /** Bytes of data: live pool blocks, and the arrays of tables and containers outside of it. */
  get usedBytes(): number {
    return this.pool.usedBytes + this.pool.outsideBytes;
  }

  /** Bytes of keys and values alone. */
  get dataBytes(): number {
    let total = this.pool.usedBytes - this.staging.table.segmentBytes;
    for (let k = 0; k < this.databases.length; k++) {
      total -= this.databases[k].table.segmentBytes;
    }
    return total;
  }

  /** Exchanges the contents of two databases; clients stay on their numbers. */
  swap(left: number, right: number): void {
    const databases = this.databases;
    const first = databases[left];
    const second = databases[right];
    if (left !== right) this.changes.beforeSwap(first, second);
    const table = first.table;
    first.table = second.table;
    second.table = table;
    const sizes = first.sizes;
    first.sizes = second.sizes;
    second.sizes = sizes;
    const fieldVolatileCount = first.fieldVolatileCount;
    first.fieldVolatileCount = second.fieldVolatileCount;
    second.fieldVolatileCount = fieldVolatileCount;
  }

  /** Gives back the block of what was a record. */
  freeBlock(ref: number): void {
    const gate = this.#gate;
    if (gate === null || !gate.keepsBlock(ref)) this.pool.free(ref);
  }

  /** Gives back a container that no record refers to any more. */
  discard(container: Container): void {
    if (this.gate?.keepsDiscarded(container)) return;
    this.lazyFree.discard(container);
  }

  /** Deletes every key of every database. */
  clear(): void {
    for (let k = 0; k < this.databases.length; k++) {
      if (this.databases[k].size > 0) this.databases[k].clear();
    }
  }

  /** Checks the invariants of the pool and of every database. Throws on the first violation. */
  verify(): void {
    this.pool.verify();
    for (let k = 0; k < this.databases.length; k++) {
      verifyDatabase(this.databases[k], this.ownView);
    }
    assert(this.staging.size === 0, "nothing stays in the staging database");
  }
}
