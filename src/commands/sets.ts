// hot path: no allocation per command
//
// Commands about one set and the members named in the request.

import {
  ACCESS,
  type ArgumentSpec,
  DELETE,
  DENYOOM,
  defineFamily,
  FAST,
  INSERT,
  keyAt,
  READONLY,
  RO,
  RW,
  WRITE,
} from "../command/spec.ts";
import { EVENT_GENERIC, EVENT_NEW, EVENT_SET } from "../keyspace/event-classes.ts";
import { SetValue } from "../keyspace/set-value.ts";
import { type RecordView, SET } from "../structures/record.ts";
import { SetMember } from "../structures/set-member.ts";
import { key } from "./argument-specs.ts";
import type { Context } from "./features.ts";
import { bulkMembers, createSet, encodingFor } from "./set-replies.ts";

const oneMember: ArgumentSpec = { name: "member", type: "string" };
const members: ArgumentSpec = { name: "member", type: "string", multiple: true };

export const setCommands = defineFamily("set", [
  {
    name: "SADD",
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: "1.0.0",
    complexity:
      "O(1) for each element added, so O(N) to add N elements when the command is called with " +
      "multiple arguments.",
    summary: "Adds members to a set, which is created where there is none.",
    history: [["2.4.0", "Accepts multiple `member` arguments."]],
    keys: [keyAt(1, RW | INSERT)],
    member: 2,
    args: [key, members],
    run: saddCommand,
  },
  {
    name: "SCARD",
    arity: 2,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells how many members a set has.",
    keys: [keyAt(1, RO)],
    args: [key],
    run: scardCommand,
  },
  {
    name: "SISMEMBER",
    arity: 3,
    flags: READONLY | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Tells whether a set has a member.",
    keys: [keyAt(1, RO)],
    member: 2,
    args: [key, oneMember],
    run: sismemberCommand,
  },
  {
    name: "SMISMEMBER",
    arity: -3,
    flags: READONLY | FAST,
    since: "6.2.0",
    complexity: "O(N) where N is the number of elements being checked for membership",
    summary: "Tells of several members whether a set has them.",
    keys: [keyAt(1, RO | ACCESS)],
    args: [key, members],
    run: smismemberCommand,
  },
  {
    name: "SMEMBERS",
    arity: 2,
    flags: READONLY,
    since: "1.0.0",
    complexity: "O(N) where N is the set cardinality.",
    summary: "Returns all members of a set.",
    tips: ["nondeterministic_output_order"],
    keys: [keyAt(1, RO | ACCESS)],
    args: [key],
    run: smembersCommand,
  },
  {
    name: "SREM",
    arity: -3,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(N) where N is the number of members to be removed.",
    summary: "Removes members from a set; without any left the set goes.",
    history: [["2.4.0", "Accepts multiple `member` arguments."]],
    keys: [keyAt(1, RW | DELETE)],
    member: 2,
    args: [key, members],
    run: sremCommand,
  },
  {
    name: "SMOVE",
    arity: 4,
    flags: WRITE | FAST,
    since: "1.0.0",
    complexity: "O(1)",
    summary: "Moves a member from one set to another one.",
    keys: [keyAt(1, RW | ACCESS | DELETE), keyAt(2, RW | INSERT)],
    args: [
      { name: "source", type: "key", keySpecIndex: 0 },
      { name: "destination", type: "key", keySpecIndex: 1 },
      oneMember,
    ],
    run: smoveCommand,
  },
]);

/** The set of the command that is running, a second one, and one that has no key yet. */
const value = new SetValue();
const target = new SetValue();
const made = new SetValue();
/** A member named in the request. */
const member = new SetMember();

function setMember(c: Context, index: number): SetMember {
  member.setText(c.bytes, c.start(index), c.end(index));
  return member;
}

// SADD key member [member ...]
function saddCommand(c: Context): void {
  const view = c.writeKey(1);
  if (view !== undefined && view.type !== SET) return c.reply.wrongType();
  const added = view === undefined ? createWithMembers(c) : addMembers(c, view);
  if (added > 0) {
    c.effects.changed(added);
    c.notify(EVENT_SET, "sadd", 1);
  }
  c.reply.integer(added);
}

/** Creates the set in argument 1 from all members named. Returns how many those are. */
function createWithMembers(c: Context): number {
  const { keyspace } = c.server;
  const expected = c.count - 2;
  made.begin(keyspace, encodingFor(keyspace, setMember(c, 2), expected), expected);
  // alloc: `try` costs nothing while nothing is thrown
  try {
    for (let index = 2; index < c.count; index++) made.add(keyspace, setMember(c, index));
    const { size } = made;
    createSet(c, 1, made);
    return size;
  } finally {
    made.close(keyspace);
  }
}

/** Adds all members named to a set that is there, or none. Returns how many are new. */
function addMembers(c: Context, view: RecordView): number {
  const { keyspace } = c.server;
  value.open(c.db, view);
  const before = value.size;
  value.expect(keyspace, c.count - 2);
  if (c.count === 3) value.add(keyspace, setMember(c, 2));
  else addSeveral(c);
  const added = value.size - before;
  if (added > 0) c.db.resized(SET, before, before + added);
  return added;
}

