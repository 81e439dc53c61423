// hot path: no allocation per command
//
// redis.call and redis.pcall: runs a command of a script through its handler. The arguments are
// read where they lie on Lua's heap; they stay on Lua's stack, and so in their place, until the
// command has been answered.
//
// While a script runs, the context is lent to its commands: `enter` and `leave` go around it.

import { MINUS } from "../base/ascii.ts";
import { writeDouble } from "../base/double.ts";
import { Client, SILENT_CHANNEL } from "../command/client.ts";
import type { CommandContext, ServerContext, SuspendedCommand } from "../command/context.ts";
import type { Command, CommandRegistry } from "../command/registry.ts";
import { DENYOOM, MAY_REPLICATE, NOSCRIPT, WRITE } from "../command/spec.ts";
import { type Protocol, ReplyWriter } from "../resp/reply.ts";
import { LUA_NUMBER, type Lua } from "./lua.ts";
import type { ReplyToLua } from "./reply-to-lua.ts";
import { SCRIPT_ALLOW_OOM, SCRIPT_NO_WRITES } from "./script.ts";

export const REPL_AOF = 1;
export const REPL_REPLICA = 2;
export const REPL_ALL = 3;

const LARGEST_SHORT = 1e14;
/** Of so many quick calls of a command one is timed, and stands for all. */
const SAMPLED_CALLS = 16;
/** What a command counts as until the hook is called again, in instructions. */
const QUICK_COST = 20;
const SLOW_COST = 500;

/** What scripts need of the server beyond the context. */
export interface ScriptHost<S extends ServerContext> {
  readonly registry: CommandRegistry<S>;
  /** Evicts until memory is below maxmemory; false where that is impossible. */
  makeRoom(): boolean;
  /** Whether a script may call a command that is denied to scripts. */
  allowsDenied(command: Command<S>): boolean;
  /** The MISCONF text that refuses writes, or "". */
  writeRefusal(): string;
  /** The MISCONF text that refuses scripts that may write, or "". */
  scriptRefusal(): string;
  /** The script that runs is slow. */
  becameBusy(): void;
  /** Calls a function in an event of its own, unless the server stops. */
  inEvent(run: () => void): void;
  /** Goes around what a slow script does in such an event. */
  beginSlice(): void;
  endSlice(): void;
  /** Counts commands that a script has run. */
  countCommands(count: number): void;
  /** Whether the client of a script can be kept waiting while others are served. */
  mayWait(client: Client): boolean;
  /** It has ended: what was replied since `mark` is its client's, which the context points at. */
  finished(c: CommandContext<S>, mark: number): void;
  /** Every command is timed on its own. */
  readonly isPrecise: boolean;
  /** Somebody is shown every command. */
  readonly isMonitored: boolean;
  /** Accounts the context's command, which took so long, as so many calls that did. */
  timed(c: CommandContext<S>, microseconds: number, calls: number): void;
  /** Shows the context's command, which a script has run. */
  monitor(c: CommandContext<S>): void;
  /** Counts a script that was forgotten for the sake of newer ones. */
  countEvicted(): void;
  /** Counts the error that was replied last. */
  countError(): void;
  /** Counts an error that is replied to nobody. */
  countErrorText(text: string): void;
  /** A script's command has run, for a client; `changed` says whether it changed data. */
  ran(c: CommandContext<S>, client: Client, changed: boolean): void;
  /** Whether an exception says that memory could not be had. */
  isOutOfMemory(error: unknown): boolean;
  /**
   * Why a restricted user may not run the context's command in a script, which is logged, or "".
   * `client` is the one that runs the script.
   */
  accessRefusal(c: CommandContext<S>, command: Command<S>, client: Client): string;
  /** Whether a restricted user may run the context's command. */
  isPermitted(c: CommandContext<S>, command: Command<S>, client: Client): boolean;
}

/** Where replies begin, and which of them is the next to be given again. */
export interface RepliesHad {
  readonly starts: Int32Array;
  next: number;
}

