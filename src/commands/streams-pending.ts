// hot path: no allocation per command
//
// What a group's consumers were given and have not acknowledged: XPENDING shows it, XCLAIM and
// XAUTOCLAIM hand it on.

import { Int64 } from "../base/int64.ts";
import {
  ACCESS,
  DELETE,
  defineFamily,
  FAST,
  KEEPS_WATCHES,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_KEY_MISS, EVENT_STREAM } from "../keyspace/event-classes.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import { type RecordView, STREAM } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import { ID_WORDS, StreamId } from "../structures/stream-id.ts";
import { countOption, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import {
  idOrReply,
  int64OrReply,
  intervalEndOrReply,
  intervalStartOrReply,
  parseId,
} from "./stream-arguments.ts";
import { propagateClaim, propagateGroupId } from "./stream-effects.ts";
import {
  hasEntry,
  replyEntryOf,
  replyId,
  replyInt64,
  replyNoKeyOrGroup,
  shownArgument,
} from "./stream-replies.ts";

export const streamPendingCommands = defineFamily<Features>("stream", [
  {
    name: "XPENDING",
    arity: -3,
    flags: READONLY,
    since: "5.0.0",
    complexity:
      "O(N) with N entries returned; with IDLE, O(M) with M entries looked at; without a range " +
      "O(C) with C consumers.",
    summary: "Tells what a group's consumers have not acknowledged.",
    history: [["6.2.0", "Added the `IDLE` option and exclusive range intervals."]],
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "group", type: "string" },
      {
        name: "filters",
        type: "block",
        optional: true,
        arguments: [
          { name: "min-idle-time", type: "integer", token: "IDLE", since: "6.2.0", optional: true },
          { name: "start", type: "string" },
          { name: "end", type: "string" },
          { name: "count", type: "integer" },
          { name: "consumer", type: "string", optional: true },
        ],
      },
    ],
    run: xpendingCommand,
  },
  {
    name: "XCLAIM",
    arity: -6,
    flags: WRITE | KEEPS_WATCHES | FAST,
    since: "5.0.0",
    complexity: "O(log N) with N entries pending.",
    summary: "Hands pending entries to another consumer.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RW | UPDATE)],
    args: [
      key,
      { name: "group", type: "string" },
      { name: "consumer", type: "string" },
      { name: "min-idle-time", type: "string" },
      { name: "id", type: "string", multiple: true },
      { name: "ms", type: "integer", token: "IDLE", optional: true },
      { name: "unix-time-milliseconds", type: "unix-time", token: "TIME", optional: true },
      { name: "count", type: "integer", token: "RETRYCOUNT", optional: true },
      { name: "force", type: "pure-token", token: "FORCE", optional: true },
      { name: "justid", type: "pure-token", token: "JUSTID", optional: true },
      { name: "lastid", type: "string", token: "LASTID", optional: true },
    ],
    run: xclaimCommand,
  },
  {
    name: "XAUTOCLAIM",
    arity: -6,
    flags: WRITE | KEEPS_WATCHES | FAST,
    since: "6.2.0",
    complexity: "O(1) if COUNT is small.",
    summary: "Hands entries that have been pending for long to another consumer.",
    history: [
      [
        "7.0.0",
        "Added an element to the reply array, containing deleted entries the " +
          "command cleared from the PEL",
      ],
    ],
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RW | DELETE)],
    args: [
      key,
      { name: "group", type: "string" },
      { name: "consumer", type: "string" },
      { name: "min-idle-time", type: "string" },
      { name: "start", type: "string" },
      countOption,
      { name: "justid", type: "pure-token", token: "JUSTID", optional: true },
    ],
    run: xautoclaimCommand,
  },
]);

// For use within one command.
const startId = new StreamId();
const endId = new StreamId();
const entryId = new StreamId();
const deliveries = new EntryCounter();

// ---- XPENDING --------------------------------------------------------------------------------

// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
function xpendingCommand(c: Context): void {
  if (c.count !== 3 && (c.count < 6 || c.count > 9)) return c.reply.syntaxError();
  if (c.count === 3) return replySummary(c);
  let first = 3;
  let minIdleMs = 0;
  if (c.is(3, "idle")) {
    minIdleMs = int64OrReply(c, 4);
    if (Number.isNaN(minIdleMs)) return;
    if (c.count < 8) return c.reply.syntaxError();
    first = 5;
  }
  const count = int64OrReply(c, first + 2);
  if (Number.isNaN(count)) return;
  if (!intervalStartOrReply(c, first, startId)) return;
  if (!intervalEndOrReply(c, first + 1, endId)) return;
  const group = readGroupOrReply(c);
  if (group === undefined) return;
  const reply = c.reply;
  let pending = group.pending;
  if (c.count > first + 3) {
    const consumer = group.consumers.find(c.bytes, c.start(first + 3), c.end(first + 3));
    if (consumer === undefined) return reply.array(0);
    pending = consumer.pending;
  }
  const mark = reply.openArray();
  let entries = 0;
  let more = pending.seek(startId);
  while (more && entries < count) {
    entryId.load(pending.words, pending.at);
    if (entryId.compare(endId) > 0) break;
    if (pending !== group.pending) group.pending.find(entryId);
    const idleMs = c.nowMs - group.deliveryTimeMs;
    if (minIdleMs === 0 || idleMs >= minIdleMs) {
      replyPending(c, group, idleMs);
      entries++;
    }
    more = pending.advance();
  }
  reply.closeArray(mark, entries);
}

/** Replies with the pending entry that the group's table points at, whose ID is entryId. */
function replyPending(c: Context, group: ConsumerGroup, idleMs: number): void {
  const reply = c.reply;
  reply.array(4);
  replyId(reply, entryId);
  reply.bulkBytes(group.owner.name);
  reply.integer(Math.max(idleMs, 0));
  group.readDeliveries(deliveries);
  replyInt64(reply, deliveries);
}

/** Cold: how many entries are pending, from which ID to which, and for whom. */
function replySummary(c: Context): void {
  const group = readGroupOrReply(c);
  if (group === undefined) return;
  const reply = c.reply;
  const pending = group.pending;
  reply.array(4);
  reply.integer(pending.count);
  if (!pending.seekFirst()) {
    reply.null();
    reply.null();
    return reply.nullArray();
  }
  entryId.load(pending.words, pending.at);
  replyId(reply, entryId);
  pending.seekLast();
  entryId.load(pending.words, pending.at);
  replyId(reply, entryId);
  const busy = group.consumers.sorted().filter((consumer) => consumer.pending.count > 0);
  reply.array(busy.length);
  for (const consumer of busy) {
    reply.array(2);
    reply.bulkBytes(consumer.name);
    reply.bulkInteger(consumer.pending.count);
  }
}

/** The group that arguments 1 and 2 name; a reply has been sent where it is undefined. */
function readGroupOrReply(c: Context): ConsumerGroup | undefined {
  const found = c.readKey(1);
  if (found !== undefined && found.type !== STREAM) {
    c.reply.wrongType();
    return undefined;
  }
  const group = found && streamOf(c.db, found).findGroup(c.bytes, c.start(2), c.end(2));
  if (group === undefined) replyNoKeyOrGroup(c, 1, 2);
  return group;
}

// ---- Claiming --------------------------------------------------------------------------------

/** The options of the XCLAIM or XAUTOCLAIM being executed. */
const claim = {
  minIdleMs: 0,
  /** The time of delivery to note. */
  deliveryTimeMs: 0,
  hasDeliveries: false,
  createsPending: false,
  onlyIds: false,
};
/** RETRYCOUNT's value. */
const retryCount = new Int64();

/** Looks up key 1 as the server counts it: to read, though it is changed. */
function lookUp(c: Context): RecordView | undefined {
  const found = c.writeKey(1);
  if (found === undefined) c.server.keyspace.misses++;
  else c.server.keyspace.hits++;
  if (found === undefined) c.notify(EVENT_KEY_MISS, "keymiss", 1);
  return found;
}

/** The consumer in argument 3, created where there is none; it has been seen. */
function claimant(c: Context, group: ConsumerGroup): Consumer {
  let consumer = group.consumers.find(c.bytes, c.start(3), c.end(3));
  if (consumer === undefined) {
    consumer = group.addConsumer(c.bytes, c.start(3), c.end(3), c.nowMs);
    c.effects.changed(1);
    c.notify(EVENT_STREAM, "xgroup-createconsumer", 1);
  }
  consumer.seenTimeMs = c.nowMs;
  return consumer;
}

/** Gives the entry that the group's table points at to a consumer, says so and propagates it. */
function handOver(
  c: Context,
  stream: Stream,
  group: ConsumerGroup,
  consumer: Consumer,
  id: StreamId,
): void {
  group.setOwner(id, consumer);
  group.deliveryTimeMs = claim.deliveryTimeMs;
  if (claim.hasDeliveries) group.writeDeliveries(retryCount);
  else if (!claim.onlyIds) group.addDelivery();
  if (claim.onlyIds) replyId(c.reply, id);
  else replyEntryOf(c, stream, id);
  consumer.activeTimeMs = c.nowMs;
  noteClaim(c, group, consumer, id);
}

