// hot path: no allocation per command
//
// The entries of streams: adding, counting, reading by ID, deleting and trimming.

import { Int64 } from "../base/int64.ts";
import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  DENYOOM,
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
import { EVENT_STREAM } from "../keyspace/event-classes.ts";
import { streamOf } from "../keyspace/stream-value.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { STREAM } from "../structures/record.ts";
import { Stream } from "../structures/stream.ts";
import { StreamId } from "../structures/stream-id.ts";
import { countOption, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import {
  addOptionsOrReply,
  ID_GENERATED,
  ID_GIVEN,
  ID_HALF_GENERATED,
  idKind,
  idOrReply,
  int64OrReply,
  intervalEndOrReply,
  intervalStartOrReply,
  trimOptions,
  trimOptionsOrReply,
} from "./stream-arguments.ts";
import { replyId, replyRange } from "./stream-replies.ts";

const TRIM_ARGUMENTS: readonly ArgumentSpec[] = [
  {
    name: "strategy",
    type: "oneof",
    arguments: [
      { name: "maxlen", type: "pure-token", token: "MAXLEN" },
      { name: "minid", type: "pure-token", token: "MINID", since: "6.2.0" },
    ],
  },
  {
    name: "operator",
    type: "oneof",
    optional: true,
    arguments: [
      { name: "equal", type: "pure-token", token: "=" },
      { name: "approximately", type: "pure-token", token: "~" },
    ],
  },
  { name: "threshold", type: "string" },
  { name: "count", type: "integer", token: "LIMIT", since: "6.2.0", optional: true },
];

export const streamCommands = defineFamily<Features>("stream", [
  {
    name: "XADD",
    arity: -5,
    flags: WRITE | DENYOOM | FAST,
    since: "5.0.0",
    complexity: "O(1) per entry, plus O(N) for the N entries that trimming removes.",
    summary: "Appends an entry to a stream.",
    history: [
      [
        "6.2.0",
        "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the " + "`LIMIT` option.",
      ],
      ["7.0.0", "Added support for the `<ms>-*` explicit ID form."],
    ],
    tips: ["nondeterministic_output"],
    keys: [
      keyAt(1, RW | UPDATE, "UPDATE instead of INSERT because of the optional trimming feature"),
    ],
    args: [
      key,
      {
        name: "nomkstream",
        type: "pure-token",
        token: "NOMKSTREAM",
        since: "6.2.0",
        optional: true,
      },
      { name: "trim", type: "block", optional: true, arguments: TRIM_ARGUMENTS },
      {
        name: "id-selector",
        type: "oneof",
        arguments: [
          { name: "auto-id", type: "pure-token", token: "*" },
          { name: "id", type: "string" },
        ],
      },
      {
        name: "data",
        type: "block",
        multiple: true,
        arguments: [
          { name: "field", type: "string" },
          { name: "value", type: "string" },
        ],
      },
    ],
    run: xaddCommand,
  },
  {
    name: "XLEN",
    arity: 2,
    flags: READONLY | FAST,
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Counts the entries of a stream.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: xlenCommand,
  },
  {
    name: "XRANGE",
    arity: -4,
    flags: READONLY,
    since: "5.0.0",
    complexity: "O(N) with N entries returned.",
    summary: "Reads entries between two IDs.",
    history: [["6.2.0", "Added exclusive ranges."]],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "start", type: "string" }, { name: "end", type: "string" }, countOption],
    run: xrangeCommand,
  },
  {
    name: "XREVRANGE",
    arity: -4,
    flags: READONLY,
    since: "5.0.0",
    complexity: "O(N) with N entries returned.",
    summary: "Reads entries between two IDs, newest first.",
    history: [["6.2.0", "Added exclusive ranges."]],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "end", type: "string" }, { name: "start", type: "string" }, countOption],
    run: xrevrangeCommand,
  },
  {
    name: "XDEL",
    arity: -3,
    flags: WRITE | FAST,
    since: "5.0.0",
    complexity: "O(1) per entry, however long the stream is.",
    summary: "Deletes entries of a stream by ID.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "id", type: "string", multiple: true }],
    run: xdelCommand,
  },
  {
    name: "XTRIM",
    arity: -4,
    flags: WRITE,
    since: "5.0.0",
    complexity: "O(N) with N entries removed, most of them a block at a time.",
    summary: "Deletes a stream's oldest entries.",
    history: [["6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option."]],
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "trim", type: "block", arguments: TRIM_ARGUMENTS }],
    run: xtrimCommand,
  },
  {
    name: "XSETID",
    arity: -3,
    flags: WRITE | KEEPS_WATCHES | DENYOOM | FAST,
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Sets a stream's counters, for replication.",
    history: [["7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments."]],
    keys: [keyAt(1, RW | UPDATE)],
    args: [
      key,
      { name: "last-id", type: "string" },
      {
        name: "entries-added",
        type: "integer",
        token: "ENTRIESADDED",
        since: "7.0.0",
        optional: true,
      },
      {
        name: "max-deleted-id",
        type: "string",
        token: "MAXDELETEDID",
        since: "7.0.0",
        optional: true,
      },
    ],
    run: xsetidCommand,
  },
]);

