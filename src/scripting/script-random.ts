// The random numbers of scripts: drand48's generator, which Redis uses so that a script draws the
// same numbers in each run and on every machine. State and multiplier have 48 bits, kept in halves
// of 24 so that products stay exact.

const HALF = 1 << 24;
const MULTIPLIER_HIGH = 0x5de;
const MULTIPLIER_LOW = 0xece66d;
const INCREMENT = 0xb;
const LOW_SEED = 0x330e;
const INT31_MAX = 0x7fffffff;

/** One sequence. */
export class ScriptRandom {
  #high = 0;
  #low = LOW_SEED;

  /** Starts anew from a 32-bit seed. */
  seed(seed: number): void {
    // The seed's bits are bits 16 to 47 of the state.
    this.#low = ((seed & 0xff) << 16) | LOW_SEED;
    this.#high = (seed >>> 8) & 0xffffff;
  }

  /** The next number of [0, 1). */
  next(): number {
    const low = this.#low * MULTIPLIER_LOW + INCREMENT;
    const carry = Math.floor(low / HALF);
    const high = this.#high * MULTIPLIER_LOW + this.#low * MULTIPLIER_HIGH + carry;
    this.#low = low % HALF;
    this.#high = high % HALF;
    // The upper 31 bits.
    const bits = this.#high * 128 + (this.#low >>> 17);
    return (bits % INT31_MAX) / INT31_MAX;
  }
}
