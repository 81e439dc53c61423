import { describe, expect, test } from "bun:test";
import { AppendBuffer } from "../../../src/persistence/append-buffer.ts";

function append(buffer: AppendBuffer, dbIndex: number, text: string): void {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  buffer.append(dbIndex, bytes, 1, bytes.length - 1);
}

function textOf(buffer: AppendBuffer): string {
  const { bytes, kept, length } = buffer;
  return Buffer.from(bytes.subarray(kept, length)).toString("latin1");
}

describe("the append buffer", () => {
  test("selects the database first and where it changes", () => {
    const buffer = new AppendBuffer(false);
    append(buffer, 0, "a");
    append(buffer, 0, "b");
    append(buffer, 15, "c");
    append(buffer, 12345, "d");
    append(buffer, 0, "e");
    const select = (index: string) => `*2\r\n$6\r\nSELECT\r\n$${index.length}\r\n${index}\r\n`;
    expect(textOf(buffer)).toBe(
      `${select("0")}ab${select("15")}c${select("12345")}d${select("0")}e`,
    );
  });

  test("writes a checksum line once 4 KiB are uncovered, counting the former tail", () => {
    const buffer = new AppendBuffer(true);
    // CRC-32 of "12345" by Python's zlib.
    buffer.continueAfter(5, 0xcbf53a1c);
    append(buffer, 0, "x".repeat(4067));
    buffer.cover();
    expect(textOf(buffer)).not.toContain("#CRC");
    append(buffer, 0, "y");
    buffer.cover();
    expect(textOf(buffer)).toEndWith("xy#CRC:4096:2d48f30a\r\n");
    buffer.cover(1);
    expect(textOf(buffer)).toEndWith("xy#CRC:4096:2d48f30a\r\n");
    append(buffer, 0, "z");
    buffer.cover(1);
    expect(textOf(buffer)).toEndWith("\r\nz#CRC:1:62d277af\r\n");
  });

  test("hashes bytes before they are released", () => {
    const buffer = new AppendBuffer(true);
    append(buffer, 0, "x".repeat(3977));
    buffer.cover();
    buffer.written = buffer.length;
    buffer.release(buffer.length);
    expect(buffer.length).toBe(0);
    append(buffer, 0, "y".repeat(96));
    buffer.cover();
    expect(textOf(buffer)).toBe(`${"y".repeat(96)}#CRC:4096:bb7c5857\r\n`);
  });

  test("reuses its memory while what is kept fits", () => {
    const buffer = new AppendBuffer(false);
    const first = buffer.bytes;
    for (let k = 0; k < 100; k++) {
      append(buffer, 0, String(k % 10).repeat(10_000));
      buffer.written = buffer.length;
      buffer.release(buffer.length - 10_000);
      expect(textOf(buffer)).toBe(String(k % 10).repeat(10_000));
    }
    expect(buffer.bytes).toBe(first);
  });

  test("leaves the bytes of a write under way where they are", () => {
    const buffer = new AppendBuffer(false);
    append(buffer, 0, "a".repeat(50_000));
    buffer.written = 40_000;
    buffer.release(40_000);
    buffer.pinned = true;
    const pinned = buffer.bytes;
    const before = Buffer.from(pinned);
    append(buffer, 0, "b".repeat(50_000));
    expect(Buffer.from(pinned)).toEqual(before);
    expect(textOf(buffer)).toBe("a".repeat(10_023) + "b".repeat(50_000));
    buffer.written = buffer.length;
    buffer.release(buffer.length);
    expect(buffer.length).toBe(60_023);
    buffer.pinned = false;
    buffer.release(buffer.length);
    expect(buffer.length).toBe(0);
  });

  test("gives up the memory of a giant value when it rests, and only once it is empty", () => {
    const buffer = new AppendBuffer(false);
    append(buffer, 0, "a".repeat(5_000_000));
    buffer.rest();
    expect(buffer.bytes.length).toBeGreaterThan(5_000_000);
    buffer.written = buffer.length;
    buffer.release(buffer.length);
    expect(buffer.bytes.length).toBeGreaterThan(5_000_000);
    buffer.rest();
    expect(buffer.bytes.length).toBe(65_536);
  });
});
