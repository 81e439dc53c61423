// Random set commands for the differential fuzzer: few members, so that sets meet, with now and
// then one that changes a set's encoding.

import type { Argument } from "./client.ts";
import type { Choices } from "./generate.ts";
import { key, keys, type Template } from "./random-choices.ts";

function member(choices: Choices): Argument {
  switch (choices.below(8)) {
    case 0:
      return `m${choices.below(30)}`;
    case 1:
      return choices.oneIn(20) ? "x".repeat(60 + choices.below(10)) : choices.below(100_000);
    case 2:
      return choices.pick(["", "-0", "01", "1.0", "9223372036854775807", "-9223372036854775808"]);
    default:
      return choices.below(30) - 5;
  }
}

function members(choices: Choices): Argument[] {
  const most = choices.oneIn(50) ? 600 : choices.oneIn(10) ? 140 : 5;
  if (most > 100) {
    const base = choices.below(1000);
    const prefix = choices.oneIn(2) ? "m" : "";
    return Array.from({ length: most }, (_, k) => `${prefix}${base + k}`);
  }
  return Array.from({ length: 1 + choices.below(most) }, () => member(choices));
}

/** One template per command. */
export const SET_TEMPLATES: Readonly<Record<string, Template>> = {
  sadd: (c) => ["sadd", key(c), ...members(c)],
  scard: (c) => ["scard", key(c)],
  sdiff: (c) => ["sdiff", ...keys(c)],
  sdiffstore: (c) => ["sdiffstore", key(c), ...keys(c)],
  sinter: (c) => ["sinter", ...keys(c)],
  sintercard: (c) => {
    const named = keys(c);
    const limit = c.oneIn(3) ? ["limit", c.below(10) - 1] : [];
    return ["sintercard", c.oneIn(20) ? c.below(6) - 1 : named.length, ...named, ...limit];
  },
  sinterstore: (c) => ["sinterstore", key(c), ...keys(c)],
  sismember: (c) => ["sismember", key(c), member(c)],
  smembers: (c) => ["smembers", key(c)],
  smismember: (c) => ["smismember", key(c), ...members(c)],
  smove: (c) => ["smove", key(c), key(c), member(c)],
  srem: (c) => ["srem", key(c), ...members(c)],
  sunion: (c) => ["sunion", ...keys(c)],
  sunionstore: (c) => ["sunionstore", key(c), ...keys(c)],
};
