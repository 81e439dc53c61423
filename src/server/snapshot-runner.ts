// Takes snapshots to files, for whoever wants one: BGSAVE, SAVE, a rewrite of the append-only file.
// In the background that is a matter of short slices between other events (see
// `persistence/snapshot.ts`). At most one is under way.

import { assert } from "../base/assert.ts";
import { snapshotFile } from "../persistence/on-demand.ts";
import type { Snapshot } from "../persistence/snapshot.ts";
import type { SnapshotFileWriter, SnapshotPlace } from "../persistence/snapshot-file.ts";
import type { SnapshotOutput } from "../persistence/snapshot-output.ts";
import type { Server } from "./server.ts";

/** A slice of a snapshot in the background, and the pause after it. */
const SLICE_US = 1000;
const PAUSE_MS = 1;
/**
 * Slices are longer while more than this is held: what writers change ahead of the walk comes
 * faster than it can be written, or waits for the end of a large collection.
 */
const HELD_BYTES_MAX = 8 << 20;
const URGENT_SLICE_US = 4000;

/** Whoever a snapshot in the background is for. */
export interface SnapshotTask {
  /** It is in its place; so many bytes were copied because they changed meanwhile. */
  finished(copiedBytes: number): void;
  /** There is none, for this reason. */
  failed(error: unknown): void;
}

/** The snapshots of one server. */
export class SnapshotRunner {
  readonly #server: Server;
  #writer: SnapshotFileWriter | undefined;
  #task: SnapshotTask | undefined;
  #timer: Timer | undefined;
  #startedMs = 0;
  /** The running one has everything and is only to be put in its place. */
  #isTaken = false;
  /** Given up; its marks are being cleared. No other one may begin before that is done. */
  #abandoned: Snapshot | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Whether a snapshot is being taken in the background. */
  get isActive(): boolean {
    return this.#writer !== undefined;
  }

  /** Memory that the snapshot under way takes. */
  get memoryBytes(): number {
    return this.#writer?.memoryBytes ?? 0;
  }

  #newWriter(place: SnapshotPlace, output: SnapshotOutput): SnapshotFileWriter {
    const { SnapshotFileWriter } = snapshotFile();
    return new SnapshotFileWriter(this.#server.keyspace, this.#server.clock, place, output);
  }

  /** Begins one in the background: of what is there now. Throws the system's error. */
  start(place: SnapshotPlace, output: SnapshotOutput, task: SnapshotTask): void {
    assert(this.#writer === undefined, "one snapshot at a time");
    const server = this.#server;
    this.#clearMarks();
    const beganUs = Math.floor(server.clock.monotonicUs());
    const writer = this.#newWriter(place, output);
    this.#writer = writer;
    this.#task = task;
    this.#isTaken = false;
    this.#startedMs = server.clock.wallMs();
    const status = server.persistence;
    status.currentSaveKeysTotal = writer.snapshot.keyCount;
    status.currentSaveKeysProcessed = 0;
    status.currentCopiedBytes = 0;
    status.snapshotsBegun++;
    status.lastSnapshotBeginUs = Math.floor(server.clock.monotonicUs()) - beganUs;
    this.#sliceAfter(PAUSE_MS);
  }

  /**
   * Takes one at once, serving nobody meanwhile. One that is under way has everything first; it is
   * put in its place later. Throws the system's error.
   */
  takeNow(place: SnapshotPlace, output: SnapshotOutput): void {
    this.#completeRunning();
    this.#clearMarks();
    const writer = this.#newWriter(place, output);
    try {
      writer.takeAllNow();
      writer.finishNow();
    } catch (error) {
      this.#discard(writer);
      throw error;
    }
  }

  /** Ends the one in the background, if there is any, without a word to its task. */
  cancel(): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    clearTimeout(this.#timer);
    this.#ended();
    this.#discard(writer);
  }

  /** Ends what is under way before the server does. */
  close(): void {
    this.cancel();
    this.#clearMarks();
    clearTimeout(this.#timer);
  }

  #completeRunning(): void {
    const writer = this.#writer;
    if (writer === undefined || this.#isTaken) return;
    try {
      writer.takeAllNow();
      this.#isTaken = true;
    } catch (error) {
      clearTimeout(this.#timer);
      this.#fail(writer, error);
    }
  }

  /**
   * A slice by itself in a turn: timers that are due late follow upon each other without a look at
   * the sockets, immediates do not.
   */
  #sliceAfter(ms: number): void {
    const writer = this.#writer;
    this.#timer = setTimeout(() => setImmediate(() => void this.#slice(writer!)), ms);
  }

  async #slice(writer: SnapshotFileWriter): Promise<void> {
    if (this.#writer !== writer) return;
    try {
      if (!this.#isTaken) {
        const delayUs = this.#server.config.integer("rdb-key-save-delay");
        const sliceUs = writer.memoryBytes > HELD_BYTES_MAX ? URGENT_SLICE_US : SLICE_US;
        this.#isTaken = !writer.step(delayUs > 0 ? 0 : sliceUs);
        this.#noteProgress(writer.snapshot);
        if (delayUs > 0) return this.#pace(writer.snapshot.keysTaken * delayUs);
        if (!this.#isTaken) return this.#sliceAfter(PAUSE_MS);
      }
      await writer.finish();
      if (this.#writer !== writer) return;
    } catch (error) {
      if (this.#writer === writer) this.#fail(writer, error);
      return;
    }
    const task = this.#task;
    this.#ended();
    task?.finished(writer.snapshot.copiedTotal);
  }

  #noteProgress(snapshot: Snapshot): void {
    const status = this.#server.persistence;
    status.currentSaveKeysProcessed = snapshot.keysTaken;
    status.currentCopiedBytes = snapshot.copiedTotal;
  }

  #fail(writer: SnapshotFileWriter, error: unknown): void {
    const task = this.#task;
    this.#ended();
    this.#discard(writer);
    task?.failed(error);
  }

  /** Waits until so much time has passed since the beginning: keys are made slow, for tests. */
  #pace(delayUs: number): void {
    const dueMs = this.#startedMs + delayUs / 1000;
    const waitMs = Math.max(PAUSE_MS, dueMs - this.#server.clock.wallMs());
    this.#sliceAfter(waitMs);
  }

  #ended(): void {
    const status = this.#server.persistence;
    this.#writer = undefined;
    this.#task = undefined;
    status.currentSaveKeysProcessed = 0;
    status.currentSaveKeysTotal = 0;
    status.currentCopiedBytes = 0;
  }

  /** Gives up a snapshot; what it has marked is cleared in slices, like those it is taken in. */
  #discard(writer: SnapshotFileWriter): void {
    writer.abandon();
    if (!writer.snapshot.isActive) return;
    this.#abandoned = writer.snapshot;
    this.#clearSome();
  }

  #clearSome(): void {
    const snapshot = this.#abandoned;
    if (snapshot === undefined) return;
    if (!snapshot.step(SLICE_US)) this.#abandoned = undefined;
    else this.#timer = setTimeout(() => setImmediate(() => this.#clearSome()), PAUSE_MS);
  }

  /** Clears what an abandoned snapshot has marked, at once. */
  #clearMarks(): void {
    const snapshot = this.#abandoned;
    this.#abandoned = undefined;
    while (snapshot?.step(Number.POSITIVE_INFINITY));
  }
}
