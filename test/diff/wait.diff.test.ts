// WAIT, WAITAOF and DEBUG LOADAOF, against Redis 8.0: with a log under each policy, and without.

import { expect } from "bun:test";
import { encodeCommand, type RawClient } from "../harness/client.ts";
import { type Command, differential, type Side } from "../harness/differential.ts";
import { caseVariants, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";

const WITH_LOG = ["--appendonly", "yes", "--enable-debug-command", "yes"];
/** Long enough for a sync, short enough for a test. */
const SHORT_MS = 40;

async function replies(client: RawClient, commands: readonly Command[]): Promise<string[]> {
  const found: string[] = [];
  for (const command of commands) found.push((await client.ask(...command)).raw);
  return found;
}

differential("wait", "redis8", ({ compare, dialogue, probe }) => {
  compare("hostile arguments", function* (): Generator<Command> {
    // In a transaction nothing waits, whatever the numbers are.
    for (const value of [...HOSTILE_INTEGERS, ...HOSTILE_STRINGS]) {
      yield ["multi"];
      yield ["wait", value, 1];
      yield ["wait", 1, value];
      yield ["waitaof", value, 0, 1];
      yield ["waitaof", 0, value, 1];
      yield ["waitaof", 0, 0, value];
      yield ["waitaof", 0, 1, value];
      yield ["exec"];
    }
    for (const name of ["wait", "waitaof"]) {
      for (const variant of caseVariants(name)) yield [variant, 0, 0, 0].slice(0, name.length - 1);
      for (let count = 0; count < 6; count++) yield [name, ...Array(count).fill(0)];
    }
    yield ["waitaof", 2, -1, -1];
    yield ["waitaof", 1, -1, -1];
    yield ["waitaof", 1, 0, -1];
    yield ["waitaof", 1, 0, 0];
  });

  dialogue("in transactions and scripts", function* (): Generator<Command> {
    yield ["multi"];
    yield ["set", "k", 1];
    yield ["wait", 1, 0];
    yield ["waitaof", 0, 1, 0];
    yield ["waitaof", 1, 0, 0];
    yield ["exec"];
    for (const call of ["'wait',1,0", "'waitaof',0,1,0", "'waitaof',1,0,0"]) {
      yield ["eval", `return redis.call(${call})`, 0];
    }
    yield ["debug", "loadaof"];
  });

  probe("what is sent behind them waits for the time to be over", async (client) => {
    await client.ask("set", "k", 1);
    const startedMs = performance.now();
    const batch = await client.pipeline([
      ["wait", 1, SHORT_MS],
      ["get", "k"],
      ["waitaof", 0, 1, SHORT_MS],
      ["get", "k"],
    ]);
    const tookLong = performance.now() - startedMs > SHORT_MS * 2 - 10;
    return [batch.map(({ raw }) => raw), tookLong];
  });

  probe("CLIENT UNBLOCK ends them", async (client, side) => {
    await using other = await side.connect();
    const { text: id } = await client.ask("client", "id");
    const found: string[] = [];
    for (const how of ["timeout", "error"]) {
      for (const command of [
        ["wait", 1, 0],
        ["waitaof", 0, 1, 0],
      ]) {
        const reply = client.ask(...command);
        found.push((await unblock(other, id, how)).raw, (await reply).raw);
      }
    }
    return found;
  });
});

/** Ends another client's waiting as soon as it waits. */
async function unblock(client: RawClient, id: string, how: string) {
  for (;;) {
    const reply = await client.ask("client", "unblock", id, how);
    if (reply.raw !== ":0\r\n") return reply;
  }
}

/** Begins anew whenever it is loaded. */
const COUNTING = `#!lua name=counting
local calls = 0
redis.register_function('count', function() calls = calls + 1 return calls end)`;

differential(
  "waitaof",
  "redis8",
  ({ probe }) => {
    const policies = (title: string, run: (client: RawClient, side: Side) => Promise<unknown>) => {
      for (const policy of ["always", "no"]) {
        probe(`${title}, appendfsync ${policy}`, async (client, side) => {
          await client.ask("config", "set", "appendfsync", policy);
          return run(client, side);
        });
      }
    };

    policies("a client's own writes count", async (client, side) => {
      await using other = await side.connect();
      return [
        await replies(client, [
          ["waitaof", 1, 0, SHORT_MS],
          ["set", "k", 1],
          ["waitaof", 1, 0, SHORT_MS],
          ["get", "k"],
          ["waitaof", 0, 0, SHORT_MS],
        ]),
        await replies(other, [
          ["waitaof", 1, 0, SHORT_MS],
          ["get", "k"],
          ["waitaof", 1, 0, SHORT_MS],
          ["del", "absent"],
          ["waitaof", 1, 0, SHORT_MS],
          ["eval", "return redis.call('set', KEYS[1], 1)", 1, "k"],
          ["waitaof", 1, 0, SHORT_MS],
        ]),
      ];
    });

    policies("in one batch with the writes", async (client) => {
      const batch = await client.pipeline([
        ["set", "k", 1],
        ["waitaof", 1, 0, SHORT_MS],
        ["multi"],
        ["set", "k", 2],
        ["waitaof", 1, 0, 0],
        ["exec"],
        ["waitaof", 1, 0, SHORT_MS],
      ]);
      return batch.map(({ raw }) => raw);
    });

    probe("everysec: the next sync answers", async (client) => {
      await client.ask("config", "set", "appendfsync", "everysec");
      return replies(client, [
        ["set", "k", 1],
        ["waitaof", 1, 0, 5000],
      ]);
    });

    probe("the log is switched off meanwhile", async (client, side) => {
      await client.ask("config", "set", "appendfsync", "no");
      await using other = await side.connect();
      await client.ask("set", "k", 1);
      const reply = client.ask("waitaof", 1, 0, 0);
      while (!(await other.ask("info", "clients")).text.includes("blocked_clients:1"));
      await other.ask("config", "set", "appendonly", "no");
      const found = [(await reply).raw, (await client.ask("waitaof", 0, 0, 0)).raw];
      await other.ask("config", "set", "appendonly", "yes");
      while (!/rewrite_in_progress:0/.test((await other.ask("info", "persistence")).text));
      return [...found, (await client.ask("waitaof", 1, 0, 5000)).raw];
    });

    probe("DEBUG LOADAOF brings back what was written", async (client, side) => {
      await using other = await side.connect();
      await client.ask("config", "set", "appendfsync", "no");
      await replies(client, [
        ["function", "load", "replace", COUNTING],
        ["fcall", "count", 0],
        ["set", "k", 1],
        ["hset", "h", "a", 1],
        ["set", "volatile", 1, "px", 100_000],
        ["select", 3],
        ["rpush", "list", "a", "b"],
      ]);
      const before = (await client.ask("debug", "digest")).raw;
      const found = await replies(client, [
        ["debug", "loadaof"],
        ["debug", "digest"],
        ["fcall", "count", 0],
        ["rpush", "list", "c"],
        ["debug", "loadaof", "what", "ever"],
        ["lrange", "list", 0, -1],
        ["incr", "n"],
      ]);
      const whole = await client.pipeline([
        ["debug", "loadaof"],
        ["get", "n"],
      ]);
      const others = await replies(other, [["watch", "k"], ["debug", "loadaof"], ["dbsize"]]);
      return [before === found[1], found, whole.map(({ raw }) => raw), others];
    });

    probe("DEBUG LOADAOF in a transaction, which waits as a whole", async (client, side) => {
      const found: string[] = [];
      await client.ask("set", "q", 1);
      for (const policy of ["everysec", "always"]) {
        await client.ask("config", "set", "appendfsync", policy);
        const batch: Command[] = [
          ...[["multi"], ["set", "q", 5], ["debug", "loadaof"], ["get", "q"], ["set", "r", 5]],
          ...[["debug", "loadaof"], ["mget", "q", "r"], ["set", "s", policy], ["exec"]],
          ...[["ping"], ["mget", "q", "r", "s"], ["debug", "loadaof"], ["mget", "q", "r", "s"]],
          ...[["set", "w", 1], ["watch", "w"], ["multi"], ["debug", "loadaof"], ["exec"]],
          ...[["multi"], ["set", "w", 2], ["exec"], ["get", "w"]],
        ];
        found.push(...(await client.pipeline(batch)).map(({ raw }) => raw));
      }
      // Who leaves meanwhile leaves a whole transaction behind.
      const leaving = await side.connect();
      const rest: Command[] = [["multi"], ["debug", "loadaof"], ["set", "left", 1], ["exec"]];
      const { length } = side.server.log;
      for (const command of rest) leaving.send(encodeCommand(command));
      leaving.close();
      // Redis crashes when it is asked anything while it loads within a transaction.
      expect(await side.server.waitForLog("loaded by DEBUG LOADAOF", length)).toBe(true);
      let left = "";
      while (!left.startsWith("$1")) left = (await client.ask("get", "left")).raw;
      await client.ask("debug", "loadaof");
      found.push((await client.ask("get", "left")).raw);
      return found;
    });
  },
  { args: WITH_LOG },
);
