import { beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../src/base/clock.ts";
import type { Logger } from "../../../src/base/log.ts";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { PersistenceStatus } from "../../../src/command/persistence-status.ts";
import { AppendOnlyFile, type FsyncPolicy } from "../../../src/persistence/aof.ts";
import { settle } from "../../harness/crash-simulation.ts";
import { FaultyFileSystem, type Operation } from "../../harness/faulty-file-system.ts";

const PATH = "/data/a.aof";
const NEXT_PATH = `${PATH}.next`;
const SELECT_0 = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

let disk: FaultyFileSystem;
let clock: ManualClock;
let messages: string[];
/** Callbacks of the log's own delays, which pass when told to. */
let delays: (() => void)[];
const logger: Logger = { log: (_, message) => messages.push(message) };

beforeEach(() => {
  disk = new FaultyFileSystem();
  disk.put(PATH, Buffer.alloc(0));
  clock = new ManualClock(0);
  messages = [];
  delays = [];
});

function openLog(policy: FsyncPolicy): AppendOnlyFile {
  const aof = new AppendOnlyFile({
    fileSystem: disk,
    clock,
    logger,
    policy,
    checksums: false,
    delay: (_, callback) => delays.push(callback),
  });
  aof.open({
    path: PATH,
    size: disk.contentOf(PATH).length,
    uncoveredBytes: 0,
    uncoveredCrc: 0,
    earlierBytes: 0,
    baseBytes: 0,
  });
  return aof;
}

function append(aof: AppendOnlyFile, text: string): void {
  const bytes = Buffer.from(text);
  aof.append(0, bytes, 0, bytes.length);
}

/** Appends in a turn of its own. */
function turn(aof: AppendOnlyFile, text: string): boolean | Promise<boolean> {
  append(aof, text);
  return aof.endOfTurn();
}

function failOn(operation: Operation, code: string): void {
  disk.fault = (attempted) => (attempted === operation ? code : undefined);
}

function heal(): void {
  disk.fault = () => undefined;
}

/** Writes a text that a sync then fails to put on the disk, for the sake of another file. */
async function loseFirst(aof: AppendOnlyFile, text: string): Promise<void> {
  failOn("sync", "EIO");
  append(aof, text);
  const isSwitched = aof.switchTo(NEXT_PATH);
  aof.endOfTurn();
  expect(await isSwitched).toBe(false);
  heal();
}

const written = () => disk.contentOf(PATH).toString();
const durable = () => disk.durableContentOf(PATH).toString();
const count = (operation: Operation) => disk.counts.get(operation) ?? 0;

/** Lets the cron run for a while. */
async function tickFor(aof: AppendOnlyFile, ms: number): Promise<void> {
  for (let elapsed = 0; elapsed < ms; elapsed += 100) {
    clock.advance(100);
    aof.tick();
    await settle();
  }
}

describe("appendfsync no", () => {
  test("writes at the end of the turn and never syncs", async () => {
    const aof = openLog("no");
    append(aof, "a");
    append(aof, "b");
    expect(written()).toBe("");
    expect(aof.pendingBytes).toBe(SELECT_0.length + 2);
    expect(aof.endOfTurn()).toBe(true);
    expect(written()).toBe(`${SELECT_0}ab`);
    await tickFor(aof, 3000);
    expect(count("sync")).toBe(0);
    expect(aof.pendingBytes).toBe(0);
  });
});

describe("appendfsync always", () => {
  test("answers once one sync has covered all of the turn", () => {
    const aof = openLog("always");
    append(aof, "a");
    append(aof, "b");
    expect(aof.endOfTurn()).toBe(true);
    expect(durable()).toBe(`${SELECT_0}ab`);
    expect(count("sync")).toBe(1);
  });

  test("syncs nothing in a turn without effects", () => {
    const aof = openLog("always");
    turn(aof, "a");
    expect(aof.endOfTurn()).toBe(true);
    expect(count("sync")).toBe(1);
  });

  test("syncs in the background while the disk is slow, several turns at once", async () => {
    const aof = openLog("always");
    disk.onSyncNow = () => clock.advance(30);
    expect(turn(aof, "a")).toBe(true);
    disk.holdSyncs = true;
    const outcomes: string[] = [];
    const note = (name: string) => (isDurable: boolean) => outcomes.push(`${name} ${isDurable}`);
    Promise.resolve(turn(aof, "b")).then(note("b"));
    Promise.resolve(turn(aof, "c")).then(note("c"));
    Promise.resolve(turn(aof, "d")).then(note("d"));
    clock.advance(30);
    await settle();
    expect(outcomes).toEqual([]);
    disk.finishSyncs();
    await settle();
    expect(outcomes).toEqual(["b true"]);
    expect(durable()).toBe(`${SELECT_0}ab`);
    // The next sync waits a moment for those who were just answered.
    Promise.resolve(turn(aof, "e")).then(note("e"));
    expect(disk.openSyncs).toBe(0);
    delays.pop()?.();
    expect(disk.openSyncs).toBe(1);
    disk.finishSyncs();
    await settle();
    expect(outcomes).toEqual(["b true", "c true", "d true", "e true"]);
    expect(durable()).toBe(`${SELECT_0}abcde`);
    expect(count("sync")).toBe(3);
  });

  test("answers what waits for company when it is closed", async () => {
    const aof = openLog("always");
    disk.onSyncNow = () => clock.advance(30);
    turn(aof, "a");
    disk.holdSyncs = true;
    turn(aof, "b");
    clock.advance(30);
    disk.finishSyncs();
    await settle();
    const waiting = turn(aof, "c");
    expect(await aof.close()).toBe(true);
    expect(await waiting).toBe(true);
    expect(durable()).toBe(`${SELECT_0}abc`);
    delays.pop()?.();
  });

  test("goes back to syncing at once when the disk is quick again", async () => {
    const aof = openLog("always");
    disk.onSyncNow = () => clock.advance(30);
    turn(aof, "a");
    expect(await turn(aof, "b")).toBe(true);
    expect(turn(aof, "c")).toBe(true);
  });

  test("waits where a write does not complete at once", async () => {
    const aof = openLog("always");
    disk.slowWrites = true;
    const first = turn(aof, "a");
    const second = turn(aof, "b");
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toBe(true);
    expect(await second).toBe(true);
    expect(durable()).toBe(`${SELECT_0}ab`);
  });

  for (const operation of ["write", "sync"] as const) {
    test(`acknowledges nothing after a failing ${operation}, and recovers`, async () => {
      const aof = openLog("always");
      turn(aof, "a");
      failOn(operation, operation === "write" ? "ENOSPC" : "EIO");
      disk.partial = (length) => length - 1;
      expect(await turn(aof, "bc")).toBe(false);
      expect(aof.writable).toBe(false);
      expect(await turn(aof, "d")).toBe(false);
      // A turn of reads is answered.
      expect(aof.endOfTurn()).toBe(true);
      await tickFor(aof, 3000);
      expect(aof.writable).toBe(false);
      heal();
      await tickFor(aof, 1000);
      expect(aof.writable).toBe(true);
      expect(durable()).toBe(`${SELECT_0}abcd`);
      expect(turn(aof, "e")).toBe(true);
      expect(durable()).toBe(`${SELECT_0}abcde`);
    });
  }

  test("resolves replies that wait for a background sync to false if it fails", async () => {
    const aof = openLog("always");
    disk.onSyncNow = () => clock.advance(30);
    turn(aof, "a");
    disk.holdSyncs = true;
    const running = turn(aof, "b");
    const waiting = turn(aof, "c");
    failOn("sync", "EIO");
    disk.finishSyncs();
    expect(await running).toBe(false);
    expect(await waiting).toBe(false);
  });
});

describe("appendfsync everysec", () => {
  test("syncs at most once a second, in the background", async () => {
    const aof = openLog("everysec");
    for (let k = 0; k < 100; k++) {
      clock.advance(100);
      expect(turn(aof, "x")).toBe(true);
      await settle();
    }
    expect(count("sync")).toBe(10);
    expect(written()).toBe(SELECT_0 + "x".repeat(100));
  });

  test("syncs the rest a second later if nothing more comes", async () => {
    const aof = openLog("everysec");
    turn(aof, "a");
    await tickFor(aof, 900);
    expect(durable()).toBe("");
    await tickFor(aof, 100);
    expect(durable()).toBe(`${SELECT_0}a`);
  });

  test("holds writes back while a sync runs, a second at most, and counts the delay", async () => {
    const aof = openLog("everysec");
    const status = new PersistenceStatus();
    clock.advance(1000);
    disk.holdSyncs = true;
    turn(aof, "a");
    turn(aof, "b");
    aof.report(status);
    expect(status.aofPendingSyncs).toBe(1);
    expect(status.aofBufferLength).toBe(1);
    expect(written()).toBe(`${SELECT_0}a`);
    await tickFor(aof, 900);
    expect(written()).toBe(`${SELECT_0}a`);
    await tickFor(aof, 100);
    expect(written()).toBe(`${SELECT_0}ab`);
    aof.report(status);
    expect(status.aofDelayedSyncs).toBe(1);
    expect(status.aofBufferLength).toBe(0);
  });

  test("writes what was held back as soon as the sync ends", async () => {
    const aof = openLog("everysec");
    clock.advance(1000);
    disk.holdSyncs = true;
    turn(aof, "a");
    turn(aof, "b");
    disk.finishSyncs();
    await settle();
    expect(written()).toBe(`${SELECT_0}ab`);
    expect(durable()).toBe(`${SELECT_0}a`);
  });

  test("syncs early where much is at stake", async () => {
    const aof = openLog("everysec");
    turn(aof, "x".repeat(5_000_000));
    await settle();
    expect(count("sync")).toBe(1);
    aof.tick();
    expect(aof.memoryBytes).toBeGreaterThan(5_000_000);
    aof.tick();
    expect(aof.memoryBytes).toBe(65_536);
  });

  test("rewrites what a failed sync left in doubt, and only then trusts the disk", async () => {
    const aof = openLog("everysec");
    clock.advance(1000);
    turn(aof, "a");
    await settle();
    clock.advance(1000);
    failOn("sync", "EIO");
    turn(aof, "bcd");
    await settle();
    expect(aof.writable).toBe(false);
    expect(aof.failure).toBe("Input/output error");
    expect(turn(aof, "e")).toBe(true);
    await tickFor(aof, 2000);
    expect(aof.writable).toBe(false);
    heal();
    await tickFor(aof, 1000);
    expect(aof.writable).toBe(true);
    expect(durable()).toBe(`${SELECT_0}abcde`);
  });

  test("is broken for good if a sync fails for more than can be kept", async () => {
    const aof = openLog("everysec");
    clock.advance(1000);
    disk.holdSyncs = true;
    turn(aof, "a");
    clock.advance(1000);
    turn(aof, "x".repeat(70_000_000));
    failOn("sync", "EIO");
    disk.finishSyncs();
    await settle();
    heal();
    await tickFor(aof, 3000);
    expect(aof.writable).toBe(false);
    expect(messages.at(-1)).toStartWith("The AOF is incomplete and takes no more writes");
  });
});

describe("a full disk", () => {
  for (const policy of ["everysec", "no"] as const) {
    test(`leaves no hole and no half command, with ${policy}`, async () => {
      const aof = openLog(policy);
      turn(aof, "first");
      failOn("write", "ENOSPC");
      disk.partial = (length) => length - 2;
      expect(turn(aof, "second")).toBe(true);
      await settle();
      expect(aof.writable).toBe(false);
      expect(aof.failure).toBe("No space left on device");
      // Cut back at once: others may have a use for the room.
      expect(written()).toBe(`${SELECT_0}first`);
      expect(count("write")).toBe(2);
      await tickFor(aof, 1000);
      // Tried again, in vain.
      expect(count("write")).toBeGreaterThan(2);
      expect(written()).toBe(`${SELECT_0}first`);
      heal();
      await tickFor(aof, 1000);
      expect(aof.writable).toBe(true);
      expect(written()).toBe(`${SELECT_0}firstsecond`);
      turn(aof, "third");
      expect(written()).toBe(`${SELECT_0}firstsecondthird`);
    });
  }

  test("is reported once, and its end", async () => {
    const aof = openLog("no");
    failOn("write", "ENOSPC");
    turn(aof, "a");
    await tickFor(aof, 5000);
    heal();
    await tickFor(aof, 1000);
    expect(messages).toEqual([
      "Error writing to the AOF file: No space left on device",
      "AOF write error looks solved. The server can write again.",
    ]);
  });

  test("waits for cutting back to succeed before anything is written", async () => {
    const aof = openLog("no");
    disk.partial = () => 3;
    disk.fault = (operation) =>
      operation === "write" || operation === "truncate" ? "EIO" : undefined;
    turn(aof, "abcdef");
    await tickFor(aof, 2000);
    expect(written()).toBe(SELECT_0.slice(0, 3));
    expect(count("write")).toBe(1);
    heal();
    await tickFor(aof, 1000);
    expect(written()).toBe(`${SELECT_0}abcdef`);
  });

  test("is survived by a write that completes late", async () => {
    const aof = openLog("everysec");
    disk.slowWrites = true;
    failOn("write", "ENOSPC");
    turn(aof, "a");
    turn(aof, "b");
    await settle();
    expect(aof.writable).toBe(false);
    heal();
    await tickFor(aof, 1000);
    expect(written()).toBe(`${SELECT_0}ab`);
    expect(aof.writable).toBe(true);
  });
});

describe("a write that may have to wait for the disk", () => {
  /** How long writes take that the loop waits for. */
  let writeMs = 0;
  beforeEach(() => {
    writeMs = 0;
    disk.observe = (phase, operation) => {
      if (phase === "after" && operation === "write") clock.advance(writeMs);
    };
  });

  for (const policy of ["everysec", "no"] as const) {
    test(`is left to the thread pool while a snapshot is written, with ${policy}`, async () => {
      const aof = openLog(policy);
      disk.holdWrites = true;
      turn(aof, "a");
      expect(written()).toBe(`${SELECT_0}a`);
      aof.rewriteInProgress = true;
      for (const text of ["b", "c", "d"]) expect(turn(aof, text)).toBe(true);
      expect([disk.openWrites, written()]).toEqual([1, `${SELECT_0}a`]);
      disk.finishWrites();
      await settle();
      // What came meanwhile follows at once, as one write.
      expect([disk.openWrites, written()]).toEqual([1, `${SELECT_0}ab`]);
      disk.finishWrites();
      await settle();
      expect([disk.openWrites, written()]).toEqual([0, `${SELECT_0}abcd`]);
      aof.rewriteInProgress = false;
      turn(aof, "e");
      expect(written()).toBe(`${SELECT_0}abcde`);
      expect(await aof.close()).toBe(true);
    });
  }

  for (const policy of ["everysec", "no", "always"] as const) {
    test(`is left to the thread pool once one was slow, until it is quick, ${policy}`, async () => {
      const aof = openLog(policy);
      disk.holdWrites = true;
      writeMs = 3;
      turn(aof, "a");
      expect(written()).toBe(`${SELECT_0}a`);
      const outcomes = [turn(aof, "b")];
      expect([disk.openWrites, written()]).toEqual([1, `${SELECT_0}a`]);
      expect(outcomes[0] === true).toBe(policy !== "always");
      disk.finishWrites();
      await settle();
      writeMs = 0;
      outcomes.push(turn(aof, "c"));
      expect([disk.openWrites, written()]).toEqual([1, `${SELECT_0}ab`]);
      disk.finishWrites();
      await settle();
      outcomes.push(turn(aof, "d"));
      expect([disk.openWrites, written()]).toEqual([0, `${SELECT_0}abcd`]);
      expect(await Promise.all(outcomes)).toEqual([true, true, true]);
      if (policy === "always") expect(durable()).toBe(`${SELECT_0}abcd`);
    });
  }

  test("with always is one that replies do not wait for a snapshot with", () => {
    const aof = openLog("always");
    disk.holdWrites = true;
    aof.rewriteInProgress = true;
    expect(turn(aof, "a")).toBe(true);
    expect(durable()).toBe(`${SELECT_0}a`);
  });

  test("and fails there is made good as any other", async () => {
    const aof = openLog("everysec");
    aof.rewriteInProgress = true;
    disk.partial = (length) => length >> 1;
    failOn("write", "ENOSPC");
    turn(aof, "abcdefgh");
    await settle();
    expect(aof.failure).toBe("No space left on device");
    expect(written().length).toBeLessThan(SELECT_0.length);
    heal();
    await tickFor(aof, 700);
    expect(aof.failure).toBe("");
    expect(written()).toBe(`${SELECT_0}abcdefgh`);
  });
});

describe("bursts of many times what is written at once", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`reach the disk whole, through failures and slow writes (${seed})`, async () => {
      const random = new Xoshiro(seed);
      const chance = (oneIn: number) => randomBelow(random, oneIn) === 0;
      const aof = openLog(seed === 1 ? "always" : "everysec");
      let expected = SELECT_0;
      disk.partial = (length) => randomBelow(random, length);
      for (let k = 0; k < 40; k++) {
        disk.slowWrites = chance(2);
        disk.holdSyncs = chance(3);
        disk.fault = () => (chance(12) ? "EIO" : undefined);
        for (let count = randomBelow(random, 20); count >= 0; count--) {
          const text = `${k}:${count} `.repeat(randomBelow(random, chance(9) ? 80_000 : 8000));
          append(aof, text);
          expected += text;
        }
        aof.endOfTurn();
        await settle();
        expect(expected.startsWith(written())).toBe(true);
        if (chance(3)) await tickFor(aof, 100 * randomBelow(random, 20));
        if (chance(2)) disk.finishSyncs();
      }
      heal();
      disk.holdSyncs = false;
      disk.finishSyncs();
      await tickFor(aof, 2000);
      expect(written() === expected).toBe(true);
      expect(await aof.close()).toBe(true);
      expect(durable() === expected).toBe(true);
      expect(count("write")).toBeGreaterThan(expected.length / 300_000);
    });
  }

  test("are closed whole while the file fails", async () => {
    const aof = openLog("everysec");
    failOn("write", "ENOSPC");
    disk.partial = (length) => length >> 1;
    const texts = Array.from({ length: 300 }, (_, k) => `${k} `.repeat(2000));
    for (const text of texts) append(aof, text);
    aof.endOfTurn();
    await settle();
    heal();
    expect(await aof.close()).toBe(true);
    expect(durable() === SELECT_0 + texts.join("")).toBe(true);
  });
});

