// A configuration line taken apart into words and put together again.
//
//   word     = { plain | '"' { char | '\' escape } '"' | "'" { char | "\'" } "'" }
//   escape   = "x" hex hex | "n" | "r" | "t" | "b" | "a" | any other character, which is itself
//
// Words are separated by white space; a closing quote must be followed by white space or the end.
// Texts hold one character per byte.

const ESCAPES = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["b", "\b"],
  ["a", "\x07"],
]);

/** The words of a line; undefined where its quotes do not match. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(line[at])) at++;
    if (at >= line.length || line[at] === "\0") return words;
    const parsed = readWord(line, at);
    if (parsed === undefined) return undefined;
    words.push(parsed.word);
    at = parsed.end;
  }
}

interface ParsedWord {
  readonly word: string;
  readonly end: number;
}

function readWord(line: string, start: number): ParsedWord | undefined {
  let word = "";
  let at = start;
  while (at < line.length && line[at] !== "\0" && !isSpace(line[at])) {
    const quote = line[at];
    if (quote !== '"' && quote !== "'") {
      word += quote;
      at++;
      continue;
    }
    const inner = readQuoted(line, at + 1, quote);
    if (inner === undefined) return undefined;
    // The closing quote ends the word.
    const end = inner.end;
    if (end < line.length && !isSpace(line[end])) return undefined;
    return { word: word + inner.word, end };
  }
  return { word, end: at };
}

/** Reads up to the closing quote and goes behind it. */
function readQuoted(line: string, start: number, quote: string): ParsedWord | undefined {
  let word = "";
  let at = start;
  for (;;) {
    const char = line[at];
    if (char === undefined || char === "\0") return undefined;
    if (char === quote) return { word, end: at + 1 };
    if (quote === "'" && char === "\\" && line[at + 1] === "'") {
      word += "'";
      at += 2;
    } else if (quote === '"' && char === "\\" && line[at + 1] !== undefined) {
      const code = line[at + 1] === "x" ? hexByte(line, at + 2) : undefined;
      word += code === undefined ? unescaped(line[at + 1]) : String.fromCharCode(code);
      at += code === undefined ? 2 : 4;
    } else {
      word += char;
      at++;
    }
  }
}

function unescaped(char: string): string {
  return ESCAPES.get(char) ?? char;
}

function hexByte(line: string, at: number): number | undefined {
  const high = hexDigit(line.charCodeAt(at));
  const low = hexDigit(line.charCodeAt(at + 1));
  return high < 0 || low < 0 ? undefined : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** What C's isspace takes for white space. */
function isSpace(char: string | undefined): boolean {
  return char === " " || (char !== undefined && char >= "\t" && char <= "\r");
}

/** A text in double quotes, from which `splitWords` gets the same text back. */
export function quoted(text: string): string {
  let result = '"';
  for (const char of text) result += escaped(char);
  return `${result}"`;
}

function escaped(char: string): string {
  if (char === '"' || char === "\\") return `\\${char}`;
  for (const [letter, meaning] of ESCAPES) if (meaning === char) return `\\${letter}`;
  const code = char.charCodeAt(0);
  if (code >= 32 && code < 127) return char;
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** A text without the blanks, tabs and line ends around it. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && " \t\r\n".includes(text[start])) start++;
  while (end > start && " \t\r\n".includes(text[end - 1])) end--;
  return text.slice(start, end);
}
