// The CLIENT family's table. Its handlers: names in client-attributes.ts, closing clients in
// client-kill.ts, describing them in client-line.ts, switches in client-switches.ts, tracking in
// client-tracking.ts.

import { ADMIN, defineFamily, LOADING, NOSCRIPT, STALE } from "../command/spec.ts";
import {
  clientGetnameCommand,
  clientSetinfoCommand,
  clientSetnameCommand,
} from "./client-attributes.ts";
import { clientKillCommand, clientUnblockCommand } from "./client-kill.ts";
import { clientInfoCommand, clientListCommand } from "./client-line.ts";
import {
  clientIdCommand,
  clientNoEvictCommand,
  clientNoTouchCommand,
  clientPauseCommand,
  clientReplyCommand,
  clientUnpauseCommand,
} from "./client-switches.ts";
import {
  clientCachingCommand,
  clientGetredirCommand,
  clientTrackingCommand,
  clientTrackinginfoCommand,
} from "./client-tracking.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp } from "./help.ts";

export const clientCommands = defineFamily<Features>("connection", [
  {
    name: "CLIENT",
    arity: -2,
    flags: 0,
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about client connections.",
    subcommands: [
      {
        name: "CACHING",
        arity: 3,
        flags: NOSCRIPT | LOADING | STALE,
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Says whether to track the keys of the next command.",
        args: [
          {
            name: "mode",
            type: "oneof",
            arguments: [
              { name: "yes", type: "pure-token", token: "YES" },
              { name: "no", type: "pure-token", token: "NO" },
            ],
          },
        ],
        run: clientCachingCommand,
      },
      {
        name: "GETNAME",
        arity: 2,
        flags: NOSCRIPT | LOADING | STALE,
        since: "2.6.9",
        complexity: "O(1)",
        summary: "Returns the connection's name.",
        run: clientGetnameCommand,
      },
      {
        name: "GETREDIR",
        arity: 2,
        flags: NOSCRIPT | LOADING | STALE,
        since: "6.0.0",
        complexity: "O(1)",
        summary: "Returns the client that gets this connection's invalidation messages.",
        run: clientGetredirCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: clientHelpCommand,
      },
      {
        name: "ID",
        arity: 2,
        flags: NOSCRIPT | LOADING | STALE,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Returns the connection's identifier.",
        run: clientIdCommand,
      },
      {
        name: "INFO",
        arity: 2,
        flags: NOSCRIPT | LOADING | STALE,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Describes this connection.",
        tips: ["nondeterministic_output"],
        run: clientInfoCommand,
      },
      {
        name: "KILL",
        arity: -3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        summary: "Closes connections.",
        history: [
          ["2.8.12", "Added new filter format."],
          ["2.8.12", "`ID` option."],
          ["3.2.0", "Added `master` type in for `TYPE` option."],
          [
            "5.0.0",
            "Replaced `slave` `TYPE` with `replica`. `slave` still supported for " +
              "backward compatibility.",
          ],
          ["6.2.0", "`LADDR` option."],
          ["7.4.0", "`MAXAGE` option."],
        ],
        args: [
          {
            name: "filter",
            type: "oneof",
            arguments: [
              {
                name: "old-format",
                type: "string",
                displayText: "ip:port",
                deprecatedSince: "2.8.12",
              },
              {
                name: "new-format",
                type: "oneof",
                multiple: true,
                arguments: [
                  {
                    name: "client-id",
                    type: "integer",
                    token: "ID",
                    since: "2.8.12",
                    optional: true,
                  },
                  {
                    name: "client-type",
                    type: "oneof",
                    token: "TYPE",
                    since: "2.8.12",
                    optional: true,
                    arguments: [
                      { name: "normal", type: "pure-token", token: "NORMAL" },
                      { name: "master", type: "pure-token", token: "MASTER", since: "3.2.0" },
                      { name: "slave", type: "pure-token", token: "SLAVE" },
                      { name: "replica", type: "pure-token", token: "REPLICA", since: "5.0.0" },
                      { name: "pubsub", type: "pure-token", token: "PUBSUB" },
                    ],
                  },
                  { name: "username", type: "string", token: "USER", optional: true },
                  {
                    name: "addr",
                    type: "string",
                    displayText: "ip:port",
                    token: "ADDR",
                    optional: true,
                  },
                  {
                    name: "laddr",
                    type: "string",
                    displayText: "ip:port",
                    token: "LADDR",
                    since: "6.2.0",
                    optional: true,
                  },
                  {
                    name: "skipme",
                    type: "oneof",
                    token: "SKIPME",
                    optional: true,
                    arguments: [
                      { name: "yes", type: "pure-token", token: "YES" },
                      { name: "no", type: "pure-token", token: "NO" },
                    ],
                  },
                  {
                    name: "maxage",
                    type: "integer",
                    token: "MAXAGE",
                    since: "7.4.0",
                    optional: true,
                  },
                ],
              },
            ],
          },
        ],
        run: clientKillCommand,
      },
      {
        name: "LIST",
        arity: -2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        summary: "Describes the open connections.",
        tips: ["nondeterministic_output"],
        history: [
          ["2.8.12", "Added unique client `id` field."],
          ["5.0.0", "Added optional `TYPE` filter."],
          ["6.0.0", "Added `user` field."],
          [
            "6.2.0",
            "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.",
          ],
          ["7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."],
          ["7.0.3", "Added `ssub` field."],
          ["7.2.0", "Added `lib-name` and `lib-ver` fields."],
          ["7.4.0", "Added `watch` field."],
          ["8.0.0", "Added `io-thread` field."],
        ],
        args: [
          {
            name: "client-type",
            type: "oneof",
            token: "TYPE",
            since: "5.0.0",
            optional: true,
            arguments: [
              { name: "normal", type: "pure-token", token: "NORMAL" },
              { name: "master", type: "pure-token", token: "MASTER" },
              { name: "replica", type: "pure-token", token: "REPLICA" },
              { name: "pubsub", type: "pure-token", token: "PUBSUB" },
            ],
          },
          {
            name: "client-id",
            type: "integer",
            token: "ID",
            since: "6.2.0",
            optional: true,
            multiple: true,
          },
        ],
        run: clientListCommand,
      },
      {
        name: "NO-EVICT",
        arity: 3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Protects the connection from client eviction, or stops doing so.",
        args: [
          {
            name: "enabled",
            type: "oneof",
            arguments: [
              { name: "on", type: "pure-token", token: "ON" },
              { name: "off", type: "pure-token", token: "OFF" },
            ],
          },
        ],
        run: clientNoEvictCommand,
      },
      {
        name: "NO-TOUCH",
        arity: 3,
        flags: NOSCRIPT | LOADING | STALE,
        since: "7.2.0",
        complexity: "O(1)",
        summary: "Lets reads leave the access times of keys alone, or not.",
        args: [
          {
            name: "enabled",
            type: "oneof",
            arguments: [
              { name: "on", type: "pure-token", token: "ON" },
              { name: "off", type: "pure-token", token: "OFF" },
            ],
          },
        ],
        run: clientNoTouchCommand,
      },
      {
        name: "PAUSE",
        arity: -3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "3.0.0",
        complexity: "O(1)",
        summary: "Makes the commands of clients wait.",
        history: [["6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option."]],
        args: [
          { name: "timeout", type: "integer" },
          {
            name: "mode",
            type: "oneof",
            since: "6.2.0",
            optional: true,
            arguments: [
              { name: "write", type: "pure-token", token: "WRITE" },
              { name: "all", type: "pure-token", token: "ALL" },
            ],
          },
        ],
        run: clientPauseCommand,
      },
      {
        name: "REPLY",
        arity: 3,
        flags: NOSCRIPT | LOADING | STALE,
        since: "3.2.0",
        complexity: "O(1)",
        summary: "Turns the server's replies to the connection on or off.",
        args: [
          {
            name: "action",
            type: "oneof",
            arguments: [
              { name: "on", type: "pure-token", token: "ON" },
              { name: "off", type: "pure-token", token: "OFF" },
              { name: "skip", type: "pure-token", token: "SKIP" },
            ],
          },
        ],
        run: clientReplyCommand,
      },
      {
        name: "SETINFO",
        arity: 4,
        flags: NOSCRIPT | LOADING | STALE,
        since: "7.2.0",
        complexity: "O(1)",
        summary: "Notes the name or version of the client's library.",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        args: [
          {
            name: "attr",
            type: "oneof",
            arguments: [
              { name: "libname", type: "string", token: "LIB-NAME" },
              { name: "libver", type: "string", token: "LIB-VER" },
            ],
          },
        ],
        run: clientSetinfoCommand,
      },
      {
        name: "SETNAME",
        arity: 3,
        flags: NOSCRIPT | LOADING | STALE,
        since: "2.6.9",
        complexity: "O(1)",
        summary: "Names the connection.",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        args: [{ name: "connection-name", type: "string" }],
        run: clientSetnameCommand,
      },
      {
        name: "TRACKING",
        arity: -3,
        flags: NOSCRIPT | LOADING | STALE,
        since: "6.0.0",
        complexity: "O(1). Some options may introduce additional complexity.",
        summary: "Turns invalidation messages for a client-side cache on or off.",
        args: [
          {
            name: "status",
            type: "oneof",
            arguments: [
              { name: "on", type: "pure-token", token: "ON" },
              { name: "off", type: "pure-token", token: "OFF" },
            ],
          },
          { name: "client-id", type: "integer", token: "REDIRECT", optional: true },
          {
            name: "prefix",
            type: "string",
            token: "PREFIX",
            optional: true,
            multiple: true,
            multipleToken: true,
          },
          { name: "bcast", type: "pure-token", token: "BCAST", optional: true },
          { name: "optin", type: "pure-token", token: "OPTIN", optional: true },
          { name: "optout", type: "pure-token", token: "OPTOUT", optional: true },
          { name: "noloop", type: "pure-token", token: "NOLOOP", optional: true },
        ],
        run: clientTrackingCommand,
      },
      {
        name: "TRACKINGINFO",
        arity: 2,
        flags: NOSCRIPT | LOADING | STALE,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Describes the connection's client-side caching.",
        run: clientTrackinginfoCommand,
      },
      {
        name: "UNBLOCK",
        arity: -3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "5.0.0",
        complexity: "O(log N) where N is the number of client connections",
        summary: "Ends the waiting of a client in a blocking command.",
        args: [
          { name: "client-id", type: "integer" },
          {
            name: "unblock-type",
            type: "oneof",
            optional: true,
            arguments: [
              { name: "timeout", type: "pure-token", token: "TIMEOUT" },
              { name: "error", type: "pure-token", token: "ERROR" },
            ],
          },
        ],
        run: clientUnblockCommand,
      },
      {
        name: "UNPAUSE",
        arity: 2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "6.2.0",
        complexity: "O(N) Where N is the number of paused clients",
        summary: "Lets paused clients go on.",
        run: clientUnpauseCommand,
      },
    ],
  },
]);

