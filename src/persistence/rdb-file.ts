// The snapshot file: written beside the old one and put in its place once it is on the disk, so
// that a crash leaves either the old or the new one; read in slices while the event loop turns.

import type { Clock } from "../base/clock.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { type AppendFile, type FileSystem, joinPath, type ReadFile } from "./file-system.ts";
import { RdbChecksumError, RdbLoader, type RdbLoadOptions, RdbUnfitError } from "./rdb-load.ts";
import { RdbEndError, RdbError, RdbReader, type RdbSource } from "./rdb-reader.ts";
import { type RdbOptions, RdbSaver } from "./rdb-save.ts";
import { Snapshot } from "./snapshot.ts";

/** Where a snapshot goes. */
export interface RdbPlace {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly name: string;
  /** Of the file that is written before it takes the other's place, in the same directory. */
  readonly temporaryName: string;
}

/** How long loading goes on before it lets the event loop turn. */
const LOAD_SLICE_US = 8_000;
/** What is collected before it is written. */
const WRITE_BYTES = 1 << 18;

/** A snapshot on its way to the disk. */
export class RdbFileWriter {
  readonly #place: RdbPlace;
  readonly #saver: RdbSaver;
  readonly #file: AppendFile;
  readonly snapshot: Snapshot;
  #isOpen = true;

  /** Begins: what is in the keyspace now will be in the file. Throws the system's error. */
  constructor(keyspace: Keyspace, clock: Clock, place: RdbPlace, options: RdbOptions) {
    this.#place = place;
    const path = joinPath(place.directory, place.temporaryName);
    if (place.fileSystem.exists(path)) place.fileSystem.remove(path);
    this.#file = place.fileSystem.openAppend(path);
    this.#saver = new RdbSaver(keyspace, options);
    this.#saver.begin();
    this.snapshot = new Snapshot(keyspace, clock, this.#saver);
  }

  /** Memory taken until the file is complete. */
  get memoryBytes(): number {
    return this.#saver.memoryBytes;
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
    if (hasMore && this.#saver.readyBytes < WRITE_BYTES) return { hasMore, written: undefined };
    const bytes = hasMore ? this.#saver.take() : this.#saver.end();
    return { hasMore, written: this.#file.write(bytes, 0, bytes.length) };
  }

  /** Puts the file in its place once it is on the disk. Rejects with the system's error. */
  async finish(): Promise<void> {
    await this.#file.sync();
    this.#install();
  }

  /** As `finish`, blocking. */
  finishNow(): void {
    this.#file.syncNow();
    this.#install();
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
    fileSystem.syncDirectory(directory);
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
  }
}

/** The bytes of a file, from a position on. */
export class FileSource implements RdbSource {
  readonly #file: ReadFile;
  readonly #size: number;
  #position: number;

  constructor(file: ReadFile, position = 0) {
    this.#file = file;
    this.#size = file.size();
    this.#position = position;
  }

  get size(): number {
    return this.#size;
  }

  get remaining(): number {
    return this.#size - this.#position;
  }

  read(target: Uint8Array, offset: number, length: number): number {
    const count = this.#file.read(target, offset, length, this.#position);
    this.#position += count;
    return count;
  }
}

/** What a load has done. */
export interface RdbLoaded {
  readonly keysLoaded: number;
  readonly keysExpired: number;
  readonly keysEmpty: number;
  /** The offset behind the end of the RDB. */
  readonly end: number;
}

/**
 * Reads an RDB at the beginning of an open file. `onProgress` is called between slices with the
 * offset reached; the event loop turns meanwhile unless `isBlocking`. Rejects with an RdbError that
 * names the offset, or with the system's error.
 */
export async function loadRdb(
  file: ReadFile,
  options: RdbLoadOptions,
  onProgress: (bytes: number) => void = () => {},
): Promise<RdbLoaded> {
  const reader = RdbReader.from(new FileSource(file));
  const loader = new RdbLoader(reader, options);
  try {
    while (loader.step(LOAD_SLICE_US)) {
      onProgress(reader.position);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    throw located(error, reader);
  }
  return resultOf(loader, reader);
}

/** As `loadRdb`, in one go. */
export function loadRdbNow(file: ReadFile, options: RdbLoadOptions): RdbLoaded {
  const reader = RdbReader.from(new FileSource(file));
  const loader = new RdbLoader(reader, options);
  try {
    while (loader.step(LOAD_SLICE_US));
  } catch (error) {
    throw located(error, reader);
  }
  return resultOf(loader, reader);
}

function resultOf(loader: RdbLoader, reader: RdbReader): RdbLoaded {
  const { keysLoaded, keysExpired, keysEmpty } = loader;
  return { keysLoaded, keysExpired, keysEmpty, end: reader.position };
}

/** A file was refused. */
export class RdbFileError extends RdbError {
  override name = "RdbFileError";
  /** What the log is to say of it; the last line says that the server ends. */
  readonly lines: readonly string[];

  constructor(lines: readonly string[], message: string) {
    super(message);
    this.lines = lines;
  }
}

const TERMINATING = "Terminating server after rdb file reading failure.";

/** An error of the loader with the place in the file, and with the lines that operators know. */
function located(error: unknown, reader: RdbReader): unknown {
  if (!(error instanceof RdbError)) return error;
  if (error instanceof RdbUnfitError) {
    const last = "Fatal error loading the DB, check server logs. Exiting.";
    return new RdbFileError([error.message, last], error.message);
  }
  const message = `Internal error in RDB reading offset ${reader.position} -> ${error.message}`;
  const lines = [message, TERMINATING];
  if (error instanceof RdbEndError) {
    lines.unshift("Short read or OOM loading DB. Unrecoverable error, aborting now.");
  } else if (error instanceof RdbChecksumError) {
    const { computed, stored } = error;
    const end = "Aborting now.";
    lines.unshift(`Wrong RDB checksum expected: (${computed}) but got (${stored}). ${end}`);
  }
  return new RdbFileError(lines, message);
}
