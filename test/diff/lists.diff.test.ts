// The list commands of Redis 8.0 against Redis 8.0.

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
import { plainValue } from "../harness/reply.ts";
import { otherTypes } from "./other-types.ts";

/** Those that never wait, and those that wait where there is nothing. */
const NAMES = [
  ...["lindex", "linsert", "llen", "lmove", "lmpop", "lpop", "lpos", "lpush", "lpushx", "lrange"],
  ...["lrem", "lset", "ltrim", "rpop", "rpoplpush", "rpush", "rpushx"],
];
const WAITING = ["blmove", "blmpop", "blpop", "brpop", "brpoplpush"];

const INDEXES = ["-100", "-6", "-5", "-4", "-1", "0", "1", "3", "4", "5", "6", "100"];

/** Elements of every encoding, and around every limit. */
const ELEMENTS = [
  ...["", "a", "0", "127", "128", "-1", "4095", "-4096", "4096", "32767", "-32769", "8388607"],
  ...["-8388609", "2147483647", "-2147483649", "9007199254740993", "-9223372036854775808"],
  ...["9223372036854775807", "9223372036854775808", "007", "-0", "1.5", "x".repeat(63)],
  ...["x".repeat(64), "y".repeat(4095), "y".repeat(4096), "z".repeat(9000)],
];

/** The elements, their number, the encoding and the expiry. */
function* state(key: string): Generator<Command> {
  yield ["lrange", key, "0", "-1"];
  yield ["llen", key];
  yield ["object", "encoding", key];
  yield ["pexpiretime", key];
}

function* list(key: string, elements: readonly string[]): Generator<Command> {
  yield ["del", key];
  if (elements.length > 0) yield ["rpush", key, ...elements];
}

const options = { args: ["--enable-debug-command", "yes"] };

