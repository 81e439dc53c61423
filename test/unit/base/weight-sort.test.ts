import { expect, test } from "bun:test";
import { sortByWeight } from "../../../src/base/weight-sort.ts";
import { Choices } from "../../harness/generate.ts";

test("weights decide, then ties, then the order that was there (seed 3)", () => {
  const choices = new Choices(3);
  for (let round = 0; round < 400; round++) {
    const count = choices.below(choices.pick([2, 9, 17, 70, 600]));
    const variety = choices.pick([1, 4, 1000]);
    const weights = Float64Array.from({ length: count }, () => choices.below(variety) - 2);
    const ties = Array.from({ length: count }, () => choices.below(3));
    const isDescending = choices.oneIn(2);
    const order = Uint32Array.from({ length: count }, (_, k) => k);
    const sign = isDescending ? -1 : 1;
    // Arrays sort stably.
    const expected = [...order].sort(
      (left, right) => sign * (weights[left] - weights[right] || ties[left] - ties[right]),
    );
    sortByWeight(order, weights.slice(), isDescending, (left, right) => ties[left] - ties[right]);
    expect([...order]).toEqual(expected);
  }
});

test("infinities and both zeros have their places", () => {
  const weights = Float64Array.of(1, Number.POSITIVE_INFINITY, -0, 0, Number.NEGATIVE_INFINITY);
  const sorted = (isDescending: boolean) => {
    const order = Uint32Array.of(0, 1, 2, 3, 4);
    sortByWeight(order, weights.slice(), isDescending, () => 0);
    return [...order];
  };
  expect(sorted(false)).toEqual([4, 2, 3, 0, 1]);
  expect(sorted(true)).toEqual([1, 0, 2, 3, 4]);
});
