// The server's log: lines in Redis's form, written at once, to standard output or appended to a
// file.
//
//   4242:M 20 Nov 2026 12:00:00.000 * Server initialized

import { closeSync, openSync, readlinkSync, writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, type Logger, type LogLevel } from "../base/log.ts";

const LEVEL_MARKS = ".-*#";
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const STANDARD_OUTPUT = 1;
const MINUTE_MS = 60_000;
/** Where the system says which time zone it is in. */
const ZONE_LINK = "/etc/localtime";

/** The log of one process. */
export class LogFile implements Logger {
  readonly #clock: Clock;
  readonly #descriptor: number;
  readonly #isUtc = isZoneUtc(process.env.TZ, systemZone());
  /** Lines below this level are dropped. */
  level: LogLevel = LOG_NOTICE;

  /** `path` empty: standard output. Throws the system's error when the file cannot be opened. */
  constructor(clock: Clock, path: string) {
    this.#clock = clock;
    this.#descriptor = path === "" ? STANDARD_OUTPUT : openSync(path, "a");
  }

  log(level: LogLevel, message: string): void {
    if (level < this.level) return;
    const ms = this.#clock.wallMs();
    const time = timestamp(ms, this.#isUtc ? 0 : new Date(ms).getTimezoneOffset());
    this.announce(`${process.pid}:M ${time} ${LEVEL_MARKS[level]} ${message}`);
  }

  /** Writes a line as it is, whatever the level. */
  announce(line: string): void {
    try {
      writeSync(this.#descriptor, `${line}\n`);
    } catch {
      // Nobody is left to tell: standard output is closed, or the log's disk is full.
    }
  }

  close(): void {
    if (this.#descriptor !== STANDARD_OUTPUT) closeSync(this.#descriptor);
  }
}

function systemZone(): string | undefined {
  try {
    return readlinkSync(ZONE_LINK);
  } catch (error) {
    // A system that names no zone has none.
    return (error as { code?: unknown }).code === "ENOENT" ? "UTC" : undefined;
  }
}

/**
 * Whether local time is known to be UTC, as on most servers. For any other zone the runtime loads
 * its tables, which takes it longer than all else between the last module and readiness.
 */
export function isZoneUtc(variable: string | undefined, link: string | undefined): boolean {
  return /^(.*\/)?(Etc\/)?UTC$/.test(variable || link || "");
}

/** "20 Nov 2026 12:00:00.000", so many minutes behind UTC. */
export function timestamp(wallMs: number, minutesBehind: number): string {
  const [day, time] = new Date(wallMs - minutesBehind * MINUTE_MS).toISOString().split("T");
  const [year, month, date] = day.split("-");
  return `${date} ${MONTHS[Number(month) - 1]} ${year} ${time.slice(0, -1)}`;
}
