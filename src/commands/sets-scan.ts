// SSCAN: the members of a set piece by piece. A cursor is a position in the hash order of a large
// set; a small one is returned whole.

import { ACCESS, defineFamily, keyAt, READONLY, RO } from "../command/spec.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import { CONTAINER, SET } from "../structures/record.ts";
import { key, scanArguments } from "./argument-specs.ts";
import { collectionScanOrReply, replyEmptyScan } from "./collection-scan.ts";
import type { Context, Features } from "./features.ts";
import { insertScanHeader, NO_CURSOR, parseCursor } from "./scan.ts";

export const setScanCommands = defineFamily<Features>("set", [
  {
    name: "SSCAN",
    arity: -3,
    flags: READONLY,
    since: "2.8.0",
    complexity:
      "O(1) for every call. O(N) for a complete iteration, including enough command calls for " +
      "the cursor to return back to 0. N is the number of elements inside the collection.",
    summary: "Lists some members of a set, and where to go on.",
    tips: ["nondeterministic_output"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, ...scanArguments],
    run: sscanCommand,
  },
]);

/** Steps per member asked for, so that a call ends soon in a table of mostly empty segments. */
const STEPS_PER_MEMBER = 10;

const value = new SetValue();
const walk = new SetWalk();

// SSCAN key cursor [MATCH pattern] [COUNT count]
function sscanCommand(c: Context): void {
  const cursor = parseCursor(c.bytes, c.start(2), c.end(2));
  if (cursor === NO_CURSOR) return c.reply.error("ERR invalid cursor");
  const view = c.readKey(1);
  if (view === undefined) return replyEmptyScan(c.reply);
  if (view.type !== SET) return c.reply.wrongType();
  const scan = collectionScanOrReply(c, false);
  if (scan === undefined) return;
  const { reply } = c;
  const mark = reply.length;
  value.open(c.db, view);
  let found = 0;
  const visit = (bytes: Uint8Array, start: number, end: number) => {
    if (!scan.matches(bytes, start, end)) return;
    reply.bulk(bytes, start, end);
    found++;
  };
  let position = 0;
  if (value.encoding === CONTAINER) {
    const table = value.table!;
    position = cursor;
    let seen = 0;
    let steps = 0;
    do {
      position = table.scan(position, scan.count - seen, (ref) => {
        const { bytes, keyStart, keyEnd } = table.load(ref);
        visit(bytes, keyStart, keyEnd);
        seen++;
      });
      steps++;
    } while (position !== 0 && seen < scan.count && steps < scan.count * STEPS_PER_MEMBER);
  } else {
    walk.open(value);
    while (walk.next()) {
      walk.member.text();
      visit(walk.member.bytes, walk.member.start, walk.member.end);
    }
    walk.close();
  }
  insertScanHeader(reply, mark, position, found);
}
