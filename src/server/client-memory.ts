// hot path: no allocation per command
//
// maxmemory-clients: what all clients hold together (input, output, queued transactions, names they
// listen to) is kept below a limit by closing those that hold most.
//
// Without a limit only the buffers are counted, which connections do as they replace them. With one
// every client is counted anew at the end of each of its events and whenever its buffers change;
// what is above the limit goes at the end of the turn, when what could be sent has been.
//
// Invariant: with a limit, `#bytes` is the sum of what stands in `#counted`, which holds every
// connection that may be counted.

import { LOG_WARNING, type Logger } from "../base/log.ts";
import type { Client } from "../command/client.ts";
import type { Config } from "../config/config.ts";

/** A connection as seen from here. */
export interface CountedConnection {
  readonly client: Client;
  /** Closes it to make room for others. */
  evict(): void;
}

/** Lower limits would keep everybody out. */
const LIMIT_BYTES_MIN = 1 << 17;

/** Memory of one server's clients. */
export class ClientMemory {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #connections: Iterable<CountedConnection>;
  /** Bytes that the connections' buffers hold, kept by the connections. */
  bufferBytes = 0;
  /** There is a limit. */
  isLimited = false;
  #limitBytes = 0;
  #counted = new Map<CountedConnection, number>();
  #bytes = 0;
  #isScheduled = false;

  constructor(config: Config, logger: Logger, connections: Iterable<CountedConnection>) {
    this.#config = config;
    this.#logger = logger;
    this.#connections = connections;
  }

  /** Cold: reads maxmemory-clients, which may be a share of maxmemory, and counts all clients. */
  configure(): void {
    const config = this.#config;
    const wanted = config.integer("maxmemory-clients");
    const limit = wanted >= 0 ? wanted : Math.floor((config.integer("maxmemory") * -wanted) / 100);
    this.isLimited = limit > 0;
    this.#limitBytes = Math.max(limit, LIMIT_BYTES_MIN);
    this.#counted = new Map();
    this.#bytes = 0;
    if (!this.isLimited) return;
    for (const connection of this.#connections) this.note(connection); // alloc: cold
  }

  /** With a limit: counts what a client holds now. */
  note(connection: CountedConnection): void {
    const { client } = connection;
    // Others are not this limit's: it must not cost the link to a replica.
    const bytes = client.closing || client.kind !== "normal" ? 0 : client.heldBytes;
    const before = this.#counted.get(connection) ?? 0;
    if (bytes === before) return;
    this.#bytes += bytes - before;
    this.#counted.set(connection, bytes);
    if (this.#bytes < this.#limitBytes || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.relieve()); // alloc: once a turn that goes over the limit
  }

  /** The connection is gone. */
  forget(connection: CountedConnection): void {
    if (!this.isLimited) return;
    this.#bytes -= this.#counted.get(connection) ?? 0;
    this.#counted.delete(connection);
  }

  /** Cold: closes clients, those that hold most first, until the limit holds again. */
  relieve(): void {
    this.#isScheduled = false;
    if (!this.isLimited || this.#bytes < this.#limitBytes) return;
    const connections = Array.from(this.#counted.keys()); // alloc: cold
    connections.sort((left, right) => this.#bytesOf(right) - this.#bytesOf(left)); // alloc: cold
    for (let k = 0; k < connections.length && this.#bytes >= this.#limitBytes; k++) {
      if (connections[k].client.mayBeEvicted) connections[k].evict();
    }
    if (this.#bytes < this.#limitBytes) return;
    this.#logger.log(
      LOG_WARNING,
      "Clients hold more than maxmemory-clients, and none is left that may be evicted",
    );
  }

  #bytesOf(connection: CountedConnection): number {
    return this.#counted.get(connection) ?? 0;
  }
}
