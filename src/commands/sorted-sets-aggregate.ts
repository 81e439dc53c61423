// Combinations of sorted sets and sets: unions, intersections and differences.
//
// A result is a container in the making. Scores are combined in Redis's order, by the number of
// members, which floating sums depend on.

import { parseDouble } from "../base/double.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  keyAt,
  keysCounted,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { NULL_REF } from "../memory/pool.ts";
import { SET, ZSET } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import {
  destination,
  keys,
  numkeys,
  sourceKeys,
  tokens,
  withScoresOption,
} from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { storeZset } from "./sorted-set-results.ts";
import { ZsetSource } from "./sorted-set-source.ts";

/** What becomes of a member's scores. */
const scoreOptions: readonly ArgumentSpec[] = [
  { name: "weight", type: "integer", token: "WEIGHTS", optional: true, multiple: true },
  {
    name: "aggregate",
    type: "oneof",
    token: "AGGREGATE",
    optional: true,
    arguments: tokens("SUM", "MIN", "MAX"),
  },
];

const interComplexity =
  "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number " +
  "of input sorted sets and M being the number of elements in the resulting sorted set.";
const diffComplexity =
  "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is " +
  "the size of the first set, and K is the size of the result set.";

export const sortedSetAggregateCommands = defineFamily("sorted-set", [
  {
    name: "ZUNION",
    arity: -3,
    flags: READONLY,
    since: "6.2.0",
    complexity:
      "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M " +
      "being the number of elements in the resulting sorted set.",
    summary: "Lists the members of all of several sorted sets.",
    keys: [keysCounted(1, RO | ACCESS)],
    args: [numkeys, keys, ...scoreOptions, withScoresOption],
    run: zunionCommand,
  },
  {
    name: "ZINTER",
    arity: -3,
    flags: READONLY,
    since: "6.2.0",
    complexity: interComplexity,
    summary: "Lists the members that several sorted sets share.",
    keys: [keysCounted(1, RO | ACCESS)],
    args: [numkeys, keys, ...scoreOptions, withScoresOption],
    run: zinterCommand,
  },
  {
    name: "ZDIFF",
    arity: -3,
    flags: READONLY,
    since: "6.2.0",
    complexity: diffComplexity,
    summary: "Lists the members of the first sorted set that no other one has.",
    keys: [keysCounted(1, RO | ACCESS)],
    args: [numkeys, keys, withScoresOption],
    run: zdiffCommand,
  },
  {
    name: "ZUNIONSTORE",
    arity: -4,
    flags: WRITE | DENYOOM,
    since: "2.0.0",
    complexity:
      "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M " +
      "being the number of elements in the resulting sorted set.",
    summary: "Stores the members of all of several sorted sets.",
    keys: [keyAt(1, OW | UPDATE), keysCounted(2, RO | ACCESS)],
    args: [destination, numkeys, sourceKeys, ...scoreOptions],
    run: zunionstoreCommand,
  },
  {
    name: "ZINTERSTORE",
    arity: -4,
    flags: WRITE | DENYOOM,
    since: "2.0.0",
    complexity: interComplexity,
    summary: "Stores the members that several sorted sets share.",
    keys: [keyAt(1, OW | UPDATE), keysCounted(2, RO | ACCESS)],
    args: [destination, numkeys, sourceKeys, ...scoreOptions],
    run: zinterstoreCommand,
  },
  {
    name: "ZDIFFSTORE",
    arity: -4,
    flags: WRITE | DENYOOM,
    since: "6.2.0",
    complexity: diffComplexity,
    summary: "Stores the members of the first sorted set that no other one has.",
    keys: [keyAt(1, OW | UPDATE), keysCounted(2, RO | ACCESS)],
    args: [destination, numkeys, sourceKeys],
    run: zdiffstoreCommand,
  },
  {
    name: "ZINTERCARD",
    arity: -3,
    flags: READONLY,
    since: "7.0.0",
    complexity:
      "O(N*K) worst case with N being the smallest input sorted set, K being the number " +
      "of input sorted sets.",
    summary: "Counts the members that several sorted sets share.",
    keys: [keysCounted(1, RO | ACCESS)],
    args: [numkeys, keys, { name: "limit", type: "integer", token: "LIMIT", optional: true }],
    run: zintercardCommand,
  },
]);

