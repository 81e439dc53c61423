// The seams between Lua's module and this program, as WebAssembly of their own.
//
// A WebAssembly stack can be suspended in the middle (by an import that returns a promise) as long
// as no JavaScript function lies on it. So whatever may call back into Lua is here: the catching of
// longjmps, the hook, protected calls, C functions that call functions of scripts. A script is then
// suspended wherever its hook finds it: in a metamethod, an iterator, a comparison of table.sort.

import { op, WasmAssembler } from "./wasm-assembler.ts";

const { number, get, set, tee } = op;

/** What a resumable C function returns beside its number of results. */
export const PAUSE = -1;
/** ... and with n arguments and a function below on the stack: call it, for one result. */
export const CALL = -2;

const LUA_REGISTRY = -10000;
const MULTIPLE_RESULTS = -1;

/**
 * Stands in for what Lua's module imports before anything that is exported by it can be imported:
 * entry 0 of the table is filled with the real `catchJumps`.
 */
function buildSocket(): WebAssembly.Module {
  const module = new WasmAssembler().exportTable("table", 1).exportTag("tag");
  return module
    .function("catchJumps", [3, 0, 0], get(0), get(1), get(2), number(0), module.callEntry(3, 0))
    .function("jump", [0, 0, 0], op.throw(0))
    .module();
}

/** What the seams call, with numbers of parameters and results: of Lua's, and of ours. */
const IMPORTS: readonly (readonly [name: string, parameters: number, results: number])[] = [
  ["stackSave", 0, 1],
  ["stackRestore", 1, 0],
  ["setThrew", 2, 0],
  ["realloc", 2, 1],
  ["free", 1, 0],
  ["lua_pcall", 4, 1],
  ["lua_insert", 2, 0],
  ["lua_remove", 2, 0],
  ["lua_rawgeti", 3, 0],
  ["lua_gettop", 1, 1],
  ["lua_pushboolean", 2, 0],
  ["lua_lessthan", 3, 1],
  ["lua_gettable", 2, 0],
  ["lua_createtable", 3, 0],
  ["lua_pushlstring", 3, 0],
  ["lua_rawseti", 3, 0],
  ["lua_rawset", 2, 0],
  ["lua_settop", 2, 0],
  ["onHook", 1, 1],
  ["pause", 0, 0],
  ["resumed", 1, 0],
  ["ended", 1, 0],
  ["grew", 1, 1],
  ["plainError", 1, 0],
];

function buildSeams(): WebAssembly.Module {
  const m = new WasmAssembler().importTable("table").importMemory("memory").importTag("tag");
  for (const [name, parameters, results] of IMPORTS) {
    m.importFunction(name, parameters, results);
  }
  const usedBytes = m.global(0);
  const watermark = m.global(0);
  addCatching(m);
  addAllocation(m, usedBytes, watermark);
  // A hook of Lua's.
  m.function(
    "hook",
    [2, 0, 0],
    op.loop,
    ...[get(0), m.call("onHook"), op.if],
    ...[m.call("pause"), get(0), m.call("resumed"), op.branch(1)],
    ...[op.end, op.end],
  );
  // run(state, arguments, handler): calls the function below its arguments, for one result.
  m.function(
    "run",
    [3, 0, 0],
    ...[get(0), number(LUA_REGISTRY), get(2), m.call("lua_rawgeti")],
    ...[get(0), number(1), m.call("lua_insert")],
    ...[get(0), get(1), number(1), number(1), m.call("lua_pcall")],
    ...[get(0), number(1), m.call("lua_remove"), m.call("ended")],
  );
  addFunctions(m);
  addArrays(m);
  return m.module();
}

function addCatching(m: WasmAssembler): void {
  m.function(
    "catchJumps",
    [3, 1, 0],
    ...[m.call("stackSave"), set(3)],
    ...[op.try, get(1), get(2), get(0), m.callEntry(2, 0)],
    ...[op.catch(0), get(3), m.call("stackRestore"), number(1), number(0), m.call("setThrew")],
    op.end,
  );
}

