import { describe, expect, test } from "bun:test";
import { request, ServerFixture } from "./server-fixture.ts";

const OK = "+OK\r\n";

function recorded(directives = ""): ServerFixture {
  const fixture = new ServerFixture(directives);
  fixture.recordEffects();
  return fixture;
}

describe("keys that a command finds expired", () => {
  test("are gone for every way of looking", () => {
    for (const line of ["get a", "exists a", "ttl a", "type a", "strlen a", "getrange a 0 1"]) {
      const fixture = recorded();
      const peer = fixture.connect();
      peer.run("set a 1 px 100");
      fixture.clock.advance(99);
      expect(peer.run("exists a")).toBe(":1\r\n");
      fixture.clock.advance(1);
      expect(peer.run(line)).toMatch(/^(\$-1|:0|:-2|\+none|\$0\r\n)\r\n$/);
      expect(fixture.keyspace.databases[0].size).toBe(0);
      expect(fixture.effects.at(-1)).toBe("0 DEL a");
      fixture.verify();
    }
  });

  test("are propagated as DEL before the write that met them, both as one transaction", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("set a 1 px 100", "set b 1 px 100");
    fixture.clock.advance(200);
    fixture.effects.length = 0;
    expect(peer.run("incr a", "get b", "set c 1")).toBe(`:1\r\n$-1\r\n${OK}`);
    expect(fixture.effects).toEqual([
      "-1 MULTI",
      "0 DEL a",
      "0 incr a",
      "-1 EXEC",
      "0 DEL b",
      "0 set c 1",
    ]);
  });

  test("are propagated as UNLINK under lazyfree-lazy-expire", () => {
    const fixture = recorded("lazyfree-lazy-expire yes");
    const peer = fixture.connect();
    peer.run("set a 1 px 100");
    fixture.clock.advance(200);
    peer.run("get a");
    expect(fixture.effects.at(-1)).toBe("0 UNLINK a");
  });

  test("several met by one command go in one transaction", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("set a 1 px 100", "set b 1 px 100");
    fixture.clock.advance(200);
    fixture.effects.length = 0;
    expect(peer.run("mget a b")).toBe("*2\r\n$-1\r\n$-1\r\n");
    expect(fixture.effects).toEqual(["-1 MULTI", "0 DEL a", "0 DEL b", "-1 EXEC"]);
  });

  test("in another database than the command's are deleted there, not here", () => {
    for (const line of ["copy key key db 3", "move key 3"]) {
      const fixture = recorded();
      const peer = fixture.connect();
      peer.run("select 3", "set key old px 10", "select 0", "set key new");
      fixture.clock.advance(50);
      fixture.effects.length = 0;
      expect(peer.run(line)).toBe(":1\r\n");
      expect(fixture.effects).toEqual(["-1 MULTI", "3 DEL key", `0 ${line}`, "-1 EXEC"]);
      expect(peer.run("select 3", "get key")).toBe(`${OK}$3\r\nnew\r\n`);
      fixture.verify();
    }
  });

  test("time stands still within a turn, so that a pipeline sees one moment", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    fixture.clock.tickUs = 1000;
    peer.send(request("set a 1 px 5", ...Array(50).fill("exists a")));
    expect(peer.transport.take()).toBe(OK + ":1\r\n".repeat(50));
  });
});

describe("the active cycle", () => {
  test("deletes what nobody asks for, each key as an effect of its own", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("set a 1 px 100", "select 7", "set b 1 px 100", "set c 1");
    fixture.effects.length = 0;
    fixture.advance(200);
    expect(fixture.effects).toEqual(["0 DEL a", "7 DEL b"]);
    expect(peer.run("info stats")).toContain("expired_keys:2\r\n");
    fixture.verify();
  });

  test("rests while DEBUG SET-ACTIVE-EXPIRE is 0", () => {
    const fixture = recorded("enable-debug-command yes");
    const peer = fixture.connect();
    peer.run("debug set-active-expire 0", "set a 1 px 100");
    fixture.advance(2000);
    expect(peer.run("dbsize")).toBe(":1\r\n");
    peer.run("debug set-active-expire 1");
    fixture.advance(2000);
    expect(peer.run("dbsize")).toBe(":0\r\n");
  });

  test("works in slices: commands run between them and no slice exceeds its share", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    for (let k = 0; k < 20_000; k++) peer.run(`set key:${k} v px 1000`);
    fixture.clock.advance(2000);
    fixture.clock.tickUs = 200;
    let slices = 0;
    while (fixture.keyspace.databases[0].size > 0) {
      const before = fixture.keyspace.databases[0].size;
      fixture.cron.slice();
      expect(peer.run("ping")).toBe("+PONG\r\n");
      expect(before - fixture.keyspace.databases[0].size).toBeLessThan(6000);
      slices++;
    }
    fixture.cron.stop();
    expect(slices).toBeGreaterThan(3);
    fixture.verify();
  });

  test("takes longer slices the more effort is asked for", () => {
    const expiredInSlice = (effort: number) => {
      const fixture = new ServerFixture(`active-expire-effort ${effort}`);
      const count = 40_000;
      const lines = Array.from({ length: count }, (_, k) => `set key:${k} v px 100`);
      fixture.connect().run(...lines);
      fixture.clock.advance(200);
      fixture.clock.tickUs = 100;
      fixture.cron.slice();
      fixture.clock.tickUs = 0;
      return count - fixture.keyspace.databases[0].size;
    };
    const least = expiredInSlice(1);
    expect(least).toBeGreaterThan(1000);
    expect(expiredInSlice(5) / least).toBeWithin(1.3, 1.8);
    expect(expiredInSlice(10) / least).toBeWithin(1.9, 2.6);
  });

  test("INFO gives the average time to live", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("set a 1 px 1000", "set b 1 px 3000", "set c 1");
    fixture.advance(500);
    expect(peer.run("info keyspace")).toContain("db0:keys=3,expires=2,avg_ttl=1500");
  });

  test("keeps its hands off while DEBUG PAUSE-CRON is on", () => {
    const fixture = recorded("enable-debug-command yes");
    const peer = fixture.connect();
    peer.run("set a 1 px 100", "debug pause-cron 1");
    fixture.advance(2000);
    expect(peer.run("dbsize")).toBe(":1\r\n");
    expect(peer.run("get a", "dbsize")).toBe("$-1\r\n:0\r\n");
  });
});
