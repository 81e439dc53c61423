// What a script returns, as a reply. Tables are arrays up to their first nil unless one of the
// fields err, ok, double, map, set, big_number or verbatim_string says otherwise, in this order.

import { INT64_MIN } from "../base/ascii.ts";
import type { Protocol, ReplyWriter } from "../resp/reply.ts";
import { LUA_BOOLEAN, LUA_NIL, LUA_NUMBER, LUA_STRING, LUA_TABLE, type Lua } from "./lua.ts";

const LINE_BREAK = /[\r\n]/g;

/** Stack entries that one level of nesting needs. */
const LEVEL_ENTRIES = 4;
/** Maps and sets within each other. */
const NESTING_MAX = 500;

/** Writes a machine's values. */
export class LuaToReply {
  readonly #lua: Lua;
  readonly #reply: ReplyWriter;
  /** The names of the fields that tell what a table is. */
  readonly #fields: readonly number[];
  /** The arrays begun: where each starts in the reply, and its elements so far. */
  readonly #marks: number[] = [];
  readonly #counts: number[] = [];
  #depth = 0;
  /** The protocol that the script has chosen, which decides about booleans. */
  protocol: Protocol = 2;
  /** Maps and sets that are being written, one in the other. */
  #nesting = 0;

  constructor(lua: Lua, reply: ReplyWriter) {
    this.#lua = lua;
    this.#reply = reply;
    const names = ["err", "ok", "double", "map", "set", "big_number", "verbatim_string"];
    names.push("ignore_error_stats_update");
    this.#fields = names.map((name) => {
      lua.pushText(lua.main, name);
      return lua.keep(lua.main);
    });
  }

  /** Replies with the value on top, which is popped. Arrays in arrays do not recurse. */
  write(state: number): void {
    const { api } = this.#lua;
    const outer = this.#depth;
    this.#begin(state);
    while (this.#depth > outer) {
      const frame = this.#depth - 1;
      api.lua_rawgeti(state, -1, this.#counts[frame] + 1);
      if (api.lua_type(state, -1) !== LUA_NIL) {
        this.#counts[frame]++;
        this.#begin(state);
        continue;
      }
      api.lua_settop(state, -3);
      this.#depth = frame;
      this.#reply.closeArray(this.#marks[frame], this.#counts[frame]);
    }
  }

  /** Replies with the value on top and pops it, or starts an array and leaves its table there. */
  #begin(state: number): void {
    const { api } = this.#lua;
    const reply = this.#reply;
    const { module } = this.#lua;
    const text = module.stringAt(state, module.argumentCount(state));
    const type = text !== 0 ? LUA_STRING : api.lua_type(state, -1);
    if (text !== 0) {
      reply.bulk(module.bytes, text, text + module.lengthOf(text));
    } else if (type === LUA_NUMBER) {
      this.#integer(api.lua_tonumber(state, -1));
    } else if (type === LUA_BOOLEAN) {
      const value = api.lua_toboolean(state, -1) !== 0;
      if (this.protocol === 3) reply.boolean(value);
      else if (value) reply.integer(1);
      else reply.null();
    } else if (type === LUA_TABLE) {
      if (this.#table(state)) return;
    } else {
      reply.null();
    }
    api.lua_settop(state, -2);
  }

  /** A number as C's conversion to a 64-bit integer has it. */
  #integer(value: number): void {
    const whole = Math.trunc(value);
    if (Number.isSafeInteger(whole)) this.#reply.integer(whole + 0);
    else if (Math.abs(whole) < 2 ** 63) this.#reply.integer64(BigInt(whole));
    else this.#reply.integer64(INT64_MIN);
  }

  /** Pushes a field of the table on top; whether it has the type wanted (else it is popped). */
  #hasField(state: number, field: number, type: number): boolean {
    const { api } = this.#lua;
    this.#lua.push(state, this.#fields[field]);
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === type) return true;
    api.lua_settop(state, -2);
    return false;
  }

  /** Replies with the table on top; true where that has only been begun, as an array. */
  #table(state: number): boolean {
    const { api } = this.#lua;
    const reply = this.#reply;
    if (this.#nesting > NESTING_MAX || api.lua_checkstack(state, LEVEL_ENTRIES) === 0) {
      reply.error("ERR reached lua stack limit");
      return false;
    }
    const top = api.lua_gettop(state);
    let isArray = false;
    if (this.#hasField(state, 0, LUA_STRING)) this.#error(state);
    else if (this.#hasField(state, 1, LUA_STRING)) {
      reply.simple(this.#lua.printed(state, -1).replace(LINE_BREAK, " "));
    } else if (this.#hasField(state, 2, LUA_NUMBER)) {
      reply.double(api.lua_tonumber(state, -1));
    } else if (this.#hasField(state, 3, LUA_TABLE)) this.#members(state, true);
    else if (this.#hasField(state, 4, LUA_TABLE)) this.#members(state, false);
    else if (this.#hasField(state, 5, LUA_STRING)) {
      reply.bigNumber(this.#lua.text(state, -1).replace(LINE_BREAK, " "));
    } else isArray = !this.#hasField(state, 6, LUA_TABLE) || !this.#verbatim(state);
    api.lua_settop(state, top);
    if (isArray) {
      this.#marks[this.#depth] = reply.openArray();
      this.#counts[this.#depth++] = 0;
    }
    return isArray;
  }

  /** The text on top as an error, which the table below it is. */
  #error(state: number): void {
    this.#reply.error(this.#lua.printed(state, -1));
    this.#lua.api.lua_settop(state, -2);
    // One less than before the script says: it failed, but the error has been counted.
    if (this.#hasField(state, this.#fields.length - 1, LUA_BOOLEAN)) this.#reply.errorCount -= 2;
  }

  /** The keys, and values, of the table on top. */
  #members(state: number, withValues: boolean): void {
    const { api } = this.#lua;
    let count = 0;
    this.#nesting++;
    api.lua_pushnil(state);
    for (; api.lua_next(state, -2) !== 0; count++) api.lua_settop(state, -2);
    if (withValues) this.#reply.map(count);
    else this.#reply.set(count);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.write(state);
      if (withValues) this.write(state);
      else api.lua_settop(state, -2);
    }
    this.#nesting--;
  }

  /** The table on top as {format, string}; false where it is not that. */
  #verbatim(state: number): boolean {
    const { api } = this.#lua;
    this.#lua.getField(state, -1, "format");
    if (api.lua_type(state, -1) !== LUA_STRING) return false;
    const format = this.#lua.printed(state, -1);
    this.#lua.getField(state, -2, "string");
    if (api.lua_type(state, -1) !== LUA_STRING) return false;
    const at = this.#lua.string(state, -1);
    const end = at + this.#lua.length;
    if (this.#reply.protocol === 2) this.#reply.bulk(this.#lua.bytes, at, end);
    else this.#reply.verbatimBytes(format, this.#lua.bytes.slice(at, end));
    return true;
  }
}
