// hot path: no allocation per command
//
// Telling whoever follows a class of keyspace events what happened to a key. What is told and how
// is chosen by `notifiedEvents`, which is 0 while nobody follows any.

import type { RecordView } from "../structures/record.ts";
import type { Database } from "./database.ts";
import type { Keyspace } from "./keyspace.ts";

/** Tells what happened to the key bytes[start, end) of a database. */
export function notify(
  keyspace: Keyspace,
  db: Database,
  eventClass: number,
  name: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  // What happens in the staging database happens to nobody's key.
  if ((keyspace.notifiedEvents & eventClass) === 0 || db.index < 0) return;
  keyspace.events.notified(db.index, name, bytes, start, end);
}

/** As `notify`, of the key in a view. */
export function notifyOf(
  keyspace: Keyspace,
  db: Database,
  eventClass: number,
  name: string,
  view: RecordView,
): void {
  notify(keyspace, db, eventClass, name, view.bytes, view.keyStart, view.keyEnd);
}
