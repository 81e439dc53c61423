// A set's value against a JavaScript set, under limits so low that it converts all the time:
// adding, removing, drawing, walking, and building a second value that has no key.

import { Xoshiro } from "../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import type { Database } from "../../src/keyspace/database.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { SetProbe } from "../../src/keyspace/set-probe.ts";
import { SetValue } from "../../src/keyspace/set-value.ts";
import { SetWalk } from "../../src/keyspace/set-walk.ts";
import { CONTAINER, INTSET, LISTPACK, type RecordView, SET } from "../../src/structures/record.ts";
import { SetMember } from "../../src/structures/set-member.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const KEY = latin1Bytes("key");

class Model {
  readonly keyspace: Keyspace;
  readonly db: Database;
  readonly value = new SetValue();
  readonly made = new SetValue();
  readonly member = new SetMember();
  readonly walk = new SetWalk();
  readonly probe = new SetProbe();
  readonly members = new Set<string>();
  readonly others = new Set<string>();

  constructor(choices: Choices) {
    this.keyspace = new Keyspace(1, new Xoshiro(choices.below(1000)));
    this.db = this.keyspace.databases[0];
    const { limits } = this.keyspace;
    limits.setMaxIntsetEntries = choices.pick([0, 3, 20, 512]);
    limits.setMaxListpackEntries = choices.pick([0, 2, 10, 128]);
    limits.setMaxListpackValue = choices.pick([0, 3, 64]);
    this.made.begin(this.keyspace, choices.pick([INTSET, LISTPACK, CONTAINER]));
  }

  /** Points the value at the key's record; false where there is none. */
  open(): boolean {
    const view = this.#find();
    if (view === undefined) return false;
    this.value.open(this.db, view);
    return true;
  }

  #find(): RecordView | undefined {
    const hash = this.keyspace.hash(KEY, 0, KEY.length);
    return this.db.lookupWrite(this.keyspace.view, KEY, 0, KEY.length, hash);
  }

  set(text: string): SetMember {
    const bytes = latin1Bytes(text);
    this.member.setText(bytes, 0, bytes.length);
    return this.member;
  }

  add(text: string): void {
    if (!this.open()) this.create();
    this.open();
    const before = this.value.size;
    const isNew = this.value.add(this.keyspace, this.set(text));
    check(isNew === !this.members.has(text), "a member is added once");
    this.members.add(text);
    this.db.resized(SET, before, this.value.size);
  }

  create(): void {
    const hash = this.keyspace.hash(KEY, 0, KEY.length);
    const empty = new SetValue().begin(this.keyspace, INTSET);
    const { view } = this.keyspace;
    this.db.createValue(view, SET, INTSET, KEY, 0, KEY.length, hash, empty.byteLength);
    view.bytes.set(empty.bytes.subarray(0, empty.byteLength), view.valueStart);
    this.db.resized(SET, -1, 0);
  }

  remove(text: string): void {
    if (!this.open()) return;
    const before = this.value.size;
    const isGone = this.value.remove(this.set(text));
    check(isGone === this.members.delete(text), "a member is removed once");
    this.#removed(before);
  }

  draw(random: Xoshiro): void {
    if (!this.open()) return;
    const before = this.value.size;
    this.value.draw(random, this.member);
    check(this.members.delete(textOf(this.member)), "a drawn member is a member");
    this.value.removeDrawn(this.member);
    this.#removed(before);
  }

  #removed(before: number): void {
    this.db.resized(SET, before, this.value.size);
    if (this.value.size > 0) return;
    this.db.deleteView(this.#find()!);
  }

  build(text: string, isRemoval: boolean): void {
    if (isRemoval) {
      const isGone = this.made.remove(this.set(text));
      check(isGone === this.others.delete(text), "a member is removed once");
    } else {
      const isNew = this.made.add(this.keyspace, this.set(text));
      check(isNew === !this.others.has(text), "a member is added once");
      this.others.add(text);
    }
    check(this.made.size === this.others.size, "members are counted");
  }

  /** Walks through one of the two, asking the other. */
  compare(choices: Choices): void {
    if (!this.open()) return;
    const isSwapped = choices.oneIn(2);
    const [walked, asked] = isSwapped ? [this.made, this.value] : [this.value, this.made];
    const [left, right] = isSwapped ? [this.others, this.members] : [this.members, this.others];
    this.walk.open(walked);
    this.probe.open(asked, walked);
    const seen = new Set<string>();
    while (this.walk.next()) {
      // Asked before its text is looked at, now and then, since that changes what it is made of.
      const isFirst = choices.oneIn(2);
      if (!isFirst) textOf(this.walk.member);
      const isThere = this.probe.contains(this.walk.member);
      const text = textOf(this.walk.member);
      check(isThere === right.has(text), "a probe finds what both have");
      check(asked.contains(this.walk.member) === isThere, "as does a search");
      check(!seen.has(text) && left.has(text), "a walk comes to each member once");
      seen.add(text);
    }
    check(seen.size === left.size, "a walk comes to all members");
    this.walk.close();
    this.probe.close();
  }

  verify(): void {
    this.keyspace.verify();
    check(this.open() === this.members.size > 0, "a set without members is no key");
    if (this.members.size === 0) return;
    const { limits } = this.keyspace;
    const { encoding, size } = this.value;
    check(size === this.members.size, "members are counted");
    if (encoding === INTSET) check(size <= limits.setMaxIntsetEntries, "an intset is small");
    if (encoding === LISTPACK) check(size <= limits.setMaxListpackEntries, "a listpack is small");
  }
}

function textOf(member: SetMember): string {
  member.text();
  return latin1Text(member.bytes, member.start, member.end);
}

function textFrom(choices: Choices, kinds: number): string {
  switch (choices.below(6)) {
    case 0:
      return `m${choices.below(kinds)}`;
    case 1:
      return choices.pick(["", "-0", "00", "9223372036854775807", "-9223372036854775808", "1e3"]);
    case 2:
      return String((choices.below(kinds) - kinds / 2) * choices.pick([1000, 10_000_000, 2 ** 33]));
    default:
      return String(choices.below(kinds));
  }
}

export const setValueFuzzer: Fuzzer = {
  name: "set-value",
  run(choices, steps) {
    const model = new Model(choices);
    const random = new Xoshiro(choices.below(1000));
    const kinds = choices.pick([6, 40, 1000]);
    let growth = 60;
    for (let step = 1; step <= steps; step++) {
      const text = textFrom(choices, kinds);
      const isGrowing = choices.below(100) < growth;
      if (choices.oneIn(3)) model.build(text, !isGrowing);
      else if (isGrowing) model.add(text);
      else if (choices.oneIn(4)) model.draw(random);
      else model.remove(text);
      if (choices.oneIn(100)) model.compare(choices);
      if (choices.oneIn(200)) growth = choices.pick([10, 50, 70, 95]);
      if (choices.oneIn(200)) model.verify();
    }
    model.verify();
    model.made.close(model.keyspace);
    for (const text of [...model.members]) model.remove(text);
    check(model.db.size === 0, "an emptied set is no key");
    model.keyspace.verify();
  },
};
