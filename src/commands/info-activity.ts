// INFO's sections about what the server has done: persistence, counters, commands, errors, keys.

import type { ServerContext } from "../command/context.ts";
import type { PersistenceStatus } from "../command/persistence-status.ts";
import type { Command } from "../command/registry.ts";
import type { Database } from "../keyspace/database.ts";
import { CHANNELS, PATTERNS, SHARD_CHANNELS } from "../pubsub/pubsub.ts";
import { HASH, LIST, NO_EXPIRY, SET, STRING, ZSET } from "../structures/record.ts";
import type { Context } from "./features.ts";
import type { InfoField } from "./info.ts";

type AnyCommand = Command<ServerContext>;

/** How many keys the average time to live is estimated from. */
const TTL_SAMPLE_KEYS = 256;

export function persistenceSection(c: Context): InfoField[] {
  const status = c.server.persistence;
  const isSaving = status.rdbSaveInProgress || status.aofRewriteInProgress;
  const percent = isSaving
    ? (status.currentSaveKeysProcessed / Math.max(1, status.currentSaveKeysTotal)) * 100
    : 0;
  const lastSaveMs = status.rdbLastSaveMs || c.server.startedAtMs;
  const fields: InfoField[] = [
    ["loading", status.loading ? 1 : 0],
    ["async_loading", 0],
    // Nothing forks: these are the bytes that were copied because they changed ahead of the walk.
    ["current_cow_peak", status.currentCopiedBytes],
    ["current_cow_size", status.currentCopiedBytes],
    ["current_cow_size_age", 0],
    ["current_fork_perc", percent.toFixed(2)],
    ["current_save_keys_processed", isSaving ? status.currentSaveKeysProcessed : 0],
    ["current_save_keys_total", isSaving ? status.currentSaveKeysTotal : 0],
    ["rdb_changes_since_last_save", c.effects.changes],
    ["rdb_bgsave_in_progress", status.rdbSaveInProgress ? 1 : 0],
    ["rdb_last_save_time", Math.floor(lastSaveMs / 1000)],
    ["rdb_last_bgsave_status", status.rdbLastSaveOk ? "ok" : "err"],
    ["rdb_last_bgsave_time_sec", status.rdbLastSaveSeconds],
    [
      "rdb_current_bgsave_time_sec",
      status.rdbSaveInProgress ? secondsSince(status.rdbSaveStartMs, c.nowMs) : -1,
    ],
    ["rdb_saves", status.rdbSaves],
    ["rdb_last_cow_size", status.rdbLastCopiedBytes],
    ["rdb_last_load_keys_expired", status.rdbLastLoadKeysExpired],
    ["rdb_last_load_keys_loaded", status.rdbLastLoadKeysLoaded],
    ["aof_enabled", status.aofEnabled ? 1 : 0],
    ["aof_rewrite_in_progress", status.aofRewriteInProgress ? 1 : 0],
    ["aof_rewrite_scheduled", status.aofRewriteScheduled ? 1 : 0],
    ["aof_last_rewrite_time_sec", status.aofLastRewriteSeconds],
    [
      "aof_current_rewrite_time_sec",
      status.aofRewriteInProgress ? secondsSince(status.aofRewriteStartMs, c.nowMs) : -1,
    ],
    ["aof_last_bgrewrite_status", status.aofLastRewriteOk ? "ok" : "err"],
    ["aof_rewrites", status.aofRewrites],
    ["aof_rewrites_consecutive_failures", status.aofRewritesConsecutiveFailures],
    ["aof_last_write_status", status.aofLastWriteOk ? "ok" : "err"],
    ["aof_last_cow_size", status.aofLastCopiedBytes],
    ["module_fork_in_progress", 0],
    ["module_fork_last_cow_size", 0],
  ];
  if (status.aofEnabled) fields.push(...aofFields(status));
  if (status.loading) fields.push(...loadingFields(c, status));
  return fields;
}

/** The fields that only a server with an append only file has. */
function aofFields(status: PersistenceStatus): InfoField[] {
  return [
    ["aof_current_size", status.aofCurrentSize],
    ["aof_base_size", status.aofBaseSize],
    ["aof_pending_rewrite", status.aofRewriteScheduled ? 1 : 0],
    ["aof_buffer_length", status.aofBufferLength],
    ["aof_pending_bio_fsync", status.aofPendingSyncs],
    ["aof_delayed_fsync", status.aofDelayedSyncs],
  ];
}

/** The fields that only a server has while it loads. */
function loadingFields(c: Context, status: PersistenceStatus): InfoField[] {
  const { loadingTotalBytes: total, loadingLoadedBytes: loaded } = status;
  const elapsed = secondsSince(status.loadingStartMs, c.nowMs);
  const left = loaded > 0 ? Math.floor((elapsed * Math.max(0, total - loaded)) / loaded) : 1;
  return [
    ["loading_start_time", Math.floor(status.loadingStartMs / 1000)],
    ["loading_total_bytes", total],
    ["loading_rdb_used_mem", status.loadingSnapshotUsedBytes],
    ["loading_loaded_bytes", loaded],
    ["loading_loaded_perc", ((loaded / Math.max(1, total)) * 100).toFixed(2)],
    ["loading_eta_seconds", left],
  ];
}

