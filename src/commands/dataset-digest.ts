// DEBUG DIGEST: a fingerprint of the data that does not depend on the order of keys, computed as
// Redis does, so that the two can be compared: SHA-1 sums, chained where order counts ("mix") and
// xor-ed where it does not.

import { assert } from "../base/assert.ts";
import { latin1Bytes } from "../base/text.ts";
import { NO_EXPIRY, type RecordView, STRING } from "../structures/record.ts";
import type { Context } from "./features.ts";

const DIGEST_BYTES = 20;
const EXPIRE_MARK = latin1Bytes("!!expire!!");
const SCAN_KEYS = 1024;

/** A digest being built. */
class Digest {
  readonly bytes = new Uint8Array(DIGEST_BYTES);
  readonly #sum = new Uint8Array(DIGEST_BYTES);

  /** Adds bytes so that the order of additions does not matter. */
  xor(bytes: Uint8Array): void {
    Bun.SHA1.hash(bytes, this.#sum);
    for (let k = 0; k < DIGEST_BYTES; k++) this.bytes[k] ^= this.#sum[k];
  }

  /** Adds bytes so that the order of additions matters. */
  mix(bytes: Uint8Array): void {
    this.xor(bytes);
    Bun.SHA1.hash(this.bytes, this.#sum);
    this.bytes.set(this.#sum);
  }

  mixNumber(value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    this.mix(bytes);
  }

  /** Adds type, value and whether there is an expiry; not its time. */
  addValue(view: RecordView): void {
    assert(view.type === STRING, "a value's digest is known for its type");
    this.mixNumber(view.type);
    this.mix(view.bytes.subarray(view.valueStart, view.valueEnd));
    if (view.expiryMs !== NO_EXPIRY) this.xor(EXPIRE_MARK);
  }

  get hex(): string {
    return Buffer.from(this.bytes).toString("hex");
  }
}

/** The digest of every key of every database, as 40 hexadecimal characters. */
export function datasetDigest(c: Context): string {
  const whole = new Digest();
  const { keyspace } = c.server;
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    whole.mixNumber(db.index);
    let position = 0;
    do {
      position = db.scan(keyspace.view, position, SCAN_KEYS, (view) => {
        const own = new Digest();
        own.mix(view.bytes.subarray(view.keyStart, view.keyEnd));
        own.addValue(view);
        whole.xor(own.bytes);
      });
    } while (position !== 0);
  }
  return whole.hex;
}

/** The digest of one value; zeros for a key that does not exist. */
export function valueDigest(view: RecordView | undefined): string {
  const digest = new Digest();
  if (view !== undefined) digest.addValue(view);
  return digest.hex;
}
