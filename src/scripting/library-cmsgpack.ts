// The `cmsgpack` library: Lua values as MessagePack, as lua-cmsgpack 0.4.0 writes and reads it.

import { ByteBuilder } from "./byte-builder.ts";
import { toInt32 } from "./integers.ts";
import { LUA_BOOLEAN, LUA_NUMBER, LUA_STRING, LUA_TABLE, type Lua } from "./lua.ts";

/** Tables nested deeper are packed as nil. */
const NESTING_MAX = 16;
const UINT32 = 2 ** 32;
const SIGN = 128;

const number = new DataView(new ArrayBuffer(8));

/** Packs values. */
class Packer {
  readonly out = new ByteBuilder();
  readonly #lua: Lua;

  constructor(lua: Lua) {
    this.#lua = lua;
  }

  /** Packs the value on top, which is popped. */
  value(state: number, level: number): void {
    const { api } = this.#lua;
    const type = api.lua_type(state, -1);
    if (type === LUA_STRING) this.#string(state);
    else if (type === LUA_BOOLEAN) this.out.byte(api.lua_toboolean(state, -1) !== 0 ? 0xc3 : 0xc2);
    else if (type === LUA_NUMBER) this.#number(state);
    else if (type === LUA_TABLE && level < NESTING_MAX) this.#table(state, level);
    else this.out.byte(0xc0);
    api.lua_settop(state, -2);
  }

  #string(state: number): void {
    const { out } = this;
    const at = this.#lua.string(state, -1);
    const { length } = this.#lua;
    if (length < 32) out.byte(0xa0 | length);
    else this.#head(0xd9, length);
    out.range(this.#lua.bytes, at, at + length);
  }

  /** A length of one byte (code), two (code + 1) or four (code + 2). */
  #head(code: number, length: number): void {
    const bytes = length < 0x100 ? 1 : length < 0x10000 ? 2 : 4;
    this.out.byte(code + (bytes >> 1));
    this.out.bigEndian(length, bytes);
  }

  #number(state: number): void {
    const { out } = this;
    const value = this.#lua.api.lua_tonumber(state, -1);
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
      return this.#integer(value);
    }
    number.setFloat32(0, value);
    const isFloat = number.getFloat32(0) === value;
    if (!isFloat) number.setFloat64(0, value);
    if (this.#lua.isNegativeNaN(state, -1)) number.setUint8(0, number.getUint8(0) | SIGN);
    out.byte(isFloat ? 0xca : 0xcb);
    for (let k = 0; k < (isFloat ? 4 : 8); k++) out.byte(number.getUint8(k));
  }

  #integer(value: number): void {
    const { out } = this;
    if (value >= 0) {
      if (value < 128) return out.byte(value);
      if (value < 0x100) return this.#fixed(0xcc, value, 1);
      if (value < 0x10000) return this.#fixed(0xcd, value, 2);
      if (value < UINT32) return this.#fixed(0xce, value, 4);
      out.byte(0xcf);
    } else {
      if (value >= -32) return out.byte(value & 0xff);
      if (value >= -128) return this.#fixed(0xd0, value, 1);
      if (value >= -32768) return this.#fixed(0xd1, value, 2);
      if (value >= -(2 ** 31)) return this.#fixed(0xd2, value, 4);
      out.byte(0xd3);
    }
    number.setBigInt64(0, BigInt(value));
    for (let k = 0; k < 8; k++) out.byte(number.getUint8(k));
  }

  #fixed(code: number, value: number, bytes: number): void {
    this.out.byte(code);
    this.out.bigEndian(value, bytes);
  }

  #table(state: number, level: number): void {
    const { api } = this.#lua;
    if (api.lua_checkstack(state, 5) === 0) this.#lua.raise(state, "stack overflow");
    const length = this.#arrayLength(state);
    if (length >= 0) {
      if (length < 16) this.out.byte(0x90 | length);
      else this.#wideHead(0xdc, length);
      for (let k = 1; k <= length; k++) {
        api.lua_rawgeti(state, -1, k);
        this.value(state, level + 1);
      }
      return;
    }
    let pairs = 0;
    api.lua_pushnil(state);
    for (; api.lua_next(state, -2) !== 0; pairs++) api.lua_settop(state, -2);
    if (pairs < 16) this.out.byte(0x80 | pairs);
    else this.#wideHead(0xde, pairs);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.value(state, level + 1);
      this.value(state, level + 1);
    }
  }

  #wideHead(code: number, length: number): void {
    const bytes = length < 0x10000 ? 2 : 4;
    this.#fixed(code + (bytes === 4 ? 1 : 0), length, bytes);
  }

  /** The length of the table on top if its keys are 1 to n, or -1. */
  #arrayLength(state: number): number {
    const { api } = this.#lua;
    let count = 0;
    let max = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      const key = api.lua_type(state, -1) === LUA_NUMBER ? api.lua_tonumber(state, -1) : 0;
      if (!(key > 0) || !Number.isInteger(key)) {
        api.lua_settop(state, -2);
        return -1;
      }
      count++;
      if (key > max) max = key;
    }
    return max === count ? count : -1;
  }
}

const MISSING = "Missing bytes in input.";
const BAD = "Bad data format in input.";

/** Unpacks values from a string of Lua's, which stays on its stack and so in its place. */
class Unpacker {
  at = 0;
  end = 0;
  readonly #lua: Lua;

  constructor(lua: Lua) {
    this.#lua = lua;
  }

  /** Pushes the next value. */
  value(state: number): void {
    const { api } = this.#lua;
    const code = this.#bytes(state, 1);
    if (code < 0x80) api.lua_pushinteger(state, code);
    else if (code < 0x90) this.#map(state, code & 15);
    else if (code < 0xa0) this.#array(state, code & 15);
    else if (code < 0xc0) this.#string(state, code & 31);
    else if (code >= 0xe0) api.lua_pushinteger(state, code - 256);
    else this.#coded(state, code);
  }

