// Scripts and functions as client libraries offer them: sent whole once, then by digest, and again
// where the server has forgotten them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { Redis, type Result } from "ioredis";
import { type CommandParser, createClient, defineScript } from "redis";
import type { ServerProcess } from "../harness/process.ts";
import { startSubject } from "../harness/subject.ts";

declare module "ioredis" {
  interface RedisCommander<Context> {
    takeUpTo(key: string, most: number): Result<[number, string], Context>;
  }
}

/** Lowers a counter, but not below zero; how much, and by whom it was asked. */
const TAKE = `
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
local taken = math.min(left, tonumber(ARGV[1]))
redis.call('DECRBY', KEYS[1], taken)
return { taken, 'from ' .. KEYS[1] }
`;

let server: ServerProcess;
beforeAll(async () => {
  server = await startSubject();
});
afterAll(() => server.stop());

test("ioredis: defineCommand, alone, in pipelines and in transactions", async () => {
  const redis = new Redis(server.port);
  redis.defineCommand("takeUpTo", { numberOfKeys: 1, lua: TAKE });
  await redis.set("stock", 10);
  expect(await redis.takeUpTo("stock", 3)).toEqual([3, "from stock"]);
  await redis.script("FLUSH");
  expect(await redis.takeUpTo("stock", 3)).toEqual([3, "from stock"]);
  const replies = await redis.pipeline().takeUpTo("stock", 3).takeUpTo("stock", 3).exec();
  expect(replies?.map(([, reply]) => reply)).toEqual([
    [3, "from stock"],
    [1, "from stock"],
  ]);
  const all = await redis.multi().set("stock", 2).takeUpTo("stock", 9).get("stock").exec();
  expect(all?.map(([, reply]) => reply)).toEqual(["OK", [2, "from stock"], "0"]);
  await redis.set("stock", "many");
  await expect(redis.takeUpTo("stock", 1)).rejects.toThrow("user_script");
  redis.disconnect();
});

for (const protocol of [2, 3] as const) {
  test(`node-redis: defineScript and functions in RESP${protocol}`, async () => {
    const takeUpTo = defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: TAKE,
      parseCommand(parser: CommandParser, key: string, most: number) {
        parser.pushKey(key);
        parser.push(String(most));
      },
      transformReply: (reply: unknown) => reply as [number, string],
    });
    const library = {
      double: {
        NUMBER_OF_KEYS: 1,
        parseCommand: (parser: CommandParser, key: string) => parser.pushKey(key),
        transformReply: (reply: unknown) => reply as number,
      },
    };
    const client = createClient({
      ...{ socket: { port: server.port }, RESP: protocol },
      scripts: { takeUpTo },
      functions: { numbers: library },
    });
    await client.connect();
    await client.set("stock", 10);
    expect(await client.takeUpTo("stock", 4)).toEqual([4, "from stock"]);
    await client.scriptFlush();
    expect(await client.takeUpTo("stock", 40)).toEqual([6, "from stock"]);
    const code = `#!lua name=numbers
      redis.register_function('double', function(keys)
        return redis.call('INCRBY', keys[1], redis.call('GET', keys[1]))
      end)`;
    expect(await client.functionLoad(code, { REPLACE: true })).toBe("numbers");
    await client.set("n", 21);
    expect(await client.numbers.double("n")).toBe(42);
    const replies: unknown[] = await client.multi().takeUpTo("n", 2).numbers.double("n").exec();
    expect(replies).toEqual([[2, "from n"], 80]);
    const [described] = await client.functionList();
    expect(described.library_name).toBe("numbers");
    client.destroy();
  });
}

test("Bun's client: EVAL, EVALSHA and what a script replies in RESP3", async () => {
  const client = new RedisClient(`redis://127.0.0.1:${server.port}`);
  await client.set("stock", "5");
  expect(await client.send("EVAL", [TAKE, "1", "stock", "2"])).toEqual([2, "from stock"]);
  const digest = String(await client.send("SCRIPT", ["LOAD", TAKE]));
  expect(await client.send("EVALSHA", [digest, "1", "stock", "2"])).toEqual([2, "from stock"]);
  const map = "redis.setresp(3); return { map = { one = 1 } }";
  expect(await client.send("EVAL", [map, "0"])).toEqual({ one: 1 });
  await expect(client.send("EVALSHA", ["0".repeat(40), "0"])).rejects.toThrow("NOSCRIPT");
  client.close();
});
