// hot path: no allocation per command
//
// Decoder turns received bytes into a batch of commands: a table of argument ranges over the bytes
// as they lie in the buffer. Nothing is copied and no string is made. A command that has arrived
// in part keeps its progress, so that every byte is looked at once, however it was split.
//
//   arguments  starts[a], ends[a]           ranges of the decoded buffer
//   command c  bases[c], counts[c]          its arguments are entries bases[c] ... + counts[c] - 1
//              from[c], to[c]               the bytes of the whole request; from is INLINE for an
//                                           inline command, whose bytes are no RESP array
//
// Requests are RESP arrays of bulk strings, or inline: a line of words as one types them
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
//
// Invariants: nothing is allocated from a length that was announced but has not arrived, the table
// of a command's arguments included; after an error nothing more is decoded.

import { ASTERISK, CR, DOLLAR, LF, MINUS, parseInt64, parseInteger, ZERO } from "../base/ascii.ts";
import { splitInline, UNBALANCED } from "./inline.ts";

/** Commands per batch: what the prefetch of the caches can use. */
export const BATCH_MAX = 512;

/** In `from`: the request is no RESP array. */
export const INLINE = -1;

/** Longest line: an inline request, or the digits of a length. */
const LINE_BYTES_MAX = 64 * 1024;
const INT32_MAX = 0x7fff_ffff;
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;

/** No line end has arrived. */
const NEED_MORE = -1;
const FAILED = -2;

/** Limits that a connection's decoding obeys. */
export interface DecoderLimits {
  /** proto-max-bulk-len, bytes. */
  bulkBytesMax: number;
  /** The client has not authenticated yet, and must. */
  unauthenticated: boolean;
}

/** Decodes the requests of one connection at a time; see the head of this file. */
export class Decoder {
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  readonly bases = new Int32Array(BATCH_MAX);
  readonly counts = new Int32Array(BATCH_MAX);
  readonly from = new Int32Array(BATCH_MAX);
  readonly to = new Int32Array(BATCH_MAX);
  /** Whole commands in the batch. */
  commandCount = 0;
  /** Bytes of the buffer that belong to whole commands; what follows is undecoded or in part. */
  consumed = 0;
  /** The protocol error that ended decoding, or "". Commands before it are in the batch. */
  error = "";

  /** Where decoding goes on. */
  #position = 0;
  /** Arguments in the table. */
  #argumentCount = 0;
  /** Arguments of the command in progress that have not arrived; 0 between commands. */
  #missing = 0;
  /** Announced length of the bulk string in progress, or -1 while its header is awaited. */
  #bulkLength = -1;
  /** First argument and first byte of the command in progress. */
  #base = 0;
  #start = 0;
  /** End of the line that `#lineEnd` found. */
  #lineNext = 0;

  /** Whether a command has arrived in part. */
  get isPartial(): boolean {
    return this.#missing > 0;
  }

