// Checks command tables for entries that contradict themselves. Tests run it over every family, so
// that a wrong arity or key position is found before a client meets it.

import type { ServerContext } from "../../src/command/context.ts";
import { ACL_CATEGORIES } from "../../src/command/introspection.ts";
import {
  type ArgumentSpec,
  type CommandFamily,
  type CommandSpec,
  INCOMPLETE,
  type KeySpec,
  MAY_REPLICATE,
  MOVABLEKEYS,
  NOT_KEY,
  OW,
  READONLY,
  RM,
  RO,
  RW,
  WRITE,
} from "../../src/command/spec.ts";

/** How many words an argument may take; `max` is Infinity for arguments that repeat. */
interface WordCount {
  readonly min: number;
  readonly max: number;
}

const NO_WORDS: WordCount = { min: 0, max: 0 };

/** The violations found in the families' entries, each as "NAME: what is wrong"; none if sound. */
export function validateSpecs<S extends ServerContext>(
  families: readonly CommandFamily<S>[],
): string[] {
  const violations: string[] = [];
  const names = new Set<string>();
  for (const family of families) {
    for (const spec of family.commands) {
      if (names.has(spec.name)) violations.push(`${spec.name}: declared twice`);
      names.add(spec.name);
      for (const violation of violationsOf(spec, 1)) violations.push(`${spec.name}: ${violation}`);
      validateSubcommands(spec, violations);
    }
  }
  return violations;
}

function validateSubcommands<S extends ServerContext>(
  container: CommandSpec<S>,
  violations: string[],
): void {
  const names = new Set<string>();
  for (const spec of container.subcommands ?? []) {
    const name = `${container.name} ${spec.name}`;
    if (names.has(spec.name)) violations.push(`${name}: declared twice`);
    names.add(spec.name);
    if (spec.subcommands !== undefined) violations.push(`${name}: nests deeper than one level`);
    for (const violation of violationsOf(spec, 2)) violations.push(`${name}: ${violation}`);
  }
}

/** What is wrong with one entry, whose name takes `nameWords` words of the command line. */
function violationsOf<S extends ServerContext>(spec: CommandSpec<S>, nameWords: number): string[] {
  const found: string[] = [];
  const expect = (holds: boolean, violation: string) => {
    if (!holds) found.push(violation);
  };
  expect(spec.name !== "" && spec.name === spec.name.toUpperCase(), "name is not upper case");
  expect(spec.summary !== "", "no summary");
  expect(
    spec.run !== undefined || spec.subcommands !== undefined,
    "neither handler nor subcommands",
  );
  expect(Math.abs(spec.arity) >= nameWords, "arity does not cover the name");
  const isBoth = (spec.flags & WRITE) !== 0 && (spec.flags & READONLY) !== 0;
  expect(!isBoth, "both write and readonly");
  expect((spec.flags & MOVABLEKEYS) === 0, "movablekeys is derived, not declared");
  const isDeprecated = spec.docFlags?.includes("deprecated") === true;
  expect(isDeprecated === (spec.deprecatedSince !== undefined), "deprecation stated by halves");
  for (const category of spec.categories ?? []) {
    const isKnown = (ACL_CATEGORIES as readonly string[]).includes(category);
    expect(isKnown, `unknown category "${category}"`);
  }
  // A container's arguments are its subcommands'.
  if (spec.subcommands === undefined) expectArity(spec, nameWords, expect);
  for (const key of spec.keys ?? []) expectKeySpec(spec, key, nameWords, expect);
  expectArguments(spec.args ?? [], spec.keys?.length ?? 0, expect);
  return found;
}

type Expect = (holds: boolean, violation: string) => void;

function expectArity<S extends ServerContext>(
  spec: CommandSpec<S>,
  nameWords: number,
  expect: Expect,
): void {
  // DEBUG and its like document no arguments.
  if (spec.args === undefined && spec.arity < 0) return;
  const words = sequenceWords(spec.args ?? []);
  const min = words.min + nameWords;
  const max = words.max + nameWords;
  const fits = spec.arity > 0 ? min === max && max === spec.arity : min === -spec.arity;
  expect(fits, `arity ${spec.arity}, but ${min} to ${max} words by its arguments`);
}

