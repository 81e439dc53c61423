// Libraries of functions: what no comparison with a real server shows.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServer, type RunningServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";

let server: RunningServer;
let client: RawClient;

beforeEach(async () => {
  server = await createServer({ "busy-reply-threshold": 20 });
  client = await RawClient.connect({ port: server.port });
});

afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Loads a library of one function. */
async function load(name: string, body: string): Promise<string> {
  const code = `redis.register_function('${name}', function(keys, args) ${body} end)`;
  return ask("function", "load", "replace", `#!lua name=${name}\n${code}`);
}

async function ask(...command: string[]): Promise<string> {
  return (await client.ask(...command)).raw;
}

test("servers of one process have libraries of their own", async () => {
  await load("f", "return 1");
  await using other = await createServer();
  await using stranger = await RawClient.connect({ port: other.port });
  expect((await stranger.ask("fcall", "f", "0")).raw).toBe("-ERR Function not found\r\n");
  expect(await ask("fcall", "f", "0")).toBe(":1\r\n");
});

test("scripts and functions do not find each other's tables", async () => {
  await load("f", "table.insert(redis, 7) return #getmetatable('').__index");
  await ask("fcall", "f", "0");
  expect(await ask("eval", "return {redis[1] == nil, #KEYS}", "1", "k")).toBe("*2\r\n:1\r\n:1\r\n");
  await load("g", "return KEYS");
  expect(await ask("fcall", "g", "0")).toContain("nonexistent global variable 'KEYS'");
});

test("a function leaves nothing in a frozen table", async () => {
  await load("f", "table.insert(redis, 7)");
  expect(await ask("fcall", "f", "0")).toContain("Attempt to modify a readonly table");
});

test("a stack that runs over takes no library with it", async () => {
  // Deleted, so that what is loaded again lies elsewhere than before.
  await load("gone", "return 0");
  await load("one", "return 1");
  await ask("function", "delete", "gone");
  for (const deep of [
    "local function f() return 1 + f() end return f()",
    "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end " +
      "return t[1]",
  ]) {
    await load("deep", deep);
    expect(await ask("fcall", "deep", "0")).toStartWith("-ERR ");
    expect(await ask("fcall", "one", "0")).toBe(":1\r\n");
    expect(await ask("function", "stats")).toContain("functions_count\r\n:2\r\n");
  }
  const nested = `#!lua name=nested\nlocal x = ${"(".repeat(50_000)}1${")".repeat(50_000)}`;
  expect(await ask("function", "load", nested)).toStartWith("-ERR Error compiling function");
  expect(await ask("fcall", "one", "0")).toBe(":1\r\n");
});

test("what is replaced is given back", async () => {
  const filling = "local t = {} for i = 1, 2000 do t[i] = 'entry ' .. i end return #t";
  const code = `redis.register_function('f', function() ${filling} end)`;
  const replace = ["function", "load", "replace", `#!lua name=f\n${code} -- ${"x".repeat(2000)}`];
  await client.pipeline(Array.from({ length: 2000 }, () => replace));
  expect(await ask("fcall", "f", "0")).toBe(":2000\r\n");
  const bytes = Number(/vm_functions:(\d+)/.exec(await ask("info", "memory"))![1]);
  expect(bytes).toBeLessThan(1 << 20);
});

test("INFO and MEMORY STATS count libraries and functions", async () => {
  const figures = async () => {
    const info = await ask("info", "memory");
    return ["number_of_functions", "number_of_libraries", "used_memory_functions"].map((name) =>
      Number(new RegExp(`${name}:(\\d+)`).exec(info)![1]),
    );
  };
  expect(await figures()).toEqual([0, 0, 0]);
  await ask("function", "load", "#!lua name=a\nredis.register_function('f', function() end)");
  const two = "for _, n in {} do end";
  expect(await ask("function", "load", `#!lua name=b\n${two}`)).toStartWith("-ERR");
  const [functions, libraries, bytes] = await figures();
  expect([functions, libraries]).toEqual([1, 1]);
  expect(bytes).toBeGreaterThan(60);
  const stats = await ask("memory", "stats");
  expect(stats).toContain(`functions.caches\r\n:${bytes}\r\n`);
  await ask("function", "flush");
  expect(await figures()).toEqual([0, 0, 0]);
});

test("a function that has written cannot be killed, and ends as one unit", async () => {
  await using runner = await RawClient.connect({ port: server.port });
  await load("f", "redis.call('incr', 'n') for i = 1, 3e7 do end return redis.call('incr', 'n')");
  runner.send(Buffer.from("FCALL f 0\r\n"));
  while (!(await ask("get", "x")).startsWith("-BUSY"));
  expect(await ask("script", "kill")).toStartWith("-UNKILLABLE");
  expect(await ask("function", "kill")).toStartWith("-UNKILLABLE");
  expect((await runner.next()).raw).toBe(":2\r\n");
  expect(await ask("get", "n")).toBe("$1\r\n2\r\n");
});

test("the function goes on when its client has left, and its library stays", async () => {
  const runner = await RawClient.connect({ port: server.port });
  await load("f", "for i = 1, 3e7 do end redis.call('set', 'x', '1')");
  runner.send(Buffer.from("FCALL f 0\r\n"));
  while (!(await ask("get", "x")).startsWith("-BUSY"));
  await runner[Symbol.asyncDispose]();
  while ((await ask("get", "x")).startsWith("-BUSY"));
  expect(await ask("get", "x")).toBe("$1\r\n1\r\n");
});

test("only SHUTDOWN NOSAVE ends a server whose function is slow", async () => {
  await using runner = await RawClient.connect({ port: server.port });
  await load("f", "redis.call('incr', 'n') while true do end");
  runner.send(Buffer.from("FCALL f 0\r\n"));
  while (!(await ask("get", "x")).startsWith("-BUSY"));
  for (const options of [[], ["save"], ["now"], ["force"]]) {
    expect(await ask("shutdown", ...options)).toStartWith("-BUSY Redis is busy running a script.");
  }
  expect(await ask("shutdown", "abort")).toBe("-ERR No shutdown in progress.\r\n");
  expect(await ask("shutdown", "nosave")).toBe("<closed>");
});
