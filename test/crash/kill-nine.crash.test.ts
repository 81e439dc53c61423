// kill -9 while several clients write, the log is rewritten and snapshots are saved: after the
// restart every acknowledged write is there, each exactly once and in order. KILL_CYCLES=1000 runs
// the long version, KILL_SEED another one.
//
// Writer w appends "0,1,2,..." to its own key, several commands in flight, and counts the replies.
// The value found afterwards must be a prefix of what was sent, at least as long as what was
// promised. Another client counts two keys up in transactions; they must always be the same.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBelow, Xoshiro } from "../../src/base/random.ts";
import { encodeCommand, type RawClient } from "../harness/client.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const IS_LONG = process.env.KILL_CYCLES !== undefined;
const CYCLES = Number(process.env.KILL_CYCLES ?? 4);
const FIRST_SEED = Number(process.env.KILL_SEED ?? 9);
const WRITERS = 8;
const PIPELINE = 4;
/** What `everysec` may lose. */
const LOSS_MS_MAX = 1100;
/** Values start anew after so many cycles: longer ones would only take longer to check. */
const CYCLES_PER_GENERATION = 25;
/** Data that rewrites and saves have to walk over. */
const FILLER_KEYS = 1500;
const FILLER_FIELDS = 1200;

/** What is promised, and what runs beside the writers. */
interface Plan {
  readonly name: string;
  /** Restarts find what the log holds, or what the last finished BGSAVE has saved. */
  readonly promise: "always" | "everysec" | "snapshot";
  readonly isBusy: boolean;
}

const PLANS: readonly Plan[] = [
  { name: "always", promise: "always", isBusy: false },
  { name: "everysec", promise: "everysec", isBusy: false },
  { name: "always-busy", promise: "always", isBusy: true },
  { name: "everysec-busy", promise: "everysec", isBusy: true },
  { name: "snapshot", promise: "snapshot", isBusy: true },
];

interface Acknowledgement {
  atMs: number;
  count: number;
}

/** One client that appends numbers to its key until its connection dies. */
class Writer {
  readonly key: string;
  readonly start: number;
  sent: number;
  acknowledged: number;
  readonly history: Acknowledgement[] = [];

  constructor(key: string, start: number) {
    this.key = key;
    this.start = start;
    this.sent = start;
    this.acknowledged = start;
  }

  /** Resolves when the connection is gone. */
  async write(client: RawClient): Promise<void> {
    for (;;) {
      const commands: Buffer[] = [];
      for (let k = 0; k < PIPELINE; k++) {
        commands.push(encodeCommand(["APPEND", this.key, `${this.sent++},`]));
      }
      client.send(Buffer.concat(commands));
      for (let k = 0; k < PIPELINE; k++) {
        const reply = await client.next();
        if (reply.kind === "closed") return;
        expect(reply.kind).toBe(":");
        this.acknowledged++;
      }
      this.history.push({ atMs: performance.now(), count: this.acknowledged });
    }
  }

  /** How many writes were acknowledged by a time. */
  acknowledgedBy(atMs: number): number {
    let count = this.history.length > 0 ? 0 : this.acknowledged;
    for (const entry of this.history) if (entry.atMs <= atMs) count = entry.count;
    return count;
  }
}

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "kill-nine-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The number of writes found, which must be 0, 1, 2, ... without a gap or a repetition. */
async function foundBy(client: RawClient, key: string): Promise<number> {
  const value = String((await client.run("GET", key)) ?? "");
  if (value === "") return 0;
  const numbers = value.slice(0, -1).split(",");
  for (let k = 0; k < numbers.length; k++) {
    if (numbers[k] !== String(k)) throw new Error(`${key}: ${numbers[k]} at position ${k}`);
  }
  return numbers.length;
}

