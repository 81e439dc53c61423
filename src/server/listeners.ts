// The listeners of a server: every `bind` address and the unix socket. Accepting applies what comes
// before a client is one: maxclients and protected mode.

import type { Acl } from "../acl/acl.ts";
import { LOG_WARNING, type Logger } from "../base/log.ts";
import { messageOf } from "../base/text.ts";
import type { Clients } from "../command/client.ts";
import type { Statistics } from "../command/statistics.ts";
import type { ListenerInfo } from "../commands/features.ts";
import type { Config } from "../config/config.ts";
import { InvalidValue } from "../config/value-types.ts";
import type { Transport } from "./connection.ts";
import { PROTECTED_MODE, TOO_MANY_CLIENTS } from "./refusals.ts";
import type { Listener, SocketHandler, SocketLayer } from "./sockets.ts";

/** What listeners need of the server. */
export interface ListenerHost {
  readonly config: Config;
  readonly logger: Logger;
  readonly clients: Clients;
  readonly statistics: Statistics;
  readonly acl: Acl;
  readonly connections: { connect(transport: Transport, isUnixSocket: boolean): SocketHandler };
}

/** An address could not be listened on; the message is for the operator. */
export class ListenError extends Error {
  override name = "ListenError";
}

interface TcpListeners {
  readonly listeners: readonly Listener[];
  /** Words of the `bind` directive. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** A server's listeners. */
export class Listeners {
  readonly #sockets: SocketLayer;
  readonly #host: ListenerHost;
  readonly #fixedPort: number | undefined;
  #tcp: TcpListeners | undefined;
  #unix: Listener | undefined;

  /** `port` replaces the directive; ANY_PORT lets the system choose. */
  constructor(sockets: SocketLayer, host: ListenerHost, port?: number) {
    this.#sockets = sockets;
    this.#host = host;
    this.#fixedPort = port;
  }

  /** Opens every listener of the configuration; ListenError, with none left open, on failure. */
  open(): void {
    try {
      this.#tcp = this.#openTcp(this.#host.config.words("bind"), this.#wantedPort);
      this.#unix = this.#openUnix();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Replaces the TCP listeners by those of the changed configuration; where that fails, goes back
   * to the former ones and throws InvalidValue with `reason`.
   */
  reopen(reason: string): void {
    const former = this.#tcp;
    if (former === undefined) return;
    // The old listeners must go first: the new ones may want their port.
    for (const listener of former.listeners) listener.stop();
    try {
      this.#tcp = this.#openTcp(this.#host.config.words("bind"), this.#wantedPort);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      this.#tcp = this.#openTcp(former.addresses, former.port);
      throw new InvalidValue(reason);
    }
  }

  close(): void {
    for (const listener of this.#tcp?.listeners ?? []) listener.stop();
    this.#unix?.stop();
    this.#tcp = undefined;
    this.#unix = undefined;
  }

  /** The TCP port, 0 without one. */
  get port(): number {
    return this.#tcp?.port ?? 0;
  }

  get infos(): readonly ListenerInfo[] {
    const infos: ListenerInfo[] = [];
    if (this.#tcp) infos.push({ name: "tcp", addresses: this.#tcp.addresses, port: this.port });
    if (this.#unix) {
      infos.push({ name: "unix", addresses: [this.#host.config.text("unixsocket")], port: 0 });
    }
    return infos;
  }

  get #wantedPort(): number {
    return this.#fixedPort ?? this.#host.config.integer("port");
  }

  /** Listens on each address; a port of ANY_PORT becomes the one the system gives the first. */
  #openTcp(words: readonly string[], wantedPort: number): TcpListeners | undefined {
    if (wantedPort === 0) return undefined;
    const config = this.#host.config;
    const keepAliveSeconds = () => config.integer("tcp-keepalive");
    const listeners: Listener[] = [];
    const addresses: string[] = [];
    let port = wantedPort === ANY_PORT ? 0 : wantedPort;
    for (const word of words) {
      const isOptional = word.startsWith("-");
      const address = hostOf(isOptional ? word.slice(1) : word);
      try {
        const listener = this.#sockets.listenTcp(address, port, keepAliveSeconds, this.#accept);
        listeners.push(listener);
        addresses.push(word);
        port = listener.port;
      } catch (error) {
        if (isOptional && isUnavailable(error)) continue;
        for (const listener of listeners) listener.stop();
        throw this.#refusal(address, port, error);
      }
    }
    if (listeners.length === 0) {
      throw new ListenError("Configured to not listen anywhere, exiting.");
    }
    return { listeners, addresses, port };
  }

  #openUnix(): Listener | undefined {
    const config = this.#host.config;
    const path = config.text("unixsocket");
    if (path === "") return undefined;
    const permissions = config.integer("unixsocketperm");
    try {
      return this.#sockets.listenUnix(path, permissions, this.#accept);
    } catch (error) {
      throw new ListenError(`Failed opening Unix socket: bind: ${reasonOf(error)}`);
    }
  }

  #refusal(address: string, port: number, error: unknown): ListenError {
    this.#host.logger.log(
      LOG_WARNING,
      `Warning: Could not create server TCP listening socket ${address}:${port}: ` +
        `bind: ${reasonOf(error)}`,
    );
    return new ListenError(`Failed listening on port ${port} (tcp), aborting.`);
  }

  readonly #accept = (transport: Transport, isUnixSocket: boolean): SocketHandler | undefined => {
    const host = this.#host;
    if (host.clients.count >= host.config.integer("maxclients")) {
      host.statistics.rejectedConnections++;
      transport.write(TOO_MANY_CLIENTS, 0, TOO_MANY_CLIENTS.length);
      transport.close();
      return undefined;
    }
    const isExposed =
      !isUnixSocket &&
      host.config.flag("protected-mode") &&
      host.acl.defaultUser.needsNoPassword &&
      !isLoopback(transport.remoteAddress);
    if (isExposed) {
      host.statistics.rejectedConnections++;
      transport.write(PROTECTED_MODE, 0, PROTECTED_MODE.length);
      transport.close();
      return undefined;
    }
    return host.connections.connect(transport, isUnixSocket);
  };
}

function isUnavailable(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT";
}

/** Any free port. Embedding asks for it, since 0 means no TCP at all, as in Redis. */
export const ANY_PORT = -1;

/** `*` is every IPv4 address, `::*` every IPv6 one. */
function hostOf(word: string): string {
  if (word === "*") return "0.0.0.0";
  return word === "::*" ? "::" : word;
}

function isLoopback(address: string): boolean {
  return (
    address.startsWith("127.") || address.startsWith("[::1]") || address.startsWith("[::ffff:127.")
  );
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code === "EADDRINUSE") return "Address already in use";
  if (code === "EACCES") return "Permission denied";
  if (code === "EADDRNOTAVAIL") return "Cannot assign requested address";
  return messageOf(error);
}
