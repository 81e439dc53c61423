// How long a command's calls took, as a log-linear histogram of nanoseconds. The cells are those of
// an HdrHistogram with two significant digits over 1 ns to 1 s, which Redis uses, so percentiles
// and LATENCY HISTOGRAM come out the same:
//
//     cell      0 ..  255   one nanosecond each
//     cell    256 ..  383   2 ns each, from 256 ns
//     cell    384 ..  511   4 ns each, from 512 ns
//     ...                   every further 128 cells twice as wide as those before
//
// Invariants: the cells' sum is `total`; cells beyond `#cells.length` are zero. Counts are doubles
// because 32 bits overflow within half an hour at a few million calls a second; the array starts
// small and grows to the longest duration seen, which few commands push beyond 2,000 cells.

const HALF = 128;
const MAX_NS = 1_000_000_000;
const FIRST_CELLS = 4 * HALF;
/** The cell that ends at 2^30 ns, which holds everything cut to a second. */
const LAST_CELL = 23 * HALF + HALF - 1;

/** The cell of a duration in whole nanoseconds, at most MAX_NS. */
function cellOf(ns: number): number {
  if (ns < 256) return ns;
  const shift = 24 - Math.clz32(ns);
  return (shift << 7) + (ns >>> shift);
}

/** The longest duration that falls into the same cell. */
function highestOf(cell: number): number {
  if (cell < 256) return cell;
  const shift = (cell >>> 7) - 1;
  const step = 2 ** shift;
  return ((cell & (HALF - 1)) + HALF) * step + step - 1;
}

/** The durations of one command's calls. */
export class LatencyHistogram {
  total = 0;
  #cells = new Float64Array(FIRST_CELLS);

  /**
   * Counts `count` calls of `us` microseconds each, cut to between 1 ns and 1 s. Called for every
   * command: it allocates only when a duration is longer than all before.
   */
  record(us: number, count = 1): void {
    const scaled = us * 1000;
    const ns = scaled < 1 ? 1 : scaled > MAX_NS ? MAX_NS : scaled | 0;
    const cell = cellOf(ns);
    if (cell >= this.#cells.length) this.#grow(cell);
    this.#cells[cell] += count;
    this.total += count;
  }

  /** The duration in microseconds that `percentile` percent of the calls did not exceed. */
  percentileUs(percentile: number): number {
    const wanted = Math.max(1, Math.floor((percentile / 100) * this.total + 0.5));
    let seen = 0;
    for (let cell = 0; cell < this.#cells.length; cell++) {
      seen += this.#cells[cell];
      if (seen < wanted) continue;
      // Percentile 0 asks for the shortest call: the lower edge of its cell.
      if (percentile > 0 || cell === 0) return highestOf(cell) / 1000;
      return (highestOf(cell - 1) + 1) / 1000;
    }
    return 0;
  }

  /**
   * The cumulative distribution as LATENCY HISTOGRAM lists it: pairs of an upper bound in whole
   * microseconds, doubling from line to line, and the calls up to it; lines that add nothing are
   * left out. Cold.
   */
  cumulative(): number[] {
    const pairs: number[] = [];
    let seen = 0;
    let reported = 0;
    let cell = 0;
    for (let level = 1024; seen < this.total; level *= 2) {
      const last = level > MAX_NS ? LAST_CELL : cellOf(level);
      for (; cell <= last; cell++) {
        if (cell < this.#cells.length) seen += this.#cells[cell];
      }
      if (seen > reported) pairs.push(Math.floor(highestOf(last) / 1000), seen);
      reported = seen;
    }
    return pairs;
  }

  #grow(cell: number): void {
    const larger = new Float64Array(((cell >>> 7) + 1) * HALF);
    larger.set(this.#cells);
    this.#cells = larger;
  }
}
