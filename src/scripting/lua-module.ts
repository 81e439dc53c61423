// The Lua 5.1 virtual machine: the C library of the package wasmoon-lua5.1, a WebAssembly module,
// used through its C API and without the package's own bindings. What the C library asks of an
// operating system is answered with "there is none": no files, no environment, no processes.
//
// A longjmp of C's is an exception here, thrown by `_emscripten_throw_longjmp` and caught where the
// matching setjmp called (`invoke_vii`).

import { readFileSync } from "node:fs";
// @ts-expect-error: nothing declares what a file imported as a file is: its path, a string
import path from "wasmoon-lua5.1/dist/liblua5.1.wasm" with { type: "file" };

const modulePath: string = path;

type Native = (...args: number[]) => number;

/** The functions of Lua's C API by name; pointers and indexes are numbers. */
export interface LuaApi {
  readonly [name: string]: Native;
}

/** What longjmp throws. */
const LONG_JUMP = new Error("longjmp");

/** Lua's heap never grows beyond this; a script that wants more gets "not enough memory". */
const HEAP_BYTES_MAX = 1 << 30;
const PAGE_BYTES = 1 << 16;

/** (module (type (func (param i32) (result i32))) (import "e" "f") (export "f")) */
const FUNCTION_ADAPTER = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127],
  ...[2, 7, 1, 1, 101, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0],
]);
/** The same of type (param i32 i32). */
const HOOK_ADAPTER = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 2, 127, 127, 0],
  ...[2, 7, 1, 1, 101, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0],
]);

/** Compiled once per process; every server has an instance of its own. */
let compiled: WebAssembly.Module | undefined;
let functionAdapter: WebAssembly.Module | undefined;

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/i.test(error.message);
}

/** One instance of the virtual machine with its own heap. */
export class LuaModule {
  readonly api: LuaApi;
  /** The heap. Another array after it has grown: never kept across a call into Lua. */
  bytes!: Uint8Array;
  words!: Uint32Array;
  halves!: Uint16Array;
  doubles!: Float64Array;
  /** The stack of the machine ran over: what was running then may be left half done. */
  isDamaged = false;
  readonly #memory: WebAssembly.Memory;
  readonly #table: WebAssembly.Table;

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(modulePath));
    const instance = new WebAssembly.Instance(compiled, this.#imports(compiled));
    this.api = instance.exports as unknown as LuaApi;
    this.#memory = instance.exports.memory as WebAssembly.Memory;
    this.#table = instance.exports.__indirect_function_table as WebAssembly.Table;
    this.#view();
    this.api.__wasm_call_ctors();
  }

  /** Makes a C function of a function that takes the Lua state; returns its index. */
  addFunction(run: (state: number) => number): number {
    functionAdapter ??= new WebAssembly.Module(FUNCTION_ADAPTER);
    return this.#adopt(functionAdapter, run);
  }

  /** Makes a hook of a function that takes the Lua state and the activation record. */
  addHook(run: (state: number, record: number) => void): number {
    return this.#adopt(new WebAssembly.Module(HOOK_ADAPTER), run);
  }

  /** The index of one of the C library's own functions. */
  indexOf(name: string): number {
    const wanted = this.api[name] as unknown;
    for (let index = 0; index < this.#table.length; index++) {
      if (this.#table.get(index) === wanted) return index;
    }
    throw new Error(`${name} is not in the function table`);
  }

  #adopt(adapter: WebAssembly.Module, run: unknown): number {
    const { f } = new WebAssembly.Instance(adapter, {
      e: { f: run as never },
    }).exports;
    const index = this.#table.grow(1);
    this.#table.set(index, f);
    return index;
  }

  #view(): void {
    const { buffer } = this.#memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  #imports(module: WebAssembly.Module): Record<string, Record<string, never>> {
    const imports: Record<string, Record<string, unknown>> = {
      env: {
        invoke_vii: (index: number, state: number, data: number) =>
          this.#invoke(index, state, data),
        _emscripten_throw_longjmp: () => {
          throw LONG_JUMP;
        },
        emscripten_memcpy_js: (to: number, from: number, count: number) => {
          this.bytes.copyWithin(to, from, from + count);
        },
        emscripten_resize_heap: (wanted: number) => this.#grow(wanted >>> 0),
        exit: () => {
          throw new Error("Lua ended itself");
        },
      },
      wasi_snapshot_preview1: {},
    };
    for (const wanted of WebAssembly.Module.imports(module)) {
      imports[wanted.module][wanted.name] ??= () => 0;
    }
    return imports as Record<string, Record<string, never>>;
  }

  /** Calls what a setjmp protects; a stack that ran over becomes an error of Lua's. */
  #invoke(index: number, state: number, data: number): void {
    const { api } = this;
    const stack = api.stackSave();
    try {
      this.#table.get(index)(state, data);
    } catch (error) {
      api.stackRestore(stack);
      if (error !== LONG_JUMP) {
        if (!isStackOverflow(error)) throw error;
        this.#raiseOverflow(state);
      }
      api.setThrew(1, 0);
    }
  }

  #raiseOverflow(state: number): void {
    this.isDamaged = true;
    try {
      this.api.lua_pushinteger(state, 0);
      this.api.lua_error(state);
    } catch (error) {
      if (error !== LONG_JUMP) throw error;
    }
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
