#!/usr/bin/env bun
// The program: command line in, a server out, signals to a clean end, exit codes as Redis's.

import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { UserLineError } from "./acl/user-line.ts";
import { systemClock } from "./base/clock.ts";
import { LOG_DEBUG, LOG_NOTICE, LOG_VERBOSE, LOG_WARNING, type LogLevel } from "./base/log.ts";
import { systemRandom, Xoshiro } from "./base/random.ts";
import { latin1Text } from "./base/text.ts";
import { REDIS_VERSION } from "./base/version.ts";
import { CommandRegistry } from "./command/registry.ts";
import { families } from "./commands/families.ts";
import type { ShutdownOptions } from "./commands/features.ts";
import { Config } from "./config/config.ts";
import { FatalConfigError, UnreadableConfigFile } from "./config/file.ts";
import { diskFileSystem } from "./persistence/file.ts";
import { systemErrorText } from "./persistence/file-system.ts";
import { LoadError } from "./persistence/load-error.ts";
import { applyCommandLine, parseCommandLine, type StartRequest } from "./server/command-line.ts";
import { reportCrashes } from "./server/crashes.ts";
import { diskConfigFiles } from "./server/disk-config-files.ts";
import { ListenError } from "./server/listeners.ts";
import { LogFile } from "./server/log-file.ts";
import { warnOfMissingFeatures } from "./server/missing-features.ts";
import { followOomScore } from "./server/oom-score.ts";
import { Server } from "./server/server.ts";
import { bunSockets } from "./server/sockets.ts";

/** Tells the process that was started in the background not to start another one. */
const BACKGROUND_MARK = "MINIREDIS_BACKGROUND";

/** Of a server in the background that was told no other. */
const DEFAULT_PID_FILE = "/var/run/redis.pid";
/** Signals that ask for an end, and the directives that say how it is done. */
const ENDING_SIGNALS = [
  ["SIGTERM", "shutdown-on-sigterm"],
  ["SIGINT", "shutdown-on-sigint"],
] as const;

const STANDARD_INPUT = 0;
const NO_INPUT = new Uint8Array(0);

const LOG_LEVELS = new Map<string, LogLevel>([
  ["debug", LOG_DEBUG],
  ["verbose", LOG_VERBOSE],
  ["notice", LOG_NOTICE],
  ["warning", LOG_WARNING],
  // "nothing" still lets the start-up lines through, which are no log.
  ["nothing", 4 as LogLevel],
]);

function fail(message: string): never {
  process.stderr.write(message);
  process.exit(1);
}

/** For `rename-command` alone, which is rare: start-up does not pay for it. */
function commandExists(name: string): boolean {
  return CommandRegistry.of(families).has(name);
}

/** For `user` lines. */
function userError(words: readonly string[]): UserLineError | undefined {
  const { userLineError } = require("./acl/user-line.ts");
  return userLineError(CommandRegistry.of(families), words);
}

function configure(request: StartRequest, input: Uint8Array): Config {
  const config = new Config(diskConfigFiles(process.cwd()));
  try {
    applyCommandLine(config, request, latin1Text(input), { commandExists, userError });
    return config;
  } catch (error) {
    if (error instanceof FatalConfigError) fail(error.report(REDIS_VERSION));
    if (error instanceof UnreadableConfigFile) fail(`${error.message}\n`);
    throw error;
  }
}

/** The command line that this process was started by. */
function ownCommand(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  const program = isCompiled ? [process.execPath] : [process.execPath, Bun.main];
  return [...program, ...process.argv.slice(2)];
}

/** Puts a new start of this program in the place of this one, for DEBUG RESTART. */
function startAnew(delayMs: number): void {
  Bun.sleepSync(delayMs);
  const [program, ...args] = ownCommand();
  process.execve!(program, [program, ...args], process.env as Record<string, string>);
}

/** Starts this program again in a session of its own, handing on what was read, and ends. */
function continueInBackground(input: Uint8Array): never {
  const child = Bun.spawn(ownCommand(), {
    stdio: [input, "ignore", "ignore"],
    detached: true,
    env: { ...process.env, [BACKGROUND_MARK]: "1" },
  });
  child.unref();
  process.exit(0);
}

