// What durability costs: `bun bench/macro/aof.ts [--n 1500000] [--always 100000] [--rounds 3]
// [options]` (the shared options are at the head of bench/harness/options.ts).
//
// SET of 3-byte values by 50 clients over a million random keys: 16 at a time without an
// append-only file and with `appendfsync everysec`, `--n` requests each; one at a time with
// `appendfsync always`, `--always` requests. Servers take turns, each in the setting that is
// measured; a figure is the median over the rounds. The files lie in the system's folder for
// temporary files (TMPDIR), whose disk decides what a sync takes.

import { readOptions } from "../harness/options.ts";
import { requireRedisBenchmark, runLoad } from "../harness/redis-benchmark.ts";
import { median, type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  processorSeconds,
  startContender,
  versionOf,
} from "../harness/servers.ts";

const options = readOptions({ n: "1500000", always: "100000", rounds: "3" });
const CLIENTS = 50;
const KEYS = 1_000_000;

interface Setting {
  readonly title: string;
  readonly directives: readonly string[];
  readonly depth: number;
  readonly requests: number;
}

const appendOnly = (sync: string) => ["--appendonly", "yes", "--appendfsync", sync];

const SETTINGS: readonly Setting[] = [
  {
    title: "no AOF, P=16",
    directives: ["--appendonly", "no"],
    depth: 16,
    requests: options.number("n"),
  },
  {
    title: "everysec, P=16",
    directives: appendOnly("everysec"),
    depth: 16,
    requests: options.number("n"),
  },
  {
    title: "always, P=1",
    directives: appendOnly("always"),
    depth: 1,
    requests: options.number("always"),
  },
];

interface Sample {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly processorUs: number;
}

const versions = new Map<string, string>();

async function sample(contender: Contender, setting: Setting): Promise<Sample> {
  await using server = await startContender(contender, ...setting.directives);
  if (!versions.has(contender.name)) versions.set(contender.name, await versionOf(server));
  const load = {
    port: server.port,
    test: "set",
    depth: setting.depth,
    clients: CLIENTS,
    valueBytes: 3,
    keys: KEYS,
  };
  // A tenth to warm up: a new process, new tables, a new file.
  await runLoad({ ...load, requests: Math.ceil(setting.requests / 10) });
  const before = processorSeconds(server.pid);
  const result = await runLoad({ ...load, requests: setting.requests });
  if (result === undefined) throw new Error(`${contender.name} does not know SET`);
  const spent = processorSeconds(server.pid) - before;
  return { ...result, processorUs: (spent * 1e6) / setting.requests };
}

requireRedisBenchmark();
leaveServersAlone();
const all = contenders(options);
const rows: Row[] = [];
const withoutFile = new Map<string, number>();
for (const setting of SETTINGS) {
  const samples = new Map<string, Sample[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < options.number("rounds"); round++) {
    for (const contender of round % 2 === 0 ? all : all.toReversed()) {
      samples.get(contender.name)?.push(await sample(contender, setting));
    }
  }
  for (const [name, taken] of samples) {
    const processorUs = median(taken.map((one) => one.processorUs));
    if (setting === SETTINGS[0]) withoutFile.set(name, processorUs);
    const base = setting.depth === SETTINGS[0].depth ? withoutFile.get(name) : undefined;
    rows.push({
      server: versions.get(name) ?? name,
      setting: setting.title,
      "k/s": rounded(median(taken.map((one) => one.requestsPerSecond)) / 1000, 1),
      "p99 ms": rounded(median(taken.map((one) => one.p99Ms)), 2),
      "processor us": rounded(processorUs, 2),
      "against no AOF": rounded(processorUs / (base ?? Number.NaN), 2),
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
}
await report(`SET with an append-only file, ${CLIENTS} clients`, rows, options);
