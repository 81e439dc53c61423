// hot path: no allocation per command
//
// The nodes of a score tree (score-tree.ts), and what is done within one or between two of them.
//
//   every node is a block of 832 bytes (a size class)
//
//   leaf   word 0 count | word 1 previous leaf | word 2 next leaf | word 3 first place in use
//          68 doubles: scores | 68 words: refs of records
//   inner  word 0 count | words 1 to 3 unused
//          51 doubles: separators | 51 words: refs of children | 51 words: entries below each child

import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, type Pool } from "../memory/pool.ts";

export const NODE_BYTES = 832;
/** Entries of a leaf. */
export const LEAF_MAX = 68;
/** Children of an inner node. */
export const INNER_MAX = 51;

// Granules and words from a node's begin.
export const SCORES = 2;
const REFS = (SCORES + LEAF_MAX) << 1;
export const CHILDREN = (SCORES + INNER_MAX) << 1;
export const COUNTS = CHILDREN + INNER_MAX;
export const PREVIOUS = 1;
export const NEXT = 2;
export const FIRST = 3;

/** Words of a cache line. */
const LINE_WORDS = 16;
/** Keeps loads from being optimised away. */
const loaded = new Uint32Array(1);

/** The nodes of one tree. */
export class ScoreNodes {
  readonly #pool: Pool;
  /** Nodes in use. */
  count = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  create(): number {
    const ref = this.#pool.allocate(NODE_BYTES);
    const words = this.#pool.words[ref >>> CHUNK_SHIFT];
    const base = (ref & GRANULE_MASK) << 1;
    words[base] = 0;
    words[base + PREVIOUS] = NULL_REF;
    words[base + NEXT] = NULL_REF;
    words[base + FIRST] = 0;
    this.count++;
    return ref;
  }

  free(ref: number): void {
    this.#pool.free(ref);
    this.count--;
  }

  countOf(node: number): number {
    return this.#pool.words[node >>> CHUNK_SHIFT][(node & GRANULE_MASK) << 1];
  }

  setCount(node: number, count: number): void {
    this.#pool.words[node >>> CHUNK_SHIFT][(node & GRANULE_MASK) << 1] = count;
  }

  childOf(node: number, slot: number): number {
    const at = ((node & GRANULE_MASK) << 1) + CHILDREN + slot;
    return this.#pool.words[node >>> CHUNK_SHIFT][at];
  }

  /** Where a leaf's scores begin, an index of its chunk's doubles. */
  scoresOf(leaf: number): number {
    const base = (leaf & GRANULE_MASK) << 1;
    const first = this.#pool.words[leaf >>> CHUNK_SHIFT][base + FIRST];
    return (leaf & GRANULE_MASK) + SCORES + first;
  }

  /** Where a leaf's refs begin, an index of its chunk's words. */
  refsOf(leaf: number): number {
    const base = (leaf & GRANULE_MASK) << 1;
    return base + REFS + this.#pool.words[leaf >>> CHUNK_SHIFT][base + FIRST];
  }

  scoreOf(leaf: number, index: number): number {
    return this.#pool.doubles[leaf >>> CHUNK_SHIFT][this.scoresOf(leaf) + index];
  }

  setLink(leaf: number, link: number, to: number): void {
    this.#pool.words[leaf >>> CHUNK_SHIFT][((leaf & GRANULE_MASK) << 1) + link] = to;
  }

  /** Takes a leaf out of the chain and frees it. */
  dropLeaf(leaf: number): void {
    const previous = this.linkOf(leaf, PREVIOUS);
    const next = this.linkOf(leaf, NEXT);
    if (previous !== NULL_REF) this.setLink(previous, NEXT, next);
    if (next !== NULL_REF) this.setLink(next, PREVIOUS, previous);
    this.free(leaf);
  }

  /** Has a leaf's neighbours in the chain know where it lies. */
  relink(leaf: number): void {
    const previous = this.linkOf(leaf, PREVIOUS);
    const next = this.linkOf(leaf, NEXT);
    if (previous !== NULL_REF) this.setLink(previous, NEXT, leaf);
    if (next !== NULL_REF) this.setLink(next, PREVIOUS, leaf);
  }

