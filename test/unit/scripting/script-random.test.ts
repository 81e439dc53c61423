import { expect, test } from "bun:test";
import { ScriptRandom } from "../../../src/scripting/script-random.ts";

test("numbers are those of drand48 under the same seed", () => {
  const random = new ScriptRandom();
  random.seed(0);
  // What C's drand48 gives after srand48(0).
  expect(random.next()).toBeCloseTo(0.170828036, 8);
  expect(random.next()).toBeCloseTo(0.74990198, 8);
  expect(random.next()).toBeCloseTo(0.096371655, 8);
});

test("a seed starts the sequence anew", () => {
  const random = new ScriptRandom();
  random.seed(12345);
  const first = [random.next(), random.next()];
  random.seed(12345);
  expect([random.next(), random.next()]).toEqual(first);
  random.seed(-1);
  expect(random.next()).not.toBe(first[0]);
});
