// One virtual machine with all that scripts find in it: the sandbox, the `redis` library, the
// thread that they run in. EVAL's scripts have one machine, functions of libraries another.

import { copyBytes } from "../base/ascii.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { CommandRunner, type ScriptHost } from "./command-runner.ts";
import {
  LUA_BOOLEAN,
  LUA_FUNCTION,
  LUA_NIL,
  LUA_NUMBER,
  LUA_STRING,
  LUA_TABLE,
  LUA_THREAD,
  Lua,
} from "./lua.ts";
import type { Supervisor } from "./lua-module.ts";
import { LuaToReply } from "./lua-to-reply.ts";
import { addRedisLibrary, type RedisLibraryParts } from "./redis-library.ts";
import { ReplyToLua } from "./reply-to-lua.ts";
import { Sandbox } from "./sandbox.ts";

/** lua_Debug, and where in it `what`, `source` and `currentline` are. */
const RECORD_BYTES = 112;
const WHAT = 12;
const SOURCE = 16;
const LINE = 20;

/** lua_gc's order for a step; kilobytes of a step. */
const COLLECT_STEP = 5;
const STEP_KILOBYTES = 250;
/** More garbage than this is collected without waiting for scripts to go on. */
const IDLE_BYTES = 1 << 22;
/** A heap larger than this, of which a quarter is used, had better be replaced. */
const LARGE_HEAP_BYTES = 1 << 26;

/** Arguments of more bytes than this are handed over one by one. */
const AT_ONCE_BYTES_MAX = 1 << 16;

/** How far up an error's place is looked for: past C functions and the prelude's. */
const PLACE_LEVELS = 8;

/** What a machine is made of. */
export interface MachineParts<S extends ServerContext> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where results are written. */
  readonly reply: ReplyWriter;
  readonly host: ScriptHost<S>;
  /** Watches over what runs for long. */
  readonly supervisor: Supervisor;
  /** Runs functions of libraries, which find a little less than scripts. */
  readonly isForFunctions: boolean;
}

/** One virtual machine and what belongs to it. */
export class Machine<S extends ServerContext> {
  readonly lua: Lua;
  readonly sandbox: Sandbox;
  readonly replies: ReplyToLua;
  readonly results: LuaToReply;
  readonly runner: CommandRunner<S>;
  /** What else the `redis` library is made of. */
  readonly library: RedisLibraryParts<S>;
  /** The error handler of what runs, in the registry. */
  readonly handler: number;
  /** The error that ended what ran last: its text, which begins with an error code ... */
  error = "";
  /** ... and where it happened: ", on source:line", or "". */
  errorPlace = "";
  /** It is among the statistics. */
  isErrorCounted = false;
  /** Lua's bytes after the last step of a collection, and how many of them are to be made. */
  #collectedBytes = 0;
  #collections = 0;
  readonly #record: number;
  readonly #recordOptions: number;

  constructor(parts: MachineParts<S>) {
    const lua = new Lua(parts.supervisor);
    this.lua = lua;
    const { main } = lua;
    this.sandbox = new Sandbox(lua, parts.clock, parts.supervisor);
    this.replies = new ReplyToLua(lua);
    this.results = new LuaToReply(lua, parts.reply);
    this.runner = new CommandRunner(lua, this.replies, parts.host);
    this.library = {
      lua,
      runner: this.runner,
      replies: this.replies,
      log: (level, text) => parts.logger.log(level as 0, text),
      isForFunctions: parts.isForFunctions,
    };
    addRedisLibrary(this.library);
    this.sandbox.add("redis");
    if (!parts.isForFunctions) this.#addHandler();
    this.sandbox.close();
    this.#record = lua.api.malloc(RECORD_BYTES);
    this.#recordOptions = lua.api.malloc(8);
    lua.module.bytes.set([83, 108, 0], this.#recordOptions);
    lua.pushFunction(main, (state) => this.#noteError(state));
    this.handler = lua.keep(main);
  }

  /** Pushes arguments [from, to) of a command, as an array. */
  pushArguments(c: CommandContext<S>, from: number, to: number): void {
    const { lua } = this;
    const at = this.#copyArguments(c, from, to);
    if (at === 0) this.#pushLargeArguments(c, from, to);
    else lua.module.pushStrings(lua.main, at, to - from);
  }

  /** Sets a global, whose name is in the registry, to arguments [from, to) of a command. */
  setArguments(c: CommandContext<S>, from: number, to: number, name: number): void {
    const { lua } = this;
    const { globals } = this.sandbox;
    const at = this.#copyArguments(c, from, to);
    if (at !== 0) return lua.module.setStrings(lua.main, at, to - from, globals, name);
    lua.push(lua.main, globals);
    lua.push(lua.main, name);
    this.#pushLargeArguments(c, from, to);
    lua.api.lua_rawset(lua.main, -3);
    lua.api.lua_settop(lua.main, -2);
  }

  /** Copies arguments to Lua's heap: their lengths, then their bytes; 0 where they are large. */
  #copyArguments(c: CommandContext<S>, from: number, to: number): number {
    const { lua } = this;
    let bytesAt = (to - from) * 4;
    for (let k = from; k < to; k++) bytesAt += c.length(k);
    if (bytesAt > AT_ONCE_BYTES_MAX) return 0;
    const at = lua.scratch(bytesAt);
    const { bytes, words } = lua.module;
    bytesAt = at + (to - from) * 4;
    for (let k = from; k < to; k++) {
      const length = c.length(k);
      words[(at >>> 2) + k - from] = length;
      copyBytes(bytes, bytesAt, c.bytes, c.start(k), c.end(k));
      bytesAt += length;
    }
    return at;
  }

  #pushLargeArguments(c: CommandContext<S>, from: number, to: number): void {
    const { lua } = this;
    const { api, main } = lua;
    api.lua_createtable(main, to - from, 0);
    for (let k = from; k < to; k++) {
      lua.pushBytes(main, c.bytes, c.start(k), c.end(k));
      api.lua_rawseti(main, -2, k - from + 1);
    }
  }

