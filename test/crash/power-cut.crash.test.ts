// Power cuts and kills at the disk's operations, in the lives that harness/server-life.ts leads:
// whatever is left, a start finds what was promised. Each life is replayable from its seed.
// POWER_CUTS=100000 runs the long version, POWER_CUT_SEED=n begins with another life.

import { describe, expect, test } from "bun:test";
import { AppendOnlyFile } from "../../src/persistence/aof.ts";
import { AppendBuffer } from "../../src/persistence/append-buffer.ts";
import type { FaultyFileSystem } from "../harness/faulty-file-system.ts";
import {
  AlteredDisk,
  EarlyRename,
  UnsyncedDirectory,
  unnoticedWrites,
  unsynced,
  withBug,
} from "../harness/planted-bugs.ts";
import { type LifeOptions, leadLife, noFigures } from "../harness/server-life.ts";
import { request } from "../unit/server/server-fixture.ts";

const IS_LONG = process.env.POWER_CUTS !== undefined;
const POWER_CUTS = Number(process.env.POWER_CUTS ?? 1200);
const FIRST_SEED = Number(process.env.POWER_CUT_SEED ?? 1);

test(`${POWER_CUTS} power cuts leave what was promised`, async () => {
  const figures = noFigures();
  const startMs = performance.now();
  let seed = FIRST_SEED;
  const broken: string[] = [];
  for (; figures.powerCuts < POWER_CUTS; seed++) {
    await leadLife(seed, figures).catch((error: Error) => {
      broken.push(error.message);
      if (IS_LONG) console.log(error.message);
    });
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  if (IS_LONG) console.log(`seeds ${FIRST_SEED} to ${seed - 1}, ${seconds} s:`, figures);
  expect(broken).toEqual([]);
  expect(Math.min(figures.kills, figures.rewrites, figures.saves, figures.switches)).toBePositive();
}, 14_400_000);

// Each has a test of its own for what it found: a seed leads to another life once the simulation is
// given more to do.
describe("a life that once broke a promise", () => {
  const lives: readonly (readonly [number, string])[] = [
    [111, "always was chosen after a sync had failed with no, and promised what followed the hole"],
    [20110, "FLUSHALL saved, so that nothing counted as changed"],
    [
      20193,
      "a start executed the log's FLUSHALL and put an empty snapshot in the good one's place",
    ],
    [515, "FLUSHALL in a transaction saved the half of it"],
    [600088, "FLUSHALL in a transaction saved the half of it, without a log"],
    [372, "a plain file that was begun had a name that did not survive, and said so"],
    [600234, "the same, found by a later snapshot's sync of the directory"],
    [218, "a rewrite wrote over a base that an uncertain manifest named"],
    [600145, "the same, with a log that failed and recovered in between"],
    [600384, "a sync failed with always before what no had written was on the disk"],
  ];
  for (const [seed, what] of lives) {
    test(`${seed}: ${what}`, () => leadLife(seed, noFigures()), 60_000);
  }
});

/** Whether one of the first lives ends with a broken promise. */
async function isNoticed(options: LifeOptions = {}, lives = 60): Promise<boolean> {
  for (let seed = 1; seed <= lives; seed++) {
    const isBroken = await leadLife(seed, noFigures(), options).then(
      () => false,
      () => true,
    );
    if (isBroken) return true;
  }
  return false;
}

describe("the simulation notices", () => {
  const bugs: readonly (readonly [string, () => FaultyFileSystem])[] = [
    ["a sync that does nothing", unsynced("")],
    ["a log that is not synced", unsynced(".incr.")],
    ["a base that is not synced", unsynced("temp-rewriteaof")],
    ["a manifest that is not synced", unsynced(".manifest")],
    ["a snapshot that is not synced", unsynced("/data/temp-")],
    ["a directory that is never synced", () => new UnsyncedDirectory()],
    ["an exchange before the sync", () => new EarlyRename()],
    ["a failed write that is taken for a success", unnoticedWrites],
  ];
  for (const [what, makeDisk] of bugs) {
    test(what, async () => expect(await isNoticed({ makeDisk })).toBe(true), 60_000);
  }

  test("effects that go to the file before, though the snapshot has them not", async () => {
    expect(await withBug(AppendBuffer.prototype, "split", () => {}, isNoticed)).toBe(true);
  }, 60_000);

  test("a plain file whose tail is copied from too far on", async () => {
    const { markTail } = AppendOnlyFile.prototype;
    const bug = function (this: AppendOnlyFile) {
      return markTail.call(this) + request("incrby count 1").length;
    };
    expect(await withBug(AppendOnlyFile.prototype, "markTail", bug, isNoticed)).toBe(true);
  }, 60_000);

  test("nothing where there is nothing", async () => {
    expect(await isNoticed({ makeDisk: () => new AlteredDisk(() => ({})) }, 4)).toBe(false);
  }, 60_000);
});
