import { describe, expect, test } from "bun:test";
import { randomBelow } from "../../../src/base/random.ts";
import { type Peer, ServerFixture } from "./server-fixture.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const VALUE = "x".repeat(100);
const LIMIT = 600_000;

const ALL_KEYS = ["allkeys-lru", "allkeys-lfu", "allkeys-random"];
const VOLATILE = ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"];

function fill(peer: Peer, count: number, suffix = "", first = 0): void {
  for (let k = first; k < first + count; k++) peer.run(`set key:${k} ${VALUE}${suffix}`);
}

/** How many of key:first ... + count - 1 are still there. */
function survivors(fixture: ServerFixture, first: number, count: number): number {
  let alive = 0;
  const peer = fixture.connect();
  for (let k = first; k < first + count; k++) {
    if (peer.run(`object encoding key:${k}`) !== "$-1\r\n") alive++;
  }
  return alive;
}

describe("maxmemory", () => {
  for (const policy of [...ALL_KEYS, ...VOLATILE]) {
    test(`${policy} keeps used memory at the limit while writes go on`, () => {
      const fixture = new ServerFixture(`maxmemory ${LIMIT}\nmaxmemory-policy ${policy}`);
      const peer = fixture.connect();
      const suffix = policy.startsWith("volatile") ? " ex 10000" : "";
      for (let k = 0; k < 20_000; k++) {
        const size = randomBelow(fixture.server.random, 300);
        expect(peer.run(`set key:${k} ${"x".repeat(size)}${suffix}`)).toBe("+OK\r\n");
        // One command may go over by what it wrote and a table segment that grew.
        expect(fixture.server.memory.usedBytes).toBeLessThan(LIMIT + 20_000);
      }
      expect(fixture.keyspace.evicted).toBeGreaterThan(10_000);
      expect(fixture.keyspace.databases[0].size).toBeGreaterThan(500);
      fixture.verify();
    });
  }

  for (const policy of VOLATILE) {
    test(`${policy} without volatile keys answers OOM and evicts nothing`, () => {
      const fixture = new ServerFixture(`maxmemory-policy ${policy}`);
      const peer = fixture.connect();
      fill(peer, 1000);
      peer.run("config set maxmemory 50kb");
      expect(peer.run("set more 1", "get key:1", "del key:1")).toBe(
        `${OOM}$100\r\n${VALUE}\r\n:1\r\n`,
      );
      expect(fixture.keyspace.evicted).toBe(0);
      fixture.verify();
    });

    test(`${policy} takes volatile keys only, however rare`, () => {
      const fixture = new ServerFixture(`maxmemory-policy ${policy}`);
      const peer = fixture.connect();
      fill(peer, 5000);
      fill(peer, 20, " ex 1000", 5000);
      const usedBytes = fixture.server.memory.usedBytes;
      peer.run(`config set maxmemory ${usedBytes - 1500}`);
      expect(peer.run("set more 1")).toBe("+OK\r\n");
      expect(survivors(fixture, 0, 5000)).toBe(5000);
      expect(survivors(fixture, 5000, 20)).toBeLessThan(20);
      fixture.verify();
    });
  }

  test("noeviction refuses the commands that may need memory, and only those", () => {
    const fixture = new ServerFixture("maxmemory-policy noeviction");
    const peer = fixture.connect();
    fill(peer, 100);
    peer.run("config set maxmemory 1kb");
    for (const line of ["set a 1", "append key:1 x", "incr n", "setrange a 5 x", "mset a 1"]) {
      expect(peer.run(line)).toBe(OOM);
    }
    expect(peer.run("get key:1", "expire key:1 100", "del key:2", "ping", "dbsize")).toBe(
      `$100\r\n${VALUE}\r\n:1\r\n:1\r\n+PONG\r\n:99\r\n`,
    );
    peer.run("flushall");
    peer.run("config set maxmemory 10mb");
    expect(peer.run("set a 1")).toBe("+OK\r\n");
    expect(fixture.keyspace.evicted).toBe(0);
    fixture.verify();
  });

  test("after FLUSHALL old candidates do not stand in the way of eviction", () => {
    const fixture = new ServerFixture(`maxmemory ${LIMIT}\nmaxmemory-policy allkeys-lru`);
    const peer = fixture.connect();
    fill(peer, 5000);
    fixture.advance(1000_000);
    fill(peer, 10, "", 5000);
    peer.run("flushall");
    for (let k = 0; k < 10_000; k++) {
      expect(peer.run(`set other:${k} ${VALUE}`)).toBe("+OK\r\n");
    }
    fixture.verify();
  });

  test("keys that are due are expired, not evicted, and count as room", () => {
    const fixture = new ServerFixture("maxmemory-policy volatile-ttl");
    fixture.recordEffects();
    const peer = fixture.connect();
    fill(peer, 50, " px 100");
    fixture.clock.advance(200);
    peer.run(`config set maxmemory ${fixture.server.memory.usedBytes - 3000}`);
    fixture.effects.length = 0;
    expect(peer.run("set more 1")).toBe("+OK\r\n");
    expect(fixture.keyspace.evicted).toBe(0);
    expect(fixture.keyspace.expired).toBeGreaterThan(10);
    expect(fixture.effects.at(-1)).toBe("0 set more 1");
    expect(fixture.effects.filter((effect) => /MULTI|EXEC/.test(effect))).toEqual([]);
    fixture.verify();
  });

  test("a lower limit takes effect without a command", () => {
    const fixture = new ServerFixture("maxmemory-policy allkeys-random");
    const peer = fixture.connect();
    fill(peer, 5000);
    peer.run(`config set maxmemory ${LIMIT / 2}`);
    fixture.advance(100);
    expect(fixture.server.memory.usedBytes).toBeLessThanOrEqual(LIMIT / 2);
    fixture.verify();
  });

  test("one command is held up for a bounded time, and the rest happens between commands", () => {
    const fixture = new ServerFixture("maxmemory-policy allkeys-lru");
    const peer = fixture.connect();
    fill(peer, 5000);
    peer.run("config set maxmemory 100kb");
    fixture.clock.tickUs = 100;
    expect(peer.run("set more 1")).toBe("+OK\r\n");
    expect(fixture.keyspace.evicted).toBeGreaterThan(50);
    expect(fixture.keyspace.evicted).toBeLessThan(200);
    for (let k = 0; k < 200; k++) fixture.cron.slice();
    expect(fixture.server.memory.usedBytes).toBeLessThanOrEqual(100 << 10);
    fixture.verify();
  });

  test("maxmemory-eviction-tenacity 100 evicts to the end whatever it takes", () => {
    const fixture = new ServerFixture(
      "maxmemory-policy allkeys-lru\nmaxmemory-eviction-tenacity 100",
    );
    const peer = fixture.connect();
    fill(peer, 5000);
    peer.run("config set maxmemory 100kb");
    fixture.clock.tickUs = 100;
    peer.run("set more 1");
    expect(fixture.server.memory.usedBytes).toBeLessThan(101 << 10);
    fixture.verify();
  });
});

