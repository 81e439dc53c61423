// What string commands have learned in Valkey beyond Redis 8.0: MSETEX, DELIFEQ, SET ... IFEQ.

import { differential } from "../harness/differential.ts";
import { arities, HOSTILE_INTEGERS, HOSTILE_STRINGS, selections } from "../harness/generate.ts";
import { otherTypes } from "./other-types.ts";

const FUTURE_S = "33177117420";
const FUTURE_MS = "33177117420000";

const MSETEX_OPTIONS: readonly (readonly string[])[] = [
  ["nx"],
  ["XX"],
  ["keepttl"],
  ["ex", "100000"],
  ["PX", "100000000"],
  ["exat", FUTURE_S],
  ["pxat", FUTURE_MS],
  ["exat", "1"],
  ["ex"],
  ["ex", "0"],
  ["px", "abc"],
  ["junk"],
];

const IFEQ_OPTIONS: readonly (readonly string[])[] = [
  ["ifeq", "old"],
  ["IFEQ", "other"],
  ["ifeq"],
  ["nx"],
  ["xx"],
  ["get"],
  ["keepttl"],
  ["exat", FUTURE_S],
  ["pxat", "1"],
  ["junk"],
];

differential("valkey strings", "valkey9", ({ compare }) => {
  compare("MSETEX and DELIFEQ check their arity", function* () {
    for (const name of ["msetex", "delifeq"]) yield* arities(name, 7);
  });

  compare("MSETEX takes every pair and triple of options as Valkey does", function* () {
    for (const present of [false, true]) {
      for (const options of selections(MSETEX_OPTIONS, 3)) {
        yield ["del", "a", "b"];
        if (present) yield ["set", "a", "old", "pxat", "33177117429999"];
        yield ["msetex", "2", "a", "1", "b", "2", ...options.flat()];
        yield ["mget", "a", "b"];
        yield ["pexpiretime", "a"];
        yield ["pexpiretime", "b"];
      }
    }
  });

  compare("MSETEX takes only counts and times in range", function* () {
    for (const value of HOSTILE_INTEGERS) {
      yield ["flushall"];
      yield ["msetex", value, "a", "1"];
      yield ["msetex", value, "a", "1", "nx"];
      yield ["msetex", value, "a", "1", "b", "2", "px", "1000000"];
      yield ["mget", "a", "b"];
      if (/^[1-9]\d?$/.test(value)) continue;
      for (const unit of ["ex", "px", "exat", "pxat"]) {
        yield ["msetex", "1", "a", "1", unit, value];
        yield ["pexpiretime", "a"];
      }
    }
  });

  compare("DELIFEQ deletes on equality only", function* (known) {
    for (const stored of HOSTILE_STRINGS.slice(0, 40)) {
      for (const expected of ["", "1", "x", stored]) {
        yield ["set", "k", stored];
        yield ["delifeq", "k", expected];
        yield ["exists", "k"];
      }
    }
    yield ["set", "k", "10"];
    yield ["delifeq", "k", "010"];
    yield ["delifeq", "k", "10"];
    yield ["delifeq", "absent", "10"];
    for (const { make } of otherTypes(known)) {
      yield make("other");
      yield ["delifeq", "other", "1"];
      yield ["del", "other"];
    }
  });

  compare("SET ... IFEQ takes every pair and triple of options as Valkey does", function* (known) {
    for (const prior of [undefined, "old", "1"]) {
      for (const options of selections(IFEQ_OPTIONS, 3)) {
        // Without IFEQ, where Redis and Valkey disagree, Redis decides.
        if (!options.some(([name]) => /ifeq/i.test(name))) continue;
        yield ["del", "k"];
        if (prior !== undefined) yield ["set", "k", prior, "pxat", "33177117429999"];
        yield ["set", "k", "new", ...options.flat()];
        yield ["get", "k"];
        yield ["pexpiretime", "k"];
      }
    }
    for (const { make } of otherTypes(known)) {
      yield ["del", "k"];
      yield make("k");
      yield ["set", "k", "v", "ifeq", "v"];
      yield ["set", "k", "v", "ifeq", "v", "get"];
    }
  });
});
