// The server: composes the parts, gives handlers what `Features` promises, starts and ends. One
// instance is one server; several live in a process without meeting.
//
//   events.ts              one time for all that is done in one piece, and who is answered after it
//   connections.ts         who is connected; connection.ts: one of them
//   dispatch.ts            from a batch of requests to handlers and replies
//   accounting.ts          what commands cost, and who wants to know
//   blocked-clients.ts     who waits for keys; held-clients.ts: who is held back by a pause
//   keyspace-observer.ts   what follows from what the keyspace tells
//   cron.ts                what happens by itself, ten times a second and in slices
//   durability.ts          the log; rewriting.ts, snapshots.ts: the other files
//   memory-usage.ts        what counts; memory-limit.ts: keeping to maxmemory;
//                          client-memory.ts: to maxmemory-clients
//   followed-directives.ts what the configuration means to the parts

import { Acl } from "../acl/acl.ts";
import { VERIFY } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, LOG_WARNING, type Logger } from "../base/log.ts";
import type { Network } from "../base/network.ts";
import { type Random, randomHex } from "../base/random.ts";
import { Blocking } from "../blocking/blocking.ts";
import type { Waiter } from "../blocking/waiter.ts";
import { type Client, Clients } from "../command/client.ts";
import { CommandContext } from "../command/context.ts";
import { DebugSettings } from "../command/debug-settings.ts";
import { Effects } from "../command/effects.ts";
import { auditKeys } from "../command/key-audit.ts";
import { LatencyMonitor } from "../command/latency-monitor.ts";
import { Pauses } from "../command/pauses.ts";
import { PersistenceStatus } from "../command/persistence-status.ts";
import { CommandRegistry } from "../command/registry.ts";
import { CommandLog } from "../command/slowlog.ts";
import { type MemoryReport, Statistics } from "../command/statistics.ts";
import { families } from "../commands/families.ts";
import type { Features, ListenerInfo, ShutdownOptions } from "../commands/features.ts";
import type { Config } from "../config/config.ts";
import { ActiveExpiry } from "../keyspace/active-expiry.ts";
import { Eviction } from "../keyspace/eviction.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { type MigrationHost, Migrations } from "../migration/migrations.ts";
import type { FileSystem } from "../persistence/file-system.ts";
import { KeyspaceNotifier } from "../pubsub/keyspace-notifier.ts";
import { PubSub } from "../pubsub/pubsub.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { Executions } from "../scripting/executions.ts";
import type { Libraries } from "../scripting/libraries.ts";
import { Scripting } from "../scripting/scripting.ts";
import { Tracking } from "../tracking/tracking.ts";
import { Transactions } from "../transactions/transactions.ts";
import { Accounting } from "./accounting.ts";
import { BlockedClients } from "./blocked-clients.ts";
import { Connections } from "./connections.ts";
import { Cron } from "./cron.ts";
import { Dispatcher, type DispatchServer, isOutOfMemory } from "./dispatch.ts";
import { Durability } from "./durability.ts";
import { Ending } from "./ending.ts";
import { Events } from "./events.ts";
import { followDirectives } from "./followed-directives.ts";
import { HeldClients } from "./held-clients.ts";
import { KeyspaceObserver } from "./keyspace-observer.ts";
import { Listeners } from "./listeners.ts";
import { capMaxClients } from "./max-clients.ts";
import { MemoryLimit } from "./memory-limit.ts";
import { MemoryUsage } from "./memory-usage.ts";
import { diskRefusal, TO_SCRIPTS, TO_WRITES } from "./refusals.ts";
import { Rewriting } from "./rewriting.ts";
import { ServerScriptHost } from "./script-host.ts";
import { SnapshotRunner } from "./snapshot-runner.ts";
import { Snapshots } from "./snapshots.ts";
import type { SocketLayer } from "./sockets.ts";

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

const NO_BYTES = new Uint8Array(0);

