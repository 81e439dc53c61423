// Random sorted set commands for the differential fuzzer: few members, so that sorted sets meet,
// equal scores among them, with now and then a set that is too large or a member too long to be
// packed.

import type { Argument } from "./client.ts";
import { type Choices, HOSTILE_DOUBLES } from "./generate.ts";
import { integer, key, keys, some, type Template } from "./random-choices.ts";

function member(choices: Choices): Argument {
  if (choices.oneIn(200)) return "x".repeat(60 + choices.below(10));
  if (choices.oneIn(10)) return choices.pick(["", "-0", "01", "9223372036854775807", "é"]);
  return choices.oneIn(2) ? `m${choices.below(30)}` : choices.below(30);
}

/**
 * No score is ever -0, nor becomes it: packing takes the sign from it, so that it matters when and
 * how a sorted set was packed, even that a snapshot was loaded.
 */
const HOSTILE_SCORES = HOSTILE_DOUBLES.filter((text) => !Object.is(Number(text), -0));

function score(choices: Choices): Argument {
  if (choices.oneIn(40)) return choices.pick(HOSTILE_SCORES);
  switch (choices.below(6)) {
    case 0:
      return choices.pick(["inf", "-inf", "1e3", "0.1", "3.0e-5", "1e17", "123456789.25"]);
    case 1:
      return (choices.below(4000) - 2000) / 4;
    default:
      return choices.below(20);
  }
}

function scored(choices: Choices): Argument[] {
  if (choices.oneIn(60)) {
    const base = choices.below(1000);
    const count = 100 + choices.below(100);
    return Array.from({ length: count }, (_, k) => [choices.below(50), `m${base + k}`]).flat();
  }
  const count = 1 + choices.below(4);
  return Array.from({ length: count }, () => [score(choices), member(choices)]).flat();
}

function scoreLimit(choices: Choices): Argument {
  if (choices.oneIn(30)) return choices.pick(["(", "", "x", "(nan", "[1", "(inf", "(-inf"]);
  return `${choices.oneIn(3) ? "(" : ""}${score(choices)}`;
}

function memberLimit(choices: Choices): Argument {
  if (choices.oneIn(8)) return choices.pick(["-", "+"]);
  if (choices.oneIn(30)) return choices.pick(["", "m", "(", "[", "--"]);
  return `${choices.pick(["(", "["])}${member(choices)}`;
}

/**
 * Keys whose members all have the score 0, for ranges by member: what those give of other sorted
 * sets is not specified, and in Redis depends on chance.
 */
function flatKey(choices: Choices): Argument {
  return choices.pick(["flat1", "flat2", "flat3"]);
}

const limitOption = (choices: Choices): Argument[] =>
  choices.oneIn(3) ? ["limit", choices.below(6) - 1, choices.below(12) - 2] : [];
const withScores = (choices: Choices): Argument[] => (choices.oneIn(2) ? ["withscores"] : []);

/** A key with a range of it, for ZRANGE and ZRANGESTORE: limits and options that go with them. */
function keyAndRange(choices: Choices): Argument[] {
  const byMember = choices.oneIn(3);
  return byMember
    ? [flatKey(choices), ...range(choices, 1)]
    : [key(choices), ...range(choices, choices.pick([0, 2]))];
}

function range(choices: Choices, kind: number): Argument[] {
  const reversed = choices.oneIn(3) ? ["rev"] : [];
  switch (kind) {
    case 0:
      return [
        scoreLimit(choices),
        scoreLimit(choices),
        "byscore",
        ...reversed,
        ...limitOption(choices),
      ];
    case 1:
      return [
        memberLimit(choices),
        memberLimit(choices),
        "bylex",
        ...reversed,
        ...limitOption(choices),
      ];
    default:
      return [integer(choices), integer(choices), ...reversed];
  }
}

/** `numkeys key ...` with what may follow it. */
function inputs(choices: Choices, withWeights: boolean): Argument[] {
  const named = keys(choices);
  const count = choices.oneIn(25) ? choices.below(6) - 1 : named.length;
  const weights = () => named.map(() => choices.pick([1, 2, 3, 0.5, "inf"]));
  const options = withWeights
    ? [
        ...(choices.oneIn(3) ? ["weights", ...weights()] : []),
        ...(choices.oneIn(3) ? ["aggregate", choices.pick(["sum", "min", "max", "none"])] : []),
      ]
    : [];
  return [count, ...named, ...options];
}

