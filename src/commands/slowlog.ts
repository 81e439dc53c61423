// SLOWLOG, and Valkey's COMMANDLOG, which adds logs of large requests and replies.

import type { EntryLog } from "../command/slowlog.ts";
import { ADMIN, type ArgumentSpec, defineFamily, LOADING, STALE } from "../command/spec.ts";
import { tokens } from "./argument-specs.ts";
import { shownAttribute } from "./client-attributes.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";

const DEFAULT_COUNT = 10;

const logType: ArgumentSpec = {
  name: "type",
  type: "oneof",
  arguments: tokens("SLOW", "LARGE-REQUEST", "LARGE-REPLY"),
};

export const slowlogCommands = defineFamily<Features>("server", [
  {
    name: "SLOWLOG",
    arity: -2,
    flags: 0,
    since: "2.2.12",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about slow commands.",
    subcommands: [
      {
        name: "GET",
        arity: -2,
        flags: ADMIN | LOADING | STALE,
        since: "2.2.12",
        complexity: "O(N) where N is the number of entries returned",
        summary: "Returns the newest entries of the slow log.",
        tips: ["request_policy:all_nodes", "nondeterministic_output"],
        history: [["4.0.0", "Added client IP address, port and name to the reply."]],
        args: [{ name: "count", type: "integer", optional: true }],
        run: slowlogGetCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: slowlogHelpCommand,
      },
      {
        name: "LEN",
        arity: 2,
        flags: ADMIN | LOADING | STALE,
        since: "2.2.12",
        complexity: "O(1)",
        summary: "Counts the entries of the slow log.",
        tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        run: slowlogLenCommand,
      },
      {
        name: "RESET",
        arity: 2,
        flags: ADMIN | LOADING | STALE,
        since: "2.2.12",
        complexity: "O(N) where N is the number of entries in the slowlog",
        summary: "Empties the slow log.",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        run: slowlogResetCommand,
      },
    ],
  },
  {
    name: "COMMANDLOG",
    arity: -2,
    flags: 0,
    since: "8.1.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about slow and large commands.",
    subcommands: [
      {
        name: "GET",
        arity: 4,
        flags: ADMIN | LOADING | STALE,
        since: "8.1.0",
        complexity: "O(N) where N is the number of entries returned",
        summary: "Returns the newest entries of a command log.",
        tips: ["request_policy:all_nodes", "nondeterministic_output"],
        args: [{ name: "count", type: "integer" }, logType],
        run: commandlogGetCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "8.1.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: commandlogHelpCommand,
      },
      {
        name: "LEN",
        arity: 3,
        flags: ADMIN | LOADING | STALE,
        since: "8.1.0",
        complexity: "O(1)",
        summary: "Counts the entries of a command log.",
        tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        args: [logType],
        run: commandlogLenCommand,
      },
      {
        name: "RESET",
        arity: 3,
        flags: ADMIN | LOADING | STALE,
        since: "8.1.0",
        complexity: "O(N) where N is the number of entries in the commandlog",
        summary: "Empties a command log.",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        args: [logType],
        run: commandlogResetCommand,
      },
    ],
  },
]);

// SLOWLOG GET [count]
function slowlogGetCommand(c: Context): void {
  if (c.count > 3) return replyWrongSubcommand(c, "SLOWLOG");
  const log = c.server.commandLog.slow;
  if (c.count === 2) return replyEntries(c, log, DEFAULT_COUNT);
  const count = countOrReply(c, log);
  if (count !== undefined) replyEntries(c, log, count);
}

// SLOWLOG LEN
function slowlogLenCommand(c: Context): void {
  c.reply.integer(c.server.commandLog.slow.length);
}

// SLOWLOG RESET
function slowlogResetCommand(c: Context): void {
  c.server.commandLog.slow.clear();
  c.reply.ok();
}

// COMMANDLOG GET count SLOW | LARGE-REQUEST | LARGE-REPLY
function commandlogGetCommand(c: Context): void {
  const log = logOrReply(c, 3);
  if (log === undefined) return;
  const count = countOrReply(c, log);
  if (count !== undefined) replyEntries(c, log, count);
}

// COMMANDLOG LEN SLOW | LARGE-REQUEST | LARGE-REPLY
function commandlogLenCommand(c: Context): void {
  const log = logOrReply(c, 2);
  if (log !== undefined) c.reply.integer(log.length);
}

// COMMANDLOG RESET SLOW | LARGE-REQUEST | LARGE-REPLY
function commandlogResetCommand(c: Context): void {
  const log = logOrReply(c, 2);
  if (log === undefined) return;
  log.clear();
  c.reply.ok();
}

/** The log that an argument names, or undefined after an error reply. */
function logOrReply(c: Context, index: number): EntryLog | undefined {
  const logs = c.server.commandLog;
  if (c.is(index, "slow")) return logs.slow;
  if (c.is(index, "large-request")) return logs.largeRequest;
  if (c.is(index, "large-reply")) return logs.largeReply;
  c.reply.error("ERR type should be one of the following: slow, large-request, large-reply");
  return undefined;
}

/** Argument 2 as a number of entries, -1 for all; undefined after an error reply. */
function countOrReply(c: Context, log: EntryLog): number | undefined {
  const count = c.int64(2);
  if (count === undefined || count < -1n) {
    c.reply.error("ERR count should be greater than or equal to -1");
    return undefined;
  }
  return count === -1n ? log.length : Number(count);
}

function replyEntries(c: Context, log: EntryLog, count: number): void {
  const entries = log.newest(count);
  const reply = c.reply;
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.seconds);
    reply.integer(entry.value);
    reply.array(entry.arguments.length);
    for (const argument of entry.arguments) reply.bulkBytes(argument);
    reply.bulkText(entry.clientAddress);
    reply.bulkText(shownAttribute(entry.clientName));
  }
}

const ENTRY_FORM = [
  "An entry is made of:",
  "identifier, Unix time, microseconds taken, array of arguments, client's address,",
  "client's name",
] as const;

const SLOWLOG_HELP: readonly HelpEntry[] = [
  ["GET [<count>]", "Return the newest <count> entries (default: 10, -1 for all).", ...ENTRY_FORM],
  ["LEN", "Return the number of entries."],
  ["RESET", "Forget all entries."],
];

// SLOWLOG HELP
function slowlogHelpCommand(c: Context): void {
  replyHelp(c, "SLOWLOG", SLOWLOG_HELP);
}

const COMMANDLOG_HELP: readonly HelpEntry[] = [
  [
    "GET <count> <type>",
    "Return the newest <count> entries of a log (-1 for all).",
    "<type> is slow, large-request or large-reply. An entry is made of:",
    "identifier, Unix time, microseconds taken (slow) or bytes, array of arguments,",
    "client's address, client's name",
  ],
  ["LEN <type>", "Return the number of entries of a log."],
  ["RESET <type>", "Forget all entries of a log."],
];

// COMMANDLOG HELP
function commandlogHelpCommand(c: Context): void {
  replyHelp(c, "COMMANDLOG", COMMANDLOG_HELP);
}
