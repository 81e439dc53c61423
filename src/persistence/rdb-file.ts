// Reading an RDB from a file, in slices while the event loop turns, or in one go.

import type { ReadFile } from "./file-system.ts";
import { RdbChecksumError, RdbLoader, type RdbLoadOptions, RdbUnfitError } from "./rdb-load.ts";
import { RdbEndError, RdbError, RdbReader, type RdbSource } from "./rdb-reader.ts";

/** Where loading is made slow: the pause between two looks at whether it may go on. */
const DELAY_MS = 5;
/** How long loading goes on before it lets the event loop turn. */
const LOAD_SLICE_US = 8_000;
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
  readonly checkedEncodings: number;
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
    const delayUs = () => options.keyDelayUs?.() ?? 0;
    const startedUs = options.clock.monotonicUs();
    for (let hasMore = true; hasMore; ) {
      hasMore = loader.step(delayUs() > 0 ? 0 : LOAD_SLICE_US);
      onProgress(reader.position);
      if (hasMore) await new Promise<void>((resolve) => setImmediate(resolve));
      while (options.clock.monotonicUs() - startedUs < loader.keysRead * delayUs()) {
        await new Promise<void>((resolve) => setTimeout(resolve, DELAY_MS));
        onProgress(reader.position);
      }
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
  const { checkedEncodings, position } = reader;
  return { keysLoaded, keysExpired, keysEmpty, checkedEncodings, end: position };
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
