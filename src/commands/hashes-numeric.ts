// hot path: no allocation per command
//
// Fields of hashes as numbers: HINCRBY over the whole int64 range, HINCRBYFLOAT in
// `base/decimal.ts`.

import { fitsInt64, parseInt64, parseInteger, writeInteger } from "../base/ascii.ts";
import {
  addDecimals,
  decimalKind,
  FINITE,
  INFINITE,
  INVALID_LEFT,
  NOT_FINITE,
  SUM_BYTES_MAX,
} from "../base/decimal.ts";
import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  FAST,
  keyAt,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_HASH } from "../keyspace/event-classes.ts";
import { ABSENT, FOUND, GONE } from "../keyspace/hash-value.ts";
import { HASH } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";

const field: ArgumentSpec = { name: "field", type: "string" };

export const hashNumericCommands = defineFamily("hash", [
  {
    name: "HINCRBY",
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Adds to an integer in a hash; a missing field counts as 0.",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    member: 2,
    args: [key, field, { name: "increment", type: "integer" }],
    run: hincrbyCommand,
  },
  {
    name: "HINCRBYFLOAT",
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Adds to a decimal number in a hash; a missing field counts as 0.",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    member: 2,
    args: [key, field, { name: "increment", type: "double" }],
    run: hincrbyfloatCommand,
  },
]);

const ZERO_TEXT = latin1Bytes("0");
const HSETEX_NAME = latin1Bytes("HSETEX");
const KEEPTTL_TOKEN = latin1Bytes("KEEPTTL");
const FIELDS_TOKEN = latin1Bytes("FIELDS");

/** Numbers are formatted here before they are stored. Never holds anything between commands. */
const scratch = new Uint8Array(SUM_BYTES_MAX);

/** What `lookUp` returns after an error. */
const REPLIED = -1;

/**
 * Looks up the field in argument 2 of the hash under key 1: FOUND, ABSENT (the keyspace's view is
 * at the hash), GONE (there is no hash, or no more) or REPLIED.
 */
function lookUp(c: Context): number {
  const found = c.writeKey(1);
  if (found === undefined) return GONE;
  if (found.type !== HASH) {
    c.reply.wrongType();
    return REPLIED;
  }
  return c.server.keyspace.hashes.read(c.db, found, c.bytes, c.start(2), c.end(2));
}

/** Makes the first `length` bytes of `scratch` the field's value; its expiry stays. */
function store(c: Context, outcome: number, length: number): void {
  const { hashes, view } = c.server.keyspace;
  const start = c.start(2);
  const end = c.end(2);
  if (outcome === FOUND) hashes.setFound(c.db, view, c.bytes, start, end, scratch, 0, length);
  else hashes.add(c.db, outcome === ABSENT ? view : undefined, c, 2, scratch, 0, length);
}

// HINCRBY key field increment
function hincrbyCommand(c: Context): void {
  const increment = c.integer(3);
  if (Number.isNaN(increment) && c.int64(3) === undefined) return c.reply.notAnInteger();
  const outcome = lookUp(c);
  if (outcome === REPLIED) return;
  const { hashes } = c.server.keyspace;
  let sum = increment;
  if (outcome === FOUND) sum += parseInteger(hashes.bytes, hashes.start, hashes.end);
  // NaN, too: an integer beyond 2^53, or none.
  if (!Number.isSafeInteger(sum)) return addInteger64(c, outcome);
  store(c, outcome, writeInteger(scratch, 0, sum));
  c.effects.changed(1);
  c.notify(EVENT_HASH, "hincrby", 1);
  c.reply.integer(sum);
}

/** Cold: allocates. */
function addInteger64(c: Context, outcome: number): void {
  const { hashes } = c.server.keyspace;
  let sum = c.int64(3)!;
  if (outcome === FOUND) {
    const value = parseInt64(hashes.bytes, hashes.start, hashes.end);
    if (value === undefined) return c.reply.error("ERR hash value is not an integer");
    sum += value;
  }
  if (!fitsInt64(sum)) return c.reply.error("ERR increment or decrement would overflow");
  const text = sum.toString();
  for (let k = 0; k < text.length; k++) scratch[k] = text.charCodeAt(k);
  store(c, outcome, text.length);
  c.effects.changed(1);
  c.notify(EVENT_HASH, "hincrby", 1);
  c.reply.integer64(sum);
}

// HINCRBYFLOAT key field increment
function hincrbyfloatCommand(c: Context): void {
  const kind = decimalKind(c.bytes, c.start(3), c.end(3));
  if (kind === INFINITE) return c.reply.error("ERR value is NaN or Infinity");
  if (kind !== FINITE) return c.reply.error("ERR value is not a valid float");
  const outcome = lookUp(c);
  if (outcome === REPLIED) return;
  const { hashes } = c.server.keyspace;
  const isThere = outcome === FOUND;
  const length = addDecimals(
    isThere ? hashes.bytes : ZERO_TEXT,
    isThere ? hashes.start : 0,
    isThere ? hashes.end : 1,
    c.bytes,
    c.start(3),
    c.end(3),
    scratch,
    0,
  );
  if (length === INVALID_LEFT) return c.reply.error("ERR hash value is not a float");
  if (length === NOT_FINITE) {
    return c.reply.error("ERR increment would produce NaN or Infinity");
  }
  store(c, outcome, length);
  c.effects.changed(1);
  c.notify(EVENT_HASH, "hincrbyfloat", 1);
  c.reply.bulk(scratch, 0, length);
  if (c.effects.active) propagateSum(c, length);
}

/** Propagates the sum itself, so that no reader has to add as this machine does. */
function propagateSum(c: Context, length: number): void {
  const effect = c.effects.replace(7);
  effect.bulkBytes(HSETEX_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulkBytes(KEEPTTL_TOKEN);
  effect.bulkBytes(FIELDS_TOKEN);
  effect.bulkInteger(1);
  effect.bulk(c.bytes, c.start(2), c.end(2));
  effect.bulk(scratch, 0, length);
}
