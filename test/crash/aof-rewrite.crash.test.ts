// Power cuts and kills at the operations of rewrites, on a disk that fails now and then, is slow,
// or both, each life replayable from its seed: what a restart finds is an exact prefix of what was
// executed, and with `appendfsync always` everything that was acknowledged.
// AOF_REWRITE_LIVES=1000 runs the long version.

import { describe, expect, test } from "bun:test";
import { type Random, randomBelow, Xoshiro } from "../../src/base/random.ts";
import { AppendOnlyFile } from "../../src/persistence/aof.ts";
import { AppendBuffer } from "../../src/persistence/append-buffer.ts";
import type { AppendFile } from "../../src/persistence/file-system.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";
import { type Peer, request, ServerFixture } from "../unit/server/server-fixture.ts";

const LIVES = Number(process.env.AOF_REWRITE_LIVES ?? 10);
const FIRST_SEED = Number(process.env.AOF_REWRITE_SEED ?? 1);

const COMMON = "port 0\ndir /data\nenable-debug-command yes\nenable-protected-configs yes";
/** Members of collections that are taken in slices. */
const LARGE_MEMBERS = 600;
/** Crashes per life, at most. */
const CRASHES_MAX = 50;

/** What a crash leaves, and how much of what was executed must be there at least. */
interface Left {
  readonly disk: FaultyFileSystem;
  readonly promised: number;
}

class Life {
  readonly #random: Random;
  readonly #disk: FaultyFileSystem;
  readonly #fixture: ServerFixture;
  /** The same commands without a log. */
  readonly #model = new ServerFixture(COMMON).connect();
  readonly #isAlways: boolean;
  readonly #log: string;
  /** By the digest of the data: how many commands had been executed. */
  readonly #prefixes = new Map<string, number>();
  #executed = 0;
  #promised = 0;
  #peer!: Peer;
  /** For each request without a reply yet: what its reply will promise. */
  #awaited: number[] = [];
  readonly #left: Left[] = [];
  #number = 0;

