// hot path: no allocation per command
//
// Unaligned 32-bit reads from a byte array. Reading a word through a DataView takes one instruction
// where four bytes and shifts take ten; making the view is what costs, so the newest two are kept:
// scripts' commands lie on Lua's heap, and the commands that run scripts in the input.

let cachedBytes: Uint8Array = new Uint8Array(0);
let cachedView: DataView = new DataView(cachedBytes.buffer);
let olderBytes = cachedBytes;
let olderView = cachedView;

/** A view of the whole array, offsets as in the array. The newest two are cached. */
export function wordView(bytes: Uint8Array): DataView {
  return bytes === cachedBytes ? cachedView : otherView(bytes);
}

function otherView(bytes: Uint8Array): DataView {
  const isKept = bytes === olderBytes;
  // alloc: one view per input buffer
  const view = isKept ? olderView : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  olderBytes = cachedBytes;
  olderView = cachedView;
  cachedBytes = bytes;
  cachedView = view;
  return view;
}

/**
 * The view of the whole array if it is the newest one; undefined where one would have to be made.
 */
export function cachedWordView(bytes: Uint8Array): DataView | undefined {
  return bytes === cachedBytes ? cachedView : undefined;
}