function addSeveral(c: Context): void {
  const { keyspace } = c.server;
  // alloc: which members are new, to take them back
  const isNew = new Uint8Array(c.count);
  let index = 2;
  try {
    for (; index < c.count; index++) {
      isNew[index] = value.add(keyspace, setMember(c, index)) ? 1 : 0;
    }
  } catch (error) {
    while (--index >= 2) {
      if (isNew[index] === 1) value.remove(setMember(c, index));
    }
    throw error;
  }
}

// SCARD key
function scardCommand(c: Context): void {
  const view = c.readKey(1);
  if (view === undefined) return c.reply.integer(0);
  if (view.type !== SET) return c.reply.wrongType();
  c.reply.integer(value.open(c.db, view).size);
}

// SISMEMBER key member
function sismemberCommand(c: Context): void {
  const view = c.readKey(1);
  if (view === undefined) return c.reply.integer(0);
  if (view.type !== SET) return c.reply.wrongType();
  c.reply.integer(value.open(c.db, view).contains(setMember(c, 2)) ? 1 : 0);
}

// SMISMEMBER key member [member ...]
function smismemberCommand(c: Context): void {
  const view = c.readKey(1);
  if (view !== undefined && view.type !== SET) return c.reply.wrongType();
  if (view !== undefined) value.open(c.db, view);
  c.reply.array(c.count - 2);
  for (let index = 2; index < c.count; index++) {
    c.reply.integer(view !== undefined && value.contains(setMember(c, index)) ? 1 : 0);
  }
}

// SMEMBERS key
function smembersCommand(c: Context): void {
  const view = c.readKey(1);
  if (view === undefined) return c.reply.set(0);
  if (view.type !== SET) return c.reply.wrongType();
  value.open(c.db, view);
  c.reply.set(value.size);
  bulkMembers(c.reply, value);
}

// SREM key member [member ...]
function sremCommand(c: Context): void {
  const view = c.writeKey(1);
  if (view === undefined) return c.reply.integer(0);
  if (view.type !== SET) return c.reply.wrongType();
  value.open(c.db, view);
  const before = value.size;
  let left = before;
  for (let index = 2; index < c.count && left > 0; index++) {
    if (value.remove(setMember(c, index))) left--;
  }
  if (left < before) {
    removed(c, view, before, left);
    c.effects.changed(before - left);
  }
  c.reply.integer(before - left);
}

/** Counts a set that has become smaller, and deletes it where nothing is left. */
function removed(c: Context, view: RecordView, before: number, left: number): void {
  c.db.resized(SET, before, left);
  if (left === 0) c.db.deleteView(view);
  c.notify(EVENT_SET, "srem", 1);
  if (left === 0) c.notify(EVENT_GENERIC, "del", 1);
}

// SMOVE source destination member
function smoveCommand(c: Context): void {
  const { keyspace } = c.server;
  const source = c.writeKey(1);
  const destination = c.peekKey(2, keyspace.secondView);
  if (source === undefined) return c.reply.integer(0);
  if (source.type !== SET) return c.reply.wrongType();
  if (destination !== undefined && destination.type !== SET) return c.reply.wrongType();
  value.open(c.db, source);
  setMember(c, 3);
  const isThere = value.contains(member);
  if (!isThere) return c.reply.integer(0);
  if (destination !== undefined && destination.ref === source.ref) return c.reply.integer(1);
  // Added before it is removed: only adding may find no memory.
  const isNew = destination === undefined ? moveToNewSet(c) : moveToSet(c, destination);
  const before = value.size;
  value.remove(member);
  removed(c, source, before, before - 1);
  if (destination === undefined) c.notify(EVENT_NEW, "new", 2);
  if (isNew) c.notify(EVENT_SET, "sadd", 2);
  c.effects.changed(isNew ? 2 : 1);
  c.reply.integer(1);
}

function moveToNewSet(c: Context): boolean {
  const { keyspace } = c.server;
  const { notifiedEvents } = keyspace;
  // The key is told of as new only behind the removal.
  keyspace.notifiedEvents &= ~EVENT_NEW;
  made.begin(keyspace, encodingFor(keyspace, member, 1));
  // alloc: `try` costs nothing while nothing is thrown
  try {
    made.add(keyspace, member);
    createSet(c, 2, made);
  } finally {
    keyspace.notifiedEvents = notifiedEvents;
    made.close(keyspace);
  }
  return true;
}

function moveToSet(c: Context, destination: RecordView): boolean {
  target.open(c.db, destination);
  // A set that has the member is not changed, as those see it who watch or cache it.
  if (target.contains(member)) return false;
  c.writeKey(2, destination);
  const before = target.size;
  target.add(c.server.keyspace, member);
  c.db.resized(SET, before, before + 1);
  return true;
}
