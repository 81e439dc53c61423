import { expect, test } from "bun:test";
import { type Peer, request, ServerFixture } from "./server-fixture.ts";

const BIG = 300_000;
const LIMIT = "maxmemory-clients 1mb";

/** The bytes of a command whose last argument of `BIG` bytes has all but arrived. */
function unfinished(): string {
  return `*2\r\n$4\r\nECHO\r\n$${BIG + 1}\r\n${"x".repeat(BIG)}`;
}

/** Has clients hold memory one after the other until one is gone; returns how many it took. */
async function fill(fixture: ServerFixture, hold: (peer: Peer) => void): Promise<number> {
  const peers: Peer[] = [];
  while (!peers.some(({ transport }) => transport.isClosed) && peers.length < 20) {
    const peer = fixture.connect();
    peers.push(peer);
    hold(peer);
    await fixture.endTurn();
  }
  return peers.length;
}

const HOLDING: readonly (readonly [what: string, hold: (peer: Peer) => void])[] = [
  ["unfinished commands", (peer) => peer.send(unfinished())],
  ["queued transactions", (peer) => peer.run("multi", `set k ${"x".repeat(BIG)}`)],
  [
    // Of a watched key its hash is kept, whatever its length.
    "watched keys",
    (peer) => peer.run(`watch ${Array.from({ length: 4000 }, (_, k) => k).join(" ")}`),
  ],
  [
    "subscriptions",
    (peer) =>
      peer.run(...Array.from({ length: 30 }, (_, k) => `psubscribe ${k}${"x".repeat(10_000)}`)),
  ],
  [
    "prefixes",
    (peer) => {
      peer.run("hello 3");
      for (let k = 0; k < 30; k++) {
        peer.run(`client tracking on bcast prefix ${k}${"x".repeat(10_000)}`);
      }
    },
  ],
  [
    "replies that they do not read",
    (peer) => {
      peer.run(`set k ${"x".repeat(BIG)}`);
      peer.transport.room = 0;
      peer.send(request("get k"));
    },
  ],
];

test.each(HOLDING)("%s count", async (_, hold) => {
  const unlimited = new ServerFixture();
  expect(await fill(unlimited, hold)).toBe(20);
  expect(unlimited.server.statistics.evictedClients).toBe(0);
  const fixture = new ServerFixture(LIMIT);
  const count = await fill(fixture, hold);
  // What grows by doubling may be twice as large as what it holds.
  expect(count).toBeGreaterThanOrEqual(2);
  expect(count).toBeLessThanOrEqual(4);
  expect(fixture.server.statistics.evictedClients).toBe(1);
  expect(fixture.logged.join()).toContain("Evicting client: id=");
  expect(await fill(fixture, (peer) => peer.run("ping"))).toBe(20);
});

/** Clients that wait with these many bytes each; the limit is set afterwards. */
async function waiting(...bytes: number[]): Promise<[ServerFixture, Peer[]]> {
  const fixture = new ServerFixture();
  const peers = bytes.map((count) => {
    const peer = fixture.connect();
    peer.run("multi", `echo ${"x".repeat(count)}`);
    return peer;
  });
  await fixture.endTurn();
  return [fixture, peers];
}

const areOpen = (peers: Peer[]) => peers.map(({ transport }) => !transport.isClosed);

test("a lower limit closes the largest clients until it holds, and no more", async () => {
  const [fixture, peers] = await waiting(100_000, 900_000, 300_000, 600_000);
  const limit = async (value: string) => {
    fixture.connect().run(`config set maxmemory-clients ${value}`);
    await fixture.endTurn();
    return areOpen(peers);
  };
  expect(await limit("2mb")).toEqual([true, true, true, true]);
  expect(await limit("1500kb")).toEqual([true, false, true, true]);
  expect(await limit("1050kb")).toEqual([true, false, true, true]);
  expect(await limit("450kb")).toEqual([true, false, true, false]);
  // Less than 128 kB would leave room for nobody.
  expect(await limit("1")).toEqual([true, false, false, false]);
  expect(fixture.server.statistics.evictedClients).toBe(3);
  expect(await limit("0")).toEqual([true, false, false, false]);
});

test("a client that asked for CLIENT NO-EVICT stays, and counts", async () => {
  const [fixture, peers] = await waiting(900_000, 300_000, 100_000);
  const [kept] = peers;
  kept.run("discard");
  kept.run("client no-evict on", "multi", `echo ${"x".repeat(900_000)}`);
  fixture.connect().run("config set maxmemory-clients 1200kb");
  await fixture.endTurn();
  expect(areOpen(peers)).toEqual([true, false, true]);
  fixture.connect().run("config set maxmemory-clients 200kb");
  await fixture.endTurn();
  expect(areOpen(peers)).toEqual([true, false, false]);
  expect(fixture.logged.join()).toContain("none is left that may be evicted");
});

test("a percentage is one of maxmemory", async () => {
  const [fixture, peers] = await waiting(300_000, 600_000);
  const other = fixture.connect();
  const set = async (...values: string[]) => {
    other.run(...values.map((value) => `config set ${value}`));
    await fixture.endTurn();
    return areOpen(peers);
  };
  expect(await set("maxmemory-clients 10%")).toEqual([true, true]);
  expect(await set("maxmemory 100mb")).toEqual([true, true]);
  expect(await set("maxmemory 5mb")).toEqual([true, false]);
});

test("clients that leave or let go are counted no more", async () => {
  const fixture = new ServerFixture(LIMIT);
  const peer = fixture.connect();
  for (let k = 0; k < 20; k++) {
    const other = fixture.connect();
    other.send(unfinished());
    await fixture.endTurn();
    other.handler.closed();
    peer.run("multi", `echo ${"x".repeat(BIG)}`, "discard", "subscribe a", "unsubscribe");
    await fixture.endTurn();
  }
  expect(fixture.server.statistics.evictedClients).toBe(0);
});
