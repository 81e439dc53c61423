// Random commands to our server and to Redis 8.0. MINIREDIS_SEED and MINIREDIS_STEPS choose another
// run; a failure prints its seed.

import { type Battery, type Command, differential } from "../harness/differential.ts";
import { Choices } from "../harness/generate.ts";
import { randomCommands, TEMPLATE_FAMILIES } from "../harness/random-commands.ts";

const SEED = Number(process.env.MINIREDIS_SEED ?? 8);
const STEPS = Number(process.env.MINIREDIS_STEPS ?? 20_000);
const FAMILY_STEPS = Math.ceil(STEPS / 15);

function* take(commands: Iterable<Command>, count: number): Generator<Command> {
  let taken = 0;
  for (const command of commands) {
    yield command;
    if (++taken === count) return;
  }
}

/** Limits so low that collections change their encodings all the time. */
const LOW_LIMITS = [
  ...["--list-max-listpack-size", "5", "--list-compress-depth", "1"],
  ...["--set-max-intset-entries", "6", "--set-max-listpack-entries", "5"],
  ...["--set-max-listpack-value", "10", "--hash-max-listpack-entries", "4"],
  ...["--hash-max-listpack-value", "10", "--zset-max-listpack-entries", "5"],
  ...["--zset-max-listpack-value", "10", "--stream-node-max-entries", "5"],
  ...["--hll-sparse-max-bytes", "60"],
];

const timeoutMs = 60_000 + STEPS * 10;

/** Each family on its own: among all of them most commands meet a key of another type. */
function compareFamilies(compare: Battery["compare"]): void {
  for (const [family, templates] of Object.entries(TEMPLATE_FAMILIES)) {
    compare(`${FAMILY_STEPS} random commands of ${family}, seed ${SEED}`, (known) => {
      if (!Object.keys(templates).some(known)) return [];
      return take(randomCommands(new Choices(SEED), known, templates), FAMILY_STEPS);
    });
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
    compareFamilies(compare);
  },
  { timeoutMs },
);

differential("random with low limits", "redis8", ({ compare }) => compareFamilies(compare), {
  args: LOW_LIMITS,
  timeoutMs,
});
