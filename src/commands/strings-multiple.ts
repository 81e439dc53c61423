// hot path: no allocation per command
//
// Several strings at once: MGET, MSET and the conditional forms of MSET. Each is one atomic
// command: nothing else runs between its keys.
//
// Keys are looked up in groups: all of a group are hashed, then their cells are loaded, then their
// records, and only then the first is used. Cache misses overlap that would otherwise wait for each
// other, as they do across the commands of a batch in `server/dispatch.ts`.

import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyRange,
  keysCounted,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_STRING } from "../keyspace/event-classes.ts";
import { NULL_REF } from "../memory/pool.ts";
import { KEEP_EXPIRY, NO_EXPIRY, STRING } from "../structures/record.ts";
import { key, keys, numkeys, tokens } from "./argument-specs.ts";
import {
  bulkExpiry,
  EXPIRY_TIME,
  expiryArgument,
  expiryMsOrReply,
  KEEPTTL,
  NX,
  options,
  optionsOrReply,
  REPLIED,
  XX,
} from "./expiry-options.ts";
import type { Context } from "./features.ts";

const pairs: ArgumentSpec = {
  name: "data",
  type: "block",
  multiple: true,
  arguments: [key, { name: "value", type: "string" }],
};
const setComplexity = "O(N) where N is the number of keys to set.";

export const stringMultipleCommands = defineFamily("string", [
  {
    name: "MGET",
    arity: -2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys to retrieve.",
    summary: "Reads the string values of several keys.",
    tips: ["request_policy:multi_shard"],
    keys: [keyRange(1, -1, 1, RO | ACCESS)],
    args: [keys],
    run: mgetCommand,
  },
  {
    name: "MSET",
    arity: -3,
    flags: WRITE | DENYOOM,
    since: "1.0.1",
    complexity: setComplexity,
    summary: "Stores strings under several keys.",
    tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
    keys: [keyRange(1, -1, 2, OW | UPDATE)],
    args: [pairs],
    run: msetCommand,
  },
  {
    name: "MSETNX",
    arity: -3,
    flags: WRITE | DENYOOM,
    since: "1.0.1",
    complexity: setComplexity,
    summary: "Stores strings under several keys if none of them exists yet.",
    keys: [keyRange(1, -1, 2, OW | INSERT)],
    args: [pairs],
    run: msetnxCommand,
  },
  {
    name: "MSETEX",
    arity: -4,
    flags: WRITE | DENYOOM,
    since: "9.1.0",
    complexity: setComplexity,
    summary: "Stores strings under several keys with one expiry, on a condition if wanted.",
    tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
    keys: [keysCounted(1, OW | UPDATE, 2)],
    args: [
      numkeys,
      pairs,
      { name: "condition", type: "oneof", optional: true, arguments: tokens("NX", "XX") },
      expiryArgument("KEEPTTL"),
    ],
    run: msetexCommand,
  },
]);

const MSETEX_OPTIONS = NX | XX | KEEPTTL | EXPIRY_TIME;
const KEY_COUNT_MAX = 0x7fff_ffff;
/** Keys looked up together: enough to overlap, few enough to stay in the first cache. */
const GROUP_KEYS = 32;
const hashes = new Int32Array(GROUP_KEYS);
/** Keeps the loads of `loadGroup` from being optimised away. */
const loaded = new Int32Array(1);
const SET_NAME = latin1Bytes("SET");
const KEEPTTL_TOKEN = latin1Bytes("KEEPTTL");
const PXAT_TOKEN = latin1Bytes("PXAT");

// MGET key [key ...]
function mgetCommand(c: Context): void {
  const count = c.count;
  c.reply.array(count - 1);
  const view = c.server.keyspace.view;
  for (let from = 1; from < count; from += GROUP_KEYS) {
    const to = Math.min(count, from + GROUP_KEYS);
    loadGroup(c, from, to, 1);
    for (let index = from; index < to; index++) {
      const hash = hashes[index - from];
      const found = c.db.lookupRead(view, c.bytes, c.start(index), c.end(index), hash);
      // A value of another type counts as missing; MGET never fails.
      if (found === undefined || found.type !== STRING) c.reply.null();
      else c.reply.bulk(found.bytes, found.valueStart, found.valueEnd);
    }
  }
}

