// hot path: no allocation per command
//
// The ordered side of a large sorted set: a B+ tree over its members' records, ordered by score and
// then by the member's bytes. Inner nodes count what is below each child, so that ranks are found
// as fast as members. Scores are kept in the leaves, beside the refs: a search touches records only
// where scores are equal.
//
// The nodes are laid out in score-nodes.ts. The tree's height tells leaves from inner nodes. A
// separator is a score between the last one of the child before and the first one of its own
// child, both included; child 0 has none. It may be lower than its child's first score: nothing
// has to be done about it when entries go. Where a score equals a separator, the child's first
// entry decides.
//
// Leaves are kept full: a full one first moves entries to a neighbour that has room, and is split
// unevenly at either end of the tree, where sorted insertion packs all leaves completely. Nodes
// that fall below a quarter join a neighbour if that leaves a quarter of it free.
//
// Invariants: entries are in order and different; counts add up; no node is empty; leaves are
// linked in order. `leaf` and `index` are the cursor: void after any change.

import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF, type Pool } from "../memory/pool.ts";
import { compareKey } from "./record.ts";
import {
  CHILDREN,
  COUNTS,
  FIRST,
  INNER_MAX,
  LEAF_MAX,
  NEXT,
  NODE_BYTES,
  PREVIOUS,
  SCORES,
  ScoreNodes,
} from "./score-nodes.ts";
import { checkScoreTree } from "./score-tree-check.ts";

const LEAF_LOW = LEAF_MAX >> 2;
const INNER_LOW = INNER_MAX >> 2;
/** Two nodes become one where it keeps a quarter free. */
const LEAF_JOINED_MAX = LEAF_MAX - LEAF_LOW;
const INNER_JOINED_MAX = INNER_MAX - INNER_LOW;
/** A neighbour takes entries of a full leaf if it has this much room. */
const SHIFT_ROOM = 8;

/** Enough for 2^32 entries in nodes of two. */
const HEIGHT_MAX = 32;

/** The inner nodes from the root to the leaf last descended to, and the child taken in each. */
const pathRefs = new Uint32Array(HEIGHT_MAX);
const pathSlots = new Int32Array(HEIGHT_MAX);
/** Blocks for the nodes that an insertion is going to add. */
const spares = new Uint32Array(HEIGHT_MAX + 1);
let spareCount = 0;
/** Counts the descents, so that a tree knows whether the path is still its own. */
let descents = 0;
const NO_DESCENT = -1;
const NO_RANK = -1;

