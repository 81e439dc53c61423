// hot path: no allocation per command
//
// One member of a set on its way from one place to another: looked up, added, replied. What it is
// made of depends on where it comes from, and what else is needed of it is worked out on demand:
//
//   from a request or a listpack      text
//   from an intset                    integer, its text rendered when asked for
//   from a table                      record and hash, its text loaded when asked for

import { INT64_TEXT_MAX, Int64 } from "../base/int64.ts";
import { CHUNK_SHIFT, NULL_REF } from "../memory/pool.ts";
import { Needle } from "./listpack.ts";
import type { MemberTable } from "./member-table.ts";
import { keyLengthOf, keyStartOf } from "./record.ts";

const UNKNOWN = 0;
const YES = 1;
const NO = 2;

/** A member of a set. Reused: valid until it is set again or its origin changes. */
export class SetMember {
  readonly #digits = new Uint8Array(INT64_TEXT_MAX);
  readonly #needle = new Needle();
  /** The text, after `text` has been called. */
  bytes: Uint8Array = this.#digits;
  start = 0;
  end = 0;
  /** The integer, where `isInteger` says that it is one. */
  readonly value = new Int64();
  /** The record it has in a table, or NULL_REF. */
  ref = NULL_REF;
  /** Where it stands in what it comes from: an intset's index, a listpack's offset. */
  at = 0;
  #table: MemberTable | null = null;
  #hasText = false;
  #integer = UNKNOWN;
  #hash = 0;
  #hasHash = false;
  #hasNeedle = false;

  /** Makes it a text. */
  setText(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#reset(true, UNKNOWN);
  }

  /** Makes it the integer that has been put into `value`. */
  setInteger(): void {
    this.#reset(false, YES);
  }

  /** Makes it a member of a table. */
  setRecord(table: MemberTable, ref: number, hash: number): void {
    this.#reset(false, UNKNOWN);
    this.#table = table;
    this.ref = ref;
    this.#hash = hash;
    this.#hasHash = true;
  }

  #reset(hasText: boolean, integer: number): void {
    this.#hasText = hasText;
    this.#integer = integer;
    this.ref = NULL_REF;
    this.#hasHash = false;
    this.#hasNeedle = false;
  }

  /** Whether it is an int64 in its canonical form; `value` has it then. */
  get isInteger(): boolean {
    if (this.#integer === UNKNOWN) {
      this.text();
      const first = this.end > this.start ? this.bytes[this.start] : 0;
      // Digits and the minus sign.
      const mayBe = first <= 57 && first >= 45 && this.end - this.start <= INT64_TEXT_MAX;
      this.#integer = mayBe && this.value.parse(this.bytes, this.start, this.end) ? YES : NO;
    }
    return this.#integer === YES;
  }

  /** Whether `value` is all there is to it yet. */
  get isBareInteger(): boolean {
    return !this.#hasText && this.#integer === YES;
  }

  /** Makes the range [start, end) of `bytes` its text. Returns its length. */
  text(): number {
    if (!this.#hasText) {
      this.#hasText = true;
      if (this.ref !== NULL_REF) {
        const { pool } = this.#table!;
        this.bytes = pool.bytes[this.ref >>> CHUNK_SHIFT];
        this.start = keyStartOf(pool, this.ref);
        this.end = this.start + keyLengthOf(pool, this.ref);
      } else {
        this.bytes = this.#digits;
        this.start = 0;
        this.end = this.value.writeText(this.#digits, 0);
      }
    }
    return this.end - this.start;
  }

  /** Its hash in every table, `table` knowing how to hash. */
  hash(table: MemberTable): number {
    if (!this.#hasHash) {
      this.text();
      this.#hash = table.hash(this.bytes, this.start, this.end);
      this.#hasHash = true;
    }
    return this.#hash;
  }

  /** What listpack entries are compared with to find it. */
  needle(): Needle {
    if (!this.#hasNeedle) {
      this.text();
      this.#needle.set(this.bytes, this.start, this.end);
      this.#hasNeedle = true;
    }
    return this.#needle;
  }

  /** Lets go of what it refers to. */
  clear(): void {
    this.#table = null;
    this.bytes = this.#digits;
    this.#reset(false, NO);
  }
}
