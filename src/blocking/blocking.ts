// Clients that wait for keys: BLPOP and its like.
//
// How a handler blocks. It does its work as if it could not wait. Where it finds nothing:
//
//     if (c.client.denyBlocking) return c.reply.nullArray();      // or whatever Redis says then
//     c.server.blocking.block(c, LIST, firstKey, keyCount, deadlineMs);
//
// and returns without having replied, changed or propagated anything. `deadlineMs` comes from
// `secondsDeadlineOrReply` or `millisecondsDeadlineOrReply`, asked where Redis parses the timeout.
// The same handler is run again, with the same arguments, client, protocol and database, once a key
// may be what it waits for; it may call `block` again (the deadline stays, and the client goes to
// the end of the queue). What must be different in the next run (XREAD's `$`) is put into the kept
// arguments with `replaceArgument`. On timeout the client gets a null array.
//
// Keys become ready by `Database`'s events: a list, sorted set or stream that is created, renamed,
// copied, moved or restored. What no event tells (an entry added to a stream that exists, a group
// that was destroyed) handlers tell with `signalReady` and `signalGone`.
//
// After each command, before the next one of its batch, the server calls `serve`: for each ready
// key, in the order in which they became ready, the clients that wait for it run, oldest first.
// What they make ready is served in the same call.
//
// Invariants: a client that waits has `wait` and `blocked` set; the waiters of a type are counted,
// so that a server where nobody waits pays one comparison per new collection.

import { assert } from "../base/assert.ts";
import { utf8Bytes } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { RecordView } from "../structures/record.ts";
import { Deadlines } from "./deadlines.ts";
import { type KeyQueue, WaitQueues } from "./wait-queue.ts";
import {
  FOR_ACKNOWLEDGEMENT,
  FOR_COMPLETION,
  NO_TYPE,
  Waiter,
  type WaitPurpose,
} from "./waiter.ts";

export { millisecondsDeadlineOrReply, secondsDeadlineOrReply } from "./timeouts.ts";

/** What runs the commands of clients that waited: the server. */
export interface BlockingHost {
  /** Runs the waiter's command again; true once it was answered, false where it goes on waiting. */
  rerun(waiter: Waiter): boolean;
  /** Ends the waiter's command with a null array, or an error. */
  giveUp(waiter: Waiter, reason: "timeout" | "error"): void;
  /** The client may go on with what it sent after its command. */
  released(client: Client): void;
  /** `Blocking.expire` is to be called once the time is past `deadlineMs`. */
  deadlineSet(deadlineMs: number): void;
}

/** More types than records know. */
const TYPES = 8;

/** The waiting clients of one server. */
export class Blocking {
  readonly #keyspace: Keyspace;
  readonly #host: BlockingHost;
  readonly #view: RecordView;
  readonly #queues = new WaitQueues();
  readonly #deadlines = new Deadlines();
  readonly #waitersByType = new Int32Array(TYPES);
  #ready: KeyQueue[] = [];
  /** The waiter whose command is being run again. */
  #rerunning: Waiter | undefined;
  #isServing = false;
  readonly #acknowledging = new Set<Waiter>();
  /** Waiters whose keys are ready, but which CLIENT PAUSE holds. */
  #postponed: Waiter[] = [];

  /** Clients that wait. */
  count = 0;
  /** Bytes kept for them. */
  memoryBytes = 0;
  /** Keys have become ready since the last `serve`. */
  hasReady = false;

  constructor(keyspace: Keyspace, host: BlockingHost) {
    this.#keyspace = keyspace;
    this.#host = host;
    this.#view = new RecordView(keyspace.pool);
  }

  /** Keys that clients wait for, and those whose deletion would wake some of them. */
  get keyCount(): number {
    return this.#queues.keyCount;
  }

  get vanishKeyCount(): number {
    return this.#queues.vanishKeyCount;
  }

  /** Clients with a timeout. */
  get deadlineCount(): number {
    return this.#deadlines.count;
  }

  // What handlers call.

  /**
   * Has the client wait until one of the keys in arguments [firstKey, firstKey + keyCount) holds a
   * value of `type` (LIST, ZSET, STREAM), or, with `awaitsVanishing`, no longer holds one.
   */
  block(
    c: CommandContext<ServerContext>,
    type: number,
    firstKey: number,
    keyCount: number,
    deadlineMs: number,
    awaitsVanishing = false,
  ): void {
    const client = c.client;
    assert(!client.denyBlocking, "a client that must not wait is answered at once");
    const waiter = this.#waiterOf(c, type, awaitsVanishing, deadlineMs);
    const dbIndex = c.db.index;
    if (firstKey === 1) waiter.firstKeyHash = c.hash(1);
    for (let index = firstKey; index < firstKey + keyCount; index++) {
      this.#queues.enter(waiter, dbIndex, c.hash(index), c.bytes, c.start(index), c.end(index));
    }
    this.#startWaiting(waiter);
  }

