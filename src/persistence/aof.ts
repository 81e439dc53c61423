// The append-only file while the server runs: effects go in, whole RESP commands come out on the
// disk, in order, exactly once.
//
//   file     | durable                      | written                      |
//            0                        #syncedSize                     #fileSize
//   buffer                                 kept                         written      length
//
// 1. #fileSize is proven: the file's length after a write that resolved. A write that fails is cut
//    back to it before anything else is written, so the file never holds a hole or a half command
//    followed by more.
// 2. #syncedSize moves only when an fdatasync that began after the bytes were written succeeded. A
//    failed one is never repeated over the same pages (the kernel has marked them clean): the file
//    is cut back to #syncedSize and the kept bytes are written and synced anew.
// 3. With `always`, `endOfTurn` answers true only for effects that are durable.
// 4. Once an effect is lost to the log for good, the log is broken and refuses writes, until a
//    rewrite has put another one in its place. So it is once another process has written to the
//    file, which is then left as it is.
// 5. A rewrite has the log pass to a new file (`switchTo`). Nothing is written there before all of
//    the old one is durable, so the newer file never holds anything that the older one lacks the
//    beginning of; until then the new file's effects wait in the buffer, and replies with them. If
//    the old file fails meanwhile, it simply goes on and the new one stays empty.
//
// At most one write and one sync are under way, the sync possibly behind the write. What runs per
// command is in append-buffer.ts; here it is once per turn.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, LOG_WARNING, type Logger } from "../base/log.ts";
import type { EffectSink } from "../command/effects.ts";
import type { PersistenceStatus } from "../command/persistence-status.ts";
import { AppendBuffer } from "./append-buffer.ts";
import {
  type AppendFile,
  type FileSystem,
  SharedFileError,
  systemErrorText,
} from "./file-system.ts";

/** When the log reaches the disk: CONFIG's `appendfsync`. */
export type FsyncPolicy = "always" | "everysec" | "no";

/** Where an append-only file goes on: what the loader found, or a file just created. */
export interface AppendPosition {
  /** The file to append to; it is created where missing. */
  path: string;
  /** Its length once a torn tail has been cut off. */
  size: number;
  /** Bytes at its end that no checksum line covers yet, and their CRC-32. */
  uncoveredBytes: number;
  uncoveredCrc: number;
  /** Bytes in the files before it: base and older increments. */
  earlierBytes: number;
  /** Bytes of the base file: what the log was rewritten to last. */
  baseBytes: number;
}

/** What a log needs, and how durable it is to be. */
export interface AppendOnlyFileOptions {
  fileSystem: FileSystem;
  clock: Clock;
  logger: Logger;
  policy: FsyncPolicy;
  /** Whether to write checksum lines; on unless told otherwise. */
  checksums?: boolean;
  /** Calls back after so many milliseconds; setTimeout unless tests let time pass themselves. */
  delay?: (ms: number, callback: () => void) => void;
  /** Told whenever more has become durable. */
  onDurable?: () => void;
}

/** `everysec` syncs early once this much is at stake, so that little has to be kept. */
const UNSYNCED_BYTES_EARLY = 4 * 1024 * 1024;
/** More than this is not kept for the case that a sync fails. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

const SYNC_INTERVAL_US = 1_000_000;
/**
 * `everysec` holds writes back while a sync runs, since the kernel may block them behind it; this
 * long at most, for what is held back is lost if the process is killed.
 */
const HOLD_BACK_US = 1_000_000;
/**
 * A blocking sync that took this long makes `always` sync in the thread pool instead, so that the
 * event loop lives on, until one there is quick again. Below, blocking serves more: with 50 clients
 * and syncs of 6 ms 5,600 writes a second against 4,300 (all of them then wait for the same sync,
 * instead of two halves for one another's); with syncs of 0.2 ms it is the same, at less processor
 * time.
 */
const SLOW_SYNC_US = 20_000;
const QUICK_SYNC_US = 10_000;
/**
 * A write that took this long has others go through the thread pool, which does not stop the loop,
 * until one there is quick again.
 */
