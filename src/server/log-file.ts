// The server's log: lines in Redis's form, written at once, to standard output or appended to a
// file.
//
//   4242:M 20 Nov 2026 12:00:00.000 * Server initialized

import { closeSync, openSync, writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { LOG_NOTICE, type Logger, type LogLevel } from "../base/log.ts";

const LEVEL_MARKS = ".-*#";
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const STANDARD_OUTPUT = 1;

/** The log of one process. */
export class LogFile implements Logger {
  readonly #clock: Clock;
  readonly #descriptor: number;
  /** Lines below this level are dropped. */
  level: LogLevel = LOG_NOTICE;

  /** `path` empty: standard output. Throws the system's error when the file cannot be opened. */
  constructor(clock: Clock, path: string) {
    this.#clock = clock;
    this.#descriptor = path === "" ? STANDARD_OUTPUT : openSync(path, "a");
  }

  log(level: LogLevel, message: string): void {
    if (level < this.level) return;
    const time = timestamp(new Date(this.#clock.wallMs()));
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

function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
