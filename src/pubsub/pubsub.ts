// hot path: no allocation per command
//
// Who listens to what, and the delivery of messages. A message is encoded once for each protocol:
// what RESP2 and RESP3 clients get differs in its first byte only ("*" or ">").
//
//   *3 $7 message  $<n> <channel> $<n> <message>
//   *4 $8 pmessage $<n> <pattern> $<n> <channel> $<n> <message>
//
// Connections keep ranges of one array until their sockets have taken them; see
// `shared-messages.ts`.
//
// Invariants: a channel without subscribers is forgotten; a client that left is forgotten too,
// though not before the message being delivered has reached everybody else.

import { globMatches } from "../base/glob.ts";
import type { KeyHasher } from "../base/key-hash.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import { ReplyWriter } from "../resp/reply.ts";
import { NameTable } from "../structures/name-table.ts";
import { Channel, type Subscription } from "./channel.ts";
import { SharedMessages } from "./shared-messages.ts";

const MESSAGE = latin1Bytes(">3\r\n$7\r\nmessage\r\n");
const PATTERN_MESSAGE = latin1Bytes(">4\r\n$8\r\npmessage\r\n");
const SHARD_MESSAGE = latin1Bytes(">3\r\n$8\r\nsmessage\r\n");
const RESP2_FIRST = 42;
const RESP3_FIRST = 62;

/** The names of one kind, by name and in the order in which they appeared. */
class ChannelSet {
  readonly table: NameTable<Channel>;
  readonly all = new Set<Channel>();

  constructor(hasher: KeyHasher) {
    this.table = new NameTable(hasher);
  }

  find(bytes: Uint8Array, start: number, end: number): Channel | undefined {
    return this.table.find(bytes, start, end);
  }

  /** Cold: finds or makes the channel named bytes[start, end). */
  intern(bytes: Uint8Array, start: number, end: number): Channel {
    const known = this.table.find(bytes, start, end);
    if (known !== undefined) return known;
    const channel = new Channel(bytes.slice(start, end), this.table.hash(bytes, start, end));
    this.table.add(channel);
    this.all.add(channel);
    return channel;
  }

  remove(channel: Channel): void {
    this.table.remove(channel);
    this.all.delete(channel);
  }
}

export const CHANNELS = 0;
export const PATTERNS = 1;
export const SHARD_CHANNELS = 2;
export type SubscriptionKind = typeof CHANNELS | typeof PATTERNS | typeof SHARD_CHANNELS;

/** What a subscription to a channel of one's own takes beside the name's bytes: as measured. */
const SUBSCRIPTION_BYTES = 400;

type ClientSubscriptions = readonly [
  Map<Channel, Subscription>,
  Map<Channel, Subscription>,
  Map<Channel, Subscription>,
];

/** Pub/Sub of one server. */
export class PubSub {
  readonly #sets: readonly [ChannelSet, ChannelSet, ChannelSet];
  readonly #byClient = new Map<Client, ClientSubscriptions>();
  readonly #message = new ReplyWriter();
  /** The message as it is handed out, once a subscriber with that protocol has come. */
  readonly #resp2 = new SharedMessages(RESP2_FIRST);
  readonly #resp3 = new SharedMessages(RESP3_FIRST);
  #isDelivering = false;
  /** Clients that left while a message was being delivered. */
  readonly #left: Client[] = [];

  constructor(hasher: KeyHasher) {
    this.#sets = [new ChannelSet(hasher), new ChannelSet(hasher), new ChannelSet(hasher)];
    this.#message.protocol = 3;
  }

  /** How many names of a kind have subscribers. */
  count(kind: SubscriptionKind): number {
    return this.#sets[kind].all.size;
  }

  /** Every name of a kind that has subscribers. */
  channels(kind: SubscriptionKind): Iterable<Channel> {
    return this.#sets[kind].all;
  }

  /** The names of a kind that a client subscribed to. Cold. */
  namesOf(client: Client, kind: SubscriptionKind): Uint8Array[] {
    const own = this.#byClient.get(client)?.[kind].keys() ?? [];
    return Array.from(own, (channel) => channel.name);
  }

  /** How many clients subscribed to the name bytes[start, end). */
  subscriberCount(kind: SubscriptionKind, bytes: Uint8Array, start: number, end: number): number {
    return this.#sets[kind].find(bytes, start, end)?.subscriptions.length ?? 0;
  }

  /** Subscribes a client, unless it is already. Cold. */
  subscribe(
    client: Client,
    kind: SubscriptionKind,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    let own = this.#byClient.get(client);
    if (own === undefined) {
      own = [new Map(), new Map(), new Map()];
      this.#byClient.set(client, own);
    }
    const channel = this.#sets[kind].intern(bytes, start, end);
    if (own[kind].has(channel)) return;
    own[kind].set(channel, channel.add(client));
    client.listenedBytes += SUBSCRIPTION_BYTES + channel.name.length;
    count(client, own);
  }

