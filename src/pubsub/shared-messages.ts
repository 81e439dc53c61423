// hot path: no allocation per command
//
// Messages as connections keep them until their sockets have taken them: one behind the other in an
// array that is only ever added to, so that whoever was handed a range of it needs no copy. Who
// gets one message after the other is handed ranges that adjoin, and sends them with one write.
//
//   bytes   message | message | message | room
//                             ^start    ^end
//
// Once nobody keeps a range any more, as is usual at the end of a turn, the array is filled from
// its start again, which the processor's caches still hold. One that is full is left to those who
// still have ranges of it; one that was made for a large message is given up after it.

import { copyBytes } from "../base/ascii.ts";
import type { SharedBytes } from "../command/client.ts";
import type { ReplyWriter } from "../resp/reply.ts";

const ARRAY_BYTES = 1 << 16;

/** The messages of one protocol. */
export class SharedMessages {
  readonly #firstByte: number;
  array: SharedBytes = { bytes: new Uint8Array(0), holders: 0 };
  /** The newest message is array.bytes[start, end), unless start is negative. */
  start = -1;
  end = 0;

  /** `firstByte` is what the protocol's messages begin with, in place of what was written. */
  constructor(firstByte: number) {
    this.#firstByte = firstByte;
  }

  /** Adds what was written as the newest message. */
  add(message: ReplyWriter): void {
    const { length } = message;
    const { holders, bytes: former } = this.array;
    if (holders === 0 && former.length <= ARRAY_BYTES) this.end = 0;
    if (this.end + length > former.length) {
      // alloc: once in many messages that wait
      this.array = { bytes: new Uint8Array(Math.max(ARRAY_BYTES, length)), holders: 0 };
      this.end = 0;
    }
    const { bytes } = this.array;
    this.start = this.end;
    this.end += length;
    copyBytes(bytes, this.start, message.buffer, 0, length);
    bytes[this.start] = this.#firstByte;
  }
}
