// hot path: no allocation per command
//
// How many keys of a database have which size, per type, by powers of two: INFO's section Keysizes.
// Kept up to date with every change, so that nobody has to walk the keyspace for it.
//
// The size of a string is its length in bytes, that of a collection its number of elements. Bin 0
// of a type counts empty values; bin k > 0 those of 2^(k-1) up to below 2^k.

import { STREAM } from "../structures/record.ts";

const BIN_COUNT = 33;
const TYPE_COUNT = STREAM + 1;

/** A histogram of the sizes of a database's values per type. */
export class KeySizes {
  readonly #counts = new Float64Array(BIN_COUNT * TYPE_COUNT);

  added(type: number, size: number): void {
    this.#counts[type * BIN_COUNT + 32 - Math.clz32(size)]++;
  }

  removed(type: number, size: number): void {
    this.#counts[type * BIN_COUNT + 32 - Math.clz32(size)]--;
  }

  resized(type: number, before: number, after: number): void {
    if (Math.clz32(before) === Math.clz32(after)) return;
    this.removed(type, before);
    this.added(type, after);
  }

  /** Visits the bins of a type that count something, in order; `least` is a bin's smallest size. */
  forEach(type: number, visit: (least: number, count: number) => void): void {
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const count = this.#counts[type * BIN_COUNT + bin];
      if (count !== 0) visit(bin === 0 ? 0 : 2 ** (bin - 1), count);
    }
  }
}
