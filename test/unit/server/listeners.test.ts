import { describe, expect, test } from "bun:test";
import { ListenError } from "../../../src/server/listeners.ts";
import { FakeTransport, ServerFixture } from "./server-fixture.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A started server; its timers are stopped again at once. */
async function started(directives: string): Promise<ServerFixture> {
  const fixture = new ServerFixture(directives);
  await fixture.server.start();
  return fixture;
}

function addresses(fixture: ServerFixture): string[] {
  return fixture.sockets.open.map(({ address, port }) => `${address}:${port}`);
}

describe("opening", () => {
  test("listens on every address of `bind` and on the unix socket", async () => {
    const fixture = await started("port 7000\nbind 127.0.0.1 * -::*\nunixsocket /run/s.sock");
    expect(addresses(fixture)).toEqual([
      "127.0.0.1:7000",
      "0.0.0.0:7000",
      ":::7000",
      "/run/s.sock:0",
    ]);
    expect(fixture.server.listeners).toEqual([
      { name: "tcp", addresses: ["127.0.0.1", "*", "-::*"], port: 7000 },
      { name: "unix", addresses: ["/run/s.sock"], port: 0 },
    ]);
    await fixture.server.stop();
    expect(addresses(fixture)).toEqual([]);
  });

  test("port 0 listens on the unix socket only", async () => {
    const fixture = await started("port 0\nunixsocket /run/s.sock");
    expect(addresses(fixture)).toEqual(["/run/s.sock:0"]);
    expect(fixture.server.listeningPort).toBe(0);
    await fixture.server.stop();
  });

  test("an address with a dash may be missing, others may not", async () => {
    const optional = new ServerFixture("port 7000\nbind 127.0.0.1 -::1 -10.1.1.1");
    optional.sockets.failures.set("::1", systemError("EAFNOSUPPORT"));
    optional.sockets.failures.set("10.1.1.1", systemError("EADDRNOTAVAIL"));
    await optional.server.start();
    expect(addresses(optional)).toEqual(["127.0.0.1:7000"]);
    await optional.server.stop();

    const required = new ServerFixture("port 7000\nbind 127.0.0.1 10.1.1.1");
    required.sockets.failures.set("10.1.1.1", systemError("EADDRNOTAVAIL"));
    expect(required.server.start()).rejects.toThrow(ListenError);
    expect(addresses(required)).toEqual([]);
    expect(required.logged.join()).toContain(
      "10.1.1.1:7000: bind: Cannot assign requested address",
    );
  });

  test("a taken port is refused even where the address is optional", async () => {
    const fixture = new ServerFixture("port 7000\nbind 127.0.0.1 -::1");
    fixture.sockets.failures.set("::1", systemError("EADDRINUSE"));
    expect(fixture.server.start()).rejects.toThrow(
      "Failed listening on port 7000 (tcp), aborting.",
    );
    expect(addresses(fixture)).toEqual([]);
    expect(fixture.logged.join()).toContain("bind: Address already in use");
  });

  test("a unix socket that cannot be opened closes the others", async () => {
    const fixture = new ServerFixture("port 7000\nunixsocket /nowhere/s.sock");
    fixture.sockets.failures.set("/nowhere/s.sock", systemError("EACCES"));
    expect(fixture.server.start()).rejects.toThrow("Failed opening Unix socket");
    expect(addresses(fixture)).toEqual([]);
  });

  test("CONFIG SET bind and port move the listeners, or leave them as they were", async () => {
    const fixture = await started("port 7000\nbind 127.0.0.1");
    const peer = fixture.connect();
    expect(peer.run("config set port 7001")).toBe("+OK\r\n");
    expect(addresses(fixture)).toEqual(["127.0.0.1:7001"]);
    expect(peer.run("config set bind 10.0.0.1")).toBe("+OK\r\n");
    expect(addresses(fixture)).toEqual(["10.0.0.1:7001"]);
    fixture.sockets.failures.set("10.0.0.1:7002", systemError("EADDRINUSE"));
    expect(peer.run("config set port 7002")).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this " +
        "port. Check server logs.\r\n",
    );
    expect(addresses(fixture)).toEqual(["10.0.0.1:7001"]);
    expect(peer.run("config get port")).toBe("*2\r\n$4\r\nport\r\n$4\r\n7001\r\n");
    await fixture.server.stop();
  });
});

describe("accepting", () => {
  const REFUSED = "-ERR max number of clients reached\r\n";

  /** Has a peer call on the listener with this number; what it was told, "" if it was let in. */
  function call(fixture: ServerFixture, from: string, listener = 0, isUnixSocket = false) {
    const transport = new FakeTransport(from);
    const handler = fixture.sockets.open[listener].accept(transport, isUnixSocket);
    return { transport, handler, text: transport.take() };
  }

  test("one client more than maxclients is told so and closed", async () => {
    const fixture = await started("port 7000\nmaxclients 2");
    const first = call(fixture, "127.0.0.1:1");
    call(fixture, "127.0.0.1:2");
    const third = call(fixture, "127.0.0.1:3");
    expect(third.handler).toBeUndefined();
    expect(third.text).toBe(REFUSED);
    expect(third.transport.isClosed).toBe(true);
    expect(fixture.server.statistics.rejectedConnections).toBe(1);
    first.handler!.closed();
    expect(call(fixture, "127.0.0.1:4").handler).toBeDefined();
    await fixture.server.stop();
  });

  test("protected mode lets in the loopback interface and the unix socket only", async () => {
    const fixture = await started("port 7000\nprotected-mode yes\nunixsocket /run/s");
    for (const from of ["127.0.0.1:5", "127.9.9.9:5", "[::1]:5", "[::ffff:127.0.0.1]:5"]) {
      expect(call(fixture, from).handler).toBeDefined();
    }
    const unix = fixture.sockets.open.length - 1;
    expect(call(fixture, "/run/s:0", unix, true).handler).toBeDefined();
    for (const from of ["10.0.0.5:5", "[2001:db8::1]:5", "[::ffff:10.0.0.5]:5"]) {
      const { handler, transport, text } = call(fixture, from);
      expect(handler).toBeUndefined();
      expect(text).toStartWith("-DENIED Redis is running in protected mode because protected mode");
      expect(text).toEndWith("from the outside.\r\n");
      expect(transport.isClosed).toBe(true);
    }
    await fixture.server.stop();
  });

  test("a password or `protected-mode no` lets everybody in", async () => {
    for (const directives of ["requirepass x", "protected-mode no"]) {
      const fixture = await started(`port 7000\n${directives}`);
      expect(call(fixture, "10.0.0.5:5").handler).toBeDefined();
      await fixture.server.stop();
    }
  });
});

describe("stopping", () => {
  test("closes every client and is harmless the second time", async () => {
    const fixture = await started("port 7000");
    const peers = [fixture.connect(), fixture.connect()];
    peers[0].send("*2\r\n$3\r\nGET\r\n");
    await fixture.server.stop();
    await fixture.server.stop();
    expect(peers.map((peer) => peer.transport.isClosed)).toEqual([true, true]);
    expect(fixture.server.clients.count).toBe(0);
    expect(fixture.logged.at(-1)).toContain("ready to exit, bye bye");
    fixture.verify();
  });

  test("the start-up lines come in order", async () => {
    const fixture = await started("port 7000");
    expect(fixture.announced).toEqual([
      "MiniRedis server starting...",
      ` PID: ${process.pid}`,
      "Port: 7000",
      "Ready to accept connections",
    ]);
    expect(fixture.logged).toContain("Server initialized");
    await fixture.server.stop();
  });
});
