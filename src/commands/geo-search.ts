// Finding the positions within a shape: GEOSEARCH and its older forms, which reply with what they
// found or store it as another sorted set.

import {
  ACCESS,
  type ArgumentSpec,
  type CommandSpec,
  DENYOOM,
  defineFamily,
  type KeySpec,
  keyAt,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { NULL_REF } from "../memory/pool.ts";
import { GeoArea } from "../structures/geo-area.ts";
import { GeoMatches } from "../structures/geo-matches.ts";
import { GeoPosition } from "../structures/geohash.ts";
import { type RecordView, ZSET } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import { destination, key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { distanceReply, positionReply } from "./geo.ts";
import {
  ASCENDING,
  centerOrReply,
  NO_ARGUMENT,
  optionsOrReply,
  radiusOrReply,
  type SearchForm,
  SearchRequest,
  UNSORTED,
} from "./geo-search-options.ts";
import {
  countBlock,
  longitudeAndLatitude,
  order,
  searchOptions,
  storeOption,
  unit,
  withOptions,
} from "./geo-specs.ts";
import { storeZset } from "./sorted-set-results.ts";

const RADIUS_COMPLEXITY =
  "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area " +
  "delimited by center and radius and M is the number of items inside the index.";
const SEARCH_COMPLEXITY =
  "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around " +
  "the shape provided as the filter and M is the number of items inside the shape";
const UPPERCASE_UNITS = ["7.0.0", "Added support for uppercase unit names."] as const;
const radius: ArgumentSpec = { name: "radius", type: "double" };

/** The key after a word from a place on. */
function keyAfter(keyword: string, startFrom: number): KeySpec {
  const begin = { type: "keyword", keyword, startFrom } as const;
  const find = { type: "range", lastKey: 0, step: 1, limit: 0 } as const;
  return { flags: OW | UPDATE, begin, find };
}

/** What the four commands that GEOSEARCH replaced have in common. */
const replaced = {
  complexity: RADIUS_COMPLEXITY,
  docFlags: ["deprecated"],
  deprecatedSince: "6.2.0",
  history: [["6.2.0", "Added the `ANY` option for `COUNT`."], UPPERCASE_UNITS],
} satisfies Partial<CommandSpec>;

const radiusCommands = defineFamily<Features>("geo", [
  {
    ...replaced,
    name: "GEORADIUS",
    arity: -6,
    flags: WRITE | DENYOOM,
    since: "3.2.0",
    replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
    summary: "Finds, or stores, the members within a radius of a position.",
    keys: [keyAt(1, RO | ACCESS), keyAfter("STORE", 6), keyAfter("STOREDIST", 6)],
    args: [
      ...[key, ...longitudeAndLatitude, radius, unit, ...withOptions],
      ...[countBlock("6.2.0"), order, storeOption],
    ],
    run: georadiusCommand,
  },
  {
    ...replaced,
    name: "GEORADIUS_RO",
    arity: -6,
    flags: READONLY,
    since: "3.2.10",
    replacedBy: "`GEOSEARCH` with the `BYRADIUS` argument",
    summary: "Finds the members within a radius of a position.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      ...[key, ...longitudeAndLatitude, radius, unit, ...withOptions],
      ...[countBlock("6.2.0"), order],
    ],
    run: georadiusRoCommand,
  },
  {
    ...replaced,
    name: "GEORADIUSBYMEMBER",
    arity: -5,
    flags: WRITE | DENYOOM,
    since: "3.2.0",
    replacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    summary: "Finds, or stores, the members within a radius of another.",
    keys: [keyAt(1, RO | ACCESS), keyAfter("STORE", 5), keyAfter("STOREDIST", 5)],
    args: [
      ...[key, { name: "member", type: "string" } as const, radius, unit, ...withOptions],
      ...[countBlock(), order, storeOption],
    ],
    run: georadiusbymemberCommand,
  },
  {
    ...replaced,
    name: "GEORADIUSBYMEMBER_RO",
    arity: -5,
    flags: READONLY,
    since: "3.2.10",
    replacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
    summary: "Finds the members within a radius of another.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      ...[key, { name: "member", type: "string" } as const, radius, unit, ...withOptions],
      ...[countBlock(), order],
    ],
    run: georadiusbymemberRoCommand,
  },
]);

