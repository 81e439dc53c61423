// How long a server keeps others waiting while something large goes:
// `bun bench/macro/deletion-latency.ts [--n 1000000] [--types hash,set,list,zset,stream]
// [--ways del,unlink,overwrite,expire,flushall] [--settle 1000] [options]` (the shared options are
// at the head of bench/harness/options.ts).
//
// For each type a collection of N elements is made and then removed in each way, while a process of
// its own sends PING after PING (bench/harness/prober.ts). A row is the waits from the removal
// until `--settle` milliseconds later, by when what is freed in slices has been.

import type { RawClient } from "../../test/harness/client.ts";
import {
  COLLECTION_TYPES,
  type CollectionType,
  LARGE_KEY,
  makeLarge,
  verifyLarge,
} from "../harness/collection-frames.ts";
import { readOptions } from "../harness/options.ts";
import { startProber, waitsRow } from "../harness/prober.ts";
import { type Row, report } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  startContender,
  versionOf,
} from "../harness/servers.ts";

/** The ways in which a key goes. */
const WAYS: ReadonlyMap<string, (client: RawClient) => Promise<unknown>> = new Map([
  ["del", (client) => client.run("DEL", LARGE_KEY)],
  ["unlink", (client) => client.run("UNLINK", LARGE_KEY)],
  ["overwrite", (client) => client.run("SET", LARGE_KEY, "x")],
  ["expire", (client) => client.run("PEXPIRE", LARGE_KEY, "20")],
  ["flushall", (client) => client.run("FLUSHALL")],
]);

const options = readOptions({
  n: "1000000",
  types: COLLECTION_TYPES.join(","),
  ways: [...WAYS.keys()].join(","),
  settle: "1000",
});

/** For a new prober's first answers, which show how long it takes to warm up. */
const WARM_UP_MS = 500;

async function measure(contender: Contender, type: CollectionType): Promise<Row[]> {
  const count = options.number("n");
  await using server = await startContender(contender);
  const version = await versionOf(server);
  await using client = await server.connect();
  await using prober = startProber(server.port);
  await Bun.sleep(WARM_UP_MS);
  const rows: Row[] = [];
  for (const name of options.list("ways")) {
    const remove = WAYS.get(name);
    if (remove === undefined) throw new Error(`there is no way ${name}`);
    try {
      await makeLarge(server.port, type, count);
    } catch (error) {
      console.log(`${contender.name} has no ${type}: ${error}`);
      return rows;
    }
    await verifyLarge(client, type, count);
    await prober.waits();
    const started = performance.now();
    await remove(client);
    await Bun.sleep(options.number("settle"));
    const seconds = (performance.now() - started) / 1000;
    rows.push(waitsRow(version, `${type}: ${name}`, await prober.waits(), seconds));
    await client.run("DEL", LARGE_KEY);
  }
  return rows;
}

leaveServersAlone();
const rows: Row[] = [];
for (const contender of contenders(options)) {
  for (const type of options.list("types") as CollectionType[]) {
    const taken = await measure(contender, type);
    for (const row of taken) console.log(JSON.stringify(row));
    rows.push(...taken);
  }
}
await report(
  `Waits of a client that sends PING after PING while ${options.number("n")} elements go`,
  rows,
  options,
);