/** Runs the commands of one machine's scripts. */
export class CommandRunner<S extends ServerContext> {
  readonly #lua: Lua;
  readonly #replies: ReplyToLua;
  readonly #host: ScriptHost<S>;
  /** The client that scripts' commands are run as. */
  readonly client = new Client(0, SILENT_CHANNEL, 0, false);
  readonly #request = new ReplyWriter();
  #c!: CommandContext<S>;
  /** The client whose script it is. */
  #caller!: Client;
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  readonly #number = new Uint8Array(64);

  /** Flags of the running script. */
  flags = 0;
  protocol: Protocol = 2;
  /** Where its effects go. */
  replication = REPL_ALL;
  hasWritten = false;
  /** Commands that the script has run. */
  #calls = 0;
  #checkedMemory = false;
  /** The replies that a compiled form of the script has had, which the script is given again. */
  #had: Uint8Array = new Uint8Array(0);
  #hadStarts: RepliesHad | undefined;

  constructor(lua: Lua, replies: ReplyToLua, host: ScriptHost<S>) {
    this.#lua = lua;
    this.#replies = replies;
    this.#host = host;
    this.client.authenticated = true;
    this.client.denyBlocking = true;
  }

  /** A script begins. */
  enter(c: CommandContext<S>, flags: number): void {
    this.#c = c;
    this.#caller = c.client;
    this.flags = flags;
    this.protocol = 2;
    this.replication = REPL_ALL;
    this.hasWritten = false;
    this.#checkedMemory = false;
    this.#calls = 0;
    const { client } = this;
    client.dbIndex = c.client.dbIndex;
    client.user = c.client.user;
    c.effects.open();
  }

  /** Cold: the script that has begun goes on from its beginning, given the replies it has had. */
  takeOver(replies: Uint8Array, had: RepliesHad): void {
    this.#had = replies;
    this.#hadStarts = had;
  }

  /** The script that is going to be run has begun already. */
  get isTakenOver(): boolean {
    return this.#hadStarts !== undefined;
  }

  /** It has ended: the context is given back. */
  leave(c: CommandContext<S>, event: SuspendedCommand<S>): void {
    c.resume(event);
    this.close(c);
    // What the script did has been propagated, and the script is not.
    if (this.hasWritten) c.effects.suppress();
  }

  /** What it changed is one unit. */
  close(c: CommandContext<S>): void {
    this.#hadStarts = undefined;
    c.effects.close();
    this.#host.countCommands(this.#calls);
    if (!this.hasWritten) return;
    c.client.wroteInTurn = true;
    c.client.writeOffset = c.effects.offset;
  }

  /** Runs the command in a Lua function's arguments; pushes one value, or raises an error. */
  call(state: number, raises: boolean): number {
    const { api, module } = this.#lua;
    const had = this.#hadStarts;
    if (had !== undefined && had.next < had.starts.length) return this.#again(state, raises, had);
    const count = module.argumentCount(state);
    if (count === 0) {
      const text = "ERR Please specify at least one argument for this redis lib call";
      return this.#fail(state, raises, text);
    }
    if (!this.readArguments(state, count)) {
      const text = "ERR Lua redis lib command arguments must be strings or integers";
      return this.#fail(state, raises, text);
    }
    const c = this.#c;
    c.setArguments(this.#lua.module.bytes, this.#starts, this.#ends, 0, count);
    const command = this.find(count);
    if (command === undefined) {
      const text = "ERR Unknown Redis command called from script";
      this.#host.countErrorText(text);
      return this.#fail(state, raises, text, true);
    }
    const refusal = this.#refusal(command, count);
    if (refusal !== "") {
      command.rejectedCalls++;
      this.#host.countErrorText(refusal);
      return this.#fail(state, raises, refusal, true);
    }
    const { reply } = c;
    const mark = reply.length;
    this.#execute(command, mark);
    const isError = reply.buffer[mark] === MINUS;
    // Commands take time that instructions do not tell of.
    const instructions = (command.isQuick ? QUICK_COST : SLOW_COST) + ((reply.length - mark) >> 6);
    module.charge(state, instructions);
    this.#replies.push(state, reply.buffer, mark);
    reply.length = mark;
    if (isError && raises) return api.lua_error(state);
    return 1;
  }

  /** Cold: gives a reply that has been had again, as `call` does. */
  #again(state: number, raises: boolean, had: RepliesHad): number {
    const isError = this.#replies.push(state, this.#had, had.starts[had.next++]);
    return isError && raises ? this.#lua.api.lua_error(state) : 1;
  }

