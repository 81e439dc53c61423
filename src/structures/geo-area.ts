// hot path: no allocation per command
//
// Which scores to look at to find everything within a shape: a cell of a grid around the shape's
// centre and the eight cells around that, the grid so coarse that they cover the shape.
//
//   north-west  north   north-east        order of the visit: centre, north, south, east, west,
//   west        centre  east              north-east, north-west, south-east, south-west
//   south-west  south   south-east
//
// The grid wraps around at its edges. Cells that the shape's bounding box does not reach are left
// out. What lies in the cells still has to be measured.

import type { GeoBounds, GeoShape } from "./geo-shape.ts";
import {
  cellScore,
  cellScoreEnd,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  SCORE_STEP,
  stepBegin,
  stepNumber,
} from "./geohash.ts";

/** Half the earth's circumference on the map: what a single cell spans. */
const MAP_METERS_MAX = 20037726.37;
const CELLS = 9;

/** Moves from the centre to each cell, in the order of the visit. */
const EAST = Int8Array.of(0, 0, 0, 1, -1, 1, -1, 1, -1);
const NORTH = Int8Array.of(0, 1, -1, 0, 0, 1, 1, -1, -1);

/** How fine a grid may be whose cells are to reach so many metres around a latitude. */
function stepFor(meters: number, latitude: number): number {
  if (meters === 0) return SCORE_STEP;
  let step = 1;
  for (let reach = meters; reach < MAP_METERS_MAX; reach *= 2) step++;
  step -= 2;
  // Towards the poles the same degrees are fewer metres.
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.min(Math.max(step, 1), SCORE_STEP);
}

/** The cells that cover a shape, as intervals of scores. Reused. */
export class GeoArea {
  /** Number of intervals. */
  count = 0;
  /** Interval k is the scores from[k] <= score < to[k]. */
  readonly from = new Float64Array(CELLS);
  readonly to = new Float64Array(CELLS);

  #step = 0;
  /** The centre's cell. */
  #x = 0;
  #y = 0;
  #bounds!: GeoBounds;

  /** Finds the cells of a shape. */
  cover(shape: GeoShape): void {
    this.count = 0;
    const { longitude, latitude } = shape.center;
    // Where the middle of a polygon around a pole lies: nothing is found.
    if (Math.abs(latitude) > LATITUDE_MAX) return;
    shape.measure();
    this.#bounds = shape.bounds;
    const step = stepFor(shape.reachMeters, latitude);
    this.#locate(longitude, latitude, step);
    if (step > 1 && this.#isTooFine()) this.#locate(longitude, latitude, step - 1);
    this.#collect();
  }

  #locate(longitude: number, latitude: number, step: number): void {
    this.#step = step;
    this.#x = stepNumber(longitude, LONGITUDE_MAX, step);
    this.#y = stepNumber(latitude, LATITUDE_MAX, step);
  }

  /** The column so many cells east, around the edge of the grid. */
  #column(east: number): number {
    return east === 0 ? this.#x : (this.#x + east) & (2 ** this.#step - 1);
  }

  #row(north: number): number {
    return north === 0 ? this.#y : (this.#y + north) & (2 ** this.#step - 1);
  }

  /** Whether the nine cells do not reach as far as the bounding box on some side. */
  #isTooFine(): boolean {
    const bounds = this.#bounds;
    const step = this.#step;
    return (
      stepBegin(this.#row(1) + 1, LATITUDE_MAX, step) < bounds.north ||
      stepBegin(this.#row(-1), LATITUDE_MAX, step) > bounds.south ||
      stepBegin(this.#column(1) + 1, LONGITUDE_MAX, step) < bounds.east ||
      stepBegin(this.#column(-1), LONGITUDE_MAX, step) > bounds.west
    );
  }

  /** Fills in the intervals of the cells that the bounding box reaches. */
  #collect(): void {
    const bounds = this.#bounds;
    const step = this.#step;
    // On the coarsest grid every cell is looked at.
    const isFine = step >= 2;
    const noSouth = isFine && stepBegin(this.#y, LATITUDE_MAX, step) < bounds.south;
    const noNorth = isFine && stepBegin(this.#y + 1, LATITUDE_MAX, step) > bounds.north;
    const noWest = isFine && stepBegin(this.#x, LONGITUDE_MAX, step) < bounds.west;
    const noEast = isFine && stepBegin(this.#x + 1, LONGITUDE_MAX, step) > bounds.east;
    for (let k = 0; k < CELLS; k++) {
      if ((noSouth && NORTH[k] < 0) || (noNorth && NORTH[k] > 0)) continue;
      if ((noWest && EAST[k] < 0) || (noEast && EAST[k] > 0)) continue;
      const x = this.#column(EAST[k]);
      const y = this.#row(NORTH[k]);
      const from = cellScore(x, y, step);
      const last = this.count - 1;
      // On a coarse grid neighbours can be one cell, which then is visited once. Only with the one
      // before, and not with the centre, are they compared: Redis lists duplicates otherwise.
      if (last > 0 && this.from[last] === from) continue;
      this.from[this.count] = from;
      this.to[this.count++] = cellScoreEnd(x, y, step);
    }
  }
}
