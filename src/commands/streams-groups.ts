// hot path: no allocation per command
//
// Consumer groups: XGROUP makes and unmakes them, XACK tells them what is done.

import { DOLLAR } from "../base/ascii.ts";
import { Int64 } from "../base/int64.ts";
import {
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  KEEPS_WATCHES,
  keyAt,
  LOADING,
  RW,
  STALE,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_KEY_MISS, EVENT_STREAM } from "../keyspace/event-classes.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import type { ConsumerGroup } from "../structures/consumer-groups.ts";
import { STREAM } from "../structures/record.ts";
import { Stream } from "../structures/stream.ts";
import { StreamId } from "../structures/stream-id.ts";
import { key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";
import { idOrReply, isCharacter, looseIdOrReply } from "./stream-arguments.ts";
import { replyNoGroup } from "./stream-replies.ts";
import { createStream } from "./streams.ts";

export const streamGroupCommands = defineFamily<Features>("stream", [
  {
    name: "XGROUP",
    arity: -2,
    flags: 0,
    since: "5.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands for consumer groups.",
    subcommands: [
      {
        name: "DELCONSUMER",
        arity: 5,
        flags: WRITE | KEEPS_WATCHES,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Removes a consumer from a group.",
        keys: [keyAt(2, RW | DELETE)],
        args: [key, { name: "group", type: "string" }, { name: "consumer", type: "string" }],
        run: xgroupDelconsumerCommand,
      },
      {
        name: "SETID",
        arity: -5,
        flags: WRITE | KEEPS_WATCHES,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Sets how far a group has read.",
        history: [["7.0.0", "Added the optional `entries_read` argument."]],
        keys: [keyAt(2, RW | UPDATE)],
        args: [
          key,
          { name: "group", type: "string" },
          {
            name: "id-selector",
            type: "oneof",
            arguments: [
              { name: "id", type: "string" },
              { name: "new-id", type: "pure-token", token: "$" },
            ],
          },
          {
            name: "entriesread",
            type: "integer",
            displayText: "entries-read",
            token: "ENTRIESREAD",
            optional: true,
          },
        ],
        run: xgroupSetidCommand,
      },
      {
        name: "CREATE",
        arity: -5,
        flags: WRITE | KEEPS_WATCHES | DENYOOM,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Creates a consumer group.",
        history: [["7.0.0", "Added the `entries_read` named argument."]],
        keys: [keyAt(2, RW | INSERT)],
        args: [
          key,
          { name: "group", type: "string" },
          {
            name: "id-selector",
            type: "oneof",
            arguments: [
              { name: "id", type: "string" },
              { name: "new-id", type: "pure-token", token: "$" },
            ],
          },
          { name: "mkstream", type: "pure-token", token: "MKSTREAM", optional: true },
          {
            name: "entriesread",
            type: "integer",
            displayText: "entries-read",
            token: "ENTRIESREAD",
            optional: true,
          },
        ],
        run: xgroupCreateCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Lists the subcommands.",
        run: xgroupHelpCommand,
      },
      {
        name: "DESTROY",
        arity: 4,
        flags: WRITE | KEEPS_WATCHES,
        since: "5.0.0",
        complexity: "O(N) with N entries pending in the group.",
        summary: "Removes a consumer group.",
        keys: [keyAt(2, RW | DELETE)],
        args: [key, { name: "group", type: "string" }],
        run: xgroupDestroyCommand,
      },
      {
        name: "CREATECONSUMER",
        arity: 5,
        flags: WRITE | KEEPS_WATCHES | DENYOOM,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Adds a consumer to a group.",
        keys: [keyAt(2, RW | INSERT)],
        args: [key, { name: "group", type: "string" }, { name: "consumer", type: "string" }],
        run: xgroupCreateconsumerCommand,
      },
    ],
  },
  {
    name: "XACK",
    arity: -4,
    flags: WRITE | KEEPS_WATCHES | FAST,
    since: "5.0.0",
    complexity: "O(1) per ID.",
    summary: "Acknowledges entries delivered to a group's consumers.",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key, { name: "group", type: "string" }, { name: "id", type: "string", multiple: true }],
    run: xackCommand,
  },
]);

