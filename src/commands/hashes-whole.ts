// hot path: no allocation per command
//
// Whole hashes: HGETALL, HKEYS, HVALS, HSCAN and HRANDFIELD. Fields whose time has come are passed
// over; only HRANDFIELD deletes them first.

import { globMatches } from "../base/glob.ts";
import { ACCESS, defineFamily, keyAt, READONLY, RO } from "../command/spec.ts";
import { expiryAt } from "../keyspace/hash-pack.ts";
import type { HashValues } from "../keyspace/hash-value.ts";
import {
  Entry,
  elementCount,
  endOf,
  firstEntry,
  nextEntry,
  TERMINATOR,
} from "../structures/listpack.ts";
import { replyEntries } from "../structures/listpack-reply.ts";
import { CONTAINER, HASH, LISTPACK, LISTPACK_EX, type RecordView } from "../structures/record.ts";
import { key, scanArguments } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { insertScanHeader, NO_CURSOR, parseCursor } from "./scan.ts";

const wholeComplexity = "O(N) where N is the size of the hash.";

export const hashWholeCommands = defineFamily("hash", [
  {
    name: "HGETALL",
    arity: 2,
    flags: READONLY,
    since: "2.0.0",
    complexity: wholeComplexity,
    summary: "Reads all fields of a hash with their values.",
    tips: ["nondeterministic_output_order"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: hgetallCommand,
  },
  {
    name: "HKEYS",
    arity: 2,
    flags: READONLY,
    since: "2.0.0",
    complexity: wholeComplexity,
    summary: "Names all fields of a hash.",
    tips: ["nondeterministic_output_order"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: hkeysCommand,
  },
  {
    name: "HSCAN",
    arity: -3,
    flags: READONLY,
    since: "2.8.0",
    complexity:
      "O(1) for every call. O(N) for a complete iteration, including enough command calls for " +
      "the cursor to return back to 0. N is the number of elements inside the collection.",
    summary: "Lists some of the fields of a hash, and where to go on.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      ...scanArguments,
      { name: "novalues", type: "pure-token", token: "NOVALUES", optional: true },
    ],
    run: hscanCommand,
  },
  {
    name: "HVALS",
    arity: 2,
    flags: READONLY,
    since: "2.0.0",
    complexity: wholeComplexity,
    summary: "Reads all values of a hash.",
    tips: ["nondeterministic_output_order"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: hvalsCommand,
  },
]);

/** What is told of each field. */
const FIELDS = 1;
const VALUES = 2;

/** Presents one entry after the other. Never holds anything between commands. */
const entry = new Entry();

// HGETALL key
function hgetallCommand(c: Context): void {
  replyWhole(c, FIELDS | VALUES);
}

// HKEYS key
function hkeysCommand(c: Context): void {
  replyWhole(c, FIELDS);
}

// HVALS key
function hvalsCommand(c: Context): void {
  replyWhole(c, VALUES);
}

function replyWhole(c: Context, parts: number): void {
  const found = c.readKey(1);
  const isMap = parts === (FIELDS | VALUES);
  if (found === undefined) return isMap ? c.reply.map(0) : c.reply.array(0);
  if (found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  const count = hashes.visibleCount(c.db, found);
  if (isMap) c.reply.map(count);
  else c.reply.array(count);
  if (found.encoding === LISTPACK) replyPairs(c, found, parts);
  else if (found.encoding === LISTPACK_EX) replyTriples(c, found, parts);
  else replyTable(c, found, parts);
}

function replyPairs(c: Context, found: RecordView, parts: number): void {
  const pack = found.bytes;
  if (parts === (FIELDS | VALUES)) {
    const first = firstEntry(found.valueStart);
    const count = elementCount(pack, found.valueStart);
    replyEntries(c.reply, pack, first, endOf(pack, found.valueStart), count);
    return;
  }
  for (let at = firstEntry(found.valueStart); pack[at] !== TERMINATOR; ) {
    const valueAt = nextEntry(pack, at);
    entry.load(pack, parts === FIELDS ? at : valueAt);
    c.reply.bulk(entry.bytes, entry.start, entry.end);
    at = nextEntry(pack, valueAt);
  }
}

function replyTriples(c: Context, found: RecordView, parts: number): void {
  const { reply } = c;
  const { hashes } = c.server.keyspace;
  const pack = found.bytes;
  for (let at = firstEntry(found.valueStart); pack[at] !== TERMINATOR; ) {
    const valueAt = nextEntry(pack, at);
    const timeAt = nextEntry(pack, valueAt);
    if (!hashes.isPast(expiryAt(pack, timeAt))) {
      if ((parts & FIELDS) !== 0) {
        entry.load(pack, at);
        reply.bulk(entry.bytes, entry.start, entry.end);
      }
      if ((parts & VALUES) !== 0) {
        entry.load(pack, valueAt);
        reply.bulk(entry.bytes, entry.start, entry.end);
      }
    }
    at = nextEntry(pack, timeAt);
  }
}

function replyTable(c: Context, found: RecordView, parts: number): void {
  const { reply } = c;
  const { hashes } = c.server.keyspace;
  const table = hashes.tableOf(c.db, found);
  // alloc: one closure per large hash
  table.forEach((ref) => {
    const member = table.load(ref);
    if (hashes.isPast(member.expiryMs)) return;
    if ((parts & FIELDS) !== 0) reply.bulk(member.bytes, member.keyStart, member.keyEnd);
    if ((parts & VALUES) !== 0) reply.bulk(member.bytes, member.valueStart, member.valueEnd);
  });
}

const COUNT_DEFAULT = 10;
const COUNT_MAX = 1 << 30;
/** Steps per field asked for, so that a call ends soon in a table of mostly expired fields. */
const STEPS_PER_FIELD = 10;

/** The options of the HSCAN being executed. */
const scan = {
  count: COUNT_DEFAULT,
  /** Argument index of MATCH's pattern, or 0. */
  pattern: 0,
  parts: FIELDS | VALUES,
};

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
function hscanCommand(c: Context): void {
  const cursor = parseCursor(c.bytes, c.start(2), c.end(2));
  if (cursor === NO_CURSOR) return c.reply.error("ERR invalid cursor");
  const found = c.readKey(1);
  if (found === undefined) return insertScanHeader(c.reply, c.reply.length, 0, 0);
  if (found.type !== HASH) return c.reply.wrongType();
  if (!readScanOptions(c)) return;
  const mark = c.reply.length;
  if (found.encoding === CONTAINER) return scanTable(c, found, cursor, mark);
  const { hashes } = c.server.keyspace;
  const pack = found.bytes;
  const isTimed = found.encoding === LISTPACK_EX;
  let count = 0;
  // A listpack is told as a whole, whatever the cursor and the count.
  for (let at = firstEntry(found.valueStart); pack[at] !== TERMINATOR; ) {
    const valueAt = entry.load(pack, at);
    at = nextEntry(pack, valueAt);
    const isPast = isTimed && hashes.isPast(expiryAt(pack, at));
    if (isTimed) at = nextEntry(pack, at);
    if (isPast || !matches(c, entry.bytes, entry.start, entry.end)) continue;
    c.reply.bulk(entry.bytes, entry.start, entry.end);
    count++;
    if ((scan.parts & VALUES) === 0) continue;
    entry.load(pack, valueAt);
    c.reply.bulk(entry.bytes, entry.start, entry.end);
    count++;
  }
  insertScanHeader(c.reply, mark, 0, count);
}

function matches(c: Context, bytes: Uint8Array, start: number, end: number): boolean {
  const index = scan.pattern;
  return index === 0 || globMatches(c.bytes, c.start(index), c.end(index), bytes, start, end);
}

function scanTable(c: Context, found: RecordView, cursor: number, mark: number): void {
  const { reply } = c;
  const hashes: HashValues = c.server.keyspace.hashes;
  const table = hashes.tableOf(c.db, found);
  let position = cursor;
  let visited = 0;
  let count = 0;
  // alloc: one closure per step through a large hash
  const visit = (ref: number) => {
    visited++;
    const member = table.load(ref);
    if (hashes.isPast(member.expiryMs)) return;
    if (!matches(c, member.bytes, member.keyStart, member.keyEnd)) return;
    reply.bulk(member.bytes, member.keyStart, member.keyEnd);
    count++;
    if ((scan.parts & VALUES) === 0) return;
    reply.bulk(member.bytes, member.valueStart, member.valueEnd);
    count++;
  };
  let steps = 0;
  do {
    position = table.scan(position, scan.count - visited, visit);
    steps++;
  } while (position !== 0 && visited < scan.count && steps < scan.count * STEPS_PER_FIELD);
  insertScanHeader(reply, mark, position, count);
}

/** Reads the options from argument 3 on into `scan`; false after an error. */
function readScanOptions(c: Context): boolean {
  scan.count = COUNT_DEFAULT;
  scan.pattern = 0;
  scan.parts = FIELDS | VALUES;
  for (let index = 3; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (hasValue && c.is(index, "count")) {
      index++;
      if (!readCount(c, index)) return false;
    } else if (hasValue && c.is(index, "match")) {
      index++;
      scan.pattern = index;
    } else if (c.is(index, "novalues")) {
      scan.parts = FIELDS;
    } else {
      c.reply.syntaxError();
      return false;
    }
  }
  return true;
}

/** Reads COUNT's value, at most what can matter; false after an error. */
function readCount(c: Context, index: number): boolean {
  const small = c.integer(index);
  const count = Number.isNaN(small) ? c.int64(index) : small;
  if (count === undefined) {
    c.reply.notAnInteger();
    return false;
  }
  if (count < 1) {
    c.reply.syntaxError();
    return false;
  }
  scan.count = Math.min(Number(count), COUNT_MAX);
  return true;
}
