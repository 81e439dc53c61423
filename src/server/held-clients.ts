// Clients whose commands are held back, by CLIENT PAUSE or because their keys are on their way to
// another server: has them go on as soon as nothing holds them any more.

import { TIMER_MS_MAX } from "../base/clock.ts";
import type { Server } from "./server.ts";

/** The held clients of one server. */
export class HeldClients {
  readonly #server: Server;
  #timer: Timer | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.pauses.onPause = () => this.#followPause();
    server.pauses.onRelease = () => {
      // A write that is admitted now must meet no hidden record.
      this.#hideExpired();
      this.releaseSoon();
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Not at once: the command that ends what held them is still running. */
  releaseSoon(): void {
    setImmediate(() => this.#release());
  }

  #followPause(): void {
    const { clock, pauses } = this.#server;
    this.#hideExpired();
    this.#server.updateRestrictions();
    clearTimeout(this.#timer);
    const restMs = pauses.untilMs - clock.wallMs();
    // The cron ends longer pauses.
    if (restMs >= TIMER_MS_MAX) return;
    this.#timer = setTimeout(() => pauses.expire(clock.wallMs()), restMs + 1);
  }

  /** While the keyspace is frozen, what has expired is not deleted but looks as if it were. */
  #hideExpired(): void {
    const { keyspace, pauses } = this.#server;
    keyspace.hidesExpired = pauses.keyspaceFrozen;
  }

  #release(): void {
    const { blocking, connections, events } = this.#server;
    this.#server.updateRestrictions();
    events.run(() => blocking.resumePostponed());
    for (const connection of [...connections]) {
      const { client } = connection;
      if (client.blocked && client.wait === undefined) connection.resume();
    }
  }
}
