// HRANDFIELD: random fields of a hash, each as likely as any other.
//
// Fields whose time has come are deleted first, so that those left can be drawn from as they are.
// Where nothing may be deleted, as on a replica, they are drawn from with the rest.

import { randomBelow } from "../base/random.ts";
import { ACCESS, defineFamily, keyAt, READONLY, RO } from "../command/spec.ts";
import { EMPTIED, expireFields, hasDueFields, MORE } from "../keyspace/field-expiry.ts";
import { fieldEntries } from "../keyspace/hash-pack.ts";
import { Entry, firstEntry, nextEntry, skipEntries, TERMINATOR } from "../structures/listpack.ts";
import type { MemberTable } from "../structures/member-table.ts";
import { CONTAINER, HASH, type RecordView } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import { drawCountOrReply } from "./draw-count.ts";
import type { Context, Features } from "./features.ts";

export const hashRandomCommands = defineFamily<Features>("hash", [
  {
    name: "HRANDFIELD",
    arity: -2,
    flags: READONLY,
    since: "6.2.0",
    complexity: "O(N) where N is the number of fields returned",
    summary: "Draws random fields from a hash.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      {
        name: "options",
        type: "block",
        optional: true,
        arguments: [
          { name: "count", type: "integer" },
          { name: "withvalues", type: "pure-token", token: "WITHVALUES", optional: true },
        ],
      },
    ],
    run: hrandfieldCommand,
  },
]);

const OUT_OF_RANGE = "ERR value is out of range";
/** A reply of repeated fields longer than this is refused, since nobody could send it. */
const REPLY_BYTES_MAX = 2 ** 30;
/** What a field takes in a reply at least. */
const REPLY_FIELD_BYTES = 7;

// HRANDFIELD key [count [WITHVALUES]]
function hrandfieldCommand(c: Context): void {
  if (c.count === 2) return replyOne(c);
  const count = drawCountOrReply(c, "withvalues");
  if (Number.isNaN(count)) return;
  const withValues = c.count > 3;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.array(0);
  if (found.type !== HASH) return c.reply.wrongType();
  if (count === 0 || !expireDue(c, found)) return c.reply.array(0);
  if (count < 0) replyWithRepeats(c, found, -count, withValues);
  else replyDistinct(c, found, count, withValues);
}

/** One field, without a count. */
function replyOne(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.null();
  if (found.type !== HASH) return c.reply.wrongType();
  if (!expireDue(c, found)) return c.reply.null();
  const { hashes, random } = c.server.keyspace;
  if (found.encoding === CONTAINER) {
    const table = hashes.tableOf(c.db, found);
    return replyMember(c, table, table.random(), false);
  }
  const index = randomBelow(random, hashes.count(c.db, found));
  const first = firstEntry(found.valueStart);
  replyEntry(c, found, skipEntries(found.bytes, first, index * fieldEntries(found)), false);
}

/** Deletes the fields that are due; false where none was left, and the key is gone. */
function expireDue(c: Context, found: RecordView): boolean {
  const { keyspace } = c.server;
  if (keyspace.isLoading || keyspace.hidesExpired) return true;
  if (!hasDueFields(keyspace, c.db, found)) return true;
  let step = MORE as number;
  while (step === MORE) step = expireFields(keyspace, c.db, found, () => {});
  return step !== EMPTIED;
}

/** Draws `count` times from all fields. */
function replyWithRepeats(c: Context, found: RecordView, count: number, values: boolean): void {
  const { reply } = c;
  if (count * REPLY_FIELD_BYTES > REPLY_BYTES_MAX) return reply.error(OUT_OF_RANGE);
  const mark = reply.length;
  replyHeader(c, count, values);
  const { hashes, random } = c.server.keyspace;
  const isTable = found.encoding === CONTAINER;
  const offsets = isTable ? [] : fieldOffsets(found);
  for (let k = 0; k < count; k++) {
    if (isTable) {
      const table = hashes.tableOf(c.db, found);
      replyMember(c, table, table.random(), values);
    } else {
      replyEntry(c, found, offsets[randomBelow(random, offsets.length)], values);
    }
    if (reply.length - mark < REPLY_BYTES_MAX) continue;
    reply.length = mark;
    return reply.error(OUT_OF_RANGE);
  }
}

/** Draws `count` different fields, or all of them. */
function replyDistinct(c: Context, found: RecordView, count: number, values: boolean): void {
  const { hashes, random } = c.server.keyspace;
  const total = hashes.count(c.db, found);
  let wanted = Math.min(count, total);
  replyHeader(c, wanted, values);
  if (found.encoding === CONTAINER) {
    const table = hashes.tableOf(c.db, found);
    return table.randomDistinct(wanted, (ref) => replyMember(c, table, ref, values));
  }
  const offsets = fieldOffsets(found);
  // One pass: a field is taken with the share of those wanted in those left.
  for (let k = 0; wanted > 0; k++) {
    if (randomBelow(random, total - k) >= wanted) continue;
    wanted--;
    replyEntry(c, found, offsets[k], values);
  }
}

/** RESP3 has a pair of its own for each field with its value. */
function replyHeader(c: Context, count: number, values: boolean): void {
  c.reply.array(values && c.reply.protocol === 2 ? count * 2 : count);
}

/** Where the fields of a hash in place begin. */
function fieldOffsets(found: RecordView): number[] {
  const offsets: number[] = [];
  const step = fieldEntries(found);
  const pack = found.bytes;
  for (let at = firstEntry(found.valueStart); pack[at] !== TERMINATOR; ) {
    offsets.push(at);
    at = skipEntries(pack, at, step);
  }
  return offsets;
}

const entry = new Entry();

function replyEntry(c: Context, found: RecordView, at: number, withValue: boolean): void {
  if (withValue && c.reply.protocol === 3) c.reply.array(2);
  entry.load(found.bytes, at);
  c.reply.bulk(entry.bytes, entry.start, entry.end);
  if (!withValue) return;
  entry.load(found.bytes, nextEntry(found.bytes, at));
  c.reply.bulk(entry.bytes, entry.start, entry.end);
}

function replyMember(c: Context, table: MemberTable, ref: number, withValue: boolean): void {
  if (withValue && c.reply.protocol === 3) c.reply.array(2);
  const member = table.load(ref);
  c.reply.bulk(member.bytes, member.keyStart, member.keyEnd);
  if (withValue) c.reply.bulk(member.bytes, member.valueStart, member.valueEnd);
}
