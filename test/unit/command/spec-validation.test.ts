import { expect, test } from "bun:test";
import {
  type ArgumentSpec,
  type CommandSpec,
  defineFamily,
  keyAt,
  OW,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../../../src/command/spec.ts";
import { families } from "../../../src/commands/families.ts";
import { validateSpecs } from "../../harness/spec-validation.ts";

const key: ArgumentSpec = { name: "key", type: "key", keySpecIndex: 0 };
const value: ArgumentSpec = { name: "value", type: "string" };
const sound: CommandSpec = {
  name: "GET",
  arity: 2,
  flags: READONLY,
  since: "1.0.0",
  summary: "Reads.",
  keys: [keyAt(1, RO)],
  args: [key],
  run: () => {},
};

function violations(...specs: CommandSpec[]): string[] {
  return validateSpecs([defineFamily("string", specs)]);
}

test("every command of the server is declared soundly", () => {
  expect(validateSpecs(families.map((family) => family.load()))).toEqual([]);
});

test("every family has the commands that it is listed with", () => {
  for (const family of families) {
    expect(family.load().commands.map(({ name }) => name)).toEqual([...family.names]);
  }
});

test("a sound entry has no violations", () => {
  expect(violations(sound)).toEqual([]);
});

test("names are unique over all families and within a container", () => {
  const family = defineFamily("string", [sound]);
  expect(validateSpecs([family, family])).toEqual(["GET: declared twice"]);
  const sub: CommandSpec = { name: "A", arity: 2, flags: 0, since: "1.0.0", summary: "A." };
  const container: CommandSpec = {
    ...sub,
    name: "C",
    arity: -2,
    subcommands: [
      { ...sub, run: () => {} },
      { ...sub, run: () => {} },
    ],
  };
  expect(violations(container)).toEqual(["C A: declared twice"]);
});

const WRONG: readonly (readonly [what: string, change: Partial<CommandSpec>])[] = [
  ["a lower-case name", { name: "get" }],
  ["an arity above its arguments", { arity: 3 }],
  ["an arity below its arguments", { arity: -1 }],
  ["a fixed arity for repeating arguments", { args: [{ ...key, multiple: true }] }],
  ["a key behind the last argument", { keys: [keyAt(2, RO)] }],
  ["a key in the place of the name", { keys: [keyAt(0, RO)] }],
  ["a key that is both read and written", { keys: [keyAt(1, RO | RW)] }],
  ["a read-only command that writes a key", { keys: [keyAt(1, OW)] }],
  ["a command that is read-only and writes", { flags: READONLY | WRITE }],
  ["a key argument without a key spec", { keys: [] }],
  ["an unknown category", { categories: ["keyspaces"] }],
  ["no handler", { run: undefined }],
  ["a deprecation without a version", { docFlags: ["deprecated"] }],
  ["a token argument without its token", { args: [{ name: "nx", type: "pure-token" }] }],
  ["a group without members", { args: [{ name: "choice", type: "oneof", optional: true }] }],
];

test.each(WRONG)("%s is a violation", (_, change) => {
  expect(violations({ ...sound, ...change })).not.toEqual([]);
});

test("tokens, choices and blocks count as the words they take", () => {
  const pair: ArgumentSpec = { name: "pair", type: "block", arguments: [value, value] };
  const choice: ArgumentSpec = {
    name: "choice",
    type: "oneof",
    arguments: [value, { ...pair, token: "PAIR" }],
  };
  expect(violations({ ...sound, arity: 4, args: [key, pair] })).toEqual([]);
  expect(violations({ ...sound, arity: -3, args: [key, choice] })).toEqual([]);
  expect(violations({ ...sound, arity: 4, args: [key, { ...value, token: "T" }] })).toEqual([]);
  expect(violations({ ...sound, arity: -2, args: [key, { ...value, optional: true }] })).toEqual(
    [],
  );
});
