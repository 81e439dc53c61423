// hot path: no allocation per command
//
// Strings as numbers: INCR and its relatives. Integers are the whole int64 range; the way through
// safe integers is the fast one, BigInt the other. INCRBYFLOAT adds in `base/decimal.ts`.

import {
  fitsInt64,
  INT64_MIN,
  integerLength,
  parseInt64,
  parseInteger,
  writeInteger,
} from "../base/ascii.ts";
import { addDecimals, NOT_FINITE, SUM_BYTES_MAX } from "../base/decimal.ts";
import { latin1Bytes } from "../base/text.ts";
import { ACCESS, DENYOOM, defineFamily, FAST, keyAt, RW, UPDATE, WRITE } from "../command/spec.ts";
import { EVENT_STRING } from "../keyspace/event-classes.ts";
import {
  ENCODING_AUTO,
  ENCODING_TEXT,
  NO_EXPIRY,
  type RecordView,
  STRING,
  setEncoding,
} from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";

const flags = WRITE | DENYOOM | FAST;
const keys = [keyAt(1, RW | ACCESS | UPDATE)];

export const stringNumericCommands = defineFamily("string", [
  {
    name: "INCR",
    arity: 2,
    flags,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Adds one to an integer; a missing key counts as 0.",
    keys,
    args: [key],
    run: incrCommand,
  },
  {
    name: "DECR",
    arity: 2,
    flags,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Subtracts one from an integer; a missing key counts as 0.",
    keys,
    args: [key],
    run: decrCommand,
  },
  {
    name: "INCRBY",
    arity: 3,
    flags,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Adds to an integer; a missing key counts as 0.",
    keys,
    args: [key, { name: "increment", type: "integer" }],
    run: incrbyCommand,
  },
  {
    name: "DECRBY",
    arity: 3,
    flags,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Subtracts from an integer; a missing key counts as 0.",
    keys,
    args: [key, { name: "decrement", type: "integer" }],
    run: decrbyCommand,
  },
  {
    name: "INCRBYFLOAT",
    arity: 3,
    flags,
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Adds to a decimal number; a missing key counts as 0.",
    keys,
    args: [key, { name: "increment", type: "double" }],
    run: incrbyfloatCommand,
  },
]);

const ZERO_TEXT = latin1Bytes("0");
const SET_NAME = latin1Bytes("SET");
const KEEPTTL_TOKEN = latin1Bytes("KEEPTTL");

/** Numbers are formatted here before they are stored. Never holds anything between commands. */
const scratch = new Uint8Array(SUM_BYTES_MAX);

// INCR key
function incrCommand(c: Context): void {
  addInteger(c, 1);
}

// DECR key
function decrCommand(c: Context): void {
  addInteger(c, -1);
}

// INCRBY key increment
function incrbyCommand(c: Context): void {
  const increment = c.integer(2);
  if (!Number.isNaN(increment)) return addInteger(c, increment);
  const large = c.int64(2);
  if (large === undefined) return c.reply.notAnInteger();
  addInteger64(c, c.writeKey(1), large);
}

// DECRBY key decrement
function decrbyCommand(c: Context): void {
  const decrement = c.integer(2);
  if (!Number.isNaN(decrement)) return addInteger(c, -decrement);
  const large = c.int64(2);
  if (large === undefined) return c.reply.notAnInteger();
  // Its negation is no int64, so it is refused before the key is looked at.
  if (large === INT64_MIN) return c.reply.error("ERR decrement would overflow");
  addInteger64(c, c.writeKey(1), -large);
}

function addInteger(c: Context, increment: number): void {
  const found = c.writeKey(1);
  let sum = increment;
  if (found !== undefined) {
    if (found.type !== STRING) return c.reply.wrongType();
    sum += parseInteger(found.bytes, found.valueStart, found.valueEnd);
    // NaN, too: the value may be an integer beyond 2^53.
    // alloc: beyond 2^53 only
    if (!Number.isSafeInteger(sum)) return addInteger64(c, found, BigInt(increment));
  }
  if (
    found !== undefined &&
    found.encoding === ENCODING_AUTO &&
    found.valueLength === integerLength(sum)
  ) {
    // The digits fit over the old ones; `writeKey` has let a snapshot see those.
    writeInteger(found.bytes, found.valueStart, sum);
  } else {
    storeScratch(c, found, writeInteger(scratch, 0, sum));
  }
  c.effects.changed(1);
  c.notify(EVENT_STRING, "incrby", 1);
  c.reply.integer(sum);
}

/** Cold: allocates. */
function addInteger64(c: Context, found: RecordView | undefined, increment: bigint): void {
  let sum = increment;
  if (found !== undefined) {
    if (found.type !== STRING) return c.reply.wrongType();
    const value = parseInt64(found.bytes, found.valueStart, found.valueEnd);
    if (value === undefined) return c.reply.notAnInteger();
    sum += value;
  }
  if (!fitsInt64(sum)) return c.reply.error("ERR increment or decrement would overflow");
  const text = sum.toString();
  for (let k = 0; k < text.length; k++) scratch[k] = text.charCodeAt(k);
  storeScratch(c, found, text.length);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "incrby", 1);
  c.reply.integer64(sum);
}

/** Makes the first `length` bytes of `scratch` the value of key 1, whose expiry stays. */
function storeScratch(c: Context, found: RecordView | undefined, length: number): void {
  if (found === undefined) c.setString(1, scratch, 0, length, NO_EXPIRY);
  else c.db.replaceString(found, scratch, 0, length);
}

// INCRBYFLOAT key increment
function incrbyfloatCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== STRING) return c.reply.wrongType();
  const length = addDecimals(
    found === undefined ? ZERO_TEXT : found.bytes,
    found === undefined ? 0 : found.valueStart,
    found === undefined ? 1 : found.valueEnd,
    c.bytes,
    c.start(2),
    c.end(2),
    scratch,
    0,
  );
  if (length === NOT_FINITE) {
    return c.reply.error("ERR increment would produce NaN or Infinity");
  }
  if (length < 0) return c.reply.error("ERR value is not a valid float");
  storeScratch(c, found, length);
  // Redis keeps a sum as text, even a whole one.
  const stored = c.peekKey(1);
  if (stored !== undefined) setEncoding(c.server.keyspace.pool, stored.ref, ENCODING_TEXT);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "incrbyfloat", 1);
  c.reply.bulk(scratch, 0, length);
  if (!c.effects.active) return;
  // The sum itself, so that no reader has to add as this machine does.
  const effect = c.effects.replace(4);
  effect.bulkBytes(SET_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulk(scratch, 0, length);
  effect.bulkBytes(KEEPTTL_TOKEN);
}
