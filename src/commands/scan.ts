// Going through the keys of a database: KEYS at once, SCAN piece by piece.
//
// A SCAN cursor is a position in hash order, so it stays valid while the table grows and shrinks: a
// key that is there from the first call to the last is returned, and rarely one twice.

import { parseInteger } from "../base/ascii.ts";
import { globMatches, matchesEverything } from "../base/glob.ts";
import { latin1Text } from "../base/text.ts";
import { defineFamily, READONLY } from "../command/spec.ts";
import { typeName } from "../keyspace/encoding.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { RecordView } from "../structures/record.ts";
import { scanArguments } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

export const scanCommands = defineFamily<Features>("generic", [
  {
    name: "KEYS",
    arity: 2,
    flags: READONLY,
    since: "1.0.0",
    complexity:
      "O(N) with N being the number of keys in the database, under the assumption that the key " +
      "names in the database and the given pattern have limited length.",
    summary: "Lists the keys that match a pattern.",
    categories: ["dangerous"],
    tips: ["request_policy:all_shards", "nondeterministic_output_order"],
    args: [{ name: "pattern", type: "pattern" }],
    run: keysCommand,
  },
  {
    name: "SCAN",
    arity: -2,
    flags: READONLY,
    since: "2.8.0",
    complexity:
      "O(1) for every call. O(N) for a complete iteration, including enough command calls for " +
      "the cursor to return back to 0. N is the number of elements inside the collection.",
    summary: "Lists some of the keys, and where to go on.",
    history: [["6.0.0", "Added the `TYPE` subcommand."]],
    tips: ["nondeterministic_output", "request_policy:special", "response_policy:special"],
    args: [
      ...scanArguments,
      { name: "type", type: "string", token: "TYPE", since: "6.0.0", optional: true },
    ],
    run: scanCommand,
  },
]);

/** No limit on the keys of one step; a step ends with its segment all the same. */
const WHOLE_SEGMENT = 1 << 30;

// KEYS pattern
function keysCommand(c: Context): void {
  const { reply, db } = c;
  const view = c.server.keyspace.view;
  const selects = patternFilter(c, 1);
  const mark = reply.length;
  let count = 0;
  const visit = (found: RecordView) => {
    if (!selects(found)) return;
    reply.bulk(found.bytes, found.keyStart, found.keyEnd);
    count++;
  };
  let position = 0;
  do {
    position = db.scan(view, position, WHOLE_SEGMENT, visit);
  } while (position !== 0);
  reply.insertArray(mark, count);
}

type Filter = (view: RecordView) => boolean;

const everything: Filter = () => true;

/** Selects the keys that match the pattern in an argument. */
function patternFilter(c: Context, index: number): Filter {
  const { bytes } = c;
  const start = c.start(index);
  const end = c.end(index);
  if (matchesEverything(bytes, start, end)) return everything;
  return (view) => globMatches(bytes, start, end, view.bytes, view.keyStart, view.keyEnd);
}

const COUNT_DEFAULT = 10;
/** Steps per key asked for, so that a call ends soon in a database of mostly expired keys. */
const STEPS_PER_KEY = 10;

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
function scanCommand(c: Context): void {
  const cursor = parseCursor(c.bytes, c.start(1), c.end(1));
  if (cursor === NO_CURSOR) return c.reply.error("ERR invalid cursor");
  const options = scanOptionsOrReply(c);
  if (options === undefined) return;
  const { reply } = c;
  const view = c.server.keyspace.view;
  const mark = reply.length;
  let visited = 0;
  let count = 0;
  const visit = (found: RecordView) => {
    visited++;
    if (!options.hasType(found) || !options.matches(found)) return;
    reply.bulk(found.bytes, found.keyStart, found.keyEnd);
    count++;
  };
  let position = cursor;
  let steps = 0;
  do {
    position = c.db.scan(view, position, options.count - visited, visit);
    steps++;
  } while (position !== 0 && visited < options.count && steps < options.count * STEPS_PER_KEY);
  insertScanHeader(reply, mark, position, count);
}

