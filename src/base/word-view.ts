// hot path: no allocation per command
//
// Unaligned 32-bit reads from a byte array. Reading a word through a DataView takes one instruction
// where four bytes and shifts take ten; making the view is what costs, so the newest one is kept.

let cachedBytes: Uint8Array = new Uint8Array(0);
let cachedView: DataView = new DataView(cachedBytes.buffer);

/** A view of the whole array, offsets as in the array. The newest one is cached. */
export function wordView(bytes: Uint8Array): DataView {
  if (bytes === cachedBytes) return cachedView;
  // alloc: one view per input buffer
  cachedView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  cachedBytes = bytes;
  return cachedView;
}

/**
 * The view of the whole array if it is the cached one; undefined where one would have to be made.
 */
export function cachedWordView(bytes: Uint8Array): DataView | undefined {
  return bytes === cachedBytes ? cachedView : undefined;
}
