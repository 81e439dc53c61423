// The size of a key's value as INFO's Keysizes counts it: the bytes of a string, the elements of a
// collection in whatever encoding.

import {
  CONTAINER,
  HASH,
  INTSET,
  LISTPACK_EX,
  type RecordView,
  SET,
  STRING,
  ZSET,
} from "../structures/record.ts";
import type { Database } from "./database.ts";

/** In a listpack's header: bytes 4 and 5 are the number of entries, as far as 16 bits tell it. */
const LISTPACK_COUNT_OFFSET = 4;
/** In an intset's header: bytes 4 to 7 are the number of integers. */
const INTSET_COUNT_OFFSET = 4;

/** The size of the value in a view. */
export function elementCount(db: Database, view: RecordView): number {
  if (view.type === STRING) return view.valueLength;
  if (view.encoding === CONTAINER) return db.containerOf(view).size;
  const { bytes, valueStart } = view;
  if (view.type === SET && view.encoding === INTSET) {
    const at = valueStart + INTSET_COUNT_OFFSET;
    return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
  const at = valueStart + LISTPACK_COUNT_OFFSET;
  const entries = bytes[at] | (bytes[at + 1] << 8);
  if (view.type === ZSET) return entries / 2;
  if (view.type === HASH) return entries / (view.encoding === LISTPACK_EX ? 3 : 2);
  return entries;
}
