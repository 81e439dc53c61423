// What is known of the commands that scripts run.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createServer, type RunningServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";

let server: RunningServer;
let client: RawClient;

beforeAll(async () => {
  server = await createServer();
  client = await RawClient.connect({ port: server.port });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await client.ask("flushall");
  await client.ask("config", "resetstat");
  await client.ask("slowlog", "reset");
});

async function ask(...words: string[]): Promise<string> {
  return (await client.ask(...words)).raw;
}

test("commands of scripts are counted and timed one by one", async () => {
  const calls = "for i = 1, 40 do redis.call('incr', 'n') end redis.pcall('lpush', 'n', 1)";
  await ask(
    "eval",
    `${calls} redis.pcall('get') redis.pcall('nosuch') redis.call('keys', '*')`,
    "0",
  );
  const stats = await ask("info", "commandstats");
  const per = "usec_per_call=[\\d.]+,rejected_calls";
  expect(stats).toMatch(new RegExp(`cmdstat_incr:calls=40,usec=\\d+,${per}=0,failed_calls=0`));
  expect(stats).toMatch(new RegExp(`cmdstat_lpush:calls=1,usec=\\d+,${per}=0,failed_calls=1`));
  expect(stats).toMatch(new RegExp(`cmdstat_keys:calls=1,usec=\\d+,${per}=0,failed_calls=0`));
  expect(stats).toContain("cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1");
  expect(await ask("info", "latencystats")).toMatch(/usec_incr:p50=[\d.]+,p99/);
  // 42 of the script, it itself, CONFIG RESETSTAT, SLOWLOG RESET and INFO twice.
  expect(await ask("info", "stats")).toContain("total_commands_processed:47\r\n");
});

test("slow commands of scripts are logged, without a client", async () => {
  await ask("config", "set", "slowlog-log-slower-than", "0");
  await ask("eval", "redis.call('set', 'a', 'b')", "0");
  const log = await ask("slowlog", "get", "3");
  expect(log).toContain("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n$0\r\n\r\n$0\r\n\r\n");
  expect(log.indexOf("eval")).toBeLessThan(log.indexOf("$3\r\nset"));
  await ask("config", "set", "slowlog-log-slower-than", "10000");
});

test("monitors see a script before the commands that it runs", async () => {
  await using monitor = await RawClient.connect({ port: server.port });
  expect((await monitor.ask("monitor")).raw).toBe("+OK\r\n");
  const script = "redis.call('select', 3) redis.call('set', 'a', KEYS[1]) redis.pcall('get')";
  await ask("eval", script, "1", "k");
  await ask("evalsha", "nosuch", "0");
  const seen: string[] = [];
  for (let k = 0; k < 4; k++) seen.push((await monitor.next()).raw.replace(/^\+[\d.]+ /, ""));
  expect(seen[0]).toMatch(/^\[0 127[^\]]*\] "eval" "redis.call.*" "1" "k"\r\n$/);
  expect(seen[1]).toBe('[3 lua] "select" "3"\r\n');
  expect(seen[2]).toBe('[3 lua] "set" "a" "k"\r\n');
  expect(seen[3]).toMatch(/"evalsha" "nosuch" "0"/);
});

for (const [script, errors, failures] of [
  ["return redis.call('lpush', 'n', 1)", "WRONGTYPE:count=1", 1],
  ["return redis.pcall('lpush', 'n', 1)", "WRONGTYPE:count=1", 1],
  ["local e = redis.pcall('lpush', 'n', 1) return {err = e.err}", "WRONGTYPE:count=2", 1],
  ["redis.pcall('lpush', 'n', 1)", "WRONGTYPE:count=1", 0],
  ["return redis.call('nosuch')", "ERR:count=1", 1],
  ["redis.pcall('nosuch') redis.pcall('get') redis.pcall('subscribe', 'x')", "ERR:count=3", 0],
  ["return redis.call()", "ERR:count=1", 1],
  ["redis.pcall()", "", 0],
  ["error('x')", "ERR:count=1", 1],
  ["return {err = 'MY x'}", "MY:count=1", 1],
  ["foo()", "ERR:count=1", 1],
] as const) {
  test(`errors are counted once: ${script}`, async () => {
    await ask("set", "n", "5");
    await ask("config", "resetstat");
    await ask("eval", script, "0");
    const counted = (await ask("info", "errorstats")).match(/errorstat_.*?(?=\r)/g) ?? [];
    expect(counted.join()).toBe(errors === "" ? "" : `errorstat_${errors}`);
    expect(await ask("info", "commandstats")).toMatch(
      new RegExp(`cmdstat_eval:calls=1,.*failed_calls=${failures}\\r`),
    );
  });
}
