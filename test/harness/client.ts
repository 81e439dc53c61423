// A client that speaks bytes: it sends what it is told, well-formed or not, and hands out replies
// with the exact bytes received. `run` and `ask` are for tests that look at one command's answer.

import type { Socket } from "bun";
import {
  CLOSED,
  parseReplyText,
  plainValue,
  type Reply,
  ReplyError,
  SILENT,
  type Value,
} from "./reply.ts";

/** A command argument: text is sent as UTF-8, numbers in decimal. */
export type Argument = string | number | bigint | Uint8Array;

/** Where a server listens. */
export type Address = { readonly port: number } | { readonly path: string };

/** How long a reply may take by default before it counts as missing. */
const PATIENCE_MS = 10_000;
/**
 * Who asks a connection that is gone so often waits for what cannot come. Its answers need no
 * event, so that no time limit of a test would ever end such a loop.
 */
const CLOSED_REPLIES_MAX = 10_000;

/** The bytes of a command as an array of bulk strings. */
export function encodeCommand(args: readonly Argument[]): Buffer {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    if (typeof arg === "object") return encodeParts(args);
    const word = String(arg);
    if (!ASCII.test(word)) return encodeParts(args);
    text += `$${word.length}\r\n${word}\r\n`;
  }
  return Buffer.from(text, "latin1");
}

/** What takes one byte in UTF-8. */
const ASCII = /^[\0-\x7f]*$/;

/** The same of arguments whose characters may take more than a byte. */
function encodeParts(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "object" ? Buffer.from(arg) : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** Bytes from a string of one character per byte, for binary arguments and raw frames. */
export function binary(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

export class RawClient implements AsyncDisposable {
  /** Out-of-band pushes (RESP3), in order of arrival. */
  readonly pushes: Reply[] = [];
  /** Everything received, one character per byte; kept once it has been set to a text. */
  transcript: string | undefined;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  isClosed = false;

  #socket!: Socket;
  #received = Buffer.alloc(1 << 16);
  #length = 0;
  #parsed = 0;
  #unsent: Buffer[] = [];
  #replies: Reply[] = [];
  #waiting: ((reply: Reply) => void)[] = [];
  #failure: Error | undefined;
  /** Replies that were asked for since the connection is gone. */
  #closedReplies = 0;
  #markClosed!: () => void;

  readonly #patienceMs: number;

  private constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
  }

  /** Connects; a reply that takes longer than `patienceMs` counts as missing. */
  static async connect(address: Address, patienceMs = PATIENCE_MS): Promise<RawClient> {
    const client = new RawClient(patienceMs);
    const handlers = {
      binaryType: "buffer" as const,
      data: (_: Socket, chunk: Buffer) => client.#take(chunk),
      drain: () => client.#flush(),
      close: () => client.#close(),
      end: () => client.#close(),
      error: () => client.#close(),
    };
    client.#socket =
      "port" in address
        ? await Bun.connect({ hostname: "127.0.0.1", port: address.port, socket: handlers })
        : await Bun.connect({ unix: address.path, socket: handlers });
    return client;
  }

  /** Sends raw bytes as they are; nothing once the connection is gone. */
  send(bytes: Uint8Array | string): void {
    if (this.isClosed) return;
    this.#unsent.push(typeof bytes === "string" ? binary(bytes) : Buffer.from(bytes));
    this.#flush();
  }

  /**
   * The next reply; CLOSED or SILENT where none comes. Throws when the bytes are no RESP, and at
   * last where nothing but CLOSED comes.
   */
  next(): Promise<Reply> {
    if (this.#failure) return Promise.reject(this.#failure);
    const ready = this.#replies.shift();
    if (ready) return Promise.resolve(ready);
    if (this.isClosed) {
      if (++this.#closedReplies <= CLOSED_REPLIES_MAX) return Promise.resolve(CLOSED);
      return Promise.reject(new Error("asked again and again over a connection that is gone"));
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(settle), 1);
        resolve(SILENT);
      }, this.#patienceMs);
      const settle = (reply: Reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
      this.#waiting.push(settle);
    });
  }

  /** Sends one command and returns its reply. */
  ask(...args: Argument[]): Promise<Reply> {
    this.send(encodeCommand(args));
    return this.next();
  }

  /** Sends one command and returns its reply's value; throws ReplyError on an error reply. */
  async run(...args: Argument[]): Promise<Value> {
    const reply = await this.ask(...args);
    if (reply.kind === "closed" || reply.kind === "silent") {
      throw new Error(`no reply to ${args[0]}: ${reply.kind}`);
    }
    const value = plainValue(reply);
    if (value instanceof ReplyError) throw value;
    return value;
  }

  /** Sends all commands at once and returns their replies; after a silence the rest is SILENT. */
  async pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    this.send(Buffer.concat(commands.map(encodeCommand)));
    const replies: Reply[] = [];
    for (let k = 0; k < commands.length; k++) {
      const last = replies.at(-1);
      replies.push(last?.kind === "silent" ? last : await this.next());
    }
    return replies;
  }

  /** Everything received so far that is not part of a whole reply yet, one character per byte. */
  get rest(): string {
    return this.#received.toString("latin1", this.#parsed, this.#length);
  }

  /** Closes the connection at once. */
  close(): void {
    this.#socket.end();
    this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #flush(): void {
    while (this.#unsent.length > 0 && !this.isClosed) {
      const bytes = this.#unsent[0];
      const written = Math.max(0, this.#socket.write(bytes));
      if (written < bytes.length) {
        this.#unsent[0] = bytes.subarray(written);
        return;
      }
      this.#unsent.shift();
    }
  }

  #take(chunk: Buffer): void {
    if (this.transcript !== undefined) this.transcript += chunk.toString("latin1");
    if (this.#length + chunk.length > this.#received.length) {
      const size = Math.max(this.#received.length * 2, this.#length + chunk.length);
      const larger = Buffer.alloc(size);
      this.#received.copy(larger, 0, 0, this.#length);
      this.#received = larger;
    }
    chunk.copy(this.#received, this.#length);
    this.#length += chunk.length;
    try {
      this.#parse();
    } catch (error) {
      this.#failure = error as Error;
      this.close();
    }
  }

  #parse(): void {
    const text = this.rest;
    for (let at = 0; ; ) {
      const reply = parseReplyText(text, at);
      if (reply === undefined) return;
      at += reply.raw.length;
      this.#parsed += reply.raw.length;
      if (this.#parsed === this.#length) this.#parsed = this.#length = 0;
      if (reply.kind === ">") {
        this.pushes.push(reply);
      } else {
        const waiting = this.#waiting.shift();
        if (waiting) waiting(reply);
        else this.#replies.push(reply);
      }
    }
  }

  #close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(CLOSED);
    this.#markClosed();
  }
}
