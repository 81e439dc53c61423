// Families that tests make up, or want without waiting for their first command.

import type { ServerContext } from "../../src/command/context.ts";
import type { CommandFamily, DeferredFamily } from "../../src/command/spec.ts";

/** Declares that a family is at hand. */
export function presentFamily<S extends ServerContext>(
  family: CommandFamily<S>,
): DeferredFamily<S> {
  return { names: family.commands.map(({ name }) => name), load: () => family };
}
