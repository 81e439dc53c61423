// A whole server without a socket, a disk or a clock of its own: peers are recorded transports,
// time moves by hand, and what is propagated is recorded as text.

import { ManualClock } from "../../../src/base/clock.ts";
import type { LogLevel } from "../../../src/base/log.ts";
import type {
  ExchangeResult,
  Network,
  OutgoingHandler,
  OutgoingSocket,
} from "../../../src/base/network.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/file.ts";
import type { FileSystem } from "../../../src/persistence/file-system.ts";
import type { Transport } from "../../../src/server/connection.ts";
import { Cron } from "../../../src/server/cron.ts";
import { Server } from "../../../src/server/server.ts";
import type { Accept, Listener, SocketHandler, SocketLayer } from "../../../src/server/sockets.ts";

export const START_MS = 1_700_000_000_000;

/** The bytes of commands, each a text of words, as arrays of bulk strings. */
export function request(...commands: string[]): string {
  return commands.map((command) => requestOf(...command.split(" "))).join("");
}

/** The bytes of one command of these arguments, one character per byte. */
export function requestOf(...args: string[]): string {
  return `*${args.length}\r\n${args.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** A peer's side of a connection: takes what it has room for and records it. */
export class FakeTransport implements Transport {
  descriptor = 9;
  localAddress = "127.0.0.1:6379";
  remoteAddress: string;
  isClosed = false;
  /** Bytes it still takes, counted down by writes. */
  room = Number.POSITIVE_INFINITY;
  /** The most it takes at once. */
  gulp = Number.POSITIVE_INFINITY;
  writes = 0;
  #sent: Buffer[] = [];

  constructor(remoteAddress = "127.0.0.1:50001") {
    this.remoteAddress = remoteAddress;
  }

  write(bytes: Uint8Array, start: number, length: number): number {
    if (this.isClosed) return -1;
    this.writes++;
    const taken = Math.min(length, this.room, this.gulp);
    this.room -= taken;
    this.#sent.push(Buffer.from(bytes.slice(start, start + taken)));
    return taken;
  }

  close(): void {
    this.isClosed = true;
  }

  /** Bytes received so far. */
  get length(): number {
    return this.#sent.reduce((total, part) => total + part.length, 0);
  }

  /** What arrived since the last call, one character per byte. */
  take(): string {
    const text = latin1Text(Buffer.concat(this.#sent));
    this.#sent = [];
    return text;
  }
}

/** A connected peer. */
export class Peer {
  readonly transport: FakeTransport;
  readonly handler: SocketHandler;

  constructor(transport: FakeTransport, handler: SocketHandler) {
    this.transport = transport;
    this.handler = handler;
  }

  /** Delivers bytes to the server. */
  send(bytes: string | Uint8Array): void {
    this.handler.receive(typeof bytes === "string" ? latin1Bytes(bytes) : bytes);
  }

  /** Sends one command of these arguments and returns what came back at once. */
  readonly ask = (...args: string[]): string => {
    this.send(requestOf(...args));
    return this.transport.take();
  };

  /** Sends commands, each a text of words, in one chunk, and returns what came back at once. */
  run(...commands: string[]): string {
    this.send(request(...commands));
    return this.transport.take();
  }
}

/** A connection that the server has opened; the test plays the peer. */
export class FakeOutgoing implements OutgoingSocket {
  readonly host: string;
  readonly port: number;
  readonly handler: OutgoingHandler;
  /** What the server writes. */
  readonly transport = new FakeTransport();

  constructor(host: string, port: number, handler: OutgoingHandler) {
    this.host = host;
    this.port = port;
    this.handler = handler;
  }

  write(bytes: Uint8Array, start: number, length: number): number {
    return this.transport.write(bytes, start, length);
  }

  close(): void {
    this.transport.close();
  }

  /** Lets the server read bytes. */
  send(text: string): void {
    this.handler.receive(latin1Bytes(text));
  }

  /** The requests that arrived since the last call. */
  takeRequests(): string[][] {
    return commandsOf(this.transport.take());
  }
}

/** Listeners that exist on paper. */
export class FakeSockets implements SocketLayer {
  /** Connections opened, the newest last. */
  readonly outgoing: FakeOutgoing[] = [];
  /** What exchanges that the server waits for come to. */
  exchange: Network["exchangeTcp"] = () => ({
    ...{ lines: [], failure: "connecting", isTimeout: false },
  });

  connectTcp(host: string, port: number, handler: OutgoingHandler): OutgoingSocket {
    const outgoing = new FakeOutgoing(host, port, handler);
    this.outgoing.push(outgoing);
    return outgoing;
  }

  exchangeTcp(...args: Parameters<Network["exchangeTcp"]>): ExchangeResult {
    return this.exchange(...args);
  }

  readonly open: { address: string; port: number; accept: Accept }[] = [];
  /** Errors by address, thrown when it is listened on. */
  readonly failures = new Map<string, Error>();
  nextPort = 40000;

  listenTcp(address: string, port: number, _probes: () => number, accept: Accept): Listener {
    const failure = this.failures.get(address) ?? this.failures.get(`${address}:${port}`);
    if (failure) throw failure;
    return this.#listen(address, port === 0 ? this.nextPort++ : port, accept);
  }

  listenUnix(path: string, _permissions: number, accept: Accept): Listener {
    const failure = this.failures.get(path);
    if (failure) throw failure;
    return this.#listen(path, 0, accept);
  }

  #listen(address: string, port: number, accept: Accept): Listener {
    const entry = { address, port, accept };
    this.open.push(entry);
    return { port, stop: () => this.open.splice(this.open.indexOf(entry), 1) };
  }
}

/** A disk without files, which takes none. */
const NO_DISK = new Proxy({} as FileSystem, {
  get: (_target, method) => () => {
    if (method === "exists") return false;
    throw new Error("this test has no disk");
  },
});

/** A clock on which every reading of the monotonic time takes a while. */
export class TickingClock extends ManualClock {
  /** Microseconds that pass with each reading. */
  tickUs = 0;

  override monotonicUs(): number {
    if (this.tickUs > 0) this.advance(this.tickUs / 1000);
    return super.monotonicUs();
  }
}

/** A server, its cron turned by hand, and what it propagates. */
export class ServerFixture {
  readonly clock: TickingClock;
  readonly sockets = new FakeSockets();
  readonly logged: string[] = [];
  readonly announced: string[] = [];
  /** "db command words" of each effect. */
  readonly effects: string[] = [];
  readonly config: Config;
  readonly server: Server;
  readonly cron: Cron;

  /** `directives` are lines of a configuration file. */
  constructor(directives = "", seed = 1, fileSystem = NO_DISK, clock = new TickingClock(START_MS)) {
    this.clock = clock;
    this.config = new Config();
    loadConfig(this.config, `save ""\n${directives}`);
    this.server = new Server({
      config: this.config,
      clock: this.clock,
      random: new Xoshiro(seed),
      secrets: new Xoshiro(seed + 1),
      logger: { log: (_level: LogLevel, message: string) => this.logged.push(message) },
      fileSystem,
      sockets: this.sockets,
      announce: (line) => this.announced.push(line),
    });
    this.server.updateRestrictions();
    this.cron = new Cron(this.server);
  }

  get keyspace() {
    return this.server.keyspace;
  }

  /** Records effects from now on. */
  recordEffects(): void {
    this.server.effects.addSink({
      append: (dbIndex, bytes, start, end) => {
        for (const words of commandsOf(latin1Text(bytes, start, end))) {
          this.effects.push(`${dbIndex} ${words.join(" ")}`);
        }
      },
    });
  }

  /** A new peer. */
  connect(remoteAddress?: string): Peer {
    const transport = new FakeTransport(remoteAddress);
    return new Peer(transport, this.server.connections.connect(transport, false));
  }

  /** Lets the event loop's turn end, with what was to be done then. */
  endTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves time and lets the cron notice. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.cron.tick();
  }

  verify(): void {
    this.keyspace.verify();
  }
}

/** The words of each command in a text of RESP arrays. */
export function commandsOf(text: string): string[][] {
  const commands: string[][] = [];
  let at = 0;
  const line = () => {
    const end = text.indexOf("\r\n", at);
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  while (at < text.length) {
    const count = Number(line().slice(1));
    const words: string[] = [];
    for (let k = 0; k < count; k++) {
      const length = Number(line().slice(1));
      words.push(text.slice(at, at + length));
      at += length + 2;
    }
    commands.push(words);
  }
  return commands;
}
