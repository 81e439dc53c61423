// The server: composes the parts, owns their lifetimes and gives handlers what `Features` promises.
// One instance is one server; several live in a process without meeting.

import { Acl } from "../acl/acl.ts";
import { userLines } from "../acl/acl-file.ts";
import { VERIFY } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, LOG_WARNING, type Logger } from "../base/log.ts";
import type { Network } from "../base/network.ts";
import { type Random, randomHex } from "../base/random.ts";
import { Blocking } from "../blocking/blocking.ts";
import type { Waiter } from "../blocking/waiter.ts";
import { Client, Clients } from "../command/client.ts";
import { CommandContext } from "../command/context.ts";
import { DebugSettings } from "../command/debug-settings.ts";
import { Effects } from "../command/effects.ts";
import { auditKeys } from "../command/key-audit.ts";
import { LatencyMonitor } from "../command/latency-monitor.ts";
import { Pauses } from "../command/pauses.ts";
import { PersistenceStatus } from "../command/persistence-status.ts";
import { CommandRegistry } from "../command/registry.ts";
import { CommandLog, type EntryLog } from "../command/slowlog.ts";
import { type MemoryReport, Statistics } from "../command/statistics.ts";
import { families } from "../commands/families.ts";
import type { Features, ListenerInfo, ShutdownOptions } from "../commands/features.ts";
import type { Config } from "../config/config.ts";
import { findDirective } from "../config/directives.ts";
import { InvalidValue } from "../config/value-types.ts";
import { ActiveExpiry } from "../keyspace/active-expiry.ts";
import { EVENT_EVICTED, EVENT_EXPIRED, eventClasses } from "../keyspace/event-classes.ts";
import { Eviction, type EvictionPolicy } from "../keyspace/eviction.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { notifyOf } from "../keyspace/notify.ts";
import { type MigrationHost, Migrations } from "../migration/migrations.ts";
import type { FileSystem } from "../persistence/file-system.ts";
import { KeyspaceNotifier } from "../pubsub/keyspace-notifier.ts";
import { PubSub } from "../pubsub/pubsub.ts";
import { Decoder } from "../resp/decoder.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { Executions } from "../scripting/executions.ts";
import type { Libraries } from "../scripting/libraries.ts";
import { Scripting } from "../scripting/scripting.ts";
import type { RecordView } from "../structures/record.ts";
import { Tracking } from "../tracking/tracking.ts";
import { Transactions } from "../transactions/transactions.ts";
import { BlockedClients } from "./blocked-clients.ts";
import {
  Connection,
  type ConnectionHost,
  type OutputLimit,
  RECEIVE_BYTES,
  type Transport,
} from "./connection.ts";
import { Cron } from "./cron.ts";
import { descriptorLimit } from "./descriptors.ts";
import { Dispatcher, type DispatchServer, isOutOfMemory, needsPreciseTiming } from "./dispatch.ts";
import { Durability } from "./durability.ts";
import { ENCODING_DIRECTIVES, readEncodingLimits } from "./encoding-directives.ts";
import { Listeners } from "./listeners.ts";
import { MemoryLimit } from "./memory-limit.ts";
import { diskRefusal, TO_SCRIPTS, TO_WRITES } from "./refusals.ts";
import { Rewriting } from "./rewriting.ts";
import { ServerScriptHost } from "./script-host.ts";
import { SnapshotRunner } from "./snapshot-runner.ts";
import { Snapshots } from "./snapshots.ts";
import type { SocketHandler, SocketLayer } from "./sockets.ts";

/** What a server is made of; everything that touches the world outside. */
export interface ServerParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fileSystem: FileSystem;
  readonly sockets: SocketLayer;
  /** For hash keys and identifiers, which nobody may guess. */
  readonly secrets: Random;
  /** In place of the `port` directive: ANY_PORT lets the system choose. */
  readonly port?: number;
  /** Says lines of the start-up banner. */
  readonly announce: (line: string) => void;
}

