import { describe, expect, test } from "bun:test";
import { array, bulk, NOT_AN_INTEGER, OK, ServerFixture, SYNTAX_ERROR } from "./server-fixture.ts";

describe("MEMORY USAGE", () => {
  test("a longer value takes more", () => {
    const fixture = new ServerFixture();
    fixture.set(0, "short", "x");
    fixture.set(0, "long", "x".repeat(10_000));
    const usageOf = (key: string) => Number(fixture.run("memory", "usage", key).slice(1));
    expect(usageOf("short")).toBeGreaterThanOrEqual(16);
    expect(usageOf("short")).toBeLessThan(200);
    expect(usageOf("long")).toBeGreaterThan(10_000);
  });

  test("a key that does not exist takes nothing", () => {
    expect(new ServerFixture().run("memory", "usage", "nokey")).toBe("$-1\r\n");
  });

  test("looking is no access", () => {
    const fixture = new ServerFixture();
    fixture.run("memory", "usage", "nokey", "samples", "0");
    expect(fixture.keyspace.misses).toBe(0);
  });

  test("samples are a count", () => {
    const fixture = new ServerFixture();
    const usage = (...args: string[]) => fixture.run("memory", "usage", "k", ...args);
    expect(usage("samples")).toBe(SYNTAX_ERROR);
    expect(usage("samples", "-1")).toBe(SYNTAX_ERROR);
    expect(usage("samples", "x")).toBe(NOT_AN_INTEGER);
    expect(usage("x", "1")).toBe(SYNTAX_ERROR);
  });
});

describe("MEMORY STATS", () => {
  test("figures are those measured, databases have a map each", () => {
    const fixture = new ServerFixture();
    fixture.memory = {
      ...fixture.memory,
      databases: [{ index: 3, mainIndexBytes: 99, expiresIndexBytes: 7 }],
    };
    const stats = fixture.run("memory", "stats");
    expect(stats).toStartWith(`*68\r\n${bulk("peak.allocated")}:4096\r\n`);
    expect(stats).toContain(
      bulk("db.3") +
        array(
          bulk("overhead.hashtable.main"),
          ":99\r\n",
          bulk("overhead.hashtable.expires"),
          ":7\r\n",
        ),
    );
    expect(stats).toContain(bulk("dataset.percentage") + bulk("50"));
  });

  test("in RESP3 ratios are doubles", () => {
    const fixture = new ServerFixture();
    fixture.run("hello", "3");
    const stats = fixture.run("memory", "stats");
    expect(stats).toStartWith("%33\r\n");
    expect(stats).toContain(`${bulk("allocator-fragmentation.ratio")},2\r\n`);
  });

  test("a server without anything divides by nothing", () => {
    const fixture = new ServerFixture();
    fixture.memory = {
      usedBytes: 0,
      datasetBytes: 0,
      startupBytes: 0,
      allocatorAllocated: 0,
      allocatorActive: 0,
      allocatorResident: 0,
      aofBufferBytes: 0,
      snapshotBytes: 0,
      databases: [],
    };
    expect(fixture.run("memory", "stats")).not.toMatch(/NaN|Infinity/);
    expect(fixture.run("info", "memory")).not.toMatch(/NaN|Infinity/);
  });
});

describe("MEMORY DOCTOR, PURGE and MALLOC-STATS", () => {
  test("little data is not judged", () => {
    expect(new ServerFixture().run("memory", "doctor")).toContain("too little data");
  });

  test("a former peak and half empty pages are pointed out", () => {
    const fixture = new ServerFixture();
    const bytes = 50 << 20;
    fixture.statistics.noteMemory(0, bytes * 3);
    fixture.memory = {
      ...fixture.memory,
      usedBytes: bytes,
      allocatorAllocated: bytes,
      allocatorActive: bytes * 2,
      allocatorResident: bytes * 4,
    };
    const text = fixture.run("memory", "doctor");
    expect(text).toContain("150.00M");
    expect(text).toContain("half empty pages");
  });

  test("what is well is called so", () => {
    const fixture = new ServerFixture();
    // What the tests before this one left resident must not look like waste.
    const bytes = Math.max(200 << 20, process.memoryUsage.rss());
    fixture.memory = {
      ...fixture.memory,
      usedBytes: bytes,
      allocatorAllocated: bytes,
      allocatorActive: bytes,
      allocatorResident: bytes,
    };
    expect(fixture.run("memory", "doctor")).toContain("Memory is in order.");
  });

  test("PURGE and MALLOC-STATS answer", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("memory", "purge")).toBe(OK);
    expect(fixture.run("memory", "malloc-stats")).toContain("pool blocks: 3000 bytes\n");
  });
});
