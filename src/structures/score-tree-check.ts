// Checks the invariants of a score tree (score-tree.ts) by walking all of it.

import { assert } from "../base/assert.ts";
import { NULL_REF } from "../memory/pool.ts";
import { INNER_MAX, LEAF_MAX, NEXT, PREVIOUS, type ScoreNodes } from "./score-nodes.ts";

/** Called with every entry in order. */
type VisitEntry = (score: number, ref: number) => void;

/** One walk over a tree. */
class Walk {
  readonly #nodes: ScoreNodes;
  readonly #height: number;
  readonly #visit: VisitEntry;
  nodeCount = 0;
  #lastLeaf = NULL_REF;
  #lastScore = Number.NEGATIVE_INFINITY;

  constructor(nodes: ScoreNodes, height: number, visit: VisitEntry) {
    this.#nodes = nodes;
    this.#height = height;
    this.#visit = visit;
  }

  /** Checks what is below a node at a depth; returns the number of entries. */
  node(node: number, depth: number): number {
    this.nodeCount++;
    assert(this.#nodes.countOf(node) > 0, "no node is empty");
    return depth === this.#height ? this.#leaf(node) : this.#inner(node, depth);
  }

  #leaf(leaf: number): number {
    const nodes = this.#nodes;
    const count = nodes.countOf(leaf);
    assert(count <= LEAF_MAX, "a leaf's entries fit");
    assert(nodes.linkOf(leaf, PREVIOUS) === this.#lastLeaf, "leaves are linked backwards");
    if (this.#lastLeaf !== NULL_REF) {
      assert(nodes.linkOf(this.#lastLeaf, NEXT) === leaf, "leaves are linked forwards");
    }
    this.#lastLeaf = leaf;
    for (let index = 0; index < count; index++) {
      const score = nodes.scoreOf(leaf, index);
      assert(score >= this.#lastScore, "scores are in order");
      this.#lastScore = score;
      this.#visit(score, nodes.refOf(leaf, index));
    }
    return count;
  }

  #inner(node: number, depth: number): number {
    const nodes = this.#nodes;
    const count = nodes.countOf(node);
    assert(count <= INNER_MAX, "an inner node's children fit");
    let sum = 0;
    for (let slot = 0; slot < count; slot++) {
      const child = nodes.childOf(node, slot);
      if (slot > 0) {
        const separator = nodes.separatorOf(node, slot);
        assert(separator >= this.#lastScore, "a separator is not below what is before it");
        let first = child;
        for (let k = depth + 1; k < this.#height; k++) first = nodes.childOf(first, 0);
        assert(separator <= nodes.scoreOf(first, 0), "a separator is not above its child");
      }
      const below = this.node(child, depth + 1);
      assert(nodes.belowOf(node, slot) === below, "entries are counted");
      sum += below;
    }
    return sum;
  }

  end(): void {
    assert(this.#nodes.linkOf(this.#lastLeaf, NEXT) === NULL_REF, "the last leaf ends the chain");
    assert(this.nodeCount === this.#nodes.count, "nodes are counted");
  }
}

/** Checks a tree; `visit` is told every entry. Throws on the first violation. */
export function checkScoreTree(
  nodes: ScoreNodes,
  root: number,
  height: number,
  size: number,
  visit: VisitEntry,
): void {
  if (root === NULL_REF) {
    assert(size === 0 && height === 0 && nodes.count === 0, "an empty tree has nothing");
    return;
  }
  const walk = new Walk(nodes, height, visit);
  assert(walk.node(root, 0) === size, "the size is the number of entries");
  walk.end();
}
