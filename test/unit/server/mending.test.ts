// Logs that fail, or have missed something, and what a rewrite makes of them. That BGREWRITEAOF is
// taken while writes are refused, and ends that, was seen on Redis 8.0.6 with a full disk.

import { describe, expect, test } from "bun:test";
import { Xoshiro } from "../../../src/base/random.ts";
import { SharedFileError } from "../../../src/persistence/file-system.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";
import { FOLDER, Rewrites, STARTED } from "./rewrites-fixture.ts";
import { request } from "./server-fixture.ts";

const REFUSED = "-MISCONF Errors writing to the AOF file: ";
const LAYOUTS = [
  {
    layout: "a directory",
    directives: "appendonly yes",
    log: `${FOLDER}appendonly.aof.1.incr.aof`,
  },
  { layout: "one plain file", directives: "aof /data/my.aof", log: "/data/my.aof" },
] as const;

/** Starts a server whose periodic work is done by hand alone, however long a test takes. */
async function start(directives: string, disk?: FaultyFileSystem): Promise<Rewrites> {
  const rewrites = await Rewrites.start(directives, disk);
  rewrites.fixture.server.debugSettings.cronPaused = true;
  return rewrites;
}

function advance({ fixture }: Rewrites, ms: number): void {
  fixture.server.debugSettings.cronPaused = false;
  fixture.advance(ms);
  fixture.server.debugSettings.cronPaused = true;
}

/** Runs commands of a client that is still there, and lets their turn end. */
async function run(rewrites: Rewrites, ...commands: string[]): Promise<string> {
  const peer = rewrites.fixture.connect();
  const text = peer.run(...commands);
  await rewrites.settle();
  return text + peer.transport.take();
}

/** A field of INFO. */
async function info(rewrites: Rewrites, field: string): Promise<string> {
  const text = await run(rewrites, "info persistence");
  return new RegExp(`${field}:(.*)\r`).exec(text)?.[1] ?? "?";
}

/** What a restart after a power cut finds; the same as the server holds, if all is well. */
async function digestAfterPowerCut(rewrites: Rewrites, directives: string): Promise<string> {
  const disk = rewrites.disk.cutPower(new Xoshiro(1));
  const again = await start(directives, disk);
  const digest = await run(again, "debug digest");
  await again.stop();
  return digest;
}

/** Everything is taken again, and survives a power cut. */
async function expectWell(rewrites: Rewrites, directives: string): Promise<void> {
  expect(await info(rewrites, "aof_last_write_status")).toBe("ok");
  expect(await run(rewrites, "config set appendfsync always", "incr well")).not.toContain("-");
  const digest = await run(rewrites, "debug digest");
  expect(await digestAfterPowerCut(rewrites, directives)).toBe(digest);
  await rewrites.stop();
}

/** Loses what `no` has written: a sync says that it is not on the disk, and will never be. */
async function makeHole(rewrites: Rewrites): Promise<void> {
  const { disk } = rewrites;
  const log = `${FOLDER}appendonly.aof.1.incr.aof`;
  await run(rewrites, "set a 1");
  disk.fault = (operation, path) => (operation === "sync" && path === log ? "EIO" : undefined);
  expect(await run(rewrites, "bgrewriteaof")).toBe(STARTED);
  await rewrites.settle();
  expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("err");
  disk.fault = () => undefined;
}

