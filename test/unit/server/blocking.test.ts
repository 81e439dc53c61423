import { describe, expect, test } from "bun:test";
import { request, ServerFixture } from "./server-fixture.ts";
import { addWaitingCommands } from "./waiting-commands.ts";

const NULL_ARRAY = "*-1\r\n";

function taken(key: string, count: number): string {
  return `*2\r\n$${key.length}\r\n${key}\r\n:${count}\r\n`;
}

function start(directives = ""): ServerFixture {
  const fixture = new ServerFixture(directives);
  addWaitingCommands(fixture.server.registry);
  return fixture;
}

/** A line of INFO. */
function info(fixture: ServerFixture, section: string, field: string): string {
  const lines = fixture.connect().run(`info ${section}`).split("\r\n");
  return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1) ?? "";
}

describe("clients that wait for keys", () => {
  test("are answered first come first served, one per element", async () => {
    const fixture = start();
    const peers = Array.from({ length: 5 }, () => fixture.connect());
    for (const peer of peers) expect(peer.run("take k 0")).toBe("");
    expect(info(fixture, "clients", "blocked_clients")).toBe("5");
    expect(info(fixture, "clients", "total_blocking_keys")).toBe("1");
    expect(fixture.connect().run("put k 3")).toBe(":3\r\n");
    await fixture.endTurn();
    const replies = peers.map((peer) => peer.transport.take());
    expect(replies).toEqual([taken("k", 3), taken("k", 2), taken("k", 1), "", ""]);
    expect(fixture.server.blocking.count).toBe(2);
    fixture.verify();
  });

  test("wait for several keys and are answered once", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.run("take a b c b 0");
    expect(fixture.server.blocking.keyCount).toBe(3);
    expect(fixture.connect().run("put c 2", "put a 2", "put b 2")).toBe(":2\r\n:2\r\n:2\r\n");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(taken("c", 2));
    expect(fixture.server.blocking.keyCount).toBe(0);
    expect(fixture.server.blocking.memoryBytes).toBe(0);
  });

  test("are served after the command that made the key and before the next one", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.run("take k 0");
    expect(fixture.connect().run("put k 1", "exists k")).toBe(":1\r\n:0\r\n");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(taken("k", 1));
  });

  test("wake others by what they do, in the same command", async () => {
    const fixture = start();
    const [first, second, third] = Array.from({ length: 3 }, () => fixture.connect());
    third.run("take c 0");
    second.run("moveall b c 0");
    first.run("moveall a b 0");
    expect(fixture.connect().run("put a 1", "exists a b c")).toBe(":1\r\n:0\r\n");
    await fixture.endTurn();
    expect(first.transport.take()).toBe(":1\r\n");
    expect(second.transport.take()).toBe(":1\r\n");
    expect(third.transport.take()).toBe(taken("c", 1));
  });

  test("wait in their own database and are answered in their own protocol", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.run("hello 3", "select 3");
    peer.run("take k 0.01");
    const other = fixture.connect();
    expect(other.run("put k 1", "get nothing")).toBe(":1\r\n$-1\r\n");
    fixture.advance(12);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("_\r\n");
    peer.run("take k 0");
    expect(other.run("swapdb 0 3", "exists k", "get nothing")).toBe("+OK\r\n:0\r\n$-1\r\n");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(taken("k", 1));
    fixture.verify();
  });

  test("keep waiting while the key holds another type", async () => {
    const fixture = start();
    const peer = fixture.connect();
    const other = fixture.connect();
    peer.run("take k 0");
    other.run("set k x", "del k", "put k 2 zset");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("");
    other.run("put j 1", "rename j k");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(taken("k", 1));
  });

  test("ten thousand of one key are woken one at a time at no cost of the others", () => {
    const fixture = start();
    const peers = Array.from({ length: 10_000 }, () => fixture.connect());
    for (const peer of peers) peer.send(request("take k 0"));
    const other = fixture.connect();
    const startedMs = performance.now();
    const commands = request(...Array(500).fill("put k 1"));
    for (let round = 0; round < 20; round++) other.send(commands);
    // A walk over the waiters for each would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(fixture.server.blocking.count).toBe(0);
    expect(fixture.server.blocking.memoryBytes).toBe(0);
  });
});

