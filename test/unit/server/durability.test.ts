import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";
import { commandsOf, request, ServerFixture } from "./server-fixture.ts";
import { addWaitingCommands } from "./waiting-commands.ts";

const ALWAYS = "port 0\ndir /\nappendonly yes\nappendfsync always\naof-checksums no";
const OK_BYTES = "+OK\r\n".length;
const LOG = "/appendonlydir/appendonly.aof.1.incr.aof";

async function started(directives: string) {
  const disk = new FaultyFileSystem();
  const fixture = new ServerFixture(directives, 1, disk);
  // Port 0 without a unix socket: nobody listens, which is what this test wants.
  await fixture.server.start();
  return { fixture, disk };
}

/** The keys of the SETs that would survive a power cut now. */
function durableKeys(disk: FaultyFileSystem): Set<string> {
  const text = disk.durableContentOf(LOG).toString("latin1");
  const commands = commandsOf(text).filter(([name]) => name === "set");
  return new Set(commands.map(([, key]) => key));
}

test("the log's FLUSHALL leaves the snapshot alone when it is loaded", async () => {
  const { fixture, disk } = await started(`${ALWAYS}\nsave 3600 1`);
  const peer = fixture.connect();
  peer.run("flushall");
  peer.run("set a 1");
  await fixture.endTurn();
  peer.run("save");
  const snapshot = disk.contentOf("/dump.rdb");
  await fixture.server.stop();
  expect(disk.contentOf(LOG).toString()).toContain("flushall");
  const again = new ServerFixture(`${ALWAYS}\nsave 3600 1`, 2, disk);
  await again.server.start();
  const reader = again.connect();
  reader.send(request("get a"));
  await again.endTurn();
  expect(reader.transport.take()).toBe("$1\r\n1\r\n");
  expect(disk.contentOf("/dump.rdb")).toEqual(snapshot);
  await again.server.stop();
});

