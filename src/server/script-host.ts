// What scripts and functions ask of the server that they run in.

import { PERMITTED } from "../acl/permission-check.ts";
import type { User } from "../acl/user.ts";
import { LOG_WARNING } from "../base/log.ts";
import type { Client } from "../command/client.ts";
import type { CommandContext } from "../command/context.ts";
import type { Command, CommandRegistry } from "../command/registry.ts";
import type { Features } from "../commands/features.ts";
import type { ScriptHost } from "../scripting/command-runner.ts";
import { scriptRefusal } from "./access-gate.ts";
import type { BlockedClients } from "./blocked-clients.ts";
import { isOutOfMemory } from "./dispatch.ts";
import type { Server } from "./server.ts";

/** The host of one server's scripts. */
export class ServerScriptHost implements ScriptHost<Features> {
  readonly #server: Server;
  readonly #blockedClients: BlockedClients;
  readonly isOutOfMemory = isOutOfMemory;
  readonly accessRefusal = scriptRefusal;

  constructor(server: Server, blockedClients: BlockedClients) {
    this.#server = server;
    this.#blockedClients = blockedClients;
  }

  get registry(): CommandRegistry<Features> {
    return this.#server.registry;
  }

  makeRoom(): boolean {
    return this.#server.makeRoom();
  }

  writeRefusal(): string {
    return this.#server.writeRefusal();
  }

  countError(): void {
    this.#server.dispatcher.countError();
  }

  countEvicted(): void {
    this.#server.statistics.evictedScripts++;
  }

  isPermitted(c: CommandContext<Features>, command: Command<Features>, client: Client): boolean {
    const { check } = this.#server.acl;
    return check.check(client.user as User, command, c, 0, c.count) === PERMITTED;
  }

  ran(c: CommandContext<Features>, client: Client, changed: boolean): void {
    this.#server.tracking.afterScripted(c, client, changed);
  }

  becameBusy(): void {
    this.#server.logger.log(LOG_WARNING, "Slow script detected: still in execution");
    this.#server.updateRestrictions();
  }

  inEvent(run: () => void): void {
    setImmediate(() => {
      if (!this.#server.isStopping) run();
    });
  }

  beginSlice(): void {
    this.#server.beginEvent();
  }

  endSlice(): void {
    const server = this.#server;
    server.keyspace.changes.settle(true, 0);
    if (!server.executions.isBusy) server.updateRestrictions();
    server.endEvent();
  }

  finished(client: Client, mark: number): void {
    this.#blockedClients.answered(client, mark);
  }
}
