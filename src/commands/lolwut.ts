// LOLWUT: a picture nobody needs, different each time.

import { randomBelow } from "../base/random.ts";
import { REDIS_VERSION } from "../base/version.ts";
import type { Context } from "./features.ts";

const COLUMNS = 64;
const ROWS = 20;
/** The first version that drew anything. */
const FIRST_PICTURE_VERSION = 5;
/** One-dimensional cellular automata whose patterns are worth a look. */
const RULES = [18, 22, 30, 45, 60, 90, 105, 110, 126, 150];
/** Two rows of cells in one line of text: neither, the upper, the lower, both. */
const HALVES = [" ", "▀", "▄", "█"];

// LOLWUT [VERSION version]
export function lolwutCommand(c: Context): void {
  let version = FIRST_PICTURE_VERSION;
  if (c.count > 2 && c.is(1, "version")) {
    const asked = c.int64(2);
    if (asked === undefined) return c.reply.notAnInteger();
    version = Number(asked);
  }
  const picture = version >= FIRST_PICTURE_VERSION ? drawAutomaton(c) : "";
  c.reply.verbatim("txt", `${picture}Redis ver. ${REDIS_VERSION}\n`);
}

/** The history of a random automaton, from a few random cells downwards. */
function drawAutomaton(c: Context): string {
  const random = c.server.random;
  const rule = RULES[randomBelow(random, RULES.length)];
  let row = new Uint8Array(COLUMNS);
  for (let count = 1 + randomBelow(random, 4); count > 0; count--) {
    row[randomBelow(random, COLUMNS)] = 1;
  }
  let text = "";
  for (let line = 0; line < ROWS; line++) {
    const lower = nextRow(row, rule);
    for (let k = 0; k < COLUMNS; k++) text += HALVES[row[k] | (lower[k] << 1)];
    text = `${text.trimEnd()}\n`;
    row = nextRow(lower, rule);
  }
  return `${text}\nElementary cellular automaton, rule ${rule}. `;
}

/** Each cell follows from the three above it; the left edge touches the right one. */
function nextRow(row: Uint8Array, rule: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(COLUMNS);
  for (let k = 0; k < COLUMNS; k++) {
    const left = row[(k + COLUMNS - 1) % COLUMNS];
    const right = row[(k + 1) % COLUMNS];
    next[k] = (rule >>> ((left << 2) | (row[k] << 1) | right)) & 1;
  }
  return next;
}
