// hot path: no allocation per command
//
// Effects on their way into the append-only file, kept until the disk has them for certain:
//
//   bytes    | durable, free | written, not yet synced | appended, not yet written |  room  |
//            0             kept                     written                      length
//
// SELECT is inserted where the database changes. Every few kilobytes a comment line
// `#CRC:<count>:<crc32>` covers the `count` bytes before it, back to the previous such line. Redis
// and its tools skip comments; our loader finds flipped bytes by it.
//
// While the log passes from one file to the next, `boundary` is where the bytes of the next one
// begin: a SELECT stands there, and checksums are counted from there on.
//
// Invariants: 0 <= kept <= written <= length; a boundary is in [written, length]; `bytes` holds
// whole RESP commands only; every byte is hashed before it is written, so it may be released as
// soon as it need not be kept.

import { crc32 } from "node:zlib";
import { copyBytes, integerLength, writeInteger } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import { ANY_DB } from "../command/effects.ts";

const BYTES_MIN = 64 * 1024;
/** A buffer that grew above this is given up when it is idle. */
const IDLE_BYTES_MAX = 1024 * 1024;
/** A checksum line is written once this much is uncovered. */
const COVERED_BYTES_MIN = 4096;

const SELECT_HEAD = latin1Bytes("*2\r\n$6\r\nSELECT\r\n$");
const CHECKSUM_HEAD = latin1Bytes("#CRC:");
const TIMESTAMP_HEAD = latin1Bytes("#TS:");
const HEX_DIGITS = latin1Bytes("0123456789abcdef");
/** At least what SELECT or a checksum line takes. */
const LINE_BYTES_MAX = 48;

const CR = 13;
const LF = 10;
const COLON = 58;

const NO_BOUNDARY = -1;

export class AppendBuffer {
  bytes: Uint8Array = new Uint8Array(BYTES_MIN);
  kept = 0;
  written = 0;
  length = 0;
  boundary = NO_BOUNDARY;
  /** A write is under way that may still read `bytes` where it lies. */
  pinned = false;

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
    const needed = this.length + (end - start) + LINE_BYTES_MAX;
    if (needed > this.bytes.length) this.#makeRoom(needed);
    if (dbIndex !== this.#dbIndex && dbIndex !== ANY_DB) this.#select(dbIndex);
    copyBytes(this.bytes, this.length, bytes, start, end);
    this.length += end - start;
  }

  /**
   * Writes a comment with a Unix time in seconds: when what follows was executed. Throws a
   * RangeError where memory runs out.
   */
  stamp(seconds: number): void {
    const needed = this.length + LINE_BYTES_MAX;
    if (needed > this.bytes.length) this.#makeRoom(needed);
    copyBytes(this.bytes, this.length, TIMESTAMP_HEAD, 0, TIMESTAMP_HEAD.length);
    const at = this.length + TIMESTAMP_HEAD.length;
    this.length = this.#lineEnd(writeInteger(this.bytes, at, seconds));
  }

  #select(dbIndex: number): void {
    copyBytes(this.bytes, this.length, SELECT_HEAD, 0, SELECT_HEAD.length);
    let at = this.length + SELECT_HEAD.length;
    at = this.#lineEnd(writeInteger(this.bytes, at, integerLength(dbIndex)));
    this.length = this.#lineEnd(writeInteger(this.bytes, at, dbIndex));
    this.#dbIndex = dbIndex;
  }

  #lineEnd(at: number): number {
    this.bytes[at] = CR;
    this.bytes[at + 1] = LF;
    return at + 2;
  }

  /** Moves or copies what is kept so that offsets up to `needed` exist. */
  #makeRoom(needed: number): void {
    const live = this.length - this.kept;
    const size = this.bytes.length;
    if (!this.pinned && live * 2 <= size && needed - this.kept <= size) {
      this.bytes.copyWithin(0, this.kept, this.length);
    } else {
      // alloc: once per doubling
      const larger = new Uint8Array(Math.max(size * 2, needed - this.kept));
      larger.set(this.bytes.subarray(this.kept, this.length)); // alloc: with it
      this.bytes = larger;
    }
    this.written -= this.kept;
    this.length -= this.kept;
    this.#hashed -= this.kept;
    if (this.boundary !== NO_BOUNDARY) this.boundary -= this.kept;
    this.kept = 0;
  }

  /** Lets go of the bytes before `until`, which have been written. */
  release(until: number): void {
    this.kept = until;
    if (until < this.length || this.pinned) return;
    this.kept = 0;
    this.written = 0;
    this.length = 0;
    this.#hashed = 0;
    if (this.boundary !== NO_BOUNDARY) this.boundary = 0;
  }

  /** Gives back what a burst has left, if nothing is kept: once nothing comes any more. */
  rest(): void {
    if (this.length > 0 || this.pinned || this.bytes.length <= IDLE_BYTES_MAX) return;
    this.bytes = new Uint8Array(BYTES_MIN);
  }

  /**
   * Hashes what is new, which must be done before it is written, and appends a checksum line once
   * at least `uncoveredMin` bytes are uncovered. Throws a RangeError where memory runs out.
   */
  cover(uncoveredMin = COVERED_BYTES_MIN): void {
    if (!this.#checksums) return;
    const count = this.length - this.#hashed;
    if (count > 0) {
      // alloc: one view per turn
      const fresh = this.bytes.subarray(this.#hashed, this.length);
      this.#uncoveredCrc = crc32(fresh, this.#uncoveredCrc);
      this.#uncoveredBytes += count;
      this.#hashed = this.length;
    }
    if (this.#uncoveredBytes < uncoveredMin || this.#uncoveredBytes === 0) return;
    const needed = this.length + LINE_BYTES_MAX;
    if (needed > this.bytes.length) this.#makeRoom(needed);
    copyBytes(this.bytes, this.length, CHECKSUM_HEAD, 0, CHECKSUM_HEAD.length);
    let at = this.length + CHECKSUM_HEAD.length;
    at = writeInteger(this.bytes, at, this.#uncoveredBytes);
    this.bytes[at++] = COLON;
    for (let shift = 28; shift >= 0; shift -= 4) {
      this.bytes[at++] = HEX_DIGITS[(this.#uncoveredCrc >>> shift) & 15];
    }
    this.length = this.#lineEnd(at);
    this.#hashed = this.length;
    this.#uncoveredBytes = 0;
    this.#uncoveredCrc = 0;
  }
}