const searchCommands = defineFamily<Features>("geo", [
  {
    name: "GEOSEARCH",
    arity: -7,
    flags: READONLY,
    since: "6.2.0",
    complexity: SEARCH_COMPLEXITY,
    summary: "Finds the members within a circle or a rectangle.",
    history: [UPPERCASE_UNITS],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, ...searchOptions, ...withOptions],
    run: geosearchCommand,
  },
  {
    name: "GEOSEARCHSTORE",
    arity: -8,
    flags: WRITE | DENYOOM,
    since: "6.2.0",
    complexity: SEARCH_COMPLEXITY,
    summary: "Stores the members within a circle or a rectangle as another sorted set.",
    history: [UPPERCASE_UNITS],
    keys: [keyAt(1, OW | UPDATE), keyAt(2, RO | ACCESS)],
    args: [
      destination,
      { name: "source", type: "key", keySpecIndex: 1 },
      ...searchOptions,
      { name: "storedist", type: "pure-token", token: "STOREDIST", optional: true },
    ],
    run: geosearchstoreCommand,
  },
]);

export const geoSearchCommands = defineFamily<Features>("geo", [
  ...radiusCommands.commands,
  ...searchCommands.commands,
]);

const RADIUS: SearchForm = { isSearch: false, isSearchStore: false, mayStore: true };
const RADIUS_RO: SearchForm = { isSearch: false, isSearchStore: false, mayStore: false };
const SEARCH: SearchForm = { isSearch: true, isSearchStore: false, mayStore: false };
const SEARCH_STORE: SearchForm = { isSearch: true, isSearchStore: true, mayStore: false };

const request = new SearchRequest();
const zset = new ZsetValue();
const area = new GeoArea();
const matches = new GeoMatches();
const position = new GeoPosition();

// GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
//   [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]
function georadiusCommand(c: Context): void {
  aroundPosition(c, RADIUS);
}

// GEORADIUS_RO key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
//   [COUNT count [ANY]] [ASC | DESC]
function georadiusRoCommand(c: Context): void {
  aroundPosition(c, RADIUS_RO);
}

// GEORADIUSBYMEMBER key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
//   [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]
function georadiusbymemberCommand(c: Context): void {
  aroundMember(c, RADIUS);
}

// GEORADIUSBYMEMBER_RO key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
//   [COUNT count [ANY]] [ASC | DESC]
function georadiusbymemberRoCommand(c: Context): void {
  aroundMember(c, RADIUS_RO);
}

// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude
//   BYRADIUS radius unit | BYBOX width height unit | BYPOLYGON n longitude latitude ...
//   [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
function geosearchCommand(c: Context): void {
  request.clear();
  const view = c.readKey(1);
  if (view !== undefined && view.type !== ZSET) return c.reply.wrongType();
  searchWithOptions(c, 2, SEARCH, view);
}

// GEOSEARCHSTORE destination source FROMMEMBER member | FROMLONLAT longitude latitude
//   BYRADIUS radius unit | BYBOX width height unit | BYPOLYGON n longitude latitude ...
//   [ASC | DESC] [COUNT count [ANY]] [STOREDIST]
function geosearchstoreCommand(c: Context): void {
  request.clear();
  request.storeIndex = 1;
  const view = c.readKey(2);
  if (view !== undefined && view.type !== ZSET) return c.reply.wrongType();
  searchWithOptions(c, 3, SEARCH_STORE, view);
}

function aroundPosition(c: Context, form: SearchForm): void {
  request.clear();
  const view = c.readKey(1);
  if (view !== undefined && view.type !== ZSET) return c.reply.wrongType();
  if (!centerOrReply(c, 2, request.shape) || !radiusOrReply(c, 4, request.shape)) return;
  searchWithOptions(c, 6, form, view);
}

function aroundMember(c: Context, form: SearchForm): void {
  request.clear();
  const view = c.readKey(1);
  if (view !== undefined) {
    if (view.type !== ZSET) return c.reply.wrongType();
    if (!centerOnMember(c, view, 2) || !radiusOrReply(c, 3, request.shape)) return;
  }
  // Without a key the radius is not looked at, the options are.
  searchWithOptions(c, 5, form, view);
}

