// Where the AOF meets the server: loading at start-up, and at the end of each event-loop turn the
// commit of what the turn's commands changed. With `appendfsync always` the turn's replies wait for
// that commit, which is one for all of them.

import { resolve } from "node:path";
import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { Client, type ClientChannel } from "../command/client.ts";
import type { EffectSink } from "../command/effects.ts";
import { AppendOnlyFile } from "../persistence/aof.ts";
import { AofLoader } from "../persistence/aof-load.ts";
import type { FileSystem } from "../persistence/file-system.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

/** How often a long load says how far it is. */
const PROGRESS_MS = 1000;

type SyncPolicy = "always" | "everysec" | "no";

/** Runs a server's AOF. */
export class Durability implements EffectSink {
  readonly #server: Server;
  readonly #fileSystem: FileSystem;
  #aof: AppendOnlyFile | undefined;
  /** Connections whose replies wait for the end of the turn. */
  #waiting: Connection[] = [];
  #isTurnScheduled = false;

  constructor(server: Server, fileSystem: FileSystem) {
    this.#server = server;
    this.#fileSystem = fileSystem;
  }

  get holdsReplies(): boolean {
    return this.#aof !== undefined && this.#aof.policy === "always";
  }

  /** The error that refuses writes, or "". */
  get refusal(): string {
    return this.#aof === undefined || this.#aof.writable ? "" : this.#aof.refusal;
  }

  get memoryBytes(): number {
    return this.#aof?.memoryBytes ?? 0;
  }

  /**
   * Loads the AOF, if the configuration asks for one, and opens it for appending. `announce` says
   * the start-up line. Throws AofError, or the system's error.
   */
  async load(announce: (line: string) => void): Promise<void> {
    const server = this.#server;
    const config = server.config;
    // Before anything is awaited: from here until effects are logged nobody may read or write.
    this.#beginLoading();
    const path = config.text("aof");
    const loader = await AofLoader.open({
      fileSystem: this.#fileSystem,
      logger: server.logger,
      clock: server.clock,
      loadSnapshot: (file, onProgress) => server.snapshots.loadBase(file, onProgress),
      path: path === "" ? undefined : resolve(config.files?.startDirectory ?? ".", path),
      directory: config.text("dir"),
      directoryName: config.text("appenddirname"),
      fileName: config.text("appendfilename"),
      loadTruncated: config.flag("aof-load-truncated"),
      verifyChecksums: config.flag("aof-checksums"),
    });
    server.persistence.loadingTotalBytes = loader.foundBytes;
    await loader.scan((bytes) => {
      server.persistence.loadingLoadedBytes = bytes;
    });
    const count = loader.commands.toLocaleString("en-US");
    announce(`AOF: ${loader.files.displayPath} (loading ${count} commands)`);
    await this.#apply(loader);
    this.#aof = new AppendOnlyFile({
      fileSystem: this.#fileSystem,
      clock: server.clock,
      logger: server.logger,
      policy: config.text("appendfsync") as SyncPolicy,
      checksums: config.flag("aof-checksums"),
    });
    this.#aof.open(await loader.position());
    this.#followConfig(this.#aof);
    server.persistence.aofEnabled = true;
    server.effects.addSink(this);
    server.persistence.loading = false;
    server.keyspace.isLoading = false;
  }

  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    this.#aof!.append(dbIndex, bytes, start, end);
    this.#scheduleTurn();
  }

  /** Has a connection's replies sent once the turn's effects are durable. */
  flushAtEndOfTurn(connection: Connection): void {
    this.#waiting.push(connection);
    this.#scheduleTurn();
  }

  /** Periodic work: due syncs, recovery from disk errors, the figures INFO shows. */
  tick(): void {
    const aof = this.#aof;
    if (aof === undefined) return;
    aof.tick();
    this.report();
  }

  /** Brings the figures that INFO shows up to date. */
  report(): void {
    this.#aof?.report(this.#server.persistence);
  }

  /** Makes everything durable and closes the file. */
  async close(): Promise<void> {
    const aof = this.#aof;
    if (aof === undefined) return;
    this.#endTurn();
    this.#server.effects.removeSink(this);
    this.#aof = undefined;
    if (!(await aof.close())) {
      this.#server.logger.log(LOG_WARNING, `Error writing the AOF at exit: ${aof.failure}`);
    }
  }

  #beginLoading(): void {
    const server = this.#server;
    server.persistence.loading = true;
    server.persistence.loadingStartMs = server.clock.wallMs();
    server.keyspace.isLoading = true;
    server.updateRestrictions();
  }

  async #apply(loader: AofLoader): Promise<void> {
    const server = this.#server;
    const status = server.persistence;
    status.loadingTotalBytes = loader.bytes;
    const client = new Client(0, NO_CHANNEL, status.loadingStartMs, false);
    client.authenticated = true;
    client.denyBlocking = true;
    let reportedMs = status.loadingStartMs;
    await loader.apply(
      (bytes, starts, ends, count) => server.dispatcher.replay(client, bytes, starts, ends, count),
      (progress) => {
        status.loadingLoadedBytes = progress.bytes;
        const nowMs = server.clock.wallMs();
        if (nowMs < reportedMs + PROGRESS_MS) return;
        reportedMs = nowMs;
        const percent = Math.floor((progress.bytes * 100) / Math.max(1, progress.totalBytes));
        server.logger.log(LOG_NOTICE, `Loading the AOF: ${percent}%`);
      },
    );
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    if (!this.#isTurnScheduled) return;
    this.#isTurnScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    // What a later turn queues behind these replies waits for that turn's own sync.
    const turns = waiting.map(takeTurn);
    const outcome = this.#aof?.endOfTurn() ?? true;
    if (typeof outcome === "boolean") release(turns, outcome);
    else outcome.then((isDurable) => release(turns, isDurable));
    if (this.refusal !== "") this.#server.updateRestrictions();
  }

  #followConfig(aof: AppendOnlyFile): void {
    const config = this.#server.config;
    config.onChange("appendfsync", () => {
      aof.policy = config.text("appendfsync") as SyncPolicy;
    });
    config.onChange("no-appendfsync-on-rewrite", () => {
      aof.noSyncOnRewrite = config.flag("no-appendfsync-on-rewrite");
    });
  }
}

/** What one connection's replies of a turn wait for. */
interface TurnOutput {
  readonly connection: Connection;
  readonly bytes: number;
  /** Its client changed data in the turn. */
  readonly isWriter: boolean;
}

function takeTurn(connection: Connection): TurnOutput {
  const client = connection.client;
  const isWriter = client.wroteInTurn;
  client.wroteInTurn = false;
  return { connection, bytes: connection.takeTurnOutput(), isWriter };
}

/**
 * Sends the replies that waited. Where the turn's effects are lost, those who caused them are told
 * nothing, which is the truth: their connections end.
 */
function release(turns: readonly TurnOutput[], isDurable: boolean): void {
  for (const { connection, bytes, isWriter } of turns) {
    if (isDurable || !isWriter) connection.releaseOutput(bytes);
    else connection.close("now");
  }
}

/** The channel of the client that replays the log: nothing it is told goes anywhere. */
const NO_CHANNEL: ClientChannel = {
  remoteAddress: "",
  localAddress: "",
  descriptor: -1,
  queryBytes: 0,
  queryCapacity: 0,
  outputBytes: 0,
  outputCapacity: 0,
  send: () => {},
  push: () => {},
  pushShared: () => {},
  deliver: () => {},
  resume: () => {},
  close: () => {},
};