describe("what goes first", () => {
  /** 4,000 keys of which the last 1,000 are favoured by `favour`; then room is made for a half. */
  function squeeze(
    policy: string,
    suffix: string,
    favour: (peer: Peer, at: ServerFixture) => void,
  ) {
    const fixture = new ServerFixture(`maxmemory-policy ${policy}\nmaxmemory-samples 10`, 3);
    const peer = fixture.connect();
    fill(peer, 4000, suffix);
    favour(peer, fixture);
    const floor = fixture.server.memory.usedBytes;
    peer.run(`config set maxmemory ${floor - Math.floor(2000 * 120)}`, "set more 1");
    const favoured = survivors(fixture, 3000, 1000);
    const others = survivors(fixture, 0, 3000);
    fixture.verify();
    return { favoured, others };
  }

  for (const [policy, suffix] of [
    ["allkeys-lru", ""],
    ["volatile-lru", " ex 100000"],
  ]) {
    test(`${policy} spares what was used lately`, () => {
      const { favoured, others } = squeeze(policy, suffix, (peer, fixture) => {
        fixture.clock.advance(100_000);
        for (let k = 3000; k < 4000; k++) peer.run(`get key:${k}`);
      });
      expect(favoured).toBeGreaterThan(980);
      expect(others).toBeLessThan(1300);
    });
  }

  for (const [policy, suffix] of [
    ["allkeys-lfu", ""],
    ["volatile-lfu", " ex 100000"],
  ]) {
    test(`${policy} spares what is used often`, () => {
      const { favoured, others } = squeeze(policy, suffix, (peer) => {
        for (let round = 0; round < 20; round++) {
          for (let k = 3000; k < 4000; k++) peer.run(`get key:${k}`);
        }
      });
      expect(favoured).toBeGreaterThan(980);
      expect(others).toBeLessThan(1300);
    });
  }

  test("volatile-ttl takes what would expire first", () => {
    const { favoured, others } = squeeze("volatile-ttl", " ex 1000", (peer) => {
      for (let k = 3000; k < 4000; k++) peer.run(`expire key:${k} 90000`);
    });
    expect(favoured).toBeGreaterThan(980);
    expect(others).toBeLessThan(1300);
  });

  test("allkeys-random favours nobody", () => {
    const { favoured, others } = squeeze("allkeys-random", "", () => {});
    expect(Math.abs(favoured / 1000 - others / 3000)).toBeLessThan(0.07);
  });

  test("keys of every database are candidates", () => {
    const fixture = new ServerFixture("maxmemory-policy allkeys-lru");
    const peer = fixture.connect();
    for (let db = 0; db < 4; db++) {
      peer.run(`select ${db}`);
      fill(peer, 1000);
      fixture.clock.advance(10_000);
    }
    peer.run(`config set maxmemory ${fixture.server.memory.usedBytes - 120_000}`, "set more 1");
    const sizes = fixture.keyspace.databases.slice(0, 4).map((db) => db.size);
    expect(sizes[0]).toBeLessThan(300);
    expect(sizes.slice(2)).toEqual([1000, 1001]);
    fixture.verify();
  });
});

