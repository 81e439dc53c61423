// How long a server keeps others waiting: a process of its own, this file, sends PING after PING on
// one connection and tells the program that started it how long it waited. The longest wait for a
// PONG is the longest gap between two turns of the server's event loop, plus what the machine adds.

import { type Row, rounded } from "./report.ts";

/** What the prober saw since it was last asked; microseconds. */
export interface Waits {
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
export function startProber(port: number) {
  let settle: (waits: Waits) => void = () => {};
  const urgent = process.getuid?.() === 0 && Bun.which("nice") ? ["nice", "-n", "-15"] : [];
  const child = Bun.spawn([...urgent, process.execPath, import.meta.path, String(port)], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message) => settle(message as Waits),
  });
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
    "p99.99 ms": milliseconds(waits.p9999Us),
    "median ms": rounded(waits.medianUs / 1000, 3),
    pings: waits.count,
    seconds: rounded(seconds, 1),
  };
}

if (import.meta.main) await probe(Number(process.argv[2]));
