// ACL SETUSER, GETUSER, DELUSER, LIST, USERS.

import { DEFAULT_USER } from "../acl/acl.ts";
import { userLines } from "../acl/acl-file.ts";
import { applyRule, cText, hasSpaces, joinRules } from "../acl/rules.ts";
import type { Selector } from "../acl/selector.ts";
import { describeChannels, describeCommands, describeKeys } from "../acl/user.ts";
import { latin1Bytes } from "../base/text.ts";
import { disconnect, hasLostChannels, listensWithoutPermission } from "./acl-denials.ts";
import type { Context } from "./features.ts";

// ACL SETUSER username [rule ...]
export function aclSetuserCommand(c: Context): void {
  const { acl, clients } = c.server;
  const name = c.latin1(2);
  if (hasSpaces(name)) {
    return c.reply.error("ERR Usernames can't contain spaces or null characters");
  }
  const words: string[] = [];
  for (let index = 3; index < c.count; index++) words.push(c.latin1(index));
  const joined = joinRules(words);
  if ("unmatched" in joined) {
    const word = cText(words[joined.unmatched]);
    return c.reply.error(`ERR Unmatched parenthesis in acl selector starting at '${word}'.`);
  }
  const former = acl.find(name);
  const before = former?.selectors ?? [];
  const changed = former?.copy(acl.index.idCount) ?? acl.newUser(name);
  for (const rule of joined.rules) {
    const refusal = applyRule(changed, rule, acl);
    if (refusal === undefined) continue;
    return c.reply.error(`ERR Error in ACL SETUSER modifier '${cText(rule)}': ${refusal}`);
  }
  const user = acl.put(changed);
  if (former !== undefined && hasLostChannels(before, user)) {
    for (const client of [...clients]) {
      const isAffected = client.user === user && client.isSubscribed;
      if (isAffected && listensWithoutPermission(c, client, user)) disconnect(c, client);
    }
  }
  c.reply.ok();
}

// ACL DELUSER username [username ...]
export function aclDeluserCommand(c: Context): void {
  const { acl, clients } = c.server;
  for (let index = 2; index < c.count; index++) {
    if (c.latin1(index) !== DEFAULT_USER) continue;
    return c.reply.error("ERR The 'default' user cannot be removed");
  }
  let removed = 0;
  for (let index = 2; index < c.count; index++) {
    const user = acl.find(c.latin1(index));
    if (user === undefined) continue;
    acl.remove(user);
    removed++;
    for (const client of [...clients]) if (client.user === user) disconnect(c, client);
  }
  c.reply.integer(removed);
}

// ACL GETUSER username
export function aclGetuserCommand(c: Context): void {
  const { reply } = c;
  const user = c.server.acl.find(c.latin1(2));
  if (user === undefined) return reply.null();
  const [root, ...others] = user.selectors;
  reply.map(6);
  reply.bulkText("flags");
  reply.set(user.flags.length);
  for (const flag of user.flags) reply.bulkText(flag);
  reply.bulkText("passwords");
  reply.array(user.passwords.length);
  for (const hash of user.passwords) reply.bulkText(hash);
  replySelector(c, root);
  reply.bulkText("selectors");
  reply.array(others.length);
  for (const selector of others) {
    reply.map(3);
    replySelector(c, selector);
  }
}

/** Replies with the three pairs that describe a selector. */
function replySelector(c: Context, selector: Selector): void {
  const pair = (name: string, value: string) => {
    c.reply.bulkText(name);
    c.reply.bulkBytes(latin1Bytes(value));
  };
  pair("commands", describeCommands(selector));
  pair("keys", describeKeys(selector));
  pair("channels", describeChannels(selector));
}

// ACL LIST
export function aclListCommand(c: Context): void {
  const lines = userLines(c.server.acl);
  c.reply.array(lines.length);
  for (const line of lines) c.reply.bulkBytes(latin1Bytes(line));
}

// ACL USERS
export function aclUsersCommand(c: Context): void {
  const { users } = c.server.acl;
  c.reply.array(users.length);
  for (const { name } of users) c.reply.bulkBytes(latin1Bytes(name));
}
