// The table of members against a Map: values and expiry times, growth, copies, expiry in steps,
// scans that span changes, evacuated chunks.

import { KeyHasher } from "../../src/base/key-hash.ts";
import { Xoshiro } from "../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import { NULL_REF, Pool } from "../../src/memory/pool.ts";
import { MemberTable } from "../../src/structures/member-table.ts";
import { HASH, NO_EXPIRY, type RecordView } from "../../src/structures/record.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

interface Field {
  readonly value: string;
  readonly expiryMs: number;
}

function textOf(view: RecordView): { member: string; value: string } {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = view;
  return {
    member: latin1Text(bytes, keyStart, keyEnd),
    value: latin1Text(bytes, valueStart, valueEnd),
  };
}

class Model {
  readonly pool = new Pool();
  table: MemberTable;
  fields = new Map<string, Field>();
  nowMs = 1000;

  constructor(choices: Choices) {
    const hasher = new KeyHasher(new Xoshiro(choices.below(1000)));
    const random = new Xoshiro(choices.below(1000));
    this.table = new MemberTable({ pool: this.pool, hasher, random }, HASH);
  }

  set(member: string, value: string, expiryMs: number): void {
    const { table } = this;
    const bytes = latin1Bytes(member);
    const hash = table.hash(bytes, 0, bytes.length);
    let ref = table.find(bytes, 0, bytes.length, hash);
    check((ref !== NULL_REF) === this.fields.has(member), "finds exactly what is there");
    if (ref === NULL_REF) {
      ref = table.insert(bytes, 0, bytes.length, hash, value.length, expiryMs);
    } else {
      ref = table.replaceValue(ref, hash, value.length);
      ref = table.setExpiry(ref, hash, expiryMs);
    }
    const view = table.load(ref, hash);
    view.bytes.set(latin1Bytes(value), view.valueStart);
    this.fields.set(member, { value, expiryMs });
  }

  remove(member: string, other: string): void {
    const { table } = this;
    const bytes = latin1Bytes(member);
    const hash = table.hash(bytes, 0, bytes.length);
    const ref = table.find(bytes, 0, bytes.length, hash);
    check((ref !== NULL_REF) === this.fields.delete(member), "finds exactly what is there");
    // Another search in between must not mislead the removal.
    const others = latin1Bytes(other);
    table.find(others, 0, others.length, table.hash(others, 0, others.length));
    if (ref !== NULL_REF) table.remove(ref, hash);
  }

  /** Checks a random member, or several different ones. */
  draw(choices: Choices): void {
    const { table } = this;
    if (table.size === 0) return;
    const ref = table.random();
    const { member } = textOf(table.load(ref));
    check(this.fields.has(member), "a random member is a member");
    const bytes = latin1Bytes(member);
    check(table.hash(bytes, 0, bytes.length) === (table.randomHash | 0), "with its own hash");
    const count = choices.below(table.size + 2);
    const drawn = new Set<number>();
    table.randomDistinct(count, (found) => drawn.add(found));
    check(drawn.size === Math.min(count, table.size), "as many different members as asked for");
  }

  expire(ms: number): void {
    this.nowMs += ms;
    let position = 0;
    do {
      position = this.table.expireSome(position, this.nowMs, (ref) => {
        const { member } = textOf(this.table.load(ref));
        const field = this.fields.get(member);
        check(field !== undefined && field.expiryMs <= this.nowMs, "only what is due expires");
        this.fields.delete(member);
      });
    } while (position !== 0);
    const left = [...this.fields.values()].filter(({ expiryMs }) => expiryMs !== NO_EXPIRY);
    const earliest = Math.min(Number.POSITIVE_INFINITY, ...left.map(({ expiryMs }) => expiryMs));
    check(earliest > this.nowMs, "all that is due expires");
    check(this.table.volatileCount === left.length, "fields that expire are counted");
    check(this.table.earliestExpiryMs <= earliest, "the earliest expiry is a lower bound");
  }

  /** Goes on with a copy and frees the original, in slices. */
  exchangeForCopy(choices: Choices): void {
    const copy = this.table.clone();
    this.verify();
    while (!this.table.release(1 + choices.below(50)));
    this.table = copy;
  }

  scan(choices: Choices, change: () => void): void {
    const before = [...this.fields.keys()];
    const seen = new Set<string>();
    const limit = 1 + choices.below(20);
    let position = 0;
    const touched = new Set<string>();
    do {
      position = this.table.scan(position, limit, (ref) => {
        seen.add(textOf(this.table.load(ref)).member);
      });
      if (choices.oneIn(3)) change();
      for (const member of before) if (!this.fields.has(member)) touched.add(member);
    } while (position !== 0);
    for (const member of before) {
      check(seen.has(member) || touched.has(member), "a scan misses nothing that stays");
    }
  }

  relocate(choices: Choices): void {
    this.pool.evacuate();
    let position = 0;
    do {
      position = this.table.relocate(position, 1 + choices.below(100));
    } while (position !== 0);
    this.pool.endEvacuation();
  }

  verify(): void {
    this.table.verify();
    this.pool.verify();
    check(this.table.size === this.fields.size, "members are counted");
    this.table.forEach((ref) => {
      const { member, value } = textOf(this.table.load(ref));
      const field = this.fields.get(member);
      check(field?.value === value, "a member keeps its value");
      check(field?.expiryMs === this.table.expiryOf(ref), "a member keeps its expiry");
    });
  }
}

function memberFrom(choices: Choices, kinds: number): string {
  const text = `member:${choices.below(kinds)}`;
  return choices.oneIn(50) ? text.padEnd(300, "x") : text;
}

export const memberTableFuzzer: Fuzzer = {
  name: "member-table",
  run(choices, steps) {
    const model = new Model(choices);
    const kinds = choices.pick([5, 200, 3000]);
    let growth = 60;
    const change = () => {
      const member = memberFrom(choices, kinds);
      if (choices.below(100) < growth) {
        const expiryMs = choices.oneIn(3) ? model.nowMs + 1 + choices.below(500) : NO_EXPIRY;
        model.set(member, "v".repeat(choices.below(choices.oneIn(10) ? 300 : 12)), expiryMs);
      } else {
        model.remove(member, memberFrom(choices, kinds));
      }
    };
    for (let step = 1; step <= steps; step++) {
      change();
      if (choices.oneIn(20)) model.draw(choices);
      if (choices.oneIn(100)) model.expire(choices.below(300));
      if (choices.oneIn(300)) growth = choices.pick([20, 50, 70, 95]);
      if (choices.oneIn(300)) model.verify();
      if (choices.oneIn(300)) model.exchangeForCopy(choices);
      if (choices.oneIn(300)) model.scan(choices, change);
      if (choices.oneIn(500)) model.relocate(choices);
    }
    model.verify();
    while (!model.table.release(10));
    check(model.pool.usedBytes === 0, "a released table leaves nothing behind");
    check(model.pool.outsideBytes === 0, "nor outside of the pool");
  },
};
