// hot path: no allocation per command
//
// Lists: moving an element from an end of one to an end of another, or of the same.

import { copyBytes } from "../base/ascii.ts";
import {
  ACCESS,
  DELETE,
  DENYOOM,
  defineFamily,
  INSERT,
  keyAt,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_LIST } from "../keyspace/event-classes.ts";
import {
  listLength,
  newQuicklist,
  openList,
  outgrowsRecord,
  prepareGrowth,
  prepareRecord,
  pushElement,
  removeAtEnd,
} from "../keyspace/list-value.ts";
import {
  EMPTY_BYTES,
  Entry,
  encodedSize,
  finish,
  HEADER_BYTES,
  writeEntry,
} from "../structures/listpack.ts";
import { LIST, LISTPACK, type RecordView } from "../structures/record.ts";
import type { Context } from "./features.ts";
import { destination, endNamed, HEAD, listEnd, NO_END, source } from "./list-arguments.ts";

export const listMoveCommands = defineFamily("list", [
  {
    name: "LMOVE",
    arity: 5,
    flags: WRITE | DENYOOM,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Moves an element from an end of one list to an end of another.",
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, RW | INSERT)],
    args: [source, destination, endNamed("wherefrom"), endNamed("whereto")],
    run: lmoveCommand,
  },
  {
    name: "RPOPLPUSH",
    arity: 3,
    flags: WRITE | DENYOOM,
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Moves the last element of a list to the front of another.",
    docFlags: ["deprecated"],
    deprecatedSince: "6.2.0",
    replacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, RW | INSERT)],
    args: [source, destination],
    run: rpoplpushCommand,
  },
]);

/** Results of `move`. */
export const REPLIED = 1;
export const MOVED = 2;
export const NO_SOURCE = 0;

const entry = new Entry();
/** Holds an element while it is moved within a list. */
let rotated = new Uint8Array(256);
/** Larger ones are not kept. */
const ROTATED_BYTES_KEPT = 1 << 16;

// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
function lmoveCommand(c: Context): void {
  const from = listEnd(c, 3);
  const to = from === NO_END ? NO_END : listEnd(c, 4);
  if (to === NO_END) return c.reply.syntaxError();
  if (move(c, from === HEAD, to === HEAD) === NO_SOURCE) c.reply.null();
}

// RPOPLPUSH source destination
function rpoplpushCommand(c: Context): void {
  if (move(c, false, true) === NO_SOURCE) c.reply.null();
}

/**
 * Moves an element from the list at key 1 to the one at key 2 and replies with it; with an error
 * where one of them is no list. NO_SOURCE, without a reply, where there is nothing to move.
 */
export function move(c: Context, fromHead: boolean, toHead: boolean): number {
  const { keyspace } = c.server;
  const from = c.peekKey(1);
  if (from === undefined) return NO_SOURCE;
  if (from.type !== LIST) {
    c.reply.wrongType();
    return REPLIED;
  }
  const isSame = c.same(1, 2);
  const to = isSame ? from : c.writeKey(2, keyspace.secondView);
  if (to !== undefined && to.type !== LIST) {
    c.reply.wrongType();
    return REPLIED;
  }
  const cursor = openList(c.db, from);
  cursor.seek(fromHead ? 0 : cursor.size - 1);
  entry.load(cursor.bytes, cursor.at);
  c.reply.bulk(entry.bytes, entry.start, entry.end);
  c.effects.changed(1);
  if (isSame) {
    c.writeKey(1);
    rotate(c, from, fromHead, toHead);
    tellOfMove(c, fromHead, toHead, false);
    return MOVED;
  }
  const isLast = cursor.size === 1;
  if (to === undefined) createWithEntry(c);
  else pushEntry(c, to, toHead);
  // Those who cache hear of the destination first.
  c.writeKey(1);
  removeAtEnd(keyspace, c.db, from, fromHead, 1);
  tellOfMove(c, fromHead, toHead, isLast);
  return MOVED;
}

function tellOfMove(c: Context, fromHead: boolean, toHead: boolean, isLast: boolean): void {
  c.notify(EVENT_LIST, toHead ? "lpush" : "rpush", 2);
  c.notify(EVENT_LIST, fromHead ? "lpop" : "rpop", 1);
  if (isLast) c.notify(EVENT_GENERIC, "del", 1);
}

/** Bytes of the entry by which its new list is judged: Redis does not count integers. */
function judgedBytes(): number {
  return entry.isInteger ? 0 : entry.length;
}

/** Adds the entry, which lies in another list, at an end of a list. */
function pushEntry(c: Context, view: RecordView, isHead: boolean): void {
  prepareGrowth(c.server.keyspace, c.db, view, judgedBytes(), 1);
  pushElement(c.db, view, isHead, entry.bytes, entry.start, entry.end);
}

/** Creates key 2 with the entry. */
function createWithEntry(c: Context): void {
  const { keyspace } = c.server;
  const { bytes, start, end } = entry;
  if (outgrowsRecord(keyspace, EMPTY_BYTES + judgedBytes(), 1)) {
    const list = newQuicklist(keyspace);
    // alloc: once per list; `try` costs nothing while nothing is thrown
    try {
      list.pushTail(bytes, start, end);
      c.createContainer(2, list, keyspace.secondView);
    } catch (error) {
      keyspace.lazyFree.discard(list);
      throw error;
    }
    return;
  }
  const size = encodedSize(bytes, start, end);
  const view = c.createValue(2, LIST, LISTPACK, EMPTY_BYTES + size, keyspace.secondView);
  const at = writeEntry(view.bytes, view.valueStart + HEADER_BYTES, bytes, start, end);
  finish(view.bytes, view.valueStart, at, 1);
  c.db.resized(LIST, -1, 1);
}

/** Moves the entry from one end of a list to one of its own. */
function rotate(c: Context, view: RecordView, fromHead: boolean, toHead: boolean): void {
  const { keyspace } = c.server;
  if (listLength(c.db, view) > 1) {
    // From and to the same end, too: the element may end up in another node.
    const length = entry.length;
    // alloc: for a larger element than any before
    if (length > rotated.length) rotated = new Uint8Array(length);
    copyBytes(rotated, 0, entry.bytes, entry.start, entry.end);
    removeAtEnd(keyspace, c.db, view, fromHead, 1);
    prepareGrowth(keyspace, c.db, view, judgedBytes(), 1);
    pushElement(c.db, view, toHead, rotated, 0, length);
    if (length > ROTATED_BYTES_KEPT) rotated = new Uint8Array(256);
  }
  prepareRecord(keyspace, c.db, view);
}
