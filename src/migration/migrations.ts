// MIGRATE: keys on their way to other servers.
//
// Redis stands still until the target has answered. Here only what could spoil the move waits: from
// the moment a MIGRATE is read until its keys are deleted or its failure is known, a command that
// might change one of its keys is held, as by CLIENT PAUSE, and so is every command that changes
// data without naming keys (FLUSHALL, SWAPDB, scripts, a transaction that writes). So no write that
// a client was told of is lost, and nothing has to be compared or sent twice. Reads go on: the key
// is here until the target has confirmed it. Keys are known by their names alone, in whichever
// database, which holds a little too much and is right.
//
// What the server does by itself is not held: a key that expires or is evicted during its transfer
// is gone here as it would have been after it.
//
// A MIGRATE that must not wait, in a transaction or a script, does stop the loop; see `moveNow`.

import { latin1Text } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import { findKeys, KeyList, takesKeys } from "../command/key-extraction.ts";
import type { Command } from "../command/registry.ts";
import { MAY_REPLICATE, NO_MANDATORY_KEYS, READONLY, WRITE } from "../command/spec.ts";
import type { TransferRequest } from "./restore-requests.ts";
import type { TransferOutcome } from "./target-replies.ts";
import { Targets } from "./targets.ts";
import type { Transfer, TransferHost } from "./transfer.ts";

/** Loaded by the first MIGRATE. */
const transferring = (): typeof import("./transfer.ts") => require("./transfer.ts");

/** Flags of commands that keep a transaction waiting. */
const UNSAFE = WRITE | MAY_REPLICATE | NO_MANDATORY_KEYS;

/** What migrations need of the server. */
export interface MigrationHost extends TransferHost {
  /** Keys became movable or no longer are: the gates must be passed, or need not be. */
  keysChanged(): void;
  /** Clients whose commands were held may go on. */
  releaseHeld(): void;
}

/** The transfers of one server. */
export class Migrations {
  readonly #host: MigrationHost;
  readonly #targets: Targets;
  readonly #transfers = new Set<Transfer>();
  /** Names of the keys that must stay as they are, one character per byte. */
  readonly #moving = new Set<string>();
  readonly #outcomes = new Map<Client, TransferOutcome>();
  readonly #keys = new KeyList();
  #hasHeld = false;

  constructor(host: MigrationHost) {
    this.#host = host;
    this.#targets = new Targets(host.network);
  }

  /** Whether commands must be asked about with `holds`. */
  get isActive(): boolean {
    return this.#moving.size > 0;
  }

  /** Connections kept for further transfers: INFO's migrate_cached_sockets. */
  get cachedConnections(): number {
    return this.#targets.idleCount;
  }

  /** Whether the command that a context points at must wait. */
  holds<S extends ServerContext>(c: CommandContext<S>, command: Command<S>): boolean {
    // What a transaction only queues changes nothing yet.
    if (c.client.queuedCommands >= 0 && command.fullName !== "exec") return false;
    if (!this.#mayChange(c, command)) return false;
    this.#hasHeld = true;
    return true;
  }

  #mayChange<S extends ServerContext>(c: CommandContext<S>, command: Command<S>): boolean {
    const { flags, fullName } = command;
    if (fullName === "exec") return ((c.client.queue?.flags ?? 0) & UNSAFE) !== 0;
    // Scripts may change keys that they do not name.
    if ((flags & NO_MANDATORY_KEYS) !== 0) return (flags & READONLY) === 0;
    if ((flags & (WRITE | MAY_REPLICATE)) === 0) return false;
    if (!takesKeys(command)) return (flags & WRITE) !== 0;
    const count = findKeys(command, c, 0, c.count, this.#keys);
    for (let k = 0; k < count; k++) {
      if (this.#moving.has(c.latin1(this.#keys.indexes[k]))) return true;
    }
    return false;
  }

  /** Begins a transfer for a client that waits; `complete` runs its command again at the end. */
  begin(client: Client, request: TransferRequest, complete: () => void): void {
    const names = request.keys.map(({ bytes }) => latin1Text(bytes, 0, bytes.length));
    for (const name of names) this.#moving.add(name);
    const { Transfer } = transferring();
    const transfer = new Transfer(this.#host, this.#targets, request, (outcome) => {
      this.#transfers.delete(transfer);
      for (const name of names) this.#moving.delete(name);
      this.#outcomes.set(client, outcome);
      this.#host.keysChanged();
      complete();
      if (!this.#hasHeld) return;
      this.#hasHeld = false;
      this.#host.releaseHeld();
    });
    this.#transfers.add(transfer);
    this.#host.keysChanged();
    transfer.start();
  }

  /** How a client's transfer ended, if it has; told once. */
  takeOutcome(client: Client): TransferOutcome | undefined {
    const outcome = this.#outcomes.get(client);
    if (outcome !== undefined) this.#outcomes.delete(client);
    return outcome;
  }

  /** Moves keys while everything else waits. */
  moveNow(request: TransferRequest): TransferOutcome {
    return transferring().moveNow(this.#host, request);
  }

  /** Ten times a second. */
  tick(nowMs: number): void {
    this.#targets.tick(nowMs);
  }

  /** The server ends: what has not been confirmed stays. */
  close(): void {
    for (const transfer of this.#transfers) transfer.cancel();
    this.#transfers.clear();
    this.#targets.close();
  }
}
