// Reading RDB's elements out of bytes that may be hostile: a DUMP payload in memory, or a file that
// is refilled as it is read. Every length is checked against what is left before anything is
// allocated for it. For the format see `rdb-format.ts`.

import { writeInteger } from "../base/ascii.ts";
import { Crc64 } from "../base/crc64.ts";
import { uint32At } from "../base/little-endian.ts";
import { lzfDecompress } from "../base/lzf.ts";
import {
  RDB_LENGTH_32,
  RDB_LENGTH_64,
  RDB_STRING_INT8,
  RDB_STRING_INT16,
  RDB_STRING_INT32,
  RDB_STRING_LZF,
} from "./rdb-format.ts";

/** The bytes are no RDB, or not all of it. */
export class RdbError extends Error {
  override name = "RdbError";
}

/** The bytes end too early. */
export class RdbEndError extends RdbError {
  override name = "RdbEndError";

  constructor() {
    super("Unexpected EOF reading RDB file");
  }
}

/** Where more bytes come from. */
export interface RdbSource {
  /** Bytes that have not been handed out yet. */
  readonly remaining: number;
  /** Fills target[offset...] with up to `length` bytes; returns how many, 0 at the end. */
  read(target: Uint8Array, offset: number, length: number): number;
}

const BUFFER_BYTES = 1 << 20;
/** Compression never wins more than this factor: three bytes stand for at most 264. */
const LZF_RATIO_MAX = 264;
const INTEGER_TEXT_MAX = 11;

const MODULE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MODULE_NAME_LENGTH = 9;
const MODULE_VERSION_BITS = 10n;

/**
 * Reads lengths, strings and numbers as RDB has them. Every method throws an RdbError at the end.
 */
export class RdbReader {
  /** The window that has been read; what is behind `at` and before `end` is still to be parsed. */
  bytes: Uint8Array;
  at: number;
  end: number;
  /** Of what was consumed, when asked for by `checksum`. */
  readonly #crc = new Crc64();
  #summedTo: number;
  readonly #source: RdbSource | undefined;
  /** Offset of `bytes[0]` in the whole. */
  #offset = 0;

  /** The string read last: `value[valueStart, valueEnd)`, valid until the next read. */
  value: Uint8Array;
  valueStart = 0;
  valueEnd = 0;
  readonly #digits = new Uint8Array(INTEGER_TEXT_MAX);
  #expanded = new Uint8Array(0);

  /** Set by `count` where the length's place was taken by a special encoding of a string. */
  isSpecial = false;
  /** Set by `plainLengthAt`. */
  prefixLength = 0;
  /** Told before the window moves. */
  beforeRefill: () => void = () => {};
  /** Compact encodings read so far, every entry of which was checked. */
  checkedEncodings = 0;
  /** The halves of the number that `count64` read. */
  high = 0;
  low = 0;

