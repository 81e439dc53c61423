// A stream on its way into a file, part by part: blocks of entries, what is known of the whole, and
// each group with what is pending in it and for its consumers. With `follow` it is taken as it was
// then: what changes ahead of the walk is copied first, and blocks of entries that go are left to
// it.

import { CHUNK_SHIFT, GRANULE_MASK, NULL_REF } from "../memory/pool.ts";
import { type Consumer, type ConsumerGroup, PendingRecord } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import type { IdTable } from "../structures/id-table.ts";
import { totalBytes } from "../structures/listpack.ts";
import type { Stream } from "../structures/stream.ts";
import { StreamId } from "../structures/stream-id.ts";
import { BlockRuns, HELD, type HeldBlock, NO_MORE } from "./block-runs.ts";
import type { CollectionWalk } from "./collection-walk.ts";
import type {
  ConsumerSummary,
  GroupSummary,
  StreamParts,
  StreamSink,
  StreamSummary,
} from "./snapshot-sink.ts";

/** A block of entries as it was. */
interface HeldEntries extends HeldBlock {
  readonly master: StreamId;
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Of the block that was kept. */
  readonly ref: number;
}

/** A block of what is pending as it was. */
interface HeldPending extends HeldBlock {
  readonly words: Uint32Array;
}

/** What is pending in a group or for a consumer. */
class PendingPart {
  readonly count: number;
  readonly table: IdTable;
  readonly runs: BlockRuns<HeldPending>;

  constructor(table: IdTable) {
    this.count = table.count;
    this.table = table;
    this.runs = new BlockRuns(table.blockCount, (block) => {
      const words = table.copyOf(block);
      return { words, byteLength: words.byteLength, isKept: false };
    });
  }

  /** Shows the records block by block; pauses after each. */
  *blocks(visit: (words: Uint32Array, at: number) => void): Generator<void> {
    const { table, runs } = this;
    for (let index = runs.next(); index !== NO_MORE; index = runs.next()) {
      const copy = index === HELD ? runs.held!.words : undefined;
      const count = copy === undefined ? table.seekBlock(index) : copy.length / table.width;
      const words = copy ?? table.words;
      const start = copy === undefined ? table.at : 0;
      for (let k = 0; k < count; k++) visit(words, start + k * table.width);
      yield;
    }
  }
}

interface ConsumerPart extends ConsumerSummary {
  readonly pending: PendingPart;
}

interface GroupPart extends GroupSummary {
  readonly pending: PendingPart;
  readonly consumers: readonly ConsumerPart[];
  /** By their numbers. */
  readonly names: readonly Uint8Array[];
}

