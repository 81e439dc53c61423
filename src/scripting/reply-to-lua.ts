// hot path: no allocation per command
//
// Replies of commands as Lua values, as scripts get them from redis.call:
//
//   RESP2  integer: number; bulk: string; array: table; status: {ok=...}; error: {err=...};
//          null: false
//   RESP3  null: nil; boolean; double: {double=...}; map: {map={...}}; set: {set={...}};
//          big number: {big_number=...}; verbatim: {verbatim_string={format=..., string=...}}

import { CR } from "../base/ascii.ts";
import { latin1Text } from "../base/text.ts";
import type { Lua } from "./lua.ts";

/** Reads replies from a buffer. */
export class ReplyToLua {
  readonly #lua: Lua;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Registry references of field names, by name. */
  readonly #names = new Map<string, number>();

  constructor(lua: Lua) {
    this.#lua = lua;
    const names = ["ok", "err", "ignore_error_stats_update", "double", "map", "set", "big_number"];
    for (const name of [...names, "verbatim_string", "format", "string"]) {
      lua.pushText(lua.main, name);
      this.#names.set(name, lua.keep(lua.main));
    }
  }

  /** Pushes the reply at bytes[start]; whether it is an error. */
  push(state: number, bytes: Uint8Array, start: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#value(state);
    return bytes[start] === 45;
  }

  /** Cold: pushes an error as scripts see it; `isCounted` says that it is among the statistics. */
  pushError(state: number, text: string, isCounted = false): void {
    this.#lua.api.lua_createtable(state, 0, 2);
    this.#name(state, "err");
    this.#lua.pushText(state, text);
    this.#lua.api.lua_rawset(state, -3);
    if (isCounted) this.#markCounted(state);
  }

  /** Cold: whether the error on top, a table, has been counted. */
  isCounted(state: number): boolean {
    const { api } = this.#lua;
    this.#name(state, "ignore_error_stats_update");
    api.lua_rawget(state, -2);
    const isCounted = api.lua_toboolean(state, -1) !== 0;
    api.lua_settop(state, -2);
    return isCounted;
  }

  /** The error has been counted, and is not to be counted again when the script returns it. */
  #markCounted(state: number): void {
    this.#name(state, "ignore_error_stats_update");
    this.#lua.api.lua_pushboolean(state, 1);
    this.#lua.api.lua_rawset(state, -3);
  }

  #name(state: number, name: string): void {
    this.#lua.push(state, this.#names.get(name)!);
  }

  /** The position of the CR that ends the line at `at`. */
  #lineEnd(): number {
    const bytes = this.#bytes;
    let end = this.#at;
    while (bytes[end] !== CR) end++;
    return end;
  }

  /** The integer of the line at #at, which is passed. */
  #integer(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    const isNegative = bytes[at] === 45;
    if (isNegative) at++;
    let value = 0;
    const start = at;
    for (; bytes[at] !== CR; at++) value = value * 10 + bytes[at] - 48;
    this.#at = at + 2;
    if (value > Number.MAX_SAFE_INTEGER) value = nearestDouble(bytes, start, at);
    return isNegative ? -value : value;
  }

  #value(state: number): void {
    const { api } = this.#lua;
    const type = this.#bytes[this.#at++];
    switch (type) {
      case 58: // :
        api.lua_pushnumber(state, this.#integer());
        return;
      case 36: // $
        this.#bulk(state);
        return;
      case 42: // *
        this.#array(state);
        return;
      case 43: // +
        this.#field(state, "ok");
        return;
      case 45: // -
        this.#field(state, "err");
        this.#markCounted(state);
        return;
      default:
        this.#valueOf3(state, type);
    }
  }

  /** What only RESP3 has. */
  #valueOf3(state: number, type: number): void {
    const { api } = this.#lua;
    switch (type) {
      case 95: // _
        this.#at += 2;
        api.lua_pushnil(state);
        return;
      case 35: // #
        api.lua_pushboolean(state, this.#bytes[this.#at] === 116 ? 1 : 0);
        this.#at += 3;
        return;
      case 44: // ,
        this.#double(state);
        return;
      case 40: // (
        this.#field(state, "big_number");
        return;
      case 61: // =
        this.#verbatim(state);
        return;
      case 37: // %
        this.#wrapped(state, "map");
        return;
      default:
        this.#wrapped(state, "set");
    }
  }

  #bulk(state: number): void {
    const length = this.#integer();
    if (length < 0) {
      this.#lua.api.lua_pushboolean(state, 0);
      return;
    }
    this.#lua.pushBytes(state, this.#bytes, this.#at, this.#at + length);
    this.#at += length + 2;
  }

  #array(state: number): void {
    const { api } = this.#lua;
    const count = this.#integer();
    if (count < 0) {
      api.lua_pushboolean(state, 0);
      return;
    }
    this.#checkStack(state);
    api.lua_createtable(state, count, 0);
    for (let k = 1; k <= count; k++) {
      this.#value(state);
      api.lua_rawseti(state, -2, k);
    }
  }

  #checkStack(state: number): void {
    if (this.#lua.api.lua_checkstack(state, 8) === 0) {
      this.#lua.raise(state, "reached lua stack limit");
    }
  }

  /** A table with the rest of the line in a field. */
  #field(state: number, name: string): void {
    const { api } = this.#lua;
    const end = this.#lineEnd();
    api.lua_createtable(state, 0, 1);
    this.#name(state, name);
    this.#lua.pushBytes(state, this.#bytes, this.#at, end);
    api.lua_rawset(state, -3);
    this.#at = end + 2;
  }

  #double(state: number): void {
    const { api } = this.#lua;
    const end = this.#lineEnd();
    let text = "";
    for (let k = this.#at; k < end; k++) text += String.fromCharCode(this.#bytes[k]);
    this.#at = end + 2;
    const value =
      text === "inf"
        ? Number.POSITIVE_INFINITY
        : text === "-inf"
          ? Number.NEGATIVE_INFINITY
          : Number(text);
    api.lua_createtable(state, 0, 1);
    this.#name(state, "double");
    api.lua_pushnumber(state, value);
    api.lua_rawset(state, -3);
  }

  #verbatim(state: number): void {
    const { api } = this.#lua;
    const length = this.#integer();
    api.lua_createtable(state, 0, 1);
    this.#name(state, "verbatim_string");
    api.lua_createtable(state, 0, 2);
    this.#name(state, "format");
    this.#lua.pushBytes(state, this.#bytes, this.#at, this.#at + 3);
    api.lua_rawset(state, -3);
    this.#name(state, "string");
    this.#lua.pushBytes(state, this.#bytes, this.#at + 4, this.#at + length);
    api.lua_rawset(state, -3);
    api.lua_rawset(state, -3);
    this.#at += length + 2;
  }

  /** A map, or a set, whose members are keys with the value true. */
  #wrapped(state: number, name: string): void {
    const { api } = this.#lua;
    this.#checkStack(state);
    const count = this.#integer();
    api.lua_createtable(state, 0, 1);
    this.#name(state, name);
    api.lua_createtable(state, 0, count);
    for (let k = 0; k < count; k++) {
      this.#value(state);
      if (name === "map") this.#value(state);
      else api.lua_pushboolean(state, 1);
      api.lua_rawset(state, -3);
    }
    api.lua_rawset(state, -3);
  }
}

/** Cold: the double that is nearest to the digits in bytes[start, end). */
function nearestDouble(bytes: Uint8Array, start: number, end: number): number {
  return Number(latin1Text(bytes, start, end));
}
