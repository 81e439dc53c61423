import { describe, expect, test } from "bun:test";
import { BlockRuns } from "../../../src/persistence/block-runs.ts";
import { CommandSaver } from "../../../src/persistence/command-save.ts";
import { RdbSaver } from "../../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../../src/persistence/snapshot.ts";
import type { SnapshotOutput } from "../../../src/persistence/snapshot-output.ts";
import { snapshotFuzzer } from "../../fuzz/snapshot.fuzz.ts";
import { Choices } from "../../harness/generate.ts";
import { requestOf, ServerFixture } from "../server/server-fixture.ts";

const BATCH = 1000;
/** Of a round of the fuzzer in which blocks change, join and go. */
const NOTICING_SEED = 9;
/** What one slice that ends at the first reading of the clock may write: a few blocks. */
const SLICE_BYTES_MAX = 100_000;

function rdbSaver(fixture: ServerFixture): RdbSaver {
  return new RdbSaver(fixture.keyspace, {
    version: 12,
    compresses: false,
    hasChecksum: false,
    access: "none",
    fields: [],
    libraries: [],
  });
}

/** The slices that a snapshot takes, and the most bytes that one of them wrote. */
function slicesOf(fixture: ServerFixture, saver: SnapshotOutput) {
  const { keyspace, clock } = fixture;
  saver.begin();
  const snapshot = new Snapshot(keyspace, clock, saver);
  let slices = 0;
  let mostBytes = 0;
  for (let hasMore = true; hasMore; slices++) {
    hasMore = snapshot.step(0);
    mostBytes = Math.max(mostBytes, saver.take().length);
  }
  return { slices, mostBytes };
}

describe("a large collection is taken in small slices, which write little each:", () => {
  for (const [command, count] of [
    ["rpush", 500_000],
    ["sadd", 50_000],
  ] as const) {
    test(`${command} of ${count} elements`, () => {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      for (let k = 0; k < count; k += BATCH) {
        const members = Array.from({ length: BATCH }, (_, at) => `element:${k + at}`);
        peer.send(requestOf(command, "key", ...members));
        peer.transport.take();
      }
      for (const saver of [rdbSaver(fixture), new CommandSaver(fixture.keyspace, false, [])]) {
        const { slices, mostBytes } = slicesOf(fixture, saver);
        expect(slices).toBeGreaterThan(count / 1000);
        expect(mostBytes).toBeLessThan(SLICE_BYTES_MAX);
      }
    });
  }

  test("xadd of 30000 entries, half of them pending for two consumers, and trimmed", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    const script = "for k = 1, 30000 do redis.call('xadd', 'key', k .. '-1', 'f', k) end";
    peer.send(requestOf("eval", script, "0"));
    peer.send(requestOf("xgroup", "create", "key", "group", "0"));
    for (const consumer of ["c1", "c2"]) {
      const from = ["count", "7500", "streams", "key", ">"];
      peer.send(requestOf("xreadgroup", "group", "group", consumer, ...from));
    }
    for (const entries of [30_000, 0]) {
      peer.send(requestOf("xtrim", "key", "maxlen", String(entries)));
      peer.transport.take();
      for (const saver of [rdbSaver(fixture), new CommandSaver(fixture.keyspace, false, [])]) {
        const { slices, mostBytes } = slicesOf(fixture, saver);
        expect(slices).toBeGreaterThan(entries / 200 + 15_000 / 128);
        expect(mostBytes).toBeLessThan(SLICE_BYTES_MAX);
      }
    }
  });
});

test("many collections that change ahead of the walk take little memory", () => {
  const fixture = new ServerFixture();
  const peer = fixture.connect();
  const fields = Array.from({ length: 600 }, (_, k) => [`field:${k}`, "value"]).flat();
  const keys = Array.from({ length: 200 }, (_, k) => `key:${k}`);
  for (const key of keys) peer.send(requestOf("hset", key, ...fields));
  for (const saver of [rdbSaver(fixture), new CommandSaver(fixture.keyspace, false, [])]) {
    saver.begin();
    const before = saver.memoryBytes;
    const snapshot = new Snapshot(fixture.keyspace, fixture.clock, saver);
    for (const key of keys) peer.send(requestOf("hset", key, "field:7", "another"));
    expect(snapshot.keysTaken).toBe(keys.length);
    expect(saver.memoryBytes - before).toBeLessThan(keys.length * 1024);
    while (snapshot.step(1000));
  }
});

