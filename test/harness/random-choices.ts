// What the templates of the differential fuzzer choose from: few keys, values of every kind,
// options in any order. Never anything that depends on time or on chance.

import type { Argument } from "./client.ts";
import type { Command } from "./differential.ts";
import { type Choices, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "./generate.ts";

const KEYS = ["k0", "k1", "k2", "k3", "k4", "", "key with spaces"];
/** Long ones left out: LCS takes the product of two lengths. */
const STRINGS = HOSTILE_STRINGS.filter((text) => String(text).length < 1000);
export const FAR_S = ["33177117420", "33177117421", "33177127420"];

/** Makes one command from random choices. */
export type Template = (choices: Choices) => Command;

export function key(choices: Choices): Argument {
  return choices.oneIn(50) ? choices.pick(STRINGS) : choices.pick(KEYS);
}

export function integer(choices: Choices): Argument {
  if (choices.oneIn(20)) return choices.pick(HOSTILE_INTEGERS);
  return choices.below(choices.pick([3, 20, 100_000])) - choices.below(10);
}

export function value(choices: Choices): Argument {
  switch (choices.below(6)) {
    case 0:
      return integer(choices);
    case 1:
      return choices.decimal(6, 6);
    case 2:
      return choices.pick(STRINGS);
    case 3:
      return choices.bytes(choices.below(80));
    default:
      return `v${choices.below(10)}`;
  }
}

/** The words in a random case, now and then. */
export function word(choices: Choices, text: string): string {
  return choices.oneIn(10) ? text.toUpperCase() : text;
}

/** Some of the options, in random order, each a list of arguments. */
export function some(choices: Choices, options: readonly (readonly Argument[])[]): Argument[] {
  const chosen: Argument[] = [];
  while (choices.oneIn(2) && chosen.length < 8) chosen.push(...choices.pick(options));
  return chosen;
}

export function farMs(choices: Choices): string {
  return `${choices.pick(FAR_S)}000`;
}

// None in the past: Redis keeps such a key until it comes across it, and DBSIZE counts it.
export const expiryOptions = (choices: Choices) => [
  ["exat", choices.pick(FAR_S)],
  ["pxat", farMs(choices)],
];

export const CONDITIONS = [["nx"], ["xx"], ["gt"], ["lt"]];

export function keys(choices: Choices): Argument[] {
  return Array.from({ length: 1 + choices.below(4) }, () => key(choices));
}
