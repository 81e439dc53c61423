// hot path: no allocation per command
//
// The index: an extendible hash table of cells (hash, ref) in the byte pool. Which key a ref stands
// for is the caller's business; this file knows hashes only.
//
//   directory   2^depth entries, indexed by the top bits of the hash; each names a segment. A
//               segment of depth d < depth stands at 2^(depth - d) neighbouring entries.
//   segment     one pool block:   word 0      number of cells in use, and << 16 of cells in all
//                                 word 1      number of volatile ones (the owner's count)
//                                 words 2-3   double: lower bound of the owner's expiry times, ms
//                                 words 4...  cells of two words: hash, ref (0 = empty)
//
// Within a segment cells are ordered by hash (Amble and Knuth, "Ordered hash tables", 1974, but
// without wrap-around): a cell lies at or behind its home, `hash bits below d * capacity >> bits`,
// and everything between its home and itself is in use. Behind the last home come spare cells; the
// last cell is always empty and stops every search. Removal shifts the followers back, so there are
// no tombstones. A segment grows by 128 homes (a small one by a quarter) when it is 7/8 full,
// splits in two when it would exceed 1,024 homes, and two sparse buddies merge. The whole table is
// thus ordered by hash, at any size, which makes a hash a scan position that no growth or shrinking
// invalidates.

import { assert } from "../base/assert.ts";
import { type Random, randomBelow } from "../base/random.ts";
import {
  DEPTH_MASK,
  growthOf,
  HEADER_WORDS,
  HOMES_MAX,
  HOMES_MIN,
  HOMES_SHIFT,
  homeOf,
  homesFor,
  USED_MASK,
  verifySegment,
} from "./cell-layout.ts";
import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, type Pool, PoolExhausted } from "./pool.ts";

/** No cell: `seek` found nothing. */
export const NO_CELL = -1;

/** What stands in front of a segment's cells, and one of those. */
export const SEGMENT_HEADER_BYTES = HEADER_WORDS * 4;
export const CELL_BYTES = 8;

/** Spare cells behind the last home that a new segment has at least, the stopper included. */
const SPARE_MIN = 6;
/** From this depth on the low bits no longer order well; segments then grow spare cells instead. */
const DEPTH_MAX = 22;

/** A sparse segment tries to shrink once per 64 removals, since the try may fail. */
const SHRINK_MASK = 63;

/** In a segment's first word: the number of its cells. */
const CELLS_SHIFT = 16;
const CELLS_MAX = 0xffff;

/** How often a draw may miss before cells are counted instead. */
const DRAW_TRIES = 64;
/** After this many missed draws per segment the densest one is looked for. */
const MISSES_PER_SEGMENT = 16;

/** Hash ordered cells; see the head of this file. */
export class CellTable {
  readonly #pool: Pool;
  /** log2 of the directory's length. */
  #depth = 0;
  #segmentRefs = new Uint32Array(1);
  /** homes << 8 | depth of each directory entry's segment. */
  #segmentShapes = new Uint32Array(1);
  /** Segments whose depth equals the directory's; when none is left the directory halves. */
  #deepest = 1;
  #segments = 1;

  /** Cells in use. */
  count = 0;
  /** Cells whose owner counts them as volatile. */
  volatileCount = 0;
  /** After a successful `seek`, the words that the cell's index refers to. */
  words: Uint32Array;
  /** Counts changes of cells, so that `insert` knows whether what `seek` found out still holds. */
  #version = 0;
  /** Where a cell of this hash belongs, as the last `seek` that found none saw it. */
  #missedCell = 0;
  #missedHash = 0;
  #missedVersion = -1;
  /** The cell that was inserted last, while nothing else changes: for insertions in hash order. */
  #fingerCell = 0;
  #fingerHash = 0;
  #fingerSegment = NULL_REF;
  #fingerVersion = -1;
  /** The segment that the last `seek` or `insert` looked into. */
  #segment = 0;

  /** Makes an empty table; with room for `expected` cells, as far as one segment goes. */
  constructor(pool: Pool, expected = 0) {
    this.#pool = pool;
    this.words = new Uint32Array(0);
    const homes = expected === 0 ? HOMES_MIN : Math.min(homesFor(expected), HOMES_MAX);
    this.#segmentRefs[0] = this.#newSegment(homes);
    this.#segmentShapes[0] = homes << HOMES_SHIFT;
    this.#noteDensity((pool.capacity(this.#segmentRefs[0]) - SEGMENT_HEADER_BYTES) / CELL_BYTES, 0);
    pool.outsideBytes += this.directoryBytes;
  }

