// One MIGRATE on its way: it connects, sends, reads what the target answers, and ends once. It is
// given up when nothing has gone forward for the timeout. A connection that breaks before a key was
// answered for is replaced once: a kept one may have been closed by the target meanwhile.

import { TIMER_MS_MAX } from "../base/clock.ts";
import type { ClosedReason, Network, OutgoingHandler } from "../base/network.ts";
import { latin1Text } from "../base/text.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { RestoreRequests, type TransferRequest } from "./restore-requests.ts";
import { TargetReplies, type TransferOutcome } from "./target-replies.ts";
import { type TargetConnection, type Targets, UNKNOWN_DB } from "./targets.ts";

/** Keys are serialised in portions of about this size. */
const PORTION_BYTES = 1 << 16;
/** After so much the event loop is let live on. */
const SLICE_BYTES = 1 << 20;
/** A line longer than this is cut in two, as by Redis. */
const LINE_BYTES_MAX = 1023;

const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** What transfers need of the server. */
export interface TransferHost {
  readonly network: Network;
  readonly keyspace: Keyspace;
  /** Runs what belongs to one event; false where memory ran out in it. */
  inEvent(action: () => void): boolean;
}

/** A transfer in progress. */
export class Transfer implements OutgoingHandler {
  readonly #host: TransferHost;
  readonly #targets: Targets;
  readonly #request: TransferRequest;
  readonly #onEnd: (outcome: TransferOutcome) => void;
  #connection: TargetConnection | undefined;
  #requests!: RestoreRequests;
  #replies!: TargetReplies;
  #phase: "connecting" | "writing" | "reading" = "connecting";
  /** How much of what the requests' writer holds has been sent. */
  #sentBytes = 0;
  /** A reply's line that has arrived in part. */
  #line = "";
  #mayRetry = true;
  #timer: Timer | undefined;

  constructor(
    host: TransferHost,
    targets: Targets,
    request: TransferRequest,
    onEnd: (outcome: TransferOutcome) => void,
  ) {
    this.#host = host;
    this.#targets = targets;
    this.#request = request;
    this.#onEnd = onEnd;
  }

  start(): void {
    const { host, port, timeoutMs, targetDb } = this.#request;
    this.#timer = setTimeout(() => this.#timedOut(), Math.min(timeoutMs, TIMER_MS_MAX));
    this.#phase = "connecting";
    this.#sentBytes = 0;
    this.#line = "";
    const connection = this.#targets.take(host, port, this);
    this.#connection = connection;
    const selects = connection.selectedDb !== targetDb;
    this.#requests = new RestoreRequests(this.#host.keyspace, this.#request);
    this.#requests.writeGreeting(selects);
    this.#replies = new TargetReplies(this.#request, selects);
    if (connection.isConnected) setImmediate(() => this.#inEvent(() => this.#begin(connection)));
  }

  /** Forgets it: the server ends. */
  cancel(): void {
    this.#release(false);
  }

  connected(): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#inEvent(() => this.#begin(connection));
  }

  receive(chunk: Uint8Array): void {
    this.#inEvent(() => this.#read(latin1Text(chunk, 0, chunk.length)));
  }

  drained(): void {
    if (this.#phase === "writing") this.#inEvent(() => this.#write());
  }

  closed(reason: ClosedReason): void {
    // Redis notices only when it writes that nobody has accepted its connection.
    if (reason === "refused") this.#phase = "writing";
    this.#inEvent(() => this.#fail(false));
  }

  #timedOut(): void {
    this.#inEvent(() => this.#fail(true));
  }

