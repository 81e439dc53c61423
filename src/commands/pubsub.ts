// Pub/Sub: subscribing, and publishing. PUBSUB and its subcommands are in pubsub-inspection.ts.
//
// SUBSCRIBE and its like have no reply but pushes, one per name: they are sent even to a client
// that turned its replies off.

import {
  defineFamily,
  FAST,
  keyAt,
  keyRange,
  LOADING,
  MAY_REPLICATE,
  NOSCRIPT,
  NOT_KEY,
  PUBSUB,
  STALE,
} from "../command/spec.ts";
import { CHANNELS, PATTERNS, SHARD_CHANNELS, type SubscriptionKind } from "../pubsub/pubsub.ts";
import type { Context, Features } from "./features.ts";

const SUBSCRIPTION_FLAGS = PUBSUB | NOSCRIPT | LOADING | STALE;
const PUBLISHING_FLAGS = PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE;

const CHANNELS_LISTED = { index: 1, isList: true, arePatterns: false };
const PATTERNS_LISTED = { index: 1, isList: true, arePatterns: true };
const ONE_CHANNEL = { index: 1, isList: false, arePatterns: false };

export const pubsubCommands = defineFamily<Features>("pubsub", [
  {
    name: "PSUBSCRIBE",
    arity: -2,
    flags: SUBSCRIPTION_FLAGS,
    since: "2.0.0",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    summary: "Asks for the messages of all channels whose names match patterns.",
    channels: PATTERNS_LISTED,
    args: [{ name: "pattern", type: "pattern", multiple: true }],
    pushes: true,
    run: psubscribeCommand,
  },
  {
    name: "PUBLISH",
    arity: 3,
    flags: PUBLISHING_FLAGS,
    since: "2.0.0",
    complexity:
      "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the " +
      "total number of subscribed patterns (by any client).",
    summary: "Sends a message to everyone who listens to a channel.",
    channels: ONE_CHANNEL,
    args: [
      { name: "channel", type: "string" },
      { name: "message", type: "string" },
    ],
    run: publishCommand,
  },
  {
    name: "PUNSUBSCRIBE",
    arity: -1,
    flags: SUBSCRIPTION_FLAGS,
    since: "2.0.0",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    summary: "Gives up some or all of the patterns asked for.",
    args: [{ name: "pattern", type: "pattern", optional: true, multiple: true }],
    pushes: true,
    run: punsubscribeCommand,
  },
  {
    name: "SPUBLISH",
    arity: 3,
    flags: PUBLISHING_FLAGS,
    since: "7.0.0",
    complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    summary: "Sends a message to everyone who listens to a shard channel.",
    channels: ONE_CHANNEL,
    keys: [keyAt(1, NOT_KEY)],
    args: [
      { name: "shardchannel", type: "string" },
      { name: "message", type: "string" },
    ],
    run: spublishCommand,
  },
  {
    name: "SSUBSCRIBE",
    arity: -2,
    flags: SUBSCRIPTION_FLAGS,
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    summary: "Asks for the messages of shard channels.",
    channels: CHANNELS_LISTED,
    keys: [keyRange(1, -1, 1, NOT_KEY)],
    args: [{ name: "shardchannel", type: "string", multiple: true }],
    pushes: true,
    run: ssubscribeCommand,
  },
  {
    name: "SUBSCRIBE",
    arity: -2,
    flags: SUBSCRIPTION_FLAGS,
    since: "2.0.0",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    summary: "Asks for the messages of channels.",
    channels: CHANNELS_LISTED,
    args: [{ name: "channel", type: "string", multiple: true }],
    pushes: true,
    run: subscribeCommand,
  },
  {
    name: "SUNSUBSCRIBE",
    arity: -1,
    flags: SUBSCRIPTION_FLAGS,
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    summary: "Gives up some or all of the shard channels asked for.",
    keys: [keyRange(1, -1, 1, NOT_KEY)],
    args: [{ name: "shardchannel", type: "string", optional: true, multiple: true }],
    pushes: true,
    run: sunsubscribeCommand,
  },
  {
    name: "UNSUBSCRIBE",
    arity: -1,
    flags: SUBSCRIPTION_FLAGS,
    since: "2.0.0",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    summary: "Gives up some or all of the channels asked for.",
    args: [{ name: "channel", type: "string", optional: true, multiple: true }],
    pushes: true,
    run: unsubscribeCommand,
  },
]);

