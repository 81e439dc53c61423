// hot path: no allocation per command
//
// What the list commands have in common: their arguments, and what is wrong with them.

import { INT64_MIN } from "../base/ascii.ts";
import type { ArgumentSpec } from "../command/spec.ts";
import { tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";

export const source: ArgumentSpec = { name: "source", type: "key", keySpecIndex: 0 };
export const destination: ArgumentSpec = { name: "destination", type: "key", keySpecIndex: 1 };
export const element: ArgumentSpec = { name: "element", type: "string" };
export const elements: ArgumentSpec = { ...element, multiple: true };
export const timeout: ArgumentSpec = { name: "timeout", type: "double" };

/** LEFT | RIGHT under a name. */
export function endNamed(name: string): ArgumentSpec {
  return {
    name,
    type: "oneof",
    arguments: tokens("LEFT", "RIGHT"),
  };
}

/** Results of `listEnd`. */
export const HEAD = 0;
export const TAIL = 1;
export const NO_END = -1;

/** The end of a list that an argument names: LEFT is its head. */
export function listEnd(c: Context, index: number): number {
  if (c.is(index, "left")) return HEAD;
  return c.is(index, "right") ? TAIL : NO_END;
}

/**
 * An int64 argument, clamped to the safe integers, which no length comes near; NaN after the
 * error.
 */
export function longOrReply(c: Context, index: number): number {
  const value = clampedLong(c, index);
  if (Number.isNaN(value)) c.reply.notAnInteger();
  return value;
}

/** As `longOrReply`, but of `least` or more; otherwise `message` is the error. */
export function countOrReply(c: Context, index: number, least: number, message: string): number {
  const value = clampedLong(c, index);
  if (value >= least) return value;
  c.reply.error(message);
  return Number.NaN;
}

/** As `longOrReply`, but not the lowest int64, whose opposite there is not. */
export function reversibleOrReply(c: Context, index: number): number {
  const value = longOrReply(c, index);
  if (value !== Number.MIN_SAFE_INTEGER || c.int64(index) !== INT64_MIN) return value;
  c.reply.error(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
  );
  return Number.NaN;
}

/**
 * As `longOrReply`, cut to its lower 32 bits: so Redis's LSET takes an index, and a huge one may
 * come out as one that exists.
 */
export function shortOrReply(c: Context, index: number): number {
  const value = longOrReply(c, index);
  if (Math.abs(value) < Number.MAX_SAFE_INTEGER) return value | 0;
  return Number.isNaN(value) ? value : Number(BigInt.asIntN(32, c.int64(index)!));
}

/** Cold beyond 2^53. */
function clampedLong(c: Context, index: number): number {
  const value = c.integer(index);
  if (!Number.isNaN(value)) return value;
  const large = c.int64(index);
  if (large === undefined) return value;
  return large < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}
