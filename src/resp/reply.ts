// hot path: no allocation per command
//
// ReplyWriter appends RESP replies to one growing buffer. One writer serves every connection of a
// server: an event's replies are written one after the other, then handed to the socket in one
// piece. Formats: https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// Invariants: length <= buffer.length; everything in [0, length) is whole replies, except between a
// header method and the elements it announces.

import {
  ASTERISK,
  COLON,
  COMMA,
  CR,
  copyBytes,
  DOLLAR,
  integerLength,
  LF,
  MINUS,
  moveBytes,
  NUMBER_SIGN,
  PERCENT,
  PLUS,
  TILDE,
  writeInteger,
} from "../base/ascii.ts";
import { DOUBLE_BYTES_MAX, shortIntegerLength, writeDouble } from "../base/double.ts";
import { latin1Bytes, utf8Bytes } from "../base/text.ts";

const GREATER = 62;
const EQUALS = 61;
/** Letters of the format of a verbatim string. */
const FORMAT_LENGTH = 3;
const BRACKET = 40;

/** What the buffer shrinks back to once a large reply has left. */
const KEPT_BYTES = 1 << 18;

/** The type name of a RESP2 or RESP3 connection. */
export type Protocol = 2 | 3;

const OK = latin1Bytes("+OK\r\n");
const NULL_2 = latin1Bytes("$-1\r\n");
const NULL_3 = latin1Bytes("_\r\n");
const NULL_ARRAY_2 = latin1Bytes("*-1\r\n");

/** Writes replies in the protocol that the connection being served has chosen. */
export class ReplyWriter {
  buffer: Uint8Array<ArrayBuffer>;
  length = 0;
  protocol: Protocol = 2;
  /** Error replies written since the writer was made; dispatch compares it across a command. */
  errorCount = 0;
  /** Where the newest error reply starts (its `-`), valid until the buffer is cleared. */
  errorStart = 0;

  constructor(initialBytes = KEPT_BYTES) {
    this.buffer = new Uint8Array(initialBytes);
  }

  /** Forgets everything written; gives back the memory of an exceptionally large reply. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > KEPT_BYTES * 8) this.buffer = new Uint8Array(KEPT_BYTES);
  }

  /** Cold: hands over the buffer with everything written, which then belongs to the caller. */
  detach(): Uint8Array {
    const written = this.buffer.subarray(0, this.length);
    this.buffer = new Uint8Array(KEPT_BYTES);
    this.length = 0;
    return written;
  }

  /** Makes room for `count` more bytes. The buffer may be another one afterwards. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    // alloc: doubling, so a reply of n bytes costs O(n)
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }

  /** `+OK` */
  ok(): void {
    this.raw(OK);
  }

  /** Bytes that are a whole reply, or a whole part of one, already. */
  raw(bytes: Uint8Array): void {
    this.rawRange(bytes, 0, bytes.length);
  }

  rawRange(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(this.buffer, this.length, bytes, start, end);
    this.length += end - start;
  }

  /** A simple string; ASCII without CR and LF. */
  simple(text: string): void {
    this.#textLine(PLUS, text);
  }

  /**
   * An error. `text` starts with its code ("ERR ...", "WRONGTYPE ..."); one character per byte.
   * CR and LF inside become spaces, as in Redis, so that echoed input cannot forge a reply; at the
   * end they are dropped.
   */
  error(text: string): void {
    this.errorStart = this.length;
    this.errorCount++;
    let end = text.length;
    while (end > 0 && (text.charCodeAt(end - 1) === CR || text.charCodeAt(end - 1) === LF)) end--;
    this.#textLine(MINUS, end === text.length ? text : text.substring(0, end));
  }

  /** The reply of every command that meets a value of another type. */
  wrongType(): void {
    this.error("WRONGTYPE Operation against a key holding the wrong kind of value");
  }

  syntaxError(): void {
    this.error("ERR syntax error");
  }

  notAnInteger(): void {
    this.error("ERR value is not an integer or out of range");
  }

  /** An integer reply from a safe integer. */
  integer(value: number): void {
    this.#integerLine(COLON, value);
  }

  /** An integer reply of the whole int64 range. */
  integer64(value: bigint): void {
    this.#textLine(COLON, value.toString());
  }

