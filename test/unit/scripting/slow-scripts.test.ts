// Scripts that run for long: others are told so, and may end them.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServer, type RunningServer } from "../../../src/index.ts";
import { RawClient } from "../../harness/client.ts";

const BUSY = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN";

let server: RunningServer;
let runner: RawClient;
let other: RawClient;

beforeEach(async () => {
  server = await createServer({ "busy-reply-threshold": 20 });
  runner = await RawClient.connect({ port: server.port });
  other = await RawClient.connect({ port: server.port });
});

afterEach(async () => {
  await runner[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await server.stop();
});

/** Starts a script and waits until the server says that it is busy. */
async function start(script: string): Promise<void> {
  runner.send(Buffer.from(`EVAL "${script}" 0\r\n`));
  while (!(await other.ask("get", "x")).raw.startsWith(BUSY));
}

for (const script of [
  "while true do end",
  "while true do pcall(function() while true do end end) end",
  "local f = coroutine.wrap(function() while true do end end) while true do pcall(f) end",
  "while true do redis.call('get', 'x') end",
]) {
  test(`SCRIPT KILL ends: ${script}`, async () => {
    await start(script);
    expect((await other.ask("ping")).raw).toStartWith(BUSY);
    expect((await other.ask("script", "kill")).raw).toBe("+OK\r\n");
    const reply = (await runner.next()).raw;
    expect(reply).toStartWith("-ERR Script killed by user with SCRIPT KILL... script: ");
    expect(reply).toEndWith(", on @user_script:1.\r\n");
    expect((await other.ask("set", "x", "1")).raw).toBe("+OK\r\n");
    expect((await runner.ask("get", "x")).raw).toBe("$1\r\n1\r\n");
    expect((await other.ask("script", "kill")).raw).toStartWith("-NOTBUSY");
  });
}

test("a script that has written cannot be killed, and ends as one unit", async () => {
  await other.ask("set", "n", "0");
  await start("redis.call('incr', 'n') for i = 1, 2e7 do end return redis.call('incr', 'n')");
  expect((await other.ask("script", "kill")).raw).toStartWith("-UNKILLABLE");
  expect((await runner.next()).raw).toBe(":2\r\n");
  expect((await other.ask("get", "n")).raw).toBe("$1\r\n2\r\n");
});

test("what a client sends behind a slow script is answered after it", async () => {
  const slow = `EVAL "for i = 1, 2e7 do end return 7" 0\r\nPING\r\n`;
  runner.send(Buffer.from(slow));
  expect((await runner.next()).raw).toBe(":7\r\n");
  expect((await runner.next()).raw).toBe("+PONG\r\n");
});

test("a slow script goes on when its client has left", async () => {
  await start("for i = 1, 2e7 do end redis.call('set', 'x', '1')");
  await runner[Symbol.asyncDispose]();
  while ((await other.ask("get", "x")).raw.startsWith(BUSY));
  expect((await other.ask("get", "x")).raw).toBe("$1\r\n1\r\n");
  runner = await RawClient.connect({ port: server.port });
});

test("the keys of a slow script are watched", async () => {
  await other.ask("watch", "x");
  runner.send(Buffer.from(`EVAL "for i = 1, 2e7 do end redis.call('set', 'x', '1')" 0\r\n`));
  await runner.next();
  await other.ask("multi");
  await other.ask("ping");
  expect((await other.ask("exec")).raw).toBe("*-1\r\n");
});
