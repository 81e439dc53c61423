// What counts as used memory, and which part of it maxmemory limits.

import type { MemoryReport } from "../command/statistics.ts";
import type { Server } from "./server.ts";

/** The memory of one server. */
export class MemoryUsage {
  readonly #server: Server;
  /** What was used when the server was ready. */
  startupBytes = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Data, tables, buffers of clients, of the AOF and of a snapshot. */
  get usedBytes(): number {
    const { durability, snapshotRunner } = this.#server;
    return this.limitedBytes + durability.memoryBytes + snapshotRunner.memoryBytes;
  }

  /**
   * What maxmemory limits. The AOF's bytes do not count: evictions are written to it, so that
   * evicting because of them would never end.
   */
  get limitedBytes(): number {
    const { blocking, connections, keyspace, loadedLibraries } = this.#server;
    const { scripting, tracking, transactions } = this.#server;
    const waiting = blocking.memoryBytes + transactions.memoryBytes + tracking.memoryBytes;
    let scriptBytes = scripting.machineBytes + scripting.scripts.bytes;
    if (loadedLibraries !== undefined) {
      scriptBytes += loadedLibraries.machineBytes + loadedLibraries.bytes;
    }
    return keyspace.usedBytes + connections.clientMemory.bufferBytes + waiting + scriptBytes;
  }

  report(): MemoryReport {
    const { durability, keyspace, snapshotRunner } = this.#server;
    const { pool } = keyspace;
    return {
      usedBytes: this.usedBytes,
      datasetBytes: keyspace.dataBytes,
      startupBytes: this.startupBytes,
      allocatorAllocated: pool.usedBytes,
      allocatorActive: pool.activeBytes,
      allocatorResident: pool.chunkBytes,
      aofBufferBytes: durability.memoryBytes,
      snapshotBytes: snapshotRunner.memoryBytes,
      databases: keyspace.databases
        .filter((db) => db.size > 0)
        .map((db) => ({
          index: db.index,
          mainIndexBytes: db.table.totalBytes,
          expiresIndexBytes: 0,
        })),
    };
  }
}
