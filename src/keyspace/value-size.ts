// The size of a key's value as INFO's Keysizes counts it: the bytes of a string, the elements of a
// collection in whatever encoding.

import { lengthAt } from "../structures/intset.ts";
import * as listpack from "../structures/listpack.ts";
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

/** The size of the value in a view. */
export function elementCount(db: Database, view: RecordView): number {
  if (view.type === STRING) return view.valueLength;
  if (view.encoding === CONTAINER) return db.containerOf(view).size;
  const { bytes, valueStart } = view;
  if (view.type === SET && view.encoding === INTSET) return lengthAt(bytes, valueStart);
  const entries = listpack.elementCount(bytes, valueStart);
  if (view.type === ZSET) return entries / 2;
  if (view.type === HASH) return entries / (view.encoding === LISTPACK_EX ? 3 : 2);
  return entries;
}
