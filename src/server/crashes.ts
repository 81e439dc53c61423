// How a process ends that cannot go on: an exception that nobody expects, or SIGABRT from outside,
// leaves a report in the log.
//
// Signals that the processor raises (SIGSEGV and its like) stay the runtime's: a handler in
// JavaScript would return to the instruction that raised them, for ever, and WebAssembly's checks
// of memory rest on them.

import { LOG_WARNING } from "../base/log.ts";
import { REDIS_VERSION } from "../base/version.ts";
import { CommandContext } from "../command/context.ts";
import type { Features } from "../commands/features.ts";
import type { Server } from "./server.ts";

const BETWEEN_EVENTS = "between two events of the loop, in which signals are noticed";

/** Has crashes of the process reported by the server that it is for. */
export function reportCrashes(server: Server): void {
  const { config, logger } = server;
  const crash = (how: "SIGSEGV" | "SIGABRT" | "exit") => {
    if (how === "exit") process.exit(1);
    process.removeAllListeners(how);
    process.kill(process.pid, how);
  };
  const report = (reason: readonly string[], stack: string | undefined) => {
    // Loaded here: nearly no server needs it.
    const { reportCrash } = require("../commands/crash-report.ts");
    const c = new CommandContext<Features>(server, server.reply, server.effects);
    c.nowMs = server.clock.wallMs();
    try {
      reportCrash(c, { reason, stack, isCommand: false });
    } catch (error) {
      logger.log(LOG_WARNING, `The report cannot be completed: ${error}`);
    }
  };
  server.crash = crash;
  process.on("uncaughtException", (error) => {
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    report(["=== ASSERTION FAILED ===", `==> ${thrown}`], error.stack);
    crash(config.flag("use-exit-on-panic") ? "exit" : "SIGABRT");
  });
  const aborted = () => {
    report([`MiniRedis ${REDIS_VERSION} crashed by signal: 6`], BETWEEN_EVENTS);
    crash("SIGABRT");
  };
  const follow = () => {
    process.off("SIGABRT", aborted);
    if (config.flag("crash-log-enabled")) process.on("SIGABRT", aborted);
  };
  follow();
  config.onChange("crash-log-enabled", follow);
}
