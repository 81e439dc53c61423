// The virtual machine of functions. While a library is loaded, which is done by running its source
// once, it finds nothing but a small `redis` table that registers functions; what it keeps in its
// local variables its functions share from then on.

import { latin1Text } from "../base/text.ts";
import type { ServerContext } from "../command/context.ts";
import { type FunctionLibrary, isName, LibraryError, LibraryFunction } from "./function-library.ts";
import { LUA_FUNCTION, LUA_NIL, LUA_NUMBER, LUA_REGISTRY, LUA_STRING, LUA_TABLE } from "./lua.ts";
import type { Supervisor } from "./lua-module.ts";
import { Machine, type MachineParts } from "./machine.ts";
import { addLoadLibrary } from "./redis-library.ts";
import { scriptFlag } from "./script.ts";

const OWN_NAME = "redis.register_function";

/** A library that is being loaded. */
interface Loading {
  readonly library: FunctionLibrary;
  readonly deadlineUs: number;
}

/** What redis.register_function was called with. */
interface Registration {
  name: string | undefined;
  description: Uint8Array | undefined;
  /** Of the function, in the registry; 0 without. */
  ref: number;
  flags: number;
}

/** Runs functions and loads libraries. */
export class FunctionMachine<S extends ServerContext> implements Supervisor {
  readonly machine: Machine<S>;
  readonly #parts: MachineParts<S>;
  /** The globals of a library that is being loaded. */
  readonly #loadGlobals: number;
  #loading: Loading | undefined;

  constructor(parts: Omit<MachineParts<S>, "isForFunctions">) {
    this.#parts = { ...parts, isForFunctions: true };
    this.machine = new Machine({ ...this.#parts, supervisor: this });
    const { lua, sandbox } = this.machine;
    lua.api.lua_createtable(lua.main, 0, 1);
    addLoadLibrary(this.machine.library, (state) => this.#register(state));
    sandbox.freezeStrictly();
    lua.setField(lua.main, -2, "redis");
    sandbox.freezeStrictly();
    this.#loadGlobals = lua.keep(lua.main);
  }

  /** Whether it must be replaced: its stack ran over. */
  get isDamaged(): boolean {
    return this.machine.lua.module.isDamaged;
  }

  /**
   * Runs the source of a library, which registers its functions, for `timeoutMs` at most. Throws a
   * LibraryError, with nothing registered, where that fails.
   */
  load(library: FunctionLibrary, timeoutMs: number): void {
    const { machine } = this;
    const { lua, sandbox } = machine;
    const deadlineUs = this.#parts.clock.monotonicUs() + timeoutMs * 1000;
    this.#loading = { library, deadlineUs };
    sandbox.showGlobals(this.#loadGlobals);
    try {
      this.#run(library);
    } catch (error) {
      this.release(library);
      lua.module.hookInstructions();
      throw error;
    } finally {
      this.#loading = undefined;
      if (!this.isDamaged) {
        lua.api.lua_settop(lua.main, 0);
        sandbox.showGlobals(sandbox.globals);
        sandbox.tidy();
      }
    }
  }

  /** A library that is being loaded is not suspended: it has not got long. */
  onHook(state: number): boolean {
    if (this.#loading === undefined) return this.#parts.supervisor.onHook(state);
    this.#endLongLoad(state, this.#loading);
    return false;
  }

  pause(): Promise<void> {
    return this.#parts.supervisor.pause();
  }

  resumed(state: number): void {
    this.#parts.supervisor.resumed(state);
  }

  ended(status: number): void {
    this.#parts.supervisor.ended(status);
  }

  #run(library: FunctionLibrary): void {
    const { machine } = this;
    const { lua } = machine;
    if (!lua.load(lua.main, library.source, "@user_function")) {
      throw new LibraryError(`Error compiling function: ${lua.text(lua.main, -1)}`);
    }
    if (!machine.callNow(0)) {
      throw new LibraryError(`Error registering functions: ${machine.error}`);
    }
    if (library.functions.size === 0) throw new LibraryError("No functions registered");
  }

  /** Gives the functions of a library back. */
  release(library: FunctionLibrary): void {
    const { api, main } = this.machine.lua;
    for (const { ref } of library.functions.values()) {
      if (!this.isDamaged) api.luaL_unref(main, LUA_REGISTRY, ref);
    }
    library.functions.clear();
  }

  #endLongLoad(state: number, { deadlineUs }: Loading): void {
    if (this.#parts.clock.monotonicUs() < deadlineUs) return;
    this.machine.lua.module.hookLines(state);
    this.#raise(state, "FUNCTION LOAD timeout");
  }

  #raise(state: number, text: string): number {
    this.machine.replies.pushError(state, `ERR ${text}`);
    return this.machine.lua.api.lua_error(state);
  }

  /** redis.register_function(name, callback), or of a table of named arguments. */
  #register(state: number): number {
    const { api, main } = this.machine.lua;
    if (this.#loading === undefined) {
      const text = "redis.register_function can only be called on FUNCTION LOAD command";
      return this.#raise(state, text);
    }
    const count = api.lua_gettop(state);
    if (count < 1 || count > 2) {
      return this.#raise(state, "wrong number of arguments to redis.register_function");
    }
    const made: Registration = { name: undefined, description: undefined, ref: 0, flags: 0 };
    const error =
      (count === 1 ? this.#readNamed(state, made) : this.#readPlain(state, made)) ||
      this.#add(this.#loading.library, made);
    if (error === "") return 0;
    if (made.ref !== 0) api.luaL_unref(main, LUA_REGISTRY, made.ref);
    return this.#raise(state, error);
  }

  /** Adds a function; returns the error, or "". */
  #add(library: FunctionLibrary, { name, description, ref, flags }: Registration): string {
    if (!isName(name!)) {
      return (
        "Library names can only contain letters, numbers, or underscores(_) and must be at least " +
        "one character long"
      );
    }
    const made = new LibraryFunction(name!, description, flags, ref);
    if (library.functions.has(made.key)) return "Function already exists in the library";
    library.functions.set(made.key, made);
    return "";
  }

  #readPlain(state: number, made: Registration): string {
    const { lua } = this.machine;
    made.name = this.#text(state, 1);
    if (made.name === undefined) {
      return "first argument to redis.register_function must be a string";
    }
    if (lua.api.lua_type(state, 2) !== LUA_FUNCTION) {
      return "second argument to redis.register_function must be a function";
    }
    made.ref = lua.keep(state);
    return "";
  }

  #readNamed(state: number, made: Registration): string {
    const { api } = this.machine.lua;
    if (api.lua_type(state, 1) !== LUA_TABLE) {
      return (
        "calling redis.register_function with a single argument is only applicable to Lua table " +
        "(representing named arguments)."
      );
    }
    api.lua_pushnil(state);
    while (api.lua_next(state, 1) !== 0) {
      const error = this.#readArgument(state, made);
      if (error !== "") return error;
      api.lua_settop(state, 2);
    }
    if (made.name === undefined) return "redis.register_function must get a function name argument";
    return made.ref === 0 ? "redis.register_function must get a callback argument" : "";
  }

