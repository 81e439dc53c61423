// hot path: no allocation per command
//
// Listpack entries as bulk strings, written straight from the pool into the reply: room is made
// once for a whole run of entries.

import { CR, DOLLAR, LF, writeInteger, ZERO } from "../base/ascii.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { Entry } from "./listpack.ts";

/** What an entry's reply may have more than the entry: `$20\r\n`, an int64's 20 digits, CR LF. */
const REPLY_OVERHEAD = 27;
/** First bytes of strings up to 63 bytes: 10, then the length. */
const SHORT_STRING = 0x80;
const SHORT_STRING_END = 0xc0;
const SHORT_LENGTH_MASK = 0x3f;

/** Shorter elements are copied byte by byte, others four bytes at a time. */
const WORDS_MIN = 12;
/** Larger reply buffers are not kept for long; a view would keep them. */
const VIEWED_BYTES_MAX = 1 << 21;

const entry = new Entry();

// The newest views: making one costs as much as copying an element.
let sourceBytes: Uint8Array = new Uint8Array(0);
let sourceView: DataView = new DataView(sourceBytes.buffer);
let targetBytes = sourceBytes;
let targetView = sourceView;

function viewSource(bytes: Uint8Array): void {
  // alloc: one view per chunk that elements are read from
  sourceView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  sourceBytes = bytes;
}

function viewTarget(bytes: Uint8Array): void {
  // alloc: one view per reply buffer
  targetView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  targetBytes = bytes;
}

/** Writes `count` entries from `at` on, all of which end by `end`. Returns the offset behind. */
export function replyEntries(
  reply: ReplyWriter,
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
): number {
  reply.reserve(end - at + count * REPLY_OVERHEAD);
  const target = reply.buffer;
  let out = reply.length;
  let cursor = at;
  for (let k = 0; k < count; k++) {
    const first = bytes[cursor];
    target[out] = DOLLAR;
    if (first >= SHORT_STRING && first < SHORT_STRING_END) {
      const length = first & SHORT_LENGTH_MASK;
      if (length < 10) {
        target[out + 1] = ZERO + length;
        out += 2;
      } else {
        // A tenth, exact for what six bits hold.
        const tens = (length * 205) >>> 11;
        target[out + 1] = ZERO + tens;
        target[out + 2] = ZERO + length - tens * 10;
        out += 3;
      }
      target[out] = CR;
      target[out + 1] = LF;
      out += 2;
      cursor++;
      let byte = 0;
      if (length >= WORDS_MIN && target.length <= VIEWED_BYTES_MAX) {
        if (bytes !== sourceBytes) viewSource(bytes);
        if (target !== targetBytes) viewTarget(target);
        for (; byte + 4 <= length; byte += 4) {
          targetView.setInt32(out + byte, sourceView.getInt32(cursor + byte, true), true);
        }
      }
      for (; byte < length; byte++) target[out + byte] = bytes[cursor + byte];
      out += length;
      // Behind a string that short stands one byte of its size.
      cursor += length + 1;
    } else {
      cursor = entry.load(bytes, cursor);
      const { start, length } = entry;
      const text = entry.bytes;
      out = writeInteger(target, out + 1, length);
      target[out] = CR;
      target[out + 1] = LF;
      out += 2;
      if (length > 48) {
        // alloc: a view for a long element
        target.set(text.subarray(start, start + length), out);
      } else {
        for (let byte = 0; byte < length; byte++) target[out + byte] = text[start + byte];
      }
      out += length;
    }
    target[out] = CR;
    target[out + 1] = LF;
    out += 2;
  }
  reply.length = out;
  return cursor;
}

/** Writes one entry. Returns the offset behind it. */
export function replyEntry(reply: ReplyWriter, bytes: Uint8Array, at: number): number {
  const next = entry.load(bytes, at);
  reply.bulk(entry.bytes, entry.start, entry.end);
  return next;
}
