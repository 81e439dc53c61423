// Libraries that applications put between themselves and Redis: locks, rate limits, sessions and
// caches. Each does what its documentation shows.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import KeyvRedis from "@keyv/redis";
import { RedisStore } from "connect-redis";
import type { SessionData } from "express-session";
import session from "express-session";
import { Redis } from "ioredis";
import Keyv from "keyv";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { createClient } from "redis";
import Redlock from "redlock";
import type { ServerProcess } from "../harness/process.ts";
import { startSubject } from "../harness/subject.ts";

let server: ServerProcess;
let redis: Redis;
beforeAll(async () => {
  server = await startSubject();
  redis = new Redis(server.port);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(() => redis.flushall());

test("redlock: a lock keeps others out until it is released or has expired", async () => {
  const [mine, yours] = [new Redlock([redis], { retryCount: 0 }), new Redlock([redis])];
  const lock = await mine.acquire(["locks:a", "locks:b"], 10_000);
  await expect(mine.acquire(["locks:a"], 1000)).rejects.toThrow("unable to achieve a quorum");
  expect(await redis.pttl("locks:b")).toBeGreaterThan(5000);
  const longer = await lock.extend(50_000);
  expect(await redis.pttl("locks:a")).toBeGreaterThan(20_000);
  await longer.release();
  expect(await redis.exists("locks:a", "locks:b")).toBe(0);
  const brief = await mine.acquire(["locks:a"], 20);
  const next = await yours.acquire(["locks:a"], 1000, { retryCount: 200, retryDelay: 5 });
  await expect(brief.extend(1000)).rejects.toThrow();
  await next.release();
});

test("redlock: a lock is extended for as long as its routine runs", async () => {
  const redlock = new Redlock([redis]);
  const settings = { automaticExtensionThreshold: 1900 };
  const name = await redlock.using(["locks:used"], 2000, settings, async (signal) => {
    const holder = await redis.get("locks:used");
    for (let extensions = 0, restMs = 2000; extensions < 2; ) {
      const nowMs = await redis.pttl("locks:used");
      if (nowMs > restMs) extensions++;
      restMs = nowMs;
    }
    expect(await redis.get("locks:used")).toBe(holder);
    expect(signal.aborted).toBe(false);
    return holder;
  });
  expect(name).not.toBeNull();
  expect(await redis.exists("locks:used")).toBe(0);
});

test("rate-limiter-flexible: points are counted together and come back", async () => {
  const make = () =>
    new RateLimiterRedis({
      storeClient: redis,
      ...{ keyPrefix: "limit", points: 5, duration: 10, blockDuration: 10 },
    });
  const [first, second] = [make(), make()];
  const consumed = await Promise.all(
    [first, second, first, second, first].map((limiter) => limiter.consume("me")),
  );
  expect(consumed.map(({ remainingPoints }) => remainingPoints).sort()).toEqual([0, 1, 2, 3, 4]);
  const refused = await second.consume("me").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RateLimiterRes);
  expect((refused as RateLimiterRes).msBeforeNext).toBeGreaterThan(5000);
  expect((await first.get("me"))?.consumedPoints).toBeGreaterThan(5);
  await first.reward("me", 3);
  expect(await first.delete("me")).toBe(true);
  expect((await first.consume("me", 2)).remainingPoints).toBe(3);
});

test("connect-redis: sessions are kept, touched, listed and destroyed", async () => {
  const client = createClient({ socket: { port: server.port } });
  await client.connect();
  const store = new RedisStore({ client, prefix: "session:", ttl: 100 });
  const cookie = new session.Cookie();
  cookie.maxAge = 60_000;
  const data = { cookie, user: "someone" } as unknown as SessionData;
  await store.set("one", data);
  await store.set("two", data);
  expect(await store.get("one")).toMatchObject({ user: "someone" });
  expect(await store.get("none")).toBeFalsy();
  expect((await store.ids()).sort()).toEqual(["one", "two"]);
  expect(await store.length()).toBe(2);
  expect((await store.all()).length).toBe(2);
  await client.persist("session:one");
  await store.touch("one", data);
  expect(await client.ttl("session:one")).toBeGreaterThan(50);
  await store.destroy("one");
  expect(await store.ids()).toEqual(["two"]);
  await store.clear();
  expect(await store.length()).toBe(0);
  client.destroy();
});

test("Keyv: values of several namespaces, with and without a time to live", async () => {
  const store = () => new KeyvRedis(`redis://127.0.0.1:${server.port}`);
  const users = new Keyv<unknown>({ store: store(), namespace: "users" });
  const pages = new Keyv<unknown>({ store: store(), namespace: "pages" });
  const value = { name: "é", list: [1, null, { deep: true }] };
  expect(await users.set("a", value)).toBe(true);
  await pages.set("a", "other", 50_000);
  await pages.setMany([
    { key: "b", value: 1 },
    { key: "c", value: 2, ttl: 1 },
  ]);
  expect(await users.get("a")).toEqual(value);
  expect(await users.getMany(["a", "none"])).toEqual([value, undefined]);
  expect(await users.has("a")).toBe(true);
  expect(await redis.keys("*:a")).toHaveLength(2);
  while (await pages.has("c"));
  const found: string[] = [];
  for await (const [key] of pages.iterator?.(undefined) ?? []) found.push(key);
  expect(found.sort()).toEqual(["a", "b"]);
  expect(await pages.delete("a")).toBe(true);
  await pages.clear();
  expect(await pages.get("b")).toBeUndefined();
  expect(await users.get("a")).toEqual(value);
  await Promise.all([users.disconnect(), pages.disconnect()]);
});
