// INFO's sections about the process and who is connected to it. A field of something that does not
// exist here says what is true: none, 0.

import os from "node:os";
import { MINIREDIS_VERSION, REDIS_VERSION } from "../base/version.ts";
import { typeOf } from "./client-line.ts";
import type { Context } from "./features.ts";
import type { InfoField } from "./info.ts";

const NO_ID = "0".repeat(40);
const SECONDS_PER_DAY = 86400;
const LRU_CLOCK_MASK = 0xff_ffff;

export function serverSection(c: Context): InfoField[] {
  const server = c.server;
  const uptime = Math.max(0, Math.floor((c.nowMs - server.startedAtMs) / 1000));
  const hz = server.config.integer("hz");
  const fields: InfoField[] = [
    ["redis_version", REDIS_VERSION],
    ["miniredis_version", MINIREDIS_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0000000000000000"],
    ["redis_mode", "standalone"],
    ["os", `${os.type()} ${os.release()} ${os.machine()}`],
    ["arch_bits", 64],
    ["monotonic_clock", "POSIX clock_gettime"],
    ["multiplexing_api", process.platform === "linux" ? "epoll" : "kqueue"],
    ["atomicvar_api", "none"],
    ["gcc_version", "0.0.0"],
    ["bun_version", Bun.version],
    ["process_id", server.pid],
    ["process_supervised", "no"],
    ["run_id", server.runId],
    ["tcp_port", server.listeningPort],
    ["server_time_usec", server.clock.wallMs() * 1000],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / SECONDS_PER_DAY)],
    ["hz", hz],
    ["configured_hz", hz],
    ["lru_clock", Math.floor(c.nowMs / 1000) & LRU_CLOCK_MASK],
    ["executable", server.executablePath],
    ["config_file", server.configFile],
    ["io_threads_active", 0],
  ];
  server.listeners.forEach((listener, index) => {
    const binds = listener.addresses.map((address) => `,bind=${address}`).join("");
    const port = listener.name === "tcp" ? `,port=${listener.port}` : "";
    fields.push([`listener${index}`, `name=${listener.name}${binds}${port}`]);
  });
  return fields;
}

export function clientsSection(c: Context): InfoField[] {
  let connected = 0;
  let blocked = 0;
  let subscribed = 0;
  let watching = 0;
  let inputMax = 0;
  let outputMax = 0;
  for (const client of c.server.clients) {
    const type = typeOf(client);
    if (type !== "replica") connected++;
    if (client.blocked) blocked++;
    if (type === "pubsub") subscribed++;
    if (client.watchedKeys > 0) watching++;
    inputMax = Math.max(inputMax, client.channel.queryCapacity);
    outputMax = Math.max(outputMax, client.channel.outputCapacity);
  }
  return [
    ["connected_clients", connected],
    ["cluster_connections", 0],
    ["maxclients", c.server.config.integer("maxclients")],
    ["client_recent_max_input_buffer", inputMax],
    ["client_recent_max_output_buffer", outputMax],
    ["blocked_clients", blocked],
    ["tracking_clients", c.server.tracking.clientCount],
    ["pubsub_clients", subscribed],
    ["watching_clients", watching],
    ["clients_in_timeout_table", c.server.blocking.deadlineCount],
    ["total_watched_keys", c.server.transactions.watches.keyCount],
    ["total_blocking_keys", c.server.blocking.keyCount],
    ["total_blocking_keys_on_nokey", c.server.blocking.vanishKeyCount],
  ];
}

export function threadsSection(c: Context): InfoField[] {
  const { readsProcessed, writesProcessed } = c.server.statistics;
  const clients = c.server.clients.count;
  return [["io_thread_0", `clients=${clients},reads=${readsProcessed},writes=${writesProcessed}`]];
}

export function replicationSection(c: Context): InfoField[] {
  let replicas = 0;
  for (const client of c.server.clients) if (client.kind === "replica") replicas++;
  return [
    ["role", "master"],
    ["connected_slaves", replicas],
    ["master_failover_state", "no-failover"],
    ["master_replid", c.server.replicationId],
    ["master_replid2", NO_ID],
    ["master_repl_offset", c.effects.replicationOffset],
    ["second_repl_offset", -1],
    ["repl_backlog_active", 0],
    ["repl_backlog_size", c.server.config.integer("repl-backlog-size")],
    ["repl_backlog_first_byte_offset", 0],
    ["repl_backlog_histlen", 0],
  ];
}

export function cpuSection(): InfoField[] {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return [
    ["used_cpu_sys", seconds(all.system)],
    ["used_cpu_user", seconds(all.user)],
    ["used_cpu_sys_children", seconds(0)],
    ["used_cpu_user_children", seconds(0)],
    ["used_cpu_sys_main_thread", seconds(own.system)],
    ["used_cpu_user_main_thread", seconds(own.user)],
  ];
}

/** Microseconds as seconds with six decimals. */
function seconds(microseconds: number): string {
  return (microseconds / 1e6).toFixed(6);
}

/** There are no modules. */
export function modulesSection(): InfoField[] {
  return [];
}

export function clusterSection(): InfoField[] {
  return [["cluster_enabled", 0]];
}
