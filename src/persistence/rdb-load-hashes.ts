// Hashes out of an RDB: pairs of strings, zipmaps, ziplists, listpacks, and those whose fields
// expire, each with a time of its own.

import { copyBytes } from "../base/ascii.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { NULL_REF } from "../memory/pool.ts";
import { elementCount } from "../structures/listpack.ts";
import { MemberTable } from "../structures/member-table.ts";
import { HASH, LISTPACK, LISTPACK_EX, NO_EXPIRY } from "../structures/record.ts";
import {
  type Elements,
  Fingerprints,
  type KeyTarget,
  ListpackBuilder,
  ListpackElements,
  StringElements,
} from "./rdb-elements.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

/** Fields with their values and times. */
export interface FieldSource {
  /** Goes on to the next field, which is then in `elements`; false behind the last. */
  nextField(): boolean;
  /** Goes on to its value. */
  nextValue(): void;
  readonly elements: Elements;
  /** Of the field come to; asked for behind its value. Unix time in milliseconds, or NO_EXPIRY. */
  expiryMs(): number;
}

/** Fields and values in turn. */
export class PairSource implements FieldSource {
  readonly elements: Elements;

  constructor(elements: Elements) {
    this.elements = elements;
  }

  nextField(): boolean {
    return this.elements.next();
  }

  nextValue(): void {
    if (!this.elements.next()) throw new RdbError("A hash's last field has no value");
  }

  expiryMs(): number {
    return NO_EXPIRY;
  }
}

/** Fields, values and times in turn; a time of 0 is none. */
export class TripleSource extends PairSource {
  override expiryMs(): number {
    const { elements } = this;
    if (!elements.next()) throw new RdbError("A hash's last field has no expiry");
    let time = 0;
    for (let at = elements.start; at < elements.end; at++) {
      const digit = elements.bytes[at] - 48;
      if (digit < 0 || digit > 9) throw new RdbError("A hash field's expiry is no time");
      time = time * 10 + digit;
    }
    return checkedExpiry(time);
  }
}

/** Strings of the format, a count before each field telling its time. */
export class TimedReaderPairs implements FieldSource {
  readonly elements: StringElements;
  readonly #reader: RdbReader;
  readonly #earliestMs: number;
  #left: number;
  #expiryMs = NO_EXPIRY;

  /** A time is one more than the distance from `earliestMs`; or itself, where that is 0. */
  constructor(reader: RdbReader, count: number, earliestMs: number) {
    this.#reader = reader;
    this.#left = count;
    this.#earliestMs = earliestMs;
    this.elements = new StringElements(reader, count * 2);
  }

  nextField(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const time = this.#reader.plainCount();
    const isRelative = time !== 0 && this.#earliestMs !== 0;
    this.#expiryMs = checkedExpiry(isRelative ? time + this.#earliestMs - 1 : time);
    return this.elements.next();
  }

  nextValue(): void {
    this.elements.next();
  }

  expiryMs(): number {
    return this.#expiryMs;
  }
}

/** Valkey's: strings of the format, and a time of eight bytes behind each value, -1 for none. */
export class FieldsWithTimes extends PairSource {
  readonly #reader: RdbReader;

  constructor(reader: RdbReader, count: number) {
    // Strings are counted as they are read; times lie between them.
    super(new StringElements(reader, count * 2));
    this.#reader = reader;
  }

  override expiryMs(): number {
    const time = this.#reader.littleEndian64();
    return time === NO_EXPIRY ? NO_EXPIRY : checkedExpiry(time);
  }
}

/** Redis keeps times of fields in 46 bits. */
const FIELD_EXPIRY_MAX = 2 ** 46;

/** A field's expiry as the file has it, 0 for none. Throws where it is beyond what can be. */
function checkedExpiry(time: number): number {
  if (time < 0 || time >= FIELD_EXPIRY_MAX)
    throw new RdbError("A hash field's expiry is out of range");
  return time === 0 ? NO_EXPIRY : time;
}

/** A field of a hash that may stay small. */
interface Field {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
  readonly expiryMs: number;
}

/**
 * Builds a hash, `withTimes` saying that it is of a kind whose fields may expire. Returns the
 * number of fields; 0 where there were none, and no key was made. Throws an RdbError where a field
 * comes twice.
 */
