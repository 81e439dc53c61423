// cjson.decode: JSON as a Lua value, with the tokens and the error texts of Lua CJSON.

import { latin1Text } from "../base/text.ts";
import { ByteBuilder } from "./byte-builder.ts";
import type { CjsonSettings } from "./library-cjson.ts";
import type { Lua } from "./lua.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const NUMBER_BYTES_MAX = 512;

type Token =
  | "T_OBJ_BEGIN"
  | "T_OBJ_END"
  | "T_ARR_BEGIN"
  | "T_ARR_END"
  | "T_STRING"
  | "T_NUMBER"
  | "T_BOOLEAN"
  | "T_NULL"
  | "T_COLON"
  | "T_COMMA"
  | "T_END"
  | "T_ERROR";

const PUNCTUATION: Readonly<Record<string, Token>> = {
  "{": "T_OBJ_BEGIN",
  "}": "T_OBJ_END",
  "[": "T_ARR_BEGIN",
  "]": "T_ARR_END",
  ":": "T_COLON",
  ",": "T_COMMA",
};

const ESCAPED: Readonly<Record<string, number>> = {
  '"': 34,
  "\\": 92,
  "/": 47,
  b: 8,
  t: 9,
  n: 10,
  f: 12,
  r: 13,
};

/** Decodes texts for one virtual machine. */
export class CjsonDecoder {
  readonly #lua: Lua;
  readonly #settings: CjsonSettings;
  /** A copy of the text: building tables may move Lua's heap. */
  #bytes = new Uint8Array(0);
  #at = 0;
  #depth = 0;
  // The token read last.
  #token = "T_END" as Token;
  #tokenAt = 0;
  #error = "";
  #number = 0;
  readonly #string = new ByteBuilder();

  constructor(lua: Lua, settings: CjsonSettings) {
    this.#lua = lua;
    this.#settings = settings;
  }

  /** Decodes argument 1 and pushes the value; returns the number of results. */
  decode(state: number): number {
    const at = this.#lua.checkString(state, 1);
    this.#bytes = this.#lua.bytes.slice(at, at + this.#lua.length);
    if (this.#bytes.length >= 2 && (this.#bytes[0] === 0 || this.#bytes[1] === 0)) {
      this.#lua.raise(state, "JSON parser does not support UTF-16 or UTF-32");
    }
    this.#at = 0;
    this.#depth = 0;
    this.#next();
    this.#value(state);
    this.#next();
    if (this.#token !== "T_END") this.#refuse(state, "the end");
    return 1;
  }

  #refuse(state: number, expected: string): never {
    const found = this.#token === "T_ERROR" ? this.#error : this.#token;
    const where = `at character ${this.#tokenAt + 1}`;
    return this.#lua.raise(state, `Expected ${expected} but found ${found} ${where}`);
  }

  /** Pushes the value that the current token starts. */
  #value(state: number): void {
    const { api } = this.#lua;
    switch (this.#token) {
      case "T_STRING":
        return this.#lua.pushBytes(state, this.#string.bytes, 0, this.#string.length);
      case "T_NUMBER":
        api.lua_pushnumber(state, this.#number);
        return;
      case "T_BOOLEAN":
        api.lua_pushboolean(state, this.#number);
        return;
      case "T_NULL":
        api.lua_pushlightuserdata(state, 0);
        return;
      case "T_OBJ_BEGIN":
        return this.#object(state);
      case "T_ARR_BEGIN":
        return this.#array(state);
      default:
        this.#refuse(state, "value");
    }
  }

  #descend(state: number): void {
    this.#depth++;
    const { api } = this.#lua;
    if (this.#depth <= this.#settings.decodeDepthMax && api.lua_checkstack(state, 6) !== 0) return;
    const where = `at character ${this.#at}`;
    this.#lua.raise(state, `Found too many nested data structures (${this.#depth}) ${where}`);
  }

  #object(state: number): void {
    const { api } = this.#lua;
    this.#descend(state);
    api.lua_createtable(state, 0, 0);
    let token = this.#next();
    while (token !== "T_OBJ_END") {
      if (token !== "T_STRING") this.#refuse(state, "object key string");
      this.#lua.pushBytes(state, this.#string.bytes, 0, this.#string.length);
      if (this.#next() !== "T_COLON") this.#refuse(state, "colon");
      this.#next();
      this.#value(state);
      api.lua_rawset(state, -3);
      token = this.#next();
      if (token === "T_OBJ_END") break;
      if (token !== "T_COMMA") this.#refuse(state, "comma or object end");
      // A comma is followed by another key.
      token = this.#next();
      if (token === "T_OBJ_END") this.#refuse(state, "object key string");
    }
    this.#depth--;
  }

  #array(state: number): void {
    const { api } = this.#lua;
    this.#descend(state);
    api.lua_createtable(state, 0, 0);
    let token = this.#next();
    for (let k = 1; token !== "T_ARR_END"; k++) {
      this.#value(state);
      api.lua_rawseti(state, -2, k);
      token = this.#next();
      if (token === "T_ARR_END") break;
      if (token !== "T_COMMA") this.#refuse(state, "comma or array end");
      token = this.#next();
      if (token === "T_ARR_END") this.#refuse(state, "value");
    }
    this.#depth--;
  }

