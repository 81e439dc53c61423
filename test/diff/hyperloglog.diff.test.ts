// The HyperLogLog commands of Redis 8.0 against Redis 8.0: replies, and the strings themselves.

import { binary } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import { arities, Choices, caseVariants, HOSTILE_STRINGS } from "../harness/generate.ts";
import { changesOf } from "./changes.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = ["pfadd", "pfcount", "pfmerge", "pfdebug", "pfselftest"];

const header = (encoding: string, count = `${"\x00".repeat(7)}\x80`) =>
  `HYLL${encoding}\x00\x00\x00${count}`;
const SPARSE = header("\x01");
const DENSE = header("\x00");

/** Strings that are, or nearly are, HyperLogLogs. */
const STRINGS: readonly string[] = [
  ...["", "HYLL", "HYLL\x01", "hyll\x01\x00\x00\x00", "12345", SPARSE, SPARSE.slice(0, 15)],
  ...[header("\x02"), header("\xff"), DENSE, DENSE + "\x00".repeat(12287)],
  ...[DENSE + "\x00".repeat(12288), DENSE + "\xff".repeat(12288), DENSE + "\x00".repeat(12289)],
  ...[`${DENSE}${"\x41\x10\x04".repeat(4096)}`, `${DENSE}${"\xc7\x71\x1c".repeat(4096)}`],
  // All registers zero, in other words; one too few; one too many; none; only a half XZERO.
  ...[`${SPARSE}\x7f\xff`, `${SPARSE}\x7f\xfe`, `${SPARSE}\x7f\xff\x00`, `${SPARSE}\x7f`],
  ...[`${SPARSE}\x7f\xfe\x00`, `${SPARSE}${"\x3f".repeat(256)}`, `${SPARSE}${"\x3f".repeat(300)}`],
  ...[`${SPARSE}${"\x83".repeat(4096)}`, `${SPARSE}${"\xff".repeat(4096)}`],
  ...[`${SPARSE}${"\x80".repeat(16384)}`, `${SPARSE}${"\x80".repeat(9000)}`],
  ...[`${SPARSE}\x7f\xf0${"\x80".repeat(15)}`, `${SPARSE}\x7f\xf0${"\x80".repeat(14)}\x40`],
  ...[`${SPARSE}${"\x40\x00".repeat(16384)}`, `${SPARSE}${"\x40\x41".repeat(10)}\x7f\xff`],
  // Cached counts: valid ones, the largest, with a stale mark inside.
  ...["\x05", "\xff\xff\xff\xff\xff\xff\xff\x7f", "\x00\x00\x00\x00\x00\x00\x20"].map(
    (count) => `${header("\x01", count.padEnd(8, "\x00"))}\x7f\xff`,
  ),
  `${header("\x01", "\xff".repeat(8))}\x7f\xff`,
];

function* contents(key: string): Generator<Command> {
  yield ["get", key];
  yield ["object", "encoding", key];
}

/** Everything that looks at a HyperLogLog or changes it. */
function* everything(key: string, set: () => Generator<Command>): Generator<Command> {
  for (const command of [
    ["pfcount", key],
    ["pfcount", key, "other"],
    ["pfadd", key],
    ["pfadd", key, "a"],
    ["pfadd", key, "a", "b", "c", "d", "e", "f"],
    ["pfmerge", key],
    ["pfmerge", key, "other"],
    ["pfmerge", "target", key],
    ["pfdebug", "decode", key],
    ["pfdebug", "encoding", key],
    ["pfdebug", "getreg", key],
    ["pfdebug", "todense", key],
    ["pfdebug", "junk", key],
  ]) {
    yield* set();
    yield ["del", "target", "other"];
    yield ["pfadd", "other", "a", "b", "x", "y"];
    yield command;
    yield* contents(key);
    yield* contents("target");
    yield ["pfcount", key];
    yield* contents(key);
  }
}

