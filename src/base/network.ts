// Connections that the server opens itself, to other servers. The socket layer implements it; parts
// that talk to other servers are given it, and tests one of their own.

/** The near end of an outgoing connection. */
export interface OutgoingSocket {
  /** Bytes taken, which may be fewer than offered; negative when the peer is gone. */
  write(bytes: Uint8Array, start: number, length: number): number;
  /** Closes it, also before it is connected. Its handler is told nothing any more. */
  close(): void;
}

/** Why there is no connection (any more): nobody listened, no such host, or it has ended. */
export type ClosedReason = "refused" | "unknown-host" | "ended";

/** Receives what happens on an outgoing connection, never during `connectTcp` itself. */
export interface OutgoingHandler {
  connected(): void;
  receive(chunk: Uint8Array): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The peer is gone, or could not be reached. */
  closed(reason: ClosedReason): void;
}

/** What came of an exchange that everything else waited for. */
export interface ExchangeResult {
  /** Lines of the reply, without their ends, one character per byte. */
  readonly lines: readonly string[];
  /** What was being done when it failed, or "". */
  readonly failure: "" | "connecting" | "writing" | "reading";
  readonly isTimeout: boolean;
}

/** Opens connections. */
export interface Network {
  connectTcp(host: string, port: number, handler: OutgoingHandler): OutgoingSocket;
  /**
   * Sends bytes over a connection of its own and returns once so many lines have come back, or
   * nothing has for `timeoutMs`. The event loop stands still meanwhile.
   */
  exchangeTcp(
    host: string,
    port: number,
    bytes: Uint8Array,
    lineCount: number,
    timeoutMs: number,
  ): ExchangeResult;
}
