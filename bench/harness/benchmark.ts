// Micro benchmarks: declared once, then either measured by mitata or, in a smoke run, executed a
// few times. A benchmark is a generator, as mitata has it: it prepares its data, yields the
// function to measure, and is resumed afterwards to check what the function left behind.

import { bench, type measure, run } from "mitata";

/** The values of `.args` that one run of a benchmark is for. */
export interface Arguments {
  get(name: string): number;
}

type Body = (
  args: Arguments,
) => Generator<() => unknown, void, undefined> | AsyncGenerator<() => unknown, void, undefined>;

/** What a measured benchmark took; times in nanoseconds per call of its function. */
export interface Measurement {
  readonly name: string;
  readonly minNs: number;
  readonly medianNs: number;
  readonly p99Ns: number;
  readonly averageNs: number;
  /** Bytes of garbage per call, as far as the collector's block size lets one see. */
  readonly heapBytes: number | undefined;
}

const SMOKE_CALLS = 3;

class Benchmark {
  readonly name: string;
  readonly body: Body;
  readonly argumentValues: Record<string, readonly number[]> = {};
  isAllocationShown = false;

  constructor(name: string, body: Body) {
    this.name = name;
    this.body = body;
  }

  /** Runs once for each value; `$name` in the benchmark's name stands for it. */
  args(name: string, values: readonly number[]): this {
    this.argumentValues[name] = values;
    return this;
  }

  /** "inner" collects garbage around every sample, so that the bytes allocated in it show. */
  gc(_mode: "inner"): this {
    this.isAllocationShown = true;
    return this;
  }

  /** Every combination of argument values. */
  *combinations(): Generator<Record<string, number>> {
    const names = Object.keys(this.argumentValues);
    const total = names.reduce((product, name) => product * this.argumentValues[name].length, 1);
    for (let number = 0; number < total; number++) {
      const chosen: Record<string, number> = {};
      let rest = number;
      for (const name of names) {
        const values = this.argumentValues[name];
        chosen[name] = values[rest % values.length];
        rest = Math.floor(rest / values.length);
      }
      yield chosen;
    }
  }
}

const declared: Benchmark[] = [];

/** Declares a benchmark. */
export function benchmark(name: string, body: Body): Benchmark {
  const added = new Benchmark(name, body);
  declared.push(added);
  return added;
}

/** Runs every benchmark that was declared a few times; returns how many there were. */
export async function smokeDeclared(): Promise<number> {
  let count = 0;
  for (const entry of declared) {
    for (const chosen of entry.combinations()) {
      const running = entry.body({ get: (argument) => chosen[argument] });
      const first = await running.next();
      if (first.done) throw new Error(`${entry.name} yields nothing to measure`);
      for (let call = 0; call < SMOKE_CALLS; call++) first.value();
      if (!(await running.next()).done) throw new Error(`${entry.name} yields twice`);
      count++;
    }
  }
  declared.length = 0;
  return count;
}

/** Measures every benchmark that was declared, printing as it goes. */
export async function measureDeclared(): Promise<Measurement[]> {
  for (const entry of declared) {
    const added = bench(entry.name, entry.body as unknown as Parameters<typeof measure>[0]);
    for (const [name, values] of Object.entries(entry.argumentValues)) {
      added.args(name, [...values]);
    }
    if (entry.isAllocationShown) added.gc("inner");
  }
  const { benchmarks } = await run({ throw: true, colors: process.stdout.isTTY });
  declared.length = 0;
  return benchmarks.flatMap((trial) =>
    trial.runs.map(({ name, stats }) => ({
      name,
      minNs: stats?.min ?? Number.NaN,
      medianNs: stats?.p50 ?? Number.NaN,
      p99Ns: stats?.p99 ?? Number.NaN,
      averageNs: stats?.avg ?? Number.NaN,
      heapBytes: stats?.heap?.avg,
    })),
  );
}
