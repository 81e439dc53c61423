// The geo commands of Redis 8.0 against Redis 8.0.

import type { Argument } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { changesOf } from "./changes.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["geoadd", "geodist", "geohash", "geopos", "georadius", "georadius_ro"],
  ...["georadiusbymember", "georadiusbymember_ro", "geosearch", "geosearchstore"],
];

const UNITS = ["m", "km", "ft", "mi", "KM", "Mi", "parsec", "", "k"];

/** Arguments that each command accepts, the key `k` first. */
const VALID: Readonly<Record<string, readonly string[]>> = {
  geoadd: ["k", "1", "2", "member"],
  geodist: ["k", "one", "two"],
  geohash: ["k", "one", "two"],
  geopos: ["k", "one", "two"],
  georadius: ["k", "1", "2", "100", "km"],
  georadius_ro: ["k", "1", "2", "100", "km"],
  georadiusbymember: ["k", "one", "100", "km"],
  georadiusbymember_ro: ["k", "one", "100", "km"],
  geosearch: ["k", "fromlonlat", "1", "2", "byradius", "100", "km"],
  geosearchstore: ["d", "k", "fromlonlat", "1", "2", "byradius", "100", "km"],
};

const EDGES = [
  ...["0", "-0", "180", "-180", "179.9999999", "85.05112878", "-85.05112878", "85", "-85"],
  ...["85.06", "90", "-90", "180.0000001", "360", "1e-300", "0.000001", "45", "-45.5"],
];

function coordinate(choices: Choices, limit: number): string {
  if (choices.oneIn(25)) return String(choices.pick([limit, -limit, 0]));
  const spread = choices.pick([limit, limit / 10, limit / 1000]);
  return String(((choices.below(2 ** 31) / 2 ** 31) * 2 - 1) * spread);
}

function* crowd(choices: Choices, key: string, count: number): Generator<Command> {
  for (let k = 0; k < count; k += 50) {
    const triples = Array.from({ length: Math.min(50, count - k) }, (_, m) => [
      coordinate(choices, 180),
      coordinate(choices, 85.05112878),
      `m${k + m}`,
    ]);
    yield ["geoadd", key, ...triples.flat()];
  }
}

/** Places that are all the same, and so equally far from everywhere. */
function* twins(key: string, count: number): Generator<Command> {
  for (let k = 0; k < count; k++) {
    yield ["geoadd", key, String((k * 7) % 5), String(k % 3), `twin${k}`];
  }
}

function* everything(key: string): Generator<Command> {
  yield ["zrange", key, "0", "-1", "withscores"];
  yield ["object", "encoding", key];
}

const OPTIONS: readonly (readonly string[])[] = [
  ["withdist"],
  ["WITHCOORD"],
  ["withhash"],
  ["asc"],
  ["DESC"],
  ["count", "3"],
  ["count", "3", "any"],
  ["any"],
  ["count", "0"],
  ["count", "x"],
  ["count"],
  ["store", "d"],
  ["storedist", "d"],
  ["storedist"],
  ["store"],
  ["junk"],
];

const SEARCH_OPTIONS: readonly (readonly string[])[] = [
  ["frommember", "m1"],
  ["frommember", "absent"],
  ["frommember"],
  ["fromlonlat", "1", "2"],
  ["fromlonlat", "1"],
  ["fromlonlat", "200", "2"],
  ["byradius", "3000", "km"],
  ["byradius", "-1", "km"],
  ["byradius", "1"],
  ["bybox", "5000", "3000", "km"],
  ["bybox", "5000", "-3000", "km"],
  ["bybox", "5000", "3000"],
  ["withdist", "asc"],
  ["storedist"],
];

