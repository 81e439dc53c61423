// hot path: no allocation per command
//
// HalfSipHash-1-3, the 32-bit member of the SipHash family (Aumasson and Bernstein, "SipHash: a
// fast short-input PRF", https://cr.yp.to/siphash/siphash-20120918.pdf): keyed, so that nobody who
// does not know the key can make keys collide.

import type { Random } from "./random.ts";
import { wordView } from "./word-view.ts";

/** Hashes byte ranges to int32 under a key drawn at creation. */
export class KeyHasher {
  readonly #key0: number;
  readonly #key1: number;

  constructor(random: Random) {
    this.#key0 = random.uint32() | 0;
    this.#key1 = random.uint32() | 0;
  }

  /** The hash of bytes[start, end) as an int32. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.hashIn(wordView(bytes), start, end);
  }

  /** The same of bytes that there is a view of already. */
  hashIn(view: DataView, start: number, end: number): number {
    let v0 = this.#key0;
    let v1 = this.#key1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    let last = (end - start) << 24;
    const rest = end - at;
    if (rest > 0) {
      last |= view.getUint8(at);
      if (rest > 1) last |= view.getUint8(at + 1) << 8;
      if (rest > 2) last |= view.getUint8(at + 2) << 16;
    }
    v3 ^= last;
    // One round for the last word, then, with 0xff mixed in, the three of the finish.
    for (let round = 0; round < 4; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round === 0) {
        v0 ^= last;
        v2 ^= 0xff;
      }
    }
    return v1 ^ v3;
  }
}
