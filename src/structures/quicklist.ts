// hot path: no allocation per command
//
// A large list: a sequence of nodes (list-nodes.ts), each a run of listpack entries. Where an
// element goes, when a node is split and when two are joined is as in Redis, since OBJECT ENCODING
// and DEBUG OBJECT show it; how nodes are laid out is not: pushing, popping and trimming at either
// end moves nothing.
//
// A position is (node, rank, at): the node's place, the entry's place in it and its offset in the
// node's bytes. Positions are void after any change.
//
// Invariants: `size` is the sum of the nodes' counts; no node is empty; a plain node holds one
// entry; an element larger than a node, when it was written, is in a plain node.

import { assert } from "../base/assert.ts";
import type { Pool } from "../memory/pool.ts";
import type { Container, Releasable } from "./container.ts";
import {
  boundedFill,
  exceedsLimit,
  type ListSettings,
  nodeBytesMax,
  nodeCountMax,
} from "./list-limits.ts";
import { BACK, COUNT, FRONT, LENGTH, ListNodes, PLAIN, ROW_WORDS, START } from "./list-nodes.ts";
import {
  EMPTY_BYTES,
  Entry,
  encodedSize,
  HEADER_BYTES,
  nextEntry,
  previousEntry,
  writeEntry,
} from "./listpack.ts";
import { LIST } from "./record.ts";

/** What a list takes outside of its nodes and their array: its objects. */
const OBJECT_BYTES = 160;
/** What an element is taken to need besides its text when it is asked whether a node admits it. */
const ENTRY_OVERHEAD = 8;
/** From this many nodes on a range is not freed on the spot. */
const NODES_CUT_MIN = 1024;
/** Nodes below this many bytes are not worth moving to a smaller block. */
const TRIMMED_BYTES_MIN = 128;

/** A list of any length. */
export class Quicklist implements Container {
  readonly type = LIST;
  /** Number of elements. */
  size = 0;
  /** The list-max-listpack-size that it was made with. */
  readonly fill: number;
  /** Whether list-compress-depth asked for compressed nodes when it was made. */
  asksForCompression: boolean;
  readonly nodes: ListNodes;
  readonly #settings: ListSettings;
  /** Bytes of entries that a node is expected to end up with; their number. */
  readonly #nodeBytes: number;
  readonly #nodeCount: number;

  /** Where `locate` found an element. */
  node = 0;
  rank = 0;
  at = 0;

  constructor(pool: Pool, fill: number, settings: ListSettings) {
    this.nodes = new ListNodes(pool);
    this.fill = boundedFill(fill);
    this.#settings = settings;
    this.asksForCompression = settings.listCompressDepth > 0;
    this.#nodeBytes = nodeBytesMax(this.fill) - EMPTY_BYTES;
    this.#nodeCount = nodeCountMax(this.fill);
  }

  // ---- At the ends ---------------------------------------------------------------------------

