// DEBUG's subcommands that look at keys or make them.

import { parseInteger } from "../base/ascii.ts";
import { LOG_NOTICE } from "../base/log.ts";
import { latin1Bytes, latin1Text } from "../base/text.ts";
import { encodingName } from "../keyspace/encoding.ts";
import { quicklistOf } from "../keyspace/list-value.ts";
import * as listpack from "../structures/listpack.ts";
import {
  accessOf,
  CONTAINER,
  HASH,
  LIST,
  NO_EXPIRY,
  type RecordView,
  SET,
  STRING,
  ZSET,
} from "../structures/record.ts";
import { datasetDigest, valueDigest } from "./dataset-digest.ts";
import type { Context } from "./features.ts";

const SHORT_INTEGER_BYTES_MAX = 11;
/** Elements that the size of a container is estimated from. */
const SAMPLES = 5;
/** Characters of an element that are printed. */
const SHOWN = 40;
/** Types that find their elements through a hash table once they are large. */
const HASHED_TYPES: ReadonlySet<number> = new Set([SET, HASH, ZSET]);

/** Looks up an argument as a key without counting it as an access. */
function peek(c: Context, index: number): RecordView | undefined {
  const { view } = c.server.keyspace;
  return c.db.peek(view, c.bytes, c.start(index), c.end(index), c.hash(index));
}

// DEBUG DIGEST
export function debugDigest(c: Context): void {
  c.reply.simple(datasetDigest(c));
}

// DEBUG DIGEST-VALUE [key ...]
export function debugDigestValue(c: Context): void {
  c.reply.array(c.count - 2);
  for (let index = 2; index < c.count; index++) c.reply.simple(valueDigest(c.db, peek(c, index)));
}

// DEBUG HTSTATS dbid [FULL]
export function debugHashTable(c: Context): void {
  const index = c.int64(2);
  if (index === undefined) return c.reply.notAnInteger();
  const db = c.server.keyspace.databases[Number(index)];
  if (db === undefined) return c.reply.error("ERR Out of range database");
  let text = "[Dictionary HT]\n";
  if (db.size > 0) {
    text +=
      "Hash table 0 stats (main hash table):\n" +
      ` number of segments: ${db.table.segmentCount}\n` +
      ` number of elements: ${db.size}\n`;
  }
  text += "[Expires HT]\n";
  if (db.volatileCount > 0) text += ` number of elements: ${db.volatileCount}\n`;
  c.reply.verbatim("txt", text);
}

// DEBUG OBJECT key
export function debugObject(c: Context): void {
  const view = peekOrReply(c);
  if (view === undefined) return;
  const { keyspace } = c.server;
  const access = accessOf(keyspace.pool, view.ref);
  c.reply.simple(
    `Value at:0x${view.ref.toString(16).padStart(8, "0")} refcount:1 ` +
      `encoding:${encodingName(view)} serializedlength:${serializedLength(c, view)} ` +
      `lru:${access} lru_seconds_idle:${keyspace.access.idleSeconds(access)}` +
      nodeDetails(c, view),
  );
}

/** What there is to say about the nodes of a large list. */
function nodeDetails(c: Context, view: RecordView): string {
  const list = view.type === LIST ? quicklistOf(c.db, view) : undefined;
  if (list === undefined) return "";
  const { size, fill, nodes } = list;
  return (
    ` ql_nodes:${nodes.count} ql_avg_node:${hundredths(size / nodes.count)} ` +
    `ql_listpack_max:${fill} ql_compressed:${list.asksForCompression ? 1 : 0} ` +
    `ql_uncompressed_size:${list.listpackBytes()}`
  );
}

/** Two decimals as C prints them: a tie goes to the even digit. */
function hundredths(value: number): string {
  const below = Math.floor(value * 100);
  // Of all ties only odd eighths are ties as doubles.
  const isTie = (value * 8) % 2 === 1;
  return isTie && below % 2 === 0 ? (below / 100).toFixed(2) : value.toFixed(2);
}

/** Bytes of the value in a dump file that is not compressed; of a container about. */
function serializedLength(c: Context, view: RecordView): number {
  if (view.encoding === CONTAINER) return c.db.containerOf(view).memoryUsage(SAMPLES);
  if (view.type === STRING) return stringLength(view);
  // The only part of a list says that it is one, and of which form.
  return packedLength(view.valueLength) + (view.type === LIST ? 2 : 0);
}

/** Bytes of a string in a dump file. */
function stringLength(view: RecordView): number {
  const length = view.valueLength;
  if (length <= SHORT_INTEGER_BYTES_MAX) {
    // Short integers are written as such, behind one byte that tells their size.
    const value = parseInteger(view.bytes, view.valueStart, view.valueEnd);
    if (value === (value << 24) >> 24) return 2;
    if (value === (value << 16) >> 16) return 3;
    if (value === (value | 0)) return 5;
  }
  return packedLength(length);
}

