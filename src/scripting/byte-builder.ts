// Bytes that grow at the end: what the libraries of scripts build strings in.

import { copyBytes } from "../base/ascii.ts";

const KEPT_BYTES = 1 << 16;
const BYTES_MAX = 1 << 29;

/** A growing string of bytes. */
export class ByteBuilder {
  bytes = new Uint8Array(1024);
  length = 0;

  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(1024);
  }

  /** Makes room for `count` more. Throws a RangeError where that is too much. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > BYTES_MAX) throw new RangeError("Out of memory");
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  range(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(this.bytes, this.length, bytes, start, end);
    this.length += end - start;
  }

  /** A text of one character per byte. */
  text(text: string): void {
    for (let k = 0; k < text.length; k++) this.byte(text.charCodeAt(k));
  }

  /** The low `count` bytes of a number, big end first. */
  bigEndian(value: number, count: number): void {
    for (let k = count - 1; k >= 0; k--) this.byte((value >>> (k * 8)) & 0xff);
  }
}
