// What runs commands on behalf of another one: EXEC and scripts reach dispatch through this.

import type { ServerContext } from "./context.ts";
import type { Command } from "./registry.ts";

/** Runs commands past the gates. */
export interface CommandExecutor<S extends ServerContext> {
  /**
   * Runs a command whose arguments and client the context has been pointed at; its request in RESP
   * is the context's bytes[from, to). It replies, is counted, timed, logged and propagated as one
   * that a client has sent. The context's arguments are not put back.
   */
  call(command: Command<S>, from: number, to: number): void;
}
