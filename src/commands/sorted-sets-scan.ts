// Sorted sets piece by piece and at random. A cursor of ZSCAN is a position in the hash order of a
// large one; a small one is returned whole.

import { randomBelow } from "../base/random.ts";
import { ACCESS, defineFamily, keyAt, READONLY, RO } from "../command/spec.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { ZSET } from "../structures/record.ts";
import { key, scanArguments, withScoresOption } from "./argument-specs.ts";
import { collectionScanOrReply, replyEmptyScan } from "./collection-scan.ts";
import { drawCountOrReply } from "./draw-count.ts";
import type { Context } from "./features.ts";
import { insertScanHeader, NO_CURSOR, parseCursor } from "./scan.ts";

export const sortedSetScanCommands = defineFamily("sorted-set", [
  {
    name: "ZSCAN",
    arity: -3,
    flags: READONLY,
    since: "2.8.0",
    complexity:
      "O(1) for every call. O(N) for a complete iteration, including enough command calls " +
      "for the cursor to return back to 0. N is the number of elements inside the " +
      "collection.",
    summary: "Lists some of the members with their scores, and where to go on.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, ...scanArguments],
    run: zscanCommand,
  },
  {
    name: "ZRANDMEMBER",
    arity: -2,
    flags: READONLY,
    since: "6.2.0",
    complexity: "O(N) where N is the number of members returned",
    summary: "Tells random members.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      {
        name: "options",
        type: "block",
        optional: true,
        arguments: [{ name: "count", type: "integer" }, withScoresOption],
      },
    ],
    run: zrandmemberCommand,
  },
]);

/** Steps per member asked for, so that a call ends soon in a table of mostly empty segments. */
const STEPS_PER_MEMBER = 10;

const zset = new ZsetValue();

// ZSCAN key cursor [MATCH pattern] [COUNT count]
function zscanCommand(c: Context): void {
  const cursor = parseCursor(c.bytes, c.start(2), c.end(2));
  if (cursor === NO_CURSOR) return c.reply.error("ERR invalid cursor");
  const found = c.readKey(1);
  if (found === undefined) return replyEmptyScan(c.reply);
  if (found.type !== ZSET) return c.reply.wrongType();
  const scan = collectionScanOrReply(c, false);
  if (scan === undefined) return;
  const { reply } = c;
  const mark = reply.length;
  const value = zset.open(c.db, found);
  let seen = 0;
  let shown = 0;
  const visit = ({ bytes, start, end, score }: ZsetValue) => {
    seen++;
    if (!scan.matches(bytes, start, end)) return;
    reply.bulk(bytes, start, end);
    reply.bulkDouble(score);
    shown++;
  };
  let position = cursor;
  let steps = 0;
  do {
    position = value.scan(position, scan.count - seen, visit);
    steps++;
  } while (position !== 0 && seen < scan.count && steps < scan.count * STEPS_PER_MEMBER);
  insertScanHeader(reply, mark, position, shown * 2);
}

/** A reply longer than this is refused, since nobody could send it. */
const REPLY_BYTES_MAX = 2 ** 31;
const REPLY_MEMBER_BYTES = 7;

// ZRANDMEMBER key [count [WITHSCORES]]
function zrandmemberCommand(c: Context): void {
  if (c.count === 2) return replyOne(c);
  const count = drawCountOrReply(c, "withscores");
  if (Number.isNaN(count)) return;
  const withScores = c.count > 3;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.array(0);
  if (found.type !== ZSET) return c.reply.wrongType();
  if (count === 0) return c.reply.array(0);
  const value = zset.open(c.db, found);
  if (count < 0) replyRepeated(c, value, -count, withScores);
  else replyDistinct(c, value, count, withScores);
}

function replyOne(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== ZSET) return c.reply.wrongType();
  const value = zset.open(c.db, found);
  value.seek(randomBelow(c.server.keyspace.random, value.size));
  c.reply.bulk(value.bytes, value.start, value.end);
}

/** RESP3 has a pair of its own for each member with its score. */
function replyHeader(c: Context, count: number, withScores: boolean): void {
  c.reply.array(withScores && c.reply.protocol === 2 ? count * 2 : count);
}

function replyMember(c: Context, value: ZsetValue, withScore: boolean): void {
  if (withScore && c.reply.protocol === 3) c.reply.array(2);
  c.reply.bulk(value.bytes, value.start, value.end);
  if (withScore) c.reply.double(value.score);
}

/** Draws `count` times from all members. */
function replyRepeated(c: Context, value: ZsetValue, count: number, withScores: boolean): void {
  if (count * REPLY_MEMBER_BYTES > REPLY_BYTES_MAX) {
    return c.reply.error("ERR value is out of range");
  }
  const { random } = c.server.keyspace;
  const { size } = value;
  replyHeader(c, count, withScores);
  for (let k = 0; k < count; k++) {
    value.seek(randomBelow(random, size));
    replyMember(c, value, withScores);
  }
}

/** Draws `count` different members, or all of them, the highest score first. */
function replyDistinct(c: Context, value: ZsetValue, count: number, withScores: boolean): void {
  const { random } = c.server.keyspace;
  let wanted = Math.min(count, value.size);
  replyHeader(c, wanted, withScores);
  if (wanted === value.size) return replyAll(c, value, withScores);
  if (value.set !== null) {
    return value.drawDistinct(wanted, () => replyMember(c, value, withScores));
  }
  // One pass: a member is taken with the share of those wanted in those left.
  value.seek(0);
  for (let left = value.size; wanted > 0; left--) {
    if (randomBelow(random, left) < wanted) {
      replyMember(c, value, withScores);
      wanted--;
    }
    value.next();
  }
}

function replyAll(c: Context, value: ZsetValue, withScores: boolean): void {
  value.seek(value.size - 1);
  do replyMember(c, value, withScores);
  while (value.previous());
}
