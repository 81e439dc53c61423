// Where the AOF meets the server: loading at start-up, switching it on and off, and at the end of
// each event-loop turn the commit of what the turn's commands changed. With `appendfsync always`
// the turn's replies wait for that commit, which is one for all of them.
//
//   off       nothing is written
//   waiting   switched on at run time; until a first rewrite is through, a restart finds nothing
//   on        the log is complete, or fails: then writes are refused
//
// A log that is switched on begins as a successor: a file of its own that takes what follows the
// snapshot, until that is its base. So does the log that a rewrite puts in the place of one that
// fails, which is left as it is, and goes on if it can, until its successor is there.

import { resolve } from "node:path";
import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { messageOf } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import type { EffectSink } from "../command/effects.ts";
import type { LogControl } from "../command/snapshot-control.ts";
import { InvalidValue } from "../config/value-types.ts";
import type { AppendOnlyFile, FsyncPolicy } from "../persistence/aof.ts";
import type { AofFiles, AofLocation } from "../persistence/aof-files.ts";
import type { AofLoader } from "../persistence/aof-load.ts";
import {
  directoryOf,
  type FileSystem,
  joinPath,
  systemErrorText,
} from "../persistence/file-system.ts";
import type { ManifestEntry } from "../persistence/manifest.ts";
import { aofFiles, aofLoading, aofWriting, tailCopy } from "../persistence/on-demand.ts";
import type { Connection } from "./connection.ts";
import { Gathering } from "./gathering.ts";
import type { LogReplay } from "./log-replay.ts";
import type { Server } from "./server.ts";

/** Needed where there is a log to be loaded. */
const logReplay = (): typeof import("./log-replay.ts") => require("./log-replay.ts");

/** In place of an offset: there is no log. */
const LOG_OFF = -1;

/** Runs a server's AOF. */
export class Durability implements EffectSink, LogControl {
  readonly #server: Server;
  readonly #fileSystem: FileSystem;
  #state: "off" | "waiting" | "on" = "off";
  #aof: AppendOnlyFile | undefined;
  #files: AofFiles | undefined;
  #successor: AppendOnlyFile | undefined;
  /** Its file, or "". */
  #temporaryPath = "";
  /** `Effects.offset` when it began. */
  #successorOffset = 0;
  /** Former logs on their way to the disk. */
  #closing: Promise<unknown> = Promise.resolve();
  /** `Effects.offset` when the log began. */
  #startOffset = 0;
  /** Why there is no log though there should be one, or "". */
  #lost = "";
  #replay: LogReplay | undefined;
  /** Whether the newest `reload` has loaded the log. */
  hasReloaded = false;
  /** Connections whose replies wait for the end of the turn. */
  #waiting: Connection[] = [];
  #isTurnScheduled = false;
  readonly #onTurnEnd = () => this.#endTurnOrGather();
  readonly #gathering: Gathering;
  /** Settles once the replies of all ended turns have been released; undefined if they have. */
  #releasing: Promise<unknown> | undefined;

  constructor(server: Server, fileSystem: FileSystem) {
    this.#server = server;
    this.#fileSystem = fileSystem;
    this.#gathering = new Gathering(server.clock);
    this.#followConfig();
  }

  get isOn(): boolean {
    return this.#state === "on";
  }

  get isWaiting(): boolean {
    return this.#state === "waiting";
  }

  /** Whose commands are those of the log that is being loaded. */
  get replayingClient(): Client | undefined {
    return this.#replay?.client;
  }

  /** The log's files; undefined unless it is on. */
  get files(): AofFiles | undefined {
    return this.#files;
  }

  /** Also when the policy has changed while replies wait: none may pass another. */
  get holdsReplies(): boolean {
    return this.#releasing !== undefined || this.#leading?.policy === "always";
  }