/** Counts and propagates what became of the pending entry that the group's table points at. */
function noteClaim(c: Context, group: ConsumerGroup, owner: Consumer, id: StreamId): void {
  c.effects.changed(1);
  if (c.effects.active) propagateClaim(c, 1, 2, group, owner, id);
}

/** Whether the entry that the group's table points at has been idle for too short a time. */
function isBusy(c: Context, group: ConsumerGroup): boolean {
  return claim.minIdleMs > 0 && c.nowMs - group.deliveryTimeMs < claim.minIdleMs;
}

// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds]
//     [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]
function xclaimCommand(c: Context): void {
  const found = lookUp(c);
  if (found !== undefined && found.type !== STREAM) return c.reply.wrongType();
  const stream = found && streamOf(c.db, found);
  const group = stream?.findGroup(c.bytes, c.start(2), c.end(2));
  if (stream === undefined || group === undefined) return replyNoKeyOrGroup(c, 1, 2);
  claim.minIdleMs = int64OrReply(c, 4, "ERR Invalid min-idle-time argument for XCLAIM");
  if (Number.isNaN(claim.minIdleMs)) return;
  let idsEnd = 5;
  while (idsEnd < c.count && parseId(c, idsEnd, entryId)) idsEnd++;
  if (!claimOptionsOrReply(c, idsEnd)) return;
  let propagatesLastId = false;
  if (endId.compare(group.lastId) > 0) {
    group.lastId.copy(endId);
    propagatesLastId = true;
  }
  const consumer = claimant(c, group);
  const mark = c.reply.openArray();
  let claimed = 0;
  for (let index = 5; index < idsEnd; index++) {
    parseId(c, index, entryId);
    const isPending = group.pending.find(entryId);
    if (!hasEntry(stream, entryId)) {
      if (!isPending) continue;
      noteClaim(c, group, group.owner, entryId);
      group.removePending(entryId);
    } else if (!isPending) {
      if (!claim.createsPending) continue;
      group.addPending(entryId, consumer, c.nowMs);
      group.addDelivery();
      handOver(c, stream, group, consumer, entryId);
      claimed++;
    } else {
      if (isBusy(c, group)) continue;
      handOver(c, stream, group, consumer, entryId);
      claimed++;
    }
    propagatesLastId = false;
  }
  c.reply.closeArray(mark, claimed);
  if (propagatesLastId) {
    c.effects.changed(1);
    if (c.effects.active) propagateGroupId(c, 1, 2, group);
  }
  c.effects.suppress();
}

/** Reads XCLAIM's options from an argument on; LASTID goes to endId. */
function claimOptionsOrReply(c: Context, first: number): boolean {
  claim.hasDeliveries = false;
  claim.createsPending = false;
  claim.onlyIds = false;
  endId.setZero();
  let timeMs = -1;
  for (let index = first; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (c.is(index, "force")) {
      claim.createsPending = true;
    } else if (c.is(index, "justid")) {
      claim.onlyIds = true;
    } else if (hasValue && c.is(index, "idle")) {
      const idleMs = int64OrReply(c, ++index, "ERR Invalid IDLE option argument for XCLAIM");
      if (Number.isNaN(idleMs)) return false;
      timeMs = c.nowMs - idleMs;
    } else if (hasValue && c.is(index, "time")) {
      timeMs = int64OrReply(c, ++index, "ERR Invalid TIME option argument for XCLAIM");
      if (Number.isNaN(timeMs)) return false;
    } else if (hasValue && c.is(index, "retrycount")) {
      index++;
      if (!retryCount.parse(c.bytes, c.start(index), c.end(index))) {
        c.reply.error("ERR Invalid RETRYCOUNT option argument for XCLAIM");
        return false;
      }
      claim.hasDeliveries = retryCount.high >= 0;
    } else if (hasValue && c.is(index, "lastid")) {
      if (!idOrReply(c, ++index, endId)) return false;
    } else {
      replyUnknownOption(c, index);
      return false;
    }
  }
  // What is out of range is taken as now: clients' clocks differ from ours.
  claim.deliveryTimeMs = timeMs < 0 || timeMs > c.nowMs ? c.nowMs : timeMs;
  return true;
}

/** Cold. */
function replyUnknownOption(c: Context, index: number): void {
  c.reply.error(`ERR Unrecognized XCLAIM option '${shownArgument(c, index)}'`);
}

