// hot path: no allocation per command
//
// Unsigned 32-bit numbers in bytes, the lowest byte first, at any alignment: headers of listpacks
// and intsets, handles, RDB's fixed-width fields. For runs of words see `word-view.ts`.

/** The number at an offset. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Writes a number at an offset. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
