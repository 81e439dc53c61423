// Runs the micro benchmarks: `bun run bench [FILTER]... [--smoke] [--json FILE]`.
//
//   FILTER    runs only the files of bench/micro whose path contains one of these texts
//   --smoke   small data, a few calls each and no measuring: do they work?
//   --json    also saves minimum, median, 99th percentile and garbage of each, to be compared later
//
// Each file is measured in a process of its own, so that what the just-in-time compiler learned
// from one bench does not change the next.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Measurement, measureDeclared, smokeDeclared } from "./harness/benchmark.ts";
import { IS_SMOKE } from "./harness/size.ts";

const MICRO = join(import.meta.dir, "micro");

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: "boolean" },
    json: { type: "string" },
    // What this program starts itself with, for one file.
    only: { type: "string" },
  },
});

function benchFiles(): string[] {
  const found = readdirSync(MICRO, { recursive: true }).map(String);
  return found
    .filter((path) => path.endsWith(".bench.ts"))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

async function smoke(files: readonly string[]): Promise<void> {
  let count = 0;
  for (const file of files) {
    await import(join(MICRO, file));
    count += await smokeDeclared();
  }
  console.log(`${count} benchmarks in ${files.length} files work`);
}

/** Measures one file in a process of its own. */
async function measureFile(file: string): Promise<Measurement[]> {
  let measured: Measurement[] = [];
  const child = Bun.spawn([process.execPath, import.meta.path, "--only", file], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message) => {
      measured = message as Measurement[];
    },
  });
  if ((await child.exited) !== 0) throw new Error(`${file} failed`);
  return measured;
}

async function measureAll(files: readonly string[]): Promise<void> {
  const results: Record<string, Measurement[]> = {};
  for (const file of files) {
    console.log(`\n== ${file}`);
    results[file] = await measureFile(file);
  }
  if (options.json === undefined) return;
  const content = { bun: Bun.version, platform: `${process.platform} ${process.arch}`, results };
  await Bun.write(options.json, `${JSON.stringify(content, undefined, 1)}\n`);
}

if (options.only !== undefined) {
  await import(join(MICRO, options.only));
  process.send?.(await measureDeclared());
  process.disconnect?.();
} else {
  const files = benchFiles();
  if (files.length === 0) throw new Error(`no bench matches ${filters.join(" ")}`);
  await (IS_SMOKE ? smoke(files) : measureAll(files));
}