describe("effects of eviction", () => {
  test("each is a deletion of its own in the key's database, before the command", () => {
    const fixture = new ServerFixture("maxmemory-policy allkeys-lru");
    const peer = fixture.connect();
    peer.run("select 5");
    fill(peer, 100);
    fixture.clock.advance(10_000);
    peer.run(
      "select 0",
      "set keep 1",
      `config set maxmemory ${fixture.server.memory.usedBytes - 500}`,
    );
    fixture.recordEffects();
    peer.run("set more 1");
    expect(fixture.effects.length).toBeGreaterThan(2);
    expect(fixture.effects.at(-1)).toBe("0 set more 1");
    for (const effect of fixture.effects.slice(0, -1)) expect(effect).toMatch(/^5 DEL key:\d+$/);
  });

  test("they are UNLINKs under lazyfree-lazy-eviction, and survive a refused command", () => {
    const fixture = new ServerFixture("maxmemory-policy volatile-lru\nlazyfree-lazy-eviction yes");
    const peer = fixture.connect();
    peer.run("select 2", "set a 1 ex 1000", "select 0");
    peer.run("config set maxmemory 100b");
    fixture.recordEffects();
    expect(peer.run("set more 1")).toBe(OOM);
    expect(fixture.effects).toEqual(["2 UNLINK a"]);
  });
});

test("INFO tells of evictions", () => {
  const fixture = new ServerFixture(`maxmemory ${LIMIT}\nmaxmemory-policy allkeys-random`);
  const peer = fixture.connect();
  fill(peer, 10_000);
  expect(peer.run("info stats")).toContain(`evicted_keys:${fixture.keyspace.evicted}\r\n`);
});
