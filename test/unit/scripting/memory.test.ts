// What scripts take, and give back.

import { expect, test } from "bun:test";
import { createServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";

async function figure(client: RawClient, name: string): Promise<number> {
  const { raw } = await client.ask("info", "memory");
  return Number(new RegExp(`\\r\\n${name}:(\\d+)`).exec(raw)![1]);
}

test("Lua's memory counts as used, and is given back while no script runs", async () => {
  await using server = await createServer();
  await using client = await RawClient.connect({ port: server.port });
  const before = await figure(client, "used_memory");
  expect(await figure(client, "used_memory_lua")).toBe(0);
  await client.ask("eval", "local t = {} for i = 1, 1e5 do t[i] = {i, {}} end return #t", "0");
  const lua = await figure(client, "used_memory_lua");
  expect(lua).toBeGreaterThan(5_000_000);
  expect(await figure(client, "used_memory")).toBeGreaterThan(before + lua);
  expect(await figure(client, "used_memory_vm_total")).toBe(lua);
  while ((await figure(client, "used_memory_lua")) > 500_000);
  expect(await figure(client, "used_memory")).toBeLessThan(before + 600_000);
  expect((await client.ask("eval", "return redis.call('ping')", "0")).raw).toBe("+PONG\r\n");
});

test("a heap that is far too large is replaced, and scripts run on", async () => {
  await using server = await createServer();
  await using client = await RawClient.connect({ port: server.port });
  const { raw } = await client.ask("script", "load", "return string.rep(ARGV[1], 3)");
  const sha = raw.slice(5, 45);
  expect((await client.ask("evalsha", sha, "0", "x")).raw).toBe("$3\r\nxxx\r\n");
  await client.ask("eval", "local s = string.rep('x', 2^25) return #(s .. s)", "0");
  while ((await figure(client, "used_memory_lua")) > 0);
  expect((await client.ask("evalsha", sha, "0", "y")).raw).toBe("$3\r\nyyy\r\n");
});
