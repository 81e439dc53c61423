import { expect, test } from "bun:test";
import {
  aclCategories,
  commandFlagNames,
  hasMovableKeys,
  keyFlagNames,
  legacyRange,
} from "../../../src/command/introspection.ts";
import { Command } from "../../../src/command/registry.ts";
import {
  ACCESS,
  ADMIN,
  BLOCKING,
  type CommandGroup,
  type CommandSpec,
  FAST,
  INCOMPLETE,
  INSERT,
  type KeySpec,
  keyAt,
  keyRange,
  keysCounted,
  LOADING,
  OW,
  PUBSUB,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../../../src/command/spec.ts";

function command(group: CommandGroup, spec: Partial<CommandSpec>): Command {
  const complete = { name: "X", arity: -1, flags: 0, since: "1.0.0", summary: "X.", ...spec };
  return new Command(complete, group);
}

const run = () => {};

test("flags are named in the order of COMMAND INFO, movablekeys derived", () => {
  const flags = FAST | WRITE | LOADING;
  expect(commandFlagNames({ flags })).toEqual(["write", "loading", "fast"]);
  const keys = [keysCounted(1, RO | ACCESS)];
  expect(commandFlagNames({ flags, keys })).toEqual(["write", "loading", "fast", "movablekeys"]);
  expect(keyFlagNames(RW | INSERT | INCOMPLETE)).toEqual(["RW", "insert", "incomplete"]);
});

test("a group gives its category, and flags give theirs", () => {
  expect(aclCategories(command("string", { flags: WRITE | FAST, run }))).toEqual([
    "write",
    "string",
    "fast",
  ]);
  expect(aclCategories(command("sorted-set", { flags: READONLY | BLOCKING, run }))).toEqual([
    "read",
    "sortedset",
    "slow",
    "blocking",
  ]);
  expect(aclCategories(command("server", { flags: ADMIN, run }))).toEqual([
    "admin",
    "slow",
    "dangerous",
  ]);
  expect(aclCategories(command("pubsub", { flags: PUBSUB, run }))).toEqual(["pubsub", "slow"]);
});

test("a read-only script command is not in the read category", () => {
  const spec = { flags: READONLY, run };
  expect(aclCategories(command("scripting", spec))).toEqual(["slow", "scripting"]);
});

test("a category that names a subject takes the place of the group's", () => {
  const sort = { flags: WRITE, categories: ["set", "sortedset", "list", "dangerous"], run };
  expect(aclCategories(command("generic", sort))).toEqual([
    "write",
    "set",
    "sortedset",
    "list",
    "slow",
    "dangerous",
  ]);
  const keys = { flags: READONLY, categories: ["dangerous"], run };
  expect(aclCategories(command("generic", keys))).toEqual([
    "keyspace",
    "read",
    "slow",
    "dangerous",
  ]);
});

test("a pure container has no category of its group, its subcommands have", () => {
  const sub: CommandSpec = { name: "Y", arity: 2, flags: 0, since: "1.0.0", summary: "Y.", run };
  const container = command("generic", { subcommands: [sub] });
  expect(aclCategories(container)).toEqual(["slow"]);
  const [inner] = [...container.subcommands!];
  expect(aclCategories(inner)).toEqual(["keyspace", "slow"]);
});

const afterStore: KeySpec = {
  flags: OW,
  begin: { type: "keyword", keyword: "STORE", startFrom: 6 },
  find: { type: "range", lastKey: 0, step: 1, limit: 0 },
};

const RANGES: readonly (readonly [
  what: string,
  keys: readonly KeySpec[],
  range: readonly [number, number, number],
  movable: boolean,
])[] = [
  ["no keys", [], [0, 0, 0], false],
  ["one key", [keyAt(1, RO)], [1, 1, 1], false],
  ["keys to the end", [keyRange(1, -1, 1, RO)], [1, -1, 1], false],
  ["every second argument", [keyRange(1, -1, 2, OW)], [1, -1, 2], false],
  ["two keys in a row", [keyAt(1, RW), keyAt(2, OW)], [1, 2, 1], false],
  ["a key, then keys to the end", [keyAt(2, OW), keyRange(3, -1, 1, RO)], [2, -1, 1], false],
  ["keys with a gap", [keyAt(1, RW), keyAt(3, OW)], [1, 1, 1], true],
  ["counted keys", [keysCounted(1, RO)], [0, 0, 0], true],
  ["a key, then counted keys", [keyAt(1, OW), keysCounted(2, RO)], [1, 1, 1], true],
  ["a key after a keyword", [keyAt(1, RO), afterStore], [1, 1, 1], true],
  ["a key that may not be all", [keyAt(3, RW | INCOMPLETE)], [3, 3, 1], true],
];

test.each(RANGES)("the legacy range of %s", (_, keys, [first, last, step], movable) => {
  expect(legacyRange(keys)).toEqual({ first, last, step });
  expect(hasMovableKeys(keys)).toBe(movable);
});
