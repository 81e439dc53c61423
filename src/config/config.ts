// Config: the values of a server's directives, how they change and who is told.
//
// A change by CONFIG SET is all or nothing: every value is checked first, then all are set, then
// the components apply them; when one component refuses, every value goes back and the components
// that had already applied are told again.
//
// Invariants: every directive has a value, in canonical text (see value-types.ts); components never
// see a value their directive's type would refuse. Texts hold one character per byte, except what
// `text` returns.

import { assert } from "../base/assert.ts";
import { globMatches } from "../base/glob.ts";
import { latin1Bytes, latin1Text, messageOf, utf8Bytes, utf8Text } from "../base/text.ts";
import type { Directive } from "./directive.ts";
import { directiveNames, directives, findDirective } from "./directives.ts";
import type { ConfigFiles } from "./files.ts";
import {
  type OutputBufferLimits,
  outputBufferLimits,
  type SavePoint,
  savePoints,
  words,
} from "./special-types.ts";
import { InvalidValue } from "./value-types.ts";

/** Applies a directive's new value; throws InvalidValue with the reason to refuse it. */
export type ApplyChange = (config: Config) => void;

/** What CONFIG SET must know about its circumstances. */
export interface SetCircumstances {
  /** The client is on this machine: loopback or unix socket. */
  readonly isLocal: boolean;
  /** The data set is being loaded. */
  readonly isLoading: boolean;
}

/** A directive's value with what CONFIG SET needs to put it back. */
interface Change {
  readonly name: string;
  readonly directive: Directive;
  readonly value: string;
}

const LOADING = "LOADING Redis is loading the dataset in memory";

/** The configuration of one server. */
export class Config {
  /** The absolute path of the file that the server was started with, or empty. */
  filePath = "";
  /** The words behind `user` on the file's lines, in order. */
  readonly users: string[][] = [];
  /** Pairs of old and new name from `rename-command`, in order; an empty new name removes. */
  readonly renamedCommands: (readonly [name: string, newName: string])[] = [];

  readonly #values = new Map<string, string>();
  readonly #hooks = new Map<string, ApplyChange[]>();

  /** Access to files; without, `dir` takes any text and nothing can be loaded or rewritten. */
  readonly files: ConfigFiles | undefined;
  /** The `user` lines that CONFIG REWRITE writes; without, it leaves the file's lines alone. */
  describeUsers: (() => readonly string[]) | undefined;

  constructor(files?: ConfigFiles) {
    this.files = files;
    for (const directive of directives) this.#values.set(directive.name, directive.initial);
    if (files) this.#values.set("dir", latin1Text(utf8Bytes(files.startDirectory)));
  }

  /** A yes-or-no value. */
  flag(name: string): boolean {
    return this.byteText(name) === "yes";
  }

  /**
   * A number; bytes for memory sizes. A percentage is negative: -5 for "5%". Beyond 2^53 the
   * nearest double.
   */
  integer(name: string): number {
    const value = this.byteText(name);
    if (value.endsWith("%")) return -Number(value.slice(0, -1));
    return name === "unixsocketperm" ? Number.parseInt(value, 8) : Number(value);
  }

  /** A text or a choice, decoded as UTF-8. */
  text(name: string): string {
    return utf8Text(latin1Bytes(this.byteText(name)));
  }

  /** A value with one character per byte, as CONFIG GET has it. */
  byteText(name: string): string {
    const value = this.#values.get(name) ?? this.#values.get(findDirective(name)?.name ?? "");
    assert(value !== undefined, `there is a directive ${name}`);
    return value;
  }

  /** The words of a value that takes several: `bind`, `shutdown-on-sigterm`, `replicaof`. */
  words(name: string): string[] {
    return words(this.text(name));
  }

  /** The numbers of a value that takes several: `oom-score-adj-values`, percentiles. */
  numbers(name: string): number[] {
    return words(this.byteText(name)).map(Number);
  }

  /** The save points; none at all means that the server never saves by itself. */
  get savePoints(): SavePoint[] {
    return savePoints(this.byteText("save"));
  }

  /** The limits on unsent replies per class of client. */
  get outputBufferLimits(): OutputBufferLimits {
    return outputBufferLimits(this.byteText("client-output-buffer-limit"));
  }

  /** Calls `apply` after every change by CONFIG SET; loading and `assign` call nobody. */
  onChange(name: string, apply: ApplyChange): void {
    const directive = findDirective(name);
    assert(directive !== undefined, `there is a directive ${name}`);
    const hooks = this.#hooks.get(directive.name);
    if (hooks) hooks.push(apply);
    else this.#hooks.set(directive.name, [apply]);
  }

  /**
   * Sets a directive from words, whoever may change it, without telling anyone: for the file's
   * reader and for commands that own a value (REPLICAOF). Throws InvalidValue.
   */
  assign(directive: Directive, given: readonly string[]): void {
    this.#values.set(directive.name, this.#parse(directive, given));
    // The shorthand stands for both.
    if (directive.name === "aof" && given[0] !== "") this.#values.set("appendonly", "yes");
  }

