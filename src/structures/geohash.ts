// hot path: no allocation per command
//
// Positions as scores of a sorted set, and distances between them.
//
// The longitude in [-180, 180] and the latitude in [-85.05112878, 85.05112878] are each cut into
// 2^26 steps; the two step numbers, their bits interleaved, are an integer of 52 bits, which a
// double holds exactly:
//
//   bit   51  50  49  48  ...   1   0
//         x25 y25 x24 y24 ...  x0  y0       x: longitude, y: latitude
//
// Positions with a common prefix of 2k bits share a cell of the grid of 2^k by 2^k cells, so each
// cell is one interval of scores. The upper limits themselves give a step number of 2^26, a bit
// above the others, which is kept: x and y are integers of 27 bits here, of 32 when decoded from a
// score that no position has.

export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
/** Bits of a step number in a score. */
export const SCORE_STEP = 26;
/** Characters of a geohash text. */
export const GEOHASH_BYTES = 11;

/** Latitudes of the widespread geohash texts, which start from the poles. */
const STANDARD_LATITUDE_MAX = 90;
const EARTH_RADIUS_METERS = 6372797.560856;
const RADIANS_PER_DEGREE = Math.PI / 180;
const HALF = 2 ** 32;
const INT64_LIMIT = 2 ** 63;
const STEPS = 2 ** SCORE_STEP;

const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

function toRadians(degrees: number): number {
  return degrees * RADIANS_PER_DEGREE;
}

function toDegrees(radians: number): number {
  return radians / RADIANS_PER_DEGREE;
}

/** Degrees that so many metres are on a great circle. */
export function metersToDegrees(meters: number): number {
  return toDegrees(meters / EARTH_RADIUS_METERS);
}

/** Degrees of longitude that so many metres are along the parallel of a latitude. */
export function parallelDegrees(meters: number, latitude: number): number {
  return toDegrees(meters / EARTH_RADIUS_METERS / Math.cos(toRadians(latitude)));
}

/** Spreads 16 bits over the even places of 32. */
function spread(value: number): number {
  let bits = value & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff_00ff;
  bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
  bits = (bits | (bits << 2)) & 0x3333_3333;
  return (bits | (bits << 1)) & 0x5555_5555;
}

/** Collects the even places of 32 bits into 16. */
function collect(value: number): number {
  let bits = value & 0x5555_5555;
  bits = (bits | (bits >>> 1)) & 0x3333_3333;
  bits = (bits | (bits >>> 2)) & 0x0f0f_0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff_00ff;
  return (bits | (bits >>> 8)) & 0xffff;
}

/** The upper 32 of the 64 bits that two step numbers interleave to. */
function upperBits(x: number, y: number): number {
  return (spread(y >>> 16) | (spread(x >>> 16) << 1)) >>> 0;
}

function lowerBits(x: number, y: number): number {
  return (spread(y) | (spread(x) << 1)) >>> 0;
}

/** The number of the step that a coordinate lies in, out of 2^step between -max and max. */
export function stepNumber(coordinate: number, max: number, step: number): number {
  return Math.floor(((coordinate + max) / (max + max)) * 2 ** step);
}

/** The lowest score in a cell of the grid of 2^step by 2^step cells. */
export function cellScore(x: number, y: number, step: number): number {
  return (upperBits(x, y) * HALF + lowerBits(x, y)) * 4 ** (SCORE_STEP - step);
}

/** The lowest score behind a cell. */
export function cellScoreEnd(x: number, y: number, step: number): number {
  // Added before the sum is rounded to a double.
  return (upperBits(x, y) * HALF + (lowerBits(x, y) + 1)) * 4 ** (SCORE_STEP - step);
}

/** The score of a position, which lies within the limits. */
export function scoreOf(longitude: number, latitude: number): number {
  const x = stepNumber(longitude, LONGITUDE_MAX, SCORE_STEP);
  const y = stepNumber(latitude, LATITUDE_MAX, SCORE_STEP);
  return upperBits(x, y) * HALF + lowerBits(x, y);
}

/** A position, reused by its owner. */
export class GeoPosition {
  longitude = 0;
  latitude = 0;

  set(longitude: number, latitude: number): void {
    this.longitude = longitude;
    this.latitude = latitude;
  }

  /**
   * Takes the middle of the cell that a score stands for. Any double is a score here: those that no
   * position has are converted as x86-64 converts doubles to 64-bit integers.
   */
  decode(score: number): void {
    let upper = 0x8000_0000;
    let lower = 0;
    if (score >= INT64_LIMIT) {
      const rest = score - INT64_LIMIT;
      const isOutside = rest >= INT64_LIMIT;
      upper = isOutside ? 0 : 0x8000_0000 + Math.floor(rest / HALF);
      lower = isOutside ? 0 : rest % HALF;
    } else if (score >= -INT64_LIMIT) {
      const whole = Math.trunc(score);
      upper = Math.floor(whole / HALF);
      lower = whole - upper * HALF;
    }
    const x = (collect(lower >>> 1) | (collect(upper >>> 1) << 16)) >>> 0;
    const y = (collect(lower) | (collect(upper) << 16)) >>> 0;
    this.longitude = middle(x, LONGITUDE_MAX);
    this.latitude = middle(y, LATITUDE_MAX);
  }
}

/** Where a step begins, out of 2^step between -max and max. */
export function stepBegin(number: number, max: number, step: number): number {
  return -max + (number / 2 ** step) * (max + max);
}

function middle(number: number, max: number): number {
  // As `stepBegin`, without its power.
  const begin = -max + (number / STEPS) * (max + max);
  // The number after the largest one of 32 bits is 0.
  const end = -max + (((number + 1) >>> 0) / STEPS) * (max + max);
  const coordinate = (begin + end) / 2;
  return Math.max(Math.min(coordinate, max), -max);
}

/** The distance between two latitudes, in metres. */
export function latitudeDistance(left: number, right: number): number {
  return EARTH_RADIUS_METERS * Math.abs(toRadians(right) - toRadians(left));
}

/** The distance between two positions on a sphere, in metres, by the haversine formula. */
export function distanceBetween(
  longitude1: number,
  latitude1: number,
  longitude2: number,
  latitude2: number,
): number {
  const v = Math.sin((toRadians(longitude2) - toRadians(longitude1)) / 2);
  if (v === 0) return latitudeDistance(latitude1, latitude2);
  const radians1 = toRadians(latitude1);
  const radians2 = toRadians(latitude2);
  const u = Math.sin((radians2 - radians1) / 2);
  const a = u * u + Math.cos(radians1) * Math.cos(radians2) * v * v;
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(a));
}

/**
 * Writes the geohash text of a position, GEOHASH_BYTES bytes, in the widespread form: latitudes
 * from pole to pole, 5 bits a character. The last one would need 55 bits and is always 0.
 */
export function writeGeohash(target: Uint8Array, at: number, position: GeoPosition): void {
  // The bit that stands for the eastern limit itself has no place in the text.
  const x = stepNumber(position.longitude, LONGITUDE_MAX, SCORE_STEP) & (STEPS - 1);
  const y = stepNumber(position.latitude, STANDARD_LATITUDE_MAX, SCORE_STEP);
  let rest = Math.floor((upperBits(x, y) * HALF + lowerBits(x, y)) / 4);
  for (let k = GEOHASH_BYTES - 2; k >= 0; k--) {
    const quotient = Math.floor(rest / 32);
    target[at + k] = ALPHABET.charCodeAt(rest - quotient * 32);
    rest = quotient;
  }
  target[at + GEOHASH_BYTES - 1] = ALPHABET.charCodeAt(0);
}
