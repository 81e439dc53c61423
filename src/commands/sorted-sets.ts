// hot path: no allocation per command
//
// Members and scores of sorted sets, one by one: ZADD and its relatives.

import { parseDouble } from "../base/double.ts";
import {
  ACCESS,
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_ZSET } from "../keyspace/event-classes.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { EMPTY_BYTES, writeEmpty } from "../structures/listpack.ts";
import { LISTPACK, type RecordView, ZSET } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import { key, tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";

export const sortedSetCommands = defineFamily("sorted-set", [
  {
    name: "ZADD",
    arity: -4,
    flags: WRITE | DENYOOM | FAST,
    since: "1.2.0",
    complexity:
      "O(log(N)) for each item added, where N is the number of elements in the sorted " + "set.",
    summary: "Adds members with their scores, or changes the scores of members.",
    history: [
      ["2.4.0", "Accepts multiple elements."],
      ["3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."],
      ["6.2.0", "Added the `GT` and `LT` options."],
    ],
    keys: [keyAt(1, RW | UPDATE)],
    member: 3,
    args: [
      key,
      {
        name: "condition",
        type: "oneof",
        since: "3.0.2",
        optional: true,
        arguments: tokens("NX", "XX"),
      },
      {
        name: "comparison",
        type: "oneof",
        since: "6.2.0",
        optional: true,
        arguments: tokens("GT", "LT"),
      },
      { name: "change", type: "pure-token", token: "CH", since: "3.0.2", optional: true },
      { name: "increment", type: "pure-token", token: "INCR", since: "3.0.2", optional: true },
      {
        name: "data",
        type: "block",
        multiple: true,
        arguments: [
          { name: "score", type: "double" },
          { name: "member", type: "string" },
        ],
      },
    ],
    run: zaddCommand,
  },
  {
    name: "ZINCRBY",
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: "1.2.0",
    complexity: "O(log(N)) where N is the number of elements in the sorted set.",
    summary: "Adds to the score of a member; a missing one counts as 0.",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    member: 3,
    args: [key, { name: "increment", type: "integer" }, { name: "member", type: "string" }],
    run: zincrbyCommand,
  },
  {
    name: "ZREM",
    arity: -3,
    flags: WRITE | FAST,
    since: "1.2.0",
    complexity:
      "O(M*log(N)) with N being the number of elements in the sorted set and M the number " +
      "of elements to be removed.",
    summary: "Removes members.",
    history: [["2.4.0", "Accepts multiple elements."]],
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "member", type: "string", multiple: true }],
    run: zremCommand,
  },
  {
    name: "ZCARD",
    arity: 2,
    flags: READONLY | FAST,
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Counts the members of a sorted set.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: zcardCommand,
  },
  {
    name: "ZSCORE",
    arity: 3,
    flags: READONLY | FAST,
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Tells the score of a member.",
    keys: [keyAt(1, RO | ACCESS)],
    member: 2,
    args: [key, { name: "member", type: "string" }],
    run: zscoreCommand,
  },
  {
    name: "ZMSCORE",
    arity: -3,
    flags: READONLY | FAST,
    since: "6.2.0",
    complexity: "O(N) where N is the number of members being requested.",
    summary: "Tells the scores of several members.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "member", type: "string", multiple: true }],
    run: zmscoreCommand,
  },
  {
    name: "ZRANK",
    arity: -3,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(log(N))",
    summary: "Tells the rank of a member, counted from the lowest score.",
    history: [["7.2.0", "Added the optional `WITHSCORE` argument."]],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "member", type: "string" },
      { name: "withscore", type: "pure-token", token: "WITHSCORE", optional: true },
    ],
    run: zrankCommand,
  },
  {
    name: "ZREVRANK",
    arity: -3,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(log(N))",
    summary: "Tells the rank of a member, counted from the highest score.",
    history: [["7.2.0", "Added the optional `WITHSCORE` argument."]],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "member", type: "string" },
      { name: "withscore", type: "pure-token", token: "WITHSCORE", optional: true },
    ],
    run: zrevrankCommand,
  },
]);

const zset = new ZsetValue();

// Options of ZADD.
const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const CH = 16;
const INCR = 32;

const NOT_A_FLOAT = "ERR value is not a valid float";
const RESULT_NOT_A_NUMBER = "ERR resulting score is not a number (NaN)";

/** Scores of one request; larger requests parse theirs a second time. */
const scores = new Float64Array(256);

// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
export function zaddCommand(c: Context): void {
  let flags = 0;
  let first = 2;
  for (; first < c.count; first++) {
    const flag = optionAt(c, first);
    if (flag === 0) break;
    flags |= flag;
  }
  const argCount = c.count - first;
  if ((argCount & 1) !== 0 || argCount === 0) return c.reply.syntaxError();
  if ((flags & (NX | XX)) === (NX | XX)) {
    return c.reply.error("ERR XX and NX options at the same time are not compatible");
  }
  const compared = flags & (NX | GT | LT);
  if (compared !== 0 && compared !== NX && compared !== GT && compared !== LT) {
    return c.reply.error("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if ((flags & INCR) !== 0 && argCount > 2) {
    return c.reply.error("ERR INCR option supports a single increment-element pair");
  }
  if ((flags & INCR) !== 0) return addToScore(c, first, flags);
  setScores(c, first, flags);
}

/** The flag of an option, 0 where the argument is none: no score begins with these letters. */
function optionAt(c: Context, index: number): number {
  const letter = c.length(index) < 2 ? 0 : c.bytes[c.start(index)] | 32;
  if (letter < 99 || letter > 120) return 0;
  if (c.is(index, "nx")) return NX;
  if (c.is(index, "xx")) return XX;
  if (c.is(index, "gt")) return GT;
  if (c.is(index, "lt")) return LT;
  if (c.is(index, "ch")) return CH;
  return c.is(index, "incr") ? INCR : 0;
}

/** Sets the scores of all pairs from argument `first` on. */
function setScores(c: Context, first: number, flags: number): void {
  // Every score is looked at before the first member is added.
  const pairs = (c.count - first) >>> 1;
  for (let k = 0; k < pairs; k++) {
    const score = scoreArgument(c, first + k * 2);
    if (Number.isNaN(score)) return c.reply.error(NOT_A_FLOAT);
    if (k < scores.length) scores[k] = score;
  }
  const value = openOrCreate(c, first, flags);
  if (value === undefined) return;
  const before = value.size;
  let added = 0;
  let updated = 0;
  for (let k = 0; k < pairs; k++) {
    const score = k < scores.length ? scores[k] : scoreArgument(c, first + k * 2);
    const member = first + k * 2 + 1;
    const start = c.start(member);
    const end = c.end(member);
    if (!value.find(c.bytes, start, end)) {
      if ((flags & XX) !== 0) continue;
      insert(c, value, member, score, before, added);
      added++;
    } else if (value.score !== score && allowsChange(flags, value.score, score)) {
      value.update(c.bytes, start, end, score);
      updated++;
    }
  }
  if (added > 0) c.db.resized(ZSET, before, before + added);
  c.effects.changed(added + updated);
  if (added + updated > 0) c.notify(EVENT_ZSET, "zadd", 1);
  c.reply.integer((flags & CH) !== 0 ? added + updated : added);
}

/**
 * Adds the member in argument `index`. Where memory runs out, the members that were added to
 * `before` ones are counted, and a key made for nothing is deleted.
 */
function insert(
  c: Context,
  value: ZsetValue,
  index: number,
  score: number,
  before: number,
  added: number,
): void {
  const { keyspace } = c.server;
  // alloc: `try` costs nothing while nothing is thrown
  try {
    value.insert(keyspace, c.bytes, c.start(index), c.end(index), score);
  } catch (error) {
    if (added > 0) c.db.resized(ZSET, before, before + added);
    else if (before === 0) c.db.deleteView(keyspace.view);
    throw error;
  }
}

function scoreArgument(c: Context, index: number): number {
  return parseDouble(c.bytes, c.start(index), c.end(index));
}

/** Whether the options let a member that is there have another score. */
function allowsChange(flags: number, former: number, score: number): boolean {
  if ((flags & (NX | GT | LT)) === 0) return true;
  if ((flags & NX) !== 0) return false;
  return (flags & GT) !== 0 ? score > former : score < former;
}

/**
 * The sorted set at key 1, made for the pairs from argument `first` on where there is none. After a
 * reply, undefined: a wrong type, or nothing to change with XX.
 */
function openOrCreate(c: Context, first: number, flags: number): ZsetValue | undefined {
  const found = c.writeKey(1);
  const pairs = (c.count - first) >>> 1;
  const { limits } = c.server.keyspace;
  if (found === undefined) {
    if ((flags & XX) === 0) return zset.open(c.db, createFor(c, first, pairs));
    if ((flags & INCR) !== 0) c.reply.null();
    else c.reply.integer(0);
    return undefined;
  }
  if (found.type !== ZSET) {
    c.reply.wrongType();
    return undefined;
  }
  const value = zset.open(c.db, found);
  if (value.set === null && pairs > limits.zsetMaxListpackEntries) {
    value.convert(c.server.keyspace);
  }
  return value;
}

/** Creates key 1, empty, in the encoding that so many pairs from argument `first` on will take. */
function createFor(c: Context, first: number, pairs: number): RecordView {
  const { limits, structures } = c.server.keyspace;
  let fits = pairs <= limits.zsetMaxListpackEntries;
  for (let k = 0; k < pairs && fits; k++) {
    fits = c.length(first + k * 2 + 1) <= limits.zsetMaxListpackValue;
  }
  if (!fits) return c.createContainer(1, new SortedSet(structures));
  const view = c.createValue(1, ZSET, LISTPACK, EMPTY_BYTES);
  writeEmpty(view.bytes, view.valueStart);
  c.db.resized(ZSET, -1, 0);
  return view;
}

/** Adds the score in argument `first` to that of the member behind it; replies with the sum. */
function addToScore(c: Context, first: number, flags: number): void {
  const increment = scoreArgument(c, first);
  if (Number.isNaN(increment)) return c.reply.error(NOT_A_FLOAT);
  const value = openOrCreate(c, first, flags);
  if (value === undefined) return;
  const start = c.start(first + 1);
  const end = c.end(first + 1);
  let score = increment;
  if (!value.find(c.bytes, start, end)) {
    if ((flags & XX) !== 0) return c.reply.null();
    const before = value.size;
    insert(c, value, first + 1, score, before, 0);
    c.db.resized(ZSET, before, before + 1);
    c.effects.changed(1);
    c.notify(EVENT_ZSET, "zincr", 1);
  } else {
    if ((flags & NX) !== 0) return c.reply.null();
    score += value.score;
    if (Number.isNaN(score)) return c.reply.error(RESULT_NOT_A_NUMBER);
    if ((flags & (GT | LT)) !== 0 && !allowsChange(flags, value.score, score)) {
      return c.reply.null();
    }
    if (value.score !== score) {
      value.update(c.bytes, start, end, score);
      c.effects.changed(1);
      c.notify(EVENT_ZSET, "zincr", 1);
    }
  }
  c.reply.double(score);
}

// ZINCRBY key increment member
function zincrbyCommand(c: Context): void {
  addToScore(c, 2, INCR);
}

// ZREM key member [member ...]
function zremCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== ZSET) return c.reply.wrongType();
  const value = zset.open(c.db, found);
  const before = value.size;
  let removed = 0;
  for (let index = 2; index < c.count && removed < before; index++) {
    if (!value.find(c.bytes, c.start(index), c.end(index))) continue;
    value.remove();
    removed++;
  }
  if (removed > 0) c.db.resized(ZSET, before, before - removed);
  if (removed === before) c.db.deleteView(found);
  c.effects.changed(removed);
  if (removed > 0) c.notify(EVENT_ZSET, "zrem", 1);
  if (removed === before) c.notify(EVENT_GENERIC, "del", 1);
  c.reply.integer(removed);
}

