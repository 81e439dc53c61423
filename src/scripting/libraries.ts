// The libraries of functions of one server. They belong to no database. All of them share one
// virtual machine, made when the first one arrives, so that a change either comes about as a whole
// or not at all: what is loaded is tried out first and takes the place of what it replaces then.
//
// Invariants: a function's name is that of one function of one library, whatever its case; every
// function of `#set` is in the registry of `#machine`.

import { equalBytes } from "../base/ascii.ts";
import { LOG_WARNING } from "../base/log.ts";
import { latin1Text } from "../base/text.ts";
import type { CommandContext, ServerContext } from "../command/context.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import type { ScriptHost } from "./command-runner.ts";
import type { CompiledScripts } from "./compiled/compiled-scripts.ts";
import type { Program } from "./compiled/syntax.ts";
import type { Executions } from "./executions.ts";
import {
  type FunctionLibrary,
  LibraryError,
  type LibraryFunction,
  readLibrary,
} from "./function-library.ts";
import type { FunctionMachine } from "./function-machine.ts";
import { refusalToRun } from "./scripting.ts";

/** How long a library that a client sends may take to be loaded. */
export const LOAD_TIMEOUT_MS = 500;
/** The same of one in a file, which has been loaded before, maybe on a faster machine. */
export const FILE_LOAD_TIMEOUT_MS = 10_000;

/** A machine without libraries whose heap has grown beyond this is given up. */
const MACHINE_BYTES_KEPT = 1 << 26;

/** Lua and its libraries: loaded when the first library arrives. */
const functionMachineModule = (): typeof import("./function-machine.ts") =>
  require("./function-machine.ts");

const compiledModule = (): typeof import("./compiled/compiled-scripts.ts") =>
  require("./compiled/compiled-scripts.ts");
const parserModule = (): typeof import("./compiled/parser.ts") => require("./compiled/parser.ts");

/** Libraries by name, and their functions by key. */
class LibrarySet {
  readonly libraries = new Map<string, FunctionLibrary>();
  readonly functions = new Map<string, LibraryFunction>();
  /** About what they take, the virtual machine aside. */
  bytes = 0;

  add(library: FunctionLibrary): void {
    this.libraries.set(library.name, library);
    this.bytes += library.bytes;
    for (const [key, made] of library.functions) this.functions.set(key, made);
  }

  remove(library: FunctionLibrary): void {
    this.libraries.delete(library.name);
    this.bytes -= library.bytes;
    for (const key of library.functions.keys()) this.functions.delete(key);
  }

  /** Throws where a function of a library is there already. */
  checkNames(library: FunctionLibrary): void {
    for (const [key, made] of library.functions) {
      if (!this.functions.has(key)) continue;
      throw new LibraryError(`Function ${made.label} already exists`);
    }
  }
}

/** What is to become of libraries that are there, where others are restored. */
export type RestorePolicy = "flush" | "append" | "replace";

/** The libraries of one server. */
export class Libraries<S extends ServerContext> {
  readonly #server: S;
  readonly #reply: ReplyWriter;
  readonly #host: ScriptHost<S>;
  readonly #executions: Executions<S>;
  readonly #set = new LibrarySet();
  #machine: FunctionMachine<S> | undefined;
  #compiled: CompiledScripts<S, LibraryFunction> | undefined;
  /** Functions by the hash of their names as they were registered. */
  readonly #byHash = new Map<number, LibraryFunction>();

  constructor(server: S, reply: ReplyWriter, host: ScriptHost<S>, executions: Executions<S>) {
    this.#server = server;
    this.#reply = reply;
    this.#host = host;
    this.#executions = executions;
  }

  get all(): Iterable<FunctionLibrary> {
    return this.#set.libraries.values();
  }

  get libraryCount(): number {
    return this.#set.libraries.size;
  }

  get functionCount(): number {
    return this.#set.functions.size;
  }

  /** The sources of all libraries. */
  get sources(): Uint8Array[] {
    return Array.from(this.all, ({ code }) => code);
  }

  /** Bytes of Lua's objects, 0 while there is no virtual machine. */
  get machineBytes(): number {
    return this.#machine?.machine.bytes ?? 0;
  }