  /** Moves a node out of a chunk being evacuated; returns its ref from now on. */
  moved(node: number): number {
    const pool = this.#pool;
    if (!pool.isEvacuating(node)) return node;
    const fresh = pool.allocate(NODE_BYTES);
    // By words: a double's bits need not survive being read where they are no number.
    const fromWords = pool.words[node >>> CHUNK_SHIFT];
    const toWords = pool.words[fresh >>> CHUNK_SHIFT];
    const from = (node & GRANULE_MASK) << 1;
    const to = (fresh & GRANULE_MASK) << 1;
    for (let k = 0; k < NODE_BYTES >> 2; k++) toWords[to + k] = fromWords[from + k];
    pool.free(node);
    return fresh;
  }

  setSeparator(node: number, slot: number, score: number): void {
    this.#pool.doubles[node >>> CHUNK_SHIFT][(node & GRANULE_MASK) + SCORES + slot] = score;
  }

  separatorOf(node: number, slot: number): number {
    return this.#pool.doubles[node >>> CHUNK_SHIFT][(node & GRANULE_MASK) + SCORES + slot];
  }

  shiftCount(node: number, from: number, to: number, count: number): void {
    const words = this.#pool.words[node >>> CHUNK_SHIFT];
    const counts = ((node & GRANULE_MASK) << 1) + COUNTS;
    words[counts + from] -= count;
    words[counts + to] += count;
  }

  /** Brings a node into the cache, all lines at once: a search would wait for one by one. */
  load(node: number): void {
    const words = this.#pool.words[node >>> CHUNK_SHIFT];
    const base = (node & GRANULE_MASK) << 1;
    let sum = 0;
    for (let k = 0; k < NODE_BYTES >> 2; k += LINE_WORDS) sum ^= words[base + k];
    loaded[0] ^= sum;
  }

  /** Puts an entry into a leaf with room. */
  put(leaf: number, at: number, score: number, ref: number): void {
    const chunk = leaf >>> CHUNK_SHIFT;
    const words = this.#pool.words[chunk];
    const doubles = this.#pool.doubles[chunk];
    const base = (leaf & GRANULE_MASK) << 1;
    const count = words[base];
    let first = words[base + FIRST];
    // The shorter side moves, if there is room on it.
    const movesFront = first > 0 && (at < count >>> 1 || first + count === LEAF_MAX);
    if (movesFront) words[base + FIRST] = --first;
    const scores = (leaf & GRANULE_MASK) + SCORES + first;
    const refs = base + REFS + first;
    if (movesFront) {
      for (let k = 0; k < at; k++) {
        doubles[scores + k] = doubles[scores + k + 1];
        words[refs + k] = words[refs + k + 1];
      }
    } else {
      for (let k = count; k > at; k--) {
        doubles[scores + k] = doubles[scores + k - 1];
        words[refs + k] = words[refs + k - 1];
      }
    }
    doubles[scores + at] = score;
    words[refs + at] = ref;
    words[base] = count + 1;
  }

  /** Takes `count` entries out of a leaf; returns how many are left. */
  cut(leaf: number, index: number, count: number): number {
    const words = this.#pool.words[leaf >>> CHUNK_SHIFT];
    const base = (leaf & GRANULE_MASK) << 1;
    const rest = words[base] - count;
    if (index < rest - index) {
      this.#copy(leaf, 0, leaf, count, index);
      words[base + FIRST] += count;
    } else {
      this.#copy(leaf, index + count, leaf, index, rest - index);
    }
    words[base] = rest;
    return rest;
  }

  /** Moves the last `count` entries of a leaf to the front of another. */
  moveRight(leaf: number, right: number, count: number): void {
    this.#settle(right);
    const from = this.countOf(leaf) - count;
    const held = this.countOf(right);
    this.#copy(right, 0, right, count, held);
    this.#copy(leaf, from, right, 0, count);
    this.setCount(leaf, from);
    this.setCount(right, held + count);
  }

  /** Moves the first `count` entries of a leaf to the end of another. */
  moveLeft(leaf: number, left: number, count: number): void {
    this.#settle(left);
    const held = this.countOf(left);
    this.#copy(leaf, 0, left, held, count);
    this.setCount(left, held + count);
    this.cut(leaf, 0, count);
  }

