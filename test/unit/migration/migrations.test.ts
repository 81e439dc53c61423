// MIGRATE without a network: what goes to the target, what waits meanwhile, and how it ends. What
// the replies are is settled by test/diff/migrate.diff.test.ts.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Text } from "../../../src/base/text.ts";
import {
  commandsOf,
  type FakeOutgoing,
  type Peer,
  requestOf,
  ServerFixture,
} from "../server/server-fixture.ts";

const MOVE = "MIGRATE target 7000 a 0 60000";

let fixture: ServerFixture;
let peer: Peer;
let other: Peer;
beforeEach(() => {
  fixture = new ServerFixture();
  peer = fixture.connect();
  other = fixture.connect();
  other.run("MSET a 1 b 2", "RPUSH list x");
  fixture.recordEffects();
});
afterEach(async () => {
  await fixture.server.stop();
});

/** The connection opened last. */
function target(): FakeOutgoing {
  return fixture.sockets.outgoing.at(-1)!;
}

/** Sends a MIGRATE and has the connection opened; the target's side of it. */
function begin(command = MOVE): FakeOutgoing {
  expect(peer.run(command)).toBe("");
  target().handler.connected();
  return target();
}

describe("a transfer", () => {
  test("sends SELECT and RESTORE, and deletes the key once the target has it", async () => {
    const socket = begin();
    const [select, restore] = socket.takeRequests();
    expect(select).toEqual(["SELECT", "0"]);
    expect(restore.slice(0, 3)).toEqual(["RESTORE", "a", "0"]);
    expect(other.run("EXISTS a")).toBe(":1\r\n");
    socket.send("+OK\r\n+O");
    expect(peer.transport.take()).toBe("");
    socket.send("K\r\n");
    expect(peer.transport.take()).toBe("+OK\r\n");
    expect(other.run("EXISTS a")).toBe(":0\r\n");
    expect(fixture.effects).toEqual(["0 DEL a"]);
    expect(socket.transport.isClosed).toBe(false);
  });

  test("of a thousand keys is serialised as the socket takes it", () => {
    const keys = Array.from({ length: 1000 }, (_, k) => `k${k}`);
    const parts = Array.from({ length: 80 }, (_, k) => k);
    const noise = (key: string) => parts.map((k) => Bun.hash(key + k).toString(36)).join("");
    other.run(`MSET ${keys.map((key) => `${key} ${noise(key)}`).join(" ")}`);
    peer.send(requestOf("MIGRATE", "target", "7000", "", "3", "60000", "KEYS", ...keys));
    const socket = target();
    socket.transport.room = 100_000;
    socket.handler.connected();
    expect(socket.transport.length).toBe(100_000);
    expect(fixture.server.memory.usedBytes).toBeLessThan(8_000_000);
    for (let round = 0; round < 12; round++) {
      socket.transport.room = 100_000;
      socket.handler.drained();
    }
    const requests = socket.takeRequests();
    expect(requests.length).toBe(1001);
    expect(requests.map(([, key]) => key)).toEqual(["3", ...keys]);
    socket.send("+OK\r\n".repeat(1001));
    expect(peer.transport.take()).toBe("+OK\r\n");
    expect(other.run("DBSIZE")).toBe(":3\r\n");
  });

  test("carries the time to live that is left", () => {
    other.run("PEXPIRE a 5000");
    expect(peer.run(MOVE)).toBe("");
    fixture.clock.advance(1000);
    target().handler.connected();
    expect(target().takeRequests()[1].slice(0, 3)).toEqual(["RESTORE", "a", "4000"]);
  });

  test("that fails half way deletes what the target has confirmed", () => {
    peer.send(requestOf("MIGRATE", "target", "7000", "", "0", "60000", "KEYS", "a", "b", "list"));
    target().handler.connected();
    target().send("+OK\r\n+OK\r\n-BUSYKEY Target key name already exists.\r\n");
    target().handler.closed("ended");
    expect(peer.transport.take()).toBe(
      "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n",
    );
    expect(other.run("EXISTS a b list")).toBe(":2\r\n");
    expect(fixture.effects).toEqual(["0 DEL a"]);
  });

  test("leaves out keys that have expired, and is over when none is left", () => {
    other.run("PEXPIRE a 50");
    fixture.effects.length = 0;
    expect(peer.run(MOVE)).toBe("");
    fixture.clock.advance(100);
    target().handler.connected();
    expect(target().takeRequests()).toEqual([["SELECT", "0"]]);
    target().send("+OK\r\n");
    expect(peer.transport.take()).toBe("+OK\r\n");
  });

  test("is completed though its client has gone", () => {
    const socket = begin();
    peer.handler.closed();
    socket.send("+OK\r\n+OK\r\n");
    expect(other.run("EXISTS a", "INFO clients")).toContain(":0\r\n");
    expect(fixture.effects).toEqual(["0 DEL a"]);
    expect(fixture.server.blocking.count).toBe(0);
  });

  test("spoils transactions that watch its key, and tells those who have it cached", async () => {
    const caching = fixture.connect();
    caching.run("HELLO 3", "CLIENT TRACKING ON", "GET a");
    other.run("WATCH a");
    begin().send("+OK\r\n+OK\r\n");
    await fixture.endTurn();
    expect(caching.transport.take()).toBe(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
    expect(other.run("MULTI", "PING", "EXEC")).toEndWith("*-1\r\n");
  });

  test("cannot be ended by CLIENT UNBLOCK", () => {
    const id = /:(\d+)/.exec(peer.run("CLIENT ID"))![1];
    begin();
    expect(other.run("INFO clients")).toContain("blocked_clients:1");
    expect(other.run(`CLIENT UNBLOCK ${id} ERROR`)).toBe(":0\r\n");
  });

  test("whose target says more than it was asked is given up", () => {
    begin().send("+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
    expect(peer.transport.take()).toBe("+OK\r\n");
    // On a connection that is kept nobody has asked anything.
    target().send("+OK\r\n");
    expect(target().transport.isClosed).toBe(true);
  });
});

describe("while a key is on its way", () => {
  test("what would change it waits, in order; all else goes on", async () => {
    const socket = begin();
    const held = fixture.connect();
    expect(held.run("GET b", "SET b 3", "APPEND a x", "GET a", "EXISTS b")).toBe(
      "$1\r\n2\r\n+OK\r\n",
    );
    const moved = fixture.connect();
    expect(moved.run("RENAME b a")).toBe("");
    expect(other.run("GET a", "SET c 1", "PUBLISH ch x")).toBe("$1\r\n1\r\n+OK\r\n:0\r\n");
    expect(held.run("PING")).toBe("");
    socket.send("+OK\r\n+OK\r\n");
    await fixture.endTurn();
    // APPEND made the key anew; RENAME came second.
    expect(held.transport.take()).toBe(":1\r\n$1\r\nx\r\n:1\r\n+PONG\r\n");
    expect(moved.transport.take()).toBe("+OK\r\n");
    expect(other.run("GET a")).toBe("$1\r\n3\r\n");
  });

  for (const command of [
    "FLUSHALL",
    "FLUSHDB",
    "SWAPDB 0 1",
    "EVAL return(1) 0",
    "COPY b a DB 1",
  ]) {
    test(`${command} waits`, async () => {
      const socket = begin();
      expect(other.run(command)).toBe("");
      socket.send("+OK\r\n+OK\r\n");
      await fixture.endTurn();
      expect(other.transport.take()).not.toBe("");
      expect(fixture.effects[0]).toBe("0 DEL a");
    });
  }

  test("a transaction is queued and, if it writes, waits with EXEC", async () => {
    const socket = begin();
    expect(other.run("MULTI", "GET a", "EXEC")).toBe("+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n");
    expect(other.run("MULTI", "SET a 5", "EXEC")).toBe("+OK\r\n+QUEUED\r\n");
    socket.send("+OK\r\n+OK\r\n");
    await fixture.endTurn();
    expect(other.transport.take()).toBe("*1\r\n+OK\r\n");
    expect(other.run("GET a")).toBe("$1\r\n5\r\n");
  });

  test("a client that waits for another key does not write to it", async () => {
    const waiting = fixture.connect();
    expect(waiting.run("BLMOVE empty list LEFT LEFT 0")).toBe("");
    const socket = begin("MIGRATE target 7000 list 0 60000");
    expect(other.run("RPUSH empty y")).toBe(":1\r\n");
    expect(waiting.transport.take()).toBe("");
    socket.send("+OK\r\n+OK\r\n");
    await fixture.endTurn();
    expect(waiting.transport.take()).toBe("$1\r\ny\r\n");
    expect(other.run("LRANGE list 0 -1")).toBe("*1\r\n$1\r\ny\r\n");
  });

  test("a second MIGRATE of it finds it gone, and one of another key goes at once", async () => {
    const socket = begin();
    expect(other.run(MOVE)).toBe("");
    const third = fixture.connect();
    expect(third.run("MIGRATE target 7000 b 0 60000")).toBe("");
    expect(fixture.sockets.outgoing.length).toBe(2);
    target().handler.connected();
    target().send("+OK\r\n+OK\r\n");
    expect(third.transport.take()).toBe("+OK\r\n");
    socket.send("+OK\r\n+OK\r\n");
    await fixture.endTurn();
    expect(other.transport.take()).toBe("+NOKEY\r\n");
  });

  test("a pause that began meanwhile holds its deletion up", async () => {
    const socket = begin();
    other.run("CLIENT PAUSE 100000 WRITE");
    socket.send("+OK\r\n+OK\r\n");
    expect(peer.transport.take()).toBe("");
    expect(other.run("EXISTS a")).toBe(":1\r\n");
    expect(fixture.effects).toEqual([]);
    other.run("CLIENT UNPAUSE");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("+OK\r\n");
    expect(fixture.effects).toEqual(["0 DEL a"]);
  });
});

describe("connections to targets", () => {
  test("are used again for ten seconds, without another SELECT", async () => {
    begin().send("+OK\r\n+OK\r\n");
    target().takeRequests();
    peer.transport.take();
    expect(peer.run("MIGRATE target 7000 b 0 60000")).toBe("");
    expect(fixture.sockets.outgoing.length).toBe(1);
    await fixture.endTurn();
    expect(
      target()
        .takeRequests()
        .map(([name]) => name),
    ).toEqual(["RESTORE"]);
    target().send("+OK\r\n");
    expect(peer.transport.take()).toBe("+OK\r\n");
    expect(other.run("INFO stats")).toContain("migrate_cached_sockets:1");
    fixture.advance(10_100);
    expect(target().transport.isClosed).toBe(true);
    expect(other.run("INFO stats")).toContain("migrate_cached_sockets:0");
  });

  test("that have ended are replaced once", async () => {
    begin().send("+OK\r\n+OK\r\n");
    peer.transport.take();
    expect(peer.run("MIGRATE target 7000 b 0 60000")).toBe("");
    await fixture.endTurn();
    target().handler.closed("ended");
    expect(fixture.sockets.outgoing.length).toBe(2);
    target().handler.connected();
    target().handler.closed("ended");
    expect(peer.transport.take()).toBe("-IOERR error or timeout reading to target instance\r\n");
    expect(fixture.sockets.outgoing.length).toBe(2);
    expect(other.run("EXISTS b")).toBe(":1\r\n");
  });

  test("are opened by a transaction's own means", () => {
    const exchanges: unknown[] = [];
    fixture.sockets.exchange = (host, port, bytes, lineCount, timeoutMs) => {
      exchanges.push([
        host,
        port,
        commandsOf(latin1Text(bytes, 0, bytes.length)).map(([name]) => name),
      ]);
      expect([lineCount, timeoutMs]).toEqual([2, 60_000]);
      return { lines: ["+OK", "+OK"], failure: "", isTimeout: false };
    };
    expect(peer.run("MULTI", MOVE, "EXISTS a", "EXEC")).toEndWith("*2\r\n+OK\r\n:0\r\n");
    expect(exchanges).toEqual([["target", 7000, ["SELECT", "RESTORE"]]]);
    expect(fixture.effects).toEqual(["0 DEL a"]);
  });
});

describe("a target that does what it likes", () => {
  for (let seed = 1; seed <= 40; seed++) {
    test(`takes what it says it has taken, and nothing else (seed ${seed})`, async () => {
      const random = new Xoshiro(seed);
      const keys = Array.from({ length: 1 + randomBelow(random, 8) }, (_, k) => `k${k}`);
      other.run(`MSET ${keys.map((key) => `${key} v`).join(" ")}`);
      fixture.effects.length = 0;
      peer.send(requestOf("MIGRATE", "target", "7000", "", "0", "60000", "KEYS", ...keys));
      // The reply to SELECT, and perhaps fewer, more or other lines than were asked for.
      const lines = ["+OK"];
      const count = keys.length + randomBelow(random, 3) - 1;
      for (let k = 0; k < count; k++) lines.push(randomBelow(random, 4) > 0 ? "+OK" : "-BUSYKEY x");
      const isGarbled = randomBelow(random, 6) === 0;
      const text = isGarbled ? "$5\r\n\n\r\0-\n*3" : lines.map((line) => `${line}\r\n`).join("");
      const first = target();
      first.handler.connected();
      for (let at = 0; at < text.length; ) {
        const size = 1 + randomBelow(random, 9);
        first.send(text.slice(at, at + size));
        at += size;
      }
      // What has not ended the transfer does so now; it may be tried once more.
      first.handler.closed("ended");
      if (target() !== first) target().handler.closed("refused");
      await fixture.endTurn();
      const reply = peer.transport.take();
      expect(reply).toMatch(/^[+-][^\r]*\r\n$/);
      const moved = keys.filter((_, k) => !isGarbled && lines[k + 1] === "+OK");
      const left = keys.filter((key) => !moved.includes(key));
      if (!isGarbled) {
        expect(other.run(...keys.map((key) => `EXISTS ${key}`))).toBe(
          keys.map((key) => (left.includes(key) ? ":1\r\n" : ":0\r\n")).join(""),
        );
        expect(fixture.effects).toEqual(moved.length > 0 ? [`0 DEL ${moved.join(" ")}`] : []);
        const isFine = left.length === 0 && count >= keys.length;
        expect(reply === "+OK\r\n").toBe(isFine);
      }
      expect(fixture.server.migrations.isActive).toBe(false);
      expect(other.run("SET k0 again", "FLUSHALL")).toBe("+OK\r\n+OK\r\n");
    });
  }
});
