// What the search commands of the geo family are asked for: one walk over the arguments, in whose
// course everything is checked, in the order in which Redis checks it.

import { parseDouble } from "../base/double.ts";
import { latin1Text } from "../base/text.ts";
import { CIRCLE, GeoShape, RECTANGLE } from "../structures/geo-shape.ts";
import { LATITUDE_MAX, LONGITUDE_MAX } from "../structures/geohash.ts";
import type { RecordView } from "../structures/record.ts";
import type { Context } from "./features.ts";

/** Instead of an argument's index. */
export const NO_ARGUMENT = 0;

/** Where the centre comes from. */
export const NO_CENTER = 0;
export const CENTER_MEMBER = 1;
export const CENTER_POSITION = 2;
/** The middle of a polygon, which takes no other centre. */
export const CENTER_POLYGON = 3;

/** What the shape is. */
export const NO_SHAPE = 0;
export const SHAPE_CIRCLE = 1;
export const SHAPE_BOX = 2;
export const SHAPE_POLYGON = 3;

export const UNSORTED = 0;
export const ASCENDING = 1;
export const DESCENDING = 2;

/** Takes the position of a member, given as an argument, as the centre; false where it has none. */
export type CenterOnMember = (c: Context, view: RecordView, index: number) => boolean;

/** Which command is run, as far as its options differ. */
export interface SearchForm {
  /** GEOSEARCH and GEOSEARCHSTORE, whose centre and shape are options. */
  readonly isSearch: boolean;
  /** GEOSEARCHSTORE: takes STOREDIST as a switch, the destination being an argument of its own. */
  readonly isSearchStore: boolean;
  /** GEORADIUS and GEORADIUSBYMEMBER: STORE key, STOREDIST key. */
  readonly mayStore: boolean;
}

/** A request to search. Reused. */
export class SearchRequest {
  readonly shape = new GeoShape();
  order = UNSORTED;
  /** How many matches are wanted at most; 0 is all. */
  count = 0;
  /** Any matches will do, rather than the nearest. */
  any = false;
  withDistance = false;
  withHash = false;
  withPosition = false;
  /** The argument that names the key to store matches under, or NO_ARGUMENT. */
  storeIndex = NO_ARGUMENT;
  storeDistance = false;
  /** Options may be repeated, but not mixed. */
  centerKind = NO_CENTER;
  shapeKind = NO_SHAPE;

  clear(): void {
    this.order = UNSORTED;
    this.count = 0;
    this.any = false;
    this.withDistance = false;
    this.withHash = false;
    this.withPosition = false;
    this.storeIndex = NO_ARGUMENT;
    this.storeDistance = false;
    this.centerKind = NO_CENTER;
    this.shapeKind = NO_SHAPE;
    this.shape.form = CIRCLE;
    this.shape.unitMeters = 1;
  }
}

/** Metres in a unit, given as an argument; 0 after an error. */
export function unitOrReply(c: Context, index: number): number {
  if (c.is(index, "m")) return 1;
  if (c.is(index, "km")) return 1000;
  if (c.is(index, "ft")) return 0.3048;
  if (c.is(index, "mi")) return 1609.34;
  c.reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return 0;
}

function doubleOrReply(c: Context, index: number, error: string): number {
  const value = parseDouble(c.bytes, c.start(index), c.end(index));
  if (Number.isNaN(value)) c.reply.error(error);
  return value;
}

/** Takes two arguments as the centre's longitude and latitude; false after an error. */
export function centerOrReply(c: Context, index: number, shape: GeoShape): boolean {
  const longitude = doubleOrReply(c, index, "ERR value is not a valid float");
  if (Number.isNaN(longitude)) return false;
  const latitude = doubleOrReply(c, index + 1, "ERR value is not a valid float");
  if (Number.isNaN(latitude)) return false;
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    const pair = `${sixDecimals(longitude)},${sixDecimals(latitude)}`;
    c.reply.error(`ERR invalid longitude,latitude pair ${pair}`);
    return false;
  }
  shape.center.set(longitude, latitude);
  return true;
}

