// hot path: no allocation per command
//
// A Lua state with what TypeScript needs around the C API: strings as byte ranges, errors, C
// functions. `state` parameters are pointers to Lua threads; indexes are Lua's own, from 1 at the
// bottom of the stack or from -1 at its top.
//
// Every call into Lua may grow its heap: `bytes` is read anew after each.

import { copyBytes } from "../base/ascii.ts";
import { latin1Text, utf8Bytes } from "../base/text.ts";
import { toInt32, toInt64 } from "./integers.ts";
import { LUA_BYTES_MAX, type LuaApi, LuaModule, type Supervisor } from "./lua-module.ts";

export const LUA_REGISTRY = -10000;
export const LUA_GLOBALS = -10002;

export const LUA_NIL = 0;
export const LUA_BOOLEAN = 1;
export const LUA_LIGHT_USERDATA = 2;
export const LUA_NUMBER = 3;
export const LUA_STRING = 4;
export const LUA_TABLE = 5;
export const LUA_FUNCTION = 6;
export const LUA_THREAD = 8;

const SCRATCH_BYTES = 1 << 16;
const GROWN_BYTES_KEPT = 1 << 20;

/** The i-th upvalue of the running C function. */
export function upvalue(i: number): number {
  return LUA_GLOBALS - i;
}

/** One virtual machine. */
export class Lua {
  readonly module: LuaModule;
  readonly api: LuaApi;
  /** The main thread. */
  readonly main: number;
  /** Length of the string that `string` found last. */
  length = 0;
  readonly #lengthAt: number;
  #scratch: number;
  #scratchBytes = SCRATCH_BYTES;

