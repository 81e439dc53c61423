// Eviction: which key goes when memory is full. As in Redis the choice is approximate: a few random
// keys are looked at, the best candidates among them kept in a small pool between evictions
// (https://redis.io/docs/latest/develop/reference/eviction/).

import { accessOf, NO_EXPIRY, RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

/** Names of maxmemory-policy's values. */
export type EvictionPolicy =
  | "noeviction"
  | "allkeys-lru"
  | "allkeys-lfu"
  | "allkeys-random"
  | "volatile-lru"
  | "volatile-lfu"
  | "volatile-random"
  | "volatile-ttl";

const CANDIDATES_MAX = 16;
/** Random keys looked at for one that is volatile before the search gives up. */
const VOLATILE_TRIES = 32;

interface Candidate {
  db: Database;
  key: Uint8Array;
  hash: number;
  /** The higher, the sooner it goes. */
  score: number;
}

/** Evicts keys of one keyspace by a policy. */
export class Eviction {
  readonly #keyspace: Keyspace;
  readonly #view: RecordView;
  /** Ascending by score. */
  readonly #candidates: Candidate[] = [];
  policy: EvictionPolicy = "noeviction";
  /** maxmemory-samples */
  samples = 5;
  /** The database of the key evicted last. */
  dbIndex = 0;
  #nextDatabase = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#view = new RecordView(keyspace.pool);
  }

  /** Evicts one key, or expires one that was due anyway; false where the policy finds none. */
  evictOne(): boolean {
    if (this.policy === "noeviction") return false;
    if (this.policy.endsWith("-random")) return this.#evictRandom();
    for (;;) {
      for (const db of this.#keyspace.databases) this.#collect(db);
      // Candidates may be gone by now and, having been good ones, have kept others out.
      if (this.#candidates.length === 0) return false;
      while (this.#candidates.length > 0)
        if (this.#evictCandidate(this.#candidates.pop()!)) return true;
    }
  }

  #evictCandidate({ db, key, hash }: Candidate): boolean {
    this.dbIndex = db.index;
    const expiredBefore = this.#keyspace.expired;
    const view = db.peek(this.#view, key, 0, key.length, hash);
    if (view === undefined) return this.#keyspace.expired !== expiredBefore;
    if (this.#onlyVolatile && view.expiryMs === NO_EXPIRY) return false;
    db.evict(view);
    return true;
  }

  /** Forgets candidates; for changes of policy. */
  reset(): void {
    this.#candidates.length = 0;
  }

  get #onlyVolatile(): boolean {
    return this.policy.startsWith("volatile-");
  }

  #evictRandom(): boolean {
    const databases = this.#keyspace.databases;
    for (let k = 0; k < databases.length; k++) {
      const db = databases[this.#nextDatabase];
      this.#nextDatabase = (this.#nextDatabase + 1) % databases.length;
      if (!this.#pick(db)) continue;
      this.dbIndex = db.index;
      db.evict(this.#view);
      return true;
    }
    return false;
  }

  #collect(db: Database): void {
    if ((this.#onlyVolatile ? db.volatileCount : db.size) === 0) return;
    for (let k = 0; k < this.samples; k++) {
      if (!this.#pick(db)) return;
      this.#offer(db);
    }
  }

  /** Loads a random key that the policy may take; false where none was found. */
  #pick(db: Database): boolean {
    if (!this.#onlyVolatile) return db.randomKey(this.#view);
    if (db.volatileCount === 0) return false;
    for (let tries = 0; tries < VOLATILE_TRIES; tries++) {
      if (!db.randomKey(this.#view)) return false;
      if (this.#view.expiryMs !== NO_EXPIRY) return true;
    }
    return this.#walkToVolatile(db);
  }

  /** Volatile keys are rare: takes the next one in hash order from a random place. */
  #walkToVolatile(db: Database): boolean {
    const start = this.#keyspace.random.uint32();
    let position = start;
    let found = 0;
    let foundHash = 0;
    do {
      if (db.table.volatileAt(position) === 0) {
        position = db.table.segmentEnd(position);
        continue;
      }
      position = db.table.scan(position, 1, (ref, hash) => {
        if (found !== 0 || !db.table.isVolatile(ref)) return;
        found = ref;
        foundHash = hash | 0;
      });
    } while (found === 0 && !(position === 0 && start === 0));
    this.#view.load(found, foundHash);
    return found !== 0;
  }

  /** Puts the loaded key among the candidates if it is good enough. */
  #offer(db: Database): void {
    const view = this.#view;
    const score = this.#score(view);
    const candidates = this.#candidates;
    const same = candidates.some((c) => c.db === db && c.hash === view.hash);
    if (same) return;
    if (candidates.length >= CANDIDATES_MAX) {
      if (score <= candidates[0].score) return;
      candidates.shift();
    }
    let at = candidates.length;
    while (at > 0 && candidates[at - 1].score > score) at--;
    const key = view.bytes.slice(view.keyStart, view.keyEnd);
    candidates.splice(at, 0, { db, key, hash: view.hash, score });
  }

  #score(view: RecordView): number {
    if (this.policy === "volatile-ttl") return -view.expiryMs;
    const access = accessOf(this.#keyspace.pool, view.ref);
    if (this.#keyspace.access.isLfu) return 255 - this.#keyspace.access.decayedCounter(access);
    return this.#keyspace.access.idleSeconds(access);
  }
}
