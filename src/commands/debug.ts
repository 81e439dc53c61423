// DEBUG: switches and views for those who test the server or write clients. What it prints about
// keys is in debug-keys.ts.

import { LOG_WARNING } from "../base/log.ts";
import { randomHex } from "../base/random.ts";
import { latin1Bytes } from "../base/text.ts";
import { ADMIN, defineFamily, LOADING, NOSCRIPT, STALE } from "../command/spec.ts";
import {
  debugClusterLink,
  debugDropPackets,
  debugInternalSecret,
  debugPauseReplication,
  debugReplicate,
} from "./debug-absent.ts";
import { debugClientEviction, debugMarkInternal, debugReplyBuffer } from "./debug-clients.ts";
import {
  debugDigest,
  debugDigestValue,
  debugHashTable,
  debugKeyHashTable,
  debugListpack,
  debugObject,
  debugPopulate,
  debugQuicklist,
  debugStringLength,
} from "./debug-keys.ts";
import { debugProtocol } from "./debug-protocol.ts";
import { debugLoadAof, debugReload } from "./debug-reload.ts";
import {
  debugAssert,
  debugCrashAndRecover,
  debugFlushSleep,
  debugLeak,
  debugOutOfMemory,
  debugPanic,
  debugRestart,
  debugRewriteConfig,
  debugScript,
  debugSegfault,
  debugStringMatch,
  debugStructureSizes,
} from "./debug-server.ts";
import type { Context, Features } from "./features.ts";
import { type HelpEntry, replyHelp, replyWrongSubcommand } from "./help.ts";

export const debugCommands = defineFamily<Features>("server", [
  {
    name: "DEBUG",
    arity: -2,
    flags: ADMIN | NOSCRIPT | LOADING | STALE,
    since: "1.0.0",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands for debugging the server.",
    docFlags: ["syscmd"],
    run: debugCommand,
  },
]);

/** A subcommand: how many arguments it takes, DEBUG and its own name included, and what it does. */
interface Subcommand {
  readonly counts: readonly [least: number, most: number];
  readonly run: (c: Context) => void;
}

const ANY_COUNT = Number.POSITIVE_INFINITY;

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  ["aof-flush-sleep", { counts: [3, 3], run: debugFlushSleep }],
  ["assert", { counts: [2, ANY_COUNT], run: debugAssert }],
  ["change-repl-id", { counts: [2, 2], run: debugChangeReplicationId }],
  ["client-eviction", { counts: [2, 2], run: debugClientEviction }],
  ["clusterlink", { counts: [5, 5], run: debugClusterLink }],
  ["crash-and-recover", { counts: [2, ANY_COUNT], run: debugCrashAndRecover }],
  ["digest", { counts: [2, 2], run: debugDigest }],
  ["digest-value", { counts: [2, ANY_COUNT], run: debugDigestValue }],
  ["config-rewrite-force-all", { counts: [2, 2], run: debugRewriteConfig }],
  ["drop-cluster-packet-filter", { counts: [3, 3], run: debugDropPackets }],
  ["dict-resizing", { counts: [3, 3], run: accept }],
  ["error", { counts: [3, 3], run: debugError }],
  ["help", { counts: [2, 2], run: debugHelp }],
  ["htstats", { counts: [3, ANY_COUNT], run: debugHashTable }],
  ["htstats-key", { counts: [3, ANY_COUNT], run: debugKeyHashTable }],
  ["internal_secret", { counts: [2, 2], run: debugInternalSecret }],
  ["leak", { counts: [3, 3], run: debugLeak }],
  ["listpack", { counts: [3, 3], run: debugListpack }],
  ["loadaof", { counts: [2, ANY_COUNT], run: debugLoadAof }],
  ["log", { counts: [3, 3], run: debugLog }],
  ["mark-internal-client", { counts: [2, 3], run: debugMarkInternal }],
  ["object", { counts: [3, 3], run: debugObject }],
  ["oom", { counts: [2, ANY_COUNT], run: debugOutOfMemory }],
  ["panic", { counts: [2, ANY_COUNT], run: debugPanic }],
  ["pause-cron", { counts: [3, 3], run: debugPauseCron }],
  ["populate", { counts: [3, 5], run: debugPopulate }],
  ["protocol", { counts: [3, 3], run: debugProtocol }],
  ["quicklist", { counts: [3, 4], run: debugQuicklist }],
  ["quicklist-packed-threshold", { counts: [3, 3], run: debugPackedThreshold }],
  ["reload", { counts: [2, ANY_COUNT], run: debugReload }],
  ["repl-pause", { counts: [3, 3], run: debugPauseReplication }],
  ["replicate", { counts: [3, ANY_COUNT], run: debugReplicate }],
  ["replybuffer", { counts: [4, 4], run: debugReplyBuffer }],
  ["restart", { counts: [2, ANY_COUNT], run: debugRestart }],
  ["script", { counts: [3, 3], run: debugScript }],
  ["sdslen", { counts: [3, 3], run: debugStringLength }],
  ["segfault", { counts: [2, ANY_COUNT], run: debugSegfault }],
  ["set-active-expire", { counts: [3, 3], run: debugActiveExpire }],
  ["set-disable-deny-scripts", { counts: [3, 3], run: debugAllowInScripts }],
  ["set-skip-checksum-validation", { counts: [3, 3], run: debugSkipChecksums }],
  ["stringmatch-test", { counts: [2, 2], run: debugStringMatch }],
  ["structsize", { counts: [2, 2], run: debugStructureSizes }],
  ["sleep", { counts: [3, 3], run: debugSleep }],
]);

