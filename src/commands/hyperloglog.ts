// hot path: no allocation per command
//
// HyperLogLogs: PFADD, PFCOUNT, PFMERGE. They are strings, in Redis's format; see
// structures/hyperloglog.ts.

import {
  ACCESS,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  keyRange,
  MAY_REPLICATE,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_STRING } from "../keyspace/event-classes.ts";
import {
  cacheCount,
  cachedCount,
  cachedCount64,
  DENSE,
  DENSE_BYTES,
  dropCachedCount,
  EMPTY_BYTES,
  encodingOf,
  estimate,
  estimateOfRanks,
  HEADER_BYTES,
  locate,
  mergeRanks,
  NOT_A_HYPERLOGLOG,
  place,
  REGISTER_COUNT,
  raiseDense,
  writeDense,
  writeEmpty,
} from "../structures/hyperloglog.ts";
import {
  applyRaise,
  CORRUPT,
  plannedGrowth,
  planRaise,
  UNCHANGED,
  VAL_RANK_MAX,
} from "../structures/hyperloglog-sparse.ts";
import { ENCODING_RAW, type RecordView, STRING } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { propagateUncounted, writableString } from "./string-arguments.ts";

export const hyperloglogCommands = defineFamily("hyperloglog", [
  {
    name: "PFADD",
    arity: -2,
    flags: WRITE | DENYOOM | FAST,
    since: "2.8.9",
    complexity: "O(1) to add every element.",
    summary: "Adds elements to a HyperLogLog and tells whether its estimate may have changed.",
    keys: [keyAt(1, RW | INSERT)],
    args: [key, { name: "element", type: "string", optional: true, multiple: true }],
    run: pfaddCommand,
  },
  {
    name: "PFCOUNT",
    arity: -2,
    flags: READONLY | MAY_REPLICATE,
    since: "2.8.9",
    complexity:
      "O(1) with a very small average constant time when called with a single key. O(N) with N " +
      "being the number of keys, and much bigger constant times, when called with multiple keys.",
    summary: "Estimates how many different elements were added to one or more HyperLogLogs.",
    keys: [
      keyRange(
        1,
        -1,
        1,
        RW | ACCESS,
        "RW because it may change the internal representation of the key, and propagate to " +
          "replicas",
      ),
    ],
    args: [{ ...key, multiple: true }],
    run: pfcountCommand,
  },
  {
    name: "PFMERGE",
    arity: -2,
    flags: WRITE | DENYOOM,
    since: "2.8.9",
    complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
    summary: "Adds what was added to some HyperLogLogs to another one.",
    keys: [keyAt(1, RW | ACCESS | INSERT), keyRange(2, -1, 1, RO | ACCESS)],
    args: [
      { name: "destkey", type: "key", keySpecIndex: 0 },
      { name: "sourcekey", type: "key", keySpecIndex: 1, optional: true, multiple: true },
    ],
    run: pfmergeCommand,
  },
]);

/** The ranks of the HyperLogLogs that are being merged or converted. */
const ranks = new Uint8Array(REGISTER_COUNT);

// PFADD key [element ...]
function pfaddCommand(c: Context): void {
  const found = c.writeKey(1);
  if (found !== undefined && isNoneReplied(c, found)) return;
  const view = writableHyperLogLog(c, found);
  let raised = found === undefined ? 1 : 0;
  for (let index = 2; index < c.count; index++) {
    locate(c.bytes, c.start(index), c.end(index));
    const outcome = raise(c, view, place.register, place.rank);
    if (outcome === CORRUPT) {
      // Registers raised so far stay raised. Redis leaves that out of its log; a log must tell it.
      if (raised > 0) propagateUncounted(c);
      return replyCorrupt(c);
    }
    if (outcome !== UNCHANGED) raised++;
  }
  if (raised > 0) {
    dropCachedCount(view.bytes, view.valueStart);
    c.effects.changed(raised);
    c.notify(EVENT_STRING, "pfadd", 1);
  }
  c.reply.integer(raised > 0 ? 1 : 0);
}

// PFCOUNT key [key ...]
function pfcountCommand(c: Context): void {
  if (c.count > 2) return countUnion(c);
  const read = c.readKey(1);
  if (read === undefined) return c.reply.integer(0);
  if (isNoneReplied(c, read)) return;
  // The count is cached in the string, which a snapshot must see unchanged.
  const found = c.writeKey(1);
  if (found === undefined) return c.reply.integer(0);
  const { bytes, valueStart, valueEnd } = writableString(c, 1, found, found.valueLength);
  const cached = cachedCount(bytes, valueStart);
  if (!Number.isNaN(cached)) {
    if (Number.isSafeInteger(cached)) return c.reply.integer(cached);
    return c.reply.integer64(cachedCount64(bytes, valueStart));
  }
  const count = estimate(bytes, valueStart, valueEnd);
  if (Number.isNaN(count)) return replyCorrupt(c);
  cacheCount(bytes, valueStart, count);
  c.effects.changed(1);
  replyCount(c, count);
}

function countUnion(c: Context): void {
  ranks.fill(0);
  for (let index = 1; index < c.count; index++) {
    const found = c.readKey(index);
    if (found === undefined) continue;
    if (isNoneReplied(c, found)) return;
    const { bytes, valueStart, valueEnd } = found;
    if (!mergeRanks(ranks, bytes, valueStart, valueEnd)) return replyCorrupt(c);
  }
  replyCount(c, estimateOfRanks(ranks));
}

