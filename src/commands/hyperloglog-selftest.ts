// What PFSELFTEST checks: that registers keep what is written into them, that both encodings come
// to the same estimate, and that estimates are as near the truth as the number of registers
// promises.

import { Xoshiro } from "../base/random.ts";
import {
  DENSE_BYTES,
  denseRank,
  EMPTY_BYTES,
  estimate,
  HEADER_BYTES,
  locate,
  mergeRanks,
  place,
  REGISTER_COUNT,
  raiseDense,
  writeDense,
  writeEmpty,
} from "../structures/hyperloglog.ts";
import { applyRaise, PLANNED, plannedGrowth, planRaise } from "../structures/hyperloglog-sparse.ts";

const CYCLES = 10;
const ELEMENTS = 100_000;
const SPARSE_BYTES_MAX = 3000;
/** Standard errors by which an estimate may be off before the code is to blame. */
const TOLERANCE = 4;
const STANDARD_ERROR = 1.04 / Math.sqrt(REGISTER_COUNT);
/** Few elements are counted almost exactly; a collision is no fault. */
const FEW = 10;

/** What is wrong with HyperLogLogs, or undefined. Takes some hundredths of a second. */
export function findHyperloglogFault(): string | undefined {
  return findRegisterFault() ?? findEstimateFault();
}

function findRegisterFault(): string | undefined {
  const random = new Xoshiro(1);
  const bytes = new Uint8Array(DENSE_BYTES);
  const expected = new Uint8Array(REGISTER_COUNT);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    for (let register = 0; register < REGISTER_COUNT; register++) {
      const rank = random.uint32() & 63;
      if (rank > expected[register]) expected[register] = rank;
      raiseDense(bytes, 0, register, rank);
    }
    for (let register = 0; register < REGISTER_COUNT; register++) {
      const rank = denseRank(bytes, 0, register);
      if (rank === expected[register]) continue;
      return `Register ${register} should be ${expected[register]} but is ${rank}`;
    }
  }
  return undefined;
}

function findEstimateFault(): string | undefined {
  const random = new Xoshiro(2);
  const salt = random.uint32();
  const element = new Uint8Array(8);
  const words = new Uint32Array(element.buffer);
  const sparse = new Uint8Array(SPARSE_BYTES_MAX);
  let sparseEnd = EMPTY_BYTES;
  writeEmpty(sparse, 0);
  const dense = new Uint8Array(DENSE_BYTES);
  writeEmpty(dense, 0);
  writeDense(dense, 0, new Uint8Array(REGISTER_COUNT));
  let checkpoint = 1;
  for (let count = 1; count <= ELEMENTS; count++) {
    words[0] = count;
    words[1] = count ^ salt;
    locate(element, 0, element.length);
    raiseDense(dense, 0, place.register, place.rank);
    if (sparseEnd > 0) sparseEnd = raiseSparse(sparse, sparseEnd);
    if (count !== checkpoint) continue;
    checkpoint *= 10;
    if (sparseEnd > 0 && !sameRanks(sparse.subarray(0, sparseEnd), dense)) {
      return "dense/sparse disagree";
    }
    const error = Math.abs(estimate(dense, 0, DENSE_BYTES) - count);
    const tolerated = Math.ceil(count * STANDARD_ERROR * TOLERANCE);
    if (error > (count <= FEW ? 1 : tolerated)) {
      return `Too big error. card:${count} abserr:${error}`;
    }
  }
  return undefined;
}

/** Raises the located register; returns the new end, 0 once the sparse form is no longer one. */
function raiseSparse(bytes: Uint8Array, end: number): number {
  if (planRaise(bytes, HEADER_BYTES, end, place.register, place.rank) !== PLANNED) return end;
  if (end + plannedGrowth() > bytes.length) return 0;
  return applyRaise(bytes, HEADER_BYTES, end);
}

function sameRanks(left: Uint8Array, right: Uint8Array): boolean {
  const [leftRanks, rightRanks] = [left, right].map((bytes) => {
    const ranks = new Uint8Array(REGISTER_COUNT);
    return mergeRanks(ranks, bytes, 0, bytes.length) ? ranks : undefined;
  });
  return leftRanks !== undefined && Bun.deepEquals(leftRanks, rightRanks);
}