differential("geo", "redis8", ({ compare, probe }) => {
  compare("every geo command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 9);
  });

  compare("every geo command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, ...VALID[name]];
    }
  });

  compare("every geo command refuses values of other types", function* (known) {
    const string = { type: "string", make: (key: string): Command => ["set", key, "5"] };
    for (const { type, make } of [...otherTypes(known), string]) {
      if (type === "zset") continue;
      for (const name of NAMES) {
        yield ["del", "k", "d"];
        yield make("k");
        yield [name, ...VALID[name]];
        yield [name, ...VALID[name], "junk"];
        yield ["type", "k"];
        // A destination may hold anything.
        yield make("d");
        yield ["geosearchstore", "d", "empty", ...VALID.geosearch.slice(1)];
        yield ["type", "d"];
      }
    }
  });

  compare("GEOADD takes its options in any order and reports what it added", function* () {
    const options = [["nx"], ["XX"], ["ch"], ["CH"], ["gt"], ["incr"], ["junk"]];
    for (const selection of selections(options, 3)) {
      for (const prior of [false, true]) {
        yield ["del", "k"];
        if (prior) yield ["geoadd", "k", "1", "1", "a", "2", "2", "b"];
        yield ["geoadd", "k", ...selection.flat(), "1", "1", "a", "3", "3", "b", "4", "4", "c"];
        yield* everything("k");
      }
    }
    for (let count = 0; count < 8; count++) {
      yield ["geoadd", "k", ...new Array<string>(count).fill("1")];
      yield ["geoadd", "k", "ch", ...new Array<string>(count).fill("1")];
    }
  });

  compare("GEOADD changes nothing unless all positions are valid", function* () {
    yield ["geoadd", "k", "1", "1", "a", "x", "1", "b"];
    yield ["geoadd", "k", "1", "1", "a", "1", "86", "b"];
    yield ["exists", "k"];
    for (const text of [...HOSTILE_DOUBLES, ...EDGES]) {
      yield ["geoadd", "k", text, "1", "a"];
      yield ["geoadd", "k", "1", text, "b"];
      yield ["geopos", "k", "a", "b"];
      yield ["geohash", "k", "a", "b"];
      yield ["georadius", "k", text, text, "10", "km"];
      yield ["geosearch", "k", "fromlonlat", text, "1", "byradius", "1", "m"];
    }
    yield* everything("k");
  });

  compare("binary members are found again", function* () {
    for (const text of HOSTILE_STRINGS) {
      yield ["geoadd", "k", "1", "2", text];
      yield ["geopos", "k", text];
      yield ["geodist", "k", text, text];
      yield ["geosearch", "k", "frommember", text, "byradius", "1", "m", "count", "2"];
      yield ["geoadd", text, "1", "2", text];
      yield ["geohash", text, text];
    }
  });

  compare("positions at every edge are read back as Redis reads them", function* () {
    for (const longitude of EDGES) {
      for (const latitude of EDGES) {
        yield ["geoadd", "k", longitude, latitude, `${longitude},${latitude}`];
      }
    }
    const names = EDGES.flatMap((longitude) => EDGES.map((latitude) => `${longitude},${latitude}`));
    yield ["geopos", "k", ...names];
    yield ["geohash", "k", ...names];
    yield* everything("k");
    for (const from of names.filter((_, k) => k % 9 === 0)) {
      for (const to of names.filter((_, k) => k % 11 === 0)) yield ["geodist", "k", from, to, "mi"];
    }
    for (const name of names) {
      for (const radius of ["0", "1", "1000", "100000", "5000000", "30000000"]) {
        yield ["geosearch", "k", "frommember", name, "byradius", radius, "m", "withdist"];
        yield ["geosearch", "k", "frommember", name, "bybox", radius, "2000", "m", "withhash"];
      }
    }
  });

  compare("random positions are stored, read and measured alike (seed 31)", function* () {
    const choices = new Choices(31);
    yield* crowd(choices, "k", 2000);
    for (let k = 0; k < 1500; k++) {
      const [one, other] = [`m${choices.below(2000)}`, `m${choices.below(2000)}`];
      yield ["geodist", "k", one, other, choices.pick(["m", "km", "ft", "mi"])];
      yield ["geopos", "k", one, other];
      yield ["geohash", "k", one, other];
    }
    yield* everything("k");
  });

  compare("GEODIST checks its unit first", function* () {
    yield ["geoadd", "k", "1", "2", "one", "3", "4", "two"];
    for (const unit of UNITS) {
      for (const key of ["k", "absent"]) {
        yield ["geodist", key, "one", "two", unit];
        yield ["geodist", key, "one", "absent", unit];
        yield ["geodist", key, "one", "two", unit, unit];
      }
    }
  });

  compare("members whose scores are no positions are treated as in Redis", function* () {
    const scores = ["-1", "0.5", "-0.5", "1e16", "9007199254740993", "1e19", "-1e19", "1e300"];
    scores.push("inf", "-inf", "4503599627370495", "4503599627370496", "18446744073709551615");
    scores.push("9223372036854775807", "9223372036854774784", "-9223372036854775808", "1e18");
    for (const score of scores) yield ["zadd", "k", score, `at ${score}`];
    yield ["geoadd", "k", "1", "1", "a"];
    yield ["geopos", "k", ...scores.map((score) => `at ${score}`)];
    yield ["geohash", "k", ...scores.map((score) => `at ${score}`)];
    for (const score of scores) {
      yield ["geodist", "k", "a", `at ${score}`];
      yield ["georadiusbymember", "k", `at ${score}`, "9000", "km", "withdist", "withhash"];
      yield ["geosearch", "k", "frommember", `at ${score}`, "bybox", "1", "1", "mi"];
    }
  });

  compare("the older searches check their arguments in Redis's order", function* () {
    yield* crowd(new Choices(5), "k", 300);
    for (const key of ["k", "absent"]) {
      for (const selection of selections(OPTIONS, 2)) {
        yield ["georadius", key, "1", "2", "3000", "km", ...selection.flat()];
        yield ["georadiusbymember", key, "m1", "3000", "km", ...selection.flat()];
        yield ["georadius_ro", key, "1", "2", "3000", "km", ...selection.flat()];
        yield ["georadiusbymember_ro", key, "m1", "3000", "km", ...selection.flat()];
        if (selection.flat().some((word) => word.startsWith("store"))) yield* everything("d");
      }
      for (const bad of ["x", "-1", "", "inf", "nan", "1e400"]) {
        for (const unit of UNITS) {
          yield ["georadius", key, "1", "2", bad, unit, "junk"];
          yield ["georadius", key, "x", "2", bad, unit];
          yield ["georadiusbymember", key, "m1", bad, unit, "count", "0"];
          yield ["georadiusbymember", key, "nobody", bad, unit];
        }
      }
    }
  });

  compare("GEOSEARCH and GEOSEARCHSTORE check their options in Redis's order", function* () {
    yield* crowd(new Choices(6), "k", 200);
    for (const key of ["k", "absent"]) {
      for (const selection of selections(SEARCH_OPTIONS, 3)) {
        const options = selection.flat();
        yield ["geosearch", key, ...options];
        yield ["GeoSearchStore", "d", key, ...options];
      }
      const whole = ["frommember", "m1", "byradius", "5000", "km"];
      for (const selection of selections([...OPTIONS, ...SEARCH_OPTIONS], 2)) {
        yield ["geosearch", key, ...whole, ...selection.flat()];
        yield ["geosearchstore", "d", key, ...selection.flat(), ...whole];
        yield ["zcard", "d"];
      }
    }
  });

  compare("counts and sizes that are hostile are refused alike", function* () {
    yield ["geoadd", "k", "1", "2", "one", "3", "4", "two"];
    const from = ["geosearch", "k", "fromlonlat", "1", "2"];
    for (const text of HOSTILE_INTEGERS) {
      yield [...from, "byradius", "1000", "km", "count", text];
      yield [...from, "byradius", "1000", "km", "count", text, "any"];
    }
    for (const text of HOSTILE_DOUBLES) {
      yield [...from, "byradius", text, "km"];
      yield [...from, "bybox", text, "1", "km"];
      yield [...from, "bybox", "1000", text, "km", "withdist"];
    }
  });

  compare("random searches find the same in the same order (seed 32)", function* () {
    const choices = new Choices(32);
    yield* crowd(choices, "k", 1500);
    yield* twins("k", 60);
    for (let k = 0; k < 400; k++) yield search(choices, "k", 1500);
    yield ["config", "set", "zset-max-listpack-entries", "1000"];
    yield* crowd(choices, "small", 400);
    yield* twins("small", 60);
    yield ["object", "encoding", "small"];
    for (let k = 0; k < 300; k++) yield search(choices, "small", 400);
    yield ["config", "set", "zset-max-listpack-entries", "128"];
  });

  compare("searches are stored with scores or distances (seed 33)", function* () {
    const choices = new Choices(33);
    yield* crowd(choices, "k", 600);
    for (let k = 0; k < 400; k++) {
      const command = search(choices, "k", 600).filter((word) => !/^with/.test(String(word)));
      const options = command.slice(2);
      if (choices.oneIn(2)) options.push("storedist");
      const destination = choices.pick(["d", "d2", "k2"]);
      if (choices.oneIn(10)) yield ["set", destination, "a string", "ex", "1000"];
      yield ["geosearchstore", destination, choices.oneIn(10) ? "absent" : "k", ...options];
      yield ["ttl", destination];
      yield* everything(destination);
    }
    yield ["geosearchstore", "k", "k", "frommember", "m1", "byradius", "5000", "km"];
    yield* everything("k");
    yield ["georadius", "k", "0", "0", "20000", "km", "store", "k"];
    yield* everything("k");
  });

  probe("each geo command counts its changes as Redis does", async (client) => {
    return changesOf(client, [
      ["geoadd", "k", "1", "1", "a", "2", "2", "b", "3", "3", "c"],
      ["geoadd", "k", "1", "1", "a", "2", "3", "b"],
      ["geoadd", "k", "xx", "1", "1", "new"],
      ["geosearchstore", "d", "k", "frommember", "a", "byradius", "1000", "km"],
      ["geosearchstore", "d", "k", "fromlonlat", "80", "80", "byradius", "1", "km"],
      ["geosearchstore", "d", "k", "fromlonlat", "80", "80", "byradius", "1", "km"],
      ["georadius", "k", "1", "1", "1000", "km", "storedist", "d"],
      ["georadius", "absent", "1", "1", "1000", "km", "store", "d"],
      ["georadius", "k", "1", "1", "1000", "km"],
      ["geosearch", "k", "frommember", "a", "byradius", "1000", "km"],
    ]);
  });
});

/** A well-formed GEOSEARCH. */
function search(choices: Choices, key: string, members: number): Argument[] {
  const from = choices.oneIn(2)
    ? ["frommember", `m${choices.below(members)}`]
    : ["fromlonlat", coordinate(choices, 180), coordinate(choices, 85.05112878)];
  const unit = choices.pick(["m", "km", "ft", "mi"]);
  const size = () => String(choices.below(choices.pick([10, 1000, 10_000, 20_000, 10_000_000])));
  const shape = choices.oneIn(2) ? ["byradius", size(), unit] : ["bybox", size(), size(), unit];
  const options: string[] = [];
  if (choices.oneIn(2)) options.push(choices.pick(["asc", "desc"]));
  if (choices.oneIn(3)) options.push("count", String(1 + choices.below(40)));
  if (options.includes("count") && choices.oneIn(2)) options.push("any");
  for (const word of ["withdist", "withcoord", "withhash"]) {
    if (choices.oneIn(4)) options.push(word);
  }
  return ["geosearch", key, ...from, ...shape, ...options];
}