describe("blocks that go ahead of the walk are left to it, not copied, and given back:", () => {
  const makeList = Array.from({ length: 40 }, (_, k) => [
    ...["rpush", "key", ...Array.from({ length: BATCH }, (_, at) => `element:${k * BATCH + at}`)],
  ]);
  const script = "for k = 1, 30000 do redis.call('xadd', 'key', k .. '-1', 'f', k) end";
  for (const [name, make, change] of [
    ["LTRIM", makeList, "ltrim key 0 9"],
    ["LTRIM at both ends", makeList, "ltrim key 100 200"],
    ["LPOP", makeList, "lpop key 30000"],
    ["XTRIM", [["eval", script, "0"]], "xtrim key maxlen 10"],
  ] as const) {
    test(name, () => {
      for (const isAborted of [false, true]) {
        const fixture = new ServerFixture();
        const peer = fixture.connect();
        const { keyspace, clock } = fixture;
        const free = () => {
          while (keyspace.lazyFree.run(clock, 0)) {}
        };
        const before = keyspace.pool.usedBytes;
        for (const words of make) peer.send(requestOf(...words));
        const full = keyspace.pool.usedBytes;
        const saver = rdbSaver(fixture);
        saver.begin();
        const snapshot = new Snapshot(keyspace, clock, saver);
        peer.transport.take();
        peer.send(requestOf(...change.split(" ")));
        free();
        // A block at either end changes.
        expect(snapshot.copiedBytes).toBeLessThan(20_000);
        expect(snapshot.copiedTotal).toBeGreaterThan((full - before) / 2);
        expect(keyspace.pool.usedBytes).toBeGreaterThan(full - 50_000);
        for (let k = 0; k < 10; k++) snapshot.step(0);
        if (isAborted) snapshot.abort();
        while (snapshot.step(1000));
        keyspace.verify();
        peer.send(requestOf("del", "key"));
        free();
        expect(keyspace.pool.usedBytes).toBe(before);
      }
    });
  }
});

interface TestBlock {
  readonly byteLength: number;
  isKept: boolean;
  readonly number: number;
  isChanged: boolean;
}

function testBlock(number: number): TestBlock {
  return { byteLength: 1, isKept: false, number, isChanged: false };
}

describe("blocks are handed over as they were,", () => {
  test("whatever changes, joins and goes meanwhile, and those that went once each", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const choices = new Choices(seed);
      const before = Array.from({ length: choices.below(20) }, (_, k) => testBlock(k));
      const expected = before.map(({ number }) => number);
      const blocks = [...before];
      const kept = new Set<TestBlock>();
      const runs = new BlockRuns(
        blocks.length,
        (index) => ({ ...blocks[index] }),
        (index) => {
          blocks[index].isKept = true;
          kept.add(blocks[index]);
          return blocks[index];
        },
      );
      const taken: number[] = [];
      const isAborted = choices.oneIn(5);
      for (;;) {
        for (let k = choices.below(4); k > 0; k--) {
          const index = choices.below(blocks.length + 1);
          const kind = choices.below(3);
          if (kind === 0) {
            runs.beforeInsert(index);
            blocks.splice(index, 0, { ...testBlock(200), isChanged: true });
          } else if (kind === 1 && index < blocks.length) {
            runs.beforeChange(index);
            blocks[index].isChanged = true;
          } else {
            const count = choices.below(blocks.length - index + 1);
            runs.beforeRemove(index, count);
            for (const block of blocks.splice(index, count)) block.isChanged = !block.isKept;
          }
        }
        if (isAborted && taken.length > 3) break;
        const index = runs.next();
        if (index === -1) break;
        const block = index === -2 ? runs.held! : blocks[index];
        expect(block.isChanged).toBe(false);
        if (index === -2 && block.isKept) expect(kept.delete(block)).toBe(true);
        taken.push(block.number);
      }
      for (let held = runs.nextHeld(); held !== undefined; held = runs.nextHeld()) {
        if (held.isKept) expect(kept.delete(held)).toBe(true);
      }
      if (!isAborted) expect(taken).toEqual(expected);
      expect(kept.size).toBe(0);
      expect(runs.copiedBytes).toBe(0);
    }
  });

  test("each at the same cost where many are removed one by one", () => {
    const count = 200_000;
    const runs = new BlockRuns(count, testBlock);
    runs.next();
    for (let k = 0; k < count - 10; k++) runs.beforeRemove(1, 1);
    let held = 0;
    let index = runs.next();
    for (; index === -2; index = runs.next()) held += runs.held!.number === 1 ? 1 : 0;
    expect([held, index]).toEqual([count - 10, 1]);
  });

  for (const method of ["beforeChange", "beforeInsert", "beforeRemove"] as const) {
    test(`which the fuzzer would notice without ${method}`, () => {
      const original = BlockRuns.prototype[method];
      Object.assign(BlockRuns.prototype, { [method]: () => {} });
      try {
        expect(() => snapshotFuzzer.run(new Choices(NOTICING_SEED), 60)).toThrow();
      } finally {
        Object.assign(BlockRuns.prototype, { [method]: original });
      }
    });
  }
});
