// Directives of snapshots and the append-only file.

import { INT64_MAX } from "../base/ascii.ts";
import {
  choice,
  type Directive,
  flag,
  IMMUTABLE,
  integer,
  memory,
  optionalText,
  PROTECTED,
  special,
  text,
} from "./directive.ts";
import { directoryType, savePointsType } from "./special-types.ts";
import { fileName } from "./text-checks.ts";
import { INT_MAX, INT_MIN } from "./value-types.ts";

const SLICED_WRITES = "snapshots are written in slices and synchronised as they go";

const snapshotDirectives: readonly Directive[] = [
  special("save", "3600 1 300 100 60 10000", savePointsType),
  special("dir", "", directoryType, { ...PROTECTED, refusedWhileLoading: true }),
  text("dbfilename", "dump.rdb", PROTECTED, fileName("dbfilename", "filename", true)),
  flag("stop-writes-on-bgsave-error", true),
  flag("rdbcompression", true),
  flag("rdbchecksum", true, IMMUTABLE),
  flag("rdb-del-sync-files", false, { waitsFor: "replication" }),
  flag("rdb-save-incremental-fsync", true, { withoutEffect: SLICED_WRITES }),
  choice("sanitize-dump-payload", "no", ["no", "yes", "clients"], {
    withoutEffect: "payloads and snapshots are always checked",
  }),
  integer("rdb-key-save-delay", 0, { min: INT_MIN, max: INT_MAX }, { hidden: true }),
  integer("key-load-delay", 0, { min: INT_MIN, max: INT_MAX }, { hidden: true }),
  integer(
    "loading-process-events-interval-bytes",
    2 ** 19,
    { min: 1024, max: INT_MAX },
    {
      hidden: true,
      withoutEffect: "loading lets others in after so much time, not after so many bytes",
    },
  ),
];

const appendOnlyDirectives: readonly Directive[] = [
  // Of this server only: keeps an append-only file at this path, and implies `appendonly yes`.
  optionalText("aof", { ...IMMUTABLE, hidden: true }),
  // Of this server only: lines with checksums, comments to Redis, make damage detectable.
  flag("aof-checksums", true, { ...IMMUTABLE, hidden: true }),
  flag("appendonly", false, { refusedWhileLoading: true }),
  text(
    "appendfilename",
    "appendonly.aof",
    IMMUTABLE,
    fileName("appendfilename", "filename", false),
  ),
  text("appenddirname", "appendonlydir", IMMUTABLE, fileName("appenddirname", "dirname", false)),
  choice("appendfsync", "everysec", ["everysec", "always", "no"]),
  flag("no-appendfsync-on-rewrite", false),
  integer("auto-aof-rewrite-percentage", 100, { min: 0, max: INT_MAX }),
  memory("auto-aof-rewrite-min-size", 64 * 2 ** 20, { min: 0, max: INT64_MAX }),
  flag("aof-load-truncated", true),
  flag("aof-use-rdb-preamble", true),
  flag("aof-timestamp-enabled", false),
  flag("aof-rewrite-incremental-fsync", true, { withoutEffect: SLICED_WRITES }),
  flag("aof-disable-auto-gc", false, { hidden: true }),
];

/** What persistence reads. */
export const persistenceDirectives: readonly Directive[] = [
  ...snapshotDirectives,
  ...appendOnlyDirectives,
];