  /** Once in a while, between functions: gives memory back. */
  tick(): void {
    if (this.#machine?.isDamaged === false) this.#machine.machine.collect();
  }

  /** About what the libraries take, the virtual machine aside. */
  get bytes(): number {
    return this.#set.bytes;
  }

  /** Finds a function by its name in bytes[start, end), whatever its case. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): LibraryFunction | undefined {
    // What it holds could not be called.
    if (this.#machine?.isDamaged === true) this.#ready();
    const known = this.#byHash.get(hash);
    if (known !== undefined) {
      const { nameBytes } = known;
      const isSame = nameBytes.length === end - start;
      if (isSame && equalBytes(nameBytes, 0, bytes, start, nameBytes.length)) return known;
    }
    return this.#set.functions.get(latin1Text(bytes, start, end).toLowerCase());
  }

  /** Why a function may not run as it is asked to, or "". */
  refusalToRun(called: LibraryFunction, isReadOnly: boolean): string {
    return refusalToRun(this.#host, called.flags, isReadOnly);
  }

  /** Calls a function just found; arguments [first, first + keyCount) are its keys. */
  call(
    c: CommandContext<S>,
    called: LibraryFunction,
    first: number,
    keyCount: number,
    flags: number,
  ): void {
    const { machine } = this.#machine!;
    if (this.#compiled!.run(c, called, first, keyCount, flags)) return;
    machine.lua.push(machine.thread, called.ref);
    try {
      machine.pushArguments(c, first, first + keyCount);
      machine.pushArguments(c, first + keyCount, c.count);
    } catch (error) {
      // There is no memory even for them.
      if (machine.runner.isTakenOver) machine.runner.close(c);
      throw error;
    }
    this.#executions.call(c, machine, called, 2, flags);
  }

  /** Makes a library of its source; returns its name. Throws a LibraryError. */
  load(code: Uint8Array, replaces: boolean, timeoutMs: number): string {
    const library = this.#make(this.#set, code, replaces, timeoutMs);
    const old = this.#set.libraries.get(library.name);
    if (old !== undefined) this.#drop(old);
    this.#add(library);
    return library.name;
  }

  /** The same for one that a file holds; returns the error, or "". */
  loadFromFile(code: Uint8Array, replaces: boolean): string {
    try {
      this.load(code, replaces, FILE_LOAD_TIMEOUT_MS);
      return "";
    } catch (error) {
      if (!(error instanceof LibraryError)) throw error;
      return error.message;
    }
  }

  /** Forgets a library; false where there is none of that name. */
  delete(name: string): boolean {
    const library = this.#set.libraries.get(name);
    if (library === undefined) return false;
    this.#drop(library);
    return true;
  }

  /** Forgets every library. */
  clear(): void {
    for (const library of [...this.all]) this.#drop(library);
    if (this.machineBytes > MACHINE_BYTES_KEPT) this.#machine = undefined;
  }

  /** Makes libraries of several sources, all of them or, throwing a LibraryError, none. */
  restore(sources: Iterable<Uint8Array>, policy: RestorePolicy): void {
    const made = new LibrarySet();
    try {
      for (const code of sources) made.add(this.#make(made, code, false, LOAD_TIMEOUT_MS));
      if (policy !== "flush") this.#checkJoin(made, policy === "replace");
    } catch (error) {
      for (const library of made.libraries.values()) this.#machine?.release(library);
      throw error;
    }
    for (const old of [...this.all]) {
      if (policy === "flush" || made.libraries.has(old.name)) this.#drop(old);
    }
    for (const library of made.libraries.values()) this.#add(library);
  }

  /** Throws where libraries cannot be added to those that are there. */
  #checkJoin(made: LibrarySet, replaces: boolean): void {
    const rest = new LibrarySet();
    for (const library of this.all) {
      if (!made.libraries.has(library.name)) rest.add(library);
      else if (!replaces) throw new LibraryError(`Library ${library.name} already exists`);
    }
    for (const library of made.libraries.values()) rest.checkNames(library);
  }

  /** A library of a source, which could be added to a set. Throws a LibraryError. */
  #make(set: LibrarySet, code: Uint8Array, replaces: boolean, timeoutMs: number): FunctionLibrary {
    const library = readLibrary(code);
    const old = set.libraries.get(library.name);
    if (old !== undefined && !replaces) {
      throw new LibraryError(`Library '${library.name}' already exists`);
    }
    const machine = this.#ready();
    machine.load(library, timeoutMs);
    if (old !== undefined) set.remove(old);
    try {
      set.checkNames(library);
    } catch (error) {
      machine.release(library);
      throw error;
    } finally {
      if (old !== undefined) set.add(old);
    }
    return library;
  }

  #add(library: FunctionLibrary): void {
    this.#set.add(library);
    for (const made of library.functions.values()) this.#byHash.set(this.#hash(made), made);
  }

  #drop(library: FunctionLibrary): void {
    this.#remove(library);
    this.#machine?.release(library);
  }

  #remove(library: FunctionLibrary): void {
    this.#set.remove(library);
    for (const made of library.functions.values()) this.#byHash.delete(this.#hash(made));
  }

  #hash({ nameBytes }: LibraryFunction): number {
    return this.#server.keyspace.hash(nameBytes, 0, nameBytes.length);
  }

  /** The machine, which is made or replaced if need be. */
  #ready(): FunctionMachine<S> {
    if (this.#machine !== undefined && !this.#machine.isDamaged) return this.#machine;
    const { clock, logger } = this.#server;
    const { FunctionMachine } = functionMachineModule();
    const machine = new FunctionMachine<S>({
      clock,
      logger,
      reply: this.#reply,
      host: this.#host,
      supervisor: this.#executions,
    });
    this.#machine = machine;
    const { CompiledScripts } = compiledModule();
    const parse = (called: LibraryFunction) => this.#parse(called);
    this.#compiled = new CompiledScripts(machine.machine.runner, this.#host, parse);
    for (const library of [...this.all]) this.#loadAgain(machine, library);
    return machine;
  }

  /** Cold: what a function does; throws Unsupported where it cannot be compiled. */
  #parse(called: LibraryFunction): Program {
    const holds = ({ functions }: FunctionLibrary) => functions.get(called.key) === called;
    const { parseFunction } = parserModule();
    return parseFunction([...this.all].find(holds)!.source, called.label);
  }

  /** Cold: loads a library for a machine that takes the place of a damaged one. */
  #loadAgain(machine: FunctionMachine<S>, library: FunctionLibrary): void {
    this.#remove(library);
    library.functions.clear();
    try {
      machine.load(library, FILE_LOAD_TIMEOUT_MS);
      this.#add(library);
    } catch (error) {
      if (!(error instanceof LibraryError)) throw error;
      this.#server.logger.log(LOG_WARNING, `Lost the library ${library.name}: ${error.message}`);
    }
  }
}
