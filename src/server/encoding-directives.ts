// The directives that say how large a collection may become before it leaves its compact form.

import type { Config } from "../config/config.ts";
import type { EncodingLimits } from "../keyspace/encoding-limits.ts";

/** Every directive that `readEncodingLimits` reads. */
export const ENCODING_DIRECTIVES = [
  "list-max-listpack-size",
  "list-compress-depth",
  "set-max-intset-entries",
  "set-max-listpack-entries",
  "set-max-listpack-value",
  "hash-max-listpack-entries",
  "hash-max-listpack-value",
  "zset-max-listpack-entries",
  "zset-max-listpack-value",
  "stream-node-max-bytes",
  "stream-node-max-entries",
  "hll-sparse-max-bytes",
];

/** Brings the limits up to date with the configuration. */
export function readEncodingLimits(config: Config, limits: EncodingLimits): void {
  limits.listMaxListpackSize = config.integer("list-max-listpack-size");
  limits.listCompressDepth = config.integer("list-compress-depth");
  limits.setMaxIntsetEntries = config.integer("set-max-intset-entries");
  limits.setMaxListpackEntries = config.integer("set-max-listpack-entries");
  limits.setMaxListpackValue = config.integer("set-max-listpack-value");
  limits.hashMaxListpackEntries = config.integer("hash-max-listpack-entries");
  limits.hashMaxListpackValue = config.integer("hash-max-listpack-value");
  limits.zsetMaxListpackEntries = config.integer("zset-max-listpack-entries");
  limits.zsetMaxListpackValue = config.integer("zset-max-listpack-value");
  limits.streamNodeMaxBytes = config.integer("stream-node-max-bytes");
  limits.streamNodeMaxEntries = config.integer("stream-node-max-entries");
  limits.hllSparseMaxBytes = config.integer("hll-sparse-max-bytes");
}