/** Bytes with their length in front. */
function packedLength(length: number): number {
  if (length < 1 << 6) return length + 1;
  return length < 1 << 14 ? length + 2 : length + 5;
}

// DEBUG LISTPACK key
export function debugListpack(c: Context): void {
  const view = peekOrReply(c);
  if (view === undefined) return;
  if (!/^listpack/.test(encodingName(view))) {
    return c.reply.error("ERR Not a listpack encoded object.");
  }
  const { bytes, valueStart } = view;
  const entry = new listpack.Entry();
  const lines = [`listpack of ${listpack.totalBytes(bytes, valueStart)} bytes`];
  for (let at = listpack.firstEntry(valueStart); bytes[at] !== listpack.TERMINATOR; ) {
    const from = at;
    at = entry.load(bytes, at);
    const text = latin1Text(entry.bytes, entry.start, Math.min(entry.end, entry.start + SHOWN));
    const kind = entry.isInteger ? "integer" : `${entry.length} bytes`;
    lines.push(` at ${from - valueStart}: ${kind}: ${JSON.stringify(text)}`);
  }
  c.server.logger.log(LOG_NOTICE, lines.join("\n"));
  c.reply.simple("Listpack structure printed on stdout");
}

// DEBUG QUICKLIST key [0 | 1]
export function debugQuicklist(c: Context): void {
  const view = peekOrReply(c);
  if (view === undefined) return;
  if (encodingName(view) !== "quicklist") {
    return c.reply.error("ERR Not a quicklist encoded object.");
  }
  const list = c.db.containerOf(view);
  const bytes = list.memoryUsage(0);
  c.server.logger.log(LOG_NOTICE, `quicklist of ${list.size} elements in ${bytes} bytes`);
  c.reply.simple("Quicklist structure printed on stdout");
}

// DEBUG HTSTATS-KEY key [FULL]
export function debugKeyHashTable(c: Context): void {
  const view = peekOrReply(c);
  if (view === undefined) return;
  if (view.encoding !== CONTAINER || !HASHED_TYPES.has(view.type)) {
    return c.reply.error(
      "ERR The value stored at the specified key is not represented using an hash table",
    );
  }
  const { size } = c.db.containerOf(view);
  c.reply.verbatim("txt", `Hash table 0 stats (main hash table):\n number of elements: ${size}\n`);
}

// DEBUG SDSLEN key
export function debugStringLength(c: Context): void {
  const view = peekOrReply(c);
  if (view === undefined) return;
  const name = encodingName(view);
  if (name !== "raw" && name !== "embstr") return c.reply.error("ERR Not an sds encoded string.");
  const bytes = c.db.memoryUsage(view, 0);
  c.reply.simple(
    `key_sds_len:${view.keyLength}, key_sds_avail:0, key_zmalloc: 0, ` +
      `val_sds_len:${view.valueLength}, val_sds_avail:0, val_zmalloc: ${bytes}`,
  );
}

/** The key in argument 2; undefined after an error reply where there is none. */
function peekOrReply(c: Context): RecordView | undefined {
  const view = peek(c, 2);
  if (view === undefined) c.reply.error("ERR no such key");
  return view;
}

// DEBUG POPULATE count [prefix [size]]
export function debugPopulate(c: Context): void {
  const count = naturalOrReply(c, 2);
  if (Number.isNaN(count)) return;
  const size = c.count > 4 ? naturalOrReply(c, 4) : 0;
  if (Number.isNaN(size)) return;
  const prefix = c.count > 3 ? c.latin1(3) : "key";
  const { keyspace } = c.server;
  for (let number = 0; number < count; number++) {
    const key = latin1Bytes(`${prefix}:${number}`);
    const hash = keyspace.hash(key, 0, key.length);
    if (c.db.peek(keyspace.view, key, 0, key.length, hash) !== undefined) continue;
    let value = latin1Bytes(`value:${number}`);
    if (size > 0) {
      const padded = new Uint8Array(size);
      padded.set(value.subarray(0, size));
      value = padded;
    }
    c.db.setString(key, 0, key.length, hash, value, 0, value.length, NO_EXPIRY);
  }
  c.reply.ok();
}

/** An argument as a number from 0 on; NaN after an error reply. */
function naturalOrReply(c: Context, index: number): number {
  const value = c.integer(index);
  if (value >= 0) return value;
  c.reply.error("ERR value is out of range, must be positive");
  return Number.NaN;
}
