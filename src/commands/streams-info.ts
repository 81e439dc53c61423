// XINFO: what a stream, its groups and their consumers look like.

import { latin1Bytes } from "../base/text.ts";
import { ACCESS, defineFamily, keyAt, LOADING, READONLY, RO, STALE } from "../command/spec.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import { type Consumer, type ConsumerGroup, NEVER } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import { STREAM } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { estimateLag } from "../structures/stream-distance.ts";
import { StreamId } from "../structures/stream-id.ts";
import { radixNodeCount } from "../structures/stream-radix.ts";
import { countOption, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";
import { int64OrReply } from "./stream-arguments.ts";
import { replyEntry, replyId, replyInt64, replyNoGroup, replyRange } from "./stream-replies.ts";

export const streamInfoCommands = defineFamily<Features>("stream", [
  {
    name: "XINFO",
    arity: -2,
    flags: 0,
    since: "5.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands that describe streams.",
    subcommands: [
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Lists the subcommands.",
        run: xinfoHelpCommand,
      },
      {
        name: "GROUPS",
        arity: 3,
        flags: READONLY,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Describes the consumer groups of a stream.",
        history: [["7.0.0", "Added the `entries-read` and `lag` fields"]],
        keys: [keyAt(2, RO | ACCESS)],
        args: [key],
        run: xinfoGroupsCommand,
      },
      {
        name: "STREAM",
        arity: -3,
        flags: READONLY,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Describes a stream.",
        history: [
          ["6.0.0", "Added the `FULL` modifier."],
          [
            "7.0.0",
            "Added the `max-deleted-entry-id`, `entries-added`, " +
              "`recorded-first-entry-id`, `entries-read` and `lag` fields",
          ],
          ["7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`."],
        ],
        keys: [keyAt(2, RO | ACCESS)],
        args: [
          key,
          {
            name: "full-block",
            type: "block",
            optional: true,
            arguments: [{ name: "full", type: "pure-token", token: "FULL" }, countOption],
          },
        ],
        run: xinfoStreamCommand,
      },
      {
        name: "CONSUMERS",
        arity: 4,
        flags: READONLY,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Describes the consumers of a group.",
        history: [["7.2.0", "Added the `inactive` field, and changed the meaning of `idle`."]],
        tips: ["nondeterministic_output"],
        keys: [keyAt(2, RO | ACCESS)],
        args: [key, { name: "group", type: "string" }],
        run: xinfoConsumersCommand,
      },
    ],
  },
]);

const HELP: readonly HelpEntry[] = [
  ["CONSUMERS <key> <groupname>", "Describe the consumers of a group."],
  ["GROUPS <key>", "Describe the groups of a stream."],
  ["STREAM <key> [FULL [COUNT <count>]", "Describe a stream, with FULL in detail."],
];

/** Entries shown by FULL where no count is given. */
const FULL_COUNT_DEFAULT = 10;

const zero = new StreamId();
const maximum = new StreamId();
maximum.setMaximum();
const cursor = new StreamCursor();
const lag = new EntryCounter();
const deliveries = new EntryCounter();

// XINFO HELP
function xinfoHelpCommand(c: Context): void {
  replyHelp(c, "XINFO", HELP);
}

/** The stream at argument 2; a reply has been sent where it is undefined. */
function streamOrReply(c: Context): Stream | undefined {
  const found = c.readKey(2);
  if (found === undefined) c.reply.error("ERR no such key");
  else if (found.type !== STREAM) c.reply.wrongType();
  else return streamOf(c.db, found);
  return undefined;
}

function replyName(c: Context, name: string): void {
  c.reply.bulkBytes(latin1Bytes(name));
}

function replyCount(c: Context, name: string, count: number): void {
  replyName(c, name);
  c.reply.integer(count);
}

function replyIdNamed(c: Context, name: string, id: StreamId): void {
  replyName(c, name);
  replyId(c.reply, id);
}

function replyCounter(c: Context, name: string, counter: EntryCounter): void {
  replyName(c, name);
  if (counter.isUnknown) c.reply.null();
  else replyInt64(c.reply, counter);
}

function replyLag(c: Context, stream: Stream, group: ConsumerGroup): void {
  replyName(c, "lag");
  if (estimateLag(stream, group.lastId, group.entriesRead, lag)) replyInt64(c.reply, lag);
  else c.reply.null();
}

// XINFO CONSUMERS key group
function xinfoConsumersCommand(c: Context): void {
  const stream = streamOrReply(c);
  if (stream === undefined) return;
  const group = stream.findGroup(c.bytes, c.start(3), c.end(3));
  if (group === undefined) return replyNoGroup(c, 2, 3);
  const consumers = group.consumers.sorted();
  c.reply.array(consumers.length);
  for (const consumer of consumers) {
    const { name, pending, seenTimeMs, activeTimeMs } = consumer;
    c.reply.map(4);
    replyName(c, "name");
    c.reply.bulkBytes(name);
    replyCount(c, "pending", pending.count);
    replyCount(c, "idle", Math.max(c.nowMs - seenTimeMs, 0));
    replyCount(c, "inactive", activeTimeMs === NEVER ? NEVER : Math.max(c.nowMs - activeTimeMs, 0));
  }
}

