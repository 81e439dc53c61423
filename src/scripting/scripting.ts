// Runs scripts. The virtual machine is made when the first script arrives; a script is compiled
// once and kept in its registry. Scripts run in one Lua thread (`#thread`), which is replaced after
// an error; the whole machine is replaced after its stack ran over, because what ran then may have
// been left half done.

import type { CommandContext, ServerContext } from "../command/context.ts";
import { CommandRunner, type ScriptHost } from "./command-runner.ts";
import { LUA_NIL, LUA_NUMBER, LUA_STRING, LUA_TABLE, Lua } from "./lua.ts";
import { LuaToReply } from "./lua-to-reply.ts";
import { addRedisLibrary } from "./redis-library.ts";
import { ReplyToLua } from "./reply-to-lua.ts";
import { Sandbox } from "./sandbox.ts";
import { SCRIPT_ALLOW_OOM, SCRIPT_NO_WRITES, SCRIPT_UNDECLARED, type Script } from "./script.ts";
import { ScriptCache } from "./script-cache.ts";

const OUT_OF_MEMORY =
  "OOM allow-oom flag is not set on the script, " + "can not run it when used memory > 'maxmemory'";

const LUA_YIELD = 1;
/** lua_Debug, and where in it `what`, `source` and `currentline` are. */
const RECORD_BYTES = 112;
const WHAT = 12;
const SOURCE = 16;
const LINE = 20;

/** One virtual machine and what belongs to it. */
class Machine<S extends ServerContext> {
  readonly lua = new Lua();
  readonly sandbox: Sandbox;
  readonly replies: ReplyToLua;
  readonly results: LuaToReply;
  readonly runner: CommandRunner<S>;
  /** The thread that scripts run in, and its place in the registry. */
  thread = 0;
  #threadRef = 0;
  readonly keysName: number;
  readonly argvName: number;
  readonly record: number;
  readonly recordOptions: number;

  constructor(c: CommandContext<S>, host: ScriptHost<S>) {
    const { lua } = this;
    const { main } = lua;
    const { clock, logger } = c.server;
    this.sandbox = new Sandbox(lua, clock);
    this.replies = new ReplyToLua(lua);
    this.results = new LuaToReply(lua, c.reply);
    this.runner = new CommandRunner(lua, this.replies, host);
    addRedisLibrary({
      lua,
      runner: this.runner,
      replies: this.replies,
      log: (level, text) => logger.log(level as 0, text),
    });
    this.sandbox.add("redis");
    this.sandbox.close();
    lua.pushText(main, "KEYS");
    this.keysName = lua.keep(main);
    lua.pushText(main, "ARGV");
    this.argvName = lua.keep(main);
    this.record = lua.api.malloc(RECORD_BYTES);
    this.recordOptions = lua.api.malloc(8);
    lua.module.bytes.set([83, 108, 0], this.recordOptions);
    this.renewThread();
  }

  renewThread(): void {
    const { api, main } = this.lua;
    if (this.#threadRef !== 0) api.luaL_unref(main, -10000, this.#threadRef);
    this.thread = api.lua_newthread(main);
    this.#threadRef = this.lua.keep(main);
  }
}

/** The scripts of one server. */
export class Scripting<S extends ServerContext> {
  readonly scripts = new ScriptCache();
  readonly #host: ScriptHost<S>;
  #machine: Machine<S> | undefined;
  /** Tells machines apart: what was compiled for an older one is compiled again. */
  #generation = 0;

  constructor(host: ScriptHost<S>) {
    this.#host = host;
  }

  /** Bytes of the virtual machine's heap, 0 while there is none. */
  get machineBytes(): number {
    return this.#machine?.lua.bytes.length ?? 0;
  }

  /** Forgets every script. */
  flush(): void {
    this.scripts.clear();
    this.#machine = undefined;
  }

  /**
   * The script of a source, which is compiled and cached if it is new; replies with an error and
   * returns undefined where it cannot be.
   */
  scriptOf(
    c: CommandContext<S>,
    bytes: Uint8Array,
    start: number,
    end: number,
    isKept: boolean,
  ): Script | undefined {
    const hash = c.server.keyspace.hash(bytes, start, end);
    const known = this.scripts.findSource(bytes, start, end, hash);
    if (known !== undefined) {
      if (isKept) this.scripts.keep(known);
      return known;
    }
    const script = this.scripts.make(bytes.slice(start, end), hash);
    if (typeof script === "string") {
      c.reply.error(`ERR ${script}`);
      return undefined;
    }
    const error = this.#compile(c, script);
    if (error !== "") {
      c.reply.error(`ERR Error compiling script (new function): ${error}`);
      return undefined;
    }
    this.scripts.add(script, isKept);
    this.#forgetOldest();
    return script;
  }

  /** Why a script may not run as it is asked to, or "". */
  refusalToRun(script: Script, isReadOnly: boolean): string {
    if ((script.flags & (SCRIPT_UNDECLARED | SCRIPT_NO_WRITES)) !== 0) return "";
    if (isReadOnly) return "ERR Can not execute a script with write flag using *_ro command.";
    const refusal = this.#host.writeRefusal();
    if (refusal !== "" || (script.flags & SCRIPT_ALLOW_OOM) !== 0) return refusal;
    return this.#host.makeRoom() ? "" : OUT_OF_MEMORY;
  }

