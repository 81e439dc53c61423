import { describe, expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { Rate, Statistics } from "../../../src/command/statistics.ts";

function note(statistics: Statistics, line: string): void {
  const bytes = latin1Bytes(`xx${line}\r\n`);
  statistics.noteError(bytes, 2, bytes.length - 2);
}

describe("Statistics", () => {
  test("errors are counted by their code", () => {
    const statistics = new Statistics();
    note(statistics, "-ERR unknown");
    note(statistics, "-WRONGTYPE Operation");
    note(statistics, "-ERR syntax error");
    expect([...statistics.errors]).toEqual([
      ["ERR", 2],
      ["WRONGTYPE", 1],
    ]);
    expect(statistics.errorReplies).toBe(3);
  });

  test("an error without a code among its first 32 bytes counts as ERR", () => {
    const statistics = new Statistics();
    note(statistics, "-OOPS");
    note(statistics, `-${"X".repeat(31)} y`);
    note(statistics, `-${"Y".repeat(30)} y`);
    expect([...statistics.errors]).toEqual([
      ["ERR", 2],
      ["Y".repeat(30), 1],
    ]);
  });

  test("the 129th code ends the counting by code", () => {
    const statistics = new Statistics();
    for (let k = 0; k < 128; k++) note(statistics, `-CODE${k} text`);
    expect(statistics.errors.size).toBe(128);
    note(statistics, "-CODE128 text");
    note(statistics, "-CODE1 text");
    note(statistics, "-ERRORSTATS_DISABLED text");
    expect([...statistics.errors]).toEqual([["ERRORSTATS_DISABLED", 1]]);
    expect(statistics.errorReplies).toBe(131);
    statistics.reset(0, 0);
    note(statistics, "-CODE1 text");
    expect([...statistics.errors]).toEqual([["CODE1", 1]]);
  });

  test("the memory peak follows samples and falls back when reset", () => {
    const statistics = new Statistics();
    statistics.sample(100_000, 1000, 500);
    statistics.sample(200_000, 1100, 900);
    statistics.sample(300_000, 1200, 700);
    expect(statistics.peakMemoryBytes).toBe(900);
    expect(statistics.peakMemoryMs).toBe(1100);
    statistics.reset(1300, 700);
    expect(statistics.peakMemoryBytes).toBe(700);
  });

  test("a reset zeroes every counter", () => {
    const statistics = new Statistics();
    for (const name of Object.keys(statistics) as (keyof Statistics)[]) {
      if (typeof statistics[name] === "number") Object.assign(statistics, { [name]: 7 });
    }
    statistics.reset(0, 0);
    const left = Object.entries(statistics).filter(([, value]) => value === 7);
    expect(left).toEqual([]);
  });
});

describe("Rate", () => {
  test("the rate is the mean of sixteen samples", () => {
    const rate = new Rate();
    rate.sample(160, 1_000_000, 1e6);
    expect(rate.average).toBe(10);
    for (let k = 2; k <= 17; k++) rate.sample(160 * k, 1_000_000 * k, 1e6);
    expect(rate.average).toBe(160);
  });

  test("without growth of the base a sample is zero", () => {
    const rate = new Rate();
    rate.sample(5, 0, 1);
    expect(rate.average).toBe(0);
  });

  test("a counter that was reset gives no negative rate", () => {
    const rate = new Rate();
    rate.sample(1_600, 1_000_000, 1e6);
    rate.reset(1_000_000);
    rate.sample(16, 2_000_000, 1e6);
    expect(rate.average).toBe(1);
  });
});