type Operation = "union" | "inter" | "diff";
type Aggregate = "sum" | "min" | "max";

/** What the arguments of a combination say. */
interface Plan {
  readonly sources: ZsetSource[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
  /** How many members to count at most; 0 for all. */
  readonly limit: number;
}

// ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]
//     [WITHSCORES]
function zunionCommand(c: Context): void {
  replyCombined(c, "union");
}

// ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]
//     [WITHSCORES]
function zinterCommand(c: Context): void {
  replyCombined(c, "inter");
}

// ZDIFF numkeys key [key ...] [WITHSCORES]
function zdiffCommand(c: Context): void {
  replyCombined(c, "diff");
}

// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]]
//     [AGGREGATE <SUM | MIN | MAX>]
function zunionstoreCommand(c: Context): void {
  storeCombined(c, "union");
}

// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]]
//     [AGGREGATE <SUM | MIN | MAX>]
function zinterstoreCommand(c: Context): void {
  storeCombined(c, "inter");
}

// ZDIFFSTORE destination numkeys key [key ...]
function zdiffstoreCommand(c: Context): void {
  storeCombined(c, "diff");
}

// ZINTERCARD numkeys key [key ...] [LIMIT limit]
function zintercardCommand(c: Context): void {
  const plan = planOrReply(c, 1, "inter", { counts: true, stores: false });
  if (plan === undefined) return;
  const [first, ...others] = sortedBySize(plan.sources);
  let count = 0;
  first.every((bytes, start, end) => {
    if (others.every((other) => other.has(bytes, start, end))) count++;
    return count !== plan.limit || plan.limit === 0;
  });
  c.reply.integer(count);
}

function storeCombined(c: Context, operation: Operation): void {
  const plan = planOrReply(c, 2, operation, { counts: false, stores: true });
  if (plan !== undefined) storeZset(c, 1, combine(c, operation, plan));
}

const zset = new ZsetValue();

function replyCombined(c: Context, operation: Operation): void {
  const plan = planOrReply(c, 1, operation, { counts: false, stores: false });
  if (plan === undefined) return;
  const { reply } = c;
  const { withScores } = plan;
  const isNested = withScores && reply.protocol === 3;
  const set = combine(c, operation, plan);
  const value = zset.begin(set);
  reply.array(withScores && !isNested ? value.size * 2 : value.size);
  if (value.size > 0) {
    value.seek(0);
    do {
      if (isNested) reply.array(2);
      reply.bulk(value.bytes, value.start, value.end);
      if (withScores) reply.double(value.score);
    } while (value.next());
  }
  c.server.keyspace.lazyFree.discard(set);
}

/** What a combination is for. */
interface Purpose {
  readonly counts: boolean;
  readonly stores: boolean;
}

/**
 * Reads everything from the number of keys on, at argument `index`. Keys are looked up before the
 * options are read, as in Redis. Undefined after an error.
 */
function planOrReply(
  c: Context,
  index: number,
  operation: Operation,
  purpose: Purpose,
): Plan | undefined {
  const keyCount = c.int64(index);
  if (keyCount === undefined) {
    c.reply.notAnInteger();
    return undefined;
  }
  if (keyCount < 1n) {
    c.reply.error(`ERR at least 1 input key is needed for '${c.command.fullName}' command`);
    return undefined;
  }
  if (keyCount > BigInt(c.count - index - 1)) {
    c.reply.syntaxError();
    return undefined;
  }
  const first = index + 1;
  const sources: ZsetSource[] = [];
  for (let key = first; key < first + Number(keyCount); key++) {
    const source = new ZsetSource(c.server.keyspace.pool);
    const found = c.readKey(key, source.view);
    if (found !== undefined && found.type !== ZSET && found.type !== SET) {
      c.reply.wrongType();
      return undefined;
    }
    if (found !== undefined) source.open(c.db);
    sources.push(source);
  }
  return optionsOrReply(c, first + sources.length, sources, operation, purpose);
}

const AGGREGATES: readonly Aggregate[] = ["sum", "min", "max"];

function optionsOrReply(
  c: Context,
  first: number,
  sources: ZsetSource[],
  operation: Operation,
  { counts, stores }: Purpose,
): Plan | undefined {
  const combinesScores = operation !== "diff" && !counts;
  let aggregate: Aggregate | undefined = "sum";
  let withScores = false;
  let limit = 0;
  let index = first;
  while (index < c.count) {
    const rest = c.count - index - 1;
    if (combinesScores && rest >= sources.length && c.is(index, "weights")) {
      if (!setWeightsOrReply(c, index + 1, sources)) return undefined;
      index += sources.length + 1;
    } else if (combinesScores && rest >= 1 && c.is(index, "aggregate")) {
      aggregate = AGGREGATES.find((name) => c.is(index + 1, name));
      if (aggregate === undefined) break;
      index += 2;
    } else if (!stores && !counts && c.is(index, "withscores")) {
      withScores = true;
      index++;
    } else if (counts && rest >= 1 && c.is(index, "limit")) {
      limit = limitOrReply(c, index + 1);
      if (Number.isNaN(limit)) return undefined;
      index += 2;
    } else {
      break;
    }
  }
  if (index === c.count && aggregate !== undefined) {
    return { sources, aggregate, withScores, limit };
  }
  c.reply.syntaxError();
  return undefined;
}

function setWeightsOrReply(c: Context, first: number, sources: readonly ZsetSource[]): boolean {
  for (const [k, source] of sources.entries()) {
    source.weight = parseDouble(c.bytes, c.start(first + k), c.end(first + k));
    if (!Number.isNaN(source.weight)) continue;
    c.reply.error("ERR weight value is not a float");
    return false;
  }
  return true;
}

function limitOrReply(c: Context, index: number): number {
  const limit = c.int64(index);
  if (limit !== undefined && limit >= 0n) return Number(limit);
  c.reply.error("ERR LIMIT can't be negative");
  return Number.NaN;
}

function sortedBySize(sources: readonly ZsetSource[]): ZsetSource[] {
  return sources.toSorted((left, right) => left.size - right.size);
}

/** The members that an operation gives, with their scores. */
function combine(c: Context, operation: Operation, plan: Plan): SortedSet {
  const set = new SortedSet(c.server.keyspace.structures);
  try {
    if (operation === "union") unite(set, plan);
    else if (operation === "inter") intersect(set, plan);
    else subtract(set, plan);
  } catch (error) {
    c.server.keyspace.lazyFree.discard(set);
    throw error;
  }
  return set;
}

function aggregated(aggregate: Aggregate, left: number, right: number): number {
  if (aggregate === "sum") return zeroIfNone(left + right);
  const isTaken = aggregate === "min" ? right < left : right > left;
  return isTaken ? right : left;
}

/** Infinity less infinity, or nothing of it, counts as 0. */
function zeroIfNone(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

function unite(set: SortedSet, { sources, aggregate }: Plan): void {
  const { members } = set;
  for (const source of sortedBySize(sources)) {
    source.every((bytes, start, end, own) => {
      const score = zeroIfNone(source.weight * own);
      const hash = members.hash(bytes, start, end);
      const ref = members.find(bytes, start, end, hash);
      if (ref === NULL_REF) members.insertScored(bytes, start, end, hash, score);
      else members.setScore(ref, aggregated(aggregate, members.scoreOf(ref), score));
      return true;
    });
  }
  set.orderMembers();
}

function intersect(set: SortedSet, { sources, aggregate }: Plan): void {
  const [first, ...others] = sortedBySize(sources);
  first.every((bytes, start, end, own) => {
    let score = zeroIfNone(first.weight * own);
    for (const other of others) {
      if (!other.has(bytes, start, end)) return true;
      score = aggregated(aggregate, score, other.score * other.weight);
    }
    set.add(bytes, start, end, score);
    return true;
  });
}

function subtract(set: SortedSet, { sources }: Plan): void {
  const [first, ...others] = sources;
  first.every((bytes, start, end, score) => {
    if (!others.some((other) => other.has(bytes, start, end))) set.add(bytes, start, end, score);
    return true;
  });
}
