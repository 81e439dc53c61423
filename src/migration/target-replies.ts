// What the target of a MIGRATE answered: which keys it has taken, and its first error.

import type { TransferRequest } from "./restore-requests.ts";

/** How a transfer ended. */
export interface TransferOutcome {
  /** The keys that the target has, by argument of MIGRATE. */
  readonly taken: readonly number[];
  /** The error to reply with, or "". */
  readonly error: string;
}

/** Reads a transfer's replies, line by line. */
export class TargetReplies {
  /** Replies before those to RESTORE. */
  readonly #greetings: number;
  /** The error of one of those, which is every key's. */
  #refusal = "";
  #lineCount = 0;
  readonly taken: number[] = [];
  /** The first error, as it came, or "". */
  error = "";

  constructor(request: TransferRequest, selects: boolean) {
    this.#greetings = (request.credentials.length > 0 ? 1 : 0) + (selects ? 1 : 0);
  }

  /** Whether keys have been answered for: then nothing may be sent again. */
  get hasBegun(): boolean {
    return this.#lineCount > this.#greetings;
  }

  /** How many lines there will be for so many keys. */
  linesFor(keyCount: number): number {
    return this.#greetings + keyCount;
  }

  isComplete(keyCount: number): boolean {
    return this.#lineCount >= this.linesFor(keyCount);
  }

  /** Takes the next line; `sent` are the keys that were sent. False where nobody has asked. */
  add(line: string, sent: readonly number[]): boolean {
    const index = this.#lineCount - this.#greetings;
    if (index >= sent.length) return false;
    this.#lineCount++;
    const isError = line.startsWith("-");
    if (index < 0) {
      if (isError && this.#refusal === "") this.#refusal = line;
      return true;
    }
    const error = this.#refusal || (isError ? line : "");
    if (error === "") this.taken.push(sent[index]);
    else if (this.error === "") this.error = error;
    return true;
  }

  /** The outcome, where the connection failed at something or, with "", did not. */
  outcome(failure: "" | "connecting" | "writing" | "reading"): TransferOutcome {
    const { taken } = this;
    if (this.error !== "") {
      return { taken, error: `ERR Target instance replied with error: ${this.error.slice(1)}` };
    }
    if (failure === "") return { taken, error: "" };
    if (failure === "connecting") {
      return { taken, error: "IOERR error or timeout connecting to the client" };
    }
    return { taken, error: `IOERR error or timeout ${failure} to target instance` };
  }
}
