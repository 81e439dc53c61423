// The Lua 5.1 virtual machine: the C library of the package wasmoon-lua5.1, a WebAssembly module,
// used through its C API and without the package's own bindings. What the C library asks of an
// operating system is answered with "there is none": no files, no environment, no processes.
//
// A longjmp of C's is an exception of WebAssembly here, thrown by `_emscripten_throw_longjmp` and
// caught where the matching setjmp called (`invoke_vii`); see lua-seams.ts.

import { readFileSync } from "node:fs";
// @ts-expect-error: nothing declares what a file imported as a file is: its path, a string
import path from "wasmoon-lua5.1/dist/liblua5.1.wasm" with { type: "file" };
import { seamModules } from "./lua-seams.ts";

const modulePath: string = path;

type Native = (...args: number[]) => number;

/** The functions of Lua's C API by name; pointers and indexes are numbers. */
export interface LuaApi {
  readonly [name: string]: Native;
}

/** Lua may have so many bytes; a script that wants more gets "not enough memory". */
export const LUA_BYTES_MAX = 1 << 30;
/** The heap never grows beyond this: what fragmentation and we ourselves need comes on top. */
const HEAP_BYTES_MAX = LUA_BYTES_MAX + (1 << 29);
const PAGE_BYTES = 1 << 16;
/** Lua's bytes are looked at first when there are so many, then whenever they have doubled. */
const WATERMARK_BYTES = 1 << 22;

/** Offsets in lua_State, global_State and objects of the collector; the type of a thread. */
const STATE_TOP = 8;
const STATE_BASE = 12;
const STATE_GLOBAL = 16;
const STATE_HOOK_MASK = 56;
const STATE_ALLOW_HOOK = 57;
const STATE_HOOK_COUNT = 60;
const STATE_HOOK_LEFT = 64;
const GLOBAL_OBJECTS = 28;
const OBJECT_TYPE = 4;
const TYPE_THREAD = 8;
const MASK_COUNT = 8;
/** Bytes of a value, and where its type is; of a string in front of its bytes, its length. */
const VALUE_SHIFT = 4;
const VALUE_TYPE = 8;
const TYPE_STRING = 4;
const STRING_HEAD = 16;
const STRING_LENGTH = 4;

/** What the virtual machine asks of whoever runs scripts in it. */
export interface Supervisor {
  /** Called every so many instructions: whether to suspend. May raise an error. */
  onHook(state: number): boolean;
  /** Suspends; what runs goes on once the promise is resolved ... */
  pause(): Promise<void>;
  /** ... beginning with this call, which may raise an error. */
  resumed(state: number): void;
  /** What `run` was asked to call has ended; see `status`. */
  ended(status: number): void;
}

/** Compiled once per process; every server has an instance of its own. */
let compiled: WebAssembly.Module | undefined;

interface Suspendable {
  Suspending: new (run: () => Promise<void>) => never;
  promising(run: unknown): (state: number, count: number, handler: number) => Promise<void>;
}
const { Suspending, promising } = WebAssembly as unknown as Suspendable;

/** Instructions between two calls of the hook, so that even the slowest take a second or so. */
function hookCountFor(bytes: number): number {
  return Math.max(10, Math.min(10_000, Math.floor(1e9 / bytes)));
}

type SetStrings = (state: number, at: number, count: number, table: number, name: number) => void;

/** One instance of the virtual machine with its own heap. */
export class LuaModule {
  readonly api: LuaApi;
  /** The heap. Another array after it has grown: never kept across a call into Lua. */
  bytes!: Uint8Array;
  words!: Uint32Array;
  halves!: Uint16Array;
  doubles!: Float64Array;
  /** Its stack ran over or its memory out: what was running then may be left half done. */
  isDamaged = false;
  hasNoMemory = false;
  /** Calls the function below so many arguments, for one result, with an error handler. */
  readonly run: (state: number, count: number, handler: number) => Promise<void>;
  /** The index of the C function that looks up a field, whatever it takes. */
  indexSeam = 0;
  /** Pushes an array of strings: see lua-seams.ts. */
  readonly pushStrings: (state: number, at: number, count: number) => void;
  /** Sets a field of a table to one: see there. */
  readonly setStrings: SetStrings;
  /** Bytes that Lua's objects take. */
  readonly usedBytes: () => number;
  readonly #seams: LuaApi;
  readonly #memory: WebAssembly.Memory;
  readonly #table: WebAssembly.Table;
  readonly #pause: never;
  readonly #resumed: (state: number) => void;
  #bytesMax: number;
  #main = 0;
  #hook = 0;

