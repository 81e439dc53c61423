import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Decoder, INLINE } from "../../../src/resp/decoder.ts";

const LIMITS = { bulkBytesMax: 512 * 1024 * 1024, unauthenticated: false };

/** The words of the commands that one call decodes, and the decoder. */
function decode(text: string, limits = LIMITS) {
  const decoder = new Decoder();
  const bytes = latin1Bytes(text);
  decoder.decode(bytes, bytes.length, limits);
  return { decoder, commands: wordsOf(decoder, bytes), error: decoder.error };
}

function wordsOf(decoder: Decoder, bytes: Uint8Array): string[][] {
  return Array.from({ length: decoder.commandCount }, (_, command) =>
    Array.from({ length: decoder.counts[command] }, (_, k) => {
      const at = decoder.bases[command] + k;
      return latin1Text(bytes, decoder.starts[at], decoder.ends[at]);
    }),
  );
}

describe("requests", () => {
  test("are arrays of bulk strings, binary-safe and maybe empty", () => {
    expect(decode("*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$2\r\n\r\n\r\n").commands).toEqual([
      ["GET", ""],
      ["\r\n"],
    ]);
  });

  test("or lines of words, with quotes and escapes", () => {
    for (const [line, words] of [
      ["SET a b", ["SET", "a", "b"]],
      ["  SET\t a  ", ["SET", "a"]],
      ['SET "a b" c', ["SET", "a b", "c"]],
      ["SET 'a \\' b'", ["SET", "a ' b"]],
      ['SET "\\x41\\n\\q\\x4"', ["SET", "A\nqx4"]],
      ["SET ''", ["SET", ""]],
    ] as const) {
      const { decoder, commands } = decode(`${line}\r\n${line}\n`);
      expect(commands).toEqual([[...words], [...words]]);
      expect(decoder.from[0]).toBe(INLINE);
    }
  });

  test("that are empty are skipped", () => {
    expect(decode("\r\n\n*0\r\n*-1\r\n   \r\nPING\r\n").commands).toEqual([["PING"]]);
  });

  test("of clients that have not authenticated come one at a time", () => {
    const text = "*1\r\n$4\r\nPING\r\nPING\r\n";
    const limits = { ...LIMITS, unauthenticated: true };
    const { decoder, commands } = decode(text, limits);
    expect(commands).toEqual([["PING"]]);
    decoder.nextBatch();
    const bytes = latin1Bytes(text);
    decoder.decode(bytes, bytes.length, limits);
    expect(wordsOf(decoder, bytes)).toEqual([["PING"]]);
    expect(decoder.consumed).toBe(bytes.length);
  });
});

describe("errors", () => {
  test("have Redis's texts, behind the commands before them", () => {
    for (const [bytes, error] of [
      ["*1048577000000000000000\r\n", "invalid multibulk length"],
      ["*2147483648\r\n", "invalid multibulk length"],
      ["*1x\r\n", "invalid multibulk length"],
      ["*1\r\n$-1\r\n", "invalid bulk length"],
      ["*1\r\n$536870913\r\n", "invalid bulk length"],
      ["*1\r\n$ 1\r\n", "invalid bulk length"],
      ["*1\r\n+OK\r\n", "expected '$', got '+'"],
      ["*1\r\n\r\n", "expected '$', got '\r'"],
      [`*${"1".repeat(65536)}`, "too big mbulk count string"],
      [`*1\r\n$${"1".repeat(65537)}`, "too big bulk count string"],
      ["x".repeat(65537), "too big inline request"],
      ["SET 'a\r\n", "unbalanced quotes in request"],
      ['SET "a"b\r\n', "unbalanced quotes in request"],
    ]) {
      const found = decode(`PING\r\n${bytes}`);
      expect(found.error).toBe(`Protocol error: ${error}`);
      expect(found.commands).toEqual([["PING"]]);
    }
  });

  test("bulkBytesMax is inclusive", () => {
    const limits = { ...LIMITS, bulkBytesMax: 100 };
    const word = "x".repeat(100);
    expect(decode(`*1\r\n$100\r\n${word}\r\n`, limits).commands).toEqual([[word]]);
    expect(decode(`*1\r\n$101\r\n${word}x\r\n`, limits).error).toBe(
      "Protocol error: invalid bulk length",
    );
  });
});

describe("memory", () => {
  test("an announced count grows no table before its arguments arrive", () => {
    const { decoder } = decode("*1000000\r\n$1\r\na\r\n");
    expect(decoder.starts.length).toBe(1024);
    expect(decoder.isPartial).toBe(true);
  });

  test("a table that grew for one huge command is not kept", () => {
    const { decoder, commands } = decode(`*100000\r\n${"$1\r\na\r\n".repeat(100_000)}`);
    expect(commands[0].length).toBe(100_000);
    decoder.reset();
    expect(decoder.starts.length).toBeLessThanOrEqual(1 << 16);
  });
});
