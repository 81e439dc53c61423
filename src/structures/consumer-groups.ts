// hot path: no allocation per command
//
// Consumer groups of a stream: how far each has read, and which entries its consumers were given
// and have not acknowledged. A pending entry is a record in the group's table and an ID in its
// consumer's.
//
//   group's table      ID | delivery time, high and low word | deliveries, high and low | owner
//   consumer's table   ID
//
// Invariants: an ID is in the table of exactly the consumer whose number its record names, and
// nowhere else; consumer numbers are indexes of the group's list.

import { assert } from "../base/assert.ts";
import type { Int64 } from "../base/int64.ts";
import type { StructureContext } from "./container.ts";
import { EntryCounter } from "./entry-counter.ts";
import { IdTable } from "./id-table.ts";
import { type Named, NameTable } from "./name-table.ts";
import { ID_WORDS, StreamId } from "./stream-id.ts";

const TIME = ID_WORDS;
const DELIVERIES = ID_WORDS + 2;
const OWNER = ID_WORDS + 4;
const GROUP_PAYLOAD = 5;
const CONSUMER_PAYLOAD = 0;

const WORD = 0x1_0000_0000;

/** The consumer has never been given anything. */
export const NEVER = -1;

const NO_LAYOUT = -1;

/** Roughly what an object of this kind takes beside its tables. */
const OBJECT_BYTES = 200;

/** What a record of a group's table says, wherever it lies. */
export class PendingRecord {
  readonly id = new StreamId();
  deliveryTimeMs = 0;
  readonly deliveries = new EntryCounter();
  /** The number of the consumer that it is pending for. */
  owner = 0;

  load(words: Uint32Array, at: number): void {
    this.id.load(words, at);
    this.deliveryTimeMs = words[at + TIME] * WORD + words[at + TIME + 1];
    this.deliveries.setHalves(words[at + DELIVERIES], words[at + DELIVERIES + 1]);
    this.owner = words[at + OWNER];
  }
}

/** One reader of a group. */
export class Consumer implements Named<Consumer> {
  readonly name: Uint8Array;
  readonly hash: number;
  chained: Consumer | undefined = undefined;
  /** Its index in the group's list. */
  readonly number: number;
  /** When it last asked for something, and when it last got something; Unix time in ms. */
  seenTimeMs: number;
  activeTimeMs = NEVER;
  /** IDs of the entries it has not acknowledged. */
  readonly pending: IdTable;

  constructor(
    context: StructureContext,
    name: Uint8Array,
    hash: number,
    number: number,
    nowMs: number,
  ) {
    this.name = name;
    this.hash = hash;
    this.number = number;
    this.seenTimeMs = nowMs;
    this.pending = new IdTable(context.pool, CONSUMER_PAYLOAD);
  }
}

/** One group of a stream. */
export class ConsumerGroup implements Named<ConsumerGroup> {
  readonly #context: StructureContext;
  readonly name: Uint8Array;
  readonly hash: number;
  chained: ConsumerGroup | undefined = undefined;
  /** The greatest ID delivered. */
  readonly lastId = new StreamId();
  /** Entries from the stream's beginning up to `lastId`, as far as that is known. */
  readonly entriesRead = new EntryCounter();
  readonly consumers: NameTable<Consumer>;
  /** All pending entries. Point it at one by `find` or `seek` before asking for its properties. */
  readonly pending: IdTable;
  /**
   * Where in the stream the entries after `nextAfter` begin, as of a layout of the stream: the
   * block's index and the offset within it.
   */
  nextLayout = NO_LAYOUT;
  readonly nextAfter = new StreamId();
  nextBlock = 0;
  nextOffset = 0;
  readonly #byNumber: (Consumer | undefined)[] = [];
  readonly #unusedNumbers: number[] = [];

  constructor(context: StructureContext, name: Uint8Array, hash: number) {
    this.#context = context;
    this.name = name;
    this.hash = hash;
    this.consumers = new NameTable(context.hasher);
    this.pending = new IdTable(context.pool, GROUP_PAYLOAD);
  }

