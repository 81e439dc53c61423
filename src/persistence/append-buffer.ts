// hot path: no allocation per command
//
// Effects on their way into the append-only file, kept until the disk has them for certain:
//
//   offsets  | durable, free | written, not yet synced | appended, not yet written |
//                            kept                      written                     length
//
//   memory          [segment ......][segment ......][last segment ..........  room  ]
//
// Offsets count all that was ever appended. The bytes lie in segments, and stay where they are: a
// buffer that grew by being copied stopped the loop for 5 ms at 8 MB and 40 at 64. A command that
// does not fit the last segment begins another one; a giant has one to itself.
//
// SELECT is inserted where the database changes. Every few kilobytes a comment line
// `#CRC:<count>:<crc32>` covers the `count` bytes before it, back to the previous such line. Redis
// and its tools skip comments; our loader finds flipped bytes by it.
//
// While the log passes from one file to the next, `boundary` is where the bytes of the next one
// begin: a SELECT stands there, and checksums are counted from there on.
//
// Invariants: kept <= written <= length; a boundary is in [written, length]; a segment holds whole
// RESP commands only; every byte is hashed before it is written, so it may be released as soon as
// it need not be kept.

import { crc32 } from "node:zlib";
import { COLON, CR, copyBytes, integerLength, LF, writeInteger } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import { ANY_DB } from "../command/effects.ts";

/** The first segment, which is all that quiet servers need, and the others. */
const FIRST_BYTES = 64 * 1024;
const SEGMENT_BYTES = 256 * 1024;
/** As many segments are kept for later until nothing comes any more. */
const SPARES_MAX = 32;
/** A checksum line is written once this much is uncovered. */
const COVERED_BYTES_MIN = 4096;

const SELECT_HEAD = latin1Bytes("*2\r\n$6\r\nSELECT\r\n$");
const CHECKSUM_HEAD = latin1Bytes("#CRC:");
const TIMESTAMP_HEAD = latin1Bytes("#TS:");
const HEX_DIGITS = latin1Bytes("0123456789abcdef");
/** At least what SELECT or a checksum line takes. */
const LINE_BYTES_MAX = 48;

const NO_BOUNDARY = -1;
const NO_BYTES = new Uint8Array(0);

/** A segment that is full. */
interface Segment {
  readonly bytes: Uint8Array;
  /** The offset of its first byte, and the one behind its last. */
  readonly start: number;
  readonly end: number;
}

/** What the log is to take, from a turn's first effect to the sync that makes it durable. */
export class AppendBuffer {
  kept = 0;
  written = 0;
  length = 0;
  boundary = NO_BOUNDARY;

  /** What `load` has found: bytes[pieceStart, pieceEnd). */
  piece: Uint8Array = NO_BYTES;
  pieceStart = 0;
  pieceEnd = 0;

  /** The last segment, and the offset of its first byte. */
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #start = 0;
  /** Those before it that are still kept. */
  readonly #full: Segment[] = [];
  readonly #spares: Uint8Array[] = [];

  /** Database of the newest effect; -1 where the next must be preceded by SELECT. */
  #dbIndex = -1;
  readonly #checksums: boolean;
  /** Offset up to which everything is hashed. */
  #hashed = 0;
  #uncoveredBytes = 0;
  #uncoveredCrc = 0;

  constructor(checksums: boolean) {
    this.#checksums = checksums;
  }

  /** Goes on behind `uncoveredBytes` bytes that no checksum line covers, of this CRC-32. */
  continueAfter(uncoveredBytes: number, uncoveredCrc: number): void {
    this.#uncoveredBytes = uncoveredBytes;
    this.#uncoveredCrc = uncoveredCrc;
    this.#dbIndex = -1;
  }

  /** Bytes not yet written. */
  get pendingBytes(): number {
    return this.length - this.written;
  }

