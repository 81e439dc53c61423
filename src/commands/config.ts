// CONFIG: reads and changes the server's directives. What a directive is and takes stands in
// config/directives-*.ts.

import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import { ADMIN, defineFamily, LOADING, NOSCRIPT, STALE } from "../command/spec.ts";
import { rewriteConfigFile } from "../config/rewrite.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp } from "./help.ts";

const FLAGS = ADMIN | NOSCRIPT | LOADING | STALE;
const ON_ALL_NODES = ["request_policy:all_nodes", "response_policy:all_succeeded"];

export const configCommands = defineFamily<Features>("server", [
  {
    name: "CONFIG",
    arity: -2,
    flags: 0,
    since: "2.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about the server's configuration.",
    subcommands: [
      {
        name: "GET",
        arity: -3,
        flags: FLAGS,
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        summary: "Returns the values of directives whose names match patterns.",
        history: [["7.0.0", "Added the ability to pass multiple pattern parameters in one call"]],
        args: [{ name: "parameter", type: "string", multiple: true }],
        run: configGetCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: configHelpCommand,
      },
      {
        name: "RESETSTAT",
        arity: 2,
        flags: FLAGS,
        since: "2.0.0",
        complexity: "O(1)",
        summary: "Sets the server's statistics back.",
        tips: ON_ALL_NODES,
        run: configResetstatCommand,
      },
      {
        name: "REWRITE",
        arity: 2,
        flags: FLAGS,
        since: "2.8.0",
        complexity: "O(1)",
        summary: "Writes the present configuration into the file the server was started with.",
        tips: ON_ALL_NODES,
        run: configRewriteCommand,
      },
      {
        name: "SET",
        arity: -4,
        flags: FLAGS,
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        summary: "Changes directives of the running server, all of those given or none.",
        tips: ON_ALL_NODES,
        history: [["7.0.0", "Added the ability to set multiple parameters in one call."]],
        args: [
          {
            name: "data",
            type: "block",
            multiple: true,
            arguments: [
              { name: "parameter", type: "string" },
              { name: "value", type: "string" },
            ],
          },
        ],
        run: configSetCommand,
      },
    ],
  },
]);

// CONFIG GET parameter [parameter ...]
function configGetCommand(c: Context): void {
  const patterns: string[] = [];
  for (let k = 2; k < c.count; k++) patterns.push(c.latin1(k));
  const found = c.server.config.get(patterns);
  c.reply.map(found.length);
  for (const [name, value] of found) {
    c.reply.bulkBytes(latin1Bytes(name));
    c.reply.bulkBytes(latin1Bytes(value));
  }
}

// CONFIG SET parameter value [parameter value ...]
function configSetCommand(c: Context): void {
  if (c.count % 2 === 1) return c.reply.syntaxError();
  const pairs: [string, string][] = [];
  for (let k = 2; k < c.count; k += 2) pairs.push([c.latin1(k), c.latin1(k + 1)]);
  const error = c.server.config.set(pairs, {
    isLocal: isLocalClient(c.client),
    isLoading: c.server.persistence.loading,
  });
  if (error === undefined) c.reply.ok();
  else c.reply.error(error);
}

// CONFIG REWRITE
function configRewriteCommand(c: Context): void {
  const error = rewriteConfigFile(c.server.config);
  if (error === undefined) {
    c.server.logger.log(LOG_NOTICE, "CONFIG REWRITE executed with success.");
    return c.reply.ok();
  }
  c.server.logger.log(LOG_WARNING, `CONFIG REWRITE failed: ${error}`);
  c.reply.error(error);
}

// CONFIG RESETSTAT
function configResetstatCommand(c: Context): void {
  c.server.resetStatistics();
  c.reply.ok();
}

const HELP: readonly HelpEntry[] = [
  ["GET <pattern>", "Return the directives whose names match <pattern>, with their values."],
  ["SET <directive> <value>", "Give <directive> another <value>."],
  ["RESETSTAT", "Set the statistics that INFO reports back to zero."],
  ["REWRITE", "Write the present configuration into the configuration file."],
];

// CONFIG HELP
function configHelpCommand(c: Context): void {
  replyHelp(c, "CONFIG", HELP);
}

/** Whether a client is on this machine, for directives that only such may set. */
function isLocalClient(client: Client): boolean {
  const address = client.channel.remoteAddress;
  return client.isUnixSocket || address.startsWith("127.0.0.1:") || address.startsWith("[::1]:");
}
