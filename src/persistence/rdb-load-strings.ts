// hot path: no allocation per command
//
// Strings out of an RDB, a batch at a time: those whose key and value lie in the reader's window
// uncompressed are noted, then all are hashed, then all cells that the hashes lead to are loaded,
// then all are inserted. One key after the other, most of the time would be spent waiting for
// memory.
//
// A batch points into the window, so it must be written before the window moves.

import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { RdbReader } from "./rdb-reader.ts";

const BATCH = 64;

/** Collects strings of one database. */
export class RdbStringBatch {
  readonly #keyspace: Keyspace;
  readonly #reader: RdbReader;
  readonly #keyStarts = new Int32Array(BATCH);
  readonly #keyEnds = new Int32Array(BATCH);
  readonly #valueStarts = new Int32Array(BATCH);
  readonly #valueEnds = new Int32Array(BATCH);
  readonly #hashes = new Int32Array(BATCH);
  readonly #expiries = new Float64Array(BATCH);
  #db: Database;
  #bytes: Uint8Array;
  /** Keeps the loads from being optimised away. */
  #sink = 0;
  /** How many are noted. */
  count = 0;

  constructor(keyspace: Keyspace, reader: RdbReader) {
    this.#keyspace = keyspace;
    this.#reader = reader;
    this.#db = keyspace.databases[0];
    this.#bytes = reader.bytes;
  }

  get isFull(): boolean {
    return this.count === BATCH;
  }

  /**
   * Notes the key and the string that come next and steps over them; false where they are not
   * plainly there, and nothing was read. There must be room.
   */
  add(db: Database, expiryMs: number): boolean {
    const reader = this.#reader;
    const keyLength = reader.plainLengthAt(reader.at);
    if (keyLength < 0) return false;
    const keyStart = reader.at + reader.prefixLength;
    const valueLength = reader.plainLengthAt(keyStart + keyLength);
    if (valueLength < 0) return false;
    const valueStart = keyStart + keyLength + reader.prefixLength;
    const { count } = this;
    this.#keyStarts[count] = keyStart;
    this.#keyEnds[count] = keyStart + keyLength;
    this.#valueStarts[count] = valueStart;
    this.#valueEnds[count] = valueStart + valueLength;
    this.#expiries[count] = expiryMs;
    this.#db = db;
    this.#bytes = reader.bytes;
    this.count = count + 1;
    reader.at = valueStart + valueLength;
    return true;
  }

  /** The key of a number. */
  keyAt(k: number): Uint8Array {
    // alloc: for an error only
    return this.#bytes.slice(this.#keyStarts[k], this.#keyEnds[k]);
  }

  /** Inserts all; returns the number of the first one whose key was there before, or -1. */
  flush(): number {
    const { count } = this;
    const bytes = this.#bytes;
    const db = this.#db;
    const keyspace = this.#keyspace;
    const hashes = this.#hashes;
    const { table } = db;
    this.count = 0;
    for (let k = 0; k < count; k++) {
      hashes[k] = keyspace.hash(bytes, this.#keyStarts[k], this.#keyEnds[k]);
    }
    let sink = 0;
    for (let k = 0; k < count; k++) sink ^= table.touch(hashes[k]) ^ table.touchSegment(hashes[k]);
    this.#sink ^= sink;
    for (let k = 0; k < count; k++) {
      const { size } = db;
      db.setString(
        bytes,
        this.#keyStarts[k],
        this.#keyEnds[k],
        hashes[k],
        bytes,
        this.#valueStarts[k],
        this.#valueEnds[k],
        this.#expiries[k],
      );
      if (db.size === size) return k;
    }
    return -1;
  }
}
