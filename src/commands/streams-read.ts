// hot path: no allocation per command
//
// XREAD and XREADGROUP: entries after given IDs, of several streams, with or without waiting.

import { DOLLAR, PLUS } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import { millisecondsDeadlineOrReply } from "../blocking/blocking.ts";
import { FOREVER } from "../blocking/waiter.ts";
import {
  ACCESS,
  type ArgumentSpec,
  BLOCKING,
  defineFamily,
  KEEPS_WATCHES,
  type KeySpec,
  READONLY,
  RO,
  WRITE,
} from "../command/spec.ts";
import { EVENT_STREAM } from "../keyspace/event-classes.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { STREAM } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { estimateDistance, hasTombstoneAfter } from "../structures/stream-distance.ts";
import { StreamId, streamIdText } from "../structures/stream-id.ts";
import { countOption, keys } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { idOrReply, int64OrReply, isCharacter } from "./stream-arguments.ts";
import { propagateClaim, propagateGroupId } from "./stream-effects.ts";
import {
  expectedCount,
  replyEntry,
  replyEntryOf,
  replyId,
  replyNoGroupToRead,
} from "./stream-replies.ts";

/** Keys and IDs behind STREAMS, searched for from argument `startFrom` on. */
function keysBeforeIds(startFrom: number): KeySpec {
  return {
    flags: RO | ACCESS,
    begin: { type: "keyword", keyword: "STREAMS", startFrom },
    find: { type: "range", lastKey: -1, step: 1, limit: 2 },
  };
}

const streamsArgument: ArgumentSpec = {
  name: "streams",
  type: "block",
  token: "STREAMS",
  arguments: [keys, { name: "id", type: "string", multiple: true }],
};

export const streamReadCommands = defineFamily<Features>("stream", [
  {
    name: "XREAD",
    arity: -4,
    flags: READONLY | BLOCKING,
    since: "5.0.0",
    summary: "Reads, or waits for, entries after given IDs of some streams.",
    keys: [keysBeforeIds(1)],
    args: [
      countOption,
      { name: "milliseconds", type: "integer", token: "BLOCK", optional: true },
      streamsArgument,
    ],
    run: xreadCommand,
  },
  {
    name: "XREADGROUP",
    arity: -7,
    flags: WRITE | KEEPS_WATCHES | BLOCKING,
    since: "5.0.0",
    complexity: "O(M) per stream with M entries returned; an added entry is O(N) with N waiting.",
    summary: "Reads, or waits for, entries as a consumer of a group.",
    keys: [keysBeforeIds(4)],
    args: [
      {
        name: "group-block",
        type: "block",
        token: "GROUP",
        arguments: [
          { name: "group", type: "string" },
          { name: "consumer", type: "string" },
        ],
      },
      countOption,
      { name: "milliseconds", type: "integer", token: "BLOCK", optional: true },
      { name: "noack", type: "pure-token", token: "NOACK", optional: true },
      streamsArgument,
    ],
    run: xreadgroupCommand,
  },
]);

const GREATER = 62;

/** The options of the command being executed. */
const options = {
  /** The first key; the IDs follow the keys. */
  firstKey: 0,
  keyCount: 0,
  /** Entries per stream, 0 being no limit. */
  count: 0,
  /** Whether there is a BLOCK, and when it ends. */
  blocks: false,
  deadlineMs: FOREVER,
  /** Where the group's name stands, the consumer's behind it; 0 without a group. */
  groupIndex: 0,
  withoutAcknowledgement: false,
};

/** The IDs after which to read, as many as a command has needed so far, within limits. */
const ids: StreamId[] = [new StreamId()];
const KEPT_IDS = 1024;
const maximum = new StreamId();
maximum.setMaximum();
const fromId = new StreamId();
const cursor = new StreamCursor();

// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
function xreadCommand(c: Context): void {
  read(c, false);
}

// XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK]
//     STREAMS key [key ...] id [id ...]
function xreadgroupCommand(c: Context): void {
  // Whatever it does, it is propagated as what it did.
  c.effects.suppress();
  read(c, true);
}

function read(c: Context, isGroup: boolean): void {
  if (!optionsOrReply(c, isGroup)) return;
  // What a former command with very many streams has left.
  if (ids.length > KEPT_IDS) ids.length = KEPT_IDS;
  const { firstKey, keyCount } = options;
  for (let k = 0; k < keyCount; k++) {
    // alloc: once for the largest number of streams
    if (k === ids.length) ids.push(new StreamId());
    if (!positionOrReply(c, firstKey + k, firstKey + keyCount + k, ids[k])) return;
  }
  const reply = c.reply;
  const start = reply.length;
  const mark = reply.openArray();
  let served = 0;
  for (let k = 0; k < keyCount; k++) {
    if (isGroup ? serveConsumer(c, firstKey + k, ids[k]) : serveReader(c, firstKey + k, ids[k])) {
      served++;
    }
  }
  if (served > 0) {
    if (reply.protocol === 3) reply.closeMap(mark, served);
    else reply.closeArray(mark, served);
    return;
  }
  reply.length = start;
  if (!options.blocks || c.client.denyBlocking) return reply.nullArray();
  c.server.blocking.block(c, STREAM, firstKey, keyCount, options.deadlineMs, isGroup);
  if (!isGroup) keepLastIds(c);
}

/** What `$` stands for is settled when the client starts to wait. */
function keepLastIds(c: Context): void {
  const { firstKey, keyCount } = options;
  for (let k = 0; k < keyCount; k++) {
    const index = firstKey + keyCount + k;
    if (isCharacter(c, index, DOLLAR))
      c.server.blocking.replaceArgument(c, index, streamIdText(ids[k]));
  }
}

function optionsOrReply(c: Context, isGroup: boolean): boolean {
  options.firstKey = 0;
  options.count = 0;
  options.blocks = false;
  options.groupIndex = 0;
  options.withoutAcknowledgement = false;
  for (let index = 1; index < c.count && options.firstKey === 0; index++) {
    const more = c.count - index - 1;
    if (more > 0 && c.is(index, "streams")) {
      if (!streamsOrReply(c, index + 1, isGroup)) return false;
    } else if (more > 0 && c.is(index, "block")) {
      options.deadlineMs = millisecondsDeadlineOrReply(c, ++index);
      if (Number.isNaN(options.deadlineMs)) return false;
      options.blocks = true;
    } else if (more > 0 && c.is(index, "count")) {
      const count = int64OrReply(c, ++index);
      if (Number.isNaN(count)) return false;
      options.count = Math.max(count, 0);
    } else if (more > 1 && c.is(index, "group")) {
      if (!isGroup) return refuseOption(c, "GROUP");
      options.groupIndex = index + 1;
      index += 2;
    } else if (c.is(index, "noack")) {
      if (!isGroup) return refuseOption(c, "NOACK");
      options.withoutAcknowledgement = true;
    } else {
      c.reply.syntaxError();
      return false;
    }
  }
  if (options.firstKey === 0) {
    c.reply.syntaxError();
    return false;
  }
  if (!isGroup || options.groupIndex > 0) return true;
  c.reply.error("ERR Missing GROUP option for XREADGROUP");
  return false;
}

/** Cold. */
function refuseOption(c: Context, option: string): false {
  c.reply.error(
    `ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`,
  );
  return false;
}

/** The keys and IDs, which are all that is left. Cold where it refuses them. */
function streamsOrReply(c: Context, first: number, isGroup: boolean): boolean {
  const count = c.count - first;
  options.firstKey = first;
  options.keyCount = count >>> 1;
  if (count % 2 === 0) return true;
  const [name, choice] = isGroup ? ["xreadgroup", "ID or '>'"] : ["xread", "ID, '+', or '$'"];
  c.reply.error(
    `ERR Unbalanced '${name}' list of streams: for each stream key an ${choice} must be specified.`,
  );
  return false;
}

