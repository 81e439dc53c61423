// hot path: no allocation per command
//
// Lua 5.1's patterns, matched on bytes of Lua's heap. The C library's matcher may run for ever and
// cannot be interrupted; this one counts its steps and can be continued later.
//
// It backtracks without recursion: what to try when a match fails is kept on a stack of entries of
// four numbers. No part of a pattern repeats more than one character class, so there are never more
// entries than the pattern has items.
//
//   LONGER   where the repetition starts, repetitions left to give up, rest of the pattern
//   SHORTER  where it stands, the class, its end              (a "-": one more repetition)
//   OPTION   where it stands, -, rest of the pattern          (a "?": none instead of one)
//   OPENED, CLOSED  a capture was begun, or ended: that is undone

/** No match; steps are used up; the pattern is not one. */
export const NO_MATCH = -1;
export const OUT_OF_STEPS = -2;
export const BAD_PATTERN = -3;

const CAPTURES_MAX = 32;
/** In place of a capture's length: it has not ended; it is a position. */
export const UNFINISHED = -1;
export const POSITION = -2;

const LONGER = 0;
const SHORTER = 1;
const OPTION = 2;
const OPENED = 3;
const CLOSED = 4;
const ENTRY = 4;

const ESCAPE = 37;
const FAILED = -1;

// Bits of the classes that a byte is in.
const ALPHA = 1;
const CONTROL = 2;
const DIGIT = 4;
const LOWER = 8;
const PUNCTUATION = 16;
const SPACE = 32;
const UPPER = 64;
const HEX = 128;
const ZERO = 256;

const CLASSES = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  let bits = byte === 0 ? ZERO : 0;
  if (/[A-Za-z]/.test(character)) bits |= ALPHA;
  if (byte < 32 || byte === 127) bits |= CONTROL;
  if (/[0-9]/.test(character)) bits |= DIGIT;
  if (/[a-z]/.test(character)) bits |= LOWER;
  if (byte > 32 && byte < 127 && !/[A-Za-z0-9]/.test(character)) bits |= PUNCTUATION;
  if (byte === 32 || (byte >= 9 && byte <= 13)) bits |= SPACE;
  if (/[A-Z]/.test(character)) bits |= UPPER;
  if (/[0-9A-Fa-f]/.test(character)) bits |= HEX;
  CLASSES[byte] = bits;
}

/** The classes that the letter behind a "%" stands for, whatever its case; 0 for any other byte. */
const LETTERS = new Uint16Array(256);
for (const [letter, bits] of [
  ...([
    ["a", ALPHA],
    ["c", CONTROL],
    ["d", DIGIT],
    ["l", LOWER],
    ["p", PUNCTUATION],
  ] as const),
  ...([
    ["s", SPACE],
    ["u", UPPER],
    ["w", ALPHA | DIGIT],
    ["x", HEX],
    ["z", ZERO],
  ] as const),
]) {
  LETTERS[letter.charCodeAt(0)] = bits;
  LETTERS[letter.toUpperCase().charCodeAt(0)] = bits;
}

/** Matches one pattern at a time. */
export class PatternMatcher {
  /** The captures of the match: where each starts, and its length. */
  count = 0;
  readonly starts = new Int32Array(CAPTURES_MAX);
  readonly lengths = new Int32Array(CAPTURES_MAX);
  /** What is wrong with the pattern. */
  error = "";
  /** Steps that may still be taken. */
  steps = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #textStart = 0;
  #textEnd = 0;
  #patternEnd = 0;
  // Where the match stands in the text and in the pattern.
  #at = 0;
  #pattern = 0;
  #stack = new Int32Array(64);
  #top = 0;

  /** The subject bytes[start, end) and the end of the pattern, which a zero byte ends, too. */
  begin(start: number, end: number, patternEnd: number): void {
    this.#textStart = start;
    this.#textEnd = end;
    this.#patternEnd = patternEnd;
  }

  /** Matches the pattern at `pattern` with the text at `at`; the end of the match, or a code. */
  match(bytes: Uint8Array, at: number, pattern: number): number {
    this.count = 0;
    this.#top = 0;
    this.#at = at;
    this.#pattern = pattern;
    return this.go(bytes);
  }

  /** Goes on with a match that had used up its steps. */
  go(bytes: Uint8Array): number {
    this.#bytes = bytes;
    while (this.#pattern < this.#patternEnd) {
      if (--this.steps < 0) return OUT_OF_STEPS;
      const isMatching = this.#item();
      if (this.error !== "") return BAD_PATTERN;
      if (!isMatching && !this.#backtrack()) return NO_MATCH;
    }
    return this.#at;
  }

  #fail(error: string): boolean {
    this.error = error;
    return false;
  }

