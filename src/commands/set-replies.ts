// hot path: no allocation per command
//
// What set commands share: looking at a key as a set, members as replies, sets that are stored.

import { copyBytes } from "../base/ascii.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { SetValue } from "../keyspace/set-value.ts";
import { SetWalk } from "../keyspace/set-walk.ts";
import { CHUNK_SHIFT, type Pool } from "../memory/pool.ts";
import type { ReplyWriter } from "../resp/reply.ts";
import { MemberCursor } from "../structures/member-cursor.ts";
import type { MemberTable } from "../structures/member-table.ts";
import { CONTAINER, INTSET, keyLengthOf, keyStartOf, LISTPACK, SET } from "../structures/record.ts";
import type { SetMember } from "../structures/set-member.ts";
import type { Context } from "./features.ts";

const walk = new SetWalk();
const cursor = new MemberCursor();

/** A member as a bulk string. */
export function bulkMember(writer: ReplyWriter, member: SetMember): void {
  if (member.isBareInteger && member.value.isSafe) {
    writer.bulkInteger(member.value.number);
    return;
  }
  member.text();
  writer.bulk(member.bytes, member.start, member.end);
}

/** All members of a set as bulk strings. */
export function bulkMembers(writer: ReplyWriter, value: SetValue): void {
  if (value.encoding === CONTAINER) return bulkTable(writer, value.table!);
  walk.open(value);
  while (walk.next()) bulkMember(writer, walk.member);
  walk.close();
}

function bulkTable(writer: ReplyWriter, table: MemberTable): void {
  cursor.open(table);
  while (cursor.next()) bulkRecord(writer, table.pool, cursor.ref);
  cursor.close();
}

/** The member of a table's record as a bulk string. */
export function bulkRecord(writer: ReplyWriter, pool: Pool, ref: number): void {
  const start = keyStartOf(pool, ref);
  writer.bulk(pool.bytes[ref >>> CHUNK_SHIFT], start, start + keyLengthOf(pool, ref));
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
