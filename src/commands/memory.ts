// MEMORY: what memory is used for, as a whole and by one key.

import { defineFamily, keyAt, LOADING, READONLY, RO, STALE } from "../command/spec.ts";
import type { MemoryReport } from "../command/statistics.ts";
import { key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp } from "./help.ts";
import { humanBytes } from "./info-memory.ts";
import { datasetPercent, type MemoryFigures, measureMemory, ratio } from "./memory-figures.ts";

export const memoryCommands = defineFamily<Features>("server", [
  {
    name: "MEMORY",
    arity: -2,
    flags: 0,
    since: "4.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands about memory.",
    subcommands: [
      {
        name: "DOCTOR",
        arity: 2,
        flags: 0,
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Interprets the memory figures in words.",
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        run: memoryDoctorCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Explains the subcommands.",
        run: memoryHelpCommand,
      },
      {
        name: "MALLOC-STATS",
        arity: 2,
        flags: 0,
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        summary: "Returns figures of the allocator.",
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        run: memoryMallocStatsCommand,
      },
      {
        name: "PURGE",
        arity: 2,
        flags: 0,
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        summary: "Gives unused memory back to the system.",
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        run: memoryPurgeCommand,
      },
      {
        name: "STATS",
        arity: 2,
        flags: 0,
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Returns what the memory is used for.",
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        run: memoryStatsCommand,
      },
      {
        name: "USAGE",
        arity: -3,
        flags: READONLY,
        since: "4.0.0",
        complexity: "O(N) where N is the number of samples.",
        summary: "Estimates the memory of a key.",
        keys: [keyAt(2, RO)],
        args: [key, { name: "count", type: "integer", token: "SAMPLES", optional: true }],
        run: memoryUsageCommand,
      },
    ],
  },
]);

/** Elements looked at unless SAMPLES says otherwise. */
const SAMPLES_DEFAULT = 5;

// MEMORY USAGE key [SAMPLES count]
function memoryUsageCommand(c: Context): void {
  let samples = SAMPLES_DEFAULT;
  for (let index = 3; index < c.count; index += 2) {
    if (!c.is(index, "samples") || index + 1 === c.count) return c.reply.syntaxError();
    const given = c.int64(index + 1);
    if (given === undefined) return c.reply.notAnInteger();
    if (given < 0n) return c.reply.syntaxError();
    samples = Number(given);
  }
  const { keyspace } = c.server;
  const view = c.db.peek(keyspace.view, c.bytes, c.start(2), c.end(2), c.hash(2));
  if (view === undefined) return c.reply.null();
  c.reply.integer(c.db.memoryUsage(view, samples));
}

/** A number that is a reply of its own type. */
interface DoubleField {
  readonly double: number;
}

/** MEMORY STATS entries; an object is a database's own map. */
type StatField = readonly [string, number | DoubleField | readonly StatField[]];

// MEMORY STATS
function memoryStatsCommand(c: Context): void {
  replyFields(c, statFields(c, measureMemory(c)));
}

function statFields(c: Context, figures: MemoryFigures): StatField[] {
  const { report, residentBytes, keyCount } = figures;
  const { usedBytes, allocatorAllocated, allocatorActive, allocatorResident } = report;
  const grownBytes = usedBytes - report.startupBytes;
  const { libraries, scripting } = c.server;
  return [
    ["peak.allocated", figures.peakBytes],
    ["total.allocated", usedBytes],
    ["startup.allocated", report.startupBytes],
    ["replication.backlog", 0],
    ["replica.fullsync.buffer", 0],
    ["clients.slaves", figures.replicaClientBytes],
    ["clients.normal", figures.normalClientBytes],
    ["cluster.links", 0],
    ["aof.buffer", report.aofBufferBytes],
    ["lua.caches", scripting.scripts.bytes],
    ["functions.caches", libraries.bytes],
    ["script.VMs", scripting.machineBytes + libraries.machineBytes],
    ...databaseFields(report),
    ["overhead.db.hashtable.lut", directoryBytes(c)],
    ["overhead.db.hashtable.rehashing", 0],
    ["overhead.total", figures.overheadBytes],
    ["db.dict.rehashing.count", 0],
    ["keys.count", keyCount],
    ["keys.bytes-per-key", keyCount === 0 ? 0 : Math.floor(Math.max(0, grownBytes) / keyCount)],
    ["dataset.bytes", report.datasetBytes],
    ["dataset.percentage", { double: datasetPercent(figures) }],
    ["peak.percentage", { double: ratio(usedBytes, figures.peakBytes) * 100 }],
    ["allocator.allocated", allocatorAllocated],
    ["allocator.active", allocatorActive],
    ["allocator.resident", allocatorResident],
    ["allocator.muzzy", 0],
    ["allocator-fragmentation.ratio", { double: ratio(allocatorActive, allocatorAllocated) }],
    ["allocator-fragmentation.bytes", allocatorActive - allocatorAllocated],
    ["allocator-rss.ratio", { double: ratio(allocatorResident, allocatorActive) }],
    ["allocator-rss.bytes", allocatorResident - allocatorActive],
    ["rss-overhead.ratio", { double: ratio(residentBytes, allocatorResident) }],
    ["rss-overhead.bytes", residentBytes - allocatorResident],
    ["fragmentation", { double: ratio(residentBytes, usedBytes) }],
    ["fragmentation.bytes", residentBytes - usedBytes],
  ];
}

