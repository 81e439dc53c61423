// Every way in which our reply may differ from the oracle's and still count as the same, each with
// its reason. All other replies are compared byte for byte.

import type { Argument } from "./client.ts";
import type { Reply } from "./reply.ts";

/** An exception to byte equality. */
export interface Rule {
  /** Why equality cannot be asked for. */
  readonly reason: string;
  /** The command, in lower case, with its subcommand where the rule is for one ("client id"). */
  readonly commands: readonly string[];
  same(ours: Reply, theirs: Reply): boolean;
}

/** How far two clock readings of one battery may lie apart. */
const TOLERANCE_MS = 20_000;

/** Both are the same, or both count the same unit of time from nearly the same instant. */
function near(tolerance: number): Rule["same"] {
  return (ours, theirs) => {
    if (ours.raw === theirs.raw) return true;
    if (ours.kind !== ":" || theirs.kind !== ":") return false;
    const [left, right] = [Number(ours.text), Number(theirs.text)];
    // Negative answers are codes, not times.
    return left >= 0 && right >= 0 && Math.abs(left - right) <= tolerance;
  };
}

/** The same of each element of an array. */
function nearEach(tolerance: number): Rule["same"] {
  const isNear = near(tolerance);
  return (ours, theirs) =>
    ours.kind === theirs.kind &&
    ours.items.length > 0 &&
    ours.items.length === theirs.items.length &&
    ours.items.every((item, k) => isNear(item, theirs.items[k]));
}

/** Only the type of the reply is the same, all the way down. */
export function sameShape(ours: Reply, theirs: Reply): boolean {
  if (ours.kind !== theirs.kind || ours.isNull !== theirs.isNull) return false;
  if (ours.items.length !== theirs.items.length) return false;
  return ours.items.every((item, k) => sameShape(item, theirs.items[k]));
}

/** The same elements in any order. */
export function sameElements(ours: Reply, theirs: Reply): boolean {
  if (ours.kind !== theirs.kind || ours.items.length !== theirs.items.length) return false;
  const sorted = (reply: Reply) => reply.items.map((item) => item.raw).sort();
  const [left, right] = [sorted(ours), sorted(theirs)];
  return left.every((raw, k) => raw === right[k]) && (left.length > 0 || ours.raw === theirs.raw);
}

/** A reply's elements, those of each array or set in the order of their bytes. */
function leavesOf({ kind, items, raw }: Reply): string {
  if (items.length === 0) return raw;
  const leaves = items.map(leavesOf);
  // RESP2 has maps as arrays, which begin with a name.
  const isMap = kind === "%" || items[0].kind === "$";
  return `${kind}${items.length}(${(isMap ? leaves : leaves.sort()).join()})`;
}

/** A map (or RESP2's flat array) equal but for the values of some fields. */
function sameExcept(...fields: readonly string[]): Rule["same"] {
  return (ours, theirs) => {
    if (ours.kind !== theirs.kind || ours.items.length !== theirs.items.length) return false;
    if (ours.items.length === 0) return ours.raw === theirs.raw;
    return ours.items.every((item, k) => {
      const ofField = k % 2 === 1 && fields.includes(ours.items[k - 1].text);
      return ofField ? item.kind === theirs.items[k].kind : item.raw === theirs.items[k].raw;
    });
  };
}

/** Times of pending entries and consumers, by the name in front. */
const PENDING_TIMES = ["idle", "inactive", "seen-time", "active-time"];

/** Equal but for the times of pending entries and consumers, which are near each other. */
function samePending(ours: Reply, theirs: Reply): boolean {
  if (ours.raw === theirs.raw) return true;
  if (ours.kind !== theirs.kind || ours.items.length !== theirs.items.length) return false;
  if (ours.items.length === 0) return false;
  // ID, consumer, time, deliveries; or without the consumer.
  const timeAt = ours.items.length === 4 ? 2 : ours.items.length === 3 ? 1 : -1;
  return ours.items.every((item, k) => {
    const isTime = k === timeAt || PENDING_TIMES.includes(ours.items[k - 1]?.text);
    const same = isTime && item.kind === ":" ? near(TOLERANCE_MS) : samePending;
    return same(item, theirs.items[k]);
  });
}

/** `name=value` pairs with the same names in the same order (CLIENT LIST, CLIENT INFO). */
function sameFieldNames(ours: Reply, theirs: Reply): boolean {
  if (ours.kind !== theirs.kind) return false;
  const names = (reply: Reply) =>
    reply.text.split("\n").map((line) => line.replace(/=[^ ]*/g, "="));
  return names(ours).join("\n") === names(theirs).join("\n");
}

/** Of entries of ACL LOG: fields that tell times, and the client. */
const ENTRY_TIMES = ["age-seconds", "timestamp-created", "timestamp-last-updated"];

/** Entries equal but for their times and identifiers and for what differs in CLIENT INFO. */
function sameAccessLog(ours: Reply, theirs: Reply): boolean {
  if (ours.kind !== "*" || theirs.kind !== "*") return ours.raw === theirs.raw;
  if (ours.items.length !== theirs.items.length) return false;
  return ours.items.every((entry, k) => {
    const other = theirs.items[k].items;
    if (entry.items.length !== other.length) return false;
    return entry.items.every((item, field) => {
      const name = field % 2 === 1 ? entry.items[field - 1].text : "";
      if (ENTRY_TIMES.includes(name) || name === "entry-id") return item.kind === other[field].kind;
      if (name === "client-info") return sameAccessClient(item, other[field]);
      return item.raw === other[field].raw;
    });
  });
}

