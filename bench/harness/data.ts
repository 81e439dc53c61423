// Seeded data: every run of a bench sees the same keys, values, numbers and orders.

import { type Random, randomBelow, Xoshiro } from "../../src/base/random.ts";

const SEED = 20_240_229;

/** A generator of its own for each bench, so that adding one changes none of the others' data. */
export function seeded(name: string): Random {
  return new Xoshiro(SEED ^ Bun.hash.crc32(name));
}

/** Byte ranges laid one behind the other, as arguments lie in a received chunk. */
export interface Ranges {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Lays texts of one character per byte one behind the other. */
export function rangesOf(texts: readonly string[]): Ranges {
  const starts = new Int32Array(texts.length);
  const ends = new Int32Array(texts.length);
  let at = 0;
  for (let k = 0; k < texts.length; k++) {
    starts[k] = at;
    at += texts[k].length;
    ends[k] = at;
  }
  return { bytes: new Uint8Array(Buffer.from(texts.join(""), "latin1")), starts, ends };
}

/** `count` printable bytes. */
export function randomText(random: Random, count: number): string {
  let text = "";
  for (let k = 0; k < count; k++) text += String.fromCharCode(33 + randomBelow(random, 94));
  return text;
}

/** The numbers below `count` in random order. */
export function shuffled(random: Random, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k--) {
    const other = randomBelow(random, k + 1);
    const kept = order[k];
    order[k] = order[other];
    order[other] = kept;
  }
  return order;
}

/** The key that redis-benchmark would make of a number: `key:000000000001`, 16 bytes. */
export function keyName(index: number): string {
  return `key:${String(index).padStart(12, "0")}`;
}

/** A request as clients send it. Texts are one character per byte. */
export function requestText(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}
