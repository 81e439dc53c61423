import { describe, expect, test } from "bun:test";
import { requestOf, ServerFixture, START_MS } from "./server-fixture.ts";

function recorded(directives = ""): ServerFixture {
  const fixture = new ServerFixture(directives);
  fixture.recordEffects();
  return fixture;
}

/** A value that makes a hash a table. */
const LONG = "x".repeat(65);

describe("the active cycle", () => {
  for (const [form, last] of [
    ["in place", "3"],
    ["a table", LONG],
  ]) {
    test(`deletes due fields of a hash, each as an effect of its own: ${form}`, () => {
      const fixture = recorded();
      const peer = fixture.connect();
      peer.run(`hset h a 1 b 2 c ${last}`, "hpexpire h 100 fields 1 a", "hset other a 1");
      fixture.effects.length = 0;
      fixture.advance(1500);
      expect(fixture.effects).toEqual(["0 HDEL h a"]);
      expect(peer.run("hlen h", "info stats")).toContain("expired_subkeys:1\r\n");
      expect(peer.run("info keyspace")).toContain("subexpiry=0");
      peer.run("hpexpire h 100 fields 1 b", "hpexpire h 200 fields 1 c");
      fixture.effects.length = 0;
      fixture.advance(3000);
      expect([...fixture.effects].sort()).toEqual(["0 HDEL h b", "0 HDEL h c"]);
      expect(peer.run("exists h", "exists other")).toBe(":0\r\n:1\r\n");
      fixture.verify();
    });
  }

  test("finds due fields in whatever database and under whatever name", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("hsetex h px 5000 fields 2 a 1 b 2", `hsetex t px 5000 fields 2 a 1 b ${LONG}`);
    peer.run("copy h h2", "copy t t2", "rename h2 h3", "rename t2 t3", "swapdb 0 3");
    peer.run("select 3", "move h 5", "move t 5");
    expect(peer.run("info keyspace")).toContain("db3:keys=2,expires=0,avg_ttl=0,subexpiry=2");
    expect(peer.run("info keyspace")).toContain("db5:keys=2,expires=0,avg_ttl=0,subexpiry=2");
    fixture.verify();
    fixture.advance(10_000);
    expect(peer.run("info keyspace")).toBe("$12\r\n# Keyspace\r\n\r\n");
    fixture.verify();
  });

  test("FLUSHALL, SET and DEL take hashes with due fields out of the count", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    for (const key of ["a", "b", "c"]) peer.run(`hsetex ${key} px 5000 fields 1 f v`);
    peer.run("set a string", "del b");
    expect(peer.run("info keyspace")).toContain("keys=2,expires=0,avg_ttl=0,subexpiry=1");
    peer.run("flushall");
    expect(fixture.keyspace.databases[0].fieldVolatileCount).toBe(0);
    fixture.verify();
  });

  test("meets one due hash among many that are not", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    for (let k = 0; k < 5000; k++) peer.run(`hset plain:${k} f v`);
    for (let k = 0; k < 500; k++) peer.run(`hsetex late:${k} px 900000 fields 1 f v`);
    peer.run("hsetex soon px 100 fields 1 f v");
    fixture.advance(1500);
    expect(peer.run("dbsize")).toBe(":5500\r\n");
    fixture.verify();
    fixture.advance(1_000_000);
    expect(peer.run("dbsize")).toBe(":5000\r\n");
    fixture.verify();
  });

  test("deletes very many due fields of one hash in slices, between which commands run", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    const count = 30_000;
    for (let from = 0; from < count; from += 500) {
      const names = Array.from({ length: 500 }, (_, k) => [`f${from + k}`, "v"]).flat();
      peer.send(requestOf("hsetex", "h", "px", "1000", "fields", "500", ...names));
    }
    peer.run("hset h stays 1");
    fixture.clock.advance(2000);
    fixture.clock.tickUs = 300;
    let left = count + 1;
    let slices = 0;
    while (left > 1) {
      fixture.cron.slice();
      expect(peer.run("ping")).toBe("+PONG\r\n");
      const now = Number(peer.run("hlen h").slice(1, -2));
      expect(left - now).toBeLessThan(6000);
      left = now;
      slices++;
    }
    fixture.cron.stop();
    expect(slices).toBeGreaterThan(3);
    expect(peer.run("hgetall h")).toBe("*2\r\n$5\r\nstays\r\n$1\r\n1\r\n");
    expect(fixture.effects.filter((effect) => effect.startsWith("0 HDEL h f")).length).toBe(count);
    fixture.verify();
  });

  test("rests while DEBUG SET-ACTIVE-EXPIRE is 0; then only who asks finds fields expired", () => {
    const fixture = recorded("enable-debug-command yes");
    const peer = fixture.connect();
    peer.run("debug set-active-expire 0", "hsetex h px 100 fields 2 a 1 b 2", "hset h c 3");
    fixture.advance(5000);
    expect(peer.run("hlen h", "hgetall h")).toBe(":3\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
    expect(peer.run("hget h a", "hlen h")).toBe("$-1\r\n:2\r\n");
    peer.run("debug set-active-expire 1");
    fixture.advance(2000);
    expect(peer.run("hlen h")).toBe(":1\r\n");
  });
});

describe("a field", () => {
  test("is there up to and in its millisecond, and gone behind it", () => {
    const fixture = recorded("enable-debug-command yes");
    const peer = fixture.connect();
    peer.run(
      "debug set-active-expire 0",
      `hset h a 1`,
      `hpexpireat h ${START_MS + 100} fields 1 a`,
    );
    fixture.clock.advance(100);
    expect(peer.run("hget h a")).toBe("$1\r\n1\r\n");
    fixture.clock.advance(1);
    expect(peer.run("hget h a")).toBe("$-1\r\n");
    expect(peer.run("exists h")).toBe(":0\r\n");
  });

  test("is hidden and not deleted while CLIENT PAUSE holds writes", () => {
    const fixture = recorded();
    const peer = fixture.connect();
    peer.run("hset h a 1 b 2", "hpexpire h 100 fields 1 a");
    fixture.effects.length = 0;
    peer.run("client pause 100000 write");
    fixture.clock.advance(200);
    expect(peer.run("hget h a", "hlen h")).toBe("$-1\r\n:2\r\n");
    expect(fixture.effects).toEqual([]);
    fixture.verify();
  });
});