// DEBUG subcommand [argument ...]
function debugCommand(c: Context): void {
  if (!isAllowed(c)) {
    return c.reply.error(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", ' +
        "you can run it from a local connection, otherwise you need to set this option in the " +
        "configuration file, and then restart the server.",
    );
  }
  const subcommand = SUBCOMMANDS.get(c.latin1(1).toLowerCase());
  if (subcommand === undefined) return replyWrongSubcommand(c, "DEBUG");
  const [least, most] = subcommand.counts;
  if (c.count < least || c.count > most) return replyWrongSubcommand(c, "DEBUG");
  subcommand.run(c);
}

function isAllowed(c: Context): boolean {
  const setting = c.server.config.text("enable-debug-command");
  return setting === "yes" || (setting === "local" && isLocal(c));
}

/** Whether the client is on this machine: a unix socket or a loopback address. */
function isLocal(c: Context): boolean {
  const address = c.client.channel.remoteAddress;
  return c.client.isUnixSocket || address.startsWith("127.") || address.startsWith("[::1]:");
}

/** DEBUG DICT-RESIZING: indexes always fit themselves to the data. */
function accept(c: Context): void {
  c.reply.ok();
}

/** The leading integer of an argument, 0 without one: what C's atoi makes of it. */
function leadingInteger(c: Context, index: number): number {
  const value = Number.parseInt(c.latin1(index).slice(0, 32), 10);
  return Number.isNaN(value) ? 0 : value;
}

// DEBUG SLEEP seconds
function debugSleep(c: Context): void {
  const seconds = Number.parseFloat(c.latin1(2).slice(0, 64));
  if (seconds > 0) c.server.sleepMs(seconds * 1000);
  c.reply.ok();
}

const REPLICATION_ID_LENGTH = 40;

// DEBUG CHANGE-REPL-ID
function debugChangeReplicationId(c: Context): void {
  c.server.replicationId = randomHex(c.server.random, REPLICATION_ID_LENGTH);
  c.reply.ok();
}

// DEBUG SET-ACTIVE-EXPIRE 0 | 1
function debugActiveExpire(c: Context): void {
  c.server.debugSettings.activeExpire = leadingInteger(c, 2) !== 0;
  c.reply.ok();
}

// DEBUG PAUSE-CRON 0 | 1
function debugPauseCron(c: Context): void {
  c.server.debugSettings.cronPaused = leadingInteger(c, 2) !== 0;
  c.reply.ok();
}

// DEBUG SET-SKIP-CHECKSUM-VALIDATION 0 | 1
function debugSkipChecksums(c: Context): void {
  c.server.debugSettings.skipsChecksums = leadingInteger(c, 2) !== 0;
  c.reply.ok();
}

// DEBUG SET-DISABLE-DENY-SCRIPTS 0 | 1
function debugAllowInScripts(c: Context): void {
  c.server.debugSettings.scriptsCallDenied = leadingInteger(c, 2) !== 0;
  c.reply.ok();
}

// DEBUG LOG message
function debugLog(c: Context): void {
  c.server.logger.log(LOG_WARNING, `DEBUG LOG: ${c.text(2)}`);
  c.reply.ok();
}

// DEBUG ERROR message
function debugError(c: Context): void {
  // Raw, because it is an answer as wished for and no failure to be counted.
  const text = c.latin1(2).replaceAll("\r", " ").replaceAll("\n", " ");
  c.reply.raw(latin1Bytes(`-${text}\r\n`));
}

const PACKED_BYTES_LIMIT = 4 * 2 ** 30;
const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["k", 1000],
  ["kb", 1024],
  ["m", 1e6],
  ["mb", 2 ** 20],
  ["g", 1e9],
  ["gb", 2 ** 30],
]);

