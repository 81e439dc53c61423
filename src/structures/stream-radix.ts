// XINFO STREAM tells how many nodes Redis's radix tree over the blocks' master IDs would have.
// There is no such tree here, but its shape follows from the IDs: 16 bytes each, big-endian, chains
// of bytes without a branch being one node.
//
//   nodes = one leaf per ID
//         + one per place where IDs part
//         + one per chain of at least one byte between such places, the root and the leaves

import type { IdIndex } from "./id-index.ts";
import { ID_WORDS } from "./stream-id.ts";

const ID_BYTES = 16;
/** The depth above the root. */
const ABOVE = -1;

/** The number of nodes of a radix tree over an index's IDs. */
export function radixNodeCount(index: IdIndex): number {
  const count = index.count;
  if (count === 0) return 1;
  // The branches on the way to the current ID, by depth. Deeper ones are complete.
  const branches: number[] = [];
  let nodes = count;
  let previousShared = ABOVE;
  for (let k = 0; k < count; k++) {
    const shared = k + 1 < count ? sharedBytes(index, k) : ABOVE;
    // The leaf hangs from the deeper of the branches it has with its neighbours.
    if (ID_BYTES - Math.max(previousShared, shared) - 1 > 0) nodes++;
    while (branches.length > 0 && branches[branches.length - 1] > shared) {
      const depth = branches.pop()!;
      const parent = Math.max(shared, branches.length > 0 ? branches[branches.length - 1] : ABOVE);
      nodes += depth - parent - 1 > 0 ? 2 : 1;
    }
    if (shared !== ABOVE && branches[branches.length - 1] !== shared) branches.push(shared);
    previousShared = shared;
  }
  return nodes;
}

/** How many leading bytes an ID and the next one have in common. */
function sharedBytes(index: IdIndex, k: number): number {
  const { words } = index;
  const left = index.wordAt(k);
  const right = index.wordAt(k + 1);
  let word = 0;
  while (word < ID_WORDS - 1 && words[left + word] === words[right + word]) word++;
  return word * 4 + (Math.clz32(words[left + word] ^ words[right + word]) >>> 3);
}
