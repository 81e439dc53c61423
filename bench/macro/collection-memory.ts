// How much memory collections take: `bun bench/macro/collection-memory.ts [--n 1000000]
// [--elements 1000000] [options]` (the shared options are at the head of bench/harness/options.ts).
//
// Each server in turn, a fresh one for each row: N small collections of five elements of a type, or
// one collection with that many elements. Figures are resident memory of the whole process; "net"
// leaves out what the empty server took, per collection or per element.

import type { ServerProcess } from "../../test/harness/process.ts";
import {
  COLLECTION_TYPES,
  makeLarge,
  makeSmall,
  SMALL_ELEMENTS,
  SMALL_TYPES,
  verifyLarge,
} from "../harness/collection-frames.ts";
import { readOptions } from "../harness/options.ts";
import { megabytes, type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  residentBytes,
  startContender,
  versionOf,
} from "../harness/servers.ts";

const options = readOptions({ n: "1000000", elements: "1000000" });
/** For allocators and collectors to come to rest after a load. */
const SETTLE_MS = 2000;

/** A row of the report: what is loaded, how many of it, and what loads and checks it. */
interface Filling {
  readonly title: string;
  readonly count: number;
  readonly load: (server: ServerProcess) => Promise<void>;
}

function fillings(): Filling[] {
  const count = options.number("n");
  const elements = options.number("elements");
  const small = SMALL_TYPES.map((type) => ({
    title: `${type}, ${SMALL_ELEMENTS} elements each`,
    count,
    load: async (server: ServerProcess) => {
      await makeSmall(server.port, type, count);
      await using client = await server.connect();
      const size = Number(await client.run("DBSIZE"));
      if (size !== count) throw new Error(`${size} keys instead of ${count}`);
    },
  }));
  const large = COLLECTION_TYPES.map((type) => ({
    title: `one ${type}`,
    count: elements,
    load: async (server: ServerProcess) => {
      await makeLarge(server.port, type, elements);
      await using client = await server.connect();
      await verifyLarge(client, type, elements);
    },
  }));
  return [...small, ...large];
}

async function measure(contender: Contender, filling: Filling): Promise<Row | undefined> {
  await using server = await startContender(contender);
  const version = await versionOf(server);
  const empty = residentBytes(server.pid);
  const started = performance.now();
  try {
    await filling.load(server);
  } catch (error) {
    console.log(`${contender.name}, ${filling.title}: ${error}`);
    return undefined;
  }
  const loadSeconds = (performance.now() - started) / 1000;
  await Bun.sleep(SETTLE_MS);
  const loaded = residentBytes(server.pid);
  return {
    data: filling.title,
    server: version,
    count: filling.count,
    "loaded MB": megabytes(loaded),
    "net MB": megabytes(loaded - empty),
    "net bytes each": rounded((loaded - empty) / filling.count, 1),
    "load s": rounded(loadSeconds, 1),
  };
}

leaveServersAlone();
const rows: Row[] = [];
for (const filling of fillings()) {
  for (const contender of contenders(options)) {
    const row = await measure(contender, filling);
    if (row === undefined) continue;
    rows.push(row);
    console.log(JSON.stringify(row));
  }
}
await report("Memory of collections", rows, options);
