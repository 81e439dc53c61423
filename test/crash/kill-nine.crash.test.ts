// kill -9 while several clients write: after the restart every acknowledged write is there, each
// exactly once and in order. KILL_CYCLES=1000 runs the long version.
//
// Writer w appends "0,1,2,..." to its own key, several commands in flight, and counts the replies.
// The value found afterwards must be a prefix of what was sent, at least as long as what was
// promised.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBelow, Xoshiro } from "../../src/base/random.ts";
import { encodeCommand, type RawClient } from "../harness/client.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const CYCLES = Number(process.env.KILL_CYCLES ?? 4);
const WRITERS = 8;
const PIPELINE = 4;
/** What `everysec` may lose. */
const LOSS_MS_MAX = 1100;

/** Folders of logs that are rewritten all the while. */
const REWRITTEN = "rewritten";

interface Acknowledgement {
  atMs: number;
  count: number;
}

/** One client that appends numbers to its key until its connection dies. */
class Writer {
  readonly key: string;
  sent: number;
  acknowledged: number;
  readonly history: Acknowledgement[] = [];

  constructor(key: string, start: number) {
    this.key = key;
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

function start(policy: string, folder: string): Promise<ServerProcess> {
  const args = ["--appendonly", "yes", "--appendfsync", policy, "--appenddirname", folder];
  return startServer({ args, directory });
}

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

/** Rewrites the log again and again until the connection is gone. */
async function rewrite(client: RawClient): Promise<void> {
  for (;;) {
    client.send(encodeCommand(["BGREWRITEAOF"]));
    const reply = await client.next();
    if (reply.kind === "closed") return;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Starts, checks what the former life left, writes for a while, kills. */
async function life(
  policy: string,
  writers: Writer[],
  runMs: number,
  owed: number[],
  folder = policy,
): Promise<void> {
  await using server = await start(policy, folder);
  const checker = await server.connect();
  for (let k = 0; k < WRITERS; k++) {
    const found = await foundBy(checker, `w${k}`);
    expect(found).toBeGreaterThanOrEqual(owed[k]);
    expect(found).toBeLessThanOrEqual(writers[k]?.sent ?? 0);
    writers[k] = new Writer(`w${k}`, found);
  }
  checker.close();
  const clients = await Promise.all(writers.map(() => server.connect()));
  const writing = writers.map((writer, k) => writer.write(clients[k]));
  if (folder.startsWith(REWRITTEN)) writing.push(rewrite(await server.connect()));
  const { promise: killed, resolve } = Promise.withResolvers<number>();
  setTimeout(() => {
    server.kill();
    resolve(performance.now());
  }, runMs);
  const killedMs = await killed;
  await Promise.all(writing);
  await server.exited;
  for (let k = 0; k < WRITERS; k++) {
    const promised = writers[k].acknowledgedBy(killedMs - LOSS_MS_MAX);
    owed[k] = policy === "always" ? writers[k].acknowledged : promised;
  }
}

describe("kill -9 under writers", () => {
  for (const policy of ["always", "everysec"]) {
    test(`loses nothing that ${policy} promised, in ${CYCLES} cycles`, async () => {
      const random = new Xoshiro(9);
      const writers: Writer[] = [];
      const owed = Array.from({ length: WRITERS }, () => 0);
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        await life(policy, writers, 50 + randomBelow(random, 400), owed);
      }
      // The last life only checks.
      await life(policy, writers, 1, owed);
      expect(Math.min(...writers.map((writer) => writer.sent))).toBeGreaterThan(0);
    }, 3_600_000);
  }

  for (const policy of ["always", "everysec"]) {
    test(`loses nothing that ${policy} promised, while the log is rewritten`, async () => {
      const random = new Xoshiro(10);
      const writers: Writer[] = [];
      const owed = Array.from({ length: WRITERS }, () => 0);
      const folder = `${REWRITTEN}-${policy}`;
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        await life(policy, writers, 50 + randomBelow(random, 400), owed, folder);
      }
      await life(policy, writers, 1, owed, folder);
      const bases = readdirSync(join(directory, folder)).filter((name) => name.includes(".base."));
      expect(bases.every((name) => name !== "appendonly.aof.1.base.rdb")).toBe(true);
      expect(bases.length).toBeGreaterThan(0);
    }, 3_600_000);
  }

  test("would notice a log that lost its end", async () => {
    const writers: Writer[] = [];
    const owed = Array.from({ length: WRITERS }, () => 0);
    await life("always", writers, 200, owed, "lossy");
    const log = join(directory, "lossy", "appendonly.aof.1.incr.aof");
    truncateSync(log, Math.floor(statSync(log).size * 0.9));
    await expect(life("always", writers, 1, owed, "lossy")).rejects.toThrow();
  }, 60_000);
});
