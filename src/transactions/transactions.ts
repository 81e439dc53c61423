// hot path: no allocation per command
//
// Transactions: from MULTI on, a client's commands are queued; EXEC runs them all, unless one of
// them was refused or a watched key has changed. A client is in a transaction while its
// `queuedCommands` is not negative, EXEC's own run included.

import type { Client } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { CommandExecutor, QueuedRequests } from "../command/executor.ts";
import type { Command } from "../command/registry.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { CommandQueue } from "./command-queue.ts";
import { Watches } from "./watches.ts";

/** What an argument counts for beside its bytes, against the limit of query buffers: a pointer. */
const ARGUMENT_BYTES = 8;
/** Queues kept for the next transaction. */
const SPARES_MAX = 64;

/** A transaction that is being run. */
interface RunningTransaction {
  readonly client: Client;
  readonly queue: CommandQueue;
  /** Its next command. */
  readonly next: number;
  /** What the client's `denyBlocking` was before. */
  readonly deniedBlocking: boolean;
}

/** One server's transactions. */
export class Transactions {
  readonly watches: Watches;
  readonly #spares: CommandQueue[] = [];
  /** The one that waits for a command of its own: a slow script, DEBUG LOADAOF. */
  #suspended: RunningTransaction | undefined;
  /** Bytes of the queues in use. */
  #queueBytes = 0;

  constructor(keyspace: Keyspace) {
    this.watches = new Watches(keyspace);
  }

  get memoryBytes(): number {
    return this.#queueBytes + this.watches.memoryBytes;
  }

  /** Begins to queue a client's commands. */
  begin(client: Client): void {
    client.queuedCommands = 0;
    client.dirtyQueue = false;
  }

  /** Queues the command that the context points at; its request is bytes[from, to). */
  queue<S extends ServerContext>(
    c: CommandContext<S>,
    command: Command<S>,
    bytes: Uint8Array,
    from: number,
    to: number,
    starts: Int32Array,
    ends: Int32Array,
    base: number,
  ): void {
    const client = c.client;
    // EXEC is going to run nothing.
    if (client.dirtyQueue || client.dirtyWatch) return;
    // alloc: once per transaction, unless there is a spare one
    const queue =
      (client.queue as CommandQueue | undefined) ?? this.#spares.pop() ?? new CommandQueue();
    const before = client.queue === undefined ? 0 : queue.memoryBytes;
    const hash = command.firstKey === 1 ? c.hash(1) : 0;
    const erased = command as unknown as Command<never>;
    queue.add(erased, hash, bytes, from, to, starts, ends, base, c.count);
    queue.flags |= command.flagsFor(c);
    client.queue = queue;
    client.queuedCommands = queue.count;
    const added = queue.memoryBytes - before;
    client.queuedBytes += added;
    this.#queueBytes += added;
    let argumentBytes = c.count * ARGUMENT_BYTES;
    for (let k = 0; k < c.count; k++) argumentBytes += ends[base + k] - starts[base + k];
    client.queuedArgumentBytes += argumentBytes;
  }

  /** Forgets what a client has queued and what it watches; it is in no transaction any more. */
  discard(client: Client): void {
    const queue = client.queue as CommandQueue | undefined;
    if (queue !== undefined) {
      const bytes = queue.memoryBytes;
      client.queuedBytes -= bytes;
      this.#queueBytes -= bytes;
      client.queue = undefined;
      queue.clear();
      if (queue.isSmall && this.#spares.length < SPARES_MAX) this.#spares.push(queue);
    }
    client.queuedCommands = -1;
    client.queuedArgumentBytes = 0;
    client.dirtyQueue = false;
    this.unwatch(client);
  }

  /** Forgets what a client watches, and that it changed. */
  unwatch(client: Client): void {
    if (client.watchedKeys > 0) this.watches.forget(client);
    client.dirtyWatch = false;
  }

  /** Runs what the context's client has queued, and replies with an array of the replies. */
  run<S extends ServerContext>(c: CommandContext<S>, executor: CommandExecutor<S>): void {
    const client = c.client;
    if (client.watchedKeys > 0) this.watches.forget(client);
    const queue = client.queue as CommandQueue | undefined;
    if (queue === undefined) {
      c.reply.array(0);
      return this.discard(client);
    }
    const exec = c.suspend();
    const deniedBlocking = client.denyBlocking;
    client.denyBlocking = true;
    // What a command of it ends (CLIENT KILL of its own client) ends after all of them.
    client.queue = undefined;
    c.reply.array(queue.count);
    c.effects.open();
    this.#runFrom(c, executor, { client, queue, next: 0, deniedBlocking });
    c.resume(exec);
  }

  /** Cold: whether a client's transaction waits for one of its commands. */
  isSuspended(client: Client): boolean {
    return this.#suspended?.client === client;
  }

  /**
   * Cold: the command that a client waited for, which the context points at, has ended: runs what
   * was queued behind it, if it was part of a transaction. False where that waits for another one.
   */
  goOn<S extends ServerContext>(c: CommandContext<S>, executor: CommandExecutor<S>): boolean {
    const suspended = this.#suspended;
    if (suspended?.client !== c.client) return true;
    this.#suspended = undefined;
    return this.#runFrom(c, executor, suspended);
  }

  #runFrom<S extends ServerContext>(
    c: CommandContext<S>,
    executor: CommandExecutor<S>,
    transaction: RunningTransaction,
  ): boolean {
    const { client, queue, deniedBlocking } = transaction;
    const next = executor.runAll(queue as unknown as QueuedRequests<S>, transaction.next);
    if (client.blocked) {
      this.#suspended = { client, queue, next, deniedBlocking };
      return false;
    }
    c.effects.close();
    client.denyBlocking = deniedBlocking;
    client.queue = queue;
    this.discard(client);
    return true;
  }
}
