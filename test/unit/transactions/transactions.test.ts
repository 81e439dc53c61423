import { describe, expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { requestOf, ServerFixture } from "../server/server-fixture.ts";

const OK = "+OK\r\n";
/** Who follows changes in every test. */
const IDLE_FOLLOWERS = new ServerFixture().keyspace.changes.followerCount;
const QUEUED = "+QUEUED\r\n";
const NULL_ARRAY = "*-1\r\n";

function start(directives = "") {
  const fixture = new ServerFixture(directives);
  fixture.recordEffects();
  return { fixture, peer: fixture.connect(), other: fixture.connect() };
}

describe("MULTI and EXEC", () => {
  test("commands are queued, and run as one", () => {
    const { fixture, peer, other } = start();
    expect(peer.run("multi", "set k 1", "incr k")).toBe(OK + QUEUED + QUEUED);
    expect(other.run("get k")).toBe("$-1\r\n");
    expect(peer.run("exec")).toBe("*2\r\n+OK\r\n:2\r\n");
    expect(fixture.effects).toEqual(["-1 MULTI", "0 set k 1", "0 incr k", "-1 EXEC"]);
    expect(fixture.server.transactions.memoryBytes).toBe(0);
  });

  test("an inline command is queued and propagated as RESP", () => {
    const { fixture, peer } = start();
    peer.send("multi\r\nset k 'a b'\r\nset j 2\r\nexec\r\n");
    expect(peer.transport.take()).toBe(`${OK}${QUEUED}${QUEUED}*2\r\n${OK}${OK}`);
    expect(fixture.effects).toEqual(["-1 MULTI", "0 set k a b", "0 set j 2", "-1 EXEC"]);
  });

  test("one effect stands alone, and none leaves nothing", () => {
    const { fixture, peer } = start();
    peer.run("multi", "set k 1", "get k", "exec", "multi", "get k", "exec", "multi", "exec");
    expect(fixture.effects).toEqual(["0 set k 1"]);
  });

  test("effects are told in the databases in which they happened", () => {
    const { fixture, peer } = start();
    peer.run("multi", "set a 1", "select 3", "set b 1", "set c 1", "select 0", "set d 1", "exec");
    expect(fixture.effects).toEqual(
      ["-1 MULTI", "0 set a 1", "3 set b 1", "3 set c 1", "0 set d 1", "-1 EXEC"], // in order
    );
  });

  test("a command that is refused spoils the transaction", () => {
    const { fixture, peer } = start();
    for (const wrong of ["get", "nosuch", "client nosuch", "save"]) {
      peer.run("multi", "set k 1", wrong);
      expect(peer.run("exec", "get k")).toStartWith("-EXECABORT Transaction discarded because of ");
    }
    expect(fixture.effects).toEqual([]);
    expect(peer.run("exec")).toBe("-ERR EXEC without MULTI\r\n");
  });

  test("what was looked ahead at holds only until it changes", () => {
    const { peer } = start();
    const commands: string[] = [];
    for (let k = 0; k < 200; k++) {
      commands.push(`set key:${k % 40} ${k}`, `get key:${(k * 7) % 40}`, `del key:${(k * 3) % 40}`);
      if (k % 50 === 30) commands.push("flushall", "get key:1");
      if (k % 60 === 20) commands.push(`select ${k % 5}`, `get key:${k % 40}`);
    }
    const alone = commands.map((command) => peer.run(command)).join("");
    peer.run("flushall", "select 0");
    const queued = QUEUED.repeat(commands.length);
    expect(peer.run("multi", ...commands)).toBe(OK + queued);
    expect(peer.run("exec")).toBe(`*${commands.length}\r\n${alone}`);
  });

  test("every command in it counts and has its share of the time", () => {
    const { fixture, peer } = start();
    const sets = Array.from({ length: 100 }, () => "set k v");
    peer.run("multi", ...sets, "lrange l 0 -1", "get k", "exec");
    for (const [name, calls] of [
      ["set", 100],
      ["lrange", 1],
      ["get", 1],
      ["exec", 1],
    ] as const) {
      const command = fixture.server.registry.find(latin1Bytes(name), 0, name.length)!;
      expect(command.calls).toBe(calls);
      expect(command.histogram?.total).toBe(calls);
    }
    expect(fixture.server.statistics.commandsProcessed).toBe(104);
  });

  test("an error within does not keep the others from running", () => {
    const { peer } = start();
    peer.run("multi", "set k x", "incr k", "set j 1");
    const error = "-ERR value is not an integer or out of range\r\n";
    expect(peer.run("exec")).toBe(`*3\r\n${OK}${error}${OK}`);
    const stats = peer.run("info commandstats");
    expect(stats).toContain("cmdstat_incr:calls=1,");
    expect(stats).toMatch(/cmdstat_exec:.*failed_calls=0/);
    expect(peer.run("info errorstats")).toContain("errorstat_ERR:count=1\r\n");
  });

  test("many commands and large ones, and all memory is given back", () => {
    const { fixture, peer } = start();
    const value = "x".repeat(300_000);
    peer.run("multi");
    for (let k = 0; k < 700; k++) peer.run(`rpush list element:${k}`);
    peer.send(requestOf("set", "large", value));
    peer.transport.take();
    expect(fixture.server.transactions.memoryBytes).toBeGreaterThan(300_000);
    const replies = peer.run("exec", "llen list", "strlen large");
    expect(replies).toStartWith("*701\r\n:1\r\n:2\r\n");
    expect(replies).toEndWith(":700\r\n+OK\r\n:700\r\n:300000\r\n");
    expect(fixture.server.transactions.memoryBytes).toBe(0);
    fixture.verify();
  });

  test("what is queued counts against client-query-buffer-limit", () => {
    const { fixture, peer } = start("client-query-buffer-limit 1mb");
    peer.run("multi");
    const value = "x".repeat(100_000);
    for (let k = 0; k < 20 && !peer.transport.isClosed; k++)
      peer.send(requestOf("set", "k", value));
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.server.transactions.memoryBytes).toBe(0);
  });

  test("under maxmemory what takes memory is not queued, and EXEC says why it fails", () => {
    const { fixture, peer } = start();
    peer.run("multi", "set k 1");
    fixture.connect().run("config set maxmemory 1");
    const refused = "-EXECABORT Transaction discarded because of: OOM command not allowed";
    expect(peer.run("exec")).toStartWith(refused);
    expect(peer.run("multi", "get k", "set k 1")).toStartWith(`${OK}${QUEUED}-OOM command not`);
    expect(peer.run("discard")).toBe(OK);
  });

  test("RESET, DISCARD and leaving forget everything", () => {
    const { fixture, peer, other } = start();
    peer.run("watch a b", "multi", "set k 1", "reset");
    expect(peer.run("exec")).toBe("-ERR EXEC without MULTI\r\n");
    peer.run("watch a", "multi", "set k 1", "discard");
    other.run("watch a", "multi", "set k 1");
    other.handler.closed();
    expect(fixture.server.transactions.memoryBytes).toBe(0);
    expect(fixture.keyspace.changes.followerCount).toBe(IDLE_FOLLOWERS);
  });
});