  #push(kind: number, a: number, b: number, c: number): void {
    const top = this.#top;
    if (top + ENTRY > this.#stack.length) {
      // alloc: doubling
      const larger = new Int32Array(this.#stack.length * 2);
      larger.set(this.#stack);
      this.#stack = larger;
    }
    const stack = this.#stack;
    stack[top] = kind;
    stack[top + 1] = a;
    stack[top + 2] = b;
    stack[top + 3] = c;
    this.#top = top + ENTRY;
  }

  /** Takes up what was left to try last; false where there is nothing. */
  #backtrack(): boolean {
    const stack = this.#stack;
    while (this.#top > 0) {
      const entry = this.#top - ENTRY;
      const a = stack[entry + 1];
      const b = stack[entry + 2];
      const c = stack[entry + 3];
      switch (stack[entry]) {
        case LONGER:
          if (b === 0) break;
          stack[entry + 2] = b - 1;
          this.#at = a + b - 1;
          this.#pattern = c;
          return true;
        case SHORTER:
          if (a >= this.#textEnd || !this.#isOne(this.#bytes[a], b, c)) break;
          stack[entry + 1] = a + 1;
          this.#at = a + 1;
          this.#pattern = c + 1;
          return true;
        case OPTION:
          this.#top = entry;
          this.#at = a;
          this.#pattern = c;
          return true;
        case OPENED:
          this.count--;
          break;
        default:
          this.lengths[a] = UNFINISHED;
      }
      this.#top = entry;
      if (--this.steps < 0) this.steps = 0;
    }
    return false;
  }

  /** Matches the next item of the pattern; false where it does not match. */
  #item(): boolean {
    const bytes = this.#bytes;
    const pattern = this.#pattern;
    const next = pattern + 1 < this.#patternEnd ? bytes[pattern + 1] : 0;
    switch (bytes[pattern]) {
      case 40: // (
        return next === 41
          ? this.#open(pattern + 2, POSITION)
          : this.#open(pattern + 1, UNFINISHED);
      case 41: // )
        return this.#close();
      case ESCAPE:
        if (next === 98) return this.#balance();
        if (next === 102) return this.#frontier();
        if (next >= 48 && next <= 57) return this.#backReference(next);
        break;
      case 36: // $
        if (pattern + 1 !== this.#patternEnd) break;
        this.#pattern++;
        return this.#at === this.#textEnd;
    }
    return this.#single();
  }

  #open(rest: number, length: number): boolean {
    if (this.count >= CAPTURES_MAX) return this.#fail("too many captures");
    this.starts[this.count] = this.#at;
    this.lengths[this.count++] = length;
    this.#push(OPENED, 0, 0, 0);
    this.#pattern = rest;
    return true;
  }