describe("appendfsync always", () => {
  test("a write is acknowledged once its sync is done, and not within its own turn", async () => {
    const { fixture, disk } = await started(ALWAYS);
    const peer = fixture.connect();
    peer.send(request("set a 1", "get a"));
    expect(peer.transport.take()).toBe("");
    for (let k = 0; k < 20 && peer.transport.length === 0; k++) await fixture.endTurn();
    expect(durableKeys(disk)).toEqual(new Set(["a"]));
    expect(peer.transport.take()).toBe("+OK\r\n$1\r\n1\r\n");
    await fixture.server.stop();
  });

  test("a sync waits for those whom one served before, while they keep coming", async () => {
    const { fixture, disk } = await started(ALWAYS);
    const peers = Array.from({ length: 4 }, () => fixture.connect());
    let syncs = 0;
    disk.onSyncNow = () => syncs++;
    const write = (peer: (typeof peers)[number]) => peer.send(request("set a 1"));
    const replies = () => peers.map((peer) => peer.transport.take());
    peers.forEach(write);
    await fixture.endTurn();
    expect([syncs, ...replies()]).toEqual([1, "+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"]);
    for (const peer of peers) {
      expect(syncs).toBe(1);
      write(peer);
      await fixture.endTurn();
    }
    await fixture.endTurn();
    expect([syncs, ...replies()]).toEqual([2, "+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"]);
    await fixture.server.stop();
  });

  test("a sync does not wait for those who stay away", async () => {
    const { fixture } = await started(ALWAYS);
    const peers = Array.from({ length: 8 }, () => fixture.connect());
    const write = (peer: (typeof peers)[number]) => peer.send(request("set a 1"));
    peers.forEach(write);
    await fixture.endTurn();
    const turns: number[] = [];
    for (let round = 0; round < 8; round++) {
      let count = 0;
      peers[0].transport.take();
      for (write(peers[0]); peers[0].transport.length === 0; count++) await fixture.endTurn();
      turns.push(count);
    }
    expect(turns).toEqual([3, 3, 3, 3, 3, 3, 3, 1]);
    await fixture.server.stop();
  });

  test("a sync waits no longer than a millisecond for those who come", async () => {
    const { fixture, disk } = await started(ALWAYS);
    const peers = Array.from({ length: 8 }, () => fixture.connect());
    let syncs = 0;
    disk.onSyncNow = () => syncs++;
    for (const peer of peers) peer.send(request("set a 1"));
    await fixture.endTurn();
    for (const peer of peers.slice(0, 3)) {
      expect(syncs).toBe(1);
      peer.send(request("set a 1"));
      fixture.clock.advance(0.6);
      await fixture.endTurn();
    }
    expect(syncs).toBe(2);
    await fixture.server.stop();
  });

  for (const seed of [1, 2, 3, 4]) {
    test(`no reply overtakes its sync, whatever disk and peers do (seed ${seed})`, async () => {
      const { fixture, disk } = await started(ALWAYS);
      const random = new Xoshiro(seed);
      disk.holdSyncs = seed % 2 === 0;
      disk.slowWrites = seed > 2;
      const peers = Array.from({ length: 4 }, (_, index) => ({
        peer: fixture.connect(),
        index,
        sent: 0,
        received: 0,
      }));
      const check = () => {
        const durable = durableKeys(disk);
        for (const one of peers) {
          one.received += one.peer.transport.take().length;
          for (let k = 0; k * OK_BYTES < one.received; k++) {
            expect(durable.has(`${one.index}:${k}`)).toBe(true);
          }
        }
      };
      for (let step = 0; step < 400; step++) {
        const one = peers[randomBelow(random, peers.length)];
        switch (randomBelow(random, 6)) {
          case 0:
          case 1:
            one.peer.send(request(`set ${one.index}:${one.sent++} v`));
            break;
          case 2:
            one.peer.transport.room = randomBelow(random, 20);
            break;
          case 3:
            one.peer.handler.drained();
            break;
          case 4:
            disk.finishSyncs();
            break;
          default:
            await fixture.endTurn();
        }
        check();
      }
      disk.holdSyncs = false;
      for (let k = 0; k < 20; k++) {
        disk.finishSyncs();
        await fixture.endTurn();
        for (const { peer } of peers) {
          peer.transport.room = Number.POSITIVE_INFINITY;
          peer.handler.drained();
        }
        check();
      }
      expect(peers.map((one) => one.received)).toEqual(peers.map((one) => one.sent * OK_BYTES));
      fixture.verify();
      await fixture.server.stop();
    });
  }

  test("who waited is answered once what answered it, and what it did, is durable", async () => {
    const { fixture, disk } = await started(ALWAYS);
    addWaitingCommands(fixture.server.registry);
    const [waiting, pushing] = [fixture.connect(), fixture.connect()];
    waiting.send(request("take k 0", "get a"));
    pushing.send(request("put k 2", "set a 1"));
    expect(waiting.transport.take() + pushing.transport.take()).toBe("");
    for (let k = 0; k < 20 && waiting.transport.length === 0; k++) await fixture.endTurn();
    expect(waiting.transport.take()).toBe("*2\r\n$1\r\nk\r\n:2\r\n$1\r\n1\r\n");
    expect(pushing.transport.take()).toBe(":2\r\n+OK\r\n");
    const log = commandsOf(disk.durableContentOf(LOG).toString("latin1"));
    expect(log.map((words) => words.join(" ")).slice(-3)).toEqual([
      "put k 2",
      "TAKEN k",
      "set a 1",
    ]);
    await fixture.server.stop();
  });

  test("who waited is told nothing where what it did is lost", async () => {
    const { fixture, disk } = await started(ALWAYS);
    addWaitingCommands(fixture.server.registry);
    const [waiting, pushing] = [fixture.connect(), fixture.connect()];
    waiting.send(request("take k 0"));
    disk.fault = (operation) => (operation.startsWith("sync") ? "EIO" : undefined);
    pushing.send(request("put k 2"));
    for (let k = 0; k < 20; k++) await fixture.endTurn();
    expect(waiting.transport.take() + pushing.transport.take()).toBe("");
    expect([waiting.transport.isClosed, pushing.transport.isClosed]).toEqual([true, true]);
    disk.fault = () => undefined;
    await fixture.server.stop();
  });

  test("replies that wait for a sync are not passed by those under a milder policy", async () => {
    const { fixture, disk } = await started(ALWAYS);
    const peer = fixture.connect();
    // One slow sync, and the next ones are made in the background.
    disk.onSyncNow = () => fixture.clock.advance(30);
    peer.send(request("set a 1"));
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("+OK\r\n");
    disk.holdSyncs = true;
    peer.send(request("set a 2"));
    await fixture.endTurn();
    peer.send(request("incr a"));
    fixture.connect().send(request("config set appendfsync everysec"));
    peer.send(request("incr a"));
    for (let k = 0; k < 3; k++) await fixture.endTurn();
    expect(peer.transport.take()).toBe("");
    disk.holdSyncs = false;
    disk.finishSyncs();
    for (let k = 0; k < 3; k++) await fixture.endTurn();
    expect(peer.transport.take()).toBe("+OK\r\n:3\r\n:4\r\n");
    await fixture.server.stop();
  });

  test("a failed sync acknowledges nothing, and reads are served", async () => {
    const { fixture, disk } = await started(ALWAYS);
    const peer = fixture.connect();
    peer.send(request("set before 1"));
    for (let k = 0; k < 20 && peer.transport.length === 0; k++) await fixture.endTurn();
    expect(peer.transport.take()).toBe("+OK\r\n");
    disk.fault = (operation) => (operation.startsWith("sync") ? "EIO" : undefined);
    peer.send(request("set lost 1"));
    for (let k = 0; k < 20; k++) await fixture.endTurn();
    expect(peer.transport.take()).toBe("");
    const other = fixture.connect();
    other.send(request("get before", "set more 1"));
    for (let k = 0; k < 20 && other.transport.length === 0; k++) await fixture.endTurn();
    expect(other.transport.take()).toStartWith("$1\r\n1\r\n-MISCONF ");
    disk.fault = () => undefined;
    await fixture.server.stop();
  });
});