/** An ordered collection of (score, record) entries; see the head of this file. */
export class ScoreTree {
  readonly #pool: Pool;
  readonly #nodes: ScoreNodes;
  #root = NULL_REF;
  /** Levels of inner nodes. */
  #height = 0;
  /** The descent that left the path to the cursor's leaf. */
  #descent = NO_DESCENT;
  /** What `seekRank` was asked for last, and where in its leaf that is. */
  #soughtRank = 0;
  #soughtIndex = 0;
  size = 0;
  /** The rank that `countBelow` found last, until something changes, and where that is. */
  #boundRank = NO_RANK;
  #boundLeaf = NULL_REF;
  #boundIndex = 0;
  /** The cursor. */
  leaf = NULL_REF;
  index = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#nodes = new ScoreNodes(pool);
  }

  /** Bytes of all nodes. */
  get nodeBytes(): number {
    return this.#nodes.count * NODE_BYTES;
  }

  // ---- Cursor --------------------------------------------------------------------------------

  /** The score at the cursor. */
  get score(): number {
    return this.#nodes.scoreOf(this.leaf, this.index);
  }

  /** The record at the cursor. */
  get ref(): number {
    return this.#nodes.refOf(this.leaf, this.index);
  }

  /** Entries of the cursor's leaf. */
  get leafCount(): number {
    return this.#nodes.countOf(this.leaf);
  }

  /** The first place in use of the cursor's leaf: it counts pops from the front. */
  get leafFirst(): number {
    return this.#nodes.linkOf(this.leaf, FIRST);
  }

  /** Where the refs of the cursor's leaf stand from an index on, in the words of its chunk. */
  refsFrom(index: number): number {
    return this.#nodes.refsOf(this.leaf) + index;
  }

  /** Moves the cursor to the next entry; false at the end. */
  next(): boolean {
    const words = this.#pool.words[this.leaf >>> CHUNK_SHIFT];
    const base = (this.leaf & GRANULE_MASK) << 1;
    if (++this.index < words[base]) return true;
    this.#descent = NO_DESCENT;
    this.leaf = words[base + NEXT];
    this.index = 0;
    return this.leaf !== NULL_REF;
  }

  /** Moves the cursor to the entry before; false at the front. */
  previous(): boolean {
    if (--this.index >= 0) return true;
    this.#descent = NO_DESCENT;
    const base = (this.leaf & GRANULE_MASK) << 1;
    this.leaf = this.#pool.words[this.leaf >>> CHUNK_SHIFT][base + PREVIOUS];
    if (this.leaf === NULL_REF) return false;
    this.index = this.#nodes.countOf(this.leaf) - 1;
    return true;
  }

  /** Puts the cursor on the entry of a rank, 0 <= rank < size. */
  seekRank(rank: number): void {
    const pool = this.#pool;
    let rest = rank;
    let node = this.#root;
    for (let depth = 0; depth < this.#height; depth++) {
      const words = pool.words[node >>> CHUNK_SHIFT];
      const base = (node & GRANULE_MASK) << 1;
      const counts = base + COUNTS;
      let slot = 0;
      while (rest >= words[counts + slot]) rest -= words[counts + slot++];
      pathRefs[depth] = node;
      pathSlots[depth] = slot;
      node = words[base + CHILDREN + slot];
    }
    this.leaf = node;
    this.index = rest;
    this.#descent = ++descents;
    this.#soughtRank = rank;
    this.#soughtIndex = rest;
  }

  /** As `seekRank`, for walking only; quick where `countBelow` has just found this rank. */
  walkFrom(rank: number): void {
    if (rank !== this.#boundRank) return this.seekRank(rank);
    this.leaf = this.#boundLeaf;
    this.index = this.#boundIndex;
    this.#descent = NO_DESCENT;
    // Behind the last entry of its leaf comes the first one of the next.
    if (this.index === this.#nodes.countOf(this.leaf)) {
      this.index--;
      this.next();
    }
  }

  /** Puts the cursor on an entry that is there. */
  seek(score: number, bytes: Uint8Array, start: number, end: number): void {
    this.#descend(score, bytes, start, end);
    this.index = this.#lowerBound(this.leaf, score, bytes, start, end);
  }

  // ---- Counting ------------------------------------------------------------------------------

  /** The rank of an entry that is there; the cursor is on it. */
  rankOf(score: number, bytes: Uint8Array, start: number, end: number): number {
    this.seek(score, bytes, start, end);
    return this.#rankBeforeLeaf() + this.index;
  }

  /** How many entries have a score below this one, or with `orEqual` up to it. */
  countBelow(score: number, orEqual: boolean): number {
    const pool = this.#pool;
    if (this.size === 0) return 0;
    let node = this.#root;
    let rank = 0;
    for (let depth = 0; depth < this.#height; depth++) {
      const chunk = node >>> CHUNK_SHIFT;
      const words = pool.words[chunk];
      const doubles = pool.doubles[chunk];
      const separators = (node & GRANULE_MASK) + SCORES;
      const base = (node & GRANULE_MASK) << 1;
      let low = 0;
      let high = words[base];
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        const separator = doubles[separators + middle];
        if (separator < score || (orEqual && separator === score)) low = middle;
        else high = middle;
      }
      for (let slot = 0; slot < low; slot++) rank += words[base + COUNTS + slot];
      node = words[base + CHILDREN + low];
    }
    this.#nodes.load(node);
    const doubles = pool.doubles[node >>> CHUNK_SHIFT];
    const scores = this.#nodes.scoresOf(node);
    let low = 0;
    let high = this.#nodes.countOf(node);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = doubles[scores + middle];
      if (other < score || (orEqual && other === score)) low = middle + 1;
      else high = middle;
    }
    this.#boundRank = rank + low;
    this.#boundLeaf = node;
    this.#boundIndex = low;
    return rank + low;
  }

  /**
   * How many entries have a member below this one, or with `orEqual` up to it, where all scores are
   * equal.
   */
  countLexBelow(bytes: Uint8Array, start: number, end: number, orEqual: boolean): number {
    const pool = this.#pool;
    if (this.size === 0) return 0;
    const limit = orEqual ? 1 : 0;
    let node = this.#root;
    let rank = 0;
    for (let depth = 0; depth < this.#height; depth++) {
      const words = pool.words[node >>> CHUNK_SHIFT];
      const base = (node & GRANULE_MASK) << 1;
      let low = 0;
      let high = words[base];
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        const first = this.#firstLeaf(words[base + CHILDREN + middle], depth + 1);
        if (this.#compareMember(first, 0, bytes, start, end) < limit) low = middle;
        else high = middle;
      }
      for (let slot = 0; slot < low; slot++) rank += words[base + COUNTS + slot];
      node = words[base + CHILDREN + low];
    }
    let low = 0;
    let high = this.#nodes.countOf(node);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareMember(node, middle, bytes, start, end) < limit) low = middle + 1;
      else high = middle;
    }
    return rank + low;
  }

  // ---- Changing ------------------------------------------------------------------------------

  /**
   * Adds an entry that is not there; bytes[start, end) is the record's member. Throws PoolExhausted
   * with nothing changed.
   */
  insert(score: number, ref: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#root === NULL_REF) this.#root = this.#nodes.create();
    this.#descend(score, bytes, start, end);
    const leaf = this.leaf;
    const at = this.#lowerBound(leaf, score, bytes, start, end);
    this.#descent = NO_DESCENT;
    this.#boundRank = NO_RANK;
    if (this.#nodes.countOf(leaf) < LEAF_MAX) {
      this.#nodes.put(leaf, at, score, ref);
      this.#addToPath(1);
    } else {
      this.#insertFull(leaf, at, score, ref);
    }
    this.size++;
  }

  /** Removes an entry that is there. */
  remove(score: number, bytes: Uint8Array, start: number, end: number): void {
    this.seek(score, bytes, start, end);
    this.#removeAt(this.leaf, this.index, 1);
  }

  /**
   * Removes up to `count` entries from a rank on, those of one leaf; returns how many. `removed` is
   * told their records first.
   */
  removeRun(rank: number, count: number, removed: (ref: number) => void): number {
    this.seekRank(rank);
    const { leaf, index } = this;
    const taken = Math.min(count, this.#nodes.countOf(leaf) - index);
    const words = this.#pool.words[leaf >>> CHUNK_SHIFT];
    const refs = this.#nodes.refsOf(leaf) + index;
    for (let k = 0; k < taken; k++) removed(words[refs + k]);
    this.#removeAt(leaf, index, taken);
    return taken;
  }

  /** Removes the entry of a rank, on which the cursor may be already; returns its record. */
  removeRank(rank: number): number {
    // Right after the cursor was put there, the path leads to it.
    const isThere = this.#descent === descents && this.index === this.#soughtIndex;
    if (!isThere || this.#soughtRank !== rank) this.seekRank(rank);
    const { ref } = this;
    this.#removeAt(this.leaf, this.index, 1);
    return ref;
  }

  /**
   * Changes the score of an entry that is there. Throws PoolExhausted with nothing changed; the
   * record's own score is the caller's.
   */
  setScore(
    former: number,
    score: number,
    ref: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.seek(former, bytes, start, end);
    // Zero may change its sign.
    if (score === former || this.#staysInPlace(score)) {
      const at = this.#nodes.scoresOf(this.leaf) + this.index;
      this.#pool.doubles[this.leaf >>> CHUNK_SHIFT][at] = score;
      return;
    }
    // Added before it is removed, for only adding can fail.
    this.insert(score, ref, bytes, start, end);
    this.remove(former, bytes, start, end);
  }

  /** Puts another record in place of one that is there, with the same score and member. */
  replaceRef(score: number, ref: number, bytes: Uint8Array, start: number, end: number): void {
    this.seek(score, bytes, start, end);
    const at = this.#nodes.refsOf(this.leaf) + this.index;
    this.#pool.words[this.leaf >>> CHUNK_SHIFT][at] = ref;
  }

  /** Adds an entry behind all others. Throws PoolExhausted with nothing changed. */
  append(score: number, ref: number): void {
    if (this.#root === NULL_REF) this.#root = this.#nodes.create();
    if (this.size > 0) {
      this.seekRank(this.size - 1);
    } else {
      this.leaf = this.#root;
    }
    const count = this.#nodes.countOf(this.leaf);
    this.#descent = NO_DESCENT;
    this.#boundRank = NO_RANK;
    if (count < LEAF_MAX) {
      this.#nodes.put(this.leaf, count, score, ref);
      this.#addToPath(1);
    } else {
      this.#insertFull(this.leaf, count, score, ref);
    }
    this.size++;
  }

  // ---- Searching -----------------------------------------------------------------------------

  /** Leaves the path to the leaf where an entry is or belongs, and the leaf in the cursor. */
  #descend(score: number, bytes: Uint8Array, start: number, end: number): void {
    const pool = this.#pool;
    let node = this.#root;
    const height = this.#height;
    for (let depth = 0; depth < height; depth++) {
      const chunk = node >>> CHUNK_SHIFT;
      const words = pool.words[chunk];
      const doubles = pool.doubles[chunk];
      const separators = (node & GRANULE_MASK) + SCORES;
      const base = (node & GRANULE_MASK) << 1;
      let low = 0;
      let high = words[base];
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        const separator = doubles[separators + middle];
        let isLow = separator < score;
        if (separator === score) {
          const first = this.#firstLeaf(words[base + CHILDREN + middle], depth + 1);
          isLow = this.#compareEntry(first, 0, score, bytes, start, end) <= 0;
        }
        if (isLow) low = middle;
        else high = middle;
      }
      pathRefs[depth] = node;
      pathSlots[depth] = low;
      node = words[base + CHILDREN + low];
    }
    this.leaf = node;
    this.#descent = ++descents;
  }

  /** The first entry of a leaf that is not below this one; the leaf's count where there is none. */
  #lowerBound(leaf: number, score: number, bytes: Uint8Array, start: number, end: number): number {
    this.#nodes.load(leaf);
    const doubles = this.#pool.doubles[leaf >>> CHUNK_SHIFT];
    const scores = this.#nodes.scoresOf(leaf);
    let low = 0;
    let high = this.#nodes.countOf(leaf);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = doubles[scores + middle];
      const isBelow =
        other === score ? this.#compareMember(leaf, middle, bytes, start, end) < 0 : other < score;
      if (isBelow) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Compares an entry with a score and member: its sign is that of the difference. */
  #compareEntry(
    leaf: number,
    index: number,
    score: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const other = this.#nodes.scoreOf(leaf, index);
    if (other !== score) return other < score ? -1 : 1;
    return this.#compareMember(leaf, index, bytes, start, end);
  }

  #compareMember(
    leaf: number,
    index: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const ref = this.#nodes.refOf(leaf, index);
    return compareKey(this.#pool, ref, bytes, start, end);
  }

  /** The first leaf below a node at a depth. */
  #firstLeaf(node: number, depth: number): number {
    let leaf = node;
    for (let k = depth; k < this.#height; k++) leaf = this.#nodes.childOf(leaf, 0);
    return leaf;
  }

  /** Entries in all leaves before the one the path leads to. */
  #rankBeforeLeaf(): number {
    let rank = 0;
    for (let depth = 0; depth < this.#height; depth++) {
      const node = pathRefs[depth];
      const words = this.#pool.words[node >>> CHUNK_SHIFT];
      const counts = ((node & GRANULE_MASK) << 1) + COUNTS;
      const slot = pathSlots[depth];
      for (let k = 0; k < slot; k++) rank += words[counts + k];
    }
    return rank;
  }

  /** Whether the entry at the cursor may take this score without moving. */
  #staysInPlace(score: number): boolean {
    const { leaf, index } = this;
    const last = this.#nodes.countOf(leaf) - 1;
    const base = (leaf & GRANULE_MASK) << 1;
    const words = this.#pool.words[leaf >>> CHUNK_SHIFT];
    // At a leaf's edge only where there is no leaf, and so no separator, beyond it.
    const fitsLeft =
      index > 0
        ? this.#nodes.scoreOf(leaf, index - 1) < score
        : words[base + PREVIOUS] === NULL_REF;
    const fitsRight =
      index < last ? score < this.#nodes.scoreOf(leaf, index + 1) : words[base + NEXT] === NULL_REF;
    return fitsLeft && fitsRight;
  }

  // ---- Leaves --------------------------------------------------------------------------------

  /** Adds to the counts on the path to a leaf. */
  #addToPath(difference: number): void {
    for (let depth = 0; depth < this.#height; depth++) {
      const node = pathRefs[depth];
      const at = ((node & GRANULE_MASK) << 1) + COUNTS + pathSlots[depth];
      this.#pool.words[node >>> CHUNK_SHIFT][at] += difference;
    }
  }

  /** Inserts into a full leaf at the end of the path. */
  #insertFull(leaf: number, at: number, score: number, ref: number): void {
    const words = this.#pool.words[leaf >>> CHUNK_SHIFT];
    const base = (leaf & GRANULE_MASK) << 1;
    const atRightEdge = at === LEAF_MAX && words[base + NEXT] === NULL_REF;
    const atLeftEdge = at === 0 && words[base + PREVIOUS] === NULL_REF;
    if (this.#height > 0 && !atRightEdge && !atLeftEdge) {
      if (this.#shiftRight(leaf, at, score, ref) || this.#shiftLeft(leaf, at, score, ref)) return;
    }
    this.#reserveNodes();
    this.#addToPath(1);
    const right = spares[--spareCount];
    const next = words[base + NEXT];
    this.#nodes.setLink(right, PREVIOUS, leaf);
    this.#nodes.setLink(right, NEXT, next);
    this.#nodes.setLink(leaf, NEXT, right);
    if (next !== NULL_REF) this.#nodes.setLink(next, PREVIOUS, right);
    if (!atRightEdge) this.#nodes.moveRight(leaf, right, atLeftEdge ? LEAF_MAX : LEAF_MAX >> 1);
    const kept = this.#nodes.countOf(leaf);
    // Between the two, an entry goes to the right one only where the left one is full.
    if (at <= kept && !atRightEdge) this.#nodes.put(leaf, at, score, ref);
    else this.#nodes.put(right, at - kept, score, ref);
    this.#addChild(this.#nodes.scoreOf(right, 0), right, this.#nodes.countOf(right));
  }

  /** Makes room in a full leaf by moving entries to the next one, if that has room. */
  #shiftRight(leaf: number, at: number, score: number, ref: number): boolean {
    const depth = this.#height - 1;
    const parent = pathRefs[depth];
    const slot = pathSlots[depth];
    if (slot + 1 >= this.#nodes.countOf(parent)) return false;
    const right = this.#nodes.childOf(parent, slot + 1);
    const room = LEAF_MAX - this.#nodes.countOf(right);
    if (room < SHIFT_ROOM) return false;
    const moved = (room + 1) >> 1;
    this.#addToPath(1);
    this.#nodes.moveRight(leaf, right, moved);
    const kept = LEAF_MAX - moved;
    let shifted = moved;
    if (at <= kept) {
      this.#nodes.put(leaf, at, score, ref);
    } else {
      this.#nodes.put(right, at - kept, score, ref);
      shifted++;
    }
    this.#nodes.shiftCount(parent, slot, slot + 1, shifted);
    this.#nodes.setSeparator(parent, slot + 1, this.#nodes.scoreOf(right, 0));
    return true;
  }

  /** Makes room in a full leaf by moving entries to the one before, if that has room. */
  #shiftLeft(leaf: number, at: number, score: number, ref: number): boolean {
    const depth = this.#height - 1;
    const parent = pathRefs[depth];
    const slot = pathSlots[depth];
    if (slot === 0) return false;
    const left = this.#nodes.childOf(parent, slot - 1);
    const held = this.#nodes.countOf(left);
    const room = LEAF_MAX - held;
    if (room < SHIFT_ROOM) return false;
    const moved = (room + 1) >> 1;
    this.#addToPath(1);
    this.#nodes.moveLeft(leaf, left, moved);
    let shifted = moved;
    if (at >= moved) {
      this.#nodes.put(leaf, at - moved, score, ref);
    } else {
      this.#nodes.put(left, held + at, score, ref);
      shifted++;
    }
    this.#nodes.shiftCount(parent, slot, slot - 1, shifted);
    this.#nodes.setSeparator(parent, slot, this.#nodes.scoreOf(leaf, 0));
    return true;
  }

  // ---- Inner nodes ---------------------------------------------------------------------------

  /** Allocates all nodes that splitting the leaf at the end of the path takes. Cold. */
  #reserveNodes(): void {
    let needed = 1;
    let depth = this.#height - 1;
    while (depth >= 0 && this.#nodes.countOf(pathRefs[depth]) === INNER_MAX) {
      needed++;
      depth--;
    }
    if (depth < 0) needed++;
    spareCount = 0;
    try {
      while (spareCount < needed) {
        const node = this.#nodes.create();
        spares[spareCount++] = node;
      }
    } catch (error) {
      while (spareCount > 0) this.#nodes.free(spares[--spareCount]);
      throw error;
    }
  }

  /** Adds a node behind the one that the path leads to, whose count on the path includes it. */
  #addChild(score: number, ref: number, count: number): void {
    let separator = score;
    let child = ref;
    let below = count;
    for (let depth = this.#height - 1; depth >= 0; depth--) {
      const node = pathRefs[depth];
      const slot = pathSlots[depth];
      const counts = ((node & GRANULE_MASK) << 1) + COUNTS;
      this.#pool.words[node >>> CHUNK_SHIFT][counts + slot] -= below;
      const held = this.#nodes.countOf(node);
      if (held < INNER_MAX) return this.#nodes.putChild(node, slot + 1, separator, child, below);
      const right = spares[--spareCount];
      // At the node's end nothing is moved: sorted insertion leaves full nodes behind.
      const kept = slot + 1 === held ? held : (held + 1) >> 1;
      const raised = this.#nodes.separatorOf(node, kept);
      this.#nodes.copyChildren(node, kept, right, 0, held - kept);
      this.#nodes.setCount(node, kept);
      this.#nodes.setCount(right, held - kept);
      if (slot + 1 > kept || kept === held) {
        this.#nodes.putChild(right, slot + 1 - kept, separator, child, below);
      } else {
        this.#nodes.putChild(node, slot + 1, separator, child, below);
      }
      if (kept < held) separator = raised;
      child = right;
      below = this.#nodes.sumOf(right);
    }
    const root = spares[--spareCount];
    this.#nodes.putChild(root, 0, 0, this.#root, this.size + 1 - below);
    this.#nodes.putChild(root, 1, separator, child, below);
    this.#root = root;
    this.#height++;
  }

  // ---- Removing ------------------------------------------------------------------------------

  /** Removes entries from the leaf at the end of the path. */
  #removeAt(leaf: number, index: number, count: number): void {
    this.#descent = NO_DESCENT;
    this.#boundRank = NO_RANK;
    const rest = this.#nodes.cut(leaf, index, count);
    this.#addToPath(-count);
    this.size -= count;
    if (rest >= LEAF_LOW) return;
    if (rest === 0) this.#dropLeaf(leaf);
    else if (this.#height > 0) this.#joinLeaf(leaf);
  }

  /** Removes the empty leaf at the end of the path, and the nodes that are empty without it. */
  #dropLeaf(leaf: number): void {
    this.#nodes.dropLeaf(leaf);
    let depth = this.#height - 1;
    for (; depth >= 0; depth--) {
      const node = pathRefs[depth];
      if (this.#nodes.countOf(node) > 1) break;
      this.#nodes.free(node);
    }
    if (depth < 0) {
      this.#root = NULL_REF;
      this.#height = 0;
    } else {
      this.#dropChild(depth, pathSlots[depth]);
    }
  }

  /** Joins the leaf at the end of the path with a neighbour, if one leaf holds both. */
  #joinLeaf(leaf: number): void {
    const depth = this.#height - 1;
    const parent = pathRefs[depth];
    const slot = pathSlots[depth];
    const count = this.#nodes.countOf(leaf);
    if (slot + 1 < this.#nodes.countOf(parent)) {
      const right = this.#nodes.childOf(parent, slot + 1);
      const other = this.#nodes.countOf(right);
      if (count + other <= LEAF_JOINED_MAX) {
        this.#nodes.moveLeft(right, leaf, other);
        this.#nodes.shiftCount(parent, slot + 1, slot, other);
        this.#nodes.dropLeaf(right);
        return this.#dropChild(depth, slot + 1);
      }
    }
    if (slot === 0) return;
    const left = this.#nodes.childOf(parent, slot - 1);
    const other = this.#nodes.countOf(left);
    if (count + other > LEAF_JOINED_MAX) return;
    this.#nodes.moveLeft(leaf, left, count);
    this.#nodes.shiftCount(parent, slot, slot - 1, count);
    this.#nodes.dropLeaf(leaf);
    this.#dropChild(depth, slot);
  }

  /** Removes a child, which is gone already, of the node on the path at a depth. */
  #dropChild(depth: number, slot: number): void {
    const node = pathRefs[depth];
    const rest = this.#nodes.countOf(node) - 1;
    this.#nodes.copyChildren(node, slot + 1, node, slot, rest - slot);
    this.#nodes.setCount(node, rest);
    if (depth > 0 && rest < INNER_LOW) this.#joinInner(depth, node);
    while (this.#height > 0 && this.#nodes.countOf(this.#root) === 1) {
      const root = this.#root;
      this.#root = this.#nodes.childOf(root, 0);
      this.#height--;
      this.#nodes.free(root);
    }
  }

  /** Joins the inner node on the path at a depth with a neighbour, if one node holds both. */
  #joinInner(depth: number, node: number): void {
    const parent = pathRefs[depth - 1];
    const slot = pathSlots[depth - 1];
    const count = this.#nodes.countOf(node);
    if (slot + 1 < this.#nodes.countOf(parent)) {
      const right = this.#nodes.childOf(parent, slot + 1);
      if (count + this.#nodes.countOf(right) <= INNER_JOINED_MAX) {
        return this.#joinPair(depth - 1, parent, slot, node, right);
      }
    }
    if (slot === 0) return;
    const left = this.#nodes.childOf(parent, slot - 1);
    if (count + this.#nodes.countOf(left) > INNER_JOINED_MAX) return;
    this.#joinPair(depth - 1, parent, slot - 1, left, node);
  }

  /** Moves all children of an inner node to the one before, which is child `slot` of `parent`. */
  #joinPair(depth: number, parent: number, slot: number, left: number, right: number): void {
    const held = this.#nodes.countOf(left);
    const count = this.#nodes.countOf(right);
    const moved = this.#nodes.sumOf(right);
    this.#nodes.copyChildren(right, 0, left, held, count);
    // The first child had no separator: what separated the nodes does.
    this.#nodes.setSeparator(left, held, this.#nodes.separatorOf(parent, slot + 1));
    this.#nodes.setCount(left, held + count);
    this.#nodes.shiftCount(parent, slot + 1, slot, moved);
    this.#nodes.free(right);
    this.#dropChild(depth, slot + 1);
  }

  // ---- Maintenance ---------------------------------------------------------------------------

  /** Frees about `count` nodes; true once nothing is left. Useless from the first call on. */
  release(count: number): boolean {
    descents++;
    for (let freed = 0; freed < count && this.#root !== NULL_REF; freed++) {
      // The last leaf, and the nodes that only led to it.
      let node = this.#root;
      let depth = 0;
      for (; depth < this.#height; depth++) {
        pathRefs[depth] = node;
        node = this.#nodes.childOf(node, this.#nodes.countOf(node) - 1);
      }
      this.#nodes.free(node);
      for (depth--; depth >= 0; depth--) {
        const left = this.#nodes.countOf(pathRefs[depth]) - 1;
        this.#nodes.setCount(pathRefs[depth], left);
        if (left > 0) break;
        this.#nodes.free(pathRefs[depth]);
      }
      if (depth < 0) this.#root = NULL_REF;
    }
    return this.#root === NULL_REF;
  }

  /**
   * Moves nodes out of chunks being evacuated: the leaves that hold about `count` entries from a
   * rank on, and the nodes above them. Returns the next rank, 0 at the end.
   */
  relocate(rank: number, count: number): number {
    let at = rank;
    while (at < this.size && at < rank + count) {
      this.seekRank(at);
      for (let depth = 0; depth < this.#height; depth++) {
        pathRefs[depth] = this.#moveNode(pathRefs[depth], depth);
      }
      const leaf = this.#moveNode(this.leaf, this.#height);
      if (leaf !== this.leaf) this.#nodes.relink(leaf);
      at += this.#nodes.countOf(leaf) - this.index;
      this.#descent = NO_DESCENT;
      this.#boundRank = NO_RANK;
    }
    return at < this.size ? at : 0;
  }

  /** Gives a node on the path another block if it must move; returns its ref from now on. */
  #moveNode(node: number, depth: number): number {
    const fresh = this.#nodes.moved(node);
    if (fresh === node) return node;
    if (depth === 0) {
      this.#root = fresh;
    } else {
      const parent = pathRefs[depth - 1];
      const at = ((parent & GRANULE_MASK) << 1) + CHILDREN + pathSlots[depth - 1];
      this.#pool.words[parent >>> CHUNK_SHIFT][at] = fresh;
    }
    return fresh;
  }

  /**
   * Checks the tree's invariants; `visit` is told every entry in order. Throws on the first
   * violation. Cold.
   */
  verify(visit: (score: number, ref: number) => void): void {
    checkScoreTree(this.#nodes, this.#root, this.#height, this.size, visit);
  }
}
