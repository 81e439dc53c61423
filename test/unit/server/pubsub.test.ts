import { describe, expect, test } from "bun:test";
import { request, requestOf, ServerFixture } from "./server-fixture.ts";

/** A message as a RESP2 subscriber gets it. */
function message(channel: string, text: string): string {
  return requestOf("message", channel, text);
}

describe("delivery", () => {
  test("each connection writes once, however many messages an event has", async () => {
    const fixture = new ServerFixture();
    const publisher = fixture.connect();
    const subscribers = Array.from({ length: 3 }, () => fixture.connect());
    for (const peer of subscribers) peer.run("subscribe a", "psubscribe a*");
    const writes = subscribers.map(({ transport }) => transport.writes);
    const commands = Array.from({ length: 50 }, (_, k) => `publish a m${k}`);
    expect(publisher.run(...commands)).toBe(":6\r\n".repeat(50));
    await fixture.endTurn();
    const expected = commands
      .map((_, k) => message("a", `m${k}`) + requestOf("pmessage", "a*", "a", `m${k}`))
      .join("");
    for (const [k, { transport }] of subscribers.entries()) {
      expect(transport.take()).toBe(expected);
      expect(transport.writes).toBe(writes[k] + 1);
    }
  });

  test("many subscribers share a message's bytes, in either protocol", async () => {
    const fixture = new ServerFixture();
    const publisher = fixture.connect();
    const subscribers = Array.from({ length: 300 }, (_, k) => {
      const peer = fixture.connect();
      if (k % 3 === 0) peer.run("hello 3");
      peer.run("subscribe a");
      return peer;
    });
    const idleBytes = fixture.server.connections.clientMemory.bufferBytes;
    const text = "x".repeat(100);
    // The second one finds the first still waiting.
    publisher.run(`publish a ${text}`, `publish a ${text}2`);
    await fixture.endTurn();
    const expected = message("a", text) + message("a", `${text}2`);
    for (const [k, { transport }] of subscribers.entries()) {
      const received = transport.take();
      expect(k % 3 === 0 ? received.replaceAll(">3\r\n", "*3\r\n") : received).toBe(expected);
    }
    expect(fixture.server.connections.clientMemory.bufferBytes).toBe(idleBytes);
  });

  test("a shared message survives being taken in pieces", async () => {
    const fixture = new ServerFixture();
    const publisher = fixture.connect();
    const subscribers = Array.from({ length: 5 }, () => fixture.connect());
    const text = "0123456789".repeat(500);
    for (const [k, peer] of subscribers.entries()) {
      peer.run("subscribe a");
      peer.transport.room = k * 1000;
    }
    publisher.run(`publish a ${text}`);
    await fixture.endTurn();
    publisher.run("publish a more");
    await fixture.endTurn();
    for (const peer of subscribers) {
      peer.transport.room = Number.POSITIVE_INFINITY;
      peer.handler.drained();
      expect(peer.transport.take()).toBe(message("a", text) + message("a", "more"));
    }
  });

  test("whoever reads slowly gets everything in order, and keeps no more than that", async () => {
    const fixture = new ServerFixture();
    const publisher = fixture.connect();
    const subscribers = Array.from({ length: 8 }, () => fixture.connect());
    const expected: string[] = subscribers.map(() => "");
    // Half of them hear another channel in between, so that their messages do not adjoin.
    for (const [k, peer] of subscribers.entries()) {
      peer.run("subscribe a");
      if (k % 2 === 1) peer.run("subscribe b");
    }
    const idleBytes = fixture.server.connections.clientMemory.bufferBytes;
    for (let round = 0; round < 400; round++) {
      for (const [k, { transport }] of subscribers.entries()) {
        if (k > 3) transport.room = (round * k * 37) % 500;
      }
      const long = `${round}:${"x".repeat((round * 7) % 300)}`;
      publisher.run(`publish a ${round}`, `publish b ${round}`, `publish a ${long}`);
      await fixture.endTurn();
      for (const k of expected.keys()) {
        expected[k] += message("a", String(round));
        if (k % 2 === 1) expected[k] += message("b", String(round));
        expected[k] += message("a", long);
      }
    }
    let waiting = 0;
    for (const { outputBytes } of fixture.server.connections) waiting += outputBytes;
    expect(waiting).toBeGreaterThan(0);
    expect(fixture.server.connections.clientMemory.bufferBytes - idleBytes).toBeLessThan(
      waiting * 4,
    );
    for (const [k, { transport, handler }] of subscribers.entries()) {
      transport.room = Number.POSITIVE_INFINITY;
      handler.drained();
      expect(transport.take()).toEndWith(expected[k]);
    }
    expect(fixture.server.connections.clientMemory.bufferBytes).toBe(idleBytes);
  });

  test("what a client is pushed while its command runs follows the reply", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    peer.run("hello 3", "subscribe a");
    const push = message("a", "m").replace("*", ">");
    expect(peer.run("publish a m", "ping")).toBe(`:1\r\n${push}+PONG\r\n`);
    peer.run("client reply off");
    expect(peer.run("publish a m", "ping")).toBe(push);
  });
});

