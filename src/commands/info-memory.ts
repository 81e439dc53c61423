// INFO's section about memory. There is no child process and no cluster bus: their shares are 0.

import os from "node:os";
import type { Context } from "./features.ts";
import type { InfoField } from "./info.ts";
import { datasetPercent, measureMemory, ratio } from "./memory-figures.ts";

const UNITS = ["B", "K", "M", "G", "T", "P", "E"];

/** A number of bytes for people: "512B", "1.50M". */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}

export function memorySection(c: Context): InfoField[] {
  const figures = measureMemory(c);
  const { report, peakBytes, residentBytes } = figures;
  const { usedBytes, allocatorAllocated, allocatorActive, allocatorResident } = report;
  const maxmemory = c.server.config.integer("maxmemory");
  const { libraries, scripting } = c.server;
  const { machineBytes, scripts } = scripting;
  const machinesBytes = machineBytes + libraries.machineBytes;
  const scriptsBytes = scripts.bytes + libraries.bytes;
  return [
    ["used_memory", usedBytes],
    ["used_memory_human", humanBytes(usedBytes)],
    ["used_memory_rss", residentBytes],
    ["used_memory_rss_human", humanBytes(residentBytes)],
    ["used_memory_peak", peakBytes],
    ["used_memory_peak_human", humanBytes(peakBytes)],
    ["used_memory_peak_perc", `${(ratio(usedBytes, peakBytes) * 100).toFixed(2)}%`],
    ["used_memory_overhead", figures.overheadBytes],
    ["used_memory_startup", report.startupBytes],
    ["used_memory_dataset", report.datasetBytes],
    ["used_memory_dataset_perc", `${datasetPercent(figures).toFixed(2)}%`],
    ["allocator_allocated", allocatorAllocated],
    ["allocator_active", allocatorActive],
    ["allocator_resident", allocatorResident],
    ["allocator_muzzy", 0],
    ["total_system_memory", os.totalmem()],
    ["total_system_memory_human", humanBytes(os.totalmem())],
    ["used_memory_lua", machineBytes],
    ["used_memory_vm_eval", machineBytes],
    ["used_memory_lua_human", humanBytes(machineBytes)],
    ["used_memory_scripts_eval", scripts.bytes],
    ["number_of_cached_scripts", scripts.count],
    ["number_of_functions", libraries.functionCount],
    ["number_of_libraries", libraries.libraryCount],
    ["used_memory_vm_functions", libraries.machineBytes],
    ["used_memory_vm_total", machinesBytes],
    ["used_memory_vm_total_human", humanBytes(machinesBytes)],
    ["used_memory_functions", libraries.bytes],
    ["used_memory_scripts", scriptsBytes],
    ["used_memory_scripts_human", humanBytes(scriptsBytes)],
    ["maxmemory", maxmemory],
    ["maxmemory_human", humanBytes(maxmemory)],
    ["maxmemory_policy", c.server.config.text("maxmemory-policy")],
    ["allocator_frag_ratio", ratio(allocatorActive, allocatorAllocated).toFixed(2)],
    ["allocator_frag_bytes", allocatorActive - allocatorAllocated],
    ["allocator_rss_ratio", ratio(allocatorResident, allocatorActive).toFixed(2)],
    ["allocator_rss_bytes", allocatorResident - allocatorActive],
    ["rss_overhead_ratio", ratio(residentBytes, allocatorResident).toFixed(2)],
    ["rss_overhead_bytes", residentBytes - allocatorResident],
    ["mem_fragmentation_ratio", ratio(residentBytes, usedBytes).toFixed(2)],
    ["mem_fragmentation_bytes", residentBytes - usedBytes],
    ["mem_not_counted_for_evict", report.aofBufferBytes + report.snapshotBytes],
    ["mem_replication_backlog", 0],
    ["mem_total_replication_buffers", 0],
    ["mem_replica_full_sync_buffer", 0],
    ["mem_clients_slaves", figures.replicaClientBytes],
    ["mem_clients_normal", figures.normalClientBytes],
    ["mem_cluster_links", 0],
    ["mem_aof_buffer", report.aofBufferBytes],
    ["mem_allocator", "miniredis-pool"],
    ["mem_overhead_db_hashtable_rehashing", 0],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", c.server.keyspace.lazyFree.pendingCount],
    ["lazyfreed_objects", c.server.keyspace.lazyFree.freedCount],
  ];
}
