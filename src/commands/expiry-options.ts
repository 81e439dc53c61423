// hot path: no allocation per command
//
// The options that SET, GETEX and MSETEX share (conditions, GET and expiry times), and the rules
// for an expiry time, which SETEX and PSETEX share with them.
//
// Results beside the return value stand in `options` until the next call; no handler needs them
// longer, and handlers never run inside each other.

import { INT64_MAX } from "../base/ascii.ts";
import type { ArgumentSpec } from "../command/spec.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { Context } from "./features.ts";

export const NX = 1 << 0;
export const XX = 1 << 1;
export const IFEQ = 1 << 2;
export const GET = 1 << 3;
export const KEEPTTL = 1 << 4;
export const PERSIST = 1 << 5;
export const EX = 1 << 6;
export const PX = 1 << 7;
export const EXAT = 1 << 8;
export const PXAT = 1 << 9;

/** Options whose value is an expiry time. */
export const EXPIRY_TIME = EX | PX | EXAT | PXAT;
/** Options that may keep the command from doing anything. */
export const CONDITION = NX | XX | IFEQ;

const WITH_VALUE = EXPIRY_TIME | IFEQ;
const IN_SECONDS = EX | EXAT;
const RELATIVE = EX | PX;

/** Returned in place of a result when an error has been sent. */
export const REPLIED = -3;

/** Where the options parsed last have their values. */
export const options = {
  /** Argument index of the expiry time, the last one where an option is repeated; or 0. */
  expiryIndex: 0,
  /** Argument index of IFEQ's value, or 0. */
  comparisonIndex: 0,
};

/** The expiry computed last where a double does not hold it exactly. */
let exactExpiryMs = 0n;

/**
 * Reads options from argument `from` on. Returns their flags, or REPLIED after a syntax error. An
 * expiry time is not looked at yet: when that happens differs by command.
 */
export function optionsOrReply(c: Context, from: number, allowed: number): number {
  let flags = 0;
  options.expiryIndex = 0;
  options.comparisonIndex = 0;
  for (let index = from; index < c.count; index++) {
    const option = optionAt(c, index) & allowed;
    if (option === 0 || (flags & conflictsOf(option)) !== 0) return syntaxError(c);
    flags |= option;
    if ((option & WITH_VALUE) === 0) continue;
    index++;
    if (index === c.count) return syntaxError(c);
    if (option === IFEQ) options.comparisonIndex = index;
    else options.expiryIndex = index;
  }
  return flags;
}

function syntaxError(c: Context): number {
  c.reply.syntaxError();
  return REPLIED;
}

/** The option that an argument names, or 0. */
function optionAt(c: Context, index: number): number {
  switch (c.length(index)) {
    case 2:
      if (c.is(index, "ex")) return EX;
      if (c.is(index, "px")) return PX;
      if (c.is(index, "nx")) return NX;
      return c.is(index, "xx") ? XX : 0;
    case 3:
      return c.is(index, "get") ? GET : 0;
    case 4:
      if (c.is(index, "exat")) return EXAT;
      if (c.is(index, "pxat")) return PXAT;
      return c.is(index, "ifeq") ? IFEQ : 0;
    case 7:
      if (c.is(index, "keepttl")) return KEEPTTL;
      return c.is(index, "persist") ? PERSIST : 0;
    default:
      return 0;
  }
}

/** What must not precede an option. An expiry time may be repeated, in the same unit only. */
function conflictsOf(option: number): number {
  switch (option) {
    case NX:
      return XX | IFEQ;
    case XX:
      return NX | IFEQ;
    case IFEQ:
      return CONDITION;
    case GET:
      return 0;
    case KEEPTTL:
      return PERSIST | EXPIRY_TIME;
    case PERSIST:
      return KEEPTTL | EXPIRY_TIME;
    default:
      return KEEPTTL | PERSIST | (EXPIRY_TIME & ~option);
  }
}

/**
 * The Unix time in milliseconds that the expiry time at argument `index` stands for; `flags` names
 * its unit (EX, PX, EXAT or PXAT). REPLIED after an error, which names the running command. May
 * lie in the past. Beyond 2^53 the result is the nearest double.
 */
export function expiryMsOrReply(c: Context, index: number, flags: number): number {
  const amount = c.integer(index);
  // Every comparison with NaN is false: what is no safe integer takes the slow way.
  if (amount <= 0) return invalidExpiry(c);
  const milliseconds = (flags & IN_SECONDS) !== 0 ? amount * 1000 : amount;
  const expiryMs = (flags & RELATIVE) !== 0 ? milliseconds + c.nowMs : milliseconds;
  return Number.isSafeInteger(expiryMs) ? expiryMs : largeExpiryMsOrReply(c, index, flags);
}

/** Cold: times beyond 2^53 and errors. */
function largeExpiryMsOrReply(c: Context, index: number, flags: number): number {
  const amount = c.int64(index);
  if (amount === undefined) {
    c.reply.notAnInteger();
    return REPLIED;
  }
  const milliseconds = (flags & IN_SECONDS) !== 0 ? amount * 1000n : amount;
  const expiryMs = (flags & RELATIVE) !== 0 ? milliseconds + BigInt(c.nowMs) : milliseconds;
  if (amount <= 0n || expiryMs > INT64_MAX) return invalidExpiry(c);
  exactExpiryMs = expiryMs;
  return Number(expiryMs);
}

/** Cold: the error for a time that cannot be. */
function invalidExpiry(c: Context): number {
  c.reply.error(`ERR invalid expire time in '${c.command.fullName}' command`);
  return REPLIED;
}

/** Writes the result of the newest `expiryMsOrReply` as an argument of an effect, exactly. */
export function bulkExpiry(effect: ReplyWriter, expiryMs: number): void {
  if (Number.isSafeInteger(expiryMs)) effect.bulkInteger(expiryMs);
  else effect.bulkText(exactExpiryMs.toString());
}

/** The versions that brought the times and the closing token of an `expiryArgument`. */
interface ExpirySince {
  readonly relative: string;
  readonly absolute: string;
  readonly token: string;
}

/** Describes `[EX s | PX ms | EXAT s | PXAT ms | TOKEN]` for COMMAND DOCS. Called at load only. */
export function expiryArgument(token: "KEEPTTL" | "PERSIST", since?: ExpirySince): ArgumentSpec {
  const relative = since?.relative;
  const absolute = since?.absolute;
  return {
    name: "expiration",
    type: "oneof",
    optional: true,
    arguments: [
      { name: "seconds", type: "integer", token: "EX", since: relative },
      { name: "milliseconds", type: "integer", token: "PX", since: relative },
      { name: "unix-time-seconds", type: "unix-time", token: "EXAT", since: absolute },
      { name: "unix-time-milliseconds", type: "unix-time", token: "PXAT", since: absolute },
      { name: token.toLowerCase(), type: "pure-token", token, since: since?.token },
    ],
  };
}
