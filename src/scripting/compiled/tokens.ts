// Lua source as tokens. Sources have been compiled by Lua itself before they come here: what is not
// understood is refused, never guessed at.

/** What a source contains that is not compiled: it is left to the virtual machine. */
export class Unsupported extends Error {
  override name = "Unsupported";
}

export type TokenKind = "name" | "keyword" | "string" | "number" | "symbol" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Of a string its bytes, one per character. */
  readonly text: string;
  /** Of a number. */
  readonly value: number;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  ...["and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in"],
  ...["local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"],
]);

const SPACE = /[ \t\n\r\v\f]+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]{1,8}|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)/y;
const LONG = /\[(=*)\[/y;
const SYMBOL = /\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.]/y;
const NUMBER_GOES_ON = /[A-Za-z0-9_.]/;

/** The characters behind a backslash that stand for others. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\n", "\n"],
]);

/** Reads tokens one after the other. */
class Scanner {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  next(): Token {
    this.#skip();
    if (this.#at === this.#source.length) return token("end", "");
    const first = this.#source[this.#at];
    if (first === '"' || first === "'") return token("string", this.#quoted(first));
    const long = this.#longString();
    if (long !== undefined) return token("string", long);
    const name = this.#match(NAME);
    if (name !== "") return token(KEYWORDS.has(name) ? "keyword" : "name", name);
    const number = this.#match(NUMBER);
    if (number !== "") return this.#number(number);
    const symbol = this.#match(SYMBOL);
    if (symbol === "") throw new Unsupported("a character");
    return token("symbol", symbol);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** Passes blank space and comments. */
  #skip(): void {
    for (;;) {
      this.#match(SPACE);
      if (!this.#source.startsWith("--", this.#at)) return;
      this.#at += 2;
      if (this.#longString() !== undefined) continue;
      const end = this.#source.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.#source.length : end;
    }
  }

  /** The contents of the long string that begins here, if any. */
  #longString(): string | undefined {
    LONG.lastIndex = this.#at;
    const opening = LONG.exec(this.#source);
    if (opening === null) return undefined;
    const start = this.#at + opening[0].length;
    const closing = `]${opening[1]}]`;
    const end = this.#source.indexOf(closing, start);
    if (end < 0) throw new Unsupported("a long string");
    this.#at = end + closing.length;
    const text = this.#source.slice(this.#source[start] === "\n" ? start + 1 : start, end);
    // Line ends of other systems become newlines: not done here.
    if (text.includes("\r")) throw new Unsupported("a carriage return");
    return text;
  }

  #quoted(quote: string): string {
    let text = "";
    for (let at = this.#at + 1; at < this.#source.length; at++) {
      const character = this.#source[at];
      if (character === quote) {
        this.#at = at + 1;
        return text;
      }
      if (character !== "\\") {
        text += character;
        continue;
      }
      const digits = /^[0-9]{1,3}/.exec(this.#source.slice(at + 1, at + 4))?.[0];
      if (digits !== undefined) {
        text += String.fromCharCode(Number(digits));
        at += digits.length;
        continue;
      }
      const escaped = this.#source[++at];
      if (escaped === "\r") throw new Unsupported("a carriage return");
      text += ESCAPES.get(escaped) ?? escaped;
    }
    throw new Unsupported("a string");
  }

  #number(text: string): Token {
    if (NUMBER_GOES_ON.test(this.#source[this.#at] ?? "")) throw new Unsupported("a number");
    return { kind: "number", text, value: Number(text) };
  }
}

function token(kind: TokenKind, text: string): Token {
  return { kind, text, value: 0 };
}

/** All tokens of a source; the last one is its end. */
export function tokensOf(source: string): Token[] {
  const scanner = new Scanner(source);
  const tokens: Token[] = [];
  do tokens.push(scanner.next());
  while (tokens.at(-1)!.kind !== "end");
  return tokens;
}
