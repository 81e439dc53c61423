// hot path: no allocation per command
//
// Which arguments of a given command line are keys, and what the command does with each: for
// COMMAND GETKEYS, for ACL key permissions and for finding a hash slot. The key specs of the
// command's entry say it, and the few commands whose keys no spec can tell have a function here.

import { INT64_MAX } from "../base/ascii.ts";
import type { ServerContext } from "./context.ts";
import type { Command } from "./registry.ts";
import {
  ACCESS,
  DELETE,
  INCOMPLETE,
  INSERT,
  type KeySpec,
  NOT_KEY,
  OW,
  RO,
  RW,
  UPDATE,
  VARIABLE_FLAGS,
} from "./spec.ts";

/** The arguments that keys are looked for in; a `CommandContext` is one. */
export interface ArgumentList {
  length(index: number): number;
  /** Whether an argument equals a lower-case token, whatever its case. */
  is(index: number, lowerCaseToken: string): boolean;
  /** An argument as an integer; NaN where it is none. */
  integer(index: number): number;
  /** An argument with one character per byte. */
  latin1(index: number): string;
}

/** Key positions in the order found. Reused: every extraction starts it afresh. */
export class KeyList {
  count = 0;
  /** Index of each key among the arguments, the offset of the command's name included. */
  indexes = new Int32Array(16);
  /** Flags of each key: what the command does with it, in key spec terms. */
  flags = new Int32Array(16);

  clear(): void {
    this.count = 0;
  }

  add(index: number, flags: number): void {
    if (this.count === this.indexes.length) this.#grow();
    this.indexes[this.count] = index;
    this.flags[this.count] = flags;
    this.count++;
  }

  #grow(): void {
    const indexes = new Int32Array(this.count * 2);
    const flags = new Int32Array(this.count * 2);
    indexes.set(this.indexes);
    flags.set(this.flags);
    this.indexes = indexes;
    this.flags = flags;
  }
}

/** Finds keys in `count` arguments from `base` on; returns false where the syntax is wrong. */
type KeyFinder = (args: ArgumentList, base: number, count: number, keys: KeyList) => boolean;

/** Whether a command can have keys at all. */
export function takesKeys<S extends ServerContext>(command: Command<S>): boolean {
  const specs = command.spec.keys;
  if (specs === undefined) return false;
  for (let k = 0; k < specs.length; k++) if ((specs[k].flags & NOT_KEY) === 0) return true;
  return false;
}

/**
 * Finds the keys among `count` arguments, the first of which, the command's name (its container's
 * for a subcommand), is argument `base`. Returns how many there are: none also where the arguments
 * cannot be a valid call. The caller has checked the command's arity.
 */
export function findKeys<S extends ServerContext>(
  command: Command<S>,
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): number {
  keys.clear();
  const specs = command.spec.keys;
  if (specs === undefined) return 0;
  if (findBySpecs(specs, args, base, count, keys)) return keys.count;
  keys.clear();
  const finder = KEY_FINDERS.get(command.spec.name);
  if (finder === undefined) findByLooseCount(specs, args, base, count, keys);
  else if (!finder(args, base, count, keys)) keys.clear();
  return keys.count;
}

/**
 * As `findKeys`, and the keys that Redis's way of finding them misses though the command touches
 * them: permissions must not. COMMAND GETKEYS shows what Redis shows.
 */
export function findTouchedKeys<S extends ServerContext>(
  command: Command<S>,
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): void {
  findKeys(command, args, base, count, keys);
  const { name } = command.spec;
  if (name === "PFMERGE") {
    // Without any source the specs are not satisfied, but the destination is made.
    if (keys.count === 0) keys.add(base + 1, RW | ACCESS | INSERT);
  } else if (name === "GEORADIUS" || name === "GEORADIUSBYMEMBER") {
    // Of two STOREDIST the specs find the first, and the last one counts.
    addRadiusDestination(args, base, count, keys);
  }
}

