// Scripts, and functions of libraries, that are called again and again are compiled to JavaScript,
// as far as they do what is plain; see compiled-run.ts. What the virtual machine has to take over
// time and again is left to it.

import { VERIFY } from "../../base/assert.ts";
import {
  type CommandContext,
  type ServerContext,
  SuspendedCommand,
} from "../../command/context.ts";
import type { Command } from "../../command/registry.ts";
import type { CommandRunner, ScriptHost } from "../command-runner.ts";
import { hasGivenUp } from "./bail.ts";
import type { Compilable, CompiledFunction } from "./compilable.ts";
import { CompiledRun } from "./compiled-run.ts";
import { generate, OPERATIONS } from "./generator.ts";
import type { Program } from "./syntax.ts";
import { Unsupported } from "./tokens.ts";

/** A script is compiled once it has been called so many times. */
const CALLS_MIN = VERIFY ? 1 : 50;
/** So many are compiled at a time. */
const COMPILED_MAX = 256;
/** A script may be taken over so many times, and in so great a part of its calls. */
const TAKEN_OVER_MAX = 16;
const TAKEN_OVER_SHARE = 1 / 8;

/** The compiled scripts of one machine. */
export class CompiledScripts<S extends ServerContext, T extends Compilable> {
  readonly #runner: CommandRunner<S>;
  readonly #host: ScriptHost<S>;
  readonly #parse: (script: T) => Program;
  readonly #run: CompiledRun<S>;
  readonly #event = new SuspendedCommand<S>();
  /** The ones that have been called since they were looked at come last. */
  readonly #compiled = new Set<T>();

  /** `parse` throws Unsupported where there is nothing to be compiled. */
  constructor(runner: CommandRunner<S>, host: ScriptHost<S>, parse: (script: T) => Program) {
    this.#parse = parse;
    this.#runner = runner;
    this.#host = host;
    this.#run = new CompiledRun(runner);
  }

  /** Runs one and replies with its result; false where the machine must run it, or go on. */
  run(c: CommandContext<S>, script: T, first: number, keyCount: number, flags: number): boolean {
    const main = script.compiled ?? this.#prepare(script);
    // What users may not do is logged: it is asked but once.
    if (main === undefined || c.client.user.isRestricted) return false;
    if (!this.#run.begun(c, first, keyCount)) return false;
    script.calls++;
    const start = c.reply.length;
    const { errorCount } = c.reply;
    c.suspend(this.#event);
    this.#runner.enter(c, flags);
    try {
      const value = main(this.#run);
      c.reply.protocol = this.#event.protocol;
      this.#run.finish(value, start);
    } catch (error) {
      if (!hasGivenUp(error)) throw error;
      c.reply.errorCount = errorCount;
      this.#handOver(c, script, start);
      return false;
    }
    this.#run.end();
    this.#runner.leave(c, this.#event);
    return true;
  }

  /** Cold: the machine goes on from here. */
  #handOver(c: CommandContext<S>, script: T, start: number): void {
    const { reply } = c;
    const { replyCount, replyStarts } = this.#run;
    this.#run.end();
    this.#runner.takeOver(reply.buffer.slice(start, reply.length), {
      starts: replyStarts.slice(0, replyCount).map((mark) => mark - start),
      next: 0,
    });
    reply.length = start;
    c.resume(this.#event);
    script.takenOver++;
    const isOften = script.takenOver > script.calls * TAKEN_OVER_SHARE;
    if (script.takenOver > TAKEN_OVER_MAX && isOften && !VERIFY) this.#giveUp(script);
  }

  /** Cold: leaves a script to the virtual machine for good. */
  #giveUp(script: T): void {
    script.compiled = undefined;
    script.isCompilable = false;
    this.#compiled.delete(script);
  }

  /** Cold: compiles a script that has been called often enough. */
  #prepare(script: T): CompiledFunction | undefined {
    if (!script.isCompilable || ++script.calls < CALLS_MIN) return undefined;
    script.calls = 0;
    script.takenOver = 0;
    if (!this.#hasRoom()) return undefined;
    script.compiled = this.#compile(script);
    if (script.compiled === undefined) script.isCompilable = false;
    else this.#compiled.add(script);
    return script.compiled;
  }

  /** Whether one more may be compiled: in place of the oldest, unless that is called still. */
  #hasRoom(): boolean {
    if (this.#compiled.size < COMPILED_MAX) return true;
    const oldest = this.#compiled.values().next().value!;
    this.#compiled.delete(oldest);
    if (oldest.calls === 0) {
      oldest.compiled = undefined;
      return true;
    }
    oldest.calls = 0;
    oldest.takenOver = 0;
    this.#compiled.add(oldest);
    return false;
  }

  #compile(script: T): CompiledFunction | undefined {
    try {
      const program = this.#parse(script);
      const { source: text, constants } = generate(program, (words) => this.#find(words));
      const make = new Function(...OPERATIONS.map(([name]) => name), "k", text);
      return make(...OPERATIONS.map(([, operation]) => operation), constants);
    } catch (error) {
      // What is generated is too deep for the engine's own parser, at worst.
      if (VERIFY && !(error instanceof Unsupported || error instanceof RangeError)) throw error;
      return undefined;
    }
  }

  /** The command of constant words; undefined where the machine had better find it. */
  #find(words: readonly Uint8Array[]): Command<S> | undefined {
    const [name, subname] = words;
    const command = this.#host.registry.find(name, 0, name.length);
    if (command?.subcommands === undefined) return command?.run === undefined ? undefined : command;
    if (subname === undefined) return undefined;
    const found = command.subcommands.find(subname, 0, subname.length);
    return found?.run === undefined ? undefined : found;
  }
}
