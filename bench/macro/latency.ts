// How long a server keeps others waiting: `bun bench/macro/latency.ts [--n 10000000]
// [--expiring 1000000] [options]` (the shared options are at the head of bench/harness/options.ts).
//
// A process of its own sends PING after PING on one connection while the server (1) is idle, which
// shows what the machine itself adds, (2) grows from 0 to N keys, and (3) lets so many keys expire
// within one second. The longest wait for a PONG is the longest gap between two turns of the
// server's event loop, plus what the machine adds. The prober has the better claim to the second
// processor than the load that shares it.

import { readOptions } from "../harness/options.ts";
import { expiringSetFrames, sendFrames, setFrames } from "../harness/pipeline.ts";
import { startProber, waitsRow } from "../harness/prober.ts";
import { type Row, report } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  startContender,
  versionOf,
} from "../harness/servers.ts";

/** Requests under way while growing: few, so that it is not their own queue that is measured. */
const LOAD_BATCH = 50;
const IDLE_MS = 3000;
const EXPIRY_DEADLINE_MS = 30_000;
/** Keys loaded per second at least, for placing the second in which they expire. */
const LOADS_PER_SECOND_MIN = 50_000;

async function measureGrowth(contender: Contender, count: number): Promise<Row[]> {
  await using server = await startContender(contender);
  const version = await versionOf(server);
  await using prober = startProber(server.port);
  // The first answers show how long both programs take to warm up, which is another matter.
  await Bun.sleep(1000);
  await prober.waits();
  await Bun.sleep(IDLE_MS);
  const idle = waitsRow(version, "idle", await prober.waits(), IDLE_MS / 1000);
  const started = performance.now();
  await sendFrames(
    server.port,
    setFrames(count, (k) => k),
    { batch: LOAD_BATCH, deadlineMs: 600_000 },
  );
  const seconds = (performance.now() - started) / 1000;
  return [idle, waitsRow(version, `growing to ${count} keys`, await prober.waits(), seconds)];
}

async function measureExpiry(contender: Contender, count: number): Promise<Row> {
  await using server = await startContender(contender);
  const version = await versionOf(server);
  const loadMs = 2000 + (count / LOADS_PER_SECOND_MIN) * 1000;
  const firstMs = Date.now() + Math.ceil(loadMs);
  await sendFrames(
    server.port,
    expiringSetFrames(count, (k) => firstMs + (k % 1000)),
  );
  await using client = await server.connect();
  await using prober = startProber(server.port);
  const size = async () => Number(await client.run("DBSIZE"));
  if ((await size()) !== count) throw new Error("keys expired before all were loaded");
  await Bun.sleep(Math.max(0, firstMs - Date.now() - 200));
  await prober.waits();
  const started = performance.now();
  while ((await size()) > 0 && performance.now() - started < EXPIRY_DEADLINE_MS) {
    await Bun.sleep(50);
  }
  const seconds = (performance.now() - started) / 1000;
  const left = await size();
  const phase = `expiring ${count} keys${left > 0 ? `, ${left} left` : ""}`;
  return waitsRow(version, phase, await prober.waits(), seconds);
}

const options = readOptions({ n: "10000000", expiring: "1000000" });
leaveServersAlone();
const rows: Row[] = [];
for (const contender of contenders(options)) {
  rows.push(...(await measureGrowth(contender, options.number("n"))));
  rows.push(await measureExpiry(contender, options.number("expiring")));
  for (const done of rows.slice(-3)) console.log(JSON.stringify(done));
}
await report("Waits of a client that sends PING after PING", rows, options);
