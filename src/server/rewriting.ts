// BGREWRITEAOF, automatic rewriting, and the rewrite that begins a log when `appendonly` is
// switched on at run time.
//
//   begin      a new increment joins the manifest, still empty
//   instant    a snapshot begins, and the log passes to that increment
//   slices     the snapshot is written beside, as RDB or commands
//   install    it is put in place; the manifest names it with the increment; the rest is history
//
// Until the manifest names the new base the old files are the log, with the increment as their
// continuation: a failure or crash at any point leaves a whole log. Without a log (AOF off) there
// is no increment. When one is being begun, its effects go to a temporary file until there is a
// base. A log that is one plain file has no increments: see `persistence/tail-copy.ts`.
//
// A log that fails, or has missed something, is mended by a rewrite: a new log is begun beside it
// in the same way and takes its place at the end. Until then the old one may recover by itself, and
// then the new one is given up. Once the manifest may name either, only another rewrite helps.

import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import type { RewriteControl, RewriteReply } from "../command/snapshot-control.ts";
import type { AofFiles } from "../persistence/aof-files.ts";
import {
  directoryOf,
  type FileSystem,
  joinPath,
  systemErrorText,
} from "../persistence/file-system.ts";
import type { ManifestEntry } from "../persistence/manifest.ts";
import { aofFiles, commandSaving, rdbSaving } from "../persistence/on-demand.ts";
import type { SnapshotOutput } from "../persistence/snapshot-output.ts";
import type { Server } from "./server.ts";

/** So many failures in a row slow down what is tried without being asked for. */
const FAILURES_MAX = 3;
const MINUTE_MS = 60_000;
const DELAY_MINUTES_MAX = 60;
/** As long as writes are refused. */
const MENDING_DELAY_MINUTES_MAX = 1;

/** One rewrite. */
interface Run {
  readonly startedMs: number;
  /** The log fails: another one is to take its place. */
  readonly mends: boolean;
  files: AofFiles | undefined;
  increment: ManifestEntry | undefined;
  /** `Effects.replicationOffset` at the instant. */
  startOffset: number;
  base: ManifestEntry | undefined;
  /** The base's path, and in a plain file where the effects behind the base begin. */
  basePath: string;
  tailStart: number;
  /** Whether the log has passed to the increment. */
  isSwitched: Promise<boolean>;
}

/** Rewrites the log of one server. */
export class Rewriting implements RewriteControl {
  readonly #server: Server;
  readonly #fileSystem: FileSystem;
  #run: Run | undefined;
  /** The last run's dealings with the disk, which must be over before the next one has any. */
  #settled: Promise<void> = Promise.resolve();
  #isClosing = false;
  #delayMinutes = 0;
  #delayedUntilMs = 0;

  constructor(server: Server, fileSystem: FileSystem) {
    this.#server = server;
    this.#fileSystem = fileSystem;
  }

  get isActive(): boolean {
    return this.#run !== undefined;
  }

