// What a snapshot becomes on its way to a file: bytes of an RDB, or commands.

import type { SnapshotSink } from "./snapshot-sink.ts";

/** Turns a snapshot into bytes, which `take` lends piece by piece. */
export interface SnapshotOutput extends SnapshotSink {
  /** Writes what comes before the first key. */
  begin(): void;
  /** Bytes that `take` would lend. */
  readonly readyBytes: number;
  /** Memory that what has been written, or waits for its turn, takes. */
  readonly memoryBytes: number;
  /** Lends what has been written since the last call; it stays as it is until the next one. */
  take(): Uint8Array;
  /** Writes what comes behind the last key, and lends the rest. */
  end(): Uint8Array;
}
