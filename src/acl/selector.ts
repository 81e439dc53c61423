// hot path: no allocation per command
//
// A selector: one set of permissions of a user. What a command needs, a single selector must allow
// all of: the command itself, every key it touches and every channel it names.
//
//   commands        one bit per id of the registry
//   rules           what the client said about commands, in order, as ACL GETUSER shows it: each
//                   name once, at the place where it was last said
//   firstArguments  "+select|0": of a command that is not allowed, first arguments that are
//
// The selector of the default user has no bits until rules change it: ids are not given before.
//
// Invariants: `allowsAllKeys` and `keys` exclude each other, `allowsAllChannels` and `channels`,
// too; `allowsAllCommands` implies every bit and no first arguments.

import { equalBytes } from "../base/ascii.ts";
import { globMatches } from "../base/glob.ts";
import { latin1Bytes } from "../base/text.ts";
import type { ArgumentList } from "../command/key-extraction.ts";
import type { Command } from "../command/registry.ts";

/** What a key pattern permits. */
export const READ_KEYS = 1;
export const WRITE_KEYS = 2;
export const ALL_KEYS = READ_KEYS | WRITE_KEYS;

/** Keys that may be read, written or both. */
export class KeyPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
  access: number;

  constructor(text: string, access: number) {
    this.text = text;
    this.bytes = latin1Bytes(text);
    this.access = access;
  }
}

/** Channels. */
export class ChannelPattern {
  readonly text: string;
  readonly bytes: Uint8Array;

  constructor(text: string) {
    this.text = text;
    this.bytes = latin1Bytes(text);
  }
}

/** One set of permissions. */
export class Selector {
  readonly #commands: Int32Array;
  #firstArguments: Map<number, string[]> | undefined;
  /** Also commands that a later version adds. */
  allowsAllCommands = false;
  /** Shown in front of the rules: "+@all" or "-@all". */
  startsFromAll = false;
  rules: string[] = [];
  allowsAllKeys = false;
  keys: KeyPattern[] = [];
  allowsAllChannels: boolean;
  channels: ChannelPattern[] = [];

  constructor(commandCount: number, allowsAllChannels: boolean) {
    this.#commands = new Int32Array((commandCount + 31) >>> 5);
    this.allowsAllChannels = allowsAllChannels;
  }

  /** Nothing is forbidden. */
  get isUnrestricted(): boolean {
    return this.allowsAllCommands && this.allowsAllKeys && this.allowsAllChannels;
  }