const librariesModule = (): typeof import("../scripting/libraries.ts") =>
  require("../scripting/libraries.ts");

/** Descriptors kept for listeners, files and what the runtime opens. */
const RESERVED_DESCRIPTORS = 32;

/** Longer timers fire at once; the cron ends longer pauses. */
const TIMER_MS_MAX = 2 ** 31 - 2;

const INT32_MAX = 2 ** 31 - 1;

/** With VERIFY: every so many events the invariants of up to so many keys are checked. */
const VERIFIED_EVENTS = 64;
const VERIFIED_KEYS_MAX = 20_000;

const SHUTDOWN_FAILED =
  "Errors trying to shut down the server. Check the logs for more information.";

const NO_BYTES = new Uint8Array(0);

const NO_LIMIT: OutputLimit = { hardBytes: 0, softBytes: 0, softSeconds: 0 };

/** A Redis-compatible server. */
export class Server implements DispatchServer, ConnectionHost {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyspace: Keyspace;
  readonly secrets: Random;
  readonly registry: CommandRegistry<Features>;
  readonly acl: Acl;
  readonly clients = new Clients();
  readonly statistics = new Statistics();
  readonly commandLog = new CommandLog();
  readonly latency = new LatencyMonitor();
  readonly pauses = new Pauses();
  readonly blocking: Blocking;
  readonly executions: Executions<Features>;
  readonly scripting: Scripting<Features>;
  readonly pubsub: PubSub;
  readonly transactions: Transactions;
  readonly migrations: Migrations;
  readonly tracking: Tracking;
  readonly monitors = new Set<Client>();
  readonly debugSettings = new DebugSettings();
  readonly persistence = new PersistenceStatus();
  readonly effects = new Effects();
  readonly reply = new ReplyWriter();
  readonly pushes = new ReplyWriter();
  readonly startedAtMs: number;
  readonly snapshotRunner: SnapshotRunner;
  readonly snapshots: Snapshots;
  readonly rewriting: Rewriting;
  readonly runId: string;
  replicationId: string;
  readonly pid = process.pid;
  readonly executablePath = process.execPath;
  readonly configFile: string;

  sharedDecoder = new Decoder();
  readonly receiveBuffer = new Uint8Array(RECEIVE_BYTES);
  queryBytesMax = 0;
  bulkBytesMax = 0;
  clientBufferBytes = 0;
  readonly spareOutputs: Uint8Array[] = [];
  normalOutputLimit: OutputLimit = NO_LIMIT;
  pubsubOutputLimit: OutputLimit = NO_LIMIT;

  readonly #scriptHost: ServerScriptHost;
  #libraries: Libraries<Features> | undefined;
  readonly dispatcher: Dispatcher;
  readonly #context: CommandContext<Features>;
  readonly #expiry: ActiveExpiry;
  readonly #blockedClients: BlockedClients;
  readonly #memoryLimit: MemoryLimit;
  readonly #durability: Durability;
  readonly #notifier: KeyspaceNotifier;
  readonly #listeners: Listeners;
  readonly #cron: Cron;
  /** Connections whose clients were answered during another one's event. */
  #delivered: Connection[] = [];
  readonly #announce: (line: string) => void;
  /** By client, for what the server does to connections: limits, timeouts, release. */
  readonly #connections = new Map<Client, Connection>();
  /** Monotonic time of the event being handled, microseconds. */
  eventStartUs = 0;
  /** Unix time when the monotonic clock read 0, milliseconds. */
  #wallOriginMs = 0;
  #pauseTimer: Timer | undefined;
  #startupBytes = 0;
  /** The server ends: nothing new begins. */
  isStopping = false;
  /** Called when a command or signal has ended the server. */
  onShutdown: () => void = () => {};
  crash: Features["crash"];
  restart: Features["restart"];

