// hot path: no allocation per command
//
// Fields of hashes that are read or set together with their expiry: HGETEX, HSETEX and HGETDEL.

import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  keyAt,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_HASH } from "../keyspace/event-classes.ts";
import { FOUND, GONE } from "../keyspace/hash-value.ts";
import { HASH, KEEP_EXPIRY, NO_EXPIRY, type RecordView } from "../structures/record.ts";
import { key, tokens } from "./argument-specs.ts";
import { expiryArgument } from "./expiry-options.ts";
import type { Context } from "./features.ts";
import {
  deletesPast,
  fieldsArgument,
  fieldsComplexity,
  fieldsOrReply,
  fieldTimeOrReply,
  NOT_POSITIVE,
  pairsArgument,
  propagateExpired,
  REPLIED,
  wrongArgumentCount,
} from "./field-arguments.ts";

const fieldCondition: ArgumentSpec = {
  name: "condition",
  type: "oneof",
  optional: true,
  arguments: tokens("FNX", "FXX"),
};

export const hashExpiryValueCommands = defineFamily("hash", [
  {
    name: "HGETDEL",
    arity: -5,
    flags: WRITE | FAST,
    since: "8.0.0",
    complexity: fieldsComplexity,
    summary: "Reads fields of a hash and deletes them.",
    keys: [keyAt(1, RW | ACCESS | DELETE)],
    args: [key, fieldsArgument],
    run: hgetdelCommand,
  },
  {
    name: "HGETEX",
    arity: -5,
    flags: WRITE | FAST,
    since: "8.0.0",
    complexity: fieldsComplexity,
    summary: "Reads fields of a hash and sets or clears their expiry.",
    keys: [keyAt(1, RW | ACCESS | UPDATE, "RW and UPDATE because it changes the TTL")],
    args: [key, expiryArgument("PERSIST"), fieldsArgument],
    run: hgetexCommand,
  },
  {
    name: "HSETEX",
    arity: -6,
    flags: WRITE | DENYOOM | FAST,
    since: "8.0.0",
    complexity: "O(N) where N is the number of fields being set.",
    summary: "Sets fields of a hash with one expiry, on a condition if wanted.",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key, fieldCondition, expiryArgument("KEEPTTL"), pairsArgument],
    run: hsetexCommand,
  },
]);

const HDEL_NAME = latin1Bytes("HDEL");
const HPERSIST_NAME = latin1Bytes("HPERSIST");
const HPEXPIREAT_NAME = latin1Bytes("HPEXPIREAT");
const PXAT_TOKEN = latin1Bytes("PXAT");

// HGETDEL key FIELDS numfields field [field ...]
function hgetdelCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const first = fieldsOrReply(c, 2, NOT_POSITIVE);
  if (first === REPLIED) return;
  const { hashes } = c.server.keyspace;
  c.reply.array(c.count - first);
  let isThere = found !== undefined;
  let deleted = 0;
  hashes.holdEvents();
  for (let index = first; index < c.count; index++) {
    if (!isThere) {
      c.reply.null();
      continue;
    }
    const outcome = readField(c, found!, index);
    if (outcome === FOUND) {
      deleted++;
      isThere = !hashes.deleteFound(c.db, found!);
    } else if (outcome === GONE) {
      isThere = false;
    }
  }
  const expired = hashes.releaseEvents();
  tellOfFields(c, expired, deleted > 0 ? "hdel" : "");
  if (deleted === 0) return;
  c.effects.changed(deleted);
  if (c.effects.active) propagateOnFields(c, HDEL_NAME, 2, first);
}

/** Tells that fields have expired, what happened to others, and that the key went with all. */
function tellOfFields(c: Context, expired: number, event: string): void {
  if (c.server.keyspace.notifiedEvents === 0 || (expired === 0 && event === "")) return;
  if (expired > 0) c.notify(EVENT_HASH, "hexpired", 1);
  if (event !== "") c.notify(EVENT_HASH, event, 1);
  const isThere = c.peekKey(1, c.server.keyspace.secondView) !== undefined;
  if (!isThere) c.notify(EVENT_GENERIC, "del", 1);
}

/** Replies with the field in an argument, or null. */
function readField(c: Context, found: RecordView, index: number): number {
  const { hashes } = c.server.keyspace;
  const outcome = hashes.read(c.db, found, c.bytes, c.start(index), c.end(index));
  if (outcome === FOUND) c.reply.bulk(hashes.bytes, hashes.start, hashes.end);
  else c.reply.null();
  return outcome;
}