describe("timeouts", () => {
  test("answer null when their time is over, the nearest first", async () => {
    const fixture = start();
    const [long, short] = [fixture.connect(), fixture.connect()];
    long.run("take k 2");
    short.run("take k 0.5");
    expect(info(fixture, "clients", "clients_in_timeout_table")).toBe("2");
    fixture.advance(500);
    expect(short.transport.take()).toBe("");
    fixture.advance(1);
    await fixture.endTurn();
    expect(short.transport.take()).toBe(NULL_ARRAY);
    expect(long.transport.take()).toBe("");
    fixture.advance(1500);
    await fixture.endTurn();
    expect(long.transport.take()).toBe(NULL_ARRAY);
    expect(fixture.server.blocking.count).toBe(0);
  });

  test("of thousands end in order whatever was served in between", async () => {
    const fixture = start();
    const peers = Array.from({ length: 1000 }, () => fixture.connect());
    peers.forEach((peer, k) => {
      peer.send(request(`take k:${k} ${1 + ((k * 7919) % 1000)}`));
    });
    const other = fixture.connect();
    for (let k = 0; k < 1000; k += 3) other.run(`put k:${k} 1`);
    await fixture.endTurn();
    for (const peer of peers) peer.transport.take();
    let answered = 0;
    for (let second = 1; second <= 1001; second += 50) {
      fixture.advance(50_000);
      await fixture.endTurn();
      for (const [k, peer] of peers.entries()) {
        if (peer.transport.take() === "") continue;
        const due = 1 + ((k * 7919) % 1000);
        expect(due).toBeLessThan(second + 50);
        expect(due).toBeGreaterThanOrEqual(second - 1);
        answered++;
      }
    }
    expect(answered).toBe(1000 - 334);
  });

  test("are refused as Redis refuses them", () => {
    const peer = start().connect();
    expect(peer.run("take k x")).toBe("-ERR timeout is not a float or out of range\r\n");
    expect(peer.run("take k -1")).toBe("-ERR timeout is negative\r\n");
    expect(peer.run("take k 1e300")).toBe("-ERR timeout is out of range\r\n");
    expect(peer.run("take k inf")).toBe("-ERR timeout is out of range\r\n");
  });
});

describe("what a client sends behind a command that waits", () => {
  test("is executed once that is answered", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.send(request("set a 1", "take k 0", "incr a", "take j 0", "incr a"));
    expect(peer.transport.take()).toBe("+OK\r\n");
    peer.send(request("incr a").slice(0, 10));
    const other = fixture.connect();
    expect(other.run("put k 1", "get a")).toBe(":1\r\n$1\r\n1\r\n");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${taken("k", 1)}:2\r\n`);
    peer.send(request("incr a").slice(10));
    other.run("put j 1");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${taken("j", 1)}:3\r\n:4\r\n`);
    expect(peer.run("ping")).toBe("+PONG\r\n");
  });

  test("ends the connection where it is no request, after the answer", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.send(`${request("take k 0")}*1\r\n!\r\n`);
    expect(peer.transport.isClosed).toBe(false);
    fixture.connect().run("put k 1");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(
      `${taken("k", 1)}-ERR Protocol error: expected '$', got '!'\r\n`,
    );
    expect(peer.transport.isClosed).toBe(true);
  });

  test("may be a long pipeline of such commands", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.send(request(...Array(2000).fill("take k 0")));
    const other = fixture.connect();
    for (let k = 0; k < 20; k++) other.run("put k 100");
    for (let k = 0; k < 2000; k++) await fixture.endTurn();
    expect(peer.transport.take().split("*2").length - 1).toBe(2000);
    expect(fixture.server.blocking.count).toBe(0);
    expect(peer.run("ping")).toBe("+PONG\r\n");
  });
});

