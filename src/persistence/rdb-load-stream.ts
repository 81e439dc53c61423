// Streams out of an RDB, in the three forms that versions 9 to 12 of the format have. For what they
// are made of see `rdb-save-stream.ts`.

import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Consumer, ConsumerGroup } from "../structures/consumer-groups.ts";
import { EntryCounter } from "../structures/entry-counter.ts";
import { Stream } from "../structures/stream.ts";
import { BlockChecker } from "../structures/stream-check.ts";
import { ID_WORDS, StreamId } from "../structures/stream-id.ts";
import type { KeyTarget } from "./rdb-elements.ts";
import { RdbError, type RdbReader } from "./rdb-reader.ts";

const ID_BYTES = 16;
/** The least that a pending entry and a consumer take. */
const PENDING_BYTES_MIN = ID_BYTES + 9;
const CONSUMER_BYTES_MIN = 10;
const GROUP_BYTES_MIN = 5;

/** Which of the three forms, by what it has more than the one before. */
export const STREAM_FORM_1 = 1;
/** First entry, deleted entries, entries read. */
export const STREAM_FORM_2 = 2;
/** When consumers were last given something. */
export const STREAM_FORM_3 = 3;

/** What is pending in a group, before it is known for whom. */
class PendingEntries {
  readonly count: number;
  readonly #ids: Uint32Array;
  readonly #times: Float64Array;
  readonly #deliveries: Uint32Array;
  readonly #id = new StreamId();

