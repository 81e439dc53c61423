// ACL LOAD and ACL SAVE, and the users that a server starts with.

import { resolve } from "node:path";
import type { Acl } from "../acl/acl.ts";
import { readUsers, userLines } from "../acl/acl-file.ts";
import { LOG_WARNING } from "../base/log.ts";
import { latin1Bytes, latin1Text, messageOf } from "../base/text.ts";
import type { Config } from "../config/config.ts";
import { disconnect, hasLostChannels, listensWithoutPermission } from "./acl-denials.ts";
import type { Context } from "./features.ts";

const NO_FILE =
  "ERR This Redis instance is not configured to use an ACL file. You may want to specify users " +
  "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis " +
  "configuration file set) in order to store users in the Redis configuration.";

/** Reads what the ACL file says; a string says why that cannot be. */
export function readAclFile(acl: Acl, config: Config) {
  const name = config.byteText("aclfile");
  const path = resolve(config.text("dir"), config.text("aclfile"));
  let text: string;
  try {
    text = latin1Text(config.files!.read(path));
  } catch (error) {
    return `Error loading ACLs, opening file '${name}': ${messageOf(error)}`;
  }
  const loaded = readUsers(acl, name, text);
  return "error" in loaded ? loaded.error : loaded.users;
}

// ACL LOAD
export function aclLoadCommand(c: Context): void {
  const { acl, clients, config } = c.server;
  if (config.text("aclfile") === "") return c.reply.error(NO_FILE);
  const users = readAclFile(acl, config);
  if (typeof users === "string") return c.reply.error(`ERR ${users}`);
  const before = new Map(acl.users.map((user) => [user.name, user.selectors]));
  acl.replaceAll(users);
  for (const client of [...clients]) {
    const user = acl.find(client.user.name);
    if (user === undefined) {
      disconnect(c, client);
      continue;
    }
    const lost = hasLostChannels(before.get(user.name) ?? [], user);
    if (lost && listensWithoutPermission(c, client, user)) disconnect(c, client);
  }
  c.reply.ok();
}

// ACL SAVE
export function aclSaveCommand(c: Context): void {
  const { acl, config, logger } = c.server;
  if (config.text("aclfile") === "") return c.reply.error(NO_FILE);
  const path = resolve(config.text("dir"), config.text("aclfile"));
  const text = userLines(acl)
    .map((line) => `${line}\n`)
    .join("");
  try {
    config.files!.writeAtomically(path, latin1Bytes(text));
  } catch (error) {
    logger.log(LOG_WARNING, `Writing the ACL file ${path}: ${messageOf(error)}`);
    return c.reply.error(
      "ERR There was an error trying to save the ACLs. Please check the server logs for more " +
        "information",
    );
  }
  c.reply.ok();
}
