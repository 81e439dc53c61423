import { describe, expect, test } from "bun:test";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";
import { request, requestOf, ServerFixture } from "./server-fixture.ts";

const FILE = "/data/dump.rdb";
const DIRECTIVES = "dir /data\nenable-debug-command yes\nenable-protected-configs yes";

const REFUSAL =
  "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
  "disk. Commands that may modify the data set are disabled, because this instance is configured " +
  "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error " +
  "option). Please check the Redis logs for details about the RDB error.\r\n";

class Saving {
  readonly disk = new FaultyFileSystem();
  readonly fixture: ServerFixture;
  readonly peer;

  constructor(directives = "") {
    this.disk.put("/data/other", Buffer.alloc(0));
    this.fixture = new ServerFixture(`${DIRECTIVES}\n${directives}`, 1, this.disk);
    this.peer = this.fixture.connect();
  }

  run(command: string): string {
    return this.peer.run(command);
  }

  info(field: string): string {
    const lines = this.run("info persistence").split("\r\n");
    return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1) ?? "?";
  }

  /** Lets a background save come to its end. */
  async settle(): Promise<void> {
    while (this.fixture.server.snapshots.isSaving) await new Promise((go) => setTimeout(go, 1));
  }

  get leftovers(): string[] {
    return this.disk.paths.filter((path) => path.includes("temp-"));
  }
}

/** The keys that the snapshot on a disk holds. */
function keysOn(disk: FaultyFileSystem): string {
  const peer = new ServerFixture(DIRECTIVES, 1, disk).connect();
  expect(peer.run("debug reload nosave")).toBe("+OK\r\n");
  return peer.run("keys *").split("\r\n").slice(2, -1).join(" ");
}

describe("what counts as changed", () => {
  test("a save is no effect of its own", () => {
    const saving = new Saving();
    saving.fixture.recordEffects();
    saving.run("set a 1");
    expect(saving.run("save")).toBe("+OK\r\n");
    expect(saving.run("debug reload")).toBe("+OK\r\n");
    expect(saving.fixture.logged).toContain("DB reloaded by DEBUG RELOAD");
    expect(saving.fixture.effects).toEqual(["0 set a 1"]);
    expect(saving.info("rdb_changes_since_last_save")).toBe("0");
  });

  test("what changes during a background save counts for the next one", async () => {
    const saving = new Saving();
    for (let k = 0; k < 5; k++) saving.run(`set k${k} 1`);
    expect(saving.run("bgsave")).toBe("+Background saving started\r\n");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("1");
    saving.run("set b 1");
    saving.run("set c 1");
    await saving.settle();
    expect(saving.info("rdb_changes_since_last_save")).toBe("2");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
  });

  test("FLUSHALL ends a background save and saves nothing where nobody saves", () => {
    const saving = new Saving();
    saving.fixture.recordEffects();
    saving.run("set a 1");
    saving.run("bgsave");
    expect(saving.run("flushall")).toBe("+OK\r\n");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    expect(saving.info("rdb_changes_since_last_save")).toBe("2");
    expect(saving.disk.exists(FILE)).toBe(false);
    expect(saving.leftovers).toEqual([]);
    expect(saving.fixture.effects).toEqual(["0 set a 1", "0 flushall"]);
  });

  test("FLUSHALL with save points replaces the snapshot by an empty one", () => {
    const saving = new Saving("save 3600 1");
    saving.fixture.recordEffects();
    saving.run("set a 1");
    saving.run("save");
    expect(saving.run("flushall")).toBe("+OK\r\n");
    expect(saving.info("rdb_changes_since_last_save")).toBe("0");
    expect(saving.fixture.effects).toEqual(["0 set a 1", "0 flushall"]);
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("dbsize")).toBe(":0\r\n");
    // Not being able to save is no reason not to flush.
    saving.run("set b 1");
    saving.disk.fault = () => "ENOSPC";
    expect(saving.run("flushall")).toBe("+OK\r\n");
    expect(saving.info("rdb_changes_since_last_save")).toBe("2");
  });

  test("FLUSHALL in a transaction or script saves all that it makes, or nothing", () => {
    const script = "redis.call('set','b',1) redis.call('flushall') redis.call('set','c',3)";
    const units = [
      { bytes: request("multi", "set a 1", "flushall", "set c 2", "exec"), what: "transaction" },
      { bytes: requestOf("eval", script, "0"), what: "script" },
    ];
    for (const { bytes, what } of units) {
      const saving = new Saving("save 3600 1");
      saving.run("set old 1");
      saving.run("save");
      const left: FaultyFileSystem[] = [];
      saving.disk.observe = () => left.push(saving.disk.killProcess());
      saving.peer.send(bytes);
      expect(saving.info("rdb_changes_since_last_save"), what).toBe("0");
      expect(new Set(left.map(keysOn)), what).toEqual(new Set(["old", "c"]));
    }
  });
});

