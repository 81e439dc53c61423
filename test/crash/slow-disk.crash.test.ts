// A disk that takes seconds for a sync: with `everysec` nobody waits for it, nothing is held back
// for more than 1.1 seconds, and a rewrite changes that only until the file it leaves is synced.

import { describe, expect, test } from "bun:test";
import { AppendOnlyFile } from "../../src/persistence/aof.ts";
import { FaultyFileSystem } from "../harness/faulty-file-system.ts";
import { OperationRun } from "../harness/operation-run.ts";

const LOG = "/data/appendonlydir/appendonly.aof.1.incr.aof";
const DIRECTIVES = "appendonly yes\nappendfsync everysec";
/** A write is held back for a second, and noticed to be due ten times a second. */
const HELD_BACK_MS = 1100;
const STEP_MS = 50;

/** A server on a disk on which every sync takes so long, from now on. */
class SlowRun {
  readonly run = new OperationRun(new FaultyFileSystem());
  readonly #syncMs: number;
  /** When the syncs that are open began. */
  #openSinceMs = -1;
  #nowMs = 0;
  /** When each change was made. */
  readonly #madeMs: number[] = [];
  longestHeldMs = 0;

  constructor(syncMs: number) {
    this.#syncMs = syncMs;
    this.run.disk.put("/data/other", Buffer.alloc(0));
  }

  async start(): Promise<void> {
    await this.run.start(DIRECTIVES);
    this.run.disk.holdSyncs = true;
  }

  /** Lets time pass; every sync ends when it is due. */
  async #pass(): Promise<void> {
    const { disk } = this.run;
    await this.run.pass(STEP_MS);
    this.#nowMs += STEP_MS;
    if (disk.openSyncs === 0) this.#openSinceMs = -1;
    else if (this.#openSinceMs < 0) this.#openSinceMs = this.#nowMs;
    else if (this.#nowMs - this.#openSinceMs >= this.#syncMs) {
      disk.finishSyncs();
      this.#openSinceMs = -1;
    }
  }

  /** Makes a change every 50 ms, each answered at once, and notes how long each is held back. */
  async write(seconds: number): Promise<void> {
    const { disk } = this.run;
    for (let k = 0; k < (seconds * 1000) / STEP_MS; k++) {
      const peer = this.run.fixture.connect();
      const number = this.#madeMs.length;
      expect(peer.run(`set change:${number}: 1`)).toBe("+OK\r\n");
      this.#madeMs.push(this.#nowMs);
      await this.#pass();
      const logs = disk.paths.filter((path) => path.includes(".incr."));
      const text = logs.map((path) => disk.contentOf(path).toString("latin1")).join("");
      let oldest = this.#madeMs.length;
      while (oldest > 0 && !text.includes(`change:${oldest - 1}:`)) oldest--;
      if (oldest === this.#madeMs.length) continue;
      this.longestHeldMs = Math.max(this.longestHeldMs, this.#nowMs - this.#madeMs[oldest]);
    }
  }

  info(field: string): number {
    const text = this.run.fixture.connect().run("info persistence");
    return Number(new RegExp(`${field}:(\\d+)`).exec(text)?.[1]);
  }
}

describe("appendfsync everysec with a sync of", () => {
  for (const syncMs of [1000, 3000, 10_000]) {
    test(`${syncMs} ms answers at once and holds back no longer than it may`, async () => {
      const slow = new SlowRun(syncMs);
      using run = slow.run;
      await slow.start();
      await slow.write(30);
      expect(slow.longestHeldMs).toBeGreaterThan(0);
      expect(slow.longestHeldMs).toBeLessThanOrEqual(HELD_BACK_MS);
      const said = run.fixture.logged.filter((line) => line.includes("is taking too long")).length;
      expect(said).toBe(slow.info("aof_delayed_fsync"));
      if (syncMs > HELD_BACK_MS) expect(said).toBeGreaterThan(0);
      run.disk.holdSyncs = false;
      run.disk.finishSyncs();
      await run.stop();
      expect(run.disk.contentOf(LOG).toString("latin1")).toContain("change:599:");
    });

    test(`${syncMs} ms and rewrites holds back for one of them at most`, async () => {
      const slow = new SlowRun(syncMs);
      using run = slow.run;
      await slow.start();
      await slow.write(3);
      run.command("bgrewriteaof");
      await slow.write(60);
      // The sync under way when the log passes to the new file, and the one after it.
      expect(slow.longestHeldMs).toBeLessThanOrEqual(2 * syncMs + HELD_BACK_MS);
      expect(run.fixture.server.persistence.aofLastRewriteOk).toBe(true);
      expect(run.fixture.logged).toContain("Background AOF rewrite finished successfully");
      run.disk.holdSyncs = false;
      run.disk.finishSyncs();
      await run.stop();
    });
  }
});

test("the check would notice a server that nothing reminds of what it holds back", async () => {
  const { tick, endOfTurn } = AppendOnlyFile.prototype;
  AppendOnlyFile.prototype.tick = () => {};
  AppendOnlyFile.prototype.endOfTurn = function (this: AppendOnlyFile) {
    return this.size > 0 || endOfTurn.call(this);
  };
  try {
    const slow = new SlowRun(1000);
    using _ = slow.run;
    await slow.start();
    await slow.write(3);
    expect(slow.longestHeldMs).toBeGreaterThan(HELD_BACK_MS);
  } finally {
    Object.assign(AppendOnlyFile.prototype, { tick, endOfTurn });
  }
});
