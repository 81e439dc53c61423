// What rules mean: "on", ">password", "+get", "-@write", "~key*", "(~x +get)". A rule is applied to
// a user, or, as one of those in parentheses, to a selector; what is wrong with it is returned as a
// text.
//
// Rules hold one character per byte. They are C strings to Redis: all but passwords and patterns
// end at a zero byte.

import { LOG_WARNING, type Logger } from "../base/log.ts";
import { splitWords } from "../base/words.ts";
import type { CommandIndex } from "./command-index.ts";
import { passwordHash } from "./passwords.ts";
import { ALL_KEYS, READ_KEYS, Selector, WRITE_KEYS } from "./selector.ts";
import type { User } from "./user.ts";

/** What rules mean depends on. */
export interface RuleScope {
  readonly index: CommandIndex;
  readonly logger: Logger;
  /** acl-pubsub-default: whether new selectors permit all channels. */
  readonly allChannelsByDefault: boolean;
}

export const UNKNOWN_COMMAND = "Unknown command or category name in ACL";
const SYNTAX = "Syntax error";
const FIRST_ARGUMENT = "Allowing first-arg of a subcommand is not supported";
const USELESS_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have " +
  "any effect. Try 'resetkeys' to start with an empty list of patterns";
const USELESS_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not " +
  "have any effect. Try 'resetchannels' to start with an empty list of channels";
const BAD_HASH =
  "The password hash must be exactly 64 characters and contain only lowercase hexadecimal " +
  "characters";
const NO_SUCH_PASSWORD = "The password you are trying to remove from the user does not exist";

const HASH = /^[0-9a-f]{64}$/;
const SPACE_OR_ZERO = /[\0\t-\r ]/;

/** The part of a text that a C string of it has. */
export function cText(text: string): string {
  const zero = text.indexOf("\0");
  return zero < 0 ? text : text.slice(0, zero);
}

/** Whether a text has white space or zero bytes, which names and patterns must not have. */
export function hasSpaces(text: string): boolean {
  return SPACE_OR_ZERO.test(text);
}

/** Applies a rule to a user; returns what is wrong with it. */
export function applyRule(user: User, rule: string, scope: RuleScope): string | undefined {
  if (rule === "") return undefined;
  const refusal = applyPasswordRule(user, rule);
  if (refusal !== NOT_MEANT) return refusal;
  if (rule.startsWith("(") && rule.endsWith(")")) return addSelector(user, rule, scope);
  switch (cText(rule).toLowerCase()) {
    case "on":
      user.isEnabled = true;
      return undefined;
    case "off":
      user.isEnabled = false;
      return undefined;
    case "skip-sanitize-payload":
      user.sanitizes = false;
      return undefined;
    case "sanitize-payload":
      user.sanitizes = true;
      return undefined;
    case "clearselectors":
      user.selectors.length = 1;
      return undefined;
    case "reset":
      user.reset(new Selector(scope.index.idCount, scope.allChannelsByDefault));
      return undefined;
    default:
      return applySelectorRule(user.selectors[0], rule, scope);
  }
}

/** The rule is about something else than passwords. */
const NOT_MEANT = "";

function applyPasswordRule(user: User, rule: string): string | undefined {
  const given = rule.slice(1);
  switch (rule[0]) {
    case ">":
      user.addPassword(passwordHash(given));
      return undefined;
    case "#":
      if (!HASH.test(given)) return BAD_HASH;
      user.addPassword(given);
      return undefined;
    case "<":
      return user.removePassword(passwordHash(given)) ? undefined : NO_SUCH_PASSWORD;
    case "!":
      if (!HASH.test(given)) return BAD_HASH;
      return user.removePassword(given) ? undefined : NO_SUCH_PASSWORD;
  }
  const word = cText(rule).toLowerCase();
  if (word !== "nopass" && word !== "resetpass") return NOT_MEANT;
  user.setNoPassword(word === "nopass");
  return undefined;
}

/** A selector of its own, in parentheses. Unbalanced quotes make it an empty one, as in Redis. */
function addSelector(user: User, rule: string, scope: RuleScope): string | undefined {
  const selector = new Selector(scope.index.idCount, scope.allChannelsByDefault);
  for (const word of splitWords(rule.slice(1, -1)) ?? []) {
    const refusal = applySelectorRule(selector, word, scope);
    if (refusal !== undefined) return refusal;
  }
  user.selectors.push(selector);
  return undefined;
}

