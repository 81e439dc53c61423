import { describe, expect, test } from "bun:test";
import { array, bulk, OK, ServerFixture, START_MS, SYNTAX_ERROR } from "./server-fixture.ts";

describe("SHUTDOWN", () => {
  test("its options reach the server, which then says nothing", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("shutdown")).toBe("");
    expect(fixture.run("shutdown", "NOSAVE", "now", "force")).toBe("");
    expect(fixture.run("shutdown", "save", "save")).toBe("");
    expect(fixture.shutdowns).toEqual([
      { save: "default", now: false, force: false },
      { save: "nosave", now: true, force: true },
      { save: "save", now: false, force: false },
    ]);
  });

  test("a shutdown that fails is told", () => {
    const fixture = new ServerFixture();
    fixture.shutdownSucceeds = false;
    expect(fixture.run("shutdown")).toBe("-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
  });

  test("options that contradict each other are a syntax error", () => {
    const fixture = new ServerFixture();
    for (const options of [["x"], ["save", "nosave"], ["abort", "now"], ["nosave", "abort"]]) {
      expect(fixture.run("shutdown", ...options)).toBe(SYNTAX_ERROR);
    }
    expect(fixture.run("shutdown", "abort")).toBe("-ERR No shutdown in progress.\r\n");
    expect(fixture.shutdowns).toEqual([]);
  });
});

describe("MONITOR", () => {
  test("the client becomes a monitor and hears of it once", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("monitor")).toBe(OK);
    expect(fixture.first.isMonitor).toBe(true);
    expect([...fixture.monitors]).toEqual([fixture.first]);
    expect(fixture.restrictionUpdates).toBe(1);
    expect(fixture.run("monitor")).toBe("");
  });

  test("it is refused inside of a transaction", () => {
    const fixture = new ServerFixture();
    fixture.first.denyBlocking = true;
    expect(fixture.run("monitor")).toBe("-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
  });
});

describe("ROLE, TIME and LASTSAVE", () => {
  test("a server without replication is a primary at offset 0", () => {
    expect(new ServerFixture().run("role")).toBe(array(bulk("master"), ":0\r\n", array()));
  });

  test("TIME has seconds and microseconds", () => {
    const fixture = new ServerFixture();
    fixture.clock.advance(1234.567);
    expect(fixture.run("time")).toBe(array(bulk("1700000001"), bulk("234567")));
  });

  test("LASTSAVE is the start until something is saved", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("lastsave")).toBe(`:${START_MS / 1000}\r\n`);
    fixture.persistence.rdbLastSaveMs = 1_800_000_000_999;
    expect(fixture.run("lastsave")).toBe(":1800000000\r\n");
  });
});

describe("LOLWUT", () => {
  test("the last line is the version", () => {
    const fixture = new ServerFixture();
    for (const args of [[], ["version", "6"], ["version"], ["x"]]) {
      expect(fixture.run("lolwut", ...args)).toEndWith(" Redis ver. 7.4.0\n\r\n");
    }
  });

  test("versions that drew nothing show only the version", () => {
    expect(new ServerFixture().run("lolwut", "version", "1")).toBe(bulk("Redis ver. 7.4.0\n"));
  });

  test("a version is a number", () => {
    expect(new ServerFixture().run("lolwut", "version", "x")).toBe(
      "-ERR value is not an integer or out of range\r\n",
    );
  });
});
