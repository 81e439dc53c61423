// hot path: no allocation per command
//
// What keeps users from what they may not do: commands that clients send, that EXEC finds in a
// queue, that scripts call. Only clients whose user is restricted get here.

import { PERMITTED } from "../acl/permission-check.ts";
import type { User } from "../acl/user.ts";
import type { Client } from "../command/client.ts";
import type { Command } from "../command/registry.ts";
import type { Context, Features } from "../commands/features.ts";

/**
 * The error for a command of the context that the client's user may not run, or "". That it was
 * denied is logged.
 */
export function accessRefusal(c: Context, command: Command<Features>, client: Client): string {
  const { check } = c.server.acl;
  const denial = check.check(client.user as User, command, c, 0, c.count);
  if (denial === PERMITTED) return "";
  const { denialText, noteDenial } = denials();
  const context = client.queuedCommands >= 0 ? "multi" : "toplevel";
  noteDenial(c, client, command, denial, check.deniedIndex, context);
  return `NOPERM ${denialText(denial, client.user.name, command)}`; // alloc: an error
}

/** The same for a command of a transaction that EXEC is running. Cold. */
export function queuedRefusal(c: Context, command: Command<Features>, client: Client): string {
  const { check } = c.server.acl;
  const denial = check.check(client.user as User, command, c, 0, c.count);
  if (denial === PERMITTED) return "";
  const { noteDenial, reasonInTransaction } = denials();
  noteDenial(c, client, command, denial, check.deniedIndex, "multi");
  return `NOPERM ${reasonInTransaction(denial)}`;
}

/** The same for a command that a script of the client calls. */
export function scriptRefusal(c: Context, command: Command<Features>, client: Client): string {
  const { check } = c.server.acl;
  const denial = check.check(client.user as User, command, c, 0, c.count);
  if (denial === PERMITTED) return "";
  const { denialText, noteDenial } = denials();
  noteDenial(c, client, command, denial, check.deniedIndex, "lua");
  // alloc: an error
  return `ERR ACL failure in script: ${denialText(denial, client.user.name, command)}`;
}

/** Cold: loaded when something is first denied. */
function denials(): typeof import("../commands/acl-denials.ts") {
  return require("../commands/acl-denials.ts");
}
