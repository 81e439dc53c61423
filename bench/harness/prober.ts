// How long a server keeps others waiting: a process of its own, this file, sends PING after PING on
// one connection and tells the program that started it how long it waited. The longest wait for a
// PONG is the longest gap between two turns of the server's event loop, plus what the machine adds.
//
// What it adds is known where the kernel says how long a process was ready to run and had no
// processor (/proc/PID/schedstat): taken off, of the server's and the prober's, what is left is the
// server's own.

import { openSync, readSync } from "node:fs";
import { type Row, rounded } from "./report.ts";

/** What the prober saw since it was last asked; microseconds. */
export interface Waits {
  readonly count: number;
  readonly medianUs: number;
  readonly p9999Us: number;
  readonly longestUs: number;
  /** The longest one without the times when there was no processor; NaN if that is not known. */
  readonly longestOwnUs: number;
}

/** How long a process's main thread has waited for a processor, as a function; nanoseconds. */
function queueClock(pid: number): () => number {
  const bytes = Buffer.alloc(128);
  try {
    const descriptor = openSync(`/proc/${pid}/task/${pid}/schedstat`, "r");
    return () => {
      const length = readSync(descriptor, bytes, 0, bytes.length, 0);
      return Number(bytes.toString("latin1", 0, length).split(" ")[1]);
    };
  } catch {
    return () => Number.NaN;
  }
}

/** The prober: sends PINGs one after the other until the parent goes; reports when asked. */
async function probe(port: number, pid: number): Promise<void> {
  const counts = new Uint32Array(200_000);
  let total = 0;
  let longestUs = 0;
  let longestOwnUs = 0;
  let sentNs = 0;
  const serverQueue = queueClock(pid);
  const ownQueue = queueClock(process.pid);
  let queuedNs = 0;
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
      longestOwnUs: pid === 0 ? Number.NaN : longestOwnUs,
    };
    counts.fill(0);
    total = 0;
    longestUs = 0;
    longestOwnUs = 0;
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
        if (pid !== 0) {
          const queued = serverQueue() + ownQueue();
          longestOwnUs = Math.max(longestOwnUs, waitedUs - (queued - queuedNs) / 1000);
          queuedNs = queued;
        }
        sentNs = Bun.nanoseconds();
        prober.write(ping);
      },
      close: () => process.exit(0),
    },
  });
  process.on("disconnect", () => process.exit(0));
  if (pid !== 0) queuedNs = serverQueue() + ownQueue();
  sentNs = Bun.nanoseconds();
  socket.write(ping);
}

/**
 * Starts a prober; `waits` resolves with what it saw since the last call. With the server's process
 * ID it also tells the server's own waits from those for a processor.
 */
export function startProber(port: number, pid = 0) {
  let settle: (waits: Waits) => void = () => {};
  const urgent = process.getuid?.() === 0 && Bun.which("nice") ? ["nice", "-n", "-15"] : [];
  const child = Bun.spawn(
    [...urgent, process.execPath, import.meta.path, String(port), String(pid)],
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

/** A row of a report. */
export function waitsRow(version: string, phase: string, waits: Waits, seconds: number): Row {
  return {
    server: version,
    phase,
    "longest ms": milliseconds(waits.longestUs),
    ...(Number.isNaN(waits.longestOwnUs) ? {} : { "own ms": milliseconds(waits.longestOwnUs) }),
    "p99.99 ms": milliseconds(waits.p9999Us),
    "median ms": rounded(waits.medianUs / 1000, 3),
    pings: waits.count,
    seconds: rounded(seconds, 1),
  };
}

if (import.meta.main) await probe(Number(process.argv[2]), Number(process.argv[3]));
