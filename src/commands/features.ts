// What command handlers find on the server, besides what `ServerContext` gives every one of them.
// The server composes it; handlers take what they need from here and from nowhere else.

import type { Acl } from "../acl/acl.ts";
import type { Random } from "../base/random.ts";
import type { Blocking } from "../blocking/blocking.ts";
import type { Waiter } from "../blocking/waiter.ts";
import type { Client, Clients } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { DebugSettings } from "../command/debug-settings.ts";
import type { CommandExecutor } from "../command/executor.ts";
import type { LatencyMonitor } from "../command/latency-monitor.ts";
import type { Pauses } from "../command/pauses.ts";
import type { PersistenceStatus } from "../command/persistence-status.ts";
import type { CommandRegistry } from "../command/registry.ts";
import type { CommandLog } from "../command/slowlog.ts";
import type { LogControl, RewriteControl, SnapshotControl } from "../command/snapshot-control.ts";
import type { MemoryReport, Statistics } from "../command/statistics.ts";
import type { Config } from "../config/config.ts";
import type { Migrations } from "../migration/migrations.ts";
import type { PubSub } from "../pubsub/pubsub.ts";
import type { Executions } from "../scripting/executions.ts";
import type { Libraries } from "../scripting/libraries.ts";
import type { Scripting } from "../scripting/scripting.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { Transactions } from "../transactions/transactions.ts";

/** How the server is to end; see SHUTDOWN. */
export interface ShutdownOptions {
  readonly save: "default" | "save" | "nosave";
  readonly now: boolean;
  readonly force: boolean;
}

/** Where the server accepts connections. */
export interface ListenerInfo {
  readonly name: "tcp" | "unix";
  /** IP addresses, or the socket's path. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** The server as command handlers see it. */
export interface Features extends ServerContext {
  readonly config: Config;
  /** For what nobody may guess. */
  readonly secrets: Random;
  readonly acl: Acl;
  readonly registry: CommandRegistry<Features>;
  readonly clients: Clients;
  readonly statistics: Statistics;
  readonly commandLog: CommandLog;
  readonly latency: LatencyMonitor;
  readonly pauses: Pauses;
  readonly blocking: Blocking;
  /** Scripts and functions that run. */
  readonly executions: Executions<Features>;
  readonly scripting: Scripting<Features>;
  readonly libraries: Libraries<Features>;
  readonly pubsub: PubSub;
  readonly transactions: Transactions;
  readonly migrations: Migrations;
  readonly tracking: Tracking;
  /** Runs commands for others: EXEC, scripts. */
  readonly executor: CommandExecutor<Features>;
  readonly monitors: Set<Client>;
  readonly debugSettings: DebugSettings;
  readonly persistence: PersistenceStatus;
  readonly snapshots: SnapshotControl;
  readonly rewriting: RewriteControl;
  readonly durability: LogControl;
  readonly startedAtMs: number;
  /** 40 hexadecimal characters each. */
  readonly runId: string;
  /** Whoever knows a history by this name may go on with it. */
  replicationId: string;
  readonly pid: number;
  /** The TCP port, 0 without one. */
  readonly listeningPort: number;
  readonly listeners: readonly ListenerInfo[];
  readonly executablePath: string;
  /** Absolute path, or "" when the server was started without a file. */
  readonly configFile: string;
  /** Brings figures up to date that are only sampled otherwise; INFO asks for it first. */
  refreshFigures(): void;
  memoryReport(): MemoryReport;
  /** Ends the server; false where it could not, with the reason in the log. */
  shutdown(options: ShutdownOptions): boolean;
  /** Cancels a shutdown in progress; false where there is none. */
  abortShutdown(): boolean;
  /** Sets back every counter that CONFIG RESETSTAT resets. */
  resetStatistics(): void;
  /** Runs the command of a client once more that was held for what has ended now. */
  complete(waiter: Waiter): void;
  /** Has the gates re-examined, after monitors, pauses or limits have changed. */
  updateRestrictions(): void;
  /**
   * What the running command's client has been pushed so far comes before the reply, unless that is
   * a part of the reply to a transaction or script.
   */
  pushFirst(): void;
  /**
   * Ends the process at once, by a signal or with status 1; undefined in a program that the server
   * is a part of.
   */
  readonly crash: ((how: "SIGSEGV" | "SIGABRT" | "exit") => void) | undefined;
  /**
   * Has the process begin anew after a while, saved and stopped before where it is graceful; false
   * where that cannot be. Undefined like `crash`.
   */
  readonly restart: ((isGraceful: boolean, delayMs: number) => boolean) | undefined;
  /** Blocks the whole server, as DEBUG SLEEP does. */
  sleepMs(ms: number): void;
}

/** The context of handlers that use more than the keyspace. */
export type Context = CommandContext<Features>;
