// What the log is told before the process ends because something went wrong: the cause, and, unless
// crash-log-enabled says no, the stack, INFO, the clients and the command that was running.
//
// The marks between the parts are those of Redis, by which tools find them. C's parts (registers,
// the memory around them, a test of the memory) are missing: the runtime shows none of it.

import { LOG_WARNING } from "../base/log.ts";
import { quotedBytes } from "../command/monitor.ts";
import { clientLine } from "./client-line.ts";
import type { Context } from "./features.ts";
import { infoText } from "./info.ts";

/** Arguments are shown up to so many bytes. */
const ARGUMENT_BYTES_SHOWN = 1024;

/** Directives that say how the data set and its files are treated. */
const SHOWN_DIRECTIVES = [
  ...["sanitize-dump-payload", "io-threads", "proto-max-bulk-len", "client-query-buffer-limit"],
  ...["lazyfree-lazy-eviction", "lazyfree-lazy-expire", "lazyfree-lazy-server-del"],
  ...["lazyfree-lazy-user-del", "lazyfree-lazy-user-flush", "list-compress-depth"],
  ...["activedefrag", "replica-read-only", "repl-diskless-sync", "repl-diskless-load"],
];

/** Why the process ends. */
export interface Crash {
  /** What has happened, line by line. */
  readonly reason: readonly string[];
  /** Where; of an exception its own stack. */
  readonly stack: string | undefined;
  /** The context's command was running. */
  readonly isCommand: boolean;
}

/** Writes the report of a crash to the log. */
export function reportCrash(c: Context, { reason, stack, isCommand }: Crash): void {
  const { config, logger } = c.server;
  const log = (text: string) => logger.log(LOG_WARNING, text);
  log("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===");
  for (const line of reason) log(line);
  if (config.flag("crash-log-enabled")) {
    log(section("STACK TRACE", stack ?? "", "\n------ STACK TRACE DONE ------"));
    log(
      section(
        "INFO OUTPUT",
        infoText(c, ({ shown }) => shown !== "named"),
      ),
    );
    log(section("CLIENT LIST OUTPUT", clientLines(c)));
    if (isCommand) log(section("CURRENT CLIENT INFO", currentClient(c)));
    log(section("CONFIG DEBUG OUTPUT", directiveLines(c)));
  }
  log("\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n");
}

function section(title: string, ...parts: string[]): string {
  return [`\n------ ${title} ------`, ...parts].join("\n");
}

function clientLines(c: Context): string {
  return Array.from(c.server.clients, (client) => clientLine(c, client)).join("\n");
}

function currentClient(c: Context): string {
  const lines = [clientLine(c, c.client), `argc: '${c.count}'`];
  const isHidden = c.server.config.flag("hide-user-data-from-log");
  for (let index = 0; index < c.count; index++) {
    const end = Math.min(c.end(index), c.start(index) + ARGUMENT_BYTES_SHOWN);
    const shown = quotedBytes(c.bytes, c.start(index), end);
    lines.push(`argv[${index}]: '${isHidden && index > 0 ? "*redacted*" : shown}'`);
  }
  return lines.join("\n");
}

function directiveLines(c: Context): string {
  return SHOWN_DIRECTIVES.map((name) => `${name} ${c.server.config.byteText(name)}`).join("\n");
}
