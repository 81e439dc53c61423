import { expect, test } from "bun:test";
import { Acl } from "../../../src/acl/acl.ts";
import { DENIED_KEY, PERMITTED } from "../../../src/acl/permission-check.ts";
import { applyRule, joinRules } from "../../../src/acl/rules.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Clients } from "../../../src/command/client.ts";
import { CommandContext, type ServerContext } from "../../../src/command/context.ts";
import { Effects } from "../../../src/command/effects.ts";
import { CommandRegistry } from "../../../src/command/registry.ts";
import { families } from "../../../src/commands/families.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";

const registry = CommandRegistry.of(families);
const acl = new Acl(registry, new Clients(), silentLogger);

/** What a user with certain rules is told about a command line, and which word is denied. */
function ask(rules: string, line: string): readonly [answer: number, word: string] {
  const user = acl.newUser("u");
  const joined = joinRules(rules.split(" "));
  if (!("rules" in joined)) throw new Error("unmatched parentheses");
  for (const rule of joined.rules) expect(applyRule(user, rule, acl)).toBeUndefined();
  const words = line.split(" ");
  const bytes = latin1Bytes(words.join(""));
  const ends = Int32Array.from(words, (_, k) => words.slice(0, k + 1).join("").length);
  const starts = Int32Array.from(ends, (end, k) => end - words[k].length);
  const c = new CommandContext({} as ServerContext, new ReplyWriter(), new Effects());
  c.setArguments(bytes, starts, ends, 0, words.length);
  const command = registry.find(bytes, starts[0], ends[0])!;
  const answer = acl.check.check(user, command, c, 0, words.length);
  return [answer, words[acl.check.deniedIndex]];
}

test("PFMERGE without sources still needs its destination", () => {
  expect(ask("+@all ~a", "pfmerge x")).toEqual([DENIED_KEY, "x"]);
  expect(ask("+@all %R~x ~a", "pfmerge x")).toEqual([DENIED_KEY, "x"]);
  expect(ask("+@all ~a", "pfmerge a")[0]).toBe(PERMITTED);
});

test("of two STOREDIST both are checked", () => {
  const line = "georadius a 1 1 1 m storedist b storedist x";
  expect(ask("+@all ~a ~b", line)).toEqual([DENIED_KEY, "x"]);
  expect(ask("+@all ~a ~x", line)).toEqual([DENIED_KEY, "b"]);
  expect(ask("+@all ~a ~x ~b", line)[0]).toBe(PERMITTED);
});

test("of several selectors the one that went furthest tells what is missing", () => {
  expect(ask("+get ~a (+mget ~b ~c) (+mget ~b)", "mget b c d")).toEqual([DENIED_KEY, "d"]);
  expect(ask("(+mget ~b) (+mget ~b ~c) +get", "mget b c d")).toEqual([DENIED_KEY, "d"]);
});