  constructor(seed: number, disk: FaultyFileSystem) {
    this.#random = new Xoshiro(seed);
    this.#disk = disk;
    disk.put("/data/other", Buffer.alloc(0));
    disk.partial = (length) => randomBelow(this.#random, length + 1);
    this.#isAlways = !this.#chance(3);
    const policy = this.#isAlways ? "always" : this.#chance(2) ? "everysec" : "no";
    const preamble = this.#chance(2) ? "yes" : "no";
    this.#log = this.#chance(3) ? "aof /data/plain.aof" : "appendonly yes";
    const directives = `appendfsync ${policy}\naof-use-rdb-preamble ${preamble}`;
    this.#fixture = new ServerFixture(`${COMMON}\n${this.#log}\n${directives}`, seed, disk);
  }

  #chance(oneIn: number): boolean {
    return randomBelow(this.#random, oneIn) === 0;
  }

  async run(): Promise<void> {
    const { server } = this.#fixture;
    this.#notePrefix();
    await server.start();
    this.#peer = this.#fixture.connect();
    for (const name of ["zadd", "hset", "sadd"]) this.#fill(name);
    await this.#turns(3);
    const withFaults = this.#chance(2);
    this.#disk.fault = () => {
      if (this.#chance(server.rewriting.isActive ? 3 : 12)) this.#crash();
      return withFaults && this.#chance(15) ? (this.#chance(2) ? "EIO" : "ENOSPC") : undefined;
    };
    this.#fixture.clock.tickUs = 40;
    for (let round = 1 + randomBelow(this.#random, 3); round > 0; round--) await this.#round();
    this.#disk.fault = () => undefined;
    this.#disk.holdSyncs = false;
    this.#disk.finishSyncs();
    await this.#turns(4);
    this.#crash();
    await server.stop();
    for (const left of this.#left) await this.#verify(left);
  }

  async #round(): Promise<void> {
    const { rewriting } = this.#fixture.server;
    this.#disk.slowWrites = this.#chance(3);
    this.#disk.holdSyncs = this.#chance(2);
    await this.#turns(randomBelow(this.#random, 4));
    this.#fixture.connect().send(request("bgrewriteaof"));
    for (let turn = 0; turn < 60 && rewriting.isActive; turn++) {
      await this.#turns(1);
      await new Promise((go) => setTimeout(go, 1));
    }
    await this.#turns(randomBelow(this.#random, 3));
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      for (let k = randomBelow(this.#random, 3); k >= 0; k--) this.#change();
      if (this.#chance(2)) this.#disk.finishSyncs();
      for (let k = randomBelow(this.#random, 3); k >= 0; k--) await this.#fixture.endTurn();
      if (this.#chance(2)) this.#fixture.advance(300 * randomBelow(this.#random, 4));
      this.#takeReplies();
    }
  }

  #fill(name: string): void {
    const words = Array.from({ length: LARGE_MEMBERS }, (_, k) => {
      if (name === "zadd") return `${k % 50} m${k}`;
      return name === "hset" ? `m${k} v${k}` : `m${k}`;
    });
    this.#execute(`${name} ${name}:large ${words.join(" ")}`);
  }

  #change(): void {
    const n = this.#number++;
    const member = `m${randomBelow(this.#random, LARGE_MEMBERS)}`;
    const commands = [
      `set k${n % 20} ${n}`,
      `incrby count ${n + 1}`,
      `rpush list ${n}`,
      `hset hset:large ${member} ${n}`,
      `zadd zadd:large ${n} ${member}`,
      `srem sadd:large ${member}`,
      `sadd sadd:large n${n}`,
      `del k${(n + 7) % 20}`,
      `xadd stream ${n + 1}-1 n ${n}`,
    ];
    if (this.#chance(40)) commands.push("del zadd:large", "flushall");
    this.#execute(commands[randomBelow(this.#random, commands.length)]);
  }

  #execute(command: string): void {
    const { effects } = this.#fixture.server;
    if (this.#peer.transport.isClosed) {
      this.#awaited = [];
      this.#peer = this.#fixture.connect();
    }
    const before = effects.changes;
    this.#peer.send(request(command));
    if (effects.changes !== before) {
      this.#executed++;
      this.#model.run(command);
      this.#notePrefix();
    }
    this.#awaited.push(this.#executed);
  }

  #notePrefix(): void {
    this.#prefixes.set(this.#model.run("debug digest"), this.#executed);
  }

  #takeReplies(): void {
    for (const line of this.#peer.transport.take().split("\r\n")) {
      // The text of a bulk string has no mark of its own.
      if (!"+:$-".includes(line[0] ?? " ")) continue;
      const promised = this.#awaited.shift() ?? 0;
      if (this.#isAlways && line[0] !== "-") this.#promised = Math.max(this.#promised, promised);
    }
  }

  /** Notes what crashes at this moment would leave. */
  #crash(): void {
    if (this.#left.length >= CRASHES_MAX) return;
    this.#takeReplies();
    const promised = this.#promised;
    this.#left.push({ disk: this.#disk.cutPower(this.#random), promised });
    this.#left.push({ disk: this.#disk.killProcess(), promised });
  }

  async #verify({ disk, promised }: Left): Promise<void> {
    const fixture = new ServerFixture(`${COMMON}\n${this.#log}\nappendfsync no`, 1, disk);
    await fixture.server.start();
    fixture.verify();
    const found = this.#prefixes.get(fixture.connect().run("debug digest"));
    await fixture.server.stop();
    if (found === undefined) throw new Error("a restart finds what never was");
    if (found < promised) throw new Error(`${found} commands recovered, ${promised} promised`);
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

test(`a crash leaves a whole log, in ${LIVES} lives with rewrites`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + LIVES; seed++) await simulate(seed);
}, 3_600_000);

/** A disk whose files are altered by a planted bug. */
class AlteredDisk extends FaultyFileSystem {
  readonly #alter: (file: AppendFile, path: string) => Partial<AppendFile>;

  constructor(alter: (file: AppendFile, path: string) => Partial<AppendFile>) {
    super();
    this.#alter = alter;
  }

  override openAppend(path: string): AppendFile {
    const file = super.openAppend(path);
    return { ...file, ...this.#alter(file, path) };
  }
}

class UnsyncedDirectory extends FaultyFileSystem {
  override syncDirectory(): void {}
}

const NO_SYNC: Partial<AppendFile> = { syncNow: () => {}, sync: () => Promise.resolve() };

/** How many lives end with a broken promise; the first is enough. */
async function isNoticed(make: () => FaultyFileSystem, lives = 12): Promise<boolean> {
  for (let seed = 1; seed <= lives; seed++) {
    const isBroken = await simulate(seed, make()).then(
      () => false,
      () => true,
    );
    if (isBroken) return true;
  }
  return false;
}

describe("the simulation notices", () => {
  const bugs: readonly (readonly [string, () => FaultyFileSystem])[] = [
    ["a sync that does nothing", () => new AlteredDisk(() => NO_SYNC)],
    [
      "a base that is not synced",
      () => new AlteredDisk((_, path) => (path.includes("temp-rewriteaof") ? NO_SYNC : {})),
    ],
    [
      "a manifest that is not synced",
      () => new AlteredDisk((_, path) => (path.endsWith(".manifest") ? NO_SYNC : {})),
    ],
    ["a directory that is never synced", () => new UnsyncedDirectory()],
  ];
  for (const [what, make] of bugs) {
    test(what, async () => expect(await isNoticed(make)).toBe(true), 60_000);
  }

  test("effects that go to the file before, though the snapshot has them not", async () => {
    const { split } = AppendBuffer.prototype;
    AppendBuffer.prototype.split = () => {};
    try {
      expect(await isNoticed(() => new FaultyFileSystem())).toBe(true);
    } finally {
      AppendBuffer.prototype.split = split;
    }
  }, 60_000);

  test("a plain file whose tail is copied from too far on", async () => {
    const { markTail } = AppendOnlyFile.prototype;
    AppendOnlyFile.prototype.markTail = function (this: AppendOnlyFile) {
      return markTail.call(this) + request("incrby count 1").length;
    };
    try {
      expect(await isNoticed(() => new FaultyFileSystem())).toBe(true);
    } finally {
      AppendOnlyFile.prototype.markTail = markTail;
    }
  }, 60_000);
});