describe("loading", () => {
  test("is no time to save: a shutdown leaves the file as it is", async () => {
    const saving = new Saving("save 3600 1");
    saving.run("debug populate 60000 key 100");
    const used = /used_memory:(\d+)/.exec(saving.run("info memory"))?.[1];
    saving.run("save");
    const whole = saving.disk.contentOf(FILE);
    for (const command of ["shutdown", "shutdown save", "shutdown save force"]) {
      const again = new Saving("save 3600 1\nport 0\nkey-load-delay 1000000");
      again.disk.put(FILE, whole);
      let ended = 0;
      again.fixture.server.onShutdown = () => ended++;
      const started = again.fixture.server.start();
      while (again.info("loading_loaded_bytes") === "0") await again.fixture.endTurn();
      expect(again.run("set a 1")).toBe("-LOADING Redis is loading the dataset in memory\r\n");
      expect(again.info("loading_rdb_used_mem")).toBe(used!);
      expect(again.run("bgsave")).toBe("-LOADING Redis is loading the dataset in memory\r\n");
      expect(again.run("debug reload")).toBe("-LOADING Redis is loading the dataset in memory\r\n");
      again.run(command);
      expect(ended).toBe(1);
      expect(again.disk.contentOf(FILE).equals(whole)).toBe(true);
      expect(again.leftovers).toEqual([]);
      again.run("config set key-load-delay 0");
      await started;
      expect(again.run("dbsize")).toBe(":60000\r\n");
      await again.fixture.server.stop();
    }
  });
});

describe("save points", () => {
  test("save once enough has changed for longer than the time", async () => {
    const saving = new Saving("save 10 2 60 1");
    saving.run("set a 1");
    saving.fixture.advance(30_000);
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    saving.run("set a 2");
    saving.fixture.advance(100);
    expect(saving.fixture.logged).toContain("2 changes in 10 seconds. Saving...");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("1");
    await saving.settle();
    expect(saving.info("rdb_changes_since_last_save")).toBe("0");
    saving.run("set a 3");
    saving.fixture.advance(60_000);
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    saving.fixture.advance(100);
    expect(saving.info("rdb_bgsave_in_progress")).toBe("1");
    await saving.settle();
  });

  test("try again five seconds after a failure, and follow CONFIG SET save", async () => {
    const saving = new Saving("save 10 1");
    saving.disk.fault = (operation) => (operation === "sync" ? "EIO" : undefined);
    saving.run("set a 1");
    saving.fixture.advance(10_100);
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("err");
    expect(saving.run("set a 2")).toBe(REFUSAL);
    expect(saving.run("config set save ")).toBe("+OK\r\n");
    expect(saving.run("set a 2")).toBe("+OK\r\n");
    saving.fixture.advance(60_000);
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    saving.peer.send("*4\r\n$6\r\nconfig\r\n$3\r\nset\r\n$4\r\nsave\r\n$4\r\n10 1\r\n");
    expect(saving.peer.transport.take()).toBe("+OK\r\n");
    expect(saving.run("set a 3")).toBe(REFUSAL);
    saving.disk.fault = () => undefined;
    saving.fixture.advance(100);
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.run("set a 3")).toBe("+OK\r\n");
  });
});

