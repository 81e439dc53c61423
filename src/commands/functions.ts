// FCALL and FCALL_RO, and FUNCTION: libraries of functions.

import { globMatches } from "../base/glob.ts";
import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  ALLOW_BUSY,
  type CommandSpec,
  DENYOOM,
  defineFamily,
  type KeySpec,
  keysCounted,
  LOADING,
  MAY_REPLICATE,
  NO_MANDATORY_KEYS,
  NOSCRIPT,
  READONLY,
  RO,
  RW,
  SKIP_MONITOR,
  STALE,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { dumpLibraries, isDumpPayload, readLibraries } from "../persistence/dump-payload.ts";
import { RdbError } from "../persistence/rdb-reader.ts";
import { type FunctionLibrary, LibraryError } from "../scripting/function-library.ts";
import {
  FILE_LOAD_TIMEOUT_MS,
  LOAD_TIMEOUT_MS,
  type RestorePolicy,
} from "../scripting/libraries.ts";
import { flagsOfCall, SCRIPT_NO_WRITES, scriptFlagNames } from "../scripting/script.ts";
import { flushType, handedArguments, tokens } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";
import { showToMonitors, WORST } from "./scripting.ts";

const CALL_FLAGS = NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS;

const HELP: readonly HelpEntry[] = [
  [
    "LOAD [REPLACE] <function-code>",
    "Make a library of its source, whose first line names it. With REPLACE it may take the place",
    "of a library of the same name.",
  ],
  ["DELETE <library-name>", "Forget a library and its functions."],
  [
    "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
    "Describe the libraries and their functions, WITHCODE with the sources; LIBRARYNAME selects by",
    "name.",
  ],
  ["STATS", "Describe the function that is running, if any, and count libraries and functions."],
  ["KILL", "End the function that is running, unless it has written."],
  ["FLUSH [ASYNC|SYNC]", "Forget all libraries, in the background or before the answer."],
  ["DUMP", "Return all libraries as bytes that RESTORE takes."],
  [
    "RESTORE <serialized-value> [FLUSH|APPEND|REPLACE]",
    "Make libraries of what DUMP returned. Libraries that are there are forgotten (FLUSH), must",
    "have other names (APPEND, the default) or are replaced by those of the same name (REPLACE).",
  ],
];

/** What FCALL and FCALL_RO have in common. */
function callingCommand(name: string, summary: string, keys: KeySpec): CommandSpec<Features> {
  const isReadOnly = name.endsWith("_RO");
  return {
    name,
    arity: -3,
    flags: CALL_FLAGS | (isReadOnly ? READONLY : MAY_REPLICATE),
    since: "7.0.0",
    complexity: "Depends on the function that is executed.",
    summary,
    keys: [{ ...keys, notes: `${WORST}${isReadOnly ? "RO and ACCESS" : "RW and UPDATE"}` }],
    args: [{ name: "function", type: "string" }, ...handedArguments],
    flagsOf: flagsOfFcall,
    run: fcallCommand,
  };
}

function flagsOfFcall(c: Context, flags: number): number {
  const called = c.server.libraries.find(c.bytes, c.start(1), c.end(1), c.hash(1));
  return called === undefined ? flags : flagsOfCall(flags, called.flags);
}

const toAllShards = ["request_policy:all_shards", "response_policy:all_succeeded"];

