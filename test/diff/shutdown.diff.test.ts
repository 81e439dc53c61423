// How servers end: SHUTDOWN with its options and signals, amid a save, a rewrite and a script, and
// with a disk that does not take the file. The same is done to Redis 8.0 and here; what clients are
// told, what the log says, how the process ends and which files it leaves must be the same.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { RawClient } from "../harness/client.ts";
import { findOracle, startOracle } from "../harness/oracle.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

interface Scenario {
  readonly title: string;
  readonly args: readonly string[];
  run(client: RawClient, server: ServerProcess): Promise<string[]>;
}

/** Long enough for whatever was asked for to have begun. */
const SLOW_KEYS = ["config", "set", "rdb-key-save-delay", "1000"];
const SAVE_POINT = ["--save", "3600 1"];
const NO_SAVE_POINTS = ["--save", ""];
const FAILED = "Errors trying to shut down the server. Check the logs";
const ENDLESS = "redis.call('set', 'half', 1) while true do end";

/** The replies to commands, "" where the server ends instead. */
async function replies(client: RawClient, commands: readonly string[][]): Promise<string[]> {
  const found: string[] = [];
  for (const command of commands) found.push((await client.ask(...command)).raw);
  return found;
}

async function begin(client: RawClient, command: string[]): Promise<string[]> {
  return replies(client, [["debug", "populate", "20000"], SLOW_KEYS, command]);
}

/** Sends a signal and waits until the log says something once more. */
async function signalled(server: ServerProcess, signal: NodeJS.Signals, text: string) {
  const from = server.log.length;
  server.signal(signal);
  expect(await server.waitForLog(text, from)).toBe(true);
}

/** Sends a signal that the server does not end by, and waits until that is over. */
async function withstood(client: RawClient, server: ServerProcess, signal: NodeJS.Signals) {
  await signalled(server, signal, FAILED);
  await client.ask("ping");
}

const SCENARIOS: readonly Scenario[] = [
  {
    title: "SHUTDOWN amid a BGSAVE saves anew",
    args: SAVE_POINT,
    run: async (client) => [
      ...(await begin(client, ["bgsave"])),
      ...(await replies(client, [["config", "set", "rdb-key-save-delay", "0"], ["shutdown"]])),
    ],
  },
  {
    title: "SHUTDOWN NOSAVE amid a BGSAVE leaves nothing",
    args: SAVE_POINT,
    run: async (client) => [
      ...(await begin(client, ["bgsave"])),
      ...(await replies(client, [["shutdown", "nosave"]])),
    ],
  },
  {
    title: "SHUTDOWN amid a rewrite leaves the old log and both increments",
    args: [...NO_SAVE_POINTS, "--appendonly", "yes"],
    run: async (client) => [
      ...(await begin(client, ["bgrewriteaof"])),
      ...(await replies(client, [["shutdown"]])),
    ],
  },
  {
    title: "nothing but force ends it amid the first rewrite",
    args: NO_SAVE_POINTS,
    run: async (client, server) => {
      const found = await begin(client, ["config", "set", "appendonly", "yes"]);
      const refused = [["shutdown"], ["shutdown", "now"], ["shutdown", "nosave"]];
      found.push(...(await replies(client, [...refused, ["shutdown", "abort"]])));
      await withstood(client, server, "SIGTERM");
      await withstood(client, server, "SIGINT");
      return [...found, ...(await replies(client, [["ping"], ["shutdown", "force"]]))];
    },
  },
  {
    title: "a directory in the place of the file",
    args: SAVE_POINT,
    run: async (client, server) => {
      const blocked = join(server.directory, "dump.rdb");
      mkdirSync(blocked);
      const words = [["set", "a", "1"], ["shutdown"], ["shutdown", "now"], ["shutdown", "save"]];
      const found = await replies(client, words);
      await withstood(client, server, "SIGTERM");
      await withstood(client, server, "SIGINT");
      await withstood(client, server, "SIGINT");
      found.push(
        ...(await replies(client, [
          ["get", "a"],
          ["shutdown", "force"],
        ])),
      );
      await server.exited;
      rmdirSync(blocked);
      return found;
    },
  },
  {
    title: "a script is slow: signals wait, a second SIGINT does not",
    args: [...SAVE_POINT, "--busy-reply-threshold", "10"],
    run: async (client, server) => {
      const running = client.ask("eval", ENDLESS, "0");
      expect(await server.waitForLog("Slow script detected")).toBe(true);
      await using other = await server.connect();
      const found = await replies(other, [["shutdown"], ["shutdown", "save"], ["script", "kill"]]);
      await signalled(server, "SIGTERM", "scheduling shutdown...");
      found.push(...(await replies(other, [["ping"]])));
      await signalled(server, "SIGINT", "You insist... exiting now.");
      return [...found, (await running).kind];
    },
  },
  {
    title: "a script is slow: SHUTDOWN NOSAVE does not wait",
    args: [...SAVE_POINT, "--busy-reply-threshold", "10"],
    run: async (client, server) => {
      const running = client.ask("eval", ENDLESS, "0");
      expect(await server.waitForLog("Slow script detected")).toBe(true);
      await using other = await server.connect();
      return [...(await replies(other, [["shutdown", "nosave"]])), (await running).kind];
    },
  },
  {
    title: "a script is slow: SIGTERM saves what it has done once it has ended",
    args: [...SAVE_POINT, "--busy-reply-threshold", "10"],
    run: async (client, server) => {
      const script =
        "redis.call('set', 'a', 1) local n = 0 while n < 2e7 do n = n + 1 end " +
        "redis.call('set', 'b', n)";
      // Whether its client still hears of the end is chance.
      void client.ask("eval", script, "0");
      expect(await server.waitForLog("Slow script detected")).toBe(true);
      await signalled(server, "SIGTERM", "scheduling shutdown...");
      expect(await server.waitForLog("DB saved on disk")).toBe(true);
      return [];
    },
  },
];

