// Keyspace notifications: tells subscribers of two channels what happened to which key.
//
//   __keyspace@<db>__:<key>    message: the event's name
//   __keyevent@<db>__:<event>  message: the key

import { latin1Bytes } from "../base/text.ts";
import { EVENT_BY_KEY, EVENT_BY_NAME } from "../keyspace/event-classes.ts";
import { ReplyWriter } from "../resp/reply.ts";
import type { PubSub } from "./pubsub.ts";

/** Publishes the events of one server's keys. */
export class KeyspaceNotifier {
  readonly #pubsub: PubSub;
  /** The names of events, which are few, as bytes. */
  readonly #names = new Map<string, Uint8Array>();
  readonly #channel = new ReplyWriter();
  /** Which classes are told, and in which ways. */
  classes = 0;

  constructor(pubsub: PubSub) {
    this.#pubsub = pubsub;
  }

  /** Tells that something happened to the key bytes[start, end). */
  notify(dbIndex: number, name: string, bytes: Uint8Array, start: number, end: number): void {
    const event = this.#nameBytes(name);
    const channel = this.#channel;
    if ((this.classes & EVENT_BY_KEY) !== 0) {
      channel.raw(latin1Bytes(`__keyspace@${dbIndex}__:`));
      channel.rawRange(bytes, start, end);
      this.#pubsub.publish(channel.buffer, 0, channel.length, event, 0, event.length);
      channel.clear();
    }
    if ((this.classes & EVENT_BY_NAME) !== 0) {
      channel.raw(latin1Bytes(`__keyevent@${dbIndex}__:`));
      channel.raw(event);
      this.#pubsub.publish(channel.buffer, 0, channel.length, bytes, start, end);
      channel.clear();
    }
  }

  #nameBytes(name: string): Uint8Array {
    let bytes = this.#names.get(name);
    if (bytes === undefined) {
      bytes = latin1Bytes(name);
      this.#names.set(name, bytes);
    }
    return bytes;
  }
}
