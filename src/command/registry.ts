// hot path: no allocation per command
//
// The commands a server knows, found by name bytes. Built once per server from the families; a
// `Command` adds to its spec what is counted per server (calls, microseconds, failures).

import { latin1Bytes } from "../base/text.ts";
import type { ServerContext } from "./context.ts";
import type { LatencyHistogram } from "./histogram.ts";
import {
  BLOCKING,
  type CommandFamily,
  type CommandGroup,
  type CommandSpec,
  FAST,
  type KeySpec,
} from "./spec.ts";

/** A command of one server: the spec and its statistics. */
export class Command<S extends ServerContext = ServerContext> {
  readonly spec: CommandSpec<S>;
  readonly group: CommandGroup;
  /** Lower case; "config|get" for a subcommand. */
  readonly fullName: string;
  readonly parent: Command<S> | undefined;
  readonly subcommands: CommandRegistry<S> | undefined;
  readonly arity: number;
  readonly flags: number;
  readonly run: CommandSpec<S>["run"];
  /** Argument index of the first key, or 0: what the batch prefetch hashes. */
  readonly firstKey: number;
  /** Argument index of a member looked up under that key, or 0: what the prefetch loads, too. */
  readonly member: number;

  /** Takes constant time, so that a run of such commands may be timed as one. */
  readonly isQuick: boolean;

  calls = 0;
  microseconds = 0;
  histogram: LatencyHistogram | undefined;
  rejectedCalls = 0;
  failedCalls = 0;

  constructor(spec: CommandSpec<S>, group: CommandGroup, parent?: Command<S>) {
    this.spec = spec;
    this.group = group;
    this.parent = parent;
    const own = spec.name.toLowerCase();
    this.fullName = parent ? `${parent.fullName}|${own}` : own;
    this.arity = spec.arity;
    this.flags = spec.flags;
    this.run = spec.run;
    this.firstKey = firstKeyIndex(spec.keys);
    this.member = spec.member ?? 0;
    const isFast = (spec.flags & FAST) !== 0 || spec.complexity === "O(1)";
    // What may be run in parts is timed part by part.
    this.isQuick = isFast && (spec.flags & BLOCKING) === 0;
    if (spec.subcommands) {
      this.subcommands = new CommandRegistry<S>();
      for (const sub of spec.subcommands) {
        this.subcommands.add(new Command<S>(sub, group, this));
      }
    }
  }

  /** Forgets what CONFIG RESETSTAT forgets. */
  resetStatistics(): void {
    this.calls = 0;
    this.microseconds = 0;
    this.rejectedCalls = 0;
    this.failedCalls = 0;
    this.histogram = undefined;
  }

  /** Whether an argument count is acceptable. */
  acceptsCount(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

function firstKeyIndex(keys: readonly KeySpec[] | undefined): number {
  const begin = keys?.[0]?.begin;
  return begin?.type === "index" ? begin.index : 0;
}

const MIN_CELLS = 16;

/** Commands by name, whatever the case. */
export class CommandRegistry<S extends ServerContext = ServerContext> {
  readonly #commands: Command<S>[] = [];
  /** The names under which renamed commands are found. */
  readonly #newNames = new Map<Command<S>, string>();
  #cells: (Command<S> | undefined)[] = new Array(MIN_CELLS).fill(undefined);
  #names: (Uint8Array | undefined)[] = new Array(MIN_CELLS).fill(undefined);
  #mask = MIN_CELLS - 1;

  /** A registry of every command of the families. */
  static of<S extends ServerContext>(families: readonly CommandFamily<S>[]): CommandRegistry<S> {
    const registry = new CommandRegistry<S>();
    for (const family of families) {
      for (const spec of family.commands) registry.add(new Command(spec, family.group));
    }
    return registry;
  }

  add(command: Command<S>): void {
    this.#commands.push(command);
    // A quarter full at most, so that nearly every name is found in its home cell.
    if (this.#commands.length * 4 > this.#cells.length) this.#rebuild(this.#cells.length * 4);
    else this.#place(command, command.spec.name);
  }

  /**
   * Has a command found under another name only, or under none where that is empty (the
   * rename-command directive). To all else it stays what it was: error texts, key extraction and
   * statistics go by its own name. False where there is no command of that name.
   */
  rename(name: string, newName: string): boolean {
    const bytes = latin1Bytes(name);
    const command = this.find(bytes, 0, bytes.length);
    if (command === undefined) return false;
    if (newName === "") this.#commands.splice(this.#commands.indexOf(command), 1);
    else this.#newNames.set(command, newName);
    this.#rebuild(this.#cells.length);
    return true;
  }

  get count(): number {
    return this.#commands.length;
  }

  [Symbol.iterator](): IterableIterator<Command<S>> {
    return this.#commands.values();
  }

  /** Finds a command by its name's bytes. */
  find(bytes: Uint8Array, start: number, end: number): Command<S> | undefined {
    const mask = this.#mask;
    let cell = nameHash(bytes, start, end) & mask;
    for (;;) {
      const name = this.#names[cell];
      if (name === undefined) return undefined;
      if (sameName(name, bytes, start, end)) return this.#cells[cell];
      cell = (cell + 1) & mask;
    }
  }

  #place(command: Command<S>, name: string): void {
    const bytes = latin1Bytes(name.toLowerCase());
    let cell = nameHash(bytes, 0, bytes.length) & this.#mask;
    while (this.#names[cell] !== undefined) cell = (cell + 1) & this.#mask;
    this.#names[cell] = bytes;
    this.#cells[cell] = command;
  }

  /** Cold: when a command is added or renamed. */
  #rebuild(cellCount: number): void {
    this.#cells = new Array(cellCount).fill(undefined);
    this.#names = new Array(cellCount).fill(undefined);
    this.#mask = cellCount - 1;
    for (const command of this.#commands) {
      this.#place(command, this.#newNames.get(command) ?? command.spec.name);
    }
  }
}

/** Letters count alike in both cases because bit 5 is set on every byte. */
function nameHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] | 32), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function sameName(lowerCase: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (lowerCase.length !== end - start) return false;
  for (let k = 0; k < lowerCase.length; k++) {
    let byte = bytes[start + k];
    if (byte >= 65 && byte <= 90) byte |= 32;
    if (byte !== lowerCase[k]) return false;
  }
  return true;
}
