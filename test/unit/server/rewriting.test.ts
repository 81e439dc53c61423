// What Redis answers and shows around rewrites was seen on 8.0.6.

import { describe, expect, test } from "bun:test";
import { FOLDER, Rewrites, STARTED } from "./rewrites-fixture.ts";

const LOGGED = "appendonly yes\nappendfsync everysec";

describe("BGREWRITEAOF", () => {
  test("replaces base and increment, and the manifest names the new ones", async () => {
    const rewrites = await Rewrites.start(LOGGED);
    rewrites.run("set a 1", "incr n");
    expect(rewrites.run("bgrewriteaof")).toBe(STARTED);
    expect(rewrites.info("aof_rewrite_in_progress")).toBe("1");
    rewrites.run("incr n");
    await rewrites.settle();
    expect(rewrites.run("incr n")).toBe(":3\r\n");
    await rewrites.settle();
    expect(rewrites.files).toEqual([
      "appendonly.aof.2.base.rdb",
      "appendonly.aof.2.incr.aof",
      "appendonly.aof.manifest",
    ]);
    expect(rewrites.manifest).toBe(
      "file appendonly.aof.2.base.rdb seq 2 type b\n" +
        "file appendonly.aof.2.incr.aof seq 2 type i startoffset 3\n",
    );
    expect(rewrites.info("aof_rewrite_in_progress")).toBe("0");
    expect(rewrites.info("aof_last_bgrewrite_status")).toBe("ok");
    expect(rewrites.info("aof_rewrites")).toBe("1");
    const base = rewrites.disk.contentOf(`${FOLDER}appendonly.aof.2.base.rdb`).length;
    expect(rewrites.info("aof_base_size")).toBe(String(base));
    expect(await rewrites.digestAgain()).toBe(rewrites.run("debug digest"));
    await rewrites.stop();
  });

  test("is refused while one runs, and BGSAVE waits if it is patient", async () => {
    const rewrites = await Rewrites.start(LOGGED);
    rewrites.run("set a 1", "bgrewriteaof");
    expect(rewrites.run("bgrewriteaof")).toBe(
      "-ERR Background append only file rewriting already in progress\r\n",
    );
    expect(rewrites.run("bgsave")).toBe(
      "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE" +
        " in order to schedule a BGSAVE whenever possible.\r\n",
    );
    expect(rewrites.run("bgsave schedule")).toBe("+Background saving scheduled\r\n");
    expect(rewrites.run("save")).toBe("+OK\r\n");
    await rewrites.settle();
    rewrites.fixture.advance(100);
    await rewrites.settle();
    expect(rewrites.info("rdb_saves")).toBe("2");
    await rewrites.stop();
  });

  test("is put off while a save runs", async () => {
    const rewrites = await Rewrites.start(LOGGED);
    rewrites.run("set a 1", "bgsave");
    expect(rewrites.run("bgrewriteaof")).toBe(
      "+Background append only file rewriting scheduled\r\n",
    );
    expect(rewrites.info("aof_rewrite_scheduled")).toBe("1");
    await rewrites.settle();
    rewrites.fixture.advance(100);
    await rewrites.settle();
    expect(rewrites.info("aof_rewrite_scheduled")).toBe("0");
    expect(rewrites.info("aof_rewrites")).toBe("1");
    await rewrites.stop();
  });

  test("without a log makes a base alone", async () => {
    const rewrites = await Rewrites.start("appendonly no");
    rewrites.run("set a 1");
    expect(rewrites.run("bgrewriteaof")).toBe(STARTED);
    await rewrites.settle();
    expect(rewrites.manifest).toBe("file appendonly.aof.1.base.rdb seq 1 type b\n");
    expect(await rewrites.digestAgain()).toBe(rewrites.run("debug digest"));
    await rewrites.stop();
  });

  test("that fails leaves the log whole, wherever the disk does", async () => {
    for (let failing = 1; failing < 40; failing++) {
      const rewrites = await Rewrites.start(LOGGED);
      rewrites.run("set a 1", "rpush l 1 2 3");
      await rewrites.settle();
      let operations = 0;
      rewrites.disk.fault = (_, path) =>
        path.includes("incr.aof") || ++operations !== failing ? undefined : "EIO";
      rewrites.run("bgrewriteaof", "incr n");
      await rewrites.settle();
      rewrites.disk.fault = () => undefined;
      rewrites.run("incr n");
      await rewrites.settle();
      const digest = rewrites.run("debug digest");
      expect(await rewrites.digestAgain()).toBe(digest);
      // The next one succeeds.
      expect(rewrites.run("bgrewriteaof")).toBe(STARTED);
      await rewrites.settle();
      expect(rewrites.info("aof_last_bgrewrite_status")).toBe("ok");
      expect(await rewrites.digestAgain()).toBe(digest);
      await rewrites.stop();
    }
  }, 30_000);
});

