// Bulk requests through a raw socket: frames of one fixed length, written in batches with a bounded
// number under way, and replies of one fixed length that are counted by their bytes.

import type { Socket } from "bun";

/** Requests that differ only in their numbers. */
export interface Frames {
  readonly count: number;
  readonly frameBytes: number;
  /** Length of every reply. */
  readonly replyBytes: number;
  /** Writes request k. */
  write(target: Buffer, offset: number, k: number): void;
}

const LINE_FEED = 10;
const MINUS = 45;
const ZERO = 48;
const KEY_DIGITS = 12;
const EXPIRY_DIGITS = 13;

/** Writes a number with leading zeros so that it ends at `end`. */
export function writeDigits(target: Buffer, end: number, digits: number, value: number): void {
  let rest = value;
  for (let at = end - 1; at >= end - digits; at--) {
    const quotient = Math.floor(rest / 10);
    target[at] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
}

/** Requests of one text, in which `patch` writes what differs in request k. */
export function patchedFrames(
  text: string,
  count: number,
  replyBytes: number,
  patch: (target: Buffer, offset: number, k: number) => void,
): Frames {
  const template = Buffer.from(text, "latin1");
  return {
    count,
    frameBytes: template.length,
    replyBytes,
    write(target, offset, k) {
      template.copy(target, offset);
      patch(target, offset, k);
    },
  };
}

const KEY = "$16\r\nkey:000000000000\r\n";

/** The value that every loaded key gets. */
export const LOADED_VALUE = "0123456789abcdefghijklmnopqrstuv";

/** SETs of 16-byte keys to 32-byte values; `indexOf(k)` is the number in key k. */
export function setFrames(count: number, indexOf: (k: number) => number): Frames {
  const head = `*3\r\n$3\r\nSET\r\n${KEY}`;
  const value = `$${LOADED_VALUE.length}\r\n${LOADED_VALUE}\r\n`;
  const keyEnd = head.length - 2;
  return patchedFrames(head + value, count, "+OK\r\n".length, (target, offset, k) => {
    writeDigits(target, offset + keyEnd, KEY_DIGITS, indexOf(k));
  });
}

/** As `setFrames`, each with an expiry, Unix time in milliseconds. */
export function expiringSetFrames(count: number, expiryOf: (k: number) => number): Frames {
  const head = `*5\r\n$3\r\nSET\r\n${KEY}`;
  const value = `$${LOADED_VALUE.length}\r\n${LOADED_VALUE}\r\n`;
  const text = `${head}${value}$4\r\nPXAT\r\n$13\r\n${"0".repeat(EXPIRY_DIGITS)}\r\n`;
  const keyEnd = head.length - 2;
  return patchedFrames(text, count, "+OK\r\n".length, (target, offset, k) => {
    writeDigits(target, offset + keyEnd, KEY_DIGITS, k);
    writeDigits(target, offset + text.length - 2, EXPIRY_DIGITS, expiryOf(k));
  });
}

/** DELs of keys that exist. */
export function deleteFrames(count: number, indexOf: (k: number) => number): Frames {
  const text = `*2\r\n$3\r\nDEL\r\n${KEY}`;
  return patchedFrames(text, count, ":1\r\n".length, (target, offset, k) => {
    writeDigits(target, offset + text.length - 2, KEY_DIGITS, indexOf(k));
  });
}

/** One connection that sends frames. */
class Pipeline {
  #socket!: Socket;
  #received = 0;
  #lastByte = LINE_FEED;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  static async connect(port: number): Promise<Pipeline> {
    const pipeline = new Pipeline();
    pipeline.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        binaryType: "buffer",
        data: (_, chunk) => pipeline.#take(chunk),
        drain: () => pipeline.#wake(),
        close: () => pipeline.#fail("the server closed the connection"),
        error: (_, error) => pipeline.#fail(error.message),
      },
    });
    return pipeline;
  }

  get received(): number {
    return this.#received;
  }

  /** Resolves when the kernel has taken everything. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const taken = this.#socket.write(bytes, at, bytes.length - at);
      if (taken < 0) this.#fail("the connection is closed");
      at += Math.max(0, taken);
      if (at < bytes.length) await this.#change();
    }
  }

  /** Resolves when so many reply bytes have come in all. */
  async receive(total: number): Promise<void> {
    while (this.#received < total) await this.#change();
  }

  fail(reason: string): void {
    this.#fail(reason);
  }

  end(): void {
    this.#socket.end();
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#holdsError(chunk)) this.#fail(`error reply: ${chunk.toString("latin1", 0, 200)}`);
    this.#lastByte = chunk[chunk.length - 1];
    this.#wake();
  }

  /** Whether a line of the chunk starts with a minus; IDs of streams have one inside. */
  #holdsError(chunk: Buffer): boolean {
    for (let at = chunk.indexOf(MINUS); at >= 0; at = chunk.indexOf(MINUS, at + 1)) {
      if ((at === 0 ? this.#lastByte : chunk[at - 1]) === LINE_FEED) return true;
    }
    return false;
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#wake();
  }

  async #change(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/**
 * Sends all frames with at most two batches under way, and waits for all replies. Throws for an
 * error reply, a reply of another length, and when it takes longer than `deadlineMs`.
 */
export async function sendFrames(
  port: number,
  frames: Frames,
  { batch = 500, deadlineMs = 300_000 } = {},
): Promise<void> {
  const pipeline = await Pipeline.connect(port);
  const timer = setTimeout(() => pipeline.fail("the load took too long"), deadlineMs);
  try {
    const buffer = Buffer.alloc(batch * frames.frameBytes);
    for (let sent = 0; sent < frames.count; ) {
      const size = Math.min(batch, frames.count - sent);
      for (let k = 0; k < size; k++) frames.write(buffer, k * frames.frameBytes, sent + k);
      await pipeline.write(buffer.subarray(0, size * frames.frameBytes));
      await pipeline.receive((sent - batch) * frames.replyBytes);
      sent += size;
    }
    await pipeline.receive(frames.count * frames.replyBytes);
    if (pipeline.received !== frames.count * frames.replyBytes) {
      throw new Error(`${pipeline.received} reply bytes for ${frames.count} requests`);
    }
  } finally {
    clearTimeout(timer);
    pipeline.end();
  }
}
