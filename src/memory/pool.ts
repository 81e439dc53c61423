// hot path: no allocation per command
//
// The byte pool: every key, value and table cell lives in it, addressed by a `ref`.
//
//   ref (u32) = chunk number << 21 | granule within the chunk      (a granule is 8 bytes; 0 is
//   null)
//
//   chunk   one ArrayBuffer of 16 MiB: 256 pages of 64 KiB; or, for a block over 8 MiB, one
//           ArrayBuffer of the block's own size, the block at its granule 0
//   slab    a run of pages carved into blocks of one size class
//   run     a run of pages that is one block
//
// A freed block's first word links to the slab's next free block. Blocks of a slab that were never
// used are not threaded but counted, so that untouched memory stays untouched. Allocation takes the
// fullest slabs first, so that sparse ones drain; an empty slab gives back its pages, and an empty
// chunk is given back to the system at once. `evacuate` marks sparse chunks: nothing is allocated
// in them any more, and whoever holds refs into them moves those blocks elsewhere.
//
// Invariants: usedBytes is the exact sum of the sizes of all live blocks; a page belongs to one
// slab or run or is free; live blocks + free-listed + never-used blocks = the slab's capacity.

import { assert } from "../base/assert.ts";
import {
  CHUNK_PAGES,
  CLASS_GRANULES,
  CLASS_SLAB_BLOCKS,
  CLASS_SLAB_PAGES,
  GRANULE_BYTES,
  PAGE_BYTES,
  SIZE_CLASS_COUNT,
  SMALL_GRANULES_MAX,
  sizeClassOf,
} from "./size-classes.ts";

/** Bits of a ref that number the granule within its chunk. */
export const CHUNK_SHIFT = 21;
/** Masks the granule within the chunk out of a ref. */
export const GRANULE_MASK = (1 << CHUNK_SHIFT) - 1;
/** The ref of nothing. */
export const NULL_REF = 0;

/** Bytes of a chunk that is not one large block's. */
export const CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES;
const CHUNKS_MAX = 1 << (32 - CHUNK_SHIFT);
const PAGE_SHIFT = 13;
/** Above half a chunk a block gets a chunk of its own. */
const RUN_BYTES_MAX = CHUNK_BYTES / 2;

/** Largest block that comes from a slab. */
const SMALL_BYTES_MAX = SMALL_GRANULES_MAX * GRANULE_BYTES;
/** Lengths of values are counted in 32 bits. */
const BLOCK_BYTES_MAX = 2 ** 32 - PAGE_BYTES;

const PAGE_FREE = 0;
const PAGE_RUN = 254;
const PAGE_TAKEN = 255;

/** Slabs that have free blocks are listed by how full they are, in quarters. */
const FILL_BINS = 4;
const NO_PAGE = 0;

const CHUNK_ABSENT = 0;
const CHUNK_PAGED = 1;
const CHUNK_OWN = 2;
const CHUNK_EVACUATING = 3;

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** Thrown when the system or the 32 GiB address space has no more memory. */
export class PoolExhausted extends RangeError {
  override name = "PoolExhausted";
}

/** An allocator over a growing list of chunks. */
export class Pool {
  /** Views of each chunk, indexed by chunk number. Stay valid until the chunk is released. */
  readonly bytes: Uint8Array[] = [];
  readonly words: Uint32Array[] = [];
  readonly doubles: Float64Array[] = [];
  /** For reading words that are not aligned. */
  readonly views: DataView[] = [];
  /** Bytes in live blocks, rounding to size classes included. */
  usedBytes = 0;
  /** Bytes of all chunks held. */
  chunkBytes = 0;
  /** Bytes of arrays that belong to the data but lie outside of the pool; kept by their owners. */
  outsideBytes = 0;

  /** Bytes of pages that hold blocks, and of chunks of one block. */
  get activeBytes(): number {
    let freePages = 0;
    for (let chunk = 0; chunk < this.bytes.length; chunk++)
      freePages += this.#chunkFreePages[chunk];
    return this.chunkBytes - freePages * PAGE_BYTES;
  }

  #chunkKind = new Uint8Array(16);
  #chunkFreePages = new Int32Array(16);

