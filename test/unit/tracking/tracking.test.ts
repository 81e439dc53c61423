import { describe, expect, test } from "bun:test";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Keyspace } from "../../../src/keyspace/keyspace.ts";
import { TrackingTable } from "../../../src/tracking/tracking-table.ts";
import { type Peer, ServerFixture } from "../server/server-fixture.ts";

const OK = "+OK\r\n";
/** Who follows changes in every test. */
const IDLE_FOLLOWERS = new ServerFixture().keyspace.changes.followerCount;

function invalidate(...keys: string[]): string {
  const bulks = keys.map((key) => `$${key.length}\r\n${key}\r\n`).join("");
  return `>2\r\n$10\r\ninvalidate\r\n*${keys.length}\r\n${bulks}`;
}

async function start(directives = "", ...tracking: string[]) {
  const fixture = new ServerFixture(directives);
  const peer = fixture.connect();
  const other = fixture.connect();
  peer.run("hello 3");
  expect(peer.run(`client tracking on ${tracking.join(" ")}`.trim())).toBe(OK);
  return { fixture, peer, other, tracking: fixture.server.tracking };
}

/** What a peer has been sent by the end of the turn. */
async function told(fixture: ServerFixture, peer: Peer): Promise<string> {
  await fixture.endTurn();
  return peer.transport.take();
}

describe("the tracking table", () => {
  const keyspace = () => new Keyspace(1, new Xoshiro(3));

  test("knows each client of a key once, in whatever order they come", () => {
    const table = new TrackingTable(keyspace());
    const key = latin1Bytes("key");
    const ids = [7, 2 ** 40 + 1, 3, 2 ** 32, 9, 3, 7, 1, 2 ** 47];
    for (const id of ids) table.add(key, 0, 3, 99, id);
    expect([table.keyCount, table.itemCount]).toEqual([1, 7]);
    expect(table.has(key, 0, 3, 99)).toBe(true);
    expect(table.has(key, 0, 2, 99)).toBe(false);
    expect(table.take(key, 0, 3, 99)).toBe(true);
    const taken = [...table.taken.subarray(0, table.takenCount)];
    expect(taken).toEqual([1, 3, 7, 9, 2 ** 32, 2 ** 40 + 1, 2 ** 47]);
    expect([table.keyCount, table.itemCount]).toEqual([0, 0]);
    expect(table.take(key, 0, 3, 99)).toBe(false);
  });

  test("is memory of the keyspace, which it gives back", () => {
    const own = keyspace();
    const table = new TrackingTable(own);
    const before = own.usedBytes;
    for (let k = 0; k < 20_000; k++) {
      const key = latin1Bytes(`key:${k}`);
      table.add(key, 0, key.length, own.hash(key, 0, key.length), k);
    }
    const bytesPerKey = (own.usedBytes - before) / 20_000;
    expect(bytesPerKey).toBeGreaterThan(20);
    expect(bytesPerKey).toBeLessThan(60);
    table.clear();
    const clock = { wallMs: () => 0, wallUs: () => 0, monotonicUs: () => 0 };
    while (own.lazyFree.run(clock, 1000));
    expect(own.usedBytes).toBeLessThan(before + 4096);
    own.verify();
  });
});

describe("tracked clients", () => {
  test("are told, and nobody follows changes once there is nobody to tell", async () => {
    const { fixture, peer, other } = await start();
    expect(peer.run("get k")).toBe("_\r\n");
    expect(fixture.keyspace.changes.followerCount).toBe(IDLE_FOLLOWERS + 1);
    other.run("set k 1");
    expect(await told(fixture, peer)).toBe(invalidate("k"));
    peer.run("get k", "client tracking off");
    expect(fixture.keyspace.changes.followerCount).toBe(IDLE_FOLLOWERS + 1);
    other.run("set k 1");
    expect(await told(fixture, peer)).toBe("");
    expect(fixture.keyspace.changes.followerCount).toBe(IDLE_FOLLOWERS);
  });

  test("count in used memory, broadcasts too", async () => {
    const { fixture, peer, other, tracking } = await start();
    const before = fixture.server.memory.usedBytes;
    const keys = Array.from({ length: 5000 }, (_, k) => `missing:${k}`);
    peer.run(`mget ${keys.join(" ")}`);
    expect(fixture.server.memory.usedBytes).toBeGreaterThan(before + 5000 * 20);
    expect(tracking.itemCount).toBe(5000);
    peer.run("flushall");
    const wide = fixture.connect();
    wide.run(`client tracking on bcast ${keys.map((key) => `prefix p${key}:`).join(" ")}`);
    expect(tracking.prefixCount).toBe(5000);
    expect(tracking.memoryBytes).toBeGreaterThan(5000 * 100);
    wide.handler.closed();
    expect([tracking.prefixCount, tracking.memoryBytes]).toEqual([0, 0]);
    other.run("set k 1");
  });

  test("hear once per turn of what changed under a prefix", async () => {
    const { fixture, peer, other, tracking } = await start("", "bcast", "prefix", "a");
    const third = fixture.connect();
    other.run("set ab 1", "set b 1", "set aa 1");
    third.run("set aa 2", "set ac 1");
    expect(peer.transport.take()).toBe("");
    expect(await told(fixture, peer)).toBe(invalidate("aa", "ab", "ac"));
    expect(await told(fixture, peer)).toBe("");
    other.run("set aa 1");
    peer.run("client tracking off");
    expect(await told(fixture, peer)).toBe("");
    expect(tracking.memoryBytes).toBe(0);
  });

  test("without loops hear of what they and another one have changed", async () => {
    const { fixture, peer, other } = await start("", "bcast", "noloop");
    peer.run("set mine 1", "set both 1");
    other.run("set both 2");
    expect(await told(fixture, peer)).toBe(invalidate("both"));
  });

  test("that do not read are cut off at their output limit", async () => {
    const { fixture, peer, other } = await start("client-output-buffer-limit normal 4096 0 0");
    peer.transport.room = 0;
    const name = "k".repeat(1000);
    for (let k = 0; k < 20 && !peer.transport.isClosed; k++) {
      peer.run(`exists ${name}${k}`);
      other.run(`set ${name}${k} 1`);
      await fixture.endTurn();
    }
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.server.tracking.clientCount).toBe(0);
  });

  test("are told of a key at once where there is no memory to note it", async () => {
    const { fixture, peer, tracking } = await start();
    const { pool } = fixture.keyspace;
    const allocate = pool.allocate;
    peer.run("get known");
    pool.allocate = () => {
      throw new RangeError("Out of memory");
    };
    const reply = peer.run("get k");
    pool.allocate = allocate;
    expect(reply).toBe(`_\r\n${invalidate("k")}`);
    expect([tracking.keyCount, tracking.itemCount]).toEqual([1, 1]);
    fixture.verify();
  });

  test("take a table's worth of keys at most, whoever asks next", async () => {
    const { fixture, peer, other, tracking } = await start("tracking-table-max-keys 100");
    const keys = Array.from({ length: 1000 }, (_, k) => `k${k}`);
    peer.run(`mget ${keys.join(" ")}`);
    expect(tracking.keyCount).toBe(1000);
    // A hundred for the first command, two hundred for the second, and so on.
    for (const left of [900, 700, 400, 100]) {
      other.run("ping");
      expect(tracking.keyCount).toBe(left);
    }
    const messages = (await told(fixture, peer)).match(/invalidate/g);
    expect(messages).toHaveLength(900);
  });
});
