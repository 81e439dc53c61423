// The figures that INFO memory, MEMORY STATS and MEMORY DOCTOR have in common, measured at once.

import type { MemoryReport } from "../command/statistics.ts";
import { typeOf } from "./client-line.ts";
import type { Context } from "./features.ts";

/** Where memory goes, in bytes. */
export interface MemoryFigures {
  readonly report: MemoryReport;
  readonly peakBytes: number;
  /** Resident memory of the whole process. */
  readonly residentBytes: number;
  /** What is used besides keys and values. */
  readonly overheadBytes: number;
  readonly normalClientBytes: number;
  readonly replicaClientBytes: number;
  readonly keyCount: number;
}

/** Measures the server's memory, as INFO and MEMORY STATS show it. */
export function measureMemory(c: Context): MemoryFigures {
  const report = c.server.memoryReport();
  const statistics = c.server.statistics;
  statistics.noteMemory(c.nowMs, report.usedBytes);
  let normalClientBytes = 0;
  let replicaClientBytes = 0;
  for (const client of c.server.clients) {
    if (typeOf(client) === "replica") replicaClientBytes += client.heldBytes;
    else normalClientBytes += client.heldBytes;
  }
  let keyCount = 0;
  for (const db of c.server.keyspace.databases) keyCount += db.size;
  return {
    report,
    peakBytes: statistics.peakMemoryBytes,
    residentBytes: process.memoryUsage.rss(),
    overheadBytes: report.usedBytes - report.datasetBytes,
    normalClientBytes,
    replicaClientBytes,
    keyCount,
  };
}

/** part / whole, 0 where there is no whole. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The share of keys and values in what is used beyond a freshly started server, in percent. */
export function datasetPercent(figures: MemoryFigures): number {
  const { usedBytes, startupBytes, datasetBytes } = figures.report;
  const grown = usedBytes - startupBytes;
  return grown <= 0 ? 0 : Math.min(100, (datasetBytes / grown) * 100);
}
