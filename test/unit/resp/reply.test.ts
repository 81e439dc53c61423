import { describe, expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { type Protocol, ReplyWriter } from "../../../src/resp/reply.ts";

/** What a writer of a protocol holds after `write`. */
function written(protocol: Protocol, write: (reply: ReplyWriter) => void): string {
  const reply = new ReplyWriter();
  reply.protocol = protocol;
  write(reply);
  return latin1Text(reply.buffer, 0, reply.length);
}

describe("replies", () => {
  test("have the shapes of their protocol", () => {
    const cases: [(reply: ReplyWriter) => void, string, string][] = [
      [(reply) => reply.ok(), "+OK\r\n", "+OK\r\n"],
      [(reply) => reply.null(), "$-1\r\n", "_\r\n"],
      [(reply) => reply.nullArray(), "*-1\r\n", "_\r\n"],
      [(reply) => reply.array(3), "*3\r\n", "*3\r\n"],
      [(reply) => reply.map(3), "*6\r\n", "%3\r\n"],
      [(reply) => reply.set(3), "*3\r\n", "~3\r\n"],
      [(reply) => reply.push(3), "*3\r\n", ">3\r\n"],
      [(reply) => reply.boolean(true), ":1\r\n", "#t\r\n"],
      [(reply) => reply.boolean(false), ":0\r\n", "#f\r\n"],
      [(reply) => reply.doubleText("1.5"), "$3\r\n1.5\r\n", ",1.5\r\n"],
      [(reply) => reply.bigNumber("123"), "$3\r\n123\r\n", "(123\r\n"],
      [(reply) => reply.verbatim("txt", "héy"), "$4\r\nh\xc3\xa9y\r\n", "=8\r\ntxt:h\xc3\xa9y\r\n"],
      [(reply) => reply.bulkText("héy"), "$4\r\nh\xc3\xa9y\r\n", "$4\r\nh\xc3\xa9y\r\n"],
      [(reply) => reply.integer64(-(2n ** 63n)), ":-9223372036854775808\r\n", ""],
    ];
    for (const [write, two, three] of cases) {
      expect(written(2, write)).toBe(two);
      expect(written(3, write)).toBe(three === "" ? two : three);
    }
  });

  test("print every integer, also as bulk strings", () => {
    for (const value of [
      0,
      -0,
      1,
      -1,
      9,
      10,
      99,
      100,
      2 ** 31,
      -(2 ** 31),
      2 ** 53 - 1,
      1 - 2 ** 53,
    ]) {
      const text = String(value);
      expect(written(2, (reply) => reply.integer(value))).toBe(`:${text}\r\n`);
      expect(written(2, (reply) => reply.bulkInteger(value))).toBe(
        `$${text.length}\r\n${text}\r\n`,
      );
    }
  });

  test("an error cannot forge another reply", () => {
    expect(written(2, (reply) => reply.error("ERR a\r\n+OK\r\n"))).toBe("-ERR a  +OK\r\n");
    // Characters of which only the low byte is kept.
    expect(written(2, (reply) => reply.error("ERR \u010d\u010a!"))).toBe("-ERR   !\r\n");
  });

  test("an aggregate's header may be put in front of its elements", () => {
    for (const count of [0, 1, 9, 10, 1000]) {
      const text = written(2, (reply) => {
        reply.ok();
        const mark = reply.length;
        for (let k = 0; k < count; k++) reply.integer(k);
        reply.insertArray(mark, count);
        reply.ok();
      });
      const body = Array.from({ length: count }, (_, k) => `:${k}\r\n`).join("");
      expect(text).toBe(`+OK\r\n*${count}\r\n${body}+OK\r\n`);
    }
  });

  test("open an array whose count is told at its end, whatever was expected", () => {
    for (const expected of [0, 5, 10, 123]) {
      for (const count of [0, 1, 9, 10, 11, 100, 12_345]) {
        for (const protocol of [2, 3] as const) {
          const reply = new ReplyWriter();
          reply.protocol = protocol;
          reply.ok();
          const outer = reply.openArray();
          const mark = reply.openArray(expected);
          for (let k = 0; k < count; k++) reply.integer(k);
          reply.closeArray(mark, count);
          reply.closeMap(outer, 1);
          reply.ok();
          const body = Array.from({ length: count }, (_, k) => `:${k}\r\n`).join("");
          const header = protocol === 3 ? "%1" : "*2";
          const text = latin1Text(reply.buffer, 0, reply.length);
          expect(text).toBe(`+OK\r\n${header}\r\n*${count}\r\n${body}+OK\r\n`);
        }
      }
    }
  });

  test("put a later part in front of an earlier one", () => {
    const reply = new ReplyWriter();
    reply.ok();
    const start = reply.length;
    reply.simple("earlier");
    const middle = reply.length;
    reply.integer(7);
    reply.rotate(start, middle);
    expect(latin1Text(reply.buffer, 0, reply.length)).toBe("+OK\r\n:7\r\n+earlier\r\n");
  });

  test("grow their buffer as needed and give it away", () => {
    const reply = new ReplyWriter();
    const bytes = latin1Bytes("x".repeat(1_000_000));
    reply.bulkBytes(bytes);
    reply.ok();
    const length = reply.length;
    const detached = reply.detach();
    expect(latin1Text(detached, 0, 10)).toBe("$1000000\r\n");
    expect(detached.length).toBe(length);
    expect(reply.length).toBe(0);
    reply.ok();
    expect(latin1Text(reply.buffer, 0, reply.length)).toBe("+OK\r\n");
  });
});
