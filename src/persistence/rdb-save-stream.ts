// Streams as RDB has them: the blocks as they are in memory, what is known of the whole, and the
// consumer groups with what their consumers have not acknowledged.
//
//   stream    blocks (master ID, listpack)* size lastId firstId maxDeletedId added groups group*
//   group     name lastId read pending (ID, time, deliveries)* consumers consumer*
//   consumer  name seen [active] pending ID*
//
// IDs are two counts, but 16 bytes with the high ones first for blocks and pending entries.

import type { PendingRecord } from "../structures/consumer-groups.ts";
import type { StreamId } from "../structures/stream-id.ts";
import type { RdbWriter } from "./rdb-writer.ts";
import type { ConsumerSummary, GroupSummary, StreamParts, StreamSummary } from "./snapshot-sink.ts";

const ID_BYTES = 16;
/** The first version that has a consumer's active time. */
const ACTIVE_TIME_VERSION = 11;

/** Writes the parts of a stream in the form of a version of the format. */
export class RdbStreamParts implements StreamParts {
  readonly #version: number;
  /** Where to. */
  writer: RdbWriter;

  constructor(writer: RdbWriter, version: number) {
    this.writer = writer;
    this.#version = version;
  }

  /** What comes before the first block. */
  begin(blockCount: number): void {
    this.writer.count(blockCount);
  }

  block(master: StreamId, bytes: Uint8Array, start: number, end: number): void {
    this.writer.count(ID_BYTES);
    writeIdBytes(this.writer, master);
    this.writer.string(bytes, start, end);
  }

  summary(stream: StreamSummary): void {
    const { writer } = this;
    writer.count(stream.size);
    writeId(writer, stream.lastId);
    writeId(writer, stream.firstId);
    writeId(writer, stream.maxDeletedId);
    writer.count64(stream.entriesAdded.high, stream.entriesAdded.low);
    writer.count(stream.groupCount);
  }

  group(group: GroupSummary): void {
    const { writer } = this;
    writer.string(group.name, 0, group.name.length);
    writeId(writer, group.lastId);
    writer.count64(group.entriesRead.high, group.entriesRead.low);
    writer.count(group.pendingCount);
  }

  pending(_group: GroupSummary, record: PendingRecord): void {
    const { writer } = this;
    writeIdBytes(writer, record.id);
    writer.milliseconds(record.deliveryTimeMs);
    writer.count64(record.deliveries.high, record.deliveries.low);
  }

  consumers(group: GroupSummary): void {
    this.writer.count(group.consumerCount);
  }

  consumer(_group: GroupSummary, consumer: ConsumerSummary): void {
    const { writer } = this;
    writer.string(consumer.name, 0, consumer.name.length);
    writer.milliseconds(consumer.seenTimeMs);
    if (this.#version >= ACTIVE_TIME_VERSION) writer.milliseconds(consumer.activeTimeMs);
    writer.count(consumer.pendingCount);
  }

  consumerPending(id: StreamId): void {
    writeIdBytes(this.writer, id);
  }
}

function writeId(writer: RdbWriter, id: StreamId): void {
  writer.count64(id.msHigh, id.msLow);
  writer.count64(id.seqHigh, id.seqLow);
}

function writeIdBytes(writer: RdbWriter, id: StreamId): void {
  writer.bigEndian32(id.msHigh);
  writer.bigEndian32(id.msLow);
  writer.bigEndian32(id.seqHigh);
  writer.bigEndian32(id.seqLow);
}
