// A disk that is really full: a tiny file system in memory, which only root may mount. Without,
// this is skipped.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { AppendOnlyFile, type FsyncPolicy } from "../../src/persistence/aof.ts";
import { AofLoader } from "../../src/persistence/aof-load.ts";
import { diskFileSystem } from "../../src/persistence/file.ts";
import type { AppendFile, FileSystem } from "../../src/persistence/file-system.ts";
import { encodeCommand, type RawClient } from "../harness/client.ts";
import { encode, loadSnapshot, recover, settle } from "../harness/crash-simulation.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";
import { startServer } from "../harness/server.ts";

const CAPACITY = 1 << 20;

const run = (...command: string[]) => Bun.spawnSync(command).exitCode === 0;

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "mount-"));
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
  if (mounted) run("umount", "-l", folder);
  rmdirSync(folder);
  return mounted;
}

let folder: string;

const filler = () => join(folder, "filler");
const location = () => ({
  fileSystem: diskFileSystem,
  logger: silentLogger,
  clock: new ManualClock(0),
  directory: folder,
  directoryName: "appendonlydir",
  fileName: "appendonly.aof",
  loadSnapshot,
  loadTruncated: true,
});

function copyOf(path: string): FaultyFileSystem {
  const copy = new FaultyFileSystem();
  copy.put("/copy", readFileSync(path));
  return copy;
}

/** Loads what is on the disk and returns the values set, in order. */
async function valuesOnDisk(): Promise<number[]> {
  const loader = await AofLoader.open({ ...location(), loadTruncated: false });
  await loader.scan();
  const values: number[] = [];
  await loader.apply((bytes, starts, ends) => {
    if (ends[0] - starts[0] !== 3) return true;
    values.push(Number(Buffer.from(bytes.subarray(starts[2], ends[2])).toString("latin1", 0, 8)));
    return true;
  });
  return values;
}

/**
 * Whether INFO shows a text within a second: its figures may be as old as the server's last tick.
 */
async function eventuallyInInfo(client: RawClient, text: string): Promise<boolean> {
  const startMs = performance.now();
  while (performance.now() - startMs < 1000) {
    if (String(await client.run("INFO", "persistence")).includes(text)) return true;
  }
  return false;
}

/** Writes until the disk is full, and on once it has room again: nothing may be missing. */
async function fillUp(policy: FsyncPolicy, fileSystem: FileSystem = diskFileSystem): Promise<void> {
  const clock = new ManualClock(0);
  const loader = await AofLoader.open({ ...location(), fileSystem });
  await loader.scan();
  const aof = new AppendOnlyFile({
    fileSystem,
    clock,
    logger: silentLogger,
    policy,
  });
  const position = await loader.position();
  aof.open(position);
  let next = 0;
  let acknowledged = 0;
  writeFileSync(filler(), new Uint8Array(CAPACITY / 2));
  while (aof.failure === "") {
    const value = String(next++)
      .padStart(8, "0")
      .repeat(1 + (next % 700));
    const bytes = encode(["SET", "k", value]);
    aof.append(0, bytes, 0, bytes.length);
    if (await aof.endOfTurn()) acknowledged = next;
    await settle();
  }
  expect(aof.failure).toBe("No space left on device");
  for (let ticks = 0; ticks < 20; ticks++) {
    clock.advance(100);
    aof.tick();
    await settle();
  }
  expect(aof.failure).toBe("No space left on device");
  // What a kill would leave now: all but the one that failed, which `always` did not
  // acknowledge.
  const left = await recover(copyOf(position.path), "/copy");
  expect(left.commands.length).toBe(next - 1);
  expect(acknowledged).toBe(policy === "always" ? next - 1 : next);

  rmSync(filler());
  clock.advance(2000);
  aof.tick();
  // With `always` a sync in the thread pool must end first, whenever the machine gets to it.
  const patience = performance.now() + 1000;
  while (aof.failure !== "" && performance.now() < patience) await settle();
  expect(aof.failure).toBe("");
  expect(await valuesOnDisk()).toEqual(Array.from({ length: next }, (_, k) => k));
  expect(await aof.close()).toBe(true);
  expect((await valuesOnDisk()).length).toBe(next);
}

