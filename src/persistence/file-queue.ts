// Pieces of a new file on their way to the disk, in the order in which they come. They are written
// in the thread pool, one at a time, so whoever hands them over never waits for the disk.
//
//   file   | on the disk | in the file | being written | waiting           |
//          0                                           ^ in memory         #length
//
// After so many bytes the file is synced, that there is never so much to be put on the disk at once
// that others who wait for it, such as the log, wait for that. What comes meanwhile waits, unless
// it becomes too much to be kept: for then writing goes on beside the sync.

import { assert } from "../base/assert.ts";
import type { NewFile } from "./file-system.ts";

const SYNC_BYTES = 16 << 20;
/** Writing goes on beside a sync where more than this waits. */
const BESIDE_SYNC_BYTES = 2 << 20;

interface Piece {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** Writes one file. */
export class FileQueue {
  readonly #file: NewFile;
  /** Told of pieces that are written and needed no more. */
  readonly #onWritten: (bytes: Uint8Array) => void;
  /** Not written yet; the one being written is not among them. */
  #waiting: Piece[] = [];
  /** Of everything handed over. */
  #length = 0;
  #unsyncedBytes = 0;
  #isWriting = false;
  #isSyncing = false;
  #idle: PromiseWithResolvers<void> | undefined;
  /** Bytes handed over and not written yet. */
  waitingBytes = 0;
  /** Why the file will not be complete. */
  failure: unknown;

  constructor(file: NewFile, onWritten: (bytes: Uint8Array) => void) {
    this.#file = file;
    this.#onWritten = onWritten;
  }

  /** Hands over the next piece, which stays as it is until it is given back. */
  push(bytes: Uint8Array): void {
    this.#add(bytes);
    this.#goOn();
  }

  /**
   * As `push`, blocking until this piece and those before it are in the file; but for the one that
   * is being written, which still is. Throws the system's error.
   */
  pushNow(bytes: Uint8Array): void {
    this.#add(bytes);
    if (this.failure !== undefined) throw this.failure;
    const pieces = this.#waiting;
    this.#waiting = [];
    for (const { bytes, position } of pieces) {
      this.#file.writeNow(bytes, 0, bytes.length, position);
      this.#wrote(bytes);
    }
  }

  #add(bytes: Uint8Array): void {
    this.#waiting.push({ bytes, position: this.#length });
    this.#length += bytes.length;
    this.waitingBytes += bytes.length;
  }

  #goOn(): void {
    if (this.failure !== undefined) return this.#settle();
    if (!this.#isSyncing && this.#unsyncedBytes >= SYNC_BYTES) this.#sync();
    const isHeldUp = this.#isSyncing && this.waitingBytes < BESIDE_SYNC_BYTES;
    if (this.#isWriting || isHeldUp) return;
    const piece = this.#waiting.shift();
    if (piece !== undefined) this.#write(piece);
    else this.#settle();
  }

  #write({ bytes, position }: Piece): void {
    this.#isWriting = true;
    this.#file.write(bytes, 0, bytes.length, position).then(
      () => {
        this.#isWriting = false;
        this.#wrote(bytes);
        this.#goOn();
      },
      (error) => {
        this.#isWriting = false;
        this.#fail(error);
      },
    );
  }

  #wrote(bytes: Uint8Array): void {
    this.waitingBytes -= bytes.length;
    this.#unsyncedBytes += bytes.length;
    this.#onWritten(bytes);
  }

  #sync(): void {
    this.#isSyncing = true;
    this.#unsyncedBytes = 0;
    this.#file.sync().then(
      () => {
        this.#isSyncing = false;
        this.#goOn();
      },
      (error) => {
        this.#isSyncing = false;
        this.#fail(error);
      },
    );
  }

  #fail(error: unknown): void {
    this.failure ??= error;
    this.#settle();
  }

  /** Lets whoever waits for it know that nothing is under way. */
  #settle(): void {
    if (this.#isWriting || this.#isSyncing) return;
    if (this.failure === undefined) this.#idle?.resolve();
    else this.#idle?.reject(this.failure);
    this.#idle = undefined;
  }

  /**
   * Resolves once everything handed over is on the disk. Rejects with the system's error. Nothing
   * may be handed over any more.
   */
  async finish(): Promise<void> {
    this.#idle = Promise.withResolvers();
    const { promise } = this.#idle;
    this.#goOn();
    await promise;
    await this.#file.sync();
    this.#proveLength();
  }

  /** As `finish`, blocking, where everything was handed over by `pushNow`. */
  finishNow(): void {
    assert(this.waitingBytes === 0 && !this.#isSyncing, "whoever blocks waits for nobody");
    this.#file.syncNow();
    this.#proveLength();
  }

  #proveLength(): void {
    const size = this.#file.size();
    if (size === this.#length) return;
    throw new Error(`The file has ${size} bytes where ${this.#length} were written`);
  }
}
