// One life of an append-only file on a faulty disk, from a seed: turns of effects under a policy,
// faults, time passing, then a crash; afterwards the log is loaded from what survived and must hold
// an exact prefix of what was appended, whole units only, and everything that was promised.

import { ManualClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type Random, randomBelow, Xoshiro } from "../../src/base/random.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { AppendOnlyFile, type FsyncPolicy } from "../../src/persistence/aof.ts";
import { AofLoader, type LoadSnapshot } from "../../src/persistence/aof-load.ts";
import type { FileSystem } from "../../src/persistence/file-system.ts";
import { loadRdb } from "../../src/persistence/rdb-file.ts";
import { FaultyFileSystem } from "./faulty-file-system.ts";

/** A unit of effects: it is recovered as a whole or not at all. */
export interface Unit {
  dbIndex: number;
  commands: string[][];
}

export interface Recovered {
  /** Every command executed, with its database. */
  commands: string[];
  loader: AofLoader;
}

export function encode(args: readonly string[]): Buffer {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return Buffer.from(text, "latin1");
}

/** The bytes that `Effects` hands to a sink for a unit. */
export function encodeUnit(unit: Unit): Buffer {
  const commands = unit.commands.map(encode);
  if (commands.length === 1) return commands[0];
  return Buffer.concat([encode(["MULTI"]), ...commands, encode(["EXEC"])]);
}

/** How a command is noted once it has been executed on a database. */
export function note(dbIndex: number, args: readonly string[]): string {
  return `${dbIndex} ${args.join(" ")}`;
}

/** Loads a snapshot into a keyspace that is of no further interest. */
export const loadSnapshot: LoadSnapshot = (file) =>
  loadRdb(file, {
    keyspace: new Keyspace(16, new Xoshiro(1), new Xoshiro(2)),
    clock: new ManualClock(0),
    dropsExpired: false,
    verifiesChecksum: true,
  });

export function loadOptions(fileSystem: FileSystem, path?: string) {
  return {
    fileSystem,
    logger: silentLogger,
    clock: new ManualClock(0),
    loadSnapshot,
    path,
    directory: "/data",
    directoryName: "appendonlydir",
    fileName: "appendonly.aof",
    loadTruncated: true,
  };
}

/** Loads a log and notes what it executes. */
export async function recover(fileSystem: FileSystem, path?: string): Promise<Recovered> {
  const loader = await AofLoader.open(loadOptions(fileSystem, path));
  await loader.scan();
  const commands: string[] = [];
  let dbIndex = 0;
  await loader.apply((bytes, starts, ends, count) => {
    const args: string[] = [];
    for (let k = 0; k < count; k++) {
      args.push(Buffer.from(bytes.subarray(starts[k], ends[k])).toString("latin1"));
    }
    if (args[0] === "SELECT") dbIndex = Number(args[1]);
    else commands.push(note(dbIndex, args));
    return true;
  });
  return { commands, loader };
}

/** Lets everything that waits for a promise go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a planted bug replaces, to prove that the simulation would notice it. */
export interface SimulationHooks {
  /** Wraps the disk that the log writes to. */
  wrap?: (fileSystem: FaultyFileSystem) => FileSystem;
  /** Only this policy. */
  policy?: FsyncPolicy;
}

const POLICIES: FsyncPolicy[] = ["always", "everysec", "no"];

class Life {
  readonly #random: Random;
  readonly #clock = new ManualClock(1_700_000_000_000);
  readonly #hooks: SimulationHooks;
  readonly #policy: FsyncPolicy;
  readonly #withFaults: boolean;
  readonly #path: string | undefined;
  #disk = new FaultyFileSystem();
  #number = 0;
  /** Notes of all commands in the log's order, and where each unit ends in that list. */
  #notes: string[] = [];
  #unitEnds: number[] = [];
  /** Commands that must survive. */
  #promised = 0;
  /** With `everysec`: how many commands had been appended when. */
  #timeline: { us: number; count: number }[] = [];
  #aof!: AppendOnlyFile;
  /** Callbacks of the log's own delays. */
  #delays: (() => void)[] = [];

  constructor(seed: number, hooks: SimulationHooks) {
    this.#random = new Xoshiro(seed);
    this.#hooks = hooks;
    this.#policy = hooks.policy ?? POLICIES[randomBelow(this.#random, 3)];
    this.#withFaults = this.#chance(2);
    this.#path = this.#chance(4) ? "/data/plain.aof" : undefined;
    this.#disk.put("/data/other", Buffer.alloc(0));
  }

  #chance(oneIn: number): boolean {
    return randomBelow(this.#random, oneIn) === 0;
  }

