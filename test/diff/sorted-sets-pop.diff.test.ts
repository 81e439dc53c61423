// Pops, random members and scans of sorted sets against Redis 8.0.

import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  selections,
} from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";
import { otherTypes } from "./other-types.ts";

const POPS = ["zpopmin", "zpopmax"];
const NAMES = [...POPS, ...["zmpop", "bzpopmin", "bzpopmax", "bzmpop", "zrandmember", "zscan"]];

const LONG = "m".repeat(70);

function* fill(key: string, isLarge: boolean): Generator<Command> {
  yield ["del", key];
  yield ["zadd", key, "1", "a", "2", "b", "2", "c", "3.5", "d", "-0", "e", "inf", "f"];
  if (isLarge) yield ["zadd", key, "2.5", LONG];
}

function* state(key: string): Generator<Command> {
  yield ["zrange", key, "0", "-1", "withscores"];
  yield ["object", "encoding", key];
}

differential("sorted set pops", "redis8", ({ compare, probe }) => {
  compare("every command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 7);
  });

  compare("every command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "0", "x"];
    }
    for (const variant of caseVariants("min")) yield ["zmpop", "1", "k", variant];
    for (const variant of caseVariants("max")) yield ["zmpop", "1", "k", variant, "count", "1"];
    for (const variant of caseVariants("count")) yield ["zmpop", "1", "k", "max", variant, "1"];
  });

  compare("every command refuses values of other types", function* (known) {
    for (const { make } of otherTypes(known)) {
      yield ["del", "k"];
      yield make("k");
      for (const name of POPS) {
        yield [name, "k"];
        yield [name, "k", "0"];
        yield [`b${name}`, "none", "k", "0.01"];
      }
      yield ["zmpop", "2", "none", "k", "min"];
      yield ["bzmpop", "0.01", "1", "k", "max"];
      for (const rest of [[], ["3"], ["0"], ["-3", "withscores"]])
        yield ["zrandmember", "k", ...rest];
      yield ["zscan", "k", "0"];
      yield ["type", "k"];
    }
  });

  compare("pops take counts as Redis does", function* () {
    for (const isLarge of [false, true]) {
      for (const name of POPS) {
        for (const count of [...HOSTILE_INTEGERS, "2", "3", "6", "7"]) {
          yield* fill("k", isLarge);
          yield [name, "k", count];
          yield* state("k");
          yield [name, "none", count];
        }
        yield* fill("k", isLarge);
        for (let k = 0; k < 8; k++) {
          yield [name, "k"];
          yield* state("k");
        }
        yield ["exists", "k"];
      }
    }
  });

  compare("ZMPOP takes keys, ends and counts as Redis does", function* () {
    for (const isLarge of [false, true]) {
      for (const text of HOSTILE_INTEGERS) {
        yield* fill("k", isLarge);
        yield ["zmpop", text, "k", "none", "min"];
        yield ["zmpop", "2", "none", "k", "max", "count", text];
        yield* fill("k", isLarge);
        yield ["bzmpop", "0.01", text, "k", "none", "min"];
        yield* fill("k", isLarge);
        yield ["bzmpop", "0.01", "2", "none", "k", "max", "count", text];
        yield* state("k");
      }
      yield* fill("k", isLarge);
      for (const rest of selections(["min", "max", "count", "2", "junk"], 3)) {
        yield ["zmpop", "1", "k", ...rest];
        yield ["bzmpop", "0.01", "1", "k", ...rest];
        yield ["zmpop", "1", "none", ...rest];
      }
    }
  });

  compare("blocking pops take what there is at once", function* () {
    for (const isLarge of [false, true]) {
      yield* fill("k", isLarge);
      for (const name of ["bzpopmin", "bzpopmax"]) {
        yield [name, "none", "k", "0.01"];
        yield [name, "k", "k", "1"];
        yield* state("k");
      }
    }
    for (const timeout of HOSTILE_DOUBLES) {
      yield* fill("k", false);
      yield ["bzpopmin", "k", timeout];
      yield ["bzmpop", timeout, "1", "k", "min"];
    }
  });

  compare("random members obey their counts", function* () {
    for (const isLarge of [false, true]) {
      yield ["del", "k"];
      yield ["zadd", "k", "1", isLarge ? LONG : "only"];
      for (const text of HOSTILE_INTEGERS.filter((one) => !/^-[1-9]\d{4,}$/.test(one))) {
        yield ["zrandmember", "k", text];
        yield ["zrandmember", "k", text, "withscores"];
        yield ["zrandmember", "none", text, "withscores"];
        yield ["zrandmember", "k", text, "junk"];
      }
      yield ["zrandmember", "k", "1", "withscores", "x"];
      yield ["zrandmember", "k", "-9223372036854775808"];
      yield ["zrandmember", "k", "-9223372036854775807", "withscores"];
      yield ["zrandmember", "k"];
      yield ["zrandmember", "none"];
      yield* fill("k", isLarge);
      for (const count of ["7", "8", "100"]) yield ["zrandmember", "k", count];
    }
  });

  compare("ZSCAN of a small one returns all of it", function* () {
    yield* fill("k", false);
    for (const cursor of HOSTILE_INTEGERS) {
      yield ["zscan", "k", cursor];
      yield ["zscan", "none", cursor];
      yield ["zscan", "k", "0", "count", cursor];
    }
    for (const options of selections(
      [["match", "[a-c]"], ["count", "3"], ["match", "*"], ["novalues"], ["junk"], ["count"]],
      2,
    )) {
      yield ["zscan", "k", "0", ...options.flat()];
      yield ["zscan", "none", "0", ...options.flat()];
    }
  });

  probe("ZSCAN of a large one returns every member once", async (client) => {
    const pairs = Array.from({ length: 1000 }, (_, k) => [k / 4, `m${k}`]).flat();
    await client.ask("zadd", "k", ...pairs);
    const seen = new Map<string, string>();
    let cursor = "0";
    do {
      const reply = await client.ask("zscan", "k", cursor, "count", "100");
      cursor = reply.items[0].text;
      const items = plainValue(reply.items[1]) as string[];
      for (let k = 0; k < items.length; k += 2) seen.set(items[k], items[k + 1]);
    } while (cursor !== "0");
    return [...seen].sort();
  });

  probe("random members of large and small ones are members", async (client) => {
    const results: unknown[] = [];
    for (const size of [50, 500]) {
      await client.ask("del", "k");
      await client.ask("zadd", "k", ...Array.from({ length: size }, (_, k) => [k, `m${k}`]).flat());
      for (const count of [1, 10, 49, 499, -10, -1000]) {
        const reply = await client.ask("zrandmember", "k", count, "withscores");
        const flat = (plainValue(reply) as unknown[]).flat().map(String);
        const isRight = (k: number) => flat[k].slice(1) === flat[k + 1];
        let right = 0;
        const distinct = new Set<string>();
        for (let k = 0; k < flat.length; k += 2) {
          if (isRight(k)) right++;
          distinct.add(flat[k]);
        }
        results.push([reply.items.length, right, count > 0 ? distinct.size : 0]);
      }
    }
    return results;
  });

  compare("random pops of a few sorted sets (seed 34)", function* () {
    const choices = new Choices(34);
    for (let k = 0; k < 3000; k++) {
      const key = choices.pick(["k", "l", "m"]);
      const action = choices.below(10);
      if (action < 5) {
        const pairs = Array.from({ length: 1 + choices.below(40) }, () => choices.below(500));
        yield ["zadd", key, ...pairs.flatMap((n) => [choices.below(50), `m${n}`])];
      } else if (action < 7) {
        yield [choices.pick(POPS), key, choices.below(choices.pick([3, 100]))];
      } else if (action < 9) {
        const end = choices.pick(["min", "max"]);
        yield ["zmpop", "2", key, "l", end, "count", 1 + choices.below(30)];
      } else {
        yield* state(key);
      }
    }
  });

  probe("waiting clients are served as keys appear", async (client, side) => {
    const results: unknown[] = [];
    for (const command of [
      ["bzpopmin", "none", "w", "0"],
      ["bzpopmax", "w", "0"],
      ["bzmpop", "0", "2", "none", "w", "max", "count", "2"],
    ]) {
      const waiting = await side.connect();
      if (side.protocol === 3) await waiting.ask("hello", "3");
      const answer = waiting.ask(...command);
      const isBlocked = async () => {
        const info = String((await client.ask("info", "clients")).text);
        return info.includes("blocked_clients:1");
      };
      while (!(await isBlocked()));
      await client.ask("set", "w", "no sorted set");
      await client.ask("del", "w");
      await client.ask("zadd", "w", "1", "a", "2", "b", "3", "c");
      results.push((await answer).raw, (await client.ask("zrange", "w", "0", "-1")).raw);
      await client.ask("del", "w");
    }
    results.push((await client.ask("bzpopmin", "w", "0.01")).raw);
    return results;
  });
});
