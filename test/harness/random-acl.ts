// Seeded random rules for users, right and wrong ones, and command lines to ask about.

import type { Command } from "./differential.ts";
import type { Choices } from "./generate.ts";
import { randomCommands } from "./random-commands.ts";

const CATEGORIES = [
  ...["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap"],
  ...["hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous"],
  ...["connection", "transaction", "scripting", "all", "nosuch"],
];

const COMMANDS = [
  ...["get", "set", "mget", "del", "sort", "eval", "publish", "ping", "select", "flushall"],
  ...["config", "config|get", "config|set", "client", "client|list", "xgroup", "xgroup|create"],
  ...[
    "object",
    "object|freq",
    "acl",
    "acl|list",
    "subscribe",
    "georadius",
    "copy",
    "SET",
    "Config|Get",
  ],
  ...["get|a", "select|0", "mget|k0", "nosuch", "config|nosuch", "get|"],
];

const KEYS = ["k0", "k1", "k*", "k[0-2]", "k?", "*", "", "x", "k1 k2"];
const CHANNELS = ["c", "c*", "c[12]", "*", "", "c d"];

/** A rule for a user or, without what only users have, for a selector. */
function rule(c: Choices, inSelector: boolean): string {
  const kind = c.below(inSelector ? 9 : 14);
  const sign = c.pick(["+", "+", "-"]);
  if (kind < 3) return `${sign}@${c.pick(CATEGORIES)}`;
  if (kind < 5) return sign + c.pick(COMMANDS);
  if (kind === 5) return `~${c.pick(KEYS)}`;
  if (kind === 6) return `%${c.pick(["R", "W", "RW", "r", "X", ""])}~${c.pick(KEYS)}`;
  if (kind === 7) return `&${c.pick(CHANNELS)}`;
  if (kind === 8) {
    return c.pick(["allkeys", "resetkeys", "allchannels", "resetchannels", "nocommands", "+@all"]);
  }
  if (kind < 11) return selector(c);
  if (kind === 11) return c.pick(["clearselectors", "reset", "on", "off", "nopass", "resetpass"]);
  if (kind === 12)
    return c.pick([">a", ">b", "<a", "<b", "sanitize-payload", "skip-sanitize-payload"]);
  return c.pick(["(", ")", "nosuch", "", "(nosuch)"]);
}

function selector(c: Choices): string {
  return `(${Array.from({ length: c.below(5) }, () => rule(c, true)).join(" ")})`;
}

/** Up to `most` rules. */
export function randomRules(c: Choices, most: number): string[] {
  return Array.from({ length: 1 + c.below(most) }, () => rule(c, false));
}

/** Commands about channels, configuration and the like, beside those about keys. */
const OTHER_LINES: readonly Command[] = [
  ...[["publish", "c", "x"], ["publish", "c1", "x"], ["subscribe", "c", "c2"], ["ping"]],
  ...[
    ["psubscribe", "c*"],
    ["psubscribe", "c"],
    ["ssubscribe", "c1", "d"],
    ["unsubscribe", "x"],
  ],
  ...[
    ["config", "get", "x"],
    ["config", "set", "x", "y"],
    ["config", "help"],
    ["select", "0"],
  ],
  ...[
    ["select", "1"],
    ["client", "list"],
    ["client", "id"],
    ["acl", "list"],
    ["acl", "whoami"],
  ],
  ...[
    ["eval", "x", "2", "k0", "k1"],
    ["eval", "x", "0"],
    ["get", "a"],
    ["mget", "k0", "k1", "x"],
  ],
  ...[["xgroup", "create", "k0", "g", "0"], ["object", "freq", "k1"], ["multi"], ["auth", "x"]],
  ...[["flushall"], ["hello"], ["reset"], ["quit"], ["debug", "sleep", "0"], ["shutdown"]],
];

/**
 * Lines that Redis permits to users who should not run them: PFMERGE without sources, of which no
 * key is checked, and a first argument that begins with a permitted one and a zero byte.
 */
function isLaxInRedis([name, ...rest]: Command): boolean {
  if (/^pfmerge$/i.test(String(name)) && rest.length === 1) return true;
  return String(rest[0] ?? "").includes("\0");
}

/** Command lines to ask whether a user may run them. */
export function* randomLines(c: Choices, known: (name: string) => boolean): Generator<Command> {
  const commands = randomCommands(c, known)[Symbol.iterator]();
  for (;;) {
    const line = c.oneIn(3) ? c.pick(OTHER_LINES) : (commands.next().value as Command);
    if (!isLaxInRedis(line)) yield line;
  }
}
