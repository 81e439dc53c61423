// The `struct` library: numbers and strings packed as C lays them out. A format is a sequence of
//   < >      little or big end first        !n  alignment to n bytes
//   b B h H l L T  integers of 1, 2, 8, 8 bytes, lower case signed    in In  of n bytes
//   f d      floating point                 x   a byte of padding
//   cn s     n bytes; bytes up to a zero    c0  as many as the number before says

import { ByteBuilder } from "./byte-builder.ts";
import { toInt64, toUint64 } from "./integers.ts";
import type { Lua } from "./lua.ts";

const INT_BYTES_MAX = 32;
const INT32_MAX = 2 ** 31 - 1;
const ALIGNMENT_MAX = 8;
const SIGN = 128;

const double = new DataView(new ArrayBuffer(8));

/** A format being read. */
class Format {
  isLittle = true;
  align = 1;
  option = "";
  size = 0;
  readonly #lua: Lua;
  readonly #state: number;
  readonly #text: string;
  #at = 0;

  constructor(lua: Lua, state: number) {
    this.#lua = lua;
    this.#state = state;
    lua.checkString(state, 1);
    const text = lua.text(state, 1);
    const nul = text.indexOf("\0");
    this.#text = nul < 0 ? text : text.slice(0, nul);
  }

  /** Reads the next option and its size; false at the end. */
  next(): boolean {
    if (this.#at >= this.#text.length) return false;
    this.option = this.#text[this.#at++];
    this.size = this.#optionSize();
    return true;
  }

  /** Bytes of padding in front of the option at a position. */
  padding(position: number): number {
    if (this.size === 0 || this.option === "c") return 0;
    const size = Math.min(this.size, this.align);
    return (size - (position & (size - 1))) & (size - 1);
  }

  /** Handles an option that stands for no value. */
  control(): void {
    if (this.option === " ") return;
    if (this.option === ">") this.isLittle = false;
    else if (this.option === "<") this.isLittle = true;
    else if (this.option === "!") {
      const align = this.#number(ALIGNMENT_MAX);
      if (align <= 0 || (align & (align - 1)) !== 0) {
        this.#lua.raise(this.#state, `alignment ${align} is not a power of 2`);
      }
      this.align = align;
    } else {
      this.#lua.raiseArgument(this.#state, 1, `invalid format option '${this.option}'`);
    }
  }

  #optionSize(): number {
    switch (this.option) {
      case "b":
      case "B":
      case "x":
        return 1;
      case "h":
      case "H":
        return 2;
      case "f":
        return 4;
      case "l":
      case "L":
      case "T":
      case "d":
        return 8;
      case "c":
        return this.#number(1);
      case "i":
      case "I":
        return this.#intSize();
    }
    return 0;
  }

  #intSize(): number {
    const size = this.#number(4);
    if (size > INT_BYTES_MAX) {
      const text = `integral size ${size} is larger than limit of ${INT_BYTES_MAX}`;
      this.#lua.raise(this.#state, text);
    }
    return size;
  }

  #number(missing: number): number {
    let value = -1;
    for (;;) {
      const digit = this.#text.charCodeAt(this.#at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      value = Math.max(value, 0) * 10 + digit;
      if (value > INT32_MAX) this.#lua.raise(this.#state, "integral size overflow");
      this.#at++;
    }
    return value < 0 ? missing : value;
  }
}

function isInteger(option: string): boolean {
  return "bBhHlLTiI".includes(option);
}

/** A double as the original converts it: what is negative by way of a signed integer. */
function to64(value: number): bigint {
  return value < 0 ? BigInt.asUintN(64, BigInt(toInt64(value))) : toUint64(value);
}

function putInteger(out: ByteBuilder, value: number, size: number, isLittle: boolean): void {
  let rest = to64(value);
  const start = out.length;
  for (let k = 0; k < size; k++) {
    out.byte(Number(rest & 0xffn));
    rest >>= 8n;
  }
  if (!isLittle) out.bytes.subarray(start, out.length).reverse();
}

function getInteger(bytes: Uint8Array, at: number, format: Format): number {
  let value = 0n;
  for (let k = 0; k < format.size; k++) {
    const byte = bytes[format.isLittle ? at + format.size - 1 - k : at + k];
    value = BigInt.asUintN(64, (value << 8n) | BigInt(byte));
  }
  const isSigned = format.option >= "a";
  if (!isSigned) return Number(value);
  // Beyond 8 bytes the original shifts by the count's low six bits, as its processor does.
  const mask = BigInt.asUintN(64, -1n << BigInt((format.size * 8 - 1) & 63));
  return Number(BigInt.asIntN(64, (value & mask) === 0n ? value : value | mask));
}

