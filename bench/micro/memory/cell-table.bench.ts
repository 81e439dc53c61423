// The index: finding, adding and removing cells in tables that fit the caches and in ones that do
// not. Hashes are random; a ref is the number of its hash, so that sums of refs prove what was
// found.

import { do_not_optimize } from "mitata";
import { CellTable, NO_CELL } from "../../../src/memory/cell-table.ts";
import { Pool } from "../../../src/memory/pool.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { seeded, shuffled } from "../../harness/data.ts";
import { checkResult } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const SIZES = sized([1000, 100_000, 5_000_000], [1000]);
const BATCH = 512;

/** A table of `count` cells; hash k has the ref k + 1. */
function filled(count: number) {
  const random = seeded("cell-table");
  const hashes = Int32Array.from({ length: count }, () => random.uint32() | 0);
  const table = new CellTable(new Pool());
  for (let k = 0; k < count; k++) table.insert(hashes[k], k + 1);
  return { table, hashes, random };
}

/** The cell of a hash that has a certain ref; several keys may share a hash. */
function cellOf(table: CellTable, hash: number, ref: number): number {
  let cell = table.seek(hash);
  while (cell !== NO_CELL && table.refAt(cell) !== ref) cell = table.next(cell);
  return cell;
}

benchmark("insert 512 into $cells cells and remove them", function* (args) {
  const count = args.get("cells");
  const { table, hashes, random } = filled(count);
  const added = Int32Array.from({ length: BATCH }, () => random.uint32() | 0);
  const cycle = () => {
    for (let k = 0; k < BATCH; k++) table.insert(added[k], count + 1 + k);
    for (let k = 0; k < BATCH; k++) {
      table.remove(cellOf(table, added[k], count + 1 + k), added[k], false);
    }
    return table.count;
  };
  checkResult("count", cycle(), count);
  yield () => do_not_optimize(cycle());
  table.verify();
  let found = 0;
  for (let k = 0; k < count; k++) if (cellOf(table, hashes[k], k + 1) !== NO_CELL) found++;
  checkResult("cells found afterwards", found, count);
})
  .args("cells", SIZES)
  .gc("inner");

benchmark("fill a table from empty to $cells cells", function* (args) {
  const count = args.get("cells");
  const random = seeded("fill");
  const hashes = Int32Array.from({ length: count }, () => random.uint32() | 0);
  const fill = () => {
    const table = new CellTable(new Pool());
    for (let k = 0; k < count; k++) table.insert(hashes[k], k + 1);
    return table;
  };
  const table = fill();
  table.verify();
  let sum = 0;
  for (let position = 0; ; ) {
    position = table.scan(position, count, (ref) => {
      sum += ref;
    });
    if (position === 0) break;
  }
  checkResult("sum of refs", sum, (count * (count + 1)) / 2);
  yield () => do_not_optimize(fill());
}).args("cells", sized([1000, 100_000, 1_000_000], [1000]));

/** Seeks 512 hashes, others at each call, so that a large table does not come from the cache. */
function seeker(table: CellTable, wanted: Int32Array) {
  let from = 0;
  return () => {
    let sum = 0;
    for (let k = 0; k < BATCH; k++) {
      const cell = table.seek(wanted[from + k]);
      if (cell !== NO_CELL) sum += table.refAt(cell);
    }
    from += BATCH;
    if (from + BATCH > wanted.length) from = 0;
    return sum;
  };
}

benchmark("seek 512 of $cells cells, hits", function* (args) {
  const count = args.get("cells");
  const { table, hashes, random } = filled(count);
  const order = shuffled(random, count);
  const wanted = Int32Array.from(order, (k) => hashes[k]);
  let found = 0;
  for (let k = 0; k < count; k++) if (cellOf(table, hashes[k], k + 1) !== NO_CELL) found++;
  checkResult("cells found", found, count);
  const seekBatch = seeker(table, wanted);
  yield () => do_not_optimize(seekBatch());
})
  .args("cells", SIZES)
  .gc("inner");

benchmark("seek 512 of $cells cells, misses", function* (args) {
  const { table, hashes, random } = filled(args.get("cells"));
  const present = new Set(hashes);
  const wanted = Int32Array.from({ length: 1 << 16 }, () => random.uint32() | 0).filter(
    (hash) => !present.has(hash),
  );
  const seekBatch = seeker(table, wanted);
  checkResult("sum of refs", seekBatch(), 0);
  yield () => do_not_optimize(seekBatch());
})
  .args("cells", SIZES)
  .gc("inner");

benchmark("touch, peek and seek 512 of $cells cells in turn", function* (args) {
  const count = args.get("cells");
  const { table, hashes, random } = filled(count);
  const wanted = Int32Array.from(shuffled(random, count), (k) => hashes[k]);
  let from = 0;
  const prefetched = (at: number) => {
    let sink = 0;
    for (let k = 0; k < BATCH; k++) sink ^= table.touch(wanted[at + k]);
    let peeked = 0;
    for (let k = 0; k < BATCH; k++) peeked += table.peek(wanted[at + k]);
    let sought = 0;
    for (let k = 0; k < BATCH; k++) sought += table.refAt(table.seek(wanted[at + k]));
    do_not_optimize(sink);
    return sought - peeked;
  };
  checkResult("peek and seek agree", prefetched(0), 0);
  yield () => {
    do_not_optimize(prefetched(from));
    from = from + 2 * BATCH > count ? 0 : from + BATCH;
  };
})
  .args("cells", SIZES)
  .gc("inner");