describe("errors of the disk", () => {
  /** Lets the operation of this number fail, the first one being 0; says how many there were. */
  function failing(saving: Saving, number: number, code: string): () => number {
    let seen = 0;
    saving.disk.fault = () => (seen++ === number ? code : undefined);
    return () => seen;
  }

  for (const code of ["ENOSPC", "EIO"]) {
    test(`SAVE says so and leaves the old file alone, wherever ${code} strikes`, async () => {
      for (let number = 0; ; number++) {
        const saving = new Saving("save 3600 1");
        saving.run("set a old");
        saving.run("save");
        const before = saving.disk.contentOf(FILE);
        saving.run("set a new");
        const operations = failing(saving, number, code);
        const reply = saving.run("save");
        const isInPlace = !saving.disk.contentOf(FILE).equals(before);
        if (number === operations()) {
          expect(reply).toBe("+OK\r\n");
          expect(number).toBe(5);
          return;
        }
        expect([number, reply]).toEqual([number, "-ERR\r\n"]);
        // Only the directory's sync comes behind the exchange.
        expect([number, isInPlace]).toEqual([number, number === 4]);
        expect(saving.leftovers).toEqual([]);
        expect(saving.fixture.keyspace.gate).toBeNull();
        expect(saving.info("rdb_changes_since_last_save")).toBe("1");
        // Redis stops writes after a failure in the background only.
        expect(saving.run("set b 1")).toBe("+OK\r\n");
        expect(saving.run("save")).toBe("+OK\r\n");
        expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
        expect(saving.run("get a")).toBe("$3\r\nnew\r\n");
      }
    });

    test(`BGSAVE stops writes until one succeeds, wherever ${code} strikes`, async () => {
      for (let number = 0; ; number++) {
        const saving = new Saving("save 3600 1");
        saving.run("set a old");
        saving.run("save");
        const before = saving.disk.contentOf(FILE);
        saving.run("set a new");
        const operations = failing(saving, number, code);
        expect(saving.run("bgsave")).toBe("+Background saving started\r\n");
        await saving.settle();
        const isInPlace = !saving.disk.contentOf(FILE).equals(before);
        if (number === operations()) {
          expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
          expect(number).toBe(5);
          return;
        }
        expect(saving.info("rdb_last_bgsave_status")).toBe("err");
        expect([number, isInPlace]).toEqual([number, number === 4]);
        expect(saving.leftovers).toEqual([]);
        expect(saving.run("set a b")).toBe(REFUSAL);
        expect(saving.run("get a")).toBe("$3\r\nnew\r\n");
        expect(saving.run("ping")).toBe(REFUSAL);
        saving.run("config set stop-writes-on-bgsave-error no");
        expect(saving.run("set a b")).toBe("+OK\r\n");
        saving.run("config set stop-writes-on-bgsave-error yes");
        expect(saving.run("set a b")).toBe(REFUSAL);
        saving.run(number % 2 === 0 ? "bgsave" : "save");
        await saving.settle();
        expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
        expect(saving.info("rdb_saves")).toBe("3");
        expect(saving.run("set a b")).toBe("+OK\r\n");
        expect(saving.fixture.keyspace.gate).toBeNull();
      }
    });
  }

  test("a disk that is full half-way through a long save fails it", async () => {
    const saving = new Saving("save 3600 1");
    saving.run("debug populate 60000 key 100");
    let writes = 0;
    // A slice ends after a while only if time passes.
    saving.fixture.clock.tickUs = 20;
    saving.disk.partial = (length) => length >> 1;
    saving.disk.fault = (operation) =>
      operation === "write" && ++writes === 3 ? "ENOSPC" : undefined;
    saving.run("bgsave");
    await saving.settle();
    expect(writes).toBe(3);
    expect(saving.info("rdb_last_bgsave_status")).toBe("err");
    expect(saving.leftovers).toEqual([]);
    saving.run("bgsave");
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("dbsize")).toBe(":60000\r\n");
  });

  test("a long file is put on the disk piece by piece, and each piece counts", async () => {
    const saving = new Saving("save 3600 1\nrdbcompression no");
    saving.run("debug populate 20000 key 2000");
    saving.fixture.clock.tickUs = 20;
    saving.run("bgsave");
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.disk.counts.get("sync")).toBe(3);
    let syncs = 0;
    saving.disk.fault = (operation) => (operation === "sync" && ++syncs === 1 ? "EIO" : undefined);
    saving.run("bgsave");
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("err");
    expect(saving.leftovers).toEqual([]);
  });

  test("a shutdown that cannot save does not happen, unless it is forced or need not", () => {
    const saving = new Saving("save 3600 1");
    let ended = 0;
    saving.fixture.server.onShutdown = () => ended++;
    saving.run("set a 1");
    saving.disk.fault = (operation) => (operation === "write" ? "ENOSPC" : undefined);
    const refused = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";
    expect(saving.run("shutdown")).toBe(refused);
    expect(saving.run("shutdown save")).toBe(refused);
    expect(saving.run("shutdown save now")).toBe(refused);
    expect(saving.fixture.logged).toContain("Error trying to save the DB, can't exit.");
    expect(saving.run("shutdown abort")).toBe("-ERR No shutdown in progress.\r\n");
    expect(ended).toBe(0);
    expect(saving.leftovers).toEqual([]);
    saving.run("shutdown nosave");
    expect(ended).toBe(1);
    saving.run("shutdown save force");
    expect(ended).toBe(2);
    expect(saving.disk.exists(FILE)).toBe(false);
    saving.disk.fault = () => undefined;
    saving.run("shutdown");
    expect(ended).toBe(3);
    expect(saving.disk.exists(FILE)).toBe(true);
  });
});

