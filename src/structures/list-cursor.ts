// hot path: no allocation per command
//
// A walk over the elements of a list in whichever form it has: a listpack in one piece, or the
// nodes of a large list, of which the former is like a single one. A cursor changes nothing and is
// void once the list does.

import { LENGTH, START } from "./list-nodes.ts";
import {
  elementCount,
  endOf,
  firstEntry,
  HEADER_BYTES,
  type Needle,
  nextEntry,
  previousEntry,
} from "./listpack.ts";
import type { Quicklist } from "./quicklist.ts";

/** A place in a list. Reused. */
export class ListCursor {
  #list: Quicklist | undefined;
  #nodeStart = 0;
  #nodeEnd = 0;
  /** The array that the element at the cursor lies in, and the offset of its entry. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** The element's node, and its place in it; node 0 of a listpack is all there is. */
  node = 0;
  rank = 0;
  /** Elements in the whole list, and in the node. */
  size = 0;
  nodeSize = 0;

  /** Points the cursor at a listpack; `seek` comes next. */
  openListpack(bytes: Uint8Array, start: number): void {
    this.#list = undefined;
    this.bytes = bytes;
    this.#nodeStart = firstEntry(start);
    this.#nodeEnd = endOf(bytes, start);
    this.node = 0;
    this.size = this.nodeSize = elementCount(bytes, start);
  }

  /** Points the cursor at a large list; `seek` comes next. */
  openList(list: Quicklist): void {
    this.#list = list;
    this.size = list.size;
  }

  /** The offset behind the last entry of the node. */
  get nodeEnd(): number {
    return this.#nodeEnd;
  }

  /** Goes to the element of an index in [0, size). */
  seek(index: number): void {
    const list = this.#list;
    if (list !== undefined) {
      list.locate(index);
      this.#enter(list, list.node);
      this.rank = list.rank;
      this.at = list.at;
      return;
    }
    this.rank = index;
    if (index <= this.size >>> 1) {
      this.at = this.#nodeStart;
      for (let k = 0; k < index; k++) this.at = nextEntry(this.bytes, this.at);
    } else {
      this.at = this.#nodeEnd;
      for (let k = this.size; k > index; k--) this.at = this.#before();
    }
  }

  /** Goes to the next element; false behind the last one. */
  next(): boolean {
    this.rank++;
    if (this.rank < this.nodeSize) {
      this.at = nextEntry(this.bytes, this.at);
      return true;
    }
    return this.nextNode();
  }

  /**
   * Goes to the first element that the needle matches among `limit` from the cursor on, the one
   * there included. Returns how many it passed over; -1 where there is none, the cursor being void.
   */
  seekMatch(needle: Needle, limit: number): number {
    let passed = 0;
    do {
      const bytes = this.bytes;
      const first = this.rank;
      const end = Math.min(this.nodeSize, first + limit - passed);
      let at = this.at;
      for (let rank = first; rank < end; rank++) {
        if (needle.matches(bytes, at)) {
          this.at = at;
          this.rank = rank;
          return passed + rank - first;
        }
        at = nextEntry(bytes, at);
      }
      passed += end - first;
    } while (passed < limit && this.nextNode());
    return -1;
  }

  /** Goes to the first element of the next node; false where there is none. */
  nextNode(): boolean {
    const list = this.#list;
    if (list === undefined || this.node + 1 >= list.nodes.count) return false;
    this.#enter(list, this.node + 1);
    this.rank = 0;
    this.at = this.#nodeStart;
    return true;
  }

  /**
   * Removes the element at the cursor from a large list and goes to the one behind it; false where
   * there is none.
   */
  removeFrom(list: Quicklist): boolean {
    const offset = this.at - this.#nodeStart;
    if (list.remove(this.node, this.rank, this.at)) {
      // The next node has its place.
      this.node--;
      return this.nextNode();
    }
    // What stands in front of it in the node is as it was, if elsewhere.
    this.#enter(list, this.node);
    this.at = this.#nodeStart + offset;
    return this.rank < this.nodeSize || this.nextNode();
  }

  /** Goes to the element before; false in front of the first one. */
  previous(): boolean {
    this.rank--;
    if (this.rank < 0) {
      const list = this.#list;
      if (list === undefined || this.node === 0) return false;
      this.#enter(list, this.node - 1);
      this.rank = this.nodeSize - 1;
      this.at = this.#nodeEnd;
    }
    this.at = this.#before();
    return true;
  }

  #before(): number {
    return previousEntry(this.bytes, this.#nodeStart - HEADER_BYTES, this.at);
  }

  #enter(list: Quicklist, node: number): void {
    const { nodes } = list;
    const row = nodes.row(node);
    this.node = node;
    this.bytes = nodes.bytes(row);
    this.nodeSize = nodes.entries(row);
    this.#nodeStart = nodes.words[row + START];
    this.#nodeEnd = this.#nodeStart + nodes.words[row + LENGTH];
  }
}
