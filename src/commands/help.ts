// The shape of every HELP subcommand's reply.

import type { Context } from "./features.ts";

/** One subcommand in a HELP reply: how it is written, and what it does, line by line. */
export type HelpEntry = readonly [syntax: string, ...explanation: string[]];

/** Replies with the subcommands of a container, HELP itself added, as an array of lines. */
export function replyHelp(c: Context, container: string, entries: readonly HelpEntry[]): void {
  const lines = [`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const [syntax, ...explanation] of [...entries, HELP_ENTRY]) {
    lines.push(syntax);
    for (const line of explanation) lines.push(`    ${line}`);
  }
  c.reply.array(lines.length);
  for (const line of lines) c.reply.simple(line);
}

const HELP_ENTRY: HelpEntry = ["HELP", "Print this help."];

/** The error for a subcommand that exists, called with a count of arguments it does not take. */
export function replyWrongSubcommand(c: Context, container: string): void {
  const name = c.latin1(1).slice(0, 128);
  c.reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${name}'. Try ${container} HELP.`,
  );
}
