// hot path: no allocation per command
//
// Strings as rows of bits, one at a time or counted: SETBIT, GETBIT, BITCOUNT, BITPOS.

import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  FAST,
  keyAt,
  READONLY,
  RO,
  RW,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_STRING } from "../keyspace/event-classes.ts";
import { CHUNK_SHIFT } from "../memory/pool.ts";
import { bitOf, byteOf, countBitRange, countBits, findBit, NOT_FOUND } from "../structures/bits.ts";
import { type RecordView, STRING } from "../structures/record.ts";
import { key, tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { bitOffsetOrReply, indexOrReply, isBackward, writableString } from "./string-arguments.ts";

const offset: ArgumentSpec = { name: "offset", type: "integer" };
const start: ArgumentSpec = { name: "start", type: "integer" };
const end: ArgumentSpec = { name: "end", type: "integer" };
const unit: ArgumentSpec = {
  name: "unit",
  type: "oneof",
  since: "7.0.0",
  optional: true,
  arguments: tokens("BYTE", "BIT"),
};
const history = [["7.0.0", "Added the `BYTE|BIT` option."]] as const;

export const bitmapCommands = defineFamily("bitmap", [
  {
    name: "SETBIT",
    arity: 4,
    flags: WRITE | DENYOOM,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Sets one bit of a string, which grows as far as that takes, and tells what it was.",
    keys: [keyAt(1, RW | ACCESS | UPDATE)],
    args: [key, offset, { name: "value", type: "integer" }],
    run: setbitCommand,
  },
  {
    name: "GETBIT",
    arity: 3,
    flags: READONLY | FAST,
    since: "2.2.0",
    complexity: "O(1)",
    summary: "Reads one bit of a string; behind its end all are zero.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, offset],
    run: getbitCommand,
  },
  {
    name: "BITCOUNT",
    arity: -2,
    flags: READONLY,
    since: "2.6.0",
    complexity: "O(N)",
    summary: "Counts the bits that are set in a string or in a range of it.",
    history,
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { name: "range", type: "block", optional: true, arguments: [start, end, unit] }],
    run: bitcountCommand,
  },
  {
    name: "BITPOS",
    arity: -3,
    flags: READONLY,
    since: "2.8.7",
    complexity: "O(N)",
    summary: "Finds the first bit of a string, or of a range of it, that is 0 or that is 1.",
    history,
    keys: [keyAt(1, RO | ACCESS)],
    args: [
      key,
      { name: "bit", type: "integer" },
      {
        name: "range",
        type: "block",
        optional: true,
        arguments: [
          start,
          { name: "end-unit-block", type: "block", optional: true, arguments: [end, unit] },
        ],
      },
    ],
    run: bitposCommand,
  },
]);

const BYTE_BITS = 8;

// SETBIT key offset value
function setbitCommand(c: Context): void {
  const offset = bitOffsetOrReply(c, 2, 0);
  if (Number.isNaN(offset)) return;
  const value = c.integer(3);
  if (value !== 0 && value !== 1) {
    return c.reply.error("ERR bit is not an integer or out of range");
  }
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== STRING) return c.reply.wrongType();
  const byte = byteOf(offset);
  const grows = found === undefined || found.valueLength <= byte;
  const { bytes, valueStart } = writableString(c, 1, found, byte + 1);
  const at = valueStart + byte;
  const mask = 0x80 >> bitOf(offset);
  const old = (bytes[at] & mask) !== 0 ? 1 : 0;
  if (old !== value) bytes[at] ^= mask;
  // A bit that was the same already is no change, and not worth a line in the log.
  if (grows || old !== value) {
    c.effects.changed(1);
    c.notify(EVENT_STRING, "setbit", 1);
  }
  c.reply.integer(old);
}

