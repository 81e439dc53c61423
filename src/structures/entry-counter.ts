// hot path: no allocation per command
//
// Counts of stream entries, added to a stream or read by a group. A client may set them to any
// int64, so they are exact beyond 2^53 too.

import { Int64 } from "../base/int64.ts";

const WORD_MAX = 0xffff_ffff;

/** A count that can be unknown, which is -1. */
export class EntryCounter extends Int64 {
  copy(other: Int64): void {
    this.high = other.high;
    this.low = other.low;
  }

  increment(): void {
    if (this.low === WORD_MAX) {
      this.low = 0;
      this.high = (this.high + 1) | 0;
    } else {
      this.low++;
    }
  }

  get isZero(): boolean {
    return this.high === 0 && this.low === 0;
  }

  get isUnknown(): boolean {
    return this.high === -1 && this.low === WORD_MAX;
  }

  setUnknown(): void {
    this.high = -1;
    this.low = WORD_MAX;
  }

  /** Takes away another count, wrapping as int64 does. */
  subtract(other: Int64): void {
    const low = this.low - other.low;
    this.setHalves(this.high - other.high - (low < 0 ? 1 : 0), low);
  }
}
