// Hashes against a Map of Maps: every encoding and the ways from one to the next, fields that
// expire by being met and by the active cycle, copies and renames, the limits changed at random.

import { ManualClock } from "../../src/base/clock.ts";
import { Xoshiro } from "../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import { ActiveExpiry } from "../../src/keyspace/active-expiry.ts";
import type { Database } from "../../src/keyspace/database.ts";
import { type Arguments, FOUND, type HashValues } from "../../src/keyspace/hash-value.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import {
  CONTAINER,
  HASH,
  KEEP_EXPIRY,
  LISTPACK,
  NO_EXPIRY,
  type RecordView,
} from "../../src/structures/record.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const KEYS = ["a", "b", "c"];
const START_MS = 1_700_000_000_000;

interface Field {
  value: string;
  expiryMs: number;
}

/** Texts as the arguments of a command. */
function argumentsOf(hash: (bytes: Uint8Array, start: number, end: number) => number) {
  return (...texts: string[]): Arguments => {
    const bytes = latin1Bytes(texts.join(""));
    const starts = texts.map((_, k) => texts.slice(0, k).join("").length);
    const end = (index: number) => starts[index] + texts[index].length;
    return {
      bytes,
      start: (index) => starts[index],
      end,
      length: (index) => texts[index].length,
      hash: (index) => hash(bytes, starts[index], end(index)),
    };
  };
}

class Model {
  readonly choices: Choices;
  readonly keyspace: Keyspace;
  readonly clock = new ManualClock(START_MS);
  readonly expiry: ActiveExpiry;
  readonly make: ReturnType<typeof argumentsOf>;
  readonly hashes = new Map<string, Map<string, Field>>();
  expired = 0;

  constructor(choices: Choices) {
    this.choices = choices;
    this.keyspace = new Keyspace(2, new Xoshiro(choices.below(1000)));
    this.keyspace.setTime(START_MS);
    this.expiry = new ActiveExpiry(this.keyspace, this.clock);
    this.make = argumentsOf((bytes, start, end) => this.keyspace.hash(bytes, start, end));
    this.keyspace.events.fieldExpired = (_, view, bytes, start, end) => {
      const key = latin1Text(view.bytes, view.keyStart, view.keyEnd);
      const name = latin1Text(bytes, start, end);
      const field = this.hashes.get(key)?.get(name);
      check(field !== undefined && this.isPast(field), "only what is due expires");
      this.forget(key, name);
      this.expired++;
    };
  }

  get db(): Database {
    return this.keyspace.databases[0];
  }

  get values(): HashValues {
    return this.keyspace.hashes;
  }

  isPast(field: Field): boolean {
    return field.expiryMs !== NO_EXPIRY && field.expiryMs < this.keyspace.nowMs;
  }

  forget(key: string, name: string): void {
    const fields = this.hashes.get(key);
    fields?.delete(name);
    if (fields?.size === 0) this.hashes.delete(key);
  }

  find(key: string): RecordView | undefined {
    const bytes = latin1Bytes(key);
    const hash = this.keyspace.hash(bytes, 0, bytes.length);
    const found = this.db.lookupWrite(this.keyspace.view, bytes, 0, bytes.length, hash);
    check((found !== undefined) === this.hashes.has(key), "a hash is there while it has fields");
    return found;
  }

  name(): string {
    const { choices } = this;
    if (choices.oneIn(8)) return String(choices.below(300) - 100);
    if (choices.oneIn(20)) return "n".repeat(choices.below(80));
    return `f${choices.below(choices.pick([5, 40]))}`;
  }

  value(): string {
    const { choices } = this;
    if (choices.oneIn(30)) return "v".repeat(choices.below(5000));
    if (choices.oneIn(2)) return String(choices.below(choices.pick([200, 70_000, 2 ** 32])) - 100);
    return "v".repeat(choices.below(choices.pick([4, 70])));
  }

  /** A time soon, NO_EXPIRY, or KEEP_EXPIRY. */
  time(): number {
    const { choices } = this;
    if (choices.oneIn(3)) return choices.pick([NO_EXPIRY, KEEP_EXPIRY]);
    return this.keyspace.nowMs + choices.below(choices.pick([20, 5000]));
  }

  set(key: string): void {
    const { choices } = this;
    const count = 1 + choices.below(choices.pick([3, 12]));
    const pairs = Array.from({ length: count }, () => [this.name(), this.value()]);
    const expiryMs = choices.oneIn(2) ? NO_EXPIRY : this.time();
    const found = this.find(key);
    const before = this.hashes.get(key)?.size ?? 0;
    const args = this.make("HSET", key, ...pairs.flat());
    const created = this.values.setPairs(this.db, found, args, 2, 2 + count * 2, expiryMs);
    const fields = this.hashes.get(key) ?? new Map<string, Field>();
    this.hashes.set(key, fields);
    for (const [name, value] of pairs) {
      const kept = expiryMs === KEEP_EXPIRY ? (fields.get(name)?.expiryMs ?? NO_EXPIRY) : expiryMs;
      fields.set(name, { value, expiryMs: kept });
    }
    check(created === fields.size - before, "new fields are counted");
  }

  read(key: string): void {
    const found = this.find(key);
    if (found === undefined) return;
    const name = this.name();
    const field = this.hashes.get(key)?.get(name);
    const isVisible = field !== undefined && !this.isPast(field);
    const bytes = latin1Bytes(name);
    const outcome = this.values.read(this.db, found, bytes, 0, bytes.length);
    check((outcome === FOUND) === isVisible, "what is not due is found, and nothing else");
    if (outcome !== FOUND) return;
    const { values } = this;
    check(latin1Text(values.bytes, values.start, values.end) === field?.value, "with its value");
    check(values.expiryMs === field?.expiryMs, "with its time");
    if (!this.choices.oneIn(3)) return;
    const value = latin1Bytes(this.value());
    values.setFound(this.db, found, bytes, 0, bytes.length, value, 0, value.length);
    field.value = latin1Text(value, 0, value.length);
  }

