// The command line: miniredis [file] [--directive value ...] [-]
//
// Options become lines of a configuration text that follows the file's and standard input's, so the
// last one wins and an error names its line as if all had been one file. Nothing here reads or
// prints: `parseCommandLine` says what was asked for, `applyCommandLine` sets a configuration.

import { resolve } from "node:path";
import { latin1Text, utf8Bytes } from "../base/text.ts";
import { MINIREDIS_VERSION, REDIS_VERSION } from "../base/version.ts";
import { quoted, splitWords } from "../base/words.ts";
import type { Config } from "../config/config.ts";
import { type LoadChecks, loadConfig, readConfigFile } from "../config/file.ts";

/** Asks for a text to be printed instead of a server. */
export interface PrintRequest {
  readonly kind: "print";
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  readonly exitCode: number;
}

/** Asks for a server. */
export interface StartRequest {
  readonly kind: "start";
  /** As given; empty without a configuration file. */
  readonly filePath: string;
  /** Standard input holds more configuration, to be read to its end first. */
  readonly readsStandardInput: boolean;
  /** The options as lines of a configuration file, one character per byte. */
  readonly optionText: string;
}

export type CommandLine = PrintRequest | StartRequest;

/** Understands the arguments behind the program's name. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const request = printRequest(args);
  if (request) return request;
  const hasFile = args.length > 0 && !args[0].startsWith("-");
  const options = new OptionLines();
  let readsStandardInput = false;
  for (let k = hasFile ? 1 : 0; k < args.length; k++) {
    // A dash means standard input as the first or the last argument only.
    if (args[k] === "-" && (k === 0 || k === args.length - 1)) readsStandardInput = true;
    else options.add(latin1Text(utf8Bytes(args[k])), args[k + 1]);
  }
  const filePath = hasFile ? args[0] : "";
  return { kind: "start", filePath, readsStandardInput, optionText: options.text };
}

/** Puts the lines together that options stand for. */
class OptionLines {
  text = "";
  /** The argument after a directive's name is a value, dashes or not. */
  #expectsValue = false;

  add(arg: string, next: string | undefined): void {
    if (this.#expectsValue || !arg.startsWith("--")) {
      this.text += `${quoted(arg)} `;
      this.#expectsValue = false;
      return;
    }
    if (this.text !== "") this.text += "\n";
    this.text += `${arg.slice(2)} `;
    // "--port 6379" in one argument is complete.
    this.#expectsValue = splitWords(arg)?.length === 1;
    const isLast = next === undefined || next.startsWith("--");
    if (arg.toLowerCase() === "--save" && isLast) {
      // No value at all: no save points.
      this.text += '""';
      this.#expectsValue = false;
    }
  }
}

/**
 * Sets a configuration from the file, standard input's text (one character per byte) and the
 * options, in this order. Throws FatalConfigError or UnreadableConfigFile.
 */
export function applyCommandLine(
  config: Config,
  request: StartRequest,
  standardInput = "",
  checks: LoadChecks = {},
): void {
  let text = "";
  if (request.filePath !== "" && config.files) {
    config.filePath = resolve(config.files.startDirectory, request.filePath);
    text = readConfigFile(config.files, config.filePath);
  }
  text += standardInput;
  if (request.optionText !== "") text += `\n${request.optionText}`;
  loadConfig(config, text, checks);
}

function printRequest(args: readonly string[]): PrintRequest | undefined {
  switch (args[0]) {
    case "-v":
    case "--version":
      return print("stdout", 0, versionLine());
    case "-h":
    case "--help":
      return print("stderr", 1, HELP);
    case "--test-memory":
      return print("stderr", 1, "This server does not test memory.\n");
    default:
      return undefined;
  }
}

function print(stream: "stdout" | "stderr", exitCode: number, text: string): PrintRequest {
  return { kind: "print", stream, text, exitCode };
}

/** Scripts look for the "v=" field, and compare it with versions of Redis. */
function versionLine(): string {
  const build = `miniredis-${MINIREDIS_VERSION}`;
  return `Redis server v=${REDIS_VERSION} sha=00000000:0 malloc=pool bits=64 build=${build}\n`;
}

const HELP = `Usage: miniredis [/path/to/redis.conf] [--directive value ...] [-]
       miniredis - (configuration from standard input)
       miniredis -v or --version
       miniredis -h or --help

Every directive of a Redis configuration file may be given as an option. Later ones win; options
win over standard input, which wins over the file.

Examples:
       miniredis
       miniredis /etc/redis/redis.conf --loglevel verbose
       miniredis --port 7777 --replicaof 127.0.0.1 8888
       miniredis --port 6379 --aof /var/data/redis.aof
       echo 'maxmemory 128mb' | miniredis -
`;