interface ScanOptions {
  readonly count: number;
  readonly matches: Filter;
  readonly hasType: Filter;
}

/** The options from argument 2 on; undefined after an error. */
function scanOptionsOrReply(c: Context): ScanOptions | undefined {
  let count = COUNT_DEFAULT;
  let matches = everything;
  let hasType = everything;
  for (let index = 2; index < c.count; index += 2) {
    const hasValue = index + 1 < c.count;
    if (hasValue && c.is(index, "count")) {
      count = countOrReply(c, index + 1);
      if (count === 0) return undefined;
    } else if (hasValue && c.is(index, "match")) {
      matches = patternFilter(c, index + 1);
    } else if (hasValue && c.is(index, "type")) {
      hasType = (view) => c.is(index + 1, typeName(view.type));
    } else if (c.is(index, "novalues")) {
      c.reply.error("ERR NOVALUES option can only be used in HSCAN");
      return undefined;
    } else {
      c.reply.syntaxError();
      return undefined;
    }
  }
  return { count, matches, hasType };
}

/** COUNT's value, at most what can matter; 0 after an error. */
export function countOrReply(c: Context, index: number): number {
  const count = c.int64(index);
  if (count === undefined) {
    c.reply.notAnInteger();
    return 0;
  }
  if (count < 1n) {
    c.reply.syntaxError();
    return 0;
  }
  return Math.min(Number(count), WHOLE_SEGMENT);
}

/** Puts `*2 cursor *count` in front of the keys written since `mark`. */
export function insertScanHeader(
  reply: ReplyWriter,
  mark: number,
  position: number,
  count: number,
): void {
  const bodyEnd = reply.length;
  reply.array(2);
  reply.bulkInteger(position);
  reply.array(count);
  const headerBytes = reply.length - bodyEnd;
  reply.reserve(headerBytes);
  const { buffer } = reply;
  // The header's bytes wait behind the body while that moves up.
  buffer.copyWithin(reply.length, bodyEnd, reply.length);
  buffer.copyWithin(mark + headerBytes, mark, bodyEnd);
  buffer.copyWithin(mark, reply.length, reply.length + headerBytes);
}

/** Returned where a text is no cursor. */
export const NO_CURSOR = -1;

const UINT64_END = 2n ** 64n;
/**
 * Reads a cursor: any uint64 in decimal, of which a position keeps the low 32 bits. What C's
 * strtoull allows is allowed: blanks, a sign and zeros in front, anything after a zero byte; only
 * a plain negative number is not.
 */
export function parseCursor(bytes: Uint8Array, start: number, end: number): number {
  const plain = parseInteger(bytes, start, end);
  if (plain >= 0) return plain >>> 0;
  if (end - start > CURSOR_BYTES_MAX) return NO_CURSOR;
  return parseUnusualCursor(latin1Text(bytes, start, end));
}

/** Decimal digits of the largest cursor. */
const DIGITS_MAX = 20;
/** More blanks and zeros around them than this are refused, which is our own limit. */
const CURSOR_BYTES_MAX = 256;

function parseUnusualCursor(text: string): number {
  const nul = text.indexOf("\0");
  const end = nul < 0 ? text.length : nul;
  let at = 0;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  const hasBlanks = at > 0;
  const isNegative = text[at] === "-";
  if (isNegative || text[at] === "+") at++;
  const firstDigit = at;
  while (at < end && text[at] === "0") at++;
  const significant = at;
  while (at < end && text[at] >= "0" && text[at] <= "9") at++;
  if (at < end || at === firstDigit || at - significant > DIGITS_MAX) return NO_CURSOR;
  const value = BigInt(text.slice(significant, at));
  if (value >= UINT64_END) return NO_CURSOR;
  if (!isNegative) return Number(BigInt.asUintN(32, value));
  const isPlain = !hasBlanks && firstDigit === significant;
  return isPlain && value <= UINT64_END / 2n ? NO_CURSOR : Number(BigInt.asUintN(32, -value));
}

/** What C's isspace takes for a blank. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
