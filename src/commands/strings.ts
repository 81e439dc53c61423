// hot path: no allocation per command
//
// Whole string values: GET and SET with their relatives.

import { equalBytes } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  OW,
  READONLY,
  RM,
  RO,
  RW,
  UPDATE,
  VARIABLE_FLAGS,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_STRING } from "../keyspace/event-classes.ts";
import { KEEP_EXPIRY, NO_EXPIRY, type RecordView, STRING } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import {
  bulkExpiry,
  CONDITION,
  EX,
  EXAT,
  EXPIRY_TIME,
  expiryArgument,
  expiryMsOrReply,
  GET,
  IFEQ,
  KEEPTTL,
  NX,
  options,
  optionsOrReply,
  PERSIST,
  PX,
  PXAT,
  REPLIED,
} from "./expiry-options.ts";
import type { Context } from "./features.ts";

const value: ArgumentSpec = { name: "value", type: "string" };

const setCondition: ArgumentSpec = {
  name: "condition",
  type: "oneof",
  since: "2.6.12",
  optional: true,
  arguments: [
    { name: "nx", type: "pure-token", token: "NX" },
    { name: "xx", type: "pure-token", token: "XX" },
    { name: "comparison-value", type: "string", token: "IFEQ", since: "8.1.0" },
  ],
};

export const stringCommands = defineFamily("string", [
  {
    name: "GET",
    arity: 2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Reads a string value.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: getCommand,
  },
  {
    name: "SET",
    arity: -3,
    flags: WRITE | DENYOOM,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string under a key, in place of whatever it held.",
    history: [
      ["2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."],
      ["6.0.0", "Added the `KEEPTTL` option."],
      ["6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."],
      ["7.0.0", "Allowed the `NX` and `GET` options to be used together."],
    ],
    keys: [
      keyAt(
        1,
        RW | ACCESS | UPDATE | VARIABLE_FLAGS,
        "RW and ACCESS due to the optional `GET` argument",
      ),
    ],
    args: [
      key,
      value,
      setCondition,
      { name: "get", type: "pure-token", token: "GET", since: "6.2.0", optional: true },
      expiryArgument("KEEPTTL", { relative: "2.6.12", absolute: "6.2.0", token: "6.0.0" }),
    ],
    run: setCommand,
  },
  {
    name: "SETNX",
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string under a key that does not exist yet.",
    docFlags: ["deprecated"],
    deprecatedSince: "2.6.12",
    replacedBy: "`SET` with the `NX` argument",
    keys: [keyAt(1, OW | INSERT)],
    args: [key, value],
    run: setnxCommand,
  },
  {
    name: "SETEX",
    arity: 4,
    flags: WRITE | DENYOOM,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Stores a string that expires after some seconds.",
    docFlags: ["deprecated"],
    deprecatedSince: "2.6.12",
    replacedBy: "`SET` with the `EX` argument",
    keys: [keyAt(1, OW | UPDATE)],
    args: [key, { name: "seconds", type: "integer" }, value],
    run: setexCommand,
  },
  {
    name: "PSETEX",
    arity: 4,
    flags: WRITE | DENYOOM,
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Stores a string that expires after some milliseconds.",
    docFlags: ["deprecated"],
    deprecatedSince: "2.6.12",
    replacedBy: "`SET` with the `PX` argument",
    keys: [keyAt(1, OW | UPDATE)],
    args: [key, { name: "milliseconds", type: "integer" }, value],
    run: psetexCommand,
  },
  {
    name: "GETSET",
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Stores a string and tells the one it replaced.",
    docFlags: ["deprecated"],
    deprecatedSince: "6.2.0",
    replacedBy: "`SET` with the `!GET` argument",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    args: [key, value],
    run: getsetCommand,
  },
  {
    name: "GETDEL",
    arity: 2,
    flags: WRITE | FAST,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Reads a string value and deletes its key.",
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key],
    run: getdelCommand,
  },
  {
    name: "GETEX",
    arity: -2,
    flags: WRITE | FAST,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Reads a string value and sets or clears its expiry.",
    keys: [keyAt(1, RW | ACCESS | UPDATE, "RW and UPDATE because it changes the TTL")],
    args: [key, expiryArgument("PERSIST")],
    run: getexCommand,
  },
  {
    name: "DELIFEQ",
    arity: 3,
    flags: WRITE | FAST,
    since: "9.0.0",
    complexity: "O(1)",
    summary: "Deletes a key whose string value equals the one given.",
    keys: [keyAt(1, RM | DELETE)],
    args: [key, value],
    run: delifeqCommand,
  },
]);

