// Random numbers. Injected at the root, so that a run can be repeated from a seed.

/** A source of random bits. */
export interface Random {
  /** A uniform unsigned 32-bit integer. */
  uint32(): number;
}

/** A uniform integer in [0, bound), bound at most 2^32; unbiased by rejection. */
export function randomBelow(random: Random, bound: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
  let value = random.uint32();
  while (value >= limit) value = random.uint32();
  return value % bound;
}

/** `length` lower-case hexadecimal characters. */
export function randomHex(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += random.uint32().toString(16).padStart(8, "0");
  return text.slice(0, length);
}

/** xoshiro128** by Blackman and Vigna (https://prng.di.unimi.it/): fast, not for secrets. */
export class Xoshiro implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The state is spread from one 32-bit seed with splitmix32. */
  constructor(seed: number) {
    let state = seed | 0;
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }
}

/** The operating system's generator, for hash seeds and identifiers. */
export const systemRandom: Random = {
  uint32: () => crypto.getRandomValues(new Uint32Array(1))[0],
};
