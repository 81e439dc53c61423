import { expect, test } from "bun:test";
import { murmur, murmurHash64 } from "../../../src/base/murmur-hash.ts";
import { latin1Bytes } from "../../../src/base/text.ts";

const TEXT = "The quick brown fox jumps over the lazy dog";
/** Of the text's first 0, 1, 2... bytes, by the author's C code under the seed 0xadc83b19. */
const HASHES = [
  ...["d8dfea6585bc9732", "54f437c0fd1dc9ea", "33998b2ab0a8a8e8", "f2de48f407e0dea2"],
  ...["00d9f9e189325c37", "5aa75fe24f02bdf4", "d4ae00145a08d272", "43b72f8a55f3f37a"],
  ...["79054dfaf67ec472", "352769a5f7d93619", "30a817dc13d26a7c", "c4736bc83ac7fc3e"],
  ...["4c5bbef7d62cdb60", "042216901c15c50a", "6884d19b430986c6", "2f1bebcd7dbc06d1"],
  ...["25e060c74b1bbfa2", "a9a866792a602780", "33d11229f16ea40f"],
];

/** The hash of a range at some distance from the start of an array. */
function hashOf(text: string, seed: number): string {
  const bytes = latin1Bytes(`..${text}.`);
  murmurHash64(bytes, 2, bytes.length - 1, seed);
  const halves = [murmur.high, murmur.low].map((half) => half >>> 0);
  return halves.map((half) => half.toString(16).padStart(8, "0")).join("");
}

test("the hash is MurmurHash64A at every length", () => {
  for (const [length, hash] of HASHES.entries()) {
    expect(hashOf(TEXT.slice(0, length), 0xadc83b19 | 0)).toBe(hash);
  }
  expect(hashOf(TEXT, 0)).toBe("5589ca33042a861b");
});
