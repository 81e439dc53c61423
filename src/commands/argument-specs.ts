// Arguments that many entries describe alike, as COMMAND DOCS shows them.

import type { ArgumentSpec } from "../command/spec.ts";

/** The key, or keys, of an entry's first key spec. */
export const key: ArgumentSpec = { name: "key", type: "key", keySpecIndex: 0 };
export const keys: ArgumentSpec = { ...key, multiple: true };

/** What is written, where the keys that are read belong to the second key spec. */
export const destination: ArgumentSpec = { name: "destination", type: "key", keySpecIndex: 0 };
export const sourceKeys: ArgumentSpec = { ...keys, keySpecIndex: 1 };

export const numkeys: ArgumentSpec = { name: "numkeys", type: "integer" };

export const countOption: ArgumentSpec = {
  name: "count",
  type: "integer",
  token: "COUNT",
  optional: true,
};

export const limitOption: ArgumentSpec = {
  name: "limit",
  type: "block",
  token: "LIMIT",
  optional: true,
  arguments: [
    { name: "offset", type: "integer" },
    { name: "count", type: "integer" },
  ],
};

export const withScoresOption: ArgumentSpec = {
  name: "withscores",
  type: "pure-token",
  token: "WITHSCORES",
  optional: true,
};

/** Where a scan goes on, and what it shows. */
export const scanArguments: readonly ArgumentSpec[] = [
  { name: "cursor", type: "integer" },
  { name: "pattern", type: "pattern", token: "MATCH", optional: true },
  countOption,
];

/** When an expiry is to be set. */
export const expiryCondition: ArgumentSpec = {
  name: "condition",
  type: "oneof",
  optional: true,
  arguments: tokens("NX", "XX", "GT", "LT"),
};

/** What a script or function is handed: its KEYS and its ARGV. */
export const handedArguments: readonly ArgumentSpec[] = [
  numkeys,
  { ...keys, optional: true },
  { name: "arg", type: "string", optional: true, multiple: true },
];

/** How to flush. */
export const flushType: ArgumentSpec = {
  name: "flush-type",
  type: "oneof",
  optional: true,
  arguments: tokens("ASYNC", "SYNC"),
};

/** Words that stand for themselves. */
export function tokens(...words: readonly string[]): readonly ArgumentSpec[] {
  return words.map((token) => ({ name: token.toLowerCase(), type: "pure-token", token }));
}
