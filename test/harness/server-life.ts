// Lives of whole servers on a disk that forgets, fails and is slow, each replayable from its seed:
// clients write while the log is rewritten, snapshots are saved, `appendonly` and `appendfsync` are
// changed, servers end properly, are killed or lose their power, and start again on what is left.
//
// At the disk's operations (before, amid and after them) it is noted what a power cut or a kill
// would leave just then. Every such disk is started from afterwards, from its log and from its
// snapshot, and must hold exactly what had been executed up to some command: none older than what
// was promised at the time.
//
// One loss is permitted: `appendfsync no` keeps nothing to write again, so a sync of the log that
// fails before what it wrote is on the disk leaves a hole in the file once more of it reaches the
// disk. A start after a power cut may refuse that file, unless something has been promised since.
//
// States are numbered in the order in which they came to be; those that a crash has undone keep
// their numbers, which are smaller than that of what was found instead. So "not older than" is a
// comparison of numbers, and an undone state that comes back is noticed.

import { type Random, randomBelow, Xoshiro } from "../../src/base/random.ts";
import { AofError } from "../../src/persistence/aof-files.ts";
import { type Peer, request, type ServerFixture } from "../unit/server/server-fixture.ts";
import { type DiskImage, FaultyFileSystem } from "./faulty-file-system.ts";
import { parseReply } from "./reply.ts";
import { modelPeer, SimulatedServer } from "./simulated-server.ts";

/** Members of a collection that is taken in slices. */
const LARGE_MEMBERS = 600;
/** What `everysec` may lose. */
const LOSS_MS_MAX = 1100;
/** Turns that background work is waited for. */
const PATIENCE_TURNS = 80;

type Policy = "always" | "everysec" | "no";
const POLICIES: readonly Policy[] = ["always", "always", "always", "everysec", "no"];

/** How a life is led; planted bugs vary it. */
export interface LifeOptions {
  readonly makeDisk?: () => FaultyFileSystem;
  /** One in so many of the disk's operations is cut short. */
  readonly oneIn?: number;
}

/** What became of lives. */
export interface LifeFigures {
  powerCuts: number;
  kills: number;
  /** Different disks that were started from. */
  starts: number;
  commands: number;
  rewrites: number;
  saves: number;
  switches: number;
}

/** A disk that a crash leaves, and the number of the oldest state that may be found on it. */
interface Left {
  readonly disk: FaultyFileSystem;
  promised: number;
  /** Where that was promised. */
  place: string;
  /** Its log has the hole that is permitted. */
  isHoled: boolean;
}

/** What some commands have made of another state. */
interface State {
  readonly unit: readonly string[];
  readonly parent: number;
}

/** Executed commands waiting for their promise to be due. */
interface Execution {
  readonly ms: number;
  readonly state: number;
}

class Life {
  readonly #random: Random;
  readonly #oneIn: number;
  readonly #figures: LifeFigures;
  readonly #withFaults: boolean;
  readonly #holdsSyncs: boolean;
  readonly #settings: string;
  readonly #isPlain: boolean;
  #disk: FaultyFileSystem;
  #appendOnly: boolean;
  #policy: Policy;
  readonly #simulated = new SimulatedServer();
  #peer!: Peer;
  /** The same commands without a log. */
  #model = modelPeer();
  readonly #history: State[] = [];
  /** The newest number of a state, by its digest. */
  readonly #states = new Map<string, number>();
  #state = -1;
  /** For each reply still to come: the state that it acknowledges. */
  #awaited: number[] = [];
  #acknowledged = 0;
  /** What the log, and the snapshot, must hold at least. */
  #logPromise = 0;
  #snapshotPromise = 0;
  /** The log has been whole since it was switched on. */
  #hasBegun = false;
  /** The state that a background save is of, and when the last one had ended by then. */
  #saving: { readonly state: number; readonly lastSaveMs: number } | undefined;
  #executions: Execution[] = [];
  readonly #leftLogs = new Map<bigint, Left>();
  readonly #leftSnapshots = new Map<bigint, Left>();
  /** The operation that the disk is at. */
  #place = "";
  /** The server ends amid a rewrite or save. */
  #isCutShort = false;
  /** Files with bytes that were written with `no` and may not be on the disk. */
  readonly #unkept = new Set<string>();
  /** Those of which a sync has failed, and what had been promised by then. */
  readonly #lossy = new Map<string, number>();
  #number = 0;
  #large = "";