  delete(key: string): void {
    const found = this.find(key);
    if (found === undefined) return;
    const name = this.name();
    const bytes = latin1Bytes(name);
    const isThere = this.values.find(this.db, found, bytes, 0, bytes.length);
    check(isThere === this.hashes.get(key)?.has(name), "what is there is found");
    if (!isThere) return;
    const isGone = this.values.deleteFound(this.db, found);
    this.forget(key, name);
    check(isGone === !this.hashes.has(key), "a hash goes with its last field");
  }

  setExpiry(key: string): void {
    const found = this.find(key);
    if (found === undefined) return;
    const name = this.name();
    const bytes = latin1Bytes(name);
    this.values.prepareExpiry(this.db, found);
    if (!this.values.find(this.db, found, bytes, 0, bytes.length)) return;
    const expiryMs = Math.max(this.time(), NO_EXPIRY);
    this.values.setExpiryOfFound(this.db, found, expiryMs);
    const field = this.hashes.get(key)?.get(name);
    check(field !== undefined, "what is there is found");
    field.expiryMs = expiryMs;
  }

  /** COPY, RENAME, PEXPIREAT, PERSIST or DEL. */
  move(key: string, other: string): void {
    const found = this.find(key);
    if (found === undefined || key === other) return;
    const fields = this.hashes.get(key)!;
    const bytes = latin1Bytes(other);
    const hash = this.keyspace.hash(bytes, 0, bytes.length);
    switch (this.choices.below(5)) {
      case 3:
        // An expiry of the key itself, which nobody lives to see.
        this.db.setExpiry(found, START_MS * 2);
        break;
      case 4:
        this.db.clearExpiry(found);
        break;
      case 0:
        this.db.copyFrom(found, bytes, 0, bytes.length, hash);
        this.hashes.set(other, new Map([...fields].map(([name, field]) => [name, { ...field }])));
        break;
      case 1:
        this.db.moveFrom(this.db, found, bytes, 0, bytes.length, hash);
        this.hashes.set(other, fields);
        this.hashes.delete(key);
        break;
      default:
        this.db.deleteView(found);
        this.hashes.delete(key);
    }
  }

  passTime(): void {
    this.clock.advance(this.choices.below(this.choices.pick([10, 1500])));
    this.keyspace.setTime(this.clock.wallMs());
    if (!this.choices.oneIn(2)) return;
    // Beyond the pause between sweeps.
    this.clock.advance(1100);
    this.keyspace.setTime(this.clock.wallMs());
    while (this.expiry.run(1000, () => {}));
    const due = [...this.hashes.values()].some((fields) =>
      [...fields.values()].some((field) => this.isPast(field)),
    );
    check(!due, "a sweep leaves nothing that is due");
  }

  verify(): void {
    const { values, db } = this;
    this.keyspace.verify();
    let timed = 0;
    for (const key of KEYS) {
      const found = this.find(key);
      if (found === undefined) continue;
      const fields = this.hashes.get(key)!;
      check(values.count(db, found) === fields.size, "fields are counted");
      const visible = [...fields.values()].filter((field) => !this.isPast(field)).length;
      check(values.visibleCount(db, found) === visible, "visible fields are counted");
      const isTimed = [...fields.values()].some(({ expiryMs }) => expiryMs !== NO_EXPIRY);
      if (isTimed) timed++;
      check(!isTimed || found.encoding !== LISTPACK, "a plain listpack has no times");
      const { hashMaxListpackEntries } = this.keyspace.limits;
      const isSmall = fields.size <= hashMaxListpackEntries;
      check(isSmall || found.encoding === CONTAINER || this.hasNewLimits, "limits are kept to");
      check(found.type === HASH, "a hash is a hash");
      for (const [name, field] of fields) {
        const bytes = latin1Bytes(name);
        check(values.find(db, found, bytes, 0, bytes.length), "every field is found");
        const value = latin1Text(values.bytes, values.start, values.end);
        check(value === field.value && values.expiryMs === field.expiryMs, "as it was set");
      }
    }
    check(db.fieldVolatileCount === timed, "hashes whose fields expire are counted");
    check(this.keyspace.expiredFields === this.expired, "expired fields are counted");
  }

  hasNewLimits = false;

  changeLimits(): void {
    this.keyspace.limits.hashMaxListpackEntries = this.choices.pick([4, 20, 512]);
    this.keyspace.limits.hashMaxListpackValue = this.choices.pick([10, 64, 6000]);
    this.hasNewLimits = true;
  }
}

function run(choices: Choices, steps: number): void {
  const model = new Model(choices);
  for (let k = 0; k < steps; k++) {
    const key = choices.pick(KEYS);
    const roll = choices.below(100);
    if (roll < 30) model.set(key);
    else if (roll < 55) model.read(key);
    else if (roll < 70) model.delete(key);
    else if (roll < 85) model.setExpiry(key);
    else if (roll < 93) model.passTime();
    else if (roll < 98) model.move(key, choices.pick(KEYS));
    else if (choices.oneIn(5)) model.changeLimits();
    if (k % 20 === 0) model.verify();
  }
  model.verify();
}

export const hashValueFuzzer: Fuzzer = { name: "hash value", run };