/** A Redis-compatible server. */
export class Server implements DispatchServer {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Random;
  readonly logger: Logger;
  readonly startedAtMs: number;
  readonly runId: string;
  replicationId: string;
  readonly pid = process.pid;
  readonly executablePath = process.execPath;
  readonly configFile: string;

  readonly keyspace: Keyspace;
  readonly registry: CommandRegistry<Features>;
  readonly acl: Acl;
  readonly clients = new Clients();
  readonly statistics = new Statistics();
  readonly commandLog = new CommandLog();
  readonly latency = new LatencyMonitor();
  readonly pauses = new Pauses();
  readonly monitors = new Set<Client>();
  readonly debugSettings = new DebugSettings();
  readonly persistence = new PersistenceStatus();
  readonly effects = new Effects();
  /** Replies of the event being handled. */
  readonly reply = new ReplyWriter();
  readonly pushes = new ReplyWriter();

  readonly blocking: Blocking;
  readonly pubsub: PubSub;
  readonly transactions: Transactions;
  readonly tracking: Tracking;
  readonly migrations: Migrations;
  readonly executions: Executions<Features>;
  readonly scripting: Scripting<Features>;
  #libraries: Libraries<Features> | undefined;
  readonly #scriptHost: ServerScriptHost;

  readonly #context: CommandContext<Features>;
  readonly events: Events;
  readonly connections: Connections;
  readonly blockedClients: BlockedClients;
  readonly #heldClients: HeldClients;
  readonly accounting: Accounting;
  readonly dispatcher: Dispatcher;
  readonly expiry: ActiveExpiry;
  readonly memory: MemoryUsage;
  readonly #memoryLimit: MemoryLimit;
  readonly durability: Durability;
  readonly snapshotRunner: SnapshotRunner;
  readonly snapshots: Snapshots;
  readonly rewriting: Rewriting;
  readonly ending = new Ending(this);
  readonly #listeners: Listeners;
  readonly #cron: Cron;

  readonly #announce: (line: string) => void;
  /** min-replicas-to-write asks for replicas, of which there are none yet. */
  lacksReplicas = false;
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
    this.secrets = parts.secrets;
    this.logger = parts.logger;
    this.configFile = this.config.filePath;
    this.#announce = parts.announce;
    this.startedAtMs = this.clock.wallMs();
    this.runId = randomHex(parts.secrets, 40);
    this.replicationId = randomHex(parts.secrets, 40);
    this.keyspace = new Keyspace(this.config.integer("databases"), this.random, parts.secrets);
    this.keyspace.setTime(this.startedAtMs);
    auditKeys(this.keyspace);
    this.registry = CommandRegistry.of(families);
    for (const [name, newName] of this.config.renamedCommands) this.registry.rename(name, newName);
    this.acl = new Acl(this.registry, this.clients, this.logger);