  /** Settles once what was given up has no dealings with the disk any more. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  rewrite(): RewriteReply {
    if (this.isActive) return "rewriting";
    const status = this.#server.persistence;
    // Amid a transaction what it has done so far would be in both files.
    if (this.#server.snapshotRunner.isActive || this.#server.effects.isOpen) {
      status.aofRewriteScheduled = true;
      status.aofRewritesConsecutiveFailures = 0;
      return "scheduled";
    }
    return this.#begin() ? "started" : "failed";
  }

  /** Periodic work: rewrites that were put off, and those that the log's growth asks for. */
  tick(): void {
    const server = this.#server;
    const status = server.persistence;
    if (this.isActive || server.snapshotRunner.isActive) return;
    if (status.loading || this.#isClosing) return;
    if (status.aofRewriteScheduled || server.durability.needsRewrite) {
      if (!this.#isLimited()) this.#begin();
      return;
    }
    const percentage = server.config.integer("auto-aof-rewrite-percentage");
    if (percentage === 0 || !server.durability.isOn) return;
    server.durability.report();
    const size = status.aofCurrentSize;
    if (size <= server.config.integer("auto-aof-rewrite-min-size")) return;
    const growth = Math.floor((size * 100) / (status.aofBaseSize || 1)) - 100;
    if (growth < percentage || this.#isLimited()) return;
    server.logger.log(LOG_NOTICE, `Starting automatic rewriting of AOF on ${growth}% growth`);
    this.#begin();
  }

  /** Ends the rewrite, if one is under way, without a result. */
  cancel(): void {
    if (this.#run === undefined) return;
    const { logger, pid, snapshotRunner } = this.#server;
    logger.log(LOG_NOTICE, `Killing running AOF rewrite child: ${pid}`);
    snapshotRunner.cancel();
    this.#ended(this.#run);
  }

  close(): Promise<void> {
    this.#isClosing = true;
    this.cancel();
    return this.#settled;
  }

  /** Whether what nobody asked for must wait, after failures: 1, 2, 4... minutes. */
  #isLimited(): boolean {
    const { persistence, clock, logger } = this.#server;
    if (persistence.aofRewritesConsecutiveFailures < FAILURES_MAX) {
      this.#delayMinutes = 0;
      this.#delayedUntilMs = 0;
      return false;
    }
    const nowMs = clock.wallMs();
    if (this.#delayedUntilMs !== 0) {
      if (nowMs < this.#delayedUntilMs) return true;
      // This one attempt may be made; the next has to wait again.
      this.#delayedUntilMs = 0;
      return false;
    }
    const most = this.#mends ? MENDING_DELAY_MINUTES_MAX : DELAY_MINUTES_MAX;
    this.#delayMinutes = Math.min(most, this.#delayMinutes * 2 || 1);
    this.#delayedUntilMs = nowMs + this.#delayMinutes * MINUTE_MS;
    logger.log(
      LOG_WARNING,
      "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in " +
        `${this.#delayMinutes} minutes`,
    );
    return true;
  }

  /** Whether a rewrite now would be for a log that fails. */
  get #mends(): boolean {
    const { durability } = this.#server;
    return durability.isOn && durability.failure !== "";
  }

  #begin(): boolean {
    const server = this.#server;
    const { durability, persistence: status, logger } = server;
    status.aofRewriteScheduled = false;
    const isPlain = durability.plainPath !== undefined;
    const mends = this.#mends;
    const run: Run = {
      startedMs: server.clock.wallMs(),
      mends,
      files: isPlain || (mends && !durability.files?.isCertain) ? undefined : durability.files,
      increment: undefined,
      startOffset: 0,
      base: undefined,
      basePath: "",
      tailStart: 0,
      isSwitched: Promise.resolve(true),
    };
    try {
      durability.checkRewritable();
      if (durability.isOn && !isPlain && !mends) {
        run.increment = run.files?.createIncrement(
          "on background rewrite",
          server.effects.replicationOffset,
        );
      }
    } catch (error) {
      logger.log(LOG_WARNING, `Can't rewrite the AOF: ${systemErrorText(error)}`);
      status.aofLastRewriteOk = false;
      status.aofRewritesConsecutiveFailures++;
      return false;
    }
    logger.log(LOG_NOTICE, `Background append only file rewriting started by pid ${server.pid}`);
    this.#run = run;
    status.aofRewriteInProgress = true;
    status.aofRewriteStartMs = run.startedMs;
    status.aofRewrites++;
    this.#settled = this.#settled.then(() => this.#attempt(run, () => this.#prepare(run)));
    return true;
  }

  async #attempt(run: Run, act: () => Promise<void>): Promise<void> {
    if (this.#run !== run) return;
    try {
      await act();
    } catch (error) {
      if (this.#run === run) this.#failed(run, error);
    }
  }

  async #prepare(run: Run): Promise<void> {
    const { plainPath } = this.#server.durability;
    if (plainPath !== undefined) return this.#takeWhole(run, directoryOf(plainPath));
    run.files ??= await this.#server.durability.findFiles();
    const { files, increment } = run;
    if (increment !== undefined) await files.addIncrement(increment);
    this.#takeWhole(run, files.folder);
  }

  /** A slow script may have begun meanwhile: half of what it does is nobody's data. */
  #takeWhole(run: Run, folder: string): void {
    const take = async () => this.#take(run, folder);
    this.#server.effects.whenWhole(() => void this.#attempt(run, take));
  }

  /** What turns the data set into a base, and which kind that is. */
  newBase(): { readonly isRdb: boolean; readonly output: SnapshotOutput } {
    const { snapshots, keyspace, config } = this.#server;
    const options = snapshots.options(true);
    if (config.flag("aof-use-rdb-preamble")) {
      return { isRdb: true, output: new (rdbSaving().RdbSaver)(keyspace, options) };
    }
    const { CommandSaver } = commandSaving();
    const hasChecksums = config.flag("aof-checksums");
    return { isRdb: false, output: new CommandSaver(keyspace, hasChecksums, options.libraries) };
  }

  /** The instant: what is there now goes to the base, what changes from now on behind it. */
  #take(run: Run, folder: string): void {
    const { durability, snapshotRunner, pid } = this.#server;
    const { files } = run;
    const { isRdb, output } = this.newBase();
    run.base = files?.nextBase(isRdb);
    const name = run.base?.name ?? `temp-rewritten-${pid}.aof`;
    run.basePath = joinPath(folder, name);
    const place = {
      fileSystem: this.#fileSystem,
      directory: folder,
      name,
      temporaryName: `${aofFiles().REWRITE_PREFIX}bg-${pid}.aof`,
    };
    snapshotRunner.start(place, output, {
      finished: (copiedBytes) => {
        this.#server.persistence.aofLastCopiedBytes = copiedBytes;
        this.#settled = this.#settled.then(() => this.#attempt(run, () => this.#install(run)));
      },
      failed: (error) => {
        const reason = systemErrorText(error);
        this.#server.logger.log(
          LOG_WARNING,
          `Write error writing append only file on disk: ${reason}`,
        );
        this.#failed(run, error);
      },
    });
    run.startOffset = this.#server.effects.replicationOffset;
    try {
      if (run.increment !== undefined) {
        run.isSwitched = durability.switchTo(joinPath(folder, run.increment.name));
      } else if (durability.isWaiting || run.mends) {
        durability.beginSuccessor(folder);
      } else if (durability.isOn) {
        run.tailStart = durability.markTail();
      }
    } catch (error) {
      snapshotRunner.cancel();
      throw error;
    }
  }

  async #install(run: Run): Promise<void> {
    const { durability, logger, config, clock, persistence: status } = this.#server;
    if (!(await run.isSwitched)) throw new Error("The log could not go on in a new file");
    if (run.mends && !(await durability.halt())) return this.#leave(run);
    if (this.#run !== run) return;
    logger.log(LOG_NOTICE, "Background AOF rewrite terminated with success");
    const { files, base } = run;
    const baseBytes = this.#sizeOf(run.basePath);
    if (files === undefined || base === undefined) {
      await durability.replacePlain(run.basePath, run.tailStart, baseBytes);
    } else {
      const what = "Successfully renamed the temporary AOF base file into";
      logger.log(LOG_NOTICE, `${what} ${base.name}`);
      if (durability.isWaiting || run.mends) run.increment = durability.renameTemporary(files);
      await this.#replaceManifest(run, files, base);
      // Given up meanwhile, it is none of the log that may be on its way by now.
      if (this.#run !== run) return;
      durability.rebased(files, baseBytes);
    }
    if (this.#run !== run) return;
    this.#ended(run);
    status.aofLastRewriteOk = true;
    status.aofRewritesConsecutiveFailures = 0;
    status.aofLastRewriteSeconds = Math.round((clock.wallMs() - run.startedMs) / 1000);
    logger.log(LOG_NOTICE, "Background AOF rewrite finished successfully");
    if (config.flag("aof-disable-auto-gc")) return;
    await files?.deleteHistory().catch((error: unknown) => {
      // The next rewrite or start tries again.
      logger.log(LOG_WARNING, `Can't remove history files: ${systemErrorText(error)}`);
    });
  }

  async #replaceManifest(run: Run, files: AofFiles, base: ManifestEntry): Promise<void> {
    try {
      const { increment, startOffset } = run;
      await files.install(base, increment && { ...increment, startOffset });
    } catch (error) {
      if (run.mends && this.#run === run) this.#server.durability.giveUp(systemErrorText(error));
      throw error;
    }
  }

  /** The log has recovered by itself and goes on; it is rewritten as any other. */
  #leave(run: Run): void {
    if (this.#run !== run) return;
    this.#ended(run);
    this.#removeLeftover(run.basePath);
    this.#server.persistence.aofRewriteScheduled = true;
    this.#server.logger.log(LOG_NOTICE, "The AOF works again: it is rewritten in its place");
  }

  #sizeOf(path: string): number {
    const file = this.#fileSystem.openRead(path);
    const size = file.size();
    file.close();
    return size;
  }

  #failed(run: Run, error: unknown): void {
    const { durability, logger, clock, persistence: status } = this.#server;
    this.#ended(run);
    if (run.files === undefined) this.#removeLeftover(run.basePath);
    logger.log(
      LOG_WARNING,
      `Background AOF rewrite terminated with error: ${systemErrorText(error)}`,
    );
    status.aofLastRewriteOk = false;
    status.aofRewritesConsecutiveFailures++;
    status.aofLastRewriteSeconds = Math.round((clock.wallMs() - run.startedMs) / 1000);
    if (durability.isWaiting) status.aofRewriteScheduled = true;
  }

  /** Removes a base that did not come to be the log. */
  #removeLeftover(path: string): void {
    try {
      if (path !== "" && this.#fileSystem.exists(path)) this.#fileSystem.remove(path);
    } catch (error) {
      this.#server.logger.log(LOG_WARNING, `Can't remove ${path}: ${systemErrorText(error)}`);
    }
  }

  #ended(run: Run): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#server.persistence.aofRewriteInProgress = false;
    this.#server.durability.rewriteEnded();
  }
}
