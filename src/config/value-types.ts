// What values a directive takes: yes or no, a number, a memory size, one of several words, a text.
//
// A value is kept as its canonical text, the one that CONFIG GET answers: "104857600" for 100mb.
// Texts hold one character per byte, so that passwords and paths survive whatever their encoding.

import { INT64_MAX, parseInt64 } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import { quoted } from "../base/words.ts";

export const INT_MAX = 2 ** 31 - 1;
export const INT_MIN = -(2 ** 31);
export const UINT32_MAX = 2 ** 32 - 1;
export const UINT64_MAX = 2n ** 64n - 1n;

/** A value that a directive refuses; the message is the reason as Redis words it. */
export class InvalidValue extends Error {
  override name = "InvalidValue";
}

/** A line of a configuration file. */
export interface ConfigLine {
  readonly text: string;
  /** Whether the line is needed even where the file has no line of its directive yet. */
  readonly needed: boolean;
}

/** What parsing a value may depend on besides the words. */
export interface ParseScope {
  /** The directive's present value. */
  readonly current: string;
  /** The absolute path of a directory relative to another; throws InvalidValue with the reason. */
  readonly directory: (path: string, from: string) => string;
}

/** The values that a directive takes. */
export interface ValueType {
  /** Takes any number of words. CONFIG SET splits its one argument at single blanks then. */
  readonly takesWords: boolean;
  /** The canonical text of the words, of exactly one without `takesWords`; throws InvalidValue. */
  parse(words: readonly string[], scope: ParseScope): string;
  /** The lines that restore a value; `initial` is the value without any line. */
  lines(name: string, value: string, initial: string): ConfigLine[];
  /** What CONFIG GET shows where that differs from the value itself. */
  shown?(value: string): string;
}

/** A type whose line is just the directive's name and the value. */
abstract class OneLineType implements ValueType {
  readonly takesWords: boolean = false;
  abstract parse(words: readonly string[], scope: ParseScope): string;

  lines(name: string, value: string, initial: string): ConfigLine[] {
    return [{ text: `${name} ${this.written(value)}`, needed: value !== initial }];
  }

  /** The value as the line has it. */
  protected written(value: string): string {
    return value;
  }
}

/** yes or no. */
export class FlagType extends OneLineType {
  parse(words: readonly string[]): string {
    const word = words[0].toLowerCase();
    if (word !== "yes" && word !== "no") throw new InvalidValue("argument must be 'yes' or 'no'");
    return word;
  }
}

/** How a number is written. */
export type NumberUnit = "plain" | "octal" | "memory" | "memory-or-percent";

const UNPARSABLE: Record<NumberUnit, string> = {
  plain: "argument couldn't be parsed into an integer",
  octal: "argument couldn't be parsed as an octal number",
  memory: "argument must be a memory value",
  "memory-or-percent": "argument must be a memory or percent value",
};

/** What an integer directive accepts. */
export interface IntegerLimits {
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly unit?: NumberUnit;
  /** Accepted values outside these are silently moved to the nearer one. */
  readonly clampMin?: number;
  readonly clampMax?: number;
}

const PERCENT_TOO_LARGE = "percentage argument must be less or equal to 100";

/** An integer between two bounds. */
export class IntegerType extends OneLineType {
  readonly min: bigint;
  readonly max: bigint;
  readonly unit: NumberUnit;
  readonly #clampMin: bigint;
  readonly #clampMax: bigint;

  constructor(limits: IntegerLimits) {
    super();
    this.min = BigInt(limits.min);
    this.max = BigInt(limits.max);
    this.unit = limits.unit ?? "plain";
    this.#clampMin = BigInt(limits.clampMin ?? limits.min);
    this.#clampMax = BigInt(limits.clampMax ?? limits.max);
  }

  parse(words: readonly string[]): string {
    const word = words[0];
    if (this.unit === "memory-or-percent" && word.endsWith("%")) {
      const percent = parseStrict(word.slice(0, -1));
      if (percent === undefined || percent < 0n) throw new InvalidValue(UNPARSABLE[this.unit]);
      if (percent > 100n) throw new InvalidValue(PERCENT_TOO_LARGE);
      return `${percent}%`;
    }
    const value = this.#number(word);
    if (value === undefined) throw new InvalidValue(UNPARSABLE[this.unit]);
    // To Redis this is a negative number, which is how it keeps percentages.
    if (this.unit === "memory-or-percent" && value > this.max) {
      throw new InvalidValue(PERCENT_TOO_LARGE);
    }
    if (value < this.min || value > this.max) {
      const between = `${this.#print(this.min)} and ${this.#print(this.max)}`;
      throw new InvalidValue(`argument must be between ${between} inclusive`);
    }
    if (value < this.#clampMin) return this.#print(this.#clampMin);
    if (value > this.#clampMax) return this.#print(this.#clampMax);
    return this.#print(value);
  }

  #number(word: string): bigint | undefined {
    if (this.unit === "plain") return parseStrict(word);
    if (this.unit === "octal") return parseWhole(word, 8);
    return parseMemory(word);
  }

  #print(value: bigint): string {
    return value.toString(this.unit === "octal" ? 8 : 10);
  }

