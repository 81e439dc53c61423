// hot path: no allocation per command
//
// From a batch of decoded requests to replies: look up, pass the gates, call, propagate, account.
//
// A batch is first prefetched (`prefetch.ts`).
//
// Time is read around commands that may take long. A run of quick ones is timed as a whole and
// shared out evenly, unless the slow log's threshold asks for each; reading the clock costs more
// than some of them.

import { latin1Bytes } from "../base/text.ts";
import type { Blocking } from "../blocking/blocking.ts";
import {
  type Client,
  type QueuedCommands,
  REPLY_ON,
  REPLY_SKIP,
  REPLY_SKIP_NEXT,
} from "../command/client.ts";
import type { CommandContext } from "../command/context.ts";
import type { Effects } from "../command/effects.ts";
import type { CommandExecutor, QueuedRequests } from "../command/executor.ts";
import { feedMonitors } from "../command/monitor.ts";
import { PAUSE_NONE } from "../command/pauses.ts";
import type { Command } from "../command/registry.ts";
import {
  ADMIN,
  ALLOW_BUSY,
  DENYOOM,
  LOADING,
  MAY_REPLICATE,
  NO_AUTH,
  NO_MULTI,
  READONLY,
  SKIP_MONITOR,
  UNQUEUED,
  WRITE,
} from "../command/spec.ts";
import type { Features } from "../commands/features.ts";
import type { Changes } from "../keyspace/changes.ts";
import { PoolExhausted } from "../memory/pool.ts";
import { type Decoder, INLINE } from "../resp/decoder.ts";
import { ReplyWriter } from "../resp/reply.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { Transactions } from "../transactions/transactions.ts";
import { accessRefusal, queuedRefusal } from "./access-gate.ts";
import type { Accounting } from "./accounting.ts";
import type { Events } from "./events.ts";
import { Prefetch, QUEUED_AHEAD_MAX } from "./prefetch.ts";
import { CROSS_PROTOCOL_ATTACK, TOO_FEW_REPLICAS } from "./refusals.ts";
import { isHttp, unknownText } from "./unknown-command.ts";

/** What quick commands see as the time may be older than this, behind others it is not. */
const STALE_US = 1000;
/** A reply larger than this says that a quick command was not. */
const LARGE_REPLY_BYTES = 1 << 16;

const QUEUED = latin1Bytes("+QUEUED\r\n");

/** What a RESP2 client may ask for while it is subscribed. */
const FOR_SUBSCRIBERS: ReadonlySet<string> = new Set([
  ...["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"],
  ...["ping", "quit", "reset"],
]);

export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** What dispatch asks of the server's other parts when something out of the ordinary is on. */
export interface Restrictions {
  /** The MISCONF text that refuses writes, or "" while the disk takes them. */
  diskRefusal(): string;
  /** min-replicas-to-write asks for more replicas than there are. */
  readonly lacksReplicas: boolean;
  /** Evicts until memory is below maxmemory; false where that is impossible. */
  makeRoom(): boolean;
}

/** The server, plus what only dispatch may touch. */
export interface DispatchServer extends Features, Restrictions {
  readonly effects: Effects;
  readonly accounting: Accounting;
  /**
   * When the event being handled began, as of when its time is, and when its newest command ended,
   * monotonic microseconds.
   */
  readonly events: Pick<Events, "startUs" | "seenUs" | "commandsEndUs" | "advance">;
  /** Messages for the client whose command is running: they follow its reply. */
  readonly pushes: ReplyWriter;
}

/** Executes the commands of one server. */
export class Dispatcher implements CommandExecutor<Features> {
  readonly #server: DispatchServer;
  readonly #c: CommandContext<Features>;
  readonly #reply: ReplyWriter;
  readonly #effects: Effects;
  readonly #blocking: Blocking;
  readonly #pushes: ReplyWriter;
  readonly #transactions: Transactions;
  readonly #tracking: Tracking;
  readonly #changes: Changes;
  readonly #accounting: Accounting;
  readonly #requestWriter = new ReplyWriter();

  /** Any of: loading, paused, monitored, maxmemory set, disk refusing writes. Set by the server. */
  restricted = false;

