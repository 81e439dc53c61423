// COMMAND and its subcommands: what the server's commands are, derived from their entries.

import { globMatches, matchesEverything } from "../base/glob.ts";
import { latin1Bytes } from "../base/text.ts";
import { aclCategories } from "../command/introspection.ts";
import {
  writeAllDocs,
  writeCommandDocs,
  writeCommandInfo,
  writeKeyFlags,
} from "../command/introspection-replies.ts";
import { findKeys, KeyList, takesKeys } from "../command/key-extraction.ts";
import type { Command } from "../command/registry.ts";
import {
  type ArgumentSpec,
  type CommandSpec,
  defineFamily,
  LOADING,
  NO_MANDATORY_KEYS,
  STALE,
} from "../command/spec.ts";
import type { Context, Features } from "./features.ts";
import { replyHelp } from "./help.ts";

const commandNames: ArgumentSpec = {
  name: "command-name",
  type: "string",
  optional: true,
  multiple: true,
};

const commandLine: readonly ArgumentSpec[] = [
  { name: "command", type: "string" },
  { name: "arg", type: "string", optional: true, multiple: true },
];

const subcommands: readonly CommandSpec<Features>[] = [
  {
    name: "COUNT",
    arity: 2,
    flags: LOADING | STALE,
    since: "2.8.13",
    complexity: "O(1)",
    summary: "Counts the server's commands.",
    categories: ["connection"],
    run: commandCountCommand,
  },
  {
    name: "DOCS",
    arity: -2,
    flags: LOADING | STALE,
    since: "7.0.0",
    complexity: "O(N) where N is the number of commands to look up",
    summary: "Documents the named commands, or all of them.",
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    args: [commandNames],
    run: commandDocsCommand,
  },
  {
    name: "GETKEYS",
    arity: -3,
    flags: LOADING | STALE,
    since: "2.8.13",
    complexity: "O(N) where N is the number of arguments to the command",
    summary: "Tells which arguments of a command line are keys.",
    categories: ["connection"],
    args: commandLine,
    run: commandGetkeysCommand,
  },
  {
    name: "GETKEYSANDFLAGS",
    arity: -3,
    flags: LOADING | STALE,
    since: "7.0.0",
    complexity: "O(N) where N is the number of arguments to the command",
    summary: "Tells which arguments of a command line are keys and what happens to each.",
    categories: ["connection"],
    args: commandLine,
    run: commandGetkeysandflagsCommand,
  },
  {
    name: "HELP",
    arity: 2,
    flags: LOADING | STALE,
    since: "5.0.0",
    complexity: "O(1)",
    summary: "Lists the subcommands of COMMAND.",
    categories: ["connection"],
    run: commandHelpCommand,
  },
  {
    name: "INFO",
    arity: -2,
    flags: LOADING | STALE,
    since: "2.8.13",
    complexity: "O(N) where N is the number of commands to look up",
    summary: "Describes the named commands, or all of them, for client libraries.",
    history: [["7.0.0", "Allowed to be called with no argument to get info on all commands."]],
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    args: [commandNames],
    run: commandInfoCommand,
  },
  {
    name: "LIST",
    arity: -2,
    flags: LOADING | STALE,
    since: "7.0.0",
    complexity: "O(N) where N is the total number of Redis commands",
    summary: "Lists command names, all or those that a filter selects.",
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    args: [
      {
        name: "filterby",
        type: "oneof",
        token: "FILTERBY",
        optional: true,
        arguments: [
          { name: "module-name", type: "string", token: "MODULE" },
          { name: "category", type: "string", token: "ACLCAT" },
          { name: "pattern", type: "pattern", token: "PATTERN" },
        ],
      },
    ],
    run: commandListCommand,
  },
];

/** COMMAND; of the server group, like CONFIG and INFO. */
export const commandCommands = defineFamily<Features>("server", [
  {
    name: "COMMAND",
    arity: -1,
    flags: LOADING | STALE,
    since: "2.8.13",
    complexity: "O(N) where N is the total number of Redis commands",
    summary: "Describes every command of the server for client libraries.",
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    run: commandCommand,
    subcommands,
  },
]);

// COMMAND
function commandCommand(c: Context): void {
  const registry = c.server.registry;
  c.reply.array(registry.count);
  for (const command of registry) writeCommandInfo(c.reply, command);
}

// COMMAND COUNT
function commandCountCommand(c: Context): void {
  c.reply.integer(c.server.registry.count);
}

// COMMAND INFO [command-name ...]
function commandInfoCommand(c: Context): void {
  if (c.count === 2) return commandCommand(c);
  c.reply.array(c.count - 2);
  for (let index = 2; index < c.count; index++) {
    const command = findByFullName(c, index);
    if (command === undefined) c.reply.null();
    else writeCommandInfo(c.reply, command);
  }
}

