// What can be derived from a command's entry: its flags by name, the legacy key range, whether its
// keys are movable, and its ACL categories. COMMAND and ACL both ask here, so that no fact is
// stated twice.

import type { ServerContext } from "./context.ts";
import type { Command } from "./registry.ts";
import {
  ACCESS,
  ADMIN,
  ALLOW_BUSY,
  ASKING,
  BLOCKING,
  type CommandGroup,
  type CommandSpec,
  DELETE,
  DENYOOM,
  FAST,
  INCOMPLETE,
  INSERT,
  type KeySpec,
  LOADING,
  MOVABLEKEYS,
  NO_ASYNC_LOADING,
  NO_AUTH,
  NO_MANDATORY_KEYS,
  NO_MULTI,
  NOSCRIPT,
  NOT_KEY,
  OW,
  PUBSUB,
  READONLY,
  RM,
  RO,
  RW,
  SKIP_MONITOR,
  SKIP_SLOWLOG,
  STALE,
  UPDATE,
  VARIABLE_FLAGS,
  WRITE,
} from "./spec.ts";

type NamedFlags = readonly (readonly [flag: number, name: string])[];

/** Command flags in the order in which COMMAND INFO lists them. MAY_REPLICATE is not shown. */
const COMMAND_FLAGS: NamedFlags = [
  [WRITE, "write"],
  [READONLY, "readonly"],
  [DENYOOM, "denyoom"],
  [ADMIN, "admin"],
  [PUBSUB, "pubsub"],
  [NOSCRIPT, "noscript"],
  [BLOCKING, "blocking"],
  [LOADING, "loading"],
  [STALE, "stale"],
  [SKIP_MONITOR, "skip_monitor"],
  [SKIP_SLOWLOG, "skip_slowlog"],
  [ASKING, "asking"],
  [FAST, "fast"],
  [NO_AUTH, "no_auth"],
  [NO_MANDATORY_KEYS, "no_mandatory_keys"],
  [NO_ASYNC_LOADING, "no_async_loading"],
  [NO_MULTI, "no_multi"],
  [MOVABLEKEYS, "movablekeys"],
  [ALLOW_BUSY, "allow_busy"],
];

/** Key spec flags in the order in which COMMAND INFO lists them. */
const KEY_FLAGS: NamedFlags = [
  [RO, "RO"],
  [RW, "RW"],
  [OW, "OW"],
  [RM, "RM"],
  [ACCESS, "access"],
  [UPDATE, "update"],
  [INSERT, "insert"],
  [DELETE, "delete"],
  [NOT_KEY, "not_key"],
  [INCOMPLETE, "incomplete"],
  [VARIABLE_FLAGS, "variable_flags"],
];

/** Every ACL category, in the order in which ACL and COMMAND INFO list them. */
export const ACL_CATEGORIES = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
] as const;

export type AclCategory = (typeof ACL_CATEGORIES)[number];

const GROUP_CATEGORIES: Partial<Record<CommandGroup, AclCategory>> = {
  bitmap: "bitmap",
  connection: "connection",
  generic: "keyspace",
  geo: "geo",
  hash: "hash",
  hyperloglog: "hyperloglog",
  list: "list",
  scripting: "scripting",
  set: "set",
  "sorted-set": "sortedset",
  stream: "stream",
  string: "string",
  transactions: "transaction",
};

const SUBJECTS: ReadonlySet<string> = new Set(Object.values(GROUP_CATEGORIES));

function namesOf(flags: number, table: NamedFlags): string[] {
  const names: string[] = [];
  for (const [flag, name] of table) if ((flags & flag) !== 0) names.push(name);
  return names;
}

/** A command's flags as COMMAND INFO names them, the derived "movablekeys" included. */
export function commandFlagNames(spec: Pick<CommandSpec, "flags" | "keys">): string[] {
  const flags = hasMovableKeys(spec.keys) ? spec.flags | MOVABLEKEYS : spec.flags;
  return namesOf(flags, COMMAND_FLAGS);
}

/** Key flags as COMMAND INFO and COMMAND GETKEYSANDFLAGS name them. */
export function keyFlagNames(flags: number): string[] {
  return namesOf(flags, KEY_FLAGS);
}

/**
 * A command's ACL categories. Its group gives one unless the command has no handler of its own (a
 * pure container) or its entry names a subject itself (SORT is about lists, not the keyspace).
 */
export function aclCategories<S extends ServerContext>(command: Command<S>): AclCategory[] {
  const { spec, group } = command;
  const found = new Set<string>(spec.categories);
  const subject = GROUP_CATEGORIES[group];
  const isContainer = spec.run === undefined && spec.subcommands !== undefined;
  const namesSubject = spec.categories?.some((category) => SUBJECTS.has(category)) === true;
  if (subject !== undefined && !isContainer && !namesSubject) found.add(subject);
  if ((spec.flags & WRITE) !== 0) found.add("write");
  // Scripts may do anything, so a read-only EVAL_RO does not count as a read.
  if ((spec.flags & READONLY) !== 0 && group !== "scripting") found.add("read");
  if ((spec.flags & ADMIN) !== 0) found.add("admin").add("dangerous");
  if ((spec.flags & PUBSUB) !== 0) found.add("pubsub");
  if ((spec.flags & BLOCKING) !== 0) found.add("blocking");
  found.add((spec.flags & FAST) !== 0 ? "fast" : "slow");
  return ACL_CATEGORIES.filter((category) => found.has(category));
}

/** First key, last key and step, as clients before key specs expect them; zeros without keys. */
export interface LegacyRange {
  readonly first: number;
  /** Counted from the end where negative. */
  readonly last: number;
  readonly step: number;
}

const NO_RANGE: LegacyRange = { first: 0, last: 0, step: 0 };

interface DerivedRange {
  readonly range: LegacyRange;
  readonly movable: boolean;
}

/**
 * The key specs as one range, as far as that goes: fixed ranges that follow on each other are
 * joined; whatever does not fit is left out, and the keys then count as movable.
 */
function deriveRange(keys: readonly KeySpec[]): DerivedRange {
  const [only] = keys;
  if (keys.length === 1 && only.begin.type === "index" && only.find.type === "range") {
    const first = only.begin.index;
    const last = lastIndex(first, only.find.lastKey);
    const movable = (only.flags & INCOMPLETE) !== 0;
    return { range: { first, last, step: only.find.step }, movable };
  }
  let first = 0;
  let last = 0;
  let movable = false;
  for (const { begin, find, flags } of keys) {
    if (begin.type !== "index" || find.type !== "range" || find.step !== 1) {
      movable = true;
    } else if (first !== 0 && last !== begin.index - 1) {
      movable = true;
    } else {
      if ((flags & INCOMPLETE) !== 0) movable = true;
      if (first === 0) first = begin.index;
      last = lastIndex(begin.index, find.lastKey);
    }
  }
  return { range: first === 0 ? NO_RANGE : { first, last, step: 1 }, movable };
}

function lastIndex(first: number, lastKey: number): number {
  return lastKey >= 0 ? first + lastKey : lastKey;
}

/** The range that COMMAND INFO shows for key specs. */
export function legacyRange(keys: readonly KeySpec[] | undefined): LegacyRange {
  return keys === undefined || keys.length === 0 ? NO_RANGE : deriveRange(keys).range;
}

/** Whether the legacy range does not tell all keys, so that COMMAND GETKEYS must be asked. */
export function hasMovableKeys(keys: readonly KeySpec[] | undefined): boolean {
  return keys !== undefined && keys.length > 0 && deriveRange(keys).movable;
}
