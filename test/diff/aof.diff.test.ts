// Directories that the real servers wrote after a rewrite open here, with everything they hold.

import { expect, test } from "bun:test";
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, type OracleName, startOracle } from "../harness/oracle.ts";
import { plainValue } from "../harness/reply.ts";
import { type Content, contentOf, fillWithSamples } from "../harness/sample-content.ts";
import { startServer } from "../harness/server.ts";

const DEBUG = ["--enable-debug-command", "yes"];
const AOF = [...DEBUG, "--appendonly", "yes"];
const ORACLES: readonly OracleName[] = ["redis7", "redis8", "valkey9"];
const REWRITTEN = "Background AOF rewrite finished successfully";

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "miniredis-aof-"));
}

for (const oracle of ORACLES) {
  const launch = findOracle(oracle);
  for (const preamble of ["yes", "no"]) {
    const form = [...AOF, "--aof-use-rdb-preamble", preamble];
    test.skipIf(launch === undefined)(
      `a log rewritten by ${oracle} is loaded, aof-use-rdb-preamble ${preamble}`,
      async () => {
        const directory = newDirectory();
        let expected: Content;
        {
          await using theirs = await startOracle(oracle, form);
          await using client = await theirs.connect();
          await fillWithSamples(client, oracle === "redis8");
          await client.ask("bgrewriteaof");
          await theirs.waitForLog(REWRITTEN);
          await client.ask("set", "behind", "the base");
          expected = await contentOf(theirs);
          const folder = join(theirs.directory, "appendonlydir");
          cpSync(folder, join(directory, "appendonlydir"), { recursive: true });
        }
        await using ours = await startServer({ directory, args: AOF });
        expect(await contentOf(ours)).toEqual(expected);
        await using client = await ours.connect();
        expect(plainValue(await client.ask("get", "behind"))).toBe("the base");
      },
    );
  }
}
