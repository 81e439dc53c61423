// hot path: no allocation per command
//
// Lists: changing them in the middle, and searching them.

import {
  ACCESS,
  DELETE,
  DENYOOM,
  defineFamily,
  INSERT,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_LIST } from "../keyspace/event-classes.ts";
import {
  insertElement,
  listLength,
  openList,
  prepareGrowth,
  prepareRecord,
  removeAtEnd,
  removeMatches,
  replaceElement,
} from "../keyspace/list-value.ts";
import type { ListCursor } from "../structures/list-cursor.ts";
import { Needle } from "../structures/listpack.ts";
import { LIST } from "../structures/record.ts";
import { key, tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import {
  countOrReply,
  element,
  longOrReply,
  reversibleOrReply,
  shortOrReply,
} from "./list-arguments.ts";

export const listChangeCommands = defineFamily("list", [
  {
    name: "LSET",
    arity: 4,
    flags: WRITE | DENYOOM,
    since: "1.0.0",
    complexity:
      "O(N) where N is the length of the list. Setting either the first or the last element of " +
      "the list is O(1).",
    summary: "Replaces the element at an index of a list.",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key, { name: "index", type: "integer" }, element],
    run: lsetCommand,
  },
  {
    name: "LINSERT",
    arity: 5,
    flags: WRITE | DENYOOM,
    since: "2.2.0",
    complexity:
      "O(N) where N is the number of elements to traverse before seeing the value pivot. This " +
      "means that inserting somewhere on the left end on the list (head) can be considered O(1) " +
      "and inserting somewhere on the right end (tail) is O(N).",
    summary: "Adds an element beside the first one that equals a pivot.",
    keys: [keyAt(1, RW | INSERT)],
    args: [
      key,
      { name: "where", type: "oneof", arguments: tokens("BEFORE", "AFTER") },
      { name: "pivot", type: "string" },
      element,
    ],
    run: linsertCommand,
  },
  {
    name: "LREM",
    arity: 4,
    flags: WRITE,
    since: "1.0.0",
    complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
    summary: "Removes elements that equal a value, from either end.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "count", type: "integer" }, element],
    run: lremCommand,
  },
  {
    name: "LTRIM",
    arity: 4,
    flags: WRITE,
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements to be removed by the operation.",
    summary: "Keeps the elements between two indexes of a list and no others.",
    keys: [keyAt(1, RW | DELETE)],
    args: [key, { name: "start", type: "integer" }, { name: "stop", type: "integer" }],
    run: ltrimCommand,
  },
  {
    name: "LPOS",
    arity: -3,
    flags: READONLY,
    since: "6.0.6",
    complexity:
      "O(N) where N is the number of elements in the list, for the average case. When searching " +
      "for elements near the head or the tail of the list, or when the MAXLEN option is " +
      "provided, the command may run in constant time.",
    summary: "Finds the indexes of elements that equal a value.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      element,
      { name: "rank", type: "integer", token: "RANK", optional: true },
      { name: "num-matches", type: "integer", token: "COUNT", optional: true },
      { name: "len", type: "integer", token: "MAXLEN", optional: true },
    ],
    run: lposCommand,
  },
]);

const needle = new Needle();

// LSET key index element
function lsetCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.error("ERR no such key");
  if (found.type !== LIST) return c.reply.wrongType();
  let index = shortOrReply(c, 2);
  if (Number.isNaN(index)) return;
  const { keyspace } = c.server;
  prepareGrowth(keyspace, c.db, found, c.length(3), 1);
  const cursor = openList(c.db, found);
  if (index < 0) index += cursor.size;
  if (index < 0 || index >= cursor.size) return c.reply.error("ERR index out of range");
  cursor.seek(index);
  replaceElement(c.db, found, c.bytes, c.start(3), c.end(3));
  // A shorter element may have made it small enough.
  prepareRecord(keyspace, c.db, found);
  c.effects.changed(1);
  c.notify(EVENT_LIST, "lset", 1);
  c.reply.ok();
}

// LINSERT key BEFORE | AFTER pivot element
function linsertCommand(c: Context): void {
  const isBehind = c.is(2, "after");
  if (!isBehind && !c.is(2, "before")) return c.reply.syntaxError();
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== LIST) return c.reply.wrongType();
  prepareGrowth(c.server.keyspace, c.db, found, c.length(4), 1);
  const cursor = openList(c.db, found);
  const length = cursor.size;
  needle.set(c.bytes, c.start(3), c.end(3));
  cursor.seek(0);
  if (cursor.seekMatch(needle, length) < 0) return c.reply.integer(-1);
  insertElement(c.db, found, isBehind, c.bytes, c.start(4), c.end(4));
  c.effects.changed(1);
  c.notify(EVENT_LIST, "linsert", 1);
  c.reply.integer(length + 1);
}

// LREM key count element
function lremCommand(c: Context): void {
  const count = reversibleOrReply(c, 2);
  if (Number.isNaN(count)) return;
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== LIST) return c.reply.wrongType();
  const cursor = openList(c.db, found);
  needle.set(c.bytes, c.start(3), c.end(3));
  const { size } = cursor;
  let limit = count === 0 ? size : count;
  if (count > 0) {
    cursor.seek(0);
  } else if (count < 0) {
    // The last so many are all there are from the first of them on.
    limit = seekMatchFromEnd(cursor, -count);
  } else {
    cursor.seek(0);
  }
  const removed = limit === 0 ? 0 : removeMatches(c.server.keyspace, c.db, found, needle, limit);
  c.effects.changed(removed);
  if (removed > 0) c.notify(EVENT_LIST, "lrem", 1);
  if (removed === size) c.notify(EVENT_GENERIC, "del", 1);
  c.reply.integer(removed);
}

