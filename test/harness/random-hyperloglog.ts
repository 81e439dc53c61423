// Random HyperLogLog commands for the differential fuzzer.

import type { Argument } from "./client.ts";
import type { Choices } from "./generate.ts";
import { key, keys, type Template, value } from "./random-choices.ts";

function elements(choices: Choices): Argument[] {
  const count = choices.below(choices.pick([3, 20, 60]));
  return Array.from({ length: count }, () =>
    choices.oneIn(5) ? value(choices) : choices.below(1_000_000),
  );
}

/** Mostly keys of their own: among all keys there would hardly be a HyperLogLog. */
function sketch(choices: Choices): Argument {
  return choices.oneIn(5) ? key(choices) : choices.pick(["hll1", "hll2", "hll3"]);
}

function sketches(choices: Choices): Argument[] {
  return Array.from({ length: 1 + choices.below(3) }, () => sketch(choices));
}

export const HYPERLOGLOG_TEMPLATES: Readonly<Record<string, Template>> = {
  pfadd: (c) => ["pfadd", sketch(c), ...elements(c)],
  pfcount: (c) => ["pfcount", ...(c.oneIn(8) ? keys(c) : sketches(c))],
  pfdebug: (c) => [
    "pfdebug",
    c.pick(["decode", "decode", "encoding", "encoding", c.oneIn(10) ? "todense" : "decode"]),
    sketch(c),
  ],
  pfmerge: (c) => ["pfmerge", sketch(c), ...sketches(c)],
};