function openLog(config: Config): LogFile {
  const path = config.text("logfile");
  try {
    const log = new LogFile(systemClock, path);
    const follow = () => {
      log.level = LOG_LEVELS.get(config.text("loglevel")) ?? LOG_NOTICE;
    };
    follow();
    config.onChange("loglevel", follow);
    return log;
  } catch (error) {
    const fatal = new FatalConfigError(`Can't open the log file: ${systemErrorText(error)}`);
    return fail(fatal.report(REDIS_VERSION));
  }
}

function writePidFile(path: string, log: LogFile): void {
  try {
    const descriptor = openSync(path, "w");
    writeFileSync(descriptor, `${process.pid}\n`);
    closeSync(descriptor);
  } catch (error) {
    log.log(LOG_WARNING, `Failed to write PID file: ${systemErrorText(error)}`);
  }
}

/** Ends with status 1, saying why; rethrows what is a bug. */
function refuseStart(error: unknown, log: LogFile): never {
  const lines: string[] = [];
  if (error instanceof LoadError) lines.push(...error.lines);
  else if (error instanceof ListenError) lines.push(error.message);
  else if (error instanceof Error && "code" in error) {
    lines.push(`Fatal error: ${systemErrorText(error)}`);
  } else throw error;
  for (const line of lines) log.log(LOG_WARNING, line);
  process.exit(1);
}

/** What a directive says of the end that a signal asks for. */
function shutdownOptionsOf(config: Config, directive: string): ShutdownOptions {
  const words = config.text(directive).split(" ");
  const save = words.includes("save") ? "save" : words.includes("nosave") ? "nosave" : "default";
  return { save, now: words.includes("now"), force: words.includes("force") };
}

async function run(request: StartRequest): Promise<void> {
  const input = request.readsStandardInput ? readFileSync(STANDARD_INPUT) : NO_INPUT;
  const config = configure(request, input);
  const isBackground = process.env[BACKGROUND_MARK] === "1";
  if (config.flag("daemonize") && !isBackground) continueInBackground(input);
  const log = openLog(config);
  if (config.integer("tls-port") !== 0) {
    log.log(LOG_WARNING, "Failed to configure TLS: it is not there yet.");
    process.exit(1);
  }
  const server = new Server({
    config,
    clock: systemClock,
    random: new Xoshiro(systemRandom.uint32()),
    secrets: systemRandom,
    logger: log,
    fileSystem: diskFileSystem,
    sockets: bunSockets,
    announce: (line) => log.announce(line),
  });
  const pidFile = config.text("pidfile") || (isBackground ? DEFAULT_PID_FILE : "");
  if (pidFile !== "") writePidFile(pidFile, log);
  let isStopping = false;
  let restartDelayMs = -1;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    await server.stop();
    if (pidFile !== "" && existsSync(pidFile)) {
      log.log(LOG_NOTICE, "Removing the pid file.");
      unlinkSync(pidFile);
    }
    if (restartDelayMs >= 0) startAnew(restartDelayMs);
    process.exit(0);
  };
  server.onShutdown = stop;
  server.restart = (isGraceful, delayMs) => {
    // What was read there cannot be read again.
    if (request.readsStandardInput) return false;
    if (!isGraceful) startAnew(delayMs);
    restartDelayMs = delayMs;
    if (server.shutdown({ save: "default", now: true, force: false })) return true;
    restartDelayMs = -1;
    return false;
  };
  reportCrashes(server);
  followOomScore(config, log);
  warnOfMissingFeatures(config, log);
  for (const [signal, directive] of ENDING_SIGNALS) {
    process.on(signal, () => {
      if (signal === "SIGINT" && (isStopping || server.ending.isScheduled)) {
        log.log(LOG_WARNING, "You insist... exiting now.");
        server.snapshots.cancel();
        process.exit(1);
      }
      if (!server.persistence.loading) {
        log.log(LOG_WARNING, `Received ${signal} scheduling shutdown...`);
      }
      server.ending.schedule(shutdownOptionsOf(config, directive));
    });
  }
  // The terminal's end is not the server's.
  process.on("SIGHUP", () => {});
  try {
    await server.start();
  } catch (error) {
    refuseStart(error, log);
  }
}

const request = parseCommandLine(process.argv.slice(2));
if (request.kind === "print") {
  process[request.stream].write(request.text);
  process.exitCode = request.exitCode;
} else {
  void run(request);
}
