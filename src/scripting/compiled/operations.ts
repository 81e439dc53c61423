// hot path: no allocation per command
//
// Lua's operations on the values of compiled scripts. They do what Lua does where that is plain,
// and give up (see bail.ts) where it is not, or is an error: the virtual machine then says what it
// is.
//
//   nil: undefined; booleans, numbers: the same; strings: one character per byte; arrays: arrays;
//   a status or error, which is the table {ok = text} or {err = text}: a Status, a Failure

import { giveUp } from "./bail.ts";

/** Of Lua's numbers, those beyond this print in another way. */
const LARGEST_PRINTED = 1e13;
const SMALLEST_PRINTED = 1e-4;
const DIGITS = 14;
/** Longer strings are not looked at as a whole, */
const TEXT_MAX = 256;
/** nor are longer numerals. */
const NUMERAL_MAX = 40;

const ZERO = 48;
const NINE = 57;
const MINUS = 45;
const POINT = 46;
const UPPER_A = 65;
const LOWER_A = 97;
const LETTERS = 26;
const LOWER = 32;
/** Texts that replies show as they are. */
export const PLAIN_LINE = /^[\x20-\x7e]*$/;

/** The letters that "inf" and "nan" begin with, as their places in the alphabet. */
const I = 8;
const N = 13;

/** A status, as commands reply it. */
export class Status {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An error that a script returns. */
export class Failure {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Value = undefined | boolean | number | string | Status | Failure | Value[];

/** {ok = text} */
export function status(text: Value): Status {
  return new Status(typeof text === "string" ? text : giveUp());
}

/** {err = text} */
export function failure(text: Value): Failure {
  return new Failure(typeof text === "string" ? text : giveUp());
}

/** As redis.error_reply: an error that does not begin with a code is given one. */
export function errorReply(text: Value): Failure {
  // What else is to be done is left alone.
  if (typeof text !== "string" || text.startsWith("-") || !PLAIN_LINE.test(text)) return giveUp();
  return new Failure(text.includes(" ") ? text : "ERR ".concat(text));
}

export function isTrue(value: Value): boolean {
  return value !== undefined && value !== false;
}

export function add(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number" ? a + b : operand(a) + operand(b);
}

export function subtract(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number" ? a - b : operand(a) - operand(b);
}

export function multiply(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number" ? a * b : operand(a) * operand(b);
}

export function divide(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number" ? a / b : operand(a) / operand(b);
}

export function modulo(a: Value, b: Value): number {
  if (typeof a !== "number" || typeof b !== "number") return modulo(operand(a), operand(b));
  // The same for small integers, and quicker.
  if (a > 0 && b > 0 && (a | 0) === a && (b | 0) === b) return a % b;
  return a - Math.floor(a / b) * b;
}

export function negate(a: Value): number {
  return -operand(a);
}

export function less(a: Value, b: Value): boolean {
  if (typeof a === "number" && typeof b === "number") return a < b;
  return shortText(a) < shortText(b);
}

export function lessOrEqual(a: Value, b: Value): boolean {
  if (typeof a === "number" && typeof b === "number") return a <= b;
  return shortText(a) <= shortText(b);
}

/** A string that is looked at as a whole. */
function shortText(value: Value): string {
  return typeof value === "string" && value.length <= TEXT_MAX ? value : giveUp();
}

/** The number that an operand of arithmetic is. */
function operand(value: Value): number {
  if (typeof value === "number") return value;
  return (typeof value === "string" ? numberOf(value) : undefined) ?? giveUp();
}

/** The bounds of a loop: only numbers are plain there. */
export function bound(value: Value): number {
  return typeof value === "number" ? value : giveUp();
}

/** As tonumber. */
export function toNumber(value: Value): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" ? numberOf(value) : undefined;
}

/** The number that a string is; undefined where it clearly is none. */
function numberOf(text: string): number | undefined {
  const { length } = text;
  if (length === 0) return undefined;
  if (length > NUMERAL_MAX) return giveUp();
  let at = text.charCodeAt(0) === MINUS ? 1 : 0;
  const start = at;
  let hasPoint = false;
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) continue;
    if (code !== POINT || hasPoint || at === start || at + 1 === length) {
      return otherThanNumber(text.charCodeAt(0));
    }
    hasPoint = true;
  }
  return at > start ? Number(text) : giveUp();
}

/** Of a string that is no plain decimal, whether its first character says that it is no number. */
function otherThanNumber(code: number): undefined {
  const letter = (code | LOWER) - LOWER_A;
  const isLetter = code >= UPPER_A && letter >= 0 && letter < LETTERS;
  return isLetter && letter !== I && letter !== N ? undefined : giveUp();
}

