import { describe, expect, test } from "bun:test";
import { CommandSaver } from "../../../src/persistence/command-save.ts";
import { RdbSaver } from "../../../src/persistence/rdb-save.ts";
import { Snapshot } from "../../../src/persistence/snapshot.ts";
import type { SnapshotOutput } from "../../../src/persistence/snapshot-output.ts";
import { StringWalk } from "../../../src/persistence/string-walk.ts";
import { Choices } from "../../harness/generate.ts";
import { loadBytes } from "../../harness/rdb-bytes.ts";
import { type Peer, requestOf, ServerFixture } from "../server/server-fixture.ts";

const MEBIBYTE = 1 << 20;
const LENGTH = 2 * MEBIBYTE + 600_000;
const KEYS = ["large:0", "large:1", "large:2"];
const DIRECTIVES = "enable-debug-command yes";
/** What one slice that ends at the first reading of the clock may write: a piece. */
const SLICE_BYTES_MAX = 300_000;

function ask(peer: Peer, ...words: string[]): string {
  peer.transport.take();
  peer.send(requestOf(...words));
  return peer.transport.take();
}

function saverFor(fixture: ServerFixture, isRdb: boolean): SnapshotOutput {
  if (!isRdb) return new CommandSaver(fixture.keyspace, false, []);
  return new RdbSaver(fixture.keyspace, {
    ...{ version: 12, compresses: true, hasChecksum: true },
    ...{ access: "none", fields: [], libraries: [] },
  });
}

/** A server with strings large enough to be taken in pieces, no two of which are the same. */
function withStrings(): { fixture: ServerFixture; peer: Peer } {
  const fixture = new ServerFixture(DIRECTIVES);
  const peer = fixture.connect();
  for (const key of KEYS) {
    ask(peer, "setrange", key, String(LENGTH), key);
    for (let at = 0; at < LENGTH; at += 99_999) ask(peer, "setrange", key, String(at), `<${at}>`);
    ask(peer, "set", `small of ${key}`, "value");
  }
  ask(peer, "pexpireat", KEYS[2], "33177117420000");
  return { fixture, peer };
}

/** A change to a large string, in place or not. */
function touch(peer: Peer, choices: Choices): void {
  const [key, other] = [choices.pick(KEYS), choices.pick(KEYS)];
  const offset = () => String(choices.below(LENGTH));
  const commands = [
    () => ["set", key, "short"],
    () => ["set", key, "y".repeat(LENGTH)],
    () => ["set", key, "z".repeat(LENGTH + key.length)],
    () => ["setrange", key, offset(), "changed"],
    () => ["append", key, choices.pick(["more", "z".repeat(900_000)])],
    () => ["setbit", key, offset(), "1"],
    () => ["bitfield", key, "set", "u8", offset(), "77"],
    () => ["getdel", key],
    () => ["rename", key, other],
    () => ["copy", key, other, "replace"],
    () => ["move", key, "3"],
    () => ["pexpireat", key, "33177117420001"],
    () => ["pexpireat", key, "1"],
    () => ["persist", key],
    () => ["bitop", "not", key, other],
    () => ["sort", "nothing", "store", key],
    () => ["swapdb", "0", "3"],
    () => [choices.oneIn(3) ? "flushall" : "flushdb"],
    () => ["set", `small of ${key}`, "changed"],
  ];
  ask(peer, ...choices.pick(commands)());
}

