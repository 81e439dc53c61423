// The `bit` library: operations on numbers as 32-bit integers, as LuaBitOp defines them.

import type { Lua } from "./lua.ts";

/** Adding it leaves the number, rounded, in the low 32 bits of the double. */
const ROUNDING = 6755399441055744;

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

type BitFunction = (state: number) => number;

function toBit(lua: Lua, state: number, index: number): number {
  double[0] = lua.api.luaL_checknumber(state, index) + ROUNDING;
  return halves[0];
}

function swap(value: number): number {
  return (
    (value >>> 24) | ((value >>> 8) & 0xff00) | ((value & 0xff00) << 8) | ((value & 0xff) << 24)
  );
}

function toHex(lua: Lua, state: number): number {
  const value = toBit(lua, state, 1);
  let digits = lua.api.lua_type(state, 2) < 0 ? 8 : toBit(lua, state, 2);
  let text = (value >>> 0).toString(16).padStart(8, "0");
  if (digits < 0) {
    digits = -digits;
    text = text.toUpperCase();
  }
  lua.pushText(state, digits > 8 || digits < 0 ? text : text.slice(8 - digits));
  return 1;
}

/** The functions of the library. */
export function bitFunctions(lua: Lua): Record<string, BitFunction> {
  const { api } = lua;
  const answer = (state: number, value: number) => {
    api.lua_pushnumber(state, value | 0);
    return 1;
  };
  const one = (run: (value: number) => number) => (state: number) =>
    answer(state, run(toBit(lua, state, 1)));
  const many = (run: (left: number, right: number) => number) => (state: number) => {
    let value = toBit(lua, state, 1);
    for (let k = api.lua_gettop(state); k > 1; k--) value = run(value, toBit(lua, state, k));
    return answer(state, value);
  };
  const shift = (run: (value: number, by: number) => number) => (state: number) => {
    const value = toBit(lua, state, 1);
    return answer(state, run(value, toBit(lua, state, 2) & 31));
  };
  return {
    tobit: one((value) => value),
    bnot: one((value) => ~value),
    bswap: one(swap),
    band: many((left, right) => left & right),
    bor: many((left, right) => left | right),
    bxor: many((left, right) => left ^ right),
    lshift: shift((value, by) => value << by),
    rshift: shift((value, by) => value >>> by),
    arshift: shift((value, by) => value >> by),
    rol: shift((value, by) => (value << by) | (value >>> ((32 - by) & 31))),
    ror: shift((value, by) => (value >>> by) | (value << ((32 - by) & 31))),
    tohex: (state) => toHex(lua, state),
  };
}
