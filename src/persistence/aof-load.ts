// Loading the append-only file at start-up, in two passes: `scan` reads everything without
// executing anything, finds torn tails and damage and counts commands; `apply` then executes them.
// So transactions need no undoing, and the count is known beforehand. A snapshot at the beginning
// is loaded by the first pass, for only that tells where it ends.
//
// A torn tail (an incomplete last command, an unfinished MULTI) of the last file is cut off, or
// refused with `aof-load-truncated no`. Everything else that is not exactly a log is refused,
// naming file and offset. What looks torn but is followed by a checksum line is damage in the
// middle: a flipped length must not silently swallow the rest of the file.

import { equalsToken } from "../base/ascii.ts";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, LOG_WARNING, type Logger } from "../base/log.ts";
import { latin1Text } from "../base/text.ts";
import type { AppendPosition } from "./aof.ts";
import { AofError, AofFiles, type AofLocation, type AofPart, type MakeBase } from "./aof-files.ts";
import { AofReader, COMMAND, DAMAGED, END, isFollowedByChecksum, TORN } from "./aof-reader.ts";
import { type FileSystem, type ReadFile, systemErrorText } from "./file-system.ts";
import { RDB_SIGNATURE_BYTES, rdbSignature } from "./rdb-format.ts";
import { RdbError } from "./rdb-reader.ts";

/**
 * Takes the next command: argument i is `bytes[starts[i], ends[i])`. False: no such command. A
 * promise: it has not ended yet.
 */
export type ExecuteCommand = (
  bytes: Uint8Array,
  starts: Int32Array,
  ends: Int32Array,
  count: number,
) => boolean | Promise<void>;

/** Loads the snapshot at the beginning of a file and returns the offset behind it. */
export type LoadSnapshot = (
  file: ReadFile,
  onProgress: (bytes: number) => void,
) => Promise<{ readonly end: number }>;

/** What is loaded, and how strictly. */
export interface AofLoadOptions extends AofLocation {
  clock: Clock;
  /** Rejects with an RdbError where the snapshot is not what it should be. */
  loadSnapshot: LoadSnapshot;
  /** CONFIG's `aof-load-truncated`. */
  loadTruncated: boolean;
  /** Whether checksum lines are checked. */
  verifyChecksums?: boolean;
}

/** How far `apply` is. */
export interface AofProgress {
  bytes: number;
  totalBytes: number;
  commands: number;
  totalCommands: number;
}

/** How long either pass runs before it lets the event loop turn. */
const SLICE_US = 8_000;
const COMMANDS_PER_CLOCK_READING = 512;
const NO_RESULT = { commands: 0, validEnd: 0, uncoveredBytes: 0, uncoveredCrc: 0 };

/** What the scan found in one file. */
interface PartScan {
  commands: number;
  /** Where the last whole unit ends. */
  validEnd: number;
  uncoveredBytes: number;
  uncoveredCrc: number;
}

function partScan(reader: AofReader, validEnd: number, commands: number): PartScan {
  const { bytes, crc } = reader.uncovered(validEnd);
  return { commands, validEnd, uncoveredBytes: bytes, uncoveredCrc: crc };
}

/** "multi" or "exec" where the command just read is one of them, else "". */
function transactionToken(reader: AofReader): "multi" | "exec" | "" {
  if (reader.count !== 1) return "";
  const { bytes, starts, ends } = reader;
  if (equalsToken(bytes, starts[0], ends[0], "multi")) return "multi";
  return equalsToken(bytes, starts[0], ends[0], "exec") ? "exec" : "";
}

/** Whether a file begins with a snapshot. */
function beginsWithSnapshot(file: ReadFile): boolean {
  const bytes = new Uint8Array(RDB_SIGNATURE_BYTES);
  return rdbSignature(bytes.subarray(0, file.read(bytes, 0, bytes.length, 0))) !== undefined;
}

/** A log found on the disk, to be scanned, applied and then appended to, in this order. */
export class AofLoader {
  readonly files: AofFiles;
  /** Commands in the log, known once `scan` is through. */
  commands = 0;
  bytes = 0;
  /** Bytes of all files as they were found. */
  readonly foundBytes: number;

  readonly #options: AofLoadOptions;
  readonly #fileSystem: FileSystem;
  readonly #logger: Logger;
  #tail: PartScan = NO_RESULT;

  private constructor(options: AofLoadOptions, files: AofFiles) {
    this.#options = options;
    this.#fileSystem = options.fileSystem;
    this.#logger = options.logger;
    this.files = files;
    this.foundBytes = files.parts.reduce((sum, { size }) => sum + size, 0);
  }

  /** Finds the log. Throws an AofError where its manifest or its files are unusable. */
  static async open(options: AofLoadOptions): Promise<AofLoader> {
    return new AofLoader(options, await AofFiles.find(options));
  }