/** Lua's allocator: counts, and asks `grew` about what passes the watermark. */
function addAllocation(m: WasmAssembler, usedBytes: number, watermark: number): void {
  const [block, oldSize, newSize, used] = [1, 2, 3, 4];
  m.function(
    "allocate",
    [4, 1, 1],
    ...[op.globalGet(usedBytes), get(oldSize), op.subtract, get(newSize), op.add, set(used)],
    ...[get(newSize), op.isZero, op.if, get(block), m.call("free")],
    ...[get(used), op.globalSet(usedBytes), number(0), op.return, op.end],
    // Shrinking never fails.
    ...[get(oldSize), get(newSize), op.lessThan, op.if],
    ...[get(used), op.globalGet(watermark), op.greaterUnsigned, op.if],
    ...[get(used), m.call("grew"), op.isZero, op.if, number(0), op.return, op.end],
    ...[op.end, op.end],
    ...[get(block), get(newSize), m.call("realloc"), tee(block), op.if],
    ...[get(used), op.globalSet(usedBytes), op.end],
    get(block),
  );
  m.function("usedBytes", [0, 0, 1], op.globalGet(usedBytes));
  m.function("setWatermark", [1, 0, 0], get(0), op.globalSet(watermark));
}

/**
 * pushStrings(state, at, count): pushes an array of strings. Their lengths are at `at`, their bytes
 * follow without gaps.
 *
 * setStrings(state, at, count, table, name): sets a field of a table to such an array; the table
 * and the field's name are in the registry.
 */
function addArrays(m: WasmAssembler): void {
  const [state, at, count, index, bytesAt, length] = [0, 1, 2, 3, 4, 5];
  m.function(
    "pushStrings",
    [3, 3, 0],
    ...[get(state), get(count), number(0), m.call("lua_createtable")],
    ...[get(at), get(count), number(2), op.shiftLeft, op.add, set(bytesAt)],
    ...[op.loop, get(index), get(count), op.lessThan, op.if],
    ...[get(at), op.load, set(length), get(at), number(4), op.add, set(at)],
    ...[get(state), get(bytesAt), get(length), m.call("lua_pushlstring")],
    ...[get(bytesAt), get(length), op.add, set(bytesAt)],
    ...[get(state), number(-2), get(index), number(1), op.add, tee(index)],
    ...[m.call("lua_rawseti"), op.branch(1), op.end, op.end],
  );
  const [table, name] = [3, 4];
  m.function(
    "setStrings",
    [5, 0, 0],
    ...[get(state), number(LUA_REGISTRY), get(table), m.call("lua_rawgeti")],
    ...[get(state), number(LUA_REGISTRY), get(name), m.call("lua_rawgeti")],
    ...[get(state), get(at), get(count), m.call("pushStrings")],
    ...[get(state), number(-3), m.call("lua_rawset")],
    ...[get(state), number(-2), m.call("lua_settop")],
  );
}

/** C functions of Lua. */
function addFunctions(m: WasmAssembler): void {
  // pcall: an error of the server is a table, and given as its text.
  m.function(
    "pcall",
    [1, 1, 1],
    // Without arguments, what Redis calls is true.
    ...[get(0), m.call("lua_gettop"), op.isZero, op.if],
    ...[get(0), number(1), m.call("lua_pushboolean"), op.end],
    ...[get(0), get(0), m.call("lua_gettop"), number(1), op.subtract],
    ...[number(MULTIPLE_RESULTS), number(0), m.call("lua_pcall"), set(1)],
    ...[get(1), op.if, get(0), m.call("plainError"), op.end],
    ...[get(0), get(1), op.isZero, m.call("lua_pushboolean")],
    ...[get(0), number(1), m.call("lua_insert")],
    ...[get(0), m.call("lua_gettop")],
  );
  // less(a, b): a < b, whose errors name no place in the caller.
  m.function(
    "less",
    [1, 0, 1],
    ...[get(0), get(0), number(1), number(2), m.call("lua_lessthan"), m.call("lua_pushboolean")],
    number(1),
  );
  // index(t, k): t[k].
  m.function("index", [1, 0, 1], get(0), number(1), m.call("lua_gettable"), number(1));
}

/** Makes a C function of `run`, which is called again, with true, after what it asked for. */
function buildResumable(): WebAssembly.Module {
  const m = new WasmAssembler()
    .importFunction("run", 2, 1)
    .importFunction("pause", 0, 0)
    .importFunction("resumed", 1, 0)
    .importFunction("lua_call", 3, 0);
  const [state, isAgain, result] = [0, 1, 2];
  return m
    .function(
      "f",
      [1, 2, 1],
      op.loop,
      ...[get(state), get(isAgain), m.call("run"), tee(result)],
      ...[number(PAUSE), op.equal, op.if, m.call("pause"), get(state), m.call("resumed"), op.else],
      ...[get(result), number(0), op.lessThan, op.isZero, op.if, get(result), op.return, op.end],
      ...[
        get(state),
        number(CALL),
        get(result),
        op.subtract,
        number(1),
        m.call("lua_call"),
        op.end,
      ],
      ...[number(1), set(isAgain), op.branch(0), op.end],
      op.unreachable,
    )
    .module();
}