  /** A bulk string of a byte range. */
  bulk(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length + 24);
    const buffer = this.buffer;
    let at = this.length;
    buffer[at++] = DOLLAR;
    at = writeInteger(buffer, at, length);
    buffer[at++] = CR;
    buffer[at++] = LF;
    copyBytes(buffer, at, bytes, start, end);
    at += length;
    buffer[at++] = CR;
    buffer[at++] = LF;
    this.length = at;
  }

  bulkBytes(bytes: Uint8Array): void {
    this.bulk(bytes, 0, bytes.length);
  }

  /** A bulk string of a text, encoded as UTF-8. Cold. */
  bulkText(text: string): void {
    this.bulkBytes(utf8Bytes(text));
  }

  /** A bulk string of a safe integer's decimal form. */
  bulkInteger(value: number): void {
    this.#integerLine(DOLLAR, integerLength(value));
    this.reserve(24);
    const at = writeInteger(this.buffer, this.length, value);
    this.buffer[at] = CR;
    this.buffer[at + 1] = LF;
    this.length = at + 2;
  }

  /** The null bulk string; RESP3's null. */
  null(): void {
    this.raw(this.protocol === 3 ? NULL_3 : NULL_2);
  }

  /** The null array; RESP3's null. */
  nullArray(): void {
    this.raw(this.protocol === 3 ? NULL_3 : NULL_ARRAY_2);
  }

  /** Announces `count` elements. */
  array(count: number): void {
    this.#integerLine(ASTERISK, count);
  }

  /** Announces `pairs` key-value pairs; in RESP2 a flat array of twice as many elements. */
  map(pairs: number): void {
    if (this.protocol === 3) this.#integerLine(PERCENT, pairs);
    else this.#integerLine(ASTERISK, pairs * 2);
  }

  /** Announces a set of `count` elements; in RESP2 an array. */
  set(count: number): void {
    this.#integerLine(this.protocol === 3 ? TILDE : ASTERISK, count);
  }

  /** Announces an out-of-band push of `count` elements; in RESP2 an array. */
  push(count: number): void {
    this.#integerLine(this.protocol === 3 ? GREATER : ASTERISK, count);
  }

  /** A boolean; in RESP2 the integer 1 or 0. */
  boolean(value: boolean): void {
    if (this.protocol === 3) this.#textLine(NUMBER_SIGN, value ? "t" : "f");
    else this.integer(value ? 1 : 0);
  }

  /** A double; in RESP2 a bulk string. `text` is the number as Redis prints it. */
  doubleText(text: string): void {
    if (this.protocol === 3) this.#textLine(COMMA, text);
    else this.bulkText(text);
  }

  /** A double as Redis prints it; in RESP2 a bulk string. */
  double(value: number): void {
    if (this.protocol === 3) {
      this.reserve(DOUBLE_BYTES_MAX + 3);
      const buffer = this.buffer;
      buffer[this.length] = COMMA;
      const end = writeDouble(buffer, this.length + 1, value);
      buffer[end] = CR;
      buffer[end + 1] = LF;
      this.length = end + 2;
      return;
    }
    this.bulkDouble(value);
  }

  /** A bulk string of a double as Redis prints it, in either protocol. */
  bulkDouble(value: number): void {
    if (shortIntegerLength(value) > 0) return this.bulkInteger(value);
    this.reserve(DOUBLE_BYTES_MAX + 8);
    const buffer = this.buffer;
    // "$d\r\n" or "$dd\r\n": known once the number is written.
    const start = this.length + 5;
    let end = writeDouble(buffer, start, value);
    const length = end - start;
    buffer[this.length] = DOLLAR;
    const at = writeInteger(buffer, this.length + 1, length);
    buffer[at] = CR;
    buffer[at + 1] = LF;
    if (at + 2 < start) {
      buffer.copyWithin(at + 2, start, end);
      end--;
    }
    buffer[end] = CR;
    buffer[end + 1] = LF;
    this.length = end + 2;
  }

  /** A number beyond 64 bits, one character per byte; in RESP2 a bulk string. Cold. */
  bigNumber(text: string): void {
    if (this.protocol === 3) this.#textLine(BRACKET, text);
    else this.bulkBytes(latin1Bytes(text));
  }

  /** Text with a three-letter format ("txt", "mkd"); in RESP2 a plain bulk string. Cold. */
  verbatim(format: string, text: string): void {
    this.verbatimBytes(format, utf8Bytes(text));
  }

  /** As `verbatim`, of bytes, in a format cut or filled up with blanks to three letters. Cold. */
  verbatimBytes(format: string, bytes: Uint8Array): void {
    if (this.protocol === 2) return this.bulkBytes(bytes);
    this.#integerLine(EQUALS, bytes.length + FORMAT_LENGTH + 1);
    this.raw(latin1Bytes(`${format.slice(0, FORMAT_LENGTH).padEnd(FORMAT_LENGTH)}:`));
    this.raw(bytes);
    this.raw(LINE_END);
  }

  /**
   * Puts an aggregate's header in front of what was written since `mark` (a former `length`), for
   * replies whose count is known only at the end. Moves those bytes once.
   */
  insertArray(mark: number, count: number): void {
    const bodyEnd = this.length;
    this.array(count);
    this.#moveHeader(mark, bodyEnd);
  }

  /** As `insertArray`, of a set; in RESP2 an array. */
  insertSet(mark: number, count: number): void {
    const bodyEnd = this.length;
    this.set(count);
    this.#moveHeader(mark, bodyEnd);
  }

  /** Moves what was written from `bodyEnd` on to `mark`, in front of the body between them. */
  #moveHeader(mark: number, bodyEnd: number): void {
    const end = this.length;
    const headerLength = end - bodyEnd;
    this.reserve(headerLength);
    const buffer = this.buffer;
    // The header waits behind the body while that moves up.
    for (let k = 0; k < headerLength; k++) buffer[end + k] = buffer[bodyEnd + k];
    moveBytes(buffer, mark + headerLength, mark, bodyEnd);
    for (let k = 0; k < headerLength; k++) buffer[mark + k] = buffer[end + k];
  }

  /** Moves what was written from `middle` on in front of what was written since `start`. */
  rotate(start: number, middle: number): void {
    const moved = this.length - middle;
    this.reserve(moved);
    const buffer = this.buffer;
    buffer.copyWithin(start + moved, start, this.length);
    buffer.copyWithin(start, middle + moved, this.length + moved);
  }

  /**
   * Starts an array whose count is told later, by `closeArray` or `closeMap`. Returns the mark that
   * those want. The elements are moved once if the count has not as many digits as was expected.
   */
  openArray(expected = 0): number {
    const mark = this.length;
    this.#integerLine(ASTERISK, expected);
    return mark;
  }

  /** Tells the number of elements of what `openArray` started. */
  closeArray(mark: number, count: number): void {
    let end = mark + 2;
    while (this.buffer[end] !== CR) end++;
    const added = integerLength(count) - (end - mark - 1);
    if (added !== 0) {
      this.reserve(Math.max(added, 0));
      this.buffer.copyWithin(end + added, end, this.length);
      this.length += added;
    }
    writeInteger(this.buffer, mark + 1, count);
  }

  /** As `closeArray`, of a map; in RESP2 of a flat array of twice as many elements. */
  closeMap(mark: number, pairs: number): void {
    if (this.protocol === 3) this.buffer[mark] = PERCENT;
    this.closeArray(mark, this.protocol === 3 ? pairs : pairs * 2);
  }

  #integerLine(type: number, value: number): void {
    this.reserve(24);
    const buffer = this.buffer;
    let at = this.length;
    buffer[at++] = type;
    at = writeInteger(buffer, at, value);
    buffer[at] = CR;
    buffer[at + 1] = LF;
    this.length = at + 2;
  }

  #textLine(type: number, text: string): void {
    const count = text.length;
    this.reserve(count + 3);
    const buffer = this.buffer;
    let at = this.length;
    buffer[at++] = type;
    for (let k = 0; k < count; k++) {
      // The buffer keeps the low byte, which must be no line's end either.
      const code = text.charCodeAt(k) & 0xff;
      buffer[at++] = code === CR || code === LF ? 32 : code;
    }
    buffer[at] = CR;
    buffer[at + 1] = LF;
    this.length = at + 2;
  }
}

const LINE_END = latin1Bytes("\r\n");
