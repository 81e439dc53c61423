// Broken invariants stop the server: a wrong answer is worse than none.

/** Set in every test: turns on checks too costly for production. */
export const VERIFY = process.env.MINIREDIS_VERIFY === "1";

/** Thrown when an invariant of this program does not hold. Never caused by client input. */
class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws an AssertionError naming the broken invariant unless the condition holds. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(invariant);
}
