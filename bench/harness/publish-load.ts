// PUBLISH to many subscribers: a request is a message and its delivery to every one of them.

import { requestText } from "./collection-frames.ts";
import type { LoadTest } from "./load-tests.ts";
import { patchedFrames, sendFrames } from "./pipeline.ts";

const CHANNEL = "bench:channel";
const MESSAGE = "0123456789abcdefghijklmnopqrstuv";
/** What each subscriber receives per message. */
const MESSAGE_BYTES = requestText(["message", CHANNEL, MESSAGE]).length;
/** Clients that a server admits besides the subscribers. */
const SPARE_CLIENTS = 1000;
/** Connections opened at a time. */
const OPENED_AT_ONCE = 200;

/** Connections that subscribed and count what they receive. */
class Subscribers {
  #received = 0;
  #wanted = 0;
  #wake: () => void = () => {};
  readonly #ends: (() => void)[] = [];

  static async open(port: number, count: number): Promise<Subscribers> {
    const all = new Subscribers();
    for (let k = 0; k < count; k += OPENED_AT_ONCE) {
      const size = Math.min(OPENED_AT_ONCE, count - k);
      await Promise.all(Array.from({ length: size }, () => all.#connect(port)));
    }
    return all;
  }

  async #connect(port: number): Promise<void> {
    const subscribed = Promise.withResolvers<void>();
    let isSubscribed = false;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => {
          // The confirmation comes alone: nothing is published before all of them have theirs.
          if (isSubscribed) this.#take(chunk.length);
          isSubscribed = true;
          subscribed.resolve();
        },
        error: (_, error) => subscribed.reject(error),
        close: () => subscribed.reject(new Error("the server closed a subscriber")),
      },
    });
    this.#ends.push(() => socket.end());
    socket.write(requestText(["SUBSCRIBE", CHANNEL]));
    await subscribed.promise;
  }

  #take(bytes: number): void {
    this.#received += bytes;
    if (this.#received >= this.#wanted) this.#wake();
  }

  /** Resolves when so many bytes have come in all. */
  receive(bytes: number): Promise<void> {
    this.#wanted = bytes;
    if (this.#received >= bytes) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  end(): void {
    for (const end of this.#ends) end();
  }
}

/** Publishes to so many subscribers of one channel. */
export function publishTest(subscribers: number, requests: readonly [number, number]): LoadTest {
  let listeners: Subscribers;
  return {
    requests,
    async prepare(port) {
      const text = requestText([
        "CONFIG",
        "SET",
        "maxclients",
        String(subscribers + SPARE_CLIENTS),
      ]);
      await sendFrames(
        port,
        patchedFrames(text, 1, "+OK\r\n".length, () => {}),
      );
      // Their connecting is not part of what is measured.
      listeners = await Subscribers.open(port, subscribers);
    },
    async run({ port, requests: count, depth }) {
      try {
        const text = requestText(["PUBLISH", CHANNEL, MESSAGE]);
        const reply = `:${subscribers}\r\n`;
        const frames = patchedFrames(text, count, reply.length, () => {});
        const started = performance.now();
        await sendFrames(port, frames, { batch: depth });
        await listeners.receive(count * subscribers * MESSAGE_BYTES);
        const seconds = (performance.now() - started) / 1000;
        return { requestsPerSecond: count / seconds, p99Ms: Number.NaN };
      } finally {
        listeners.end();
      }
    },
  };
}
