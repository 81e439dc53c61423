// Directives of the process, its connections, its log and its clients.

import { INT64_MAX } from "../base/ascii.ts";
import {
  choice,
  choices,
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
import { addressesType, oomScoresType, outputBufferLimitsType } from "./special-types.ts";
import { localeName, shutdownOptions, titleTemplate } from "./text-checks.ts";
import { ChoiceType, INT_MAX, UINT32_MAX } from "./value-types.ts";

const PORT = { min: 0, max: 65535 };
const COUNT = { min: 0, max: INT_MAX };
const LONG_COUNT = { min: 0, max: INT64_MAX };
const GATES = ["no", "yes", "local"];
const SHUTDOWN_OPTIONS = ["default", "save", "nosave", "now", "force"];
const SYSLOG_FACILITIES = [
  "user",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
];

const ONE_THREAD = "commands run on one thread, whose processor the system chooses";
const NO_SYSLOG = "the log goes to the log file or to standard output";
const NO_SUPERVISOR = "start-up is not reported to a supervisor";
const FIXED_TITLE = "the runtime does not let a program rename its process";

const networkDirectives: readonly Directive[] = [
  special("bind", "* -::*", addressesType),
  optionalText("bind-source-addr", { waitsFor: "replication" }),
  integer("port", 6379, PORT),
  integer("tcp-backlog", 511, COUNT, {
    ...IMMUTABLE,
    withoutEffect: "the runtime chooses the length of the accept queue",
  }),
  integer("tcp-keepalive", 300, COUNT),
  integer("timeout", 0, COUNT),
  optionalText("unixsocket", IMMUTABLE),
  integer("unixsocketperm", 0, { min: 0, max: 0o777, unit: "octal" }, IMMUTABLE),
  flag("protected-mode", true),
  integer("maxclients", 10000, { min: 1, max: UINT32_MAX }),
  integer(
    "max-new-connections-per-cycle",
    10,
    { min: 1, max: 1000 },
    {
      withoutEffect: "the runtime accepts connections in batches of its own",
    },
  ),
  integer(
    "max-new-tls-connections-per-cycle",
    1,
    { min: 1, max: 1000 },
    {
      withoutEffect: "the runtime accepts connections in batches of its own",
    },
  ),
  integer(
    "socket-mark-id",
    0,
    { min: 0, max: UINT32_MAX },
    {
      ...IMMUTABLE,
      withoutEffect: "the runtime does not expose socket marks",
    },
  ),
];

const processDirectives: readonly Directive[] = [
  flag("daemonize", false, IMMUTABLE),
  choice("supervised", "no", ["upstart", "systemd", "auto", "no"], {
    ...IMMUTABLE,
    withoutEffect: NO_SUPERVISOR,
  }),
  optionalText("pidfile", IMMUTABLE),
  integer("databases", 16, { min: 1, max: INT_MAX }, IMMUTABLE),
  integer("hz", 10, { min: 0, max: INT_MAX, clampMin: 1, clampMax: 500 }),
  flag("dynamic-hz", true, { withoutEffect: "periodic work is bounded in time, not in frequency" }),
  flag("always-show-logo", false, {
    ...IMMUTABLE,
    withoutEffect: "a start is announced in four lines, always",
  }),
  flag("set-proc-title", true, { ...IMMUTABLE, withoutEffect: FIXED_TITLE }),
  text(
    "proc-title-template",
    "{title} {listen-addr} {server-mode}",
    { withoutEffect: FIXED_TITLE },
    titleTemplate,
  ),
  text("locale-collate", "", { withoutEffect: "SORT ALPHA compares bytes" }, localeName),
  flag("disable-thp", true, { ...IMMUTABLE, withoutEffect: "there is no fork to protect" }),
  special(
    "oom-score-adj",
    "no",
    new ChoiceType(["no", "yes", "relative", "absolute"], new Map([["relative", "yes"]])),
  ),
  special("oom-score-adj-values", "0 200 800", oomScoresType),
  choices("shutdown-on-sigint", "default", SHUTDOWN_OPTIONS, shutdownOptions),
  choices("shutdown-on-sigterm", "default", SHUTDOWN_OPTIONS, shutdownOptions),
  integer("shutdown-timeout", 10, COUNT, { waitsFor: "replication" }),
  text("ignore-warnings", "", { withoutEffect: "no start-up check refuses to start" }),
  choice("enable-debug-command", "no", GATES, IMMUTABLE),
  choice("enable-module-command", "no", GATES, {
    ...IMMUTABLE,
    withoutEffect: "there is nothing that could run a module, and no such command",
  }),
  choice("enable-protected-configs", "no", GATES, IMMUTABLE),
  integer("io-threads", 1, { min: 1, max: 128 }, { ...IMMUTABLE, withoutEffect: ONE_THREAD }),
  integer(
    "prefetch-batch-max-size",
    16,
    { min: 0, max: 128 },
    {
      hidden: true,
      withoutEffect: "a batch is whatever one read delivered",
    },
  ),
  optionalText("server-cpulist", {
    ...IMMUTABLE,
    aliases: ["server_cpulist"],
    withoutEffect: ONE_THREAD,
  }),
  optionalText("bio-cpulist", {
    ...IMMUTABLE,
    aliases: ["bio_cpulist"],
    withoutEffect: ONE_THREAD,
  }),
  optionalText("aof-rewrite-cpulist", {
    ...IMMUTABLE,
    aliases: ["aof_rewrite_cpulist"],
    withoutEffect: ONE_THREAD,
  }),
  optionalText("bgsave-cpulist", {
    ...IMMUTABLE,
    aliases: ["bgsave_cpulist"],
    withoutEffect: ONE_THREAD,
  }),
  flag("jemalloc-bg-thread", true, { withoutEffect: "the byte pool frees memory itself" }),
  flag("crash-log-enabled", true),
  flag("crash-memcheck-enabled", true, {
    withoutEffect: "the runtime shows nobody its memory, which a report of a crash could test",
  }),
  flag("use-exit-on-panic", false, { hidden: true }),
  integer("watchdog-period", 0, COUNT, {
    hidden: true,
    withoutEffect: "nobody can look at the stack of the one thread while it is busy",
  }),
];

const logDirectives: readonly Directive[] = [
  choice("loglevel", "notice", ["debug", "verbose", "notice", "warning", "nothing"]),
  text("logfile", "", IMMUTABLE),
  flag("syslog-enabled", false, { ...IMMUTABLE, withoutEffect: NO_SYSLOG }),
  text("syslog-ident", "redis", { ...IMMUTABLE, withoutEffect: NO_SYSLOG }),
  choice("syslog-facility", "local0", SYSLOG_FACILITIES, {
    ...IMMUTABLE,
    withoutEffect: NO_SYSLOG,
  }),
  flag("hide-user-data-from-log", false),
];

const clientDirectives: readonly Directive[] = [
  special(
    "client-output-buffer-limit",
    "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    outputBufferLimitsType,
  ),
  memory("client-query-buffer-limit", 2 ** 30, { min: 2 ** 20, max: INT64_MAX }),
  memory("proto-max-bulk-len", 2 ** 29, { min: 2 ** 20, max: INT64_MAX }),
  integer("tracking-table-max-keys", 1000000, LONG_COUNT),
  integer("busy-reply-threshold", 5000, LONG_COUNT, { aliases: ["lua-time-limit"] }),
  flag("lua-enable-deprecated-api", false, {
    ...IMMUTABLE,
    hidden: true,
    withoutEffect: "getfenv and setfenv would lead scripts out of their sandbox",
  }),
  optionalText("availability-zone", {
    hidden: true,
    withoutEffect: "of Valkey, whose replies show it; those of Redis, which are given, do not",
  }),
];

const accessDirectives: readonly Directive[] = [
  optionalText("requirepass"),
  text("aclfile", "", IMMUTABLE),
  integer("acllog-max-len", 128, LONG_COUNT),
  choice("acl-pubsub-default", "resetchannels", ["allchannels", "resetchannels"]),
];

const tlsDirectives: readonly Directive[] = [
  integer("tls-port", 0, PORT),
  optionalText("tls-cert-file"),
  optionalText("tls-key-file"),
  optionalText("tls-key-file-pass"),
  optionalText("tls-client-cert-file"),
  optionalText("tls-client-key-file"),
  optionalText("tls-client-key-file-pass"),
  optionalText("tls-dh-params-file"),
  optionalText("tls-ca-cert-file"),
  optionalText("tls-ca-cert-dir"),
  choice("tls-auth-clients", "yes", ["no", "yes", "optional"]),
  flag("tls-replication", false),
  flag("tls-cluster", false),
  optionalText("tls-protocols"),
  optionalText("tls-ciphers"),
  optionalText("tls-ciphersuites"),
  flag("tls-prefer-server-ciphers", false),
  flag("tls-session-caching", true),
  integer("tls-session-cache-size", 20480, COUNT),
  integer("tls-session-cache-timeout", 300, COUNT),
];

/** What the server as a process, its network side and its clients read. */
export const serverDirectives: readonly Directive[] = [
  ...networkDirectives,
  ...processDirectives,
  ...logDirectives,
  ...clientDirectives,
  ...accessDirectives,
  ...waitingFor("TLS", tlsDirectives),
];

/** Directives that files may still contain and that have no value any more. */
export const obsoleteDirectives: readonly string[] = [
  "list-max-ziplist-entries",
  "list-max-ziplist-value",
  "lua-replicate-commands",
  "io-threads-do-reads",
];
