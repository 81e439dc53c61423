// The timeouts of blocking commands: arguments to the moment after which a client waits no longer.

import { INT64_MAX } from "../base/ascii.ts";
import { secondsAsMilliseconds } from "../base/decimal.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import { FOREVER } from "./waiter.ts";

/** Timeouts of whole seconds up to this need no exact arithmetic. */
const SHORT_SECONDS_MAX = 1e9;

/**
 * The deadline that a timeout in seconds, perhaps with a fraction, sets: Unix ms, or FOREVER for 0.
 * NaN after an error reply.
 */
export function secondsDeadlineOrReply(c: CommandContext<ServerContext>, index: number): number {
  const seconds = c.integer(index);
  if (seconds >= 0 && seconds <= SHORT_SECONDS_MAX) return deadlineIn(c, seconds * 1000);
  const ms = secondsAsMilliseconds(c.bytes, c.start(index), c.end(index));
  if (ms === undefined) return refuse(c, "timeout is not a float or out of range");
  if (ms > INT64_MAX) return refuse(c, "timeout is out of range");
  return checkedDeadlineOrReply(c, ms);
}

/** As `secondsDeadlineOrReply`, of a timeout in whole milliseconds. */
export function millisecondsDeadlineOrReply(
  c: CommandContext<ServerContext>,
  index: number,
): number {
  const ms = c.int64(index);
  if (ms === undefined) return refuse(c, "timeout is not an integer or out of range");
  return checkedDeadlineOrReply(c, ms);
}

function checkedDeadlineOrReply(c: CommandContext<ServerContext>, ms: bigint): number {
  if (ms < 0n) return refuse(c, "timeout is negative");
  if (ms > INT64_MAX - BigInt(c.nowMs)) return refuse(c, "timeout is out of range");
  return deadlineIn(c, Number(ms));
}

function deadlineIn(c: CommandContext<ServerContext>, ms: number): number {
  return ms === 0 ? FOREVER : c.nowMs + ms;
}

function refuse(c: CommandContext<ServerContext>, text: string): number {
  c.reply.error(`ERR ${text}`);
  return Number.NaN;
}
