// What a command declares about itself. The entry in its family's table is the only place where a
// command's facts stand; COMMAND, COMMAND DOCS, ACL categories, key extraction, arity checks and
// dispatch are all derived from it. The vocabulary is that of COMMAND INFO and COMMAND DOCS.

import type { CommandContext, ServerContext } from "./context.ts";

export const WRITE = 1 << 0;
export const READONLY = 1 << 1;
export const DENYOOM = 1 << 2;
export const ADMIN = 1 << 3;
export const PUBSUB = 1 << 4;
export const NOSCRIPT = 1 << 5;
export const BLOCKING = 1 << 6;
export const LOADING = 1 << 7;
export const STALE = 1 << 8;
export const SKIP_MONITOR = 1 << 9;
export const SKIP_SLOWLOG = 1 << 10;
export const ASKING = 1 << 11;
export const FAST = 1 << 12;
export const NO_AUTH = 1 << 13;
export const MAY_REPLICATE = 1 << 14;
export const NO_ASYNC_LOADING = 1 << 15;
export const NO_MULTI = 1 << 16;
export const MOVABLEKEYS = 1 << 17;
export const ALLOW_BUSY = 1 << 18;
export const NO_MANDATORY_KEYS = 1 << 19;
/** Runs at once even while a transaction is being queued. COMMAND INFO does not tell. */
export const UNQUEUED = 1 << 20;
/**
 * What it changes in a key that exists is no change to those who watch it: the state of a stream's
 * groups. COMMAND INFO does not tell.
 */
export const KEEPS_WATCHES = 1 << 21;

/** Key spec flags: what a command does with a key. */
export const RO = 1 << 0;
export const RW = 1 << 1;
export const OW = 1 << 2;
export const RM = 1 << 3;
export const ACCESS = 1 << 4;
export const UPDATE = 1 << 5;
export const INSERT = 1 << 6;
export const DELETE = 1 << 7;
export const NOT_KEY = 1 << 8;
export const INCOMPLETE = 1 << 9;
export const VARIABLE_FLAGS = 1 << 10;

/** Where a command's keys are, in Redis's key specification terms. */
export interface KeySpec {
  readonly flags: number;
  readonly notes?: string;
  readonly begin:
    | { readonly type: "index"; readonly index: number }
    | { readonly type: "keyword"; readonly keyword: string; readonly startFrom: number }
    | { readonly type: "unknown" };
  readonly find:
    | {
        readonly type: "range";
        readonly lastKey: number;
        readonly step: number;
        readonly limit: number;
      }
    | {
        readonly type: "keynum";
        readonly keynumIndex: number;
        readonly firstKey: number;
        readonly step: number;
      }
    | { readonly type: "unknown" };
}

/** One key at a fixed argument index. */
export function keyAt(index: number, flags: number, notes?: string): KeySpec {
  return keyRange(index, 0, 1, flags, notes);
}

/**
 * Keys from `index` to `last` (relative to `index`; negative counts from the end), every `step`.
 */
export function keyRange(
  index: number,
  lastKey: number,
  step: number,
  flags: number,
  notes?: string,
): KeySpec {
  const find = { type: "range", lastKey, step, limit: 0 } as const;
  const spec = { flags, begin: { type: "index", index }, find } as const;
  return notes === undefined ? spec : { ...spec, notes };
}

/** `numkeys key [key ...]` with the count at argument `index`. */
export function keysCounted(index: number, flags: number, step = 1): KeySpec {
  const find = { type: "keynum", keynumIndex: 0, firstKey: 1, step } as const;
  return { flags, begin: { type: "index", index }, find };
}

/** One argument as COMMAND DOCS describes it. */
export interface ArgumentSpec {
  readonly name: string;
  readonly type:
    | "string"
    | "integer"
    | "double"
    | "key"
    | "pattern"
    | "unix-time"
    | "pure-token"
    | "oneof"
    | "block";
  /** What syntax lines show; the name unless given. */
  readonly displayText?: string;
  /** For type "key": which entry of `keys`. */
  readonly keySpecIndex?: number;
  readonly token?: string;
  readonly since?: string;
  readonly summary?: string;
  readonly deprecatedSince?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly arguments?: readonly ArgumentSpec[];
}

/** Which arguments name channels that the user must be allowed to use. */
export interface ChannelSpec {
  /** Of the first of them. */
  readonly index: number;
  /** So do all that follow. */
  readonly isList: boolean;
  /** They are patterns. */
  readonly arePatterns: boolean;
}

export type CommandGroup =
  | "bitmap"
  | "cluster"
  | "connection"
  | "generic"
  | "geo"
  | "hash"
  | "hyperloglog"
  | "list"
  | "pubsub"
  | "scripting"
  | "sentinel"
  | "server"
  | "set"
  | "sorted-set"
  | "stream"
  | "string"
  | "transactions";

/** One command or subcommand. `S` is the server interface that its handler needs. */
export interface CommandSpec<S extends ServerContext = ServerContext> {
  /** Upper case; a subcommand's own word only ("GET", not "CONFIG GET"). */
  readonly name: string;
  /** Exact argument count with the command's name(s), or, negative, the least. */
  readonly arity: number;
  readonly flags: number;
  readonly since: string;
  readonly complexity?: string;
  readonly summary: string;
  readonly keys?: readonly KeySpec[];
  readonly channels?: ChannelSpec;
  /** Argument index of a member that is looked up in the first key's value, for the prefetch. */
  readonly member?: number;
  readonly args?: readonly ArgumentSpec[];
  /** ACL categories that the flags and the group do not give, without the at sign. */
  readonly categories?: readonly string[];
  readonly tips?: readonly string[];
  readonly history?: readonly (readonly [version: string, change: string])[];
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
  readonly docFlags?: readonly string[];
  /** Its reply is a push: sent even to a client that wants no replies. */
  readonly pushes?: boolean;
  /** The flags of one call, where arguments change them: a script declares its own. */
  flagsOf?(c: CommandContext<S>, flags: number): number;
  /** Handles the command; writes exactly one reply. Absent only on pure containers. */
  run?(c: CommandContext<S>): void;
  readonly subcommands?: readonly CommandSpec<S>[];
}

/** The commands of one family, as one file of `commands/` declares them. */
export interface CommandFamily<S extends ServerContext = ServerContext> {
  readonly group: CommandGroup;
  readonly commands: readonly CommandSpec<S>[];
}

/** Declares a family; see `CommandSpec` for what an entry says. */
export function defineFamily<S extends ServerContext>(
  group: CommandGroup,
  commands: readonly CommandSpec<S>[],
): CommandFamily<S> {
  return { group, commands };
}

/** A family whose module is loaded when one of its commands is first asked for. */
export interface DeferredFamily<S extends ServerContext = ServerContext> {
  /** The names of its commands, as its entries spell them. */
  readonly names: readonly string[];
  load(): CommandFamily<S>;
}

/** Declares a family that is loaded when one of its commands, named here, is first asked for. */
export function deferFamily<S extends ServerContext>(
  names: string,
  load: () => CommandFamily<S>,
): DeferredFamily<S> {
  return { names: names.split(" "), load };
}
