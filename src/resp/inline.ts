// Inline requests: a line of words, quoted as in a shell. Double quotes know \n \r \t \b \a, \xHH
// and a backslash before any other character; single quotes only \'. Words are unescaped in place,
// which only ever shortens them, so a request stays a list of ranges of its own bytes.

import { SPACE } from "../base/ascii.ts";

/**
 * The line's quotes do not pair up, or a closing quote is followed by something else than space.
 */
export const UNBALANCED = -1;

const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;
const LOWER_X = 120;

const ESCAPES = new Map([
  [110, 10],
  [114, 13],
  [116, 9],
  [98, 8],
  [97, 7],
]);

/**
 * Splits bytes[start, end) into words; word k's range goes to starts and ends at `index + k`.
 * Returns the number of words, or UNBALANCED.
 */
export function splitInline(
  bytes: Uint8Array,
  start: number,
  end: number,
  starts: Int32Array,
  ends: Int32Array,
  index: number,
): number {
  let count = 0;
  let at = start;
  for (;;) {
    while (at < end && isSpace(bytes[at])) at++;
    if (at >= end) return count;
    const target = at;
    let length = 0;
    while (at < end && !isSpace(bytes[at])) {
      const byte = bytes[at];
      if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
        const packed = unquote(bytes, at, end, target + length);
        if (packed === UNBALANCED) return UNBALANCED;
        at = closingQuote + 1;
        length += packed;
        if (at < end && !isSpace(bytes[at])) return UNBALANCED;
      } else if (byte === 0) {
        // Redis treats the line as a C string.
        end = at;
      } else {
        bytes[target + length++] = byte;
        at++;
      }
    }
    starts[index + count] = target;
    ends[index + count] = target + length;
    count++;
  }
}

/** Where the quote ended that `unquote` decoded last. */
let closingQuote = 0;

/** Decodes the quoted text at `open` to `target`; returns its length, or UNBALANCED. */
function unquote(bytes: Uint8Array, open: number, end: number, target: number): number {
  const quote = bytes[open];
  let to = target;
  for (let at = open + 1; at < end; at++) {
    let byte = bytes[at];
    if (byte === quote) {
      closingQuote = at;
      return to - target;
    }
    if (byte === BACKSLASH && at + 1 < end) {
      const escaped = bytes[at + 1];
      if (quote === SINGLE_QUOTE) {
        if (escaped === SINGLE_QUOTE) {
          byte = SINGLE_QUOTE;
          at++;
        }
      } else if (escaped === LOWER_X && at + 3 < end) {
        const high = hexDigit(bytes[at + 2]);
        const low = hexDigit(bytes[at + 3]);
        if (high >= 0 && low >= 0) {
          byte = (high << 4) | low;
          at += 3;
        } else {
          byte = escaped;
          at++;
        }
      } else {
        byte = ESCAPES.get(escaped) ?? escaped;
        at++;
      }
    }
    bytes[to++] = byte;
  }
  return UNBALANCED;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
