// The expected scores, coordinates and texts are what Redis 8.0 answered to GEOADD, ZSCORE, GEOPOS
// and GEOHASH; distances are GEODIST's.

import { expect, test } from "bun:test";
import { latin1Text } from "../../../src/base/text.ts";
import {
  cellScore,
  cellScoreEnd,
  distanceBetween,
  GEOHASH_BYTES,
  GeoPosition,
  latitudeDistance,
  scoreOf,
  writeGeohash,
} from "../../../src/structures/geohash.ts";

const position = new GeoPosition();

function decoded(score: number): [longitude: number, latitude: number] {
  position.decode(score);
  return [position.longitude, position.latitude];
}

function geohash(score: number): string {
  position.decode(score);
  const bytes = new Uint8Array(GEOHASH_BYTES + 2);
  writeGeohash(bytes, 1, position);
  return latin1Text(bytes, 1, 1 + GEOHASH_BYTES);
}

test("a position's score, its position and its text are Redis's", () => {
  const palermo = scoreOf(13.361389, 38.115556);
  expect(palermo).toBe(3479099956230698);
  expect(decoded(palermo)).toEqual([13.361389338970184, 38.1155563954963]);
  expect(geohash(palermo)).toBe("sqc8b49rny0");
  const catania = scoreOf(15.087269, 37.502669);
  expect(catania).toBe(3479447370796909);
  expect(decoded(catania)).toEqual([15.087267458438873, 37.50266842333162]);
});

test("the limits themselves have scores, and scores that no position has decode to some", () => {
  expect(scoreOf(-180, -85.05112878)).toBe(0);
  expect(scoreOf(180, -85.05112878)).toBe(2 ** 53);
  for (const score of [-1, 1e19, -1e19, 1e300, Number.POSITIVE_INFINITY, 2 ** 63, 0.5]) {
    const [longitude, latitude] = decoded(score);
    expect(Math.abs(longitude)).toBeLessThanOrEqual(180);
    expect(Math.abs(latitude)).toBeLessThanOrEqual(85.05112878);
  }
});

test("a cell holds the scores of the positions in it, and no others", () => {
  for (const [longitude, latitude] of [
    [13.36, 38.11],
    [-0.01, 0.01],
    [179.9, -85],
    [-74, 40],
  ]) {
    const score = scoreOf(longitude, latitude);
    for (let step = 1; step <= 26; step++) {
      const x = Math.floor(((longitude + 180) / 360) * 2 ** step);
      const y = Math.floor(((latitude + 85.05112878) / 170.10225756) * 2 ** step);
      expect(cellScore(x, y, step)).toBeLessThanOrEqual(score);
      expect(cellScoreEnd(x, y, step)).toBeGreaterThan(score);
      expect(cellScoreEnd(x, y, step) - cellScore(x, y, step)).toBe(4 ** (26 - step));
    }
  }
});

test("distances are measured on Redis's sphere", () => {
  const distance = distanceBetween(
    13.361389338970184,
    38.1155563954963,
    15.087267458438873,
    37.50266842333162,
  );
  expect(distance.toFixed(4)).toBe("166274.1516");
  expect(distanceBetween(1, 2, 1, 2)).toBe(0);
  expect(distanceBetween(5, -10, 5, 30)).toBe(latitudeDistance(-10, 30));
});
