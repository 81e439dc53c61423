// Large sorted sets against a sorted array: insertion in any order, changed scores, removal one by
// one, by ranges and at the ends, ranks, bounds, cursors, copies, evacuated chunks.

import { KeyHasher } from "../../src/base/key-hash.ts";
import { Xoshiro } from "../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import { NULL_REF, Pool } from "../../src/memory/pool.ts";
import { SortedSet } from "../../src/structures/sorted-set.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

interface Entry {
  readonly member: string;
  readonly score: number;
}

function isBefore(left: Entry, score: number, member: string): boolean {
  return left.score === score ? left.member < member : left.score < score;
}

class Model {
  readonly pool = new Pool();
  set: SortedSet;
  readonly scores = new Map<string, number>();
  /** In order. */
  readonly entries: Entry[] = [];

  constructor(choices: Choices) {
    const hasher = new KeyHasher(new Xoshiro(choices.below(1000)));
    const random = new Xoshiro(choices.below(1000));
    this.set = new SortedSet({ pool: this.pool, hasher, random });
  }

  /** How many entries are before a score and member. */
  rankOf(score: number, member: string): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.entries[middle], score, member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #find(member: string): number {
    const bytes = latin1Bytes(member);
    const ref = this.set.find(bytes, 0, bytes.length);
    check((ref !== NULL_REF) === this.scores.has(member), "finds exactly what is there");
    return ref;
  }

  setScore(member: string, score: number): void {
    const ref = this.#find(member);
    const former = this.scores.get(member);
    if (former === undefined) {
      const bytes = latin1Bytes(member);
      this.set.add(bytes, 0, bytes.length, score);
    } else {
      check(this.set.scoreOf(ref) === former, "a member has its score");
      check(this.set.rankOf(ref) === this.rankOf(former, member), "a member has its rank");
      this.set.setScore(ref, score);
      this.entries.splice(this.rankOf(former, member), 1);
    }
    this.scores.set(member, score);
    this.entries.splice(this.rankOf(score, member), 0, { member, score });
  }

  remove(member: string): void {
    const ref = this.#find(member);
    const score = this.scores.get(member);
    if (score === undefined) return;
    this.set.remove(ref);
    this.scores.delete(member);
    this.entries.splice(this.rankOf(score, member), 1);
  }

  removeRange(choices: Choices): void {
    if (this.entries.length === 0) return;
    const rank = choices.below(this.entries.length);
    const count = Math.min(
      1 + choices.below(choices.pick([3, 100, 1000])),
      this.entries.length - rank,
    );
    this.set.removeRange(rank, count);
    for (const { member } of this.entries.splice(rank, count)) this.scores.delete(member);
  }

  removeEnds(choices: Choices): void {
    const last = choices.oneIn(2);
    for (let k = choices.below(200); k > 0 && this.entries.length > 0; k--) {
      this.set.removeEnd(last);
      const removed = last ? this.entries.pop() : this.entries.shift();
      this.scores.delete(removed!.member);
    }
  }

  /** Compares counts below a score, and a walk from a random rank in either direction. */
  look(choices: Choices, score: number): void {
    const { tree, members } = this.set;
    const { entries } = this;
    const below = this.rankOf(score, "");
    let upTo = below;
    while (upTo < entries.length && entries[upTo].score === score) upTo++;
    check(tree.countBelow(score, false) === below, "counts scores below");
    check(tree.countBelow(score, true) === upTo, "counts scores up to");
    if (entries.length === 0) return;
    let rank = choices.oneIn(2) && upTo < entries.length ? upTo : choices.below(entries.length);
    const step = choices.oneIn(2) ? 1 : -1;
    tree.walkFrom(rank);
    for (let k = choices.below(300); k > 0; k--) {
      const { bytes, keyStart, keyEnd } = members.load(tree.ref);
      check(tree.score === entries[rank].score, "a walk meets the scores in order");
      const member = latin1Text(bytes, keyStart, keyEnd);
      check(member === entries[rank].member, "a walk meets the members in order");
      rank += step;
      const goesOn = step > 0 ? tree.next() : tree.previous();
      check(goesOn === (rank >= 0 && rank < entries.length), "a walk ends with the entries");
      if (!goesOn) return;
    }
  }

  /** Compares counts below a member, where all scores are equal. */
  lookByMember(member: string): void {
    const { tree } = this.set;
    if (this.entries.some(({ score }) => score !== 0)) return;
    const bytes = latin1Bytes(member);
    const below = this.entries.filter((entry) => entry.member < member).length;
    const has = this.scores.has(member) ? 1 : 0;
    check(tree.countLexBelow(bytes, 0, bytes.length, false) === below, "counts members below");
    check(tree.countLexBelow(bytes, 0, bytes.length, true) === below + has, "and up to one");
  }

  /** Goes on with a copy; the original is given back in slices. */
  clone(): void {
    const former = this.set;
    this.set = former.clone();
    former.verify();
    while (!former.release(100));
  }

  compact(): void {
    if (this.pool.evacuate() === 0) return;
    let position = 0;
    do {
      position = this.set.relocate(position, 100);
    } while (position !== 0);
    this.pool.endEvacuation();
  }

  verify(): void {
    this.set.verify();
    this.pool.verify();
    const { tree, members } = this.set;
    check(this.set.size === this.entries.length, "members are counted");
    if (this.entries.length === 0) return;
    tree.seekRank(0);
    for (const { member, score } of this.entries) {
      const { bytes, keyStart, keyEnd } = members.load(tree.ref);
      check(latin1Text(bytes, keyStart, keyEnd) === member, "members are in order");
      check(tree.score === score, "and have their scores");
      tree.next();
    }
  }
}

/** Scores: spread, few, all equal, rising, falling. */
const SCORES: readonly ((choices: Choices, step: number) => number)[] = [
  (choices) => choices.below(1_000_000),
  (choices) => choices.below(10) - 5,
  () => 0,
  (_, step) => step,
  (_, step) => -step,
  (choices) => choices.pick([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0.5, -0, 0]),
];

export const sortedSetFuzzer: Fuzzer = {
  name: "sorted-set",
  run(choices, steps) {
    const model = new Model(choices);
    let score = choices.pick(SCORES);
    let growth = 70;
    const span = choices.pick([100, 3000, 100_000]);
    const member = () => {
      const name = choices.below(span).toString(36);
      return choices.oneIn(20) ? name.padEnd(choices.pick([40, 300]), "x") : name;
    };
    for (let step = 1; step <= steps; step++) {
      if (choices.below(100) < growth) model.setScore(member(), score(choices, step));
      else model.remove(member());
      if (choices.oneIn(10)) model.look(choices, score(choices, step));
      if (choices.oneIn(10)) model.lookByMember(member());
      if (choices.oneIn(300)) model.removeEnds(choices);
      if (choices.oneIn(300)) model.removeRange(choices);
      if (choices.oneIn(500)) growth = choices.pick([30, 50, 70, 95]);
      if (choices.oneIn(1000)) score = choices.pick(SCORES);
      if (choices.oneIn(2000)) model.clone();
      if (choices.oneIn(2000)) model.compact();
      if (choices.oneIn(500)) model.verify();
    }
    model.verify();
    while (!model.set.release(50));
    check(model.pool.usedBytes === 0, "a released set uses nothing");
  },
};
