// The bitmap commands of Redis 8.0 against Redis 8.0. BITOP's operations of 8.2 are left to the
// unit tests.

import type { Argument } from "../harness/client.ts";
import { binary } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
} from "../harness/generate.ts";
import { changesOf } from "./changes.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = ["setbit", "getbit", "bitcount", "bitpos", "bitop", "bitfield", "bitfield_ro"];
const FUTURE_MS = "33177117420000";

/** Values of every encoding, with bits at the edges of bytes and words. */
const VALUES: readonly Argument[] = [
  ...["", "a", "0", "10", "-5", "9223372036854775807", "abc", "x".repeat(44), "x".repeat(45)],
  ...[binary("\x00"), binary("\xff"), binary("\xff\xf0\x00"), binary("\x00\xff\xf0")],
  ...[binary("\x00".repeat(20)), binary("\xff".repeat(20)), binary(`${"\xff".repeat(35)}\x7f`)],
  binary(`${"\x00".repeat(33)}\x01${"\x00".repeat(9)}`),
];

/** Bit and byte offsets around the edges of VALUES. */
const OFFSETS = ["0", "1", "3", "7", "8", "9", "19", "159", "160", "500", "-1", "-2", "-8", "-9"];
const MORE_OFFSETS = OFFSETS.concat("-20", "-160", "-161", "-500");

function* state(key: string): Generator<Command> {
  yield ["get", key];
  yield ["object", "encoding", key];
  yield ["pexpiretime", key];
}

