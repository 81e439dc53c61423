// What a `user` line of the configuration file is checked for while the file is read. Commands that
// do not exist are told later, by the start.

import { silentLogger } from "../base/log.ts";
import { Clients } from "../command/client.ts";
import type { CommandRegistry } from "../command/registry.ts";
import { Acl } from "./acl.ts";
import { applyRule, joinRules, UNKNOWN_COMMAND } from "./rules.ts";

/** What is wrong with a line, and which of its words is shown for it. */
export interface UserLineError {
  readonly word: string;
  readonly reason: string;
}

/** Checks a user's name and rules; `words` begins with "user". */
export function userLineError(
  registry: CommandRegistry,
  words: readonly string[],
): UserLineError | undefined {
  const acl = new Acl(registry, new Clients(), silentLogger);
  const rules = words.slice(2);
  const joined = joinRules(rules);
  // Redis shows the word that has the wrong rule's number, which counts from the name's own word,
  // and an error that has nothing to do with parentheses.
  if ("unmatched" in joined) return { word: words[joined.unmatched], reason: UNKNOWN_COMMAND };
  const user = acl.newUser(words[1]);
  for (const [k, rule] of joined.rules.entries()) {
    const reason = applyRule(user, rule, acl);
    if (reason !== undefined && reason !== UNKNOWN_COMMAND) return { word: words[k], reason };
  }
  return undefined;
}
