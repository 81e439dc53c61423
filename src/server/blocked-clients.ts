// The server's side of blocking commands: runs the commands of clients that waited, during whatever
// event made their keys ready, and sends each reply to its own client.
//
// A reply is written behind what the event's client has been told so far, handed to the waiting
// client's channel and taken back, so that both keep their order. The context is put back to where
// it was, for the event goes on.

import { TIMER_MS_MAX } from "../base/clock.ts";
import type { Blocking, BlockingHost } from "../blocking/blocking.ts";
import { FOR_COMPLETION, type Waiter } from "../blocking/waiter.ts";
import { type Client, REPLY_OFF, REPLY_ON } from "../command/client.ts";
import type { CommandContext, SuspendedCommand } from "../command/context.ts";
import { PAUSE_NONE } from "../command/pauses.ts";
import type { Command } from "../command/registry.ts";
import type { Features } from "../commands/features.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { isOutOfMemory, OUT_OF_MEMORY } from "./dispatch.ts";
import type { Server } from "./server.ts";

const UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/** Serves one server's waiting clients. */
export class BlockedClients implements BlockingHost {
  readonly #server: Server;
  readonly #c: CommandContext<Features>;
  readonly #request = new ReplyWriter();
  /** Messages for the client whose command is being run. */
  readonly pushes = new ReplyWriter();
  #served: Client | undefined;
  /** The client whose command has made the key ready. */
  #outer: Client | undefined;
  /** Answered clients that have not gone on yet. */
  #released: Client[] = [];
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isContinuing = false;

  constructor(server: Server, context: CommandContext<Features>) {
    this.#server = server;
    this.#c = context;
  }

