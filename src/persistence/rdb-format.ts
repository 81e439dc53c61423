// The RDB format's numbers, as Redis 2.4 to 8.0 write them (versions 1 to 12). Facts from the
// format's descriptions (https://rdb.fnordig.de/file_format.html) and from files the servers wrote.
//
//   file      "REDIS" version (4 digits) (aux | resize | select | function | key)* EOF checksum
//   key       (expiry | idle | freq)* type string value
//   length    00LLLLLL | 01LLLLLL LLLLLLLL | 80 4 bytes | 81 8 bytes       (high bits and bytes
// first)
//   string    length bytes | C0 int8 | C1 int16 | C2 int32 (low byte first) | C3 length length LZF

import { latin1Text } from "../base/text.ts";

/** The newest version of Redis that is read, and the version written. */
const RDB_VERSION_READ_MAX = 12;
export const RDB_VERSION = 10;
/** Valkey counts on from here; its files begin with its own name. */
const RDB_VERSION_VALKEY = 80;

/** The name and the version at the beginning. */
export const RDB_SIGNATURE_BYTES = 9;
const SIGNATURES = ["REDIS", "VALKEY"];

/** The name that a range of bytes begins with; undefined where that is no RDB. */
export function rdbSignature(bytes: Uint8Array): string | undefined {
  const text = latin1Text(bytes, 0, Math.min(bytes.length, RDB_SIGNATURE_BYTES));
  return SIGNATURES.find((signature) => text.startsWith(signature));
}

/** Whether a version can be read. */
export function isKnownVersion(version: number): boolean {
  return (version >= 1 && version <= RDB_VERSION_READ_MAX) || version === RDB_VERSION_VALKEY;
}

/** Whether a version is one of Valkey's, where type 22 is another one. */
export function isValkeyVersion(version: number): boolean {
  return version >= RDB_VERSION_VALKEY;
}

export const RDB_TYPE_STRING = 0;
export const RDB_TYPE_LIST = 1;
export const RDB_TYPE_SET = 2;
/** Scores as text. */
export const RDB_TYPE_ZSET = 3;
export const RDB_TYPE_HASH = 4;
/** Scores as doubles. */
export const RDB_TYPE_ZSET_2 = 5;
export const RDB_TYPE_MODULE = 6;
export const RDB_TYPE_MODULE_2 = 7;
export const RDB_TYPE_HASH_ZIPMAP = 9;
export const RDB_TYPE_LIST_ZIPLIST = 10;
export const RDB_TYPE_SET_INTSET = 11;
export const RDB_TYPE_ZSET_ZIPLIST = 12;
export const RDB_TYPE_HASH_ZIPLIST = 13;
/** A list of ziplists. */
export const RDB_TYPE_LIST_QUICKLIST = 14;
export const RDB_TYPE_STREAM_LISTPACKS = 15;
export const RDB_TYPE_HASH_LISTPACK = 16;
export const RDB_TYPE_ZSET_LISTPACK = 17;
/** A list of listpacks and of plain elements. */
export const RDB_TYPE_LIST_QUICKLIST_2 = 18;
/** With first entry, deleted entries and entries read. */
export const RDB_TYPE_STREAM_LISTPACKS_2 = 19;
export const RDB_TYPE_SET_LISTPACK = 20;
/** With a consumer's active time. */
export const RDB_TYPE_STREAM_LISTPACKS_3 = 21;
/** Field expiry as release candidates of 7.4 wrote it; Valkey's in its versions. */
export const RDB_TYPE_HASH_METADATA_PRE_GA = 22;
export const RDB_TYPE_HASH_LISTPACK_EX_PRE_GA = 23;
/** Field expiry. */
export const RDB_TYPE_HASH_METADATA = 24;
export const RDB_TYPE_HASH_LISTPACK_EX = 25;

export const RDB_OPCODE_SLOT_INFO = 244;
export const RDB_OPCODE_FUNCTION = 245;
export const RDB_OPCODE_FUNCTION_PRE_GA = 246;
export const RDB_OPCODE_MODULE_AUX = 247;
export const RDB_OPCODE_IDLE = 248;
export const RDB_OPCODE_FREQ = 249;
export const RDB_OPCODE_AUX = 250;
export const RDB_OPCODE_RESIZE = 251;
export const RDB_OPCODE_EXPIRY_MS = 252;
export const RDB_OPCODE_EXPIRY_S = 253;
export const RDB_OPCODE_SELECT = 254;
export const RDB_OPCODE_EOF = 255;

/** First bytes that announce a length of 32 and of 64 bits. */
export const RDB_LENGTH_32 = 0x80;
export const RDB_LENGTH_64 = 0x81;

/** Low six bits behind 11: how a string is encoded. */
export const RDB_STRING_INT8 = 0;
export const RDB_STRING_INT16 = 1;
export const RDB_STRING_INT32 = 2;
export const RDB_STRING_LZF = 3;

/** In a quicklist: a node that is one element, and one that is a listpack. */
export const RDB_QUICKLIST_PLAIN = 1;
export const RDB_QUICKLIST_PACKED = 2;
