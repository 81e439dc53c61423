// ACL: what users may do. What rules mean stands in acl/rules.ts; the subcommands about users are
// in acl-users.ts, those about the ACL file in acl-files.ts.

import { type AccessEntry, DENIAL_NAMES } from "../acl/access-log.ts";
import { PERMITTED } from "../acl/permission-check.ts";
import { cText } from "../acl/rules.ts";
import { randomHex } from "../base/random.ts";
import { latin1Bytes } from "../base/text.ts";
import { ACL_CATEGORIES } from "../command/introspection.ts";
import { ADMIN, defineFamily, LOADING, NOSCRIPT, STALE } from "../command/spec.ts";
import { denialText } from "./acl-denials.ts";
import { aclLoadCommand, aclSaveCommand } from "./acl-files.ts";
import {
  aclDeluserCommand,
  aclGetuserCommand,
  aclListCommand,
  aclSetuserCommand,
  aclUsersCommand,
} from "./acl-users.ts";
import { commandOfLine } from "./command.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";

const FOR_ALL = NOSCRIPT | LOADING | STALE;
const FOR_ADMINS = FOR_ALL | ADMIN;
const ON_ALL_NODES = ["request_policy:all_nodes", "response_policy:all_succeeded"];

const ENTRIES_SHOWN = 10;
const NAME_BYTES_SHOWN = 128;
const PASSWORD_BITS = 256;
const PASSWORD_BITS_MAX = 4096;

export const aclCommands = defineFamily<Features>("server", [
  {
    name: "ACL",
    arity: -2,
    flags: 0,
    since: "6.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about users and what they may do.",
    subcommands: [
      {
        name: "CAT",
        arity: -2,
        flags: FOR_ALL,
        since: "6.0.0",
        complexity: "O(1) since the categories and commands are a fixed set.",
        summary: "Lists the categories of commands, or the commands of one.",
        args: [{ name: "category", type: "string", optional: true }],
        run: aclCatCommand,
      },
      {
        name: "DELUSER",
        arity: -3,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(1) amortized time considering the typical user.",
        summary: "Removes users and closes their connections.",
        tips: ON_ALL_NODES,
        args: [{ name: "username", type: "string", multiple: true }],
        run: aclDeluserCommand,
      },
      {
        name: "DRYRUN",
        arity: -4,
        flags: FOR_ADMINS,
        since: "7.0.0",
        complexity: "O(1).",
        summary: "Tells whether a user may run a command, without running it.",
        args: [
          { name: "username", type: "string" },
          { name: "command", type: "string" },
          { name: "arg", type: "string", optional: true, multiple: true },
        ],
        run: aclDryrunCommand,
      },
      {
        name: "GENPASS",
        arity: -2,
        flags: FOR_ALL,
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Makes up a password that nobody can guess.",
        args: [{ name: "bits", type: "integer", optional: true }],
        run: aclGenpassCommand,
      },
      {
        name: "GETUSER",
        arity: 3,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity:
          "O(N). Where N is the number of password, command and pattern rules that the user has.",
        summary: "Describes a user.",
        history: [
          ["6.2.0", "Added Pub/Sub channel patterns."],
          [
            "7.0.0",
            "Added selectors and changed the format of key and channel patterns from a list to " +
              "their rule representation.",
          ],
        ],
        args: [{ name: "username", type: "string" }],
        run: aclGetuserCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: aclHelpCommand,
      },
      {
        name: "LIST",
        arity: 2,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Lists users as the lines of an ACL file that make them.",
        run: aclListCommand,
      },
      {
        name: "LOAD",
        arity: 2,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Reads the users from the ACL file anew.",
        run: aclLoadCommand,
      },
      {
        name: "LOG",
        arity: -2,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N) with N being the number of entries shown.",
        summary: "Lists what was denied to whom of late.",
        history: [["7.2.0", "Added entry ID, timestamp created, and timestamp last updated."]],
        args: [
          {
            name: "operation",
            type: "oneof",
            optional: true,
            arguments: [
              { name: "count", type: "integer" },
              { name: "reset", type: "pure-token", token: "RESET" },
            ],
          },
        ],
        run: aclLogCommand,
      },
      {
        name: "SAVE",
        arity: 2,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Writes the users to the ACL file.",
        tips: ON_ALL_NODES,
        run: aclSaveCommand,
      },
      {
        name: "SETUSER",
        arity: -3,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of rules provided.",
        summary: "Makes a user, or changes what it may do.",
        tips: ON_ALL_NODES,
        history: [
          ["6.2.0", "Added Pub/Sub channel patterns."],
          ["7.0.0", "Added selectors and key based permissions."],
        ],
        args: [
          { name: "username", type: "string" },
          { name: "rule", type: "string", optional: true, multiple: true },
        ],
        run: aclSetuserCommand,
      },
      {
        name: "USERS",
        arity: 2,
        flags: FOR_ADMINS,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Lists the names of users.",
        run: aclUsersCommand,
      },
      {
        name: "WHOAMI",
        arity: 2,
        flags: FOR_ALL,
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Tells who the client is.",
        run: aclWhoamiCommand,
      },
    ],
  },
]);

