// hot path: no allocation per command
//
// The 24 access bits of a record, which eviction and OBJECT IDLETIME and FREQ read. Under an LRU
// policy they are the seconds of the last access modulo 2^24; under an LFU policy 16 bits of
// minutes since the counter last decayed and an 8-bit logarithmic counter (the scheme Redis
// documents at https://redis.io/docs/latest/develop/reference/eviction/).

import type { Random } from "../base/random.ts";

const CLOCK_MASK = 0xff_ffff;
const MINUTES_MASK = 0xffff;
const COUNTER_MAX = 255;
/** A new key starts here, so that it is not the first to go. */
const COUNTER_START = 5;

/** How accesses are noted, set from maxmemory-policy and the lfu directives. */
export class AccessPolicy {
  readonly #random: Random;
  isLfu = false;
  /** lfu-log-factor: how much slower the counter grows the larger it is. */
  logFactor = 10;
  /** lfu-decay-time: minutes per decrement; 0 = never. */
  decayMinutes = 1;
  /** The access bits of an access now, under an LRU policy. */
  seconds = 0;
  #minutes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Sets the time that accesses are noted with. */
  setTime(nowMs: number): void {
    this.seconds = Math.floor(nowMs / 1000) & CLOCK_MASK;
    this.#minutes = Math.floor(nowMs / 60000) & MINUTES_MASK;
  }

  /** The access bits of a key created now. */
  initial(): number {
    return this.isLfu ? (this.#minutes << 8) | COUNTER_START : this.seconds;
  }

  /** The access bits, under an LRU policy, of a key that was last used so many seconds ago. */
  idleFor(seconds: number): number {
    return (this.seconds - seconds) & CLOCK_MASK;
  }

  /** The access bits, under an LFU policy, of a key whose counter has this value now. */
  withCounter(counter: number): number {
    return (this.#minutes << 8) | (counter & COUNTER_MAX);
  }

  /** The access bits of a key with these bits after one more access. */
  touched(access: number): number {
    if (!this.isLfu) return this.seconds;
    let counter = this.decayedCounter(access);
    if (counter < COUNTER_MAX) {
      const base = counter > COUNTER_START ? counter - COUNTER_START : 0;
      const chance = 1 / (base * this.logFactor + 1);
      if (this.#random.uint32() / 0x1_0000_0000 < chance) counter++;
    }
    return (this.#minutes << 8) | counter;
  }

  /** Whole seconds since the access that an LRU policy noted. */
  idleSeconds(access: number): number {
    return (this.seconds - access) & CLOCK_MASK;
  }

  /** The LFU counter, less what has decayed since it was written. */
  decayedCounter(access: number): number {
    const counter = access & COUNTER_MAX;
    if (this.decayMinutes === 0) return counter;
    const elapsed = (this.#minutes - (access >>> 8)) & MINUTES_MASK;
    const periods = Math.floor(elapsed / this.decayMinutes);
    return periods >= counter ? 0 : counter - periods;
  }
}