  /** CONFIG GET: name and value of every directive that one of the patterns names. */
  get(patterns: readonly string[]): [name: string, value: string][] {
    const found = new Map<string, [string, string]>();
    for (const pattern of patterns) {
      for (const name of matchingNames(pattern)) {
        const key = name.toLowerCase();
        if (!found.has(key)) found.set(key, [name, this.#shown(key)]);
      }
    }
    return [...found.values()];
  }

  /** CONFIG SET: sets all pairs or none. Returns the error reply's text, undefined on success. */
  set(
    pairs: readonly (readonly [name: string, value: string])[],
    circumstances: SetCircumstances = { isLocal: true, isLoading: false },
  ): string | undefined {
    const changes: Change[] = [];
    let refusal: string | undefined;
    // An unknown name is reported wherever it stands, unless something before it was refused.
    for (const [name, value] of pairs) {
      const directive = findDirective(name);
      if (directive === undefined) {
        return refusal ?? `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      }
      if (refusal !== undefined) continue;
      refusal = this.#refusal(name, directive, circumstances);
      if (changes.some((change) => sameNames(change.name, name))) {
        refusal ??= setFailed(name, "duplicate parameter");
      }
      changes.push({ name, directive, value });
    }
    return refusal ?? this.#setAll(changes);
  }

  #refusal(name: string, directive: Directive, circumstances: SetCircumstances) {
    if (directive.access === "immutable") return setFailed(name, "can't set immutable config");
    if (directive.access === "protected" && !this.#allows(circumstances)) {
      return setFailed(name, "can't set protected config");
    }
    return directive.refusedWhileLoading && circumstances.isLoading ? LOADING : undefined;
  }

  #allows(circumstances: SetCircumstances): boolean {
    const gate = this.byteText("enable-protected-configs");
    return gate === "yes" || (gate === "local" && circumstances.isLocal);
  }

  #setAll(changes: readonly Change[]): string | undefined {
    const before = new Map<string, string>();
    for (const { directive } of changes) {
      before.set(directive.name, this.byteText(directive.name));
    }
    const touched: Change[] = [];
    for (const change of changes) {
      try {
        const given = splitValue(change.directive, change.value);
        const parsed = this.#parse(change.directive, given);
        if (parsed !== this.byteText(change.directive.name)) touched.push(change);
        this.#values.set(change.directive.name, parsed);
      } catch (error) {
        this.#restore(before);
        if (error instanceof InvalidValue) return setFailed(change.name, error.message);
        throw error;
      }
    }
    return this.#applyAll(touched, before);
  }

  #applyAll(changes: readonly Change[], before: Map<string, string>): string | undefined {
    const applied = new Set<ApplyChange>();
    for (const change of changes) {
      for (const apply of this.#hooks.get(change.directive.name) ?? []) {
        if (applied.has(apply)) continue;
        applied.add(apply);
        try {
          apply(this);
        } catch (error) {
          this.#restore(before);
          for (const again of applied) this.#applyAgain(again);
          if (error instanceof InvalidValue) return setFailed(change.name, error.message);
          throw error;
        }
      }
    }
    return undefined;
  }

  /** Tells a component that its former value is back; it cannot refuse that. */
  #applyAgain(apply: ApplyChange): void {
    try {
      apply(this);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
    }
  }

  #restore(before: Map<string, string>): void {
    for (const [name, value] of before) this.#values.set(name, value);
  }

  #parse(directive: Directive, given: readonly string[]): string {
    return directive.type.parse(given, {
      current: this.byteText(directive.name),
      directory: (path, from) => this.#directory(path, from),
    });
  }

  #directory(path: string, from: string): string {
    if (!this.files) return path;
    try {
      const found = this.files.directory(utf8Text(latin1Bytes(path)), utf8Text(latin1Bytes(from)));
      return latin1Text(utf8Bytes(found));
    } catch (error) {
      throw new InvalidValue(messageOf(error));
    }
  }

  #shown(name: string): string {
    const directive = findDirective(name);
    assert(directive !== undefined, `there is a directive ${name}`);
    const value = this.byteText(directive.name);
    return directive.type.shown?.(value) ?? value;
  }
}

/** The words of a value given as one: several where the type takes several, split at each blank. */
export function splitValue(directive: Directive, value: string): string[] {
  if (!directive.type.takesWords) return [value];
  return value === "" ? [] : value.split(" ");
}

function setFailed(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

function sameNames(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** An exact name is answered in the client's own spelling; only it reaches hidden directives. */
function matchingNames(pattern: string): string[] {
  const isPattern = ["*", "?", "["].some((character) => pattern.includes(character));
  if (!isPattern) return findDirective(pattern) ? [pattern] : [];
  const bytes = latin1Bytes(pattern);
  return directiveNames.filter((name) => {
    if (findDirective(name)?.hidden) return false;
    const nameBytes = latin1Bytes(name);
    return globMatches(bytes, 0, bytes.length, nameBytes, 0, nameBytes.length, true);
  });
}