  async run(): Promise<void> {
    const lives = 1 + randomBelow(this.#random, 3);
    for (let life = 0; life < lives; life++) {
      await this.#start();
      const turns = 1 + randomBelow(this.#random, 24);
      for (let turn = 0; turn < turns; turn++) await this.#turn();
      const ending = randomBelow(this.#random, 4);
      const owed = this.#isSteady || ending === 1 ? this.#owed() : 0;
      if (ending === 0) await this.#stop();
      else if (ending === 1) this.#disk = this.#disk.killProcess();
      else this.#disk = this.#disk.cutPower(this.#random);
      await this.#verify(owed);
    }
  }

  async #start(): Promise<void> {
    const disk = this.#hooks.wrap?.(this.#disk) ?? this.#disk;
    const { loader } = await recover(disk, this.#path);
    this.#aof = new AppendOnlyFile({
      fileSystem: disk,
      clock: this.#clock,
      logger: silentLogger,
      policy: this.#policy,
      delay: (_, callback) => this.#delays.push(callback),
    });
    this.#delays = [];
    this.#aof.open(await loader.position());
    this.#disk.holdSyncs = this.#chance(2);
    this.#disk.slowWrites = this.#chance(4);
    this.#disk.partial = (length) => randomBelow(this.#random, length + 1);
    this.#disk.onSyncNow = () => this.#clock.advance(this.#chance(4) ? 30 : 0.2);
    this.#disk.fault = (operation) => {
      if (!this.#withFaults) return undefined;
      if (operation === "write" && this.#chance(8)) return "ENOSPC";
      if (operation === "sync" && this.#chance(6)) return "EIO";
      if (operation === "truncate" && this.#chance(4)) return "EIO";
      return undefined;
    };
    this.#timeline = [];
  }

  async #turn(): Promise<void> {
    if (this.#isSteady) {
      for (let tick = randomBelow(this.#random, 5); tick > 0; tick--) await this.#tick(100);
    } else {
      await this.#tick(randomBelow(this.#random, 400));
    }
    // The server refuses writes while the log is not writable; expiry goes on all the same.
    if (!this.#aof.writable && !this.#chance(4)) return;
    const units = 1 + randomBelow(this.#random, 4);
    for (let k = 0; k < units; k++) this.#appendUnit();
    const count = this.#notes.length;
    this.#timeline.push({ us: this.#clock.monotonicUs(), count });
    const outcome = this.#aof.endOfTurn();
    if (this.#policy !== "always") return;
    // Replies wait for everything before them, so a promise covers all of the log up to it.
    const promise = (durable: boolean) => {
      if (durable) this.#promised = Math.max(this.#promised, count);
    };
    if (typeof outcome === "boolean") promise(outcome);
    else outcome.then(promise);
    await settle();
  }

  /** Nothing keeps the log from meeting `everysec`'s deadline. */
  get #isSteady(): boolean {
    return !this.#withFaults && !this.#disk.holdSyncs && this.#policy === "everysec";
  }

  async #tick(ms: number): Promise<void> {
    this.#clock.advance(ms);
    if (this.#isSteady || this.#chance(3)) this.#aof.tick();
    if (this.#chance(2)) this.#disk.finishSyncs();
    if (this.#chance(2)) this.#delays.shift()?.();
    await settle();
  }

  #appendUnit(): void {
    const dbIndex = randomBelow(this.#random, 3);
    const commands: string[][] = [];
    const count = this.#chance(4) ? 2 + randomBelow(this.#random, 2) : 1;
    for (let k = 0; k < count; k++) {
      const value = "v".repeat(this.#chance(10) ? randomBelow(this.#random, 9000) : 3);
      commands.push(["SET", `k${this.#number++}`, value]);
      this.#notes.push(note(dbIndex, commands[k]));
    }
    this.#unitEnds.push(this.#notes.length);
    const bytes = encodeUnit({ dbIndex, commands });
    this.#aof.append(dbIndex, bytes, 0, bytes.length);
  }

  async #stop(): Promise<void> {
    this.#disk.holdSyncs = false;
    this.#disk.finishSyncs();
    if (await this.#aof.close()) this.#promised = this.#notes.length;
    this.#disk = this.#disk.cutPower(this.#random);
  }

  async #verify(owedByTime: number): Promise<void> {
    const { commands } = await recover(this.#disk, this.#path);
    const found = commands.length;
    for (let k = 0; k < found; k++) {
      if (commands[k] !== this.#notes[k]) {
        throw new Error(`command ${k} is "${commands[k].slice(0, 40)}", not "${this.#notes[k]}"`);
      }
    }
    if (found > 0 && !this.#unitEnds.includes(found)) throw new Error("half a unit was recovered");
    const owed = Math.max(this.#promised, owedByTime);
    if (found < owed) throw new Error(`${found} commands recovered, ${owed} promised`);
    // What survived is the log from now on.
    this.#notes.length = found;
    this.#unitEnds = this.#unitEnds.filter((end) => end <= found);
    this.#promised = found;
  }

  /**
   * What `everysec` owes: all but the newest 1.1 seconds, to a power cut where nothing is slow, and
   * to a killed process even if a sync hangs.
   */
  #owed(): number {
    if (this.#policy !== "everysec" || this.#withFaults) return 0;
    const limitUs = this.#clock.monotonicUs() - 1_100_000;
    let owed = 0;
    for (const { us, count } of this.#timeline) if (us <= limitUs) owed = count;
    return owed;
  }
}

/** Runs the life of a seed; throws, naming the seed, where the log broke a promise. */
export async function simulateLife(seed: number, hooks: SimulationHooks = {}): Promise<void> {
  try {
    await new Life(seed, hooks).run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${reason}`, { cause: error });
  }
}
