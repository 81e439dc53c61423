// hot path: no allocation per command
//
// Writing RDB's elements to one growing buffer, whoever the bytes are for: a file, an AOF's base, a
// replica, a DUMP payload. For the format see `rdb-format.ts`.

import { copyBytes, parseInteger } from "../base/ascii.ts";
import { lzfCompress } from "../base/lzf.ts";
import {
  RDB_LENGTH_32,
  RDB_LENGTH_64,
  RDB_STRING_INT8,
  RDB_STRING_INT16,
  RDB_STRING_INT32,
  RDB_STRING_LZF,
} from "./rdb-format.ts";

const INITIAL_BYTES = 1 << 16;
/** What the buffer keeps once a large value has left. */
const KEPT_BYTES = 1 << 20;
/** As many buffers are kept for their memory to be used again. */
const SPARES_MAX = 4;
/** Strings up to this length are not worth compressing. */
const COMPRESSED_MIN = 21;
/** Compression must win at least this many bytes. */
const COMPRESSION_GAIN_MIN = 4;
/** Longest text of an int32. */
const INTEGER_TEXT_MAX = 11;
/**
 * In haste nothing above this is compressed: it takes 1 ms per megabyte, or 15 where it does not
 * pay, which a sample of larger strings tells beforehand.
 */
