// The directive maxclients, which cannot be more than the process may have descriptors.

import { LOG_WARNING, type Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { findDirective } from "../config/directives.ts";
import { InvalidValue } from "../config/value-types.ts";
import { descriptorLimit } from "./descriptors.ts";

/** Descriptors kept for listeners, files and what the runtime opens. */
const RESERVED_DESCRIPTORS = 32;

/** Refuses more clients than there are descriptors for; throws InvalidValue. */
export function checkMaxClients(config: Config): void {
  const possible = descriptorLimit() - RESERVED_DESCRIPTORS;
  if (config.integer("maxclients") <= possible) return;
  throw new InvalidValue(
    "The operating system is not able to handle the specified number of clients, " +
      `try with ${possible}`,
  );
}

/** At the start: lowers maxclients to what the descriptor limit allows, and says so. */
export function capMaxClients(config: Config, logger: Logger): void {
  const possible = Math.max(1, descriptorLimit() - RESERVED_DESCRIPTORS);
  if (config.integer("maxclients") <= possible) return;
  logger.log(
    LOG_WARNING,
    `maxclients has been reduced to ${possible}, ` +
      `since no more than ${descriptorLimit()} files may be open.`,
  );
  config.assign(findDirective("maxclients")!, [String(possible)]);
}