/** Propagates `name key` and the arguments from `from` on, in place of the request. */
function propagateOnFields(c: Context, name: Uint8Array, head: number, from: number): void {
  const effect = c.effects.replace(head + c.count - from);
  effect.bulkBytes(name);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  for (let index = from; index < c.count; index++) {
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}

const EX = 1 << 0;
const PX = 1 << 1;
const EXAT = 1 << 2;
const PXAT = 1 << 3;
const PERSIST = 1 << 4;
const KEEPTTL = 1 << 5;
const FNX = 1 << 6;
const FXX = 1 << 7;
const FIELDS = 1 << 8;

const TIME = EX | PX | EXAT | PXAT;
const EXPIRY = TIME | KEEPTTL;

/** The option that an argument names, or 0. */
function optionAt(c: Context, index: number): number {
  switch (c.length(index)) {
    case 2:
      if (c.is(index, "ex")) return EX;
      return c.is(index, "px") ? PX : 0;
    case 3:
      if (c.is(index, "fnx")) return FNX;
      return c.is(index, "fxx") ? FXX : 0;
    case 4:
      if (c.is(index, "exat")) return EXAT;
      return c.is(index, "pxat") ? PXAT : 0;
    case 6:
      return c.is(index, "fields") ? FIELDS : 0;
    case 7:
      if (c.is(index, "persist")) return PERSIST;
      return c.is(index, "keepttl") ? KEEPTTL : 0;
    default:
      return 0;
  }
}

/** The time in an argument, whose unit an option names; REPLIED after an error. */
function timeOrReply(c: Context, index: number, option: number): number {
  const unitMs = (option & (EX | EXAT)) !== 0 ? 1000 : 1;
  return fieldTimeOrReply(c, index, unitMs, (option & (EX | PX)) !== 0);
}

// HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS numfields field [field ...]
function hgetexCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const option = optionAt(c, 2) & (TIME | PERSIST);
  let expiryMs = NO_EXPIRY;
  let at = 2;
  if ((option & TIME) !== 0) {
    expiryMs = timeOrReply(c, 3, option);
    if (expiryMs === REPLIED) return;
    at = 4;
    if (c.count === 5) return wrongArgumentCount(c);
  } else if (option === PERSIST) {
    at = 3;
  }
  const first = fieldsOrReply(c, at, NOT_POSITIVE);
  if (first === REPLIED) return;
  const { hashes } = c.server.keyspace;
  if (found !== undefined && option !== 0) hashes.prepareExpiry(c.db, found);
  const deletes = (option & TIME) !== 0 && expiryMs <= c.nowMs && deletesPast(c);
  hashes.holdEvents();
  const changed = getFields(c, found, first, option, expiryMs, deletes);
  const expired = hashes.releaseEvents();
  const event = deletes ? "hdel" : option === PERSIST ? "hpersist" : "hexpire";
  tellOfFields(c, expired, changed > 0 ? event : "");
  if (changed === 0) return;
  c.effects.changed(changed);
  if (deletes || !c.effects.active) return;
  if (option === PERSIST) return propagateOnFields(c, HPERSIST_NAME, 2, at);
  const effect = c.effects.replace(3 + c.count - at);
  effect.bulkBytes(HPEXPIREAT_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulkInteger(expiryMs);
  for (let index = at; index < c.count; index++) {
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}

/** Replies with the fields from argument `first` on and does as HGETEX's option says with each. */
function getFields(
  c: Context,
  found: RecordView | undefined,
  first: number,
  option: number,
  expiryMs: number,
  deletes: boolean,
): number {
  const { hashes } = c.server.keyspace;
  c.reply.array(c.count - first);
  let isThere = found !== undefined;
  let changed = 0;
  for (let index = first; index < c.count; index++) {
    if (!isThere) {
      c.reply.null();
      continue;
    }
    const outcome = readField(c, found!, index);
    if (outcome === GONE) isThere = false;
    if (outcome !== FOUND || option === 0) continue;
    if (option === PERSIST && hashes.expiryMs === NO_EXPIRY) continue;
    changed++;
    if (deletes) {
      propagateExpired(c, index);
      isThere = !hashes.deleteFound(c.db, found!);
    } else {
      hashes.setExpiryOfFound(c.db, found!, expiryMs);
    }
  }
  return changed;
}

/** The options of the HSETEX being executed. */
const setex = {
  flags: 0,
  expiryMs: NO_EXPIRY,
  /** Argument index of the option with the time. */
  timeIndex: 0,
  /** Argument index of the first field. */
  first: 0,
};

// HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
//     FIELDS numfields field value [field value ...]
function hsetexCommand(c: Context): void {
  if (!readSetexOptions(c)) return;
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const { flags, expiryMs, first } = setex;
  const { hashes, view } = c.server.keyspace;
  hashes.holdEvents();
  const isMet = (flags & (FNX | FXX)) === 0 || meetsCondition(c, found, flags, first);
  tellOfFields(c, hashes.releaseEvents(), "");
  if (!isMet) return c.reply.integer(0);
  hashes.setPairs(c.db, found, c, first, c.count, expiryMs);
  c.effects.changed((c.count - first) / 2);
  c.reply.integer(1);
  c.notify(EVENT_HASH, "hset", 1);
  if ((flags & TIME) === 0) return;
  if (expiryMs <= c.nowMs && deletesPast(c)) return deletePairs(c, view, first);
  c.notify(EVENT_HASH, "hexpire", 1);
  if ((flags & PXAT) === 0 && c.effects.active) propagateSetex(c, expiryMs);
}

/** Reads the arguments from 2 on into `setex`; false after an error. */
function readSetexOptions(c: Context): boolean {
  setex.flags = 0;
  setex.expiryMs = NO_EXPIRY;
  for (let index = 2; index < c.count; index++) {
    const option = optionAt(c, index);
    if (option === FIELDS) return readPairs(c, index + 1);
    if ((option & (FNX | FXX)) !== 0) {
      if ((setex.flags & (FNX | FXX)) !== 0) {
        c.reply.error("ERR Only one of FXX or FNX arguments can be specified");
        return false;
      }
    } else if ((option & EXPIRY) === 0) {
      // alloc: an error
      c.reply.error(`ERR unknown argument: ${c.latin1(index)}`);
      return false;
    } else if ((setex.flags & EXPIRY) !== 0) {
      c.reply.error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
      return false;
    }
    setex.flags |= option;
    if (option === KEEPTTL) setex.expiryMs = KEEP_EXPIRY;
    if ((option & TIME) === 0) continue;
    setex.timeIndex = index;
    index++;
    if (index === c.count) break;
    setex.expiryMs = timeOrReply(c, index, option);
    if (setex.expiryMs === REPLIED) return false;
  }
  wrongArgumentCount(c);
  return false;
}

const PAIRS_MAX = 0x7fff_ffff;

/** Reads `numfields` and checks the pairs behind it; false after an error. */
function readPairs(c: Context, index: number): boolean {
  // A number that no pair follows is not even looked at.
  if (index + 2 < c.count) {
    const count = c.integer(index);
    if (!(count >= 1 && count <= PAIRS_MAX)) {
      c.reply.error("ERR invalid number of fields");
      return false;
    }
    setex.first = index + 1;
    if (count * 2 === c.count - setex.first) return true;
  }
  wrongArgumentCount(c);
  return false;
}

/** Whether none (FNX) or all (FXX) of the fields are there; a hash left without any is deleted. */
function meetsCondition(
  c: Context,
  found: RecordView | undefined,
  flags: number,
  first: number,
): boolean {
  const wanted = (flags & FXX) !== 0;
  if (found === undefined) return !wanted;
  const { hashes } = c.server.keyspace;
  for (let index = first; index < c.count; index += 2) {
    const start = c.start(index);
    if (hashes.readAndKeep(c.db, found, c.bytes, start, c.end(index)) === wanted) continue;
    if (hashes.count(c.db, found) === 0) c.db.deleteView(found);
    return false;
  }
  return true;
}

/** Deletes fields that were set with a time in the past; only that is propagated. */
function deletePairs(c: Context, found: RecordView, first: number): void {
  const { hashes } = c.server.keyspace;
  let isThere = true;
  for (let index = first; index < c.count; index += 2) {
    propagateExpired(c, index);
    if (!isThere || !hashes.find(c.db, found, c.bytes, c.start(index), c.end(index))) continue;
    isThere = !hashes.deleteFound(c.db, found);
  }
  tellOfFields(c, 0, "hdel");
}

/** Propagates the request with its time as `PXAT ms`. */
function propagateSetex(c: Context, expiryMs: number): void {
  const effect = c.effects.replace(c.count);
  for (let index = 0; index < c.count; index++) {
    if (index === setex.timeIndex) {
      effect.bulkBytes(PXAT_TOKEN);
      effect.bulkInteger(expiryMs);
      index++;
    } else {
      effect.bulk(c.bytes, c.start(index), c.end(index));
    }
  }
}