  /** A named argument, whose name and value are on top. */
  #readArgument(state: number, made: Registration): string {
    const { lua } = this.machine;
    // A number would be made a string in its place, which the walk over the table does not survive.
    const isNumber = lua.api.lua_type(state, -2) === LUA_NUMBER;
    if (isNumber) return "unknown argument given to redis.register_function";
    const name = this.#text(state, -2);
    if (name === undefined) {
      return "named argument key given to redis.register_function is not a string";
    }
    switch (name.toLowerCase()) {
      case "function_name":
        made.name = this.#text(state, -1);
        return made.name === undefined ? mustBeString("function_name") : "";
      case "description": {
        const text = this.#text(state, -1);
        if (text === undefined) return mustBeString("description");
        const at = lua.string(state, -1);
        made.description = lua.bytes.slice(at, at + lua.length);
        return "";
      }
      case "callback":
        if (lua.api.lua_type(state, -1) !== LUA_FUNCTION) {
          return "callback argument given to redis.register_function must be a function";
        }
        if (made.ref !== 0) lua.api.luaL_unref(state, LUA_REGISTRY, made.ref);
        made.ref = lua.keep(state);
        return "";
      case "flags":
        return this.#readFlags(state, made);
    }
    return "unknown argument given to redis.register_function";
  }

  /** The names in the table on top. */
  #readFlags(state: number, made: Registration): string {
    const { api } = this.machine.lua;
    if (api.lua_type(state, -1) !== LUA_TABLE) {
      return `flags argument to ${OWN_NAME} must be a table representing function flags`;
    }
    for (let k = 1; ; k++) {
      api.lua_rawgeti(state, -1, k);
      if (api.lua_type(state, -1) === LUA_NIL) break;
      const flag = scriptFlag(this.#text(state, -1)?.toLowerCase() ?? "");
      if (flag === 0) return "unknown flag given";
      made.flags |= flag;
      api.lua_settop(state, -2);
    }
    api.lua_settop(state, -2);
    return "";
  }

  /** The string, or number, at an index as text; undefined where it is neither. */
  #text(state: number, index: number): string | undefined {
    const { lua } = this.machine;
    const type = lua.api.lua_type(state, index);
    if (type !== LUA_STRING && type !== LUA_NUMBER) return undefined;
    const at = lua.string(state, index);
    return latin1Text(lua.bytes, at, at + lua.length);
  }
}

function mustBeString(argument: string): string {
  return `${argument} argument given to redis.register_function must be a string`;
}
