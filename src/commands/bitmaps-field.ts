// hot path: no allocation per command
//
// Integers of any width within strings: BITFIELD and BITFIELD_RO. The arguments are walked twice:
// once to check every one of them before anything changes, once to carry them out.

import { parseInteger } from "../base/ascii.ts";
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
  VARIABLE_FLAGS,
  WRITE,
} from "../command/spec.ts";
import { EVENT_STRING } from "../keyspace/event-classes.ts";
import {
  addToField,
  FAIL,
  field,
  field64,
  fieldIsSafe,
  fieldNumber,
  type Int64,
  readField,
  SATURATE,
  setField,
  setField64,
  WRAP,
  writeField,
} from "../structures/bitfield.ts";
import { type RecordView, STRING } from "../structures/record.ts";
import { key, tokens } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { bitOffsetOrReply, propagateUncounted, writableString } from "./string-arguments.ts";

const encoding: ArgumentSpec = { name: "encoding", type: "string" };
const offset: ArgumentSpec = { name: "offset", type: "integer" };
const getBlock: ArgumentSpec = {
  name: "get-block",
  type: "block",
  token: "GET",
  arguments: [encoding, offset],
};

const writeBlock: ArgumentSpec = {
  name: "write",
  type: "block",
  arguments: [
    {
      name: "overflow-block",
      type: "oneof",
      token: "OVERFLOW",
      optional: true,
      arguments: tokens("WRAP", "SAT", "FAIL"),
    },
    {
      name: "write-operation",
      type: "oneof",
      arguments: [
        {
          name: "set-block",
          type: "block",
          token: "SET",
          arguments: [encoding, offset, { name: "value", type: "integer" }],
        },
        {
          name: "incrby-block",
          type: "block",
          token: "INCRBY",
          arguments: [encoding, offset, { name: "increment", type: "integer" }],
        },
      ],
    },
  ],
};

const complexity = "O(1) for each subcommand specified";

export const bitmapFieldCommands = defineFamily("bitmap", [
  {
    name: "BITFIELD",
    arity: -2,
    flags: WRITE | DENYOOM,
    since: "3.2.0",
    complexity,
    summary: "Reads, sets and adds to integers of any width within a string.",
    keys: [
      keyAt(
        1,
        RW | ACCESS | UPDATE | VARIABLE_FLAGS,
        "This command allows both access and modification of the key",
      ),
    ],
    args: [
      key,
      {
        name: "operation",
        type: "oneof",
        optional: true,
        multiple: true,
        arguments: [getBlock, writeBlock],
      },
    ],
    run: bitfieldCommand,
  },
  {
    name: "BITFIELD_RO",
    arity: -2,
    flags: READONLY | FAST,
    since: "6.0.0",
    complexity,
    summary: "Reads integers of any width within a string.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, { ...getBlock, optional: true, multiple: true, multipleToken: true }],
    run: bitfieldRoCommand,
  },
]);

const GET = 0;
const SET = 1;
const INCRBY = 2;
const OVERFLOW = 3;
const NONE = -1;

/** Arguments of each operation, its own word included. */
const OPERATION_ARGUMENTS = [3, 4, 4, 2];

const LOWER_I = 105;
const LOWER_U = 117;

/** What `checkOperations` found: how many replies, and which is the last bit written, or NONE. */
let replyCount = 0;
let lastWrittenBit = NONE;

/** The type that `readType` read last. */
let typeWidth = 0;
let typeIsSigned = false;

/** Operands of an addition. */
const value: Int64 = { high: 0, low: 0 };
const increment: Int64 = { high: 0, low: 0 };

// BITFIELD key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL]
//     SET encoding offset value | INCRBY encoding offset increment ...]
function bitfieldCommand(c: Context): void {
  if (!checkOperations(c, false)) return;
  if (lastWrittenBit === NONE) return replyFields(c);
  const found = c.writeKey(1);
  if (found !== undefined && found.type !== STRING) return c.reply.wrongType();
  const length = Math.floor(lastWrittenBit / 8) + 1;
  const grows = found === undefined || found.valueLength < length;
  const view = writableString(c, 1, found, length);
  c.reply.array(replyCount);
  let policy = WRAP;
  let changes = 0;
  for (let at = 2; at < c.count; ) {
    const operation = operationAt(c, at);
    if (operation === OVERFLOW) policy = policyAt(c, at + 1);
    else if (operation === GET) replyField(c, at, view);
    else if (writeOperation(c, at, view, operation, policy, grows)) changes++;
    at += OPERATION_ARGUMENTS[operation];
  }
  if (changes > 0) {
    c.effects.changed(changes);
    c.notify(EVENT_STRING, "setbit", 1);
  } else if (grows) {
    // Every write has failed, but the string has become longer.
    propagateUncounted(c);
  }
}

// BITFIELD_RO key [GET encoding offset ...]
function bitfieldRoCommand(c: Context): void {
  if (checkOperations(c, true)) replyFields(c);
}

