// hot path: no allocation per command
//
// What positions are searched within: a circle, a rectangle along the meridians, or a polygon whose
// edges are straight on the map (as in Valkey, which has polygons). Around the middle of a polygon,
// that of its corners on the sphere, distances are measured.

import {
  distanceBetween,
  GeoPosition,
  latitudeDistance,
  metersToDegrees,
  parallelDegrees,
} from "./geohash.ts";

export const CIRCLE = 0;
export const RECTANGLE = 1;
export const POLYGON = 2;

/** Degrees within which two latitudes may count as the same. */
const MARGIN = 1e-9;

/** A range of longitudes and one of latitudes, in degrees. */
export interface GeoBounds {
  west: number;
  east: number;
  south: number;
  north: number;
}

/** A shape. Reused: set its fields before each search. */
export class GeoShape {
  readonly center = new GeoPosition();
  form = CIRCLE;
  /** Of a circle, in the unit. */
  radius = 0;
  /** Of a rectangle, in the unit. */
  width = 0;
  height = 0;
  /** The unit in metres. */
  unitMeters = 1;
  /** Of the position that `contains` was asked about last, in metres; only where it is inside. */
  distance = 0;
  /** The bounding box, and metres from the centre to the farthest point, once measured. */
  readonly bounds: GeoBounds = { west: 0, east: 0, south: 0, north: 0 };
  reachMeters = 0;
  /** A polygon's corners. */
  #corners = 0;
  #longitudes = new Float64Array(16);
  #latitudes = new Float64Array(16);

  /** Makes it a polygon of corners that are told next. */
  beginPolygon(): void {
    this.form = POLYGON;
    this.unitMeters = 1;
    this.#corners = 0;
  }

  addCorner(longitude: number, latitude: number): void {
    if (this.#corners === this.#longitudes.length) {
      this.#longitudes = doubled(this.#longitudes);
      this.#latitudes = doubled(this.#latitudes);
    }
    this.#longitudes[this.#corners] = longitude;
    this.#latitudes[this.#corners++] = latitude;
  }

  /** Finds the middle of the polygon that has been told. */
  endPolygon(): void {
    let x = 0;
    let y = 0;
    let z = 0;
    const count = this.#corners;
    const radians = Math.PI / 180;
    for (let k = 0; k < count; k++) {
      const longitude = this.#longitudes[k] * radians;
      const latitude = this.#latitudes[k] * radians;
      x += Math.cos(latitude) * Math.cos(longitude);
      y += Math.cos(latitude) * Math.sin(longitude);
      z += Math.sin(latitude);
    }
    x /= count;
    y /= count;
    z /= count;
    const longitude = Math.atan2(y, x) / radians;
    this.center.set(longitude, Math.atan2(z, Math.sqrt(x * x + y * y)) / radians);
  }

  /** Finds the bounding box and how far the shape reaches. */
  measure(): void {
    if (this.form === POLYGON) return this.#measurePolygon();
    const isCircle = this.form === CIRCLE;
    const { bounds, center, unitMeters, width, height, radius } = this;
    const { longitude, latitude } = center;
    const up = metersToDegrees(unitMeters * (isCircle ? radius : height / 2));
    // The parallel nearer to the pole has more degrees for the same metres.
    const outer = latitude < 0 ? latitude - up : latitude + up;
    const sideways = parallelDegrees(unitMeters * (isCircle ? radius : width / 2), outer);
    bounds.west = longitude - sideways;
    bounds.east = longitude + sideways;
    bounds.south = latitude - up;
    bounds.north = latitude + up;
    const diagonal = Math.sqrt((width / 2) * (width / 2) + (height / 2) * (height / 2));
    this.reachMeters = unitMeters * (isCircle ? radius : diagonal);
  }

  #measurePolygon(): void {
    const { bounds, center } = this;
    bounds.west = bounds.south = Number.POSITIVE_INFINITY;
    bounds.east = bounds.north = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < this.#corners; k++) {
      bounds.west = Math.min(bounds.west, this.#longitudes[k]);
      bounds.east = Math.max(bounds.east, this.#longitudes[k]);
      bounds.south = Math.min(bounds.south, this.#latitudes[k]);
      bounds.north = Math.max(bounds.north, this.#latitudes[k]);
    }
    const { longitude, latitude } = center;
    const { west, east, south, north } = bounds;
    this.reachMeters = Math.max(
      distanceBetween(longitude, latitude, west, south),
      distanceBetween(longitude, latitude, west, north),
      distanceBetween(longitude, latitude, east, south),
      distanceBetween(longitude, latitude, east, north),
    );
  }

  /** Whether a position lies inside, once the shape is measured. */
  contains(position: GeoPosition): boolean {
    const { bounds, center, form } = this;
    const { longitude, latitude } = position;
    // What is clearly beyond need not be measured. The margin is that of rounding.
    if (latitude > bounds.north + MARGIN || latitude < bounds.south - MARGIN) return false;
    if (form === RECTANGLE) {
      // The cheap half of the answer first.
      const high = latitudeDistance(center.latitude, latitude);
      if (high > (this.height * this.unitMeters) / 2) return false;
      const wide = distanceBetween(longitude, latitude, center.longitude, latitude);
      if (wide > (this.width * this.unitMeters) / 2) return false;
    } else if (form === POLYGON && !this.#surrounds(position)) {
      return false;
    }
    this.distance = distanceBetween(center.longitude, center.latitude, longitude, latitude);
    return !(form === CIRCLE && this.distance > this.radius * this.unitMeters);
  }

  /** Whether a ray from a position eastward crosses the polygon's edges an odd number of times. */
  #surrounds(position: GeoPosition): boolean {
    const { longitude, latitude } = position;
    const longitudes = this.#longitudes;
    const latitudes = this.#latitudes;
    let isInside = false;
    for (let k = 0, last = this.#corners - 1; k < this.#corners; last = k++) {
      const isAbove = latitudes[k] > latitude;
      if (isAbove === latitudes[last] > latitude) continue;
      const run = longitudes[last] - longitudes[k];
      const crossing =
        (run * (latitude - latitudes[k])) / (latitudes[last] - latitudes[k]) + longitudes[k];
      if (longitude < crossing) isInside = !isInside;
    }
    return isInside;
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}
