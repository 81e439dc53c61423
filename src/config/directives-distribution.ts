// Directives of replication and of the cluster.

import { INT64_MAX } from "../base/ascii.ts";
import {
  choice,
  type Directive,
  flag,
  IMMUTABLE,
  integer,
  memory,
  optionalText,
  special,
  text,
  waitingFor,
} from "./directive.ts";
import { primaryAddressType } from "./special-types.ts";
import { hostName, nodeName } from "./text-checks.ts";
import { INT_MAX, UINT64_MAX } from "./value-types.ts";

const PORT = { min: 0, max: 65535 };
const COUNT = { min: 0, max: INT_MAX };
const LONG_COUNT = { min: 0, max: INT64_MAX };

const replicationDirectives: readonly Directive[] = [
  special("replicaof", "", primaryAddressType, { ...IMMUTABLE, aliases: ["slaveof"] }),
  optionalText("masteruser", { aliases: ["primaryuser"] }),
  optionalText("masterauth", { aliases: ["primaryauth"] }),
  flag("replica-serve-stale-data", true, { aliases: ["slave-serve-stale-data"] }),
  flag("replica-read-only", true, { aliases: ["slave-read-only"] }),
  flag("replica-ignore-maxmemory", true, { aliases: ["slave-ignore-maxmemory"] }),
  flag("replica-lazy-flush", false, { aliases: ["slave-lazy-flush"] }),
  flag("replica-ignore-disk-write-errors", false),
  flag("replica-announced", true),
  integer("replica-priority", 100, COUNT, { aliases: ["slave-priority"] }),
  optionalText("replica-announce-ip", { aliases: ["slave-announce-ip"] }),
  integer("replica-announce-port", 0, PORT, { aliases: ["slave-announce-port"] }),
  memory("replica-full-sync-buffer-limit", 0, LONG_COUNT),
  integer("repl-timeout", 60, { min: 1, max: INT_MAX }),
  integer(
    "repl-ping-replica-period",
    10,
    { min: 1, max: INT_MAX },
    {
      aliases: ["repl-ping-slave-period"],
    },
  ),
  memory("repl-backlog-size", 2 ** 20, { min: 1, max: INT64_MAX, clampMin: 2 ** 14 }),
  integer("repl-backlog-ttl", 3600, LONG_COUNT),
  flag("repl-disable-tcp-nodelay", false),
  flag("repl-diskless-sync", true),
  integer("repl-diskless-sync-delay", 5, COUNT),
  integer("repl-diskless-sync-max-replicas", 0, COUNT),
  choice("repl-diskless-load", "disabled", ["disabled", "on-empty-db", "swapdb"], {
    refusedWhileLoading: true,
  }),
  flag("repl-rdb-channel", true, { hidden: true }),
];

/** What is asked for where there are no replicas, too. */
const writeDirectives: readonly Directive[] = [
  integer("min-replicas-to-write", 0, COUNT, { aliases: ["min-slaves-to-write"] }),
  integer("min-replicas-max-lag", 10, COUNT, { aliases: ["min-slaves-max-lag"] }),
  choice("propagation-error-behavior", "ignore", ["ignore", "panic", "panic-on-replicas"]),
];

const clusterDirectives: readonly Directive[] = [
  flag("cluster-enabled", false, IMMUTABLE),
  text("cluster-config-file", "nodes.conf", IMMUTABLE),
  integer("cluster-node-timeout", 15000, LONG_COUNT),
  integer("cluster-ping-interval", 0, LONG_COUNT, { hidden: true }),
  integer("cluster-port", 0, PORT, IMMUTABLE),
  integer("cluster-announce-port", 0, PORT),
  integer("cluster-announce-bus-port", 0, PORT),
  integer("cluster-announce-tls-port", 0, PORT),
  optionalText("cluster-announce-ip"),
  optionalText("cluster-announce-hostname", {}, hostName),
  optionalText("cluster-announce-human-nodename", {}, nodeName),
  choice("cluster-preferred-endpoint-type", "ip", ["ip", "hostname", "unknown-endpoint"]),
  flag("cluster-require-full-coverage", true),
  flag("cluster-allow-reads-when-down", false),
  flag("cluster-allow-pubsubshard-when-down", true),
  flag("cluster-allow-replica-migration", true),
  flag("cluster-replica-no-failover", false, { aliases: ["cluster-slave-no-failover"] }),
  integer("cluster-replica-validity-factor", 10, COUNT, {
    aliases: ["cluster-slave-validity-factor"],
  }),
  integer("cluster-migration-barrier", 1, COUNT),
  memory("cluster-link-sendbuf-limit", 0, { min: 0, max: UINT64_MAX }),
  integer("cluster-compatibility-sample-ratio", 0, { min: 0, max: 100 }),
  flag("cluster-slot-stats-enabled", false, { hidden: true }),
];

/** What replication and the cluster read. */
export const distributionDirectives: readonly Directive[] = [
  ...waitingFor("replication", replicationDirectives),
  ...writeDirectives,
  ...waitingFor("cluster", clusterDirectives),
];