/** One stream, as it is when this is made. */
export class StreamScript {
  readonly #stream: Stream;
  readonly #summary: StreamSummary;
  readonly #blocks: BlockRuns<HeldEntries>;
  readonly #groups: readonly GroupPart[];

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#groups = stream.sortedGroups().map(groupPart);
    this.#summary = {
      size: stream.size,
      lastId: copyOfId(stream.lastId),
      firstId: copyOfId(stream.firstId),
      maxDeletedId: copyOfId(stream.maxDeletedId),
      entriesAdded: copyOfCounter(stream.entriesAdded),
      groupCount: this.#groups.length,
    };
    this.#blocks = new BlockRuns(
      stream.blocks.count,
      (index) => copyOfBlock(stream, index),
      (index) => keepBlock(stream, index),
    );
  }

  /** From now on it stays as it is while the stream changes, until `leave`. */
  follow(): void {
    this.#stream.gate = this.#blocks;
    for (const { table, runs } of this.#pending()) table.gate = runs;
  }

  leave(): void {
    this.#stream.gate = null;
    for (const { table } of this.#pending()) table.gate = null;
  }

  /** Gives back a block that was kept for nothing; false where there is none. */
  giveBack(): boolean {
    const held = this.#blocks.nextHeld();
    if (held?.isKept) this.#stream.pool.free(held.ref);
    return held !== undefined;
  }

  get copiedBytes(): number {
    let bytes = this.#blocks.copiedBytes;
    for (const { runs } of this.#pending()) bytes += runs.copiedBytes;
    return bytes;
  }

  get copiedTotal(): number {
    let bytes = this.#blocks.copiedTotal;
    for (const { runs } of this.#pending()) bytes += runs.copiedTotal;
    return bytes;
  }

  /** Hands everything over; pauses after each block of entries or of what is pending. */
  *play(parts: StreamParts): Generator<void> {
    const blocks = this.#blocks;
    const master = new StreamId();
    for (let index = blocks.next(); index !== NO_MORE; index = blocks.next()) {
      const { pool } = this.#stream;
      if (index === HELD) {
        const held = blocks.held!;
        parts.block(held.master, held.bytes, held.start, held.start + held.byteLength);
        if (held.isKept) pool.free(held.ref);
      } else {
        master.load(this.#stream.blocks.words, this.#stream.blocks.wordAt(index));
        const ref = this.#stream.refAt(index);
        const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
        const start = (ref & GRANULE_MASK) << 3;
        parts.block(master, bytes, start, start + totalBytes(bytes, start));
      }
      yield;
    }
    parts.summary(this.#summary);
    for (const group of this.#groups) yield* playGroup(group, parts);
  }

  *#pending(): Generator<PendingPart> {
    for (const group of this.#groups) {
      yield group.pending;
      for (const consumer of group.consumers) yield consumer.pending;
    }
  }
}

function* playGroup(group: GroupPart, parts: StreamParts): Generator<void> {
  const record = new PendingRecord();
  parts.group(group);
  yield* group.pending.blocks((words, at) => {
    record.load(words, at);
    parts.pending(group, record, group.names[record.owner]);
  });
  parts.consumers(group);
  for (const consumer of group.consumers) {
    parts.consumer(group, consumer);
    yield;
    yield* consumer.pending.blocks((words, at) => {
      record.id.load(words, at);
      parts.consumerPending(record.id);
    });
  }
}

/** Takes one large stream as it was when this was made. */
export class StreamWalk implements CollectionWalk {
  readonly container: Stream;
  readonly #script: StreamScript;
  readonly #sink: StreamSink;
  readonly #parts: Generator<void>;
  #isAborted = false;

  constructor(stream: Stream, sink: StreamSink) {
    this.container = stream;
    this.#script = new StreamScript(stream);
    this.#sink = sink;
    this.#parts = this.#script.play(sink.parts);
    this.#script.follow();
  }

  get copiedBytes(): number {
    return this.#script.copiedBytes;
  }

  get copiedTotal(): number {
    return this.#script.copiedTotal;
  }

  activate(): void {
    this.#sink.activate();
  }

  abort(): void {
    this.#isAborted = true;
  }

  step(): boolean {
    if (this.#isAborted ? this.#script.giveBack() : this.#parts.next().done !== true) return true;
    this.#script.leave();
    this.#sink.finish();
    return false;
  }
}

function groupPart(group: ConsumerGroup): GroupPart {
  const names: Uint8Array[] = [];
  const consumers = group.consumers.all();
  for (const { number, name } of consumers) names[number] = name;
  const pending = new PendingPart(group.pending);
  return {
    name: group.name,
    lastId: copyOfId(group.lastId),
    entriesRead: copyOfCounter(group.entriesRead),
    pendingCount: pending.count,
    consumerCount: consumers.length,
    pending,
    consumers: consumers.map(consumerPart),
    names,
  };
}

function consumerPart(consumer: Consumer): ConsumerPart {
  const { name, seenTimeMs, activeTimeMs } = consumer;
  const pending = new PendingPart(consumer.pending);
  return { name, seenTimeMs, activeTimeMs, pendingCount: pending.count, pending };
}

function copyOfBlock(stream: Stream, index: number): HeldEntries {
  const { master, bytes, start, byteLength } = blockAt(stream, index);
  const copy = bytes.slice(start, start + byteLength);
  return { master, bytes: copy, start: 0, byteLength, isKept: false, ref: NULL_REF };
}

function keepBlock(stream: Stream, index: number): HeldEntries {
  const block = blockAt(stream, index);
  return { ...block, isKept: true, ref: stream.takeBlock(index) };
}

function blockAt(stream: Stream, index: number) {
  const master = new StreamId();
  master.load(stream.blocks.words, stream.blocks.wordAt(index));
  const ref = stream.refAt(index);
  const bytes = stream.pool.bytes[ref >>> CHUNK_SHIFT];
  const start = (ref & GRANULE_MASK) << 3;
  return { master, bytes, start, byteLength: totalBytes(bytes, start) };
}

function copyOfId(id: StreamId): StreamId {
  const copy = new StreamId();
  copy.copy(id);
  return copy;
}

function copyOfCounter(counter: EntryCounter): EntryCounter {
  const copy = new EntryCounter();
  copy.copy(counter);
  return copy;
}
