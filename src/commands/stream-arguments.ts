// hot path: no allocation per command
//
// Arguments of stream commands: entry IDs, interval bounds, counts, trimming options. What is named
// `...OrReply` has answered the client where it fails.

import { ASTERISK, MINUS, NOT_AN_INTEGER, PARENTHESIS, PLUS, TILDE } from "../base/ascii.ts";
import { TrimBounds } from "../structures/stream.ts";
import {
  ID_AUTO_SEQUENCE,
  ID_EXACT,
  ID_INVALID,
  ID_WITHOUT_SEQUENCE,
  parseStreamId,
  type StreamId,
} from "../structures/stream-id.ts";
import type { Context } from "./features.ts";

const EQUALS = 61;

/** Whether an argument is this one character, as a C string. */
export function isCharacter(c: Context, index: number, character: number): boolean {
  const start = c.start(index);
  const length = c.length(index);
  return length > 0 && c.bytes[start] === character && (length === 1 || c.bytes[start + 1] === 0);
}

function invalidId(c: Context): false {
  c.reply.error("ERR Invalid stream ID specified as stream command argument");
  return false;
}

/** Reads an ID without replying; false where it is none. A missing sequence number is 0. */
export function parseId(c: Context, index: number, id: StreamId): boolean {
  const result = parseStreamId(c.bytes, c.start(index), c.end(index), id, false);
  return result === ID_EXACT || result === ID_WITHOUT_SEQUENCE;
}

/** Reads an ID; a missing sequence number is 0. */
export function idOrReply(c: Context, index: number, id: StreamId): boolean {
  return parseId(c, index, id) || invalidId(c);
}

/** As `idOrReply`; `-` and `+` stand for the least and the greatest. */
export function looseIdOrReply(c: Context, index: number, id: StreamId): boolean {
  return boundOrReply(c, index, c.start(index), id, false);
}

function boundOrReply(
  c: Context,
  index: number,
  start: number,
  id: StreamId,
  isEnd: boolean,
): boolean {
  if (start === c.start(index)) {
    if (isCharacter(c, index, MINUS)) {
      id.setZero();
      return true;
    }
    if (isCharacter(c, index, PLUS)) {
      id.setMaximum();
      return true;
    }
  }
  const result = parseStreamId(c.bytes, start, c.end(index), id, isEnd);
  if (result === ID_EXACT || result === ID_WITHOUT_SEQUENCE) return true;
  return invalidId(c);
}

/** Reads the start of an interval, `(` excluding the ID itself. */
export function intervalStartOrReply(c: Context, index: number, id: StreamId): boolean {
  const isExclusive = c.length(index) > 1 && c.bytes[c.start(index)] === PARENTHESIS;
  if (!boundOrReply(c, index, c.start(index) + (isExclusive ? 1 : 0), id, false)) return false;
  if (!isExclusive || id.increment()) return true;
  c.reply.error("ERR invalid start ID for the interval");
  return false;
}

/** Reads the end of an interval, `(` excluding the ID itself. */
export function intervalEndOrReply(c: Context, index: number, id: StreamId): boolean {
  const isExclusive = c.length(index) > 1 && c.bytes[c.start(index)] === PARENTHESIS;
  if (!boundOrReply(c, index, c.start(index) + (isExclusive ? 1 : 0), id, true)) return false;
  if (!isExclusive || id.decrement()) return true;
  c.reply.error("ERR invalid end ID for the interval");
  return false;
}

/**
 * Reads an int64; NaN after an error reply, whose text is Redis's own unless given. Beyond 2^53 it
 * is rounded, which no count or time is sensitive to.
 */
export function int64OrReply(c: Context, index: number, error = ""): number {
  const value = c.integer(index);
  if (!Number.isNaN(value)) return value;
  const wide = c.int64(index);
  if (wide !== undefined) return Number(wide);
  if (error === "") c.reply.notAnInteger();
  else c.reply.error(error);
  return NOT_AN_INTEGER;
}

/** The options of XADD and XTRIM, as `trimOptionsOrReply` read them last. */
export const trimOptions = {
  bounds: new TrimBounds(),
  /** Whether there is a MAXLEN or MINID. */
  trims: false,
  /** Which argument the threshold is; the one before it may be `~` or `=`. */
  thresholdIndex: 0,
  makesNoStream: false,
};

/** The ID of XADD was `*`, `ms-*` or given in full. */
export const ID_GENERATED = 1;
export const ID_HALF_GENERATED = 2;
export const ID_GIVEN = 3;

/** What the XADD read last had for an ID: ID_GENERATED, ID_HALF_GENERATED or ID_GIVEN. */
export let idKind = ID_GENERATED;

let hasLimit = false;

/** Reads XTRIM's options. */
export function trimOptionsOrReply(c: Context): boolean {
  return readTrimOptions(c, undefined) > 0;
}

