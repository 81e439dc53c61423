// Consumer groups of streams against Redis 8.0.

import { type Command, differential } from "../harness/differential.ts";
import { Choices, HOSTILE_INTEGERS, HOSTILE_STRINGS, selections } from "../harness/generate.ts";
import { STREAM_TEMPLATES } from "../harness/random-streams.ts";

const MAX = "18446744073709551615";
const IDS = [
  ...["0", "1-1", "1-*", "2", "-", "+", "$", ">", "*", "(1", "bad", "", "1-1\0x", "01-01"],
  ...[`${MAX}-${MAX}`, `(${MAX}-${MAX}`, "18446744073709551616-0"],
];

/** A stream of seven entries, one deleted; group g has delivered five to two consumers. */
function* sample(key = "k"): Generator<Command> {
  yield ["del", key];
  for (let k = 1; k <= 7; k++) yield ["xadd", key, `${k}-1`, "f", `v${k}`];
  yield ["xgroup", "create", key, "g", "0"];
  yield ["xreadgroup", "group", "g", "alice", "count", "3", "streams", key, ">"];
  yield ["xreadgroup", "group", "g", "bob", "count", "2", "streams", key, ">"];
  yield ["xdel", key, "2-1"];
}

function* state(key = "k"): Generator<Command> {
  yield ["xinfo", "stream", key, "full", "count", "0"];
  yield ["xinfo", "groups", key];
  yield ["xinfo", "consumers", key, "g"];
  yield ["xpending", key, "g"];
  yield ["xpending", key, "g", "-", "+", "100"];
}

/** Random commands, all of them on one key. */
function* onOneKey(choices: Choices, count: number): Generator<Command> {
  const names = Object.keys(STREAM_TEMPLATES).filter((name) => !name.startsWith("xrev"));
  yield* sample();
  for (let k = 0; k < count; k++) {
    const name = choices.oneIn(3) ? "xadd" : choices.pick(names);
    const command = STREAM_TEMPLATES[name](choices);
    yield command.map((argument, at) => {
      const isKey = /^(k\d|key with spaces|)$/.test(String(argument)) && at < command.length - 1;
      return isKey ? "k" : argument;
    });
    if (k % 25 === 0) yield* state();
    if (k % 300 === 299) yield* sample();
  }
}