/** What both servers say in the same words, wherever children write between. */
const PHRASES = [
  "Received SIG(TERM|INT) scheduling shutdown",
  "You insist... exiting now",
  "User requested shutdown",
  "There is a child saving an .rdb. Killing it",
  "There is a child rewriting the AOF. Killing it",
  "Killing running AOF rewrite child",
  "Writing initial AOF[^\\n]*",
  "Calling fsync\\(\\) on the AOF file",
  "Saving the final RDB snapshot before exiting",
  "Error trying to save the DB[^\\n]*",
  "Errors trying to shut down the server",
  "Redis is now ready to exit, bye bye",
];

function saidBy({ log }: ServerProcess): string[] {
  return log.match(new RegExp(PHRASES.join("|"), "g")) ?? [];
}

/** Of its directory, the files that a restart would read. */
function filesOf({ directory }: ServerProcess): string[] {
  const folder = join(directory, "appendonlydir");
  const logs = existsSync(folder) ? readdirSync(folder).sort() : [];
  const isKept = (name: string) => !name.startsWith("temp-");
  return [...readdirSync(directory).filter((name) => name.endsWith(".rdb")), ...logs].filter(
    isKept,
  );
}

async function outcome(server: ServerProcess, { run }: Scenario): Promise<unknown> {
  const client = await server.connect();
  const found = await run(client, server);
  const code = await server.exited;
  client.close();
  return { found, code, said: saidBy(server), files: filesOf(server) };
}

for (const scenario of SCENARIOS) {
  const isMissing = findOracle("redis8") === undefined;
  test.skipIf(isMissing)(
    `${scenario.title}, as in Redis 8.0`,
    async () => {
      const args = [...scenario.args, "--enable-debug-command", "yes"];
      await using theirs = await startOracle("redis8", args);
      await using ours = await startServer({ args });
      const [expected, actual] = await Promise.all([
        outcome(theirs, scenario),
        outcome(ours, scenario),
      ]);
      expect(actual).toEqual(expected);
    },
    30_000,
  );
}