describe("no-appendfsync-on-rewrite", () => {
  test("suspends syncs while a rewrite runs, with always too", async () => {
    const aof = openLog("always");
    aof.noSyncOnRewrite = true;
    turn(aof, "a");
    aof.rewriteInProgress = true;
    expect(turn(aof, "b")).toBe(true);
    expect(durable()).toBe(`${SELECT_0}a`);
    aof.policy = "everysec";
    await tickFor(aof, 2000);
    expect(durable()).toBe(`${SELECT_0}a`);
    aof.rewriteInProgress = false;
    await tickFor(aof, 100);
    expect(durable()).toBe(`${SELECT_0}ab`);
  });
});

describe("CONFIG SET appendfsync", () => {
  test("to always makes the next turn cover what was not synced before", () => {
    const aof = openLog("no");
    turn(aof, "a");
    aof.policy = "always";
    expect(aof.endOfTurn()).toBe(true);
    expect(durable()).toBe(`${SELECT_0}a`);
  });

  for (const policy of ["always", "everysec"] as const) {
    test(`to ${policy} promises nothing behind a hole`, async () => {
      const aof = openLog("no");
      await loseFirst(aof, "lost");
      expect(aof.writable).toBe(true);
      turn(aof, "b");
      aof.policy = policy;
      expect(turn(aof, "c")).toBe(policy !== "always");
      expect(aof.failure).toBe("Input/output error");
      expect(count("sync")).toBe(1);
      expect(await aof.close()).toBe(false);
    });
  }

  test("to always promises once a rewrite has replaced what had a hole", async () => {
    const aof = openLog("no");
    await loseFirst(aof, "lost");
    const isSwitched = aof.switchTo(NEXT_PATH);
    turn(aof, "b");
    expect(await isSwitched).toBe(true);
    expect(aof.durableEffects).toBe(0);
    aof.rebase(100);
    aof.policy = "always";
    expect(turn(aof, "c")).toBe(true);
    expect(aof.writable).toBe(true);
    expect(aof.durableEffects).toBe("lostbc".length);
    expect(disk.durableContentOf(NEXT_PATH).toString()).toContain("c");
  });

  test("from always still answers the replies that wait", async () => {
    const aof = openLog("always");
    disk.onSyncNow = () => clock.advance(30);
    turn(aof, "a");
    disk.holdSyncs = true;
    const first = turn(aof, "b");
    const second = turn(aof, "c");
    aof.policy = "no";
    disk.finishSyncs();
    expect(await first).toBe(true);
    disk.finishSyncs();
    expect(await second).toBe(true);
  });
});