const subcommands: readonly CommandSpec<Features>[] = [
  {
    name: "DELETE",
    arity: 3,
    flags: WRITE | NOSCRIPT,
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Forgets a library and its functions.",
    args: [{ name: "library-name", type: "string" }],
    tips: toAllShards,
    run: functionDeleteCommand,
  },
  {
    name: "DUMP",
    arity: 2,
    flags: NOSCRIPT,
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions",
    summary: "Returns all libraries as bytes that FUNCTION RESTORE takes.",
    run: functionDumpCommand,
  },
  {
    name: "FLUSH",
    arity: -2,
    flags: WRITE | NOSCRIPT,
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions deleted",
    summary: "Forgets all libraries.",
    args: [flushType],
    tips: toAllShards,
    run: functionFlushCommand,
  },
  {
    name: "HELP",
    arity: 2,
    flags: LOADING | STALE,
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Explains the subcommands.",
    run: functionHelpCommand,
  },
  {
    name: "KILL",
    arity: 2,
    flags: NOSCRIPT | ALLOW_BUSY,
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Ends the function that is running.",
    tips: ["request_policy:all_shards", "response_policy:one_succeeded"],
    run: functionKillCommand,
  },
  {
    name: "LIST",
    arity: -2,
    flags: NOSCRIPT,
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions",
    summary: "Describes the libraries and their functions.",
    args: [
      { name: "library-name-pattern", type: "string", token: "LIBRARYNAME", optional: true },
      { name: "withcode", type: "pure-token", token: "WITHCODE", optional: true },
    ],
    tips: ["nondeterministic_output_order"],
    run: functionListCommand,
  },
  {
    name: "LOAD",
    arity: -3,
    flags: WRITE | DENYOOM | NOSCRIPT,
    since: "7.0.0",
    complexity: "O(1) (considering compilation time is redundant)",
    summary: "Makes a library of its source.",
    args: [
      { name: "replace", type: "pure-token", token: "REPLACE", optional: true },
      { name: "function-code", type: "string" },
    ],
    tips: toAllShards,
    run: functionLoadCommand,
  },
  {
    name: "RESTORE",
    arity: -3,
    flags: WRITE | DENYOOM | NOSCRIPT,
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions on the payload",
    summary: "Makes libraries of what FUNCTION DUMP returned.",
    args: [
      { name: "serialized-value", type: "string" },
      {
        name: "policy",
        type: "oneof",
        optional: true,
        arguments: tokens("FLUSH", "APPEND", "REPLACE"),
      },
    ],
    tips: toAllShards,
    run: functionRestoreCommand,
  },
  {
    name: "STATS",
    arity: 2,
    flags: NOSCRIPT | ALLOW_BUSY,
    since: "7.0.0",
    complexity: "O(1)",
    summary: "Describes the function that is running.",
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    run: functionStatsCommand,
  },
];

export const functionCommands = defineFamily<Features>("scripting", [
  callingCommand("FCALL", "Calls a function.", keysCounted(2, RW | ACCESS | UPDATE)),
  callingCommand("FCALL_RO", "Calls a function that changes nothing.", keysCounted(2, RO | ACCESS)),
  {
    name: "FUNCTION",
    arity: -2,
    flags: 0,
    since: "7.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands that manage libraries of functions.",
    subcommands,
  },
]);

// FCALL | FCALL_RO function numkeys [key ...] [arg ...]
function fcallCommand(c: Context): void {
  // Before the commands that it calls.
  showToMonitors(c);
  const { libraries } = c.server;
  const called = libraries.find(c.bytes, c.start(1), c.end(1), c.hash(1));
  if (called === undefined) return c.reply.error("ERR Function not found");
  const keyCount = Number.isNaN(c.integer(2)) ? Number(c.int64(2) ?? Number.NaN) : c.integer(2);
  if (Number.isNaN(keyCount)) return c.reply.error("ERR Bad number of keys provided");
  if (keyCount > c.count - 3) {
    return c.reply.error("ERR Number of keys can't be greater than number of args");
  }
  if (keyCount < 0) return c.reply.error("ERR Number of keys can't be negative");
  const isReadOnly = (c.command.flags & READONLY) !== 0;
  const refusal = libraries.refusalToRun(called, isReadOnly);
  if (refusal !== "") return c.reply.error(refusal);
  const flags = isReadOnly ? called.flags | SCRIPT_NO_WRITES : called.flags;
  libraries.call(c, called, 3, keyCount, flags);
}

/** Does what may throw a LibraryError or an RdbError, which is replied; whether it did not. */
function isDone(c: Context, act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof LibraryError || error instanceof RdbError)) throw error;
    c.reply.error(`ERR ${error.message}`);
    return false;
  }
}

// FUNCTION LOAD [REPLACE] function-code
function functionLoadCommand(c: Context): void {
  for (let index = 2; index < c.count - 1; index++) {
    if (!c.is(index, "replace")) {
      return c.reply.error(`ERR Unknown option given: ${c.latin1(index)}`);
    }
  }
  const { libraries, persistence } = c.server;
  // The log has only what has been loaded before.
  const timeoutMs = persistence.loading ? FILE_LOAD_TIMEOUT_MS : LOAD_TIMEOUT_MS;
  let name = "";
  if (
    isDone(c, () => {
      name = libraries.load(c.copy(c.count - 1), c.count > 3, timeoutMs);
    })
  ) {
    c.effects.changed();
    c.reply.bulkBytes(latin1Bytes(name));
  }
}

// FUNCTION DELETE library-name
function functionDeleteCommand(c: Context): void {
  if (!c.server.libraries.delete(c.latin1(2))) return c.reply.error("ERR Library not found");
  c.effects.changed();
  c.reply.ok();
}

