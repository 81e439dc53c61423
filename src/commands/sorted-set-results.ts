// hot path: no allocation per command
//
// Sorted sets that commands make: stored under a key, in place of what that held.

import { EVENT_GENERIC, EVENT_ZSET } from "../keyspace/event-classes.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { LISTPACK, ZSET } from "../structures/record.ts";
import type { SortedSet } from "../structures/sorted-set.ts";
import type { Context } from "./features.ts";

const result = new ZsetValue();

/**
 * Puts a set, which belongs to the key from now on or is given back, in the key in argument
 * `index`, and replies with its size. An empty one deletes the key. Cold.
 */
export function storeZset(c: Context, index: number, set: SortedSet): void {
  const { keyspace } = c.server;
  const { size } = set;
  const { fullName } = c.command;
  const event = fullName.startsWith("georadius") ? "georadiusstore" : fullName;
  try {
    if (size === 0) {
      if (c.deleteKey(index)) {
        c.effects.changed(1);
        c.notify(EVENT_GENERIC, "del", index);
      }
    } else {
      storeMembers(c, index, set);
      c.effects.changed(1);
      c.notify(EVENT_ZSET, event, index);
    }
  } catch (error) {
    keyspace.lazyFree.discard(set);
    throw error;
  }
  c.reply.integer(size);
}

function storeMembers(c: Context, index: number, set: SortedSet): void {
  const { keyspace } = c.server;
  const value = result.begin(set);
  const length = value.listpackLength(keyspace);
  if (length === 0) {
    c.storeContainer(index, set);
    return;
  }
  const view = c.storeValue(index, ZSET, LISTPACK, length);
  value.writeListpack(view.bytes, view.valueStart);
  c.db.resized(ZSET, -1, set.size);
  keyspace.lazyFree.discard(set);
}