  constructor(supervisor: Supervisor, bytesMax = LUA_BYTES_MAX) {
    this.module = new LuaModule(supervisor, (state) => this.#makePlain(state), bytesMax);
    this.api = this.module.api;
    this.main = this.module.newState();
    this.#lengthAt = this.api.malloc(8);
    this.#scratch = this.api.malloc(SCRATCH_BYTES);
  }

  /** Lua's heap. */
  get bytes(): Uint8Array {
    return this.module.bytes;
  }

  /** The address of the string (or number, which becomes one) at `index`; 0 where it is none. */
  string(state: number, index: number): number {
    const at = this.api.lua_tolstring(state, index, this.#lengthAt);
    this.length = at === 0 ? 0 : this.module.words[this.#lengthAt >>> 2];
    return at;
  }

  /** The string at `index`, one character per byte. Cold. */
  text(state: number, index: number): string {
    const at = this.string(state, index);
    return latin1Text(this.module.bytes, at, at + this.length);
  }

  /** The string at `index` up to its first zero byte, as C prints it. Cold. */
  printed(state: number, index: number): string {
    const text = this.text(state, index);
    const end = text.indexOf("\0");
    return end < 0 ? text : text.substring(0, end);
  }

  /** The string that ends with a zero byte at an address. Cold. */
  textAt(at: number): string {
    return latin1Text(this.module.bytes, at, this.module.bytes.indexOf(0, at));
  }

  pushBytes(state: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const at = this.scratch(length);
    // Reloaded: making room may have grown the heap.
    copyBytes(this.module.bytes, at, bytes, start, end);
    this.api.lua_pushlstring(state, at, length);
    this.releaseScratch();
  }

  /** After `scratch`: gives room back that is more than usual. */
  releaseScratch(): void {
    if (this.#scratchBytes > GROWN_BYTES_KEPT) this.#shrinkScratch();
  }

  /** Pushes a text of one character per byte. */
  pushText(state: number, text: string): void {
    const length = text.length;
    const at = this.scratch(length);
    const bytes = this.module.bytes;
    for (let k = 0; k < length; k++) bytes[at + k] = text.charCodeAt(k);
    this.api.lua_pushlstring(state, at, length);
  }

  /** Room for `count` bytes of Lua's heap, valid until it is asked for again. */
  scratch(count: number): number {
    if (count <= this.#scratchBytes) return this.#scratch;
    const at = this.api.malloc(count);
    // alloc: cold, an exception of a fixed text
    if (at === 0) {
      this.module.hasNoMemory = true;
      throw new RangeError("Out of memory");
    }
    this.api.free(this.#scratch);
    this.#scratch = at;
    this.#scratchBytes = count;
    return at;
  }

  /** Cold: gives back what an exceptionally large string made grow. */
  #shrinkScratch(): void {
    this.api.free(this.#scratch);
    this.#scratch = this.api.malloc(SCRATCH_BYTES);
    this.#scratchBytes = SCRATCH_BYTES;
  }

  /** Cold: pushes a C function, with the topmost `upvalues` values as its upvalues. */
  pushFunction(state: number, run: (state: number) => number, upvalues = 0): void {
    this.api.lua_pushcclosure(state, this.module.addFunction(run), upvalues);
  }

  /** Cold: as `pushFunction`, of a function that may return PAUSE or CALL; see lua-seams.ts. */
  pushResumable(
    state: number,
    run: (state: number, isAgain: number) => number,
    upvalues = 0,
  ): void {
    this.api.lua_pushcclosure(state, this.module.addResumable(run), upvalues);
  }

  /** Cold: pushes one of the C functions in lua-seams.ts. */
  pushSeam(state: number, name: string): void {
    this.api.lua_pushcclosure(state, this.module.addSeam(name), 0);
  }

  /** Cold: runs what may need more memory, or stack, than there is; that is an error of Lua's. */
  guard(state: number, run: () => number): number {
    // alloc: cold
    try {
      return run();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const isStack = /call stack/i.test(error.message);
      return this.raisePlain(state, isStack ? "stack overflow" : "not enough memory");
    }
  }

  /** Cold: an error of the server, a table, is replaced by its text. */
  #makePlain(state: number): void {
    const { api } = this;
    if (api.lua_type(state, -1) !== LUA_TABLE || api.lua_checkstack(state, 2) === 0) return;
    this.getField(state, -1, "err");
    const type = api.lua_type(state, -1);
    // What is no text stays behind the table: one result more, as in Redis.
    if (type === LUA_STRING || type === LUA_NUMBER) api.lua_replace(state, -2);
  }

  /** Cold: calls a library's opening function, which leaves its tables among the globals. */
  open(name: string): void {
    this.api.lua_pushcclosure(this.main, this.module.indexOf(name), 0);
    this.api.lua_call(this.main, 0, 0);
  }

  /** Cold: sets field `name` of the table at `index` to the topmost value, which is popped. */
  setField(state: number, index: number, name: string): void {
    const absolute = index < 0 && index > LUA_REGISTRY ? index - 1 : index;
    this.pushText(state, name);
    this.api.lua_insert(state, -2);
    this.api.lua_rawset(state, absolute);
  }

  /** Cold: pushes field `name` of the table at `index`. */
  getField(state: number, index: number, name: string): void {
    this.pushText(state, name);
    this.api.lua_rawget(state, index < 0 && index > LUA_REGISTRY ? index - 1 : index);
  }

  /** Cold: sets fields of the table on top to C functions. */
  setFunctions(state: number, functions: Readonly<Record<string, (state: number) => number>>) {
    for (const [name, run] of Object.entries(functions)) {
      this.pushFunction(state, run);
      this.setField(state, -2, name);
    }
  }

  /** Cold: moves the topmost value to the registry. */
  keep(state: number): number {
    return this.api.luaL_ref(state, LUA_REGISTRY);
  }

  /** Cold: lets go of a value of the registry. */
  release(ref: number): void {
    this.api.luaL_unref(this.main, LUA_REGISTRY, ref);
  }

  /** Pushes a value of the registry. */
  push(state: number, ref: number): void {
    this.api.lua_rawgeti(state, LUA_REGISTRY, ref);
  }

  /** Cold: compiles `source`; false where that fails, with the message on top either way. */
  load(state: number, source: Uint8Array, name: string): boolean {
    const at = this.api.malloc(source.length + name.length + 1);
    if (at === 0) throw new RangeError("Out of memory");
    this.module.bytes.set(source, at);
    this.module.bytes.set(utf8Bytes(`${name}\0`), at + source.length);
    const status = this.api.luaL_loadbuffer(state, at, source.length, at + source.length);
    this.api.free(at);
    return status === 0;
  }

  /** Cold: raises an error at the place of the running C function's caller. Does not return. */
  raise(state: number, text: string): never {
    this.api.luaL_where(state, 1);
    this.pushText(state, text);
    this.api.lua_concat(state, 2);
    this.api.lua_error(state);
    throw new Error("lua_error returned");
  }

  /** Cold: raises an error with nothing in front of its text. Does not return. */
  raisePlain(state: number, text: string): never {
    this.pushText(state, text);
    this.api.lua_error(state);
    throw new Error("lua_error returned");
  }

  /** Cold: raises "bad argument #n to 'name' (text)". Does not return. */
  raiseArgument(state: number, argument: number, text: string): never {
    const at = this.scratch(text.length + 1);
    const bytes = this.module.bytes;
    for (let k = 0; k < text.length; k++) bytes[at + k] = text.charCodeAt(k);
    bytes[at + text.length] = 0;
    this.api.luaL_argerror(state, argument, at);
    throw new Error("luaL_argerror returned");
  }

  /** Whether there is a NaN with a sign, which JavaScript does not tell apart. */
  isNegativeNaN(state: number, index: number): boolean {
    const { api } = this;
    if (
      api.lua_type(state, index) !== LUA_NUMBER ||
      !Number.isNaN(api.lua_tonumber(state, index))
    ) {
      return false;
    }
    return this.module.hasSign(state, index < 0 ? api.lua_gettop(state) + index + 1 : index);
  }

  /** Pushes a number; where it is NaN, with a sign or without. */
  pushNumber(state: number, value: number, hasSign: boolean): void {
    this.api.lua_pushnumber(state, value);
    if (Number.isNaN(value)) this.module.setSign(state, hasSign);
  }

  /** As Lua's own check of an integer argument where integers have 64 bits. */
  checkInteger(state: number, index: number): number {
    return toInt64(this.api.luaL_checknumber(state, index));
  }

  /** The same of an `int`. */
  checkInt(state: number, index: number): number {
    return toInt32(this.api.luaL_checknumber(state, index));
  }

  /** As Lua's own check of a string argument: returns its address, `length` its length. */
  checkString(state: number, index: number): number {
    const at = this.api.luaL_checklstring(state, index, this.#lengthAt);
    this.length = this.module.words[this.#lengthAt >>> 2];
    return at;
  }
}
