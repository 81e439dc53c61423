// Runs the commands of an append-only file that is being loaded, as a client of its own that nobody
// hears. What is an error there is a sign of damage or of another server's ways: it is logged, and
// with `propagation-error-behavior panic` the log is refused.
//
// A slow script of the log is suspended like those of clients, so that others are told that the
// server is loading; the next command waits for its end.

import { CR, MINUS } from "../base/ascii.ts";
import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { latin1Text } from "../base/text.ts";
import { Client, SILENT_CHANNEL } from "../command/client.ts";
import type { AofLoader, AofProgress } from "../persistence/aof-load.ts";
import { aofFiles } from "../persistence/on-demand.ts";
import type { Server } from "./server.ts";

/** How often a long load says how far it is. */
const PROGRESS_MS = 1000;

/** One load of a log. */
export class LogReplay {
  readonly #server: Server;
  /** Whose commands they are. */
  readonly client: Client;
  /** Goes on behind a script that was slow. */
  #goOn: () => void = () => {};
  /** Why the log is refused, or "". */
  #refusal = "";
  #reportedMs: number;
  readonly #onError = () => this.#noteError();

  constructor(server: Server) {
    this.#server = server;
    this.#reportedMs = server.persistence.loadingStartMs;
    const channel = {
      ...SILENT_CHANNEL,
      deliver: (bytes: Uint8Array, start: number) => this.#delivered(bytes, start),
      resume: () => this.#goOn(),
    };
    this.client = new Client(0, channel, this.#reportedMs, false);
    this.client.authenticated = true;
    this.client.denyBlocking = true;
  }

  /** Runs all of a log that was scanned. Rejects with an AofError. */
  async run(loader: AofLoader): Promise<void> {
    this.#server.persistence.loadingTotalBytes = loader.bytes;
    await loader.apply(
      (bytes, starts, ends, count) => this.#execute(bytes, starts, ends, count),
      (progress) => this.#report(progress),
    );
  }

  /** False where there is no such command; a promise where its end is still to come. */
  #execute(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    count: number,
  ): boolean | Promise<void> {
    const { dispatcher } = this.#server;
    if (!dispatcher.replay(this.client, bytes, starts, ends, count, this.#onError)) return false;
    if (this.client.blocked) return this.#scriptEnds();
    if (this.#refusal !== "") this.#refuse();
    return true;
  }

  async #scriptEnds(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    if (this.#refusal !== "") this.#refuse();
  }

  #refuse(): never {
    throw new (aofFiles().AofError)(this.#refusal);
  }

  /** The reply of a script that was slow. */
  #delivered(bytes: Uint8Array, start: number): void {
    if (bytes[start] === MINUS) this.#note(bytes, start);
  }

  /** The running command has replied with an error. */
  #noteError(): void {
    const { reply } = this.#server;
    this.#note(reply.buffer, reply.errorStart);
  }

  #note(bytes: Uint8Array, start: number): void {
    const { config, dispatcher, logger, statistics } = this.#server;
    const error = latin1Text(bytes, start, bytes.indexOf(CR, start));
    const command = dispatcher.runningName;
    statistics.unexpectedErrorReplies++;
    logger.log(
      LOG_WARNING,
      "== CRITICAL == This server is sending an error to its AOF-loading-client: " +
        `'${error}' after processing the command '${command}'`,
    );
    if (config.text("propagation-error-behavior") !== "panic") return;
    this.#refusal =
      "This server panicked sending an error to its AOF-loading-client after processing the " +
      `command '${command}'`;
  }

  #report({ bytes, totalBytes }: AofProgress): void {
    const { clock, logger, persistence } = this.#server;
    persistence.loadingLoadedBytes = bytes;
    const nowMs = clock.wallMs();
    if (nowMs < this.#reportedMs + PROGRESS_MS) return;
    this.#reportedMs = nowMs;
    const percent = Math.floor((bytes * 100) / Math.max(1, totalBytes));
    logger.log(LOG_NOTICE, `Loading the AOF: ${percent}%`);
  }
}
