// What scripts and functions ask of the server that they run in.

import { PERMITTED } from "../acl/permission-check.ts";
import type { User } from "../acl/user.ts";
import { LOG_WARNING } from "../base/log.ts";
import { latin1Bytes } from "../base/text.ts";
import type { Client } from "../command/client.ts";
import type { CommandContext } from "../command/context.ts";
import { feedMonitors } from "../command/monitor.ts";
import type { Command, CommandRegistry } from "../command/registry.ts";
import { ADMIN, SKIP_MONITOR } from "../command/spec.ts";
import type { Features } from "../commands/features.ts";
import type { ScriptHost } from "../scripting/command-runner.ts";
import { scriptRefusal } from "./access-gate.ts";
import { eventOf } from "./accounting.ts";
import type { BlockedClients } from "./blocked-clients.ts";
import { isOutOfMemory } from "./dispatch.ts";
import { TOO_FEW_REPLICAS } from "./refusals.ts";
import type { Server } from "./server.ts";

/** What would run a script within a script, or make another of the client that scripts have. */
const NEVER_IN_SCRIPTS: ReadonlySet<string> = new Set([
  ...["scripting", "transactions", "connection", "pubsub"],
  ...["DEBUG", "MONITOR", "SHUTDOWN"],
]);

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

  allowsDenied({ spec, group }: Command<Features>): boolean {
    if (!this.#server.debugSettings.scriptsCallDenied) return false;
    return !NEVER_IN_SCRIPTS.has(group) && !NEVER_IN_SCRIPTS.has(spec.name);
  }

  writeRefusal(): string {
    return this.#server.diskRefusal() || this.#replicaRefusal;
  }

  scriptRefusal(): string {
    return this.#server.scriptRefusal() || this.#replicaRefusal;
  }

  get #replicaRefusal(): string {
    return this.#server.lacksReplicas ? TOO_FEW_REPLICAS : "";
  }

  countError(): void {
    this.#server.dispatcher.countError();
  }

  countErrorText(text: string): void {
    const bytes = latin1Bytes(`-${text}`);
    this.#server.statistics.noteError(bytes, 0, bytes.length);
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
    const { executions, logger } = this.#server;
    const { script, milliseconds } = executions.running!;
    logger.log(
      LOG_WARNING,
      `Slow script detected: still in execution after ${milliseconds} milliseconds. You can try ` +
        `killing the script using the ${script.isFunction ? "FUNCTION" : "SCRIPT"} KILL command. ` +
        `Script name is: ${script.label}.`,
    );
    this.#server.updateRestrictions();
  }

  inEvent(run: () => void): void {
    setImmediate(() => {
      if (!this.#server.isStopping) run();
    });
  }

  beginSlice(): void {
    this.#server.events.begin();
  }

  endSlice(): void {
    const server = this.#server;
    server.keyspace.changes.settle(true, 0);
    if (!server.executions.isBusy) server.updateRestrictions();
    server.events.end();
  }

  countCommands(count: number): void {
    this.#server.statistics.commandsProcessed += count;
  }

  mayWait(client: Client): boolean {
    const { durability, persistence } = this.#server;
    if (persistence.loading) return client === durability.replayingClient;
    // A transaction waits as a whole.
    return !client.denyBlocking || client.queuedCommands >= 0;
  }

  finished(c: CommandContext<Features>, mark: number): void {
    const server = this.#server;
    const { client } = c;
    client.commandsProcessed++;
    server.statistics.commandsProcessed++;
    const hasEnded = server.transactions.goOn(c, server.dispatcher);
    if (hasEnded) this.#blockedClients.answered(client, mark);
    else this.#blockedClients.answeredInPart(client, mark);
  }

  get isPrecise(): boolean {
    return this.#server.accounting.isPrecise;
  }

  get isMonitored(): boolean {
    return this.#server.monitors.size > 0;
  }

  timed(c: CommandContext<Features>, microseconds: number, calls: number): void {
    const { accounting } = this.#server;
    accounting.charge(c.command, microseconds, calls);
    accounting.noteSlow(c, microseconds);
    accounting.noteLatency(c, microseconds, eventOf(c.command));
  }

  monitor(c: CommandContext<Features>): void {
    if ((c.command.flags & (SKIP_MONITOR | ADMIN)) !== 0) return;
    feedMonitors(this.#server.monitors, c, this.#server.clock.wallUs(), "lua");
  }
}