// XINFO GROUPS key
function xinfoGroupsCommand(c: Context): void {
  const stream = streamOrReply(c);
  if (stream === undefined) return;
  const groups = stream.sortedGroups();
  c.reply.array(groups.length);
  for (const group of groups) {
    c.reply.map(6);
    replyName(c, "name");
    c.reply.bulkBytes(group.name);
    replyCount(c, "consumers", group.consumers.count);
    replyCount(c, "pending", group.pending.count);
    replyIdNamed(c, "last-delivered-id", group.lastId);
    replyCounter(c, "entries-read", group.entriesRead);
    replyLag(c, stream, group);
  }
}

// XINFO STREAM key [FULL [COUNT count]]
function xinfoStreamCommand(c: Context): void {
  const stream = streamOrReply(c);
  if (stream === undefined) return;
  const isFull = c.count > 3;
  let count = FULL_COUNT_DEFAULT;
  if (isFull) {
    const isValid = c.count === 4 || (c.count === 6 && c.is(4, "count"));
    if (!isValid || !c.is(3, "full")) return replyWrongSubcommand(c, "XINFO");
    if (c.count === 6) count = int64OrReply(c, 5);
    if (Number.isNaN(count)) return;
    if (count < 0) count = FULL_COUNT_DEFAULT;
  }
  c.reply.map(isFull ? 9 : 10);
  replyCount(c, "length", stream.size);
  replyCount(c, "radix-tree-keys", stream.blocks.count);
  replyCount(c, "radix-tree-nodes", radixNodeCount(stream.blocks));
  replyIdNamed(c, "last-generated-id", stream.lastId);
  replyIdNamed(c, "max-deleted-entry-id", stream.maxDeletedId);
  replyName(c, "entries-added");
  replyInt64(c.reply, stream.entriesAdded);
  replyIdNamed(c, "recorded-first-entry-id", stream.firstId);
  if (isFull) replyFull(c, stream, count);
  else replyEnds(c, stream);
}

/** The rest of a short description. */
function replyEnds(c: Context, stream: Stream): void {
  replyCount(c, "groups", stream.groupCount);
  replyName(c, "first-entry");
  cursor.start(stream, zero, maximum);
  if (cursor.next()) replyEntry(c.reply, cursor);
  else c.reply.null();
  replyName(c, "last-entry");
  cursor.startBackwards(stream, zero, maximum);
  if (cursor.next()) replyEntry(c.reply, cursor);
  else c.reply.null();
}

/** The rest of a full description, with up to `count` of everything, 0 being no limit. */
function replyFull(c: Context, stream: Stream, count: number): void {
  replyName(c, "entries");
  replyRange(c, stream, zero, maximum, count, false);
  replyName(c, "groups");
  const groups = stream.sortedGroups();
  c.reply.array(groups.length);
  for (const group of groups) {
    c.reply.map(7);
    replyName(c, "name");
    c.reply.bulkBytes(group.name);
    replyIdNamed(c, "last-delivered-id", group.lastId);
    replyCounter(c, "entries-read", group.entriesRead);
    replyLag(c, stream, group);
    replyCount(c, "pel-count", group.pending.count);
    replyPending(c, group, undefined, count);
    replyName(c, "consumers");
    const consumers = group.consumers.sorted();
    c.reply.array(consumers.length);
    for (const consumer of consumers) {
      c.reply.map(5);
      replyName(c, "name");
      c.reply.bulkBytes(consumer.name);
      replyCount(c, "seen-time", consumer.seenTimeMs);
      replyCount(c, "active-time", consumer.activeTimeMs);
      replyCount(c, "pel-count", consumer.pending.count);
      replyPending(c, group, consumer, count);
    }
  }
}

const pendingId = new StreamId();

/** What is pending for a consumer, or, with whose it is, in the whole group. */
function replyPending(
  c: Context,
  group: ConsumerGroup,
  consumer: Consumer | undefined,
  count: number,
): void {
  const reply = c.reply;
  const pending = consumer === undefined ? group.pending : consumer.pending;
  replyName(c, "pending");
  const shown = count === 0 ? pending.count : Math.min(count, pending.count);
  reply.array(shown);
  pending.seekFirst();
  for (let k = 0; k < shown; k++) {
    pendingId.load(pending.words, pending.at);
    if (consumer !== undefined) group.pending.find(pendingId);
    reply.array(consumer === undefined ? 4 : 3);
    replyId(reply, pendingId);
    if (consumer === undefined) reply.bulkBytes(group.owner.name);
    reply.integer(group.deliveryTimeMs);
    group.readDeliveries(deliveries);
    replyInt64(reply, deliveries);
    pending.advance();
  }
}
