// What the entries of the geo commands have in common: their arguments as COMMAND DOCS shows them.

import type { ArgumentSpec } from "../command/spec.ts";
import { tokens } from "./argument-specs.ts";

export const longitudeAndLatitude: readonly ArgumentSpec[] = [
  { name: "longitude", type: "double" },
  { name: "latitude", type: "double" },
];

const units: readonly ArgumentSpec[] = [
  { name: "m", type: "pure-token", token: "M" },
  { name: "km", type: "pure-token", token: "KM" },
  { name: "ft", type: "pure-token", token: "FT" },
  { name: "mi", type: "pure-token", token: "MI" },
];

export const unit: ArgumentSpec = { name: "unit", type: "oneof", arguments: units };
export const optionalUnit: ArgumentSpec = { ...unit, optional: true };

export const order: ArgumentSpec = {
  name: "order",
  type: "oneof",
  optional: true,
  arguments: tokens("ASC", "DESC"),
};

/** COUNT, whose ANY some entries date and others do not. */
export function countBlock(anySince?: string): ArgumentSpec {
  const any: ArgumentSpec = { name: "any", type: "pure-token", token: "ANY", optional: true };
  return {
    name: "count-block",
    type: "block",
    optional: true,
    arguments: [
      { name: "count", type: "integer", token: "COUNT" },
      anySince === undefined ? any : { ...any, since: anySince },
    ],
  };
}

/** What a search may tell of each match. */
export const withOptions: readonly ArgumentSpec[] = [
  { name: "withcoord", type: "pure-token", token: "WITHCOORD", optional: true },
  { name: "withdist", type: "pure-token", token: "WITHDIST", optional: true },
  { name: "withhash", type: "pure-token", token: "WITHHASH", optional: true },
];

export const storeOption: ArgumentSpec = {
  name: "store",
  type: "oneof",
  optional: true,
  arguments: [
    { name: "storekey", type: "key", displayText: "key", keySpecIndex: 1, token: "STORE" },
    { name: "storedistkey", type: "key", displayText: "key", keySpecIndex: 2, token: "STOREDIST" },
  ],
};

const fromOption: ArgumentSpec = {
  name: "from",
  type: "oneof",
  arguments: [
    { name: "member", type: "string", token: "FROMMEMBER" },
    { name: "fromlonlat", type: "block", token: "FROMLONLAT", arguments: longitudeAndLatitude },
  ],
};

const byOption: ArgumentSpec = {
  name: "by",
  type: "oneof",
  arguments: [
    {
      name: "circle",
      type: "block",
      arguments: [{ name: "radius", type: "double", token: "BYRADIUS" }, unit],
    },
    {
      name: "box",
      type: "block",
      arguments: [
        { name: "width", type: "double", token: "BYBOX" },
        { name: "height", type: "double" },
        unit,
      ],
    },
  ],
};

/** Centre, shape, order and count of GEOSEARCH and GEOSEARCHSTORE. */
export const searchOptions: readonly ArgumentSpec[] = [fromOption, byOption, order, countBlock()];