/** The sorted set at key 1; undefined where there is none, or after the type error. */
function readZset(c: Context): ZsetValue | undefined {
  const found = c.readKey(1);
  if (found === undefined) return undefined;
  if (found.type === ZSET) return zset.open(c.db, found);
  c.reply.wrongType();
  return undefined;
}

// ZCARD key
function zcardCommand(c: Context): void {
  const { errorCount } = c.reply;
  const value = readZset(c);
  if (value !== undefined) c.reply.integer(value.size);
  else if (c.reply.errorCount === errorCount) c.reply.integer(0);
}

// ZSCORE key member
function zscoreCommand(c: Context): void {
  const { errorCount } = c.reply;
  const value = readZset(c);
  if (value?.find(c.bytes, c.start(2), c.end(2))) c.reply.double(value.score);
  else if (c.reply.errorCount === errorCount) c.reply.null();
}

// ZMSCORE key member [member ...]
function zmscoreCommand(c: Context): void {
  const { errorCount } = c.reply;
  const value = readZset(c);
  if (c.reply.errorCount !== errorCount) return;
  c.reply.array(c.count - 2);
  for (let index = 2; index < c.count; index++) {
    if (value?.find(c.bytes, c.start(index), c.end(index))) c.reply.double(value.score);
    else c.reply.null();
  }
}

// ZRANK key member [WITHSCORE]
function zrankCommand(c: Context): void {
  replyRank(c, false);
}

// ZREVRANK key member [WITHSCORE]
function zrevrankCommand(c: Context): void {
  replyRank(c, true);
}

function replyRank(c: Context, fromEnd: boolean): void {
  const { reply } = c;
  if (c.count > 4) return replyWrongArity(c);
  const withScore = c.count > 3;
  if (withScore && !c.is(3, "withscore")) return reply.syntaxError();
  const { errorCount } = reply;
  const value = readZset(c);
  if (reply.errorCount !== errorCount) return;
  if (value === undefined || !value.find(c.bytes, c.start(2), c.end(2))) {
    if (withScore) reply.nullArray();
    else reply.null();
    return;
  }
  const { score } = value;
  const rank = fromEnd ? value.size - 1 - value.rank() : value.rank();
  if (withScore) reply.array(2);
  reply.integer(rank);
  if (withScore) reply.double(score);
}

/** Cold. */
function replyWrongArity(c: Context): void {
  c.reply.error(`ERR wrong number of arguments for '${c.command.fullName}' command`);
}
