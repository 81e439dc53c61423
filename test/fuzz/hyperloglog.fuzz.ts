// HyperLogLogs against an array of ranks: both encodings hold the same registers whatever the order
// of additions, the hash is the one its author describes, and strings of random opcodes are either
// refused or used, and nothing beside them is touched.

import { murmur, murmurHash64 } from "../../src/base/murmur-hash.ts";
import {
  DENSE_BYTES,
  denseRank,
  EMPTY_BYTES,
  encodingOf,
  estimate,
  estimateOfRanks,
  HEADER_BYTES,
  locate,
  mergeRanks,
  place,
  REGISTER_COUNT,
  raiseDense,
  SPARSE,
  writeDense,
  writeEmpty,
} from "../../src/structures/hyperloglog.ts";
import {
  applyRaise,
  CORRUPT,
  decodeSparse,
  plannedGrowth,
  planRaise,
  UNCHANGED,
} from "../../src/structures/hyperloglog-sparse.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

/** Where the sparse form lies, with guards around it. */
const START = 5;
const ROOM = 4000;
const GUARD = 0xa5;

/** MurmurHash64A as its author wrote it. */
function naiveHash(bytes: Uint8Array, seed: bigint): bigint {
  const multiplier = 0xc6a4a7935bd1e995n;
  const wrap = (value: bigint) => BigInt.asUintN(64, value);
  const word = (part: Uint8Array) => part.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let hash = wrap(seed ^ wrap(BigInt(bytes.length) * multiplier));
  const wholeEnd = bytes.length & ~7;
  for (let at = 0; at < wholeEnd; at += 8) {
    let value = wrap(word(bytes.subarray(at, at + 8)) * multiplier);
    value = wrap((value ^ (value >> 47n)) * multiplier);
    hash = wrap((hash ^ value) * multiplier);
  }
  if (wholeEnd < bytes.length) hash = wrap((hash ^ word(bytes.subarray(wholeEnd))) * multiplier);
  hash = wrap((hash ^ (hash >> 47n)) * multiplier);
  return hash ^ (hash >> 47n);
}

function checkHash(choices: Choices): void {
  const bytes = choices.bytes(choices.below(40));
  const seed = choices.below(2 ** 31);
  murmurHash64(bytes, 0, bytes.length, seed);
  const hash = (BigInt(murmur.high >>> 0) << 32n) | BigInt(murmur.low >>> 0);
  check(hash === naiveHash(bytes, BigInt(seed)), `hashes ${bytes.toString("hex")} under ${seed}`);
}

/** A sparse HyperLogLog in an array of its own. */
class Sparse {
  readonly bytes = new Uint8Array(START + ROOM);
  end = START + EMPTY_BYTES;

  constructor() {
    this.bytes.fill(GUARD);
    writeEmpty(this.bytes, START);
  }

  get body(): number {
    return START + HEADER_BYTES;
  }

  /** Raises a register; false once there is no room. */
  raise(register: number, rank: number): boolean {
    const outcome = planRaise(this.bytes, this.body, this.end, register, rank);
    if (outcome === UNCHANGED || outcome === CORRUPT) return true;
    if (this.end + plannedGrowth() > this.bytes.length - 1) return false;
    const before = this.end;
    this.end = applyRaise(this.bytes, this.body, this.end);
    check(this.end >= before - 6 && this.end <= before + 3, "grows by three bytes at most");
    return true;
  }

  ranks(): Uint8Array | undefined {
    const ranks = new Uint8Array(REGISTER_COUNT);
    return mergeRanks(ranks, this.bytes, START, this.end) ? ranks : undefined;
  }
}

function checkAdditions(choices: Choices, steps: number): void {
  const sparse = new Sparse();
  const dense = new Uint8Array(DENSE_BYTES + 1).fill(GUARD);
  writeEmpty(dense, 0);
  writeDense(dense, 0, new Uint8Array(REGISTER_COUNT));
  const expected = new Uint8Array(REGISTER_COUNT);
  // Few registers or many, neighbours or scattered.
  const spread = choices.pick([3, 100, 3000, REGISTER_COUNT]);
  const base = choices.below(REGISTER_COUNT - spread + 1);
  const rankMax = choices.pick([2, 4, 32]);
  const byElement = choices.oneIn(3);
  for (let step = 0; step < steps; step++) {
    const element = choices.bytes(8);
    locate(element, 0, element.length);
    const register = byElement ? place.register : base + choices.below(spread);
    const rank = byElement ? Math.min(32, place.rank) : 1 + choices.below(rankMax);
    const isHigher = rank > expected[register];
    check(raiseDense(dense, 0, register, rank) === isHigher, "tells whether a register was raised");
    if (isHigher) expected[register] = rank;
    check(denseRank(dense, 0, register) === expected[register], "keeps the highest rank");
    if (!sparse.raise(register, rank)) break;
  }
  check(sparse.bytes[START - 1] === GUARD && dense[DENSE_BYTES] === GUARD, "stays in its bounds");
  check(encodingOf(sparse.bytes, START, sparse.end) === SPARSE, "keeps the header");
  const same = (ranks: Uint8Array | undefined) =>
    ranks !== undefined && Buffer.compare(ranks, expected) === 0;
  const denseRanks = new Uint8Array(REGISTER_COUNT);
  check(mergeRanks(denseRanks, dense, 0, DENSE_BYTES) && same(denseRanks), "dense registers hold");
  const last = sparse.ranks();
  if (sparse.end < START + ROOM - 10) check(same(last), "sparse registers hold");
  const estimates = [estimate(dense, 0, DENSE_BYTES), estimateOfRanks(expected)];
  check(estimates[0] === estimates[1], "both estimates are the same");
}

function checkDamage(choices: Choices): void {
  const sparse = new Sparse();
  const length = choices.below(choices.pick([4, 50, 900]));
  sparse.end = sparse.body + length;
  sparse.bytes.set(choices.bytes(length), sparse.body);
  if (choices.oneIn(2)) sparse.bytes.fill(choices.below(256), sparse.body, sparse.end);
  const isWhole = sparse.ranks() !== undefined;
  const count = estimate(sparse.bytes, START, sparse.end);
  check(Number.isNaN(count) === !isWhole, "estimates where all registers are there");
  check(decodeSparse(sparse.bytes, sparse.body, sparse.end).length >= length, "decodes it");
  for (let k = 0; k < 20; k++) {
    if (!sparse.raise(choices.below(REGISTER_COUNT), 1 + choices.below(32))) break;
    check(sparse.bytes[START - 1] === GUARD, "writes nothing in front of it");
    check(sparse.end >= sparse.body && sparse.end <= sparse.bytes.length, "stays in its bounds");
    check(!isWhole || sparse.ranks() !== undefined, "what was whole stays whole");
  }
}

export const hyperloglogFuzzer: Fuzzer = {
  name: "hyperloglog",
  run(choices, steps) {
    for (let step = 0; step < steps; step += 5) {
      checkHash(choices);
      checkDamage(choices);
      if (choices.oneIn(40)) checkAdditions(choices, choices.pick([10, 300, 3000]));
    }
  },
};
