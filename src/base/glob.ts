// hot path: no allocation per command
//
// Glob matching over bytes, as KEYS, SCAN, PSUBSCRIBE and CONFIG GET do it:
//
//   *       any bytes, also none         [a-z]   one byte of a range; the ends in either order
//   ?       one byte                     [^abc]  one byte that is none of these
//   \x      the byte x itself            [abc    a class may miss its bracket
//
// Malformed patterns have a meaning too, which clients can observe: the comments name those cases.
// Bytes above 127 sort below the others in a range, because Redis compares signed characters.
//
// One backtrack point is enough: whatever follows a star is tried at the leftmost place first, and
// once a later star is reached no earlier one needs to be reconsidered. So the cost is at most
// pattern length times text length, and there is no recursion.

import { ASTERISK, MINUS } from "./ascii.ts";

const QUESTION = 63;
const BRACKET = 91;
const BACKSLASH = 92;
const BRACKET_END = 93;
const CARET = 94;

/** A pattern that reaches more stars than this matches nothing, as in Redis. */
const STARS_MAX = 1000;

/** Where the class ends that `matchClass` looked at: the offset of the pattern's next element. */
let classEnd = 0;

/**
 * Whether text[textStart, textEnd) matches pattern[patternStart, patternEnd) as a whole.
 * `ignoreCase` treats ASCII letters alike.
 */
export function globMatches(
  pattern: Uint8Array,
  patternStart: number,
  patternEnd: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
  ignoreCase = false,
): boolean {
  // The empty text matches the empty pattern only; Redis does not look at stars then.
  if (textStart === textEnd) return patternStart === patternEnd;
  let at = patternStart;
  let cursor = textStart;
  let stars = 0;
  let resumePattern = -1;
  let resumeText = 0;
  while (cursor < textEnd) {
    let next = -1;
    if (at < patternEnd) {
      const element = pattern[at];
      if (element === ASTERISK) {
        at = behindStars(pattern, at, patternEnd);
        if (at === patternEnd) return true;
        if (++stars > STARS_MAX) return false;
        resumePattern = at;
        resumeText = cursor;
        continue;
      }
      next = behindElement(pattern, at, patternEnd, text[cursor], ignoreCase);
    }
    if (next >= 0) {
      at = next;
      cursor++;
    } else {
      if (resumePattern < 0) return false;
      at = resumePattern;
      cursor = ++resumeText;
    }
  }
  return behindStars(pattern, at, patternEnd) === patternEnd;
}

/** Whether bytes are the pattern `*`, which everything matches, the empty text included. */
export function matchesEverything(pattern: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && pattern[start] === ASTERISK;
}

function behindStars(pattern: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && pattern[at] === ASTERISK) at++;
  return at;
}

/** The offset behind the element at `at` where it matches the byte, otherwise -1. */
function behindElement(
  pattern: Uint8Array,
  at: number,
  end: number,
  byte: number,
  ignoreCase: boolean,
): number {
  const element = pattern[at];
  if (element === QUESTION) return at + 1;
  if (element === BRACKET) {
    return matchesClass(pattern, at + 1, end, byte, ignoreCase) ? classEnd : -1;
  }
  // A backslash that ends the pattern stands for itself.
  const literal = element === BACKSLASH && at + 1 < end ? at + 1 : at;
  return same(pattern[literal], byte, ignoreCase) ? literal + 1 : -1;
}

/** Whether a byte is in the class whose bracket is before `start`; sets `classEnd`. */
function matchesClass(
  pattern: Uint8Array,
  start: number,
  end: number,
  byte: number,
  ignoreCase: boolean,
): boolean {
  let at = start;
  const negated = at < end && pattern[at] === CARET;
  if (negated) at++;
  let found = false;
  while (at < end && pattern[at] !== BRACKET_END) {
    if (pattern[at] === BACKSLASH && at + 1 < end) {
      // An escaped byte counts in its own case only, even where case is ignored.
      if (pattern[at + 1] === byte) found = true;
      at += 2;
    } else if (at + 2 < end && pattern[at + 1] === MINUS) {
      // What follows the dash is the range's end even if it is the bracket.
      if (inRange(pattern[at], pattern[at + 2], byte, ignoreCase)) found = true;
      at += 3;
    } else {
      if (same(pattern[at], byte, ignoreCase)) found = true;
      at++;
    }
  }
  classEnd = at < end ? at + 1 : end;
  return found !== negated;
}

function inRange(first: number, last: number, byte: number, ignoreCase: boolean): boolean {
  let low = signed(first);
  let high = signed(last);
  if (low > high) {
    const swapped = low;
    low = high;
    high = swapped;
  }
  if (!ignoreCase) return signed(byte) >= low && signed(byte) <= high;
  // Lower-cased only after they were put in order, as in Redis.
  const lowered = signed(lower(byte));
  return lowered >= lowerSigned(low) && lowered <= lowerSigned(high);
}

function same(left: number, right: number, ignoreCase: boolean): boolean {
  return left === right || (ignoreCase && lower(left) === lower(right));
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 32 : byte;
}

function lowerSigned(value: number): number {
  return value >= 65 && value <= 90 ? value | 32 : value;
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}