/** A number as tostring and concatenation print it. */
function numberText(value: number): string {
  if (Number.isInteger(value)) {
    if (Math.abs(value) >= LARGEST_PRINTED || (value === 0 && 1 / value < 0)) return giveUp();
    return String(value);
  }
  const size = Math.abs(value);
  if (!(size >= SMALLEST_PRINTED && size < LARGEST_PRINTED)) return giveUp();
  // Where the digit behind the last is 5, it depends on more of them how it is rounded.
  if (value.toPrecision(DIGITS + 1).endsWith("5")) return giveUp();
  return String(Number(value.toPrecision(DIGITS)));
}

/** As tostring. */
export function toText(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return numberText(value);
  if (value === undefined) return "nil";
  return value === true ? "true" : value === false ? "false" : giveUp();
}

/** An operand of a concatenation. */
export function concatenable(value: Value): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? numberText(value) : giveUp();
}

/** As type. */
export function typeName(value: Value): string {
  if (value === undefined) return "nil";
  return typeof value === "object" ? "table" : typeof value;
}

/** #value */
export function lengthOf(value: Value): number {
  return typeof value === "string" || Array.isArray(value) ? value.length : giveUp();
}

/** table[key] */
export function elementOf(table: Value, key: Value): Value {
  if (Array.isArray(table)) {
    if (typeof key !== "number") return undefined;
    return key >= 1 && key <= table.length && Number.isInteger(key) ? table[key - 1] : undefined;
  }
  if (table instanceof Status) return key === "ok" ? table.text : undefined;
  if (table instanceof Failure) return key === "err" ? table.text : undefined;
  return giveUp();
}

/** table[key] = value, as long as the array has no holes. */
export function setElement(table: Value, key: Value, value: Value): void {
  if (!Array.isArray(table) || typeof key !== "number" || value === undefined) return giveUp();
  if (!(key >= 1 && key <= table.length + 1 && Number.isInteger(key))) return giveUp();
  if (key > table.length) table.push(value);
  else table[key - 1] = value;
}

/** An array of values; none may be nil. */
export function tableOf(items: Value[]): Value[] {
  for (let k = 0; k < items.length; k++) if (items[k] === undefined) return giveUp();
  return items;
}

/** As table.insert of two arguments. */
export function append(table: Value, value: Value): undefined {
  if (!Array.isArray(table) || value === undefined) return giveUp();
  table.push(value);
}

function numeric(value: Value): number {
  return typeof value === "number" ? value : giveUp();
}

export function floor(value: Value): number {
  return Math.floor(numeric(value));
}

export function ceil(value: Value): number {
  return Math.ceil(numeric(value));
}

export function abs(value: Value): number {
  return Math.abs(numeric(value));
}

/** As math.max of two arguments, which keeps the first one unless the second is greater. */
export function max(a: Value, b: Value): number {
  const first = numeric(a);
  if (numeric(b) > first) return numeric(b);
  return first;
}

export function min(a: Value, b: Value): number {
  const first = numeric(a);
  if (numeric(b) < first) return numeric(b);
  return first;
}

/** As string.len. */
export function stringLength(text: Value): number {
  return typeof text === "string" ? text.length : giveUp();
}

/** As string.sub. */
export function substring(text: Value, from: Value, to: Value = -1): string {
  if (typeof text !== "string") return giveUp();
  const { length } = text;
  const start = position(from, length);
  const end = Math.min(position(to, length), length);
  return text.substring(Math.max(start, 1) - 1, Math.max(end, Math.max(start, 1) - 1));
}

/** A position in a string, from its end where it is negative. */
function position(value: Value, length: number): number {
  if (typeof value !== "number" || (value | 0) !== value) return giveUp();
  return value < 0 ? Math.max(length + value + 1, 0) : value;
}

const UPPER = /[A-Z]/;
const LOWER_CASE = /[a-z]/;

/** As string.lower, of text that has nothing but ASCII to be changed. */
export function lower(value: Value): string {
  const text = shortText(value);
  if (!UPPER.test(text)) return text;
  return isAscii(text) ? text.toLowerCase() : giveUp();
}

export function upper(value: Value): string {
  const text = shortText(value);
  if (!LOWER_CASE.test(text)) return text;
  return isAscii(text) ? text.toUpperCase() : giveUp();
}

function isAscii(text: string): boolean {
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) > 127) return false;
  return true;
}