const SET_OPTIONS = CONDITION | GET | KEEPTTL | EXPIRY_TIME;
const GETEX_OPTIONS = PERSIST | EXPIRY_TIME;

const SET_NAME = latin1Bytes("SET");
const DEL_NAME = latin1Bytes("DEL");
const PERSIST_NAME = latin1Bytes("PERSIST");
const PEXPIREAT_NAME = latin1Bytes("PEXPIREAT");
const PXAT_TOKEN = latin1Bytes("PXAT");

// GET key
function getCommand(c: Context): void {
  replyValue(c);
}

/** Replies with the string at key 1, null or the type error; the view if there is a string. */
function replyValue(c: Context): RecordView | undefined {
  const found = c.readKey(1);
  if (found === undefined) {
    c.reply.null();
    return undefined;
  }
  if (found.type !== STRING) {
    c.reply.wrongType();
    return undefined;
  }
  c.reply.bulk(found.bytes, found.valueStart, found.valueEnd);
  return found;
}

// SET key value [NX | XX | IFEQ comparison-value] [GET]
//     [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
function setCommand(c: Context): void {
  if (c.count > 3) return setWithOptions(c);
  c.setString(1, c.bytes, c.start(2), c.end(2), NO_EXPIRY);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 1);
  c.reply.ok();
}

function setWithOptions(c: Context): void {
  const flags = optionsOrReply(c, 3, SET_OPTIONS);
  if (flags === REPLIED) return;
  let expiryMs = (flags & KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
  if ((flags & EXPIRY_TIME) !== 0) {
    expiryMs = expiryMsOrReply(c, options.expiryIndex, flags);
    if (expiryMs === REPLIED) return;
  }
  const repliesOld = (flags & GET) !== 0;
  if (repliesOld) {
    // Sent now, because the new value takes the old one's place; a wrong type ends the command.
    const errorCount = c.reply.errorCount;
    replyValue(c);
    if (c.reply.errorCount !== errorCount) return;
  }
  if ((flags & CONDITION) !== 0) {
    const found = c.writeKey(1);
    if ((flags & IFEQ) !== 0 && found !== undefined && found.type !== STRING) {
      return c.reply.wrongType();
    }
    if (!meetsCondition(c, flags, found)) {
      if (!repliesOld) c.reply.null();
      return;
    }
  }
  c.setString(1, c.bytes, c.start(2), c.end(2), expiryMs);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 1);
  if ((flags & EXPIRY_TIME) !== 0) c.notify(EVENT_GENERIC, "expire", 1);
  if (c.effects.active) propagateSet(c, flags, expiryMs);
  if (!repliesOld) c.reply.ok();
}

function meetsCondition(c: Context, flags: number, found: RecordView | undefined): boolean {
  if ((flags & NX) !== 0) return found === undefined;
  if (found === undefined) return false;
  return (flags & IFEQ) === 0 || equalsArgument(c, found, options.comparisonIndex);
}

/** Whether a string value equals an argument. */
function equalsArgument(c: Context, found: RecordView, index: number): boolean {
  const length = c.length(index);
  if (found.valueLength !== length) return false;
  return equalBytes(found.bytes, found.valueStart, c.bytes, c.start(index), length);
}

/** Makes a SET with options deterministic: no relative times, and nothing about the old value. */
function propagateSet(c: Context, flags: number, expiryMs: number): void {
  if ((flags & (EX | PX | EXAT)) !== 0) propagateWithExpiry(c, 2, expiryMs);
  else if ((flags & IFEQ) !== 0 || (flags & (GET | PXAT)) === GET) propagateWithoutOld(c);
}

