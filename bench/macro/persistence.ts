// What saving and loading costs: `bun bench/macro/persistence.ts [--n 5000000] [--alone 2000]
// [options]` (the shared options are at the head of bench/harness/options.ts).
//
// N keys of 16 bytes with values of 32 are loaded. While keys are overwritten at random, a process
// of its own sends PING after PING, first for 2,000 ms without and then with a BGSAVE: the longest
// wait for a PONG is the longest gap between two turns of the event loop. The same is done with an
// append-only file (everysec) and BGREWRITEAOF. Then the server is started again on that snapshot,
// and on an append-only file of the same keys; times of loading are those in the servers' logs.
//
//   longest ms   the longest wait for a PONG, and 99.99 % and half of them
//   own ms       the same without the times when server or prober were ready and had no processor
//   MB           resident memory when the phase began
//   extra MB     the most that it grew in the phase, plus the most that a child process did not
//                share with it; %: of MB
//   fork ms      latest_fork_usec: what the fork took, here beginning the snapshot
//   copied MB    the server's own rdb_last_cow_size or aof_last_cow_size

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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
  peakBytes,
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

/** Has the kernel forget the most memory that a process had; false where it does not do that. */
function forgetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    return true;
  } catch {
    return false;
  }
}

/** What is seen of a server while keys are overwritten. */
interface Phase {
  readonly waits: Waits;
  readonly seconds: number;
  readonly writes: number;
  readonly bytesBefore: number;
  readonly extraBytes: number;
}

/** Overwrites keys for as long as told to. */
async function writeWhile(
  server: ServerProcess,
  prober: ReturnType<typeof startProber>,
  begin: () => Promise<unknown>,
  goesOn: (seconds: number) => Promise<boolean>,
): Promise<Phase> {
  await prober.waits();
  const bytesBefore = residentBytes(server.pid);
  const hasPeak = forgetPeak(server.pid);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  await begin();
  let writes = 0;
  let ownBytes = 0;
  let childBytes = 0;
  const size = Math.min(count, WRITES_MAX);
  do {
    await sendFrames(
      server.port,
      setFrames(size, () => randomBelow(random, count)),
      { batch: LOAD_BATCH, deadlineMs: DEADLINE_MS },
    );
    writes += size;
    ownBytes = Math.max(ownBytes, hasPeak ? peakBytes(server.pid) : residentBytes(server.pid));
    childBytes = Math.max(childBytes, unsharedByChildren(server.pid));
  } while (await goesOn(seconds()));
  const extraBytes = Math.max(0, ownBytes - bytesBefore) + childBytes;
  return { waits: await prober.waits(), seconds: seconds(), writes, bytesBefore, extraBytes };
}

function row(version: string, name: string, phase: Phase): Row {
  const { waits, seconds, writes, bytesBefore, extraBytes } = phase;
  return {
    ...waitsRow(version, name, waits, seconds),
    "writes/s": rounded(writes / seconds, 0),
    MB: megabytes(bytesBefore),
    "extra MB": megabytes(extraBytes),
    "%": rounded((extraBytes / bytesBefore) * 100, 1),
  };
}

/** A way to have everything written in the background, and where INFO tells of it. */
interface Saving {
  readonly command: string;
  readonly directives: readonly string[];
  readonly underWay: string;
  readonly succeeded: string;
  readonly copied: string;
}

const BGSAVE: Saving = {
  command: "BGSAVE",
  directives: [],
  underWay: "rdb_bgsave_in_progress:1",
  succeeded: "rdb_last_bgsave_status:ok",
  copied: "rdb_last_cow_size",
};

const BGREWRITEAOF: Saving = {
  command: "BGREWRITEAOF",
  directives: ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"],
  underWay: "aof_rewrite_in_progress:1",
  succeeded: "aof_last_bgrewrite_status:ok",
  copied: "aof_last_cow_size",
};

/** Waits and memory under writes, without and with everything being written; leaves the files. */
async function measureSaving(
  contender: Contender,
  directory: string,
  saving: Saving,
): Promise<Row[]> {
  await using server = await startIn(contender, directory, ...saving.directives);
  const version = await versionOf(server);
  await sendFrames(
    server.port,
    setFrames(count, (k) => k),
    { deadlineMs: DEADLINE_MS },
  );
  await using client = await server.connect();
  await using prober = startProber(server.port, server.pid);
  const info = async () => String(await client.run("INFO", "everything"));
  await Bun.sleep(1000);
  const aloneSeconds = options.number("alone") / 1000;
  const alone = await writeWhile(
    server,
    prober,
    async () => {},
    async (seconds) => seconds < aloneSeconds,
  );
  const busy = await writeWhile(
    server,
    prober,
    () => client.run(saving.command),
    async () => (await info()).includes(saving.underWay),
  );
  const after = await info();
  if (!after.includes(saving.succeeded)) throw new Error(`${saving.command} failed`);
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(after)?.[1]);
  const file = saving === BGSAVE ? "" : " to a log";
  return [
    { ...row(version, `writes${file}`, alone), "fork ms": "-", "copied MB": "-" },
    {
      ...row(version, `writes${file} and ${saving.command}`, busy),
      "fork ms": rounded(field("latest_fork_usec") / 1000, 2),
      "copied MB": megabytes(field(saving.copied)),
    },
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
    saving.push(...(await measureSaving(contender, directory, BGSAVE)));
    console.log(JSON.stringify(saving.slice(-2)));
    loading.push(await measureLoading(contender, directory));
    console.log(JSON.stringify(loading.slice(-1)));
    rmSync(join(directory, "appendonlydir"), { recursive: true });
    saving.push(...(await measureSaving(contender, directory, BGREWRITEAOF)));
    console.log(JSON.stringify(saving.slice(-2)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
await report(`Waits and memory while ${count} keys are saved`, saving, options);
await report(`Loading ${count} keys`, loading, { ...options, json: undefined });
