// hot path: no allocation per command
//
// What the commands about the expiry of fields share: how they are given times and fields, and the
// effects of fields that go.

import { latin1Bytes } from "../base/text.ts";
import type { ArgumentSpec } from "../command/spec.ts";
import type { Context } from "./features.ts";

const numfields: ArgumentSpec = { name: "numfields", type: "integer" };

/** FIELDS numfields field [field ...] */
export const fieldsArgument: ArgumentSpec = {
  name: "fields",
  type: "block",
  token: "FIELDS",
  arguments: [numfields, { name: "field", type: "string", multiple: true }],
};

/** FIELDS numfields field value [field value ...] */
export const pairsArgument: ArgumentSpec = {
  name: "fields",
  type: "block",
  token: "FIELDS",
  arguments: [
    numfields,
    {
      name: "data",
      type: "block",
      multiple: true,
      arguments: [
        { name: "field", type: "string" },
        { name: "value", type: "string" },
      ],
    },
  ],
};

export const fieldsComplexity = "O(N) where N is the number of specified fields";

/** Returned in place of a result when an error has been sent. */
export const REPLIED = -3;

/** The latest time a field may expire, Unix time in milliseconds. */
const FIELD_EXPIRY_MAX_MS = 2 ** 46 - 1;

/**
 * The Unix time in milliseconds that argument `index` stands for, in units of `unitMs`; REPLIED
 * after an error.
 */
export function fieldTimeOrReply(
  c: Context,
  index: number,
  unitMs: number,
  isRelative: boolean,
): number {
  const small = c.integer(index);
  const amount = Number.isNaN(small) ? c.int64(index) : small;
  if (amount === undefined) {
    c.reply.notAnInteger();
    return REPLIED;
  }
  if (amount < 0) {
    c.reply.error("ERR invalid expire time, must be >= 0");
    return REPLIED;
  }
  const base = isRelative ? c.nowMs : 0;
  if (amount > Math.floor(FIELD_EXPIRY_MAX_MS / unitMs)) return invalidTime(c);
  const timeMs = Number(amount) * unitMs + base;
  return timeMs > FIELD_EXPIRY_MAX_MS ? invalidTime(c) : timeMs;
}

/** Cold: the error for a time that cannot be. */
function invalidTime(c: Context): number {
  // alloc: an error
  c.reply.error(`ERR invalid expire time in '${c.command.fullName}' command`);
  return REPLIED;
}

/** Cold: the error of too few or too many arguments. */
export function wrongArgumentCount(c: Context): void {
  // alloc: an error
  c.reply.error(`ERR wrong number of arguments for '${c.command.fullName}' command`);
}

/**
 * Checks that `FIELDS numfields field ...` stands in argument `index` and all behind it. Returns
 * the index of the first field, or REPLIED; `notPositive` is what an invalid number is answered
 * with.
 */
export function fieldsOrReply(c: Context, index: number, notPositive: string): number {
  if (!c.is(index, "fields")) {
    c.reply.error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return REPLIED;
  }
  const small = c.integer(index + 1);
  const count = Number.isNaN(small) ? c.int64(index + 1) : small;
  if (count === undefined || count < 1) {
    c.reply.error(notPositive);
    return REPLIED;
  }
  if (Number(count) !== c.count - index - 2) {
    c.reply.error("ERR The `numfields` parameter must match the number of arguments");
    return REPLIED;
  }
  return index + 2;
}

/** What most commands answer an invalid number of fields with. */
export const NOT_POSITIVE = "ERR Number of fields must be a positive integer";

const HDEL_NAME = latin1Bytes("HDEL");

/**
 * Counts the field in an argument as expired, because its new time has come already, and propagates
 * its deletion in place of the request.
 */
export function propagateExpired(c: Context, index: number): void {
  c.server.keyspace.expiredFields++;
  if (!c.effects.active) return c.effects.suppress();
  const effect = c.effects.replace(3);
  effect.bulkBytes(HDEL_NAME);
  effect.bulk(c.bytes, c.start(1), c.end(1));
  effect.bulk(c.bytes, c.start(index), c.end(index));
}

/** Whether a past time deletes a field at once: not while replaying, nor on a replica. */
export function deletesPast(c: Context): boolean {
  const { keyspace } = c.server;
  return !keyspace.isLoading && !keyspace.hidesExpired;
}
