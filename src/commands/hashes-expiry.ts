// hot path: no allocation per command
//
// When fields of hashes expire: the HEXPIRE family, HPERSIST, and the commands that tell a field's
// time to live. Each answers with one number per field.

import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type CommandSpec,
  defineFamily,
  FAST,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_HASH } from "../keyspace/event-classes.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { HASH, NO_EXPIRY, type RecordView } from "../structures/record.ts";
import { expiryCondition, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import {
  deletesPast,
  fieldsArgument,
  fieldsComplexity,
  fieldsOrReply,
  fieldTimeOrReply,
  NOT_POSITIVE,
  propagateExpired,
  REPLIED,
} from "./field-arguments.ts";

/** What the four commands that set fields' expiry times share. */
const setsExpiry = {
  arity: -6,
  flags: WRITE | FAST,
  since: "7.4.0",
  complexity: fieldsComplexity,
  keys: [keyAt(1, RW | UPDATE)],
} as const satisfies Partial<CommandSpec>;

/** What the four commands that tell fields' expiry times share. */
const tellsExpiry = {
  arity: -5,
  flags: READONLY | FAST,
  since: "7.4.0",
  complexity: fieldsComplexity,
  keys: [keyAt(1, RO | ACCESS)],
  args: [key, fieldsArgument],
} as const satisfies Partial<CommandSpec>;

export const hashExpiryCommands = defineFamily<Features>("hash", [
  {
    name: "HEXPIRE",
    ...setsExpiry,
    summary: "Makes fields of a hash expire after some seconds.",
    args: [key, { name: "seconds", type: "integer" }, expiryCondition, fieldsArgument],
    run: (c) => expire(c, 1000, true),
  },
  {
    name: "HPEXPIRE",
    ...setsExpiry,
    summary: "Makes fields of a hash expire after some milliseconds.",
    args: [key, { name: "milliseconds", type: "integer" }, expiryCondition, fieldsArgument],
    run: (c) => expire(c, 1, true),
  },
  {
    name: "HEXPIREAT",
    ...setsExpiry,
    summary: "Makes fields of a hash expire at a Unix time in seconds.",
    args: [key, { name: "unix-time-seconds", type: "unix-time" }, expiryCondition, fieldsArgument],
    run: (c) => expire(c, 1000, false),
  },
  {
    name: "HPEXPIREAT",
    ...setsExpiry,
    summary: "Makes fields of a hash expire at a Unix time in milliseconds.",
    args: [
      key,
      { name: "unix-time-milliseconds", type: "unix-time" },
      expiryCondition,
      fieldsArgument,
    ],
    run: (c) => expire(c, 1, false),
  },
  {
    name: "HPERSIST",
    ...tellsExpiry,
    flags: WRITE | FAST,
    summary: "Takes the expiry time from fields of a hash.",
    keys: [keyAt(1, RW | UPDATE)],
    run: hpersistCommand,
  },
  {
    name: "HEXPIRETIME",
    ...tellsExpiry,
    summary: "Tells when fields of a hash expire, as Unix times in seconds.",
    run: (c) => tell(c, 1000, false),
  },
  {
    name: "HPEXPIRETIME",
    ...tellsExpiry,
    summary: "Tells when fields of a hash expire, as Unix times in milliseconds.",
    run: (c) => tell(c, 1, false),
  },
  {
    name: "HTTL",
    ...tellsExpiry,
    summary: "Tells in how many seconds fields of a hash expire.",
    tips: ["nondeterministic_output"],
    run: (c) => tell(c, 1000, true),
  },
  {
    name: "HPTTL",
    ...tellsExpiry,
    summary: "Tells in how many milliseconds fields of a hash expire.",
    tips: ["nondeterministic_output"],
    run: (c) => tell(c, 1, true),
  },
]);

/** Answers for a field. */
const NO_FIELD = -2;
const NO_TIME = -1;
const NOT_MET = 0;
const DONE = 1;
const DELETED = 2;

const NX = 1;
const XX = 2;
const GT = 3;
const LT = 4;

const HPEXPIREAT_NAME = latin1Bytes("HPEXPIREAT");

/** What was answered for each field of the running command. */
let answers = new Int8Array(64);

function reserveAnswers(count: number): void {
  // alloc: for more fields than any command had before
  if (count > answers.length) answers = new Int8Array(count * 2);
}

// HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT key time [NX | XX | GT | LT] FIELDS numfields field ...
// `unitMs` is the time's unit; a relative time counts from now.
function expire(c: Context, unitMs: number, isRelative: boolean): void {
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const expiryMs = fieldTimeOrReply(c, 2, unitMs, isRelative);
  if (expiryMs === REPLIED) return;
  const chosen = conditionAt(c, 3);
  const first = fieldsOrReply(
    c,
    chosen === 0 ? 3 : 4,
    "ERR Parameter `numFields` should be greater than 0",
  );
  if (first === REPLIED) return;
  if (found === undefined) return replyNoFields(c, first);
  reserveAnswers(c.count);
  const deletes = expiryMs <= c.nowMs && deletesPast(c);
  const changed = expireFields(c, found, first, expiryMs, chosen, deletes);
  c.reply.array(c.count - first);
  for (let index = first; index < c.count; index++) c.reply.integer(answers[index]);
  if (changed === 0) return;
  c.effects.changed(changed);
  c.notify(EVENT_HASH, deletes ? "hdel" : "hexpire", 1);
  if (deletes && c.peekKey(1) === undefined) c.notify(EVENT_GENERIC, "del", 1);
  if (deletes || !c.effects.active) return;
  const isHpexpireat = unitMs === 1 && !isRelative;
  if (isHpexpireat && changed === c.count - first) return;
  const effect = c.effects.replace(first + changed);
  if (isHpexpireat) effect.bulk(c.bytes, c.start(0), c.end(0));
  else effect.bulkBytes(HPEXPIREAT_NAME);
  propagateExpiry(c, effect, first, expiryMs, changed);
}

/** Sets or deletes the fields from argument `first` on; leaves `answers`. Returns how many. */
function expireFields(
  c: Context,
  found: RecordView,
  first: number,
  expiryMs: number,
  chosen: number,
  deletes: boolean,
): number {
  const { hashes } = c.server.keyspace;
  // The hash takes the form that holds times even where no field is met.
  hashes.prepareExpiry(c.db, found);
  let changed = 0;
  let isThere = true;
  for (let index = first; index < c.count; index++) {
    if (!isThere || !hashes.find(c.db, found, c.bytes, c.start(index), c.end(index))) {
      answers[index] = NO_FIELD;
      continue;
    }
    if (!meets(chosen, hashes.expiryMs, expiryMs)) {
      answers[index] = NOT_MET;
      continue;
    }
    changed++;
    answers[index] = deletes ? DELETED : DONE;
    if (deletes) {
      propagateExpired(c, index);
      isThere = !hashes.deleteFound(c.db, found);
    } else {
      hashes.setExpiryOfFound(c.db, found, expiryMs);
    }
  }
  return changed;
}

/** The condition in an argument, or 0. */
function conditionAt(c: Context, index: number): number {
  if (c.length(index) !== 2) return 0;
  if (c.is(index, "nx")) return NX;
  if (c.is(index, "xx")) return XX;
  if (c.is(index, "gt")) return GT;
  return c.is(index, "lt") ? LT : 0;
}

/** Whether the condition allows a new time. A field without one counts as never expiring. */
function meets(chosen: number, currentMs: number, expiryMs: number): boolean {
  const isTimed = currentMs !== NO_EXPIRY;
  switch (chosen) {
    case NX:
      return !isTimed;
    case XX:
      return isTimed;
    case GT:
      return isTimed && expiryMs > currentMs;
    case LT:
      return !isTimed || expiryMs < currentMs;
    default:
      return true;
  }
}

/** Answers for a hash that is not there. */
function replyNoFields(c: Context, first: number): void {
  c.reply.array(c.count - first);
  for (let index = first; index < c.count; index++) c.reply.integer(NO_FIELD);
}

/** Writes `key ms [condition] FIELDS ...` with the fields that were set. */
function propagateExpiry(
  c: Context,
  effect: ReplyWriter,
  first: number,
  expiryMs: number,
  changed: number,
): void {
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulkInteger(expiryMs);
  for (let index = 3; index < first - 1; index++) {
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
  effect.bulkInteger(changed);
  for (let index = first; index < c.count; index++) {
    if (answers[index] === DONE) effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}

// HPERSIST key FIELDS numfields field [field ...]
function hpersistCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const first = fieldsOrReply(c, 2, NOT_POSITIVE);
  if (first === REPLIED) return;
  if (found === undefined) return replyNoFields(c, first);
  const { hashes } = c.server.keyspace;
  let changed = false;
  c.reply.array(c.count - first);
  for (let index = first; index < c.count; index++) {
    const isThere = hashes.find(c.db, found, c.bytes, c.start(index), c.end(index));
    if (!isThere || hashes.isPast(hashes.expiryMs)) {
      c.reply.integer(NO_FIELD);
    } else if (hashes.expiryMs === NO_EXPIRY) {
      c.reply.integer(NO_TIME);
    } else {
      hashes.setExpiryOfFound(c.db, found, NO_EXPIRY);
      c.reply.integer(DONE);
      changed = true;
    }
  }
  // One change, however many fields, as Redis counts it.
  if (!changed) return;
  c.effects.changed(1);
  c.notify(EVENT_HASH, "hpersist", 1);
}

// HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME key FIELDS numfields field [field ...]
function tell(c: Context, unitMs: number, isRelative: boolean): void {
  const found = c.readKey(1);
  if (found !== undefined && found.type !== HASH) return c.reply.wrongType();
  const first = fieldsOrReply(c, 2, NOT_POSITIVE);
  if (first === REPLIED) return;
  if (found === undefined) return replyNoFields(c, first);
  const { hashes } = c.server.keyspace;
  c.reply.array(c.count - first);
  for (let index = first; index < c.count; index++) {
    const isThere = hashes.find(c.db, found, c.bytes, c.start(index), c.end(index));
    if (!isThere || hashes.isPast(hashes.expiryMs)) c.reply.integer(NO_FIELD);
    else if (hashes.expiryMs === NO_EXPIRY) c.reply.integer(NO_TIME);
    else c.reply.integer(Math.ceil((hashes.expiryMs - (isRelative ? c.nowMs : 0)) / unitMs));
  }
}