  // Per page, indexed by ref >>> PAGE_SHIFT. For a slab or run all but #pageHead counts at its
  // head.
  #pageKind = new Uint8Array(16 * CHUNK_PAGES);
  #pageHead = new Int32Array(16 * CHUNK_PAGES);
  /** Slab: first free block (a ref). Run: number of pages. */
  #pageFree = new Uint32Array(16 * CHUNK_PAGES);
  /** Blocks of the slab that were never used; they are its last ones. */
  #pageUnused = new Int32Array(16 * CHUNK_PAGES);
  #pageLive = new Int32Array(16 * CHUNK_PAGES);
  #pageNext = new Int32Array(16 * CHUNK_PAGES);
  #pagePrevious = new Int32Array(16 * CHUNK_PAGES);

  /** The slab each class allocates from. Page 0 of chunk 0 is never handed out and means none. */
  #active = new Int32Array(SIZE_CLASS_COUNT);
  #bins = new Int32Array(SIZE_CLASS_COUNT * FILL_BINS);

  constructor() {
    this.#addPagedChunk();
    this.#pageKind[NO_PAGE] = PAGE_TAKEN;
    this.#chunkFreePages[0]--;
  }

  /**
   * Returns a ref to a block of at least `byteCount` bytes with unspecified content.
   * Throws PoolExhausted, changing nothing, when there is no memory.
   */
  allocate(byteCount: number): number {
    // Compared in bytes: the shift would take the 33rd bit off a huge count.
    if (byteCount > SMALL_BYTES_MAX) return this.#allocateLarge(byteCount);
    const granules = (byteCount + GRANULE_BYTES - 1) >>> 3;
    const sizeClass = sizeClassOf(granules === 0 ? 1 : granules);
    let page = this.#active[sizeClass];
    let ref = this.#pageFree[page];
    if (ref === NULL_REF && this.#pageUnused[page] === 0) {
      page = this.#activate(sizeClass);
      ref = this.#pageFree[page];
    }
    const blockGranules = CLASS_GRANULES[sizeClass];
    if (ref !== NULL_REF) {
      this.#pageFree[page] = this.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    } else {
      const index = CLASS_SLAB_BLOCKS[sizeClass] - this.#pageUnused[page];
      this.#pageUnused[page]--;
      ref = (page << PAGE_SHIFT) + index * blockGranules;
      if (ref < 0) ref += 0x1_0000_0000;
    }
    this.#pageLive[page]++;
    this.usedBytes += blockGranules << 3;
    return ref;
  }