  get #blocking(): Blocking {
    return this.#server.blocking;
  }

  /** The waiting client whose command is being run. */
  get served(): Client | undefined {
    return this.#served;
  }

  rerun(waiter: Waiter): boolean {
    const c = this.#c;
    const mark = c.reply.length;
    const event = this.#enter(waiter);
    const isAnswered = this.#answer(waiter, mark);
    this.#leave(event);
    return isAnswered;
  }

  giveUp(waiter: Waiter, reason: "timeout" | "error"): void {
    const { reply } = this.#c;
    const mark = reply.length;
    const event = this.#enter(waiter);
    if (reason === "timeout") {
      reply.nullArray();
    } else {
      this.#server.dispatcher.replyError(UNBLOCKED);
      // It is no error of the event's own command.
      reply.errorCount--;
      this.#c.command.failedCalls++;
    }
    this.#account(waiter, mark);
    this.#deliver(waiter.client, mark);
    this.#leave(event);
  }

  released(client: Client): void {
    if (this.#server.transactions.isSuspended(client) && !this.#goOnWithin(client)) return;
    client.isUnblocked = true;
    this.#released.push(client);
  }

  /** As `answered`, where more of the reply follows. */
  answeredInPart(client: Client, mark: number): void {
    this.#deliver(client, mark);
  }

  /** A slow script has ended: its reply is what was written since `mark`. */
  answered(client: Client, mark: number): void {
    this.#deliver(client, mark);
    this.released(client);
  }

  /** Runs what a transaction has queued behind the command that waited; false if it waits again. */
  #goOnWithin(client: Client): boolean {
    const { dispatcher, keyspace, transactions } = this.#server;
    const c = this.#c;
    const mark = c.reply.length;
    const event = c.suspend();
    c.client = client;
    c.db = keyspace.databases[client.dbIndex];
    c.reply.protocol = client.protocol;
    const hasEnded = transactions.goOn(c, dispatcher);
    this.#deliver(client, mark);
    c.resume(event);
    return hasEnded;
  }

  /** At the end of an event: lets the clients that were answered in it go on. */
  goOn(): void {
    if (this.#released.length === 0 || this.#isContinuing) return;
    const released = this.#released;
    this.#released = [];
    this.#isContinuing = true;
    for (const client of released) {
      client.isUnblocked = false;
      if (!client.blocked) client.channel.resume();
    }
    this.#isContinuing = false;
    // Their commands may have answered further ones, and so on.
    if (this.#released.length > 0) setImmediate(() => this.goOn());
  }

  deadlineSet(deadlineMs: number): void {
    if (deadlineMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = deadlineMs;
    const restMs = Math.min(
      Math.max(0, deadlineMs - this.#server.keyspace.nowMs) + 1,
      TIMER_MS_MAX,
    );
    this.#timer = setTimeout(() => this.#checkDeadlines(), restMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Lends the context to a waiter's command. */
  #enter(waiter: Waiter): SuspendedCommand<Features> {
    const c = this.#c;
    const event = c.suspend();
    const { client } = waiter;
    c.setArguments(waiter.bytes, waiter.starts, waiter.ends, 0, waiter.count);
    if (waiter.firstKeyHash !== undefined) c.setFirstKeyHash(waiter.firstKeyHash);
    c.client = client;
    c.command = waiter.command as Command<Features>;
    c.db = this.#server.keyspace.databases[client.dbIndex];
    c.reply.protocol = client.protocol;
    this.#served = client;
    this.#outer = this.#server.tracking.running;
    this.#server.tracking.running = client;
    return event;
  }

  /** Gives the context back; what the waiter was pushed meanwhile follows its reply. */
  #leave(event: SuspendedCommand<Features>): void {
    const { pushes } = this;
    const { client } = this.#c;
    this.#c.resume(event);
    this.#served = undefined;
    this.#server.tracking.running = this.#outer;
    if (pushes.length === 0) return;
    client.channel.deliver(pushes.buffer, 0, pushes.length);
    pushes.clear();
  }

  /** Runs the waiter's command; false where it has to wait again, or is held by a pause. */
  #answer(waiter: Waiter, mark: number): boolean {
    const { dispatcher, keyspace, clock } = this.#server;
    const { client } = waiter;
    const command = this.#c.command;
    if (waiter.purpose === FOR_COMPLETION) {
      // It was admitted when it came, and the target has the keys: only a pause holds it up.
      const { pauses } = this.#server;
      client.blocked =
        pauses.level !== PAUSE_NONE && pauses.appliesTo(command.flags, this.#c.nowMs);
      if (client.blocked) return false;
    } else if (dispatcher.restricted || client.isGuarded || client.noTouch) {
      if (!dispatcher.admits(command, client)) {
        if (client.blocked) return false;
        this.#deliver(client, mark);
        return true;
      }
    }
    const startedUs = clock.monotonicUs();
    const { reply } = this.#c;
    const errorsBefore = reply.errorCount;
    this.#run(mark);
    keyspace.notesAccess = true;
    waiter.microseconds += clock.monotonicUs() - startedUs;
    if (client.wait !== undefined) {
      reply.length = mark;
      return false;
    }
    if (reply.errorCount !== errorsBefore) command.failedCalls++;
    this.#account(waiter, mark);
    if (client.tracking !== undefined) this.#server.tracking.endCommand(client, command);
    this.#deliver(client, mark);
    return true;
  }

  /** Calls the handler and propagates what it changed. */
  #run(mark: number): void {
    const c = this.#c;
    const { effects, reply } = c;
    const changesBefore = effects.changes;
    const errorsBefore = reply.errorCount;
    try {
      c.command.run!(c);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      reply.length = mark;
      effects.abandon();
      return this.#server.dispatcher.replyError(OUT_OF_MEMORY);
    }
    if (reply.errorCount > errorsBefore) this.#server.dispatcher.countError();
    const changed = effects.changes !== changesBefore;
    const { keyspace, tracking } = this.#server;
    if (keyspace.changes.hasNoted) keyspace.changes.settle(changed, c.command.flags);
    if (c.client.tracking !== undefined) tracking.noteReads(c, c.client);
    if (!changed && !effects.hasPending) return;
    c.client.wroteInTurn = true;
    const request = this.#request;
    request.clear();
    request.array(c.count);
    for (let k = 0; k < c.count; k++) request.bulk(c.bytes, c.start(k), c.end(k));
    effects.finish(c.db.index, changed, request.buffer, 0, request.length);
    c.client.writeOffset = effects.offset;
  }

  /** Counts the command, which has been answered, and logs it where it was slow or large. */
  #account(waiter: Waiter, mark: number): void {
    const { accounting, statistics } = this.#server;
    const c = this.#c;
    const { microseconds } = waiter;
    c.command.calls++;
    c.client.commandsProcessed++;
    statistics.commandsProcessed++;
    accounting.charge(c.command, microseconds, 1);
    accounting.noteSlow(c, microseconds);
    accounting.noteLarge(c, c.reply.length - mark, waiter.bytes.length);
    accounting.noteLatency(c, microseconds, "command");
  }

  /** Sends what was written since `mark` to its client, unless it does not want replies. */
  #deliver(client: Client, mark: number): void {
    const { reply } = this.#c;
    client.lastInteractionMs = this.#server.keyspace.nowMs;
    if (client.replyMode === REPLY_ON) client.channel.deliver(reply.buffer, mark, reply.length);
    else if (client.replyMode !== REPLY_OFF) client.replyMode = REPLY_ON;
    reply.length = mark;
  }

  #checkDeadlines(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#server.events.run(() => this.#blocking.expire(this.#server.keyspace.nowMs));
  }
}
