// RDB's lengths, strings and numbers, written and read: bytes by the format's description, what
// comes back, and what is refused.

import { describe, expect, test } from "bun:test";
import { Crc64 } from "../../../src/base/crc64.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Fingerprints } from "../../../src/persistence/rdb-elements.ts";
import {
  RdbEndError,
  RdbError,
  RdbReader,
  type RdbSource,
} from "../../../src/persistence/rdb-reader.ts";
import { RdbWriter } from "../../../src/persistence/rdb-writer.ts";

function written(write: (writer: RdbWriter) => void): number[] {
  const writer = new RdbWriter();
  write(writer);
  return [...writer.bytes.subarray(0, writer.length)];
}

function readerOf(bytes: readonly number[]): RdbReader {
  return RdbReader.over(Uint8Array.from(bytes), 0, bytes.length);
}

function stringFrom(reader: RdbReader): string {
  reader.string();
  return latin1Text(reader.value, reader.valueStart, reader.valueEnd);
}

/** Hands out a few bytes at a time. */
class Trickle implements RdbSource {
  readonly #bytes: Uint8Array;
  readonly #step: number;
  #at = 0;

  constructor(bytes: Uint8Array, step: number) {
    this.#bytes = bytes;
    this.#step = step;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  read(target: Uint8Array, offset: number, length: number): number {
    const end = Math.min(this.#bytes.length, this.#at + Math.min(length, this.#step));
    target.set(this.#bytes.subarray(this.#at, end), offset);
    const count = end - this.#at;
    this.#at = end;
    return count;
  }
}

describe("lengths", () => {
  const cases: readonly (readonly [number, readonly number[]])[] = [
    [0, [0]],
    [63, [63]],
    [64, [0x40, 64]],
    [16383, [0x7f, 0xff]],
    [16384, [0x80, 0, 0, 0x40, 0]],
    [0xffff_ffff, [0x80, 0xff, 0xff, 0xff, 0xff]],
    [0x1_0000_0000, [0x81, 0, 0, 0, 1, 0, 0, 0, 0]],
    [Number.MAX_SAFE_INTEGER, [0x81, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ];

  for (const [value, bytes] of cases) {
    test(`${value} takes ${bytes.length} bytes`, () => {
      expect(written((writer) => writer.count(value))).toEqual([...bytes]);
      expect(readerOf(bytes).count()).toBe(value);
    });
  }

  test("64 bits come as halves", () => {
    const bytes = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
    expect(written((writer) => writer.count64(0xffff_ffff, 0xffff_fffe))).toEqual(bytes);
    const reader = readerOf(bytes);
    reader.count64();
    expect([reader.high, reader.low]).toEqual([0xffff_ffff, 0xffff_fffe]);
    expect(() => readerOf(bytes).count()).toThrow(RdbError);
  });

  test("other first bytes are refused", () => {
    for (let first = 0x82; first < 0xc0; first++) {
      expect(() => readerOf([first, 0, 0, 0, 0, 0, 0, 0, 0]).count()).toThrow(RdbError);
    }
  });

  test("lengths beyond what numbers tell exactly are longer than any file", () => {
    for (const high of [0x200000, 0x7fffffff, 0xffffffff]) {
      const bytes = new Uint8Array([0x81, ...new Uint8Array(8)]);
      new DataView(bytes.buffer).setUint32(1, high);
      const reader = RdbReader.over(bytes, 0, bytes.length);
      expect(() => reader.stringCopy(), `${high}`).toThrow(RdbEndError);
    }
  });

  test("more elements than bytes are refused before anything is allocated", () => {
    expect(() => readerOf([0x80, 0x7f, 0xff, 0xff, 0xff]).countOf(1)).toThrow(RdbError);
    expect(readerOf([2, 0, 0]).countOf(1)).toBe(2);
  });
});

describe("strings", () => {
  const integers: readonly (readonly [string, readonly number[]])[] = [
    ["0", [0xc0, 0]],
    ["-128", [0xc0, 0x80]],
    ["127", [0xc0, 0x7f]],
    ["128", [0xc1, 0x80, 0]],
    ["-32768", [0xc1, 0, 0x80]],
    ["32768", [0xc2, 0, 0x80, 0, 0]],
    ["-2147483648", [0xc2, 0, 0, 0, 0x80]],
    ["2147483647", [0xc2, 0xff, 0xff, 0xff, 0x7f]],
  ];

  for (const [text, bytes] of integers) {
    test(`${text} is an integer of ${bytes.length - 1} bytes`, () => {
      const source = latin1Bytes(text);
      expect(written((writer) => writer.string(source, 0, source.length))).toEqual([...bytes]);
      expect(stringFrom(readerOf(bytes))).toBe(text);
    });
  }

  test("what only looks like an integer stays text", () => {
    for (const text of ["", "-0", "01", "+1", "1 ", "2147483648", "-2147483649", "1e3"]) {
      const source = latin1Bytes(text);
      const bytes = written((writer) => writer.string(source, 0, source.length));
      expect(bytes).toEqual([text.length, ...source]);
      expect(stringFrom(readerOf(bytes))).toBe(text);
    }
  });

  test("long repetitive ones are compressed, unless that is turned off", () => {
    const text = "abc".repeat(1000);
    const source = latin1Bytes(text);
    const packed = written((writer) => writer.string(source, 0, source.length));
    expect(packed[0]).toBe(0xc3);
    expect(packed.length).toBeLessThan(100);
    expect(stringFrom(readerOf(packed))).toBe(text);
    const plain = written((writer) => {
      writer.compresses = false;
      writer.string(source, 0, source.length);
    });
    expect(plain.length).toBe(text.length + 2);
  });

  test("in haste large ones are compressed only if that is quick and pays", () => {
    const random = new Xoshiro(5);
    const noise = Uint8Array.from({ length: 100_000 }, () => random.uint32() & 255);
    const framed = Uint8Array.from(noise, (byte, k) => (k > 40_000 && k < 60_000 ? 65 : byte));
    const edges = Uint8Array.from(noise, (byte, k) => (k > 30_000 && k < 70_000 ? byte : 65));
    const lengthOf = (source: Uint8Array, isHasty: boolean) => {
      const writer = new RdbWriter();
      writer.isHasty = isHasty;
      writer.string(source, 0, source.length);
      const bytes = [...writer.bytes.subarray(0, writer.length)];
      expect(stringFrom(readerOf(bytes))).toBe(latin1Text(source));
      return writer.length;
    };
    expect(lengthOf(noise, true)).toBe(noise.length + 5);
    expect(lengthOf(framed, true)).toBeLessThan(90_000);
    // What the sample does not show costs room, not time.
    expect(lengthOf(edges, true)).toBe(edges.length + 5);
    expect(lengthOf(edges, false)).toBeLessThan(50_000);
    const long = new Uint8Array(3_000_000).fill(65);
    expect(lengthOf(long, true)).toBe(long.length + 5);
    expect(lengthOf(long, false)).toBeLessThan(100_000);
  });

  test("what is handed over stays as it is, and its memory is used again once it is back", () => {
    const writer = new RdbWriter();
    const handOver = (round: number) => {
      for (let k = 0; k < 40_000; k++) writer.littleEndian32(round);
      return writer.handOver();
    };
    const pieces = [0, 1, 2, 3, 4, 5].map(handOver);
    for (const [round, bytes] of pieces.entries()) {
      expect(bytes.length).toBe(160_000);
      expect(bytes.every((byte, k) => byte === (k % 4 === 0 ? round : 0))).toBe(true);
      writer.takeBack(bytes);
    }
    expect(handOver(6).buffer).not.toBe(pieces[0].buffer);
    const again = [7, 8, 9, 10].map(handOver);
    for (const { buffer } of again)
      expect(pieces.some((bytes) => bytes.buffer === buffer)).toBe(true);
    for (let k = 0; k < 20; k++) writer.takeBack(new Uint8Array(160_000));
    writer.takeBack(new Uint8Array(2 << 20));
    expect(writer.capacity).toBeLessThan(1 << 20);
  });

  test("all kinds come back, also from a source that trickles", () => {
    const random = new Xoshiro(3);
    const texts: string[] = [];
    const writer = new RdbWriter();
    for (let k = 0; k < 500; k++) {
      const letters = 1 + (random.uint32() % 4);
      const length = random.uint32() % (k % 50 === 0 ? 5000 : 60);
      let text = "";
      for (let at = 0; at < length; at++) {
        text += String.fromCharCode(48 + (random.uint32() % letters));
      }
      texts.push(text);
      const source = latin1Bytes(text);
      writer.string(source, 0, source.length);
    }
    const bytes = writer.detach();
    const crc = new Crc64();
    crc.update(bytes, 0, bytes.length);
    for (const step of [1, 7, 1 << 20]) {
      const reader = RdbReader.from(new Trickle(bytes, step));
      for (const text of texts) expect(stringFrom(reader)).toBe(text);
      expect(reader.remaining).toBe(0);
      const { low, high } = reader.checksum();
      expect([low, high]).toEqual([crc.low, crc.high]);
    }
  });

  test("cut anywhere, they are refused", () => {
    const source = latin1Bytes("abc".repeat(30));
    for (const text of ["x", "300", "70000"]) {
      const small = latin1Bytes(text);
      const bytes = written((writer) => {
        writer.string(small, 0, small.length);
        writer.string(source, 0, source.length);
      });
      for (let end = 0; end < bytes.length; end++) {
        const reader = readerOf(bytes.slice(0, end));
        expect(() => {
          reader.string();
          reader.string();
        }).toThrow(RdbError);
      }
    }
  });

  test("a compressed one may not claim more than it can hold", () => {
    expect(() => stringFrom(readerOf([0xc3, 1, 0x80, 0x7f, 0xff, 0xff, 0xff, 0]))).toThrow(
      RdbError,
    );
    expect(() => stringFrom(readerOf([0xc3, 2, 5, 0, 97]))).toThrow(RdbError);
    expect(() => stringFrom(readerOf([0xc4, 2, 5, 0, 97]))).toThrow(RdbError);
  });
});

test("numbers come back", () => {
  const bytes = written((writer) => {
    writer.double(-1.5);
    writer.double(Number.POSITIVE_INFINITY);
    writer.milliseconds(1_700_000_000_123);
    writer.milliseconds(-1);
    writer.littleEndian32(0xdead_beef);
    writer.text("7.4.0");
  });
  const reader = readerOf(bytes);
  expect(reader.double()).toBe(-1.5);
  expect(reader.double()).toBe(Number.POSITIVE_INFINITY);
  expect(reader.littleEndian64()).toBe(1_700_000_000_123);
  expect(reader.littleEndian64()).toBe(-1);
  expect(reader.littleEndian32()).toBe(0xdead_beef);
  expect(stringFrom(reader)).toBe("7.4.0");
  expect(() => reader.byte()).toThrow(RdbError);
});

test("the name of a module's type is in its number", () => {
  const number = [0x81, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
  // As Redis 8.0 names it.
  expect(readerOf(number).moduleName()).toBe("ASNFZ4mrz");
});

describe("a string in the window", () => {
  const plain = (bytes: readonly number[]) => {
    const reader = readerOf(bytes);
    const length = reader.plainLengthAt(0);
    expect(reader.at).toBe(0);
    return [length, length < 0 ? 0 : reader.prefixLength];
  };

  test("is measured where all of it is there as it is", () => {
    expect(plain([0, 9])).toEqual([0, 1]);
    expect(plain([2, 97, 98])).toEqual([2, 1]);
    expect(plain([0x40, 3, 97, 98, 99])).toEqual([3, 2]);
    expect(plain([0x41, 0, ...new Array(256).fill(0)])).toEqual([256, 2]);
  });

  test("is left to the reader otherwise", () => {
    const others = [
      [],
      [1],
      [3, 97, 98],
      [0x40, 3, 97, 98],
      [0x80, 0, 0, 0, 0],
      [0xc0, 5],
      [0xc3, 1],
    ];
    for (const bytes of others) expect(plain(bytes)).toEqual([-1, 0]);
  });
});

describe("fingerprints", () => {
  /** The position of the first element that may have been there before, or -1. */
  function firstDouble(elements: readonly string[], count = elements.length): number {
    const fingerprints = new Fingerprints(count);
    return elements.findIndex((text) => {
      const bytes = latin1Bytes(text);
      return !fingerprints.add({ bytes, start: 0, end: bytes.length, next: () => false });
    });
  }

  test("tell distinct elements apart", () => {
    for (const count of [0, 1, 2, 3, 128, 512]) {
      const elements = Array.from({ length: count }, (_, k) => `field:${k}`);
      expect(firstDouble(elements)).toBe(-1);
    }
    expect(firstDouble(["", "a", "b", "ab", "ba"])).toBe(-1);
  });

  test("find every double", () => {
    const elements = Array.from({ length: 512 }, (_, k) => `field:${k}`);
    for (const at of [1, 100, 511]) {
      for (const other of [0, at - 1]) {
        expect(firstDouble(elements.toSpliced(at, 1, elements[other]))).toBe(at);
      }
    }
    expect(firstDouble(["", ""])).toBe(1);
  });

  test("vouch for no more elements than were announced, nor for very many", () => {
    expect(firstDouble(["a", "b", "c"], 2)).toBe(2);
    const many = Array.from({ length: 5000 }, (_, k) => `field:${k}`);
    expect(firstDouble(many)).toBeLessThanOrEqual(4096);
    expect(firstDouble(many)).toBeGreaterThan(0);
  });
});