describe("appendfsync everysec", () => {
  test("replies do not wait for the disk, and stopping makes everything durable", async () => {
    const { fixture, disk } = await started(ALWAYS.replace("always", "everysec"));
    const peer = fixture.connect();
    expect(peer.run("set a 1", "set b 2")).toBe("+OK\r\n+OK\r\n");
    await fixture.server.stop();
    expect(durableKeys(disk)).toEqual(new Set(["a", "b"]));
  });
});

describe("loading", () => {
  test("nobody reads or writes before all is loaded and changes are logged again", async () => {
    const disk = new FaultyFileSystem();
    const first = new ServerFixture(ALWAYS, 1, disk);
    await first.server.start();
    first.connect().send(request("set a 1"));
    for (let k = 0; k < 20; k++) await first.endTurn();
    await first.server.stop();

    const second = new ServerFixture(ALWAYS, 1, disk);
    let isReady = false;
    const starting = second.server.start().then(() => {
      isReady = true;
    });
    const answers = new Set<string>();
    const peer = second.connect();
    // Each microtask is a place where the load could have let somebody in.
    while (!isReady) {
      answers.add(peer.run("get a"));
      answers.add(peer.run("set b 2"));
      await Promise.resolve();
      await second.endTurn();
    }
    await starting;
    expect([...answers]).toEqual(["-LOADING Redis is loading the dataset in memory\r\n"]);
    expect(peer.run("get a")).toBe("");
    for (let k = 0; k < 20 && peer.transport.length === 0; k++) await second.endTurn();
    expect(peer.transport.take()).toBe("$1\r\n1\r\n");
    await second.server.stop();
  });
});