const UNKNOWN = -1;
/** A group of more blocks of pending entries than this is given back in slices. */
const BLOCKS_AT_ONCE = 512;

const KEY_REQUIRED =
  "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use " +
  "the MKSTREAM option to create an empty stream automatically.";

/** Of CREATE and SETID: ENTRIESREAD's value. */
const entriesRead = new Int64();
const groupId = new StreamId();
const acknowledged = new StreamId();

/** What the stream at argument 2 is; a reply has been sent where it is undefined. */
function streamOrReply(c: Context): Stream | undefined {
  const found = c.writeKey(2);
  if (found === undefined) {
    c.reply.error(KEY_REQUIRED);
    return undefined;
  }
  if (found.type === STREAM) return streamOf(c.db, found);
  c.reply.wrongType();
  return undefined;
}

/** The group that arguments 2 and 3 name; a reply has been sent where it is undefined. */
function groupOrReply(c: Context): ConsumerGroup | undefined {
  const stream = streamOrReply(c);
  if (stream === undefined) return undefined;
  const group = stream.findGroup(c.bytes, c.start(3), c.end(3));
  if (group === undefined) replyNoGroup(c, 2, 3);
  return group;
}

/**
 * Reads ENTRIESREAD and, of CREATE, MKSTREAM. Returns 1 with MKSTREAM, 0 without, -1 after an error
 * reply.
 */
function optionsOrReply(c: Context, isCreate: boolean): number {
  entriesRead.setNumber(UNKNOWN);
  let makesStream = 0;
  for (let index = 5; index < c.count; index++) {
    if (isCreate && c.is(index, "mkstream")) {
      makesStream = 1;
    } else if (c.is(index, "entriesread") && index + 1 < c.count) {
      index++;
      if (!entriesRead.parse(c.bytes, c.start(index), c.end(index))) {
        c.reply.notAnInteger();
        return -1;
      }
      if (entriesRead.high < 0 && entriesRead.number !== UNKNOWN) {
        c.reply.error("ERR value for ENTRIESREAD must be positive or -1");
        return -1;
      }
    } else {
      replyWrongSubcommand(c, "XGROUP");
      return -1;
    }
  }
  return makesStream;
}

// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]
function xgroupCreateCommand(c: Context): void {
  const makesStream = optionsOrReply(c, true);
  if (makesStream < 0) return;
  const found = c.writeKey(2);
  if (found !== undefined && found.type !== STREAM) return c.reply.wrongType();
  if (found === undefined && makesStream === 0) return c.reply.error(KEY_REQUIRED);
  // Five arguments and at most three more.
  if (c.count > 8) return replyWrongSubcommand(c, "XGROUP");
  // alloc: a new key
  const stream =
    found === undefined ? new Stream(c.server.keyspace.structures) : streamOf(c.db, found);
  if (isCharacter(c, 4, DOLLAR)) groupId.copy(stream.lastId);
  else if (!idOrReply(c, 4, groupId)) return;
  if (stream.findGroup(c.bytes, c.start(3), c.end(3)) !== undefined) {
    return c.reply.error("BUSYGROUP Consumer Group name already exists");
  }
  const group = stream.addGroup(c.bytes, c.start(3), c.end(3));
  group.lastId.copy(groupId);
  group.entriesRead.copy(entriesRead);
  if (found === undefined) createStream(c, 2, stream);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-create", 2);
  c.reply.ok();
}

