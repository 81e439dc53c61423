// Random commands in transactions, for the differential tests: some of them queued between MULTI
// and EXEC, or each between WATCH and an EXEC that shows whether the watched key has changed.

import type { Command } from "./differential.ts";
import type { Choices } from "./generate.ts";
import { key } from "./random-choices.ts";

const QUEUED_MAX = 8;
/** One command in so many begins a transaction. */
const TRANSACTION_EVERY = 8;

/** The commands, some of them in transactions, a few of which are discarded. */
export function* inTransactions(choices: Choices, commands: Iterable<Command>): Generator<Command> {
  let rest = 0;
  for (const command of commands) {
    if (rest === 0 && choices.oneIn(TRANSACTION_EVERY)) {
      yield ["multi"];
      rest = 1 + choices.below(QUEUED_MAX);
    }
    yield command;
    if (rest > 0 && --rest === 0) yield [choices.oneIn(20) ? "discard" : "exec"];
  }
  if (rest > 0) yield ["exec"];
}

/** The commands, each followed by a transaction that runs unless it has changed a random key. */
export function* watched(choices: Choices, commands: Iterable<Command>): Generator<Command> {
  for (const command of commands) {
    yield ["watch", key(choices)];
    yield command;
    yield ["multi"];
    yield ["ping"];
    yield ["exec"];
  }
}
