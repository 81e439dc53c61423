// The commands as rules name them: by name, as "config|get", and by category. Rules know a command
// by its own name whatever rename-command made of it, and whether or not it was removed.
//
// Built when the first user is defined, since it loads and numbers all commands: a server without
// users does not pay for it.

import { ACL_CATEGORIES, aclCategories } from "../command/introspection.ts";
import type { Command, CommandRegistry } from "../command/registry.ts";

/** One server's commands by name and category. */
export class CommandIndex {
  readonly #registry: CommandRegistry;
  readonly #byName = new Map<string, Command>();
  readonly #byCategory = new Map<string, Command[]>();

  constructor(registry: CommandRegistry) {
    this.#registry = registry;
  }

  /** Ids of commands and subcommands are below this. */
  get idCount(): number {
    this.#build();
    return this.#byName.size;
  }

  /** The command, or "container|subcommand", of a name in any case. */
  find(name: string): Command | undefined {
    this.#build();
    return this.#byName.get(name.toLowerCase());
  }

  /** The commands and subcommands of a category, by its name in any case, without the at sign. */
  category(name: string): readonly Command[] | undefined {
    this.#build();
    return this.#byCategory.get(name.toLowerCase());
  }

  #build(): void {
    if (this.#byName.size > 0) return;
    for (const category of ACL_CATEGORIES) this.#byCategory.set(category, []);
    for (const command of this.#registry.originals()) {
      command.id = this.#byName.size;
      this.#byName.set(command.fullName, command);
      for (const category of aclCategories(command)) this.#byCategory.get(category)?.push(command);
    }
  }
}
