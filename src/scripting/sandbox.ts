// What scripts find: Redis's selection of Lua's libraries, frozen. Lua 5.1 knows no read-only
// tables, so scripts hold empty stand-ins whose metatables lead reads to the real tables and refuse
// writes; the functions that would look past a metatable (rawset, next, table.insert ...) know the
// stand-ins.

import type { Clock } from "../base/clock.ts";
import { latin1Bytes } from "../base/text.ts";
import { bitFunctions } from "./library-bit.ts";
import { addCjson } from "./library-cjson.ts";
import { addCmsgpack } from "./library-cmsgpack.ts";
import { PatternLibrary } from "./library-pattern.ts";
import { structFunctions } from "./library-struct.ts";
import { widenIntegers } from "./library-wide.ts";
import {
  LUA_FUNCTION,
  LUA_GLOBALS,
  LUA_NIL,
  LUA_NUMBER,
  LUA_STRING,
  LUA_TABLE,
  type Lua,
  upvalue,
} from "./lua.ts";
import type { Supervisor } from "./lua-module.ts";
import { CALL } from "./lua-seams.ts";
import { PRELUDE } from "./prelude.ts";
import { ScriptRandom } from "./script-random.ts";

const REMOVED = [
  ...["dofile", "loadfile", "print", "newproxy", "module", "require", "getfenv", "setfenv"],
  ...["package", "io", "debug"],
];
const READ_ONLY = "Attempt to modify a readonly table";
const BINARY_MARK = 27;

/** The libraries that are frozen, besides the globals themselves. */
const FROZEN = [
  ...["string", "table", "math", "os", "coroutine", "cjson", "cmsgpack", "bit", "struct"],
];

/** The frozen world of one virtual machine. */
export class Sandbox {
  readonly lua: Lua;
  readonly random = new ScriptRandom();
  /** The table of the real globals. */
  readonly globals: number;
  /** The real table, and the stand-in of its metatable, by the address of each stand-in. */
  readonly #standIns = new Map<number, { ref: number; real: number; metatable: number }>();
  #stringMetatable = LUA_NIL;
  #refuseWrite = 0;

  readonly #patterns: PatternLibrary;

  constructor(lua: Lua, clock: Clock, supervisor: Supervisor) {
    this.lua = lua;
    this.#patterns = new PatternLibrary(lua, supervisor);
    const { api, main } = lua;
    for (const library of ["base", "table", "string", "math"]) lua.open(`luaopen_${library}`);
    api.lua_pushvalue(main, LUA_GLOBALS);
    this.globals = lua.keep(main);
    api.lua_pushvalue(main, LUA_GLOBALS);
    for (const name of REMOVED) {
      api.lua_pushnil(main);
      lua.setField(main, -2, name);
    }
    this.#addLibraries(clock);
    this.#runPrelude();
    lua.pushFunction(main, (state) => lua.raise(state, READ_ONLY));
    this.#refuseWrite = lua.keep(main);
    lua.setFunctions(main, this.#guardedFunctions());
    for (const name of FROZEN) this.#freezeField(name);
    this.#freezeStrings();
    api.lua_settop(main, 0);
  }

  /** Adds a library, which is on top of the stack, to the globals, frozen. Pops it. */
  add(name: string): void {
    const { lua } = this;
    this.#standInFor(0);
    lua.push(lua.main, this.globals);
    lua.api.lua_insert(lua.main, -2);
    lua.setField(lua.main, -2, name);
    lua.api.lua_settop(lua.main, 0);
  }

  /** Freezes the globals: from now on every function loaded sees them through a stand-in. */
  close(): void {
    const { lua } = this;
    const { api, main } = lua;
    lua.push(main, this.globals);
    this.freezeStrictly();
    lua.push(main, this.globals);
    api.lua_pushvalue(main, -2);
    lua.setField(main, -2, "_G");
    api.lua_settop(main, -2);
    api.lua_replace(main, LUA_GLOBALS);
  }

  /** Replaces the table on top by a stand-in; reading a field that it does not have is an error. */
  freezeStrictly(): void {
    const { lua } = this;
    const { api, main } = lua;
    api.lua_createtable(main, 0, 1);
    lua.pushFunction(main, (state) => this.#refuseGlobal(state));
    lua.setField(main, -2, "__index");
    api.lua_pushvalue(main, -1);
    this.#standInFor(0);
    const metatable = lua.keep(main);
    api.lua_setmetatable(main, -2);
    this.#standInFor(metatable);
  }

  /** Has all functions find the fields of the table at `ref` as their globals, from now on. */
  showGlobals(ref: number): void {
    const { lua } = this;
    const { api, main } = lua;
    api.lua_getmetatable(main, LUA_GLOBALS);
    lua.push(main, ref);
    lua.setField(main, -2, "__index");
    api.lua_settop(main, -2);
  }

  /** Forgets what a script has left behind. */
  tidy(): void {
    this.#patterns.tidy();
  }

  #refuseGlobal(state: number): number {
    const { lua } = this;
    const name = lua.api.lua_type(state, 2) === LUA_STRING ? lua.text(state, 2) : "?";
    return lua.raise(state, `Script attempted to access nonexistent global variable '${name}'`);
  }

  #addLibraries(clock: Clock): void {
    const { lua } = this;
    const { api, main } = lua;
    this.#replaceMath();
    const startedUs = clock.monotonicUs();
    api.lua_createtable(main, 0, 1);
    lua.pushFunction(main, (state) => {
      api.lua_pushnumber(state, (clock.monotonicUs() - startedUs) / 1e6);
      return 1;
    });
    lua.setField(main, -2, "clock");
    lua.setField(main, -2, "os");
    for (const [name, functions] of [
      ["bit", bitFunctions(lua)],
      ["struct", structFunctions(lua)],
    ] as const) {
      api.lua_createtable(main, 0, 12);
      lua.setFunctions(main, functions);
      lua.setField(main, -2, name);
    }
    addCjson(lua);
    lua.setField(main, -2, "cjson");
    addCmsgpack(lua);
    lua.setField(main, -2, "cmsgpack");
  }

