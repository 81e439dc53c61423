// Encodings that only old servers wrote, made by hand: ziplists, zipmaps, intsets, scores as text.

import { bytesOf, lengthOf, type Part, stringOf } from "./rdb-bytes.ts";

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A time in milliseconds, eight bytes, the lowest first. */
export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

/** A time in seconds, four bytes, the lowest first. */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** How wide a ziplist stores an integer; 0 is in the encoding itself. */
type Width = 0 | 1 | 2 | 3 | 4 | 8;
const CODES: Record<number, number> = { 1: 0xfe, 2: 0xc0, 3: 0xf0, 4: 0xd0, 8: 0xe0 };

export interface PackedInteger {
  readonly value: bigint;
  readonly width: Width;
}

export function packed(value: number | bigint, width: Width): PackedInteger {
  return { value: BigInt(value), width };
}

function ziplistContent(entry: string | PackedInteger): Buffer {
  if (typeof entry !== "string") {
    if (entry.width === 0) return bytesOf(0xf1 + Number(entry.value));
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt.asIntN(64, entry.value));
    return bytesOf(CODES[entry.width], bytes.subarray(0, entry.width));
  }
  const { length } = entry;
  if (length < 64) return bytesOf(length, entry);
  if (length < 16384) return bytesOf(0x40 | (length >> 8), length & 0xff, entry);
  const big = Buffer.alloc(4);
  big.writeUInt32BE(length);
  return bytesOf(0x80, big, entry);
}

/** A ziplist of strings and integers. */
export function ziplist(...entries: (string | PackedInteger)[]): Buffer {
  const parts: Buffer[] = [];
  let at = 10;
  let previous = 0;
  let tail = 10;
  for (const entry of entries) {
    const before = previous < 254 ? bytesOf(previous) : bytesOf(0xfe, uint32(previous));
    const whole = bytesOf(before, ziplistContent(entry));
    parts.push(whole);
    tail = at;
    at += whole.length;
    previous = whole.length;
  }
  return bytesOf(uint32(at + 1), uint32(tail), uint16(entries.length), ...parts, 0xff);
}

function zipmapLength(length: number): Buffer {
  return length < 254 ? bytesOf(length) : bytesOf(0xfe, uint32(length));
}

/** A zipmap of fields and values; each value is followed by as many unused bytes as `free` says. */
export function zipmap(free: number, ...pairs: (readonly [string, string])[]): Buffer {
  const parts = pairs.map(([field, value]) =>
    bytesOf(
      zipmapLength(field.length),
      field,
      zipmapLength(value.length),
      free,
      value,
      "x".repeat(free),
    ),
  );
  return bytesOf(Math.min(pairs.length, 254), ...parts, 0xff);
}

/** An intset of a width, of numbers in ascending order. */
export function intset(width: 2 | 4 | 8, ...numbers: bigint[]): Buffer {
  const parts = numbers.map((number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(number);
    return bytes.subarray(0, width);
  });
  return bytesOf(uint32(width), uint32(numbers.length), ...parts);
}

/** A score as text with its length, or one of the three lengths that mean something else. */
export function textScore(text: "nan" | "inf" | "-inf" | (string & {})): Buffer {
  if (text === "nan") return bytesOf(253);
  if (text === "inf") return bytesOf(254);
  if (text === "-inf") return bytesOf(255);
  return bytesOf(text.length, text);
}

/** A key with a value of a type. */
export function keyOf(type: number, key: string, ...value: Part[]): Buffer {
  return bytesOf(type, stringOf(key), ...value);
}

/** How many elements follow, and they. */
export function counted(...elements: Part[]): Buffer {
  return bytesOf(lengthOf(elements.length), ...elements);
}
