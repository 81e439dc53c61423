// COMMAND INFO and COMMAND DOCS replies, written from the commands' entries. Cold.
//
// Shapes: INFO describes a command as an array of ten elements (name, arity, flags, first key, last
// key, step, ACL categories, tips, key specs, subcommands); DOCS as a map that has only the fields
// which say something.

import type { ReplyWriter } from "../resp/reply.ts";
import type { ServerContext } from "./context.ts";
import { aclCategories, commandFlagNames, keyFlagNames, legacyRange } from "./introspection.ts";
import type { Command, CommandRegistry } from "./registry.ts";
import type { ArgumentSpec, KeySpec } from "./spec.ts";

/** Writes a command as COMMAND INFO describes it. */
export function writeCommandInfo<S extends ServerContext>(
  reply: ReplyWriter,
  command: Command<S>,
): void {
  const { spec } = command;
  const range = legacyRange(spec.keys);
  reply.array(10);
  reply.bulkText(command.fullName);
  reply.integer(command.arity);
  writeNames(reply, commandFlagNames(spec));
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  writeNames(
    reply,
    aclCategories(command).map((category) => `@${category}`),
  );
  reply.set(spec.tips?.length ?? 0);
  for (const tip of spec.tips ?? []) reply.bulkText(tip);
  reply.set(spec.keys?.length ?? 0);
  for (const key of spec.keys ?? []) writeKeySpec(reply, key);
  // Without subcommands an empty set, with them an array.
  if (command.subcommands === undefined) return reply.set(0);
  reply.array(command.subcommands.count);
  for (const subcommand of command.subcommands) writeCommandInfo(reply, subcommand);
}

function writeNames(reply: ReplyWriter, names: readonly string[]): void {
  reply.set(names.length);
  for (const name of names) reply.simple(name);
}

/** Writes what a command does with a key, as COMMAND INFO and GETKEYSANDFLAGS show it. */
export function writeKeyFlags(reply: ReplyWriter, flags: number): void {
  writeNames(reply, keyFlagNames(flags));
}

function writeKeySpec(reply: ReplyWriter, key: KeySpec): void {
  reply.map(key.notes === undefined ? 3 : 4);
  if (key.notes !== undefined) writeText(reply, "notes", key.notes);
  reply.bulkText("flags");
  writeKeyFlags(reply, key.flags);
  reply.bulkText("begin_search");
  writeBegin(reply, key.begin);
  reply.bulkText("find_keys");
  writeFind(reply, key.find);
}

function writeBegin(reply: ReplyWriter, begin: KeySpec["begin"]): void {
  if (begin.type === "index") {
    writeSearch(reply, begin.type, [["index", begin.index]]);
  } else if (begin.type === "keyword") {
    writeSearch(reply, begin.type, [
      ["keyword", begin.keyword],
      ["startfrom", begin.startFrom],
    ]);
  } else {
    writeSearch(reply, begin.type, []);
  }
}

function writeFind(reply: ReplyWriter, find: KeySpec["find"]): void {
  if (find.type === "range") {
    writeSearch(reply, find.type, [
      ["lastkey", find.lastKey],
      ["keystep", find.step],
      ["limit", find.limit],
    ]);
  } else if (find.type === "keynum") {
    writeSearch(reply, find.type, [
      ["keynumidx", find.keynumIndex],
      ["firstkey", find.firstKey],
      ["keystep", find.step],
    ]);
  } else {
    writeSearch(reply, find.type, []);
  }
}

function writeSearch(
  reply: ReplyWriter,
  type: string,
  fields: readonly (readonly [name: string, value: string | number])[],
): void {
  reply.map(2);
  writeText(reply, "type", type);
  reply.bulkText("spec");
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name);
    if (typeof value === "string") reply.bulkText(value);
    else reply.integer(value);
  }
}

/** A field of a map, its value written later: the count of fields must be known first. */
type Field = readonly [name: string, write: () => void];

function writeFields(reply: ReplyWriter, fields: readonly Field[]): void {
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkText(name);
    write();
  }
}

function writeText(reply: ReplyWriter, name: string, value: string): void {
  reply.bulkText(name);
  reply.bulkText(value);
}

/** Writes a command as COMMAND DOCS describes it: its full name, then a map. */
export function writeCommandDocs<S extends ServerContext>(
  reply: ReplyWriter,
  command: Command<S>,
): void {
  const { spec, group, subcommands } = command;
  const fields: Field[] = [];
  const text = (name: string, value: string | undefined) => {
    if (value !== undefined) fields.push([name, () => reply.bulkText(value)]);
  };
  text("summary", spec.summary);
  text("since", spec.since);
  text("group", group);
  text("complexity", spec.complexity);
  const { docFlags, history, args } = spec;
  if (docFlags) fields.push(["doc_flags", () => writeNames(reply, docFlags)]);
  text("deprecated_since", spec.deprecatedSince);
  text("replaced_by", spec.replacedBy);
  if (history) fields.push(["history", () => writeHistory(reply, history)]);
  if (args) fields.push(["arguments", () => writeArguments(reply, args)]);
  if (subcommands) fields.push(["subcommands", () => writeAllDocs(reply, subcommands)]);
  reply.bulkText(command.fullName);
  writeFields(reply, fields);
}

/** Writes a map of every command of a registry. */
export function writeAllDocs<S extends ServerContext>(
  reply: ReplyWriter,
  commands: CommandRegistry<S>,
): void {
  reply.map(commands.count);
  for (const command of commands) writeCommandDocs(reply, command);
}

function writeHistory(
  reply: ReplyWriter,
  history: readonly (readonly [version: string, change: string])[],
): void {
  reply.set(history.length);
  for (const [version, change] of history) {
    reply.array(2);
    reply.bulkText(version);
    reply.bulkText(change);
  }
}

function writeArguments(reply: ReplyWriter, args: readonly ArgumentSpec[]): void {
  reply.array(args.length);
  for (const arg of args) writeArgument(reply, arg);
}

// Nesting is that of the entry, never of anything a client sent.
function writeArgument(reply: ReplyWriter, arg: ArgumentSpec): void {
  const fields: Field[] = [];
  const text = (name: string, value: string | undefined) => {
    if (value !== undefined) fields.push([name, () => reply.bulkText(value)]);
  };
  text("name", arg.name);
  text("type", arg.type);
  const isGroup = arg.type === "oneof" || arg.type === "block";
  if (!isGroup) text("display_text", arg.displayText ?? arg.name);
  const { keySpecIndex, arguments: inner } = arg;
  if (keySpecIndex !== undefined) {
    fields.push(["key_spec_index", () => reply.integer(keySpecIndex)]);
  }
  text("token", arg.token);
  text("summary", arg.summary);
  text("since", arg.since);
  text("deprecated_since", arg.deprecatedSince);
  const flags = argumentFlagNames(arg);
  if (flags.length > 0) fields.push(["flags", () => writeNames(reply, flags)]);
  if (inner) fields.push(["arguments", () => writeArguments(reply, inner)]);
  writeFields(reply, fields);
}

function argumentFlagNames(arg: ArgumentSpec): string[] {
  const names: string[] = [];
  if (arg.optional) names.push("optional");
  if (arg.multiple) names.push("multiple");
  if (arg.multipleToken) names.push("multiple_token");
  return names;
}
