// PUBSUB: what is being listened to.

import { globMatches } from "../base/glob.ts";
import { defineFamily, LOADING, PUBSUB, STALE } from "../command/spec.ts";
import { CHANNELS, PATTERNS, SHARD_CHANNELS, type SubscriptionKind } from "../pubsub/pubsub.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";

export const pubsubInspectionCommands = defineFamily<Features>("pubsub", [
  {
    name: "PUBSUB",
    arity: -2,
    flags: 0,
    since: "2.8.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands that look at Pub/Sub.",
    subcommands: [
      {
        name: "CHANNELS",
        arity: -2,
        flags: PUBSUB | LOADING | STALE,
        since: "2.8.0",
        complexity:
          "O(N) where N is the number of active channels, and assuming constant time pattern " +
          "matching (relatively short channels and patterns)",
        summary: "Lists the channels that have subscribers.",
        args: [{ name: "pattern", type: "pattern", optional: true }],
        run: pubsubChannelsCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: pubsubHelpCommand,
      },
      {
        name: "NUMPAT",
        arity: 2,
        flags: PUBSUB | LOADING | STALE,
        since: "2.8.0",
        complexity: "O(1)",
        summary: "Counts the patterns that have subscribers.",
        run: pubsubNumpatCommand,
      },
      {
        name: "NUMSUB",
        arity: -2,
        flags: PUBSUB | LOADING | STALE,
        since: "2.8.0",
        complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        summary: "Counts the subscribers of channels.",
        args: [{ name: "channel", type: "string", optional: true, multiple: true }],
        run: pubsubNumsubCommand,
      },
      {
        name: "SHARDCHANNELS",
        arity: -2,
        flags: PUBSUB | LOADING | STALE,
        since: "7.0.0",
        complexity:
          "O(N) where N is the number of active shard channels, and assuming constant time " +
          "pattern matching (relatively short shard channels).",
        summary: "Lists the shard channels that have subscribers.",
        args: [{ name: "pattern", type: "pattern", optional: true }],
        run: pubsubShardchannelsCommand,
      },
      {
        name: "SHARDNUMSUB",
        arity: -2,
        flags: PUBSUB | LOADING | STALE,
        since: "7.0.0",
        complexity:
          "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        summary: "Counts the subscribers of shard channels.",
        args: [{ name: "shardchannel", type: "string", optional: true, multiple: true }],
        run: pubsubShardnumsubCommand,
      },
    ],
  },
]);

const HELP: readonly HelpEntry[] = [
  [
    "CHANNELS [<pattern>]",
    "Return the currently active channels matching a <pattern> (default: '*').",
  ],
  ["NUMPAT", "Return number of subscriptions to patterns."],
  [
    "NUMSUB [<channel> ...]",
    "Return the number of subscribers for the specified channels, excluding",
    "pattern subscriptions(default: no channels).",
  ],
  [
    "SHARDCHANNELS [<pattern>]",
    "Return the currently active shard level channels matching a <pattern> (default: '*').",
  ],
  [
    "SHARDNUMSUB [<shardchannel> ...]",
    "Return the number of subscribers for the specified shard level channel(s)",
  ],
];

// PUBSUB CHANNELS [pattern]
function pubsubChannelsCommand(c: Context): void {
  listChannels(c, CHANNELS);
}

// PUBSUB HELP
function pubsubHelpCommand(c: Context): void {
  replyHelp(c, "PUBSUB", HELP);
}

// PUBSUB NUMPAT
function pubsubNumpatCommand(c: Context): void {
  c.reply.integer(c.server.pubsub.count(PATTERNS));
}

// PUBSUB NUMSUB [channel [channel ...]]
function pubsubNumsubCommand(c: Context): void {
  countSubscribers(c, CHANNELS);
}

// PUBSUB SHARDCHANNELS [pattern]
function pubsubShardchannelsCommand(c: Context): void {
  listChannels(c, SHARD_CHANNELS);
}

// PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]
function pubsubShardnumsubCommand(c: Context): void {
  countSubscribers(c, SHARD_CHANNELS);
}

function listChannels(c: Context, kind: SubscriptionKind): void {
  if (c.count > 3) return replyWrongSubcommand(c, "PUBSUB");
  const mark = c.reply.openArray();
  let count = 0;
  for (const { name } of c.server.pubsub.channels(kind)) {
    const isWanted =
      c.count === 2 || globMatches(c.bytes, c.start(2), c.end(2), name, 0, name.length);
    if (!isWanted) continue;
    c.reply.bulkBytes(name);
    count++;
  }
  c.reply.closeArray(mark, count);
}

function countSubscribers(c: Context, kind: SubscriptionKind): void {
  c.reply.array((c.count - 2) * 2);
  for (let index = 2; index < c.count; index++) {
    const [start, end] = [c.start(index), c.end(index)];
    c.reply.bulk(c.bytes, start, end);
    c.reply.integer(c.server.pubsub.subscriberCount(kind, c.bytes, start, end));
  }
}
