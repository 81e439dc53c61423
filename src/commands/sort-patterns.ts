// BY and GET patterns of SORT: from an element to the value that a key, or a field of a hash, has
// for it.
//
//   #                 the element itself
//   weight_*          the string under the key with the element in place of the first asterisk
//   user_*->name      the field of the hash under that key
//   anything else     nothing
//
// As in Redis, looking for the asterisk and the arrow ends at a zero byte.

import { ASTERISK, copyBytes, MINUS, NUMBER_SIGN } from "../base/ascii.ts";
import { FOUND } from "../keyspace/hash-value.ts";
import { HASH, STRING } from "../structures/record.ts";
import type { Context } from "./features.ts";

const ZERO = 0;
const GREATER = 62;
const NOWHERE = -1;

const FIRST_KEY_BYTES = 256;
const KEPT_KEY_BYTES = 1 << 16;

/** Where a zero byte or the end ends a text. */
function textEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== ZERO) at++;
  return at;
}

function asteriskIn(bytes: Uint8Array, start: number, end: number): number {
  const stop = textEnd(bytes, start, end);
  for (let at = start; at < stop; at++) if (bytes[at] === ASTERISK) return at;
  return NOWHERE;
}

/** The arrow to a field, which is not empty. */
function arrowIn(bytes: Uint8Array, start: number, end: number): number {
  const stop = textEnd(bytes, start, end);
  for (let at = start; at + 1 < stop; at++) {
    if (bytes[at] !== MINUS || bytes[at + 1] !== GREATER) continue;
    return at + 2 < stop ? at : NOWHERE;
  }
  return NOWHERE;
}

/** Whether an argument is a pattern that elements can be put into. */
export function hasAsterisk(c: Context, index: number): boolean {
  return asteriskIn(c.bytes, c.start(index), c.end(index)) !== NOWHERE;
}

/** One pattern of a request, whose bytes it refers to. */
export class SortPattern {
  readonly #start: number;
  readonly #end: number;
  readonly #asterisk: number;
  /** Where the key ends: at the arrow, or with the pattern. */
  readonly #keyEnd: number;
  readonly #isElement: boolean;

  /** The value that `look` found: bytes[start, end). Valid until the database changes. */
  bytes: Uint8Array;
  start = 0;
  end = 0;

  constructor(c: Context, index: number) {
    const { bytes } = c;
    this.bytes = bytes;
    this.#start = c.start(index);
    this.#end = c.end(index);
    this.#asterisk = asteriskIn(bytes, this.#start, this.#end);
    const arrow = this.#asterisk < 0 ? NOWHERE : arrowIn(bytes, this.#asterisk + 1, this.#end);
    this.#keyEnd = arrow < 0 ? this.#end : arrow;
    const length = textEnd(bytes, this.#start, this.#end) - this.#start;
    this.#isElement = length === 1 && bytes[this.#start] === NUMBER_SIGN;
  }

  /** Looks up what the pattern has for an element; false where that is nothing. */
  look(c: Context, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isElement) {
      this.#present(bytes, start, end);
      return true;
    }
    if (this.#asterisk < 0) return false;
    const { keyspace } = c.server;
    const { db } = c;
    const length = this.#writeKey(c.bytes, bytes, start, end);
    const hash = keyspace.hash(key, 0, length);
    const view = db.lookupRead(keyspace.view, key, 0, length, hash);
    if (view === undefined) return false;
    if (this.#keyEnd === this.#end) {
      if (view.type !== STRING) return false;
      this.#present(view.bytes, view.valueStart, view.valueEnd);
      return true;
    }
    if (view.type !== HASH) return false;
    const { hashes } = keyspace;
    if (hashes.read(db, view, c.bytes, this.#keyEnd + 2, this.#end) !== FOUND) return false;
    this.#present(hashes.bytes, hashes.start, hashes.end);
    return true;
  }

  #present(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Writes the key of an element into the buffer for keys; returns its length. */
  #writeKey(pattern: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    const before = this.#asterisk - this.#start;
    const behind = this.#keyEnd - this.#asterisk - 1;
    const length = before + (end - start) + behind;
    if (length > key.length) key = new Uint8Array(length * 2);
    copyBytes(key, 0, pattern, this.#start, this.#asterisk);
    copyBytes(key, before, bytes, start, end);
    copyBytes(key, length - behind, pattern, this.#asterisk + 1, this.#keyEnd);
    return length;
  }
}

/** Keys are put together here before they are looked up. */
let key = new Uint8Array(FIRST_KEY_BYTES);

/** Gives back the memory of an exceptionally long key. */
export function trimKeyBuffer(): void {
  if (key.length > KEPT_KEY_BYTES) key = new Uint8Array(FIRST_KEY_BYTES);
}
