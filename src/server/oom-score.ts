// oom-score-adj: what the kernel adds to the process's score when memory is out and it looks for a
// process to end. There are no replicas and nothing forks, so of the three values of
// oom-score-adj-values, for a primary, a replica and a child, the first one counts.

import { readFileSync, writeFileSync } from "node:fs";
import { LOG_WARNING, type Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { InvalidValue } from "../config/value-types.ts";
import { systemErrorText } from "../persistence/file-system.ts";

const PATH = "/proc/self/oom_score_adj";
const SCORE_MAX = 1000;

/** The file that the kernel reads the adjustment from. */
export interface ScoreFile {
  read(): string;
  write(text: string): void;
}

const KERNEL: ScoreFile = {
  read: () => readFileSync(PATH, "latin1"),
  write: (text) => writeFileSync(PATH, text),
};

/** Applies the directives now, where failing is logged only, and whenever they change. */
export function followOomScore(config: Config, logger: Logger, file: ScoreFile = KERNEL): void {
  const score = new OomScore(config, logger, file);
  const apply = () => {
    if (score.apply()) return;
    throw new InvalidValue("Failed to set current oom_score_adj. Check server logs.");
  };
  score.apply();
  config.onChange("oom-score-adj", apply);
  config.onChange("oom-score-adj-values", apply);
}

class OomScore {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #file: ScoreFile;
  /** What it was before it was changed, and is to be again. */
  #original: number | undefined;

  constructor(config: Config, logger: Logger, file: ScoreFile) {
    this.#config = config;
    this.#logger = logger;
    this.#file = file;
  }

  /** False where the kernel does not allow it, or knows no such thing. */
  apply(): boolean {
    const mode = this.#config.text("oom-score-adj");
    if (mode === "no" && this.#original === undefined) return true;
    let doing = "read";
    try {
      const before = this.#original ?? Number.parseInt(this.#file.read(), 10);
      doing = "write";
      this.#file.write(String(this.#wanted(mode, before)));
      this.#original = mode === "no" ? undefined : before;
      return true;
    } catch (error) {
      const reason = systemErrorText(error);
      this.#logger.log(LOG_WARNING, `Unable to ${doing} oom_score_adj: ${reason}`);
      return false;
    }
  }

  #wanted(mode: string, before: number): number {
    if (mode === "no") return before;
    const value = Number(this.#config.text("oom-score-adj-values").split(" ")[0]);
    // "relative" is kept as "yes".
    const score = mode === "absolute" ? value : before + value;
    return Math.min(Math.max(score, -SCORE_MAX), SCORE_MAX);
  }
}
