// What random commands of every family leave behind, carried key by key through DUMP and RESTORE:
// from our server to a real Redis and back to another server of ours. All three end with the same
// data. MINIREDIS_SEED and MINIREDIS_STEPS choose another run.

import { expect, test } from "bun:test";
import { binary, type RawClient } from "../harness/client.ts";
import type { Command } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { findOracle, startOracle } from "../harness/oracle.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";
import { startServer } from "../harness/server.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 71);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 1500);
const ARGS = ["--enable-debug-command", "yes", "--databases", "32"];
const ORACLE = "redis8";

async function makeData(client: RawClient): Promise<number> {
  const listed = await client.run("command", "list");
  const known = new Set(Array.isArray(listed) ? listed.map(String) : []);
  // The general family selects databases 0 to 2 itself.
  let db = 3;
  for (const [family, templates] of Object.entries(TEMPLATE_FAMILIES)) {
    await client.ask("select", family === "general" ? 0 : db);
    const commands: Command[] = [];
    const choices = new Choices(SEED + db);
    for (const command of randomCommands(choices, (name) => known.has(name), templates)) {
      commands.push(command);
      if (commands.length === STEPS) break;
    }
    await client.pipeline(commands);
    if (family !== "general") db++;
  }
  return db;
}

/** Carries every key of the databases below `databases`; returns how many there were. */
async function carry(from: RawClient, to: RawClient, databases: number): Promise<number> {
  let count = 0;
  for (let db = 0; db < databases; db++) {
    for (const client of [from, to]) await client.ask("select", db);
    const { items } = await from.ask("keys", "*");
    for (const { text } of items) {
      const key = binary(text);
      const { text: payload } = await from.ask("dump", key);
      const { text: time } = await from.ask("pexpiretime", key);
      const expiry = Number(time) < 0 ? ["0"] : [time, "absttl"];
      const [ttl, ...rest] = expiry;
      const reply = await to.ask("restore", key, ttl, binary(payload), ...rest);
      expect(reply.raw).toBe("+OK\r\n");
      count++;
    }
  }
  return count;
}

const digest = async (client: RawClient) => String(await client.run("debug", "digest"));

test.skipIf(findOracle(ORACLE) === undefined)(
  `random data is carried to ${ORACLE} and back, seed ${SEED}`,
  async () => {
    await using first = await startServer({ args: ARGS });
    await using real = await startOracle(ORACLE, ARGS);
    await using second = await startServer({ args: ARGS });
    await using ours = await first.connect();
    await using theirs = await real.connect();
    await using again = await second.connect();
    const databases = await makeData(ours);
    const count = await carry(ours, theirs, databases);
    expect(count).toBeGreaterThan(20);
    expect(await digest(theirs)).toBe(await digest(ours));
    expect(await carry(theirs, again, databases)).toBe(count);
    expect(await digest(again)).toBe(await digest(ours));
  },
  60_000 + STEPS * 50,
);
