// LATENCY: the latency monitor's events, and the distribution of every command's durations.

import type { ServerContext } from "../command/context.ts";
import type { LatencySample, LatencySeries } from "../command/latency-monitor.ts";
import type { Command } from "../command/registry.ts";
import { ADMIN, defineFamily, LOADING, NOSCRIPT, STALE } from "../command/spec.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp } from "./help.ts";
import { sparkline } from "./sparkline.ts";

export const latencyCommands = defineFamily<Features>("server", [
  {
    name: "LATENCY",
    arity: -2,
    flags: 0,
    since: "2.8.13",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about latency.",
    subcommands: [
      {
        name: "DOCTOR",
        arity: 2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Interprets the latency events in words.",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        run: latencyDoctorCommand,
      },
      {
        name: "GRAPH",
        arity: 3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Draws the latency of an event.",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        args: [{ name: "event", type: "string" }],
        run: latencyGraphCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: latencyHelpCommand,
      },
      {
        name: "HISTOGRAM",
        arity: -2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "7.0.0",
        complexity:
          "O(N) where N is the number of commands with latency information being retrieved.",
        summary: "Returns how the latencies of commands are distributed.",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        args: [{ name: "command", type: "string", optional: true, multiple: true }],
        run: latencyHistogramCommand,
      },
      {
        name: "HISTORY",
        arity: 3,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Returns the times and latencies of an event.",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        args: [{ name: "event", type: "string" }],
        run: latencyHistoryCommand,
      },
      {
        name: "LATEST",
        arity: 2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Returns the newest latency of each event.",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        run: latencyLatestCommand,
      },
      {
        name: "RESET",
        arity: -2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        since: "2.8.13",
        complexity: "O(1)",
        summary: "Forgets latency events.",
        tips: ["request_policy:all_nodes", "response_policy:agg_sum"],
        args: [{ name: "event", type: "string", optional: true, multiple: true }],
        run: latencyResetCommand,
      },
    ],
  },
]);

const GRAPH_COLUMNS = 80;

// LATENCY LATEST
function latencyLatestCommand(c: Context): void {
  const events = [...c.server.latency];
  c.reply.array(events.length);
  for (const [event, series] of events) {
    c.reply.array(4);
    c.reply.bulkText(event);
    c.reply.integer(series.newest.seconds);
    c.reply.integer(series.newest.ms);
    c.reply.integer(series.maxMs);
  }
}

// LATENCY HISTORY event
function latencyHistoryCommand(c: Context): void {
  const samples = c.server.latency.get(c.latin1(2))?.samples ?? [];
  c.reply.array(samples.length);
  for (const sample of samples) {
    c.reply.array(2);
    c.reply.integer(sample.seconds);
    c.reply.integer(sample.ms);
  }
}

// LATENCY RESET [event [event ...]]
function latencyResetCommand(c: Context): void {
  const latency = c.server.latency;
  if (c.count === 2) return c.reply.integer(latency.clear());
  let forgotten = 0;
  for (let index = 2; index < c.count; index++) {
    if (latency.forget(c.latin1(index))) forgotten++;
  }
  c.reply.integer(forgotten);
}

// LATENCY GRAPH event
function latencyGraphCommand(c: Context): void {
  const event = c.latin1(2);
  const series = c.server.latency.get(event);
  if (series === undefined) {
    return c.reply.error(`ERR No samples available for event '${event}'`);
  }
  const nowSeconds = Math.floor(c.nowMs / 1000);
  const values = series.samples.map((sample) => sample.ms);
  const labels = series.samples.map((sample) => age(nowSeconds - sample.seconds));
  const high = Math.max(...values);
  const low = Math.min(...values);
  const title = `${event} - high ${high} ms, low ${low} ms (all time high ${series.maxMs} ms)\n`;
  const graph = sparkline(values, labels, GRAPH_COLUMNS);
  c.reply.verbatim("txt", `${title}${"-".repeat(GRAPH_COLUMNS)}\n${graph}`);
}

/** A duration in its largest unit. */
function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

// LATENCY DOCTOR
function latencyDoctorCommand(c: Context): void {
  const latency = c.server.latency;
  if (latency.thresholdMs === 0) {
    return c.reply.verbatim(
      "txt",
      "The latency monitor is off. Turn it on with " +
        '"CONFIG SET latency-monitor-threshold <milliseconds>".\n',
    );
  }
  let text = "";
  let number = 0;
  for (const [event, series] of latency) text += `${++number}. ${diagnosis(event, series)}\n`;
  if (number === 0) {
    return c.reply.verbatim("txt", "No event has taken long enough to be noted. All is well.\n");
  }
  c.reply.verbatim("txt", `Events slower than the threshold:\n\n${text}${advice(c)}`);
}