  #close(): boolean {
    let index = this.count - 1;
    while (index >= 0 && this.lengths[index] !== UNFINISHED) index--;
    if (index < 0) return this.#fail("invalid pattern capture");
    this.lengths[index] = this.#at - this.starts[index];
    this.#push(CLOSED, index, 0, 0);
    this.#pattern++;
    return true;
  }

  /** "%bxy": from an x to the y that belongs to it. */
  #balance(): boolean {
    const bytes = this.#bytes;
    const pattern = this.#pattern + 2;
    if (pattern + 1 >= this.#patternEnd) return this.#fail("unbalanced pattern");
    if (this.#at >= this.#textEnd || bytes[this.#at] !== bytes[pattern]) return false;
    let depth = 1;
    for (let at = this.#at + 1; at < this.#textEnd; at++) {
      if (bytes[at] === bytes[pattern + 1]) {
        if (--depth > 0) continue;
        this.steps -= at - this.#at;
        this.#at = at + 1;
        this.#pattern = pattern + 2;
        return true;
      }
      if (bytes[at] === bytes[pattern]) depth++;
    }
    this.steps -= this.#textEnd - this.#at;
    return false;
  }

  /** "%f[set]": between a byte outside of the set and one inside. */
  #frontier(): boolean {
    const bytes = this.#bytes;
    const set = this.#pattern + 2;
    if (set >= this.#patternEnd || bytes[set] !== 91) {
      return this.#fail("missing '[' after '%f' in pattern");
    }
    const end = this.#classEnd(set);
    if (end === FAILED) return false;
    const before = this.#at === this.#textStart ? 0 : bytes[this.#at - 1];
    const here = this.#at < this.#textEnd ? bytes[this.#at] : 0;
    if (this.#isInSet(before, set, end - 1) || !this.#isInSet(here, set, end - 1)) return false;
    this.#pattern = end;
    return true;
  }

  /** "%1": what the capture has caught, once more. */
  #backReference(digit: number): boolean {
    const bytes = this.#bytes;
    const index = digit - 49;
    if (index < 0 || index >= this.count || this.lengths[index] === UNFINISHED) {
      return this.#fail("invalid capture index");
    }
    const start = this.starts[index];
    const length = this.lengths[index];
    // The original takes the length of a position for an enormous one.
    if (length < 0 || this.#textEnd - this.#at < length) return false;
    for (let k = 0; k < length; k++) {
      if (bytes[start + k] !== bytes[this.#at + k]) return false;
    }
    this.steps -= length;
    this.#at += length;
    this.#pattern += 2;
    return true;
  }

  /** A class and, perhaps, how often it may repeat. */
  #single(): boolean {
    const bytes = this.#bytes;
    const pattern = this.#pattern;
    const end = this.#classEnd(pattern);
    if (end === FAILED) return false;
    const at = this.#at;
    const suffix = end < this.#patternEnd ? bytes[end] : 0;
    if (suffix === 45) {
      // -
      this.#push(SHORTER, at, pattern, end);
      this.#pattern = end + 1;
      return true;
    }
    if (suffix === 42) return this.#repeat(at, pattern, end); // *
    const isOne = at < this.#textEnd && this.#isOne(bytes[at], pattern, end);
    if (suffix === 63) {
      // ?
      if (isOne) this.#push(OPTION, at, 0, end + 1);
      this.#at = isOne ? at + 1 : at;
      this.#pattern = end + 1;
      return true;
    }
    if (!isOne) return false;
    if (suffix === 43) return this.#repeat(at + 1, pattern, end); // +
    this.#at = at + 1;
    this.#pattern = end;
    return true;
  }

  /** As often as the class matches from `at` on; less often if the rest fails. */
  #repeat(at: number, pattern: number, end: number): boolean {
    const bytes = this.#bytes;
    const textEnd = this.#textEnd;
    let last = at;
    while (last < textEnd && this.#isOne(bytes[last], pattern, end)) last++;
    this.steps -= last - at;
    if (last > at) this.#push(LONGER, at, last - at, end + 1);
    this.#at = last;
    this.#pattern = end + 1;
    return true;
  }

  /** Where the class at `pattern` ends; FAILED where it does not. */
  #classEnd(pattern: number): number {
    const bytes = this.#bytes;
    const end = this.#patternEnd;
    let at = pattern + 1;
    const first = bytes[pattern];
    if (first === ESCAPE) {
      if (at < end) return at + 1;
      this.error = "malformed pattern (ends with '%')";
      return FAILED;
    }
    if (first !== 91) return at;
    if (at < end && bytes[at] === 94) at++;
    // A bracket in the first place stands for itself.
    do {
      if (at >= end) {
        this.error = "malformed pattern (missing ']')";
        return FAILED;
      }
      if (bytes[at++] === ESCAPE && at < end) at++;
    } while (at >= end || bytes[at] !== 93);
    return at + 1;
  }

  #isOne(byte: number, pattern: number, end: number): boolean {
    const bytes = this.#bytes;
    switch (bytes[pattern]) {
      case 46: // .
        return true;
      case ESCAPE:
        return isInClass(byte, bytes[pattern + 1]);
      case 91: // [
        return this.#isInSet(byte, pattern, end - 1);
    }
    return bytes[pattern] === byte;
  }

  /** Whether a byte is in the set whose "[" and "]" are at `pattern` and `end`. */
  #isInSet(byte: number, pattern: number, end: number): boolean {
    const bytes = this.#bytes;
    let at = pattern + 1;
    const isPositive = bytes[at] !== 94;
    if (!isPositive) at++;
    while (at < end) {
      if (bytes[at] === ESCAPE) {
        if (isInClass(byte, bytes[at + 1])) return isPositive;
        at += 2;
      } else if (bytes[at + 1] === 45 && at + 2 < end) {
        if (bytes[at] <= byte && byte <= bytes[at + 2]) return isPositive;
        at += 3;
      } else {
        if (bytes[at] === byte) return isPositive;
        at++;
      }
    }
    return !isPositive;
  }
}

/** Whether a byte is in the class that a letter stands for; any other byte stands for itself. */
function isInClass(byte: number, letter: number): boolean {
  const bits = LETTERS[letter];
  if (bits === 0) return letter === byte;
  return ((CLASSES[byte] & bits) !== 0) !== (CLASSES[letter] & UPPER) > 0;
}