/** Reads XADD's options and ID; returns the ID's index, or 0 after an error reply. */
export function addOptionsOrReply(c: Context, id: StreamId): number {
  if (!isCharacter(c, 2, ASTERISK)) return readTrimOptions(c, id);
  trimOptions.trims = false;
  trimOptions.makesNoStream = false;
  idKind = ID_GENERATED;
  return 2;
}

/** Reads options from argument 2 on, up to XADD's ID where one is wanted. */
function readTrimOptions(c: Context, id: StreamId | undefined): number {
  trimOptions.trims = false;
  trimOptions.makesNoStream = false;
  const bounds = trimOptions.bounds;
  bounds.approximate = false;
  bounds.limit = 0;
  hasLimit = false;
  idKind = ID_GENERATED;
  let index = 2;
  for (; index < c.count; index++) {
    if (id !== undefined && isCharacter(c, index, ASTERISK)) break;
    const more = c.count - 1 - index;
    if (more > 0 && (c.is(index, "maxlen") || c.is(index, "minid"))) {
      index = thresholdOrReply(c, index, more);
      if (index === 0) return 0;
    } else if (more > 0 && c.is(index, "limit")) {
      index++;
      if (!limitOrReply(c, index)) return 0;
    } else if (id !== undefined && c.is(index, "nomkstream")) {
      trimOptions.makesNoStream = true;
    } else if (id !== undefined) {
      if (!newIdOrReply(c, index, id)) return 0;
      break;
    } else {
      c.reply.syntaxError();
      return 0;
    }
  }
  return limitFitsOrReply(c, id === undefined) ? index : 0;
}

function newIdOrReply(c: Context, index: number, id: StreamId): boolean {
  const result = parseStreamId(c.bytes, c.start(index), c.end(index), id, false);
  if (result === ID_INVALID) return invalidId(c);
  idKind = result === ID_AUTO_SEQUENCE ? ID_HALF_GENERATED : ID_GIVEN;
  return true;
}

/** Reads MAXLEN or MINID at `index`; returns the threshold's index, 0 after an error reply. */
function thresholdOrReply(c: Context, index: number, more: number): number {
  if (trimOptions.trims) {
    c.reply.error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    return 0;
  }
  const bounds = trimOptions.bounds;
  bounds.byId = c.is(index, "minid");
  let threshold = index + 1;
  if (more >= 2 && isCharacter(c, threshold, TILDE)) {
    bounds.approximate = true;
    threshold++;
  } else if (more >= 2 && isCharacter(c, threshold, EQUALS)) {
    threshold++;
  }
  if (bounds.byId) {
    if (!idOrReply(c, threshold, bounds.minId)) return 0;
  } else {
    bounds.length = int64OrReply(c, threshold);
    if (Number.isNaN(bounds.length)) return 0;
    if (bounds.length < 0) {
      c.reply.error("ERR The MAXLEN argument must be >= 0.");
      return 0;
    }
  }
  trimOptions.trims = true;
  trimOptions.thresholdIndex = threshold;
  return threshold;
}

function limitOrReply(c: Context, index: number): boolean {
  const limit = int64OrReply(c, index);
  if (Number.isNaN(limit)) return false;
  if (limit < 0) {
    c.reply.error("ERR The LIMIT argument must be >= 0.");
    return false;
  }
  trimOptions.bounds.limit = limit;
  hasLimit = true;
  return true;
}

/** What an approximate trim without LIMIT removes at most, in blocks and in entries. */
const BLOCKS_TRIMMED_MAX = 100;
const ENTRIES_TRIMMED_DEFAULT = 10_000;
const ENTRIES_TRIMMED_MAX = 1_000_000;

/** Checks LIMIT against the other options, or sets it to what Redis takes without one. */
function limitFitsOrReply(c: Context, mustTrim: boolean): boolean {
  const bounds = trimOptions.bounds;
  if (bounds.limit > 0 && !trimOptions.trims) {
    c.reply.error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    return false;
  }
  if (mustTrim && !trimOptions.trims) {
    c.reply.error("ERR syntax error, XTRIM must be called with a trimming strategy");
    return false;
  }
  const keyspace = c.server.keyspace;
  if (keyspace.isLoading) {
    // What the log says was worked out when it was written.
    bounds.limit = 0;
  } else if (hasLimit && !bounds.approximate) {
    c.reply.error("ERR syntax error, LIMIT cannot be used without the special ~ option");
    return false;
  } else if (!hasLimit && bounds.approximate) {
    const limit = keyspace.limits.streamNodeMaxEntries * BLOCKS_TRIMMED_MAX;
    bounds.limit = limit <= 0 ? ENTRIES_TRIMMED_DEFAULT : Math.min(limit, ENTRIES_TRIMMED_MAX);
  }
  return true;
}
