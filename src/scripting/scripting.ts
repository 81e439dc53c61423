// Scripts: EVAL's and its relatives'. The virtual machine is made when the first script arrives; a
// script is compiled once and kept in its registry. The whole machine is replaced after its stack
// ran over, because what ran then may have been left half done.

import type { CommandContext, ServerContext } from "../command/context.ts";
import type { ScriptHost } from "./command-runner.ts";
import type { CompiledScripts } from "./compiled/compiled-scripts.ts";
import type { Executions } from "./executions.ts";
import type { Supervisor } from "./lua-module.ts";
import type { Machine } from "./machine.ts";
import { SCRIPT_ALLOW_OOM, SCRIPT_NO_WRITES, SCRIPT_UNDECLARED, type Script } from "./script.ts";
import { ScriptCache } from "./script-cache.ts";

const OUT_OF_MEMORY =
  "OOM allow-oom flag is not set on the script, " + "can not run it when used memory > 'maxmemory'";

/** Why a script may not run as it is asked to, or "". */
export function refusalToRun<S extends ServerContext>(
  host: ScriptHost<S>,
  flags: number,
  isReadOnly: boolean,
): string {
  if ((flags & (SCRIPT_UNDECLARED | SCRIPT_NO_WRITES)) !== 0) return "";
  const refusal = host.scriptRefusal();
  if (refusal !== "") return refusal;
  if (isReadOnly) return "ERR Can not execute a script with write flag using *_ro command.";
  if ((flags & SCRIPT_ALLOW_OOM) !== 0) return "";
  return host.makeRoom() ? "" : OUT_OF_MEMORY;
}

/** Lua and its libraries: loaded when the first script arrives. */
const machineModule = (): typeof import("./machine.ts") => require("./machine.ts");

const parserModule = (): typeof import("./compiled/parser.ts") => require("./compiled/parser.ts");
const compiledModule = (): typeof import("./compiled/compiled-scripts.ts") =>
  require("./compiled/compiled-scripts.ts");

/** EVAL's machine. */
class ScriptMachine<S extends ServerContext> {
  readonly machine: Machine<S>;
  readonly compiled: CompiledScripts<S, Script>;
  readonly keysName: number;
  readonly argvName: number;

  constructor(c: CommandContext<S>, host: ScriptHost<S>, supervisor: Supervisor) {
    const { clock, logger } = c.server;
    const { Machine } = machineModule();
    this.machine = new Machine({
      clock,
      logger,
      reply: c.reply,
      host,
      supervisor,
      isForFunctions: false,
    });
    const { CompiledScripts } = compiledModule();
    const { parse } = parserModule();
    this.compiled = new CompiledScripts(this.machine.runner, host, ({ source }) => parse(source));
    const { lua } = this.machine;
    lua.pushText(lua.main, "KEYS");
    this.keysName = lua.keep(lua.main);
    lua.pushText(lua.main, "ARGV");
    this.argvName = lua.keep(lua.main);
  }
}

/** The scripts of one server. */
export class Scripting<S extends ServerContext> {
  readonly scripts = new ScriptCache();
  readonly #host: ScriptHost<S>;
  readonly #executions: Executions<S>;
  #machine: ScriptMachine<S> | undefined;
  /** Tells machines apart: what was compiled for an older one is compiled again. */
  #generation = 0;

  constructor(host: ScriptHost<S>, executions: Executions<S>) {
    this.#host = host;
    this.#executions = executions;
  }

  /** Bytes of Lua's objects, 0 while there is no virtual machine. */
  get machineBytes(): number {
    return this.#machine?.machine.bytes ?? 0;
  }

  /** Once in a while, between scripts: gives memory back. */
  tick(): void {
    const machine = this.#machine?.machine;
    if (machine === undefined || machine.lua.module.isDamaged) return;
    machine.collect();
    if (machine.isOversized) this.#machine = undefined;
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
    return refusalToRun(this.#host, script.flags, isReadOnly);
  }

  /** Runs a script whose keys are arguments [first, first + keyCount), the rest its ARGV. */
  run(c: CommandContext<S>, script: Script, first: number, keyCount: number, flags: number): void {
    const { machine, compiled, keysName, argvName } = this.#ready(c);
    if (script.machine !== this.#generation) this.#compile(c, script);
    if (compiled.run(c, script, first, keyCount, flags)) return;
    try {
      if (script.seesKeys) machine.setArguments(c, first, first + keyCount, keysName);
      if (script.seesArguments) machine.setArguments(c, first + keyCount, c.count, argvName);
    } catch (error) {
      // There is no memory even for them.
      if (machine.runner.isTakenOver) machine.runner.close(c);
      throw error;
    }
    machine.lua.push(machine.lua.main, script.ref);
    this.#executions.call(c, machine, script, 0, flags);
  }

  /** The machine, which is made or replaced if need be. */
  #ready(c: CommandContext<S>): ScriptMachine<S> {
    if (this.#machine === undefined || this.#machine.machine.lua.module.isDamaged) {
      this.#machine = new ScriptMachine(c, this.#host, this.#executions);
      this.#generation++;
    }
    return this.#machine;
  }

  /** Compiles a script for the current machine; returns the error, or "". */
  #compile(c: CommandContext<S>, script: Script): string {
    const { lua } = this.#ready(c).machine;
    const { main, api } = lua;
    const isLoaded = lua.load(main, script.source, "@user_script");
    if (!isLoaded) {
      const text = lua.text(main, -1);
      api.lua_settop(main, -2);
      return text;
    }
    script.ref = lua.keep(main);
    script.machine = this.#generation;
    script.compiled = undefined;
    script.calls = 0;
    return "";
  }

  #forgetOldest(): void {
    const old = this.scripts.evict();
    if (old === undefined) return;
    this.#host.countEvicted();
    if (old.machine !== this.#generation || this.#machine === undefined) return;
    this.#machine.machine.lua.release(old.ref);
  }
}
