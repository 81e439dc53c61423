// The log cut at every offset and with every byte flipped: an exact prefix is recovered, or the
// start is refused and says where. Never a crash, never silently something else.

import { beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { AppendOnlyFile } from "../../src/persistence/aof.ts";
import { AofError } from "../../src/persistence/aof-files.ts";
import { AofLoader } from "../../src/persistence/aof-load.ts";
import {
  encode,
  encodeUnit,
  loadSnapshot,
  note,
  recover,
  type Unit,
} from "../harness/crash-simulation.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";

const PATH = "/data/redis.aof";

const UNITS: Unit[] = [];
for (let k = 0; k < 40; k++) {
  const commands = [["SET", `key:${k}`, "\r\n$5\r\n".repeat(k % 7)]];
  if (k % 5 === 4) commands.push(["INCR", "n"], ["SET", "", "\x00\xff".repeat(60)]);
  UNITS.push({ dbIndex: k % 8 === 7 ? 1 : 0, commands });
}

/** The log as Redis writes it, built independently of our writer, and where each unit ends. */
function plainLog(encodes = encodeUnit): { bytes: Buffer; ends: number[]; notes: string[][] } {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  const notes: string[][] = [];
  let length = 0;
  let dbIndex = -1;
  const push = (bytes: Buffer) => {
    parts.push(bytes);
    length += bytes.length;
  };
  for (const unit of UNITS) {
    if (unit.dbIndex !== dbIndex) push(encode(["SELECT", String(unit.dbIndex)]));
    dbIndex = unit.dbIndex;
    push(encodes(unit));
    ends.push(length);
    notes.push(unit.commands.map((command) => note(dbIndex, command)));
  }
  return { bytes: Buffer.concat(parts), ends, notes };
}

/** The same as our writer writes it, closed properly, so that checksums cover all of it. */
async function ourLog(): Promise<Buffer> {
  const fileSystem = new FaultyFileSystem();
  fileSystem.put(PATH, Buffer.alloc(0));
  const aof = new AppendOnlyFile({
    fileSystem,
    clock: systemClock,
    logger: silentLogger,
    policy: "no",
  });
  aof.open({
    path: PATH,
    size: 0,
    uncoveredBytes: 0,
    uncoveredCrc: 0,
    earlierBytes: 0,
    baseBytes: 0,
  });
  for (const unit of UNITS) {
    const bytes = encodeUnit(unit);
    aof.append(unit.dbIndex, bytes, 0, bytes.length);
    aof.endOfTurn();
  }
  await aof.close();
  return fileSystem.contentOf(PATH);
}

function diskWith(content: Uint8Array): FaultyFileSystem {
  const fileSystem = new FaultyFileSystem();
  fileSystem.put(PATH, content);
  return fileSystem;
}

let plain: ReturnType<typeof plainLog>;
let ours: Buffer;

beforeAll(async () => {
  plain = plainLog();
  ours = await ourLog();
});

/** The notes of the first `count` units. */
function notesOf(count: number): string[] {
  return plain.notes.slice(0, count).flat();
}

/** Cuts a log at every offset; throws unless exactly the units before it are recovered. */
async function cutEverywhere({ bytes, ends }: ReturnType<typeof plainLog>): Promise<void> {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const disk = diskWith(bytes.subarray(0, cut));
    const { commands, loader } = await recover(disk, PATH);
    const whole = ends.filter((end) => end <= cut).length;
    expect(commands).toEqual(notesOf(whole));
    const size = disk.contentOf(PATH).length;
    expect(size).toBe(loader.files.parts[0].size);
    // A SELECT behind the last unit may stay.
    expect(size).toBeGreaterThanOrEqual(ends[whole - 1] ?? 0);
    expect(size).toBeLessThanOrEqual(cut);
  }
}

