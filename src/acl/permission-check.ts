// hot path: no allocation per command
//
// Whether a user may run a command with its arguments. Keys are found once for all selectors, by
// the extraction that COMMAND GETKEYS uses, and the few that it misses.

import type { CommandContext, ServerContext } from "../command/context.ts";
import { findTouchedKeys, KeyList, takesKeys } from "../command/key-extraction.ts";
import type { Command } from "../command/registry.ts";
import { ACCESS, DELETE, INSERT, NO_AUTH, UPDATE } from "../command/spec.ts";
import { READ_KEYS, type Selector, WRITE_KEYS } from "./selector.ts";
import type { User } from "./user.ts";

/** What a user is missing; of several selectors the one counts that went furthest. */
export const PERMITTED = 0;
export const DENIED_COMMAND = 1;
export const DENIED_KEY = 2;
/** A wrong password or user; the check does not return it. */
export const DENIED_AUTH = 3;
export const DENIED_CHANNEL = 4;
export type Denial =
  | typeof DENIED_COMMAND
  | typeof DENIED_KEY
  | typeof DENIED_AUTH
  | typeof DENIED_CHANNEL;

/** Checks the commands of one server. */
export class PermissionCheck {
  readonly #keys = new KeyList();
  #hasKeys = false;
  /** The argument that was denied by the newest check; its command's name for a command. */
  deniedIndex = 0;
  /** The same in the selector that was asked last. */
  #index = 0;

  /**
   * Whether a user may run a command whose arguments are `count` of the context's from `base` on.
   */
  check(
    user: User,
    command: Command,
    c: CommandContext<ServerContext>,
    base: number,
    count: number,
  ): typeof PERMITTED | Denial {
    this.#hasKeys = false;
    let denial: Denial = DENIED_COMMAND;
    this.deniedIndex = base;
    const selectors = user.selectors;
    for (let k = 0; k < selectors.length; k++) {
      this.#index = base;
      const answer = this.#ask(selectors[k], command, c, base, count);
      if (answer === PERMITTED) return PERMITTED;
      if (answer > denial || (answer === denial && this.#index > this.deniedIndex)) {
        denial = answer;
        this.deniedIndex = this.#index;
      }
    }
    return denial;
  }

  /** Whether a selector that permits the command lets it read every key there may be. */
  readsAllKeys(
    user: User,
    command: Command,
    c: CommandContext<ServerContext>,
    base: number,
    count: number,
  ): boolean {
    this.#hasKeys = false;
    const selectors = user.selectors;
    for (let k = 0; k < selectors.length; k++) {
      if (!selectors[k].readsAllKeys) continue;
      if (this.#ask(selectors[k], command, c, base, count) === PERMITTED) return true;
    }
    return false;
  }

  #ask(
    selector: Selector,
    command: Command,
    c: CommandContext<ServerContext>,
    base: number,
    count: number,
  ): typeof PERMITTED | Denial {
    const isAlwaysAllowed = (command.flags & NO_AUTH) !== 0;
    if (!isAlwaysAllowed && !selector.allowsCommand(command, c, base, count)) return DENIED_COMMAND;
    // A script may ask about a call that could not be made: it touches nothing.
    if (!selector.allowsAllKeys && takesKeys(command) && command.acceptsCount(count)) {
      if (!this.#allowsKeys(selector, command, c, base, count)) return DENIED_KEY;
    }
    if (!selector.allowsAllChannels && command.spec.channels !== undefined) {
      if (!this.#allowsChannels(selector, command, c, base, count)) return DENIED_CHANNEL;
    }
    return PERMITTED;
  }

  #allowsKeys(
    selector: Selector,
    command: Command,
    c: CommandContext<ServerContext>,
    base: number,
    count: number,
  ): boolean {
    const keys = this.#keys;
    if (!this.#hasKeys) findTouchedKeys(command, c, base, count, keys);
    this.#hasKeys = true;
    for (let k = 0; k < keys.count; k++) {
      const index = keys.indexes[k];
      const access = accessOf(keys.flags[k]);
      if (selector.allowsKey(access, c.bytes, c.start(index), c.end(index))) continue;
      this.#index = index;
      return false;
    }
    return true;
  }

  #allowsChannels(
    selector: Selector,
    command: Command,
    c: CommandContext<ServerContext>,
    base: number,
    count: number,
  ): boolean {
    const channels = command.spec.channels!;
    const end = base + (channels.isList ? count : channels.index + 1);
    for (let index = base + channels.index; index < end; index++) {
      const start = c.start(index);
      if (selector.allowsChannel(channels.arePatterns, c.bytes, start, c.end(index))) continue;
      this.#index = index;
      return false;
    }
    return true;
  }
}

/** What a key must permit for what key spec flags say. */
function accessOf(flags: number): number {
  const reads = (flags & ACCESS) !== 0 ? READ_KEYS : 0;
  return (flags & (INSERT | DELETE | UPDATE)) !== 0 ? reads | WRITE_KEYS : reads;
}
