// Random stream commands for the differential fuzzer. IDs are explicit, so that nothing depends on
// the clock, but for delivery times, which the comparison leaves out.

import type { Argument } from "./client.ts";
import type { Choices } from "./generate.ts";
import { integer, key, some, type Template, value } from "./random-choices.ts";

const GROUPS = ["g0", "g1", "g2"];
const CONSUMERS = ["c0", "c1", "c2", "c3"];
const ODD_IDS = ["-", "+", "$", ">", "0", "(5", "5-*", "1-", "abc", "18446744073709551615"];

function id(choices: Choices): string {
  if (choices.oneIn(20)) return choices.pick(ODD_IDS);
  const ms = choices.below(choices.pick([4, 40, 400]));
  return choices.oneIn(3) ? String(ms) : `${ms}-${choices.below(4)}`;
}

function ids(choices: Choices): string[] {
  return Array.from({ length: 1 + choices.below(4) }, () => id(choices));
}

const group = (choices: Choices) => choices.pick(GROUPS);
const consumer = (choices: Choices) => choices.pick(CONSUMERS);

function trim(choices: Choices): Argument[] {
  const operator = choices.pick([[], ["="], ["~"]]);
  const limit = choices.oneIn(4) ? ["limit", choices.below(200)] : [];
  const threshold = choices.oneIn(2)
    ? ["maxlen", ...operator, choices.below(choices.pick([5, 60, 300]))]
    : ["minid", ...operator, id(choices)];
  return [...threshold, ...limit];
}

function fields(choices: Choices): Argument[] {
  if (choices.oneIn(2)) return ["a", choices.below(9), "b", value(choices)];
  return Array.from({ length: 2 * (1 + choices.below(3)) }, () => value(choices));
}

/** New IDs mostly follow the last one, whatever that is. */
function newId(choices: Choices): string {
  return choices.oneIn(4) ? id(choices) : `${choices.pick([5, 40, 41, 400])}-*`;
}

const bounds = (choices: Choices) => (choices.oneIn(2) ? ["-", "+"] : [id(choices), id(choices)]);
const counted = (choices: Choices): Argument[] => {
  return choices.oneIn(2) ? ["count", choices.oneIn(20) ? integer(choices) : choices.below(9)] : [];
};

function streams(choices: Choices, positions: () => string): Argument[] {
  const count = 1 + choices.below(2);
  const names = Array.from({ length: count }, () => key(choices));
  return ["streams", ...names, ...names.map(positions)];
}

export const STREAM_TEMPLATES: Readonly<Record<string, Template>> = {
  xack: (c) => ["xack", key(c), group(c), ...ids(c)],
  xadd: (c) => [
    "xadd",
    key(c),
    ...(c.oneIn(9) ? ["nomkstream"] : []),
    ...(c.oneIn(5) ? trim(c) : []),
    newId(c),
    ...fields(c),
  ],
  xautoclaim: (c) => [
    "xautoclaim",
    key(c),
    group(c),
    consumer(c),
    c.pick(["0", "0", "0", "99999999"]),
    c.oneIn(2) ? "0" : id(c),
    ...counted(c),
    ...some(c, [["justid"]]),
  ],
  xclaim: (c) => [
    "xclaim",
    key(c),
    group(c),
    consumer(c),
    c.pick(["0", "0", "0", "99999999"]),
    ...ids(c),
    ...some(c, [["force"], ["justid"], ["retrycount", integer(c)], ["lastid", id(c)]]),
  ],
  xdel: (c) => ["xdel", key(c), ...ids(c)],
  xgroup: (c) => {
    switch (c.below(8)) {
      case 0:
        return ["xgroup", "destroy", key(c), group(c)];
      case 1:
        return ["xgroup", "createconsumer", key(c), group(c), consumer(c)];
      case 2:
        return ["xgroup", "delconsumer", key(c), group(c), consumer(c)];
      case 3: {
        const read = c.oneIn(2) ? ["entriesread", integer(c)] : [];
        return ["xgroup", "setid", key(c), group(c), c.oneIn(2) ? "$" : id(c), ...read];
      }
      default: {
        const options = some(c, [["mkstream"], ["entriesread", integer(c)]]);
        return ["xgroup", "create", key(c), group(c), c.oneIn(2) ? "0" : id(c), ...options];
      }
    }
  },
  xinfo: (c) => {
    const full = c.oneIn(2) ? ["full", ...counted(c)] : [];
    if (c.oneIn(2)) return ["xinfo", "stream", key(c), ...full];
    return c.oneIn(2) ? ["xinfo", "groups", key(c)] : ["xinfo", "consumers", key(c), group(c)];
  },
  xlen: (c) => ["xlen", key(c)],
  xpending: (c) => {
    if (c.oneIn(3)) return ["xpending", key(c), group(c)];
    const idle = c.oneIn(5) ? ["idle", c.pick(["0", "99999999"])] : [];
    const whose = c.oneIn(2) ? [consumer(c)] : [];
    return ["xpending", key(c), group(c), ...idle, ...bounds(c), c.below(20), ...whose];
  },
  xrange: (c) => ["xrange", key(c), ...bounds(c), ...counted(c)],
  xread: (c) => ["xread", ...counted(c), ...streams(c, () => c.pick(["0", "$", "+", id(c)]))],
  xreadgroup: (c) => [
    ...["xreadgroup", "group", group(c), consumer(c), ...counted(c)],
    ...(c.oneIn(4) ? ["noack"] : []),
    ...streams(c, () => c.pick([">", ">", ">", "0", id(c)])),
  ],
  xrevrange: (c) => ["xrevrange", key(c), ...bounds(c).reverse(), ...counted(c)],
  xsetid: (c) => [
    "xsetid",
    key(c),
    id(c),
    ...some(c, [
      ["entriesadded", integer(c)],
      ["maxdeletedid", id(c)],
    ]),
  ],
  xtrim: (c) => ["xtrim", key(c), ...trim(c)],
};
