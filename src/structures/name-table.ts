// hot path: no allocation per command
//
// Named things, found by their name's bytes: consumer groups of a stream, consumers of a group.
// Names come from clients, so they are hashed under the server's key; equal hashes form a chain.

import { compareBytes, equalBytes } from "../base/ascii.ts";
import type { KeyHasher } from "../base/key-hash.ts";

/** What a name table holds. */
export interface Named<T> {
  readonly name: Uint8Array;
  /** The name's hash. */
  readonly hash: number;
  /** The next one of the same hash. For the table only. */
  chained: T | undefined;
}

/** Things with unique names. */
export class NameTable<T extends Named<T>> {
  readonly #hasher: KeyHasher;
  readonly #byHash = new Map<number, T>();
  /** Whoever was asked for last is likely to be asked for again. */
  #recent: T | undefined = undefined;
  count = 0;

  constructor(hasher: KeyHasher) {
    this.#hasher = hasher;
  }

  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.#hasher.hash(bytes, start, end);
  }

  /** The one named bytes[start, end). */
  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    const recent = this.#recent;
    if (recent !== undefined && isNamed(recent, bytes, start, end)) return recent;
    if (this.count === 0) return undefined;
    let item = this.#byHash.get(this.hash(bytes, start, end));
    while (item !== undefined && !isNamed(item, bytes, start, end)) item = item.chained;
    if (item !== undefined) this.#recent = item;
    return item;
  }

  /** Adds one whose name is not in the table. */
  add(item: T): void {
    item.chained = this.#byHash.get(item.hash);
    this.#byHash.set(item.hash, item);
    this.count++;
  }

  remove(item: T): void {
    if (this.#recent === item) this.#recent = undefined;
    const first = this.#byHash.get(item.hash);
    if (first === item) {
      if (item.chained === undefined) this.#byHash.delete(item.hash);
      else this.#byHash.set(item.hash, item.chained);
    } else {
      let before = first;
      while (before !== undefined && before.chained !== item) before = before.chained;
      if (before !== undefined) before.chained = item.chained;
    }
    item.chained = undefined;
    this.count--;
  }

  /** Cold: any one of them. */
  any(): T | undefined {
    return this.#byHash.values().next().value;
  }

  /** Cold: all of them, ordered by the bytes of their names. */
  sorted(): T[] {
    return this.all().sort((left, right) =>
      compareBytes(left.name, 0, left.name.length, right.name, 0, right.name.length),
    );
  }

  /** Cold: all of them. */
  all(): T[] {
    const items: T[] = [];
    for (const first of this.#byHash.values()) {
      for (let item: T | undefined = first; item !== undefined; item = item.chained) {
        items.push(item);
      }
    }
    return items;
  }
}

function isNamed<T extends Named<T>>(
  item: T,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const name = item.name;
  return name.length === end - start && equalBytes(name, 0, bytes, start, name.length);
}
