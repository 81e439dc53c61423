// hot path: no allocation per command
//
// Commands that take or show random members of a set, each equally likely.

import { copyBytes, INT64_MIN } from "../base/ascii.ts";
import { randomBelow } from "../base/random.ts";
import { latin1Bytes } from "../base/text.ts";
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
import { EVENT_GENERIC, EVENT_SET } from "../keyspace/event-classes.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import * as intset from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
import type { MemberTable } from "../structures/member-table.ts";
import { CONTAINER, INTSET, LISTPACK, type RecordView, SET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";
import { key } from "./argument-specs.ts";
import { BELOW_RANGE } from "./draw-count.ts";
import type { Context, Features } from "./features.ts";
import { bulkMember, bulkMembers } from "./set-replies.ts";

export const setRandomCommands = defineFamily<Features>("set", [
  {
    name: "SPOP",
    arity: -2,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity:
      "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    summary: "Removes random members from a set and returns them; an empty set goes.",
    history: [["3.2.0", "Added the `count` argument."]],
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, { name: "count", type: "integer", since: "3.2.0", optional: true }],
    run: spopCommand,
  },
  {
    name: "SRANDMEMBER",
    arity: -2,
    flags: READONLY,
    since: "1.0.0",
    complexity:
      "Without the count argument O(1), otherwise O(N) where N is the absolute value of the " +
      "passed count.",
    summary: "Returns random members of a set.",
    history: [["2.6.0", "Added the optional `count` argument."]],
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "count", type: "integer", since: "2.6.0", optional: true }],
    run: srandmemberCommand,
  },
]);

const SREM_NAME = latin1Bytes("SREM");
const DEL_NAME = latin1Bytes("DEL");
const UNLINK_NAME = latin1Bytes("UNLINK");

const OUT_OF_RANGE = "ERR value is out of range, must be positive";
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";

/** Members that one SREM of SPOP's effect names at most, as in Redis. */
const EFFECT_MEMBERS_MAX = 1024;
/** A reply of repeated members longer than this is refused, since nobody could send it. */
const REPLY_BYTES_MAX = 2 ** 30;
const REPLY_MEMBER_BYTES = 7;

/** Redis makes a new set of what is left where that is so much less than what is taken. */
const REBUILD_RATIO = 5;

const value = new SetValue();
const made = new SetValue();
const member = new SetMember();
const walk = new SetWalk();

// SPOP key [count]
function spopCommand(c: Context): void {
  if (c.count === 3) return popSeveral(c);
  if (c.count > 3) return c.reply.syntaxError();
  const view = c.writeKey(1);
  if (view === undefined) return c.reply.null();
  if (view.type !== SET) return c.reply.wrongType();
  value.open(c.db, view);
  const before = value.size;
  value.draw(c.server.keyspace.random, member);
  bulkMember(c.reply, member);
  if (c.effects.active) {
    const effect = c.effects.replace(3);
    effect.bulkBytes(SREM_NAME);
    effect.bulk(c.bytes, c.start(1), c.end(1));
    bulkMember(effect, member);
  }
  value.removeDrawn(member);
  c.db.resized(SET, before, before - 1);
  if (before === 1) c.db.deleteView(view);
  c.effects.changed();
  c.notify(EVENT_SET, "spop", 1);
  if (before === 1) c.notify(EVENT_GENERIC, "del", 1);
}

/** SPOP with a count. */
function popSeveral(c: Context): void {
  const count = int64OrReply(c, 2, OUT_OF_RANGE);
  if (Number.isNaN(count)) return;
  if (count < 0) return c.reply.error(OUT_OF_RANGE);
  const view = c.writeKey(1);
  if (view === undefined) return c.reply.set(0);
  if (view.type !== SET) return c.reply.wrongType();
  if (count === 0) return c.reply.set(0);
  value.open(c.db, view);
  const before = value.size;
  if (count >= before) return popAll(c, view, before);
  c.reply.set(count);
  if (value.encoding === CONTAINER) popFromTable(c, view, count);
  else popFromCompact(c, before, count);
  c.db.resized(SET, before, before - count);
  c.effects.changed(count);
  c.notify(EVENT_SET, "spop", 1);
}

/** An argument as an int64, rounded beyond 2^53; NaN after an error. */
function int64OrReply(c: Context, index: number, error: string): number {
  const count = c.integer(index);
  return Number.isNaN(count) ? longOrReply(c, index, error) : count;
}

/** Cold: as `int64OrReply`, of a number that is large or none. */
function longOrReply(c: Context, index: number, error: string): number {
  const long = c.int64(index);
  if (long === undefined) c.reply.error(error);
  else if (long === INT64_MIN) c.reply.error(error === OUT_OF_RANGE ? error : BELOW_RANGE);
  else return Number(long);
  return Number.NaN;
}

function popAll(c: Context, view: RecordView, size: number): void {
  // Redis answers with the set's union with nothing, which counts as reading it.
  c.server.keyspace.hits++;
  c.reply.set(size);
  bulkMembers(c.reply, value);
  if (c.effects.active) {
    const effect = c.effects.replace(2);
    effect.bulkBytes(c.server.config.flag("lazyfree-lazy-server-del") ? UNLINK_NAME : DEL_NAME);
    effect.bulk(c.bytes, c.start(1), c.end(1));
  }
  c.db.deleteView(view);
  c.effects.changed(size);
  c.notify(EVENT_SET, "spop", 1);
  c.notify(EVENT_GENERIC, "del", 1);
}

