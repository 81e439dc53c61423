// CRC-64 against its published check value and a bit-by-bit computation.

import { expect, test } from "bun:test";
import { Crc64 } from "../../../src/base/crc64.ts";
import { Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes } from "../../../src/base/text.ts";

const POLYNOMIAL = 0x95ac9329ac4bc9b5n;

function slowCrc(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      crc = (crc & 1n) === 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n;
  }
  return crc;
}

function checksumOf(crc: Crc64): bigint {
  return (BigInt(crc.high >>> 0) << 32n) | BigInt(crc.low >>> 0);
}

test("the check value is that of CRC-64/Redis", () => {
  const crc = new Crc64();
  crc.update(latin1Bytes("123456789"), 0, 9);
  expect(checksumOf(crc)).toBe(0xe9c6d914c4b8d9can);
});

test("pieces of any length add up to the checksum of the whole", () => {
  const random = new Xoshiro(1);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: round }, () => random.uint32());
    const crc = new Crc64();
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + (random.uint32() % 40));
      crc.update(bytes, at, next);
      at = next;
    }
    expect(checksumOf(crc)).toBe(slowCrc(bytes));
    const written = new Uint8Array(8);
    crc.write(written, 0);
    expect(new DataView(written.buffer).getBigUint64(0, true)).toBe(checksumOf(crc));
    expect(crc.equals(written, 0)).toBe(true);
    written[round % 8] ^= 1;
    expect(crc.equals(written, 0)).toBe(false);
  }
});