  /** Runs the prelude on the globals, which are on top, and replaces what it replaces. */
  #runPrelude(): void {
    const { lua } = this;
    const { api, main } = lua;
    const globals = api.lua_gettop(main);
    lua.pushSeam(main, "pcall");
    lua.setField(main, globals, "pcall");
    lua.getField(main, globals, "string");
    this.#patterns.addTo(-1);
    api.lua_settop(main, globals);
    if (!lua.load(main, latin1Bytes(PRELUDE), "=prelude")) throw new Error(lua.text(main, -1));
    if (api.lua_pcall(main, 0, 1, 0) !== 0) throw new Error(lua.text(main, -1));
    const sort = lua.keep(main);
    lua.pushSeam(main, "less");
    const less = lua.keep(main);
    widenIntegers(lua, globals);
    this.#replaceLoad(globals);
    lua.getField(main, globals, "table");
    this.#guard("insert", (state) => {
      // A wrong call is refused by the function itself.
      const count = api.lua_gettop(state);
      const isCall = count === 2 || (count === 3 && api.lua_isnumber(state, 2) !== 0);
      if (isCall && this.#standIn(state, 1)) lua.raisePlain(state, READ_ONLY);
    });
    this.#guard("foreach", (state) => this.#lookThrough(state));
    lua.pushResumable(main, (state, isAgain) =>
      isAgain === 0 ? this.#beginSort(state, sort, less) : this.#endSort(state),
    );
    lua.setField(main, -2, "sort");
    api.lua_settop(main, globals);
  }

  /** load takes source only: behind a space, bytecode is none. */
  #replaceLoad(globals: number): void {
    const { lua } = this;
    const { api, main, module } = lua;
    const [reader, isFirst] = [upvalue(1), upvalue(2)];
    const read = module.addResumable((state, isAgain) => {
      if (isAgain === 0) {
        api.lua_pushvalue(state, reader);
        return CALL;
      }
      if (api.lua_toboolean(state, isFirst) === 0) return 1;
      api.lua_pushboolean(state, 0);
      api.lua_replace(state, isFirst);
      if (api.lua_type(state, -1) === LUA_STRING) this.#disarm(state, -1);
      return 1;
    });
    lua.getField(main, globals, "load");
    const index = module.addPrepared(api.lua_tocfunction(main, -1), (state) => {
      if (api.lua_type(state, 1) !== LUA_FUNCTION) return;
      api.lua_pushvalue(state, 1);
      api.lua_pushboolean(state, 1);
      api.lua_pushcclosure(state, read, 2);
      api.lua_replace(state, 1);
    });
    api.lua_settop(main, globals);
    api.lua_pushcclosure(main, index, 0);
    lua.setField(main, globals, "load");
  }

  /** Puts a space in front of bytecode: then it is source, with a character that none has. */
  #disarm(state: number, index: number): void {
    const { lua } = this;
    const at = lua.string(state, index);
    if (lua.length === 0 || lua.bytes[at] !== BINARY_MARK) return;
    lua.api.lua_pushvalue(state, index);
    lua.pushText(state, " ");
    lua.api.lua_insert(state, -2);
    lua.api.lua_concat(state, 2);
    lua.api.lua_replace(state, index < 0 ? index - 1 : index);
  }

  /** Has `check` see tables with a metatable before a function of the library on top does. */
  #guard(name: string, check: (state: number) => void): void {
    const { lua } = this;
    const { api, main } = lua;
    lua.getField(main, -1, name);
    const index = lua.module.addGuarded(api.lua_tocfunction(main, -1), check);
    api.lua_settop(main, -2);
    api.lua_pushcclosure(main, index, 0);
    lua.setField(main, -2, name);
  }

  /** table.sort(table [, before]): calls the prelude's sort. */
  #beginSort(state: number, sort: number, less: number): number {
    const { lua } = this;
    const { api } = lua;
    api.luaL_checktype(state, 1, LUA_TABLE);
    const count = api.lua_objlen(state, 1);
    const isOrdered = api.lua_type(state, 2) > LUA_NIL;
    if (isOrdered) api.luaL_checktype(state, 2, LUA_FUNCTION);
    else if (this.#sortNumbers(state, count)) return 0;
    lua.push(state, sort);
    api.lua_pushvalue(state, 1);
    api.lua_pushinteger(state, 1);
    api.lua_pushinteger(state, count);
    if (isOrdered) api.lua_pushvalue(state, 2);
    else lua.push(state, less);
    return CALL - 4;
  }

  #endSort(state: number): number {
    const { lua } = this;
    if (lua.api.lua_toboolean(state, -1) === 0) return 0;
    return lua.raise(state, "invalid order function for sorting");
  }

  /** Sorts argument 1 if all of its elements are numbers: the most frequent case by far. */
  #sortNumbers(state: number, count: number): boolean {
    const { api } = this.lua;
    const numbers = new Float64Array(count);
    for (let k = 0; k < count; k++) {
      api.lua_rawgeti(state, 1, k + 1);
      const isNumber = api.lua_type(state, -1) === LUA_NUMBER;
      numbers[k] = api.lua_tonumber(state, -1);
      api.lua_settop(state, -2);
      if (!isNumber || Number.isNaN(numbers[k])) return false;
    }
    numbers.sort();
    for (let k = 0; k < count; k++) {
      api.lua_pushnumber(state, numbers[k]);
      api.lua_rawseti(state, 1, k + 1);
    }
    return true;
  }

  /** Replaces the table in a field of the globals, which are on top, by a stand-in. */
  #freezeField(name: string): void {
    const { lua } = this;
    lua.getField(lua.main, -1, name);
    this.#standInFor(0);
    lua.setField(lua.main, -2, name);
  }

  /** Replaces the table on top by its stand-in; `metatable` is what getmetatable says it has. */
  #standInFor(metatable: number): void {
    const { lua } = this;
    const { api, main } = lua;
    const real = lua.keep(main);
    api.lua_createtable(main, 0, 0);
    api.lua_createtable(main, 0, 2);
    lua.push(main, real);
    lua.setField(main, -2, "__index");
    lua.push(main, this.#refuseWrite);
    lua.setField(main, -2, "__newindex");
    api.lua_setmetatable(main, -2);
    api.lua_pushvalue(main, -1);
    const ref = lua.keep(main);
    this.#standIns.set(api.lua_topointer(main, -1), { ref, real, metatable });
  }

  #freezeStrings(): void {
    const { lua } = this;
    lua.api.lua_createtable(lua.main, 0, 1);
    lua.getField(lua.main, -2, "string");
    lua.setField(lua.main, -2, "__index");
    this.#standInFor(0);
    this.#stringMetatable = lua.keep(lua.main);
  }

  #replaceMath(): void {
    const { lua } = this;
    const { main } = lua;
    lua.getField(main, -1, "math");
    lua.setFunctions(main, {
      random: (state) => this.#random(state),
      randomseed: (state) => {
        this.random.seed(lua.checkInt(state, 1));
        return 0;
      },
      frexp: (state) => this.#splitNumber(state),
    });
    lua.api.lua_settop(main, -2);
  }

  /** frexp(number): the C library leaves open what the exponent of infinity is. */
  #splitNumber(state: number): number {
    const { api } = this.lua;
    const number = api.luaL_checknumber(state, 1);
    if (number === 0 || !Number.isFinite(number)) {
      api.lua_settop(state, 1);
      api.lua_pushnumber(state, 0);
      return 2;
    }
    // Halving and doubling are exact, and nothing else is done here.
    let exponent = 0;
    let fraction = Math.abs(number);
    for (; fraction >= 1; fraction /= 2) exponent++;
    for (; fraction < 0.5; fraction *= 2) exponent--;
    api.lua_pushnumber(state, number < 0 ? -fraction : fraction);
    api.lua_pushnumber(state, exponent);
    return 2;
  }

  #random(state: number): number {
    const { lua } = this;
    const { api } = lua;
    const drawn = this.random.next();
    const count = api.lua_gettop(state);
    if (count > 2) lua.raise(state, "wrong number of arguments");
    if (count === 0) {
      api.lua_pushnumber(state, drawn);
      return 1;
    }
    const low = count === 1 ? 1 : lua.checkInt(state, 1);
    const high = lua.checkInt(state, count);
    if (low > high) lua.raiseArgument(state, count, "interval is empty");
    api.lua_pushnumber(state, Math.floor(drawn * (high - low + 1)) + low);
    return 1;
  }

  /** loadstring(text [, name]), which takes source only. */
  #loadString(state: number): number {
    const { lua } = this;
    const { api } = lua;
    lua.checkString(state, 1);
    const isNamed = api.lua_type(state, 2) > LUA_NIL;
    const nameAt = lua.checkString(state, isNamed ? 2 : 1);
    this.#disarm(state, 1);
    const source = lua.string(state, 1);
    if (api.luaL_loadbuffer(state, source, lua.length, nameAt) === 0) return 1;
    api.lua_pushnil(state);
    api.lua_insert(state, -2);
    return 2;
  }

  #standIn(state: number, index: number) {
    return this.#standIns.get(this.lua.api.lua_topointer(state, index));
  }

  #guardedFunctions(): Record<string, (state: number) => number> {
    const { lua } = this;
    const { api } = lua;
    return {
      loadstring: (state) => this.#loadString(state),
      rawset: (state) => {
        api.luaL_checktype(state, 1, LUA_TABLE);
        api.luaL_checkany(state, 2);
        api.luaL_checkany(state, 3);
        if (this.#standIn(state, 1)) lua.raisePlain(state, READ_ONLY);
        api.lua_settop(state, 3);
        api.lua_rawset(state, 1);
        return 1;
      },
      rawget: (state) => {
        api.luaL_checktype(state, 1, LUA_TABLE);
        api.luaL_checkany(state, 2);
        this.#lookThrough(state);
        api.lua_settop(state, 2);
        api.lua_rawget(state, 1);
        return 1;
      },
      next: (state) => this.#next(state),
      setmetatable: (state) => {
        const type = api.lua_type(state, 2);
        api.luaL_checktype(state, 1, LUA_TABLE);
        if (type !== LUA_NIL && type !== LUA_TABLE) {
          lua.raiseArgument(state, 2, "nil or table expected");
        }
        if (this.#hasMetaField(state)) lua.raise(state, "cannot change a protected metatable");
        if (this.#standIn(state, 1)) lua.raisePlain(state, READ_ONLY);
        api.lua_settop(state, 2);
        api.lua_setmetatable(state, 1);
        return 1;
      },
      getmetatable: (state) => this.#getMetatable(state),
      pairs: (state) => {
        api.luaL_checktype(state, 1, LUA_TABLE);
        this.#lookThrough(state);
        lua.push(state, this.globals);
        lua.getField(state, -1, "next");
        api.lua_pushvalue(state, 1);
        api.lua_pushnil(state);
        return 3;
      },
    };
  }

  /** Puts the real table in the place of a stand-in that is argument 1. */
  #lookThrough(state: number): void {
    const standIn = this.#standIn(state, 1);
    if (standIn === undefined) return;
    this.lua.push(state, standIn.real);
    this.lua.api.lua_replace(state, 1);
  }

  #next(state: number): number {
    const { api } = this.lua;
    api.luaL_checktype(state, 1, LUA_TABLE);
    this.#lookThrough(state);
    api.lua_settop(state, 2);
    if (api.lua_next(state, 1) !== 0) return 2;
    api.lua_pushnil(state);
    return 1;
  }

  /** Whether argument 1 has a field "__metatable" in its metatable, which then is on top. */
  #hasMetaField(state: number): boolean {
    const { lua } = this;
    if (lua.api.lua_getmetatable(state, 1) === 0) return false;
    lua.getField(state, -1, "__metatable");
    return lua.api.lua_type(state, -1) !== LUA_NIL;
  }

  #getMetatable(state: number): number {
    const { lua } = this;
    const { api } = lua;
    api.luaL_checkany(state, 1);
    const standIn = this.#standIn(state, 1);
    if (standIn !== undefined || api.lua_type(state, 1) === LUA_STRING) {
      const ref = standIn === undefined ? this.#stringMetatable : standIn.metatable;
      if (ref === 0) api.lua_pushnil(state);
      else lua.push(state, ref);
      return 1;
    }
    if (this.#hasMetaField(state)) return 1;
    if (api.lua_getmetatable(state, 1) === 0) api.lua_pushnil(state);
    return 1;
  }
}
