import { expect, test } from "bun:test";
import { partialSort } from "../../../src/base/partial-sort.ts";
import { Choices } from "../../harness/generate.ts";

function sortedPart(values: readonly number[], from: number, to: number): number[] {
  const order = Uint32Array.from(values, (_, k) => k);
  partialSort(order, from, to, (left, right) => values[left] - values[right]);
  expect([...order].sort((left, right) => left - right)).toEqual(values.map((_, k) => k));
  return [...order].slice(from, to + 1).map((index) => values[index]);
}

test("the places asked for hold what a whole sort puts there (seed 12)", () => {
  const choices = new Choices(12);
  for (let round = 0; round < 600; round++) {
    const count = 1 + choices.below(choices.pick([5, 10, 60, 400]));
    const variety = choices.pick([1, 3, 20, 100_000]);
    const values = Array.from({ length: count }, () => choices.below(variety));
    const whole = [...values].sort((left, right) => left - right);
    const from = choices.below(count);
    const to = from + choices.below(count - from);
    expect(sortedPart(values, from, to)).toEqual(whole.slice(from, to + 1));
  }
});

test("ordered, reversed and organ-pipe inputs are sorted", () => {
  const rising = Array.from({ length: 5000 }, (_, k) => k);
  const pipe = rising.map((k) => Math.min(k, 5000 - k));
  for (const values of [rising, rising.toReversed(), pipe]) {
    const whole = [...values].sort((left, right) => left - right);
    expect(sortedPart(values, 0, 9)).toEqual(whole.slice(0, 10));
    expect(sortedPart(values, 4990, 4999)).toEqual(whole.slice(4990));
  }
});

test("an input made to defeat the choice of pivots is sorted all the same", () => {
  // After McIlroy, "A Killer Adversary for Quicksort": values are fixed only once compared.
  const count = 20_000;
  const gas = count;
  const values = new Array<number>(count).fill(gas);
  let solid = 0;
  let candidate = 0;
  const compare = (left: number, right: number) => {
    if (values[left] === gas && values[right] === gas) {
      values[left === candidate ? left : right] = solid++;
    }
    if (values[left] === gas) candidate = left;
    else if (values[right] === gas) candidate = right;
    return values[left] - values[right];
  };
  partialSort(
    Uint32Array.from(values, (_, k) => k),
    0,
    count - 1,
    compare,
  );
  expect(sortedPart(values, 0, 99)).toEqual(Array.from({ length: 100 }, (_, k) => k));
});

test("a range that is empty or has one place is no trouble", () => {
  expect(sortedPart([3, 1, 2], 1, 1)).toEqual([2]);
  expect(sortedPart([], 0, -1)).toEqual([]);
  expect(sortedPart([7], 0, 0)).toEqual([7]);
});