const EQUALS_TEXT = latin1Bytes("=");

/** Fields and values may not be longer together. */
const PAYLOAD_BYTES_MAX = 1 << 30;

// For use within one command.
const newId = new StreamId();
const startId = new StreamId();
const endId = new StreamId();

// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id
//     field value [field value ...]
function xaddCommand(c: Context): void {
  const idIndex = addOptionsOrReply(c, newId);
  if (idIndex === 0) return;
  const first = idIndex + 1;
  const payloadCount = c.count - first;
  if (payloadCount < 2 || payloadCount % 2 === 1) {
    return c.reply.error("ERR wrong number of arguments for 'xadd' command");
  }
  const kind = idKind;
  if (kind === ID_GIVEN && newId.isZero) {
    return c.reply.error("ERR The ID specified in XADD must be greater than 0-0");
  }
  const found = c.writeKey(1);
  if (found === undefined && trimOptions.makesNoStream) return c.reply.null();
  if (found !== undefined && found.type !== STREAM) return c.reply.wrongType();
  // alloc: a new key
  const stream =
    found === undefined ? new Stream(c.server.keyspace.structures) : streamOf(c.db, found);
  if (stream.lastId.isMaximum) {
    const text = "ERR The stream has exhausted the last possible ID, unable to add more items";
    return c.reply.error(text);
  }
  if (!chooseId(c, stream, kind)) {
    return c.reply.error(
      "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    );
  }
  if (c.end(c.count - 1) - c.start(first) > PAYLOAD_BYTES_MAX) {
    return c.reply.error("ERR Elements are too large to be stored");
  }
  const limits = c.server.keyspace.limits;
  const { streamNodeMaxBytes, streamNodeMaxEntries } = limits;
  const before = stream.size;
  stream.append(newId, c, first, payloadCount >>> 1, streamNodeMaxBytes, streamNodeMaxEntries);
  if (found === undefined) createStream(c, 1, stream);
  else c.server.blocking.signalReady(c, 1, STREAM);
  replyId(c.reply, newId);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xadd", 1);
  if (trimOptions.trims && stream.trim(trimOptions.bounds) > 0) {
    c.notify(EVENT_STREAM, "xtrim", 1);
  }
  if (found !== undefined || trimOptions.trims) {
    c.db.resized(STREAM, found === undefined ? 1 : before, stream.size);
  }
  const approximate = trimOptions.trims && trimOptions.bounds.approximate;
  if (c.effects.active && (kind !== ID_GIVEN || approximate)) {
    propagateAdd(c, stream, kind === ID_GIVEN ? NO_INDEX : idIndex);
  }
}

/** Puts a stream under a key that does not exist; gives its memory back where that fails. */
export function createStream(c: Context, index: number, stream: Stream): void {
  // alloc: `try` costs nothing while nothing is thrown
  try {
    c.createContainer(index, stream);
  } catch (error) {
    stream.release(2);
    throw error;
  }
}

/** Completes newId; false where it would not be above the stream's last one. */
function chooseId(c: Context, stream: Stream, kind: number): boolean {
  const last = stream.lastId;
  if (kind === ID_GENERATED) {
    newId.setTime(c.nowMs);
    // The clock may have gone back, or stood still.
    if (newId.msHigh < last.msHigh || (newId.msHigh === last.msHigh && newId.msLow <= last.msLow)) {
      newId.copy(last);
      newId.increment();
    }
  } else if (kind === ID_HALF_GENERATED && newId.sharesTime(last)) {
    if (last.hasLastSequence) return false;
    newId.copy(last);
    newId.increment();
  }
  return newId.compare(last) > 0;
}

/** Of no argument. */
const NO_INDEX = -1;

/** Propagates XADD with the ID it chose, unless it was given, and with what it trimmed to. */
function propagateAdd(c: Context, stream: Stream, idIndex: number): void {
  const effect = c.effects.replace(c.count);
  const { trims, bounds, thresholdIndex } = trimOptions;
  for (let index = 0; index < c.count; index++) {
    if (index === idIndex) replyId(effect, newId);
    else if (trims && bounds.approximate && index === thresholdIndex - 1) {
      effect.bulkBytes(EQUALS_TEXT);
    } else if (trims && bounds.approximate && index === thresholdIndex) {
      writeThreshold(effect, stream);
    } else {
      effect.bulk(c.bytes, c.start(index), c.end(index));
    }
  }
}

/** Writes, as the next argument of an effect, the exact threshold that gives what is left. */
function writeThreshold(effect: ReplyWriter, stream: Stream): void {
  if (!trimOptions.bounds.byId) return effect.bulkInteger(stream.size);
  // Where nothing is left, no entry may be, wherever this is carried out.
  stream.findOldest(endId);
  replyId(effect, endId);
}

// XLEN key
function xlenCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STREAM) return c.reply.wrongType();
  c.reply.integer(streamOf(c.db, found).size);
}