export function loadHash(
  keyspace: Keyspace,
  target: KeyTarget,
  source: FieldSource,
  withTimes: boolean,
): number {
  const { hashMaxListpackEntries, hashMaxListpackValue } = keyspace.limits;
  const table = new MemberTable(keyspace.structures, HASH);
  const fields: Field[] = [];
  let isSmall = true;
  try {
    while (source.nextField()) {
      const { bytes, start, end } = source.elements;
      const name = bytes.slice(start, end);
      source.nextValue();
      const { elements } = source;
      const value = elements.bytes.slice(elements.start, elements.end);
      const field = { name, value, expiryMs: source.expiryMs() };
      insertField(table, field);
      isSmall &&=
        table.size <= hashMaxListpackEntries &&
        Math.max(name.length, value.length) <= hashMaxListpackValue;
      if (isSmall) fields.push(field);
      else fields.length = 0;
    }
    if (isSmall && table.size > 0) storeListpack(target, fields, withTimes);
    else if (table.size > 0) target.setContainer(table);
  } catch (error) {
    keyspace.lazyFree.discard(table);
    throw error;
  }
  const count = table.size;
  if (isSmall) keyspace.lazyFree.discard(table);
  if (count > 0) target.db.fieldExpiryChanged(target.view, Number.POSITIVE_INFINITY);
  return count;
}

function insertField(table: MemberTable, { name, value, expiryMs }: Field): void {
  const hash = table.hash(name, 0, name.length);
  if (table.find(name, 0, name.length, hash) !== NULL_REF) {
    throw new RdbError("A hash has the same field twice");
  }
  const ref = table.insert(name, 0, name.length, hash, value.length, expiryMs);
  const view = table.load(ref, hash);
  copyBytes(view.bytes, view.valueStart, value, 0, value.length);
}

/** Puts fields under the key as a listpack: of pairs as they are, of triples ordered by time. */
function storeListpack(target: KeyTarget, fields: Field[], withTimes: boolean): void {
  const pack = new ListpackBuilder();
  if (withTimes) fields.sort((left, right) => timeOrder(left) - timeOrder(right));
  for (const { name, value, expiryMs } of fields) {
    pack.add(name, 0, name.length);
    pack.add(value, 0, value.length);
    if (withTimes) pack.addInteger(expiryMs === NO_EXPIRY ? 0 : expiryMs);
  }
  const end = pack.finish();
  const encoding = withTimes ? LISTPACK_EX : LISTPACK;
  target.setValue(HASH, encoding, fields.length, pack.bytes, 0, end);
}

/** Fields that do not expire stand behind all that do. */
function timeOrder({ expiryMs }: Field): number {
  return expiryMs === NO_EXPIRY ? FIELD_EXPIRY_MAX : expiryMs;
}

/**
 * A hash that is a listpack already: of pairs, or with times of triples. Pairs are copied where
 * they are within the limits and no field comes twice. Returns as `loadHash`.
 */
export function loadHashListpack(
  keyspace: Keyspace,
  target: KeyTarget,
  bytes: Uint8Array,
  start: number,
  end: number,
  withTimes: boolean,
): number {
  const { hashMaxListpackEntries, hashMaxListpackValue } = keyspace.limits;
  const elements = new ListpackElements(bytes, start, end);
  const width = withTimes ? 3 : 2;
  const fields = new Fingerprints(elementCount(bytes, start) / width);
  let areDistinct = true;
  let count = 0;
  let longest = 0;
  while (elements.next()) {
    if (count % width === 0) areDistinct &&= fields.add(elements);
    count++;
    longest = Math.max(longest, elements.end - elements.start);
  }
  if (count % width !== 0) throw new RdbError("Hash listpack integrity check failed.");
  if (count === 0) return 0;
  const fits = count / width <= hashMaxListpackEntries && longest <= hashMaxListpackValue;
  if (fits && areDistinct && !withTimes) {
    target.setValue(HASH, LISTPACK, count / width, bytes, start, end);
    return count / width;
  }
  const again = new ListpackElements(bytes, start, end);
  const source = withTimes ? new TripleSource(again) : new PairSource(again);
  return loadHash(keyspace, target, source, withTimes);
}