/** Hashes the keys at arguments from, from + step, ... below `to` and loads what they lead to. */
function loadGroup(c: Context, from: number, to: number, step: number): void {
  const table = c.db.table;
  const view = c.server.keyspace.secondView;
  let count = 0;
  for (let index = from; index < to; index += step) hashes[count++] = c.hash(index);
  for (let k = 0; k < count; k++) loaded[0] ^= table.touch(hashes[k]);
  for (let k = 0; k < count; k++) {
    const ref = table.peek(hashes[k]);
    if (ref !== NULL_REF) view.load(ref, hashes[k]);
  }
}

// MSET key value [key value ...]
function msetCommand(c: Context): void {
  if (c.count % 2 === 0) return wrongArgumentCount(c);
  setPairs(c, 1, c.count, NO_EXPIRY);
  c.reply.ok();
}

/** Cold: the error of a pair without a value. */
function wrongArgumentCount(c: Context): void {
  c.reply.error(`ERR wrong number of arguments for '${c.command.fullName}' command`);
}

/** Stores the pairs in arguments [from, to); of a key named twice the last value stays. */
function setPairs(c: Context, from: number, to: number, expiryMs: number): void {
  const bytes = c.bytes;
  const setsTime = expiryMs !== NO_EXPIRY && expiryMs !== KEEP_EXPIRY;
  for (let group = from; group < to; group += GROUP_KEYS * 2) {
    const groupEnd = Math.min(to, group + GROUP_KEYS * 2);
    loadGroup(c, group, groupEnd, 2);
    for (let index = group; index < groupEnd; index += 2) {
      const hash = hashes[(index - group) >>> 1];
      const start = c.start(index + 1);
      const end = c.end(index + 1);
      c.db.setString(bytes, c.start(index), c.end(index), hash, bytes, start, end, expiryMs);
      c.notify(EVENT_STRING, "set", index);
      if (setsTime) c.notify(EVENT_GENERIC, "expire", index);
    }
  }
  c.effects.changed((to - from) / 2);
}

// MSETNX key value [key value ...]
function msetnxCommand(c: Context): void {
  if (c.count % 2 === 0) return wrongArgumentCount(c);
  if (!pairsMeet(c, 1, c.count, NX)) return c.reply.integer(0);
  setPairs(c, 1, c.count, NO_EXPIRY);
  c.reply.integer(1);
}

/** Whether all keys of the pairs are missing (NX) or exist (XX). */
function pairsMeet(c: Context, from: number, to: number, condition: number): boolean {
  for (let index = from; index < to; index += 2) {
    const exists = c.writeKey(index) !== undefined;
    if (exists !== (condition === XX)) return false;
  }
  return true;
}

// MSETEX numkeys key value [key value ...] [NX | XX]
//     [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
function msetexCommand(c: Context): void {
  const keyCount = c.integer(1);
  if (!(keyCount >= 1 && keyCount <= KEY_COUNT_MAX)) {
    return c.reply.error("ERR invalid numkeys value or out of range");
  }
  const pairsEnd = 2 + keyCount * 2;
  if (pairsEnd > c.count) return c.reply.syntaxError();
  const flags = optionsOrReply(c, pairsEnd, MSETEX_OPTIONS);
  if (flags === REPLIED) return;
  let expiryMs = (flags & KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
  if ((flags & EXPIRY_TIME) !== 0) {
    expiryMs = expiryMsOrReply(c, options.expiryIndex, flags);
    if (expiryMs === REPLIED) return;
  }
  if ((flags & (NX | XX)) !== 0 && !pairsMeet(c, 2, pairsEnd, flags & (NX | XX))) {
    return c.reply.integer(0);
  }
  setPairs(c, 2, pairsEnd, expiryMs);
  if (c.effects.active) propagateMsetex(c, pairsEnd, expiryMs);
  c.reply.integer(1);
}

/** Propagates the pairs in arguments [2, end) as SETs, for not every server knows MSETEX. */
function propagateMsetex(c: Context, end: number, expiryMs: number): void {
  for (let index = 2; index < end; index += 2) {
    const effect = c.effects.replace(setArgumentCount(expiryMs));
    effect.bulkBytes(SET_NAME);
    effect.bulk(c.bytes, c.start(index), c.end(index));
    effect.bulk(c.bytes, c.start(index + 1), c.end(index + 1));
    if (expiryMs === NO_EXPIRY) continue;
    if (expiryMs === KEEP_EXPIRY) {
      effect.bulkBytes(KEEPTTL_TOKEN);
    } else {
      effect.bulkBytes(PXAT_TOKEN);
      bulkExpiry(effect, expiryMs);
    }
  }
}

function setArgumentCount(expiryMs: number): number {
  if (expiryMs === NO_EXPIRY) return 3;
  return expiryMs === KEEP_EXPIRY ? 4 : 5;
}