  /** Bytes of memory held. */
  get capacity(): number {
    let bytes = this.#bytes.length + this.#spares.length * SEGMENT_BYTES;
    for (let k = 0; k < this.#full.length; k++) bytes += this.#full[k].bytes.length;
    return bytes;
  }

  /** Finds the bytes from an offset on, as far as they lie together. */
  load(offset: number): void {
    const full = this.#full;
    let k = full.length;
    while (k > 0 && full[k - 1].end > offset) k--;
    const isLast = k === full.length;
    const start = isLast ? this.#start : full[k].start;
    this.piece = isLast ? this.#bytes : full[k].bytes;
    this.pieceStart = offset - start;
    this.pieceEnd = (isLast ? this.length : full[k].end) - start;
  }

  /** Where the bytes end that go to the present file. */
  get limit(): number {
    return this.boundary === NO_BOUNDARY ? this.length : this.boundary;
  }

  /** Has what is appended from now on begin another file. */
  split(): void {
    this.detach();
    this.boundary = this.length;
  }

  /** Has what is appended from now on need nothing before it. */
  detach(): void {
    this.cover(1);
    this.#dbIndex = -1;
  }

  /** The bytes behind the boundary follow those before after all, or those have been released. */
  join(): void {
    this.boundary = NO_BOUNDARY;
  }

  /** Copies whole commands for a database. Throws a RangeError where memory runs out. */
  append(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start + LINE_BYTES_MAX);
    if (dbIndex !== this.#dbIndex && dbIndex !== ANY_DB) this.#select(dbIndex);
    copyBytes(this.#bytes, this.length - this.#start, bytes, start, end);
    this.length += end - start;
  }

  /**
   * Writes a comment with a Unix time in seconds: when what follows was executed. Throws a
   * RangeError where memory runs out.
   */
  stamp(seconds: number): void {
    this.#reserve(LINE_BYTES_MAX);
    let at = this.length - this.#start;
    copyBytes(this.#bytes, at, TIMESTAMP_HEAD, 0, TIMESTAMP_HEAD.length);
    at = writeInteger(this.#bytes, at + TIMESTAMP_HEAD.length, seconds);
    this.#endLine(at);
  }

  #select(dbIndex: number): void {
    let at = this.length - this.#start;
    copyBytes(this.#bytes, at, SELECT_HEAD, 0, SELECT_HEAD.length);
    at = writeInteger(this.#bytes, at + SELECT_HEAD.length, integerLength(dbIndex));
    this.#endLine(at);
    this.#endLine(writeInteger(this.#bytes, this.length - this.#start, dbIndex));
    this.#dbIndex = dbIndex;
  }

  /** Ends a line, and with it what has been appended, at a place in the last segment. */
  #endLine(at: number): void {
    this.#bytes[at] = CR;
    this.#bytes[at + 1] = LF;
    this.length = this.#start + at + 2;
  }

  /** Sees to it that so many bytes can be appended to the last segment. */
  #reserve(count: number): void {
    const used = this.length - this.#start;
    if (used + count <= this.#bytes.length) return;
    // alloc: once per segment
    const next =
      count <= SEGMENT_BYTES
        ? (this.#spares.pop() ?? new Uint8Array(SEGMENT_BYTES))
        : new Uint8Array(count);
    // alloc: with it
    if (used > 0) this.#full.push({ bytes: this.#bytes, start: this.#start, end: this.length });
    else this.#recycle(this.#bytes);
    this.#bytes = next;
    this.#start = this.length;
  }

  /** Lets go of the bytes before `until`, which have been written. */
  release(until: number): void {
    this.kept = until;
    const full = this.#full;
    while (full.length > 0 && full[0].end <= until) this.#recycle(full.shift()!.bytes);
    if (until === this.length) this.#start = until;
  }

  #recycle(bytes: Uint8Array): void {
    const isUsual = bytes.length === SEGMENT_BYTES;
    if (isUsual && this.#spares.length < SPARES_MAX) this.#spares.push(bytes);
  }

  /** Gives back what a burst has left, if nothing is kept: once nothing comes any more. */
  rest(): void {
    if (this.kept < this.length || this.capacity <= SEGMENT_BYTES) return;
    this.#spares.length = 0;
    this.#bytes = new Uint8Array(FIRST_BYTES);
  }

  /**
   * Hashes what is new, which must be done before it is written, and appends a checksum line once
   * at least `uncoveredMin` bytes are uncovered. Throws a RangeError where memory runs out.
   */
  cover(uncoveredMin = COVERED_BYTES_MIN): void {
    if (!this.#checksums) return;
    while (this.#hashed < this.length) {
      this.load(this.#hashed);
      // alloc: one view per turn
      const fresh = this.piece.subarray(this.pieceStart, this.pieceEnd);
      this.#uncoveredCrc = crc32(fresh, this.#uncoveredCrc);
      this.#uncoveredBytes += fresh.length;
      this.#hashed += fresh.length;
    }
    if (this.#uncoveredBytes < uncoveredMin || this.#uncoveredBytes === 0) return;
    this.#reserve(LINE_BYTES_MAX);
    let at = this.length - this.#start;
    copyBytes(this.#bytes, at, CHECKSUM_HEAD, 0, CHECKSUM_HEAD.length);
    at = writeInteger(this.#bytes, at + CHECKSUM_HEAD.length, this.#uncoveredBytes);
    this.#bytes[at++] = COLON;
    for (let shift = 28; shift >= 0; shift -= 4) {
      this.#bytes[at++] = HEX_DIGITS[(this.#uncoveredCrc >>> shift) & 15];
    }
    this.#endLine(at);
    this.#hashed = this.length;
    this.#uncoveredBytes = 0;
    this.#uncoveredCrc = 0;
  }
}