  /** Cold: adds a consumer whose name, bytes[start, end), is new to the group. */
  addConsumer(bytes: Uint8Array, start: number, end: number, nowMs: number): Consumer {
    const hash = this.consumers.hash(bytes, start, end);
    const number = this.#unusedNumbers.pop() ?? this.#byNumber.length;
    const consumer = new Consumer(this.#context, bytes.slice(start, end), hash, number, nowMs);
    this.#byNumber[number] = consumer;
    this.consumers.add(consumer);
    return consumer;
  }

  /** Removes a consumer and all that it has pending. */
  removeConsumer(consumer: Consumer): void {
    while (consumer.pending.seekLast()) {
      scratchId.load(consumer.pending.words, consumer.pending.at);
      assert(this.pending.find(scratchId), "a consumer's pending entry is the group's too");
      this.pending.remove();
      consumer.pending.remove();
    }
    consumer.pending.release(1);
    this.consumers.remove(consumer);
    this.#byNumber[consumer.number] = undefined;
    this.#unusedNumbers.push(consumer.number);
  }

  // ---- The pending entry that `pending` points at ----

  get owner(): Consumer {
    const { words, at } = this.pending;
    return this.#byNumber[words[at + OWNER]]!;
  }

  /** Unix time in milliseconds of the newest delivery. */
  get deliveryTimeMs(): number {
    const { words, at } = this.pending;
    return words[at + TIME] * WORD + words[at + TIME + 1];
  }

  set deliveryTimeMs(ms: number) {
    this.pending.beforeChange();
    const { words, at } = this.pending;
    words[at + TIME] = Math.floor(ms / WORD);
    words[at + TIME + 1] = ms % WORD;
  }

  readDeliveries(counter: EntryCounter): void {
    const { words, at } = this.pending;
    counter.setHalves(words[at + DELIVERIES], words[at + DELIVERIES + 1]);
  }

  writeDeliveries(counter: Int64): void {
    this.pending.beforeChange();
    const { words, at } = this.pending;
    words[at + DELIVERIES] = counter.high;
    words[at + DELIVERIES + 1] = counter.low;
  }

  addDelivery(): void {
    this.pending.beforeChange();
    const { words, at } = this.pending;
    words[at + DELIVERIES + 1]++;
    if (words[at + DELIVERIES + 1] === 0) words[at + DELIVERIES]++;
  }

  /** Makes an ID pending for a consumer with no delivery counted; `pending` points at it. */
  addPending(id: StreamId, consumer: Consumer, nowMs: number): void {
    this.pending.insert(id);
    // alloc: `try` costs nothing while nothing is thrown
    try {
      consumer.pending.insert(id);
    } catch (error) {
      this.pending.remove();
      throw error;
    }
    const { words, at } = this.pending;
    words[at + DELIVERIES] = 0;
    words[at + DELIVERIES + 1] = 0;
    words[at + OWNER] = consumer.number;
    this.deliveryTimeMs = nowMs;
  }

  /** Gives the entry pointed at, whose ID this is, to another consumer. */
  setOwner(id: StreamId, consumer: Consumer): void {
    const owner = this.owner;
    if (owner === consumer) return;
    consumer.pending.insert(id);
    assert(owner.pending.find(id), "a pending entry is its owner's");
    owner.pending.remove();
    this.pending.beforeChange();
    const { words, at } = this.pending;
    words[at + OWNER] = consumer.number;
  }

  /** Notes that an entry was delivered for the first time, or anew after the group went back. */
  deliver(id: StreamId, consumer: Consumer, nowMs: number): void {
    if (this.pending.find(id)) {
      this.setOwner(id, consumer);
      this.deliveryTimeMs = nowMs;
    } else {
      this.addPending(id, consumer, nowMs);
    }
    const { words, at } = this.pending;
    words[at + DELIVERIES] = 0;
    words[at + DELIVERIES + 1] = 1;
  }

  /** Forgets the pending entry pointed at, whose ID this is. */
  removePending(id: StreamId): void {
    const owner = this.owner;
    assert(owner.pending.find(id), "a pending entry is its owner's");
    owner.pending.remove();
    this.pending.remove();
  }

  /** Acknowledges an ID; false where it is not pending. */
  acknowledge(id: StreamId): boolean {
    if (!this.pending.find(id)) return false;
    this.removePending(id);
    return true;
  }

  // ---- The group as a whole ----

  /** Cold: a copy that shares nothing with it. */
  clone(): ConsumerGroup {
    const copy = new ConsumerGroup(this.#context, this.name, this.hash);
    copy.lastId.copy(this.lastId);
    copy.entriesRead.copy(this.entriesRead);
    copy.pending.copy(this.pending);
    copy.#unusedNumbers.push(...this.#unusedNumbers);
    for (const consumer of this.#byNumber) {
      if (consumer === undefined) {
        copy.#byNumber.push(undefined);
        continue;
      }
      const { name, hash, number, seenTimeMs } = consumer;
      const twin = new Consumer(this.#context, name, hash, number, seenTimeMs);
      twin.activeTimeMs = consumer.activeTimeMs;
      twin.pending.copy(consumer.pending);
      copy.#byNumber.push(twin);
      copy.consumers.add(twin);
    }
    return copy;
  }

  /** Cold: frees about `count` blocks; true once nothing is left. */
  release(count: number): boolean {
    if (!this.pending.release(count)) return false;
    for (let k = 0; k < count; k++) {
      const consumer = this.consumers.any();
      if (consumer === undefined) return true;
      if (consumer.pending.release(count)) this.consumers.remove(consumer);
      else return false;
    }
    return this.consumers.count === 0;
  }

  /** Cold: every table of pending entries, the group's first. */
  tables(): IdTable[] {
    return [this.pending, ...this.consumers.all().map((consumer) => consumer.pending)];
  }

  /** Cold: bytes of the group, its consumers and all that is pending. */
  get bytes(): number {
    let bytes = OBJECT_BYTES * (1 + this.consumers.count);
    for (const table of this.tables()) bytes += table.bytes;
    return bytes;
  }

  /** Cold: checks the invariants. Throws on the first violation. */
  verify(): void {
    for (const table of this.tables()) table.verify();
    let owned = 0;
    for (const consumer of this.consumers.all()) {
      assert(this.#byNumber[consumer.number] === consumer, "a consumer stands under its number");
      owned += consumer.pending.count;
    }
    assert(owned === this.pending.count, "every pending entry has one owner");
    const id = new StreamId();
    let more = this.pending.seekFirst();
    while (more) {
      id.load(this.pending.words, this.pending.at);
      assert(this.owner.pending.find(id), "a pending entry is its owner's");
      more = this.pending.advance();
    }
  }
}

/** For use within one call. */
const scratchId = new StreamId();
