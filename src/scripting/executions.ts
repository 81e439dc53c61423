// Runs scripts and functions of libraries, one at a time. One that runs for long is suspended every
// few milliseconds, so that others are served while its client waits:
//
//   call -> pause                    in the event of the client's command
//   resumed -> pause                 in an event of its own, any number of times
//   resumed -> ended                 the last one, in which the client is answered
//
// What is suspended is the stack of WebAssembly, see lua-seams.ts: the functions above are called
// from inside of it.

import type { Client, Wait } from "../command/client.ts";
import { type CommandContext, type ServerContext, SuspendedCommand } from "../command/context.ts";
import type { Command } from "../command/registry.ts";
import type { ScriptHost } from "./command-runner.ts";
import type { Supervisor } from "./lua-module.ts";
import type { Machine } from "./machine.ts";

const UNKILLABLE =
  "UNKILLABLE Sorry the script already executed write commands against the dataset. You can " +
  "either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE " +
  "command.";

const BUSY = "BUSY Redis is busy running a script.";

/** In place of the status of a call that has not ended. */
const RUNNING = -1;
/** ... and of one during which the machine was damaged. */
const DAMAGED = -2;
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
  c!: CommandContext<S>;
  client!: Client;
  command!: Command<S>;
  script!: Runnable;
  machine!: Machine<S>;
  /** When it began, as its hook has found; 0 until then. */
  startedUs = 0;
  sliceUs = 0;
  isKilled = false;
  /** It has been suspended before, and its client waits. */
  isSlow = false;
  /** What the context points at outside of it. */
  readonly event = new SuspendedCommand<S>();
  /** The request, once others are served meanwhile. */
  words: readonly Uint8Array[] = [];
  /** Time its command has run so far, as dispatch counts it. */
  microseconds = 0;
  readonly mayEnd = false;

  /** Takes the place of a new one, until it is slow. */
  begin(c: CommandContext<S>, script: Runnable, machine: Machine<S>): void {
    this.c = c;
    this.client = c.client;
    this.command = c.command;
    this.script = script;
    this.machine = machine;
    this.startedUs = 0;
    c.suspend(this.event);
  }

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
export class Executions<S extends ServerContext> implements Supervisor {
  readonly #host: ScriptHost<S>;
  #run: ScriptRun<S> | undefined;
  /** What the next script will be, in case that it is quick. */
  #next = new ScriptRun<S>();
  #status = RUNNING;
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
    const { lua, runner } = machine;
    const run = this.#next;
    run.begin(c, script, machine);
    this.#run = run;
    if (!runner.isTakenOver) runner.enter(c, flags);
    this.#status = RUNNING;
    const promise = lua.module.run(lua.main, argumentCount, machine.handler);
    if (this.#status === RUNNING) {
      promise.catch((error) => this.#broke(run, error));
      if (run.isSlow) {
        c.resume(run.event);
        return this.#wait(run);
      }
      this.#status = DAMAGED;
    }
    this.#run = undefined;
    runner.leave(c, run.event);
    this.#finish(c, machine, script);
  }

  /** Whether a client waits for a slow script of its own to end. */
  isRunFor(client: Client): boolean {
    return this.isBusy && this.#run?.client === client;
  }

