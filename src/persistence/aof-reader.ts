// hot path: no allocation per command
//
// Reads the commands of an append-only file in pieces, in place. A file differs from a socket: its
// end is known, so a command that runs past it is torn; comments stand between commands; and
// everything must be exact, since a guess would apply damage as data.
//
//   file     = *(command / comment)
//   command  = "*" count CRLF 1*("$" length CRLF bytes CRLF)
//   comment  = "#" *byte LF             ; "#CRC:<count>:<crc32 in 8 hex digits>" is checked
//
// The buffer holds one piece, or one command where that is larger. A length that points behind the
// end of the file is never allocated for.

import { crc32 } from "node:zlib";
import { ASTERISK, CR, DOLLAR, LF, NUMBER_SIGN } from "../base/ascii.ts";
import type { ReadFile } from "./file-system.ts";

/** Results of `next`. */
export const COMMAND = 1;
/** The file ended where a command would begin. */
export const END = 0;
/** The file ended within a command or comment that began at `commandStart`. */
export const TORN = -1;
/** What stands at `commandStart` is no command; `reason` says why. */
export const DAMAGED = -2;
const NEED_MORE = -3;

const PIECE_BYTES = 256 * 1024;
const COMMENT_BYTES_MAX = 1024;
/** Offsets are int32 and an argument table must be addressable. */
const COMMAND_BYTES_MAX = 0x7fffffff;
const CHECKSUM_PREFIX = "#CRC:";

/** The end of a file that no checksum line covers yet: its length and its CRC-32. */
export interface Uncovered {
  bytes: number;
  crc: number;
}

/** Walks over one file. */
export class AofReader {
  /** Argument `i` of the command just read is `bytes[starts[i], ends[i])`. */
  bytes: Uint8Array;
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  count = 0;
  /** File offset of the command just read, or of what could not be read. */
  commandStart = 0;
  /** What is wrong at `commandStart` after DAMAGED. */
  reason = "";

  readonly #file: ReadFile;
  readonly #size: number;
  readonly #verify: boolean;
  /** File offset of bytes[0]; the buffer is filled up to #limit and read up to #at. */
  #base: number;
  #at = 0;
  #limit = 0;
  /** Length that the command at #at is known to need. */
  #needed = 0;
  /**
   * Where the last checksum line ended, and the CRC of what follows up to buffer offset #hashed.
   */
  #coverStart: number;
  #crc = 0;
  #hashed = 0;

  /** Reads the bytes from `start` up to `size`; checks checksum lines if `verify`. */
  constructor(file: ReadFile, size: number, verify: boolean, start = 0, pieceBytes = PIECE_BYTES) {
    this.#file = file;
    this.#size = size;
    this.#verify = verify;
    this.#base = start;
    this.#coverStart = start;
    this.bytes = new Uint8Array(Math.max(16, Math.min(pieceBytes, size - start)));
  }