  protected override written(value: string): string {
    return this.unit.startsWith("memory") ? memoryText(value) : value;
  }
}

function parseStrict(word: string): bigint | undefined {
  const bytes = latin1Bytes(word);
  return parseInt64(bytes, 0, bytes.length);
}

const MEMORY_UNITS = new Map<string, bigint>([
  ["", 1n],
  ["b", 1n],
  ["k", 1000n],
  ["kb", 1n << 10n],
  ["m", 1000n ** 2n],
  ["mb", 1n << 20n],
  ["g", 1000n ** 3n],
  ["gb", 1n << 30n],
]);

/** More digits than this are no number, however many zeros lead. */
const MEMORY_DIGITS_MAX = 127;

/** A number of bytes such as "100mb"; undefined where it is none. No digits at all count as 0. */
export function parseMemory(word: string): bigint | undefined {
  let at = 0;
  while (isDigit(word.charCodeAt(at))) at++;
  const factor = MEMORY_UNITS.get(word.slice(at).toLowerCase());
  if (factor === undefined || at > MEMORY_DIGITS_MAX) return undefined;
  const count = BigInt(word.slice(0, at) || "0");
  // Saturates where C's conversion does, and wraps where its multiplication does.
  return BigInt.asUintN(64, (count > UINT64_MAX ? UINT64_MAX : count) * factor);
}

/** A number of bytes in the largest unit that divides it. */
export function memoryText(value: string): string {
  if (value === "0" || value.endsWith("%")) return value;
  const bytes = BigInt(value);
  for (const unit of ["gb", "mb", "kb"]) {
    const factor = MEMORY_UNITS.get(unit) ?? 1n;
    if (bytes % factor === 0n) return `${bytes / factor}${unit}`;
  }
  return value;
}

const WHOLE_DIGITS_MAX = 512;

/**
 * An integer as C's strtoll reads it (blanks before it and a plus are fine), undefined unless it
 * takes the whole word. An empty word is 0.
 */
export function parseWhole(word: string, radix: 8 | 10): bigint | undefined {
  let at = 0;
  while (" \t\n\v\f\r".includes(word[at] || "x")) at++;
  const negative = word[at] === "-";
  if (negative || word[at] === "+") at++;
  const start = at;
  while (isDigit(word.charCodeAt(at)) && word.charCodeAt(at) < 48 + radix) at++;
  if (at < word.length || (start === at && word !== "")) return undefined;
  const digits = word.slice(start);
  // BigInt's cost grows faster than the text; no honest number has so many digits.
  if (digits.length > WHOLE_DIGITS_MAX) return undefined;
  const value = BigInt((radix === 8 ? "0o" : "") + (digits || "0"));
  if (value > INT64_MAX) return negative ? -INT64_MAX - 1n : INT64_MAX;
  return negative ? -value : value;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** One of several words, whatever their case. */
export class ChoiceType extends OneLineType {
  readonly words: readonly string[];
  /** Words that mean the same as another one, which is then the canonical text. */
  readonly #synonyms: ReadonlyMap<string, string>;

  constructor(words: readonly string[], synonyms: ReadonlyMap<string, string> = new Map()) {
    super();
    this.words = words;
    this.#synonyms = synonyms;
  }

  parse(words: readonly string[]): string {
    const word = words[0].toLowerCase();
    if (!this.words.includes(word)) throw noneOf(this.words);
    return this.#synonyms.get(word) ?? word;
  }
}

function noneOf(words: readonly string[]): InvalidValue {
  return new InvalidValue(`argument(s) must be one of the following: ${words.join(", ")}`);
}

/** Any of several words together; the first means none of the others. */
export class ChoicesType extends OneLineType {
  override readonly takesWords = true;
  readonly words: readonly string[];
  /** Refuses a combination by throwing. */
  readonly #check: (chosen: ReadonlySet<string>) => void;

  constructor(words: readonly string[], check: (chosen: ReadonlySet<string>) => void) {
    super();
    this.words = words;
    this.#check = check;
  }

  parse(words: readonly string[]): string {
    const chosen = new Set<string>();
    for (const word of words) chosen.add(word.toLowerCase());
    if (chosen.size === 0) throw noneOf(this.words);
    for (const word of chosen) if (!this.words.includes(word)) throw noneOf(this.words);
    this.#check(chosen);
    chosen.delete(this.words[0]);
    if (chosen.size === 0) return this.words[0];
    return this.words.filter((word) => chosen.has(word)).join(" ");
  }
}

/** Any text. */
export class TextType extends OneLineType {
  /** Whether an empty text is a value to be written rather than the absence of one. */
  readonly #emptyIsValue: boolean;
  /** Refuses a text by throwing. */
  readonly #check: ((text: string) => void) | undefined;

  constructor(emptyIsValue: boolean, check?: (text: string) => void) {
    super();
    this.#emptyIsValue = emptyIsValue;
    this.#check = check;
  }

  parse(words: readonly string[]): string {
    this.#check?.(words[0]);
    return words[0];
  }

  override lines(name: string, value: string, initial: string): ConfigLine[] {
    if (value === "" && !this.#emptyIsValue) return [];
    return super.lines(name, value, initial);
  }

  protected override written(value: string): string {
    return quoted(value);
  }
}
