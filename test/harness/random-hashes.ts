// Random commands on hashes, for the differential fuzzer. Times lie far ahead, or in the past. What
// tells fields in an order of its own is left out: no two servers' tables have the same.

import type { Argument } from "./client.ts";
import { type Choices, HOSTILE_DOUBLES } from "./generate.ts";
import {
  CONDITIONS,
  FAR_S,
  farMs,
  integer,
  key,
  some,
  type Template,
  value,
} from "./random-choices.ts";

function field(choices: Choices): Argument {
  return choices.oneIn(20) ? value(choices) : `f${choices.below(12)}`;
}

function fields(choices: Choices): Argument[] {
  return Array.from({ length: 1 + choices.below(4) }, () => field(choices));
}

function counted(choices: Choices): Argument[] {
  const chosen = fields(choices);
  const count = choices.oneIn(30) ? integer(choices) : chosen.length;
  return ["fields", count, ...chosen];
}

/** Now and then a value that makes the hash a table. */
function fieldValue(choices: Choices): Argument {
  return choices.oneIn(40) ? "x".repeat(70) : value(choices);
}

function pairs(choices: Choices): Argument[] {
  return fields(choices).flatMap((name) => [name, fieldValue(choices)]);
}

const condition = (choices: Choices) => (choices.oneIn(3) ? choices.pick(CONDITIONS) : []);

/** When fields expire; none soon. */
const expiry = (choices: Choices) =>
  choices.pick([["exat", choices.pick(FAR_S)], ["pxat", farMs(choices)], ["exat", "1"], []]);

export const HASH_TEMPLATES: Readonly<Record<string, Template>> = {
  hdel: (c) => ["hdel", key(c), ...fields(c)],
  hexists: (c) => ["hexists", key(c), field(c)],
  hexpireat: (c) => ["hexpireat", key(c), c.pick(FAR_S), ...condition(c), ...counted(c)],
  hexpiretime: (c) => ["hexpiretime", key(c), ...counted(c)],
  hget: (c) => ["hget", key(c), field(c)],
  hgetdel: (c) => ["hgetdel", key(c), ...counted(c)],
  hgetex: (c) => ["hgetex", key(c), ...(c.oneIn(4) ? ["persist"] : expiry(c)), ...counted(c)],
  hincrby: (c) => ["hincrby", key(c), field(c), integer(c)],
  hincrbyfloat: (c) => [
    "hincrbyfloat",
    key(c),
    field(c),
    c.oneIn(10) ? c.pick(HOSTILE_DOUBLES) : c.decimal(5, 5),
  ],
  hlen: (c) => ["hlen", key(c)],
  hmget: (c) => ["hmget", key(c), ...Array.from({ length: 12 }, (_, k) => `f${k}`)],
  hmset: (c) => ["hmset", key(c), ...pairs(c)],
  hpersist: (c) => ["hpersist", key(c), ...counted(c)],
  hpexpireat: (c) => [
    "hpexpireat",
    key(c),
    c.oneIn(10) ? "1" : farMs(c),
    ...condition(c),
    ...counted(c),
  ],
  hpexpiretime: (c) => ["hpexpiretime", key(c), ...counted(c)],
  hset: (c) => ["hset", key(c), ...pairs(c)],
  hsetex: (c) => {
    const chosen = pairs(c);
    const options = some(c, [["fnx"], ["fxx"], ["keepttl"], expiry(c)]);
    return ["hsetex", key(c), ...options, "fields", chosen.length / 2, ...chosen];
  },
  hsetnx: (c) => ["hsetnx", key(c), field(c), fieldValue(c)],
  hstrlen: (c) => ["hstrlen", key(c), field(c)],
};