// COMMAND DOCS [command-name ...]
function commandDocsCommand(c: Context): void {
  if (c.count === 2) return writeAllDocs(c.reply, c.server.registry);
  const found: Command[] = [];
  for (let index = 2; index < c.count; index++) {
    const command = findByFullName(c, index);
    if (command !== undefined) found.push(command);
  }
  c.reply.map(found.length);
  for (const command of found) writeCommandDocs(c.reply, command);
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
function commandListCommand(c: Context): void {
  const filter = listFilter(c);
  if (filter === undefined) return c.reply.syntaxError();
  const names: string[] = [];
  for (const command of allCommands(c)) if (filter(command)) names.push(command.fullName);
  c.reply.array(names.length);
  for (const name of names) c.reply.bulkText(name);
}

type Filter = (command: Command) => boolean;

/** The filter that COMMAND LIST was given; undefined after a syntax error. */
function listFilter(c: Context): Filter | undefined {
  if (c.count === 2) return () => true;
  if (c.count !== 5 || !c.is(2, "filterby")) return undefined;
  // There are no modules, so none has commands.
  if (c.is(3, "module")) return () => false;
  if (c.is(3, "aclcat")) {
    return (command) => aclCategories(command).some((category) => c.is(4, category));
  }
  if (c.is(3, "pattern")) return (command) => matchesPattern(c, 4, command.fullName);
  return undefined;
}

function matchesPattern(c: Context, index: number, name: string): boolean {
  const start = c.start(index);
  const end = c.end(index);
  if (matchesEverything(c.bytes, start, end)) return true;
  return globMatches(c.bytes, start, end, latin1Bytes(name), 0, name.length, true);
}

function* allCommands(c: Context): Generator<Command> {
  for (const command of c.server.registry) {
    yield command;
    if (command.subcommands !== undefined) yield* command.subcommands;
  }
}

const PIPE = 124;

/** Finds the command that an argument names: "get", "config|get". */
function findByFullName(c: Context, index: number): Command | undefined {
  const end = c.end(index);
  let split = c.start(index);
  while (split < end && c.bytes[split] !== PIPE) split++;
  const command = c.server.registry.find(c.bytes, c.start(index), split);
  if (split === end) return command;
  return command?.subcommands?.find(c.bytes, split + 1, end);
}

/** Where the command line starts that GETKEYS is asked about. */
const LINE = 2;

// COMMAND GETKEYS command [arg ...]
function commandGetkeysCommand(c: Context): void {
  const keys = findKeysOrReply(c);
  if (keys === undefined) return;
  c.reply.array(keys.count);
  for (let k = 0; k < keys.count; k++) replyArgument(c, keys.indexes[k]);
}

// COMMAND GETKEYSANDFLAGS command [arg ...]
function commandGetkeysandflagsCommand(c: Context): void {
  const keys = findKeysOrReply(c);
  if (keys === undefined) return;
  c.reply.array(keys.count);
  for (let k = 0; k < keys.count; k++) {
    c.reply.array(2);
    replyArgument(c, keys.indexes[k]);
    writeKeyFlags(c.reply, keys.flags[k]);
  }
}

function replyArgument(c: Context, index: number): void {
  c.reply.bulk(c.bytes, c.start(index), c.end(index));
}

/** Finds the keys of the command line in arguments LINE and on; undefined after an error. */
function findKeysOrReply(c: Context): KeyList | undefined {
  const keys = new KeyList();
  const command = commandOfLine(c, LINE);
  const count = c.count - LINE;
  if (command === undefined) {
    c.reply.error("ERR Invalid command specified");
  } else if (!takesKeys(command)) {
    c.reply.error("ERR The command has no key arguments");
  } else if (!command.acceptsCount(count)) {
    c.reply.error("ERR Invalid number of arguments specified for command");
  } else if (
    findKeys(command, c, LINE, count, keys) === 0 &&
    (command.flags & NO_MANDATORY_KEYS) === 0
  ) {
    c.reply.error("ERR Invalid arguments specified for command");
  } else {
    return keys;
  }
  return undefined;
}

/** The command or subcommand that the command line in arguments `line` and on calls. */
export function commandOfLine(c: Context, line: number): Command<Features> | undefined {
  const command = c.server.registry.find(c.bytes, c.start(line), c.end(line));
  const subcommands = command?.subcommands;
  if (subcommands === undefined || c.count === line + 1) return command;
  return subcommands.find(c.bytes, c.start(line + 1), c.end(line + 1));
}

// COMMAND HELP
function commandHelpCommand(c: Context): void {
  replyHelp(c, "COMMAND", [
    ["(no subcommand)", "Describe every command."],
    ["COUNT", "Tell how many commands there are."],
    ["LIST [FILTERBY <MODULE name|ACLCAT category|PATTERN glob>]", "List command names."],
    ["INFO [<command-name> ...]", "Describe the commands named, or all."],
    ["DOCS [<command-name> ...]", "Document the commands named, or all."],
    ["GETKEYS <full-command>", "Tell which arguments are keys."],
    ["GETKEYSANDFLAGS <full-command>", "Tell which arguments are keys and how they are used."],
  ]);
}
