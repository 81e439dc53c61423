// hot path: no allocation per command
//
// Taking the members with the lowest or highest scores out of sorted sets, and waiting for some.

import { latin1Bytes } from "../base/text.ts";
import { secondsDeadlineOrReply } from "../blocking/blocking.ts";
import {
  ACCESS,
  type ArgumentSpec,
  BLOCKING,
  DELETE,
  defineFamily,
  FAST,
  keyAt,
  keyRange,
  keysCounted,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_ZSET } from "../keyspace/event-classes.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { type RecordView, ZSET } from "../structures/record.ts";
import { countOption, key, keys, numkeys, tokens } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

/** Of ZMPOP, and of BZMPOP behind its timeout. */
const popArguments: readonly ArgumentSpec[] = [
  numkeys,
  keys,
  { name: "where", type: "oneof", arguments: tokens("MIN", "MAX") },
  countOption,
];
const popComplexity =
  "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in " +
  "the sorted set, and M being the number of elements popped.";

export const sortedSetPopCommands = defineFamily<Features>("sorted-set", [
  {
    name: "ZPOPMIN",
    arity: -2,
    flags: WRITE | FAST,
    since: "5.0.0",
    complexity:
      "O(log(N)*M) with N being the number of elements in the sorted set, and M being the " +
      "number of elements popped.",
    summary: "Pops the members with the lowest scores.",
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, { name: "count", type: "integer", optional: true }],
    run: zpopminCommand,
  },
  {
    name: "ZPOPMAX",
    arity: -2,
    flags: WRITE | FAST,
    since: "5.0.0",
    complexity:
      "O(log(N)*M) with N being the number of elements in the sorted set, and M being the " +
      "number of elements popped.",
    summary: "Pops the members with the highest scores.",
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, { name: "count", type: "integer", optional: true }],
    run: zpopmaxCommand,
  },
  {
    name: "ZMPOP",
    arity: -4,
    flags: WRITE,
    since: "7.0.0",
    complexity: popComplexity,
    summary: "Pops from the first of several sorted sets that has members.",
    keys: [keysCounted(1, RW | ACCESS | DELETE)],
    args: [...popArguments],
    run: zmpopCommand,
  },
  {
    name: "BZPOPMIN",
    arity: -3,
    flags: WRITE | BLOCKING | FAST,
    since: "5.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    summary: "Pops the lowest score of the first sorted set that has members, or waits for one.",
    history: [["6.0.0", "`timeout` is interpreted as a double instead of an integer."]],
    keys: [keyRange(1, -2, 1, RW | ACCESS | DELETE)],
    args: [keys, { name: "timeout", type: "double" }],
    run: bzpopminCommand,
  },
  {
    name: "BZPOPMAX",
    arity: -3,
    flags: WRITE | BLOCKING | FAST,
    since: "5.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    summary: "Pops the highest score of the first sorted set that has members, or waits for one.",
    history: [["6.0.0", "`timeout` is interpreted as a double instead of an integer."]],
    keys: [keyRange(1, -2, 1, RW | ACCESS | DELETE)],
    args: [keys, { name: "timeout", type: "double" }],
    run: bzpopmaxCommand,
  },
  {
    name: "BZMPOP",
    arity: -5,
    flags: WRITE | BLOCKING,
    since: "7.0.0",
    complexity: popComplexity,
    summary: "Pops from the first of several sorted sets that has members, or waits for one.",
    keys: [keysCounted(2, RW | ACCESS | DELETE)],
    args: [{ name: "timeout", type: "double" }, ...popArguments],
    run: bzmpopCommand,
  },
]);

const zset = new ZsetValue();

const ZPOPMIN_NAME = latin1Bytes("ZPOPMIN");
const ZPOPMAX_NAME = latin1Bytes("ZPOPMAX");

const NOT_POSITIVE = "ERR value is out of range, must be positive";
const NO_KEYS = "ERR numkeys should be greater than 0";
const NO_COUNT = "ERR count should be greater than 0";

/** Members whose records are loaded together. */
const LOADED_AHEAD = 16;

/** Returned where an error has been sent. */
const REPLIED = -1;
const NONE_FOUND = 0;

// ZPOPMIN key [count]
function zpopminCommand(c: Context): void {
  popFromKey(c, false);
}

// ZPOPMAX key [count]
function zpopmaxCommand(c: Context): void {
  popFromKey(c, true);
}

function popFromKey(c: Context, highest: boolean): void {
  const { reply } = c;
  if (c.count > 3) return reply.syntaxError();
  const hasCount = c.count === 3;
  const count = hasCount ? countOrReply(c, 2, 0, NOT_POSITIVE) : 1;
  if (Number.isNaN(count)) return;
  const found = c.writeKey(1);
  if (found === undefined) return reply.array(0);
  if (found.type !== ZSET) return reply.wrongType();
  if (count === 0) return reply.array(0);
  const value = zset.open(c.db, found);
  const taken = Math.min(count, value.size);
  // A single pop without a count stays flat in RESP3 too.
  const isNested = hasCount && reply.protocol === 3;
  reply.array(isNested ? taken : taken * 2);
  pop(c, 1, found, value, taken, highest, isNested);
}

/** An argument as a count of at least `least`; NaN after the error. */
function countOrReply(c: Context, index: number, least: number, error: string): number {
  let count = c.integer(index);
  if (Number.isNaN(count)) count = longOr(c, index, -1);
  if (count >= least) return count;
  c.reply.error(error);
  return Number.NaN;
}

/** Cold: an argument that is large or no integer. */
function longOr(c: Context, index: number, otherwise: number): number {
  const long = c.int64(index);
  return long === undefined ? otherwise : Number(long);
}