  /** Gives back all memory. The table must not be used afterwards. */
  dispose(): void {
    for (let entry = 0; entry < this.#segmentRefs.length; entry += this.#span(entry)) {
      this.#freeSegment(this.#segmentRefs[entry]);
    }
    this.#pool.outsideBytes -= this.directoryBytes;
    this.#segmentRefs = new Uint32Array(0);
    this.#segmentShapes = new Uint32Array(0);
    this.count = 0;
  }

  /** Number of segments, for introspection. */
  get segmentCount(): number {
    return this.#segments;
  }

  /** Whether a ref's cell is volatile. Replaced by owners whose cells may be. */
  isVolatile: (ref: number) => boolean = () => false;

  /** Bytes of the table in the pool. */
  segmentBytes = 0;

  /** All bytes of the table. */
  get totalBytes(): number {
    return this.segmentBytes + this.directoryBytes;
  }

  /** The share of one cell in the table's bytes. */
  get bytesPerCell(): number {
    return Math.ceil(this.totalBytes / Math.max(1, this.count));
  }

  /** Bytes held outside the pool. */
  get directoryBytes(): number {
    return this.#segmentRefs.byteLength + this.#segmentShapes.byteLength;
  }

  /** What `expect` told, for the next search; valid while nothing changes. */
  aheadRef = NULL_REF;
  #aheadHash = 0;
  #aheadVersion = -1;

  /** The number of changes so far: what a `peek` found holds while it stays the same. */
  get version(): number {
    return this.#version;
  }

  /** Tells that, at a version of the table, `peek(hash)` found `ref`. */
  expect(hash: number, ref: number, version: number): void {
    this.aheadRef = ref;
    this.#aheadHash = hash;
    this.#aheadVersion = version;
  }

  /** Whether `aheadRef` is what `peek(hash)` would find. */
  isAhead(hash: number): boolean {
    return this.#aheadHash === hash && this.#aheadVersion === this.#version;
  }