/** Finds keys by key specs; returns false where they do not tell all, or the syntax is wrong. */
function findBySpecs(
  specs: readonly KeySpec[],
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): boolean {
  for (let k = 0; k < specs.length; k++) {
    const spec = specs[k];
    if ((spec.flags & NOT_KEY) !== 0) continue;
    if (spec.begin.type === "unknown" || (spec.flags & VARIABLE_FLAGS) !== 0) return false;
    const start = beginOf(spec, args, base, count);
    // Without its keyword a spec has no keys here, which is no error.
    if (start < 0) continue;
    if (!addFound(spec, start, args, base, count, keys)) return false;
    if ((spec.flags & INCOMPLETE) !== 0) return false;
  }
  return true;
}

/** Where a spec's keys begin, relative to `base`; -1 where the keyword is missing. */
function beginOf(spec: KeySpec, args: ArgumentList, base: number, count: number): number {
  const { begin } = spec;
  if (begin.type === "index") return begin.index;
  if (begin.type === "unknown") return -1;
  // alloc: a short word, for the few commands that have one
  const token = begin.keyword.toLowerCase();
  // From the end backwards where the start is negative.
  const step = begin.startFrom < 0 ? -1 : 1;
  const first = begin.startFrom < 0 ? count + begin.startFrom : begin.startFrom;
  // As the last argument the word is no keyword: nothing follows it. Backwards, the first argument
  // behind the name is not reached either.
  const lowest = step < 0 ? 2 : 1;
  for (let at = first; at >= lowest && at < count - 1; at += step) {
    if (args.is(base + at, token)) return at + 1;
  }
  return -1;
}

function addFound(
  spec: KeySpec,
  start: number,
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): boolean {
  const { find } = spec;
  if (find.type === "unknown" || start >= count) return false;
  let first = start;
  let last: number;
  if (find.type === "range") {
    if (find.lastKey >= 0) last = first + find.lastKey;
    else if (find.limit <= 1) last = count + find.lastKey;
    else last = first + Math.floor((count - first) / find.limit) + find.lastKey;
  } else {
    if (first + find.keynumIndex >= count) return false;
    const keyCount = args.integer(base + first + find.keynumIndex);
    if (!(keyCount >= 0)) return false;
    first += find.firstKey;
    last = first + (keyCount - 1) * find.step;
  }
  if (last >= count || last < first || first >= count) return false;
  for (let at = first; at <= last; at += find.step) keys.add(base + at, spec.flags);
  return true;
}

/**
 * Cold: Redis's second try where a count of keys is not what it should be: the number that the text
 * begins with, as C's atoi reads it. What happens to such keys is left open; the command itself
 * will refuse the call.
 */
function findByLooseCount(
  specs: readonly KeySpec[],
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): void {
  const counted = specs.find(({ find }) => find.type === "keynum");
  if (counted?.begin.type !== "index" || counted.find.type !== "keynum") return;
  const { begin, find } = counted;
  const first = begin.index + find.firstKey;
  const countIndex = base + begin.index + find.keynumIndex;
  if (args.length(countIndex) > COUNT_BYTES_MAX) return;
  const keyCount = looseInteger(args.latin1(countIndex));
  if (keyCount < 1 || keyCount > Math.floor((count - first) / find.step)) return;
  for (let k = 0; k < keyCount; k++) keys.add(base + first + k * find.step, 0);
  // The destination of ZUNIONSTORE and its like comes last.
  const [destination] = specs;
  if (destination !== counted && destination.begin.type === "index") {
    keys.add(base + destination.begin.index, 0);
  }
}

/** Longer texts than this are not looked at for a count. */
const COUNT_BYTES_MAX = 64;

