// A large list on its way into a snapshot, node by node in their order. Nodes that change or go
// ahead of the walk are copied first.

import { COUNT, LENGTH, type ListNodes, PLAIN, START } from "../structures/list-nodes.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import { BlockRuns, COPIED, NO_MORE } from "./block-runs.ts";
import type { CollectionWalk } from "./collection-walk.ts";
import type { ListSink } from "./snapshot-sink.ts";

/** A node as it was: its entries, and the word that counts them. */
interface NodeCopy {
  readonly bytes: Uint8Array;
  readonly word: number;
  readonly byteLength: number;
}

/** Takes the nodes of one list as they were when it was made. */
export class ListWalk implements CollectionWalk {
  readonly container: Quicklist;
  readonly #nodes: ListNodes;
  readonly #runs: BlockRuns<NodeCopy>;
  readonly #sink: ListSink;
  #isAborted = false;

  constructor(list: Quicklist, sink: ListSink) {
    const { nodes } = list;
    this.container = list;
    this.#nodes = nodes;
    this.#sink = sink;
    this.#runs = new BlockRuns(nodes.count, (index) => copyOf(nodes, index));
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
    const index = this.#isAborted ? NO_MORE : this.#runs.next();
    if (index === NO_MORE) {
      this.#nodes.gate = null;
      this.#sink.finish();
      return false;
    }
    if (index === COPIED) {
      const { bytes, word } = this.#runs.copy!;
      this.#take(bytes, 0, bytes.length, word);
    } else {
      const { words } = this.#nodes;
      const row = this.#nodes.row(index);
      const start = words[row + START];
      this.#take(this.#nodes.bytes(row), start, start + words[row + LENGTH], words[row + COUNT]);
    }
    return true;
  }

  #take(bytes: Uint8Array, start: number, end: number, word: number): void {
    this.#sink.node(bytes, start, end, word & ~PLAIN, (word & PLAIN) !== 0);
  }
}

function copyOf(nodes: ListNodes, index: number): NodeCopy {
  const row = nodes.row(index);
  const start = nodes.words[row + START];
  const bytes = nodes.bytes(row).slice(start, start + nodes.words[row + LENGTH]);
  return { bytes, word: nodes.words[row + COUNT], byteLength: bytes.length };
}
