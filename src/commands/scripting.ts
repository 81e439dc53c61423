// EVAL and its relatives, and SCRIPT.

import { latin1Bytes } from "../base/text.ts";
import { feedMonitors } from "../command/monitor.ts";
import {
  ACCESS,
  ALLOW_BUSY,
  type CommandSpec,
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
} from "../command/spec.ts";
import {
  flagsOfCall,
  parseShebang,
  SCRIPT_NO_WRITES,
  SCRIPT_UNDECLARED,
  type Script,
} from "../scripting/script.ts";
import { flushType, handedArguments, tokens } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp } from "./help.ts";

const EVAL_FLAGS = NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS;
/** Begins the notes on the keys of whatever runs a script. */
export const WORST = "We cannot tell how the keys will be used so we assume the worst, ";
const DEPENDS = "Depends on the script that is executed.";

const HELP: readonly HelpEntry[] = [
  ["DEBUG (YES|SYNC|NO)", "Set the debug mode for subsequent scripts executed."],
  [
    "EXISTS <sha1> [<sha1> ...]",
    "Return information about the existence of the scripts in the script cache.",
  ],
  [
    "FLUSH [ASYNC|SYNC]",
    "Flush the Lua scripts cache. Very dangerous on replicas.",
    "When called without the optional mode argument, the behavior is determined by the",
    "lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "* ASYNC: Asynchronously flush the scripts cache.",
    "* SYNC: Synchronously flush the scripts cache.",
  ],
  ["KILL", "Kill the currently executing Lua script."],
  ["LOAD <script>", "Load a script into the scripts cache without executing it."],
];

/** What the four commands that run a script have in common. */
function runningCommand(
  name: string,
  source: string,
  summary: string,
  keys: KeySpec,
  run: (c: Context) => void,
): CommandSpec<Features> {
  const isReadOnly = name.endsWith("_RO");
  return {
    name,
    arity: -3,
    flags: EVAL_FLAGS | (isReadOnly ? READONLY : MAY_REPLICATE),
    since: isReadOnly ? "7.0.0" : "2.6.0",
    complexity: DEPENDS,
    summary,
    keys: [keys],
    args: [{ name: source, type: "string" }, ...handedArguments],
    flagsOf: name.startsWith("EVALSHA") ? flagsOfEvalsha : flagsOfEval,
    run,
  };
}

function flagsOfEval(c: Context, flags: number): number {
  return flagsOfScript(flags, parseShebang(c.bytes.subarray(c.start(1), c.end(1))));
}

function flagsOfEvalsha(c: Context, flags: number): number {
  const script = c.server.scripting.scripts.find(c.bytes, c.start(1), c.end(1));
  return flagsOfScript(flags, script?.flags ?? SCRIPT_UNDECLARED);
}

/** The flags of a call of a script that declares these; a text says that it is not well-formed. */
function flagsOfScript(flags: number, declared: number | string): number {
  const isDeclared = typeof declared === "number" && (declared & SCRIPT_UNDECLARED) === 0;
  return isDeclared ? flagsOfCall(flags, declared) : flags;
}

export const scriptingCommands = defineFamily<Features>("scripting", [
  runningCommand(
    "EVAL",
    "script",
    "Runs a Lua script on the server.",
    { ...keysCounted(2, RW | ACCESS | UPDATE), notes: `${WORST}RW and UPDATE` },
    evalCommand,
  ),
  runningCommand(
    "EVALSHA",
    "sha1",
    "Runs a script that the server knows by its digest.",
    keysCounted(2, RW | ACCESS | UPDATE),
    evalshaCommand,
  ),
  runningCommand(
    "EVAL_RO",
    "script",
    "Runs a Lua script that changes nothing.",
    { ...keysCounted(2, RO | ACCESS), notes: `${WORST}RO and ACCESS` },
    evalCommand,
  ),
  runningCommand(
    "EVALSHA_RO",
    "sha1",
    "Runs a script that changes nothing, known by its digest.",
    keysCounted(2, RO | ACCESS),
    evalshaCommand,
  ),
  {
    name: "SCRIPT",
    arity: -2,
    flags: 0,
    since: "2.6.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands that manage cached scripts.",
    subcommands: [
      {
        name: "DEBUG",
        arity: 3,
        flags: NOSCRIPT,
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Chooses how scripts are debugged.",
        args: [{ name: "mode", type: "oneof", arguments: tokens("YES", "SYNC", "NO") }],
        run: scriptDebugCommand,
      },
      {
        name: "EXISTS",
        arity: -3,
        flags: NOSCRIPT,
        since: "2.6.0",
        complexity:
          "O(N) with N being the number of scripts to check (so checking a single script is an " +
          "O(1) operation).",
        summary: "Tells which scripts are known.",
        args: [{ name: "sha1", type: "string", multiple: true }],
        tips: ["request_policy:all_shards", "response_policy:agg_logical_and"],
        run: scriptExistsCommand,
      },
      {
        name: "FLUSH",
        arity: -2,
        flags: NOSCRIPT,
        since: "2.6.0",
        complexity: "O(N) with N being the number of scripts in cache",
        history: [["6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers."]],
        summary: "Forgets every script.",
        args: [{ ...flushType, since: "6.2.0" }],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: scriptFlushCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: scriptHelpCommand,
      },
      {
        name: "KILL",
        arity: 2,
        flags: NOSCRIPT | ALLOW_BUSY,
        since: "2.6.0",
        complexity: "O(1)",
        summary: "Ends the script that is running.",
        tips: ["request_policy:all_shards", "response_policy:one_succeeded"],
        run: scriptKillCommand,
      },
      {
        name: "LOAD",
        arity: 3,
        flags: NOSCRIPT | STALE,
        since: "2.6.0",
        complexity: "O(N) with N being the length in bytes of the script body.",
        summary: "Makes a script known without running it.",
        args: [{ name: "script", type: "string" }],
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: scriptLoadCommand,
      },
      {
        // Valkey's, and of its version 8.
        name: "SHOW",
        arity: 3,
        flags: NOSCRIPT | STALE,
        since: "8.0.0",
        complexity: "O(1).",
        summary: "Shows a script's source.",
        args: [{ name: "sha1", type: "string" }],
        run: scriptShowCommand,
      },
    ],
  },
]);