  /** Moves a leaf's entries to its first place. */
  #settle(leaf: number): void {
    const words = this.#pool.words[leaf >>> CHUNK_SHIFT];
    const base = (leaf & GRANULE_MASK) << 1;
    const first = words[base + FIRST];
    if (first === 0) return;
    words[base + FIRST] = 0;
    this.#copy(leaf, first, leaf, 0, words[base]);
  }

  /** Copies entries between leaves, or within one. */
  #copy(source: number, from: number, target: number, to: number, count: number): void {
    const pool = this.#pool;
    const fromDoubles = pool.doubles[source >>> CHUNK_SHIFT];
    const fromWords = pool.words[source >>> CHUNK_SHIFT];
    const toDoubles = pool.doubles[target >>> CHUNK_SHIFT];
    const toWords = pool.words[target >>> CHUNK_SHIFT];
    const fromScores = this.scoresOf(source) + from;
    const toScores = this.scoresOf(target) + to;
    const fromRefs = this.refsOf(source) + from;
    const toRefs = this.refsOf(target) + to;
    if (source === target && to > from) {
      for (let k = count - 1; k >= 0; k--) {
        toDoubles[toScores + k] = fromDoubles[fromScores + k];
        toWords[toRefs + k] = fromWords[fromRefs + k];
      }
      return;
    }
    for (let k = 0; k < count; k++) {
      toDoubles[toScores + k] = fromDoubles[fromScores + k];
      toWords[toRefs + k] = fromWords[fromRefs + k];
    }
  }

  putChild(node: number, slot: number, separator: number, child: number, count: number): void {
    const held = this.countOf(node);
    this.copyChildren(node, slot, node, slot + 1, held - slot);
    const words = this.#pool.words[node >>> CHUNK_SHIFT];
    const base = (node & GRANULE_MASK) << 1;
    this.setSeparator(node, slot, separator);
    words[base + CHILDREN + slot] = child;
    words[base + COUNTS + slot] = count;
    words[base] = held + 1;
  }

  /** Copies children with their separators and counts between nodes, or within one. */
  copyChildren(source: number, from: number, target: number, to: number, count: number): void {
    const pool = this.#pool;
    const fromDoubles = pool.doubles[source >>> CHUNK_SHIFT];
    const fromWords = pool.words[source >>> CHUNK_SHIFT];
    const toDoubles = pool.doubles[target >>> CHUNK_SHIFT];
    const toWords = pool.words[target >>> CHUNK_SHIFT];
    const fromSeparators = (source & GRANULE_MASK) + SCORES + from;
    const toSeparators = (target & GRANULE_MASK) + SCORES + to;
    const fromChildren = ((source & GRANULE_MASK) << 1) + CHILDREN + from;
    const toChildren = ((target & GRANULE_MASK) << 1) + CHILDREN + to;
    const backwards = source === target && to > from;
    for (let n = 0; n < count; n++) {
      const k = backwards ? count - 1 - n : n;
      toDoubles[toSeparators + k] = fromDoubles[fromSeparators + k];
      toWords[toChildren + k] = fromWords[fromChildren + k];
      toWords[toChildren + INNER_MAX + k] = fromWords[fromChildren + INNER_MAX + k];
    }
  }

  /** Entries below a node. */
  sumOf(node: number): number {
    const words = this.#pool.words[node >>> CHUNK_SHIFT];
    const base = (node & GRANULE_MASK) << 1;
    let sum = 0;
    for (let slot = 0; slot < words[base]; slot++) sum += words[base + COUNTS + slot];
    return sum;
  }

  refOf(leaf: number, index: number): number {
    return this.#pool.words[leaf >>> CHUNK_SHIFT][this.refsOf(leaf) + index];
  }

  linkOf(leaf: number, link: number): number {
    return this.#pool.words[leaf >>> CHUNK_SHIFT][((leaf & GRANULE_MASK) << 1) + link];
  }

  /** Entries below a child. */
  belowOf(node: number, slot: number): number {
    const at = ((node & GRANULE_MASK) << 1) + COUNTS + slot;
    return this.#pool.words[node >>> CHUNK_SHIFT][at];
  }
}