describe("WATCH", () => {
  /** What EXEC answers when another client runs commands after WATCH. */
  function outcome(prepare: string[], between: string[], watched = "watch k"): string {
    const { fixture, peer, other } = start();
    if (prepare.length > 0) other.run(...prepare);
    peer.run(watched, "multi", "ping");
    if (between.length > 0) other.run(...between);
    const reply = peer.run("exec");
    expect(fixture.keyspace.changes.followerCount).toBe(IDLE_FOLLOWERS);
    expect(fixture.server.transactions.memoryBytes).toBe(0);
    fixture.verify();
    return reply;
  }
  const PONG = "*1\r\n+PONG\r\n";

  test("a change of the key spoils the transaction", () => {
    expect(outcome([], ["set k 1"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["del k"])).toBe(NULL_ARRAY);
    expect(outcome(["sadd k 1"], ["sadd k 2"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["expire k 100"])).toBe(NULL_ARRAY);
    expect(outcome(["set j 1"], ["rename j k"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["rename k j"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["copy k j"])).toBe(PONG);
    expect(outcome(["set j 1"], ["copy j k"])).toBe(NULL_ARRAY);
  });

  test("what changes nothing does not", () => {
    expect(outcome(["set k 1"], ["get k", "set j 1", "del j"])).toBe(PONG);
    expect(outcome(["sadd k 1"], ["sadd k 1", "srem k 7"])).toBe(PONG);
    expect(outcome([], ["del k", "del j k", "select 1", "set k 1"])).toBe(PONG);
    expect(outcome(["set k 1"], ["lpush k 1", "incr j"])).toBe(PONG);
    expect(outcome(["set k 1", "set j 1"], ["del j x", "setnx k 2"])).toBe(PONG);
  });

  test("flushing spoils where there was something", () => {
    expect(outcome(["set k 1"], ["flushall"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["flushdb"])).toBe(NULL_ARRAY);
    expect(outcome(["set j 1"], ["flushall"])).toBe(PONG);
    expect(outcome(["set k 1"], ["select 1", "flushdb"])).toBe(PONG);
  });

  test("exchanging databases spoils where either has the key", () => {
    expect(outcome(["set k 1"], ["swapdb 0 1"])).toBe(NULL_ARRAY);
    expect(outcome(["select 1", "set k 1"], ["swapdb 0 1"])).toBe(NULL_ARRAY);
    expect(outcome(["set k 1"], ["swapdb 1 2"])).toBe(PONG);
    expect(outcome(["set j 1"], ["swapdb 0 1"])).toBe(PONG);
    expect(outcome(["set k 1"], ["move k 1"])).toBe(NULL_ARRAY);
  });

  test("a key that expires spoils, one that had expired before does not", () => {
    const { fixture, peer, other } = start();
    other.run("set k 1 px 10");
    peer.run("watch k", "multi", "ping");
    fixture.clock.advance(20);
    expect(peer.run("exec")).toBe(NULL_ARRAY);
    other.run("debug set-active-expire 0", "set k 1 px 10");
    fixture.clock.advance(20);
    peer.run("watch k", "multi", "ping");
    other.run("get k", "del k x");
    expect(peer.run("exec")).toBe(PONG);
  });

  test("a client spoils its own transaction, but not by what it has queued", () => {
    const { peer } = start();
    expect(peer.run("watch k", "set k 1", "multi", "ping", "exec")).toEndWith(NULL_ARRAY);
    expect(peer.run("watch k", "multi", "set k 1", "set k 2", "exec")).toEndWith(`${OK}${OK}`);
    expect(peer.run("watch k", "set k 1", "unwatch", "multi", "ping", "exec")).toEndWith(PONG);
  });

  test("clients that watch are shown", () => {
    const { peer, other } = start();
    peer.run("watch a b a");
    const clients = other.run("info clients");
    expect(clients).toContain("watching_clients:1\r\n");
    expect(clients).toContain("total_watched_keys:2\r\n");
    expect(peer.run("client info")).toContain(" watch=2 ");
    other.run("set b 1");
    expect(peer.run("client info")).toMatch(/ flags=d .* watch=0 /);
  });
});