const HELP: readonly HelpEntry[] = [
  ["CACHING (YES|NO)", "Say whether to track the keys of the next command (OPTIN, OPTOUT)."],
  ["GETREDIR", "Return the client that receives the invalidation messages."],
  ["GETNAME", "Return this connection's name."],
  ["ID", "Return this connection's identifier."],
  ["INFO", "Describe this connection."],
  ["KILL <ip:port>", "Close the connection that comes from <ip:port>."],
  [
    "KILL <option> <value> [<option> <value> [...]]",
    "Close the connections that fit all of:",
    "* ADDR (<ip:port>|<unixsocket>:0)",
    "  The address they come from.",
    "* LADDR (<ip:port>|<unixsocket>:0)",
    "  The local address they came to.",
    "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "  Their type.",
    "* USER <username>",
    "  The user they are authenticated as.",
    "* SKIPME (YES|NO)",
    "  Whether to spare this connection (default: yes).",
    "* ID <client-id>",
    "  Their identifier.",
    "* MAXAGE <maxage>",
    "  At least so many seconds old.",
  ],
  [
    "LIST [options ...]",
    "Describe the open connections, or only:",
    "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "  Those of a type.",
    "* ID <client-id> [<client-id> ...]",
    "  Those with these identifiers.",
  ],
  ["UNPAUSE", "Let paused clients go on."],
  ["PAUSE <timeout> [WRITE|ALL]", "Make all commands, or writes only, wait for <timeout> ms."],
  ["REPLY (ON|OFF|SKIP)", "Turn replies to this connection on or off, or skip the next one."],
  ["SETNAME <name>", "Name this connection."],
  [
    "SETINFO <option> <value>",
    "Tell about the client's library:",
    "* LIB-NAME: its name.",
    "* LIB-VER: its version.",
  ],
  ["UNBLOCK <clientid> [TIMEOUT|ERROR]", "End the waiting of a blocked client."],
  [
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "     [OPTIN] [OPTOUT] [NOLOOP]",
    "Turn invalidation messages on or off.",
  ],
  ["TRACKINGINFO", "Describe this connection's tracking."],
  ["NO-EVICT (ON|OFF)", "Spare this connection when clients are evicted."],
  ["NO-TOUCH (ON|OFF)", "Leave the access times of keys alone."],
];

// CLIENT HELP
function clientHelpCommand(c: Context): void {
  replyHelp(c, "CLIENT", HELP);
}
