// Keeps fuzzers and benchmarks from rotting: each fuzzer runs a thousand steps, each micro
// benchmark at its smoke size, each load of the macro benchmarks for a moment.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  COLLECTION_TYPES,
  LARGE_KEY,
  makeLarge,
  makeSmall,
  SMALL_TYPES,
  verifyLarge,
} from "../../bench/harness/collection-frames.ts";
import { LOAD_TESTS } from "../../bench/harness/load-tests.ts";
import { FUZZERS } from "../fuzz/fuzzers.ts";
import { Choices } from "../harness/generate.ts";
import type { ServerProcess } from "../harness/process.ts";
import { PROJECT, startServer } from "../harness/server.ts";

const STEPS = 1000;
const SEEDS = [1, 2, 3];
const BENCH_TIMEOUT_MS = 60_000;

for (const fuzzer of FUZZERS) {
  for (const seed of SEEDS) {
    test(`the ${fuzzer.name} fuzzer finds nothing in ${STEPS} steps of seed ${seed}`, () => {
      fuzzer.run(new Choices(seed), STEPS);
    });
  }
}

/** Every micro benchmark, relative to bench/micro. */
function microBenches(): string[] {
  const folder = join(PROJECT, "bench", "micro");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true }).map(String);
  return files.filter((file) => file.endsWith(".bench.ts")).sort();
}

for (const bench of microBenches()) {
  test(
    `bench/micro/${bench} works at smoke size`,
    async () => {
      const child = Bun.spawn([process.execPath, "run", "bench/run.ts", "--smoke", bench], {
        cwd: PROJECT,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect(`${await child.exited} ${errors}`).toBe("0 ");
      expect(output).toMatch(/^[1-9]\d* benchmarks in 1 files work\n$/);
    },
    BENCH_TIMEOUT_MS,
  );
}

test(
  "bench/macro/persistence.ts works at smoke size",
  async () => {
    const command = ["bench/macro/persistence.ts", "--only-ours", "--n", "2000", "--alone", "10"];
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: PROJECT,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(`${await child.exited} ${errors}`).toBe("0 ");
    expect(output).toMatch(/\| miniredis .* \| writes and BGSAVE \| /);
    expect(output).toMatch(/\| miniredis .* \| 2000 \| /);
  },
  BENCH_TIMEOUT_MS,
);

describe("the loads of the macro benchmarks", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  for (const type of COLLECTION_TYPES) {
    test(`one ${type} of 1,200 elements`, async () => {
      await using client = await server.connect();
      await client.run("flushall");
      await makeLarge(server.port, type, 1200);
      await verifyLarge(client, type, 1200);
      expect(await client.run("type", LARGE_KEY)).toBe(type);
    });
  }

  for (const type of SMALL_TYPES) {
    test(`small collections: ${type}`, async () => {
      await using client = await server.connect();
      await client.run("flushall");
      await makeSmall(server.port, type, 50);
      expect(Number(await client.run("dbsize"))).toBe(50);
    });
  }

  for (const [name, load] of LOAD_TESTS) {
    // The others are for redis-benchmark, which may not be there.
    const isOwn = /^(xreadgroup_xack|blpop_ping_pong|publish_.*)$/.test(name);
    // Ten thousand connections are more than a test may open.
    if (name === "publish_10000") continue;
    if (!isOwn && Bun.which("redis-benchmark") === null) continue;
    test(name, async () => {
      await using client = await server.connect();
      await client.run("flushall");
      await load.prepare(server.port, 60);
      const common = { port: server.port, test: name, requests: 60, depth: 2, clients: 4 };
      const result = await load.run({ ...common, valueBytes: 3, keys: 10 });
      expect(result?.requestsPerSecond).toBeGreaterThan(0);
    });
  }
});
