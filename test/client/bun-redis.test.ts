// Bun's own client over a real socket; it speaks RESP3.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { RedisClient } from "bun";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const BIG_BYTES = 10 * 1024 * 1024;
const CONNECTIONS = 50;

let server: ServerProcess;
let client: RedisClient;
const url = () => `redis://:secret@127.0.0.1:${server.port}`;
beforeAll(async () => {
  server = await startServer({ args: ["--requirepass", "secret"] });
  client = new RedisClient(url());
  await client.connect();
});
afterAll(async () => {
  client.close();
  await server.stop();
});

test("Bun's client sets, gets, expires and deletes", async () => {
  expect(await client.set("k", "v")).toBe("OK");
  expect(await client.get("k")).toBe("v");
  expect(await client.expire("k", 100)).toBe(1);
  expect(await client.ttl("k")).toBeGreaterThan(90);
  expect(await client.exists("k")).toBe(true);
  expect(await client.del("k")).toBe(1);
  expect(await client.get("k")).toBeNull();
});

test("Bun's client answers 10,000 commands sent at once in order", async () => {
  const keys = Array.from({ length: 5000 }, (_, k) => `key:${k}`);
  const sets = keys.map((key) => client.set(key, key));
  const gets = keys.map((key) => client.get(key));
  await Promise.all(sets);
  expect(await Promise.all(gets)).toEqual(keys);
});

test("Bun's client runs a transaction", async () => {
  const send = (name: string, ...args: string[]) => client.send(name, args);
  const sent = [send("MULTI"), send("SET", "m", "1"), send("INCR", "m"), send("EXEC")];
  expect(await Promise.all(sent)).toEqual(["OK", "QUEUED", "QUEUED", ["OK", 2]]);
  await send("WATCH", "m");
  await send("SET", "m", "7");
  await send("MULTI");
  expect(await send("EXEC")).toBeNull();
  await send("DEL", "m");
});

test("Bun's client carries 10 MB both ways", async () => {
  const text = "0123456789abcdef".repeat(BIG_BYTES / 16);
  await client.set("big", text);
  expect(await client.get("big")).toBe(text);
  await client.del("big");
});

test("Bun's client reads RESP3 maps and errors", async () => {
  const parameters = await client.send("CONFIG", ["GET", "maxmemory*"]);
  expect(parameters).toMatchObject({ maxmemory: "0", "maxmemory-policy": "noeviction" });
  await client.set("text", "abc");
  expect(client.incr("text")).rejects.toThrow("value is not an integer");
});

test("Bun's client subscribes and gives up", async () => {
  const subscriber = new RedisClient(url());
  await subscriber.connect();
  const heard: string[] = [];
  const all = Promise.withResolvers<void>();
  await subscriber.subscribe("news", (message, channel) => {
    heard.push(`${channel} ${message}`);
    if (heard.length === 3) all.resolve();
  });
  for (const message of ["one", "two", "three"]) {
    expect(await client.publish("news", message)).toBe(1);
  }
  await all.promise;
  expect(heard).toEqual(["news one", "news two", "news three"]);
  await subscriber.unsubscribe("news");
  expect(await client.publish("news", "four")).toBe(0);
  subscriber.close();
});

test("fifty of Bun's clients count together", async () => {
  const clients = Array.from({ length: CONNECTIONS }, () => new RedisClient(url()));
  const counted = clients.map(async (one) => {
    for (let k = 0; k < 100; k++) await one.incr("counter");
  });
  await Promise.all(counted);
  expect(await client.get("counter")).toBe(String(CONNECTIONS * 100));
  for (const one of clients) one.close();
});