// FUNCTION FLUSH [ASYNC | SYNC]
function functionFlushCommand(c: Context): void {
  if (c.count > 3) return replyWrongSubcommand(c, "FUNCTION");
  if (c.count === 3 && !c.is(2, "async") && !c.is(2, "sync")) {
    return c.reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  c.server.libraries.clear();
  c.effects.changed();
  c.reply.ok();
}

// FUNCTION DUMP
function functionDumpCommand(c: Context): void {
  c.reply.bulkBytes(dumpLibraries(c.server.libraries.sources));
}

// FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]
function functionRestoreCommand(c: Context): void {
  if (c.count > 4) return replyWrongSubcommand(c, "FUNCTION");
  const policy = policyOf(c);
  if (policy === undefined) {
    return c.reply.error(
      "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
    );
  }
  const payload = c.copy(2);
  if (!isDumpPayload(payload, 0, payload.length, c.server.debugSettings.skipsChecksums)) {
    return c.reply.error("ERR DUMP payload version or checksum are wrong");
  }
  if (!isDone(c, () => c.server.libraries.restore(readLibraries(payload), policy))) return;
  c.effects.changed();
  c.reply.ok();
}

/** What RESTORE's argument 3 asks for; undefined where it is no such word. */
function policyOf(c: Context): RestorePolicy | undefined {
  if (c.count === 3 || c.is(3, "append")) return "append";
  if (c.is(3, "flush")) return "flush";
  return c.is(3, "replace") ? "replace" : undefined;
}

// FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]
function functionListCommand(c: Context): void {
  let withCode = false;
  let pattern: Uint8Array | undefined;
  for (let index = 2; index < c.count; index++) {
    if (!withCode && c.is(index, "withcode")) withCode = true;
    else if (pattern === undefined && c.is(index, "libraryname")) {
      if (++index >= c.count) return c.reply.error("ERR library name argument was not given");
      pattern = c.copy(index);
    } else return c.reply.error(`ERR Unknown argument ${c.latin1(index)}`);
  }
  const mark = c.reply.openArray();
  let count = 0;
  for (const library of c.server.libraries.all) {
    if (pattern !== undefined && !matches(pattern, library.name)) continue;
    count++;
    replyLibrary(c, library, withCode);
  }
  c.reply.closeArray(mark, count);
}

function matches(pattern: Uint8Array, name: string): boolean {
  return globMatches(pattern, 0, pattern.length, latin1Bytes(name), 0, name.length, true);
}

function replyLibrary(c: Context, library: FunctionLibrary, withCode: boolean): void {
  const { reply } = c;
  reply.map(withCode ? 4 : 3);
  reply.bulkText("library_name");
  reply.bulkText(library.name);
  reply.bulkText("engine");
  reply.bulkText("LUA");
  reply.bulkText("functions");
  reply.array(library.functions.size);
  for (const { label, description, flags } of library.functions.values()) {
    reply.map(3);
    reply.bulkText("name");
    reply.bulkText(label);
    reply.bulkText("description");
    if (description === undefined) reply.null();
    else reply.bulkBytes(description);
    reply.bulkText("flags");
    const names = scriptFlagNames(flags);
    reply.set(names.length);
    for (const name of names) reply.simple(name);
  }
  if (!withCode) return;
  reply.bulkText("library_code");
  reply.bulkBytes(library.code);
}

// FUNCTION STATS
function functionStatsCommand(c: Context): void {
  const { executions, libraries } = c.server;
  const { reply } = c;
  const { running } = executions;
  if (running?.script.isFunction === false) return reply.error(executions.busyText);
  reply.map(2);
  reply.bulkText("running_script");
  if (running === undefined) reply.null();
  else {
    reply.map(3);
    reply.bulkText("name");
    reply.bulkText(running.script.label);
    reply.bulkText("command");
    reply.array(running.words.length);
    for (const word of running.words) reply.bulkBytes(word);
    reply.bulkText("duration_ms");
    reply.integer(running.milliseconds);
  }
  reply.bulkText("engines");
  reply.map(1);
  reply.bulkText("LUA");
  reply.map(2);
  reply.bulkText("libraries_count");
  reply.integer(libraries.libraryCount);
  reply.bulkText("functions_count");
  reply.integer(libraries.functionCount);
}

// FUNCTION KILL
function functionKillCommand(c: Context): void {
  const refusal = c.server.executions.kill(true);
  if (refusal === "") c.reply.ok();
  else c.reply.error(refusal);
}

// FUNCTION HELP
function functionHelpCommand(c: Context): void {
  replyHelp(c, "FUNCTION", HELP);
}