describe("a log cut off", () => {
  test("at every offset recovers exactly the units before it and is cut to them", async () => {
    await cutEverywhere(plain);
  });

  test("at every offset would not pass if units were not recovered as a whole", async () => {
    const torn = plainLog(({ commands }) => Buffer.concat(commands.map(encode)));
    await expect(cutEverywhere(torn)).rejects.toThrow();
  });

  test("at every offset, with checksum lines, recovers exactly the units before it", async () => {
    let recovered = 0;
    for (let cut = 0; cut <= ours.length; cut++) {
      const { commands } = await recover(diskWith(ours.subarray(0, cut)), PATH);
      expect(commands).toEqual(notesOf(UNITS.length).slice(0, commands.length));
      expect(commands.length).toBeGreaterThanOrEqual(recovered);
      recovered = commands.length;
    }
    expect(recovered).toBe(notesOf(UNITS.length).length);
  });

  test("at every offset can be appended to and loaded again", async () => {
    for (let cut = 0; cut <= ours.length; cut += 3) {
      const disk = diskWith(ours.subarray(0, cut));
      const { commands, loader } = await recover(disk, PATH);
      const aof = new AppendOnlyFile({
        fileSystem: disk,
        clock: systemClock,
        logger: silentLogger,
        policy: "no",
      });
      aof.open(await loader.position());
      const bytes = encode(["SET", "after", "x".repeat(5000)]);
      aof.append(0, bytes, 0, bytes.length);
      aof.endOfTurn();
      await aof.close();
      const again = await recover(disk, PATH);
      expect(again.commands).toEqual([...commands, note(0, ["SET", "after", "x".repeat(5000)])]);
    }
  });

  test("is refused, untouched, with aof-load-truncated no", async () => {
    const disk = diskWith(plain.bytes.subarray(0, plain.bytes.length - 3));
    const loader = await AofLoader.open({
      fileSystem: disk,
      logger: silentLogger,
      clock: systemClock,
      loadSnapshot,
      path: PATH,
      directory: "",
      directoryName: "",
      fileName: "",
      loadTruncated: false,
    });
    const refusal = await loader.scan().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AofError);
    expect((refusal as AofError).message).toStartWith(
      `Unexpected end of file reading the append only file ${PATH}`,
    );
    expect(disk.contentOf(PATH).length).toBe(plain.bytes.length - 3);
  });
});

/** Loads a damaged log; the commands, or the refusal's message. */
async function attempt(content: Uint8Array): Promise<string[] | string> {
  try {
    return (await recover(diskWith(content), PATH)).commands;
  } catch (error) {
    if (error instanceof AofError) return error.message;
    throw error;
  }
}

describe("a log with one byte flipped", () => {
  test("is refused naming the offset, or recovered exactly, where checksums cover it", async () => {
    const all = notesOf(UNITS.length);
    let refused = 0;
    for (let at = 0; at < ours.length; at++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const damaged = Buffer.from(ours);
        damaged[at] ^= mask;
        const result = await attempt(damaged);
        if (typeof result === "string") {
          refused++;
          expect(result).toStartWith(
            `Bad file format reading the append only file ${PATH} at offset`,
          );
        } else {
          expect(result).toEqual(all.slice(0, result.length));
        }
      }
    }
    expect(refused).toBeGreaterThan(ours.length * 7.8);
  });

  test("never crashes the loader where nothing covers it", async () => {
    const all = notesOf(UNITS.length);
    let different = 0;
    for (let at = 0; at < plain.bytes.length; at++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = Buffer.from(plain.bytes);
        damaged[at] ^= mask;
        const result = await attempt(damaged);
        if (typeof result === "string") expect(result).toContain("at offset");
        else if (!Bun.deepEquals(result, all.slice(0, result.length))) different++;
      }
    }
    // So it is the checksums that the test before this one sees at work.
    expect(different).toBeGreaterThan(plain.bytes.length);
  });
});

test("a length that points behind the end is damage only if a checksum line follows", async () => {
  const flip = (log: Buffer) => {
    const damaged = Buffer.from(log);
    damaged[damaged.lastIndexOf("$120\r\n") + 1] = "9".charCodeAt(0);
    return damaged;
  };
  expect(await attempt(flip(ours))).toContain("a length points behind the end of the file");
  // Without, it cannot be told from a torn tail, and Redis cuts it off as well.
  expect(await attempt(flip(plain.bytes))).toEqual(notesOf(UNITS.length - 1));
});
