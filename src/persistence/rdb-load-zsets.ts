// Sorted sets out of an RDB: members with scores as text or as doubles, ziplists and listpacks.

import { parseDouble } from "../base/double.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ZsetValue } from "../keyspace/zset-value.ts";
import { NULL_REF } from "../memory/pool.ts";
import { elementCount } from "../structures/listpack.ts";
import { LISTPACK, ZSET } from "../structures/record.ts";
import { SortedSet } from "../structures/sorted-set.ts";
import { type Elements, Fingerprints, type KeyTarget, ListpackElements } from "./rdb-elements.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

/** Members with their scores. */
export interface ScoreSource {
  /** Goes on to the next member, which is then in `elements`; false behind the last. */
  next(): boolean;
  readonly elements: Elements;
  /** Of the member that `next` came to, whose bytes may be gone afterwards. May be NaN. */
  score(): number;
}

/** Members and scores in turn, the scores as text. */
export class TextScores implements ScoreSource {
  readonly elements: Elements;

  constructor(elements: Elements) {
    this.elements = elements;
  }

  next(): boolean {
    return this.elements.next();
  }

  score(): number {
    const { elements } = this;
    if (!elements.next()) throw new RdbError("A sorted set's last member has no score");
    return parseDouble(elements.bytes, elements.start, elements.end);
  }
}

/** Strings of the format, each followed by a score as `readScore` reads it. */
export class ReaderScores implements ScoreSource {
  readonly elements: Elements;
  readonly #reader: RdbReader;
  readonly #readScore: (reader: RdbReader) => number;

  constructor(elements: Elements, reader: RdbReader, readScore: (reader: RdbReader) => number) {
    this.elements = elements;
    this.#reader = reader;
    this.#readScore = readScore;
  }

  next(): boolean {
    return this.elements.next();
  }

  score(): number {
    return this.#readScore(this.#reader);
  }
}

const TEXT_NAN = 253;
const TEXT_INFINITE = 254;
const TEXT_MINUS_INFINITE = 255;

/** A score as text with its length in one byte, or a byte that stands for what is no number. */
export function readTextScore(reader: RdbReader): number {
  const length = reader.byte();
  if (length === TEXT_NAN) return Number.NaN;
  if (length === TEXT_INFINITE) return Number.POSITIVE_INFINITY;
  if (length === TEXT_MINUS_INFINITE) return Number.NEGATIVE_INFINITY;
  reader.need(length);
  const score = parseDouble(reader.bytes, reader.at, reader.at + length);
  reader.skip(length);
  return score;
}

/** A score of eight bytes. */
export function readDoubleScore(reader: RdbReader): number {
  return reader.double();
}

/**
 * Builds a sorted set. Returns the number of members; 0 where there were none, and no key was made.
 * Throws an RdbError where a member comes twice or a score is no number.
 */
export function loadZset(keyspace: Keyspace, target: KeyTarget, source: ScoreSource): number {
  const set = new SortedSet(keyspace.structures);
  let count = 0;
  try {
    while (source.next()) {
      const { bytes, start, end } = source.elements;
      const member = bytes.slice(start, end);
      const score = source.score();
      if (Number.isNaN(score)) throw new RdbError("Zset with NAN score detected");
      if (set.find(member, 0, member.length) !== NULL_REF) {
        throw new RdbError("A sorted set has the same member twice");
      }
      set.add(member, 0, member.length, score);
    }
    count = set.size;
    if (count > 0 && !storeSmall(keyspace, target, set)) {
      target.setContainer(set);
      return count;
    }
  } catch (error) {
    keyspace.lazyFree.discard(set);
    throw error;
  }
  keyspace.lazyFree.discard(set);
  return count;
}

/**
 * A sorted set that is a listpack already. Copied where it is in order and within the limits and no
 * member comes twice. Returns as `loadZset`.
 */
export function loadZsetListpack(
  keyspace: Keyspace,
  target: KeyTarget,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { zsetMaxListpackEntries, zsetMaxListpackValue } = keyspace.limits;
  const elements = new ListpackElements(bytes, start, end);
  const count = elementCount(bytes, start) / 2;
  if (count % 1 !== 0) throw new RdbError("Zset listpack integrity check failed.");
  if (count === 0) return 0;
  const members = new Fingerprints(count);
  let isSound = count <= zsetMaxListpackEntries;
  let before = Number.NEGATIVE_INFINITY;
  while (isSound && elements.next()) {
    const length = elements.end - elements.start;
    const isDistinct = members.add(elements);
    elements.next();
    const score = parseDouble(elements.bytes, elements.start, elements.end);
    // Members of one score are taken to be in order.
    isSound = isDistinct && length <= zsetMaxListpackValue && score >= before;
    before = score;
  }
  if (!isSound) {
    return loadZset(keyspace, target, new TextScores(new ListpackElements(bytes, start, end)));
  }
  target.setValue(ZSET, LISTPACK, count, bytes, start, end);
  return count;
}

/** Puts a sorted set under the key as a listpack; false where it is too large for that. */
function storeSmall(keyspace: Keyspace, target: KeyTarget, set: SortedSet): boolean {
  const value = new ZsetValue().begin(set);
  const length = value.listpackLength(keyspace);
  if (length === 0) return false;
  const pack = new Uint8Array(length);
  value.writeListpack(pack, 0);
  target.setValue(ZSET, LISTPACK, set.size, pack, 0, length);
  return true;
}
