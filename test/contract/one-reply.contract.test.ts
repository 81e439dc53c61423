// Every command is answered by exactly one RESP value, whatever bytes its arguments have: alone, in
// a transaction and called by a script, in both protocols. What an error repeats of the request
// must not end its line, nor begin another reply.
//
// The commands of the subscribe family are answered once per name. A command that waits, or ends
// its own connection, is answered later or not at all.

import { expect, test } from "bun:test";
import { latin1Bytes } from "../../src/base/text.ts";
import type { Client } from "../../src/command/client.ts";
import type { ArgumentSpec } from "../../src/command/spec.ts";
import { ReplyWriter } from "../../src/resp/reply.ts";
import { type Argument, binary, encodeCommand } from "../harness/client.ts";
import {
  Choices,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
} from "../harness/generate.ts";
import { parseReplyText } from "../harness/reply.ts";
import { ServerFixture } from "../unit/server/server-fixture.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 11);
/** Random argument lists per command. */
const LISTS = Number(process.env.MINIREDIS_STEPS ?? 6);
const LIST_LENGTH_MAX = 7;

/** Bytes that end lines, in every disguise: among them characters whose low byte is CR or LF. */
const LINE_ENDS: readonly Argument[] = [
  ...["\r\n", "a\r\nb", "\r\n+OK\r\n", "$3\r\nabc\r\n", "\n", "\r", "x\r\n\r\n"],
  ...["č\u010a", "\u2028\u2029", "\u{1000d}\u{1000a}", "'\"\\'\r\n", "%s%n\r\n", "\0\r\n"],
  ...[binary("\x85\xa0\r\n"), binary(allBytes()), `${"x".repeat(5000)}\r\n${"y".repeat(5000)}`],
];

function allBytes(): string {
  return String.fromCharCode(...Array.from({ length: 256 }, (_, k) => k));
}

const KEYS = ["string", "list", "set", "zset", "hash", "stream", "missing"];
const CONTENT: readonly (readonly Argument[])[] = [
  ["flushall"],
  ["set", "string", "a\r\nb"],
  ["rpush", "list", "\r\n", "1"],
  ["sadd", "set", "\r\n", "1"],
  ["zadd", "zset", 1, "\r\n", 2, "b"],
  ["hset", "hash", "\r\n", "\r\n", "f", 1],
  ["xadd", "stream", "1-1", "\r\n", "\r\n"],
];

/** These end the server, hold it up, or have connections see more than their own replies. */
const LEFT_OUT = new Set([
  ...["shutdown", "monitor", "debug", "client|pause", "client|reply", "psync", "sync"],
  ...["failover", "replicaof", "slaveof", "config|rewrite"],
]);
/** Answered once per name, if names are given. */
const PER_NAME = /^[ps]?(un)?subscribe$/;

interface Entry {
  readonly fullName: string;
  readonly words: readonly string[];
  readonly least: number;
  readonly tokens: readonly string[];
}

function entriesOf(fixture: ServerFixture): Entry[] {
  const entries: Entry[] = [];
  for (const command of fixture.server.registry) {
    if (LEFT_OUT.has(command.fullName)) continue;
    if (command.subcommands !== undefined) {
      const { fullName } = command;
      entries.push({ fullName, words: [fullName], least: 1, tokens: [] });
    }
    for (const one of command.subcommands ?? [command]) {
      if (LEFT_OUT.has(one.fullName)) continue;
      const parts = one.fullName.split("|");
      const least = Math.max(0, Math.abs(one.arity) - parts.length);
      const tokens = tokensOf(one.spec.args ?? []);
      entries.push({ fullName: one.fullName, words: parts, least, tokens });
    }
  }
  return entries;
}

function tokensOf(specs: readonly ArgumentSpec[]): string[] {
  return specs.flatMap((spec) => [
    ...(spec.token === undefined ? [] : [spec.token]),
    ...tokensOf(spec.arguments ?? []),
  ]);
}