  /**
   * Has the client wait for something that is no key. Its command is run again by `acknowledge` or
   * `complete`, as the purpose may be.
   */
  hold(c: CommandContext<ServerContext>, purpose: WaitPurpose, deadlineMs: number): Waiter {
    // For completion a transaction waits as a whole.
    const mayWait = !c.client.denyBlocking || purpose === FOR_COMPLETION;
    assert(mayWait, "a client that must not wait is answered at once");
    const waiter = this.#waiterOf(c, NO_TYPE, false, deadlineMs);
    waiter.purpose = purpose;
    if (purpose === FOR_ACKNOWLEDGEMENT) this.#acknowledging.add(waiter);
    this.#startWaiting(waiter);
    return waiter;
  }

  /** The waiter that is being run again, or a new one. */
  #waiterOf(
    c: CommandContext<ServerContext>,
    type: number,
    awaitsVanishing: boolean,
    deadlineMs: number,
  ): Waiter {
    const waiter = this.#rerunning;
    if (waiter?.client === c.client) return waiter;
    return new Waiter(c, type, awaitsVanishing, deadlineMs, this.#end);
  }

  #startWaiting(waiter: Waiter): void {
    const { client } = waiter;
    client.wait = waiter;
    client.blocked = true;
    client.argumentBytes = waiter.argumentBytes;
    this.count++;
    this.memoryBytes += waiter.memoryBytes;
    this.#waitersByType[waiter.type]++;
    this.#deadlines.add(waiter);
    if (this.#deadlines.nearest === waiter) this.#host.deadlineSet(waiter.deadlineMs);
  }

  /** Puts a text in place of an argument of the command that has just called `block`. */
  replaceArgument(c: CommandContext<ServerContext>, index: number, text: string): void {
    const waiter = c.client.wait as Waiter;
    this.memoryBytes -= waiter.memoryBytes;
    waiter.replaceArgument(index, utf8Bytes(text));
    this.memoryBytes += waiter.memoryBytes;
  }

  /** Tells that the key in an argument has something for clients that wait for its type. */
  signalReady(c: CommandContext<ServerContext>, index: number, type: number): void {
    this.appeared(c.db.index, type, c.bytes, c.start(index), c.end(index));
  }

  // What the keyspace tells.

  appeared(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#waitersByType[type] === 0) return;
    const hash = this.#keyspace.hash(bytes, start, end);
    const queue = this.#queues.find(dbIndex, hash, bytes, start, end);
    if (queue !== undefined) this.#markReady(queue);
  }

  vanished(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#waitersByType[type] === 0 || this.#queues.vanishKeyCount === 0) return;
    const hash = this.#keyspace.hash(bytes, start, end);
    const queue = this.#queues.find(dbIndex, hash, bytes, start, end);
    if (queue !== undefined && queue.vanishCount > 0) this.#markReady(queue);
  }

  /** A database is about to be emptied. */
  beforeClear(dbIndex: number): void {
    if (this.#queues.vanishKeyCount === 0) return;
    for (const queue of this.#queues.keysOf(dbIndex)) {
      if (queue.vanishCount > 0 && this.#typeIn(dbIndex, queue) >= 0) this.#markReady(queue);
    }
  }

  /** Two databases have exchanged their contents. */
  swapped(left: number, right: number): void {
    if (this.count === 0) return;
    this.#noteSwapped(left, right, true);
    this.#noteSwapped(right, left, true);
    this.#noteSwapped(left, right, false);
    this.#noteSwapped(right, left, false);
  }

  // What the server calls.

  /** Tells how long the command of a client that waits has run so far. */
  noteTime(client: Client, microseconds: number): void {
    const waiter = client.wait as Waiter;
    waiter.microseconds += microseconds;
  }

  /** Serves those who wait for the keys that became ready. */
  serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const queue of ready) {
        // From here on it may become ready again.
        queue.isReady = false;
        queue.isBeingServed = true;
        this.#serveKey(queue);
        queue.isBeingServed = false;
        this.#queues.drop(queue);
      }
    }
    this.hasReady = false;
    this.#isServing = false;
  }

  /** Ends the waiting of those whose time is over. */
  expire(nowMs: number): void {
    for (;;) {
      const waiter = this.#deadlines.nearest;
      if (waiter === undefined) return;
      if (waiter.deadlineMs >= nowMs) return this.#host.deadlineSet(waiter.deadlineMs);
      waiter.end("timeout");
    }
  }

  /** Runs the commands that a pause has held since their keys became ready. */
  resumePostponed(): void {
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const waiter of postponed) {
      if (waiter.client.closing && waiter.purpose !== FOR_COMPLETION) continue;
      waiter.client.blocked = false;
      this.#rerun(waiter);
    }
    this.serve();
  }

  /** Whether somebody waits for writes to reach the disk or replicas. */
  get awaitsAcknowledgement(): boolean {
    return this.#acknowledging.size > 0;
  }

  /** More writes have reached the disk or replicas: runs the commands that wait for that. */
  acknowledge(): void {
    for (const waiter of [...this.#acknowledging]) {
      this.#stopWaiting(waiter);
      this.#rerun(waiter);
    }
  }

  /** Whether the running command is one that `complete` runs again. */
  isCompleting(client: Client): boolean {
    const waiter = this.#rerunning;
    return waiter?.client === client && waiter.purpose === FOR_COMPLETION;
  }

  /** What a client was held for has come to its end: its command is run again. */
  complete(waiter: Waiter): void {
    if (waiter.client.wait === waiter) this.#stopWaiting(waiter);
    this.#rerun(waiter);
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    const waiter = client.wait as Waiter | undefined;
    if (waiter !== undefined) this.#stopWaiting(waiter);
  }

  #serveKey(queue: KeyQueue): void {
    // Those who wait again stand behind the last of today's.
    let rest = queue.count;
    queue.cursor = queue.first;
    while (rest-- > 0 && queue.cursor !== undefined) {
      const node = queue.cursor;
      queue.cursor = node.next;
      const type = this.#typeIn(queue.dbIndex, queue);
      // Most often the first few have taken everything.
      if (type < 0 && queue.vanishCount === 0) break;
      const waiter = node.waiter;
      if (waiter.type !== type && !waiter.awaitsVanishing) continue;
      this.#stopWaiting(waiter);
      this.#rerun(waiter);
    }
    queue.cursor = undefined;
  }

  #rerun(waiter: Waiter): void {
    this.#rerunning = waiter;
    const isAnswered = this.#host.rerun(waiter);
    this.#rerunning = undefined;
    const client = waiter.client;
    if (isAnswered) this.#host.released(client);
    else if (client.wait === undefined) this.#postponed.push(waiter);
  }

  readonly #end = (waiter: Waiter, reason: "timeout" | "error"): void => {
    this.#stopWaiting(waiter);
    if (reason === "timeout" && waiter.purpose === FOR_ACKNOWLEDGEMENT) {
      // Run as one that must not wait, the command tells how far its writes have got.
      waiter.client.denyBlocking = true;
      this.#rerun(waiter);
      waiter.client.denyBlocking = false;
      return;
    }
    this.#host.giveUp(waiter, reason);
    this.#host.released(waiter.client);
  };

  #stopWaiting(waiter: Waiter): void {
    const client = waiter.client;
    this.count--;
    this.memoryBytes -= waiter.memoryBytes;
    this.#waitersByType[waiter.type]--;
    this.#deadlines.remove(waiter);
    this.#queues.leave(waiter);
    this.#acknowledging.delete(waiter);
    client.wait = undefined;
    client.blocked = false;
    client.argumentBytes = 0;
  }

  #markReady(queue: KeyQueue): void {
    if (queue.isReady) return;
    queue.isReady = true;
    this.#ready.push(queue);
    this.hasReady = true;
  }

  /** The type of what a database holds under a queue's key, -1 where there is nothing. */
  #typeIn(dbIndex: number, queue: KeyQueue): number {
    const db = this.#keyspace.databases[dbIndex];
    const { key, hash } = queue;
    return db.peek(this.#view, key, 0, key.length, hash)?.type ?? -1;
  }

  /** Compares what a database holds now with what the other one, swapped with it, holds. */
  #noteSwapped(dbIndex: number, other: number, hasGone: boolean): void {
    for (const queue of this.#queues.keysOf(dbIndex)) {
      const type = this.#typeIn(dbIndex, queue);
      if (hasGone) {
        if (queue.vanishCount > 0 && type !== this.#typeIn(other, queue)) this.#markReady(queue);
      } else if (type >= 0 && this.#waitersByType[type] > 0) {
        this.#markReady(queue);
      }
    }
  }
}
