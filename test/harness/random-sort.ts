// Random SORT commands for the differential fuzzer. Only what does not depend on the order in which
// Redis happens to have the members of a large set.

import type { Argument } from "./client.ts";
import type { Choices } from "./generate.ts";
import { integer, key, some, type Template } from "./random-choices.ts";

const PATTERNS = ["*", "k*", "k0*", "nothing", "k*->f1", "*->field"];

function options(choices: Choices): Argument[] {
  return some(choices, [
    ...[["asc"], ["desc"], ["limit", integer(choices), integer(choices)]],
    ...[
      ["get", "#"],
      ["get", choices.pick(PATTERNS)],
    ],
  ]);
}

export const SORT_TEMPLATES: Readonly<Record<string, Template>> = {
  sort: (c) => [
    ...["sort", key(c), ...options(c), ...(c.oneIn(3) ? ["alpha"] : [])],
    ...(c.oneIn(3) ? ["store", key(c)] : []),
  ],
  sort_ro: (c) => ["sort_ro", key(c), ...options(c), ...(c.oneIn(3) ? ["alpha"] : [])],
};
