// Commands about the connection itself. CLIENT and its subcommands are in client.ts.

import { DEFAULT_USER } from "../acl/acl.ts";
import { REDIS_VERSION } from "../base/version.ts";
import { REPLY_ON } from "../command/client.ts";
import {
  ALLOW_BUSY,
  defineFamily,
  FAST,
  LOADING,
  NO_AUTH,
  NOSCRIPT,
  STALE,
  UNQUEUED,
} from "../command/spec.ts";
import type { Protocol } from "../resp/reply.ts";
import { noteDeniedAuth } from "./acl-denials.ts";
import { isPrintable, replyBadClientName } from "./client-attributes.ts";
import type { Context, Features } from "./features.ts";

export const connectionCommands = defineFamily<Features>("connection", [
  {
    name: "AUTH",
    arity: -2,
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    since: "1.0.0",
    complexity: "O(N) where N is the number of passwords defined for the user",
    summary: "Proves who the client is.",
    history: [["6.0.0", "Added ACL style (username and password)."]],
    args: [
      { name: "username", type: "string", since: "6.0.0", optional: true },
      { name: "password", type: "string" },
    ],
    run: authCommand,
  },
  {
    name: "ECHO",
    arity: 2,
    flags: LOADING | STALE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Returns its argument.",
    args: [{ name: "message", type: "string" }],
    run: echoCommand,
  },
  {
    name: "HELLO",
    arity: -1,
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    since: "6.0.0",
    complexity: "O(1)",
    summary: "Chooses the protocol version and introduces client and server.",
    history: [
      [
        "6.2.0",
        "`protover` made optional; when called without arguments the command reports " +
          "the current connection's context.",
      ],
    ],
    args: [
      {
        name: "arguments",
        type: "block",
        optional: true,
        arguments: [
          { name: "protover", type: "integer" },
          {
            name: "auth",
            type: "block",
            token: "AUTH",
            optional: true,
            arguments: [
              { name: "username", type: "string" },
              { name: "password", type: "string" },
            ],
          },
          { name: "clientname", type: "string", token: "SETNAME", optional: true },
        ],
      },
    ],
    run: helloCommand,
  },
  {
    name: "PING",
    arity: -1,
    flags: FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells that the server is alive.",
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    args: [{ name: "message", type: "string", optional: true }],
    run: pingCommand,
  },
  {
    name: "QUIT",
    arity: -1,
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | UNQUEUED,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Closes the connection.",
    deprecatedSince: "7.2.0",
    replacedBy: "just closing the connection",
    docFlags: ["deprecated"],
    run: quitCommand,
  },
  {
    name: "RESET",
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | UNQUEUED,
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Gives the connection the state of a new one.",
    run: resetCommand,
  },
  {
    name: "SELECT",
    arity: 2,
    flags: LOADING | STALE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Chooses the database of the connection.",
    args: [{ name: "index", type: "integer" }],
    run: selectCommand,
  },
]);