/** The count of keys in argument 2; NaN where an error was replied. */
function keyCountOrReply(c: Context): number {
  let count = c.integer(2);
  if (Number.isNaN(count)) count = Number(c.int64(2) ?? Number.NaN);
  if (Number.isNaN(count)) {
    c.reply.notAnInteger();
  } else if (count > c.count - 3) {
    c.reply.error("ERR Number of keys can't be greater than number of args");
  } else if (count < 0) {
    c.reply.error("ERR Number of keys can't be negative");
  } else return count;
  return Number.NaN;
}

function runScript(c: Context, script: Script, keyCount: number): void {
  const isReadOnly = (c.command.flags & READONLY) !== 0;
  const refusal = c.server.scripting.refusalToRun(script, isReadOnly);
  if (refusal !== "") return c.reply.error(refusal);
  const flags = isReadOnly ? script.flags | SCRIPT_NO_WRITES : script.flags;
  c.server.scripting.run(c, script, 3, keyCount, flags);
}

/** Shows a command that runs others before it does, so that they follow it. */
export function showToMonitors(c: Context): void {
  const { clock, monitors } = c.server;
  if (monitors.size > 0) feedMonitors(monitors, c, clock.wallUs());
}

// EVAL | EVAL_RO script numkeys [key ...] [arg ...]
function evalCommand(c: Context): void {
  showToMonitors(c);
  const keyCount = keyCountOrReply(c);
  if (Number.isNaN(keyCount)) return;
  const script = c.server.scripting.scriptOf(c, c.bytes, c.start(1), c.end(1), false);
  if (script !== undefined) runScript(c, script, keyCount);
}

// EVALSHA | EVALSHA_RO sha1 numkeys [key ...] [arg ...]
function evalshaCommand(c: Context): void {
  showToMonitors(c);
  const script = c.server.scripting.scripts.find(c.bytes, c.start(1), c.end(1));
  // A digest of the wrong length is refused before anything else is looked at.
  if (script === undefined && c.length(1) !== 40) return replyNoScript(c);
  const keyCount = keyCountOrReply(c);
  if (Number.isNaN(keyCount)) return;
  if (script === undefined) return replyNoScript(c);
  runScript(c, script, keyCount);
}

function replyNoScript(c: Context): void {
  c.reply.error("NOSCRIPT No matching script. Please use EVAL.");
}

// SCRIPT DEBUG YES | SYNC | NO
function scriptDebugCommand(c: Context): void {
  // There is no debugger to talk to: the mode changes nothing.
  if (c.is(2, "yes") || c.is(2, "sync") || c.is(2, "no")) c.reply.ok();
  else c.reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

// SCRIPT EXISTS sha1 [sha1 ...]
function scriptExistsCommand(c: Context): void {
  const { scripts } = c.server.scripting;
  c.reply.array(c.count - 2);
  for (let k = 2; k < c.count; k++) {
    c.reply.integer(scripts.find(c.bytes, c.start(k), c.end(k)) === undefined ? 0 : 1);
  }
}

// SCRIPT SHOW sha1
function scriptShowCommand(c: Context): void {
  const script = c.server.scripting.scripts.find(c.bytes, c.start(2), c.end(2));
  if (script === undefined) return c.reply.error("NOSCRIPT No matching script.");
  c.reply.bulk(script.body, 0, script.body.length);
}

// SCRIPT FLUSH [ASYNC | SYNC]
function scriptFlushCommand(c: Context): void {
  const isKnown = c.count === 2 || (c.count === 3 && (c.is(2, "async") || c.is(2, "sync")));
  if (!isKnown) return c.reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  c.server.scripting.flush();
  c.reply.ok();
}

// SCRIPT HELP
function scriptHelpCommand(c: Context): void {
  replyHelp(c, "SCRIPT", HELP);
}

// SCRIPT KILL
function scriptKillCommand(c: Context): void {
  const refusal = c.server.executions.kill(false);
  if (refusal === "") c.reply.ok();
  else c.reply.error(refusal);
}

// SCRIPT LOAD script
function scriptLoadCommand(c: Context): void {
  const script = c.server.scripting.scriptOf(c, c.bytes, c.start(2), c.end(2), true);
  if (script !== undefined) c.reply.bulkBytes(latin1Bytes(script.sha));
}