  /** Cold: a selector that permits the same, of which rules can be changed. */
  copy(commandCount: number): Selector {
    const copy = new Selector(commandCount, this.allowsAllChannels);
    if (this.allowsAllCommands) copy.#commands.fill(-1);
    else copy.#commands.set(this.#commands);
    if (this.#firstArguments !== undefined) {
      copy.#firstArguments = new Map();
      for (const [id, words] of this.#firstArguments) copy.#firstArguments.set(id, words.slice());
    }
    copy.allowsAllCommands = this.allowsAllCommands;
    copy.startsFromAll = this.startsFromAll;
    copy.rules = this.rules.slice();
    copy.allowsAllKeys = this.allowsAllKeys;
    copy.keys = this.keys.map(({ text, access }) => new KeyPattern(text, access));
    copy.channels = this.channels.slice();
    return copy;
  }

  // What it permits.

  /** Whether a command may be called with these arguments, of which the first is `base`. */
  allowsCommand(command: Command, args: ArgumentList, base: number, count: number): boolean {
    if (this.allowsAllCommands) return true;
    const { id } = command;
    if ((this.#commands[id >>> 5] & (1 << (id & 31))) !== 0) return true;
    if (this.#firstArguments === undefined || count < 2) return false;
    const words = this.#firstArguments.get(id);
    if (words === undefined) return false;
    for (let k = 0; k < words.length; k++) if (args.is(base + 1, words[k])) return true;
    return false;
  }

  /** Whether a key may be used as `access` says: read, written, both, or (0) merely named. */
  allowsKey(access: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.allowsAllKeys) return true;
    const keys = this.keys;
    for (let k = 0; k < keys.length; k++) {
      if ((keys[k].access & access) !== access) continue;
      const pattern = keys[k].bytes;
      if (globMatches(pattern, 0, pattern.length, bytes, start, end)) return true;
    }
    return false;
  }

  /**
   * Whether a channel may be used. What is subscribed to as a pattern must stand in the user's own
   * patterns as it is.
   */
  allowsChannel(isPattern: boolean, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.allowsAllChannels) return true;
    const channels = this.channels;
    for (let k = 0; k < channels.length; k++) {
      const pattern = channels[k].bytes;
      if (isPattern) {
        const { length } = pattern;
        if (length === end - start && equalBytes(pattern, 0, bytes, start, length)) return true;
      } else if (globMatches(pattern, 0, pattern.length, bytes, start, end)) return true;
    }
    return false;
  }

  /** Whether every key there may be can be read. */
  get readsAllKeys(): boolean {
    if (this.allowsAllKeys) return true;
    for (let k = 0; k < this.keys.length; k++) {
      if ((this.keys[k].access & READ_KEYS) !== 0 && this.keys[k].text === "*") return true;
    }
    return false;
  }

  // What rules change.

  /** Cold: permits every command, or none. */
  setAllCommands(isAllowed: boolean): void {
    this.#commands.fill(isAllowed ? -1 : 0);
    this.#firstArguments = undefined;
    this.allowsAllCommands = isAllowed;
    this.startsFromAll = isAllowed;
    this.rules = [];
  }

  /** Cold: permits a command with all its subcommands, or does not; without noting the rule. */
  setCommand(command: Command, isAllowed: boolean): void {
    this.#firstArguments?.delete(command.id);
    this.#setBit(command.id, isAllowed);
    for (const subcommand of command.subcommands ?? []) this.#setBit(subcommand.id, isAllowed);
  }

  #setBit(id: number, isAllowed: boolean): void {
    if (isAllowed) {
      this.#commands[id >>> 5] |= 1 << (id & 31);
    } else {
      this.#commands[id >>> 5] &= ~(1 << (id & 31));
      this.allowsAllCommands = false;
    }
  }

  /** Cold: permits a command with a certain first argument. */
  addFirstArgument(command: Command, word: string): void {
    this.#firstArguments ??= new Map();
    const words = this.#firstArguments.get(command.id) ?? [];
    const lower = word.toLowerCase();
    if (!words.includes(lower)) words.push(lower);
    this.#firstArguments.set(command.id, words);
  }

  /** Cold: notes a rule about a command or category, in place of former ones about it. */
  noteRule(name: string, isAllowed: boolean): void {
    const lower = name.toLowerCase();
    this.rules = this.rules.filter((rule) => {
      const former = rule.slice(1);
      return former !== lower && !former.startsWith(`${lower}|`);
    });
    this.rules.push((isAllowed ? "+" : "-") + lower);
  }

  /** Cold: permits keys, besides those permitted. */
  addKeys(text: string, access: number): void {
    const known = this.keys.find((pattern) => pattern.text === text);
    if (known === undefined) this.keys.push(new KeyPattern(text, access));
    else known.access |= access;
  }

  /** Cold: permits all keys, or none. */
  setAllKeys(isAllowed: boolean): void {
    this.allowsAllKeys = isAllowed;
    this.keys = [];
  }

  /** Cold: permits channels, besides those permitted. */
  addChannels(text: string): void {
    if (this.channels.some((pattern) => pattern.text === text)) return;
    this.channels.push(new ChannelPattern(text));
  }

  /** Cold: permits all channels, or none. */
  setAllChannels(isAllowed: boolean): void {
    this.allowsAllChannels = isAllowed;
    this.channels = [];
  }
}
