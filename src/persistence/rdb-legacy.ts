// Encodings that only old RDB files have, read entry by entry: ziplists (before Redis 7.0) and
// zipmaps (before 2.6). They come from files and RESTORE, so nothing in them is believed: reading
// ends with an RdbError before it would leave the range.
//
//   ziplist  bytes (u32) tail (u32) count (u16) entry* FF         numbers with the low byte first
//   entry    previous length (1 byte, or FE u32) encoding content
//   zipmap   count (1 byte) (length field length free value free*)* FF      length: 1 byte, or FE
// u32

import { writeInteger } from "../base/ascii.ts";
import { uint32At } from "../base/little-endian.ts";
import { RdbError } from "./rdb-reader.ts";

const ZIPLIST_HEADER_BYTES = 10;
const END = 0xff;
const LONG = 0xfe;

const INT16 = 0xc0;
const INT32 = 0xd0;
const INT64 = 0xe0;
const INT24 = 0xf0;
const INT8 = 0xfe;
const IMMEDIATE_FIRST = 0xf1;
const IMMEDIATE_LAST = 0xfd;

/** Longest text of an int64. */
const INTEGER_TEXT_MAX = 20;

/** The entries of a ziplist or zipmap, one after the other, each as a range of bytes. */
export class LegacyEntries {
  readonly #source: Uint8Array;
  readonly #limit: number;
  readonly #isZipmap: boolean;
  #at: number;
  #isValue = false;
  readonly #digits = new Uint8Array(INTEGER_TEXT_MAX);

  /** The entry that `next` came to. */
  bytes: Uint8Array;
  start = 0;
  end = 0;

  private constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    at: number,
    isZipmap: boolean,
  ) {
    this.#source = bytes;
    this.bytes = bytes;
    this.#at = at;
    // The end mark is the last byte.
    this.#limit = end - 1;
    this.#isZipmap = isZipmap;
    if (at > this.#limit || bytes[this.#limit] !== END) throw new RdbError(this.#complaint);
    if (!isZipmap && uint32At(bytes, start) !== end - start) throw new RdbError(this.#complaint);
  }

  static ofZiplist(bytes: Uint8Array, start: number, end: number): LegacyEntries {
    return new LegacyEntries(bytes, start, end, start + ZIPLIST_HEADER_BYTES, false);
  }

  static ofZipmap(bytes: Uint8Array, start: number, end: number): LegacyEntries {
    return new LegacyEntries(bytes, start, end, start + 1, true);
  }

  get #complaint(): string {
    return this.#isZipmap ? "Zipmap integrity check failed." : "Ziplist integrity check failed.";
  }

  /** Goes on to the next entry; false at the end. */
  next(): boolean {
    if (this.#at === this.#limit) {
      if (this.#isValue) throw new RdbError(this.#complaint);
      return false;
    }
    if (this.#isZipmap) this.#nextOfZipmap();
    else this.#nextOfZiplist();
    return true;
  }

  #nextOfZipmap(): void {
    const length = this.#lengthPrefix();
    let free = 0;
    if (this.#isValue) {
      this.#check(1);
      free = this.#source[this.#at++];
    }
    this.#isValue = !this.#isValue;
    this.#range(length);
    this.#check(free);
    this.#at += free;
  }

  #nextOfZiplist(): void {
    this.#lengthPrefix();
    this.#check(1);
    const encoding = this.#source[this.#at++];
    switch (encoding >>> 6) {
      case 0:
        return this.#range(encoding & 0x3f);
      case 1:
        this.#check(1);
        return this.#range(((encoding & 0x3f) << 8) | this.#source[this.#at++]);
      case 2: {
        this.#check(4);
        const at = this.#at;
        this.#at += 4;
        const source = this.#source;
        return this.#range(
          ((source[at] << 24) | (source[at + 1] << 16) | (source[at + 2] << 8) | source[at + 3]) >>>
            0,
        );
      }
    }
    this.#integer(encoding);
  }

  #integer(encoding: number): void {
    if (encoding >= IMMEDIATE_FIRST && encoding <= IMMEDIATE_LAST) {
      return this.#present(encoding - IMMEDIATE_FIRST);
    }
    if (encoding === INT64) return this.#integer64();
    const width = WIDTHS.get(encoding);
    if (width === undefined) throw new RdbError(this.#complaint);
    this.#check(width);
    let value = 0;
    for (let k = width - 1; k >= 0; k--) value = (value << 8) | this.#source[this.#at + k];
    this.#at += width;
    const unused = 32 - 8 * width;
    this.#present((value << unused) >> unused);
  }

  #integer64(): void {
    this.#check(8);
    const { buffer, byteOffset } = this.#source;
    const text = new DataView(buffer, byteOffset + this.#at, 8).getBigInt64(0, true).toString();
    this.#at += 8;
    for (let k = 0; k < text.length; k++) this.#digits[k] = text.charCodeAt(k);
    this.bytes = this.#digits;
    this.start = 0;
    this.end = text.length;
  }

  #present(value: number): void {
    this.bytes = this.#digits;
    this.start = 0;
    this.end = writeInteger(this.#digits, 0, value);
  }

  #lengthPrefix(): number {
    this.#check(1);
    const first = this.#source[this.#at++];
    if (first === END) throw new RdbError(this.#complaint);
    if (first !== LONG) return first;
    this.#check(4);
    const value = uint32At(this.#source, this.#at);
    this.#at += 4;
    return value;
  }

  #range(length: number): void {
    this.#check(length);
    this.bytes = this.#source;
    this.start = this.#at;
    this.#at += length;
    this.end = this.#at;
  }

  #check(count: number): void {
    if (count > this.#limit - this.#at) throw new RdbError(this.#complaint);
  }
}

const WIDTHS: ReadonlyMap<number, number> = new Map([
  [INT8, 1],
  [INT16, 2],
  [INT24, 3],
  [INT32, 4],
]);