  /** The thread that scripts run in. */
  get thread(): number {
    return this.lua.main;
  }

  /** Bytes of Lua's objects. */
  get bytes(): number {
    return this.lua.module.usedBytes() >>> 0;
  }

  /**
   * Calls the function at the bottom of the stack with the arguments above it, to its end; what it
   * returns is of no interest. False, with `error` set, where it failed.
   */
  callNow(argumentCount: number): boolean {
    const { api, main, module } = this.lua;
    this.error = "";
    this.lua.push(main, this.handler);
    api.lua_insert(main, 1);
    try {
      const status = api.lua_pcall(main, argumentCount, 1, 1);
      if (status !== 0 && this.error === "") this.error = this.errorText(main);
      return status === 0;
    } catch (error) {
      // Its stack has run over.
      if (!(error instanceof RangeError)) throw error;
      module.isDamaged = true;
      this.error = this.errorText(main);
      return false;
    }
  }

  /** Once in a while: collects a little of what scripts have left behind. */
  collect(): void {
    // What a collection under way has passed already is left to the next one.
    if (this.bytes > this.#collectedBytes + IDLE_BYTES) this.#collections = 2;
    if (this.#collections === 0) return;
    const { api, main } = this.lua;
    if (api.lua_gc(main, COLLECT_STEP, STEP_KILOBYTES) !== 0) this.#collections--;
    this.#collectedBytes = this.bytes;
  }

  /** Its heap, which never shrinks, is far larger than it need be. */
  get isOversized(): boolean {
    const heapBytes = this.lua.bytes.length;
    return heapBytes > LARGE_HEAP_BYTES && this.bytes < heapBytes / 4;
  }

  /** What Redis handles errors with is there for EVAL's scripts, too. */
  #addHandler(): void {
    const { lua, sandbox } = this;
    const { api, main } = lua;
    lua.push(main, sandbox.globals);
    lua.pushFunction(main, (state) => this.#describe(state, this.#placeOf(state)));
    lua.setField(main, -2, "__redis__err__handler");
    api.lua_settop(main, -2);
  }

  /** Handles an error where it happens, before anything is unwound. */
  #noteError(state: number): number {
    const isTable = this.lua.api.lua_type(state, -1) === LUA_TABLE;
    this.isErrorCounted = isTable && this.replies.isCounted(state);
    this.error = this.errorText(state);
    const place = this.#placeOf(state);
    this.errorPlace = place === undefined ? "" : `, on ${place.source}:${place.line}`;
    return this.#describe(state, place);
  }

  /** Makes the error that is the first argument a table, with its place. */
  #describe(state: number, place: ErrorPlace | undefined): number {
    const { lua } = this;
    const { api } = lua;
    api.lua_settop(state, 1);
    if (api.lua_type(state, 1) !== LUA_TABLE) {
      this.replies.pushError(state, `ERR ${this.#textOf(state)}`);
      api.lua_replace(state, 1);
    }
    if (place === undefined) return 1;
    lua.pushText(state, place.source);
    lua.setField(state, 1, "source");
    api.lua_pushnumber(state, place.line);
    lua.setField(state, 1, "line");
    return 1;
  }

  /** Cold: the error on top of a thread, as text that begins with an error code. */
  errorText(state: number): string {
    const { lua } = this;
    if (lua.module.isDamaged) {
      return lua.module.hasNoMemory ? "ERR not enough memory" : "ERR stack overflow";
    }
    if (lua.api.lua_type(state, -1) !== LUA_TABLE) return `ERR ${this.#textOf(state)}`;
    lua.getField(state, -1, "err");
    const type = lua.api.lua_type(state, -1);
    const isText = type === LUA_STRING || type === LUA_NUMBER;
    return isText ? lua.printed(state, -1) : "ERR unknown error";
  }

  /** An error value as tostring prints it. */
  #textOf(state: number): string {
    const { lua } = this;
    const type = lua.api.lua_type(state, -1);
    if (type === LUA_STRING || type === LUA_NUMBER) return lua.printed(state, -1);
    if (type <= LUA_NIL) return "nil";
    if (type === LUA_BOOLEAN) return lua.api.lua_toboolean(state, -1) !== 0 ? "true" : "false";
    const name = type === LUA_FUNCTION ? "function" : type === LUA_THREAD ? "thread" : "userdata";
    const address = lua.api.lua_topointer(state, -1);
    return `${name}: ${address === 0 ? "(nil)" : `0x${address.toString(16)}`}`;
  }

  /** Where an error has been raised: in the caller, or in the caller of a C function. */
  #placeOf(state: number): ErrorPlace | undefined {
    const { lua } = this;
    const { api, module } = lua;
    const record = this.#record;
    let isFirst = true;
    for (let level = 1; level < PLACE_LEVELS; level++) {
      if (api.lua_getstack(state, level, record) === 0) return undefined;
      api.lua_getinfo(state, this.#recordOptions, record);
      const { words } = module;
      const source = lua.textAt(words[(record + SOURCE) >>> 2]);
      // The prelude's functions stand for the C function that called them.
      if (source === "=prelude") {
        isFirst = true;
        continue;
      }
      const isC = lua.textAt(words[(record + WHAT) >>> 2]) === "C";
      if (!isC || !isFirst) return { source, line: words[(record + LINE) >>> 2] | 0 };
      isFirst = false;
    }
    return undefined;
  }
}

/** A source, as Lua names it, and a line. */
interface ErrorPlace {
  readonly source: string;
  readonly line: number;
}
