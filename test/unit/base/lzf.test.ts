// LZF: what is compressed comes back, hand-written streams expand as the format says, and
// malformed ones are refused without touching anything outside of the target.

import { describe, expect, test } from "bun:test";
import { lzfCompress, lzfDecompress } from "../../../src/base/lzf.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";

function expand(stream: readonly number[], length: number): string | undefined {
  const target = new Uint8Array(length + 2).fill(0xee);
  const source = Uint8Array.from(stream);
  const ok = lzfDecompress(source, 0, source.length, target, 1, length + 1);
  expect([target[0], target[length + 1]]).toEqual([0xee, 0xee]);
  return ok ? latin1Text(target, 1, length + 1) : undefined;
}

describe("LZF", () => {
  test("expands literals, short copies and long copies", () => {
    expect(expand([2, 97, 98, 99], 3)).toBe("abc");
    expect(expand([2, 97, 98, 99, 0x20, 2], 6)).toBe("abcabc");
    expect(expand([0, 97, 0xe0, 1, 0], 11)).toBe("a".repeat(11));
  });

  test("refuses what reaches back too far, ends early or has another length", () => {
    expect(expand([2, 97, 98, 99], 4)).toBeUndefined();
    expect(expand([2, 97, 98, 99], 2)).toBeUndefined();
    expect(expand([2, 97], 3)).toBeUndefined();
    expect(expand([0, 97, 0x20, 1], 4)).toBeUndefined();
    expect(expand([0, 97, 0xe0], 10)).toBeUndefined();
    expect(expand([0, 97, 0xe0, 1], 11)).toBeUndefined();
  });

  test("brings back what it compressed, and says where that does not fit", () => {
    const random = new Xoshiro(7);
    for (let round = 0; round < 300; round++) {
      const alphabet = 1 + (random.uint32() % 20);
      const length = random.uint32() % 3000;
      const bytes = Uint8Array.from({ length }, () => 97 + (random.uint32() % alphabet));
      const packed = new Uint8Array(length * 2 + 16);
      const end = lzfCompress(bytes, 0, length, packed, 0, packed.length);
      expect(end).toBeGreaterThanOrEqual(0);
      const back = new Uint8Array(length);
      expect(lzfDecompress(packed, 0, end, back, 0, length)).toBe(true);
      expect(Buffer.compare(back, bytes)).toBe(0);
      if (end > 0) {
        expect(lzfCompress(bytes, 0, length, new Uint8Array(end), 0, end - 1)).toBe(-1);
      }
    }
  });

  test("long repetitions become small", () => {
    const bytes = latin1Bytes("abcdefghij".repeat(1000));
    const packed = new Uint8Array(1000);
    expect(lzfCompress(bytes, 0, bytes.length, packed, 0, packed.length)).toBeLessThan(200);
  });

  test("random bytes are expanded or refused, never more", () => {
    const random = new Xoshiro(8);
    for (let round = 0; round < 5000; round++) {
      const stream = Array.from({ length: random.uint32() % 30 }, () => random.uint32() & 0xff);
      expand(stream, random.uint32() % 100);
    }
  });
});
