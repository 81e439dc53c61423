// What a configuration directive declares about itself. The entry in one of the directives-*.ts
// tables is the only place where a directive's facts stand: the file's reader, CONFIG GET, SET and
// REWRITE, and the typed access of the server's components all follow from it.

import {
  ChoicesType,
  ChoiceType,
  FlagType,
  type IntegerLimits,
  IntegerType,
  TextType,
  type ValueType,
} from "./value-types.ts";

/** Who may change a directive while the server runs. */
export type Access =
  | "mutable"
  /** Set by the configuration file or the command line only. */
  | "immutable"
  /** CONFIG SET is refused unless `enable-protected-configs` allows it. */
  | "protected";

/** What of Redis this server does not have yet. */
export type MissingFeature = "replication" | "cluster" | "TLS";

/** The facts of a directive besides its values. */
export interface DirectiveTraits {
  /** Other names for the same value; CONFIG GET lists them too. */
  readonly aliases?: readonly string[];
  /** "mutable" unless said. */
  readonly access?: Access;
  /** CONFIG GET answers the exact name only, no pattern. */
  readonly hidden?: true;
  /** CONFIG SET answers -LOADING while the data set is loaded. */
  readonly refusedWhileLoading?: true;
  /** Why the directive is accepted but changes nothing here. */
  readonly withoutEffect?: string;
  /** What is not there yet, and without which the directive changes nothing: the start says so. */
  readonly waitsFor?: MissingFeature;
}

/** One directive of the configuration. */
export interface Directive extends DirectiveTraits {
  readonly name: string;
  readonly type: ValueType;
  /** The canonical text of the value without any configuration. */
  readonly initial: string;
}

export const IMMUTABLE = { access: "immutable" } as const;
export const PROTECTED = { access: "protected" } as const;

/** Directives that wait for the same. */
export function waitingFor(
  feature: MissingFeature,
  directives: readonly Directive[],
): readonly Directive[] {
  return directives.map((directive) => ({ ...directive, waitsFor: feature }));
}

/** yes or no. */
export function flag(name: string, initial: boolean, traits: DirectiveTraits = {}): Directive {
  return { ...traits, name, type: new FlagType(), initial: initial ? "yes" : "no" };
}

/** An integer. */
export function integer(
  name: string,
  initial: number | bigint,
  limits: IntegerLimits,
  traits: DirectiveTraits = {},
): Directive {
  const type = new IntegerType(limits);
  return { ...traits, name, type, initial: initial.toString(limits.unit === "octal" ? 8 : 10) };
}

/** A number of bytes, which may be given as "100mb". */
export function memory(
  name: string,
  initial: number,
  limits: IntegerLimits,
  traits: DirectiveTraits = {},
): Directive {
  return integer(name, initial, { unit: "memory", ...limits }, traits);
}

/** One of several words; the initial one comes first in the call, not in the list. */
export function choice(
  name: string,
  initial: string,
  words: readonly string[],
  traits: DirectiveTraits = {},
): Directive {
  return { ...traits, name, type: new ChoiceType(words), initial };
}

/** Any of several words together. */
export function choices(
  name: string,
  initial: string,
  words: readonly string[],
  check: (chosen: ReadonlySet<string>) => void,
): Directive {
  return { name, type: new ChoicesType(words, check), initial };
}

/** A text whose absence is written as the empty text. */
export function optionalText(
  name: string,
  traits: DirectiveTraits = {},
  check?: (text: string) => void,
): Directive {
  return { ...traits, name, type: new TextType(false, check), initial: "" };
}

/** A text that always has a value, the empty one included. */
export function text(
  name: string,
  initial: string,
  traits: DirectiveTraits = {},
  check?: (text: string) => void,
): Directive {
  return { ...traits, name, type: new TextType(true, check), initial };
}

/** A value with a syntax of its own. */
export function special(
  name: string,
  initial: string,
  type: ValueType,
  traits: DirectiveTraits = {},
): Directive {
  return { ...traits, name, type, initial };
}
