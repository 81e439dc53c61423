// Snapshots of the server's data set: loading one at start-up, SAVE, BGSAVE, the save points, and
// the one before a shutdown. They are taken by `snapshot-runner.ts`.

import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { REDIS_VERSION } from "../base/version.ts";
import type { BackgroundSaveReply, SnapshotControl } from "../command/snapshot-control.ts";
import {
  type FileSystem,
  joinPath,
  type ReadFile,
  systemErrorText,
} from "../persistence/file-system.ts";
import { LoadError } from "../persistence/load-error.ts";
import { rdbLoading, rdbSaving, snapshotFile } from "../persistence/on-demand.ts";
import type { RdbLoaded } from "../persistence/rdb-file.ts";
import { RDB_VERSION } from "../persistence/rdb-format.ts";
import type { RdbLoadOptions } from "../persistence/rdb-load.ts";
import type { RdbOptions } from "../persistence/rdb-save.ts";
import type { SnapshotPlace } from "../persistence/snapshot-file.ts";
import type { SnapshotOutput } from "../persistence/snapshot-output.ts";
import type { Server } from "./server.ts";
import type { SnapshotTask } from "./snapshot-runner.ts";

/** After a failure the save points wait this long before they try again. */
const RETRY_MS = 5000;

/** Takes and loads the snapshots of one server. */
export class Snapshots implements SnapshotControl {
  readonly #server: Server;
  readonly #fileSystem: FileSystem;
  readonly #task: SnapshotTask = {
    finished: (copiedBytes) => this.#finished(copiedBytes),
    failed: (error) => this.#failed(error),
  };
  /** Loaded tick by tick after the start: together they would hold up the first snapshot. */
  readonly #neededSoon: (() => unknown)[] = [snapshotFile, rdbSaving];
  #isSaving = false;
  #startedMs = 0;
  #lastTryMs = 0;
  /** Changes at the time when the running snapshot began. */
  #changesBefore = 0;
  #isClosing = false;

  constructor(server: Server, fileSystem: FileSystem) {
    this.#server = server;
    this.#fileSystem = fileSystem;
  }

  /** Whether writes are refused because the last snapshot could not be saved. */
  get isRefusing(): boolean {
    const { persistence, config } = this.#server;
    if (persistence.rdbLastSaveOk || !config.flag("stop-writes-on-bgsave-error")) return false;
    return config.savePoints.length > 0;
  }

  /** Whether a background save is under way. */
  get isSaving(): boolean {
    return this.#isSaving;
  }

  /** Loads the snapshot file, if there is one. Throws a LoadError, or the system's error. */
  async load(): Promise<void> {
    const server = this.#server;
    const path = this.#path;
    if (server.config.text("dbfilename") === "") return;
    if (!this.#fileSystem.exists(path)) return;
    const startedUs = server.clock.monotonicUs();
    const file = this.#fileSystem.openRead(path);
    const status = server.persistence;
    try {
      status.loadingTotalBytes = file.size();
      const loaded = await rdbLoading().loadRdb(file, this.#loadOptions(true), (bytes) => {
        status.loadingLoadedBytes = bytes;
        server.events.begin();
      });
      this.#noteLoaded(loaded);
    } catch (error) {
      if (!(error instanceof rdbLoading().RdbFileError)) throw error;
      throw new LoadError(...error.lines);
    } finally {
      file.close();
    }
    const seconds = ((server.clock.monotonicUs() - startedUs) / 1e6).toFixed(3);
    server.logger.log(LOG_NOTICE, `DB loaded from disk: ${seconds} seconds`);
  }

  /**
   * Loads the snapshot that an append-only file begins with. Keys whose time has come are left to
   * the log, which may prolong them or deletes them itself. Rejects as `loadRdb` does.
   */
  async loadBase(file: ReadFile, onProgress: (bytes: number) => void): Promise<RdbLoaded> {
    const loaded = await rdbLoading().loadRdb(file, this.#loadOptions(false), (bytes) => {
      onProgress(bytes);
      this.#server.events.begin();
    });
    this.#noteLoaded(loaded);
    return loaded;
  }

  reload(merges: boolean): boolean {
    try {
      const file = this.#fileSystem.openRead(this.#path);
      try {
        this.#noteLoaded(rdbLoading().loadRdbNow(file, this.#loadOptions(true, merges)));
      } finally {
        file.close();
      }
      this.#server.logger.log(LOG_NOTICE, "DB reloaded by DEBUG RELOAD");
      return true;
    } catch (error) {
      this.#server.logger.log(LOG_WARNING, `Error loading the DB: ${systemErrorText(error)}`);
      return false;
    }
  }

  save(): boolean {
    const server = this.#server;
    try {
      server.snapshotRunner.takeNow(this.#place, this.#newSaver());
    } catch (error) {
      server.logger.log(LOG_WARNING, `Error saving DB on disk: ${systemErrorText(error)}`);
      return false;
    }
    server.logger.log(LOG_NOTICE, "DB saved on disk");
    server.effects.changes = 0;
    this.#noteSaved();
    return true;
  }

  saveWhole(): void {
    this.#server.effects.whenWhole(() => this.save());
  }

  saveInBackground(isPatient = false): BackgroundSaveReply {
    const server = this.#server;
    const status = server.persistence;
    if (this.#isSaving) return "saving";
    const isAmid = server.effects.isOpen;
    if (server.rewriting.isActive || isAmid) {
      if (!isPatient && !isAmid) return "rewriting";
      status.rdbSaveScheduled = true;
      return "scheduled";
    }
    status.rdbSaveScheduled = false;
    this.#lastTryMs = server.clock.wallMs();
    status.rdbSaves++;
    try {
      server.snapshotRunner.start(this.#place, this.#newSaver(), this.#task);
    } catch (error) {
      // As in Redis, where the child process finds out, the command itself has succeeded.
      status.rdbLastSaveOk = false;
      const reason = systemErrorText(error);
      server.logger.log(LOG_WARNING, `Failed opening the temp RDB file for saving: ${reason}`);
      server.logger.log(LOG_WARNING, "Background saving error");
      server.updateRestrictions();
      return "started";
    }
    server.logger.log(LOG_NOTICE, `Background saving started by pid ${server.pid}`);
    this.#isSaving = true;
    server.durability.writesInBackground = true;
    this.#changesBefore = server.effects.changes;
    this.#startedMs = this.#lastTryMs;
    status.rdbSaveInProgress = true;
    status.rdbSaveStartMs = this.#startedMs;
    return "started";
  }

  /** Ends the background save, if one is under way, without a result. */
  cancel(): void {
    if (!this.#isSaving) return;
    this.#server.snapshotRunner.cancel();
    this.#ended();
  }

  /** Periodic work: the save points. */
  tick(): void {
    const server = this.#server;
    const { persistence } = server;
    this.#neededSoon.pop()?.();
    if (this.#isSaving || server.rewriting.isActive) return;
    if (persistence.loading || this.#isClosing) return;
    const nowMs = server.clock.wallMs();
    if (!persistence.rdbLastSaveOk && nowMs < this.#lastTryMs + RETRY_MS) return;
    if (persistence.rdbSaveScheduled) {
      this.saveInBackground();
      return;
    }
    const { changes } = server.effects;
    if (changes === 0) return;
    const sinceMs = nowMs - (persistence.rdbLastSaveMs || server.startedAtMs);
    for (const { seconds, changes: needed } of server.config.savePoints) {
      if (changes < needed || sinceMs <= seconds * 1000) continue;
      server.logger.log(LOG_NOTICE, `${needed} changes in ${seconds} seconds. Saving...`);
      this.saveInBackground();
      return;
    }
  }

  /** Ends what is under way before the server does. */
  close(): void {
    this.#isClosing = true;
    this.cancel();
  }

  get #path(): string {
    const { config } = this.#server;
    return joinPath(config.text("dir"), config.text("dbfilename"));
  }

  #newSaver(): SnapshotOutput {
    const { RdbSaver } = rdbSaving();
    return new RdbSaver(this.#server.keyspace, this.options());
  }

  get #place(): SnapshotPlace {
    const { config, pid, runId } = this.#server;
    return {
      fileSystem: this.#fileSystem,
      directory: config.text("dir"),
      name: config.text("dbfilename"),
      // Several servers of one process may share a directory.
      temporaryName: `temp-${pid}-${runId.slice(0, 8)}.rdb`,
    };
  }

  /** How an RDB is to be written; whether it is the base of a log. */
  options(isBase = false): RdbOptions {
    const server = this.#server;
    const { config } = server;
    const policy = config.text("maxmemory-policy");
    return {
      version: RDB_VERSION,
      compresses: config.flag("rdbcompression"),
      hasChecksum: config.flag("rdbchecksum"),
      access: policy.endsWith("-lfu") ? "frequency" : policy.endsWith("-lru") ? "idle" : "none",
      fields: [
        ["redis-ver", REDIS_VERSION],
        ["redis-bits", "64"],
        ["ctime", String(Math.floor(server.clock.wallMs() / 1000))],
        ["used-mem", String(server.memory.usedBytes)],
        ["aof-base", isBase ? "1" : "0"],
      ],
      libraries: server.libraries.sources,
    };
  }

  #loadOptions(dropsExpired: boolean, merges = false): RdbLoadOptions {
    const { keyspace, clock, config, debugSettings, logger, persistence } = this.#server;
    persistence.loadingSnapshotUsedBytes = 0;
    return {
      keyspace,
      clock,
      dropsExpired,
      merges,
      verifiesChecksum: config.flag("rdbchecksum") && !debugSettings.skipsChecksums,
      keyDelayUs: () => config.integer("key-load-delay"),
      onField: (name, value) => {
        if (name === "redis-ver" || name === "valkey-ver") {
          logger.log(LOG_NOTICE, `Loading RDB produced by version ${value}`);
        } else if (name === "ctime") {
          const age = Math.max(0, Math.floor(clock.wallMs() / 1000) - Number(value));
          logger.log(LOG_NOTICE, `RDB age ${age} seconds`);
        } else if (name === "used-mem") {
          persistence.loadingSnapshotUsedBytes = Number(value) || 0;
          const megabytes = (Number(value) / 2 ** 20).toFixed(2);
          logger.log(LOG_NOTICE, `RDB memory usage when created ${megabytes} Mb`);
        } else if (name === "aof-base" && value === "1") {
          logger.log(LOG_NOTICE, "RDB is base AOF");
        }
      },
      onLibrary: (code) => this.#loadLibrary(code, merges),
      onNoChecksum: () => {
        const said = "RDB file was saved with checksum disabled: no check performed.";
        logger.log(LOG_NOTICE, said);
      },
      onEmptyKey: (name) => logger.log(LOG_NOTICE, `rdbLoadObject skipping empty key: ${name}`),
    };
  }

  #noteLoaded(loaded: RdbLoaded): void {
    const { persistence, logger, config, statistics } = this.#server;
    if (config.text("sanitize-dump-payload") === "yes") {
      statistics.dumpPayloadSanitizations += loaded.checkedEncodings;
    }
    persistence.rdbLastLoadKeysLoaded = loaded.keysLoaded;
    persistence.rdbLastLoadKeysExpired = loaded.keysExpired;
    const empty = loaded.keysEmpty > 0 ? `, empty keys skipped: ${loaded.keysEmpty}` : "";
    logger.log(
      LOG_NOTICE,
      `Done loading RDB, keys loaded: ${loaded.keysLoaded}, ` +
        `keys expired: ${loaded.keysExpired}${empty}.`,
    );
  }

  /** Makes a library of its source, where that could be read; false where that cannot be. */
  #loadLibrary(code: Uint8Array | undefined, replaces: boolean): boolean {
    const error =
      code === undefined
        ? "Failed loading library payload"
        : this.#server.libraries.loadFromFile(code, replaces);
    if (error !== "") this.#server.logger.log(LOG_WARNING, `Failed loading library, ${error}`);
    return error === "";
  }

  #finished(copiedBytes: number): void {
    const server = this.#server;
    this.#ended();
    server.persistence.rdbLastCopiedBytes = copiedBytes;
    server.effects.changes -= this.#changesBefore;
    server.logger.log(LOG_NOTICE, "DB saved on disk");
    server.logger.log(LOG_NOTICE, "Background saving terminated with success");
    this.#noteSaved();
  }

  #failed(error: unknown): void {
    const server = this.#server;
    this.#ended();
    server.persistence.rdbLastSaveOk = false;
    const reason = systemErrorText(error);
    server.logger.log(LOG_WARNING, `Write error saving DB on disk: ${reason}`);
    server.logger.log(LOG_WARNING, "Background saving error");
    server.updateRestrictions();
  }

  #ended(): void {
    const status = this.#server.persistence;
    this.#isSaving = false;
    this.#server.durability.writesInBackground = false;
    status.rdbSaveInProgress = false;
    status.rdbLastSaveSeconds = Math.round((this.#server.clock.wallMs() - this.#startedMs) / 1000);
  }

  #noteSaved(): void {
    const server = this.#server;
    const status = server.persistence;
    status.rdbLastSaveOk = true;
    status.rdbLastSaveMs = server.clock.wallMs();
    server.updateRestrictions();
  }
}