function limited(choices: Choices): Argument[] {
  return choices.oneIn(2) ? [choices.below(6) - 1] : [];
}

/** One template per command. */
export const SORTED_SET_TEMPLATES: Readonly<Record<string, Template>> = {
  zadd: (c) => {
    if (c.oneIn(3)) return ["zadd", flatKey(c), "0", member(c), "0", member(c)];
    const options = some(c, [["nx"], ["xx"], ["gt"], ["lt"], ["ch"]]);
    const added = c.oneIn(6) ? ["incr", score(c), member(c)] : scored(c);
    return ["zadd", key(c), ...options, ...added];
  },
  zcard: (c) => ["zcard", key(c)],
  zcount: (c) => ["zcount", key(c), scoreLimit(c), scoreLimit(c)],
  zdiff: (c) => ["zdiff", ...inputs(c, false), ...withScores(c)],
  zdiffstore: (c) => ["zdiffstore", key(c), ...inputs(c, false)],
  zincrby: (c) => ["zincrby", key(c), score(c), member(c)],
  zinter: (c) => ["zinter", ...inputs(c, true), ...withScores(c)],
  zintercard: (c) => [
    "zintercard",
    ...inputs(c, false),
    ...(c.oneIn(3) ? ["limit", c.below(9)] : []),
  ],
  zinterstore: (c) => ["zinterstore", key(c), ...inputs(c, true)],
  zlexcount: (c) => ["zlexcount", flatKey(c), memberLimit(c), memberLimit(c)],
  zmpop: (c) => [
    ...["zmpop", ...inputs(c, false), c.pick(["min", "max"])],
    ...(c.oneIn(2) ? ["count", c.below(6)] : []),
  ],
  zmscore: (c) => ["zmscore", key(c), member(c), member(c)],
  zpopmax: (c) => ["zpopmax", key(c), ...limited(c)],
  zpopmin: (c) => ["zpopmin", key(c), ...limited(c)],
  zrange: (c) => ["zrange", ...keyAndRange(c), ...withScores(c)],
  zrangebylex: (c) => [
    "zrangebylex",
    flatKey(c),
    memberLimit(c),
    memberLimit(c),
    ...limitOption(c),
  ],
  zrangebyscore: (c) => [
    ...["zrangebyscore", key(c), scoreLimit(c), scoreLimit(c)],
    ...[...withScores(c), ...limitOption(c)],
  ],
  zrangestore: (c) => ["zrangestore", key(c), ...keyAndRange(c)],
  zrank: (c) => ["zrank", key(c), member(c), ...(c.oneIn(2) ? ["withscore"] : [])],
  zrem: (c) => ["zrem", key(c), member(c), member(c)],
  zremrangebylex: (c) => ["zremrangebylex", flatKey(c), memberLimit(c), memberLimit(c)],
  zremrangebyrank: (c) => ["zremrangebyrank", key(c), integer(c), integer(c)],
  zremrangebyscore: (c) => ["zremrangebyscore", key(c), scoreLimit(c), scoreLimit(c)],
  zrevrange: (c) => ["zrevrange", key(c), integer(c), integer(c), ...withScores(c)],
  zrevrangebylex: (c) => ["zrevrangebylex", flatKey(c), memberLimit(c), memberLimit(c)],
  zrevrangebyscore: (c) => [
    ...["zrevrangebyscore", key(c), scoreLimit(c), scoreLimit(c)],
    ...[...withScores(c), ...limitOption(c)],
  ],
  zrevrank: (c) => ["zrevrank", key(c), member(c), ...(c.oneIn(2) ? ["withscore"] : [])],
  zscore: (c) => ["zscore", key(c), member(c)],
  zunion: (c) => ["zunion", ...inputs(c, true), ...withScores(c)],
  zunionstore: (c) => ["zunionstore", key(c), ...inputs(c, true)],
};
