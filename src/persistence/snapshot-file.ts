// A snapshot's file: written beside the old one and put in its place once it is on the disk, so
// that a crash leaves either the old or the new one.

import type { Clock } from "../base/clock.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { type AppendFile, type FileSystem, joinPath } from "./file-system.ts";
import { Snapshot } from "./snapshot.ts";
import type { SnapshotOutput } from "./snapshot-output.ts";

/** Where a snapshot goes. */
export interface SnapshotPlace {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly name: string;
  /** Of the file that is written before it takes the other's place, in the same directory. */
  readonly temporaryName: string;
}

/** What is collected before it is written. */
const WRITE_BYTES = 1 << 18;

/** A snapshot on its way to the disk. */
export class SnapshotFileWriter {
  readonly #place: SnapshotPlace;
  readonly #output: SnapshotOutput;
  readonly #file: AppendFile;
  readonly snapshot: Snapshot;
  /** Written since the last `sync` began. */
  unsyncedBytes = 0;
  #isOpen = true;

  /** Begins: what is in the keyspace now will be in the file. Throws the system's error. */
  constructor(keyspace: Keyspace, clock: Clock, place: SnapshotPlace, output: SnapshotOutput) {
    this.#place = place;
    const path = joinPath(place.directory, place.temporaryName);
    if (place.fileSystem.exists(path)) place.fileSystem.remove(path);
    this.#file = place.fileSystem.openAppend(path);
    this.#output = output;
    output.begin();
    this.snapshot = new Snapshot(keyspace, clock, output);
  }

  /** Memory taken until the file is complete. */
  get memoryBytes(): number {
    return this.#output.memoryBytes + this.snapshot.copiedBytes;
  }

  /**
   * Goes on for about `budgetUs` microseconds; false once everything has been taken and `finish` or
   * `finishNow` is to be called. The promise, if any, must be awaited before the next call: it
   * rejects with the system's error.
   */
  step(budgetUs: number): {
    readonly hasMore: boolean;
    readonly written: Promise<void> | undefined;
  } {
    const hasMore = this.snapshot.step(budgetUs);
    return { hasMore, written: hasMore ? this.flush() : this.#write(this.#output.end()) };
  }

  /**
   * Writes what has been taken, if it is enough to be worth it; writers of the data set may have
   * had something taken at any time. The promise is as that of `step`.
   */
  flush(): Promise<void> | undefined {
    if (this.#output.readyBytes < WRITE_BYTES) return undefined;
    return this.#write(this.#output.take());
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    this.unsyncedBytes += bytes.length;
    return this.#file.write(bytes, 0, bytes.length);
  }

  /** Has what was written so far put on the disk. Rejects with the system's error. */
  sync(): Promise<void> {
    this.unsyncedBytes = 0;
    return this.#file.sync();
  }

  /**
   * Puts the file in its place once it is on the disk, unless it is given up meanwhile. Rejects
   * with the system's error.
   */
  async finish(): Promise<void> {
    await this.#file.sync();
    // The name of one given up may be another one's by now.
    if (!this.#isOpen) return;
    this.#install();
    await this.#place.fileSystem.syncDirectoryInBackground(this.#place.directory);
  }

  /** As `finish`, blocking. */
  finishNow(): void {
    this.#file.syncNow();
    this.#install();
    this.#place.fileSystem.syncDirectory(this.#place.directory);
  }

  /** Gives up: removes the file. The snapshot's marks are still to be cleared by its `step`. */
  abandon(): void {
    this.snapshot.abort();
    this.#close();
    const path = joinPath(this.#place.directory, this.#place.temporaryName);
    try {
      this.#place.fileSystem.remove(path);
    } catch {
      // It is of no use to anyone; the next snapshot removes it before it begins.
    }
  }

  #install(): void {
    const { fileSystem, directory, name, temporaryName } = this.#place;
    this.#close();
    fileSystem.rename(joinPath(directory, temporaryName), joinPath(directory, name));
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
  }
}
