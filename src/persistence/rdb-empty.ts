// An RDB snapshot without any data: what Redis 7 and later write as the base of an append-only file
// that begins empty. This version loads no snapshots, but that one needs no loading.
//
//   "REDIS" 4 digits   *(FA string string)   FF   8 bytes of CRC-64 (from version 5 on)
//   string = length bytes | C0 1 byte | C1 2 bytes | C2 4 bytes      ; integers
//   length = 00xxxxxx | 01xxxxxx xxxxxxxx                      ; 6 or 14 bits

import { latin1Text } from "../base/text.ts";

const HEADER_BYTES = 9;
const AUX = 0xfa;
const END = 0xff;
const CHECKSUM_BYTES = 8;
/** A snapshot larger than this holds data. */
export const EMPTY_RDB_BYTES_MAX = 4096;

/** Whether bytes begin as an RDB snapshot. */
export function isRdb(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && latin1Text(bytes, 0, 5) === "REDIS";
}

/** Whether a whole file is an RDB snapshot with nothing but auxiliary fields. */
export function isEmptyRdb(bytes: Uint8Array): boolean {
  if (!isRdb(bytes)) return false;
  const version = Number(latin1Text(bytes, 5, HEADER_BYTES));
  let at = HEADER_BYTES;
  while (bytes[at] === AUX) {
    at = skipString(bytes, skipString(bytes, at + 1));
    if (at < 0) return false;
  }
  return bytes[at] === END && at + 1 + (version >= 5 ? CHECKSUM_BYTES : 0) === bytes.length;
}

/** The offset behind a string, or -1 where there is none or it needs more than is supported. */
function skipString(bytes: Uint8Array, at: number): number {
  if (at < 0 || at >= bytes.length) return -1;
  const first = bytes[at];
  switch (first >> 6) {
    case 0:
      return at + 1 + first;
    case 1:
      return at + 2 + ((first & 63) << 8) + bytes[at + 1];
    case 3:
      return first <= 0xc2 ? at + 1 + (1 << (first & 3)) : -1;
    default:
      return -1;
  }
}