function pack(lua: Lua, out: ByteBuilder, state: number): number {
  const format = new Format(lua, state);
  out.clear();
  // What stands behind the arguments is told by errors about missing ones.
  lua.api.lua_pushnil(state);
  let argument = 2;
  while (format.next()) {
    for (let k = format.padding(out.length); k > 0; k--) out.byte(0);
    const { option, size } = format;
    if (isInteger(option)) {
      putInteger(out, lua.api.luaL_checknumber(state, argument++), size, format.isLittle);
    } else if (option === "x") {
      out.byte(0);
    } else if (option === "f" || option === "d") {
      const value = lua.api.luaL_checknumber(state, argument);
      if (option === "f") double.setFloat32(0, value, format.isLittle);
      else double.setFloat64(0, value, format.isLittle);
      if (lua.isNegativeNaN(state, argument++)) {
        const at = format.isLittle ? size - 1 : 0;
        double.setUint8(at, double.getUint8(at) | SIGN);
      }
      for (let k = 0; k < size; k++) out.byte(double.getUint8(k));
    } else if (option === "c" || option === "s") {
      const at = lua.checkString(state, argument++);
      const length = size === 0 ? lua.length : size;
      if (lua.length < length) lua.raiseArgument(state, argument, "string too short");
      out.range(lua.bytes, at, at + length);
      if (option === "s") out.byte(0);
    } else {
      format.control();
    }
  }
  lua.pushBytes(state, out.bytes, 0, out.length);
  return 1;
}

function unpack(lua: Lua, state: number): number {
  const { api } = lua;
  const format = new Format(lua, state);
  const data = lua.checkString(state, 2);
  const length = lua.length;
  const first = api.lua_type(state, 3) <= 0 ? 1 : lua.checkInteger(state, 3);
  if (first === 0) lua.raiseArgument(state, 3, "offset must be 1 or greater");
  // What is negative is an enormous offset for the original.
  if (first < 0) lua.raiseArgument(state, 2, "data string too short");
  let position = first - 1;
  let count = 0;
  const check = (size: number) => {
    if (size <= length && position <= length - size) return;
    lua.raiseArgument(state, 2, "data string too short");
  };
  while (format.next()) {
    position += format.padding(position);
    check(format.size);
    if (api.lua_checkstack(state, 4) === 0) lua.raise(state, "stack overflow (too many results)");
    const { option } = format;
    let size = format.size;
    const at = data + position;
    const bytes = lua.bytes;
    if (isInteger(option)) {
      api.lua_pushnumber(state, getInteger(bytes, at, format));
    } else if (option === "f" || option === "d") {
      for (let k = 0; k < size; k++) double.setUint8(k, bytes[at + k]);
      const isLittle = format.isLittle;
      const value =
        option === "f" ? double.getFloat32(0, isLittle) : double.getFloat64(0, isLittle);
      const hasSign = (double.getUint8(isLittle ? size - 1 : 0) & SIGN) !== 0;
      lua.pushNumber(state, value, hasSign);
    } else if (option === "c") {
      if (size === 0) {
        if (count === 0 || api.lua_isnumber(state, -1) === 0) {
          lua.raise(state, "format 'c0' needs a previous size");
        }
        size = Number(toUint64(api.lua_tonumber(state, -1)));
        api.lua_settop(state, -2);
        count--;
        check(size);
      }
      api.lua_pushlstring(state, at, size);
    } else if (option === "s") {
      const end = bytes.indexOf(0, at);
      if (end < 0 || end >= data + length) lua.raise(state, "unfinished string in data");
      size = end - at + 1;
      api.lua_pushlstring(state, at, size - 1);
    } else {
      if (option !== "x") format.control();
      count--;
    }
    position += size;
    count++;
  }
  api.lua_pushinteger(state, position + 1);
  return count + 1;
}

function size(lua: Lua, state: number): number {
  const format = new Format(lua, state);
  let total = 0;
  while (format.next()) {
    total += format.padding(total);
    if (format.option === "s") lua.raiseArgument(state, 1, "option 's' has no fixed size");
    if (format.option === "c" && format.size === 0) {
      lua.raiseArgument(state, 1, "option 'c0' has no fixed size");
    }
    // Letters and digits that mean nothing take no room here.
    if (!/[0-9A-Za-z]/.test(format.option)) format.control();
    total += format.size;
  }
  lua.api.lua_pushinteger(state, total);
  return 1;
}

/** The functions of the library. */
export function structFunctions(lua: Lua): Record<string, (state: number) => number> {
  const out = new ByteBuilder();
  return {
    pack: (state) => pack(lua, out, state),
    unpack: (state) => unpack(lua, state),
    size: (state) => size(lua, state),
  };
}