  /** The ref of the first cell with a hash, or NULL_REF; disturbs no cell that `seek` found. */
  peek(hash: number): number {
    const entry = (hash >>> 1) >>> (31 - this.#depth);
    const ref = this.#segmentRefs[entry];
    const words = this.#pool.words[ref >>> CHUNK_SHIFT];
    const wanted = hash >>> 0;
    let cell =
      ((ref & GRANULE_MASK) << 1) + HEADER_WORDS + (homeOf(hash, this.#segmentShapes[entry]) << 1);
    while (words[cell + 1] !== NULL_REF && words[cell] < wanted) cell += 2;
    return words[cell] === wanted ? words[cell + 1] : NULL_REF;
  }

  /** Loads the home cell of a hash, so that a later `seek` finds it in the cache. */
  touch(hash: number): number {
    const entry = (hash >>> 1) >>> (31 - this.#depth);
    const ref = this.#segmentRefs[entry];
    const shape = this.#segmentShapes[entry];
    const home = homeOf(hash, shape);
    return this.#pool.words[ref >>> CHUNK_SHIFT][
      ((ref & GRANULE_MASK) << 1) + HEADER_WORDS + (home << 1)
    ];
  }

  /** Loads the head of a hash's segment, which counts its cells: for insertions and removals. */
  touchSegment(hash: number): number {
    const ref = this.#segmentRefs[(hash >>> 1) >>> (31 - this.#depth)];
    return this.#pool.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
  }

  /**
   * Finds the first cell with a hash: an index into `words` (the hash there, the ref behind it), or
   * NO_CELL. Valid until the table changes.
   */
  seek(hash: number): number {
    const entry = (hash >>> 1) >>> (31 - this.#depth);
    const ref = this.#segmentRefs[entry];
    const words = this.#pool.words[ref >>> CHUNK_SHIFT];
    const start = (ref & GRANULE_MASK) << 1;
    this.words = words;
    this.#segment = ref;
    const wanted = hash >>> 0;
    let cell = start + HEADER_WORDS + (homeOf(hash, this.#segmentShapes[entry]) << 1);
    if (this.#fingerVersion === this.#version && wanted > this.#fingerHash) {
      // Cells are ordered: what belongs behind the newest one is not in front of it.
      if (this.#fingerSegment === ref && this.#fingerCell > cell) cell = this.#fingerCell;
    }
    while (words[cell + 1] !== NULL_REF) {
      const found = words[cell];
      if (found === wanted) return cell;
      if (found > wanted) break;
      cell += 2;
    }
    this.#missedCell = cell;
    this.#missedHash = hash;
    this.#missedVersion = this.#version;
    return NO_CELL;
  }

  /** The next cell with the same hash behind one that `seek` or `next` returned, or NO_CELL. */
  next(cell: number): number {
    const words = this.words;
    return words[cell + 3] !== NULL_REF && words[cell + 2] === words[cell] ? cell + 2 : NO_CELL;
  }

  /** The ref in a cell. */
  refAt(cell: number): number {
    return this.words[cell + 1];
  }

  /** Replaces the ref in a cell that `seek` returned. */
  setRef(cell: number, ref: number): void {
    this.#version = (this.#version + 1) | 0;
    this.words[cell + 1] = ref;
  }

  /** Notes that one more (or, with -1, one less) cell of the last sought segment is volatile. */
  addVolatile(difference: number): void {
    this.words[((this.#segment & GRANULE_MASK) << 1) + 1] += difference;
    this.volatileCount += difference;
  }

  /** Lowers the last sought segment's bound of expiry times. */
  noteExpiry(expiryMs: number): void {
    const doubles = this.#pool.doubles[this.#segment >>> CHUNK_SHIFT];
    const at = (this.#segment & GRANULE_MASK) + 1;
    if (expiryMs < doubles[at]) doubles[at] = expiryMs;
  }

  /** Adds a cell. Throws PoolExhausted, with nothing changed, when growing finds no memory. */
  insert(hash: number, ref: number): void {
    for (;;) {
      const entry = (hash >>> 1) >>> (31 - this.#depth);
      const segment = this.#segmentRefs[entry];
      const shape = this.#segmentShapes[entry];
      const homes = shape >>> HOMES_SHIFT;
      const words = this.#pool.words[segment >>> CHUNK_SHIFT];
      const start = (segment & GRANULE_MASK) << 1;
      const used = words[start] & USED_MASK;
      const isFull = used >= homes - (homes >>> 3);
      this.#segment = segment;
      if (!isFull && this.#place(words, start, hash, ref, shape)) {
        words[start]++;
        this.count++;
        this.#version = (this.#version + 1) | 0;
        this.words = words;
        this.#fingerSegment = segment;
        this.#fingerVersion = this.#version;
        return;
      }
      this.#makeRoom(entry);
    }
  }

  /** Removes a cell that `seek` or `next` returned. */
  remove(cell: number, hash: number, isVolatile: boolean): void {
    const words = this.words;
    const start = (this.#segment & GRANULE_MASK) << 1;
    const entry = (hash >>> 1) >>> (31 - this.#depth);
    const shape = this.#segmentShapes[entry];
    const cells = start + HEADER_WORDS;
    let hole = cell;
    while (
      words[hole + 3] !== NULL_REF &&
      cells + (homeOf(words[hole + 2] | 0, shape) << 1) <= hole
    ) {
      words[hole] = words[hole + 2];
      words[hole + 1] = words[hole + 3];
      hole += 2;
    }
    words[hole + 1] = NULL_REF;
    this.count--;
    const used = --words[start] & USED_MASK;
    this.#version = (this.#version + 1) | 0;
    if (isVolatile) this.addVolatile(-1);
    const homes = shape >>> HOMES_SHIFT;
    const isSparse = used < homes >>> 1;
    if (isSparse && (used & (homes > 128 ? SHRINK_MASK : 7)) === 0) this.#shrink(entry, used);
  }

  /**
   * Visits the cells from a position on, in hash order, up to the end of one segment or, when
   * `limit` cells have been visited, to the end of the current hash. Returns the next position, or
   * 0 behind the last cell. `visit` must not change the table.
   */
  scan(position: number, limit: number, visit: (ref: number, hash: number) => void): number {
    const entry = (position >>> 1) >>> (31 - this.#depth);
    const segment = this.#segmentRefs[entry];
    const shape = this.#segmentShapes[entry];
    const words = this.#pool.words[segment >>> CHUNK_SHIFT];
    const first = ((segment & GRANULE_MASK) << 1) + HEADER_WORDS;
    const end = first - HEADER_WORDS + this.#pool.capacity(segment) / 4;
    let visited = 0;
    let last = -1;
    for (let cell = first + (homeOf(position | 0, shape) << 1); cell < end; cell += 2) {
      const ref = words[cell + 1];
      if (ref === NULL_REF || words[cell] < position) continue;
      if (visited >= limit && words[cell] !== last) return words[cell];
      last = words[cell];
      visit(ref, last);
      visited++;
    }
    const depth = shape & DEPTH_MASK;
    if (depth === 0) return 0;
    const prefix = position >>> (32 - depth);
    return ((prefix + 1) << (32 - depth)) >>> 0;
  }

  /** Number of used cells in the segment at a position. */
  usedAt(position: number): number {
    return this.#usedOf((position >>> 1) >>> (31 - this.#depth));
  }

  /**
   * Copies the used cells of the segment at a position, in hash order, hash and ref in turn, into
   * an array with room for `usedAt` pairs. Returns their number.
   */
  copyCells(position: number, pairs: Uint32Array): number {
    const segment = this.#segmentRefs[(position >>> 1) >>> (31 - this.#depth)];
    const words = this.#pool.words[segment >>> CHUNK_SHIFT];
    const start = (segment & GRANULE_MASK) << 1;
    const used = words[start] & USED_MASK;
    let at = 0;
    for (let cell = start + HEADER_WORDS; at < used * 2; cell += 2) {
      const ref = words[cell + 1];
      if (ref === NULL_REF) continue;
      pairs[at] = words[cell];
      pairs[at + 1] = ref;
      at += 2;
    }
    return used;
  }

  /** Number of volatile cells in the segment at a position. */
  volatileAt(position: number): number {
    const entry = (position >>> 1) >>> (31 - this.#depth);
    const segment = this.#segmentRefs[entry];
    return this.#pool.words[segment >>> CHUNK_SHIFT][((segment & GRANULE_MASK) << 1) + 1];
  }

  /** The segment's lower bound of expiry times at a position; Infinity when nothing expires. */
  earliestExpiry(position: number): number {
    const entry = (position >>> 1) >>> (31 - this.#depth);
    const segment = this.#segmentRefs[entry];
    return this.#pool.doubles[segment >>> CHUNK_SHIFT][(segment & GRANULE_MASK) + 1];
  }

  /** Sets the bound after a walk of the whole segment has found the true value. */
  setEarliestExpiry(position: number, expiryMs: number): void {
    const entry = (position >>> 1) >>> (31 - this.#depth);
    const segment = this.#segmentRefs[entry];
    this.#pool.doubles[segment >>> CHUNK_SHIFT][(segment & GRANULE_MASK) + 1] = expiryMs;
  }

  /** The first position of the segment at a position. */
  segmentStart(position: number): number {
    const depth = this.#segmentShapes[(position >>> 1) >>> (31 - this.#depth)] & DEPTH_MASK;
    return depth === 0 ? 0 : ((position >>> (32 - depth)) << (32 - depth)) >>> 0;
  }

  /** The first position behind the segment at a position, or 0 at the table's end. */
  segmentEnd(position: number): number {
    const depth = this.#segmentShapes[(position >>> 1) >>> (31 - this.#depth)] & DEPTH_MASK;
    return depth === 0 ? 0 : (((position >>> (32 - depth)) + 1) << (32 - depth)) >>> 0;
  }

  /** Moves the segment at a position out of a chunk that is being evacuated. */
  relocate(position: number): void {
    const entry = (position >>> 1) >>> (31 - this.#depth);
    const segment = this.#segmentRefs[entry];
    if (!this.#pool.isEvacuating(segment)) return;
    this.#grow(entry, this.#segmentShapes[entry] >>> HOMES_SHIFT);
  }

  /** The hash of the cell that `draw` returned last. */
  drawnHash = 0;
  /** At least `cells << depth` of every segment. */
  #densest = 0;
  /** Draws that met no cell since `#densest` was exact. */
  #misses = 0;

  /**
   * The ref of a random cell, every one of the table equally likely; its hash is left in
   * `drawnHash`. The table must not be empty.
   *
   * A directory entry is drawn, which meets a segment with probability 2^-depth, then a number
   * below `#densest >> depth`: as a cell's number, each cell's is as likely as any other's,
   * whatever its segment's depth and size. A number of no cell, or of an empty one, draws again.
   * What mostly misses, as while one end of the table is empty, ends in a count of segments,
   * which is as fair.
   */
  draw(random: Random): number {
    const words = this.#pool.words;
    for (let tries = 0; tries < DRAW_TRIES; tries++) {
      const entry = (random.uint32() >>> 1) >>> (31 - this.#depth);
      const segment = this.#segmentRefs[entry];
      const shape = this.#segmentShapes[entry];
      const range = this.#densest / (1 << (shape & DEPTH_MASK));
      const index = Math.floor((random.uint32() / 0x1_0000_0000) * range);
      const found = words[segment >>> CHUNK_SHIFT];
      const start = (segment & GRANULE_MASK) << 1;
      // The segment's own word lies far from the cell: asked only where its homes do not tell.
      const isSurplus = index >= (shape >>> HOMES_SHIFT) + SPARE_MIN;
      if (isSurplus && index >= found[start] >>> CELLS_SHIFT) continue;
      const cell = start + HEADER_WORDS + (index << 1);
      if (found[cell + 1] === NULL_REF) continue;
      this.drawnHash = found[cell] | 0;
      if (tries > 0) this.#noteMisses(tries);
      return found[cell + 1];
    }
    this.#misses = 0;
    return this.#drawByCount(randomBelow(random, this.count));
  }

  /** Looks how dense segments are by now, once draws have missed so often that it pays. */
  #noteMisses(misses: number): void {
    this.#misses += misses;
    if (this.#misses < this.#segments * MISSES_PER_SEGMENT) return;
    this.#misses = 0;
    const { drawnHash } = this;
    this.#drawByCount(0);
    this.drawnHash = drawnHash;
  }

  /** Cold: the ref of the cell that `index` cells come before; tightens `#densest` on the way. */
  #drawByCount(index: number): number {
    let before = index;
    let drawn = NULL_REF;
    let densest = 0;
    for (let entry = 0; entry < this.#segmentRefs.length; entry += this.#span(entry)) {
      const segment = this.#segmentRefs[entry];
      const words = this.#pool.words[segment >>> CHUNK_SHIFT];
      const start = (segment & GRANULE_MASK) << 1;
      const depth = this.#segmentShapes[entry] & DEPTH_MASK;
      densest = Math.max(densest, (words[start] >>> CELLS_SHIFT) * 2 ** depth);
      const used = words[start] & USED_MASK;
      if (drawn === NULL_REF && before < used) {
        let cell = start + HEADER_WORDS;
        for (; words[cell + 1] === NULL_REF || before > 0; cell += 2) {
          if (words[cell + 1] !== NULL_REF) before--;
        }
        drawn = words[cell + 1];
        this.drawnHash = words[cell] | 0;
      }
      before -= used;
    }
    this.#densest = densest;
    return drawn;
  }

  /**
   * Cold: a copy of the table, in which every ref is what `copy` makes of it. Where that throws, or
   * memory runs out, `discard` is called for what has been copied, and nothing has changed.
   */
  clone(copy: (ref: number) => number, discard: (ref: number) => void): CellTable {
    const pool = this.#pool;
    const twin = new CellTable(pool);
    let copied = 0;
    try {
      twin.#copySegments(this);
      twin.#forEachCell((words, cell) => {
        words[cell + 1] = copy(words[cell + 1]);
        copied++;
      });
    } catch (error) {
      twin.#forEachCell((words, cell) => {
        if (copied-- > 0) discard(words[cell + 1]);
      });
      twin.dispose();
      throw error;
    }
    return twin;
  }

  /** Cold: takes over the shape and the cells of another table; this one is empty. */
  #copySegments(source: CellTable): void {
    const pool = this.#pool;
    const length = source.#segmentRefs.length;
    const refs = new Uint32Array(length);
    let entry = 0;
    try {
      for (; entry < length; entry += source.#span(entry)) {
        const from = source.#segmentRefs[entry];
        const capacity = pool.capacity(from);
        const to = pool.allocate(capacity);
        const start = (from & GRANULE_MASK) << 1;
        pool.words[to >>> CHUNK_SHIFT].set(
          pool.words[from >>> CHUNK_SHIFT].subarray(start, start + capacity / 4),
          (to & GRANULE_MASK) << 1,
        );
        refs.fill(to, entry, entry + source.#span(entry));
      }
    } catch (error) {
      for (let freed = 0; freed < entry; freed += source.#span(freed)) pool.free(refs[freed]);
      throw error;
    }
    this.dispose();
    this.#segmentRefs = refs;
    this.#segmentShapes = source.#segmentShapes.slice();
    this.#depth = source.#depth;
    this.#deepest = source.#deepest;
    this.#segments = source.#segments;
    this.#densest = source.#densest;
    this.count = source.count;
    this.volatileCount = source.volatileCount;
    this.segmentBytes = source.segmentBytes;
    pool.outsideBytes += this.directoryBytes;
  }

  /** Cold: calls `visit` with every used cell. */
  #forEachCell(visit: (words: Uint32Array, cell: number) => void): void {
    for (let entry = 0; entry < this.#segmentRefs.length; entry += this.#span(entry)) {
      const segment = this.#segmentRefs[entry];
      const words = this.#pool.words[segment >>> CHUNK_SHIFT];
      const start = (segment & GRANULE_MASK) << 1;
      const end = start + this.#pool.capacity(segment) / 4;
      for (let cell = start + HEADER_WORDS; cell < end; cell += 2) {
        if (words[cell + 1] !== NULL_REF) visit(words, cell);
      }
    }
  }

  /** Checks order, reachability and counts of every segment. Throws on the first violation. */
  verify(): void {
    let total = 0;
    let volatileTotal = 0;
    let segments = 0;
    let deepest = 0;
    for (let entry = 0; entry < this.#segmentRefs.length; entry += this.#span(entry)) {
      const shape = this.#segmentShapes[entry];
      segments++;
      if ((shape & DEPTH_MASK) === this.#depth) deepest++;
      const segment = this.#segmentRefs[entry];
      const words = this.#pool.words[segment >>> CHUNK_SHIFT];
      const start = (segment & GRANULE_MASK) << 1;
      total += words[start] & USED_MASK;
      volatileTotal += words[start + 1];
      verifySegment(words, start, this.#pool.capacity(segment) / 4, shape);
      const cells = words[start] >>> CELLS_SHIFT;
      assert(cells * 2 ** (shape & DEPTH_MASK) <= this.#densest, "no segment is denser than known");
    }
    assert(total === this.count, "the table's count is the sum over its segments");
    assert(volatileTotal === this.volatileCount, "volatile cells are counted");
    assert(segments === this.#segments, "segments are counted");
    assert(deepest === this.#deepest, "deepest segments are counted");
  }

  /** Puts a cell in its ordered place; false when the spare cells are used up. */
  #place(words: Uint32Array, start: number, hash: number, ref: number, shape: number): boolean {
    const wanted = hash >>> 0;
    let cell = this.#missedCell;
    if (this.#missedVersion !== this.#version || this.#missedHash !== hash) {
      cell = start + HEADER_WORDS + (homeOf(hash, shape) << 1);
      if (this.#fingerVersion === this.#version && wanted >= this.#fingerHash) {
        const isHere = this.#fingerSegment === this.#segment;
        if (isHere && this.#fingerCell > cell) cell = this.#fingerCell;
      }
    }
    while (words[cell + 1] !== NULL_REF && words[cell] <= wanted) cell += 2;
    let empty = cell;
    while (words[empty + 1] !== NULL_REF) empty += 2;
    // The last cell stays empty.
    const last = start + HEADER_WORDS + ((words[start] >>> CELLS_SHIFT) << 1) - 2;
    if (empty >= last) return false;
    for (; empty > cell; empty -= 2) {
      words[empty] = words[empty - 2];
      words[empty + 1] = words[empty - 1];
    }
    words[cell] = wanted;
    words[cell + 1] = ref;
    this.#fingerCell = cell;
    this.#fingerHash = wanted;
    return true;
  }

  /** Grows or splits the segment of a directory entry. */
  #makeRoom(entry: number): void {
    const shape = this.#segmentShapes[entry];
    const homes = shape >>> HOMES_SHIFT;
    if (homes < HOMES_MAX) {
      this.#grow(entry, Math.min(HOMES_MAX, homes + growthOf(homes)));
    } else if ((shape & DEPTH_MASK) < DEPTH_MAX) {
      this.#split(entry);
    } else {
      this.#grow(entry, homes + HOMES_MAX);
    }
  }

  /**
   * Merges a sparse segment with its buddy, or gives it fewer homes. Leaves it alone where its
   * cells do not fit in hash order, as after removals in that order, which leave one end empty.
   */
  #shrink(entry: number, used: number): void {
    // alloc: `try` costs nothing while nothing is thrown
    try {
      if (this.#mergeWithBuddy(entry, used)) return;
      const homes = this.#segmentShapes[entry] >>> HOMES_SHIFT;
      if (homes > HOMES_MIN) this.#resize(entry, Math.max(HOMES_MIN, homesFor(used)));
    } catch (error) {
      // Without memory for a smaller segment the large one stays: removing must not fail.
      if (!(error instanceof RangeError)) throw error;
    }
  }

  /** Gives a segment more homes; as many more as its cells need in order to fit. */
  #grow(entry: number, homes: number): void {
    for (let wanted = homes; !this.#resize(entry, wanted); ) wanted += growthOf(wanted);
  }

  /** Rebuilds a segment with another number of homes; false where its cells do not fit. */
  #resize(entry: number, homes: number): boolean {
    const shape = this.#segmentShapes[entry];
    const depth = shape & DEPTH_MASK;
    const old = this.#segmentRefs[entry];
    const used = this.#usedOf(entry);
    const fresh = this.#newSegment(homes);
    const freshShape = (homes << HOMES_SHIFT) | depth;
    if (this.#fill(fresh, freshShape, old, HEADER_WORDS, used) < 0) {
      this.#freeSegment(fresh);
      return false;
    }
    this.#copyOwnerFields(old, fresh);
    this.#setVolatile(fresh, this.#volatileOf(old));
    this.#assign(entry, fresh, freshShape);
    this.#freeSegment(old);
    return true;
  }

  /** Cold, about once per 450 insertions: divides a full segment in two. */
  #split(entry: number): void {
    const shape = this.#segmentShapes[entry];
    const depth = shape & DEPTH_MASK;
    if (depth === this.#depth) {
      this.#doubleDirectory();
      return this.#split(entry * 2);
    }
    const old = this.#segmentRefs[entry];
    const words = this.#pool.words[old >>> CHUNK_SHIFT];
    const start = (old & GRANULE_MASK) << 1;
    const used = words[start] & USED_MASK;
    const bit = 0x8000_0000 >>> depth;
    let lowUsed = 0;
    let lowEnd = HEADER_WORDS;
    for (let at = HEADER_WORDS; lowUsed < used; at += 2) {
      if (words[start + at + 1] === NULL_REF) continue;
      if ((words[start + at] & bit) !== 0) break;
      lowUsed++;
      lowEnd = at + 2;
    }
    const low = this.#halfSegment(old, HEADER_WORDS, lowUsed, depth + 1);
    let high: { ref: number; shape: number };
    try {
      high = this.#halfSegment(old, lowEnd, used - lowUsed, depth + 1);
    } catch (error) {
      this.#freeSegment(low.ref);
      throw error;
    }
    const half = 1 << (this.#depth - depth - 1);
    const first = entry & ~(half * 2 - 1);
    for (let k = 0; k < half; k++) {
      this.#segmentRefs[first + k] = low.ref;
      this.#segmentShapes[first + k] = low.shape;
      this.#segmentRefs[first + half + k] = high.ref;
      this.#segmentShapes[first + half + k] = high.shape;
    }
    this.#divideOwnerFields(old, low.ref, high.ref);
    this.#segments++;
    if (depth + 1 === this.#depth) this.#deepest += 2;
    this.#freeSegment(old);
  }

  /** Divides a split segment's owner fields between its halves. */
  #divideOwnerFields(old: number, low: number, high: number): void {
    this.#copyOwnerFields(old, low);
    this.#copyOwnerFields(old, high);
    const total = this.#volatileOf(old);
    if (total === 0) return;
    const words = this.#pool.words[low >>> CHUNK_SHIFT];
    const start = (low & GRANULE_MASK) << 1;
    const end = start + this.#pool.capacity(low) / 4;
    let lowVolatile = 0;
    for (let cell = start + HEADER_WORDS; cell < end; cell += 2) {
      if (words[cell + 1] !== NULL_REF && this.isVolatile(words[cell + 1])) lowVolatile++;
    }
    this.#setVolatile(low, lowVolatile);
    this.#setVolatile(high, total - lowVolatile);
  }

  /** A new segment with `used` cells of an old one, from word offset `from` on. */
  #halfSegment(
    old: number,
    from: number,
    used: number,
    depth: number,
  ): { ref: number; shape: number } {
    // alloc: once per split, that is about once per 450 insertions
    for (let homes = homesFor(used); ; homes += growthOf(homes)) {
      const ref = this.#newSegment(homes);
      const shape = (homes << HOMES_SHIFT) | depth;
      if (this.#fill(ref, shape, old, from, used) >= 0) return { ref, shape };
      this.#freeSegment(ref);
    }
  }

  /** Merges the segment with its buddy where both together stay small. Tells whether it did. */
  #mergeWithBuddy(entry: number, used: number): boolean {
    const depth = this.#segmentShapes[entry] & DEPTH_MASK;
    if (depth === 0) return false;
    const span = 1 << (this.#depth - depth);
    const mine = entry & ~(span - 1);
    const buddy = mine ^ span;
    if ((this.#segmentShapes[buddy] & DEPTH_MASK) !== depth) return false;
    const total = used + this.#usedOf(buddy);
    // Merging pays once the result leaves room to grow to before it would split again.
    if (total > HOMES_MAX / 2) return false;
    const low = this.#segmentRefs[Math.min(mine, buddy)];
    const high = this.#segmentRefs[Math.max(mine, buddy)];
    const homes = homesFor(total);
    const merged = this.#newSegment(homes);
    const shape = (homes << HOMES_SHIFT) | (depth - 1);
    let position = this.#fill(merged, shape, low, HEADER_WORDS, this.#usedAt(low));
    if (position >= 0) {
      position = this.#fill(merged, shape, high, HEADER_WORDS, this.#usedAt(high), position);
    }
    if (position < 0) {
      this.#freeSegment(merged);
      return false;
    }
    this.#copyOwnerFields(low, merged);
    this.#lowerExpiry(merged, high);
    this.#setVolatile(merged, this.#volatileOf(low) + this.#volatileOf(high));
    this.#assign(Math.min(mine, buddy), merged, shape);
    this.#freeSegment(low);
    this.#freeSegment(high);
    this.#segments--;
    if (depth === this.#depth) {
      this.#deepest -= 2;
      while (this.#deepest === 0 && this.#depth > 0) this.#halveDirectory();
    }
    return true;
  }

  /**
   * Copies `used` cells of a segment, from word offset `from` on, into another one in order. `at`
   * is the first free word offset there. Returns the next free word offset, or -1 when cells ran
   * out.
   */
  #fill(
    target: number,
    shape: number,
    source: number,
    from: number,
    used: number,
    at = HEADER_WORDS,
  ): number {
    const sourceWords = this.#pool.words[source >>> CHUNK_SHIFT];
    const sourceStart = (source & GRANULE_MASK) << 1;
    const words = this.#pool.words[target >>> CHUNK_SHIFT];
    const start = (target & GRANULE_MASK) << 1;
    const end = this.#pool.capacity(target) / 4 - 2;
    let free = at;
    let left = used;
    for (let cell = sourceStart + from; left > 0; cell += 2) {
      const ref = sourceWords[cell + 1];
      if (ref === NULL_REF) continue;
      const hash = sourceWords[cell];
      const home = HEADER_WORDS + (homeOf(hash | 0, shape) << 1);
      if (home > free) free = home;
      if (free >= end) return -1;
      words[start + free] = hash;
      words[start + free + 1] = ref;
      free += 2;
      left--;
    }
    words[start] += used;
    this.#noteDensity(words[start] >>> CELLS_SHIFT, shape & DEPTH_MASK);
    this.#version = (this.#version + 1) | 0;
    return free;
  }

  #noteDensity(cells: number, depth: number): void {
    const density = cells * 2 ** depth;
    if (density > this.#densest) this.#densest = density;
  }

  #newSegment(homes: number): number {
    const ref = this.#pool.allocate(SEGMENT_HEADER_BYTES + (homes + SPARE_MIN) * CELL_BYTES);
    const words = this.#pool.words[ref >>> CHUNK_SHIFT];
    const start = (ref & GRANULE_MASK) << 1;
    const capacity = this.#pool.capacity(ref);
    const cells = (capacity - SEGMENT_HEADER_BYTES) / CELL_BYTES;
    if (cells > CELLS_MAX) {
      this.#pool.free(ref);
      throw new PoolExhausted("too many keys have the same hash");
    }
    this.segmentBytes += capacity;
    words.fill(0, start, start + capacity / 4);
    words[start] = cells << CELLS_SHIFT;
    this.#pool.doubles[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) + 1] = Number.POSITIVE_INFINITY;
    return ref;
  }

  #freeSegment(ref: number): void {
    this.segmentBytes -= this.#pool.capacity(ref);
    this.#pool.free(ref);
  }

  /** Points every directory entry of the segment's span at it. */
  #assign(entry: number, ref: number, shape: number): void {
    const span = 1 << (this.#depth - (shape & DEPTH_MASK));
    const first = entry & ~(span - 1);
    this.#segmentRefs.fill(ref, first, first + span);
    this.#segmentShapes.fill(shape, first, first + span);
  }

  #doubleDirectory(): void {
    const length = this.#segmentRefs.length;
    // alloc: the directory doubles once per doubling of the table
    const refs = new Uint32Array(length * 2);
    const shapes = new Uint32Array(length * 2);
    for (let k = 0; k < length; k++) {
      refs[2 * k] = refs[2 * k + 1] = this.#segmentRefs[k];
      shapes[2 * k] = shapes[2 * k + 1] = this.#segmentShapes[k];
    }
    this.#pool.outsideBytes += this.directoryBytes;
    this.#segmentRefs = refs;
    this.#segmentShapes = shapes;
    this.#depth++;
    this.#deepest = 0;
  }

  #halveDirectory(): void {
    const length = this.#segmentRefs.length / 2;
    const refs = new Uint32Array(length);
    const shapes = new Uint32Array(length);
    this.#depth--;
    for (let k = 0; k < length; k++) {
      refs[k] = this.#segmentRefs[2 * k];
      shapes[k] = this.#segmentShapes[2 * k];
      if ((shapes[k] & DEPTH_MASK) === this.#depth) this.#deepest++;
    }
    this.#segmentRefs = refs;
    this.#segmentShapes = shapes;
    this.#pool.outsideBytes -= this.directoryBytes;
  }

  #span(entry: number): number {
    return 1 << (this.#depth - (this.#segmentShapes[entry] & DEPTH_MASK));
  }

  #usedOf(entry: number): number {
    return this.#usedAt(this.#segmentRefs[entry]);
  }

  #usedAt(segment: number): number {
    return this.#pool.words[segment >>> CHUNK_SHIFT][(segment & GRANULE_MASK) << 1] & USED_MASK;
  }

  #volatileOf(segment: number): number {
    return this.#pool.words[segment >>> CHUNK_SHIFT][((segment & GRANULE_MASK) << 1) + 1];
  }

  #setVolatile(segment: number, count: number): void {
    this.#pool.words[segment >>> CHUNK_SHIFT][((segment & GRANULE_MASK) << 1) + 1] = count;
  }

  #copyOwnerFields(from: number, to: number): void {
    this.#pool.doubles[to >>> CHUNK_SHIFT][(to & GRANULE_MASK) + 1] =
      this.#pool.doubles[from >>> CHUNK_SHIFT][(from & GRANULE_MASK) + 1];
  }

  #lowerExpiry(target: number, other: number): void {
    const bound = this.#pool.doubles[other >>> CHUNK_SHIFT][(other & GRANULE_MASK) + 1];
    const doubles = this.#pool.doubles[target >>> CHUNK_SHIFT];
    const at = (target & GRANULE_MASK) + 1;
    if (bound < doubles[at]) doubles[at] = bound;
  }
}
