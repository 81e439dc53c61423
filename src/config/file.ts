// Redis's configuration file syntax: one directive and its words per line, `#` comments, `include`.
//
// Line numbers count from 1 within one text: an included file has its own, and the command line's
// options count on behind the file that they follow.

import { resolve } from "node:path";
import { globMatches } from "../base/glob.ts";
import { latin1Bytes, latin1Text, messageOf, utf8Bytes, utf8Text } from "../base/text.ts";
import { splitWords, trimmed } from "../base/words.ts";
import { type Config, splitValue } from "./config.ts";
import type { Directive } from "./directive.ts";
import { findDirective, isObsolete } from "./directives.ts";
import type { ConfigFiles } from "./files.ts";
import { InvalidValue } from "./value-types.ts";

/** A configuration that the server cannot start with. */
export class FatalConfigError extends Error {
  override name = "FatalConfigError";
  readonly lineNumber: number;
  readonly line: string;

  /** Line number 0: the error belongs to no line. */
  constructor(reason: string, lineNumber = 0, line = "") {
    super(reason);
    this.lineNumber = lineNumber;
    this.line = line;
  }

  /** What Redis prints on standard error before it exits with status 1. */
  report(redisVersion: string): string {
    const place =
      this.lineNumber === 0
        ? ""
        : `Reading the configuration file, at line ${this.lineNumber}\n>>> '${this.line}'\n`;
    return `\n*** FATAL CONFIG FILE ERROR (Redis ${redisVersion}) ***\n${place}${this.message}\n`;
  }
}

/** A configuration file that cannot be read. Redis logs the message and exits with status 1. */
export class UnreadableConfigFile extends Error {
  override name = "UnreadableConfigFile";

  constructor(path: string, reason: string) {
    super(`Fatal error, can't open config file '${path}': ${reason}`);
  }
}

/** Knowledge of other components that some lines are checked against. */
export interface LoadChecks {
  /** Whether a command exists, for `rename-command`. */
  readonly commandExists?: (name: string) => boolean;
  /** What is wrong with a line's words, and which one to show for it. */
  readonly userError?: (
    words: readonly string[],
  ) => { readonly word: string; readonly reason: string } | undefined;
}

const DUPLICATE_USER = "Duplicate user found. A user can only be defined once in config files";
const INCLUDE_DEPTH_MAX = 32;

/** Reads a configuration file as text with one character per byte. */
export function readConfigFile(files: ConfigFiles, path: string): string {
  try {
    return latin1Text(files.read(path));
  } catch (error) {
    throw new UnreadableConfigFile(path, messageOf(error));
  }
}

/**
 * Sets a configuration from a whole text. Throws FatalConfigError or UnreadableConfigFile, and may
 * have set some directives then.
 */
export function loadConfig(config: Config, text: string, checks: LoadChecks = {}): void {
  const loader = new Loader(config, checks);
  loader.load(text, 0);
  if (config.flag("cluster-enabled") && config.text("replicaof") !== "") {
    throw new FatalConfigError("replicaof directive not allowed in cluster mode");
  }
}

class Loader {
  readonly #config: Config;
  readonly #checks: LoadChecks;
  /** Whether a `save` line came by: the first one replaces the default save points. */
  #sawSave = false;
  readonly #removedCommands = new Set<string>();
  readonly #addedCommands = new Set<string>();

  constructor(config: Config, checks: LoadChecks) {
    this.#config = config;
    this.#checks = checks;
  }

  load(text: string, depth: number): void {
    const lines = text.split("\n");
    for (const [index, rawLine] of lines.entries()) {
      const line = trimmed(rawLine);
      if (line === "" || line.startsWith("#")) continue;
      try {
        this.#line(line, depth);
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        throw new FatalConfigError(error.message, index + 1, line);
      }
    }
  }

