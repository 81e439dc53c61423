// The `cjson` library's table: its functions and its settings, which are those of Lua CJSON 2.1.0.

import { CjsonDecoder } from "./cjson-decoder.ts";
import { CjsonEncoder } from "./cjson-encoder.ts";
import { LUA_BOOLEAN, LUA_NIL, LUA_STRING, type Lua } from "./lua.ts";

const INT32_MAX = 2 ** 31 - 1;

/** What scripts may change. */
export interface CjsonSettings {
  sparseConvert: boolean;
  sparseRatio: number;
  sparseSafe: number;
  encodeDepthMax: number;
  decodeDepthMax: number;
  encodesInvalidNumbers: "off" | "null" | "on";
  decodesInvalidNumbers: boolean;
  numberPrecision: number;
  keepsBuffer: boolean;
}

function defaults(): CjsonSettings {
  return {
    sparseConvert: false,
    sparseRatio: 2,
    sparseSafe: 10,
    encodeDepthMax: 1000,
    decodeDepthMax: 1000,
    encodesInvalidNumbers: "off",
    decodesInvalidNumbers: true,
    numberPrecision: 14,
    keepsBuffer: true,
  };
}

/** Reads argument `index`, where it is given, as an integer within bounds. */
function integerOption(
  lua: Lua,
  state: number,
  index: number,
  old: number,
  min: number,
  max: number,
): number {
  const { api } = lua;
  let value = old;
  if (api.lua_type(state, index) !== LUA_NIL) {
    value = lua.checkInt(state, index);
    if (value < min || value > max) {
      // Whichever argument it is, the original blames the first.
      lua.raiseArgument(state, 1, `expected integer between ${min} and ${max}`);
    }
  }
  api.lua_pushinteger(state, value);
  return value;
}

function booleanOption(lua: Lua, state: number, index: number, old: boolean): boolean {
  const { api } = lua;
  let value = old;
  if (api.lua_type(state, index) !== LUA_NIL) {
    if (api.lua_type(state, index) === LUA_BOOLEAN) value = api.lua_toboolean(state, index) !== 0;
    else {
      lua.checkString(state, index);
      const text = lua.printed(state, index);
      if (text !== "on" && text !== "off") {
        lua.raiseArgument(state, index, `invalid option '${text}'`);
      }
      value = text === "on";
    }
  }
  api.lua_pushboolean(state, value ? 1 : 0);
  return value;
}

/** Checks the number of arguments and fills up missing ones with nil. */
function argumentCount(lua: Lua, state: number, max: number): void {
  if (lua.api.lua_gettop(state) > max) {
    lua.raiseArgument(state, max + 1, "found too many arguments");
  }
  lua.api.lua_settop(state, max);
}

function settingFunctions(lua: Lua, settings: CjsonSettings) {
  return {
    encode_sparse_array: (state: number) => {
      argumentCount(lua, state, 3);
      settings.sparseConvert = booleanOption(lua, state, 1, settings.sparseConvert);
      settings.sparseRatio = integerOption(lua, state, 2, settings.sparseRatio, 0, INT32_MAX);
      settings.sparseSafe = integerOption(lua, state, 3, settings.sparseSafe, 0, INT32_MAX);
      return 3;
    },
    encode_max_depth: (state: number) => {
      argumentCount(lua, state, 1);
      settings.encodeDepthMax = integerOption(lua, state, 1, settings.encodeDepthMax, 1, INT32_MAX);
      return 1;
    },
    decode_max_depth: (state: number) => {
      argumentCount(lua, state, 1);
      settings.decodeDepthMax = integerOption(lua, state, 1, settings.decodeDepthMax, 1, INT32_MAX);
      return 1;
    },
    encode_number_precision: (state: number) => {
      argumentCount(lua, state, 1);
      settings.numberPrecision = integerOption(lua, state, 1, settings.numberPrecision, 1, 14);
      return 1;
    },
    encode_keep_buffer: (state: number) => {
      argumentCount(lua, state, 1);
      settings.keepsBuffer = booleanOption(lua, state, 1, settings.keepsBuffer);
      return 1;
    },
    decode_invalid_numbers: (state: number) => {
      argumentCount(lua, state, 1);
      const old = settings.decodesInvalidNumbers;
      settings.decodesInvalidNumbers = booleanOption(lua, state, 1, old);
      return 1;
    },
    encode_invalid_numbers: (state: number) => {
      argumentCount(lua, state, 1);
      const isNull = lua.api.lua_type(state, 1) === LUA_STRING && lua.text(state, 1) === "null";
      if (isNull) settings.encodesInvalidNumbers = "null";
      const isKept = isNull || lua.api.lua_type(state, 1) === LUA_NIL;
      if (isKept && settings.encodesInvalidNumbers === "null") {
        lua.pushText(state, "null");
        return 1;
      }
      const old = settings.encodesInvalidNumbers === "on";
      settings.encodesInvalidNumbers = booleanOption(lua, state, 1, old) ? "on" : "off";
      return 1;
    },
  };
}

/** Pushes the library's table. */
export function addCjson(lua: Lua): void {
  const { api, main } = lua;
  const settings = defaults();
  const encoder = new CjsonEncoder(lua, settings);
  const decoder = new CjsonDecoder(lua, settings);
  api.lua_createtable(main, 0, 14);
  lua.setFunctions(main, {
    encode: (state) => {
      if (api.lua_gettop(state) !== 1) lua.raiseArgument(state, 1, "expected 1 argument");
      return lua.guard(state, () => encoder.encode(state));
    },
    decode: (state) => {
      if (api.lua_gettop(state) !== 1) lua.raiseArgument(state, 1, "expected 1 argument");
      return lua.guard(state, () => decoder.decode(state));
    },
    ...settingFunctions(lua, settings),
  });
  // One library serves all scripts, whose settings are shared in Redis, too.
  api.lua_pushvalue(main, -1);
  lua.pushFunction(
    main,
    (state) => {
      api.lua_pushvalue(state, LUA_FIRST_UPVALUE);
      return 1;
    },
    1,
  );
  lua.setField(main, -2, "new");
  api.lua_pushlightuserdata(main, 0);
  lua.setField(main, -2, "null");
  for (const [name, text] of [
    ["_NAME", "cjson"],
    ["_VERSION", "2.1.0"],
  ]) {
    lua.pushText(main, text);
    lua.setField(main, -2, name);
  }
}

const LUA_FIRST_UPVALUE = -10003;