// AUTH [username] password
function authCommand(c: Context): void {
  if (c.count > 3) return c.reply.syntaxError();
  if (c.count === 2 && c.server.acl.defaultUser.needsNoPassword) {
    return c.reply.error(
      "ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    );
  }
  const name = c.count === 2 ? DEFAULT_USER : c.latin1(1);
  if (authenticateOrReply(c, name, c.count - 1)) c.reply.ok();
}

/** Makes the client the named user if the argument at `passwordIndex` is its password. */
function authenticateOrReply(c: Context, name: string, passwordIndex: number): boolean {
  if (c.server.acl.authenticate(c.client, name, c.latin1(passwordIndex))) return true;
  noteDeniedAuth(c, name);
  c.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
  return false;
}

// ECHO message
function echoCommand(c: Context): void {
  c.reply.bulk(c.bytes, c.start(1), c.end(1));
}

// HELLO [protover [AUTH username password] [SETNAME clientname]]
function helloCommand(c: Context): void {
  let version = 0;
  if (c.count > 1) {
    const asked = c.int64(1);
    if (asked === undefined) {
      return c.reply.error("ERR Protocol version is not an integer or out of range");
    }
    if (asked !== 2n && asked !== 3n) return c.reply.error("NOPROTO unsupported protocol version");
    version = Number(asked);
  }
  let userIndex = 0;
  let nameIndex = 0;
  for (let index = 2; index < c.count; index++) {
    const following = c.count - 1 - index;
    if (following >= 2 && c.is(index, "auth")) {
      userIndex = index + 1;
      index += 2;
    } else if (following >= 1 && c.is(index, "setname")) {
      nameIndex = ++index;
      if (!isPrintable(c, nameIndex)) return replyBadClientName(c);
    } else {
      return c.reply.error(`ERR Syntax error in HELLO option '${c.latin1(index)}'`);
    }
  }
  if (userIndex > 0 && !authenticateOrReply(c, c.latin1(userIndex), userIndex + 1)) return;
  if (!c.client.authenticated) {
    return c.reply.error(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the " +
        "RESP protocol version at the same time",
    );
  }
  if (nameIndex > 0) c.client.name = c.latin1(nameIndex);
  if (version > 0) setProtocol(c, version as Protocol);
  replyHello(c);
}

function replyHello(c: Context): void {
  const reply = c.reply;
  reply.map(7);
  reply.bulkText("server");
  reply.bulkText("redis");
  reply.bulkText("version");
  reply.bulkText(REDIS_VERSION);
  reply.bulkText("proto");
  reply.integer(c.client.protocol);
  reply.bulkText("id");
  reply.integer(c.client.id);
  reply.bulkText("mode");
  reply.bulkText("standalone");
  reply.bulkText("role");
  reply.bulkText("master");
  reply.bulkText("modules");
  reply.array(0);
}

/** Changes the protocol, of the reply being written too. */
function setProtocol(c: Context, protocol: Protocol): void {
  c.client.protocol = protocol;
  c.reply.protocol = protocol;
}

// PING [message]
function pingCommand(c: Context): void {
  if (c.count > 2) {
    return c.reply.error("ERR wrong number of arguments for 'ping' command");
  }
  const client = c.client;
  // A RESP2 subscriber reads nothing but messages, so PONG has the shape of one.
  if (client.isSubscribed && client.protocol === 2) {
    c.reply.array(2);
    c.reply.bulkText("pong");
    if (c.count === 1) c.reply.bulkText("");
    else echoCommand(c);
  } else if (c.count === 1) {
    c.reply.simple("PONG");
  } else {
    echoCommand(c);
  }
}

// QUIT
function quitCommand(c: Context): void {
  c.reply.ok();
  c.client.channel.close("after-reply");
}

// RESET
function resetCommand(c: Context): void {
  const client = c.client;
  if (client.isMonitor) stopMonitoring(c);
  c.server.pubsub.forget(client);
  c.server.transactions.discard(client);
  c.server.tracking.disable(client);
  client.dbIndex = 0;
  c.db = c.server.keyspace.databases[0];
  client.name = "";
  client.noEvict = false;
  client.noTouch = false;
  client.replyMode = REPLY_ON;
  setProtocol(c, 2);
  c.server.acl.admit(client);
  c.reply.simple("RESET");
}

function stopMonitoring(c: Context): void {
  c.client.isMonitor = false;
  c.server.monitors.delete(c.client);
  c.server.updateRestrictions();
}

// SELECT index
function selectCommand(c: Context): void {
  const asked = c.int64(1);
  if (asked === undefined) return c.reply.notAnInteger();
  const index = Number(asked);
  if (index !== (index | 0)) {
    return c.reply.error(
      "ERR value is out of range, value must between -2147483648 and 2147483647",
    );
  }
  if (index < 0 || index >= c.server.keyspace.databases.length) {
    return c.reply.error("ERR DB index is out of range");
  }
  c.client.dbIndex = index;
  // The rest of a batch goes on in the database selected.
  c.db = c.server.keyspace.databases[index];
  c.reply.ok();
}
