// Databases as wholes: their size, emptying them, exchanging two.

import {
  type ArgumentSpec,
  type CommandSpec,
  defineFamily,
  FAST,
  READONLY,
  WRITE,
} from "../command/spec.ts";
import type { Context, Features } from "./features.ts";

const flushType: ArgumentSpec = {
  name: "flush-type",
  type: "oneof",
  optional: true,
  arguments: [
    { name: "async", type: "pure-token", token: "ASYNC", since: "4.0.0" },
    { name: "sync", type: "pure-token", token: "SYNC", since: "6.2.0" },
  ],
};

/** What FLUSHALL and FLUSHDB share. */
const flush = {
  arity: -1,
  flags: WRITE,
  since: "1.0.0",
  history: [
    ["4.0.0", "Added the `ASYNC` flushing mode modifier."],
    ["6.2.0", "Added the `SYNC` flushing mode modifier."],
  ],
  categories: ["keyspace", "dangerous"],
  tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  args: [flushType],
} as const satisfies Partial<CommandSpec>;

export const databaseCommands = defineFamily<Features>("server", [
  {
    name: "DBSIZE",
    arity: 1,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Counts the keys of the database.",
    categories: ["keyspace"],
    tips: ["request_policy:all_shards", "response_policy:agg_sum"],
    run: dbsizeCommand,
  },
  {
    name: "FLUSHALL",
    ...flush,
    complexity: "O(N) where N is the total number of keys in all databases",
    summary: "Deletes every key of every database.",
    run: flushallCommand,
  },
  {
    name: "FLUSHDB",
    ...flush,
    complexity: "O(N) where N is the number of keys in the selected database",
    summary: "Deletes every key of the selected database.",
    run: flushdbCommand,
  },
  {
    name: "SWAPDB",
    arity: 3,
    flags: WRITE | FAST,
    since: "4.0.0",
    complexity:
      "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    summary: "Exchanges the contents of two databases.",
    categories: ["keyspace", "dangerous"],
    args: [
      { name: "index1", type: "integer" },
      { name: "index2", type: "integer" },
    ],
    run: swapdbCommand,
  },
]);

// DBSIZE
function dbsizeCommand(c: Context): void {
  c.reply.integer(c.db.size);
}

// FLUSHALL [ASYNC | SYNC]
function flushallCommand(c: Context): void {
  if (!isFlushOrReply(c)) return;
  let count = 0;
  for (const db of c.server.keyspace.databases) {
    count += db.size;
    if (db.size > 0) c.server.blocking.beforeClear(db.index);
  }
  c.server.snapshots.cancel();
  c.server.keyspace.clear();
  tellFlushed(c);
  c.effects.changed(count);
  // As Redis: where snapshots are taken, the last one must not bring back what was deleted. But one
  // amid a transaction, as Redis takes it, would be found as half of it after a crash. While the
  // log is loaded it stays: should the rest turn out bad, it is the only good copy.
  const { config, persistence, snapshots } = c.server;
  if (config.savePoints.length > 0 && !persistence.loading) snapshots.saveWhole();
  propagateRequest(c);
  c.reply.ok();
}

// FLUSHDB [ASYNC | SYNC]
function flushdbCommand(c: Context): void {
  if (!isFlushOrReply(c)) return;
  const count = c.db.size;
  c.server.blocking.beforeClear(c.db.index);
  c.db.clear();
  tellFlushed(c);
  c.effects.changed(count);
  propagateRequest(c);
  c.reply.ok();
}

/** Checks the option, which changes nothing here: memory is given back at once either way. */
function isFlushOrReply(c: Context): boolean {
  if (c.count === 1 || (c.count === 2 && (c.is(1, "async") || c.is(1, "sync")))) return true;
  c.reply.syntaxError();
  return false;
}

/**
 * Tells clients that cache. Redis answers a flush once the memory has been freed in the background,
 * unless that is not waited for, and tells the client that asks before.
 */
function tellFlushed(c: Context): void {
  c.server.tracking.flushed();
  if (c.count === 1 || c.is(1, "sync")) c.server.pushFirst();
}

/** Propagates the request even where nothing was there to delete: a replica may differ. */
function propagateRequest(c: Context): void {
  const effect = c.effects.replace(c.count);
  for (let index = 0; index < c.count; index++) effect.bulk(c.bytes, c.start(index), c.end(index));
}

// SWAPDB index1 index2
function swapdbCommand(c: Context): void {
  const first = dbNumber(c, 1);
  if (Number.isNaN(first)) return c.reply.error("ERR invalid first DB index");
  const second = dbNumber(c, 2);
  if (Number.isNaN(second)) return c.reply.error("ERR invalid second DB index");
  const count = c.server.keyspace.databases.length;
  if (first < 0 || first >= count || second < 0 || second >= count) {
    return c.reply.error("ERR DB index is out of range");
  }
  c.server.keyspace.swap(first, second);
  c.server.blocking.swapped(first, second);
  c.effects.changed(1);
  c.reply.ok();
}

/** An argument as a 32-bit integer; NaN where it is none. */
function dbNumber(c: Context, index: number): number {
  const number = c.integer(index);
  return number === (number | 0) ? number : Number.NaN;
}

/** Returned in place of a database's index when an error has been sent. */
export const NO_INDEX = -1;

/** An argument as the index of a database; NO_INDEX after an error. */
export function dbIndexOrReply(c: Context, index: number): number {
  const number = dbNumber(c, index);
  if (Number.isNaN(number)) {
    if (c.int64(index) === undefined) c.reply.notAnInteger();
    else {
      c.reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    }
    return NO_INDEX;
  }
  if (number >= 0 && number < c.server.keyspace.databases.length) return number;
  c.reply.error("ERR DB index is out of range");
  return NO_INDEX;
}