describe("a client that waits", () => {
  test("is unblocked by others, with a null reply or an error", async () => {
    const fixture = start();
    const [first, second] = [fixture.connect(), fixture.connect()];
    const other = fixture.connect();
    first.run("take k 0");
    second.run("take k 0");
    expect(other.run("client unblock 1", "client unblock 1")).toBe(":1\r\n:0\r\n");
    expect(other.run("client unblock 2 error", "ping")).toBe(":1\r\n+PONG\r\n");
    await fixture.endTurn();
    expect(first.transport.take()).toBe(NULL_ARRAY);
    const error = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    expect(second.transport.take()).toBe(error);
    expect(info(fixture, "errorstats", "errorstat_UNBLOCKED")).toBe("count=1");
    const statistics = info(fixture, "commandstats", "cmdstat_client|unblock");
    expect(statistics).toMatch(/calls=3,.*failed_calls=1$/);
    expect(info(fixture, "commandstats", "cmdstat_take")).toMatch(/calls=2,.*failed_calls=1$/);
  });

  test("is forgotten when it leaves or is killed", () => {
    const fixture = start();
    const [first, second, third] = Array.from({ length: 3 }, () => fixture.connect());
    for (const peer of [first, second, third]) peer.run("take k 5");
    first.handler.closed();
    fixture.connect().run("client kill id 2");
    expect(fixture.server.blocking.count).toBe(1);
    expect(fixture.server.blocking.deadlineCount).toBe(1);
    fixture.connect().run("put k 3");
    expect(fixture.server.blocking.count).toBe(0);
    expect(fixture.connect().run("take k 0")).toBe(taken("k", 2));
  });

  test("is listed with flag b, and with u until it goes on", () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.run("take k 0");
    const other = fixture.connect();
    expect(other.run("client list id 1")).toContain(" flags=b ");
    expect(other.run("put k 1", "client list id 1")).toContain(" flags=u ");
    expect(other.run("client list id 1")).toContain(" flags=N ");
  });

  test("is idle from when it was answered", async () => {
    const fixture = start("timeout 10");
    const peer = fixture.connect();
    peer.run("take k 0");
    fixture.advance(60_000);
    fixture.connect().run("put k 1");
    fixture.advance(5000);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(taken("k", 1));
    expect(peer.transport.isClosed).toBe(false);
    fixture.advance(6000);
    expect(peer.transport.isClosed).toBe(true);
  });

  test("gets no reply that it does not want", async () => {
    const fixture = start();
    const peer = fixture.connect();
    const other = fixture.connect();
    expect(peer.run("client reply skip", "take k 0", "ping")).toBe("");
    other.run("put k 1");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("+PONG\r\n");
    expect(peer.run("client reply off", "take k 0", "ping")).toBe("");
    other.run("put k 1");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("");
    expect(peer.run("client reply on")).toBe("+OK\r\n");
  });

  test("is held by a pause that is on when its turn comes", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.send(request("take k 0", "ping"));
    fixture.connect().run("select 1", "put k 1", "client pause 100 write");
    fixture.server.keyspace.swap(0, 1);
    fixture.server.blocking.swapped(0, 1);
    fixture.server.events.settle();
    await fixture.endTurn();
    expect(peer.transport.take()).toBe("");
    fixture.advance(101);
    await fixture.endTurn();
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${taken("k", 1)}+PONG\r\n`);
  });

  test("is counted once, when it is answered", async () => {
    const fixture = start();
    const peer = fixture.connect();
    peer.run("take k 0");
    const before = Number(info(fixture, "stats", "total_commands_processed"));
    expect(fixture.connect().run("put k 1")).toBe(":1\r\n");
    await fixture.endTurn();
    expect(Number(info(fixture, "stats", "total_commands_processed"))).toBe(before + 3);
    expect(info(fixture, "commandstats", "cmdstat_take")).toMatch(/^calls=1,/);
  });

  test("has its effect propagated on its own, after what woke it", () => {
    const fixture = start();
    fixture.recordEffects();
    fixture.connect().run("take k 0");
    const other = fixture.connect();
    other.run("select 0", "put k 2", "set a 1");
    expect(fixture.effects).toEqual(["0 put k 2", "0 TAKEN k", "0 set a 1"]);
  });
});
