// The prefixes that clients in broadcasting mode ask for, and the keys that have changed under each
// of them since the last broadcast: one message per prefix and event-loop turn names them all.
//
// Prefixes are found by the lengths there are: a key is looked up once per length, however many
// prefixes there may be.
//
// Invariant: a prefix is known while it has clients.

import { compareBytes } from "../base/ascii.ts";
import type { KeyHasher } from "../base/key-hash.ts";
import type { Client } from "../command/client.ts";
import { type Named, NameTable } from "../structures/name-table.ts";

/** What a prefix, a client of it and a changed key take beside their bytes: as measured. */
const PREFIX_BYTES = 600;
const CLIENT_BYTES = 40;
const KEY_BYTES = 160;

/** A key that has changed. */
export class ChangedKey implements Named<ChangedKey> {
  readonly name: Uint8Array;
  readonly hash: number;
  chained: ChangedKey | undefined = undefined;
  /** Who has changed it, if that was one client alone. */
  author: Client | undefined;

  constructor(name: Uint8Array, hash: number, author: Client | undefined) {
    this.name = name;
    this.hash = hash;
    this.author = author;
  }
}

/** A prefix that clients asked for. */
class Prefix implements Named<Prefix> {
  readonly name: Uint8Array;
  readonly hash: number;
  chained: Prefix | undefined = undefined;
  readonly clients = new Set<Client>();
  keys: NameTable<ChangedKey>;

  constructor(name: Uint8Array, hash: number, keys: NameTable<ChangedKey>) {
    this.name = name;
    this.hash = hash;
    this.keys = keys;
  }
}

/** Tells a client of changed keys, ordered by their names. */
export type TellKeys = (client: Client, keys: readonly ChangedKey[]) => void;

/** The broadcasts of one server. */
export class Broadcasts {
  readonly #hasher: KeyHasher;
  readonly #prefixes: NameTable<Prefix>;
  /** The lengths of all prefixes, ascending, and how many prefixes have each. */
  #lengths: number[] = [];
  readonly #lengthCounts = new Map<number, number>();
  /** Prefixes under which keys have changed. */
  #changed: Prefix[] = [];
  memoryBytes = 0;

  constructor(hasher: KeyHasher) {
    this.#hasher = hasher;
    this.#prefixes = new NameTable(hasher);
  }

  get prefixCount(): number {
    return this.#prefixes.count;
  }

  get hasChanges(): boolean {
    return this.#changed.length > 0;
  }

  /** Has a client told of keys that begin with a prefix; false where it is already. */
  add(name: Uint8Array, client: Client): boolean {
    const prefix = this.#prefixes.find(name, 0, name.length) ?? this.#addPrefix(name);
    if (prefix.clients.has(client)) return false;
    prefix.clients.add(client);
    client.listenedBytes += PREFIX_BYTES + name.length;
    this.memoryBytes += CLIENT_BYTES;
    return true;
  }

  #addPrefix(name: Uint8Array): Prefix {
    const hash = this.#hasher.hash(name, 0, name.length);
    const prefix = new Prefix(name, hash, new NameTable(this.#hasher));
    this.#prefixes.add(prefix);
    this.memoryBytes += PREFIX_BYTES + name.length;
    const count = this.#lengthCounts.get(name.length) ?? 0;
    this.#lengthCounts.set(name.length, count + 1);
    if (count === 0) this.#sortLengths();
    return prefix;
  }

  /** Tells a client no more of keys that begin with a prefix. */
  remove(name: Uint8Array, client: Client): void {
    const prefix = this.#prefixes.find(name, 0, name.length);
    if (!prefix?.clients.delete(client)) return;
    client.listenedBytes -= PREFIX_BYTES + name.length;
    this.memoryBytes -= CLIENT_BYTES;
    if (prefix.clients.size > 0) return;
    this.#prefixes.remove(prefix);
    this.#forgetKeys(prefix);
    this.#changed = this.#changed.filter((other) => other !== prefix);
    this.memoryBytes -= PREFIX_BYTES + name.length;
    const count = this.#lengthCounts.get(name.length)!;
    if (count > 1) {
      this.#lengthCounts.set(name.length, count - 1);
      return;
    }
    this.#lengthCounts.delete(name.length);
    this.#sortLengths();
  }

  #sortLengths(): void {
    this.#lengths = [...this.#lengthCounts.keys()].sort((left, right) => left - right);
  }

  /** Whether anybody is to be told of the key bytes[start, end). */
  covers(bytes: Uint8Array, start: number, end: number): boolean {
    for (const length of this.#lengths) {
      if (length > end - start) return false;
      if (this.#prefixes.find(bytes, start, start + length) !== undefined) return true;
    }
    return false;
  }

  /** The key `name` has changed; `author` is the client that has done it, if one has. */
  note(name: Uint8Array, hash: number, author: Client | undefined): void {
    for (const length of this.#lengths) {
      if (length > name.length) return;
      const prefix = this.#prefixes.find(name, 0, length);
      if (prefix === undefined) continue;
      const known = prefix.keys.find(name, 0, name.length);
      // Changed by two, it is news to either.
      if (known !== undefined && known.author !== author) known.author = undefined;
      if (known !== undefined) continue;
      if (prefix.keys.count === 0) this.#changed.push(prefix);
      prefix.keys.add(new ChangedKey(name, hash, author));
      this.memoryBytes += KEY_BYTES + name.length;
    }
  }

  #forgetKeys(prefix: Prefix): readonly ChangedKey[] {
    const keys = prefix.keys.sorted();
    prefix.keys = new NameTable(this.#hasher);
    for (const { name } of keys) this.memoryBytes -= KEY_BYTES + name.length;
    return keys;
  }

  /** Tells everyone of what has changed, prefix by prefix in their order. */
  tell(tell: TellKeys): void {
    const changed = this.#changed.sort((left, right) => {
      return compareBytes(left.name, 0, left.name.length, right.name, 0, right.name.length);
    });
    this.#changed = [];
    for (const prefix of changed) {
      const keys = this.#forgetKeys(prefix);
      for (const client of prefix.clients) tell(client, keys);
    }
  }
}
