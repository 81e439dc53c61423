// hot path: no allocation per command
//
// Replies that stream commands share: IDs, entries, counters, and the errors for groups.

import { CR, DOLLAR, LF, MINUS, NINE, ZERO } from "../base/ascii.ts";
import { INT64_TEXT_MAX, type Int64 } from "../base/int64.ts";
import { latin1Text } from "../base/text.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { Entry } from "../structures/listpack.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamCursor } from "../structures/stream-cursor.ts";
import { ID_TEXT_BYTES_MAX, StreamId, writeUint64 } from "../structures/stream-id.ts";
import type { Context } from "./features.ts";

// The ID written last, as the whole reply: "$15\r\n1700000000000-5\r\n". Neighbours mostly share
// their time, whose dozen digits cost more than all the rest, and often follow each other.
const HEADER_BYTES_MAX = 5;
const idFrame = new Uint8Array(HEADER_BYTES_MAX + ID_TEXT_BYTES_MAX + 2);
const framed = new StreamId();
let frameStart = 0;
let frameEnd = 0;
let sequenceAt = 0;

const element = new Entry();

/** An ID as a bulk string; serves for replies and effects. */
export function replyId(reply: ReplyWriter, id: StreamId): void {
  const isSuccessor =
    id.seqLow === framed.seqLow + 1 && id.seqHigh === framed.seqHigh && id.sharesTime(framed);
  if (isSuccessor && frameEnd > 0 && idFrame[frameEnd - 3] !== NINE) {
    idFrame[frameEnd - 3]++;
    framed.seqLow = id.seqLow;
  } else if (frameEnd === 0 || id.compare(framed) !== 0) {
    frameId(id);
  }
  reply.rawRange(idFrame, frameStart, frameEnd);
}

/** Writes an ID to the frame. */
function frameId(id: StreamId): void {
  if (frameEnd === 0 || !id.sharesTime(framed)) {
    sequenceAt = writeUint64(idFrame, HEADER_BYTES_MAX, id.msHigh, id.msLow) + 1;
    idFrame[sequenceAt - 1] = MINUS;
  }
  let at = writeUint64(idFrame, sequenceAt, id.seqHigh, id.seqLow);
  const length = at - HEADER_BYTES_MAX;
  idFrame[at++] = CR;
  idFrame[at++] = LF;
  frameEnd = at;
  framed.copy(id);
  at = HEADER_BYTES_MAX;
  idFrame[--at] = LF;
  idFrame[--at] = CR;
  idFrame[--at] = ZERO + (length % 10);
  if (length >= 10) idFrame[--at] = ZERO + ((length / 10) | 0);
  idFrame[--at] = DOLLAR;
  frameStart = at;
}

const counterText = new Uint8Array(INT64_TEXT_MAX);

/** An integer of 64 bits as an integer reply. */
export function replyInt64(reply: ReplyWriter, value: Int64): void {
  if (value.isSafe) reply.integer(value.number);
  else replyLargeInt64(reply, value);
}

/** Cold: a counter beyond 2^53. */
function replyLargeInt64(reply: ReplyWriter, value: Int64): void {
  reply.integer64((BigInt(value.high) << 32n) | BigInt(value.low));
}

/** An integer of 64 bits as a bulk string. */
export function bulkInt64(reply: ReplyWriter, value: Int64): void {
  reply.bulk(counterText, 0, value.writeText(counterText, 0));
}

/** The entry that a cursor stands at: its ID, then its fields and values. */
export function replyEntry(reply: ReplyWriter, cursor: StreamCursor): void {
  reply.array(2);
  replyId(reply, cursor.id);
  const count = cursor.fieldCount;
  reply.array(count * 2);
  const bytes = cursor.bytes;
  let field = cursor.fieldAt;
  let value = cursor.valueAt;
  const isSplit = cursor.isSplit;
  for (let k = 0; k < count; k++) {
    if (!isSplit && k > 0) field = value;
    const afterField = element.load(bytes, field);
    reply.bulk(element.bytes, element.start, element.end);
    if (isSplit) field = afterField;
    else value = afterField;
    value = element.load(bytes, value);
    reply.bulk(element.bytes, element.start, element.end);
  }
}

/** For use within one call. */
const cursor = new StreamCursor();

/**
 * Replies with an array of up to `count` entries in [from, to], 0 being no limit. Returns how many.
 */
export function replyRange(
  c: Context,
  stream: Stream,
  from: StreamId,
  to: StreamId,
  count: number,
  isBackwards: boolean,
): number {
  const reply = c.reply;
  const mark = reply.openArray(expectedCount(stream, count));
  if (isBackwards) cursor.startBackwards(stream, from, to);
  else cursor.start(stream, from, to);
  let entries = 0;
  while ((count === 0 || entries < count) && cursor.next()) {
    replyEntry(reply, cursor);
    entries++;
  }
  reply.closeArray(mark, entries);
  return entries;
}

/** How many entries a reply that is limited to `count`, 0 being no limit, may have. */
export function expectedCount(stream: Stream, count: number): number {
  return count === 0 ? stream.size : Math.min(count, stream.size);
}

/** Replies with the entry of an ID; false, and no reply, where there is none. */
export function replyEntryOf(c: Context, stream: Stream, id: StreamId): boolean {
  cursor.start(stream, id, id);
  if (!cursor.next()) return false;
  replyEntry(c.reply, cursor);
  return true;
}

/** Whether a stream has an entry with this ID. */
export function hasEntry(stream: Stream, id: StreamId): boolean {
  cursor.start(stream, id, id);
  return cursor.next();
}

/** Cold: an argument as Redis's error texts show it, up to a zero byte. */
export function shownArgument(c: Context, index: number): string {
  let end = c.start(index);
  while (end < c.end(index) && c.bytes[end] !== 0) end++;
  return latin1Text(c.bytes, c.start(index), end);
}

/** Cold: the key does not exist, or has no such group. */
export function replyNoKeyOrGroup(c: Context, keyIndex: number, groupIndex: number): void {
  const [key, group] = [shownArgument(c, keyIndex), shownArgument(c, groupIndex)];
  c.reply.error(`NOGROUP No such key '${key}' or consumer group '${group}'`);
}

/** Cold: the stream has no such group. */
export function replyNoGroup(c: Context, keyIndex: number, groupIndex: number): void {
  const [key, group] = [shownArgument(c, keyIndex), shownArgument(c, groupIndex)];
  c.reply.error(`NOGROUP No such consumer group '${group}' for key name '${key}'`);
}

/** Cold: as `replyNoKeyOrGroup`, of XREADGROUP. */
export function replyNoGroupToRead(c: Context, keyIndex: number, groupIndex: number): void {
  const [key, group] = [shownArgument(c, keyIndex), shownArgument(c, groupIndex)];
  c.reply.error(
    `NOGROUP No such key '${key}' or consumer group '${group}' in XREADGROUP with GROUP option`,
  );
}
