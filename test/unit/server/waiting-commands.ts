// The smallest commands that wait, for tests of the waiting itself: a list of so many ones is put
// under a key, and one element is taken from it, now or once there is one.

import { secondsDeadlineOrReply } from "../../../src/blocking/blocking.ts";
import type { CommandRegistry } from "../../../src/command/registry.ts";
import {
  BLOCKING,
  type CommandSpec,
  defineFamily,
  keyAt,
  keyRange,
  RW,
  WRITE,
} from "../../../src/command/spec.ts";
import type { Context, Features } from "../../../src/commands/features.ts";
import * as listpack from "../../../src/structures/listpack.ts";
import { LIST, LISTPACK, ZSET } from "../../../src/structures/record.ts";
import { presentFamily } from "../../harness/present-family.ts";

/** Bytes of the entry 1. */
const ENTRY_BYTES = 2;

// PUT key count [ZSET]
function putCommand(c: Context): void {
  const count = c.integer(2);
  const length = listpack.HEADER_BYTES + count * ENTRY_BYTES + 1;
  const type = c.count > 3 ? ZSET : LIST;
  c.deleteKey(1);
  const view = c.createValue(1, type, LISTPACK, length);
  let at = listpack.writeEmpty(view.bytes, view.valueStart);
  for (let k = 0; k < count; k++) at = listpack.writeIntegerEntry(view.bytes, at, 1);
  listpack.finish(view.bytes, view.valueStart, at, count);
  c.db.sizes.added(type, type === ZSET ? count / 2 : count);
  c.effects.changed(count);
  c.reply.integer(count);
}

// TAKE key [key ...] timeout
function takeCommand(c: Context): void {
  const deadlineMs = secondsDeadlineOrReply(c, c.count - 1);
  if (Number.isNaN(deadlineMs)) return;
  for (let index = 1; index < c.count - 1; index++) {
    const view = c.writeKey(index);
    if (view === undefined) continue;
    if (view.type !== LIST) return c.reply.wrongType();
    const { bytes, valueStart } = view;
    const count = listpack.elementCount(bytes, valueStart);
    if (count === 1) {
      c.deleteKey(index);
    } else {
      listpack.adjustHeader(bytes, valueStart, -ENTRY_BYTES, -1);
      c.db.spliceValue(view, listpack.HEADER_BYTES, ENTRY_BYTES, 0);
      c.db.sizes.resized(LIST, count, count - 1);
    }
    const effect = c.effects.replace(2);
    effect.bulkText("TAKEN");
    effect.bulk(c.bytes, c.start(index), c.end(index));
    c.effects.changed(1);
    c.reply.array(2);
    c.reply.bulk(c.bytes, c.start(index), c.end(index));
    return c.reply.integer(count);
  }
  if (c.client.denyBlocking) return c.reply.nullArray();
  c.server.blocking.block(c, LIST, 1, c.count - 2, deadlineMs);
}

// MOVEALL source destination timeout: what wakes one client wakes the next
function moveAllCommand(c: Context): void {
  const deadlineMs = secondsDeadlineOrReply(c, 3);
  const view = c.readKey(1);
  if (view === undefined) return c.server.blocking.block(c, LIST, 1, 1, deadlineMs);
  const count = listpack.elementCount(view.bytes, view.valueStart);
  const length = view.valueLength;
  const copy = view.bytes.slice(view.valueStart, view.valueEnd);
  c.deleteKey(1);
  const target = c.createValue(2, LIST, LISTPACK, length);
  target.bytes.set(copy, target.valueStart);
  c.db.sizes.added(LIST, count);
  c.effects.changed(1);
  c.reply.integer(count);
}

const specs: readonly CommandSpec<Features>[] = [
  {
    name: "PUT",
    arity: -3,
    flags: WRITE,
    since: "1.0.0",
    summary: "Puts a list of ones.",
    keys: [keyAt(1, RW)],
    run: putCommand,
  },
  {
    name: "TAKE",
    arity: -3,
    flags: WRITE | BLOCKING,
    since: "1.0.0",
    summary: "Takes an element.",
    keys: [keyRange(1, -2, 1, RW)],
    run: takeCommand,
  },
  {
    name: "MOVEALL",
    arity: 4,
    flags: WRITE | BLOCKING,
    since: "1.0.0",
    summary: "Moves a list.",
    keys: [keyAt(1, RW), keyAt(2, RW)],
    run: moveAllCommand,
  },
];

/** Adds the commands to a server's. */
export function addWaitingCommands(registry: CommandRegistry<Features>): void {
  registry.add(presentFamily(defineFamily("list", specs)));
}