/** Makes a C function that has `check` look at a first argument with a metatable, then is `run`. */
function buildGuarded(): WebAssembly.Module {
  const m = new WasmAssembler()
    .importFunction("lua_getmetatable", 2, 1)
    .importFunction("lua_settop", 2, 0)
    .importFunction("check", 1, 0)
    .importFunction("run", 1, 1);
  return m
    .function(
      "f",
      [1, 0, 1],
      ...[get(0), number(1), m.call("lua_getmetatable"), op.if],
      ...[get(0), number(-2), m.call("lua_settop"), get(0), m.call("check"), op.end],
      ...[get(0), m.call("run")],
    )
    .module();
}

/** Of lua_State, and of a value on its stack; see lua-module.ts. */
const STATE_TOP = 8;
const STATE_BASE = 12;
const VALUE_SHIFT = 4;
const VALUE_TYPE = 8;
const TYPE_NUMBER = 3;
const TYPE_STRING = 4;

/**
 * Makes a C function that has `prepare` look at the arguments, where there are so many of them,
 * then is `run`.
 */
function buildPrepared(argumentsMin: number): WebAssembly.Module {
  const m = new WasmAssembler()
    .importMemory("memory")
    .importFunction("prepare", 1, 0)
    .importFunction("run", 1, 1);
  const field = (offset: number) => [get(0), number(offset), op.add, op.load];
  return m
    .function(
      "f",
      [1, 0, 1],
      ...[...field(STATE_TOP), ...field(STATE_BASE), op.subtract],
      ...[number(argumentsMin << VALUE_SHIFT), op.lessThan, op.isZero, op.if],
      ...[get(0), m.call("prepare"), op.end, get(0), m.call("run")],
    )
    .module();
}

/**
 * Makes a C function that has `fit` look at arguments from `first` on that are strings, or numbers
 * that 32 bits do not hold, then is `run`.
 */
function buildRanged(first: number): WebAssembly.Module {
  const m = new WasmAssembler()
    .importMemory("memory")
    .importFunction("fit", 2, 0)
    .importFunction("run", 1, 1);
  const [state, value, argument] = [0, 1, 2];
  const field = (offset: number) => [get(state), number(offset), op.add, op.load];
  return m
    .function(
      "f",
      [1, 2, 1],
      ...[number(first), set(argument), op.loop],
      ...[...field(STATE_BASE), get(argument), number(1), op.subtract],
      ...[number(VALUE_SHIFT), op.shiftLeft, op.add, tee(value)],
      ...[...field(STATE_TOP), op.lessThan, op.if],
      ...[get(value), number(VALUE_TYPE), op.add, op.load, number(TYPE_STRING), op.equal, op.if],
      ...[get(state), get(argument), m.call("fit"), op.else],
      ...[get(value), number(VALUE_TYPE), op.add, op.load, number(TYPE_NUMBER), op.equal, op.if],
      ...[get(value), op.isWithin32Bits, op.isZero, op.if],
      ...[get(state), get(argument), m.call("fit"), op.end],
      ...[op.end, op.end],
      ...[get(argument), number(1), op.add, set(argument), op.branch(1)],
      ...[op.end, op.end],
      ...[get(state), m.call("run")],
    )
    .module();
}

/** Makes a C function, or another one that Lua calls, of a JavaScript function. */
function buildPlain(): WebAssembly.Module {
  const m = new WasmAssembler().importFunction("run", 1, 1);
  return m.function("f", [1, 0, 1], get(0), m.call("run")).module();
}

/** The modules, compiled once per process. */
export interface SeamModules {
  readonly socket: WebAssembly.Module;
  readonly seams: WebAssembly.Module;
  readonly resumable: WebAssembly.Module;
  readonly guarded: WebAssembly.Module;
  readonly prepared: WebAssembly.Module;
  /** The same, for calls with two arguments or more. */
  readonly preparedTwo: WebAssembly.Module;
  /** By the number of arguments in front of the first that is an integer. */
  readonly ranged: readonly WebAssembly.Module[];
  readonly plain: WebAssembly.Module;
}

let modules: SeamModules | undefined;

/** The modules, built when they are first asked for. */
export function seamModules(): SeamModules {
  modules ??= {
    socket: buildSocket(),
    seams: buildSeams(),
    resumable: buildResumable(),
    guarded: buildGuarded(),
    prepared: buildPrepared(0),
    preparedTwo: buildPrepared(2),
    ranged: [1, 2, 3].map(buildRanged),
    plain: buildPlain(),
  };
  return modules;
}
