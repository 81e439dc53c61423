import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { type Peer, request, requestOf, ServerFixture } from "./server-fixture.ts";

const OK = "+OK\r\n";

/** The value of a field of a client's line in CLIENT LIST, as another client sees it. */
function fieldOf(peer: Peer, name: string, id = 1): string {
  const line = peer
    .run("client list")
    .split("\n")
    .find((text) => text.includes(`id=${id} `))!;
  return line.split(`${name}=`)[1].split(" ")[0];
}

describe("requests that arrive in pieces", () => {
  const script = `${request("set key value", "append key !", "get key", "mget key none")}\
PING hello\r\n*0\r\n${requestOf("set", "bin", "a\r\n*1\r\n\0z")}${request("strlen bin")}`;
  const value = "$6\r\nvalue!\r\n";
  const replies = `${OK}:6\r\n${value}*2\r\n${value}$-1\r\n$5\r\nhello\r\n${OK}:9\r\n`;

  test("every cut in two gives the same replies", () => {
    for (let cut = 0; cut <= script.length; cut++) {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      peer.send(script.slice(0, cut));
      peer.send(script.slice(cut));
      expect(peer.transport.take()).toBe(replies);
      expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
      fixture.verify();
    }
  });

  test("one byte at a time gives the same replies", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    for (const byte of script) peer.send(byte);
    expect(peer.transport.take()).toBe(replies);
    fixture.verify();
  });

  test("peers whose pieces interleave do not disturb each other", () => {
    const random = new Xoshiro(11);
    const fixture = new ServerFixture();
    const peers = Array.from({ length: 8 }, (_, index) => {
      const lines = Array.from({ length: 50 }, (_, k) => `set key:${index}:${k} ${index}-${k}`);
      const reads = Array.from({ length: 50 }, (_, k) => `get key:${index}:${k}`);
      const values = Array.from({ length: 50 }, (_, k) => `${index}-${k}`);
      const expected = OK.repeat(50) + values.map((v) => `$${v.length}\r\n${v}\r\n`).join("");
      return { peer: fixture.connect(), left: request(...lines, ...reads), expected };
    });
    while (peers.some(({ left }) => left !== "")) {
      const turn = peers[randomBelow(random, peers.length)];
      const size = randomBelow(random, 60);
      turn.peer.send(turn.left.slice(0, size));
      turn.left = turn.left.slice(size);
    }
    for (const { peer, expected } of peers) expect(peer.transport.take()).toBe(expected);
    fixture.verify();
  });
});

describe("pipelines", () => {
  test("of more commands than a batch holds are executed in order, each once", () => {
    for (const count of [511, 512, 513, 1024, 1025, 3000]) {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      peer.send(request("incr n").repeat(count));
      const expected = Array.from({ length: count }, (_, k) => `:${k + 1}\r\n`).join("");
      expect(peer.transport.take()).toBe(expected);
      fixture.verify();
    }
  });

  test("of several batches may end in the middle of a command", () => {
    const tail = request("set last 12345");
    for (let cut = 0; cut <= tail.length; cut++) {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      peer.send(request("incr n").repeat(1024) + tail.slice(0, cut));
      expect(peer.transport.take().endsWith(cut < tail.length ? ":1024\r\n" : OK)).toBe(true);
      peer.send(tail.slice(cut) + request("get last"));
      expect(peer.transport.take().endsWith("$5\r\n12345\r\n")).toBe(true);
      fixture.verify();
    }
  });

  test("one turn's replies leave in one write", () => {
    const peer = new ServerFixture().connect();
    peer.send(request("ping").repeat(1000));
    expect(peer.transport.writes).toBe(1);
  });

  test("SELECT and HELLO take effect on the commands behind them", () => {
    const peer = new ServerFixture().connect();
    const text = peer.run("set a 0", "select 3", "get a", "set a 3", "hello 3", "get b", "get a");
    expect(text.startsWith(`${OK}${OK}$-1\r\n${OK}%7\r\n`)).toBe(true);
    expect(text.endsWith("_\r\n$1\r\n3\r\n")).toBe(true);
  });
});

