// hot path: no allocation per command
//
// Keys whatever they hold: whether they exist, what type they are, deleting, renaming, copying and
// moving them. KEYS and SCAN are in scan.ts, expiry times in expiry.ts, OBJECT in
// generic-object.ts.

import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  keyRange,
  OW,
  READONLY,
  RM,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import type { Database } from "../keyspace/database.ts";
import { typeName } from "../keyspace/encoding.ts";
import { EVENT_GENERIC, EVENT_KEY_MISS } from "../keyspace/event-classes.ts";
import { notify } from "../keyspace/notify.ts";
import type { RecordView } from "../structures/record.ts";
import { key, keys } from "./argument-specs.ts";
import { dbIndexOrReply, NO_INDEX } from "./databases.ts";
import type { Context, Features } from "./features.ts";

const newKey: ArgumentSpec = { name: "newkey", type: "key", keySpecIndex: 1 };
const sumOverShards = ["request_policy:multi_shard", "response_policy:agg_sum"];

const existenceCommands = defineFamily<Features>("generic", [
  {
    name: "EXISTS",
    arity: -2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys to check.",
    summary: "Counts those of the given keys that exist.",
    history: [["3.0.3", "Accepts multiple `key` arguments."]],
    tips: sumOverShards,
    keys: [keyRange(1, -1, 1, RO)],
    args: [keys],
    run: existsCommand,
  },
  {
    name: "TOUCH",
    arity: -2,
    flags: READONLY | FAST,
    since: "3.2.1",
    complexity: "O(N) where N is the number of keys that will be touched.",
    summary: "Counts those of the given keys that exist, and notes that they were accessed.",
    tips: sumOverShards,
    keys: [keyRange(1, -1, 1, RO)],
    args: [keys],
    run: touchCommand,
  },
  {
    name: "TYPE",
    arity: 2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells the type of the value under a key.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: typeCommand,
  },
  {
    name: "RANDOMKEY",
    arity: 1,
    flags: READONLY,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Picks a key of the database at random.",
    tips: ["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    run: randomkeyCommand,
  },
]);

const deletionCommands = defineFamily<Features>("generic", [
  {
    name: "DEL",
    arity: -2,
    flags: WRITE,
    since: "1.0.0",
    complexity:
      "O(N) where N is the number of keys that will be removed. When a key to remove holds a " +
      "value other than a string, the individual complexity for this key is O(M) where M is the " +
      "number of elements in the list, set, sorted set or hash. Removing a single key that holds " +
      "a string value is O(1).",
    summary: "Deletes keys.",
    tips: sumOverShards,
    keys: [keyRange(1, -1, 1, RM | DELETE)],
    args: [keys],
    run: delCommand,
  },
  {
    name: "UNLINK",
    arity: -2,
    flags: WRITE | FAST,
    since: "4.0.0",
    complexity:
      "O(1) for each key removed regardless of its size. Then the command does O(N) work in a " +
      "different thread in order to reclaim memory, where N is the number of allocations the " +
      "deleted objects where composed of.",
    summary: "Deletes keys at once and gives their memory back bit by bit.",
    tips: sumOverShards,
    keys: [keyRange(1, -1, 1, RM | DELETE)],
    args: [keys],
    run: delCommand,
  },
]);

const movingCommands = defineFamily<Features>("generic", [
  {
    name: "COPY",
    arity: -3,
    flags: WRITE | DENYOOM,
    since: "6.2.0",
    complexity:
      "O(N) worst case for collections, where N is the number of nested items. O(1) for string " +
      "values.",
    summary: "Copies a value and its expiry time to another key.",
    keys: [keyAt(1, RO | ACCESS), keyAt(2, OW | UPDATE)],
    args: [
      { name: "source", type: "key", keySpecIndex: 0 },
      { name: "destination", type: "key", keySpecIndex: 1 },
      { name: "destination-db", type: "integer", token: "DB", optional: true },
      { name: "replace", type: "pure-token", token: "REPLACE", optional: true },
    ],
    run: copyCommand,
  },
  {
    name: "MOVE",
    arity: 3,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Moves a key into another database.",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    args: [key, { name: "db", type: "integer" }],
    run: moveCommand,
  },
  {
    name: "RENAME",
    arity: 3,
    flags: WRITE,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Renames a key, in place of what the new name held.",
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, OW | UPDATE)],
    args: [key, newKey],
    run: renameCommand,
  },
  {
    name: "RENAMENX",
    arity: 3,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Renames a key unless the new name exists.",
    history: [
      [
        "3.2.0",
        "The command no longer returns an error when source and destination names are the same.",
      ],
    ],
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, OW | INSERT)],
    args: [key, newKey],
    run: renamenxCommand,
  },
]);

export const genericCommands = defineFamily<Features>("generic", [
  ...existenceCommands.commands,
  ...deletionCommands.commands,
  ...movingCommands.commands,
]);

// EXISTS key [key ...]
function existsCommand(c: Context): void {
  const keyspace = c.server.keyspace;
  let count = 0;
  for (let index = 1; index < c.count; index++) {
    // A hit or a miss, but no access that eviction should see.
    if (c.peekKey(index) === undefined) {
      keyspace.misses++;
      c.notify(EVENT_KEY_MISS, "keymiss", index);
    } else {
      keyspace.hits++;
      count++;
    }
  }
  c.reply.integer(count);
}

