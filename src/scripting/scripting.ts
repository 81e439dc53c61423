// Runs scripts. The virtual machine is made when the first script arrives; a script is compiled
// once and kept in its registry. Scripts run in one Lua thread (`#thread`), which is replaced after
// an error; the whole machine is replaced after its stack ran over, because what ran then may have
// been left half done.

import type { Client, Wait } from "../command/client.ts";
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

const UNKILLABLE =
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can " +
  "either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE " +
  "command.";

const LUA_YIELD = 1;
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
/** How long a slow script runs before others are served again. */
const SLICE_US = 10_000;

/** A script that is being run. */
class ScriptRun<S extends ServerContext> implements Wait {
  readonly c: CommandContext<S>;
  readonly client: Client;
  readonly script: Script;
  readonly machine: Machine<S>;
  /** Others may be served while it runs. */
  readonly mayBreak: boolean;
  startedUs: number;
  sliceUs: number;
  isKilled = false;
  /** Time its command has run so far, as dispatch counts it. */
  microseconds = 0;

  constructor(c: CommandContext<S>, script: Script, machine: Machine<S>) {
    this.c = c;
    this.client = c.client;
    this.script = script;
    this.machine = machine;
    this.mayBreak = !c.client.denyBlocking;
    this.startedUs = c.server.clock.monotonicUs();
    this.sliceUs = this.startedUs;
  }

  /** It ends by itself, or by SCRIPT KILL. */
  end(): void {}
}

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

  readonly #hook: number;

  constructor(c: CommandContext<S>, host: ScriptHost<S>, hook: (state: number) => void) {
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
    this.#hook = lua.module.addHook(hook);
    lua.api.lua_sethook(main, this.#hook, MASK_COUNT, HOOK_COUNT);
    this.renewThread();
  }

  /** From now on the hook is called at every line, so that pcall does not help a script. */
  hookLines(state: number): void {
    this.lua.api.lua_sethook(state, this.#hook, MASK_LINE, 0);
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
  /** The script that is being run. */
  #run: ScriptRun<S> | undefined;
  /** It has run for so long that others are served now and then. */
  isBusy = false;
  /** Milliseconds after which it is. */
  busyMs = 5000;
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
    const run = new ScriptRun(c, script, machine);
    this.#run = run;
    sandbox.wasBroken = false;
    runner.enter(c, flags);
    lua.push(thread, script.ref);
    const status = api.lua_resume(thread, 0);
    if (status === LUA_YIELD && sandbox.wasBroken) {
      c.resume(event);
      return this.#pause(run);
    }
    this.#run = undefined;
    runner.leave(c, event);
    this.#finish(c, machine, script, status);
  }

  /** Whether a client waits for a slow script of its own to end. */
  isRunFor(client: Client): boolean {
    return this.isBusy && this.#run?.client === client;
  }

  /** Cold: the script is slow. Its client waits, others are told so. */
  #pause(run: ScriptRun<S>): void {
    run.client.blocked = true;
    run.client.wait = run;
    this.isBusy = true;
    this.#host.becameBusy();
  }

  /** Cold: runs a slow script for another slice; called in an event of its own until it ends. */
  goOn(): void {
    const run = this.#run!;
    const { c, client, machine, script } = run;
    const { runner, sandbox, lua, thread } = machine;
    const event = c.suspend();
    run.sliceUs = c.server.clock.monotonicUs();
    sandbox.wasBroken = false;
    const status = lua.api.lua_resume(thread, 0);
    c.resume(event);
    if (status === LUA_YIELD && sandbox.wasBroken) return;
    this.#run = undefined;
    this.isBusy = false;
    c.client = client;
    c.reply.protocol = client.protocol;
    const mark = c.reply.length;
    runner.close(c);
    this.#finish(c, machine, script, status);
    c.resume(event);
    client.blocked = false;
    client.wait = undefined;
    this.#host.finished(client, mark);
  }

  /** Cold: ends the slow script; the error to reply with, or "". */
  kill(): string {
    const run = this.#run;
    if (run === undefined || !this.isBusy) return "NOTBUSY No scripts in execution right now.";
    if (run.machine.runner.hasWritten) return UNKILLABLE;
    run.isKilled = true;
    return "";
  }

  /** Called every so many instructions. */
  #onHook(state: number): void {
    const run = this.#run;
    if (run === undefined) return;
    const { machine } = run;
    const nowUs = run.c.server.clock.monotonicUs();
    if (run.isKilled) {
      machine.hookLines(state);
      machine.replies.pushError(state, "ERR Script killed by user with SCRIPT KILL...");
      machine.lua.api.lua_error(state);
    }
    if (!run.mayBreak || nowUs - run.startedUs < this.busyMs * 1000) return;
    if (nowUs - run.sliceUs < SLICE_US) return;
    // Not across a C function that has called back: a comparison of table.sort, a metamethod.
    const { halves } = machine.lua.module;
    if (halves[(state + C_CALLS) >>> 1] !== halves[(state + BASE_C_CALLS) >>> 1]) return;
    machine.sandbox.wasBroken = true;
    machine.lua.api.lua_yield(state, 0);
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
      this.#machine = new Machine(c, this.#host, (state) => this.#onHook(state));
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
    for (let level = 0; level < PLACE_LEVELS; level++) {
      if (module.isDamaged || api.lua_getstack(thread, level, record) === 0) return "";
      api.lua_getinfo(thread, recordOptions, record);
      const { words } = module;
      if (level === 0 && lua.textAt(words[(record + WHAT) >>> 2]) === "C") continue;
      const source = lua.textAt(words[(record + SOURCE) >>> 2]);
      if (source === "=prelude" || source === "=(tail call)") continue;
      return `, on ${source}:${words[(record + LINE) >>> 2] | 0}`;
    }
    return "";
  }
}
