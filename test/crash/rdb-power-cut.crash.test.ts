// Power cuts and kills at every operation of SAVE, BGSAVE and the save of a shutdown, on a disk
// that fails now and then, each life replayable from its seed: what is left is the last snapshot
// that was said to be saved, whole, or the one that was under way, whole. RDB_LIVES=10000 runs the
// long version.

import { describe, expect, test } from "bun:test";
import { type Random, randomBelow, Xoshiro } from "../../src/base/random.ts";
import type { AppendFile } from "../../src/persistence/file-system.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";
import { loadBytes } from "../harness/rdb-bytes.ts";
import { requestOf, ServerFixture } from "../unit/server/server-fixture.ts";

const LIVES = Number(process.env.RDB_LIVES ?? 30);
const FIRST_SEED = Number(process.env.RDB_SEED ?? 1);

const FILE = "/data/dump.rdb";
const DIRECTIVES = "dir /data\nenable-debug-command yes\nstop-writes-on-bgsave-error no";
const NOTHING = "nothing";
/** The digest of a data set without keys. */
const NO_KEYS = `+${"0".repeat(40)}\r\n`;

/** What a snapshot file holds; throws where it is not whole. */
function digestOf(disk: FaultyFileSystem): string {
  if (!disk.exists(FILE)) return NOTHING;
  const fixture = new ServerFixture(DIRECTIVES);
  loadBytes(disk.contentOf(FILE), fixture);
  fixture.keyspace.verify();
  return fixture.connect().run("debug digest");
}

class Life {
  readonly #random: Random;
  readonly #disk: FaultyFileSystem;
  readonly #fixture: ServerFixture;
  readonly #peer;
  /** What the newest snapshot holds that was said to be saved; and what others may hold. */
  #saved = NOTHING;
  #possible = new Set<string>();
  /** What the snapshot under way will hold. */
  #digest = NOTHING;
  /** Disks as crashes would leave them, with what may be on them. */
  readonly #left: { readonly disk: FaultyFileSystem; readonly possible: Set<string> }[] = [];

