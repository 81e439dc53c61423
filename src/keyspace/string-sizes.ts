// hot path: no allocation per command
//
// How many strings of a database have which size, by powers of two: INFO's section Keysizes. Kept
// up to date with every record, so that nobody has to walk the keyspace for it.
//
// Bin 0 counts empty strings; bin k > 0 those of 2^(k-1) bytes up to below 2^k.

const BIN_COUNT = 33;

/** A histogram of the lengths of a database's strings. */
export class StringSizes {
  readonly #counts = new Float64Array(BIN_COUNT);

  added(length: number): void {
    this.#counts[32 - Math.clz32(length)]++;
  }

  removed(length: number): void {
    this.#counts[32 - Math.clz32(length)]--;
  }

  resized(oldLength: number, newLength: number): void {
    if (Math.clz32(oldLength) === Math.clz32(newLength)) return;
    this.removed(oldLength);
    this.added(newLength);
  }

  /** Visits the bins that count something, in order; `least` is a bin's shortest length. */
  forEach(visit: (least: number, count: number) => void): void {
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const count = this.#counts[bin];
      if (count !== 0) visit(bin === 0 ? 0 : 2 ** (bin - 1), count);
    }
  }
}