/** Replies with the first or last `taken` members of key `index`, and removes them. */
function pop(
  c: Context,
  index: number,
  found: RecordView,
  value: ZsetValue,
  taken: number,
  highest: boolean,
  isNested: boolean,
): void {
  const { reply } = c;
  const size = value.size;
  value.seekEnd(highest);
  for (let left = taken; ; ) {
    if ((taken - left) % LOADED_AHEAD === 0 && left > 1) {
      value.loadAhead(Math.min(left, LOADED_AHEAD), highest);
    }
    if (isNested) reply.array(2);
    reply.bulk(value.bytes, value.start, value.end);
    reply.double(value.score);
    if (--left === 0) break;
    if (highest) value.previous();
    else value.next();
  }
  if (taken === size) {
    c.db.deleteView(found);
  } else {
    if (taken === 1) value.removeEnd(highest);
    else value.removeRange(highest ? size - taken : 0, taken);
    c.db.resized(ZSET, size, size - taken);
  }
  c.effects.changed(taken);
  c.notify(EVENT_ZSET, highest ? "zpopmax" : "zpopmin", index);
  if (taken === size) c.notify(EVENT_GENERIC, "del", index);
}

/** The first of some keys that holds members: its index; NONE_FOUND; or REPLIED. */
function firstWithMembers(c: Context, firstKey: number, keyCount: number): number {
  for (let index = firstKey; index < firstKey + keyCount; index++) {
    const found = c.writeKey(index);
    if (found === undefined) continue;
    if (found.type === ZSET) return index;
    c.reply.wrongType();
    return REPLIED;
  }
  return NONE_FOUND;
}

// ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]
function zmpopCommand(c: Context): void {
  const keyCount = keyCountOrReply(c, 1);
  if (keyCount === REPLIED) return;
  const taken = popFirst(c, 2, keyCount);
  if (taken === NONE_FOUND) c.reply.nullArray();
}

/** What the arguments behind the keys of ZMPOP say. One object is used for all. */
const request = { highest: false, count: 1 };

/**
 * Reads everything from the number of keys on, at argument `index`, into `request`. Returns the
 * number of keys, or REPLIED.
 */
function keyCountOrReply(c: Context, index: number): number {
  const keyCount = countOrReply(c, index, 1, NO_KEYS);
  if (Number.isNaN(keyCount)) return REPLIED;
  const where = index + keyCount + 1;
  if (where >= c.count) return replySyntaxError(c);
  if (c.is(where, "min")) request.highest = false;
  else if (c.is(where, "max")) request.highest = true;
  else return replySyntaxError(c);
  request.count = 1;
  if (where + 1 === c.count) return keyCount;
  if (!c.is(where + 1, "count") || where + 2 >= c.count) return replySyntaxError(c);
  const count = countOrReply(c, where + 2, 1, NO_COUNT);
  if (Number.isNaN(count)) return REPLIED;
  if (where + 3 < c.count) return replySyntaxError(c);
  request.count = count;
  return keyCount;
}

function replySyntaxError(c: Context): number {
  c.reply.syntaxError();
  return REPLIED;
}

/** Pops what `request` says from the first key with members; NONE_FOUND where there is none. */
function popFirst(c: Context, firstKey: number, keyCount: number): number {
  const index = firstWithMembers(c, firstKey, keyCount);
  if (index === REPLIED || index === NONE_FOUND) return index;
  const { reply } = c;
  const found = c.server.keyspace.view;
  const value = zset.open(c.db, found);
  const taken = Math.min(request.count, value.size);
  reply.array(2);
  reply.bulk(c.bytes, c.start(index), c.end(index));
  reply.array(taken);
  pop(c, index, found, value, taken, request.highest, true);
  if (c.effects.active) propagatePop(c, index, request.highest, taken);
  return taken;
}

/** Propagates a pop of `count` members, one without saying so for 0. */
function propagatePop(c: Context, index: number, highest: boolean, count: number): void {
  const effect = c.effects.replace(count > 0 ? 3 : 2);
  effect.bulkBytes(highest ? ZPOPMAX_NAME : ZPOPMIN_NAME);
  effect.bulk(c.bytes, c.start(index), c.end(index));
  if (count > 0) effect.bulkInteger(count);
}

// BZPOPMIN key [key ...] timeout
function bzpopminCommand(c: Context): void {
  popOrWait(c, false);
}

// BZPOPMAX key [key ...] timeout
function bzpopmaxCommand(c: Context): void {
  popOrWait(c, true);
}

function popOrWait(c: Context, highest: boolean): void {
  const deadlineMs = secondsDeadlineOrReply(c, c.count - 1);
  if (Number.isNaN(deadlineMs)) return;
  const keyCount = c.count - 2;
  const index = firstWithMembers(c, 1, keyCount);
  if (index === REPLIED) return;
  if (index === NONE_FOUND) return wait(c, 1, keyCount, deadlineMs);
  const { reply } = c;
  const found = c.server.keyspace.view;
  reply.array(3);
  reply.bulk(c.bytes, c.start(index), c.end(index));
  pop(c, index, found, zset.open(c.db, found), 1, highest, false);
  if (c.effects.active) propagatePop(c, index, highest, 0);
}

// BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]
function bzmpopCommand(c: Context): void {
  const keyCount = keyCountOrReply(c, 2);
  if (keyCount === REPLIED) return;
  const deadlineMs = secondsDeadlineOrReply(c, 1);
  if (Number.isNaN(deadlineMs)) return;
  if (popFirst(c, 3, keyCount) === NONE_FOUND) wait(c, 3, keyCount, deadlineMs);
}

function wait(c: Context, firstKey: number, keyCount: number, deadlineMs: number): void {
  if (c.client.denyBlocking) return c.reply.nullArray();
  c.server.blocking.block(c, ZSET, firstKey, keyCount, deadlineMs);
}
