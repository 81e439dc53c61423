// hot path: no allocation per command
//
// LZF, the compression of strings in RDB files (format: Marc Lehmann's liblzf). A compressed stream
// is a sequence of
//
//   000LLLLL                    L + 1 literal bytes follow
//   LLLooooo oooooooo           a copy of L + 2 bytes (L = 1 to 6) from o + 1 bytes back
//   111ooooo LLLLLLLL oooooooo  a copy of L + 9 bytes from o + 1 bytes back

const HASH_BITS = 14;
const LITERALS_MAX = 32;
const DISTANCE_MAX = 1 << 13;
const COPY_MAX = 264;
const SHORT_COPY_MAX = 8;

/**
 * Where three bytes with this hash stood last, counted on over all calls, so that the table need
 * not be cleared for each: what is below the running call's `base` is another call's.
 */
const positions = new Int32Array(1 << HASH_BITS);
let nextBase = 1;

function hashOf(first: number, second: number, third: number): number {
  const bytes = (first << 16) | (second << 8) | third;
  return Math.imul(bytes, 0x9e3779b1) >>> (32 - HASH_BITS);
}

/**
 * Compresses source[start, end) to target[at, limit). Returns the offset behind the last byte
 * written, or -1 where the result does not fit.
 */
export function lzfCompress(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  limit: number,
): number {
  if (nextBase + end > 0x7fff_ffff) {
    positions.fill(0);
    nextBase = 1;
  }
  const base = nextBase - start;
  nextBase += end - start;
  let from = start;
  let to = at;
  let literalsFrom = start;
  while (from + 2 < end) {
    const slot = hashOf(source[from], source[from + 1], source[from + 2]);
    const match = positions[slot] - base;
    positions[slot] = from + base;
    if (
      match < start ||
      from - match > DISTANCE_MAX ||
      source[match] !== source[from] ||
      source[match + 1] !== source[from + 1] ||
      source[match + 2] !== source[from + 2]
    ) {
      from++;
      continue;
    }
    to = writeLiterals(source, literalsFrom, from, target, to, limit);
    if (to < 0 || to + 3 > limit) return -1;
    const longest = Math.min(end - from, COPY_MAX);
    let length = 3;
    while (length < longest && source[match + length] === source[from + length]) length++;
    const distance = from - match - 1;
    if (length <= SHORT_COPY_MAX) {
      target[to++] = ((length - 2) << 5) | (distance >>> 8);
    } else {
      target[to++] = (7 << 5) | (distance >>> 8);
      target[to++] = length - 9;
    }
    target[to++] = distance & 0xff;
    from += length;
    literalsFrom = from;
  }
  return writeLiterals(source, literalsFrom, end, target, to, limit);
}

/** Writes source[from, end) as runs of literals. Returns as `lzfCompress`. */
function writeLiterals(
  source: Uint8Array,
  from: number,
  end: number,
  target: Uint8Array,
  at: number,
  limit: number,
): number {
  let to = at;
  for (let next = from; next < end; ) {
    const count = Math.min(end - next, LITERALS_MAX);
    if (to + count + 1 > limit) return -1;
    target[to++] = count - 1;
    for (let k = 0; k < count; k++) target[to++] = source[next++];
  }
  return to;
}

/**
 * Expands source[start, end) to exactly target[at, limit). False where the stream is malformed or
 * has another length; nothing outside of the two ranges is touched.
 */
export function lzfDecompress(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  limit: number,
): boolean {
  let from = start;
  let to = at;
  while (from < end) {
    const control = source[from++];
    if (control < LITERALS_MAX) {
      const count = control + 1;
      if (from + count > end || to + count > limit) return false;
      for (let k = 0; k < count; k++) target[to++] = source[from++];
      continue;
    }
    let length = control >>> 5;
    if (length === 7) {
      if (from >= end) return false;
      length += source[from++];
    }
    length += 2;
    if (from >= end) return false;
    let match = to - (((control & 31) << 8) | source[from++]) - 1;
    if (match < at || to + length > limit) return false;
    for (let k = 0; k < length; k++) target[to++] = target[match++];
  }
  return to === limit;
}