  /** Reads them all. Throws where they do not ascend. */
  constructor(reader: RdbReader) {
    this.count = reader.countOf(PENDING_BYTES_MIN);
    this.#ids = new Uint32Array(this.count * ID_WORDS);
    this.#times = new Float64Array(this.count);
    this.#deliveries = new Uint32Array(this.count * 2);
    const previous = new StreamId();
    for (let k = 0; k < this.count; k++) {
      readRawId(reader, this.#id);
      if (k > 0 && this.#id.compare(previous) <= 0)
        throw new RdbError("Duplicated global PEL entry");
      previous.copy(this.#id);
      this.#id.store(this.#ids, k * ID_WORDS);
      this.#times[k] = Math.max(0, reader.littleEndian64());
      reader.count64();
      this.#deliveries[2 * k] = reader.high;
      this.#deliveries[2 * k + 1] = reader.low;
    }
  }

  /**
   * Gives the entry with an ID to a consumer. Throws where there is none, or it has one already.
   */
  assign(group: ConsumerGroup, id: StreamId, consumer: Consumer): void {
    const k = this.#indexOf(id);
    if (k < 0 || group.pending.find(id))
      throw new RdbError("Consumer entry not found in group PEL");
    group.addPending(id, consumer, this.#times[k]);
    const deliveries = new EntryCounter();
    deliveries.setHalves(this.#deliveries[2 * k], this.#deliveries[2 * k + 1]);
    group.writeDeliveries(deliveries);
  }

  #indexOf(id: StreamId): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#id.load(this.#ids, middle * ID_WORDS);
      if (this.#id.compare(id) < 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.count) return -1;
    this.#id.load(this.#ids, low * ID_WORDS);
    return this.#id.compare(id) === 0 ? low : -1;
  }
}

/** Builds a stream of a form. Throws an RdbError where it is not sound. */
export function loadStream(
  keyspace: Keyspace,
  target: KeyTarget,
  reader: RdbReader,
  form: number,
): boolean {
  const stream = new Stream(keyspace.structures);
  try {
    readBlocks(reader, stream);
    readTotals(reader, stream, form);
    const groups = reader.countOf(GROUP_BYTES_MIN);
    for (let k = 0; k < groups; k++) readGroup(reader, stream, form);
    target.setContainer(stream);
  } catch (error) {
    keyspace.lazyFree.discard(stream);
    throw error;
  }
  // A stream may be empty.
  return true;
}

function readBlocks(reader: RdbReader, stream: Stream): void {
  const master = new StreamId();
  const checker = new BlockChecker();
  const count = reader.countOf(ID_BYTES);
  for (let k = 0; k < count; k++) {
    reader.string();
    if (reader.valueEnd - reader.valueStart !== ID_BYTES) {
      throw new RdbError("Stream node key entry is not the size of a stream ID");
    }
    readId(reader.value, reader.valueStart, master);
    reader.encoding();
    const { value, valueStart, valueEnd } = reader;
    if (!checker.accepts(value, valueStart, valueEnd, master)) {
      throw new RdbError("Stream listpack integrity check failed.");
    }
    stream.appendBlock(master, checker, value, valueStart, valueEnd);
  }
  stream.lastId.copy(checker.lastId);
}

/** What is known of the stream as a whole. */
function readTotals(reader: RdbReader, stream: Stream, form: number): void {
  const size = reader.plainCount();
  if (size !== stream.size) throw new RdbError("Stream length inconsistent with rax element");
  const id = new StreamId();
  readCountId(reader, id);
  if (id.compare(stream.lastId) < 0) throw new RdbError("Stream last ID below its last entry");
  stream.lastId.copy(id);
  if (form === STREAM_FORM_1) {
    stream.entriesAdded.setHalves(Math.floor(size / 2 ** 32), size % 2 ** 32);
    return;
  }
  readCountId(reader, id);
  if (id.compare(stream.firstId) !== 0)
    throw new RdbError("Stream first ID is not its first entry");
  readCountId(reader, stream.maxDeletedId);
  reader.count64();
  stream.entriesAdded.setHalves(reader.high, reader.low);
}

function readGroup(reader: RdbReader, stream: Stream, form: number): void {
  reader.string();
  const { value, valueStart, valueEnd } = reader;
  if (stream.findGroup(value, valueStart, valueEnd) !== undefined) {
    throw new RdbError("Duplicated consumer group name");
  }
  const group = stream.addGroup(value, valueStart, valueEnd);
  readCountId(reader, group.lastId);
  if (form === STREAM_FORM_1) {
    group.entriesRead.setUnknown();
  } else {
    reader.count64();
    group.entriesRead.setHalves(reader.high, reader.low);
  }
  const pending = new PendingEntries(reader);
  const consumers = reader.countOf(CONSUMER_BYTES_MIN);
  for (let k = 0; k < consumers; k++) readConsumer(reader, group, pending, form);
  if (group.pending.count !== pending.count) throw new RdbError("NACK entry without consumer");
}

function readConsumer(
  reader: RdbReader,
  group: ConsumerGroup,
  pending: PendingEntries,
  form: number,
): void {
  reader.string();
  const { value, valueStart, valueEnd } = reader;
  if (group.consumers.find(value, valueStart, valueEnd) !== undefined) {
    throw new RdbError("Duplicate consumer name");
  }
  const consumer = group.addConsumer(value, valueStart, valueEnd, 0);
  consumer.seenTimeMs = Math.max(0, reader.littleEndian64());
  // Before there was such a time, whatever was asked for counted.
  consumer.activeTimeMs =
    form === STREAM_FORM_3 ? Math.max(-1, reader.littleEndian64()) : consumer.seenTimeMs;
  const count = reader.countOf(ID_BYTES);
  const id = new StreamId();
  for (let k = 0; k < count; k++) {
    readRawId(reader, id);
    pending.assign(group, id, consumer);
  }
}

/** An ID of two counts. */
function readCountId(reader: RdbReader, id: StreamId): void {
  reader.count64();
  id.msHigh = reader.high;
  id.msLow = reader.low;
  reader.count64();
  id.seqHigh = reader.high;
  id.seqLow = reader.low;
}

/** An ID of 16 bytes. */
function readRawId(reader: RdbReader, id: StreamId): void {
  reader.need(ID_BYTES);
  readId(reader.bytes, reader.at, id);
  reader.skip(ID_BYTES);
}

function readId(bytes: Uint8Array, at: number, id: StreamId): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ID_BYTES);
  id.msHigh = view.getUint32(0);
  id.msLow = view.getUint32(4);
  id.seqHigh = view.getUint32(8);
  id.seqLow = view.getUint32(12);
}
