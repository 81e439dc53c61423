// Random commands to our server and to Redis 8.0. MINIREDIS_SEED and MINIREDIS_STEPS choose another
// run; a failure prints its seed.

import { type Command, differential } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 8);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 30_000);
const FAMILY_STEPS = Math.ceil(STEPS / 10);

function* take(commands: Iterable<Command>, count: number): Generator<Command> {
  let taken = 0;
  for (const command of commands) {
    yield command;
    if (++taken === count) return;
  }
}

differential(
  "random",
  "redis8",
  ({ compare }) => {
    for (const seed of [SEED, SEED + 1, SEED + 2]) {
      compare(`${STEPS} random commands, seed ${seed}`, (known) => {
        return take(randomCommands(new Choices(seed), known), STEPS);
      });
    }
    // Among all families most commands meet a key of another type.
    for (const [family, templates] of Object.entries(TEMPLATE_FAMILIES)) {
      compare(`${FAMILY_STEPS} random commands of ${family}, seed ${SEED}`, (known) => {
        if (!Object.keys(templates).some(known)) return [];
        return take(randomCommands(new Choices(SEED), known, templates), FAMILY_STEPS);
      });
    }
  },
  { timeoutMs: 60_000 + STEPS * 10 },
);
