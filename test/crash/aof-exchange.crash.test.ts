// Our directory opens in the real servers and theirs here, and their checking tool finds no fault.

import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { AppendOnlyFile } from "../../src/persistence/aof.ts";
import { AofLoader } from "../../src/persistence/aof-load.ts";
import { diskFileSystem } from "../../src/persistence/file.ts";
import { encode, encodeUnit, loadOptions } from "../harness/crash-simulation.ts";
import { findOracle, type OracleName } from "../harness/oracle.ts";
import { ServerProcess } from "../harness/process.ts";
import { request, ServerFixture, START_MS } from "../unit/server/server-fixture.ts";

const ORACLES: OracleName[] = ["redis8", "valkey9", "redis7"];
const AOF = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];

const loaderOf = (directory: string) =>
  AofLoader.open({ ...loadOptions(diskFileSystem), clock: systemClock, directory });

/** Applies units to a log in a directory, as our server would. */
async function writeUnits(directory: string, units: string[][][]): Promise<void> {
  const loader = await loaderOf(directory);
  await loader.scan();
  await loader.apply(() => true);
  const aof = new AppendOnlyFile({
    fileSystem: diskFileSystem,
    clock: systemClock,
    logger: silentLogger,
    policy: "always",
  });
  aof.open(await loader.position());
  for (const commands of units) {
    const bytes = encodeUnit({ dbIndex: 0, commands });
    aof.append(0, bytes, 0, bytes.length);
    await aof.endOfTurn();
  }
  await aof.close();
}

/** The value of every key that the log sets. */
async function readValues(directory: string): Promise<Map<string, string>> {
  const loader = await loaderOf(directory);
  await loader.scan();
  const values = new Map<string, string>();
  await loader.apply((bytes, starts, ends, count) => {
    const text = (k: number) => Buffer.from(bytes.subarray(starts[k], ends[k])).toString("latin1");
    if (count >= 3 && text(0).toLowerCase() === "set") values.set(text(1), text(2));
    return true;
  });
  return values;
}

/** Has a server of ours, with a log with the times, write for so many seconds. */
async function writeSeconds(directory: string, seconds: number): Promise<void> {
  const directives = `port 0\ndir ${directory}\nappendonly yes\naof-timestamp-enabled yes`;
  const fixture = new ServerFixture(directives, 1, diskFileSystem);
  await fixture.server.start();
  const peer = fixture.connect();
  for (let second = 0; second < seconds; second++) {
    peer.send(request(`set a ${second}`, `set pad ${"x".repeat(3000)}`));
    peer.send(request("multi", "incr n", `set b ${second}`, "exec"));
    await fixture.endTurn();
    fixture.clock.advance(1000);
  }
  await fixture.server.stop();
}

const UNITS: string[][][] = [];
for (let k = 0; k < 300; k++) {
  const commands = [["SET", `key:${k}`, `value ${k} `.repeat(k % 20)]];
  if (k % 7 === 0) commands.push(["SET", `other:${k}`, "\r\n"], ["INCR", "count"]);
  UNITS.push(commands);
}

