// hot path: no allocation per command
//
// Strings as rows of bits: counting, searching, combining. Bit 0 is the highest bit of byte 0.
//
// A string lies at any offset of its chunk, which is why whole words are reached in three steps:
// single bytes up to the next word boundary, words, and the bytes that are left. `words` is the
// chunk's 32-bit view of the same memory as `bytes`.

const BYTE_BITS = 8;
const WORD_BYTES = 4;
/** Words that are added up bit by bit before anything is counted. */
const GROUP_WORDS = 7;

export const NOT_FOUND = -1;

/** Number of set bits in a byte. */
function countByte(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55);
  const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33);
  return (nibbles + (nibbles >>> 4)) & 0x0f;
}

/** Number of set bits in each byte of a word. */
function lanesOf(word: number): number {
  const pairs = (word - ((word >>> 1) & 0x55555555)) | 0;
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return (nibbles + (nibbles >>> 4)) & 0x0f0f0f0f;
}

/** The sum of four bytes; at most 255. */
function sumOfLanes(lanes: number): number {
  return Math.imul(lanes, 0x01010101) >>> 24;
}

/**
 * Number of set bits in GROUP_WORDS words. Adders, each of which turns three words into a word of
 * sums and one of carries, leave three words to be counted: of ones, of twos and of fours.
 */
function countGroup(words: Uint32Array, at: number): number {
  const first = words[at] | 0;
  const second = words[at + 1] | 0;
  const third = words[at + 2] | 0;
  const fourth = words[at + 3] | 0;
  const fifth = words[at + 4] | 0;
  const sixth = words[at + 5] | 0;
  const seventh = words[at + 6] | 0;
  let half = first ^ second;
  const carry1 = (first & second) | (half & third);
  const sum1 = half ^ third;
  half = sum1 ^ fourth;
  const carry2 = (sum1 & fourth) | (half & fifth);
  const sum2 = half ^ fifth;
  half = sum2 ^ sixth;
  const carry3 = (sum2 & sixth) | (half & seventh);
  const ones = half ^ seventh;
  half = carry1 ^ carry2;
  const fours = (carry1 & carry2) | (half & carry3);
  const twos = half ^ carry3;
  // At most 7 times 8 in a byte, 224 in all.
  return sumOfLanes(lanesOf(ones) + (lanesOf(twos) << 1) + (lanesOf(fours) << 2));
}

/** Number of set bits in bytes[start, end). */
export function countBits(
  bytes: Uint8Array,
  words: Uint32Array,
  start: number,
  end: number,
): number {
  let count = 0;
  let at = start;
  while (at < end && (at & (WORD_BYTES - 1)) !== 0) count += countByte(bytes[at++]);
  let word = at >>> 2;
  const wordsEnd = word + ((end - at) >>> 2);
  for (; word + GROUP_WORDS <= wordsEnd; word += GROUP_WORDS) count += countGroup(words, word);
  for (; word < wordsEnd; word++) count += sumOfLanes(lanesOf(words[word] | 0));
  at = Math.max(at, word * WORD_BYTES);
  while (at < end) count += countByte(bytes[at++]);
  return count;
}

/** Number of set bits among bits [first, last] of the string at `start`; its bytes must exist. */
export function countBitRange(
  bytes: Uint8Array,
  words: Uint32Array,
  start: number,
  first: number,
  last: number,
): number {
  const firstByte = start + byteOf(first);
  const lastByte = start + byteOf(last);
  const before = bytes[firstByte] & ~(0xff >> bitOf(first));
  const behind = bytes[lastByte] & (0x7f >> bitOf(last));
  return countBits(bytes, words, firstByte, lastByte + 1) - countByte(before) - countByte(behind);
}

/**
 * The first bit among bits [first, last] of the string at `start` that equals `bit`, or NOT_FOUND;
 * the range's bytes must exist.
 */
export function findBit(
  bytes: Uint8Array,
  words: Uint32Array,
  start: number,
  first: number,
  last: number,
  bit: number,
): number {
  // Turned so that a set bit is what is looked for.
  const flip = bit === 0 ? 0xff : 0;
  const skippedWord = bit === 0 ? 0xffff_ffff : 0;
  const end = start + byteOf(last) + 1;
  let at = start + byteOf(first);
  let candidate = (bytes[at] ^ flip) & (0xff >> bitOf(first));
  if (candidate === 0) {
    at++;
    while (at < end && (at & (WORD_BYTES - 1)) !== 0 && bytes[at] === (skippedWord & 0xff)) at++;
    if (at < end && (at & (WORD_BYTES - 1)) === 0) {
      let word = at >>> 2;
      const wordsEnd = word + ((end - at) >>> 2);
      while (word < wordsEnd && words[word] === skippedWord) word++;
      at += (word - (at >>> 2)) * WORD_BYTES;
      while (at < end && bytes[at] === (skippedWord & 0xff)) at++;
    }
    if (at >= end) return NOT_FOUND;
    candidate = bytes[at] ^ flip;
  }
  const found = (at - start) * BYTE_BITS + Math.clz32(candidate) - 24;
  return found <= last ? found : NOT_FOUND;
}

/** The byte that holds a bit; bits are counted beyond 32 bits. */
export function byteOf(bit: number): number {
  return Math.floor(bit / BYTE_BITS);
}

/** The place of a bit in its byte, 0 the highest. */
export function bitOf(bit: number): number {
  return bit % BYTE_BITS;
}

export const AND = 0;
export const OR = 1;
export const XOR = 2;
export const NOT = 3;
// From here on, operations need the second buffer of `combineWords`.

/** Set in the first string and in none of the others. */
export const DIFF = 4;
/** Set in one or more of the others, but not in the first. */
export const DIFF1 = 5;
/** Set in the first string and in one or more of the others. */
export const ANDOR = 6;
/** Set in exactly one of the strings. */
export const ONE = 7;

/**
 * Combines the next string's words into an accumulator, which the first string was copied to. For
 * ONE, `seen` collects the bits that were set in two strings or more; for the operations that ask
 * for "one or more of the others", it collects the others, and `finishWords` ends them.
 */
export function combineWords(
  operation: number,
  accumulator: Int32Array,
  seen: Int32Array,
  next: Int32Array,
  count: number,
): void {
  switch (operation) {
    case AND:
      for (let k = 0; k < count; k++) accumulator[k] &= next[k];
      return;
    case OR:
      for (let k = 0; k < count; k++) accumulator[k] |= next[k];
      return;
    case XOR:
      for (let k = 0; k < count; k++) accumulator[k] ^= next[k];
      return;
    case ONE:
      for (let k = 0; k < count; k++) {
        seen[k] |= accumulator[k] & next[k];
        accumulator[k] |= next[k];
      }
      return;
    default:
      for (let k = 0; k < count; k++) seen[k] |= next[k];
  }
}

/** Ends an operation after the last string; see `combineWords`. */
export function finishWords(
  operation: number,
  accumulator: Int32Array,
  seen: Int32Array,
  count: number,
): void {
  switch (operation) {
    case NOT:
      for (let k = 0; k < count; k++) accumulator[k] = ~accumulator[k];
      return;
    case DIFF:
    case ONE:
      for (let k = 0; k < count; k++) accumulator[k] &= ~seen[k];
      return;
    case DIFF1:
      for (let k = 0; k < count; k++) accumulator[k] = seen[k] & ~accumulator[k];
      return;
    case ANDOR:
      for (let k = 0; k < count; k++) accumulator[k] &= seen[k];
  }
}
