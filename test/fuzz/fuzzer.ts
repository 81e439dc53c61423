// What a fuzzer is: a seeded run against a model, which throws on the first disagreement.

import type { Choices } from "../harness/generate.ts";

export interface Fuzzer {
  readonly name: string;
  /** Runs about `steps` operations. Everything random comes from `choices`. */
  run(choices: Choices, steps: number): void;
}

/** Throws unless the condition holds; the message says what was expected of whom. */
export function check(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new Error(`fuzzer: ${expectation}`);
}
