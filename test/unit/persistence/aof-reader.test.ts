import { describe, expect, test } from "bun:test";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { AofReader, COMMAND, DAMAGED, END, TORN } from "../../../src/persistence/aof-reader.ts";
import { encode } from "../../harness/crash-simulation.ts";
import { FaultyFileSystem } from "../../harness/faulty-file-system.ts";

function readerOf(content: Uint8Array | string, pieceBytes = 64, verify = true): AofReader {
  const disk = new FaultyFileSystem();
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  disk.put("/f", bytes);
  return new AofReader(disk.openRead("/f"), bytes.length, verify, 0, pieceBytes);
}

/** Reads to the end: the commands, then the status that ended it. */
function readAll(reader: AofReader): { commands: string[][]; status: number } {
  const commands: string[][] = [];
  for (;;) {
    const status = reader.next();
    if (status !== COMMAND) return { commands, status };
    const args: string[] = [];
    for (let k = 0; k < reader.count; k++) {
      const bytes = reader.bytes.subarray(reader.starts[k], reader.ends[k]);
      args.push(Buffer.from(bytes).toString("latin1"));
    }
    commands.push(args);
  }
}

describe("the reader", () => {
  test("reads the same whatever the size of its pieces", () => {
    const random = new Xoshiro(5);
    const commands: string[][] = [];
    for (let k = 0; k < 60; k++) {
      const args = ["C"];
      for (let n = randomBelow(random, k % 10 === 9 ? 200 : 5); n > 0; n--) {
        args.push("x\r\n".repeat(randomBelow(random, k % 13 === 12 ? 500 : 6)));
      }
      commands.push(args);
    }
    const content = Buffer.concat(commands.map(encode));
    for (const pieceBytes of [16, 17, 31, 64, 1000, 1 << 20]) {
      const result = readAll(readerOf(content, pieceBytes));
      expect(result.status).toBe(END);
      expect(result.commands).toEqual(commands);
    }
  });

  test("names the offset of the command just read", () => {
    const reader = readerOf("*1\r\n$1\r\na\r\n#c\n*1\r\n$0\r\n\r\n");
    expect(reader.next()).toBe(COMMAND);
    expect(reader.commandStart).toBe(0);
    expect(reader.next()).toBe(COMMAND);
    expect(reader.commandStart).toBe(14);
    expect(reader.next()).toBe(END);
    expect(reader.offset).toBe(24);
  });

  test("skips comments and timestamps", () => {
    const { commands, status } = readAll(readerOf("#TS:1\r\n#\n*1\r\n$1\r\na\r\n# x\r\n"));
    expect(commands).toEqual([["a"]]);
    expect(status).toBe(END);
  });

  test("reports whatever ends early as torn, where it began", () => {
    const whole = "*1\r\n$1\r\na\r\n";
    const next = "*2\r\n$1\r\nb\r\n$12\r\n0123456789ab\r\n";
    for (let cut = 1; cut < next.length; cut++) {
      const reader = readerOf(whole + next.slice(0, cut), 16);
      expect(readAll(reader).status).toBe(TORN);
      expect(reader.commandStart).toBe(whole.length);
      expect(reader.offset).toBe(whole.length);
    }
    expect(readAll(readerOf(`${whole}#TS:12`)).status).toBe(TORN);
  });

  test("allocates nothing for a length that the file does not hold", () => {
    const reader = readerOf("*1\r\n$2000000000\r\nabc");
    expect(reader.next()).toBe(TORN);
    expect(reader.bytes.length).toBeLessThan(100);
    const many = readerOf("*2000000000\r\n$1\r\na\r\n");
    expect(many.next()).toBe(TORN);
    expect(many.starts.length).toBeLessThan(100);
  });

  const damages: [content: string, reason: string][] = [
    ["x", "expected '*'"],
    ["\0\0\0\0", "expected '*'"],
    ["\r\n*1\r\n$1\r\na\r\n", "expected '*'"],
    ["*0\r\n", "bad argument count"],
    ["*\r\n$1\r\na\r\n", "bad argument count"],
    ["*-1\r\n", "bad argument count"],
    ["*1\n$1\na\n", "bad argument count"],
    ["*99999999999999999999\r\n", "bad argument count"],
    ["*99999999999999999999999999999999", "bad argument count"],
    ["*2\r\n$1\r\na\r\n*1\r\n", "expected '$'"],
    ["*1\r\n$-1\r\n", "bad argument length"],
    ["*1\r\n$\r\n\r\n", "bad argument length"],
    ["*1\r\n$1\na\n", "bad argument length"],
    ["*1\r\n$99999999999999999999\r\n", "bad argument length"],
    ["*1\r\n$1\r\nab\r\n", "an argument does not end where its length says"],
    [`#${"c".repeat(2000)}\n`, "a comment too long"],
  ];
  for (const [content, reason] of damages) {
    test(`calls ${JSON.stringify(content.slice(0, 24))} damaged: ${reason}`, () => {
      const reader = readerOf(`*1\r\n$4\r\nPING\r\n${content}`, 32);
      expect(reader.next()).toBe(COMMAND);
      expect(reader.next()).toBe(DAMAGED);
      expect(reader.commandStart).toBe(14);
      expect(reader.reason).toBe(reason);
    });
  }
});

describe("a checksum line", () => {
  // CRC-32 of "*1\r\n$4\r\nPING\r\n" as zlib's crc32 in Python computes it.
  const ping = "*1\r\n$4\r\nPING\r\n";
  const line = "#CRC:14:6011df78\r\n";

  test("that fits is skipped", () => {
    expect(readAll(readerOf(ping + line + ping + line)).status).toBe(END);
  });

  test("covers what follows the one before it", () => {
    const reader = readerOf(ping + line + ping);
    expect(readAll(reader).status).toBe(END);
    expect(reader.uncovered(reader.offset).bytes).toBe(ping.length);
    expect(reader.coverStart).toBe(ping.length + line.length);
  });

  test("that does not fit is damage, at the start of what it covers", () => {
    for (const damaged of ["#CRC:14:00000000\r\n", line.replace("14", "13"), "#CRC:\r\n"]) {
      const reader = readerOf(ping + line + ping + damaged);
      expect(readAll(reader).status).toBe(DAMAGED);
      expect(reader.commandStart).toBe(ping.length + line.length);
      expect(reader.reason).toEndWith("do not match their checksum");
    }
  });

  test("is a comment like others where checks are off", () => {
    expect(readAll(readerOf(`${ping}#CRC:14:00000000\r\n`, 64, false)).status).toBe(END);
  });
});
