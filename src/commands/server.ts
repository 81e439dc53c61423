// Commands about the server as a whole. INFO, the logs, LATENCY, MEMORY and DEBUG have files of
// their own.

import {
  ADMIN,
  ALLOW_BUSY,
  defineFamily,
  FAST,
  LOADING,
  NO_MULTI,
  NOSCRIPT,
  READONLY,
  STALE,
} from "../command/spec.ts";
import { tokens } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { infoCommand } from "./info.ts";
import { lolwutCommand } from "./lolwut.ts";

export const serverCommands = defineFamily<Features>("server", [
  {
    name: "INFO",
    arity: -1,
    flags: LOADING | STALE,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Reports on the server, section by section.",
    categories: ["dangerous"],
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    history: [["7.0.0", "Added support for taking multiple section arguments."]],
    args: [{ name: "section", type: "string", optional: true, multiple: true }],
    run: infoCommand,
  },
  {
    name: "ROLE",
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST,
    since: "2.8.12",
    complexity: "O(1)",
    summary: "Returns the replication role.",
    categories: ["admin", "dangerous"],
    run: roleCommand,
  },
  {
    name: "TIME",
    arity: 1,
    flags: LOADING | STALE | FAST,
    since: "2.6.0",
    complexity: "O(1)",
    summary: "Returns the server's time.",
    tips: ["nondeterministic_output"],
    run: timeCommand,
  },
  {
    name: "SHUTDOWN",
    arity: -1,
    flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
    since: "1.0.0",
    complexity:
      "O(N) when saving, where N is the total number of keys in all databases when " +
      "saving data, otherwise O(1)",
    summary: "Saves the data as told and stops the server.",
    history: [["7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."]],
    args: [
      { name: "save-selector", type: "oneof", optional: true, arguments: tokens("NOSAVE", "SAVE") },
      { name: "now", type: "pure-token", token: "NOW", since: "7.0.0", optional: true },
      { name: "force", type: "pure-token", token: "FORCE", since: "7.0.0", optional: true },
      { name: "abort", type: "pure-token", token: "ABORT", since: "7.0.0", optional: true },
    ],
    run: shutdownCommand,
  },
  {
    name: "MONITOR",
    arity: 1,
    flags: ADMIN | NOSCRIPT | LOADING | STALE,
    since: "1.0.0",
    summary: "Streams every command the server executes.",
    run: monitorCommand,
  },
  {
    name: "LOLWUT",
    arity: -1,
    flags: READONLY | FAST,
    since: "5.0.0",
    summary: "Draws a picture and tells the version.",
    args: [{ name: "version", type: "integer", token: "VERSION", optional: true }],
    run: lolwutCommand,
  },
]);

// MONITOR
function monitorCommand(c: Context): void {
  // As in Redis, a monitor that asks again gets no second reply.
  if (c.client.isMonitor) return;
  if (c.client.denyBlocking) {
    return c.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  }
  c.client.isMonitor = true;
  c.server.monitors.add(c.client);
  c.server.updateRestrictions();
  c.reply.ok();
}

// ROLE
function roleCommand(c: Context): void {
  c.reply.array(3);
  c.reply.bulkText("master");
  c.reply.integer(c.effects.replicationOffset);
  c.reply.array(0);
}

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
function shutdownCommand(c: Context): void {
  let save: "default" | "save" | "nosave" = "default";
  let now = false;
  let force = false;
  let abort = false;
  for (let index = 1; index < c.count; index++) {
    if (c.is(index, "save") && save !== "nosave") save = "save";
    else if (c.is(index, "nosave") && save !== "save") save = "nosave";
    else if (c.is(index, "now")) now = true;
    else if (c.is(index, "force")) force = true;
    else if (c.is(index, "abort")) abort = true;
    else return c.reply.syntaxError();
  }
  if (!abort) {
    const { executions } = c.server;
    // What is half done must not be saved.
    if (executions.isBusy && save !== "nosave") return c.reply.error(executions.busyText);
    if (c.server.shutdown({ save, now, force })) return;
    return c.reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
  }
  if (save !== "default" || now || force) return c.reply.syntaxError();
  if (c.server.abortShutdown()) c.reply.ok();
  else c.reply.error("ERR No shutdown in progress.");
}

// TIME
function timeCommand(c: Context): void {
  const clock = c.server.clock;
  const wallMs = clock.wallMs();
  // The wall clock counts whole milliseconds; the steady one tells times within one apart.
  const microseconds = (wallMs % 1000) * 1000 + (Math.floor(clock.monotonicUs()) % 1000);
  c.reply.array(2);
  c.reply.bulkInteger(Math.floor(wallMs / 1000));
  c.reply.bulkInteger(microseconds);
}