differential(
  "lists",
  "redis8",
  ({ compare, probe }) => {
    compare("every list command checks its arity", function* () {
      for (const name of NAMES) yield* arities(name, 9);
      for (const name of WAITING) yield* arities(name, 9);
    });

    compare("every list command is found whatever its case", function* () {
      yield ["rpush", "k", ..."abcdefghijklmnop"];
      for (const name of NAMES) {
        for (const variant of caseVariants(name)) yield [variant, "k", "1", "2", "3"].slice(0, 4);
      }
      for (const name of WAITING) {
        for (const variant of caseVariants(name)) yield [variant, "k", "1", "2", "x"];
      }
    });

    compare("every list command refuses values of other types", function* (known) {
      const others: Command[] = [["set", "k", "text"]];
      for (const { type, make } of otherTypes(known)) if (type !== "list") others.push(make("k"));
      for (const make of others) {
        for (const name of NAMES) {
          for (let count = 1; count <= 4; count++) {
            yield ["del", "k", "2", "3"];
            yield make;
            yield [name, "k", ...["2", "3", "4"].slice(0, count - 1)];
            yield ["type", "k"];
          }
        }
        yield* list("l", [..."123456789"]);
        for (const where of ["left", "right"]) {
          yield ["lmove", "k", "l", where, where];
          yield ["lmove", "l", "k", where, where];
          yield ["lmove", "absent", "k", where, where];
          yield ["blmove", "k", "l", where, where, "0.01"];
          yield ["blmove", "l", "k", where, where, "0.01"];
          yield ["lmpop", "2", "absent", "k", where];
          yield ["lmpop", "2", "l", "k", where];
          yield ["lmpop", "2", "k", "l", where];
          yield ["blmpop", "0.01", "2", "absent", "k", where];
          yield ["linsert", "k", where, "a", "b"];
          yield ["linsert", "k", "before", "a", "b"];
        }
        yield ["rpoplpush", "k", "l"];
        yield ["rpoplpush", "l", "k"];
        yield ["brpoplpush", "k", "l", "0.01"];
        yield ["brpoplpush", "l", "k", "0.01"];
        yield ["blpop", "absent", "k", "l", "0.01"];
        yield ["brpop", "l", "k", "0.01"];
        yield ["blpop", "k", "notatimeout"];
        yield* state("l");
      }
    });

    compare("binary and empty keys and elements come back unchanged", function* () {
      for (const value of HOSTILE_STRINGS) {
        yield ["rpush", value, value, "x", value];
        yield ["lpush", value, value];
        yield* state(String(value));
        yield ["lindex", value, "0"];
        yield ["lpos", value, value, "count", "0"];
        yield ["linsert", value, "before", "x", value];
        yield ["linsert", value, "after", value, "y"];
        yield ["lset", value, "1", value];
        yield ["lmove", value, "to", "left", "right"];
        yield ["lrem", value, "1", value];
        yield ["lrange", value, "0", "-1"];
        yield ["rpop", value, "2"];
        yield ["blpop", value, "1"];
        yield ["lmpop", "1", value, "left"];
        yield ["lpop", value];
        yield ["exists", value];
      }
      yield* state("to");
    });

    compare("elements of every size and kind are kept in every place", function* () {
      for (const element of ELEMENTS) {
        for (const prior of [[], ["a"], ["1", "2", "3"], ELEMENTS]) {
          for (const name of ["lpush", "rpush", "lpushx", "rpushx"]) {
            yield* list("k", prior);
            yield [name, "k", element];
            yield [name, "k", element, "b", element];
            yield* state("k");
          }
          yield ["lset", "k", "1", element];
          yield* state("k");
          yield ["linsert", "k", "after", element, element];
          yield ["lpos", "k", element, "rank", "-1"];
          yield* state("k");
          yield ["lrem", "k", "-1", element];
          yield ["lpop", "k"];
          yield ["rpop", "k"];
          yield* state("k");
        }
      }
    });

    compare("ranges and indexes are clamped whatever they are", function* () {
      for (const elements of [["a", "b", "c", "d", "e"], ELEMENTS, []]) {
        for (const start of INDEXES) {
          for (const end of INDEXES) {
            yield* list("k", elements);
            yield ["lrange", "k", start, end];
            yield ["ltrim", "k", start, end];
            yield* state("k");
          }
          yield* list("k", elements);
          yield ["lindex", "k", start];
          yield ["lset", "k", start, "new"];
          yield ["lrem", "k", start, "a"];
          yield ["lpop", "k", start];
          yield ["rpop", "k", start];
          yield* state("k");
        }
      }
    });

    compare("hostile integers are refused where Redis refuses them", function* () {
      for (const value of HOSTILE_INTEGERS) {
        for (const key of ["k", "absent", "text"]) {
          yield* list("k", ["a", "b", "a", "1"]);
          yield ["set", "text", "1"];
          yield ["lindex", key, value];
          yield ["lrange", key, value, "1"];
          yield ["lrange", key, "1", value];
          yield ["lset", key, value, "x"];
          yield ["lrem", key, value, "a"];
          yield ["lpos", key, "a", "rank", value];
          yield ["lpos", key, "a", "count", value];
          yield ["lpos", key, "a", "maxlen", value];
          yield ["lpos", key, "a", "rank", value, "count", "0", "maxlen", "2"];
          yield ["lmpop", value, key, "left"];
          yield ["lmpop", "1", key, "left", "count", value];
          yield* list("k", ["a", "b", "a", "1"]);
          yield ["blmpop", "0.01", value, "k", "left"];
          yield ["blmpop", "0.01", "1", "k", "right", "count", value];
          yield* list("k", ["a", "b", "a", "1"]);
          yield ["lpop", key, value];
          yield ["rpop", key, value];
          yield ["ltrim", key, value, "1"];
          yield ["ltrim", key, "0", value];
          yield* state("k");
        }
      }
    });

    compare("hostile timeouts are refused where Redis refuses them", function* () {
      for (const value of HOSTILE_DOUBLES) {
        yield* list("k", ["a", "b", "c", "d", "e", "f", "g"]);
        yield ["blpop", "k", value];
        yield ["brpop", "absent", "k", value];
        yield ["blmove", "k", "l", "left", "right", value];
        yield ["brpoplpush", "k", "l", value];
        yield ["blmpop", value, "1", "k", "left"];
        yield ["blmpop", value, "0", "k", "left"];
        yield ["blmpop", value, "1", "k", "middle"];
        yield ["blmove", "k", "l", "middle", "right", value];
        yield* state("k");
        yield ["del", "l"];
      }
    });

    compare("LPOS takes its options in every order", function* () {
      yield* list("k", ["a", "b", "c", "1", "2", "3", "c", "c"]);
      const parts: Command[] = [
        ["rank", "2"],
        ["rank", "-2"],
        ["count", "0"],
        ["count", "2"],
        ["maxlen", "0"],
        ["maxlen", "7"],
        ["rank"],
        ["wrong", "1"],
        ["rank", "0"],
      ];
      for (const chosen of selections(parts, 3)) {
        for (const element of ["c", "1", "nothing"]) {
          yield ["lpos", "k", element, ...chosen.flat()];
          if (element === "c") yield ["LPOS", "absent", element, ...chosen.flat()];
        }
      }
    });

    compare("LMPOP and BLMPOP read their arguments as Redis does", function* () {
      for (const start of [["lmpop"], ["blmpop", "0.01"]]) {
        for (const numkeys of ["0", "1", "2", "3", "4", "-1", "x"]) {
          for (const rest of [
            ["k", "left"],
            ["k", "l", "right"],
            ["k", "l", "right", "count"],
            ["k", "l", "right", "count", "2"],
            ["k", "l", "right", "count", "0"],
            ["k", "l", "right", "count", "x"],
            ["k", "l", "RIGHT", "COUNT", "2", "count", "2"],
            ["k", "l", "right", "left"],
            ["k", "l", "middle"],
            ["left", "right", "left"],
            ["absent", "l", "left", "count", "100"],
          ]) {
            yield* list("k", ["a", "b", "c"]);
            yield* list("l", ["d", "e", "f"]);
            yield [...start, numkeys, ...rest];
            yield* state("k");
            yield* state("l");
          }
        }
      }
    });

    compare("elements move between ends, keys and within a key", function* () {
      const ends = ["left", "right", "LEFT", "Right", "up"];
      for (const elements of [["a"], ["1"], ["a", "b", "3"], ELEMENTS]) {
        for (const from of ends) {
          for (const to of ends) {
            for (const [source, target] of [
              ["k", "l"],
              ["k", "k"],
              ["k", "m"],
              ["absent", "l"],
              ["absent", "absent"],
            ]) {
              yield* list("k", elements);
              yield* list("l", ["x", "y"]);
              yield ["del", "m"];
              yield ["pexpireat", "k", "33177117420000"];
              yield ["lmove", source, target, from, to];
              yield ["rpoplpush", source, target];
              if (source === "absent") continue;
              yield ["rpush", "k", "again", "and again"];
              yield ["blmove", source, target, from, to, "0"];
              yield ["brpoplpush", source, target, "0"];
              for (const key of ["k", "l", "m"]) yield* state(key);
            }
          }
        }
      }
    });

    for (const size of ["-1", "-5", "0", "1", "2", "3", "5", "100"]) {
      compare(`lists change their encoding where Redis's do: list-max-listpack-size ${size}`, () =>
        randomLife(size, "0"),
      );
    }
    compare("large elements get nodes of their own", () => randomLife("-2", "200"));

    probe("nodes are split and joined where Redis's are", async (client) => {
      const commands = ["-1", "2", "5"].flatMap((size) => [
        ["config", "set", "list-compress-depth", size === "2" ? "1" : "0"],
        ...randomLife(size, size === "5" ? "300" : "0"),
      ]);
      const asked = commands.map((command) =>
        command[0] === "object" ? ["debug", "object", "k"] : command,
      );
      const replies = await client.pipeline(asked);
      return replies.map((reply, k) => [commands[k], /ql_nodes.*/.exec(reply.text)?.[0]]);
    });

    probe("what changes is counted as Redis counts it", async (client) => {
      const results: unknown[] = [];
      const changes = async () => {
        const info = String(plainValue(await client.ask("info", "persistence")));
        return Number(/rdb_changes_since_last_save:(\d+)/.exec(info)?.[1]);
      };
      for (const command of CHANGES) {
        const before = await changes();
        const reply = plainValue(await client.ask(...command.split(" ")));
        results.push([command, reply, (await changes()) - before]);
      }
      return results;
    });
  },
  options,
);