  constructor(supervisor: Supervisor, plainError: (state: number) => void, bytesMax: number) {
    compiled ??= new WebAssembly.Module(readFileSync(modulePath));
    const modules = seamModules();
    const socket = new WebAssembly.Instance(modules.socket).exports;
    const instance = new WebAssembly.Instance(compiled, this.#imports(compiled, socket));
    this.api = instance.exports as unknown as LuaApi;
    this.#memory = instance.exports.memory as WebAssembly.Memory;
    this.#table = instance.exports.__indirect_function_table as WebAssembly.Table;
    this.#bytesMax = bytesMax;
    this.#pause = new Suspending(() => supervisor.pause());
    this.#resumed = (state) => supervisor.resumed(state);
    const seams = new WebAssembly.Instance(modules.seams, {
      env: {
        ...(instance.exports as Record<string, never>),
        table: this.#table as never,
        tag: socket.tag as never,
        onHook: ((state: number) => (supervisor.onHook(state) ? 1 : 0)) as never,
        pause: this.#pause,
        resumed: this.#resumed as never,
        ended: ((status: number) => supervisor.ended(status)) as never,
        grew: ((used: number) => this.#grew(used >>> 0)) as never,
        plainError: plainError as never,
      },
    }).exports;
    this.#seams = seams as unknown as LuaApi;
    (socket.table as WebAssembly.Table).set(0, seams.catchJumps);
    this.run = promising(seams.run);
    this.pushStrings = this.#seams.pushStrings;
    this.setStrings = this.#seams.setStrings;
    this.usedBytes = this.#seams.usedBytes;
    this.#seams.setWatermark(Math.min(WATERMARK_BYTES, bytesMax));
    this.#view();
    this.api.__wasm_call_ctors();
  }

  /** Makes a state whose hook is called every so many instructions. */
  newState(): number {
    this.#main = this.api.lua_newstate(this.#addEntry(this.#seams.allocate), 0);
    this.#hook = this.#addEntry(this.#seams.hook);
    this.indexSeam = this.addSeam("index");
    this.hookInstructions();
    return this.#main;
  }

  /** The hook is called every so many instructions of threads made from now on. */
  hookInstructions(): void {
    const count = hookCountFor(this.usedBytes() + 1);
    this.api.lua_sethook(this.#main, this.#hook, MASK_COUNT, count);
  }

  /**
   * The hook is called at every line of a thread, even while it is being called: the error that it
   * raises may run a handler first.
   */
  hookLines(state: number): void {
    this.bytes[state + STATE_ALLOW_HOOK] = 1;
    this.api.lua_sethook(state, this.#hook, 4, 0);
  }

  // What is asked for with every command is read where it lies: a call takes longer.

  /** As lua_gettop. */
  argumentCount(state: number): number {
    const { words } = this;
    return (words[(state + STATE_TOP) >>> 2] - words[(state + STATE_BASE) >>> 2]) >>> VALUE_SHIFT;
  }

  /** The address of the string at an index, counted from 1; 0 where there is none. */
  stringAt(state: number, index: number): number {
    const { words } = this;
    const value = words[(state + STATE_BASE) >>> 2] + ((index - 1) << VALUE_SHIFT);
    if (words[(value + VALUE_TYPE) >>> 2] !== TYPE_STRING) return 0;
    return words[value >>> 2] + STRING_HEAD;
  }

  /** The length of the string at an address. */
  lengthOf(at: number): number {
    return this.words[(at - STRING_LENGTH) >>> 2];
  }

  /** Instructions of a thread count as more than they are: its hook is called sooner. */
  charge(state: number, instructions: number): void {
    const { words } = this;
    const at = (state + STATE_HOOK_LEFT) >>> 2;
    words[at] = Math.max(1, (words[at] | 0) - instructions);
  }

  /** Adapts how often a thread's hook is called to how much memory Lua has. */
  adaptHook(state: number): void {
    const at = (state + STATE_HOOK_COUNT) >>> 2;
    const count = hookCountFor(this.usedBytes() + 1);
    const { words } = this;
    if (words[at] === count || this.bytes[state + STATE_HOOK_MASK] !== MASK_COUNT) return;
    words[at] = count;
    words[(state + STATE_HOOK_LEFT) >>> 2] = count;
  }

  /** Makes a C function of a function that takes the Lua state; returns its index. */
  addFunction(run: (state: number) => number): number {
    const { f } = new WebAssembly.Instance(seamModules().plain, { env: { run: run as never } })
      .exports;
    return this.#addEntry(f);
  }

  /** The same of one that may return PAUSE or CALL, and then is called again, with 1. */
  addResumable(run: (state: number, isAgain: number) => number): number {
    const env = {
      run: run as never,
      pause: this.#pause,
      resumed: this.#resumed as never,
      lua_call: this.api.lua_call as never,
    };
    return this.#addEntry(new WebAssembly.Instance(seamModules().resumable, { env }).exports.f);
  }

  /** The same of the C function at an index, before which `check` sees tables with a metatable. */
  addGuarded(index: number, check: (state: number) => void): number {
    const { lua_getmetatable, lua_settop } = this.api;
    const env = { lua_getmetatable, lua_settop, check, run: this.#table.get(index) };
    const instance = new WebAssembly.Instance(seamModules().guarded, { env: env as never });
    return this.#addEntry(instance.exports.f);
  }

  /**
   * The same of the C function at an index, before which `prepare` may replace arguments, where
   * there are as many as it says.
   */
  addPrepared(index: number, prepare: (state: number) => void, argumentsMin: 0 | 2 = 0): number {
    const env = { memory: this.#memory, prepare, run: this.#table.get(index) };
    const { prepared, preparedTwo } = seamModules();
    const seam = argumentsMin === 0 ? prepared : preparedTwo;
    const instance = new WebAssembly.Instance(seam, { env: env as never });
    return this.#addEntry(instance.exports.f);
  }

  /**
   * The same of the C function at an index whose arguments from `first` on are integers, before
   * which `fit` sees those that are strings or not within 32 bits.
   */
  addRanged(index: number, first: number, fit: (state: number, argument: number) => void): number {
    const env = { memory: this.#memory, fit, run: this.#table.get(index) };
    const seam = seamModules().ranged;
    const { f } = new WebAssembly.Instance(seam[first - 1], { env: env as never }).exports;
    return this.#addEntry(f);
  }

  /** Whether the sign of the number at an index, counted from 1, is set: NaN has one, too. */
  hasSign(state: number, index: number): boolean {
    const value = this.words[(state + STATE_BASE) >>> 2] + ((index - 1) << VALUE_SHIFT);
    return this.bytes[value + 7] >= 128;
  }

  /** Sets or clears the sign of the number on top. */
  setSign(state: number, hasSign: boolean): void {
    const at = this.words[(state + STATE_TOP) >>> 2] - (1 << VALUE_SHIFT) + 7;
    this.bytes[at] = (this.bytes[at] & 127) | (hasSign ? 128 : 0);
  }

  /** The index of a C function of the seams: pcall, less, index. */
  addSeam(name: string): number {
    return this.#addEntry(this.#seams[name]);
  }

  /** The index of one of the C library's own functions. */
  indexOf(name: string): number {
    const wanted = this.api[name] as unknown;
    for (let index = 0; index < this.#table.length; index++) {
      if (this.#table.get(index) === wanted) return index;
    }
    throw new Error(`${name} is not in the function table`);
  }

  #addEntry(run: unknown): number {
    const index = this.#table.grow(1);
    this.#table.set(index, run);
    return index;
  }

  #view(): void {
    const { buffer } = this.#memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  #imports(
    module: WebAssembly.Module,
    socket: WebAssembly.Instance["exports"],
  ): Record<string, Record<string, never>> {
    const imports: Record<string, Record<string, unknown>> = {
      env: {
        invoke_vii: socket.catchJumps,
        _emscripten_throw_longjmp: socket.jump,
        emscripten_memcpy_js: (to: number, from: number, count: number) => {
          this.bytes.copyWithin(to, from, from + count);
        },
        emscripten_resize_heap: (wanted: number) => this.#grow(wanted >>> 0),
        // An error that nothing protects: memory ran out while arguments were handed over.
        exit: () => {
          this.isDamaged = true;
          this.hasNoMemory = true;
          throw new RangeError("Out of memory");
        },
      },
      wasi_snapshot_preview1: {},
    };
    for (const wanted of WebAssembly.Module.imports(module)) {
      imports[wanted.module][wanted.name] ??= () => 0;
    }
    return imports as Record<string, Record<string, never>>;
  }

  /** Lua's bytes have passed the watermark: 0 where it must not have more. */
  #grew(used: number): number {
    if (used > this.#bytesMax) return 0;
    this.#seams.setWatermark(Math.min(this.#bytesMax, used * 2));
    // All threads that there are may soon take long over each instruction.
    const { bytes, words } = this;
    const count = hookCountFor(used);
    let at = words[(words[(this.#main + STATE_GLOBAL) >>> 2] + GLOBAL_OBJECTS) >>> 2];
    for (; at !== 0; at = words[at >>> 2]) {
      if (bytes[at + OBJECT_TYPE] !== TYPE_THREAD) continue;
      if (bytes[at + STATE_HOOK_MASK] !== MASK_COUNT) continue;
      words[(at + STATE_HOOK_COUNT) >>> 2] = count;
      const left = (at + STATE_HOOK_LEFT) >>> 2;
      words[left] = Math.min(words[left], count);
    }
    return 1;
  }

  #grow(wanted: number): number {
    const { byteLength } = this.#memory.buffer;
    if (wanted > HEAP_BYTES_MAX) return 0;
    const generous = Math.min(HEAP_BYTES_MAX, Math.max(wanted, Math.floor(byteLength * 1.2)));
    try {
      this.#memory.grow(Math.ceil((generous - byteLength) / PAGE_BYTES));
    } catch {
      return 0;
    }
    this.#view();
    return 1;
  }
}