  /** Adds an element in front of the first one. */
  pushHead(bytes: Uint8Array, from: number, to: number): void {
    const nodes = this.nodes;
    const length = to - from;
    if (this.#isLarge(length)) return this.#insertPlain(0, bytes, from, to);
    const size = encodedSize(bytes, from, to);
    let row = nodes.row(0);
    if (!this.#admits(0, length)) row = this.#openEnd(0, size, FRONT);
    const at = nodes.prepend(row, size, this.#nodeBytes);
    writeEntry(nodes.bytes(row), at, bytes, from, to);
    nodes.words[row + COUNT]++;
    this.size++;
  }

  /** Adds an element behind the last one. */
  pushTail(bytes: Uint8Array, from: number, to: number): void {
    const nodes = this.nodes;
    const length = to - from;
    if (this.#isLarge(length)) return this.#insertPlain(nodes.count, bytes, from, to);
    const size = encodedSize(bytes, from, to);
    let row = nodes.row(nodes.count - 1);
    if (!this.#admits(nodes.count - 1, length)) row = this.#openEnd(nodes.count, size, BACK);
    const at = nodes.append(row, size, this.#nodeBytes);
    writeEntry(nodes.bytes(row), at, bytes, from, to);
    nodes.words[row + COUNT]++;
    this.size++;
  }

  /** Removes the first element. */
  dropHead(): void {
    const nodes = this.nodes;
    const row = nodes.row(0);
    this.size--;
    if (nodes.entries(row) === 1) return nodes.close(0, 1);
    const at = nodes.words[row + START];
    nodes.cutFront(row, nextEntry(nodes.bytes(row), at) - at, 1);
  }

  /** Removes the last element. */
  dropTail(): void {
    const nodes = this.nodes;
    const row = nodes.row(nodes.count - 1);
    this.size--;
    if (nodes.entries(row) === 1) return nodes.close(nodes.count - 1, 1);
    const end = nodes.words[row + START] + nodes.words[row + LENGTH];
    nodes.cutBack(row, end - this.#entryBefore(row, end), 1);
  }

  /** Appends `count` entries, in the listpack format, as a node of their own. */
  appendNode(bytes: Uint8Array, start: number, end: number, count: number): void {
    const nodes = this.nodes;
    const row = nodes.open(nodes.count, end - start, BACK);
    const at = nodes.append(row, end - start, 0);
    // alloc: a view per node
    nodes.bytes(row).set(bytes.subarray(start, end), at);
    nodes.words[row + COUNT] = count;
    this.size += count;
  }

  /** Appends an element as a plain node. */
  appendPlain(bytes: Uint8Array, from: number, to: number): void {
    this.#insertPlain(this.nodes.count, bytes, from, to);
  }

  // ---- Anywhere ------------------------------------------------------------------------------

  /** Leaves the position of the element at an index in [0, size) in `node`, `rank` and `at`. */
  locate(index: number): void {
    const nodes = this.nodes;
    const words = nodes.words;
    let node = 0;
    let rank = index;
    if (index < this.size >>> 1) {
      for (let row = nodes.row(0); ; row += ROW_WORDS, node++) {
        const count = words[row + COUNT] & ~PLAIN;
        if (rank < count) break;
        rank -= count;
      }
    } else {
      node = nodes.count - 1;
      let behind = this.size - index;
      for (let row = nodes.row(node); ; row -= ROW_WORDS, node--) {
        const count = words[row + COUNT] & ~PLAIN;
        if (behind <= count) {
          rank = count - behind;
          break;
        }
        behind -= count;
      }
    }
    this.node = node;
    this.rank = rank;
    this.at = this.#seek(nodes.row(node), rank);
  }

  /** Adds an element before or behind the one at a position. */
  insert(
    node: number,
    rank: number,
    at: number,
    isBehind: boolean,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    const nodes = this.nodes;
    const row = nodes.row(node);
    const length = to - from;
    const isLarge = this.#isLarge(length);
    const isAtEnd = isBehind ? rank === nodes.entries(row) - 1 : rank === 0;
    if (!isLarge && this.#admits(node, length)) {
      const place = isBehind ? nextEntry(nodes.bytes(row), at) : at;
      return this.#insertInto(row, place, bytes, from, to);
    }
    const place = isBehind ? node + 1 : node;
    if (isAtEnd) {
      if (isLarge) return this.#insertPlain(place, bytes, from, to);
      const beside = isBehind ? node + 1 : node - 1;
      if (this.#admits(beside, length))
        return this.#insertAtEdge(beside, isBehind, bytes, from, to);
      return this.#insertAlone(place, bytes, from, to);
    }
    const splitAt = isBehind ? nextEntry(nodes.bytes(row), at) : at;
    nodes.split(node, splitAt, isBehind ? rank + 1 : rank);
    if (isLarge) return this.#insertPlain(node + 1, bytes, from, to);
    this.#insertAtEdge(place, isBehind, bytes, from, to);
    this.#mergeAround(isBehind ? node : node + 1);
  }

  /** Puts an element in place of the one at a position. */
  replace(
    node: number,
    rank: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    const nodes = this.nodes;
    const row = nodes.row(node);
    const isLarge = this.#isLarge(to - from);
    if (nodes.isPlain(row)) {
      // The new element first, since that may fail for want of memory.
      if (isLarge) this.#insertPlain(node + 1, bytes, from, to);
      else this.insert(node, 0, at, true, bytes, from, to);
      nodes.close(node, 1);
      this.size--;
      return;
    }
    if (!isLarge) {
      const old = nextEntry(nodes.bytes(row), at) - at;
      const place = nodes.splice(row, at, old, encodedSize(bytes, from, to), this.#nodeBytes);
      writeEntry(nodes.bytes(row), place, bytes, from, to);
      return;
    }
    this.#replaceByPlain(node, rank, at, bytes, from, to);
  }

  /** Removes the element at a position. Returns whether its node went with it. */
  remove(node: number, rank: number, at: number): boolean {
    const nodes = this.nodes;
    const row = nodes.row(node);
    this.size--;
    if (nodes.entries(row) === 1) {
      nodes.close(node, 1);
      return true;
    }
    this.#removeFrom(row, rank, at, 1);
    return false;
  }

  /**
   * Removes `count` elements from an index on; all of them exist. Where those are many nodes, they
   * are returned, to be released in slices.
   */
  removeRange(index: number, count: number): Releasable | undefined {
    if (count === 0) return undefined;
    let cut: Releasable | undefined;
    const nodes = this.nodes;
    this.locate(index);
    let { node, rank, at } = this;
    let left = count;
    for (;;) {
      if (rank === 0) {
        const whole = this.#wholeNodes(node, left);
        for (let k = node; k < node + whole; k++) left -= nodes.entries(nodes.row(k));
        if (whole < NODES_CUT_MIN) nodes.close(node, whole);
        else cut = nodes.cut(node, whole);
      } else {
        const row = nodes.row(node);
        const removed = Math.min(left, nodes.entries(row) - rank);
        this.#removeFrom(row, rank, at, removed);
        left -= removed;
        node++;
      }
      if (left === 0) break;
      const row = nodes.row(node);
      at = nodes.words[row + START];
      if (rank === 0 || left < nodes.entries(row)) {
        this.#removeFrom(row, 0, at, left);
        break;
      }
      rank = 0;
    }
    this.size -= count;
    return cut;
  }

  // ---- As a container ------------------------------------------------------------------------

  release(count: number): boolean {
    return this.nodes.release(count);
  }

  clone(): Quicklist {
    const { nodes } = this;
    const copy = new Quicklist(nodes.pool, this.fill, this.#settings);
    copy.asksForCompression = this.asksForCompression;
    // alloc: a whole list is copied; the copy goes where memory runs out
    try {
      for (let node = 0; node < nodes.count; node++) {
        const row = nodes.row(node);
        const start = nodes.words[row + START];
        const end = start + nodes.words[row + LENGTH];
        copy.appendNode(nodes.bytes(row), start, end, nodes.entries(row));
        copy.nodes.words[copy.nodes.row(node) + COUNT] = nodes.words[row + COUNT];
      }
    } catch (error) {
      copy.release(copy.nodes.count);
      throw error;
    }
    return copy;
  }

  relocate(position: number, count: number): number {
    const nodes = this.nodes;
    // While this goes on nodes may come and go in front: then some are missed this time.
    const end = Math.min(position + count, nodes.count);
    for (let node = position; node < end; node++) nodes.relocate(nodes.row(node));
    return end < nodes.count ? end : 0;
  }

  memoryUsage(samples: number): number {
    const nodes = this.nodes;
    const looked = samples === 0 ? nodes.count : Math.min(samples, nodes.count);
    let bytes = 0;
    for (let node = 0; node < looked; node++) {
      bytes += nodes.pool.capacity(nodes.words[nodes.row(node)]);
    }
    if (looked > 0) bytes = Math.round((bytes / looked) * nodes.count);
    return OBJECT_BYTES + nodes.words.byteLength + bytes;
  }

  /** Bytes of all nodes as Redis keeps them: listpacks, and the bare bytes of plain nodes. */
  listpackBytes(): number {
    const nodes = this.nodes;
    let bytes = 0;
    for (let node = 0; node < nodes.count; node++) {
      const row = nodes.row(node);
      const length = nodes.words[row + LENGTH];
      bytes += nodes.isPlain(row)
        ? textLength(nodes.bytes(row), nodes.words[row + START])
        : length + EMPTY_BYTES;
    }
    return bytes;
  }

  verify(): void {
    let total = 0;
    const nodes = this.nodes;
    for (let node = 0; node < nodes.count; node++) {
      const row = nodes.row(node);
      nodes.verify(row);
      const bytes = nodes.bytes(row);
      const start = nodes.words[row + START];
      const end = start + nodes.words[row + LENGTH];
      let count = 0;
      for (let at = start; at < end; at = nextEntry(bytes, at)) {
        const next = nextEntry(bytes, at);
        assert(next <= end, "a node's entries end where the node does");
        assert(this.#entryBefore(row, next) === at, "entries are found from behind as from before");
        count++;
      }
      assert(count > 0 && count === nodes.entries(row), "a node's entries are counted");
      assert(count === 1 || !nodes.isPlain(row), "a plain node holds one entry");
      total += count;
    }
    assert(total === this.size, "a list's size is the sum of its nodes' counts");
  }

  // ---- Within ----------------------------------------------------------------------------------

  #isLarge(length: number): boolean {
    const threshold = this.#settings.listPackedThreshold;
    return threshold !== 0 ? length >= threshold : length > this.#nodeBytes + EMPTY_BYTES;
  }

  /** Whether there is such a node and it has a place for an element of so many bytes. */
  #admits(node: number, length: number): boolean {
    const nodes = this.nodes;
    if (node < 0 || node >= nodes.count) return false;
    const row = nodes.row(node);
    // The mark of a plain node makes its count too large.
    if (nodes.words[row + COUNT] >= this.#nodeCount) return false;
    return nodes.words[row + LENGTH] + length + ENTRY_OVERHEAD <= this.#nodeBytes;
  }

  /** Opens a node at an end of the list, where more will be pushed. Returns its row. */
  #openEnd(node: number, size: number, end: number): number {
    const nodes = this.nodes;
    let room = size * 2;
    if (nodes.count > 0) {
      // It will most likely become what its neighbour is, which will not grow any more.
      const beside = nodes.row(node === 0 ? 0 : node - 1);
      room = Math.max(size, Math.min(this.#nodeBytes, nodes.words[beside + LENGTH] + size));
      nodes.trim(beside);
    }
    return nodes.open(node, room, end);
  }

  /** The entry in front of an offset within a node. */
  #entryBefore(row: number, at: number): number {
    const nodes = this.nodes;
    return previousEntry(nodes.bytes(row), nodes.words[row + START] - HEADER_BYTES, at);
  }

  /** The offset of a node's entry, found from the nearer end. */
  #seek(row: number, rank: number): number {
    const nodes = this.nodes;
    const bytes = nodes.bytes(row);
    const start = nodes.words[row + START];
    const count = nodes.entries(row);
    if (rank <= count >>> 1) {
      let at = start;
      for (let k = 0; k < rank; k++) at = nextEntry(bytes, at);
      return at;
    }
    let at = start + nodes.words[row + LENGTH];
    for (let k = count; k > rank; k--) at = previousEntry(bytes, start - HEADER_BYTES, at);
    return at;
  }

  /** Writes an element at an offset within a node. */
  #insertInto(row: number, at: number, bytes: Uint8Array, from: number, to: number): void {
    const nodes = this.nodes;
    const place = nodes.splice(row, at, 0, encodedSize(bytes, from, to), this.#nodeBytes);
    writeEntry(nodes.bytes(row), place, bytes, from, to);
    nodes.words[row + COUNT]++;
    this.size++;
  }

  /** Adds an element as the first, or as the last, of a node. */
  #insertAtEdge(node: number, isFirst: boolean, bytes: Uint8Array, from: number, to: number): void {
    const { words } = this.nodes;
    const row = this.nodes.row(node);
    const at = isFirst ? words[row + START] : words[row + START] + words[row + LENGTH];
    this.#insertInto(row, at, bytes, from, to);
  }

  /** Adds an element in a new node that others may join. */
  #insertAlone(node: number, bytes: Uint8Array, from: number, to: number): void {
    const row = this.nodes.open(node, encodedSize(bytes, from, to), BACK);
    this.#insertInto(row, this.nodes.words[row + START], bytes, from, to);
  }

  /** Adds an element in a plain node. */
  #insertPlain(node: number, bytes: Uint8Array, from: number, to: number): void {
    this.#insertAlone(node, bytes, from, to);
    const { words } = this.nodes;
    words[this.nodes.row(node) + COUNT] = (PLAIN | 1) >>> 0;
  }

  /** Puts a large element in place of one that shares its node with others, or may. */
  #replaceByPlain(
    node: number,
    rank: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    const nodes = this.nodes;
    const row = nodes.row(node);
    const count = nodes.entries(row);
    if (rank < count - 1) nodes.split(node, nextEntry(nodes.bytes(row), at), rank + 1);
    this.#insertPlain(node + 1, bytes, from, to);
    const wasAlone = this.remove(node, rank, at);
    if (!wasAlone) this.#mergeAround(node + 1);
  }

  /** Removes `count` entries of a node that keeps others. */
  #removeFrom(row: number, rank: number, at: number, count: number): void {
    const nodes = this.nodes;
    const bytes = nodes.bytes(row);
    let end = nodes.words[row + START] + nodes.words[row + LENGTH];
    if (rank + count === nodes.entries(row)) return nodes.cutBack(row, end - at, count);
    end = at;
    for (let k = 0; k < count; k++) end = nextEntry(bytes, end);
    if (rank === 0) return nodes.cutFront(row, end - at, count);
    nodes.splice(row, at, end - at, 0, this.#nodeBytes);
    nodes.words[row + COUNT] -= count;
    const length = nodes.words[row + LENGTH];
    const capacity = nodes.pool.capacity(nodes.words[row]);
    if (capacity > TRIMMED_BYTES_MIN && capacity > length * 2) nodes.trim(row);
  }

  /** How many nodes from one on hold `count` elements or fewer together. */
  #wholeNodes(node: number, count: number): number {
    const nodes = this.nodes;
    let left = count;
    let end = node;
    while (end < nodes.count && nodes.entries(nodes.row(end)) <= left) {
      left -= nodes.entries(nodes.row(end));
      end++;
    }
    return end - node;
  }

  /** Joins the neighbours of a node with theirs, then itself with them, as far as they fit. */
  #mergeAround(center: number): void {
    let node = center;
    if (this.#mergeBehind(node - 2)) node--;
    this.#mergeBehind(node + 1);
    if (this.#mergeBehind(node - 1)) node--;
    this.#mergeBehind(node);
  }

  /** Joins a node with the one behind it if both are there and fit together. */
  #mergeBehind(node: number): boolean {
    const nodes = this.nodes;
    if (node < 0 || node + 1 >= nodes.count) return false;
    const { words } = nodes;
    const left = nodes.row(node);
    const right = nodes.row(node + 1);
    if (nodes.isPlain(left) || nodes.isPlain(right)) return false;
    const bytes = words[left + LENGTH] + words[right + LENGTH] + EMPTY_BYTES;
    const count = words[left + COUNT] + words[right + COUNT];
    if (exceedsLimit(this.fill, bytes, count)) return false;
    nodes.merge(node);
    return true;
  }
}

const plainEntry = new Entry();

/** Bytes of an entry's text. */
function textLength(bytes: Uint8Array, at: number): number {
  plainEntry.load(bytes, at);
  return plainEntry.length;
}
