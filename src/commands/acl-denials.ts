// What happens when a user may not do something: the error text, the entry in ACL LOG, the count in
// INFO. And what happens to subscribers whose user may no longer listen.

import type { AccessContext } from "../acl/access-log.ts";
import {
  DENIED_AUTH,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  DENIED_KEY,
  type Denial,
} from "../acl/permission-check.ts";
import type { Selector } from "../acl/selector.ts";
import type { User } from "../acl/user.ts";
import type { Client } from "../command/client.ts";
import type { Command } from "../command/registry.ts";
import { CHANNELS, PATTERNS, SHARD_CHANNELS } from "../pubsub/pubsub.ts";
import { clientLine } from "./client-line.ts";
import type { Context, Features } from "./features.ts";

/** What is said about a denial; `object` is the key or channel, where it may be named. */
export function denialText(
  denial: Denial,
  user: string,
  command: Command<Features>,
  object?: string,
): string {
  if (denial === DENIED_COMMAND) {
    return `User ${user} has no permissions to run the '${command.fullName}' command`;
  }
  const kind = denial === DENIED_KEY ? "key" : "channel";
  if (object === undefined) return `No permissions to access a ${kind}`;
  return `User ${user} has no permissions to access the '${object}' ${kind}`;
}

/** What EXEC says about a command that was queued while the user still might run it. */
export function reasonInTransaction(denial: Denial): string {
  const reason =
    denial === DENIED_COMMAND
      ? "no permission to execute the command or subcommand"
      : denial === DENIED_KEY
        ? "no permission to touch the specified keys"
        : "no permission to access one of the channels used as arguments";
  return (
    "ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
    `This command is no longer allowed for the following reason: ${reason}`
  );
}

/** Notes that a client was denied a command of the context, because of argument `index`. */
export function noteDenial(
  c: Context,
  client: Client,
  command: Command<Features>,
  denial: Denial,
  index: number,
  context: AccessContext,
): void {
  const object = denial === DENIED_COMMAND ? command.fullName : c.latin1(index);
  note(c, client, denial, object, client.user.name, context);
}

/** Notes that a client named a user or a password that is wrong. */
export function noteDeniedAuth(c: Context, user: string): void {
  const context = c.client.queuedCommands >= 0 ? "multi" : "toplevel";
  note(c, c.client, DENIED_AUTH, c.latin1(0), user, context);
}

function note(
  c: Context,
  client: Client,
  denial: Denial,
  object: string,
  user: string,
  context: AccessContext,
): void {
  const { acl, clock, config, statistics } = c.server;
  if (denial === DENIED_COMMAND) statistics.accessDeniedCommand++;
  else if (denial === DENIED_KEY) statistics.accessDeniedKey++;
  else if (denial === DENIED_CHANNEL) statistics.accessDeniedChannel++;
  else statistics.accessDeniedAuth++;
  const clientInfo = clientLine(c, client);
  const access = { denial, context, object, user, clientInfo };
  acl.log.add(access, clock.wallMs(), config.integer("acllog-max-len"));
}

/** Whether rules have taken channels away that those before gave. */
export function hasLostChannels(before: readonly Selector[], user: User): boolean {
  if (user.selectors.some((selector) => selector.allowsAllChannels)) return false;
  if (before.some((selector) => selector.allowsAllChannels)) return true;
  const left = new Set(user.selectors.flatMap(({ channels }) => channels.map(({ text }) => text)));
  return before.some(({ channels }) => channels.some(({ text }) => !left.has(text)));
}

/** Whether a client listens to what its user may not listen to. */
export function listensWithoutPermission(c: Context, client: Client, user: User): boolean {
  const { pubsub } = c.server;
  const isAllowed = (name: Uint8Array, isPattern: boolean) =>
    user.selectors.some((selector) => selector.allowsChannel(isPattern, name, 0, name.length));
  for (const kind of [PATTERNS, CHANNELS, SHARD_CHANNELS] as const) {
    for (const name of pubsub.namesOf(client, kind)) {
      if (!isAllowed(name, kind === PATTERNS)) return true;
    }
  }
  return false;
}

/** Closes a client, if it is the running command's own once that has been answered. */
export function disconnect(c: Context, client: Client): void {
  client.channel.close(client === c.client ? "after-reply" : "now");
}