/** Replies to operations that are all GET. */
function replyFields(c: Context): void {
  const found = c.readKey(1);
  if (found !== undefined && found.type !== STRING) return c.reply.wrongType();
  c.reply.array(replyCount);
  for (let at = 2; at < c.count; ) {
    const operation = operationAt(c, at);
    if (operation === GET) replyField(c, at, found);
    at += OPERATION_ARGUMENTS[operation];
  }
}

/** Checks the arguments from left to right; false after the first error. */
function checkOperations(c: Context, onlyGet: boolean): boolean {
  replyCount = 0;
  lastWrittenBit = NONE;
  for (let at = 2; at < c.count; ) {
    const operation = operationAt(c, at);
    if (operation === NONE || at + OPERATION_ARGUMENTS[operation] > c.count) {
      c.reply.syntaxError();
      return false;
    }
    if (operation === OVERFLOW) {
      if (policyAt(c, at + 1) === NONE) {
        c.reply.error("ERR Invalid OVERFLOW type specified");
        return false;
      }
    } else if (!checkOperation(c, at, operation)) {
      return false;
    } else {
      replyCount++;
    }
    at += OPERATION_ARGUMENTS[operation];
  }
  if (!onlyGet || lastWrittenBit === NONE) return true;
  c.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  return false;
}

/** Checks the type, offset and value of the operation at an argument. */
function checkOperation(c: Context, at: number, operation: number): boolean {
  if (!readType(c, at + 1)) {
    c.reply.error(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported " +
        "but i64 is.",
    );
    return false;
  }
  const offset = bitOffsetOrReply(c, at + 2, typeWidth);
  if (Number.isNaN(offset)) return false;
  if (operation === GET) return true;
  lastWrittenBit = Math.max(lastWrittenBit, offset + typeWidth - 1);
  if (!Number.isNaN(c.integer(at + 3)) || c.int64(at + 3) !== undefined) return true;
  c.reply.notAnInteger();
  return false;
}

/** The operation that an argument names, or NONE. */
function operationAt(c: Context, index: number): number {
  if (c.is(index, "get")) return GET;
  if (c.is(index, "set")) return SET;
  if (c.is(index, "incrby")) return INCRBY;
  return c.is(index, "overflow") ? OVERFLOW : NONE;
}

/** The overflow policy that an argument names, or NONE. */
function policyAt(c: Context, index: number): number {
  if (c.is(index, "wrap")) return WRAP;
  if (c.is(index, "sat")) return SATURATE;
  return c.is(index, "fail") ? FAIL : NONE;
}

/** Reads a type such as i16 or u8; false where it is none. */
function readType(c: Context, index: number): boolean {
  const start = c.start(index);
  const letter = c.length(index) > 0 ? c.bytes[start] : 0;
  if (letter !== LOWER_I && letter !== LOWER_U) return false;
  // Redis reads a C string here.
  let end = start + 1;
  while (end < c.end(index) && c.bytes[end] !== 0) end++;
  typeIsSigned = letter === LOWER_I;
  typeWidth = parseInteger(c.bytes, start + 1, end);
  return typeWidth >= 1 && typeWidth <= (typeIsSigned ? 64 : 63);
}

/** Replies with the field that the operation at an argument reads. */
function replyField(c: Context, at: number, found: RecordView | undefined): void {
  readType(c, at + 1);
  if (found === undefined) return c.reply.integer(0);
  const offset = bitOffsetOrReply(c, at + 2, typeWidth);
  readField(found.bytes, found.valueStart, found.valueEnd, offset, typeWidth, typeIsSigned);
  replyInteger(c);
}

function replyInteger(c: Context): void {
  if (fieldIsSafe()) c.reply.integer(fieldNumber());
  else c.reply.integer64(field64());
}

/**
 * Carries out SET or INCRBY and replies; whether that counts as a change, as it does whatever it
 * writes where the string has grown.
 */
function writeOperation(
  c: Context,
  at: number,
  view: RecordView,
  operation: number,
  policy: number,
  grows: boolean,
): boolean {
  readType(c, at + 1);
  const offset = bitOffsetOrReply(c, at + 2, typeWidth);
  const { bytes, valueStart, valueEnd } = view;
  readField(bytes, valueStart, valueEnd, offset, typeWidth, typeIsSigned);
  const { high: oldHigh, low: oldLow } = field;
  value.high = oldHigh;
  value.low = oldLow;
  splitArgument(c, at + 3);
  if (operation === INCRBY) {
    increment.high = field.high;
    increment.low = field.low;
  } else {
    value.high = field.high;
    value.low = field.low;
    increment.high = 0;
    increment.low = 0;
  }
  const overflows = addToField(value, increment, typeWidth, typeIsSigned, policy);
  if (overflows && policy === FAIL) {
    c.reply.null();
    return false;
  }
  const changed = field.high !== oldHigh || field.low !== oldLow;
  if (changed) writeField(bytes, valueStart, offset, typeWidth);
  if (operation === SET) {
    field.high = oldHigh;
    field.low = oldLow;
  }
  replyInteger(c);
  return changed || grows;
}

/** Leaves an argument, which is known to be an int64, in `field`. */
function splitArgument(c: Context, index: number): void {
  const number = c.integer(index);
  if (!Number.isNaN(number)) return setField(number);
  const large = c.int64(index);
  if (large !== undefined) setField64(large);
}
