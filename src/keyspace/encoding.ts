// What OBJECT ENCODING and TYPE call a value.

import { parseInt64 } from "../base/ascii.ts";
import {
  CONTAINER,
  ENCODING_RAW,
  ENCODING_TEXT,
  HASH,
  LIST,
  LISTPACK,
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

/** What a collection is called in place, in its other form in place, and as a container. */
interface CollectionNames {
  readonly listpack: string;
  readonly other: string;
  readonly container: string;
}

const COLLECTION_NAMES = new Map<number, CollectionNames>([
  [LIST, { listpack: "listpack", other: "listpack", container: "quicklist" }],
  [SET, { listpack: "listpack", other: "intset", container: "hashtable" }],
  [ZSET, { listpack: "listpack", other: "listpack", container: "skiplist" }],
  [HASH, { listpack: "listpack", other: "listpackex", container: "hashtable" }],
  [STREAM, { listpack: "stream", other: "stream", container: "stream" }],
]);

function collectionEncodingName(view: RecordView): string {
  const names = COLLECTION_NAMES.get(view.type);
  if (names === undefined) return "unknown";
  if (view.encoding === CONTAINER) return names.container;
  return view.encoding === LISTPACK ? names.listpack : names.other;
}

/** The encoding's name as OBJECT ENCODING gives it. */
export function encodingName(view: RecordView): string {
  if (view.type !== STRING) return collectionEncodingName(view);
  if (view.encoding === ENCODING_RAW) return "raw";
  const length = view.valueLength;
  if (view.encoding !== ENCODING_TEXT && length <= INTEGER_BYTES_MAX) {
    const value = parseInt64(view.bytes, view.valueStart, view.valueEnd);
    if (value !== undefined) return "int";
  }
  return length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw";
}
