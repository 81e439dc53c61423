// DEBUG RELOAD and DEBUG LOADAOF: the data set by way of its file and back.

import { FOR_COMPLETION, FOREVER } from "../blocking/waiter.ts";
import type { Context } from "./features.ts";

const LOADING_TEXT = "LOADING Redis is loading the dataset in memory";

// DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]
export function debugReload(c: Context): void {
  if (c.server.persistence.loading) {
    return c.reply.error(LOADING_TEXT);
  }
  let saves = true;
  let flushes = true;
  let merges = false;
  for (let index = 2; index < c.count; index++) {
    if (c.is(index, "nosave")) saves = false;
    else if (c.is(index, "noflush")) flushes = false;
    else if (c.is(index, "merge")) merges = true;
    else {
      return c.reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  const { snapshots, keyspace, libraries } = c.server;
  snapshots.cancel();
  if (saves && !snapshots.save()) return c.reply.error("ERR");
  if (flushes) {
    keyspace.clear();
    libraries.clear();
    c.server.tracking.flushed();
  }
  if (!snapshots.reload(merges)) {
    return c.reply.error("ERR Error trying to load the RDB dump, check server logs.");
  }
  c.reply.ok();
}

// DEBUG LOADAOF
export function debugLoadAof(c: Context): void {
  const { blocking, durability, persistence } = c.server;
  if (blocking.isCompleting(c.client)) {
    if (durability.hasReloaded) return c.reply.ok();
    return c.reply.error("ERR Error trying to load the AOF files, check server logs.");
  }
  if (persistence.loading) return c.reply.error(LOADING_TEXT);
  // Loading takes many turns of the event loop, which a transaction waits for as a whole.
  const waiter = blocking.hold(c, FOR_COMPLETION, FOREVER);
  durability.reload(() => c.server.complete(waiter));
}