/** Takes the position of the member in an argument as the centre; false after an error. */
function centerOnMember(c: Context, view: RecordView, index: number): boolean {
  const value = zset.open(c.db, view);
  if (value.find(c.bytes, c.start(index), c.end(index))) {
    request.shape.center.decode(value.score);
    return true;
  }
  c.reply.error("ERR could not decode requested zset member");
  return false;
}

function searchWithOptions(
  c: Context,
  index: number,
  form: SearchForm,
  view: RecordView | undefined,
): void {
  if (!optionsOrReply(c, index, form, request, view, centerOnMember)) return;
  const stores = request.storeIndex !== NO_ARGUMENT;
  if (view === undefined) {
    if (stores) storeZset(c, request.storeIndex, new SortedSet(c.server.keyspace.structures));
    else c.reply.array(0);
    return;
  }
  // The nearest ones are meant, unless any will do.
  if (request.count > 0 && request.order === UNSORTED && !request.any) request.order = ASCENDING;
  collect(c, view);
  const { count } = matches;
  const wanted = request.count === 0 ? count : Math.min(count, request.count);
  const found =
    request.order === UNSORTED
      ? matches.found()
      : matches.ordered(request.order === ASCENDING, wanted);
  if (stores) store(c, found, wanted);
  else reply(c, found, wanted);
  matches.clear();
}

/** Measures what lies in the cells around the shape. */
function collect(c: Context, view: RecordView): void {
  const { shape } = request;
  const limit = request.any ? request.count : Number.POSITIVE_INFINITY;
  const value = zset.open(c.db, view);
  const { size } = value;
  matches.clear();
  area.cover(shape);
  for (let k = 0; k < area.count && matches.count < limit; k++) {
    const rank = value.countBelow(area.from[k], false);
    if (rank === size) continue;
    const end = area.to[k];
    value.seekScore(rank);
    do {
      if (value.score >= end) break;
      position.decode(value.score);
      if (!shape.contains(position)) continue;
      value.present();
      const { bytes, start, end: stop, score } = value;
      matches.add(bytes, start, stop, score, shape.distance, position);
    } while (matches.count < limit && value.nextScore());
  }
}

/** Replies with the first `wanted` matches. */
function reply(c: Context, found: Uint32Array, wanted: number): void {
  const { withDistance, withHash, withPosition, shape } = request;
  const { members } = matches;
  const extras = Number(withDistance) + Number(withHash) + Number(withPosition);
  c.reply.array(wanted);
  for (let k = 0; k < wanted; k++) {
    const match = found[k];
    if (extras > 0) c.reply.array(extras + 1);
    c.reply.bulk(members.bytes, members.startOf(match), members.ends[match]);
    if (withDistance) distanceReply(c.reply, matches.distances[match] / shape.unitMeters);
    if (withHash) hashReply(c, matches.scores[match]);
    if (withPosition) {
      positionReply(c.reply, matches.longitudes[match], matches.latitudes[match]);
    }
  }
}

/** A score as an integer; those beyond 2^53 are no position's but of a limit's own. */
function hashReply(c: Context, score: number): void {
  const whole = Math.trunc(score);
  if (Number.isSafeInteger(whole)) c.reply.integer(whole);
  else c.reply.integer64(BigInt(whole));
}

/** Stores the first `wanted` matches, with their scores or their distances in the unit. */
function store(c: Context, found: Uint32Array, wanted: number): void {
  const { members, scores, distances } = matches;
  const { keyspace } = c.server;
  const { storeDistance, shape } = request;
  const set = new SortedSet(keyspace.structures);
  try {
    for (let k = 0; k < wanted; k++) {
      const match = found[k];
      const start = members.startOf(match);
      const score = storeDistance ? distances[match] / shape.unitMeters : scores[match];
      if (set.find(members.bytes, start, members.ends[match]) !== NULL_REF) continue;
      set.add(members.bytes, start, members.ends[match], score);
    }
  } catch (error) {
    keyspace.lazyFree.discard(set);
    throw error;
  }
  storeZset(c, request.storeIndex, set);
  // One change per member; the first has been noted.
  if (wanted > 1) c.effects.changed(wanted - 1);
}