/** A number as C's `%f` prints it: six decimals, ties to even. */
export function sixDecimals(value: number): string {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (magnitude === Number.POSITIVE_INFINITY) return `${sign}inf`;
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.000000`;
  // toFixed rounds ties up: only what ends in 5 at the seventh decimal is one.
  const isTie = (magnitude * 128) % 2 === 1;
  const seven = magnitude.toFixed(7);
  const isEven = Number(seven.at(-2)) % 2 === 0;
  return sign + (isTie && isEven ? seven.slice(0, -1) : magnitude.toFixed(6));
}

/** Takes two arguments as radius and unit; false after an error. */
export function radiusOrReply(c: Context, index: number, shape: GeoShape): boolean {
  const radius = doubleOrReply(c, index, "ERR need numeric radius");
  if (Number.isNaN(radius)) return false;
  if (radius < 0) {
    c.reply.error("ERR radius cannot be negative");
    return false;
  }
  const meters = unitOrReply(c, index + 1);
  shape.form = CIRCLE;
  shape.radius = radius;
  shape.unitMeters = meters;
  return meters !== 0;
}

/** Takes three arguments as width, height and unit; false after an error. */
function boxOrReply(c: Context, index: number, shape: GeoShape): boolean {
  const width = doubleOrReply(c, index, "ERR need numeric width");
  if (Number.isNaN(width)) return false;
  const height = doubleOrReply(c, index + 1, "ERR need numeric height");
  if (Number.isNaN(height)) return false;
  if (width < 0 || height < 0) {
    c.reply.error("ERR height or width cannot be negative");
    return false;
  }
  const meters = unitOrReply(c, index + 2);
  shape.form = RECTANGLE;
  shape.width = width;
  shape.height = height;
  shape.unitMeters = meters;
  return meters !== 0;
}

/** The most corners that may be announced, there or not. */
const CORNERS_MAX = 2 ** 31 - 1;

/** Takes a count and as many positions as a polygon's corners; 0 after an error. */
function polygonOrReply(c: Context, index: number, shape: GeoShape): number {
  const count = c.integer(index);
  if (!(Math.abs(count) <= CORNERS_MAX) && count !== -CORNERS_MAX - 1) {
    c.reply.error("ERR invalid number of vertices");
    return 0;
  }
  if (count < 3 || index + 2 * count >= c.count) {
    c.reply.error("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
    return 0;
  }
  shape.beginPolygon();
  for (let k = 0; k < count; k++) {
    if (!centerOrReply(c, index + 1 + 2 * k, shape)) return 0;
    shape.addCorner(shape.center.longitude, shape.center.latitude);
  }
  shape.endPolygon();
  return count;
}

const WRONG = -1;
/** The word is none of those that a function looks for. */
const NOT_FOUND = 0;

/**
 * Reads the options from argument `index` on into a request; false after an error. `view` is the
 * sorted set searched, if there is one: without it a member given as centre goes unchecked.
 */
export function optionsOrReply(
  c: Context,
  index: number,
  form: SearchForm,
  request: SearchRequest,
  view: RecordView | undefined,
  centerOnMember: CenterOnMember,
): boolean {
  for (let at = index; at < c.count; ) {
    let taken = takeSwitch(c, at, request);
    if (taken === NOT_FOUND && c.is(at, "count") && at + 1 < c.count) {
      if (!countOrReply(c, at + 1, request)) return false;
      taken = 2;
    }
    if (taken === NOT_FOUND) taken = takeStore(c, at, form, request);
    if (taken === NOT_FOUND && form.isSearch) {
      taken = takeCenter(c, at, request, view, centerOnMember);
      if (taken === NOT_FOUND) taken = takeShape(c, at, request);
    }
    if (taken === NOT_FOUND) c.reply.syntaxError();
    if (taken <= NOT_FOUND) return false;
    at += taken;
  }
  return fitsTogether(c, form, request);
}

/** Each of these returns how many arguments it took, NOT_FOUND or WRONG after an error. */
function takeSwitch(c: Context, at: number, request: SearchRequest): number {
  if (c.is(at, "withdist")) request.withDistance = true;
  else if (c.is(at, "withhash")) request.withHash = true;
  else if (c.is(at, "withcoord")) request.withPosition = true;
  else if (c.is(at, "any")) request.any = true;
  else if (c.is(at, "asc")) request.order = ASCENDING;
  else if (c.is(at, "desc")) request.order = DESCENDING;
  else return NOT_FOUND;
  return 1;
}

/** Takes an argument as the number of matches wanted; false after an error. */
function countOrReply(c: Context, index: number, request: SearchRequest): boolean {
  let count = c.integer(index);
  if (Number.isNaN(count)) {
    const large = c.int64(index);
    if (large === undefined) {
      c.reply.notAnInteger();
      return false;
    }
    count = Number(large);
  }
  if (count <= 0) c.reply.error("ERR COUNT must be > 0");
  request.count = count;
  return count > 0;
}

function takeStore(c: Context, at: number, form: SearchForm, request: SearchRequest): number {
  if (form.mayStore && at + 1 < c.count) {
    const isDistance = c.is(at, "storedist");
    if (isDistance || c.is(at, "store")) {
      request.storeIndex = at + 1;
      request.storeDistance = isDistance;
      return 2;
    }
  }
  if (!form.isSearchStore || !c.is(at, "storedist")) return NOT_FOUND;
  request.storeDistance = true;
  return 1;
}

function takeCenter(
  c: Context,
  at: number,
  request: SearchRequest,
  view: RecordView | undefined,
  centerOnMember: CenterOnMember,
): number {
  const kind = request.centerKind;
  if (
    c.is(at, "frommember") &&
    at + 1 < c.count &&
    (kind === NO_CENTER || kind === CENTER_MEMBER)
  ) {
    if (view !== undefined && !centerOnMember(c, view, at + 1)) return WRONG;
    request.centerKind = CENTER_MEMBER;
    return 2;
  }
  if (
    c.is(at, "fromlonlat") &&
    at + 2 < c.count &&
    (kind === NO_CENTER || kind === CENTER_POSITION)
  ) {
    request.centerKind = CENTER_POSITION;
    return centerOrReply(c, at + 1, request.shape) ? 3 : WRONG;
  }
  return NOT_FOUND;
}

function takeShape(c: Context, at: number, request: SearchRequest): number {
  const kind = request.shapeKind;
  if (c.is(at, "byradius") && at + 2 < c.count && (kind === NO_SHAPE || kind === SHAPE_CIRCLE)) {
    request.shapeKind = SHAPE_CIRCLE;
    return radiusOrReply(c, at + 1, request.shape) ? 3 : WRONG;
  }
  if (c.is(at, "bybox") && at + 3 < c.count && (kind === NO_SHAPE || kind === SHAPE_BOX)) {
    request.shapeKind = SHAPE_BOX;
    return boxOrReply(c, at + 1, request.shape) ? 4 : WRONG;
  }
  if (c.is(at, "bypolygon") && at + 2 < c.count) {
    const isFirst = kind === NO_SHAPE && request.centerKind === NO_CENTER;
    if (!isFirst && kind !== SHAPE_POLYGON) return NOT_FOUND;
    request.shapeKind = SHAPE_POLYGON;
    request.centerKind = CENTER_POLYGON;
    const corners = polygonOrReply(c, at + 1, request.shape);
    return corners > 0 ? 2 + 2 * corners : WRONG;
  }
  return NOT_FOUND;
}

/** What only the whole of the options tells; false after an error. */
function fitsTogether(c: Context, form: SearchForm, request: SearchRequest): boolean {
  const stores = request.storeIndex !== NO_ARGUMENT;
  if (stores && (request.withDistance || request.withHash || request.withPosition)) {
    const what = form.isSearchStore ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
    const rest = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    c.reply.error(`ERR ${what} ${rest}`);
    return false;
  }
  if (form.isSearch && request.centerKind === NO_CENTER) {
    return oneOf(c, "FROMMEMBER or FROMLONLAT");
  }
  if (form.isSearch && request.shapeKind === NO_SHAPE) return oneOf(c, "BYRADIUS and BYBOX");
  if (request.any && request.count === 0) {
    c.reply.error("ERR the ANY argument requires COUNT argument");
    return false;
  }
  return true;
}

function oneOf(c: Context, options: string): boolean {
  const name = latin1Text(c.bytes, c.start(0), c.end(0));
  c.reply.error(`ERR exactly one of ${options} can be specified for ${name}`);
  return false;
}