const CHANGES = [
  ...["rpush k a b c d e f g h i", "lpush k a a", "lpushx none 1", "rpushx k 1 2", "lset k 0 z"],
  ...["lset k 100 z", "linsert k before b x", "linsert k before none x", "linsert none before b x"],
  ...["lrem k 0 none", "lrem k 0 a", "lrem k -1 x", "lpop k", "rpop k 2", "lpop k 0", "lpop none"],
  ...[
    "lmpop 1 k left count 2",
    "lmpop 1 none left",
    "lmove k l left right",
    "lmove k k left right",
  ],
  ...["lmove l l left right", "lmove none l left right", "rpoplpush k l", "blpop k 1"],
  ...["blmpop 1 1 k right count 1", "rpush k 1 2 3 4 5 6", "blmove k l left left 1"],
  ...["brpoplpush k l 1", "ltrim k 0 100", "ltrim k 1 -2", "ltrim k 5 1", "ltrim k 0 1"],
  ...["rpush k 1 2 3", "lrem k 0 1", "lpop k 100", "rpush k 1", "lrem k 0 1", "rpush k 1"],
  ...["brpop k 1", "del l", "rpush k 1", "rename k l", "copy l k"],
];

/** A list that grows and shrinks, its encoding asked for after every change. */
function* randomLife(size: string, threshold: string): Generator<Command> {
  const choices = new Choices(size.length * 1000 + Number(size) + Number(threshold));
  yield ["flushall"];
  yield ["config", "set", "list-max-listpack-size", size];
  yield ["debug", "quicklist-packed-threshold", threshold];
  const longest = size === "-5" ? 9000 : 1500;
  const element = () =>
    choices.oneIn(3)
      ? String(choices.below(300))
      : String.fromCharCode(97 + choices.below(26)).repeat(choices.below(longest));
  let growth = 60;
  for (let step = 0; step < 400; step++) {
    if (choices.oneIn(40)) growth = choices.pick([20, 60, 80]);
    const index = String(choices.below(12) - 6);
    if (choices.below(100) < growth) {
      const elements = Array.from({ length: 1 + choices.below(3) }, element);
      yield [choices.pick(["lpush", "rpush"]), "k", ...elements];
    } else {
      const ends = [choices.pick(["left", "right"]), choices.pick(["left", "right"])];
      yield choices.pick<Command>([
        ["lpop", "k"],
        ["rpop", "k", String(choices.below(5))],
        ["lset", "k", index, element()],
        ["linsert", "k", choices.pick(["before", "after"]), String(choices.below(300)), element()],
        ["lrem", "k", index, String(choices.below(300))],
        ["ltrim", "k", String(choices.below(3)), String(-1 - choices.below(3))],
        ["lmove", "k", "k", ...ends],
        ["lmove", "k", "l", ...ends],
        ["lmove", "l", "k", ...ends],
      ]);
    }
    yield ["object", "encoding", "k"];
    yield ["object", "encoding", "l"];
    yield ["llen", "k"];
    if (choices.oneIn(20)) yield ["lrange", "k", "0", "-1"];
    // A pivot that is there.
    if (choices.oneIn(10)) yield ["lset", "k", index, "7"];
    if (choices.oneIn(5)) yield ["linsert", "k", choices.pick(["before", "after"]), "7", element()];
    yield ["object", "encoding", "k"];
  }
  yield ["lrange", "k", "0", "-1"];
  yield ["debug", "quicklist-packed-threshold", "0"];
  yield ["config", "set", "list-max-listpack-size", "-2"];
}