/** One map per database that holds keys. */
function databaseFields(report: MemoryReport): StatField[] {
  return report.databases.map((db) => [
    `db.${db.index}`,
    [
      ["overhead.hashtable.main", db.mainIndexBytes],
      ["overhead.hashtable.expires", db.expiresIndexBytes],
    ],
  ]);
}

/** Bytes of the indexes that are not in the pool. */
function directoryBytes(c: Context): number {
  let total = 0;
  for (const db of c.server.keyspace.databases) total += db.table.directoryBytes;
  return total;
}

function replyFields(c: Context, fields: readonly StatField[]): void {
  c.reply.map(fields.length);
  for (const [name, value] of fields) {
    c.reply.bulkText(name);
    if (typeof value === "number") c.reply.integer(Math.floor(value));
    else if ("double" in value) c.reply.doubleText(String(value.double));
    else replyFields(c, value);
  }
}

const SMALL_BYTES = 5 << 20;
const NOTABLE_BYTES = 10 << 20;
const PEAK_FACTOR = 1.5;
const FRAGMENTED_FACTOR = 1.1;
const RESIDENT_FACTOR = 1.4;
const CLIENT_BYTES = 200 << 10;

// MEMORY DOCTOR
function memoryDoctorCommand(c: Context): void {
  const figures = measureMemory(c);
  const { report } = figures;
  if (report.usedBytes < SMALL_BYTES) {
    return c.reply.verbatim("txt", "There is too little data here to say anything about memory.\n");
  }
  const lines: string[] = [];
  if (figures.peakBytes > report.usedBytes * PEAK_FACTOR) {
    const peak = humanBytes(figures.peakBytes);
    lines.push(`Memory use was once ${peak}, far above what it is now.`);
  }
  const { allocatorAllocated, allocatorActive } = report;
  if (
    allocatorActive > allocatorAllocated * FRAGMENTED_FACTOR &&
    allocatorActive - allocatorAllocated > NOTABLE_BYTES
  ) {
    lines.push("Deleted data left many half empty pages. They are being compacted.");
  }
  if (
    figures.residentBytes > report.allocatorResident * RESIDENT_FACTOR &&
    figures.residentBytes - report.allocatorResident > NOTABLE_BYTES
  ) {
    lines.push("The process holds much memory besides the data. MEMORY PURGE may free some.");
  }
  const clientCount = Math.max(1, c.server.clients.count);
  if (figures.normalClientBytes / clientCount > CLIENT_BYTES) {
    lines.push("Clients hold large buffers. Look for them with CLIENT LIST (qbuf, omem).");
  }
  const text = lines.length === 0 ? "Memory is in order.\n" : `- ${lines.join("\n- ")}\n`;
  c.reply.verbatim("txt", text);
}

// MEMORY MALLOC-STATS
function memoryMallocStatsCommand(c: Context): void {
  const { report, residentBytes } = measureMemory(c);
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  const lines = [
    `pool blocks: ${report.allocatorAllocated} bytes`,
    `pool pages: ${report.allocatorActive} bytes`,
    `pool chunks: ${report.allocatorResident} bytes`,
    `JavaScript heap: ${heapUsed} of ${heapTotal} bytes`,
    `outside the heap: ${external} bytes`,
    `resident: ${residentBytes} bytes`,
  ];
  c.reply.verbatim("txt", `${lines.join("\n")}\n`);
}

// MEMORY PURGE
function memoryPurgeCommand(c: Context): void {
  // The pool returns empty chunks by itself; what is left to return is the heap's.
  Bun.gc(false);
  c.reply.ok();
}

const HELP: readonly HelpEntry[] = [
  ["DOCTOR", "Interpret the figures in words."],
  ["MALLOC-STATS", "Return figures of the allocator."],
  ["PURGE", "Give unused memory back to the system."],
  ["STATS", "Return what the memory is used for."],
  [
    "USAGE <key> [SAMPLES <count>]",
    "Return the bytes that <key> and its value take. Of a collection <count> elements",
    "are looked at (default: 5, 0 for all).",
  ],
];

// MEMORY HELP
function memoryHelpCommand(c: Context): void {
  replyHelp(c, "MEMORY", HELP);
}
