// Snapshot files: what the real servers write is loaded here, and what we write there, with every
// type and encoding, expiry times and several databases; redis-check-rdb finds nothing wrong.

import { expect, test } from "bun:test";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, type OracleName, startOracle } from "../harness/oracle.ts";
import { plainValue } from "../harness/reply.ts";
import { type Content, contentOf, fillWithSamples } from "../harness/sample-content.ts";
import { startServer } from "../harness/server.ts";

const DEBUG = ["--enable-debug-command", "yes"];
const ORACLES: readonly OracleName[] = ["redis7", "redis8", "valkey9"];

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "miniredis-rdb-"));
}

for (const oracle of ORACLES) {
  const launch = findOracle(oracle);
  test.skipIf(launch === undefined)(`a file written by ${oracle} is loaded`, async () => {
    const directory = newDirectory();
    let expected: Content;
    {
      await using theirs = await startOracle(oracle, DEBUG);
      await using client = await theirs.connect();
      await fillWithSamples(client, oracle === "redis8");
      expected = await contentOf(theirs);
      expect(plainValue(await client.ask("save"))).toBe("OK");
      copyFileSync(join(theirs.directory, "dump.rdb"), join(directory, "dump.rdb"));
    }
    await using ours = await startServer({ directory, args: DEBUG });
    expect(await contentOf(ours)).toEqual(expected);
    expect(ours.log).toContain(`keys loaded: ${expected.keys + 200}, keys expired: 0.`);
  });

  test.skipIf(launch === undefined)(`a file of ours is loaded by ${oracle}`, async () => {
    await using ours = await startServer({ args: DEBUG });
    await using client = await ours.connect();
    await fillWithSamples(client, oracle === "redis8");
    const expected = await contentOf(ours);
    expect(plainValue(await client.ask("bgsave"))).toBe("Background saving started");
    await ours.waitForLog("Background saving terminated with success");
    const file = join(ours.directory, "dump.rdb");
    await using theirs = await startOracle(oracle, DEBUG, file);
    expect(await contentOf(theirs)).toEqual(expected);
  });
}

test.skipIf(Bun.which("redis-check-rdb") === null)("redis-check-rdb accepts our file", async () => {
  await using ours = await startServer({ args: DEBUG });
  await using client = await ours.connect();
  await fillWithSamples(client, false);
  await client.ask("save");
  const check = Bun.spawnSync(["redis-check-rdb", join(ours.directory, "dump.rdb")]);
  expect(check.stdout.toString()).toContain("RDB looks OK!");
});

test("DEBUG RELOAD brings everything back, and a restart does", async () => {
  const directory = newDirectory();
  let expected: Content;
  {
    await using ours = await startServer({ directory, args: [...DEBUG, "--save", "3600 1"] });
    await using client = await ours.connect();
    await fillWithSamples(client, true);
    const digest = plainValue(await client.ask("debug", "digest"));
    expected = await contentOf(ours);
    for (const options of [[], ["nosave"], ["nosave", "noflush", "merge"]]) {
      expect(plainValue(await client.ask("debug", "reload", ...options))).toBe("OK");
      expect(plainValue(await client.ask("debug", "digest"))).toBe(digest);
    }
    expect(await contentOf(ours)).toEqual(expected);
  }
  await using again = await startServer({ directory, args: DEBUG });
  expect(await contentOf(again)).toEqual(expected);
});
