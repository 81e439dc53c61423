// hot path: no allocation per command
//
// A growing sequence of byte strings in one buffer, for results that are gathered before they are
// used. An owner keeps one and clears it; what an exceptionally large result took is given back.

import { copyBytes } from "./ascii.ts";

const FIRST_BYTES = 1 << 10;
const FIRST_COUNT = 64;
/** Buffers up to these sizes stay allocated. */
const KEPT_BYTES = 1 << 20;
const KEPT_COUNT = 1 << 14;

/** Many strings of bytes in one array, reused for one lot after another. */
export class ByteRanges {
  count = 0;
  /** All strings, one behind the other; string k is bytes[startOf(k), ends[k]). */
  bytes = new Uint8Array(FIRST_BYTES);
  /** Offsets go beyond 32 bits where gigabytes are gathered. */
  ends = new Float64Array(FIRST_COUNT);

  clear(): void {
    this.count = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(FIRST_BYTES);
    if (this.ends.length > KEPT_COUNT) this.ends = new Float64Array(FIRST_COUNT);
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1];
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const from = this.startOf(this.count);
    const to = from + end - start;
    if (to > this.bytes.length) {
      const larger = new Uint8Array(Math.max(to, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    if (this.count === this.ends.length) {
      const larger = new Float64Array(this.count * 2);
      larger.set(this.ends);
      this.ends = larger;
    }
    copyBytes(this.bytes, from, bytes, start, end);
    this.ends[this.count++] = to;
  }
}