  /** The one whose word counts. */
  get #leading(): AppendOnlyFile | undefined {
    return this.#aof ?? this.#successor;
  }

  /** Why the log takes no effects, or "". */
  get failure(): string {
    return this.#leading?.failure ?? this.#lost;
  }

  /** Whether only a rewrite helps the log, or what a power cut would leave of it. */
  get needsRewrite(): boolean {
    return this.#aof?.needsRewrite === true;
  }

  get memoryBytes(): number {
    return (this.#aof?.memoryBytes ?? 0) + (this.#successor?.memoryBytes ?? 0);
  }

  /**
   * Loads the AOF, if the configuration asks for one, and opens it for appending. `announce` says
   * the start-up line. Throws AofError, or the system's error.
   */
  async load(announce: (line: string) => void): Promise<void> {
    // Before anything is awaited: from here until effects are logged nobody may read or write.
    this.#beginLoading();
    const loader = await this.#read(announce);
    await this.#goOnAfter(loader);
    this.#endLoading();
  }

  /** Loads what is on the disk. */
  async #read(announce: (line: string) => void): Promise<AofLoader> {
    const server = this.#server;
    const config = server.config;
    const loader = await aofLoading().AofLoader.open({
      ...this.#location,
      clock: server.clock,
      loadSnapshot: (file, onProgress) => server.snapshots.loadBase(file, onProgress),
      loadTruncated: config.flag("aof-load-truncated"),
      verifyChecksums: config.flag("aof-checksums"),
    });
    server.persistence.loadingTotalBytes = loader.foundBytes;
    await loader.scan((bytes) => {
      server.persistence.loadingLoadedBytes = bytes;
    });
    const count = loader.commands.toLocaleString("en-US");
    announce(`AOF: ${loader.files.displayPath} (loading ${count} commands)`);
    this.#replay = new (logReplay().LogReplay)(server);
    await this.#replay.run(loader);
    return loader;
  }

  /** Has effects be appended to the log that was loaded. */
  async #goOnAfter(loader: AofLoader): Promise<void> {
    const aof = this.#newLog();
    if (this.#state !== "on") {
      this.#server.effects.replicationOffset = loader.files.replicationOffset;
    }
    aof.open(await loader.position(() => this.#emptyBase()));
    this.#aof = aof;
    this.#lost = "";
    this.#files = loader.files;
    this.#state = "on";
    this.#server.persistence.aofEnabled = true;
    this.#startOffset = this.#server.effects.offset;
    this.#server.effects.addSink(this);
  }

  /** The base of a log that has just been made: an RDB without keys, or nothing. */
  #emptyBase(): { readonly isRdb: boolean; readonly bytes: Uint8Array } {
    const { isRdb, output } = this.#server.rewriting.newBase();
    output.begin();
    return { isRdb, bytes: output.end() };
  }

  get durableOffset(): number {
    if (this.#state !== "on") return this.#state === "waiting" ? 0 : LOG_OFF;
    return this.#startOffset + (this.#aof?.durableEffects ?? 0);
  }

  reload(onEnd: () => void): void {
    this.#beginLoading();
    const whenDone = (isLoaded: boolean) => {
      this.hasReloaded = isLoaded;
      this.#endLoading();
      this.#server.updateRestrictions();
      onEnd();
    };
    this.#loadAgain().then(whenDone, (error: unknown) => {
      const { logger } = this.#server;
      const lines = messageOf(error);
      logger.log(LOG_WARNING, `Error trying to load the AOF: ${lines}`);
      // Without knowing the end of the log nothing can be appended to it.
      if (this.#server.config.flag("appendonly")) {
        this.#lost = "it could not be loaded";
      }
      whenDone(false);
    });
  }

  /** Has everything written out, and loads it in place of the data; false where there is no log. */
  async #loadAgain(): Promise<boolean> {
    const server = this.#server;
    if (this.#state === "waiting") throw new Error("the first rewrite has not ended yet");
    server.rewriting.cancel();
    server.snapshots.cancel();
    const aof = this.#aof;
    if (aof !== undefined) {
      this.#endTurn();
      server.effects.removeSink(this);
      this.#aof = undefined;
      this.#files = undefined;
      if (!(await aof.close())) throw new Error(aof.failure);
    }
    server.keyspace.clear();
    server.libraries.clear();
    const loader = await this.#read((line) => server.logger.log(LOG_NOTICE, line));
    // Also where it could not be loaded the time before.
    if (this.#state === "on") await this.#goOnAfter(loader);
    server.effects.changes = 0;
    server.logger.log(LOG_NOTICE, "Append Only File loaded by DEBUG LOADAOF");
    return loader.files.parts.length > 0;
  }

  #endLoading(): void {
    this.#replay = undefined;
    this.#server.persistence.loading = false;
    this.#server.keyspace.isLoading = false;
  }

  get #location(): AofLocation {
    const { config, logger } = this.#server;
    const path = config.text("aof");
    return {
      fileSystem: this.#fileSystem,
      logger,
      path: path === "" ? undefined : resolve(config.files?.startDirectory ?? ".", path),
      directory: config.text("dir"),
      directoryName: config.text("appenddirname"),
      fileName: config.text("appendfilename"),
    };
  }

  #newLog(): AppendOnlyFile {
    const { config, clock, logger } = this.#server;
    const { AppendOnlyFile } = aofWriting();
    const aof = new AppendOnlyFile({
      fileSystem: this.#fileSystem,
      clock,
      logger,
      policy: config.text("appendfsync") as FsyncPolicy,
      checksums: config.flag("aof-checksums"),
      onDurable: () => this.#acknowledge(),
    });
    this.#configure(aof);
    return aof;
  }

  /** Has a log be written as the configuration says now. */
  #configure(aof: AppendOnlyFile): void {
    const { config } = this.#server;
    aof.policy = config.text("appendfsync") as FsyncPolicy;
    aof.noSyncOnRewrite = config.flag("no-appendfsync-on-rewrite");
    aof.hasTimestamps = config.flag("aof-timestamp-enabled");
  }

  // What a rewrite asks.

  /** Throws where the log must not be rewritten. */
  checkRewritable(): void {
    if (this.#lost !== "" || this.#aof?.isShared) throw new Error(this.failure);
  }

  /** The path of a log that is one plain file; undefined where it is a directory. */
  get plainPath(): string | undefined {
    return this.#location.path;
  }

  /** Where the effects from now on will stand in that file; see `AppendOnlyFile.markTail`. */
  markTail(): number {
    return this.#aof!.markTail();
  }

  /** Has that file begin with a base of so many bytes, and go on with what came behind it. */
  async replacePlain(base: string, tailStart: number, baseBytes: number): Promise<void> {
    const path = this.plainPath!;
    const aof = this.#successor ?? this.#aof;
    const fileSystem = this.#fileSystem;
    if (aof === undefined) {
      fileSystem.rename(base, path);
      fileSystem.syncDirectory(directoryOf(path));
      return;
    }
    const source = this.#temporaryPath || path;
    const places = { fileSystem, source, base, path };
    await tailCopy().moveBehindBase(aof, places, tailStart, () => this.scheduleTurn());
    aof.rebase(baseBytes, 0);
    if (this.#temporaryPath !== "") this.#removeTemporary();
    this.#succeed();
  }

  /** The files of a log that is not on, or not known for certain. Rejects as AofFiles' methods. */
  async findFiles(): Promise<AofFiles> {
    await this.#closing;
    const files = await aofFiles().AofFiles.find(this.#location);
    await files.settle();
    return files;
  }

  /** Has the log pass to an empty file: everything from now on. See `AppendOnlyFile.switchTo`. */
  switchTo(path: string): Promise<boolean> {
    const aof = this.#aof!;
    const outcome = aof.switchTo(path);
    this.scheduleTurn();
    return outcome.then((isDone) => {
      aof.rewriteInProgress = isDone;
      return isDone;
    });
  }

  /** Has effects go to a file of their own, too, until there is a base to go before it. */
  beginSuccessor(folder: string): void {
    const name = `temp-${this.#server.config.text("appendfilename")}.incr`;
    const path = joinPath(folder, name);
    if (this.#fileSystem.exists(path)) this.#fileSystem.remove(path);
    const aof = this.#newLog();
    const nothing = { uncoveredBytes: 0, uncoveredCrc: 0, earlierBytes: 0, baseBytes: 0 };
    aof.open({ path, size: 0, ...nothing });
    this.#temporaryPath = path;
    this.#successor = aof;
    this.#successorOffset = this.#server.effects.offset;
    if (this.#aof === undefined) this.#server.effects.addSink(this);
  }

  /** The successor has its base: it is the log. */
  #succeed(): void {
    const successor = this.#successor;
    if (successor !== undefined) {
      this.#aof?.discard();
      this.#aof = successor;
      this.#startOffset = this.#successorOffset;
      this.#successor = undefined;
      this.#state = "on";
    }
    this.#server.updateRestrictions();
    this.#acknowledge();
  }

  /** Has a log that fails stand still for its successor; false where it works again. */
  async halt(): Promise<boolean> {
    const aof = this.#aof;
    if (aof === undefined) return false;
    aof.isHalted = true;
    await aof.whenIdle();
    if (aof.failure !== "") return true;
    aof.isHalted = false;
    return false;
  }

  /** Which files a restart finds is not certain: a log that fails must not go on with its own. */
  giveUp(reason: string): void {
    this.#aof?.giveUp(reason);
  }

  /** Gives that file its name; it is to be entered in the manifest. Throws the system's error. */
  renameTemporary(files: AofFiles): ManifestEntry {
    const entry = files.nextIncrement();
    this.#fileSystem.rename(this.#temporaryPath, files.pathOf(entry));
    this.#temporaryPath = "";
    this.#fileSystem.syncDirectory(files.folder);
    return entry;
  }

  /** There is a new base of so many bytes. */
  rebased(files: AofFiles, baseBytes: number): void {
    this.#succeed();
    this.#aof?.rebase(baseBytes);
    if (this.isOn) this.#files = files;
  }

  /** A rewrite or save in the background has begun or ended: `no-appendfsync-on-rewrite`. */
  set writesInBackground(isSo: boolean) {
    if (this.#aof !== undefined) this.#aof.rewriteInProgress = isSo;
  }

  /** A rewrite is over, one way or the other. */
  rewriteEnded(): void {
    this.writesInBackground = false;
    if (this.#aof !== undefined) this.#aof.isHalted = false;
    this.#dropSuccessor();
  }

  /** Switches the log on: a first rewrite begins, or will. Throws an InvalidValue. */
  #turnOn(): void {
    const { rewriting, snapshotRunner, persistence: status, logger } = this.#server;
    this.#state = "waiting";
    status.aofEnabled = true;
    if (rewriting.isActive) {
      logger.log(
        LOG_WARNING,
        "AOF was enabled but there is already an AOF rewriting in background. Stopping background" +
          " AOF and starting a rewrite now.",
      );
      rewriting.cancel();
    } else if (snapshotRunner.isActive || this.#server.effects.isOpen) {
      status.aofRewriteScheduled = true;
      logger.log(
        LOG_WARNING,
        "AOF was enabled but there is already another background operation. An AOF background was" +
          " scheduled to start when possible.",
      );
      return;
    }
    if (rewriting.rewrite() === "started") return;
    this.#state = "off";
    status.aofEnabled = false;
    logger.log(
      LOG_WARNING,
      "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check" +
        " the above logs for more info about the error.",
    );
    throw new InvalidValue("Unable to turn on AOF. Check server logs.");
  }

  #turnOff(): void {
    const { rewriting, persistence: status } = this.#server;
    rewriting.cancel();
    status.aofRewriteScheduled = false;
    status.aofEnabled = false;
    this.#state = "off";
    this.#lost = "";
    const aof = this.#aof;
    if (aof !== undefined) {
      // What it holds goes to the disk.
      this.#endTurn();
      this.#server.effects.removeSink(this);
      this.#aof = undefined;
      // A rewrite that was given up may still have dealings with the manifest.
      const closed = Promise.all([aof.close(), rewriting.settled, this.#closing]);
      const files = this.#files;
      this.#files = undefined;
      this.#closing = closed.then(([isDurable]) => (isDurable ? this.#noteEnd(files) : undefined));
    }
    this.#server.updateRestrictions();
    this.#acknowledge();
  }

  /** Goes on without it. */
  #dropSuccessor(): void {
    const successor = this.#successor;
    if (successor === undefined) return;
    this.#endTurn();
    if (this.#aof === undefined) this.#server.effects.removeSink(this);
    this.#successor = undefined;
    this.#closing = Promise.all([this.#closing, successor.close()]);
    if (this.#temporaryPath !== "") this.#removeTemporary();
    this.#acknowledge();
  }

  /** Lets those who wait for the disk know how far things are, in an event of its own. */
  #acknowledge(): void {
    if (this.#server.blocking.awaitsAcknowledgement) {
      setImmediate(() => this.#server.acknowledge());
    }
  }

  #removeTemporary(): void {
    const { logger } = this.#server;
    logger.log(LOG_NOTICE, `Removing the temp incr aof file ${this.#temporaryPath}`);
    try {
      this.#fileSystem.remove(this.#temporaryPath);
    } catch (error) {
      logger.log(LOG_WARNING, `Can't remove it: ${systemErrorText(error)}`);
    }
    this.#temporaryPath = "";
  }

  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    this.#aof?.append(dbIndex, bytes, start, end);
    this.#successor?.append(dbIndex, bytes, start, end);
    this.scheduleTurn();
  }

  /** Has a connection's replies sent once the turn's effects are durable. */
  flushAtEndOfTurn(connection: Connection): void {
    this.#waiting.push(connection);
    this.scheduleTurn();
  }

  /** Periodic work: due syncs, recovery from disk errors, the figures INFO shows. */
  tick(): void {
    this.#aof?.tick();
    this.#successor?.tick();
    this.report();
  }

  /** Brings the figures that INFO shows up to date. */
  report(): void {
    this.#leading?.report(this.#server.persistence);
  }

  /** Makes everything durable and closes the file. */
  async close(): Promise<void> {
    await this.#server.rewriting.close();
    await this.#closing;
    const aof = this.#aof;
    if (aof === undefined) return;
    this.#endTurn();
    this.#server.effects.removeSink(this);
    this.#aof = undefined;
    if (await aof.close()) return this.#noteEnd(this.#files);
    this.#server.logger.log(LOG_WARNING, `Error writing the AOF at exit: ${aof.failure}`);
  }

  /** Notes where a log ends that was closed. */
  async #noteEnd(files: AofFiles | undefined): Promise<void> {
    const { effects, logger } = this.#server;
    try {
      await files?.close(effects.replicationOffset);
    } catch (error) {
      logger.log(LOG_WARNING, `Can't note the end of the AOF: ${systemErrorText(error)}`);
    }
  }

  #beginLoading(): void {
    const server = this.#server;
    server.persistence.loading = true;
    server.persistence.loadingStartMs = server.clock.wallMs();
    server.keyspace.isLoading = true;
    server.updateRestrictions();
  }

  /** Has `#endTurn` called once all that has arrived has been executed. */
  scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(this.#onTurnEnd);
  }

  #endTurnOrGather(): void {
    const waiting = this.#waiting.length;
    if (waiting > 0 && this.#leading?.policy === "always") {
      if (this.#gathering.goesOn(waiting)) return void setImmediate(this.#onTurnEnd);
      this.#gathering.end(waiting);
    }
    this.#endTurn();
  }

  #endTurn(): void {
    if (!this.#isTurnScheduled) return;
    this.#server.tracking.broadcast();
    this.#isTurnScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const { flushSleepUs } = this.#server.debugSettings;
    if (flushSleepUs > 0 && this.#aof?.pendingBytes) this.#server.sleepMs(flushSleepUs / 1000);
    const ofSuccessor = this.#successor?.endOfTurn() ?? true;
    const outcome = this.#aof?.endOfTurn() ?? ofSuccessor;
    if (typeof outcome === "boolean" && this.#releasing === undefined) {
      for (const connection of waiting) releaseNow(connection, outcome);
    } else {
      // What a later turn queues behind these replies waits for that turn's own sync.
      this.#releaseLater(waiting.map(takeTurn), outcome);
    }
    if (this.failure !== "") this.#server.updateRestrictions();
  }

  /** Releases the replies of a turn when its outcome is known and former turns had theirs. */
  #releaseLater(turns: readonly TurnOutput[], outcome: boolean | Promise<boolean>): void {
    const former = this.#releasing;
    const releasing = Promise.all([outcome, former]).then(([isDurable]) => {
      if (this.#releasing === releasing) this.#releasing = undefined;
      releaseTurn(turns, isDurable);
    });
    this.#releasing = releasing;
  }

  #followConfig(): void {
    const config = this.#server.config;
    const follow = (aof: AppendOnlyFile | undefined) => {
      if (aof !== undefined) this.#configure(aof);
    };
    for (const name of ["appendfsync", "no-appendfsync-on-rewrite", "aof-timestamp-enabled"]) {
      config.onChange(name, () => {
        follow(this.#aof);
        follow(this.#successor);
      });
    }
    config.onChange("appendonly", () => {
      const isWanted = config.flag("appendonly");
      if (isWanted === (this.#state !== "off")) return;
      if (isWanted) this.#turnOn();
      else this.#turnOff();
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

/** Sends the replies of a turn that ended some time ago. */
function releaseTurn(turns: readonly TurnOutput[], isDurable: boolean): void {
  for (const { connection, bytes, isWriter } of turns) {
    release(connection, bytes, isDurable || !isWriter);
  }
}

/** Sends the replies of the turn that has just ended. */
function releaseNow(connection: Connection, isDurable: boolean): void {
  const { client } = connection;
  const isWriter = client.wroteInTurn;
  client.wroteInTurn = false;
  release(connection, connection.takeTurnOutput(), isDurable || !isWriter);
}

/**
 * Sends replies that waited. Where the turn's effects are lost, those who caused them are told
 * nothing, which is the truth: their connections end.
 */
function release(connection: Connection, bytes: number, mayLeave: boolean): void {
  if (mayLeave) connection.releaseOutput(bytes);
  else connection.close("now");
}
