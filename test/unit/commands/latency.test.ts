import { describe, expect, test } from "bun:test";
import { LatencyHistogram } from "../../../src/command/histogram.ts";
import { sparkline } from "../../../src/commands/sparkline.ts";
import { array, bulk, ServerFixture, START_MS } from "./server-fixture.ts";

const SECONDS = START_MS / 1000;

/** A fixture with one event's spikes, one per second. */
function withSpikes(...milliseconds: number[]): ServerFixture {
  const fixture = new ServerFixture();
  fixture.latency.thresholdMs = 1;
  for (const ms of milliseconds) {
    fixture.latency.add("command", ms, fixture.clock.wallMs());
    fixture.clock.advance(1000);
  }
  return fixture;
}

describe("LATENCY events", () => {
  test("HISTORY lists times and latencies, oldest first", () => {
    const fixture = withSpikes(10, 20);
    expect(fixture.run("latency", "history", "command")).toBe(
      array(array(`:${SECONDS}\r\n`, ":10\r\n"), array(`:${SECONDS + 1}\r\n`, ":20\r\n")),
    );
    expect(fixture.run("latency", "history", "other")).toBe("*0\r\n");
  });

  test("LATEST lists each event with its newest and its worst latency", () => {
    const fixture = withSpikes(30, 20);
    expect(fixture.run("latency", "latest")).toBe(
      array(array(bulk("command"), `:${SECONDS + 1}\r\n`, ":20\r\n", ":30\r\n")),
    );
  });

  test("RESET forgets the events named, or all", () => {
    const fixture = withSpikes(5);
    fixture.latency.add("fork", 5, START_MS);
    expect(fixture.run("latency", "reset", "nosuch", "fork")).toBe(":1\r\n");
    expect(fixture.run("latency", "reset")).toBe(":1\r\n");
    expect(fixture.run("latency", "latest")).toBe("*0\r\n");
  });

  test("GRAPH draws what Redis draws", () => {
    const fixture = withSpikes(10, 20, 15, 3, 30, 12);
    const rows = ["    # ", " o  | ", "_|# |o", "|||_||", "      ", "654321", "ssssss"];
    expect(fixture.run("latency", "graph", "command")).toBe(
      bulk(
        "command - high 30 ms, low 3 ms (all time high 30 ms)\n" +
          `${"-".repeat(80)}\n${rows.join("\n")}\n`,
      ),
    );
    expect(fixture.run("latency", "graph", "x")).toBe(
      "-ERR No samples available for event 'x'\r\n",
    );
  });

  test("DOCTOR says when there is nothing to interpret", () => {
    const fixture = new ServerFixture();
    expect(fixture.run("latency", "doctor")).toContain("latency-monitor-threshold");
    fixture.latency.thresholdMs = 100;
    expect(fixture.run("latency", "doctor")).toContain("All is well");
  });

  test("DOCTOR counts the spikes of every event", () => {
    const fixture = withSpikes(10, 20);
    expect(fixture.run("latency", "doctor")).toContain(
      "1. command: 2 latency spikes (average 15ms, mean deviation 5ms, period 0.50 sec). " +
        "Worst all time event 20ms.",
    );
  });
});

describe("LATENCY HISTOGRAM", () => {
  function recorded(): ServerFixture {
    const fixture = new ServerFixture();
    for (const name of [["ping"], ["client", "list"], ["client", "id"]]) {
      const command = fixture.point(fixture.first, ...name);
      command.histogram = new LatencyHistogram();
      command.histogram.record(3);
    }
    return fixture;
  }
  const histogram = (name: string) =>
    bulk(name) + array(bulk("calls"), ":1\r\n", bulk("histogram_usec"), array(":4\r\n", ":1\r\n"));

  test("every command that was called is listed", () => {
    const reply = recorded().run("latency", "histogram");
    expect(reply).toStartWith("*6\r\n");
    expect(reply).toContain(histogram("ping"));
    expect(reply).toContain(histogram("client|list"));
  });

  test("a container stands for its subcommands, unknown names for nothing", () => {
    const reply = recorded().run("latency", "histogram", "PING", "client|ID", "nosuch", "echo");
    expect(reply).toBe(`*4\r\n${histogram("ping")}${histogram("client|id")}`);
    expect(recorded().run("latency", "histogram", "client")).toStartWith("*4\r\n");
  });

  test("in RESP3 the replies are maps", () => {
    const fixture = recorded();
    fixture.run("hello", "3");
    expect(fixture.run("latency", "histogram", "ping")).toBe(
      `%1\r\n${bulk("ping")}%2\r\n${bulk("calls")}:1\r\n` +
        `${bulk("histogram_usec")}%1\r\n:4\r\n:1\r\n`,
    );
  });
});

describe("sparkline", () => {
  test("equal values lie on the ground", () => {
    expect(sparkline([5, 5], ["1s", "10m"], 80)).toBe("  \n  \n  \n__\n  \n11\ns0\n m\n");
  });

  test("further columns are drawn below", () => {
    const text = sparkline([0, 1, 2], ["a", "b", "c"], 2);
    expect(text).toBe("  \n _\n |\n_|\n  \nab\n\n#\n|\n|\n|\n \nc\n");
  });
});