  /** Gives back a block. The ref and everything read through it are void afterwards. */
  free(ref: number): void {
    const chunk = ref >>> CHUNK_SHIFT;
    if (this.#chunkKind[chunk] === CHUNK_OWN) return this.#releaseOwnChunk(chunk);
    const page = this.#pageHead[ref >>> PAGE_SHIFT];
    const sizeClass = this.#pageKind[page];
    if (sizeClass === PAGE_RUN) return this.#freeRun(page);
    this.words[chunk][(ref & GRANULE_MASK) << 1] = this.#pageFree[page];
    this.#pageFree[page] = ref;
    this.usedBytes -= CLASS_GRANULES[sizeClass] << 3;
    const live = --this.#pageLive[page];
    if (page === this.#active[sizeClass]) return;
    if (this.#chunkKind[chunk] === CHUNK_EVACUATING) {
      if (live === 0) this.#freePages(page, CLASS_SLAB_PAGES[sizeClass]);
      return;
    }
    const capacity = CLASS_SLAB_BLOCKS[sizeClass];
    if (live + 1 === capacity) {
      if (live === 0) this.#freePages(page, CLASS_SLAB_PAGES[sizeClass]);
      else this.#link(page, sizeClass, fillBin(live, capacity));
      return;
    }
    const bin = fillBin(live + 1, capacity);
    if (live === 0) {
      this.#unlink(page, sizeClass, bin);
      this.#freePages(page, CLASS_SLAB_PAGES[sizeClass]);
    } else if (fillBin(live, capacity) !== bin) {
      this.#unlink(page, sizeClass, bin);
      this.#link(page, sizeClass, fillBin(live, capacity));
    }
  }

  /** The usable size in bytes of a block. */
  capacity(ref: number): number {
    const chunk = ref >>> CHUNK_SHIFT;
    if (this.#chunkKind[chunk] === CHUNK_OWN) return this.bytes[chunk].length;
    const page = this.#pageHead[ref >>> PAGE_SHIFT];
    const kind = this.#pageKind[page];
    return kind === PAGE_RUN ? this.#pageFree[page] * PAGE_BYTES : CLASS_GRANULES[kind] << 3;
  }

  /** The capacity that `allocate(byteCount)` would give. */
  static capacityFor(byteCount: number): number {
    if (byteCount > SMALL_BYTES_MAX) return Math.ceil(byteCount / PAGE_BYTES) * PAGE_BYTES;
    const granules = (byteCount + GRANULE_BYTES - 1) >>> 3;
    return CLASS_GRANULES[sizeClassOf(granules === 0 ? 1 : granules)] << 3;
  }

  /**
   * Marks the sparsest chunks for evacuation, so that the rest suffices for all live blocks with
   * an eighth to spare. Returns the number of chunks marked; 0 where it would not pay. Cold.
   */
  evacuate(): number {
    const paged: number[] = [];
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      if (this.#chunkKind[chunk] === CHUNK_EVACUATING) return 0;
      if (this.#chunkKind[chunk] === CHUNK_PAGED) paged.push(chunk);
    }
    const liveBytes = new Map(paged.map((chunk) => [chunk, this.#liveBytesOf(chunk)]));
    const total = liveBytes.values().reduce((sum, bytes) => sum + bytes, 0);
    const keep = Math.ceil((total * 9) / 8 / CHUNK_BYTES) + 1;
    if (paged.length <= keep) return 0;
    paged.sort((left, right) => liveBytes.get(right)! - liveBytes.get(left)!);
    // Chunk 0 holds the null page and stays.
    const leaving = paged.slice(keep).filter((chunk) => chunk !== 0);
    for (const chunk of leaving) this.#startEvacuation(chunk);
    return leaving.length;
  }

  /** Whether a block lies in a chunk that is being evacuated and should be moved. */
  isEvacuating(ref: number): boolean {
    return this.#chunkKind[ref >>> CHUNK_SHIFT] === CHUNK_EVACUATING;
  }

  /** Ends an evacuation: chunks that could not be emptied take part in allocation again. */
  endEvacuation(): void {
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      if (this.#chunkKind[chunk] !== CHUNK_EVACUATING) continue;
      this.#chunkKind[chunk] = CHUNK_PAGED;
      for (let k = 0; k < CHUNK_PAGES; k++) {
        const page = chunk * CHUNK_PAGES + k;
        const sizeClass = this.#pageKind[page];
        if (sizeClass === PAGE_FREE || sizeClass >= PAGE_RUN) continue;
        const live = this.#pageLive[page];
        const capacity = CLASS_SLAB_BLOCKS[sizeClass];
        if (live < capacity) this.#link(page, sizeClass, fillBin(live, capacity));
      }
    }
  }

  /** Checks every invariant by walking all slabs and free lists. Throws on the first violation. */
  verify(): void {
    let used = 0;
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      if (this.#chunkKind[chunk] === CHUNK_OWN) used += this.bytes[chunk].length;
      if (this.#chunkKind[chunk] === CHUNK_ABSENT || this.#chunkKind[chunk] === CHUNK_OWN) continue;
      let freePages = 0;
      for (let k = 0; k < CHUNK_PAGES; k++) {
        const page = chunk * CHUNK_PAGES + k;
        const kind = this.#pageKind[page];
        if (kind === PAGE_FREE) freePages++;
        else if (kind === PAGE_RUN) used += this.#pageFree[page] * PAGE_BYTES;
        else if (kind !== PAGE_TAKEN) used += this.#verifySlab(page, kind);
      }
      assert(freePages === this.#chunkFreePages[chunk], "a chunk's free pages are counted");
    }
    assert(used === this.usedBytes, "usedBytes is the sum of all live blocks");
  }

  /** Checks one slab's free list; returns the bytes of its live blocks. */
  #verifySlab(page: number, sizeClass: number): number {
    let listed = 0;
    for (let ref = this.#pageFree[page]; ref !== NULL_REF; ) {
      assert(this.#pageHead[ref >>> PAGE_SHIFT] === page, "a free block lies in its own slab");
      listed++;
      ref = this.words[ref >>> CHUNK_SHIFT][(ref & GRANULE_MASK) << 1];
    }
    const live = this.#pageLive[page];
    const capacity = CLASS_SLAB_BLOCKS[sizeClass];
    assert(live + listed + this.#pageUnused[page] === capacity, "a slab's blocks add up");
    return live * (CLASS_GRANULES[sizeClass] << 3);
  }

  /** Makes a slab with free blocks the class's active one: the fullest there is, or a new one. */
  #activate(sizeClass: number): number {
    const former = this.#active[sizeClass];
    let page = NO_PAGE;
    for (let bin = FILL_BINS - 1; bin >= 0 && page === NO_PAGE; bin--) {
      page = this.#bins[sizeClass * FILL_BINS + bin];
      if (page !== NO_PAGE) this.#unlink(page, sizeClass, bin);
    }
    if (page === NO_PAGE) {
      page = this.#takePages(CLASS_SLAB_PAGES[sizeClass]);
      this.#pageKind[page] = sizeClass;
      this.#pageFree[page] = NULL_REF;
      this.#pageUnused[page] = CLASS_SLAB_BLOCKS[sizeClass];
      this.#pageLive[page] = 0;
    }
    // The former slab is full and in no list until one of its blocks is freed.
    assert(former === NO_PAGE || this.#pageFree[former] === NULL_REF, "only full slabs retire");
    this.#active[sizeClass] = page;
    return page;
  }

  #allocateLarge(byteCount: number): number {
    if (byteCount > BLOCK_BYTES_MAX) throw new PoolExhausted("a block is smaller than 4 GiB");
    const pages = Math.ceil(byteCount / PAGE_BYTES);
    if (byteCount > RUN_BYTES_MAX) {
      const chunk = this.#addChunk(pages * PAGE_BYTES, CHUNK_OWN);
      this.usedBytes += pages * PAGE_BYTES;
      return (chunk << CHUNK_SHIFT) >>> 0;
    }
    const page = this.#takePages(pages);
    this.#pageKind[page] = PAGE_RUN;
    this.#pageFree[page] = pages;
    this.usedBytes += pages * PAGE_BYTES;
    return (page << PAGE_SHIFT) >>> 0;
  }

  #freeRun(page: number): void {
    const pages = this.#pageFree[page];
    this.usedBytes -= pages * PAGE_BYTES;
    this.#freePages(page, pages);
  }

  /** Takes a run of free pages, from the lowest chunk that has one; returns its head page. */
  #takePages(count: number): number {
    for (let chunk = 0; chunk < this.bytes.length; chunk++) {
      if (this.#chunkKind[chunk] !== CHUNK_PAGED || this.#chunkFreePages[chunk] < count) continue;
      const page = this.#findRun(chunk, count);
      if (page !== NO_PAGE) return this.#claim(page, count);
    }
    return this.#claim(this.#addPagedChunk() * CHUNK_PAGES, count);
  }

  #findRun(chunk: number, count: number): number {
    const first = chunk * CHUNK_PAGES;
    let length = 0;
    for (let page = first; page < first + CHUNK_PAGES; page++) {
      length = this.#pageKind[page] === PAGE_FREE ? length + 1 : 0;
      if (length === count) return page - count + 1;
    }
    return NO_PAGE;
  }

  #claim(head: number, count: number): number {
    this.#chunkFreePages[(head / CHUNK_PAGES) | 0] -= count;
    for (let page = head; page < head + count; page++) {
      this.#pageKind[page] = PAGE_TAKEN;
      this.#pageHead[page] = head;
    }
    return head;
  }

  #freePages(head: number, count: number): void {
    for (let page = head; page < head + count; page++) this.#pageKind[page] = PAGE_FREE;
    const chunk = (head / CHUNK_PAGES) | 0;
    this.#chunkFreePages[chunk] += count;
    if (this.#chunkFreePages[chunk] === CHUNK_PAGES) this.#releaseChunk(chunk);
  }

  #addPagedChunk(): number {
    const chunk = this.#addChunk(CHUNK_BYTES, CHUNK_PAGED);
    this.#chunkFreePages[chunk] = CHUNK_PAGES;
    return chunk;
  }

  /** Cold: adds a chunk under the lowest unused number. */
  #addChunk(byteCount: number, kind: number): number {
    let chunk = 0;
    while (chunk < this.bytes.length && this.#chunkKind[chunk] !== CHUNK_ABSENT) chunk++;
    if (chunk === CHUNKS_MAX) throw new PoolExhausted("the pool's 32 GiB are used up");
    let buffer: ArrayBuffer;
    try {
      buffer = new ArrayBuffer(byteCount);
    } catch {
      throw new PoolExhausted("the system has no more memory");
    }
    if (chunk >= this.#chunkKind.length) this.#growTables();
    this.#chunkKind[chunk] = kind;
    this.bytes[chunk] = new Uint8Array(buffer);
    this.words[chunk] = new Uint32Array(buffer);
    this.doubles[chunk] = new Float64Array(buffer);
    this.views[chunk] = new DataView(buffer);
    this.chunkBytes += byteCount;
    return chunk;
  }

  #releaseOwnChunk(chunk: number): void {
    this.usedBytes -= this.bytes[chunk].length;
    this.#releaseChunk(chunk);
  }

  #releaseChunk(chunk: number): void {
    const buffer = this.bytes[chunk].buffer as ArrayBuffer;
    this.chunkBytes -= buffer.byteLength;
    this.#chunkKind[chunk] = CHUNK_ABSENT;
    this.#chunkFreePages[chunk] = 0;
    this.bytes[chunk] = NO_BYTES;
    this.words[chunk] = NO_WORDS;
    this.doubles[chunk] = NO_DOUBLES;
    this.views[chunk] = NO_VIEW;
    // Detaching frees the memory now instead of at some garbage collection.
    buffer.transfer(0);
  }

  #liveBytesOf(chunk: number): number {
    let total = 0;
    for (let page = chunk * CHUNK_PAGES; page < (chunk + 1) * CHUNK_PAGES; page++) {
      const kind = this.#pageKind[page];
      if (kind === PAGE_RUN) total += this.#pageFree[page] * PAGE_BYTES;
      else if (kind !== PAGE_FREE && kind !== PAGE_TAKEN) {
        total += this.#pageLive[page] * (CLASS_GRANULES[kind] << 3);
      }
    }
    return total;
  }

  /** Takes every slab of a chunk out of the lists that allocation draws from. */
  #startEvacuation(chunk: number): void {
    for (let page = chunk * CHUNK_PAGES; page < (chunk + 1) * CHUNK_PAGES; page++) {
      const sizeClass = this.#pageKind[page];
      if (sizeClass === PAGE_FREE || sizeClass >= PAGE_RUN) continue;
      const live = this.#pageLive[page];
      const capacity = CLASS_SLAB_BLOCKS[sizeClass];
      if (this.#active[sizeClass] === page) this.#active[sizeClass] = NO_PAGE;
      else if (live < capacity) this.#unlink(page, sizeClass, fillBin(live, capacity));
      if (live === 0) this.#freePages(page, CLASS_SLAB_PAGES[sizeClass]);
    }
    if (this.#chunkKind[chunk] === CHUNK_PAGED) this.#chunkKind[chunk] = CHUNK_EVACUATING;
  }

  #link(page: number, sizeClass: number, bin: number): void {
    const list = sizeClass * FILL_BINS + bin;
    const head = this.#bins[list];
    this.#pageNext[page] = head;
    this.#pagePrevious[page] = NO_PAGE;
    if (head !== NO_PAGE) this.#pagePrevious[head] = page;
    this.#bins[list] = page;
  }

  #unlink(page: number, sizeClass: number, bin: number): void {
    const next = this.#pageNext[page];
    const previous = this.#pagePrevious[page];
    if (next !== NO_PAGE) this.#pagePrevious[next] = previous;
    if (previous !== NO_PAGE) this.#pageNext[previous] = next;
    else this.#bins[sizeClass * FILL_BINS + bin] = next;
  }

  #growTables(): void {
    const chunks = Math.min(this.#chunkKind.length * 2, CHUNKS_MAX);
    this.#chunkKind = grown(new Uint8Array(chunks), this.#chunkKind);
    this.#chunkFreePages = grown(new Int32Array(chunks), this.#chunkFreePages);
    const pages = chunks * CHUNK_PAGES;
    this.#pageKind = grown(new Uint8Array(pages), this.#pageKind);
    this.#pageHead = grown(new Int32Array(pages), this.#pageHead);
    this.#pageFree = grown(new Uint32Array(pages), this.#pageFree);
    this.#pageUnused = grown(new Int32Array(pages), this.#pageUnused);
    this.#pageLive = grown(new Int32Array(pages), this.#pageLive);
    this.#pageNext = grown(new Int32Array(pages), this.#pageNext);
    this.#pagePrevious = grown(new Int32Array(pages), this.#pagePrevious);
  }
}

function fillBin(live: number, capacity: number): number {
  return ((live * FILL_BINS) / capacity) | 0;
}

function grown<T extends Uint8Array | Int32Array | Uint32Array>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}