// XRANGE key start end [COUNT count]
function xrangeCommand(c: Context): void {
  replyInterval(c, 2, 3, false);
}

// XREVRANGE key end start [COUNT count]
function xrevrangeCommand(c: Context): void {
  replyInterval(c, 3, 2, true);
}

function replyInterval(c: Context, start: number, end: number, isBackwards: boolean): void {
  if (!intervalStartOrReply(c, start, startId)) return;
  if (!intervalEndOrReply(c, end, endId)) return;
  let count = -1;
  for (let index = 4; index < c.count; index += 2) {
    if (!c.is(index, "count") || index + 1 === c.count) return c.reply.syntaxError();
    count = int64OrReply(c, index + 1);
    if (Number.isNaN(count)) return;
    if (count < 0) count = 0;
  }
  const found = c.readKey(1);
  if (found === undefined) return c.reply.array(0);
  if (found.type !== STREAM) return c.reply.wrongType();
  if (count === 0) return c.reply.nullArray();
  replyRange(c, streamOf(c.db, found), startId, endId, Math.max(count, 0), isBackwards);
}

// XDEL key id [id ...]
function xdelCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STREAM) return c.reply.wrongType();
  // All or nothing: every ID is looked at before the first entry goes.
  for (let index = 2; index < c.count; index++) if (!idOrReply(c, index, startId)) return;
  const stream = streamOf(c.db, found);
  let deleted = 0;
  for (let index = 2; index < c.count; index++) {
    idOrReply(c, index, startId);
    if (stream.delete(startId)) deleted++;
  }
  if (deleted > 0) {
    c.db.resized(STREAM, stream.size + deleted, stream.size);
    c.effects.changed(deleted);
    c.notify(EVENT_STREAM, "xdel", 1);
  }
  c.reply.integer(deleted);
}

// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]
function xtrimCommand(c: Context): void {
  if (!trimOptionsOrReply(c)) return;
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STREAM) return c.reply.wrongType();
  const stream = streamOf(c.db, found);
  const deleted = stream.trim(trimOptions.bounds);
  if (deleted > 0) {
    c.db.resized(STREAM, stream.size + deleted, stream.size);
    c.effects.changed(deleted);
    c.notify(EVENT_STREAM, "xtrim", 1);
    if (trimOptions.bounds.approximate && c.effects.active) propagateTrim(c, stream);
  }
  c.reply.integer(deleted);
}

/** Propagates XTRIM with what it trimmed to. */
function propagateTrim(c: Context, stream: Stream): void {
  const effect = c.effects.replace(c.count);
  for (let index = 0; index < c.count; index++) {
    if (index === trimOptions.thresholdIndex - 1) effect.bulkBytes(EQUALS_TEXT);
    else if (index === trimOptions.thresholdIndex) writeThreshold(effect, stream);
    else effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}

const entriesAdded = new Int64();

// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
function xsetidCommand(c: Context): void {
  if (!idOrReply(c, 2, newId)) return;
  let hasAdded = false;
  endId.setZero();
  for (let index = 3; index < c.count; index += 2) {
    const hasValue = index + 1 < c.count;
    if (hasValue && c.is(index, "entriesadded")) {
      if (!entriesAdded.parse(c.bytes, c.start(index + 1), c.end(index + 1))) {
        return c.reply.notAnInteger();
      }
      if (entriesAdded.high < 0) return c.reply.error("ERR entries_added must be positive");
      hasAdded = true;
    } else if (hasValue && c.is(index, "maxdeletedid")) {
      if (!idOrReply(c, index + 1, endId)) return;
      if (newId.compare(endId) < 0) {
        return c.reply.error(
          "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
        );
      }
    } else {
      return c.reply.syntaxError();
    }
  }
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.error("ERR no such key");
  if (found.type !== STREAM) return c.reply.wrongType();
  const stream = streamOf(c.db, found);
  const refusal = setIdRefusal(stream, hasAdded);
  if (refusal !== "") return c.reply.error(refusal);
  stream.lastId.copy(newId);
  if (hasAdded) stream.entriesAdded.copy(entriesAdded);
  if (!endId.isZero) stream.maxDeletedId.copy(endId);
  c.effects.changed(1);
  c.notify(EVENT_STREAM, "xsetid", 1);
  c.reply.ok();
}

/** Why XSETID may not set the last ID to newId, and the entries added if given; "" if it may. */
function setIdRefusal(stream: Stream, hasAdded: boolean): string {
  if (newId.compare(stream.maxDeletedId) < 0) {
    return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
  }
  if (!stream.findLast(startId)) return "";
  if (newId.compare(startId) < 0) {
    return "ERR The ID specified in XSETID is smaller than the target stream top item";
  }
  if (hasAdded && entriesAdded.number < stream.size) {
    return "ERR The entries_added specified in XSETID is smaller than the target stream length";
  }
  return "";
}
