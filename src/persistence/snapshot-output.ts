// What a snapshot becomes on its way to a file: bytes of an RDB, or commands.

import type { SnapshotSink } from "./snapshot-sink.ts";

/** Turns a snapshot into bytes, which `take` hands over piece by piece. */
export interface SnapshotOutput extends SnapshotSink {
  /** Writes what comes before the first key. */
  begin(): void;
  /** Bytes that `take` would hand over. */
  readonly readyBytes: number;
  /** Memory that what has been written, or waits for its turn, takes, but for what was taken. */
  readonly memoryBytes: number;
  /** Hands over what has been written since the last call, which belongs to the caller. */
  take(): Uint8Array;
  /** Writes what comes behind the last key, and hands over the rest. */
  end(): Uint8Array;
  /** Takes a piece that is not needed any more, for another one to be written in its memory. */
  takeBack(bytes: Uint8Array): void;
}
