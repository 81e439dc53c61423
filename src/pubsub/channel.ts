// A channel, pattern or shard channel that somebody subscribed to, and who did.
//
// Subscriptions know their place among the channel's, so that taking one away moves the last one
// there instead of searching: a client may hold a million of them, and a channel may have as many.

import type { Client } from "../command/client.ts";
import type { Named } from "../structures/name-table.ts";

/** One client's subscription to one channel. */
export interface Subscription {
  readonly client: Client;
  readonly channel: Channel;
  /** Where it stands among the channel's subscriptions. */
  position: number;
}

/** What a name stands for: each kind has names of its own. */
export class Channel implements Named<Channel> {
  readonly name: Uint8Array;
  readonly hash: number;
  chained: Channel | undefined = undefined;
  readonly subscriptions: Subscription[] = [];

  constructor(name: Uint8Array, hash: number) {
    this.name = name;
    this.hash = hash;
  }

  add(client: Client): Subscription {
    const position = this.subscriptions.length;
    const subscription = { client, channel: this, position };
    this.subscriptions.push(subscription);
    return subscription;
  }

  remove(subscription: Subscription): void {
    const last = this.subscriptions.pop() as Subscription;
    if (last === subscription) return;
    last.position = subscription.position;
    this.subscriptions[last.position] = last;
  }
}