differential("hyperloglog", "redis8", ({ compare, probe }) => {
  compare("every HyperLogLog command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 5);
    yield ["pfselftest"];
  });

  compare("commands and subcommands are found whatever their case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "k"];
    }
    for (const name of ["getreg", "decode", "encoding", "todense"]) {
      for (const variant of caseVariants(name)) yield ["pfdebug", variant, "k"];
    }
    for (const argument of HOSTILE_STRINGS) yield ["pfdebug", argument, "k"];
    // Nothing but ON and OFF: Redis answers the rest with an error and then with a status, too.
    for (const word of ["on", "off"]) {
      for (const variant of caseVariants(word)) yield ["pfdebug", "SIMD", variant];
    }
  });

  compare("other types and strings that are none are refused", function* (known) {
    for (const { make } of otherTypes(known)) {
      yield* everything("k", function* () {
        yield ["del", "k"];
        yield make("k");
      });
    }
    yield* everything("absent", function* () {
      yield ["del", "absent"];
    });
  });

  compare("strings that are or nearly are HyperLogLogs", function* () {
    for (const text of STRINGS) {
      yield* everything("k", function* () {
        yield ["set", "k", binary(text)];
      });
    }
  });

  compare("elements are hashed whatever their length and bytes", function* () {
    for (const text of HOSTILE_STRINGS) {
      yield ["pfadd", "k", text];
      yield ["pfadd", text, text, "a", text];
      yield* contents("k");
    }
    const choices = new Choices(51);
    for (let length = 0; length < 70; length++) {
      yield ["pfadd", "k", ...Array.from({ length: 4 }, () => choices.bytes(length))];
      yield ["get", "k"];
    }
  });

  for (const limit of ["3000", "0", "17", "60", "12304", "20000"]) {
    compare(`additions make the same bytes, hll-sparse-max-bytes ${limit}`, function* () {
      yield ["config", "set", "hll-sparse-max-bytes", limit];
      for (let k = 0; k < 2500; k++) {
        yield ["pfadd", "k", `element ${k}`];
        if (k % 10 === 0 || k < 200) {
          yield ["get", "k"];
          yield ["pfcount", "k"];
        }
      }
      yield ["pfdebug", "encoding", "k"];
      yield ["pfdebug", "decode", "k"];
      yield ["pfdebug", "getreg", "k"];
      yield ["config", "set", "hll-sparse-max-bytes", "3000"];
    });
  }

  compare("estimates are the same at every size (seed 52)", function* () {
    const choices = new Choices(52);
    for (let k = 0; k < 400; k++) {
      yield ["pfadd", "k", ...Array.from({ length: 200 }, () => choices.bytes(8))];
      yield ["pfcount", "k"];
      yield ["pfcount", "k", "k"];
    }
    yield ["get", "k"];
  });

  compare("merges of random HyperLogLogs (seed 53)", function* () {
    const choices = new Choices(53);
    const keys = ["a", "b", "c", "d", "absent"];
    const key = () => choices.pick(keys);
    for (let k = 0; k < 600; k++) {
      const target = choices.pick(keys.slice(0, 4));
      const count = choices.below(choices.pick([3, 30, 400]));
      yield ["pfadd", target, ...Array.from({ length: count }, () => choices.below(100_000))];
      if (choices.oneIn(9)) yield ["del", target];
      if (choices.oneIn(3)) yield ["pfmerge", choices.pick(["d", "e"]), key(), key()];
      if (choices.oneIn(3)) yield ["pfmerge", target];
      if (choices.oneIn(40)) yield ["pfdebug", "todense", target];
      yield ["pfcount", key(), key()];
      yield* contents(target);
      yield* contents("e");
      if (choices.oneIn(30)) yield ["del", "e", key()];
    }
  });

  compare("damaged HyperLogLogs are refused or used as Redis does (seed 54)", function* () {
    const choices = new Choices(54);
    for (let round = 0; round < 400; round++) {
      const payload = damaged(choices);
      const set = ["set", "k", payload];
      const elements = Array.from({ length: 1 + choices.below(8) }, () => choices.below(1e6));
      yield set;
      yield ["pfadd", "other", ...elements];
      yield ["pfadd", "k", ...elements];
      yield* contents("k");
      yield ["pfcount", "k"];
      yield ["pfcount", "other", "k"];
      yield ["pfmerge", "k", "other"];
      yield ["pfmerge", "other", "k"];
      yield* contents("k");
      yield set;
      yield ["pfdebug", choices.pick(["decode", "getreg", "todense", "encoding"]), "k"];
      yield ["get", "k"];
      if (choices.oneIn(20)) yield ["del", "other"];
    }
  });

  probe("changes are counted as Redis counts them", async (client) => {
    const elements = Array.from({ length: 3000 }, (_, k) => `e${k}`);
    await client.ask("set", "corrupt", binary(`${SPARSE}\x40\x10`));
    return changesOf(client, [
      ...[
        ["pfadd", "k"],
        ["pfadd", "k"],
        ["pfadd", "k", "a", "b", "a"],
        ["pfadd", "k", "a"],
      ],
      ...[
        ["pfcount", "k"],
        ["pfcount", "k"],
        ["pfcount", "k", "k"],
        ["pfadd", "l", "x", "y"],
      ],
      ...[
        ["pfmerge", "k"],
        ["pfmerge", "m", "k", "l"],
        ["pfmerge", "m", "corrupt"],
      ],
      ...[
        ["pfcount", "m"],
        ["pfdebug", "decode", "m"],
        ["pfdebug", "todense", "m"],
      ],
      ...[
        ["pfdebug", "getreg", "m"],
        ["pfdebug", "getreg", "k"],
        ["pfdebug", "getreg", "k"],
      ],
      ["pfadd", "big", ...elements],
      ["pfcount", "corrupt"],
    ]);
  });
});

