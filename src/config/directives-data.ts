// Directives of the data set in memory: limits, eviction, expiry, encodings, statistics about it.

import { INT64_MAX } from "../base/ascii.ts";
import { choice, type Directive, flag, integer, memory, special } from "./directive.ts";
import { keyspaceEventsType, percentilesType } from "./special-types.ts";
import { INT_MAX, INT_MIN, UINT64_MAX } from "./value-types.ts";

const COUNT = { min: 0, max: INT_MAX };
const LONG_COUNT = { min: 0, max: INT64_MAX };
const PERCENT_OF_BLOCK = { min: 0, max: 1000 };

const POLICIES = [
  "volatile-lru",
  "volatile-lfu",
  "volatile-random",
  "volatile-ttl",
  "allkeys-lru",
  "allkeys-lfu",
  "allkeys-random",
  "noeviction",
];

const OWN_COMPACTOR = "the byte pool compacts sparse pages by itself, all the time";
const SLICED_DELETION = "large values are freed in slices whichever command deletes them";

const memoryDirectives: readonly Directive[] = [
  memory("maxmemory", 0, { min: 0, max: UINT64_MAX }),
  choice("maxmemory-policy", "noeviction", POLICIES),
  integer("maxmemory-samples", 5, { min: 1, max: 64 }),
  integer("maxmemory-eviction-tenacity", 10, { min: 0, max: 100 }),
  integer("maxmemory-clients", 0, { min: -100, max: INT64_MAX, unit: "memory-or-percent" }),
  integer("lfu-log-factor", 10, COUNT),
  integer("lfu-decay-time", 1, COUNT),
  integer("active-expire-effort", 1, { min: 1, max: 10 }),
  // These three choose only whether DEL or UNLINK is propagated.
  flag("lazyfree-lazy-eviction", false),
  flag("lazyfree-lazy-expire", false),
  flag("lazyfree-lazy-server-del", false),
  flag("lazyfree-lazy-user-del", false, { withoutEffect: SLICED_DELETION }),
  flag("lazyfree-lazy-user-flush", false, { withoutEffect: SLICED_DELETION }),
  flag("activerehashing", true, { withoutEffect: "the index grows by one segment at a time" }),
  flag("activedefrag", false, { withoutEffect: OWN_COMPACTOR }),
  memory(
    "active-defrag-ignore-bytes",
    100 * 2 ** 20,
    { min: 1, max: INT64_MAX },
    {
      withoutEffect: OWN_COMPACTOR,
    },
  ),
  integer("active-defrag-threshold-lower", 10, PERCENT_OF_BLOCK, { withoutEffect: OWN_COMPACTOR }),
  integer("active-defrag-threshold-upper", 100, PERCENT_OF_BLOCK, { withoutEffect: OWN_COMPACTOR }),
  integer("active-defrag-cycle-min", 1, { min: 1, max: 99 }, { withoutEffect: OWN_COMPACTOR }),
  integer("active-defrag-cycle-max", 25, { min: 1, max: 99 }, { withoutEffect: OWN_COMPACTOR }),
  integer(
    "active-defrag-max-scan-fields",
    1000,
    { min: 1, max: INT64_MAX },
    {
      withoutEffect: OWN_COMPACTOR,
    },
  ),
];

const encodingDirectives: readonly Directive[] = [
  integer("hash-max-listpack-entries", 512, LONG_COUNT, { aliases: ["hash-max-ziplist-entries"] }),
  memory("hash-max-listpack-value", 64, LONG_COUNT, { aliases: ["hash-max-ziplist-value"] }),
  integer(
    "list-max-listpack-size",
    -2,
    { min: INT_MIN, max: INT_MAX },
    {
      aliases: ["list-max-ziplist-size"],
    },
  ),
  integer("list-compress-depth", 0, COUNT, {
    withoutEffect: "nodes are read in place, whole runs at a time; DEBUG OBJECT shows the value",
  }),
  integer("set-max-intset-entries", 512, LONG_COUNT),
  integer("set-max-listpack-entries", 128, LONG_COUNT),
  integer("set-max-listpack-value", 64, LONG_COUNT),
  integer("zset-max-listpack-entries", 128, LONG_COUNT, { aliases: ["zset-max-ziplist-entries"] }),
  memory("zset-max-listpack-value", 64, LONG_COUNT, { aliases: ["zset-max-ziplist-value"] }),
  memory("hll-sparse-max-bytes", 3000, LONG_COUNT),
  memory("stream-node-max-bytes", 4096, LONG_COUNT),
  integer("stream-node-max-entries", 100, LONG_COUNT),
];

const observationDirectives: readonly Directive[] = [
  special("notify-keyspace-events", "", keyspaceEventsType),
  integer(
    "slowlog-log-slower-than",
    10000,
    { min: -1, max: INT64_MAX },
    {
      aliases: ["commandlog-execution-slower-than"],
    },
  ),
  integer("slowlog-max-len", 128, LONG_COUNT, { aliases: ["commandlog-slow-execution-max-len"] }),
  integer("commandlog-request-larger-than", 2 ** 20, { min: -1, max: INT64_MAX }),
  integer("commandlog-large-request-max-len", 128, LONG_COUNT),
  integer("commandlog-reply-larger-than", 2 ** 20, { min: -1, max: INT64_MAX }),
  integer("commandlog-large-reply-max-len", 128, LONG_COUNT),
  integer("latency-monitor-threshold", 0, LONG_COUNT),
  flag("latency-tracking", true),
  special("latency-tracking-info-percentiles", "50 99 99.9", percentilesType),
];

/** What the keyspace and its observers read. */
export const dataDirectives: readonly Directive[] = [
  ...memoryDirectives,
  ...encodingDirectives,
  ...observationDirectives,
];
