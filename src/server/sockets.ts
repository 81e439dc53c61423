// The socket layer: Bun's listeners and sockets behind two small interfaces, so that the rest of
// the server, and tests, know only `Transport` and `SocketLayer`.

import { chmodSync, existsSync, unlinkSync } from "node:fs";
import type { Socket } from "bun";
import type { ClosedReason, Network, OutgoingHandler, OutgoingSocket } from "../base/network.ts";
import type { Transport } from "./connection.ts";

/** Receives what happens on one accepted socket. */
export interface SocketHandler {
  receive(chunk: Uint8Array): void;
  drained(): void;
  closed(): void;
}

/** Called for each accepted socket; returns its handler, or undefined when it was refused. */
export type Accept = (transport: Transport, isUnixSocket: boolean) => SocketHandler | undefined;

/** An open listener. */
export interface Listener {
  readonly port: number;
  /** Stops accepting; open sockets live on. */
  stop(): void;
}

/** Opens listeners, too. Those methods throw the system's error when the address cannot be had. */
export interface SocketLayer extends Network {
  /** `keepAliveSeconds` is asked for each accepted socket; 0 = no keep-alive probes. */
  listenTcp(
    address: string,
    port: number,
    keepAliveSeconds: () => number,
    accept: Accept,
  ): Listener;
  /** `permissions` is an octal mode, or 0 to leave the file's mode alone. */
  listenUnix(path: string, permissions: number, accept: Accept): Listener;
}

/** Loaded when it is needed: hardly ever. */
type WaitingExchange = typeof import("./waiting-exchange.ts");

/** A Bun socket's data: its handler, once it is accepted and unless it was refused. */
type SocketState = SocketHandler | undefined;

class BunTransport implements Transport {
  readonly #socket: Socket<SocketState>;
  readonly #unixPath: string;

  constructor(socket: Socket<SocketState>, unixPath: string) {
    this.#socket = socket;
    this.#unixPath = unixPath;
  }

  write(bytes: Uint8Array, start: number, length: number): number {
    return this.#socket.write(bytes, start, length);
  }

  close(): void {
    // Not `terminate`, which resets the connection: clients expect an orderly end.
    this.#socket.end();
  }

  get descriptor(): number {
    return (this.#socket as unknown as { fd: number }).fd;
  }

  get remoteAddress(): string {
    if (this.#unixPath !== "") return `${this.#unixPath}:0`;
    return withPort(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  get localAddress(): string {
    if (this.#unixPath !== "") return `${this.#unixPath}:0`;
    return withPort(this.#socket.localAddress, this.#socket.localPort);
  }
}

function withPort(address: string | undefined, port: number | undefined): string {
  const host = address ?? "?";
  return host.includes(":") ? `[${host}]:${port ?? 0}` : `${host}:${port ?? 0}`;
}

function handlers(accept: Accept, unixPath: string, keepAliveSeconds: () => number) {
  return {
    open(socket: Socket<SocketState>) {
      const seconds = keepAliveSeconds();
      if (seconds > 0) socket.setKeepAlive(true, seconds * 1000);
      const transport = new BunTransport(socket, unixPath);
      socket.data = accept(transport, unixPath !== "");
    },
    data(socket: Socket<SocketState>, chunk: Uint8Array) {
      socket.data?.receive(chunk);
    },
    drain(socket: Socket<SocketState>) {
      socket.data?.drained();
    },
    close(socket: Socket<SocketState>) {
      socket.data?.closed();
    },
    error(socket: Socket<SocketState>, error: Error) {
      socket.data?.closed();
      rethrowOwn(error);
    },
  };
}

/** A connection that the server opens, before and after it is connected. */
class BunOutgoing implements OutgoingSocket {
  #handler: OutgoingHandler | undefined;
  #socket: Socket | undefined;

  constructor(handler: OutgoingHandler) {
    this.#handler = handler;
  }

  async open(hostname: string, port: number): Promise<void> {
    const socket = {
      open: (opened: Socket) => this.#opened(opened),
      data: (_socket: Socket, chunk: Uint8Array) => this.#handler?.receive(chunk),
      drain: () => this.#handler?.drained(),
      close: () => this.#lost("ended"),
      // The promise is rejected, too.
      connectError: () => {},
      error: (_socket: Socket, error: Error) => this.#failed(error),
    };
    try {
      await Bun.connect({ hostname, port, socket });
    } catch (error) {
      const isRefused = (error as { code?: unknown }).code === "ECONNREFUSED";
      this.#lost(isRefused ? "refused" : "unknown-host");
    }
  }

  write(bytes: Uint8Array, start: number, length: number): number {
    return this.#socket?.write(bytes, start, length) ?? -1;
  }

  close(): void {
    this.#handler = undefined;
    this.#socket?.end();
  }

  #opened(socket: Socket): void {
    this.#socket = socket;
    // It may have been given up meanwhile.
    if (this.#handler === undefined) socket.end();
    else this.#handler.connected();
  }

  #lost(reason: ClosedReason): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.closed(reason);
  }

  #failed(error: Error): void {
    this.#lost("ended");
    rethrowOwn(error);
  }
}

/**
 * Errors of the system concern one socket only. Anything else was thrown by our own code, which has
 * left its work half done: that must not go on as if nothing had happened.
 */
function rethrowOwn(error: Error): void {
  if ((error as { code?: unknown }).code !== undefined) return;
  setImmediate(() => {
    throw error;
  });
}

/** Bun's sockets. */
export const bunSockets: SocketLayer = {
  listenTcp(address, port, keepAliveSeconds, accept) {
    const socket = handlers(accept, "", keepAliveSeconds);
    // Without `ipv6Only` an IPv6 listener takes the IPv4 addresses of its port too. Bun knows the
    // option; its type does not.
    const options = { hostname: address, port, socket, ipv6Only: address.includes(":") };
    const listener = Bun.listen<SocketState>(options);
    return { port: listener.port, stop: () => listener.stop() };
  },

  connectTcp(host, port, handler) {
    const connection = new BunOutgoing(handler);
    // Bun reports some errors at once; handlers are told afterwards.
    queueMicrotask(() => connection.open(host, port));
    return connection;
  },

  exchangeTcp(...args) {
    const { exchangeWaiting } = require("./waiting-exchange.ts") as WaitingExchange;
    return exchangeWaiting(...args);
  },

  listenUnix(path, permissions, accept) {
    if (existsSync(path)) unlinkSync(path);
    const socket = handlers(accept, path, () => 0);
    const listener = Bun.listen<SocketState>({ unix: path, socket });
    if (permissions !== 0) chmodSync(path, permissions);
    return {
      port: 0,
      stop: () => {
        listener.stop();
        if (existsSync(path)) unlinkSync(path);
      },
    };
  },
};
