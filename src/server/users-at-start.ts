// The users that a server starts with: those of its configuration's `user` lines, or those of the
// ACL file. What is wrong with them ends the start.

import { DEFAULT_USER } from "../acl/acl.ts";
import { applyRule, hasSpaces, joinRules } from "../acl/rules.ts";
import { LOG_NOTICE } from "../base/log.ts";
import { readAclFile } from "../commands/acl-files.ts";
import type { Features } from "../commands/features.ts";
import { LoadError } from "../persistence/load-error.ts";

const EITHER_OR =
  "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path " +
  "is invalid. This setup is very likely to lead to configuration errors and security holes, " +
  "please define either an ACL file or declare users directly in your redis.conf, but not both.";

const CRITICAL = "Critical error while loading ACLs. Exiting.";

/** Defines the users; throws LoadError. */
export function loadUsersAtStart(server: Features): void {
  const { acl, config } = server;
  const hasFile = config.text("aclfile") !== "";
  if (hasFile && config.users.length > 0) throw new LoadError(EITHER_OR);
  for (const words of config.users) addUser(server, words);
  if (!hasFile) return;
  const users = readAclFile(acl, config);
  if (typeof users === "string") {
    throw new LoadError(`Aborting Redis startup because of ACL errors: ${users}`);
  }
  acl.replaceAll(users);
}

/** Defines the user of a `user` line. */
function addUser({ acl, logger }: Features, [name, ...words]: readonly string[]): void {
  if (hasSpaces(name)) throw new LoadError("Spaces not allowed in ACL usernames", CRITICAL);
  const user = acl.newUser(name);
  const joined = joinRules(words);
  for (const rule of "rules" in joined ? joined.rules : words) {
    const refusal = applyRule(user, rule, acl);
    if (refusal === undefined) continue;
    const what = `Error loading ACL rule '${rule}' for the user named '${name}': ${refusal}`;
    throw new LoadError(what, CRITICAL);
  }
  acl.put(user);
  if (user.isEnabled || name === DEFAULT_USER) return;
  logger.log(
    LOG_NOTICE,
    `The user '${name}' is disabled (there is no 'on' modifier in the user description). Make ` +
      "sure this is not a configuration error.",
  );
}
