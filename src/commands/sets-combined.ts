// hot path: no allocation per command
//
// Commands that combine several sets: intersection, union, difference, replied or stored.
//
// All sources are looked up and their types checked before anything is done, and a result that is
// stored is complete before the destination changes: it may be one of the sources. The encoding of
// a stored result follows from the order in which Redis adds its members; it is kept here.

import {
  ACCESS,
  DENYOOM,
  defineFamily,
  keyAt,
  keyRange,
  keysCounted,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_SET } from "../keyspace/event-classes.ts";
import { SetProbe } from "../keyspace/set-probe.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import { TableJoin } from "../keyspace/table-join.ts";
import { CONTAINER, INTSET, LISTPACK, SET } from "../structures/record.ts";
import { destination, keys, numkeys, sourceKeys } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { bulkMember, bulkMembers, bulkRecord, storeSet } from "./set-replies.ts";

const totalComplexity = "O(N) where N is the total number of elements in all given sets.";
const interComplexity =
  "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.";

const replying = {
  arity: -2,
  flags: READONLY,
  since: "1.0.0",
  tips: ["nondeterministic_output_order"],
  keys: [keyRange(1, -1, 1, RO | ACCESS)],
  args: [keys],
} as const;

const storing = {
  arity: -3,
  flags: WRITE | DENYOOM,
  since: "1.0.0",
  keys: [keyAt(1, OW | UPDATE), keyRange(2, -1, 1, RO | ACCESS)],
  args: [destination, sourceKeys],
} as const;

export const setCombinedCommands = defineFamily<Features>("set", [
  {
    name: "SDIFF",
    ...replying,
    complexity: totalComplexity,
    summary: "Returns the members of a set that others do not have.",
    run: sdiffCommand,
  },
  {
    name: "SDIFFSTORE",
    ...storing,
    complexity: totalComplexity,
    summary: "Stores the members of a set that others do not have.",
    run: sdiffstoreCommand,
  },
  {
    name: "SINTER",
    ...replying,
    complexity: interComplexity,
    summary: "Returns the members that all sets have.",
    run: sinterCommand,
  },
  {
    name: "SINTERCARD",
    arity: -3,
    flags: READONLY,
    since: "7.0.0",
    complexity: interComplexity,
    summary: "Counts the members that all sets have.",
    keys: [keysCounted(1, RO | ACCESS)],
    args: [numkeys, keys, { name: "limit", type: "integer", token: "LIMIT", optional: true }],
    run: sintercardCommand,
  },
  {
    name: "SINTERSTORE",
    ...storing,
    complexity: interComplexity,
    summary: "Stores the members that all sets have.",
    run: sinterstoreCommand,
  },
  {
    name: "SUNION",
    ...replying,
    complexity: totalComplexity,
    summary: "Returns the members that any of the sets has.",
    run: sunionCommand,
  },
  {
    name: "SUNIONSTORE",
    ...storing,
    complexity: totalComplexity,
    summary: "Stores the members that any of the sets has.",
    run: sunionstoreCommand,
  },
]);

/** Returned by `gather` after an error. */
const REPLIED = -1;
/** Up to this many sets are put in order in place. */
const SORTED_IN_PLACE_MAX = 16;

/** So many sources may be walked through in parallel; further ones are searched. */
const PROBES_MAX = 16;
/** Of up to this many sets the union is found by looking members up, without collecting them. */
const PROBED_MAX = 4;

/** The sets of the command that is running, those that are there. */
const sources: SetValue[] = [];
/** The first of them, as a walk through another one asks them. */
const probes: SetProbe[] = [];
let sourceCount = 0;
/** Whether the first key named is there, as sources[0]; and whether it is named again. */
let hasFirst = false;
let namesFirstAgain = false;
const made = new SetValue();
const remade = new SetValue();
const walk = new SetWalk();
const join = new TableJoin();

/**
 * Looks up the sets in arguments [from, to) and leaves those that are there in `sources`. Returns
 * how many are missing, or REPLIED.
 */
