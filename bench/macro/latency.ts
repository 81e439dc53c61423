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
import { type Row, report, rounded } from "../harness/report.ts";
import {
  type Contender,
  contenders,
  leaveServersAlone,
  startContender,
  versionOf,
} from "../harness/servers.ts";

const PROBE_FLAG = "--probe";
/** Requests under way while growing: few, so that it is not their own queue that is measured. */
const LOAD_BATCH = 50;
const IDLE_MS = 3000;
const EXPIRY_DEADLINE_MS = 30_000;
/** Keys loaded per second at least, for placing the second in which they expire. */
const LOADS_PER_SECOND_MIN = 50_000;

/** What the prober saw since it was last asked; microseconds. */
interface Waits {
  readonly count: number;
  readonly medianUs: number;
  readonly p9999Us: number;
  readonly longestUs: number;
}

/** The prober: sends PINGs one after the other until the parent goes; reports when asked. */
async function probe(port: number): Promise<void> {
  const counts = new Uint32Array(200_000);
  let total = 0;
  let longestUs = 0;
  let sentNs = 0;
  const ping = Buffer.from("*1\r\n$4\r\nPING\r\n");
  const percentile = (share: number) => {
    let left = total * share;
    for (let us = 0; us < counts.length; us++) {
      left -= counts[us];
      if (left <= 0) return us;
    }
    return longestUs;
  };
  process.on("message", () => {
    const waits: Waits = {
      count: total,
      medianUs: percentile(0.5),
      p9999Us: percentile(0.9999),
      longestUs,
    };
    counts.fill(0);
    total = 0;
    longestUs = 0;
    process.send?.(waits);
  });
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(prober) {
        const now = Bun.nanoseconds();
        const waitedUs = (now - sentNs) / 1000;
        counts[Math.min(counts.length - 1, Math.floor(waitedUs))]++;
        total++;
        if (waitedUs > longestUs) longestUs = waitedUs;
        sentNs = Bun.nanoseconds();
        prober.write(ping);
      },
      close: () => process.exit(0),
    },
  });
  process.on("disconnect", () => process.exit(0));
  sentNs = Bun.nanoseconds();
  socket.write(ping);
}

/** Starts a prober; `waits` resolves with what it saw since the last call. */
function startProber(port: number) {
  let settle: (waits: Waits) => void = () => {};
  const urgent = process.getuid?.() === 0 && Bun.which("nice") ? ["nice", "-n", "-15"] : [];
  const child = Bun.spawn(
    [...urgent, process.execPath, import.meta.path, PROBE_FLAG, String(port)],
    {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => settle(message as Waits),
    },
  );
  return {
    waits: () =>
      new Promise<Waits>((resolve) => {
        settle = resolve;
        child.send("report");
      }),
    async [Symbol.asyncDispose]() {
      child.disconnect();
      child.kill();
      await child.exited;
    },
  };
}

const milliseconds = (us: number) => rounded(us / 1000, 2);

function row(version: string, phase: string, waits: Waits, seconds: number): Row {
  return {
    server: version,
    phase,
    "longest ms": milliseconds(waits.longestUs),
    "p99.99 ms": milliseconds(waits.p9999Us),
    "median ms": rounded(waits.medianUs / 1000, 3),
    pings: waits.count,
    seconds: rounded(seconds, 1),
  };
}

async function measureGrowth(contender: Contender, count: number): Promise<Row[]> {
  await using server = await startContender(contender);
  const version = await versionOf(server);
  await using prober = startProber(server.port);
  // The first answers show how long both programs take to warm up, which is another matter.
  await Bun.sleep(1000);
  await prober.waits();
  await Bun.sleep(IDLE_MS);
  const idle = row(version, "idle", await prober.waits(), IDLE_MS / 1000);
  const started = performance.now();
  await sendFrames(
    server.port,
    setFrames(count, (k) => k),
    { batch: LOAD_BATCH, deadlineMs: 600_000 },
  );
  const seconds = (performance.now() - started) / 1000;
  return [idle, row(version, `growing to ${count} keys`, await prober.waits(), seconds)];
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
  return row(version, phase, await prober.waits(), seconds);
}

async function main(): Promise<void> {
  const options = readOptions({ n: "10000000", expiring: "1000000" });
  leaveServersAlone();
  const rows: Row[] = [];
  for (const contender of contenders(options)) {
    rows.push(...(await measureGrowth(contender, options.number("n"))));
    rows.push(await measureExpiry(contender, options.number("expiring")));
    for (const done of rows.slice(-3)) console.log(JSON.stringify(done));
  }
  await report("Waits of a client that sends PING after PING", rows, options);
}

if (process.argv[2] === PROBE_FLAG) await probe(Number(process.argv[3]));
else await main();