for (const { layout, directives, log } of LAYOUTS) {
  for (const policy of ["always", "everysec"]) {
    describe(`a log that is ${layout} and full, with ${policy},`, () => {
      const all = `${directives}\nappendfsync ${policy}`;

      async function failed(): Promise<Rewrites> {
        const rewrites = await start(all);
        await run(rewrites, "set a 1", "incr n");
        rewrites.disk.partial = (length) => length >> 1;
        rewrites.disk.fault = (operation, path) =>
          operation === "write" && path === log ? "ENOSPC" : undefined;
        await run(rewrites, "incr n");
        advance(rewrites, 100);
        expect(await run(rewrites, "incr n")).toStartWith(`${REFUSED}No space left on device`);
        return rewrites;
      }

      test("is replaced by a rewrite", async () => {
        const rewrites = await failed();
        rewrites.run("bgrewriteaof");
        expect(rewrites.run("incr n")).toStartWith(policy === "always" ? "" : REFUSED);
        await rewrites.settle();
        expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("ok");
        expect(rewrites.disk.paths.filter((path) => path.includes("temp-"))).toEqual([]);
        await expectWell(rewrites, all);
      });

      test("goes on if it recovers during the rewrite, which begins anew", async () => {
        const rewrites = await failed();
        const { disk, fixture } = rewrites;
        disk.holdSyncs = true;
        rewrites.run("bgrewriteaof");
        const isBaseWritten = () => disk.openSyncs > 0;
        for (let k = 0; k < 2000 && !isBaseWritten(); k++) await Bun.sleep(1);
        disk.fault = () => undefined;
        advance(rewrites, 600);
        await fixture.endTurn();
        disk.holdSyncs = false;
        disk.finishSyncs();
        await rewrites.settle();
        expect(fixture.logged).toContain("The AOF works again: it is rewritten in its place");
        expect(await run(rewrites, "incr n")).toBe(":3\r\n");
        advance(rewrites, 100);
        await rewrites.settle();
        expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("ok");
        expect(await info(rewrites, "aof_rewrites")).toBe("2");
        await expectWell(rewrites, all);
      });

      test("goes on where the rewrite fails", async () => {
        const rewrites = await failed();
        rewrites.disk.fault = (_, path) =>
          path === log || path.includes("temp-rewriteaof") ? "ENOSPC" : undefined;
        rewrites.run("bgrewriteaof");
        await rewrites.settle();
        expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("err");
        expect(await run(rewrites, "incr n")).toStartWith(REFUSED);
        rewrites.disk.fault = () => undefined;
        for (let k = 0; k < 8; k++) {
          advance(rewrites, 100);
          await rewrites.settle();
        }
        expect(await info(rewrites, "aof_rewrites")).toBe("1");
        expect(rewrites.disk.paths).toContain(log);
        await expectWell(rewrites, all);
      });
    });
  }

  for (const policy of ["always", "everysec"]) {
    describe(`what ${layout} has lost with no and ${policy} needs`, () => {
      /** A sync says that what was written is not there; it is not kept to be written again. */
      async function failed(): Promise<Rewrites> {
        const rewrites = await start(`${directives}\nappendfsync no`);
        await run(rewrites, "set a 1", "incr n");
        rewrites.disk.fault = (operation, path) =>
          operation === "sync" && path === log ? "EIO" : undefined;
        await run(rewrites, `config set appendfsync ${policy}`, "incr n");
        rewrites.fixture.clock.advance(1000);
        await run(rewrites, "incr n");
        rewrites.disk.fault = () => undefined;
        rewrites.fixture.server.updateRestrictions();
        expect(await run(rewrites, "incr n")).toStartWith(`${REFUSED}Input/output error`);
        return rewrites;
      }

      test("is found in the rewrite that follows by itself", async () => {
        const rewrites = await failed();
        advance(rewrites, 100);
        await rewrites.settle();
        expect(await info(rewrites, "aof_rewrites")).toBe("1");
        await expectWell(rewrites, directives);
      });

      test("is found after appendonly no and yes", async () => {
        const rewrites = await failed();
        expect(await run(rewrites, "config set appendonly no")).toBe("+OK\r\n");
        expect(await run(rewrites, "incr off")).toBe(":1\r\n");
        expect(await run(rewrites, "config set appendonly yes")).toBe("+OK\r\n");
        await rewrites.settle();
        await expectWell(rewrites, directives);
      });
    });
  }
}