/** Argument lists for a command: hostile in each place, and mixtures. */
function* argumentLists(entry: Entry, choices: Choices): Generator<readonly Argument[]> {
  // Once without arguments, where that is possible: COMMAND DOCS then has much to say.
  if (entry.least === 0) yield [];
  for (const hostile of LINE_ENDS) {
    yield new Array<Argument>(Math.max(entry.least, 1)).fill(hostile);
  }
  for (const name of KEYS) {
    const rest = Math.max(0, entry.least - 1) + choices.below(2);
    yield [name, ...new Array<Argument>(rest).fill(choices.pick(LINE_ENDS))];
  }
  const kinds = [LINE_ENDS, KEYS, HOSTILE_INTEGERS, HOSTILE_DOUBLES, HOSTILE_STRINGS];
  if (entry.tokens.length > 0) kinds.push(entry.tokens, entry.tokens);
  for (let k = 0; k < LISTS; k++) {
    const length = entry.least + choices.below(LIST_LENGTH_MAX - 2);
    yield Array.from({ length }, () => choices.pick<Argument>(choices.pick(kinds)));
  }
}

type Context = "alone" | "in MULTI" | "in a script";

/** What is sent for a command, and how many values that is answered with. */
function requestOf(command: readonly Argument[], context: Context, fullName: string) {
  if (context === "in MULTI") return { commands: [["multi"], command, ["exec"]], values: 3 };
  if (context === "in a script") {
    const script = "return redis.pcall(unpack(ARGV))";
    return { commands: [["eval", script, 0, ...command]], values: 1 };
  }
  const names = PER_NAME.test(fullName) ? command.length - 1 : 1;
  return { commands: [command], values: Math.max(1, names) };
}

/** How many values are in what was sent; throws where it is no RESP to its last byte. */
function countValues(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    const reply = parseReplyText(text, at);
    if (reply === undefined) throw new Error(`half a reply: ${JSON.stringify(text.slice(at, 80))}`);
    at += reply.raw.length;
  }
  return count;
}

/** What is wrong with the answer to a command, or "". */
function fault(fixture: ServerFixture, protocol: number, request: ReturnType<typeof requestOf>) {
  const peer = fixture.connect();
  if (protocol === 3) peer.run("hello 3");
  const { client } = peer.handler as unknown as { client: Client };
  const frames = [...request.commands, ["ping", "the-end"]].map(encodeCommand);
  peer.send(Buffer.concat(frames));
  const answer = peer.transport.take();
  const hasEnded = peer.transport.isClosed || client.blocked;
  peer.handler.closed();
  try {
    const count = countValues(answer);
    // One for the PING behind it.
    if (count === request.values + 1) return "";
    if (hasEnded && count <= request.values) return "";
    return `${count} values: ${JSON.stringify(answer.slice(0, 300))}`;
  } catch (error) {
    return String(error).slice(0, 300);
  }
}

function shown(command: readonly Argument[]): string {
  const words = command.map((arg) => (typeof arg === "object" ? binaryText(arg) : String(arg)));
  return JSON.stringify(words.map((word) => word.slice(0, 40)));
}

function binaryText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** What is wrong with the answers to every command, and how many there were. */
function faultsOf(protocol: number, context: Context): { faults: string[]; sent: number } {
  const fixture = new ServerFixture();
  const choices = new Choices(SEED);
  const faults: string[] = [];
  let sent = 0;
  for (const entry of entriesOf(fixture)) {
    // What messages these are among is another matter.
    if (context !== "alone" && PER_NAME.test(entry.fullName)) continue;
    const content = fixture.connect();
    for (const command of CONTENT) content.send(encodeCommand(command));
    content.handler.closed();
    for (const args of argumentLists(entry, choices)) {
      const command = [...entry.words, ...args];
      const found = fault(fixture, protocol, requestOf(command, context, entry.fullName));
      sent++;
      if (found !== "" && faults.length < 20) faults.push(`${shown(command)}: ${found}`);
    }
  }
  fixture.verify();
  return { faults, sent };
}