  private constructor(bytes: Uint8Array, start: number, end: number, source?: RdbSource) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.value = bytes;
    this.#summedTo = start;
    this.#source = source;
  }

  /** Over bytes in memory. */
  static over(bytes: Uint8Array, start: number, end: number): RdbReader {
    return new RdbReader(bytes, start, end);
  }

  /** Over a source that is read as needed. */
  static from(source: RdbSource): RdbReader {
    return new RdbReader(new Uint8Array(BUFFER_BYTES), 0, 0, source);
  }

  /** The offset of the next byte from the beginning. */
  get position(): number {
    return this.#offset + this.at;
  }

  /** Bytes behind the next one, itself included. */
  get remaining(): number {
    return this.end - this.at + (this.#source?.remaining ?? 0);
  }

  /** Makes sure of `count` bytes at `at`. */
  need(count: number): void {
    if (this.end - this.at >= count) return;
    if (count > this.remaining) throw new RdbEndError();
    this.#refill(count);
  }

  byte(): number {
    this.need(1);
    return this.bytes[this.at++];
  }

  /**
   * A length or count; so many as 2^53 are more than what follows can hold. Sets `isSpecial` and
   * returns the encoding.
   */
  count(): number {
    this.count64();
    if (this.isSpecial) return this.low;
    const value = this.high * 0x1_0000_0000 + this.low;
    if (value > Number.MAX_SAFE_INTEGER) throw new RdbEndError();
    return value;
  }

  /** A count that must not be a special encoding. */
  plainCount(): number {
    const value = this.count();
    if (this.isSpecial) throw new RdbError("A length is expected");
    return value;
  }

  /** A count of things that take at least `bytesEach` bytes: more than are left is refused. */
  countOf(bytesEach: number): number {
    const value = this.plainCount();
    if (value * bytesEach > this.remaining) throw new RdbError("More elements than bytes");
    return value;
  }

  /** A count of 64 bits, left in `high` and `low`. */
  count64(): void {
    const first = this.byte();
    this.isSpecial = false;
    this.high = 0;
    switch (first >>> 6) {
      case 0:
        this.low = first;
        return;
      case 1:
        this.low = ((first & 0x3f) << 8) | this.byte();
        return;
      case 3:
        this.isSpecial = true;
        this.low = first & 0x3f;
        return;
    }
    if (first === RDB_LENGTH_64) this.high = this.#bigEndian32();
    else if (first !== RDB_LENGTH_32) throw new RdbError("Unknown length encoding");
    this.low = this.#bigEndian32();
  }

  /** The name in a module type's ID: nine characters of six bits, and ten bits of a version. */
  moduleName(): string {
    this.count64();
    let rest = (BigInt(this.high) << 32n) | BigInt(this.low);
    rest >>= MODULE_VERSION_BITS;
    let name = "";
    for (let k = 0; k < MODULE_NAME_LENGTH; k++, rest >>= 6n) {
      name = MODULE_CHARACTERS[Number(rest & 63n)] + name;
    }
    return name;
  }

  /**
   * The length of a string at an offset of the window, if all of it is there as it is, or -1;
   * `prefixLength` says how many bytes tell it. Reads nothing.
   */
  plainLengthAt(at: number): number {
    if (at + 2 > this.end) return -1;
    const first = this.bytes[at];
    let length = first;
    this.prefixLength = 1;
    if (first >= 0x80) return -1;
    if (first >= 0x40) {
      length = ((first & 0x3f) << 8) | this.bytes[at + 1];
      this.prefixLength = 2;
    }
    return at + this.prefixLength + length <= this.end ? length : -1;
  }

  /** A string, left in `value[valueStart, valueEnd)`. */
  string(): void {
    const length = this.count();
    if (this.isSpecial) return this.#specialString(length);
    this.need(length);
    this.value = this.bytes;
    this.valueStart = this.at;
    this.valueEnd = this.at + length;
    this.at += length;
  }

  /** A string that is a compact encoding, which the caller checks. */
  encoding(): void {
    this.string();
    this.checkedEncodings++;
  }

  /** A copy of a string. */
  stringCopy(): Uint8Array {
    this.string();
    return this.value.slice(this.valueStart, this.valueEnd);
  }

  /** A double of eight bytes. */
  double(): number {
    this.need(8);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8);
    this.at += 8;
    return view.getFloat64(0, true);
  }

  /** A signed 64-bit number, the lowest byte first; beyond 2^53 rounded. */
  littleEndian64(): number {
    this.low = this.littleEndian32();
    this.high = this.littleEndian32();
    return (this.high | 0) * 0x1_0000_0000 + this.low;
  }

  /** An unsigned 32-bit number, the lowest byte first. */
  littleEndian32(): number {
    this.need(4);
    this.at += 4;
    return uint32At(this.bytes, this.at - 4);
  }

  /** Steps over bytes. */
  skip(count: number): void {
    if (count > this.remaining) throw new RdbEndError();
    for (let left = count; left > 0; ) {
      this.need(1);
      const step = Math.min(left, this.end - this.at);
      this.at += step;
      left -= step;
    }
  }

  /** The checksum of everything read so far. */
  checksum(): Crc64 {
    this.#crc.update(this.bytes, this.#summedTo, this.at);
    this.#summedTo = this.at;
    return this.#crc;
  }

  #bigEndian32(): number {
    this.need(4);
    const { bytes, at } = this;
    this.at += 4;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  #specialString(encoding: number): void {
    if (encoding === RDB_STRING_LZF) return this.#compressedString();
    let number: number;
    if (encoding === RDB_STRING_INT8) number = (this.byte() << 24) >> 24;
    else if (encoding === RDB_STRING_INT16) {
      number = this.byte();
      number = ((number | (this.byte() << 8)) << 16) >> 16;
    } else if (encoding === RDB_STRING_INT32) number = this.littleEndian32() | 0;
    else throw new RdbError(`Unknown RDB string encoding type ${encoding}`);
    this.value = this.#digits;
    this.valueStart = 0;
    this.valueEnd = writeInteger(this.#digits, 0, number);
  }

  #compressedString(): void {
    const packed = this.plainCount();
    const length = this.plainCount();
    this.need(packed);
    if (length > packed * LZF_RATIO_MAX) throw new RdbError("Invalid LZF compressed string");
    if (this.#expanded.length < length) this.#expanded = new Uint8Array(length);
    const from = this.at;
    if (!lzfDecompress(this.bytes, from, from + packed, this.#expanded, 0, length)) {
      throw new RdbError("Invalid LZF compressed string");
    }
    this.at += packed;
    this.value = this.#expanded;
    this.valueStart = 0;
    this.valueEnd = length;
  }

  /** Moves what is left to the front and reads until `count` bytes are there. */
  #refill(count: number): void {
    this.beforeRefill();
    this.checksum();
    const left = this.end - this.at;
    let target = this.bytes;
    if (count > target.length) target = new Uint8Array(count + BUFFER_BYTES);
    else if (target.length > BUFFER_BYTES * 2 && count <= BUFFER_BYTES) {
      target = new Uint8Array(BUFFER_BYTES);
    }
    target.set(this.bytes.subarray(this.at, this.end));
    this.bytes = target;
    this.#offset += this.at;
    this.at = 0;
    this.end = left;
    this.#summedTo = 0;
    while (this.end < count) {
      const got = this.#source!.read(target, this.end, target.length - this.end);
      if (got === 0) throw new RdbEndError();
      this.end += got;
    }
  }
}