const SLOW_WRITE_US = 2000;
const QUICK_WRITE_US = 1000;
const RETRY_INTERVAL_US = 500_000;
/** After such a slow sync the next one waits this long for company. */
const GATHER_MS = 1;

/** Replies of one or more turns that wait for the same sync. */
type Batch = PromiseWithResolvers<boolean>;

/** A file that holds all that the log's does, durably, under the log's name. */
export interface Successor {
  readonly file: AppendFile;
  /** Why the name may not survive a power cut. */
  readonly error: unknown;
}

/** The file is to be replaced by another one as soon as nothing is under way. */
interface Exchange {
  /** Throws where there is no successor. */
  readonly act: (size: number) => Successor;
  readonly settle: PromiseWithResolvers<void>;
}

/** The file that the log is passing to. */
interface NextFile {
  readonly file: AppendFile;
  readonly path: string;
  readonly settle: (isDone: boolean) => void;
}

/** The effect sink that writes the append-only file. */
export class AppendOnlyFile implements EffectSink {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #buffer: AppendBuffer;
  readonly #delay: (ms: number, callback: () => void) => void;
  readonly #onDurable: () => void;

  #file: AppendFile | undefined;
  #next: NextFile | undefined;
  #exchange: Exchange | undefined;
  #position: AppendPosition | undefined;
  #fileSize = 0;
  #syncedSize = 0;
  // The same places once more, in bytes of effects, which go on across files: all appended, where
  // the present file ends, all written, and what the running sync covers.
  #appendedEffects = 0;
  #boundaryEffects = 0;
  #writtenEffects = 0;
  #syncTargetEffects = 0;
  /** Bytes of effects, of all appended so far, that are durable. */
  durableEffects = 0;
  /** Not all bytes behind #syncedSize are kept: a sync that fails now cannot be made good. */
  #forgot = false;

  /** A write's outcome is open. */
  #writing = false;
  /** A sync runs in the thread pool; it covers the file up to #syncTarget. */
  #syncing = false;
  #syncTarget = 0;
  #syncStartedUs = 0;
  /** A slow sync has just ended; the next one waits for more company. */
  #gathering = false;
  /** Settles when the newest of them has; never rejects. */
  #activity: Promise<void> = Promise.resolve();
  #heldBack = false;
  #diskIsSlow = false;
  #writesAreSlow = false;
  #delayedSyncs = 0;
  /** Turns that the running sync covers, and those that wait for the next one. */
  #runningBatch: Batch | undefined;
  #nextBatch: Batch | undefined;

  /** Why writing fails at present; empty while it works. */
  #failure = "";
  /** The file must be cut back to what is durable, rewritten and synced before it is trusted. */
  #mustRewrite = false;
  /** The write under way is an attempt to recover. */
  #retrying = false;
  #lastRetryUs = 0;
  #broken = false;
  /** Why bytes that are not kept may be missing from the log's files on the disk, or "". */
  #hole = "";
  /** Another process writes to the file. */
  #isShared = false;
  #isClosing = false;
  /** Something was appended since the turn began. */
  #turnHasEffects = false;
  /** As of the last tick: `#appendedEffects`. */
  #tickedEffects = 0;
  /** The time last written into the log. */
  #stampedSeconds = 0;

  /** CONFIG's `appendfsync`; a change takes effect at the end of the next turn. */
  policy: FsyncPolicy;
  /** CONFIG's `no-appendfsync-on-rewrite`: no sync while `rewriteInProgress`. */
  noSyncOnRewrite = false;
  /** CONFIG's `aof-timestamp-enabled`: a comment whenever the second has changed. */
  hasTimestamps = false;
  /** Set by whoever writes a snapshot or rewrites the log. */
  rewriteInProgress = false;
  /** While it fails: no more attempts to recover, since another log is to take its place. */
  isHalted = false;

  constructor(options: AppendOnlyFileOptions) {
    this.#fileSystem = options.fileSystem;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#buffer = new AppendBuffer(options.checksums ?? true);
    this.#onDurable = options.onDurable ?? (() => {});
    this.#delay = options.delay ?? ((ms, callback) => setTimeout(callback, ms));
    this.policy = options.policy;
  }

