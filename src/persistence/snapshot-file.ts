// A snapshot's file: written beside the old one and put in its place once it is on the disk, so
// that a crash leaves either the old or the new one.

import type { Clock } from "../base/clock.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { FileQueue } from "./file-queue.ts";
import { type FileSystem, joinPath, type NewFile } from "./file-system.ts";
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
/** Time between two looks at how much that is: large values fill a buffer quickly. */
const PART_US = 200;
/** With more than this on its way to the disk nothing but what changes is taken. */
const BEHIND_BYTES = 1 << 20;

/** A snapshot on its way to the disk. */
export class SnapshotFileWriter {
  readonly #place: SnapshotPlace;
  readonly #output: SnapshotOutput;
  readonly #file: NewFile;
  readonly #queue: FileQueue;
  readonly #clock: Clock;
  readonly snapshot: Snapshot;
  #isOpen = true;

  /** Begins: what is in the keyspace now will be in the file. Throws the system's error. */
  constructor(keyspace: Keyspace, clock: Clock, place: SnapshotPlace, output: SnapshotOutput) {
    this.#place = place;
    const path = joinPath(place.directory, place.temporaryName);
    if (place.fileSystem.exists(path)) place.fileSystem.remove(path);
    this.#file = place.fileSystem.create(path);
    this.#queue = new FileQueue(this.#file, (bytes) => output.takeBack(bytes));
    this.#clock = clock;
    this.#output = output;
    output.begin();
    this.snapshot = new Snapshot(keyspace, clock, output);
  }

  /** Memory taken until the file is complete. */
  get memoryBytes(): number {
    const { waitingBytes } = this.#queue;
    return this.#output.memoryBytes + waitingBytes + this.snapshot.copiedBytes;
  }

  /**
   * Goes on for about `budgetUs` microseconds, or not at all while the disk is behind; false once
   * everything has been taken and `finish` is to be called. Throws the system's error.
   */
  step(budgetUs: number): boolean {
    const { failure, waitingBytes } = this.#queue;
    if (failure !== undefined) throw failure;
    const deadline = this.#clock.monotonicUs() + budgetUs;
    let hasMore = true;
    // Writers of the data set may have had something taken at any time.
    if (waitingBytes > BEHIND_BYTES) this.#push();
    else {
      do {
        hasMore = this.snapshot.step(Math.min(budgetUs, PART_US));
        if (hasMore) this.#push();
      } while (hasMore && this.#clock.monotonicUs() < deadline);
    }
    if (!hasMore) this.#queue.push(this.#output.end());
    return hasMore;
  }

  /** Hands over what has been written, if it is enough to be worth it. */
  #push(): void {
    if (this.#output.readyBytes >= WRITE_BYTES) this.#queue.push(this.#output.take());
  }

  /** Takes all that is left at once, and blocks until it is in the file. Throws as `step` does. */
  takeAllNow(): void {
    while (this.snapshot.step(PART_US)) {
      if (this.#output.readyBytes >= WRITE_BYTES) this.#queue.pushNow(this.#output.take());
    }
    this.#queue.pushNow(this.#output.end());
  }

  /**
   * Puts the file in its place once it is on the disk, unless it is given up meanwhile. Rejects
   * with the system's error.
   */
  async finish(): Promise<void> {
    await this.#queue.finish();
    // The name of one given up may be another one's by now.
    if (!this.#isOpen) return;
    this.#install();
    await this.#place.fileSystem.syncDirectoryInBackground(this.#place.directory);
  }

  /** As `finish`, blocking, after `takeAllNow` alone. */
  finishNow(): void {
    this.#queue.finishNow();
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