/** Reads the ID of one stream, whose type and group are checked. The greatest stands for `>`. */
function positionOrReply(c: Context, keyIndex: number, index: number, id: StreamId): boolean {
  const found = c.readKey(keyIndex);
  if (found !== undefined && found.type !== STREAM) {
    c.reply.wrongType();
    return false;
  }
  const stream = found === undefined ? undefined : streamOf(c.db, found);
  const groupIndex = options.groupIndex;
  if (groupIndex > 0 && (stream === undefined || groupOf(c, stream) === undefined)) {
    replyNoGroupToRead(c, keyIndex, groupIndex);
    return false;
  }
  if (isCharacter(c, index, DOLLAR)) {
    if (groupIndex > 0) return refuseMeaningless(c, "$");
    if (stream === undefined) id.setZero();
    else id.copy(stream.lastId);
    return true;
  }
  if (isCharacter(c, index, PLUS)) {
    if (groupIndex > 0) return refuseMeaningless(c, "+");
    if (stream?.findLast(id)) id.decrement();
    else id.setZero();
    return true;
  }
  if (isCharacter(c, index, GREATER)) {
    id.setMaximum();
    if (groupIndex > 0) return true;
    c.reply.error(
      "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> " +
        "<consumer> option.",
    );
    return false;
  }
  return idOrReply(c, index, id);
}

/** Cold. */
function refuseMeaningless(c: Context, id: string): false {
  c.reply.error(
    `ERR The ${id} ID is meaningless in the context of XREADGROUP: you want to read the history ` +
      "of this consumer by specifying a proper ID, or use the > ID to get new messages. The " +
      `${id} ID would just return an empty result set.`,
  );
  return false;
}

function groupOf(c: Context, stream: Stream): ConsumerGroup | undefined {
  const index = options.groupIndex;
  return stream.findGroup(c.bytes, c.start(index), c.end(index));
}

/** Starts a stream's part of the reply. */
function replyKey(c: Context, keyIndex: number): void {
  if (c.reply.protocol === 2) c.reply.array(2);
  c.reply.bulk(c.bytes, c.start(keyIndex), c.end(keyIndex));
}

/** Replies with what a stream has after an ID; false where it has nothing. */
function serveReader(c: Context, keyIndex: number, after: StreamId): boolean {
  const found = c.readKey(keyIndex);
  if (found === undefined) return false;
  const stream = streamOf(c.db, found);
  if (stream.lastId.compare(after) <= 0) return false;
  fromId.copy(after);
  fromId.increment();
  cursor.start(stream, fromId, maximum);
  if (!cursor.next()) return false;
  replyKey(c, keyIndex);
  const reply = c.reply;
  const mark = reply.openArray(expectedCount(stream, options.count));
  let entries = 0;
  do {
    replyEntry(reply, cursor);
    entries++;
  } while (entries !== options.count && cursor.next());
  reply.closeArray(mark, entries);
  return true;
}

/** Replies with what is new to a group, or with a consumer's history; false where nothing is. */
function serveConsumer(c: Context, keyIndex: number, after: StreamId): boolean {
  const found = c.writeKey(keyIndex);
  if (found === undefined) return false;
  c.server.keyspace.hits++;
  const stream = streamOf(c.db, found);
  const group = groupOf(c, stream)!;
  const consumer = consumerOf(c, group, keyIndex);
  consumer.seenTimeMs = c.nowMs;
  if (!after.isMaximum) {
    replyKey(c, keyIndex);
    replyHistory(c, stream, group, consumer, after);
    return true;
  }
  if (stream.lastId.compare(group.lastId) <= 0) return false;
  fromId.copy(group.lastId);
  fromId.increment();
  if (group.nextLayout === stream.layout && group.nextAfter.compare(group.lastId) === 0) {
    cursor.startAt(stream, fromId, maximum, group.nextBlock, group.nextOffset);
  } else {
    cursor.start(stream, fromId, maximum);
  }
  if (!cursor.next()) return false;
  replyKey(c, keyIndex);
  deliver(c, keyIndex, stream, group, consumer);
  group.nextLayout = stream.layout;
  group.nextAfter.copy(group.lastId);
  group.nextBlock = cursor.blockIndex;
  group.nextOffset = cursor.nextOffset;
  return true;
}