  readonly #ahead: Prefetch;

  constructor(server: DispatchServer, context: CommandContext<Features>) {
    this.#server = server;
    this.#c = context;
    this.#reply = context.reply;
    this.#effects = context.effects;
    this.#blocking = server.blocking;
    this.#pushes = server.pushes;
    this.#transactions = server.transactions;
    this.#tracking = server.tracking;
    this.#changes = server.keyspace.changes;
    this.#accounting = server.accounting;
    this.#ahead = new Prefetch(server.registry, server.keyspace);
  }

  /**
   * Executes the batch's commands from `first` on for a client. Returns the index of the first one
   * not executed: the command count, or less when the client must wait or is being closed.
   */
  execute(client: Client, bytes: Uint8Array, decoder: Decoder, first: number): number {
    const count = decoder.commandCount;
    const c = this.#c;
    c.client = client;
    c.bytes = bytes;
    c.db = this.#server.keyspace.databases[client.dbIndex];
    this.#reply.protocol = client.protocol;
    this.#tracking.running = client;
    if (this.#tracking.isOverfull) this.#shrinkTracking();
    this.#ahead.load(c.db, bytes, decoder, first);
    let next = first;
    while (next < count) {
      // alloc: `try` around the whole batch costs nothing per command
      try {
        next = this.#run(client, bytes, decoder, next);
        break;
      } catch (error) {
        next = this.#recover(error);
      }
    }
    this.#tracking.running = undefined;
    client.lastInteractionMs = c.nowMs;
    return next;
  }

  /**
   * Executes one command of a log being replayed, past every gate and without propagating it.
   * False when the command is not known; `failed` is called while its error is the newest reply.
   */
  replay(
    client: Client,
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    count: number,
    failed: () => void,
  ): boolean {
    const c = this.#c;
    let command = this.#server.registry.find(bytes, starts[0], ends[0]);
    if (command?.subcommands !== undefined && count > 1) {
      command = command.subcommands.find(bytes, starts[1], ends[1]);
    }
    if (command?.run === undefined || !command.acceptsCount(count)) return false;
    c.client = client;
    c.setArguments(bytes, starts, ends, 0, count);
    c.command = command;
    c.db = this.#server.keyspace.databases[client.dbIndex];
    this.#reply.protocol = client.protocol;
    const errorsBefore = this.#reply.errorCount;
    c.command.run!(c);
    if (this.#reply.errorCount > errorsBefore) {
      this.countError();
      failed();
    }
    this.#reply.clear();
    this.#effects.abandon();
    return true;
  }

  /** The name of the command that the context points at. */
  get runningName(): string {
    return this.#c.command.fullName;
  }

  /** Index of the command that is running, for recovery. */
  #running = 0;
  /** Where its reply starts. */
  #mark = 0;

  #run(client: Client, bytes: Uint8Array, decoder: Decoder, first: number): number {
    const c = this.#c;
    const { reply, effects } = c;
    const { accounting, clock, events } = this.#server;
    const count = decoder.commandCount;
    // What the prefetch found serves the commands until one of them changes the table.
    const table = c.db.table;
    const { commands, hashes } = this.#ahead;
    const isAhead = this.#ahead.version === table.version && count - first > 1;
    const started = first === 0 ? events.startUs : clock.monotonicUs();
    let since = started;
    let called = 0;
    let untimed = first;
    let index = first;
    for (; index < count && !isEnding(client); index++) {
      this.#running = index;
      this.#mark = reply.length;
      const argumentCount = decoder.counts[index];
      c.setArguments(bytes, decoder.starts, decoder.ends, decoder.bases[index], argumentCount);
      const command = commands[index];
      const isRestricted = this.restricted || isUnusual(client);
      const isRefused = command === undefined || !command.acceptsCount(argumentCount);
      if (isRefused) this.#refuseCall(command, client);
      if (isRefused || (isRestricted && !this.#enters(command, client, bytes, decoder, index))) {
        if (client.blocked) break;
        if (untimed < index) since = accounting.share(c, commands, untimed, index, since, false);
        untimed = index + 1;
        continue;
      }
      // What was queued since is not the time of EXEC.
      if (untimed === index && client.queuedCommands > 0) since = clock.monotonicUs();
      if (command.firstKey === 1) c.setFirstKeyHash(hashes[index]);
      if (isAhead) this.#ahead.tell(table, command, index);
      const isQuick = command.isQuick && !accounting.isPrecise;
      if (!isQuick && untimed < index) {
        since = accounting.share(c, commands, untimed, index, since, false);
        untimed = index;
      }
      this.#pointContextAt(command, client);
      const changesBefore = effects.changes;
      const errorsBefore = reply.errorCount;
      command.run!(c);
      const changed = effects.changes > changesBefore; // A save starts from zero again.
      if (this.#changes.hasNoted) this.#changes.settle(changed, command.flags);
      if (changed || effects.hasPending) this.#propagate(changed, bytes, decoder, index);
      if (client.blocked) {
        since = this.#noteWaiting(command, since);
        untimed = ++index;
        break;
      }
      command.calls++;
      called++;
      if (this.#isLarge(decoder, index)) this.#logLarge(decoder, index);
      if (reply.errorCount !== errorsBefore) this.#noteFailure(command, errorsBefore);
      const wakesOthers = this.#blocking.hasReady;
      if (!isQuick || wakesOthers || reply.length - this.#mark > LARGE_REPLY_BYTES) {
        since = accounting.share(c, commands, untimed, index + 1, since, true);
        untimed = index + 1;
        // What follows a long command is not to see the time before it.
        if (since - events.seenUs > STALE_US) events.advance(since);
      }
      if (isRestricted) this.#endRestricted(command, client);
      if (this.#pushes.length > 0) this.appendPushes();
      if (wakesOthers) since = this.#serveWaiting();
    }
    if (untimed < index) since = accounting.share(c, commands, untimed, index, since, true);
    this.#noteCalls(client, called, started, since);
    // Nothing more of a client that is being closed is executed.
    return isEnding(client) ? count : index;
  }

  /** Cold: passes the gates; false when the command was refused, queued or must wait. */
  #enters(
    command: Command<Features>,
    client: Client,
    bytes: Uint8Array,
    decoder: Decoder,
    index: number,
  ): boolean {
    const isAdmitted = this.admits(command, client);
    if (isAdmitted && (client.queuedCommands < 0 || (command.flags & UNQUEUED) !== 0)) return true;
    if (client.blocked) return false;
    if (isAdmitted) this.#queue(command, client, bytes, decoder, index);
    if (client.tracking !== undefined) this.#tracking.endCommand(client, command);
    this.#dropReplyIfUnwanted(client);
    return false;
  }

  runAll(queue: QueuedRequests<Features>, first: number): number {
    const c = this.#c;
    const { client, reply } = c;
    const { clock, statistics } = this.#server;
    const accounting = this.#accounting;
    const { commands, count } = queue;
    const outerMark = this.#mark;
    let { table } = c.db;
    let since = clock.monotonicUs();
    let untimed = first;
    let index = first;
    while (index < count && !client.blocked) {
      const command = commands[index];
      const isQuick = command.isQuick && !accounting.isPrecise;
      const ahead = index % QUEUED_AHEAD_MAX;
      if (untimed < index && (!isQuick || ahead === 0)) {
        since = accounting.share(c, commands, untimed, index, since, true);
        untimed = index;
      }
      if (ahead === 0 || index === first) {
        table = c.db.table;
        this.#ahead.loadQueued(table, queue, index - ahead);
      }
      const base = queue.baseAt(index);
      c.setArguments(queue.bytes, queue.starts, queue.ends, base, queue.argumentCountAt(index));
      if (command.firstKey === 1) {
        const hash = queue.hashAt(index);
        c.setFirstKeyHash(hash);
        table.expect(hash, this.#ahead.queuedRefs[ahead], this.#ahead.queuedVersion);
      }
      this.#runQueued(command, queue.requestStart(index), queue.requestEnd(index));
      if ((!isQuick || reply.length - this.#mark > LARGE_REPLY_BYTES) && !client.blocked) {
        since = accounting.share(c, commands, untimed, index + 1, since, true);
        untimed = index + 1;
      }
      index++;
    }
    // A slow script is counted when it has ended.
    const last = client.blocked ? index - 1 : index;
    if (untimed < last) accounting.share(c, commands, untimed, last, since, true);
    client.commandsProcessed += last - first;
    statistics.commandsProcessed += last - first;
    this.#mark = outerMark;
    return index;
  }

  /** Runs the command that the context's arguments are of; its request is bytes[from, to). */
  #runQueued(command: Command<Features>, from: number, to: number): void {
    const c = this.#c;
    const { client, effects, reply } = c;
    const server = this.#server;
    const mark = reply.length;
    this.#mark = mark;
    reply.protocol = client.protocol;
    if (c.db.index !== client.dbIndex) c.db = server.keyspace.databases[client.dbIndex];
    c.command = command;
    if (client.user.isRestricted && !this.#mayStillRun(command)) return;
    if (client.noTouch) server.keyspace.notesAccess = command.fullName === "touch";
    const changesBefore = effects.changes;
    const errorsBefore = reply.errorCount;
    // alloc: `try` costs nothing while nothing is thrown
    try {
      command.run!(c);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      reply.length = mark;
      effects.abandon();
      reply.error(OUT_OF_MEMORY);
    }
    const changed = effects.changes > changesBefore;
    if (this.#changes.hasNoted) this.#changes.settle(changed, command.flags);
    if (client.tracking !== undefined) this.#tracking.noteReads(c, client);
    if (changed || effects.hasPending) {
      client.wroteInTurn = true;
      effects.finish(c.db.index, changed, c.bytes, from, to);
    }
    if (client.blocked) return;
    command.calls++;
    if (reply.errorCount !== errorsBefore) {
      this.#noteFailure(command, errorsBefore);
      // It is no error of the command that has called it.
      reply.errorCount = errorsBefore;
    }
    if (this.#accounting.isLarge(reply.length - mark, to - from)) {
      this.#accounting.noteLarge(c, reply.length - mark, to - from);
    }
    if (server.monitors.size > 0) this.#feedMonitors(command);
  }

  /** Cold: rules may have changed since a command was queued; whether it may still be run. */
  #mayStillRun(command: Command<Features>): boolean {
    const refusal = queuedRefusal(this.#c, command, this.#c.client);
    if (refusal === "") return true;
    this.replyError(refusal);
    // It is no error of EXEC.
    this.#reply.errorCount--;
    return false;
  }

  /** Adds a command to the client's transaction. */
  #queue(
    command: Command<Features>,
    client: Client,
    bytes: Uint8Array,
    decoder: Decoder,
    index: number,
  ): void {
    const c = this.#c;
    client.lastCommand = command.fullName;
    if (command.firstKey === 1) c.setFirstKeyHash(this.#ahead.hashes[index]);
    const { starts, ends } = decoder;
    const from = decoder.from[index];
    if (from !== INLINE) {
      const base = decoder.bases[index];
      this.#transactions.queue(c, command, bytes, from, decoder.to[index], starts, ends, base);
    } else {
      this.#queueInline(command);
    }
    this.#reply.raw(QUEUED);
  }

  /** Cold: as `#queue`, for a command that did not arrive in RESP. */
  #queueInline(command: Command<Features>): void {
    const c = this.#c;
    const request = this.#requestWriter;
    const starts = new Int32Array(c.count);
    const ends = new Int32Array(c.count);
    request.clear();
    request.array(c.count);
    for (let k = 0; k < c.count; k++) {
      request.bulk(c.bytes, c.start(k), c.end(k));
      ends[k] = request.length - 2;
      starts[k] = ends[k] - c.length(k);
    }
    const { buffer, length } = request;
    this.#transactions.queue(c, command, buffer, 0, length, starts, ends, 0);
  }

  /** Cold: what is left to do after a command that had to pass the gates. */
  #endRestricted(command: Command<Features>, client: Client): void {
    if (this.#server.monitors.size > 0) this.#feedMonitors(command);
    this.#server.keyspace.notesAccess = true;
    if (client.tracking !== undefined) this.#tracking.afterCommand(this.#c, client);
    this.#dropReplyIfUnwanted(client, command);
  }

  /** Cold: puts the messages for the client that was answered behind its reply. */
  appendPushes(): void {
    this.#reply.rawRange(this.#pushes.buffer, 0, this.#pushes.length);
    this.#pushes.clear();
  }

  /** Cold: room for the newest keys that clients track; told of before the command replies. */
  #shrinkTracking(): void {
    this.#tracking.shrink();
    this.pushFirst();
  }

  /** Cold: whether there is memory for the command, if need be after evictions. */
  #hasRoom(): boolean {
    const hasRoom = this.#server.makeRoom();
    this.pushFirst();
    return hasRoom;
  }

  /** Cold: what the client has been pushed so far comes before the running command's reply. */
  pushFirst(): void {
    this.#tracking.sendPending();
    if (this.#pushes.length === 0) return;
    this.appendPushes();
    this.#mark = this.#reply.length;
  }

  /** Cold: serves the clients that waited for what the newest command made; returns now. */
  #serveWaiting(): number {
    this.#blocking.serve();
    if (this.#pushes.length > 0) this.appendPushes();
    return this.#server.clock.monotonicUs();
  }

  /** Cold: the command waits for keys; it is counted once it has been answered. Returns now. */
  #noteWaiting(command: Command<Features>, since: number): number {
    const server = this.#server;
    const { client } = this.#c;
    const nowUs = server.clock.monotonicUs();
    this.#blocking.noteTime(client, nowUs - since);
    if (client.tracking !== undefined) this.#tracking.beforeWait(this.#c, client);
    if (server.monitors.size > 0) this.#feedMonitors(command);
    server.keyspace.notesAccess = true;
    if (this.#pushes.length > 0) this.appendPushes();
    return nowUs;
  }

  #pointContextAt(command: Command<Features>, client: Client): void {
    const c = this.#c;
    // HELLO and SELECT take effect within a batch.
    c.reply.protocol = client.protocol;
    if (c.db.index !== client.dbIndex) c.db = this.#server.keyspace.databases[client.dbIndex];
    c.command = command;
    client.lastCommand = command.fullName;
  }

  /** Counts a batch's commands, which ran from one time to another. */
  #noteCalls(client: Client, called: number, fromUs: number, toUs: number): void {
    const { events, statistics } = this.#server;
    events.commandsEndUs = toUs;
    client.commandsProcessed += called;
    statistics.commandsProcessed += called;
    statistics.eventLoopCommandUs += toUs - fromUs;
    if (called > statistics.eventLoopCommandsMax) statistics.eventLoopCommandsMax = called;
  }

  /** Whether the command that ran had a request or reply beyond the thresholds of COMMANDLOG. */
  #isLarge(decoder: Decoder, index: number): boolean {
    const base = decoder.bases[index];
    const requestBytes = decoder.ends[base + decoder.counts[index] - 1] - decoder.starts[base];
    return this.#accounting.isLarge(this.#reply.length - this.#mark, requestBytes);
  }

  /** Cold: logs the command that ran as large. */
  #logLarge(decoder: Decoder, index: number): void {
    const replyBytes = this.#reply.length - this.#mark;
    const from = decoder.from[index];
    const start = from === INLINE ? decoder.starts[decoder.bases[index]] : from;
    this.#accounting.noteLarge(this.#c, replyBytes, decoder.to[index] - start);
  }

