// Random geo commands for the differential fuzzer.

import type { Argument } from "./client.ts";
import { type Choices, HOSTILE_DOUBLES } from "./generate.ts";
import { key, some, type Template, word } from "./random-choices.ts";

const UNITS = ["m", "km", "ft", "mi"];

function member(choices: Choices): string {
  return `m${choices.below(20)}`;
}

function coordinate(choices: Choices, limit: number): Argument {
  if (choices.oneIn(60)) return choices.pick(HOSTILE_DOUBLES);
  return (choices.below(2 * limit) - limit) / choices.pick([1, 10, 100]);
}

function position(choices: Choices): Argument[] {
  return [coordinate(choices, 180), coordinate(choices, 85)];
}

function size(choices: Choices): Argument {
  return choices.oneIn(60) ? choices.pick(HOSTILE_DOUBLES) : choices.below(20_000);
}

/** What may follow in any order; mostly well-formed. */
function options(choices: Choices, more: readonly (readonly Argument[])[] = []): Argument[] {
  const words = [["asc"], ["desc"], ["withdist"], ["withcoord"], ["withhash"]];
  const count = ["count", 1 + choices.below(5)];
  return some(choices, [...words, count, [...count, "any"], ...more]).map((argument) =>
    typeof argument === "string" ? word(choices, argument) : argument,
  );
}

function search(choices: Choices): Argument[] {
  const from = choices.oneIn(2)
    ? ["frommember", member(choices)]
    : ["fromlonlat", ...position(choices)];
  const shape = choices.oneIn(2)
    ? ["byradius", size(choices), choices.pick(UNITS)]
    : ["bybox", size(choices), size(choices), choices.pick(UNITS)];
  return [...from, ...shape];
}

export const GEO_TEMPLATES: Readonly<Record<string, Template>> = {
  geoadd: (c) => [
    ...["geoadd", key(c), ...some(c, [["nx"], ["xx"], ["ch"]])],
    ...Array.from({ length: 1 + c.below(4) }, () => [...position(c), member(c)]).flat(),
  ],
  geodist: (c) => ["geodist", key(c), member(c), member(c), ...some(c, [[c.pick(UNITS)]])],
  geohash: (c) => ["geohash", key(c), member(c), member(c)],
  geopos: (c) => ["geopos", key(c), member(c), member(c)],
  georadius: (c) => [
    ...["georadius", key(c), ...position(c), size(c), c.pick(UNITS)],
    ...options(c, [
      ["store", key(c)],
      ["storedist", key(c)],
    ]),
  ],
  georadiusbymember: (c) => [
    ...["georadiusbymember", key(c), member(c), size(c), c.pick(UNITS)],
    ...options(c, [
      ["store", key(c)],
      ["storedist", key(c)],
    ]),
  ],
  geosearch: (c) => ["geosearch", key(c), ...search(c), ...options(c)],
  geosearchstore: (c) => [
    ...["geosearchstore", key(c), key(c), ...search(c)],
    ...some(c, [["storedist"], ["asc"], ["count", 3]]),
  ],
};