differential("bitmaps", "redis8", ({ compare, probe }) => {
  compare("every bitmap command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 9);
  });

  compare("every bitmap command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "1", "2"];
    }
    for (const word of ["byte", "bit"]) {
      for (const variant of caseVariants(word)) {
        yield ["bitcount", "k", "0", "-1", variant];
        yield ["bitpos", "k", "1", "0", "-1", variant];
      }
    }
    for (const word of ["and", "or", "xor"]) {
      for (const variant of caseVariants(word)) yield ["bitop", variant, "d", "k", "l"];
    }
    for (const word of ["get", "set", "incrby"]) {
      for (const variant of caseVariants(word)) yield ["bitfield", "k", variant, "u8", "0", "1"];
    }
    for (const word of ["wrap", "sat", "fail"]) {
      for (const variant of caseVariants(word)) yield ["bitfield", "k", "overflow", variant];
    }
  });

  compare("every bitmap command refuses values of other types", function* (known) {
    yield ["set", "s", "abc"];
    for (const { make } of otherTypes(known)) {
      yield ["del", "k"];
      yield make("k");
      for (const command of [
        ["setbit", "k", "1", "1"],
        ["setbit", "k", "x", "1"],
        ["getbit", "k", "1"],
        ["bitcount", "k"],
        ["bitcount", "k", "0", "1"],
        ["bitcount", "k", "x", "1"],
        ["bitpos", "k", "1"],
        ["bitpos", "k", "2"],
        ["bitop", "and", "d", "s", "k"],
        ["bitop", "not", "d", "k"],
        ["bitfield", "k"],
        ["bitfield", "k", "get", "u8", "0"],
        ["bitfield", "k", "set", "u8", "0", "1"],
        ["bitfield_ro", "k", "get", "u8", "0"],
        ["bitop", "and", "k", "s"],
      ]) {
        yield command;
        yield ["type", "k"];
      }
    }
  });

  compare("binary and empty keys and values are taken as they are", function* () {
    for (const value of HOSTILE_STRINGS) {
      yield ["set", value, value];
      for (const bit of ["0", "1"]) yield ["bitpos", value, bit];
      yield ["bitcount", value];
      yield ["setbit", value, "3", "1"];
      yield ["bitop", "not", value, value];
      yield ["bitfield", value, "get", value, value];
      yield ["bitfield", value, value, "u8", "0", "1"];
      yield ["bitop", value, value, value];
      yield* state(String(value));
    }
  });

  compare("SETBIT and GETBIT at every edge, from every value", function* () {
    for (const value of VALUES) {
      for (const bit of ["0", "1"]) {
        for (const offset of OFFSETS) {
          yield ["set", "k", value, "pxat", FUTURE_MS];
          yield ["getbit", "k", offset];
          yield ["setbit", "k", offset, bit];
          yield* state("k");
          yield ["del", "k"];
          yield ["setbit", "k", offset, bit];
          yield* state("k");
        }
      }
    }
  });

  compare("SETBIT and GETBIT treat hostile offsets and bits as Redis does", function* () {
    // The largest ones that are valid would make strings of half a gigabyte.
    const offsets = HOSTILE_INTEGERS.filter((text) => !/^[2-4]\d{9}$/.test(text));
    for (const number of offsets) {
      yield ["getbit", "k", number];
      yield ["setbit", "k", number, "1"];
      yield ["setbit", "k", "1", number];
      yield* state("k");
    }
    yield ["getbit", "k", "4294967295"];
    yield ["setbit", "k", "4294967296", "1"];
  });

  compare("BITCOUNT and BITPOS of every range in bytes and bits", function* () {
    for (const value of VALUES) {
      yield ["set", "k", value];
      yield ["bitcount", "k"];
      for (const bit of ["0", "1"]) {
        yield ["bitpos", "k", bit];
        for (const start of MORE_OFFSETS) {
          yield ["bitpos", "k", bit, start];
          for (const end of MORE_OFFSETS) {
            yield ["bitpos", "k", bit, start, end];
            yield ["bitpos", "k", bit, start, end, "BIT"];
            yield ["bitcount", "k", start, end, bit === "0" ? "byte" : "bit"];
          }
        }
      }
    }
  });

  compare("BITCOUNT and BITPOS check their arguments in Redis's order", function* () {
    yield ["set", "k", binary("\xff\x00\x01")];
    for (const key of ["k", "absent"]) {
      for (const number of HOSTILE_INTEGERS) {
        yield ["bitcount", key, number, "-1"];
        yield ["bitcount", key, "0", number];
        yield ["bitcount", key, number, number, "bit"];
        yield ["bitpos", key, number];
        yield ["bitpos", key, "1", number];
        yield ["bitpos", key, "0", "0", number];
        yield ["bitpos", key, "0", number, number, "bit"];
        yield ["bitcount", key, number, "x"];
        yield ["bitpos", key, number, "x", "y", "z"];
        yield ["bitpos", key, "1", "0", "-1", number];
        yield ["bitpos", key, "1", number, "y", "z"];
        yield ["bitcount", key, number, "-1", "junk"];
      }
      for (const far of ["-9223372036854775807", "-9223372036854775808", "-9007199254740993"]) {
        yield ["bitcount", key, "-9007199254740993", far];
        yield ["bitpos", key, "1", "-9007199254740993", far];
      }
      yield ["bitcount", key, "0"];
      yield ["bitcount", key, "0", "1", "bit", "junk"];
      yield ["bitpos", key, "1", "0", "1", "bit", "junk"];
    }
  });

  compare("BITOP combines every pair and triple of values", function* () {
    for (let k = 0; k < VALUES.length; k++) {
      if (k !== 3) yield ["set", `v${k}`, VALUES[k]];
    }
    for (let left = 0; left < VALUES.length; left++) {
      yield ["bitop", "not", "d", `v${left}`];
      yield* state("d");
      for (let right = 0; right < VALUES.length; right++) {
        for (const name of ["and", "or", "xor"]) {
          yield ["bitop", name, "d", `v${left}`, `v${right}`];
          yield ["get", "d"];
          yield ["bitop", name, "d", `v${left}`, `v${right}`, `v${(left + right) % 7}`];
          yield ["get", "d"];
        }
        yield ["bitop", "not", "d", `v${left}`, `v${right}`];
      }
    }
  });

  compare("BITOP stores over one of its sources, over other types, and deletes", function* (known) {
    for (const name of ["and", "or", "xor", "not", "junk", "", "an"]) {
      yield ["set", "a", "abc", "pxat", FUTURE_MS];
      yield ["set", "b", "123456"];
      yield ["bitop", name, "a", "a"];
      yield* state("a");
      yield ["bitop", name, "a", "b", "a", "b", "absent"];
      yield* state("a");
      yield ["bitop", name, "a", "absent"];
      yield ["exists", "a"];
      yield ["bitop", name, "a", "absent", "absent"];
      for (const { make } of otherTypes(known)) {
        yield ["del", "a"];
        yield make("a");
        yield ["bitop", name, "a", "b"];
        yield ["type", "a"];
      }
    }
  });

  compare("BITOP of long random values (seed 31)", function* () {
    const choices = new Choices(31);
    for (let k = 0; k < 40; k++) {
      for (const key of ["a", "b", "c"]) yield ["set", key, choices.bytes(choices.below(30_000))];
      for (const name of ["and", "or", "xor"]) {
        yield ["bitop", name, "d", "a", "b", "c"];
        yield ["get", "d"];
      }
      yield ["bitop", "not", "d", "d"];
      for (const command of ["bitcount", "get"]) yield [command, "d"];
    }
  });

  probe("changes are counted as Redis counts them", async (client) => {
    return changesOf(client, [
      ["setbit", "k", "0", "0"],
      ["setbit", "k", "0", "0"],
      ["setbit", "k", "0", "1"],
      ["setbit", "k", "100", "0"],
      ["bitop", "not", "d", "k"],
      ["bitop", "not", "d", "absent"],
      ["bitop", "not", "d", "absent"],
      ["bitfield", "f", "set", "u8", "0", "0"],
      ["bitfield", "f", "set", "u8", "0", "0"],
      ["bitfield", "f", "set", "u8", "100", "0"],
      ["bitfield", "f", "set", "u8", "0", "1", "set", "u8", "0", "2", "incrby", "u8", "0", "0"],
      ["bitfield", "f", "overflow", "fail", "set", "u8", "200", "256"],
      ["bitfield", "f", "get", "u8", "900"],
      ["bitfield", "f", "set", "u8", "0", "x"],
    ]);
  });
});
