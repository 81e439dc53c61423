// Connections to servers that keys are moved to. One that has done its work is kept for the next
// transfer to the same place, for ten seconds. A transfer has a connection for itself.

import type { ClosedReason, Network, OutgoingHandler, OutgoingSocket } from "../base/network.ts";

/** Connections kept, and for how long. */
const KEPT_MAX = 64;
const KEPT_MS = 10_000;

/** Where nobody knows which database is selected. Who asks for this one, as in Redis, gets that. */
export const UNKNOWN_DB = "-1";

/** A connection to a target; whoever it is lent to is told what happens on it. */
export class TargetConnection implements OutgoingHandler {
  readonly name: string;
  readonly #targets: Targets;
  user: OutgoingHandler | undefined;
  socket!: OutgoingSocket;
  isConnected = false;
  /** The database selected there, or UNKNOWN_DB. */
  selectedDb = UNKNOWN_DB;
  /** Since when nobody has used it, Unix ms. */
  idleSinceMs = 0;

  constructor(name: string, targets: Targets) {
    this.name = name;
    this.#targets = targets;
  }

  connected(): void {
    this.isConnected = true;
    this.user?.connected();
  }

  receive(chunk: Uint8Array): void {
    if (this.user !== undefined) this.user.receive(chunk);
    // Nobody has asked anything.
    else this.#targets.discard(this);
  }

  drained(): void {
    this.user?.drained();
  }

  closed(reason: ClosedReason): void {
    if (this.user !== undefined) this.user.closed(reason);
    else this.#targets.discard(this);
  }
}

/** Every connection of a server to targets. */
export class Targets {
  readonly #network: Network;
  /** Those that nobody uses, the one used last at the end. */
  #idle: TargetConnection[] = [];

  constructor(network: Network) {
    this.#network = network;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** A connection for a user, which is told once it is connected unless it `isConnected`. */
  take(host: string, port: number, user: OutgoingHandler): TargetConnection {
    const name = `${host}:${port}`;
    const index = this.#idle.findLastIndex((idle) => idle.name === name);
    if (index >= 0) {
      const [connection] = this.#idle.splice(index, 1);
      connection.user = user;
      return connection;
    }
    const connection = new TargetConnection(name, this);
    connection.user = user;
    connection.socket = this.#network.connectTcp(host, port, connection);
    return connection;
  }

  /** Keeps a connection on which nothing is outstanding. */
  giveBack(connection: TargetConnection, nowMs: number): void {
    connection.user = undefined;
    connection.idleSinceMs = nowMs;
    if (this.#idle.length === KEPT_MAX) this.discard(this.#idle[0]);
    this.#idle.push(connection);
  }

  /** Closes a connection, kept or not. */
  discard(connection: TargetConnection): void {
    connection.user = undefined;
    connection.socket.close();
    this.#idle = this.#idle.filter((idle) => idle !== connection);
  }

  /** Closes what is kept of a name: the target has closed one of them. */
  discardIdle(name: string): void {
    for (const idle of this.#idle) if (idle.name === name) this.discard(idle);
  }

  /** Closes what has been kept for long enough. */
  tick(nowMs: number): void {
    for (const idle of this.#idle) {
      if (nowMs - idle.idleSinceMs > KEPT_MS) this.discard(idle);
    }
  }

  close(): void {
    for (const idle of this.#idle) this.discard(idle);
  }
}
