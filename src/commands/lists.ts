// hot path: no allocation per command
//
// Lists: adding elements at the ends, and reading by index.

import {
  ACCESS,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_LIST } from "../keyspace/event-classes.ts";
import {
  listLength,
  newQuicklist,
  openGap,
  openList,
  outgrowsRecord,
  prepareGrowth,
  quicklistOf,
} from "../keyspace/list-value.ts";
import {
  EMPTY_BYTES,
  encodedSize,
  finish,
  HEADER_BYTES,
  writeEntry,
} from "../structures/listpack.ts";
import { replyEntries, replyEntry } from "../structures/listpack-reply.ts";
import type { Quicklist } from "../structures/quicklist.ts";
import { LIST, LISTPACK, type RecordView } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { elements, longOrReply } from "./list-arguments.ts";

const ADDING_COMPLEXITY =
  "O(1) for each element added, so O(N) to add N elements when the command is called with " +
  "multiple arguments.";

export const listCommands = defineFamily("list", [
  {
    name: "LPUSH",
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: "1.0.0",
    complexity: ADDING_COMPLEXITY,
    summary: "Puts elements in front of a list, one after the other.",
    history: [["2.4.0", "Accepts multiple `element` arguments."]],
    keys: [keyAt(1, RW | INSERT)],
    args: [key, elements],
    run: lpushCommand,
  },
  {
    name: "RPUSH",
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: "1.0.0",
    complexity: ADDING_COMPLEXITY,
    summary: "Appends elements to a list.",
    history: [["2.4.0", "Accepts multiple `element` arguments."]],
    keys: [keyAt(1, RW | INSERT)],
    args: [key, elements],
    run: rpushCommand,
  },
  {
    name: "LPUSHX",
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: "2.2.0",
    complexity: ADDING_COMPLEXITY,
    summary: "Puts elements in front of a list that exists.",
    history: [["4.0.0", "Accepts multiple `element` arguments."]],
    keys: [keyAt(1, RW | INSERT)],
    args: [key, elements],
    run: lpushxCommand,
  },
  {
    name: "RPUSHX",
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: "2.2.0",
    complexity: ADDING_COMPLEXITY,
    summary: "Appends elements to a list that exists.",
    history: [["4.0.0", "Accepts multiple `element` arguments."]],
    keys: [keyAt(1, RW | INSERT)],
    args: [key, elements],
    run: rpushxCommand,
  },
  {
    name: "LLEN",
    arity: 2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells how many elements a list has.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: llenCommand,
  },
  {
    name: "LINDEX",
    arity: 3,
    flags: READONLY,
    since: "1.0.0",
    complexity:
      "O(N) where N is the number of elements to traverse to get to the element at index. This " +
      "makes asking for the first or the last element of the list O(1).",
    summary: "Reads the element at an index of a list.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "index", type: "integer" }],
    run: lindexCommand,
  },
  {
    name: "LRANGE",
    arity: 4,
    flags: READONLY,
    since: "1.0.0",
    complexity:
      "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest " +
      "end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
    summary: "Reads the elements between two indexes of a list.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "start", type: "integer" }, { name: "stop", type: "integer" }],
    run: lrangeCommand,
  },
]);

// LPUSH key element [element ...]
function lpushCommand(c: Context): void {
  push(c, true, false);
}

// RPUSH key element [element ...]
function rpushCommand(c: Context): void {
  push(c, false, false);
}

// LPUSHX key element [element ...]
function lpushxCommand(c: Context): void {
  push(c, true, true);
}

// RPUSHX key element [element ...]
function rpushxCommand(c: Context): void {
  push(c, false, true);
}

function push(c: Context, isHead: boolean, mustExist: boolean): void {
  const found = c.writeKey(1);
  const added = c.count - 2;
  if (found === undefined) {
    if (mustExist) return c.reply.integer(0);
    createList(c, isHead);
    c.effects.changed(added);
    c.notify(EVENT_LIST, isHead ? "lpush" : "rpush", 1);
    return c.reply.integer(added);
  }
  if (found.type !== LIST) return c.reply.wrongType();
  let list = quicklistOf(c.db, found);
  if (list === undefined) {
    prepareGrowth(c.server.keyspace, c.db, found, textBytes(c), added);
    list = quicklistOf(c.db, found);
  }
  let length: number;
  if (list !== undefined) {
    const before = list.size;
    pushAll(c, list, isHead);
    length = list.size;
    c.db.resized(LIST, before, length);
  } else {
    const at = openGap(c.db, found, isHead, entryBytes(c), added);
    writeEntries(c, found.bytes, at, isHead);
    length = listLength(c.db, found);
  }
  c.effects.changed(added);
  c.notify(EVENT_LIST, isHead ? "lpush" : "rpush", 1);
  c.reply.integer(length);
}

