// Saving the data set: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.

import {
  ADMIN,
  defineFamily,
  FAST,
  LOADING,
  NO_ASYNC_LOADING,
  NO_MULTI,
  NOSCRIPT,
  STALE,
} from "../command/spec.ts";
import type { Context, Features } from "./features.ts";

export const persistenceCommands = defineFamily<Features>("server", [
  {
    name: "BGREWRITEAOF",
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Makes the append-only file anew in the background, as short as can be.",
    run: bgrewriteaofCommand,
  },
  {
    name: "BGSAVE",
    arity: -1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Saves the data set to disk in the background.",
    history: [["3.2.2", "Added the `SCHEDULE` option."]],
    args: [
      { name: "schedule", type: "pure-token", token: "SCHEDULE", since: "3.2.2", optional: true },
    ],
    run: bgsaveCommand,
  },
  {
    name: "LASTSAVE",
    arity: 1,
    flags: LOADING | STALE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Returns when the data set was last saved, as Unix time in seconds.",
    categories: ["admin", "dangerous"],
    tips: ["nondeterministic_output"],
    run: lastsaveCommand,
  },
  {
    name: "SAVE",
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    since: "1.0.0",
    complexity: "O(N) where N is the total number of keys in all databases",
    summary: "Saves the data set to disk, serving nobody meanwhile.",
    run: saveCommand,
  },
]);

const ALREADY_SAVING = "ERR Background save already in progress";

// SAVE
function saveCommand(c: Context): void {
  if (c.server.snapshots.isSaving) return c.reply.error(ALREADY_SAVING);
  // Counted however it ends, as are those in the background.
  c.server.persistence.rdbSaves++;
  if (c.server.snapshots.save()) c.reply.ok();
  else c.reply.error("ERR");
}

// BGSAVE [SCHEDULE]
function bgsaveCommand(c: Context): void {
  if (c.count > 2 || (c.count === 2 && !c.is(1, "schedule"))) return c.reply.syntaxError();
  switch (c.server.snapshots.saveInBackground(c.count === 2)) {
    case "started":
      return c.reply.simple("Background saving started");
    case "saving":
      return c.reply.error(ALREADY_SAVING);
    case "rewriting":
      return c.reply.error(
        "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE " +
          "in order to schedule a BGSAVE whenever possible.",
      );
    case "scheduled":
      return c.reply.simple("Background saving scheduled");
    case "failed":
      return c.reply.error("ERR");
  }
}

// BGREWRITEAOF
function bgrewriteaofCommand(c: Context): void {
  switch (c.server.rewriting.rewrite()) {
    case "started":
      return c.reply.simple("Background append only file rewriting started");
    case "scheduled":
      return c.reply.simple("Background append only file rewriting scheduled");
    case "rewriting":
      return c.reply.error("ERR Background append only file rewriting already in progress");
    case "failed":
      return c.reply.error(
        "ERR Can't execute an AOF background rewriting. Please check the server logs for more " +
          "information.",
      );
  }
}

// LASTSAVE
function lastsaveCommand(c: Context): void {
  // Until something is saved, the start counts: that is what the data on disk goes back to.
  const lastSaveMs = c.server.persistence.rdbLastSaveMs || c.server.startedAtMs;
  c.reply.integer(Math.floor(lastSaveMs / 1000));
}