// TOUCH key [key ...]
function touchCommand(c: Context): void {
  let count = 0;
  for (let index = 1; index < c.count; index++) {
    if (c.readKey(index) !== undefined) count++;
  }
  c.reply.integer(count);
}

// TYPE key
function typeCommand(c: Context): void {
  const keyspace = c.server.keyspace;
  const found = c.peekKey(1);
  if (found === undefined) {
    keyspace.misses++;
    c.notify(EVENT_KEY_MISS, "keymiss", 1);
    return c.reply.simple("none");
  }
  keyspace.hits++;
  c.reply.simple(typeName(found.type));
}

/** How many expired keys RANDOMKEY draws where it may not delete them. */
const EXPIRED_TRIES = 100;

// RANDOMKEY
function randomkeyCommand(c: Context): void {
  const { db } = c;
  const { view, hidesExpired } = c.server.keyspace;
  let tries = EXPIRED_TRIES;
  while (db.randomKey(view)) {
    // Where every key has expired and none may be deleted, an expired one is the answer.
    const isAnswer = !db.isExpired(view) || (hidesExpired && --tries === 0);
    if (isAnswer) return c.reply.bulk(view.bytes, view.keyStart, view.keyEnd);
    if (!hidesExpired) db.expire(view);
  }
  c.reply.null();
}

// DEL key [key ...]
// UNLINK key [key ...]
function delCommand(c: Context): void {
  let count = 0;
  for (let index = 1; index < c.count; index++) {
    if (!c.deleteKey(index)) continue;
    count++;
    c.notify(EVENT_GENERIC, "del", index);
  }
  if (count > 0) c.effects.changed(count);
  c.reply.integer(count);
}

// RENAME key newkey
function renameCommand(c: Context): void {
  const source = sourceOrReply(c);
  if (source === undefined) return;
  if (!c.same(1, 2)) rename(c, source);
  c.reply.ok();
}

// RENAMENX key newkey
function renamenxCommand(c: Context): void {
  const source = sourceOrReply(c);
  if (source === undefined) return;
  // Also the answer where both names are the same.
  if (c.peekKey(2, c.server.keyspace.secondView) !== undefined) return c.reply.integer(0);
  rename(c, source);
  c.reply.integer(1);
}

function rename(c: Context, source: RecordView): void {
  moveInto(c, c.db, source, 2);
  c.notify(EVENT_GENERIC, "rename_from", 1);
  c.notify(EVENT_GENERIC, "rename_to", 2);
}

function sourceOrReply(c: Context): RecordView | undefined {
  const source = c.writeKey(1);
  if (source === undefined) c.reply.error("ERR no such key");
  return source;
}

/** Moves a key of the selected database to the name in an argument, in any database. */
function moveInto(c: Context, target: Database, source: RecordView, index: number): void {
  target.moveFrom(c.db, source, c.bytes, c.start(index), c.end(index), c.hash(index));
  c.effects.changed(1);
}

/** Whether an argument is a key of a database. */
function exists(c: Context, db: Database, index: number): boolean {
  const view = c.server.keyspace.secondView;
  return db.peek(view, c.bytes, c.start(index), c.end(index), c.hash(index)) !== undefined;
}

const SAME_OBJECT = "ERR source and destination objects are the same";

// COPY source destination [DB destination-db] [REPLACE]
function copyCommand(c: Context): void {
  let target = c.db;
  let replaces = false;
  for (let index = 3; index < c.count; index++) {
    if (c.is(index, "replace")) {
      replaces = true;
    } else if (c.is(index, "db") && index + 1 < c.count) {
      const dbIndex = dbIndexOrReply(c, ++index);
      if (dbIndex === NO_INDEX) return;
      target = c.server.keyspace.databases[dbIndex];
    } else {
      return c.reply.syntaxError();
    }
  }
  if (target === c.db && c.same(1, 2)) return c.reply.error(SAME_OBJECT);
  const source = c.readKey(1);
  if (source === undefined) return c.reply.integer(0);
  if (!replaces && exists(c, target, 2)) return c.reply.integer(0);
  target.copyFrom(source, c.bytes, c.start(2), c.end(2), c.hash(2));
  c.effects.changed(1);
  notify(c.server.keyspace, target, EVENT_GENERIC, "copy_to", c.bytes, c.start(2), c.end(2));
  c.reply.integer(1);
}

// MOVE key db
function moveCommand(c: Context): void {
  const dbIndex = dbIndexOrReply(c, 2);
  if (dbIndex === NO_INDEX) return;
  const target = c.server.keyspace.databases[dbIndex];
  if (target === c.db) return c.reply.error(SAME_OBJECT);
  const source = c.writeKey(1);
  if (source === undefined || exists(c, target, 1)) return c.reply.integer(0);
  moveInto(c, target, source, 1);
  c.notify(EVENT_GENERIC, "move_from", 1);
  notify(c.server.keyspace, target, EVENT_GENERIC, "move_to", c.bytes, c.start(1), c.end(1));
  c.reply.integer(1);
}