function gather(c: Context, from: number, to: number): number {
  sourceCount = 0;
  hasFirst = false;
  namesFirstAgain = false;
  let firstRef = 0;
  for (let index = from; index < to; index++) {
    const view = c.readKey(index);
    if (view === undefined) continue;
    if (view.type !== SET) {
      c.reply.wrongType();
      return REPLIED;
    }
    if (index === from) {
      hasFirst = true;
      firstRef = view.ref;
    } else if (hasFirst && view.ref === firstRef) {
      namesFirstAgain = true;
    }
    // alloc: as many as the command with the most keys so far has had
    if (sourceCount === sources.length) sources.push(new SetValue());
    sources[sourceCount++].open(c.db, view);
  }
  return to - from - sourceCount;
}

/** Lets go of the sources. */
function releaseSources(c: Context): void {
  const { keyspace } = c.server;
  for (let k = 0; k < sourceCount; k++) {
    sources[k].close(keyspace);
    if (k < probes.length) probes[k].close();
  }
  if (sources.length > SORTED_IN_PLACE_MAX) sources.length = SORTED_IN_PLACE_MAX;
  sourceCount = 0;
  join.close();
  walk.close();
}

/** Lets go of the sources and of what has been made of them. */
function release(c: Context): void {
  releaseSources(c);
  made.close(c.server.keyspace);
  remade.close(c.server.keyspace);
}

/** Puts the smallest set first, those of one size in the order of the request. */
function sortBySize(): void {
  if (sourceCount > SORTED_IN_PLACE_MAX) return sortManyBySize();
  for (let k = 1; k < sourceCount; k++) {
    const source = sources[k];
    const { size } = source;
    let at = k;
    for (; at > 0 && sources[at - 1].size > size; at--) sources[at] = sources[at - 1];
    sources[at] = source;
  }
}

/** Cold: as `sortBySize`, of very many. */
function sortManyBySize(): void {
  const sorted = sources.slice(0, sourceCount).sort((left, right) => left.size - right.size);
  for (let k = 0; k < sourceCount; k++) sources[k] = sorted[k];
}

/** Begins a walk through source `walked`, in which the sources [from, to) are asked. */
function beginWalk(walked: number, from: number, to: number): void {
  walk.open(sources[walked]);
  const end = Math.min(to, PROBES_MAX);
  // alloc: once
  while (probes.length < end) probes.push(new SetProbe());
  for (let k = from; k < end; k++) probes[k].open(sources[k], sources[walked]);
}

/** Whether a source has the member that the walk has come to. */
function isIn(k: number): boolean {
  return k < PROBES_MAX ? probes[k].contains(walk.member) : sources[k].contains(walk.member);
}

/** Whether all sources but the first have the member that the walk has come to. */
function isInAll(): boolean {
  for (let k = 1; k < sourceCount; k++) {
    if (!isIn(k)) return false;
  }
  return true;
}

/** Whether any of the sources [from, to) has the member that the walk has come to. */
function isInAny(from: number, to: number): boolean {
  for (let k = from; k < to; k++) {
    if (isIn(k)) return true;
  }
  return false;
}

// SINTER key [key ...]
function sinterCommand(c: Context): void {
  const missing = gather(c, 1, c.count);
  if (missing === 0) replyIntersection(c);
  else if (missing > 0) c.reply.set(0);
  releaseSources(c);
}

function replyIntersection(c: Context): void {
  const { reply } = c;
  const mark = reply.length;
  let count = 0;
  sortBySize();
  if (join.open(sources, sourceCount)) {
    const { pool } = c.server.keyspace;
    for (; join.next(); count++) bulkRecord(reply, pool, join.ref);
  } else {
    beginWalk(0, 1, sourceCount);
    while (walk.next()) {
      if (!isInAll()) continue;
      bulkMember(reply, walk.member);
      count++;
    }
  }
  reply.insertSet(mark, count);
}

