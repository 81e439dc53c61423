// hot path: no allocation per command
//
// Stream keys: always a container, found here by what a handler looked up.

import type { RecordView } from "../structures/record.ts";
import type { Stream } from "../structures/stream.ts";
import type { Database } from "./database.ts";

/** The stream in a view of a key that holds one. */
export function streamOf(db: Database, view: RecordView): Stream {
  return db.containerOf(view) as Stream;
}
