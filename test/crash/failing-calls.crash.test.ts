// A real process whose system calls fail or are slow: fsync, rename, and writes beyond a limit of
// the file's length, which the system answers with a signal besides.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawClient } from "../harness/client.ts";
import { canFailCalls, FailingCalls } from "../harness/failing-calls.ts";
import { plainValue } from "../harness/reply.ts";
import { startServer } from "../harness/server.ts";

const REFUSED = "-MISCONF Errors writing to the AOF file: ";
const UNSAVED = "-MISCONF Redis is configured to save RDB snapshots";
const DEADLINE_MS = 5000;

/** Asks until a reply begins with a text; returns it, or the last one. */
async function until(client: RawClient, command: string[], start: string): Promise<string> {
  const startMs = performance.now();
  for (;;) {
    const { raw } = await client.ask(...command);
    if (raw.startsWith(start) || performance.now() - startMs > DEADLINE_MS) return raw;
    await Bun.sleep(20);
  }
}

/** The same of a line of INFO. */
async function untilInfo(client: RawClient, line: string): Promise<string> {
  const startMs = performance.now();
  for (;;) {
    const text = String(plainValue(await client.ask("info", "persistence")));
    if (text.includes(line) || performance.now() - startMs > DEADLINE_MS) return text;
    await Bun.sleep(20);
  }
}

const newDirectory = () => mkdtempSync(join(tmpdir(), "miniredis-failing-"));

describe.skipIf(!canFailCalls)("a process", () => {
  for (const policy of ["always", "everysec"]) {
    test(`whose fsync of the log fails promises nothing, and recovers, ${policy}`, async () => {
      using calls = new FailingCalls();
      const args = ["--appendonly", "yes", "--appendfsync", policy];
      const { environment } = calls;
      const directory = newDirectory();
      let acknowledged = 0;
      {
        await using server = await startServer({ args, environment, directory });
        await using client = await server.connect();
        await client.ask("incr", "n");
        calls.begin("sync-fails", ".incr.aof");
        const failing = await client.ask("incr", "n");
        expect(failing.kind).toBe(policy === "always" ? "closed" : ":");
        await using other = await server.connect();
        expect(await until(other, ["incr", "refused"], REFUSED)).toBe(
          `${REFUSED}Input/output error\r\n`,
        );
        expect((await other.ask("get", "n")).raw).toBe("$1\r\n2\r\n");
        calls.end("sync-fails");
        const healedMs = performance.now();
        expect(await until(other, ["incr", "n"], ":")).toStartWith(":");
        expect(performance.now() - healedMs).toBeLessThan(3000);
        acknowledged = Number((await other.ask("get", "n")).text);
        if (policy === "everysec") await other.ask("waitaof", "1", "0", "5000");
        server.kill();
      }
      await using server = await startServer({ args, directory });
      await using client = await server.connect();
      expect(Number((await client.ask("get", "n")).text)).toBe(acknowledged);
    }, 20_000);
  }

  test("whose fsync or rename of a snapshot fails refuses writes until one succeeds", async () => {
    using calls = new FailingCalls();
    const { environment } = calls;
    const directory = newDirectory();
    const args = ["--save", "3600 1"];
    await using server = await startServer({ args, environment, directory });
    await using client = await server.connect();
    for (const fault of ["sync-fails", "rename-fails"] as const) {
      await client.ask("incr", "n");
      calls.begin(fault, ".rdb");
      expect((await client.ask("save")).raw).toBe("-ERR\r\n");
      expect((await client.ask("bgsave")).text).toBe("Background saving started");
      expect(await untilInfo(client, "last_bgsave_status:err")).toContain("bgsave_status:err");
      expect((await client.ask("incr", "n")).raw).toStartWith(UNSAVED);
      expect(readdirSync(directory).filter((name) => name.startsWith("temp-"))).toEqual([]);
      server.signal("SIGTERM");
      const from = server.log.length;
      expect(await server.waitForLog("Errors trying to shut down the server", from)).toBe(true);
      calls.end(fault);
      await client.ask("bgsave");
      expect(await untilInfo(client, "last_bgsave_status:ok")).toContain("bgsave_status:ok");
      expect((await client.ask("incr", "n")).kind).toBe(":");
    }
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    await using again = await startServer({ args, directory });
    await using reader = await again.connect();
    expect((await reader.ask("get", "n")).text).toBe("4");
  }, 20_000);

  test("that cannot rename the manifest keeps its log whole", async () => {
    using calls = new FailingCalls();
    const { environment } = calls;
    const directory = newDirectory();
    const args = ["--appendonly", "yes", "--appendfsync", "always"];
    {
      await using server = await startServer({ args, environment, directory });
      await using client = await server.connect();
      calls.begin("rename-fails", "manifest");
      for (let k = 0; k < 3; k++) {
        await client.ask("incr", "n");
        await client.ask("bgrewriteaof");
        expect(await untilInfo(client, "rewrite_in_progress:0")).toContain("bgrewrite_status:err");
      }
      calls.end("rename-fails");
      await client.ask("incr", "n");
      await client.ask("bgrewriteaof");
      expect(await untilInfo(client, "bgrewrite_status:ok")).toContain("bgrewrite_status:ok");
      await client.ask("incr", "n");
      server.kill();
    }
    await using server = await startServer({ args, directory });
    await using client = await server.connect();
    expect((await client.ask("get", "n")).text).toBe("5");
  }, 20_000);

  test("whose fsync takes a second serves everybody meanwhile, everysec", async () => {
    using calls = new FailingCalls();
    const { environment } = calls;
    const args = ["--appendonly", "yes", "--appendfsync", "everysec"];
    await using server = await startServer({ args, environment });
    await using client = await server.connect();
    calls.begin("sync-is-slow", ".incr.aof");
    let longestMs = 0;
    const startMs = performance.now();
    while (performance.now() - startMs < 4000) {
      const beforeMs = performance.now();
      expect((await client.ask("incr", "n")).kind).toBe(":");
      longestMs = Math.max(longestMs, performance.now() - beforeMs);
      await Bun.sleep(5);
    }
    const waitedFromMs = performance.now();
    expect((await client.ask("waitaof", "1", "0", "0")).raw).toBe("*2\r\n:1\r\n:0\r\n");
    expect(performance.now() - waitedFromMs).toBeGreaterThan(500);
    calls.end("sync-is-slow");
    // The machine has others to serve, too; a server that waited for the disk took a second.
    expect(longestMs).toBeLessThan(500);
  }, 20_000);
});