describe("closing", () => {
  for (const policy of ["always", "everysec", "no"] as const) {
    test(`makes everything durable, with ${policy}`, async () => {
      const aof = openLog(policy);
      turn(aof, "a");
      append(aof, "b");
      expect(await aof.close()).toBe(true);
      expect(durable()).toBe(`${SELECT_0}ab`);
      expect(aof.isOpen).toBe(false);
    });
  }

  test("waits for a sync that runs", async () => {
    const aof = openLog("everysec");
    clock.advance(1000);
    disk.holdSyncs = true;
    turn(aof, "a");
    turn(aof, "b");
    const closing = aof.close();
    await settle();
    expect(aof.isOpen).toBe(true);
    disk.finishSyncs();
    expect(await closing).toBe(true);
    expect(durable()).toBe(`${SELECT_0}ab`);
  });

  test("tries once more after a failure, and says if that failed too", async () => {
    const aof = openLog("everysec");
    failOn("write", "ENOSPC");
    turn(aof, "a");
    await settle();
    heal();
    expect(await aof.close()).toBe(true);
    expect(durable()).toBe(`${SELECT_0}a`);

    const other = openLog("everysec");
    failOn("sync", "EIO");
    turn(other, "b");
    expect(await other.close()).toBe(false);
    expect(messages.at(-1)).toBe("Error closing the AOF file: Input/output error");
  });
});

