// hot path: no allocation per command
//
// Intset, Redis's format for small sets of integers, byte for byte:
//
//   +--------+--------+---------+-- - --+---------+
//   | width  | length | element |  ...  | element |    all little-endian; the elements ascending,
//   | u32    | u32    |         |       |         |    none twice, each of `width` bytes
//   +--------+--------+---------+-- - --+---------+
//
// The width is 2, 4 or 8 bytes: that of the widest element ever added; it never shrinks.
//
// An intset is (bytes, start). Nothing here allocates or moves one: to insert, the owner makes room
// and then tells what to do with it.
//
//     const width = widthOf(value);
//     if (width <= widthAt(bytes, start)) {
//       gap of widthAt() bytes at elementOffset(~search(...)); writeElement; setLength
//     } else {
//       room behind the end for intsetBytes(width, length + 1); widen(bytes, start, width); then
//       `value` is smaller or larger than all others, and goes to the front or to the end
//     }

import { Int64 } from "../base/int64.ts";
import { uint32At } from "../base/little-endian.ts";

/** Bytes in front of the first element. */
export const INTSET_HEADER_BYTES = 8;

/** Elements as they are compared and moved, where they have eight bytes. */
const element = new Int64();

/** Bytes of an intset. */
export function intsetBytes(width: number, length: number): number {
  return INTSET_HEADER_BYTES + width * length;
}

/** The width of the elements. */
export function widthAt(bytes: Uint8Array, start: number): number {
  return bytes[start];
}

/** The number of elements. */
export function lengthAt(bytes: Uint8Array, start: number): number {
  return uint32At(bytes, start + 4);
}

/** Writes a header. */
export function writeIntsetHeader(
  target: Uint8Array,
  start: number,
  width: number,
  length: number,
): void {
  target[start] = width;
  target[start + 1] = 0;
  target[start + 2] = 0;
  target[start + 3] = 0;
  setLength(target, start, length);
}

/** Sets the number of elements. */
export function setLength(target: Uint8Array, start: number, length: number): void {
  target[start + 4] = length;
  target[start + 5] = length >>> 8;
  target[start + 6] = length >>> 16;
  target[start + 7] = length >>> 24;
}

/** The narrowest width that holds a value. */
export function widthOf(value: Int64): number {
  const number = value.number;
  if (number >= -0x8000 && number <= 0x7fff) return 2;
  return number >= -0x8000_0000 && number <= 0x7fff_ffff ? 4 : 8;
}

/** Where the element of an index lies, from the start of the intset. */
export function elementOffset(width: number, index: number): number {
  return INTSET_HEADER_BYTES + width * index;
}

/** The element at an offset of the array, of two or four bytes. */
function narrowElement(bytes: Uint8Array, at: number, width: number): number {
  if (width === 2) return ((bytes[at] << 16) | (bytes[at + 1] << 24)) >> 16;
  return uint32At(bytes, at) | 0;
}

/** Loads the element of an index, which is there. */
export function loadElement(bytes: Uint8Array, start: number, index: number, into: Int64): void {
  loadAt(bytes, start, bytes[start], index, into);
}

function loadAt(bytes: Uint8Array, start: number, width: number, index: number, into: Int64): void {
  const at = start + INTSET_HEADER_BYTES + width * index;
  if (width === 8) into.readBytes(bytes, at);
  else into.setNumber(narrowElement(bytes, at, width));
}

/** Writes an element into its place, in the intset's width, which is wide enough. */
export function writeElement(bytes: Uint8Array, start: number, index: number, value: Int64): void {
  writeAt(bytes, start, bytes[start], index, value);
}

function writeAt(
  bytes: Uint8Array,
  start: number,
  width: number,
  index: number,
  value: Int64,
): void {
  const at = start + INTSET_HEADER_BYTES + width * index;
  if (width === 8) {
    value.writeBytes(bytes, at);
    return;
  }
  const low = value.low;
  bytes[at] = low;
  bytes[at + 1] = low >>> 8;
  if (width === 4) {
    bytes[at + 2] = low >>> 16;
    bytes[at + 3] = low >>> 24;
  }
}

/** The index of a value; where it is not an element, `~index` of where it would be inserted. */
export function search(bytes: Uint8Array, start: number, value: Int64): number {
  const width = bytes[start];
  if (width === 8) return searchWide(bytes, start, value);
  const number = value.number;
  const base = start + INTSET_HEADER_BYTES;
  let from = 0;
  let to = lengthAt(bytes, start);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const found = narrowElement(bytes, base + middle * width, width);
    if (found === number) return middle;
    if (found < number) from = middle + 1;
    else to = middle;
  }
  return ~from;
}

function searchWide(bytes: Uint8Array, start: number, value: Int64): number {
  let from = 0;
  let to = lengthAt(bytes, start);
  while (from < to) {
    const middle = (from + to) >>> 1;
    element.readBytes(bytes, start + INTSET_HEADER_BYTES + middle * 8);
    const order = element.compare(value);
    if (order === 0) return middle;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return ~from;
}

/** Whether a value is an element. */
export function containsValue(bytes: Uint8Array, start: number, value: Int64): boolean {
  return search(bytes, start, value) >= 0;
}

/** Rewrites the elements in a larger width, in place; there is room for them behind the end. */
export function widen(bytes: Uint8Array, start: number, width: number): void {
  const old = bytes[start];
  // From the last, since each moves up.
  for (let index = lengthAt(bytes, start) - 1; index >= 0; index--) {
    loadAt(bytes, start, old, index, element);
    writeAt(bytes, start, width, index, element);
  }
  bytes[start] = width;
}

/**
 * Whether a range of unknown origin is an intset; with `deep` also whether its elements ascend.
 * Never reads outside the range.
 */
export function isValidIntset(
  bytes: Uint8Array,
  start: number,
  end: number,
  deep: boolean,
): boolean {
  if (end - start < INTSET_HEADER_BYTES) return false;
  const width = bytes[start];
  if (width !== 2 && width !== 4 && width !== 8) return false;
  if (bytes[start + 1] !== 0 || bytes[start + 2] !== 0 || bytes[start + 3] !== 0) return false;
  const length = lengthAt(bytes, start);
  // An empty set is a key that must not be.
  if (length === 0 || end - start !== intsetBytes(width, length)) return false;
  if (!deep) return true;
  loadAt(bytes, start, width, 0, element);
  for (let index = 1; index < length; index++) {
    previous.setHalves(element.high, element.low);
    loadAt(bytes, start, width, index, element);
    if (element.compare(previous) <= 0) return false;
  }
  return true;
}

/** The element before the one that is checked. */
const previous = new Int64();
