// The elements of a collection in an RDB, one after the other, however they are packed; and the key
// that they are to be put under.

import type { Database } from "../keyspace/database.ts";
import type { Container } from "../structures/container.ts";
import {
  Entry,
  encodedIntegerSize,
  encodedSize,
  finish,
  firstEntry,
  HEADER_BYTES,
  isValidListpack,
  TERMINATOR,
  writeEntry,
  writeIntegerEntry,
} from "../structures/listpack.ts";
import { NO_EXPIRY, type RecordView } from "../structures/record.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

/** Elements as ranges of bytes, valid until the next one is asked for. */
export interface Elements {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Goes on to the next element; false behind the last. Throws an RdbError where it is damaged. */
  next(): boolean;
}

/** Strings of the format itself. */
export class StringElements implements Elements {
  readonly #reader: RdbReader;
  #left: number;

  constructor(reader: RdbReader, count: number) {
    this.#reader = reader;
    this.#left = count;
  }

  get bytes(): Uint8Array {
    return this.#reader.value;
  }

  get start(): number {
    return this.#reader.valueStart;
  }

  get end(): number {
    return this.#reader.valueEnd;
  }

  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.#reader.string();
    return true;
  }
}

/** The entries of a listpack. */
export class ListpackElements implements Elements {
  readonly #entry = new Entry();
  readonly #source: Uint8Array;
  #at: number;

  /** Throws an RdbError where the range is no listpack whose every entry can be walked. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    if (!isValidListpack(bytes, start, end, true)) {
      throw new RdbError("Listpack integrity check failed.");
    }
    this.#source = bytes;
    this.#at = firstEntry(start);
  }

  get bytes(): Uint8Array {
    return this.#entry.bytes;
  }

  get start(): number {
    return this.#entry.start;
  }

  get end(): number {
    return this.#entry.end;
  }

  next(): boolean {
    if (this.#source[this.#at] === TERMINATOR) return false;
    this.#at = this.#entry.load(this.#source, this.#at);
    return true;
  }
}

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
/** More elements than this are not looked at. */
const FINGERPRINTS_MAX = 4096;
const fingerprintCells = new Int32Array(4 * FINGERPRINTS_MAX);

/**
 * Finds out cheaply that elements are distinct: none shares a 32-bit hash with another one. What
 * cannot be told apart that way must be compared. Only one is in use at a time.
 */
export class Fingerprints {
  readonly #mask: number;
  #left: number;

  /** For at most `count` elements. */
  constructor(count: number) {
    this.#mask = (4 << (31 - Math.clz32(Math.min(count, FINGERPRINTS_MAX) | 1))) - 1;
    fingerprintCells.fill(0, 0, this.#mask + 1);
    this.#left = Math.min(count, FINGERPRINTS_MAX);
  }

  /** Adds the element; false where it may have been there before. */
  add({ bytes, start, end }: Elements): boolean {
    if (this.#left-- <= 0) return false;
    let hash = FNV_OFFSET;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at], FNV_PRIME);
    // 0 is an empty cell.
    hash ||= 1;
    // The lowest bits of this hash are its weakest.
    let cell = (hash ^ (hash >>> 15)) & this.#mask;
    while (fingerprintCells[cell] !== 0) {
      if (fingerprintCells[cell] === hash) return false;
      cell = (cell + 1) & this.#mask;
    }
    fingerprintCells[cell] = hash;
    return true;
  }
}

/** A listpack in the making. */
export class ListpackBuilder {
  bytes = new Uint8Array(256);
  count = 0;
  #at = HEADER_BYTES;

  add(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(encodedSize(bytes, start, end));
    this.#at = writeEntry(this.bytes, this.#at, bytes, start, end);
    this.count++;
  }

  addInteger(value: number): void {
    this.#reserve(encodedIntegerSize(value));
    this.#at = writeIntegerEntry(this.bytes, this.#at, value);
    this.count++;
  }

  /** Adds `count` entries that are encoded already. */
  addEntries(bytes: Uint8Array, start: number, end: number, count: number): void {
    this.#reserve(end - start);
    this.bytes.set(bytes.subarray(start, end), this.#at);
    this.#at += end - start;
    this.count += count;
  }

  /** Completes it; returns its length. */
  finish(): number {
    return finish(this.bytes, 0, this.#at, this.count);
  }

  /** Makes room for an entry and the terminator. */
  #reserve(count: number): void {
    const needed = this.#at + count + 1;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.bytes.subarray(0, this.#at));
    this.bytes = larger;
  }
}

/** A key that does not exist yet. */
export class KeyTarget {
  readonly db: Database;
  /** Left at the key once it is there. */
  readonly view: RecordView;
  readonly #key: Uint8Array;
  readonly #hash: number;

  constructor(db: Database, view: RecordView, key: Uint8Array, hash: number) {
    this.db = db;
    this.view = view;
    this.#key = key;
    this.#hash = hash;
  }

  /** Makes the key with a string. */
  setString(bytes: Uint8Array, start: number, end: number): void {
    const { length } = this.#key;
    const ref = this.db.setString(this.#key, 0, length, this.#hash, bytes, start, end, NO_EXPIRY);
    this.view.load(ref, this.#hash);
  }

  /** Makes the key with a collection of `size` elements in place: a copy of a range. */
  setValue(
    type: number,
    encoding: number,
    size: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { view, db } = this;
    const key = this.#key;
    db.createValue(view, type, encoding, key, 0, key.length, this.#hash, end - start);
    view.bytes.set(bytes.subarray(start, end), view.valueStart);
    db.resized(type, -1, size);
  }

  /** Makes the key with a container. */
  setContainer(container: Container): void {
    this.db.createContainer(this.view, container, this.#key, 0, this.#key.length, this.#hash);
  }
}