  #coded(state: number, code: number): void {
    const { api } = this.#lua;
    if (code === 0xc0) api.lua_pushnil(state);
    else if (code === 0xc2 || code === 0xc3) api.lua_pushboolean(state, code & 1);
    else if (code >= 0xca && code <= 0xd3) this.#number(state, code);
    else if (code >= 0xd9 && code <= 0xdb) {
      this.#string(state, this.#bytes(state, 1 << (code - 0xd9)));
    } else if (code >= 0xdc) {
      const length = this.#bytes(state, (code & 1) === 0 ? 2 : 4);
      if (code < 0xde) this.#array(state, length);
      else this.#map(state, length);
    } else this.#lua.raise(state, BAD);
  }

  #number(state: number, code: number): void {
    const bytes = code === 0xca ? 4 : code === 0xcb ? 8 : 1 << (code & 3);
    const at = this.#take(state, bytes);
    for (let k = 0; k < bytes; k++) number.setUint8(k, this.#lua.bytes[at + k]);
    const value = readNumber(code, bytes);
    this.#lua.pushNumber(state, value, Number.isNaN(value) && number.getUint8(0) >= SIGN);
  }

  /** Takes `count` bytes; returns where they are. */
  #take(state: number, count: number): number {
    if (this.end - this.at < count) this.#lua.raise(state, MISSING);
    this.at += count;
    return this.at - count;
  }

  /** A big-endian number of `count` bytes. */
  #bytes(state: number, count: number): number {
    const at = this.#take(state, count);
    let value = 0;
    for (let k = 0; k < count; k++) value = value * 256 + this.#lua.bytes[at + k];
    return value;
  }

  #string(state: number, length: number): void {
    this.#lua.api.lua_pushlstring(state, this.#take(state, length), length);
  }

  #array(state: number, length: number): void {
    const { api } = this.#lua;
    if (api.lua_checkstack(state, 4) === 0) this.#lua.raise(state, "stack overflow");
    api.lua_createtable(state, 0, 0);
    for (let k = 1; k <= length; k++) {
      this.value(state);
      api.lua_rawseti(state, -2, k);
    }
  }

  #map(state: number, pairs: number): void {
    const { api } = this.#lua;
    if (api.lua_checkstack(state, 4) === 0) this.#lua.raise(state, "stack overflow");
    api.lua_createtable(state, 0, 0);
    for (let k = 0; k < pairs; k++) {
      this.value(state);
      this.value(state);
      api.lua_settable(state, -3);
    }
  }
}

function readNumber(code: number, bytes: number): number {
  if (code === 0xca) return number.getFloat32(0);
  if (code === 0xcb) return number.getFloat64(0);
  const isSigned = code >= 0xd0;
  // The original passes unsigned ones on as signed.
  if (bytes === 8) return Number(number.getBigInt64(0));
  if (bytes === 4) return isSigned ? number.getInt32(0) : number.getUint32(0);
  if (bytes === 2) return isSigned ? number.getInt16(0) : number.getUint16(0);
  return isSigned ? number.getInt8(0) : number.getUint8(0);
}

/** Pushes the library's table. */
export function addCmsgpack(lua: Lua): void {
  const { api, main } = lua;
  const packer = new Packer(lua);
  const unpacker = new Unpacker(lua);
  const unpack = (state: number, limit: number, offset: number): number => {
    const at = lua.checkString(state, 1);
    const length = lua.length;
    if (offset < 0 || limit < 0) {
      const text = `offset of ${toInt32(offset)} and limit of ${length}.`;
      lua.raise(state, `Invalid request to unpack with ${text}`);
    } else if (offset > length) {
      lua.raise(state, `Start offset ${toInt32(offset)} greater than input length ${length}.`);
    }
    unpacker.at = at + offset;
    unpacker.end = at + length;
    const isAll = limit === 0 && offset === 0;
    let count = 0;
    while (unpacker.at < unpacker.end && (isAll || count < limit)) {
      if (api.lua_checkstack(state, 4) === 0) lua.raise(state, "stack overflow");
      unpacker.value(state);
      count++;
    }
    if (isAll) return count;
    api.lua_pushinteger(state, unpacker.at === unpacker.end ? -1 : unpacker.at - at);
    api.lua_insert(state, -1 - count);
    return count + 1;
  };
  const optional = (state: number, index: number, missing: number) =>
    api.lua_type(state, index) <= 0 ? missing : lua.checkInteger(state, index);
  api.lua_createtable(main, 0, 8);
  lua.setFunctions(main, {
    pack: (state) => {
      const count = api.lua_gettop(state);
      if (count === 0) lua.raiseArgument(state, 0, "MessagePack pack needs input.");
      packer.out.clear();
      for (let k = 1; k <= count; k++) {
        api.lua_pushvalue(state, k);
        packer.value(state, 0);
      }
      lua.pushBytes(state, packer.out.bytes, 0, packer.out.length);
      return 1;
    },
    unpack: (state) => unpack(state, 0, 0),
    unpack_one: (state) => unpack(state, 1, optional(state, 2, 0)),
    unpack_limit: (state) => unpack(state, lua.checkInteger(state, 2), optional(state, 3, 0)),
  });
  for (const [name, text] of [
    ["_NAME", "cmsgpack"],
    ["_VERSION", "lua-cmsgpack 0.4.0"],
    ["_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"],
    ["_DESCRIPTION", "MessagePack C implementation for Lua"],
  ]) {
    lua.pushText(main, text);
    lua.setField(main, -2, name);
  }
}