/** Goes to the `count`th match from the end, or the first one; returns how many there are then. */
function seekMatchFromEnd(cursor: ListCursor, count: number): number {
  let matches = 0;
  let index = cursor.size - 1;
  let nearest = -1;
  cursor.seek(index);
  do {
    if (needle.matches(cursor.bytes, cursor.at)) {
      nearest = index;
      matches++;
      if (matches === count) return matches;
    }
    index--;
  } while (cursor.previous());
  if (matches > 0) cursor.seek(nearest);
  return matches;
}

// LTRIM key start stop
function ltrimCommand(c: Context): void {
  const start = longOrReply(c, 2);
  if (Number.isNaN(start)) return;
  const stop = longOrReply(c, 3);
  if (Number.isNaN(stop)) return;
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.ok();
  if (found.type !== LIST) return c.reply.wrongType();
  const { keyspace } = c.server;
  const size = listLength(c.db, found);
  const first = Math.max(0, start < 0 ? start + size : start);
  const last = Math.min(size - 1, stop < 0 ? stop + size : stop);
  if (first > last) {
    c.db.deleteView(found);
    c.effects.changed(size);
    c.notify(EVENT_LIST, "ltrim", 1);
    c.notify(EVENT_GENERIC, "del", 1);
    return c.reply.ok();
  }
  const behind = size - 1 - last;
  if (behind > 0) removeAtEnd(keyspace, c.db, found, false, behind);
  if (first > 0) removeAtEnd(keyspace, c.db, found, true, first);
  c.effects.changed(first + behind);
  if (first + behind === 0) {
    // Redis counts no change, and yet tells those who watch or cache the key.
    c.db.beforeWrite(found);
    keyspace.changes.settle(true, c.command.flags);
  }
  c.notify(EVENT_LIST, "ltrim", 1);
  c.reply.ok();
}

/** What the options of the LPOS being executed say; -1 where COUNT is not given. */
const search = { rank: 1, count: -1, maxLength: 0 };

// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
function lposCommand(c: Context): void {
  if (!searchOrReply(c)) return;
  const { count, maxLength } = search;
  const found = c.readKey(1);
  if (found === undefined) return count < 0 ? c.reply.null() : c.reply.array(0);
  if (found.type !== LIST) return c.reply.wrongType();
  const cursor = openList(c.db, found);
  const limit = maxLength === 0 ? cursor.size : Math.min(maxLength, cursor.size);
  needle.set(c.bytes, c.start(2), c.end(2));
  const mark = c.reply.length;
  const replied = replyMatches(c, cursor, limit);
  if (count >= 0) c.reply.insertArray(mark, replied);
  else if (replied === 0) c.reply.null();
}

/** Writes the indexes that `search` asks for, of `limit` elements; returns how many they are. */
function replyMatches(c: Context, cursor: ListCursor, limit: number): number {
  const isBackward = search.rank < 0;
  const last = cursor.size - 1;
  const wanted = search.count < 0 ? 1 : search.count;
  let passed = Math.abs(search.rank) - 1;
  let replied = 0;
  cursor.seek(isBackward ? last : 0);
  for (let looked = 0; looked < limit; looked++) {
    const skipped = isBackward
      ? seekMatchBefore(cursor, limit - looked)
      : cursor.seekMatch(needle, limit - looked);
    if (skipped < 0) break;
    looked += skipped;
    if (passed > 0) {
      passed--;
    } else {
      c.reply.integer(isBackward ? last - looked : looked);
      replied++;
      if (replied === wanted) break;
    }
    if (isBackward) cursor.previous();
    else cursor.next();
  }
  return replied;
}

/** As `seekMatch` of the cursor, towards the head. */
function seekMatchBefore(cursor: ListCursor, limit: number): number {
  for (let passed = 0; passed < limit; passed++) {
    if (needle.matches(cursor.bytes, cursor.at)) return passed;
    if (!cursor.previous()) break;
  }
  return -1;
}

/** Reads the options of LPOS; false after an error reply. */
function searchOrReply(c: Context): boolean {
  search.rank = 1;
  search.count = -1;
  search.maxLength = 0;
  for (let index = 3; index < c.count; index += 2) {
    const hasValue = index + 1 < c.count;
    if (hasValue && c.is(index, "rank")) {
      search.rank = reversibleOrReply(c, index + 1);
      if (search.rank === 0) replyRankZero(c);
      if (Number.isNaN(search.rank) || search.rank === 0) return false;
    } else if (hasValue && c.is(index, "count")) {
      search.count = countOrReply(c, index + 1, 0, "ERR COUNT can't be negative");
      if (Number.isNaN(search.count)) return false;
    } else if (hasValue && c.is(index, "maxlen")) {
      search.maxLength = countOrReply(c, index + 1, 0, "ERR MAXLEN can't be negative");
      if (Number.isNaN(search.maxLength)) return false;
    } else {
      c.reply.syntaxError();
      return false;
    }
  }
  return true;
}

function replyRankZero(c: Context): void {
  c.reply.error(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use " +
      "negative to start from the end of the list",
  );
}