/** Takes a snapshot between changes, and throws where it is not of the instant it began. */
function takeBetween(seed: number): void {
  const choices = new Choices(seed);
  const { fixture, peer } = withStrings();
  const before = ask(peer, "debug", "digest");
  const saver = saverFor(fixture, seed % 3 !== 0);
  const pieces: Uint8Array[] = [];
  saver.begin();
  const snapshot = new Snapshot(fixture.keyspace, fixture.clock, saver);
  while (snapshot.step(0)) {
    if (choices.oneIn(4)) touch(peer, choices);
    if (seed % 10 === 9 && choices.oneIn(9)) snapshot.abort();
    while (fixture.keyspace.lazyFree.run(fixture.clock, 0)) {}
    pieces.push(saver.take().slice());
  }
  pieces.push(saver.end());
  fixture.keyspace.verify();
  ask(peer, "flushall");
  while (fixture.keyspace.lazyFree.run(fixture.clock, 0)) {}
  if (fixture.keyspace.pool.usedBytes > 100_000) throw new Error("a block is never given back");
  if (seed % 10 === 9) return;
  const bytes = Buffer.concat(pieces);
  const copy = new ServerFixture(DIRECTIVES);
  if (seed % 3 !== 0) loadBytes(bytes, copy);
  else copy.connect().send(bytes);
  const after = ask(copy.connect(), "debug", "digest");
  if (after !== before) throw new Error(`seed ${seed}: the snapshot is not of its instant`);
}

describe("a large string", () => {
  test("is taken in pieces, whatever its slice ends at", () => {
    const { fixture } = withStrings();
    for (const isRdb of [true, false]) {
      const saver = saverFor(fixture, isRdb);
      saver.begin();
      const snapshot = new Snapshot(fixture.keyspace, fixture.clock, saver);
      let slices = 0;
      for (; snapshot.step(0); slices++) {
        expect(saver.take().length).toBeLessThan(SLICE_BYTES_MAX);
      }
      expect(slices).toBeGreaterThan((KEYS.length * LENGTH) / SLICE_BYTES_MAX);
    }
  });

  for (const command of ["set large:0 x", "del large:0", "copy large:1 large:0 replace"]) {
    test(`is handed over, not copied, by ${command}`, () => {
      const { fixture, peer } = withStrings();
      const { keyspace } = fixture;
      const saver = saverFor(fixture, true);
      saver.begin();
      const before = saver.memoryBytes;
      const { usedBytes } = keyspace.pool;
      const snapshot = new Snapshot(keyspace, fixture.clock, saver);
      peer.send(requestOf(...command.split(" ")));
      expect(snapshot.copiedBytes).toBe(0);
      expect(saver.memoryBytes - before).toBeLessThan(10_000);
      expect(snapshot.copiedTotal).toBeGreaterThan(LENGTH);
      const during = keyspace.pool.usedBytes;
      while (snapshot.step(1000));
      expect(during - keyspace.pool.usedBytes).toBeGreaterThan(LENGTH);
      expect(keyspace.pool.usedBytes).toBeLessThan(usedBytes + 70_000);
      keyspace.verify();
    });
  }

  test("is copied where it changes in place, and only what is left of it", () => {
    const { fixture, peer } = withStrings();
    const saver = saverFor(fixture, true);
    saver.begin();
    const snapshot = new Snapshot(fixture.keyspace, fixture.clock, saver);
    while (saver.readyBytes < MEBIBYTE) snapshot.step(0);
    for (const key of KEYS) ask(peer, "setbit", key, "7", "1");
    const left = KEYS.length * LENGTH - MEBIBYTE;
    expect(snapshot.copiedBytes).toBeLessThan(left + 1000);
    expect(snapshot.copiedBytes).toBeGreaterThan(left - 2 * SLICE_BYTES_MAX);
    while (snapshot.step(1000));
    expect(snapshot.copiedBytes).toBe(0);
  });

  test("is taken as it was, whatever happens to it meanwhile", () => {
    for (let seed = 1; seed <= 6; seed++) takeBetween(seed);
  });

  test("would be noticed to change under the walk, or to be given back", () => {
    const run = () => {
      for (let seed = 1; seed <= 10; seed++) takeBetween(seed);
    };
    const { copy } = StringWalk.prototype;
    StringWalk.prototype.copy = () => {};
    try {
      expect(run).toThrow();
    } finally {
      StringWalk.prototype.copy = copy;
    }
    const { keepsBlock } = Snapshot.prototype;
    Snapshot.prototype.keepsBlock = () => false;
    try {
      expect(run).toThrow();
    } finally {
      Snapshot.prototype.keepsBlock = keepsBlock;
    }
  });
});
