// Throughput and processor time under redis-benchmark: `bun bench/macro/load.ts [--tests set,get]
// [--depths 1,16,64] [--keys 1000000] [--preload 0] [--bytes 3] [--clients 50] [--n 0] [--rounds 3]
// [options]` (the shared options are at the head of bench/harness/options.ts).
//
// All servers run on the first processor, redis-benchmark on the second; they take turns within
// each round, in reverse order in every other one, so that drift hits all alike. Each figure is the
// median over the rounds. Processor time of the server per request is steadier than requests per
// second, which the load generator limits. `--preload` first fills that many of the keys; `--n` is
// the number of requests of a cell, by default so many as take a second or two. Tests are those of
// redis-benchmark and those of bench/harness/load-tests.ts.

import type { ServerProcess } from "../../test/harness/process.ts";
import { LOAD_TESTS } from "../harness/load-tests.ts";
import { readOptions } from "../harness/options.ts";
import { sendFrames, setFrames } from "../harness/pipeline.ts";
import { type LoadResult, requireRedisBenchmark, runLoad } from "../harness/redis-benchmark.ts";
import { geometricMean, median, type Row, report, rounded } from "../harness/report.ts";
import {
  contenders,
  leaveServersAlone,
  OURS,
  processorSeconds,
  startContender,
  versionOf,
} from "../harness/servers.ts";

/** Every test of redis-benchmark, then our own. */
const TESTS =
  "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin," +
  `lrange_100,lrange_300,lrange_500,lrange_600,mset,${[...LOAD_TESTS.keys()].join(",")}`;

const options = readOptions({
  tests: TESTS,
  depths: "1,16,64",
  keys: "1000000",
  preload: "0",
  bytes: "3",
  clients: "50",
  n: "0",
  rounds: "3",
});

interface Sample extends LoadResult {
  /** Processor time of the server per request, microseconds. */
  readonly processorUs: number;
}

interface Running {
  readonly name: string;
  readonly version: string;
  readonly server: ServerProcess;
}

/** Requests of a cell. */
function requestsFor(test: string, depth: number): number {
  const given = options.number("n");
  if (given > 0) return given;
  const own = LOAD_TESTS.get(test);
  if (own !== undefined) return own.requests[depth === 1 ? 0 : 1];
  if (test.startsWith("lrange")) return depth === 1 ? 40_000 : 100_000;
  if (depth === 1) return 150_000;
  return test === "mset" ? 100_000 : 1_500_000;
}

async function sample(running: Running, test: string, depth: number): Promise<Sample | undefined> {
  const requests = requestsFor(test, depth);
  const { pid, port } = running.server;
  const own = LOAD_TESTS.get(test);
  // A server that lacks a command for the data is left out, as for one that is measured.
  const isReady = await (own?.prepare(port, requests) ?? Promise.resolve()).then(
    () => true,
    () => false,
  );
  if (!isReady) return undefined;
  const before = processorSeconds(pid);
  const result = await (own?.run ?? runLoad)({
    port,
    test,
    requests,
    depth,
    clients: options.number("clients"),
    valueBytes: options.number("bytes"),
    keys: options.number("keys"),
  });
  if (result === undefined) return undefined;
  const spent = processorSeconds(pid) - before;
  return { ...result, processorUs: (spent * 1e6) / requests };
}

function middle(samples: readonly Sample[]): Sample {
  return {
    requestsPerSecond: median(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
    processorUs: median(samples.map(({ processorUs }) => processorUs)),
  };
}

/** All servers' medians for one cell; a server that does not know the command is missing. */
async function measureCell(
  all: readonly Running[],
  test: string,
  depth: number,
): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < options.number("rounds"); round++) {
    for (const running of round % 2 === 0 ? all : all.toReversed()) {
      const taken = await sample(running, test, depth);
      if (taken !== undefined) samples.get(running.name)?.push(taken);
    }
  }
  const known = [...samples].filter(([, taken]) => taken.length > 0);
  return new Map(known.map(([name, taken]) => [name, middle(taken)]));
}

/** How many times better we are than the best peer in processor time; NaN without both. */
function advantage(cell: ReadonlyMap<string, Sample>): number {
  const peers = [...cell].filter(([name]) => name !== OURS);
  const best = Math.min(...peers.map(([, { processorUs }]) => processorUs));
  return best / (cell.get(OURS)?.processorUs ?? Number.NaN);
}

function rowOf(all: readonly Running[], test: string, depth: number, cell: Map<string, Sample>) {
  const row: Record<string, string | number> = { test, P: depth };
  for (const { name } of all) {
    const taken = cell.get(name);
    row[`${name} us`] = rounded(taken?.processorUs, 2);
    row[`${name} k/s`] = rounded((taken?.requestsPerSecond ?? Number.NaN) / 1000, 0);
    row[`${name} p99 ms`] = rounded(taken?.p99Ms, 2);
  }
  row["best peer us / ours"] = rounded(advantage(cell), 2);
  return row;
}

requireRedisBenchmark();
leaveServersAlone();
await using stack = new AsyncDisposableStack();
const all: Running[] = [];
for (const contender of contenders(options)) {
  const server = stack.use(await startContender(contender));
  all.push({ name: contender.name, version: await versionOf(server), server });
  await sendFrames(
    server.port,
    setFrames(options.number("preload"), (k) => k),
  );
}
const rows: Row[] = [];
for (const depth of options.list("depths").map(Number)) {
  const advantages: number[] = [];
  for (const test of options.list("tests")) {
    const cell = await measureCell(all, test, depth);
    rows.push(rowOf(all, test, depth, cell));
    console.log(JSON.stringify(rows.at(-1)));
    if (Number.isFinite(advantage(cell))) advantages.push(advantage(cell));
  }
  rows.push({
    test: "geometric mean",
    P: depth,
    "best peer us / ours": rounded(geometricMean(advantages), 2),
  });
}
console.log(all.map(({ name, version }) => `\n${name}: ${version}`).join(""));
await report(
  `Processor time of the server per request, ${options.number("clients")} clients, ` +
    `${options.number("keys")} random keys, values of ${options.number("bytes")} bytes`,
  rows,
  options,
);
