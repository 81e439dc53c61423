// Every directive, and how one is found by name.

import { assert } from "../base/assert.ts";
import type { Directive } from "./directive.ts";
import { dataDirectives } from "./directives-data.ts";
import { distributionDirectives } from "./directives-distribution.ts";
import { persistenceDirectives } from "./directives-persistence.ts";
import { obsoleteDirectives, serverDirectives } from "./directives-server.ts";

/** All directives, each once. */
export const directives: readonly Directive[] = [
  ...serverDirectives,
  ...dataDirectives,
  ...persistenceDirectives,
  ...distributionDirectives,
];

const byName = new Map<string, Directive>();
for (const directive of directives) {
  for (const name of [directive.name, ...(directive.aliases ?? [])]) {
    assert(!byName.has(name), `directive ${name} is declared once`);
    byName.set(name, directive);
  }
}

/** Every name, aliases included, in alphabetical order. */
export const directiveNames: readonly string[] = [...byName.keys()].sort();

/** The directive of a name or alias, whatever its case. */
export function findDirective(name: string): Directive | undefined {
  return byName.get(name.toLowerCase());
}

/** Whether a name is accepted, with one argument, and means nothing any more. */
export function isObsolete(name: string): boolean {
  return obsoleteDirectives.includes(name.toLowerCase());
}
