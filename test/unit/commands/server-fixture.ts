// Runs connection and server commands without a server: several clients over recorded channels,
// real components where they are plain objects, time moved by hand.

import { Acl } from "../../../src/acl/acl.ts";
import { ManualClock } from "../../../src/base/clock.ts";
import type { LogLevel } from "../../../src/base/log.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import {
  Client,
  type ClientChannel,
  Clients,
  type SharedBytes,
} from "../../../src/command/client.ts";
import { CommandContext } from "../../../src/command/context.ts";
import { DebugSettings } from "../../../src/command/debug-settings.ts";
import { Effects } from "../../../src/command/effects.ts";
import { LatencyMonitor } from "../../../src/command/latency-monitor.ts";
import { Pauses } from "../../../src/command/pauses.ts";
import { PersistenceStatus } from "../../../src/command/persistence-status.ts";
import { type Command, CommandRegistry } from "../../../src/command/registry.ts";
import { CommandLog } from "../../../src/command/slowlog.ts";
import { type MemoryReport, Statistics } from "../../../src/command/statistics.ts";
import { clientCommands } from "../../../src/commands/client.ts";
import { connectionCommands } from "../../../src/commands/connection.ts";
import { debugCommands } from "../../../src/commands/debug.ts";
import type { Context, Features, ShutdownOptions } from "../../../src/commands/features.ts";
import { latencyCommands } from "../../../src/commands/latency.ts";
import { memoryCommands } from "../../../src/commands/memory.ts";
import { persistenceCommands } from "../../../src/commands/persistence.ts";
import { serverCommands } from "../../../src/commands/server.ts";
import { slowlogCommands } from "../../../src/commands/slowlog.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { PubSub } from "../../../src/pubsub/pubsub.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { NO_EXPIRY } from "../../../src/structures/record.ts";
import { Tracking } from "../../../src/tracking/tracking.ts";
import { Transactions } from "../../../src/transactions/transactions.ts";
import { presentFamily } from "../../harness/present-family.ts";
import { nobodyWaits } from "./nobody-waits.ts";

export const START_MS = 1_700_000_000_000;
export const OK = "+OK\r\n";
export const SYNTAX_ERROR = "-ERR syntax error\r\n";
export const NOT_AN_INTEGER = "-ERR value is not an integer or out of range\r\n";

/** The families under test. */
export const families = [
  connectionCommands,
  clientCommands,
  persistenceCommands,
  serverCommands,
  slowlogCommands,
  latencyCommands,
  memoryCommands,
  debugCommands,
];

/** A bulk string reply. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** An array reply of whole replies. */
export function array(...replies: string[]): string {
  return `*${replies.length}\r\n${replies.join("")}`;
}

/** A channel that records what is done with it. */
export class RecordedChannel implements ClientChannel {
  remoteAddress: string;
  localAddress = "127.0.0.1:6379";
  descriptor = 8;
  queryBytes = 0;
  queryCapacity = 0;
  outputBytes = 0;
  outputCapacity = 0;
  sent = "";
  closed: "" | "after-reply" | "now" = "";

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  send(bytes: Uint8Array): void {
    this.sent += latin1Text(bytes);
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    this.sent += latin1Text(bytes, start, end);
  }

  pushShared({ bytes }: SharedBytes, start: number, end: number): void {
    this.sent += latin1Text(bytes, start, end);
  }

  deliver(bytes: Uint8Array, start: number, end: number): void {
    this.sent += latin1Text(bytes, start, end);
  }

  resume(): void {}

  close(when: "after-reply" | "now"): void {
    this.closed = when;
  }
}

const DEFAULTS: readonly (readonly [string, string])[] = [
  ["acllog-max-len", "128"],
  ["hz", "10"],
  ["maxclients", "10000"],
  ["maxmemory", "0"],
  ["maxmemory-policy", "noeviction"],
  ["repl-backlog-size", "1048576"],
  ["latency-tracking-info-percentiles", "50 99 99.9"],
  ["enable-debug-command", "yes"],
];

/** A server's components, its commands, and two clients; texts are one character per byte. */
export class ServerFixture {
  readonly clock = new ManualClock(START_MS);
  readonly keyspace = new Keyspace(16, new Xoshiro(7));
  readonly registry = CommandRegistry.of<Features>(families.map(presentFamily));
  readonly config = new Map<string, string>(DEFAULTS);
  readonly clients = new Clients();
  readonly logged: string[] = [];
  readonly logger = { log: (_level: LogLevel, message: string) => this.logged.push(message) };
  readonly acl = new Acl(this.registry, this.clients, this.logger);
  readonly statistics = new Statistics();
  readonly commandLog = new CommandLog();
  readonly latency = new LatencyMonitor();
  readonly pauses = new Pauses();
  readonly blocking = nobodyWaits(this.keyspace);
  readonly pubsub = new PubSub(this.keyspace.structures.hasher);
  readonly transactions = new Transactions(this.keyspace);
  readonly tracking = new Tracking({
    keyspace: this.keyspace,
    clients: this.clients,
    broadcastLater: () => {},
  });
  readonly monitors = new Set<Client>();
  readonly debugSettings = new DebugSettings();
  readonly persistence = new PersistenceStatus();
  readonly effects = new Effects();
  readonly reply = new ReplyWriter();
  readonly shutdowns: ShutdownOptions[] = [];
  memory: MemoryReport = {
    usedBytes: 4096,
    datasetBytes: 1024,
    startupBytes: 2048,
    allocatorAllocated: 3000,
    allocatorActive: 6000,
    allocatorResident: 12000,
    aofBufferBytes: 0,
    snapshotBytes: 0,
    databases: [],
  };
  shutdownSucceeds = true;
  sleptMs = 0;
  restrictionUpdates = 0;
  readonly c: Context;
  readonly first: Client;
  readonly second: Client;