differential("consumer groups", "redis8", ({ compare }) => {
  compare("XGROUP makes, moves and unmakes groups", function* () {
    for (const id of IDS) {
      yield* sample();
      yield ["xgroup", "create", "k", "new", id];
      yield ["xgroup", "create", "k", "g", id];
      yield ["xgroup", "create", "made", "new", id];
      yield ["xgroup", "create", "made", "new", id, "mkstream"];
      yield ["xgroup", "setid", "k", "g", id];
      yield ["xgroup", "setid", "k", "none", id];
      yield ["xgroup", "setid", "absent", "g", id];
      yield ["xreadgroup", "group", "g", "carol", "streams", "k", ">"];
      yield* state();
      yield* state("made");
      yield ["del", "made"];
    }
    for (const options of selections(["mkstream", "entriesread", "3", "-1", "bad"], 4)) {
      yield* sample();
      yield ["xgroup", "create", "k", "new", "3-1", ...options];
      yield ["xgroup", "create", "absent", "g", "$", ...options];
      yield ["xgroup", "setid", "k", "g", "4-1", ...options];
      yield ["xgroup", "setid", "absent", "g", "4-1", ...options];
      yield* state();
      yield* state("absent");
      yield ["del", "absent"];
    }
    yield* sample();
    for (const [sub, ...rest] of [
      ["createconsumer", "g", "alice"],
      ["createconsumer", "g", "dave"],
      ["createconsumer", "none", "dave"],
      ["delconsumer", "g", "alice"],
      ["delconsumer", "g", "alice"],
      ["delconsumer", "none", "alice"],
      ["destroy", "none"],
      ["destroy", "g"],
      ["destroy", "g"],
    ]) {
      yield ["xgroup", sub, "absent", ...rest];
      yield ["xgroup", sub, "k", ...rest];
      yield* state();
    }
    yield ["xgroup", "nothing", "k", "g"];
    yield ["xgroup", "help"];
    yield ["xinfo", "help"];
  });

  compare("a group that claims to have read too much lags by less than nothing", function* () {
    for (const read of ["3", "4", "5", "9223372036854775807"]) {
      yield ["del", "k"];
      for (let k = 1; k <= 3; k++) yield ["xadd", "k", `${k}`, "a", "b"];
      yield ["xgroup", "create", "k", "g", "3", "entriesread", read];
      yield ["xinfo", "groups", "k"];
      yield ["xadd", "k", "4", "a", "b"];
      yield ["xreadgroup", "group", "g", "c", "streams", "k", ">"];
      yield ["xinfo", "groups", "k"];
      yield ["xinfo", "stream", "k", "full"];
    }
  });

  compare("names of groups and consumers are bytes", function* () {
    yield ["xadd", "k", "1-1", "a", "b"];
    for (const name of HOSTILE_STRINGS) {
      yield ["xgroup", "create", "k", name, "0"];
      yield ["xgroup", "create", "k", name, "0"];
      yield ["xreadgroup", "group", name, name, "streams", "k", ">"];
      yield ["xgroup", "createconsumer", "k", name, "second"];
      yield ["xpending", "k", name];
      yield ["xpending", "absent", name];
      yield ["xreadgroup", "group", name, name, "streams", name, ">"];
      yield ["xclaim", name, name, name, "0", "1-1"];
      yield ["xclaim", "k", name, name, "0", name];
      yield ["xgroup", "setid", "k", `${name}.`, "0"];
      yield ["xinfo", "consumers", "k", `${name}.`];
    }
    yield ["xinfo", "groups", "k"];
    yield ["xinfo", "stream", "k", "full", "count", "0"];
  });

  compare("XREADGROUP reads what is new, or a consumer's history", function* () {
    const tokens = ["group", "g", "alice", "count", "1", "noack", "streams", "k", ">", "0"];
    for (let length = 1; length <= tokens.length; length++) {
      yield* sample();
      yield ["xreadgroup", ...tokens.slice(0, length), "x", "x", "x", "x"];
      yield ["xreadgroup", ...tokens.slice(0, length)];
      yield ["xread", ...tokens.slice(0, length), "x", "x"];
    }
    for (const id of IDS) {
      yield* sample();
      yield ["xreadgroup", "group", "g", "alice", "streams", "k", id];
      yield ["xreadgroup", "group", "g", "alice", "noack", "count", "1", "streams", "k", id];
      yield ["xreadgroup", "group", "g", "erin", "streams", "k", "absent", ">", id];
      yield ["xreadgroup", "group", "none", "erin", "streams", "k", id];
      yield ["xread", "streams", "k", "absent", id, id];
      yield* state();
    }
    for (const count of HOSTILE_INTEGERS) {
      yield* sample();
      yield ["xreadgroup", "group", "g", "bob", "count", count, "streams", "k", "k", "0", ">"];
      yield ["xreadgroup", "group", "g", "bob", "block", count, "streams", "k", "k", "0", ">"];
      yield ["xpending", "k", "g", "-", "+", count];
      // A few milliseconds may have passed, or not.
      if (!/^0?\d{1,2}$/.test(count)) {
        yield ["xpending", "k", "g", "idle", count, "-", "+", "3", "bob"];
      }
      yield ["xinfo", "stream", "k", "full", "count", count];
    }
    yield* sample("s");
    yield* sample("k");
    yield ["xreadgroup", "group", "g", "bob", "streams", "k", "s", "k", ">", ">", ">"];
    yield ["xreadgroup", "group", "g", "bob", "count", "1", "streams", "k", "s", "0", ">"];
    yield ["xreadgroup", "group", "g", "bob", "streams", "k", "s", ">", ">"];
    yield* state("s");
  });

  compare("XACK acknowledges, or nothing where an ID is none", function* () {
    for (const id of IDS) {
      yield* sample();
      yield ["xack", "k", "g", "1-1", id];
      yield ["xack", "k", "g", "1-1", "1-1", "4-1", "2-1", "9-9"];
      yield ["xack", "k", "none", id];
      yield ["xack", "absent", "g", id];
      yield* state();
    }
  });

  compare("XPENDING shows the interval asked for", function* () {
    yield* sample();
    for (const id of IDS) {
      yield ["xpending", "k", "g", id, "+", "10"];
      yield ["xpending", "k", "g", "-", id, "10", "alice"];
      yield ["xpending", "k", "g", id, id, "10", "nobody"];
      yield ["xpending", "k", "none", id, id, "10"];
    }
    for (const rest of selections(["idle", "0", "-", "+", "1"], 5)) {
      yield ["xpending", "k", "g", ...rest];
      yield ["xpending", "k", "g", ...rest, "bob"];
    }
  });

  compare("XCLAIM hands over what is pending", function* () {
    const options = ["force", "justid", "idle", "5", "time", "retrycount", "lastid", "6-1"];
    for (const chosen of selections(options, 3)) {
      yield* sample();
      yield ["xclaim", "k", "g", "bob", "0", "1-1", "2-1", "6-1", "9-9", ...chosen];
      yield* state();
    }
    for (const value of HOSTILE_INTEGERS.filter((text) => !/^0?[1-9]0?$/.test(text))) {
      yield* sample();
      yield ["xclaim", "k", "g", "bob", value, "1-1"];
      yield ["xclaim", "k", "g", "bob", "0", "3-1", "retrycount", value];
      yield ["xclaim", "k", "g", "bob", "0", "3-1"];
      yield ["xclaim", "k", "g", "bob", "0", "3-1", "idle", value, "justid"];
      yield ["xclaim", "k", "g", "bob", "0", "3-1", "time", value, "justid"];
      yield ["xclaim", "k", "g", "bob", "0", "3-1", "lastid", value];
      yield ["xreadgroup", "group", "g", "bob", "streams", "k", "0"];
      yield* state();
    }
    for (const id of IDS) {
      yield* sample();
      yield ["xclaim", "k", "g", "new", "0", id];
      yield ["xclaim", "k", "g", "new", "0", "1-1", id, "force"];
      yield ["xclaim", "k", "g", "new", "100000000", "1-1", "6-1", "force"];
      yield ["xclaim", "absent", "g", "new", "0", id];
      yield ["xclaim", "k", "none", "new", "0", id];
      yield* state();
    }
  });

  compare("XAUTOCLAIM goes on where it left off", function* () {
    for (const id of IDS) {
      for (const rest of [[], ["count", "1"], ["justid"], ["count", "2", "justid"], ["count"]]) {
        yield* sample();
        yield ["xautoclaim", "k", "g", "new", "0", id, ...rest];
        yield ["xautoclaim", "k", "none", "new", "0", id, ...rest];
        yield ["xautoclaim", "absent", "g", "new", "0", id, ...rest];
        yield* state();
      }
    }
    for (const value of HOSTILE_INTEGERS.filter((text) => !/^0?[1-9]0?$/.test(text))) {
      yield* sample();
      yield ["xautoclaim", "k", "g", "new", value, "0", "count", "2"];
      yield ["xautoclaim", "k", "g", "new", "0", "0", "count", value];
      yield* state();
    }
    yield ["del", "k"];
    for (let k = 1; k <= 300; k++) yield ["xadd", "k", `${k}`, "a", "b"];
    yield ["xgroup", "create", "k", "g", "0"];
    yield ["xreadgroup", "group", "g", "alice", "streams", "k", ">"];
    yield ["xdel", "k", "10", "11", "250"];
    for (const start of ["0", "2-0", "101-0", "102-0", "203-0", "(249"]) {
      yield ["xautoclaim", "k", "g", "bob", "0", start];
      yield ["xautoclaim", "k", "g", "carol", "99999999", start, "count", "7"];
    }
    yield* state();
  });

  compare("a group's place is known, or not, as Redis knows it (seed 41)", function* () {
    const choices = new Choices(41);
    for (let round = 0; round < 200; round++) {
      yield ["del", "k"];
      const count = 1 + choices.below(9);
      for (let k = 1; k <= count; k++) yield ["xadd", "k", `${k}`, "a", "b"];
      yield ["xgroup", "create", "k", "g", choices.below(count + 2)];
      for (let step = 0; step < 12; step++) {
        const at = choices.below(count + 4);
        yield choices.pick<Command>([
          ["xdel", "k", at],
          ["xtrim", "k", "maxlen", choices.below(count + 1)],
          ["xtrim", "k", "minid", at],
          ["xadd", "k", "20-*", "a", "b"],
          ["xreadgroup", "group", "g", "c", "count", 1 + choices.below(3), "streams", "k", ">"],
          ["xreadgroup", "group", "g", "c", "count", 1 + choices.below(3), "streams", "k", ">"],
          ["xgroup", "setid", "k", "g", at],
          ["xgroup", "setid", "k", "g", at, "entriesread", choices.below(count)],
          ["xsetid", "k", "30-0", "entriesadded", 20, "maxdeletedid", at],
        ]);
        yield ["xinfo", "groups", "k"];
        yield ["xinfo", "stream", "k", "full"];
      }
    }
  });

  for (const seed of [42, 43]) {
    compare(`random commands on one stream (seed ${seed})`, () => {
      return onOneKey(new Choices(seed), 4000);
    });
  }
});
