// hot path: no allocation per command
//
// Parts of strings: APPEND, SETRANGE, GETRANGE, STRLEN. A string grown or patched in place is `raw`
// to OBJECT ENCODING, whatever its bytes.

import { copyBytes } from "../base/ascii.ts";
import { assert } from "../base/assert.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_STRING } from "../keyspace/event-classes.ts";
import { NO_EXPIRY, STRING } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { indexOrReply, isBackward, repliedTooLong } from "./string-arguments.ts";

const value: ArgumentSpec = { name: "value", type: "string" };
const rangeArguments: readonly ArgumentSpec[] = [
  key,
  { name: "start", type: "integer" },
  { name: "end", type: "integer" },
];
const rangeComplexity =
  "O(N) where N is the length of the returned string. The complexity is ultimately determined by " +
  "the returned length, but because creating a substring from an existing string is very cheap, " +
  "it can be considered O(1) for small strings.";

export const stringRangeCommands = defineFamily("string", [
  {
    name: "APPEND",
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: "2.0.0",
    complexity:
      "O(1). The amortized time complexity is O(1) assuming the appended value is small and the " +
      "already present value is of any size, since the dynamic string library used by Redis will " +
      "double the free space available on every reallocation.",
    summary: "Lengthens a string by another; a missing key counts as empty.",
    keys: [keyAt(1, RW | INSERT)],
    args: [key, value],
    run: appendCommand,
  },
  {
    name: "SETRANGE",
    arity: 4,
    flags: WRITE | DENYOOM,
    since: "2.2.0",
    complexity:
      "O(1), not counting the time taken to copy the new string in place. Usually, this string is" +
      " very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M" +
      " being the length of the value argument.",
    summary: "Overwrites a string from an offset on, padding with zero bytes where it is shorter.",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key, { name: "offset", type: "integer" }, value],
    run: setrangeCommand,
  },
  {
    name: "GETRANGE",
    arity: 4,
    flags: READONLY,
    since: "2.4.0",
    complexity: rangeComplexity,
    summary: "Reads the bytes of a string between two offsets.",
    keys: [keyAt(1, RO | ACCESS)],
    args: rangeArguments,
    run: getrangeCommand,
  },
  {
    name: "SUBSTR",
    arity: 4,
    flags: READONLY,
    since: "1.0.0",
    complexity: rangeComplexity,
    summary: "Reads the bytes of a string between two offsets; the old name of GETRANGE.",
    docFlags: ["deprecated"],
    deprecatedSince: "2.0.0",
    replacedBy: "`GETRANGE`",
    keys: [keyAt(1, RO | ACCESS)],
    args: rangeArguments,
    run: getrangeCommand,
  },
  {
    name: "STRLEN",
    arity: 2,
    flags: READONLY | FAST,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Tells the length of a string in bytes.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: strlenCommand,
  },
]);

const NO_BYTES = new Uint8Array(0);

// APPEND key value
function appendCommand(c: Context): void {
  const added = c.length(2);
  const found = c.writeKey(1);
  let length = added;
  if (found === undefined) {
    c.setString(1, c.bytes, c.start(2), c.end(2), NO_EXPIRY);
  } else {
    if (found.type !== STRING) return c.reply.wrongType();
    length += found.valueLength;
    if (repliedTooLong(c, length)) return;
    c.db.resizeString(found, length);
    copyBytes(found.bytes, found.valueEnd - added, c.bytes, c.start(2), c.end(2));
  }
  // An empty value counts as a change, too: it makes the string raw.
  c.effects.changed(1);
  c.notify(EVENT_STRING, "append", 1);
  c.reply.integer(length);
}

// SETRANGE key offset value
function setrangeCommand(c: Context): void {
  const offset = indexOrReply(c, 2);
  if (Number.isNaN(offset)) return;
  if (offset < 0) return c.reply.error("ERR offset is out of range");
  const added = c.length(3);
  let found = c.writeKey(1);
  if (found !== undefined && found.type !== STRING) return c.reply.wrongType();
  const oldLength = found === undefined ? 0 : found.valueLength;
  if (added === 0) return c.reply.integer(oldLength);
  if (repliedTooLong(c, offset + added)) return;
  if (found === undefined) {
    c.setString(1, NO_BYTES, 0, 0, NO_EXPIRY);
    found = c.writeKey(1);
    assert(found !== undefined, "a string just set is found");
  }
  const length = Math.max(oldLength, offset + added);
  c.db.resizeString(found, length);
  copyBytes(found.bytes, found.valueStart + offset, c.bytes, c.start(3), c.end(3));
  c.effects.changed(1);
  c.notify(EVENT_STRING, "setrange", 1);
  c.reply.integer(length);
}

// GETRANGE key start end
function getrangeCommand(c: Context): void {
  let first = indexOrReply(c, 2);
  if (Number.isNaN(first)) return;
  let last = indexOrReply(c, 3);
  if (Number.isNaN(last)) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.bulk(NO_BYTES, 0, 0);
  if (found.type !== STRING) return c.reply.wrongType();
  const length = found.valueLength;
  // Before both are clamped to the string: a backward range far before it is still empty.
  if (first < 0 && last < 0 && isBackward(c, 2, first, last)) return c.reply.bulk(NO_BYTES, 0, 0);
  if (first < 0) first = Math.max(0, first + length);
  if (last < 0) last = Math.max(0, last + length);
  if (last >= length) last = length - 1;
  if (first > last) return c.reply.bulk(NO_BYTES, 0, 0);
  c.reply.bulk(found.bytes, found.valueStart + first, found.valueStart + last + 1);
}

// STRLEN key
function strlenCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STRING) return c.reply.wrongType();
  c.reply.integer(found.valueLength);
}
