// A large list on its way into a snapshot, node by node in their order. Nodes that change ahead of
// the walk are copied first; blocks of those that go are left to it.

import { NULL_REF } from "../memory/pool.ts";
import { COUNT, LENGTH, type ListNodes, PLAIN, REF, START } from "../structures/list-nodes.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import { BlockRuns, HELD, type HeldBlock, NO_MORE } from "./block-runs.ts";
import type { CollectionWalk } from "./collection-walk.ts";
import type { ListSink } from "./snapshot-sink.ts";

/** A node as it was: its entries, and the word that counts them. */
interface HeldNode extends HeldBlock {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly word: number;
  /** Of the block that was kept. */
  readonly ref: number;
}

/** Takes the nodes of one list as they were when it was made. */
export class ListWalk implements CollectionWalk {
  readonly container: Quicklist;
  readonly #nodes: ListNodes;
  readonly #runs: BlockRuns<HeldNode>;
  readonly #sink: ListSink;
  #isAborted = false;

  constructor(list: Quicklist, sink: ListSink) {
    const { nodes } = list;
    this.container = list;
    this.#nodes = nodes;
    this.#sink = sink;
    this.#runs = new BlockRuns(
      nodes.count,
      (index) => copyOf(nodes, index),
      (index) => keep(nodes, index),
    );
    nodes.gate = this.#runs;
  }

  get copiedBytes(): number {
    return this.#runs.copiedBytes;
  }

  get copiedTotal(): number {
    return this.#runs.copiedTotal;
  }

  activate(): void {
    this.#sink.activate();
  }

  abort(): void {
    this.#isAborted = true;
  }

  step(): boolean {
    if (this.#isAborted) return this.#giveBack(this.#runs.nextHeld()) || this.#end();
    const index = this.#runs.next();
    if (index === NO_MORE) return this.#end();
    if (index === HELD) {
      const held = this.#runs.held!;
      this.#take(held.bytes, held.start, held.start + held.byteLength, held.word);
      return this.#giveBack(held);
    }
    const { words } = this.#nodes;
    const row = this.#nodes.row(index);
    const start = words[row + START];
    this.#take(this.#nodes.bytes(row), start, start + words[row + LENGTH], words[row + COUNT]);
    return true;
  }

  #giveBack(held: HeldNode | undefined): boolean {
    if (held?.isKept) this.#nodes.pool.free(held.ref);
    return held !== undefined;
  }

  #end(): boolean {
    this.#nodes.gate = null;
    this.#sink.finish();
    return false;
  }

  #take(bytes: Uint8Array, start: number, end: number, word: number): void {
    this.#sink.node(bytes, start, end, word & ~PLAIN, (word & PLAIN) !== 0);
  }
}

function copyOf(nodes: ListNodes, index: number): HeldNode {
  const row = nodes.row(index);
  const start = nodes.words[row + START];
  const bytes = nodes.bytes(row).slice(start, start + nodes.words[row + LENGTH]);
  const word = nodes.words[row + COUNT];
  return { bytes, start: 0, byteLength: bytes.length, word, isKept: false, ref: NULL_REF };
}

function keep(nodes: ListNodes, index: number): HeldNode {
  const { words } = nodes;
  const row = nodes.row(index);
  const held = {
    bytes: nodes.bytes(row),
    start: words[row + START],
    byteLength: words[row + LENGTH],
    word: words[row + COUNT],
    isKept: true,
    ref: words[row + REF],
  };
  words[row + REF] = NULL_REF;
  return held;
}
