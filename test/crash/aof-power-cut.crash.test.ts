// Simulated power cuts, kills and disk faults, each replayable from its seed, and planted bugs that
// the simulation must notice. AOF_LIVES=100000 runs the long version.

import { describe, expect, test } from "bun:test";
import type { AppendFile, FileSystem } from "../../src/persistence/file-system.ts";
import { type SimulationHooks, simulateLife } from "../harness/crash-simulation.ts";
import type { FaultyFileSystem } from "../harness/faulty-file-system.ts";

const LIVES = Number(process.env.AOF_LIVES ?? 4000);
const FIRST_SEED = Number(process.env.AOF_SEED ?? 1);

/** A disk whose append files are altered. */
function altered(alter: (file: AppendFile) => Partial<AppendFile>): SimulationHooks {
  const wrap = (disk: FaultyFileSystem): FileSystem => {
    const wrapped = Object.create(disk) as FileSystem;
    wrapped.openAppend = (path) => {
      const file = disk.openAppend(path);
      return { ...file, ...alter(file) };
    };
    // Private fields are reached through the disk itself only.
    for (const name of ["exists", "isDirectory", "list", "makeDirectory", "openRead"] as const) {
      wrapped[name] = disk[name].bind(disk) as never;
    }
    for (const name of ["create", "rename", "remove", "syncDirectory"] as const) {
      wrapped[name] = disk[name].bind(disk) as never;
    }
    wrapped.syncDirectoryInBackground = async (path) => wrapped.syncDirectory(path);
    return wrapped;
  };
  return { wrap };
}

/** How many of the first lives end with a broken promise. */
async function brokenLives(hooks: SimulationHooks, lives = 300): Promise<number> {
  let broken = 0;
  for (let seed = 1; seed <= lives; seed++) {
    await simulateLife(seed, hooks).catch(() => broken++);
  }
  return broken;
}

describe("the append-only file on a faulty disk", () => {
  test(`recovers an exact prefix with everything promised in ${LIVES} lives`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + LIVES; seed++) await simulateLife(seed);
  }, 3_600_000);

  test("a harmless wrapper breaks nothing", async () => {
    expect(await brokenLives(altered(() => ({})))).toBe(0);
  });
});

describe("the simulation notices", () => {
  test("a sync that does nothing", async () => {
    const hooks = altered(() => ({ syncNow: () => {}, sync: () => Promise.resolve() }));
    expect(await brokenLives(hooks)).toBeGreaterThan(0);
  });

  test("a failed sync that is taken for a success", async () => {
    const hooks = altered((file) => ({
      syncNow: () => {
        try {
          file.syncNow();
        } catch {
          // The planted bug.
        }
      },
      sync: () => file.sync().catch(() => {}),
    }));
    expect(await brokenLives(hooks)).toBeGreaterThan(0);
  });

  test("a failed sync that is repeated until it succeeds", async () => {
    const repeat = (file: AppendFile): void => {
      for (let attempt = 0; ; attempt++) {
        try {
          return file.syncNow();
        } catch (error) {
          if (attempt === 20) throw error;
        }
      }
    };
    const hooks = altered((file) => ({ syncNow: () => repeat(file) }));
    expect(await brokenLives({ ...hooks, policy: "always" })).toBeGreaterThan(0);
  });

  test("a failed write that is not cut back", async () => {
    const hooks = altered(() => ({ truncate: () => {} }));
    expect(await brokenLives(hooks)).toBeGreaterThan(0);
  });

  test("a failed write that is taken for a success", async () => {
    const hooks = altered((file) => ({
      write: (bytes, start, end) => {
        file.write(bytes, start, end)?.catch(() => {});
        return undefined;
      },
    }));
    expect(await brokenLives(hooks)).toBeGreaterThan(0);
  });

  test("a directory that is never synced", async () => {
    const hooks = altered(() => ({}));
    const wrap = (disk: FaultyFileSystem): FileSystem => {
      const wrapped = hooks.wrap?.(disk) ?? disk;
      wrapped.syncDirectory = () => {};
      return wrapped;
    };
    expect(await brokenLives({ wrap, policy: "always" })).toBeGreaterThan(0);
  });
});