/** Entries that XAUTOCLAIM looks at for each that it may claim. */
const ATTEMPTS_PER_ENTRY = 10;
const COUNT_DEFAULT = 100;
/** COUNT times the attempts has to fit an int64, and COUNT IDs the memory there is. */
const COUNT_MAX = 2 ** 63 / 16;
const COUNT_WITH_MEMORY_MAX = 2 ** 30;

/** IDs of entries that were pending but deleted, four words each. */
let deletedIds = new Uint32Array(64);
/** What it shrinks back to after an exceptional call. */
const KEPT_ID_WORDS = 1 << 14;

// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
function xautoclaimCommand(c: Context): void {
  const found = lookUp(c);
  claim.minIdleMs = int64OrReply(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM");
  if (Number.isNaN(claim.minIdleMs)) return;
  if (!intervalStartOrReply(c, 5, startId)) return;
  const count = autoclaimOptionsOrReply(c);
  if (Number.isNaN(count)) return;
  if (found !== undefined && found.type !== STREAM) return c.reply.wrongType();
  const stream = found && streamOf(c.db, found);
  const group = stream?.findGroup(c.bytes, c.start(2), c.end(2));
  if (stream === undefined || group === undefined) return replyNoKeyOrGroup(c, 1, 2);
  if (count > COUNT_WITH_MEMORY_MAX) {
    return c.reply.error(
      "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
    );
  }
  const consumer = claimant(c, group);
  // The cursor goes in front of what is claimed, and is known only afterwards.
  const reply = c.reply;
  const start = reply.length;
  const mark = reply.openArray();
  const claimed = autoclaim(c, stream, group, consumer, count);
  reply.closeArray(mark, claimed);
  const end = reply.length;
  reply.array(3);
  replyId(reply, startId);
  reply.rotate(start, end);
  reply.array(deletedCount);
  for (let k = 0; k < deletedCount; k++) {
    entryId.load(deletedIds, k * ID_WORDS);
    replyId(reply, entryId);
  }
  // alloc: gives memory back
  if (deletedIds.length > KEPT_ID_WORDS) deletedIds = new Uint32Array(KEPT_ID_WORDS);
  c.effects.suppress();
}

function autoclaimOptionsOrReply(c: Context): number {
  let count = COUNT_DEFAULT;
  claim.onlyIds = false;
  claim.hasDeliveries = false;
  claim.deliveryTimeMs = c.nowMs;
  for (let index = 6; index < c.count; index++) {
    if (c.is(index, "count") && index + 1 < c.count) {
      count = int64OrReply(c, ++index, "ERR COUNT must be > 0");
      if (Number.isNaN(count)) return count;
      if (count < 1 || count >= COUNT_MAX) {
        c.reply.error("ERR COUNT must be > 0");
        return Number.NaN;
      }
    } else if (c.is(index, "justid")) {
      claim.onlyIds = true;
    } else {
      c.reply.syntaxError();
      return Number.NaN;
    }
  }
  return count;
}

let deletedCount = 0;

/**
 * Claims up to `count` entries from startId on, which becomes the ID to go on from. IDs of deleted
 * entries are counted too and left in deletedIds. Returns how many were claimed.
 */
function autoclaim(
  c: Context,
  stream: Stream,
  group: ConsumerGroup,
  consumer: Consumer,
  count: number,
): number {
  const pending = group.pending;
  let attempts = count * ATTEMPTS_PER_ENTRY;
  let left = count;
  let claimed = 0;
  deletedCount = 0;
  let more = pending.seek(startId);
  while (more && left > 0 && attempts > 0) {
    attempts--;
    entryId.load(pending.words, pending.at);
    if (!hasEntry(stream, entryId)) {
      noteClaim(c, group, group.owner, entryId);
      group.removePending(entryId);
      rememberDeleted(entryId);
      left--;
      more = pending.seek(entryId);
      continue;
    }
    if (!isBusy(c, group)) {
      handOver(c, stream, group, consumer, entryId);
      claimed++;
      left--;
    }
    more = pending.advance();
  }
  if (more) startId.load(pending.words, pending.at);
  else startId.setZero();
  return claimed;
}

function rememberDeleted(id: StreamId): void {
  if (deletedCount * ID_WORDS === deletedIds.length) {
    // alloc: doubling
    const larger = new Uint32Array(deletedIds.length * 2);
    larger.set(deletedIds);
    deletedIds = larger;
  }
  id.store(deletedIds, deletedCount * ID_WORDS);
  deletedCount++;
}
