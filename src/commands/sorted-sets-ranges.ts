// hot path: no allocation per command
//
// Walks over intervals of sorted sets: ZRANGE in all its forms and the commands it replaced.

import {
  ACCESS,
  type CommandSpec,
  DENYOOM,
  defineFamily,
  keyAt,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { ZSET } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import { key, limitOption, tokens, withScoresOption } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { BY_LEX, BY_RANK, BY_SCORE, interval } from "./sorted-set-intervals.ts";
import { storeZset } from "./sorted-set-results.ts";
import { indexOrReply } from "./string-arguments.ts";

const rangeComplexity =
  "O(log(N)+M) with N being the number of elements in the sorted set and M the number of " +
  "elements returned.";

/** What the commands share that ZRANGE with BYSCORE or BYLEX has replaced. */
const limitedRange = {
  arity: -4,
  flags: READONLY,
  complexity:
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of " +
    "elements being returned. If M is constant (e.g. always asking for the first 10 elements " +
    "with LIMIT), you can consider it O(log(N)).",
  docFlags: ["deprecated"],
  deprecatedSince: "6.2.0",
  keys: [keyAt(1, RO | ACCESS)],
} as const satisfies Partial<CommandSpec>;

export const sortedSetRangeCommands = defineFamily("sorted-set", [
  {
    name: "ZRANGE",
    arity: -4,
    flags: READONLY,
    since: "1.2.0",
    complexity: rangeComplexity,
    summary: "Lists the members in an interval of ranks, scores or members.",
    history: [["6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."]],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "start", type: "string" },
      { name: "stop", type: "string" },
      {
        name: "sortby",
        type: "oneof",
        since: "6.2.0",
        optional: true,
        arguments: tokens("BYSCORE", "BYLEX"),
      },
      { name: "rev", type: "pure-token", token: "REV", since: "6.2.0", optional: true },
      { ...limitOption, since: "6.2.0" },
      withScoresOption,
    ],
    run: zrangeCommand,
  },
  {
    name: "ZREVRANGE",
    arity: -4,
    flags: READONLY,
    since: "1.2.0",
    complexity: rangeComplexity,
    summary: "Lists the members in an interval of ranks, from the highest score down.",
    docFlags: ["deprecated"],
    deprecatedSince: "6.2.0",
    replacedBy: "`ZRANGE` with the `REV` argument",
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "start", type: "integer" },
      { name: "stop", type: "integer" },
      withScoresOption,
    ],
    run: zrevrangeCommand,
  },
  {
    name: "ZRANGEBYSCORE",
    ...limitedRange,
    since: "1.0.5",
    summary: "Lists the members with scores in an interval.",
    history: [["2.0.0", "Added the `WITHSCORES` modifier."]],
    replacedBy: "`ZRANGE` with the `BYSCORE` argument",
    args: [
      key,
      { name: "min", type: "double" },
      { name: "max", type: "double" },
      { ...withScoresOption, since: "2.0.0" },
      limitOption,
    ],
    run: zrangebyscoreCommand,
  },
  {
    name: "ZREVRANGEBYSCORE",
    ...limitedRange,
    since: "2.2.0",
    summary: "Lists the members with scores in an interval, from the highest down.",
    history: [["2.1.6", "`min` and `max` can be exclusive."]],
    replacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
    args: [
      key,
      { name: "max", type: "double" },
      { name: "min", type: "double" },
      withScoresOption,
      limitOption,
    ],
    run: zrevrangebyscoreCommand,
  },
  {
    name: "ZRANGEBYLEX",
    ...limitedRange,
    since: "2.8.9",
    summary: "Lists the members in a lexicographical interval.",
    replacedBy: "`ZRANGE` with the `BYLEX` argument",
    args: [key, { name: "min", type: "string" }, { name: "max", type: "string" }, limitOption],
    run: zrangebylexCommand,
  },
  {
    name: "ZREVRANGEBYLEX",
    ...limitedRange,
    since: "2.8.9",
    summary: "Lists the members in a lexicographical interval, from the last one down.",
    replacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
    args: [key, { name: "max", type: "string" }, { name: "min", type: "string" }, limitOption],
    run: zrevrangebylexCommand,
  },
  {
    name: "ZRANGESTORE",
    arity: -5,
    flags: WRITE | DENYOOM,
    since: "6.2.0",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the number " +
      "of elements stored into the destination key.",
    summary: "Stores the members in an interval of ranks, scores or members.",
    keys: [keyAt(1, OW | UPDATE), keyAt(2, RO | ACCESS)],
    args: [
      { name: "dst", type: "key", keySpecIndex: 0 },
      { name: "src", type: "key", keySpecIndex: 1 },
      { name: "min", type: "string" },
      { name: "max", type: "string" },
      { name: "sortby", type: "oneof", optional: true, arguments: tokens("BYSCORE", "BYLEX") },
      { name: "rev", type: "pure-token", token: "REV", optional: true },
      limitOption,
    ],
    run: zrangestoreCommand,
  },
]);

const zset = new ZsetValue();

/** What may still be chosen by an option. */
const ANY = -1;
const FORWARD = 0;
const REVERSE = 1;

const NO_LIMIT = -1;
/** Members of a walk whose records are loaded together. */
const LOADED_AHEAD = 16;

/** What the options of a command say. One object is used for all. */
const query = { kind: ANY, direction: ANY, withScores: false, offset: 0, limit: NO_LIMIT };

// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
function zrangeCommand(c: Context): void {
  replyRange(c, ANY, ANY);
}

// ZREVRANGE key start stop [WITHSCORES]
function zrevrangeCommand(c: Context): void {
  replyRange(c, BY_RANK, REVERSE);
}

// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
function zrangebyscoreCommand(c: Context): void {
  replyRange(c, BY_SCORE, FORWARD);
}

// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
function zrevrangebyscoreCommand(c: Context): void {
  replyRange(c, BY_SCORE, REVERSE);
}

// ZRANGEBYLEX key min max [LIMIT offset count]
function zrangebylexCommand(c: Context): void {
  replyRange(c, BY_LEX, FORWARD);
}

// ZREVRANGEBYLEX key max min [LIMIT offset count]
function zrevrangebylexCommand(c: Context): void {
  replyRange(c, BY_LEX, REVERSE);
}

function replyRange(c: Context, kind: number, direction: number): void {
  if (!parseQuery(c, 2, kind, direction, false)) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.array(0);
  if (found.type !== ZSET) return c.reply.wrongType();
  const value = zset.open(c.db, found);
  const isReverse = query.direction === REVERSE;
  let count = select(c, value, isReverse);
  const { reply } = c;
  const { withScores } = query;
  const isNested = withScores && reply.protocol === 3;
  reply.array(withScores && !isNested ? count * 2 : count);
  if (count === 0) return;
  value.seek(isReverse ? interval.first + count - 1 : interval.first);
  for (let shown = 0; ; ) {
    if (shown++ % LOADED_AHEAD === 0) value.loadAhead(Math.min(count, LOADED_AHEAD), isReverse);
    if (isNested) reply.array(2);
    reply.bulk(value.bytes, value.start, value.end);
    if (withScores) reply.double(value.score);
    if (--count === 0) return;
    if (isReverse) value.previous();
    else value.next();
  }
}

/**
 * Reads the interval at arguments `first` and `first` + 1 and the options behind it into `query`
 * and `interval`; false after an error.
 */
function parseQuery(
  c: Context,
  first: number,
  kind: number,
  direction: number,
  stores: boolean,
): boolean {
  query.kind = kind;
  query.direction = direction;
  query.withScores = false;
  query.offset = 0;
  query.limit = NO_LIMIT;
  if (c.count > first + 2 && !parseOptions(c, first + 2, stores)) return false;
  if (query.kind === ANY) query.kind = BY_RANK;
  if (query.limit !== NO_LIMIT && query.kind === BY_RANK) {
    c.reply.error(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
    return false;
  }
  if (query.withScores && query.kind === BY_LEX) {
    c.reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  // By score and by member, the highest end comes first where the direction is reversed.
  const isSwapped = query.direction === REVERSE && query.kind !== BY_RANK;
  const min = isSwapped ? first + 1 : first;
  const max = isSwapped ? first : first + 1;
  return interval.parse(c, query.kind, min, max);
}

function parseOptions(c: Context, first: number, stores: boolean): boolean {
  for (let index = first; index < c.count; index++) {
    if (!stores && c.is(index, "withscores")) {
      query.withScores = true;
    } else if (index + 2 < c.count && c.is(index, "limit")) {
      query.offset = indexOrReply(c, index + 1);
      if (Number.isNaN(query.offset)) return false;
      query.limit = indexOrReply(c, index + 2);
      if (Number.isNaN(query.limit)) return false;
      index += 2;
    } else if (query.direction === ANY && c.is(index, "rev")) {
      query.direction = REVERSE;
    } else if (query.kind === ANY && c.is(index, "bylex")) {
      query.kind = BY_LEX;
    } else if (query.kind === ANY && c.is(index, "byscore")) {
      query.kind = BY_SCORE;
    } else {
      c.reply.syntaxError();
      return false;
    }
  }
  return true;
}

/** Narrows `interval` to the ranks that the query selects; returns their number. */
function select(c: Context, value: ZsetValue, isReverse: boolean): number {
  interval.resolve(c, value, isReverse);
  const { limit } = query;
  if (query.kind === BY_RANK) return interval.count;
  // In Redis, a negative offset counts from the far end in a large set, and selects nothing in a
  // small one.
  const isFromEnd = query.offset < 0 && value.set !== null;
  const offset = isFromEnd ? interval.count + query.offset : query.offset;
  if (offset < 0 || offset >= interval.count) return 0;
  const rest = interval.count - offset;
  const count = limit < 0 ? rest : Math.min(limit, rest);
  interval.first += isReverse ? rest - count : offset;
  return count;
}

// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
function zrangestoreCommand(c: Context): void {
  if (!parseQuery(c, 3, ANY, ANY, true)) return;
  const found = c.readKey(2);
  if (found !== undefined && found.type !== ZSET) return c.reply.wrongType();
  const set = new SortedSet(c.server.keyspace.structures);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    if (found !== undefined) copyRange(c, zset.open(c.db, found), set);
  } catch (error) {
    while (!set.release(Number.MAX_SAFE_INTEGER));
    throw error;
  }
  storeZset(c, 1, set);
}

/** Appends the members that the query selects to a set. */
function copyRange(c: Context, value: ZsetValue, set: SortedSet): void {
  let count = select(c, value, query.direction === REVERSE);
  if (count === 0) return;
  value.seek(interval.first);
  for (;;) {
    set.append(value.bytes, value.start, value.end, value.score);
    if (--count === 0) return;
    value.next();
  }
}