for (const name of ORACLES) {
  describe.skipIf(findOracle(name) === undefined)(`${name} and we`, () => {
    const launch = findOracle(name)!;
    const start = (directory: string) =>
      ServerProcess.start({
        ...launch,
        directory,
        command: (port, seen) => [...launch.command(port, seen), ...AOF],
      });
    const scratch = () => mkdtempSync(join(launch?.scratch ?? tmpdir(), "exchange-"));

    test("read each other's log, in turn", async () => {
      const directory = scratch();
      await writeUnits(directory, UNITS);
      {
        await using server = await start(directory);
        await using client = await server.connect();
        expect(await client.run("DBSIZE")).toBe(300 + 43 + 1);
        expect(await client.run("GET", "key:299")).toBe("value 299 ".repeat(19));
        expect(await client.run("GET", "count")).toBe("43");
        await client.run("SET", "theirs", "1");
        await client.run("MULTI");
        await client.run("SET", "theirs:2", "2");
        await client.run("SET", "theirs:3", "3");
        await client.run("EXEC");
      }
      const values = await readValues(directory);
      expect(values.size).toBe(300 + 43 + 3);
      expect(values.get("theirs:3")).toBe("3");
      // Ours again, behind what they appended; checksums go on over their bytes.
      await writeUnits(directory, [[["SET", "ours", "x".repeat(6000)]]]);
      expect((await readValues(directory)).get("ours")).toHaveLength(6000);
      {
        await using server = await start(directory);
        await using client = await server.connect();
        expect(await client.run("STRLEN", "ours")).toBe(6000);
        expect(await client.run("GET", "theirs:2")).toBe("2");
      }
      rmSync(directory, { recursive: true });
    }, 30_000);

    /** What their checking tool says of a log. */
    const checkLog = (directory: string, ...options: string[]): string => {
      const seen = directory.slice((launch.root ?? "").length);
      const command = launch.command(0, "");
      const program = command[command.findIndex((word) => word.endsWith("-server"))];
      const prefix = command.slice(0, command.indexOf(program));
      const manifest = join(seen, "appendonlydir", "appendonly.aof.manifest");
      const tool = program.replace("-server", "-check-aof");
      return Bun.spawnSync([...prefix, tool, ...options, manifest]).stdout.toString();
    };

    test("agree that the log is whole, by their checking tool", async () => {
      const directory = scratch();
      await writeUnits(directory, UNITS);
      expect(checkLog(directory)).toContain("All AOF files and manifest are valid");
      const file = join(directory, "appendonlydir", "appendonly.aof.1.incr.aof");
      const damaged = readFileSync(file);
      damaged[damaged.length >> 1] ^= 0xff;
      damaged[damaged.indexOf("\r\n$") + 2] ^= 1;
      await Bun.write(file, damaged);
      expect(checkLog(directory)).not.toContain("All AOF files and manifest are valid");
      rmSync(directory, { recursive: true });
    });

    test("can go back to a time, by their checking tool", async () => {
      const directory = scratch();
      await writeSeconds(directory, 10);
      const log = join(directory, "appendonlydir", "appendonly.aof.1.incr.aof");
      expect(readFileSync(log, "latin1")).toContain("\n#CRC:");
      const options = ["--truncate-to-timestamp", String(START_MS / 1000 + 5)];
      expect(checkLog(directory, ...options)).toContain("Successfully truncated AOF");
      expect(checkLog(directory)).toContain("All AOF files and manifest are valid");
      const values = await readValues(directory);
      expect(Object.fromEntries(["a", "b"].map((key) => [key, values.get(key)]))).toEqual({
        a: "5",
        b: "5",
      });
      // Ours goes on behind it, and both find the same.
      await writeUnits(directory, [[["SET", "c", "x".repeat(5000)]]]);
      expect((await readValues(directory)).get("c")).toHaveLength(5000);
      await using server = await start(directory);
      await using client = await server.connect();
      expect(await client.run("MGET", "a", "b", "n")).toEqual(["5", "5", "6"]);
      rmSync(directory, { recursive: true });
    }, 30_000);

    test("agree on what a torn tail leaves", async () => {
      const directory = scratch();
      await writeUnits(directory, UNITS);
      const file = join(directory, "appendonlydir", "appendonly.aof.1.incr.aof");
      const whole = readFileSync(file);
      const tail = encode(["SET", "torn", "value"]);
      await Bun.write(file, Buffer.concat([whole, tail.subarray(0, tail.length - 2)]));
      const copy = scratch();
      cpSync(directory, copy, { recursive: true });
      {
        await using server = await start(directory);
        await using client = await server.connect();
        expect(await client.run("EXISTS", "torn")).toBe(0);
      }
      expect((await readValues(copy)).has("torn")).toBe(false);
      const ours = readFileSync(join(copy, "appendonlydir", "appendonly.aof.1.incr.aof"));
      expect(ours).toEqual(whole);
      // They also drop comments behind the last command: only our last checksum line goes.
      expect(await readValues(directory)).toEqual(await readValues(copy));
      rmSync(directory, { recursive: true });
      rmSync(copy, { recursive: true });
    }, 30_000);

    test("open a log that they began", async () => {
      const directory = scratch();
      {
        await using server = await start(directory);
        await using client = await server.connect();
        await client.run("SET", "a", "1");
        await client.run("SET", "b", "2");
        await client.run("BGREWRITEAOF");
        await server.waitForLog("Background AOF rewrite finished successfully");
        await client.run("SET", "c", "3");
      }
      const folder = join(directory, "appendonlydir");
      expect(readdirSync(folder).some((file) => file.endsWith(".base.aof"))).toBe(true);
      const values = await readValues(directory);
      expect([...values.entries()].sort()).toEqual([
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ]);
      await writeUnits(directory, [[["SET", "d", "4"]]]);
      expect(existsSync(join(directory, "appendonly.aof"))).toBe(false);
      {
        await using server = await start(directory);
        await using client = await server.connect();
        expect(await client.run("MGET", "a", "b", "c", "d")).toEqual(["1", "2", "3", "4"]);
      }
      rmSync(directory, { recursive: true });
    }, 30_000);
  });
}
