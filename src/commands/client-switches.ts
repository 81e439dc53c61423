// CLIENT's switches: what a client turns on and off for itself, and for everybody by pausing.

import { INT64_MAX } from "../base/ascii.ts";
import { REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT } from "../command/client.ts";
import { BY_CLIENT, PAUSE_ALL, PAUSE_WRITE } from "../command/pauses.ts";
import type { Context } from "./features.ts";
import { replyWrongSubcommand } from "./help.ts";

// CLIENT ID
export function clientIdCommand(c: Context): void {
  c.reply.integer(c.client.id);
}

/** The argument as a switch, or undefined after an error reply. */
function switchOrReply(c: Context, index: number): boolean | undefined {
  if (c.is(index, "on")) return true;
  if (c.is(index, "off")) return false;
  c.reply.syntaxError();
  return undefined;
}

// CLIENT NO-EVICT ON | OFF
export function clientNoEvictCommand(c: Context): void {
  const enabled = switchOrReply(c, 2);
  if (enabled === undefined) return;
  c.client.noEvict = enabled;
  c.reply.ok();
}

// CLIENT NO-TOUCH ON | OFF
export function clientNoTouchCommand(c: Context): void {
  const enabled = switchOrReply(c, 2);
  if (enabled === undefined) return;
  c.client.noTouch = enabled;
  c.reply.ok();
}

// CLIENT REPLY ON | OFF | SKIP
export function clientReplyCommand(c: Context): void {
  const client = c.client;
  if (c.is(2, "on")) {
    client.replyMode = REPLY_ON;
    c.reply.ok();
  } else if (c.is(2, "off")) {
    client.replyMode = REPLY_OFF;
  } else if (c.is(2, "skip")) {
    if (client.replyMode !== REPLY_OFF) client.replyMode = REPLY_SKIP_NEXT;
  } else {
    c.reply.syntaxError();
  }
}

// CLIENT PAUSE timeout [WRITE | ALL]
export function clientPauseCommand(c: Context): void {
  if (c.count > 4) return replyWrongSubcommand(c, "CLIENT");
  const onlyWrites = c.count === 4 && c.is(3, "write");
  if (c.count === 4 && !onlyWrites && !c.is(3, "all")) {
    return c.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const ms = c.int64(2);
  if (ms === undefined) return c.reply.error("ERR timeout is not an integer or out of range");
  if (ms < 0n) return c.reply.error("ERR timeout is negative");
  if (ms > INT64_MAX - BigInt(c.nowMs)) return c.reply.error("ERR timeout is out of range");
  const untilMs = ms === 0n ? 0 : c.nowMs + Number(ms);
  c.server.pauses.pause(BY_CLIENT, onlyWrites ? PAUSE_WRITE : PAUSE_ALL, untilMs);
  c.reply.ok();
}

// CLIENT UNPAUSE
export function clientUnpauseCommand(c: Context): void {
  c.server.pauses.release(BY_CLIENT);
  c.reply.ok();
}