  #fail(error: string, at = this.#at): void {
    this.#token = "T_ERROR";
    this.#error = error;
    this.#tokenAt = at;
  }

  /** Reads the next token, and says which it is. */
  #next(): Token {
    this.#scan();
    return this.#token;
  }

  #scan(): void {
    const bytes = this.#bytes;
    while (this.#at < bytes.length && " \t\n\r".includes(String.fromCharCode(bytes[this.#at]))) {
      this.#at++;
    }
    this.#tokenAt = this.#at;
    if (this.#at >= bytes.length) {
      this.#token = "T_END";
      return;
    }
    const character = String.fromCharCode(bytes[this.#at]);
    const punctuation = PUNCTUATION[character];
    if (punctuation !== undefined) {
      this.#token = punctuation;
      this.#at++;
    } else if (character === '"') {
      this.#readString();
    } else if (character === "-" || character === "+" || (character >= "0" && character <= "9")) {
      if (!this.#settings.decodesInvalidNumbers && this.#isInvalidNumber()) {
        this.#fail("invalid number");
      } else this.#readNumber();
    } else if (!this.#word("true", "T_BOOLEAN", 1) && !this.#word("false", "T_BOOLEAN", 0)) {
      if (this.#word("null", "T_NULL", 0)) return;
      if (this.#settings.decodesInvalidNumbers && /[iInN]/.test(character)) {
        this.#readNumber("invalid token");
      } else this.#fail("invalid token");
    }
  }

  #word(word: string, token: Token, value: number): boolean {
    for (let k = 0; k < word.length; k++) {
      if (this.#bytes[this.#at + k] !== word.charCodeAt(k)) return false;
    }
    this.#token = token;
    this.#number = value;
    this.#at += word.length;
    return true;
  }

  /** Whether the number ahead is one that JSON does not have: 0x10, 012, -inf. */
  #isInvalidNumber(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes[at] === 43) return true;
    if (bytes[at] === 45) at++;
    if (bytes[at] === 48) {
      const after = bytes[at + 1] | 32;
      return after === 120 || (bytes[at + 1] >= 48 && bytes[at + 1] <= 57);
    }
    return !(bytes[at] >= 48 && bytes[at] <= 57);
  }

  #readNumber(error = "invalid number"): void {
    const end = Math.min(this.#bytes.length, this.#at + NUMBER_BYTES_MAX);
    const text = latin1Text(this.#bytes, this.#at, end);
    const match =
      /^[-+]?(0[xX][0-9a-fA-F]+|[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|inf(inity)?|nan)/i.exec(text);
    if (match === null) return this.#fail(error, this.#tokenAt);
    this.#token = "T_NUMBER";
    this.#number = toNumber(match[0].toLowerCase());
    this.#at += match[0].length;
  }

  #readString(): void {
    const bytes = this.#bytes;
    const out = this.#string;
    out.clear();
    this.#at++;
    for (;;) {
      const byte = bytes[this.#at];
      if (byte === QUOTE) break;
      // Zero bytes end the text for the original, which is written in C.
      if (byte === undefined || byte === 0) return this.#fail("unexpected end of string");
      if (byte === BACKSLASH) {
        if (!this.#escape()) return;
      } else {
        out.byte(byte);
        this.#at++;
      }
    }
    this.#at++;
    this.#token = "T_STRING";
  }

  /** Takes an escape sequence; false where it is none. */
  #escape(): boolean {
    const character = String.fromCharCode(this.#bytes[this.#at + 1] ?? 0);
    if (character === "u") return this.#unicodeEscape();
    const byte = ESCAPED[character];
    if (byte === undefined) {
      this.#fail("invalid escape code");
      return false;
    }
    this.#string.byte(byte);
    this.#at += 2;
    return true;
  }

  #unicodeEscape(): boolean {
    let code = this.#hex4(this.#at + 2);
    let length = 6;
    if (code >= 0xd800 && code < 0xe000) {
      const isLead = code < 0xdc00 && this.#bytes[this.#at + 6] === BACKSLASH;
      const low = isLead && this.#bytes[this.#at + 7] === 117 ? this.#hex4(this.#at + 8) : -1;
      code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff) : -1;
      length = 12;
    }
    if (code < 0) {
      this.#fail("invalid unicode escape code");
      return false;
    }
    for (const byte of new TextEncoder().encode(String.fromCodePoint(code))) {
      this.#string.byte(byte);
    }
    this.#at += length;
    return true;
  }

  #hex4(at: number): number {
    const text = latin1Text(this.#bytes, at, Math.min(at + 4, this.#bytes.length));
    return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : -1;
  }
}

function toNumber(text: string): number {
  const isNegative = text.startsWith("-");
  const digits = /^[-+]/.test(text) ? text.slice(1) : text;
  const value = digits.startsWith("i")
    ? Number.POSITIVE_INFINITY
    : digits === "nan"
      ? Number.NaN
      : Number(digits);
  return isNegative ? -value : value;
}
