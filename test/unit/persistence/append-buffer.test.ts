import { describe, expect, test } from "bun:test";
import { AppendBuffer } from "../../../src/persistence/append-buffer.ts";

function append(buffer: AppendBuffer, dbIndex: number, text: string): void {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  buffer.append(dbIndex, bytes, 1, bytes.length - 1);
}

function textOf(buffer: AppendBuffer): string {
  let text = "";
  for (let at = buffer.kept; at < buffer.length; at += buffer.pieceEnd - buffer.pieceStart) {
    buffer.load(at);
    const { piece, pieceStart, pieceEnd } = buffer;
    text += Buffer.from(piece.subarray(pieceStart, pieceEnd)).toString("latin1");
  }
  return text;
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
    expect(textOf(buffer)).toBe("");
    append(buffer, 0, "y".repeat(96));
    buffer.cover();
    expect(textOf(buffer)).toBe(`${"y".repeat(96)}#CRC:4096:bb7c5857\r\n`);
  });

  test("reuses its memory, also where something is always kept", () => {
    const buffer = new AppendBuffer(false);
    for (const keeps of [0, 10_000, 1_000_000]) {
      let capacity = 0;
      for (let k = 0; k < 400; k++) {
        append(buffer, 0, String(k % 10).repeat(10_000));
        buffer.written = buffer.length;
        buffer.release(Math.max(buffer.kept, buffer.length - keeps));
        const text = textOf(buffer);
        expect(text).toEndWith(keeps > 0 ? String(k % 10).repeat(10_000) : "");
        expect(text.length).toBe(buffer.length - buffer.kept);
        expect(text.length).toBeLessThanOrEqual(keeps);
        if (k === 200) capacity = buffer.capacity;
      }
      expect(buffer.capacity).toBe(capacity);
      expect(capacity).toBeLessThan(600_000 + keeps);
    }
  });

  test("leaves bytes where they are, however much is appended", () => {
    const buffer = new AppendBuffer(true);
    append(buffer, 0, "a".repeat(50_000));
    buffer.load(0);
    const { piece, pieceEnd } = buffer;
    const before = Buffer.from(piece.subarray(0, pieceEnd));
    const sizes = [1, 20_000, 300_000, 10, 250_000, 262_144];
    for (const [k, size] of sizes.entries()) append(buffer, k & 1, "z".repeat(size));
    buffer.cover();
    expect(Buffer.from(piece.subarray(0, pieceEnd))).toEqual(before);
    const text = textOf(buffer);
    expect(text.length).toBe(buffer.length);
    expect(text.split("z").length - 1).toBe(sizes.reduce((sum, size) => sum + size));
    const crc = Bun.hash
      .crc32(text.slice(0, text.indexOf("#CRC")))
      .toString(16)
      .padStart(8, "0");
    expect(text).toEndWith(`#CRC:${text.indexOf("#CRC")}:${crc}\r\n`);
    // Segments are let go one by one.
    const { capacity } = buffer;
    buffer.written = buffer.length;
    buffer.release(400_000);
    expect(textOf(buffer)).toBe(text.slice(400_000));
    expect(buffer.capacity).toBeLessThan(capacity);
    buffer.release(buffer.length);
    expect(textOf(buffer)).toBe("");
  });

  test("gives up the memory of a burst when it rests, and only once it is empty", () => {
    const buffer = new AppendBuffer(false);
    for (let k = 0; k < 5000; k++) append(buffer, 0, "a".repeat(1000));
    buffer.rest();
    expect(buffer.capacity).toBeGreaterThan(5_000_000);
    buffer.written = buffer.length;
    buffer.release(buffer.length);
    expect(buffer.capacity).toBeGreaterThan(4_900_000);
    buffer.rest();
    expect(buffer.capacity).toBe(65_536);
  });

  test("does not keep the memory of a giant", () => {
    const buffer = new AppendBuffer(false);
    append(buffer, 0, "a".repeat(5_000_000));
    expect(buffer.capacity).toBeGreaterThan(5_000_000);
    append(buffer, 0, "b");
    buffer.written = buffer.length;
    buffer.release(buffer.length - 1);
    expect(textOf(buffer)).toBe("b");
    expect(buffer.capacity).toBe(262_144);
  });
});
