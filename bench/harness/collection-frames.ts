// Requests that build collections: many small ones of five elements, or a single large one.

import type { RawClient } from "../../test/harness/client.ts";
import { type Frames, patchedFrames, sendFrames, writeDigits } from "./pipeline.ts";

/** The types, as TYPE names them. */
export const COLLECTION_TYPES = ["hash", "set", "list", "zset", "stream"] as const;

export type CollectionType = (typeof COLLECTION_TYPES)[number];

/** The key of the large collection. */
export const LARGE_KEY = "large";
/** Elements of each small collection. */
export const SMALL_ELEMENTS = 5;

const DIGITS = 12;
const NUMBER = "0".repeat(DIGITS);
/** Before the digits of a stream's ID, so that all are of one length. */
const ID_PREFIX = "1";

/** What adds an element to a large collection; NUMBER stands for its number, once or twice. */
const ADD_ONE: Record<CollectionType, readonly string[]> = {
  hash: ["HSET", LARGE_KEY, `f${NUMBER}`, "0123456789"],
  set: ["SADD", LARGE_KEY, `m${NUMBER}`],
  list: ["RPUSH", LARGE_KEY, `e${NUMBER}`],
  zset: ["ZADD", LARGE_KEY, NUMBER, `m${NUMBER}`],
  stream: ["XADD", LARGE_KEY, `${ID_PREFIX}${NUMBER}-1`, "field", "0123456789"],
};

/** What makes a small collection under a key with a number. */
const MAKE_SMALL: Record<Exclude<CollectionType, "stream">, readonly string[]> = {
  hash: ["HSET", `key:${NUMBER}`, ...numbered((k) => [`field:${k}`, `value:${k}`])],
  set: ["SADD", `key:${NUMBER}`, ...numbered((k) => [`member:${k}`])],
  list: ["RPUSH", `key:${NUMBER}`, ...numbered((k) => [`element:${k}`])],
  zset: ["ZADD", `key:${NUMBER}`, ...numbered((k) => [String(k), `member:${k}`])],
};

/** The types that small collections are made of here. */
export const SMALL_TYPES = ["hash", "set", "list", "zset"] as const;

function numbered(textsOf: (k: number) => readonly string[]): string[] {
  return Array.from({ length: SMALL_ELEMENTS }, (_, k) => textsOf(k)).flat();
}

/** A request as bytes, one character each. */
export function requestText(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((text) => `$${text.length}\r\n${text}\r\n`).join("")}`;
}

/** Requests of one text, in which every NUMBER is replaced by the number of the request. */
function numberedFrames(args: readonly string[], count: number, replyBytes: number): Frames {
  const text = requestText(args);
  const ends: number[] = [];
  for (let at = text.indexOf(NUMBER); at >= 0; at = text.indexOf(NUMBER, at + DIGITS)) {
    ends.push(at + DIGITS);
  }
  return patchedFrames(text, count, replyBytes, (target, offset, k) => {
    for (const end of ends) writeDigits(target, offset + end, DIGITS, k);
  });
}

/** Makes `count` small collections. */
export function makeSmall(
  port: number,
  type: (typeof SMALL_TYPES)[number],
  count: number,
): Promise<void> {
  return sendFrames(port, numberedFrames(MAKE_SMALL[type], count, ":5\r\n".length));
}

/** Makes a collection of `count` elements under LARGE_KEY. */
export async function makeLarge(port: number, type: CollectionType, count: number): Promise<void> {
  // The length that RPUSH replies grows; those of the others do not.
  if (type === "list") return makeLargeList(port, count);
  const id = `${ID_PREFIX}${NUMBER}-1`;
  const replyBytes = type === "stream" ? `$${id.length}\r\n${id}\r\n`.length : ":1\r\n".length;
  await sendFrames(port, numberedFrames(ADD_ONE[type], count, replyBytes));
}

async function makeLargeList(port: number, count: number): Promise<void> {
  // From lengths with one digit to those with all of them, so that each part's replies are alike.
  for (let done = 0; done < count; ) {
    const digits = String(done + 1).length;
    const part = Math.min(count, 10 ** digits - 1) - done;
    const from = done;
    const frames = numberedFrames(ADD_ONE.list, part, `:${"9".repeat(digits)}\r\n`.length);
    const write = frames.write.bind(frames);
    await sendFrames(port, { ...frames, write: (to, at, k) => write(to, at, from + k) });
    done += part;
  }
}

const SIZE_COMMANDS: Record<CollectionType, string> = {
  hash: "HLEN",
  set: "SCARD",
  list: "LLEN",
  zset: "ZCARD",
  stream: "XLEN",
};

/** Throws unless the large collection has so many elements. */
export async function verifyLarge(
  client: RawClient,
  type: CollectionType,
  count: number,
): Promise<void> {
  const size = await client.run(SIZE_COMMANDS[type], LARGE_KEY);
  if (Number(size) !== count) throw new Error(`${size} elements instead of ${count}`);
}
