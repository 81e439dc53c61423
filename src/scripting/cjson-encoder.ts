// cjson.encode: a Lua value as JSON.

import { COMMA } from "../base/ascii.ts";
import { latin1Bytes } from "../base/text.ts";
import { ByteBuilder } from "./byte-builder.ts";
import type { CjsonSettings } from "./library-cjson.ts";
import {
  LUA_BOOLEAN,
  LUA_LIGHT_USERDATA,
  LUA_NIL,
  LUA_NUMBER,
  LUA_STRING,
  LUA_TABLE,
  type Lua,
} from "./lua.ts";

const QUOTE = 34;
const INT32_MAX = 2 ** 31 - 1;

/** How each byte of a string is written, where not as itself. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const short = { 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 47: "\\/" }[byte];
  if (short !== undefined) return latin1Bytes(short);
  if (byte === 92) return latin1Bytes("\\\\");
  if (byte >= 32 && byte !== 127) return undefined;
  return latin1Bytes(`\\u${byte.toString(16).padStart(4, "0")}`);
});

const TYPE_NAMES = [
  ...["nil", "boolean", "userdata", "number", "string", "table", "function", "userdata", "thread"],
];

/** Encodes values of one virtual machine. */
export class CjsonEncoder {
  readonly #lua: Lua;
  readonly #settings: CjsonSettings;
  readonly #out = new ByteBuilder();

  constructor(lua: Lua, settings: CjsonSettings) {
    this.#lua = lua;
    this.#settings = settings;
  }

  /** Replaces the value on top by its JSON; returns the number of results. */
  encode(state: number): number {
    this.#out.clear();
    this.#value(state, 0);
    this.#lua.pushBytes(state, this.#out.bytes, 0, this.#out.length);
    return 1;
  }

  #refuse(state: number, index: number, reason: string): never {
    const name = TYPE_NAMES[this.#lua.api.lua_type(state, index)];
    return this.#lua.raise(state, `Cannot serialise ${name}: ${reason}`);
  }

  /** Encodes the value on top, which stays. */
  #value(state: number, depth: number): void {
    const { api } = this.#lua;
    const out = this.#out;
    const type = api.lua_type(state, -1);
    if (type === LUA_STRING) this.#string(state, -1);
    else if (type === LUA_NUMBER) this.#number(state, -1);
    else if (type === LUA_BOOLEAN) out.text(api.lua_toboolean(state, -1) !== 0 ? "true" : "false");
    else if (type === LUA_TABLE) this.#table(state, depth + 1);
    else if (type === LUA_NIL) out.text("null");
    else if (type === LUA_LIGHT_USERDATA && api.lua_touserdata(state, -1) === 0) out.text("null");
    else this.#refuse(state, -1, "type not supported");
  }

  #string(state: number, index: number): void {
    const out = this.#out;
    const at = this.#lua.string(state, index);
    const end = at + this.#lua.length;
    const bytes = this.#lua.bytes;
    out.reserve(end - at + 2);
    out.byte(QUOTE);
    for (let k = at; k < end; k++) {
      const escaped = ESCAPES[bytes[k]];
      if (escaped === undefined) out.byte(bytes[k]);
      else out.range(escaped, 0, escaped.length);
    }
    out.byte(QUOTE);
  }

  #number(state: number, index: number): void {
    const { api } = this.#lua;
    const { encodesInvalidNumbers, numberPrecision } = this.#settings;
    const value = api.lua_tonumber(state, index);
    if (!Number.isFinite(value)) {
      if (encodesInvalidNumbers === "null") return this.#out.text("null");
      if (encodesInvalidNumbers === "off") this.#refuse(state, index, "must not be NaN or Inf");
    }
    if (numberPrecision !== 14) return this.#out.text(formatGeneral(value, numberPrecision));
    // A copy: making it a string would change a key under iteration.
    api.lua_pushnumber(state, value);
    const at = this.#lua.string(state, -1);
    this.#out.range(this.#lua.bytes, at, at + this.#lua.length);
    api.lua_settop(state, -2);
  }

  #table(state: number, depth: number): void {
    const { api } = this.#lua;
    if (depth > this.#settings.encodeDepthMax || api.lua_checkstack(state, 6) === 0) {
      this.#lua.raise(state, `Cannot serialise, excessive nesting (${depth})`);
    }
    const length = this.#arrayLength(state);
    if (length > 0) this.#array(state, length, depth);
    else this.#object(state, depth);
  }

  /** The length as an array of the table on top, or -1 where it is none. */
  #arrayLength(state: number): number {
    const { api } = this.#lua;
    let max = 0;
    let items = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      const key = api.lua_type(state, -1) === LUA_NUMBER ? api.lua_tonumber(state, -1) : 0;
      if (!(key >= 1) || Math.floor(key) !== key) {
        api.lua_settop(state, -2);
        return -1;
      }
      if (key > max) max = key;
      items++;
    }
    // The original keeps the length in 32 bits: an overflow makes it negative.
    if (max > INT32_MAX) return -1;
    const { sparseRatio, sparseSafe, sparseConvert } = this.#settings;
    if (sparseRatio > 0 && max > items * sparseRatio && max > sparseSafe) {
      if (!sparseConvert) this.#refuse(state, -1, "excessively sparse array");
      return -1;
    }
    return max;
  }

  #array(state: number, length: number, depth: number): void {
    const { api } = this.#lua;
    const out = this.#out;
    out.text("[");
    for (let k = 1; k <= length; k++) {
      if (k > 1) out.byte(COMMA);
      api.lua_rawgeti(state, -1, k);
      this.#value(state, depth);
      api.lua_settop(state, -2);
    }
    out.text("]");
  }

  #object(state: number, depth: number): void {
    const { api } = this.#lua;
    const out = this.#out;
    out.text("{");
    let isFirst = true;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      if (!isFirst) out.byte(COMMA);
      isFirst = false;
      const type = api.lua_type(state, -2);
      if (type === LUA_NUMBER) {
        out.byte(QUOTE);
        this.#number(state, -2);
        out.byte(QUOTE);
      } else if (type === LUA_STRING) this.#string(state, -2);
      else this.#refuse(state, -2, "table key must be a number or string");
      out.text(":");
      this.#value(state, depth);
      api.lua_settop(state, -2);
    }
    out.text("}");
  }
}

/** A number as C's "%.<precision>g" prints it. */
function formatGeneral(value: number, precision: number): string {
  if (Number.isNaN(value)) return Object.is(value, -Number.NaN) ? "nan" : "-nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits, power] = value.toExponential(precision - 1).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < precision) {
    const text = value.toFixed(Math.max(0, precision - 1 - exponent));
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }
  const mantissa = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  const sign = exponent < 0 ? "-" : "+";
  return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