  /** Length of the bulk string that has arrived in part, 0 between bulk strings. */
  get partialBulkLength(): number {
    return Math.max(0, this.#bulkLength);
  }

  /** Forgets everything, for another connection. */
  reset(): void {
    this.commandCount = 0;
    this.consumed = 0;
    this.error = "";
    this.#position = 0;
    this.#argumentCount = 0;
    this.#missing = 0;
    this.#bulkLength = -1;
    this.#base = 0;
    if (this.starts.length > 1 << 16) {
      this.starts = new Int32Array(1024);
      this.ends = new Int32Array(1024);
    }
  }

  /**
   * Drops the batch after it was executed, keeping the command in progress. The caller has moved
   * the bytes from `consumed` on to the front of the buffer that the next call will get.
   */
  rebase(): void {
    const shift = this.consumed;
    const kept = this.#argumentCount - this.#base;
    if (this.#missing > 0 && kept > 0) {
      for (let k = 0; k < kept; k++) {
        this.starts[k] = this.starts[this.#base + k] - shift;
        this.ends[k] = this.ends[this.#base + k] - shift;
      }
    }
    this.#argumentCount = this.#missing > 0 ? kept : 0;
    this.#base = 0;
    this.#start -= shift;
    this.#position -= shift;
    this.consumed = 0;
    this.commandCount = 0;
  }

  /** Drops the batch after it was executed; decoding goes on in the same buffer. */
  nextBatch(): void {
    const kept = this.#argumentCount - this.#base;
    if (this.#missing > 0 && this.#base > 0) {
      this.starts.copyWithin(0, this.#base, this.#argumentCount);
      this.ends.copyWithin(0, this.#base, this.#argumentCount);
    }
    this.#argumentCount = this.#missing > 0 ? kept : 0;
    this.#base = 0;
    this.commandCount = 0;
  }

  /**
   * Decodes what lies before `end`, up to BATCH_MAX whole commands; one at a time while the client
   * is unauthenticated, since the next one may lift that. Call again, after executing them and
   * `nextBatch`, while `consumed` is short of `end` and commands come.
   */
  decode(bytes: Uint8Array, end: number, limits: DecoderLimits): void {
    const most = limits.unauthenticated ? 1 : BATCH_MAX;
    while (this.commandCount < most && this.error === "") {
      if (this.#missing === 0) {
        if (this.#position >= end) return;
        if (!this.#begin(bytes, end, limits)) return;
        if (this.#missing === 0) continue;
      }
      if (!this.#arguments(bytes, end, limits)) return;
      this.#finish(this.#start);
    }
  }

  /** Reads a request's first line. False when it has not arrived, or was wrong. */
  #begin(bytes: Uint8Array, end: number, limits: DecoderLimits): boolean {
    const position = this.#position;
    this.#start = position;
    this.#base = this.#argumentCount;
    if (bytes[position] !== ASTERISK) return this.#inline(bytes, end);
    // The usual case: one digit.
    let count = bytes[position + 1] - ZERO;
    if (position + 3 < end && bytes[position + 2] === CR && count > 0 && count <= 9) {
      this.#missing = count;
      this.#position = position + 4;
      return true;
    }
    count = this.#length(bytes, position + 1, end, "too big mbulk count string");
    if (count === NEED_MORE) return false;
    if (Number.isNaN(count) || count > INT32_MAX) return this.#fail("invalid multibulk length");
    if (limits.unauthenticated && count > UNAUTHENTICATED_ARGUMENTS_MAX) {
      return this.#fail("unauthenticated multibulk length");
    }
    if (this.error !== "") return false;
    this.#position = this.#lineNext;
    this.#missing = Math.max(0, count);
    if (count <= 0) this.consumed = this.#position;
    return true;
  }

  /** Reads the arguments still missing. False when they have not all arrived, or were wrong. */
  #arguments(bytes: Uint8Array, end: number, limits: DecoderLimits): boolean {
    let position = this.#position;
    let missing = this.#missing;
    let argument = this.#argumentCount;
    let starts = this.starts;
    let ends = this.ends;
    let length = this.#bulkLength;
    for (;;) {
      if (length < 0) {
        // The usual case: one or two digits. Reading behind `end` gives undefined, hence NaN.
        const first = bytes[position + 1] - ZERO;
        if (position + 5 < end && bytes[position] === DOLLAR && first >= 0 && first <= 9) {
          const next = bytes[position + 2];
          const second = next - ZERO;
          if (next === CR) {
            length = first;
            position += 4;
          } else if (first > 0 && second >= 0 && second <= 9 && bytes[position + 3] === CR) {
            length = first * 10 + second;
            position += 5;
          }
        }
        if (length < 0) {
          length = this.#bulkHeader(bytes, position, end, limits);
          if (length < 0) break;
          position = this.#lineNext;
        }
      }
      const argumentEnd = position + length;
      if (argumentEnd + 2 > end) break;
      if (argument === starts.length) {
        this.#growTable();
        starts = this.starts;
        ends = this.ends;
      }
      starts[argument] = position;
      ends[argument] = argumentEnd;
      argument++;
      length = -1;
      position = argumentEnd + 2;
      if (--missing === 0) break;
    }
    this.#position = position;
    this.#missing = missing;
    this.#argumentCount = argument;
    this.#bulkLength = length < 0 ? -1 : length;
    return missing === 0;
  }

  /** The length that a `$` line announces; NEED_MORE, or FAILED. */
  #bulkHeader(bytes: Uint8Array, position: number, end: number, limits: DecoderLimits): number {
    if (position >= end) return NEED_MORE;
    const found = this.#lineEnd(bytes, position, end);
    if (found < 0) {
      if (end - position > LINE_BYTES_MAX) this.#fail("too big bulk count string");
      return NEED_MORE;
    }
    if (bytes[position] !== DOLLAR) {
      this.#fail(`expected '$', got '${String.fromCharCode(bytes[position])}'`); // alloc: error
      return FAILED;
    }
    const length = parseInteger(bytes, position + 1, found);
    if (!(length >= 0 && length <= limits.bulkBytesMax)) {
      this.#fail("invalid bulk length");
      return FAILED;
    }
    if (limits.unauthenticated && length > UNAUTHENTICATED_BULK_BYTES_MAX) {
      this.#fail("unauthenticated bulk length");
      return FAILED;
    }
    return length;
  }

  /**
   * The integer up to a line's end; NaN where it is none, NEED_MORE before the line has arrived.
   */
  #length(bytes: Uint8Array, start: number, end: number, tooBig: string): number {
    const found = this.#lineEnd(bytes, start, end);
    if (found < 0) {
      // The line's type byte counts.
      if (end - start >= LINE_BYTES_MAX) this.#fail(tooBig);
      return NEED_MORE;
    }
    const value = parseInteger(bytes, start, found);
    // Negative counts are legal, down to the least int64, and mean an empty request.
    if (value < 0) return 0;
    if (bytes[start] === MINUS && parseInt64(bytes, start, found) !== undefined) return 0;
    return value;
  }

  /** Where a line's CR stands, with #lineNext behind its LF; NEED_MORE before both have arrived. */
  #lineEnd(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end - 1; at++) {
      if (bytes[at] === CR) {
        this.#lineNext = at + 2;
        return at;
      }
    }
    return NEED_MORE;
  }

  /** Reads an inline request. False when its line has not arrived, or was wrong. */
  #inline(bytes: Uint8Array, end: number): boolean {
    const start = this.#position;
    let lineFeed = start;
    while (lineFeed < end && bytes[lineFeed] !== LF) lineFeed++;
    if (lineFeed === end) {
      if (end - start > LINE_BYTES_MAX) this.#fail("too big inline request");
      return false;
    }
    const stop = lineFeed > start && bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    if (lineFeed - start > LINE_BYTES_MAX) return this.#fail("too big inline request");
    // A word takes a byte and a separator at least, which bounds the table by what has arrived.
    const words = ((stop - start + 1) >>> 1) + 1;
    while (this.#argumentCount + words > this.starts.length) this.#growTable();
    const found = splitInline(bytes, start, stop, this.starts, this.ends, this.#argumentCount);
    if (found === UNBALANCED) return this.#fail("unbalanced quotes in request");
    this.#position = lineFeed + 1;
    this.#argumentCount += found;
    if (found > 0) this.#finish(INLINE);
    else this.consumed = this.#position;
    return true;
  }

  #finish(from: number): void {
    const command = this.commandCount++;
    this.bases[command] = this.#base;
    this.counts[command] = this.#argumentCount - this.#base;
    this.from[command] = from;
    this.to[command] = this.#position;
    this.consumed = this.#position;
    this.#base = this.#argumentCount;
  }

  #fail(message: string): false {
    this.error = `Protocol error: ${message}`; // alloc: once per failed connection
    return false;
  }

  #growTable(): void {
    // alloc: doubling, in step with arguments that have arrived
    const starts = new Int32Array(this.starts.length * 2);
    const ends = new Int32Array(this.ends.length * 2);
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }
}
