import { expect, test } from "bun:test";
import { globMatches, matchesEverything } from "../../../src/base/glob.ts";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes } from "../../../src/base/text.ts";

function matches(pattern: string, text: string, ignoreCase = false): boolean {
  const glob = latin1Bytes(pattern);
  const bytes = latin1Bytes(text);
  // Surrounded by other bytes, which must not be looked at.
  const padded = latin1Bytes(`*${pattern}]`);
  const direct = globMatches(glob, 0, glob.length, bytes, 0, bytes.length, ignoreCase);
  const inside = globMatches(padded, 1, glob.length + 1, bytes, 0, bytes.length, ignoreCase);
  expect(inside).toBe(direct);
  return direct;
}

// Answers of a Redis 8.0 server to KEYS with the key in the database.
const KNOWN: readonly (readonly [pattern: string, text: string, answer: boolean])[] = [
  ["a*", "abc", true],
  ["*c", "abc", true],
  ["a*b*c", "aXbYc", true],
  ["a*b*c", "acb", false],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["h[ae]llo", "hello", true],
  ["h[^e]llo", "hello", false],
  ["h[a-c]llo", "hbllo", true],
  ["h[c-a]llo", "hbllo", true],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["\\", "\\", true],
  ["a\\", "a\\", true],
  ["[", "[", false],
  ["[a", "a", true],
  ["[^", "x", true],
  ["[^a", "a", false],
  ["[]", "]", false],
  ["[^]", "x", true],
  ["[a-]", "-", false],
  ["[a-]", "^", true],
  ["[a-", "-", true],
  ["[\\]]", "]", true],
  ["[\\", "\\", true],
  ["[a-\xff]", "\x80", false],
  ["[a-\xff]", "\xff", true],
  ["[\x80-\xff]", "\x90", true],
  ["**", "", false],
  ["", "", true],
  ["", "a", false],
  ["a**", "a", true],
  ["*[", "a", false],
];

test.each(KNOWN)("the pattern %j on %j gives %p", (pattern, text, answer) => {
  expect(matches(pattern, text)).toBe(answer);
});

test("ignoring case treats ASCII letters alike, but not escaped ones in a class", () => {
  expect(matches("MAX*", "maxmemory")).toBe(false);
  expect(matches("MAX*", "maxmemory", true)).toBe(true);
  expect(matches("[A-C]x", "bX", true)).toBe(true);
  expect(matches("[\\A]", "a", true)).toBe(false);
  expect(matches("[\\A]", "A", true)).toBe(true);
});

test("only a single star matches everything", () => {
  const star = latin1Bytes("*a**");
  expect(matchesEverything(star, 0, 1)).toBe(true);
  expect(matchesEverything(star, 0, 2)).toBe(false);
  expect(matchesEverything(star, 2, 4)).toBe(false);
  expect(matchesEverything(star, 1, 1)).toBe(false);
});

test("many stars cost no more than pattern length times text length", () => {
  const pattern = latin1Bytes(`${"a*".repeat(900)}b`);
  const text = latin1Bytes("a".repeat(20_000));
  // Trying all ways to place 900 stars would not end in this universe.
  expect(globMatches(pattern, 0, pattern.length, text, 0, text.length)).toBe(false);
});

test("more than a thousand stars match nothing", () => {
  const text = latin1Bytes("a".repeat(3000));
  const within = latin1Bytes(`${"*a".repeat(1000)}*`);
  const beyond = latin1Bytes(`${"*a".repeat(1001)}*`);
  expect(globMatches(within, 0, within.length, text, 0, text.length)).toBe(true);
  expect(globMatches(beyond, 0, beyond.length, text, 0, text.length)).toBe(false);
});

/** Stars, question marks and letters only, by plain recursion. */
function naive(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") {
    for (let skipped = 0; skipped <= text.length; skipped++) {
      if (naive(pattern.slice(1), text.slice(skipped))) return true;
    }
    return false;
  }
  if (text === "" || (pattern[0] !== "?" && pattern[0] !== text[0])) return false;
  return naive(pattern.slice(1), text.slice(1));
}

test("random patterns agree with a plain recursive matcher (seed 11)", () => {
  const random = new Xoshiro(11);
  const word = (alphabet: string, length: number) => {
    let text = "";
    while (text.length < length) text += alphabet[randomBelow(random, alphabet.length)];
    return text;
  };
  for (let round = 0; round < 20_000; round++) {
    const pattern = word("ab**?", randomBelow(random, 8));
    const text = word("ab", 1 + randomBelow(random, 8));
    if (matches(pattern, text) !== naive(pattern, text)) {
      throw new Error(`${JSON.stringify(pattern)} on ${JSON.stringify(text)}`);
    }
  }
});
