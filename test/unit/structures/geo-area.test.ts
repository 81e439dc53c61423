import { expect, test } from "bun:test";
import { GeoArea } from "../../../src/structures/geo-area.ts";
import { CIRCLE, GeoShape, RECTANGLE } from "../../../src/structures/geo-shape.ts";
import { GeoPosition, scoreOf } from "../../../src/structures/geohash.ts";
import { Choices } from "../../harness/generate.ts";

const shape = new GeoShape();
const area = new GeoArea();
const position = new GeoPosition();

function coordinate(choices: Choices, limit: number): number {
  return ((choices.below(2 ** 31) / 2 ** 31) * 2 - 1) * limit;
}

/** Whether a score lies in one of the intervals found. */
function isCovered(score: number): boolean {
  for (let k = 0; k < area.count; k++) {
    if (score >= area.from[k] && score < area.to[k]) return true;
  }
  return false;
}

test("the cells hold every position within the shape (seed 14)", () => {
  const choices = new Choices(14);
  let inside = 0;
  for (let round = 0; round < 300; round++) {
    shape.form = choices.oneIn(2) ? CIRCLE : RECTANGLE;
    shape.unitMeters = choices.pick([1, 1000]);
    shape.radius = shape.width = choices.below(choices.pick([10, 1000, 3000]));
    shape.height = choices.below(2000);
    // Not where the shape reaches around the globe's seam or over a pole.
    shape.center.set(coordinate(choices, 120), coordinate(choices, 45));
    const { longitude, latitude } = shape.center;
    area.cover(shape);
    const degrees = (shape.reachMeters / 111_000) * 2 + 1e-4;
    for (let k = 0; k < 200; k++) {
      const east = longitude + coordinate(choices, degrees);
      const north = Math.max(-85, Math.min(85, latitude + coordinate(choices, degrees)));
      const score = scoreOf(Math.max(-180, Math.min(180, east)), north);
      position.decode(score);
      if (!shape.contains(position)) continue;
      inside++;
      expect([round, isCovered(score)]).toEqual([round, true]);
    }
  }
  expect(inside).toBeGreaterThan(5000);
});

test("a circle without a radius is one cell of the finest grid, or few", () => {
  shape.form = CIRCLE;
  shape.radius = 0;
  shape.center.set(13.5, 38.2);
  area.cover(shape);
  expect(area.to[0] - area.from[0]).toBeLessThanOrEqual(16);
  expect(isCovered(scoreOf(13.5, 38.2))).toBe(true);
});

test("around the whole globe no cell is visited twice in a row", () => {
  shape.radius = 30_000_000;
  shape.unitMeters = 1;
  area.cover(shape);
  for (let k = 2; k < area.count; k++) expect(area.from[k]).not.toBe(area.from[k - 1]);
});

test("a polygon is the inside of its edges, whichever way they run", () => {
  for (const corners of [
    [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
    ],
    [
      [0, 10],
      [10, 10],
      [10, 0],
      [0, 0],
    ],
  ]) {
    shape.beginPolygon();
    for (const [longitude, latitude] of corners) shape.addCorner(longitude, latitude);
    shape.endPolygon();
    shape.measure();
    const inside = [
      [5, 5],
      [9.9, 0.1],
      [10.1, 5],
      [5, -0.1],
      [-5, 5],
    ].map(([longitude, latitude]) => {
      position.set(longitude, latitude);
      return shape.contains(position);
    });
    expect(inside).toEqual([true, true, false, false, false]);
  }
});
