// The keyed hash of keys: once per command that has a key.

import { do_not_optimize } from "mitata";
import { KeyHasher } from "../../../src/base/key-hash.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { randomText, rangesOf, seeded } from "../../harness/data.ts";
import { checkResult, Digest } from "../../harness/digest.ts";

const COUNT = 256;

/**
 * HalfSipHash-1-3 once more, as the paper writes it: on 64-bit integers cut to 32 bits, so that it
 * shares nothing with the code being measured.
 */
function referenceHash(key: readonly [number, number], text: string): number {
  const mask = 0xffff_ffffn;
  const rotate = (value: bigint, by: bigint) => ((value << by) | (value >> (32n - by))) & mask;
  const [k0, k1] = key.map(BigInt);
  let [v0, v1, v2, v3] = [k0, k1, 0x6c796765n ^ k0, 0x74656462n ^ k1];
  const round = () => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 5n) ^ v0;
    v0 = rotate(v0, 16n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 8n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 7n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v2;
    v2 = rotate(v2, 16n);
  };
  const whole = text.length - (text.length % 4);
  const padded = Buffer.alloc(whole + 4);
  padded.write(text, "latin1");
  padded[whole + 3] = text.length & 0xff;
  for (let at = 0; at <= whole; at += 4) {
    const word = BigInt(padded.readUInt32LE(at));
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let k = 0; k < 3; k++) round();
  return Number(BigInt.asIntN(32, v1 ^ v3));
}

benchmark("hash 256 keys of $bytes bytes", function* (args) {
  const random = seeded("key-hash");
  const texts = Array.from({ length: COUNT }, () => randomText(random, args.get("bytes")));
  const { bytes, starts, ends } = rangesOf(texts);
  const key = [random.uint32(), random.uint32()] as const;
  const draws = key.values();
  const hasher = new KeyHasher({ uint32: () => draws.next().value ?? 0 });
  const hashAll = () => {
    let mixed = 0;
    for (let k = 0; k < COUNT; k++) mixed ^= hasher.hash(bytes, starts[k], ends[k]);
    return mixed;
  };
  const [actual, expected] = [new Digest(), new Digest()];
  for (let k = 0; k < COUNT; k++) {
    actual.number(hasher.hash(bytes, starts[k], ends[k]));
    expected.number(referenceHash(key, texts[k]));
  }
  checkResult("KeyHasher", actual.value, expected.value);
  yield () => do_not_optimize(hashAll());
})
  .args("bytes", [4, 15, 16, 64, 256, 1024])
  .gc("inner");
