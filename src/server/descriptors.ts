// How many files the process may have open.

import { readFileSync } from "node:fs";

const FALLBACK = 1024;

/** The soft limit of open descriptors. */
export function descriptorLimit(): number {
  try {
    const line = readFileSync("/proc/self/limits", "latin1")
      .split("\n")
      .find((text) => text.startsWith("Max open files"));
    const limit = Number(line?.split(/\s+/)[3]);
    return Number.isInteger(limit) && limit > 0 ? limit : FALLBACK;
  } catch {
    // Not Linux: what every system grants.
    return FALLBACK;
  }
}
