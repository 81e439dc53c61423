// ioredis over a real socket: RESP2 and RESP3, pipelines, big and binary values, reconnecting.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { Choices } from "../harness/generate.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const BIG_BYTES = 10 * 1024 * 1024;
const CONNECTIONS = 100;

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ args: ["--requirepass", "secret"] });
});
afterAll(() => server.stop());

/** A user that may read some keys and nothing else. */
async function addReader(name: string, password: string): Promise<void> {
  const admin = new Redis({ port: server.port, password: "secret" });
  const rules = ["reset", "on", `>${password}`, "%R~app:*", "+@read", "+@connection", "+info"];
  await admin.call("ACL", "SETUSER", name, ...rules);
  await admin.set("app:1", "one");
  admin.disconnect();
}

for (const protocol of [2, 3] as const) {
  describe(`ioredis in RESP${protocol}`, () => {
    let redis: Redis;
    beforeAll(() => {
      redis = new Redis({ port: server.port, password: "secret", protocol });
    });
    afterAll(() => redis.quit());

    test("sets, gets, expires and deletes", async () => {
      expect(await redis.set("k", "v", "EX", 100, "NX")).toBe("OK");
      expect(await redis.set("k", "v", "NX")).toBeNull();
      expect(await redis.get("k")).toBe("v");
      expect(await redis.ttl("k")).toBeGreaterThan(90);
      expect(await redis.mget("k", "absent")).toEqual(["v", null]);
      expect(await redis.incrbyfloat("n", 10.5)).toBe("10.5");
      expect(await redis.del("k", "n")).toBe(2);
    });

    test("connects as a user, who may do what its rules say", async () => {
      await addReader("reader", "pw");
      const options = { port: server.port, username: "reader", password: "pw", protocol };
      const reader = new Redis(options);
      expect(await reader.get("app:1")).toBe("one");
      expect(reader.get("other")).rejects.toThrow("NOPERM No permissions to access a key");
      expect(reader.set("app:1", "two")).rejects.toThrow(
        "NOPERM User reader has no permissions to run the 'set' command",
      );
      expect(await reader.call("ACL", "WHOAMI").catch(String)).toContain("NOPERM User reader");
      reader.disconnect();
    });

    test("gets an error for a wrong call and goes on", async () => {
      await redis.set("text", "abc");
      expect(redis.incr("text")).rejects.toThrow("ERR value is not an integer or out of range");
      expect(await redis.get("text")).toBe("abc");
    });

    test("loads a library of functions and calls them", async () => {
      const code = `#!lua name=counters
        local function add(keys, args) return redis.call('INCRBY', keys[1], args[1] or 1) end
        local function read(keys) return redis.call('MGET', unpack(keys)) end
        redis.register_function('add', add)
        redis.register_function{function_name='read', callback=read, flags={'no-writes'}}`;
      expect(await redis.function("LOAD", "REPLACE", code)).toBe("counters");
      expect(await redis.fcall("add", 1, "n:1", 5)).toBe(5);
      expect(await redis.pipeline().fcall("add", 1, "n:1").fcall("add", 1, "n:2").exec()).toEqual([
        [null, 6],
        [null, 1],
      ]);
      expect(await redis.fcall_ro("read", 2, "n:1", "n:2")).toEqual(["6", "1"]);
      expect(redis.fcall_ro("add", 1, "n:1")).rejects.toThrow("using *_ro command");
      const payload = await redis.callBuffer("FUNCTION", "DUMP");
      expect(await redis.function("DELETE", "counters")).toBe("OK");
      expect(redis.fcall("add", 1, "n:1")).rejects.toThrow("ERR Function not found");
      expect(await redis.call("FUNCTION", "RESTORE", payload as Buffer)).toBe("OK");
      expect(await redis.fcall("add", 1, "n:1")).toBe(7);
      await redis.del("n:1", "n:2");
    });

    test("answers a pipeline of 10,000 commands in order", async () => {
      const pipeline = redis.pipeline();
      for (let k = 0; k < 5000; k++) pipeline.set(`key:${k}`, `value ${k}`).get(`key:${k}`);
      const results = (await pipeline.exec()) ?? [];
      expect(results.length).toBe(10_000);
      expect(results[9999]).toEqual([null, "value 4999"]);
      expect(results.every(([error]) => error === null)).toBe(true);
    });

    test("subscribes to channels, patterns and shard channels, and hears of keys", async () => {
      const subscriber = redis.duplicate();
      // One of its own: ioredis mixes up the counts of a connection that has both.
      const sharded = redis.duplicate();
      const heard: string[] = [];
      const all = Promise.withResolvers<void>();
      const note = (...parts: string[]) => {
        heard.push(parts.join(" "));
        if (heard.length === 4) all.resolve();
      };
      subscriber.on("message", (channel, message) => note("message", channel, message));
      subscriber.on("pmessage", (...parts) => note("pmessage", ...parts));
      sharded.on("smessage", (channel, message) => note("smessage", channel, message));
      expect(await subscriber.subscribe("news", "other")).toBe(2);
      expect(await subscriber.psubscribe("n*", "__keyevent@0__:*")).toBe(4);
      expect(await sharded.ssubscribe("shard")).toBe(1);
      await redis.config("SET", "notify-keyspace-events", "E$");
      expect(await redis.publish("news", "hello")).toBe(2);
      expect(await redis.spublish("shard", "hi")).toBe(1);
      await redis.set("told", "v");
      await all.promise;
      expect(heard.sort()).toEqual([
        "message news hello",
        "pmessage __keyevent@0__:* __keyevent@0__:set told",
        "pmessage n* news hello",
        "smessage shard hi",
      ]);
      expect(await redis.pubsub("NUMSUB", "news", "none")).toEqual(["news", 1, "none", 0]);
      expect(await subscriber.unsubscribe("news", "other")).toBe(2);
      expect(await subscriber.punsubscribe("n*", "__keyevent@0__:*")).toBe(0);
      sharded.disconnect();
      expect(await subscriber.get("told")).toBe("v");
      await redis.config("SET", "notify-keyspace-events", "");
      await subscriber.quit();
    });

    test("carries 10 MB of random bytes both ways", async () => {
      const bytes = new Choices(31).bytes(BIG_BYTES);
      await redis.set("big", bytes);
      expect(Bun.hash((await redis.getBuffer("big")) ?? "")).toBe(Bun.hash(bytes));
      expect(await redis.strlen("big")).toBe(BIG_BYTES);
      await redis.del("big");
    });

    test("runs transactions, and none where a watched key has changed", async () => {
      const replies = await redis.multi().set("m", "1").incr("m").lpush("m", "x").get("m").exec();
      expect(replies?.map(([error, reply]) => error?.message ?? reply)).toEqual(
        ["OK", 2, "WRONGTYPE Operation against a key holding the wrong kind of value", "2"], //
      );
      await redis.watch("m");
      await redis.set("m", "7");
      expect(await redis.multi().incr("m").exec()).toBeNull();
      expect(await redis.get("m")).toBe("7");
      const broken = redis.multi({ pipeline: false });
      await broken;
      await expect(redis.call("get")).rejects.toThrow("wrong number of arguments");
      await expect(redis.exec()).rejects.toThrow("EXECABORT");
      await redis.del("m");
    });

    test("waits in line for what others push, and in vain", async () => {
      const workers = Array.from({ length: 20 }, () => redis.duplicate());
      expect(await workers[0].blpop("jobs", "others", 0.01)).toBeNull();
      const taken = Promise.all(workers.map((worker) => worker.blpop("jobs", 10)));
      const jobs = Array.from({ length: 20 }, (_, k) => `job ${k}`);
      for (const job of jobs) await redis.rpush("jobs", job);
      expect((await taken).map((reply) => reply?.[1]).sort()).toEqual(jobs.sort());
      const entries = workers[1].xread("BLOCK", 10_000, "STREAMS", "log", "$");
      while (!(await redis.info("clients")).includes("blocked_clients:1")) await Bun.sleep(1);
      await redis.xadd("log", "1-1", "field", "value");
      expect(JSON.stringify(await entries)).toContain('"log"');
      await redis.del("log");
      for (const worker of workers) worker.disconnect();
    });

    test("finds every key through scanStream", async () => {
      await redis.flushall();
      await redis.mset(Object.fromEntries(Array.from({ length: 500 }, (_, k) => [`s:${k}`, k])));
      const found = new Set<string>();
      for await (const keys of redis.scanStream({ match: "s:*", count: 50 })) {
        for (const key of keys) found.add(key);
      }
      expect(found.size).toBe(500);
    });

    test("comes back after its connection was killed", async () => {
      const victim = new Redis({ port: server.port, password: "secret", protocol });
      const id = await victim.client("ID");
      expect(await redis.client("KILL", "ID", id)).toBe(1);
      expect(await victim.ping()).toBe("PONG");
      expect(await victim.client("ID")).toBeGreaterThan(Number(id));
      victim.disconnect();
    });
  });
}

test("a hundred connections count to ten thousand together", async () => {
  const clients = Array.from(
    { length: CONNECTIONS },
    () => new Redis({ port: server.port, password: "secret" }),
  );
  const counted = clients.map(async (client) => {
    for (let k = 0; k < 100; k++) await client.incr("counter");
  });
  await Promise.all(counted);
  expect(await clients[0].get("counter")).toBe("10000");
  for (const client of clients) client.disconnect();
});

test("a wrong password is refused", async () => {
  const client = new Redis({ port: server.port, password: "wrong", retryStrategy: () => null });
  client.on("error", () => {});
  expect(client.get("k")).rejects.toThrow();
  await client.ping().catch(() => {});
  client.disconnect();
});
