// hot path: no allocation per command
//
// The commands a server knows, found by name bytes. Built once per server from the names of the
// families' commands; a family is loaded with the first of its commands that is asked for. A
// `Command` adds to its spec what is counted per server (calls, microseconds, failures).

import { assert, VERIFY } from "../base/assert.ts";
import { latin1Bytes } from "../base/text.ts";
import type { CommandContext, ServerContext } from "./context.ts";
import type { LatencyHistogram } from "./histogram.ts";
import { audited } from "./key-audit.ts";
import {
  BLOCKING,
  type CommandGroup,
  type CommandSpec,
  type DeferredFamily,
  FAST,
  type KeySpec,
} from "./spec.ts";

/** A command of one server: the spec and its statistics. */
export class Command<S extends ServerContext = ServerContext> {
  readonly spec: CommandSpec<S>;
  readonly group: CommandGroup;
  /** Its number among all commands and subcommands; given once there are users to define. */
  id = -1;
  /** Lower case; "config|get" for a subcommand. */
  readonly fullName: string;
  readonly parent: Command<S> | undefined;
  readonly subcommands: CommandRegistry<S> | undefined;
  readonly arity: number;
  readonly flags: number;
  readonly run: CommandSpec<S>["run"];
  /** Argument index where the first key is, if any, or 0: what the batch prefetch hashes. */
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
    this.run = VERIFY ? audited(this, spec.run) : spec.run;
    this.firstKey = firstKeyIndex(spec.keys);
    this.member = spec.member ?? 0;
    const isFast = (spec.flags & FAST) !== 0 || spec.complexity === "O(1)";
    // What may be run in parts is timed part by part.
    this.isQuick = isFast && (spec.flags & BLOCKING) === 0;
    if (spec.subcommands) {
      this.subcommands = CommandRegistry.under<S>(this, spec.subcommands);
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

  /** The flags of the call that a context points at. */
  flagsFor(c: CommandContext<S>): number {
    const { flagsOf } = this.spec;
    return flagsOf === undefined ? this.flags : flagsOf(c, this.flags);
  }

  /** Whether an argument count is acceptable. */
  acceptsCount(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

function firstKeyIndex(keys: readonly KeySpec[] | undefined): number {
  const key = keys?.[0];
  if (key?.begin.type !== "index") return 0;
  // Behind a count of keys; where that is 0 it is no key, and of no use.
  return key.begin.index + (key.find.type === "keynum" ? key.find.firstKey : 0);
}

const MIN_CELLS = 16;

/** A name under which a command is found; the command itself once it was asked for. */
interface NamedCommand<S extends ServerContext> {
  /** In lower case. */
  name: Uint8Array;
  /** The command's own, as its entry spells it. */
  readonly ownName: string;
  command: Command<S> | undefined;
  /** Where the command comes from while it is not there. */
  readonly family: DeferredFamily<S> | undefined;
}

/** Commands by name, whatever the case. */
export class CommandRegistry<S extends ServerContext = ServerContext> {
  readonly #entries: NamedCommand<S>[] = [];
  #cells: (NamedCommand<S> | undefined)[] = new Array(MIN_CELLS).fill(undefined);
  #mask = MIN_CELLS - 1;
  /** Commands that rename-command has taken away. */
  readonly #removed: NamedCommand<S>[] = [];

  /** A registry of every command of the families, none of which is loaded for it. */
  static of<S extends ServerContext>(families: readonly DeferredFamily<S>[]): CommandRegistry<S> {
    const registry = new CommandRegistry<S>();
    for (const family of families) registry.add(family);
    return registry;
  }

  /** Cold: adds the commands of a family. */
  add(family: DeferredFamily<S>): void {
    for (const name of family.names) this.#enter(name, undefined, family);
  }

  /** Cold: a registry of a container's subcommands. */
  static under<S extends ServerContext>(
    parent: Command<S>,
    specs: readonly CommandSpec<S>[],
  ): CommandRegistry<S> {
    const registry = new CommandRegistry<S>();
    for (const spec of specs) {
      registry.#enter(spec.name, new Command(spec, parent.group, parent), undefined);
    }
    return registry;
  }

  /**
   * Cold: has a command found under another name only, or under none where that is empty (the
   * rename-command directive). To all else it stays what it was: error texts, key extraction and
   * statistics go by its own name. False where there is no command of that name.
   */
  rename(name: string, newName: string): boolean {
    const bytes = latin1Bytes(name);
    const entry = this.#entryOf(bytes, 0, bytes.length);
    if (entry === undefined) return false;
    if (newName === "")
      this.#removed.push(...this.#entries.splice(this.#entries.indexOf(entry), 1));
    else entry.name = latin1Bytes(newName.toLowerCase());
    this.#rebuild(this.#cells.length);
    return true;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** Every command. Cold: loads all families. */
  *[Symbol.iterator](): Generator<Command<S>> {
    for (const entry of this.#entries) yield entry.command ?? this.#load(entry);
  }

  /** Every command and subcommand there has ever been, a container before its own. Cold. */
  *originals(): Generator<Command<S>> {
    for (const entry of [...this.#entries, ...this.#removed]) {
      const command = entry.command ?? this.#load(entry);
      yield command;
      if (command.subcommands !== undefined) yield* command.subcommands;
    }
  }

  /** The commands that were asked for so far: only they have statistics. Cold. */
  *loaded(): Generator<Command<S>> {
    for (const { command } of this.#entries) if (command !== undefined) yield command;
  }

  /** Whether there is a command of a name. */
  has(name: string): boolean {
    const bytes = latin1Bytes(name);
    return this.#entryOf(bytes, 0, bytes.length) !== undefined;
  }

  /** Finds a command by its name's bytes. */
  find(bytes: Uint8Array, start: number, end: number): Command<S> | undefined {
    const entry = this.#entryOf(bytes, start, end);
    return entry === undefined ? undefined : (entry.command ?? this.#load(entry));
  }

  #entryOf(bytes: Uint8Array, start: number, end: number): NamedCommand<S> | undefined {
    const mask = this.#mask;
    let cell = nameHash(bytes, start, end) & mask;
    for (;;) {
      const entry = this.#cells[cell];
      if (entry === undefined || sameName(entry.name, bytes, start, end)) return entry;
      cell = (cell + 1) & mask;
    }
  }

  /** Cold: loads the family of a command that was not asked for before. */
  #load(entry: NamedCommand<S>): Command<S> {
    const family = entry.family!;
    const { group, commands } = family.load();
    const specs = new Map(commands.map((spec) => [spec.name, spec]));
    for (const other of [...this.#entries, ...this.#removed]) {
      if (other.family !== family) continue;
      const spec = specs.get(other.ownName);
      assert(spec !== undefined, "a family lacks a command that it was said to have");
      other.command = new Command(spec, group);
    }
    return entry.command!;
  }

  #enter(
    name: string,
    command: Command<S> | undefined,
    family: DeferredFamily<S> | undefined,
  ): void {
    const entry = { name: latin1Bytes(name.toLowerCase()), ownName: name, command, family };
    this.#entries.push(entry);
    // A quarter full at most, so that nearly every name is found in its home cell.
    if (this.#entries.length * 4 > this.#cells.length) this.#rebuild(this.#cells.length * 4);
    else this.#place(entry);
  }

  #place(entry: NamedCommand<S>): void {
    const { name } = entry;
    let cell = nameHash(name, 0, name.length) & this.#mask;
    while (this.#cells[cell] !== undefined) cell = (cell + 1) & this.#mask;
    this.#cells[cell] = entry;
  }

  /** Cold: when a command is added or renamed. */
  #rebuild(cellCount: number): void {
    this.#cells = new Array(cellCount).fill(undefined);
    this.#mask = cellCount - 1;
    for (const entry of this.#entries) this.#place(entry);
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