/** A HyperLogLog of random opcodes or registers, with some bytes changed, lost or repeated. */
function damaged(choices: Choices): Buffer {
  if (choices.oneIn(8)) {
    const dense = Buffer.concat([binary(DENSE), choices.bytes(12288)]);
    if (choices.oneIn(2)) dense[choices.below(dense.length)] = choices.below(256);
    return dense;
  }
  const opcodes: number[] = [];
  for (let covered = 0; covered < 16384; ) {
    const rest = 16384 - covered;
    if (choices.oneIn(3)) {
      const run = Math.min(rest, 1 + choices.below(4));
      opcodes.push(0x80 | (choices.below(32) << 2) | (run - 1));
      covered += run;
    } else if (choices.oneIn(2)) {
      const run = Math.min(rest, 1 + choices.below(64));
      opcodes.push(run - 1);
      covered += run;
    } else {
      const run = Math.min(rest, 1 + choices.below(choices.pick([100, 1000, 16384])));
      opcodes.push(0x40 | ((run - 1) >> 8), (run - 1) & 255);
      covered += run;
    }
  }
  for (let k = choices.below(4); k > 0 && opcodes.length > 0; k--) {
    const at = choices.below(opcodes.length);
    const kind = choices.below(4);
    if (kind === 0) opcodes[at] = choices.below(256);
    else if (kind === 1) opcodes.splice(at, 1 + choices.below(3));
    else if (kind === 2) opcodes.splice(at, 0, opcodes[at]);
    else opcodes.length = at;
  }
  // Redis takes the missing half of an XZERO from whatever lies behind the string.
  if (endsInHalf(opcodes)) opcodes.pop();
  return Buffer.concat([binary(SPARSE), Buffer.from(opcodes)]);
}

function endsInHalf(opcodes: readonly number[]): boolean {
  let at = 0;
  while (at < opcodes.length) at += (opcodes[at] & 0xc0) === 0x40 ? 2 : 1;
  return at > opcodes.length;
}
