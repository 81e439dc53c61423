// Random rules to our server and to Redis 8.0: what users they make, and what those may do.
// MINIREDIS_SEED and MINIREDIS_STEPS choose another run.

import { type Command, differential } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomLines, randomRules } from "../harness/random-acl.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 11);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 500);
/** Rules in one command; commands asked about after it. */
const RULES_MAX = 6;
const LINES_MAX = 12;

function* play(c: Choices, known: (name: string) => boolean): Generator<Command> {
  const lines = randomLines(c, known);
  for (let step = 0; step < STEPS; step++) {
    const user = c.pick(["u", "v"]);
    if (c.oneIn(12)) yield ["acl", "deluser", user];
    yield ["acl", "setuser", user, ...randomRules(c, RULES_MAX)];
    // Wrong rules spoil what stands beside them.
    if (c.oneIn(2)) for (const rule of randomRules(c, 3)) yield ["acl", "setuser", user, rule];
    yield ["acl", "getuser", user];
    if (c.oneIn(10)) yield ["acl", "list"];
    for (let k = c.below(LINES_MAX); k > 0; k--) {
      yield ["acl", "dryrun", user, ...(lines.next().value as Command)];
    }
  }
  yield ["acl", "deluser", "u", "v"];
}

differential(
  "random acl",
  "redis8",
  ({ compare }) => {
    for (const seed of [SEED, SEED + 1, SEED + 2]) {
      compare(`${STEPS} random changes of users, seed ${seed}`, (known) => {
        return play(new Choices(seed), known);
      });
    }
  },
  { timeoutMs: 60_000 + STEPS * 20 },
);
