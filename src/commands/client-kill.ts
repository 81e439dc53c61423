// CLIENT KILL and CLIENT UNBLOCK: what one client does to others.

import type { Client } from "../command/client.ts";
import { type ClientType, clientTypeOrReply, typeOf } from "./client-line.ts";
import type { Context } from "./features.ts";
import { replyWrongSubcommand } from "./help.ts";

/** Which clients to close; a condition that is undefined holds for all. */
interface KillFilter {
  id?: number;
  type?: ClientType;
  user?: string;
  address?: string;
  localAddress?: string;
  ageSeconds?: number;
  skipsSelf: boolean;
}

// CLIENT KILL ip:port
// CLIENT KILL [ID id] [TYPE type] [USER username] [ADDR addr] [LADDR addr] [SKIPME YES|NO]
//   [MAXAGE seconds]
export function clientKillCommand(c: Context): void {
  const oldForm = c.count === 3;
  const filter = oldForm ? { address: c.latin1(2), skipsSelf: false } : filterOrReply(c);
  if (filter === undefined) return;
  let count = 0;
  let closesSelf = false;
  for (const client of [...c.server.clients]) {
    if (!matches(client, filter, c)) continue;
    count++;
    if (client === c.client) closesSelf = true;
    else client.channel.close("now");
  }
  if (!oldForm) c.reply.integer(count);
  else if (count === 0) c.reply.error("ERR No such client");
  else c.reply.ok();
  // Last, so that the reply still leaves.
  if (closesSelf) c.client.channel.close("after-reply");
}

function matches(client: Client, filter: KillFilter, c: Context): boolean {
  if (filter.id !== undefined && client.id !== filter.id) return false;
  if (filter.type !== undefined && typeOf(client) !== filter.type) return false;
  if (filter.user !== undefined && (client.user.name !== filter.user || !client.authenticated)) {
    return false;
  }
  const channel = client.channel;
  if (filter.address !== undefined && channel.remoteAddress !== filter.address) return false;
  if (filter.localAddress !== undefined && channel.localAddress !== filter.localAddress) {
    return false;
  }
  if (filter.ageSeconds !== undefined) {
    const ageSeconds = Math.floor((c.nowMs - client.createdMs) / 1000);
    if (ageSeconds < filter.ageSeconds) return false;
  }
  return !(filter.skipsSelf && client === c.client);
}

/** The filter of the new form, or undefined after an error reply. */
function filterOrReply(c: Context): KillFilter | undefined {
  const filter: KillFilter = { skipsSelf: true };
  for (let index = 2; index < c.count; index += 2) {
    if (!addConditionOrReply(c, filter, index)) return undefined;
  }
  return filter;
}

/** Adds the condition whose name is the argument at `index`; false after an error reply. */
function addConditionOrReply(c: Context, filter: KillFilter, index: number): boolean {
  const value = index + 1;
  if (value === c.count) {
    c.reply.syntaxError();
    return false;
  }
  if (c.is(index, "id")) {
    filter.id = positiveOrReply(c, value, "client-id should be greater than 0");
    return filter.id !== undefined;
  }
  if (c.is(index, "maxage")) {
    if (c.int64(value) === undefined) {
      c.reply.error("ERR maxage is not an integer or out of range");
      return false;
    }
    filter.ageSeconds = positiveOrReply(c, value, "maxage should be greater than 0");
    return filter.ageSeconds !== undefined;
  }
  if (c.is(index, "type")) {
    filter.type = clientTypeOrReply(c, value);
    return filter.type !== undefined;
  }
  if (c.is(index, "user")) {
    filter.user = c.latin1(value);
    if (c.server.acl.find(filter.user) !== undefined) return true;
    c.reply.error(`ERR No such user '${filter.user}'`);
    return false;
  }
  if (c.is(index, "addr")) {
    filter.address = c.latin1(value);
  } else if (c.is(index, "laddr")) {
    filter.localAddress = c.latin1(value);
  } else if (c.is(index, "skipme") && (c.is(value, "yes") || c.is(value, "no"))) {
    filter.skipsSelf = c.is(value, "yes");
  } else {
    c.reply.syntaxError();
    return false;
  }
  return true;
}

/** A positive int64, or undefined after an error reply; beyond 2^53 it is rounded. */
function positiveOrReply(c: Context, index: number, error: string): number | undefined {
  const value = c.int64(index);
  if (value !== undefined && value > 0n) return Number(value);
  c.reply.error(`ERR ${error}`);
  return undefined;
}

// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
export function clientUnblockCommand(c: Context): void {
  if (c.count > 4) return replyWrongSubcommand(c, "CLIENT");
  const withError = c.count === 4 && c.is(3, "error");
  if (c.count === 4 && !withError && !c.is(3, "timeout")) {
    return c.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const id = c.int64(2);
  if (id === undefined) return c.reply.notAnInteger();
  const wait = c.server.clients.get(Number(id))?.wait;
  if (wait === undefined || !wait.mayEnd) return c.reply.integer(0);
  wait.end(withError ? "error" : "timeout");
  // An error was sent while it ran, if not to its own client.
  if (withError) c.command.failedCalls++;
  c.reply.integer(1);
}