describe("a background save", () => {
  test("refuses another one and SAVE, and is ended by a shutdown", () => {
    const saving = new Saving();
    saving.run("set a 1");
    saving.run("bgsave");
    const refused = "-ERR Background save already in progress\r\n";
    expect(saving.run("bgsave")).toBe(refused);
    expect(saving.run("bgsave schedule")).toBe(refused);
    expect(saving.run("save")).toBe(refused);
    expect(saving.run("bgsave now")).toBe("-ERR syntax error\r\n");
    saving.run("shutdown nosave");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    expect(saving.leftovers).toEqual([]);
    expect(saving.fixture.logged).toContain("There is a child saving an .rdb. Killing it!");
  });

  test("writes to the directory and name of the time when it began", async () => {
    const saving = new Saving();
    saving.disk.put("/elsewhere/other", Buffer.alloc(0));
    saving.run("set a 1");
    saving.run("bgsave");
    expect(saving.run("config set dbfilename other.rdb")).toBe("+OK\r\n");
    await saving.settle();
    expect(saving.disk.exists(FILE)).toBe(true);
    saving.run("set b 1");
    expect(saving.run("save")).toBe("+OK\r\n");
    expect(saving.disk.exists("/data/other.rdb")).toBe(true);
  });

  test("that was given up in its last sync leaves the next one's file alone", async () => {
    const saving = new Saving("save 3600 1");
    const { disk } = saving;
    const turn = () => new Promise((go) => setTimeout(go, 1));
    saving.run("set a 1");
    disk.holdSyncs = true;
    saving.run("bgsave");
    while (disk.openSyncs === 0) await turn();
    saving.run("flushall");
    const empty = disk.contentOf(FILE);
    saving.run("debug populate 60000 key 100");
    saving.fixture.clock.tickUs = 20;
    saving.run("bgsave");
    while (saving.leftovers.length === 0 || disk.contentOf(saving.leftovers[0]).length === 0) {
      await turn();
    }
    disk.finishSyncs();
    await turn();
    expect(saving.info("rdb_bgsave_in_progress")).toBe("1");
    expect(disk.contentOf(FILE).equals(empty)).toBe(true);
    expect(saving.leftovers.length).toBe(1);
    disk.holdSyncs = false;
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("dbsize")).toBe(":60000\r\n");
  });

  test("takes as long as rdb-key-save-delay makes it, and tells how far it is", async () => {
    const saving = new Saving("rdb-key-save-delay 1000000");
    saving.run("debug populate 200");
    saving.run("bgsave");
    while (saving.info("current_save_keys_processed") === "0") {
      await new Promise((go) => setTimeout(go, 1));
    }
    const taken = Number(saving.info("current_save_keys_processed"));
    expect(taken).toBeLessThan(200);
    expect(saving.info("current_save_keys_total")).toBe("200");
    expect(saving.info("current_fork_perc")).toBe(((taken / 200) * 100).toFixed(2));
    await new Promise((go) => setTimeout(go, 20));
    expect(Number(saving.info("current_save_keys_processed"))).toBe(taken);
    saving.run("flushall");
    expect(saving.info("rdb_bgsave_in_progress")).toBe("0");
    saving.run("set a 1");
    saving.run("config set rdb-key-save-delay 40000");
    const startMs = performance.now();
    saving.run("bgsave");
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(performance.now() - startMs).toBeGreaterThan(39);
  });

  test("counts what it holds back as used memory, which no eviction can win back", async () => {
    const saving = new Saving("rdbcompression no");
    for (let k = 0; k < 2000; k++) saving.run(`set k${k} ${"x".repeat(1000)}`);
    const used = () =>
      saving.fixture.server.memory.usedBytes - saving.fixture.server.memory.limitedBytes;
    const before = used();
    saving.run("bgsave");
    for (let k = 0; k < 2000; k++) saving.run(`append k${k} y`);
    expect(used() - before).toBeGreaterThan(2_000_000);
    await saving.settle();
    expect(used()).toBe(before);
  });

  test("holds little of what changes while it waits for the disk", async () => {
    const saving = new Saving("rdbcompression no");
    const { disk } = saving;
    const turn = () => new Promise((go) => setTimeout(go, 2));
    saving.run("debug populate 1200 key 30000");
    saving.fixture.clock.tickUs = 5;
    disk.holdSyncs = true;
    saving.run("bgsave");
    while (disk.openSyncs === 0) await turn();
    const written = () => disk.contentOf(saving.leftovers[0]).length;
    const before = written();
    let held = 0;
    for (let k = 0; k < 1200; k += 2) {
      saving.run(`append key:${k} y`);
      if (k % 40 === 0) {
        await turn();
        held = Math.max(held, saving.fixture.server.snapshotRunner.memoryBytes);
      }
    }
    await turn();
    // Over half of the keys were ahead of the walk; those that changed are in the file by now.
    expect(written() - before).toBeGreaterThan(5_000_000);
    expect(held).toBeLessThan(4_000_000);
    disk.holdSyncs = false;
    disk.finishSyncs();
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("strlen key:2")).toBe(":30000\r\n");
  });

  test("stops walking while the disk is behind, with one write under way", async () => {
    const saving = new Saving("rdbcompression no");
    const { disk, fixture } = saving;
    saving.run("debug populate 6000 key 3000");
    fixture.clock.tickUs = 20;
    disk.holdWrites = true;
    saving.run("bgsave");
    const { snapshotRunner } = fixture.server;
    const taken = () => saving.info("current_save_keys_processed");
    for (let before = ""; before !== taken() || disk.openWrites === 0; await Bun.sleep(5)) {
      before = taken();
    }
    expect(disk.openWrites).toBe(1);
    expect(disk.contentOf(saving.leftovers[0]).length).toBe(0);
    expect(Number(taken())).toBeLessThan(1000);
    expect(snapshotRunner.memoryBytes).toBeLessThan(3_000_000);
    // What changes is taken all the same, and nothing of it lost.
    for (let k = 0; k < 6000; k += 2) saving.run(`append key:${k} y`);
    await Bun.sleep(5);
    expect(snapshotRunner.memoryBytes).toBeGreaterThan(8_000_000);
    expect(disk.openWrites).toBe(1);
    disk.holdWrites = false;
    disk.finishWrites();
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("dbsize")).toBe(":6000\r\n");
    expect(saving.run("strlen key:5998")).toBe(":3000\r\n");
  });

  test("takes one slice in a turn, also where timers follow upon each other", async () => {
    const saving = new Saving();
    saving.run("debug populate 500 key 100");
    saving.fixture.clock.tickUs = 20;
    const real = globalThis.setTimeout;
    const due: (() => void)[] = [];
    globalThis.setTimeout = ((callback: () => void) => due.push(callback)) as never;
    try {
      saving.run("bgsave");
      let turns = 0;
      for (let callback = due.shift(); callback !== undefined; callback = due.shift()) {
        callback();
        expect(due).toEqual([]);
        await new Promise((go) => setImmediate(go));
        turns++;
      }
      expect(turns).toBeGreaterThan(2);
    } finally {
      globalThis.setTimeout = real;
    }
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
  });

  test("that is given up while a write is under way leaves nothing behind", async () => {
    const saving = new Saving("rdbcompression no");
    const { disk, fixture } = saving;
    saving.run("debug populate 3000 key 1000");
    fixture.clock.tickUs = 20;
    disk.holdWrites = true;
    saving.run("bgsave");
    while (disk.openWrites === 0) await Bun.sleep(1);
    expect(saving.run("flushall")).toBe("+OK\r\n");
    saving.run("set a 1");
    expect(saving.run("bgsave")).toBe("+Background saving started\r\n");
    disk.holdWrites = false;
    disk.finishWrites();
    await saving.settle();
    expect(saving.info("rdb_last_bgsave_status")).toBe("ok");
    expect(saving.leftovers).toEqual([]);
    expect(saving.run("debug reload nosave")).toBe("+OK\r\n");
    expect(saving.run("dbsize")).toBe(":1\r\n");
  });

  test("counts as a fork, and what changes ahead of it as copied", async () => {
    const saving = new Saving("rdb-key-save-delay 10");
    const stats = (field: string) =>
      new RegExp(`^${field}:(.*)\r$`, "m").exec(saving.run("info stats"))?.[1];
    saving.run("debug populate 2000 key 1000");
    saving.run(`rpush list ${"element ".repeat(2000)}`);
    expect([stats("total_forks"), stats("latest_fork_usec")]).toEqual(["0", "0"]);
    saving.fixture.clock.tickUs = 3;
    saving.run("bgsave");
    expect([stats("total_forks"), stats("latest_fork_usec")]).toEqual(["1", "3"]);
    for (let k = 0; k < 1000; k++) saving.run(`append key:${k} y`);
    saving.run("lset list 1 changed");
    saving.run("lset list 2 changed");
    while (saving.info("current_save_keys_processed") === "0") await Bun.sleep(1);
    const copied = Number(saving.info("current_cow_size"));
    // Each key's block once, and the block that both elements of the list are in.
    expect(copied).toBeGreaterThan(1000 * 1000);
    expect(copied).toBeLessThan(1200 * 1000);
    expect(saving.info("current_cow_peak")).toBe(String(copied));
    saving.run("config set rdb-key-save-delay 0");
    await saving.settle();
    expect(saving.info("rdb_last_cow_size")).toBe(String(copied));
    expect(saving.info("current_cow_size")).toBe("0");
    saving.run("config resetstat");
    expect([stats("total_forks"), stats("latest_fork_usec")]).toEqual(["0", "0"]);
    expect(saving.info("rdb_last_cow_size")).toBe(String(copied));
  });
});
