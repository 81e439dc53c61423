// hot path: no allocation per command
//
// Intervals of a sorted set as arguments give them, by rank, score or member, and the ranks that
// they cover. Every one is found as two ranks, so whoever works on an interval only walks it.

import { MINUS, PARENTHESIS, PLUS } from "../base/ascii.ts";
import { parseBound } from "../base/double.ts";
import type { ZsetValue } from "../keyspace/zset-value.ts";
import type { Context } from "./features.ts";
import { indexOrReply } from "./string-arguments.ts";

export const BY_RANK = 0;
export const BY_SCORE = 1;
export const BY_LEX = 2;

const BRACKET = 91;

// Ends of an interval of members.
const LOWEST = -1;
const HIGHEST = 1;
const MEMBER = 0;
const INVALID = 2;

/** An interval; one object is used for all. */
class Interval {
  /** BY_RANK, BY_SCORE or BY_LEX. */
  kind = BY_RANK;
  /** By rank or score: its ends. */
  #min = 0;
  #max = 0;
  #minExclusive = false;
  #maxExclusive = false;
  /** By member: LOWEST, HIGHEST or MEMBER, then the argument. */
  #minKind = MEMBER;
  #maxKind = MEMBER;
  #minIndex = 0;
  #maxIndex = 0;

  /** The ranks that `resolve` found: [first, first + count). */
  first = 0;
  count = 0;

  /** Reads both ends from arguments; false after the error. */
  parse(c: Context, kind: number, minIndex: number, maxIndex: number): boolean {
    this.kind = kind;
    if (kind === BY_LEX) return this.#parseMembers(c, minIndex, maxIndex);
    return kind === BY_SCORE
      ? this.#parseScores(c, minIndex, maxIndex)
      : this.#parseRanks(c, minIndex, maxIndex);
  }

  #parseRanks(c: Context, minIndex: number, maxIndex: number): boolean {
    this.#min = indexOrReply(c, minIndex);
    if (Number.isNaN(this.#min)) return false;
    this.#max = indexOrReply(c, maxIndex);
    return !Number.isNaN(this.#max);
  }

  #parseScores(c: Context, minIndex: number, maxIndex: number): boolean {
    this.#minExclusive = startsWith(c, minIndex, PARENTHESIS);
    this.#maxExclusive = startsWith(c, maxIndex, PARENTHESIS);
    this.#min = scoreEnd(c, minIndex, this.#minExclusive);
    this.#max = scoreEnd(c, maxIndex, this.#maxExclusive);
    if (!Number.isNaN(this.#min) && !Number.isNaN(this.#max)) return true;
    c.reply.error("ERR min or max is not a float");
    return false;
  }

  #parseMembers(c: Context, minIndex: number, maxIndex: number): boolean {
    this.#minKind = memberEnd(c, minIndex);
    this.#maxKind = memberEnd(c, maxIndex);
    if (this.#minKind === INVALID || this.#maxKind === INVALID) {
      c.reply.error("ERR min or max not valid string range item");
      return false;
    }
    this.#minIndex = minIndex;
    this.#maxIndex = maxIndex;
    this.#minExclusive = startsWith(c, minIndex, PARENTHESIS);
    this.#maxExclusive = startsWith(c, maxIndex, PARENTHESIS);
    return true;
  }

  /** Finds the ranks it covers; by rank, `reverse` counts from the highest score. */
  resolve(c: Context, value: ZsetValue, reverse: boolean): void {
    const size = value.size;
    let first: number;
    let end: number;
    if (this.kind === BY_RANK) {
      const from = Math.max(0, this.#min < 0 ? this.#min + size : this.#min);
      const to = Math.min(size - 1, this.#max < 0 ? this.#max + size : this.#max);
      first = reverse ? size - 1 - to : from;
      end = reverse ? size - from : to + 1;
    } else if (this.kind === BY_SCORE) {
      // The lower end last: a walk goes on from there.
      end = value.countBelow(this.#max, !this.#maxExclusive);
      first = value.countBelow(this.#min, this.#minExclusive);
    } else {
      first = this.#ranksBelow(c, value, this.#minKind, this.#minIndex, this.#minExclusive);
      end = this.#ranksBelow(c, value, this.#maxKind, this.#maxIndex, !this.#maxExclusive);
    }
    this.first = first;
    this.count = Math.max(0, end - first);
  }

  #ranksBelow(c: Context, value: ZsetValue, kind: number, index: number, orEqual: boolean): number {
    if (kind === LOWEST) return 0;
    if (kind === HIGHEST) return value.size;
    return value.countLexBelow(c.bytes, c.start(index) + 1, c.end(index), orEqual);
  }
}

function startsWith(c: Context, index: number, byte: number): boolean {
  return c.length(index) > 0 && c.bytes[c.start(index)] === byte;
}

function scoreEnd(c: Context, index: number, isExclusive: boolean): number {
  return parseBound(c.bytes, c.start(index) + (isExclusive ? 1 : 0), c.end(index));
}

/** What kind of end an argument is. */
function memberEnd(c: Context, index: number): number {
  if (c.length(index) === 0) return INVALID;
  const first = c.bytes[c.start(index)];
  if (first === PARENTHESIS || first === BRACKET) return MEMBER;
  if (first !== MINUS && first !== PLUS) return INVALID;
  // The text ends with its first zero byte, as Redis sees it.
  if (c.length(index) > 1 && c.bytes[c.start(index) + 1] !== 0) return INVALID;
  return first === MINUS ? LOWEST : HIGHEST;
}

export const interval = new Interval();