  /** Runs a script whose keys are arguments [first, first + keyCount), the rest its ARGV. */
  run(c: CommandContext<S>, script: Script, first: number, keyCount: number, flags: number): void {
    const machine = this.#ready(c);
    if (script.machine !== this.#generation) this.#compile(c, script);
    const { lua, runner, sandbox, thread } = machine;
    const { api } = lua;
    lua.push(thread, sandbox.globals);
    this.#setArray(machine, c, machine.keysName, first, first + keyCount);
    this.#setArray(machine, c, machine.argvName, first + keyCount, c.count);
    api.lua_settop(thread, 0);
    sandbox.depth = 0;
    const event = c.suspend();
    runner.enter(c, flags);
    lua.push(thread, script.ref);
    const status = api.lua_resume(thread, 0);
    runner.leave(c, event);
    this.#finish(c, machine, script, status);
  }

  /** Sets a global, one of those in the table on top, to an array of arguments. */
  #setArray(
    { lua, thread }: Machine<S>,
    c: CommandContext<S>,
    name: number,
    from: number,
    to: number,
  ): void {
    const { api } = lua;
    lua.push(thread, name);
    api.lua_createtable(thread, to - from, 0);
    for (let k = from; k < to; k++) {
      lua.pushBytes(thread, c.bytes, c.start(k), c.end(k));
      api.lua_rawseti(thread, -2, k - from + 1);
    }
    api.lua_rawset(thread, -3);
  }

  /** The machine, which is made or replaced if need be. */
  #ready(c: CommandContext<S>): Machine<S> {
    if (this.#machine === undefined || this.#machine.lua.module.isDamaged) {
      this.#machine = new Machine(c, this.#host);
      this.#generation++;
    }
    return this.#machine;
  }

  /** Compiles a script for the current machine; returns the error, or "". */
  #compile(c: CommandContext<S>, script: Script): string {
    const { lua } = this.#ready(c);
    const { main, api } = lua;
    const isLoaded = lua.load(main, script.source, "@user_script");
    if (!isLoaded) {
      const text = lua.text(main, -1);
      api.lua_settop(main, -2);
      return text;
    }
    script.ref = lua.keep(main);
    script.machine = this.#generation;
    return "";
  }

  #forgetOldest(): void {
    const old = this.scripts.evict();
    if (old === undefined) return;
    this.#host.countEvicted();
    if (old.machine !== this.#generation) return;
    const { api, main } = this.#machine!.lua;
    api.luaL_unref(main, -10000, old.ref);
  }

  /** Replies with what the script returned or with the error that ended it. */
  #finish(c: CommandContext<S>, machine: Machine<S>, script: Script, status: number): void {
    const { lua, thread, results, sandbox } = machine;
    const { api } = lua;
    if (status === 0) {
      // Only the first result counts.
      api.lua_settop(thread, 1);
      results.protocol = machine.runner.protocol;
      results.write(thread);
    } else {
      if (status === LUA_YIELD) {
        c.reply.error(
          `ERR attempt to yield across metamethod/C-call boundary script: ${script.sha}, ` +
            "on @user_script:1.",
        );
      } else this.#replyError(c, machine, script.sha);
      machine.renewThread();
    }
    sandbox.tidy();
  }

  /** Replies with the error on top of the thread, which was left as it was when it happened. */
  #replyError(c: CommandContext<S>, machine: Machine<S>, sha: string): void {
    const { lua, thread } = machine;
    const { api } = lua;
    let text: string;
    if (lua.module.isDamaged) text = "ERR stack overflow";
    else if (api.lua_type(thread, -1) === LUA_TABLE) {
      lua.getField(thread, -1, "err");
      const isText = api.lua_type(thread, -1) === LUA_STRING;
      text = isText ? lua.text(thread, -1) : "ERR unknown error";
    } else text = `ERR ${this.#textOf(machine)}`;
    c.reply.error(`${text} script: ${sha}${this.#place(machine)}.`);
  }

  /** An error value as tostring prints it. */
  #textOf({ lua, thread }: Machine<S>): string {
    const type = lua.api.lua_type(thread, -1);
    if (type === LUA_STRING || type === LUA_NUMBER) return lua.text(thread, -1);
    if (type === LUA_NIL) return "nil";
    return lua.api.lua_toboolean(thread, -1) !== 0 ? "true" : "false";
  }

  /** Where in the script the error happened. */
  #place({ lua, thread, record, recordOptions }: Machine<S>): string {
    const { api, module } = lua;
    for (let level = 0; level < 2; level++) {
      if (module.isDamaged || api.lua_getstack(thread, level, record) === 0) return "";
      api.lua_getinfo(thread, recordOptions, record);
      const { words } = module;
      if (level === 0 && lua.textAt(words[(record + WHAT) >>> 2]) === "C") continue;
      const source = lua.textAt(words[(record + SOURCE) >>> 2]);
      return `, on ${source}:${words[(record + LINE) >>> 2] | 0}`;
    }
    return "";
  }
}
