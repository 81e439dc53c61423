// Whether a block of stream entries that comes from a file or from RESTORE is sound: everything
// that walking, reading and deleting its entries relies on. For the layout see `stream-block.ts`.

import { firstEntry, isIntegerEntry, isValidListpack, nextEntry, TERMINATOR } from "./listpack.ts";
import { ENTRY_DELETED, readEntryId, SAME_FIELDS, smallInteger } from "./stream-block.ts";
import { StreamId } from "./stream-id.ts";

const INTEGER_64 = 0xf4;
/** Flags, the two deltas. */
const ENTRY_HEAD_ELEMENTS = 3;

/** Checks blocks one after the other, whose IDs must ascend. */
export class BlockChecker {
  /** The last entry's ID, deleted or not; of the block checked last, and none before the first. */
  readonly lastId = new StreamId();
  /** The first entry's that is not deleted. */
  readonly firstLiveId = new StreamId();
  /** Entries of the block checked last that are not deleted. */
  live = 0;
  #isFirst = true;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** The integer that `#small` read. */
  #value = 0;

  /** Whether bytes[start, end) is a sound block with a master ID, behind all those before. */
  accepts(bytes: Uint8Array, start: number, end: number, master: StreamId): boolean {
    if (!isValidListpack(bytes, start, end, true)) return false;
    this.#bytes = bytes;
    this.#at = firstEntry(start);
    if (!this.#small()) return false;
    const live = this.#value;
    if (!this.#small()) return false;
    const deleted = this.#value;
    if (!this.#small()) return false;
    const fieldCount = this.#value;
    if (live <= 0 || deleted < 0 || fieldCount < 0 || !this.#skip(fieldCount)) return false;
    if (!this.#small() || this.#value !== 0) return false;
    return this.#entriesAre(live, deleted, fieldCount, master);
  }

  #entriesAre(live: number, deleted: number, fieldCount: number, master: StreamId): boolean {
    const bytes = this.#bytes;
    const id = new StreamId();
    let deletedSeen = 0;
    this.live = 0;
    while (bytes[this.#at] !== TERMINATOR) {
      const at = this.#at;
      // Flags are read as one byte.
      if (bytes[at] > (ENTRY_DELETED | SAME_FIELDS)) return false;
      const flags = bytes[at];
      this.#at = nextEntry(bytes, at);
      if (!this.#integer() || !this.#integer()) return false;
      readEntryId(bytes, at, master, id);
      const isMaster = id.compare(master) === 0;
      if (this.live + deletedSeen === 0 && !isMaster) return false;
      if (!this.#isFirst && id.compare(this.lastId) <= 0) return false;
      this.#isFirst = false;
      this.lastId.copy(id);
      if (!this.#body(flags, fieldCount)) return false;
      if ((flags & ENTRY_DELETED) !== 0) {
        deletedSeen++;
      } else {
        if (this.live === 0) this.firstLiveId.copy(id);
        this.live++;
      }
    }
    return this.live === live && deletedSeen === deleted;
  }

  /** What follows an entry's deltas: fields and values, and the count of elements. */
  #body(flags: number, masterFields: number): boolean {
    let elements = masterFields;
    let before = ENTRY_HEAD_ELEMENTS;
    if ((flags & SAME_FIELDS) === 0) {
      if (!this.#small() || this.#value < 0) return false;
      elements = this.#value * 2;
      before++;
    }
    return this.#skip(elements) && this.#small() && this.#value === elements + before;
  }

  /** Steps over an integer. */
  #integer(): boolean {
    const at = this.#at;
    if (this.#bytes[at] === TERMINATOR || !isIntegerEntry(this.#bytes, at)) return false;
    this.#at = nextEntry(this.#bytes, at);
    return true;
  }

  /** Reads an integer of at most 32 bits to `#value`. */
  #small(): boolean {
    const at = this.#at;
    if (this.#bytes[at] === INTEGER_64 || !this.#integer()) return false;
    this.#value = smallInteger(this.#bytes, at);
    return true;
  }

  /** Steps over elements of any kind. */
  #skip(count: number): boolean {
    const bytes = this.#bytes;
    for (let k = 0; k < count; k++) {
      if (bytes[this.#at] === TERMINATOR) return false;
      this.#at = nextEntry(bytes, this.#at);
    }
    return true;
  }
}
