// hot path: no allocation per command
//
// The decimal digits of a double as Redis finds them: the algorithm Grisu2 (Florian Loitsch,
// "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010) with cached powers
// of ten eight decades apart. About one double in a thousand gets more digits from it than the
// shortest text that reads back as the same value (1e23 is 99999999999999990000000), so the
// shortest text would not do.
//
// Numbers of 64 bits are pairs of unsigned words, their upper and lower half.

const WORD = 2 ** 32;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

// The product of an upper boundary and a cached power has its exponent in this window.
const EXPONENT_MIN = -60;
const EXPONENT_MAX = -32;
const FIRST_POWER = -348;
const POWER_STEP = 8;
const POWER_COUNT = 87;
const LOG10_2 = 0.30102999566398114;

/** 10^(FIRST_POWER + k * POWER_STEP) as significand * 2^exponent; an upper half of 0 is not yet. */
const powerHigh = new Uint32Array(POWER_COUNT);
const powerLow = new Uint32Array(POWER_COUNT);
const powerExponent = new Int32Array(POWER_COUNT);

/** Cold: computes a cached power, rounded to 64 bits. */
function computePower(index: number): void {
  const power = FIRST_POWER + index * POWER_STEP;
  const magnitude = 10n ** BigInt(Math.abs(power));
  // A quotient with some bits more than needed, so that rounding sees what follows.
  const extra = 72n + BigInt(magnitude.toString(2).length);
  const value = power >= 0 ? magnitude << extra : (1n << (2n * extra)) / magnitude;
  const scale = power >= 0 ? -extra : -2n * extra;
  const drop = BigInt(value.toString(2).length) - 64n;
  const significand = (value + (1n << (drop - 1n))) >> drop;
  powerHigh[index] = Number(significand >> 32n);
  powerLow[index] = Number(significand & 0xffff_ffffn);
  powerExponent[index] = Number(scale + drop);
}

/** Index of the cached power that brings a 64-bit number of this exponent into the window. */
function powerIndexFor(exponent: number): number {
  const decades = Math.trunc(-(exponent + POWER_COUNT) * LOG10_2);
  let index = Math.trunc((decades - FIRST_POWER) / POWER_STEP);
  for (;;) {
    if (powerHigh[index] === 0) computePower(index);
    const product = exponent + powerExponent[index] + 64;
    if (product < EXPONENT_MIN) index++;
    else if (product > EXPONENT_MAX) index--;
    else return index;
  }
}

/** The upper word of a product of two words. */
function upperProduct(left: number, right: number): number {
  const leftHigh = left >>> 16;
  const leftLow = left & 0xffff;
  const rightHigh = right >>> 16;
  const rightLow = right & 0xffff;
  const first = leftHigh * rightLow + ((leftLow * rightLow) >>> 16);
  const second = leftLow * rightHigh + (first & 0xffff);
  return leftHigh * rightHigh + (first >>> 16) + (second >>> 16);
}

let productHigh = 0;
let productLow = 0;

/** Leaves the upper 64 bits of a product, rounded. */
function multiply(high: number, low: number, index: number): void {
  const otherHigh = powerHigh[index];
  const otherLow = powerLow[index];
  const middle =
    (Math.imul(high, otherLow) >>> 0) +
    (Math.imul(low, otherHigh) >>> 0) +
    upperProduct(low, otherLow) +
    0x8000_0000;
  const sum =
    (Math.imul(high, otherHigh) >>> 0) +
    upperProduct(high, otherLow) +
    upperProduct(low, otherHigh) +
    Math.floor(middle / WORD);
  productLow = sum >>> 0;
  productHigh = upperProduct(high, otherHigh) + Math.floor(sum / WORD);
}

/** Digits as ASCII, how many there are, and the power of ten of the last one. */
export const digits = new Uint8Array(24);
export let digitCount = 0;
export let digitPower = 0;

/** Finds the digits of a finite value above zero. */
export function findDigits(value: number): void {
  double[0] = value;
  const raw = words[1] >>> 20;
  let high = raw === 0 ? words[1] : (words[1] & 0xf_ffff) | 0x10_0000;
  let low = words[0];
  const isPower = raw > 1 && low === 0 && high === 0x10_0000;
  // Shifted up to 64 bits.
  const shift = high === 0 ? 32 + Math.clz32(low) : Math.clz32(high);
  if (shift >= 32) {
    high = (low << (shift - 32)) >>> 0;
    low = 0;
  } else {
    high = ((high << shift) | (low >>> (32 - shift))) >>> 0;
    low = (low << shift) >>> 0;
  }
  const exponent = (raw === 0 ? 1 : raw) - 1075 - shift;
  const index = powerIndexFor(exponent);
  boundaries(high, low, shift, isPower, index);
  generate(-(exponent + powerExponent[index] + 64));
  digitPower -= FIRST_POWER + index * POWER_STEP;
}