/** Cold: what atoi makes of the start of a text: a 32-bit integer, 0 where there is no number. */
function looseInteger(text: string): number {
  let at = 0;
  while (isBlank(text.charCodeAt(at))) at++;
  const isNegative = text[at] === "-";
  if (isNegative || text[at] === "+") at++;
  let magnitude = 0n;
  for (; text[at] >= "0" && text[at] <= "9" && magnitude <= INT64_MAX; at++) {
    magnitude = magnitude * 10n + BigInt(text[at]);
  }
  if (magnitude > INT64_MAX) magnitude = isNegative ? INT64_MAX + 1n : INT64_MAX;
  return Number(BigInt.asIntN(32, isNegative ? -magnitude : magnitude));
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** For commands whose keys, or what they do with them, depend on options: asked after the specs. */
const KEY_FINDERS: ReadonlyMap<string, KeyFinder> = new Map([
  ["SET", findSetKey],
  ["BITFIELD", findBitfieldKey],
  ["SORT", findSortKeys],
  ["SORT_RO", findSortReadOnlyKey],
  ["MIGRATE", findMigrateKeys],
  ["GEORADIUS", findRadiusKeys],
  ["GEORADIUSBYMEMBER", findRadiusKeys],
]);

// SET key value [GET] ...: reads the old value only with GET
function findSetKey(args: ArgumentList, base: number, count: number, keys: KeyList): boolean {
  let flags = OW | UPDATE;
  for (let at = 3; at < count; at++) {
    if (args.is(base + at, "get")) flags = RW | ACCESS | UPDATE;
  }
  keys.add(base + 1, flags);
  return true;
}

// BITFIELD key [GET type offset | [OVERFLOW behaviour] SET|INCRBY type offset value] ...
function findBitfieldKey(args: ArgumentList, base: number, count: number, keys: KeyList): boolean {
  let flags = RO | ACCESS;
  for (let at = 2; at < count; at++) {
    const left = count - at - 1;
    if (args.is(base + at, "get") && left >= 2) {
      at += 2;
    } else if (args.is(base + at, "overflow") && left >= 1) {
      at += 1;
    } else {
      // A write, or a syntax error, where more permissions do no harm.
      flags = RW | ACCESS | UPDATE;
      break;
    }
  }
  keys.add(base + 1, flags);
  return true;
}

// SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [STORE destination] ...
function findSortKeys(args: ArgumentList, base: number, count: number, keys: KeyList): boolean {
  keys.add(base + 1, RO | ACCESS);
  let destination = -1;
  for (let at = 2; at < count; at++) {
    if (args.is(base + at, "limit")) at += 2;
    else if (args.is(base + at, "get") || args.is(base + at, "by")) at += 1;
    // The last STORE counts.
    else if (args.is(base + at, "store") && at + 1 < count) destination = base + at + 1;
  }
  if (destination >= 0) keys.add(destination, OW | UPDATE);
  return true;
}

function findSortReadOnlyKey(
  _args: ArgumentList,
  base: number,
  _count: number,
  keys: KeyList,
): boolean {
  keys.add(base + 1, RO | ACCESS);
  return true;
}

// MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH p | AUTH2 u p] [KEYS k
// ...]
function findMigrateKeys(args: ArgumentList, base: number, count: number, keys: KeyList): boolean {
  const flags = RW | ACCESS | DELETE;
  let first = 3;
  let last = 3;
  for (let at = 6; at < count; at++) {
    if (args.is(base + at, "auth")) at += 1;
    else if (args.is(base + at, "auth2")) at += 2;
    else if (args.is(base + at, "keys")) {
      // KEYS goes with an empty key only.
      if (args.length(base + 3) > 0) return false;
      first = at + 1;
      last = count - 1;
      break;
    }
  }
  for (let at = first; at <= last; at++) keys.add(base + at, flags);
  return true;
}

// GEORADIUS key longitude latitude radius unit ... [STORE key | STOREDIST key]
// GEORADIUSBYMEMBER key member radius unit ... [STORE key | STOREDIST key]
function findRadiusKeys(args: ArgumentList, base: number, count: number, keys: KeyList): boolean {
  keys.add(base + 1, RO | ACCESS);
  addRadiusDestination(args, base, count, keys);
  return true;
}

function addRadiusDestination(
  args: ArgumentList,
  base: number,
  count: number,
  keys: KeyList,
): void {
  let destination = -1;
  for (let at = 5; at + 1 < count; at++) {
    if (!args.is(base + at, "store") && !args.is(base + at, "storedist")) continue;
    at++;
    // The last one counts.
    destination = base + at;
  }
  if (destination >= 0) keys.add(destination, OW | UPDATE);
}