  constructor(parts: ServerParts) {
    this.config = parts.config;
    this.clock = parts.clock;
    this.random = parts.random;
    this.logger = parts.logger;
    this.configFile = this.config.filePath;
    this.#announce = parts.announce;
    this.startedAtMs = this.clock.wallMs();
    this.calibrate();
    this.runId = randomHex(parts.secrets, 40);
    this.replicationId = randomHex(parts.secrets, 40);
    this.keyspace = new Keyspace(this.config.integer("databases"), this.random, parts.secrets);
    this.keyspace.setTime(this.startedAtMs);
    auditKeys(this.keyspace);
    this.registry = CommandRegistry.of(families);
    for (const [name, newName] of this.config.renamedCommands) this.registry.rename(name, newName);
    this.secrets = parts.secrets;
    this.acl = new Acl(this.registry, this.clients, this.logger);
    this.#context = new CommandContext<Features>(this, this.reply, this.effects);
    this.#blockedClients = new BlockedClients(this, this.#context);
    this.blocking = new Blocking(this.keyspace, this.#blockedClients);
    this.pubsub = new PubSub(this.keyspace.structures.hasher);
    this.transactions = new Transactions(this.keyspace);
    this.migrations = new Migrations(this.#migrationHost(parts.sockets));
    this.tracking = new Tracking(this);
    this.#notifier = new KeyspaceNotifier(this.pubsub);
    this.#scriptHost = new ServerScriptHost(this, this.#blockedClients);
    this.executions = new Executions<Features>(this.#scriptHost);
    this.scripting = new Scripting<Features>(this.#scriptHost, this.executions);
    this.dispatcher = new Dispatcher(this, this.#context);
    this.#expiry = new ActiveExpiry(this.keyspace, this.clock);
    const eviction = new Eviction(this.keyspace);
    this.#memoryLimit = new MemoryLimit(eviction, this);
    this.#durability = new Durability(this, parts.fileSystem);
    this.snapshotRunner = new SnapshotRunner(this);
    this.snapshots = new Snapshots(this, parts.fileSystem);
    this.rewriting = new Rewriting(this, parts.fileSystem);
    this.#listeners = new Listeners(parts.sockets, this, parts.port);
    this.#cron = new Cron(this);
    this.keyspace.events = {
      expired: (dbIndex, view) => {
        this.#notifyOf(EVENT_EXPIRED, "expired", dbIndex, view);
        this.#propagateDeletion("lazyfree-lazy-expire", dbIndex, view);
      },
      evicted: (dbIndex, view) => {
        this.#notifyOf(EVENT_EVICTED, "evicted", dbIndex, view);
        this.#propagateDeletion("lazyfree-lazy-eviction", dbIndex, view);
      },
      notified: (dbIndex, name, bytes, start, end) => {
        if (this.keyspace.changes.hasNoted) {
          this.tracking.settleKey(name, bytes, start, end, this.#context.command.flags);
        }
        this.#notifier.notify(dbIndex, name, bytes, start, end);
      },
      appeared: (dbIndex, type, bytes, start, end) =>
        this.blocking.appeared(dbIndex, type, bytes, start, end),
      vanished: (dbIndex, type, bytes, start, end) =>
        this.blocking.vanished(dbIndex, type, bytes, start, end),
      fieldExpired: (dbIndex, view, bytes, start, end) =>
        this.#propagateFieldDeletion(dbIndex, view, bytes, start, end),
    };
    // Not at once: the command that ends the pause is still running.
    this.pauses.onRelease = () => {
      // But a write that is admitted now must meet no hidden record.
      this.keyspace.hidesExpired = this.pauses.keyspaceFrozen;
      setImmediate(() => this.#releaseHeldClients());
    };
    this.pauses.onPause = () => this.#followPause();
    this.#followConfig(eviction);
  }

  /**
   * Loads the data, opens the listeners and starts the periodic work. Throws LoadError or
   * ListenError, with nothing left open, where that fails.
   */
  async start(): Promise<void> {
    this.#capMaxClients();
    this.#announce("MiniRedis server starting...");
    this.#announce(` PID: ${this.pid}`);
    const port = this.config.integer("port");
    this.#announce(`Port: ${port}`);
    if (this.config.users.length > 0 || this.config.text("aclfile") !== "") {
      const { loadUsersAtStart } = require("./users-at-start.ts");
      loadUsersAtStart(this);
    }
    this.#listeners.open();
    this.logger.log(LOG_NOTICE, "Server initialized");
    this.#cron.start();
    try {
      if (this.config.flag("appendonly")) {
        await this.#durability.load((line) => this.#announce(line));
      } else {
        await this.#loadSnapshot();
      }
    } catch (error) {
      this.#cron.stop();
      this.#listeners.close();
      throw error;
    }
    this.#startupBytes = this.usedMemory();
    this.updateRestrictions();
    this.#announce("Ready to accept connections");
  }

  async #loadSnapshot(): Promise<void> {
    const { persistence } = this;
    persistence.loading = true;
    persistence.loadingStartMs = this.clock.wallMs();
    this.updateRestrictions();
    await this.snapshots.load();
    persistence.loading = false;
    this.effects.changes = 0;
  }

  /** Ends everything: listeners, clients, periodic work, and the AOF with all that it holds. */
  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    if (VERIFY) this.keyspace.verify();
    this.#cron.stop();
    clearTimeout(this.#pauseTimer);
    this.#blockedClients.stop();
    this.migrations.close();
    this.#listeners.close();
    this.snapshots.close();
    await this.#durability.close();
    this.snapshotRunner.close();
    for (const connection of [...this.#connections.values()]) connection.close("now");
    this.logger.log(LOG_WARNING, "Redis is now ready to exit, bye bye...");
  }

  get listeningPort(): number {
    return this.#listeners.port;
  }

  get listeners(): readonly ListenerInfo[] {
    return this.#listeners.infos;
  }

  /** Made when it is first asked for; most servers have no functions. */
  get libraries(): Libraries<Features> {
    if (this.#libraries === undefined) {
      const { Libraries } = librariesModule();
      const host = this.#scriptHost;
      this.#libraries = new Libraries<Features>(this, this.reply, host, this.executions);
    }
    return this.#libraries;
  }

  get expiry(): ActiveExpiry {
    return this.#expiry;
  }

  get executor(): Dispatcher {
    return this.dispatcher;
  }

  get durability(): Durability {
    return this.#durability;
  }

  get connections(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  // What connections ask.

  get servedClient(): Client | undefined {
    return this.#blockedClients.served;
  }

  get servedPushes(): ReplyWriter {
    return this.#blockedClients.pushes;
  }

  get holdsReplies(): boolean {
    return this.#durability.holdsReplies;
  }

  get nowMs(): number {
    return this.keyspace.nowMs;
  }

  newDecoder(): Decoder {
    return new Decoder();
  }

  beginEvent(): void {
    const nowUs = this.clock.monotonicUs();
    this.eventStartUs = nowUs;
    const nowMs = Math.floor(this.#wallOriginMs + nowUs / 1000);
    this.keyspace.setTime(nowMs);
    this.#context.nowMs = nowMs;
  }

  endEvent(): void {
    const statistics = this.statistics;
    const elapsed = this.clock.monotonicUs() - this.eventStartUs;
    statistics.eventLoopCycles++;
    statistics.eventLoopDurationUs += elapsed;
    if (elapsed > statistics.eventLoopDurationMaxUs) statistics.eventLoopDurationMaxUs = elapsed;
    if (VERIFY) this.#verifyNowAndThen();
    this.settle();
  }

  /**
   * Answers the clients whose keys background work made ready; all who waited and were answered get
   * their replies and go on.
   */
  settle(): void {
    if (this.blocking.hasReady) this.blocking.serve();
    if (this.#delivered.length > 0) this.#flushDelivered();
    this.#blockedClients.goOn();
  }

  #flushDelivered(): void {
    const delivered = this.#delivered;
    this.#delivered = [];
    for (const connection of delivered) connection.flush();
  }

  /** In tests: walks the whole data set once in a while, if that is not too long. */
  #verifyNowAndThen(): void {
    if (this.statistics.eventLoopCycles % VERIFIED_EVENTS !== 0) return;
    const keys = this.keyspace.databases.reduce((sum, db) => sum + db.size, 0);
    if (keys <= VERIFIED_KEYS_MAX) this.keyspace.verify();
  }

  /** Reads the wall clock anew; events in between add the monotonic clock's progress to it. */
  calibrate(): void {
    this.#wallOriginMs = (this.clock.wallUs() - this.clock.monotonicUs()) / 1000;
  }

  execute(client: Client, bytes: Uint8Array, decoder: Decoder, first: number): number {
    return this.dispatcher.execute(client, bytes, decoder, first);
  }

  flushAtEndOfTurn(connection: Connection): void {
    this.#durability.flushAtEndOfTurn(connection);
  }

  broadcastLater(): void {
    this.#durability.scheduleTurn();
  }

  flushAfterEvent(connection: Connection): void {
    this.#delivered.push(connection);
  }

  disconnected(client: Client): void {
    // The client of a slow script waits for no key.
    if (!this.executions.isRunFor(client)) this.blocking.forget(client);
    this.pubsub.forget(client);
    this.transactions.discard(client);
    this.tracking.disable(client);
    this.clients.remove(client);
    this.monitors.delete(client);
    this.#connections.delete(client);
    this.updateRestrictions();
  }

  /** Takes an accepted socket in. */
  connect(transport: Transport, isUnixSocket: boolean): SocketHandler {
    const connection = new Connection(this, transport);
    const nowMs = this.clock.wallMs();
    const client = new Client(this.clients.nextId(), connection, nowMs, isUnixSocket);
    this.acl.admit(client);
    connection.client = client;
    this.clients.add(client);
    this.#connections.set(client, connection);
    this.statistics.connectionsReceived++;
    return connection;
  }

  // What dispatch asks.

  /** What transfers of keys ask of the server. */
  #migrationHost(network: Network): MigrationHost {
    return {
      network,
      keyspace: this.keyspace,
      inEvent: (action) => {
        this.beginEvent();
        try {
          action();
        } catch (error) {
          if (!isOutOfMemory(error)) throw error;
          return false;
        } finally {
          this.keyspace.changes.settle(true, 0);
          this.endEvent();
        }
        return true;
      },
      keysChanged: () => this.updateRestrictions(),
      releaseHeld: () => setImmediate(() => this.#releaseHeldClients()),
    };
  }

  /** Finishes the command of a client that was held for what has ended now. */
  complete(waiter: Waiter): void {
    this.beginEvent();
    this.blocking.complete(waiter);
    this.endEvent();
  }

  /** Runs the commands that wait for writes to be durable: more of them are. */
  acknowledge(): void {
    this.beginEvent();
    this.blocking.acknowledge();
    this.endEvent();
  }

  writeRefusal(): string {
    return diskRefusal(TO_WRITES, this.snapshots.isRefusing, this.#durability.failure);
  }

  scriptRefusal(): string {
    return diskRefusal(TO_SCRIPTS, this.snapshots.isRefusing, this.#durability.failure);
  }

  makeRoom(): boolean {
    return this.#memoryLimit.makeRoom();
  }

  /** Evicts for about `budgetUs` where memory is over its limit; whether there is more to do. */
  relieveMemory(budgetUs: number): boolean {
    return this.#memoryLimit.relieve(budgetUs);
  }

  /** Recalculates whether commands must pass the slow gates. */
  updateRestrictions(): void {
    this.dispatcher.restricted =
      this.persistence.loading ||
      this.executions.isBusy ||
      this.pauses.level !== 0 ||
      this.migrations.isActive ||
      this.monitors.size > 0 ||
      this.#memoryLimit.isSet ||
      this.writeRefusal() !== "";
  }

  /** Propagates what background work did in a database. */
  finishEffects(dbIndex: number): void {
    this.effects.finish(dbIndex, false, NO_BYTES, 0, 0);
  }

  // What handlers ask.

  /** Bytes counted as used: data, tables, buffers of clients, of the AOF and of a snapshot. */
  usedMemory(): number {
    return this.limitedMemory() + this.#durability.memoryBytes + this.snapshotRunner.memoryBytes;
  }

  /**
   * Bytes that maxmemory limits. The AOF's do not count: evictions are written to it, so that
   * evicting because of them would never end.
   */
  limitedMemory(): number {
    const { blocking, scripting, tracking, transactions } = this;
    const waiting = blocking.memoryBytes + transactions.memoryBytes + tracking.memoryBytes;
    let scriptBytes = scripting.machineBytes + scripting.scripts.bytes;
    const libraries = this.#libraries;
    if (libraries !== undefined) scriptBytes += libraries.machineBytes + libraries.bytes;
    return this.keyspace.usedBytes + this.clientBufferBytes + waiting + scriptBytes;
  }

  /** Once in a while, between scripts: the virtual machines give memory back. */
  tickScripts(): void {
    this.scripting.tick();
    this.#libraries?.tick();
  }

  refreshFigures(): void {
    this.#durability.report();
  }

  memoryReport(): MemoryReport {
    const pool = this.keyspace.pool;
    return {
      usedBytes: this.usedMemory(),
      datasetBytes: this.keyspace.dataBytes,
      startupBytes: this.#startupBytes,
      allocatorAllocated: pool.usedBytes,
      allocatorActive: pool.activeBytes,
      allocatorResident: pool.chunkBytes,
      aofBufferBytes: this.#durability.memoryBytes,
      snapshotBytes: this.snapshotRunner.memoryBytes,
      databases: this.keyspace.databases
        .filter((db) => db.size > 0)
        .map((db) => ({
          index: db.index,
          mainIndexBytes: db.table.totalBytes,
          expiresIndexBytes: 0,
        })),
    };
  }

  shutdown(options: ShutdownOptions): boolean {
    this.logger.log(LOG_WARNING, "User requested shutdown...");
    if (!this.saveBeforeExit(options)) return false;
    this.onShutdown();
    return true;
  }

  /** Saves what an end of the server asks to be saved; false where that fails and must not. */
  saveBeforeExit({ save, force }: ShutdownOptions): boolean {
    // What is loaded so far must not take the place of the whole.
    if (this.persistence.loading) {
      this.logger.log(LOG_WARNING, "Received shutdown signal during loading, exiting now.");
      return true;
    }
    if (this.snapshots.isSaving) {
      this.logger.log(LOG_WARNING, "There is a child saving an .rdb. Killing it!");
      this.snapshots.cancel();
    }
    if (this.rewriting.isActive) {
      if (this.#durability.isWaiting && !force) {
        this.logger.log(LOG_WARNING, "Writing initial AOF, can't exit.");
        this.logger.log(LOG_WARNING, SHUTDOWN_FAILED);
        return false;
      }
      const isFirst = this.#durability.isWaiting;
      if (isFirst) this.logger.log(LOG_WARNING, "Writing initial AOF. Exiting anyway.");
      this.logger.log(LOG_WARNING, "There is a child rewriting the AOF. Killing it!");
      this.rewriting.cancel();
    }
    const isWanted = save === "save" || (save === "default" && this.config.savePoints.length > 0);
    if (!isWanted) return true;
    this.logger.log(LOG_NOTICE, "Saving the final RDB snapshot before exiting.");
    if (this.snapshots.save()) return true;
    if (force) {
      this.logger.log(LOG_WARNING, "Error trying to save the DB. Exit anyway.");
      return true;
    }
    this.logger.log(LOG_WARNING, "Error trying to save the DB, can't exit.");
    this.logger.log(LOG_WARNING, SHUTDOWN_FAILED);
    return false;
  }

  abortShutdown(): boolean {
    return false;
  }

  resetStatistics(): void {
    this.statistics.reset(this.clock.wallMs(), this.usedMemory());
    this.persistence.snapshotsBegun = 0;
    this.persistence.lastSnapshotBeginUs = 0;
    this.keyspace.hits = 0;
    this.keyspace.misses = 0;
    this.keyspace.expired = 0;
    this.keyspace.evicted = 0;
    this.keyspace.lazyFree.freedCount = 0;
    this.keyspace.expiredFields = 0;
    for (const command of this.registry.loaded()) {
      command.resetStatistics();
      for (const sub of command.subcommands?.loaded() ?? []) sub.resetStatistics();
    }
  }

  pushFirst(): void {
    if (!this.#context.client.denyBlocking) this.dispatcher.pushFirst();
  }

  sleepMs(ms: number): void {
    Bun.sleepSync(ms);
  }

  /** Tells of what happens to the key of a view. */
  #notifyOf(eventClass: number, name: string, dbIndex: number, view: RecordView): void {
    notifyOf(this.keyspace, this.keyspace.databases[dbIndex], eventClass, name, view);
  }

  /** Propagates a key's deletion by expiry or eviction as DEL, or UNLINK under lazy freeing. */
  #propagateDeletion(lazyDirective: string, dbIndex: number, view: RecordView): void {
    if (!this.effects.active) return;
    const writer = this.effects.also(2, dbIndex);
    writer.bulkText(this.config.flag(lazyDirective) ? "UNLINK" : "DEL");
    writer.bulk(view.bytes, view.keyStart, view.keyEnd);
  }

  /** Propagates the deletion of a hash's field by expiry. */
  #propagateFieldDeletion(
    dbIndex: number,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.effects.active) return;
    const writer = this.effects.also(3, dbIndex);
    writer.bulkText("HDEL");
    writer.bulk(view.bytes, view.keyStart, view.keyEnd);
    writer.bulk(bytes, start, end);
  }

  /** Has held clients go on as soon as the pause ends. */
  #followPause(): void {
    this.keyspace.hidesExpired = this.pauses.keyspaceFrozen;
    this.updateRestrictions();
    clearTimeout(this.#pauseTimer);
    const restMs = this.pauses.untilMs - this.clock.wallMs();
    if (restMs > TIMER_MS_MAX) return;
    this.#pauseTimer = setTimeout(() => this.pauses.expire(this.clock.wallMs()), restMs + 1);
  }

  #releaseHeldClients(): void {
    this.updateRestrictions();
    this.beginEvent();
    this.blocking.resumePostponed();
    this.endEvent();
    for (const [client, connection] of [...this.#connections]) {
      if (client.blocked && client.wait === undefined) connection.resume();
    }
  }

  /** Refuses more clients than there are descriptors for. */
  #checkMaxClients(): void {
    const possible = descriptorLimit() - RESERVED_DESCRIPTORS;
    if (this.config.integer("maxclients") <= possible) return;
    throw new InvalidValue(
      "The operating system is not able to handle the specified number of clients, " +
        `try with ${possible}`,
    );
  }

  /** Lowers maxclients to what the descriptor limit allows, and says so. */
  #capMaxClients(): void {
    const wanted = this.config.integer("maxclients");
    const possible = Math.max(1, descriptorLimit() - RESERVED_DESCRIPTORS);
    if (wanted <= possible) return;
    this.logger.log(
      LOG_WARNING,
      `maxclients has been reduced to ${possible}, ` +
        `since no more than ${descriptorLimit()} files may be open.`,
    );
    this.config.assign(findDirective("maxclients")!, [String(possible)]);
  }

  /** Hands dispatch the thresholds that it compares every command with. */
  #tuneDispatcher(): void {
    const { slow, largeRequest, largeReply } = this.commandLog;
    this.dispatcher.preciseTiming = needsPreciseTiming(slow.threshold, this.latency.thresholdMs);
    this.dispatcher.largeRequestBytes = largeRequest.threshold;
    this.dispatcher.largeReplyBytes = largeReply.threshold;
  }

  /** Applies directives now and whenever they change. */
  #followConfig(eviction: Eviction): void {
    const config = this.config;
    const follow = (names: readonly string[], apply: () => void) => {
      apply();
      for (const name of names) config.onChange(name, apply);
    };
    follow(["maxmemory", "maxmemory-policy", "maxmemory-samples"], () => {
      this.#memoryLimit.limitBytes = config.integer("maxmemory");
      eviction.policy = config.text("maxmemory-policy") as EvictionPolicy;
      eviction.samples = config.integer("maxmemory-samples");
      eviction.reset();
      this.keyspace.access.isLfu = eviction.policy.endsWith("-lfu");
      this.updateRestrictions();
    });
    follow(["save", "stop-writes-on-bgsave-error"], () => this.updateRestrictions());
    follow(["maxmemory-eviction-tenacity"], () => {
      this.#memoryLimit.tenacity = config.integer("maxmemory-eviction-tenacity");
    });
    follow(["lfu-log-factor", "lfu-decay-time"], () => {
      this.keyspace.access.logFactor = config.integer("lfu-log-factor");
      this.keyspace.access.decayMinutes = config.integer("lfu-decay-time");
    });
    follow(["busy-reply-threshold"], () => {
      this.executions.busyMs = config.integer("busy-reply-threshold");
    });
    follow(["tracking-table-max-keys"], () => {
      this.tracking.keysMax = config.integer("tracking-table-max-keys");
    });
    follow(ENCODING_DIRECTIVES, () => readEncodingLimits(config, this.keyspace.limits));
    follow(["client-query-buffer-limit", "proto-max-bulk-len"], () => {
      // The decoder's offsets are int32.
      this.queryBytesMax = Math.min(config.integer("client-query-buffer-limit"), INT32_MAX);
      this.bulkBytesMax = config.integer("proto-max-bulk-len");
    });
    const followLog = (log: EntryLog, threshold: string, lengthMax: string) =>
      follow([threshold, lengthMax], () => {
        this.commandLog.configure(log, config.integer(threshold), config.integer(lengthMax));
        this.#tuneDispatcher();
      });
    const { slow, largeRequest, largeReply } = this.commandLog;
    followLog(slow, "slowlog-log-slower-than", "slowlog-max-len");
    followLog(largeRequest, "commandlog-request-larger-than", "commandlog-large-request-max-len");
    followLog(largeReply, "commandlog-reply-larger-than", "commandlog-large-reply-max-len");
    follow(["latency-monitor-threshold"], () => {
      this.latency.thresholdMs = config.integer("latency-monitor-threshold");
      this.#tuneDispatcher();
    });
    follow(["client-output-buffer-limit"], () => {
      this.normalOutputLimit = config.outputBufferLimits.normal;
      this.pubsubOutputLimit = config.outputBufferLimits.pubsub;
    });
    config.onChange("maxclients", () => this.#checkMaxClients());
    config.onChange("bind", () => this.#listeners.reopen("Failed to bind to specified addresses."));
    config.onChange("port", () =>
      this.#listeners.reopen("Unable to listen on this port. Check server logs."),
    );
    follow(["notify-keyspace-events"], () => {
      this.#notifier.classes = eventClasses(config.text("notify-keyspace-events"));
      this.keyspace.notifiedEvents = this.#notifier.classes;
    });
    follow(["acl-pubsub-default"], () => {
      this.acl.allChannelsByDefault = config.text("acl-pubsub-default") === "allchannels";
    });
    follow(["requirepass"], () => this.acl.setDefaultPassword(config.byteText("requirepass")));
    config.describeUsers = () => userLines(this.acl);
    follow(["latency-tracking"], () => {
      this.dispatcher.tracksLatency = config.flag("latency-tracking");
    });
  }
}
