// DEBUG's ways to end the process: by which signal, and what the log and the disk have afterwards.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../harness/server.ts";

// Signals as Redis 8.0 ends by them.
const CRASHES: readonly (readonly [request: string, signal: number, line: string])[] = [
  ["ASSERT", 6, "is not true"],
  ["oom", 6, "Out Of Memory allocating 9223372036854775807 bytes!"],
  ["panic", 6, "Guru Meditation: DEBUG PANIC called"],
  ["segfault", 11, "crashed by signal: 11"],
  ["segfault x", 11, "crashed by signal: 11"],
];

test.each(CRASHES)(
  "DEBUG %s ends the process by signal %d, with a line in the log and no snapshot",
  async (request, signal, line) => {
    const args = ["--enable-debug-command", "yes", "--save", "3600 1"];
    await using server = await startServer({ args });
    await using client = await server.connect();
    await client.run("set", "a", "1");
    expect((await client.ask("debug", ...request.split(" "))).kind).toBe("closed");
    expect(await server.exited).toBe(-signal);
    expect(server.log).toContain(line);
    expect(existsSync(join(server.directory, "dump.rdb"))).toBe(false);
  },
  20_000,
);

test("DEBUG RESTART saves and starts anew, DEBUG CRASH-AND-RECOVER only starts anew", async () => {
  const args = ["--enable-debug-command", "yes", "--save", "3600 1"];
  await using server = await startServer({ args });
  const restarted = async (...words: string[]): Promise<string> => {
    await using client = await server.connect();
    await client.run("incr", "a");
    const from = server.log.length;
    expect((await client.ask("debug", ...words)).kind).toBe("closed");
    expect(await server.waitForLog("Ready to accept connections", from)).toBe(true);
    await using again = await server.connect();
    return String(await again.run("get", "a"));
  };
  expect(await restarted("crash-and-recover")).toBe("null");
  expect(await restarted("restart", "1")).toBe("1");
  expect(await restarted("crash-and-recover", "-1")).toBe("1");
  await using client = await server.connect();
  const refusal = await client.ask("debug", "restart", "soon");
  expect(refusal.text).toBe("ERR value is not an integer or out of range");
}, 20_000);
