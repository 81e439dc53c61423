// Writes small WebAssembly modules whose functions take and return 32-bit integers: what connects
// Lua's module with TypeScript where a JavaScript function in between would not do.

const I32 = 0x7f;
const FUNCTION_REFERENCE = 0x70;
const EMPTY = 0x40;

const SECTION_TYPES = 1;
const SECTION_IMPORTS = 2;
const SECTION_FUNCTIONS = 3;
const SECTION_TABLES = 4;
const SECTION_GLOBALS = 6;
const SECTION_EXPORTS = 7;
const SECTION_CODE = 10;
const SECTION_TAGS = 13;

const KIND_FUNCTION = 0;
const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const KIND_TAG = 4;

type Bytes = readonly number[];

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const rest = value >> 7;
  const isLast = (rest === 0 && (value & 64) === 0) || (rest === -1 && (value & 64) !== 0);
  return isLast ? [value & 127] : [(value & 127) | 128, ...signed(rest)];
}

function vector(items: readonly Bytes[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): number[] {
  return [...unsigned(text.length), ...Array.from(text, (letter) => letter.charCodeAt(0))];
}

function section(id: number, items: readonly Bytes[]): number[] {
  if (items.length === 0) return [];
  const body = vector(items);
  return [id, ...unsigned(body.length), ...body];
}

/** Instructions, each as its bytes. */
export const op = {
  get: (local: number): Bytes => [0x20, ...unsigned(local)],
  set: (local: number): Bytes => [0x21, ...unsigned(local)],
  tee: (local: number): Bytes => [0x22, ...unsigned(local)],
  globalGet: (index: number): Bytes => [0x23, ...unsigned(index)],
  globalSet: (index: number): Bytes => [0x24, ...unsigned(index)],
  number: (value: number): Bytes => [0x41, ...signed(value)],
  isZero: [0x45] as Bytes,
  equal: [0x46] as Bytes,
  lessThan: [0x48] as Bytes,
  greaterUnsigned: [0x4b] as Bytes,
  load: [0x28, 2, 0] as Bytes,
  /** Of the double at an address: whether its absolute value is below 2^31. */
  isWithin32Bits: [0x2b, 3, 0, 0x99, 0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x41, 0x63] as Bytes,
  shiftLeft: [0x74] as Bytes,
  add: [0x6a] as Bytes,
  subtract: [0x6b] as Bytes,
  drop: [0x1a] as Bytes,
  end: [0x0b] as Bytes,
  if: [0x04, EMPTY] as Bytes,
  else: [0x05] as Bytes,
  loop: [0x03, EMPTY] as Bytes,
  branch: (depth: number): Bytes => [0x0c, ...unsigned(depth)],
  return: [0x0f] as Bytes,
  unreachable: [0x00] as Bytes,
  try: [0x06, EMPTY] as Bytes,
  catch: (tag: number): Bytes => [0x07, ...unsigned(tag)],
  throw: (tag: number): Bytes => [0x08, ...unsigned(tag)],
};

/** A module in the making: imports first, then what it defines. */
export class WasmAssembler {
  readonly #types: number[][] = [];
  readonly #imports: number[][] = [];
  readonly #functions: number[][] = [];
  readonly #tables: number[][] = [];
  readonly #tags: number[][] = [];
  readonly #globals: number[][] = [];
  readonly #exports: number[][] = [];
  readonly #code: number[][] = [];
  #functionCount = 0;
  readonly #indexes = new Map<string, number>();

  #type(parameters: number, results: number): number {
    const type = [
      0x60,
      ...vector(Array(parameters).fill([I32])),
      ...vector(Array(results).fill([I32])),
    ];
    const known = this.#types.findIndex((other) => other.join() === type.join());
    return known >= 0 ? known : this.#types.push(type) - 1;
  }

  #import(text: string, description: Bytes): void {
    this.#imports.push([...name("env"), ...name(text), ...description]);
  }

  importFunction(text: string, parameters: number, results: number): this {
    this.#import(text, [KIND_FUNCTION, ...unsigned(this.#type(parameters, results))]);
    this.#indexes.set(text, this.#functionCount++);
    return this;
  }

  /** The only table there is. */
  importTable(text: string): this {
    this.#import(text, [KIND_TABLE, FUNCTION_REFERENCE, 0, 0]);
    return this;
  }

  importMemory(text: string): this {
    this.#import(text, [KIND_MEMORY, 0, 1]);
    return this;
  }

  /** The only tag there is: of exceptions without a value. */
  importTag(text: string): this {
    this.#import(text, [KIND_TAG, 0, ...unsigned(this.#type(0, 0))]);
    return this;
  }

  exportTable(text: string, length: number): this {
    this.#tables.push([FUNCTION_REFERENCE, 0, length]);
    this.#exports.push([...name(text), KIND_TABLE, 0]);
    return this;
  }

  exportTag(text: string): this {
    this.#tags.push([0, ...unsigned(this.#type(0, 0))]);
    this.#exports.push([...name(text), KIND_TAG, 0]);
    return this;
  }

  /** A variable that starts as `value`; returns its index. */
  global(value: number): number {
    return this.#globals.push([I32, 1, ...op.number(value), ...op.end]) - 1;
  }

  /** The instruction that calls a function imported or defined before. */
  call(text: string): Bytes {
    const index = this.#indexes.get(text);
    if (index === undefined) throw new Error(`${text} is not known yet`);
    return [0x10, ...unsigned(index)];
  }

  /** The instruction that calls entry (on top of the stack) of the table. */
  callEntry(parameters: number, results: number): Bytes {
    return [0x11, ...unsigned(this.#type(parameters, results)), 0];
  }

  /** Defines and exports a function; its parameters are the first of its locals. */
  function(
    text: string,
    [parameters, locals, results]: readonly [number, number, number],
    ...code: readonly Bytes[]
  ): this {
    const declared = locals === 0 ? [0] : [1, locals, I32];
    const body = [...declared, ...code.flat(), ...op.end];
    this.#functions.push(unsigned(this.#type(parameters, results)));
    this.#code.push([...unsigned(body.length), ...body]);
    this.#exports.push([...name(text), KIND_FUNCTION, ...unsigned(this.#functionCount)]);
    this.#indexes.set(text, this.#functionCount++);
    return this;
  }

  module(): WebAssembly.Module {
    return new WebAssembly.Module(
      new Uint8Array([
        ...[0, 97, 115, 109, 1, 0, 0, 0],
        ...section(SECTION_TYPES, this.#types),
        ...section(SECTION_IMPORTS, this.#imports),
        ...section(SECTION_FUNCTIONS, this.#functions),
        ...section(SECTION_TABLES, this.#tables),
        ...section(SECTION_TAGS, this.#tags),
        ...section(SECTION_GLOBALS, this.#globals),
        ...section(SECTION_EXPORTS, this.#exports),
        ...section(SECTION_CODE, this.#code),
      ]),
    );
  }
}
