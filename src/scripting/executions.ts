// Runs scripts and functions of libraries, one at a time, in the Lua thread of their machine, which
// is replaced after an error. One that runs for long is suspended every few milliseconds, so that
// others are served: its client waits, and `goOn` is called in events of their own until it ends.

import type { Client, Wait } from "../command/client.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { ScriptHost } from "./command-runner.ts";
import type { Machine } from "./machine.ts";

const UNKILLABLE =
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can " +
  "either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE " +
  "command.";

const BUSY = "BUSY Redis is busy running a script.";

/** It yielded where nobody resumes it. */
const BOUNDARY = "ERR attempt to yield across metamethod/C-call boundary";
const LUA_YIELD = 1;
/** How long a slow script runs before others are served again. */
const SLICE_US = 10_000;

/** A script, or a function of a library. */
export interface Runnable {
  /** What errors call it: a script's digest, a function's name. */
  readonly label: string;
  readonly isFunction: boolean;
}

/** A script that is being run. */
class ScriptRun<S extends ServerContext> implements Wait {
  readonly c: CommandContext<S>;
  readonly client: Client;
  readonly script: Runnable;
  readonly machine: Machine<S>;
  /** Others may be served while it runs. */
  readonly mayBreak: boolean;
  readonly startedUs: number;
  sliceUs: number;
  isKilled = false;
  /** The request, once others are served meanwhile. */
  words: readonly Uint8Array[] = [];
  /** Time its command has run so far, as dispatch counts it. */
  microseconds = 0;

  constructor(c: CommandContext<S>, script: Runnable, machine: Machine<S>) {
    this.c = c;
    this.client = c.client;
    this.script = script;
    this.machine = machine;
    this.mayBreak = !c.client.denyBlocking;
    this.startedUs = c.server.clock.monotonicUs();
    this.sliceUs = this.startedUs;
  }

  readonly mayEnd = false;

  /** It ends by itself, or is killed. */
  end(): void {}
}

/** What FUNCTION STATS says of the one that runs. */
export interface RunningScript {
  readonly script: Runnable;
  readonly words: readonly Uint8Array[];
  readonly milliseconds: number;
}

/** The scripts and functions that run on one server. */
export class Executions<S extends ServerContext> {
  readonly #host: ScriptHost<S>;
  #run: ScriptRun<S> | undefined;
  /** The one that runs has done so for so long that others are served now and then. */
  isBusy = false;
  /** Milliseconds after which it has. */
  busyMs = 5000;

  constructor(host: ScriptHost<S>) {
    this.#host = host;
  }

  /** Whether a function runs, rather than a script, and others are served meanwhile. */
  get isFunction(): boolean {
    return this.#run?.script.isFunction === true;
  }

  /** Cold: the one that runs while others are served, if any. */
  get running(): RunningScript | undefined {
    const run = this.#run;
    if (run === undefined || !this.isBusy) return undefined;
    const us = run.c.server.clock.monotonicUs() - run.startedUs;
    return { script: run.script, words: run.words, milliseconds: Math.floor(us / 1000) };
  }

  /** Calls the Lua function on the machine's thread, with the arguments that lie above it. */
  call(
    c: CommandContext<S>,
    machine: Machine<S>,
    script: Runnable,
    argumentCount: number,
    flags: number,
  ): void {
    const { lua, runner, sandbox, thread } = machine;
    sandbox.depth = 0;
    const event = c.suspend();
    const run = new ScriptRun(c, script, machine);
    this.#run = run;
    sandbox.wasBroken = false;
    runner.enter(c, flags);
    const status = lua.api.lua_resume(thread, argumentCount);
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
    const { c } = run;
    const words: Uint8Array[] = [];
    for (let k = 0; k < c.count; k++) words.push(c.bytes.slice(c.start(k), c.end(k)));
    run.words = words;
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

  /**
   * Cold: ends the slow script or function, whichever is meant; the error to reply with, or "".
   */
  kill(isFunction: boolean): string {
    const run = this.#run;
    if (run === undefined || !this.isBusy) return "NOTBUSY No scripts in execution right now.";
    if (run.machine.runner.hasWritten) return UNKILLABLE;
    if (run.script.isFunction !== isFunction) return this.busyText;
    run.isKilled = true;
    return "";
  }

  /** Cold: what others are told while a script or function is slow. */
  get busyText(): string {
    const what = this.isFunction ? "FUNCTION" : "SCRIPT";
    return `${BUSY} You can only call ${what} KILL or SHUTDOWN NOSAVE.`;
  }

  /** Called every so many instructions of a script. */
  onHook(state: number): void {
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
    if (!machine.canBreak(state)) return;
    machine.sandbox.wasBroken = true;
    machine.lua.api.lua_yield(state, 0);
  }

  /** Replies with what the script returned or with the error that ended it. */
  #finish(c: CommandContext<S>, machine: Machine<S>, script: Runnable, status: number): void {
    const { lua, thread, results, sandbox } = machine;
    if (status === 0) {
      // Only the first result counts.
      lua.api.lua_settop(thread, 1);
      results.protocol = machine.runner.protocol;
      results.write(thread);
    } else {
      const text = status === LUA_YIELD ? BOUNDARY : machine.errorText(thread);
      c.reply.error(`${text} script: ${script.label}${machine.errorPlace()}.`);
      machine.renewThread();
    }
    sandbox.tidy();
  }
}