  constructor(seed: number, options: LifeOptions, figures: LifeFigures) {
    this.#random = new Xoshiro(seed);
    this.#figures = figures;
    this.#oneIn = options.oneIn ?? 3;
    this.#disk = (options.makeDisk ?? (() => new FaultyFileSystem()))();
    this.#disk.put("/data/other", Buffer.alloc(0));
    this.#withFaults = this.#chance(2);
    this.#holdsSyncs = this.#chance(2);
    this.#isPlain = this.#chance(4);
    this.#appendOnly = this.#isPlain || !this.#chance(4);
    this.#policy = POLICIES[randomBelow(this.#random, POLICIES.length)];
    const yesOrNo = (oneIn: number) => (this.#chance(oneIn) ? "no" : "yes");
    this.#settings = `aof-use-rdb-preamble ${yesOrNo(2)}
aof-timestamp-enabled ${yesOrNo(2)}
aof-checksums ${yesOrNo(4)}
save ${this.#chance(4) ? "1 20" : '""'}`;
  }

  get #fixture(): ServerFixture {
    return this.#simulated.fixture;
  }

  #chance(oneIn: number): boolean {
    return randomBelow(this.#random, oneIn) === 0;
  }

  async run(): Promise<void> {
    using simulated = this.#simulated;
    this.#noteState([]);
    for (let server = 1 + randomBelow(this.#random, 3); server > 0; server--) {
      await this.#boot();
      const rounds = 2 + randomBelow(this.#random, 5);
      for (let round = 0; round < rounds && !this.#isCutShort; round++) await this.#round();
      const isSound = await this.#end();
      simulated.time.forget();
      if (!isSound) break;
    }
    await this.#verifyAll();
  }

  // The server's life.

  #directives(appendOnly: boolean): string {
    const log = this.#isPlain
      ? `aof /data/plain.aof\nappendonly ${appendOnly ? "yes" : "no"}`
      : `appendonly ${appendOnly ? "yes" : "no"}`;
    return `${this.#settings}\n${log}\nappendfsync ${this.#policy}`;
  }

  /** Starts on the disk as it is; what is found is the state from now on. */
  async #boot(): Promise<void> {
    const disk = this.#disk;
    this.#isCutShort = false;
    this.#awaited = [];
    const seed = randomBelow(this.#random, 1e6);
    disk.holdSyncs = false;
    disk.holdWrites = false;
    disk.slowWrites = false;
    disk.fault = () => undefined;
    disk.observe = (phase, operation, path) => {
      this.#place = `${phase} ${operation} ${path}`;
      if (phase === "after" && operation === "sync") this.#unkept.delete(path);
      else if (operation === "write" && this.#policy === "no") this.#unkept.add(path);
      this.#mayCrash();
    };
    disk.partial = (length) => randomBelow(this.#random, length + 1);
    const started = this.#simulated.start(this.#directives(this.#appendOnly), disk, seed);
    this.#peer = this.#fixture.connect();
    await started;
    this.#executions = [];
    this.#saving = undefined;
    this.#unkept.clear();
    this.#lossy.clear();
    this.#hasBegun = this.#appendOnly;
    this.#adopt(await this.#simulated.digest());
    disk.slowWrites = this.#chance(4);
    disk.fault = (operation, path) => {
      if (!this.#withFaults || !this.#chance(15)) return undefined;
      if (operation === "sync" && this.#unkept.has(path)) {
        this.#noteLogPromise();
        this.#lossy.set(path, this.#logPromise);
      }
      return this.#chance(2) ? "EIO" : "ENOSPC";
    };
  }

  /** Has the model be what a start has found. */
  #adopt(digest: string): void {
    const state = this.#states.get(digest);
    if (state === undefined) throw new Error("a restart finds what never was");
    const promised = this.#appendOnly ? this.#logPromise : this.#snapshotPromise;
    if (state < promised) throw new Error(`a restart finds state ${state}, not ${promised}`);
    const units: (readonly string[])[] = [];
    for (let at = state; at >= 0; at = this.#history[at].parent) units.push(this.#history[at].unit);
    this.#model = modelPeer();
    for (const unit of units.reverse()) this.#model.run(...unit);
    this.#state = state;
    this.#noteState([]);
    this.#acknowledged = 0;
    if (this.#large === "" || this.#chance(4)) this.#fill();
  }

  async #round(): Promise<void> {
    this.#disk.holdSyncs = this.#holdsSyncs && this.#chance(2);
    this.#disk.holdWrites = this.#holdsSyncs && this.#chance(2);
    await this.#turns(1 + randomBelow(this.#random, 4));
    switch (randomBelow(this.#random, 8)) {
      case 0:
      case 1:
      case 2:
        this.#figures.rewrites++;
        this.#fixture.connect().run("bgrewriteaof");
        break;
      case 3:
      case 4:
        this.#saveInBackground();
        break;
      case 5:
        this.#save();
        break;
      case 6:
        this.#switchLog();
        break;
      default:
        this.#takeReplies();
        this.#policy = POLICIES[randomBelow(this.#random, POLICIES.length)];
        this.#executions = [];
        this.#simulated.send(`config set appendfsync ${this.#policy}`);
    }
    for (let turn = 0; turn < PATIENCE_TURNS && this.#simulated.isBusy; turn++) {
      this.#isCutShort = this.#chance(60);
      if (this.#isCutShort) return;
      if (this.#chance(60)) this.#switchLog();
      await this.#turns(1);
    }
    await this.#turns(1 + randomBelow(this.#random, 3));
  }

  #save(): void {
    this.#figures.saves++;
    this.#disk.slowWrites = false;
    const { persistence } = this.#fixture.server;
    const lastSaveMs = persistence.rdbLastSaveMs;
    this.#simulated.send("save");
    if (persistence.rdbLastSaveMs > lastSaveMs) this.#snapshotPromise = this.#state;
  }

  #saveInBackground(): void {
    const { persistence, snapshots } = this.#fixture.server;
    if (snapshots.isSaving) return;
    this.#figures.saves++;
    const saving = { state: this.#state, lastSaveMs: persistence.rdbLastSaveMs };
    this.#simulated.send("bgsave");
    if (snapshots.isSaving) this.#saving = saving;
  }

  /** Notes what a background save has promised in the meantime. */
  #noteSaved(): void {
    const { snapshots, persistence } = this.#fixture.server;
    if (this.#saving === undefined || snapshots.isSaving) return;
    const { state, lastSaveMs } = this.#saving;
    if (persistence.rdbLastSaveMs > lastSaveMs) {
      this.#snapshotPromise = Math.max(this.#snapshotPromise, state);
    }
    this.#saving = undefined;
  }

  #switchLog(): void {
    this.#figures.switches++;
    this.#takeReplies();
    this.#simulated.send(`config set appendonly ${this.#appendOnly ? "no" : "yes"}`);
    this.#appendOnly = this.#fixture.config.flag("appendonly");
    this.#executions = [];
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      for (let k = randomBelow(this.#random, 3); k >= 0; k--) this.#change();
      if (this.#chance(2)) this.#disk.finishSyncs();
      if (this.#chance(2)) this.#disk.finishWrites();
      for (let k = randomBelow(this.#random, 3); k >= 0; k--) await this.#simulated.time.turn();
      await this.#simulated.time.pass(this.#chance(4) ? 300 * randomBelow(this.#random, 4) : 2);
      this.#noteLogPromise();
    }
  }

  /** Properly, by a kill, or with the power. False where the log has the permitted hole. */
  async #end(): Promise<boolean> {
    const { server } = this.#fixture;
    const ending = randomBelow(this.#random, 3);
    if (ending === 0) {
      this.#kill();
    } else if (ending === 1) {
      const image = this.#disk.imageOfPowerCut(this.#random);
      this.#disk = FaultyFileSystem.from(image);
      return !this.#hasPermittedHole(image);
    } else {
      const save = (["default", "save", "nosave"] as const)[randomBelow(this.#random, 3)];
      this.#disk.slowWrites = false;
      const state = this.#state;
      if (!server.ending.save({ save, now: false, force: false })) {
        this.#kill();
        return true;
      }
      if (save === "save") this.#snapshotPromise = state;
      this.#disk.holdSyncs = false;
      this.#disk.holdWrites = false;
      this.#disk.finishSyncs();
      this.#disk.finishWrites();
      const isOn = server.durability.isOn && !this.#withFaults;
      await this.#simulated.time.until(server.stop());
      if (isOn) this.#logPromise = state;
      if (this.#withFaults) this.#kill();
    }
    return true;
  }

  #hasPermittedHole({ holed }: DiskImage): boolean {
    this.#noteLogPromise();
    return [...holed].some((path) => this.#lossy.get(path) === this.#logPromise);
  }

  /** What is written is there, but not on the disk yet. */
  #kill(): void {
    // That a sync has failed nobody can know who comes after; so let the disk have it all.
    this.#disk = this.#withFaults ? this.#disk.killProcess() : this.#disk.outliveProcess();
  }

  // What clients do.

  #fill(): void {
    const name = ["zadd", "hset", "sadd", "rpush"][randomBelow(this.#random, 4)];
    const words = Array.from({ length: LARGE_MEMBERS }, (_, k) => {
      if (name === "zadd") return `${k % 50} m${k}`;
      return name === "hset" ? `m${k} v${k}` : `m${k}`;
    });
    this.#large = name;
    this.#execute(["del large"]);
    this.#execute([`${name} large ${words.join(" ")}`]);
  }

  #change(): void {
    const n = this.#number++;
    const member = `m${randomBelow(this.#random, LARGE_MEMBERS)}`;
    const onLarge = {
      zadd: [`zadd large ${n} ${member}`, `zrem large ${member}`],
      hset: [`hset large ${member} ${n}`, `hdel large ${member}`],
      sadd: [`sadd large n${n}`, `srem large ${member}`],
      rpush: [`rpush large ${n}`, "lpop large"],
    }[this.#large]!;
    const commands = [
      `set k${n % 20} ${n}`,
      `incrby count ${n + 1}`,
      `rpush list ${n}`,
      `del k${(n + 7) % 20}`,
      `xadd stream ${n + 1}-1 n ${n}`,
      ...onLarge,
    ];
    if (this.#chance(40)) commands.push("flushall", "swapdb 0 1");
    const choose = () => commands[randomBelow(this.#random, commands.length)];
    if (!this.#chance(6)) return this.#execute([choose()]);
    // A transaction is found as a whole or not at all.
    this.#execute(["multi", `incrby count ${n + 1}`, choose(), choose(), "exec"]);
  }

  /** Sends a unit of commands, and notes what they have made if they have changed anything. */
  #execute(unit: string[]): void {
    const { effects } = this.#fixture.server;
    if (this.#peer.transport.isClosed) {
      this.#awaited = [];
      this.#peer = this.#fixture.connect();
    }
    const before = effects.changes;
    const { offset } = effects;
    this.#peer.send(request(...unit));
    // FLUSHALL may save, which sets the count to zero; a log that fails refuses it.
    const isFlush = unit.includes("flushall") && (!effects.active || effects.offset !== offset);
    const isChange = isFlush || effects.changes !== before;
    if (isChange) {
      this.#model.run(...unit);
      this.#noteState(unit);
    }
    // Other replies promise nothing: while the log fails reads are served.
    for (const _ of unit) this.#awaited.push(isChange ? this.#state : 0);
    this.#executions.push({ ms: this.#simulated.clock.monotonicUs() / 1000, state: this.#state });
  }

  #noteState(unit: string[]): void {
    this.#history.push({ unit, parent: this.#state });
    this.#state = this.#history.length - 1;
    this.#states.set(this.#model.run("debug digest"), this.#state);
    this.#figures.commands++;
  }

  #takeReplies(): void {
    const bytes = Buffer.from(this.#peer.transport.take(), "latin1");
    for (let at = 0; at < bytes.length; ) {
      const reply = parseReply(bytes, at)!;
      at += reply.raw.length;
      const state = this.#awaited.shift() ?? 0;
      if (this.#policy !== "always" || reply.kind === "-") continue;
      this.#acknowledged = Math.max(this.#acknowledged, state);
    }
  }

  // What crashes leave.

  #mayCrash(): void {
    if (!this.#chance(this.#oneIn)) return;
    this.#figures.powerCuts++;
    this.#note(this.#disk.imageOfPowerCut(this.#random));
    if (!this.#chance(3)) return;
    this.#figures.kills++;
    this.#note(this.#disk.imageOfKill());
  }

  #note(image: DiskImage): void {
    this.#noteSaved();
    this.#noteLogPromise();
    const isSnapshot = (path: string) => path.endsWith(".rdb") && !path.includes("/appendonlydir/");
    const isLog = (path: string) => !isSnapshot(path);
    const left = { place: this.#place, isHoled: this.#hasPermittedHole(image) };
    keep(this.#leftLogs, image, isLog, { ...left, promised: this.#logPromise });
    const promised = this.#snapshotPromise;
    keep(this.#leftSnapshots, image, isSnapshot, { ...left, promised, isHoled: false });
  }

  /**
   * A log that is switched on promises nothing before its first base is there for certain, not
   * even what was acknowledged until then. Where a plain file has its name, but that may not
   * survive, the log is on and says that it fails: no reply has told that it holds anything.
   */
  #noteLogPromise(): void {
    this.#takeReplies();
    const { durability } = this.#fixture.server;
    if (!durability.isOn) this.#hasBegun = false;
    else if (durability.failure === "") this.#hasBegun = true;
    if (!this.#hasBegun) {
      this.#executions = [];
      return;
    }
    this.#logPromise = Math.max(this.#logPromise, this.#acknowledged, this.#owedByTime());
  }

  /** What `everysec` owes where nothing is slow or fails. */
  #owedByTime(): number {
    if (this.#policy !== "everysec" || this.#withFaults || this.#holdsSyncs) return 0;
    const limitMs = this.#simulated.clock.monotonicUs() / 1000 - LOSS_MS_MAX;
    let owed = 0;
    while (this.#executions.length > 0 && this.#executions[0].ms <= limitMs) {
      owed = this.#executions.shift()!.state;
    }
    return owed;
  }

  async #verifyAll(): Promise<void> {
    for (const left of this.#leftLogs.values()) await this.#verify(left, true);
    for (const left of this.#leftSnapshots.values()) await this.#verify(left, false);
  }

  async #verify(left: Left, appendOnly: boolean): Promise<void> {
    const { disk, promised, place, isHoled } = left;
    const what = `${appendOnly ? "log" : "snapshot"}, left ${place},`;
    const found = await this.#find(disk, appendOnly).catch((error: unknown) => {
      if (isHoled && error instanceof AofError) return undefined;
      throw new Error(`a start on a ${what} fails: ${error}`, { cause: error });
    });
    if (found === undefined) return;
    if (this.#chance(8) && (await this.#find(disk, appendOnly)) !== found) {
      throw new Error(`a second start on a ${what} finds something else`);
    }
    const state = this.#states.get(found);
    if (state === undefined) throw new Error(`a start on a ${what} finds what never was`);
    if (state < promised) {
      throw new Error(`a start on a ${what} finds state ${state}, ${promised} was promised`);
    }
  }

  /** The digest of what a start on a disk finds. */
  async #find(disk: FaultyFileSystem, appendOnly: boolean): Promise<string> {
    this.#figures.starts++;
    await this.#simulated.start(this.#directives(appendOnly), disk);
    return this.#simulated.digest();
  }
}

/** Keeps a disk with some of an image's files, unless it is known. */
function keep(
  known: Map<bigint, Left>,
  image: DiskImage,
  isKept: (path: string) => boolean,
  { promised, place, isHoled }: Omit<Left, "disk">,
): void {
  let hash = 0n;
  const files = new Map<string, Buffer>();
  for (const [path, content] of image.files) {
    if (!isKept(path)) continue;
    files.set(path, content);
    hash = BigInt(Bun.hash(content, hash ^ BigInt(Bun.hash(path))));
  }
  const left = known.get(hash);
  if (left === undefined) {
    const disk = FaultyFileSystem.from({ ...image, files });
    known.set(hash, { disk, promised, place, isHoled });
  } else if (promised > left.promised) {
    left.promised = promised;
    left.isHoled = isHoled;
    left.place = place;
  }
}

export function noFigures(): LifeFigures {
  return { powerCuts: 0, kills: 0, starts: 0, commands: 0, rewrites: 0, saves: 0, switches: 0 };
}

/** Leads the life of a seed; throws, naming the seed, where a promise is broken. */
export async function leadLife(
  seed: number,
  figures: LifeFigures,
  options: LifeOptions = {},
): Promise<void> {
  try {
    await new Life(seed, options, figures).run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${reason}`, { cause: error });
  }
}