const CREATECONSUMER = [latin1Bytes("XGROUP"), latin1Bytes("CREATECONSUMER")];

/** The consumer that reads; it is created where there is none. */
function consumerOf(c: Context, group: ConsumerGroup, keyIndex: number): Consumer {
  const index = options.groupIndex + 1;
  const known = group.consumers.find(c.bytes, c.start(index), c.end(index));
  if (known !== undefined) return known;
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xgroup-createconsumer", keyIndex);
  if (options.withoutAcknowledgement && c.effects.active) {
    const effect = c.effects.replace(5);
    effect.bulkBytes(CREATECONSUMER[0]);
    effect.bulkBytes(CREATECONSUMER[1]);
    effect.bulk(c.bytes, c.start(keyIndex), c.end(keyIndex));
    effect.bulk(c.bytes, c.start(index - 1), c.end(index - 1));
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
  return group.addConsumer(c.bytes, c.start(index), c.end(index), c.nowMs);
}

/** Delivers entries from the cursor on, which stands at the first of them. */
function deliver(
  c: Context,
  keyIndex: number,
  stream: Stream,
  group: ConsumerGroup,
  consumer: Consumer,
): void {
  const reply = c.reply;
  const { count, groupIndex, withoutAcknowledgement } = options;
  const mark = reply.openArray(expectedCount(stream, count));
  const propagates = c.effects.active;
  let entries = 0;
  do {
    countRead(stream, group);
    group.lastId.copy(cursor.id);
    replyEntry(reply, cursor);
    entries++;
    if (!withoutAcknowledgement) {
      group.deliver(cursor.id, consumer, c.nowMs);
      if (propagates) propagateClaim(c, keyIndex, groupIndex, group, consumer, cursor.id);
    }
  } while (entries !== count && cursor.next());
  reply.closeArray(mark, entries);
  if (!withoutAcknowledgement) consumer.activeTimeMs = c.nowMs;
  c.effects.changed(1);
  if (propagates) propagateGroupId(c, keyIndex, groupIndex, group);
}

/** Counts the entry at the cursor as read by a group, or works out how many that makes. */
function countRead(stream: Stream, group: ConsumerGroup): void {
  const { entriesRead, lastId } = group;
  const counts =
    !entriesRead.isUnknown &&
    lastId.compare(stream.firstId) >= 0 &&
    !hasTombstoneAfter(stream, lastId);
  if (counts) entriesRead.increment();
  else if (!stream.entriesAdded.isZero) estimateDistance(stream, cursor.id, entriesRead);
}

const pendingId = new StreamId();

/** Replies with entries pending for a consumer after an ID; deleted ones without content. */
function replyHistory(
  c: Context,
  stream: Stream,
  group: ConsumerGroup,
  consumer: Consumer,
  after: StreamId,
): void {
  const reply = c.reply;
  const mark = reply.openArray();
  const pending = consumer.pending;
  fromId.copy(after);
  fromId.increment();
  let entries = 0;
  let more = pending.seek(fromId);
  while (more && (options.count === 0 || entries < options.count)) {
    pendingId.load(pending.words, pending.at);
    if (replyEntryOf(c, stream, pendingId)) {
      group.pending.find(pendingId);
      group.deliveryTimeMs = c.nowMs;
      group.addDelivery();
    } else {
      reply.array(2);
      replyId(reply, pendingId);
      reply.nullArray();
    }
    entries++;
    more = pending.advance();
  }
  reply.closeArray(mark, entries);
}
