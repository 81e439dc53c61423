// Keeps fuzzers and benchmarks from rotting: each fuzzer runs a thousand steps, each micro
// benchmark at its smoke size.

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FUZZERS } from "../fuzz/fuzzers.ts";
import { Choices } from "../harness/generate.ts";
import { PROJECT } from "../harness/server.ts";

const STEPS = 1000;
const SEEDS = [1, 2, 3];
const BENCH_TIMEOUT_MS = 60_000;

for (const fuzzer of FUZZERS) {
  for (const seed of SEEDS) {
    test(`the ${fuzzer.name} fuzzer finds nothing in ${STEPS} steps of seed ${seed}`, () => {
      fuzzer.run(new Choices(seed), STEPS);
    });
  }
}

/** Every micro benchmark, relative to bench/micro. */
function microBenches(): string[] {
  const folder = join(PROJECT, "bench", "micro");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true }).map(String);
  return files.filter((file) => file.endsWith(".bench.ts")).sort();
}

for (const bench of microBenches()) {
  test(
    `bench/micro/${bench} works at smoke size`,
    async () => {
      const child = Bun.spawn([process.execPath, "run", "bench/run.ts", "--smoke", bench], {
        cwd: PROJECT,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect(`${await child.exited} ${errors}`).toBe("0 ");
      expect(output).toMatch(/^[1-9]\d* benchmarks in 1 files work\n$/);
    },
    BENCH_TIMEOUT_MS,
  );
}
