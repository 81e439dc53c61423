// Digests of results. Every bench compares what it measured with what the same data must give, so
// that a benchmark of code that broke, or was optimised away, fails instead of looking fast.

/** Accumulates numbers, bytes and text into one 32-bit value that depends on their order. */
export class Digest {
  value = 0;

  /** Adds a number; its bits as a double count. */
  number(value: number): this {
    scratch[0] = value;
    this.value = Bun.hash.crc32(scratchBytes, this.value);
    return this;
  }

  bytes(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.value = Bun.hash.crc32(bytes.subarray(start, end), this.value);
    return this;
  }

  /** Adds a text of one character per byte. */
  text(text: string): this {
    return this.bytes(Buffer.from(text, "latin1"));
  }
}

const scratch = new Float64Array(1);
const scratchBytes = new Uint8Array(scratch.buffer);

/** The digest of a text of one character per byte. */
export function digestOfText(text: string): number {
  return new Digest().text(text).value;
}

/** Throws unless a bench's result has the digest, or value, that its data must give. */
export function checkResult(name: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new Error(`${name}: the result's digest is ${actual} instead of ${expected}`);
}