  /** Cold: the script is slow. Its client waits, others are told so. */
  #wait(run: ScriptRun<S>): void {
    const { c } = run;
    const words: Uint8Array[] = [];
    for (let k = 0; k < c.count; k++) words.push(c.bytes.slice(c.start(k), c.end(k)));
    run.words = words;
    // What it has done by now is told when it ends, and it itself is not.
    if (run.machine.runner.hasWritten) c.effects.suppress();
    this.#next = new ScriptRun<S>();
    run.client.blocked = true;
    run.client.wait = run;
    this.isBusy = true;
    this.#host.becameBusy();
  }

  /** Cold: the slice is over; the script goes on with `resumed` in an event of its own. */
  pause(): Promise<void> {
    const run = this.#run!;
    if (run.isSlow) this.#endSlice(run);
    run.isSlow = true;
    return new Promise((resolve) => this.#host.inEvent(resolve));
  }

  resumed(state: number): void {
    const run = this.#run!;
    this.#host.beginSlice();
    run.c.suspend(run.event);
    run.sliceUs = run.c.server.clock.monotonicUs();
    if (run.isKilled) this.#raiseKilled(run, state);
  }

  #endSlice(run: ScriptRun<S>): void {
    run.c.resume(run.event);
    this.#host.endSlice();
  }

  ended(status: number): void {
    this.#status = status;
    if (this.#run?.isSlow) this.#answer(this.#run);
  }

  /** Cold: a slow script has ended: its client is answered. */
  #answer(run: ScriptRun<S>): void {
    const { c, client, machine, script } = run;
    c.resume(run.event);
    this.#run = undefined;
    this.isBusy = false;
    const event = c.suspend();
    const mark = c.reply.length;
    const errorsBefore = c.reply.errorCount;
    this.#pointAtRequest(run);
    machine.runner.close(c);
    this.#finish(c, machine, script);
    client.blocked = false;
    client.wait = undefined;
    c.command.calls++;
    if (c.reply.errorCount !== errorsBefore) {
      c.command.failedCalls++;
      if (c.reply.errorCount > errorsBefore) this.#host.countError();
      c.reply.errorCount = errorsBefore;
    }
    this.#host.timed(c, c.server.clock.monotonicUs() - run.startedUs, 1);
    this.#host.finished(c, mark);
    c.resume(event);
    this.#host.endSlice();
  }

  /** Cold: points the context at a copy of the request that a slow script was run by. */
  #pointAtRequest({ c, client, command, words }: ScriptRun<S>): void {
    const starts = new Int32Array(words.length);
    const ends = new Int32Array(words.length);
    let length = 0;
    for (const [k, word] of words.entries()) {
      starts[k] = length;
      length += word.length;
      ends[k] = length;
    }
    c.setArguments(Buffer.concat(words), starts, ends, 0, words.length);
    c.client = client;
    c.command = command;
    c.db = c.server.keyspace.databases[client.dbIndex];
    c.reply.protocol = client.protocol;
  }

  /** Cold: an exception has passed through the machine. */
  #broke(run: ScriptRun<S>, error: unknown): void {
    if (!(error instanceof RangeError)) throw error;
    if (this.#run !== run) return;
    this.#status = DAMAGED;
    this.#answer(run);
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

  /** Called every so many instructions of a script: whether it must wait. */
  onHook(state: number): boolean {
    const run = this.#run;
    if (run === undefined) return false;
    if (run.isKilled) this.#raiseKilled(run, state);
    run.machine.lua.module.adaptHook(state);
    const nowUs = run.c.server.clock.monotonicUs();
    if (run.startedUs === 0) {
      run.startedUs = nowUs;
      run.sliceUs = nowUs;
    }
    if (nowUs - run.startedUs < this.busyMs * 1000) return false;
    return nowUs - run.sliceUs >= SLICE_US && this.#host.mayWait(run.client);
  }

  /** Cold: raises an error, and again at every line, so that pcall does not help a script. */
  #raiseKilled({ machine }: ScriptRun<S>, state: number): void {
    machine.lua.module.hookLines(state);
    machine.replies.pushError(state, "ERR Script killed by user with SCRIPT KILL...");
    machine.lua.api.lua_error(state);
  }

  /** Replies with what the script returned or with the error that ended it. */
  #finish(c: CommandContext<S>, machine: Machine<S>, script: Runnable): void {
    const { lua, results, sandbox } = machine;
    const { main, module } = lua;
    if (this.#status === 0) {
      results.protocol = machine.runner.protocol;
      results.write(main);
      sandbox.tidy();
    } else if (this.#status === DAMAGED) {
      module.isDamaged = true;
      c.reply.error(`${machine.errorText(main)} script: ${script.label}.`);
    } else {
      const hasPlace = machine.error !== "";
      const text = hasPlace ? machine.error : machine.errorText(main);
      c.reply.error(`${text} script: ${script.label}${hasPlace ? machine.errorPlace : ""}.`);
      // One less than before the script says: it failed, but the error has been counted.
      if (hasPlace && machine.isErrorCounted) c.reply.errorCount -= 2;
      machine.error = "";
      module.hookInstructions();
      lua.api.lua_settop(main, 0);
      sandbox.tidy();
    }
  }
}
