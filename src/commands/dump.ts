// DUMP and RESTORE: a value as bytes, and back under any key of any server. Payloads are those of
// Redis; see `persistence/dump-payload.ts`.

import { latin1Bytes } from "../base/text.ts";
import {
  ACCESS,
  ASKING,
  DENYOOM,
  defineFamily,
  keyAt,
  OW,
  READONLY,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC } from "../keyspace/event-classes.ts";
import {
  dumpValue,
  isDumpPayload,
  payloadValues,
  restoreValue,
} from "../persistence/dump-payload.ts";
import { NO_EXPIRY, type RecordView, setAccess } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context, Features } from "./features.ts";

const dumpComplexity =
  "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis " +
  "objects composing the value and M their average size. For small string values the time " +
  "complexity is thus O(1)+O(1*M) where M is small, so simply O(1).";
const restoreComplexity =
  "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N " +
  "is the number of Redis objects composing the value and M their average size. For small string " +
  "values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for " +
  "sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets " +
  "is O(log(N)).";

const restoreFacts = {
  arity: -4,
  complexity: restoreComplexity,
  history: [
    ["3.0.0", "Added the `REPLACE` modifier."],
    ["5.0.0", "Added the `ABSTTL` modifier."],
    ["5.0.0", "Added the `IDLETIME` and `FREQ` options."],
  ],
  categories: ["dangerous"],
  keys: [keyAt(1, OW | UPDATE)],
  args: [
    key,
    { name: "ttl", type: "integer" },
    { name: "serialized-value", type: "string" },
    { name: "replace", type: "pure-token", token: "REPLACE", since: "3.0.0", optional: true },
    { name: "absttl", type: "pure-token", token: "ABSTTL", since: "5.0.0", optional: true },
    { name: "seconds", type: "integer", token: "IDLETIME", since: "5.0.0", optional: true },
    { name: "frequency", type: "integer", token: "FREQ", since: "5.0.0", optional: true },
  ],
  run: restoreCommand,
} as const;

export const dumpCommands = defineFamily<Features>("generic", [
  {
    name: "DUMP",
    arity: 2,
    flags: READONLY,
    since: "2.6.0",
    complexity: dumpComplexity,
    summary: "Returns the value of a key as bytes that RESTORE takes.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: dumpCommand,
  },
  {
    ...restoreFacts,
    name: "RESTORE",
    flags: WRITE | DENYOOM,
    since: "2.6.0",
    summary: "Makes a key of what DUMP returned.",
  },
]);

/** What cluster tools call RESTORE while a hash slot is on its way. */
export const restoreAskingCommands = defineFamily<Features>("server", [
  {
    ...restoreFacts,
    name: "RESTORE-ASKING",
    flags: WRITE | DENYOOM | ASKING,
    since: "3.0.0",
    summary: "Makes a key of what DUMP returned, in a hash slot that is being imported.",
    categories: ["keyspace", "dangerous"],
    docFlags: ["syscmd"],
  },
]);

const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
const NOT_GIVEN = -1;
const INT64_MAX = 2 ** 63;
const FREQUENCY_MAX = 255;

/** What RESTORE's options say. */
interface RestoreOptions {
  replaces: boolean;
  isAbsolute: boolean;
  /** Or NOT_GIVEN. */
  idleSeconds: number;
  frequency: number;
}

// DUMP key
function dumpCommand(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  c.reply.bulkBytes(dumpValue(payloadValues(c.server.keyspace), found));
}

// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
function restoreCommand(c: Context): void {
  const options = optionsOrReply(c);
  if (options === undefined) return;
  const { keyspace } = c.server;
  const exists = c.writeKey(1) !== undefined;
  if (exists && !options.replaces) {
    return c.reply.error("BUSYKEY Target key name already exists.");
  }
  const ttl = ttlOf(c);
  if (Number.isNaN(ttl)) return c.reply.notAnInteger();
  if (ttl < 0) return c.reply.error("ERR Invalid TTL value, must be >= 0");
  const payload = c.copy(3);
  if (!isDumpPayload(payload, 0, payload.length, c.server.debugSettings.skipsChecksums)) {
    return c.reply.error("ERR DUMP payload version or checksum are wrong");
  }
  const expiryMs = expiryOf(c, ttl, options.isAbsolute);
  if (expiryMs !== NO_EXPIRY && expiryMs <= c.nowMs) return restoreExpired(c, payload, exists);
  const staged = stage(c, payload);
  if (staged === undefined) return;
  if (expiryMs !== NO_EXPIRY) keyspace.staging.setExpiry(staged, expiryMs);
  const { access } = keyspace;
  if (options.idleSeconds !== NOT_GIVEN && !access.isLfu) {
    setAccess(keyspace.pool, staged.ref, access.idleFor(options.idleSeconds));
  } else if (options.frequency !== NOT_GIVEN && access.isLfu) {
    setAccess(keyspace.pool, staged.ref, access.withCounter(options.frequency));
  }
  c.db.moveFrom(keyspace.staging, staged, c.bytes, c.start(1), c.end(1), c.hash(1));
  c.effects.changed(1);
  c.notify(EVENT_GENERIC, "restore", 1);
  if (expiryMs !== NO_EXPIRY && !options.isAbsolute) propagateAbsolute(c, expiryMs);
  c.reply.ok();
}