/** The same fields in the same order, and those that do not depend on the process are equal. */
function sameAccessClient(ours: Reply, theirs: Reply): boolean {
  const told = ({ text }: Reply) => /flags=\S+ db=\S+|cmd=\S+ user=\S*|resp=\d/g.exec(text)?.join();
  return sameFieldNames(ours, theirs) && told(ours) === told(theirs);
}

const HELP = [
  ...["acl", "client", "command", "config", "debug", "latency", "memory", "object", "slowlog"],
  ...["function", "xgroup", "xinfo"],
];

export const RULES: readonly Rule[] = [
  {
    reason: "time passes between the two servers' answers",
    commands: ["ttl", "expiretime"],
    same: near(TOLERANCE_MS / 1000),
  },
  {
    reason: "time passes between the two servers' answers",
    commands: ["pttl", "pexpiretime"],
    same: near(TOLERANCE_MS),
  },
  {
    reason: "time passes between the two servers' answers",
    commands: ["httl"],
    same: nearEach(TOLERANCE_MS / 1000),
  },
  {
    reason: "time passes between the two servers' answers",
    commands: ["hpttl"],
    same: nearEach(TOLERANCE_MS),
  },
  { reason: "the wall clock", commands: ["time", "lastsave"], same: sameShape },
  { reason: "the answer is random", commands: ["randomkey"], same: sameShape },
  {
    reason: "connection ids depend on what connected before",
    commands: ["client id"],
    same: sameShape,
  },
  {
    reason: "the name and version of the server, its modules and the connection id",
    commands: ["hello"],
    same: sameExcept("server", "version", "id", "modules"),
  },
  {
    reason: "addresses, descriptors, ages and buffer sizes differ; the fields must not",
    commands: ["client list", "client info"],
    same: sameFieldNames,
  },
  {
    reason: "a hash table's order depends on its secret seed",
    commands: ["keys", "smembers", "sinter", "sunion", "sdiff", "spop"],
    same: sameElements,
  },
  {
    reason: "a hash table's order depends on its secret seed",
    commands: ["function list"],
    same: (ours, theirs) => leavesOf(ours) === leavesOf(theirs),
  },
  {
    reason: "help is prose, and ours is our own",
    commands: HELP.map((container) => `${container} help`),
    same: (ours, theirs) =>
      ours.kind === theirs.kind && ours.items.every((line) => line.kind === theirs.items[0].kind),
  },
  {
    reason: "pending entries age between the two servers' answers",
    commands: ["xpending", "xinfo stream", "xinfo consumers"],
    same: samePending,
  },
  {
    reason: "times, and what CLIENT INFO tells of clients",
    commands: ["acl log"],
    same: sameAccessLog,
  },
  { reason: "the answer is random", commands: ["acl genpass"], same: sameShape },
  {
    reason: "sizes depend on the allocator",
    commands: ["memory usage"],
    same: sameShape,
  },
  {
    reason: "Redis's shared small integers keep no access time of their own",
    commands: ["object idletime"],
    same: near(Number.MAX_SAFE_INTEGER),
  },
  {
    reason: "Redis's access frequency is probabilistic",
    commands: ["object freq"],
    same: sameShape,
  },
];

/** COMMAND INFO and DOCS entries that are prose, which we write ourselves. */
export const DOCUMENTED_PROSE: readonly string[] = [
  ...["summary", "complexity", "notes", "replaced_by", "history"],
];

/**
 * Arguments in COMMAND DOCS that Valkey or later versions have and Redis 8.0 has not: SET ... IFEQ,
 * BITOP's operations of 8.2.
 */
export const LATER_ARGUMENTS: readonly string[] = [
  ...["comparison-value", "diff", "diff1", "andor", "one"],
];

/** INFO fields that one side has alone: what we are built of differs from what they are. */
export const INFO_FIELDS_ASIDE: readonly string[] = [
  // Ours: who we are, and what runs us.
  ...["miniredis_version", "bun_version"],
  // Theirs: how the C program was built.
  ...["gcc_version", "atomicvar_api", "redis_build_id", "redis_git_sha1", "redis_git_dirty"],
  // One line per module: Redis 8.0 is built with its vector sets as one.
  "module",
];

/** Configuration parameters that Valkey has and Redis has not. */
export const VALKEY_PARAMETERS: readonly string[] = [
  ...["commandlog-execution-slower-than", "commandlog-slow-execution-max-len"],
  ...["commandlog-request-larger-than", "commandlog-large-request-max-len"],
  ...["commandlog-reply-larger-than", "commandlog-large-reply-max-len"],
  ...["primaryauth", "primaryuser"],
];

/** Configuration parameters whose values belong to the process, not to the version. */
export const PROCESS_PARAMETERS: readonly string[] = [
  ...["port", "dir", "pidfile", "logfile", "maxclients", "unixsocket", "bind"],
];

const byCommand = new Map<string, Rule>();
for (const rule of RULES) for (const command of rule.commands) byCommand.set(command, rule);

/** Whether two replies to a command count as the same. */
export function sameReply(command: readonly Argument[], ours: Reply, theirs: Reply): boolean {
  if (ours.raw === theirs.raw) return true;
  const name = String(command[0]).toLowerCase();
  const rule = byCommand.get(name) ?? byCommand.get(`${name} ${String(command[1]).toLowerCase()}`);
  return rule?.same(ours, theirs) ?? false;
}
