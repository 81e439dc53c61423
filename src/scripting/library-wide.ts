// Functions of Lua's C library that take integers, for numbers beyond the 32 bits of its module:
// what they are given is replaced first by what they would make of it on a machine of 64 bits.
//
//   string.sub, string.byte          places in a string: as good as infinite
//   string.char, table.concat, ...   take an int, the low 32 bits
//   string.format                    %d, %i, %u, %o, %x and %X print 64 bits
//
// The arguments of all but string.format are looked at by WebAssembly (see lua-seams.ts), which
// calls a function of this file only where one is a string or large.

import { PERCENT } from "../base/ascii.ts";
import { parseUnsigned, printInteger, toInt32, toInt64 } from "./integers.ts";
import { LUA_LIGHT_USERDATA, LUA_NIL, LUA_NUMBER, LUA_STRING, type Lua } from "./lua.ts";

const INT32_BOUND = 2 ** 31;
const PLACE_MAX = INT32_BOUND - 1;

/** Bytes between "%" and its letter; and letters, by what their numbers must not pass. */
const MODIFIER = 1;
const SIGNED = 2;
const UNSIGNED = 3;
const KINDS = new Uint8Array(256);
for (const [letters, kind] of [
  ["-+ #0123456789.", MODIFIER],
  ["di", SIGNED],
  ["ouxX", UNSIGNED],
] as const) {
  for (const letter of letters) KINDS[letter.charCodeAt(0)] = kind;
}

/** A conversion in a format whose number is too large for the module. */
interface WideConversion {
  readonly start: number;
  readonly end: number;
  readonly argument: number;
}

/** Fields of libraries, with the first argument that is an integer. */
const PLACES = { sub: 2, byte: 2 };
const INTS = { string: { char: 1 }, table: { concat: 3 }, math: { ldexp: 2 } };
/** Functions that look at their second argument first. */
const SECOND_FIRST = ["fmod", "mod", "pow", "ldexp", "atan2"];

/** Replaces functions of the globals, a table at an index of the main thread's stack. */
export function widenIntegers(lua: Lua, globals: number): void {
  const { api, main, module } = lua;
  const replace = (library: string, name: string, wrap: (index: number) => number) => {
    lua.getField(main, globals, library);
    lua.getField(main, -1, name);
    api.lua_pushcclosure(main, wrap(api.lua_tocfunction(main, -1)), 0);
    lua.setField(main, -3, name);
    api.lua_settop(main, -3);
  };
  const toPlace = (state: number, k: number) => {
    const value = toInt64(api.lua_tonumber(state, k));
    put(lua, state, k, Math.max(-PLACE_MAX, Math.min(PLACE_MAX, value)));
  };
  const toInt = (state: number, k: number) =>
    put(lua, state, k, toInt32(api.lua_tonumber(state, k)));
  for (const [name, first] of Object.entries(PLACES)) {
    replace("string", name, (index) => module.addRanged(index, first, toPlace));
  }
  for (const [library, functions] of Object.entries(INTS)) {
    for (const [name, first] of Object.entries(functions)) {
      replace(library, name, (index) => module.addRanged(index, first, toInt));
    }
  }
  for (const name of SECOND_FIRST) {
    const check = (state: number) => void api.luaL_checkinteger(state, 2);
    replace("math", name, (index) => module.addPrepared(index, check));
  }
  replace("string", "format", (index) => module.addPrepared(index, (state) => widen(lua, state)));
  replaceGlobal(lua, globals, "tonumber", (state) => readInBase(lua, state), 2);
  // The address of nothing, as C's own library prints it.
  const check = (state: number) => {
    const isNothing = api.lua_type(state, 1) === LUA_LIGHT_USERDATA;
    if (!isNothing || api.lua_touserdata(state, 1) !== 0) return;
    lua.pushText(state, "userdata: (nil)");
    api.lua_replace(state, 1);
  };
  replaceGlobal(lua, globals, "tostring", check, 0);
}

function replaceGlobal(
  lua: Lua,
  globals: number,
  name: string,
  prepare: (state: number) => void,
  argumentsMin: 0 | 2,
): void {
  const { api, main, module } = lua;
  lua.getField(main, globals, name);
  const index = module.addPrepared(api.lua_tocfunction(main, -1), prepare, argumentsMin);
  api.lua_pushcclosure(main, index, 0);
  lua.setField(main, globals, name);
  api.lua_settop(main, globals);
}

/** tonumber(text, base): numbers of 64 bits. */
function readInBase(lua: Lua, state: number): void {
  const { api } = lua;
  if (api.lua_type(state, 2) <= LUA_NIL) return;
  const base = lua.checkInt(state, 2);
  api.lua_pushnumber(state, base);
  api.lua_replace(state, 2);
  if (base === 10 || base < 2 || base > 36) return;
  lua.checkString(state, 1);
  const value = parseUnsigned(lua.printed(state, 1), base);
  // Only what is a number already is given back by the function itself.
  api.lua_settop(state, 2);
  if (value === undefined) lua.pushText(state, "");
  else api.lua_pushnumber(state, value);
  api.lua_replace(state, 1);
  if (value !== undefined) api.lua_settop(state, 1);
}

/** Replaces an argument that is a number, or looks like one, by a number. */
function put(lua: Lua, state: number, k: number, value: number): void {
  const { api } = lua;
  if (api.lua_isnumber(state, k) === 0) return;
  api.lua_pushnumber(state, value);
  api.lua_replace(state, k);
}

/** string.format: prints what is too large for the module, and leaves it the text. */
function widen(lua: Lua, state: number): void {
  const { api, module } = lua;
  const at = module.stringAt(state, 1);
  if (at === 0) return;
  const wide = wideConversions(lua, state, at, at + module.lengthOf(at));
  if (wide.length === 0) return;
  const text = lua.text(state, 1);
  let format = "";
  let done = 0;
  for (const { start, end, argument } of wide) {
    const conversion = text.slice(start - at, end - at);
    const printed = printInteger(conversion, api.lua_tonumber(state, argument));
    // What is malformed is refused by the function itself.
    if (printed === undefined) continue;
    lua.pushText(state, printed);
    api.lua_replace(state, argument);
    format += `${text.slice(done, start - at)}%s`;
    done = end - at;
  }
  lua.pushText(state, format + text.slice(done));
  api.lua_replace(state, 1);
}

function wideConversions(lua: Lua, state: number, at: number, end: number): WideConversion[] {
  const { bytes } = lua;
  const found: WideConversion[] = [];
  let argument = 1;
  for (let k = at; k < end; k++) {
    if (bytes[k] !== PERCENT) continue;
    const start = k++;
    if (bytes[k] === PERCENT) continue;
    argument++;
    while (KINDS[bytes[k]] === MODIFIER) k++;
    const kind = KINDS[bytes[k]];
    if (kind > MODIFIER && isWide(lua, state, argument, kind)) {
      found.push({ start, end: k + 1, argument });
    }
  }
  return found;
}

function isWide({ api }: Lua, state: number, argument: number, kind: number): boolean {
  const type = api.lua_type(state, argument);
  if (type !== LUA_NUMBER && (type !== LUA_STRING || api.lua_isnumber(state, argument) === 0)) {
    return false;
  }
  const value = api.lua_tonumber(state, argument);
  return !(value < INT32_BOUND && value >= (kind === SIGNED ? -INT32_BOUND : 0));
}
