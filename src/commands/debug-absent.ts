// DEBUG's subcommands about what is not there: a cluster, replicas. They answer as a Redis that is
// neither in a cluster nor has replicas, where they change as little.

import type { Context } from "./features.ts";
import { replyWrongSubcommand } from "./help.ts";

// DEBUG CLUSTERLINK KILL to | from | all node-id
export function debugClusterLink(c: Context): void {
  if (!c.is(2, "kill")) return replyWrongSubcommand(c, "DEBUG");
  c.reply.error("ERR Debug option only available for cluster mode enabled setup!");
}

// DEBUG DROP-CLUSTER-PACKET-FILTER packet-type
export function debugDropPackets(c: Context): void {
  if (c.int64(2) === undefined) c.reply.notAnInteger();
  else c.reply.ok();
}

// DEBUG INTERNAL_SECRET
export function debugInternalSecret(c: Context): void {
  c.reply.error("ERR Internal secret is missing");
}

// DEBUG REPLICATE argument [argument ...]
export function debugReplicate(c: Context): void {
  // To replicas only, never to the append-only file.
  c.reply.ok();
}

const STEPS = ["clear", "after-fork", "before-rdb-channel", "on-streaming-repl-buf"];

// DEBUG REPL-PAUSE step
export function debugPauseReplication(c: Context): void {
  if (STEPS.some((step) => c.is(2, step))) c.reply.ok();
  else replyWrongSubcommand(c, "DEBUG");
}
