// The socket layer: Bun's listeners and sockets behind two small interfaces, so that the rest of
// the server, and tests, know only `Transport` and `SocketLayer`.

import { chmodSync, existsSync, unlinkSync } from "node:fs";
import type { Socket } from "bun";
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

/** Opens listeners. Both methods throw the system's error when the address cannot be had. */
export interface SocketLayer {
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

/** A Bun socket's data: its handler once it is accepted. */
interface SocketState {
  handler: SocketHandler | undefined;
}

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
      socket.data = { handler: accept(transport, unixPath !== "") };
    },
    data(socket: Socket<SocketState>, chunk: Uint8Array) {
      socket.data.handler?.receive(chunk);
    },
    drain(socket: Socket<SocketState>) {
      socket.data?.handler?.drained();
    },
    close(socket: Socket<SocketState>) {
      socket.data?.handler?.closed();
    },
    error(socket: Socket<SocketState>, error: Error) {
      socket.data?.handler?.closed();
      // Errors of the system concern this socket only. Anything else was thrown by our own code,
      // which has left its work half done: that must not go on as if nothing had happened.
      if ((error as { code?: unknown }).code !== undefined) return;
      setImmediate(() => {
        throw error;
      });
    },
  };
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
