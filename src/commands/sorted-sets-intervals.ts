// hot path: no allocation per command
//
// Intervals of sorted sets as a whole: counting and removing their members.

import {
  ACCESS,
  DELETE,
  defineFamily,
  FAST,
  keyAt,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_ZSET } from "../keyspace/event-classes.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { ZSET } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { BY_LEX, BY_RANK, BY_SCORE, interval } from "./sorted-set-intervals.ts";

export const sortedSetIntervalCommands = defineFamily("sorted-set", [
  {
    name: "ZCOUNT",
    arity: 4,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    summary: "Counts the members with scores in an interval.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "min", type: "double" }, { name: "max", type: "double" }],
    run: zcountCommand,
  },
  {
    name: "ZLEXCOUNT",
    arity: 4,
    flags: READONLY | FAST,
    since: "2.8.9",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    summary: "Counts the members in a lexicographical interval.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "min", type: "string" }, { name: "max", type: "string" }],
    run: zlexcountCommand,
  },
  {
    name: "ZREMRANGEBYRANK",
    arity: 4,
    flags: WRITE,
    since: "2.0.0",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the number " +
      "of elements removed by the operation.",
    summary: "Removes the members in an interval of ranks.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "start", type: "integer" }, { name: "stop", type: "integer" }],
    run: zremrangebyrankCommand,
  },
  {
    name: "ZREMRANGEBYSCORE",
    arity: 4,
    flags: WRITE,
    since: "1.2.0",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the number " +
      "of elements removed by the operation.",
    summary: "Removes the members with scores in an interval.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "min", type: "double" }, { name: "max", type: "double" }],
    run: zremrangebyscoreCommand,
  },
  {
    name: "ZREMRANGEBYLEX",
    arity: 4,
    flags: WRITE,
    since: "2.8.9",
    complexity:
      "O(log(N)+M) with N being the number of elements in the sorted set and M the number " +
      "of elements removed by the operation.",
    summary: "Removes the members in a lexicographical interval.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "min", type: "string" }, { name: "max", type: "string" }],
    run: zremrangebylexCommand,
  },
]);

const zset = new ZsetValue();

// ZCOUNT key min max
function zcountCommand(c: Context): void {
  replyCount(c, BY_SCORE);
}

// ZLEXCOUNT key min max
function zlexcountCommand(c: Context): void {
  replyCount(c, BY_LEX);
}

function replyCount(c: Context, kind: number): void {
  if (!interval.parse(c, kind, 2, 3)) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== ZSET) return c.reply.wrongType();
  interval.resolve(c, zset.open(c.db, found), false);
  c.reply.integer(interval.count);
}

// ZREMRANGEBYRANK key start stop
function zremrangebyrankCommand(c: Context): void {
  removeRange(c, BY_RANK);
}

// ZREMRANGEBYSCORE key min max
function zremrangebyscoreCommand(c: Context): void {
  removeRange(c, BY_SCORE);
}

// ZREMRANGEBYLEX key min max
function zremrangebylexCommand(c: Context): void {
  removeRange(c, BY_LEX);
}

function removeRange(c: Context, kind: number): void {
  if (!interval.parse(c, kind, 2, 3)) return;
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== ZSET) return c.reply.wrongType();
  const value = zset.open(c.db, found);
  const size = value.size;
  interval.resolve(c, value, false);
  const { first, count } = interval;
  if (count === size) {
    c.db.deleteView(found);
  } else if (count > 0) {
    value.removeRange(first, count);
    c.db.resized(ZSET, size, size - count);
  }
  c.effects.changed(count);
  if (count > 0) c.notify(EVENT_ZSET, c.command.fullName, 1);
  if (count === size) c.notify(EVENT_GENERIC, "del", 1);
  c.reply.integer(count);
}