  /** File offset behind what was read. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** What no checksum line covers of the file up to an offset not before `commandStart`. */
  uncovered(offset: number): Uncovered {
    this.#hashUpTo(offset - this.#base);
    return { bytes: offset - this.#coverStart, crc: this.#crc >>> 0 };
  }

  /** File offset where the last checksum line ended. */
  get coverStart(): number {
    return this.#coverStart;
  }

  /** Reads the next command: COMMAND, END, TORN or DAMAGED. */
  next(): number {
    for (;;) {
      const status = this.#decode();
      if (status !== NEED_MORE) return status;
      this.commandStart = this.offset;
      const remaining = this.#size - this.offset;
      if (remaining === 0) return END;
      const buffered = this.#limit - this.#at;
      if (this.#needed > remaining || buffered === remaining) return TORN;
      if (this.#needed > COMMAND_BYTES_MAX) return this.#damaged("a command of 2 GiB or more");
      this.#refill(buffered, remaining);
    }
  }

  #refill(buffered: number, remaining: number): void {
    this.#hashUpTo(this.#at);
    let target = this.bytes;
    const wanted = Math.max(this.#needed, buffered === target.length ? buffered * 2 : 0);
    if (wanted > target.length) {
      // alloc: a command larger than the buffer; it is in the file as a whole, or may still be
      target = new Uint8Array(Math.min(wanted, remaining));
      target.set(this.bytes.subarray(this.#at, this.#limit)); // alloc: with it
    } else {
      target.copyWithin(0, this.#at, this.#limit);
    }
    this.bytes = target;
    this.#base += this.#at;
    this.#at = 0;
    this.#hashed = 0;
    this.#limit = buffered;
    const end = Math.min(target.length, remaining);
    while (this.#limit < end) {
      const position = this.#base + this.#limit;
      const count = this.#file.read(target, this.#limit, end - this.#limit, position);
      if (count === 0) throw new Error("The file became shorter while it was read");
      this.#limit += count;
    }
  }

  #hashUpTo(at: number): void {
    if (!this.#verify || at === this.#hashed) return;
    // alloc: one view per piece, transaction or checksum line
    this.#crc = crc32(this.bytes.subarray(this.#hashed, at), this.#crc);
    this.#hashed = at;
  }

  #damaged(reason: string): number {
    this.commandStart = this.offset;
    this.reason = reason;
    return DAMAGED;
  }

  /** Decodes one command at #at, skipping comments before it. */
  #decode(): number {
    const bytes = this.bytes;
    const limit = this.#limit;
    this.#needed = 0;
    while (this.#at < limit && bytes[this.#at] === NUMBER_SIGN) {
      const status = this.#comment();
      if (status !== COMMAND) return status;
    }
    const start = this.#at;
    let at = start;
    if (at >= limit) return NEED_MORE;
    if (bytes[at] !== ASTERISK) return this.#damaged("expected '*'");
    let count = 0;
    let digit = 0;
    for (at++; at < limit; at++) {
      digit = bytes[at] - 48;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
    }
    if (at + 1 >= limit) return at - start > 16 ? this.#damaged("bad argument count") : NEED_MORE;
    if (bytes[at] !== CR || bytes[at + 1] !== LF || count < 1 || count > COMMAND_BYTES_MAX) {
      return this.#damaged("bad argument count");
    }
    at += 2;
    for (let index = 0; index < count; index++) {
      if (at >= limit) return NEED_MORE;
      if (bytes[at] !== DOLLAR) return this.#damaged("expected '$'");
      let length = 0;
      const digits = ++at;
      for (; at < limit; at++) {
        digit = bytes[at] - 48;
        if (digit < 0 || digit > 9) break;
        length = length * 10 + digit;
      }
      if (at - digits > 16) return this.#damaged("bad argument length");
      if (at + 1 >= limit) return NEED_MORE;
      if (bytes[at] !== CR || bytes[at + 1] !== LF || at === digits) {
        return this.#damaged("bad argument length");
      }
      const from = at + 2;
      at = from + length;
      if (at + 2 > limit) {
        this.#needed = at + 2 - start;
        return NEED_MORE;
      }
      if (bytes[at] !== CR || bytes[at + 1] !== LF) {
        return this.#damaged("an argument does not end where its length says");
      }
      if (index === this.starts.length) this.#growTables();
      this.starts[index] = from;
      this.ends[index] = at;
      at += 2;
    }
    this.count = count;
    this.commandStart = this.#base + start;
    this.#at = at;
    return COMMAND;
  }

  #growTables(): void {
    // alloc: once per doubling; at least six bytes arrived for every argument
    const starts = new Int32Array(this.starts.length * 2);
    const ends = new Int32Array(this.starts.length * 2);
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }

  /** Skips the comment at #at and checks it if it is a checksum. COMMAND means that it was fine. */
  #comment(): number {
    const start = this.#at;
    const bytes = this.bytes;
    let at = start;
    const stop = Math.min(this.#limit, start + COMMENT_BYTES_MAX);
    while (at < stop && bytes[at] !== LF) at++;
    if (at === stop) {
      return at - start === COMMENT_BYTES_MAX ? this.#damaged("a comment too long") : NEED_MORE;
    }
    const end = at + 1;
    if (this.#verify) {
      const covered = checksumAt(bytes, start, end);
      if (covered !== undefined) {
        this.#hashUpTo(start);
        const count = this.#base + start - this.#coverStart;
        if (covered.count !== count || covered.crc !== this.#crc >>> 0) {
          this.#at = start;
          // alloc: the message that ends the reading
          this.reason = `bytes ${this.#coverStart} to ${this.offset} do not match their checksum`;
          this.commandStart = this.#coverStart;
          return DAMAGED;
        }
        this.#coverStart = this.#base + end;
        this.#crc = 0;
        this.#hashed = end;
      }
    }
    this.#at = end;
    return COMMAND;
  }
}

/**
 * Whether a checksum line that fits the reader's position follows its `commandStart`: then what
 * looks like a torn tail is damage in the middle. (A value may contain such a line, but not with
 * the right distance to the last one.) Cold.
 */
export function isFollowedByChecksum(file: ReadFile, size: number, reader: AofReader): boolean {
  const piece = Buffer.alloc(PIECE_BYTES);
  const lineBytesMax = 64;
  for (let base = reader.commandStart; base < size; base += piece.length - lineBytesMax) {
    const length = file.read(piece, 0, Math.min(piece.length, size - base), base);
    const text = piece.subarray(0, length);
    for (let at = text.indexOf(CHECKSUM_PREFIX); at >= 0; ) {
      const end = text.indexOf(LF, at) + 1;
      const line = end > 0 ? checksumAt(text, at, end) : undefined;
      if (line?.count === base + at - reader.coverStart) return true;
      at = text.indexOf(CHECKSUM_PREFIX, at + 1);
    }
    if (length < piece.length) break;
  }
  return false;
}

/** Reads a checksum line at `bytes[start, end)`, its line end included; undefined if it is none. */
function checksumAt(
  bytes: Uint8Array,
  start: number,
  end: number,
): { count: number; crc: number } | undefined {
  for (let k = 0; k < CHECKSUM_PREFIX.length; k++) {
    if (start + k >= end || bytes[start + k] !== CHECKSUM_PREFIX.charCodeAt(k)) return undefined;
  }
  let at = start + CHECKSUM_PREFIX.length;
  let count = 0;
  for (; at < end && bytes[at] >= 48 && bytes[at] <= 57; at++) count = count * 10 + bytes[at] - 48;
  // Behind the digits stand a colon, eight hexadecimal digits and CRLF; anything else never
  // matches.
  const malformed = { count: -1, crc: -1 };
  if (end - at !== 11 || bytes[at] !== 58 || bytes[end - 2] !== CR) return malformed;
  let crc = 0;
  for (at++; at < end - 2; at++) {
    const byte = bytes[at];
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
    if (digit < 0) return malformed;
    crc = crc * 16 + digit;
  }
  return { count, crc };
}