/** Propagates `SET key value PXAT ms`; a condition that held needs no saying. */
function propagateWithExpiry(c: Context, valueIndex: number, expiryMs: number): void {
  const effect = c.effects.replace(5);
  effect.bulkBytes(SET_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulk(c.bytes, c.start(valueIndex), c.end(valueIndex));
  effect.bulkBytes(PXAT_TOKEN);
  bulkExpiry(effect, expiryMs);
}

/** Propagates the request without GET and IFEQ, which not every reader of the log knows. */
function propagateWithoutOld(c: Context): void {
  let count = c.count;
  for (let index = 3; index < c.count; index++) if (isAboutOld(c, index)) count--;
  const effect = c.effects.replace(count);
  for (let index = 0; index < c.count; index++) {
    if (index >= 3 && isAboutOld(c, index)) continue;
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}

/** Whether an option is GET, IFEQ or IFEQ's value. */
function isAboutOld(c: Context, index: number): boolean {
  const comparison = options.comparisonIndex;
  if (comparison > 0 && (index === comparison || index === comparison - 1)) return true;
  return c.is(index, "get");
}

// SETNX key value
function setnxCommand(c: Context): void {
  if (c.writeKey(1) !== undefined) return c.reply.integer(0);
  c.setString(1, c.bytes, c.start(2), c.end(2), NO_EXPIRY);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 1);
  c.reply.integer(1);
}

// SETEX key seconds value
function setexCommand(c: Context): void {
  setWithExpiry(c, EX);
}

// PSETEX key milliseconds value
function psetexCommand(c: Context): void {
  setWithExpiry(c, PX);
}

function setWithExpiry(c: Context, unit: number): void {
  const expiryMs = expiryMsOrReply(c, 2, unit);
  if (expiryMs === REPLIED) return;
  c.setString(1, c.bytes, c.start(3), c.end(3), expiryMs);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 1);
  c.notify(EVENT_GENERIC, "expire", 1);
  if (c.effects.active) propagateWithExpiry(c, 3, expiryMs);
  c.reply.ok();
}

// GETSET key value
function getsetCommand(c: Context): void {
  const errorCount = c.reply.errorCount;
  replyValue(c);
  if (c.reply.errorCount !== errorCount) return;
  c.setString(1, c.bytes, c.start(2), c.end(2), NO_EXPIRY);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 1);
  if (!c.effects.active) return;
  const effect = c.effects.replace(3);
  effect.bulkBytes(SET_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulk(c.bytes, c.start(2), c.end(2));
}

// GETDEL key
function getdelCommand(c: Context): void {
  const found = replyValue(c);
  if (found !== undefined) deleteFound(c, found);
}

/** Deletes the key of a view of key 1 and propagates that. */
function deleteFound(c: Context, found: RecordView): void {
  c.db.deleteView(found);
  c.effects.changed(1);
  c.notify(EVENT_GENERIC, "del", 1);
  if (c.effects.active) propagateOnKey(c, DEL_NAME);
}

/** Propagates a command whose only argument is key 1. */
function propagateOnKey(c: Context, name: Uint8Array): void {
  const effect = c.effects.replace(2);
  effect.bulkBytes(name);
  effect.bulk(c.bytes, c.start(1), c.end(1));
}

// GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]
function getexCommand(c: Context): void {
  const flags = optionsOrReply(c, 2, GETEX_OPTIONS);
  if (flags === REPLIED) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== STRING) return c.reply.wrongType();
  // Looked at only now: a missing key hides an invalid expiry time.
  let expiryMs = NO_EXPIRY;
  if ((flags & EXPIRY_TIME) !== 0) {
    expiryMs = expiryMsOrReply(c, options.expiryIndex, flags);
    if (expiryMs === REPLIED) return;
  }
  // First, since a time in the past deletes the key.
  c.reply.bulk(found.bytes, found.valueStart, found.valueEnd);
  if ((flags & PERSIST) !== 0) persistFound(c, found);
  else if (expiryMs !== NO_EXPIRY && expiryMs <= c.nowMs) deleteFound(c, found);
  else if (expiryMs !== NO_EXPIRY) expireFound(c, found, expiryMs);
}

function persistFound(c: Context, found: RecordView): void {
  if (found.expiryMs === NO_EXPIRY) return;
  c.db.clearExpiry(found);
  c.effects.changed(1);
  c.notify(EVENT_GENERIC, "persist", 1);
  if (c.effects.active) propagateOnKey(c, PERSIST_NAME);
}

function expireFound(c: Context, found: RecordView, expiryMs: number): void {
  c.db.setExpiry(found, expiryMs);
  c.effects.changed(1);
  c.notify(EVENT_GENERIC, "expire", 1);
  if (!c.effects.active) return;
  const effect = c.effects.replace(3);
  effect.bulkBytes(PEXPIREAT_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  bulkExpiry(effect, expiryMs);
}

// DELIFEQ key value
function delifeqCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STRING) return c.reply.wrongType();
  if (!equalsArgument(c, found, 2)) return c.reply.integer(0);
  deleteFound(c, found);
  c.reply.integer(1);
}
