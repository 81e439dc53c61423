// The commands on entries of streams in Redis 8.0 against Redis 8.0.

import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["xadd", "xlen", "xrange", "xrevrange", "xread", "xreadgroup", "xack", "xdel", "xtrim"],
  ...["xclaim", "xautoclaim", "xpending", "xinfo", "xgroup", "xsetid"],
];

const MAX = "18446744073709551615";
const INT64_MAX = "9223372036854775807";

/** Texts that are IDs, nearly IDs, or only what C takes for numbers. */
const IDS = [
  ...["0", "0-0", "0-1", "1", "1-1", "1-*", "2-0", "5-3", "5-*", "10-0", "-", "+", "$", ">", "*"],
  ...[`${MAX}-${MAX}`, `${MAX}-*`, `${MAX}`, `${MAX}-0`, `0-${MAX}`, `5-${MAX}`, `(${MAX}-${MAX}`],
  ...["18446744073709551616-0", "0-18446744073709551616", `9223372036854775808-${INT64_MAX}`],
  ...["4294967296-4294967295", "4294967295-4294967296", "9007199254740993-9007199254740993"],
  ...["1--1", "1--01", "1-+1", "+1-1", " 1-1", "1- 1", "1-1 ", "01-01", "1-", "-1", "-1-1", "--"],
  ...["1-1-1", "1-**", "1*-1", "(1", "(1-1", "((1", "(", "(-", "(+", "(0-0", "abc", "1-abc", ""],
  ...["1\0-1", "1-1\0junk", "*\0", "$\0", `${"0".repeat(120)}1-1`, `${"0".repeat(125)}1-1`],
];

/** A stream with entries in two blocks, some of them deleted, and in several shapes. */
function* sample(key: string): Generator<Command> {
  yield ["del", key];
  yield ["xadd", key, "1-1", "field", "value", "n", "1"];
  yield ["xadd", key, "1-2", "field", "other", "n", "-5000"];
  yield ["xadd", key, "2-0", "another", "x".repeat(70), "9223372036854775807", "-1"];
  yield ["xadd", key, "5-3", "field", "", "n", "12345678901234567890"];
  yield ["xadd", key, "5-4", "field", "99999", "n", "-9223372036854775808"];
  yield ["xadd", key, "10-0", "field", "y".repeat(5000), "n", "3000000"];
  yield ["xadd", key, "10-1", "b", "c"];
  yield ["xadd", key, `10-${MAX}`, "b", "d"];
  yield ["xdel", key, "1-2", "5-4"];
}

function* state(key: string): Generator<Command> {
  yield ["xlen", key];
  yield ["xrange", key, "-", "+"];
  yield ["xrevrange", key, "+", "-"];
  yield ["xinfo", "stream", key];
}

