// What OBJECT ENCODING and TYPE call a value.

import { parseInt64 } from "../base/ascii.ts";
import {
  ENCODING_RAW,
  ENCODING_TEXT,
  HASH,
  LIST,
  type RecordView,
  SET,
  STREAM,
  STRING,
  ZSET,
} from "../structures/record.ts";

/** Longest string that Redis embeds in its object header. */
const EMBEDDED_BYTES_MAX = 44;
/** Longest decimal form of an int64. */
const INTEGER_BYTES_MAX = 20;

const TYPE_NAMES = new Map([
  [STRING, "string"],
  [LIST, "list"],
  [SET, "set"],
  [ZSET, "zset"],
  [HASH, "hash"],
  [STREAM, "stream"],
]);

/** The type's name as TYPE and SCAN's TYPE option use it. */
export function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? "unknown";
}

/** The encoding's name as OBJECT ENCODING gives it. */
export function encodingName(view: RecordView): string {
  if (view.encoding === ENCODING_RAW) return "raw";
  const length = view.valueLength;
  if (view.encoding !== ENCODING_TEXT && length <= INTEGER_BYTES_MAX) {
    const value = parseInt64(view.bytes, view.valueStart, view.valueEnd);
    if (value !== undefined) return "int";
  }
  return length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw";
}
