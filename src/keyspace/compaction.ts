// Compaction: after many deletions the live blocks lie scattered over chunks that are mostly empty.
// When that wastes enough, the sparsest chunks are evacuated: a walk over every table moves the
// records and segments that lie in them, then one over every container its blocks, in short slices,
// and each emptied chunk goes back to the system.

import type { Clock } from "../base/clock.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

/** Chunks must hold this much more than is live before moving blocks pays. */
const WASTE_FACTOR = 1.25;
const WASTE_BYTES_MIN = 32 << 20;
/** Blocks of a container looked at between two readings of the clock. */
const BLOCKS_PER_CHECK = 256;
/** What one step moves of a table's records at most, but for the last record. */
const MOVED_BYTES_MAX = 1 << 20;

/** Compacts one keyspace's pool. */
export class Compaction {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  #isRunning = false;
  #database = 0;
  /** Where the walk stands: in the database's table, then in the container's blocks. */
  #position = 0;
  #handle = 0;

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  /** Works for about `budgetUs` microseconds. Returns whether there is more to do at once. */
  run(budgetUs: number): boolean {
    if (!this.#isRunning && !this.#begin()) return false;
    const deadline = this.#clock.monotonicUs() + budgetUs;
    const databases = this.#keyspace.databases;
    while (this.#database < databases.length) {
      const db = databases[this.#database];
      if (this.#relocateSegment(db)) {
        this.#position = db.table.segmentEnd(this.#position);
        if (this.#position === 0) this.#database++;
      }
      if (this.#clock.monotonicUs() >= deadline) return true;
    }
    if (!this.#relocateContainers(deadline)) return true;
    this.#keyspace.pool.endEvacuation();
    this.#isRunning = false;
    return false;
  }

  #begin(): boolean {
    const pool = this.#keyspace.pool;
    const waste = pool.chunkBytes - pool.usedBytes * WASTE_FACTOR;
    if (waste < WASTE_BYTES_MIN || pool.evacuate() === 0) return false;
    this.#isRunning = true;
    this.#database = 0;
    this.#position = 0;
    this.#handle = 0;
    return true;
  }

  /** Moves the records and the segment at the position; false when there is more to move there. */
  #relocateSegment(db: Database): boolean {
    const { pool, ownView } = this.#keyspace;
    const moving: number[] = [];
    let bytes = 0;
    db.table.scan(this.#position, 1 << 30, (ref, hash) => {
      if (bytes >= MOVED_BYTES_MAX || !pool.isEvacuating(ref)) return;
      bytes += pool.capacity(ref);
      moving.push(ref, hash);
    });
    for (let k = 0; k < moving.length; k += 2) {
      ownView.load(moving[k], moving[k + 1] | 0);
      db.moveBlock(ownView);
    }
    db.table.relocate(this.#position);
    return bytes < MOVED_BYTES_MAX;
  }

  /** Goes on with the walk over the containers; false when time ran out first. */
  #relocateContainers(deadline: number): boolean {
    const containers = this.#keyspace.containers;
    while (this.#handle < containers.handleCount) {
      // One that is gone meanwhile may have been followed by another under its handle, which has
      // no blocks to move: nothing new is allocated in chunks being evacuated.
      const container = containers.get(this.#handle);
      this.#position = container?.relocate(this.#position, BLOCKS_PER_CHECK) ?? 0;
      if (this.#position === 0) this.#handle++;
      if (this.#clock.monotonicUs() >= deadline) return false;
    }
    return true;
  }
}