const HASTY_BYTES_MAX = 1 << 21;
const SAMPLE_BYTES = 4096;
const SPECIAL = 0xc0;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** Writes lengths, strings and numbers as RDB has them. */
export class RdbWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  /** Memory of what was handed over and is back. */
  readonly #spares: Uint8Array<ArrayBuffer>[] = [];
  /** `rdbcompression` */
  compresses = true;
  /** Whether others wait meanwhile: then large strings are compressed only where that is quick. */
  isHasty = false;

  constructor(initialBytes = INITIAL_BYTES) {
    this.bytes = new Uint8Array(initialBytes);
  }

  /** Forgets what is in the buffer. */
  clear(): void {
    this.length = 0;
    // alloc: gives back the memory of an exceptionally large value
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(INITIAL_BYTES);
  }

  /** Cold: hands over what is in the buffer, which then belongs to the caller. */
  detach(): Uint8Array {
    const written = this.bytes.subarray(0, this.length);
    this.bytes = new Uint8Array(INITIAL_BYTES);
    this.length = 0;
    return written;
  }

  /** Cold: as `detach`, for whoever gives it back: then its memory is used again. */
  handOver(): Uint8Array {
    const { bytes, length } = this;
    const size = bytes.length > KEPT_BYTES ? INITIAL_BYTES : bytes.length;
    this.bytes = this.#spares.pop() ?? new Uint8Array(size);
    this.length = 0;
    return bytes.subarray(0, length);
  }

  /** Cold: takes back what was handed over. */
  takeBack({ buffer }: Uint8Array): void {
    if (this.#spares.length >= SPARES_MAX || buffer.byteLength > KEPT_BYTES) return;
    this.#spares.push(new Uint8Array(buffer as ArrayBuffer));
  }

  /** Memory that it takes. */
  get capacity(): number {
    let capacity = this.bytes.length;
    for (let k = 0; k < this.#spares.length; k++) capacity += this.#spares[k].length;
    return capacity;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    // alloc: doubling, so a value of n bytes costs O(n)
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    copyBytes(larger, 0, this.bytes, 0, this.length);
    this.bytes = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(this.bytes, this.length, bytes, start, end);
    this.length += end - start;
  }

  /** A length or another count, a safe integer that is not negative. */
  count(value: number): void {
    this.reserve(9);
    const bytes = this.bytes;
    let at = this.length;
    if (value < 1 << 6) {
      bytes[at++] = value;
    } else if (value < 1 << 14) {
      bytes[at++] = 0x40 | (value >>> 8);
      bytes[at++] = value;
    } else {
      const high = Math.floor(value / 0x1_0000_0000);
      bytes[at++] = high === 0 ? RDB_LENGTH_32 : RDB_LENGTH_64;
      this.length = at;
      if (high !== 0) this.bigEndian32(high);
      this.bigEndian32(value >>> 0);
      return;
    }
    this.length = at;
  }

  /** An unsigned 64-bit number in halves, in the form of a count. */
  count64(high: number, low: number): void {
    if (high === 0) return this.count(low >>> 0);
    this.byte(RDB_LENGTH_64);
    this.bigEndian32(high);
    this.bigEndian32(low);
  }

  /** A string, as an integer or compressed where that is shorter. */
  string(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= INTEGER_TEXT_MAX && this.#integerString(bytes, start, end)) return;
    if (length >= COMPRESSED_MIN && this.compresses && this.#compressed(bytes, start, end)) return;
    this.count(length);
    this.raw(bytes, start, end);
  }

  /** A string of ASCII text, never compressed. Cold. */
  text(text: string): void {
    this.count(text.length);
    this.ascii(text);
  }

  /** The bytes of ASCII text alone. Cold. */
  ascii(text: string): void {
    this.reserve(text.length);
    for (let k = 0; k < text.length; k++) this.bytes[this.length++] = text.charCodeAt(k);
  }

  /** A double, eight bytes, the lowest first. */
  double(value: number): void {
    double[0] = value;
    this.raw(doubleBytes, 0, 8);
  }

  /** A time in milliseconds as eight bytes, the lowest first. */
  milliseconds(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.littleEndian32(value - high * 0x1_0000_0000);
    this.littleEndian32(high);
  }

  /** 32 bits, the lowest byte first. */
  littleEndian32(value: number): void {
    this.reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.length++] = value >>> shift;
  }

  /** 32 bits, the highest byte first. */
  bigEndian32(value: number): void {
    this.reserve(4);
    for (let shift = 24; shift >= 0; shift -= 8) this.bytes[this.length++] = value >>> shift;
  }

  /** Writes a string that is an int32 as one; false where it is none. */
  #integerString(bytes: Uint8Array, start: number, end: number): boolean {
    const value = parseInteger(bytes, start, end);
    // Also false for NaN.
    if (!(value >= -0x8000_0000 && value <= 0x7fff_ffff)) return false;
    this.reserve(5);
    const target = this.bytes;
    let width = 4;
    let form = RDB_STRING_INT32;
    if (value >= -128 && value <= 127) {
      width = 1;
      form = RDB_STRING_INT8;
    } else if (value >= -32768 && value <= 32767) {
      width = 2;
      form = RDB_STRING_INT16;
    }
    target[this.length++] = SPECIAL | form;
    for (let k = 0; k < width; k++) target[this.length++] = value >> (8 * k);
    return true;
  }

  /** Writes a string compressed; false where that does not pay. */
  #compressed(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.isHasty && length > SAMPLE_BYTES * 2 && !this.#isWorthIt(bytes, start, end)) {
      return false;
    }
    // The two lengths take at most ten bytes; they are written once the first one is known.
    const headMax = 19;
    this.reserve(headMax + length);
    const mark = this.length;
    const from = mark + headMax;
    const limit = from + length - COMPRESSION_GAIN_MIN;
    const packedEnd = lzfCompress(bytes, start, end, this.bytes, from, limit);
    if (packedEnd < 0) return false;
    this.byte(SPECIAL | RDB_STRING_LZF);
    this.count(packedEnd - from);
    this.count(length);
    this.bytes.copyWithin(this.length, from, packedEnd);
    this.length += packedEnd - from;
    return true;
  }

  /** Whether a large string is short enough and its middle becomes an eighth shorter. */
  #isWorthIt(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > HASTY_BYTES_MAX) return false;
    this.reserve(SAMPLE_BYTES);
    const from = start + ((end - start - SAMPLE_BYTES) >>> 1);
    const limit = this.length + SAMPLE_BYTES - (SAMPLE_BYTES >>> 3);
    return lzfCompress(bytes, from, from + SAMPLE_BYTES, this.bytes, this.length, limit) >= 0;
  }
}