  #inEvent(action: () => void): void {
    if (this.#host.inEvent(action)) return;
    this.#host.inEvent(() =>
      this.#end({ taken: this.#replies.taken, error: OUT_OF_MEMORY }, false),
    );
  }

  #begin(connection: TargetConnection): void {
    // It may have been lost or given up since.
    if (this.#connection !== connection) return;
    this.#phase = "writing";
    // With the greeting.
    this.#requests.writeKeys(PORTION_BYTES);
    this.#write();
  }

  /** Sends as much as the socket takes, one slice at most. */
  #write(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { writer } = this.#requests;
    this.#timer?.refresh();
    for (let slice = 0; slice < SLICE_BYTES; ) {
      if (this.#sentBytes === writer.length) {
        writer.clear();
        this.#sentBytes = 0;
        this.#requests.writeKeys(PORTION_BYTES);
        if (writer.length === 0) return this.#awaitReplies();
      }
      const offered = writer.length - this.#sentBytes;
      const count = connection.socket.write(writer.buffer, this.#sentBytes, offered);
      if (count < 0) return this.#fail(false);
      this.#sentBytes += count;
      slice += count;
      if (count < offered) return;
    }
    setImmediate(() => this.drained());
  }

  #awaitReplies(): void {
    this.#phase = "reading";
    this.#endIfComplete();
  }

  #read(text: string): void {
    if (this.#connection === undefined) return;
    this.#timer?.refresh();
    let rest = this.#line + text;
    for (;;) {
      const end = rest.indexOf("\n");
      if (end < 0 && rest.length < LINE_BYTES_MAX) break;
      if (end === 0) return this.#fail(false);
      const isCut = end < 0 || end > LINE_BYTES_MAX;
      const line = rest.slice(0, isCut ? LINE_BYTES_MAX : end);
      rest = rest.slice(isCut ? LINE_BYTES_MAX : end + 1);
      if (!this.#replies.add(line.replace(/\r$/, ""), this.#requests.sent)) {
        return this.#fail(false);
      }
      if (this.#phase === "reading" && this.#replies.isComplete(this.#requests.sent.length)) break;
    }
    this.#line = rest;
    this.#endIfComplete();
  }

  #endIfComplete(): void {
    if (this.#phase !== "reading") return;
    const { sent } = this.#requests;
    if (!this.#replies.isComplete(sent.length)) return;
    const isFine = this.#replies.error === "";
    this.#connection!.selectedDb = isFine ? this.#request.targetDb : UNKNOWN_DB;
    this.#end(this.#replies.outcome(""), true);
  }

  #fail(isTimeout: boolean): void {
    if (this.#connection === undefined) return;
    const isEarly = this.#phase !== "connecting" && !this.#replies.hasBegun;
    if (!isTimeout && isEarly && this.#mayRetry) {
      this.#mayRetry = false;
      this.#targets.discardIdle(this.#connection.name);
      this.#release(false);
      return this.start();
    }
    this.#end(this.#replies.outcome(this.#phase), false);
  }

  #end(outcome: TransferOutcome, keepsConnection: boolean): void {
    if (this.#connection === undefined) return;
    this.#release(keepsConnection);
    this.#onEnd(outcome);
  }

  #release(keepsConnection: boolean): void {
    clearTimeout(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    if (keepsConnection) this.#targets.giveBack(connection, this.#host.keyspace.nowMs);
    else this.#targets.discard(connection);
  }
}

/** Moves keys while everything else waits: the same, over a connection of its own. */
export function moveNow(host: TransferHost, request: TransferRequest): TransferOutcome {
  const selects = request.targetDb !== UNKNOWN_DB;
  for (let mayRetry = true; ; mayRetry = false) {
    const requests = new RestoreRequests(host.keyspace, request);
    requests.writeGreeting(selects);
    requests.writeKeys(Number.POSITIVE_INFINITY);
    const replies = new TargetReplies(request, selects);
    const { failure, isTimeout, lines } = host.network.exchangeTcp(
      request.host,
      request.port,
      requests.writer.detach(),
      replies.linesFor(requests.sent.length),
      request.timeoutMs,
    );
    for (const line of lines) replies.add(line, requests.sent);
    const isEarly = failure !== "" && failure !== "connecting" && !replies.hasBegun;
    if (!isEarly || isTimeout || !mayRetry) return replies.outcome(failure);
  }
}
