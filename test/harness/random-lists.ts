// Random list commands for the differential fuzzer. None of those that wait: they would.

import type { Argument } from "./client.ts";
import type { Choices } from "./generate.ts";
import { integer, key, keys, some, type Template, value } from "./random-choices.ts";

function end(choices: Choices): Argument {
  return choices.oneIn(40) ? "middle" : choices.pick(["left", "right", "LEFT", "Right"]);
}

/** Mostly one that a short list has. */
function index(choices: Choices): Argument {
  return choices.oneIn(10) ? integer(choices) : choices.below(16) - 8;
}

function values(choices: Choices): Argument[] {
  const count = 1 + choices.below(choices.pick([2, 5, 40]));
  return Array.from({ length: count }, () => value(choices));
}

export const LIST_TEMPLATES: Readonly<Record<string, Template>> = {
  lindex: (c) => ["lindex", key(c), index(c)],
  linsert: (c) => ["linsert", key(c), c.pick(["before", "after", "x"]), value(c), value(c)],
  llen: (c) => ["llen", key(c)],
  lmove: (c) => ["lmove", key(c), key(c), end(c), end(c)],
  lmpop: (c) => {
    const names = keys(c);
    const count = c.oneIn(2) ? ["count", index(c)] : [];
    return ["lmpop", c.oneIn(20) ? index(c) : names.length, ...names, end(c), ...count];
  },
  lpop: (c) => ["lpop", key(c), ...(c.oneIn(2) ? [index(c)] : [])],
  lpos: (c) => [
    "lpos",
    key(c),
    value(c),
    ...some(c, [
      ["rank", index(c)],
      ["count", index(c)],
      ["maxlen", index(c)],
    ]),
  ],
  lpush: (c) => ["lpush", key(c), ...values(c)],
  lpushx: (c) => ["lpushx", key(c), ...values(c)],
  lrange: (c) => ["lrange", key(c), index(c), index(c)],
  lrem: (c) => ["lrem", key(c), index(c), value(c)],
  lset: (c) => ["lset", key(c), index(c), value(c)],
  ltrim: (c) => ["ltrim", key(c), c.below(5), c.below(10) - 10],
  rpop: (c) => ["rpop", key(c), ...(c.oneIn(2) ? [index(c)] : [])],
  rpoplpush: (c) => ["rpoplpush", key(c), key(c)],
  rpush: (c) => ["rpush", key(c), ...values(c)],
  rpushx: (c) => ["rpushx", key(c), ...values(c)],
};