function applySelectorRule(selector: Selector, rule: string, scope: RuleScope): string | undefined {
  const word = cText(rule).toLowerCase();
  if (word === "allkeys" || word === "~*") selector.setAllKeys(true);
  else if (word === "resetkeys") selector.setAllKeys(false);
  else if (word === "allchannels" || word === "&*") selector.setAllChannels(true);
  else if (word === "resetchannels") selector.setAllChannels(false);
  else if (word === "allcommands" || word === "+@all") selector.setAllCommands(true);
  else if (word === "nocommands" || word === "-@all") selector.setAllCommands(false);
  else if (rule.startsWith("~") || rule.startsWith("%")) return addKeys(selector, rule);
  else if (rule.startsWith("&")) return addChannels(selector, rule.slice(1));
  else if (rule.startsWith("+@")) return setCategory(selector, word, true, scope);
  else if (rule.startsWith("-@")) return setCategory(selector, word, false, scope);
  else if (rule.startsWith("+")) return addCommand(selector, cText(rule).slice(1), scope);
  else if (rule.startsWith("-")) return removeCommand(selector, word.slice(1), scope);
  else return SYNTAX;
  return undefined;
}

// ~pattern | %R~pattern | %W~pattern | %RW~pattern
function addKeys(selector: Selector, rule: string): string | undefined {
  if (selector.allowsAllKeys) return USELESS_KEYS;
  let access = 0;
  let at = 1;
  if (rule.startsWith("~")) access = ALL_KEYS;
  else {
    for (; at < rule.length && rule[at] !== "~"; at++) {
      const letter = rule[at].toUpperCase();
      const added = letter === "R" ? READ_KEYS : letter === "W" ? WRITE_KEYS : 0;
      // Neither is said twice.
      if (added === 0 || (access & added) !== 0) return SYNTAX;
      access |= added;
    }
    // The tilde may be missing, where the pattern is empty.
    at++;
    if (access === 0) return SYNTAX;
  }
  const pattern = rule.slice(at);
  if (hasSpaces(pattern)) return SYNTAX;
  selector.addKeys(pattern, access);
  return undefined;
}

function addChannels(selector: Selector, pattern: string): string | undefined {
  if (selector.allowsAllChannels) return USELESS_CHANNELS;
  if (hasSpaces(pattern)) return SYNTAX;
  selector.addChannels(pattern);
  return undefined;
}

function setCategory(
  selector: Selector,
  word: string,
  isAllowed: boolean,
  scope: RuleScope,
): string | undefined {
  const commands = scope.index.category(word.slice(2));
  if (commands === undefined) return UNKNOWN_COMMAND;
  for (const command of commands) selector.setCommand(command, isAllowed);
  selector.noteRule(word.slice(1), isAllowed);
  return undefined;
}

// +command | +container|subcommand | +command|first-argument
function addCommand(selector: Selector, name: string, scope: RuleScope): string | undefined {
  const bar = name.lastIndexOf("|");
  const command = scope.index.find(bar < 0 ? name : name.slice(0, bar));
  if (command === undefined) return UNKNOWN_COMMAND;
  const word = name.slice(bar + 1);
  if (bar >= 0) {
    if (command.parent !== undefined) return FIRST_ARGUMENT;
    if (word === "") return SYNTAX;
  }
  if (bar < 0 || command.subcommands !== undefined) {
    const allowed = scope.index.find(name);
    if (allowed === undefined) return UNKNOWN_COMMAND;
    selector.setCommand(allowed, true);
  } else {
    // It could not be shown, nor be read again. (Redis stops itself later.)
    if (hasSpaces(word)) return SYNTAX;
    scope.logger.log(
      LOG_WARNING,
      "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of " +
        `ACL and may get disabled in the future (offender: +${name})`,
    );
    selector.addFirstArgument(command, word);
  }
  selector.noteRule(name, true);
  return undefined;
}

function removeCommand(selector: Selector, name: string, scope: RuleScope): string | undefined {
  const command = scope.index.find(name);
  if (command === undefined) return UNKNOWN_COMMAND;
  selector.setCommand(command, false);
  selector.noteRule(name, false);
  return undefined;
}

/** Rules whose parentheses are matched, or the index of one that opens what nobody closes. */
export type JoinedRules = { readonly rules: readonly string[] } | { readonly unmatched: number };

/** Joins words between parentheses, "(~a", "+get)", into one rule. */
export function joinRules(words: readonly string[]): JoinedRules {
  const rules: string[] = [];
  let opened = -1;
  for (const [k, word] of words.entries()) {
    if (opened < 0) {
      if (word.startsWith("(") && !word.endsWith(")")) opened = k;
      rules.push(word);
      continue;
    }
    rules[rules.length - 1] += ` ${word}`;
    if (word.endsWith(")")) opened = -1;
  }
  return opened < 0 ? { rules } : { unmatched: opened };
}
