// DEBUG's subcommands that have the server as a whole do something.

import { globMatches } from "../base/glob.ts";
import { LOG_NOTICE, LOG_WARNING } from "../base/log.ts";
import { randomBelow } from "../base/random.ts";
import { latin1Text } from "../base/text.ts";
import { REDIS_VERSION } from "../base/version.ts";
import { rewriteConfigFile } from "../config/rewrite.ts";
import { CELL_BYTES, SEGMENT_HEADER_BYTES } from "../memory/cell-table.ts";
import { CHUNK_BYTES } from "../memory/pool.ts";
import { GRANULE_BYTES, PAGE_BYTES } from "../memory/size-classes.ts";
import type { Script } from "../scripting/script.ts";
import { HANDLE_BYTES } from "../structures/record.ts";
import { reportCrash } from "./crash-report.ts";
import type { Context } from "./features.ts";
import { replyWrongSubcommand } from "./help.ts";

// DEBUG AOF-FLUSH-SLEEP microseconds
export function debugFlushSleep(c: Context): void {
  c.server.debugSettings.flushSleepUs = Number.parseInt(c.latin1(2).slice(0, 32), 10) || 0;
  c.reply.ok();
}

// DEBUG CONFIG-REWRITE-FORCE-ALL
export function debugRewriteConfig(c: Context): void {
  const error = rewriteConfigFile(c.server.config, { evenDefaults: true });
  if (error === undefined) return c.reply.ok();
  c.server.logger.log(LOG_WARNING, `CONFIG REWRITE failed: ${error}`);
  c.reply.error(`ERR CONFIG-REWRITE-FORCE-ALL failed: ${error.replace(/^ERR /, "")}`);
}

// DEBUG ASSERT
export function debugAssert(c: Context): void {
  panic(c, "=== ASSERTION FAILED ===", "==> DEBUG ASSERT: '1 == 2' is not true");
}

/** What nobody has: Redis asks for as much. */
const IMPOSSIBLE_BYTES = 2n ** 63n - 1n;
const PANIC_LINES = [
  "------------------------------------------------",
  "!!! Software Failure. Press left mouse button to continue",
];

// DEBUG OOM
export function debugOutOfMemory(c: Context): void {
  const amount = `${IMPOSSIBLE_BYTES} bytes!`;
  c.server.logger.log(LOG_WARNING, `Out Of Memory allocating ${amount}`);
  panic(
    c,
    ...PANIC_LINES,
    `Guru Meditation: Redis aborting for OUT OF MEMORY. Allocating ${amount}`,
  );
}

// DEBUG PANIC
export function debugPanic(c: Context): void {
  const seconds = Math.floor(c.nowMs / 1000);
  panic(c, ...PANIC_LINES, `Guru Meditation: DEBUG PANIC called at Unix time ${seconds}`);
}

// DEBUG SEGFAULT
export function debugSegfault(c: Context): void {
  // Who wants no reports has none of signals at all.
  const isReported = c.server.config.flag("crash-log-enabled");
  crash(c, "SIGSEGV", isReported ? [`MiniRedis ${REDIS_VERSION} crashed by signal: 11`] : []);
}

function panic(c: Context, ...reason: readonly string[]): void {
  crash(c, c.server.config.flag("use-exit-on-panic") ? "exit" : "SIGABRT", reason);
}

/** Ends the process without saving or replying anything, for those who test what that does. */
function crash(c: Context, how: "SIGSEGV" | "SIGABRT" | "exit", reason: readonly string[]): void {
  const { crash } = c.server;
  if (crash === undefined) {
    return c.reply.error("ERR The server is a part of a program, which is not to be ended");
  }
  const { stack } = new Error("This is where the server was told to crash.");
  if (reason.length > 0) reportCrash(c, { reason, stack, isCommand: true });
  crash(how);
}

// DEBUG CRASH-AND-RECOVER [milliseconds]
export function debugCrashAndRecover(c: Context): void {
  restart(c, false);
}

// DEBUG RESTART [milliseconds]
export function debugRestart(c: Context): void {
  restart(c, true);
}

function restart(c: Context, isGraceful: boolean): void {
  const delayMs = c.count > 2 ? c.int64(2) : 0n;
  if (delayMs === undefined) return c.reply.notAnInteger();
  const { config, logger } = c.server;
  if (isGraceful && config.filePath !== "") {
    const error = rewriteConfigFile(config, { evenDefaults: false });
    if (error !== undefined) {
      logger.log(LOG_WARNING, `Can't restart: configuration rewrite process failed: ${error}`);
      return replyNotRestarted(c);
    }
  }
  const waitMs = Math.min(Math.max(Number(delayMs), 0), DELAY_MS_MAX);
  if (c.server.restart?.(isGraceful, waitMs) !== true) replyNotRestarted(c);
}

const DELAY_MS_MAX = 2 ** 31 - 1;

function replyNotRestarted(c: Context): void {
  c.reply.error("ERR failed to restart the server. Check server logs.");
}

// DEBUG LEAK string
export function debugLeak(c: Context): void {
  c.server.debugSettings.leaked.push(c.copy(2));
  c.reply.ok();
}

// DEBUG SCRIPT LIST | sha
export function debugScript(c: Context): void {
  const { scripts } = c.server.scripting;
  let chosen: readonly Script[];
  if (c.is(2, "list")) chosen = [...scripts];
  else {
    const script = scripts.find(c.bytes, c.start(2), c.end(2));
    if (script === undefined) return replyWrongSubcommand(c, "DEBUG");
    chosen = [script];
  }
  for (const { sha, body } of chosen) {
    c.server.logger.log(LOG_NOTICE, `SCRIPT SHA: ${sha}\n${latin1Text(body, 0, body.length)}`);
  }
  c.reply.ok();
}

/** What the data set is made of; C's structures are not there. */
const STRUCTURE_BYTES = {
  granule: GRANULE_BYTES,
  page: PAGE_BYTES,
  chunk: CHUNK_BYTES,
  segment: SEGMENT_HEADER_BYTES,
  cell: CELL_BYTES,
  handle: HANDLE_BYTES,
};

// DEBUG STRUCTSIZE
export function debugStructureSizes(c: Context): void {
  const sizes = Object.entries(STRUCTURE_BYTES).map(([name, bytes]) => `${name}:${bytes}`);
  c.reply.bulkText(`bits:64 ${sizes.join(" ")}`);
}

const MATCHES = 100_000;
const TEXT_BYTES_MAX = 32;

// DEBUG STRINGMATCH-TEST
export function debugStringMatch(c: Context): void {
  const { random } = c.server;
  const text = new Uint8Array(TEXT_BYTES_MAX);
  const pattern = new Uint8Array(TEXT_BYTES_MAX);
  for (let k = 0; k < MATCHES; k++) {
    for (const bytes of [text, pattern]) {
      for (let at = 0; at < bytes.length; at++) bytes[at] = randomBelow(random, 128);
    }
    const textEnd = randomBelow(random, TEXT_BYTES_MAX);
    const patternEnd = randomBelow(random, TEXT_BYTES_MAX);
    globMatches(pattern, 0, patternEnd, text, 0, textEnd);
  }
  c.reply.simple("Apparently Redis did not crash: test passed");
}
