// What saving and loading costs: `bun bench/macro/persistence.ts [--n 5000000] [--alone 2000]
// [options]` (the shared options are at the head of bench/harness/options.ts).
//
// N keys of 16 bytes with values of 32 are loaded. While keys are overwritten at random, a process
// of its own sends PING after PING, first for 2,000 ms without and then with a BGSAVE: the longest
// wait for a PONG is the longest gap between two turns of the event loop. Extra memory is the most
// that the server's resident memory grew, plus what a child process did not share with it. Then the
// server is started again on that snapshot, and on an append-only file of the same keys; times of
// loading are those in the servers' logs.

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { randomBelow, Xoshiro } from "../../src/base/random.ts";
import { ServerProcess } from "../../test/harness/process.ts";
import { readOptions } from "../harness/options.ts";
import { sendFrames, setFrames } from "../harness/pipeline.ts";
import { startProber, type Waits, waitsRow } from "../harness/prober.ts";
import { megabytes, type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  pinnedTo,
  residentBytes,
  versionOf,
} from "../harness/servers.ts";

/** Requests under way while measuring: few, so that it is not their own queue that is measured. */
const LOAD_BATCH = 50;
/** Writes sent between two looks at the server. */
const WRITES_MAX = 20_000;
const DEADLINE_MS = 600_000;

const options = readOptions({ n: "5000000", alone: "2000" });
const count = options.number("n");
const random = new Xoshiro(1);

function startIn(contender: Contender, directory: string, ...directives: string[]) {
  const { launch } = contender;
  return ServerProcess.start({
    ...launch,
    directory,
    command: (port, seen) => [
      ...pinnedTo(0),
      ...launch.command(port, seen),
      ...["--bind", "127.0.0.1", ...directives],
    ],
  });
}

/** What the children of a process have for themselves, bytes. */
function unsharedByChildren(pid: number): number {
  let bytes = 0;
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    for (const child of children === "" ? [] : children.split(" ")) {
      const rollup = readFileSync(`/proc/${child}/smaps_rollup`, "utf8");
      for (const [, kilobytes] of rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)) {
        bytes += Number(kilobytes) * 1024;
      }
    }
  } catch {
    // It has ended meanwhile.
  }
  return bytes;
}

/** Overwrites keys for as long as told to; returns how many, and the most memory seen. */
async function writeWhile(server: ServerProcess, goesOn: () => Promise<boolean>) {
  let writes = 0;
  let peakBytes = 0;
  const size = Math.min(count, WRITES_MAX);
  do {
    await sendFrames(
      server.port,
      setFrames(size, () => randomBelow(random, count)),
      { batch: LOAD_BATCH, deadlineMs: DEADLINE_MS },
    );
    writes += size;
    const bytes = residentBytes(server.pid) + unsharedByChildren(server.pid);
    peakBytes = Math.max(peakBytes, bytes);
  } while (await goesOn());
  return { writes, peakBytes };
}

function row(version: string, phase: string, waits: Waits, seconds: number, writes: number): Row {
  return { ...waitsRow(version, phase, waits, seconds), "writes/s": rounded(writes / seconds, 0) };
}

/** Waits under writes without and with a BGSAVE; leaves the snapshot in the directory. */
async function measureSaving(contender: Contender, directory: string): Promise<Row[]> {
  await using server = await startIn(contender, directory);
  const version = await versionOf(server);
  await sendFrames(
    server.port,
    setFrames(count, (k) => k),
    { deadlineMs: DEADLINE_MS },
  );
  await using client = await server.connect();
  await using prober = startProber(server.port);
  await Bun.sleep(1000);
  await prober.waits();
  let started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const alone = await writeWhile(server, async () => seconds() * 1000 < options.number("alone"));
  const before = residentBytes(server.pid);
  const quiet = row(version, "writes", await prober.waits(), seconds(), alone.writes);
  started = performance.now();
  await client.run("BGSAVE");
  const saving = await writeWhile(server, async () => {
    const info = String(await client.run("INFO", "persistence"));
    return info.includes("rdb_bgsave_in_progress:1");
  });
  const info = String(await client.run("INFO", "persistence"));
  if (!info.includes("rdb_last_bgsave_status:ok")) throw new Error("the snapshot failed");
  const waits = await prober.waits();
  const busy = row(version, "writes and BGSAVE", waits, seconds(), saving.writes);
  const extra = megabytes(Math.max(0, saving.peakBytes - before));
  return [
    { ...quiet, MB: megabytes(before), "extra MB": "-" },
    { ...busy, MB: "-", "extra MB": extra },
  ];
}

/** Seconds that the log says loading took. */
async function loadSeconds(
  contender: Contender,
  directory: string,
  said: RegExp,
  ...directives: string[]
): Promise<string> {
  await using server = await startIn(contender, directory, ...directives);
  await using client = await server.connect();
  const keys = Number(await client.run("DBSIZE"));
  if (keys !== count) throw new Error(`${keys} of ${count} keys were loaded`);
  return rounded(Number(said.exec(server.log)?.[1]), 2);
}

const AOF = ["--appendonly", "yes", "--appendfsync", "no"];

async function measureLoading(contender: Contender, directory: string): Promise<Row> {
  const rdbSeconds = await loadSeconds(contender, directory, /DB loaded from disk: ([\d.]+)/);
  const rdbBytes = statSync(join(directory, "dump.rdb")).size;
  rmSync(join(directory, "dump.rdb"));
  let version: string;
  {
    await using server = await startIn(contender, directory, ...AOF);
    version = await versionOf(server);
    await sendFrames(
      server.port,
      setFrames(count, (k) => k),
      { deadlineMs: DEADLINE_MS },
    );
  }
  const said = /DB loaded from append only file: ([\d.]+)/;
  const aofSeconds = await loadSeconds(contender, directory, said, ...AOF);
  return {
    server: version,
    keys: count,
    "RDB s": rdbSeconds,
    "RDB MB": megabytes(rdbBytes),
    "AOF s": aofSeconds,
  };
}

leaveServersAlone();
const saving: Row[] = [];
const loading: Row[] = [];
for (const contender of contenders(options)) {
  const directory = mkdtempSync(join(contender.launch.scratch, "miniredis-persistence-"));
  try {
    saving.push(...(await measureSaving(contender, directory)));
    console.log(JSON.stringify(saving.slice(-2)));
    loading.push(await measureLoading(contender, directory));
    console.log(JSON.stringify(loading.slice(-1)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
await report(`Waits and memory while ${count} keys are saved`, saving, options);
await report(`Loading ${count} keys`, loading, { ...options, json: undefined });