  constructor(seed: number, disk: FaultyFileSystem) {
    this.#random = new Xoshiro(seed);
    this.#disk = disk;
    disk.put("/data/other", Buffer.alloc(0));
    disk.partial = (length) => randomBelow(this.#random, length + 1);
    const withFaults = this.#chance(2);
    disk.fault = () => {
      this.#crash();
      return withFaults && this.#chance(12) ? "EIO" : undefined;
    };
    this.#fixture = new ServerFixture(`${DIRECTIVES}\nsave 3600 1`, seed, disk);
    this.#fixture.clock.tickUs = 30;
    this.#peer = this.#fixture.connect();
  }

  #chance(oneIn: number): boolean {
    return randomBelow(this.#random, oneIn) === 0;
  }

  /** Notes what crashes at this moment would leave. */
  #crash(): void {
    const possible = new Set([this.#saved, ...this.#possible]);
    this.#left.push({ disk: this.#disk.cutPower(this.#random), possible });
    this.#left.push({ disk: this.#disk.killProcess(), possible });
  }

  async run(): Promise<void> {
    for (let round = 2 + randomBelow(this.#random, 3); round > 0; round--) {
      this.#change();
      this.#disk.slowWrites = this.#chance(3);
      this.#digest = this.#peer.run("debug digest");
      this.#possible.add(this.#digest);
      if (await this.#save()) {
        this.#saved = this.#digest;
        this.#possible.clear();
      }
      this.#crash();
    }
    for (const { disk, possible } of this.#left) {
      const digest = digestOf(disk);
      if (!possible.has(digest)) throw new Error(`a crash leaves ${digest}`);
    }
  }

  async #save(): Promise<boolean> {
    const { snapshots } = this.#fixture.server;
    switch (randomBelow(this.#random, 4)) {
      case 0:
        this.#disk.slowWrites = false;
        return this.#peer.run("save") === "+OK\r\n";
      case 1:
        this.#disk.slowWrites = false;
        return this.#fixture.server.saveBeforeExit({ save: "save", now: false, force: false });
    }
    this.#disk.holdSyncs = this.#chance(3);
    this.#peer.run("bgsave");
    for (let isGivenUp = false; snapshots.isSaving; ) {
      this.#change();
      if (this.#chance(3)) this.#disk.finishSyncs();
      if (!isGivenUp && this.#chance(12)) {
        isGivenUp = true;
        this.#flush();
        this.#peer.run("bgsave");
      }
      await new Promise((go) => setTimeout(go, 1));
    }
    return this.#fixture.server.persistence.rdbLastSaveOk;
  }

  /** Gives the snapshot up that is under way, for an empty one; the next one is of nothing, too. */
  #flush(): void {
    this.#possible.add(NO_KEYS);
    this.#peer.run("flushall");
    this.#digest = NO_KEYS;
  }

  #change(): void {
    for (let k = randomBelow(this.#random, 40); k >= 0; k--) {
      const key = `k${randomBelow(this.#random, 300)}`;
      const value = "v".repeat(randomBelow(this.#random, 400));
      this.#peer.send(requestOf("set", key, value + randomBelow(this.#random, 1000)));
    }
    this.#peer.transport.take();
  }
}

async function simulate(seed: number, disk = new FaultyFileSystem()): Promise<void> {
  try {
    await new Life(seed, disk).run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${reason}`, { cause: error });
  }
}

test(`a crash leaves the old snapshot or the new one, in ${LIVES} lives`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + LIVES; seed++) await simulate(seed);
}, 3_600_000);

/** A disk whose files are altered by a planted bug. */
class AlteredDisk extends FaultyFileSystem {
  readonly #alter: (file: AppendFile) => Partial<AppendFile>;

  constructor(alter: (file: AppendFile) => Partial<AppendFile>) {
    super();
    this.#alter = alter;
  }

  override openAppend(path: string): AppendFile {
    const file = super.openAppend(path);
    return { ...file, ...this.#alter(file) };
  }
}

class UnsyncedDirectory extends FaultyFileSystem {
  override syncDirectory(): void {}
}

/** The file is put in its place with its last bytes still to be written. */
class EarlyRename extends FaultyFileSystem {
  override openAppend(path: string): AppendFile {
    const file = super.openAppend(path);
    const install = () => {
      if (this.exists(path)) super.rename(path, FILE);
    };
    return {
      ...file,
      syncNow: () => {
        install();
        file.syncNow();
      },
      sync: () => {
        install();
        return file.sync();
      },
    };
  }

  override rename(from: string, to: string): void {
    if (this.exists(from)) super.rename(from, to);
  }
}

async function brokenLives(make: () => FaultyFileSystem, lives = 20): Promise<number> {
  let broken = 0;
  for (let seed = 1; seed <= lives; seed++) await simulate(seed, make()).catch(() => broken++);
  return broken;
}

describe("the simulation notices", () => {
  const bugs: readonly (readonly [string, () => FaultyFileSystem])[] = [
    [
      "a sync that does nothing",
      () => new AlteredDisk(() => ({ syncNow: () => {}, sync: () => Promise.resolve() })),
    ],
    ["a directory that is never synced", () => new UnsyncedDirectory()],
    ["an exchange before the sync", () => new EarlyRename()],
    [
      "a failed write that is taken for a success",
      () =>
        new AlteredDisk((file) => ({
          write: (bytes, start, end) => {
            file.write(bytes, start, end)?.catch(() => {});
            return undefined;
          },
        })),
    ],
  ];
  for (const [what, make] of bugs) {
    test(what, async () => expect(await brokenLives(make)).toBeGreaterThan(0), 30_000);
  }

  test("nothing where there is nothing", async () => {
    expect(await brokenLives(() => new AlteredDisk(() => ({})))).toBe(0);
  }, 30_000);
});