describe("a hole", () => {
  test("is mended by a rewrite that nobody asks for, while writes go on", async () => {
    const rewrites = await start("appendonly yes\nappendfsync no");
    await makeHole(rewrites);
    expect(await run(rewrites, "incr n")).toBe(":1\r\n");
    advance(rewrites, 100);
    expect(await run(rewrites, "incr n")).toBe(":2\r\n");
    await rewrites.settle();
    expect(await info(rewrites, "aof_rewrites")).toBe("2");
    await expectWell(rewrites, "appendonly yes");
  });

  for (const policy of ["always", "everysec"]) {
    test(`is mended once ${policy} would promise something`, async () => {
      const rewrites = await start("appendonly yes\nappendfsync no");
      await makeHole(rewrites);
      await run(rewrites, `config set appendfsync ${policy}`, "incr n");
      rewrites.fixture.server.updateRestrictions();
      expect(await run(rewrites, "incr n")).toStartWith(`${REFUSED}Input/output error`);
      advance(rewrites, 100);
      await rewrites.settle();
      await expectWell(rewrites, "appendonly yes");
    });
  }
});

test("while a manifest is not certain to be the old one, the old log takes nothing", async () => {
  const rewrites = await start("appendonly yes\nappendfsync always");
  const { disk, fixture } = rewrites;
  const log = `${FOLDER}appendonly.aof.1.incr.aof`;
  await run(rewrites, "incr n");
  let isInstalling = false;
  disk.observe = (phase, operation, path) => {
    if (phase === "after" && operation === "rename" && path.endsWith("manifest")) {
      isInstalling = true;
    }
  };
  disk.fault = (operation, path) =>
    path === log || (isInstalling && operation === "sync-directory") ? "EIO" : undefined;
  await run(rewrites, "incr n");
  rewrites.run("bgrewriteaof");
  await rewrites.settle();
  expect(isInstalling).toBe(true);
  expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("err");
  disk.fault = () => undefined;
  // Long enough for an attempt to recover, which is not made; then the next rewrite succeeds.
  fixture.server.durability.tick();
  fixture.clock.advance(1000);
  fixture.server.durability.tick();
  await rewrites.settle();
  expect(await run(rewrites, "incr n")).toStartWith(REFUSED);
  const images = Array.from({ length: 20 }, (_, seed) => disk.cutPower(new Xoshiro(seed)));
  for (const image of images) {
    const again = await start("appendonly yes", image);
    expect(["$1\r\n1\r\n", "$1\r\n2\r\n"]).toContain(again.run("get n"));
    await again.stop();
  }
  advance(rewrites, 100);
  await rewrites.settle();
  await expectWell(rewrites, "appendonly yes");
});

test("what an uncertain manifest may name is not written over", async () => {
  const rewrites = await start("appendonly yes\nappendfsync everysec");
  const { disk } = rewrites;
  await run(rewrites, "incr n");
  let isInstalling = false;
  disk.observe = (phase, operation, path) => {
    isInstalling ||= path.includes("temp-rewriteaof") && operation === "rename";
    isInstalling &&= phase !== "after" || operation !== "rename" || !path.endsWith("manifest");
  };
  let isRenamed = false;
  disk.fault = (operation, path) => {
    isRenamed ||= isInstalling && operation === "rename" && path.endsWith("manifest");
    return isRenamed && operation === "sync-directory" ? "EIO" : undefined;
  };
  rewrites.run("bgrewriteaof");
  for (let k = 0; k < 2000 && !isInstalling; k++) await rewrites.fixture.endTurn();
  await run(rewrites, "incr n");
  expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("err");
  expect(rewrites.manifest).toContain("2.base");
  disk.fault = (operation, path) =>
    operation === "write" && path.includes(".incr.aof") ? "ENOSPC" : undefined;
  await run(rewrites, "incr n");
  advance(rewrites, 100);
  const left: FaultyFileSystem[] = [];
  disk.observe = () => left.push(disk.killProcess());
  rewrites.run("bgrewriteaof");
  await rewrites.settle();
  disk.observe = () => {};
  expect(await info(rewrites, "aof_last_bgrewrite_status")).toBe("ok");
  for (const image of left) {
    const again = await start("appendonly yes", image);
    expect(["$1\r\n2\r\n", "$1\r\n3\r\n"]).toContain(again.run("get n"));
    await again.stop();
  }
  await expectWell(rewrites, "appendonly yes");
});