  constructor() {
    this.c = new CommandContext<Features>(this.#features(), this.reply, this.effects);
    this.first = this.connect("127.0.0.1:50001");
    this.second = this.connect("127.0.0.1:50002");
  }

  /** A further client. */
  connect(remoteAddress: string): Client {
    const channel = new RecordedChannel(remoteAddress);
    const client = new Client(this.clients.nextId(), channel, this.clock.wallMs(), false);
    this.acl.admit(client);
    this.clients.add(client);
    return client;
  }

  channelOf(client: Client): RecordedChannel {
    return client.channel as RecordedChannel;
  }

  /** Executes a command of the first client and returns the reply. */
  run(...args: string[]): string {
    return this.runAs(this.first, ...args);
  }

  /** Executes a command of a client and returns the reply. */
  runAs(client: Client, ...args: string[]): string {
    const command = this.point(client, ...args);
    client.lastCommand = command.fullName;
    this.reply.clear();
    command.run!(this.c);
    return latin1Text(this.reply.buffer, 0, this.reply.length);
  }

  /** Points the context at a command without running it. */
  point(client: Client, ...args: string[]): Command<Features> {
    const bytes = latin1Bytes(args.join(""));
    const starts = new Int32Array(args.length);
    const ends = new Int32Array(args.length);
    let at = 0;
    args.forEach((argument, index) => {
      starts[index] = at;
      at += argument.length;
      ends[index] = at;
    });
    const c = this.c;
    c.nowMs = this.clock.wallMs();
    this.keyspace.setTime(c.nowMs);
    c.client = client;
    c.db = this.keyspace.databases[client.dbIndex];
    c.reply.protocol = client.protocol;
    c.setArguments(bytes, starts, ends, 0, args.length);
    let command = this.registry.find(bytes, starts[0], ends[0]);
    const subcommands = command?.subcommands;
    if (subcommands !== undefined) command = subcommands.find(bytes, starts[1], ends[1]);
    if (command === undefined) throw new Error(`no such command: ${args.join(" ")}`);
    if (!command.acceptsCount(args.length)) throw new Error(`wrong argument count: ${args}`);
    c.command = command;
    return command;
  }

  /** Stores a string in a database. */
  set(dbIndex: number, key: string, value: string, expiryMs = NO_EXPIRY): void {
    const name = latin1Bytes(key);
    const bytes = latin1Bytes(value);
    const hash = this.keyspace.hash(name, 0, name.length);
    const db = this.keyspace.databases[dbIndex];
    db.setString(name, 0, name.length, hash, bytes, 0, bytes.length, expiryMs);
  }

  #features(): Features {
    const config = this.config;
    return {
      clock: this.clock,
      random: new Xoshiro(8),
      secrets: new Xoshiro(9),
      logger: this.logger,
      acl: this.acl,
      keyspace: this.keyspace,
      registry: this.registry,
      config: {
        integer: (name: string) => Number(config.get(name)),
        flag: (name: string) => config.get(name) === "yes",
        text: (name: string) => config.get(name),
        byteText: (name: string) => config.get(name),
      },
      clients: this.clients,
      statistics: this.statistics,
      commandLog: this.commandLog,
      latency: this.latency,
      pauses: this.pauses,
      blocking: this.blocking,
      pubsub: this.pubsub,
      migrations: { cachedConnections: 0 },
      scripting: { machineBytes: 0, scripts: { bytes: 0, count: 0 } },
      libraries: { machineBytes: 0, bytes: 0, libraryCount: 0, functionCount: 0 },
      executions: { isBusy: false },
      transactions: this.transactions,
      tracking: this.tracking,
      pushFirst: () => {},
      monitors: this.monitors,
      debugSettings: this.debugSettings,
      persistence: this.persistence,
      startedAtMs: START_MS,
      runId: "a".repeat(40),
      replicationId: "b".repeat(40),
      pid: 4711,
      listeningPort: 6379,
      listeners: [
        { name: "tcp", addresses: ["*", "-::*"], port: 6379 },
        { name: "unix", addresses: ["/run/socket"], port: 0 },
      ],
      executablePath: "/usr/bin/miniredis",
      configFile: "",
      refreshFigures: () => {},
      memoryReport: () => this.memory,
      shutdown: (options: ShutdownOptions) => {
        this.shutdowns.push(options);
        return this.shutdownSucceeds;
      },
      abortShutdown: () => false,
      resetStatistics: () => {},
      updateRestrictions: () => this.restrictionUpdates++,
      sleepMs: (ms: number) => {
        this.sleptMs += ms;
      },
    } as unknown as Features;
  }
}