function sequenceWords(args: readonly ArgumentSpec[]): WordCount {
  let { min, max } = NO_WORDS;
  for (const arg of args) {
    const words = argumentWords(arg);
    min += words.min;
    max += words.max;
  }
  return { min, max };
}

function argumentWords(arg: ArgumentSpec): WordCount {
  const inner = arg.arguments ?? [];
  let words: WordCount = { min: 1, max: 1 };
  if (arg.type === "pure-token") words = NO_WORDS;
  if (arg.type === "block") words = sequenceWords(inner);
  if (arg.type === "oneof") {
    const choices = inner.map((choice) => argumentWords({ ...choice, optional: false }));
    words = {
      min: Math.min(...choices.map((choice) => choice.min)),
      max: Math.max(...choices.map((choice) => choice.max)),
    };
  }
  const token = arg.token === undefined ? 0 : 1;
  return {
    min: arg.optional ? 0 : words.min + token,
    max: arg.multiple ? Number.POSITIVE_INFINITY : words.max + token,
  };
}

function expectKeySpec<S extends ServerContext>(
  spec: CommandSpec<S>,
  key: KeySpec,
  nameWords: number,
  expect: Expect,
): void {
  const { begin, find, flags } = key;
  const purposes = [RO, RW, OW, RM].filter((purpose) => (flags & purpose) !== 0).length;
  expect(purposes === ((flags & NOT_KEY) === 0 ? 1 : 0), "a key spec needs one of RO, RW, OW, RM");
  const writes = (flags & (RW | OW | RM)) !== 0;
  // PFCOUNT writes back a value that it has computed, and says so.
  const mayWrite = (spec.flags & READONLY) === 0 || (spec.flags & MAY_REPLICATE) !== 0;
  expect(!writes || mayWrite, "a readonly command writes a key");
  if (begin.type === "index") {
    const isReachable = begin.index >= nameWords && begin.index < maxWords(spec, nameWords);
    expect(isReachable, `no argument at key index ${begin.index}`);
  }
  if (begin.type === "keyword") {
    const isInRange = begin.startFrom >= nameWords || begin.startFrom < 0;
    expect(begin.keyword !== "" && isInRange, "bad keyword search");
  }
  if (find.type !== "unknown") expect(find.step >= 1, "key step below 1");
  if (find.type === "range") expect(find.limit >= 0, "negative limit");
  if (find.type === "keynum") {
    expect(find.keynumIndex >= 0 && find.firstKey > find.keynumIndex, "keys before their count");
  }
  const isUnknown = begin.type === "unknown" || find.type === "unknown";
  expect(!isUnknown || (flags & INCOMPLETE) !== 0 || begin.type === find.type, "half unknown");
}

function maxWords<S extends ServerContext>(spec: CommandSpec<S>, nameWords: number): number {
  if (spec.arity > 0) return spec.arity;
  return nameWords + sequenceWords(spec.args ?? []).max;
}

function expectArguments(args: readonly ArgumentSpec[], keyCount: number, expect: Expect): void {
  for (const arg of args) {
    const label = `argument "${arg.name}"`;
    const { keySpecIndex } = arg;
    if (keySpecIndex !== undefined) {
      expect(keySpecIndex >= 0 && keySpecIndex < keyCount, `${label} names no key spec`);
    } else {
      expect(arg.type !== "key", `${label} is a key of no key spec`);
    }
    const isGroup = arg.type === "oneof" || arg.type === "block";
    expect(isGroup === (arg.arguments !== undefined), `${label} groups nothing, or is no group`);
    expect(arg.type !== "pure-token" || arg.token !== undefined, `${label} has no token`);
    expect(!arg.multipleToken || arg.multiple === true, `${label} repeats only its token`);
    expectArguments(arg.arguments ?? [], keyCount, expect);
  }
}