describe("WAITAOF", () => {
  const EVERYSEC = "port 0\ndir /\nappendonly yes\nappendfsync everysec\naof-checksums no";

  /** Lets the disk finish what it has begun, and the server notice. */
  async function settle(fixture: ServerFixture, disk: FaultyFileSystem): Promise<void> {
    for (let k = 0; k < 4; k++) {
      disk.finishSyncs();
      await fixture.endTurn();
    }
  }

  for (const seed of [1, 2, 3]) {
    test(`says 1 only for what a power cut would leave (seed ${seed})`, async () => {
      const { fixture, disk } = await started(EVERYSEC);
      const random = new Xoshiro(seed);
      disk.holdSyncs = true;
      disk.slowWrites = seed > 1;
      const peers = Array.from({ length: 3 }, (_, index) => ({
        peer: fixture.connect(),
        index,
        sent: 0,
        isWaiting: false,
      }));
      let confirmed = 0;
      for (let step = 0; step < 600; step++) {
        const one = peers[randomBelow(random, peers.length)];
        const choice = randomBelow(random, 6);
        if (choice < 3 && !one.isWaiting) {
          if (choice > 0) one.peer.send(request(`set ${one.index}:${one.sent++} v`));
          one.peer.send(request("waitaof 1 0 0"));
          one.isWaiting = true;
        } else if (choice === 3) fixture.advance(100);
        else if (choice === 4) disk.finishSyncs();
        else await fixture.endTurn();
        for (const { peer, index, sent } of peers) {
          if (!peer.transport.take().includes("*2\r\n:1\r\n")) continue;
          peers[index].isWaiting = false;
          confirmed++;
          const durable = durableKeys(disk);
          for (let k = 0; k < sent; k++) expect(durable.has(`${index}:${k}`)).toBe(true);
        }
      }
      expect(confirmed).toBeGreaterThan(20);
      disk.holdSyncs = false;
      await settle(fixture, disk);
      await fixture.server.stop();
    });
  }

  test("waits for what BLPOP took, too", async () => {
    const { fixture, disk } = await started(EVERYSEC);
    const peer = fixture.connect();
    const other = fixture.connect();
    disk.holdSyncs = true;
    expect(peer.run("blpop list 0")).toBe("");
    other.run("rpush list x");
    expect(peer.transport.take()).toContain("list");
    expect(peer.run("waitaof 1 0 0")).toBe("");
    expect(other.run("waitaof 0 0 0")).toBe("*2\r\n:0\r\n:0\r\n");
    fixture.advance(1000);
    await settle(fixture, disk);
    expect(peer.transport.take()).toBe("*2\r\n:1\r\n:0\r\n");
    disk.holdSyncs = false;
    await settle(fixture, disk);
    await fixture.server.stop();
  });

  test("gives up with its error when the log is switched off", async () => {
    const { fixture } = await started(EVERYSEC.replace("everysec", "no"));
    const peer = fixture.connect();
    expect(peer.run("set a 1", "waitaof 1 0 0")).toBe("+OK\r\n");
    fixture.connect().run("config set appendonly no");
    await fixture.endTurn();
    expect(peer.transport.take()).toStartWith("-ERR WAITAOF cannot be used when numlocal is set");
    await fixture.server.stop();
  });
});

test("DEBUG AOF-FLUSH-SLEEP stops the server before it writes, and only then", async () => {
  const { fixture } = await started(`${ALWAYS}\nenable-debug-command yes`);
  const slept: number[] = [];
  fixture.server.sleepMs = (ms) => slept.push(ms);
  const peer = fixture.connect();
  peer.run("debug aof-flush-sleep 2500");
  await fixture.endTurn();
  peer.run("get a");
  await fixture.endTurn();
  expect(slept).toEqual([]);
  peer.run("set a 1");
  await fixture.endTurn();
  expect(slept).toEqual([2.5]);
  await fixture.server.stop();
});
