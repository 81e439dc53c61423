// hot path: no allocation per command
//
// Messages as connections keep them until their sockets have taken them: one behind the other in an
// array that is only ever added to, so that whoever was handed a range of it needs no copy. Who
// gets one message after the other is handed ranges that adjoin, and sends them with one write.
//
//   bytes   message | message | message | room
//                             ^start    ^end
//
// An array that is full is left to those who still have ranges of it.

import { copyBytes } from "../base/ascii.ts";
import type { ReplyWriter } from "../resp/reply.ts";

const ARRAY_BYTES = 1 << 16;

/** The messages of one protocol. */
export class SharedMessages {
  readonly #firstByte: number;
  bytes: Uint8Array = new Uint8Array(0);
  /** The newest message is bytes[start, end), unless start is negative. */
  start = -1;
  end = 0;

  /** `firstByte` is what the protocol's messages begin with, in place of what was written. */
  constructor(firstByte: number) {
    this.#firstByte = firstByte;
  }

  /** Adds what was written as the newest message. */
  add(message: ReplyWriter): void {
    const { length } = message;
    if (this.end + length > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(ARRAY_BYTES, length)); // alloc: once in many messages
      this.end = 0;
    }
    this.start = this.end;
    this.end += length;
    copyBytes(this.bytes, this.start, message.buffer, 0, length);
    this.bytes[this.start] = this.#firstByte;
  }
}