  /**
   * Reads and checks the whole log, loads a snapshot at its beginning and cuts off a torn tail.
   * `onProgress` is told how many bytes of the snapshot are loaded. Throws an AofError where the
   * log must not be loaded.
   */
  async scan(onProgress: (bytes: number) => void = () => {}): Promise<void> {
    const { parts } = this.files;
    const first = parts.at(0);
    if (first !== undefined) {
      await this.#withFile(first, (file) => this.#loadSnapshot(file, first, onProgress));
    }
    for (const part of parts) {
      // What follows may have been prepared and never written to.
      const isLast = parts.slice(parts.indexOf(part) + 1).every(({ size }) => size === 0);
      const result = await this.#withFile(part, (file) => this.#scanPart(file, part, isLast));
      this.commands += result.commands;
      this.bytes += result.validEnd;
      if (result.validEnd < part.size) this.#cutOff(part, result.validEnd);
      this.#tail = result;
    }
  }

  /**
   * Executes every command, MULTI and EXEC left out. `onProgress` is called between slices; the
   * event loop turns meanwhile. Throws an AofError at an unknown command.
   */
  async apply(
    execute: ExecuteCommand,
    onProgress: (progress: AofProgress) => void = () => {},
  ): Promise<void> {
    const progress: AofProgress = {
      bytes: 0,
      totalBytes: this.bytes,
      commands: 0,
      totalCommands: this.commands,
    };
    const startedUs = this.#options.clock.monotonicUs();
    for (const part of this.files.parts) {
      const partStartedUs = this.#options.clock.monotonicUs();
      await this.#withFile(part, (file) =>
        this.#applyPart(file, part, execute, onProgress, progress),
      );
      if (part.kind === "plain" || part.size === 0) continue;
      const kind = part.kind === "base" ? "base" : "incr";
      const seconds = this.#secondsSince(partStartedUs - part.snapshotUs);
      this.#logger.log(LOG_NOTICE, `DB loaded from ${kind} file ${part.name}: ${seconds} seconds`);
    }
    if (this.bytes === 0) return;
    const seconds = this.#secondsSince(startedUs - this.files.parts[0].snapshotUs);
    this.#logger.log(LOG_NOTICE, `DB loaded from append only file: ${seconds} seconds`);
  }

  /**
   * Where `AppendOnlyFile.open` goes on; creates the file where there is none, and in a new log the
   * base that `makeBase` makes.
   */
  async position(makeBase?: MakeBase): Promise<AppendPosition> {
    const fresh = this.files.parts.at(-1);
    const part = await this.files.prepareAppending(makeBase);
    const tail = part === fresh ? this.#tail : NO_RESULT;
    let earlierBytes = 0;
    let baseBytes = 0;
    for (const other of this.files.parts) {
      if (other === part) continue;
      earlierBytes += other.size;
      if (other.kind === "base") baseBytes = other.size;
    }
    return {
      path: part.path,
      size: part.size,
      uncoveredBytes: tail.uncoveredBytes,
      uncoveredCrc: tail.uncoveredCrc,
      earlierBytes,
      baseBytes,
    };
  }

  #secondsSince(startedUs: number): string {
    return ((this.#options.clock.monotonicUs() - startedUs) / 1e6).toFixed(3);
  }

  async #withFile<T>(part: AofPart, use: (file: ReadFile) => Promise<T>): Promise<T> {
    let file: ReadFile | undefined;
    try {
      file = this.#fileSystem.openRead(part.path);
      return await use(file);
    } catch (error) {
      if (error instanceof AofError) throw error;
      const reason = systemErrorText(error);
      throw new AofError(
        `Unrecoverable error reading the append only file ${part.name}: ${reason}`,
      );
    } finally {
      file?.close();
    }
  }

  async #loadSnapshot(
    file: ReadFile,
    part: AofPart,
    onProgress: (bytes: number) => void,
  ): Promise<void> {
    if (!beginsWithSnapshot(file)) return;
    // A file of the old layout, moved in or not, may go on with commands.
    const isPreamble = part.kind === "plain" || part.name === this.#options.fileName;
    this.#logger.log(
      LOG_NOTICE,
      isPreamble
        ? "Reading RDB preamble from AOF file..."
        : "Reading RDB base file on AOF loading...",
    );
    const startedUs = this.#options.clock.monotonicUs();
    try {
      part.snapshotBytes = (await this.#options.loadSnapshot(file, onProgress)).end;
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      const what = isPreamble ? "RDB preamble of the AOF file" : "RDB base file";
      throw new AofError(
        error.message,
        `Error reading the ${what} ${part.name}, AOF loading aborted`,
      );
    }
    part.snapshotUs = this.#options.clock.monotonicUs() - startedUs;
    if (isPreamble) this.#logger.log(LOG_NOTICE, "Reading the remaining AOF tail...");
  }

  async #scanPart(file: ReadFile, part: AofPart, isLast: boolean): Promise<PartScan> {
    const verify = this.#options.verifyChecksums ?? true;
    const reader = new AofReader(file, part.size, verify, part.snapshotBytes);
    let commands = 0;
    /** State before an open MULTI. */
    let before: PartScan | undefined;
    let sliceUs = this.#options.clock.monotonicUs();
    for (;;) {
      const status = reader.next();
      if (status === COMMAND) {
        commands++;
        const multi = transactionToken(reader);
        if (multi === "multi") {
          if (before !== undefined) throw this.#damage(part, reader.commandStart, "nested MULTI");
          before = partScan(reader, reader.commandStart, commands - 1);
        } else if (multi === "exec") {
          if (before === undefined) {
            throw this.#damage(part, reader.commandStart, "EXEC without MULTI");
          }
          before = undefined;
        }
        if (commands % COMMANDS_PER_CLOCK_READING === 0) sliceUs = await this.#breathe(sliceUs);
        continue;
      }
      if (status === DAMAGED) throw this.#damage(part, reader.commandStart, reader.reason);
      if (status === TORN && verify && isFollowedByChecksum(file, part.size, reader)) {
        const reason = "a length points behind the end of the file";
        throw this.#damage(part, reader.commandStart, reason);
      }
      const end = before ?? partScan(reader, reader.offset, commands);
      if (status === END && before === undefined) return end;
      this.#torn(part, end.validEnd, before !== undefined, isLast);
      return end;
    }
  }

  /** A damaged or incomplete file ends the start; the last line is the reason. */
  #damage(part: AofPart, offset: number, reason: string): AofError {
    return new AofError(
      `Bad file format reading the append only file ${part.name} at offset ${offset}: ${reason}.` +
        " Make a backup of the file, then repair it with redis-check-aof --fix",
    );
  }

  #torn(part: AofPart, offset: number, inTransaction: boolean, isLast: boolean): void {
    const lines: string[] = [];
    if (inTransaction) {
      lines.push(`Revert incomplete MULTI/EXEC transaction in AOF file ${part.name}`);
    }
    if (!this.#options.loadTruncated || !isLast) {
      if (!isLast) lines.push("Fatal error: the truncated file is not the last file");
      lines.push(
        `Unexpected end of file reading the append only file ${part.name}, whole up to offset` +
          ` ${offset}. Make a backup of the file, then repair it with redis-check-aof --fix` +
          (isLast ? " or set 'aof-load-truncated' to yes" : ""),
      );
      throw new AofError(...lines);
    }
    lines.push(`!!! Warning: short read while loading the AOF file ${part.name}!!!`);
    lines.push(`!!! Truncating the AOF ${part.name} at offset ${offset} !!!`);
    for (const line of lines) this.#logger.log(LOG_WARNING, line);
  }

  #cutOff(part: AofPart, size: number): void {
    try {
      const file = this.#fileSystem.openAppend(part.path);
      try {
        file.truncate(size);
        file.syncNow();
      } finally {
        file.close();
      }
    } catch (error) {
      throw new AofError(`Error truncating the AOF file ${part.name}: ${systemErrorText(error)}`);
    }
    part.size = size;
    this.#logger.log(
      LOG_WARNING,
      `AOF ${part.name} loaded anyway because aof-load-truncated is enabled`,
    );
  }

  async #applyPart(
    file: ReadFile,
    part: AofPart,
    execute: ExecuteCommand,
    onProgress: (progress: AofProgress) => void,
    progress: AofProgress,
  ): Promise<void> {
    const reader = new AofReader(file, part.size, false, part.snapshotBytes);
    const bytesBefore = progress.bytes;
    let sliceUs = this.#options.clock.monotonicUs();
    for (let status = reader.next(); status !== END; status = reader.next()) {
      if (status !== COMMAND) throw this.#damage(part, reader.commandStart, "the file has changed");
      progress.commands++;
      if (transactionToken(reader) === "") {
        const { bytes, starts, ends, count } = reader;
        const outcome = execute(bytes, starts, ends, count);
        if (typeof outcome !== "boolean") await outcome;
        else if (!outcome) {
          const name = latin1Text(bytes, starts[0], Math.min(ends[0], starts[0] + 128));
          throw new AofError(`Unknown command '${name}' reading the append only file ${part.name}`);
        }
      }
      if (progress.commands % COMMANDS_PER_CLOCK_READING === 0) {
        const before = sliceUs;
        sliceUs = await this.#breathe(sliceUs);
        if (sliceUs === before) continue;
        progress.bytes = bytesBefore + reader.offset;
        onProgress(progress);
      }
    }
    progress.bytes = bytesBefore + part.size;
    onProgress(progress);
  }

  /** Lets the event loop turn if the slice that began at `sliceUs` is used up. */
  async #breathe(sliceUs: number): Promise<number> {
    if (this.#options.clock.monotonicUs() - sliceUs < SLICE_US) return sliceUs;
    await new Promise<void>((resolve) => setImmediate(resolve));
    return this.#options.clock.monotonicUs();
  }
}