// DEBUG QUICKLIST-PACKED-THRESHOLD size
function debugPackedThreshold(c: Context): void {
  const text = c.latin1(2).toLowerCase();
  let digits = 0;
  while (digits < text.length && text[digits] >= "0" && text[digits] <= "9") digits++;
  const unit = UNITS.get(text.slice(digits));
  const size = Number(text.slice(0, digits)) * (unit ?? Number.NaN);
  if (!(size < PACKED_BYTES_LIMIT)) {
    return c.reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  c.server.keyspace.limits.listPackedThreshold = size;
  c.reply.ok();
}

const HELP: readonly HelpEntry[] = [
  ["AOF-FLUSH-SLEEP <microseconds>", "Stop the server each time before it writes to the log."],
  ["ASSERT", "Crash the process as a failed assertion does."],
  ["CHANGE-REPL-ID", "Make up a new replication ID: no replica can go on from the old one."],
  ["CLIENT-EVICTION", "Tell how large clients are that maxmemory-clients may close."],
  ["CLUSTERLINK KILL <to|from|all> <node-id>", "Close links to a node of the cluster."],
  ["CONFIG-REWRITE-FORCE-ALL", "Rewrite the configuration file with every directive in it."],
  ["CRASH-AND-RECOVER [<ms>]", "Crash, and start again after a while, 0 ms by default."],
  ["DIGEST", "Return a fingerprint of all data."],
  ["DIGEST-VALUE <key> [<key> ...]", "Return a fingerprint of each key's value."],
  ["DICT-RESIZING <0|1>", "Accepted; indexes always fit themselves to the data."],
  ["DROP-CLUSTER-PACKET-FILTER <type>", "Ignore such packets of the cluster; -1: none."],
  ["ERROR <string>", "Reply with <string> as an error."],
  ["HTSTATS <dbid> [full]", "Describe the index of a database."],
  ["HTSTATS-KEY <key> [full]", "Describe the hash table of a key's value."],
  ["INTERNAL_SECRET", "Return what the nodes of a cluster know each other by."],
  ["LEAK <string>", "Keep <string> in memory for good."],
  ["LISTPACK <key>", "Write the entries of a listpack to the log."],
  ["LOADAOF", "Write out what the append-only file lacks, and load it in place of the data."],
  ["LOG <message>", "Write <message> to the log."],
  ["MARK-INTERNAL-CLIENT [UNMARK]", "Count the connection among internal ones, or not."],
  ["OBJECT <key>", "Describe how a key's value is stored."],
  ["OOM", "Crash the process as one without memory does."],
  ["PANIC", "Crash the process as a broken server does."],
  ["PAUSE-CRON <0|1>", "Stop or resume periodic work."],
  [
    "POPULATE <count> [<prefix>] [<size>]",
    "Create string keys <prefix>:0 to <prefix>:<count - 1> (default prefix: key).",
    "They are not propagated.",
  ],
  [
    "PROTOCOL <type>",
    "Reply with an example of a type: string, integer, double, bignum, null, array, set,",
    "map, attrib, push, verbatim, true, false.",
  ],
  ["QUICKLIST <key> [<0|1>]", "Write what a long list takes to the log."],
  ["QUICKLIST-PACKED-THRESHOLD <size>", "List elements of that size get nodes of their own."],
  [
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "Save the data set, empty it and load it again; NOSAVE loads the file that is there,",
    "NOFLUSH keeps what is in memory, MERGE lets loaded keys replace those.",
  ],
  [
    "REPL-PAUSE <clear|after-fork|before-rdb-channel|on-streaming-repl-buf>",
    "Stop the server at a step of replication.",
  ],
  ["REPLICATE <arg> [<arg> ...]", "Send a command to replicas, and run it nowhere else."],
  ["REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time>", "Accepted; clients share reply buffers."],
  ["REPLYBUFFER RESIZING <0|1>", "Accepted; clients share reply buffers."],
  ["RESTART [<ms>]", "Rewrite the configuration, save and stop; then as CRASH-AND-RECOVER."],
  ["SCRIPT <LIST|sha>", "Write all scripts, or one, to the log."],
  ["SDSLEN <key>", "Tell the lengths of a string and its key."],
  ["SEGFAULT", "Crash the process as access to invalid memory does."],
  ["SET-ACTIVE-EXPIRE <0|1>", "Expire keys that nobody asks for, or not."],
  ["SET-DISABLE-DENY-SCRIPTS <0|1>", "Let scripts call commands that are denied to them, or not."],
  ["SET-SKIP-CHECKSUM-VALIDATION <0|1>", "Load data whose checksum is wrong, or not."],
  ["SLEEP <seconds>", "Stop the whole server for a while."],
  ["STRUCTSIZE", "Tell the sizes of what data is made of, in bytes."],
  ["STRINGMATCH-TEST", "Match random texts with random patterns."],
];

// DEBUG HELP
function debugHelp(c: Context): void {
  replyHelp(c, "DEBUG", HELP);
}