describe("limits", () => {
  test("a subscriber is cut off when as much waits as its limit says", async () => {
    const limits = "client-output-buffer-limit pubsub 1000 0 0\n";
    const fixture = new ServerFixture(limits);
    const publisher = fixture.connect();
    const slow = fixture.connect();
    slow.run("subscribe a");
    slow.transport.room = 0;
    const bytes = message("a", "").length;
    publisher.run(`publish a ${"x".repeat(999 - bytes - 4)}`);
    await fixture.endTurn();
    expect(slow.transport.isClosed).toBe(false);
    expect(publisher.run("publish a x", "publish a x")).toBe(":1\r\n:0\r\n");
    expect(slow.transport.isClosed).toBe(true);
    expect(fixture.server.pubsub.count(0)).toBe(0);
  });

  test("one that is over its soft limit for too long is cut off", async () => {
    const fixture = new ServerFixture("client-output-buffer-limit pubsub 0 100 2\n");
    const publisher = fixture.connect();
    const slow = fixture.connect();
    slow.run("subscribe a");
    slow.transport.room = 0;
    publisher.run(`publish a ${"x".repeat(100)}`);
    await fixture.endTurn();
    fixture.advance(2000);
    expect(slow.transport.isClosed).toBe(false);
    fixture.advance(1000);
    expect(slow.transport.isClosed).toBe(true);
  });

  test("subscribers cut off during a delivery do not keep it from the others", () => {
    const fixture = new ServerFixture("client-output-buffer-limit pubsub 100 0 0\n");
    const publisher = fixture.connect();
    const peers = Array.from({ length: 200 }, () => fixture.connect());
    for (const peer of peers) peer.run("subscribe a", "psubscribe *");
    // Everyone is cut off by the first message, and is counted once more as matching the pattern.
    const text = "x".repeat(100);
    expect(publisher.run(`publish a ${text}`, "publish a x")).toBe(":400\r\n:0\r\n");
    expect(fixture.server.pubsub.count(0) + fixture.server.pubsub.count(1)).toBe(0);
  });

  test("a subscriber is not closed for being idle", () => {
    const fixture = new ServerFixture("timeout 10\n");
    const idle = fixture.connect();
    const peers = ["subscribe", "psubscribe", "ssubscribe"].map((word) => {
      const peer = fixture.connect();
      peer.run(`${word} a`);
      return peer;
    });
    fixture.advance(20_000);
    expect(idle.transport.isClosed).toBe(true);
    for (const { transport } of peers) expect(transport.isClosed).toBe(false);
  });
});

describe("subscriptions", () => {
  test("a client that goes is forgotten with all of them", () => {
    const fixture = new ServerFixture();
    const { pubsub } = fixture.server;
    const peer = fixture.connect();
    peer.run("subscribe a b", "psubscribe a", "ssubscribe a");
    expect([pubsub.count(0), pubsub.count(1), pubsub.count(2)]).toEqual([2, 1, 1]);
    peer.handler.closed();
    expect([pubsub.count(0), pubsub.count(1), pubsub.count(2)]).toEqual([0, 0, 0]);
  });

  test("20,000 of a client, and 20,000 to a channel, end one by one in no time", () => {
    const fixture = new ServerFixture();
    const names = Array.from({ length: 20_000 }, (_, k) => `c${k}`).join(" ");
    const peer = fixture.connect();
    const others = Array.from({ length: 20_000 }, () => fixture.connect());
    for (const other of others) other.run("subscribe c0");
    peer.run(`subscribe ${names}`);
    expect(fixture.server.pubsub.count(0)).toBe(20_000);
    for (const other of others) other.handler.closed();
    peer.run(`unsubscribe ${names}`);
    expect(fixture.server.pubsub.count(0)).toBe(0);
  });

  test("publishing is not propagated", () => {
    const fixture = new ServerFixture();
    fixture.recordEffects();
    const peer = fixture.connect();
    peer.send(request("publish a m", "spublish a m", "subscribe a", "unsubscribe a"));
    expect(fixture.effects).toEqual([]);
  });

  test("a transaction may subscribe to channels, not to shard channels", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    peer.run("multi", "subscribe a", "ssubscribe b");
    const told = `${requestOf("subscribe", "a").slice(0, -1)}\n:1\r\n`.replace("*2", "*3");
    expect(peer.run("exec")).toBe(
      `*2\r\n${told}-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n`,
    );
  });
});
