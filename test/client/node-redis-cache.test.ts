// node-redis's client-side cache, which tracks by CLIENT TRACKING ON and believes its messages.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { BasicClientSideCache, createClient } from "redis";
import type { RawClient } from "../harness/client.ts";
import { Choices } from "../harness/generate.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const ENOUGH_MS = 3000;
const STEPS = 300;

let server: ServerProcess;
let other: RawClient;
beforeAll(async () => {
  server = await startServer();
  other = await server.connect();
});
afterAll(() => server.stop());

async function connect(cache: BasicClientSideCache) {
  const client = createClient({
    socket: { host: "127.0.0.1", port: server.port },
    RESP: 3,
    clientSideCache: cache,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Resolves once the cache has been told of a change. */
function invalidation(cache: BasicClientSideCache): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no invalidation")), ENOUGH_MS);
    cache.once("invalidate", (key) => {
      clearTimeout(timer);
      resolve(key === null ? null : String(key));
    });
  });
}

describe("the cache of node-redis", () => {
  let cache: BasicClientSideCache;
  let client: Awaited<ReturnType<typeof connect>>;
  beforeEach(async () => {
    await other.run("flushall");
    cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
    client = await connect(cache);
  });
  afterEach(() => client.destroy());

  test("a value is read once and kept until another client changes it", async () => {
    await other.run("set", "k", "1");
    for (let k = 0; k < 5; k++) expect(await client.get("k")).toBe("1");
    expect(cache.stats().missCount).toBe(1);
    expect(cache.stats().hitCount).toBe(4);
    const told = invalidation(cache);
    await other.run("set", "k", "2");
    expect(await told).toBe("k");
    expect(await client.get("k")).toBe("2");
    expect(cache.stats().missCount).toBe(2);
  });

  test("its own changes, expiry and flushes reach it", async () => {
    await other.run("set", "k", "1", "px", "50");
    await other.run("hset", "h", "f", "v");
    expect(await client.get("k")).toBe("1");
    expect(await client.hGetAll("h")).toEqual({ f: "v" } as never);
    await client.hSet("h", "f", "w");
    expect(await client.hGetAll("h")).toEqual({ f: "w" } as never);
    const told = invalidation(cache);
    await Bun.sleep(60);
    await other.run("exists", "k");
    expect(await told).toBe("k");
    expect(await client.get("k")).toBeNull();
    const flushed = invalidation(cache);
    await other.run("flushall");
    expect(await flushed).toBeNull();
    expect(await client.hGetAll("h")).toEqual({} as never);
  });

  test("what it answers is what the server holds, whoever writes in whatever way", async () => {
    const choices = new Choices(7);
    const key = () => `k${choices.below(5)}`;
    for (let step = 0; step < STEPS; step++) {
      const value = String(step);
      switch (choices.below(6)) {
        case 0:
          await other.run("mset", key(), value, key(), value);
          break;
        case 1:
          await other.run("eval", "return redis.call('set', KEYS[1], ARGV[1])", 1, key(), value);
          break;
        case 2:
          await other.pipeline([["multi"], ["del", key()], ["append", key(), "x"], ["exec"]]);
          break;
        case 3:
          await client.set(key(), value);
          break;
        case 4:
          await client.multi().append(key(), "y").get(key()).exec();
          break;
        default:
          await other.run("rename", key(), key()).catch(() => {});
      }
      // What the server has sent before the answer to this, the cache knows of.
      await client.ping();
      const name = key();
      expect(await client.get(name)).toBe((await other.run("get", name)) as string | null);
    }
    expect(cache.stats().hitCount).toBeGreaterThan(10);
  });
});
