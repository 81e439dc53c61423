// How large the benches are: full by default, or so small that all of them pass in a moment, to see
// that they still work. `--smoke` or MINIREDIS_BENCH_SMOKE=1 asks for the small size.

/** Whether this run only checks that the benches work. */
export const IS_SMOKE =
  process.argv.includes("--smoke") || process.env.MINIREDIS_BENCH_SMOKE === "1";

/** The full value, or the small one in a smoke run. */
export function sized<T>(full: T, smoke: T): T {
  return IS_SMOKE ? smoke : full;
}
