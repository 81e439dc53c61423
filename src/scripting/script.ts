// A script: its source, what its first line declares, and the function it was compiled to.

import { LF } from "../base/ascii.ts";
import { latin1Text } from "../base/text.ts";
import { DENYOOM, MAY_REPLICATE, STALE, WRITE } from "../command/spec.ts";
import { Compilable } from "./compiled/compilable.ts";

export const SCRIPT_NO_WRITES = 1 << 0;
export const SCRIPT_ALLOW_OOM = 1 << 1;
export const SCRIPT_ALLOW_STALE = 1 << 2;
export const SCRIPT_NO_CLUSTER = 1 << 3;
export const SCRIPT_ALLOW_CROSS_SLOT_KEYS = 1 << 4;
/** Has no shebang line: commands are checked one by one instead of the script as a whole. */
export const SCRIPT_UNDECLARED = 1 << 5;

const FLAGS: Readonly<Record<string, number>> = {
  "no-writes": SCRIPT_NO_WRITES,
  "allow-oom": SCRIPT_ALLOW_OOM,
  "allow-stale": SCRIPT_ALLOW_STALE,
  "no-cluster": SCRIPT_NO_CLUSTER,
  "allow-cross-slot-keys": SCRIPT_ALLOW_CROSS_SLOT_KEYS,
};

/** The flag of a name; 0 where there is none. */
export function scriptFlag(name: string): number {
  return Object.hasOwn(FLAGS, name) ? FLAGS[name] : 0;
}

/** The flags of a command that runs a script which declares what it does. */
export function flagsOfCall(commandFlags: number, scriptFlags: number): number {
  let flags = commandFlags & ~(STALE | DENYOOM | WRITE | MAY_REPLICATE);
  if ((scriptFlags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES)) === 0) flags |= DENYOOM;
  if ((scriptFlags & SCRIPT_NO_WRITES) === 0) flags |= WRITE;
  if ((scriptFlags & SCRIPT_ALLOW_STALE) !== 0) flags |= STALE;
  return flags;
}

/** The names of flags, in the order of FUNCTION LIST. */
export function scriptFlagNames(flags: number): string[] {
  return Object.keys(FLAGS).filter((name) => (flags & FLAGS[name]) !== 0);
}

/** One cached script. */
export class Script extends Compilable {
  readonly isFunction = false;
  readonly sha: string;
  readonly body: Uint8Array;
  readonly bodyHash: number;
  readonly flags: number;
  /** The compiled function in the registry of the machine with this number. */
  ref = 0;
  machine = -1;
  /** Whether it can look at its keys and at its arguments, as far as its source shows. */
  readonly seesKeys: boolean;
  readonly seesArguments: boolean;
  /** Was loaded by SCRIPT LOAD, or declared so: it is never evicted. */
  isKept = false;

  constructor(sha: string, body: Uint8Array, bodyHash: number, flags: number) {
    super();
    this.sha = sha;
    this.body = body;
    this.bodyHash = bodyHash;
    this.flags = flags;
    const text = latin1Text(body, 0, body.length);
    // By a name that is made up, too: _G["AR".."GV"], or in what load is given.
    const seesAll = text.includes("_G") || text.includes("load");
    this.seesKeys = seesAll || text.includes("KEYS");
    this.seesArguments = seesAll || text.includes("ARGV");
  }

  get label(): string {
    return this.sha;
  }

  /** The source without its shebang line, whose end is kept for the sake of line numbers. */
  get source(): Uint8Array {
    if ((this.flags & SCRIPT_UNDECLARED) !== 0) return this.body;
    return this.body.subarray(this.body.indexOf(LF));
  }
}

/** Reads the flags of a script's first line; a text is an error. */
export function parseShebang(body: Uint8Array): number | string {
  if (body[0] !== 35 || body[1] !== 33) return SCRIPT_UNDECLARED;
  const end = body.indexOf(LF);
  if (end < 0) return "Invalid script shebang";
  const parts = latin1Text(body, 0, end)
    .split(/[ \t\r]+/)
    .filter((part) => part !== "");
  if (parts[0] !== "#!lua") return `Unexpected engine in script shebang: ${parts[0]}`;
  let flags = 0;
  for (const part of parts.slice(1)) {
    if (!part.startsWith("flags=")) return `Unknown lua shebang option: ${part}`;
    const names = part.slice("flags=".length);
    if (names === "") continue;
    for (const name of names.split(",")) {
      const flag = scriptFlag(name);
      if (flag === 0) return `Unexpected flag in script shebang: ${name}`;
      flags |= flag;
    }
  }
  return flags;
}