// ACL CAT [category]
function aclCatCommand(c: Context): void {
  if (c.count > 3) return replyWrongSubcommand(c, "ACL");
  if (c.count === 2) return replyTexts(c, ACL_CATEGORIES);
  const commands = c.server.acl.index.category(c.latin1(2));
  if (commands === undefined) {
    const name = cText(c.latin1(2)).slice(0, NAME_BYTES_SHOWN);
    return c.reply.error(`ERR Unknown category '${name}'`);
  }
  replyTexts(
    c,
    commands.map(({ fullName }) => fullName),
  );
}

function replyTexts(c: Context, texts: readonly string[]): void {
  c.reply.array(texts.length);
  for (const text of texts) c.reply.bulkText(text);
}

/** Where the command line of DRYRUN starts. */
const LINE = 3;

// ACL DRYRUN username command [arg ...]
function aclDryrunCommand(c: Context): void {
  const { acl } = c.server;
  const user = acl.find(c.latin1(2));
  if (user === undefined) return c.reply.error(`ERR User '${cText(c.latin1(2))}' not found`);
  const command = commandOfLine(c, LINE);
  if (command === undefined)
    return c.reply.error(`ERR Command '${cText(c.latin1(LINE))}' not found`);
  const count = c.count - LINE;
  if (!command.acceptsCount(count)) {
    return c.reply.error(`ERR wrong number of arguments for '${command.fullName}' command`);
  }
  const answer = acl.check.check(user, command, c, LINE, count);
  if (answer === PERMITTED) return c.reply.ok();
  const text = denialText(answer, user.name, command, c.latin1(acl.check.deniedIndex));
  c.reply.bulkBytes(latin1Bytes(text));
}

// ACL GENPASS [bits]
function aclGenpassCommand(c: Context): void {
  if (c.count > 3) return replyWrongSubcommand(c, "ACL");
  let bits = PASSWORD_BITS;
  if (c.count === 3) {
    const asked = c.int64(2);
    if (asked === undefined) return c.reply.notAnInteger();
    if (asked <= 0n || asked > PASSWORD_BITS_MAX) {
      return c.reply.error(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive " +
          `number up to ${PASSWORD_BITS_MAX}`,
      );
    }
    bits = Number(asked);
  }
  c.reply.bulkText(randomHex(c.server.secrets, Math.ceil(bits / 4)));
}

// ACL LOG [count | RESET]
function aclLogCommand(c: Context): void {
  if (c.count > 3) return replyWrongSubcommand(c, "ACL");
  const { log } = c.server.acl;
  let count = ENTRIES_SHOWN;
  if (c.count === 3) {
    if (c.is(2, "reset")) {
      log.clear();
      return c.reply.ok();
    }
    const asked = c.int64(2);
    if (asked === undefined) return c.reply.notAnInteger();
    count = Math.max(0, Number(asked));
  }
  const entries = log.entries.slice(0, count);
  const nowMs = c.server.clock.wallMs();
  c.reply.array(entries.length);
  for (const entry of entries) replyEntry(c, entry, nowMs);
}

function replyEntry(c: Context, entry: AccessEntry, nowMs: number): void {
  const { reply } = c;
  const text = (name: string, value: string) => {
    reply.bulkText(name);
    reply.bulkBytes(latin1Bytes(value));
  };
  const integer = (name: string, value: number) => {
    reply.bulkText(name);
    reply.integer(value);
  };
  reply.map(10);
  integer("count", entry.count);
  text("reason", DENIAL_NAMES[entry.denial]);
  text("context", entry.context);
  text("object", entry.object);
  text("username", entry.user);
  reply.bulkText("age-seconds");
  reply.double((nowMs - entry.updatedMs) / 1000);
  text("client-info", entry.clientInfo);
  integer("entry-id", entry.id);
  integer("timestamp-created", entry.createdMs);
  integer("timestamp-last-updated", entry.updatedMs);
}

// ACL WHOAMI
function aclWhoamiCommand(c: Context): void {
  c.reply.bulkBytes(latin1Bytes(c.client.user.name));
}

const HELP: readonly HelpEntry[] = [
  ["CAT [<category>]", "List the commands of a category, or all categories."],
  ["DELUSER <username> [<username> ...]", "Remove users and close their connections."],
  ["DRYRUN <username> <command> [<arg> ...]", "Tell whether a user may run a command."],
  ["GETUSER <username>", "Describe a user."],
  ["GENPASS [<bits>]", "Make up a password, of 256 bits unless told otherwise."],
  ["LIST", "List users as lines of an ACL file."],
  ["LOAD", "Read the users from the ACL file anew."],
  ["LOG [<count> | RESET]", "List what was denied, or forget it."],
  ["SAVE", "Write the users to the ACL file."],
  ["SETUSER <username> [<rule> ...]", "Make a user, or change what it may do."],
  ["USERS", "List the names of users."],
  ["WHOAMI", "Tell who the client is."],
];

// ACL HELP
function aclHelpCommand(c: Context): void {
  replyHelp(c, "ACL", HELP);
}