describe.skipIf(!canMount())("a full disk", () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "full-"));
    run("mount", "-t", "tmpfs", "-o", `size=${CAPACITY}`, "tmpfs", folder);
  });

  afterEach(() => {
    run("umount", "-l", folder);
    rmSync(folder, { recursive: true });
  });

  for (const policy of ["always", "everysec", "no"] as FsyncPolicy[]) {
    test(`leaves no hole and is recovered from, with ${policy}`, () => fillUp(policy));
  }

  test("the check would notice half a command that is not cut off", async () => {
    const openAppend = (path: string): AppendFile => {
      const file = diskFileSystem.openAppend(path);
      return {
        size: () => file.size(),
        write: (bytes, start, end) => file.write(bytes, start, end),
        writeInBackground: (bytes, start, end) => file.writeInBackground(bytes, start, end),
        syncNow: () => file.syncNow(),
        sync: () => file.sync(),
        truncate: () => {},
        close: () => file.close(),
      };
    };
    const careless = { ...diskFileSystem, openAppend };
    await expect(fillUp("everysec", careless)).rejects.toThrow("expect(received)");
  });

  for (const policy of ["always", "everysec"]) {
    test(`has the server refuse writes and serve reads until it has room, ${policy}`, async () => {
      const args = ["--appendonly", "yes", "--appendfsync", policy];
      const start = () => startServer({ args, directory: folder });
      const value = "x".repeat(5000);
      const acknowledged: string[] = [];
      {
        await using server = await start();
        const reader = await server.connect();
        await reader.run("SET", "before", "1");
        writeFileSync(filler(), new Uint8Array(CAPACITY / 2));
        let client = await server.connect();
        let refusal = "";
        for (let k = 0; refusal === ""; k++) {
          const reply = await client.ask("SET", `k${k}`, value);
          if (reply.kind === "+") acknowledged.push(`k${k}`);
          else if (reply.kind === "closed") client = await server.connect();
          else refusal = reply.raw.toString();
        }
        expect(refusal).toBe(
          "-MISCONF Errors writing to the AOF file: No space left on device\r\n",
        );
        expect(await reader.run("GET", "before")).toBe("1");
        expect(await eventuallyInInfo(reader, "aof_last_write_status:err")).toBe(true);
        rmSync(filler());
        const freedMs = performance.now();
        for (;;) {
          const reply = await client.ask("SET", "after", "2");
          if (reply.kind === "+") break;
          expect(performance.now() - freedMs).toBeLessThan(2000);
        }
        expect(await eventuallyInInfo(reader, "aof_last_write_status:ok")).toBe(true);
        server.kill();
        await server.exited;
      }
      await using server = await start();
      const client = await server.connect();
      expect(await client.run("GET", "after")).toBe("2");
      expect(await client.run("EXISTS", ...acknowledged)).toBe(acknowledged.length);
    }, 30_000);
  }

  for (const policy of ["always", "everysec"]) {
    test(`gets room by BGREWRITEAOF, as with Redis, ${policy}`, async () => {
      const args = ["--appendonly", "yes", "--appendfsync", policy];
      const start = () => startServer({ args, directory: folder });
      let last = 0;
      {
        await using server = await start();
        let client = await server.connect();
        for (let number = 1; ; number++) {
          const reply = await client.ask("SET", "k", String(number).repeat(20_000));
          if (reply.kind === "+") last = number;
          else if (reply.kind === "closed") client = await server.connect();
          else break;
        }
        expect(await client.run("BGREWRITEAOF")).toBe(
          "Background append only file rewriting started",
        );
        expect(await server.waitForLog("Background AOF rewrite finished successfully")).toBe(true);
        expect(await eventuallyInInfo(client, "aof_last_write_status:ok")).toBe(true);
        expect(await client.run("SET", "after", "2")).toBe("OK");
        // For a kill `everysec` promises no more than for a power cut.
        expect(await client.run("WAITAOF", "1", "0", "10000")).toEqual([1, 0]);
        server.kill();
        await server.exited;
      }
      await using server = await start();
      const client = await server.connect();
      expect(await client.run("GET", "after")).toBe("2");
      const found = Number(String(await client.run("GETRANGE", "k", "0", "3")).slice(0, 2));
      expect(found).toBeGreaterThanOrEqual(last);
    }, 30_000);
  }

  test("SIGTERM ends the server only where it need not save, as Redis", async () => {
    const args = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "3600 1"];
    {
      await using server = await startServer({ args, directory: folder });
      const client = await server.connect();
      await client.run("SET", "before", "1");
      writeFileSync(filler(), new Uint8Array(CAPACITY / 2));
      const value = "x".repeat(20_000);
      for (let k = 0; ; k++) {
        const reply = await client.ask("SET", `k${k % 30}`, value);
        if (reply.kind === "-") break;
      }
      // The log has given back what its last write had taken.
      expect(() => writeFileSync(join(folder, "rest"), new Uint8Array(CAPACITY))).toThrow();
      server.signal("SIGTERM");
      expect(await server.waitForLog("Errors trying to shut down the server.")).toBe(true);
      expect(server.log).toContain("Error trying to save the DB, can't exit.");
      expect(await client.run("GET", "before")).toBe("1");
      client.send(encodeCommand(["SHUTDOWN", "NOSAVE"]));
      expect(await server.exited).toBe(0);
    }
    rmSync(join(folder, "rest"));
    rmSync(filler());
    await using server = await startServer({ args, directory: folder });
    expect(await (await server.connect()).run("GET", "before")).toBe("1");
  }, 30_000);
});