describe("automatic rewriting", () => {
  test("begins once the log has grown enough, and not below its least size", async () => {
    const directives = `${LOGGED}\nauto-aof-rewrite-min-size 1000\nauto-aof-rewrite-percentage 100`;
    const rewrites = await Rewrites.start(directives);
    const grow = async (count: number) => {
      for (let k = 0; k < count; k++) rewrites.run(`set key ${"v".repeat(80)}`);
      await rewrites.settle();
      rewrites.fixture.advance(100);
      await rewrites.settle();
    };
    await grow(5);
    expect(rewrites.info("aof_rewrites")).toBe("0");
    await grow(20);
    expect(rewrites.info("aof_rewrites")).toBe("1");
    expect(rewrites.fixture.logged.join("\n")).toContain("Starting automatic rewriting of AOF on ");
    await grow(1);
    expect(rewrites.info("aof_rewrites")).toBe("1");
    await grow(20);
    expect(rewrites.info("aof_rewrites")).toBe("2");
    await rewrites.stop();
  });

  test("waits longer and longer after three failures", async () => {
    const directives = `${LOGGED}\nauto-aof-rewrite-min-size 10\nauto-aof-rewrite-percentage 1`;
    const rewrites = await Rewrites.start(directives);
    rewrites.run("set a 1");
    await rewrites.settle();
    rewrites.disk.fault = (_, path) => (path.includes("temp-rewrite") ? "EIO" : undefined);
    for (let k = 0; k < 8; k++) {
      rewrites.fixture.advance(100);
      await rewrites.settle();
    }
    expect(rewrites.info("aof_rewrites_consecutive_failures")).toBe("3");
    expect(rewrites.fixture.logged).toContain(
      "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in " +
        "1 minutes",
    );
    rewrites.disk.fault = () => undefined;
    rewrites.fixture.advance(61_000);
    await rewrites.settle();
    expect(rewrites.info("aof_rewrites_consecutive_failures")).toBe("0");
    await rewrites.stop();
  });
});

describe("CONFIG SET appendonly", () => {
  test("begins a log with what is there, and ends it", async () => {
    const rewrites = await Rewrites.start("appendonly no");
    rewrites.run("set a 1");
    expect(rewrites.run("config set appendonly yes")).toBe("+OK\r\n");
    expect(rewrites.info("aof_enabled")).toBe("1");
    await rewrites.settle();
    rewrites.run("incr n");
    await rewrites.settle();
    expect(rewrites.manifest).toBe(
      "file appendonly.aof.1.base.rdb seq 1 type b\n" +
        "file appendonly.aof.1.incr.aof seq 1 type i startoffset 0\n",
    );
    const digest = rewrites.run("debug digest");
    expect(await rewrites.digestAgain()).toBe(digest);
    expect(rewrites.run("config set appendonly no")).toBe("+OK\r\n");
    expect(rewrites.info("aof_enabled")).toBe("0");
    rewrites.run("incr n");
    await rewrites.settle();
    expect(await rewrites.digestAgain()).toBe(digest);
    expect(rewrites.run("config set appendonly yes")).toBe("+OK\r\n");
    rewrites.run("incr n");
    await rewrites.settle();
    expect(await rewrites.digestAgain()).toBe(rewrites.run("debug digest"));
    await rewrites.stop();
  });

  test("no during the first rewrite leaves nothing behind", async () => {
    // So slow that it cannot be through before it is called off.
    const rewrites = await Rewrites.start("appendonly no\nrdb-key-save-delay 100000");
    rewrites.run("debug populate 3000", "config set appendonly yes");
    for (let k = 0; k < 5; k++) await rewrites.fixture.endTurn();
    rewrites.run("incr n");
    expect(rewrites.run("config set appendonly no")).toBe("+OK\r\n");
    await rewrites.settle();
    expect(rewrites.files).toEqual([]);
    expect(rewrites.fixture.logged.join("\n")).toContain("Removing the temp incr aof file");
    await rewrites.stop();
  });

  test("yes while a base without a log joins the manifest begins anew", async () => {
    const rewrites = await Rewrites.start("appendfsync always");
    const { disk, fixture } = rewrites;
    rewrites.run("set a 1", "bgrewriteaof");
    disk.observe = (phase, operation, path) => {
      if (phase === "after" && operation === "open" && path.endsWith(".manifest")) {
        disk.holdSyncs = true;
      }
    };
    for (let k = 0; k < 2000 && disk.openSyncs === 0; k++) await Bun.sleep(1);
    disk.observe = () => {};
    rewrites.run("set a 2", "config set appendonly yes", "set a 3");
    disk.holdSyncs = false;
    disk.finishSyncs();
    await fixture.endTurn();
    expect(fixture.server.durability.isOn).toBe(false);
    await rewrites.settle();
    expect(fixture.server.durability.isOn).toBe(true);
    const digest = await rewrites.digestAgain();
    await rewrites.stop();
    expect(digest).toBe(await rewrites.digestAgain());
    expect(fixture.logged.join()).not.toContain("undefined");
  });

  test("yes during a save waits for its end", async () => {
    const rewrites = await Rewrites.start("appendonly no");
    rewrites.run("set a 1", "bgsave");
    expect(rewrites.run("config set appendonly yes")).toBe("+OK\r\n");
    expect(rewrites.info("aof_rewrite_scheduled")).toBe("1");
    await rewrites.settle();
    rewrites.fixture.advance(100);
    await rewrites.settle();
    expect(await rewrites.digestAgain()).toBe(rewrites.run("debug digest"));
    await rewrites.stop();
  });
});