test("a plain file that is begun under a name that may not survive is mended", async () => {
  const rewrites = await start("aof /data/my.aof\nappendonly no\nappendfsync always");
  const { disk, fixture } = rewrites;
  await run(rewrites, "incr n");
  let isRenamed = false;
  disk.observe = (phase, operation, path) => {
    if (phase === "after" && operation === "rename") isRenamed = path.includes("temp-rewritten");
  };
  disk.fault = (operation) => (isRenamed && operation === "sync-directory" ? "EIO" : undefined);
  await run(rewrites, "config set appendonly yes");
  await rewrites.settle();
  expect(fixture.server.durability.isOn).toBe(true);
  expect(await info(rewrites, "aof_last_write_status")).toBe("err");
  fixture.server.updateRestrictions();
  expect(await run(rewrites, "incr n")).toStartWith(REFUSED);
  disk.fault = () => undefined;
  advance(rewrites, 100);
  await rewrites.settle();
  await expectWell(rewrites, "aof /data/my.aof\nappendonly yes");
});

test("attempts to mend a log go on every minute", async () => {
  const rewrites = await start("appendonly yes\nappendfsync no");
  const { disk } = rewrites;
  await run(rewrites, "incr n");
  await makeHole(rewrites);
  await run(rewrites, "config set appendfsync always", "incr n");
  disk.fault = (_, path) => (path.includes("temp-rewrite") ? "EIO" : undefined);
  const minutes = 20;
  for (let k = 0; k < minutes * 6; k++) {
    advance(rewrites, 10_000);
    await rewrites.settle();
  }
  // Three at once; then every minute, which is noticed ten seconds late here.
  const attempts = Number(await info(rewrites, "aof_rewrites"));
  expect(attempts).toBeGreaterThan(0.8 * minutes);
  expect(attempts).toBeLessThanOrEqual(minutes + 4);
  disk.fault = () => undefined;
  advance(rewrites, 61_000);
  await rewrites.settle();
  await expectWell(rewrites, "appendonly yes");
});

test("a log that another process writes to is left to it", async () => {
  class SharedDisk extends FaultyFileSystem {
    isShared = false;
    override openAppend(path: string) {
      const file = super.openAppend(path);
      return {
        ...file,
        write: (bytes: Uint8Array, start: number, end: number) =>
          this.isShared
            ? Promise.reject(new SharedFileError("Another process writes to the file"))
            : file.write(bytes, start, end),
      };
    }
  }
  const disk = new SharedDisk();
  const rewrites = await start("appendonly yes", disk);
  await run(rewrites, "incr n");
  disk.isShared = true;
  await run(rewrites, "incr n");
  const { manifest } = rewrites;
  expect(await run(rewrites, "bgrewriteaof")).toStartWith(
    "-ERR Can't execute an AOF background rewriting",
  );
  advance(rewrites, 1000);
  await rewrites.settle();
  expect(await info(rewrites, "aof_rewrites")).toBe("0");
  expect(rewrites.manifest).toBe(manifest);
  expect(await run(rewrites, "incr n")).toStartWith(REFUSED);
  await rewrites.stop();
});

test("a log that DEBUG LOADAOF has refused goes on once it is repaired and loaded", async () => {
  const rewrites = await start("appendonly yes");
  const { disk } = rewrites;
  await run(rewrites, "set a 1", "config set appendfsync always");
  const path = `${FOLDER}appendonly.aof.1.incr.aof`;
  const whole = disk.contentOf(path);
  const load = async () => {
    const peer = rewrites.fixture.connect();
    peer.send(request("debug loadaof"));
    for (let k = 0; k < 1000 && peer.transport.length === 0; k++) await rewrites.fixture.endTurn();
    return peer.transport.take();
  };
  const damaged = Buffer.from(whole);
  damaged[0] ^= 1;
  disk.put(path, damaged);
  expect(await load()).toStartWith("-ERR Error trying to load the AOF files");
  expect(await run(rewrites, "set a 2")).toStartWith(REFUSED);
  disk.put(path, whole);
  expect(await load()).toBe("+OK\r\n");
  expect(await run(rewrites, "append a 2", "get a")).toBe(":2\r\n$2\r\n12\r\n");
  await expectWell(rewrites, "appendonly yes");
});