for (const protocol of [2, 3]) {
  for (const context of ["alone", "in MULTI", "in a script"] as const) {
    const title = `every command ${context} is answered once in RESP${protocol}`;
    test(title, () => {
      const { faults, sent } = faultsOf(protocol, context);
      expect(faults).toEqual([]);
      expect(sent).toBeGreaterThan(5000);
    }, 30_000);
  }

  test(`what scripts say of themselves is one reply in RESP${protocol}`, () => {
    const fixture = new ServerFixture();
    const scripts = [
      ...["return redis.error_reply(ARGV[1])", "return redis.status_reply(ARGV[1])"],
      ...["return {err = ARGV[1]}", "return {ok = ARGV[1]}", "error(ARGV[1])", "return ARGV[1]"],
      ...["error({err = ARGV[1]})", "return {1, {err = ARGV[1]}, {ok = ARGV[1]}, ARGV[1]}"],
      ...["redis.call(ARGV[1])", "return redis.pcall(ARGV[1], ARGV[1])", "return _G[ARGV[1]]"],
      ...["local t = {} t[ARGV[1]] = 1 return t.x.y", "return redis.sha1hex(ARGV[1])"],
      ...["return {map = {[ARGV[1]] = ARGV[1]}}", "return {double = 1.5, ARGV[1]}"],
      ...["return loadstring(ARGV[1])()", "return cjson.decode(ARGV[1])", "KEYS[ARGV[1]].x = 1"],
      ...["return cmsgpack.unpack(ARGV[1])", "return struct.unpack(ARGV[1], ARGV[1])"],
      ...["return {verbatim_string = {format = 'txt', string = ARGV[1]}}"],
      ...["return {big_number = ARGV[1]}", "return {set = {[ARGV[1]] = true}}"],
    ];
    const faults: string[] = [];
    for (const script of scripts) {
      for (const hostile of [...LINE_ENDS, ...HOSTILE_STRINGS]) {
        for (const prefix of ["", "redis.setresp(3) "]) {
          const command = ["eval", prefix + script, 0, hostile];
          const request = { commands: [command], values: 1 };
          const found = fault(fixture, protocol, request);
          if (found !== "" && faults.length < 20) faults.push(`${shown(command)}: ${found}`);
        }
      }
    }
    for (const hostile of LINE_ENDS) {
      const scriptItself = { commands: [["eval", hostile, 0]], values: 1 };
      const found = fault(fixture, protocol, scriptItself);
      if (found !== "") faults.push(`${shown(["eval", hostile])}: ${found}`);
    }
    expect(faults).toEqual([]);
  });

  test(`names that no command has are one error in RESP${protocol}`, () => {
    const fixture = new ServerFixture("enable-debug-command yes");
    const faults: string[] = [];
    for (const hostile of [...LINE_ENDS, ...HOSTILE_STRINGS]) {
      for (const context of ["alone", "in MULTI", "in a script"] as const) {
        const commands = [
          ...[[hostile], [hostile, hostile], ["client", hostile, hostile], ["debug", hostile]],
          ...[
            ["debug", "object", hostile],
            ["debug", "listpack", hostile],
          ],
        ];
        for (const command of commands) {
          const found = fault(fixture, protocol, requestOf(command, context, ""));
          if (found !== "") faults.push(`${context} ${shown(command)}: ${found}`);
        }
      }
    }
    expect(faults).toEqual([]);
  });
}

test("an error that repeats line ends as they are is noticed", () => {
  const { error } = ReplyWriter.prototype;
  ReplyWriter.prototype.error = function (text) {
    this.errorCount++;
    this.raw(latin1Bytes(`-${text}\r\n`));
  };
  try {
    const fixture = new ServerFixture();
    const faults = LINE_ENDS.map((hostile) => {
      return fault(fixture, 3, requestOf([hostile], "alone", ""));
    });
    expect(faults.filter((found) => found !== "").length).toBeGreaterThan(5);
  } finally {
    ReplyWriter.prototype.error = error;
  }
});
