import { describe, expect, test } from "bun:test";
import { LatencyMonitor, SAMPLES_MAX } from "../../../src/command/latency-monitor.ts";

function monitorWith(thresholdMs: number): LatencyMonitor {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = thresholdMs;
  return monitor;
}

describe("LatencyMonitor", () => {
  test("only events that reach the threshold are kept", () => {
    const monitor = monitorWith(10);
    monitor.add("command", 9.9, 1000);
    expect(monitor.get("command")).toBeUndefined();
    monitor.add("command", 10.7, 1000);
    expect(monitor.get("command")?.samples).toEqual([{ seconds: 1, ms: 10 }]);
  });

  test("a threshold of 0 keeps nothing", () => {
    const monitor = monitorWith(0);
    monitor.add("command", 1e6, 1000);
    expect([...monitor]).toEqual([]);
  });

  test("of one second only the slowest is kept", () => {
    const monitor = monitorWith(1);
    monitor.add("command", 5, 1000);
    monitor.add("command", 9, 1999);
    monitor.add("command", 7, 1500);
    monitor.add("command", 2, 2000);
    const samples = monitor.get("command")?.samples;
    expect(samples).toEqual([
      { seconds: 1, ms: 9 },
      { seconds: 2, ms: 2 },
    ]);
  });

  test("the newest 160 samples are kept, the maximum for ever", () => {
    const monitor = monitorWith(1);
    for (let second = 0; second < 500; second++) {
      monitor.add("command", second === 3 ? 99 : 2, second * 1000);
    }
    const series = monitor.get("command");
    expect(series?.samples.length).toBe(SAMPLES_MAX);
    expect(series?.samples[0].seconds).toBe(340);
    expect(series?.maxMs).toBe(99);
  });

  test("events are forgotten one by one or all at once", () => {
    const monitor = monitorWith(1);
    for (const event of ["a", "b", "c"]) monitor.add(event, 5, 0);
    expect(monitor.forget("b")).toBe(true);
    expect(monitor.forget("b")).toBe(false);
    expect(monitor.clear()).toBe(2);
    expect(monitor.clear()).toBe(0);
  });
});