  /**
   * Runs a command for a compiled script, with arguments that are its own; false, with nothing
   * done, where it is refused.
   */
  runPrepared(
    command: Command<S>,
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    count: number,
  ): boolean {
    const c = this.#c;
    c.setArguments(bytes, starts, ends, 0, count);
    if (this.#refusal(command, count) !== "") return false;
    this.#execute(command, c.reply.length);
    return true;
  }

  /** Cold: pushes an error, or raises it. */
  #fail(state: number, raises: boolean, text: string, isCounted = false): number {
    this.#replies.pushError(state, text, isCounted);
    return raises ? this.#lua.api.lua_error(state) : 1;
  }

  /** Reads a function's arguments as a command's; false where one is no string or number. */
  readArguments(state: number, count: number): boolean {
    if (count > this.#starts.length) this.#growTables(count);
    const { module } = this.#lua;
    for (let k = 1; k <= count; k++) {
      let at = module.stringAt(state, k);
      if (at === 0) {
        if (this.#lua.api.lua_type(state, k) !== LUA_NUMBER) return false;
        this.#numberToString(state, k);
        this.#lua.string(state, k);
        at = module.stringAt(state, k);
      }
      this.#starts[k - 1] = at;
      this.#ends[k - 1] = at + module.lengthOf(at);
    }
    return true;
  }

  /** The command of the arguments read; a subcommand where there is one. */
  find(count: number): Command<S> | undefined {
    const { bytes } = this.#lua.module;
    const command = this.#host.registry.find(bytes, this.#starts[0], this.#ends[0]);
    if (command?.subcommands === undefined || count < 2) return command;
    return command.subcommands.find(bytes, this.#starts[1], this.#ends[1]);
  }

  /** Whether the script's user may run a command with the arguments read. */
  mayRun(command: Command<S>, count: number): boolean {
    if (!this.client.user.isRestricted) return true;
    const c = this.#c;
    c.setArguments(this.#lua.module.bytes, this.#starts, this.#ends, 0, count);
    return this.#host.isPermitted(c, command, this.#caller);
  }

  #growTables(count: number): void {
    // alloc: doubling
    this.#starts = new Int32Array(count * 2);
    this.#ends = new Int32Array(count * 2);
  }

  /** Lua prints numbers with 14 digits, commands want all of them. */
  #numberToString(state: number, index: number): void {
    const { api } = this.#lua;
    const value = api.lua_tonumber(state, index);
    if (Math.floor(value) === value) {
      if (Math.abs(value) < LARGEST_SHORT && value !== 0) return;
      if (Math.abs(value) < 2 ** 63) return this.#replaceNumber(state, index, value);
    }
    if (this.#lua.isNegativeNaN(state, index)) {
      this.#lua.pushText(state, "-nan");
      api.lua_replace(state, index);
      return;
    }
    const end = writeDouble(this.#number, 0, value);
    this.#lua.pushBytes(state, this.#number, 0, end);
    api.lua_replace(state, index);
  }

  /** Cold: a large integer, or zero of either sign. */
  #replaceNumber(state: number, index: number, value: number): void {
    this.#lua.pushText(state, BigInt(value).toString());
    this.#lua.api.lua_replace(state, index);
  }

  /** The error that keeps a script from calling a command, or "". */
  #refusal(command: Command<S>, count: number): string {
    if (!command.acceptsCount(count) || command.run === undefined) {
      return "ERR Wrong number of args calling Redis command from script";
    }
    const { flags } = command;
    const isDenied = (flags & NOSCRIPT) !== 0 && !this.#host.allowsDenied(command);
    if (isDenied) return "ERR This Redis command is not allowed from script";
    if (this.client.user.isRestricted) {
      const refusal = this.#host.accessRefusal(this.#c, command, this.#caller);
      if (refusal !== "") return refusal;
    }
    if ((flags & (WRITE | DENYOOM | MAY_REPLICATE)) === 0) return "";
    return this.#writeRefusal(flags);
  }

  #writeRefusal(flags: number): string {
    const isEffective = (flags & (WRITE | MAY_REPLICATE)) !== 0;
    if (isEffective && (this.flags & SCRIPT_NO_WRITES) !== 0) {
      return "ERR Write commands are not allowed from read-only scripts.";
    }
    if ((flags & WRITE) !== 0) {
      const refusal = this.#host.writeRefusal();
      if (refusal !== "") return refusal;
    }
    const isLimited = (flags & DENYOOM) !== 0 && (this.flags & SCRIPT_ALLOW_OOM) === 0;
    // A script that has begun to write goes on, so that it is not cut in the middle.
    if (!isLimited || this.hasWritten || this.#checkedMemory) return "";
    if (!this.#host.makeRoom()) {
      return "OOM command not allowed when used memory > 'maxmemory'.";
    }
    this.#checkedMemory = true;
    return "";
  }

  /** Calls the handler, which replies at `mark`, and collects its effects. */
  #execute(command: Command<S>, mark: number): void {
    const c = this.#c;
    const { effects, reply } = c;
    const { client } = this;
    c.client = client;
    c.command = command;
    if (c.db.index !== client.dbIndex) c.db = c.server.keyspace.databases[client.dbIndex];
    reply.protocol = this.protocol;
    const changesBefore = effects.changes;
    const errorsBefore = reply.errorCount;
    const { calls } = command;
    const sample = command.isQuick && !this.#host.isPrecise ? SAMPLED_CALLS : 1;
    const isTimed = calls % sample === 0;
    const startedUs = isTimed ? c.server.clock.monotonicUs() : 0;
    // alloc: `try` costs nothing where nothing is thrown
    try {
      command.run!(c);
    } catch (error) {
      this.#recover(error, mark);
    }
    command.calls++;
    this.#calls++;
    if (isTimed) {
      const microseconds = c.server.clock.monotonicUs() - startedUs;
      this.#host.timed(c, microseconds, calls === 0 ? 1 : sample);
    }
    if (this.#host.isMonitored) this.#host.monitor(c);
    if (reply.errorCount !== errorsBefore) this.#noteError(command, errorsBefore);
    const changed = effects.changes !== changesBefore;
    this.#host.ran(c, this.#caller, changed);
    if (changed || effects.hasPending) this.#propagate(changed);
  }

  /** Cold: the handler threw. */
  #recover(error: unknown, mark: number): void {
    if (!this.#host.isOutOfMemory(error)) throw error;
    const { reply, effects } = this.#c;
    reply.length = mark;
    effects.abandon();
    reply.error("OOM command not allowed when used memory > 'maxmemory'.");
  }

  #noteError(command: Command<S>, errorsBefore: number): void {
    command.failedCalls++;
    this.#host.countError();
    this.#c.reply.errorCount = errorsBefore;
  }

  #propagate(changed: boolean): void {
    const c = this.#c;
    const { effects } = c;
    this.hasWritten = true;
    if ((this.replication & REPL_AOF) === 0) return effects.abandon();
    const request = this.#request;
    request.clear();
    if (effects.active) {
      request.array(c.count);
      for (let k = 0; k < c.count; k++) request.bulk(c.bytes, c.start(k), c.end(k));
    }
    effects.finish(c.db.index, changed, request.buffer, 0, request.length);
  }
}
