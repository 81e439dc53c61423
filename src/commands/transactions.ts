// Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing is in `src/transactions/`.

import {
  ALLOW_BUSY,
  defineFamily,
  FAST,
  keyRange,
  LOADING,
  NOSCRIPT,
  RO,
  SKIP_SLOWLOG,
  STALE,
  UNQUEUED,
} from "../command/spec.ts";
import { keys } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

const ALWAYS = NOSCRIPT | LOADING | STALE;

export const transactionCommands = defineFamily<Features>("transactions", [
  {
    name: "MULTI",
    arity: 1,
    flags: ALWAYS | FAST | ALLOW_BUSY | UNQUEUED,
    since: "1.2.0",
    complexity: "O(1)",
    summary: "Begins a transaction: commands are queued from here on.",
    run: multiCommand,
  },
  {
    name: "EXEC",
    arity: 1,
    flags: ALWAYS | SKIP_SLOWLOG | UNQUEUED,
    since: "1.2.0",
    complexity: "Depends on commands in the transaction",
    summary: "Runs the commands queued, unless a watched key has changed.",
    run: execCommand,
  },
  {
    name: "DISCARD",
    arity: 1,
    flags: ALWAYS | FAST | ALLOW_BUSY | UNQUEUED,
    since: "2.0.0",
    complexity: "O(N), when N is the number of queued commands",
    summary: "Forgets the commands queued.",
    run: discardCommand,
  },
  {
    name: "WATCH",
    arity: -2,
    flags: ALWAYS | FAST | ALLOW_BUSY | UNQUEUED,
    since: "2.2.0",
    complexity: "O(1) for every key.",
    summary: "Has the next transaction fail if one of the keys changes until then.",
    keys: [keyRange(1, -1, 1, RO)],
    args: [keys],
    run: watchCommand,
  },
  {
    name: "UNWATCH",
    arity: 1,
    flags: ALWAYS | FAST | ALLOW_BUSY,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Forgets the keys watched.",
    run: unwatchCommand,
  },
]);

// MULTI
function multiCommand(c: Context): void {
  if (c.client.queuedCommands >= 0) return c.reply.error("ERR MULTI calls can not be nested");
  c.server.transactions.begin(c.client);
  c.reply.ok();
}

// EXEC
function execCommand(c: Context): void {
  const { client, server } = c;
  const { transactions } = server;
  if (client.queuedCommands < 0) return c.reply.error("ERR EXEC without MULTI");
  if (client.watchedKeys > 0 && transactions.watches.hasExpired(client)) client.dirtyWatch = true;
  if (client.dirtyQueue) {
    c.reply.error("EXECABORT Transaction discarded because of previous errors.");
    return transactions.discard(client);
  }
  if (client.dirtyWatch) {
    c.reply.nullArray();
    return transactions.discard(client);
  }
  const { changes } = c.effects;
  transactions.run(c, server.executor);
  // The commands have been propagated, each as itself.
  if (c.effects.changes > changes) c.effects.suppress();
}

// DISCARD
function discardCommand(c: Context): void {
  if (c.client.queuedCommands < 0) return c.reply.error("ERR DISCARD without MULTI");
  c.server.transactions.discard(c.client);
  c.reply.ok();
}

// WATCH key [key ...]
function watchCommand(c: Context): void {
  const { client } = c;
  if (client.queuedCommands >= 0) return c.reply.error("ERR WATCH inside MULTI is not allowed");
  // The transaction is spoiled already.
  if (!client.dirtyWatch) {
    for (let index = 1; index < c.count; index++) c.server.transactions.watches.watch(c, index);
  }
  c.reply.ok();
}

// UNWATCH
function unwatchCommand(c: Context): void {
  c.server.transactions.unwatch(c.client);
  c.reply.ok();
}
