// hot path: no allocation per command
//
// Lists: taking and moving elements, waiting for them where there are none. What a client gets in
// the end is propagated as the command that would not have waited.

import { latin1Bytes } from "../base/text.ts";
import { secondsDeadlineOrReply } from "../blocking/blocking.ts";
import {
  ACCESS,
  BLOCKING,
  DELETE,
  DENYOOM,
  defineFamily,
  INSERT,
  keyAt,
  keyRange,
  keysCounted,
  RW,
  WRITE,
} from "../command/spec.ts";
import { LIST } from "../structures/record.ts";
import { countOption, keys, numkeys } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { destination, endNamed, HEAD, listEnd, NO_END, source, timeout } from "./list-arguments.ts";
import { MOVED, move, NO_SOURCE } from "./lists-move.ts";
import { popFromFirst, propagatePop, request, requestOrReply, takeOne } from "./lists-pop.ts";

const TIMEOUT_HISTORY = [
  ["6.0.0", "`timeout` is interpreted as a double instead of an integer."],
] as const;

export const listBlockingCommands = defineFamily("list", [
  {
    name: "BLPOP",
    arity: -3,
    flags: WRITE | BLOCKING,
    since: "2.0.0",
    complexity: "O(N) where N is the number of provided keys.",
    summary: "Takes the first element off the first list that has any, or waits for one.",
    history: TIMEOUT_HISTORY,
    keys: [keyRange(1, -2, 1, RW | ACCESS | DELETE)],
    args: [keys, timeout],
    run: blpopCommand,
  },
  {
    name: "BRPOP",
    arity: -3,
    flags: WRITE | BLOCKING,
    since: "2.0.0",
    complexity: "O(N) where N is the number of provided keys.",
    summary: "Takes the last element off the first list that has any, or waits for one.",
    history: TIMEOUT_HISTORY,
    keys: [keyRange(1, -2, 1, RW | ACCESS | DELETE)],
    args: [keys, timeout],
    run: brpopCommand,
  },
  {
    name: "BLMPOP",
    arity: -5,
    flags: WRITE | BLOCKING,
    since: "7.0.0",
    complexity:
      "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    summary: "Takes elements off the first list that has any, or waits for some.",
    keys: [keysCounted(2, RW | ACCESS | DELETE)],
    args: [timeout, numkeys, keys, endNamed("where"), countOption],
    run: blmpopCommand,
  },
  {
    name: "BLMOVE",
    arity: 6,
    flags: WRITE | DENYOOM | BLOCKING,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Moves an element between ends of lists, or waits for one to move.",
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, RW | INSERT)],
    args: [source, destination, endNamed("wherefrom"), endNamed("whereto"), timeout],
    run: blmoveCommand,
  },
  {
    name: "BRPOPLPUSH",
    arity: 4,
    flags: WRITE | DENYOOM | BLOCKING,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Moves the last element of a list to another's front, or waits for one to move.",
    docFlags: ["deprecated"],
    deprecatedSince: "6.2.0",
    replacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
    history: TIMEOUT_HISTORY,
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, RW | INSERT)],
    args: [source, destination, timeout],
    run: brpoplpushCommand,
  },
]);

const LMOVE_NAME = latin1Bytes("LMOVE");
const RPOPLPUSH_NAME = latin1Bytes("RPOPLPUSH");

// BLPOP key [key ...] timeout
function blpopCommand(c: Context): void {
  popOrBlock(c, true);
}

// BRPOP key [key ...] timeout
function brpopCommand(c: Context): void {
  popOrBlock(c, false);
}

function popOrBlock(c: Context, isHead: boolean): void {
  const deadlineMs = secondsDeadlineOrReply(c, c.count - 1);
  if (Number.isNaN(deadlineMs)) return;
  for (let index = 1; index < c.count - 1; index++) {
    const found = c.writeKey(index);
    if (found === undefined) continue;
    if (found.type !== LIST) return c.reply.wrongType();
    c.reply.array(2);
    c.reply.bulk(c.bytes, c.start(index), c.end(index));
    takeOne(c, index, found, isHead);
    if (c.effects.active) propagatePop(c, index, isHead, 2);
    return;
  }
  if (c.client.denyBlocking) return c.reply.nullArray();
  c.server.blocking.block(c, LIST, 1, c.count - 2, deadlineMs);
}

// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
function blmpopCommand(c: Context): void {
  if (!requestOrReply(c, 2)) return;
  const deadlineMs = secondsDeadlineOrReply(c, 1);
  if (Number.isNaN(deadlineMs)) return;
  if (popFromFirst(c, 3)) return;
  if (c.client.denyBlocking) return c.reply.nullArray();
  c.server.blocking.block(c, LIST, 3, request.keyCount, deadlineMs);
}

// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
function blmoveCommand(c: Context): void {
  const from = listEnd(c, 3);
  const to = from === NO_END ? NO_END : listEnd(c, 4);
  if (to === NO_END) return c.reply.syntaxError();
  moveOrBlock(c, from === HEAD, to === HEAD, LMOVE_NAME);
}

// BRPOPLPUSH source destination timeout
function brpoplpushCommand(c: Context): void {
  moveOrBlock(c, false, true, RPOPLPUSH_NAME);
}

/** The timeout is the last argument; `name` takes the others. */
function moveOrBlock(c: Context, fromHead: boolean, toHead: boolean, name: Uint8Array): void {
  const deadlineMs = secondsDeadlineOrReply(c, c.count - 1);
  if (Number.isNaN(deadlineMs)) return;
  const outcome = move(c, fromHead, toHead);
  if (outcome === NO_SOURCE) {
    if (c.client.denyBlocking) return c.reply.null();
    return c.server.blocking.block(c, LIST, 1, 1, deadlineMs);
  }
  if (outcome !== MOVED || !c.effects.active) return;
  const effect = c.effects.replace(c.count - 1);
  effect.bulkBytes(name);
  for (let index = 1; index < c.count - 1; index++) {
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}