// XGROUP SETID key group id | $ [ENTRIESREAD entries-read]
function xgroupSetidCommand(c: Context): void {
  if (optionsOrReply(c, false) < 0) return;
  const stream = streamOrReply(c);
  if (stream === undefined) return;
  const group = stream.findGroup(c.bytes, c.start(3), c.end(3));
  if (group === undefined) return replyNoGroup(c, 2, 3);
  if (c.count !== 5 && c.count !== 7) return replyWrongSubcommand(c, "XGROUP");
  if (isCharacter(c, 4, DOLLAR)) groupId.copy(stream.lastId);
  else if (!looseIdOrReply(c, 4, groupId)) return;
  group.lastId.copy(groupId);
  group.entriesRead.copy(entriesRead);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-setid", 2);
  c.reply.ok();
}

// XGROUP DESTROY key group
function xgroupDestroyCommand(c: Context): void {
  const stream = streamOrReply(c);
  if (stream === undefined) return;
  const group = stream.findGroup(c.bytes, c.start(3), c.end(3));
  if (group === undefined) return c.reply.integer(0);
  stream.removeGroup(group);
  if (!group.release(BLOCKS_AT_ONCE)) c.server.keyspace.lazyFree.defer(group, 1);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-destroy", 2);
  c.server.blocking.signalReady(c, 2, STREAM);
  c.reply.integer(1);
}

// XGROUP CREATECONSUMER key group consumer
function xgroupCreateconsumerCommand(c: Context): void {
  const group = groupOrReply(c);
  if (group === undefined) return;
  if (group.consumers.find(c.bytes, c.start(4), c.end(4)) !== undefined) {
    return c.reply.integer(0);
  }
  group.addConsumer(c.bytes, c.start(4), c.end(4), c.nowMs);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-createconsumer", 2);
  c.reply.integer(1);
}

// XGROUP DELCONSUMER key group consumer
function xgroupDelconsumerCommand(c: Context): void {
  const group = groupOrReply(c);
  if (group === undefined) return;
  const consumer = group.consumers.find(c.bytes, c.start(4), c.end(4));
  if (consumer === undefined) return c.reply.integer(0);
  const pending = consumer.pending.count;
  group.removeConsumer(consumer);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-delconsumer", 2);
  c.reply.integer(pending);
}

const HELP: readonly HelpEntry[] = [
  [
    "CREATE <key> <groupname> <id|$> [option]",
    "Add a consumer group that starts behind an ID. The options:",
    "* MKSTREAM",
    "  Where there is no stream, make an empty one.",
    "* ENTRIESREAD entries_read",
    "  How many entries the group has read (for the log and replicas).",
  ],
  ["CREATECONSUMER <key> <groupname> <consumer>", "Add a consumer to a group."],
  ["DELCONSUMER <key> <groupname> <consumer>", "Remove a consumer from a group."],
  ["DESTROY <key> <groupname>", "Remove a group."],
  ["SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]", "Have a group go on behind an ID."],
];

// XGROUP HELP
function xgroupHelpCommand(c: Context): void {
  replyHelp(c, "XGROUP", HELP);
}

// XACK key group id [id ...]
function xackCommand(c: Context): void {
  const keyspace = c.server.keyspace;
  const found = c.writeKey(1);
  // A lookup for reading, as the server counts it.
  if (found === undefined) keyspace.misses++;
  else keyspace.hits++;
  if (found === undefined) c.notify(EVENT_KEY_MISS, "keymiss", 1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STREAM) return c.reply.wrongType();
  const group = streamOf(c.db, found).findGroup(c.bytes, c.start(2), c.end(2));
  if (group === undefined) return c.reply.integer(0);
  // All or nothing: every ID is looked at before the first is acknowledged.
  for (let index = 3; index < c.count; index++) if (!idOrReply(c, index, acknowledged)) return;
  let count = 0;
  for (let index = 3; index < c.count; index++) {
    if (c.count > 4) idOrReply(c, index, acknowledged);
    if (group.acknowledge(acknowledged)) count++;
  }
  if (count > 0) c.effects.changed(count);
  c.reply.integer(count);
}
