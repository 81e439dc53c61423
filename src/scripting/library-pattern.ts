// Functions of the `string` library in place of the C library's, which cannot be suspended: those
// that take patterns (find, match, gmatch and gsub), and rep. The order of checks and the results
// are those of the original.

import { ByteBuilder } from "./byte-builder.ts";
import {
  LUA_BOOLEAN,
  LUA_FUNCTION,
  LUA_NIL,
  LUA_NUMBER,
  LUA_STRING,
  LUA_TABLE,
  type Lua,
  upvalue,
} from "./lua.ts";
import type { Supervisor } from "./lua-module.ts";
import { CALL, PAUSE } from "./lua-seams.ts";
import {
  BAD_PATTERN,
  NO_MATCH,
  OUT_OF_STEPS,
  PatternMatcher,
  POSITION,
} from "./pattern-matcher.ts";

const CARET = 94;
const ESCAPE = 37;
/** What makes a text a pattern. */
const SPECIALS = new Uint8Array(256);
for (const special of "^$*+?.([%-") SPECIALS[special.charCodeAt(0)] = 1;

/** Steps between two looks at the clock: about a millisecond's. */
const STEPS = 100_000;
/** Naive search up to so many comparisons. */
const COMPARISONS_MAX = 1 << 16;
const REPEATED_BYTES_MAX = 2 ** 30;
const PAUSED = -2;
const TYPE_NAMES = ["nil", "boolean", "userdata", "number", "string", "table", "function"];
/** Where gsub keeps, on its stack, which of the substitutions under way is its own. */
const SUBSTITUTION = 5;

/** A gsub that is under way. */
class Substitution {
  readonly out = new ByteBuilder();
  /** How far the subject has been dealt with, and where the match starts, as offsets. */
  at = 0;
  matchAt = 0;
  matchEnd = 0;
  count = 0;
  countMax = 0;
  isAnchored = false;
}

/** The functions for one virtual machine. */
export class PatternLibrary {
  readonly #lua: Lua;
  readonly #supervisor: Supervisor;
  readonly #matcher = new PatternMatcher();
  /** The substitutions under way, by what is on their stacks. */
  readonly #substitutions = new Map<number, Substitution>();
  #nextSubstitution = 1;
  // The search that is under way, or was suspended: addresses.
  #text = 0;
  #textEnd = 0;
  #at = 0;
  #pattern = 0;
  #isAnchored = false;

  constructor(lua: Lua, supervisor: Supervisor) {
    this.#lua = lua;
    this.#supervisor = supervisor;
  }