describe("peers that take replies slowly", () => {
  test("partial writes keep the order of the replies", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    const random = new Xoshiro(5);
    let expected = "";
    let received = "";
    for (let k = 0; k < 500; k++) {
      peer.transport.room = randomBelow(random, 40);
      const text = `${k}`.repeat(1 + randomBelow(random, 9));
      peer.send(request(`echo ${text}`));
      expected += `$${text.length}\r\n${text}\r\n`;
      if (randomBelow(random, 3) === 0) peer.handler.drained();
      received += peer.transport.take();
    }
    peer.transport.room = Number.POSITIVE_INFINITY;
    peer.handler.drained();
    expect(received + peer.transport.take()).toBe(expected);
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
  });

  test("one byte at a time delivers everything, and only that peer waits", () => {
    const fixture = new ServerFixture();
    const slow = fixture.connect();
    const other = fixture.connect();
    slow.transport.gulp = 1;
    slow.send(request("set k 0123456789", "get k", "get k"));
    for (let k = 0; k < 100; k++) {
      slow.handler.drained();
      expect(other.run("ping")).toBe("+PONG\r\n");
    }
    expect(slow.transport.take()).toBe(`${OK}${"$10\r\n0123456789\r\n".repeat(2)}`);
  });

  test("QUIT behind an unsent backlog closes after the last byte", () => {
    const peer = new ServerFixture().connect();
    peer.transport.room = 3;
    peer.send(request("ping", "quit", "set never here"));
    expect(peer.transport.isClosed).toBe(false);
    peer.transport.room = Number.POSITIVE_INFINITY;
    peer.handler.drained();
    expect(peer.transport.take()).toBe(`+PONG\r\n${OK}`);
    expect(peer.transport.isClosed).toBe(true);
  });

  test("a peer that is gone in the middle of a backlog is forgotten with its memory", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    peer.transport.room = 0;
    peer.send(request("ping").repeat(1000));
    expect(fixture.server.memory.usedBytes).toBeGreaterThan(fixture.keyspace.usedBytes);
    peer.handler.closed();
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
    expect(fixture.server.clients.count).toBe(0);
    peer.handler.drained();
    peer.send(request("set late 1"));
    expect(fixture.keyspace.databases[0].size).toBe(0);
  });
});

