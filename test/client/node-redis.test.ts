// node-redis (the package `redis`) over a real socket.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createClient, RESP_TYPES, WatchError } from "redis";
import { Choices } from "../harness/generate.ts";
import type { ServerProcess } from "../harness/process.ts";
import { startServer } from "../harness/server.ts";

const BIG_BYTES = 10 * 1024 * 1024;

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ args: ["--requirepass", "secret"] });
});
afterAll(() => server.stop());

async function connect(protocol: 2 | 3) {
  const client = createClient({
    url: `redis://:secret@127.0.0.1:${server.port}`,
    RESP: protocol,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

for (const protocol of [2, 3] as const) {
  describe(`node-redis in RESP${protocol}`, () => {
    let client: Awaited<ReturnType<typeof connect>>;
    beforeAll(async () => {
      client = await connect(protocol);
    });
    afterAll(() => client.destroy());

    test("connects as a user, who may do what its rules say", async () => {
      const rules = ["reset", "on", ">pw", "~app:*", "+@all", "-flushall"];
      await client.aclSetUser("worker", rules);
      expect(await client.aclUsers()).toEqual(["default", "worker"]);
      expect((await client.aclGetUser("worker"))?.commands).toBe("+@all -flushall");
      expect(await client.aclDryRun("worker", ["GET", "app:1"])).toBe("OK");
      const url = `redis://worker:pw@127.0.0.1:${server.port}`;
      const worker = createClient({ url, RESP: protocol });
      worker.on("error", () => {});
      await worker.connect();
      expect(await worker.aclWhoAmI()).toBe("worker");
      expect(await worker.set("app:1", "one")).toBe("OK");
      expect(worker.flushAll()).rejects.toThrow("NOPERM User worker has no permissions");
      expect(worker.get("other")).rejects.toThrow("NOPERM No permissions to access a key");
      const [entry] = await client.aclLog(1);
      expect(entry).toMatchObject({ username: "worker" });
      worker.destroy();
      expect(await client.aclDelUser("worker")).toBe(1);
    });

    test("sets, gets, expires and deletes", async () => {
      expect(await client.set("k", "v", { expiration: { type: "EX", value: 100 } })).toBe("OK");
      expect(await client.get("k")).toBe("v");
      expect(await client.ttl("k")).toBeGreaterThan(90);
      expect(await client.mGet(["k", "absent"])).toEqual(["v", null]);
      expect(await client.del(["k", "absent"])).toBe(1);
      expect(await client.get("k")).toBeNull();
    });

    test("gets an error for a wrong call and goes on", async () => {
      await client.set("text", "abc");
      expect(client.incr("text")).rejects.toThrow("ERR value is not an integer or out of range");
      expect(await client.get("text")).toBe("abc");
    });

    test("loads libraries of functions, lists, dumps and calls them", async () => {
      const callback = "function(keys, args) return 'hello ' .. args[1] end";
      const facts = "function_name='greet', description='says hello', flags={'no-writes'}";
      const registration = `redis.register_function{${facts}, callback=${callback}}`;
      const code = `#!lua name=greetings\n${registration}`;
      expect(await client.functionLoad(code, { REPLACE: true })).toBe("greetings");
      expect(await client.fCall("greet", { arguments: ["you"] })).toBe("hello you");
      expect(await client.fCallRo("greet", { keys: ["k"], arguments: ["me"] })).toBe("hello me");
      const [listed] = await client.functionListWithCode({ LIBRARYNAME: "greet*" });
      expect(listed.library_code).toBe(code);
      expect(listed.functions[0].description).toBe("says hello");
      const payload = await client
        .withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
        .functionDump();
      expect(await client.functionFlush("SYNC")).toBe("OK");
      expect(client.fCall("greet", {})).rejects.toThrow("ERR Function not found");
      expect(await client.functionRestore(payload)).toBe("OK");
      expect((await client.functionStats()).engines).toMatchObject({
        LUA: { libraries_count: 1, functions_count: 1 },
      });
      expect(await client.functionDelete("greetings")).toBe("OK");
    });

    test("answers 10,000 commands sent at once in order", async () => {
      const keys = Array.from({ length: 5000 }, (_, k) => `key:${k}`);
      const sets = keys.map((key) => client.set(key, key));
      const gets = keys.map((key) => client.get(key));
      await Promise.all(sets);
      expect(await Promise.all(gets)).toEqual(keys);
    });

    test("runs transactions, and none where a watched key has changed", async () => {
      const replies: unknown[] = await client.multi().set("m", "1").incr("m").get("m").exec();
      expect(replies).toEqual(["OK", 2, "2"]);
      await client.watch("m");
      await client.set("m", "7");
      await expect(client.multi().incr("m").exec()).rejects.toThrow(WatchError);
      expect(await client.get("m")).toBe("7");
      await client.del("m");
    });

    test("carries 10 MB of random bytes both ways", async () => {
      const bytes = new Choices(32).bytes(BIG_BYTES);
      const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      await binary.set("big", bytes);
      expect(Bun.hash((await binary.get("big")) ?? "")).toBe(Bun.hash(bytes));
      await client.del("big");
    });

    test("subscribes to channels, patterns and shard channels", async () => {
      const subscriber = await connect(protocol);
      const heard: string[] = [];
      const all = Promise.withResolvers<void>();
      const note = (message: string, channel: string) => {
        heard.push(`${channel} ${message}`);
        if (heard.length === 3) all.resolve();
      };
      await subscriber.subscribe("news", note);
      await subscriber.pSubscribe("n*", note);
      await subscriber.sSubscribe("shard", note);
      expect(await client.publish("news", "hello")).toBe(2);
      expect(await client.sPublish("shard", "hi")).toBe(1);
      await all.promise;
      expect(heard).toEqual(["news hello", "news hello", "shard hi"]);
      expect(await client.pubSubChannels()).toEqual(["news"]);
      await subscriber.unsubscribe();
      await subscriber.pUnsubscribe();
      await subscriber.sUnsubscribe();
      expect(String(await subscriber.ping())).toBe("PONG");
      subscriber.destroy();
    });

    test("finds every key through scanIterator", async () => {
      await client.flushAll();
      await Promise.all(Array.from({ length: 300 }, (_, k) => client.set(`s:${k}`, "v")));
      const found = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: "s:*" })) {
        for (const key of keys) found.add(key);
      }
      expect(found.size).toBe(300);
    });

    test("comes back after its connection was killed", async () => {
      const victim = await connect(protocol);
      const id = await victim.clientId();
      expect(Number(await client.sendCommand(["CLIENT", "KILL", "ID", String(id)]))).toBe(1);
      expect(await victim.ping()).toBe("PONG");
      victim.destroy();
    });
  });
}
