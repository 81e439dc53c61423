// The ACL file: one user per line, `user <name> <rule> ...`, in words that single blanks separate.
// A file is loaded as a whole or, where anything in it is wrong, not at all; all that is wrong with
// it is told at once, in one text.

import { trimmed } from "../base/words.ts";
import type { Acl } from "./acl.ts";
import { applyRule, hasSpaces, joinRules, UNKNOWN_COMMAND } from "./rules.ts";
import type { User } from "./user.ts";

/** What a file says, or what is wrong with it. */
export type LoadedUsers =
  | { readonly users: ReadonlyMap<string, User> }
  | { readonly error: string };

const NOTHING_CHANGED =
  "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/** Reads a file's text, of one character per byte; `path` is how errors name it. */
export function readUsers(acl: Acl, path: string, text: string): LoadedUsers {
  const users = new Map<string, User>();
  let errors = "";
  for (const [k, rawLine] of text.split("\n").entries()) {
    const line = trimmed(rawLine);
    if (line !== "") errors += readLine(acl, users, line, k + 1, path);
  }
  if (errors !== "") return { error: errors + NOTHING_CHANGED };
  for (const user of users.values()) user.become(user);
  return { users };
}

/** Adds the user of a line; returns what is wrong with it. */
function readLine(
  acl: Acl,
  users: Map<string, User>,
  line: string,
  lineNumber: number,
  path: string,
): string {
  const place = `${path}:${lineNumber}`;
  const [keyword, name, ...words] = line.split(" ");
  if (keyword !== "user" || name === undefined) {
    return `${place} should start with user keyword followed by the username. `;
  }
  if (hasSpaces(name)) return `${place}: username '${name}' contains invalid characters. `;
  if (users.has(name)) return `WARNING: Duplicate user '${name}' found on line ${lineNumber}. `;
  const user = acl.newUser(name);
  users.set(name, user);
  const joined = joinRules(words);
  if ("unmatched" in joined) return `${place}: Unmatched parenthesis in selector definition.`;
  let errors = "";
  let isReported = false;
  for (const rawRule of joined.rules) {
    const rule = trimmed(rawRule);
    const refusal = applyRule(user, rule, acl);
    if (refusal === UNKNOWN_COMMAND) {
      errors += `${place}: Error in applying operation '${rule}': ${refusal}. `;
    } else if (refusal !== undefined && !isReported) {
      // The first of the others may have caused those after it.
      isReported = true;
      errors += `${place}: ${refusal}. `;
    }
  }
  return errors;
}

/** The lines that make a server's users anew, as ACL LIST and CONFIG REWRITE have them. */
export function userLines(acl: Acl): string[] {
  return acl.users.map((user) => `user ${user.name} ${user.describe()}`);
}
