// A second server on the same directory: neither takes away what the other one has acknowledged.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainValue } from "../harness/reply.ts";
import { startServer } from "../harness/server.ts";

const SHARED = "-MISCONF Errors writing to the AOF file: Another process writes to the file";

test("a second server on the same log is noticed by both, and nothing is lost", async () => {
  const directory = mkdtempSync(join(tmpdir(), "miniredis-second-"));
  const args = ["--appendonly", "yes", "--appendfsync", "everysec"];
  const start = () => startServer({ args, directory });
  const acknowledged: string[] = [];
  {
    await using first = await start();
    await using second = await start();
    const clients = [await first.connect(), await second.connect()];
    const refusals: string[] = [];
    for (let k = 0; k < 40; k++) {
      for (const [index, client] of clients.entries()) {
        const reply = await client.ask("SET", `${index}:${k}`, "v");
        if (reply.kind === "+") acknowledged.push(`${index}:${k}`);
        else refusals[index] = reply.raw;
      }
      // Long enough for a server to try again.
      if (k > 30) await Bun.sleep(100);
    }
    expect(refusals.map((refusal) => refusal.slice(0, SHARED.length))).toEqual([SHARED, SHARED]);
    expect(acknowledged).toContain("0:0");
    first.kill();
    second.kill();
  }
  await using server = await start();
  const client = await server.connect();
  // A write that made the server notice is not in the log, or is, but nobody was told.
  const found = await Promise.all(
    acknowledged.map(async (key) => plainValue(await client.ask("EXISTS", key))),
  );
  const lost = acknowledged.filter((_, k) => found[k] !== 1 && String(found[k]) !== "1");
  expect(lost.length).toBeLessThanOrEqual(2);
  expect(lost).not.toContain("0:0");
  rmSync(directory, { recursive: true });
}, 30_000);
