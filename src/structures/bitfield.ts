// hot path: no allocation per command
//
// Integers of 1 to 64 bits anywhere in a string, as BITFIELD reads, writes and adds to them.
//
// A 64-bit integer is two int32 halves, `high` and `low`; a field narrower than that is extended to
// 64 bits by its sign, or by zeros if it is unsigned. Bits are numbered from the highest of byte 0,
// and the highest bit of a field stands first:
//
//   i5 at offset 6      byte 0 ......43  byte 1 210.....
//
// Results are left in `field`, one object for all.

/** What becomes of a result that does not fit its field. */
export const WRAP = 0;
export const SATURATE = 1;
export const FAIL = 2;

/** A 64-bit integer. */
export interface Int64 {
  high: number;
  low: number;
}

/** The result of the last call of a function of this file. */
export const field: Int64 = { high: 0, low: 0 };

const TWO_32 = 0x1_0000_0000;

/** Splits a safe integer. */
export function setField(value: number): void {
  field.high = Math.floor(value / TWO_32) | 0;
  field.low = value | 0;
}

/** Cold: splits an int64. */
export function setField64(value: bigint): void {
  field.high = Number(BigInt.asIntN(32, value >> 32n));
  field.low = Number(BigInt.asIntN(32, value));
}

/** Whether `field` is a safe integer. */
export function fieldIsSafe(): boolean {
  return field.high >= -0x20_0000 && field.high < 0x20_0000;
}

/** `field` as a number; exact where `fieldIsSafe`. */
export function fieldNumber(): number {
  return field.high * TWO_32 + (field.low >>> 0);
}

/** Cold: `field` as an int64. */
export function field64(): bigint {
  return (BigInt(field.high) << 32n) | BigInt(field.low >>> 0);
}

/** Reads a field of bytes[start, end), whose bytes behind the end count as zero. */
export function readField(
  bytes: Uint8Array,
  start: number,
  end: number,
  offset: number,
  width: number,
  isSigned: boolean,
): void {
  const first = start + Math.floor(offset / 8);
  const shift = offset % 8;
  let high = 0;
  let low = 0;
  for (let at = first; at < first + 4; at++) high = (high << 8) | (at < end ? bytes[at] : 0);
  for (let at = first + 4; at < first + 8; at++) low = (low << 8) | (at < end ? bytes[at] : 0);
  if (shift > 0) {
    // Up to 64 + 7 bits are of interest: a ninth byte.
    const ninth = first + 8 < end ? bytes[first + 8] : 0;
    high = (high << shift) | (low >>> (32 - shift));
    low = (low << shift) | (ninth >>> (8 - shift));
  }
  if (width <= 32) {
    low = isSigned ? high >> (32 - width) : high >>> (32 - width);
    high = isSigned ? low >> 31 : 0;
  } else if (width < 64) {
    const dropped = 64 - width;
    low = (low >>> dropped) | (high << (32 - dropped));
    high = isSigned ? high >> dropped : high >>> dropped;
  }
  field.high = high | 0;
  field.low = low | 0;
}

/** Writes the low bits of `field` into the string at `start`; its bytes must exist. */
export function writeField(bytes: Uint8Array, start: number, offset: number, width: number): void {
  let { high, low } = field;
  let rest = width;
  let bit = offset + width - 1;
  while (rest > 0) {
    const at = start + Math.floor(bit / 8);
    const place = bit % 8;
    const count = Math.min(rest, place + 1);
    const shift = 7 - place;
    const mask = ((1 << count) - 1) << shift;
    bytes[at] = (bytes[at] & ~mask) | ((low << shift) & mask);
    low = (low >>> count) | (high << (32 - count));
    high >>>= count;
    rest -= count;
    bit -= count;
  }
}

/** Compares as signed integers. */
function isLess(leftHigh: number, leftLow: number, rightHigh: number, rightLow: number): boolean {
  if (leftHigh !== rightHigh) return leftHigh < rightHigh;
  return leftLow >>> 0 < rightLow >>> 0;
}

function carryOf(left: number, right: number): number {
  return (left >>> 0) + (right >>> 0) >= TWO_32 ? 1 : 0;
}

function borrowOf(left: number, right: number): number {
  return left >>> 0 < right >>> 0 ? 1 : 0;
}

