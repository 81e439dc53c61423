// OBJECT and its subcommands: what the server knows of a value besides its content.

import { MINUS } from "../base/ascii.ts";
import {
  type CommandSpec,
  defineFamily,
  keyAt,
  LOADING,
  READONLY,
  RO,
  STALE,
} from "../command/spec.ts";
import { encodingName } from "../keyspace/encoding.ts";
import { accessOf, type RecordView, STRING } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";
import { replyHelp } from "./help.ts";

/** What the subcommands about a key share. */
const aboutKey = {
  arity: 3,
  flags: READONLY,
  complexity: "O(1)",
  tips: ["nondeterministic_output"],
  keys: [keyAt(2, RO)],
  args: [key],
} as const satisfies Partial<CommandSpec>;

export const objectCommands = defineFamily<Features>("generic", [
  {
    name: "OBJECT",
    arity: -2,
    flags: 0,
    since: "2.2.3",
    complexity: "Depends on subcommand.",
    summary: "Groups the commands that look at how a value is kept.",
    subcommands: [
      {
        name: "ENCODING",
        ...aboutKey,
        since: "2.2.3",
        summary: "Names the encoding that a value is kept in.",
        run: objectEncodingCommand,
      },
      {
        name: "FREQ",
        ...aboutKey,
        since: "4.0.0",
        summary: "Tells the logarithmic access counter of a key.",
        run: objectFreqCommand,
      },
      {
        name: "HELP",
        arity: 2,
        flags: LOADING | STALE,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Lists the subcommands of OBJECT.",
        run: objectHelpCommand,
      },
      {
        name: "IDLETIME",
        ...aboutKey,
        since: "2.2.3",
        summary: "Tells how long ago a key was last accessed, in seconds.",
        run: objectIdletimeCommand,
      },
      {
        name: "REFCOUNT",
        ...aboutKey,
        since: "2.2.3",
        summary: "Tells how many references there are to a value.",
        run: objectRefcountCommand,
      },
    ],
  },
]);

/** The key in argument 2, looked at without leaving a trace; null is sent where there is none. */
function keyOrReply(c: Context): RecordView | undefined {
  const keyspace = c.server.keyspace;
  const found = c.peekKey(2);
  if (found === undefined) {
    keyspace.misses++;
    c.reply.null();
  } else {
    keyspace.hits++;
  }
  return found;
}

// OBJECT ENCODING key
function objectEncodingCommand(c: Context): void {
  const found = keyOrReply(c);
  if (found !== undefined) c.reply.bulkText(encodingName(found));
}

const SWITCHING =
  "Please note that when switching between policies at runtime LRU and LFU data will take some " +
  "time to adjust.";

// OBJECT FREQ key
function objectFreqCommand(c: Context): void {
  const found = keyOrReply(c);
  if (found === undefined) return;
  const { access, pool } = c.server.keyspace;
  if (access.isLfu) return c.reply.integer(access.decayedCounter(accessOf(pool, found.ref)));
  c.reply.error(
    `ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${SWITCHING}`,
  );
}

// OBJECT IDLETIME key
function objectIdletimeCommand(c: Context): void {
  const found = keyOrReply(c);
  if (found === undefined) return;
  const { access, pool } = c.server.keyspace;
  if (!access.isLfu) return c.reply.integer(access.idleSeconds(accessOf(pool, found.ref)));
  c.reply.error(`ERR An LFU maxmemory policy is selected, idle time not tracked. ${SWITCHING}`);
}

/** What Redis answers for the small integers of which it keeps one object each. */
const SHARED_COUNT = 2147483647;
const SHARED_BYTES_MAX = 4;

// OBJECT REFCOUNT key
// Nothing here is shared or counted; the answer is what Redis would count.
function objectRefcountCommand(c: Context): void {
  const found = keyOrReply(c);
  if (found === undefined) return;
  c.reply.integer(isSharedInteger(found) && sharesIntegers(c) ? SHARED_COUNT : 1);
}

/** Whether a value is an integer from 0 to 9999. */
function isSharedInteger(view: RecordView): boolean {
  if (view.type !== STRING || view.valueLength > SHARED_BYTES_MAX) return false;
  return view.bytes[view.valueStart] !== MINUS && encodingName(view) === "int";
}

/** Redis shares no integers once a memory limit needs access times or counters of their own. */
function sharesIntegers(c: Context): boolean {
  const config = c.server.config;
  if (config.integer("maxmemory") === 0) return true;
  const policy = config.text("maxmemory-policy");
  return !policy.endsWith("lru") && !policy.endsWith("lfu");
}

// OBJECT HELP
function objectHelpCommand(c: Context): void {
  replyHelp(c, "OBJECT", [
    ["ENCODING <key>", "Name the encoding that the value is kept in."],
    ["FREQ <key>", "Tell the key's logarithmic access counter."],
    ["IDLETIME <key>", "Tell how long ago the key was last accessed, in seconds."],
    ["REFCOUNT <key>", "Tell how many references there are to the value."],
  ]);
}