/** Sends a command again and again, with pauses, until the connection is gone. */
async function repeat(client: RawClient, ...command: string[]): Promise<void> {
  for (;;) {
    client.send(encodeCommand(command));
    const reply = await client.next();
    if (reply.kind === "closed") return;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Counts two keys up together until the connection is gone. */
async function countPairs(client: RawClient): Promise<void> {
  for (;;) {
    for (const words of [["MULTI"], ["INCR", "pair:a"], ["INCR", "pair:b"], ["EXEC"]]) {
      const reply = await client.ask(...words);
      if (reply.kind === "closed") return;
    }
  }
}

/** The lives of a server in one directory. */
class Series {
  readonly #plan: Plan;
  readonly #random = new Xoshiro(FIRST_SEED);
  #writers: Writer[] = [];
  /** What a restart must find at least, by writer. */
  #owed: number[] = [];
  #generation = 0;
  /** Rewrites and saves that came to their end before a kill. */
  rewrites = 0;
  saves = 0;
  /** Acknowledged writes, how many of them were lost, and how old the oldest of those was. */
  #acknowledged = 0;
  #lost = 0;
  #lostMs = 0;
  #killedMs = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#beginGeneration();
  }

  get #isLogged(): boolean {
    return this.#plan.promise !== "snapshot";
  }

  #beginGeneration(): void {
    this.#generation++;
    const indices = Array.from({ length: WRITERS }, (_, k) => k);
    this.#writers = indices.map((k) => new Writer(this.#keyOf(k), 0));
    this.#owed = indices.map(() => 0);
  }

  #keyOf(index: number): string {
    return `w${index}:${this.#generation}`;
  }

  async run(cycles: number): Promise<void> {
    for (let cycle = 1; cycle <= cycles; cycle++) {
      await this.live(50 + randomBelow(this.#random, 400), cycle === 1);
      if (cycle % CYCLES_PER_GENERATION === 0) {
        await this.live(1);
        this.#beginGeneration();
      }
    }
    // The last life only checks.
    await this.live(1);
  }

  /** What came of it, for the long version's output. */
  get figures(): string {
    return (
      `${this.#plan.name}: ${this.#acknowledged} acknowledged, ${this.#lost} lost, the oldest ` +
      `${Math.round(this.#lostMs)} ms old; ${this.rewrites} rewrites, ${this.saves} saves`
    );
  }

  #start(): Promise<ServerProcess> {
    const { name, promise } = this.#plan;
    const log = ["--appendonly", "yes", "--appendfsync", promise, "--appenddirname", name];
    // Small enough to be loaded within moments.
    log.push("--auto-aof-rewrite-min-size", "4mb");
    const args = ["--dbfilename", `${name}.rdb`, ...(this.#isLogged ? log : [])];
    const environment: Record<string, string> = IS_LONG ? { MINIREDIS_VERIFY: "0" } : {};
    return startServer({ args, directory, environment });
  }

  /** Starts, checks what the former life left, writes for a while, kills. */
  async live(runMs: number, isFirst = false): Promise<void> {
    await using server = await this.#start();
    const checker = await server.connect();
    if (isFirst && this.#plan.isBusy) await fill(checker);
    else await this.#check(checker);
    const clients = await Promise.all(this.#writers.map(() => server.connect()));
    const running = this.#writers.map((writer, k) => writer.write(clients[k]));
    running.push(countPairs(await server.connect()));
    if (this.#plan.isBusy) {
      running.push(this.#save(checker));
      if (this.#isLogged) running.push(repeat(await server.connect(), "BGREWRITEAOF"));
    }
    const { promise: killed, resolve } = Promise.withResolvers<number>();
    setTimeout(() => {
      server.kill();
      resolve(performance.now());
    }, runMs);
    const killedMs = await killed;
    await Promise.all(running);
    await server.exited;
    this.rewrites += server.log.split("Background AOF rewrite finished").length - 1;
    this.#owe(killedMs);
  }

  #owe(killedMs: number): void {
    const { promise } = this.#plan;
    this.#killedMs = killedMs;
    this.#writers.forEach((writer, k) => {
      if (promise === "always") this.#owed[k] = writer.acknowledged;
      if (promise === "everysec") this.#owed[k] = writer.acknowledgedBy(killedMs - LOSS_MS_MAX);
    });
  }

  async #check(checker: RawClient): Promise<void> {
    for (let k = 0; k < WRITERS; k++) {
      const found = await foundBy(checker, this.#keyOf(k));
      expect(found).toBeGreaterThanOrEqual(this.#owed[k]);
      expect(found).toBeLessThanOrEqual(this.#writers[k].sent);
      this.#count(this.#writers[k], found);
      this.#writers[k] = new Writer(this.#keyOf(k), found);
      if (this.#generation > 1) await checker.run("DEL", `w${k}:${this.#generation - 1}`);
    }
    expect(await checker.run("GET", "pair:a")).toBe(await checker.run("GET", "pair:b"));
    if (!this.#plan.isBusy) return;
    const [keys, fields] = [
      await checker.run("GET", "filler:0"),
      await checker.run("HLEN", "hash"),
    ];
    expect([keys, fields]).toEqual(["v", FILLER_FIELDS]);
  }

  #count({ acknowledged, start, history }: Writer, found: number): void {
    this.#acknowledged += acknowledged - start;
    this.#lost += Math.max(0, acknowledged - found);
    const oldest = history.find((entry) => entry.count > found);
    if (oldest !== undefined) this.#lostMs = Math.max(this.#lostMs, this.#killedMs - oldest.atMs);
  }

  /** Saves again and again, and owes what had been acknowledged before each save that succeeds. */
  async #save(client: RawClient): Promise<void> {
    for (let saves = 0; ; ) {
      const acknowledged = this.#writers.map((writer) => writer.acknowledged);
      const reply = await client.ask("BGSAVE", "SCHEDULE");
      if (reply.kind === "closed") return;
      for (let isSaved = false; !isSaved; ) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        const info = await client.ask("INFO", "persistence");
        if (info.kind === "closed") return;
        const text = info.raw.toString();
        const count = Number(/rdb_saves:(\d+)/.exec(text)?.[1]);
        isSaved = count > saves && text.includes("rdb_bgsave_in_progress:0\r\n");
        if (!isSaved) continue;
        expect(text).toContain("rdb_last_bgsave_status:ok\r\n");
        saves = count;
        this.saves++;
      }
      if (this.#plan.promise === "snapshot") this.#owed = acknowledged;
    }
  }
}

async function fill(client: RawClient): Promise<void> {
  const keys = Array.from({ length: FILLER_KEYS }, (_, k) => [`filler:${k}`, "v"]);
  const fields = Array.from({ length: FILLER_FIELDS }, (_, k) => [`f${k}`, "v"]);
  await client.run("MSET", ...keys.flat());
  await client.run("HSET", "hash", ...fields.flat());
  await client.run("SAVE");
}

describe("kill -9 under writers", () => {
  for (const plan of PLANS) {
    test(`loses nothing that was promised, ${plan.name}, in ${CYCLES} cycles`, async () => {
      const series = new Series(plan);
      await series.run(CYCLES);
      if (IS_LONG) console.log(series.figures);
      if (!plan.isBusy) return;
      // How many come to their end depends on the machine; that some do shows that they ran.
      expect(series.saves).toBeGreaterThan(0);
      if (plan.promise !== "snapshot") expect(series.rewrites).toBeGreaterThan(0);
    }, 14_400_000);
  }

  test("would notice a log that lost its end", async () => {
    const series = new Series({ name: "lossy", promise: "always", isBusy: false });
    await series.live(LOSS_MS_MAX, true);
    const log = join(directory, "lossy", "appendonly.aof.1.incr.aof");
    truncateSync(log, Math.floor(statSync(log).size / 2));
    await expect(series.live(1)).rejects.toThrow();
  }, 60_000);

  test("would notice a log that lost more than it may", async () => {
    const series = new Series({ name: "late", promise: "everysec", isBusy: false });
    await series.live(2 * LOSS_MS_MAX, true);
    rmSync(join(directory, "late"), { recursive: true });
    await expect(series.live(1)).rejects.toThrow();
  }, 60_000);

  test("would notice a snapshot that is not there", async () => {
    const name = "lossy-snapshot";
    const series = new Series({ name, promise: "snapshot", isBusy: true });
    while (series.saves < 2) await series.live(500, series.saves === 0);
    rmSync(join(directory, `${name}.rdb`));
    await expect(series.live(1)).rejects.toThrow();
  }, 60_000);
});