test("going on behind an existing file counts its size and that of the files before it", () => {
  const aof = new AppendOnlyFile({ fileSystem: disk, clock, logger, policy: "no" });
  disk.put(PATH, Buffer.from("0123456789torn"));
  aof.open({
    path: PATH,
    size: 10,
    uncoveredBytes: 10,
    uncoveredCrc: 0,
    earlierBytes: 100,
    baseBytes: 70,
  });
  expect(written()).toBe("0123456789");
  turn(aof, "x");
  const status = new PersistenceStatus();
  aof.report(status);
  expect(status.aofEnabled).toBe(true);
  expect(status.aofCurrentSize).toBe(111 + SELECT_0.length);
  expect(status.aofBaseSize).toBe(70);
  expect(status.aofLastWriteOk).toBe(true);
});

test("a log that is closed is not exchanged: who asks is told, not kept waiting", async () => {
  const aof = openLog("everysec");
  turn(aof, "x");
  await aof.close();
  const exchange = aof.exchange(() => {
    throw new Error("there is no successor");
  });
  await expect(exchange).rejects.toThrow("The AOF is closed");
});

test("nor is one that is being closed", async () => {
  const aof = openLog("everysec");
  clock.advance(1000);
  disk.holdSyncs = true;
  turn(aof, "x");
  const closed = aof.close();
  const exchange = aof.exchange(() => {
    throw new Error("there is no successor");
  });
  disk.finishSyncs();
  await expect(exchange).rejects.toThrow("The AOF is closed");
  expect(await closed).toBe(true);
});
