// hot path: no allocation per command
//
// Expiry times: the EXPIRE family, PERSIST, and the commands that tell a time to live.

import { INT64_MAX, INT64_MIN } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  type ArgumentSpec,
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
import { EVENT_GENERIC, EVENT_KEY_MISS } from "../keyspace/event-classes.ts";
import { NO_EXPIRY, type RecordView } from "../structures/record.ts";
import { expiryCondition, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

const condition: ArgumentSpec = { ...expiryCondition, since: "7.0.0" };

/** What the four commands that set an expiry time share. */
const setsExpiry = {
  arity: -3,
  flags: WRITE | FAST,
  complexity: "O(1)",
  history: [["7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."]],
  keys: [keyAt(1, RW | UPDATE)],
} as const satisfies Partial<CommandSpec>;

/** What the four commands that tell an expiry time share. */
const tellsExpiry = {
  arity: 2,
  flags: READONLY | FAST,
  complexity: "O(1)",
  keys: [keyAt(1, RO | ACCESS)],
  args: [key],
} as const satisfies Partial<CommandSpec>;

export const expiryCommands = defineFamily<Features>("generic", [
  {
    name: "EXPIRE",
    ...setsExpiry,
    since: "1.0.0",
    summary: "Makes a key expire after some seconds.",
    args: [key, { name: "seconds", type: "integer" }, condition],
    run: (c) => expire(c, 1000, true),
  },
  {
    name: "PEXPIRE",
    ...setsExpiry,
    since: "2.6.0",
    summary: "Makes a key expire after some milliseconds.",
    args: [key, { name: "milliseconds", type: "integer" }, condition],
    run: (c) => expire(c, 1, true),
  },
  {
    name: "EXPIREAT",
    ...setsExpiry,
    since: "1.2.0",
    summary: "Makes a key expire at a Unix time in seconds.",
    args: [key, { name: "unix-time-seconds", type: "unix-time" }, condition],
    run: (c) => expire(c, 1000, false),
  },
  {
    name: "PEXPIREAT",
    ...setsExpiry,
    since: "2.6.0",
    summary: "Makes a key expire at a Unix time in milliseconds.",
    args: [key, { name: "unix-time-milliseconds", type: "unix-time" }, condition],
    run: (c) => expire(c, 1, false),
  },
  {
    name: "PERSIST",
    arity: 2,
    flags: WRITE | FAST,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Takes the expiry time from a key.",
    keys: [keyAt(1, RW | UPDATE)],
    args: [key],
    run: persistCommand,
  },
  {
    name: "EXPIRETIME",
    ...tellsExpiry,
    since: "7.0.0",
    summary: "Tells when a key expires, as a Unix time in seconds.",
    run: (c) => tell(c, 1000, false),
  },
  {
    name: "PEXPIRETIME",
    ...tellsExpiry,
    since: "7.0.0",
    summary: "Tells when a key expires, as a Unix time in milliseconds.",
    run: (c) => tell(c, 1, false),
  },
  {
    name: "TTL",
    ...tellsExpiry,
    since: "1.0.0",
    summary: "Tells in how many seconds a key expires.",
    history: [["2.8.0", "Added the -2 reply."]],
    tips: ["nondeterministic_output"],
    run: (c) => tell(c, 1000, true),
  },
  {
    name: "PTTL",
    ...tellsExpiry,
    since: "2.6.0",
    summary: "Tells in how many milliseconds a key expires.",
    history: [["2.8.0", "Added the -2 reply."]],
    tips: ["nondeterministic_output"],
    run: (c) => tell(c, 1, true),
  },
]);

const NX = 1 << 0;
const XX = 1 << 1;
const GT = 1 << 2;
const LT = 1 << 3;

/** Returned in place of a result when an error has been sent. */
const REPLIED = -1;

const DEL_NAME = latin1Bytes("DEL");
const UNLINK_NAME = latin1Bytes("UNLINK");
const PEXPIREAT_NAME = latin1Bytes("PEXPIREAT");

// EXPIRE|PEXPIRE|EXPIREAT|PEXPIREAT key time [NX | XX | GT | LT]
// `unitMs` is the time's unit; a relative time counts from now.
function expire(c: Context, unitMs: number, isRelative: boolean): void {
  // Options are looked at before the time, and both before the key.
  const conditions = conditionsOrReply(c);
  if (conditions === REPLIED) return;
  const expiryMs = expiryMsOrReply(c, unitMs, isRelative);
  if (Number.isNaN(expiryMs)) return;
  const found = c.writeKey(1);
  if (found === undefined || !meets(conditions, found.expiryMs, expiryMs)) {
    return c.reply.integer(0);
  }
  if (expiryMs <= c.nowMs && deletesExpired(c)) deleteNow(c, found);
  else setExpiry(c, found, expiryMs, unitMs, isRelative);
  c.effects.changed(1);
  c.reply.integer(1);
}

function conditionsOrReply(c: Context): number {
  let conditions = 0;
  for (let index = 3; index < c.count; index++) {
    if (c.is(index, "nx")) conditions |= NX;
    else if (c.is(index, "xx")) conditions |= XX;
    else if (c.is(index, "gt")) conditions |= GT;
    else if (c.is(index, "lt")) conditions |= LT;
    else {
      // alloc: an error
      c.reply.error(`ERR Unsupported option ${c.latin1(index)}`);
      return REPLIED;
    }
  }
  if ((conditions & NX) !== 0 && conditions !== NX) {
    c.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return REPLIED;
  }
  if ((conditions & (GT | LT)) === (GT | LT)) {
    c.reply.error("ERR GT and LT options at the same time are not compatible");
    return REPLIED;
  }
  return conditions;
}

/** Whether the conditions allow a new expiry time. A key without one counts as never expiring. */
function meets(conditions: number, currentMs: number, expiryMs: number): boolean {
  if (conditions === 0) return true;
  if (currentMs === NO_EXPIRY) return (conditions & (XX | GT)) === 0;
  if ((conditions & NX) !== 0) return false;
  if ((conditions & GT) !== 0) return expiryMs > currentMs;
  return (conditions & LT) === 0 || expiryMs < currentMs;
}

/** The expiry time computed last where a double may not hold it exactly. */
let exactExpiryMs = 0n;

/** The absolute expiry time that argument 2 stands for; NaN after an error. */
function expiryMsOrReply(c: Context, unitMs: number, isRelative: boolean): number {
  const milliseconds = c.integer(2) * unitMs;
  const expiryMs = isRelative ? milliseconds + c.nowMs : milliseconds;
  const isExact = Number.isSafeInteger(milliseconds) && Number.isSafeInteger(expiryMs);
  if (isExact) return expiryMs;
  return largeExpiryMsOrReply(c, unitMs, isRelative);
}

/** Cold: times beyond 2^53 and errors. */
function largeExpiryMsOrReply(c: Context, unitMs: number, isRelative: boolean): number {
  const time = c.int64(2);
  if (time === undefined) {
    c.reply.notAnInteger();
    return Number.NaN;
  }
  const milliseconds = time * BigInt(unitMs);
  exactExpiryMs = isRelative ? milliseconds + BigInt(c.nowMs) : milliseconds;
  // The unit is applied first: an overflow there is one even if adding the time undid it.
  if (milliseconds < INT64_MIN || exactExpiryMs > INT64_MAX) {
    c.reply.error(`ERR invalid expire time in '${c.command.fullName}' command`);
    return Number.NaN;
  }
  return Number(exactExpiryMs);
}

/** Whether a past time deletes a key at once: not while replaying, nor on a replica. */
function deletesExpired(c: Context): boolean {
  const keyspace = c.server.keyspace;
  return !keyspace.isLoading && !keyspace.hidesExpired;
}

function deleteNow(c: Context, found: RecordView): void {
  c.db.deleteView(found);
  c.notify(EVENT_GENERIC, "del", 1);
  if (!c.effects.active) return;
  const isLazy = c.server.config.flag("lazyfree-lazy-expire");
  const effect = c.effects.replace(2);
  effect.bulkBytes(isLazy ? UNLINK_NAME : DEL_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
}

function setExpiry(
  c: Context,
  found: RecordView,
  expiryMs: number,
  unitMs: number,
  isRelative: boolean,
): void {
  // Below zero stands NO_EXPIRY; a time before 1970 is met only where nothing is deleted.
  c.db.setExpiry(found, Math.max(expiryMs, 0));
  c.notify(EVENT_GENERIC, "expire", 1);
  const isPexpireat = unitMs === 1 && !isRelative;
  if (isPexpireat || !c.effects.active) return;
  const effect = c.effects.replace(c.count);
  effect.bulkBytes(PEXPIREAT_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  if (Number.isSafeInteger(expiryMs)) effect.bulkInteger(expiryMs);
  else effect.bulkText(exactExpiryMs.toString());
  for (let index = 3; index < c.count; index++) effect.bulk(c.bytes, c.start(index), c.end(index));
}

// PERSIST key
function persistCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found === undefined || found.expiryMs === NO_EXPIRY) return c.reply.integer(0);
  c.db.clearExpiry(found);
  c.effects.changed(1);
  c.notify(EVENT_GENERIC, "persist", 1);
  c.reply.integer(1);
}

// TTL|PTTL|EXPIRETIME|PEXPIRETIME key
function tell(c: Context, unitMs: number, isRelative: boolean): void {
  const keyspace = c.server.keyspace;
  const found = c.peekKey(1);
  if (found === undefined) {
    keyspace.misses++;
    c.notify(EVENT_KEY_MISS, "keymiss", 1);
    return c.reply.integer(-2);
  }
  // A hit, though no access: asking must not make the key look used.
  keyspace.hits++;
  if (found.expiryMs === NO_EXPIRY) return c.reply.integer(-1);
  const timeMs = isRelative ? Math.max(found.expiryMs - c.nowMs, 0) : found.expiryMs;
  const time = unitMs === 1 ? timeMs : Math.floor((timeMs + 500) / 1000);
  if (Number.isSafeInteger(time)) return c.reply.integer(time);
  // alloc: for times beyond 2^53, of which a double keeps the upper bits only
  const exact = BigInt(time);
  c.reply.integer64(exact > INT64_MAX ? INT64_MAX : exact);
}
