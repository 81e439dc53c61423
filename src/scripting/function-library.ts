// A library of functions: its source, whose first line names it, and the functions that running
// the source registered.
//
//   #!lua name=mylib
//   redis.register_function('f', function(keys, args) ... end)

import { LF } from "../base/ascii.ts";
import { latin1Bytes, latin1Text } from "../base/text.ts";
import { splitInline, UNBALANCED } from "../resp/inline.ts";
import { Compilable } from "./compiled/compilable.ts";
import type { Runnable } from "./executions.ts";

const NAME = /^[A-Za-z0-9_]+$/;
/** What a library and a function take beside their texts: as estimated. */
const LIBRARY_BYTES = 200;
const FUNCTION_BYTES = 150;

/** Why a library cannot be what it is asked to be, without an error code. */
export class LibraryError extends Error {
  override name = "LibraryError";
}

/** One function. */
export class LibraryFunction extends Compilable implements Runnable {
  readonly isFunction = true;
  readonly label: string;
  readonly nameBytes: Uint8Array;
  readonly description: Uint8Array | undefined;
  readonly flags: number;
  /** In the registry of the machine. */
  ref: number;

  constructor(name: string, description: Uint8Array | undefined, flags: number, ref: number) {
    super();
    this.label = name;
    this.nameBytes = latin1Bytes(name);
    this.description = description;
    this.flags = flags;
    this.ref = ref;
  }

  /** What tells functions apart: names differ by more than their case. */
  get key(): string {
    return this.label.toLowerCase();
  }
}

/** One library. */
export class FunctionLibrary {
  readonly name: string;
  readonly code: Uint8Array;
  /** By `key`. */
  readonly functions = new Map<string, LibraryFunction>();

  constructor(name: string, code: Uint8Array) {
    this.name = name;
    this.code = code;
  }

  /** The source without its first line, whose end is kept for the sake of line numbers. */
  get source(): Uint8Array {
    return this.code.subarray(this.code.indexOf(LF));
  }

  /** About what it takes, the virtual machine aside. */
  get bytes(): number {
    let bytes = LIBRARY_BYTES + this.name.length + this.code.length;
    for (const { label, description } of this.functions.values()) {
      bytes += FUNCTION_BYTES + label.length + (description?.length ?? 0);
    }
    return bytes;
  }
}

/** Whether a text may be the name of a library or function. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** What the first line of a library's source says: a library without functions. */
export function readLibrary(code: Uint8Array): FunctionLibrary {
  if (code[0] !== 35 || code[1] !== 33) throw new LibraryError("Missing library metadata");
  const words = wordsOfLine(code);
  if (words === undefined || words.length === 0) {
    throw new LibraryError("Invalid library metadata");
  }
  let name: string | undefined;
  for (const word of words.slice(1)) {
    if (!word.toLowerCase().startsWith("name=")) {
      throw new LibraryError(`Invalid metadata value given: ${word}`);
    }
    if (name !== undefined) {
      throw new LibraryError("Invalid metadata value, name argument was given multiple times");
    }
    name = word.slice("name=".length);
  }
  if (name === undefined) throw new LibraryError("Library name was not given");
  if (!isName(name)) {
    throw new LibraryError(
      "Library names can only contain letters, numbers, or underscores(_) and must be at least " +
        "one character long",
    );
  }
  const engine = words[0].slice(2);
  if (engine.toLowerCase() !== "lua") throw new LibraryError(`Engine '${engine}' not found`);
  return new FunctionLibrary(name, code);
}

/** The words of the first line; undefined where it has no end or its quotes do not match. */
function wordsOfLine(code: Uint8Array): string[] | undefined {
  const end = code.indexOf(LF);
  const nul = code.indexOf(0);
  if (end < 0 || (nul >= 0 && nul < end)) return undefined;
  const line = code.slice(0, end);
  const wordsMax = (end >> 1) + 1;
  const starts = new Int32Array(wordsMax);
  const ends = new Int32Array(wordsMax);
  const count = splitInline(line, 0, end, starts, ends, 0);
  if (count === UNBALANCED) return undefined;
  return Array.from({ length: count }, (_, k) => latin1Text(line, starts[k], ends[k]));
}
