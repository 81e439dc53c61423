// Positions, kept as scores of a sorted set: adding them, reading them, measuring distances.
// Finding what lies within a shape is in geo-search.ts.

import { copyBytes, POINT, writeInteger } from "../base/ascii.ts";
import { DOUBLE_BYTES_MAX, writeDouble } from "../base/double.ts";
import { latin1Bytes } from "../base/text.ts";
import { CommandContext } from "../command/context.ts";
import {
  ACCESS,
  DENYOOM,
  defineFamily,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { GeoShape } from "../structures/geo-shape.ts";
import {
  distanceBetween,
  GEOHASH_BYTES,
  GeoPosition,
  scoreOf,
  writeGeohash,
} from "../structures/geohash.ts";
import { ZSET } from "../structures/record.ts";
import { key, tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { centerOrReply, unitOrReply } from "./geo-search-options.ts";
import { longitudeAndLatitude, optionalUnit } from "./geo-specs.ts";
import { zaddCommand } from "./sorted-sets.ts";

const members = { name: "member", type: "string", optional: true, multiple: true } as const;

export const geoCommands = defineFamily("geo", [
  {
    name: "GEOADD",
    arity: -5,
    flags: WRITE | DENYOOM,
    since: "3.2.0",
    complexity:
      "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    summary: "Adds positions to a sorted set, or moves those that are there.",
    history: [["6.2.0", "Added the `CH`, `NX` and `XX` options."]],
    keys: [keyAt(1, RW | UPDATE)],
    args: [
      key,
      {
        name: "condition",
        type: "oneof",
        since: "6.2.0",
        optional: true,
        arguments: tokens("NX", "XX"),
      },
      { name: "change", type: "pure-token", token: "CH", since: "6.2.0", optional: true },
      {
        name: "data",
        type: "block",
        multiple: true,
        arguments: [...longitudeAndLatitude, { name: "member", type: "string" }],
      },
    ],
    run: geoaddCommand,
  },
  {
    name: "GEODIST",
    arity: -4,
    flags: READONLY,
    since: "3.2.0",
    complexity: "O(1)",
    summary: "Measures the distance between two members.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "member1", type: "string" },
      { name: "member2", type: "string" },
      optionalUnit,
    ],
    run: geodistCommand,
  },
  {
    name: "GEOHASH",
    arity: -2,
    flags: READONLY,
    since: "3.2.0",
    complexity: "O(1) for each member requested.",
    summary: "Tells the positions of members as geohash texts.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, members],
    run: geohashCommand,
  },
  {
    name: "GEOPOS",
    arity: -2,
    flags: READONLY,
    since: "3.2.0",
    complexity: "O(1) for each member requested.",
    summary: "Tells the positions of members as longitude and latitude.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, members],
    run: geoposCommand,
  },
]);

const position = new GeoPosition();
const otherPosition = new GeoPosition();
const geohash = new Uint8Array(GEOHASH_BYTES);
const zset = new ZsetValue();
const shape = new GeoShape();
const ZADD = latin1Bytes("zadd");

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
function geoaddCommand(c: Context): void {
  let first = 2;
  let isNew = false;
  let isKnown = false;
  for (; first < c.count; first++) {
    if (c.is(first, "nx")) isNew = true;
    else if (c.is(first, "xx")) isKnown = true;
    else if (!c.is(first, "ch")) break;
  }
  if ((c.count - first) % 3 !== 0 || (isNew && isKnown)) return c.reply.syntaxError();
  const scores = new Float64Array((c.count - first) / 3);
  for (let k = 0; k < scores.length; k++) {
    if (!centerOrReply(c, first + k * 3, shape)) return;
    scores[k] = scoreOf(shape.center.longitude, shape.center.latitude);
  }
  runAsZadd(c, first, scores);
}

/**
 * Runs the ZADD that a GEOADD comes down to: the same options, and a score and a member for every
 * longitude, latitude and member from argument `first` on. That is what is propagated, too.
 */
function runAsZadd(c: Context, first: number, scores: Float64Array): void {
  const count = first + scores.length * 2;
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let bytesMax = ZADD.length + scores.length * DOUBLE_BYTES_MAX;
  for (let index = 1; index < c.count; index++) bytesMax += c.length(index);
  const bytes = new Uint8Array(bytesMax);
  copyBytes(bytes, 0, ZADD, 0, ZADD.length);
  let at = ZADD.length;
  ends[0] = at;
  const copyArgument = (from: number, to: number) => {
    starts[to] = at;
    copyBytes(bytes, at, c.bytes, c.start(from), c.end(from));
    at += c.length(from);
    ends[to] = at;
  };
  for (let index = 1; index < first; index++) copyArgument(index, index);
  for (let k = 0; k < scores.length; k++) {
    const to = first + k * 2;
    starts[to] = at;
    at = writeDouble(bytes, at, scores[k]);
    ends[to] = at;
    copyArgument(first + k * 3 + 2, to + 1);
  }
  const zadd = new CommandContext(c.server, c.reply, c.effects);
  zadd.setArguments(bytes, starts, ends, 0, count);
  zadd.command = c.command;
  zadd.client = c.client;
  zadd.db = c.db;
  zadd.nowMs = c.nowMs;
  const before = c.effects.changes;
  zaddCommand(zadd);
  if (c.effects.changes === before || !c.effects.active) return;
  const effect = c.effects.replace(count);
  for (let index = 0; index < count; index++) effect.bulk(bytes, starts[index], ends[index]);
}

// GEODIST key member1 member2 [M | KM | FT | MI]
function geodistCommand(c: Context): void {
  if (c.count > 5) return c.reply.syntaxError();
  const meters = c.count === 5 ? unitOrReply(c, 4) : 1;
  if (meters === 0) return;
  const view = c.readKey(1);
  if (view === undefined) return c.reply.null();
  if (view.type !== ZSET) return c.reply.wrongType();
  const value = zset.open(c.db, view);
  if (!value.find(c.bytes, c.start(2), c.end(2))) return c.reply.null();
  position.decode(value.score);
  if (!value.find(c.bytes, c.start(3), c.end(3))) return c.reply.null();
  otherPosition.decode(value.score);
  const distance = distanceBetween(
    position.longitude,
    position.latitude,
    otherPosition.longitude,
    otherPosition.latitude,
  );
  distanceReply(c.reply, distance / meters);
}

// GEOHASH key [member [member ...]]
function geohashCommand(c: Context): void {
  const view = c.readKey(1);
  if (view !== undefined && view.type !== ZSET) return c.reply.wrongType();
  c.reply.array(c.count - 2);
  const value = view && zset.open(c.db, view);
  for (let index = 2; index < c.count; index++) {
    if (value?.find(c.bytes, c.start(index), c.end(index))) {
      position.decode(value.score);
      writeGeohash(geohash, 0, position);
      c.reply.bulkBytes(geohash);
    } else {
      c.reply.null();
    }
  }
}

// GEOPOS key [member [member ...]]
function geoposCommand(c: Context): void {
  const view = c.readKey(1);
  if (view !== undefined && view.type !== ZSET) return c.reply.wrongType();
  c.reply.array(c.count - 2);
  const value = view && zset.open(c.db, view);
  for (let index = 2; index < c.count; index++) {
    if (value?.find(c.bytes, c.start(index), c.end(index))) {
      position.decode(value.score);
      positionReply(c.reply, position.longitude, position.latitude);
    } else {
      c.reply.nullArray();
    }
  }
}

/** A pair of coordinates. */
export function positionReply(reply: ReplyWriter, longitude: number, latitude: number): void {
  reply.array(2);
  reply.double(longitude);
  reply.double(latitude);
}

/** A distance with four decimals, ties to even, as a bulk string. */
export function distanceReply(reply: ReplyWriter, distance: number): void {
  reply.bulk(distanceText, 0, writeDistance(distance));
}

/** Where distances are written: 16 digits, a point, and one for the sign. */
const distanceText = new Uint8Array(32);
/** What comes of a distance that is no number, between antipodes: the least int64. */
const NO_DISTANCE = latin1Bytes("-922337203685477.5808");
const DECIMALS = 4;
const SCALE = 10 ** DECIMALS;

/** Writes the text of a distance; returns its length. */
function writeDistance(distance: number): number {
  if (Number.isNaN(distance)) {
    copyBytes(distanceText, 0, NO_DISTANCE, 0, NO_DISTANCE.length);
    return NO_DISTANCE.length;
  }
  const scaled = distance * SCALE;
  let units = Math.floor(scaled);
  const rest = scaled - units;
  if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++;
  const whole = Math.floor(units / SCALE);
  const point = writeInteger(distanceText, 0, whole);
  // With a digit in front, so that zeros behind the point are written.
  const end = writeInteger(distanceText, point, SCALE + (units - whole * SCALE));
  distanceText[point] = POINT;
  return end;
}
