// hot path: no allocation per command
//
// Which clients have read which keys, and are to be told when those change. A key is known by its
// name alone, whatever the database.
//
// The table is a member table of the keyspace's pool, so that a million keys are no objects, their
// memory is counted exactly and compaction moves them like everything else:
//
//   record   header | key | identifiers of clients, 6 bytes each (low word, high half), ascending
//
// An identifier stays until its key is taken out, though its client may long have left or turned
// tracking off: to look for it would cost more. Identifiers are never used again.

import { copyBytes } from "../base/ascii.ts";
import { uint32At, writeUint32 } from "../base/little-endian.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { NULL_REF } from "../memory/pool.ts";
import { MemberTable } from "../structures/member-table.ts";
import { HASH, NO_EXPIRY, type RecordView } from "../structures/record.ts";

/** Bytes of an identifier, which is below 2^48. */
const ID_BYTES = 6;

/** Keys and the clients that have read them. */
export class TrackingTable {
  readonly #keyspace: Keyspace;
  /** Made with the first key: an empty one would take memory where nobody caches. */
  #members: MemberTable | undefined;
  #handle = 0;
  /** Identifiers of all keys. */
  itemCount = 0;
  /** The identifiers of the key that was taken out last: the first `takenCount`. */
  taken = new Float64Array(16);
  takenCount = 0;
  #scratch = new Uint8Array(16 * ID_BYTES);

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  get keyCount(): number {
    return this.#members?.size ?? 0;
  }

  /** Whether the table has the key bytes[start, end). */
  has(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    const members = this.#members;
    if (members === undefined || members.size === 0) return false;
    return members.find(bytes, start, end, hash) !== NULL_REF;
  }

  /** Notes that a client has read the key bytes[start, end). Throws where memory runs out. */
  add(bytes: Uint8Array, start: number, end: number, hash: number, id: number): void {
    const members = this.#members ?? this.#make();
    const ref = members.find(bytes, start, end, hash);
    if (ref === NULL_REF) {
      const view = members.load(members.insert(bytes, start, end, hash, ID_BYTES, NO_EXPIRY));
      writeId(view.bytes, view.valueStart, id);
    } else {
      const view = members.load(ref, hash);
      const at = positionOf(view, id);
      if (at < view.valueEnd && readId(view.bytes, at) === id) return;
      this.#insert(members, ref, hash, at - view.valueStart, id);
    }
    this.itemCount++;
  }

  /** Cold: makes the table. */
  #make(): MemberTable {
    const members = new MemberTable(this.#keyspace.structures, HASH);
    this.#members = members;
    this.#handle = this.#keyspace.containers.add(members);
    return members;
  }

  /** Adds an identifier at an offset among those of a key. */
  #insert(members: MemberTable, ref: number, hash: number, offset: number, id: number): void {
    const { valueStart, valueLength, bytes } = members.view;
    if (this.#scratch.length < valueLength) {
      // alloc: doubling
      this.#scratch = new Uint8Array(valueLength * 2);
    }
    const scratch = this.#scratch;
    copyBytes(scratch, 0, bytes, valueStart, valueStart + valueLength);
    const view = members.load(members.replaceValue(ref, hash, valueLength + ID_BYTES));
    const target = view.bytes;
    const start = view.valueStart;
    copyBytes(target, start, scratch, 0, offset);
    writeId(target, start + offset, id);
    copyBytes(target, start + offset + ID_BYTES, scratch, offset, valueLength);
  }

  /** Takes a key out and leaves its clients in `taken`; false where the table does not have it. */
  take(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    this.takenCount = 0;
    const members = this.#members;
    if (members === undefined || members.size === 0) return false;
    const ref = members.find(bytes, start, end, hash);
    if (ref === NULL_REF) return false;
    members.load(ref, hash);
    this.#takeLoaded(members, ref, hash);
    return true;
  }

  /** A random key, which `takeDrawn` takes out. Not if the table is empty. */
  draw(): RecordView {
    const members = this.#members!;
    return members.load(members.random(), members.randomHash);
  }

  /** Takes out the key that has just been drawn, and leaves its clients in `taken`. */
  takeDrawn(): void {
    const members = this.#members!;
    const { ref, hash } = members.view;
    this.#takeLoaded(members, ref, hash);
  }

  #takeLoaded(members: MemberTable, ref: number, hash: number): void {
    const { bytes, valueStart, valueLength } = members.view;
    const count = valueLength / ID_BYTES;
    if (this.taken.length < count) {
      // alloc: doubling
      this.taken = new Float64Array(count * 2);
    }
    for (let k = 0; k < count; k++) this.taken[k] = readId(bytes, valueStart + k * ID_BYTES);
    this.takenCount = count;
    this.itemCount -= count;
    members.remove(ref, hash);
  }

  /** Cold: forgets every key. */
  clear(): void {
    if (this.#members === undefined) return;
    const { containers, lazyFree } = this.#keyspace;
    lazyFree.discard(containers.remove(this.#handle));
    this.#members = undefined;
    this.itemCount = 0;
  }
}

/** Where an identifier stands in a view's value, or would stand. */
function positionOf(view: RecordView, id: number): number {
  const { bytes, valueStart, valueLength } = view;
  let low = 0;
  let high = valueLength / ID_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (readId(bytes, valueStart + middle * ID_BYTES) < id) low = middle + 1;
    else high = middle;
  }
  return valueStart + low * ID_BYTES;
}

function readId(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) + (bytes[at + 4] | (bytes[at + 5] << 8)) * 2 ** 32;
}

function writeId(bytes: Uint8Array, at: number, id: number): void {
  writeUint32(bytes, at, id);
  const high = Math.floor(id / 2 ** 32);
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
}