describe("huge values", () => {
  const SIZE = 64 << 20;

  test("a SET of 64 MB in pieces of 64 KB is copied a few times at most", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    const piece = new Uint8Array(65536).fill(120);
    const since = performance.now();
    peer.send(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${SIZE}\r\n`);
    for (let sent = 0; sent < SIZE; sent += piece.length) peer.send(piece);
    peer.send("\r\n");
    // Quadratic work would copy 32 GB here.
    expect(performance.now() - since).toBeLessThan(3000);
    expect(peer.transport.take()).toBe(OK);
    expect(peer.run("strlen big")).toBe(`:${SIZE}\r\n`);
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
    expect(peer.run("del big")).toBe(":1\r\n");
    expect(fixture.keyspace.usedBytes).toBeLessThan(1 << 20);
    fixture.verify();
  });

  test("the buffer of a huge request does not outlive it, whatever follows", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    const piece = new Uint8Array(65536).fill(120);
    peer.send(`*2\r\n$4\r\nECHO\r\n$${8 << 20}\r\n`);
    for (let sent = 0; sent < 8 << 20; sent += piece.length) peer.send(piece);
    peer.send("\r\n*2\r\n$3\r\nGET\r\n$3\r\nk");
    peer.transport.take();
    expect(Number(fieldOf(fixture.connect(), "qbuf"))).toBe(18);
    expect(fixture.server.memory.usedBytes - fixture.keyspace.usedBytes).toBeLessThan(1 << 17);
    peer.send("ey\r\n");
    expect(peer.transport.take()).toBe("$-1\r\n");
  });

  test("an announced length takes no memory before its bytes arrive", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    peer.send(`*1000000\r\n$3\r\nSET\r\n$536870912\r\n`);
    expect(fixture.server.memory.usedBytes - fixture.keyspace.usedBytes).toBeLessThan(4096);
  });

  test("a reply of many megabytes arrives whole through small gulps", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    peer.run("set big x", `setrange big ${4 << 20} y`);
    peer.transport.gulp = 100_000;
    peer.send(request("get big", "ping"));
    for (let k = 0; k < 50; k++) peer.handler.drained();
    const text = peer.transport.take();
    expect(text.length).toBe(`$${(4 << 20) + 1}\r\n`.length + (4 << 20) + 3 + 7);
    expect(text.endsWith("y\r\n+PONG\r\n")).toBe(true);
    expect(fixture.server.memory.usedBytes).toBe(fixture.keyspace.usedBytes);
  });
});

describe("ends of connections", () => {
  test("QUIT drops what is pipelined behind it", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    expect(peer.run("set a 1", "quit", "set b 2")).toBe(OK + OK);
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.connect().run("exists b")).toBe(":0\r\n");
    expect(fixture.server.clients.count).toBe(1);
  });

  test("a protocol error is answered behind the commands before it and closes", () => {
    const cases: [string, string][] = [
      ["*1\r\nfoo\r\n", "-ERR Protocol error: expected '$', got 'f'\r\n"],
      ["*abc\r\n", "-ERR Protocol error: invalid multibulk length\r\n"],
      ["*2\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
      ['set x "unbalanced\r\n', "-ERR Protocol error: unbalanced quotes in request\r\n"],
    ];
    for (const [bad, error] of cases) {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      peer.send(request("set a 1", "incr a") + bad + request("set b 1"));
      expect(peer.transport.take()).toBe(`${OK}:2\r\n${error}`);
      expect(peer.transport.isClosed).toBe(true);
      peer.send(request("set c 1"));
      expect(fixture.keyspace.databases[0].size).toBe(1);
      expect(fixture.server.clients.count).toBe(0);
    }
  });

  test("CLIENT KILL of another client spares the rest of the pipeline", () => {
    const fixture = new ServerFixture();
    const victim = fixture.connect("127.0.0.1:60001");
    const killer = fixture.connect();
    victim.send("*2\r\n$3\r\nGET\r\n$1");
    expect(killer.run("set a 1", "client kill 127.0.0.1:60001", "incr a")).toBe(`${OK}${OK}:2\r\n`);
    expect(victim.transport.isClosed).toBe(true);
    victim.send("\r\na\r\n");
    expect(victim.transport.take()).toBe("");
    expect(fixture.server.clients.count).toBe(1);
  });

  test("CLIENT KILL of oneself answers, and nothing behind it runs", () => {
    const fixture = new ServerFixture();
    const peer = fixture.connect();
    expect(peer.run("client kill id 1 skipme no", "set a 1")).toBe(":1\r\n");
    expect(peer.transport.isClosed).toBe(true);
    expect(fixture.keyspace.databases[0].size).toBe(0);
  });

  test("POST and Host: close without an answer", () => {
    for (const line of ["POST / HTTP/1.1\r\n", "Host: localhost\r\n"]) {
      const fixture = new ServerFixture();
      const peer = fixture.connect();
      peer.send(`${line}${request("set a 1")}`);
      expect(peer.transport.take()).toBe("");
      expect(peer.transport.isClosed).toBe(true);
      expect(fixture.keyspace.databases[0].size).toBe(0);
      expect(fixture.logged.join()).toContain("Possible SECURITY ATTACK");
    }
  });

  test("the idle timeout closes those who said nothing, and nobody else", () => {
    const fixture = new ServerFixture("timeout 10");
    const idle = fixture.connect();
    const busy = fixture.connect();
    fixture.advance(9000);
    busy.run("ping");
    fixture.advance(1500);
    expect([idle.transport.isClosed, busy.transport.isClosed]).toEqual([true, false]);
  });
});

describe("passwords", () => {
  test("without the password only AUTH, HELLO, QUIT and RESET are admitted", () => {
    const peer = new ServerFixture("requirepass secret").connect();
    const refused = "-NOAUTH Authentication required.\r\n";
    expect(peer.run("get a", "ping", "auth wrong", "auth secret", "get a")).toBe(
      `${refused}${refused}-WRONGPASS invalid username-password pair or user is disabled.\r\n` +
        `${OK}$-1\r\n`,
    );
  });

  test("an unauthenticated request may have 10 arguments of 16384 bytes", () => {
    const long = "x".repeat(16384);
    const most = requestOf("get", ...Array(9).fill("a"));
    const refused = "-NOAUTH Authentication required.\r\n";
    for (const [bytes, reply, isClosed] of [
      [most, "-ERR wrong number of arguments for 'get' command\r\n", false],
      [requestOf("get", long), refused, false],
      ["*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n", true],
      ["*2\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n", true],
    ] as const) {
      const peer = new ServerFixture("requirepass secret").connect();
      peer.send(bytes);
      expect(peer.transport.take()).toBe(reply);
      expect(peer.transport.isClosed).toBe(isClosed);
    }
  });

  test("the limits fall with AUTH for what is pipelined behind it", () => {
    const fixture = new ServerFixture("requirepass secret");
    const peer = fixture.connect();
    const pairs = Array.from({ length: 20 }, (_, k) => `k${k} v`).join(" ");
    expect(peer.run("auth secret", `mset ${pairs}`, "dbsize")).toBe(`${OK}${OK}:20\r\n`);
    fixture.verify();
  });
});

describe("MONITOR", () => {
  test("shows other clients' commands in order, and ends with the connection", async () => {
    const fixture = new ServerFixture();
    const monitor = fixture.connect("127.0.0.1:60001");
    const peer = fixture.connect();
    expect(monitor.run("monitor")).toBe(OK);
    peer.run("set a 1", "get a", "config get port");
    await fixture.endTurn();
    const stamp = "+1700000000.000000 [0 127.0.0.1:50001]";
    expect(monitor.transport.take()).toBe(`${stamp} "set" "a" "1"\r\n${stamp} "get" "a"\r\n`);
    monitor.handler.closed();
    peer.run("set a 2");
    await fixture.endTurn();
    expect(monitor.transport.take()).toBe("");
  });
});
