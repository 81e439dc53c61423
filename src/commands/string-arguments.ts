// hot path: no allocation per command
//
// Arguments and limits that commands on parts of strings share: offsets, and how long a string may
// become.

import { NUMBER_SIGN, parseInt64, parseInteger } from "../base/ascii.ts";
import { ENCODING_RAW, type RecordView, STRING, setEncoding } from "../structures/record.ts";
import type { Context } from "./features.ts";

/** The lowest that proto-max-bulk-len can be set to; shorter strings need not ask for it. */
const BULK_LENGTH_LIMIT_MIN = 1 << 20;

/** Whether a string of this length would be longer than any may be. */
function exceedsBulkLimit(c: Context, length: number): boolean {
  if (length <= BULK_LENGTH_LIMIT_MIN) return false;
  // What a log says has been checked where it was first said.
  return length > c.server.config.integer("proto-max-bulk-len") && !c.server.keyspace.isLoading;
}

/** Whether a string would be longer than any may be; the error has been sent then. */
export function repliedTooLong(c: Context, length: number): boolean {
  if (!exceedsBulkLimit(c, length)) return false;
  c.reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return true;
}

/**
 * An argument as the number of a bit that a string may have, in units of `unit` bits after a "#"
 * where `unit` is not 0; NaN after the error.
 */
export function bitOffsetOrReply(c: Context, index: number, unit: number): number {
  const start = c.start(index);
  const isScaled = unit > 0 && c.length(index) > 0 && c.bytes[start] === NUMBER_SIGN;
  let offset = isScaled ? parseInteger(c.bytes, start + 1, c.end(index)) * unit : c.integer(index);
  if (isScaled && !Number.isSafeInteger(offset)) offset = wrappedOffset(c, index, unit);
  // Also false for a NaN. Offsets beyond 2^53 are far beyond any limit.
  const isInRange = offset >= 0 && !exceedsBulkLimit(c, Math.floor(offset / 8) + 1);
  if (isInRange) return offset;
  c.reply.error("ERR bit offset is not an integer or out of range");
  return Number.NaN;
}

/** Cold: Redis multiplies in 64 bits and does not ask whether the product fits. */
function wrappedOffset(c: Context, index: number, unit: number): number {
  const count = parseInt64(c.bytes, c.start(index) + 1, c.end(index));
  if (count === undefined) return Number.NaN;
  return Number(BigInt.asIntN(64, count * BigInt(unit)));
}

/**
 * Cold beyond 2^53: an int64 argument clamped to the safe integers, which no string's length comes
 * near; NaN after the out-of-range error.
 */
export function indexOrReply(c: Context, index: number): number {
  const value = c.integer(index);
  if (!Number.isNaN(value)) return value;
  const large = c.int64(index);
  if (large === undefined) {
    c.reply.notAnInteger();
    return value;
  }
  return large < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

/**
 * Whether argument `index` is larger than the one behind it, given both as `indexOrReply` has
 * clamped them.
 */
export function isBackward(c: Context, index: number, first: number, last: number): boolean {
  if (first !== last || first !== Number.MIN_SAFE_INTEGER) return first > last;
  const exactFirst = c.int64(index);
  const exactLast = c.int64(index + 1);
  return exactFirst !== undefined && exactLast !== undefined && exactFirst > exactLast;
}

/**
 * The string at a key, made `length` bytes long if it is shorter or missing, to be written to in
 * place: raw from now on. `found` is what `writeKey` said of the key.
 */
export function writableString(
  c: Context,
  index: number,
  found: RecordView | undefined,
  length: number,
): RecordView {
  if (found === undefined) {
    const created = c.createValue(index, STRING, ENCODING_RAW, length);
    created.bytes.fill(0, created.valueStart, created.valueEnd);
    return created;
  }
  if (found.valueLength < length) c.db.resizeString(found, length);
  else if (found.encoding !== ENCODING_RAW) {
    setEncoding(c.server.keyspace.pool, found.ref, ENCODING_RAW);
  }
  return found;
}

/**
 * Cold: propagates the request where something has changed that Redis counts as no change and
 * leaves out of its log; what is there must be there after a restart.
 */
export function propagateUncounted(c: Context): void {
  const effect = c.effects.replace(c.count);
  for (let index = 0; index < c.count; index++) {
    effect.bulk(c.bytes, c.start(index), c.end(index));
  }
}
