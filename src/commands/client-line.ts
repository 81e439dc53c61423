// A client as CLIENT LIST and CLIENT INFO describe it: its type, its flags, its line.

import type { Client } from "../command/client.ts";
import { shownAttribute } from "./client-attributes.ts";
import type { Context } from "./features.ts";

export type ClientType = "normal" | "replica" | "master" | "pubsub";

/** What kind of client it is; a monitor counts as a normal one. */
export function typeOf(client: Client): ClientType {
  if (client.kind !== "normal") return client.kind;
  return client.isSubscribed ? "pubsub" : "normal";
}

/** The client type that an argument names, or undefined after an error reply. */
export function clientTypeOrReply(c: Context, index: number): ClientType | undefined {
  if (c.is(index, "normal")) return "normal";
  if (c.is(index, "slave") || c.is(index, "replica")) return "replica";
  if (c.is(index, "pubsub")) return "pubsub";
  if (c.is(index, "master")) return "master";
  c.reply.error(`ERR Unknown client type '${c.latin1(index)}'`);
  return undefined;
}

/** Bytes of the arguments of what a client runs, or is held at. */
function argumentBytes(c: Context, client: Client): number {
  if (client !== c.client) return client.argumentBytes;
  let total = 0;
  for (let index = 0; index < c.count; index++) total += c.length(index);
  return total;
}

/** The line of a client, without its newline. */
export function clientLine(c: Context, client: Client): string {
  const channel = client.channel;
  const nowMs = c.nowMs;
  const ownArgumentBytes = argumentBytes(c, client);
  const fields: (readonly [string, string | number])[] = [
    ["id", client.id],
    ["addr", channel.remoteAddress],
    ["laddr", channel.localAddress],
    ["fd", channel.descriptor],
    ["name", shownAttribute(client.name)],
    ["age", wholeSeconds(nowMs - client.createdMs)],
    ["idle", wholeSeconds(nowMs - client.lastInteractionMs)],
    ["flags", flagsOf(client)],
    ["db", client.dbIndex],
    ["sub", client.channelCount],
    ["psub", client.patternCount],
    ["ssub", client.shardChannelCount],
    ["multi", client.queuedCommands],
    ["watch", client.watchedKeys],
    ["qbuf", channel.queryBytes],
    ["qbuf-free", Math.max(0, channel.queryCapacity - channel.queryBytes)],
    ["argv-mem", ownArgumentBytes],
    ["multi-mem", client.queuedBytes],
    // Replies have no buffer of fixed size per client: all that is unsent is the list's.
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", channel.outputBytes > 0 ? 1 : 0],
    ["omem", channel.outputCapacity],
    ["tot-mem", client.heldBytes - client.argumentBytes + ownArgumentBytes],
    ["events", channel.outputBytes > 0 ? "rw" : "r"],
    ["cmd", client.lastCommand],
    ["user", client.user.name],
    ["redir", client.tracking?.redirect ?? -1],
    ["resp", client.protocol],
    ["lib-name", shownAttribute(client.libraryName)],
    ["lib-ver", shownAttribute(client.libraryVersion)],
    ["io-thread", 0],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** The letters of the flags field, in Redis's order. */
export function flagsOf(client: Client): string {
  let flags = "";
  if (client.isMonitor) flags += "O";
  else if (client.kind === "replica") flags += "S";
  if (client.kind === "master") flags += "M";
  if (typeOf(client) === "pubsub") flags += "P";
  if (client.queuedCommands >= 0) flags += "x";
  if (client.blocked) flags += "b";
  flags += client.tracking?.letters ?? "";
  if (client.dirtyWatch) flags += "d";
  if (client.closingAfterReply) flags += "c";
  if (client.isUnblocked) flags += "u";
  if (client.closing) flags += "A";
  if (client.isUnixSocket) flags += "U";
  if (client.isReadonly) flags += "r";
  if (client.noEvict) flags += "e";
  if (client.noTouch) flags += "T";
  if (client.isInternal) flags += "I";
  return flags === "" ? "N" : flags;
}

// CLIENT INFO
export function clientInfoCommand(c: Context): void {
  c.reply.verbatim("txt", `${clientLine(c, c.client)}\n`);
}

// CLIENT LIST [TYPE type] [ID client-id [client-id ...]]
export function clientListCommand(c: Context): void {
  const selected: Client[] = [];
  if (c.count === 2) {
    for (const client of c.server.clients) selected.push(client);
  } else if (c.count === 4 && c.is(2, "type")) {
    const type = clientTypeOrReply(c, 3);
    if (type === undefined) return;
    for (const client of c.server.clients) if (typeOf(client) === type) selected.push(client);
  } else if (c.count > 3 && c.is(2, "id")) {
    for (let index = 3; index < c.count; index++) {
      const id = c.int64(index);
      if (id === undefined) return c.reply.error("ERR Invalid client ID");
      const client = c.server.clients.get(Number(id));
      if (client !== undefined) selected.push(client);
    }
  } else {
    return c.reply.syntaxError();
  }
  let text = "";
  for (const client of selected) text += `${clientLine(c, client)}\n`;
  c.reply.verbatim("txt", text);
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
