// The byte pool: allocating and freeing blocks, fresh and in a pool that has been used for long.

import { do_not_optimize } from "mitata";
import { randomBelow } from "../../../src/base/random.ts";
import { CHUNK_SHIFT, GRANULE_MASK, Pool } from "../../../src/memory/pool.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { seeded } from "../../harness/data.ts";
import { checkResult, Digest } from "../../harness/digest.ts";
import { sized } from "../../harness/size.ts";

const COUNT = sized(1000, 50);
const LIVE = sized(200_000, 500);

/** Writes each block's number into it, and reads all numbers back: no block overlaps another. */
function checkBlocks(pool: Pool, refs: ArrayLike<number>): void {
  const wordAt = (k: number) => ({
    words: pool.words[refs[k] >>> CHUNK_SHIFT],
    at: (refs[k] & GRANULE_MASK) << 1,
  });
  const [actual, expected] = [new Digest(), new Digest()];
  for (let k = 0; k < refs.length; k++) {
    const { words, at } = wordAt(k);
    words[at] = k;
  }
  for (let k = 0; k < refs.length; k++) {
    const { words, at } = wordAt(k);
    actual.number(words[at]);
    expected.number(k);
  }
  checkResult("Pool", actual.value, expected.value);
}

benchmark("allocate and free $bytes bytes 1,000 times", function* (args) {
  const pool = new Pool();
  const bytes = args.get("bytes");
  const refs = new Uint32Array(COUNT);
  const before = pool.usedBytes;
  const cycle = () => {
    for (let k = 0; k < COUNT; k++) refs[k] = pool.allocate(bytes);
    const used = pool.usedBytes;
    for (let k = 0; k < COUNT; k++) pool.free(refs[k]);
    return used;
  };
  checkResult("usedBytes", cycle(), before + COUNT * Pool.capacityFor(bytes));
  for (let k = 0; k < COUNT; k++) refs[k] = pool.allocate(bytes);
  checkBlocks(pool, refs);
  for (let k = 0; k < COUNT; k++) pool.free(refs[k]);
  yield () => do_not_optimize(cycle());
  checkResult("usedBytes afterwards", pool.usedBytes, before);
})
  .args("bytes", [8, 56, 200, 1024, 16384])
  .gc("inner");

benchmark("replace 1,000 random blocks of a full pool", function* () {
  const random = seeded("pool churn");
  const pool = new Pool();
  const size = () => 24 + randomBelow(random, 200);
  const refs = Uint32Array.from({ length: LIVE }, () => pool.allocate(size()));
  // Drawn beforehand, so that the generator of random numbers is not measured.
  const victims = Uint32Array.from({ length: 1 << 16 }, () => randomBelow(random, LIVE));
  const sizes = Uint16Array.from({ length: 1 << 16 }, size);
  let draw = 0;
  const churn = () => {
    for (let k = 0; k < COUNT; k++) {
      draw = (draw + 1) & 0xffff;
      pool.free(refs[victims[draw]]);
      refs[victims[draw]] = pool.allocate(sizes[draw]);
    }
    return pool.usedBytes;
  };
  churn();
  checkBlocks(pool, refs);
  yield () => do_not_optimize(churn());
  checkBlocks(pool, refs);
  pool.verify();
  const capacities = refs.reduce((sum, ref) => sum + pool.capacity(ref), 0);
  checkResult("usedBytes afterwards", pool.usedBytes, capacities);
}).gc("inner");
