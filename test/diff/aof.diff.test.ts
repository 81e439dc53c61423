// Directories that the real servers wrote after a rewrite open here, and ours there, with all that
// they hold.

import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, type OracleName, startOracle } from "../harness/oracle.ts";
import { ServerProcess } from "../harness/process.ts";
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

    test.skipIf(launch === undefined)(
      `a log rewritten here is loaded by ${oracle}, aof-use-rdb-preamble ${preamble}`,
      async () => {
        const directory = mkdtempSync(join(launch!.scratch, "miniredis-aof-"));
        let expected: Content;
        {
          await using ours = await startServer({ directory, args: form });
          await using client = await ours.connect();
          await fillWithSamples(client, oracle === "redis8");
          const reply = plainValue(await client.ask("bgrewriteaof"));
          expect(reply).toBe("Background append only file rewriting started");
          expect(await ours.waitForLog(REWRITTEN)).toBe(true);
          await client.ask("set", "behind", "the base");
          expected = await contentOf(ours);
        }
        expect(readdirSync(join(directory, "appendonlydir")).sort()).toEqual([
          `appendonly.aof.2.base.${preamble === "yes" ? "rdb" : "aof"}`,
          "appendonly.aof.2.incr.aof",
          "appendonly.aof.manifest",
        ]);
        {
          await using again = await startServer({ directory, args: form });
          expect(await contentOf(again)).toEqual(expected);
        }
        await using theirs = await ServerProcess.start({
          ...launch!,
          directory,
          command: (port, seen) => [...launch!.command(port, seen), ...form],
        });
        expect(await contentOf(theirs)).toEqual(expected);
        await using client = await theirs.connect();
        expect(plainValue(await client.ask("get", "behind"))).toBe("the base");
      },
    );
  }
}
