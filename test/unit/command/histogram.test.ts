import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { LatencyHistogram } from "../../../src/command/histogram.ts";

function histogramOf(...microseconds: number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const us of microseconds) histogram.record(us);
  return histogram;
}

describe("LatencyHistogram", () => {
  // The upper edges that a Redis server printed for calls of these durations.
  const EDGES = [
    [0, 0.001],
    [2, 2.007],
    [3, 3.007],
    [5, 5.023],
    [8, 8.031],
    [26, 26.111],
    [49, 49.151],
    [223, 223.231],
    [1_100_000, 1_002_438.655],
  ] as const;

  test("a percentile is the upper edge of its cell, as Redis prints it", () => {
    for (const [us, edge] of EDGES) expect(histogramOf(us).percentileUs(50)).toBe(edge);
  });

  test("percentiles count calls from the shortest", () => {
    const histogram = new LatencyHistogram();
    for (let us = 1; us <= 100; us++) histogram.record(us);
    expect(Math.floor(histogram.percentileUs(50))).toBe(50);
    expect(Math.floor(histogram.percentileUs(99))).toBe(99);
    expect(Math.floor(histogram.percentileUs(100))).toBe(100);
    expect(histogram.percentileUs(0)).toBeLessThanOrEqual(1);
  });

  test("percentile 0 is the lower edge of the shortest call's cell", () => {
    expect(histogramOf(5).percentileUs(0)).toBe(4.992);
    expect(histogramOf(0).percentileUs(0)).toBe(0.001);
  });

  test("the cumulative listing doubles its bounds and leaves out lines that add nothing", () => {
    expect(histogramOf(50, 10_150, 600_000, 1_100_000).cumulative()).toEqual([
      66, 1, 16_908, 2, 1_073_741, 4,
    ]);
    expect(histogramOf(0, 1, 2, 3, 4).cumulative()).toEqual([1, 2, 2, 3, 4, 5]);
  });

  test("without calls there is nothing to list", () => {
    const histogram = new LatencyHistogram();
    expect(histogram.cumulative()).toEqual([]);
    expect(histogram.percentileUs(99)).toBe(0);
  });

  test("several calls are recorded at once", () => {
    const histogram = new LatencyHistogram();
    histogram.record(3, 1000);
    histogram.record(3, 2 ** 33);
    expect(histogram.total).toBe(2 ** 33 + 1000);
    expect(histogram.cumulative()).toEqual([4, 2 ** 33 + 1000]);
  });

  test("every duration is at most 1/64 below its edge (seed 1)", () => {
    const random = new Xoshiro(1);
    for (let round = 0; round < 2000; round++) {
      const us = randomBelow(random, 2 ** (1 + randomBelow(random, 19)));
      const edge = histogramOf(us).percentileUs(50);
      expect(edge).toBeGreaterThanOrEqual(us === 0 ? 0.001 : us);
      expect(edge).toBeLessThanOrEqual(us * (1 + 1 / 64) + 0.001);
    }
  });
});
