// The end of a real process that cannot save: here a directory is in the way of the file.

import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainValue } from "../harness/reply.ts";
import { startServer } from "../harness/server.ts";

test("SIGTERM does not end a server that cannot save, unless it is to be forced", async () => {
  const directory = mkdtempSync(join(tmpdir(), "miniredis-shutdown-"));
  const file = join(directory, "dump.rdb");
  {
    await using server = await startServer({ directory, args: ["--save", "3600 1"] });
    await using client = await server.connect();
    await client.ask("set", "a", "1");
    mkdirSync(file);
    server.signal("SIGTERM");
    expect(await server.waitForLog("Errors trying to shut down the server.")).toBe(true);
    expect(plainValue(await client.ask("get", "a"))).toBe("1");
    expect(readdirSync(directory)).toEqual(["dump.rdb"]);
    rmdirSync(file);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(server.log).toContain("DB saved on disk");
  }
  const args = ["--save", "3600 1", "--shutdown-on-sigterm", "force"];
  await using server = await startServer({ directory, args });
  await using client = await server.connect();
  expect(plainValue(await client.ask("get", "a"))).toBe("1");
  await client.ask("set", "a", "2");
  unlinkSync(file);
  mkdirSync(file);
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(server.log).toContain("Error trying to save the DB. Exit anyway.");
}, 20_000);