export function statisticsSection(c: Context): InfoField[] {
  return [...trafficFields(c), ...keyFields(c), ...featureFields(c), ...errorFields(c)];
}

function trafficFields(c: Context): InfoField[] {
  const s = c.server.statistics;
  return [
    ["total_connections_received", s.connectionsReceived],
    ["total_commands_processed", s.commandsProcessed],
    ["instantaneous_ops_per_sec", Math.floor(s.opsPerSecond.average)],
    ["total_net_input_bytes", s.netInputBytes],
    ["total_net_output_bytes", s.netOutputBytes],
    ["total_net_repl_input_bytes", s.replicationInputBytes],
    ["total_net_repl_output_bytes", s.replicationOutputBytes],
    ["instantaneous_input_kbps", kilobytes(s.inputBytesPerSecond.average)],
    ["instantaneous_output_kbps", kilobytes(s.outputBytesPerSecond.average)],
    ["instantaneous_input_repl_kbps", kilobytes(s.replicationInputBytesPerSecond.average)],
    ["instantaneous_output_repl_kbps", kilobytes(s.replicationOutputBytesPerSecond.average)],
    ["rejected_connections", s.rejectedConnections],
    ["sync_full", s.syncFull],
    ["sync_partial_ok", s.syncPartialOk],
    ["sync_partial_err", s.syncPartialError],
  ];
}

function keyFields(c: Context): InfoField[] {
  const s = c.server.statistics;
  const keyspace = c.server.keyspace;
  const exceededMs = s.evictionExceededSinceMs > 0 ? c.nowMs - s.evictionExceededSinceMs : 0;
  return [
    ["expired_subkeys", keyspace.expiredFields],
    ["expired_keys", keyspace.expired],
    ["expired_stale_perc", s.expiredStalePercent.toFixed(2)],
    ["expired_time_cap_reached_count", s.expiredTimeCapReached],
    ["expire_cycle_cpu_milliseconds", Math.floor(s.expireCycleMicroseconds / 1000)],
    ["evicted_keys", keyspace.evicted],
    ["evicted_clients", s.evictedClients],
    ["evicted_scripts", s.evictedScripts],
    ["total_eviction_exceeded_time", s.evictionExceededMs + exceededMs],
    ["current_eviction_exceeded_time", exceededMs],
    ["keyspace_hits", keyspace.hits],
    ["keyspace_misses", keyspace.misses],
  ];
}

/** Of what is 0, nothing has ever happened: there is no such feature here. */
function featureFields(c: Context): InfoField[] {
  const { pubsub, persistence, tracking } = c.server;
  return [
    ["pubsub_channels", pubsub.count(CHANNELS)],
    ["pubsub_patterns", pubsub.count(PATTERNS)],
    ["pubsubshard_channels", pubsub.count(SHARD_CHANNELS)],
    // What stands for a fork: the instant at which a snapshot in the background begins.
    ["latest_fork_usec", persistence.lastSnapshotBeginUs],
    ["total_forks", persistence.snapshotsBegun],
    ["migrate_cached_sockets", c.server.migrations.cachedConnections],
    ["slave_expires_tracked_keys", 0],
    ["active_defrag_hits", 0],
    ["active_defrag_misses", 0],
    ["active_defrag_key_hits", 0],
    ["active_defrag_key_misses", 0],
    ["total_active_defrag_time", 0],
    ["current_active_defrag_time", 0],
    ["tracking_total_keys", tracking.keyCount],
    ["tracking_total_items", tracking.itemCount],
    ["tracking_total_prefixes", tracking.prefixCount],
  ];
}

function errorFields(c: Context): InfoField[] {
  const s = c.server.statistics;
  return [
    ["unexpected_error_replies", s.unexpectedErrorReplies],
    ["total_error_replies", s.errorReplies],
    ["dump_payload_sanitizations", s.dumpPayloadSanitizations],
    ["total_reads_processed", s.readsProcessed],
    ["total_writes_processed", s.writesProcessed],
    ["io_threaded_reads_processed", 0],
    ["io_threaded_writes_processed", 0],
    ["client_query_buffer_limit_disconnections", s.queryBufferLimitDisconnections],
    ["client_output_buffer_limit_disconnections", s.outputBufferLimitDisconnections],
    ["reply_buffer_shrinks", s.replyBufferShrinks],
    ["reply_buffer_expands", s.replyBufferExpands],
    ["eventloop_cycles", s.eventLoopCycles],
    ["eventloop_duration_sum", Math.floor(s.eventLoopDurationUs)],
    ["eventloop_duration_cmd_sum", Math.floor(s.eventLoopCommandUs)],
    ["instantaneous_eventloop_cycles_per_sec", Math.floor(s.eventLoopCyclesPerSecond.average)],
    ["instantaneous_eventloop_duration_usec", Math.floor(s.eventLoopCycleUs.average)],
    ["acl_access_denied_auth", s.accessDeniedAuth],
    ["acl_access_denied_cmd", s.accessDeniedCommand],
    ["acl_access_denied_key", s.accessDeniedKey],
    ["acl_access_denied_channel", s.accessDeniedChannel],
  ];
}