/** Replies with an estimate, which is beyond 2^53 only for registers that nothing adds up to. */
function replyCount(c: Context, count: number): void {
  if (Number.isSafeInteger(count)) c.reply.integer(count);
  // alloc: beyond 2^53 only
  else c.reply.integer64(BigInt(count));
}

// PFMERGE destkey [sourcekey [sourcekey ...]]
function pfmergeCommand(c: Context): void {
  let becomesDense = false;
  ranks.fill(0);
  for (let index = 1; index < c.count; index++) {
    const found = c.readKey(index);
    if (found === undefined) continue;
    if (isNoneReplied(c, found)) return;
    const { bytes, valueStart, valueEnd } = found;
    if (encodingOf(bytes, valueStart, valueEnd) === DENSE) becomesDense = true;
    if (!mergeRanks(ranks, bytes, valueStart, valueEnd)) return replyCorrupt(c);
  }
  const view = writableHyperLogLog(c, c.writeKey(1));
  if (becomesDense) makeDense(c, view);
  else raiseAll(c, view);
  dropCachedCount(view.bytes, view.valueStart);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "pfadd", 1);
  c.reply.ok();
}

/** Raises the registers of a HyperLogLog, which may become dense meanwhile, to `ranks`. */
function raiseAll(c: Context, view: RecordView): void {
  for (let register = 0; register < REGISTER_COUNT; register++) {
    if (ranks[register] > 0) raise(c, view, register, ranks[register]);
  }
}

/** Whether a key holds no HyperLogLog; the error has been sent then. */
export function isNoneReplied(c: Context, found: RecordView): boolean {
  if (found.type !== STRING) {
    c.reply.wrongType();
    return true;
  }
  const { bytes, valueStart, valueEnd } = found;
  if (encodingOf(bytes, valueStart, valueEnd) !== NOT_A_HYPERLOGLOG) return false;
  c.reply.error("WRONGTYPE Key is not a valid HyperLogLog string value.");
  return true;
}

/** Tells that a HyperLogLog's registers cannot be read. */
export function replyCorrupt(c: Context): void {
  c.reply.error("INVALIDOBJ Corrupted HLL object detected");
}

/** The HyperLogLog at key 1, an empty one if there is none, to be changed in place. */
function writableHyperLogLog(c: Context, found: RecordView | undefined): RecordView {
  if (found !== undefined) return writableString(c, 1, found, found.valueLength);
  const created = c.createValue(1, STRING, ENCODING_RAW, EMPTY_BYTES);
  writeEmpty(created.bytes, created.valueStart);
  return created;
}

/** Raises one register. Returns UNCHANGED or CORRUPT, or neither. */
function raise(c: Context, view: RecordView, register: number, rank: number): number {
  const length = view.valueLength;
  if (encodingOf(view.bytes, view.valueStart, view.valueEnd) === DENSE) {
    return raiseDense(view.bytes, view.valueStart, register, rank) ? 1 : UNCHANGED;
  }
  if (rank > VAL_RANK_MAX) return raiseAsDense(c, view, register, rank);
  const body = view.valueStart + HEADER_BYTES;
  const outcome = planRaise(view.bytes, body, view.valueEnd, register, rank);
  if (outcome === UNCHANGED || outcome === CORRUPT) return outcome;
  const growth = plannedGrowth();
  if (growth > 0) {
    const limit = c.server.keyspace.limits.hllSparseMaxBytes;
    if (length + growth > limit) return raiseAsDense(c, view, register, rank);
    c.db.resizeString(view, length + growth);
  }
  const start = view.valueStart;
  const newLength = applyRaise(view.bytes, start + HEADER_BYTES, start + length) - start;
  if (newLength !== view.valueLength) c.db.resizeString(view, newLength);
  dropCachedCount(view.bytes, view.valueStart);
  return outcome;
}

/** Converts a sparse HyperLogLog before it raises the register. */
function raiseAsDense(c: Context, view: RecordView, register: number, rank: number): number {
  convertRanks.fill(0);
  const { bytes, valueStart, valueEnd } = view;
  if (!mergeRanks(convertRanks, bytes, valueStart, valueEnd)) return CORRUPT;
  c.db.resizeString(view, DENSE_BYTES);
  writeDense(view.bytes, view.valueStart, convertRanks);
  return raiseDense(view.bytes, view.valueStart, register, rank) ? 1 : UNCHANGED;
}

/** Apart from `ranks`, which a PFMERGE may be working through. */
const convertRanks = new Uint8Array(REGISTER_COUNT);

/** Gives a HyperLogLog the dense registers `ranks`. */
function makeDense(c: Context, view: RecordView): void {
  if (view.valueLength !== DENSE_BYTES) c.db.resizeString(view, DENSE_BYTES);
  writeDense(view.bytes, view.valueStart, ranks);
}

/** Makes a HyperLogLog dense; false where it is corrupt. */
export function convertToDense(c: Context, view: RecordView): boolean {
  ranks.fill(0);
  if (!mergeRanks(ranks, view.bytes, view.valueStart, view.valueEnd)) return false;
  makeDense(c, view);
  return true;
}