// SINTERCARD numkeys key [key ...] [LIMIT limit]
function sintercardCommand(c: Context): void {
  const keyCount = int64(c, 1);
  if (!(keyCount >= 1)) return c.reply.error("ERR numkeys should be greater than 0");
  if (keyCount > c.count - 2) {
    return c.reply.error("ERR Number of keys can't be greater than number of args");
  }
  let limit = 0;
  for (let index = 2 + keyCount; index < c.count; index += 2) {
    if (!c.is(index, "limit") || index + 1 === c.count) return c.reply.syntaxError();
    limit = int64(c, index + 1);
    if (!(limit >= 0)) return c.reply.error("ERR LIMIT can't be negative");
  }
  const missing = gather(c, 2, 2 + keyCount);
  if (missing === 0) c.reply.integer(intersectionSize(limit));
  else if (missing > 0) c.reply.integer(0);
  releaseSources(c);
}

/** An argument as an int64, rounded beyond 2^53; NaN where it is none. */
function int64(c: Context, index: number): number {
  const value = c.integer(index);
  return Number.isNaN(value) ? Number(c.int64(index) ?? Number.NaN) : value;
}

/** How many members all sets have; at most `limit`, where that is not 0. */
function intersectionSize(limit: number): number {
  let count = 0;
  sortBySize();
  if (join.open(sources, sourceCount)) {
    while (join.next() && ++count !== limit);
    return count;
  }
  beginWalk(0, 1, sourceCount);
  while (walk.next()) {
    if (isInAll() && ++count === limit) break;
  }
  return count;
}

// SINTERSTORE destination key [key ...]
function sinterstoreCommand(c: Context): void {
  const missing = gather(c, 2, c.count);
  if (missing === REPLIED) return release(c);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    if (missing > 0) replaceWithNothing(c);
    else storeIntersection(c);
  } finally {
    release(c);
  }
}

function storeIntersection(c: Context): void {
  const { keyspace } = c.server;
  sortBySize();
  const encoding = sources[0].encoding === INTSET ? INTSET : LISTPACK;
  made.begin(keyspace, encoding, sources[0].size);
  let hasText = false;
  const isJoined = join.open(sources, sourceCount);
  if (!isJoined) beginWalk(0, 1, sourceCount);
  while (isJoined ? join.next() : walk.next()) {
    if (isJoined) walk.member.setRecord(join.first, join.ref, join.hash | 0);
    else if (!isInAll()) continue;
    if (!hasText && !walk.member.isInteger) hasText = true;
    made.addNew(keyspace, walk.member);
  }
  if (!hasText && made.size <= keyspace.limits.setMaxIntsetEntries) return storeAsIntset(c);
  storeResult(c, made);
}

/** Stores what has been made as an intset: all its members are integers. */
function storeAsIntset(c: Context): void {
  if (made.encoding === INTSET) return storeResult(c, made);
  remade.begin(c.server.keyspace, INTSET);
  walk.open(made);
  while (walk.next()) remade.add(c.server.keyspace, walk.member);
  storeResult(c, remade);
}

/** Stores a result under the key in argument 1, which goes where the result is empty. */
function storeResult(c: Context, result: SetValue): void {
  const { size } = result;
  if (size === 0) return replaceWithNothing(c);
  storeSet(c, 1, result);
  c.effects.changed();
  c.notify(EVENT_SET, c.command.fullName, 1);
  c.reply.integer(size);
}

function replaceWithNothing(c: Context): void {
  if (c.deleteKey(1)) {
    c.effects.changed();
    c.notify(EVENT_GENERIC, "del", 1);
  }
  c.reply.integer(0);
}

// SUNION key [key ...]
function sunionCommand(c: Context): void {
  if (gather(c, 1, c.count) === REPLIED) return release(c);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    const encoding = replyEncoding();
    if (encoding === CONTAINER && sourceCount <= PROBED_MAX) {
      replyUnion(c);
    } else {
      makeUnion(c, encoding);
      replyMade(c);
    }
  } finally {
    release(c);
  }
}

// SUNIONSTORE destination key [key ...]
function sunionstoreCommand(c: Context): void {
  if (gather(c, 2, c.count) === REPLIED) return release(c);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    makeUnion(c, isBoundToBeTable(c) ? CONTAINER : INTSET);
    storeResult(c, made);
  } finally {
    release(c);
  }
}

