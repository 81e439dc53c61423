import { describe, expect, test } from "bun:test";
import { type Peer, request, ServerFixture } from "./server-fixture.ts";

const OK = "+OK\r\n";

/** A peer that has stopped reading, with `count` replies of 1,006 bytes waiting for it. */
function stalled(fixture: ServerFixture, count: number): Peer {
  fixture.connect().run(`set value ${"x".repeat(998)}`);
  const peer = fixture.connect();
  peer.transport.room = 0;
  for (let k = 0; k < count; k++) peer.send(request("get value"));
  return peer;
}

describe("client-query-buffer-limit", () => {
  test("ends a client that sends more without completing a command", () => {
    const fixture = new ServerFixture("client-query-buffer-limit 1mb");
    const peer = fixture.connect();
    const other = fixture.connect();
    const piece = new Uint8Array(65536).fill(120);
    peer.send("*2\r\n$4\r\nECHO\r\n$8000000\r\n");
    for (let k = 0; k < 15; k++) peer.send(piece);
    expect(peer.transport.isClosed).toBe(false);
    peer.send(piece);
    expect(peer.transport.isClosed).toBe(true);
    expect(peer.transport.take()).toBe("");
    expect(other.run("ping")).toBe("+PONG\r\n");
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
    expect(fixture.server.statistics.queryBufferLimitDisconnections).toBe(1);
  });

  test("counts what is pipelined behind a pause", () => {
    const fixture = new ServerFixture("client-query-buffer-limit 1mb");
    const peer = fixture.connect();
    fixture.connect().run("client pause 1000");
    const batch = request("ping").repeat(4000);
    let sent = 0;
    for (; !peer.transport.isClosed; sent += batch.length) peer.send(batch);
    expect(sent).toBeGreaterThan(1 << 20);
    expect(sent).toBeLessThan((1 << 20) + 2 * batch.length);
  });

  test("does not count commands that are executed as they come", () => {
    const fixture = new ServerFixture("client-query-buffer-limit 1mb");
    const peer = fixture.connect();
    peer.send(request("set key value").repeat(100_000));
    expect(peer.transport.isClosed).toBe(false);
    expect(peer.transport.take()).toBe(OK.repeat(100_000));
  });
});

describe("client-output-buffer-limit", () => {
  test("the hard limit ends a client at once", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 100000 0 0");
    expect(stalled(fixture, 99).transport.isClosed).toBe(false);
    expect(stalled(fixture, 100).transport.isClosed).toBe(true);
    expect(fixture.logged.join()).toContain("overcoming of output buffer limits");
  });

  test("the hard limit holds within a pipeline, before anything is sent", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 100000 0 0");
    const peer = fixture.connect();
    peer.run(`set value ${"x".repeat(998)}`);
    peer.send(request("get value").repeat(99));
    expect(peer.transport.take().length).toBe(99 * 1006);
    peer.send(request("get value").repeat(1000));
    expect(peer.transport.isClosed).toBe(true);
    expect(peer.transport.take()).toBe("");
  });

  test("the hard limit holds for one reply", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 1000000 0 0");
    const peer = fixture.connect();
    peer.run("setrange big 2000000 x");
    expect(peer.run("get big", "set after 1")).toBe("");
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.server.clients.count).toBe(0);
    fixture.verify();
  });

  test("the soft limit ends a client that stays above it for too long", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 0 50000 10");
    const peer = stalled(fixture, 60);
    fixture.advance(5000);
    fixture.advance(5000);
    expect(peer.transport.isClosed).toBe(false);
    fixture.advance(1000);
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
  });

  test("the soft limit's time starts anew when the peer catches up", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 0 50000 10");
    const peer = stalled(fixture, 60);
    fixture.advance(9000);
    peer.transport.room = 20_000;
    peer.handler.drained();
    fixture.advance(1000);
    for (let k = 0; k < 20; k++) peer.send(request("get value"));
    fixture.advance(10_000);
    expect(peer.transport.isClosed).toBe(false);
    fixture.advance(1000);
    expect(peer.transport.isClosed).toBe(true);
  });

  test("the soft limit of a monitor counts from when its backlog grew", () => {
    const fixture = new ServerFixture("client-output-buffer-limit normal 0 50000 10");
    const monitor = fixture.connect();
    monitor.run("monitor");
    monitor.transport.room = 0;
    fixture.advance(60_000);
    const peer = fixture.connect();
    for (let k = 0; k < 60; k++) peer.run(`set key ${"x".repeat(1000)}`);
    fixture.advance(9000);
    expect(monitor.transport.isClosed).toBe(false);
    fixture.advance(2000);
    expect(monitor.transport.isClosed).toBe(true);
  });

  test("a stalled client does not slow others down or change their replies", () => {
    const fixture = new ServerFixture();
    const peer = stalled(fixture, 500);
    const other = fixture.connect();
    for (let k = 1; k <= 500; k++) expect(other.run("incr n")).toBe(`:${k}\r\n`);
    peer.transport.room = Number.POSITIVE_INFINITY;
    peer.handler.drained();
    expect(peer.transport.length).toBe(500 * 1006);
  });
});

describe("memory of buffers", () => {
  test("usedMemory counts backlogs and partial requests until they are gone", () => {
    const fixture = new ServerFixture();
    const reader = stalled(fixture, 50);
    const sender = fixture.connect();
    sender.send(`*2\r\n$4\r\nECHO\r\n$10000\r\n${"x".repeat(9000)}`);
    const held = fixture.server.memory.usedBytes - fixture.keyspace.usedBytes;
    expect(held).toBeGreaterThan(50 * 1006 + 9000);
    sender.send(`${"x".repeat(1000)}\r\n`);
    reader.transport.room = Number.POSITIVE_INFINITY;
    reader.handler.drained();
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
  });
});