test.skipIf(Bun.which("prlimit") === null)(
  "a file that may not become longer is an error of the disk, and no end of the process",
  async () => {
    const directory = newDirectory();
    const args = ["--appendonly", "yes", "--appendfsync", "always", "--save", "3600 1"];
    const limit = 1 << 20;
    const acknowledged: string[] = [];
    {
      await using server = await startServer({
        args,
        directory,
        prefix: ["prlimit", `--fsize=${limit}`],
      });
      await using client = await server.connect();
      for (let k = 0; k < 15; k++) {
        await using writer = await server.connect();
        // Not compressible, so that a snapshot is too long as well.
        const random = Buffer.from(crypto.getRandomValues(new Uint8Array(50_000))).toString("hex");
        const reply = await writer.ask("set", `k${k}`, random);
        if (reply.raw === "+OK\r\n") acknowledged.push(`k${k}`);
        else if (reply.kind === "-") expect(reply.raw).toBe(`${REFUSED}File too large\r\n`);
      }
      expect(acknowledged.length).toBeGreaterThan(5);
      expect(acknowledged.length).toBeLessThan(12);
      expect((await client.ask("get", "k0")).text).toHaveLength(100_000);
      await client.ask("bgsave");
      // What was acknowledged fits; the one that was not is in memory, too.
      expect(await untilInfo(client, "rdb_bgsave_in_progress:0")).toContain(
        "aof_last_write_status:err",
      );
      server.kill();
    }
    await using server = await startServer({ args, directory });
    await using client = await server.connect();
    const found = plainValue(await client.ask("exists", ...acknowledged));
    expect(Number(found)).toBe(acknowledged.length);
  },
  20_000,
);
