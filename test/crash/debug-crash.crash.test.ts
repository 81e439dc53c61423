// DEBUG's ways to end the process, and others: by which signal, and what the log and the disk have
// afterwards.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RawClient } from "../harness/client.ts";
import type { ServerProcess } from "../harness/process.ts";
import { PROJECT, startServer } from "../harness/server.ts";

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

const REPORT_PARTS = [
  "REDIS BUG REPORT START",
  "------ STACK TRACE ------",
  "------ INFO OUTPUT ------\n# Server",
  "\r\ncmdstat_set:calls=1",
  "------ CLIENT LIST OUTPUT ------\nid=",
  "name=me",
  "------ CONFIG DEBUG OUTPUT ------",
  "REDIS BUG REPORT END",
];
const COMMAND_PARTS = ["------ CURRENT CLIENT INFO ------\nid=", `argv[0]: '"debug"'`];

/** How a server ends and what its log says after a client has set a key. */
async function endOf(
  directives: readonly string[],
  ending: (server: ServerProcess, client: RawClient) => Promise<unknown>,
): Promise<[code: number, log: string]> {
  const args = ["--enable-debug-command", "yes", ...directives];
  await using server = await startServer({ args });
  await using client = await server.connect();
  await client.run("client", "setname", "me");
  await client.run("set", "a", "1");
  const from = server.log.length;
  await ending(server, client);
  return [await server.exited, server.log.slice(from)];
}

const expectParts = (log: string, parts: readonly string[], arePresent = true) => {
  for (const part of parts) {
    if (arePresent) expect(log).toContain(part);
    else expect(log).not.toContain(part);
  }
};

test("a crash leaves a report with all that helps to find its cause", async () => {
  for (const [how, code] of [
    ["panic", -6],
    ["segfault", -11],
  ] as const) {
    const [exit, log] = await endOf([], (_, client) => client.ask("debug", how, "secret\n"));
    expect(exit).toBe(code);
    expectParts(log, [...REPORT_PARTS, ...COMMAND_PARTS, `argv[2]: '"secret\\n"'`]);
    expect(log).toContain(how === "panic" ? "debugPanic" : "debugSegfault");
  }
}, 20_000);

test("use-exit-on-panic ends by status 1, crash-log-enabled shortens the report", async () => {
  const panic = (_: ServerProcess, client: RawClient) => client.ask("debug", "assert");
  const [exit, log] = await endOf(["--use-exit-on-panic", "yes"], panic);
  expect(exit).toBe(1);
  expectParts(log, REPORT_PARTS);
  const [code, short] = await endOf(["--crash-log-enabled", "no"], panic);
  expect(code).toBe(-6);
  expectParts(short, [REPORT_PARTS[0], "is not true", REPORT_PARTS.at(-1)!]);
  expectParts(short, [...REPORT_PARTS.slice(1, -1), ...COMMAND_PARTS], false);
  const segfault = (_: ServerProcess, client: RawClient) => client.ask("debug", "segfault");
  const [signal, none] = await endOf(["--crash-log-enabled", "no"], segfault);
  expect(signal).toBe(-11);
  expectParts(none, ["REPORT", "crashed by signal"], false);
}, 20_000);

test("hide-user-data-from-log keeps arguments out of the report", async () => {
  const [, log] = await endOf(["--hide-user-data-from-log", "yes"], (_, client) =>
    client.ask("debug", "panic", "secret"),
  );
  expectParts(log, [...COMMAND_PARTS, "argv[1]: '*redacted*'", "argv[2]: '*redacted*'"]);
  expect(log).not.toContain("secret");
}, 20_000);

test("SIGABRT leaves a report of what the server was", async () => {
  const abort = async (server: ServerProcess) => server.signal("SIGABRT");
  const [exit, log] = await endOf([], abort);
  expect(exit).toBe(-6);
  expectParts(log, [...REPORT_PARTS, "crashed by signal: 6"]);
  expectParts(log, COMMAND_PARTS, false);
  const [code, none] = await endOf(["--crash-log-enabled", "no"], abort);
  expect(code).toBe(-6);
  expect(none).not.toContain("REPORT");
  // CONFIG SET has a say, too.
  const [, late] = await endOf(["--crash-log-enabled", "no"], async (server, client) => {
    await client.run("config", "set", "crash-log-enabled", "yes");
    server.signal("SIGABRT");
  });
  expectParts(late, REPORT_PARTS);
}, 20_000);

const FAILING_PROGRAM = `
  import { reportCrashes } from "./src/server/crashes.ts";
  import { ServerFixture } from "./test/unit/server/server-fixture.ts";
  const fixture = new ServerFixture(process.argv.at(-1));
  fixture.logged.push = (line) => console.log(line) ?? 0;
  reportCrashes(fixture.server);
  setTimeout(function planted() { throw new TypeError("not foreseen"); });
`;

test("an unforeseen exception ends the process and is reported with its stack", async () => {
  for (const [directive, end] of [
    ["use-exit-on-panic no", "SIGABRT"],
    ["use-exit-on-panic yes", 1],
  ] as const) {
    const command = [process.execPath, "-e", FAILING_PROGRAM, "--", directive];
    const { exitCode, signalCode, stdout } = Bun.spawnSync(command, { cwd: PROJECT });
    const log = stdout.toString();
    expectParts(log, ["=== ASSERTION FAILED ===", "==> TypeError: not foreseen", "at planted"]);
    expectParts(log, [REPORT_PARTS[0], "------ INFO OUTPUT ------", REPORT_PARTS.at(-1)!]);
    expect(signalCode ?? exitCode).toBe(end);
  }
}, 20_000);

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
