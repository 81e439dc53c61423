// hot path: no allocation per command
//
// How large a node of a list, or a list in one piece, may become: what list-max-listpack-size (the
// fill) says. From 0 on it is a number of entries, 0 meaning 1; below, a size in bytes, -1 to -5
// for 4 to 64 KiB. Sizes are those of listpacks, header and terminator included, so that lists
// change their encoding where Redis's do.

/** What every list of a server shares. */
export interface ListSettings {
  /** DEBUG QUICKLIST-PACKED-THRESHOLD: elements from this many bytes on get nodes of their own. */
  listPackedThreshold: number;
  /** list-compress-depth; kept and shown, but nothing is compressed. */
  listCompressDepth: number;
}

/** The size that nodes limited by their number of entries must not exceed. */
const COUNTED_BYTES_MAX = 8192;
const SMALLEST_BYTES_MAX = 4096;
/** More than any node has; below the mark of plain nodes. */
const ANY_COUNT = 0x7fff_ffff;
const FILL_MIN = -5;
const FILL_MAX = 32_767;

/** A fill as a list keeps it. */
export function boundedFill(fill: number): number {
  return Math.max(FILL_MIN, Math.min(FILL_MAX, fill));
}

/** The size in bytes that a fill allows. */
export function nodeBytesMax(fill: number): number {
  return fill >= 0 ? COUNTED_BYTES_MAX : SMALLEST_BYTES_MAX << (-Math.max(fill, FILL_MIN) - 1);
}

/** The number of entries that a fill allows. */
export function nodeCountMax(fill: number): number {
  return fill >= 0 ? Math.max(fill, 1) : ANY_COUNT;
}

/** Whether a listpack of so many bytes and entries is more than a fill allows. */
export function exceedsLimit(fill: number, bytes: number, count: number): boolean {
  return bytes > nodeBytesMax(fill) || count > nodeCountMax(fill);
}

/** Whether more than half of what a fill allows is used. */
export function exceedsHalfLimit(fill: number, bytes: number, count: number): boolean {
  if (fill >= 0) return count > nodeCountMax(fill) >>> 1;
  return bytes > nodeBytesMax(fill) / 2;
}
