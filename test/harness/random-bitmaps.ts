// Random bitmap commands for the differential fuzzer.

import type { Argument } from "./client.ts";
import { type Choices, HOSTILE_INTEGERS } from "./generate.ts";
import { integer, key, keys, type Template } from "./random-choices.ts";

/** Beyond this, strings would fill the memory of both servers. */
const BIT_OFFSET_MAX = 3000;

function bitOffset(choices: Choices): Argument {
  return choices.oneIn(60) ? choices.pick(["-1", "x", "", "99999999999"]) : below(choices);
}

function below(choices: Choices): number {
  return choices.below(choices.pick([8, 70, BIT_OFFSET_MAX]));
}

function unit(choices: Choices): Argument[] {
  return choices.oneIn(2) ? [] : [choices.pick(["byte", "bit"])];
}

function fieldOperation(choices: Choices): Argument[] {
  if (choices.oneIn(5)) return ["overflow", choices.pick(["wrap", "sat", "fail"])];
  const type = `${choices.pick(["i", "u"])}${1 + choices.below(64)}`;
  const place = choices.oneIn(3) ? `#${choices.below(20)}` : bitOffset(choices);
  if (choices.oneIn(3)) return ["get", type, place];
  const value = choices.oneIn(3) ? choices.pick(HOSTILE_INTEGERS) : integer(choices);
  return [choices.pick(["set", "incrby"]), type, place, value];
}

function fieldOperations(choices: Choices): Argument[] {
  return Array.from({ length: choices.below(4) }, () => fieldOperation(choices)).flat();
}

export const BITMAP_TEMPLATES: Readonly<Record<string, Template>> = {
  bitcount: (c) => ["bitcount", key(c), ...(c.oneIn(3) ? [] : range(c))],
  bitfield: (c) => ["bitfield", key(c), ...fieldOperations(c)],
  bitfield_ro: (c) => ["bitfield_ro", key(c), "get", `u${1 + c.below(63)}`, bitOffset(c)],
  bitop: (c) => ["bitop", c.pick(["and", "or", "xor", "not"]), key(c), ...keys(c)],
  bitpos: (c) => [
    "bitpos",
    key(c),
    c.below(2),
    ...(c.oneIn(3) ? range(c) : c.oneIn(2) ? [integer(c)] : []),
  ],
  getbit: (c) => ["getbit", key(c), bitOffset(c)],
  setbit: (c) => ["setbit", key(c), bitOffset(c), c.below(2)],
};

function range(choices: Choices): Argument[] {
  return [integer(choices), integer(choices), ...unit(choices)];
}