// PSUBSCRIBE pattern [pattern ...]
function psubscribeCommand(c: Context): void {
  subscribe(c, PATTERNS, "psubscribe");
}

// PUBLISH channel message
function publishCommand(c: Context): void {
  const { bytes } = c;
  const { pubsub } = c.server;
  c.reply.integer(pubsub.publish(bytes, c.start(1), c.end(1), bytes, c.start(2), c.end(2)));
}

// PUNSUBSCRIBE [pattern [pattern ...]]
function punsubscribeCommand(c: Context): void {
  unsubscribe(c, PATTERNS, "punsubscribe");
}

// SPUBLISH shardchannel message
function spublishCommand(c: Context): void {
  const { bytes } = c;
  const { pubsub } = c.server;
  c.reply.integer(pubsub.publishShard(bytes, c.start(1), c.end(1), bytes, c.start(2), c.end(2)));
}

// SSUBSCRIBE shardchannel [shardchannel ...]
function ssubscribeCommand(c: Context): void {
  // A transaction may subscribe to channels and patterns, but not to these.
  if (c.client.denyBlocking) {
    return c.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  }
  subscribe(c, SHARD_CHANNELS, "ssubscribe");
}

// SUBSCRIBE channel [channel ...]
function subscribeCommand(c: Context): void {
  subscribe(c, CHANNELS, "subscribe");
}

// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
function sunsubscribeCommand(c: Context): void {
  unsubscribe(c, SHARD_CHANNELS, "sunsubscribe");
}

// UNSUBSCRIBE [channel [channel ...]]
function unsubscribeCommand(c: Context): void {
  unsubscribe(c, CHANNELS, "unsubscribe");
}

function subscribe(c: Context, kind: SubscriptionKind, word: string): void {
  const { pubsub } = c.server;
  for (let index = 1; index < c.count; index++) {
    pubsub.subscribe(c.client, kind, c.bytes, c.start(index), c.end(index));
    pushName(c, kind, word, c.bytes, c.start(index), c.end(index));
  }
}

function unsubscribe(c: Context, kind: SubscriptionKind, word: string): void {
  const { pubsub } = c.server;
  for (let index = 1; index < c.count; index++) {
    pubsub.unsubscribe(c.client, kind, c.bytes, c.start(index), c.end(index));
    pushName(c, kind, word, c.bytes, c.start(index), c.end(index));
  }
  if (c.count > 1) return;
  let told = 0;
  pubsub.unsubscribeAll(c.client, kind, (name) => {
    pushName(c, kind, word, name, 0, name.length);
    told++;
  });
  if (told > 0) return;
  c.reply.push(3);
  c.reply.bulkText(word);
  c.reply.null();
  c.reply.integer(subscriptionCount(c, kind));
}

/** Tells the client that it subscribed, or no longer does, and to how many names in all. */
function pushName(
  c: Context,
  kind: SubscriptionKind,
  word: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  c.reply.push(3);
  c.reply.bulkText(word);
  c.reply.bulk(bytes, start, end);
  c.reply.integer(subscriptionCount(c, kind));
}

/** Channels and patterns are counted together, shard channels on their own. */
function subscriptionCount(c: Context, kind: SubscriptionKind): number {
  const { client } = c;
  if (kind === SHARD_CHANNELS) return client.shardChannelCount;
  return client.channelCount + client.patternCount;
}