  /** Opens the file to append to. Throws the system's error. */
  open(position: AppendPosition): void {
    assert(this.#file === undefined, "an append-only file is opened once");
    const file = this.#fileSystem.openAppend(position.path);
    if (file.size() !== position.size) file.truncate(position.size);
    this.#file = file;
    this.#position = position;
    this.#fileSize = position.size;
    this.#syncedSize = position.size;
    this.#buffer.continueAfter(position.uncoveredBytes, position.uncoveredCrc);
    this.#syncStartedUs = this.#clock.monotonicUs();
  }

  /**
   * Has every effect from now on go to another file, which is empty, once all before are durable in
   * this one; `endOfTurn` must follow. Resolves with false where that failed: then this file goes
   * on. Throws the system's error, or a RangeError, with nothing changed.
   */
  switchTo(path: string): Promise<boolean> {
    assert(this.#file !== undefined && this.#next === undefined, "one file follows another");
    if (this.#failure !== "") return Promise.resolve(false);
    const file = this.#fileSystem.openAppend(path);
    try {
      this.#buffer.split();
      this.#boundaryEffects = this.#appendedEffects;
    } catch (error) {
      file.close();
      throw error;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#next = { file, path, settle: resolve };
    return promise;
  }

  /** The files before the present one have been replaced by a base of so many bytes. */
  rebase(baseBytes: number, earlierBytes = baseBytes): void {
    this.#position = { ...this.#position!, earlierBytes, baseBytes };
    this.#hole = "";
  }

  /** Bytes that are in the file. */
  get size(): number {
    return this.#fileSize;
  }

  /**
   * Where in the file the effects from now on will stand, which can be read without what is before.
   * Throws a RangeError.
   */
  markTail(): number {
    this.#buffer.detach();
    return this.#fileSize + this.#buffer.pendingBytes;
  }

  /**
   * Calls `act` with the size of the file once everything is written and nothing is under way, and
   * goes on with the file that it returns; `endOfTurn` or `tick` must follow. Rejects with what it
   * throws, or where the log fails: then this file goes on.
   */
  exchange(act: (size: number) => Successor): Promise<void> {
    assert(this.#exchange === undefined && this.#next === undefined, "one exchange at a time");
    // Whoever asks may have been under way while appendonly was switched off.
    if (this.#file === undefined || this.#isClosing)
      return Promise.reject(new Error("The AOF is closed"));
    if (this.#failure !== "") return Promise.reject(new Error(this.#failure));
    const settle = Promise.withResolvers<void>();
    this.#exchange = { act, settle };
    return settle.promise;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** False while the log cannot take effects: write commands must then be refused. */
  get writable(): boolean {
    return this.#failure === "";
  }

  /** Why writing fails; empty while it works. */
  get failure(): string {
    return this.#failure;
  }

  /** Whether only another log in its place helps. */
  get needsRewrite(): boolean {
    return (this.#broken || this.#hole !== "") && !this.#isShared;
  }

  /** Whether another process writes to the file, which is why it fails. */
  get isShared(): boolean {
    return this.#isShared;
  }

  /** Bytes appended and not yet in the file. */
  get pendingBytes(): number {
    return this.#buffer.pendingBytes;
  }

  /** Bytes of memory held. */
  get memoryBytes(): number {
    return this.#buffer.capacity;
  }

  /** Fills in what INFO says about the log. */
  report(status: PersistenceStatus): void {
    status.aofEnabled = this.isOpen;
    status.aofLastWriteOk = this.writable;
    status.aofCurrentSize = (this.#position?.earlierBytes ?? 0) + this.#fileSize;
    status.aofBaseSize = this.#position?.baseBytes ?? 0;
    status.aofBufferLength = this.pendingBytes;
    status.aofPendingSyncs = this.#syncing ? 1 : 0;
    status.aofDelayedSyncs = this.#delayedSyncs;
  }

  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    this.#appendedEffects += end - start;
    const isFirst = !this.#turnHasEffects;
    this.#turnHasEffects = true;
    if (this.#broken) return;
    try {
      if (isFirst && this.hasTimestamps) this.#stamp();
      this.#buffer.append(dbIndex, bytes, start, end);
    } catch {
      // Only a RangeError of the allocator comes here; the effect is missing from now on.
      this.#break("Cannot allocate memory");
    }
  }

  /** Only at the start of a turn: a transaction must not be torn apart by it. */
  #stamp(): void {
    const seconds = Math.floor(this.#clock.wallMs() / 1000);
    if (seconds === this.#stampedSeconds) return;
    this.#stampedSeconds = seconds;
    this.#buffer.stamp(seconds);
  }

  /**
   * Ends an event-loop turn. With `always`: true once everything appended is durable, false if that
   * failed and the replies to this turn's writers must not be sent; a turn without effects is true
   * while the log fails, so that reads are served. With other policies always true. It is a promise
   * only where the disk is slow or fails.
   */
  endOfTurn(): boolean | Promise<boolean> {
    const file = this.#file;
    if (file === undefined) return true;
    const hasEffects = this.#turnHasEffects;
    this.#turnHasEffects = false;
    // What follows a hole cannot be loaded, so nothing can be promised for it before a rewrite.
    if (this.#hole !== "" && this.policy !== "no") this.#break(this.#hole);
    if (this.#failure !== "") return this.policy !== "always" || !hasEffects;
    const forReplies = this.policy === "always" && !this.#syncIsOff();
    if (this.#next !== undefined || this.#exchange !== undefined) {
      const outcome = forReplies ? this.#wait() : true;
      this.#continue();
      return outcome;
    }
    if (this.#buffer.pendingBytes === 0 && this.#syncedSize === this.#fileSize) return true;
    if (this.#writing) return forReplies ? this.#wait() : true;
    if (forReplies && (this.#syncing || this.#gathering)) return this.#wait();
    if (this.#syncing && this.policy === "everysec" && this.#holdBack()) return true;
    if (!this.#write(file)) return forReplies ? this.#wait() : true;
    if (forReplies) return this.#syncForReplies(file);
    this.#syncIfDue(file);
    return true;
  }

  /** Joins the replies that wait for the sync after the running one. */
  #wait(): Promise<boolean> {
    this.#nextBatch ??= Promise.withResolvers<boolean>();
    return this.#nextBatch.promise;
  }

  /** Whether a write should wait for the running sync of `everysec`. */
  #holdBack(): boolean {
    if (this.#clock.monotonicUs() - this.#syncStartedUs < HOLD_BACK_US) {
      this.#heldBack = true;
      return true;
    }
    if (this.#heldBack) {
      this.#delayedSyncs++;
      this.#logger.log(
        LOG_NOTICE,
        "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer " +
          "without waiting for fsync to complete, this may slow down Redis.",
      );
    }
    this.#heldBack = false;
    return false;
  }

  #syncIsOff(): boolean {
    return this.noSyncOnRewrite && this.rewriteInProgress;
  }

  /** Writes what is pending. True if it is in the file already, false if that will show. */
  #write(file: AppendFile): boolean {
    const buffer = this.#buffer;
    if (buffer.written === buffer.limit) return true;
    try {
      buffer.cover();
    } catch {
      this.#break("Cannot allocate memory");
      return false;
    }
    const { limit } = buffer;
    const effects = this.#next === undefined ? this.#appendedEffects : this.#boundaryEffects;
    while (buffer.written < limit) {
      buffer.load(buffer.written);
      const rest = limit - buffer.written;
      const length = Math.min(rest, buffer.pieceEnd - buffer.pieceStart);
      const reached = length === rest ? effects : this.#writtenEffects;
      if (!this.#writePiece(file, length, reached)) return false;
    }
    return true;
  }

  /** Writes the beginning of what the buffer has loaded; returns as `#write` does. */
  #writePiece(file: AppendFile, length: number, effects: number): boolean {
    const { piece, pieceStart } = this.#buffer;
    const pieceEnd = pieceStart + length;
    const startedUs = this.#clock.monotonicUs();
    const tookUs = () => this.#clock.monotonicUs() - startedUs;
    const outcome = this.#isDiskBusy()
      ? file.writeInBackground(piece, pieceStart, pieceEnd)
      : file.write(piece, pieceStart, pieceEnd);
    if (outcome === undefined) {
      this.#writesAreSlow = tookUs() >= SLOW_WRITE_US;
      this.#wrote(length, effects);
      return true;
    }
    this.#writing = true;
    this.#activity = outcome.then(
      () => {
        this.#writing = false;
        if (tookUs() < QUICK_WRITE_US) this.#writesAreSlow = false;
        this.#wrote(length, effects);
        this.#continue();
      },
      (error) => {
        this.#writing = false;
        if (error instanceof SharedFileError) this.#isShared = true;
        if (this.#isShared) this.#break(systemErrorText(error));
        else {
          this.#fail(error, "Error writing to the AOF file");
          this.#giveBackRoom(file);
        }
      },
    );
    return false;
  }

  /**
   * Whether a write may have to wait for the disk: that is behind, or a snapshot is on its way
   * there. With `always` the latter alone is no reason to let replies wait for the thread pool.
   */
  #isDiskBusy(): boolean {
    if (this.#writesAreSlow) return true;
    if (this.policy === "always" && !this.#syncIsOff()) return false;
    return this.rewriteInProgress || this.#next !== undefined;
  }

  /** What a failed write has written would take up the room that a rewrite of the log needs. */
  #giveBackRoom(file: AppendFile): void {
    try {
      file.truncate(this.#fileSize);
    } catch {
      // It is tried again, and said, before anything else is written.
    }
  }

  /** So many bytes, which end so many bytes of effects, are in the file. */
  #wrote(length: number, effects: number): void {
    this.#writtenEffects = effects;
    this.#buffer.written += length;
    this.#fileSize += length;
    // `no` promises nothing that the bytes would have to be kept for.
    const unsynced = this.#fileSize - this.#syncedSize;
    if (!this.#mustRewrite && (this.policy === "no" || unsynced > KEPT_BYTES_MAX)) {
      this.#forgot = true;
      this.#buffer.release(this.#buffer.written);
    }
  }

  /** After a write or sync in the background: what waited for it goes on. */
  #continue(): void {
    const file = this.#file;
    if (file === undefined || this.#writing || this.#syncing || this.#gathering) return;
    if (this.#failure !== "") {
      if (this.#retrying && this.#write(file)) this.#rewrote(file);
      return;
    }
    if (!this.#write(file)) return;
    if (this.#next !== undefined) this.#goOnSwitching(file, this.#next);
    else if (this.#exchange !== undefined) this.#exchangeNow(file, this.#exchange);
    else if (this.#nextBatch !== undefined) this.#startSync(file);
    else this.#syncIfDue(file);
  }

  /** All of the old file is written. */
  #goOnSwitching(file: AppendFile, next: NextFile): void {
    if (this.#syncedSize < this.#fileSize) return this.#startSync(file);
    const { earlierBytes, baseBytes } = this.#position!;
    this.#position = {
      path: next.path,
      size: 0,
      uncoveredBytes: 0,
      uncoveredCrc: 0,
      earlierBytes: earlierBytes + this.#fileSize,
      baseBytes,
    };
    this.#file = next.file;
    this.#fileSize = 0;
    this.#syncedSize = 0;
    this.#forgot = false;
    this.#buffer.join();
    this.#next = undefined;
    file.close();
    next.settle(true);
    this.#continue();
  }

  /** All of the old file is written. */
  #exchangeNow(file: AppendFile, { act, settle }: Exchange): void {
    this.#exchange = undefined;
    let successor: Successor;
    try {
      successor = act(this.#fileSize);
    } catch (error) {
      settle.reject(error);
      return this.#continue();
    }
    file.close();
    this.#file = successor.file;
    this.#fileSize = successor.file.size();
    this.#hole = "";
    this.#synced(this.#fileSize, this.#writtenEffects);
    if (successor.error === undefined) this.#answerBatches(true);
    else this.#break(systemErrorText(successor.error));
    settle.resolve();
  }

  /** The old file goes on; the new one stays empty. */
  #abandonSwitch(): void {
    this.#exchange?.settle.reject(new Error(this.#failure));
    this.#exchange = undefined;
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    this.#buffer.join();
    next.file.close();
    next.settle(false);
  }

  /** Group commit: one sync for everything that this turn appended. */
  #syncForReplies(file: AppendFile): boolean | Promise<boolean> {
    if (this.#diskIsSlow) {
      const promise = this.#wait();
      this.#startSync(file);
      return promise;
    }
    const startedUs = this.#clock.monotonicUs();
    try {
      file.syncNow();
    } catch (error) {
      this.#failSync(error);
      return false;
    }
    this.#diskIsSlow = this.#clock.monotonicUs() - startedUs > SLOW_SYNC_US;
    this.#syncStartedUs = startedUs;
    this.#synced(this.#fileSize, this.#writtenEffects);
    return true;
  }

  #syncIfDue(file: AppendFile): void {
    if (this.policy !== "everysec" || this.#syncing || this.#syncIsOff()) return;
    const unsynced = this.#fileSize - this.#syncedSize;
    if (unsynced === 0) return;
    const elapsedUs = this.#clock.monotonicUs() - this.#syncStartedUs;
    if (elapsedUs >= SYNC_INTERVAL_US || unsynced >= UNSYNCED_BYTES_EARLY) this.#startSync(file);
  }

  /** Starts a sync in the thread pool for all of the file and all replies that wait for it. */
  #startSync(file: AppendFile): void {
    this.#syncing = true;
    this.#syncTarget = this.#fileSize;
    this.#syncTargetEffects = this.#writtenEffects;
    this.#syncStartedUs = this.#clock.monotonicUs();
    // Effects of replies that wait may belong to the next file.
    if (this.#next === undefined) {
      this.#runningBatch = this.#nextBatch;
      this.#nextBatch = undefined;
    }
    this.#activity = file.sync().then(
      () => this.#endSync(),
      (error) => {
        this.#syncing = false;
        if (this.policy === "no" && this.#next !== undefined) this.#lose(error);
        else this.#failSync(error);
      },
    );
  }

  #endSync(): void {
    this.#syncing = false;
    this.#heldBack = false;
    const tookUs = this.#clock.monotonicUs() - this.#syncStartedUs;
    if (tookUs < QUICK_SYNC_US) this.#diskIsSlow = false;
    this.#synced(this.#syncTarget, this.#syncTargetEffects);
    const batch = this.#runningBatch;
    this.#runningBatch = undefined;
    batch?.resolve(true);
    if (this.#mustRewrite) this.#recovered();
    else if (batch !== undefined && tookUs >= QUICK_SYNC_US) this.#gather();
    else this.#continue();
  }

  /**
   * Clients whose replies just left come back within moments. A slow disk should serve them
   * together with those who wait already: else two halves would take turns, each waiting for the
   * other.
   */
  #gather(): void {
    this.#gathering = true;
    this.#delay(GATHER_MS, () => {
      this.#gathering = false;
      this.#continue();
    });
  }

  /** The file is durable up to `size`, which are so many bytes of effects. */
  #synced(size: number, effects: number): void {
    this.#syncedSize = size;
    if (effects > this.durableEffects && this.#hole === "") {
      this.durableEffects = effects;
      this.#onDurable();
    }
    const keepFrom = this.#buffer.written - (this.#fileSize - size);
    if (keepFrom < this.#buffer.kept) return;
    this.#forgot = false;
    this.#buffer.release(keepFrom);
  }

  /**
   * The system has dropped what it could not write, and says so once. `no` goes on all the same: it
   * promises nothing, and the next rewrite mends it.
   */
  #lose(error: unknown): void {
    this.#hole = systemErrorText(error);
    this.#logger.log(LOG_WARNING, `Fail to fsync the AOF file: ${this.#hole}`);
    this.#abandonSwitch();
  }

  #failSync(error: unknown): void {
    this.#mustRewrite = true;
    this.#fail(error, "Fail to fsync the AOF file");
    if (this.#forgot) this.#break(this.#failure);
  }

  #fail(error: unknown, what: string): void {
    const reason = systemErrorText(error);
    if (this.#failure !== reason) this.#logger.log(LOG_WARNING, `${what}: ${reason}`);
    this.#failure = reason;
    this.#abandonSwitch();
    this.#retrying = false;
    this.#lastRetryUs = this.#clock.monotonicUs();
    this.#answerBatches(false);
  }

  #answerBatches(isDurable: boolean): void {
    this.#runningBatch?.resolve(isDurable);
    this.#nextBatch?.resolve(isDurable);
    this.#runningBatch = undefined;
    this.#nextBatch = undefined;
  }

  /** The log has missed something, or may not be the one that a restart finds. */
  giveUp(reason: string): void {
    this.#break(reason);
  }

  /** An effect is missing from the log for good: only a restart or a rewrite helps. */
  #break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#failure = reason;
    this.#abandonSwitch();
    this.#answerBatches(false);
    this.#logger.log(LOG_WARNING, `The AOF is incomplete and takes no more writes: ${reason}`);
  }

  /** For the server's cron, ten times a second: due syncs, held back writes, recovery. */
  tick(): void {
    if (this.#tickedEffects === this.#appendedEffects) this.#buffer.rest();
    this.#tickedEffects = this.#appendedEffects;
    const file = this.#file;
    if (file === undefined || this.#broken || this.#writing || this.isHalted) return;
    if (this.#failure !== "") this.#retry(file);
    else if (this.policy !== "always") this.endOfTurn();
  }

  /** Cuts the file back to what is sound and writes the rest again. */
  #retry(file: AppendFile): void {
    const nowUs = this.#clock.monotonicUs();
    if (this.#syncing || nowUs - this.#lastRetryUs < RETRY_INTERVAL_US) return;
    this.#lastRetryUs = nowUs;
    try {
      file.truncate(this.#mustRewrite ? this.#syncedSize : this.#fileSize);
    } catch (error) {
      return this.#fail(error, "Error cutting back the AOF file");
    }
    if (this.#mustRewrite) {
      this.#fileSize = this.#syncedSize;
      this.#buffer.written = this.#buffer.kept;
    }
    this.#retrying = true;
    if (this.#write(file)) this.#rewrote(file);
  }

  #rewrote(file: AppendFile): void {
    this.#retrying = false;
    // A sync failed before, or replies depend on one: the disk must prove itself first.
    if (this.policy === "always") this.#mustRewrite = true;
    if (this.#mustRewrite) this.#startSync(file);
    else this.#recovered();
  }

  #recovered(): void {
    this.#failure = "";
    this.#mustRewrite = false;
    this.#logger.log(LOG_NOTICE, "AOF write error looks solved. The server can write again.");
    this.#continue();
  }

  /** Resolves once no write or sync is under way that may make it work again. */
  async whenIdle(): Promise<void> {
    while (this.#writing || this.#syncing) await this.#activity;
  }

  /** Ends without another word to the disk: another log has taken its place. */
  discard(): void {
    assert(this.#failure !== "" && !this.#writing, "a log that works goes on");
    this.#abandonSwitch();
    this.#file?.close();
    this.#file = undefined;
  }

  /**
   * Writes and syncs everything, then closes. False where something could not be made durable.
   * Nothing may be appended any more.
   */
  async close(): Promise<boolean> {
    const file = this.#file;
    if (file === undefined) return true;
    this.#isClosing = true;
    this.#abandonSwitch();
    await this.whenIdle();
    const buffer = this.#buffer;
    let durable = !this.#broken && this.#hole === "";
    try {
      if (this.#isShared) throw new SharedFileError(this.#failure);
      if (this.#failure !== "") {
        const rewrite = this.#mustRewrite && !this.#forgot;
        file.truncate(rewrite ? this.#syncedSize : this.#fileSize);
        if (rewrite) buffer.written = buffer.kept;
      }
      buffer.cover(1);
      while (buffer.pendingBytes > 0) {
        buffer.load(buffer.written);
        await file.write(buffer.piece, buffer.pieceStart, buffer.pieceEnd);
        buffer.written += buffer.pieceEnd - buffer.pieceStart;
      }
      file.syncNow();
    } catch (error) {
      durable = false;
      this.#logger.log(LOG_WARNING, `Error closing the AOF file: ${systemErrorText(error)}`);
    }
    this.#file = undefined;
    file.close();
    this.#answerBatches(durable);
    return durable;
  }
}
