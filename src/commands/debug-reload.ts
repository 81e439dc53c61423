// DEBUG RELOAD: the data set by way of its snapshot file and back.

import type { Context } from "./features.ts";

// DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]
export function debugReload(c: Context): void {
  if (c.server.persistence.loading) {
    return c.reply.error("LOADING Redis is loading the dataset in memory");
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
  }
  if (!snapshots.reload(merges)) {
    return c.reply.error("ERR Error trying to load the RDB dump, check server logs.");
  }
  c.reply.ok();
}