// The upper boundary, how far the lower one is below it, and how far the value is.
let upperHigh = 0;
let upperLow = 0;
let deltaHigh = 0;
let deltaLow = 0;
let goalHigh = 0;
let goalLow = 0;

/** Finds the middles between a value and its neighbours, all multiplied by a cached power. */
function boundaries(
  high: number,
  low: number,
  shift: number,
  isPower: boolean,
  index: number,
): void {
  // Half the gap to the next number; below a power of two the gap is half as wide.
  const half = 2 ** (shift - 1);
  const halfHigh = Math.floor(half / WORD);
  const halfLow = half % WORD;
  const lowerHalf = isPower ? half / 2 : half;
  const above = low + halfLow;
  multiply((high + halfHigh + Math.floor(above / WORD)) >>> 0, above >>> 0, index);
  // One unit narrower on either side than computed: that is how far off a product may be.
  upperHigh = productLow === 0 ? productHigh - 1 : productHigh;
  upperLow = (productLow - 1) >>> 0;
  const below = low - (lowerHalf % WORD);
  const borrow = below < 0 ? 1 : 0;
  multiply(high - Math.floor(lowerHalf / WORD) - borrow, below >>> 0, index);
  const lowerLow = (productLow + 1) >>> 0;
  const lowerHigh = lowerLow === 0 ? productHigh + 1 : productHigh;
  deltaLow = (upperLow - lowerLow) >>> 0;
  deltaHigh = upperHigh - lowerHigh - (upperLow < lowerLow ? 1 : 0);
  multiply(high, low, index);
  goalLow = (upperLow - productLow) >>> 0;
  goalHigh = upperHigh - productHigh - (upperLow < productLow ? 1 : 0);
}

/**
 * Digits of the upper boundary / 2^one, as few as stay within the lower one; then the last digit
 * moves as close to the value as it can.
 */
function generate(one: number): void {
  const shift = one - 32;
  const mask = 2 ** shift - 1;
  let whole = upperHigh >>> shift;
  let restHigh = upperHigh & mask;
  let restLow = upperLow;
  let place = 1e9;
  digitCount = 0;
  for (digitPower = 9; digitPower >= 0; digitPower--) {
    const digit = Math.floor(whole / place);
    whole -= digit * place;
    if (digit !== 0 || digitCount !== 0) digits[digitCount++] = 48 + digit;
    const leftHigh = whole * (mask + 1) + restHigh;
    if (leftHigh < deltaHigh || (leftHigh === deltaHigh && restLow <= deltaLow)) {
      return weed(leftHigh, restLow, place * (mask + 1));
    }
    place /= 10;
  }
  for (; ; digitPower--) {
    restLow *= 10;
    restHigh = restHigh * 10 + Math.floor(restLow / WORD);
    restLow = restLow >>> 0;
    deltaLow *= 10;
    deltaHigh = (deltaHigh * 10 + Math.floor(deltaLow / WORD)) >>> 0;
    deltaLow = deltaLow >>> 0;
    goalLow *= 10;
    goalHigh = (goalHigh * 10 + Math.floor(goalLow / WORD)) >>> 0;
    goalLow = goalLow >>> 0;
    const digit = restHigh >>> shift;
    restHigh &= mask;
    if (digit !== 0 || digitCount !== 0) digits[digitCount++] = 48 + digit;
    if (restHigh < deltaHigh || (restHigh === deltaHigh && restLow < deltaLow)) {
      return weed(restHigh, restLow, mask + 1);
    }
  }
}

/**
 * Lowers the last digit while that brings what is left closer to the goal and stays within the
 * lower boundary; a unit of that digit is `place` in the upper word.
 */
function weed(leftHigh: number, leftLow: number, place: number): void {
  let high = leftHigh;
  while (high < goalHigh || (high === goalHigh && leftLow < goalLow)) {
    const room = deltaHigh - high - (deltaLow < leftLow ? 1 : 0);
    if (room < place) return;
    const next = high + place;
    const isBelow = next < goalHigh || (next === goalHigh && leftLow < goalLow);
    if (!isBelow) {
      const nearLow = (goalLow - leftLow) >>> 0;
      const nearHigh = goalHigh - high - (goalLow < leftLow ? 1 : 0);
      const farLow = (leftLow - goalLow) >>> 0;
      const farHigh = next - goalHigh - (leftLow < goalLow ? 1 : 0);
      if (nearHigh < farHigh || (nearHigh === farHigh && nearLow <= farLow)) return;
    }
    digits[digitCount - 1]--;
    high = next;
  }
}