function diagnosis(event: string, series: LatencySeries): string {
  const samples = series.samples;
  const average = mean(samples, (sample) => sample.ms);
  const deviation = mean(samples, (sample) => Math.abs(sample.ms - average));
  const spanSeconds = samples[samples.length - 1].seconds - samples[0].seconds;
  const period = (spanSeconds / samples.length).toFixed(2);
  return (
    `${event}: ${samples.length} latency spikes (average ${Math.floor(average)}ms, ` +
    `mean deviation ${Math.floor(deviation)}ms, period ${period} sec). ` +
    `Worst all time event ${series.maxMs}ms.`
  );
}

function mean(
  samples: readonly LatencySample[],
  measure: (sample: LatencySample) => number,
): number {
  let sum = 0;
  for (const sample of samples) sum += measure(sample);
  return sum / samples.length;
}

function advice(c: Context): string {
  const { latency, commandLog } = c.server;
  const lines: string[] = [];
  if (latency.get("command") !== undefined || latency.get("fast-command") !== undefined) {
    if (commandLog.slow.threshold > latency.thresholdMs * 1000) {
      lines.push(
        "The slow log misses some of these commands. To see them all: " +
          `CONFIG SET slowlog-log-slower-than ${latency.thresholdMs * 1000}`,
      );
    }
    lines.push("SLOWLOG GET tells which commands were slow.");
  }
  for (const [event] of latency) {
    if (event.startsWith("aof-")) {
      lines.push("The disk that holds the append only file is slow, or shared with others.");
      break;
    }
  }
  if (latency.get("expire-cycle") !== undefined) {
    lines.push("Many keys expire at once. Spread their times.");
  }
  if (latency.get("eviction-cycle") !== undefined) {
    lines.push("Eviction takes long. Give maxmemory more room, or write less at once.");
  }
  return lines.length === 0 ? "" : `\n${lines.map((line) => `- ${line}\n`).join("")}`;
}

type AnyCommand = Command<ServerContext>;

// LATENCY HISTOGRAM [command [command ...]]
function latencyHistogramCommand(c: Context): void {
  const listed: AnyCommand[] = [];
  if (c.count === 2) {
    for (const command of c.server.registry.loaded()) addWithHistogram(command, listed, true);
  } else {
    for (let index = 2; index < c.count; index++) {
      const command = commandNamed(c, index);
      // A container stands for its subcommands.
      if (command !== undefined) addWithHistogram(command, listed, true);
    }
  }
  c.reply.map(listed.length);
  for (const command of listed) {
    c.reply.bulkText(command.fullName);
    const pairs = command.histogram!.cumulative();
    c.reply.map(2);
    c.reply.bulkText("calls");
    c.reply.integer(command.histogram!.total);
    c.reply.bulkText("histogram_usec");
    c.reply.map(pairs.length / 2);
    for (const value of pairs) c.reply.integer(value);
  }
}

function addWithHistogram(command: AnyCommand, list: AnyCommand[], nested: boolean): void {
  if (command.histogram !== undefined) list.push(command);
  if (nested && command.subcommands !== undefined) {
    for (const subcommand of command.subcommands) addWithHistogram(subcommand, list, false);
  }
}

/** The command of a name, where a subcommand's is written container|subcommand. */
function commandNamed(c: Context, index: number): AnyCommand | undefined {
  const end = c.end(index);
  let bar = c.start(index);
  while (bar < end && c.bytes[bar] !== BAR) bar++;
  const command = c.server.registry.find(c.bytes, c.start(index), bar);
  if (bar === end) return command;
  return command?.subcommands?.find(c.bytes, bar + 1, end);
}

const BAR = "|".charCodeAt(0);

const HELP: readonly HelpEntry[] = [
  ["DOCTOR", "Interpret the events in words."],
  ["GRAPH <event>", "Draw the latency of an event."],
  ["HISTORY <event>", "Return the times and latencies of an event."],
  ["LATEST", "Return the newest latency of every event."],
  ["RESET [<event> ...]", "Forget the latencies of some events (default: of all)."],
  [
    "HISTOGRAM [COMMAND ...]",
    "Return how the durations of commands are distributed, cumulated, in microseconds",
    "(default: of every command that was called).",
  ],
];

// LATENCY HELP
function latencyHelpCommand(c: Context): void {
  replyHelp(c, "LATENCY", HELP);
}
