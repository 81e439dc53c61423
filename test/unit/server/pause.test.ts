import { describe, expect, test } from "bun:test";
import { request, ServerFixture } from "./server-fixture.ts";

const OK = "+OK\r\n";

describe("CLIENT PAUSE", () => {
  test("holds every client's commands, which go on in order afterwards", async () => {
    const fixture = new ServerFixture();
    const admin = fixture.connect();
    const peers = Array.from({ length: 5 }, () => fixture.connect());
    admin.run("client pause 1000");
    for (const [index, peer] of peers.entries()) {
      peer.send(request(`set key:${index} 0`, ...Array(600).fill(`incr key:${index}`)));
      peer.send(request(`get key:${index}`));
      peer.send("PING\r\n*1\r\n$4\r\nPI");
      expect(peer.transport.take()).toBe("");
    }
    fixture.advance(1001);
    await fixture.endTurn();
    const counts = Array.from({ length: 600 }, (_, k) => `:${k + 1}\r\n`).join("");
    for (const peer of peers) {
      expect(peer.transport.take()).toBe(`${OK}${counts}$3\r\n600\r\n+PONG\r\n`);
      peer.send("NG\r\n");
      expect(peer.transport.take()).toBe("+PONG\r\n");
    }
    fixture.verify();
  });

  test("WRITE lets reads through up to the first write of a pipeline", async () => {
    const fixture = new ServerFixture();
    const admin = fixture.connect();
    const peer = fixture.connect();
    admin.run("set a 1", "client pause 1000 write");
    expect(peer.run("get a", "set a 2", "get a")).toBe("$1\r\n1\r\n");
    expect(admin.run("get a", "ping")).toBe("$1\r\n1\r\n+PONG\r\n");
    admin.run("client unpause");
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${OK}$1\r\n2\r\n`);
  });

  test("a pipeline that pauses everything holds the rest of itself", async () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    expect(peer.run("client pause 100 all", "set a 1", "get a")).toBe(OK);
    fixture.advance(101);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${OK}$1\r\n1\r\n`);
  });

  test("a released client that pauses again is held again", async () => {
    const fixture = new ServerFixture();
    const admin = fixture.connect();
    const peer = fixture.connect();
    admin.run("client pause 100");
    peer.send(request("incr n", "client pause 100", "incr n"));
    peer.send(request("incr n"));
    fixture.advance(101);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`:1\r\n${OK}`);
    peer.send(request("incr n"));
    fixture.advance(101);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(":2\r\n:3\r\n:4\r\n");
  });

  test("a protocol error sent during the pause shows behind the held commands", async () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    fixture.connect().run("client pause 100");
    peer.send(request("set a 1"));
    peer.send("*1\r\nwrong\r\n");
    fixture.advance(101);
    await fixture.endTurn();
    expect(peer.transport.take()).toBe(`${OK}-ERR Protocol error: expected '$', got 'w'\r\n`);
    expect(peer.transport.isClosed).toBe(true);
  });

  test("a held client that leaves or is killed never runs its commands", async () => {
    const fixture = new ServerFixture();
    const admin = fixture.connect();
    const gone = fixture.connect();
    const killed = fixture.connect("127.0.0.1:60002");
    admin.run("client pause 1000 write");
    gone.send(request("set a 1"));
    killed.send(request("set b 1"));
    gone.handler.closed();
    expect(admin.run("client kill 127.0.0.1:60002")).toBe(OK);
    fixture.advance(1001);
    await fixture.endTurn();
    expect(admin.run("dbsize")).toBe(":0\r\n");
    expect(killed.transport.isClosed).toBe(true);
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
  });

  test("expired keys are hidden but neither deleted nor propagated until it ends", async () => {
    const fixture = new ServerFixture();
    fixture.recordEffects();
    const peer = fixture.connect();
    peer.run("set a 1 px 50", "set b 1 px 50", "client pause 1000 write");
    fixture.effects.length = 0;
    fixture.advance(100);
    expect(peer.run("get a", "exists b", "ttl a", "dbsize")).toBe("$-1\r\n:0\r\n:-2\r\n:2\r\n");
    expect(fixture.effects).toEqual([]);
    fixture.verify();
    fixture.advance(1000);
    await fixture.endTurn();
    fixture.cron.slice();
    expect(peer.run("dbsize")).toBe(":0\r\n");
    expect(fixture.effects.sort()).toEqual(["0 DEL a", "0 DEL b"]);
    fixture.verify();
  });

  test("nothing is evicted until it ends", async () => {
    const fixture = new ServerFixture("maxmemory-policy allkeys-random");
    const peer = fixture.connect();
    for (let k = 0; k < 2000; k++) peer.run(`set key:${k} ${"x".repeat(100)}`);
    peer.run("client pause 1000 write", "config set maxmemory 100kb");
    peer.send(request("set more 1"));
    fixture.advance(500);
    expect(fixture.keyspace.databases[0].size).toBe(2000);
    fixture.advance(600);
    await fixture.endTurn();
    expect(fixture.keyspace.databases[0].size).toBeLessThan(2000);
    fixture.verify();
  });
});
