// What the geo commands have learned in Valkey beyond Redis 8.0: BYPOLYGON.

import { type Command, differential } from "../harness/differential.ts";
import { Choices, HOSTILE_DOUBLES, HOSTILE_INTEGERS, selections } from "../harness/generate.ts";

const TRIANGLE = ["bypolygon", "3", "13", "37", "13", "39", "16", "38"];

const OPTIONS: readonly (readonly string[])[] = [
  TRIANGLE,
  ["BYPOLYGON", "4", "-100", "-50", "-100", "50", "100", "50", "100", "-50"],
  ["bypolygon", "2", "1", "2", "3", "4"],
  ["bypolygon", "3", "1", "2", "3", "4", "5"],
  ["bypolygon", "3"],
  ["byradius", "1000", "km"],
  ["fromlonlat", "1", "2"],
  ["withdist", "asc"],
  ["count", "3", "any"],
  ["desc"],
  ["junk"],
];

function spread(choices: Choices, limit: number): number {
  return ((choices.below(2 ** 31) / 2 ** 31) * 2 - 1) * limit;
}

function* crowd(choices: Choices, count: number): Generator<Command> {
  for (let k = 0; k < count; k++) {
    const position = [spread(choices, 180), spread(choices, 85)].map(String);
    yield ["geoadd", "k", ...position, `m${k}`];
  }
}

/** A polygon of any kind, its edges crossing as they happen to. */
function polygon(choices: Choices): string[] {
  const size = choices.pick([1, 10, 40, 150]);
  const [longitude, latitude] = [spread(choices, 120), spread(choices, 60)];
  const corners = Array.from({ length: 3 + choices.below(6) }, () => [
    Math.max(-180, Math.min(180, longitude + spread(choices, size))),
    Math.max(-85, Math.min(85, latitude + spread(choices, size / 2))),
  ]);
  return ["bypolygon", String(corners.length), ...corners.flat().map(String)];
}

differential("valkey geo", "valkey9", ({ compare }) => {
  compare("BYPOLYGON checks its arguments in Valkey's order", function* () {
    yield* crowd(new Choices(1), 100);
    yield ["geoadd", "k", "14", "38", "inside"];
    for (const key of ["k", "absent"]) {
      for (const selection of selections(OPTIONS, 3)) {
        const options = selection.flat();
        // Without any shape the error names those there are, to which we give Redis's.
        if (!options.some((word) => /^by/i.test(word))) continue;
        yield ["geosearch", key, ...options];
        yield ["geosearchstore", "d", key, ...options];
      }
    }
    for (const text of HOSTILE_INTEGERS) {
      yield ["geosearch", "k", "bypolygon", text, "13", "37", "13", "39", "16", "38"];
    }
    // Redis, and we, read hexadecimal numbers, too.
    for (const text of HOSTILE_DOUBLES.filter((number) => !number.startsWith("0x"))) {
      yield ["geosearch", "k", "bypolygon", "3", text, "37", "13", "39", "16", "38"];
      yield ["geosearch", "k", "bypolygon", "3", "13", "37", "13", "39", "16", text];
    }
  });

  compare("BYPOLYGON finds the same in the same order as Valkey (seed 40)", function* () {
    const choices = new Choices(40);
    yield* crowd(choices, 1500);
    for (let k = 0; k < 300; k++) {
      const options = choices.pick([[], ["asc"], ["desc"], ["count", "7"], ["count", "7", "any"]]);
      yield ["geosearch", "k", ...polygon(choices), ...options, "withdist"];
      if (k % 5 > 0) continue;
      yield ["geosearchstore", "d", "k", ...polygon(choices)];
      yield ["zrange", "d", "0", "-1"];
    }
  });
});
