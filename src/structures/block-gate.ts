// How one who follows it learns that a sequence of blocks is about to change: the nodes of a list,
// the blocks of a stream, those of a table of pending entries. Blocks are known by their places.

/** Told before each change of content; moving a block, as compaction does, is none. */
export interface BlockGate {
  /** The content of a block is about to change. */
  beforeChange(index: number): void;
  /** A block is about to be put before the one at `index`. */
  beforeInsert(index: number): void;
  /**
   * `count` blocks are about to go. The gate may keep them: where it has put NULL_REF in a block's
   * place, that is not to be freed.
   */
  beforeRemove(index: number, count: number): void;
}
