// hot path: no allocation per command
//
// Hashes: fields that are set, read and deleted by name. Those that read a whole hash are in
// hashes-whole.ts, numbers in hashes-numeric.ts, expiry in hashes-expiry.ts.

import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
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
import { EVENT_GENERIC, EVENT_HASH } from "../keyspace/event-classes.ts";
import { FOUND, GONE } from "../keyspace/hash-value.ts";
import { HASH, NO_EXPIRY, type RecordView } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { wrongArgumentCount } from "./field-arguments.ts";

const field: ArgumentSpec = { name: "field", type: "string" };
const value: ArgumentSpec = { name: "value", type: "string" };
const fields: ArgumentSpec = { name: "field", type: "string", multiple: true };
const pairs: ArgumentSpec = {
  name: "data",
  type: "block",
  multiple: true,
  arguments: [field, value],
};

export const hashCommands = defineFamily("hash", [
  {
    name: "HDEL",
    arity: -3,
    flags: WRITE | FAST,
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields to be removed.",
    summary: "Deletes fields of a hash, and the hash with its last one.",
    history: [["2.4.0", "Accepts multiple `field` arguments."]],
    keys: [keyAt(1, RW | DELETE)],
    member: 2,
    args: [key, fields],
    run: hdelCommand,
  },
  {
    name: "HEXISTS",
    arity: 3,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Tells whether a hash has a field.",
    keys: [keyAt(1, RO)],
    member: 2,
    args: [key, field],
    run: hexistsCommand,
  },
  {
    name: "HGET",
    arity: 3,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Reads a field of a hash.",
    keys: [keyAt(1, RO | ACCESS)],
    member: 2,
    args: [key, field],
    run: hgetCommand,
  },
  {
    name: "HLEN",
    arity: 2,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Counts the fields of a hash.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: hlenCommand,
  },
  {
    name: "HMGET",
    arity: -3,
    flags: READONLY | FAST,
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields being requested.",
    summary: "Reads several fields of a hash.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, fields],
    run: hmgetCommand,
  },
  {
    name: "HMSET",
    arity: -4,
    flags: WRITE | DENYOOM | FAST,
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields being set.",
    summary: "Sets several fields of a hash.",
    docFlags: ["deprecated"],
    deprecatedSince: "4.0.0",
    replacedBy: "`HSET` with multiple field-value pairs",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key, pairs],
    run: hmsetCommand,
  },
  {
    name: "HSET",
    arity: -4,
    flags: WRITE | DENYOOM | FAST,
    since: "2.0.0",
    complexity:
      "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command " +
      "is called with multiple field/value pairs.",
    summary: "Sets fields of a hash and counts those that are new.",
    history: [["4.0.0", "Accepts multiple `field` and `value` arguments."]],
    keys: [keyAt(1, RW | UPDATE)],
    member: 2,
    args: [key, pairs],
    run: hsetCommand,
  },
  {
    name: "HSETNX",
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: "2.0.0",
    complexity: "O(1)",
    summary: "Sets a field of a hash that it does not have yet.",
    keys: [keyAt(1, RW | INSERT)],
    member: 2,
    args: [key, field, value],
    run: hsetnxCommand,
  },
  {
    name: "HSTRLEN",
    arity: 3,
    flags: READONLY | FAST,
    since: "3.2.0",
    complexity: "O(1)",
    summary: "Tells the length of a field's value.",
    keys: [keyAt(1, RO)],
    member: 2,
    args: [key, field],
    run: hstrlenCommand,
  },
]);

// HGET key field
function hgetCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  if (hashes.read(c.db, found, c.bytes, c.start(2), c.end(2)) !== FOUND) return c.reply.null();
  c.reply.bulk(hashes.bytes, hashes.start, hashes.end);
}

// HMGET key field [field ...]
function hmgetCommand(c: Context): void {
  const found = c.readKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  c.reply.array(c.count - 2);
  let isThere = found !== undefined;
  hashes.holdEvents();
  for (let index = 2; index < c.count; index++) {
    if (!isThere) {
      c.reply.null();
      continue;
    }
    const outcome = hashes.read(c.db, found!, c.bytes, c.start(index), c.end(index));
    if (outcome === FOUND) c.reply.bulk(hashes.bytes, hashes.start, hashes.end);
    else c.reply.null();
    if (outcome === GONE) isThere = false;
  }
  const isGone = found !== undefined && !isThere;
  // Redis says nothing of the field with which the hash goes, nor of a hash that had no other.
  if (hashes.releaseEvents() <= (isGone ? 1 : 0)) return;
  c.notify(EVENT_HASH, "hexpired", 1);
  if (isGone) c.notify(EVENT_GENERIC, "del", 1);
}

// HEXISTS key field
function hexistsCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  const outcome = hashes.read(c.db, found, c.bytes, c.start(2), c.end(2));
  c.reply.integer(outcome === FOUND ? 1 : 0);
}

// HSTRLEN key field
function hstrlenCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  const outcome = hashes.read(c.db, found, c.bytes, c.start(2), c.end(2));
  c.reply.integer(outcome === FOUND ? hashes.end - hashes.start : 0);
}

// HLEN key
function hlenCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== HASH) return c.reply.wrongType();
  // Fields that have expired count until somebody meets them.
  c.reply.integer(c.server.keyspace.hashes.count(c.db, found));
}

// HSET key field value [field value ...]
function hsetCommand(c: Context): void {
  const created = setPairs(c);
  if (created >= 0) c.reply.integer(created);
}

// HMSET key field value [field value ...]
function hmsetCommand(c: Context): void {
  if (setPairs(c) >= 0) c.reply.ok();
}

/** Sets the pairs from argument 2 on. Returns how many fields are new, or -1 after an error. */
function setPairs(c: Context): number {
  if (c.count % 2 !== 0) {
    wrongArgumentCount(c);
    return -1;
  }
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) {
    c.reply.wrongType();
    return -1;
  }
  const created = c.server.keyspace.hashes.setPairs(c.db, found, c, 2, c.count, NO_EXPIRY);
  c.effects.changed((c.count - 2) / 2);
  c.notify(EVENT_HASH, "hset", 1);
  return created;
}

// HSETNX key field value
function hsetnxCommand(c: Context): void {
  let found: RecordView | undefined = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  if (found !== undefined) {
    const outcome = hashes.read(c.db, found, c.bytes, c.start(2), c.end(2));
    if (outcome === FOUND) return c.reply.integer(0);
    if (outcome === GONE) found = undefined;
  }
  hashes.setPairs(c.db, found, c, 2, 4, NO_EXPIRY);
  c.effects.changed(1);
  c.notify(EVENT_HASH, "hset", 1);
  c.reply.integer(1);
}

// HDEL key field [field ...]
function hdelCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== HASH) return c.reply.wrongType();
  const { hashes } = c.server.keyspace;
  let deleted = 0;
  let isThere = true;
  for (let index = 2; index < c.count; index++) {
    if (!hashes.find(c.db, found, c.bytes, c.start(index), c.end(index))) continue;
    deleted++;
    isThere = !hashes.deleteFound(c.db, found);
    if (!isThere) break;
  }
  if (deleted > 0) {
    c.effects.changed(deleted);
    c.notify(EVENT_HASH, "hdel", 1);
    if (!isThere) c.notify(EVENT_GENERIC, "del", 1);
  }
  c.reply.integer(deleted);
}
