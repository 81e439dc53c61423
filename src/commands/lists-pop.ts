// hot path: no allocation per command
//
// Lists: taking elements off the ends.

import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  DELETE,
  defineFamily,
  FAST,
  keyAt,
  keysCounted,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_LIST } from "../keyspace/event-classes.ts";
import { listLength, openList, removeAtEnd } from "../keyspace/list-value.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { replyEntry } from "../structures/listpack-reply.ts";
import { LIST, type RecordView } from "../structures/record.ts";
import { countOption, key, keys, numkeys } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { countOrReply, endNamed, HEAD, listEnd, NO_END } from "./list-arguments.ts";
import { replyRange } from "./lists.ts";

export const listPopCommands = defineFamily("list", [
  {
    name: "LPOP",
    arity: -2,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements returned",
    summary: "Takes the first elements off a list.",
    history: [["6.2.0", "Added the `count` argument."]],
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, { name: "count", type: "integer", since: "6.2.0", optional: true }],
    run: lpopCommand,
  },
  {
    name: "RPOP",
    arity: -2,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements returned",
    summary: "Takes the last elements off a list.",
    history: [["6.2.0", "Added the `count` argument."]],
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, { name: "count", type: "integer", since: "6.2.0", optional: true }],
    run: rpopCommand,
  },
  {
    name: "LMPOP",
    arity: -4,
    flags: WRITE,
    since: "7.0.0",
    complexity:
      "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    summary: "Takes elements off the first list that has any.",
    keys: [keysCounted(1, RW | ACCESS | DELETE)],
    args: [numkeys, keys, endNamed("where"), countOption],
    run: lmpopCommand,
  },
]);

const LPOP_NAME = latin1Bytes("LPOP");
const RPOP_NAME = latin1Bytes("RPOP");

// LPOP key [count]
function lpopCommand(c: Context): void {
  pop(c, true);
}

// RPOP key [count]
function rpopCommand(c: Context): void {
  pop(c, false);
}

function pop(c: Context, isHead: boolean): void {
  if (c.count > 2) return popSeveral(c, isHead);
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== LIST) return c.reply.wrongType();
  takeOne(c, 1, found, isHead);
}

function popSeveral(c: Context, isHead: boolean): void {
  if (c.count > 3) {
    // alloc: an error text
    return c.reply.error(`ERR wrong number of arguments for '${c.command.fullName}' command`);
  }
  const count = countOrReply(c, 2, 0, "ERR value is out of range, must be positive");
  if (Number.isNaN(count)) return;
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.nullArray();
  if (found.type !== LIST) return c.reply.wrongType();
  if (count === 0) return c.reply.array(0);
  takeSeveral(c, 1, found, isHead, count);
}

/** Replies with the element at an end of the list at key `index`, in a view; removes it. */
export function takeOne(c: Context, index: number, view: RecordView, isHead: boolean): void {
  const cursor = openList(c.db, view);
  const isLast = cursor.size === 1;
  cursor.seek(isHead ? 0 : cursor.size - 1);
  replyEntry(c.reply, cursor.bytes, cursor.at);
  removeAtEnd(c.server.keyspace, c.db, view, isHead, 1);
  c.effects.changed(1);
  tellOfPop(c, index, isHead, isLast);
}

function tellOfPop(c: Context, index: number, isHead: boolean, isEmptied: boolean): void {
  c.notify(EVENT_LIST, isHead ? "lpop" : "rpop", index);
  if (isEmptied) c.notify(EVENT_GENERIC, "del", index);
}

/**
 * Replies with an array of up to `count` elements at an end of the list at key `index`, from there
 * on; removes them.
 */
function takeSeveral(
  c: Context,
  index: number,
  view: RecordView,
  isHead: boolean,
  count: number,
): number {
  const size = listLength(c.db, view);
  const taken = Math.min(count, size);
  c.reply.array(taken);
  if (isHead) {
    replyRange(c, view, 0, taken);
  } else {
    const cursor = openList(c.db, view);
    cursor.seek(size - 1);
    for (let k = 0; k < taken; k++) {
      replyEntry(c.reply, cursor.bytes, cursor.at);
      cursor.previous();
    }
  }
  removeAtEnd(c.server.keyspace, c.db, view, isHead, taken);
  c.effects.changed(taken);
  tellOfPop(c, index, isHead, taken === size);
  return taken;
}

/** What LMPOP or BLMPOP asks for, `numkeys` being the index of that argument. */
export const request = { keyCount: 0, isHead: false, count: 1 };

/** Reads `numkeys key [key ...] LEFT | RIGHT [COUNT count]`; false after an error reply. */
export function requestOrReply(c: Context, numkeysIndex: number): boolean {
  const keyCount = countOrReply(c, numkeysIndex, 1, "ERR numkeys should be greater than 0");
  if (Number.isNaN(keyCount)) return false;
  const whereIndex = numkeysIndex + keyCount + 1;
  const end = whereIndex < c.count ? listEnd(c, whereIndex) : NO_END;
  let isSyntaxError = end === NO_END;
  request.keyCount = keyCount;
  request.isHead = end === HEAD;
  request.count = 1;
  if (!isSyntaxError && whereIndex + 1 < c.count) {
    isSyntaxError = !c.is(whereIndex + 1, "count") || whereIndex + 2 === c.count;
    if (!isSyntaxError) {
      request.count = countOrReply(c, whereIndex + 2, 1, "ERR count should be greater than 0");
      if (Number.isNaN(request.count)) return false;
      isSyntaxError = whereIndex + 3 < c.count;
    }
  }
  if (isSyntaxError) c.reply.syntaxError();
  return !isSyntaxError;
}

// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
function lmpopCommand(c: Context): void {
  if (!requestOrReply(c, 1)) return;
  if (!popFromFirst(c, 2)) c.reply.nullArray();
}

/**
 * Replies to `request` from the first of its keys that holds a list, or with an error if it holds
 * something else; false where no key exists.
 */
export function popFromFirst(c: Context, firstKey: number): boolean {
  const { keyCount, isHead, count } = request;
  for (let index = firstKey; index < firstKey + keyCount; index++) {
    const found = c.writeKey(index);
    if (found === undefined) continue;
    if (found.type !== LIST) {
      c.reply.wrongType();
      return true;
    }
    c.reply.array(2);
    c.reply.bulk(c.bytes, c.start(index), c.end(index));
    const taken = takeSeveral(c, index, found, isHead, count);
    if (c.effects.active) {
      const effect = propagatePop(c, index, isHead, 3);
      effect.bulkInteger(taken);
    }
    return true;
  }
  return false;
}

/** Starts the effect `LPOP key` or `RPOP key`, `argCount` arguments in all. */
export function propagatePop(
  c: Context,
  index: number,
  isHead: boolean,
  argCount: number,
): ReplyWriter {
  const effect = c.effects.replace(argCount);
  effect.bulkBytes(isHead ? LPOP_NAME : RPOP_NAME);
  effect.bulk(c.bytes, c.start(index), c.end(index));
  return effect;
}
