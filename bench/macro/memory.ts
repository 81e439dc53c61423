// How much memory data takes: `bun bench/macro/memory.ts [--n 5000000] [--wait 30] [options]`
// (the shared options are at the head of bench/harness/options.ts).
//
// Each server in turn, alone on its processor: load N strings with keys of 16 bytes and values of
// 32 through one socket; then delete a random 90 % of them and wait; then load what was left into a
// fresh server. Figures are resident memory of the whole process; "bytes/key" is that divided by
// the number of keys, "net" leaves out what the empty server took. Fragmentation is how many times
// what the fresh server takes the one after the deletions takes.

import { randomBelow } from "../../src/base/random.ts";
import type { ServerProcess } from "../../test/harness/process.ts";
import { keyName, seeded } from "../harness/data.ts";
import { readOptions } from "../harness/options.ts";
import { deleteFrames, LOADED_VALUE, sendFrames, setFrames } from "../harness/pipeline.ts";
import { megabytes, type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  residentBytes,
  startContender,
  versionOf,
} from "../harness/servers.ts";

const options = readOptions({ n: "5000000", wait: "30" });
const COUNT = options.number("n");
const WAIT_SECONDS = options.number("wait");
const KEPT_OF_TEN = 1;
/** For allocators and collectors to come to rest after a load. */
const SETTLE_MS = 2000;

/** The numbers of the keys that stay and of those that are deleted. */
function divide(): { kept: Uint32Array; deleted: Uint32Array } {
  const random = seeded("deleted keys");
  const stays = Uint8Array.from({ length: COUNT }, () =>
    randomBelow(random, 10) < KEPT_OF_TEN ? 1 : 0,
  );
  const numbers = Uint32Array.from({ length: COUNT }, (_, k) => k);
  return {
    kept: numbers.filter((k) => stays[k] === 1),
    deleted: numbers.filter((k) => stays[k] === 0),
  };
}

/** Throws unless the server holds as many keys as it should, and the right value in one of them. */
async function verify(server: ServerProcess, count: number, present: number): Promise<void> {
  await using client = await server.connect();
  const size = await client.run("DBSIZE");
  if (Number(size) !== count) throw new Error(`${size} keys instead of ${count}`);
  const value = await client.run("GET", keyName(present));
  if (String(value) !== LOADED_VALUE) throw new Error(`wrong value of ${keyName(present)}`);
}

const { kept, deleted } = divide();

async function measure(contender: Contender): Promise<Row> {
  await using server = await startContender(contender);
  const version = await versionOf(server);
  const empty = residentBytes(server.pid);
  const started = performance.now();
  await sendFrames(
    server.port,
    setFrames(COUNT, (k) => k),
  );
  const loadSeconds = (performance.now() - started) / 1000;
  await Bun.sleep(SETTLE_MS);
  const loaded = residentBytes(server.pid);
  await verify(server, COUNT, 0);
  await sendFrames(
    server.port,
    deleteFrames(deleted.length, (k) => deleted[k]),
  );
  await Bun.sleep(WAIT_SECONDS * 1000);
  const shrunk = residentBytes(server.pid);
  await verify(server, kept.length, kept[0]);
  await server.stop();

  await using fresh = await startContender(contender);
  await sendFrames(
    fresh.port,
    setFrames(kept.length, (k) => kept[k]),
  );
  await Bun.sleep(SETTLE_MS);
  const rest = residentBytes(fresh.pid);
  await verify(fresh, kept.length, kept[0]);
  return {
    server: version,
    "empty MB": megabytes(empty),
    "loaded MB": megabytes(loaded),
    "bytes/key": rounded(loaded / COUNT, 1),
    "net bytes/key": rounded((loaded - empty) / COUNT, 1),
    "load s": rounded(loadSeconds, 1),
    "after deletion MB": megabytes(shrunk),
    "fresh rest MB": megabytes(rest),
    fragmentation: rounded(shrunk / rest, 2),
  };
}

leaveServersAlone();
const rows: Row[] = [];
for (const contender of contenders(options)) {
  rows.push(await measure(contender));
  console.log(JSON.stringify(rows.at(-1)));
}
await report(
  `Memory of ${COUNT} strings, 16 B keys and 32 B values; 90 % deleted, ${WAIT_SECONDS} s later`,
  rows,
  options,
);