// GETBIT key offset
function getbitCommand(c: Context): void {
  const offset = bitOffsetOrReply(c, 2, 0);
  if (Number.isNaN(offset)) return;
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STRING) return c.reply.wrongType();
  const at = found.valueStart + byteOf(offset);
  const isSet = at < found.valueEnd && (found.bytes[at] & (0x80 >> bitOf(offset))) !== 0;
  c.reply.integer(isSet ? 1 : 0);
}

// BITCOUNT key [start end [BYTE | BIT]]
function bitcountCommand(c: Context): void {
  if (c.count === 2) return countWhole(c);
  if (c.count !== 4 && c.count !== 5) return c.reply.syntaxError();
  const start = indexOrReply(c, 2);
  if (Number.isNaN(start)) return;
  const end = indexOrReply(c, 3);
  if (Number.isNaN(end)) return;
  const inBits = c.count === 5 && c.is(4, "bit");
  if (c.count === 5 && !inBits && !c.is(4, "byte")) return c.reply.syntaxError();
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STRING) return c.reply.wrongType();
  // Before both are clamped to the string: a backward range far before it is still empty.
  if (start < 0 && end < 0 && isBackward(c, 2, start, end)) return c.reply.integer(0);
  const length = found.valueLength * (inBits ? BYTE_BITS : 1);
  const first = start < 0 ? Math.max(0, start + length) : start;
  const last = Math.min(length - 1, end < 0 ? Math.max(0, end + length) : end);
  if (first > last) return c.reply.integer(0);
  const { bytes, valueStart } = found;
  const words = wordsOf(c, found);
  c.reply.integer(
    inBits
      ? countBitRange(bytes, words, valueStart, first, last)
      : countBits(bytes, words, valueStart + first, valueStart + last + 1),
  );
}

function countWhole(c: Context): void {
  const found = c.readKey(1);
  if (found === undefined) return c.reply.integer(0);
  if (found.type !== STRING) return c.reply.wrongType();
  c.reply.integer(countBits(found.bytes, wordsOf(c, found), found.valueStart, found.valueEnd));
}

function wordsOf(c: Context, found: RecordView): Uint32Array {
  return c.server.keyspace.pool.words[found.ref >>> CHUNK_SHIFT];
}

// BITPOS key bit [start [end [BYTE | BIT]]]
function bitposCommand(c: Context): void {
  const bit = indexOrReply(c, 2);
  if (Number.isNaN(bit)) return;
  if (bit !== 0 && bit !== 1) return c.reply.error("ERR The bit argument must be 1 or 0.");
  if (c.count > 6) return c.reply.syntaxError();
  const start = c.count > 3 ? indexOrReply(c, 3) : 0;
  if (Number.isNaN(start)) return;
  const inBits = c.count === 6 && c.is(5, "bit");
  if (c.count === 6 && !inBits && !c.is(5, "byte")) return c.reply.syntaxError();
  const endsGiven = c.count > 4;
  const end = endsGiven ? indexOrReply(c, 4) : -1;
  if (Number.isNaN(end)) return;
  const found = c.readKey(1);
  // A missing key is zeros without end.
  if (found === undefined) return c.reply.integer(bit === 1 ? NOT_FOUND : 0);
  if (found.type !== STRING) return c.reply.wrongType();
  const length = found.valueLength * (inBits ? BYTE_BITS : 1);
  const first = start < 0 ? Math.max(0, start + length) : start;
  const last = Math.min(length - 1, end < 0 ? Math.max(0, end + length) : end);
  if (first > last) return c.reply.integer(NOT_FOUND);
  const scale = inBits ? 1 : BYTE_BITS;
  const lastBit = (last + 1) * scale - 1;
  const words = wordsOf(c, found);
  const place = findBit(found.bytes, words, found.valueStart, first * scale, lastBit, bit);
  // Without an end, the zeros go on behind the string.
  const goesOn = place === NOT_FOUND && bit === 0 && !endsGiven;
  c.reply.integer(goesOn ? lastBit + 1 : place);
}
