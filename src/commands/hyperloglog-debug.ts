// PFDEBUG and PFSELFTEST: a look into HyperLogLogs, and a check of the code that keeps them.

import { latin1Text } from "../base/text.ts";
import {
  ACCESS,
  ADMIN,
  type ArgumentSpec,
  DENYOOM,
  defineFamily,
  keyAt,
  RW,
  WRITE,
} from "../command/spec.ts";
import {
  DENSE,
  denseRank,
  encodingOf,
  HEADER_BYTES,
  REGISTER_COUNT,
} from "../structures/hyperloglog.ts";
import { decodeSparse } from "../structures/hyperloglog-sparse.ts";
import type { RecordView } from "../structures/record.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { convertToDense, isNoneReplied, replyCorrupt } from "./hyperloglog.ts";
import { findHyperloglogFault } from "./hyperloglog-selftest.ts";
import { writableString } from "./string-arguments.ts";

const args: readonly ArgumentSpec[] = [{ name: "subcommand", type: "string" }, key];

export const hyperloglogDebugCommands = defineFamily("hyperloglog", [
  {
    name: "PFDEBUG",
    arity: 3,
    flags: WRITE | DENYOOM | ADMIN,
    since: "2.8.9",
    complexity: "N/A",
    summary: "Shows or changes how a HyperLogLog is kept.",
    docFlags: ["syscmd"],
    keys: [keyAt(2, RW | ACCESS)],
    args,
    run: pfdebugCommand,
  },
  {
    name: "PFSELFTEST",
    arity: 1,
    flags: ADMIN,
    since: "2.8.9",
    complexity: "N/A",
    summary: "Checks the code behind HyperLogLogs.",
    docFlags: ["syscmd"],
    run: pfselftestCommand,
  },
]);

// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
// PFDEBUG SIMD ON | OFF
function pfdebugCommand(c: Context): void {
  if (c.is(1, "simd")) return switchSimd(c);
  const found = c.writeKey(2);
  if (found === undefined) return c.reply.error("ERR The specified key does not exist");
  if (isNoneReplied(c, found)) return;
  const view = writableString(c, 2, found, found.valueLength);
  if (c.is(1, "getreg")) replyRegisters(c, view);
  else if (c.is(1, "decode")) replyOpcodes(c, view);
  else if (c.is(1, "encoding")) c.reply.simple(isDense(view) ? "dense" : "sparse");
  else if (c.is(1, "todense")) replyConverted(c, view);
  else c.reply.error(`ERR Unknown PFDEBUG subcommand '${nameOf(c)}'`);
}

/** There is nothing to switch: whether the processor's vector instructions are used is Bun's. */
function switchSimd(c: Context): void {
  if (c.is(2, "on")) c.reply.simple("enabled");
  else if (c.is(2, "off")) c.reply.simple("disabled");
  else c.reply.error("ERR Argument must be ON or OFF");
}

function isDense(view: RecordView): boolean {
  return encodingOf(view.bytes, view.valueStart, view.valueEnd) === DENSE;
}

function replyRegisters(c: Context, view: RecordView): void {
  if (!isDense(view)) {
    if (!convertToDense(c, view)) return replyCorrupt(c);
    c.effects.changed(1);
  }
  c.reply.array(REGISTER_COUNT);
  for (let register = 0; register < REGISTER_COUNT; register++) {
    c.reply.integer(denseRank(view.bytes, view.valueStart, register));
  }
}

function replyOpcodes(c: Context, view: RecordView): void {
  if (isDense(view)) return c.reply.error("ERR HLL encoding is not sparse");
  c.reply.bulkBytes(decodeSparse(view.bytes, view.valueStart + HEADER_BYTES, view.valueEnd));
}

function replyConverted(c: Context, view: RecordView): void {
  if (isDense(view)) return c.reply.integer(0);
  if (!convertToDense(c, view)) return replyCorrupt(c);
  c.effects.changed(1);
  c.reply.integer(1);
}

/** The subcommand as Redis prints it: a C string. */
function nameOf(c: Context): string {
  const text = latin1Text(c.bytes, c.start(1), c.end(1));
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

// PFSELFTEST
function pfselftestCommand(c: Context): void {
  const fault = findHyperloglogFault();
  if (fault === undefined) c.reply.ok();
  else c.reply.error(`TESTFAILED ${fault}`);
}
