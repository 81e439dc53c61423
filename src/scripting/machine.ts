// One virtual machine with all that scripts find in it: the sandbox, the `redis` library, the
// thread that they run in. EVAL's scripts have one machine, functions of libraries another.

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { CommandRunner, type ScriptHost } from "./command-runner.ts";
import { LUA_NIL, LUA_NUMBER, LUA_STRING, LUA_TABLE, Lua } from "./lua.ts";
import { LuaToReply } from "./lua-to-reply.ts";
import { addRedisLibrary, type RedisLibraryParts } from "./redis-library.ts";
import { ReplyToLua } from "./reply-to-lua.ts";
import { Sandbox } from "./sandbox.ts";

/** lua_Debug, and where in it `what`, `source` and `currentline` are. */
const RECORD_BYTES = 112;
const WHAT = 12;
const SOURCE = 16;
const LINE = 20;

/** How far up an error's place is looked for: past a C function and the prelude's. */
const PLACE_LEVELS = 6;
/** lua_sethook's masks; instructions between two calls of the hook. */
const MASK_LINE = 4;
const MASK_COUNT = 8;
const HOOK_COUNT = 100_000;
/** In lua_State: nested calls of C, and how many of them cannot be yielded across. */
const C_CALLS = 52;
const BASE_C_CALLS = 54;

/** What a machine is made of. */
export interface MachineParts<S extends ServerContext> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where results are written. */
  readonly reply: ReplyWriter;
  readonly host: ScriptHost<S>;
  /** Called every so many instructions, with the thread that runs. */
  readonly hook: (state: number) => void;
  /** Runs functions of libraries, which find a little less than scripts. */
  readonly isForFunctions: boolean;
}

/** One virtual machine and what belongs to it. */
export class Machine<S extends ServerContext> {
  readonly lua = new Lua();
  readonly sandbox: Sandbox;
  readonly replies: ReplyToLua;
  readonly results: LuaToReply;
  readonly runner: CommandRunner<S>;
  /** What else the `redis` library is made of. */
  readonly library: RedisLibraryParts<S>;
  /** The thread that scripts run in, and its place in the registry. */
  thread = 0;
  #threadRef = 0;
  readonly #record: number;
  readonly #recordOptions: number;
  readonly #hook: number;

  constructor(parts: MachineParts<S>) {
    const { lua } = this;
    const { main } = lua;
    this.sandbox = new Sandbox(lua, parts.clock);
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
    this.sandbox.close();
    this.#record = lua.api.malloc(RECORD_BYTES);
    this.#recordOptions = lua.api.malloc(8);
    lua.module.bytes.set([83, 108, 0], this.#recordOptions);
    this.#hook = lua.module.addHook(parts.hook);
    lua.api.lua_sethook(main, this.#hook, MASK_COUNT, HOOK_COUNT);
    this.renewThread();
  }

  /** Pushes arguments [from, to) of a command on the thread, as an array. */
  pushArguments(c: CommandContext<S>, from: number, to: number): void {
    const { lua, thread } = this;
    const { api } = lua;
    api.lua_createtable(thread, to - from, 0);
    for (let k = from; k < to; k++) {
      lua.pushBytes(thread, c.bytes, c.start(k), c.end(k));
      api.lua_rawseti(thread, -2, k - from + 1);
    }
  }

  /** Bytes of the heap. */
  get bytes(): number {
    return this.lua.bytes.length;
  }

  /** From now on the hook is called at every line, so that pcall does not help a script. */
  hookLines(state: number): void {
    this.lua.api.lua_sethook(state, this.#hook, MASK_LINE, 0);
  }

  /** Whether a thread can be suspended: not across a C function that has called back. */
  canBreak(state: number): boolean {
    const { halves } = this.lua.module;
    return halves[(state + C_CALLS) >>> 1] === halves[(state + BASE_C_CALLS) >>> 1];
  }

  renewThread(): void {
    const { api, main } = this.lua;
    if (this.#threadRef !== 0) this.lua.release(this.#threadRef);
    this.thread = api.lua_newthread(main);
    this.#threadRef = this.lua.keep(main);
  }

  /** Cold: the error on top of a thread, as text that begins with an error code. */
  errorText(state: number): string {
    const { lua } = this;
    if (lua.module.isDamaged) return "ERR stack overflow";
    if (lua.api.lua_type(state, -1) !== LUA_TABLE) return `ERR ${this.#textOf(state)}`;
    lua.getField(state, -1, "err");
    const isText = lua.api.lua_type(state, -1) === LUA_STRING;
    return isText ? lua.text(state, -1) : "ERR unknown error";
  }

  /** An error value as tostring prints it. */
  #textOf(state: number): string {
    const { lua } = this;
    const type = lua.api.lua_type(state, -1);
    if (type === LUA_STRING || type === LUA_NUMBER) return lua.text(state, -1);
    if (type === LUA_NIL) return "nil";
    return lua.api.lua_toboolean(state, -1) !== 0 ? "true" : "false";
  }

  /** Cold: where the error that ended the thread happened: ", on source:line", or "". */
  errorPlace(): string {
    const { lua, thread } = this;
    const { api, module } = lua;
    const record = this.#record;
    for (let level = 0; level < PLACE_LEVELS; level++) {
      if (module.isDamaged || api.lua_getstack(thread, level, record) === 0) return "";
      api.lua_getinfo(thread, this.#recordOptions, record);
      const { words } = module;
      if (level === 0 && lua.textAt(words[(record + WHAT) >>> 2]) === "C") continue;
      const source = lua.textAt(words[(record + SOURCE) >>> 2]);
      if (source === "=prelude" || source === "=(tail call)") continue;
      return `, on ${source}:${words[(record + LINE) >>> 2] | 0}`;
    }
    return "";
  }
}
