// Seeded random commands over a few keys, for the differential fuzzer: mostly well-formed, often
// meeting keys of the wrong kind, never depending on time or on chance.

import type { Command } from "./differential.ts";
import { type Choices, HOSTILE_DOUBLES } from "./generate.ts";
import { BITMAP_TEMPLATES } from "./random-bitmaps.ts";
import {
  CONDITIONS,
  expiryOptions,
  FAR_S,
  farMs,
  integer,
  key,
  keys,
  some,
  type Template,
  value,
  word,
} from "./random-choices.ts";
import { GEO_TEMPLATES } from "./random-geo.ts";
import { HASH_TEMPLATES } from "./random-hashes.ts";
import { HYPERLOGLOG_TEMPLATES } from "./random-hyperloglog.ts";
import { LIST_TEMPLATES } from "./random-lists.ts";
import { scriptTemplates } from "./random-scripts.ts";
import { SET_TEMPLATES } from "./random-sets.ts";
import { SORT_TEMPLATES } from "./random-sort.ts";
import { SORTED_SET_TEMPLATES } from "./random-sorted-sets.ts";
import { STREAM_TEMPLATES } from "./random-streams.ts";

const OFFSET_MAX = 300;

const GENERAL_TEMPLATES: Readonly<Record<string, Template>> = {
  append: (c) => ["append", key(c), value(c)],
  copy: (c) => ["copy", key(c), key(c), ...some(c, [["replace"], ["db", c.below(3)]])],
  dbsize: () => ["dbsize"],
  decr: (c) => ["decr", key(c)],
  decrby: (c) => ["decrby", key(c), integer(c)],
  del: (c) => ["del", ...keys(c)],
  exists: (c) => ["exists", ...keys(c)],
  expireat: (c) => ["expireat", key(c), c.pick(FAR_S), ...some(c, CONDITIONS)],
  expiretime: (c) => ["expiretime", key(c)],
  flushdb: (c) => (c.oneIn(10) ? ["flushdb"] : ["dbsize"]),
  get: (c) => ["get", key(c)],
  getdel: (c) => ["getdel", key(c)],
  getex: (c) => ["getex", key(c), ...some(c, [["persist"], ...expiryOptions(c)])],
  getrange: (c) => ["getrange", key(c), integer(c), integer(c)],
  getset: (c) => ["getset", key(c), value(c)],
  incr: (c) => ["incr", key(c)],
  incrby: (c) => ["incrby", key(c), integer(c)],
  incrbyfloat: (c) => [
    "incrbyfloat",
    key(c),
    c.oneIn(10) ? c.pick(HOSTILE_DOUBLES) : c.decimal(5, 5),
  ],
  keys: (c) => ["keys", c.pick(["*", "k?", "k[0-2]", "nothing", ""])],
  lcs: (c) => ["lcs", key(c), key(c), ...some(c, [["len"], ["idx"], ["withmatchlen"]])],
  mget: (c) => ["mget", ...keys(c)],
  move: (c) => ["move", key(c), c.below(3)],
  mset: (c) => ["mset", ...keys(c).flatMap((name) => [name, value(c)])],
  msetnx: (c) => ["msetnx", ...keys(c).flatMap((name) => [name, value(c)])],
  object: (c) => ["object", "encoding", key(c)],
  persist: (c) => ["persist", key(c)],
  pexpireat: (c) => ["pexpireat", key(c), farMs(c), ...some(c, CONDITIONS)],
  pexpiretime: (c) => ["pexpiretime", key(c)],
  ping: (c) => ["ping", value(c)],
  rename: (c) => ["rename", key(c), key(c)],
  renamenx: (c) => ["renamenx", key(c), key(c)],
  select: (c) => ["select", c.below(3)],
  set: (c) => [
    "set",
    key(c),
    value(c),
    ...some(c, [["nx"], ["xx"], ["get"], ["keepttl"], ...expiryOptions(c)]),
  ],
  setnx: (c) => ["setnx", key(c), value(c)],
  setrange: (c) => ["setrange", key(c), c.below(OFFSET_MAX), value(c)],
  strlen: (c) => ["strlen", key(c)],
  swapdb: (c) => ["swapdb", c.below(3), c.below(3)],
  touch: (c) => ["touch", ...keys(c)],
  type: (c) => ["type", key(c)],
  unlink: (c) => ["unlink", ...keys(c)],
};

type Templates = Readonly<Record<string, Template>>;

/** The families whose commands scripts run, too. */
const PLAIN_FAMILIES: Readonly<Record<string, Templates>> = {
  general: GENERAL_TEMPLATES,
  bitmaps: BITMAP_TEMPLATES,
  geo: GEO_TEMPLATES,
  hashes: HASH_TEMPLATES,
  hyperloglog: HYPERLOGLOG_TEMPLATES,
  lists: LIST_TEMPLATES,
  sets: SET_TEMPLATES,
  sort: SORT_TEMPLATES,
  "sorted sets": SORTED_SET_TEMPLATES,
  streams: STREAM_TEMPLATES,
};

/** One template per command name, by family; fuzzers leave out those our server does not know. */
export const TEMPLATE_FAMILIES: Readonly<Record<string, Templates>> = {
  ...PLAIN_FAMILIES,
  scripts: scriptTemplates(Object.assign({}, ...Object.values(PLAIN_FAMILIES))),
};

const TEMPLATES: Templates = Object.assign({}, ...Object.values(TEMPLATE_FAMILIES));

/** After so many commands another subset of them is chosen from. */
const SUBSET_COMMANDS = 400;

/**
 * An endless sequence of commands by all templates or those given; random subsets of
 * those that are known take turns.
 */
export function* randomCommands(
  choices: Choices,
  known: (name: string) => boolean,
  templates: Templates = TEMPLATES,
): Generator<Command> {
  const names = Object.keys(templates).filter((name) => known(name));
  let chosen = choices.subset(names);
  for (let count = 1; ; count++) {
    if (count % SUBSET_COMMANDS === 0) chosen = choices.subset(names);
    const [name, ...rest] = templates[choices.pick(chosen)](choices);
    const command = [word(choices, String(name)), ...rest];
    // Now and then an argument is lost or doubled.
    const accident = choices.below(100);
    if (accident === 0) command.splice(choices.below(command.length), 1);
    if (accident === 1) command.push(choices.pick(command));
    if (command.length > 0) yield command;
  }
}
