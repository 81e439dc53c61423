// What directives mean to the parts of a running server: each is applied at the start and again
// whenever it changes. A part that asks the configuration each time it needs a value is not here.

import { userLines } from "../acl/acl-file.ts";
import type { EntryLog } from "../command/slowlog.ts";
import type { Config } from "../config/config.ts";
import { InvalidValue } from "../config/value-types.ts";
import { eventClasses } from "../keyspace/event-classes.ts";
import type { Eviction, EvictionPolicy } from "../keyspace/eviction.ts";
import type { KeyspaceNotifier } from "../pubsub/keyspace-notifier.ts";
import { ENCODING_DIRECTIVES, readEncodingLimits } from "./encoding-directives.ts";
import type { Listeners } from "./listeners.ts";
import { checkMaxClients } from "./max-clients.ts";
import type { MemoryLimit } from "./memory-limit.ts";
import type { Server } from "./server.ts";

/** Parts that directives are about and that the server shows to nobody else. */
export interface DirectedParts {
  readonly eviction: Eviction;
  readonly memoryLimit: MemoryLimit;
  readonly notifier: KeyspaceNotifier;
  readonly listeners: Listeners;
}

const INT32_MAX = 2 ** 31 - 1;

/** Applies directives now and whenever they change. */
export function followDirectives(server: Server, parts: DirectedParts): void {
  followMemory(server, parts);
  followClients(server);
  followLogs(server);
  followListeners(server, parts.listeners);
  followEvents(server, parts.notifier);
  followUsers(server);
}

function follow(config: Config, names: readonly string[], apply: () => void): void {
  apply();
  for (const name of names) config.onChange(name, apply);
}

function followMemory(server: Server, { eviction, memoryLimit }: DirectedParts): void {
  const { config, keyspace } = server;
  follow(config, ["maxmemory", "maxmemory-policy", "maxmemory-samples"], () => {
    memoryLimit.limitBytes = config.integer("maxmemory");
    eviction.policy = config.text("maxmemory-policy") as EvictionPolicy;
    eviction.samples = config.integer("maxmemory-samples");
    eviction.reset();
    keyspace.access.isLfu = eviction.policy.endsWith("-lfu");
    server.updateRestrictions();
  });
  follow(config, ["maxmemory-eviction-tenacity"], () => {
    memoryLimit.tenacity = config.integer("maxmemory-eviction-tenacity");
  });
  follow(config, ["lfu-log-factor", "lfu-decay-time"], () => {
    keyspace.access.logFactor = config.integer("lfu-log-factor");
    keyspace.access.decayMinutes = config.integer("lfu-decay-time");
  });
  follow(config, ENCODING_DIRECTIVES, () => readEncodingLimits(config, keyspace.limits));
  follow(config, ["save", "stop-writes-on-bgsave-error"], () => server.updateRestrictions());
  follow(config, ["min-replicas-to-write", "min-replicas-max-lag"], () => {
    const isAsked = config.integer("min-replicas-to-write") > 0;
    server.lacksReplicas = isAsked && config.integer("min-replicas-max-lag") > 0;
    server.updateRestrictions();
  });
}

function followClients({ config, connections, executions, tracking }: Server): void {
  follow(config, ["client-query-buffer-limit", "proto-max-bulk-len"], () => {
    // The decoder's offsets are int32.
    connections.queryBytesMax = Math.min(config.integer("client-query-buffer-limit"), INT32_MAX);
    connections.bulkBytesMax = config.integer("proto-max-bulk-len");
  });
  follow(config, ["client-output-buffer-limit"], () => {
    connections.normalOutputLimit = config.outputBufferLimits.normal;
    connections.pubsubOutputLimit = config.outputBufferLimits.pubsub;
  });
  follow(config, ["maxmemory-clients", "maxmemory"], () => connections.clientMemory.configure());
  follow(config, ["busy-reply-threshold"], () => {
    executions.busyMs = config.integer("busy-reply-threshold");
  });
  follow(config, ["tracking-table-max-keys"], () => {
    tracking.keysMax = config.integer("tracking-table-max-keys");
  });
}

function followLogs(server: Server): void {
  const { accounting, commandLog, config, latency } = server;
  const followLog = (log: EntryLog, threshold: string, lengthMax: string) =>
    follow(config, [threshold, lengthMax], () => {
      commandLog.configure(log, config.integer(threshold), config.integer(lengthMax));
      accounting.tune();
    });
  const { slow, largeRequest, largeReply } = commandLog;
  followLog(slow, "slowlog-log-slower-than", "slowlog-max-len");
  followLog(largeRequest, "commandlog-request-larger-than", "commandlog-large-request-max-len");
  followLog(largeReply, "commandlog-reply-larger-than", "commandlog-large-reply-max-len");
  follow(config, ["latency-monitor-threshold"], () => {
    latency.thresholdMs = config.integer("latency-monitor-threshold");
    accounting.tune();
  });
  follow(config, ["latency-tracking"], () => {
    accounting.tracksLatency = config.flag("latency-tracking");
  });
}

/** There is no TLS yet: who asks for it must not believe to have it. */
function refuseTls(config: Config): void {
  if (config.integer("tls-port") === 0) return;
  throw new InvalidValue("Unable to update TLS configuration. Check server logs.");
}

/** These may refuse a change, and are not applied at the start: nothing listens then. */
function followListeners({ config }: Server, listeners: Listeners): void {
  config.onChange("maxclients", () => checkMaxClients(config));
  config.onChange("tls-port", () => refuseTls(config));
  config.onChange("bind", () => listeners.reopen("Failed to bind to specified addresses."));
  config.onChange("port", () =>
    listeners.reopen("Unable to listen on this port. Check server logs."),
  );
}

function followEvents({ config, keyspace }: Server, notifier: KeyspaceNotifier): void {
  follow(config, ["notify-keyspace-events"], () => {
    notifier.classes = eventClasses(config.text("notify-keyspace-events"));
    keyspace.notifiedEvents = notifier.classes;
  });
}

function followUsers({ acl, config }: Server): void {
  follow(config, ["acl-pubsub-default"], () => {
    acl.allChannelsByDefault = config.text("acl-pubsub-default") === "allchannels";
  });
  follow(config, ["requirepass"], () => acl.setDefaultPassword(config.byteText("requirepass")));
  config.describeUsers = () => userLines(acl);
}
