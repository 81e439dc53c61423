// BITFIELD and BITFIELD_RO of Redis 8.0 against Redis 8.0.

import type { Argument } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { Choices, HOSTILE_INTEGERS, HOSTILE_STRINGS } from "../harness/generate.ts";

const TYPES = [
  ...Array.from({ length: 64 }, (_, k) => `i${k + 1}`),
  ...Array.from({ length: 63 }, (_, k) => `u${k + 1}`),
];
const POLICIES = ["wrap", "sat", "fail"];
const WORDS = ["get", "set", "incrby", "overflow", "wrap", "sat", "fail", "u8", "i5", "0", "#1"];

/** The ends of a type's range, what lies around them, and around those of int64. */
function boundaries(type: string): string[] {
  const width = BigInt(type.slice(1));
  const [least, most] =
    type[0] === "i" ? [-(2n ** (width - 1n)), 2n ** (width - 1n) - 1n] : [0n, 2n ** width - 1n];
  const ends = [least, most, -(2n ** 63n), 2n ** 63n - 1n, 0n, -(2n ** 63n) + most];
  const around = ends.flatMap((end) => [end - 1n, end, end + 1n]);
  const valid = around.filter((value) => value >= -(2n ** 63n) && value < 2n ** 63n);
  return [...new Set(valid.map(String))];
}

differential("bitfield", "redis8", ({ compare }) => {
  for (const policy of POLICIES) {
    compare(`OVERFLOW ${policy}: SET and INCRBY at the ends of every type`, function* () {
      for (const [index, type] of TYPES.entries()) {
        const values = boundaries(type);
        for (const value of values) {
          yield ["del", "k"];
          yield ["bitfield", "k", "overflow", policy, "set", type, index, value];
          yield ["bitfield_ro", "k", "get", type, index];
          yield ["get", "k"];
          // All at once: each operation has a reply of its own.
          const set = ["overflow", "wrap", "set", type, "3", value];
          const operations = values.flatMap((increment) => {
            const add = ["overflow", policy, "incrby", type, "3", increment];
            return [...set, ...add, "get", type, "3"];
          });
          yield ["bitfield", "k", ...operations];
        }
      }
    });
  }

  compare("types and offsets are read as Redis reads them", function* () {
    const types = [
      "",
      "i",
      "u",
      "x8",
      "I8",
      "U8",
      "u8 ",
      " u8",
      "u08",
      "u8\0z",
      "i-1",
      "u64",
      "i65",
    ];
    for (const type of [...types, ...HOSTILE_INTEGERS.map((text) => `u${text}`)]) {
      yield ["bitfield", "k", "get", type, "0"];
      yield ["bitfield", "k", "set", type, "0", "x"];
      yield ["bitfield_ro", "k", "get", type, "x"];
    }
    const huge = ["288230376151711744", "2305843009213693952", "9223372036854775807", "536870911"];
    const offsets = [...HOSTILE_INTEGERS.filter((text) => !/^[2-4]\d{9}$/.test(text)), ...huge];
    for (const offset of offsets.flatMap((text) => [text, `#${text}`, `##${text}`])) {
      for (const type of ["u1", "u8", "i64", "i63"]) {
        yield ["bitfield", "k", "get", type, offset];
        yield ["bitfield_ro", "k", "get", type, offset];
        yield ["bitfield", "k", "get", type, offset, "set", type, offset, "x"];
      }
      if (!/[1-9]\d{4}/.test(offset)) yield ["bitfield", "k", "incrby", "u8", offset, "1"];
    }
  });

  compare("values are read as Redis reads them", function* () {
    for (const value of HOSTILE_INTEGERS) {
      yield ["bitfield", "k", "set", "i64", "0", value, "incrby", "u8", "1", value];
      yield ["bitfield", "k", "set", "u63", "0", "1", "set", "u63", "5", value];
      yield ["bitfield_ro", "k", "set", "u63", "0", value];
      yield ["get", "k"];
    }
  });

  compare("what is wrong is found before anything is written", function* () {
    const first: Command[] = [
      ["set", "u8", "0", "255"],
      ["overflow", "junk"],
      ["get", "u8", "0"],
    ];
    const second: Command[] = [
      ...[["set", "u8", "0"], ["get", "u64", "0"], ["junk"], ["overflow"], ["incrby", "u8", "#1"]],
      ...[["overflow", "x"], ["set", "u8", "-1", "0"], ["set", "u8", "0", "x"], ["get"], ["set"]],
    ];
    for (const one of first) {
      for (const other of second) {
        for (const name of ["bitfield", "bitfield_ro"]) {
          yield [name, "k", ...one, ...other];
          yield [name, "k", ...other, ...one];
          yield ["get", "k"];
        }
      }
    }
    for (const text of HOSTILE_STRINGS) yield ["bitfield", "k", text, text, text];
  });

  compare("keeps expiry, and makes what it may write to raw", function* () {
    for (const value of ["", "0", "12345", "embedded", "x".repeat(50)]) {
      for (const operation of [
        ["get", "u8", "0"],
        ["set", "u8", "0", "48"],
        ["set", "u1", "0", "0"],
        ["overflow", "fail", "incrby", "u4", "0", "99"],
        ["overflow", "fail", "incrby", "u4", "1000", "99"],
        ["overflow", "sat"],
        [],
      ]) {
        yield ["set", "k", value, "pxat", "33177117420000"];
        yield ["bitfield", "k", ...operation];
        yield ["get", "k"];
        yield ["object", "encoding", "k"];
        yield ["pexpiretime", "k"];
      }
    }
  });

  compare("random operations (seed 41)", function* () {
    const choices = new Choices(41);
    const number = () => {
      if (choices.oneIn(8)) return choices.pick(HOSTILE_INTEGERS.slice(0, 40));
      const bits = choices.below(63);
      const magnitude = 2n ** BigInt(bits) - BigInt(choices.below(3));
      return String(choices.oneIn(2) ? -magnitude : magnitude);
    };
    const operation = (): Argument[] => {
      if (choices.oneIn(60)) return [choices.pick(WORDS)];
      if (choices.oneIn(4)) return ["overflow", choices.pick(POLICIES)];
      const place = choices.oneIn(3) ? `#${choices.below(6)}` : String(choices.below(200));
      const field = [choices.pick(TYPES), place];
      if (choices.oneIn(3)) return ["get", ...field];
      return [choices.pick(["set", "incrby"]), ...field, number()];
    };
    for (let k = 0; k < 6000; k++) {
      const count = choices.below(6);
      const operations = Array.from({ length: count }, operation).flat();
      yield [choices.oneIn(9) ? "bitfield_ro" : "bitfield", "k", ...operations];
      if (choices.oneIn(20)) yield ["get", "k"];
      if (choices.oneIn(200)) yield ["del", "k"];
    }
  });
});