  /** Ends a subscription, if there is one. Cold. */
  unsubscribe(
    client: Client,
    kind: SubscriptionKind,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const own = this.#byClient.get(client);
    const channel = this.#sets[kind].find(bytes, start, end);
    if (own === undefined || channel === undefined) return;
    const subscription = own[kind].get(channel);
    if (subscription === undefined) return;
    own[kind].delete(channel);
    this.#drop(kind, subscription);
    this.#finish(client, own);
  }

  /**
   * Ends a client's subscriptions of a kind; `tell` hears of each one once it is gone, with the
   * client's counts up to date. Cold.
   */
  unsubscribeAll(client: Client, kind: SubscriptionKind, tell: (name: Uint8Array) => void): void {
    const own = this.#byClient.get(client);
    if (own === undefined) return;
    for (const subscription of own[kind].values()) {
      own[kind].delete(subscription.channel);
      this.#drop(kind, subscription);
      count(client, own);
      tell(subscription.channel.name);
    }
    this.#finish(client, own);
  }

  /** Ends all that a client subscribed to, and tells it nothing. Cold. */
  forget(client: Client): void {
    if (!client.isSubscribed) return;
    if (this.#isDelivering) {
      this.#left.push(client);
      return;
    }
    for (const kind of [CHANNELS, PATTERNS, SHARD_CHANNELS] as const) {
      this.unsubscribeAll(client, kind, () => {});
    }
  }

  #drop(kind: SubscriptionKind, subscription: Subscription): void {
    const { channel, client } = subscription;
    client.listenedBytes -= SUBSCRIPTION_BYTES + channel.name.length;
    channel.remove(subscription);
    if (channel.subscriptions.length === 0) this.#sets[kind].remove(channel);
  }

  #finish(client: Client, own: ClientSubscriptions): void {
    count(client, own);
    if (!client.isSubscribed) this.#byClient.delete(client);
  }

  /**
   * Sends the message to everyone who subscribed to the channel bytes[start, end) or to a pattern
   * that it matches. Returns how many times it was sent.
   */
  publish(
    bytes: Uint8Array,
    start: number,
    end: number,
    message: Uint8Array,
    messageStart: number,
    messageEnd: number,
  ): number {
    if (this.#byClient.size === 0) return 0;
    const writer = this.#message;
    let receivers = 0;
    const channel = this.#sets[CHANNELS].find(bytes, start, end);
    this.#isDelivering = true;
    if (channel !== undefined) {
      writer.raw(MESSAGE);
      writer.bulk(bytes, start, end);
      writer.bulk(message, messageStart, messageEnd);
      receivers = this.#deliver(channel);
    }
    const patterns = this.#sets[PATTERNS].all;
    if (patterns.size > 0) {
      // alloc: one iterator for all the patterns
      for (const pattern of patterns) {
        const name = pattern.name;
        if (!globMatches(name, 0, name.length, bytes, start, end)) continue;
        writer.raw(PATTERN_MESSAGE);
        writer.bulkBytes(name);
        writer.bulk(bytes, start, end);
        writer.bulk(message, messageStart, messageEnd);
        receivers += this.#deliver(pattern);
      }
    }
    this.#isDelivering = false;
    if (this.#left.length > 0) this.#forgetLeft();
    return receivers;
  }

  /** Sends the message to everyone who subscribed to a shard channel; returns how many. */
  publishShard(
    bytes: Uint8Array,
    start: number,
    end: number,
    message: Uint8Array,
    messageStart: number,
    messageEnd: number,
  ): number {
    const channel = this.#sets[SHARD_CHANNELS].find(bytes, start, end);
    if (channel === undefined) return 0;
    const writer = this.#message;
    this.#isDelivering = true;
    writer.raw(SHARD_MESSAGE);
    writer.bulk(bytes, start, end);
    writer.bulk(message, messageStart, messageEnd);
    const receivers = this.#deliver(channel);
    this.#isDelivering = false;
    if (this.#left.length > 0) this.#forgetLeft();
    return receivers;
  }

  /** Hands what was encoded to a channel's subscribers, and forgets it. */
  #deliver(channel: Channel): number {
    const { subscriptions } = channel;
    const receivers = subscriptions.length;
    for (let k = 0; k < receivers; k++) {
      const { client } = subscriptions[k];
      const shared = client.protocol === 3 ? this.#resp3 : this.#resp2;
      if (shared.start < 0) shared.add(this.#message);
      client.channel.pushShared(shared.array, shared.start, shared.end);
    }
    this.#resp2.start = -1;
    this.#resp3.start = -1;
    this.#message.clear();
    return receivers;
  }

  /** Cold: forgets the clients that were cut off by the message they could not take. */
  #forgetLeft(): void {
    for (const client of this.#left.splice(0)) this.forget(client);
  }
}

/** Brings the counts on the client up to date. */
function count(client: Client, own: ClientSubscriptions): void {
  client.channelCount = own[CHANNELS].size;
  client.patternCount = own[PATTERNS].size;
  client.shardChannelCount = own[SHARD_CHANNELS].size;
}