differential("streams", "redis8", ({ compare }) => {
  compare("every stream command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 9);
    for (const sub of ["create", "setid", "destroy", "createconsumer", "delconsumer", "help"]) {
      for (const command of arities("xgroup", 8)) yield [command[0], sub, ...command.slice(1)];
    }
    for (const sub of ["stream", "groups", "consumers", "help", "nothing"]) {
      for (const command of arities("xinfo", 6)) yield [command[0], sub, ...command.slice(1)];
    }
  });

  compare("every stream command is found whatever its case", function* () {
    yield* sample("k");
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "1", "2", "3"];
    }
    for (const variant of caseVariants("maxlen")) yield ["xtrim", "k", variant, "6"];
    for (const variant of caseVariants("minid")) yield ["xtrim", "k", variant, "=", "1"];
    for (const variant of caseVariants("count")) yield ["xrange", "k", "-", "+", variant, "1"];
    for (const variant of caseVariants("streams")) yield ["xread", variant, "k", "0"];
  });

  compare("every stream command refuses values of other types", function* (known) {
    const string = { make: (key: string): Command => ["set", key, "text"] };
    for (const { make } of [string, ...otherTypes(known)]) {
      yield ["del", "k"];
      yield make("k");
      yield ["xadd", "k", "9-*", "a", "b"];
      yield ["xadd", "k", "bad", "a", "b"];
      yield ["xadd", "k", "nomkstream", "9-*", "a", "b"];
      yield ["xlen", "k"];
      yield ["xrange", "k", "-", "+"];
      yield ["xrange", "k", "bad", "+"];
      yield ["xrevrange", "k", "+", "-", "count", "0"];
      yield ["xdel", "k", "1-1"];
      yield ["xdel", "k", "bad"];
      yield ["xtrim", "k", "maxlen", "0"];
      yield ["xsetid", "k", "1-1"];
      yield ["xread", "streams", "k", "0"];
      yield ["xread", "streams", "k", "bad"];
      yield ["xreadgroup", "group", "g", "c", "streams", "k", ">"];
      yield ["xack", "k", "g", "1-1"];
      yield ["xack", "k", "g", "bad"];
      yield ["xpending", "k", "g"];
      yield ["xpending", "k", "g", "-", "+", "x"];
      yield ["xclaim", "k", "g", "c", "0", "1-1"];
      yield ["xclaim", "k", "g", "c", "x", "1-1"];
      yield ["xautoclaim", "k", "g", "c", "0", "0"];
      yield ["xautoclaim", "k", "g", "c", "x", "0"];
      yield ["xinfo", "stream", "k"];
      yield ["xinfo", "stream", "k", "bad"];
      yield ["xinfo", "groups", "k"];
      yield ["xinfo", "consumers", "k", "g"];
      yield ["xgroup", "create", "k", "g", "0"];
      yield ["xgroup", "create", "k", "g", "bad", "mkstream"];
      yield ["xgroup", "create", "k", "g", "0", "bad"];
      yield ["xgroup", "setid", "k", "g", "0"];
      yield ["xgroup", "destroy", "k", "g"];
      yield ["xgroup", "createconsumer", "k", "g", "c"];
      yield ["xgroup", "delconsumer", "k", "g", "c"];
      yield ["type", "k"];
    }
  });

  compare("XADD takes the IDs that Redis takes", function* () {
    for (const id of IDS) {
      for (const prior of [undefined, "0-1", "5-3", "5-18446744073709551615", `${MAX}-3`]) {
        // The time would be another one on each server.
        if ((id === "*" || id === "*\0") && prior !== `${MAX}-3`) continue;
        yield ["del", "k"];
        if (prior !== undefined) yield ["xadd", "k", prior, "a", "b"];
        yield ["xadd", "k", id, "f", "v"];
        yield* state("k");
        yield ["xadd", "k", "nomkstream", id, "f", "v"];
        yield ["xadd", "k", id, "f"];
        yield ["exists", "k"];
      }
    }
  });

  compare("XADD keeps fields and values as they are", function* () {
    let sequence = 1;
    for (const value of [...HOSTILE_STRINGS, ...HOSTILE_INTEGERS]) {
      yield ["xadd", "k", `1-${sequence++}`, value, value, "same", value];
      yield ["xadd", "k", `1-${sequence++}`, value, "1", "same", ""];
      yield ["xadd", value, "1-1", value, value];
      yield ["xrange", value, "-", "+"];
    }
    yield* state("k");
    yield ["xread", "count", "7", "streams", "k", "1-20"];
  });

  compare("ranges have the bounds that Redis's have", function* () {
    yield* sample("k");
    for (const start of IDS) {
      for (const end of ["-", "+", "1", "5", "(5-3", "10-0", "bad"]) {
        yield ["xrange", "k", start, end];
        yield ["xrevrange", "k", start, end];
        yield ["xrange", "k", end, start];
        yield ["xrevrange", "k", end, start];
      }
      yield ["xrange", "absent", start, start];
      yield ["xread", "streams", "k", start];
      yield ["xread", "count", "2", "streams", "absent", "k", "0", start];
    }
    for (const count of HOSTILE_INTEGERS) {
      yield ["xrange", "k", "-", "+", "count", count];
      yield ["xrevrange", "k", "+", "-", "count", count, "count", "2"];
      yield ["xread", "count", count, "streams", "k", "0"];
      yield ["xrange", "k", "-", "+", count];
    }
  });

  compare("XDEL deletes what is there, or nothing where an ID is none", function* () {
    for (const id of IDS) {
      yield* sample("k");
      yield ["xdel", "k", "2-0", id];
      yield ["xdel", "k", id, "2-0", id];
      yield ["xdel", "absent", id];
      yield* state("k");
    }
    for (const ids of selections(["1-1", "2-0", "5-3", "10-0", "10-1", `10-${MAX}`], 3)) {
      if (ids.length === 0) continue;
      yield* sample("k");
      yield ["xdel", "k", ...ids];
      yield* state("k");
      yield ["xadd", "k", "11-1", "b", "e"];
      yield ["xinfo", "stream", "k", "full"];
    }
  });

  compare("XTRIM and XADD trim as far as Redis does", function* () {
    const tokens = ["maxlen", "minid", "~", "=", "limit", "2", "5-3", "0", "nomkstream", "-1"];
    for (const options of selections(tokens, 4)) {
      yield ["xtrim", "absent", ...options];
      yield ["xadd", "absent", "nomkstream", ...options, "11-1", "a", "b"];
    }
    const thresholds = [...IDS, ...HOSTILE_INTEGERS];
    for (const strategy of ["maxlen", "minid"]) {
      for (const operator of [[], ["="], ["~"]]) {
        for (const threshold of thresholds) {
          yield* sample("k");
          yield ["xtrim", "k", strategy, ...operator, threshold];
          yield ["xlen", "k"];
          yield ["xadd", "k", strategy, ...operator, threshold, "11-1", "b", "x"];
          yield* state("k");
        }
      }
    }
    for (const limit of HOSTILE_INTEGERS) {
      yield* sample("k");
      yield ["xtrim", "k", "maxlen", "~", "1", "limit", limit];
      yield ["xtrim", "k", "maxlen", "=", "1", "limit", limit];
      yield ["xtrim", "k", "limit", limit, "minid", "~", "7"];
      yield* state("k");
    }
  });

  compare("whole blocks go where trimming is approximate (seed 31)", function* () {
    const choices = new Choices(31);
    for (let round = 0; round < 12; round++) {
      yield ["del", "k"];
      const count = 50 + choices.below(400);
      for (let k = 1; k <= count; k++) {
        const fields = choices.oneIn(4) ? ["b", "1"] : ["a", `${choices.below(1000)}`, "c", "x"];
        yield ["xadd", "k", `${k}-${choices.below(9)}`, ...fields];
        if (choices.oneIn(5)) yield ["xdel", "k", `${choices.below(k)}-${choices.below(9)}`];
      }
      yield ["xinfo", "stream", "k"];
      for (let k = 0; k < 12; k++) {
        const by = choices.below(count);
        const limit = choices.oneIn(3) ? ["limit", choices.below(300)] : [];
        const trim = choices.pick([
          ["maxlen", "~", by, ...limit],
          ["maxlen", by],
          ["minid", "~", count - by, ...limit],
          ["minid", count - by],
        ]);
        if (choices.oneIn(2)) yield ["xtrim", "k", ...trim];
        else yield ["xadd", "k", ...trim, "900-*", "a", "1"];
        yield ["xinfo", "stream", "k"];
        yield ["xrange", "k", "-", "+", "count", "2"];
      }
    }
  });

  compare("XSETID sets what it may", function* () {
    for (const id of IDS) {
      yield* sample("k");
      yield ["xsetid", "k", id];
      yield ["xsetid", "absent", id];
      yield ["xsetid", "k", "20-0", "maxdeletedid", id];
      yield ["xsetid", "k", id, "maxdeletedid", "6-0", "entriesadded", "20"];
      yield ["xinfo", "stream", "k"];
      yield ["xadd", "k", "30-*", "a", "b"];
    }
    for (const count of [...HOSTILE_INTEGERS, "5", "6", "7"]) {
      yield* sample("k");
      yield ["xsetid", "k", "20-0", "entriesadded", count];
      yield ["xsetid", "k", "bad", "entriesadded", count];
      yield ["xgroup", "create", "k", "g", "20-0", "entriesread", count];
      yield ["xadd", "k", "30-*", "a", "b"];
      yield ["xinfo", "stream", "k"];
      yield ["xinfo", "groups", "k"];
      yield ["xreadgroup", "group", "g", "c", "streams", "k", ">"];
      yield ["xinfo", "groups", "k"];
    }
    for (const options of selections(["entriesadded", "maxdeletedid", "3-3", "9"], 4)) {
      yield* sample("k");
      yield ["xsetid", "k", "20-0", ...options];
      yield ["xinfo", "stream", "k"];
    }
  });

  compare("streams are copied, renamed, moved, expired and deleted as they are", function* () {
    yield* sample("k");
    yield ["xgroup", "create", "k", "g", "0"];
    yield ["xreadgroup", "group", "g", "c", "count", "3", "streams", "k", ">"];
    yield ["pexpireat", "k", "33177117420000"];
    yield ["copy", "k", "copy"];
    yield ["rename", "k", "renamed"];
    yield ["move", "renamed", "3"];
    yield ["xdel", "copy", "1-1"];
    yield* state("copy");
    yield ["xinfo", "groups", "copy"];
    yield ["xpending", "copy", "g"];
    yield ["xack", "copy", "g", "2-0"];
    yield ["pexpiretime", "copy"];
    yield ["select", "3"];
    yield* state("renamed");
    yield ["xpending", "renamed", "g"];
    yield ["object", "encoding", "renamed"];
    yield ["type", "renamed"];
    yield ["persist", "renamed"];
    yield ["set", "renamed", "text"];
    yield ["get", "renamed"];
    yield ["select", "0"];
    yield ["unlink", "copy"];
    yield ["xlen", "copy"];
  });
});