/**
 * Adds an increment to a value and leaves in `field` what a field of `width` bits then holds. Where
 * the sum does not fit, or the value itself does not, `policy` decides what that is, and the result
 * is true.
 */
export function addToField(
  value: Int64,
  increment: Int64,
  width: number,
  isSigned: boolean,
  policy: number,
): boolean {
  if (isSigned) return addSigned(value, increment, width, policy);
  return addUnsigned(value, increment, width, policy);
}

function addSigned(value: Int64, increment: Int64, width: number, policy: number): boolean {
  const maxHigh = width > 32 ? (width === 64 ? 0x7fff_ffff : (1 << (width - 33)) - 1) : 0;
  const maxLow = width > 32 ? -1 : ((1 << (width - 1)) - 1) | 0;
  const isWide = width === 64;
  const { high, low } = value;
  const raises = increment.high > 0 || (increment.high === 0 && increment.low !== 0);
  // What may be added and taken away. The differences wrap around for values that no field holds,
  // which Redis lets happen: then the wrong end counts as passed.
  const roomLow = (maxLow - low) | 0;
  const roomHigh = (maxHigh - high - borrowOf(maxLow, low)) | 0;
  const exceeds = isLess(roomHigh, roomLow, increment.high, increment.low);
  const isAbove =
    isLess(maxHigh, maxLow, high, low) || (exceeds && (!isWide || (high >= 0 && raises)));
  if (isAbove) {
    if (policy === WRAP) wrapSigned(value, increment, width);
    else setHalves(maxHigh, maxLow);
    return true;
  }
  const minHigh = ~maxHigh;
  const minLow = ~maxLow;
  const depthLow = (minLow - low) | 0;
  const depthHigh = (minHigh - high - borrowOf(minLow, low)) | 0;
  const undercuts = isLess(increment.high, increment.low, depthHigh, depthLow);
  const isBelow =
    isLess(high, low, minHigh, minLow) ||
    (undercuts && (!isWide || (high < 0 && increment.high < 0)));
  if (isBelow && policy === SATURATE) setHalves(minHigh, minLow);
  else wrapSigned(value, increment, width);
  return isBelow;
}

/** Leaves the sum's low bits, extended by their sign. */
function wrapSigned(value: Int64, increment: Int64, width: number): void {
  const low = (value.low + increment.low) | 0;
  const high = (value.high + increment.high + carryOf(value.low, increment.low)) | 0;
  if (width > 32) {
    const dropped = 64 - width;
    setHalves((high << dropped) >> dropped, low);
  } else {
    const kept = (low << (32 - width)) >> (32 - width);
    setHalves(kept >> 31, kept);
  }
}

function addUnsigned(value: Int64, increment: Int64, width: number, policy: number): boolean {
  const maxHigh = width >= 32 ? ((1 << (width - 32)) - 1) | 0 : 0;
  const maxLow = width >= 32 ? -1 : (1 << width) - 1;
  const { high, low } = value;
  const raises = increment.high > 0 || (increment.high === 0 && increment.low !== 0);
  const roomLow = (maxLow - low) | 0;
  const roomHigh = (maxHigh - high - borrowOf(maxLow, low)) | 0;
  // No field of 63 bits reaches a negative half: such a value is too large.
  const isAbove =
    high < 0 ||
    isLess(maxHigh, maxLow, high, low) ||
    (raises && isLess(roomHigh, roomLow, increment.high, increment.low));
  const depthLow = -low | 0;
  const depthHigh = (-high - borrowOf(0, low)) | 0;
  const isBelow =
    !isAbove && increment.high < 0 && isLess(increment.high, increment.low, depthHigh, depthLow);
  if (policy === SATURATE && isAbove) {
    setHalves(maxHigh, maxLow);
  } else if (policy === SATURATE && isBelow) {
    setHalves(0, 0);
  } else {
    const sumLow = (low + increment.low) | 0;
    const sumHigh = (high + increment.high + carryOf(low, increment.low)) | 0;
    setHalves(sumHigh & maxHigh, sumLow & maxLow);
  }
  return isAbove || isBelow;
}

function setHalves(high: number, low: number): void {
  field.high = high;
  field.low = low;
}