    this.#context = new CommandContext<Features>(this, this.reply, this.effects);
    this.events = new Events(this, this.#context);
    this.connections = new Connections(this);
    this.blockedClients = new BlockedClients(this, this.#context);
    this.#heldClients = new HeldClients(this);
    this.blocking = new Blocking(this.keyspace, this.blockedClients);
    this.pubsub = new PubSub(this.keyspace.structures.hasher);
    this.transactions = new Transactions(this.keyspace);
    this.migrations = new Migrations(this.#migrationHost(parts.sockets));
    this.tracking = new Tracking(this);
    this.#scriptHost = new ServerScriptHost(this, this.blockedClients);
    this.executions = new Executions<Features>(this.#scriptHost);
    this.scripting = new Scripting<Features>(this.#scriptHost, this.executions);
    this.accounting = new Accounting(this);
    this.dispatcher = new Dispatcher(this, this.#context);
    this.expiry = new ActiveExpiry(this.keyspace, this.clock);
    this.memory = new MemoryUsage(this);
    const eviction = new Eviction(this.keyspace);
    this.#memoryLimit = new MemoryLimit(eviction, this);
    this.durability = new Durability(this, parts.fileSystem);
    this.snapshotRunner = new SnapshotRunner(this);
    this.snapshots = new Snapshots(this, parts.fileSystem);
    this.rewriting = new Rewriting(this, parts.fileSystem);
    this.#listeners = new Listeners(parts.sockets, this, parts.port);
    this.#cron = new Cron(this);
    const notifier = new KeyspaceNotifier(this.pubsub);
    this.keyspace.events = new KeyspaceObserver(this.#context, notifier);
    const memoryLimit = this.#memoryLimit;
    followDirectives(this, { eviction, memoryLimit, notifier, listeners: this.#listeners });
  }

  /**
   * Loads the data, opens the listeners and starts the periodic work. Throws LoadError or
   * ListenError, with nothing left open, where that fails.
   */
  async start(): Promise<void> {
    capMaxClients(this.config, this.logger);
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
        await this.durability.load((line) => this.#announce(line));
      } else {
        await this.#loadSnapshot();
      }
    } catch (error) {
      this.#cron.stop();
      this.#listeners.close();
      throw error;
    }
    this.memory.startupBytes = this.memory.usedBytes;
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
    this.#heldClients.stop();
    this.blockedClients.stop();
    this.migrations.close();
    this.#listeners.close();
    this.snapshots.close();
    await this.durability.close();
    this.snapshotRunner.close();
    this.connections.closeAll();
    this.logger.log(LOG_WARNING, "Redis is now ready to exit, bye bye...");
  }

  // What the parts ask of one another.

  /** Why the disk does not allow writes, or "". */
  diskRefusal(): string {
    return diskRefusal(TO_WRITES, this.snapshots.isRefusing, this.durability.failure);
  }

  /** Why scripts must not write, or "". */
  scriptRefusal(): string {
    return diskRefusal(TO_SCRIPTS, this.snapshots.isRefusing, this.durability.failure);
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
      this.lacksReplicas ||
      this.diskRefusal() !== "";
  }

  /** Propagates what background work did in a database. */
  finishEffects(dbIndex: number): void {
    this.effects.finish(dbIndex, false, NO_BYTES, 0, 0);
  }

  broadcastLater(): void {
    this.durability.scheduleTurn();
  }

  /** Once in a while, between scripts: the virtual machines give memory back. */
  tickScripts(): void {
    this.scripting.tick();
    this.#libraries?.tick();
  }

  /** Runs the commands that wait for writes to be durable: more of them are. */
  acknowledge(): void {
    this.events.run(() => this.blocking.acknowledge());
  }

  /** What transfers of keys ask of the server. */
  #migrationHost(network: Network): MigrationHost {
    return {
      network,
      keyspace: this.keyspace,
      inEvent: (action) => {
        this.events.begin();
        try {
          action();
        } catch (error) {
          if (!isOutOfMemory(error)) throw error;
          return false;
        } finally {
          this.keyspace.changes.settle(true, 0);
          this.events.end();
        }
        return true;
      },
      keysChanged: () => this.updateRestrictions(),
      releaseHeld: () => this.#heldClients.releaseSoon(),
    };
  }

  // What handlers ask.

  get executor(): Dispatcher {
    return this.dispatcher;
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

  /** The same without making it. */
  get loadedLibraries(): Libraries<Features> | undefined {
    return this.#libraries;
  }

  get listeningPort(): number {
    return this.#listeners.port;
  }

  get listeners(): readonly ListenerInfo[] {
    return this.#listeners.infos;
  }

  refreshFigures(): void {
    this.durability.report();
  }

  memoryReport(): MemoryReport {
    return this.memory.report();
  }

  complete(waiter: Waiter): void {
    this.events.run(() => this.blocking.complete(waiter));
  }

  shutdown(options: ShutdownOptions): boolean {
    return this.ending.shutdown(options);
  }

  abortShutdown(): boolean {
    return false;
  }

  resetStatistics(): void {
    this.statistics.reset(this.clock.wallMs(), this.memory.usedBytes);
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
}
