// Giving back large values and whole tables without a pause: they are unlinked at once, and their
// blocks are freed in slices by the periodic work, or by whoever needs the memory.

import type { Clock } from "../base/clock.ts";
import type { Container, Releasable } from "../structures/container.ts";

/** Containers up to this many elements are freed on the spot. */
const AT_ONCE_MAX = 64;
/** Blocks freed between two readings of the clock. */
const BLOCKS_PER_CHECK = 512;

/** The values of one keyspace that are on their way out. */
export class LazyFree {
  readonly #queue: Releasable[] = [];
  /** How many values each entry of the queue stands for. */
  readonly #valueCounts: number[] = [];
  /** Values freed in slices so far: `lazyfreed_objects`. */
  freedCount = 0;
  /** Values whose memory is still to be given back: `lazyfree_pending_objects`. */
  pendingCount = 0;

  /** Frees a container that nothing refers to any more; later if it is large. */
  discard(container: Container): void {
    if (container.size > AT_ONCE_MAX) this.defer(container, 1);
    else while (!container.release(BLOCKS_PER_CHECK));
  }

  /** Frees later what holds so many values. */
  defer(value: Releasable, valueCount: number): void {
    this.#queue.push(value);
    this.#valueCounts.push(valueCount);
    this.pendingCount += valueCount;
  }

  /** Frees for about `budgetUs` microseconds. Returns whether there is more to do. */
  run(clock: Clock, budgetUs: number): boolean {
    const queue = this.#queue;
    if (queue.length === 0) return false;
    const deadline = clock.monotonicUs() + budgetUs;
    do {
      // Off the queue meanwhile: a table puts its containers there.
      const value = queue.pop()!;
      const valueCount = this.#valueCounts.pop()!;
      this.pendingCount -= valueCount;
      if (value.release(BLOCKS_PER_CHECK)) this.freedCount += valueCount;
      else this.defer(value, valueCount);
    } while (queue.length > 0 && clock.monotonicUs() < deadline);
    return queue.length > 0;
  }
}
