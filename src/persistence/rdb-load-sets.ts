// Sets out of an RDB: strings, an intset or a listpack.

import type { Int64 } from "../base/int64.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { isValidIntset, lengthAt, loadElement } from "../structures/intset.ts";
import { CONTAINER, INTSET, LISTPACK, SET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";
import { type Elements, type KeyTarget, ListpackElements } from "./rdb-elements.ts";
import { RdbError } from "./rdb-reader.ts";

/** Builds a set of `count` elements, at least one. Throws an RdbError where one comes twice. */
export function loadSet(
  keyspace: Keyspace,
  target: KeyTarget,
  elements: Elements,
  count: number,
): boolean {
  const { limits } = keyspace;
  const isLarge = count > Math.max(limits.setMaxIntsetEntries, limits.setMaxListpackEntries);
  addAll(keyspace, target, elements, isLarge ? CONTAINER : INTSET);
  return true;
}

/** A set that is a listpack. False where it has no members, and no key was made. */
export function loadSetListpack(
  keyspace: Keyspace,
  target: KeyTarget,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const counted = new ListpackElements(bytes, start, end);
  let count = 0;
  let longest = 0;
  while (counted.next()) {
    count++;
    longest = Math.max(longest, counted.end - counted.start);
  }
  if (count === 0) return false;
  const { setMaxListpackEntries, setMaxListpackValue } = keyspace.limits;
  const elements = new ListpackElements(bytes, start, end);
  const fits = count <= setMaxListpackEntries && longest <= setMaxListpackValue;
  addAll(keyspace, target, elements, fits ? LISTPACK : CONTAINER);
  return true;
}

/** A set that is an intset. */
export function loadIntset(
  keyspace: Keyspace,
  target: KeyTarget,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (!isValidIntset(bytes, start, end, true)) {
    throw new RdbError("Intset integrity check failed.");
  }
  const count = lengthAt(bytes, start);
  if (count <= keyspace.limits.setMaxIntsetEntries) {
    target.setValue(SET, INTSET, count, bytes, start, end);
    return true;
  }
  const set = new SetValue().begin(keyspace, CONTAINER);
  const member = new SetMember();
  const value: Int64 = member.value;
  try {
    for (let index = 0; index < count; index++) {
      loadElement(bytes, start, index, value);
      member.setInteger();
      set.add(keyspace, member);
    }
    storeSet(target, set);
  } finally {
    set.close(keyspace);
  }
  return true;
}

/** Puts a set of all elements under the key, in an encoding to begin with. */
function addAll(keyspace: Keyspace, target: KeyTarget, elements: Elements, encoding: number): void {
  const set = new SetValue().begin(keyspace, encoding);
  const member = new SetMember();
  try {
    while (elements.next()) {
      member.setText(elements.bytes, elements.start, elements.end);
      if (!set.add(keyspace, member)) throw new RdbError("A set has the same member twice");
    }
    storeSet(target, set);
  } finally {
    set.close(keyspace);
  }
}

function storeSet(target: KeyTarget, set: SetValue): void {
  if (set.encoding === CONTAINER) {
    target.setContainer(set.table!);
    set.takeTable();
  } else {
    target.setValue(SET, set.encoding, set.size, set.bytes, set.start, set.start + set.byteLength);
  }
}