/** Whether one set alone has more members than a compact encoding may. */
function isBoundToBeTable(c: Context): boolean {
  const { setMaxIntsetEntries, setMaxListpackEntries } = c.server.keyspace.limits;
  const most = Math.max(setMaxIntsetEntries, setMaxListpackEntries);
  for (let k = 0; k < sourceCount; k++) {
    if (sources[k].size > most) return true;
  }
  return false;
}

/** What a result that is only replied is collected in. */
function replyEncoding(): number {
  for (let k = 0; k < sourceCount; k++) {
    if (sources[k].encoding !== INTSET) return CONTAINER;
  }
  return INTSET;
}

/** Replies each member of each set that no set before it has. */
function replyUnion(c: Context): void {
  const mark = c.reply.length;
  let count = 0;
  for (let k = 0; k < sourceCount; k++) {
    beginWalk(k, 0, k);
    while (walk.next()) {
      if (isInAny(0, k)) continue;
      bulkMember(c.reply, walk.member);
      count++;
    }
  }
  c.reply.insertSet(mark, count);
}

function makeUnion(c: Context, encoding: number): void {
  const { keyspace } = c.server;
  let total = 0;
  for (let k = 0; k < sourceCount; k++) total += sources[k].size;
  made.begin(keyspace, encoding, total);
  for (let k = 0; k < sourceCount; k++) {
    walk.open(sources[k]);
    if (k === 0) while (walk.next()) made.addNew(keyspace, walk.member);
    else while (walk.next()) made.add(keyspace, walk.member);
  }
}

function replyMade(c: Context): void {
  c.reply.set(made.size);
  bulkMembers(c.reply, made);
}

// SDIFF key [key ...]
function sdiffCommand(c: Context): void {
  if (gather(c, 1, c.count) === REPLIED) return release(c);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    if (!hasFirst || namesFirstAgain) c.reply.set(0);
    else if (prefersProbing()) replyDifference(c);
    else {
      makeDifference(c, replyEncoding());
      replyMade(c);
    }
  } finally {
    release(c);
  }
}

/** Looks every member of the first set up in the others. */
function replyDifference(c: Context): void {
  const mark = c.reply.length;
  let count = 0;
  beginWalk(0, 1, sourceCount);
  while (walk.next()) {
    if (isInAny(1, sourceCount)) continue;
    bulkMember(c.reply, walk.member);
    count++;
  }
  c.reply.insertSet(mark, count);
}

// SDIFFSTORE destination key [key ...]
function sdiffstoreCommand(c: Context): void {
  if (gather(c, 2, c.count) === REPLIED) return release(c);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    if (!hasFirst || namesFirstAgain) return replaceWithNothing(c);
    if (prefersProbing()) probeDifference(c);
    else makeDifference(c, INTSET);
    storeResult(c, made);
  } finally {
    release(c);
  }
}

/**
 * Whether looking each member of the first set up in all others is less work than taking away all
 * members of the others from a copy of it. Counted as Redis does, since the encoding of a stored
 * result depends on the way it was made.
 */
function prefersProbing(): boolean {
  let removing = 0;
  for (let k = 0; k < sourceCount; k++) removing += sources[k].size;
  // Probing is the lighter work.
  return Math.floor((sources[0].size * sourceCount) / 2) <= removing;
}

function probeDifference(c: Context): void {
  const { keyspace } = c.server;
  made.begin(keyspace, INTSET, sources[0].size);
  beginWalk(0, 1, sourceCount);
  while (walk.next()) {
    if (!isInAny(1, sourceCount)) made.addNew(keyspace, walk.member);
  }
}

function makeDifference(c: Context, encoding: number): void {
  const { keyspace } = c.server;
  made.begin(keyspace, encoding, sources[0].size);
  walk.open(sources[0]);
  while (walk.next()) made.addNew(keyspace, walk.member);
  for (let k = 1; k < sourceCount && made.size > 0; k++) {
    walk.open(sources[k]);
    while (walk.next()) made.remove(walk.member);
  }
}
