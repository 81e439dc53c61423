// A keyspace alone, with keys given as text.

import { ManualClock } from "../../../src/base/clock.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import type { Database } from "../../../src/keyspace/database.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { NO_EXPIRY, type RecordView } from "../../../src/structures/record.ts";

export const START_MS = 1_700_000_000_000;

/** A clock on which every reading of the monotonic time takes a while. */
export class TickingClock extends ManualClock {
  tickUs = 0;

  override monotonicUs(): number {
    if (this.tickUs > 0) this.advance(this.tickUs / 1000);
    return super.monotonicUs();
  }
}

export class KeyspaceFixture {
  readonly clock = new TickingClock(START_MS);
  readonly keyspace: Keyspace;

  constructor(seed = 1) {
    this.keyspace = new Keyspace(16, new Xoshiro(seed), new Xoshiro(seed + 1));
    this.keyspace.setTime(START_MS);
  }

  get db(): Database {
    return this.keyspace.databases[0];
  }

  /** Moves time. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.keyspace.setTime(this.clock.wallMs());
  }

  /** Sets a key; `lifeMs` is its time to live. */
  set(key: string, value: string | Uint8Array, lifeMs?: number, db = this.db): void {
    const name = latin1Bytes(key);
    const bytes = typeof value === "string" ? latin1Bytes(value) : value;
    const expiryMs = lifeMs === undefined ? NO_EXPIRY : this.keyspace.nowMs + lifeMs;
    const hash = this.keyspace.hash(name, 0, name.length);
    db.setString(name, 0, name.length, hash, bytes, 0, bytes.length, expiryMs);
  }

  find(key: string, db = this.db): RecordView | undefined {
    const name = latin1Bytes(key);
    const hash = this.keyspace.hash(name, 0, name.length);
    return db.peek(this.keyspace.view, name, 0, name.length, hash);
  }

  get(key: string, db = this.db): string | undefined {
    const view = this.find(key, db);
    return view && latin1Text(view.bytes, view.valueStart, view.valueEnd);
  }

  delete(key: string, db = this.db): boolean {
    const name = latin1Bytes(key);
    return db.delete(name, 0, name.length, this.keyspace.hash(name, 0, name.length));
  }

  verify(): void {
    this.keyspace.verify();
  }
}

/** The key of a view. */
export function keyOf(view: RecordView): string {
  return latin1Text(view.bytes, view.keyStart, view.keyEnd);
}

/** Pearson's chi-square of counts that should be alike. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((total, count) => total + count, 0) / counts.length;
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
}