/** The time to live as given, beyond 2^53 rounded; NaN where it is no int64. */
function ttlOf(c: Context): number {
  const ttl = c.integer(2);
  if (!Number.isNaN(ttl)) return ttl;
  const large = c.int64(2);
  return large === undefined ? Number.NaN : Number(large);
}

/** When the key is to expire, or NO_EXPIRY. */
function expiryOf(c: Context, ttl: number, isAbsolute: boolean): number {
  if (ttl === 0) return NO_EXPIRY;
  if (isAbsolute) return ttl;
  return Math.min(ttl + c.nowMs, INT64_MAX);
}

/**
 * Whether Redis would look through the payload's encodings, which INFO counts. Here that is done
 * whatever the configuration and the user's rules say.
 */
function isSanitized(c: Context): boolean {
  const mode = c.server.config.text("sanitize-dump-payload");
  return mode === "yes" || (mode === "clients" && c.client.user.sanitizes);
}

/** Builds the payload's value in the staging database; undefined after an error reply. */
function stage(c: Context, payload: Uint8Array): RecordView | undefined {
  const { keyspace } = c.server;
  const view = keyspace.secondView;
  const key = c.copy(1);
  const count = (encodings: number) => {
    if (isSanitized(c)) c.server.statistics.dumpPayloadSanitizations += encodings;
  };
  if (restoreValue(keyspace, keyspace.staging, view, key, c.hash(1), payload, count)) return view;
  c.reply.error("ERR Bad data format");
  return undefined;
}

/** The time has come already: nothing is stored, and what the key held is gone. */
function restoreExpired(c: Context, payload: Uint8Array, exists: boolean): void {
  const staged = stage(c, payload);
  if (staged === undefined) return;
  c.server.keyspace.staging.deleteView(staged);
  if (exists) {
    c.deleteKey(1);
    c.effects.changed(1);
    c.notify(EVENT_GENERIC, "del", 1);
    const effect = c.effects.replace(2);
    effect.bulkBytes(DEL);
    effect.bulk(c.bytes, c.start(1), c.end(1));
  }
  c.reply.ok();
}

const DEL = latin1Bytes("DEL");
const ABSTTL = latin1Bytes("ABSTTL");

/** Propagates the request with the time at which the key expires. */
function propagateAbsolute(c: Context, expiryMs: number): void {
  if (!c.effects.active) return;
  const effect = c.effects.replace(c.count + 1);
  for (let index = 0; index < c.count; index++) {
    if (index === 2) effect.bulkText(String(expiryMs));
    else effect.bulk(c.bytes, c.start(index), c.end(index));
  }
  effect.bulkBytes(ABSTTL);
}

function optionsOrReply(c: Context): RestoreOptions | undefined {
  const options: RestoreOptions = {
    replaces: false,
    isAbsolute: false,
    idleSeconds: NOT_GIVEN,
    frequency: NOT_GIVEN,
  };
  for (let index = 4; index < c.count; index++) {
    const hasValue = index + 1 < c.count;
    if (c.is(index, "replace")) {
      options.replaces = true;
    } else if (c.is(index, "absttl")) {
      options.isAbsolute = true;
    } else if (c.is(index, "idletime") && hasValue && options.frequency === NOT_GIVEN) {
      const seconds = c.integer(++index);
      if (Number.isNaN(seconds)) return refuse(c, NOT_AN_INTEGER);
      if (seconds < 0) {
        return refuse(c, "ERR Invalid IDLETIME value, must be >= 0");
      }
      options.idleSeconds = seconds;
    } else if (c.is(index, "freq") && hasValue && options.idleSeconds === NOT_GIVEN) {
      const frequency = c.integer(++index);
      if (Number.isNaN(frequency)) return refuse(c, NOT_AN_INTEGER);
      if (frequency < 0 || frequency > FREQUENCY_MAX) {
        return refuse(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
      options.frequency = frequency;
    } else {
      return refuse(c, "ERR syntax error");
    }
  }
  return options;
}

/** Sends an error in place of options. */
function refuse(c: Context, error: string): undefined {
  c.reply.error(error);
  return undefined;
}
