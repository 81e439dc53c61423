// hot path: no allocation per command
//
// What set commands share: looking at a key as a set, members as replies, sets that are stored.

import { copyBytes } from "../base/ascii.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { SetValue } from "../keyspace/set-value.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { CONTAINER, INTSET, LISTPACK, SET } from "../structures/record.ts";
import type { SetMember } from "../structures/set-member.ts";
import type { Context } from "./features.ts";

/** A member as a bulk string. */
export function bulkMember(writer: ReplyWriter, member: SetMember): void {
  if (member.isBareInteger && member.value.isSafe) {
    writer.bulkInteger(member.value.number);
    return;
  }
  member.text();
  writer.bulk(member.bytes, member.start, member.end);
}

/** The encoding of a new set whose first member is known, and how many may follow. */
export function encodingFor(keyspace: Keyspace, first: SetMember, count: number): number {
  if (count <= keyspace.limits.setMaxIntsetEntries && first.isInteger) return INTSET;
  return count <= keyspace.limits.setMaxListpackEntries ? LISTPACK : CONTAINER;
}

/** Creates the key in argument `index`, which must not exist, with a value in the making. */
export function createSet(c: Context, index: number, made: SetValue): void {
  if (made.encoding === CONTAINER) {
    c.createContainer(index, made.table!, c.server.keyspace.secondView);
    made.takeTable();
    return;
  }
  const { byteLength, encoding, bytes } = made;
  const view = c.createValue(index, SET, encoding, byteLength, c.server.keyspace.secondView);
  copyBytes(view.bytes, view.valueStart, bytes, 0, byteLength);
  c.db.resized(SET, -1, made.size);
}

/** Stores a value in the making under the key in argument `index`, in place of what that holds. */
export function storeSet(c: Context, index: number, made: SetValue): void {
  if (made.encoding === CONTAINER) {
    c.storeContainer(index, made.table!);
    made.takeTable();
    return;
  }
  const { byteLength, encoding, bytes } = made;
  const view = c.storeValue(index, SET, encoding, byteLength);
  copyBytes(view.bytes, view.valueStart, bytes, 0, byteLength);
  c.db.resized(SET, -1, made.size);
}