  #line(line: string, depth: number): void {
    const words = splitWords(line);
    if (words === undefined) throw new InvalidValue("Unbalanced quotes in configuration line");
    if (words.length === 0) return;
    const name = words[0].toLowerCase();
    const directive = findDirective(name);
    if (directive) return this.#directive(directive, words.slice(1));
    if (isObsolete(name) && words.length === 2) return;
    if (name === "include" && words.length === 2) return this.#include(words[1], depth);
    if (name === "rename-command" && words.length === 3) return this.#rename(words[1], words[2]);
    if (name === "user" && words.length >= 2) return this.#user(words.slice(1));
    if (name === "loadmodule" && words.length >= 2) {
      throw new InvalidValue("modules are not supported");
    }
    if (name === "sentinel") {
      throw new InvalidValue("sentinel directive while not in sentinel mode");
    }
    throw new InvalidValue("Bad directive or wrong number of arguments");
  }

  #directive(directive: Directive, given: string[]): void {
    if (!directive.type.takesWords && given.length !== 1) {
      throw new InvalidValue("wrong number of arguments");
    }
    // One quoted argument may hold all the words.
    const words = given.length === 1 ? splitValue(directive, given[0]) : given;
    if (directive.name === "save") this.#save(directive, words);
    else this.#config.assign(directive, words);
  }

  /** Save points add up over several lines; a line without any forgets those before it. */
  #save(directive: Directive, words: string[]): void {
    const before = this.#sawSave ? this.#config.words("save") : [];
    this.#config.assign(directive, words);
    this.#sawSave = true;
    const added = this.#config.words("save");
    if (added.length > 0) this.#config.assign(directive, [...before, ...added]);
  }

  #include(bytes: string, depth: number): void {
    const files = this.#config.files;
    if (!files) throw new InvalidValue("no files can be included here");
    if (depth === INCLUDE_DEPTH_MAX) throw new InvalidValue("include directives nested too deep");
    // A relative path starts from the directory that is current at this line.
    const path = resolve(this.#config.text("dir"), utf8Text(latin1Bytes(bytes)));
    const isPattern = ["*", "?", "["].some((character) => path.includes(character));
    const paths = isPattern ? matchingPaths(files, path) : [path];
    for (const each of paths) this.load(readConfigFile(files, each), depth + 1);
  }

  #rename(name: string, newName: string): void {
    if (!this.#exists(name, true)) throw new InvalidValue("No such command in rename-command");
    this.#addedCommands.delete(name.toLowerCase());
    this.#removedCommands.add(name.toLowerCase());
    if (newName !== "") {
      if (this.#exists(newName, false))
        throw new InvalidValue("Target command name already exists");
      this.#addedCommands.add(newName.toLowerCase());
    }
    this.#config.renamedCommands.push([name, newName]);
  }

  /** `otherwise` is the answer where nobody knows the commands. */
  #exists(name: string, otherwise: boolean): boolean {
    const key = name.toLowerCase();
    if (this.#addedCommands.has(key)) return true;
    return !this.#removedCommands.has(key) && (this.#checks.commandExists?.(key) ?? otherwise);
  }

  #user(words: string[]): void {
    const isKnown = this.#config.users.some(([name]) => name === words[0]);
    const error = isKnown
      ? { word: words[0], reason: DUPLICATE_USER }
      : this.#checks.userError?.(["user", ...words]);
    if (error !== undefined) {
      throw new InvalidValue(`Error in user declaration '${error.word}': ${error.reason}`);
    }
    this.#config.users.push(words);
  }
}

/** The existing paths that an absolute pattern matches, in alphabetical order. */
function matchingPaths(files: ConfigFiles, pattern: string): string[] {
  let found = ["/"];
  for (const part of pattern.split("/")) {
    if (part === "") continue;
    found = found.flatMap((directory) => {
      const names = files.names(directory).filter((name) => matchesName(part, name));
      return names.sort().map((name) => resolve(directory, name));
    });
  }
  return found;
}

/** As in a shell: a name with a leading dot must be asked for. */
function matchesName(part: string, name: string): boolean {
  if (name.startsWith(".") && !part.startsWith(".")) return false;
  const pattern = utf8Bytes(part);
  const bytes = utf8Bytes(name);
  return globMatches(pattern, 0, pattern.length, bytes, 0, bytes.length);
}
