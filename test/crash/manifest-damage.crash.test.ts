// The manifest of a log cut at every offset and with every bit flipped: all of the log is found, or
// the start is refused, or what is not loaded is named in the log and still there.

import { expect, test } from "bun:test";
import { LOG_WARNING } from "../../src/base/log.ts";
import { AofError } from "../../src/persistence/aof-files.ts";
import { AofLoader } from "../../src/persistence/aof-load.ts";
import { encode, loadOptions } from "../harness/crash-simulation.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";

const FOLDER = "/data/appendonlydir";
const MANIFEST = `${FOLDER}/appendonly.aof.manifest`;
const FILES = ["base.aof", "incr.aof", "incr.aof"].map(
  (kind, k) => `appendonly.aof.${[2, 3, 4][k]}.${kind}`,
);
const WHOLE = Buffer.from(
  FILES.map((name, k) => `file ${name} seq ${k + 2} type ${k === 0 ? "b" : "i"}\n`).join(""),
);

function diskWith(manifest: Uint8Array): FaultyFileSystem {
  const disk = new FaultyFileSystem();
  FILES.forEach((name, k) => {
    disk.put(`${FOLDER}/${name}`, encode(["SET", `k${k}`, "v"]));
  });
  disk.put(MANIFEST, manifest);
  return disk;
}

/** What becomes of a start: "whole", "refused: reason", or the warnings that are heard. */
async function start(disk: FaultyFileSystem, hears = true): Promise<string> {
  const warnings: string[] = [];
  const logger = {
    log: (level: number, line: string) => {
      if (level === LOG_WARNING && hears) warnings.push(line);
    },
  };
  let count = 0;
  try {
    const loader = await AofLoader.open({ ...loadOptions(disk), logger });
    await loader.scan();
    await loader.apply(() => {
      count++;
      return true;
    });
    await loader.position();
    // A rewrite would not use a name that is in use.
    expect(FILES).not.toContain(loader.files.nextIncrement().name);
  } catch (error) {
    if (error instanceof AofError) return `refused: ${error.lines.at(-1)}`;
    throw error;
  }
  return count === FILES.length ? "whole" : warnings.join();
}

async function check(what: string, manifest: Uint8Array, hears = true): Promise<void> {
  const disk = diskWith(manifest);
  const outcome = await start(disk, hears);
  if (outcome === "whole" || /^refused: .+/.test(outcome)) return;
  expect([what, outcome]).toEqual([what, expect.stringContaining("does not name")]);
  for (const name of FILES) expect([what, disk.exists(`${FOLDER}/${name}`)]).toEqual([what, true]);
}

test("a manifest cut at every offset", async () => {
  expect(await start(diskWith(WHOLE))).toBe("whole");
  for (let end = 0; end < WHOLE.length; end++) await check(`cut to ${end}`, WHOLE.subarray(0, end));
});

test("a manifest with every bit flipped, and every byte turned over", async () => {
  for (let at = 0; at < WHOLE.length; at++) {
    for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const damaged = Buffer.from(WHOLE);
      damaged[at] ^= mask;
      await check(`byte ${at} xor ${mask}`, damaged);
    }
  }
});

test("the check would notice a file that is left out in silence", async () => {
  const end = WHOLE.indexOf("file", 1);
  await check("cut behind the first line", WHOLE.subarray(0, end));
  await expect(check("cut behind the first line", WHOLE.subarray(0, end), false)).rejects.toThrow();
});

test("an increment that became history is not removed with what it holds", async () => {
  const text = WHOLE.toString().replace(/i\n$/, "h\n");
  const disk = diskWith(Buffer.from(text));
  expect(await start(disk)).toStartWith("refused: ");
  expect(disk.exists(`${FOLDER}/${FILES[2]}`)).toBe(true);
});