/** Begins the effect of taking away the next members of `left` that are still to go. */
function beginEffect(c: Context, left: number): ReplyWriter {
  const effect = c.effects.replace(2 + Math.min(EFFECT_MEMBERS_MAX, left));
  effect.bulkBytes(SREM_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  return effect;
}

function popFromTable(c: Context, view: RecordView, count: number): void {
  const table = value.table!;
  let effect: ReplyWriter | undefined;
  // alloc: a reply of as many members is longer
  const drawn: number[] = [];
  table.randomDistinct(count, (ref, hash) => drawn.push(ref, hash));
  for (let k = 0; k < count; k++) {
    const ref = drawn[2 * k];
    const hash = drawn[2 * k + 1];
    member.setRecord(table, ref, hash);
    bulkMember(c.reply, member);
    if (c.effects.active) {
      if (k % EFFECT_MEMBERS_MAX === 0) effect = beginEffect(c, count - k);
      bulkMember(effect!, member);
    }
    table.remove(ref, hash);
  }
  if (table.size * REBUILD_RATIO <= count) makeCompact(c, view, table);
}

/** After most of a table has been taken: what is left becomes a listpack where it may be one. */
function makeCompact(c: Context, view: RecordView, table: MemberTable): void {
  const { keyspace } = c.server;
  if (table.size > keyspace.limits.setMaxListpackEntries) return;
  made.begin(keyspace, LISTPACK);
  walk.open(value);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    while (walk.next()) made.addNew(keyspace, walk.member);
    if (made.encoding === LISTPACK) {
      c.db.detach(view, LISTPACK, made.byteLength);
      copyBytes(view.bytes, view.valueStart, made.bytes, 0, made.byteLength);
      keyspace.lazyFree.discard(table);
    }
  } catch (error) {
    // Without memory for a listpack it stays a table: the members taken are gone by now.
    if (!(error instanceof RangeError)) throw error;
  }
  walk.close();
  made.close(keyspace);
}

/** Takes `count` of `size` members in one pass that moves together those that stay. */
function popFromCompact(c: Context, size: number, count: number): void {
  const { random } = c.server.keyspace;
  let effect: ReplyWriter | undefined;
  const { bytes, start } = value;
  const isIntset = value.encoding === INTSET;
  const width = isIntset ? intset.widthAt(bytes, start) : 0;
  let to = start + (isIntset ? intset.elementOffset(width, 0) : listpack.HEADER_BYTES);
  let from = to;
  let wanted = count;
  walk.open(value);
  for (let left = size; left > 0; left--) {
    walk.next();
    const next = isIntset ? from + width : listpack.nextEntry(bytes, from);
    if (randomBelow(random, left) < wanted) {
      bulkMember(c.reply, walk.member);
      if (c.effects.active) {
        if ((count - wanted) % EFFECT_MEMBERS_MAX === 0) effect = beginEffect(c, wanted);
        bulkMember(effect!, walk.member);
      }
      wanted--;
    } else {
      if (to !== from) bytes.copyWithin(to, from, next);
      to += next - from;
    }
    from = next;
  }
  walk.close();
  value.truncate(to - start, size - count);
}

// SRANDMEMBER key [count]
function srandmemberCommand(c: Context): void {
  if (c.count === 3) return showSeveral(c);
  if (c.count > 3) return c.reply.syntaxError();
  const view = c.readKey(1);
  if (view === undefined) return c.reply.null();
  if (view.type !== SET) return c.reply.wrongType();
  value.open(c.db, view).draw(c.server.keyspace.random, member);
  bulkMember(c.reply, member);
}

/** SRANDMEMBER with a count. */
function showSeveral(c: Context): void {
  const count = int64OrReply(c, 2, NOT_AN_INTEGER);
  if (Number.isNaN(count)) return;
  const view = c.readKey(1);
  if (view === undefined) return c.reply.array(0);
  if (view.type !== SET) return c.reply.wrongType();
  value.open(c.db, view);
  const { size } = value;
  if (count === 0) return c.reply.array(0);
  if (count < 0) return showRepeated(c, -count);
  c.reply.array(Math.min(count, size));
  if (count >= size) return bulkMembers(c.reply, value);
  if (value.encoding === CONTAINER) showDistinct(c, count);
  else showSelected(c, size, count);
}

function showRepeated(c: Context, count: number): void {
  const { random } = c.server.keyspace;
  if (count * REPLY_MEMBER_BYTES > REPLY_BYTES_MAX) {
    return c.reply.error("ERR value is out of range");
  }
  c.reply.array(count);
  for (let k = 0; k < count; k++) {
    value.draw(random, member);
    bulkMember(c.reply, member);
  }
}

function showDistinct(c: Context, count: number): void {
  const table = value.table!;
  // alloc: one closure
  table.randomDistinct(count, (ref, hash) => {
    member.setRecord(table, ref, hash);
    bulkMember(c.reply, member);
  });
}

/** Shows `count` of `size` members in one pass. */
function showSelected(c: Context, size: number, count: number): void {
  const { random } = c.server.keyspace;
  let wanted = count;
  walk.open(value);
  for (let left = size; wanted > 0; left--) {
    walk.next();
    if (randomBelow(random, left) >= wanted) continue;
    bulkMember(c.reply, walk.member);
    wanted--;
  }
  walk.close();
}
