// Directories that the real servers wrote after a rewrite open here, and ours there, with all that
// they hold.

import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOracle, type OracleName, startOracle } from "../harness/oracle.ts";
import { type Launch, ServerProcess } from "../harness/process.ts";
import { plainValue } from "../harness/reply.ts";
import { type Content, contentOf, fillWithSamples } from "../harness/sample-content.ts";
import { startServer } from "../harness/server.ts";

setDefaultTimeout(60_000);

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

/** What becomes of the manifest and of the offset in the life of a log. */
async function offsetsOf(start: () => Promise<ServerProcess>): Promise<string[]> {
  const found: string[] = [];
  const visit = async (commands: string[][], end: "SIGTERM" | "SIGKILL") => {
    const server = await start();
    const note = async () => {
      await using client = await server.connect();
      const role = JSON.stringify(plainValue(await client.ask("role")));
      const info = String(plainValue(await client.ask("info", "replication")));
      found.push(role, /master_repl_offset:\d+/.exec(info)?.[0] ?? "none");
    };
    const manifest = join(server.directory, "appendonlydir", "appendonly.aof.manifest");
    const read = () => readFileSync(manifest, "latin1");
    await note();
    found.push(read());
    await using client = await server.connect();
    for (const command of commands) {
      await client.ask(...command);
      if (command[0] === "bgrewriteaof") expect(await server.waitForLog(REWRITTEN)).toBe(true);
      if (command.at(-1) !== "no") continue;
      for (let k = 0; k < 100 && !read().includes("endoffset"); k++) await Bun.sleep(20);
    }
    await note();
    found.push(read());
    await server.stop(end);
    found.push(read());
  };
  const writes = [
    ...[["set", "a", "1"], ["get", "a"], ["multi"], ["incr", "a"], ["rpush", "l", "x"], ["exec"]],
    ...[
      ["select", "3"],
      ["set", "b", "1"],
      ["eval", "return redis.call('incr', 'b')", "0"],
    ],
    ["eval", "redis.call('incr', 'b') return redis.call('incr', 'b')", "0"],
  ];
  await visit(writes, "SIGTERM");
  await visit([...writes, ["bgrewriteaof"], ...writes], "SIGTERM");
  await visit([["del", "a"]], "SIGKILL");
  await visit(
    [
      ["config", "set", "appendonly", "no"],
      ["del", "b"],
    ],
    "SIGKILL",
  );
  return found;
}

test.skipIf(findOracle("redis8") === undefined)(
  "the manifest and INFO tell offsets as redis8",
  async () => {
    const args = [...AOF, "--appendfsync", "always"];
    const oracle = findOracle("redis8")!;
    const theirDirectory = mkdtempSync(join(oracle.scratch, "miniredis-aof-"));
    const theirLaunch: Launch = {
      ...oracle,
      directory: theirDirectory,
      command: (port, seen) => [...oracle.command(port, seen), ...args],
    };
    const directory = newDirectory();
    // Checksum lines would make our file longer.
    const ourArgs = [...args, "--aof-checksums", "no"];
    const [ours, theirs] = await Promise.all([
      offsetsOf(() => startServer({ directory, args: ourArgs })),
      offsetsOf(() => ServerProcess.start(theirLaunch)),
    ]);
    expect(ours).toEqual(theirs);
  },
  20_000,
);
