// hot path: no allocation per command
//
// BITOP: strings combined bit by bit. The sources are taken a block at a time into aligned buffers,
// combined there word by word, and the result is put together aside, because the destination may be
// one of the sources.

import { copyBytes } from "../base/ascii.ts";
import {
  ACCESS,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  keyAt,
  keyRange,
  OW,
  RO,
  UPDATE,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_STRING } from "../keyspace/event-classes.ts";
import { CHUNK_SHIFT } from "../memory/pool.ts";
import {
  AND,
  ANDOR,
  combineWords,
  DIFF,
  DIFF1,
  finishWords,
  NOT,
  ONE,
  OR,
  XOR,
} from "../structures/bits.ts";
import { ENCODING_RAW, NO_EXPIRY, STRING, setEncoding } from "../structures/record.ts";
import { sourceKeys } from "./argument-specs.ts";
import type { Context } from "./features.ts";

function operation(name: string, since?: string): ArgumentSpec {
  return { name, type: "pure-token", token: name.toUpperCase(), since };
}

export const bitmapOperationCommands = defineFamily("bitmap", [
  {
    name: "BITOP",
    arity: -4,
    flags: WRITE | DENYOOM,
    since: "2.6.0",
    complexity: "O(N)",
    summary: "Combines strings bit by bit and stores the result.",
    keys: [keyAt(2, OW | UPDATE), keyRange(3, -1, 1, RO | ACCESS)],
    args: [
      {
        name: "operation",
        type: "oneof",
        arguments: [
          operation("and"),
          operation("or"),
          operation("xor"),
          operation("not"),
          operation("diff", "8.2.0"),
          operation("diff1", "8.2.0"),
          operation("andor", "8.2.0"),
          operation("one", "8.2.0"),
        ],
      },
      { name: "destkey", type: "key", keySpecIndex: 0 },
      sourceKeys,
    ],
    run: bitopCommand,
  },
]);

const NO_OPERATION = -1;
const FIRST_SOURCE = 3;

const BLOCK_WORDS = 2048;
const BLOCK_BYTES = BLOCK_WORDS * 4;
const accumulator = new Int32Array(BLOCK_WORDS);
const accumulatorBytes = new Uint8Array(accumulator.buffer);
const seen = new Int32Array(BLOCK_WORDS);
const next = new Int32Array(BLOCK_WORDS);
const nextBytes = new Uint8Array(next.buffer);

/** The result, where it is no longer than one block. */
const shortResult = new Uint8Array(BLOCK_BYTES);

/** Where the sources lie: ref, start and end of each one, all zero for a missing key. */
let sources = new Float64Array(3 * 16);

// BITOP AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE destkey key [key ...]
function bitopCommand(c: Context): void {
  const operation = operationAt(c);
  if (operation === NO_OPERATION) return c.reply.syntaxError();
  if (operation === NOT && c.count !== 4) {
    return c.reply.error("ERR BITOP NOT must be called with a single source key.");
  }
  if ((operation === DIFF || operation === DIFF1 || operation === ANDOR) && c.count < 5) {
    const name = operation === DIFF ? "DIFF" : operation === DIFF1 ? "DIFF1" : "ANDOR";
    return c.reply.error(
      // alloc: errors only
      `ERR BITOP ${name} must be called with at least two source keys.`,
    );
  }
  const length = findSources(c);
  if (length < 0) return c.reply.wrongType();
  if (length === 0) {
    if (c.deleteKey(2)) {
      c.effects.changed(1);
      c.notify(EVENT_GENERIC, "del", 2);
    }
    return c.reply.integer(0);
  }
  // alloc: for results longer than a block
  const result = length <= BLOCK_BYTES ? shortResult : new Uint8Array(length);
  for (let from = 0; from < length; from += BLOCK_BYTES) {
    combineBlock(c, operation, result, from, Math.min(BLOCK_BYTES, length - from));
  }
  const { bytes } = c;
  const start = c.start(2);
  const end = c.end(2);
  const ref = c.db.setString(bytes, start, end, c.hash(2), result, 0, length, NO_EXPIRY);
  setEncoding(c.server.keyspace.pool, ref, ENCODING_RAW);
  c.effects.changed(1);
  c.notify(EVENT_STRING, "set", 2);
  c.reply.integer(length);
}

function operationAt(c: Context): number {
  if (c.is(1, "and")) return AND;
  if (c.is(1, "or")) return OR;
  if (c.is(1, "xor")) return XOR;
  if (c.is(1, "not")) return NOT;
  if (c.is(1, "diff")) return DIFF;
  if (c.is(1, "diff1")) return DIFF1;
  if (c.is(1, "andor")) return ANDOR;
  return c.is(1, "one") ? ONE : NO_OPERATION;
}

/** Fills `sources`; returns the length of the longest one, or -1 where one is no string. */
function findSources(c: Context): number {
  const count = c.count - FIRST_SOURCE;
  // alloc: once for the largest number of keys
  if (sources.length < count * 3) sources = new Float64Array(count * 6);
  let length = 0;
  for (let k = 0; k < count; k++) {
    const found = c.readKey(FIRST_SOURCE + k);
    if (found !== undefined && found.type !== STRING) return -1;
    sources[k * 3] = found === undefined ? 0 : found.ref;
    sources[k * 3 + 1] = found === undefined ? 0 : found.valueStart;
    sources[k * 3 + 2] = found === undefined ? 0 : found.valueEnd;
    if (found !== undefined) length = Math.max(length, found.valueLength);
  }
  return length;
}

/** Puts bytes [from, from + length) of the result together. */
function combineBlock(
  c: Context,
  operation: number,
  result: Uint8Array,
  from: number,
  length: number,
): void {
  const count = c.count - FIRST_SOURCE;
  const words = (length + 3) >>> 2;
  loadBlock(c, 0, accumulatorBytes, from, length);
  if (operation >= DIFF) seen.fill(0, 0, words);
  for (let source = 1; source < count; source++) {
    loadBlock(c, source, nextBytes, from, length);
    combineWords(operation, accumulator, seen, next, words);
  }
  finishWords(operation, accumulator, seen, words);
  copyBytes(result, from, accumulatorBytes, 0, length);
}

/** Copies a block of a source, with zero bytes behind its end. */
function loadBlock(
  c: Context,
  source: number,
  target: Uint8Array,
  from: number,
  length: number,
): void {
  const bytes = c.server.keyspace.pool.bytes[sources[source * 3] >>> CHUNK_SHIFT];
  const start = sources[source * 3 + 1] + from;
  const end = Math.min(sources[source * 3 + 2], start + length);
  const copied = Math.max(0, end - start);
  if (copied > 0) copyBytes(target, 0, bytes, start, end);
  if (copied < length) target.fill(0, copied, length);
}