export function debugSection(c: Context): InfoField[] {
  const s = c.server.statistics;
  return [
    ["eventloop_duration_aof_sum", Math.floor(s.eventLoopAofUs)],
    ["eventloop_duration_cron_sum", Math.floor(s.eventLoopCronUs)],
    ["eventloop_duration_max", Math.floor(s.eventLoopDurationMaxUs)],
    ["eventloop_cmd_per_cycle_max", s.eventLoopCommandsMax],
    // There is no script engine with an allocator of its own.
    ["allocator_allocated_lua", 0],
    ["allocator_active_lua", 0],
    ["allocator_resident_lua", 0],
    ["allocator_frag_bytes_lua", 0],
  ];
}

/** Commands and subcommands alike, as far as they were ever asked for. */
function* everyCommand(c: Context): Iterable<AnyCommand> {
  for (const command of c.server.registry.loaded()) {
    yield command;
    if (command.subcommands !== undefined) yield* command.subcommands;
  }
}

export function commandSection(c: Context): InfoField[] {
  const fields: InfoField[] = [];
  for (const command of everyCommand(c)) {
    const { calls, microseconds, rejectedCalls, failedCalls } = command;
    if (calls === 0 && rejectedCalls === 0 && failedCalls === 0) continue;
    const average = calls === 0 ? 0 : microseconds / calls;
    fields.push([
      `cmdstat_${command.fullName}`,
      `calls=${calls},usec=${Math.floor(microseconds)},usec_per_call=${average.toFixed(2)},` +
        `rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
    ]);
  }
  return fields;
}

export function errorSection(c: Context): InfoField[] {
  const codes = [...c.server.statistics.errors.keys()].sort();
  return codes.map((code) => [
    `errorstat_${code}`,
    `count=${c.server.statistics.errors.get(code)}`,
  ]);
}

export function latencySection(c: Context): InfoField[] {
  const fields: InfoField[] = [];
  const wanted = c.server.config.text("latency-tracking-info-percentiles");
  const percentiles = wanted.split(" ").filter((text) => text !== "");
  for (const command of everyCommand(c)) {
    const histogram = command.histogram;
    if (histogram === undefined || histogram.total === 0) continue;
    const values = percentiles.map(
      (text) => `p${text}=${histogram.percentileUs(Number(text)).toFixed(3)}`,
    );
    fields.push([`latency_percentiles_usec_${command.fullName}`, values.join(",")]);
  }
  return fields;
}

export function keyspaceSection(c: Context): InfoField[] {
  const fields: InfoField[] = [];
  for (const db of c.server.keyspace.databases) {
    if (db.size === 0) continue;
    fields.push([
      `db${db.index}`,
      `keys=${db.size},expires=${db.volatileCount},avg_ttl=${averageTtlMs(c, db)},` +
        `subexpiry=${db.fieldVolatileCount}`,
    ]);
  }
  return fields;
}

/** How many keys there are of each size, by powers of two. */
export function keysizesSection(c: Context): InfoField[] {
  const fields: InfoField[] = [];
  for (const db of c.server.keyspace.databases) {
    for (const [type, name] of SIZE_FIELDS) {
      const bins: string[] = [];
      db.sizes.forEach(type, (least, count) => {
        bins.push(`${binName(least)}=${count}`);
      });
      if (bins.length > 0) fields.push([`db${db.index}_distrib_${name}`, bins.join(",")]);
    }
  }
  return fields;
}

/** The types whose sizes are counted, in Redis's order. */
const SIZE_FIELDS: readonly (readonly [type: number, name: string])[] = [
  [STRING, "strings_sizes"],
  [LIST, "lists_items"],
  [SET, "sets_items"],
  [ZSET, "zsets_items"],
  [HASH, "hashes_items"],
];

const BIN_UNITS = ["", "K", "M", "G"];

/** 512 as "512", 1024 as "1K". */
function binName(powerOfTwo: number): string {
  let value = powerOfTwo;
  let unit = 0;
  for (; value >= 1024 && unit < BIN_UNITS.length - 1; unit++) value /= 1024;
  return `${value}${BIN_UNITS[unit]}`;
}

/** The mean time to live of the volatile keys among the first in hash order, which is a sample. */
function averageTtlMs(c: Context, db: Database): number {
  if (db.volatileCount === 0) return 0;
  let seen = 0;
  let count = 0;
  let sum = 0;
  let position = 0;
  do {
    position = db.scan(c.server.keyspace.secondView, position, TTL_SAMPLE_KEYS, (view) => {
      seen++;
      if (view.expiryMs === NO_EXPIRY) return;
      count++;
      sum += view.expiryMs - c.nowMs;
    });
  } while (position !== 0 && seen < TTL_SAMPLE_KEYS);
  return count === 0 ? 0 : Math.floor(sum / count);
}

function secondsSince(startMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - startMs) / 1000));
}

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}
