// How long a server takes to start, empty: `bun bench/macro/startup.ts [--runs 20] [options]`
// (the shared options are at the head of bench/harness/options.ts).
//
// From the spawn to "Ready to accept connections" in its log, and to the answer of the first PING
// by a client that keeps trying; medians. Ours is started from source and as a compiled program,
// which is built for this into a temporary folder. Servers take turns.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type Launch } from "../../test/harness/process.ts";
import { PROJECT } from "../../test/harness/server.ts";
import { readOptions } from "../harness/options.ts";
import { median, type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  launchOurs,
  leaveServersAlone,
  OURS,
  pinnedTo,
} from "../harness/servers.ts";

const options = readOptions({ runs: "20" });
const DEADLINE_MS = 20_000;
const READY = "Ready to accept connections";

/** Builds the program, as `bun run build` does, and returns its path. */
async function build(folder: string): Promise<string> {
  const outfile = join(folder, "miniredis");
  const child = Bun.spawn(
    [
      ...[process.execPath, "build", "--compile", "--minify", "--bytecode"],
      ...["--outfile", outfile, "src/main.ts"],
    ],
    { cwd: PROJECT, stdio: ["ignore", "ignore", "inherit"] },
  );
  if ((await child.exited) !== 0) throw new Error("the program cannot be built");
  return outfile;
}

/** Resolves once a PING is answered on a port; tries again until then. */
async function firstPong(port: number, deadline: number): Promise<void> {
  while (performance.now() < deadline) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    try {
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          open: (opened) => void opened.write("*1\r\n$4\r\nPING\r\n"),
          data: (_, chunk) => resolve(chunk.toString("latin1").startsWith("+PONG")),
          close: () => resolve(false),
          error: () => resolve(false),
        },
      });
      const answered = await promise;
      socket.end();
      if (answered) return;
    } catch {
      // Nobody listens yet; a millisecond is what the figure may be off by.
      await Bun.sleep(1);
    }
  }
  throw new Error("the server does not answer");
}

async function untilReady(stream: ReadableStream<Uint8Array>): Promise<number> {
  const decoder = new TextDecoder();
  let readyAt = Number.NaN;
  let log = "";
  for await (const chunk of stream) {
    log += decoder.decode(chunk, { stream: true });
    if (Number.isNaN(readyAt) && log.includes(READY)) readyAt = performance.now();
  }
  return readyAt;
}

interface Times {
  readonly readyMs: number;
  readonly pongMs: number;
}

async function startOnce(launch: Launch): Promise<Times> {
  const directory = mkdtempSync(join(launch.scratch, "miniredis-"));
  const seen = launch.root ? directory.slice(launch.root.length) : directory;
  const port = freePort();
  const started = performance.now();
  const child = Bun.spawn([...pinnedTo(0), ...launch.command(port, seen)], {
    cwd: launch.cwd,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const ready = untilReady(child.stdout);
    await firstPong(port, started + DEADLINE_MS);
    const pongMs = performance.now() - started;
    child.kill("SIGTERM");
    return { readyMs: (await ready) - started, pongMs };
  } finally {
    child.kill("SIGTERM");
    await child.exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

leaveServersAlone();
const folder = mkdtempSync(join(tmpdir(), "miniredis-build-"));
try {
  const compiled = { name: `${OURS}, compiled`, launch: launchOurs([await build(folder)]) };
  const [ours, ...peers] = contenders(options);
  const all: Contender[] = [{ ...ours, name: `${OURS}, source` }, compiled, ...peers];
  const times = new Map<string, Times[]>(all.map(({ name }) => [name, []]));
  // The first start of each fills the disk's cache and does not count.
  for (let run = 0; run <= options.number("runs"); run++) {
    for (const { name, launch } of all) {
      const taken = await startOnce(launch);
      if (run > 0) times.get(name)?.push(taken);
    }
  }
  const rows: Row[] = [...times].map(([name, taken]) => ({
    server: name,
    "ready ms": rounded(median(taken.map(({ readyMs }) => readyMs)), 1),
    "first PONG ms": rounded(median(taken.map(({ pongMs }) => pongMs)), 1),
    "slowest PONG ms": rounded(Math.max(...taken.map(({ pongMs }) => pongMs)), 1),
  }));
  await report(`Start to readiness, medians of ${options.number("runs")}`, rows, options);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
