// How one client is tracked: CLIENT TRACKING's options and what CLIENT CACHING said.

import type { ClientTracking } from "../command/client.ts";

/** What CLIENT TRACKING ON asks for. */
export interface TrackingOptions {
  /** The client that is told in place of the one that reads, 0 for that one itself. */
  readonly redirect: number;
  readonly isBroadcast: boolean;
  readonly isOptIn: boolean;
  readonly isOptOut: boolean;
  readonly isNoLoop: boolean;
}

/** The state of a client's tracking. */
export class TrackingState implements ClientTracking {
  options: TrackingOptions;
  /** CLIENT CACHING was given for the next command. */
  hasCaching = false;
  /** There was a message, and the client that it was for had left. */
  isBroken = false;
  /** Those of broadcasting mode, in the order in which they were asked for. */
  readonly prefixes: Uint8Array[] = [];

  constructor(options: TrackingOptions) {
    this.options = options;
  }

  get redirect(): number {
    return this.options.redirect;
  }

  get letters(): string {
    return `t${this.isBroken ? "R" : ""}${this.options.isBroadcast ? "B" : ""}`;
  }

  /** Whether the keys of the command that has been run are to be tracked. */
  get wantsKeys(): boolean {
    const { isBroadcast, isOptIn, isOptOut } = this.options;
    if (isBroadcast || (isOptIn && !this.hasCaching)) return false;
    return !(isOptOut && this.hasCaching);
  }
}