  /**
   * The gates, in the order in which their errors show. Cold: reached only while something is out
   * of the ordinary. False when the command was answered with an error, or the client must wait.
   */
  admits(command: Command<Features>, client: Client): boolean {
    const server = this.#server;
    const own = command.flagsFor(this.#c);
    const flags = own | (command.fullName === "exec" ? flagsOfQueue(client.queue) : 0);
    if (client.replyMode === REPLY_SKIP_NEXT) client.replyMode = REPLY_SKIP;
    if (client.mustAuthenticate && (flags & NO_AUTH) === 0) {
      return this.#refuse(command, "NOAUTH Authentication required.");
    }
    if (client.queuedCommands >= 0 && (flags & NO_MULTI) !== 0) {
      return this.#refuse(command, "ERR Command not allowed inside a transaction");
    }
    if (client.user.isRestricted) {
      client.lastCommand = command.fullName;
      const refusal = accessRefusal(this.#c, command, client);
      if (refusal !== "") return this.#refuse(command, refusal);
    }
    if ((flags & DENYOOM) !== 0 && !this.#hasRoom()) {
      return this.#refuse(command, OUT_OF_MEMORY);
    }
    if (client.tracking !== undefined && this.#tracking.isOverfull) this.#shrinkTracking();
    if ((flags & WRITE) !== 0 || command.fullName === "ping") {
      const refusal = server.diskRefusal();
      if (refusal !== "") return this.#refuse(command, refusal);
    }
    if ((flags & WRITE) !== 0 && server.lacksReplicas) {
      return this.#refuse(command, TOO_FEW_REPLICAS);
    }
    if (client.isSubscribed && client.protocol === 2 && !FOR_SUBSCRIBERS.has(command.fullName)) {
      return this.#refuse(
        command,
        `ERR Can't execute '${command.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / ` +
          "PING / QUIT / RESET are allowed in this context",
      );
    }
    if (server.persistence.loading && (flags & LOADING) === 0) {
      return this.#refuse(command, "LOADING Redis is loading the dataset in memory");
    }
    if (server.executions.isBusy && (flags & ALLOW_BUSY) === 0) {
      return this.#refuse(command, server.executions.busyText);
    }
    if (client.isMonitor && (flags & (READONLY | WRITE | MAY_REPLICATE)) !== 0) {
      // A monitor counts among the replicas, which pauses do not hold.
      return this.#refuse(command, "ERR Replica can't interact with the keyspace");
    }
    const isPaused =
      server.pauses.level !== PAUSE_NONE &&
      !client.isMonitor &&
      server.pauses.appliesTo(flags, this.#c.nowMs);
    const { migrations } = server;
    if (isPaused || (migrations.isActive && migrations.holds(this.#c, command))) {
      client.blocked = true;
      client.lastCommand = command.fullName;
      client.argumentBytes = this.#c.end(this.#c.count - 1) - this.#c.start(0);
      return false;
    }
    server.keyspace.notesAccess = !client.noTouch || command.fullName === "touch";
    return true;
  }

  /** Cold: shows the command that ran to every monitor. */
  #feedMonitors(command: Command<Features>): void {
    if ((command.flags & (SKIP_MONITOR | ADMIN)) !== 0) return;
    feedMonitors(this.#server.monitors, this.#c, this.#server.clock.wallUs());
  }

  #refuse(command: Command<Features>, text: string): false {
    command.rejectedCalls++;
    this.#refuseInTransaction(command, text);
    return false;
  }

  /** Cold: the error for a refused command; where one is queued, EXEC will run nothing. */
  #refuseInTransaction(command: Command<Features> | undefined, text: string): void {
    const client = this.#c.client;
    if (command?.fullName !== "exec") {
      if (client.queuedCommands >= 0) client.dirtyQueue = true;
      return this.replyError(text);
    }
    // A refused EXEC is called aborted even where nothing was queued.
    this.#transactions.discard(client);
    const reason = text.replace(/^ERR /, "");
    this.replyError(`EXECABORT Transaction discarded because of: ${reason}`);
  }

  /** Cold: the command does not exist or not with so many arguments. */
  #refuseCall(command: Command<Features> | undefined, client: Client): void {
    if (client.replyMode === REPLY_SKIP_NEXT) client.replyMode = REPLY_SKIP;
    client.lastCommand = command === undefined ? "NULL" : command.fullName;
    if (command === undefined) this.#refuseUnknown();
    else this.#refuseArity(command);
    if (client.tracking !== undefined) this.#tracking.endCommand(client, command);
    this.#dropReplyIfUnwanted(client);
  }

  /** The error for a name, or a subcommand's name, that is not known. Cold. */
  #refuseUnknown(): void {
    const c = this.#c;
    const container = this.#server.registry.find(c.bytes, c.start(0), c.end(0));
    if (container === undefined && isHttp(c)) return this.#refuseHttp();
    this.#refuseInTransaction(undefined, unknownText(c, container?.fullName));
  }

  /** Cold: a browser was made to send its request here; nothing of it may be executed. */
  #refuseHttp(): void {
    const client = this.#c.client;
    this.#server.logger.log(
      3,
      `${CROSS_PROTOCOL_ATTACK} Connection from ${client.channel.remoteAddress} aborted.`,
    );
    client.channel.close("now");
  }

  /** Cold: the wrong number of arguments. */
  #refuseArity(command: Command<Features>): void {
    command.rejectedCalls++;
    const text = `ERR wrong number of arguments for '${command.fullName}' command`;
    this.#refuseInTransaction(command, text);
  }

  /** Cold: an error that no handler wrote. */
  replyError(text: string): void {
    this.#reply.error(text);
    this.countError();
  }

  /** Counts the error that was replied last. */
  countError(): void {
    const reply = this.#reply;
    const end = reply.buffer.indexOf(13, reply.errorStart);
    this.#server.statistics.noteError(reply.buffer, reply.errorStart, end);
  }

  /** Cold: the command replied with an error of its own. */
  #noteFailure(command: Command<Features>, errorsBefore: number): void {
    command.failedCalls++;
    if (this.#reply.errorCount > errorsBefore) this.countError();
  }

  /** CLIENT REPLY: takes back what the running command has written. */
  #dropReplyIfUnwanted(client: Client, command?: Command<Features>): void {
    if (client.replyMode === REPLY_ON) return;
    if (client.replyMode === REPLY_SKIP) client.replyMode = REPLY_ON;
    else if (client.replyMode === REPLY_SKIP_NEXT) return;
    if (!command?.spec.pushes) this.#reply.length = this.#mark;
  }

  /** Hands the running command's effects to the sinks. */
  #propagate(changed: boolean, bytes: Uint8Array, decoder: Decoder, index: number): void {
    const effects = this.#effects;
    const dbIndex = this.#c.db.index;
    this.#c.client.wroteInTurn = true;
    const from = decoder.from[index];
    if (from !== INLINE) {
      effects.finish(dbIndex, changed, bytes, from, decoder.to[index]);
      this.#c.client.writeOffset = effects.offset;
      return;
    }
    const request = this.#requestWriter;
    const c = this.#c;
    request.clear();
    request.array(c.count);
    for (let k = 0; k < c.count; k++) request.bulk(bytes, c.start(k), c.end(k));
    effects.finish(dbIndex, changed, request.buffer, 0, request.length);
    c.client.writeOffset = effects.offset;
  }

  /** Cold: a handler threw. Returns the index to go on from; rethrows what is a bug. */
  #recover(error: unknown): number {
    if (!isOutOfMemory(error)) throw error;
    this.#reply.length = this.#mark;
    this.#effects.abandon();
    if (this.#changes.hasNoted) this.#changes.settle(true, 0);
    this.#tracking.sendPending();
    this.#refuseInTransaction(this.#ahead.commands[this.#running], OUT_OF_MEMORY);
    return this.#running + 1;
  }
}

/** Whether something about a client has its commands pass the gates. */
function isUnusual(client: Client): boolean {
  return (
    client.isGuarded ||
    client.replyMode !== REPLY_ON ||
    client.isSpecial ||
    client.isSubscribed ||
    client.queuedCommands >= 0
  );
}

/** What counts as a command's flags in a transaction: EXEC does what all that is queued does. */
function flagsOfQueue(queue: QueuedCommands | undefined): number {
  return queue === undefined ? 0 : queue.flags & (READONLY | WRITE | MAY_REPLICATE | DENYOOM);
}

function isEnding(client: Client): boolean {
  return client.closing || client.closingAfterReply;
}

/** Whether an exception says that memory could not be had; any other one is a bug. */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof PoolExhausted) return true;
  // The runtime's own: "Out of memory", "Array buffer allocation failed".
  return error instanceof RangeError && /memory|allocation/i.test(error.message);
}
