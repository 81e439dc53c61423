// An exchange with another server that everything waits for, as Redis waits in MIGRATE. The loop of
// this thread stands still, so a thread of its own talks to the network: it is started for the one
// exchange, and gone after it. Its program is the text of a function here, so that it is found
// wherever this file is, inside a compiled program too; the function therefore refers to nothing
// outside itself.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { TIMER_MS_MAX } from "../base/clock.ts";
import type { ExchangeResult } from "../base/network.ts";

/** What the thread is asked to do. */
interface Exchange {
  readonly host: string;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly lineCount: number;
  readonly timeoutMs: number;
  /** [0] becomes 1 once the result has been posted to `answers`; [1] counts what goes forward. */
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly answers: MessagePort;
}

/** Places in an exchange's state. */
const DONE = 0;
const PROGRESS = 1;

/** How long the thread may take to start and to notice that its time is over. */
const GRACE_MS = 5000;

/** Implements `Network.exchangeTcp`. */
export function exchangeWaiting(
  host: string,
  port: number,
  bytes: Uint8Array,
  lineCount: number,
  wantedTimeoutMs: number,
): ExchangeResult {
  const timeoutMs = Math.min(wantedTimeoutMs, TIMER_MS_MAX);
  const state = new Int32Array(new SharedArrayBuffer(8));
  const channel = new MessageChannel();
  const program = URL.createObjectURL(new Blob([`(${talk.toString()})()`]));
  const worker = new Worker(program);
  const exchange: Exchange = {
    ...{ host, port, bytes, lineCount, timeoutMs, state },
    answers: channel.port2,
  };
  worker.postMessage(exchange, [channel.port2]);
  awaitAnswer(state, timeoutMs + GRACE_MS);
  const answer = receiveMessageOnPort(channel.port1) as { message: ExchangeResult } | undefined;
  worker.terminate();
  channel.port1.close();
  URL.revokeObjectURL(program);
  return answer?.message ?? { lines: [], failure: "connecting", isTimeout: true };
}

/** Waits until there is an answer, or there has been no progress for so long. */
function awaitAnswer(state: Int32Array<SharedArrayBuffer>, patienceMs: number): void {
  let progress = -1;
  while (Atomics.wait(state, DONE, 0, patienceMs) === "timed-out") {
    const now = Atomics.load(state, PROGRESS);
    if (now === progress) return;
    progress = now;
  }
}

/** What a thread finds in its own global scope. */
declare const self: { onmessage: (message: MessageEvent<Exchange>) => void };

/** The thread's program. */
function talk(): void {
  self.onmessage = ({ data }: MessageEvent<Exchange>) => {
    const { host, port, bytes, lineCount, timeoutMs, state, answers } = data;
    const lines: string[] = [];
    let phase: "connecting" | "writing" | "reading" = "connecting";
    let rest = "";
    let sent = 0;
    let timer: Timer | undefined;
    let hasEnded = false;
    const end = (failure: ExchangeResult["failure"], isTimeout: boolean) => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(timer);
      answers.postMessage({ lines, failure, isTimeout });
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
    };
    const progress = () => {
      Atomics.add(state, 1, 1);
      clearTimeout(timer);
      timer = setTimeout(() => end(phase, true), timeoutMs);
    };
    const write = (socket: { write(bytes: Uint8Array, start: number, length: number): number }) => {
      progress();
      while (sent < bytes.length) {
        const offered = Math.min(bytes.length - sent, 65536);
        const taken = socket.write(bytes, sent, offered);
        if (taken < 0) return end(phase, false);
        sent += taken;
        if (taken < offered) return;
      }
      phase = "reading";
      if (lines.length >= lineCount) end("", false);
    };
    const read = (chunk: Uint8Array) => {
      progress();
      rest += Buffer.from(chunk).toString("latin1");
      while (lines.length < lineCount) {
        const at = rest.indexOf("\n");
        if (at < 0) break;
        lines.push(rest.slice(0, at).replace(/\r$/, ""));
        rest = rest.slice(at + 1);
      }
      if (phase === "reading" && lines.length >= lineCount) end("", false);
    };
    const refused = ({ code }: { code?: string }) => {
      // Redis notices only when it writes that nobody has accepted its connection.
      end(code === "ECONNREFUSED" ? "writing" : "connecting", false);
    };
    progress();
    if (host === "" || port < 0) return end("connecting", false);
    Bun.connect({
      hostname: host,
      port,
      socket: {
        open: (socket) => {
          phase = "writing";
          write(socket);
        },
        data: (_socket, chunk) => read(chunk),
        drain: (socket) => {
          if (phase === "writing") write(socket);
        },
        close: () => end(phase, false),
        error: () => end(phase, false),
        connectError: () => {},
      },
    }).catch(refused);
  };
}
