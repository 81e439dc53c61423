// Random scenes for clients that wait (scene.ts): a few clients block on a few keys in every way,
// and go on sending behind that; another one makes, changes and removes those keys. What makes
// several keys ready at once, SWAPDB and FLUSHDB, does so in the order of Redis's hash table, which
// is another one in each process, and is left out.

import type { Choices } from "./generate.ts";

const WAITING = ["a", "b", "c", "d", "e"];
const KEYS = ["k", "l", "m"];

type Make = (c: Choices) => string;

const key: Make = (c) => c.pick(KEYS);
const end: Make = (c) => c.pick(["left", "right"]);
const keys: Make = (c) => Array.from({ length: 1 + c.below(3) }, () => key(c)).join(" ");

const BLOCKING: readonly Make[] = [
  (c) => `blpop ${keys(c)} 0`,
  (c) => `brpop ${keys(c)} 0`,
  (c) => `blmove ${key(c)} ${key(c)} ${end(c)} ${end(c)} 0`,
  (c) => `brpoplpush ${key(c)} ${key(c)} 0`,
  (c) => `blmpop 0 2 ${key(c)} ${key(c)} ${end(c)} count ${1 + c.below(3)}`,
  (c) => `bzpopmin ${keys(c)} 0`,
  (c) => `bzpopmax ${keys(c)} 0`,
  (c) => `bzmpop 0 2 ${key(c)} ${key(c)} min count ${1 + c.below(3)}`,
  (c) => `xread block 0 streams ${key(c)} $`,
  (c) => `xread count 2 block 0 streams ${key(c)} ${key(c)} $ 3`,
  (c) => `xreadgroup group g ${c.pick(["one", "two"])} block 0 streams ${key(c)} >`,
  (c) => `xreadgroup group g one count 1 block 0 noack streams ${key(c)} ${key(c)} > >`,
];

const VALUES = ["1", "2", "x", "y"];

const CHANGING: readonly Make[] = [
  (c) => `rpush ${key(c)} ${c.pick(VALUES)}`,
  (c) => `lpush ${key(c)} ${c.pick(VALUES)} ${c.pick(VALUES)} ${c.pick(VALUES)}`,
  (c) => `rpush ${key(c)} 1 | llen ${key(c)}`,
  (c) => `zadd ${key(c)} 1 a`,
  (c) => `zadd ${key(c)} 1 a 2 b 3 c`,
  (c) => `xadd ${key(c)} * f v`.replace("*", () => `${streamId++}-1`),
  (c) => `xgroup create ${key(c)} g $ mkstream`,
  (c) => `xgroup destroy ${key(c)} g`,
  (c) => `del ${key(c)}`,
  (c) => `unlink ${key(c)} ${key(c)}`,
  (c) => `set ${key(c)} v`,
  (c) => `rename ${key(c)} ${key(c)}`,
  (c) => `copy ${key(c)} ${key(c)} replace`,
  (c) => `move ${key(c)} 1`,
  (c) => `sort ${key(c)} by nosort store ${key(c)}`,
  (c) => `zunionstore ${key(c)} 1 ${key(c)}`,
  (c) => `lmove ${key(c)} ${key(c)} left left`,
  (c) => `lpop ${key(c)}`,
  (c) => `pexpireat ${key(c)} 1`,
];

/** IDs of a scene's entries grow, so that none is refused. */
let streamId = 1;

/** The lines of a random scene. */
export function randomScene(c: Choices, count: number): string[] {
  streamId = 4;
  // Everybody is there from the beginning, so that everybody has an id.
  const lines = WAITING.map((name) => `${name}: ${c.below(2) === 0 ? "ping" : "hello 3"}`);
  while (lines.length < count) {
    const draw = c.below(20);
    if (draw === 0) {
      lines.push(`x: client unblock $${c.pick(WAITING)} ${c.pick(["timeout", "error"])}`);
    } else if (draw < 9) {
      const commands = Array.from({ length: 1 + c.below(2) }, () => c.pick(BLOCKING)(c));
      lines.push(`${c.pick(WAITING)}: ${commands.join(" | ")}`);
    } else {
      const commands = Array.from({ length: 1 + c.below(3) }, () => c.pick(CHANGING)(c));
      lines.push(`x: ${commands.join(" | ")}`);
    }
  }
  return lines;
}