/** Creates key 1 with the elements. */
function createList(c: Context, isHead: boolean): void {
  const { keyspace } = c.server;
  const count = c.count - 2;
  if (outgrowsRecord(keyspace, EMPTY_BYTES + textBytes(c), count)) {
    const list = newQuicklist(keyspace);
    // alloc: once per list; `try` costs nothing while nothing is thrown
    try {
      pushAll(c, list, isHead);
      c.createContainer(1, list);
    } catch (error) {
      keyspace.lazyFree.discard(list);
      throw error;
    }
    return;
  }
  const bytes = entryBytes(c);
  const view = c.createValue(1, LIST, LISTPACK, EMPTY_BYTES + bytes);
  const at = view.valueStart + HEADER_BYTES;
  writeEntries(c, view.bytes, at, isHead);
  finish(view.bytes, view.valueStart, at + bytes, count);
  c.db.resized(LIST, -1, count);
}

/** Bytes of the elements' texts. */
function textBytes(c: Context): number {
  let bytes = 0;
  for (let index = 2; index < c.count; index++) bytes += c.length(index);
  return bytes;
}

/** Bytes of the elements as listpack entries. */
function entryBytes(c: Context): number {
  let bytes = 0;
  for (let index = 2; index < c.count; index++) {
    bytes += encodedSize(c.bytes, c.start(index), c.end(index));
  }
  return bytes;
}

/** Writes the elements as they stand in the list once they were added one by one. */
function writeEntries(c: Context, target: Uint8Array, offset: number, isHead: boolean): void {
  let at = offset;
  if (isHead) {
    for (let index = c.count - 1; index >= 2; index--) {
      at = writeEntry(target, at, c.bytes, c.start(index), c.end(index));
    }
  } else {
    for (let index = 2; index < c.count; index++) {
      at = writeEntry(target, at, c.bytes, c.start(index), c.end(index));
    }
  }
}

function pushAll(c: Context, list: Quicklist, isHead: boolean): void {
  for (let index = 2; index < c.count; index++) {
    if (isHead) list.pushHead(c.bytes, c.start(index), c.end(index));
    else list.pushTail(c.bytes, c.start(index), c.end(index));
  }
}

// LLEN key
function llenCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== LIST) return c.reply.wrongType();
  c.reply.integer(listLength(c.db, found));
}

// LINDEX key index
function lindexCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== LIST) return c.reply.wrongType();
  // Looked at only now: a missing key hides an invalid index.
  let index = longOrReply(c, 2);
  if (Number.isNaN(index)) return;
  const cursor = openList(c.db, found);
  if (index < 0) index += cursor.size;
  if (index < 0 || index >= cursor.size) return c.reply.null();
  cursor.seek(index);
  replyEntry(c.reply, cursor.bytes, cursor.at);
}

// LRANGE key start stop
function lrangeCommand(c: Context): void {
  const start = longOrReply(c, 2);
  if (Number.isNaN(start)) return;
  const stop = longOrReply(c, 3);
  if (Number.isNaN(stop)) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.array(0);
  if (found.type !== LIST) return c.reply.wrongType();
  const size = listLength(c.db, found);
  const first = Math.max(0, start < 0 ? start + size : start);
  const last = Math.min(size - 1, stop < 0 ? stop + size : stop);
  if (first > last) return c.reply.array(0);
  c.reply.array(last - first + 1);
  replyRange(c, found, first, last - first + 1);
}

/** Writes `count` elements from an index on. */
export function replyRange(c: Context, view: RecordView, index: number, count: number): void {
  const cursor = openList(c.db, view);
  cursor.seek(index);
  let left = count;
  do {
    const run = Math.min(left, cursor.nodeSize - cursor.rank);
    replyEntries(c.reply, cursor.bytes, cursor.at, cursor.nodeEnd, run);
    left -= run;
  } while (left > 0 && cursor.nextNode());
}