describe("a log that is one plain file", () => {
  const PLAIN = "aof /data/my.aof";

  for (const preamble of ["yes", "no"]) {
    test(`is rewritten in place, aof-use-rdb-preamble ${preamble}`, async () => {
      const rewrites = await Rewrites.start(`${PLAIN}\naof-use-rdb-preamble ${preamble}`);
      rewrites.run("set a 1", "select 3", "incr n");
      expect(rewrites.run("bgrewriteaof")).toBe(STARTED);
      rewrites.run("incr n");
      await rewrites.settle();
      rewrites.run("incr n");
      await rewrites.settle();
      expect(rewrites.info("aof_last_bgrewrite_status")).toBe("ok");
      expect(rewrites.disk.paths).toEqual(["/data/my.aof", "/data/other"]);
      const begin = rewrites.disk.contentOf("/data/my.aof").toString("latin1", 0, 5);
      expect(begin).toBe(preamble === "yes" ? "REDIS" : "*2\r\n$");
      expect(await rewrites.digestAgain(PLAIN)).toBe(rewrites.run("debug digest"));
      await rewrites.stop();
    });
  }
});

test("aof-timestamp-enabled notes the time whenever the second has changed", async () => {
  const rewrites = await Rewrites.start(`${LOGGED}\naof-timestamp-enabled yes`);
  rewrites.run("set a 1", "set b 1");
  await rewrites.settle();
  rewrites.run("set a 2");
  await rewrites.settle();
  rewrites.fixture.advance(1000);
  rewrites.run("set a 3", "config set aof-timestamp-enabled no");
  await rewrites.settle();
  rewrites.fixture.advance(1000);
  rewrites.run("set a 4");
  await rewrites.settle();
  const log = rewrites.disk.contentOf(`${FOLDER}appendonly.aof.1.incr.aof`).toString();
  expect(log.match(/#TS:\d+\r\n/g)).toEqual(["#TS:1700000000\r\n", "#TS:1700000001\r\n"]);
  expect(log).toStartWith("#TS:1700000000\r\n*2\r\n$6\r\nSELECT");
  expect(await rewrites.digestAgain()).toBe(rewrites.run("debug digest"));
  await rewrites.stop();
});

describe("SAVE during a rewrite", () => {
  for (const fails of [false, true]) {
    test(`writes beside what is under way${fails ? ", which then fails" : ""}`, async () => {
      const rewrites = await Rewrites.start("rdbcompression no");
      const { disk, fixture } = rewrites;
      rewrites.run("config set appendonly yes");
      await rewrites.settle();
      for (let k = 0; k < 3000; k++) rewrites.run(`set key:${k} ${"x".repeat(1000)}`);
      fixture.clock.tickUs = 20;
      disk.holdWrites = true;
      expect(rewrites.run("bgrewriteaof")).toBe(STARTED);
      while (disk.openWrites === 0) await Bun.sleep(1);
      rewrites.run("set a 2");
      expect(rewrites.run("save")).toBe("+OK\r\n");
      expect(rewrites.info("aof_rewrite_in_progress")).toBe("1");
      rewrites.run("set a 3");
      const isBase = (path: string) => path.includes("temp-rewriteaof");
      let hasFailed = false;
      disk.fault = (_, path) => {
        if (!fails || !isBase(path)) return undefined;
        hasFailed = true;
        return "EIO";
      };
      disk.holdWrites = false;
      disk.finishWrites();
      while (hasFailed !== fails) await Bun.sleep(1);
      disk.fault = () => undefined;
      await rewrites.settle();
      expect(rewrites.info("aof_last_bgrewrite_status")).toBe(fails ? "err" : "ok");
      expect(rewrites.manifest).toContain(`seq ${fails ? 1 : 2} type b`);
      const digest = rewrites.run("debug digest");
      await rewrites.stop();
      expect(await rewrites.digestAgain()).toBe(digest);
    });
  }
});
