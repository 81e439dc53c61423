// hot path: no allocation per command
//
// What a search for positions has found: members and what was measured of them. One object serves
// all searches of a server, one after the other.

import { ByteRanges } from "../base/byte-ranges.ts";
import { partialSort } from "../base/partial-sort.ts";
import type { GeoPosition } from "./geohash.ts";

/** Columns up to this length stay allocated. */
const KEPT_MATCHES = 1 << 14;
const FIRST_MATCHES = 64;

/** What a search has found, in columns that are reused for one search after another. */
export class GeoMatches {
  readonly members = new ByteRanges();
  scores = new Float64Array(FIRST_MATCHES);
  /** Metres from the centre of the search. */
  distances = new Float64Array(FIRST_MATCHES);
  longitudes = new Float64Array(FIRST_MATCHES);
  latitudes = new Float64Array(FIRST_MATCHES);

  get count(): number {
    return this.members.count;
  }

  clear(): void {
    this.members.clear();
    if (this.scores.length > KEPT_MATCHES) this.#resize(FIRST_MATCHES);
  }

  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    score: number,
    distance: number,
    position: GeoPosition,
  ): void {
    const k = this.count;
    if (k === this.scores.length) this.#resize(k * 2);
    this.members.add(bytes, start, end);
    this.scores[k] = score;
    this.distances[k] = distance;
    this.longitudes[k] = position.longitude;
    this.latitudes[k] = position.latitude;
  }

  /**
   * The matches in the order of their distance, ascending or descending, of which only the first
   * `wanted` need be right; equal ones come as they come in Redis.
   */
  ordered(isAscending: boolean, wanted: number): Uint32Array {
    const order = this.found();
    const { distances } = this;
    const sign = isAscending ? 1 : -1;
    // alloc: one closure per search
    const compare = (left: number, right: number) => {
      const a = distances[left];
      const b = distances[right];
      return a > b ? sign : a === b ? 0 : -sign;
    };
    if (wanted >= this.count) order.sort(compare);
    else partialSort(order, 0, wanted - 1, compare);
    return order;
  }

  /** The matches in the order they were found. */
  found(): Uint32Array {
    // alloc: one order per search
    const order = new Uint32Array(this.count);
    for (let k = 0; k < order.length; k++) order[k] = k;
    return order;
  }

  #resize(length: number): void {
    this.distances = resized(this.distances, length);
    this.longitudes = resized(this.longitudes, length);
    this.latitudes = resized(this.latitudes, length);
    // Last, since its length is that of all: memory may run out.
    this.scores = resized(this.scores, length);
  }
}

/** A column of another length; what it held is kept only where it grows. */
function resized(column: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const other = new Float64Array(length);
  if (length > column.length) other.set(column);
  return other;
}
