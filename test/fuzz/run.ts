// bun run fuzz [NAME...] [--seed N] [--steps N] [--rounds N]
//
// Runs the fuzzers named, or all, in turn: without end unless --rounds is given, each round with
// the next seed. The seed is printed before it is used, so that whatever happens can be repeated.

import { parseArgs } from "node:util";
import { Choices } from "../harness/generate.ts";
import { FUZZERS } from "./fuzzers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    steps: { type: "string", default: "20000" },
    rounds: { type: "string", default: "Infinity" },
  },
});

const chosen = FUZZERS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (chosen.length === 0) {
  console.error(`no such fuzzer; there are ${FUZZERS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const firstSeed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const steps = Number(values.steps);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const fuzzer of chosen) {
    const seed = (firstSeed + round) >>> 0;
    const startMs = performance.now();
    process.stdout.write(`${fuzzer.name} --seed ${seed} --steps ${steps} `);
    fuzzer.run(new Choices(seed), steps);
    console.log(`ok, ${Math.round(performance.now() - startMs)} ms`);
  }
}
