// What follows from what the keyspace tells: keys that go by themselves are propagated, who follows
// keyspace events is notified, and who waits for a key learns of it.

import type { CommandContext } from "../command/context.ts";
import type { Effects } from "../command/effects.ts";
import type { Features } from "../commands/features.ts";
import { EVENT_EVICTED, EVENT_EXPIRED } from "../keyspace/event-classes.ts";
import type { KeyspaceEvents } from "../keyspace/keyspace.ts";
import { notifyOf } from "../keyspace/notify.ts";
import type { KeyspaceNotifier } from "../pubsub/keyspace-notifier.ts";
import type { RecordView } from "../structures/record.ts";

/** Follows the keyspace of one server. */
export class KeyspaceObserver implements KeyspaceEvents {
  readonly #server: Features;
  readonly #context: CommandContext<Features>;
  readonly #effects: Effects;
  readonly #notifier: KeyspaceNotifier;

  constructor(context: CommandContext<Features>, notifier: KeyspaceNotifier) {
    this.#server = context.server;
    this.#context = context;
    this.#effects = context.effects;
    this.#notifier = notifier;
  }

  expired(dbIndex: number, view: RecordView): void {
    this.#notifyOf(EVENT_EXPIRED, "expired", dbIndex, view);
    this.#propagateDeletion("lazyfree-lazy-expire", dbIndex, view);
  }

  evicted(dbIndex: number, view: RecordView): void {
    this.#notifyOf(EVENT_EVICTED, "evicted", dbIndex, view);
    this.#propagateDeletion("lazyfree-lazy-eviction", dbIndex, view);
  }

  /** Propagates the deletion of a hash's field. */
  fieldExpired(
    dbIndex: number,
    view: RecordView,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.#effects.active) return;
    const writer = this.#effects.also(3, dbIndex);
    writer.bulkText("HDEL");
    writer.bulk(view.bytes, view.keyStart, view.keyEnd);
    writer.bulk(bytes, start, end);
  }

  notified(dbIndex: number, name: string, bytes: Uint8Array, start: number, end: number): void {
    const { keyspace, tracking } = this.#server;
    if (keyspace.changes.hasNoted) {
      tracking.settleKey(name, bytes, start, end, this.#context.command.flags);
    }
    this.#notifier.notify(dbIndex, name, bytes, start, end);
  }

  appeared(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void {
    this.#server.blocking.appeared(dbIndex, type, bytes, start, end);
  }

  vanished(dbIndex: number, type: number, bytes: Uint8Array, start: number, end: number): void {
    this.#server.blocking.vanished(dbIndex, type, bytes, start, end);
  }

  /** Tells of what happens to the key of a view. */
  #notifyOf(eventClass: number, name: string, dbIndex: number, view: RecordView): void {
    const { keyspace } = this.#server;
    notifyOf(keyspace, keyspace.databases[dbIndex], eventClass, name, view);
  }

  /** Propagates a key's deletion by expiry or eviction as DEL, or UNLINK under lazy freeing. */
  #propagateDeletion(lazyDirective: string, dbIndex: number, view: RecordView): void {
    if (!this.#effects.active) return;
    const writer = this.#effects.also(2, dbIndex);
    writer.bulkText(this.#server.config.flag(lazyDirective) ? "UNLINK" : "DEL");
    writer.bulk(view.bytes, view.keyStart, view.keyEnd);
  }
}