  /** Forgets what errors have left behind. */
  tidy(): void {
    if (this.#substitutions.size > 0) this.#substitutions.clear();
  }

  /** Cold: sets the fields of the `string` library, which is on top. */
  addTo(index: number): void {
    const { main, api } = this.#lua;
    const lua = this.#lua;
    const table = index < 0 ? api.lua_gettop(main) + index + 1 : index;
    const add = (name: string, run: (state: number, isAgain: number) => number) => {
      lua.pushResumable(main, run);
      lua.setField(main, table, name);
    };
    add("rep", (state) => lua.guard(state, () => this.#repeat(state)));
    add("find", (state, isAgain) => this.#find(state, isAgain, true));
    add("match", (state, isAgain) => this.#find(state, isAgain, false));
    add("gsub", (state, isAgain) => lua.guard(state, () => this.#substitute(state, isAgain)));
    const iterate = lua.module.addResumable((state, isAgain) => this.#iterate(state, isAgain));
    lua.pushFunction(main, (state) => {
      lua.checkString(state, 1);
      lua.checkString(state, 2);
      api.lua_settop(state, 2);
      api.lua_pushinteger(state, 0);
      api.lua_pushcclosure(state, iterate, 3);
      return 1;
    });
    // An old name for the same.
    api.lua_pushvalue(main, -1);
    lua.setField(main, table, "gfind");
    lua.setField(main, table, "gmatch");
  }

  /** rep(text, times): the original counts to a billion even if the text is empty. */
  #repeat(state: number): number {
    const lua = this.#lua;
    const { api } = lua;
    const text = lua.checkString(state, 1);
    const { length } = lua;
    const times = lua.checkInt(state, 2);
    if (length === 0 || times <= 0) {
      lua.pushText(state, "");
      return 1;
    }
    const total = length * times;
    if (total > REPEATED_BYTES_MAX) throw new RangeError("Out of memory");
    const at = lua.scratch(total);
    const { bytes } = lua;
    bytes.copyWithin(at, text, text + length);
    for (let done = length; done < total; done *= 2) {
      bytes.copyWithin(at + done, at, at + Math.min(done, total - done));
    }
    api.lua_pushlstring(state, at, total);
    lua.releaseScratch();
    return 1;
  }

  /** Begins to search for a pattern in a text, both on the stack. */
  #begin(textAt: number, textLength: number, patternAt: number, patternLength: number): void {
    this.#text = textAt;
    this.#textEnd = textAt + textLength;
    const zero = this.#lua.bytes.indexOf(0, patternAt);
    this.#matcher.begin(textAt, this.#textEnd, Math.min(zero, patternAt + patternLength));
    this.#pattern = patternAt;
    this.#isAnchored = false;
  }

  /** Takes a "^" for what it is. */
  #anchor(): void {
    this.#isAnchored = this.#lua.bytes[this.#pattern] === CARET;
    if (this.#isAnchored) this.#pattern++;
  }

  /**
   * Searches from #at on, which then is where the match starts. Returns where it ends, NO_MATCH or
   * PAUSED.
   */
  #search(state: number, isAgain: number): number {
    const matcher = this.#matcher;
    const lua = this.#lua;
    let goesOn = isAgain !== 0;
    for (;;) {
      const end = goesOn
        ? matcher.go(lua.bytes)
        : matcher.match(lua.bytes, this.#at, this.#pattern);
      goesOn = false;
      if (end >= 0) return end;
      if (end === OUT_OF_STEPS) {
        matcher.steps = STEPS;
        if (this.#supervisor.onHook(state)) return PAUSED;
        goesOn = true;
        continue;
      }
      if (end === BAD_PATTERN) {
        const { error } = matcher;
        matcher.error = "";
        lua.raise(state, error);
      }
      if (this.#isAnchored || this.#at >= this.#textEnd) return NO_MATCH;
      this.#at++;
    }
  }

  /** find(text, pattern [, from [, isPlain]]) and match(text, pattern [, from]). */
  #find(state: number, isAgain: number, isFind: boolean): number {
    const lua = this.#lua;
    const { api } = lua;
    if (isAgain === 0) {
      const text = lua.checkString(state, 1);
      const textLength = lua.length;
      const pattern = lua.checkString(state, 2);
      const length = lua.length;
      const first = api.lua_type(state, 3) <= LUA_NIL ? 1 : lua.checkInteger(state, 3);
      const from = fromEnd(first, textLength) - 1;
      this.#begin(text, textLength, pattern, length);
      this.#at = text + Math.max(0, Math.min(from, textLength));
      if (isFind && (api.lua_toboolean(state, 4) !== 0 || !this.#isPattern())) {
        return this.#findPlain(state, pattern, length);
      }
      this.#anchor();
    }
    const end = this.#search(state, isAgain);
    if (end === PAUSED) return PAUSE;
    if (end === NO_MATCH) {
      api.lua_pushnil(state);
      return 1;
    }
    if (!isFind) return this.#pushCaptures(state, this.#at, end, true);
    api.lua_pushinteger(state, this.#at - this.#text + 1);
    api.lua_pushinteger(state, end - this.#text);
    return this.#pushCaptures(state, this.#at, end, false) + 2;
  }

  /** Whether there is anything special up to the first zero byte. */
  #isPattern(): boolean {
    const { bytes } = this.#lua;
    for (let at = this.#pattern; bytes[at] !== 0; at++) {
      if (SPECIALS[bytes[at]] !== 0) return true;
    }
    return false;
  }

  #findPlain(state: number, wanted: number, length: number): number {
    const { api, bytes } = this.#lua;
    const found = indexOfBytes(bytes, this.#at, this.#textEnd, wanted, length);
    if (found < 0) {
      api.lua_pushnil(state);
      return 1;
    }
    api.lua_pushinteger(state, found - this.#text + 1);
    api.lua_pushinteger(state, found - this.#text + length);
    return 2;
  }

  /** The iterator of gmatch(text, pattern). */
  #iterate(state: number, isAgain: number): number {
    const lua = this.#lua;
    const { api } = lua;
    if (isAgain === 0) {
      const text = lua.string(state, upvalue(1));
      const textLength = lua.length;
      const pattern = lua.string(state, upvalue(2));
      this.#begin(text, textLength, pattern, lua.length);
      this.#at = text + api.lua_tointeger(state, upvalue(3));
      if (this.#at > this.#textEnd) return 0;
    }
    const end = this.#search(state, isAgain);
    if (end === PAUSED) return PAUSE;
    if (end === NO_MATCH) return 0;
    // An empty match must not be found for ever.
    api.lua_pushinteger(state, end - this.#text + (end === this.#at ? 1 : 0));
    api.lua_replace(state, upvalue(3));
    return this.#pushCaptures(state, this.#at, end, true);
  }

  /** gsub(text, pattern, replacement [, times]) */
  #substitute(state: number, isAgain: number): number {
    const lua = this.#lua;
    const { api } = lua;
    let own: Substitution;
    let isInMatch = isAgain;
    if (isAgain === 0) {
      own = this.#beginSubstitution(state);
    } else {
      own = this.#substitutions.get(api.lua_tointeger(state, SUBSTITUTION))!;
      if (api.lua_gettop(state) > SUBSTITUTION) {
        this.#addResult(state, own);
        isInMatch = 0;
      }
    }
    const type = api.lua_type(state, 3);
    for (;;) {
      if (isInMatch === 0) {
        if (own.count >= own.countMax || own.at < 0) break;
        this.#restore(state, own);
      }
      const end = this.#search(state, isInMatch);
      isInMatch = 0;
      if (end === PAUSED) return PAUSE;
      if (end === NO_MATCH) break;
      own.count++;
      own.matchAt = this.#at - this.#text;
      own.matchEnd = end - this.#text;
      own.out.range(lua.bytes, this.#text + own.at, this.#at);
      if (type === LUA_FUNCTION || type === LUA_TABLE) return this.#callReplacement(state, type);
      this.#addReplacement(state, own.out, this.#at, end);
      this.#advance(own, this.#text, this.#textEnd);
    }
    return this.#endSubstitution(state, own);
  }

  #beginSubstitution(state: number): Substitution {
    const lua = this.#lua;
    const { api } = lua;
    lua.checkString(state, 1);
    const textLength = lua.length;
    const pattern = lua.checkString(state, 2);
    const type = api.lua_type(state, 3);
    const own = new Substitution();
    own.countMax = api.lua_type(state, 4) <= LUA_NIL ? textLength + 1 : lua.checkInt(state, 4);
    if (type < LUA_NUMBER || type > LUA_FUNCTION) {
      lua.raiseArgument(state, 3, "string/function/table expected");
    }
    own.isAnchored = lua.bytes[pattern] === CARET;
    const id = this.#nextSubstitution++;
    this.#substitutions.set(id, own);
    api.lua_settop(state, SUBSTITUTION - 1);
    api.lua_pushinteger(state, id);
    return own;
  }

  /** Points the search at where a substitution has arrived. */
  #restore(state: number, own: Substitution): void {
    const lua = this.#lua;
    const text = lua.string(state, 1);
    const textLength = lua.length;
    const pattern = lua.string(state, 2);
    this.#begin(text, textLength, pattern, lua.length);
    if (own.isAnchored) this.#anchor();
    this.#at = text + own.at;
  }

  /** After a match: where to go on. What is negative is the end. */
  #advance(own: Substitution, text: number, textEnd: number): void {
    own.at = own.matchEnd;
    if (own.matchEnd === own.matchAt) {
      if (text + own.at < textEnd) own.out.byte(this.#lua.bytes[text + own.at++]);
      else own.at = -1;
    }
    if (own.isAnchored) own.countMax = own.count;
  }

  #endSubstitution(state: number, own: Substitution): number {
    const lua = this.#lua;
    const { api } = lua;
    this.#substitutions.delete(api.lua_tointeger(state, SUBSTITUTION));
    const text = lua.string(state, 1);
    if (own.at >= 0) own.out.range(lua.bytes, text + own.at, text + lua.length);
    lua.pushBytes(state, own.out.bytes, 0, own.out.length);
    api.lua_pushinteger(state, own.count);
    return 2;
  }

  /** Asks for the replacement's call with the captures, or its field of the first one. */
  #callReplacement(state: number, type: number): number {
    const lua = this.#lua;
    const { api } = lua;
    const end = this.#substitutions.get(api.lua_tointeger(state, SUBSTITUTION))!.matchEnd;
    if (type === LUA_FUNCTION) {
      api.lua_pushvalue(state, 3);
      return CALL - this.#pushCaptures(state, this.#at, this.#text + end, true);
    }
    api.lua_pushcclosure(state, this.#lua.module.indexSeam, 0);
    api.lua_pushvalue(state, 3);
    this.#pushCapture(state, 0, this.#at, this.#text + end);
    return CALL - 2;
  }

  /** Takes the value on top in place of the match. */
  #addResult(state: number, own: Substitution): void {
    const lua = this.#lua;
    const { api } = lua;
    const type = api.lua_type(state, -1);
    if (type === LUA_STRING || type === LUA_NUMBER) {
      const at = lua.string(state, -1);
      own.out.range(lua.bytes, at, at + lua.length);
    } else if (type !== LUA_NIL && (type !== LUA_BOOLEAN || api.lua_toboolean(state, -1) !== 0)) {
      const name = TYPE_NAMES[type] ?? (type === 8 ? "thread" : "userdata");
      lua.raise(state, `invalid replacement value (a ${name})`);
    }
    const isKept = type === LUA_NIL || type === LUA_BOOLEAN;
    api.lua_settop(state, SUBSTITUTION);
    const text = lua.string(state, 1);
    const textEnd = text + lua.length;
    if (isKept) own.out.range(lua.bytes, text + own.matchAt, text + own.matchEnd);
    this.#advance(own, text, textEnd);
  }

  /** Adds the replacement, a string in which "%1" stands for a capture. */
  #addReplacement(state: number, out: ByteBuilder, start: number, end: number): void {
    const lua = this.#lua;
    const { api } = lua;
    const at = lua.string(state, 3);
    const last = at + lua.length;
    for (let k = at; k < last; k++) {
      const byte = lua.bytes[k];
      if (byte !== ESCAPE) {
        out.byte(byte);
        continue;
      }
      const digit = lua.bytes[++k];
      if (!(digit >= 48 && digit <= 57)) out.byte(digit);
      else if (digit === 48) out.range(lua.bytes, start, end);
      else {
        this.#pushCapture(state, digit - 49, start, end);
        const caught = lua.string(state, -1);
        out.range(lua.bytes, caught, caught + lua.length);
        api.lua_settop(state, -2);
      }
    }
  }

  /** Pushes all captures; where there are none, the match itself if it is wanted. */
  #pushCaptures(state: number, start: number, end: number, orMatch: boolean): number {
    const { api } = this.#lua;
    const { count } = this.#matcher;
    const pushed = count === 0 && orMatch ? 1 : count;
    if (api.lua_checkstack(state, pushed) === 0) {
      this.#lua.raise(state, "stack overflow (too many captures)");
    }
    for (let k = 0; k < pushed; k++) this.#pushCapture(state, k, start, end);
    return pushed;
  }

  #pushCapture(state: number, index: number, start: number, end: number): void {
    const lua = this.#lua;
    const { api } = lua;
    const { count, starts, lengths } = this.#matcher;
    if (index >= count) {
      if (index !== 0) lua.raise(state, "invalid capture index");
      api.lua_pushlstring(state, start, end - start);
    } else if (lengths[index] === POSITION) {
      api.lua_pushinteger(state, starts[index] - this.#text + 1);
    } else if (lengths[index] < 0) {
      lua.raise(state, "unfinished capture");
    } else {
      api.lua_pushlstring(state, starts[index], lengths[index]);
    }
  }
}

/** A position that may count from the end. */
function fromEnd(position: number, length: number): number {
  if (position >= 0) return position;
  return Math.max(0, position + length + 1);
}

/** Where bytes[wanted, wanted + length) first are in bytes[from, to), or -1. */
function indexOfBytes(
  bytes: Uint8Array,
  from: number,
  to: number,
  wanted: number,
  length: number,
): number {
  if (length === 0) return from;
  if (to - from < length) return -1;
  if ((to - from) * length > COMPARISONS_MAX) {
    const text = Buffer.from(bytes.buffer, from, to - from);
    const at = text.indexOf(Buffer.from(bytes.buffer, wanted, length));
    return at < 0 ? -1 : from + at;
  }
  const last = to - length;
  for (let at = from; at <= last; at++) {
    let k = 0;
    while (k < length && bytes[at + k] === bytes[wanted + k]) k++;
    if (k === length) return at;
  }
  return -1;
}
