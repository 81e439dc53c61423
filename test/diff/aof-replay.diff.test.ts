// What servers make of a log whose commands fail, or are slow scripts: the same files, loaded by
// Redis 8.0 and here.

import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCommand } from "../harness/client.ts";
import { findOracle } from "../harness/oracle.ts";
import { ServerProcess } from "../harness/process.ts";
import { plainValue } from "../harness/reply.ts";
import { launchServer, startServer } from "../harness/server.ts";

const FOLDER = "appendonlydir";

/** A directory whose log holds these commands and nothing else. */
function directoryWith(scratch: string, commands: readonly (readonly string[])[]): string {
  const directory = mkdtempSync(join(scratch, "miniredis-replay-"));
  mkdirSync(join(directory, FOLDER));
  const log = "appendonly.aof.1.incr.aof";
  const manifest = `file ${log} seq 1 type i\n`;
  writeFileSync(join(directory, FOLDER, "appendonly.aof.manifest"), manifest);
  writeFileSync(join(directory, FOLDER, log), Buffer.concat(commands.map(encodeCommand)));
  return directory;
}

const FAILING = [
  ["set", "a", "1"],
  ["lpush", "a", "1"],
  ["lset", "none", "0", "x"],
  ["eval", "redis.call('set', 'b', 1) return redis.call('incr', 'b')", "0"],
  ["incr", "a"],
  ["hset", "a", "f", "v"],
];

/** What a server says of a log with errors in it. */
async function outcome(server: ServerProcess): Promise<unknown> {
  await using client = await server.connect();
  const values = await client.ask("mget", "a", "b");
  const errors = plainValue(await client.ask("info", "errorstats"));
  const stats = String(plainValue(await client.ask("info", "stats")));
  return {
    values: plainValue(values),
    errors,
    counts: stats.match(/(unexpected|total)_error_replies:\d+/g),
    said: server.log.match(/== CRITICAL ==.*/g),
  };
}

const oracle = findOracle("redis8");

test.skipIf(oracle === undefined)("errors of a log are told as by Redis 8.0", async () => {
  const appendonly = ["--appendonly", "yes"];
  const start = (directory: string) => {
    const command = (port: number, seen: string) => [...oracle!.command(port, seen), ...appendonly];
    return ServerProcess.start({ ...oracle!, command, directory });
  };
  await using theirs = await start(directoryWith(oracle!.scratch, FAILING));
  const directory = directoryWith(tmpdir(), FAILING);
  await using ours = await startServer({ directory, args: appendonly });
  const expected = await outcome(theirs);
  expect(await outcome(ours)).toEqual(expected);
  expect(ours.log).toContain("sending an error to its AOF-loading-client: '-WRONGTYPE ");
});

test("propagation-error-behavior panic refuses a log with an error", async () => {
  const directory = directoryWith(tmpdir(), FAILING);
  const args = ["--appendonly", "yes", "--propagation-error-behavior", "panic"];
  await using server = launchServer({ directory, args });
  expect(await server.exited).toBe(1);
  expect(server.log).toContain(
    "This server panicked sending an error to its AOF-loading-client after processing the " +
      "command 'lpush'",
  );
  expect(server.log).not.toContain("Ready to accept");
});

test("a slow script of a log holds up nobody, and the next command waits for it", async () => {
  const slow = (key: string) =>
    `local n = 0 while n < 3e7 do n = n + 1 end redis.call('set', '${key}', n)`;
  const library =
    "#!lua name=l\nredis.register_function('f', function() " +
    `${slow("function")} return redis.call('incr', 'text') end)`;
  const directory = directoryWith(tmpdir(), [
    ["set", "text", "a"],
    ["eval", slow("script"), "0"],
    ["append", "script", "!"],
    ["multi"],
    ["eval", slow("transaction"), "0"],
    ["append", "transaction", "!"],
    ["exec"],
    ["function", "load", library],
    ["fcall", "f", "0"],
    ["append", "function", "!"],
  ]);
  const args = ["--appendonly", "yes", "--busy-reply-threshold", "5"];
  await using server = launchServer({ directory, args });
  expect(await server.waitForLog("You can try killing the script using the SCRIPT KILL")).toBe(
    true,
  );
  {
    await using client = await server.connect();
    expect((await client.ask("get", "text")).text).toStartWith("LOADING ");
    expect(server.log).not.toContain("Ready to accept");
  }
  expect(await server.waitForLog("Ready to accept connections")).toBe(true);
  await using client = await server.connect();
  const values = await client.ask("mget", "script", "transaction", "function");
  expect(plainValue(values)).toEqual(Array(3).fill("30000000!"));
  expect(server.log).toMatch(
    /'-ERR value is not an integer .* after processing the command 'fcall'/,
  );
}, 30_000);

test("a script without end in a log leaves the server to be ended", async () => {
  const directory = directoryWith(tmpdir(), [["eval", "while true do end", "0"]]);
  const args = ["--appendonly", "yes", "--busy-reply-threshold", "5"];
  await using server = launchServer({ directory, args });
  expect(await server.waitForLog("Slow script detected: still in execution after ")).toBe(true);
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
});
